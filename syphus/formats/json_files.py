"""Files of rows as JSON: an array with one row a line, or JSON Lines.

Hugging Face ``datasets`` (4.0 to 5.2 behave alike, ``packaged_modules/json/json.py``, ``chunksize``) takes the columns of JSON
Lines, and the type of each, from the first 10 MiB, and gives the whole file up where a later part has a key more, texts in a
list that was always empty, or a fraction among whole numbers. So a row that is the first to have any of that stands at the
head of the file, however late it came. An array is read as a whole, and needs no such care.
"""

import shutil
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import msgspec

from syphus.files import write_whole
from syphus.formats.exporting import ExportOptions, Written, check_settings
from syphus.formats.keeping import Extras
from syphus.formats.parts import Pictures, encode_rows
from syphus.records import Dialogue

MakeRow = Callable[[Dialogue, Pictures], dict[str, Any]]

HEAD = 4 << 20
"""Bytes at the head of a file within which a row may stand where it came, and those that rows put there may have together."""


class Head:
    """The rows of JSON Lines that have to stand first.

    Args:
        size: :data:`HEAD`, in bytes.
    """

    def __init__(self, size: int) -> None:
        self.rows: list[bytes] = []
        self._size = size
        self._held = 0
        self._kinds: dict[Any, Any] = {}
        self._fresh = False

    def encode(self, row: dict[str, Any]) -> bytes:
        """The row as JSON. Remembers whether it has a key, or a kind of value, that none had before."""
        encoded = msgspec.json.encode(row)
        self._fresh = _learn(row, self._kinds)
        return encoded

    def keep(self, encoded: bytes, at: int) -> bool:
        """True where the row that was encoded last has to stand first; it is kept until :meth:`put`.

        Args:
            encoded: the row.
            at: bytes that stand before it.
        """
        if not self._fresh or at < self._size or self._held + len(encoded) > self._size:
            return False
        self.rows.append(encoded)
        self._held += len(encoded)
        return True

    def put(self, file: IO[bytes]) -> None:
        """Writes the rows that were kept in front of what the file holds."""
        file.flush()
        with TemporaryFile() as rest:
            with Path(file.name).open("rb") as written:
                shutil.copyfileobj(written, rest, 1 << 20)
            rest.seek(0)
            file.seek(0)
            file.writelines(row + b"\n" for row in self.rows)
            shutil.copyfileobj(rest, file, 1 << 20)


def _learn(value: Any, kinds: dict[Any, Any]) -> bool:
    """Adds the kinds of a JSON value to a tree of them, by key and type; True where one is new. Nulls and empties are none."""
    kind = type(value)
    if kind is dict:
        fresh = False
        for key, inner in value.items():
            known = kinds[key] if key in kinds else kinds.setdefault(key, {})
            if type(inner) not in known or type(inner) in (dict, list):  # most are texts, whose kind is known
                fresh |= _learn(inner, known)
        return fresh
    if kind is list:
        fresh = False
        items = kinds.setdefault(list, {})
        for inner in value:
            fresh |= _learn(inner, items)
        return fresh
    if value is None or kind in kinds:
        return False
    kinds[kind] = {}
    return True


def write_rows(
    dialogues: Iterable[Dialogue],
    target: Path,
    options: ExportOptions,
    make_row: MakeRow,
    *,
    holds: frozenset[str],
    lines: bool,
    typed: bool = False,
    folded: Collection[str] = (),
    reserved: Collection[str] = (),
    settings: Collection[str] = (),
    explain_base: str,
) -> Written:
    """Writes one row a dialogue; the file is there when all is written, and not before.

    Args:
        dialogues: read one at a time.
        target: the file.
        options: of the export.
        make_row: raises :class:`syphus.formats.parts.UnfitError` for a dialogue that is to be left out.
        holds: fields of a dialogue that the format has a place for.
        lines: JSON Lines; else one array.
        typed: the consumer makes a table of the rows (Hugging Face ``datasets``).
        folded: keys of ``Dialogue.metadata`` that ``make_row`` writes itself.
        reserved: keys that the consumer reads, so that none of them may come out of ``Dialogue.metadata``.
        settings: those that the format knows.
        explain_base: what to do with the folder of the pictures, ``{base}``.

    Raises:
        InputError: the file cannot be written, the picture folders have no common parent, or there is no such setting.
    """
    check_settings(options, settings)
    written = Written()
    pictures = Pictures(options.picture_folders, videos=options.video_folder, exact=options.exact)
    extras = Extras(written, typed=typed, folded=folded, reserved=reserved)

    def make(dialogue: Dialogue) -> dict[str, Any]:
        row = make_row(dialogue, pictures)
        extras.add(row, dialogue)
        return row

    with write_whole(target) as file:
        if lines:
            _write_lines(dialogues, file, make, written, holds=holds, options=options)
        else:
            separator = b"[\n"
            for row in encode_rows(dialogues, make, written, holds=holds, options=options):
                file.write(separator + row)
                separator = b",\n"
            file.write(b"\n]\n" if written.written else b"[]\n")
    written.notes += pictures.make_notes(explain_base)
    return written


def _write_lines(
    dialogues: Iterable[Dialogue],
    file: IO[bytes],
    make: Callable[[Dialogue], dict[str, Any]],
    written: Written,
    *,
    holds: frozenset[str],
    options: ExportOptions,
) -> None:
    head, at = Head(HEAD), 0
    for row in encode_rows(dialogues, make, written, holds=holds, options=options, encode=head.encode):
        if not head.keep(row, at):
            at += file.write(row + b"\n")
    if head.rows:
        head.put(file)
        rows = "1 row was" if len(head.rows) == 1 else f"{len(head.rows):,} rows were"
        written.notes.append(
            f"{rows} put first: only there does Hugging Face `datasets` look for the columns that a file has."
        )
