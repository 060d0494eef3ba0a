"""Making dialogues: one scene, one category, a few questions to the model.

A pure coroutine over ``ask``. Run again on the same replies it gives the same outcome; that is what resume, and reading
stored replies with changed checks, rest on.
"""

from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from typing import Any, cast

from msgspec import structs

from syphus.categories.category import Category, ChatStep, PickStep, Step
from syphus.categories.choices import find_fault
from syphus.categories.needs import lacking
from syphus.categories.prompt import Outputs, find_echoed, within
from syphus.categories.prompt import Turn as DrawTurn
from syphus.categories.reply import ReadReply, read_reply
from syphus.categories.shown import shown_to
from syphus.categories.templates import fill
from syphus.errors import REFUSED_FOR_GOOD, InputError, ModelError
from syphus.exchange import Ask, Item, Outcome, Picture, Reject, Reply, Request
from syphus.identity import draw
from syphus.jobs.items import GenerateItem
from syphus.jobs.made import (
    drop_places,
    find_placed,
    find_referred,
    find_refusal,
    make_reject,
    say_wanted,
    without_repeated_places,
)
from syphus.quality.checks import check_pairs
from syphus.quality.pairs import Pair, PairsVerdict
from syphus.records import Dialogue, Provenance, Turn, Verdict


def generate_job(seed: int) -> Callable[[Item, Ask], Coroutine[Any, Any, Outcome]]:
    """The job of a run with this seed."""

    async def job(item: Item, ask: Ask) -> Outcome:
        return await Generation(cast("GenerateItem", item), ask, seed).make()

    return job


def planned_requests(item: GenerateItem, seed: int, *, after: str = "") -> Iterator[Request]:
    """What an item that is not skipped asks at least: the first request of each chat step, in order.

    A later step reads what the model said before, which nobody knows yet: a demonstration's reply stands in for it, since it
    is what the model is to imitate. So the later requests have about the right length, and keys that mean nothing.

    Args:
        item: a scene that has what the category needs.
        seed: the run's.
        after: the name of a step; only the steps that follow it.

    Raises:
        InputError: the scene cannot be shown as the category wants.
    """
    prompts, category = item.prompts, item.prompts.category
    context = prompts.render(item.scene).text
    turn = DrawTurn(seed, item.sample, item.draw)
    outputs: Outputs = {}
    wanted = not after
    for step in category.file.steps:
        if not isinstance(step, ChatStep):
            made = prompts.work_out(step, item.scene, context, outputs, turn)
            if made is None:
                return
            outputs[step.name] = made
            continue
        if wanted:
            yield prompts.request(step, item.scene, context, outputs, turn)
        outputs[step.name] = stand_in(category, step, seed, item.id)
        wanted = wanted or step.name == after


def stand_in(category: Category, step: ChatStep, *drawn_by: Any) -> dict[str, Any]:
    """A reply of about the length that a step's reply will have: one of its demonstrations'."""
    if category.demonstrations:
        return within(draw(category.demonstrations, *drawn_by).replies[step.name], step)
    if step.pairs is None:
        return dict.fromkeys(step.fields, "…")
    return {"pairs": [dict.fromkeys(step.texts, "…")] * step.pairs[1]}


