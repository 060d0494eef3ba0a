"""Pictures that lie inside of containers: what they are, how large, and, where that is asked for, written out as files."""

import shutil
from io import BytesIO
from pathlib import Path
from typing import IO

import imagesize

from syphus.files import write_whole

HEAD = 1 << 18
"""Bytes of a picture that are read to know its size; a JPEG's stands behind its EXIF data, which may hold a small picture."""

_LONGEST_NAME = 240
_MAGIC = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"II*\x00", ".tif"),
    (b"MM\x00*", ".tif"),
)


def find_suffix(head: bytes) -> str:
    """The suffix of the picture that begins so; empty where it is no picture that is known."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    return next((suffix for magic, suffix in _MAGIC if head.startswith(magic)), "")


def measure_head(head: bytes) -> tuple[int, int] | None:
    """Width and height in pixels of the picture that begins so; None where that cannot be told."""
    if not find_suffix(head):
        return None
    try:
        width, height = imagesize.get(BytesIO(head))
    except Exception:  # noqa: BLE001  a torn head ends in whatever the parsing of it meets
        return None
    return (width, height) if 0 < width < 1 << 31 and 0 < height < 1 << 31 else None


def write_picture(folder: Path, path: str, head: bytes, rest: IO[bytes] | None, size: int) -> None:
    """Writes a picture where it is not there yet in the same size: whole or not at all.

    Args:
        folder: the picture folder.
        path: as an asset has it, checked by :func:`syphus.annotations.naming.make_relative`.
        head: its first bytes.
        rest: the others; None where there are none.
        size: bytes of all of it.

    Raises:
        ValueError: a name is too long for a file.
        InputError: the folder cannot be written, or the disk is full.
        OSError: ``rest`` cannot be read, or ends too early.
    """
    if any(len(part.encode()) > _LONGEST_NAME for part in path.split("/")) or len(path) > 8 * _LONGEST_NAME:
        raise ValueError(f"the picture's name {path[:60]!r}... is too long for a file")
    file = folder / path
    try:
        if file.is_file() and file.stat().st_size == size:
            return
    except OSError:
        pass  # the writing of it says what is wrong
    with write_whole(file) as stream:
        stream.write(head)
        if rest is not None:
            shutil.copyfileobj(rest, stream, 1 << 20)
        if stream.tell() != size:
            raise _TornError


class _TornError(EOFError):
    """The picture ends before its size: nothing is written."""
