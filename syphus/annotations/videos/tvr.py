"""Reader of TVR, TVC and TVQA: moments of television clips with descriptions or questions, and what is said in them.

TVR (Lei et al. 2020, https://github.com/jayleicn/TVRetrieval) has a line for each description: ``{"vid_name", "duration", "ts":
[start, end], "desc", "type", "desc_id"}``. TVC (https://github.com/jayleicn/TVCaption) has a line for each moment: ``{"vid_name",
"duration", "ts", "clip_id", "descs": [{"desc", "type", "desc_id"}]}``; its test file has no ``descs``, and only the moments are
given. TVR's test file has no ``ts``: its descriptions are captions. TVQA (Lei et al. 2018, https://github.com/jayleicn/TVQA) has a
line for each question: ``{"vid_name", "ts": "1.21-8.49", "q", "a0": ..., "a4", "answer_idx", "qid"}``, of the test set without
``answer_idx``; the times that a question is about stand in ``metadata["question_times"]`` by ``qid``. Times are seconds of the
clip, not of the episode. Lines of one clip stand far from each other; they make one scene.

``type`` says what a description rests on: ``v`` what is seen, ``t`` what is said, ``vt`` both. It stands in the column ``known
from``. Left out knowingly: ``from_retrieval``, which says from which of the two datasets a description came; ``show_name``.

Descriptions call people by name. Who they are is found from the speakers of all subtitles of the same series, and from a names
file.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from syphus.annotations.foreign import name_other
from syphus.annotations.json_shapes import Broken, Shape
from syphus.annotations.labels import clean
from syphus.annotations.naming import Names
from syphus.annotations.people import Listed, NameBook, make_person, name_people, read_names
from syphus.annotations.reading import Problem, Report
from syphus.annotations.videos.speech import Speech, join_subtitles
from syphus.annotations.videos.spoken import is_name
from syphus.annotations.videos.video_files import walk_lines
from syphus.annotations.videos.video_scenes import VideoOptions, open_speech, open_videos
from syphus.annotations.videos.videos import Moment, Moments, VideoFolder, find_duration, read_pair
from syphus.errors import InputError
from syphus.records import Caption, Question, Scene

_WHAT = "TVR or TVC file"
_KNOWN_FROM = {"v": "what is seen", "t": "what is said", "vt": "what is seen and said", "tv": "what is seen and said"}
_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*-\s*(\d+(?:\.\d+)?)\s*")
_EPISODE = re.compile(r"(.+?_)?s\d+e\d+", re.IGNORECASE)


class Options(VideoOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``path`` is a file of TVR, TVC or TVQA; ``subtitles`` best are TVQA's or TVR's own JSON Lines."""


class _Description(Struct, frozen=True, gc=False):
    desc: str | None = None
    type: str | None = ""
    desc_id: int | str | None = None


class _Row(Struct, frozen=True):
    vid_name: str
    ts: list[float | None] | str | None = None
    duration: float | None = None
    desc: str | None = None
    type: str | None = ""
    desc_id: int | str | None = None
    clip_id: int | str | None = None
    descs: list[_Description] | None = None
    q: str | None = None
    qid: int | str | None = None
    a0: str | None = None
    a1: str | None = None
    a2: str | None = None
    a3: str | None = None
    a4: str | None = None
    answer_idx: int | None = None


_row: Shape[_Row] = Shape(_Row, lenient=True)


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
    clips: dict[str, list[tuple[str, _Row]]] = {}
    useless = b""
    for line in walk_lines(options.path, _row, report, what=_WHAT):
        if line.record.ts is None and not (line.record.desc or line.record.q or line.record.descs):
            message = "has neither `ts` nor a description nor a question; the line is left out"
            report(Problem(file=str(options.path), place=line.place, message=message))
            useless = useless or line.raw
            continue
        clips.setdefault(line.record.vid_name, []).append((line.place, line.record))
    if useless and not clips:
        mend = name_other(Broken("", useless).find_keys(), but=_WHAT)
        raise InputError(f"no line says anything of a clip: this is no {_WHAT}", file=options.path, mend=mend)
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
    clips: dict[str, list[tuple[str, _Row]]], videos: VideoFolder, options: Options, report: Report
) -> Iterator[Scene]:
    names = Names()
    for name in list(clips):
        rows = clips.pop(name)  # let go of one by one
        duration = find_duration(*(row.duration for _, row in rows))
        try:
            asset = videos.make_asset(name, duration=duration)
        except ValueError as error:
            for place, _ in rows:
                report(Problem(file=str(options.path), place=place, message=f"{error}; the line is left out"))
            continue
        moments = Moments(options.path, report, duration)
        captions: list[Caption] = []
        questions: list[Question] = []
        times: dict[str, list[float]] = {}
        for place, row in rows:
            if row.q is not None:
                questions += _read_question(moments, row, place, times)
            else:
                captions += _add_row(moments, row, place)
        # the ids are those of the described moments, in their order
        metadata: dict[str, Any] = {"video": name}
        tags = moments.tags()
        for index, key in enumerate(("desc_ids", "clip_ids")):
            ids = [tag[index] for tag in tags if isinstance(tag, tuple)]
            if any(one is not None for one in ids):
                metadata[key] = ids
        if times:
            metadata["question_times"] = times
        yield Scene(
            id=names.give(name),
            assets=(asset,),
            captions=tuple(captions),
            segments=moments.segments(),
            questions=tuple(questions),
            metadata=metadata,
        )


def _read_times(row: _Row) -> tuple[float, float] | None:
    if isinstance(row.ts, str):
        found = _SPAN.fullmatch(row.ts)
        return (float(found[1]), float(found[2])) if found else None
    return read_pair(row.ts)


def _read_question(moments: Moments, row: _Row, place: str, times: dict[str, list[float]]) -> Iterator[Question]:
    text = clean(row.q)
    options = tuple(map(clean, filter(None, (row.a0, row.a1, row.a2, row.a3, row.a4))))
    if not text:
        moments.tell(place, "the question is empty; it is left out")
        return
    correct = row.answer_idx
    if correct is not None and not 0 <= correct < len(options):
        moments.tell(place, f"`answer_idx` {correct} is none of the {len(options)} answers; it is left out", lost=False)
        correct = None
    qid = None if row.qid is None else str(row.qid)
    found = _read_times(row)
    if found and qid is not None:
        times[qid] = list(found)
    yield Question(question=text, options=options, correct=correct, source_id=qid)


def _add_row(moments: Moments, row: _Row, place: str) -> list[Caption]:
    """Takes in what the line says; without times it is only known to be true of the clip, and is captions."""
    descriptions = list(row.descs or ())
    if row.desc is not None:
        descriptions.insert(0, _Description(row.desc, row.type, row.desc_id))
    times = _read_times(row)
    if times is None:
        if row.ts is not None:
            moments.tell(place, f"`ts` {row.ts!r:.60} is no pair of seconds; the line is left out")
            return []
        return [Caption(text=text) for text in (clean(one.desc) for one in descriptions) if text]
    start, end = times
    if not descriptions:
        moments.add(Moment(start, end, "", {}, place), needs_text=False, tag=(None, row.clip_id))
    for one in descriptions:
        columns = {"known from": _KNOWN_FROM.get(one.type or "", one.type or "")}
        moments.add(Moment(start, end, one.desc or "", columns, place), tag=(one.desc_id, row.clip_id))
    return []
