"""Reader of Pascal VOC annotations: a folder with an XML file for each picture, or one such file.

Everingham et al., "The PASCAL Visual Object Classes Challenge"; the form is that of the development kit
(http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html, sections 5.2 and 9), which ImageNet's detection sets
and most labelling tools write too.

Quirks: pixels are counted from 1 and a box includes its last one, so that (1, 1, 500, 375) is all of a picture of 500 x 375;
``origin = 0`` is for tools that count from 0. Corners may be fractions, children come in any order, ``truncated`` means that
only part of the thing is seen (not only that the frame cuts it), ``pose`` is mostly ``Unspecified``, persons may have parts
(head, hand, foot) and actions.

Left knowingly: ``folder`` and ``path`` (of the annotator's machine), ``depth``, ``segmented``, polygons and masks, the
reference ``point`` of actions and the action "other", rotated boxes (their object stays, without a box).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple
from xml.etree.ElementTree import Element

from msgspec import Struct
from msgspec.structs import force_setattr

from syphus.annotations.labels import HIDDEN, clean, clean_identifier
from syphus.annotations.mending import mend_box
from syphus.annotations.naming import Names, make_relative
from syphus.annotations.picture_files import SUFFIXES, is_file, measure_picture, walk_files
from syphus.annotations.pictures.pascal_voc_xml import find_corners, find_size, find_text, read_annotation
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_text
from syphus.errors import InputError
from syphus.records import Asset, Box, Object, Relation, Scene

POSES = {
    "frontal": "seen from the front",
    "rear": "seen from behind",
    "left": "facing left",
    "right": "facing right",
    "unspecified": "",
}
ACTIONS = {
    "playinginstrument": "playing an instrument",
    "ridingbike": "riding a bike",
    "ridinghorse": "riding a horse",
    "takingphoto": "taking a photo",
    "usingcomputer": "using a computer",
    "other": "",
}
"""Those of VOC 2011 and 2012 whose names are not words; ``jumping``, ``phoning``, ``reading``, ``running``, ``walking`` are."""
PARTLY = "only partly seen"
_TECHNICAL = ("rotation", "track id", "keyframe", "z order", "outside")
"""Attributes that say something of the annotation, and nothing of the thing."""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the files are."""

    path: Path
    """An XML file, a folder of them, or one with ``Annotations/`` (and ``JPEGImages/``, ``ImageSets/Main/``) in it."""
    images: Path | None = None
    """The picture folder. After construction it holds, where none is given, ``path``/JPEGImages if there is one, or ``path`` if
    there are pictures in it: labelling tools write each picture's XML beside it."""
    split: str | None = None
    """``train``, ``val``: only the pictures that ``ImageSets/Main/<split>.txt`` lists."""
    origin: Literal[0, 1] = 1
    """The number of the first pixel."""

    def __post_init__(self) -> None:
        if self.images is None and (self.path / "JPEGImages").is_dir():
            force_setattr(self, "images", self.path / "JPEGImages")
        elif self.images is None and self.path.is_dir() and next(walk_files(self.path, SUFFIXES), None) is not None:
            force_setattr(self, "images", self.path)


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one an XML file, in the order of their names, or of the split's list.

    A scene's id is the XML file's name. Parts are objects of their own, "part of" theirs. ``difficult`` objects are named in
    the metadata: it says something of the task, not of the thing.

    Args:
        options: where they are.
        report: receives what could not be used; of several files also those that are no such annotations.

    Raises:
        InputError: at once where there are no such files; a single file that is none.
    """
    files = list(_find_files(options)) if options.path.is_dir() else [options.path]
    if options.path.is_dir() and not files:
        raise InputError("has no .xml files", file=options.path, mend="Pascal VOC has one for each picture.")
    if len(files) == 1 and not options.path.is_dir():
        read_annotation(files[0])
    return _read_scenes(files, options, report)


def _find_files(options: Options) -> Iterator[Path]:
    folder = options.path / "Annotations" if (options.path / "Annotations").is_dir() else options.path
    if options.split is None:
        yield from walk_files(folder, (".xml",))
        return
    lists = options.path / "ImageSets" / "Main" / f"{options.split}.txt"
    if not lists.is_file():
        there = sorted(file.stem for file in lists.parent.glob("*.txt") if "_" not in file.stem)
        mend = f"Splits there: {', '.join(there)}." if there else ""
        raise InputError(f"there is no split {options.split!r}", file=lists, mend=mend)
    with open_text(lists) as stream:
        for line in stream:
            name = line.split()[:1]  # lists of one class have 1 or -1 behind the name
            if name and ".." not in Path(name[0]).parts and not Path(name[0]).is_absolute():
                yield folder / f"{name[0]}.xml"


def _read_scenes(files: list[Path], options: Options, report: Report) -> Iterator[Scene]:
    names = Names()
    for file in files:
        if not is_file(file):
            message = f"{file.name:.60} is in the list, and not in the folder"
            report(Problem(file=str(file.parent), place=f"split {options.split}", message=message))
            continue
        try:
            root = read_annotation(file)
        except InputError as error:
            report(Problem(file=str(file), place=error.place or "line 1", message=f"{error.message}; it is left out"))
        else:
            yield _FileReading(file, root, options, report).make_scene(names)


def _is_in(images: Path, name: str) -> bool:
    try:
        return is_file(images / make_relative(name, images))
    except ValueError:
        return False


class _Flags(NamedTuple):
    attributes: tuple[str, ...]
    difficult: bool


class _FileReading:
    """The reading of one file."""

    def __init__(self, file: Path, root: Element, options: Options, report: Report) -> None:
        self._file = file
        self._root = root
        self._options = options
        self._report = report
        self._objects: list[Object] = []
        self._relations: list[Relation] = []
        self._difficult: list[str] = []
        self._size: tuple[int, int] | None = None

    def make_scene(self, names: Names) -> Scene:
        path = self._find_path()
        self._size = find_size(self._root)
        if self._size is None and path and self._options.images is not None:
            self._size = measure_picture(self._options.images / path)
        for number, element in enumerate(self._root.iterfind("object"), 1):
            self._add_object(element, f"object {number}")
        width, height = self._size or (None, None)
        return Scene(
            id=names.give(self._file.stem),
            assets=(Asset(path=path, width=width, height=height),),
            objects=tuple(self._objects),
            relations=tuple(self._relations),
            metadata=self._make_metadata(),
        )

    def _say(self, place: str, message: str, *, lost: bool = True) -> None:
        self._report(Problem(file=str(self._file), place=place, message=message, lost=lost))

    def _find_path(self) -> str | None:
        name, images = find_text(self._root, "filename"), self._options.images
        if not name.lower().endswith(SUFFIXES):
            # ImageNet's names have no suffix, and some tools write none
            stem = name or self._file.stem
            endings = (*SUFFIXES, *(suffix.upper() for suffix in SUFFIXES))
            there = (f"{stem}{end}" for end in endings if images and is_file(images / f"{stem}{end}"))
            name = next(there, f"{stem}.jpg")
        elif images is not None and not _is_in(images, name):
            # renamed since it was annotated, or beside its XML in a folder of its own
            name = next((one for one in self._guess_paths(name, images) if _is_in(images, one)), name)
        try:
            return make_relative(name, images)
        except ValueError as error:
            self._say("filename", str(error))
            return None

    def _guess_paths(self, name: str, images: Path) -> Iterator[str]:
        base = name.replace("\\", "/").rpartition("/")[2]
        yield base
        inside = self._file.parent.is_relative_to(images)
        folder = self._file.parent.relative_to(images).as_posix() if inside else "."
        for one in (base, *(self._file.stem + end for end in (Path(base).suffix, *SUFFIXES))):
            yield f"{folder}/{one}"
            yield one

    def _make_metadata(self) -> dict[str, Any]:
        metadata: dict[str, Any] = {}
        for key, path in (("database", "source/database"), ("flickr_id", "source/flickrid"), ("owner", "owner/name")):
            text = clean(self._root.findtext(path))
            if text and text not in ("Unknown", "?"):
                metadata[key] = text
        if self._difficult:
            metadata["difficult"] = self._difficult
        return metadata

    def _add_object(self, element: Element, place: str) -> None:
        label = clean_identifier(find_text(element, "name"))
        parts = element.findall("part")
        if not label:
            lost = f" with its {len(parts)} parts" if parts else ""
            self._say(place, f"it has no name; it is left out{lost}")
            return
        flags = self._find_flags(element, place)
        own = self._add(label, element, f"{place} ({label})", flags.attributes)
        if flags.difficult:
            self._difficult.append(own)
        for number, part in enumerate(parts, 1):
            name = clean_identifier(find_text(part, "name"))
            if not name:
                self._say(f"{place} ({label}), part {number}", "it has no name; it is left out")
                continue
            other = self._add(name, part, f"{place} ({label}), part {number} ({name})", ())
            self._relations.append(Relation(subject=other, predicate="part of", object=own))

    def _add(self, label: str, element: Element, place: str, attributes: tuple[str, ...]) -> str:
        box = self._make_box(element, place)
        self._objects.append(Object(id=f"o{len(self._objects) + 1}", label=label, box=box, attributes=attributes))
        return self._objects[-1].id

    def _make_box(self, element: Element, place: str) -> Box | None:
        found = element.find("bndbox")
        if found is None:
            self._say(place, "it has no <bndbox>; it is used without a box")
            return None
        try:
            x1, y1, x2, y2 = find_corners(found)
        except ValueError as error:
            self._say(place, f"{error}; it is used without a box")
            return None
        # counted from 1, the box includes its last pixel, and ends where that one ends
        origin = self._options.origin
        width, height = self._size or (None, None)
        mended = mend_box(x1 - origin, y1 - origin, x2, y2, width=width, height=height)
        if mended.box is None:
            self._say(place, f"{mended.message}; it is used without a box")
        elif mended.message:
            self._say(place, mended.message, lost=False)
        return mended.box

    def _find_flags(self, element: Element, place: str) -> _Flags:
        found = []
        pose = find_text(element, "pose")
        if pose:
            found.append(POSES.get(pose.lower(), f"pose: {pose}"))
        ticked = (("truncated", PARTLY), ("occluded", HIDDEN))
        found += [words for tag, words in ticked if self._is_set(find_text(element, tag), tag, place)]
        for action in element.find("actions") or ():
            if self._is_set(clean(action.text), action.tag, place):
                found.append(ACTIONS.get(action.tag, clean(action.tag.replace("_", " "))))
        found += self._find_attributes(element)
        attributes = dict.fromkeys(one for one in found if one)
        return _Flags(tuple(attributes), self._is_set(find_text(element, "difficult"), "difficult", place))

    def _find_attributes(self, element: Element) -> Iterator[str]:
        """CVAT's ``<attributes>``: "color: red", and of those that are ticked the name alone."""
        for one in element.iterfind("attributes/attribute"):
            name, value = clean_identifier(find_text(one, "name")), find_text(one, "value")
            if not name or name.lower() in _TECHNICAL or value.lower() in ("", "false", "__undefined__"):
                continue
            yield name if value.lower() == "true" else f"{name}: {value}"

    def _is_set(self, text: str, tag: str, place: str) -> bool:
        if text.lower() in ("", "0", "false", "no"):
            return False
        if text.lower() in ("1", "true", "yes"):
            return True
        try:
            return bool(float(text))
        except ValueError:
            self._say(place, f"<{tag:.40}> is {text!r:.40}, not 0 or 1; it is left out")
            return False
