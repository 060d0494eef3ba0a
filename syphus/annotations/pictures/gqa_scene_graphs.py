"""Reader of GQA's scene graphs: one JSON object, by image id, of objects with attributes and relations.

Hudson and Manning, "GQA", CVPR 2019 (https://cs.stanford.edu/people/dorarad/gqa/download.html, ``train_sceneGraphs.json``):
``{imageId: {width, height, location?, weather?, objects: {objectId: {name, x, y, w, h, attributes, relations: [{object,
name}]}}}}``; boxes are a corner and a size in pixels. Pictures are ``<imageId>.jpg``.

Quirks: relations stand with their subject; GQA adds "to the left of" for each "to the right of", and both are kept; the same
name and box stand there more than once. Left knowingly: keys that GQA does not describe; the first of two graphs
under the same image id that stand near each other (JSON lets the last count).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from syphus.annotations.foreign import name_form
from syphus.annotations.json_nested import NamedShape, NestedDocument
from syphus.annotations.json_shapes import Broken
from syphus.annotations.labels import clean
from syphus.annotations.naming import Names, make_relative
from syphus.annotations.picture_files import as_pixels
from syphus.annotations.pictures.visual_genome_things import Say, Things
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_bytes
from syphus.errors import InputError
from syphus.records import Asset, Scene


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which file."""

    path: Path
    images: Path | None = None
    """The picture folder."""


class _RelationRecord(msgspec.Struct, gc=False):
    object: int | str | None = None
    name: str | None = None


class _ThingRecord(msgspec.Struct):
    name: str = ""
    x: float | None = None
    y: float | None = None
    w: float | None = None
    h: float | None = None
    attributes: list[str | None] | None = None
    relations: list[_RelationRecord] | None = None


class _GraphRecord(msgspec.Struct):
    objects: dict[str, _ThingRecord]
    width: int | float | None = None
    height: int | float | None = None
    location: str | None = None
    weather: str | None = None


class _LooseGraph(msgspec.Struct):
    """A graph of which some objects break their type."""

    objects: dict[str, msgspec.Raw]
    width: Any = None
    height: Any = None
    location: Any = None
    weather: Any = None


_MOST_MEMBERS = 20
"""A file of another form has no more at its top."""

_SHAPE = NamedShape(_GraphRecord, lenient=True)
_THING = NamedShape(_ThingRecord, lenient=True).one


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, in the order of the file, read as it comes. A scene's id is the image id.

    Args:
        options: which file.
        report: receives what could not be used, and exact repeats (which are not lost).

    Raises:
        InputError: at once where there is no such file or it is of another kind; when the place is reached, where it is torn.
    """
    open_bytes(options.path).close()
    with NestedDocument(options.path) as document:
        kind = document.find_kind()
    if kind != "an object":
        mend = "GQA's is an object by image id."
        if kind == "a list":
            mend += ' Visual Genome\'s scene_graphs.json, a list, is for `reader = "visual_genome"`.'
        raise InputError(
            "is empty" if kind == "nothing" else f"is {kind}: no scene graphs", file=options.path, mend=mend
        )
    return _read_scenes(options, report)


def _read_scenes(options: Options, report: Report) -> Iterator[Scene]:
    names = Names()
    good = False
    broken: list[str] = []
    with NestedDocument(options.path) as document:
        for name, found in document.walk_named(_SHAPE):
            graph = _save(name, found, options.path, report) if isinstance(found, Broken) else found
            if graph is not None:
                good = True
                yield _make_scene(name, graph, options, names, report)
            elif not good:
                broken.append(name)
                what, mend = name_form(broken) if len(broken) <= _MOST_MEMBERS else ("", "")
                if what:
                    raise InputError(f"is {what}", file=options.path, mend=mend)
    if broken and not good:
        raise InputError(
            f"is no scene graphs: no member has `objects`; its members: {', '.join(broken[:5])}", file=options.path
        )


def _save(name: str, broken: Broken, file: Path, report: Report) -> _GraphRecord | None:
    """The good objects of a graph that breaks its type; the others are reported."""

    def say(message: str) -> None:
        report(Problem(file=str(file), place=f"image {name}", message=message))

    try:
        loose = msgspec.json.decode(broken.raw, type=_LooseGraph)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        say(f"{broken.reason}; the graph is left out")
        return None
    objects: dict[str, _ThingRecord] = {}
    for id_, raw in loose.objects.items():
        thing = _THING.decode_one(bytes(raw))
        if isinstance(thing, Broken):
            say(f"object {id_}: {thing.reason}; it is left out")
        else:
            objects[id_] = thing
    given: dict[str, Any] = {}
    for key, type_ in (("width", int | float), ("height", int | float), ("location", str), ("weather", str)):
        value = getattr(loose, key)
        if value is None or (isinstance(value, type_) and not isinstance(value, bool)):
            given[key] = value
        else:
            say(f"`{key}` is {value!r:.40}; it is left out")
    return _GraphRecord(objects=objects, **given)


def _make_scene(name: str, graph: _GraphRecord, options: Options, names: Names, report: Report) -> Scene:
    def say(message: str, *, lost: bool = True) -> None:
        report(Problem(file=str(options.path), place=f"image {name}", message=message, lost=lost))

    width, height = _find_size(graph, say)
    try:
        path = make_relative(f"{name}.jpg", options.images)
    except ValueError as error:
        say(str(error))
        path = None
    things = Things(say, width=width, height=height)
    _add_objects(graph, things, say)
    things.report_repeated()
    objects, relations, _ = things.finish()
    known = {key: clean(getattr(graph, key)) for key in ("location", "weather") if clean(getattr(graph, key))}
    return Scene(
        id=names.give(name),
        assets=(Asset(path=path, width=width, height=height),),
        objects=objects,
        relations=relations,
        metadata={"image_id": name, **known},
    )


def _find_size(graph: _GraphRecord, say: Say) -> tuple[int | None, int | None]:
    width, height = as_pixels(graph.width), as_pixels(graph.height)
    if width and height:
        return width, height
    if graph.width is not None or graph.height is not None:
        say(f"width {graph.width} and height {graph.height} are no size; they are left out")
    return None, None


def _add_objects(graph: _GraphRecord, things: Things, say: Say) -> None:
    rows = {}
    for id_, thing in graph.objects.items():
        row = things.add(id_, (thing.name,), (thing.x, thing.y, thing.w, thing.h))
        if row is not None:
            rows[id_] = row
            if thing.attributes:
                things.describe(row, thing.attributes)
    for id_, thing in graph.objects.items():
        for relation in thing.relations or ():
            other = rows.get(str(relation.object))
            if id_ not in rows or other is None:
                say(f"object {id_}: {relation.name!r:.40} of {relation.object}: one is not there; it is left out")
            else:
                things.relate(rows[id_], relation.name or "", other, f"of object {id_}")
