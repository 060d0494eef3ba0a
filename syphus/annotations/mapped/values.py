"""What stands at a place, as a text, a number, a time or a box; cells of tables hold all of them as text."""

import ast
import json
import math
import re
from collections.abc import Iterator
from typing import Any, Literal

from syphus.annotations.labels import clean
from syphus.annotations.mapped.tables import Form
from syphus.annotations.mending import MendedBox, mend_box
from syphus.annotations.naming import is_address

_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:[.,]\d+)?)")
_APART = re.compile(r"[\s,;'\"()\[\]]+")
"""What may stand between the numbers of a box that a cell holds, as JSON, Python or numpy print them."""
_LONGEST_CELL = 1 << 20
_IS_OBJECT = "holds an object where a text should be; name the key that is meant, as in `captions[].text`"
_PARTS = 1.5
"""Up to which number a box is surely one of parts of the picture, and none of pixels."""


def open_cell(value: Any) -> Any:
    """A list or an object that a cell of a table holds as text, in JSON's or Python's writing; anything else as it is."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{") or len(value) > _LONGEST_CELL:
        return value
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(found, list | dict | tuple):
            return list(found) if isinstance(found, tuple) else found
    return value


def read_texts(value: Any) -> list[str]:
    """The texts of a text, a number or a list of such; those that are empty left out.

    Raises:
        ValueError: it is, or holds, an object.
    """
    return [text for one in list_plain(value) if (text := read_text(one))]


def read_answers(value: Any) -> list[str]:
    """As :func:`read_texts`, each in its own place: empty where there is none, so that options keep their numbers.

    True is "yes" and false is "no", which is what such answers are to a question.
    """
    words = {True: "yes", False: "no"}
    return [words[one] if isinstance(one, bool) else read_text(one) for one in list_plain(value)]


def read_paths(value: Any) -> list[str]:
    """Paths and addresses, letter for letter: a file's name may have two spaces, or one that does not break the line.

    Raises:
        ValueError: it is, or holds, an object, or a name that no file can have.
    """
    paths = []
    for one in list_plain(value):
        path = one.strip() if isinstance(one, str) else read_text(one)
        if is_address(path):
            path = clean(path)
        if any("\ud800" <= letter <= "\udfff" for letter in path):
            raise ValueError(f"the path {path!r} holds half of a surrogate pair, which is no character")
        if path:
            paths.append(path)
    return paths


def list_plain(value: Any) -> Iterator[Any]:
    """What is no list in a value, or in the lists in it; ``ValueError`` for an object."""
    for one in _walk(value):
        if isinstance(one, dict):
            raise ValueError(_IS_OBJECT)  # noqa: TRY004  what can be wrong with a record is one kind of error
        yield one


def _walk(value: Any) -> Iterator[Any]:
    value = open_cell(value)
    if isinstance(value, list | tuple):
        for one in value:
            yield from _walk(one) if isinstance(one, list | tuple) else (one,)
    else:
        yield value


def read_text(value: Any) -> str:
    """A text or number as a text in single spaces; empty for anything else."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)[:40]


def read_number(value: Any) -> float | None:
    """A finite number, also where it is written as text; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def read_truth(value: Any) -> bool:
    """Whether it is true, a number that is not 0, or a cell of a table that says so."""
    return value is True or read_number(value) not in (None, 0) or read_text(value).lower() in ("true", "yes")


def read_seconds(value: Any, times: Literal["seconds", "milliseconds", "frames"], fps: float | None) -> float | None:
    """A time in seconds: a number in its unit, or a clock's ``1:02:03.5``."""
    if isinstance(value, str) and (clock := _CLOCK.fullmatch(value.strip())):
        hours, minutes, seconds = clock.groups()
        found = float(hours or 0) * 3600 + float(minutes) * 60 + float(seconds.replace(",", "."))
        return found if math.isfinite(found) else None
    number = read_number(value)
    if number is None:
        return None
    return number / {"seconds": 1.0, "milliseconds": 1000.0, "frames": fps or 1.0}[times]


def read_box(value: Any, form: Form, scale: float, *, width: int | None, height: int | None) -> MendedBox:
    """A box in pixels of the original frame, x1, y1, x2, y2.

    Args:
        value: its numbers: a list of them or of points, or a text with them.
        form: their order and meaning.
        scale: what the width and the height count as; 0 for pixels.
        width: of the picture in pixels; None where it is not known.
        height: likewise.
    """
    numbers = _read_numbers(value)
    if numbers is None:
        return MendedBox(None, "its box has no numbers")
    if form == "points":
        if len(numbers) < 4 or len(numbers) % 2:
            return MendedBox(None, f"its box has {len(numbers)} numbers, which are no points")
        x1, y1, x2, y2 = min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2])
    else:
        if len(numbers) != 4:
            return MendedBox(None, f"its box has {len(numbers)} numbers, not 4")
        x1, y1, x2, y2 = _corners(numbers, form)
    largest = max(map(abs, (x1, y1, x2, y2)))
    if not scale:
        if largest <= 1:
            return MendedBox(None, "its box looks like parts of the picture and not like pixels; `scale = 1` says so")
        return mend_box(x1, y1, x2, y2, width=width, height=height)
    if scale == 1 and largest > _PARTS:
        return MendedBox(None, f"its box reaches to {largest:g}, which is no part of a picture; is it in pixels?")
    if width is None or height is None:
        return MendedBox(
            None, "its box is in parts of the picture, whose width and height are not known; map them, or give `images`"
        )
    across, down = width / scale, height / scale
    return mend_box(x1 * across, y1 * down, x2 * across, y2 * down, width=width, height=height)


def _read_numbers(value: Any) -> list[float] | None:
    if isinstance(value, str) and "{" not in value:
        value = [part for part in _APART.split(value) if part]
    numbers = [read_number(one) for one in _walk_deep(open_cell(value))]
    return None if not numbers or None in numbers else [one for one in numbers if one is not None]


def _walk_deep(value: Any) -> Iterator[Any]:
    """The numbers of a list, of lists of pairs, and of ``{"x": 1, "y": 2}``."""
    if isinstance(value, dict) and value.keys() >= {"x", "y"}:
        yield from (value["x"], value["y"])
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _walk_deep(one)
    else:
        yield value


def _corners(numbers: list[float], form: Form) -> tuple[float, float, float, float]:
    a, b, c, d = numbers
    match form:
        case "xywh":
            return a, b, a + c, b + d
        case "cxcywh":
            return a - c / 2, b - d / 2, a + c / 2, b + d / 2
        case "yxyx":
            return b, a, d, c
        case _:
            return a, b, c, d
