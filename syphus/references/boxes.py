"""Box conventions: how the one stored form (pixel xyxy) is written for people, models and trainers.

A convention is a value of :class:`Convention`; those of published systems have names (:data:`CONVENTIONS`).
``docs/coordinates.md`` shows each of them with its source. The way back is :mod:`syphus.references.box_reading`.
"""

import json
import math
from collections.abc import Callable
from functools import lru_cache
from string import Formatter
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from syphus.errors import InputError
from syphus.records import Box

_COUNTS = {"quad": 8, "cells": 2, "point": 2}
"""Numbers of one box in the orders that have not four."""


class Convention(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a box becomes text."""

    scale: Annotated[int, Meta(ge=0)] = 1
    """Side of the target grid: 1 for 0-1 floats, 1000 for a 1000 grid, 0 for pixels."""
    frame: Literal["original", "padded", "resized"] = "original"
    """``padded``: the picture is centred in a square of its longer side before it is scaled (Shikra, LLaVA-1.5).
    ``resized``: it is brought to the size at which a model of the Qwen-VL family looks at it (:func:`smart_resize`)."""
    factor: Annotated[int, Meta(gt=0)] = 28
    """``resized``: both sides are multiples of it, in pixels."""
    min_pixels: Annotated[int, Meta(gt=0)] = 56 * 56
    """``resized``: the smallest area."""
    max_pixels: Annotated[int, Meta(gt=0)] = 14 * 14 * 4 * 1280
    """``resized``: the largest area."""
    order: Literal["xyxy", "xywh", "yxyx", "quad", "cells", "point"] = "xyxy"
    """``quad``: the four corners, clockwise from the upper left. ``cells``: the numbers of two cells of a grid of ``scale``
    by ``scale``, counted along the rows, with the upper left and the lower right corner (KOSMOS-2). ``point``: the
    middle."""
    rounding: Literal["round", "trunc"] = "round"
    decimals: Annotated[int, Meta(ge=0)] = 3
    digits: Annotated[int, Meta(ge=0)] = 0
    """Zeros are put in front of shorter numbers."""
    pattern: str = "[{0}, {1}, {2}, {3}]"
    """Text of one box; the numbers come in the convention's order."""
    join: str = ", "
    """Between several boxes of one phrase."""
    wrap: str = "{phrase} {boxes}"
    """How a phrase and its boxes stand together."""
    frame_needed: bool = True
    """False: pixels need no width and height."""
    sides: Literal["both", "user", "assistant"] = "both"
    """Whose turns have coordinates; in the others the phrase stands alone."""
    beside: bool = False
    """The text has only places for boxes; they themselves are handed over beside it
    (:func:`syphus.references.rendering.render_slots`)."""

    def __post_init__(self) -> None:
        if not self.frame_needed and (self.scale or self.frame != "original"):
            raise ValueError("frame_needed: only pixels (scale 0) of the original frame do without width and height")
        if self.order == "cells" and self.scale < 1:
            raise ValueError("scale: the order `cells` needs a grid of 1 or more")
        # Found here, and not when the first dialogue of a finished run is exported.
        _try_format("pattern", self.pattern, *["0"] * self.count, phrase="")
        _try_format("wrap", self.wrap, phrase="", boxes="")

    @property
    def count(self) -> int:
        """How many numbers a box has."""
        return _COUNTS.get(self.order, 4)


def _try_format(name: str, pattern: str, *numbers: str, **texts: str) -> None:
    try:
        pattern.format(*numbers, **texts)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        known = " ".join(f"{{{field}}}" for field in (*range(len(numbers)), *texts))
        raise ValueError(f"{name} {pattern!r}: it may hold {known}, and other braces doubled ({error})") from error


_JSON = '{{"bbox_2d": [{0}, {1}, {2}, {3}], "label": "{phrase}"}}'
_TAG = "<loc_{0}><loc_{1}><loc_{2}><loc_{3}>"

CONVENTIONS: dict[str, Convention] = {
    # 0-1 floats
    "unit": Convention(),
    "unit2": Convention(decimals=2),
    "svit": Convention(wrap="<st>{phrase}<ed> {boxes}"),
    "pvit": Convention(pattern="<Region>[{0}, {1}, {2}, {3}]</Region>", join=" "),
    "shikra": Convention(frame="padded", pattern="{0},{1},{2},{3}", join=";", wrap="{phrase}[{boxes}]"),
    "shikra_point": Convention(frame="padded", order="point", pattern="{0},{1}", join=";", wrap="{phrase}[{boxes}]"),
    "llava_padded": Convention(frame="padded", decimals=2),
    "chatspot": Convention(pattern="<box>{0},{1},{2},{3}</box>", join=" "),
    "chatspot_point": Convention(order="point", pattern="<box>{0},{1}</box>", join=" "),
    "moondream": Convention(pattern='{{"x_min": {0}, "y_min": {1}, "x_max": {2}, "y_max": {3}}}'),
    # grids
    "grid100": Convention(scale=100, decimals=0, rounding="trunc"),
    "minigpt_v2": Convention(
        scale=100,
        decimals=0,
        rounding="trunc",
        pattern="{{<{0}><{1}><{2}><{3}>}}",
        join="<delim>",
        wrap="<p>{phrase}</p> {boxes}",
    ),
    "grid1000": Convention(scale=1000, decimals=0, rounding="trunc"),
    "qwen": Convention(
        scale=1000, decimals=0, pattern="<box>({0},{1}),({2},{3})</box>", join="", wrap="<ref>{phrase}</ref>{boxes}"
    ),
    "qwen2": Convention(
        scale=1000,
        decimals=0,
        pattern="<|box_start|>({0},{1}),({2},{3})<|box_end|>",
        join="",
        wrap="<|object_ref_start|>{phrase}<|object_ref_end|>{boxes}",
    ),
    "internvl": Convention(scale=1000, decimals=0, rounding="trunc", wrap="<ref>{phrase}</ref><box>[{boxes}]</box>"),
    "qwen3": Convention(scale=1000, decimals=0, pattern=_JSON, wrap="{boxes}"),
    "qwen25": Convention(scale=0, frame="resized", decimals=0, pattern=_JSON, wrap="{boxes}"),
    "cogvlm": Convention(
        scale=1000,
        decimals=0,
        digits=3,
        rounding="trunc",
        pattern="{0},{1},{2},{3}",
        join=";",
        wrap="{phrase} [[{boxes}]]",
    ),
    "deepseek_vl2": Convention(scale=999, decimals=0, wrap="<|ref|>{phrase}<|/ref|><|det|>[{boxes}]<|/det|>"),
    "gemini": Convention(scale=1000, decimals=0, order="yxyx"),
    "gemini_json": Convention(
        scale=1000,
        decimals=0,
        order="yxyx",
        pattern='{{"box_2d": [{0}, {1}, {2}, {3}], "label": "{phrase}"}}',
        wrap="{boxes}",
    ),
    "molmo": Convention(
        scale=100,
        decimals=1,
        order="point",
        pattern='<point x="{0}" y="{1}" alt="{phrase}">{phrase}</point>',
        join=" ",
        wrap="{boxes}",
    ),
    # tokens of the vocabulary
    "paligemma": Convention(
        scale=1024,
        decimals=0,
        digits=4,
        order="yxyx",
        rounding="trunc",
        pattern="<loc{0}><loc{1}><loc{2}><loc{3}> {phrase}",
        join=" ; ",
        wrap="{boxes}",
    ),
    "florence2": Convention(scale=1000, decimals=0, rounding="trunc", pattern=_TAG, join="", wrap="{phrase}{boxes}"),
    "florence2_quad": Convention(
        scale=1000,
        decimals=0,
        order="quad",
        rounding="trunc",
        pattern=_TAG + "<loc_{4}><loc_{5}><loc_{6}><loc_{7}>",
        join="",
        wrap="{phrase}{boxes}",
    ),
    "kosmos2": Convention(
        scale=32,
        decimals=0,
        digits=4,
        order="cells",
        pattern="<patch_index_{0}><patch_index_{1}>",
        join="</delimiter_of_multi_objects/>",
        wrap="<phrase>{phrase}</phrase><object>{boxes}</object>",
    ),
    "kosmos2_paper": Convention(
        scale=32,
        decimals=0,
        order="cells",
        pattern="<loc_{0}><loc_{1}>",
        join="<delim>",
        wrap="<p>{phrase}</p><box>{boxes}</box>",
    ),
    "ofa": Convention(
        scale=999, decimals=0, pattern="<bin_{0}> <bin_{1}> <bin_{2}> <bin_{3}>", join="||||", wrap="{phrase} {boxes}"
    ),
    "shikra_bins": Convention(
        scale=1000,
        frame="padded",
        decimals=0,
        pattern="<b_st><bin_{0}><bin_{1}><bin_{2}><bin_{3}><b_ed>",
        join="",
        wrap="<ph_st>{phrase}<ph_ed>{boxes}",
    ),
    # pixels
    "pixels": Convention(scale=0, decimals=0, frame_needed=False),
    "pixels_xywh": Convention(scale=0, decimals=2, order="xywh", frame_needed=False),
    "coco": Convention(scale=0, decimals=2, order="xywh", frame_needed=False, wrap="{phrase}: {boxes}"),
    # places in the text, the boxes beside it
    "gpt4roi": Convention(scale=0, frame_needed=False, beside=True, pattern="<bbox>", join=" "),
    "swift": Convention(
        scale=0, frame_needed=False, beside=True, pattern="<bbox>", join="", wrap="<ref-object>{boxes}"
    ),
    "ferret_region": Convention(
        scale=1000, decimals=0, rounding="trunc", beside=True, pattern="[{0}, {1}, {2}, {3}] <region_fea>"
    ),
}


def find_convention(name: str) -> Convention:
    """The convention of that name. Raises :class:`InputError` naming those that there are."""
    if name not in CONVENTIONS:
        raise InputError(f"there is no box convention {name!r}", mend=f"Conventions: {', '.join(CONVENTIONS)}.")
    return CONVENTIONS[name]


def smart_resize(width: int, height: int, convention: Convention) -> tuple[int, int]:
    """The size, in pixels, at which Qwen2-VL and Qwen2.5-VL look at a picture.

    The rule of ``smart_resize`` in ``qwen_vl_utils/vision_process.py`` (QwenLM/Qwen2.5-VL), by which the repository's own
    ``process_bbox.ipynb`` turns boxes into training data: multiples of the factor, an area within the bounds, and as nearly
    the same shape as that allows.

    Raises:
        InputError: one side is more than 200 times the other; the model's own code refuses such a picture.
    """
    if max(width, height) > 200 * min(width, height):
        raise InputError("the picture is more than 200 times as long as wide, and the model refuses such a picture")
    factor = convention.factor
    across, down = (max(round(side / factor), 1) * factor for side in (width, height))
    if across * down > convention.max_pixels:
        shrink = math.sqrt(width * height / convention.max_pixels)
        across, down = (max(math.floor(side / shrink / factor), 1) * factor for side in (width, height))
    elif across * down < convention.min_pixels:
        grow = math.sqrt(convention.min_pixels / (width * height))
        across, down = (math.ceil(side * grow / factor) * factor for side in (width, height))
    return across, down


class Grid(NamedTuple):
    """From pixels to the convention's numbers: (x + left) * across, (y + top) * down, and no more than ``ends``."""

    left: int
    top: int
    across: float
    down: float
    ends: tuple[float, float]


def find_grid(convention: Convention, width: int, height: int) -> Grid:
    """The grid of a picture of that size in pixels. Raises :class:`InputError` as :func:`smart_resize` does."""
    frame_width, frame_height, left, top = width, height, 0, 0
    if convention.frame == "padded":
        frame_width = frame_height = max(width, height)
        left, top = (frame_width - width) // 2, (frame_height - height) // 2
    elif convention.frame == "resized":
        frame_width, frame_height = smart_resize(width, height, convention)
    if convention.scale:
        # The edge of a grid of cells belongs to the last cell.
        end = convention.scale - 1 if convention.scale > 1 and convention.rounding == "trunc" else convention.scale
        return Grid(left, top, convention.scale / frame_width, convention.scale / frame_height, (end, end))
    if convention.frame == "resized":
        return Grid(0, 0, frame_width / width, frame_height / height, (frame_width - 1, frame_height - 1))
    return Grid(left, top, 1.0, 1.0, (math.inf, math.inf))


def box_numbers(box: Box, convention: Convention, *, width: int, height: int) -> tuple[float, ...]:
    """The numbers of ``box`` in the convention's frame, scale and order, rounded and kept inside the frame.

    Args:
        box: pixel xyxy in the original frame.
        convention: what to turn it into.
        width: of the original frame, in pixels.
        height: of the original frame, in pixels.

    Returns:
        Four numbers, or as many as the order has; whole ones as int where the convention has no decimals. A corner on the
        edge of a grid of N stays at N where the convention rounds, and at N - 1 where it truncates into N cells.
    """
    x1, y1, x2, y2 = (min(max(value, 0.0), float(side)) for value, side in zip(box, (width, height) * 2, strict=True))
    left, top, across, down, ends = find_grid(convention, width, height)
    x1, y1, x2, y2 = (x1 + left) * across, (y1 + top) * down, (x2 + left) * across, (y2 + top) * down
    if convention.order == "cells":
        return _find_cells(x1, y1, x2, y2, convention.scale)
    if convention.order == "point":
        x1, y1 = x2, y2 = (x1 + x2) / 2, (y1 + y2) / 2
    corners = [min(_round(value, convention), end) for value, end in zip((x1, y1, x2, y2), ends * 2, strict=True)]
    if convention.order == "xywh":
        corners[2:] = [_round(x2 - x1, convention), _round(y2 - y1, convention)]
    else:
        corners = [corners[index] for index in _ORDERS.get(convention.order, (0, 1, 2, 3))]
    return tuple(int(value) for value in corners) if convention.decimals == 0 else tuple(corners)


_ORDERS = {"yxyx": (1, 0, 3, 2), "quad": (0, 1, 2, 1, 2, 3, 0, 3), "point": (0, 1)}
"""Which of x1, y1, x2, y2 stand where."""


def _find_cells(x1: float, y1: float, x2: float, y2: float, side: int) -> tuple[int, int]:
    """As ``coordinate_to_patch_index`` of KOSMOS-2 has it (transformers, ``processing_kosmos2.py``)."""
    column, row = (min(math.floor(value + 1e-6), side - 1) for value in (x1, y1))
    last_column, last_row = (min(max(math.ceil(value - 1e-6) - 1, 0), side - 1) for value in (x2, y2))
    return row * side + column, max(last_row, row) * side + max(last_column, column)


def _round(value: float, convention: Convention) -> float:
    factor = 10.0**convention.decimals
    # A hair is added before cutting, so that 0.29 * 100 = 28.999999999999996 is cell 29 and not 28.
    cut = math.floor(value * factor + 1e-6) if convention.rounding == "trunc" else round(value * factor)
    return cut / factor


def render_box(box: Box, convention: Convention, *, width: int | None, height: int | None, phrase: str = "") -> str:
    """The text of one box. Raises :class:`InputError` where the convention needs a frame and none is known."""
    numbers = _find_numbers(box, convention, width, height)
    # In a JSON form the phrase is part of a string.
    if phrase and '"{phrase}"' in convention.pattern:
        phrase = json.dumps(phrase, ensure_ascii=False)[1:-1]
    return convention.pattern.format(*_show(numbers, convention), phrase=phrase)


def box_writer(convention: Convention, *, width: int | None, height: int | None) -> Callable[[Box], str]:
    """:func:`render_box` for many boxes of one picture; quick where nothing but scaling and rounding is to be done."""

    def write(box: Box) -> str:
        return render_box(box, convention, width=width, height=height)

    template = _one_step(convention.pattern, convention.decimals)
    usual = (convention.frame, convention.order, convention.rounding) == ("original", "xyxy", "round")
    if not (template and usual and not convention.digits and convention.scale and width and height):
        return write
    across, down, factor = convention.scale / width, convention.scale / height, 10.0**convention.decimals

    def write_usual(box: Box) -> str:
        x1, y1, x2, y2 = box
        if not (0.0 <= x1 <= x2 <= width and 0.0 <= y1 <= y2 <= height):
            return write(box)
        # The very operations of box_numbers, in their order: the text is part of a request's key.
        return template % (
            round(x1 * across * factor) / factor,
            round(y1 * down * factor) / factor,
            round(x2 * across * factor) / factor,
            round(y2 * down * factor) / factor,
        )

    return write_usual


@lru_cache(maxsize=64)
def _one_step(pattern: str, decimals: int) -> str:
    """The pattern with its decimals, for ``%`` with the four numbers; empty where it holds more than those, in their order."""
    parts = list(Formatter().parse(pattern))
    fields = [(name, spec, conversion) for _, name, spec, conversion in parts if name is not None]
    if fields != [(str(index), "", None) for index in range(4)]:
        return ""
    number = f"%.{decimals}f"
    return "".join(text.replace("%", "%%") + (number if name is not None else "") for text, name, _, _ in parts)


def render_point(point: tuple[float, float], convention: Convention, *, width: int | None, height: int | None) -> str:
    """The text of one point, in the convention's frame, scale and order. Raises as :func:`render_box` does."""
    first, second, *_ = _show(_find_numbers((*point, *point), convention, width, height), convention)
    return f"[{first}, {second}]"


def _find_numbers(box: Box, convention: Convention, width: int | None, height: int | None) -> tuple[float, ...]:
    if width is None or height is None:
        check_frame(convention)
        width, height = math.ceil(box[2]), math.ceil(box[3])
    return box_numbers(box, convention, width=width, height=height)


def check_frame(convention: Convention) -> None:
    """Raises :class:`InputError` where the convention needs the picture's size; for pictures whose size is not known."""
    if convention.frame_needed:
        raise InputError(
            "the picture's width and height are not known, and the box convention needs them",
            mend="Add width and height to the asset, or use the convention `pixels`.",
        )


def _show(numbers: tuple[float, ...], convention: Convention) -> list[str]:
    return [f"{number:0{convention.digits}.{convention.decimals}f}" for number in numbers]


def render_phrase(phrase: str, boxes: list[str], convention: Convention) -> str:
    """A phrase with its boxes, as the convention wraps them; boxes without a phrase have no marks of a phrase."""
    wrap = convention.wrap if phrase else lone_wrap(convention.wrap)
    return wrap.format(phrase=phrase, boxes=convention.join.join(boxes)).strip()


@lru_cache(maxsize=64)
def lone_wrap(wrap: str) -> str:
    """The wrapper without its phrase and the tags around that: ``{boxes}`` of ``<ref>{phrase}</ref>{boxes}``."""
    before, mark, after = wrap.partition("{phrase}")
    if not mark:
        return wrap
    tagged = before.rstrip().endswith((">", "]")) and after.startswith("<")
    return after.partition(">")[2] if tagged else before + after
