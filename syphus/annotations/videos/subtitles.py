"""Reader of subtitles alone: each file is a scene with what is said in a video, by time.

Files of any common format and encoding (:mod:`syphus.annotations.videos.subtitle_files`). Torn ones are read as far as they go. The
video itself need not be there; its length stays unknown. Other readers join subtitles to their videos by
:func:`join_subtitles`.

HowTo100M (Miech et al. 2019, https://www.di.ens.fr/willow/research/howto100m/) has the speech of all videos in one file,
``caption.json`` and its like: ``{video: {"start": [...], "end": [...], "text": [...]}}``, seconds. Each video is a scene.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from syphus.annotations.json_nested import NamedShape
from syphus.annotations.naming import Names, make_name
from syphus.annotations.people import NameBook, find_people, name_people, read_names
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_plain
from syphus.annotations.videos.cues import Cue
from syphus.annotations.videos.speech import (
    find_subtitles_stem,
    is_in_language,
    join_subtitles,
    list_subtitles,
    split_language,
)
from syphus.annotations.videos.subtitle_files import SUFFIXES, make_segments, read_subtitles
from syphus.annotations.videos.transcripts import find_parser
from syphus.annotations.videos.video_files import check_document, walk_videos
from syphus.annotations.videos.videos import VideoFolder, check_options
from syphus.errors import InputError
from syphus.records import Scene, Segment

_WHAT = "file of HowTo100M's captions"
_HEAD = 1 << 14
_MANY = re.compile(r'\s*\{\s*"[^"\\]{1,200}"\s*:\s*\{\s*"(?:text|start|end)"\s*:\s*\[')


class _Speech(Struct, frozen=True):
    start: list[float]
    end: list[float]
    text: list[str | None]


_speech: NamedShape[_Speech] = NamedShape(_Speech, lenient=True)

__all__ = ["Options", "join_subtitles", "read", "read_subtitles"]


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which files, and what they hold."""

    path: Path
    """A subtitle file, a folder that is searched with its subfolders, or HowTo100M's file of many videos."""
    images: Path | None = None
    """The video folder: a video has the name of its subtitles."""
    suffix: str = ".mp4"
    """Of videos that are not found there."""
    language: str | None = None
    """Of a folder only the files with this language in their name: ``en`` takes ``film.en.vtt``, whose video is ``film``."""
    encoding: str | None = None
    """None: by byte order mark, else UTF-8, else guessed and reported."""
    events: bool | None = None
    """True: the texts tell what happens (descriptions for the blind, chapters); False: they are said. None: what a WebVTT
    file's ``Kind`` says, else said."""
    names: Path | None = None
    """A file of people, as in :mod:`syphus.annotations.people`."""


def read(options: Options, report: Report) -> Iterator[Scene]:
    """A scene for each file, in the order of their paths; its id is the file's name without suffix.

    Args:
        options: the files.
        report: receives what cannot be read, with its line, and files that hold nothing.

    Raises:
        InputError: at once where there is no such file, or no subtitles in the folder. Of several files, one that cannot be
            read goes to ``report``, and the others are read.
    """
    check_options(suffix=options.suffix)
    book = read_names(options.names, report) if options.names else NameBook()
    videos = VideoFolder(options.images, options.suffix)
    if not options.path.is_dir():
        with open_plain(options.path) as stream:
            head = stream.read(_HEAD).decode(errors="replace").lstrip("\ufeff")
        if _MANY.match(head):
            check_document(options.path, what=_WHAT)
            return _read_many(options, videos, book, report)
        if options.path.suffix.lower() in (".json", ".jsonl", ".csv") and find_parser(head) is None:
            raise InputError("is no subtitle file", file=options.path)
        return _read_files([options.path], options, videos, book, report)
    files = list_subtitles(options.path)
    if options.language:
        files = [file for file in files if is_in_language(file, options.language)]
    if not files:
        kinds = ", ".join(SUFFIXES) if not options.language else f".{options.language}{SUFFIXES[0]} and the like"
        raise InputError(f"has no subtitle files ({kinds})", file=options.path)
    return _read_files(files, options, videos, book, report)


def _read_many(options: Options, videos: VideoFolder, book: NameBook, report: Report) -> Iterator[Scene]:
    names = Names()
    for name, speech, place in walk_videos(options.path, _speech, report, what=_WHAT):

        def tell(problem: Problem, place: str = place) -> None:
            report(replace(problem, place=place))

        try:
            asset = videos.make_asset(name)
        except ValueError as error:
            report(Problem(file=str(options.path), place=place, message=f"{error}; the video is left out"))
            continue
        if not len(speech.start) == len(speech.end) == len(speech.text):
            message = "`start`, `end` and `text` differ in number; the longer ones are cut"
            report(Problem(file=str(options.path), place=place, message=message))
        rows = zip(speech.start, speech.end, speech.text, strict=False)
        cues = (Cue(start, end, tuple((text or "").splitlines()), 0) for start, end, text in rows)
        segments = tuple(make_segments(cues, options.path, tell, events=bool(options.events)))
        if segments:
            scene = Scene(id=names.give(name), assets=(asset,), segments=segments, people=find_people(segments))
            yield name_people(scene, book)


def _fingerprint(segments: list[Segment]) -> int:
    """Of what is said, whatever the cues are cut into."""
    said = " ".join(" ".join((*segment.columns.values(), segment.text)) for segment in segments)
    return hash(" ".join(said.split()))


def _read_files(
    files: list[Path], options: Options, videos: VideoFolder, book: NameBook, report: Report
) -> Iterator[Scene]:
    names = Names()
    told: dict[Path, dict[int, str]] = {}
    for file in files:
        try:
            segments = read_subtitles(file, report, options.encoding, events=options.events)
        except InputError as error:
            if len(files) == 1:
                raise
            message = f"{error.message}. {error.mend}" if error.mend else error.message
            report(Problem(file=str(file), place=error.place or "the file", message=message))
            continue
        if not segments:
            report(Problem(file=str(file), place="the file", message="holds no subtitles that can be read"))
            continue
        same = told.setdefault(file.with_suffix(""), {})
        first = same.setdefault(_fingerprint(segments), file.name)
        if first != file.name:
            message = f"says the same as {first}, as Whisper's do; it is left out"
            report(Problem(file=str(file), place="the file", message=message, lost=False))
            continue
        own = find_subtitles_stem(file)
        stem, language = split_language(own)
        title = stem if options.language else own
        folder = file.relative_to(options.path).parent.as_posix() if options.path.is_dir() else "."
        video = stem if folder == "." else f"{folder}/{stem}"
        try:
            asset = videos.make_asset(video)
        except ValueError as error:
            report(Problem(file=str(file), place="the file", message=f"{error}; the file is left out"))
            continue
        scene = Scene(
            id=names.give(make_name(title)),
            assets=(asset,),
            segments=tuple(segments),
            people=find_people(segments),
            metadata={"language": language} if language else {},
        )
        yield name_people(scene, book)
