"""Pictures made small, so that they can stand in the page itself.

Everything is decoded and encoded again, by Pillow (``syphus[report]``): what stands in the page is a picture of ours, and
nothing that a dataset brought with it. Without Pillow there are frames without pictures, with their boxes. Of videos some
frames are shown where PyAV (``av``, FFmpeg's libraries) is installed, else their moments alone.
"""

import base64
import binascii
import io
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from syphus.records import Asset

if TYPE_CHECKING:
    from PIL import Image

SIDES = ((1_500, 512), (4_000, 320), (10_000, 256), (1 << 62, 224))
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
                small = encode_thumbnail(ImageOps.exif_transpose(opened), side)
    except Exception:  # noqa: BLE001 - a torn or hostile file ends in whatever its decoder meets
        return None
    return Thumbnail(small.data, width, height)


def encode_thumbnail(image: "Image.Image", side: int) -> Thumbnail:
    """A decoded picture, at most ``side`` pixels long."""
    width, height = image.size
    image.thumbnail((side, side))
    out = io.BytesIO()
    image.convert("RGB").save(out, "WEBP", quality=_QUALITY, method=2)
    return Thumbnail(out.getvalue(), width, height)


def read_frames(file: Path, start: float, duration: float | None, side: int) -> list[tuple[float, Thumbnail]]:
    """Some frames of a video, evenly over what is shown of it, each with its time in seconds from the start of that.

    Each is the first key frame from there back: finding one exactly would mean to decode all before it. What cannot be
    decoded gives none.

    Args:
        file: the video.
        start: seconds into the file at which the clip begins.
        duration: of the clip; None: to the file's end.
        side: pixels of a frame's longer side.
    """
    try:
        av: Any = import_module("av")  # heavy, and asked for; its types are no part of what we check
    except ImportError:
        return []
    found: dict[float, Thumbnail] = {}
    try:
        # A play list is a film, too, and may name addresses; FFmpeg shall open nothing but files.
        with av.open(f"file:{file.absolute()}", options={"protocol_whitelist": "file"}) as video:
            stream = video.streams.video[0]
            stream.codec_context.skip_frame = "NONKEY"
            whole = duration or (video.duration / av.time_base if video.duration else 0.0) - start
            for number in range(FRAMES):
                wanted = start + max(0.0, whole) * (number + 0.5) / FRAMES
                video.seek(int(wanted * av.time_base))
                frame = next(video.decode(stream), None)
                if frame is None or frame.width * frame.height > _MOST_PIXELS:
                    continue
                at = max(0.0, float(frame.time or 0.0) - start)
                if at not in found:
                    found[at] = encode_thumbnail(frame.to_image(), side)
    except Exception:  # noqa: BLE001 - a torn or hostile file ends in whatever its decoder meets
        return sorted(found.items())
    return sorted(found.items())


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
        self._known: dict[tuple[str, str, str, float, float], list[int]] = {}
        self._waiting: list[bytes] = []
        self.sizes: list[tuple[int, int]] = []
        """Width and height of the original, by number."""
        self.times: dict[int, float] = {}
        """Of frames of a video: seconds from the start of what is shown of it."""
        self.bytes = 0
        self.missing = 0
        """Pictures that are not there, or cannot be read."""
        self.over = 0
        """Pictures that were left out because there were too many bytes."""

    def numbers(self, asset: Asset, source: str) -> list[int]:
        """The numbers of an asset's picture, or of its frames; none where there is nothing to be shown."""
        if not self._side or asset.kind == "point_cloud":
            return []
        key = (source, asset.path or "", asset.url or "", asset.start or 0.0, asset.duration or 0.0)
        if key not in self._known:
            self._known[key] = list(self._read(asset, source))
        return self._known[key]

    def take(self) -> Iterator[tuple[int, bytes]]:
        """The pictures that were met since the last call, with their numbers."""
        first = len(self.sizes) - len(self._waiting)
        waiting, self._waiting = self._waiting, []
        yield from enumerate(waiting, start=first)

    def _read(self, asset: Asset, source: str) -> Iterator[int]:
        data = embedded_bytes(asset.url)
        file = self._find(asset, source) if data is None else None
        if data is None and file is None:
            self.missing += bool(asset.path) and asset.kind != "video"
            return
        if asset.kind == "video":
            # A film that is not read for its frames is nothing that is missing: its moments tell of it.
            frames = read_frames(file, asset.start or 0.0, asset.duration, self._side) if file else []
            for at, frame in frames:
                if (number := self._keep(frame)) is not None:
                    self.times[number] = at
                    yield number
            return
        for picture in self._choose_frames(file) if file and file.is_dir() else [data or file]:
            made = make_thumbnail(picture, self._side) if picture else None
            if made is None:
                self.missing += 1
            elif (number := self._keep(made)) is not None:
                yield number

    def _choose_frames(self, folder: Path) -> list[Path]:
        files = sorted(one for one in folder.iterdir() if one.suffix.lower() in _SUFFIXES)
        return files[:: max(1, len(files) // FRAMES)][:FRAMES]

    def _keep(self, made: Thumbnail) -> int | None:
        if self.bytes >= self._most:
            self.over += 1
            return None
        self.bytes += len(made.data)
        self._waiting.append(made.data)
        self.sizes.append((made.width, made.height))
        return len(self.sizes) - 1
