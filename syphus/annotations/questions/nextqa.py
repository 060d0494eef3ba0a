"""Reader of NExT-QA: questions about causes, times and things in videos, multiple choice or open.

The form is that of https://github.com/doc-doc/NExT-QA (Xiao et al. 2021, arXiv:2105.08276), CSV with a header:
``video,frame_count,width,height,question,answer,qid,type,a0,a1,a2,a3,a4``; ``answer`` is the number of the right choice. The
open-ended files have no ``a0`` to ``a4`` and say the answer itself, of test sets also ``additional_ref_answer``. Its quirks: the
questions of a video stand far apart; ``qid`` counts within a video only; texts have neither capitals nor marks, and
a space or two for an apostrophe ("man s  hand"); ``type`` is one of CW, CH (cause: why, how), TN, TC, TP (time: next, current, previous), DC, DL, DO (count, place,
other), in open-ended files also DB (yes or no).

``frame_count`` does not say how long a video lasts, since the frame rate is in no file; it stands in ``metadata``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from syphus.annotations.containers.pair_rows import Row, open_rows
from syphus.annotations.foreign import name_other
from syphus.annotations.labels import clean
from syphus.annotations.naming import Names
from syphus.annotations.questions.picture_rows import PictureName, PictureRows
from syphus.annotations.questions.question_texts import clean_texts
from syphus.annotations.questions.record_files import check_files
from syphus.annotations.reading import Problem, Report
from syphus.decoding import decode_json, read_text
from syphus.errors import InputError
from syphus.records import Asset, Question, Scene

_CHOICES = ("a0", "a1", "a2", "a3", "a4")


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file, and where the videos are."""

    path: Path
    """``val.csv``."""
    images: Path | None = None
    """The folder of the videos."""
    image_name: str = "{id}.mp4"
    """A video's path in it; ``{id}`` is ``video``, or what ``map`` has for it."""
    map: Path | None = None
    """``map_vid_vidorID.json``: the path in VidOR's folders (``1164/3238737531``) of each ``video``."""


class _Row(Struct, array_like=True, gc=False):
    question: Question
    type: str
    place: str
    frames: int | None
    width: int | None
    height: int | None


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one a video with all its questions, in the order in which the file first names the videos.

    A question's ``source_id`` is ``video_qid``, as NExT-QA's own evaluation has it; ``metadata`` has ``frame_count`` and the
    ``type`` of each question by that id.

    Args:
        options: which file.
        report: receives rows without video or question, and right choices that are none of the choices.

    Raises:
        InputError: at once where the file cannot be read or lacks a column, or ``map`` is no object of texts.
    """
    check_files(options.path, options.map)
    name = PictureName(options.image_name)
    paths: dict[str, str] = {}
    if options.map is not None:
        paths = decode_json(read_text(options.map), dict[str, str], file=options.map)
    rows = open_rows(options.path, report, encoding=None, delimiter=None)
    missing = [column for column in ("video", "question", "answer") if column not in rows.columns]
    if rows.columns and missing:
        raise InputError(
            f"has no {rows.noun[:-1]} {', '.join(map(repr, missing))}: this is no NExT-QA file",
            file=options.path,
            mend=name_other(rows.columns),
        )
    return _read_scenes(options, name, paths, rows.rows, report)


def _read_scenes(
    options: Options, name: PictureName, paths: dict[str, str], given: Iterator[Row], report: Report
) -> Iterator[Scene]:
    file = str(options.path)
    rows: PictureRows[_Row] = PictureRows(_Row)
    for row in given:
        faults: list[str] = []
        try:
            video, made = _make_row(row, faults)
            rows.add(video, made)
        except ValueError as error:
            faults.append(f"{error}; the row is left out")
        for fault in faults:
            report(Problem(file=file, place=row.place, message=fault))
    names = Names()
    for picture, numbers in rows.walk():
        found = [rows.rows[number] for number in numbers]
        video = str(picture)
        try:
            if paths and video not in paths:
                raise ValueError(f"the video {video} is not in {options.map}")  # noqa: TRY301
            path = name.make(paths.get(video, video), options.images)
        except ValueError as error:
            message = f"{error}; the video's {len(found)} questions are left out"
            report(Problem(file=file, place=found[0].place, message=message))
            continue
        types = {row.question.source_id or "": row.type for row in found if row.type}
        metadata: dict[str, Any] = {"video": video, "frame_count": found[0].frames, "types": types}
        yield Scene(
            id=names.give(video),
            assets=(Asset(id="video", kind="video", path=path, width=found[0].width, height=found[0].height),),
            questions=tuple(row.question for row in found),
            metadata={name: value for name, value in metadata.items() if value},
        )


def _text(row: Row, column: str) -> str:
    value = row.values.get(column)
    if isinstance(value, str):
        return clean(value)
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _number(row: Row, column: str, faults: list[str]) -> int | None:
    text = _text(row, column)
    if not text:
        return None
    try:
        number = msgspec.convert(text, int, strict=False)
    except msgspec.ValidationError:
        number = 0
    if 0 < number < 1 << 31:
        return number
    faults.append(f"`{column}` {text[:40]!r} is no number above 0; it is left out")
    return None


def _make_row(row: Row, faults: list[str]) -> tuple[str, _Row]:
    """The video and what the row says; ``ValueError`` where it cannot be used."""
    video, text = _text(row, "video"), _text(row, "question")
    if not video or not text:
        raise ValueError(f"`{'question' if video else 'video'}` is empty")
    options = tuple(_text(row, column) for column in _CHOICES) if "a0" in row.values else ()
    answer, qid = _text(row, "answer"), _text(row, "qid")
    correct: int | None = None
    answers: tuple[str, ...] = ()
    if not options:
        answers = clean_texts((answer, _text(row, "additional_ref_answer")))
    elif answer.isascii() and answer.isdigit() and len(answer) < 4 and int(answer) < len(options):
        correct = int(answer)
    elif answer:
        faults.append(f"`answer` {answer[:40]!r} is no number of a choice (0 to {len(options) - 1}); it is left out")
    question = Question(
        question=text,
        answers=answers,
        options=options,
        correct=correct,
        source_id=f"{video}_{qid}" if qid else None,
    )
    width, height = _number(row, "width", faults), _number(row, "height", faults)
    if width is None or height is None:
        width = height = None
    return video, _Row(question, _text(row, "type"), row.place, _number(row, "frame_count", faults), width, height)
