"""Reader of GQA's questions: compositional questions with a short answer and a full sentence, made from scene graphs.

The form is that of https://cs.stanford.edu/people/dorarad/gqa/download.html (Hudson and Manning 2019, arXiv:1902.09506), one
JSON object of questions by their ids: ``{qid: {question, imageId, answer, fullAnswer, isBalanced, types: {structural, semantic,
detailed}, groups, semantic, semanticStr, entailed, equivalent, annotations}}``. Its quirks: the questions of a picture stand
far apart; the "all" files hold some twenty times as many as the balanced ones, mostly variants of the same; test sets have
no answers; picture ids that begin with ``n`` are Flickr's, the others Visual Genome's; ``train_all_questions`` is ten files.

Left aside: ``groups``, ``semantic`` and ``semanticStr`` (the question as a program), ``entailed``, ``equivalent``, and
``annotations`` (which words mean which object of the scene graph, which the reader ``gqa_scene_graphs`` reads).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from syphus.annotations.foreign import name_other
from syphus.annotations.json_nested import NamedShape, NestedDocument
from syphus.annotations.json_shapes import Broken
from syphus.annotations.labels import clean
from syphus.annotations.naming import Names, find_stem
from syphus.annotations.questions.picture_rows import Id, PictureName, PictureRows
from syphus.annotations.questions.record_files import check_files
from syphus.annotations.reading import Problem, Report
from syphus.errors import InputError
from syphus.records import Asset, Question, Scene

_ENOUGH = 100
"""Broken questions, and no good one, after which a file is given up."""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file, and which of its questions."""

    path: Path
    """``val_balanced_questions.json``; or a folder of parts, as ``train_all_questions`` is one."""
    images: Path | None = None
    """The picture folder."""
    image_name: str = "{id}.jpg"
    """A picture's path in it."""
    balanced: bool = True
    """Leave out the questions that are not marked ``isBalanced``; how many they are is reported."""


class _Types(Struct, gc=False):
    structural: str | None = None
    semantic: str | None = None
    detailed: str | None = None


class _Record(Struct, gc=False):
    question: str
    imageId: Id  # noqa: N815 (GQA's own names)
    answer: str | None = None
    fullAnswer: str | None = None  # noqa: N815
    isBalanced: bool | None = None  # noqa: N815
    types: _Types | None = None


class _Row(Struct, array_like=True, gc=False):
    id: str
    question: str
    answer: str
    full: str
    types: tuple[str, str, str]


_SHAPE = NamedShape(_Record, lenient=True)


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one a picture with its questions, in the order in which the questions first name the pictures.

    ``answer`` is a question's answer, ``fullAnswer`` its rationale: it says the answer as a sentence about the picture.
    ``metadata`` has the ``types`` (structural, semantic, detailed) of each question by its id.

    Args:
        options: which file.
        report: receives broken records, questions without text, and how many are not balanced.

    Raises:
        InputError: at once where the file cannot be opened; with the first scene where it is of another kind, or torn.
    """
    if options.path.is_dir():
        files = sorted(file for file in options.path.glob("*.json") if file.is_file())
        if not files:
            raise InputError("has no .json files", file=options.path)
    else:
        files = [options.path]
    check_files(*files)
    return _read_scenes(files, options, PictureName(options.image_name), report)


def _read_scenes(files: list[Path], options: Options, name: PictureName, report: Report) -> Iterator[Scene]:
    rows: PictureRows[_Row] = PictureRows(_Row)
    for file in files:
        _read_file(file, rows, report, balanced=options.balanced)
    names = Names()
    for picture, numbers in rows.walk():
        found = [rows.rows[number] for number in numbers]
        try:
            path = name.make(picture, options.images)
        except ValueError as error:
            message = f"{error}; the picture's {len(found)} questions are left out"
            report(Problem(file=str(options.path), place=f"question {found[0].id}", message=message))
            continue
        types = {row.id: _name_types(row.types) for row in found if any(row.types)}
        metadata: dict[str, Any] = {"image_id": picture}
        yield Scene(
            id=names.give(find_stem(path)),
            assets=(Asset(path=path),),
            questions=tuple(map(_make_question, found)),
            metadata={**metadata, "types": types} if types else metadata,
        )


def _name_types(types: tuple[str, str, str]) -> dict[str, str]:
    named = zip(("structural", "semantic", "detailed"), types, strict=True)
    return {name: value for name, value in named if value}


def _make_question(row: _Row) -> Question:
    return Question(
        question=row.question,
        answers=(row.answer,) if row.answer else (),
        rationales=(row.full,) if row.full else (),
        source_id=row.id,
    )


def _read_file(file: Path, rows: PictureRows[_Row], report: Report, *, balanced: bool) -> None:
    good = False
    broken: list[str] = []
    others = 0
    with NestedDocument(file) as document:
        kind = document.find_kind()
        if kind != "an object":
            message = "is empty" if kind == "nothing" else f"is {kind}: this is no file of GQA questions"
            raise InputError(message, file=file, mend="GQA's is an object of questions by their ids.")
        for id_, found in document.walk_named(_SHAPE):
            if isinstance(found, Broken):
                report(Problem(file=str(file), place=f"question {id_}", message=f"{found.reason}; it is left out"))
                broken += [] if good else [id_]
                if len(broken) > _ENOUGH and not good:
                    break
                continue
            good = True
            text = clean(found.question)
            if balanced and found.isBalanced is False:
                others += 1
            elif not text:
                report(Problem(file=str(file), place=f"question {id_}", message="the question is empty"))
            else:
                types = found.types or _Types()
                three = (clean(types.structural), clean(types.semantic), clean(types.detailed))
                rows.add(found.imageId, _Row(id_, text, clean(found.answer), clean(found.fullAnswer), three))
    if broken and not good:
        raise InputError(
            "none of its members is a question with `question` and `imageId`: this is no file of GQA questions",
            file=file,
            mend=name_other(broken),
        )
    if others:
        message = f"{others} questions that are not balanced are left out (`balanced = false` takes them in)"
        report(Problem(file=str(file), place="isBalanced", message=message))
