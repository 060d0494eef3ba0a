"""Reader of A-OKVQA: questions that need knowledge, with choices, the answers of ten people, and their reasons.

The form is that of https://github.com/allenai/aokvqa (Schwenk et al. 2022, arXiv:2206.01718), a JSON list of ``{split,
image_id, question_id, question, choices, correct_choice_idx, direct_answers, difficult_direct_answer, rationales}``. Its
quirks: the pictures are COCO's of 2017 in the folder of the split; test sets have neither answers, the right choice nor
reasons; ``direct_answers`` of some questions are "difficult", which means that people agreed on none.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from syphus.annotations.json_shapes import Shape
from syphus.annotations.known import KnownIds
from syphus.annotations.labels import clean
from syphus.annotations.naming import Names, find_stem
from syphus.annotations.questions.picture_rows import Id, PictureName, PictureRows
from syphus.annotations.questions.question_texts import clean_texts, count_answers
from syphus.annotations.questions.record_files import check_files, name_place, walk_records
from syphus.annotations.reading import Problem, Report
from syphus.records import Asset, Question, Scene


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file, and what the pictures are called."""

    path: Path
    """``aokvqa_v1p0_val.json``."""
    images: Path | None = None
    """The folder in which COCO's ``train2017``, ``val2017`` and ``test2017`` stand."""
    image_name: str = "{split}2017/{id:012}.jpg"
    """A picture's path in it, made of its id and the question's ``split``."""


class _Record(Struct, gc=False):
    image_id: Id
    question_id: Id
    question: str
    split: str | None = None
    choices: list[str] | None = None
    correct_choice_idx: int | None = None
    direct_answers: list[str] | None = None
    difficult_direct_answer: bool | None = None
    rationales: list[str] | None = None


class _Row(Struct, array_like=True, gc=False):
    question: Question
    split: str
    difficult: bool | None
    index: int


_SHAPES = {"": Shape(_Record, lenient=True)}


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one a picture with all its questions, in the order in which the file first names the pictures.

    A question has the direct answers with their votes, the choices as ``options`` and the right one as ``correct``. Under
    ``questions`` and the question's id ``metadata`` says ``split`` and, where it is so, ``difficult_direct_answer``.

    Args:
        options: which file.
        report: receives broken records, questions without text, ids that repeat, a right choice that is none of the choices.

    Raises:
        InputError: at once where the file cannot be opened; with the first scene where it is another kind of file, or torn.
    """
    check_files(options.path)
    name = PictureName(options.image_name, fields=("id", "split"))
    return _read_scenes(options, name, report)


def _read_scenes(options: Options, name: PictureName, report: Report) -> Iterator[Scene]:
    file = options.path
    rows: PictureRows[_Row] = PictureRows(_Row)
    known = KnownIds()
    for _, index, record in walk_records(file, report, _SHAPES, what="A-OKVQA file"):
        faults: list[str] = []
        question = _make_question(record, known, faults)
        for fault in faults:
            report(Problem(file=str(file), place=f"{name_place('', index)} ({record.question_id})", message=fault))
        if question:
            row = _Row(question, clean(record.split), record.difficult_direct_answer, index)
            rows.add(record.image_id, row)
    names = Names()
    for picture, numbers in rows.walk():
        found = [rows.rows[number] for number in numbers]
        try:
            if name.needs_split and not found[0].split:
                raise ValueError("there is no `split`, which the picture's path is made of (`image_name`)")  # noqa: TRY301
            path = name.make(picture, options.images, split=found[0].split)
        except ValueError as error:
            message = f"{error}; the picture's {len(found)} questions are left out"
            report(Problem(file=str(file), place=name_place("", found[0].index), message=message))
            continue
        metadata: dict[str, Any] = {"image_id": picture, "questions": _make_metadata(found)}
        questions = tuple(row.question for row in found)
        yield Scene(id=names.give(find_stem(path)), assets=(Asset(path=path),), questions=questions, metadata=metadata)


def _make_metadata(rows: list[_Row]) -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for row in rows:
        more: dict[str, Any] = {"split": row.split} if row.split else {}
        if row.difficult:
            more["difficult_direct_answer"] = True
        made[row.question.source_id or ""] = more
    return made


def _make_question(record: _Record, known: KnownIds, faults: list[str]) -> Question | None:
    """The question, or None where it is left out; why, and what else is left out, goes to ``faults``."""
    text = clean(record.question)
    if not text:
        faults.append("the question is empty")
        return None
    if not known.add(f"{type(record.question_id).__name__} {record.question_id}"):
        faults.append("the question id is given twice; the first is used")
        return None
    answers, votes, empty = count_answers(record.direct_answers or ())
    if empty:
        faults.append(f"{empty} of `direct_answers` are empty; they are left out")
    options = tuple(map(clean, record.choices or ()))
    correct = record.correct_choice_idx
    if correct is not None and not 0 <= correct < len(options):
        faults.append(f"`correct_choice_idx` {correct} is none of {len(options)} choices (from 0); it is left out")
        correct = None
    rationales = clean_texts(record.rationales or ())
    lost = len(record.rationales or ()) - len(rationales)
    if lost:
        faults.append(f"{lost} of `rationales` are empty or say the same; they are left out")
    return Question(
        question=text,
        answers=answers,
        votes=votes,
        options=options,
        correct=correct,
        rationales=rationales,
        source_id=str(record.question_id),
    )
