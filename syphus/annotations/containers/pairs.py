"""Reader of image-text pairs: a picture and a caption, or a question, a row, as JSON, JSON Lines, CSV or TSV.

The form is found by looking into the file. Rows of the same picture that stand next to each other make one scene with
several captions or questions; only neighbours are joined, so that files of any length are read in little memory. Pictures
are not opened: width and height stay unknown.

Forms of known sets, beside rows with a header or keys:

- Flickr8k and Flickr30k's tokens: no header, ``1000092795.jpg#0<tab>Two young guys ...``; ``results.csv`` with ``image_name|
  comment_number| comment``; Conceptual Captions: no header, caption and address;
- Karpathy's splits (``dataset_coco.json``): ``{images: [{filepath, filename, sentences: [{raw, tokens}]}]}``, the path being both;
- an object of captions by the picture's path, or of records by their ids, as ScienceQA's ``problems.json`` (whose pictures are
  ``<split>/<id>/image.png``) and OCR-VQA are published;
- rows of questions, as :mod:`~syphus.annotations.containers.row_questions` knows them: VizWiz, ChartQA, TallyQA, CLEVR ...
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct, structs

from syphus.annotations.containers.pair_rows import Row, Rows, open_rows
from syphus.annotations.containers.row_questions import (
    QUESTION_NAMES,
    SURE_CAPTIONS,
    QuestionColumns,
    find_question_columns,
    parse_list,
    read_questions,
)
from syphus.annotations.containers.row_scene import Faults
from syphus.annotations.foreign import name_form
from syphus.annotations.naming import Names, find_stem, is_address, make_name, make_relative
from syphus.annotations.picture_files import SUFFIXES, is_file, walk_files
from syphus.annotations.reading import Problem, Report
from syphus.errors import InputError
from syphus.records import Asset, Caption, Question, Scene

IMAGE_NAMES = (
    *("image_filename", "image", "image_path", "file_name", "filename", "img", "path", "url"),
    *("image_name", "imgname", "imagename", "image_file", "img_path", "img_name", "file", "image_url", "imageurl"),
)
SUFFIXES_OF_TABLES = (".json", ".jsonl", ".ndjson", ".csv", ".tsv")
CAPTION_NAMES = (
    *("caption", "text", "title", "description", "sentence"),
    *("captions", "sentences", "raw", "comment", "caption_str", "reference_strs"),
)
ID_NAMES = ("id", "image_id", "key")
"""Names that are looked for, in this order and in any case, where the options name none."""

_NUMBERED = re.compile(r"(?<=[A-Za-z])#\d$")
"""Which caption of its picture a line is: ``1000092795.jpg#0``."""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which file, and what its columns mean."""

    path: Path
    """A file, or a folder of them, read in the order of their names: parts of a large set, or AI2D's file for each picture."""
    images: Path | None = None
    """The picture folder. Absolute paths in the file must lie inside it."""
    image: str | None = None
    """The column with the picture's path or http(s) address; None: the first of ``IMAGE_NAMES`` that there is."""
    caption: str | None = None
    """The column with the text, in JSON also a list of texts; None: questions, where the names of columns say that there are
    any, else the first of ``CAPTION_NAMES`` that there is."""
    id: str | None = None
    """The column to name scenes by; without one they are named by the picture."""
    encoding: str | None = None
    """None: UTF-8, or what the byte order mark says."""
    delimiter: str | None = None
    """Of a CSV file; None: the comma, tab, semicolon or bar that its header has most of."""


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes of the file, in its order.

    A scene's id is that of its first row, or the stem of its picture's name; with ``-2``, ``-3`` where it repeats.

    Args:
        options: the file and its columns.
        report: receives rows that cannot be used: without picture or caption, broken, with too few or too many fields.

    Raises:
        InputError: at once, where the file is no such file, is torn (JSON), is in another encoding, or lacks a column. Of
            several, one that is none goes to ``report``.
    """
    if options.path.is_dir():
        files = [file for file in walk_files(options.path, SUFFIXES_OF_TABLES) if file.parent == options.path]
        if not files:
            raise InputError(f"has no files of {', '.join(SUFFIXES_OF_TABLES)}", file=options.path)
        return _read_files(files, options, report)
    return _read_file(options, Names(), report)


def _read_files(files: list[Path], options: Options, report: Report) -> Iterator[Scene]:
    names = Names()
    good, first = False, None
    for file in files:
        try:
            yield from _read_file(structs.replace(options, path=file), names, report)
            good = True
        except InputError as error:
            first = first or error
            place = error.place or "the file"
            report(Problem(file=error.file or str(file), place=place, message=f"{error.message}; it is left out"))
    if first is not None and not good:
        raise first


def _read_file(options: Options, names: Names, report: Report) -> Iterator[Scene]:
    rows = open_rows(options.path, report, encoding=options.encoding, delimiter=options.delimiter)
    if not rows.columns:
        return iter(())
    bare = _find_bare(rows, options)
    if bare is not None:  # what was taken for the header is the first row
        first = Row("line 1", {cell: cell for cell in rows.columns})
        return _make_scenes(rows._replace(rows=chain([first], rows.rows)), bare, options, names, report)
    return _make_scenes(rows, _find_columns(rows, options), options, names, report)


class _Columns(NamedTuple):
    image: str
    caption: str | None
    id: str | None
    questions: QuestionColumns = QuestionColumns()


def _find_columns(rows: Rows, options: Options) -> _Columns:
    _refuse_others(rows, options)
    image = _find_column(rows, options, "image", options.image, IMAGE_NAMES)
    questions = find_question_columns(name for name in rows.columns if name != image)
    if options.caption is not None:
        questions = QuestionColumns()
    caption: str | None
    if questions.question is None:
        caption = _find_column(rows, options, "caption", options.caption, CAPTION_NAMES)
    else:  # beside a question, a title or a text may be anything
        caption = next((name for name in rows.columns if name.lower() in SURE_CAPTIONS), None)
    id_ = options.id
    if id_ is not None:
        id_ = _find_column(rows, options, "id", id_, ())
    else:
        lower = {column.lower(): column for column in reversed(rows.columns)}
        known = (lower[name] for name in ID_NAMES if name in lower)
        id_ = next((column for column in known if column not in (image, caption)), None)
    return _Columns(image, caption, id_, questions)


def _find_bare(rows: Rows, options: Options) -> _Columns | None:
    """Which column is what in a table without a header: the one that begins with a picture's name or address, and the text."""
    known = {*IMAGE_NAMES, *CAPTION_NAMES, *QUESTION_NAMES}
    first = rows.columns
    if rows.noun != "columns" or options.image or options.caption or any(name.lower() in known for name in first):
        return None
    images = [cell for cell in first if is_address(cell) or _NUMBERED.sub("", cell).lower().endswith(SUFFIXES)]
    texts = [cell for cell in first if cell not in images and not cell.isdecimal()]
    if len(images) != 1 or not texts or len(set(first)) < len(first):
        return None
    return _Columns(images[0], max(texts, key=len), None)


