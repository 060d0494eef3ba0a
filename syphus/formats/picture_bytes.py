"""The bytes of pictures, for formats that hold pictures themselves (MIMIC-IT, Parquet, WebDataset), and back into files."""

from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from syphus.files import write_whole
from syphus.formats.messages import sniff_picture
from syphus.formats.parts import Pictures, UnfitError
from syphus.records import Asset, Dialogue


class PictureBytes(Struct, frozen=True):
    """A picture as it is in its file, whatever its format."""

    data: bytes
    name: str
    """Of its file, without folders; what the content says it is decides the suffix where there is no file."""
    key: str
    """Equal for the same picture: source and path, or a digest of the content."""
    file: Path | None = None

    @property
    def suffix(self) -> str:
        """``png``, ``jpg``, ``webp`` or ``gif``, by the content."""
        return suffix_of(self.data)


def load_picture(asset: Asset, dialogue: Dialogue, pictures: Pictures) -> PictureBytes:
    """The picture of an asset: its file, or its data URI.

    Raises:
        UnfitError: it is no picture, cannot be found or read, or is on the network.
    """
    if not asset.path and asset.url and asset.url.startswith("data:image/"):
        try:
            data = b64decode(asset.url.partition(",")[2], validate=True)
        except ValueError as error:
            raise UnfitError("its picture's data URI is no base64") from error
        digest = sha256(data).hexdigest()[:32]
        return PictureBytes(_check(data), f"{digest}.{suffix_of(data)}", digest)
    found = pictures.find(asset, dialogue)
    if found.file is None:
        raise UnfitError("the picture folder of its source is not known, and the format holds the pictures themselves")
    return load_file(found.file, key=f"{dialogue.source}\n{asset.path}")


def load_file(file: Path, *, key: str) -> PictureBytes:
    """The picture in a file. Raises :class:`UnfitError` where it cannot be read or is none."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UnfitError("its picture's file cannot be read") from error
    return PictureBytes(_check(data), file.name, key, file)


def _check(data: bytes) -> bytes:
    if not sniff_picture(data):
        raise UnfitError("its picture is no PNG, JPEG, WEBP or GIF")
    return data


def suffix_of(data: bytes) -> str:
    """The suffix of the picture's kind; empty for what is no picture."""
    kind = sniff_picture(data)
    return "jpg" if kind == "jpeg" else kind


class Kept(NamedTuple):
    """Where a picture is that came out of a dataset's file: one of the two."""

    path: str | None = None
    url: str | None = None


def keep_picture(data: bytes, name: str, folder: Path | None) -> Kept:
    """A picture that stands in a dataset's file, as an asset has it: a path in ``folder``, or a data URI as ``url``.

    Args:
        data: a PNG, JPEG, WEBP or GIF.
        name: what it is called in the dataset; folders in front of it are dropped, and the suffix is that of its content.
        folder: written there, unless the same is there already; None: it becomes a data URI.

    Raises:
        ValueError: it is no picture.
        InputError: the file cannot be written.
    """
    kind = sniff_picture(data)
    if not kind:
        raise ValueError("its picture is no PNG, JPEG, WEBP or GIF")
    if folder is None:
        return Kept(url=f"data:image/{kind};base64,{b64encode(data).decode('ascii')}")
    stem = Path(name.replace("\\", "/")).name
    stem = stem.rpartition(".")[0] or stem
    target = folder / f"{_safe(stem) or 'image'}.{suffix_of(data)}"
    if target.is_file() and target.read_bytes() != data:
        target = folder / f"{_safe(stem)}-{sha256(data).hexdigest()[:12]}.{suffix_of(data)}"
    if not target.is_file():
        with write_whole(target) as file:
            file.write(data)
    return Kept(path=target.name)


def _safe(stem: str) -> str:
    """A name that no file system takes for a folder or a command."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in stem)[:100].lstrip(".")
