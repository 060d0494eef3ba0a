"""Reader of QVHighlights: sentences about clips of 150 seconds, with the windows they are true of and how striking these are.

Lei et al. 2021, https://github.com/jayleicn/moment_detr: JSON Lines ``{"qid", "query", "vid", "duration", "relevant_windows":
[[start, end]], "relevant_clip_ids", "saliency_scores": [[three people's]]}``. ``vid`` is ``NAME_start_end``: a clip of a YouTube
video. Windows are seconds of the clip; ``relevant_clip_ids`` count pieces of two seconds, each scored from 0 (very bad) to 4
(very good). The test file has neither windows nor scores. Lines of one clip make one scene.

A window has the mean of its pieces' scores in the column ``striking``; all scores stand in ``metadata["saliency"]``.
"""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

from msgspec import Struct

from syphus.annotations.json_shapes import Shape
from syphus.annotations.labels import clean
from syphus.annotations.naming import Names
from syphus.annotations.reading import Problem, Report
from syphus.annotations.videos.video_files import Line, LineReader, walk_lines
from syphus.annotations.videos.video_scenes import VideoOptions, finish, open_videos
from syphus.annotations.videos.videos import Moment, Moments, VideoFolder, find_duration
from syphus.records import Asset, Caption, Scene

PIECE = 2.0
"""Seconds that one of ``relevant_clip_ids`` stands for."""
BEST = 4
"""The highest score."""

_CLIP = re.compile(r"(?P<video>.+)_(?P<start>\d+(?:\.\d+)?)_(?P<end>\d+(?:\.\d+)?)$")


class Options(VideoOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``path`` is ``highlight_train_release.jsonl`` or the like.

    Where ``images`` holds the clip by its own name, that is the asset; else it is the whole video, from ``Asset.start`` on.
    """


class _Query(Struct, frozen=True):
    vid: str
    query: str
    qid: int | str | None = None
    duration: float | None = None
    relevant_windows: list[tuple[float, float]] | None = None
    relevant_clip_ids: list[int] | None = None
    saliency_scores: list[list[int | float]] | None = None


_query: Shape[_Query] = Shape(_Query)


def read(options: Options, report: Report) -> Iterator[Scene]:
    """A scene for each clip, in the order in which they first come; its id is ``vid``.

    The file is read twice, since the lines of a clip need not stand together: of each its place is held in memory.

    Args:
        options: the files.
        report: receives lines and times that cannot be used, or had to be mended.

    Raises:
        InputError: where there is no such file, or it is of another kind.
    """
    videos = open_videos(options)
    clips: dict[str, list[tuple[int, int]]] = {}
    for line in walk_lines(options.path, _query, report, what="QVHighlights file"):
        clips.setdefault(line.record.vid, []).append((line.number, line.offset))
    return finish(_make_scenes(clips, videos, options, report), options, report)


def _make_scenes(
    clips: dict[str, list[tuple[int, int]]], videos: VideoFolder, options: Options, report: Report
) -> Iterator[Scene]:
    names = Names()
    with LineReader(options.path, _query) as reader:
        for name, places in clips.items():
            lines = [Line(number, offset, reader.read(offset, number)) for number, offset in places]
            yield from _make_scene(name, lines, names, videos, options, report)


def _make_scene(
    name: str, lines: list[Line[_Query]], names: Names, videos: VideoFolder, options: Options, report: Report
) -> Iterator[Scene]:
    try:
        asset = _make_asset(name, [line.record.duration for line in lines], videos)
    except ValueError as error:
        for line in lines:
            message = f"{error}; the line is left out"
            report(Problem(file=str(options.path), place=f"line {line.number}", message=message))
        return
    moments = Moments(options.path, report, asset.duration)
    captions: list[Caption] = []
    saliency: dict[str, Any] = {}
    for line in lines:
        captions += _add_query(moments, line.record, f"line {line.number}")
        query = line.record
        if query.relevant_clip_ids and query.saliency_scores:
            pairs = zip(query.relevant_clip_ids, query.saliency_scores, strict=False)
            saliency[str(line.number if query.qid is None else query.qid)] = {
                str(piece): scores for piece, scores in pairs
            }
    metadata: dict[str, Any] = {"video": name, "qids": moments.tags()}
    if saliency:
        metadata["saliency"] = saliency
    yield Scene(
        id=names.give(name),
        assets=(asset,),
        captions=tuple(captions),
        segments=moments.segments(),
        metadata=metadata,
    )


def _make_asset(name: str, durations: list[float | None], videos: VideoFolder) -> Asset:
    found = _CLIP.match(name)
    start = float(found["start"]) if found else None
    length = float(found["end"]) - float(found["start"]) if found else None
    duration = find_duration(*durations, length)
    if not found or videos.has(name):
        return videos.make_asset(name, duration=duration)
    return videos.make_asset(found["video"], start=start, duration=duration)


def _add_query(moments: Moments, query: _Query, place: str) -> list[Caption]:
    """The windows of a sentence; without any it is only known to be true of the clip, and is a caption."""
    text = clean(query.query)
    if not text:
        moments.tell(place, "`query` is empty; the line is left out")
        return []
    if not query.relevant_windows:
        return [Caption(text=text)]
    scores = dict(zip(query.relevant_clip_ids or (), query.saliency_scores or (), strict=False))
    if len(query.relevant_clip_ids or ()) != len(query.saliency_scores or ()):
        moments.tell(place, "`relevant_clip_ids` and `saliency_scores` differ in number; the longer one is cut")
    for start, end in query.relevant_windows:
        inside = list(chain.from_iterable(given for piece, given in scores.items() if start <= piece * PIECE < end))
        columns = {"striking": f"{sum(inside) / len(inside):.1f} of {BEST}"} if inside else {}
        moments.add(Moment(start, end, text, columns, place), tag=query.qid)
    return []
