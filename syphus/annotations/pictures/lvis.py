"""Reader of LVIS: objects of 1,200 categories on COCO's pictures, and which categories are known not to be there.

Gupta, Dollár and Girshick, "LVIS", CVPR 2019 (https://www.lvisdataset.org/dataset), versions 0.5 and 1. The form is COCO's
(:mod:`syphus.annotations.pictures.coco`), with these differences, all read:

- v0.5 names a picture by ``file_name`` (``COCO_val2014_000000266409.jpg``), v1 by ``coco_url`` alone. Both mean the pictures of
  COCO 2017, and v1's validation set draws from ``train2017`` too: the path is the folder and name that end ``coco_url``.
- A category's name is an identifier (``bow_(weapon)``); its label here is "bow (weapon)".
- ``neg_category_ids``: a person has looked, and none is there; ``not_exhaustive_category_ids``: there are more than were
  annotated. Of all other categories nothing is known: their absence from the list proves nothing.

Left knowingly: segmentation, area, ``def`` (a dictionary's words), synsets, counts of images and instances.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from syphus.annotations.json_shapes import RAW
from syphus.annotations.json_stream import JsonDocument
from syphus.annotations.labels import clean_identifier
from syphus.annotations.pictures.coco import make_metadata, make_scenes
from syphus.annotations.pictures.coco_files import AnnotationSet, Category, Picture
from syphus.annotations.pictures.coco_records import Id
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_bytes
from syphus.errors import InputError
from syphus.records import Scene

_OLD_NAME = "COCO_"
_COCO_NAME_LENGTH = len("000000266409.jpg")


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which file."""

    path: Path
    """``lvis_v1_val.json`` or the like."""
    images: Path | None = None
    """The folder with COCO's ``train2017`` and ``val2017`` in it; or one of these, for the pictures that are there."""


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one an image, in the order of the file, which is read when the first is asked for.

    The metadata has ``absent`` and ``not_exhaustive`` (labels), and of the labels that are there ``synonyms`` and ``frequency``
    (of the category in LVIS: r rare, c common, f frequent).

    Args:
        options: which file.
        report: receives what could not be used, as the COCO reader says it.

    Raises:
        InputError: at once where there is no such file; with the first scene where it is no such file, or a COCO one.
    """
    open_bytes(options.path).close()
    return _read_scenes(options, report)


def _read_scenes(options: Options, report: Report) -> Iterator[Scene]:
    annotations = AnnotationSet(report)
    annotations.read_file(options.path, "instances")
    annotations.finish()
    if not any(category.frequency or category.synonyms for category in annotations.categories.values()):
        with JsonDocument(options.path) as document:
            empty = not any(batch.records for batch in document.walk_members({"categories": RAW}))
        if not empty:
            raise InputError(
                "its categories have neither `synonyms` nor `frequency`: this is no LVIS file",
                file=options.path,
                mend='For a COCO file use `reader = "coco"` and `instances`.',
            )
    labels = {id_: clean_identifier(category.name) for id_, category in annotations.categories.items()}
    renamed: dict[int, Category] = {
        id(category): replace(category, name=labels[id_]) for id_, category in annotations.categories.items()
    }
    others = {labels[id_]: _find_others(labels[id_], category) for id_, category in annotations.categories.items()}
    objects = annotations.objects
    objects.categories = [None if category is None else renamed[id(category)] for category in objects.categories]
    for picture in annotations.pictures.values():
        _place(picture, options, report)

    def describe(picture: Picture) -> dict[str, Any]:
        there = (objects.categories[row] for row in annotations.rows.get(picture.id, ()))
        frequency = {one.name: one.frequency for one in there if one}
        synonyms = {label: others[label] for label in sorted(frequency) if others[label]}
        metadata = _describe(picture, labels, options.path, report)
        if synonyms:
            metadata["synonyms"] = synonyms
        known = {label: frequency[label] for label in sorted(frequency) if frequency[label]}
        if known:
            metadata["frequency"] = known
        return metadata

    yield from make_scenes(annotations, options.images, describe)


def _place(picture: Picture, options: Options, report: Report) -> None:
    """Gives the picture the path that it has among COCO 2017's."""
    if picture.coco_url:
        folder, name = ["", *picture.coco_url.split("/")][-2:]
        if options.images is None or options.images.name not in ("train2017", "val2017", "test2017", "unlabeled2017"):
            picture.file_name = f"{folder}/{name}"
        elif options.images.name == folder:
            picture.file_name = name
        else:
            message = f"the picture is in {folder}, beside the picture folder {options.images.name}; it has no path"
            report(Problem(file=str(options.path), place=picture.place, message=message))
            picture.file_name = picture.coco_url
    elif picture.file_name and picture.file_name.startswith(_OLD_NAME):
        picture.file_name = picture.file_name[-_COCO_NAME_LENGTH:]


def _describe(picture: Picture, labels: dict[Id, str], file: Path, report: Report) -> dict[str, Any]:
    metadata = make_metadata(picture)
    for key, ids in (("absent", picture.absent), ("not_exhaustive", picture.not_exhaustive)):
        unknown = [id_ for id_ in ids if id_ not in labels]
        if unknown:
            message = f"{key}: categories that the file does not have: {', '.join(map(str, unknown))}"
            report(Problem(file=str(file), place=picture.place, message=message))
        named = list(dict.fromkeys(labels[id_] for id_ in ids if id_ in labels))
        if named:
            metadata[key] = named
    return metadata


def _find_others(label: str, category: Category) -> list[str]:
    """The synonyms that are other words than the label."""
    names = dict.fromkeys(clean_identifier(name) for name in category.synonyms)
    return [name for name in names if name and name != label and not label.startswith(f"{name} (")]
