"""Reader of Open Images (V4 to V7): boxes, verified labels, relationships and narratives, joined by image id.

Kuznetsova et al., "The Open Images Dataset V4", IJCV 2020; the tables are described at
https://storage.googleapis.com/openimages/web/factsfigures_v7.html, the narratives (Pont-Tuset et al., "Connecting Vision and
Language with Localized Narratives", ECCV 2020), also those of COCO, Flickr30k and ADE20K, at
https://google.github.io/localized-narratives/. Files are known by their names:
``*class-descriptions*.csv``, ``*-annotations-bbox.csv``, ``*-annotations-human-imagelabels*.csv``, ``*-annotations-vrd.csv``,
``*-rotation.csv`` (lists of images), ``*localized_narratives*.jsonl``; ``*image-info*.csv`` may be your own list with
``ImageID,Width,Height``.

Quirks: boxes are shares of a picture whose size no published table has, so the pictures must be at hand, or such a list; the
order is XMin, XMax, YMin, YMax; flags are 1, 0 and -1 (unknown); ``IsGroupOf`` is a crowd; a label of confidence 0 says that a
person looked and found none; the relationship ``is`` ties an attribute to a thing; relationships repeat their boxes.

Left knowingly: machine-made image labels, segmentation masks, clicks, traces and times of narratives, point labels, the class
hierarchy, thumbnails and checksums; images that nothing but a list names.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from syphus.annotations.labels import CUT_OFF, HIDDEN, clean, clean_identifier
from syphus.annotations.mending import mend_box
from syphus.annotations.naming import Names, make_relative
from syphus.annotations.picture_files import as_pixels, is_file, measure_picture
from syphus.annotations.pictures.open_images_files import Folder, Rows, Table, find_tables, join_tables
from syphus.annotations.reading import Problem, Report
from syphus.errors import InputError
from syphus.records import Asset, Box, Caption, Object, Relation, Scene

_FLAGS = {
    "IsOccluded": HIDDEN,
    "IsTruncated": CUT_OFF,
    "IsDepiction": "only a depiction",
    "IsInside": "seen from the inside",
}
_COCO = re.compile(r"mscoco_((?:train|val)20\d\d)")
_ALIKE = 2e-3
"""Shares by which the corners of a relationship's box may differ from those of the same box in the boxes' own table."""
_INFO = {
    "Author": "author",
    "Title": "title",
    "OriginalURL": "original_url",
    "OriginalLandingURL": "landing_url",
    "Rotation": "rotation",
}
"""Columns of a list of images that go to the metadata."""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the files are."""

    folder: Path
    """The one with the CSV files, also in folders below it."""
    images: Path | None = None
    """The picture folder: ``<ImageID>.jpg``, or ``train/<ImageID>.jpg`` and so on."""
    split: str | None = None
    """``train``, ``validation`` or ``test``: only the files with that in their names; None: all."""


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one an image, in the order of their ids. A scene's id is the image id.

    A verified label without a box is an object without one, where its class is boxable (``class-descriptions-boxable.csv``);
    others ("Fun", "Black-and-white") stand in the metadata as ``present``. Those of confidence 0 are its ``absent``.

    Args:
        options: where the files are.
        report: receives what could not be used: rows that are none, unknown classes, boxes of pictures without a size.

    Raises:
        InputError: at once where there are no such files, one lacks a column, or sizes cannot be known at all.
    """
    folder = find_tables(options.folder, options.split, report)
    kinds = {table.kind for table in folder.tables}
    has_sizes = any({"Width", "Height"} <= table.columns.keys() for table in folder.tables if table.kind == "images")
    if kinds & {"boxes", "relations"} and options.images is None and not has_sizes:
        raise InputError(
            "boxes are shares of the pictures' sizes, which no file here has",
            file=options.folder,
            mend="Give the pictures' folder as `images`, or put a list ImageID,Width,Height beside, as image-info.csv.",
        )
    return _read_scenes(folder, options, report)


def _read_scenes(folder: Folder, options: Options, report: Report) -> Iterator[Scene]:
    names = Names()
    for rows in join_tables(folder.tables, report):
        yield _ImageReading(rows, folder, options, report).make_scene(names)


class _Thing(Struct):
    code: str
    shares: tuple[float, float, float, float] | None
    """x1, y1, x2, y2."""
    box: Box | None
    score: float | None = None
    crowd: bool = False
    attributes: dict[str, None] = {}


class _ImageReading:
    """What one image's rows become."""

    def __init__(self, rows: list[Rows], folder: Folder, options: Options, report: Report) -> None:
        self._image = rows[0].image
        self._rows = rows
        self._folder = folder
        self._options = options
        self._report = report
        self._things: list[_Thing] = []
        self._boxes: set[tuple[str, tuple[float, ...]]] = set()
        self._relations: dict[Relation, None] = {}
        self._metadata: dict[str, Any] = {"image_id": self._image}
        self._absent: tuple[str, ...] = ()
        self._captions: dict[str, None] = {}
        self._info: dict[str, str] = {}
        self._lost_boxes = 0

    def make_scene(self, names: Names) -> Scene:
        split = next((one.table.split for one in self._rows if one.table.split), "")
        if split:
            self._metadata["split"] = split
        asset = self._make_asset(split)
        add = {"boxes": self._add_box, "relations": self._add_relation, "narratives": self._add_narrative}
        for kind in ("boxes", "relations", "narratives"):
            for one in self._rows:
                if one.table.kind == kind:
                    for line, row in one.rows:
                        add[kind](one.table, line, row, asset)
        self._add_labels()
        if self._lost_boxes:
            file = next(one.table.file for one in self._rows if one.table.kind in ("boxes", "relations"))
            message = f"its size is not known (no picture of it): {self._lost_boxes} boxes are left out"
            self._report(Problem(file=str(file), place=f"image {self._image}", message=message))
        return Scene(
            id=names.give(self._image),
            assets=(asset,),
            captions=tuple(Caption(text=text) for text in self._captions),
            objects=tuple(
                Object(
                    id=f"o{number}",
                    label=self._folder.names[thing.code],
                    box=thing.box,
                    attributes=tuple(thing.attributes),
                    score=thing.score,
                    crowd=thing.crowd,
                )
                for number, thing in enumerate(self._things, 1)
            ),
            relations=tuple(self._relations),
            absent=self._absent,
            metadata=self._metadata,
        )

    def _say(self, table: Table, line: int, message: str, *, lost: bool = True) -> None:
        self._report(Problem(file=str(table.file), place=f"line {line}", message=message, lost=lost))

    def _make_asset(self, split: str) -> Asset:
        for one in self._rows:
            if one.table.kind == "images":
                for _, row in one.rows:
                    values = {name: clean(row[place]) for name, place in one.table.columns.items() if place < len(row)}
                    self._info = {**values, **self._info}
        for column, key in _INFO.items():
            value = self._info.get(column, "")
            if value and not (column == "Rotation" and _number(value) in (0, None)):
                self._metadata[key] = value
        width, height = (as_pixels(_number(self._info.get(side, ""))) for side in ("Width", "Height"))
        images = self._options.images
        paths = self._name_paths(split)
        try:
            paths = [make_relative(path, images) for path in paths]
        except ValueError as error:
            self._say(self._rows[0].table, self._rows[0].rows[0][0], str(error))
            return Asset(width=width if height else None, height=height if width else None)
        size = (width, height) if width and height else None
        path = paths[0]
        if images is not None:
            there = next((one for one in paths if is_file(images / one)), None)
            path = there or path
            if size is None and there is not None:
                size = measure_picture(images / there)
        width, height = size or (None, None)
        return Asset(path=path, width=width, height=height, license=self._info.get("License") or None)

    def _name_paths(self, split: str) -> list[str]:
        """Where the picture may be, the likeliest first."""
        for one in self._rows:
            coco = _COCO.fullmatch(one.rows[0][1][2]) if one.table.kind == "narratives" else None
            if coco and self._image.isascii() and self._image.isdigit():  # Localized Narratives of COCO
                name = f"{self._image:0>12}.jpg"
                return [f"{coco[1]}/{name}", name]
        return [f"{self._image}.jpg", *([f"{split}/{self._image}.jpg"] if split else ())]

    def _find_name(self, table: Table, line: int, code: str) -> str | None:
        name = self._folder.names.get(code)
        if name is None:
            self._say(table, line, f"the class {code!r:.40} has no description; it is left out")
        return name

    def _add_box(self, table: Table, line: int, row: list[str], asset: Asset) -> None:
        columns = table.columns
        code = row[columns["LabelName"]]
        if self._find_name(table, line, code) is None:
            return
        shares = _find_shares(row, columns, "")
        if shares is None:
            self._say(table, line, "its box lacks a number; it is left out")
            return
        if (code, shares) in self._boxes:
            self._say(table, line, "the same class and box stand there already", lost=False)
            return
        self._boxes.add((code, shares))
        thing = self._make_thing(table, line, code, shares, asset)
        if thing is None:
            return
        thing.crowd = _is_set(row, columns, "IsGroupOf")
        for name, words in _FLAGS.items():
            if _is_set(row, columns, name):
                thing.attributes[words] = None
        score = _number(row[columns["Confidence"]]) if "Confidence" in columns else None
        if score is not None and 0 <= score < 1:  # 1 is a box that a person drew
            thing.score = score

    def _make_thing(
        self, table: Table, line: int, code: str, shares: tuple[float, float, float, float], asset: Asset
    ) -> _Thing | None:
        """A new thing; without a box where the size of the picture is not known; None where its box is none."""
        box = None
        if asset.width is None or asset.height is None:
            self._lost_boxes += 1
        else:
            width, height = asset.width, asset.height
            x1, y1, x2, y2 = shares
            mended = mend_box(x1 * width, y1 * height, x2 * width, y2 * height, width=width, height=height)
            if mended.box is None:
                self._say(table, line, f"{mended.message}; it is left out")
                return None
            if mended.message:
                self._say(table, line, mended.message, lost=False)
            box = mended.box
        thing = _Thing(code, shares, box)
        self._things.append(thing)
        return thing

    def _add_relation(self, table: Table, line: int, row: list[str], asset: Asset) -> None:
        columns = table.columns
        codes = row[columns["LabelName1"]], row[columns["LabelName2"]]
        predicate = row[columns["RelationshipLabel"]].strip()
        words = clean(self._folder.names.get(predicate)) or clean_identifier(predicate)
        if None in [self._find_name(table, line, code) for code in codes]:
            return
        if not words:
            self._say(table, line, "it has no RelationshipLabel; it is left out")
            return
        subject = self._find_thing(table, line, codes[0], _find_shares(row, columns, "1"), asset)
        if subject is None:
            return
        if predicate == "is":
            self._things[subject].attributes[self._folder.names[codes[1]].lower()] = None
            return
        other = self._find_thing(table, line, codes[1], _find_shares(row, columns, "2"), asset)
        if other is None:
            return
        relation = Relation(subject=f"o{subject + 1}", predicate=words.lower(), object=f"o{other + 1}")
        if relation in self._relations:
            self._say(table, line, "the same relationship stands there already", lost=False)
        self._relations[relation] = None

    def _find_thing(
        self, table: Table, line: int, code: str, shares: tuple[float, float, float, float] | None, asset: Asset
    ) -> int | None:
        """The thing of that class and box; a new one where the boxes' table does not have it."""
        if shares is None:
            self._say(table, line, "one of its boxes lacks a number; it is left out")
            return None
        for number, thing in enumerate(self._things):
            if thing.code == code and thing.shares is not None and _are_alike(thing.shares, shares):
                return number
        return len(self._things) - 1 if self._make_thing(table, line, code, shares, asset) else None

    def _add_narrative(self, table: Table, line: int, row: list[str], asset: Asset) -> None:  # noqa: ARG002
        text = clean(row[1])
        if not text:
            self._say(table, line, "the caption is empty")
        elif text in self._captions:
            self._say(table, line, "the same caption stands there already", lost=False)
        else:
            self._captions[text] = None

    def _add_labels(self) -> None:
        found: dict[str, float] = {}
        for one in self._rows:
            if one.table.kind != "labels":
                continue
            columns = one.table.columns
            for line, row in one.rows:
                code, confidence = row[columns["LabelName"]], _number(row[columns["Confidence"]])
                if confidence not in (0, 1):
                    self._say(
                        one.table, line, f"confidence {row[columns['Confidence']]!r:.20} is neither 0 nor 1; left out"
                    )
                elif self._find_name(one.table, line, code) is None:
                    continue
                elif found.setdefault(code, confidence) != confidence:
                    self._say(
                        one.table, line, f"{code} is said to be there, and not to be there; the first is believed"
                    )
        boxed = {thing.code for thing in self._things}
        present = [code for code, confidence in found.items() if confidence == 1 and code not in boxed]
        self._things += [_Thing(code, None, None) for code in present if code in self._folder.boxable]
        others = [self._folder.names[code] for code in present if code not in self._folder.boxable]
        self._absent = tuple(self._folder.names[code] for code, confidence in found.items() if confidence == 0)
        if others:
            self._metadata["present"] = others


def _are_alike(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(abs(a - b) <= _ALIKE for a, b in zip(one, other, strict=True))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _find_shares(row: list[str], columns: Mapping[str, int], number: str) -> tuple[float, float, float, float] | None:
    """x1, y1, x2, y2; None where one of them is missing."""
    try:
        return (
            float(row[columns[f"XMin{number}"]]),
            float(row[columns[f"YMin{number}"]]),
            float(row[columns[f"XMax{number}"]]),
            float(row[columns[f"YMax{number}"]]),
        )
    except ValueError:
        return None


def _is_set(row: list[str], columns: Mapping[str, int], name: str) -> bool:
    place = columns.get(name)
    return place is not None and row[place].strip() in ("1", "True", "true")
