"""Translating dialogues: one dialogue, one language, in as few requests as it takes.

A pure coroutine over ``ask``, as :mod:`syphus.jobs.generate` is: run again on the same replies it gives the same outcome. A
dialogue goes over whole, so that a word stays the same through all its turns; a long one in parts, each shown what came
before it. One turn that cannot be translated is the end of its dialogue: a dataset in which turns are missing teaches to
skip them.
"""

from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, cast

from msgspec import Struct, field, structs

from syphus.errors import REFUSED_FOR_GOOD, InputError, ModelError
from syphus.exchange import Ask, Item, Outcome, Reject, Request
from syphus.identity import code_fingerprint, digest
from syphus.jobs.translation_asking import Asked, ask_for, name_of, settled
from syphus.jobs.translation_memory import Memory, repeated
from syphus.jobs.translation_prompts import Segment, TranslationPrompts
from syphus.quality.translation.languages import Language, find_language
from syphus.quality.translation.locks import Masked, already_masked, mask, unmask
from syphus.records import Dialogue, Provenance, Turn, Verdict

FAMILY = "translate"
"""Translations stand in a ledger under ``translate/<tag>``, beside the categories of the run."""
TRANSLATED_FROM = "translated_from"
"""The key of ``Dialogue.metadata`` that says which language a dialogue was translated from. Its id is the source's, so that
is not said again; and it is no ``related`` one, for exporters put those into the context of a sample."""
MEMORY_ITEM = "(memory)"
"""The name under which another draw of a language's memory is noted."""

_PART = 6000
"""Characters of source in one request: about 1,500 tokens. More, and models begin to leave things out."""
_SHOWN = 3000
"""Characters of what came before that a later part is shown, at most."""
_DIALOGUES_AT_A_TIME = 256
"""So many dialogues go into one language before the next language's turn, as scenes do into a category."""
DECIDING = (
    *("jobs/translate", "jobs/translation_asking", "jobs/translation_memory", "jobs/translation_prompts"),
    *("quality/leaks_languages", "quality/repeats", "quality/vocabulary", "quality/wordings"),
    *(f"quality/translation/{name}" for name in ("checking", "identifying", "languages", "locks", "numerals")),
    *("categories/reply", "categories/exact", "categories/fitting", "categories/labelled", "categories/reading"),
    *("categories/templates", "references/text", "records"),
)
"""The modules whose code decides what an outcome is; a test holds them against what is imported. Not whole rooms: a change
of the checks for generated pairs would have a million translations looked at again."""


class TranslateItem(Struct, frozen=True, kw_only=True):
    """One dialogue for one language."""

    dialogue: Dialogue
    prompts: TranslationPrompts
    memory: Memory = field(default_factory=Memory)
    draw: int = 0
    """How often it was asked for anew although nothing had changed."""
    memory_draw: int = 0
    version: str = ""
    """Of the prompts, the glossary, the style and the model."""
    basis: str = ""
    """The fingerprint of all that the outcome depends on but the replies; empty: it is always made again.

    What is in the memory is no part of it: a source that grows makes more questions repeat, and what was translated before
    they did is as good as ever."""

    @property
    def category(self) -> str:
        """``translate/zh``."""
        return self.prompts.category

    @property
    def scene_id(self) -> str:
        """The scene of the dialogue, with its source."""
        dialogue = self.dialogue
        return f"{dialogue.source}/{dialogue.scene}" if dialogue.source else dialogue.scene

    @property
    def id(self) -> str:
        """Unique in the run, and the same in every start of it."""
        return f"{self.dialogue.id}@{self.prompts.language.tag}"


def category_of(language: Language) -> str:
    """Under what the translations into a language stand in the ledger."""
    return f"{FAMILY}/{language.tag}"


