"""How alike scenes are by their words: tf-idf over stems, and an inverted index over the rarer ones to find neighbours by.

Plain Python on flat arrays: about 300 bytes a scene of five captions, and no other package.
"""

import math
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from heapq import nlargest

from syphus.records import Scene

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+")
"""A word, or a single character of a script that sets no spaces."""
_REFERENCE = re.compile(r"\]\(#[^()]*\)")

_BUDGET = 4000
"""Entries of the index that are looked at for one scene, the rarest words' first. It bounds the time: without it, a word that
half of all scenes have would make the search quadratic."""
_COMPARED = 24
"""How many of the scenes that share rare words are compared in full."""


def describe(scene: Scene) -> str:
    """What a scene is compared by: its captions, its regions' texts, and its objects' labels, each as often as it is there."""
    texts = [caption.text for caption in scene.captions]
    texts += [region.text for region in scene.regions]
    if scene.objects:
        texts.append(", ".join(thing.label for thing in scene.objects))
    return _REFERENCE.sub("]", "\n".join(texts))


def stem(word: str) -> str:
    """A word without its commonest English endings: dogs, walking, walked. Crude, for words are only compared with words."""
    if len(word) > 3 and word.isascii():
        if word.endswith("ies") and len(word) > 4:
            return word[:-3] + "y"
        if word.endswith("s") and not word.endswith(("ss", "us", "is")):
            word = word[:-2] if word.endswith(("ches", "shes", "xes", "sses")) else word[:-1]
        for ending in ("ing", "ed"):
            base = word.removesuffix(ending)
            if base != word and len(base) > 2:
                return base[:-1] if base[-1] == base[-2] and base[-1] not in "lsz" else base
        if word.endswith("e") and len(word) > 4:
            return word[:-1]
    return word


class WordVectors:
    """The words of many scenes, as unit vectors."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._stems: dict[str, int] = {}
        """Number of the stem of each word met, so that stemming is done once a word."""
        self._frequency = array("I")
        self._starts = array("Q", [0])
        self._terms = array("I")
        self._weights = array("f")
        self._finished = False

    def __len__(self) -> int:
        return len(self._starts) - 1

    def add(self, text: str) -> bool:
        """Takes in the next scene; False, and nothing taken, where the text has no word."""
        counts = Counter(map(self._number, _WORD.findall(text.lower())))
        if not counts:
            return False
        for term, count in sorted(counts.items()):
            self._frequency[term] += 1
            self._terms.append(term)
            self._weights.append(1 + math.log(count))
        self._starts.append(len(self._terms))
        return True

    def _number(self, word: str) -> int:
        found = self._stems.get(word)
        if found is None:
            base = stem(word)
            found = self._stems[word] = self._numbers.setdefault(base, len(self._numbers))
            if found == len(self._frequency):
                self._frequency.append(0)
        return found

    def _finish(self) -> None:
        """Weighs each term by its rarity, and makes each vector one long."""
        self._finished = True
        idf = [math.log((1 + len(self)) / (1 + count)) + 1e-6 for count in self._frequency]
        for index in range(len(self)):
            start, end = self._starts[index], self._starts[index + 1]
            weights = [self._weights[at] * idf[self._terms[at]] for at in range(start, end)]
            norm = math.sqrt(sum(weight * weight for weight in weights)) or 1.0
            self._weights[start:end] = array("f", (weight / norm for weight in weights))

    def nearest(self, members: Sequence[int], count: int) -> Iterator[tuple[int, list[tuple[float, int]]]]:
        """For each of the members those of them most like it, as (cosine, scene) with the most alike first.

        Approximate: only scenes that share one of its rarer words are looked at.
        """
        if not self._finished:
            self._finish()
        index = self._index(members)
        for one in members:
            yield one, self._nearest(one, index, count)

    def _index(self, members: Iterable[int]) -> "dict[int, array[int]]":
        index: dict[int, array[int]] = {}
        terms, starts = self._terms, self._starts
        for member in members:
            for term in terms[starts[member] : starts[member + 1]]:
                if term not in index:
                    index[term] = array("I")
                index[term].append(member)
        return index

    def _nearest(self, one: int, index: "dict[int, array[int]]", count: int) -> list[tuple[float, int]]:
        start, end = self._starts[one], self._starts[one + 1]
        own = dict(zip(self._terms[start:end], self._weights[start:end], strict=True))
        shared: dict[int, float] = {}
        get = shared.get
        left = _BUDGET
        for term in sorted(own, key=lambda term: (len(index[term]), term)):
            others = index[term]
            left -= len(others)
            if left < 0 and shared and len(others) > _BUDGET // 8:
                break
            weight = own[term]
            for other in others[: _BUDGET * 2]:
                shared[other] = get(other, 0.0) + weight
        shared.pop(one, None)
        if len(shared) > _COMPARED:  # sorting bare numbers is three times as fast as a heap of pairs
            least = sorted(shared.values())[-_COMPARED]
            best = [other for other, weight in shared.items() if weight > least]
            best += [other for other, weight in shared.items() if weight == least][: _COMPARED - len(best)]
        else:
            best = list(shared)
        compared = [(self._cosine(own, other), other) for other in best]
        return nlargest(count, compared, key=lambda pair: (pair[0], -pair[1]))

    def _cosine(self, own: dict[int, float], other: int) -> float:
        start, end = self._starts[other], self._starts[other + 1]
        get = own.get
        return sum(
            get(term, 0.0) * weight
            for term, weight in zip(self._terms[start:end], self._weights[start:end], strict=True)
        )