def _find_column(rows: Rows, options: Options, role: str, asked: str | None, names: tuple[str, ...]) -> str:
    lower = {column.lower(): column for column in reversed(rows.columns)}
    if asked is not None:
        if asked in rows.columns:
            return asked
        near = get_close_matches(asked, rows.columns, n=1)
        message, mend = f"has no {rows.noun[:-1]} {asked!r}", f"Did you mean {near[0]!r}?" if near else ""
    else:
        found = next((lower[name] for name in names if name in lower), None)
        if found is not None:
            return found
        message = f"has no {rows.noun[:-1]} for the {role} (looked for {', '.join(names)})"
        mend = f'Name it, as in `{role} = "{rows.columns[-1]}"`.'
        if rows.noun == "columns":
            mend += " The first line must be a header; `delimiter` says what stands between the columns."
    columns = ", ".join(repr(column) for column in rows.columns[:20])
    raise InputError(f"{message}; its {rows.noun}: {columns}", file=options.path, mend=mend)


def _refuse_others(rows: Rows, options: Options) -> None:
    """Files that another reader is for, which the missing columns alone would not tell."""
    if rows.noun != "keys" or (options.image in rows.columns and options.caption in rows.columns):
        return
    keys = set(rows.columns)
    if {"images", "annotations"} <= keys:
        message, mend = "is a COCO file", 'Use `reader = "coco"`.'
    elif "conversations" in keys or "messages" in keys:
        key = "conversations" if "conversations" in keys else "messages"
        form = "llava" if key == "conversations" else "messages"
        message = f"holds dialogues (`{key}`), not captions"
        mend = f"It is instruction data already: read it as a dataset in the format `{form}`, not as annotations."
    elif "assets" in keys:
        message, mend = "holds scenes", 'Use `reader = "scenes"`.'
    else:
        what, mend = name_form(keys)
        if not what or any(key.lower() in IMAGE_NAMES for key in keys):
            return
        message = f"is {what}"
    raise InputError(message, file=options.path, mend=mend)


