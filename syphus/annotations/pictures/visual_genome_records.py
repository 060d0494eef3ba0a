"""The records of Visual Genome's files, as far as scenes need them.

The keys changed between its releases (1.0, 1.2, 1.4): a picture is called by ``image_id`` or ``id``, a thing by ``object_id``
or ``id``, and its names are ``names``, ``name`` or ``object_names``. All are read.
"""

from typing import Any, Literal

import msgspec

from syphus.annotations.json_shapes import Shape

Id = int | str
Kind = Literal[
    "image_data",
    "objects",
    "attributes",
    "relationships",
    "region_descriptions",
    "scene_graphs",
    "question_answers",
]


class ImageName(msgspec.Struct, gc=False):
    """What a record of any file is about."""

    image_id: Id | None = None
    id: Id | None = None


class Thing(msgspec.Struct, gc=False):
    """An object, in whatever file it stands: the corner and size of its box in pixels, and what it is called."""

    object_id: Id | None = None
    id: Id | None = None
    x: float | None = None
    y: float | None = None
    w: float | None = None
    h: float | None = None
    names: list[str | None] | None = None
    name: str | None = None
    object_names: list[str | None] | None = None
    attributes: list[str | None] | None = None
    merged_object_ids: list[Id] | None = None


class Relationship(msgspec.Struct):
    """``subject predicate object``; in ``scene_graphs.json`` the two are ids."""

    predicate: str = ""
    relationship_id: Id | None = None
    id: Id | None = None
    subject: Thing | None = None
    object: Thing | None = None
    subject_id: Id | None = None
    object_id: Id | None = None


class RegionRecord(msgspec.Struct, gc=False):
    """A phrase about a part of the picture."""

    phrase: str = ""
    region_id: Id | None = None
    id: Id | None = None
    x: float | None = None
    y: float | None = None
    width: float | None = None
    height: float | None = None


class QaRecord(msgspec.Struct, gc=False):
    """A question and its answer."""

    question: str
    answer: str | None = None
    qa_id: Id | None = None
    id: Id | None = None


class ImageRecord(msgspec.Struct, gc=False):
    """A row of ``image_data.json``."""

    image_id: Id | None = None
    id: Id | None = None
    url: str | None = None
    width: int | float | None = None
    height: int | float | None = None
    coco_id: Id | None = None
    flickr_id: Id | None = None


class ObjectsRecord(msgspec.Struct):
    """A row of ``objects.json``."""

    objects: list[Thing]
    image_id: Id | None = None
    id: Id | None = None
    image_url: str | None = None


class AttributesRecord(msgspec.Struct):
    """A row of ``attributes.json``."""

    attributes: list[Thing]
    image_id: Id | None = None
    id: Id | None = None


class RelationshipsRecord(msgspec.Struct):
    """A row of ``relationships.json``."""

    relationships: list[Relationship]
    image_id: Id | None = None
    id: Id | None = None


class RegionsRecord(msgspec.Struct):
    """A row of ``region_descriptions.json``."""

    regions: list[RegionRecord]
    image_id: Id | None = None
    id: Id | None = None


class GraphRecord(msgspec.Struct):
    """A row of ``scene_graphs.json``."""

    objects: list[Thing]
    relationships: list[Relationship] = []
    image_id: Id | None = None
    id: Id | None = None
    image_url: str | None = None


class QuestionsRecord(msgspec.Struct):
    """A row of ``question_answers.json``."""

    qas: list[QaRecord]
    image_id: Id | None = None
    id: Id | None = None


RECORDS: dict[Kind, type[Any]] = {
    "image_data": ImageRecord,
    "objects": ObjectsRecord,
    "attributes": AttributesRecord,
    "relationships": RelationshipsRecord,
    "region_descriptions": RegionsRecord,
    "scene_graphs": GraphRecord,
    "question_answers": QuestionsRecord,
}

LISTS: dict[Kind, dict[str, Shape[Any]]] = {
    "image_data": {},
    "objects": {"objects": Shape(Thing, lenient=True)},
    "attributes": {"attributes": Shape(Thing, lenient=True)},
    "relationships": {"relationships": Shape(Relationship, lenient=True)},
    "region_descriptions": {"regions": Shape(RegionRecord, lenient=True)},
    "scene_graphs": {"objects": Shape(Thing, lenient=True), "relationships": Shape(Relationship, lenient=True)},
    "question_answers": {"qas": Shape(QaRecord, lenient=True)},
}
"""The lists of each record, and what stands in them."""
