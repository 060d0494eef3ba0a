"""Reader of DiDeMo: sentences that point at one moment of a video, which several people looked for.

Hendricks et al. 2017, https://github.com/LisaAnne/LocalizingMoments (``train_data.json``): a list of ``{"video": "NAME.avi",
"description", "times": [[0, 1], ...], "num_segments", "dl_link", "annotation_id"}``. ``times`` are not seconds: each pair is one
person's first and last piece of five seconds, the last one included, counted from 0. Videos are cut to thirty seconds, so six
pieces at most. The pair that most people chose counts (of several the one that agrees best with the others); the column
``agreed`` says how many did, and all pairs are in ``metadata["times"]``, by ``annotation_id``.

Left out knowingly: ``num_segments``, which does not say how long the last piece is; what TEMPO adds (``context``,
``reference_description``).
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from syphus.annotations.json_shapes import Shape
from syphus.annotations.labels import clean
from syphus.annotations.naming import Names
from syphus.annotations.reading import Problem, Report
from syphus.annotations.videos.video_files import walk_lines
from syphus.annotations.videos.video_scenes import VideoOptions, finish, open_videos
from syphus.annotations.videos.videos import Moment, Moments, VideoFolder, find_video_name
from syphus.records import Asset, Scene

PIECE = 5.0
"""Seconds that one of ``times`` counts."""
_MOST = 10_000
"""Pieces of a video; more is a fault."""

Pair = tuple[int, int]


class Options(VideoOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``path`` is ``train_data.json``, ``val_data.json`` or ``test_data.json``."""


class _Found(Struct, frozen=True):
    video: str
    description: str
    times: list[list[float]]
    annotation_id: int | str | None = None
    dl_link: str | None = None


_found: Shape[_Found] = Shape(_Found, lenient=True)


def read(options: Options, report: Report) -> Iterator[Scene]:
    """A scene for each video, in the order in which they first come; its id is the video's name without suffix.

    All is held in memory, since the sentences of a video need not stand together; the whole of DiDeMo is 41,000.

    Args:
        options: the files.
        report: receives sentences that cannot be used.

    Raises:
        InputError: at once where there is no such file, or it is torn or of another kind.
    """
    folder = open_videos(options)
    videos: dict[str, list[tuple[str, _Found]]] = {}
    for line in walk_lines(options.path, _found, report, what="DiDeMo file"):
        videos.setdefault(line.record.video, []).append((line.place, line.record))
    return finish(_make_scenes(videos, folder, options, report), options, report)


def _make_scenes(
    videos: dict[str, list[tuple[str, _Found]]], folder: VideoFolder, options: Options, report: Report
) -> Iterator[Scene]:
    names = Names()
    for video in list(videos):
        sentences = videos.pop(video)  # let go of one by one
        try:
            asset = folder.make_asset(video)
        except ValueError as error:
            for place, _ in sentences:
                message = f"{error}; the sentence is left out"
                report(Problem(file=str(options.path), place=place, message=message))
            continue
        moments = Moments(options.path, report, None)
        times: dict[str, Any] = {}
        for place, found in sentences:
            _add_sentence(moments, found, place, times)
        name = find_video_name(video)
        url = next((found.dl_link for _, found in sentences if found.dl_link), None)
        yield Scene(
            id=names.give(name),
            assets=(Asset(id=asset.id, kind=asset.kind, path=asset.path, url=url),),
            segments=moments.segments(),
            metadata={"video": name, "annotation_ids": moments.tags(), "times": times},
        )


def _add_sentence(moments: Moments, found: _Found, place: str, times: dict[str, Any]) -> None:
    if not clean(found.description):
        moments.tell(place, "`description` is empty; it is left out")
        return
    pairs = [pair for pair in map(read_pieces, found.times) if pair]
    if len(pairs) < len(found.times):
        count = len(found.times) - len(pairs)
        moments.tell(place, f"{count} of {len(found.times)} `times` are no first and last piece; they are left out")
    if not pairs:
        moments.tell(place, "nobody found the moment; the sentence is left out")
        return
    best, count = choose_pair(pairs)
    columns = {"agreed": f"{count} of {len(pairs)} people"} if len(pairs) > 1 else {}
    span = best[0] * PIECE, (best[1] + 1) * PIECE
    if moments.add(Moment(*span, found.description, columns, place), tag=found.annotation_id):
        times[str(place if found.annotation_id is None else found.annotation_id)] = [list(pair) for pair in pairs]


def read_pieces(given: list[float]) -> Pair | None:
    """First and last piece, where ``given`` is such a pair."""
    if len(given) != 2 or not all(piece == int(piece) for piece in given if abs(piece) < _MOST):
        return None
    return (int(given[0]), int(given[1])) if 0 <= given[0] <= given[1] < _MOST else None


def choose_pair(pairs: list[Pair]) -> tuple[Pair, int]:
    """The pair that most people chose, and how many; of several that which overlaps the others' most."""
    counts = Counter(pairs)

    def overlap(pair: Pair) -> float:
        both = (max(0, min(pair[1], other[1]) - max(pair[0], other[0]) + 1) for other in pairs)
        either = (max(pair[1], other[1]) - min(pair[0], other[0]) + 1 for other in pairs)
        return sum(shared / whole for shared, whole in zip(both, either, strict=True))

    best = max(counts, key=lambda pair: (counts[pair], overlap(pair)))
    return best, counts[best]
