"""What is said in videos, found by their names: a folder of subtitle files, or TVQA's file of preprocessed ones; and joined.

TVQA's form (https://github.com/jayleicn/TVQA, ``tvqa_preprocessed_subtitles.jsonl``; TVR has the same): JSON Lines
``{"vid_name", "sub": [{"text": " Chase : That's all this is?", "start", "end"}]}``, seconds of the clip.
"""

import weakref
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from syphus.annotations.json_shapes import Shape
from syphus.annotations.mending import mend_times
from syphus.annotations.naming import find_stem
from syphus.annotations.people import find_people
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_plain, open_utf8
from syphus.annotations.videos.spoken import find_names_of_speakers, find_speakers, read_utterances
from syphus.annotations.videos.subtitle_files import SUFFIXES, read_subtitles
from syphus.annotations.videos.transcripts import looks_like_transcript
from syphus.annotations.videos.video_files import walk_lines
from syphus.annotations.videos.videos import LATEST, VIDEO_SUFFIXES, find_download, shift_segments
from syphus.errors import InputError
from syphus.records import Asset, Scene, Segment

_HEAD = 1 << 14
_SOUNDS = (".mp3", ".wav", ".m4a", ".flac", ".ogg", ".opus", ".aac", ".wma", *VIDEO_SUFFIXES)


class _Line(Struct, frozen=True):
    text: str = ""
    start: float = 0.0
    end: float = 0.0


class _Clip(Struct, frozen=True):
    vid_name: str
    sub: list[_Line]


_clip: Shape[_Clip] = Shape(_Clip, lenient=True)


class Said(NamedTuple):
    """The subtitles of one video."""

    file: Path
    segments: list[Segment]


class Speech:
    """The subtitles of many videos. Only names and places are kept; texts are read when they are asked for.

    Args:
        place: a folder, searched with its subfolders, or a JSON Lines file in TVQA's form.
        report: receives what cannot be read.
        encoding: of the subtitle files, as for :func:`read_subtitles`.
        language: of several files for one video (``film.en.srt``, ``film.de.srt``) the one to take; None: the one without a
            language in its name, else the first by name, which is reported.

    Raises:
        InputError: where there is no such file or folder, or no subtitles in it.
    """

    def __init__(
        self, place: Path, report: Report, *, encoding: str | None = None, language: str | None = None
    ) -> None:
        self.place = place
        self._report = report
        self._encoding = encoding
        self._language = language
        self._files: dict[str, list[Path]] = {}
        self._offsets: dict[str, tuple[int, str]] = {}
        self._held: dict[str, bytes] = {}
        """The records of a file that is one JSON array; of JSON Lines only their places are kept."""
        self._stream: BinaryIO | None = None
        if place.is_dir():
            for file in list_subtitles(place):
                self._files.setdefault(find_download(split_language(find_subtitles_stem(file))[0]), []).append(file)
            if not self._files:
                raise InputError(f"has no subtitle files ({', '.join(SUFFIXES)})", file=place)
        else:
            self._index_lines()
        self._read = lru_cache(maxsize=4)(partial(self._read_file, report=report))

    def find(self, *names: str) -> Said | None:
        """The subtitles of the video that has the first of ``names`` for which there are any."""
        for name in names:
            if name in self._offsets:
                return Said(self.place, self._read_clip(name))
            file = self._choose(name)
            if file:
                return Said(file, self._read(file))
        return None

    def walk_speakers(self) -> Iterator[tuple[str, str]]:
        """Video and speaker, for everybody who speaks in any of them; the same ones come again and again."""
        for name in self._offsets:
            clip = self._decode(name)
            yield from ((name, speaker) for line in clip.sub for speaker in find_names_of_speakers(line.text))
        for file in (file for files in self._files.values() for file in files):
            spoken = (segment.columns.get("speaker") for segment in self._read_file(file, _ignore))
            yield from ((file.stem, speaker) for speaker in spoken if speaker)

    def _choose(self, name: str) -> Path | None:
        name = find_download(name)
        plain, own = split_language(name)
        files = self._files.get(name) or (self._files.get(plain) if own else None)
        if not files:
            return None
        exact = [file for file in files if find_subtitles_stem(file) == name]
        if self._language:
            asked = [file for file in files if is_in_language(file, self._language)]
            return next(iter((*asked, *exact)), None)
        if not exact and len(files) > 1:
            others = ", ".join(file.name for file in files[1:4])
            message = f"is taken for {name}; there are also {others}. `language` says which."
            self._report(Problem(file=str(files[0]), place="the file", message=message, lost=False))
        return (exact or files)[0]

    def _read_file(self, file: Path, report: Report) -> list[Segment]:
        try:
            return read_subtitles(file, report, self._encoding)
        except InputError as error:
            message = f"{error.message}. {error.mend}" if error.mend else error.message
            report(Problem(file=error.file or str(file), place=error.place or "the file", message=message))
            return []

    def _index_lines(self) -> None:
        for line in walk_lines(self.place, _clip, self._report, what="file of TVQA subtitles"):
            name = line.record.vid_name
            if name in self._offsets:
                message = f"there are subtitles of {name!r} at {self._offsets[name][1]} already; these are left out"
                self._report(Problem(file=str(self.place), place=line.place, message=message))
                continue
            self._offsets[name] = (line.offset, line.place)
            if line.offset < 0:
                self._held[name] = line.raw

    def _decode(self, name: str) -> _Clip:
        clip = _clip.decode_one(self._held.get(name) or self._read_line(name))
        if not isinstance(clip, _Clip):
            raise InputError("has changed while it was read", file=self.place, place=self._offsets[name][1])
        return clip

    def _read_line(self, name: str) -> bytes:
        if self._stream is None:
            self._stream = open_utf8(self.place)
            weakref.finalize(self, self._stream.close)
        self._stream.seek(self._offsets[name][0])
        return self._stream.readline()

    def _read_clip(self, name: str) -> list[Segment]:
        return make_segments(self._decode(name).sub, self.place, self._offsets[name][1], self._report)


