"""The rows of a JSON file, one at a time: of an array, of JSON Lines, or the one object that the file is."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from syphus.annotations.json_shapes import RAW, Broken, find_layout
from syphus.annotations.json_stream import JsonDocument
from syphus.annotations.text_files import find_encoding, open_bytes, open_utf8
from syphus.errors import InputError
from syphus.formats.importing import HEAD, Aside, Report

_TORN = "the file ends in the middle of it: it was cut while being written or copied"
_LONGEST_OBJECT = 64 << 20
"""Bytes of a file that is one object. It has to go into memory whole."""


class Row(NamedTuple):
    """One row of a file."""

    number: int
    """From 1, of all that stand in the file, the odd ones too."""
    place: str
    """``line 12``, or ``row 3 (line 40)`` of an array."""
    value: Any
    """Its JSON value."""
    raw: bytes
    """Its text."""

    def aside(self, file: Path, message: str) -> Aside:
        """The row, kept aside for the reason ``message``."""
        return make_aside(file, self.place, message, self.raw)


def make_aside(file: Path, place: str, message: str, raw: bytes) -> Aside:
    """A record, kept aside for the reason ``message``."""
    return Aside(file=str(file), place=place, message=message, record=raw.decode("utf-8", "replace").strip())


def read_rows(file: Path, report: Report) -> Generator[Row, None, None]:
    """The rows of ``file``; those that are no JSON go to ``report``.

    A file that breaks in the middle gives what stands before the break; the break is reported, and what follows is not read.

    Raises:
        InputError: the file cannot be read, is empty, holds no rows, or is broken at its very beginning.
    """
    layout, walk = _choose(file)
    number = 0
    try:
        for number, place, raw in walk(file):
            if isinstance(raw, Broken):
                report(make_aside(file, place, raw.reason, raw.raw))
                continue
            if layout == "lines" and not raw.strip():
                continue
            try:
                value = msgspec.json.decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                report(make_aside(file, place, explain_row(raw, error, is_line=layout == "lines"), raw))
            else:
                yield Row(number, place, value, raw)
    except InputError as error:
        if not number:
            raise
        message = f"{error.message}; the rows before it are used, and what follows is not read"
        report(make_aside(file, error.place or f"row {number + 1}", message, b""))


def explain_row(raw: bytes, error: Exception, *, is_line: bool) -> str:
    """What is wrong with a row that does not decode."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        return f"is not UTF-8: byte {raw[fault.start]:#04x}"
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    if is_line and not raw.endswith(b"\n"):
        return _TORN
    name = next((name for name in (b"NaN", b"Infinity") if name in raw), b"").decode()
    return f"is no JSON: {error}" + (f" ({name} is no number there)" if name else "")


_Walk = Callable[[Path], Iterator[tuple[int, str, Any]]]


def _choose(file: Path) -> tuple[str, _Walk]:
    with open_bytes(file) as stream:
        head = stream.read(HEAD)
    if not head.strip(b" \t\r\n\0"):
        raise InputError("is empty", file=file)
    layout = find_layout(head.decode(find_encoding(file), "replace"))
    walks: dict[str, _Walk] = {"array": _walk_array, "lines": _walk_lines, "object": _walk_object}
    if layout not in walks:
        raise InputError("is neither a JSON array nor JSON Lines", file=file)
    return layout, walks[layout]


def _walk_array(file: Path) -> Iterator[tuple[int, str, Any]]:
    with JsonDocument(file) as document:
        for batch in document.walk_array(RAW):
            broken = [record if isinstance(record, Broken) else None for record in batch.records]
            for (index, line, raw), fault in zip(batch.number_lines(), broken, strict=True):
                yield index + 1, f"row {index + 1} (line {line})", fault or raw


def _walk_lines(file: Path) -> Iterator[tuple[int, str, Any]]:
    with open_utf8(file) as stream:
        for number, line in enumerate(stream, start=1):
            yield number, f"line {number}", line


def _walk_object(file: Path) -> Iterator[tuple[int, str, Any]]:
    with open_utf8(file) as stream:
        raw = stream.read(_LONGEST_OBJECT + 1)
    if len(raw) > _LONGEST_OBJECT:
        raise InputError("is one JSON object, and too large to be one row", file=file)
    yield 1, "line 1", raw
