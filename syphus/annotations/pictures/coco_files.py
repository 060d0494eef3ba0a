"""The files of a COCO annotation set, each read once into compact columns (https://cocodataset.org/#format-data).

Polygons and masks are passed over. What stays of an object is about 200 bytes, so that the 860,001 instances of train2017
fit beside its captions and keypoints well below 1 GB (``benchmarks/coco_reader.py``).
"""

import math
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from syphus.annotations.json_shapes import Batch, Broken
from syphus.annotations.json_stream import JsonDocument
from syphus.annotations.labels import clean_identifier
from syphus.annotations.pictures.coco_records import (
    ANNOTATIONS,
    MARKS,
    PANOPTIC,
    SHAPES,
    CaptionRecord,
    CategoryRecord,
    Id,
    ImageRecord,
    Kind,
    LicenseRecord,
    ObjectRecord,
    PanopticRecord,
    name_place,
)
from syphus.annotations.reading import Problem, Report
from syphus.errors import InputError


class Picture(msgspec.Struct, gc=False):
    """What the files say of an image."""

    id: Id
    file: str
    """The first annotation file that has it."""
    place: str
    file_name: str | None = None
    width: int | None = None
    height: int | None = None
    license: str | None = None
    coco_url: str | None = None
    flickr_url: str | None = None
    absent: tuple[Id, ...] = ()
    """LVIS: categories of which a person has seen that none is there."""
    not_exhaustive: tuple[Id, ...] = ()
    """LVIS: categories of which there are more than are annotated."""


class Category(msgspec.Struct, frozen=True):
    """A kind of object."""

    name: str
    keypoints: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()
    frequency: str | None = None


class Objects:
    """Objects in columns, a row each."""

    def __init__(self) -> None:
        self.ids: list[Id | None] = []
        self.categories: list[Category | None] = []
        """None where the file has no such category, which is reported already."""
        self.boxes = array("d")
        """Four a row: x, y, width, height; all NaN where there is no box."""
        self.crowds = bytearray()
        self.keypoints: dict[int, array[float]] = {}
        """Of the rows that have any: x, y, v of each."""
        self._places = array("q")
        self._files: list[tuple[int, str]] = []

    def start_file(self, file: Path) -> None:
        """The rows that are added from here on come from ``file``."""
        self._files.append((len(self.ids), str(file)))

    def add(self, place: int, record: ObjectRecord) -> int:
        """The new row of the record. Its category is set at the end of the file, where the categories often stand."""
        row = len(self.ids)
        self.ids.append(record.id)
        self.boxes.extend(record.bbox or _NO_BOX)
        self.crowds.append(bool(record.iscrowd))
        self._places.append(place)
        self.add_keypoints(row, record.keypoints)
        return row

    def add_keypoints(self, row: int, keypoints: Sequence[float] | None) -> None:
        """Joins keypoints to a row. Where all are unannotated (v = 0) there is nothing to keep."""
        if keypoints and any(keypoints[2::3]):
            self.keypoints[row] = array("d", keypoints)

    def find_place(self, row: int) -> tuple[str, str]:
        """The file a row comes from and its place there."""
        file = next(file for start, file in reversed(self._files) if row >= start)
        return file, name_place("annotations", self._places[row], self.ids[row])


_ENOUGH = 100
"""Broken annotations, and no good one, after which a file is suspected to be of another kind."""

_NO_BOX = (math.nan,) * 4
_STUFF = re.compile(r"(?:-other)?-(?:merged|stuff)$")
"""What panoptic files put behind the names of classes that were put together: ``sky-other-merged``."""


def _respell(id_: Id) -> Id:
    """The number as text, or the text as number: tools that export do not always agree with themselves."""
    if isinstance(id_, int):
        return str(id_)
    return int(id_) if id_.isascii() and id_.isdecimal() and len(id_) < 19 else id_


def _as_number(given: float | str | None) -> float | None:
    """A size that may be written as text; NaN, which is no size, where it is none."""
    if not isinstance(given, str):
        return given
    try:
        return float(given)
    except ValueError:
        return math.nan