class Generation:
    """The making of one item. Lives for one call; holds what the steps hand on to one another."""

    def __init__(self, item: GenerateItem, ask: Ask, seed: int) -> None:
        self.item = item
        self.scene = item.scene
        self.prompts = item.prompts
        self.category: Category = item.prompts.category
        self.ask = ask
        self.turn = DrawTurn(seed, item.sample, item.draw)
        self.outputs: Outputs = {}
        self.pictures: tuple[Picture, ...] = ()
        """Found once: all steps show the same, whatever becomes of the files meanwhile."""
        self.rejects: list[Reject] = []
        self.notes: list[str] = []
        self.keys: list[str] = []
        self.model = ""
        self.noted: dict[Pair, list[Verdict]] = {}
        # What a text may point at: what the model was shown with an id.
        context = self.category.file.context
        known = [thing.id for thing in self.scene.objects if thing.box and not thing.crowd]
        if (context.regions.ids and "regions" in context.blocks) or self.category.file.picks_regions:
            known += [region.id for region in self.scene.regions if region.box]
        self.known = frozenset(known)
        self.places = bool(self.category.file.dialogue.places) or any(
            "[](#" in one.user + one.assistant for one in self.category.file.dialogue.rounds
        )
        self.hidden = self.scene.people if context.names == "hidden" else ()

    async def make(self) -> Outcome:
        """The outcome, whatever happens; only the model's own failures are exceptions."""
        if missing := lacking(self.scene, self.category.file.needs):
            return Outcome(skipped=f"the scene has no {', no '.join(missing)}")
        asks = bool(self.prompts.chat_steps)
        if asks and self.scene.id in self.prompts.demonstrated_scenes:
            return Outcome(skipped="the scene is a demonstration of this category")
        try:
            rendered = self.prompts.render(self.scene)
            self.pictures = self.prompts.pictures_of(self.scene)
        except InputError as error:
            return Outcome(skipped=error.message)
        if asks:
            self.notes += rendered.cut
        for step in self.category.file.steps:
            output = await self._output_of(step, rendered.text)
            if output is None:
                picked = not isinstance(step, ChatStep)
                return self._outcome(
                    (), skipped=f"the scene has nothing for the step `{step.name}` to pick" if picked else ""
                )
            self.outputs[step.name] = output
        shape = self.category.file.dialogue
        if shape.pairs:
            step = next(one for one in self.prompts.chat_steps if one.name == shape.pairs)
            return self._outcome([self._shown(pair, step) for pair in self.outputs[shape.pairs]["pairs"]])
        pairs = self._rounds(rendered.text)
        if not asks:
            pairs = self._good_rounds(pairs)
        return self._outcome(pairs)

    async def _output_of(self, step: Step, context: str) -> dict[str, Any] | None:
        """The step's output; None where the model gave nothing that can be used, or the scene nothing to pick."""
        if isinstance(step, ChatStep):
            return await self._ask_step(step, context)
        return self.prompts.work_out(step, self.scene, context, self.outputs, self.turn)

    def _shown(self, pair: dict[str, str], step: ChatStep) -> Pair:
        """A pair as the dialogue has it, with what the checks noted of it."""
        checked = self._checked(pair, step)
        shown = Pair(*self.prompts.round_of(pair, step, self.scene, self.outputs, self.turn))
        if shown != checked and checked in self.noted:
            self.noted[shown] = self.noted[checked]
        return shown

    def _checked(self, pair: dict[str, str], step: ChatStep) -> Pair:
        """A pair as the checks see it; that of a step from which no turns are made, as the model wrote it."""
        if step.name != self.category.file.dialogue.pairs:
            return Pair(pair["question"], pair["answer"])
        return Pair(*self.prompts.round_of(pair, step, self.scene, self.outputs, self.turn, checked=True))

    def _rounds(self, context: str) -> list[Pair]:
        """The rounds of a dialogue whose texts are filled; where a step picks ``each``, of each that it picked."""
        steps = self.category.file.steps
        at = next((place for place, step in enumerate(steps) if isinstance(step, PickStep) and step.each), None)
        if at is None:
            return self._filled()
        pick = cast("PickStep", steps[at])
        pairs: list[Pair] = []
        for number, record in enumerate(self.prompts.pick(pick, self.scene, self.turn), 1):
            self.outputs[pick.name] = record
            turn = structs.replace(self.turn, round=number)
            for step in steps[at + 1 :]:
                if not isinstance(step, ChatStep):
                    made = self.prompts.work_out(step, self.scene, context, self.outputs, turn)
                    self.outputs[step.name] = made or self.outputs[step.name]
            pairs += self._filled()
        return pairs

    def _good_rounds(self, pairs: list[Pair]) -> list[Pair]:
        """Those of a template's rounds in which no fault was found; of rounds that belong together, all or none."""
        verdict = self._check(pairs)
        self.rejects += [make_reject(fault, "template") for fault in verdict.verdicts]
        if verdict.verdicts and (self.category.file.dialogue.turns or self.category.file.dialogue.whole):
            return []
        return [pairs[index] for index in verdict.passed]

    async def _ask_step(self, step: ChatStep, context: str) -> dict[str, Any] | None:
        """The step's output, asked for at most ``1 + repairs`` times; None when nothing of it can be used."""
        first = self.prompts.request(step, self.scene, context, self.outputs, self.turn, self.pictures)
        return await (self._ask_pairs(step, first) if step.pairs else self._ask_fields(step, first))

    async def _ask_pairs(self, step: ChatStep, first: Request) -> dict[str, Any] | None:
        """Pairs; the good ones of each reply are kept, and only the missing ones asked for again."""
        assert step.pairs is not None
        least, most = step.pairs
        kept: list[dict[str, str]] = []
        request = first
        for left in range(self.category.repairs, -1, -1):
            reply = await self._reply(request, step, again=request is not first)
            if reply is None:
                break
            read, faults = self._read(reply, request)
            faults += self._judge_pairs(step, read, kept)
            self._note_rejects(faults, step)
            if len(kept) >= least:
                break
            if left:
                # Built on the first request, not on the last: what is kept is named, so earlier rounds are not paid again.
                request = self._repair(first, reply, faults, say_wanted(step, kept))
                missing = structs.replace(step, pairs=(least - len(kept), most - len(kept)))
                request = structs.replace(request, schema=self.prompts.schema_of(missing))
        if not kept:
            return None
        if len(kept) < least:
            short = f"{len(kept)} of at least {least} pairs"
            self.rejects.append(Reject(code="schema: too_few", message=short, step=step.name))
            if self.category.file.dialogue.whole:
                return None
        return {"pairs": kept}

    async def _ask_fields(self, step: ChatStep, first: Request) -> dict[str, Any] | None:
        """An object of texts; it is whole, or it is asked for anew."""
        request = first
        for left in range(self.category.repairs, -1, -1):
            reply = await self._reply(request, step, again=request is not first)
            if reply is None:
                break
            read, faults = self._read(reply, request)
            output, more = self._judge_fields(step, read)
            if output is not None:
                return output
            faults += more
            self._note_rejects(faults, step)
            if left:
                request = self._repair(first, reply, faults, "Make it anew.")
        return None

    async def _reply(self, request: Request, step: ChatStep, *, again: bool) -> Reply | None:
        """The model's reply; None, with a reject, where it refused, or where asking again is refused for good."""
        try:
            reply = await self.ask(request)
        except ModelError as error:
            # What an earlier reply brought is paid for and kept. A first request that fails is the engine's to tell.
            if not again or error.kind not in REFUSED_FOR_GOOD:
                raise
            self.rejects.append(Reject(code=f"repair: {error.kind}", message=error.message, step=step.name))
            return None
        self.keys.append(reply.key)
        self.model = reply.model or self.model
        if refused := find_refusal(reply):
            reject = Reject(code="refusal: provider", message="the model refused", step=step.name, evidence=refused)
            self.rejects.append(reject)
            return None
        return reply

    def _read(self, reply: Reply, request: Request) -> tuple[ReadReply, list[Verdict]]:
        read = read_reply(reply.text, request.schema or {}, finish=reply.finish)
        if read.how != "json":
            self.notes.append(f"reply read as: {read.how}")
        return read, [Verdict(check="schema", code=fault.code, message=fault.message) for fault in read.faults]

    def _repair(self, first: Request, reply: Reply, faults: Sequence[Verdict], wanted: str) -> Request:
        return self.prompts.repair_request(first, reply, [fault.message for fault in faults], wanted)

    def _judge_pairs(self, step: ChatStep, read: ReadReply, kept: list[dict[str, str]]) -> list[Verdict]:
        """Adds the good pairs of a reply to ``kept``, up to the step's most; returns what is wrong with the others."""
        assert step.pairs is not None
        found: list[dict[str, str]] = (read.value or {}).get("pairs", [])
        faults: list[Verdict] = []
        shape = self.category.file.options
        if shape and shape.of and step.name == self.category.file.dialogue.pairs:
            told = [find_fault(pair, shape.of) for pair in found]
            faults = [Verdict(check="schema", code="options", message=message) for message in told if message]
            found = [pair for pair, message in zip(found, told, strict=True) if not message]
        raw = [*kept, *found]
        together = [self._checked(pair, step) for pair in raw]
        verdict = self._check(together)
        new = [raw[index] for index in verdict.passed if index >= len(kept)]
        kept += new[: step.pairs[1] - len(kept)]
        self._remember(together, verdict)
        return [*faults, *verdict.verdicts]

    def _remember(self, pairs: Sequence[Pair], verdict: PairsVerdict) -> None:
        """What the checks only note, by the pair that it is about: it goes with the pair, wherever that comes to stand."""
        for note in verdict.noted:
            notes = self.noted.setdefault(pairs[note.turn or 0], [])
            if note not in notes:
                notes.append(note)

    def _judge_fields(self, step: ChatStep, read: ReadReply) -> tuple[dict[str, Any] | None, list[Verdict]]:
        """The output of a step with fields, checked as a pair where it completes the dialogue."""
        if read.value is None or read.faults:
            return None, []
        output: dict[str, Any] = read.value
        if step is not self.prompts.chat_steps[-1] or self.category.file.dialogue.pairs:
            return output, []
        self.outputs[step.name] = output
        pairs = self._filled()
        verdict = self._check(pairs)
        self._remember(pairs, verdict)
        return (None if verdict.verdicts else output), list(verdict.verdicts)

    def _filled(self) -> list[Pair]:
        """The rounds of ``[dialogue]``, filled with what the steps gave."""
        rounds = self.category.file.dialogue.rounds
        return [Pair(question=self._fill(one.user), answer=self._fill(one.assistant)) for one in rounds]

    def _fill(self, text: str) -> str:
        def value_of(name: str) -> str:
            step, _, field = name.partition(".")
            return str(self.outputs[step][field])

        return fill(text, value_of)

    def _check(self, pairs: Sequence[Pair]) -> PairsVerdict:
        verdict = check_pairs(
            [drop_places(pair, self.scene) for pair in pairs] if self.places else pairs,
            self.category.file.checks,
            scene=self.scene,
            known=self.known,
            demonstrations=self.prompts.answers_shown(self.scene.id, self.turn.seed),
            hidden=self.hidden,
        )
        return without_repeated_places(pairs, verdict, self.scene) if self.places else verdict

    def _note_rejects(self, faults: Iterable[Verdict], step: ChatStep) -> None:
        self.rejects += [make_reject(self._name_echo(fault), step.name) for fault in faults]

    def _name_echo(self, fault: Verdict) -> Verdict:
        """A repeated demonstration by its file, so that a report can count which of them come back."""
        if fault.check != "echo":
            return fault
        shown = shown_to(self.category, self.scene.id, self.turn.seed)
        return structs.replace(fault, evidence=find_echoed(shown, fault.evidence) or fault.evidence)

    def _outcome(self, pairs: Sequence[Pair], skipped: str = "") -> Outcome:
        if pairs and self.category.file.dialogue.split:
            dialogues = tuple(self._dialogue([pair], f"/{index}") for index, pair in enumerate(pairs))
        else:
            dialogues = (self._dialogue(pairs, ""),) if pairs else ()
        if self.category.file.dialogue.places and (bare := [one for one in dialogues if not one.assets]):
            message = "no text says where a picture stands"
            self.rejects += [Reject(code="asset: not_placed", message=message)] * len(bare)
            dialogues = tuple(one for one in dialogues if one.assets)
        return Outcome(
            dialogues=dialogues,
            rejects=tuple(self.rejects),
            skipped=skipped,
            notes=tuple(self.notes),
            requests=tuple(self.keys),
        )

    def _dialogue(self, pairs: Sequence[Pair], suffix: str) -> Dialogue:
        turns: list[Turn] = []
        for pair in pairs:
            turns += [Turn(role="user", text=pair.question), Turn(role="assistant", text=pair.answer)]
        return Dialogue(
            id=self.item.id + suffix,
            scene=self.scene.id,
            source=self.scene.source,
            category=self.category.name,
            ability=self.category.file.ability,
            turns=tuple(turns),
            assets=find_placed(pairs, self.scene) if self.category.file.dialogue.places else self.scene.assets,
            objects=find_referred(self.scene, turns),
            metadata={name: self._fill(text) for name, text in (self.category.file.dialogue.keep or {}).items()},
            verdicts=tuple(
                structs.replace(note, turn=turn) for turn, pair in enumerate(pairs) for note in self.noted.get(pair, ())
            ),
            provenance=Provenance(
                category=self.category.fingerprint,
                requests=tuple(self.keys),
                model=self.model,
                seed=self.turn.seed,
                sample=self.turn.sample,
            ),
        )
