"""From a category, a scene and what earlier steps gave, to the request that is sent.

Messages are laid out for the providers' prefix caches: system message, then the demonstrations, byte for byte the same for
every scene; the scene comes last.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct, structs

from syphus.categories.blocks import Context
from syphus.categories.category import Category, ChatStep, Demonstration, PickStep, Step, TemplateStep
from syphus.categories.choices import letter_options
from syphus.categories.context import Rendered, render_context
from syphus.categories.lines import hidden_people, one_line
from syphus.categories.picking import Pick, Record
from syphus.categories.shown import shown_to
from syphus.categories.templates import fill, names_in
from syphus.errors import InputError
from syphus.exchange import Message, Parameters, Picture, Reply, Request
from syphus.identity import draw, draw_order
from syphus.quality.vocabulary import split_words
from syphus.records import Scene
from syphus.references.people import hide
from syphus.references.text import escape_text, plain_text

Outputs = dict[str, dict[str, Any]]
"""Step name -> the fields that it gave."""

SHOWN_OF_CUT = 300
"""Characters of a reply that ran into the token limit, when it is asked for again."""

SEEDS_APART = 1_000_003
"""Between the sampling seeds of two draws of one sample, so that they do not meet those of other samples."""

DEMONSTRATION_SEED = 0
"""Draws in demonstrations do not follow the run's seed: the constant prefix must stay the same from run to run."""


class Turn(Struct, frozen=True):
    """What decides a draw: the run's seed, which sample of the scene it is, how often that was asked for anew, and the round."""

    seed: int
    sample: int = 0
    again: int = 0
    round: int = 0
    """Which round of a dialogue that has one for each of what was picked, from 1; 0: none of these."""


