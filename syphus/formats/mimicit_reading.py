"""MIMIC-IT's entries, read as dialogues.

Entries that follow one another, show the same pictures and name the entries before them (``rel_ins_ids``) are the turns of
one dialogue; so are those whose ids end in ``round0``, ``round1`` (Scene Navigation) or, of LLaVA's conversations, in ``_0``,
``_1``, where no ids are named at all. All others are dialogues of one turn, which keep the ids they name as ``related``.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from syphus.annotations.json_nested import NamedShape
from syphus.annotations.json_shapes import Broken
from syphus.annotations.reading import Problem
from syphus.annotations.videos.video_files import VideoDocument
from syphus.errors import InputError
from syphus.formats.importing import Aside, ImportOptions, Report
from syphus.formats.keeping import Context, make_dialogue
from syphus.formats.mimicit_images import ImageTable
from syphus.formats.mimicit_yaml import read_plan
from syphus.formats.picture_bytes import keep_picture
from syphus.formats.places import OddError
from syphus.records import Asset, Dialogue
from syphus.references.text import escape_text

_OWN = frozenset({"instruction", "answer", "image_ids", "rel_ins_ids"})
_ROUND = re.compile(r"^(?P<stem>.+?_?round|.*CONV.*_)(?P<number>\d+)$")
_SUFFIX = re.compile(r"^(?P<stem>.+)_(?P<number>\d+)$")
_MOST_TURNS = 1000


class Read(NamedTuple):
    """An entry of the file."""

    id: str
    instruction: str
    answer: str
    images: tuple[str, ...]
    related: tuple[str, ...]
    more: dict[str, Any]


def read(file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:
    """The dialogues of ``X_instructions.json``, with the pictures of ``X.parquet`` where that is beside it; or of a YAML's files.

    Args:
        file: the instructions, or a YAML that names several (:mod:`syphus.formats.mimicit_yaml`).
        options: pictures of the Parquet file are written into ``extract``, else they are data URIs. Without the Parquet file,
            an asset's path is the picture's id.
        report: is told of entries that are kept aside, and of ids that lead nowhere.

    Raises:
        InputError: the file is no such file, one that it names is not there, or the Parquet file is not readable.
    """
    if file.suffix not in (".yaml", ".yml"):
        yield from _read_instructions(file, _find_images(file), options, report)
        return
    for dataset in read_plan(file, options, report):
        chosen = options if options.source else replace(options, source=dataset.name)
        images = ImageTable(dataset.images) if dataset.images else None
        yield from _read_instructions(dataset.instructions, images, chosen, report)


def _read_instructions(
    file: Path, images: ImageTable | None, options: ImportOptions, report: Report
) -> Iterator[Dialogue]:
    told = False
    ids: set[str] = set()
    named: dict[str, str] = {}
    for entries in _join(_read_entries(file, report)):
        if entries[0].images and images is None and not told:
            told = True
            message = "it has no Parquet file of its pictures: they are known by their ids alone"
            report(Problem(file=str(file), place="image_ids", message=message, lost=False))
        for entry in entries:
            ids.add(entry.id)
            for other in entry.related:
                named.setdefault(other, entry.id)
        try:
            yield _make_dialogue(entries, file, options, images, report)
        except (OddError, ValueError) as odd:
            record = msgspec.json.encode({entry.id: [entry.instruction, entry.answer] for entry in entries}).decode()
            report(Aside(file=str(file), place=f"entry {entries[0].id!r}", message=str(odd), record=record))
    for other, entry_id in named.items():
        if other not in ids:
            message = f"names {other!r} in its rel_ins_ids, and there is no such entry"
            report(Problem(file=str(file), place=f"entry {entry_id!r}", message=message, lost=False))


def _find_images(file: Path) -> ImageTable | None:
    stem = file.name.removesuffix(".json").removesuffix("_instructions")
    for name in (f"{stem}.parquet", f"{stem}_images.parquet"):
        if file.with_name(name).is_file():
            return ImageTable(file.with_name(name))
    return None


def _read_entries(file: Path, report: Report) -> Iterator[Read]:
    shape: NamedShape[Any] = NamedShape(dict[str, Any])
    count = 0
    with VideoDocument(file) as document:
        walk = document.walk_videos(shape, "data") if document.find_kind() == "an object" else iter(())
        while True:
            try:
                name, record = next(walk)
            except StopIteration:
                break
            except InputError as error:
                if not count:
                    raise
                message = f"{error.message}; the entries before it are used, and what follows is not read"
                report(Aside(file=str(file), place=error.place, message=message))
                return
            count += 1
            try:
                yield _read_entry(name, record)
            except OddError as odd:
                raw = (
                    record.raw.decode("utf-8", "replace")
                    if isinstance(record, Broken)
                    else msgspec.json.encode(record).decode()
                )
                report(Aside(file=str(file), place=f"entry {name!r}", message=odd.message, record=raw))
        if not count and document.members.get("data") != "an object":
            raise InputError(
                "has no `data` that holds entries", file=file, mend="Name an X_instructions.json of MIMIC-IT."
            )


def _read_entry(name: str, record: Any) -> Read:
    if isinstance(record, Broken):
        raise OddError(record.reason)
    texts = []
    for key in ("instruction", "answer"):
        value = record.get(key)
        if not isinstance(value, str) or not value.strip():
            raise OddError(f"`{key}` is {'empty' if isinstance(value, str) else 'no text'}")
        texts.append(value)
    lists = []
    for key in ("image_ids", "rel_ins_ids"):
        value = record.get(key)
        value = [] if value is None else value
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise OddError(f"`{key}` is no list of ids")
        lists.append(tuple(value))
    more = {key: value for key, value in record.items() if key not in _OWN}
    return Read(name, texts[0], texts[1], lists[0], lists[1], more)


def _join(entries: Iterator[Read]) -> Iterator[list[Read]]:
    """The entries of each dialogue."""
    turns: list[Read] = []
    for entry in entries:
        if turns and len(turns) < _MOST_TURNS and _goes_on(turns, entry):
            turns.append(entry)
            continue
        if turns:
            yield turns
        turns = [entry]
    if turns:
        yield turns


def _goes_on(turns: Sequence[Read], entry: Read) -> bool:
    if entry.images != turns[0].images or turns[0].related:
        return False
    if entry.related:
        earlier = [turn.id for turn in turns]
        # The original sets name all rounds before; a train file's two are the last.
        return list(entry.related) == earlier[len(earlier) - len(entry.related) :]
    last, found = _ROUND.match(turns[-1].id), _ROUND.match(entry.id)
    return bool(last and found and last["stem"] == found["stem"] and int(found["number"]) == int(last["number"]) + 1)


def _make_dialogue(
    entries: list[Read], file: Path, options: ImportOptions, images: ImageTable | None, report: Report
) -> Dialogue:
    first = entries[0]
    identity = _name(entries)

    def mend(message: str) -> None:
        report(Problem(file=str(file), place=f"entry {first.id!r}", message=message, lost=False))

    noted: dict[str, Any] = {"images": list(first.images)} if first.images else {}
    if len(entries) > 1 or identity != first.id:
        noted["ids"] = [entry.id for entry in entries]
    context = Context(format="mimicit", identity=identity, options=options, mend=mend, noted=noted)
    texts = [escape_text(text) for entry in entries for text in (entry.instruction, entry.answer)]
    assets = tuple(
        _make_asset(name, number, options, images, mend) for number, name in enumerate(first.images, start=1)
    )
    more = {key: value for entry in entries for key, value in entry.more.items()}
    related = first.related if len(entries) == 1 else ()
    return make_dialogue(context, more, (), texts=texts, assets=assets, related=related)


def _name(entries: list[Read]) -> str:
    """The common beginning of the entries' ids, where they differ by their numbers alone; else the first id."""
    if len(entries) == 1:
        return entries[0].id
    found = [_SUFFIX.match(entry.id) for entry in entries]
    stems = {match["stem"] if match else "" for match in found}
    return stems.pop() if len(stems) == 1 and stems != {""} else entries[0].id


def _make_asset(
    name: str, number: int, options: ImportOptions, images: ImageTable | None, mend: Callable[[str], None]
) -> Asset:
    identity = "image" if number == 1 else f"image{number}"
    if images is None:
        return Asset(id=identity, path=_as_path(name))
    try:
        kept = keep_picture(images.find(name), name, options.extract)
    except KeyError:
        mend(f"names the picture {name!r}, which the Parquet file does not hold")
    except ValueError as error:
        mend(f"its picture {name!r} cannot be used: {error}")
    else:
        return Asset(id=identity, path=kept.path, url=kept.url)
    return Asset(id=identity, path=_as_path(name))


def _as_path(name: str) -> str:
    return name.lstrip("/\\") or "image"
