"""A seed category: what a folder of text says, as values.

The fields below are exactly what ``category.toml`` may hold; ``docs/categories.md`` explains them to its writer.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct, structs

from syphus.categories.blocks import Context, Need, Table
from syphus.exchange import Parameters
from syphus.quality.pairs import Rules
from syphus.records import Ability, Scene

StepName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$")]
RESERVED = frozenset({"context", "lists", "pairs", "prompts", "scene", "templates"})
"""What ``{{name}}`` may begin with in a text, besides a step's name."""

Range = tuple[Annotated[int, Meta(ge=1)], Annotated[int, Meta(ge=1)]]

REPAIRS = 2
"""A reply that is no good is asked for again at most so often."""

CHARACTERS_PER_WORD = 9
"""For the length bounds of a reply's schema: longer than words are, so that a bound cuts loops and not sentences."""


class Choice(Table, frozen=True, kw_only=True):
    """One text that a template step may take; the first whose conditions hold is taken."""

    text: str
    of: StepName | None = None
    """The earlier step whose words are counted."""
    max_words: int | None = None
    min_words: int | None = None

    def __post_init__(self) -> None:
        if self.has_condition != (self.of is not None):
            raise ValueError("a choice by `min_words` or `max_words` says in `of` which step's words are counted")

    @property
    def has_condition(self) -> bool:
        """False: it is taken whenever its turn comes."""
        return self.min_words is not None or self.max_words is not None


class TemplateStep(Table, frozen=True, kw_only=True, tag_field="kind", tag="template"):
    """A program fills a sentence; no model, no cost. Its output is the one field ``text``."""

    name: StepName
    text: str = ""
    choose: tuple[Choice, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.text) == bool(self.choose):
            raise ValueError(f"step {self.name}: give either `text` or `choose`")
        if self.choose and self.choose[-1].has_condition:
            raise ValueError(
                f"step {self.name}: the last of `choose` must hold always, without `min_words` and `max_words`"
            )


class ChatStep(Table, frozen=True, kw_only=True, tag_field="kind", tag="chat"):
    """One question to the model, whose JSON reply is the step's output."""

    name: StepName
    system: str = "system.md"
    query: str = "query.md"
    pairs: Range | None = None
    """The reply is a list of question-answer pairs, at least and at most so many."""
    fields: tuple[StepName, ...] = ()
    """The reply is an object with these texts."""
    temperature: float | None = 0.7
    top_p: float | None = None
    max_tokens: int = 1200
    reasoning_effort: str | None = None

    def __post_init__(self) -> None:
        if (self.pairs is None) == (not self.fields):
            raise ValueError(f"step {self.name}: give either `pairs` (at least, at most) or `fields`")
        if self.pairs and self.pairs[0] > self.pairs[1]:
            raise ValueError(f"step {self.name}: pairs are [at least, at most]")

    def parameters(self) -> Parameters:
        """The settings that are sent."""
        return Parameters(
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
            reasoning_effort=self.reasoning_effort,
        )

    def schema(self, rules: Rules) -> dict[str, Any]:
        """JSON Schema (Draft 2020-12) of the reply: flat, all required, nothing else allowed."""
        if self.pairs is None:
            return _object_of({name: _text(rules.answer_words) for name in self.fields})
        pair = _object_of({"question": _text(rules.question_words), "answer": _text(rules.answer_words)})
        least, most = self.pairs
        return _object_of({"pairs": {"type": "array", "items": pair, "minItems": least, "maxItems": most}})


Step = TemplateStep | ChatStep


class DialogueShape(Table, frozen=True, kw_only=True):
    """How the steps' outputs become turns: the pairs of one step, or one question and one answer."""

    pairs: StepName | None = None
    split: bool = False
    """Every pair is a dialogue of its own."""
    whole: bool = False
    """Fewer pairs than the step asks for are none: a dialogue whose rounds build on each other is all or nothing."""
    user: str = ""
    assistant: str = ""

    def __post_init__(self) -> None:
        texts = bool(self.user), bool(self.assistant)
        if not (all(texts) if self.pairs is None else not any(texts)):
            raise ValueError('give either `pairs = "step"`, or both `user` and `assistant`')


class DemonstrationTable(Table, frozen=True, kw_only=True):
    """``[demonstrations]``: whether each scene is shown all of the folder's, in their order, or a draw. Without it, all."""

    draw: Annotated[int, Meta(ge=1)] | None = None
    """So many of those in ``demonstrations/``."""
    accepted: Annotated[int, Meta(ge=0)] = 0
    """And so many of those in ``accepted.jsonl``, which ``syphus bootstrap`` writes."""
    groups: Annotated[int, Meta(ge=1, le=1000)] = 8
    """So many different draws at most; a provider's prompt cache holds a few."""

    @property
    def draws(self) -> bool:
        """False: every scene is shown the same."""
        return self.draw is not None or self.accepted > 0