def make_items(
    dialogues: Iterable[Dialogue],
    languages: Sequence[Language],
    prompts_of: Callable[[Language, Language], TranslationPrompts],
    memory: Memory,
    *,
    settings: Any = None,
    draw_of: Callable[[str], int] = lambda _: 0,
    origin: Language,
) -> Iterator[TranslateItem]:
    """The items of a translation, those of one language standing together; reads dialogues only as items are taken.

    Args:
        dialogues: the source, in its order.
        languages: to translate into.
        prompts_of: the prompts from one language into another.
        memory: of the whole source.
        settings: what is sent besides the prompts; None: items without a basis.
        draw_of: how often an item, by its id, was asked for anew.
        origin: the language of dialogues whose own is no tag.
    """
    code = code_fingerprint(*DECIDING) if settings is not None else ""
    versions: dict[str, str] = {}
    stream = iter(dialogues)
    while block := list(islice(stream, _DIALOGUES_AT_A_TIME)):
        digests = [digest(dialogue) if code else "" for dialogue in block]
        for language in languages:
            memory_draw = draw_of(f"{MEMORY_ITEM}@{language.tag}")
            for dialogue, source_digest in zip(block, digests, strict=True):
                prompts = prompts_of(_origin_of(dialogue, origin), language)
                name = f"{prompts.origin.tag}>{language.tag}"
                if code and name not in versions:
                    versions[name] = version_of(prompts, settings)
                item = TranslateItem(
                    dialogue=dialogue,
                    prompts=prompts,
                    memory=memory,
                    memory_draw=memory_draw,
                    version=versions.get(name, ""),
                )
                draw = draw_of(item.id)
                basis = digest(f"{code}{item.version}{source_digest}:{draw}") if code else ""
                yield structs.replace(item, draw=draw, basis=basis)


def version_of(prompts: TranslationPrompts, settings: Any) -> str:
    """The fingerprint of what is asked of a language, with the model: another one makes a new generation of translations."""
    asked = (prompts.prefix, prompts.repair_text, prompts.terms, prompts.sent_seed, prompts.reasoning_effort)
    return digest((asked, settings))


def _origin_of(dialogue: Dialogue, otherwise: Language) -> Language:
    try:
        return find_language(dialogue.language)
    except InputError:
        return otherwise


def translate_job() -> Callable[[Item, Ask], Coroutine[Any, Any, Outcome]]:
    """The job of a run. What it has read of the memory it keeps, for as long as it lives."""
    known: dict[tuple[str, int, int], Asked] = {}

    async def job(item: Item, ask: Ask) -> Outcome:
        return await _Translating(cast("TranslateItem", item), ask, known).make()

    return job


def planned_requests(item: TranslateItem) -> Iterator[Request]:
    """What a dialogue asks for itself, as far as that can be known before: questions of the memory are taken as settled.

    What later parts are shown of earlier ones is not known yet; the source stands in for it, which has about its length.
    """
    translating = _Translating(item, _no_ask, {})
    if translating.skipped:
        return
    for index, text in repeated(item.dialogue, item.prompts.terms.names, item.memory.code):
        if text in item.memory.places:
            translating.settle(index + 1, text)
    for part in translating.parts():
        segments = translating.with_what_came_before(part)
        if any(one.is_open for one in segments):
            yield item.prompts.request(segments, draw=item.draw)
        for one in part:
            translating.settle(one.number, one.text)


async def _no_ask(_: Request) -> Any:
    raise NotImplementedError


