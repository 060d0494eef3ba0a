"""The files of a Visual Genome folder, read side by side and joined by image id.

Each file is read twice. The first reading takes nothing but the image ids, at the speed of the disk: it finds a torn file
before the first scene is made, and shows how often each image stands in each file. The second takes the records. Where the
files have the images in the same order, as the published ones do, no more is held than the record in hand; a record that
comes before its turn waits in memory until then, so that files in another order are joined rightly too, and cost memory.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from syphus.annotations.json_nested import NestedDocument
from syphus.annotations.json_shapes import Broken, Shape
from syphus.annotations.pictures.visual_genome_records import LISTS, RECORDS, Id, ImageName, Kind
from syphus.annotations.reading import Problem, Report
from syphus.errors import InputError


class Row(NamedTuple):
    """A record of one file."""

    file: str
    place: str
    record: Any


class Joined(NamedTuple):
    """All that the files have of one image."""

    image_id: Id
    rows: dict[Kind, list[Row]]


def join_files(files: dict[Kind, Path], report: Report) -> Iterator[Joined]:
    """The images, in the order of the first file, then those that only later ones have.

    Raises:
        InputError: with the first image, where a file is no such file or is torn.
    """
    streams = {kind: _Stream(file, kind, report) for kind, file in files.items()}
    images: dict[Id, None] = {}
    for stream in streams.values():
        images.update(dict.fromkeys(stream.counts))
    for image in images:
        yield Joined(image, {kind: stream.take(image) for kind, stream in streams.items()})
    for stream in streams.values():
        stream.finish()


class _Stream:
    def __init__(self, file: Path, kind: Kind, report: Report) -> None:
        self._file = file
        self._kind: Kind = kind
        self._report = report
        self.counts: dict[Id, int] = {}
        """How many records each image has that were not taken yet."""
        self._waiting: dict[Id, list[Row]] = {}
        self._count_images()
        self._rows = self._read_rows()

    def take(self, image: Id) -> list[Row]:
        """All records of the image."""
        wanted, found = self.counts.pop(image, 0), self._waiting.pop(image, [])
        while len(found) < wanted:
            name, row = next(self._rows, (None, None))
            if row is None or name is None:
                break  # the file is not what it was a moment ago
            if name == image:
                found.append(row)
            else:
                self._waiting.setdefault(name, []).append(row)
        return found

    def finish(self) -> None:
        """Reads what is left: records of no image, which are reported."""
        for _ in self._rows:
            pass

    def _count_images(self) -> None:
        counts = self.counts
        with NestedDocument(self._file) as document:
            kind = document.find_kind()
            if kind != "a list":
                raise self._refuse(f"is {kind}" if kind != "nothing" else "is empty")
            count = 0
            for batch in document.walk_array(Shape(ImageName, lenient=True)):
                count += len(batch.records)
                for record in batch.records:
                    name = None if isinstance(record, Broken) else _name_of(record)
                    if name is not None:
                        counts[name] = counts.get(name, 0) + 1
            if count and not counts:
                raise self._refuse("no record has an `image_id` or `id`")

    def _refuse(self, message: str) -> InputError:
        mend = f"Visual Genome's {self._kind}.json is a list with a record for each image."
        if message == "is an object":
            mend += ' For GQA\'s scene graphs, an object by image id, use `reader = "gqa_scene_graphs"`;'
            mend += ' for a COCO file `reader = "coco"`.'
        return InputError(message, file=self._file, mend=mend)

    def _read_rows(self) -> Iterator[tuple[Id | None, Row]]:
        file = str(self._file)
        with NestedDocument(self._file) as document:
            for batch in document.walk_array(Shape(RECORDS[self._kind], lenient=True)):
                for index, record in enumerate(batch.records, batch.first):
                    place = f"[{index}]"
                    found = self._save(record, place) if isinstance(record, Broken) else record
                    if found is None:
                        continue
                    name = _name_of(found)
                    if name is None:
                        self._say(place, "the record has no `image_id`; it is left out")
                    else:
                        yield name, Row(file, f"image {name}", found)

    def _save(self, broken: Broken, place: str) -> Any | None:
        """What can be used of a record that breaks its type: its good entries. The others are reported."""
        try:
            members = msgspec.json.decode(broken.raw, type=dict[str, msgspec.Raw])
            name = _name_of(msgspec.json.decode(broken.raw, type=ImageName))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            name = None
        if name is None:
            self._say(place, f"{broken.reason}; the record is left out")
            return None
        place = f"image {name}"
        saved: dict[str, list[Any]] = {}
        for key, shape in LISTS[self._kind].items():
            saved[key] = []
            try:
                raws = msgspec.json.decode(members.get(key, b"[]"), type=list[msgspec.Raw])
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                self._say(place, f"`{key}`: {error}; it is left out")
                continue
            for index, raw in enumerate(raws):
                one = shape.decode_one(bytes(raw))
                if isinstance(one, Broken):
                    self._say(f"{place}, {key}[{index}]", f"{one.reason}; it is left out")
                else:
                    saved[key].append(one)
        if not LISTS[self._kind] or not members.keys() & LISTS[self._kind].keys():
            self._say(place, f"{broken.reason}; nothing but the id is used")
        return RECORDS[self._kind](image_id=name, **saved)

    def _say(self, place: str, message: str) -> None:
        self._report(Problem(file=str(self._file), place=place, message=message))


def _name_of(record: Any) -> Id | None:
    """Numbers beyond 64 bits as text: no JSON writer of ours takes them otherwise."""
    name: Id | None = record.image_id if record.image_id is not None else record.id
    if isinstance(name, int) and abs(name) >= 1 << 63:
        return str(name)
    return name
