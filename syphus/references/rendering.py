"""Stored text, with its references, into the text that a trainer reads."""

from typing import Literal

from msgspec import Struct

from syphus.errors import InputError
from syphus.records import Box, Dialogue, Object
from syphus.references.boxes import Convention, render_box, render_phrase
from syphus.references.text import Reference, plain_text, replace_references

POINT = "point"
"""The keypoint of an object that is known by one point, and not by a box."""

_Side = Literal["user", "assistant"]


class Slot(Struct, frozen=True, kw_only=True):
    """A box that a text has a place for, and that is handed over beside it."""

    phrase: str
    box: Box
    """Pixel xyxy in the asset's original frame."""
    asset: int = 0
    """Which of the dialogue's assets it is in, counted from 0."""


def render_text(text: str, dialogue: Dialogue, convention: Convention | None, *, role: _Side | None = None) -> str:
    """One turn's text for export.

    Args:
        text: with references ``[phrase](#id)``.
        dialogue: holds the objects that the references point at, and the assets with their sizes.
        convention: how coordinates are printed; None leaves the phrases alone.
        role: whose turn it is, for conventions that print coordinates on one side only; None prints them.

    Raises:
        KeyError: a reference leads nowhere (checks have refused such text before).
        InputError: the convention needs the picture's size, and it is not known; or it hands its boxes over beside the text,
            for which :func:`render_slots` is there.
    """
    if convention is not None and convention.beside:
        raise InputError(
            "the box convention hands its boxes over beside the text, and this format has no place for them",
            mend="Take another convention, or the format `parquet`, `webdataset` or `swift`.",
        )
    return _render(text, dialogue, convention, role, [])


def render_slots(
    text: str, dialogue: Dialogue, convention: Convention, *, role: _Side | None = None
) -> tuple[str, tuple[Slot, ...]]:
    """As :func:`render_text`, with the boxes that it printed or left a place for, in the order of the text.

    For conventions whose boxes stand beside the text (``beside``): GPT4RoI, ms-swift's ``objects``, Ferret's region features.
    """
    slots: list[Slot] = []
    return _render(text, dialogue, convention, role, slots), tuple(slots)


def _render(text: str, dialogue: Dialogue, convention: Convention | None, role: _Side | None, slots: list[Slot]) -> str:
    if convention is None or (role is not None and convention.sides not in ("both", role)):
        return plain_text(text)
    objects = {thing.id: thing for thing in dialogue.objects}
    indices = {asset.id: index for index, asset in enumerate(dialogue.assets)}

    def render(reference: Reference) -> str:
        boxes = []
        for identity in reference.ids:
            if identity in indices:
                continue
            thing = objects[identity]
            box = _find_box(thing, convention)
            if box is None:
                continue
            index = indices[thing.asset] if thing.asset else 0
            width, height = _find_size(dialogue, index)
            boxes.append(render_box(box, convention, width=width, height=height, phrase=reference.phrase))
            slots.append(Slot(phrase=reference.phrase, box=box, asset=index))
        return render_phrase(reference.phrase, boxes, convention) if boxes else reference.phrase

    return replace_references(text, render)


def _find_box(thing: Object, convention: Convention) -> Box | None:
    """The object's box; for conventions that print points its point, if it has one, as a box without extent."""
    if convention.order == "point":
        for point in thing.keypoints:
            if point.name == POINT:
                return (point.x, point.y, point.x, point.y)
    return thing.box


def _find_size(dialogue: Dialogue, index: int) -> tuple[int | None, int | None]:
    if index >= len(dialogue.assets):
        return None, None
    return dialogue.assets[index].width, dialogue.assets[index].height
