"""Turns whose content is a list of parts, text and pictures, as chat APIs have them.

Between the parts and stored text stands a text with a slot for each picture, so that places are found and written as in every
other format (:mod:`syphus.formats.places`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from syphus.formats.keeping import noted_table
from syphus.formats.parts import UnfitError
from syphus.formats.places import CLOSE, OPEN, OddError

SLOT = f"{OPEN}{CLOSE}"
"""Where a picture stands, in place of a token."""
TOKENS: Mapping[str, str] = {"image": SLOT}

_TEXTS = ("text", "input_text", "output_text")
_PICTURES = ("image_url", "input_image", "image")


class Read(Struct, kw_only=True):
    """The contents of a row's turns."""

    values: list[str]
    """Texts with slots."""
    pictures: list[Any]
    """The picture parts, in their order."""


def read_contents(contents: Sequence[Any], noted: dict[str, Any], *, lists: bool, mend: Callable[[str], None]) -> Read:
    """The turns' texts and pictures; what has another form than the format would write is noted.

    Args:
        contents: of the turns, by turns.
        noted: the form of the row.
        lists: the format writes lists of parts where there is text alone, too.
        mend: is told what was mended.

    Raises:
        OddError: a part is neither text nor a picture.
    """
    read = Read(values=[], pictures=[])
    for index, content in enumerate(contents):
        if isinstance(content, str):
            pieces, pictured = [content], False
        elif isinstance(content, list):
            pieces, pictured = _read_parts(content, index + 1, read.pictures, mend)
        else:
            raise OddError(f"turn {index + 1} is neither a text nor a list of parts")
        if isinstance(content, list) != (lists or pictured):
            noted.setdefault("forms", {})[str(index)] = "parts" if isinstance(content, list) else "text"
        read.values.append("".join(pieces))
    return read


def _read_parts(
    parts: list[Any], number: int, pictures: list[Any], mend: Callable[[str], None]
) -> tuple[list[str], bool]:
    pieces: list[str] = []
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in _TEXTS and isinstance(part.get("text"), str):
            if OPEN in part["text"]:
                raise OddError(f"turn {number} holds U+FDD0, which is no character")
            if pieces and pieces[-1] != SLOT:
                mend("several texts stand one behind the other in a turn; they are joined by a line end")
                pieces.append("\n")
            pieces.append(part["text"])
        elif kind in _PICTURES:
            pictures.append(part)
            pieces.append(SLOT)
        else:
            raise OddError(f"turn {number} has a part of type {kind!r}, and a dialogue holds texts and pictures")
    return pieces, SLOT in pieces


def write_contents(
    values: Sequence[str],
    make_picture: Callable[[int], dict[str, Any]],
    noted: Mapping[str, Any],
    *,
    lists: bool,
) -> list[Any]:
    """The contents of the turns: strings, or lists of parts where there are pictures or ``lists`` asks for them.

    Args:
        values: texts with slots.
        make_picture: the part of the picture of that number, from 0.
        noted: the form of the row they came from.
        lists: as for :func:`read_contents`.

    Raises:
        UnfitError: a picture stands in an answer.
    """
    contents: list[Any] = []
    forms = noted_table(noted, "forms")
    number = 0
    for index, value in enumerate(values):
        pieces = value.split(SLOT)
        if len(pieces) > 1 and index % 2:
            raise UnfitError("a picture stands in an answer, where its consumers look for none")
        form = forms.get(str(index))
        if len(pieces) == 1 and not (form == "parts" or (lists and form != "text")):
            contents.append(value)
            continue
        parts: list[dict[str, Any]] = []
        for place, piece in enumerate(pieces):
            if place:
                parts.append(make_picture(number))
                number += 1
            if piece:
                parts.append({"type": "text", "text": piece})
        contents.append(parts)
    return contents
