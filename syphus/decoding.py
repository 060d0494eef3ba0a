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

_PATH = re.compile(r" - at (?P<key>`key` in )?`(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.(?P<key>[^.\[]+)|\[(?P<index>\d+|\.\.\.)\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`$", re.DOTALL)
_PATTERN = re.compile(r"Expected `str` matching regex ")
_CHOICE = re.compile(r"Invalid (?:enum )?value '?(?P<value>[^']*)'?$")
_BYTE = re.compile(r"\(byte (?P<byte>\d+)\)$")
_NO_NUMBER = re.compile(r"NaN|Infinity")
_TRUNCATED = "Input data was truncated"

BYTE_ORDER_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
"""What a text file may begin with, and the encoding that it says; the longer marks first."""


def read_text(file: Path) -> str:
    """The file's text: UTF-8, with or without a byte order mark; UTF-16 and UTF-32 if their mark says so.

    Raises :class:`InputError` where the bytes are none of these, naming the first offending byte's line.
    """
    try:
        data = file.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        raise InputError(f"cannot be read: {getattr(error, 'strerror', None) or error}", file=file) from error
    return decode_text(data, file=file)


def decode_text(data: bytes, *, file: Path | str) -> str:
    """As :func:`read_text`, for bytes that are already here."""
    encoding = next((name for mark, name in BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        # The error's own bytes: Python counts them from behind a UTF-8 mark.
        line = error.object[: error.start].decode(encoding, "replace").count("\n") + 1
        raise InputError(
            f"byte {error.object[error.start]:#04x} is not {encoding.removesuffix('-sig')}",
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
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise _explain_syntax(text, error, file=file, first_line=first_line) from error


def decode_toml(text: str, type_: type[T], *, file: Path | str) -> T:
    """A TOML document as a value of ``type_``. Raises :class:`InputError` as :func:`decode_json` does."""
    return convert(parse_toml(text, file=file), type_, file=file)


def parse_toml(text: str, *, file: Path | str) -> dict[str, Any]:
    """A TOML document as built-in values. Raises :class:`InputError`, with line and column, where it is none."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError also for a date or a number that cannot be
        raise InputError(f"is no TOML: {error}", file=file) from error


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
    raise ValueError(f"Expected `{type_.__name__}`, got `{type(value).__name__}`")  # msgspec adds the place


def _split(error: Exception) -> tuple[str, str]:
    text = str(error)
    found = _PATH.search(text)
    if not found:
        return text, "$"
    message = text[: found.start()]
    # Of a key msgspec gives the path that its value would have; where it stands is the dictionary.
    return (f"{message} (a key)", found["path"].removesuffix("[...]")) if found["key"] else (message, found["path"])


def _explain(error: Exception, text: str, type_: Any, *, file: Path | str, first_line: int) -> InputError:
    message, path = _split(error)
    unknown = _UNKNOWN.search(message)
    offset = locate(text, path, unknown["field"] if unknown else None)
    message, mend = _nearest(message, path, type_)
    line = first_line + text.count("\n", 0, offset)
    return InputError(message, file=file, place=f"line {line}" + (f", {path}" if path != "$" else ""), mend=mend)


def _explain_syntax(text: str, error: Exception, *, file: Path | str, first_line: int) -> InputError:
    if not text.strip():
        return InputError("is empty", file=file, place=f"line {first_line}" if first_line > 1 else "")
    try:
        _decoder.decode(text)
    except json.JSONDecodeError as fault:
        line = first_line + fault.lineno - 1
        torn = str(error) == _TRUNCATED
        mend = "The file ends in the middle of a record: it was cut while being written or copied." if torn else ""
        return InputError(f"is no JSON: {fault.msg}", file=file, place=f"line {line}, column {fault.colno}", mend=mend)
    except RecursionError:
        return InputError("is nested too deeply", file=file, place=f"line {first_line}")
    # Python reads more than JSON: NaN, Infinity, and halves of surrogate pairs.
    place, message = f"line {first_line}", str(error)
    byte = _BYTE.search(message)
    if byte:
        before = text.encode("utf-8", "surrogatepass")[: int(byte["byte"])].decode("utf-8", "replace")
        place = f"line {first_line + before.count(chr(10))}, column {len(before) - before.rfind(chr(10))}"
        number = _NO_NUMBER.match(text, len(before))
        message = f"{number[0]} is no number there" if number else message
    elif message == _TRUNCATED or isinstance(error, UnicodeEncodeError):
        message = "a string holds half of a surrogate pair, which is no character"
    return InputError(f"is no JSON: {message}", file=file, place=place)


def _nearest(message: str, path: str, type_: Any) -> tuple[str, str]:
    """The message in fewer words, and a mend: for an unknown field the nearest known one, for a choice what there is."""
    unknown = _UNKNOWN.search(message)
    if unknown:
        return f"unknown key `{unknown['field']}`", _suggest(unknown["field"], fields_at(type_, path))
    nodes = _nodes_at(type_, path)
    if _PATTERN.match(message):
        description = next(filter(None, map(_description, nodes)), "")
        return (f"Expected a name: {description}", "") if description else (message, "")
    choice = _CHOICE.match(message)
    if choice:
        values = [str(value) for node in _plain(nodes) if _is(node, "LiteralType") for value in node.values]
        tags = [str(node.tag) for node in _plain(_nodes_at(type_, path.rpartition(".")[0])) if _is(node, "StructType")]
        return message, _suggest(choice["value"], values or tags)
    return message, ""


def _suggest(word: str, known: list[str]) -> str:
    near = get_close_matches(word, known, n=1, cutoff=0.5)
    if near:
        return f"Did you mean `{near[0]}`?"
    return f"Known: {', '.join(known)}." if known else ""


def fields_at(type_: Any, path: str) -> list[str]:
    """The names of the fields that the record at ``path`` inside ``type_`` may have; empty where there is no record."""
    records = [node for node in _plain(_nodes_at(type_, path)) if _is(node, "StructType")]
    return list(dict.fromkeys(field.encode_name for node in records for field in node.fields))


def _description(node: Any) -> str:
    """What a type's own words are for what it takes: a text itself, or the keys of a dictionary."""
    info = msgspec.inspect
    match node:
        case info.Metadata():
            return (node.extra_json_schema or {}).get("description", "") or _description(node.type)
        case info.UnionType():
            return next(filter(None, map(_description, node.types)), "")
        case info.DictType():
            return _description(node.key_type)
        case _:
            return ""


def _is(node: Any, kind: str) -> bool:
    return type(node).__name__ == kind


def _nodes_at(type_: Any, path: str) -> list[Any]:
    """The types that may stand at ``path``; several where there is a union on the way."""
    nodes: list[Any] = [msgspec.inspect.type_info(type_)]
    for step in _STEP.finditer(path.removeprefix("$")):
        nodes = [inner for node in _plain(nodes) for inner in _descend(node, step["key"], step["index"])]
    return nodes


def _plain(nodes: list[Any]) -> list[Any]:
    """The nodes with unions spread out and descriptions taken off."""
    info = msgspec.inspect
    plain: list[Any] = []
    for node in nodes:
        match node:
            case info.UnionType():
                plain += _plain(list(node.types))
            case info.Metadata():
                plain += _plain([node.type])
            case _:
                plain.append(node)
    return plain


def _descend(node: Any, key: str | None, index: str | None) -> list[Any]:
    info = msgspec.inspect
    match node:
        case info.StructType():
            return [field.type for field in node.fields if field.encode_name == key]
        case info.DictType():
            return [node.value_type]
        case info.VarTupleType() | info.ListType():
            return [node.item_type]
        case info.TupleType() if index is not None and index.isdecimal():
            return list(node.item_types[int(index) : int(index) + 1])
        case _:
            return []


def locate(text: str, path: str, key: str | None = None) -> int:
    """The offset in the JSON ``text`` at which the value of a msgspec ``path`` begins; the parent's where it is missing.

    msgspec writes array positions as numbers and dictionary keys as ``[...]``; the search ends at such an unknown key.

    Args:
        text: a JSON document that is well-formed up to the place.
        path: as msgspec writes it.
        key: of a member of the object at ``path``, whose value is looked for instead.
    """
    position = _skip(text, 0)
    steps: list[tuple[str | None, int]] = []
    for step in _STEP.finditer(path.removeprefix("$")):
        if step["index"] == "...":
            break
        steps.append((step["key"], int(step["index"] or 0)))
    else:
        steps += [(key, 0)] if key is not None else []
    try:
        for name, index in steps:
            found = _find_child(text, position, name, index)
            if found is None:
                return position
            position = found
    except (ValueError, RecursionError):  # broken or nested too deeply, in what has to be passed over
        return position
    return position


# Numbers stay text: Python refuses to make an int of more than 4,300 digits.
_decoder = json.JSONDecoder(parse_int=str, parse_float=str)
_scan = _decoder.raw_decode
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
