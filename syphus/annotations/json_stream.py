"""JSON documents of any size, record by record, in the memory of a window.

msgspec decodes fast but only whole values, so a window of the file is cut after the last complete record in it. A cut is
never guessed: ``[`` + what lies before it + ``]`` must decode, and since JSON is read from the left in only one way, what
decodes so is a sequence of whole records, whatever brackets and commas their texts hold.

A record that breaks its type comes as :class:`Broken` and the others stay. So does one with ``NaN``, ``Infinity`` or half a
surrogate pair, which Python's json writes though JSON does not know them. Anything else that is no JSON raises
:class:`InputError` with line and column.
"""

import codecs
import json
import re
from collections.abc import Container, Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from syphus.annotations.json_shapes import RAW, Batch, Shape, find_fault, skip_space
from syphus.annotations.text_files import explain_encoding, open_utf8
from syphus.errors import InputError

WINDOW = 4 << 20
"""Bytes read at a time: large enough that the calls cost nothing, small beside everything else in memory."""

_CUTS = 64
"""Places tried as the end of a record before the window grows. More than one is needed where records hold lists of objects."""

_COMMA = re.compile(rb"[ \t\r\n]*,")
_KINDS = {"{": "an object", "[": "a list", '"': "a text", "t": "true", "f": "false", "n": "null", "": "nothing"}

# Only the extent of a value is asked for. Numbers stay text, since Python refuses integers of more than 4,300 digits; a raw
# line feed in a text is passed over here, so that it costs its record and not the file.
_scanner = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str, strict=False)