class _Translating:
    """The translation of one dialogue. Lives for one call."""

    def __init__(self, item: TranslateItem, ask: Ask, known: dict[tuple[str, int, int], Asked]) -> None:
        self.item = item
        self.prompts = item.prompts
        self.dialogue = item.dialogue
        self.ask = ask
        self.known = known
        self.keys: list[str] = []
        self.notes: list[str] = []
        self.advice: list[Verdict] = []
        self.model = ""
        texts = [turn.text for turn in self.dialogue.turns]
        roles = [turn.role for turn in self.dialogue.turns]
        # The system message is number 0, so that the numbers of the turns are those that people count.
        numbers = range(1, len(texts) + 1)
        named: list[tuple[int, str, str]] = [*zip(numbers, roles, texts, strict=True)]
        if self.dialogue.system.strip():
            named.insert(0, (0, "system", self.dialogue.system))
        self.sources = {number: text for number, _, text in named}
        self.locks: dict[int, Masked] = {
            number: mask(text.strip(), self.prompts.terms.names) for number, _, text in named
        }
        self.segments = {number: Segment(number, role, self.locks[number].text) for number, role, _ in named}
        for number, masked in self.locks.items():
            if not masked.has_words:
                self.settle(number, masked.text)

    @property
    def skipped(self) -> str:
        """Why nothing is to be done."""
        language = self.prompts.language
        same = language.code == self.prompts.origin.code and language.script == self.prompts.origin.script
        return f"it is in {language.tag} already" if same else ""

    def settle(self, number: int, translation: str) -> None:
        """The translation of a segment is known."""
        self.segments[number] = settled(self.segments[number], translation)

    async def make(self) -> Outcome:
        """The outcome, whatever happens; only the model's own failures are exceptions."""
        if self.skipped:
            return Outcome(skipped=self.skipped)
        await self._remember()
        for part in self.parts():
            segments = self.with_what_came_before(part)
            asked = await ask_for(self.prompts, segments, self.locks, self.ask, draw=self.item.draw)
            self._note(asked)
            for number, text in asked.texts.items():
                self.settle(number, text)
            if asked.faults:
                return Outcome(rejects=_rejects(asked), notes=tuple(self.notes), requests=tuple(self.keys))
        return Outcome(dialogues=(self._dialogue(),), notes=tuple(self.notes), requests=tuple(self.keys))

    async def _remember(self) -> None:
        """Settles the questions that are in the memory."""
        places, code = self.item.memory.places, self.item.memory.code
        for index, text in repeated(self.dialogue, self.prompts.terms.names, code) if places else ():
            if text not in places:
                continue
            number, at = places[text]
            asked = await self._ask_memory(number)
            if (translation := asked.texts.get(at + 1)) is not None:
                self.settle(index + 1, translation)
                self.keys += [key for key in asked.keys if key not in self.keys]
                self.model = asked.model or self.model

    async def _ask_memory(self, number: int) -> Asked:
        """What one request of the memory gives; nothing where it cannot be had, so that the dialogue asks for itself."""
        draw = self.item.memory_draw
        name = (f"{self.prompts.origin.tag}>{self.prompts.language.tag}", number, draw)
        if name not in self.known:
            segments = self.item.memory.segments(number)
            locks = {one.number: already_masked(one.text) for one in segments}
            try:
                self.known[name] = await ask_for(self.prompts, segments, locks, self.ask, kind="memory", draw=draw)
            except ModelError as error:
                if error.kind not in REFUSED_FOR_GOOD:
                    raise
                self.known[name] = Asked()
        return self.known[name]

    def parts(self) -> Iterator[list[Segment]]:
        """The segments in requests, cut between pairs; each as it stands when its turn comes."""
        pairs: list[list[int]] = [[0]] if 0 in self.segments else []
        pairs += [[number, number + 1] for number in range(1, len(self.dialogue.turns), 2)]
        part: list[int] = []
        size = 0
        for pair in pairs:
            length = sum(len(self.segments[number].text) for number in pair if self.segments[number].is_open)
            if part and size + length > _PART:
                yield [self.segments[number] for number in part]
                part, size = [], 0
            part += pair
            size += length
        if part:
            yield [self.segments[number] for number in part]

    def with_what_came_before(self, part: Sequence[Segment]) -> list[Segment]:
        """A part with the end of what is before it, settled by now."""
        before: list[Segment] = []
        size = 0
        for number in sorted((number for number in self.segments if number < part[0].number), reverse=True):
            one = self.segments[number]
            size += len(one.text) + len(one.translation or "")
            if size > _SHOWN:
                break
            before.insert(0, one)
        return [*before, *part]

    def _note(self, asked: Asked) -> None:
        self.keys += asked.keys
        self.notes += asked.notes
        self.advice += asked.advice
        self.model = asked.model or self.model

    def _dialogue(self) -> Dialogue:
        texts = {number: self._text(number) for number in self.segments}
        turns = tuple(
            Turn(role=turn.role, text=texts[number]) for number, turn in enumerate(self.dialogue.turns, start=1)
        )
        return structs.replace(
            self.dialogue,
            language=self.prompts.language.tag,
            system=texts.get(0, self.dialogue.system),
            turns=turns,
            metadata=self.dialogue.metadata | {TRANSLATED_FROM: self.prompts.origin.tag},
            provenance=Provenance(
                category=self.item.version,
                requests=tuple(dict.fromkeys(self.keys)),
                model=self.model,
                seed=self.prompts.sent_seed or 0,
            ),
            verdicts=tuple(dict.fromkeys(self.advice)),
        )

    def _text(self, number: int) -> str:
        """A translation with its locks, and the white space around it that the text had."""
        source = self.sources[number]
        bare = source.strip()
        start = source.index(bare) if bare else 0
        text = unmask((self.segments[number].translation or "").strip(), self.locks[number].locks)
        return source[:start] + text + source[start + len(bare) :]


def _rejects(asked: Asked) -> tuple[Reject, ...]:
    return tuple(
        Reject(
            code=name_of(verdict),
            message=verdict.message if number < 0 else f"turn {number}: {verdict.message}",
            step="dialogue",
            evidence=verdict.evidence,
        )
        for number, verdicts in sorted(asked.faults.items())
        for verdict in verdicts
    )
