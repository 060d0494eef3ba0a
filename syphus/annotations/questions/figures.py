"""Reader of figures and what is written under them: ROCO, PMC-OA and PMC-VQA, radiology and other pictures of articles.

- ROCO (https://github.com/razorx89/roco-dataset, Pelka et al. 2018): ``captions.txt``, a line ``ROCO_00020<tab> caption`` a
  figure, with a space before the caption and, in some files, empty lines between; the picture is ``ROCO_00020.jpg``. ROCOv2
  (https://zenodo.org/records/8333645, Rückert et al. 2024, arXiv:2405.10004): CSV ``ID,Caption``.
- PMC-OA (https://huggingface.co/datasets/axiong/pmc_oa, Lin et al. 2023, arXiv:2303.07240): JSON Lines ``{image, caption}``.
- PMC-VQA (https://huggingface.co/datasets/xmcmic/PMC-VQA, Zhang et al. 2023, arXiv:2305.10415): CSV ``Figure_path, Question,
  Answer, Choice A, Choice B, Choice C, Choice D`` and, by version, ``Answer_label``, ``Caption``, ``index``, ``split``. Choices carry
  their letter (`` A: Brain``), ``Answer`` is the text of one of them or its letter, and the questions of a figure stand apart.

Captions keep their markup and LaTeX; white space of any kind is a space. Left aside: ``index`` and columns that are not named
here (``alignment_score`` ...).
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

from syphus.annotations.containers.pair_rows import Row, open_rows
from syphus.annotations.foreign import name_other
from syphus.annotations.json_shapes import find_layout
from syphus.annotations.labels import clean
from syphus.annotations.naming import Names, find_stem, make_relative
from syphus.annotations.questions.choices import find_by_letter, find_by_text, strip_letters
from syphus.annotations.questions.picture_rows import PictureName, PictureRows
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import find_encoding, open_plain, open_text
from syphus.errors import InputError
from syphus.records import Asset, Caption, Question, Scene

IMAGE_NAMES = ("figure_path", "image", "image_path", "file_name")
CAPTION_NAMES = ("caption", "captions")
CHOICE_NAMES = ("choice a", "choice b", "choice c", "choice d", "choice e")
"""Columns, in any case."""

_HEAD = 1 << 16


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file, and what the pictures are called."""

    path: Path
    """``captions.txt``, ``train_captions.csv``, ``pmc_oa.jsonl``, ``train.csv`` ..."""
    images: Path | None = None
    """The picture folder."""
    image_name: str = "{id}.jpg"
    """The path in it of a figure that has only an id (ROCO)."""
    encoding: str | None = None
    """None: UTF-8, or what the byte order mark says."""


class _Row(Struct, array_like=True, gc=False):
    place: str
    caption: str
    question: Question | None
    split: str


