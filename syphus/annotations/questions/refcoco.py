"""Reader of RefCOCO, RefCOCO+ and RefCOCOg: expressions by which people told one object of a COCO picture from the others.

The form is that of https://github.com/lichengunc/refer (Yu et al. 2016, arXiv:1608.00272; Mao et al. 2016,
arXiv:1511.02283): ``refs(unc).p``, ``refs(umd).p`` or ``refs(google).p``, a pickled list of ``{ref_id, ann_id, image_id,
category_id, split, file_name, sent_ids, sentences: [{sent_id, sent, raw, tokens}]}``, beside a COCO ``instances.json``
with the boxes. The same records as a JSON list are read too. Its quirks: the refs are a pickle, which is loaded by a machine
that knows plain values only (:mod:`syphus.annotations.questions.plain_pickle`); ``file_name`` has the annotation's id behind the
picture's (``COCO_train2014_000000581857_16.jpg``), so that the pictures' names are those of ``instances.json``; ``raw`` is
what was typed, ``sent`` the same in small letters without marks; one object may stand in several refs, and pictures of
the Google split stand in train and val both.

gRefCOCO (``grefs(unc).json``, Liu et al. 2023, arXiv:2306.00968) has lists in ``ann_id``: an expression about several objects is a region
around all of them, and one about nothing in the picture (``[-1]``) is ``absent``.

Left aside: ``tokens`` (``sent`` cut into words), ``sent_ids``, ``file_name``, segmentations, and without the option ``others``
the objects that no ref of the split is about.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from syphus.annotations.foreign import name_other
from syphus.annotations.json_shapes import Shape
from syphus.annotations.known import KnownIds
from syphus.annotations.labels import clean
from syphus.annotations.mending import mend_box
from syphus.annotations.naming import Names, find_stem, make_relative
from syphus.annotations.pictures.coco_files import AnnotationSet, Picture
from syphus.annotations.questions.picture_rows import Id, PictureRows
from syphus.annotations.questions.plain_pickle import load_plain
from syphus.annotations.questions.record_files import check_files, name_place, walk_records
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_bytes
from syphus.errors import InputError
from syphus.records import Asset, Box, Object, Region, Scene


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The files, and what of them."""

    refs: Path
    """``refs(unc).p``, ``refs(umd).p`` or ``refs(google).p``, or the same records as JSON."""
    instances: Path
    """``instances.json``, which stands beside it."""
    images: Path | None = None
    """The picture folder: COCO's ``train2014``."""
    split: str | None = None
    """Only refs of it: ``train``, ``val``, ``test``, ``testA`` (people), ``testB`` (other things)."""
    others: bool = False
    """Take in the other annotated objects of each picture too."""
    raw: bool = True
    """The expressions as they were typed; False: in small letters without marks (``sent``)."""


class _Sentence(Struct, gc=False):
    sent: str | None = None
    raw: str | None = None


class _Ref(Struct, gc=False):
    image_id: Id
    ann_id: Id | list[Id]
    sentences: list[_Sentence]
    ref_id: Id | None = None
    split: str | None = None


class _Row(Struct, array_like=True, gc=False):
    index: int
    ann_ids: tuple[Id, ...]
    """Several in gRefCOCO; none where the expression is about nothing in the picture."""
    ref_id: Id | None
    split: str
    texts: tuple[str, ...]