class CategoryPrompts:
    """The prompts of one category. Made once per run; the constant part is rendered once.

    Args:
        category: with the run's overrides.
        sent_seed: the sampling seed that goes with each request; None sends none. A later sample of the same scene gets
            the next number, or it would get the same reply.
        show: finds the pictures of a scene, for steps that show them, or raises :class:`syphus.errors.InputError`; None where
            nothing is sent, and requests are only counted.
    """

    def __init__(
        self,
        category: Category,
        sent_seed: int | None = None,
        show: Callable[[Scene], tuple[Picture, ...]] | None = None,
    ) -> None:
        self.category = category
        self.looks = any(step.look is True for step in category.chat_steps)
        """Whether a step shows the pictures."""
        self._show = show
        self._seen: tuple[Scene, tuple[Picture, ...]] | None = None
        self._answers: dict[tuple[str, ...], tuple[str, ...]] = {}
        self.demonstrated_scenes = frozenset(demonstration.scene.id for demonstration in category.demonstrations)
        self.chat_steps = category.chat_steps
        self._sent_seed = sent_seed
        self._queries = {step.name: self._build_query(step) for step in category.chat_steps}
        self._prefixes: dict[tuple[str, ...], tuple[Message, ...]] = {}
        self._schemas = {step.name: self.schema_of(step) for step in category.chat_steps}
        self._picks = {step.name: self._build_pick(step) for step in category.file.steps if isinstance(step, PickStep)}

    def prefix(self, step: ChatStep, scene_id: str = "", seed: int = 0) -> tuple[Message, ...]:
        """The messages that are the same for every scene; where demonstrations are drawn, for those of the scene's group."""
        shown = shown_to(self.category, scene_id, seed)
        key = (step.name, *(one.file for one in shown))
        if key not in self._prefixes:
            self._prefixes[key] = self._build_prefix(step, shown)
        return self._prefixes[key]

    def answers_shown(self, scene_id: str, seed: int) -> tuple[str, ...]:
        """The answers of the demonstrations that a scene is shown: what its reply must not merely repeat."""
        shown = shown_to(self.category, scene_id, seed)
        key = tuple(one.file for one in shown)
        if key not in self._answers:
            self._answers[key] = demonstrated_answers(shown)
        return self._answers[key]

    def schema_of(self, step: ChatStep) -> dict[str, Any]:
        """The JSON Schema of a step's reply."""
        return step.schema(self.category.file.checks, self.category.lists)

    def pictures_of(self, scene: Scene) -> tuple[Picture, ...]:
        """The pictures that are shown of a scene. Raises :class:`syphus.errors.InputError` where there are none to be shown."""
        if not self.looks or self._show is None:
            return ()
        if self._seen is None or self._seen[0] is not scene:  # several steps and repairs show the same
            self._seen = scene, self._show(scene)
        return self._seen[1]

    def render(self, scene: Scene) -> Rendered:
        """The scene's context."""
        return render_context(scene, self.category.file.context)

    def fill_template(
        self, step: TemplateStep, scene: Scene, context: str, outputs: Outputs, turn: Turn
    ) -> dict[str, str]:
        """The output of a template step."""
        text = step.text
        if step.pool:
            text = draw(
                self.category.lists[step.pool],
                turn.seed,
                scene.id,
                self.category.name,
                step.name,
                turn.sample,
                turn.round,
            )
        for choice in step.choose:
            words = len(" ".join(_output_text(value) for value in outputs.get(choice.of or "", {}).values()).split())
            if words >= (choice.min_words or 0) and (choice.max_words is None or words <= choice.max_words):
                text = choice.text
                break
        return {"text": self._fill(text, step, scene, context, outputs, turn)}

    def pick(self, step: PickStep, scene: Scene, turn: Turn) -> list[Record]:
        """What a step picks: one annotation, or with ``each`` several in the scene's order; none where there is none."""
        key = (turn.seed, scene.id, self.category.name, step.name, turn.sample)
        hidden = self.category.file.context.names == "hidden"
        found = self._picks[step.name].records(scene, hidden=hidden, drawn_by=key)
        order = draw_order(range(len(found)), *key, "pick")[: step.max if step.each else 1]
        return [found[index] for index in sorted(order)]

    def work_out(
        self, step: TemplateStep | PickStep, scene: Scene, context: str, outputs: Outputs, turn: Turn
    ) -> dict[str, str] | None:
        """The output of a step that asks no model; None where there is nothing to pick."""
        if isinstance(step, TemplateStep):
            return self.fill_template(step, scene, context, outputs, turn)
        return next(iter(self.pick(step, scene, turn)), None)

    def round_of(
        self, pair: dict[str, str], step: ChatStep, scene: Scene, outputs: Outputs, turn: Turn, *, checked: bool = False
    ) -> tuple[str, str]:
        """Question and answer of a model's pair as the dialogue has them.

        Args:
            pair: with the step's fields.
            step: which gave it.
            scene: with the turn it decides the order of options.
            outputs: of all steps.
            turn: the draw.
            checked: as the checks are to see it, without the options: what is wrong on purpose is nobody's claim. In the place
                of the letter stands the answer, where it does not stand there anyway.
        """
        file = self.category.file
        if not file.dialogue.rounds:
            return pair["question"], pair["answer"]
        shape = file.dialogue.rounds[0]
        values = {f"pair.{name}": text for name, text in pair.items()}
        if file.options and file.options.of:
            key = (turn.seed, scene.id, self.category.name, step.name, turn.sample, pair["question"])
            listed = [pair[name] for name in file.options.of]
            text, right = letter_options(listed, 0, file.options, drawn_by=key)
            if checked:
                answered = any(name == "pair.answer" for name in names_in(shape.assistant))
                text, right = "", "" if answered else pair[file.options.of[0]]
            values |= {"pair.options": text, "pair.letter": right}

        def value_of(name: str) -> str:
            kind, _, field = name.partition(".")
            return values[name] if name in values else _output_text(outputs[kind][field])

        return fill(shape.user, value_of).strip(), fill(shape.assistant, value_of).strip()

    def request(
        self,
        step: ChatStep,
        scene: Scene,
        context: str,
        outputs: Outputs,
        turn: Turn,
        pictures: tuple[Picture, ...] | None = None,
    ) -> Request:
        """What is sent for a scene; ``pictures``: those of it that were found already."""
        prefix = self.prefix(step, scene.id, turn.seed)
        shown = (self.pictures_of(scene) if pictures is None else pictures) if step.look is True else ()
        query = Message("user", self._user_text(step, scene, context, outputs, turn), pictures=shown)
        return Request(
            purpose=f"{self.category.name}/{step.name}",
            messages=(*prefix, query),
            constant=len(prefix),
            schema=self._schemas[step.name],
            parameters=self._parameters(step, turn),
            sample=turn.sample,
            draw=turn.again,
        )

    def _parameters(self, step: ChatStep, turn: Turn) -> Parameters:
        if self._sent_seed is None:
            return step.parameters()
        return structs.replace(step.parameters(), seed=self._sent_seed + turn.sample + SEEDS_APART * turn.again)

    def repair_request(self, request: Request, reply: Reply, faults: list[str], wanted: str) -> Request:
        """The same request once more, with the reply that was no good and what was wrong with it.

        A reply that was cut by the token limit gets twice the limit: asking again under the same one would cut it again.
        Of such a reply only the beginning is shown: what runs into the limit is often a loop, and invites another.
        """
        listed = "\n".join(f"- {fault}" for fault in dict.fromkeys(faults))
        values = {"faults": listed, "wanted": wanted}
        text = fill(self.category.texts["prompts/repair"], lambda name: values.get(name, ""))
        parameters: Parameters = request.parameters
        if reply.finish == "length" and parameters.max_tokens:
            parameters = structs.replace(parameters, max_tokens=2 * parameters.max_tokens)
        said = reply.text.strip() or "(no reply)"
        if reply.finish == "length" and len(said) > SHOWN_OF_CUT:
            said = said[:SHOWN_OF_CUT] + " …"
        asked = (*request.messages, Message("assistant", said), Message("user", text))
        return structs.replace(request, messages=asked, parameters=parameters)

    def _build_prefix(self, step: ChatStep, demonstrations: Sequence[Demonstration]) -> tuple[Message, ...]:
        form = fill(self.category.texts["prompts/reply-format"], lambda _: example_form(step))
        system = fill(self.category.texts.get(step.system, ""), lambda name: _static_value(name, step))
        messages = [Message("system", "\n\n".join(part for part in (system.strip(), form.strip()) if part))]
        turn = Turn(DEMONSTRATION_SEED)
        for demonstration in demonstrations:
            scene = demonstration.scene
            # Never cut to a run's smaller budget: a reply about things that are not shown would teach to invent them.
            context = render_context(scene, self.category.own_context).text
            outputs: Outputs = {}
            for earlier in self.category.file.steps:
                if earlier.name == step.name:
                    break
                if isinstance(earlier, ChatStep):
                    outputs[earlier.name] = demonstration.replies[earlier.name]
                    continue
                made = (demonstration.picked or {}).get(earlier.name)
                made = made or self.work_out(earlier, scene, context, outputs, turn)
                if made is None:
                    place = f"{self.category.name}, demonstration {demonstration.file}"
                    raise InputError(f"its scene has nothing for the step `{earlier.name}` to pick", place=place)
                outputs[earlier.name] = made
            reply = json.dumps(within(demonstration.replies[step.name], step), ensure_ascii=False)
            messages += [
                Message("user", self._user_text(step, scene, context, outputs, turn)),
                Message("assistant", reply),
            ]
        return tuple(messages)

    def _user_text(self, step: ChatStep, scene: Scene, context: str, outputs: Outputs, turn: Turn) -> str:
        query, dynamic, has_context = self._queries[step.name]
        filled = self._fill(query, step, scene, context, outputs, turn).strip() if dynamic else query
        if has_context or step.context is False:
            return filled
        return "\n\n".join(part for part in (context, filled) if part)

    def _build_query(self, step: ChatStep) -> tuple[str, bool, bool]:
        """The query's text, whether anything is left to fill in for a scene, and whether it places the context itself."""
        query = self.category.texts.get(step.query, "")
        names = list(names_in(query))
        if all(name.partition(".")[0] == "pairs" for name in names):
            return fill(query, lambda name: _static_value(name, step)).strip(), False, False
        return query, True, "context" in names

    def _build_pick(self, step: PickStep) -> Pick:
        category, shape = self.category, self.category.file.dialogue
        texts = [category.texts.get(one.query, "") for one in category.chat_steps]
        for other in category.file.steps:
            if isinstance(other, TemplateStep):
                texts += other.texts(category.lists)
        texts += [text for one in shape.rounds for text in (one.user, one.assistant)]
        texts += (shape.keep or {}).values()
        names = [name.partition(".") for text in texts for name in names_in(text)]
        return Pick(
            step.of,
            frozenset(field for name, _, field in names if name == step.name),
            category.file.option_shape(),
            min_score=step.min_score,
            min_side=step.min_side,
            vocabulary=category.lists.get(step.vocabulary, ()),
            wrong=step.wrong,
        )

    def _fill(self, text: str, step: Step, scene: Scene, context: str, outputs: Outputs, turn: Turn) -> str:
        key: tuple[Any, ...] = (turn.seed, scene.id, self.category.name, step.name, turn.sample)
        if turn.round:
            key = (*key, turn.round)

        def value_of(name: str) -> str:
            if isinstance(step, ChatStep) and name.partition(".")[0] == "pairs":
                return _static_value(name, step)
            kind, _, rest = name.partition(".")
            if kind == "context":
                return context
            if kind == "scene":
                return _scene_value(rest, scene, self.category.file.context, key)
            pool_name, _, count = (rest if kind == "lists" else name).partition(":")
            pool = self.category.lists.get(pool_name) if kind == "lists" or pool_name == "templates" else None
            if pool is not None:
                return "\n".join(draw_order(pool, *key, name)[: int(count)]) if count else draw(pool, *key, name)
            return _output_text(outputs[kind][rest])

        return fill(text, value_of)


