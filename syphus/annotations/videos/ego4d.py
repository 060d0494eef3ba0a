"""Reader of Ego4D's narrations, and of the form in which Syphus' first version had them.

Ego4D (Grauman et al. 2022), ``narration.json``: ``{video_uid: {"narration_pass_1": {"narrations": [{"timestamp_sec",
"timestamp_frame", "narration_text", "annotation_uid"}], "summaries": [{"start_sec", "end_sec", "summary_text",
"annotation_uid"}]}, "narration_pass_2": {...}, "status"}}``; later releases wrap it in ``{"videos": ...}``. Two people narrated
most videos: with both, the column ``narrator`` says who. The second release's ``all_narrations_redacted.json`` does not tell them
apart: ``{"videos": {video_uid: {"narrations": [{"time", "text", "_annotation_uid"}], "summaries": [{"start_time", "end_time",
"text"}]}}}``. A narration belongs to a single moment. What the tags become stands in
:mod:`syphus.annotations.videos.narrations`; they are kept in ``metadata["tags"]``, one for each segment.

The first version of Syphus read ``{video: {"clips": [{"narrations": [{"time", "text", "object_description": []}]}]}}`` and lost
the times and objects of all clips but the first where a time came twice. Here each clip is a scene of its own. Times are
those of the clip; where it has a ``start``, that is where it begins in the video.

Left out knowingly: ``timestamp_frame`` (the same in frames), ``annotation_uid`` and whatever begins with ``_``, ``status``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from syphus.annotations.json_nested import NamedShape
from syphus.annotations.json_shapes import Broken, Shape
from syphus.annotations.json_stream import JsonDocument
from syphus.annotations.labels import clean
from syphus.annotations.naming import Names
from syphus.annotations.reading import Problem, Report
from syphus.annotations.videos.narrations import ABOUT_WEARER, read_narration
from syphus.annotations.videos.video_files import VideoDocument, check_document, walk_videos
from syphus.annotations.videos.video_scenes import VideoOptions, finish, open_videos
from syphus.annotations.videos.videos import Moment, Moments, VideoFolder, find_duration
from syphus.errors import InputError
from syphus.records import Asset, Scene

_WHAT = "file of Ego4D narrations"
_AROUND = ("videos", "date", "version", "description", "metadata")
"""Keys that such a wrapping may begin with; a video's is a UUID."""


