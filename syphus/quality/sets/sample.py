"""A sample of a set that is the same however the set was divided, and what is measured on it.

Distinct-n falls with the number of texts, so two sets can be compared only over as many; novelty compares each text with all
others. Both are taken over those pairs whose fingerprints are the lowest ("bottom k", Cohen and Kaplan 2007): each pair is as
likely as any other, parts are put together by keeping the lowest of both, and no order of reading changes it.
"""

from collections.abc import Sequence
from hashlib import blake2b
from heapq import heappush, heappushpop
from typing import Any, Self

from msgspec import Struct, field
from rapidfuzz import process
from rapidfuzz.distance import Indel

from syphus.quality.novelty import NOVEL_BELOW
from syphus.quality.sets.duplicates import Coder
from syphus.quality.vocabulary import split_words

SAMPLE = 10_000
"""Pairs over which distinct-n is taken."""
NOVELTY_SAMPLE = 2_000
"""Pairs over which novelty is taken, the lowest of these."""


class Sample(Struct):
    """The pairs with the lowest fingerprints."""

    size: int = SAMPLE
    _heap: list[tuple[int, str, str]] = field(default_factory=list)
    """Fingerprints with their sign changed: the highest, the first to go, is the heap's first."""

    def add(self, name: str, question: str, answer: str) -> None:
        """Looks at a pair.

        Args:
            name: of the pair, another for each.
            question: without references.
            answer: the same.
        """
        digest = blake2b(name.encode(errors="replace"), digest_size=8).digest()
        self._push((-int.from_bytes(digest, "big"), question, answer))

    def _push(self, entry: tuple[int, str, str]) -> None:
        heap = self._heap
        if len(heap) < self.size:
            heappush(heap, entry)
        elif entry > heap[0]:
            heappushpop(heap, entry)

    def merge(self, other: Self) -> None:
        """Keeps the lowest of both."""
        for entry in other._heap:
            self._push(entry)

    def pairs(self) -> list[tuple[str, str]]:
        """Question and answer, the lowest fingerprint first."""
        return [(question, answer) for _, question, answer in sorted(self._heap, reverse=True)]

    def figures(self) -> dict[str, Any]:
        """Distinct-1, 2, 3 of questions and of answers, and how new the questions and answers are beside each other."""
        pairs = self.pairs()
        found: dict[str, Any] = {"sample": len(pairs)}
        for side, name in enumerate(("questions", "answers")):
            texts = [pair[side] for pair in pairs]
            found[f"distinct_{name}"] = {str(n): round(share, 4) for n, share in distinct(texts).items()}
            found[f"novelty_{name}"] = novelty(texts[:NOVELTY_SAMPLE])
        return found


def distinct(texts: Sequence[str]) -> dict[int, float]:
    """Distinct-1, 2 and 3: different n-grams of words by all n-grams (Li et al. 2016, arXiv:1510.03055)."""
    words = [split_words(text) for text in texts]
    found = {}
    for n in (1, 2, 3):
        different: set[tuple[str, ...]] = set()
        total = 0
        for one in words:
            grams = list(zip(*(one[shift:] for shift in range(n)), strict=False))
            different.update(grams)
            total += len(grams)
        found[n] = len(different) / total if total else 0.0
    return found


def novelty(texts: Sequence[str]) -> dict[str, float]:
    """How near each text comes to the nearest other one: mean ROUGE-L F1, and the share that stays below 0.7.

    Self-instruct (Wang et al. 2023) keeps what stays below 0.7, and shows the distribution of the nearest in its figure 4.
    """
    coder = Coder()
    coded = [coder.code(text) for text in texts]
    if len(coded) < 2:
        return {"nearest": 0.0, "novel": 1.0}
    nearest = []
    for at, one in enumerate(coded):
        others = coded[:at] + coded[at + 1 :]
        found = process.extractOne(one, others, scorer=Indel.normalized_similarity)
        nearest.append(float(found[1]) if found else 0.0)
    novel = sum(1 for one in nearest if one < NOVEL_BELOW) / len(nearest)
    return {"nearest": round(sum(nearest) / len(nearest), 4), "novel": round(novel, 4)}
