"""Translation memory: a question that comes again and again is paid for once per language.

Templates repeat themselves over a dataset ("Describe this image in detail."). Such questions are found while the source is
read, before anything is asked, and put together into requests of their own. Every dialogue that holds one makes that very
request first, so it is sent once, whoever comes first, and replayed ever after; the dialogue is then asked for with those
turns settled. Nothing but the source decides what is in the memory: not the order in which replies arrive, not a limit, not
where a start was killed.

Only what the user says first is certain to mean the same everywhere. A later question is left to its dialogue where it points
back ("What colour is it?"): its words may bend to what was said before.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple

from syphus.jobs.translation_prompts import Segment
from syphus.quality.translation.locks import mask
from syphus.records import Dialogue

LEAST_TIMES = 2
"""A question that comes so often is in the memory."""
MOST_CHARACTERS = 400
"""Longer ones hold more than a template."""
_TOGETHER = 24
"""Questions in one request, at most."""
_ENDS = 16
"""A request ends behind one question in so many, by that question's digest: one that is new moves no other into another request."""
_SLOTS = 1 << 24
_POINTS_BACK = re.compile(
    r"\b(?:it|its|he|him|his|she|her|hers|they|them|their|theirs|this|that|these|those|one|ones|there|else|other|others|"
    r"same|also|too|then|so|above|previous|earlier)\b",
    re.IGNORECASE,
)


class Memory(NamedTuple):
    """Repeated questions, their locks masked, in the requests that ask for them."""

    requests: tuple[tuple[str, ...], ...] = ()
    places: dict[str, tuple[int, int]] = {}  # noqa: RUF012 - never written
    """Question -> number of its request, and its place in it."""
    times: int = 0
    """How often they stand in the source, all together."""
    code: str = "en"
    """Of which language they are; dialogues in another one ask for all themselves."""

    def segments(self, number: int) -> list[Segment]:
        """What one request asks for."""
        return [Segment(index, "user", text) for index, text in enumerate(self.requests[number], start=1)]


def repeated(dialogue: Dialogue, names: Sequence[str], code: str = "en") -> Iterator[tuple[int, str]]:
    """The turns of a dialogue that may stand in the memory: index, and text with its locks masked.

    Args:
        dialogue: one of the source.
        names: locked.
        code: the language of the memory. What points back is known of English alone.
    """
    if dialogue.language.partition("-")[0].lower() != code:
        return
    for index in range(0, len(dialogue.turns), 2):
        text = dialogue.turns[index].text
        if len(text) > MOST_CHARACTERS or (index and (code != "en" or _POINTS_BACK.search(text))):
            continue
        masked = mask(text.strip(), names)
        if masked.has_words:
            yield index, masked.text


def make_memory(read: Callable[[], Iterable[Dialogue]], names: Sequence[str] = (), code: str = "en") -> Memory:
    """The memory of a source, which is read twice; what is held is 16 MB and the questions that repeat.

    Args:
        read: begins a reading of the source anew.
        names: locked.
        code: the language of the source; dialogues in others are left out.
    """
    counts, any_repeats = bytearray(_SLOTS), False
    for dialogue in read():
        for _, text in repeated(dialogue, names, code):
            slot = _slot(text)
            counts[slot] = min(255, counts[slot] + 1)
            any_repeats = any_repeats or counts[slot] >= LEAST_TIMES
    if not any_repeats:
        return Memory()
    # Two questions may share a slot, so those that seem to repeat are counted once more, by themselves.
    exact: Counter[str] = Counter()
    for dialogue in read():
        exact.update(text for _, text in repeated(dialogue, names, code) if counts[_slot(text)] >= LEAST_TIMES)
    often = [text for text, times in exact.items() if times >= LEAST_TIMES]
    requests = tuple(_requests(often))
    places = {text: (number, at) for number, texts in enumerate(requests) for at, text in enumerate(texts)}
    return Memory(requests, places, sum(exact[text] for text in often), code)


def _requests(texts: Iterable[str]) -> Iterator[tuple[str, ...]]:
    stream = iter(texts)
    while first := list(islice(stream, 1)):
        together = first
        while len(together) < _TOGETHER and _digest(together[-1]) % _ENDS and (more := next(stream, None)) is not None:
            together.append(more)
        yield tuple(together)


def _slot(text: str) -> int:
    return _digest(text) % _SLOTS


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
