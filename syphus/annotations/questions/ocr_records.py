"""What files of text in pictures hold, whatever their form: pages with pieces of text and the places of these."""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct

from syphus.annotations.json_shapes import Broken, Shape

ILLEGIBLE = ("###",)
"""What stands in the place of a text that nobody could read (ICDAR, PaddleOCR)."""

_Points = list[float | list[float]]
"""``[x1, y1, x2, y2, ...]`` or ``[[x1, y1], [x2, y2], ...]``."""

Kind = Literal["instances", "annotations", "lines"]


class Piece(Struct, gc=False):
    """One text of a page. Which of the fields there are tells the form."""

    text: str | None = None
    transcription: str | None = None
    """PaddleOCR's name for it."""
    polygon: _Points | None = None
    points: _Points | None = None
    box: _Points | None = None
    bbox: list[float] | None = None
    """x1, y1, x2, y2."""
    label: int | str | None = None
    """What kind of text it is (key information)."""
    key_cls: str | None = None
    """The same in PaddleOCR's files."""
    ignore: bool | None = None
    difficult: bool | None = None
    score: float | None = None
    engine: str | None = None
    id: Any = None
    linking: Any = None
    """FUNSD's: pairs of ids, a question and its answer. Elsewhere such keys may hold anything."""

    @property
    def illegible(self) -> bool:
        """Whether the file says that it cannot be read."""
        return bool(self.ignore or self.difficult) or (self.text or self.transcription or "").strip() in ILLEGIBLE

    @property
    def kind(self) -> int | str | None:
        """Of a text in key information files."""
        return self.key_cls if self.label is None else self.label

    def find_corners(self) -> tuple[float, float, float, float] | None:
        """The box around its polygon or points: x1, y1, x2, y2 in pixels; None where there is none.

        Raises:
            ValueError: for numbers that are no points.
        """
        for given in (self.polygon, self.points, self.box, self.bbox):
            if given:
                flat = [number for one in given for number in (one if isinstance(one, list) else (one,))]
                if len(flat) < 4 or len(flat) % 2:
                    raise ValueError(f"{len(flat)} numbers are no points")
                xs, ys = flat[0::2], flat[1::2]
                return min(xs), min(ys), max(xs), max(ys)
        return None


class Page(Struct, gc=False):
    """A picture and the texts in it."""

    img_path: str | None = None
    file_name: str | None = None
    filename: str | None = None
    image: str | None = None
    width: int | float | None = None
    height: int | float | None = None
    instances: list[Piece] | None = None
    annotations: list[Piece] | None = None
    lines: list[Piece] | None = None
    text: str | None = None
    """Of a picture that is one text (recognition)."""

    @property
    def picture(self) -> str | None:
        """The picture's path."""
        return self.img_path or self.file_name or self.filename or self.image

    def find_pieces(self) -> list[Piece] | None:
        """Its texts; None where it has no place for any, and is no page."""
        for pieces in (self.instances, self.annotations, self.lines):
            if pieces is not None:
                return pieces
        # a text beside an `image` or `file_name` is a caption
        return None if self.text is None or not (self.filename or self.img_path) else [Piece(text=self.text)]


class _LoosePage(Struct):
    """A page of which a piece breaks its type."""

    img_path: str | None = None
    file_name: str | None = None
    filename: str | None = None
    image: str | None = None
    width: Any = None
    height: Any = None
    instances: list[msgspec.Raw] | None = None
    annotations: list[msgspec.Raw] | None = None
    lines: list[msgspec.Raw] | None = None


PAGE: Shape[Page] = Shape(Page, lenient=True)
PIECES: Shape[list[Piece]] = Shape(list[Piece], lenient=True)
_PIECE: Shape[Piece] = Shape(Piece, lenient=True)
_loose_pages = msgspec.json.Decoder(_LoosePage)


def save_page(broken: Broken, faults: list[str]) -> Page | None:
    """The page of a broken record without what breaks it, which goes to ``faults``; None where nothing is left of it."""
    try:
        loose = _loose_pages.decode(broken.raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    sizes: dict[str, float] = {}
    for side in ("width", "height"):
        value = getattr(loose, side)
        if isinstance(value, int | float) and not isinstance(value, bool):
            sizes[side] = value
        elif value is not None:
            faults.append(f"`{side}` is no number; it is left out")
    key: Kind
    for key in ("instances", "annotations", "lines"):
        raws = getattr(loose, key)
        if raws is not None:
            pieces = list(sort_out(raws, faults, key))
            page = Page(img_path=loose.img_path or loose.file_name or loose.filename or loose.image, lines=pieces)
            page.width, page.height = sizes.get("width"), sizes.get("height")
            return page
    return None


def sort_out(raws: list[msgspec.Raw], faults: list[str], key: str) -> Iterator[Piece]:
    """The good pieces; what is wrong with the others goes to ``faults``."""
    for index, raw in enumerate(raws):
        piece = _PIECE.decode_one(bytes(raw))
        if isinstance(piece, Broken):
            faults.append(f"{key}[{index}]: {piece.reason}; it is left out")
        else:
            yield piece
