"""Reader of EPIC-KITCHENS-100: what people do in their kitchens, narrated by themselves, many short actions a video.

Damen et al. 2022, https://github.com/epic-kitchens/epic-kitchens-100-annotations, ``EPIC_100_train.csv``: ``narration_id,
participant_id, video_id, narration_timestamp, start_timestamp, stop_timestamp, start_frame, stop_frame, narration, verb,
verb_class, noun, noun_class, all_nouns, all_noun_classes``. Times are ``00:00:01.89``; actions overlap, and the rows of a video
stand together but not in order. ``all_nouns`` is a Python list; in its names the thing goes before its kind (``ball:dough``
is a ball of dough, ``board:chopping`` a chopping board; both are said the second way here). ``EPIC_100_video_info.csv`` has the
videos' lengths.

Left out knowingly: ``narration_timestamp`` (when the narrator spoke, and empty for some), frames, ``noun`` (the first of
``all_nouns``) and the numbers of classes.
"""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from syphus.annotations.containers.pair_rows import Row, open_rows
from syphus.annotations.labels import clean
from syphus.annotations.naming import Names, make_name
from syphus.annotations.reading import Problem, Report
from syphus.annotations.videos.narrations import ABOUT_COMMANDS, ABOUT_WEARER
from syphus.annotations.videos.video_files import name_other
from syphus.annotations.videos.video_scenes import VideoOptions, finish, open_videos
from syphus.annotations.videos.videos import Moment, Moments, VideoFolder, find_duration
from syphus.errors import InputError
from syphus.records import Scene

_NEEDED = ("video_id", "start_timestamp", "stop_timestamp", "narration")
_STAMP = re.compile(r"(?:(\d{1,4}):)?(\d{1,3}):(\d{1,2}(?:\.\d{1,9})?)$")
_LONGEST_LIST = 10_000
"""Letters. ``ast.literal_eval`` is safe, but deep nesting could still exhaust it."""


class Options(VideoOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``path`` is ``EPIC_100_train.csv``, ``EPIC_100_validation.csv`` or the like."""

    suffix: str = ".MP4"
    info: Path | None = None
    """``EPIC_100_video_info.csv``: the lengths of the videos."""


def read(options: Options, report: Report) -> Iterator[Scene]:
    """A scene for each video, in the order of the file; its id is the video's.

    The rows of one video are held in memory. Where they do not stand together there are several scenes of it, which is reported.

    Args:
        options: the files.
        report: receives rows that cannot be used, or had to be mended.

    Raises:
        InputError: at once where there is no such file, or a column is missing.
    """
    videos = open_videos(options)
    rows = _open(options.path, _NEEDED, report)
    lengths = _read_lengths(options.info, report) if options.info else {}
    return finish(_make_scenes(rows, lengths, videos, options, report), options, report)


def _open(file: Path, needed: Iterable[str], report: Report) -> Iterator[Row]:
    rows = open_rows(file, report, encoding=None, delimiter=None)
    missing = [column for column in needed if column not in rows.columns]
    if missing:
        columns = ", ".join(f"`{column}`" for column in missing)
        raise InputError(
            f"has no column {columns}: this is no EPIC-KITCHENS file", file=file, mend=name_other(rows.columns)
        )
    return rows.rows


def _read_lengths(file: Path, report: Report) -> dict[str, float]:
    lengths: dict[str, float] = {}
    for row in _open(file, ("video_id", "duration"), report):
        try:
            length = find_duration(float(row.values["duration"]))
        except (TypeError, ValueError):
            length = None
        if length is None:
            report(Problem(file=str(file), place=row.place, message="`duration` is no length of time"))
        else:
            lengths[str(row.values["video_id"])] = length
    return lengths


def _make_scenes(
    rows: Iterator[Row], lengths: dict[str, float], videos: VideoFolder, options: Options, report: Report
) -> Iterator[Scene]:
    names = Names()
    seen: set[str] = set()
    for video, group in groupby(rows, key=lambda row: _take(row, "video_id")):
        first = next(group)
        duration = lengths.get(video)
        try:
            asset = videos.make_asset(video, duration=duration)
        except ValueError as error:
            for row in (first, *group):
                report(Problem(file=str(options.path), place=row.place, message=f"{error}; the row is left out"))
            continue
        if video in seen:
            message = f"rows of {video} stand apart from the others; they make another scene"
            report(Problem(file=str(options.path), place=first.place, message=message, lost=False))
        seen.add(video)
        moments = Moments(options.path, report, duration)
        for row in (first, *group):
            _add_row(moments, row)
        yield Scene(
            id=names.give(make_name(video)),
            assets=(asset,),
            segments=moments.segments(),
            prose=(ABOUT_WEARER, ABOUT_COMMANDS),
            metadata={
                "video": video,
                "participant": _take(first, "participant_id"),
                "narration_ids": moments.tags(),
            },
        )


def _take(row: Row, key: str) -> str:
    value = row.values.get(key)
    return clean(value) if isinstance(value, str) else ""


def _add_row(moments: Moments, row: Row) -> None:
    start, end = (read_stamp(_take(row, key)) for key in ("start_timestamp", "stop_timestamp"))
    if start is None or end is None:
        wrong = "start_timestamp" if start is None else "stop_timestamp"
        moments.tell(row.place, f"`{wrong}` is {row.values.get(wrong)!r:.40}, no `00:00:01.89`; the row is left out")
        return
    nouns, fault = read_nouns(_take(row, "all_nouns"))
    if fault:
        moments.tell(row.place, f"`all_nouns` {fault}; `noun` is taken instead", lost=False)
        nouns = (tidy_noun(_take(row, "noun")),)
    columns = {"verb": _take(row, "verb").replace("-", " "), "objects": ", ".join(filter(None, nouns))}
    moment = Moment(start, end, _take(row, "narration"), columns, row.place)
    moments.add(moment, tag=_take(row, "narration_id"))


def read_stamp(stamp: str) -> float | None:
    """``00:01:02.5`` in seconds; None where it is no such time."""
    found = _STAMP.match(stamp)
    return int(found[1] or 0) * 3600 + int(found[2]) * 60 + float(found[3]) if found else None


@lru_cache(maxsize=4096)
def read_nouns(text: str) -> tuple[tuple[str, ...], str]:
    """The nouns of a Python list, and what is wrong with it."""
    if not text:
        return (), ""
    if len(text) > _LONGEST_LIST:
        return (), f"has {len(text)} letters"
    try:
        with warnings.catch_warnings(action="ignore"):  # of odd backslashes
            nouns = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return (), f"is no list: {text[:40]!r}"
    if not isinstance(nouns, list) or not all(isinstance(noun, str) for noun in nouns):
        return (), f"is no list of words: {text[:40]!r}"
    return tuple(tidy_noun(noun) for noun in nouns), ""


def tidy_noun(noun: str) -> str:
    """``board:chopping`` as it is said: "chopping board"."""
    thing, *kinds = noun.split(":")
    return clean(" ".join((*kinds, thing)))
