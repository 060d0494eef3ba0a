"""Pictures made small, so that they can stand in the page itself.

Everything is decoded and encoded again, by Pillow (``syphus[report]``): what stands in the page is a picture of ours, and
nothing that a dataset brought with it. Without Pillow there are frames without pictures, with their boxes.
"""

import base64
import binascii
import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from syphus.records import Asset

SIDES = ((1_500, 512), (4_000, 384), (10_000, 288), (1 << 62, 224))
"""With at most so many pictures, the longer side has so many pixels."""
MOST_BYTES = 64 << 20
"""Of all pictures together; what comes later is left out, and counted."""
FRAMES = 6
"""Frames that are shown of a folder of them."""
_MOST_PIXELS = 120_000_000
_MOST_DATA = 40 << 20
_QUALITY = 72
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif")

Find = Callable[[Asset, str], Path | None]
"""The file of an asset of a source; None where there is none that may be shown."""


class Thumbnail(Struct, frozen=True):
    """A small picture and the size, in pixels, of the one that it was made of."""

    data: bytes
    """WebP."""
    width: int
    height: int


def have_pillow() -> bool:
    """Whether pictures can be made small."""
    try:
        import PIL.Image  # noqa: F401, PLC0415 - an extra
    except ImportError:
        return False
    return True


def side_for(pictures: int) -> int:
    """Pixels of the longer side, where there are so many pictures."""
    return next(side for most, side in SIDES if pictures <= most)


def make_thumbnail(source: Path | bytes, side: int) -> Thumbnail | None:
    """The picture, upright, at most ``side`` pixels long; None for what is no picture, is torn, or is far too large.

    Args:
        source: a file, or the bytes of one.
        side: of the longer side; smaller pictures stay as they are.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415 - an extra

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as opened:
                if opened.width * opened.height > _MOST_PIXELS:
                    return None
                turned = opened.getexif().get(0x0112, 1) >= 5
                width, height = (opened.height, opened.width) if turned else opened.size
                opened.draft("RGB", (side * 2, side * 2))  # JPEG is decoded at a fraction of its size
                small = ImageOps.exif_transpose(opened)
                small.thumbnail((side, side))
                out = io.BytesIO()
                small.convert("RGB").save(out, "WEBP", quality=_QUALITY, method=2)
    except Exception:  # noqa: BLE001 - a torn or hostile file ends in whatever its decoder meets
        return None
    return Thumbnail(out.getvalue(), width, height)


def embedded_bytes(url: str | None) -> bytes | None:
    """The picture that a ``data:image/...;base64,`` url holds; None for every other url."""
    if not url or not url.startswith("data:image/") or len(url) > _MOST_DATA:
        return None
    head, comma, body = url.partition(",")
    if not comma or not head.endswith(";base64"):
        return None
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return None


def inside(folder: Path, path: str | None) -> Path | None:
    """The file that a relative path names below a folder; None where it leads out of it, or there is none."""
    if not path or "\x00" in path:
        return None
    parts = path.replace("\\", "/").split("/")
    if ".." in parts or path.startswith(("/", "\\")) or path[1:2] == ":":
        return None
    file = folder.joinpath(*parts)
    try:
        return file if file.exists() else None
    except OSError:
        return None


class PictureBook:
    """Gives each picture a number the first time it is met.

    Args:
        find: the file of an asset.
        side: pixels of the longer side; 0: no pictures at all.
        most_bytes: of all together.
    """

    def __init__(self, find: Find, side: int, most_bytes: int = MOST_BYTES) -> None:
        self._find, self._side, self._most = find, side if have_pillow() else 0, most_bytes
        self._known: dict[tuple[str, str, str], list[int]] = {}
        self._waiting: list[bytes] = []
        self.sizes: list[tuple[int, int]] = []
        """Width and height of the original, by number."""
        self.bytes = 0
        self.missing = 0
        """Pictures that are not there, or cannot be read."""
        self.over = 0
        """Pictures that were left out because there were too many bytes."""

    def numbers(self, asset: Asset, source: str) -> list[int]:
        """The numbers of an asset's picture, or of its frames; none where there is nothing to be shown."""
        if not self._side or asset.kind not in ("image", "frames"):
            return []
        key = (source, asset.path or "", asset.url or "")
        if key not in self._known:
            self._known[key] = [number for one in self._sources(asset, source) if (number := self._add(one)) is not None]
        return self._known[key]

    def take(self) -> Iterator[tuple[int, bytes]]:
        """The pictures that were met since the last call, with their numbers."""
        first = len(self.sizes) - len(self._waiting)
        waiting, self._waiting = self._waiting, []
        yield from enumerate(waiting, start=first)

    def _sources(self, asset: Asset, source: str) -> list[Path | bytes]:
        data = embedded_bytes(asset.url)
        if data is not None:
            return [data]
        file = self._find(asset, source)
        if file is None:
            self.missing += bool(asset.path)
            return []
        if asset.kind == "frames" and file.is_dir():
            frames = sorted(one for one in file.iterdir() if one.suffix.lower() in _SUFFIXES)
            step = max(1, len(frames) // FRAMES)
            return list(frames[::step][:FRAMES])
        return [file]

    def _add(self, source: Path | bytes) -> int | None:
        if self.bytes >= self._most:
            self.over += 1
            return None
        made = make_thumbnail(source, self._side)
        if made is None:
            self.missing += 1
            return None
        self.bytes += len(made.data)
        self._waiting.append(made.data)
        self.sizes.append((made.width, made.height))
        return len(self.sizes) - 1
