"""The records of files of any form: rows of a table, lines, lists in a JSON document, or a document each."""

import glob
import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from syphus.annotations.containers.pair_rows import Row, open_rows
from syphus.annotations.foreign import name_form, name_keys
from syphus.annotations.json_nested import NamedShape, NestedDocument
from syphus.annotations.json_shapes import Broken, Shape, find_layout
from syphus.annotations.json_stream import JsonDocument
from syphus.annotations.mapped.paths import Place
from syphus.annotations.mapped.tables import Options
from syphus.annotations.mapped.values import open_cell
from syphus.annotations.picture_files import is_file, is_folder
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_text
from syphus.decoding import decode_json
from syphus.errors import InputError

_HEAD = 1 << 20
_MEMBER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAMED: NamedShape[dict[str, Any]] = NamedShape(dict[str, Any])
_record: Shape[dict[str, Any]] = Shape(dict[str, Any])


def open_records(options: Options, report: Report) -> Iterator[tuple[Path, Row]]:
    """Each record with its file.

    Args:
        options: which files, and where in them the records are.
        report: receives broken records, and of several files those that cannot be read.

    Raises:
        InputError: at the first record or later, where a single file is torn, in another encoding, or has no records.
    """
    files = _find_files(options.path)
    records = Place(options.records, "records") if options.records else None
    rows: Iterator[tuple[Path, Row]]
    if files is None:
        rows = ((options.path, row) for row in _open_file(options.path, options, records, report))
    else:
        rows = _open_each(files, options, records, report)
    return _group(rows, Place(options.group, "group"), report) if options.group else rows


def _find_files(path: Path) -> list[Path] | None:
    """The files of a pattern; None for a single file."""
    if is_file(path):
        return None
    if is_folder(path):
        raise InputError("is a folder", file=path, mend=f"Say which of its files: `{path.name}/*.json`.")
    if not glob.has_magic(str(path)):
        return None  # opening it says best what is wrong
    found = map(Path, glob.iglob(str(path), recursive=True))  # noqa: PTH207  Path.glob takes no absolute pattern
    files = sorted(filter(is_file, found))
    if not files:
        raise InputError("no file is like this", file=path, mend="A relative path starts at the configuration file.")
    return files


def _open_each(
    files: list[Path], options: Options, records: Place | None, report: Report
) -> Iterator[tuple[Path, Row]]:
    for file in files:
        try:
            if records is None and _layout_of(file, options) == "object":
                yield file, Row("", _decode_object(file, options))
                continue
            for row in _open_file(file, options, records, report):
                yield file, row
        except InputError as error:
            report(Problem(file=str(file), place=error.place or "the file", message=f"{error.message}; it is left out"))


def _layout_of(file: Path, options: Options) -> str:
    with open_text(file, encoding=options.encoding) as stream:
        return find_layout(stream.read(_HEAD))


def _open_file(file: Path, options: Options, records: Place | None, report: Report) -> Iterator[Row]:
    if records is None:
        rows = open_rows(file, report, encoding=options.encoding, delimiter=options.delimiter)
        if rows.noun == "columns":
            return (Row(row.place, {key: open_cell(cell) for key, cell in row.values.items()}) for row in rows.rows)
        first = next(rows.rows, None)
        if first is not None:
            return chain([first], rows.rows)
        if rows.columns:
            return _read_named(file, options, report)
        return iter(())
    layout = _layout_of(file, options)
    if layout in ("lines", "other"):
        return _search_lines(file, options, records, report)
    if layout == "object" and _MEMBER.fullmatch(records.expression) and _is_list(file, options, records.expression):
        return _read_member(file, options, records.expression, report)
    return _search_document(file, options, records, report)


def _is_list(file: Path, options: Options, key: str) -> bool:
    return _members_of(file, options).get(key) == "a list"


def _members_of(file: Path, options: Options) -> dict[str, str]:
    """The members of a document that is an object, and what each is. A torn document is refused here."""
    with JsonDocument(file, encoding=options.encoding) as document:
        for _ in document.walk_members({}):
            pass
        return document.members


def _read_named(file: Path, options: Options, report: Report) -> Iterator[Row]:
    """The records of an object of objects, in little memory; each gets its name as ``id``, where it has none."""
    members = _members_of(file, options)
    if set(members.values()) != {"an object"}:
        what, known = name_form(members)
        mend = f"It looks like {what}: {known} " if what else ""
        mend += 'Say where the records are: `records = "..."`.'
        raise InputError(f"is an object with {name_keys(members)}", file=file, mend=mend)
    with NestedDocument(file, encoding=options.encoding) as document:
        for name, values in document.walk_named(_NAMED):
            if isinstance(values, Broken):
                report(Problem(file=str(file), place=name[:80], message=values.reason))
            else:
                yield Row(name[:80], {"id": name, **values})