def _ignore(_: Problem) -> None:
    """What is wrong with a file is told when it is joined."""


def make_segments(lines: list[_Line], file: Path, place: str, report: Report) -> list[Segment]:
    """The segments of a clip in TVQA's form."""
    speakers = find_speakers(line.text for line in lines)
    segments: list[Segment] = []
    for index, line in enumerate(lines):
        times, message = mend_times(line.start, line.end, duration=None)
        if times and times[1] > LATEST:
            times, message = None, f"its times {line.start:g} to {line.end:g} s are beyond any video"
        spoken = list(read_utterances(line.text.split("\n"), speakers)) if times else []
        if times and not spoken:
            message = message or "holds no words"
        if message:
            report(Problem(file=str(file), place=f"{place}, sub[{index}]", message=message, lost=not spoken))
        if times:
            segments += [Segment(start=times[0], end=times[1], columns=one.make_columns()) for one in spoken]
    return sorted(segments, key=lambda segment: segment.start)


def list_subtitles(folder: Path) -> list[Path]:
    """The subtitle files of a folder and its subfolders, by name, and of one name in the order of ``SUFFIXES``.

    JSON, TSV and CSV files that are no transcripts are passed over.
    """
    files = (
        file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file() and _is_meant(file)
    )
    return sorted(files, key=lambda file: (file.with_suffix(""), SUFFIXES.index(file.suffix.lower()), file))


def _is_meant(file: Path) -> bool:
    if file.suffix.lower() not in (".json", ".tsv", ".csv"):
        return True
    with open_plain(file) as stream:
        return looks_like_transcript(stream.read(_HEAD).decode(errors="replace").lstrip("\ufeff"))


def find_subtitles_stem(file: Path) -> str:
    """What the video of a subtitle file is called, with a language behind it where the file has one.

    Tools that hear the sound write ``film.mp3.words.json`` (whisper-timestamped) and ``film.wav.srt`` (whisper.cpp).
    """
    stem = file.stem.removesuffix(".words")
    name, dot, last = stem.rpartition(".")
    return name if dot and name and f".{last.lower()}" in _SOUNDS else stem


def split_language(stem: str) -> tuple[str, str]:
    """A file's name and the language behind its last dot, in small letters; empty where there is none.

    ``film.en`` is ``film`` and ``en``; ``film.pt-BR`` and ``film.zho`` as well.
    """
    name, dot, last = stem.rpartition(".")
    code, _, region = last.partition("-")
    is_language = bool(dot and name) and 2 <= len(code) <= 3 and code.isascii() and code.isalpha() and code.islower()
    if not is_language or (region and not (region.isascii() and region.isalnum())):
        return stem, ""
    return name, last.lower()


def is_in_language(file: Path, language: str) -> bool:
    """Whether a file's name says so: ``en`` takes ``film.en.srt`` and ``film.en-GB.srt``, ``en-gb`` the second alone."""
    found = split_language(find_subtitles_stem(file))[1]
    return found == language.lower() or found.partition("-")[0] == language.lower()


def join_subtitles(
    scenes: Iterable[Scene],
    folder: Path | Speech,
    report: Report,
    *,
    encoding: str | None = None,
    language: str | None = None,
) -> Iterator[Scene]:
    """The scenes of videos with what is said in them.

    Subtitles are found by the name of the video's file, of the scene, or of ``metadata["video"]``. Where the asset is a clip
    (``Asset.start``), the times of the subtitles are those of the whole video, and are shifted and cut to the clip. Speakers
    who are called by a name join ``Scene.people``.

    Args:
        scenes: any; those without a video stay as they are.
        folder: of the subtitles, or a file in TVQA's form.
        report: receives what cannot be read, and the videos that have none.
        encoding: of the files.
        language: as for :class:`Speech`.
    """
    speech = folder if isinstance(folder, Speech) else Speech(folder, report, encoding=encoding, language=language)
    return (_join_scene(scene, speech, report) for scene in scenes)


def _join_scene(scene: Scene, speech: Speech, report: Report) -> Scene:
    fresh: list[Segment] = []
    for asset in scene.assets:
        if asset.kind != "video":
            continue
        video = scene.metadata.get("video")
        names = (find_stem(asset.path or ""), scene.id, video if isinstance(video, str) else "")
        said = speech.find(*filter(None, names))
        if said is None:
            message = f"there are no subtitles of {asset.path or scene.id}"
            report(Problem(file=str(speech.place), place=f"scene {scene.id}", message=message, lost=False))
            continue
        fresh += _fit(said, asset, scene, report)
    if not fresh:
        return scene
    segments = tuple(sorted((*scene.segments, *fresh), key=lambda segment: segment.start))
    met = find_people(segments, scene.people)
    people = tuple({person.name: person for person in (*scene.people, *met)}.values())
    return replace(scene, segments=segments, people=people)


def _fit(said: Said, asset: Asset, scene: Scene, report: Report) -> list[Segment]:
    name = None if asset is scene.assets[0] else asset.id
    start = asset.start or 0.0
    fitted = list(shift_segments(said.segments, start, asset.duration))
    behind = 0
    if asset.start is None and asset.duration is not None:
        behind = sum(segment.start > asset.duration for segment in said.segments)
    if behind:
        message = f"{behind} subtitles come after the video of {asset.duration:g} s; they are left out"
        report(Problem(file=str(said.file), place=f"scene {scene.id}", message=message))
    return fitted if name is None else [replace(segment, asset=name) for segment in fitted]
