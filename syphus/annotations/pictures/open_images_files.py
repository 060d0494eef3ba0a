"""The files of an Open Images folder, read side by side in the order of their image ids.

The published tables are sorted by image id, so that any number of them is joined while they are read, with no more in memory
than the rows of one image. Each is looked through for its order before (a second for some ten million rows a core): one that
is not sorted is held in memory, which is said. The narratives, which are not sorted, are held in memory too, as captions.
"""

import csv
import heapq
import re
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from syphus.annotations.json_shapes import Broken, Shape
from syphus.annotations.labels import clean
from syphus.annotations.picture_files import walk_files
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_text
from syphus.errors import InputError

Kind = Literal["boxes", "labels", "relations", "images", "narratives"]

_ENDINGS: tuple[tuple[Kind, str], ...] = (
    ("boxes", "annotations-bbox"),
    ("labels", "annotations-human-imagelabels"),
    ("relations", "annotations-vrd"),
    ("images", "rotation"),
    ("images", "images-boxable"),
    ("images", "image-info"),
    ("narratives", "localized_narratives"),
)
"""What is in a file's name, and what it is then. ``image-info`` is what people call lists of their own with Width and Height."""
COLUMNS: dict[Kind, tuple[str, ...]] = {
    "boxes": ("ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax"),
    "labels": ("ImageID", "LabelName", "Confidence"),
    "relations": (
        *("ImageID", "LabelName1", "LabelName2", "RelationshipLabel"),
        *(f"{side}{number}" for number in (1, 2) for side in ("XMin", "XMax", "YMin", "YMax")),
    ),
    "images": ("ImageID",),
}
"""What a table of each kind must have."""
_SPLITS = ("train", "validation", "test")
_VAL = re.compile(r"(?<![a-z])val(?![a-z])")
"""V7 calls its verified labels ``oidv7-val-annotations-human-imagelabels.csv``, beside ``validation-annotations-bbox.csv``."""
_OTHER_NAMES = {"RelationLabel": "RelationshipLabel"}
"""The challenges' name for a column."""
_MARK = "\ufeff"


class Table(NamedTuple):
    """A file, what it is, and where its columns are."""

    file: Path
    kind: Kind
    columns: dict[str, int]
    split: str


class Rows(NamedTuple):
    """The rows of one image in one file, each with its line."""

    image: str
    table: Table
    rows: list[tuple[int, list[str]]]


class Folder(NamedTuple):
    """What there is."""

    tables: list[Table]
    names: dict[str, str]
    """Of classes, attributes and relationships, by their ``/m/...``."""
    boxable: frozenset[str]
    """The classes that boxes are drawn for, where the folder says so."""


class _Narrative(msgspec.Struct, gc=False):
    image_id: str | int
    caption: str
    dataset_id: str = ""
    """``open_images_val``, ``mscoco_val2017``, ``Flickr30k_test``, ``ADE20k_validation``."""


_NARRATIVE = Shape(_Narrative, lenient=True)


def find_tables(folder: Path, split: str | None, report: Report) -> Folder:
    """The tables of a folder and the folders below it.

    Raises:
        InputError: where there is none, or one lacks a column or the classes' names.
    """
    if not folder.is_dir():
        raise InputError("is no folder", file=folder, mend="`folder` is the one with the CSV files.")
    tables: list[Table] = []
    names: dict[str, str] = {}
    boxable: set[str] = set()
    for file in walk_files(folder, (".csv", ".jsonl")):
        name = file.stem.lower()
        if "description" in name:
            found = _read_names(file, report)
            names.update(found)
            if "boxable" in name:
                boxable.update(found)
            continue
        kind = next((kind for kind, part in _ENDINGS if part in name), None)
        own = next((one for one in _SPLITS if one in name), "validation" if _VAL.search(name) else "")
        if kind is None or (kind == "narratives") != (file.suffix.lower() == ".jsonl"):
            continue
        if split not in (None, own) and own:
            continue
        tables.append(Table(file, kind, {} if kind == "narratives" else _read_columns(file, kind), own))
    if not any(table.kind != "images" for table in tables):
        raise InputError(
            "has no *-annotations-bbox.csv, *-annotations-human-imagelabels.csv, *-annotations-vrd.csv or "
            "*localized_narratives*.jsonl" + (f" of {split!r}" if split else ""),
            file=folder,
            mend="They come from https://storage.googleapis.com/openimages/web/download_v7.html.",
        )
    if not names and any(table.kind in ("boxes", "labels", "relations") for table in tables):
        raise InputError(
            "has no class-descriptions*.csv", file=folder, mend="Classes are only codes (/m/01g317) without it."
        )
    return Folder(tables, names, frozenset(boxable))


