"""How alike scenes are by vectors that an embedding gives: cosine, all with all, in blocks. Needs numpy, imported inside."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from syphus.embedding import Embedding, Item
from syphus.errors import InputError

_AT_A_TIME = 256
_BLOCK = 1024


class EmbeddedVectors:
    """The vectors of many scenes, four bytes a number."""

    def __init__(self, embed: Embedding) -> None:
        try:
            self._numpy: Any = import_module("numpy")
        except ImportError as error:
            raise InputError(
                "comparing by an embedding needs numpy", mend="Install it: `pip install numpy`."
            ) from error
        self._embed = embed
        self._waiting: list[str] = []
        self._data = array("f")
        self._length = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, text: str) -> bool:
        """Takes in the next scene; False, and nothing taken, where there is no text."""
        if not text.strip():
            return False
        self._count += 1
        self._waiting.append(text)
        if len(self._waiting) >= _AT_A_TIME:
            self._embed_waiting()
        return True

    def _embed_waiting(self) -> None:
        texts, self._waiting = self._waiting, []
        if not texts:
            return
        given = list(self._embed([Item(text=text) for text in texts]))
        if any(isinstance(vector, Mapping) for vector in given):
            raise InputError("the embedding gave weights of words, and not numbers", mend="`words` itself compares so.")
        vectors = self._numpy.asarray(given, dtype="float32")
        wanted = (len(texts), self._length or (vectors.shape[1] if vectors.ndim == 2 else 0))
        if vectors.shape != wanted or not wanted[1] or not self._numpy.isfinite(vectors).all():
            raise InputError(
                f"the embedding gave {vectors.shape} numbers for {len(texts)} texts, or some that are none",
                mend="It must give one vector of finite numbers for each text, all of the same length.",
            )
        self._length = wanted[1]
        self._data.frombytes(vectors.tobytes())

    def nearest(self, members: Sequence[int], count: int) -> Iterator[tuple[int, list[tuple[float, int]]]]:
        """For each of the members those of them most like it, as (cosine, scene) with the most alike first."""
        self._embed_waiting()
        if not members:
            return
        numpy = self._numpy
        chosen = numpy.asarray(members)
        vectors = numpy.frombuffer(self._data, dtype="float32").reshape(-1, self._length)[chosen]
        norms = numpy.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors / numpy.where(norms == 0, 1, norms)
        count = min(count, len(members) - 1)
        for start in range(0, len(members), _BLOCK):
            alike = vectors[start : start + _BLOCK] @ vectors.T
            rows = numpy.arange(len(alike))
            alike[rows, start + rows] = -2
            # a stable order over all: equal cosines keep the order of the scenes on every machine
            best = numpy.argpartition(-alike, min(count, alike.shape[1] - 1), axis=1)[:, : count + 1]
            for row, columns in enumerate(best):
                pairs = sorted((-float(alike[row, column]), int(column)) for column in columns)
                yield members[start + row], [(-far, members[column]) for far, column in pairs[:count] if far < 2]
