"""Reader of CVAT's own XML for images: boxes, polygons, points, skeletons and tags, with attributes.

https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/, "CVAT for images 1.1", in pixels: ``<annotations><image id name
width height><box label occluded xtl ytl xbr ybr rotation><attribute name="colour">red</attribute></box> ...</image></annotations>``.

Quirks: ``name`` may hold folders; a box may be turned (``rotation``, degrees), and has the box around it; points of a skeleton
have labels of their own; a ``tag`` is said of the whole picture; an attribute that is ticked is ``true``. Left knowingly: outlines
and masks (the box around a mask stays), ``z_order``, ``source``, the task's description. Tracks ("CVAT for video") are not read.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from msgspec import Struct

from syphus.annotations.labels import HIDDEN, clean, clean_identifier
from syphus.annotations.naming import Names, find_stem, make_relative
from syphus.annotations.picture_files import as_pixels, measure_picture
from syphus.annotations.pictures.drawn import Drawn, Point, find_corners, make_objects
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_plain
from syphus.errors import InputError
from syphus.records import Asset, Scene

_SHAPES = ("box", "polygon", "polyline", "points", "ellipse", "cuboid", "mask", "skeleton")


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which file."""

    path: Path
    """``annotations.xml``, or the zip file with nothing else in it."""
    images: Path | None = None
    """The picture folder."""


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one an image, in the order of the file, which is held whole. A scene's id is the picture's name.

    Args:
        options: which file.
        report: receives shapes that cannot be used.

    Raises:
        InputError: at once where the file cannot be read, or is none of CVAT's for images.
    """
    with open_plain(options.path) as stream:
        data = stream.read()
    if not data.strip():
        raise InputError("is empty", file=options.path)
    try:
        root: Element = fromstring(data)
    except ParseError as error:
        line, column = getattr(error, "position", (1, 0))
        reason = str(error).partition(":")[0]
        raise InputError(
            f"is no XML: {reason}", file=options.path, place=f"line {line}, column {column + 1}"
        ) from error
    except DefusedXmlException as error:
        raise InputError("defines entities of its own, which no annotation needs", file=options.path) from error
    except (ValueError, LookupError) as error:
        raise InputError(f"is no XML: {error}", file=options.path) from error
    if root.tag != "annotations" or (root.find("track") is not None and root.find("image") is None):
        mend = 'Export it as "CVAT for images 1.1".'
        if root.tag == "annotation":
            mend = 'A Pascal VOC annotation is for `reader = "pascal_voc"`.'
        what = "has tracks of a video" if root.tag == "annotations" else f"its root is <{clean(root.tag):.40}>"
        raise InputError(f"{what}: this is no CVAT file for images", file=options.path, mend=mend)
    return _read_scenes(root, options, report)


def _read_scenes(root: Element, options: Options, report: Report) -> Iterator[Scene]:
    names = Names()
    for number, image in enumerate(root.iterfind("image")):
        yield _make_scene(image, f"image {number} ({clean(image.get('name')):.60})", options, names, report)


def _make_scene(image: Element, where: str, options: Options, names: Names, report: Report) -> Scene:
    def say(place: str, message: str, *, lost: bool = True) -> None:
        report(Problem(file=str(options.path), place=f"{where}, {place}", message=message, lost=lost))

    name, path = image.get("name") or "", None
    try:
        path = make_relative(name, options.images)
    except ValueError as error:
        say("name", str(error))
    width, height = (as_pixels(_number(image, side)) for side in ("width", "height"))
    if (width is None or height is None) and path is not None and options.images is not None:
        width, height = measure_picture(options.images / path) or (None, None)
    asset = Asset(path=path, width=width if height else None, height=height if width else None)
    drawn: list[Drawn] = []
    tags: list[str] = []
    for number, element in enumerate(image):
        place = f"{element.tag} {number}"
        label = clean_identifier(element.get("label") or "")
        if element.tag == "tag":
            tags.append(", ".join(filter(None, (label, *_find_attributes(element)))))
        elif element.tag in _SHAPES:
            try:
                drawn.append(_read_shape(place, label, element))
            except ValueError as error:
                say(place, f"{error}; it is left out")
    told = [tag for tag in dict.fromkeys(tags) if tag]
    subset = clean(image.get("subset"))
    return Scene(
        id=names.give(find_stem(name)),
        assets=(asset,),
        objects=make_objects(drawn, asset, say),
        prose=(f"Tags: {'; '.join(told)}",) if told else (),
        metadata={"split": subset} if subset else {},
    )


def _find_attributes(element: Element) -> tuple[str, ...]:
    found = [HIDDEN] if element.get("occluded") == "1" else []
    for one in element.iterfind("attribute"):
        name, value = clean_identifier(one.get("name") or ""), clean(one.text)
        if not name or value.lower() in ("", "false", "__undefined__"):
            continue
        found.append(name if value.lower() == "true" else f"{name}: {value}")
    return tuple(found)


def _read_shape(place: str, label: str, element: Element) -> Drawn:
    """``ValueError`` where it is none."""
    attributes = _find_attributes(element)
    if element.tag == "skeleton":
        points = tuple(
            (clean_identifier(one.get("label") or ""), point)
            for one in element.iterfind("points")
            if one.get("outside") != "1"
            for point in _read_points(one.get("points"))
        )
        places = [point for _, point in points]
        corners = find_corners(places) if len(places) > 1 else None
        named = tuple((name or label, point) for name, point in points)
        # joints in one line have no area, and stay
        return Drawn(place, label, corners if corners and _has_area(corners) else None, named, attributes)
    if element.tag == "points":
        points = tuple((label, point) for point in _read_points(element.get("points")))
        return Drawn(place, label, points=points, attributes=attributes)
    return Drawn(place, label, _find_corners(element), attributes=attributes)


def _has_area(corners: tuple[float, float, float, float]) -> bool:
    return corners[0] < corners[2] and corners[1] < corners[3]


def _find_corners(element: Element) -> tuple[float, float, float, float]:
    if element.tag == "box":
        x1, y1, x2, y2 = (_need(element, key) for key in ("xtl", "ytl", "xbr", "ybr"))
        return _turn(x1, y1, x2, y2, _number(element, "rotation") or 0.0)
    if element.tag == "ellipse":
        x, y, rx, ry = (_need(element, key) for key in ("cx", "cy", "rx", "ry"))
        return _turn(x - rx, y - ry, x + rx, y + ry, _number(element, "rotation") or 0.0)
    if element.tag == "mask":
        left, top, width, height = (_need(element, key) for key in ("left", "top", "width", "height"))
        return left, top, left + width, top + height
    if element.tag == "cuboid":
        corners = ("xtl1", "ytl1", "xbl1", "ybl1", "xtr1", "ytr1", "xbr1", "ybr1", "xtl2", "ytl2", "xbl2", "ybl2")
        numbers = [_need(element, key) for key in corners]
        return find_corners(list(zip(numbers[0::2], numbers[1::2], strict=True)))
    return find_corners(_read_points(element.get("points")))


def _turn(x1: float, y1: float, x2: float, y2: float, degrees: float) -> tuple[float, float, float, float]:
    """The box around a box that is turned about its middle."""
    if not degrees:
        return x1, y1, x2, y2
    angle, x, y = math.radians(degrees), (x1 + x2) / 2, (y1 + y2) / 2
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    across, down = (x2 - x1) / 2, (y2 - y1) / 2
    half_width, half_height = across * cos + down * sin, across * sin + down * cos
    return x - half_width, y - half_height, x + half_width, y + half_height


def _read_points(text: str | None) -> list[Point]:
    """``x,y;x,y``; ``ValueError`` where there are none."""
    pairs = [pair.split(",") for pair in (text or "").split(";") if pair.strip()]
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise ValueError("it has no points")
    points = [(float(x), float(y)) for x, y in pairs]
    if not all(map(math.isfinite, (value for point in points for value in point))):
        raise ValueError("it has a point beyond all numbers")
    return points


def _number(element: Element, key: str) -> float | None:
    try:
        number = float(element.get(key) or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _need(element: Element, key: str) -> float:
    number = _number(element, key)
    if number is None:
        raise ValueError(f"it has no number `{key}`")
    return number
