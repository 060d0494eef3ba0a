"""Reader of YouCook2: recipes from YouTube, each step of them a sentence with times.

Zhou et al. 2018, http://youcook2.eecs.umich.edu, ``youcookii_annotations_trainval.json``: ``{"database": {video: {"duration",
"subset", "recipe_type", "video_url", "annotations": [{"segment": [start, end], "id", "sentence"}]}}}``, seconds.
``recipe_type`` is a number that ``label_foodtype.csv`` names (``101,BLT``). The test file
(``youcookii_annotations_test_segments_only.json``) has steps without sentences, which stay as bare moments, or none at all.

Two others have their database in this form. ActivityNet 1.3 (Heilbron et al. 2015, http://activity-net.org) has a ``label`` for
each segment, and ``url``. COIN (Tang et al. 2019, https://coin-dataset.github.io) calls the list ``annotation``, names each step
by a ``label``, and the whole by ``class`` (``PlantTree``). Left out knowingly: COIN's ``start`` and ``end`` (the part that has
steps), ``resolution``, ``taxonomy``.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct, field

from syphus.annotations.json_nested import NamedShape
from syphus.annotations.labels import clean
from syphus.annotations.naming import Names
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_text
from syphus.annotations.videos.video_files import check_document, walk_videos
from syphus.annotations.videos.video_scenes import VideoOptions, finish, open_videos
from syphus.annotations.videos.videos import Moment, Moments, VideoFolder, find_duration, read_pair
from syphus.errors import InputError
from syphus.records import Asset, Scene

_WHAT = "YouCook2 file"
_JOINT = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""``PlantTree`` is two words."""


class Options(VideoOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``path`` is ``youcookii_annotations_trainval.json``."""

    subset: str | None = None
    """``training``, ``validation`` or ``testing``; None: all."""
    labels: Path | None = None
    """``label_foodtype.csv``, the names of the recipes."""


class _Step(Struct, frozen=True):
    segment: list[float | None] | None = None
    sentence: str | None = None
    label: str | None = None
    id: int | str | None = None


class _Video(Struct, frozen=True):
    duration: float | None = None
    subset: str | None = ""
    recipe_type: str | int | None = ""
    video_url: str | None = None
    url: str | None = None
    task: str = field(default="", name="class")
    annotations: list[_Step] = []
    annotation: list[_Step] = []


_video: NamedShape[_Video] = NamedShape(_Video, lenient=True)


def read(options: Options, report: Report) -> Iterator[Scene]:
    """A scene for each video of the subset, in the order of the file; its id is the video's.

    Args:
        options: the files.
        report: receives videos and steps that cannot be used, or had to be mended.

    Raises:
        InputError: at once where there is no such file, or it is torn or of another kind.
    """
    videos = open_videos(options)
    labels = _read_labels(options.labels, report) if options.labels else {}
    check_document(options.path, what=_WHAT, under="database")
    return finish(_make_scenes(options, labels, videos, report), options, report)


def _read_labels(file: Path, report: Report) -> dict[str, str]:
    labels: dict[str, str] = {}
    with open_text(file) as stream:
        for number, line in enumerate(stream, 1):
            code, _, name = clean(line).partition(",")
            if code.strip().isdigit() and name.strip():
                labels[code.strip()] = name.strip()
            elif code:
                report(Problem(file=str(file), place=f"line {number}", message="is no `101,Name of the recipe`"))
    return labels


def _make_scenes(options: Options, labels: dict[str, str], videos: VideoFolder, report: Report) -> Iterator[Scene]:
    names = Names()
    subsets: set[str] = set()
    for name, video, place in walk_videos(options.path, _video, report, what=_WHAT, under="database"):
        subsets.add(video.subset or "")
        if options.subset is not None and video.subset != options.subset:
            continue
        duration = find_duration(video.duration)
        try:
            asset = _make_asset(name, video, videos, duration)
        except ValueError as error:
            report(Problem(file=str(options.path), place=place, message=f"{error}; the video is left out"))
            continue
        moments = Moments(options.path, report, duration)
        for key, steps in (("annotations", video.annotations), ("annotation", video.annotation)):
            for index, step in enumerate(steps):
                _add_step(moments, step, f"{place}, {key}[{index}]")
        metadata = {"video": name, "subset": video.subset, "recipe_type": video.recipe_type}
        yield Scene(
            id=names.give(name),
            assets=(asset,),
            segments=moments.segments(),
            prose=_tell_task(video, labels),
            metadata={**{key: value for key, value in metadata.items() if value}, "step_ids": moments.tags()},
        )
    if options.subset is not None and options.subset not in subsets:
        there = ", ".join(f"`{subset}`" for subset in sorted(subsets))
        raise InputError(f"has no subset {options.subset!r}", file=options.path, mend=f"There are {there}.")


def _add_step(moments: Moments, step: _Step, place: str) -> None:
    times = read_pair(step.segment)
    if times is None:
        moments.tell(place, f"`segment` {step.segment!r:.60} is no pair of seconds; the step is left out")
        return
    text = step.label if step.sentence is None else step.sentence
    moments.add(Moment(*times, text or "", {}, place), needs_text=text is not None, tag=step.id)


def _tell_task(video: _Video, labels: dict[str, str]) -> tuple[str, ...]:
    recipe = labels.get(str(video.recipe_type), "")
    task = clean(_JOINT.sub(" ", video.task)).lower()
    return (f"The recipe: {recipe}.",) if recipe else (f"The task: {task}.",) if task else ()


def _make_asset(name: str, video: _Video, videos: VideoFolder, duration: float | None) -> Asset:
    asset = videos.make_asset(name, duration=duration)
    url = video.video_url or video.url
    return Asset(id=asset.id, kind=asset.kind, path=asset.path, url=url, duration=duration) if url else asset
