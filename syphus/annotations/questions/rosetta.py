"""The words that the OCR engine Rosetta read in the pictures of TextVQA and TextCaps (https://textvqa.org/dataset).

The form is described where it is read with its questions, in :mod:`syphus.annotations.questions.textvqa`.
"""

from collections.abc import Container
from pathlib import Path

from msgspec import Struct, field

from syphus.annotations.json_shapes import Shape
from syphus.annotations.labels import clean
from syphus.annotations.mending import mend_box
from syphus.annotations.questions.picture_rows import Id, Packed
from syphus.annotations.questions.reading_order import sort_by_place
from syphus.annotations.questions.record_files import name_place, walk_records
from syphus.annotations.reading import Problem, Report
from syphus.errors import InputError
from syphus.records import Box, OcrLine

ENGINE = "Rosetta"


class _Place(Struct, gc=False):
    width: float
    height: float
    top_left_x: float | None = None
    top_left_y: float | None = None
    old_x: float | None = field(name="topLeftX", default=None)
    old_y: float | None = field(name="topLeftY", default=None)


class _Word(Struct, gc=False):
    word: str
    bounding_box: _Place | None = None


class _Record(Struct, gc=False):
    image_id: Id
    ocr_tokens: list[str] | None = None
    ocr_info: list[_Word] | None = None


class _Line(Struct, array_like=True, gc=False):
    text: str
    place: tuple[float, float, float, float] | None
    """Corners, as parts of the sides."""


class _Lines(Struct, array_like=True, gc=False):
    index: int
    lines: tuple[_Line, ...]


_SHAPES = {"data": Shape(_Record, lenient=True)}


class Words:
    """The words of each picture, packed."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._file = ""
        self._packed: Packed[_Lines] = Packed(_Lines)
        self._rows: dict[int | str, int] = {}

    def read_file(self, file: Path, pictures: Container[int | str]) -> None:
        """Takes in the words of those pictures; how many records are of others goes to ``report``.

        Raises:
            InputError: for a file of another kind, a torn one, and one that has none of the pictures.
        """
        self._file = str(file)
        strays = 0
        for key, index, record in walk_records(file, self._report, _SHAPES, what="file of Rosetta's words"):
            if record.image_id not in pictures:
                strays += 1
            elif record.image_id in self._rows:
                self._tell(index, f"the picture {record.image_id} is given twice; the first is used")
            elif record.ocr_info is None and record.ocr_tokens is None:
                self._tell(index, f"has neither `ocr_info` nor `ocr_tokens` (`{key}`); it is left out")
            else:
                self._rows[record.image_id] = self._packed.append(_Lines(index, self._make_places(index, record)))
        if strays and not self._rows:
            raise InputError(
                f"none of its {strays} pictures is in the questions' file",
                file=file,
                mend="Are they of the same split?",
            )
        if strays:
            message = f"pictures that the questions' file does not have: {strays}; their words are left out"
            self._report(Problem(file=self._file, place="data", message=message))

    def _tell(self, index: int, message: str, *, lost: bool = True) -> None:
        self._report(Problem(file=self._file, place=name_place("data", index), message=message, lost=lost))

    def _make_places(self, index: int, record: _Record) -> tuple[_Line, ...]:
        given: list[tuple[str, _Place | None]]
        given = [(one.word, one.bounding_box) for one in record.ocr_info or ()]
        given = given or [(token, None) for token in record.ocr_tokens or ()]
        lines = []
        for word, place in given:
            text = clean(word)
            if text:
                lines.append(_Line(text, None if place is None else _find_corners(place)))
        if len(lines) < len(given):
            self._tell(index, f"{len(given) - len(lines)} of the words are empty; they are left out")
        return tuple(lines)

    def make_lines(self, picture: int | str, width: int | None, height: int | None) -> tuple[OcrLine, ...] | None:
        """The words of a picture in reading order, boxes in its pixels; None where the file does not have it."""
        row = self._rows.get(picture)
        if row is None:
            return None
        found = self._packed[row]
        if (width is None or height is None) and any(line.place for line in found.lines):
            self._tell(found.index, "the picture's size is not known; its words are used without their boxes")
            width = height = None
        made: list[tuple[Box | None, OcrLine]] = []
        for line in found.lines:
            box = None
            if line.place and width is not None and height is not None:
                x1, y1, x2, y2 = line.place
                mended = mend_box(x1 * width, y1 * height, x2 * width, y2 * height, width=width, height=height)
                box = mended.box
                if mended.message:
                    without = "" if box else "; the word is used without a box"
                    self._tell(found.index, f"{line.text!r}: {mended.message}{without}", lost=box is None)
            made.append((box, OcrLine(text=line.text, box=box, engine=ENGINE)))
        return tuple(sort_by_place(made))


def _find_corners(place: _Place) -> tuple[float, float, float, float] | None:
    x = place.top_left_x if place.top_left_x is not None else place.old_x
    y = place.top_left_y if place.top_left_y is not None else place.old_y
    return None if x is None or y is None else (x, y, x + place.width, y + place.height)
