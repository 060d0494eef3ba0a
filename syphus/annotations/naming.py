"""What annotation files call things, made fit for a :class:`~syphus.records.Scene`: ids and picture paths."""

import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

_FORBIDDEN = re.compile(r"[\s\[\]()#,]+")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):")  # two letters or more: C: is a drive
_DRIVE = re.compile(r"[A-Za-z]:")


def make_name(text: str) -> str:
    """``text`` as an id: what :data:`syphus.records.Name` forbids becomes ``_``; empty text stays empty."""
    return _FORBIDDEN.sub("_", _UNPRINTABLE.sub("_", text.strip()))


def find_stem(place: str) -> str:
    """The file name without folder and suffix, of a path or an address."""
    path = unquote(urlsplit(place).path) if is_address(place) else place
    return PurePosixPath(path.replace("\\", "/")).stem


class Names:
    """Gives every scene its own id: the wanted one, or with ``-2``, ``-3`` behind it where it is taken.

    Remembers all ids it gave, about 100 bytes each.
    """

    def __init__(self) -> None:
        self._given: dict[str, int] = {}

    def give(self, wanted: str) -> str:
        """An id that was not given before."""
        name = make_name(wanted) or "scene"
        if name not in self._given:
            self._given[name] = 1
            return name
        count = self._given[name] + 1
        while f"{name}-{count}" in self._given:
            count += 1
        self._given[name] = count
        self._given[f"{name}-{count}"] = 1
        return f"{name}-{count}"


def is_address(text: str) -> bool:
    """Whether it is an http or https address."""
    return text[:8].lower().startswith(("http://", "https://"))


def make_relative(place: str, images: Path | None) -> str:
    """A picture's path as an asset has it: relative to the picture folder, with forward slashes.

    Args:
        place: as the annotation file has it; an absolute path is good where it lies inside ``images``.
        images: the picture folder.

    Raises:
        ValueError: for what is no path inside the picture folder, saying why.
    """
    found = _SCHEME.match(place)
    if found:
        raise ValueError(f"{found['scheme']}: addresses cannot be read as pictures")
    if _UNPRINTABLE.search(place):
        raise ValueError(f"the picture's path {place!r} holds a control character")
    path = place.strip().replace("\\", "/")
    if path.startswith("/") or _DRIVE.match(path):
        root = str(images.absolute()).replace("\\", "/").rstrip("/") + "/" if images else ""
        if not root or not path.startswith(root):
            raise ValueError(f"the picture {place!r} lies outside the picture folder {images or '(none is given)'}")
        path = path[len(root) :]
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ValueError(f"the path {place!r} leads out of the picture folder")
    if not parts:
        raise ValueError("the picture's path is empty")
    if parts[0][1:2] == ":":  # an asset refuses what looks like a drive
        raise ValueError(f"the path {place!r} begins like a drive of Windows")
    return "/".join(parts)
