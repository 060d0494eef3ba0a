"""Reader of Label Studio's exports of pictures: JSON (tasks with annotations) and JSON-MIN.

https://labelstud.io/guide/export and https://labelstud.io/guide/task_format: a list of ``{id, data: {image}, annotations: [{result:
[{id, type, from_name, original_width, original_height, value}], was_cancelled}]}``. Places are per cent of the picture's sides:
``value`` of ``rectanglelabels`` and ``ellipselabels`` is ``{x, y, width, height}`` or ``{x, y, radiusX, radiusY}`` with ``rotation``
about the corner, of ``polygonlabels`` ``{points}``, of ``keypointlabels`` ``{x, y}``. Results of one id are one region: what a person
typed (``textarea``) or chose (``choices``) stands beside its shape. JSON-MIN has the values themselves under the names of the
controls, ``{image, label: [{x, y, width, height, rectanglelabels, original_width, original_height}], caption: "..."}``.

Quirks: the picture is ``/data/upload/3/0a1b2c3d-cat.jpg`` (uploaded: eight letters are put before its name),
``/data/local-files/?d=pets/cat.jpg``, or an address. Typed text about the whole picture is a caption; about a shape without a
label it is what is written there (the template for OCR). Left knowingly: masks (``brushlabels``), rankings, predictions, times,
annotators; of several annotations of a task those that were cancelled, and equal shapes.
"""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
from msgspec import Struct

from syphus.annotations.foreign import name_form, name_keys
from syphus.annotations.json_shapes import Broken, Shape
from syphus.annotations.json_stream import JsonDocument
from syphus.annotations.labels import clean, clean_identifier
from syphus.annotations.mending import mend_box
from syphus.annotations.naming import Names, find_stem, is_address, make_relative
from syphus.annotations.picture_files import as_pixels, is_file
from syphus.annotations.pictures.drawn import Drawn, Say, find_corners, make_objects
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_bytes
from syphus.errors import InputError
from syphus.records import Asset, Caption, OcrLine, Scene

_LABELS = ("rectanglelabels", "polygonlabels", "ellipselabels", "keypointlabels", "brushlabels", "labels")
_UPLOADED = re.compile(r"^[0-9a-f]{8}-(?=.)")
_PICTURES = ("image", "img", "picture", "photo", "url", "ocr")
"""Keys of ``data`` that are taken for the picture; else the first value that looks like a path."""
_LOOKS_LIKE_A_PATH = re.compile(
    r"\.(?:jpe?g|png|webp|gif|bmp|tiff?)(?:$|\?)|^/data/|^https?://|^s3://|^gs://", re.IGNORECASE
)


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which file."""

    path: Path
    """``project-1-at-2024-01-01.json``."""
    images: Path | None = None
    """The picture folder: that of local files, or the one to which uploaded pictures were copied."""


class _Task(Struct):
    data: dict[str, Any] | None = None
    annotations: list[dict[str, Any]] | None = None
    completions: list[dict[str, Any]] | None = None
    """What versions before 1.0 called them."""
    id: int | str | None = None


_TASK: Shape[dict[str, Any]] = Shape(dict[str, Any])


class _Result(NamedTuple):
    """What one control says of a region, or of the picture."""

    id: str
    control: str
    value: Mapping[str, Any]
    size: tuple[Any, Any]


class _Region(Struct):
    """Results of one id."""

    place: str
    values: dict[str, Any] = {}
    labels: list[str] = []
    texts: list[str] = []
    choices: list[str] = []


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one a task, in the order of the file, which is read as it comes. A scene's id is the picture's name.

    Args:
        options: which file.
        report: receives tasks without a picture, and shapes that cannot be used.

    Raises:
        InputError: at once where there is no such file; with the first scene where it is another kind of file; when the place
            is reached where it is torn.
    """
    open_bytes(options.path).close()
    return _read_scenes(options, report)


def _read_scenes(options: Options, report: Report) -> Iterator[Scene]:
    names, file = Names(), str(options.path)
    good = False
    with JsonDocument(options.path) as document:
        kind = document.find_kind()
        if kind != "a list":
            message = "is empty" if kind == "nothing" else f"is {kind}: Label Studio's exports are lists of tasks"
            raise InputError(message, file=options.path, mend="Export the project as JSON or JSON-MIN.")
        for batch in document.walk_array(_TASK):
            for index, record in enumerate(batch.records, batch.first):
                place = f"[{index}]"
                try:
                    if isinstance(record, Broken):
                        raise ValueError(record.reason)  # noqa: TRY004, TRY301
                    yield _make_scene(record, place, options, names, report)
                    good = True
                except ValueError as error:
                    keys = [] if isinstance(record, Broken) else list(record)
                    if not good and index == 0 and "data" not in keys:
                        what, mend = name_form(keys)
                        message = f"is {what}" if what else f"has no task of pictures; its keys: {name_keys(keys)}"
                        raise InputError(message, file=options.path, mend=mend) from error
                    report(Problem(file=file, place=place, message=f"{error}; the task is left out"))


