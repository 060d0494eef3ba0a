"""What every format is, and how one is found.

A format is a module behind the entry point group ``syphus.formats`` with ``SUFFIX`` and
``write(dialogues, target, options) -> Written``. It writes the file whole or not at all, refuses what its consumers would
choke on or mask, and says what it left out and why.
"""

from collections import Counter
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, cast

from msgspec import Struct, field

from syphus.errors import InputError
from syphus.records import Dialogue
from syphus.references.boxes import Convention


class ExportOptions(Struct, frozen=True, kw_only=True):
    """What may be chosen for every format."""

    picture_folders: dict[str, Path] = {}
    """Source name -> the folder its assets' paths are relative to."""
    boxes: Convention | None = None
    """How references print their coordinates; None: not at all, the phrase stands alone."""
    embed_pictures: bool = False
    """Data URIs instead of paths, where the format can hold them."""
    max_tokens: int = 2048
    """The trainer's context length; longer dialogues are left out, for a trainer would cut them without a word."""


class Written(Struct, kw_only=True):
    """What an export did."""

    written: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """Reason -> how many dialogues."""
    examples: dict[str, str] = field(default_factory=dict)
    """Reason -> the id of the first dialogue it befell."""
    notes: list[str] = field(default_factory=list)
    """What the user must know to load the file: its picture folder, for one."""

    def leave_out(self, dialogue: Dialogue, reason: str) -> None:
        """Counts a dialogue that is not written."""
        self.left_out[reason] += 1
        self.examples.setdefault(reason, dialogue.id)


class Format(Protocol):
    """A format module."""

    SUFFIX: str

    def write(self, dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
        """Writes the dialogues to ``target``."""


def find_format(name: str) -> Format:
    """The format of that name. Raises :class:`InputError` naming those that there are."""
    found = {entry.name: entry for entry in entry_points(group="syphus.formats")}
    if name not in found:
        raise InputError(f"there is no format {name!r}", mend=f"Formats: {', '.join(sorted(found))}.")
    return cast("Format", found[name].load())
