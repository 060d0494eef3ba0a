"""Reader of Flickr30k Entities: five captions a picture, whose phrases are tied to boxes.

Plummer et al., "Flickr30k Entities", ICCV 2015 (https://github.com/BryanPlummer/flickr30k_entities): ``Sentences/<id>.txt``,
a caption a line with its phrases marked, and ``Annotations/<id>.xml`` with the boxes of each chain of mentions. In the captions
made here a phrase is a reference: ``[Two young guys](#o1,#o2) with shaggy hair look at ...``.

Quirks: pixels are counted from 1, as in Pascal VOC (its own reader subtracts 1); chain 0 names nothing to be seen; a chain may
have no box (``nobox``), or be the whole ``scene``; several boxes ("two young guys"), and a box several chains. Captions
are tokenized (``dogs , and a cat .``), and put together again.

An object's label is the phrase of its chain that most annotators used, without article: it is in their own words, and the
choice does not hang on whoever came first. Where the chain has several boxes, each is "one of two young guys", or "part of crowd". The types
(people, clothing ...) are kinds of phrases and no looks, so they stand in the metadata and not among the attributes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from msgspec import Struct

from syphus.annotations.labels import clean
from syphus.annotations.mending import mend_box
from syphus.annotations.naming import Names, make_relative
from syphus.annotations.picture_files import is_file, measure_picture
from syphus.annotations.pictures.flickr30k_entities_phrases import (
    Phrase,
    choose_label,
    choose_label_of_one,
    find_phrases,
    render,
)
from syphus.annotations.pictures.pascal_voc_xml import find_corners, find_size, find_text, read_annotation
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_text
from syphus.decoding import read_text
from syphus.errors import InputError
from syphus.records import Asset, Box, Caption, Object, Scene

_NOTHING = "0"


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the files are."""

    folder: Path
    """The one with ``Sentences/`` and ``Annotations/`` in it."""
    images: Path | None = None
    """The picture folder."""
    ids: Path | None = None
    """``train.txt``, ``val.txt``, ``test.txt``: only these pictures, in this order."""


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one a file of sentences, in the order of their names or of the list. A scene's id is the picture's.

    Args:
        options: where they are.
        report: receives what could not be used: files that are none, boxes without caption, marks that are torn.

    Raises:
        InputError: at once where there are no sentences, or no such list.
    """
    sentences = _find_folder(options.folder, "sentences")
    if sentences is None:
        raise InputError("has no Sentences/", file=options.folder, mend="Unpack annotations.zip there.")
    annotations = _find_folder(options.folder, "annotations")
    files = list(_find_files(sentences, options.ids))
    if not files:
        raise InputError("has no .txt files", file=sentences)
    if annotations is None:
        message = "there is no Annotations/: phrases stay without boxes"
        report(Problem(file=str(options.folder), place="Annotations", message=message, lost=False))
    return _read_scenes(files, annotations, options.images, report)


def _find_folder(folder: Path, name: str) -> Path | None:
    try:
        there = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=folder) from error
    return next((one for one in there if one.name.lower() == name and one.is_dir()), None)


def _find_files(sentences: Path, ids: Path | None) -> Iterator[Path]:
    if ids is None:
        yield from sorted(file for file in sentences.iterdir() if file.suffix == ".txt" and file.is_file())
        return
    with open_text(ids) as stream:
        for number, line in enumerate(stream, 1):
            name = line.strip().removesuffix(".jpg")
            if name and Path(name).name != name:
                raise InputError(f"{name!r:.60} is no picture's name", file=ids, place=f"line {number}")
            if name:
                yield sentences / f"{name}.txt"


def _read_scenes(files: list[Path], annotations: Path | None, images: Path | None, report: Report) -> Iterator[Scene]:
    names = Names()
    for file in files:
        if not is_file(file):
            report(Problem(file=str(file.parent), place=f"{file.name:.60}", message="it is in the list, and not there"))
            continue
        try:
            lines = enumerate(read_text(file).split("\n"), 1)
        except InputError as error:
            report(Problem(file=str(file), place=error.place or "line 1", message=f"{error.message}; it is left out"))
            continue
        reading = _PictureReading(file, annotations, report)
        yield reading.make_scene([(number, line) for number, line in lines if line.strip()], images, names)


class _PictureReading:
    """The reading of one picture's two files."""

    def __init__(self, file: Path, annotations: Path | None, report: Report) -> None:
        self._file = file
        self._report = report
        self._xml = annotations / f"{file.stem}.xml" if annotations else None
        self._root = self._read_xml()
        self._size = find_size(self._root) if self._root is not None else None
        self._phrases: dict[str, list[Phrase]] = {}
        self._ids: dict[str, list[str]] = {}

    def make_scene(self, sentences: list[tuple[int, str]], images: Path | None, names: Names) -> Scene:
        sentences = [(number, clean(line)) for number, line in sentences]
        for _, sentence in sentences:
            for phrase in find_phrases(sentence):
                self._phrases.setdefault(phrase.chain, []).append(phrase)
        path = self._find_path(images)
        if self._size is None and path and images is not None:
            self._size = measure_picture(images / path)
        objects, types, others = self._make_objects()
        metadata: dict[str, Any] = {"types": types} if types else {}
        if others:
            metadata["other_names"] = others
        width, height = self._size or (None, None)
        return Scene(
            id=names.give(self._file.stem),
            assets=(Asset(path=path, width=width, height=height),),
            captions=tuple(self._make_captions(sentences)),
            objects=objects,
            metadata=metadata,
        )

    def _say(self, file: Path, place: str, message: str, *, lost: bool = True) -> None:
        self._report(Problem(file=str(file), place=place, message=message, lost=lost))

    def _read_xml(self) -> Element | None:
        if self._xml is None:
            return None
        if not is_file(self._xml):
            self._say(self._xml, "line 1", "there is no such file; its phrases stay without boxes")
            return None
        try:
            return read_annotation(self._xml)
        except InputError as error:
            self._say(self._xml, error.place or "line 1", f"{error.message}; its phrases stay without boxes")
            return None

    def _find_path(self, images: Path | None) -> str | None:
        name = find_text(self._root, "filename") if self._root is not None else ""
        try:
            return make_relative(name or f"{self._file.stem}.jpg", images)
        except ValueError as error:
            self._say(self._xml or self._file, "filename", str(error))
            return None

    def _make_captions(self, sentences: list[tuple[int, str]]) -> Iterator[Caption]:
        for number, sentence in sentences:
            text, torn = render(sentence, lambda chain: tuple(self._ids.get(chain, ())))
            if torn:
                self._say(self._file, f"line {number}", "a mark cannot be read; its words stay without box")
            if text:
                yield Caption(text=text)
            else:
                self._say(self._file, f"line {number}", "the caption is empty")

    def _make_objects(self) -> tuple[tuple[Object, ...], dict[str, list[str]], dict[str, list[str]]]:
        boxed: list[tuple[list[str], Box]] = []
        for number, element in enumerate(self._root.iterfind("object") if self._root is not None else (), 1):
            found = self._read_object(element, f"object {number}")
            if found:
                boxed.append(found)
        counts: dict[str, int] = {}
        for chains, _ in boxed:
            for chain in chains:
                counts[chain] = counts.get(chain, 0) + 1
        objects, types, others = [], {}, {}
        for number, (chains, box) in enumerate(boxed, 1):
            first = max(chains, key=lambda chain: len(self._phrases[chain]))
            labels = {chain: choose_label(self._phrases[chain]) for chain in chains}
            label = labels[first] if counts[first] == 1 else choose_label_of_one(self._phrases[first])
            objects.append(Object(id=f"o{number}", label=label, box=box, source_id=",".join(chains)))
            kinds = dict.fromkeys(kind for chain in chains for phrase in self._phrases[chain] for kind in phrase.types)
            types[f"o{number}"] = list(kinds)
            rest = [labels[chain] for chain in chains if labels[chain] != labels[first]]
            if rest:
                others[f"o{number}"] = rest
            for chain in chains:
                self._ids.setdefault(chain, []).append(f"o{number}")
        return tuple(objects), types, others

    def _read_object(self, element: Element, place: str) -> tuple[list[str], Box] | None:
        """The chains that captions name and the box of an entry; None where it has none, as scenes do."""
        assert self._xml is not None
        chains = list(dict.fromkeys(name for name in (clean(one.text) for one in element.findall("name")) if name))
        found = element.find("bndbox")
        if found is None:
            if not any(find_text(element, tag) == "1" for tag in ("nobox", "scene")):
                self._say(self._xml, place, "it has neither box nor `nobox` nor `scene`; it is left out")
            return None
        named = [chain for chain in chains if chain in self._phrases and chain != _NOTHING]
        if not named:
            self._say(self._xml, place, f"no caption names its chain {', '.join(chains) or '(none)'}; it is left out")
            return None
        try:
            x1, y1, x2, y2 = find_corners(found)
        except ValueError as error:
            self._say(self._xml, place, f"{error}; it is left out")
            return None
        width, height = self._size or (None, None)
        mended = mend_box(x1 - 1, y1 - 1, x2, y2, width=width, height=height)
        if mended.box is None:
            self._say(self._xml, place, f"{mended.message}; it is left out")
            return None
        if mended.message:
            self._say(self._xml, place, mended.message, lost=False)
        if len(named) < len(chains):
            missing = ", ".join(chain for chain in chains if chain not in named)
            self._say(self._xml, place, f"no caption names its chain {missing}; the others are used")
        return named, mended.box
