"""The options that all readers of video annotations have, and the steps they end with: subtitles joined, people named."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from syphus.annotations.people import name_people, read_names
from syphus.annotations.reading import Report
from syphus.annotations.videos.speech import Speech, join_subtitles
from syphus.annotations.videos.videos import Moment, Moments, VideoFolder, check_options, read_pair
from syphus.records import Scene


class VideoOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the videos are, and what is known of them besides."""

    path: Path
    """The annotation file."""
    images: Path | None = None
    """The video folder; with it, a video is found in any subfolder and with any suffix."""
    suffix: str = ".mp4"
    """Of videos that are not found there: annotations name them without."""
    subtitles: Path | None = None
    """A folder of subtitle files that are called as the videos, or a JSON Lines file in TVQA's form."""
    language: str | None = None
    """Which of several subtitles of a video to take: ``en`` takes ``film.en.vtt``."""
    encoding: str | None = None
    """Of the subtitles; None: by byte order mark, else UTF-8, else guessed and reported."""
    names: Path | None = None
    """A file of people whose names may be hidden, as in :mod:`syphus.annotations.people`."""


def open_videos(options: VideoOptions) -> VideoFolder:
    """The video folder. Raises :class:`syphus.errors.InputError` for options that lead nowhere."""
    check_options(options.subtitles, options.names, suffix=options.suffix)
    return VideoFolder(options.images, options.suffix)


def open_speech(options: VideoOptions, report: Report) -> Speech | None:
    """The subtitles, where the options name some."""
    if options.subtitles is None:
        return None
    return Speech(options.subtitles, report, encoding=options.encoding, language=options.language)


def finish(scenes: Iterable[Scene], options: VideoOptions, report: Report) -> Iterator[Scene]:
    """The scenes with what is said in them, and with the people of the names file who appear.

    Raises:
        InputError: at once, where the subtitles or the names cannot be read.
    """
    speech = open_speech(options, report)
    joined = iter(scenes) if speech is None else join_subtitles(scenes, speech, report)
    if options.names is None:
        return joined
    book = read_names(options.names, report)
    return (name_people(scene, book) for scene in joined)


def add_sentences(
    moments: Moments,
    times: Sequence[Sequence[float | None] | None],
    sentences: Sequence[str | None],
    *,
    place: str,
    columns: dict[str, str] | None = None,
) -> None:
    """Sentences and times that stand in two lists; what has no partner in the other one is reported.

    Args:
        moments: take them in.
        times: seconds, start and end; what is no such pair is reported.
        sentences: as many.
        place: of the video in the file.
        columns: of each segment.
    """
    for index, (given, sentence) in enumerate(zip(times, sentences, strict=False)):
        pair = read_pair(given)
        if pair is None:
            message = f"{given!r:.60} is no pair of times; the sentence is left out"
            moments.tell(f"{place}, timestamps[{index}]", message)
        else:
            moments.add(Moment(*pair, sentence or "", columns or {}, f"{place}, sentences[{index}]"))
    paired = min(len(times), len(sentences))
    if len(sentences) > paired:
        moments.tell(place, f"{len(sentences) - paired} of {len(sentences)} sentences have no times; they are left out")
    if len(times) > paired:
        moments.tell(place, f"{len(times) - paired} of {len(times)} times have no sentence; they are left out")
