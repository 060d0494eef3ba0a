"""Asking for some texts until each is a translation: the loop that dialogues, the memory and the way back share."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field, structs

from syphus.categories.reply import read_reply
from syphus.errors import REFUSED_FOR_GOOD, ModelError
from syphus.exchange import Ask, Reply, Request
from syphus.jobs.translation_prompts import Kind, Segment, TranslationPrompts
from syphus.quality.translation.checking import check_language, check_terms, check_text, tidy_reply
from syphus.quality.translation.locks import Masked, check_markers
from syphus.records import Verdict

REPAIRS = 2
"""What is no translation is asked for again at most so often."""


class Asked(Struct, kw_only=True):
    """What came of asking."""

    texts: dict[int, str] = field(default_factory=dict)
    """Number of the segment -> its translation, masked."""
    faults: dict[int, list[Verdict]] = field(default_factory=dict)
    """What was still wrong with the others in the end; 0 and less: with all of it."""
    advice: list[Verdict] = field(default_factory=list)
    """What is to be looked at of those that were taken."""
    keys: list[str] = field(default_factory=list)
    model: str = ""
    notes: list[str] = field(default_factory=list)


WHOLE = -1
"""The number under which faults of a whole reply stand."""


async def ask_for(
    prompts: TranslationPrompts,
    segments: Sequence[Segment],
    locks: Mapping[int, Masked],
    ask: Ask,
    *,
    kind: Kind = "dialogue",
    draw: int = 0,
) -> Asked:
    """Translates the segments that are not settled. Good ones of each reply are kept; the others asked for again, with the reason.

    Args:
        prompts: of the language.
        segments: of one request.
        locks: number of a segment -> its text with its locks.
        ask: the only effect.
        kind: of the request.
        draw: of the item.

    Raises:
        ModelError: there is no reply to be had, as of the first request.
    """
    asking = _Asking(prompts, segments, locks)
    if not asking.wanted:
        return asking.asked
    first = request = prompts.request(segments, kind=kind, draw=draw)
    for left in range(REPAIRS, -1, -1):
        try:
            reply = await ask(request)
        except ModelError as error:
            if request is first or error.kind not in REFUSED_FOR_GOOD:
                raise
            asking.fail(Verdict(check="repair", code=str(error.kind), message=error.message))
            break
        asking.take(reply, request)
        if asking.is_done(again=request is not first) or not left:
            break
        request = asking.repair(first, reply)
    return asking.finish()


class _Asking:
    """What has come so far of asking for some segments."""

    def __init__(self, prompts: TranslationPrompts, segments: Sequence[Segment], locks: Mapping[int, Masked]) -> None:
        self.asked = Asked()
        self.wanted = [one for one in segments if one.is_open]
        self._numbers = {one.number for one in segments}
        self._prompts = prompts
        self._locks = locks
        self._advice: dict[int, Verdict] = {}
        """Of the last reply."""
        self._spare: dict[int, tuple[str, Verdict]] = {}
        """Good but for what is only advised: taken where asking again brings nothing better."""
        self._over = False

    def fail(self, verdict: Verdict) -> None:
        """Nothing more is to be had."""
        self.asked.faults = {WHOLE: [verdict]}
        self._over = True

    def is_done(self, *, again: bool) -> bool:
        """Whether asking once more is of no use; for what is only advised it is done once."""
        only_advised = not self.asked.faults and all(one.number in self._spare for one in self.wanted)
        return self._over or not self.wanted or (only_advised and again)

    def take(self, reply: Reply, request: Request) -> None:
        """Reads a reply, and keeps what is good of it."""
        asked = self.asked
        asked.keys.append(reply.key)
        asked.model = reply.model or asked.model
        if refused := _refusal(reply):
            self.fail(Verdict(check="refusal", code="provider", message="the model refused", evidence=refused))
            return
        read = read_reply(reply.text, request.schema or {}, finish=reply.finish)
        if read.how != "json":
            asked.notes.append(f"reply read as: {read.how}")
        if read.value is None and read.faults:
            fault = read.faults[0]
            asked.faults = {WHOLE: [Verdict(check="schema", code=fault.code, message=fault.message)]}
            return
        asked.faults, self._advice = {}, {}
        good = self._judge((read.value or {}).get("turns", ()))
        sources = [one.text for one in self.wanted if one.number in good]
        if (other := check_language(sources, [*good.values()], self._prompts.language)) is not None:
            asked.faults |= {number: [other] for number in good}
            good = {}
        for number, text in good.items():
            if number in self._advice:
                self._spare[number] = (text, self._advice[number])
            else:
                asked.texts[number] = text
        self.wanted = [one for one in self.wanted if one.number not in asked.texts]

    def _judge(self, turns: Iterable[Mapping[str, str]]) -> dict[int, str]:
        """The translations that nothing is wrong with, in the order of the segments; what is wrong with others is noted."""
        given = self._align(turns)
        if given is None:
            numbers = ", ".join(str(one.number) for one in self.wanted)
            message = f"The numbers are not those of the turns that were asked for, which are {numbers}."
            self.asked.faults = {WHOLE: [Verdict(check="structure", code="numbers", message=message)]}
            return {}
        good: dict[int, str] = {}
        for one in self.wanted:
            texts = [tidy_reply(one.text, text) for text in given.get(one.number, ())]
            if len(texts) != 1:
                code, message = ("twice", "Give it once.") if texts else ("missing", "Its translation is missing.")
                self.asked.faults[one.number] = [Verdict(check="structure", code=code, message=message)]
            elif faults := self._faults(one, texts[0]):
                self.asked.faults[one.number] = faults
            else:
                good[one.number] = texts[0]
                advice = check_terms(one.text, texts[0], self._prompts.terms.glossary, self._prompts.language)
                self._advice |= {one.number: advice} if advice is not None else {}
        return good

    def _align(self, turns: Iterable[Mapping[str, str]]) -> dict[int, list[str]] | None:
        """The texts of a reply under the numbers of their turns; None where nobody can say which belongs to which.

        A model that counts its own way may give the right number to the wrong turn, and no check would notice.
        """
        given: dict[int, list[str]] = {}
        for turn in turns:
            texts = given.setdefault(_number(turn["turn"]), [])
            if turn["text"] not in texts:
                texts.append(turn["text"])
        wanted = {one.number for one in self.wanted}
        if given.keys() <= wanted or (wanted <= given.keys() <= self._numbers):
            return given
        apart = not given.keys() & self._numbers and WHOLE - 1 not in given
        if apart and len(given) == len(wanted) and [*given] == sorted(given):
            self.asked.notes.append("turns taken in their order: the reply numbers them otherwise")
            return dict(zip(sorted(wanted), given.values(), strict=True))
        return None

    def _faults(self, segment: Segment, text: str) -> list[Verdict]:
        origin, language = self._prompts.origin, self._prompts.language
        return check_markers(self._locks[segment.number], text) or check_text(
            segment.text, text, origin=origin, language=language
        )

    def repair(self, first: Request, reply: Reply) -> Request:
        """The request for what is not good yet, which says why; noted under the same names."""
        found = {number: list(verdicts) for number, verdicts in self.asked.faults.items()}
        for number, advice in self._advice.items():
            found.setdefault(number, []).append(advice)
        codes = dict.fromkeys(name_of(one) for verdicts in found.values() for one in verdicts)
        self.asked.notes += [f"asked again for {code}" for code in codes]
        told = [
            verdict.message if number == WHOLE else f"Turn {number}: {verdict.message}"
            for number, verdicts in sorted(found.items())
            for verdict in verdicts
        ]
        return self._prompts.repair(first, reply, told, sorted(self.asked.texts), self.wanted)

    def finish(self) -> Asked:
        """All that came of it."""
        asked = self.asked
        for one in self.wanted:
            if one.number in self._spare:
                asked.texts[one.number], advice = self._spare[one.number]
                asked.advice.append(advice)
                asked.faults.pop(one.number, None)
        if all(one.number in asked.texts for one in self.wanted):
            asked.faults = {}
        return asked


def name_of(verdict: Verdict) -> str:
    """The code of a finding as reports show it: ``lock: lost``."""
    return verdict.check if verdict.check == verdict.code else f"{verdict.check}: {verdict.code}"


def _number(text: str) -> int:
    bare = text.strip().removeprefix("turn").strip(" .:#")
    return int(bare) if bare.isdecimal() else WHOLE - 1


def _refusal(reply: Reply) -> str:
    """The provider's own sign of a refusal; asking again unchanged would only be refused, and paid, again."""
    if reply.refusal:
        return reply.refusal[:120]
    return "content filter" if reply.finish == "content_filter" else ""


def settled(segment: Segment, translation: str) -> Segment:
    """The segment with its translation."""
    return structs.replace(segment, translation=translation)
