"""Making dialogues: one scene, one category, a few questions to the model.

A pure coroutine over ``ask``. Run again on the same replies it gives the same outcome; that is what resume, and reading
stored replies with changed checks, rest on.
"""

from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from typing import Any, cast

from msgspec import structs

from syphus.categories.category import Category, ChatStep, TemplateStep
from syphus.categories.needs import lacking
from syphus.categories.prompt import Outputs, find_echoed, within
from syphus.categories.prompt import Turn as DrawTurn
from syphus.categories.reply import ReadReply, read_reply
from syphus.categories.shown import shown_to
from syphus.categories.templates import fill
from syphus.errors import REFUSED_FOR_GOOD, InputError, ModelError
from syphus.exchange import Ask, Item, Outcome, Reject, Reply, Request
from syphus.identity import draw
from syphus.jobs.items import GenerateItem
from syphus.quality.checks import check_pairs
from syphus.quality.pairs import Pair, PairsVerdict
from syphus.records import Dialogue, Object, Provenance, Scene, Turn, Verdict
from syphus.references.text import find_references


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
        if isinstance(step, TemplateStep):
            outputs[step.name] = prompts.fill_template(step, item.scene, context, outputs, turn)
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
    return {"pairs": [{"question": "…", "answer": "…"}] * step.pairs[1]}


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
        self.rejects: list[Reject] = []
        self.notes: list[str] = []
        self.keys: list[str] = []
        self.model = ""
        self.noted: dict[Pair, list[Verdict]] = {}
        # What a text may point at: what the model was shown with an id.
        context = self.category.file.context
        known = [thing.id for thing in self.scene.objects if thing.box and not thing.crowd]
        if context.regions.ids and "regions" in context.blocks:
            known += [region.id for region in self.scene.regions if region.box]
        self.known = frozenset(known)
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
        except InputError as error:
            return Outcome(skipped=error.message)
        if asks:
            self.notes += rendered.cut
        pairs: list[Pair] = []
        for step in self.category.file.steps:
            if isinstance(step, TemplateStep):
                self.outputs[step.name] = self.prompts.fill_template(
                    step, self.scene, rendered.text, self.outputs, self.turn
                )
                continue
            output = await self._ask_step(step, rendered.text)
            if output is None:
                return self._outcome(())
            self.outputs[step.name] = output
        shape = self.category.file.dialogue
        if shape.pairs:
            pairs = [Pair(pair["question"], pair["answer"]) for pair in self.outputs[shape.pairs]["pairs"]]
        else:
            pairs = [self._single_pair()]
            if not asks and (faults := self._check(pairs).verdicts):
                self.rejects += [_reject(fault, "template") for fault in faults]
                pairs = []
        return self._outcome(pairs)

    async def _ask_step(self, step: ChatStep, context: str) -> dict[str, Any] | None:
        """The step's output, asked for at most ``1 + repairs`` times; None when nothing of it can be used."""
        first = self.prompts.request(step, self.scene, context, self.outputs, self.turn)
        return await (self._ask_pairs(step, first) if step.pairs else self._ask_fields(step, first))

    async def _ask_pairs(self, step: ChatStep, first: Request) -> dict[str, Any] | None:
        """Pairs; the good ones of each reply are kept, and only the missing ones asked for again."""
        assert step.pairs is not None
        least, most = step.pairs
        kept: list[Pair] = []
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
                request = self._repair(first, reply, faults, _wanted(step, kept))
                missing = structs.replace(step, pairs=(least - len(kept), most - len(kept)))
                request = structs.replace(request, schema=missing.schema(self.category.file.checks))
        if not kept:
            return None
        if len(kept) < least:
            short = f"{len(kept)} of at least {least} pairs"
            self.rejects.append(Reject(code="schema: too_few", message=short, step=step.name))
            if self.category.file.dialogue.whole:
                return None
        return {"pairs": [{"question": pair.question, "answer": pair.answer} for pair in kept]}

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
        if refused := _refusal(reply):
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

    def _judge_pairs(self, step: ChatStep, read: ReadReply, kept: list[Pair]) -> list[Verdict]:
        """Adds the good pairs of a reply to ``kept``, up to the step's most; returns what is wrong with the others."""
        assert step.pairs is not None
        found = [Pair(pair["question"], pair["answer"]) for pair in (read.value or {}).get("pairs", [])]
        together = [*kept, *found]
        verdict = self._check(together)
        new = [together[index] for index in verdict.passed if index >= len(kept)]
        kept += new[: step.pairs[1] - len(kept)]
        self._remember(together, verdict)
        return list(verdict.verdicts)

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
        pair = self._single_pair()
        verdict = self._check([pair])
        self._remember([pair], verdict)
        return (None if verdict.verdicts else output), list(verdict.verdicts)

    def _single_pair(self) -> Pair:
        shape = self.category.file.dialogue

        def value_of(name: str) -> str:
            step, _, field = name.partition(".")
            return str(self.outputs[step][field])

        return Pair(question=fill(shape.user, value_of), answer=fill(shape.assistant, value_of))

    def _check(self, pairs: Sequence[Pair]) -> PairsVerdict:
        return check_pairs(
            pairs,
            self.category.file.checks,
            scene=self.scene,
            known=self.known,
            demonstrations=self.prompts.answers_shown(self.scene.id, self.turn.seed),
            hidden=self.hidden,
        )

    def _note_rejects(self, faults: Iterable[Verdict], step: ChatStep) -> None:
        self.rejects += [_reject(self._name_echo(fault), step.name) for fault in faults]

    def _name_echo(self, fault: Verdict) -> Verdict:
        """A repeated demonstration by its file, so that a report can count which of them come back."""
        if fault.check != "echo":
            return fault
        shown = shown_to(self.category, self.scene.id, self.turn.seed)
        return structs.replace(fault, evidence=find_echoed(shown, fault.evidence) or fault.evidence)

    def _outcome(self, pairs: Sequence[Pair]) -> Outcome:
        if pairs and self.category.file.dialogue.split:
            dialogues = tuple(self._dialogue([pair], f"/{index}") for index, pair in enumerate(pairs))
        else:
            dialogues = (self._dialogue(pairs, ""),) if pairs else ()
        return Outcome(
            dialogues=dialogues, rejects=tuple(self.rejects), notes=tuple(self.notes), requests=tuple(self.keys)
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
            assets=self.scene.assets,
            objects=_referred(self.scene, turns),
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


def _wanted(step: ChatStep, kept: Sequence[Pair]) -> str:
    if not kept:
        return "Make it anew."
    assert step.pairs is not None
    questions = " ".join(f'"{pair.question}"' for pair in kept)
    return f"These are good and kept: {questions} Give only {step.pairs[0] - len(kept)} more, about other things."


def _refusal(reply: Reply) -> str:
    """The provider's own sign of a refusal; asking again unchanged would only be refused, and paid, again."""
    if reply.refusal:
        return reply.refusal[:120]
    return "content filter" if reply.finish == "content_filter" else ""


def _reject(fault: Verdict, step: str) -> Reject:
    code = fault.check if fault.check == fault.code else f"{fault.check}: {fault.code}"
    return Reject(code=code, message=fault.message, step=step, evidence=fault.evidence)


def _referred(scene: Scene, turns: Iterable[Turn]) -> tuple[Object, ...]:
    """The objects that the turns point at, in the scene's order, and behind them the regions, as objects named by their text."""
    ids = {
        identity
        for turn in turns
        if "](" in turn.text
        for reference in find_references(turn.text)
        for identity in reference.ids
    }
    if not ids:
        return ()
    regions = (
        Object(id=region.id, label=region.text, box=region.box, asset=region.asset)
        for region in scene.regions
        if region.id in ids
    )
    return (*(thing for thing in scene.objects if thing.id in ids), *regions)
