"""Long videos as clips: windows of a scene, with overlap, that cover all of it.

What is bound to time goes into the windows it lies in, cut to them. What is said of the whole video (captions, prose, objects
and text without a time) is true of the whole, and need not be of a part: a caption "he wins the race" under the clip of the
start would teach to invent. A window keeps it as prose that begins with ``OF_THE_WHOLE``, so that a model knows what to make of
it. Questions are left out, since their answers may lie in another part; ``metadata["window"]`` says how many. Boxes without a
time cannot be placed in a part. People and tools stay. A video of one window keeps everything as it is.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from msgspec.structs import replace

from syphus.annotations.videos.narrations import TRUE_OF_EACH_PART
from syphus.annotations.videos.videos import is_inside, shift_segments
from syphus.errors import InputError
from syphus.records import Asset, Object, Relation, Scene, Segment

OF_THE_WHOLE = "Of the whole video, of which this is one part: "
CONTINUES = "continues"
"""The column that tells of a segment that it was cut: what it describes begins before the clip, or goes on after it."""

MOST = 100_000
"""Windows of one video: more is a fault of its duration."""

_NOTABLE = 1.0
"""Seconds. Less than that of a segment outside the clip is not worth a word."""


class Window(NamedTuple):
    """A part of a video, in seconds from its beginning."""

    start: float
    end: float


def plan_windows(duration: float, seconds: float, overlap: float) -> list[Window]:
    """Windows that cover a video, the last of them not shorter than half of the others.

    They begin every ``seconds - overlap`` seconds. What is left at the end joins the last window where it is shorter than half
    a window, so the last may last up to one and a half; moving it back instead would pay twice for nearly the same clip.

    Args:
        duration: of the video, in seconds.
        seconds: that a window lasts.
        overlap: seconds that two windows share.

    Raises:
        InputError: where ``seconds`` is not more than ``overlap``, either is no length of time, or there were more than
            ``MOST`` windows.
    """
    if not (math.isfinite(seconds) and math.isfinite(overlap) and seconds >= 0.01 and 0 <= overlap < seconds):
        raise InputError(
            f"windows of {seconds:g} s with an overlap of {overlap:g} s cannot be cut",
            mend="A window lasts longer than the overlap, and the overlap is 0 or more.",
        )
    step = seconds - overlap
    count = max(1, math.ceil(round(min((duration - overlap) / step, 2.0 * MOST), 6)))
    if count > MOST:
        raise InputError(
            f"a video of {duration:g} s has more than {MOST:,} windows of {seconds:g} s",
            mend="Is its duration right? Or take longer windows.",
        )
    if count > 1 and duration - ((count - 2) * step + seconds) < seconds / 2:
        count -= 1
    starts = [round(index * step, 3) for index in range(count)]
    return [Window(start, round(start + seconds, 3)) for start in starts[:-1]] + [Window(starts[-1], duration)]


def cut_windows(scene: Scene, seconds: float, overlap: float = 0.0, *, keep_empty: bool = True) -> Iterator[Scene]:
    """The clips of a video's scene, in order; scenes of pictures, and of several videos, come as they are.

    The ids say the times (``film_0120-0180``), which are those of the scene; segments count from the beginning of the clip,
    and ``Asset.start`` and ``duration`` tell where it lies in the file. A segment that sticks out is cut, and where it loses
    more than a second of what happens, its column ``continues`` says so. A video whose length is not known ends with its
    last segment.

    Args:
        scene: of one video.
        seconds: that a clip lasts.
        overlap: seconds that a clip shares with the one before.
        keep_empty: False: clips without any segment are left out, and a scene of which nothing is bound to time stays whole.

    Raises:
        InputError: as :func:`plan_windows`.
    """
    plan_windows(seconds, seconds, overlap)  # says at once what is wrong with these
    timed = [asset for asset in scene.assets if asset.kind in ("video", "frames")]
    duration = _find_end(scene, timed[0]) if len(timed) == 1 == len(scene.assets) else None
    if duration is None:
        yield scene
        return
    if not (keep_empty or scene.segments):
        if _is_annotated(scene):
            yield scene
        return
    asset = scene.assets[0]
    windows = plan_windows(duration, seconds, overlap)
    if len(windows) == 1:
        yield scene
        return
    whole = _tell_whole(scene)
    for window in windows:
        inside = [segment for segment in scene.segments if is_inside(segment, window.start, window.end)]
        if inside or keep_empty:
            yield _make_window(scene, asset, window, inside, whole)


def _is_annotated(scene: Scene) -> bool:
    return any((scene.captions, scene.objects, scene.regions, scene.ocr, scene.questions, scene.prose))


def _find_end(scene: Scene, asset: Asset) -> float | None:
    last = max((segment.end for segment in scene.segments), default=0.0)
    return max(asset.duration or 0.0, last) or None


def _make_window(scene: Scene, asset: Asset, window: Window, inside: list[Segment], whole: tuple[str, ...]) -> Scene:
    length = round(window.end - window.start, 3)
    cut = [_cut(segment, window) for segment in inside]
    about: dict[str, object] = {"of": scene.id, "start": window.start, "end": window.end}
    if scene.questions:
        about["questions_left_out"] = len(scene.questions)
    return replace(
        scene,
        id=f"{scene.id}_{_name_time(window.start)}-{_name_time(window.end)}",
        assets=(replace(asset, start=round((asset.start or 0.0) + window.start, 3), duration=length),),
        segments=tuple(cut),
        captions=(),
        objects=(),
        regions=(),
        relations=(),
        ocr=(),
        questions=(),
        prose=whole,
        metadata={**_find_short(scene.metadata), "window": about},
    )


def _find_short(metadata: dict[str, Any]) -> dict[str, Any]:
    """Without lists and tables: they are of the moments of the whole video, thousands of them, and would be in each clip."""
    return {key: value for key, value in metadata.items() if key == "window" or not isinstance(value, list | dict)}


def _cut(segment: Segment, window: Window) -> Segment:
    cut = next(shift_segments((segment,), window.start, window.end - window.start))
    before, after = window.start - segment.start, segment.end - window.end
    parts = []
    if before > _NOTABLE:
        parts.append("it began before this clip")
    if after > _NOTABLE:
        parts.append("it goes on after this clip")
    if not parts or (not segment.text and cut.columns.keys() <= {"subtitle", "speaker"}):
        return cut  # of what is said, the half sentence shows it
    return replace(cut, columns={**cut.columns, CONTINUES: " and ".join(parts)})


def _name_time(seconds: float) -> str:
    """``0120``, or ``0120.5``: in the order of time when sorted as text, up to 10,000 seconds."""
    whole = f"{seconds:08.3f}".rstrip("0").rstrip(".")
    return whole.zfill(4)


def _tell_whole(scene: Scene) -> tuple[str, ...]:
    """What is said of the whole video, in words that may stand in a part of it."""
    labels = {thing.id: thing.label for thing in scene.objects} | {region.id: region.text for region in scene.regions}
    told = [caption.text for caption in scene.captions] + list(scene.prose)
    if scene.objects:
        told.append("it shows " + ", ".join(dict.fromkeys(map(_describe, scene.objects))))
    told += [region.text for region in scene.regions]
    told += [_relate(relation, labels) for relation in scene.relations]
    if scene.ocr:
        told.append("text that can be read: " + "; ".join(dict.fromkeys(line.text for line in scene.ocr)))
    return tuple(text if _holds_for_parts(text) else OF_THE_WHOLE + text for text in told)


def _holds_for_parts(text: str) -> bool:
    return text in TRUE_OF_EACH_PART or text.startswith(OF_THE_WHOLE)


def _describe(thing: Object) -> str:
    return " ".join((*thing.attributes, thing.label))


def _relate(relation: Relation, labels: dict[str, str]) -> str:
    return f"{labels[relation.subject]} {relation.predicate} {labels[relation.object]}"
