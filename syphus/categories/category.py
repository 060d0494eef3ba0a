"""A seed category: what a folder of text says, as values.

The fields below are exactly what ``category.toml`` may hold; ``docs/categories.md`` explains them to its writer.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from syphus.categories.blocks import Context, Need, StepName, Table
from syphus.categories.choices import MOST_OPTIONS, OptionTable
from syphus.categories.picking import Picked
from syphus.exchange import Parameters
from syphus.quality.pairs import Rules
from syphus.records import Ability, Scene

RESERVED = frozenset({"context", "lists", "pair", "pairs", "prompts", "scene", "templates"})
"""What ``{{name}}`` may begin with in a text, besides a step's name."""

Range = tuple[Annotated[int, Meta(ge=1)], Annotated[int, Meta(ge=1)]]

# Fields that came later are UNSET where a folder says nothing of them, and so stand in no fingerprint: what was asked before
# they were there is still the same.

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
    pool: str | UnsetType = UNSET
    """A list: one of its lines is drawn, and then filled like ``text``. (A line that ``{{lists.name}}`` puts in is not.)"""

    def __post_init__(self) -> None:
        if sum(map(bool, (self.text, self.choose, self.pool))) != 1:
            raise ValueError(f"step {self.name}: give either `text` or `choose`, or a `pool`")
        if self.choose and self.choose[-1].has_condition:
            raise ValueError(
                f"step {self.name}: the last of `choose` must hold always, without `min_words` and `max_words`"
            )

    def texts(self, lists: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        """The texts of which one is filled; ``lists`` are the category's pools."""
        if self.pool:
            return lists.get(self.pool, ())
        return (self.text, *(choice.text for choice in self.choose))


class PickStep(Table, frozen=True, kw_only=True, tag_field="kind", tag="pick"):
    """A program picks one annotation of the scene; no model, no cost.

    Its fields (:data:`syphus.categories.picking.FIELDS`) are the step's output. Only such are picked as have all the fields
    that the category's texts ask for.
    """

    name: StepName
    of: Picked
    each: bool = False
    """Not one, but the dialogue has a round for each of them, or for ``max`` of them where there are more."""
    max: Annotated[int, Meta(ge=1, le=1000)] = 8
    min_score: float = 0.0
    """Of objects: what a detector was less sure of is not picked; what a person drew is."""
    min_side: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    """Of what has a box: its shorter side at least, each as a share of the picture's; 0.02 leaves out what is tiny."""
    vocabulary: str = ""
    """Of ``absent``, and of the wrong options of ``kinds``: a list of names, of which those count as absent that no annotation
    of the scene mentions. For annotations that are complete for these names, as COCO's are for its 80 classes."""
    wrong: Annotated[int, Meta(ge=1, lt=MOST_OPTIONS)] = 3
    """Of ``kinds`` and ``regions``: so many wrong options beside the right one."""

    def __post_init__(self) -> None:
        if self.vocabulary and self.of not in ("absent", "kinds"):
            raise ValueError(f"step {self.name}: `vocabulary` is for what is absent, and for kinds with options")


class ChatStep(Table, frozen=True, kw_only=True, tag_field="kind", tag="chat"):
    """One question to the model, whose JSON reply is the step's output."""

    name: StepName
    system: str = "system.md"
    query: str = "query.md"
    pairs: Range | None = None
    """The reply is a list of question-answer pairs, at least and at most so many."""
    fields: tuple[StepName, ...] = ()
    """The reply is an object with these texts; with ``pairs``, each pair has them besides its question and answer."""
    temperature: float | None = 0.7
    top_p: float | None = None
    max_tokens: int = 1200
    reasoning_effort: str | None = None
    look: bool | UnsetType = UNSET
    """True: the scene's pictures themselves are shown to the model, with the query; demonstrations are shown in words alone."""
    context: bool | UnsetType = UNSET
    """False: the scene is not shown in this step, which goes by what earlier ones gave."""
    one_of: dict[StepName, str] | UnsetType = UNSET
    """A field of the reply, or of its pairs -> a list; the field is one of its lines, to the letter."""

    def __post_init__(self) -> None:
        if self.pairs is None and not self.fields:
            raise ValueError(f"step {self.name}: give either `pairs` (at least, at most) or `fields`, or both")
        if self.pairs and self.pairs[0] > self.pairs[1]:
            raise ValueError(f"step {self.name}: pairs are [at least, at most]")
        if self.pairs and (taken := {"question", "answer", "options", "letter"} & set(self.fields)):
            raise ValueError(f"step {self.name}: a pair has, or gets, its {min(taken)!r} without `fields`")
        if unknown := sorted(set(self.one_of or ()) - set(self.texts)):
            raise ValueError(f"step {self.name}: one_of is about {unknown[0]!r}, but there are {', '.join(self.texts)}")

    @property
    def texts(self) -> tuple[str, ...]:
        """The names of the texts of the reply, or of each of its pairs, in their order."""
        return ("question", "answer", *self.fields) if self.pairs else self.fields

    def parameters(self) -> Parameters:
        """The settings that are sent."""
        return Parameters(
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
            reasoning_effort=self.reasoning_effort,
        )

    def schema(self, rules: Rules, lists: Mapping[str, tuple[str, ...]] = MappingProxyType({})) -> dict[str, Any]:
        """JSON Schema (Draft 2020-12) of the reply: flat, all required, nothing else allowed.

        Args:
            rules: the bounds of questions and answers.
            lists: the category's, for ``one_of``.
        """
        bounds = {"question": rules.question_words, "answer": rules.answer_words} if self.pairs else {}
        own = None if self.pairs else rules.answer_words
        texts = {name: _text(bounds.get(name, own)) for name in self.texts}
        texts |= {name: {"type": "string", "enum": list(lists[pool])} for name, pool in (self.one_of or {}).items()}
        if self.pairs is None:
            return _object_of(texts)
        least, most = self.pairs
        return _object_of({"pairs": {"type": "array", "items": _object_of(texts), "minItems": least, "maxItems": most}})


Step = TemplateStep | PickStep | ChatStep


class Exchange(Table, frozen=True, kw_only=True):
    """One round of a dialogue: what each side says."""

    user: Annotated[str, Meta(min_length=1)]
    assistant: Annotated[str, Meta(min_length=1)]


class DialogueShape(Table, frozen=True, kw_only=True):
    """How the steps' outputs become turns: the pairs of one step, or rounds whose texts are filled."""

    pairs: StepName | None = None
    split: bool = False
    """Every pair is a dialogue of its own."""
    whole: bool = False
    """Fewer pairs than the step asks for are none: a dialogue whose rounds build on each other is all or nothing."""
    user: str = ""
    """With ``pairs``: what becomes of each question, of ``{{pair.question}}`` and the pair's other fields."""
    assistant: str = ""
    turns: tuple[Exchange, ...] | UnsetType = UNSET
    """Several rounds, in the place of ``user`` and ``assistant``."""
    places: bool | UnsetType = UNSET
    """True: the model says where in its texts the scene's assets stand, ``[](#second)``. A dialogue has those that it places,
    each once, and at least one; the scene may have more of them."""
    keep: dict[StepName, str] | UnsetType = UNSET
    """What else is kept of it: a key of the dialogue's ``metadata``, and its text."""

    def __post_init__(self) -> None:
        given = bool(self.user), bool(self.assistant), bool(self.turns), bool(self.pairs)
        # With pairs, the two texts say what becomes of each.
        if given not in {(1, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (1, 1, 0, 1)}:
            raise ValueError('give either `pairs = "step"`, or both `user` and `assistant`, or `[[dialogue.turns]]`')

    @property
    def rounds(self) -> tuple[Exchange, ...]:
        """The texts of the rounds; with ``pairs``, of each pair: none where it is as the model wrote it."""
        if self.turns:
            return self.turns
        return (Exchange(user=self.user, assistant=self.assistant),) if self.user else ()


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
    options: OptionTable | UnsetType = UNSET
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
        self._check_options(source)
        self._check_rounds()

    def _check_options(self, source: Step | None) -> None:
        if not (self.options and self.options.of):
            return
        if not (isinstance(source, ChatStep) and self.dialogue.user):
            raise ValueError("[options] of: needs a step of pairs, and a `user` in [dialogue] with {{pair.options}}")
        if unknown := [name for name in self.options.of if name not in ("answer", *source.fields)]:
            raise ValueError(f"[options] of: the pairs of {source.name!r} have no {unknown[0]!r}")

    def _check_rounds(self) -> None:
        picks = [index for index, step in enumerate(self.steps) if isinstance(step, PickStep) and step.each]
        if not picks:
            return
        if len(picks) > 1 or self.dialogue.pairs:
            raise ValueError("`each`: one step of a category at most, and none where [dialogue] has `pairs`")
        if any(isinstance(step, ChatStep) for step in self.steps[picks[0] + 1 :]):
            raise ValueError("`each`: no chat step may follow; without `each`, one is drawn, and `samples` draws again")

    @property
    def picks_regions(self) -> bool:
        """Whether turns may point at regions although the context gives no ids of them."""
        return any(isinstance(step, PickStep) and step.of in ("regions", "relations") for step in self.steps)

    def option_shape(self) -> OptionTable:
        """How options are written; as the table's defaults have it where the folder has no such table."""
        return self.options or OptionTable()


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
    picked: dict[str, dict[str, str]] | UnsetType = UNSET
    """Pick step -> the fields of what the reply is about; what does not stand here is drawn."""
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
        return sum(step.pairs) / 2 if step and step.pairs else max(1.0, len(shape.rounds))

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
