"""Reader of TVR and TVC: moments of television clips with descriptions, and what is said in them.

TVR (Lei et al. 2020, https://github.com/jayleicn/TVRetrieval) has a line for each description: ``{"vid_name", "duration", "ts":
[start, end], "desc", "type", "desc_id"}``. TVC (https://github.com/jayleicn/TVCaption) has a line for each moment: ``{"vid_name",
"duration", "ts", "clip_id", "descs": [{"desc", "type", "desc_id"}]}``; its test file has no ``descs``, and only the moments are
given. Times are seconds of the clip, not of the episode. Lines of one clip stand far from each other; they make one scene.

``type`` says what a description rests on: ``v`` what is seen, ``t`` what is said, ``vt`` both. It stands in the column ``known
from``. Left out knowingly: ``from_retrieval``, which says from which of the two datasets a description came.

Descriptions call people by name. Who they are is found from the speakers of all subtitles of the same series, and from a names
file.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from syphus.annotations.json_shapes import Shape
from syphus.annotations.naming import Names
from syphus.annotations.people import Listed, NameBook, make_person, name_people, read_names
from syphus.annotations.reading import Problem, Report
from syphus.annotations.videos.speech import Speech, join_subtitles
from syphus.annotations.videos.spoken import is_name
from syphus.annotations.videos.video_files import walk_lines
from syphus.annotations.videos.video_scenes import VideoOptions, open_speech, open_videos
from syphus.annotations.videos.videos import Moment, Moments, VideoFolder, find_duration
from syphus.records import Scene

_KNOWN_FROM = {"v": "what is seen", "t": "what is said", "vt": "what is seen and said", "tv": "what is seen and said"}
_EPISODE = re.compile(r"(.+?_)?s\d+e\d+", re.IGNORECASE)


class Options(VideoOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``path`` is a file of TVR or TVC; ``subtitles`` best are TVQA's or TVR's own JSON Lines."""


class _Description(Struct, frozen=True, gc=False):
    desc: str
    type: str = ""
    desc_id: int | str | None = None


class _Row(Struct, frozen=True):
    vid_name: str
    ts: tuple[float, float]
    duration: float | None = None
    desc: str | None = None
    type: str = ""
    desc_id: int | str | None = None
    clip_id: int | str | None = None
    descs: list[_Description] = []


_row: Shape[_Row] = Shape(_Row)


def read(options: Options, report: Report) -> Iterator[Scene]:
    """A scene for each clip, in the order in which they first come; its id is the clip's name.

    All lines are held in memory, since those of a clip may stand anywhere: about 300 bytes each, 26 MB for TVR's training set.

    Args:
        options: the files.
        report: receives lines and times that cannot be used, or had to be mended.

    Raises:
        InputError: where there is no such file, or it is of another kind.
    """
    videos = open_videos(options)
    speech = open_speech(options, report)
    clips: dict[str, list[tuple[int, _Row]]] = {}
    for line in walk_lines(options.path, _row, report, what="TVR or TVC file"):
        clips.setdefault(line.record.vid_name, []).append((line.number, line.record))
    return _finish(_make_scenes(clips, videos, options, report), speech, options, report)


def _finish(scenes: Iterator[Scene], speech: Speech | None, options: Options, report: Report) -> Iterator[Scene]:
    if options.names is None and options.subtitles is None:
        # Said, because a category that hides names can hide only those that it knows.
        message = "neither `subtitles` nor `names` is given, so the names in the descriptions are not known as names"
        report(Problem(file=str(options.path), place="the whole file", message=message, lost=False))
    listed = list(read_names(options.names, report).listed) if options.names else []
    if speech is not None:
        listed = [*_list_speakers(speech), *listed]
        scenes = join_subtitles(scenes, speech, report)
    if not listed:
        return scenes
    book = NameBook(listed)
    return (name_people(replace(scene, people=()), book) for scene in scenes)


def _list_speakers(speech: Speech) -> Iterator[Listed]:
    """The names of those who speak anywhere in a series, for all its clips."""
    known: set[tuple[str, str]] = set()
    for name, speaker in speech.walk_speakers():
        head = find_series(name)
        if (head, speaker) not in known:
            known.add((head, speaker))
            if is_name(speaker):
                yield Listed(head, make_person(speaker))


@lru_cache(maxsize=1 << 16)
def find_series(name: str) -> str:
    """What the clips of a series begin with: ``friends_`` of ``friends_s01e03_seg02_clip_19``.

    The Big Bang Theory's begin with the season right away, ``s08e06_...``: there it is ``s0`` or ``s1``.
    """
    found = _EPISODE.match(name)
    if not found:
        return name
    return found[1] or name[:2]


def _make_scenes(
    clips: dict[str, list[tuple[int, _Row]]], videos: VideoFolder, options: Options, report: Report
) -> Iterator[Scene]:
    names = Names()
    for name in list(clips):
        rows = clips.pop(name)  # let go of one by one
        duration = find_duration(*(row.duration for _, row in rows))
        try:
            asset = videos.make_asset(name, duration=duration)
        except ValueError as error:
            for number, _ in rows:
                message = f"{error}; the line is left out"
                report(Problem(file=str(options.path), place=f"line {number}", message=message))
            continue
        moments = Moments(options.path, report, duration)
        for number, row in rows:
            _add_row(moments, row, f"line {number}")
        # the ids are those of the described moments, in their order
        metadata: dict[str, Any] = {"video": name}
        tags = moments.tags()
        for index, key in enumerate(("desc_ids", "clip_ids")):
            ids = [tag[index] for tag in tags if isinstance(tag, tuple)]
            if any(one is not None for one in ids):
                metadata[key] = ids
        yield Scene(id=names.give(name), assets=(asset,), segments=moments.segments(), metadata=metadata)


def _add_row(moments: Moments, row: _Row, place: str) -> None:
    start, end = row.ts
    descriptions = list(row.descs)
    if row.desc is not None:
        descriptions.insert(0, _Description(row.desc, row.type, row.desc_id))
    if not descriptions:
        moments.add(Moment(start, end, "", {}, place), needs_text=False, tag=(None, row.clip_id))
    for one in descriptions:
        columns = {"known from": _KNOWN_FROM.get(one.type, one.type)}
        moments.add(Moment(start, end, one.desc, columns, place), tag=(one.desc_id, row.clip_id))
