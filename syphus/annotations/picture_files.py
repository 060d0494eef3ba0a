"""Picture files beside annotations: their sizes, where a format gives boxes as shares of them, and where they stand."""

import os
from collections.abc import Iterator
from pathlib import Path

import imagesize

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
"""Of picture files, in small letters."""

_MOST_PIXELS = 1 << 31


def measure_picture(file: Path) -> tuple[int, int] | None:
    """Width and height in pixels, from the file's head; None where there is no such file, or none that can be read.

    They are those of the picture as people see it: turned as its EXIF mark says.
    """
    try:
        width, height = imagesize.get(file)
    except Exception:  # noqa: BLE001  a torn head ends in whatever the parsing of it meets: struct.error, XML's errors ...
        return None
    return (width, height) if 0 < width < _MOST_PIXELS and 0 < height < _MOST_PIXELS else None


def is_file(path: Path) -> bool:
    """Whether there is such a file; also of a name that no file can have, for which :meth:`Path.is_file` may raise."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path) -> bool:
    """Whether there is such a folder, in the same way."""
    return os.path.isdir(path)  # noqa: PTH112


def as_pixels(value: float | None) -> int | None:
    """A width or height that a file gives, where it is a number of pixels; None otherwise."""
    if value is None or not 0 < value < _MOST_PIXELS:
        return None
    return int(value) if value == int(value) else None


def walk_files(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """All files below a folder that end so, in the order of their paths; a folder that cannot be read has none."""
    if "\0" in str(folder):
        return  # the one name that raises something else than an OSError
    for place, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(place, name) for name in sorted(files) if name.lower().endswith(suffixes))
