"""Files of rows as JSON: an array with one row a line, or JSON Lines."""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from syphus.files import write_whole
from syphus.formats.exporting import ExportOptions, Written
from syphus.formats.keeping import Extras
from syphus.formats.parts import Pictures, encode_rows
from syphus.records import Dialogue

MakeRow = Callable[[Dialogue, Pictures], dict[str, Any]]


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
        explain_base: what to do with the folder of the pictures, ``{base}``.

    Raises:
        InputError: the file cannot be written, or the picture folders have no common parent.
    """
    written = Written()
    pictures = Pictures(options.picture_folders, videos=options.video_folder, exact=options.exact)
    extras = Extras(written, typed=typed, folded=folded)

    def make(dialogue: Dialogue) -> dict[str, Any]:
        row = make_row(dialogue, pictures)
        extras.add(row, dialogue)
        return row

    separator, end = (b"", b"") if lines else (b"[\n", b"\n]\n")
    with write_whole(target) as file:
        for row in encode_rows(dialogues, make, written, holds=holds, options=options):
            file.write(separator + row + (b"\n" if lines else b""))
            separator = separator if lines else b",\n"
        file.write(end if written.written or lines else b"[]\n")
    written.notes += pictures.make_notes(explain_base)
    return written
