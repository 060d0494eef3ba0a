"""The rows of a file of image-text pairs, whatever form it has: JSON, JSON Lines, CSV, TSV. By content; suffixes lie."""

import csv
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from syphus.annotations.json_nested import NamedShape, NestedDocument
from syphus.annotations.json_shapes import RAW, Broken, Shape, find_layout
from syphus.annotations.json_stream import JsonDocument
from syphus.annotations.picture_files import SUFFIXES
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import find_encoding, open_plain, open_text
from syphus.errors import InputError

_HEAD = 1 << 20
_DELIMITERS = (",", "\t", ";", "|")

_PICTURE_AND_TAB = re.compile(r"[^\t,]+\.[A-Za-z]{3,4}(#\d)?\t")

_LONGEST_ROW = 500
"""Lines that one row may take. A quote that is never closed would otherwise swallow the rest of the file."""

_record: Shape[dict[str, Any]] = Shape(dict[str, Any])
_MEMBER: NamedShape[Any] = NamedShape(dict[str, Any] | list[Any] | str)  # type: ignore[arg-type]


class Row(NamedTuple):
    """One row or record."""

    place: str
    values: dict[str, Any]


class Rows(NamedTuple):
    """All of a file."""

    columns: list[str]
    """The header's, or the first record's keys; empty where there is no record."""
    noun: str
    """What they are called: ``columns`` or ``keys``."""
    rows: Iterator[Row]


def open_rows(file: Path, report: Report, *, encoding: str | None, delimiter: str | None) -> Rows:
    """The rows of a file; a broken one goes to ``report``.

    Raises:
        InputError: for a file that is none of the forms, is torn (JSON), or is in another encoding.
    """
    with open_plain(file) as stream:
        data = stream.read(_HEAD)
    head = data.decode(find_encoding(file, encoding), errors="replace").lstrip("\ufeff")
    if not head.strip():
        raise InputError("is empty", file=file)
    layout = find_layout(head)
    suffix = file.suffix.lower()
    if layout == "other" and suffix == ".json":
        raise InputError(f"is no JSON: it begins with {head.strip()[:20]!r}", file=file)
    if layout == "lines" or (layout == "other" and suffix in (".jsonl", ".ndjson")):
        return _peek_keys(_read_lines(file, report, encoding))
    if layout == "array":
        _check_document(file, encoding)
        return _peek_keys(_read_list(file, "", report, encoding))
    if layout == "object":
        return _open_object(file, report, encoding)
    return _open_table(file, head, report, encoding=encoding, delimiter=delimiter)


# --- JSON ---


def _peek_keys(rows: Iterator[Row]) -> Rows:
    first = next(rows, None)
    if first is None:
        return Rows([], "keys", rows)
    return Rows(list(first.values), "keys", _chain(first, rows))


def _chain(first: Row, rest: Iterator[Row]) -> Iterator[Row]:
    yield first
    yield from rest


def _read_lines(file: Path, report: Report, encoding: str | None) -> Iterator[Row]:
    with open_text(file, encoding=encoding, torn=True) as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            values = _record.decode_one(line.encode(errors="replace"))
            if not isinstance(values, Broken):
                yield Row(f"line {number}", values)
                continue
            torn = "" if line.endswith("\n") else "; it is the last line, and the file may be cut there"
            report(Problem(file=str(file), place=f"line {number}", message=values.reason + torn))


def _check_document(file: Path, encoding: str | None) -> dict[str, str]:
    """Reads a document through before its first record is used, so that a torn one is refused as a whole.

    Returns its members and what each is, where it is an object.
    """
    with JsonDocument(file, encoding=encoding) as document:
        walked = document.walk_members({}) if document.find_kind() == "an object" else document.walk_array(RAW)
        for _ in walked:
            pass
        return document.members


def _read_list(file: Path, key: str, report: Report, encoding: str | None) -> Iterator[Row]:
    with JsonDocument(file, encoding=encoding) as document:
        for batch in document.walk_members({key: RAW}) if key else document.walk_array(RAW):
            for index, line, text in batch.number_lines():
                place = f"{key}[{index}], line {line}"
                values = _record.decode_one(text)
                if isinstance(values, Broken):
                    report(Problem(file=str(file), place=place, message=values.reason))
                else:
                    yield Row(place, values)


def _open_object(file: Path, report: Report, encoding: str | None) -> Rows:
    members = _check_document(file, encoding)
    lists = [key for key, kind in members.items() if kind == "a list"]
    # a list of texts is a record's captions, a list of objects is the records
    if len(lists) == 1 and lists[0] and next(_read_list(file, lists[0], _ignore, encoding), None):
        return _peek_keys(_read_list(file, lists[0], report, encoding))
    if len(members) > 1 and all(name.lower().endswith(SUFFIXES) for name in members):
        return _peek_keys(_read_named(file, report, encoding))
    if members and set(members.values()) == {"an object"}:
        rows = _peek_keys(_read_named(file, report, encoding))
        # of a file of another form the members themselves say more than what is in them
        return rows if _looks_like_row(rows.columns) else Rows(list(members), "keys", iter(()))
    is_record = any("image" in name.lower() and kind == "a text" for name, kind in members.items())
    if {"images", "annotations"} <= set(lists) or not members or ("an object" in members.values() and not is_record):
        return Rows(list(members), "keys", iter(()))
    # an object of texts and numbers: the one record of a file of one line
    return _peek_keys(_read_document(file, report, encoding))


