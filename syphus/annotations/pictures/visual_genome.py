"""Reader of Visual Genome: objects, attributes, relationships, regions and questions of a picture, joined by image id.

Krishna et al., "Visual Genome", IJCV 2017 (https://arxiv.org/abs/1602.07332); files and their keys as in
https://homes.cs.washington.edu/~ranjay/visualgenome/api.html, releases 1.0 to 1.4. A folder may hold any of ``objects``,
``attributes``, ``relationships``, ``region_descriptions``, ``question_answers``, ``image_data`` (``.json``, or with the
release behind the name, ``objects_v1_2.json``). ``scene_graphs.json`` says the same as the first three, and is read where none
of these is there.

Quirks: sizes stand in ``image_data.json`` alone, and without it in the pictures; boxes leave the frame or have no area;
predicates are in capitals; the same box and name, and the same relationship, stand there many times; relationships name objects
that ``objects.json`` has under another id (``merged_object_ids``) or not at all.

Left knowingly: synsets (an object's names are what people wrote), ``coco_id`` and ``flickr_id`` go to the metadata,
``a_objects`` and ``q_objects`` of questions, ``region_graphs.json`` (the same things again, region by region), alias lists.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from msgspec import Struct

from syphus.annotations.labels import clean
from syphus.annotations.mending import mend_box
from syphus.annotations.naming import Names, is_address, make_relative
from syphus.annotations.picture_files import as_pixels, measure_picture
from syphus.annotations.pictures.visual_genome_join import Joined, Row, join_files
from syphus.annotations.pictures.visual_genome_records import Kind, Thing
from syphus.annotations.pictures.visual_genome_things import Things
from syphus.annotations.reading import Problem, Report
from syphus.errors import InputError
from syphus.records import Asset, Question, Region, Scene

_GRAPHS: tuple[Kind, ...] = ("objects", "attributes", "relationships")
_FOLDERS = ("VG_100K", "VG_100K_2")


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the files are."""

    folder: Path
    images: Path | None = None
    """The picture folder: with ``VG_100K`` and ``VG_100K_2`` in it, or with all the pictures."""


