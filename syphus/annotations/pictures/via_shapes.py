"""The shapes of the VGG Image Annotator, as boxes around them. All in pixels of the picture."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple


class Shape(NamedTuple):
    """What a region covers: the corners of its box, or, for a point, the point."""

    corners: tuple[float, float, float, float] | None
    point: tuple[float, float] | None = None


def read_shape(given: Mapping[str, Any]) -> Shape:
    """The shape of a region's ``shape_attributes``.

    Raises:
        ValueError: saying what is missing or unknown.
    """
    name = given.get("name")
    if name == "rect":
        x, y, width, height = _numbers(given, "x", "y", "width", "height")
        return Shape((x, y, x + width, y + height))
    if name == "circle":
        x, y, r = _numbers(given, "cx", "cy", "r")
        return Shape((x - r, y - r, x + r, y + r))
    if name == "ellipse":
        x, y, rx, ry = _numbers(given, "cx", "cy", "rx", "ry")
        # VIA 2 can turn it, by theta in radians
        (theta,) = _numbers({"theta": 0, **given}, "theta")
        across = math.hypot(rx * math.cos(theta), ry * math.sin(theta))
        down = math.hypot(rx * math.sin(theta), ry * math.cos(theta))
        return Shape((x - across, y - down, x + across, y + down))
    if name in ("polygon", "polyline"):
        xs, ys = _list(given, "all_points_x"), _list(given, "all_points_y")
        if len(xs) != len(ys) or not xs:
            raise ValueError(f"the {name} has {len(xs)} x and {len(ys)} y")
        return Shape((min(xs), min(ys), max(xs), max(ys)))
    if name == "point":
        x, y = _numbers(given, "cx", "cy")
        return Shape(None, (x, y))
    raise ValueError(f"the shape {name!r:.40} is not known" if name else "there is no shape")


def _numbers(given: Mapping[str, Any], *keys: str) -> list[float]:
    values = []
    for key in keys:
        value = _number(given.get(key))
        if value is None:
            raise ValueError(f"the {given.get('name')} has no number `{key}`")
        values.append(value)
    return values


def _list(given: Mapping[str, Any], key: str) -> list[float]:
    values = given.get(key)
    numbers = [_number(value) for value in values] if isinstance(values, list) else [None]
    if None in numbers:
        raise ValueError(f"the {given.get('name')} has no numbers `{key}`")
    return [number for number in numbers if number is not None]


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
