"""``syphus export``: a run's dialogues, in the form that a trainer reads."""

import argparse
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Self

from msgspec import Struct, structs

import syphus
from syphus.cli import view
from syphus.cli.datasets.corrected import Corrections
from syphus.cli.runs.keep import CONFIG_FILE
from syphus.config import BalanceTable, ExportTable
from syphus.decoding import convert
from syphus.errors import Exit, InputError
from syphus.formats.card import CardTally, write_card
from syphus.formats.exporting import ExportOptions, Format, Written, find_format
from syphus.jobs.balance import Cell, allot, thin
from syphus.ledger.ledger import open_ledger
from syphus.ledger.reader import ABOUT_DIALOGUES, LedgerReader
from syphus.ledger.store import LEDGER_FILE
from syphus.records import Dialogue
from syphus.references.boxes import Convention, find_convention
from syphus.report.decisions import choose_decided, read_decisions

ALL = "all"
_TRANSLATED = "translate/"
OWN_FILES = "ledger."
"""What the names of the ledger's files begin with."""


class ExportWish(Struct, frozen=True, kw_only=True):
    """What is to be written, and how."""

    format: str
    target: Path
    boxes: str | None = None
    embed_pictures: bool = False
    max_tokens: int | None = 2048
    categories: tuple[str, ...] = ()
    """Only these; empty: all."""
    languages: tuple[str, ...] = ()
    """Only these; empty: what was made and not translated; ``all``: everything, the ids of translations with ``@language``."""
    balanced: bool = True
    """Whether the run's ``[balance]`` is kept: what is beyond a share is held back."""
    settings: dict[str, str] = {}
    name: str = ""
    decisions: Path | None = None
    """A file of what people decided: what they rejected is held back."""
    only_accepted: bool = False
    """With ``decisions``: only what somebody accepted."""
    corrected: bool = False
    """Dialogues as ``syphus correct`` left them, where it did."""

    @classmethod
    def of_table(cls, table: ExportTable, folder: Path) -> Self:
        """As an ``[[export]]`` says it."""
        said = {field: value for field, value in structs.asdict(table).items() if field != "path"}
        return cls(target=folder / table.path, **said)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    wish = ExportWish(
        format=arguments.format,
        target=Path(arguments.out),
        boxes=arguments.boxes,
        embed_pictures=arguments.embed_pictures,
        max_tokens=arguments.max_tokens,
        categories=tuple(arguments.category or ()),
        languages=tuple(arguments.language or ()),
        balanced=not arguments.whole,
        settings=read_settings(arguments.set),
        name=arguments.name,
        decisions=Path(arguments.decisions) if arguments.decisions else None,
        only_accepted=arguments.only_accepted,
        corrected=arguments.corrected,
    )
    if wish.only_accepted and not wish.decisions:
        raise InputError("--only-accepted needs --decisions FILE", mend="`syphus review RUN` makes one.")
    return _export(Path(arguments.run), wish)


def run_export(arguments: argparse.Namespace, folder: Path) -> int:
    """The export of a run's folder that ``syphus convert`` was given."""
    wish = ExportWish(
        format=arguments.to,
        target=Path(arguments.out),
        boxes=arguments.boxes,
        embed_pictures=arguments.embed_pictures,
        max_tokens=arguments.max_tokens or ExportWish(format="", target=Path()).max_tokens,
        settings=read_settings(arguments.set),
        name=arguments.name,
    )
    return _export(folder, wish)


def _export(folder: Path, wish: ExportWish) -> int:
    with open_ledger(folder) as ledger:
        return Exit.DONE if write_export(ledger, folder, wish).written else Exit.FAILURES


def check_exports(tables: Iterable[ExportTable], folder: Path) -> None:
    """Finds mistakes before anything is paid for: a run of hours must not end with one.

    Raises:
        InputError: there is no such format or convention, the file is the run's own, or two would be the same.
    """
    targets: dict[Path, int] = {}
    for index, table in enumerate(tables):
        try:
            wish = ExportWish.of_table(table, folder)
            _find_convention(wish)
            target = find_target(wish.target, find_format(wish.format)).resolve()
        except InputError as error:
            if error.file:
                raise
            raise InputError(error.message, place=f"export[{index}]", mend=error.mend) from error
        if target in targets:
            raise InputError(f"export[{targets[target]}] writes there too", file=target, place=f"export[{index}]")
        targets[target] = index


def _find_convention(wish: ExportWish) -> Convention | None:
    return find_convention(wish.boxes) if wish.boxes else None


