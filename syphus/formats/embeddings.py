"""The built-in embedding, and the search for neighbours by which MIMIC-IT's entries get their context.

``words`` is tf-idf over words and pairs of words: instructions that ask the same way are near, and no model and no library is
needed. It knows nothing of meaning and nothing of pictures.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, cast

from syphus.embedding import Item, Vector
from syphus.errors import InputError

_WORD = re.compile(r"\w+")
_COMMON = 1000
"""A feature that more items than this have says little, and looking through all of them would take long."""
_BLOCK = 512


def embed_words(items: Sequence[Item]) -> Iterator[Mapping[str, float]]:
    """The built-in embedding: words and pairs of words, weighted by how few of the items have them."""
    counts = [Counter(_features(item.text)) for item in items]
    spread = Counter(feature for count in counts for feature in count)
    for count in counts:
        yield {feature: number * math.log((1 + len(items)) / spread[feature]) for feature, number in count.items()}


def _features(text: str) -> Iterator[str]:
    words = _WORD.findall(text.lower())
    yield from words
    yield from (f"{first} {second}" for first, second in pairwise(words))


def find_nearest(vectors: Sequence[Vector], owners: Sequence[Any], count: int) -> list[list[int]]:
    """For each vector the ``count`` nearest ones by cosine, the nearest first; of equal ones those that came first.

    Args:
        vectors: all of one kind. Dense ones are compared with numpy, all with all: a minute for 50,000 of them.
        owners: whose they are; an item is never given one of its own owner's.
        count: how many; fewer where fewer have anything in common (sparse), or there are no more.

    Raises:
        InputError: the vectors are dense and numpy is not installed, or they are not of one length.
    """
    if not vectors:
        return []
    if isinstance(vectors[0], Mapping):
        return _find_sparse(cast("Sequence[Mapping[str, float]]", vectors), owners, count)
    return _find_dense(cast("Sequence[Sequence[float]]", vectors), owners, count)


def _find_sparse(vectors: Sequence[Mapping[str, float]], owners: Sequence[Any], count: int) -> list[list[int]]:
    places: dict[str, list[tuple[int, float]]] = {}
    scaled: list[dict[str, float]] = []
    for index, vector in enumerate(vectors):
        length = math.sqrt(math.fsum(value * value for value in vector.values())) or 1.0
        scaled.append({feature: value / length for feature, value in vector.items() if value})
        for feature, value in scaled[-1].items():
            places.setdefault(feature, []).append((index, value))
    nearest = []
    for index, vector in enumerate(scaled):
        scores: dict[int, float] = {}
        for feature, value in vector.items():
            if len(places[feature]) <= _COMMON:
                for other, weight in places[feature]:
                    scores[other] = scores.get(other, 0.0) + value * weight
        order = sorted(scores, key=lambda other, scores=scores: (-round(scores[other], 9), other))  # type: ignore[misc]
        nearest.append([other for other in order if owners[other] != owners[index]][:count])
    return nearest


def _find_dense(vectors: Sequence[Sequence[float]], owners: Sequence[Any], count: int) -> list[list[int]]:
    try:
        import numpy as np  # noqa: PLC0415 - only embeddings of other packages need it
    except ImportError as error:
        raise InputError(
            "this embedding's vectors are dense, and numpy, which compares them, is not installed",
            mend="pip install numpy",
        ) from error
    try:
        matrix = np.asarray(vectors, dtype=np.float32)
    except ValueError as error:
        raise InputError("the embedding's vectors are not of one length", mend="Mend the embedding.") from error
    matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    codes: dict[Any, int] = {}
    owned = np.asarray([codes.setdefault(owner, len(codes)) for owner in owners])
    nearest: list[list[int]] = []
    for start in range(0, len(matrix), _BLOCK):
        scores = matrix[start : start + _BLOCK] @ matrix.T
        scores[owned[start : start + _BLOCK, None] == owned[None, :]] = -np.inf
        order = np.argsort(-np.round(scores, 6), axis=1, kind="stable")[:, :count]
        nearest += [[int(other) for other in row if scores[index, other] > -np.inf] for index, row in enumerate(order)]
    return nearest
