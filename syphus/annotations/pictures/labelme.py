"""Reader of LabelMe's files: a JSON file for each picture, beside it, with labelled shapes.

https://github.com/wkentaro/labelme (``labelme/label_file.py``), versions 3 to 5, and tools that write its form (X-AnyLabeling):
``{version, flags, shapes: [{label, points: [[x, y], ...], shape_type, group_id, flags, description}], imagePath, imageData,
imageHeight, imageWidth}``, in pixels.

Quirks: a rectangle is any two opposite corners; a circle is its middle and a point on its line; version 3 has no ``shape_type``,
which then is a polygon; ``imagePath`` is relative to the JSON file, with either kind of slash; ``imageData`` holds the whole
picture again and is passed over; ``flags`` are what is ticked. Left knowingly: outlines, ``group_id``, colours of lines.
"""

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import force_setattr

from syphus.annotations.foreign import name_form, name_keys
from syphus.annotations.json_shapes import Broken, Shape
from syphus.annotations.labels import clean, clean_identifier
from syphus.annotations.naming import Names, make_relative
from syphus.annotations.picture_files import as_pixels, is_file, measure_picture, walk_files
from syphus.annotations.pictures.drawn import Drawn, find_corners, make_objects
from syphus.annotations.reading import Problem, Report
from syphus.decoding import decode_json, read_text
from syphus.errors import InputError
from syphus.records import Asset, Caption, Scene


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the files are."""

    path: Path
    """A JSON file, or a folder of them; sub-folders too."""
    images: Path | None = None
    """The picture folder. After construction: the folder of ``path``, where none is given."""

    def __post_init__(self) -> None:
        if self.images is None:
            force_setattr(self, "images", self.path if self.path.is_dir() else self.path.parent)


class _ShapeRecord(Struct, gc=False):
    label: str
    points: list[tuple[float, float]]
    shape_type: str | None = None
    flags: dict[str, bool | None] | None = None
    description: str | None = None
    attributes: dict[str, Any] | None = None
    """X-AnyLabeling's."""


class _FileRecord(Struct):
    shapes: list[msgspec.Raw]
    imagePath: str | None = None  # noqa: N815 (LabelMe's own names)
    imageWidth: int | float | None = None  # noqa: N815
    imageHeight: int | float | None = None  # noqa: N815
    flags: dict[str, bool | None] | None = None
    description: str | None = None


_SHAPE: Shape[_ShapeRecord] = Shape(_ShapeRecord, lenient=True)


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one a JSON file, in the order of their paths. A scene's id is the file's name.

    Args:
        options: where they are.
        report: receives shapes that cannot be used and, of several files, those that are none of LabelMe's.

    Raises:
        InputError: at once where there are no such files; a single file that is none.
    """
    if not options.path.is_dir():
        return _read_scenes([options.path], options, report, single=True)
    files = list(walk_files(options.path, (".json",)))
    if not files:
        raise InputError("has no .json files", file=options.path, mend="LabelMe has one for each picture.")
    return _read_scenes(files, options, report, single=False)


def _read_scenes(files: list[Path], options: Options, report: Report, *, single: bool) -> Iterator[Scene]:
    names, good = Names(), False
    first: InputError | None = None
    for file in files:
        try:
            record = _read_file(file)
        except InputError as error:
            if single:
                raise
            first = first or error
            report(Problem(file=str(file), place=error.place or "line 1", message=f"{error.message}; it is left out"))
            continue
        good = True
        yield _make_scene(file, record, options, names, report)
    if first is not None and not good:
        raise first


def _read_file(file: Path) -> _FileRecord:
    text = read_text(file)
    try:
        return decode_json(text, _FileRecord, file=file)
    except InputError as error:
        keys = Broken("", text.encode(errors="replace")).find_keys()
        if not keys or "shapes" in keys:
            raise
        what, mend = name_form(keys)
        message = f"is {what}" if what else f"has no `shapes`: this is no LabelMe file; its keys: {name_keys(keys)}"
        raise InputError(message, file=file, mend=mend) from error


def _make_scene(file: Path, record: _FileRecord, options: Options, names: Names, report: Report) -> Scene:
    def say(place: str, message: str, *, lost: bool = True) -> None:
        report(Problem(file=str(file), place=place, message=message, lost=lost))

    path = None
    try:
        path = _find_path(file, record, options.images or Path())
    except ValueError as error:
        say("imagePath", str(error))
    width, height = as_pixels(record.imageWidth), as_pixels(record.imageHeight)
    if (width is None or height is None) and path is not None:
        width, height = measure_picture((options.images or Path()) / path) or (None, None)
    asset = Asset(path=path, width=width if height else None, height=height if width else None)
    drawn: list[Drawn] = []
    for number, raw in enumerate(record.shapes):
        place = f"shapes[{number}]"
        shape = _SHAPE.decode_one(bytes(raw))
        try:
            if isinstance(shape, Broken):
                raise ValueError(shape.reason)  # noqa: TRY004, TRY301
            drawn.append(_read_shape(place, shape))
        except ValueError as error:
            say(place, f"{error}; it is left out")
    ticked = [clean_identifier(flag) for flag, value in (record.flags or {}).items() if value]
    about = clean(record.description)
    return Scene(
        id=names.give(file.stem),
        assets=(asset,),
        captions=(Caption(text=about),) if about else (),
        objects=make_objects(drawn, asset, say),
        metadata={"flags": ticked} if ticked else {},
    )


def _find_path(file: Path, record: _FileRecord, images: Path) -> str:
    """``imagePath`` starts at the JSON file; pictures that were moved are looked for by their names."""
    given = (record.imagePath or f"{file.stem}.jpg").replace("\\", "/")
    folder = file.parent.relative_to(images).as_posix() if file.parent.is_relative_to(images) else "."
    base = PurePosixPath(given).name
    parts: list[str] = []
    for part in (*PurePosixPath(folder).parts, *PurePosixPath(given).parts):
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    choices = ["/".join(parts), f"{folder}/{base}", base]
    for choice in choices:
        try:
            path = make_relative(choice, images)
        except ValueError:
            continue
        if is_file(images / path):
            return path
    try:
        return make_relative(choices[0], images)
    except ValueError:  # the folder of another machine
        return make_relative(choices[1], images)


def _read_shape(place: str, shape: _ShapeRecord) -> Drawn:
    """``ValueError`` where it is none."""
    if not shape.points or not all(math.isfinite(value) for point in shape.points for value in point):
        raise ValueError("it has no points")
    label = clean_identifier(shape.label)
    ticked = [clean_identifier(flag) for flag, value in (shape.flags or {}).items() if value]
    named = [
        f"{clean_identifier(name)}: {clean(value)}"
        for name, value in (shape.attributes or {}).items()
        if isinstance(value, str) and clean(value)
    ]
    attributes = (*ticked, *named, clean(shape.description))
    if shape.shape_type in ("point", "points"):
        return Drawn(place, label, points=tuple((label, point) for point in shape.points), attributes=attributes)
    corners = find_corners(shape.points)
    if shape.shape_type == "circle":
        if len(shape.points) != 2:
            raise ValueError(f"the circle has {len(shape.points)} points, not 2")
        (x, y), (other_x, other_y) = shape.points
        radius = math.hypot(other_x - x, other_y - y)
        corners = (x - radius, y - radius, x + radius, y + radius)
    return Drawn(place, label, corners, attributes=attributes)
