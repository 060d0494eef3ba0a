"""The lines of YOLO label files: a class number and shares of the picture's width and height.

https://docs.ultralytics.com/datasets/ (detect, segment, pose, obb), and darknet's before them:

- ``class cx cy w h``: a box by its middle and size; a sixth number is a detector's confidence;
- ``class x1 y1 x2 y2 x3 y3 ...``: the corners of a polygon, three or more; a box is put around it;
- ``class cx cy w h x1 y1 [v1] ...``: keypoints behind the box, where the data set says how many (``kpt_shape``).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

_FARTHEST = 1.5
"""A share beyond this is no share but pixels."""


class KeypointShape(NamedTuple):
    """``kpt_shape``: how many keypoints, and how many numbers each has: x, y and perhaps v."""

    points: int
    numbers: int


class Label(NamedTuple):
    """One line. All of it are shares of the picture."""

    category: int
    corners: tuple[float, float, float, float]
    confidence: float | None = None
    keypoints: tuple[tuple[float, float, float], ...] = ()
    """x, y, v of each; v is 0 (not annotated), 1 (hidden) or 2."""


def read_label(line: str, shape: KeypointShape | None = None) -> Label:
    """What a line says.

    Args:
        line: of a label file.
        shape: of keypoints, where the data set has them.

    Raises:
        ValueError: saying why it is none.
    """
    words = line.split()
    try:
        numbers = [float(word) for word in words]
    except ValueError as error:
        raise ValueError("it holds something else than numbers") from error
    if len(numbers) < 5:
        raise ValueError(f"{len(numbers)} numbers, but a class and a box are 5")
    if not all(map(math.isfinite, numbers)):
        raise ValueError("it holds a number beyond all numbers")
    category = numbers[0]
    if category != int(category) or category < 0:
        raise ValueError(f"{words[0]} is no class number")
    rest = numbers[1:]
    confidence, points = _take_apart(rest, shape)
    places = [*rest[:4], *(value for point in points for value in point[:2])] if points or len(rest) < 6 else rest
    if max(map(abs, places)) > _FARTHEST:
        raise ValueError(f"{max(places, key=abs):g} is no share of the picture; are these pixels?")
    is_polygon = len(rest) >= 6 and not points
    corners = _around(rest) if is_polygon else _from_middle(rest)
    return Label(int(category), corners, confidence, points)


def _take_apart(
    rest: Sequence[float], shape: KeypointShape | None
) -> tuple[float | None, tuple[tuple[float, float, float], ...]]:
    """Confidence and keypoints behind a box."""
    if shape is not None:
        length = 4 + shape.points * shape.numbers
        if len(rest) not in (length, length + 1):
            if len(rest) in (4, 5):
                return _check_confidence(rest[4:]), ()
            raise ValueError(f"{len(rest) + 1} numbers, but class, box and {shape.points} keypoints are {length + 1}")
        values = rest[4:length]
        step = shape.numbers
        points = [tuple(values[start : start + step]) for start in range(0, len(values), step)]
        return _check_confidence(rest[length:]), tuple(
            (p[0], p[1], p[2] if step == 3 else 2.0 * any(p)) for p in points
        )
    if len(rest) in (4, 5):
        return _check_confidence(rest[4:]), ()
    if len(rest) % 2:
        raise ValueError(f"{len(rest)} numbers behind the class are no pairs of x and y")
    return None, ()


def _check_confidence(last: Sequence[float]) -> float | None:
    if last and not 0 <= last[0] <= 1:
        raise ValueError(f"{last[0]:g} is no confidence")
    return last[0] if last else None


def _from_middle(numbers: Sequence[float]) -> tuple[float, float, float, float]:
    x, y, width, height = numbers[:4]
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _around(numbers: Sequence[float]) -> tuple[float, float, float, float]:
    return min(numbers[0::2]), min(numbers[1::2]), max(numbers[0::2]), max(numbers[1::2])