class JsonDocument:
    """A JSON file that is read from its beginning to its end, once. Use it in a ``with`` statement."""

    def __init__(self, file: Path, *, encoding: str | None = None) -> None:
        self.file = file
        self.members: dict[str, str] = {}
        """The members met so far and what each is: ``a list``, ``an object``."""
        self._stream = open_utf8(file, encoding=encoding)
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._data = b""
        self._pos = 0
        self._line, self._line_start, self._base = 1, 0, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def find_kind(self) -> str:
        """What the document is: ``an object``, ``a list`` and so on; ``nothing`` for an empty file."""
        head = self._peek().decode("latin-1")
        return _KINDS.get(head, "a number" if head in "-0123456789" else "no JSON")

    def walk_array(self, shape: Shape[Any]) -> Iterator[Batch]:
        """The records of a document that is one array."""
        yield from self._walk_list("", shape)
        self._check_end()

    def walk_members(self, shapes: Mapping[str, Shape[Any]], optional: Container[str] = ()) -> Iterator[Batch]:
        """The records of those arrays of an object that have a shape, in the order of the file; the rest is passed over.

        Args:
            shapes: by the members' names.
            optional: members that are passed over where they are no arrays.

        Raises:
            InputError: also where a member that has a shape is no array.
        """
        self._take(b"{")
        while self._peek() != b"}":
            if self.members:
                self._take(b",")
            key = self._take_key()
            self._take(b":")
            head = self._peek().decode("latin-1")
            self.members[key] = _KINDS.get(head, "a number")
            if head == "[":
                walked = self._walk_list(key, shapes.get(key, RAW))
                yield from (batch for batch in walked if key in shapes)
            elif key in shapes and key not in optional:
                raise self._error(f"`{key}` is {self.members[key]}, not a list")
            else:
                self._pos = self._find_end()
        self._take(b"}")
        self._check_end()

    # --- the window ---

    def _fill(self) -> bool:
        """Reads on, doubling what is in memory where nothing of it was used; False at the end of the file."""
        rest = self._data[self._pos :]
        block = self._stream.read(max(WINDOW, len(rest)))
        if not block.isascii() or not block or self._utf8.getstate()[0]:
            self._check_utf8(block, len(rest))
        if not block:
            return False
        self._line, self._line_start = self._find_line(self._pos)
        self._base += self._pos
        self._data, self._pos = rest + block, 0
        return True

    def _check_utf8(self, block: bytes, rest: int) -> None:
        held = len(self._utf8.getstate()[0])
        try:
            self._utf8.decode(block, final=not block)
        except UnicodeDecodeError as error:
            if not block:
                return  # the file is torn inside a character: the text around it says so better
            whole = self._data[self._pos :] + block
            line = self._find_line(self._pos)[0] + whole.count(b"\n", 0, rest - held + error.start)
            reason = f"byte {error.object[error.start]:#04x} ({error.reason})"
            raise explain_encoding(self.file, "utf-8", place=f"line {line}", reason=reason) from error

    def _find_line(self, position: int) -> tuple[int, int]:
        """The line of a position in the window, and where in the file that line begins."""
        count = self._data.count(b"\n", 0, position)
        start = self._base + self._data.rfind(b"\n", 0, position) + 1 if count else self._line_start
        return self._line + count, start

    def _error(self, message: str, position: int | None = None, mend: str = "") -> InputError:
        position = self._pos if position is None else position
        line, start = self._find_line(position)
        place = f"line {line}, column {self._base + position - start + 1}"
        return InputError(message, file=self.file, place=place, mend=mend)

    def _torn(self) -> InputError:
        mend = "The file ends in the middle: it was cut while being written or copied. Fetch it again."
        return self._error("is no JSON: the end is missing", len(self._data), mend)

    # --- single marks and values ---

    def _peek(self) -> bytes:
        while True:
            self._pos = skip_space(self._data, self._pos)
            if self._pos < len(self._data):
                return self._data[self._pos : self._pos + 1]
            if not self._fill():
                return b""

    def _take(self, mark: bytes) -> None:
        found = self._peek()
        if not found:
            raise self._torn()
        if found != mark:
            raise self._error(f"is no JSON: expected `{mark.decode()}`, found `{found.decode('latin-1')}`")
        self._pos += 1

    def _take_key(self) -> str:
        if self._peek() not in (b'"', b""):
            raise self._error("is no JSON: expected a name in double quotes")
        end = self._find_end()
        try:
            key = msgspec.json.decode(self._data[self._pos : end], type=str)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._error(f"is no JSON: {error}") from error
        self._pos = end
        return key

    def _find_end(self) -> int:
        """Where the value at the position ends; reads on until all of it is in the window."""
        while True:
            try:
                end = _scan(self._data, self._pos)
            except json.JSONDecodeError as error:
                if not self._fill():
                    raise self._explain(error) from error
            except RecursionError as error:
                raise self._error("is nested too deeply") from error
            else:
                if end < len(self._data) or not self._fill():
                    return end

    def _explain(self, error: json.JSONDecodeError) -> InputError:
        torn = error.pos >= len(self._data.rstrip()) - 1 or error.msg.startswith("Unterminated")
        return self._torn() if torn else self._error(f"is no JSON: {error.msg}", error.pos)

    def _check_end(self) -> None:
        if self._peek():
            raise self._error(
                "is no JSON: something follows after the end", mend="Is it JSON Lines, one record a line?"
            )

    # --- arrays ---

    def _walk_list(self, key: str, shape: Shape[Any]) -> Iterator[Batch]:
        self._take(b"[")
        if self._peek() == b"]":
            self._pos += 1
            return
        index = 0
        while True:
            start = self._find_line(self._pos)[0]
            body, records = self._cut(shape)
            yield Batch(key, index, records, body, start)
            index += len(records)
            if self._peek() == b"]":
                self._pos += 1
                return
            self._take(b",")
            if self._peek() == b"]":
                raise self._error("is no JSON: a comma before the closing bracket")

    def _cut(self, shape: Shape[Any]) -> tuple[bytes, list[Any]]:
        """Whole records from the position on, as many as are in the window; the position is then behind them."""
        while True:
            found = self._cut_at_gap(shape, 1) or self._cut_by_fault(shape)
            if found:
                return found
            if not self._fill():
                # msgspec also calls it an early end when half a surrogate pair closes a text
                found = self._cut_slowly(shape, margin=0)
                if found:
                    return found
                self._find_end()  # raises, and knows where
                raise self._torn()

    def _cut_at_gap(self, shape: Shape[Any], tries: int, end: int | None = None) -> tuple[bytes, list[Any]] | None:
        """Tries the last places where a ``}`` stands before a comma."""
        for gap in islice(_find_gaps(self._data, self._pos, len(self._data) if end is None else end), tries):
            body = b"[" + self._data[self._pos : gap] + b"]"
            records = shape.decode(body)
            if records is not None:
                self._pos = gap
                return body, records
        return None

    def _cut_by_fault(self, shape: Shape[Any]) -> tuple[bytes, list[Any]] | None:
        """Asks msgspec where the array stops being one: at its end, or at something that is no JSON."""
        rest = b"[" + self._data[self._pos :]
        fault = find_fault(rest)
        if fault is None:  # cut off in the middle of a record, as windows are
            return self._cut_at_gap(shape, _CUTS)
        body = rest[: rest.rfind(b"]", 0, fault) + 1]  # the fault is at what follows the bracket, or one behind
        records = shape.decode(body)
        if records is not None:  # the bracket that closes the array; it stays for the caller
            self._pos += len(body) - 2
            return body, records
        return self._cut_at_gap(shape, 1, self._pos + fault) or self._cut_slowly(shape)

    def _cut_slowly(self, shape: Shape[Any], *, margin: int = 16) -> tuple[bytes, list[Any]] | None:
        """By Python's own decoder, which accepts what its encoder writes: NaN, Infinity, half surrogate pairs.

        Within ``margin`` bytes of the window's end a fault proves nothing: a word or a number may be cut there.
        """
        start = end = position = self._pos
        records: list[Any] = []
        text = self._data.decode("latin-1")  # one letter a byte, so that offsets agree; JSON's marks are ASCII
        while True:
            position = skip_space(self._data, position)
            try:
                stop = _scanner.raw_decode(text, position)[1]
            except json.JSONDecodeError as error:
                if not records and error.pos < len(text) - margin and not error.msg.startswith("Unterminated"):
                    raise self._explain(error) from error
                break
            except RecursionError as error:
                raise self._error("is nested too deeply", position) from error
            gap = skip_space(self._data, stop)
            if text[gap : gap + 1] not in (",", "]"):
                if not records and gap < len(text) - margin:
                    raise self._error("is no JSON: expected a comma or a closing bracket", gap)
                break
            records.append(shape.decode_one(self._data[position:stop]))
            end, position = stop, gap + 1
            if text[gap] == "]":
                break
        if not records:
            return None
        self._pos = end
        return b"[" + self._data[start:end] + b"]", records


def _scan(data: bytes, position: int) -> int:
    """Where the value at ``position`` ends; ``json.JSONDecodeError`` where it does not end within ``data``."""
    size = 1 << 16
    while True:
        text = data[position : position + size].decode("latin-1")
        try:
            end = _scanner.raw_decode(text)[1]
        except json.JSONDecodeError as error:
            if position + size >= len(data):
                raise json.JSONDecodeError(error.msg, data.decode("latin-1"), position + error.pos) from error
        else:
            if end < len(text) or position + size >= len(data):
                return position + end
        size *= 8


def _find_gaps(data: bytes, start: int, end: int) -> Iterator[int]:
    """Places behind a ``}`` that a comma follows, from the right."""
    position = data.rfind(b"}", start, end)
    while position >= 0:
        if _COMMA.match(data, position + 1):
            yield position + 1
        position = data.rfind(b"}", start, position)
