"""JSON documents of any size whose records hold lists of records, and documents that are one object of named records.

:class:`~syphus.annotations.json_stream.JsonDocument` looks for the end of a record where a ``}`` stands before a comma. In a
picture's list of thirty objects that is nearly always the end of one of these, and each wrong place costs a decoding of the
whole window: Visual Genome was read at a tenth of the parser's speed. Here the seam between two records is learned from the
first two (``, {"image_id":``) and looked for from the right. As there, a cut is never guessed: what lies before it must decode.
"""

import re
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec

from syphus.annotations.json_shapes import Batch, Broken, Shape, skip_space
from syphus.annotations.json_stream import WINDOW, JsonDocument

T = TypeVar("T")

_NEXT = re.compile(rb'[ \t\r\n]*,[ \t\r\n]*\{[ \t\r\n]*"[^"\\]{1,64}"[ \t\r\n]*:')
_FIRST_KEY = re.compile(rb'\{[ \t\r\n]*("[^"\\]{1,64}")[ \t\r\n]*:')
_TRIES = 8
_TAIL = 1 << 16

_raw_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


class NamedShape(Generic[T]):
    """What the members of an object must be; ``lenient`` as for :class:`Shape`."""

    def __init__(self, type_: type[T], *, lenient: bool = False) -> None:
        self.one = Shape(type_, lenient=lenient)
        self._many = msgspec.json.Decoder(dict[str, type_])  # type: ignore[valid-type]

    def decode(self, body: bytes) -> dict[str, T | Broken] | None:
        """The members of an object that ends where ``body`` ends; None where it is no such object."""
        try:
            return self._many.decode(body)
        except (msgspec.ValidationError, UnicodeDecodeError):
            pass  # one of the members: they are taken one by one below
        except (msgspec.DecodeError, RecursionError):
            return None
        try:
            raws = _raw_members.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return {name: self.one.decode_one(bytes(raw)) for name, raw in raws.items()}


class NestedDocument(JsonDocument):
    """A JSON file that is read once, from its beginning to its end. Use it in a ``with`` statement."""

    _seam: bytes | None = None

    def walk_named(self, shape: NamedShape[T]) -> Iterator[tuple[str, T | Broken]]:
        """The members of a document that is one object, in the order of the file.

        Of members of one name that stand near each other, the last counts, as everywhere in JSON.
        """
        self._take(b"{")
        first = True
        while self._peek() != b"}":
            if not first:
                self._take(b",")
            first = False
            yield from self._cut_members(shape).items()
        self._take(b"}")
        self._check_end()

    def _walk_list(self, key: str, shape: Shape[Any]) -> Iterator[Batch]:
        self._seam = None  # each list has its own
        yield from super()._walk_list(key, shape)

    def _cut(self, shape: Shape[Any]) -> tuple[bytes, list[Any]]:
        while True:
            if self._seam is None:
                self._seam = self._learn_seam()
            if not self._seam:
                return super()._cut(shape)
            end = len(self._data)
            for _ in range(_TRIES):
                end = self._data.rfind(self._seam, self._pos, end)
                if end < 0:
                    break
                body = b"[" + self._data[self._pos : end] + b"]"
                records = shape.decode(body)
                if records is not None:
                    self._pos = end
                    return body, records
            # The last records have no seam behind them, and a record may be longer than the window.
            if len(self._data) - self._pos > 4 * WINDOW or not self._fill():
                return super()._cut(shape)

    def _learn_seam(self) -> bytes:
        """What stands between the first record and the second one's first value; nothing where that is no object."""
        end = self._find_end()
        found = _NEXT.match(self._data, end)
        return found[0] if found else b""

    def _cut_members(self, shape: NamedShape[T]) -> dict[str, T | Broken]:
        """Whole members from the position on, as many as end in the window; the position is then behind them."""
        self._peek()
        found = self._cut_at_key(shape)
        if found is None and len(self._data) - self._pos < WINDOW and self._fill():
            found = self._cut_at_key(shape)
        if found is not None:
            return found
        name = self._take_key()
        self._take(b":")
        self._peek()
        end = self._find_end()
        record = shape.one.decode_one(self._data[self._pos : end])
        self._pos = end
        return {name: record}

    def _cut_at_key(self, shape: NamedShape[T]) -> dict[str, T | Broken] | None:
        """Tries the last places where a member begins whose first key is that of the next member."""
        first = _FIRST_KEY.search(self._data, self._pos, self._pos + _TAIL)
        if not first:
            return None
        seam = re.compile(rb',[ \t\r\n]*"(?:[^"\\]|\\.){0,500}"[ \t\r\n]*:[ \t\r\n]*\{[ \t\r\n]*' + re.escape(first[1]))
        size = _TAIL
        while True:
            start = max(self._pos, len(self._data) - size)
            places = [match.start() for match in seam.finditer(self._data, start)]
            if places or start == self._pos:
                break
            size *= 4
        for place in reversed(places[-_TRIES:]):
            members = shape.decode(b"{" + self._data[skip_space(self._data, self._pos) : place] + b"}")
            if members is not None:
                self._pos = place
                return members
        return None
