"""A whole dataset examined: what each dialogue is by itself in other processes, what is there twice in this one.

Duplicates are looked for in the order of the set, so here; meanwhile the checks, the counts and the mending of the same
dialogues go on beside. A few dialogues are not worth the start of a process.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from typing import NamedTuple

from msgspec import structs

from syphus.errors import InputError
from syphus.quality.sets.duplicates import Duplicates
from syphus.quality.sets.examining import Examined, Judged, Left, Ruling, examine, pairs_of
from syphus.quality.sets.foreign import stance_in_set
from syphus.quality.sets.measures import Measures
from syphus.quality.sets.sample import Sample
from syphus.quality.stances import KEEPING
from syphus.records import Dialogue, Scene, Verdict
from syphus.references.text import plain_text

BATCH = 250
"""Dialogues that go to another process together."""
_ALONE = 8
"""Batches that are examined in this process before another is started."""
_AHEAD = 3
"""Batches for each process that are on their way: the next is there when one is done, and no more is held in memory."""


class Subject(NamedTuple):
    """A dialogue that is to be examined."""

    dialogue: Dialogue
    scene: Scene | None
    ruling: str
    """The name of the ruling that it is examined by."""


class Seen(NamedTuple):
    """A dialogue that was examined."""

    dialogue: Dialogue
    examined: Examined
    has_scene: bool


class _Part(NamedTuple):
    examined: list[Examined]
    measures: Measures


class Examination:
    """Examines a set, and counts it.

    Args:
        rulings: by name.
        processes: how many may work beside this one; 0: none.
    """

    def __init__(self, rulings: Mapping[str, Ruling], *, processes: int) -> None:
        self.measures = Measures()
        self.sample = Sample()
        self.duplicates = Duplicates()
        self._rulings = dict(rulings)
        self._processes = processes

    def run(self, subjects: Iterable[Subject]) -> Iterator[Seen]:
        """What becomes of each dialogue, in their order."""
        stream = iter(subjects)
        for batch in islice(_batches(stream), _ALONE if self._processes else None):
            yield from self._finish(batch, examine_part(batch, self._rulings), self._look(batch))
        rest = next(_batches(stream), None)
        if rest:
            yield from self._run_beside(rest, stream)

    def _run_beside(self, first: list[Subject], stream: Iterator[Subject]) -> Iterator[Seen]:
        # A fresh process and no fork: a fork would take the whole of this one's memory along.
        pool = ProcessPoolExecutor(self._processes, get_context("spawn"), _take_rulings, (self._rulings,))
        waiting: deque[tuple[list[Subject], Future[_Part], list[list[Verdict]]]] = deque()
        try:
            batch: list[Subject] | None = first
            while batch or waiting:
                if batch:
                    future = pool.submit(_examine_here, batch)
                    waiting.append((batch, future, self._look(batch)))
                    batch = next(_batches(stream), None)
                if waiting and (not batch or len(waiting) >= _AHEAD * self._processes):
                    done, future, repeated = waiting.popleft()
                    yield from self._finish(done, _result_of(future), repeated)
        finally:
            pool.shutdown(cancel_futures=True)

    def _look(self, batch: list[Subject]) -> list[list[Verdict]]:
        """What is looked at in the order of the set: duplicates, and the sample."""
        found = []
        for dialogue, _, _ in batch:
            pairs = pairs_of(dialogue)
            found.append(self.duplicates.add(dialogue, pairs))
            for turn, pair in enumerate(pairs):
                self.sample.add(f"{dialogue.id}/{turn}", plain_text(pair.question), plain_text(pair.answer))
        return found

    def _finish(self, batch: list[Subject], part: _Part, repeated: list[list[Verdict]]) -> Iterator[Seen]:
        self.measures.merge(part.measures)
        for subject, examined, verdicts in zip(batch, part.examined, repeated, strict=True):
            ruling = self._rulings[subject.ruling]
            whole = _join(examined, verdicts, ruling) if verdicts else examined
            yield Seen(subject.dialogue, whole, subject.scene is not None)


def _join(examined: Examined, repeated: list[Verdict], ruling: Ruling) -> Examined:
    """What was found in the order of the set, put to what the dialogue is by itself."""
    judged = [Judged(verdict, stance_in_set(verdict, ruling.rules.stances)) for verdict in repeated]
    gone = {one.verdict.turn: one.verdict for one in judged if one.stance not in KEEPING}
    left = {one.turn: list(one.reasons) for one in examined.left}
    if ruling.fix:
        for turn, verdict in gone.items():
            left.setdefault(turn or 0, []).append(verdict)
    return structs.replace(
        examined,
        judged=(*examined.judged, *judged),
        left=tuple(Left(turn, tuple(reasons)) for turn, reasons in sorted(left.items())),
        kept=tuple((turn, pair) for turn, pair in examined.kept if turn not in gone),
    )


def _batches(stream: Iterator[Subject]) -> Iterator[list[Subject]]:
    while batch := list(islice(stream, BATCH)):
        yield batch


def examine_part(batch: list[Subject], rulings: Mapping[str, Ruling]) -> _Part:
    """What each dialogue is by itself, and the counts of all of them."""
    measures = Measures()
    examined = []
    for dialogue, scene, name in batch:
        examined.append(examine(dialogue, scene, rulings[name]))
        measures.add(dialogue, pairs_of(dialogue), scene)
    return _Part(examined, measures)


def _result_of(future: Future[_Part]) -> _Part:
    try:
        return future.result()
    except BrokenProcessPool as error:
        mend = "Perhaps the memory ran out; --processes 1 works without others."
        raise InputError("a process that worked beside this one was ended from outside", mend=mend) from error


_here: dict[str, Ruling] = {}
"""The rulings of a process that works beside."""


def _take_rulings(rulings: dict[str, Ruling]) -> None:
    _here.update(rulings)


def _examine_here(batch: list[Subject]) -> _Part:
    return examine_part(batch, _here)
