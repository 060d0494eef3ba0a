"""The numbers of a text, read as a box in pixels: the way back of :mod:`syphus.references.boxes`."""

import math
from collections.abc import Sequence

from syphus.records import Box
from syphus.references.boxes import Convention, Grid, check_frame, find_grid

_OVERFLOW = 0.01
"""By what part of its grid a number may leave it and be clipped: files are written with 1.001 and 1000 of 999."""


def find_box(numbers: Sequence[float], convention: Convention, *, width: int | None, height: int | None) -> Box:
    """The box that a text's numbers mean: the way back of :func:`box_numbers`, as near as the convention tells.

    Where the convention truncates, an edge is put into the middle of its cell; where both edges are the same number, the box
    is less than a cell wide and is given what room that leaves. Rendered again, the box has the same numbers.

    Args:
        numbers: as they stand in the text, in the convention's order.
        convention: that of the text.
        width: of the original frame, in pixels; None where the convention needs none.
        height: of the original frame, in pixels.

    Returns:
        Pixel xyxy in the original frame, to a millionth, clipped to the frame. Of a point, its pixel twice.

    Raises:
        ValueError: the numbers are no box of this convention: they leave its grid, lie in the padding, or are the wrong way
            round.
        InputError: the frame is needed and not known.
    """
    if len(numbers) != convention.count or not all(map(math.isfinite, numbers)):
        raise ValueError(f"{len(numbers)} numbers are no box, which has {convention.count}")
    if width is None or height is None:
        check_frame(convention)
        grid = Grid(0, 0, 1.0, 1.0, (math.inf, math.inf))
    else:
        grid = find_grid(convention, width, height)
    edges = (
        _find_cell_edges(numbers, convention) if convention.order == "cells" else _find_edges(numbers, convention, grid)
    )
    x1, y1, x2, y2 = (
        value / by - shift
        for value, by, shift in zip(edges, (grid.across, grid.down) * 2, (grid.left, grid.top) * 2, strict=True)
    )
    right, bottom = (math.inf if side is None else float(side) for side in (width, height))
    x1, x2 = (min(max(value, 0.0), right) for value in (x1, x2))
    y1, y2 = (min(max(value, 0.0), bottom) for value in (y1, y2))
    box = (round(x1, 6), round(y1, 6), round(x2, 6), round(y2, 6))
    if convention.order == "point":
        return box
    if not (box[0] < box[2] and box[1] < box[3]):
        raise ValueError("they lie outside the picture")
    return box


def _find_edges(numbers: Sequence[float], convention: Convention, grid: Grid) -> list[float]:
    """x1, y1, x2, y2 in the convention's units. Raises ``ValueError`` for those that leave its grid."""
    corners = _sort_corners(numbers, convention.order)
    unit = 10.0**-convention.decimals
    for value, end in zip(corners, grid.ends * 2, strict=True):
        # A width is rounded for itself, so that the far edge may be off by one more.
        if not -unit <= value <= max(end * (1 + _OVERFLOW), end + 2 * unit):
            raise ValueError(f"{value:g} is outside of 0 to {end:g}")
    middle = unit / 2 if convention.rounding == "trunc" else 0.0
    edges = [value + middle for value in corners]
    # Just so much that the numbers stay what they are; of a width that is rounded for itself, less.
    spread = unit * (0.2 if convention.order == "xywh" else 0.49)
    if convention.order != "point":
        for low, high in ((0, 2), (1, 3)):
            if edges[low] > edges[high]:
                raise ValueError("its corners are the wrong way round")
            if edges[low] == edges[high]:
                edges[low], edges[high] = edges[low] - spread, edges[high] + spread
    return edges


def _sort_corners(numbers: Sequence[float], order: str) -> tuple[float, ...]:
    """x1, y1, x2, y2, whatever order they came in."""
    match order, tuple(numbers):
        case "quad", corners:
            return min(corners[::2]), min(corners[1::2]), max(corners[::2]), max(corners[1::2])
        case "yxyx", (y1, x1, y2, x2):
            return x1, y1, x2, y2
        case "xywh", (x, y, width, height):
            return x, y, x + width, y + height
        case "point", point:
            return (*point, *point)
        case _, corners:
            return corners


def _find_cell_edges(numbers: Sequence[float], convention: Convention) -> list[float]:
    """As ``patch_index_to_coordinate`` of KOSMOS-2 has it (transformers, ``processing_kosmos2.py``).

    They are the middles of the cells; where both are in one row or one column, the ends of the cells.

    Raises:
        ValueError: there are no such cells.
    """
    side = convention.scale
    (row, column), (last_row, last_column) = (divmod(int(number), side) for number in numbers)
    if max(numbers) >= side * side or min(numbers) < 0 or column > last_column or row > last_row:
        raise ValueError(f"{numbers[0]:g} and {numbers[1]:g} are no upper left and lower right cell of {side} x {side}")
    if column == last_column or row == last_row:
        return [column, row, last_column + 1, last_row + 1]
    return [column + 0.5, row + 0.5, last_column + 0.5, last_row + 0.5]
