"""Records of a JSON array: decoded together, which is fast, or one by one, which loses only the broken ones."""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import msgspec

T = TypeVar("T")

_SPACE = re.compile(rb"[ \t\r\n]*")
_BYTE = re.compile(r"\(byte (\d+)\)$")

_raws = msgspec.json.Decoder(list[msgspec.Raw])


class Broken(NamedTuple):
    """A record that does not decode."""

    reason: str
    raw: bytes

    def find_id(self) -> Any:
        """Its ``id``, where at least that can be read, to name it by."""
        try:
            return msgspec.json.decode(self.raw, type=_Named).id
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None

    def find_keys(self) -> list[str]:
        """Its keys, where it is an object at all."""
        try:
            return list(msgspec.json.decode(self.raw, type=dict[str, msgspec.Raw]))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return []


class _Named(msgspec.Struct):
    id: int | str | None = None


class Shape(Generic[T]):
    """What the records of an array must be.

    Args:
        type_: of a record.
        lenient: also take numbers that are written as text, ``"12.5"``.
    """

    def __init__(self, type_: type[T], *, lenient: bool = False) -> None:
        self._one = msgspec.json.Decoder(type_)
        self._many = msgspec.json.Decoder(list[type_])  # type: ignore[valid-type]
        self._loose = msgspec.json.Decoder(type_, strict=False) if lenient else None

    def decode(self, body: bytes) -> list[T | Broken] | None:
        """The records of an array that ends where ``body`` ends; None where it is no such array."""
        try:
            return self._many.decode(body)
        except (msgspec.ValidationError, UnicodeDecodeError):
            pass  # one of the records: they are taken one by one below
        except (msgspec.DecodeError, RecursionError):
            return None
        try:
            raws = _raws.decode(body)
        except (msgspec.DecodeError, RecursionError):
            return None
        return [self.decode_one(bytes(raw)) for raw in raws]

    def decode_one(self, raw: bytes) -> T | Broken:
        """One record."""
        try:
            return self._one.decode(raw)
        except msgspec.ValidationError as error:
            return self._decode_loosely(raw, str(error))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            hint = next((word for word in (b"NaN", b"Infinity") if word in raw), b"").decode()
            return Broken(f"is no JSON: {hint} is no number there" if hint else f"is no JSON: {error}", raw)

    def _decode_loosely(self, raw: bytes, reason: str) -> T | Broken:
        """Only what the strict decoder refuses: the loose one would make numbers of ids that are texts."""
        if self._loose is not None:
            with suppress(msgspec.ValidationError):
                return self._loose.decode(raw)
        return Broken(reason, raw)


class Batch(NamedTuple):
    """Some records of an array, in order."""

    key: str
    """The member of the document that the array is; empty where it is the document itself."""
    first: int
    """Position of the first of them in the array."""
    records: list[Any]
    """Values of the shape, or :class:`Broken`."""
    body: bytes
    """Their text, with a bracket at either end."""
    line: int
    """The line of the file on which ``body`` begins."""

    def number_lines(self) -> Iterator[tuple[int, int, bytes]]:
        """Position, line and text of each record; for batches of the shape ``msgspec.Raw``."""
        line, end = self.line, 1
        for index, record in enumerate(self.records, self.first):
            text = record.raw if isinstance(record, Broken) else bytes(record)
            start = skip_space(self.body, self.body.index(b",", end) + 1 if index > self.first else end)
            line += self.body.count(b"\n", end, start)
            yield index, line, text
            end = start + len(text)
            line += self.body.count(b"\n", start, end)


RAW: Shape[Any] = Shape(msgspec.Raw)
"""Records as they stand."""


def find_layout(head: str) -> Literal["array", "object", "lines", "other"]:
    """How JSON text is laid out, by its first million letters or so.

    ``lines`` is JSON Lines: the first line is a whole object and more follows, or it breaks off where it ends. ``object`` is
    one object, on one line or on many. ``other`` does not begin as JSON.
    """
    head = head.lstrip()
    if not head.startswith("{"):
        return "array" if head.startswith("[") else "other"
    first, _, rest = head.partition("\n")
    line = first.encode(errors="replace")
    if not rest.strip():
        return "object"
    fault = find_fault(b"[" + line + b"]")
    if fault == len(line) + 2:
        return "lines"
    second = len(line) + 1 + len(rest) - len(rest.lstrip())
    fault = find_fault(b"[" + head.encode(errors="replace"))
    return "lines" if fault is not None and fault <= second + 2 else "object"


def skip_space(data: bytes, position: int) -> int:
    """The first position from ``position`` on that holds none of JSON's spaces."""
    found = _SPACE.match(data, position)
    return found.end() if found else position


def find_fault(text: bytes) -> int | None:
    """Where ``text`` stops being an array, its length where it never does; None where it only ends too early.

    The message is all there is to tell the two apart by, and of it only the number of the byte is used
    (``tests/test_reader_coco.py`` holds it to that).
    """
    try:
        _raws.decode(text)
    except msgspec.DecodeError as error:
        found = _BYTE.search(str(error))
        return int(found[1]) if found else None
    except RecursionError:
        return 1
    return len(text)
