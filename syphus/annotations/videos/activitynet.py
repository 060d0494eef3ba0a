"""Reader of ActivityNet Captions: a file with every video's events, as sentences with times.

Krishna et al. 2017, https://cs.stanford.edu/people/ranjaykrishna/densevid/: ``{video: {"duration", "timestamps": [[start,
end]], "sentences"}}``, seconds. Sentences begin with a space, events stand in no order and overlap, and some end a little after
the video. The validation set was annotated twice, in ``val_1.json`` and ``val_2.json``: give both (``path`` and ``second``, or
their folder), and each event says whose it is in the column ``annotator``.
"""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from syphus.annotations.json_nested import NamedShape
from syphus.annotations.naming import Names
from syphus.annotations.reading import Problem, Report
from syphus.annotations.videos.video_files import Named, check_document, walk_videos
from syphus.annotations.videos.video_scenes import VideoOptions, add_sentences, finish, open_videos
from syphus.annotations.videos.videos import Moments, VideoFolder, find_duration
from syphus.errors import InputError
from syphus.records import Scene

_WHAT = "ActivityNet Captions file"


class Options(VideoOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``path`` is a file, or a folder whose ``.json`` files are read as one set."""

    second: Path | None = None
    """The file of a second annotator of the same videos."""


class _Video(Struct, frozen=True):
    timestamps: list[list[float | None] | None]
    sentences: list[str | None]
    duration: float | None = None
    fps: float | None = None
    """TACoS has it, and its times are frames."""


_video: NamedShape[_Video] = NamedShape(_Video, lenient=True)


def read(options: Options, report: Report) -> Iterator[Scene]:
    """A scene for each video, in the order of the first file; its id is the video's name.

    The first file is read as it comes; of others, which are joined by video, all is held in memory.

    Args:
        options: the files.
        report: receives videos, sentences and times that cannot be used, or had to be mended.

    Raises:
        InputError: at once where there is no such file, or it is torn or of another kind; for a TACoS file, whose times are
            frames, with its first video.
    """
    files = _find_files(options)
    videos = open_videos(options)
    for file in files:
        check_document(file, what=_WHAT)
    return finish(_make_scenes(files, videos, report), options, report)


def _find_files(options: Options) -> list[Path]:
    files = [options.path]
    if options.path.is_dir():
        files = sorted(file for file in options.path.iterdir() if file.suffix == ".json" and file.is_file())
        if not files:
            raise InputError("has no .json files", file=options.path)
    return files + ([options.second] if options.second else [])


class _Annotated(Struct, frozen=True):
    """A video of one file."""

    file: Path
    annotator: str
    found: Named[_Video]


def _make_scenes(files: list[Path], videos: VideoFolder, report: Report) -> Iterator[Scene]:
    others: dict[str, list[_Annotated]] = {}
    for number, file in enumerate(files[1:], 2):
        for found in walk_videos(file, _video, report, what=_WHAT):
            others.setdefault(found.name, []).append(_Annotated(file, str(number), found))
    names = Names()
    for found in walk_videos(files[0], _video, report, what=_WHAT):
        annotated = [_Annotated(files[0], "1", found), *others.pop(found.name, ())]
        yield from _make_scene(annotated, videos, names, report)
    for annotated in others.values():
        yield from _make_scene(annotated, videos, names, report)


def _make_scene(annotated: list[_Annotated], videos: VideoFolder, names: Names, report: Report) -> Iterator[Scene]:
    first = annotated[0]
    if any(one.found.record.fps is not None for one in annotated):
        raise InputError("has `fps`: its times are frames", file=first.file, mend='Use `reader = "tacos"`.')
    name = first.found.name
    duration = find_duration(*(one.found.record.duration for one in annotated))
    try:
        asset = videos.make_asset(name, duration=duration)
    except ValueError as error:
        message = f"{error}; the video is left out"
        report(Problem(file=str(first.file), place=first.found.place, message=message))
        return
    moments = Moments(first.file, report, duration)
    for one in annotated:
        columns = {"annotator": one.annotator} if len(annotated) > 1 else None
        record, place = one.found.record, one.found.place
        moments.turn_to(one.file)
        add_sentences(moments, record.timestamps, record.sentences, place=place, columns=columns)
    yield Scene(id=names.give(name), assets=(asset,), segments=moments.segments(), metadata={"video": name})
