"""Box conventions: how the one stored form (pixel xyxy) is written for people, models and trainers.

A convention is a value of :class:`Convention`; the named ones below follow the survey of published systems: K1 (LLaVA,
SVIT, Ferret prompts: 0-1 floats, three decimals), K2 (Shikra: no spaces, on the square-padded picture), K7 (Ferret: integers
on a 1000 grid, truncated), K8/K9 (Qwen-VL, InternVL), K10 (Qwen3-VL JSON), K11 (pixels), K13 (Gemini: y first), K18 (COCO
pixel xywh).
"""

import json
import math
from collections.abc import Callable
from functools import lru_cache
from string import Formatter
from typing import Annotated, Literal

from msgspec import Meta, Struct

from syphus.errors import InputError
from syphus.records import Box


class Convention(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a box becomes text."""

    scale: Annotated[int, Meta(ge=0)] = 1
    """Side of the target grid: 1 for 0-1 floats, 1000 for a 1000 grid, 0 for pixels."""
    frame: Literal["original", "padded"] = "original"
    """``padded``: the picture is centred in a square of its longer side before it is scaled (Shikra, LLaVA-1.5)."""
    order: Literal["xyxy", "xywh", "yxyx"] = "xyxy"
    rounding: Literal["round", "trunc"] = "round"
    decimals: Annotated[int, Meta(ge=0)] = 3
    pattern: str = "[{0}, {1}, {2}, {3}]"
    """Text of one box; the numbers come in the convention's order."""
    join: str = ", "
    """Between several boxes of one phrase."""
    wrap: str = "{phrase} {boxes}"
    """How a phrase and its boxes stand together."""
    frame_needed: bool = True
    """False: pixels need no width and height."""

    def __post_init__(self) -> None:
        if not self.frame_needed and (self.scale or self.frame != "original"):
            raise ValueError("frame_needed: only pixels (scale 0) of the original frame do without width and height")
        # Found here, and not when the first dialogue of a finished run is exported.
        _try_format("pattern", self.pattern, "0", "0", "0", "0", phrase="")
        _try_format("wrap", self.wrap, phrase="", boxes="")


def _try_format(name: str, pattern: str, *numbers: str, **texts: str) -> None:
    try:
        pattern.format(*numbers, **texts)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        known = " ".join(f"{{{field}}}" for field in (*range(len(numbers)), *texts))
        raise ValueError(f"{name} {pattern!r}: it may hold {known}, and other braces doubled ({error})") from error


CONVENTIONS: dict[str, Convention] = {
    "unit": Convention(),
    "unit2": Convention(decimals=2),
    "shikra": Convention(frame="padded", pattern="{0},{1},{2},{3}", join=";", wrap="{phrase}[{boxes}]"),
    "grid100": Convention(scale=100, decimals=0, rounding="trunc"),
    "grid1000": Convention(scale=1000, decimals=0, rounding="trunc"),
    "qwen": Convention(
        scale=1000,
        decimals=0,
        pattern="<box>({0},{1}),({2},{3})</box>",
        join="",
        wrap="<ref>{phrase}</ref>{boxes}",
    ),
    "internvl": Convention(scale=1000, decimals=0, rounding="trunc", wrap="<ref>{phrase}</ref><box>[{boxes}]</box>"),
    "qwen3": Convention(
        scale=1000, decimals=0, pattern='{{"bbox_2d": [{0}, {1}, {2}, {3}], "label": "{phrase}"}}', wrap="{boxes}"
    ),
    "gemini": Convention(scale=1000, decimals=0, order="yxyx"),
    "pixels": Convention(scale=0, decimals=0, frame_needed=False),
    "pixels_xywh": Convention(scale=0, decimals=2, order="xywh", frame_needed=False),
}


def find_convention(name: str) -> Convention:
    """The convention of that name. Raises :class:`InputError` naming those that there are."""
    if name not in CONVENTIONS:
        raise InputError(f"there is no box convention {name!r}", mend=f"Conventions: {', '.join(CONVENTIONS)}.")
    return CONVENTIONS[name]


def box_numbers(box: Box, convention: Convention, *, width: int, height: int) -> tuple[float, ...]:
    """The four numbers of ``box`` in the convention's frame, scale and order, rounded and kept inside the frame.

    Args:
        box: pixel xyxy in the original frame.
        convention: what to turn it into.
        width: of the original frame, in pixels.
        height: of the original frame, in pixels.

    Returns:
        Four numbers; whole ones as int where the convention has no decimals. A corner on the edge of a grid of N stays at
        N where the convention rounds, and at N - 1 where it truncates into N cells.
    """
    x1, y1, x2, y2 = (min(max(value, 0.0), float(side)) for value, side in zip(box, (width, height) * 2, strict=True))
    frame_width, frame_height = width, height
    if convention.frame == "padded":
        frame_width = frame_height = max(width, height)
        left, top = (frame_width - width) // 2, (frame_height - height) // 2
        x1, y1, x2, y2 = x1 + left, y1 + top, x2 + left, y2 + top
    if convention.scale:
        across, down = convention.scale / frame_width, convention.scale / frame_height
        x1, y1, x2, y2 = x1 * across, y1 * down, x2 * across, y2 * down
    top_cell = convention.scale - 1 if convention.scale > 1 and convention.rounding == "trunc" else math.inf
    corners = [min(_round(value, convention), top_cell) for value in (x1, y1, x2, y2)]
    if convention.order == "yxyx":
        corners = [corners[1], corners[0], corners[3], corners[2]]
    elif convention.order == "xywh":
        corners[2:] = [_round(x2 - x1, convention), _round(y2 - y1, convention)]
    return tuple(int(value) for value in corners) if convention.decimals == 0 else tuple(corners)


def _round(value: float, convention: Convention) -> float:
    factor = 10.0**convention.decimals
    # A hair is added before cutting, so that 0.29 * 100 = 28.999999999999996 is cell 29 and not 28.
    cut = math.floor(value * factor + 1e-6) if convention.rounding == "trunc" else round(value * factor)
    return cut / factor


def render_box(box: Box, convention: Convention, *, width: int | None, height: int | None, phrase: str = "") -> str:
    """The text of one box. Raises :class:`InputError` where the convention needs a frame and none is known."""
    numbers = _find_numbers(box, convention, width, height)
    # In a JSON form the phrase is part of a string.
    quoted = json.dumps(phrase, ensure_ascii=False)[1:-1] if phrase else ""
    return convention.pattern.format(*_show(numbers, convention), phrase=quoted)


def box_writer(convention: Convention, *, width: int | None, height: int | None) -> Callable[[Box], str]:
    """:func:`render_box` for many boxes of one picture; quick where nothing but scaling and rounding is to be done."""

    def write(box: Box) -> str:
        return render_box(box, convention, width=width, height=height)

    template = _one_step(convention.pattern, convention.decimals)
    usual = (convention.frame, convention.order, convention.rounding) == ("original", "xyxy", "round")
    if not (template and usual and convention.scale and width and height):
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
        if convention.frame_needed:
            raise InputError(
                "the picture's width and height are not known, and the box convention needs them",
                mend="Add width and height to the asset, or use the convention `pixels`.",
            )
        width, height = math.ceil(box[2]), math.ceil(box[3])
    return box_numbers(box, convention, width=width, height=height)


def _show(numbers: tuple[float, ...], convention: Convention) -> list[str]:
    return [f"{number:.{convention.decimals}f}" for number in numbers]


def render_phrase(phrase: str, boxes: list[str], convention: Convention) -> str:
    """A phrase with its boxes, as the convention wraps them."""
    return convention.wrap.format(phrase=phrase, boxes=convention.join.join(boxes)).strip()
