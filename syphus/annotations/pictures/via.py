"""Reader of the VGG Image Annotator's files: regions with attributes, as JSON (project or annotations) or CSV.

Dutta and Zisserman, "The VIA Annotation Software", ACM MM 2019 (https://www.robots.ox.ac.uk/~vgg/software/via/), versions 1
and 2. The box of a circle, ellipse, polygon or polyline is the one around it; a point is a keypoint.

Quirks: attributes are whatever their annotator called them, so which one is the label is found by its name (``LABEL_NAMES``) or
given; a choice of several is an object of ``true``; regions are a list, or (version 1) an object by number; widths and heights
of pictures are not in the file, and are read from the pictures where these are at hand. Left knowingly: outlines, ``size`` (the
picture file's bytes, part of its key), settings of the tool.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from syphus.annotations.labels import clean, clean_identifier
from syphus.annotations.mending import mend_box
from syphus.annotations.naming import Names, find_stem, is_address, make_relative
from syphus.annotations.picture_files import measure_picture
from syphus.annotations.pictures.via_files import Picture, Project, RegionRecord, read_project, walk_texts
from syphus.annotations.pictures.via_shapes import read_shape
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_bytes
from syphus.records import Asset, Caption, Keypoint, Object, Scene

LABEL_NAMES = ("label", "name", "class", "category", "type", "object")
"""Attributes that are taken for the label, the first that a region has; else its only attribute."""
CAPTION_NAMES = ("caption", "description")
"""Of the file's attributes."""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which file, and which attribute is the label."""

    path: Path
    images: Path | None = None
    """The picture folder."""
    label: str | None = None
    """The region attribute that names the thing; None: the first of ``LABEL_NAMES`` that a region has."""


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one a picture, in the order of the file, which is read when the first is asked for.

    A scene's id is the picture's name without suffix. Objects are ``o1``, ``o2`` ...

    Args:
        options: which file.
        report: receives regions that cannot be used: without label or with an unknown shape; boxes that leave the frame.

    Raises:
        InputError: at once where there is no such file; with the first scene where it is none of VIA's.
    """
    open_bytes(options.path).close()
    return _read_scenes(options, report)


def _read_scenes(options: Options, report: Report) -> Iterator[Scene]:
    project = read_project(options.path, report)
    names = Names()
    for picture in project.pictures:
        yield _PictureReading(picture, project, options, report).make_scene(names)


class _PictureReading:
    """What one picture's regions become."""

    def __init__(self, picture: Picture, project: Project, options: Options, report: Report) -> None:
        self._picture = picture
        self._choices = project.choices
        self._options = options
        self._report = report

    def make_scene(self, names: Names) -> Scene:
        attributes = dict(self._picture.file_attributes)
        captions = []
        for name in CAPTION_NAMES:
            text = clean(next(walk_texts(attributes.pop(name, "")), ""))
            captions += [Caption(text=text)] if text else []
        asset = self._make_asset(attributes)
        objects: list[Object] = []
        for place, region in self._picture.regions:
            made = self._make_object(f"o{len(objects) + 1}", place, region, asset)
            if made is not None:
                objects.append(made)
        known = {clean(key): ", ".join(map(clean, walk_texts(value))) for key, value in attributes.items()}
        known = {key: text for key, text in known.items() if text}
        return Scene(
            id=names.give(find_stem(self._picture.filename)),
            assets=(asset,),
            captions=tuple(captions),
            objects=tuple(objects),
            metadata={"file_attributes": known} if known else {},
        )

    def _say(self, place: str, message: str, *, lost: bool = True) -> None:
        self._report(Problem(file=str(self._options.path), place=place, message=message, lost=lost))

    def _make_asset(self, attributes: dict[str, Any]) -> Asset:
        name, images = self._picture.filename.strip(), self._options.images
        address = attributes.get("image_url")
        url = clean(address) if isinstance(address, str) and is_address(clean(address)) else None
        if is_address(name):
            return Asset(url=clean(name))
        try:
            path = make_relative(name, images)
        except ValueError as error:
            self._say(self._picture.place, str(error))
            return Asset(url=url)
        size = measure_picture(images / path) if images is not None else None
        width, height = size or (None, None)
        return Asset(path=path, url=url, width=width, height=height)

    def _make_object(self, id_: str, place: str, region: RegionRecord, asset: Asset) -> Object | None:
        label, rest = self._find_label(region.region_attributes)
        if not label:
            attributes = ", ".join(region.region_attributes) or "none"
            self._say(place, f"no attribute names it (its attributes: {attributes:.80}); it is left out")
            return None
        try:
            shape = read_shape(region.shape_attributes)
        except ValueError as error:
            self._say(place, f"{error}; it is left out")
            return None
        others = tuple(self._make_attributes(label, rest))
        if shape.point is not None:
            point = Keypoint(name=label, x=round(shape.point[0], 2), y=round(shape.point[1], 2))
            return Object(id=id_, label=label, keypoints=(point,), attributes=others)
        assert shape.corners is not None
        mended = mend_box(*shape.corners, width=asset.width, height=asset.height)
        if mended.box is None:
            self._say(place, f"{mended.message}; it is left out")
            return None
        if mended.message:
            self._say(place, mended.message, lost=False)
        return Object(id=id_, label=label, box=mended.box, attributes=others)

    def _find_label(self, attributes: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """The label, and the other attributes."""
        key = self._options.label
        if key is None:
            lower = {name.lower().strip(): name for name in reversed(attributes)}
            key = next((lower[name] for name in LABEL_NAMES if name in lower), None)
        if key is None and len(attributes) == 1:
            key = next(iter(attributes))
        if key is None or key not in attributes:
            return "", attributes
        text = ", ".join(self._put_in_words(key, one) for one in walk_texts(attributes[key]))
        return text, {name: value for name, value in attributes.items() if name != key}

    def _put_in_words(self, key: str, value: str) -> str:
        return clean(self._choices.get(key, {}).get(value, value))

    def _make_attributes(self, label: str, rest: dict[str, Any]) -> Iterator[str]:
        found: dict[str, None] = {}
        for key, value in rest.items():
            for text in walk_texts(value):
                words = self._put_in_words(key, text)
                if isinstance(value, dict):
                    found[clean_identifier(words)] = None  # what is ticked says it all: "is_rotated"
                elif words != label and words:
                    found[f"{clean_identifier(key)}: {words}"] = None
        yield from (one for one in found if one)