_SHAPES = {"": Shape(_Ref, lenient=True)}
_WHAT = "file of RefCOCO's refs"


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one a picture, in the order in which the refs first name the pictures.

    Each annotation that a ref is about is an object (``o1``, ``o2`` ... by ascending annotation id), each expression a
    region with that object's box (``r1``, ``r2`` ...). ``metadata`` says under ``refs``, for each ref id, the object, its
    regions and the ``split``.

    Args:
        options: which files.
        report: receives broken records, refs of annotations or pictures that are not there, expressions without text.

    Raises:
        InputError: at once where a file cannot be opened; with the first scene where one is of another kind, is torn, or the
            refs are a pickle that holds more than plain values.
    """
    check_files(options.refs, options.instances)
    return _read_scenes(options, report)


def _read_scenes(options: Options, report: Report) -> Iterator[Scene]:
    rows = _read_rows(options, report)
    annotations = AnnotationSet(report)
    annotations.read_file(options.instances, "instances")
    found = annotations.joined  # the row of each annotation id; `finish` forgets it
    annotations.finish()
    names = Names()
    for image, numbers in rows.walk():
        picture = annotations.pictures.get(image)
        refs = [rows.rows[number] for number in numbers]
        if picture is None:
            count = sum(len(ref.texts) for ref in refs)
            message = f"the picture {image} is not in {options.instances.name}; its {count} expressions are left out"
            report(Problem(file=str(options.refs), place=name_place("", refs[0].index), message=message))
            continue
        yield _PictureScene(annotations, found, picture, options, report).make(names, refs)


def _read_rows(options: Options, report: Report) -> PictureRows[_Row]:
    rows: PictureRows[_Row] = PictureRows(_Row)
    known, splits = KnownIds(), set()
    file = str(options.refs)
    for index, ref in _walk_refs(options.refs, report):
        split = clean(ref.split)
        splits.add(split)
        if options.split is not None and split != options.split:
            continue
        place = name_place("", index) + ("" if ref.ref_id is None else f" (ref {ref.ref_id})")
        if ref.ref_id is not None and not known.add(f"{type(ref.ref_id).__name__} {ref.ref_id}"):
            report(Problem(file=file, place=place, message="the ref id is given twice; the first is used"))
            continue
        texts = [clean(_choose(one, raw=options.raw)) for one in ref.sentences]
        kept = tuple(filter(None, texts))
        if len(kept) < len(texts):
            message = f"{len(texts) - len(kept)} of the expressions are empty; they are left out"
            report(Problem(file=file, place=place, message=message))
        if kept:
            ids = ref.ann_id if isinstance(ref.ann_id, list) else [ref.ann_id]
            named = tuple(one for one in ids if not (isinstance(ref.ann_id, list) and one in (-1, "-1")))
            rows.add(ref.image_id, _Row(index, named, ref.ref_id, split, kept))
        elif not texts:
            report(Problem(file=file, place=place, message="there are no `sentences`"))
    if options.split is not None and options.split not in splits:
        there = ", ".join(sorted(filter(None, splits))) or "none"
        raise InputError(
            f"has no refs of the split {options.split!r}", file=options.refs, mend=f"Splits there: {there}."
        )
    return rows


def _choose(sentence: _Sentence, *, raw: bool) -> str:
    first, second = (sentence.raw, sentence.sent) if raw else (sentence.sent, sentence.raw)
    return first or second or ""


def _walk_refs(file: Path, report: Report) -> Iterator[tuple[int, _Ref]]:
    with open_bytes(file) as stream:
        head = stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    # A pickle of protocol 0 that holds a list begins with "(lp", one of protocol 2 and later with 0x80; JSON with neither.
    if head[:1] in (b"[", b"{"):
        for _, index, ref in walk_records(file, report, _SHAPES, what=_WHAT):
            yield index, ref
        return
    value = load_plain(file)
    if not isinstance(value, list):
        keys = [key for key in value if isinstance(key, str)] if isinstance(value, dict) else []
        message = f"is a pickled {type(value).__name__}, not a list: this is no {_WHAT}"
        raise InputError(message, file=file, mend=name_other(keys))
    good, reason = False, ""
    for index, one in enumerate(value):
        try:
            ref = msgspec.convert(one, _Ref)
        except (msgspec.ValidationError, RecursionError, ValueError, TypeError) as error:
            reason = reason or str(error)
            report(Problem(file=str(file), place=name_place("", index), message=f"{error}; it is left out"))
        else:
            good = True
            yield index, ref
    if reason and not good:
        raise InputError(f"none of its {len(value)} records can be used ({reason}): this is no {_WHAT}", file=file)


def _join_boxes(boxes: list[Box]) -> Box:
    """The box around all of them."""
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


class _PictureScene:
    """The making of one scene."""

    def __init__(
        self,
        annotations: AnnotationSet,
        found: dict[int | str, int],
        picture: Picture,
        options: Options,
        report: Report,
    ) -> None:
        self._set = annotations
        self._found = found
        self._picture = picture
        self._options = options
        self._report = report

    def _tell(self, place: str, message: str, *, lost: bool = True, file: str = "") -> None:
        self._report(Problem(file=file or str(self._options.refs), place=place, message=message, lost=lost))

    def make(self, names: Names, refs: list[_Row]) -> Scene:
        picture = self._picture
        numbers = set(self._set.rows.get(picture.id, ()))
        wanted = {id_ for ref in refs for id_ in ref.ann_ids}
        if self._options.others:
            ids = self._set.objects.ids
            wanted |= {id_ for number in numbers if (id_ := ids[number]) is not None}
        objects: dict[int | str, Object] = {}
        for id_ in sorted(wanted, key=lambda id_: (isinstance(id_, str), id_)):
            row = self._found.get(id_)
            if row is None or row not in numbers or self._set.objects.ids[row] != id_:
                continue
            made = self._make_object(row, f"o{len(objects) + 1}")
            if made:
                objects[id_] = made
        regions: list[Region] = []
        by_ref: dict[str, dict[str, Any]] = {}
        absent: dict[str, None] = {}
        for ref in refs:
            things = [objects.get(id_) for id_ in ref.ann_ids]
            found = [thing for thing in things if thing is not None and thing.box is not None]
            if len(found) < len(things):
                missing = ", ".join(str(id_) for id_ in ref.ann_ids if id_ not in objects)
                message = f"the annotation {missing} is none of picture {picture.id} with a good box"
                self._tell(name_place("", ref.index), f"{message}; its {len(ref.texts)} expressions are left out")
                continue
            if not found:
                absent.update(dict.fromkeys(ref.texts))
                continue
            box = _join_boxes([thing.box for thing in found if thing.box is not None])
            own = [
                Region(id=f"r{number}", text=text, box=box) for number, text in enumerate(ref.texts, len(regions) + 1)
            ]
            regions += own
            about: dict[str, Any] = {"object": found[0].id}
            if len(found) > 1:
                about = {"objects": [thing.id for thing in found]}
            more = {**about, "regions": [region.id for region in own], "split": ref.split}
            by_ref[str(ref.index if ref.ref_id is None else ref.ref_id)] = more
        return Scene(
            id=names.give(find_stem(picture.file_name or picture.coco_url or "") or str(picture.id)),
            assets=(self._make_asset(),),
            objects=tuple(objects.values()),
            regions=tuple(regions),
            absent=tuple(absent),
            metadata={"image_id": picture.id, "refs": by_ref},
        )

    def _make_asset(self) -> Asset:
        picture = self._picture
        place = picture.file_name or "/".join((picture.coco_url or "").split("/")[-1:])
        path = None
        try:
            path = make_relative(place, self._options.images)
        except ValueError as error:
            self._tell(picture.place, f"file_name: {error}", file=picture.file)
        return Asset(
            path=path, url=picture.coco_url, width=picture.width, height=picture.height, license=picture.license
        )

    def _make_object(self, row: int, name: str) -> Object | None:
        objects = self._set.objects
        category = objects.categories[row]
        x, y, width, height = objects.boxes[4 * row : 4 * row + 4]
        if category is None or x != x:  # noqa: PLR0124  (NaN: there is no box; both are reported already)
            return None
        mended = mend_box(x, y, x + width, y + height, width=self._picture.width, height=self._picture.height)
        if mended.message:
            file, place = objects.find_place(row)
            lost = mended.box is None
            self._tell(place, mended.message + ("; the object is left out" if lost else ""), lost=lost, file=file)
        box: Box | None = mended.box
        if box is None:
            return None
        return Object(
            id=name, label=category.name, box=box, crowd=bool(objects.crowds[row]), source_id=str(objects.ids[row])
        )