class Options(VideoOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``path`` is ``narration.json``, ``all_narrations_redacted.json``, or a file in the form of Syphus' first version."""

    info: Path | None = None
    """``ego4d.json``: the lengths of the videos."""
    narrator: Literal["1", "2", "both"] = "both"


class _Narration(Struct, frozen=True):
    narration_text: str | None = None
    timestamp_sec: float | None = None
    text: str | None = None
    time: float | None = None


class _Summary(Struct, frozen=True):
    summary_text: str | None = None
    start_sec: float | None = None
    end_sec: float | None = None
    text: str | None = None
    start_time: float | None = None
    end_time: float | None = None


class _Pass(Struct, frozen=True):
    narrations: list[_Narration] | None = None
    summaries: list[_Summary] | None = None


class _Described(Struct, frozen=True):
    text: str
    time: float | None = None
    object_description: list[str] | str | None = None


class _Clip(Struct, frozen=True):
    narrations: list[_Described]
    start: float | None = None
    duration: float | None = None


class _Video(Struct, frozen=True):
    narration_pass_1: _Pass | None = None
    narration_pass_2: _Pass | None = None
    narrations: list[_Narration] | None = None
    summaries: list[_Summary] | None = None
    clips: list[_Clip] | None = None
    status: str | None = None


class _Info(Struct, frozen=True):
    video_uid: str
    duration_sec: float | None = None


_video: NamedShape[_Video] = NamedShape(_Video, lenient=True)
_info: Shape[_Info] = Shape(_Info)


def read(options: Options, report: Report) -> Iterator[Scene]:
    """A scene for each video, or clip, in the order of the file; ids are the video's, with ``_clip1`` and so on for clips.

    Args:
        options: the files.
        report: receives videos and narrations that cannot be used, or had to be mended.

    Raises:
        InputError: at once where there is no such file, or it is torn or of another kind.
    """
    videos = open_videos(options)
    under = _find_wrapping(options.path)
    check_document(options.path, what=_WHAT, under=under)
    lengths = _read_lengths(options.info, report) if options.info else {}
    return finish(_make_scenes(options, under, lengths, videos, report), options, report)


def _find_wrapping(file: Path) -> str:
    """``videos`` where the document has its videos under that key."""
    with VideoDocument(file) as document:
        wraps = document.find_kind() == "an object" and document.peek_key() in _AROUND
        return "videos" if wraps else ""


def _read_lengths(file: Path, report: Report) -> dict[str, float]:
    lengths: dict[str, float] = {}
    with JsonDocument(file) as document:
        for batch in document.walk_members({"videos": _info}):
            for index, record in enumerate(batch.records, batch.first):
                if isinstance(record, Broken):
                    report(Problem(file=str(file), place=f"videos[{index}]", message=record.reason))
                elif length := find_duration(record.duration_sec):
                    lengths[record.video_uid] = length
        if "videos" not in document.members:
            raise InputError("has no list `videos`: this is no ego4d.json", file=file)
    return lengths


def _make_scenes(
    options: Options, under: str, lengths: dict[str, float], videos: VideoFolder, report: Report
) -> Iterator[Scene]:
    names = Names()
    is_any = False
    for name, video, place in walk_videos(options.path, _video, report, what=_WHAT, under=under):
        duration = lengths.get(name)
        try:
            asset = videos.make_asset(name, duration=duration)
        except ValueError as error:
            report(Problem(file=str(options.path), place=place, message=f"{error}; the video is left out"))
            continue
        if video.clips is not None:
            is_any = True
            for number, clip in enumerate(video.clips, 1):
                moments = _add_clip(clip, f"{place}, clips[{number - 1}]", options, report)
                yield _make_scene(
                    names.give(f"{name}_clip{number}"),
                    _place_clip(asset, clip),
                    moments,
                    {"video": name, "clip": number},
                )
            continue
        passes = {"1": video.narration_pass_1, "2": video.narration_pass_2}
        joint = _Pass(video.narrations, video.summaries) if video.narrations or video.summaries else None
        if not joint and not any(passes.values()):
            message = "has no narrations" + (f" (status {video.status!r})" if video.status else "")
            report(Problem(file=str(options.path), place=place, message=f"{message}; it is left out", lost=False))
            continue
        is_any = True
        moments = Moments(options.path, report, duration)
        prose = _add_passes(moments, passes, options.narrator, place)
        prose += _add_pass(moments, joint, {}, place) if joint else ()
        yield _make_scene(names.give(name), asset, moments, {"video": name}, prose)
    if not is_any:
        raise InputError(f"has no narrations at all: this is no {_WHAT}", file=options.path)


def _make_scene(
    name: str, asset: Asset, moments: Moments, metadata: dict[str, Any], prose: tuple[str, ...] = ()
) -> Scene:
    return Scene(
        id=name,
        assets=(asset,),
        segments=moments.segments(),
        prose=(ABOUT_WEARER, *prose),
        metadata={**metadata, "tags": moments.tags()},
    )


def _place_clip(asset: Asset, clip: _Clip) -> Asset:
    start = clip.start if clip.start is not None and 0 <= clip.start < 1e7 else None
    return Asset(id=asset.id, kind=asset.kind, path=asset.path, start=start, duration=find_duration(clip.duration))


def _add_passes(moments: Moments, passes: dict[str, _Pass | None], asked: str, place: str) -> tuple[str, ...]:
    """Takes in the narrations asked for; gives the summaries that have no times."""
    made = {number: one for number, one in passes.items() if one and (one.narrations or one.summaries)}
    taken = {number: one for number, one in made.items() if asked in (number, "both")}
    if made and not taken:
        moments.tell(place, f"narrator {asked} did not narrate it; the other one's words are left out")
    prose: list[str] = []
    for number, one in taken.items():
        own = {"narrator": number} if len(taken) > 1 else {}
        prose += _add_pass(moments, one, own, f"{place}, narration_pass_{number}")
    return tuple(prose)


def _add_pass(moments: Moments, one: _Pass, own: dict[str, str], where: str) -> tuple[str, ...]:
    prose: list[str] = []
    for index, said in enumerate(one.narrations or ()):
        time = said.time if said.timestamp_sec is None else said.timestamp_sec
        _add_narration(moments, said.narration_text or said.text or "", time, own, f"{where}.narrations[{index}]")
    for index, summary in enumerate(one.summaries or ()):
        text = read_narration(summary.summary_text or summary.text or "").text
        start = summary.start_time if summary.start_sec is None else summary.start_sec
        end = summary.end_time if summary.end_sec is None else summary.end_sec
        spot = f"{where}.summaries[{index}]"
        if not text:
            moments.tell(spot, "the summary is empty; it is left out")
        elif start is None or end is None:
            prose.append(text)
        else:
            moments.add(Moment(start, end, "", {"summary": text, **own}, spot), needs_text=False, tag="summary")
    return tuple(prose)


def _add_narration(moments: Moments, text: str, time: float | None, columns: dict[str, str], place: str) -> None:
    if time is None:
        moments.tell(place, "the narration has no time; it is left out")
        return
    narration = read_narration(text)
    if narration.text:
        moments.add(Moment(time, time, narration.text, columns, place), tag=narration.tag)
    else:
        what = f"says nothing but {clean(text)[:20]!r}" if clean(text) else "is empty"
        moments.tell(place, f"the narration {what}; it is left out")


def _add_clip(clip: _Clip, place: str, options: Options, report: Report) -> Moments:
    moments = Moments(options.path, report, find_duration(clip.duration))
    time = 0.0
    for index, said in enumerate(clip.narrations):
        spot = f"{place}.narrations[{index}]"
        if said.time is None:
            moments.tell(spot, f"has no time; it is put where the one before it is, at {time:g} s", lost=False)
        else:
            time = said.time
        things = said.object_description or []
        objects = ", ".join(filter(None, map(clean, [things] if isinstance(things, str) else things)))
        narration = read_narration(said.text)
        if not narration.text and not objects:
            moments.tell(spot, "the narration is empty; it is left out")
            continue
        moment = Moment(time, time, narration.text, {"objects": objects}, spot)
        moments.add(moment, needs_text=False, tag=narration.tag)
    return moments