def find_files(folder: Path) -> dict[Kind, Path]:
    """The files of a folder, ``image_data`` first.

    Raises:
        InputError: where there is none, or two of one kind.
    """
    found: dict[Kind, Path] = {}
    try:
        names = sorted(file.name for file in folder.iterdir())
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=folder, mend="`folder` is one of files.") from error
    for kind in get_args(Kind):
        files = [name for name in names if re.fullmatch(rf"{kind}(_v\d+(_\d+)*)?\.json", name)]
        if len(files) > 1:
            raise InputError(f"has {' and '.join(files)}", file=folder, mend="Leave one release in the folder.")
        if files:
            found[kind] = folder / files[0]
    if "scene_graphs" in found and any(kind in found for kind in _GRAPHS):
        del found["scene_graphs"]
    if not found.keys() - {"image_data"}:
        kinds = ", ".join(f"{kind}.json" for kind in get_args(Kind) if kind != "image_data")
        raise InputError(f"has none of {kinds}", file=folder, mend="`folder` is the one with Visual Genome's files.")
    return found


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one an image, in the order of ``image_data.json`` (or of the first file that there is).

    A scene's id is the image id. Objects are ``o1``, ``o2`` ... and regions ``r1``, ``r2`` ... in the order of the files.

    Args:
        options: where the files are.
        report: receives what could not be used, and exact repeats (which are not lost).

    Raises:
        InputError: at once where there are no such files; with the first scene where a file is torn or of another kind.
    """
    return _read_scenes(find_files(options.folder), options.images, report)


def _read_scenes(files: dict[Kind, Path], images: Path | None, report: Report) -> Iterator[Scene]:
    names = Names()
    in_folders = images is None or any((images / folder).is_dir() for folder in _FOLDERS)
    for joined in join_files(files, report):
        yield _PictureReading(joined, images, report, in_folders=in_folders).make_scene(names)


class _PictureReading:
    """What one image's records become."""

    def __init__(self, joined: Joined, images: Path | None, report: Report, *, in_folders: bool) -> None:
        self._id = joined.image_id
        self._rows = joined.rows
        self._images = images
        self._report = report
        self._in_folders = in_folders
        self._file = next((row.file for rows in joined.rows.values() for row in rows), "")

    def make_scene(self, names: Names) -> Scene:
        asset = self._make_asset()
        things = Things(self._say, width=asset.width, height=asset.height)
        self._add_objects(things)
        objects, relations, others = things.finish()
        regions, metadata = self._make_regions(asset)
        for row in self._rows.get("image_data", ()):
            for key in ("coco_id", "flickr_id"):
                value = getattr(row.record, key)
                if value is not None:
                    metadata[key] = value if isinstance(value, str) or abs(value) < 1 << 63 else str(value)
        if others:
            metadata["other_names"] = others
        return Scene(
            id=names.give(str(self._id)),
            assets=(asset,),
            objects=objects,
            relations=relations,
            regions=regions,
            questions=tuple(self._make_questions()),
            metadata={"image_id": self._id, **metadata},
        )

    def _say(self, message: str, *, lost: bool = True) -> None:
        self._report(Problem(file=self._file, place=f"image {self._id}", message=message, lost=lost))

    def _walk(self, kind: Kind) -> Iterator[Row]:
        for row in self._rows.get(kind, ()):
            self._file = row.file
            yield row

    def _make_asset(self) -> Asset:
        width = height = url = None
        for number, row in enumerate(self._walk("image_data")):
            record = row.record
            if number:
                self._say("the image id is given twice; the first is used")
                break
            width, height, url = as_pixels(record.width), as_pixels(record.height), record.url
            if width is None or height is None:
                self._say(f"width {record.width} and height {record.height} are no size; they are left out")
                width = height = None
        if url is None:
            rows = (*self._rows.get("objects", ()), *self._rows.get("scene_graphs", ()))
            url = next((row.record.image_url for row in rows if row.record.image_url), None)
        place = f"{self._id}.jpg"
        if url is not None:
            parts = url.split("?")[0].split("/")
            place = "/".join(parts[-2:]) if self._in_folders and parts[-2:-1] and parts[-2] in _FOLDERS else parts[-1]
        try:
            path = make_relative(place, self._images)
        except ValueError as error:
            self._say(f"url: {error}")
            path = None
        if (width is None or height is None) and path is not None and self._images is not None:
            width, height = measure_picture(self._images / path) or (None, None)
        return Asset(path=path, url=url if url and is_address(url) else None, width=width, height=height)

    def _add_objects(self, things: Things) -> None:
        lists: tuple[tuple[Kind, str], ...] = (
            ("objects", "objects"),
            ("scene_graphs", "objects"),
            ("attributes", "attributes"),
        )
        for kind, key in lists:
            for row in self._walk(kind):
                for thing in getattr(row.record, key):
                    _add_thing(things, thing)
                things.report_repeated()
        for row in self._walk("relationships"):
            for relation in row.record.relationships:
                self._relate(things, relation, _add_end(things, relation.subject), _add_end(things, relation.object))
            things.report_repeated()
        for row in self._walk("scene_graphs"):
            for relation in row.record.relationships:
                self._relate(things, relation, things.find(relation.subject_id), things.find(relation.object_id))
            things.report_repeated()

    def _relate(self, things: Things, relation: Any, subject: int | None, other: int | None) -> None:
        id_ = relation.relationship_id if relation.relationship_id is not None else relation.id
        if subject is None or other is None:
            end = "subject" if subject is None else "object"
            self._say(f"relationship {id_}: its {end} is no object that is known; it is left out")
        else:
            things.relate(subject, relation.predicate, other, id_)

    def _make_regions(self, asset: Asset) -> tuple[tuple[Region, ...], dict[str, Any]]:
        made: dict[tuple[str, Any], Region] = {}
        ids: dict[str, Any] = {}
        repeated: list[str] = []
        for row in self._walk("region_descriptions"):
            for record in row.record.regions:
                id_ = record.region_id if record.region_id is not None else record.id
                text = clean(record.phrase)
                if not text:
                    self._say(f"region {id_}: it has no phrase; it is left out")
                    continue
                box = self._make_region_box(id_, record, asset)
                if (text, box) in made:
                    repeated.append(str(id_))
                    continue
                name = f"r{len(made) + 1}"
                made[text, box] = Region(id=name, text=text, box=box)
                if id_ is not None:
                    ids[name] = str(id_)
        if repeated:
            self._say(
                f"regions that stand there already: {len(repeated)}, by their ids {', '.join(repeated)}", lost=False
            )
        return tuple(made.values()), ({"region_ids": ids} if ids else {})

    def _make_region_box(self, id_: Any, record: Any, asset: Asset) -> Any:
        x, y, width, height = record.x, record.y, record.width, record.height
        if None in (x, y, width, height):
            self._say(f"region {id_}: its box lacks a number; it is used without one")
            return None
        mended = mend_box(x, y, x + width, y + height, width=asset.width, height=asset.height)
        if mended.box is None:
            self._say(f"region {id_}: {mended.message}; it is used without a box")
        elif mended.message:
            self._say(f"region {id_}: {mended.message}", lost=False)
        return mended.box

    def _make_questions(self) -> Iterator[Question]:
        for row in self._walk("question_answers"):
            for record in row.record.qas:
                id_ = record.qa_id if record.qa_id is not None else record.id
                question, answer = clean(record.question), clean(record.answer)
                if not question:
                    self._say(f"question {id_}: it is empty; it is left out")
                    continue
                yield Question(
                    question=question,
                    answers=(answer,) if answer else (),
                    source_id=None if id_ is None else str(id_),
                )


def _add_thing(things: Things, thing: Thing) -> int | None:
    names = thing.names or thing.object_names or ([thing.name] if thing.name else [])
    id_ = thing.object_id if thing.object_id is not None else thing.id
    row = things.add(id_, names, (thing.x, thing.y, thing.w, thing.h), thing.merged_object_ids or ())
    if row is not None and thing.attributes:
        things.describe(row, thing.attributes)
    return row


def _add_end(things: Things, thing: Thing | None) -> int | None:
    """The row of a relationship's subject or object, which may also be known by an id that was merged into its own."""
    if thing is None:
        return None
    id_ = thing.object_id if thing.object_id is not None else thing.id
    for one in (id_, *(thing.merged_object_ids or ())):
        row = things.find(one)
        if row is not None:
            return row
    return _add_thing(things, thing)
