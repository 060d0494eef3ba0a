"""Writing translations for a trainer: a file for each language, or one with the source and all of them."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import structs

from syphus.cli import view
from syphus.cli.export import find_target, say_written
from syphus.cli.translate_source import Source
from syphus.errors import InputError
from syphus.formats.exporting import ExportOptions, find_format
from syphus.jobs.translate import category_of
from syphus.ledger.reader import LedgerReader
from syphus.quality.translation_languages import Language
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
        first = languages[0].tag
        view.say(
            f"next: syphus export {source.folder} --format llava --out {first}.json --category {category_of(languages[0])}"
        )
        return
    format_ = find_format(arguments.export)
    options = _options(ledger, source, arguments)
    if PLACE in arguments.out:
        for language in languages:
            target = find_target(Path(arguments.out.replace(PLACE, language.tag)), format_)
            written = format_.write(_translations(ledger, language), target, options)
            say_written(written, arguments.export, target, verb=f"exported {language.tag}")
        return
    target = find_target(Path(arguments.out), format_)
    written = format_.write(_mixed(ledger, source, languages), target, options)
    say_written(written, arguments.export, target, verb="exported")


def _options(ledger: LedgerReader, source: Source, arguments: argparse.Namespace) -> ExportOptions:
    relative = ledger.meta("pictures", dict[str, str], {})
    folders = {name: Path(source.folder / path).resolve() for name, path in relative.items()}
    if not source.is_run and not arguments.images:
        folders = {}
    return ExportOptions(
        picture_folders={name: path for name, path in folders.items() if path.is_dir()},
        boxes=find_convention(arguments.boxes) if arguments.boxes else None,
        max_tokens=arguments.max_tokens,
        exact=not source.is_run,
    )


def _translations(ledger: LedgerReader, language: Language) -> Iterator[Dialogue]:
    category = category_of(language)
    for outcome in ledger.outcomes():
        if outcome.category == category:
            yield from outcome.dialogues


def _mixed(ledger: LedgerReader, source: Source, languages: Sequence[Language]) -> Iterator[Dialogue]:
    yield from source.read()
    for language in languages:
        for dialogue in _translations(ledger, language):
            yield structs.replace(dialogue, id=f"{dialogue.id}@{language.tag}")
