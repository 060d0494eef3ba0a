"""The files that describe a ScanNet scan, each read for itself: aggregation, label table, ScanRefer, lists of sentences."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from syphus.annotations.containers.pair_rows import open_rows
from syphus.annotations.foreign import name_form, name_keys
from syphus.annotations.json_shapes import Broken, Shape
from syphus.annotations.json_stream import JsonDocument
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_text
from syphus.decoding import decode_json, read_text
from syphus.errors import InputError


class Group(NamedTuple):
    """An object of a scan."""

    id: int
    label: str


class Sentence(NamedTuple):
    """What somebody wrote about a room, or about one object in it."""

    text: str
    object: int | None = None
    name: str = ""
    """What ScanRefer calls the object."""
    number: str = ""
    """ScanRefer's ``ann_id``."""


class _Aggregation(msgspec.Struct):
    segGroups: list[msgspec.Raw]  # noqa: N815 (the file's own name)


class _SegGroup(msgspec.Struct, gc=False):
    objectId: int  # noqa: N815
    label: str


class _Reference(msgspec.Struct, gc=False):
    scene_id: str
    description: str
    object_id: int | str | None = None
    object_name: str = ""
    ann_id: int | str = ""


_group: Shape[_SegGroup] = Shape(_SegGroup, lenient=True)
_references: Shape[_Reference] = Shape(_Reference, lenient=True)
_sentences: Shape[list[Any]] = Shape(list[Any])


def read_groups(file: Path, report: Report) -> tuple[Group, ...]:
    """The objects of an aggregation file, in its order.

    Raises:
        InputError: where it is no aggregation.
    """
    groups: dict[int, Group] = {}
    for index, raw in enumerate(decode_json(read_text(file), _Aggregation, file=file).segGroups):
        record, place = _group.decode_one(bytes(raw)), f"segGroups[{index}]"
        label = "" if isinstance(record, Broken) else " ".join(record.label.split())
        if isinstance(record, Broken):
            reason = record.reason
        elif record.objectId < 0:
            reason = f"objectId {record.objectId} is negative"
        elif record.objectId in groups:
            reason = f"objectId {record.objectId} is given twice"
        elif not label:
            reason = "its label is empty"
        else:
            groups[record.objectId] = Group(record.objectId, label)
            continue
        report(Problem(file=str(file), place=place, message=f"{reason}; the object is left out"))
    return tuple(groups.values())


def read_scene_type(file: Path) -> str:
    """``sceneType`` of a scan's ``.txt`` (``key = value`` lines); empty where there is none."""
    for line in read_text(file).splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "sceneType":
            return " ".join(value.split())
    return ""


class LabelTable(NamedTuple):
    """``scannetv2-labels.combined.tsv``: what a raw label is called elsewhere."""

    names: dict[str, str]
    """In the column that is asked for."""
    nyu40: dict[str, str]


def read_labels(file: Path, column: str) -> LabelTable:
    """The label table.

    Raises:
        InputError: where it is no such table, or has no such column.
    """
    with open_text(file, newline="") as stream:
        rows = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        try:
            header = next(rows, [])
            if "raw_category" not in header:
                raise InputError(
                    f"is no ScanNet label table: its first line has no `raw_category`, but {name_keys(header)}",
                    file=file,
                )
            if column not in header:
                raise InputError(f"has no column {column!r}; its columns: {', '.join(header)}", file=file)
            raw, wanted, nyu40 = (
                header.index(one) if one in header else -1 for one in ("raw_category", column, "nyu40class")
            )
            table = LabelTable({}, {})
            for row in rows:
                if len(row) == len(header) and row[raw]:
                    if row[wanted].strip():
                        table.names[row[raw]] = row[wanted].strip()
                    if nyu40 >= 0 and row[nyu40].strip():
                        table.nyu40[row[raw]] = row[nyu40].strip()
        except csv.Error as error:
            raise InputError(f"is no table: {error}", file=file, place=f"line {rows.line_num}") from error
    return table


