"""What readers of video annotations share: a video's path, its moments, and the scene made of them."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from syphus.annotations.labels import clean
from syphus.annotations.mending import mend_times
from syphus.annotations.naming import find_stem, make_relative
from syphus.annotations.reading import Problem, Report
from syphus.errors import InputError
from syphus.records import Asset, Segment

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".mpg", ".mpeg", ".flv", ".wmv", ".ts", ".3gp"}
)


_DOWNLOAD = re.compile(r".*\[([\w-]{11})\]")
LATEST = 1e7
"""Seconds, four months: no video lasts so long, and a time beyond it is a fault."""


def find_video_name(place: str) -> str:
    """A video's name in a path to it: without folder, and without a suffix that videos have (``x_360.0_510.0`` has none)."""
    is_file = Path(place).suffix.lower() in VIDEO_SUFFIXES
    return find_stem(place) if is_file else place.replace("\\", "/").rpartition("/")[2]


def find_download(stem: str) -> str:
    """The id in a name that yt-dlp gave, ``A title [dQw4w9WgXcQ]``; any other name as it is."""
    found = _DOWNLOAD.fullmatch(stem)
    return found[1] if found else stem


class VideoFolder:
    """Where the videos are. Annotations name them without a suffix, and downloads have several.

    Args:
        images: the folder, searched with its subfolders; None: nothing is looked up.
        suffix: of a video that is not found there.
    """

    def __init__(self, images: Path | None, suffix: str) -> None:
        self._images = images
        self._suffix = suffix if suffix.startswith(".") or not suffix else f".{suffix}"
        self._found: dict[str, str] = {}
        if images is not None:
            self._found = dict(_list_videos(images))
        for stem, place in list(self._found.items()):
            self._found.setdefault(find_download(stem), place)

    def has(self, name: str) -> bool:
        """Whether a video of that name, without its suffix, is in the folder."""
        return name in self._found

    def find(self, name: str) -> str:
        """The path of the video called ``name``, relative to the folder. ``ValueError`` where that is no path inside it."""
        if not name.strip():
            raise ValueError("the video has no name")
        stem = find_video_name(name)
        # ActivityNet's names begin with "v_", YouTube's own do not, and people have either
        found = next(filter(None, map(self._found.get, (stem, stem.removeprefix("v_"), f"v_{stem}"))), None)
        if found:  # also of a path on the machine where the file was written
            return found
        try:
            place = make_relative(name, self._images)
        except ValueError as error:
            raise ValueError(str(error).replace("picture", "video")) from None
        return place if Path(place).suffix.lower() in VIDEO_SUFFIXES else place + self._suffix

    def make_asset(self, name: str, *, start: float | None = None, duration: float | None = None) -> Asset:
        """The video, or the clip of it that begins at ``start`` and lasts ``duration`` seconds. ``ValueError`` as above."""
        return Asset(id="video", kind="video", path=self.find(name), start=start, duration=duration)


def _list_videos(folder: Path) -> Iterator[tuple[str, str]]:
    """Stem and relative path of each, in an order that does not depend on the file system; of two the first counts."""
    seen: set[str] = set()
    for root, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            path = Path(root, file)
            if path.suffix.lower() in VIDEO_SUFFIXES and path.stem not in seen:
                seen.add(path.stem)
                yield path.stem, path.relative_to(folder).as_posix()


class Moment(NamedTuple):
    """Something annotated between two times, before it is known to be right."""

    start: float
    end: float
    text: str
    columns: dict[str, str]
    place: str
    """Where it stands in the file."""


class Moments:
    """Makes segments of a video's moments; tells what is mended and what cannot be used.

    Args:
        file: the annotation file, for the report.
        report: receives the problems.
        duration: of the video, or the clip, in seconds; None where it is not known.
    """

    def __init__(self, file: Path, report: Report, duration: float | None) -> None:
        self._file = file
        self._report = report
        self._duration = duration
        self._made: list[tuple[Segment, object]] = []

    def add(self, moment: Moment, *, needs_text: bool = True, tag: object = None) -> bool:
        """Takes it in; False where nothing can be made of it. ``tag`` goes with it through the sorting."""
        text = clean(moment.text)
        if needs_text and not text:
            self.tell(moment.place, "the sentence is empty; it is left out")
            return False
        times, message = mend_times(moment.start, moment.end, duration=self._duration)
        if times and times[1] > LATEST:
            message = f"times {times[0]:g} to {times[1]:g} s are beyond any video"
            times = None
        if message:
            self.tell(moment.place, message, lost=times is None)
        if times is None:
            return False
        columns = {key: value for key, value in moment.columns.items() if value}
        self._made.append((Segment(start=times[0], end=times[1], text=text, columns=columns), tag))
        return True

    def turn_to(self, file: Path) -> None:
        """What comes now stands in another file."""
        self._file = file

    def tell(self, place: str, message: str, *, lost: bool = True) -> None:
        """Reports a problem of the file."""
        self._report(Problem(file=str(self._file), place=place, message=message, lost=lost))

    def segments(self) -> tuple[Segment, ...]:
        """By time; those of the same time in the order in which they came."""
        return tuple(segment for segment, _ in self._sorted())

    def tags(self) -> list[object]:
        """Of the segments, in their order."""
        return [tag for _, tag in self._sorted()]

    def _sorted(self) -> list[tuple[Segment, object]]:
        return sorted(self._made, key=lambda made: (made[0].start, made[0].end))


def find_duration(*given: float | None) -> float | None:
    """The first that is a length of a video: more than no time, and finite."""
    return next((round(value, 3) for value in given if value is not None and 0.0005 < value < LATEST), None)


def read_pair(given: Sequence[float | None] | None) -> tuple[float, float] | None:
    """Start and end, where ``given`` is two numbers."""
    if given is None or len(given) != 2 or given[0] is None or given[1] is None:
        return None
    return given[0], given[1]


def shift_segments(segments: Iterable[Segment], start: float, duration: float | None) -> Iterator[Segment]:
    """Those of the clip that begins at ``start``, with times from its beginning, cut to it.

    What only touches the clip's ends is not in it, unless it is a single moment.
    """
    end = float("inf") if duration is None else start + duration
    for segment in segments:
        if not is_inside(segment, start, end):
            continue
        first, last = max(segment.start - start, 0.0), min(segment.end, end) - start
        yield Segment(
            start=round(first, 3),
            end=round(max(first, last), 3),
            text=segment.text,
            columns=segment.columns,
            asset=segment.asset,
        )


def is_inside(segment: Segment, start: float, end: float) -> bool:
    """Whether any of it lies between two times; a single moment may lie at either of them."""
    if segment.start == segment.end:
        return start <= segment.start <= end
    return segment.start < end and segment.end > start


def check_options(*files: Path | None, suffix: str = "") -> None:
    """Raises :class:`InputError` for a suffix that is none."""
    if "/" in suffix or "\\" in suffix:
        raise InputError(f"`suffix` {suffix!r} is no suffix of a file", mend='As in `suffix = ".mkv"`.')
    for file in files:
        if file is not None and not file.exists():
            raise InputError("is not there", file=file, mend="A relative path starts at the configuration file.")