def _read_names(file: Path, report: Report) -> dict[str, str]:
    found: dict[str, str] = {}
    with open_text(file, newline="") as stream:
        for number, row in _walk_csv(stream, file, report):
            code, name = (clean(row[0]).lstrip(_MARK), clean(row[1])) if len(row) >= 2 else ("", "")
            if code and name and code != "LabelName":
                found[code] = name
            elif code != "LabelName":
                report(Problem(file=str(file), place=f"line {number}", message="no code and name; it is left out"))
    return found


def _read_columns(file: Path, kind: Kind) -> dict[str, int]:
    with open_text(file, newline="") as stream:
        header = stream.readline().lstrip(_MARK)
    names = [name.strip().strip('"') for name in header.rstrip("\r\n").split(",")]
    columns = {_OTHER_NAMES.get(name, name): place for place, name in enumerate(names)}
    missing = [name for name in COLUMNS[kind] if name not in columns]
    if missing:
        there = ", ".join(columns)[:200] or "none"
        raise InputError(f"has no column {', '.join(missing)}; its columns: {there}", file=file, place="line 1")
    return columns


def join_tables(tables: list[Table], report: Report) -> Iterator[list[Rows]]:
    """All rows of each image that more than a list of images names, image by image, by their ids."""
    streams = [_walk_sorted(table, report) for table in tables]
    merged = heapq.merge(*streams, key=itemgetter(0))
    for _, found in groupby(merged, key=itemgetter(0)):
        rows = list(found)
        if any(one.table.kind != "images" for one in rows):
            yield rows


def _walk_sorted(table: Table, report: Report) -> Iterator[Rows]:
    if table.kind != "narratives" and _is_sorted(table):
        yield from _walk_groups(table, report)
        return
    held: dict[str, list[tuple[int, list[str]]]] = {}
    if table.kind == "narratives":
        for line, found in _walk_narratives(table.file, report):
            image = str(found.image_id)
            held.setdefault(image, []).append((line, [image, found.caption, found.dataset_id]))
    else:
        message = "its images are not in the order of their ids; all of it is held in memory"
        report(Problem(file=str(table.file), place="line 2", message=message, lost=False))
        for image, _, rows in _walk_groups(table, report):
            held.setdefault(image, []).extend(rows)
    for image in sorted(held):
        yield Rows(image, table, held[image])


def _is_sorted(table: Table) -> bool:
    """Whether image ids never fall.

    The lines' beginnings tell it without taking them apart; where they do not rise, as behind a line break within quotes, the
    rows do.
    """
    if table.columns["ImageID"] != 0:
        return _is_sorted_slowly(table)
    last = ""
    with open_text(table.file, newline="") as stream:
        next(stream, "")
        for line in stream:
            image = line.partition(",")[0]
            if image < last and line.strip():
                return _is_sorted_slowly(table)
            last = image
    return True


def _is_sorted_slowly(table: Table) -> bool:
    last = ""
    for image, _, _ in _walk_groups(table, lambda _: None):
        if image < last:
            return False
        last = image
    return True


def _walk_groups(table: Table, report: Report) -> Iterator[Rows]:
    """The rows of images, as they stand next to each other."""
    place, width = table.columns["ImageID"], len(table.columns)
    image, rows = "", list[tuple[int, list[str]]]()
    with open_text(table.file, newline="") as stream:
        for number, row in _walk_csv(stream, table.file, report):
            if number == 1:
                continue
            if len(row) != width and not (table.kind == "images" and len(row) > place):
                if any(row):
                    message = f"{len(row)} fields, but the header has {width}; the row is left out"
                    report(Problem(file=str(table.file), place=f"line {number}", message=message))
                continue
            name = row[place]
            if not name.strip():
                report(Problem(file=str(table.file), place=f"line {number}", message="no ImageID; the row is left out"))
            elif name == image:
                rows.append((number, row))
            else:
                if rows:
                    yield Rows(image, table, rows)
                image, rows = name, [(number, row)]
    if rows:
        yield Rows(image, table, rows)


def _walk_csv(stream: Iterator[str], file: Path, report: Report) -> Iterator[tuple[int, list[str]]]:
    """The rows with the line each ends on."""
    reader = csv.reader(stream)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            report(Problem(file=str(file), place=f"line {reader.line_num}", message=f"{error}; the row is left out"))
        else:
            yield reader.line_num, row


def _walk_narratives(file: Path, report: Report) -> Iterator[tuple[int, _Narrative]]:
    with open_text(file, torn=True) as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            found = _NARRATIVE.decode_one(line.encode(errors="replace"))
            if isinstance(found, Broken):
                report(Problem(file=str(file), place=f"line {number}", message=f"{found.reason}; it is left out"))
            else:
                yield number, found
