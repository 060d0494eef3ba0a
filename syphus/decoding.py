"""From bytes to typed values, with errors that name the file, the line and the field.

msgspec says *what* is wrong and gives the path (``$.objects[0].box``); this module adds *where in the file* that path
stands, and for a field that does not exist the nearest one that does.
"""

import json
import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from syphus.errors import InputError

T = TypeVar("T")

_PATH = re.compile(r" - at `(?:key in )?(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.(?P<key>[^.\[]+)|\[(?P<index>\d+|\.\.\.)\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>[^`]*)`")


def read_text(file: Path) -> str:
    """The file's text: UTF-8, with or without a byte order mark; UTF-16 and UTF-32 if their mark says so.

    Raises :class:`InputError` where the bytes are none of these, naming the first offending byte's line.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file) from error
    return decode_text(data, file=file)


def decode_text(data: bytes, *, file: Path | str) -> str:
    """As :func:`read_text`, for bytes that are already here."""
    for mark, encoding in (
        (b"\xff\xfe\x00\x00", "utf-32"),
        (b"\x00\x00\xfe\xff", "utf-32"),
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if data.startswith(mark):
            break
    else:
        encoding = "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"byte {data[error.start]:#04x} is not {encoding}",
            file=file,
            place=f"line {line}",
            mend="Save the file as UTF-8; `iconv -f latin1 -t utf-8` often does it.",
        ) from error


def decode_json(text: str, type_: type[T], *, file: Path | str, first_line: int = 1) -> T:
    """``text`` as a value of ``type_``.

    Args:
        text: one JSON document.
        type_: what it must be, usually a record.
        file: named in errors.
        first_line: the line of the file on which ``text`` begins.

    Raises:
        InputError: for text that is no JSON (line and column), or that breaks the type (line, path, nearest field).
    """
    try:
        return msgspec.json.decode(text, type=type_)
    except msgspec.ValidationError as error:
        raise _explain(error, text, type_, file=file, first_line=first_line) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise _explain_syntax(text, error, file=file, first_line=first_line) from error


def decode_toml(text: str, type_: type[T], *, file: Path | str) -> T:
    """A TOML document as a value of ``type_``. Raises :class:`InputError` as :func:`decode_json` does."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"is no TOML: {error}", file=file) from error
    return convert(data, type_, file=file)


def convert(data: Any, type_: type[T], *, file: Path | str, prefix: str = "") -> T:
    """Built-in values as a value of ``type_``; ``prefix`` says where in the file ``data`` stands."""
    try:
        return msgspec.convert(data, type_, dec_hook=_to_path)
    except msgspec.ValidationError as error:
        message, path = _split(error)
        message, mend = _nearest(message, path, type_)
        place = (prefix + path.removeprefix("$")).lstrip(".")
        raise InputError(message, file=file, place=place, mend=mend) from error


def _to_path(type_: type[Any], value: Any) -> Any:
    """Files and folders stand as text in TOML; our records hold them as paths."""
    if type_ is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(f"no way from {type(value).__name__} to {type_.__name__}")


def _split(error: Exception) -> tuple[str, str]:
    text = str(error)
    found = _PATH.search(text)
    return (text[: found.start()], found["path"]) if found else (text, "$")


def _explain(error: Exception, text: str, type_: Any, *, file: Path | str, first_line: int) -> InputError:
    message, path = _split(error)
    unknown = _UNKNOWN.search(message)
    offset = locate(text, f"{path}.{unknown['field']}" if unknown else path)
    message, mend = _nearest(message, path, type_)
    line = first_line + text.count("\n", 0, offset)
    return InputError(message, file=file, place=f"line {line}" + (f", {path}" if path != "$" else ""), mend=mend)


def _explain_syntax(text: str, error: Exception, *, file: Path | str, first_line: int) -> InputError:
    if not text.strip():
        return InputError("is empty", file=file, place=f"line {first_line}" if first_line > 1 else "")
    try:
        json.loads(text)
    except json.JSONDecodeError as fault:
        line = first_line + fault.lineno - 1
        # A string that was cut is reported where it begins; behind a torn end there is nothing that closes anything.
        end = text.rstrip()
        torn = fault.pos >= len(end) - 1 or (fault.msg.startswith("Unterminated") and end[-1:] not in ("}", "]"))
        mend = "The file ends in the middle of a record: it was cut while being written or copied." if torn else ""
        return InputError(f"is no JSON: {fault.msg}", file=file, place=f"line {line}, column {fault.colno}", mend=mend)
    except RecursionError:
        pass
    return InputError(f"is no JSON: {error}", file=file, place=f"line {first_line}")


def _nearest(message: str, path: str, type_: Any) -> tuple[str, str]:
    """For an unknown field: a shorter message, and the nearest known field as the mend."""
    unknown = _UNKNOWN.search(message)
    if not unknown:
        return message, ""
    fields = fields_at(type_, path)
    near = get_close_matches(unknown["field"], fields, n=1, cutoff=0.5)
    mend = f"Did you mean `{near[0]}`?" if near else f"Known: {', '.join(fields)}."
    return f"unknown key `{unknown['field']}`", mend


def fields_at(type_: Any, path: str) -> list[str]:
    """The names of the fields that the record at ``path`` inside ``type_`` has; empty where there is no record."""
    node: msgspec.inspect.Type = msgspec.inspect.type_info(type_)
    for step in _STEP.finditer(path.removeprefix("$")):
        node = _descend(node, step["key"])
    return [field.encode_name for field in node.fields] if isinstance(node, msgspec.inspect.StructType) else []


def _descend(node: msgspec.inspect.Type, key: str | None) -> msgspec.inspect.Type:
    info = msgspec.inspect
    match node:
        case info.UnionType():
            inner = [one for one in node.types if not isinstance(one, info.NoneType)]
            return _descend(inner[0], key) if inner else node
        case info.StructType() if key is not None:
            return next((field.type for field in node.fields if field.encode_name == key), info.AnyType())
        case info.DictType():
            return node.value_type
        case info.VarTupleType() | info.ListType():
            return node.item_type
        case _:
            return info.AnyType()


def locate(text: str, path: str) -> int:
    """The offset in the JSON ``text`` at which the value of a msgspec ``path`` begins; the parent's where it is missing.

    msgspec writes array positions as numbers and dictionary keys as ``[...]``; the search ends at such an unknown key.
    """
    position = _skip(text, 0)
    for step in _STEP.finditer(path.removeprefix("$")):
        if step["index"] == "...":
            return position
        found = _find_child(text, position, step["key"], int(step["index"]) if step["index"] else 0)
        if found is None:
            return position
        position = found
    return position


_scan = json.JSONDecoder().raw_decode
_SPACE = re.compile(r"[ \t\n\r]*")


def _skip(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _find_child(text: str, position: int, key: str | None, index: int) -> int | None:
    """Offset of a member's value: of ``key`` in an object, or of the ``index``-th in an array."""
    if text[position : position + 1] not in ("{", "["):
        return None
    is_object = text[position] == "{"
    position = _skip(text, position + 1)
    count = 0
    while text[position : position + 1] not in ("}", "]", ""):
        name = None
        if is_object:
            name, position = _scan(text, position)
            position = _skip(text, _skip(text, position) + 1)
        if (name == key) if is_object else (count == index):
            return position
        _, position = _scan(text, position)
        position = _skip(text, position)
        if text[position : position + 1] == ",":
            position = _skip(text, position + 1)
        count += 1
    return None
