"""Reader of MSR-VTT: ten thousand clips of YouTube's videos, with twenty captions each.

Xu et al. 2016, https://www.microsoft.com/en-us/research/publication/msr-vtt-a-large-video-description-dataset-for-bridging-video-and-language/,
``train_val_videodatainfo.json`` and its like (``MSRVTT_data.json``): ``{"info", "videos": [{"video_id": "video0", "category", "url",
"start time", "end time", "split"}], "sentences": [{"video_id", "caption", "sen_id"}]}``. The dataset's ``video0.mp4`` is the clip
itself: the times, in seconds, are those of the video at ``url``, and only say how long the clip is; they stand in the metadata.
``category`` is a number that ``category.txt`` names (``music<tab>0``).

Left out knowingly: ``info``, ``id`` and ``sen_id``. Lists of its captions in other forms (1k-A) are for the reader ``video_rows``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from syphus.annotations.foreign import name_other
from syphus.annotations.json_shapes import Broken, Shape
from syphus.annotations.json_stream import JsonDocument
from syphus.annotations.labels import clean
from syphus.annotations.naming import Names
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_text
from syphus.annotations.videos.video_scenes import VideoOptions, finish, open_videos
from syphus.annotations.videos.videos import VideoFolder, find_duration
from syphus.errors import InputError
from syphus.records import Asset, Caption, Scene

_WHAT = "MSR-VTT file"


class Options(VideoOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``path`` is ``train_val_videodatainfo.json`` or the like."""

    subset: str | None = None
    """``train``, ``validate`` or ``test``; None: all."""
    categories: Path | None = None
    """``category.txt``, the names of the categories."""


class _Video(Struct, frozen=True):
    video_id: str
    category: int | str | None = None
    url: str | None = None
    start: float | None = field(default=None, name="start time")
    end: float | None = field(default=None, name="end time")
    split: str | None = None


class _Sentence(Struct, frozen=True):
    video_id: str
    caption: str


_SHAPES: dict[str, Shape[Any]] = {
    "videos": Shape(_Video, lenient=True),
    "sentences": Shape(_Sentence, lenient=True),
}


def read(options: Options, report: Report) -> Iterator[Scene]:
    """A scene for each video of the subset, in the order of the file; its id is the video's (``video0``).

    All is held in memory, since sentences and videos stand in two lists: 200,000 captions take about 50 MB.

    Args:
        options: the files.
        report: receives records that cannot be used.

    Raises:
        InputError: at once where there is no such file, or it is torn or of another kind, or there is no such subset.
    """
    folder = open_videos(options)
    names = _read_categories(options.categories, report) if options.categories else {}
    videos: dict[str, _Video] = {}
    captions: dict[str, dict[str, None]] = {}
    for place, record in _walk(options.path, report):
        if isinstance(record, _Video):
            videos[record.video_id] = record
        elif text := clean(record.caption):
            captions.setdefault(record.video_id, {})[text] = None
        else:
            report(Problem(file=str(options.path), place=place, message="the caption is empty; it is left out"))
    if not videos and not captions:
        raise InputError(f"has no records that can be used: this is no {_WHAT}", file=options.path)
    for name in captions:
        videos.setdefault(name, _Video(name))
    if options.subset is not None:
        there = sorted({video.split for video in videos.values() if video.split})
        videos = {name: video for name, video in videos.items() if video.split == options.subset}
        if not videos:
            mend = (
                f"There are {', '.join(f'`{subset}`' for subset in there)}." if there else "It tells no subsets apart."
            )
            raise InputError(f"has no subset {options.subset!r}", file=options.path, mend=mend)
    return finish(_make_scenes(videos, captions, names, folder, options, report), options, report)


def _walk(file: Path, report: Report) -> Iterator[tuple[str, _Video | _Sentence]]:
    with JsonDocument(file) as document:
        kind = document.find_kind()
        if kind != "an object":
            what = "is empty" if kind == "nothing" else f"is {kind}: this is no {_WHAT}"
            mend = "Rows of videos and captions are for `video_rows`." if kind == "a list" else ""
            raise InputError(what, file=file, mend=mend)
        for batch in document.walk_members(_SHAPES):
            for index, record in enumerate(batch.records, batch.first):
                place = f"{batch.key}[{index}]"
                if isinstance(record, Broken):
                    report(Problem(file=str(file), place=place, message=f"{record.reason}; the record is left out"))
                else:
                    yield place, record
        missing = [key for key in _SHAPES if key not in document.members]
        if missing:
            mend = name_other(document.members, but=_WHAT)
            raise InputError(f"has no list `{missing[-1]}`: this is no {_WHAT}", file=file, mend=mend)


def _read_categories(file: Path, report: Report) -> dict[str, str]:
    names: dict[str, str] = {}
    with open_text(file) as stream:
        for number, line in enumerate(stream, 1):
            name, _, code = line.strip().rpartition("\t")
            if code.strip().isdigit() and clean(name):
                names[code.strip()] = clean(name)
            elif line.strip():
                report(Problem(file=str(file), place=f"line {number}", message="is no `music<tab>0`"))
    return names


def _make_scenes(
    videos: dict[str, _Video],
    captions: dict[str, dict[str, None]],
    names: dict[str, str],
    folder: VideoFolder,
    options: Options,
    report: Report,
) -> Iterator[Scene]:
    given = Names()
    for name, video in videos.items():
        length = None if video.start is None or video.end is None else find_duration(video.end - video.start)
        try:
            asset = folder.make_asset(name, duration=length)
        except ValueError as error:
            place = f"video {name!r:.80}"
            report(Problem(file=str(options.path), place=place, message=f"{error}; the video is left out"))
            continue
        kind = names.get(str(video.category), "")
        metadata: dict[str, Any] = {"video": name, "category": video.category, "subset": video.split}
        metadata |= {"start": video.start, "end": video.end} if length else {}
        yield Scene(
            id=given.give(name),
            assets=(Asset(id=asset.id, kind=asset.kind, path=asset.path, url=video.url or None, duration=length),),
            captions=tuple(Caption(text=text) for text in captions.get(name, ())),
            prose=(f"What kind of video it is: {kind}.",) if kind else (),
            metadata={key: value for key, value in metadata.items() if value is not None},
        )
