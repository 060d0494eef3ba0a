"""What a format that can be read is, and how the format of a file is found by looking into it.

A format is a module behind the entry point group ``syphus.formats`` (:mod:`syphus.formats.exporting` has its writing half).
One that can be read has two names more:

- ``read(file, options, report) -> Iterator[Dialogue]``: lazy, in the memory of a window. A record that is torn, odd, or
  cannot be a :class:`syphus.records.Dialogue` goes to ``report`` as :class:`Aside`, with the record itself, and the reading
  goes on; what is mended and used all the same goes there with ``lost=False``. A file that is no such file at all raises
  :class:`syphus.errors.InputError`.
- ``fits(sample) -> Fit``: how sure it is that a file is its own, by the first records and not by the name.

What ``read`` makes of a row:

- The text is the row's, letter by letter. What would be read as a reference and is none (a Markdown link ``[x](#y)``) is
  escaped (:func:`syphus.references.text.escape_text`).
- Media become assets, in the row's order. Those that stand at the head of the first user turn leave nothing in the text;
  one that stands elsewhere is an asset reference with an empty phrase, ``[](#image2)`` (:mod:`syphus.formats.places`).
- With ``options.boxes``, coordinates in the texts become references and objects, after links are escaped and places marked
  (:func:`syphus.references.inline.parse_inline`); :func:`syphus.formats.keeping.make_dialogue` does that for all formats.
- Keys of the row that are not the format's own stay in ``Dialogue.metadata`` under their names, so that the way back writes
  them again; what else the same row needs to come out as it went in stands in ``metadata["as_read"]``
  (:mod:`syphus.formats.keeping`).
- A row without an id is called by its file and number, ``stem-000012``; one whose id was given before gets its row's number
  behind it. Both are written back as they were.
"""

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from msgspec import Struct

from syphus.annotations.reading import Problem
from syphus.errors import InputError
from syphus.records import Dialogue
from syphus.references.boxes import Convention

HEAD = 1 << 16
"""Bytes of a file that a format sees before it says whether the file is its own."""
RECORDS = 50
"""Records that it sees."""
CERTAIN, LIKELY, POSSIBLE = 90, 60, 20
"""Scores: nothing else looks so; it has the marks of this format, and others could be read so, too; it could be read so."""


class ImportOptions(Struct, frozen=True, kw_only=True):
    """What may be chosen for every format that is read."""

    images: Path | None = None
    """The folder that the rows' picture paths are relative to; an absolute path inside of it is made relative."""
    videos: Path | None = None
    """The same for videos; None: as ``images``."""
    source: str = ""
    """The dialogues' source, where a row does not say; a run's pictures are found by it."""
    language: str = "en"
    """The dialogues' language, where a row does not say."""
    boxes: Convention | None = None
    """Coordinates in the texts stand in this convention and become references; None: they stay text."""
    keep_system: bool = True
    """False: system messages are left behind."""
    extract: Path | None = None
    """Pictures that stand in the file itself (data URIs, Parquet, tar) are written into this folder; None: they stay as they
    are where the record can hold them, as a ``url``."""
    dataset: str = ""
    """Which of several datasets of a folder (an entry of ``dataset_info.json``, a YAML's)."""


class Aside(Problem, frozen=True, kw_only=True):
    """A record that is kept aside: what is wrong with it, and the record itself."""

    record: str = ""
    """Its text as it stands in the file, for the file of odd records; empty where there is none."""


Report = Callable[[Problem], None]


class Fit(NamedTuple):
    """How sure a format is that a file is its own."""

    score: int
    """0 (no) to 100; see :data:`CERTAIN`."""
    reason: str
    """Why, in words that complete ``it is llava: ...``."""


NO_FIT = Fit(0, "")


class Sample(Struct, frozen=True, kw_only=True):
    """The beginning of a file or folder, as formats see it to say whether it is theirs."""

    path: Path
    layout: Literal["array", "object", "lines", "other", "folder"]
    """A JSON array, one JSON object, JSON Lines; other bytes; a folder."""
    head: bytes = b""
    """The first :data:`HEAD` bytes of a file, UTF-8 without its mark where it is text."""
    records: tuple[Any, ...] = ()
    """The first :data:`RECORDS` values of an array or of lines; the object itself where all of it is in ``head``."""
    names: tuple[str, ...] = ()
    """What the folder holds, sorted."""

    def rows(self) -> list[dict[str, Any]]:
        """The records that are objects."""
        return [record for record in self.records if isinstance(record, dict)]


@runtime_checkable
class Importer(Protocol):
    """A format module that can read."""

    SUFFIX: str

    def read(self, file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:
        """The dialogues of the file, one at a time."""

    def fits(self, sample: Sample) -> Fit:
        """How sure it is that the file is its own."""


def find_importer(name: str) -> Importer:
    """The format of that name, which can be read. Raises :class:`InputError` naming those that there are."""
    found = find_importers()
    if name not in found:
        raise InputError(f"there is no format {name!r} that can be read", mend=f"Formats: {', '.join(sorted(found))}.")
    return found[name]


def find_importers() -> dict[str, Importer]:
    """All formats that can be read, by name."""
    loaded = {entry.name: entry.load() for entry in entry_points(group="syphus.formats")}
    return {name: module for name, module in loaded.items() if isinstance(module, Importer)}
