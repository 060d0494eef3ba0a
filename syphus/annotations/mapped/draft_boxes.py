"""A box in records of an unknown form: where its numbers stand, and what they can be."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from syphus.annotations.mapped.looking import (
    ENOUGH,
    Line,
    example,
    find_key,
    first_value,
    flatten,
    fold,
    keys_of,
    place_of,
    quote,
)
from syphus.annotations.mapped.values import open_cell, read_number

WIDTH = ("width", "w", "imgw", "imagewidth", "imwidth")
HEIGHT = ("height", "h", "imgh", "imageheight", "imheight")
_BOXES = ("bbox", "box", "bndbox", "boundingbox", "rect", "points", "polygon", "xyxy", "xywh", "boxes")
_CORNERS = (
    ("xmin", "ymin", "xmax", "ymax"),
    ("x1", "y1", "x2", "y2"),
    ("left", "top", "right", "bottom"),
    ("x0", "y0", "x1", "y1"),
)
_SIZES = (("x", "y", "width", "height"), ("x", "y", "w", "h"), ("left", "top", "width", "height"), ("left", "top", "wide", "high"),
          ("xmin", "ymin", "width", "height"))  # fmt: skip
_HUNDRED, _THOUSAND = 100, 1000


def draft_box(parts: Sequence[Mapping[str, Any]], records: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    """Where the box is, and what its numbers can be."""
    for place, keys, form in _box_keys(parts):
        if place:
            chosen: list[Mapping[str, Any]] = [one for part in parts if isinstance(one := part.get(place), dict)]
            expression = f"{place_of(place)}.[{', '.join(map(place_of, keys))}]"
        else:
            chosen, expression = list(parts), f"[{', '.join(map(place_of, keys))}]"
        numbers = [tuple(read_number(one.get(key)) for key in keys) for one in chosen]
        yield Line("box", quote(expression))
        yield Line("form", quote(form), "by the names")
        yield from _draft_scale([one for row in numbers for one in row if one is not None], _largest_side(records))
        return
    key = find_key(parts, _BOXES, list)
    values = [open_cell(part.get(key)) for part in parts if key] if key else []
    if not key or not values:
        return
    yield Line("box", quote(place_of(key)), example([values[0]]))
    fours = [row for value in values if (row := _four(value))]
    if len(fours) < len(values) * ENOUGH:
        yield Line("form", '"points"')
        return
    yield _draft_form(fours, records)
    yield from _draft_scale([one for row in fours for one in row], _largest_side(records))


def _box_keys(parts: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Four keys of a part, or of an object in it, that are a box by their names."""
    inner = [key for key in keys_of(parts) if isinstance(first_value(parts, key), dict)]
    for place in ("", *inner):
        rows = [one for part in parts if isinstance(one := part.get(place) if place else part, dict)]
        folded = {fold(key): key for key in reversed(keys_of(rows))}
        for forms, form in ((_CORNERS, "xyxy"), (_SIZES, "xywh")):
            for names in forms:
                if all(name in folded for name in names):
                    yield place, tuple(folded[name] for name in names), form


def _draft_form(fours: Sequence[tuple[float, ...]], records: Sequence[Mapping[str, Any]]) -> Line:
    """The form that the numbers themselves prove, else both."""
    no_corners = sum(c <= a or d <= b for a, b, c, d in fours)
    if no_corners:
        return Line("form", '"xywh"', f"{no_corners} of {len(fours)} boxes cannot be corners")
    largest = _largest_side(records)
    beyond = sum(a + c > largest and b + d > largest for a, b, c, d in fours) if largest else 0
    if beyond:
        return Line("form", '"xyxy"', f"{beyond} of {len(fours)} boxes would leave the picture as corner and size")
    return Line("form", '"xyxy"', 'or "xywh": the numbers can be both, so look at a picture', sure=False)


def _largest_side(records: Sequence[Mapping[str, Any]]) -> float:
    """The largest width or height in pixels that a record gives; 0 where none does."""
    sides = [one for _, name, values in flatten(records) if name in (*WIDTH, *HEIGHT) for one in values]
    return max((number for one in sides if (number := read_number(one))), default=0.0)


def _draft_scale(numbers: Sequence[float], largest: float) -> Iterator[Line]:
    """What boxes are parts of, where that is sure, or likely by the sizes of the pictures."""
    most = max(map(abs, numbers), default=0.0)
    if 0 < most <= 1:
        yield Line("scale", "1", "parts of the picture")
    elif largest and largest * 1.05 < most <= _THOUSAND:
        yield Line("scale", "1000", f"the pictures have at most {largest:g} pixels, and the boxes reach {most:g}")
    elif largest >= 2 * _HUNDRED and _HUNDRED / 2 < most <= _HUNDRED:
        yield Line(
            "scale", "100", f"is it percent? The pictures have {largest:g} pixels, the boxes reach {most:g}", sure=False
        )


def _four(value: Any) -> tuple[float, float, float, float] | None:
    if not isinstance(value, list) or len(value) != 4:
        return None
    a, b, c, d = map(read_number, value)
    return None if a is None or b is None or c is None or d is None else (a, b, c, d)
