"""Scenes of two pictures out of scenes of one: each with its most similar other one, to be compared.

MIMIC-IT's "general difference" pairs were the most similar pictures of COCO (Li et al., "MIMIC-IT", 2023, section 3.2), by an
embedding of the pixels; annotations do as well where they are what the model is told, and need no picture. What is most
similar is decided by the words of captions, regions and labels, or by an embedding of them from another package
(entry-point group ``syphus.embeddings``).
"""

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from tempfile import TemporaryFile
from typing import IO, Protocol

import msgspec

from syphus.annotations.naming import Names, find_stem
from syphus.annotations.reading import Problem, Report
from syphus.annotations.several.partner_scene import join_scenes
from syphus.annotations.several.partner_vectors import EmbeddedVectors
from syphus.annotations.several.partner_words import WordVectors, describe
from syphus.embedding import Embedding
from syphus.errors import InputError
from syphus.identity import draw_number
from syphus.records import Scene

LEAST = 0.15
"""The cosine that a pair must have: below it the two have little more in common than that both are pictures."""
ALIKE = 0.95
"""The cosine above which two annotations are the same: the picture is there under two ids, or there is nothing to tell."""
_CANDIDATES = 8
_ROUNDS = 12
_COCO = re.compile(r"^coco_\w+?_(?=\d)")


class _Similarities(Protocol):
    def add(self, text: str) -> bool: ...

    def nearest(self, members: Sequence[int], count: int) -> Iterator[tuple[int, list[tuple[float, int]]]]: ...


def pair_similar(
    scenes: Iterable[Scene],
    *,
    report: Report,
    seed: int = 0,
    embed: Embedding | None = None,
    once: bool = True,
    least: float = LEAST,
) -> Iterator[Scene]:
    """Scenes ``a+b`` of two pictures each, most similar first paired, in the order in which the first of each came.

    Assets are ``first`` and ``second``; ids of objects and regions have that in front of them (``first.o1``).
    ``metadata["similarity"]`` is the cosine. Nothing is paired with itself, with the same picture under another id, or twice.
    All scenes are read before the first pair comes; they are kept in a temporary file, in memory only what is compared.

    Args:
        scenes: of one picture each; others, and those without captions, regions and objects, are passed over.
        report: receives what is passed over, and how many found no partner.
        seed: decides which of two is the first, and between equals.
        embed: None: by words.
        once: each picture in one pair at most. Otherwise each with its most similar one, so that a picture may come often.
        least: the cosine that a pair must have.

    Raises:
        InputError: the disk is full, or the embedding gives no vectors.
    """
    similar: _Similarities = EmbeddedVectors(embed) if embed else WordVectors()
    try:
        with TemporaryFile(prefix="syphus-partners-") as file:
            kept = _Kept(file)
            for scene in scenes:
                reason = _find_reason(scene) or ("" if similar.add(describe(scene)) else "its annotations have no word")
                if reason:
                    message = f"{reason}; the scene is passed over"
                    report(Problem(file=scene.source or "scenes", place=f"scene {scene.id}", message=message))
                else:
                    kept.add(scene)
            match = _match_once if once else _match_best
            pairs = sorted(match(similar, kept, seed, least), key=lambda pair: (min(pair[:2]), max(pair[:2])))
            lonely = len(kept) - len({one for pair in pairs for one in pair[:2]})
            if lonely:
                message = f"{lonely} of {len(kept)} scenes found no partner with a similarity of {least:g} or more"
                report(Problem(file="scenes", place="partners", message=message))
            names = Names()
            for one, other, cosine in pairs:
                if _rank(seed, one, other) > 0:
                    one, other = other, one  # noqa: PLW2901 (which is first is drawn here)
                yield join_scenes(kept.get(one), kept.get(other), similarity=cosine, name=names.give)
    except OSError as error:
        raise InputError(
            f"the scenes to be paired cannot be kept in a temporary file: {error.strerror or error}",
            mend="Free some space, or name another folder in the environment variable TMPDIR.",
        ) from error