def _looks_like_row(columns: list[str]) -> bool:
    return any("image" in name.lower() or "file" in name.lower() for name in columns)


def _read_named(file: Path, report: Report, encoding: str | None) -> Iterator[Row]:
    """The members of an object: records by their ids, or texts by the names of their pictures."""
    with NestedDocument(file, encoding=encoding) as document:
        for name, value in document.walk_named(_MEMBER):
            if isinstance(value, Broken):
                report(Problem(file=str(file), place=name[:80], message=value.reason))
            elif isinstance(value, dict):
                yield Row(name[:80], {"id": name, **value})
            else:
                yield Row(name[:80], {"image": name, "caption": value})


def _ignore(_: Problem) -> None:
    pass


def _read_document(file: Path, report: Report, encoding: str | None) -> Iterator[Row]:
    with open_text(file, encoding=encoding) as stream:
        values = _record.decode_one(stream.read().encode(errors="replace"))
    if isinstance(values, Broken):
        report(Problem(file=str(file), place="line 1", message=values.reason))
    else:
        yield Row("line 1", values)


# --- CSV, TSV ---


def _open_table(file: Path, head: str, report: Report, *, encoding: str | None, delimiter: str | None) -> Rows:
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise InputError(f"delimiter {delimiter!r} is not a single character", mend="Use for example `,` or `\\t`.")
    delimiter = delimiter or _guess_delimiter(head, file)
    stream = open_text(file, encoding=encoding, newline="")
    table = _Table(stream, file, delimiter, report)
    try:
        columns = table.read_header()
    except BaseException:
        stream.close()
        raise
    return Rows(columns, "columns", table.read_rows())


def _guess_delimiter(head: str, file: Path) -> str:
    """The one that the header has most of; the suffix decides where it has none."""
    header = next(line for line in head.splitlines() if line.strip())
    if "\t" in header and (file.suffix.lower() == ".tsv" or _PICTURE_AND_TAB.match(header)):
        return "\t"  # a caption in the place of a header has commas
    best = max(_DELIMITERS, key=header.count)
    return best if best in header else "\t" if file.suffix.lower() == ".tsv" else ","


class _UnclosedError(Exception):
    """A quoted field has grown beyond all measure."""


class _Lines:
    """Lines that can be taken back, so that a row that goes wrong costs one line only."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._ahead: deque[str] = deque()
        self.number = 0
        """Of the last line given."""
        self.held: list[str] = []
        """The lines of the row in hand."""

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self.held) >= _LONGEST_ROW:
            raise _UnclosedError
        line = self._ahead.popleft() if self._ahead else next(self._stream)
        self.number += 1
        self.held.append(line)
        return line

    def take_back(self) -> str:
        """Gives all lines of the row in hand again but the first, which is returned."""
        first, *rest = self.held
        self._ahead.extendleft(reversed(rest))
        self.number -= len(rest)
        self.held = []
        return first


class _Table:
    """A CSV file (RFC 4180): quotes around fields that hold quotes, delimiters or line ends; the first row is the header."""

    def __init__(self, stream: TextIO, file: Path, delimiter: str, report: Report) -> None:
        self._stream = stream
        self._file = file
        self._delimiter = delimiter
        self._report = report
        self._lines = _Lines(stream)
        self._columns: list[str] = []

    def read_header(self) -> list[str]:
        for start, fields in self._read_fields():
            if not fields:
                raise InputError("the header line cannot be read", file=self._file, place=f"line {start}")
            self._columns = [field.strip() for field in fields]
            break
        return self._columns

    def read_rows(self) -> Iterator[Row]:
        with self._stream:
            for start, fields in self._read_fields():
                if len(fields) == len(self._columns):
                    yield Row(f"line {start}", dict(zip(self._columns, fields, strict=True)))
                elif fields:
                    message = f"{len(fields)} fields, but the header has {len(self._columns)}; the row is left out"
                    self._complain(start, message)

    def _read_fields(self) -> Iterator[tuple[int, list[str]]]:
        """Line and fields of each row; no fields for one that cannot be read, which is reported."""
        rows = csv.reader(self._lines, delimiter=self._delimiter, strict=True)
        while True:
            start = self._lines.number + 1
            self._lines.held = []
            try:
                fields = next(rows)
            except StopIteration:
                return
            except (csv.Error, _UnclosedError) as error:
                fields = self._read_plainly(start, self._lines.take_back(), error)
                rows = csv.reader(self._lines, delimiter=self._delimiter, strict=True)
                yield start, fields
            else:
                if any(field.strip() for field in fields):
                    yield start, fields

    def _read_plainly(self, start: int, line: str, error: Exception) -> list[str]:
        """The row of a line whose quotes do not work out: in TSV they are often not meant as such."""
        fields = line.rstrip("\r\n").split(self._delimiter)
        if self._delimiter == "\t" and len(fields) == len(self._columns):
            self._complain(start, f"its quotes do not close ({error}); they are taken as they stand", lost=False)
            return fields
        why = "a quote is never closed" if isinstance(error, _UnclosedError) else str(error)
        self._complain(start, f"no row can be made of it: {why}; the line is left out")
        return []

    def _complain(self, line: int, message: str, *, lost: bool = True) -> None:
        self._report(Problem(file=str(self._file), place=f"line {line}", message=message, lost=lost))