def _read_member(file: Path, options: Options, key: str, report: Report) -> Iterator[Row]:
    """The records of a list of a document, in little memory."""
    with JsonDocument(file, encoding=options.encoding) as document:
        for batch in document.walk_members({key: _record}):
            for index, values in enumerate(batch.records, batch.first):
                place = f"{key}[{index}]"
                if isinstance(values, Broken):
                    report(Problem(file=str(file), place=place, message=values.reason))
                else:
                    yield Row(place, values)


def _search_lines(file: Path, options: Options, records: Place, report: Report) -> Iterator[Row]:
    rows = open_rows(file, report, encoding=options.encoding, delimiter=options.delimiter)
    found = records.found
    first: Row | None = None
    for row in rows.rows:
        first = first or row
        yield from _search(row.values, row.place, file, records, report)
    if first is not None and records.found == found and options.path == file:
        raise _has_nothing(first.values, file, records)


def _search_document(file: Path, options: Options, records: Place, report: Report) -> Iterator[Row]:
    with open_text(file, encoding=options.encoding) as stream:
        document = _decode(stream.read(), file)
    found, empty = records.found, records.empty
    yield from _search(document, "", file, records, report)
    # Of many files some may well have an empty list.
    if records.found == found and (records.empty == empty or options.path == file):
        raise _has_nothing(document, file, records)


def _has_nothing(document: Any, file: Path, records: Place) -> InputError:
    keys = f"its keys: {', '.join(list(document)[:12])}" if isinstance(document, dict) else "it is a list"
    return InputError(f"has nothing at `records = {records.expression!r}`; {keys}", file=file)


def _search(value: Any, place: str, file: Path, records: Place, report: Report) -> Iterator[Row]:
    try:
        found = records.find(value)
    except ValueError as error:
        report(Problem(file=str(file), place=place or "the document", message=str(error)))
        return
    head = f"{place}, " if place else ""
    for name, part in name_parts(found):
        if isinstance(part, dict):
            yield Row(f"{head}{records.expression}{name}", part)
        else:
            kind = type(part).__name__
            report(
                Problem(file=str(file), place=f"{head}{records.expression}{name}", message=f"is no record but {kind}")
            )


def name_parts(found: Any) -> Iterator[tuple[str, Any]]:
    """What ``each`` or ``records`` found, part by part, with the place of each: ``[3]``, ``.o7``.

    Of an object of objects its values, each with its key as ``id``; any other object is the only part.
    """
    found = open_cell(found)
    if isinstance(found, list | tuple):
        yield from ((f"[{index}]", one) for index, one in enumerate(found))
    elif isinstance(found, dict) and found and all(isinstance(one, dict) for one in found.values()):
        yield from ((f".{str(key)[:40]}", {"id": key, **one}) for key, one in found.items())
    elif found not in (None, "", {}):
        yield "", found


def name_rows(found: Any) -> Iterator[tuple[str, Any]]:
    """The rows of an object of lists that go together. Raises ``ValueError`` where they do not."""
    if found is None:
        return
    lists = {key: open_cell(values) for key, values in found.items()} if isinstance(found, dict) else {}
    if lists and all(values in (None, "") for values in lists.values()):
        return  # a record of which nothing is told
    if not lists or not all(isinstance(values, list | tuple) for values in lists.values()):
        raise ValueError("there is no object of lists; it is written `{time: timestamps, text: sentences}`")
    lengths = {key: len(values) for key, values in lists.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{length} of {key}" for key, length in lengths.items())
        raise ValueError(f"there are {told}, which do not go together; they are left out")
    for index in range(next(iter(lengths.values()))):
        yield f"[{index}]", {key: values[index] for key, values in lists.items()}


def _decode_object(file: Path, options: Options) -> dict[str, Any]:
    with open_text(file, encoding=options.encoding) as stream:
        document = _decode(stream.read(), file)
    if not isinstance(document, dict):
        raise InputError("is no object", file=file)
    return document


def _decode(text: str, file: Path) -> Any:
    try:
        return decode_json(text, Any, file=file)
    except InputError:
        try:  # Python's json writes NaN, which JSON does not know
            return json.loads(text, parse_constant=lambda _: None)
        except (ValueError, RecursionError):
            pass
        raise


def _group(rows: Iterator[tuple[Path, Row]], by: Place, report: Report) -> Iterator[tuple[Path, Row]]:
    groups: dict[str, tuple[Path, Row, list[dict[str, Any]]]] = {}
    for file, row in rows:
        try:
            key = by.find(row.values)
        except ValueError as error:
            report(Problem(file=str(file), place=row.place, message=str(error)))
            continue
        if isinstance(key, dict | list) or key in (None, ""):
            found = "no single value" if isinstance(key, dict | list) else "nothing"
            message = f"`group = {by.expression!r}` finds {found}; it is left out"
            report(Problem(file=str(file), place=row.place, message=message))
            continue
        groups.setdefault(str(key), (file, row, []))[2].append(row.values)
    for file, first, members in groups.values():
        yield file, Row(first.place, {**first.values, "rows": members})
