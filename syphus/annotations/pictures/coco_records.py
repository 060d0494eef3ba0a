"""The records of COCO files, as far as scenes need them (https://cocodataset.org/#format-data)."""

from typing import Any, Literal

import msgspec

from syphus.annotations.json_shapes import Shape

Kind = Literal["captions", "instances", "keypoints"]
Id = int | str
"""COCO's ids are numbers; exports of labelling tools also have texts."""


class ImageRecord(msgspec.Struct, gc=False):
    """An image. ``file_name`` is optional because LVIS v1 has only ``coco_url``; the last two keys are LVIS's own."""

    id: Id
    file_name: str | None = None
    width: int | float | str | None = None
    height: int | float | str | None = None
    license: Id | None = None
    coco_url: str | None = None
    flickr_url: str | None = None
    neg_category_ids: list[Id] | None = None
    not_exhaustive_category_ids: list[Id] | None = None


class CaptionRecord(msgspec.Struct, gc=False):
    """An annotation of a captions file."""

    image_id: Id
    caption: str
    id: Id | None = None
    is_rejected: bool | None = None
    """VizWiz: its makers found it to be spam."""


class ObjectRecord(msgspec.Struct, gc=False):
    """An annotation of an instances or person_keypoints file; ``segmentation`` and ``area`` are passed over."""

    image_id: Id
    category_id: Id
    id: Id | None = None
    bbox: list[float] | None = None
    iscrowd: int | bool | None = 0
    keypoints: list[float] | None = None


class Segment(msgspec.Struct, gc=False):
    """A thing, or stuff such as sky, of a panoptic annotation."""

    category_id: Id
    bbox: list[float] | None = None
    iscrowd: int | bool | None = 0


class PanopticRecord(msgspec.Struct, gc=False):
    """An annotation of a panoptic file: all of an image (https://cocodataset.org/#format-data, section 4)."""

    image_id: Id
    segments_info: list[Segment]


class CategoryRecord(msgspec.Struct, gc=False):
    """A category; the last two keys are LVIS's own."""

    id: Id
    name: str
    keypoints: tuple[str, ...] | None = None
    synonyms: tuple[str, ...] | None = None
    frequency: str | None = None
    isthing: int | bool | None = None
    """In panoptic files: 0 for stuff."""


class LicenseRecord(msgspec.Struct, gc=False):
    """A licence."""

    id: Id
    name: str | None = None
    url: str | None = None


SHAPES: dict[str, Shape[Any]] = {
    "images": Shape(ImageRecord, lenient=True),
    "licenses": Shape(LicenseRecord, lenient=True),
    "categories": Shape(CategoryRecord, lenient=True),
}
ANNOTATIONS: dict[Kind, Shape[Any]] = {
    "captions": Shape(CaptionRecord, lenient=True),
    "instances": Shape(ObjectRecord, lenient=True),
    "keypoints": Shape(ObjectRecord, lenient=True),
}
PANOPTIC = Shape(PanopticRecord, lenient=True)
MARKS: dict[Kind, str] = {"captions": "caption", "keypoints": "keypoints", "instances": "category_id"}
"""The key by which an annotation is known for one of its kind, the most telling first."""


def name_place(key: str, index: int, id_: Id | None) -> str:
    """A record's place: ``annotations[40] (id 1203)``."""
    return f"{key}[{index}]" + (f" (id {id_})" if id_ is not None else "")
