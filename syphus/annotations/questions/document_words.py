"""What OCR engines read on the pages of documents, a JSON file a page, as it comes with DocVQA and its kin.

- DocVQA's ``ocr_results/<page>.json`` (https://www.docvqa.org): Microsoft's Read API, ``{recognitionResults: [{width, height, unit,
  lines: [{boundingBox: 8 numbers, text, words}]}]}``; of later versions ``{analyzeResult: {readResults: [...]}}``;
- InfographicVQA's and MP-DocVQA's: Amazon Textract, ``{LINE: [{Text, Confidence, Geometry: {BoundingBox: {Left, Top, Width,
  Height}}}], WORD: [...]}``, the box as parts of the page's sides; or Textract's own ``{Blocks: [{BlockType: "LINE", ...}]}``.

Lines are read, and not the words that they are made of.
"""

from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from syphus.annotations.labels import clean
from syphus.annotations.mending import mend_box
from syphus.annotations.picture_files import as_pixels, is_file, measure_picture
from syphus.annotations.reading import Problem, Report
from syphus.decoding import decode_json, read_text
from syphus.errors import InputError
from syphus.records import Box, OcrLine


class _Line(Struct, gc=False):
    text: str
    boundingBox: list[float] | None = None  # noqa: N815 (Microsoft's own names)


class _Page(Struct):
    lines: list[_Line] = []
    width: int | float | None = None
    height: int | float | None = None


class _Analysis(Struct):
    readResults: list[_Page] | None = None  # noqa: N815


class _Share(Struct, gc=False):
    Left: float
    Top: float
    Width: float
    Height: float


class _Geometry(Struct, gc=False):
    BoundingBox: _Share | None = None


class _Block(Struct, gc=False):
    BlockType: str | None = None
    Text: str | None = None
    Confidence: float | None = None
    Geometry: _Geometry | None = None


class _Document(Struct):
    recognitionResults: list[_Page] | None = None  # noqa: N815
    analyzeResult: _Analysis | None = None  # noqa: N815
    LINE: list[_Block] | None = None
    Blocks: list[_Block] | None = None


class PageWords(NamedTuple):
    """What stands on a page."""

    lines: tuple[OcrLine, ...]
    size: tuple[int, int] | None
    """Width and height of the page in pixels, to which the boxes belong."""


class DocumentWords:
    """The pages of a folder, each read when it is asked for."""

    def __init__(self, folder: Path, images: Path | None, report: Report) -> None:
        self._folder = folder
        self._images = images
        self._report = report

    def find(self, path: str) -> PageWords | None:
        """What the file named as the picture has; None, which is reported, where there is none or it cannot be used."""
        file = self._folder / (Path(path).stem + ".json")
        if not is_file(file):
            self._say(file, "the file", "there is no such file: the page's words are not known")
            return None
        try:
            document = decode_json(read_text(file), _Document, file=file)
        except InputError as error:
            self._say(file, error.place or "line 1", f"{error.message}; it is left out")
            return None
        size = measure_picture(self._images / path) if self._images is not None else None
        pages = document.recognitionResults or (document.analyzeResult and document.analyzeResult.readResults)
        blocks = document.LINE or [one for one in document.Blocks or () if one.BlockType == "LINE"]
        if pages:
            return self._read_page(file, pages[0], size)
        if blocks or document.LINE is not None or document.Blocks is not None:
            return self._read_blocks(file, blocks, size)
        self._say(file, "line 1", "it has neither `recognitionResults` nor `LINE`: no words of a page; it is left out")
        return None

    def _say(self, file: Path, place: str, message: str, *, lost: bool = True) -> None:
        self._report(Problem(file=str(file), place=place, message=message, lost=lost))

    def _read_page(self, file: Path, page: _Page, size: tuple[int, int] | None) -> PageWords:
        width, height = as_pixels(page.width), as_pixels(page.height)
        own = (width, height) if width and height else None
        size = size or own
        across = size[0] / page.width if size and page.width else 1.0
        down = size[1] / page.height if size and page.height else 1.0
        lines = []
        for number, line in enumerate(page.lines):
            box, flat = None, line.boundingBox or []
            if len(flat) >= 4 and len(flat) % 2 == 0 and size:
                xs, ys = [x * across for x in flat[0::2]], [y * down for y in flat[1::2]]
                box = self._mend(file, f"lines[{number}]", (min(xs), min(ys), max(xs), max(ys)), size)
            lines += _make_line(line.text, box, None, "Microsoft Read")
        return PageWords(tuple(lines), size)

    def _read_blocks(self, file: Path, blocks: list[_Block], size: tuple[int, int] | None) -> PageWords:
        lines = []
        for number, block in enumerate(blocks):
            box, share = None, block.Geometry.BoundingBox if block.Geometry else None
            if share is not None and size is not None:
                width, height = size
                left, top = share.Left * width, share.Top * height
                corners = (left, top, left + share.Width * width, top + share.Height * height)
                box = self._mend(file, f"LINE[{number}]", corners, size)
            score = None if block.Confidence is None else block.Confidence / 100
            score = score if score is not None and 0 <= score <= 1 else None
            lines += _make_line(block.Text or "", box, score, "Amazon Textract")
        if blocks and size is None:
            message = "the picture's size is not known; the lines are used without their boxes"
            self._say(file, "LINE", message, lost=False)
        return PageWords(tuple(lines), size)

    def _mend(
        self, file: Path, place: str, corners: tuple[float, float, float, float], size: tuple[int, int]
    ) -> Box | None:
        mended = mend_box(*corners, width=size[0], height=size[1])
        if mended.message:
            self._say(file, place, mended.message, lost=mended.box is None)
        return mended.box


def _make_line(text: str, box: Box | None, score: float | None, engine: str) -> list[OcrLine]:
    words = clean(text)
    return [OcrLine(text=words, box=box, score=score, engine=engine)] if words else []