class CategoryFile(Table, frozen=True, kw_only=True):
    """``category.toml``, whole."""

    ability: Ability
    description: str = ""
    needs: tuple[Need | tuple[Need, ...], ...] = ()
    """All of them; of several that stand in brackets of their own, one is enough."""
    context: Context = Context()
    steps: tuple[Step, ...]
    dialogue: DialogueShape
    demonstrations: DemonstrationTable = DemonstrationTable()
    checks: Rules = Rules()

    def __post_init__(self) -> None:
        names = [step.name for step in self.steps]
        if not names or len(set(names)) < len(names):
            raise ValueError("there must be steps, and no two of the same name")
        if taken := RESERVED & set(names):
            raise ValueError(f"a step cannot be called {min(taken)!r}: the texts use that name for something else")
        source = next((step for step in self.steps if step.name == self.dialogue.pairs), None)
        if self.dialogue.pairs and not (isinstance(source, ChatStep) and source.pairs):
            raise ValueError(f"[dialogue] pairs: there is no chat step {self.dialogue.pairs!r} that replies with pairs")


class Origin(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a demonstration comes from that a model has written."""

    category: str
    """The fingerprint of the category that asked."""
    model: str
    requests: tuple[str, ...] = ()
    """Keys in the ledger of the run that asked."""


class Demonstration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A worked example: a scene in the form of the input, and what each chat step should reply to it."""

    scene: Scene
    replies: dict[str, dict[str, Any]]
    """Step name -> reply, in the form of that step's schema."""
    file: str = ""
    note: str = ""
    """For people: where the picture is from."""
    origin: Origin | None = None
    """None: a person wrote it."""


class Overrides(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a run's configuration may set otherwise than the category's folder."""

    demonstrations: Annotated[int, Meta(ge=0)] | None = None
    """Only the first so many; a small model has a small window."""
    pairs: Range | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    context_tokens: int | None = None
    reasoning_effort: str | None = None
    repairs: Annotated[int, Meta(ge=0, le=5)] | None = None
    """How often a reply that is no good is asked for again."""
    samples: Annotated[int, Meta(ge=1)] = 1
    """So many outcomes per scene, each with draws of its own."""

    def __post_init__(self) -> None:
        if self.pairs and self.pairs[0] > self.pairs[1]:
            raise ValueError("pairs are [at least, at most]")


class Category(Struct, frozen=True, kw_only=True):
    """A loaded category. All texts are here; nothing is read from disk any more."""

    name: str
    file: CategoryFile
    demonstrations: tuple[Demonstration, ...]
    accepted: tuple[Demonstration, ...] = ()
    """Replies that were accepted before, for ``[demonstrations] accepted``."""
    texts: dict[str, str]
    """File name -> text, with the shared prompts already put in."""
    lists: dict[str, tuple[str, ...]]
    """Pool name -> its lines; ``templates`` is ``templates.txt``."""
    fingerprint: str
    own_context: Context
    """The folder's context, whatever a run sets otherwise."""
    samples: int = 1
    repairs: int = REPAIRS
    sources: frozenset[str] | None = None
    """Names of the sources whose scenes it is made of; None: of all."""

    def takes(self, scene: Scene) -> bool:
        """Whether the run gives it scenes of this one's source."""
        return self.sources is None or scene.source in self.sources

    @property
    def chat_steps(self) -> tuple[ChatStep, ...]:
        """The steps that ask the model."""
        return tuple(step for step in self.file.steps if isinstance(step, ChatStep))

    @property
    def expected_pairs(self) -> float:
        """How many pairs an item gives if all goes well: the middle of what the dialogue's step may give, else one."""
        shape = self.file.dialogue
        step = next((step for step in self.chat_steps if step.name == shape.pairs), None)
        return sum(step.pairs) / 2 if step and step.pairs else 1.0

    def adjusted(self, overrides: Overrides) -> "Category":
        """The category with a run's settings in the place of its own."""
        sampling = {
            name: value
            for name in ("temperature", "max_tokens", "reasoning_effort")
            if (value := getattr(overrides, name)) is not None
        }
        steps: list[Step] = []
        for step in self.file.steps:
            if isinstance(step, ChatStep):
                pairs = overrides.pairs if overrides.pairs and step.pairs else step.pairs
                steps.append(structs.replace(step, pairs=pairs, **sampling))
            else:
                steps.append(step)
        context = self.file.context
        if overrides.context_tokens is not None:
            context = structs.replace(context, max_tokens=overrides.context_tokens)
        return structs.replace(
            self,
            file=structs.replace(self.file, steps=tuple(steps), context=context),
            demonstrations=self.demonstrations[: overrides.demonstrations],
            samples=overrides.samples,
            repairs=self.repairs if overrides.repairs is None else overrides.repairs,
        )


def _object_of(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _text(words: tuple[int, int] | None) -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string", "minLength": 1}
    if words:
        text["maxLength"] = words[1] * CHARACTERS_PER_WORD
    return text
