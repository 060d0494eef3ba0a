"""Records of an unknown form, looked at: their keys, what these are called, and what stands at them."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from syphus.annotations.mapped.values import open_cell

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FOLD = re.compile(r"[\W_]+")
ENOUGH = 0.6
"""Of the records that have a key at all, the part whose values must look like what is guessed."""


class Line(NamedTuple):
    """One line of the draft: ``key = value``, and what it was guessed by."""

    key: str
    value: str
    why: str = ""
    sure: bool = True
    """False: it stands in the draft as a comment."""


def keys_of(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """All keys of the records, in the order met."""
    return list(dict.fromkeys(key for record in records for key in record if isinstance(key, str)))


def flatten(records: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, list[Any]]]:
    """Places of single values and of lists of them, with the folded name of the last key: also in objects, and lists of such."""
    for key in keys_of(records):
        values = [open_cell(record[key]) for record in records if record.get(key) is not None]
        yield from _flatten_value(place_of(key), key, values, 2)


def _flatten_value(path: str, key: str, values: list[Any], deep: int) -> Iterator[tuple[str, str, list[Any]]]:
    objects = [value for value in values if isinstance(value, dict)]
    lists = [value for value in values if isinstance(value, list)]
    if objects and deep:
        for inner in keys_of(objects):
            below = [one[inner] for one in objects if one.get(inner) is not None]
            yield from _flatten_value(f"{path}.{place_of(inner)}", inner, below, deep - 1)
    elif lists:
        elements = [element for value in lists for element in value]
        rows = [element for element in elements if isinstance(element, dict)]
        if rows and deep:
            for inner in keys_of(rows):
                below = [one[inner] for one in rows if isinstance(one.get(inner), str)]
                if below:
                    yield f"{path}[].{place_of(inner)}", fold(inner), below
        elif elements and not rows:
            yield path, fold(key), elements
    elif values:
        yield path, fold(key), values


def find_key(parts: Sequence[Mapping[str, Any]], names: Sequence[str], kind: Any) -> str | None:
    """The key that is called like the first of these names that there is, with values of a kind."""
    folded = {fold(key): key for key in reversed(keys_of(parts))}
    found = (folded[name] for name in names if name in folded)
    return next((key for key in found if isinstance(open_cell(first_value(parts, key)), kind)), None)


def first_value(parts: Sequence[Mapping[str, Any]], key: str) -> Any:
    """The first value at a key that is any; None where there is none."""
    return next((part[key] for part in parts if part.get(key) is not None), None)


def fold(key: str) -> str:
    """A key in small letters and digits alone: ``Image_ID`` is ``imageid``."""
    return _FOLD.sub("", key).lower()


def place_of(key: str) -> str:
    """A key as JMESPath has it."""
    return key if _PLAIN.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def root_of(path: str) -> str:
    """The record's own key that a place begins with."""
    if path.startswith('"'):
        return str(json.JSONDecoder().raw_decode(path)[0])
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def quote(expression: str) -> str:
    """As TOML has it."""
    if "'" not in expression and expression.isprintable():
        return f"'{expression}'" if '"' in expression or "\\" in expression else f'"{expression}"'
    # a string of JSON is one of TOML, but for the one control character that JSON leaves as it is
    return json.dumps(expression, ensure_ascii=False).replace("\x7f", "\\u007f")


def share(values: Sequence[Any], test: Callable[[Any], Any]) -> float:
    """The part of the values that pass a test; 0 where there are none."""
    return sum(map(bool, map(test, values))) / len(values) if values else 0.0


def example(values: Sequence[Any]) -> str:
    """The first value, for a comment."""
    return f"as {' '.join(str(values[0]).split())[:60]!r}" if values else ""
