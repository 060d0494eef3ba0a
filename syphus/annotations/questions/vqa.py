"""Reader of VQA v2 and OK-VQA: questions and, where they are public, the answers of ten people, joined by question id.

The form is that of https://visualqa.org/download.html (Goyal et al. 2017, arXiv:1612.00837) and of
https://okvqa.allenai.org (Marino et al. 2019, arXiv:1906.00067): ``{data_subtype, questions: [{image_id, question,
question_id}]}`` and ``{annotations: [{question_id, answers: [{answer, answer_confidence, answer_id}], multiple_choice_answer,
question_type, answer_type}]}``. Its quirks: the questions of a picture stand far apart in the file; the picture's name is
in neither file, but made of ``data_subtype`` and its id; test sets have no annotations; OK-VQA's ``answer`` is stemmed
(version 1.0 says "poni tail"), and what people typed is ``raw_answer``; VQA v1 also has questions with ``multiple_choices``, of
which the annotation's ``multiple_choice_answer`` is the right one.

Left aside: ``answer_confidence`` and ``confidence``, and an annotation's own ``image_id``, which repeats its question's.
"""

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from syphus.annotations.json_shapes import Shape
from syphus.annotations.labels import clean
from syphus.annotations.naming import Names, find_stem
from syphus.annotations.questions.picture_rows import Id, Packed, PictureName, PictureRows
from syphus.annotations.questions.question_texts import count_answers
from syphus.annotations.questions.record_files import check_files, find_member, name_place, walk_records
from syphus.annotations.reading import Problem, Report
from syphus.errors import InputError
from syphus.records import Asset, Question, Scene


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The files, and what the pictures are called."""

    questions: Path
    """``v2_OpenEnded_mscoco_val2014_questions.json``."""
    annotations: Path | None = None
    """``v2_mscoco_val2014_annotations.json``; a test set has none."""
    images: Path | None = None
    """The picture folder."""
    image_name: str | None = None
    """A picture's path in it, as in ``val2014/COCO_val2014_{id:012}.jpg``; None: as the questions' ``data_subtype`` says."""
    raw: bool = False
    """Take each ``raw_answer``, as people typed it, instead of the normalised ``answer`` (OK-VQA's is stemmed)."""


class _Asked(Struct, gc=False):
    question_id: Id
    image_id: Id
    question: str
    multiple_choices: list[str] | None = None


class _Answer(Struct, gc=False):
    answer: str | int | float | None = None
    raw_answer: str | None = None


class _Annotation(Struct, gc=False):
    question_id: Id
    answers: list[_Answer | str] | None = None
    """Records of ten people; in sets that follow the form also texts."""
    multiple_choice_answer: str | None = None
    question_type: str | None = None
    answer_type: str | None = None


class _Row(Struct, array_like=True, gc=False):
    id: Id
    question: str
    options: tuple[str, ...]


class _Replies(Struct, array_like=True, gc=False):
    answers: tuple[str, ...]
    votes: tuple[int, ...]
    chosen: str
    """``multiple_choice_answer``."""
    question_type: str
    answer_type: str


_SHOWN = 5
"""Ids that a message lists."""

_ASKED = {"questions": Shape(_Asked, lenient=True)}
_ANNOTATIONS = {"annotations": Shape(_Annotation, lenient=True)}


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one a picture with all its questions, in the order in which the questions first name the pictures.

    The files are read when the first scene is asked for. A scene's id is the picture's name without its suffix, a
    question's ``source_id`` its question id; ``metadata`` has what else is known of a question under ``questions`` and that
    id: ``question_type``, ``answer_type``, and ``multiple_choice_answer`` where it is not the first of the answers.

    Args:
        options: which files.
        report: receives broken records, questions without text and ids that repeat or lead nowhere.

    Raises:
        InputError: at once where a file cannot be opened; with the first scene where one is of another kind or is torn, the
            pictures cannot be named, or the two files do not belong together.
    """
    check_files(options.questions, options.annotations)
    return _read_scenes(options, PictureName(options.image_name) if options.image_name else None, report)


def _find_name(file: Path) -> str:
    """The template that the file's ``data_subtype`` and ``data_type`` stand for; the test-dev questions are on test pictures."""
    subtype = find_member(file, "data_subtype").strip('"').replace("test-dev", "test")
    if not subtype or not subtype.isalnum():
        raise InputError(
            "does not say of which COCO split its pictures are (`data_subtype`)",
            file=file,
            mend='Give `image_name`, as in `image_name = "COCO_val2014_{id:012}.jpg"`.',
        )
    type_ = find_member(file, "data_type").strip('"')
    if type_.startswith("abstract") and type_.replace("_", "").isalnum():
        return f"{type_}_{subtype}_{{id:012}}.png"
    return f"COCO_{subtype}_{{id:012}}.jpg"


class _Replied:
    """The annotations, by the row of their question."""

    def __init__(self) -> None:
        self.packed: Packed[_Replies] = Packed(_Replies)
        self._places = array("l")

    def __contains__(self, row: int) -> bool:
        return row < len(self._places) and self._places[row] >= 0

    def add(self, row: int, replies: _Replies) -> None:
        if row >= len(self._places):
            self._places.extend([-1] * (row + 1000 - len(self._places)))
        self._places[row] = self.packed.append(replies)

    def find(self, row: int) -> _Replies | None:
        return self.packed[self._places[row]] if row in self else None


def _read_scenes(options: Options, name: PictureName | None, report: Report) -> Iterator[Scene]:
    rows: PictureRows[_Row] = PictureRows(_Row)
    replied = _Replied()
    known = _read_questions(options.questions, rows, report)
    if name is None:
        name = PictureName(_find_name(options.questions))
    _join(options, rows, known, replied, report)
    known.clear()
    license_ = _find_license(options.questions)
    names = Names()
    file = str(options.questions)
    for picture, numbers in rows.walk():
        try:
            path = name.make(picture, options.images)
        except ValueError as error:
            message = f"{error}; its {len(numbers)} questions are left out"
            report(Problem(file=file, place=f"image_id {picture}", message=message))
            continue
        metadata: dict[str, Any] = {"image_id": picture}
        questions, more = _make_questions(rows, numbers, replied)
        if more:
            metadata["questions"] = more
        if license_:
            metadata["license_of_questions"] = license_
        scene_id = names.give(find_stem(path))
        yield Scene(id=scene_id, assets=(Asset(path=path),), questions=tuple(questions), metadata=metadata)


def _make_questions(
    rows: PictureRows[_Row], numbers: list[int], replied: _Replied
) -> tuple[list[Question], dict[str, dict[str, str]]]:
    questions, more = [], {}
    for number in numbers:
        row, replies = rows.rows[number], replied.find(number)
        identity = str(row.id)
        if replies is None:
            questions.append(Question(question=row.question, options=row.options, source_id=identity))
            continue
        chosen = replies.chosen
        question = Question(
            question=row.question,
            answers=replies.answers,
            votes=replies.votes,
            options=row.options,
            correct=row.options.index(chosen) if chosen and chosen in row.options else None,
            source_id=identity,
        )
        questions.append(question)
        known = {
            "question_type": replies.question_type,
            "answer_type": replies.answer_type,
            "multiple_choice_answer": "" if chosen in replies.answers[:1] else chosen,
        }
        if any(known.values()):
            more[identity] = {key: value for key, value in known.items() if value}
    return questions, more


def _find_license(file: Path) -> str:
    """Of the questions; the pictures have their own, which COCO's files tell."""
    text = find_member(file, "license")
    try:
        value = msgspec.json.decode(text) if text else ""
    except (msgspec.DecodeError, UnicodeError):
        return ""
    if isinstance(value, dict):
        value = value.get("name") or value.get("url")
    return clean(value) if isinstance(value, str) else ""


def _read_questions(file: Path, rows: PictureRows[_Row], report: Report) -> dict[int | str, int]:
    """The row of each question id."""
    known: dict[int | str, int] = {}
    for key, index, record in walk_records(file, report, _ASKED, what="VQA questions file"):
        text = clean(record.question)
        fault = "the question is empty" if not text else ""
        if record.question_id in known:
            fault = f"the question id {record.question_id} is given twice; the first is used"
        if fault:
            report(Problem(file=str(file), place=name_place(key, index), message=fault))
            continue
        known[record.question_id] = rows.add(
            record.image_id, _Row(record.question_id, text, tuple(map(clean, record.multiple_choices or ())))
        )
    return known


def _join(
    options: Options, rows: PictureRows[_Row], known: dict[int | str, int], replied: _Replied, report: Report
) -> None:
    file = options.annotations
    if file is None:
        return
    strays, some = 0, []
    for key, index, record in walk_records(file, report, _ANNOTATIONS, what="VQA annotations file"):
        row = known.get(record.question_id)
        if row is None:
            strays += 1
            some += [str(record.question_id)] if strays <= _SHOWN else []
        elif row in replied:
            message = f"question id {record.question_id} has two annotations; the first is used"
            report(Problem(file=str(file), place=name_place(key, index), message=message))
        else:
            replies, empty = _make_replies(record, raw=options.raw)
            replied.add(row, replies)
            if empty:
                message = f"{empty} of the answers are empty; they are left out"
                report(Problem(file=str(file), place=name_place(key, index), message=message))
    if strays and not replied.packed:
        raise InputError(
            f"none of its {strays} annotations belongs to a question of {options.questions}",
            file=file,
            mend="Are they of the same split?",
        )
    if strays:
        ids = ", ".join(some) + (" ..." if strays > _SHOWN else "")
        message = f"annotations of questions that the other file does not have: {strays}, of the question ids {ids}"
        report(Problem(file=str(file), place="annotations", message=message))
    bare = len(rows.rows) - len(replied.packed)
    if bare:
        message = f"{bare} of {len(rows.rows)} questions have no annotation; they come without answers"
        report(Problem(file=str(file), place="annotations", message=message, lost=False))


def _read_answer(given: _Answer | str, *, raw: bool) -> str:
    if isinstance(given, str):
        return given
    text = given.raw_answer or given.answer if raw else given.answer
    if isinstance(text, float):
        return f"{text:g}"
    return "" if text is None else str(text)


def _make_replies(record: _Annotation, *, raw: bool) -> tuple[_Replies, int]:
    given = record.answers or ()
    texts = [_read_answer(one, raw=raw) for one in given]
    answers, votes, empty = count_answers(texts)
    chosen = clean(record.multiple_choice_answer or "")
    if chosen in answers:
        place = answers.index(chosen)
        if place and votes[place] == votes[0]:  # of several that were given most often, this is the set's own choice
            answers = (chosen, *answers[:place], *answers[place + 1 :])
    elif chosen and not answers:
        answers = (chosen,)
    types = (clean(record.question_type or ""), clean(record.answer_type or ""))
    return _Replies(answers, votes, chosen, *types), empty
