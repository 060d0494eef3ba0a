"""Reader of Charades-STA: sentences with times about people at home, and what Charades itself knows of the videos.

Gao et al. 2017 (https://github.com/jiyanggao/TALL), a line for each sentence: ``AO8RW 0.0 6.9##a person is putting a book on a
shelf.`` Seconds; many end after the video. Lines of one video make one scene.

Charades (Sigurdsson et al. 2016, ``Charades_v1_train.csv``) knows the videos' lengths, which Charades-STA does not: give it as
``charades``. It adds the room, the objects, what the actors were asked to do and how others described it, and the actions with
their times, named by ``classes`` (``Charades_v1_classes.txt``: ``c000 Holding some clothes``). It is also read alone. Left out knowingly: ``subject``,
``quality``, ``relevance``, ``verified``, and ``egocentric``, which are about the recording.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from syphus.annotations.containers.pair_rows import Row, open_rows
from syphus.annotations.labels import clean
from syphus.annotations.naming import Names
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_plain, open_text
from syphus.annotations.videos.video_scenes import VideoOptions, finish, open_videos
from syphus.annotations.videos.videos import Moment, Moments, VideoFolder, find_duration
from syphus.errors import InputError
from syphus.records import Caption, Object, Scene

_LINE = re.compile(
    r"(?P<video>\S+)\s+(?P<start>-?[\d.]+(?:[eE][-+]?\d+)?)\s+(?P<end>-?[\d.]+(?:[eE][-+]?\d+)?)\s*##(?P<text>.*)"
)
_ACTION = re.compile(r"(?P<code>c\d+)\s+(?P<start>-?[\d.]+)\s+(?P<end>-?[\d.]+)$")
_JSON_READERS = (
    "Of sentences with times in JSON, `activitynet` reads `{video: {timestamps, sentences}}`, `qvhighlights` windows."
)
_ENOUGH = 20
"""Lines that are none, and no good one, after which a file is given up."""


class Options(VideoOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``path`` is ``charades_sta_train.txt`` or ``charades_sta_test.txt``; for Charades alone it is ``Charades_v1_train.csv``."""

    charades: Path | None = None
    """``Charades_v1_train.csv`` or ``Charades_v1_test.csv``."""
    classes: Path | None = None
    """``Charades_v1_classes.txt``; without it the actions of ``charades`` are left out, since only their numbers are known."""


class _Sentence(NamedTuple):
    line: int
    start: float
    end: float
    text: str


class _Known(Struct, frozen=True):
    """What Charades knows of a video."""

    place: str
    length: float | None = None
    room: str = ""
    script: str = ""
    descriptions: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    actions: str = ""


def read(options: Options, report: Report) -> Iterator[Scene]:
    """A scene for each video, in the order in which they first come; its id is the video's name.

    All is held in memory, since the lines of a video need not stand together; the whole of Charades-STA is 16,000 lines.

    Args:
        options: the files.
        report: receives lines and times that cannot be used, or had to be mended.

    Raises:
        InputError: where a file is not there, or of another kind.
    """
    videos = open_videos(options)
    classes = _read_classes(options.classes, report) if options.classes else {}
    alone = _is_charades(options.path)
    file = options.path if alone else options.charades
    known = _read_charades(file, report) if file else {}
    sentences: dict[str, list[_Sentence]]
    sentences = {name: [] for name in known} if alone else _read_sentences(options.path, report)
    if not classes and any(one.actions for one in known.values()):
        message = "the actions are left out: only `classes` (Charades_v1_classes.txt) names them"
        report(Problem(file=str(file), place="the whole file", message=message))
    return finish(_make_scenes(sentences, known, classes, file, videos, options, report), options, report)


def _is_charades(file: Path) -> bool:
    with open_plain(file) as stream:
        columns = stream.readline(10_000).lstrip(b"\xef\xbb\xbf").strip().split(b",")
    return {b"id", b"length", b"actions"} <= set(columns)


def _read_sentences(file: Path, report: Report) -> dict[str, list[_Sentence]]:
    found: dict[str, list[_Sentence]] = {}
    broken = 0
    with open_text(file, torn=True) as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            parsed = _parse_sentence(line, number)
            if parsed:
                found.setdefault(parsed[0], []).append(parsed[1])
                continue
            message = f"is no `VIDEO start end##sentence`: {clean(line)[:60]!r}; it is left out"
            report(Problem(file=str(file), place=f"line {number}", message=message))
            broken += 1
            if broken >= _ENOUGH and not found:
                break
    if not found:
        what = "is empty" if not broken else "has no line `VIDEO start end##sentence`: this is no Charades-STA file"
        raise InputError(what, file=file, mend=_JSON_READERS if broken and file.suffix.startswith(".json") else "")
    return found