def find_echoed(demonstrations: Iterable[Demonstration], evidence: str) -> str:
    """The file of the demonstration that a verdict of the check ``echo`` is about; its evidence is the words repeated."""
    begun = evidence.rstrip("…")
    for one in demonstrations:
        if any(" ".join(split_words(plain_text(answer))).startswith(begun) for answer in demonstrated_answers([one])):
            return one.file
    return ""


def demonstrated_answers(demonstrations: Iterable[Demonstration]) -> tuple[str, ...]:
    """Every answer in the demonstrations."""
    answers: list[str] = []
    for demonstration in demonstrations:
        for reply in demonstration.replies.values():
            for value in reply.values():
                answers += [pair["answer"] for pair in value] if isinstance(value, list) else [str(value)]
    return tuple(answers)


def example_form(step: ChatStep) -> str:
    """The form of the reply, as the model is shown it."""
    if step.pairs is None:
        return json.dumps(dict.fromkeys(step.fields, "…"), ensure_ascii=False)
    more = ", …" if step.pairs[1] > 1 else ""
    pair = json.dumps(dict.fromkeys(step.texts, "…"), ensure_ascii=False)
    return '{"pairs": [' + pair + more + "]}"


def within(reply: dict[str, Any], step: ChatStep) -> dict[str, Any]:
    """A demonstration's reply with no more pairs than the run asks for."""
    return reply if step.pairs is None else {**reply, "pairs": reply["pairs"][: step.pairs[1]]}


