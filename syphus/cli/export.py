"""``syphus export``: a run's dialogues, in the form that a trainer reads."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from syphus.cli import view
from syphus.errors import Exit, InputError
from syphus.formats.exporting import ExportOptions, Format, Written, find_format
from syphus.ledger.ledger import open_ledger
from syphus.ledger.reader import LedgerReader
from syphus.records import Dialogue
from syphus.references.boxes import find_convention


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    folder = Path(arguments.run)
    with open_ledger(folder) as ledger:
        written = write_export(
            ledger,
            folder,
            format_name=arguments.format,
            target=Path(arguments.out),
            boxes=arguments.boxes,
            embed_pictures=arguments.embed_pictures,
            max_tokens=arguments.max_tokens,
            only=arguments.category,
        )
    return Exit.DONE if written.written else Exit.FAILURES


def run_export(arguments: argparse.Namespace, folder: Path) -> int:
    """The export of a run's folder that ``syphus convert`` was given."""
    with open_ledger(folder) as ledger:
        written = write_export(
            ledger,
            folder,
            format_name=arguments.to,
            target=Path(arguments.out),
            boxes=arguments.boxes,
            embed_pictures=arguments.embed_pictures,
            max_tokens=arguments.max_tokens or ExportOptions().max_tokens,
        )
    return Exit.DONE if written.written else Exit.FAILURES


def write_export(
    ledger: LedgerReader,
    folder: Path,
    *,
    format_name: str,
    target: Path,
    boxes: str | None,
    embed_pictures: bool,
    max_tokens: int | None,
    only: list[str] | None = None,
) -> Written:
    """Writes one export and says what was written, what was left out and why.

    Raises:
        InputError: there is no such format or convention, or the file cannot be written.
    """
    format_ = find_format(format_name)
    relative = ledger.meta("pictures", dict[str, str], {})
    folders = {source: Path(os.path.normpath(folder / path)) for source, path in relative.items()}
    for missing in sorted({str(path) for path in folders.values() if not path.is_dir()}):
        view.say(f"the pictures are not looked for: there is no folder {missing}")
    options = ExportOptions(
        picture_folders={source: path for source, path in folders.items() if path.is_dir()},
        boxes=find_convention(boxes) if boxes else None,
        embed_pictures=embed_pictures,
        max_tokens=max_tokens,
    )
    target = find_target(target, format_)
    written = format_.write(_dialogues(ledger, only), target, options)
    say_written(written, format_name, target, verb="exported")
    return written


def find_target(target: Path, format_: Format) -> Path:
    """What is written to. Raises :class:`InputError` for a folder where the format is a file, and the other way round."""
    if format_.SUFFIX and target.is_dir():
        raise InputError("is a folder", file=target, mend=f"Name a file, as {target / ('dataset' + format_.SUFFIX)}.")
    if not format_.SUFFIX and target.is_file():
        raise InputError("is a file, and this format is a folder", file=target, mend="Name another.")
    return target


def say_written(written: Written, format_name: str, target: Path, *, verb: str) -> None:
    """Says what was written, what was left out, what the format does not hold, and what is to be known."""
    view.say(f"{verb}: {written.written} dialogues as {format_name} to {target}")
    for reason, count in written.left_out.most_common():
        view.say(f"  left out: {count} because {reason} (first: {written.examples[reason]})")
    if written.not_held:
        lost = ", ".join(f"{what} ({count})" for what, count in written.not_held.most_common())
        view.say(f"  {format_name} has no place for: {lost}; `jsonl` keeps all")
    for note in written.notes:
        view.say(f"  {note}")


def _dialogues(ledger: LedgerReader, only: list[str] | None) -> Iterator[Dialogue]:
    for outcome in ledger.outcomes():
        if only is None or outcome.category in only:
            yield from outcome.dialogues
