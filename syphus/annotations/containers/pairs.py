"""Reader of image-text pairs: a picture and a caption a row, as JSON, JSON Lines, CSV or TSV.

The form is found by looking into the file. Rows of the same picture that stand next to each other make one scene with
several captions; only neighbours are joined, so that files of any length are read in little memory. Pictures are not
opened: width and height stay unknown.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

from syphus.annotations.containers.pair_rows import Row, Rows, open_rows
from syphus.annotations.naming import Names, find_stem, is_address, make_name, make_relative
from syphus.annotations.reading import Problem, Report
from syphus.errors import InputError
from syphus.records import Asset, Caption, Scene

IMAGE_NAMES = ("image", "image_path", "file_name", "filename", "img", "path", "url")
CAPTION_NAMES = ("caption", "text", "title", "description", "sentence")
ID_NAMES = ("id", "image_id", "key")
"""Names that are looked for, in this order and in any case, where the options name none."""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which file, and what its columns mean."""

    path: Path
    images: Path | None = None
    """The picture folder. Absolute paths in the file must lie inside it."""
    image: str | None = None
    """The column with the picture's path or http(s) address; None: the first of ``IMAGE_NAMES`` that there is."""
    caption: str | None = None
    """The column with the text, in JSON also a list of texts."""
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
        InputError: at once, where the file is no such file, is torn (JSON), is in another encoding, or lacks a column.
    """
    rows = open_rows(options.path, report, encoding=options.encoding, delimiter=options.delimiter)
    if not rows.columns:
        return iter(())
    return _make_scenes(rows, _find_columns(rows, options), options, report)


class _Columns(NamedTuple):
    image: str
    caption: str
    id: str | None


def _find_columns(rows: Rows, options: Options) -> _Columns:
    _refuse_others(rows, options)
    image = _find_column(rows, options, "image", options.image, IMAGE_NAMES)
    caption = _find_column(rows, options, "caption", options.caption, CAPTION_NAMES)
    id_ = options.id
    if id_ is not None:
        id_ = _find_column(rows, options, "id", id_, ())
    else:
        lower = {column.lower(): column for column in reversed(rows.columns)}
        known = (lower[name] for name in ID_NAMES if name in lower)
        id_ = next((column for column in known if column not in (image, caption)), None)
    return _Columns(image, caption, id_)


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
        return
    raise InputError(message, file=options.path, mend=mend)


def _make_scenes(rows: Rows, columns: _Columns, options: Options, report: Report) -> Iterator[Scene]:
    names = Names()
    place, asset, name = None, Asset(), ""
    captions: list[Caption] = []
    for row in rows.rows:
        try:
            found = _find_place(row, columns)
            texts = _find_captions(row, columns, options, report)
            if found != place or not captions:
                new = _make_asset(found, options.images)
                if captions:
                    yield Scene(id=names.give(name), assets=(asset,), captions=tuple(captions))
                place, asset, captions = found, new, []
                name = make_name(_find_id(row, columns)) or find_stem(found)
        except ValueError as error:
            report(Problem(file=str(options.path), place=row.place, message=str(error)))
            continue
        captions += [Caption(text=text) for text in texts]
    if captions:
        yield Scene(id=names.give(name), assets=(asset,), captions=tuple(captions))


def _find_place(row: Row, columns: _Columns) -> str:
    value = row.values.get(columns.image)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        kind = "is missing" if value is None else f"is no path but {_name_kind(value)}"
        raise ValueError(f"`{columns.image}` {kind}; the row is left out")  # noqa: TRY004
    if not value.strip():
        raise ValueError(f"`{columns.image}` is empty; the row is left out")
    return value.strip()


def _find_captions(row: Row, columns: _Columns, options: Options, report: Report) -> list[str]:
    """The texts of a row, without space around them; ``ValueError`` where there is none."""
    value = row.values.get(columns.caption)
    values = value if isinstance(value, list) else [value]
    faults, texts = [], []
    for one in values:
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