def read_references(file: Path, report: Report) -> dict[str, list[Sentence]]:
    """ScanRefer's sentences by scan, or those of Nr3D and Sr3D (CSV).

    Raises:
        InputError: where the file is none of theirs, or is torn.
    """
    if file.suffix.lower() == ".csv":
        return _read_table(file, report)
    found: dict[str, list[Sentence]] = {}
    keys: list[str] | None = None
    with JsonDocument(file) as document:
        if (kind := document.find_kind()) != "a list":
            raise InputError("is empty" if kind == "nothing" else f"is {kind}; ScanRefer's files are lists", file=file)
        for batch in document.walk_array(_references):
            for index, record in enumerate(batch.records, batch.first):
                place = f"[{index}]"
                if isinstance(record, Broken):
                    keys = record.find_keys() if keys is None else keys
                    report(Problem(file=str(file), place=place, message=f"{record.reason}; the record is left out"))
                    continue
                _add_reference(record, found, file, place, report)
    if keys is not None and not found:
        what, mend = name_form(keys)
        message = f"is {what}" if what else f"has no record of ScanRefer's; its keys: {name_keys(keys)}"
        raise InputError(message, file=file, mend=mend)
    return found


def _add_reference(
    record: _Reference, found: dict[str, list[Sentence]], file: Path, place: str, report: Report
) -> None:
    text, scan = " ".join(record.description.split()), record.scene_id.strip()
    if not text or not scan:
        message = f"{'scene_id' if text else 'the description'} is empty; the record is left out"
        report(Problem(file=str(file), place=place, message=message))
        return
    name = " ".join(record.object_name.replace("_", " ").split())
    sentence = Sentence(text, _read_id(record.object_id), name, str(record.ann_id))
    found.setdefault(scan, []).append(sentence)


_COLUMNS = ("scan_id", "target_id", "instance_type", "utterance")


def _read_table(file: Path, report: Report) -> dict[str, list[Sentence]]:
    """Nr3D's and Sr3D's (https://referit3d.github.io): ``scan_id,target_id,instance_type,utterance`` among other columns."""
    rows = open_rows(file, report, encoding=None, delimiter=",")
    missing = [name for name in _COLUMNS if name not in rows.columns]
    if missing:
        message = f"has no column {', '.join(missing)}; its columns: {name_keys(rows.columns)}"
        raise InputError(message, file=file, mend="Nr3D's and Sr3D's tables have them; ScanRefer's files are JSON.")
    found: dict[str, list[Sentence]] = {}
    for row in rows.rows:
        scan, target, name, text = (str(row.values[column]).strip() for column in _COLUMNS)
        number = str(row.values.get("assignmentid", "")).strip()
        record = _Reference(scene_id=scan, description=text, object_id=target, object_name=name, ann_id=number)
        _add_reference(record, found, file, row.place, report)
    return found


def _read_id(value: int | str | None) -> int | None:
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else None
    return value if value is not None and value >= 0 else None


def read_sentences(file: Path, report: Report) -> dict[str, list[Sentence]]:
    """The sentences of ``{scan: {description: [[?, text], ...]}}`` by scan.

    Raises:
        InputError: where the file is no such object.
    """
    scans = decode_json(read_text(file), dict[str, msgspec.Raw], file=file)
    found: dict[str, list[Sentence]] = {}
    for scan, raw in scans.items():
        try:
            entries = msgspec.json.decode(raw, type=_Described).description
        except (msgspec.MsgspecError, RecursionError) as error:
            report(Problem(file=str(file), place=scan[:60], message=f"{error}; the scan is left out"))
            continue
        found[scan.strip()] = list(_read_entries(file, scan, entries, report))
    if scans and not found:
        what, mend = name_form(scans)
        message = f"is {what}" if what else f"has no scan with a `description`; its keys: {name_keys(scans)}"
        raise InputError(message, file=file, mend=mend)
    return found


class _Described(msgspec.Struct):
    description: list[msgspec.Raw]


def _read_entries(file: Path, scan: str, entries: list[msgspec.Raw], report: Report) -> Iterator[Sentence]:
    for index, raw in enumerate(entries):
        entry = _sentences.decode_one(bytes(raw))
        text = entry[1] if isinstance(entry, list) and len(entry) > 1 and isinstance(entry[1], str) else ""
        if plain := " ".join(text.split()):
            head = entry[0]
            yield Sentence(
                plain, _read_id(head) if isinstance(head, int | str) and not isinstance(head, bool) else None
            )
        else:
            message = "is no pair of something and a sentence; it is left out"
            report(Problem(file=str(file), place=f"{scan[:60]}.description[{index}]", message=message))
