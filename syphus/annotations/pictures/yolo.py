"""Reader of YOLO data sets: a text file for each picture, a line for each thing, in shares of the picture.

The forms are those of :mod:`syphus.annotations.pictures.yolo_labels`, the folders those of :mod:`syphus.annotations.pictures.yolo_files`. Since
boxes are shares, a picture's size is needed: it is read from the head of the picture's file. A picture without labels, or with
an empty file of them, is one in which nothing was found: a scene without objects.

Quirks: labels in pixels, by mistake, are refused line by line; the same line twice is one thing; a text that is no label file
(``README.txt``) is passed over where no picture has its name. Left knowingly: the outlines of polygons.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import force_setattr

from syphus.annotations.mending import mend_box
from syphus.annotations.naming import Names, make_relative
from syphus.annotations.picture_files import is_file, measure_picture
from syphus.annotations.pictures.coco import PERSON_KEYPOINTS
from syphus.annotations.pictures.yolo_files import DataSet, Pair, find_data_set, find_pairs
from syphus.annotations.pictures.yolo_labels import Label, read_label
from syphus.annotations.reading import Problem, Report
from syphus.decoding import read_text
from syphus.errors import InputError
from syphus.records import Asset, Keypoint, Object, Scene


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the data set is."""

    path: Path
    """``data.yaml``, ``obj.data``, or a folder with pictures, labels and a file of names (``obj.names``, ``classes.txt``)."""
    images: Path | None = None
    """The folder that asset paths begin at. After construction: the folder of ``path``, where none is given."""
    split: str | None = None
    """``train``, ``val``, ``test``; None: all."""
    names: Path | None = None
    """The classes' names, one a line, where the data set has them elsewhere."""
    size: tuple[int, int] | None = None
    """Width and height of all pictures, where their files are not at hand."""

    def __post_init__(self) -> None:
        if self.size is not None and not all(0 < side < 1 << 31 for side in self.size):
            raise ValueError(f"size {list(self.size)} is no width and height in pixels")
        if self.images is None:
            force_setattr(self, "images", self.path if self.path.is_dir() else self.path.parent)


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one a picture, in the order of their paths, split by split. A scene's id is the picture's name.

    Args:
        options: where the data set is.
        report: receives lines that are no labels, unknown classes, and labels whose picture is not there.

    Raises:
        InputError: at once where there is no data set, or no names of classes.
    """
    data_set = find_data_set(options.path, options.names)
    pairs = list(find_pairs(data_set, options.images, options.split))
    if not pairs:
        raise InputError("has no pictures and no labels", file=options.path)
    return _read_scenes(pairs, data_set, options, report)


def _read_scenes(pairs: list[Pair], data_set: DataSet, options: Options, report: Report) -> Iterator[Scene]:
    names = Names()
    for pair in pairs:
        reading = _PairReading(pair, data_set, options, report)
        scene = reading.make_scene(names)
        if scene is not None:
            yield scene


class _PairReading:
    """The reading of one picture's labels."""

    def __init__(self, pair: Pair, data_set: DataSet, options: Options, report: Report) -> None:
        self._pair = pair
        self._data_set = data_set
        self._options = options
        self._report = report

    def make_scene(self, names: Names) -> Scene | None:
        pair = self._pair
        there = is_file(pair.picture)
        lines = self._read_lines()
        if lines is None or (not there and not _are_labels(lines)):
            self._say(
                "line 1", "no picture has its name, and it holds no labels; it is passed over", lost=lines is None
            )
            return None
        size = (measure_picture(pair.picture) if there else None) or self._options.size
        if size is None:
            what = "its picture cannot be read" if there else "its picture is not there"
            message = f"{what}, and without its size boxes cannot be told: {len(lines)} labels are left out"
            self._say("line 1", message)
            if not there:
                return None
        try:
            images = self._options.images or Path()
            path: str | None = make_relative(os.path.relpath(pair.picture, images), images)
        except ValueError as error:
            self._say("line 1", f"{error}: give its folder as `images`")
            path = None
        objects = tuple(self._make_objects(lines, size)) if size else ()
        width, height = size or (None, None)
        return Scene(
            id=names.give(pair.picture.stem),
            assets=(Asset(path=path, width=width, height=height),),
            objects=objects,
            metadata={"split": pair.split} if pair.split else {},
        )

    def _say(self, place: str, message: str, *, lost: bool = True) -> None:
        self._report(Problem(file=str(self._pair.labels), place=place, message=message, lost=lost))

    def _read_lines(self) -> list[tuple[int, str]] | None:
        """The lines that hold something; none where there is no file; None where there is neither file nor picture."""
        labels = self._pair.labels
        if not is_file(labels):
            return [] if is_file(self._pair.picture) else None
        try:
            text = read_text(labels)
        except InputError as error:
            self._say(error.place or "line 1", f"{error.message}; its labels are left out")
            return []
        return [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]

    def _make_objects(self, lines: list[tuple[int, str]], size: tuple[int, int]) -> Iterator[Object]:
        known: dict[Label, int] = {}
        made = 0
        for number, line in lines:
            place = f"line {number}"
            try:
                label = read_label(line, self._data_set.keypoints)
            except ValueError as error:
                self._say(place, f"{error}; it is left out")
                continue
            name = self._data_set.names.get(label.category)
            if name is None:
                self._say(place, f"class {label.category} has no name; it is left out")
                continue
            if known.setdefault(label, number) != number:
                self._say(place, f"it says the same as line {known[label]}", lost=False)
                continue
            width, height = size
            x1, y1, x2, y2 = label.corners
            mended = mend_box(x1 * width, y1 * height, x2 * width, y2 * height, width=width, height=height)
            if mended.box is None:
                self._say(place, f"{mended.message}; it is left out")
                continue
            if mended.message:
                self._say(place, mended.message, lost=False)
            made += 1
            yield Object(
                id=f"o{made}",
                label=name,
                box=mended.box,
                keypoints=self._make_keypoints(label, size),
                score=label.confidence,
            )

    def _make_keypoints(self, label: Label, size: tuple[int, int]) -> tuple[Keypoint, ...]:
        names = self._data_set.keypoint_names
        if not names and len(label.keypoints) == len(PERSON_KEYPOINTS):
            names = PERSON_KEYPOINTS
        return tuple(
            Keypoint(
                name=names[number] if names else f"keypoint {number + 1}",
                x=round(x * size[0], 2),
                y=round(y * size[1], 2),
                visible=v >= 2,
            )
            for number, (x, y, v) in enumerate(label.keypoints)
            if v > 0
        )


def _are_labels(lines: list[tuple[int, str]]) -> bool:
    """Whether a text without a picture is a label file at all: one of its lines is a label."""
    for _, line in lines:
        try:
            read_label(line)
        except ValueError:
            continue
        return True
    return False
