"""What every reader is, and how one is found.

A reader is a module behind the entry point group ``syphus.annotations`` with two names:

- ``Options``: a frozen record of its settings (the keys of a ``[[sources]]`` table but ``reader`` and ``name``). A field
  whose value is a :class:`pathlib.Path` is a file or folder, taken relative to the configuration file.
- ``read(options, report) -> Iterator[Scene]``: lazy; a broken record goes to ``report`` and the reading goes on; a file
  that is no such file at all raises :class:`syphus.errors.InputError`.
"""

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, cast

from msgspec import Struct

from syphus.errors import InputError
from syphus.records import Scene


class Problem(Struct, frozen=True, kw_only=True):
    """Something in an annotation file that could not be used as it stands."""

    file: str
    place: str
    """``line 12``, ``annotations[40] (id 1203)``, ``image 139``."""
    message: str
    lost: bool = True
    """True: a record or a part of it is left out. False: it was mended (a box clipped to the frame) and is used."""

    def __str__(self) -> str:
        return f"{self.file}, {self.place}: {self.message}"


Report = Callable[[Problem], None]


class Reader(Protocol):
    """A reader module."""

    Options: type[Any]

    def read(self, options: Any, report: Report) -> Iterator[Scene]:
        """The scenes of the source, one at a time."""


def find_reader(name: str) -> Reader:
    """The reader of that name. Raises :class:`InputError` naming those that there are."""
    found = {entry.name: entry for entry in entry_points(group="syphus.annotations")}
    if name not in found:
        raise InputError(f"there is no reader {name!r}", mend=f"Readers: {', '.join(sorted(found))}.")
    return cast("Reader", found[name].load())


def picture_folder(options: Any) -> Path | None:
    """The folder that the assets' paths of a source are relative to: its option ``images``, where it has one."""
    images = getattr(options, "images", None)
    return images if isinstance(images, Path) else None
