"""Annotation files about videos: an object with a member for each video, and JSON Lines; typed, lazy, broken ones reported."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from syphus.annotations.foreign import name_form, name_other
from syphus.annotations.json_nested import NamedShape, NestedDocument
from syphus.annotations.json_shapes import RAW, Broken, Shape, find_layout
from syphus.annotations.json_stream import JsonDocument
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_utf8
from syphus.errors import InputError

T = TypeVar("T")

_ENOUGH = 100
"""Broken records, and no good one, after which a file is given up."""
_HEAD = 1 << 20


class Named(NamedTuple, Generic[T]):
    """What a document says of one video."""

    name: str
    record: T
    place: str


class Line(NamedTuple, Generic[T]):
    """A record of JSON Lines, or of a JSON array."""

    place: str
    offset: int
    """Where the line begins, in bytes of what :func:`open_utf8` gives; -1 in an array."""
    record: T
    raw: bytes
    """The record as it stands, to be decoded again."""


class VideoDocument(NestedDocument):
    """A JSON document with a member for each video, at its top or under one key."""

    def peek_key(self) -> str:
        """The first key of a document that is an object; it can only be read once."""
        self._take(b"{")
        return self._take_key() if self._peek() == b'"' else ""

    def walk_videos(self, shape: NamedShape[T], under: str = "") -> Iterator[tuple[str, T | Broken]]:
        """Name and record of each.

        Raises:
            InputError: also where there is no member ``under``, or it is no object.
        """
        if not under:
            yield from self.walk_named(shape)
            return
        self._take(b"{")
        while self._peek() != b"}":
            if self.members:
                self._take(b",")
            key = self._take_key()
            self._take(b":")
            self.members[key] = "an object" if self._peek() == b"{" else "another value"
            if key == under and self.members[key] == "an object":
                yield from self._walk_members(shape)
            else:
                self._pos = self._find_end()
        self._take(b"}")
        self._check_end()

    def _walk_members(self, shape: NamedShape[T]) -> Iterator[tuple[str, T | Broken]]:
        self._take(b"{")
        is_first = True
        while self._peek() != b"}":
            if not is_first:
                self._take(b",")
            is_first = False
            yield from self._cut_members(shape).items()
        self._take(b"}")


_raws: NamedShape[Any] = NamedShape(msgspec.Raw)


def check_document(file: Path, *, what: str, under: str = "") -> None:
    """Reads a document through before its first record is used, so that a torn one is refused as a whole.

    Raises:
        InputError: for one that is no JSON, is torn, empty, or not an object (with ``under`` in it).
    """
    with VideoDocument(file) as document:
        kind = document.find_kind()
        if kind == "nothing":
            raise InputError("is empty", file=file)
        if kind != "an object":
            mend = name_other(_find_first_keys(file)) if kind == "a list" else ""
            raise InputError(f"is {kind}: this is no {what}", file=file, mend=mend)
        try:
            for _ in document.walk_videos(_raws, under):
                pass
        except InputError as error:
            mend = name_other(_find_first_keys(file)) if "follows after the end" in error.message else error.mend
            raise InputError(error.message, file=file, place=error.place, mend=mend) from error
        if under and document.members.get(under) != "an object":
            mend = name_other(list(document.members))
            raise InputError(f"has no object `{under}`: this is no {what}", file=file, mend=mend)


def _find_first_keys(file: Path) -> list[str]:
    """The keys of the first record of a list or of JSON Lines, as far as that can be told from its beginning."""
    with open_utf8(file) as stream:
        head = stream.read(1 << 16).lstrip(b"\xef\xbb\xbf[ \t\r\n")
    line = head.partition(b"\n")[0]
    for text in (line, line.rstrip(b" \t\r,]"), *(head[: at + 1] for at in _find_braces(head))):
        keys = Broken("", text).find_keys()
        if keys:
            return keys
    return []


def _find_braces(head: bytes) -> Iterator[int]:
    position = head.find(b"}")
    for _ in range(50):
        if position < 0:
            return
        yield position
        position = head.find(b"}", position + 1)


def walk_videos(
    file: Path, shape: NamedShape[T], report: Report, *, what: str, under: str = "", noun: str = "video"
) -> Iterator[Named[T]]:
    """The good records of a document that :func:`check_document` found whole; broken ones are reported.

    Raises:
        InputError: where the first hundred records, or all of fewer, are broken: it is another kind of file.
    """
    tally = _Tally(file, report, what)
    with VideoDocument(file) as document:
        for name, record in document.walk_videos(shape, under):
            place = f"{noun} {name!r:.80}"
            if isinstance(record, Broken):
                tally.add(record, place)
            else:
                tally.is_good = True
                yield Named(name, record, place)
    tally.check()


class _Tally:
    """Counts broken records until the first good one."""

    def __init__(self, file: Path, report: Report, what: str) -> None:
        self.is_good = False
        self._file, self._report, self._what = file, report, what
        self._broken = 0
        self._first: Broken | None = None

    def add(self, broken: Broken, place: str, hint: str = "") -> None:
        message = f"{broken.reason}; the record is left out{hint}"
        self._report(Problem(file=str(self._file), place=place, message=message))
        self._first = self._first or broken
        self._broken += 1
        if self._broken >= _ENOUGH:
            self.check()

    def check(self) -> None:
        if self._first and not self.is_good:
            message = f"none of its records can be used ({self._first.reason}): this is no {self._what}"
            raise InputError(message, file=self._file, mend=_name_broken(self._first, self._what))


def _name_broken(broken: Broken, what: str) -> str:
    """What to do about a file with such a record, which may also be a document with a member for each video."""
    keys = broken.find_keys()
    if not name_form(keys)[0] and keys:
        members = msgspec.json.decode(broken.raw, type=dict[str, msgspec.Raw])
        inner = Broken("", bytes(members[keys[0]])).find_keys()
        if name_form(inner)[0]:
            return name_other(inner, but=what)
    return name_other(keys, but=what)


def walk_lines(file: Path, shape: Shape[T], report: Report, *, what: str) -> Iterator[Line[T]]:
    """The good records of JSON Lines, or of one JSON array; broken ones are reported.

    Raises:
        InputError: for a file that is empty, torn (an array) or in another encoding, for one JSON object, and for one whose
            first hundred records, or all of fewer, are broken.
    """
    with open_utf8(file) as stream:
        head = stream.read(_HEAD).decode(errors="replace")
    layout = find_layout(head)
    if layout == "object" and "\n" in head.strip():
        message = f"is one JSON object, not one a line: this is no {what}"
        raise InputError(message, file=file, mend=name_other(_find_first_keys(file), but=what))
    yield from _walk_array(file, shape, report, what) if layout == "array" else _walk_lines(file, shape, report, what)


def _walk_array(file: Path, shape: Shape[T], report: Report, what: str) -> Iterator[Line[T]]:
    tally = _Tally(file, report, what)
    is_empty = True
    with JsonDocument(file) as document:
        for batch in document.walk_array(RAW):
            for index, line, raw in batch.number_lines():
                is_empty = False
                record = shape.decode_one(raw)
                place = f"[{index}], line {line}"
                if isinstance(record, Broken):
                    tally.add(record, place)
                else:
                    tally.is_good = True
                    yield Line(place, -1, record, raw)
    if is_empty:
        raise InputError("is empty", file=file)
    tally.check()


def _walk_lines(file: Path, shape: Shape[T], report: Report, what: str) -> Iterator[Line[T]]:
    tally = _Tally(file, report, what)
    is_empty = True
    with open_utf8(file) as stream:
        offset = stream.tell()
        for number, line in enumerate(stream, 1):
            if not line.isspace():
                is_empty = False
                record = shape.decode_one(line)
                if isinstance(record, Broken):
                    hint = "" if line.endswith(b"\n") else "; it is the last line, and the file may be cut there"
                    tally.add(record, f"line {number}", hint)
                else:
                    tally.is_good = True
                    yield Line(f"line {number}", offset, record, line)
            offset += len(line)
    if is_empty:
        raise InputError("is empty", file=file)
    tally.check()