def _make_scenes(rows: Rows, columns: _Columns, options: Options, names: Names, report: Report) -> Iterator[Scene]:
    place, asset, name = None, Asset(), ""
    captions: list[Caption] = []
    questions: list[Question] = []
    for row in rows.rows:
        try:
            found = _find_place(row, columns, options.images)
            texts, asked = _read_texts(row, columns, options, report)
            if found != place or not (captions or questions):
                new = _make_asset(found, options.images)
                if captions or questions:
                    yield _make_scene(names.give(name), asset, captions, questions)
                place, asset, captions, questions = found, new, [], []
                name = make_name(_find_id(row, columns)) or find_stem(found)
        except ValueError as error:
            report(Problem(file=str(options.path), place=row.place, message=str(error)))
            continue
        known = {caption.text for caption in captions} if asked else set()
        captions += [Caption(text=text) for text in texts if text not in known]
        questions += asked
    if captions or questions:
        yield _make_scene(names.give(name), asset, captions, questions)


def _make_scene(name: str, asset: Asset, captions: list[Caption], questions: list[Question]) -> Scene:
    return Scene(id=name, assets=(asset,), captions=tuple(captions), questions=tuple(questions))


def _find_place(row: Row, columns: _Columns, images: Path | None) -> str:
    value = row.values.get(columns.image)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        kind = "is missing" if value is None else f"is no path but {_name_kind(value)}"
        raise ValueError(f"`{columns.image}` {kind}; the row is left out")  # noqa: TRY004
    if not value.strip():
        raise ValueError(f"`{columns.image}` is empty; the row is left out")
    place = _NUMBERED.sub("", value.strip())
    folder = row.values.get("filepath")
    if columns.image == "filename" and isinstance(folder, str) and folder.strip():
        nested = f"{folder.strip()}/{place}"  # Karpathy's; some have all pictures in one folder
        return place if images is not None and is_file(images / place) else nested
    if row.values.keys() >= {"id", "split", "lecture", "solution"} and "/" not in place:
        return f"{row.values['split']}/{row.values['id']}/{place}"  # ScienceQA's
    return place


def _read_texts(
    row: Row, columns: _Columns, options: Options, report: Report
) -> tuple[list[str], tuple[Question, ...]]:
    """Captions and questions of a row; ``ValueError`` where there are none."""
    if columns.questions.question is None:
        return _find_captions(row, columns, options, report), ()
    faults: list[Problem] = []
    asked = read_questions(row.values, columns.questions, Faults(faults.append, str(options.path), row.place))
    captions = list(asked.captions)
    if columns.caption is not None and row.values.get(columns.caption):
        captions += _find_captions(row, columns, options, report)
    if not asked.questions and not captions:
        raise ValueError(f"{faults[0].message if faults else 'there is no question'}; the row is left out")
    for fault in faults:
        report(fault)
    return captions, asked.questions


def _find_captions(row: Row, columns: _Columns, options: Options, report: Report) -> list[str]:
    """The texts of a row, without space around them; ``ValueError`` where there is none."""
    value = row.values.get(columns.caption or "")
    if isinstance(value, str) and value.strip()[:2] in ('["', "['") and value.strip().endswith("]"):
        value = parse_list(value.strip())  # five captions in one field of a table
    values = value if isinstance(value, list) else [value]
    faults, texts = [], []
    for given in values:
        one = given.get("raw", given) if isinstance(given, dict) else given
        if not isinstance(one, str):
            faults.append("is missing" if one is None else f"is no text but {_name_kind(one)}")
        elif not one.strip():
            faults.append("is empty")
        else:
            texts.append(one.strip())
    if not texts:
        raise ValueError(f"`{columns.caption}` {faults[0] if faults else 'is empty'}; the row is left out")
    for fault in faults:
        message = f"one of `{columns.caption}` {fault}; the others are used"
        report(Problem(file=str(options.path), place=row.place, message=message))
    return texts


def _find_id(row: Row, columns: _Columns) -> str:
    value = row.values.get(columns.id) if columns.id else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _name_kind(value: Any) -> str:
    kinds = {
        dict: "an object",
        list: "a list",
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
    }
    return kinds.get(type(value), type(value).__name__)


def _make_asset(place: str, images: Path | None) -> Asset:
    """``ValueError`` for a path that is not inside the picture folder."""
    if is_address(place):
        return Asset(url=place)
    return Asset(path=make_relative(place, images))