def _make_scene(record: dict[str, Any], where: str, options: Options, names: Names, report: Report) -> Scene:
    """``ValueError`` for what is no task of a picture."""

    def say(place: str, message: str, *, lost: bool = True) -> None:
        report(Problem(file=str(options.path), place=f"{where}{place}", message=message, lost=lost))

    try:
        task = msgspec.convert(record, _Task)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    data = record if task.data is None else task.data
    picture = _find_picture(data)
    results = list(_read_minimal(record) if task.data is None else _read_results(task, say))
    if task.data is None and not results and "annotation_id" not in record:
        raise ValueError("it is no task")
    asset = _make_asset(picture, results, options.images, say)
    regions: dict[str, _Region] = {}
    captions: dict[str, None] = {}
    chosen: dict[str, None] = {}
    for one in results:
        texts = _list_texts(one.value.get("text"))
        choices = [*_list_texts(one.value.get("choices")), *_list_texts(one.value.get("taxonomy"))]
        shape = {key: value for key, value in one.value.items() if key in _SHAPE_KEYS}
        if not shape:
            captions.update(dict.fromkeys(texts))
            chosen.update(dict.fromkeys(f"{clean_identifier(one.control)}: {choice}" for choice in choices))
            continue
        region = regions.setdefault(one.id, _Region(f", result {one.id}" if one.id else "", {}, [], [], []))
        region.values.update(shape)
        for key in _LABELS:
            region.labels += [clean_identifier(text) for text in _list_texts(one.value.get(key))]
        region.texts += texts
        region.choices += [f"{clean_identifier(one.control)}: {choice}" for choice in choices]
    drawn, ocr = _sort(regions, asset, say)
    metadata: dict[str, Any] = {} if task.id is None else {"task": task.id}
    return Scene(
        id=names.give(find_stem(asset.path or asset.url or str(task.id or "task"))),
        assets=(asset,),
        captions=tuple(Caption(text=text) for text in captions),
        objects=make_objects(drawn, asset, say),
        ocr=tuple(ocr),
        prose=tuple(chosen),
        metadata=metadata,
    )


_SHAPE_KEYS = ("x", "y", "width", "height", "rotation", "radiusX", "radiusY", "points", "rle", "format")


def _find_picture(data: Mapping[str, Any]) -> str:
    lower = {key.lower(): value for key, value in data.items() if isinstance(value, str) and value.strip()}
    found = next((lower[key] for key in _PICTURES if key in lower), None)
    found = found or next((value for value in lower.values() if _LOOKS_LIKE_A_PATH.search(value.strip())), None)
    if found is None:
        raise ValueError(f"it names no picture; its data: {name_keys(data)}")
    return found.strip()


def _read_results(task: _Task, say: Say) -> Iterator[_Result]:
    """Of all annotations that stand; the same shape of two annotators is one."""
    known: set[str] = set()
    for number, annotation in enumerate(task.annotations or task.completions or ()):
        given = annotation.get("result")
        if annotation.get("was_cancelled") or not isinstance(given, list):
            continue
        for index, one in enumerate(given):
            value = one.get("value") if isinstance(one, dict) else None
            if not isinstance(value, dict):
                if not isinstance(one, dict) or one.get("type") != "relation":
                    say(f".annotations[{number}].result[{index}]", "it has no `value`; it is left out")
                continue
            control = str(one.get("from_name") or "")
            # an annotator's mark on what another one drew has the same value, and another id
            mark = f"{control} {msgspec.json.encode(value, order='sorted').decode()}"
            if number and mark in known:
                continue
            known.add(mark)
            yield _Result(
                f"{number}.{one.get('id')}", control, value, (one.get("original_width"), one.get("original_height"))
            )


def _read_minimal(record: Mapping[str, Any]) -> Iterator[_Result]:
    """JSON-MIN: values under the names of their controls."""
    for control, given in record.items():
        if isinstance(given, list):
            for number, value in enumerate(given):
                if isinstance(value, dict) and any(key in value for key in _SHAPE_KEYS):
                    size = value.get("original_width"), value.get("original_height")
                    yield _Result(f"{control}[{number}]", control, value, size)
                elif isinstance(value, str):
                    yield _Result("", control, {"text": value}, (None, None))
        elif isinstance(given, dict) and "choices" in given:
            yield _Result("", control, given, (None, None))
        elif isinstance(given, str) and control in ("caption", "captions", "text", "description"):
            yield _Result("", control, {"text": given}, (None, None))
        elif isinstance(given, str) and control in ("choice", "class", "category", "sentiment"):
            yield _Result("", control, {"choices": [given]}, (None, None))