class AnnotationSet:
    """The files of a set, joined by image id. Instances are read before keypoints, whose persons are joined to them."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.pictures: dict[Id, Picture] = {}
        """In the order of the first file, then those that only others have."""
        self.captions: dict[Id, list[str]] = {}
        self.categories: dict[Id, Category] = {}
        """Those of the file that was read last."""
        self.objects = Objects()
        self.rows: dict[Id, list[int]] = {}
        """The objects of each image."""
        self.joined: dict[Id, int] = {}
        """The row of each annotation id of the instances; empty once all is read."""
        self._files: list[str] = []

    def read_file(self, file: Path, kind: Kind) -> None:
        """Adds a file.

        Raises:
            InputError: for a file that is no COCO file, or one of another kind.
        """
        self._files.append(str(file))
        with JsonDocument(file) as document:
            _FileReading(self, file, kind).read(document)

    def finish(self) -> None:
        """Reports the annotations of unknown images, and drops what only joining needs."""
        self.joined = {}
        for what, by_image in (("captions", self.captions), ("objects", self.rows)):
            for image in [image for image in by_image if image not in self.pictures]:
                if (other := _respell(image)) in self.pictures:
                    by_image.setdefault(other, []).extend(by_image.pop(image))  # type: ignore[arg-type]
            lost = [image for image in by_image if image not in self.pictures]
            if not lost:
                continue
            count = sum(len(by_image[image]) for image in lost)
            some = ", ".join(map(str, lost[:5])) + (" ..." if len(lost) > 5 else "")
            message = f"{what} of images that no file lists: {count}; of {len(lost)} images, by their ids {some}"
            self.report(Problem(file=" + ".join(self._files), place="annotations", message=message))


class _FileReading:
    """The reading of one file."""

    def __init__(self, target: AnnotationSet, file: Path, kind: Kind) -> None:
        self._set = target
        self._file = file
        self._kind: Kind = kind
        self._images: set[Id] = set()
        self._annotations: dict[Id, int] = {}
        self._categories: dict[Id, Category] = {}
        self._licenses: dict[Id, str | None] = {}
        self._licensed: list[tuple[Picture, Id]] = []
        self._category_ids: list[Id] = []
        self._good = self._broken = 0
        self._broken_keys: list[str] = []
        self._marked = False
        self._first_row = len(target.objects.ids)
        # msgspec makes a new int for every record; the few category ids are shared instead
        self._shared: dict[Id, Id] = {}

    def read(self, document: JsonDocument) -> None:
        kind = document.find_kind()
        if kind != "an object":
            raise self._refuse(f"is {kind}" if kind != "nothing" else "is empty")
        self._set.objects.start_file(self._file)
        add: dict[str, Callable[[int, Any], None]] = {
            "images": self._add_image,
            "licenses": self._add_license,
            "categories": self._add_category,
            "annotations": self._add_caption if self._kind == "captions" else self._add_object,
        }
        shapes = {**SHAPES, "annotations": ANNOTATIONS[self._kind]}
        for batch in document.walk_members(shapes, optional=("licenses",)):
            add_one = add[batch.key]
            for index, record in self._sort_out(batch):
                add_one(index, record)
            if self._broken > _ENOUGH and not self._good:
                self._check_kind()
        missing = [key for key in ("images", "annotations") if key not in document.members]
        if missing:
            keys = ", ".join(list(document.members)[:12]) or "none"
            raise self._refuse(f"has no `{'` and no `'.join(missing)}`; its keys: {keys}")
        self._check_kind()
        self._set_categories()
        self._set.categories = self._categories
        for picture, license_id in self._licensed:
            picture.license = self._licenses.get(license_id)
        if self._kind == "instances":
            self._set.joined = self._annotations

    def _refuse(self, message: str) -> InputError:
        return InputError(
            f"{message}: this is no COCO {self._kind} file",
            file=self._file,
            mend="Such a file is one JSON object with `images` and `annotations` (https://cocodataset.org/#format-data).",
        )

    def _check_kind(self) -> None:
        """Refuses a file of another kind, in which every single annotation would be broken."""
        mark = MARKS[self._kind]
        if self._kind == "keypoints" and self._good and not self._marked:
            keys: list[str] = ["category_id"]
        elif self._broken and not self._good and mark not in self._broken_keys:
            keys = self._broken_keys
        else:
            return
        found = next((kind for kind, other in MARKS.items() if other in keys), None)
        if found:
            raise InputError(
                f"its annotations have no `{mark}`: this is no {self._kind} file",
                file=self._file,
                place="annotations[0]",
                mend=f"They have `{MARKS[found]}`: give it as `{found}`.",
            )

    def _sort_out(self, batch: Batch) -> Iterator[tuple[int, Any]]:
        """The good records; the broken ones are reported."""
        is_annotation = batch.key == "annotations"
        for index, record in enumerate(batch.records, batch.first):
            if isinstance(record, Broken) and is_annotation and self._kind == "instances":
                record = PANOPTIC.decode_one(record.raw) if b"segments_info" in record.raw else record  # noqa: PLW2901
            if isinstance(record, Broken):
                if is_annotation:
                    self._broken += 1
                    self._broken_keys = self._broken_keys or record.find_keys()
                self._report(batch.key, index, record.find_id(), record.reason)
            else:
                self._good += is_annotation
                yield index, record

    def _report(self, key: str, index: int, id_: Id | None, message: str, *, lost: bool = True) -> None:
        problem = Problem(file=str(self._file), place=name_place(key, index, id_), message=message, lost=lost)
        self._set.report(problem)

    def _add_image(self, index: int, record: ImageRecord) -> None:
        if record.id in self._images:
            self._report("images", index, record.id, "the image id is given twice; the first is used")
            return
        self._images.add(record.id)
        sizes = {"width": _as_number(record.width), "height": _as_number(record.height)}
        for side, size in sizes.items():
            if size is not None and not (0 < size < 1 << 31 and size == int(size)):
                given = getattr(record, side)
                self._report("images", index, record.id, f"{side} {given} is no number of pixels; it is left out")
                sizes[side] = None
        new = Picture(
            id=record.id,
            file=str(self._file),
            place=name_place("images", index, record.id),
            file_name=record.file_name or None,
            width=int(sizes["width"]) if sizes["width"] else None,
            height=int(sizes["height"]) if sizes["height"] else None,
            coco_url=record.coco_url or None,
            flickr_url=record.flickr_url or None,
            absent=tuple(record.neg_category_ids or ()),
            not_exhaustive=tuple(record.not_exhaustive_category_ids or ()),
        )
        old = self._set.pictures.setdefault(record.id, new)
        if record.license is not None and old.license is None:
            self._licensed.append((old, record.license))
        if old is not new:
            self._complete(old, new, index)

    def _complete(self, old: Picture, new: Picture, index: int) -> None:
        """Fills what an earlier file left open; where the two differ the earlier is believed."""
        for name in ("file_name", "width", "height"):
            before, after = getattr(old, name), getattr(new, name)
            if None not in (before, after) and before != after:
                message = f"{name} is {after} here and {before} in {old.file}; {before} is used"
                self._report("images", index, new.id, message, lost=False)
        # width and height are one measure: half of each would be neither
        if old.width is None or old.height is None:
            old.width, old.height = new.width or old.width, new.height or old.height
        for name in ("file_name", "coco_url", "flickr_url"):
            if getattr(old, name) is None:
                setattr(old, name, getattr(new, name))

    def _add_license(self, index: int, record: LicenseRecord) -> None:  # noqa: ARG002
        name, url = (record.name or "").strip(), (record.url or "").strip()
        self._licenses[record.id] = f"{name} ({url})" if name and url else name or url or None

    def _add_category(self, index: int, record: CategoryRecord) -> None:
        name = clean_identifier(record.name)
        if record.isthing is not None:
            name = _STUFF.sub("", name)
        if not name:
            self._report("categories", index, record.id, "the category has no name")
        elif record.id in self._categories:
            self._report("categories", index, record.id, "the category id is given twice; the first is used")
        else:
            self._categories[record.id] = Category(
                name, record.keypoints or (), record.synonyms or (), record.frequency
            )

    def _is_new(self, index: int, id_: Id | None, row: int) -> bool:
        if id_ is None:
            return True
        if self._annotations.setdefault(id_, row) != row:
            self._report("annotations", index, id_, "the annotation id is given twice; the first is used")
            return False
        return True

    def _add_caption(self, index: int, record: CaptionRecord) -> None:
        text = " ".join(record.caption.split())
        if record.is_rejected:
            self._report("annotations", index, record.id, "the caption is marked as rejected; it is left out")
        elif not text:
            self._report("annotations", index, record.id, "the caption is empty")
        elif self._is_new(index, record.id, index):
            self._set.captions.setdefault(record.image_id, []).append(text)

    def _add_object(self, index: int, record: ObjectRecord | PanopticRecord) -> None:
        if isinstance(record, PanopticRecord):
            for segment in record.segments_info:
                # a segment's id is its colour in the mask, and stands for other things in other images
                one = ObjectRecord(record.image_id, segment.category_id, None, segment.bbox, segment.iscrowd)
                self._add_object(index, one)
            return
        objects = self._set.objects
        self._marked |= record.keypoints is not None
        row = len(objects.ids)
        if not self._is_new(index, record.id, row):
            return
        if record.bbox and len(record.bbox) != 4:
            message = f"bbox has {len(record.bbox)} numbers, not 4 (x, y, width, height); the object is left out"
            self._report("annotations", index, record.id, message)
            return
        rows = self._set.rows.setdefault(record.image_id, [])
        twin = self._set.joined.get(record.id) if record.id is not None else None
        # sets that number each file by itself have equal ids on different images
        if twin is not None and twin in rows:
            objects.add_keypoints(twin, record.keypoints)
            return
        if not record.bbox:
            self._report("annotations", index, record.id, "there is no bbox; the object is used without a box")
        rows.append(objects.add(index, record))
        self._category_ids.append(self._shared.setdefault(record.category_id, record.category_id))

    def _set_categories(self) -> None:
        objects = self._set.objects
        for row, id_ in enumerate(self._category_ids, self._first_row):
            category = self._categories.get(id_) or self._categories.get(_respell(id_))
            objects.categories.append(category)
            if category is None:
                file, place = objects.find_place(row)
                message = f"category_id {id_} is not among the categories; the object is left out"
                self._set.report(Problem(file=file, place=place, message=message))
