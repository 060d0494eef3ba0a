"""Writing translations for a trainer: a file for each language, or one with the source and all of them."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import structs

from syphus.cli import view
from syphus.cli.export import ALL, ExportWish, find_target, say_written, write_export
from syphus.cli.translation.source import Source
from syphus.errors import InputError
from syphus.formats.exporting import ExportOptions, find_format
from syphus.jobs.translate import category_of
from syphus.ledger.reader import LedgerReader
from syphus.quality.translation.languages import Language
from syphus.records import Dialogue
from syphus.references.boxes import find_convention

PLACE = "{lang}"


def check_export(arguments: argparse.Namespace, languages: Sequence[Language]) -> None:
    """Raises :class:`InputError` for what could not be written later, before anything is paid for."""
    if bool(arguments.export) != bool(arguments.out):
        raise InputError(
            "--export FORMAT and --out PATH go together", mend="For example --export llava --out out/{lang}.json"
        )
    if not arguments.export:
        return
    format_ = find_format(arguments.export)
    if arguments.boxes:
        find_convention(arguments.boxes)
    for language in languages:
        find_target(Path(arguments.out.replace(PLACE, language.tag)), format_)


def export_translations(
    ledger: LedgerReader, source: Source, languages: Sequence[Language], arguments: argparse.Namespace
) -> None:
    """Writes what ``--export`` and ``--out`` ask for; without them, says how it is done.

    In a mixed file the ids of translations end in ``@<tag>``: trainers and their tools refuse a file in which an id comes
    twice. Everywhere else a dialogue has the same id in all languages.
    """
    if not arguments.export:
        tag = languages[0].tag
        view.say(f"next: syphus export {source.folder} --language {tag} --format llava --out {tag}.json")
        return
    wish = ExportWish(
        format=arguments.export,
        target=Path(arguments.out),
        boxes=arguments.boxes,
        max_tokens=arguments.max_tokens,
        balanced=False,
    )
    if PLACE in arguments.out:
        for language in languages:
            target = Path(arguments.out.replace(PLACE, language.tag))
            write_export(
                ledger,
                source.folder,
                structs.replace(wish, target=target, languages=(language.tag,), categories=(category_of(language),)),
            )
    elif source.is_run:
        write_export(ledger, source.folder, structs.replace(wish, languages=(ALL,)))
    else:
        _write_mixed(ledger, source, languages, arguments)


def _write_mixed(
    ledger: LedgerReader, source: Source, languages: Sequence[Language], arguments: argparse.Namespace
) -> None:
    """The dialogues of a file with their translations; the ledger has none of the file's own."""
    format_ = find_format(arguments.export)
    target = find_target(Path(arguments.out), format_)
    options = ExportOptions(
        picture_folders={"": Path(arguments.images)} if arguments.images else {},
        boxes=find_convention(arguments.boxes) if arguments.boxes else None,
        max_tokens=arguments.max_tokens,
        exact=True,
    )
    written = format_.write(_mixed(ledger, source, languages), target, options)
    say_written(written, arguments.export, target, verb="exported")


def _mixed(ledger: LedgerReader, source: Source, languages: Sequence[Language]) -> Iterator[Dialogue]:
    yield from source.read()
    tags = {category_of(language): language.tag for language in languages}
    for outcome in ledger.outcomes():
        if outcome.category in tags:
            for dialogue in outcome.dialogues:
                yield structs.replace(dialogue, id=f"{dialogue.id}@{tags[outcome.category]}")