def _make_asset(picture: str, results: list[_Result], images: Path | None, say: Say) -> Asset:
    sizes = [(as_pixels(_number(w)), as_pixels(_number(h))) for w, h in (one.size for one in results)]
    width, height = next((size for size in sizes if all(size)), (None, None))
    if is_address(picture) and "/data/" not in urlsplit(picture).path:
        return Asset(url=picture, width=width, height=height)
    place = unquote(picture)
    if "?d=" in picture:
        place = parse_qs(urlsplit(picture).query).get("d", [""])[0]
    elif "/data/upload/" in picture:
        name = unquote(urlsplit(picture).path).rpartition("/")[2]
        bare = _UPLOADED.sub("", name)
        place = name if images is None or is_file(images / name) or not is_file(images / bare) else bare
    elif "://" in place:
        place = urlsplit(place).path.lstrip("/")  # a bucket's; the pictures are where they were copied to
    path = None
    try:
        path = make_relative(
            place.lstrip("/") if images is None or not place.startswith(str(images)) else place, images
        )
        bare = path.rpartition("/")[2]
        if images is not None and not is_file(images / path) and is_file(images / bare):
            path = bare
    except ValueError as error:
        say(".data", str(error))
    return Asset(path=path, width=width, height=height)


def _sort(regions: Mapping[str, _Region], asset: Asset, say: Say) -> tuple[list[Drawn], list[OcrLine]]:
    """Shapes with labels, and texts that were read at shapes."""
    drawn: list[Drawn] = []
    ocr: list[OcrLine] = []
    for region in regions.values():
        if "rle" in region.values:
            say(region.place, "a mask has no box here; it is left out")
            continue
        corners: tuple[float, float, float, float] | None = None
        try:
            corners, point = _find_corners(region.values, asset)
        except ValueError as error:
            say(region.place, f"{error}; it is left out")
            continue
        label = ", ".join(dict.fromkeys(filter(None, region.labels)))
        if region.texts:
            box = None
            if corners is not None:
                mended = mend_box(*corners, width=asset.width, height=asset.height)
                box = mended.box
                if mended.message:
                    say(region.place, mended.message, lost=box is None)
            ocr += [OcrLine(text=text, box=box) for text in region.texts]
            if not label or label.lower() in ("text", "handwriting"):
                continue
        points = ((label, point),) if point is not None else ()
        attributes = (*region.choices, *(f"says “{text}”" for text in region.texts))
        drawn.append(Drawn(region.place, label, corners, points, attributes))
    return drawn, ocr


def _find_corners(
    value: Mapping[str, Any], asset: Asset
) -> tuple[tuple[float, float, float, float] | None, tuple[float, float] | None]:
    """Corners in pixels, or the point; ``ValueError`` where the numbers are none or the picture's size is not known."""
    if asset.width is None or asset.height is None:
        raise ValueError("places are per cent of a picture of which no size is given")
    across, down = asset.width / 100, asset.height / 100
    if "points" in value:
        given = value["points"]
        points = [(_number(one[0]), _number(one[1])) for one in given if isinstance(one, list) and len(one) == 2]
        good = [(x * across, y * down) for x, y in points if x is not None and y is not None]
        if not good or len(good) < len(given):
            raise ValueError("its points are no pairs of numbers")
        return find_corners(good), None
    x, y = _number(value.get("x")), _number(value.get("y"))
    if x is None or y is None:
        raise ValueError("it has no place")
    rx, ry = _number(value.get("radiusX")), _number(value.get("radiusY"))
    if rx is not None and ry is not None:
        return _turn(x * across, y * down, rx * across, ry * down, value), None
    width, height = _number(value.get("width")), _number(value.get("height"))
    if width is None or height is None or "keypointlabels" in value or not height:
        return None, (x * across, y * down)
    return _turn_about_corner(x * across, y * down, width * across, height * down, value), None


def _turn(x: float, y: float, rx: float, ry: float, value: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """The box around an ellipse about its middle."""
    angle = math.radians(_number(value.get("rotation")) or 0.0)
    half_width = math.hypot(rx * math.cos(angle), ry * math.sin(angle))
    half_height = math.hypot(rx * math.sin(angle), ry * math.cos(angle))
    return x - half_width, y - half_height, x + half_width, y + half_height


def _turn_about_corner(
    x: float, y: float, width: float, height: float, value: Mapping[str, Any]
) -> tuple[float, float, float, float]:
    """The box around a rectangle that is turned about its top left corner, clockwise."""
    angle = math.radians(_number(value.get("rotation")) or 0.0)
    cos, sin = math.cos(angle), math.sin(angle)
    return find_corners(
        [(x + a * cos - b * sin, y + a * sin + b * cos) for a, b in ((0, 0), (width, 0), (width, height), (0, height))]
    )


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _list_texts(value: Any) -> list[str]:
    """The texts of a value: one, a list of them, or a path in a tree (taxonomies)."""
    if isinstance(value, str):
        return [text for text in [clean(value)] if text]
    if not isinstance(value, list):
        return []
    if value and all(isinstance(one, list) for one in value):
        return [" / ".join(clean(text) for text in one if isinstance(text, str)) for one in value]
    return [clean(text) for text in value if isinstance(text, str) and clean(text)]