def _static_value(name: str, step: ChatStep) -> str:
    least, most = step.pairs or (1, 1)
    count = str(most) if least == most else f"{least} to {most}"
    phrase = "1 pair" if count == "1" else f"{count} pairs"
    return {"pairs": phrase, "pairs.min": str(least), "pairs.max": str(most)}[name]


def _scene_value(name: str, scene: Scene, context: Context, key: tuple[Any, ...]) -> str:
    hidden = hidden_people(scene) if context.names == "hidden" else ()
    plain = (one_line(plain_text(caption.text)) for caption in scene.captions)
    captions = [escape_text(hide(text, hidden)) for text in plain if text]
    match name:
        case "caption":
            return draw(captions, *key, name) if captions else ""
        case "captions":
            return "\n".join(captions)
        case "ocr":
            read = (line for line in scene.ocr if (1.0 if line.score is None else line.score) >= context.ocr.min_score)
            return "\n".join(escape_text(text) for line in read if (text := hide(one_line(line.text), hidden)))
        case "prose":
            return "\n".join(escape_text(text) for one in scene.prose if (text := hide(one_line(one), hidden)))
        case "labels":
            return ", ".join(dict.fromkeys(escape_text(hide(one_line(thing.label), hidden)) for thing in scene.objects))
        case _:
            return scene.id


def _output_text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(f"Question: {pair['question']}\nAnswer: {pair['answer']}" for pair in value)
    return str(value)