def _parse_sentence(line: str, number: int) -> tuple[str, _Sentence] | None:
    found = _LINE.match(line)
    try:
        return (
            (found["video"], _Sentence(number, float(found["start"]), float(found["end"]), found["text"]))
            if found
            else None
        )
    except ValueError:  # "1.2.3"
        return None


def _read_classes(file: Path, report: Report) -> dict[str, str]:
    names: dict[str, str] = {}
    with open_text(file) as stream:
        for number, line in enumerate(stream, 1):
            code, _, name = clean(line).partition(" ")
            if name and re.fullmatch(r"c\d+", code):
                names[code] = name
            elif code:
                report(Problem(file=str(file), place=f"line {number}", message="is no `c000 Name of the action`"))
    if not names:
        raise InputError("has no line `c000 Name of the action`", file=file)
    return names


def _read_charades(file: Path, report: Report) -> dict[str, _Known]:
    rows = open_rows(file, report, encoding=None, delimiter=",")
    missing = {"id", "length"} - set(rows.columns)
    if missing:
        raise InputError(f"has no column `{min(missing)}`: this is no file of Charades", file=file)
    return {str(row.values["id"]): _read_known(row, file, report) for row in rows.rows if row.values.get("id")}


def _read_known(row: Row, file: Path, report: Report) -> _Known:
    def take(key: str) -> str:
        value = row.values.get(key)
        return clean(value) if isinstance(value, str) else ""

    try:
        length = find_duration(float(row.values.get("length") or "nan"))
    except (TypeError, ValueError):
        length = None
    if length is None:
        message = f"`length` is {row.values.get('length')!r}; the video's length stays unknown"
        report(Problem(file=str(file), place=row.place, message=message, lost=False))
    return _Known(
        place=row.place,
        length=length,
        room=take("scene"),
        script=take("script"),
        descriptions=tuple(filter(None, map(str.strip, take("descriptions").split(";")))),
        objects=tuple(filter(None, map(str.strip, take("objects").split(";")))),
        actions=take("actions"),
    )


def _make_scenes(
    sentences: dict[str, list[_Sentence]],
    known: dict[str, _Known],
    classes: dict[str, str],
    file: Path | None,
    videos: VideoFolder,
    options: Options,
    report: Report,
) -> Iterator[Scene]:
    names = Names()
    for name, lines in sentences.items():
        about = known.get(name, _Known(place=""))
        try:
            asset = videos.make_asset(name, duration=about.length)
        except ValueError as error:
            place = f"line {lines[0].line}" if lines else about.place
            report(Problem(file=str(options.path), place=place, message=f"{error}; the video is left out"))
            continue
        moments = Moments(options.path, report, about.length)
        if file and name not in known:
            moments.tell(
                f"line {lines[0].line}", f"`charades` does not know {name}; its length stays unknown", lost=False
            )
        for line in lines:
            moments.add(Moment(line.start, line.end, line.text, {}, f"line {line.line}"))
        if file and classes and about.actions:
            moments.turn_to(file)
            _add_actions(moments, about, classes)
        prose = [f"The room: {about.room}."] if about.room else []
        prose += [f"The actors were asked to play this: {about.script}"] if about.script else []
        yield Scene(
            id=names.give(name),
            assets=(asset,),
            captions=tuple(Caption(text=text) for text in about.descriptions),
            objects=tuple(Object(id=f"o{index}", label=label) for index, label in enumerate(about.objects, 1)),
            segments=moments.segments(),
            prose=tuple(prose),
            metadata={"video": name},
        )


def _add_actions(moments: Moments, about: _Known, classes: dict[str, str]) -> None:
    for part in filter(None, map(str.strip, about.actions.split(";"))):
        found = _ACTION.match(part)
        name = classes.get(found["code"]) if found else None
        if found and name:
            try:
                times = float(found["start"]), float(found["end"])
            except ValueError:
                found = None
            else:
                moments.add(Moment(*times, "", {"action": name}, about.place), needs_text=False)
        if not found:
            moments.tell(about.place, f"the action {part[:40]!r} is no `c000 start end`; it is left out")
        elif not name:
            moments.tell(about.place, f"the action {part[:40]!r} is left out: `classes` does not name it")
