"""One line of a scene's text, and what may stand in it."""

import re

from msgspec import Struct

from syphus.categories.blocks import Block
from syphus.records import Asset, Box, Scene
from syphus.references.boxes import Convention, box_writer

_CONTROL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))"  # colours, titles and other codes of a terminal
    r"|[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]"
)


class Line(Struct):
    """A line of the context, before it is known whether there is room for it."""

    text: str
    block: Block
    asset: str | None
    """What it is about; None: no one asset."""
    rank: int
    """Within its block and asset; 0 is the most useful."""


def one_line(text: str) -> str:
    """The text as it may enter a prompt: no control characters, white space as single spaces.

    A line break would let a caption pass for a block of its own; terminal codes and zero bytes are no text at all.
    """
    # Of what is printable, only the common space is white; nearly every text ends here.
    if text.isprintable() and "  " not in text and text[:1] != " " and text[-1:] != " ":
        return text
    return " ".join(_CONTROL.sub("", text).split())


def asset_id(scene: Scene, named: str | None) -> str | None:
    """The asset that something belongs to: the one it names, else the first."""
    return named or (scene.assets[0].id if scene.assets else None)


def box_text(box: Box | None, asset: Asset | None, convention: Convention | None) -> str:
    """``: [0.1, 0.2, 0.3, 0.4]``; empty where there is no box, or none is to be written.

    Raises:
        InputError: the convention needs the size of the frame, and it is not known.
    """
    if box is None or convention is None:
        return ""
    size = (asset.width, asset.height) if asset else (None, None)
    return ": " + box_writer(convention, width=size[0], height=size[1])(box)


def spread(count: int) -> list[int]:
    """Ranks for things in a row, so that the best n of them, for any n, lie evenly over the row, both ends first."""
    order = [0, count - 1] if count > 1 else list(range(count))
    gaps = [(0, count - 1)]
    while len(order) < count:
        halves = []
        for left, right in gaps:
            middle = (left + right) // 2
            if middle not in (left, right):
                order.append(middle)
                halves += [(left, middle), (middle, right)]
        gaps = halves
    ranks = [0] * count
    for rank, index in enumerate(order):
        ranks[index] = rank
    return ranks
