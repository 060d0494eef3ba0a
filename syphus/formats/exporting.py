"""What every format is, and how one is found.

A format is a module behind the entry point group ``syphus.formats`` with ``SUFFIX`` (empty: it is a folder) and
``write(dialogues, target, options) -> Written``. It writes the file whole or not at all, refuses what its consumers would
choke on or mask, and says what it left out and why, and what of a dialogue it has no place for. Most can be read, too
(:mod:`syphus.formats.importing`).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, cast

from msgspec import NODEFAULT, Struct, field
from msgspec.structs import fields

from syphus.errors import InputError
from syphus.records import Asset, Dialogue
from syphus.references.boxes import Convention


class ExportOptions(Struct, frozen=True, kw_only=True):
    """What may be chosen for every format."""

    picture_folders: dict[str, Path] = {}
    """Source name -> the folder its assets' paths are relative to; that under the empty name is for all other sources."""
    video_folder: Path | None = None
    """The folder that videos' paths are relative to; None: as pictures."""
    boxes: Convention | None = None
    """How references print their coordinates; None: not at all, the phrase stands alone."""
    embed_pictures: bool = False
    """Data URIs instead of paths, where the format can hold them."""
    max_tokens: int | None = 2048
    """The trainer's context length; longer dialogues are left out, for a trainer would cut them without a word. None: any
    length."""
    exact: bool = False
    """Texts keep the white space at their ends and their line ends, as another dataset has them."""
    name: str = ""
    """What the dataset is called where a format has a name for it; empty: as the file."""
    keep_aside: Callable[[Dialogue, str], None] | None = None
    """Is given each dialogue that is left out, and why."""
    settings: dict[str, str] = {}
    """What one format alone knows, as ``rows`` of ``csv``; each names its own in its docstring."""


class Written(Struct, kw_only=True):
    """What an export did."""

    written: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """Reason -> how many dialogues."""
    examples: dict[str, str] = field(default_factory=dict)
    """Reason -> the id of the first dialogue it befell."""
    not_held: Counter[str] = field(default_factory=Counter)
    """What of the written dialogues the format has no place for -> how many had it."""
    notes: list[str] = field(default_factory=list)
    """What the user must know to load the file: its picture folder, for one."""

    def leave_out(self, dialogue: Dialogue, reason: str) -> None:
        """Counts a dialogue that is not written."""
        self.left_out[reason] += 1
        self.examples.setdefault(reason, dialogue.id)


ALWAYS_HELD = frozenset({"id", "turns", "assets", "metadata"})
"""Fields of a dialogue that are in every format."""
_PLAIN: dict[str, Any] = {
    field.name: field.default
    for field in fields(Dialogue)
    if field.name not in {*ALWAYS_HELD, "scene", "objects"} and field.default is not NODEFAULT
}


def derive_scene(identity: str, assets: Iterable[Asset]) -> str:
    """The scene of a dialogue whose row does not name it: its first picture, else the dialogue itself."""
    return next((asset.path for asset in assets if asset.path), identity)


def count_losses(dialogue: Dialogue, holds: frozenset[str], options: ExportOptions, written: Written) -> None:
    """Counts what of the dialogue is not in the file.

    Args:
        dialogue: one that was written.
        holds: the fields that the format has a place for, beside :data:`ALWAYS_HELD`.
        options: whether boxes are printed.
        written: where it is counted.
    """
    for name, plain in _PLAIN.items():
        if name not in holds and getattr(dialogue, name) != plain:
            written.not_held[name] += 1
    if "scene" not in holds and dialogue.scene != derive_scene(dialogue.id, dialogue.assets):
        written.not_held["scene"] += 1
    if dialogue.objects and options.boxes is None and "objects" not in holds:
        written.not_held["objects (what the text refers to; `--boxes` prints their coordinates)"] += 1


def check_settings(options: ExportOptions, known: Collection[str] = ()) -> None:
    """Raises :class:`InputError` for a setting that the format does not know.

    Args:
        options: of the export.
        known: names of the settings that there are.
    """
    for name in options.settings.keys() - set(known):
        mend = f"It knows {', '.join(known)}." if known else "It knows none."
        raise InputError(f"the format has no setting {name!r}", mend=mend)


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
