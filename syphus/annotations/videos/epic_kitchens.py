"""Reader of EPIC-KITCHENS-100: what people do in their kitchens, narrated by themselves, many short actions a video.

Damen et al. 2022, https://github.com/epic-kitchens/epic-kitchens-100-annotations, ``EPIC_100_train.csv``: ``narration_id,
participant_id, video_id, narration_timestamp, start_timestamp, stop_timestamp, start_frame, stop_frame, narration, verb,
verb_class, noun, noun_class, all_nouns, all_noun_classes``. Times are ``00:00:01.89``; actions overlap, and the rows of a video
stand in no order, and in some files far from each other. ``all_nouns`` is a Python list; in its names the thing goes before its kind (``ball:dough``
is a ball of dough, ``board:chopping`` a chopping board; both are said the second way here). ``EPIC_100_video_info.csv`` has the
videos' lengths. EPIC-KITCHENS-55 has ``uid`` for ``narration_id``. EPIC-SOUNDS (Huh et al. 2023,
https://github.com/epic-kitchens/epic-sounds-annotations) has a ``description`` of what is heard in place of the narration, and
``annotation_id``: it becomes the column ``sound``.

Left out knowingly: ``narration_timestamp`` (when the narrator spoke, and empty for some), frames, ``noun`` (the first of
``all_nouns``) and the numbers of classes.
"""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from syphus.annotations.containers.pair_rows import Row, open_rows
from syphus.annotations.foreign import name_other
from syphus.annotations.labels import clean
from syphus.annotations.naming import Names, make_name
from syphus.annotations.reading import Problem, Report
from syphus.annotations.videos.narrations import ABOUT_COMMANDS, ABOUT_WEARER
from syphus.annotations.videos.video_scenes import VideoOptions, finish, open_videos
from syphus.annotations.videos.videos import Moment, Moments, VideoFolder, find_duration
from syphus.errors import InputError
from syphus.records import Asset, Scene

_NEEDED = ("video_id", "start_timestamp", "stop_timestamp")
_IDS = ("narration_id", "annotation_id", "uid")
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

    All moments are held in memory, since the rows of a video need not stand together: about 700 bytes each.

    Args:
        options: the files.
        report: receives rows that cannot be used, or had to be mended.

    Raises:
        InputError: at once where there is no such file, or a column is missing.
    """
    videos = open_videos(options)
    rows = _open(options.path, _NEEDED, report, any_of=("narration", "description"))
    lengths = _read_lengths(options.info, report) if options.info else {}
    return finish(_make_scenes(rows, lengths, videos, options, report), options, report)


def _open(file: Path, needed: Iterable[str], report: Report, *, any_of: tuple[str, ...] = ()) -> Iterator[Row]:
    rows = open_rows(file, report, encoding=None, delimiter=None)
    missing = [column for column in needed if column not in rows.columns]
    missing += any_of[: 0 if any(column in rows.columns for column in any_of) else 1]
    if missing:
        columns = ", ".join(f"`{column}`" for column in missing)
        raise InputError(
            f"has no column {columns}: this is no EPIC-KITCHENS file",
            file=file,
            mend=name_other(rows.columns, but="EPIC-KITCHENS file"),
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
    found: dict[str, tuple[Asset, Moments, str]] = {}
    for row in rows:
        video = _take(row, "video_id")
        if video not in found:
            duration = lengths.get(video)
            try:
                asset = videos.make_asset(video, duration=duration)
            except ValueError as error:
                report(Problem(file=str(options.path), place=row.place, message=f"{error}; the row is left out"))
                continue
            found[video] = asset, Moments(options.path, report, duration), _take(row, "participant_id")
        _add_row(found[video][1], row)
    names = Names()
    for video in list(found):
        asset, moments, participant = found.pop(video)  # let go of one by one
        segments = moments.segments()
        is_narrated = any(segment.text for segment in segments)
        yield Scene(
            id=names.give(make_name(video)),
            assets=(asset,),
            segments=segments,
            prose=(ABOUT_WEARER, ABOUT_COMMANDS) if is_narrated or not segments else (ABOUT_WEARER,),
            metadata={"video": video, "participant": participant, "narration_ids": moments.tags()},
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
    sound = "" if "narration" in row.values else _take(row, "description") or _take(row, "class")
    moment = Moment(start, end, _take(row, "narration"), {**columns, "sound": sound}, row.place)
    tag = next(filter(None, (_take(row, key) for key in _IDS)), "")
    moments.add(moment, needs_text=not sound, tag=tag)


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
