"""The XML that Pascal VOC made common: a picture's size, and objects with the corners of their boxes.

Read with defusedxml, so that no file can blow itself up or reach into others.
"""

import math
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from syphus.annotations.labels import clean
from syphus.annotations.picture_files import as_pixels
from syphus.annotations.text_files import open_bytes
from syphus.errors import InputError

CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read_annotation(file: Path) -> Element:
    """The root of an annotation file.

    Raises:
        InputError: where it cannot be read, is no XML, or has another root.
    """
    with open_bytes(file) as stream:
        try:
            data = stream.read()
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", file=file) from error
    if not data.strip():
        raise InputError("is empty", file=file)
    try:
        root: Element = fromstring(data)
    except ParseError as error:
        line, column = getattr(error, "position", (1, 0))
        reason = str(error).partition(":")[0]
        raise InputError(f"is no XML: {reason}", file=file, place=f"line {line}, column {column + 1}") from error
    except DefusedXmlException as error:
        raise InputError("defines entities of its own, which no annotation needs", file=file) from error
    except (ValueError, LookupError) as error:
        raise InputError(f"is no XML: {error}", file=file) from error
    if root.tag != "annotation":
        raise InputError(
            f"its root is <{clean(root.tag):.40}>, not <annotation>: this is no Pascal VOC annotation", file=file
        )
    return root


def find_text(element: Element, tag: str) -> str:
    """The text of a child, in single spaces; empty where there is none."""
    return clean(element.findtext(tag))


def find_number(element: Element, tag: str) -> float | None:
    """The number that a child holds; None where it holds none."""
    try:
        number = float(find_text(element, tag))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def find_size(root: Element) -> tuple[int, int] | None:
    """Width and height of the picture; some tools leave them 0."""
    size = root.find("size")
    if size is None:
        return None
    width, height = as_pixels(find_number(size, "width")), as_pixels(find_number(size, "height"))
    return (width, height) if width and height else None


def find_corners(element: Element) -> tuple[float, float, float, float]:
    """The corners of a ``bndbox`` as they stand there. Raises ``ValueError`` where they are no four numbers."""
    x1, y1, x2, y2 = (find_number(element, tag) for tag in CORNERS)
    if x1 is None or y1 is None or x2 is None or y2 is None:
        missing = [tag for tag in CORNERS if find_number(element, tag) is None]
        raise ValueError(f"its box has no number {', '.join(missing)}")
    return x1, y1, x2, y2
