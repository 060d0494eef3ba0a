"""The files of the VGG Image Annotator (https://www.robots.ox.ac.uk/~vgg/software/via/), versions 1 and 2, JSON or CSV.

They come from a browser that held them whole, and are held whole here.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from syphus.annotations.containers.pair_rows import Row, open_rows
from syphus.annotations.foreign import name_form
from syphus.annotations.json_shapes import Broken, Shape
from syphus.annotations.reading import Problem, Report
from syphus.decoding import read_text
from syphus.errors import InputError

_MANY = Shape(dict[str, msgspec.Raw])


class RegionRecord(msgspec.Struct, gc=False):
    """A region: its shape, and what was said of it."""

    shape_attributes: dict[str, Any]
    region_attributes: dict[str, Any] = {}


class FileRecord(msgspec.Struct):
    """A picture with its regions: a list (version 2) or an object by number (version 1)."""

    filename: str
    regions: list[msgspec.Raw] | dict[str, msgspec.Raw] = []
    file_attributes: dict[str, Any] = {}


class Choice(msgspec.Struct):
    """An attribute's choices, and the words for each: ``{"bird": "a bird"}``."""

    options: dict[str, Any] = {}


class Picture(msgspec.Struct):
    """What a file has of one picture."""

    place: str
    filename: str
    regions: list[tuple[str, RegionRecord]]
    """Each with its place."""
    file_attributes: dict[str, Any]


class Project(msgspec.Struct):
    """All of a file."""

    pictures: list[Picture]
    choices: dict[str, dict[str, str]]
    """Of the regions' attributes, in a project file."""


_FILE = Shape(FileRecord)
_REGION = Shape(RegionRecord)
_WANTED = "It is what VIA 1 or 2 saves as a project, or exports as annotations, in JSON or CSV."


def read_project(file: Path, report: Report) -> Project:
    """The pictures of a file. Broken records and regions are reported.

    Raises:
        InputError: where the file is none of VIA's.
    """
    text = read_text(file)
    if not text.strip():
        raise InputError("is empty", file=file)
    if text.lstrip().startswith("{"):
        return _read_json(file, text, report)
    if file.suffix.lower() == ".json" or text.lstrip().startswith("["):
        mend = 'A COCO export is for `reader = "coco"`.' if text.lstrip().startswith("[") else _WANTED
        raise InputError(f"is no VIA file: it begins with {text.strip()[:20]!r}", file=file, mend=mend)
    return _read_csv(file, report)


def _read_json(file: Path, text: str, report: Report) -> Project:
    top = _MANY.decode_one(text.encode(errors="replace"))
    if isinstance(top, Broken):
        raise InputError(
            top.reason if "JSON" in top.reason else f"is no VIA file: {top.reason}", file=file, mend=_WANTED
        )
    choices: dict[str, dict[str, str]] = {}
    what, mend = name_form(top)
    if what:
        raise InputError(f"is {what}", file=file, mend=mend)
    if {"project", "view", "metadata"} <= top.keys():
        raise InputError("is a project of VIA 3", file=file, mend="Export it from there as VIA 2 or COCO.")
    records = top
    if "_via_img_metadata" in top:
        found = _MANY.decode_one(bytes(top["_via_img_metadata"]))
        if isinstance(found, Broken):
            raise InputError(found.reason, file=file, place="_via_img_metadata", mend=_WANTED)
        records = found
        choices = _read_choices(bytes(top.get("_via_attributes", b"{}")))
    problems: list[Problem] = []
    pictures = [
        picture for key, raw in records.items() if (picture := _read_record(file, key, bytes(raw), problems.append))
    ]
    if records and not pictures:
        raise InputError(f"is no VIA file: {problems[0].message}", file=file, place=problems[0].place, mend=_WANTED)
    for problem in problems:
        report(problem)
    return Project(pictures, choices)


def _read_choices(raw: bytes) -> dict[str, dict[str, str]]:
    try:
        found = msgspec.json.decode(raw, type=dict[str, dict[str, Choice]])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}  # words for choices are a convenience: the choices themselves stay
    return {
        name: {key: words for key, words in choice.options.items() if isinstance(words, str) and words.strip()}
        for name, choice in found.get("region", {}).items()
    }


def _read_record(file: Path, key: str, raw: bytes, report: Report) -> Picture | None:
    record = _FILE.decode_one(raw)
    if isinstance(record, Broken):
        report(Problem(file=str(file), place=key[:80], message=f"{record.reason}; the picture is left out"))
        return None
    entries = record.regions.items() if isinstance(record.regions, dict) else enumerate(record.regions)
    regions = []
    for number, one in entries:
        place = f"{record.filename[:80]}, region {number}"
        region = _REGION.decode_one(bytes(one))
        if isinstance(region, Broken):
            report(Problem(file=str(file), place=place, message=f"{region.reason}; it is left out"))
        else:
            regions.append((place, region))
    return Picture(record.filename[:80], record.filename, regions, record.file_attributes)


# --- CSV ---


def _read_csv(file: Path, report: Report) -> Project:
    rows = open_rows(file, report, encoding=None, delimiter=",")
    columns = {column.lstrip("#"): column for column in rows.columns}  # VIA 1 begins its header with #
    wanted = ("filename", "region_shape_attributes", "region_attributes")
    missing = [name for name in wanted if name not in columns]
    if missing:
        there = ", ".join(rows.columns[:12])
        raise InputError(f"has no column {' and no '.join(missing)}; its columns: {there}", file=file, mend=_WANTED)
    pictures: dict[str, Picture] = {}
    for row in rows.rows:
        _add_row(row, columns, pictures, file, report)
    return Project(list(pictures.values()), {})


def _add_row(row: Row, columns: dict[str, str], pictures: dict[str, Picture], file: Path, report: Report) -> None:
    name = row.values[columns["filename"]]
    if not isinstance(name, str) or not name.strip():
        report(Problem(file=str(file), place=row.place, message="the row has no filename; it is left out"))
        return
    found: dict[str, dict[str, Any]] = {}
    for key in ("file_attributes", "region_shape_attributes", "region_attributes"):
        try:
            found[key] = _read_cell(row.values.get(columns.get(key, ""), "{}"))
        except ValueError as error:
            report(Problem(file=str(file), place=row.place, message=f"`{key}`: {error}; the row is left out"))
            return
    picture = pictures.setdefault(name, Picture(row.place, name, [], {}))
    picture.file_attributes = {**found["file_attributes"], **picture.file_attributes}
    if found["region_shape_attributes"]:  # a picture without regions has one row, with empty shape
        region = RegionRecord(found["region_shape_attributes"], found["region_attributes"])
        picture.regions.append((row.place, region))


def _read_cell(cell: Any) -> dict[str, Any]:
    """The JSON object in a cell. Raises ``ValueError`` where it is none."""
    try:
        value: dict[str, Any] = msgspec.json.decode(str(cell).strip() or "{}", type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ValueError(f"is no JSON object: {error}") from error
    return value


def walk_texts(value: Any) -> Iterator[str]:
    """What an attribute says: a text or a number, or of boxes to tick those that are ticked."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (str(key) for key, ticked in value.items() if ticked is True or ticked == "true")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield f"{value:g}" if abs(value) < 1e15 else ""
