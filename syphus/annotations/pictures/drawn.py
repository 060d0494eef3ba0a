"""What people draw in labelling tools, as objects: the box around any shape, or a point."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from syphus.annotations.mending import mend_box
from syphus.records import Asset, Keypoint, Object

Point = tuple[float, float]


class Say(Protocol):
    """Takes the place of a shape in its picture, and what is wrong with it."""

    def __call__(self, place: str, message: str, *, lost: bool = True) -> None:
        """Whether it is lost or was mended."""


class Drawn(NamedTuple):
    """A shape with its label, in pixels of the picture."""

    place: str
    label: str
    corners: tuple[float, float, float, float] | None = None
    """x1, y1, x2, y2 around it; None for a point, and for what is said of the whole picture."""
    points: tuple[tuple[str, Point], ...] = ()
    """Names and places of points."""
    attributes: tuple[str, ...] = ()
    source_id: str | None = None


def find_corners(points: Sequence[Point]) -> tuple[float, float, float, float]:
    """The box around points, of which there is at least one."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def make_objects(drawn: Iterable[Drawn], asset: Asset, say: Say) -> tuple[Object, ...]:
    """The objects ``o1``, ``o2`` ... in the order given.

    Args:
        drawn: the shapes.
        asset: whose width and height the boxes are held to.
        say: receives what is wrong with shapes.
    """
    objects: list[Object] = []
    for one in drawn:
        box = None
        if not one.label:
            say(one.place, "it has no label; it is left out")
            continue
        if one.corners is not None:
            mended = mend_box(*one.corners, width=asset.width, height=asset.height)
            if mended.box is None:
                say(one.place, f"{mended.message}; it is left out")
                continue
            if mended.message:
                say(one.place, mended.message, lost=False)
            box = mended.box
        points = tuple(Keypoint(name=name, x=round(x, 2), y=round(y, 2)) for name, (x, y) in one.points)
        objects.append(
            Object(
                id=f"o{len(objects) + 1}",
                label=one.label,
                box=box,
                attributes=tuple(dict.fromkeys(text for text in one.attributes if text)),
                keypoints=points,
                source_id=one.source_id,
            )
        )
    return tuple(objects)
