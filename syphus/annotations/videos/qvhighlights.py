"""Reader of QVHighlights: sentences about clips of 150 seconds, with the windows they are true of and how striking these are.

Lei et al. 2021, https://github.com/jayleicn/moment_detr: JSON Lines ``{"qid", "query", "vid", "duration", "relevant_windows":
[[start, end]], "relevant_clip_ids", "saliency_scores": [[three people's]]}``. ``vid`` is ``NAME_start_end``: a clip of a YouTube
video. Windows are seconds of the clip; ``relevant_clip_ids`` count pieces of two seconds, each scored from 0 (very bad) to 4
(very good). The test file has neither windows nor scores. Others write their data in this form (Charades-STA, TACoS), also as one
JSON array, and some with sentences that are true nowhere: ``"relevant_windows": []``. Lines of one clip make one scene.

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
from syphus.annotations.videos.video_files import walk_lines
from syphus.annotations.videos.video_scenes import VideoOptions, finish, open_videos
from syphus.annotations.videos.videos import Moment, Moments, VideoFolder, find_duration, read_pair
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
    relevant_windows: list[list[float | None]] | None = None
    relevant_clip_ids: list[float] | None = None
    saliency_scores: list[list[int | float | None]] | None = None


_query: Shape[_Query] = Shape(_Query, lenient=True)


def read(options: Options, report: Report) -> Iterator[Scene]:
    """A scene for each clip, in the order in which they first come; its id is ``vid``.

    The lines are held in memory as they stand, since those of a clip need not stand together.

    Args:
        options: the files.
        report: receives lines and times that cannot be used, or had to be mended.

    Raises:
        InputError: where there is no such file, or it is of another kind.
    """
    videos = open_videos(options)
    clips: dict[str, list[tuple[str, bytes]]] = {}
    for line in walk_lines(options.path, _query, report, what="QVHighlights file"):
        clips.setdefault(line.record.vid, []).append((line.place, line.raw))
    return finish(_make_scenes(clips, videos, options, report), options, report)


def _make_scenes(
    clips: dict[str, list[tuple[str, bytes]]], videos: VideoFolder, options: Options, report: Report
) -> Iterator[Scene]:
    names = Names()
    for name in list(clips):
        decoded = ((place, _query.decode_one(raw)) for place, raw in clips.pop(name))  # let go of one by one
        lines = [(place, query) for place, query in decoded if isinstance(query, _Query)]
        yield from _make_scene(name, lines, names, videos, options, report)


def _make_scene(
    name: str, lines: list[tuple[str, _Query]], names: Names, videos: VideoFolder, options: Options, report: Report
) -> Iterator[Scene]:
    try:
        asset = _make_asset(name, [query.duration for _, query in lines], videos)
    except ValueError as error:
        for place, _ in lines:
            report(Problem(file=str(options.path), place=place, message=f"{error}; the line is left out"))
        return
    moments = Moments(options.path, report, asset.duration)
    captions: list[Caption] = []
    saliency: dict[str, Any] = {}
    for place, query in lines:
        captions += _add_query(moments, query, place)
        if query.relevant_clip_ids and query.saliency_scores:
            pairs = zip(query.relevant_clip_ids, query.saliency_scores, strict=False)
            saliency[place if query.qid is None else str(query.qid)] = {f"{piece:g}": scores for piece, scores in pairs}
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
    if query.relevant_windows is None:
        return [Caption(text=text)]
    if not query.relevant_windows:
        moments.tell(place, "`relevant_windows` is empty, so the sentence is true nowhere in the clip; it is left out")
        return []
    scores = dict(zip(query.relevant_clip_ids or (), query.saliency_scores or (), strict=False))
    if len(query.relevant_clip_ids or ()) != len(query.saliency_scores or ()):
        moments.tell(place, "`relevant_clip_ids` and `saliency_scores` differ in number; the longer one is cut")
    for window in query.relevant_windows:
        times = read_pair(window)
        if times is None:
            moments.tell(place, f"the window {window!r:.60} is no pair of seconds; it is left out")
            continue
        start, end = times
        given = chain.from_iterable(given for piece, given in scores.items() if start <= piece * PIECE < end)
        inside = [score for score in given if score is not None and 0 <= score <= BEST]
        columns = {"striking": f"{sum(inside) / len(inside):.1f} of {BEST}"} if inside else {}
        moments.add(Moment(start, end, text, columns, place), tag=query.qid)
    return []