class _Columns(NamedTuple):
    image: str | None
    id: str | None
    caption: str | None
    question: str | None
    answer: str | None
    label: str | None
    split: str | None
    choices: tuple[str, ...]


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one a figure with all its captions and questions, in the order in which the file first names the figures.

    A question has the choices as ``options`` without their letters, and the right one as ``correct``.

    Args:
        options: which file.
        report: receives lines without a caption, rows with neither caption nor question, right answers that are no choice.

    Raises:
        InputError: at once where the file cannot be read, is in another encoding or is no such file.
    """
    with open_plain(options.path) as stream:
        data = stream.read(_HEAD)
    head = data.decode(find_encoding(options.path, options.encoding), errors="replace").lstrip("\ufeff")
    first = next((line for line in head.splitlines() if line.strip()), "")
    if not first:
        raise InputError("is empty", file=options.path)
    name = PictureName(options.image_name)
    names = {column.strip().strip('"').lower() for column in re.split(r"[,\t;|]", first)}
    is_table = bool(names & {*IMAGE_NAMES, "id"}) and bool(names & {*CAPTION_NAMES, "question"})
    if find_layout(head) != "other" or is_table:
        rows = open_rows(options.path, report, encoding=options.encoding, delimiter=None)
        columns = _find_columns(rows.columns, options.path)
        found = _make_rows(rows.rows, columns, name, options, report)
    elif "\t" in first:
        stream_of_text = open_text(options.path, encoding=options.encoding, torn=True)
        stream_of_text.close()  # now it is known that the encoding is right
        found = _read_lines(name, options, report)
    else:
        raise InputError(
            f"is no file of figures: its first line is {first[:60]!r}",
            file=options.path,
            mend="ROCO has `id<tab>caption` on each line; PMC-VQA and PMC-OA have named columns or keys.",
        )
    return _make_scenes(found)


def _find_columns(columns: list[str], file: Path) -> _Columns:
    lower = {column.strip().lower(): column for column in reversed(columns)}

    def find(*names: str) -> str | None:
        return next((lower[name] for name in names if name in lower), None)

    found = _Columns(
        image=find(*IMAGE_NAMES),
        id=find("id"),
        caption=find(*CAPTION_NAMES),
        question=find("question"),
        answer=find("answer"),
        label=find("answer_label"),
        split=find("split"),
        choices=tuple(lower[name] for name in CHOICE_NAMES if name in lower),
    )
    if columns and ((found.image is None and found.id is None) or (found.caption is None and found.question is None)):
        raise InputError(
            "has no column or key for the figure (Figure_path, image, ID) or for what is said of it (Caption, Question)",
            file=file,
            mend=name_other(columns),
        )
    return found


_Found = Iterator[tuple[str, _Row]]


def _read_lines(name: PictureName, options: Options, report: Report) -> _Found:
    with open_text(options.path, encoding=options.encoding, torn=True) as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            id_, tab, caption = line.partition("\t")
            place, text = f"line {number}", clean(caption)
            try:
                if not tab or not text or not id_.strip():
                    raise ValueError("there is no tab" if not tab else "the caption or the id is empty")  # noqa: TRY301
                yield name.make(clean(id_), options.images), _Row(place, text, None, "")
            except ValueError as error:
                report(Problem(file=str(options.path), place=place, message=f"{error}; the line is left out"))


def _make_rows(rows: Iterator[Row], columns: _Columns, name: PictureName, options: Options, report: Report) -> _Found:
    for row in rows:
        faults: list[str] = []
        try:
            path = _make_relative(row, columns, name, options.images)
            caption = _text(row, columns.caption, faults)
            question = _make_question(row, columns, faults)
            if not caption and question is None:
                raise ValueError("there is neither a caption nor a question")  # noqa: TRY301
            yield path, _Row(row.place, caption, question, _text(row, columns.split, faults))
        except ValueError as error:
            faults.append(f"{error}; the row is left out")
        for fault in faults:
            report(Problem(file=str(options.path), place=row.place, message=fault))


def _make_relative(row: Row, columns: _Columns, name: PictureName, images: Path | None) -> str:
    value = row.values.get(columns.image) if columns.image else None
    if isinstance(value, str) and value.strip():
        return make_relative(value.strip(), images)
    value = row.values.get(columns.id) if columns.id else None
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise ValueError("there is no figure")
    return name.make(clean(str(value)), images)


def _text(row: Row, column: str | None, faults: list[str]) -> str:
    value = row.values.get(column) if column else None
    if isinstance(value, str):
        return clean(value)
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    faults.append(f"`{column}` is no text; it is left out")
    return ""


def _make_question(row: Row, columns: _Columns, faults: list[str]) -> Question | None:
    text = _text(row, columns.question, faults)
    if not text:
        if columns.question and _text(row, columns.answer, faults):
            faults.append("there is an answer, but no question; it is left out")
        return None
    options = strip_letters([_text(row, column, faults) for column in columns.choices])
    while options and not options[-1]:
        options.pop()
    answer, label = _text(row, columns.answer, faults), _text(row, columns.label, faults).upper()
    correct, answers = _find_correct(options, answer, label, faults)
    return Question(question=text, answers=answers, options=tuple(options), correct=correct)


def _find_correct(options: list[str], answer: str, label: str, faults: list[str]) -> tuple[int | None, tuple[str, ...]]:
    """Which choice is right, and the answer in words."""
    if not options:
        return None, (answer,) if answer else ()
    by_text, by_label = find_by_text(options, answer), find_by_letter(options, label)
    if by_label is None and by_text is None:
        by_label = find_by_letter(options, answer)
        if by_label is not None:
            return by_label, (options[by_label],)
    if by_label is not None and by_text is not None and by_label != by_text:
        faults.append(f"`Answer_label` {label} is not the choice that `Answer` names; `Answer` is believed")
    correct = by_text if by_text is not None else by_label
    if correct is not None:
        return correct, (options[correct],)
    if answer or label:
        faults.append(f"the answer {(answer or label)[:60]!r} is none of the choices; no choice is called right")
    return None, (answer,) if answer else ()


def _make_scenes(found: _Found) -> Iterator[Scene]:
    rows: PictureRows[_Row] = PictureRows(_Row)
    for path, row in found:
        rows.add(path, row)
    names = Names()
    for picture, numbers in rows.walk():
        path = str(picture)
        rows_of_it = [rows.rows[number] for number in numbers]
        captions = dict.fromkeys(row.caption for row in rows_of_it if row.caption)
        splits = dict.fromkeys(row.split for row in rows_of_it if row.split)
        metadata: dict[str, Any] = {"split": next(iter(splits))} if splits else {}
        yield Scene(
            id=names.give(find_stem(path)),
            assets=(Asset(path=path),),
            captions=tuple(Caption(text=text) for text in captions),
            questions=tuple(row.question for row in rows_of_it if row.question),
            metadata=metadata,
        )