def write_export(ledger: LedgerReader, folder: Path, wish: ExportWish) -> Written:
    """Writes one export and its card, and says what was written, what was left out and why.

    Raises:
        InputError: there is no such format or convention, or the file cannot be written.
    """
    format_ = find_format(wish.format)
    relative = ledger.meta("pictures", dict[str, str], {})
    folders = {source: Path(os.path.normpath(folder / path)) for source, path in relative.items()}
    for missing in sorted({str(path) for path in folders.values() if not path.is_dir()}):
        view.say(f"the pictures are not looked for: there is no folder {missing}")
    tally = CardTally()
    options = ExportOptions(
        picture_folders={source: path for source, path in folders.items() if path.is_dir()},
        boxes=_find_convention(wish),
        embed_pictures=wish.embed_pictures,
        max_tokens=wish.max_tokens,
        settings=wish.settings,
        name=wish.name,
        keep_aside=tally.leave_out,
    )
    target = find_target(wish.target, format_)
    written = format_.write(tally.count(_chosen(ledger, wish)), target, options)
    say_written(written, wish.format, target, verb="exported")
    if written.written:
        spent = ledger.spent()
        calls, unpriced = sum(one.calls - one.failed for one in spent), sum(one.unpriced for one in spent)
        facts = tally.take(
            name=wish.name or target.stem,
            format=wish.format,
            files=(target.name,),
            left_out=dict(written.left_out),
            refused=ledger.reject_codes(),
            boxes=wish.boxes or "",
            calls=calls,
            dollars=ledger.dollars() if calls > unpriced else None,
            unpriced=unpriced,
            seed=ledger.meta("config", dict[str, Any], {}).get("run", {}).get("seed", 0),
            version=syphus.__version__,
        )
        view.say(f"  what is in it stands in {write_card(facts, target)}")
    return written


def _chosen(ledger: LedgerReader, wish: ExportWish) -> Iterator[Dialogue]:
    """The dialogues of a run that are wanted, those beyond the run's balance held back, which is said."""
    config = ledger.meta("config", dict[str, Any], {})
    targets = convert(config.get("balance", {}), BalanceTable, file="config")
    decisions = read_decisions(wish.decisions) if wish.decisions else {}

    corrections = Corrections(ledger) if wish.corrected else None

    def wanted() -> Iterator[Dialogue]:
        chosen = choose_decided(_wanted(ledger, wish), decisions, only_accepted=wish.only_accepted)
        return corrections.apply(chosen) if corrections else chosen

    dialogues = wanted()
    if decisions:
        there_are, stay = sum(1 for _ in _wanted(ledger, wish)), sum(1 for _ in wanted())
        view.say(f"held back by decisions: {there_are - stay:,} of {there_are:,} dialogues")
    if not (targets and wish.balanced):
        return dialogues
    there: Counter[Cell] = Counter()
    for dialogue in wanted():
        there[dialogue.source, dialogue.ability] += len(dialogue.turns) // 2
    try:
        kept = sum(allot(there, targets).values())
    except InputError as error:
        view.say(f"the balance cannot be kept, so all is written: {error.message}")
        return dialogues
    if round(kept) < sum(there.values()):
        view.say(
            f"held back for the balance of the run: {sum(there.values()) - round(kept):,} of {sum(there.values()):,} pairs; "
            "--whole writes them too"
        )
    return thin(dialogues, there, targets)


def _wanted(ledger: LedgerReader, wish: ExportWish) -> Iterator[Dialogue]:
    for outcome in ledger.outcomes():
        name = outcome.category
        if wish.categories and not _names(name, wish.categories):
            continue
        # What is about other dialogues is written where it is named; translations also where their language is.
        named = wish.categories or (name.startswith(_TRANSLATED) and wish.languages)
        if name.startswith(ABOUT_DIALOGUES) and not named:
            continue
        for dialogue in outcome.dialogues:
            if not wish.languages or ALL in wish.languages or dialogue.language in wish.languages:
                yield _mark_language(dialogue) if ALL in wish.languages and name.startswith(_TRANSLATED) else dialogue


def _names(category: str, wanted: tuple[str, ...]) -> bool:
    return any(fnmatchcase(category, one) for one in wanted)


def _mark_language(dialogue: Dialogue) -> Dialogue:
    """Ids are the same in all languages, and different in one file."""
    return structs.replace(dialogue, id=f"{dialogue.id}@{dialogue.language}")


def read_settings(given: list[str]) -> dict[str, str]:
    """``KEY=VALUE`` of a format's own settings."""
    for setting in given:
        if "=" not in setting:
            raise InputError(f"--set {setting}: it is KEY=VALUE", mend="As in --set rows=turn.")
    return dict(setting.split("=", 1) for setting in given)


def find_target(target: Path, format_: Format) -> Path:
    """What is written to.

    Raises:
        InputError: it is a folder where the format is a file, the other way round, or what a run lives on.
    """
    own = target.name == CONFIG_FILE or target.name.startswith(OWN_FILES)
    if own and (target.parent / LEDGER_FILE).exists():
        raise InputError("is the run's own file", file=target, mend="Name another.")
    if format_.SUFFIX and target.is_dir():
        raise InputError("is a folder", file=target, mend=f"Name a file, as {target / ('dataset' + format_.SUFFIX)}.")
    if not format_.SUFFIX and target.is_file():
        raise InputError("is a file, and this format is a folder", file=target, mend="Name another.")
    return target


def say_written(written: Written, format_name: str, target: Path, *, verb: str) -> None:
    """Says what was written, what was left out, what the format does not hold, and what is to be known."""
    view.say(f"{verb}: {written.written:,} dialogues as {format_name} to {target}")
    for reason, count in written.left_out.most_common():
        view.say(f"  left out: {count:,} because {reason} (first: {written.examples[reason]})")
    if written.not_held:
        lost = ", ".join(f"{what} ({count})" for what, count in written.not_held.most_common())
        view.say(f"  {format_name} has no place for: {lost}; `jsonl` keeps all")
    for note in written.notes:
        view.say(f"  {note}")
