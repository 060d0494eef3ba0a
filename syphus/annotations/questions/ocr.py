"""Reader of text in pictures, with the places of its lines or words, by people or by an engine.

The forms, found by content:

- mmocr 1.x (https://mmocr.readthedocs.io/en/latest/basic_concepts/datasets.html): ``{metainfo, data_list: [{img_path, width,
  height, instances: [{polygon, bbox, bbox_label, ignore, text}]}]}``. Detection sets have no ``text``: their places become
  objects called "text". Recognition sets have no places: each picture is one text;
- mmocr's key information (WildReceipt, Sun et al. 2021, arXiv:2103.14470): JSON Lines ``{file_name, width, height,
  annotations: [{box: 8 numbers, text, label}]}`` beside a list of classes, ``0 Ignore`` a line, some with a tab at the end;
- mmocr's recognition lines ``{filename, text}`` or ``path text``;
- PaddleOCR (https://paddlepaddle.github.io/PaddleOCR/main/en/datasets/ocr_datasets.html): ``path<tab>[{transcription, points,
  difficult, key_cls}]`` a line, of recognition sets ``path<tab>text``;
- ICDAR 2013, 2015, 2017 MLT (https://rrc.cvc.uab.es): a folder of ``gt_img_1.txt``, each line ``x1,y1,...,x4,y4,text`` or
  ``x1,y1,x2,y2,"text"``, the first with a byte order mark; the text may hold commas, in MLT the script stands before it;
- TextOCR (https://textvqa.org/textocr) and COCO-Text (https://bgshih.github.io/cocotext): ``{imgs: {id: {file_name, width,
  height}}, anns: {id: {image_id, utf8_string, points or mask or polygon, bbox, legibility}}}``;
- FUNSD (https://guillaumejaume.github.io/FUNSD): a folder of JSON files, ``{form: [{box: [x1, y1, x2, y2], text, label, words,
  linking}]}``, each with the name of its picture; an answer's class is the question that it is linked to;
- a plain form: ``{image, width, height, lines: [{text, box or points, score, engine}]}``, as JSON Lines or in a JSON list.

Polygons become the box around them. ``###``, ``ignore`` and ``difficult`` mean that nobody could read it: these are left out
with a count. Left aside: ``seg_map``, ``bbox_label``, ``metainfo``, the script of MLT, FUNSD's single words.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from syphus.annotations.known import KnownIds
from syphus.annotations.labels import clean, clean_identifier
from syphus.annotations.mending import mend_box
from syphus.annotations.naming import Names, find_stem, make_relative
from syphus.annotations.picture_files import SUFFIXES, as_pixels, is_file
from syphus.annotations.questions.ocr_forms import Found, find_pages
from syphus.annotations.questions.ocr_records import Piece
from syphus.annotations.questions.picture_rows import PictureName
from syphus.annotations.questions.reading_order import sort_by_place
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_text
from syphus.errors import InputError
from syphus.records import Asset, Box, Object, OcrLine, Region, Scene

DETECTED = "text"
"""What a place is called of which only is known that there is text."""

_SILENT = ("ignore", "other", "others")
"""Classes of key information that say nothing."""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file or folder, and what the texts are."""

    path: Path
    """A file, or ICDAR's folder of text files."""
    classes: Path | None = None
    """What the numbers of ``label`` mean: ``class_list.txt``, a line ``1 Store_name_value`` each."""
    images: Path | None = None
    """The picture folder."""
    image_name: str | None = None
    """ICDAR: a picture's path made of the text file's name without ``gt_``; None: with the suffix that such a picture in
    ``images`` has, else ``{stem}.jpg``."""
    engine: str | None = None
    """Who read it, where the file does not say so; None: people."""
    encoding: str | None = None
    """None: UTF-8, or what the byte order mark says."""


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one a picture, in the order of the file, which is read as it comes (a JSON document by windows).

    Texts are ``ocr`` lines in reading order, from the top and in a row from the left. Where they have classes, each is also
    a region "Total value: 12.50", unless its class says nothing; ``metadata`` lists under ``labels`` the class of each line.

    Args:
        options: which file.
        report: receives pages and texts that cannot be used, boxes that leave the frame, and at the end how many regions are
            illegible.

    Raises:
        InputError: at once where the file cannot be read or its form is not known; later where a JSON document is torn.
    """
    classes = _read_classes(options.classes)
    name = None if options.image_name is None else PictureName(options.image_name, fields=("stem",))

    def complain(file: str, place: str, message: str) -> None:
        report(Problem(file=file, place=place, message=message))

    pages = find_pages(options.path, complain, encoding=options.encoding)
    return _Making(options, classes, name, report).make(pages)


def _read_classes(file: Path | None) -> dict[int | str, str]:
    """The names of the classes by number, where the lines have numbers, else by their order."""
    if file is None:
        return {}
    names: dict[int | str, str] = {}
    with open_text(file) as stream:
        for line in stream:
            number, _, rest = line.strip().partition(" ")
            if number.isascii() and number.isdigit() and rest.strip() and len(number) < 10:
                names[int(number)] = rest
            elif line.strip():
                names[len(names)] = line
    if not names:
        raise InputError(
            "is empty", file=file, mend="`classes` is a file with a line for each class: `1 Store_name_value`."
        )
    return names


class _Making:
    """The making of scenes from pages."""

    def __init__(
        self, options: Options, classes: dict[int | str, str], name: PictureName | None, report: Report
    ) -> None:
        self._options = options
        self._classes = classes
        self._name = name
        self._report = report
        self._illegible = self._pages = 0

    def make(self, pages: Iterator[Found]) -> Iterator[Scene]:
        names, known = Names(), KnownIds()
        for found in pages:
            faults: list[tuple[str, bool]] = [(fault, True) for fault in found.faults]
            try:
                path = self._make_relative(found)
            except ValueError as error:
                self._report(Problem(file=found.file, place=found.place, message=f"{error}; the page is left out"))
                continue
            if not known.add(path):
                faults.append((f"the picture {path} is given twice; this is a scene of its own", False))
            scene = self._make_scene(found, path, names, faults)
            for message, lost in faults:
                self._report(Problem(file=found.file, place=found.place, message=message, lost=lost))
            yield scene
        if self._illegible:
            message = f"{self._illegible} illegible regions of {self._pages} pictures are left out"
            self._report(Problem(file=str(self._options.path), place="all pictures", message=message))

    def _make_relative(self, found: Found) -> str:
        picture = (found.page.picture or "").strip()
        images = self._options.images
        if found.named:
            path = make_relative(picture, images)
            # TextOCR writes `train/a.jpg`, and its archive has other folders
            bare = path.rpartition("/")[2]
            nearer = images is not None and not is_file(images / path) and is_file(images / bare)
            return bare if nearer else path
        if self._name is not None:
            return self._name.make(picture, images)
        there = (picture + suffix for suffix in SUFFIXES) if images else iter(())
        file = next((name for name in there if images and is_file(images / name)), picture + ".jpg")
        return make_relative(file, images)

    def _make_scene(self, found: Found, path: str, names: Names, faults: list[tuple[str, bool]]) -> Scene:
        page = found.page
        width, height = as_pixels(page.width), as_pixels(page.height)
        if width is None or height is None:
            if page.width is not None or page.height is not None:
                faults.append((f"the size {page.width} x {page.height} is no number of pixels; it is left out", True))
            width = height = None
        pieces = page.find_pieces() or []
        placed: list[tuple[Box | None, Piece]] = []
        illegible = 0
        for index, piece in enumerate(pieces):
            if piece.illegible:
                illegible += 1
                continue
            box = _find_box(piece, index, width, height, faults)
            if box is None and not clean(piece.text or piece.transcription):
                faults.append((f"text {index + 1} has neither a text nor a place; it is left out", True))
            else:
                placed.append((box, piece))
        self._illegible += illegible
        self._pages += bool(illegible)
        ordered = sort_by_place([(box, (box, piece)) for box, piece in placed])
        lines, objects, regions, labels = self._sort(ordered, faults)
        return Scene(
            id=names.give(find_stem(path)),
            assets=(Asset(path=path, width=width, height=height),),
            objects=tuple(objects),
            regions=tuple(regions),
            ocr=tuple(lines),
            metadata={"labels": labels} if any(label is not None for label in labels) else {},
        )

    def _sort(
        self, ordered: list[tuple[Box | None, Piece]], faults: list[tuple[str, bool]]
    ) -> tuple[list[OcrLine], list[Object], list[Region], list[Any]]:
        lines: list[OcrLine] = []
        objects: list[Object] = []
        regions: list[Region] = []
        labels: list[int | str | None] = []
        for box, piece in ordered:
            text = clean(piece.text or piece.transcription)
            label = self._name_class(piece.kind)
            telling = isinstance(label, str) and label.casefold() not in _SILENT
            if not text:
                objects.append(Object(id=f"o{len(objects) + 1}", label=str(label) if telling else DETECTED, box=box))
                continue
            score = piece.score
            if score is not None and not 0 <= score <= 1:
                faults.append((f"the score {score:g} of {text[:40]!r} is not from 0 to 1; it is left out", True))
                score = None
            lines.append(OcrLine(text=text, box=box, score=score, engine=clean(piece.engine) or self._options.engine))
            labels.append(label)
            if telling:
                regions.append(Region(id=f"r{len(regions) + 1}", text=f"{label}: {text}", box=box))
        return lines, objects, regions, labels

    def _name_class(self, kind: int | str | None) -> int | str | None:
        """The class in words, where they are known; else its number."""
        if kind is None:
            return None
        name = self._classes.get(kind, kind)
        return (clean_identifier(name) or None) if isinstance(name, str) else name


def _find_box(
    piece: Piece, index: int, width: int | None, height: int | None, faults: list[tuple[str, bool]]
) -> Box | None:
    """In pixels; what is wrong with it goes to ``faults``."""
    try:
        corners = piece.find_corners()
    except ValueError as error:
        faults.append((f"text {index + 1}: {error}; the place is left out", True))
        return None
    if corners is None:
        return None
    mended = mend_box(*corners, width=width, height=height)
    if mended.message:
        lost = mended.box is None
        faults.append((f"text {index + 1}: {mended.message}" + ("; the place is left out" if lost else ""), lost))
    return mended.box