def _find_reason(scene: Scene) -> str:
    """Why a scene cannot be one of two; empty where it can."""
    if len(scene.assets) != 1:
        return "it has no picture" if not scene.assets else f"it has {len(scene.assets)} assets"
    if scene.assets[0].kind != "image":
        return f"it is no picture but a {scene.assets[0].kind.replace('_', ' ')}"
    return "" if scene.captions or scene.objects or scene.regions else "it has no captions, regions or objects"


class _Kept:
    """The scenes, in a file, and which picture each is of."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._starts = array("Q", [0])
        self._pictures = array("Q")
        self._decoder = msgspec.msgpack.Decoder(Scene)
        self._encoder = msgspec.msgpack.Encoder()

    def __len__(self) -> int:
        return len(self._pictures)

    def add(self, scene: Scene) -> None:
        body = self._encoder.encode(scene)
        self._file.write(body)
        self._starts.append(self._starts[-1] + len(body))
        asset = scene.assets[0]
        name = _COCO.sub("", find_stem(asset.path or asset.url or "").lower()) or f"/{scene.id}"
        self._pictures.append(int.from_bytes(blake2b(name.encode("utf-8", "replace"), digest_size=8).digest(), "big"))

    def get(self, index: int) -> Scene:
        self._file.seek(self._starts[index])
        return self._decoder.decode(self._file.read(self._starts[index + 1] - self._starts[index]))

    def may_pair(self, one: int, other: int) -> bool:
        return one != other and self._pictures[one] != self._pictures[other]


_Pair = tuple[int, int, float]


def _rank(seed: int, one: int, other: int) -> int:
    return draw_number(seed, "first", min(one, other), max(one, other)) % 2


def _find_edges(
    similar: _Similarities, kept: _Kept, members: Sequence[int], least: float, count: int
) -> Iterator[tuple[int, list[tuple[float, int]]]]:
    for one, found in similar.nearest(members, count):
        yield (
            one,
            [(cosine, other) for cosine, other in found if least <= cosine <= ALIKE and kept.may_pair(one, other)],
        )


def _match_best(similar: _Similarities, kept: _Kept, seed: int, least: float) -> Iterator[_Pair]:
    """Each with its most similar one, no pair twice."""
    del seed
    known: set[tuple[int, int]] = set()
    for one, found in _find_edges(similar, kept, range(len(kept)), least, _CANDIDATES):
        for cosine, other in found[:1]:
            key = (min(one, other), max(one, other))
            if key not in known:
                known.add(key)
                yield (*key, round(cosine, 4))


def _match_once(similar: _Similarities, kept: _Kept, seed: int, least: float) -> Iterator[_Pair]:
    """The most similar two are a pair, then the most similar two of the others; again for those whose likes are all taken."""
    free: Sequence[int] = range(len(kept))
    for _ in range(_ROUNDS):
        ones, others, cosines = array("I"), array("I"), array("f")
        for one, found in _find_edges(similar, kept, free, least, _CANDIDATES):
            for cosine, other in found:
                ones.append(one)
                others.append(other)
                cosines.append(cosine)
        taken = bytearray(len(kept))
        # Ranked by the cosine as it is stored, so that a pair found from both sides ranks the same; the seed parts equals.
        order = sorted(range(len(ones)), key=_ranking(cosines, ones, others, seed))
        for edge in order:
            one, other = ones[edge], others[edge]
            if not taken[one] and not taken[other]:
                taken[one] = taken[other] = 1
                yield one, other, round(cosines[edge], 4)
        before = len(free)
        free = [one for one in free if not taken[one]]
        if len(free) == before or len(free) < 2:
            return


def _ranking(cosines: "array[float]", ones: "array[int]", others: "array[int]", seed: int) -> Callable[[int], int]:
    """What edges are sorted by: the cosine, downwards; then something drawn with the seed; then the scenes.

    One number, for there may be a million edges, and tuples of four would take 200 bytes each.
    """

    def rank(edge: int) -> int:
        low, high = sorted((ones[edge], others[edge]))
        far = 1_000_000 - round(cosines[edge] * 1_000_000)
        drawn = (low * 2654435761 + high * 40503 + seed * 2246822519) & 0xFFFFFFFF
        return far << 96 | drawn << 64 | low << 32 | high

    return rank
