"""``syphus show``: the dialogues of a run or of a dataset in the terminal, a page at a time."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from syphus.cli.convert import choose_importer
from syphus.cli.runs.select import choose_categories
from syphus.errors import Exit, InputError
from syphus.exchange import Reject
from syphus.formats.importing import ImportOptions
from syphus.ledger.ledger import open_ledger
from syphus.ledger.reader import LedgerReader
from syphus.ledger.store import LEDGER_FILE
from syphus.records import Dialogue, Verdict
from syphus.references.text import find_references

_PAGE = 100
"""Dialogues that a pager is given at a time; the next ones when it is left, so that a million can be begun at once."""
_ABILITY_STYLES = {"perception": "cyan", "reasoning": "magenta", "planning": "yellow"}


class Shown(NamedTuple):
    """What is shown as one: a dialogue, or what was refused of an item."""

    title: str
    facts: tuple[str, ...]
    turns: tuple[tuple[str, str], ...] = ()
    """Role and text, with references."""
    system: str = ""
    remarks: tuple[tuple[str, str], ...] = ()
    """A code and what it says: verdicts, and reasons of a refusal."""


def run(arguments: argparse.Namespace) -> int:
    """Runs the command: 0, or 1 where nothing is to be shown."""
    folder = Path(arguments.source)
    is_run = (folder / LEDGER_FILE).is_file()
    if arguments.rejected and not is_run:
        raise InputError("a dataset holds nothing that was refused", place="--rejected", mend="Name a run's folder.")
    with open_ledger(folder) if is_run else nullcontext() as ledger:
        shown = _of_run(ledger, arguments) if ledger is not None else _of_file(folder, arguments)
        plain = arguments.plain or not sys.stdout.isatty()
        limited = islice(shown, arguments.limit)
        return _print_plain(limited) if plain else _print_pages(limited)


def _of_run(ledger: LedgerReader, arguments: argparse.Namespace) -> Iterator[Shown]:
    known = sorted({ended.category for ended in ledger.ended()})
    categories = choose_categories(arguments.category, known) if arguments.category else tuple(known)
    for outcome in ledger.outcomes():
        if outcome.category not in categories:
            continue
        if arguments.rejected:
            if outcome.rejects:
                facts = (outcome.category, outcome.state)
                yield Shown(outcome.item, facts, remarks=tuple(map(_reason, outcome.rejects)))
            continue
        for dialogue in outcome.dialogues:
            if _is_wanted(dialogue, arguments.language):
                yield show_dialogue(dialogue)


def _of_file(file: Path, arguments: argparse.Namespace) -> Iterator[Shown]:
    importer = choose_importer(file, arguments.from_)
    for dialogue in importer.read(file, ImportOptions(), lambda _: None):
        wanted = not arguments.category or dialogue.category in arguments.category
        if wanted and _is_wanted(dialogue, arguments.language):
            yield show_dialogue(dialogue)


def _is_wanted(dialogue: Dialogue, language: str | None) -> bool:
    return language is None or dialogue.language == language


def _reason(reject: Reject) -> tuple[str, str]:
    evidence = f" — {reject.evidence}" if reject.evidence else ""
    return reject.code, f"{reject.message}{evidence}"


def show_dialogue(dialogue: Dialogue) -> Shown:
    """A dialogue as it is shown."""
    pictures = [asset.path or (asset.url or "")[:60] or asset.id for asset in dialogue.assets]
    language = "" if dialogue.language == "en" else dialogue.language
    source = f"{dialogue.source}/{dialogue.scene}" if dialogue.source else dialogue.scene
    facts = (dialogue.category, dialogue.ability, language, source, *pictures)
    return Shown(
        dialogue.id,
        tuple(dict.fromkeys(fact for fact in facts if fact and fact != dialogue.id)),
        tuple((turn.role, turn.text) for turn in dialogue.turns),
        dialogue.system,
        tuple(map(_verdict, dialogue.verdicts)),
    )


def _verdict(verdict: Verdict) -> tuple[str, str]:
    place = "" if verdict.turn is None else f" (pair {verdict.turn + 1})"
    evidence = f" — {verdict.evidence}" if verdict.evidence else ""
    return f"{verdict.check}: {verdict.code}", f"{verdict.message}{place}{evidence}"


def _print_plain(shown: Iterable[Shown]) -> int:
    """Every line for itself, without colours: for files and other programs."""
    any_shown = False
    for one in shown:
        any_shown = True
        lines = ["", f"== {one.title}", "   " + " · ".join(one.facts)]
        if one.system:
            lines.append(f"S: {one.system}")
        lines += [f"{'Q' if role == 'user' else 'A'}: {text}" for role, text in one.turns]
        lines += [f"!  {code}: {message}" for code, message in one.remarks]
        for line in lines:
            # Halves of surrogate pairs and control characters would end the output, or play with the terminal.
            print(_clean(line).encode("utf-8", "replace").decode())
    return Exit.DONE if any_shown else Exit.FAILURES


def _print_pages(shown: Iterable[Shown]) -> int:
    os.environ.setdefault("LESS", "-R")  # else less shows colours as signs
    console = Console(highlight=False)
    any_shown = False
    stream = iter(shown)
    while page := list(islice(stream, _PAGE)):
        any_shown = True
        with console.pager(styles=True):
            console.print(Group(*map(_render, page)))
        if len(page) < _PAGE or not _goes_on(console):
            break
    return Exit.DONE if any_shown else Exit.FAILURES


def _goes_on(console: Console) -> bool:
    try:
        return console.input("more? [Y/n] ").strip().lower() not in {"n", "no", "q"}
    except EOFError:
        return False


def _render(one: Shown) -> RenderableType:
    parts: list[Any] = [Rule(Text(_clean(one.title), style="bold"), align="left", style="dim")]
    facts = Text(style="dim")
    for number, fact in enumerate(one.facts):
        facts.append(" · " if number else "")
        facts.append(_clean(fact), style=_ABILITY_STYLES.get(fact, ""))
    parts.append(facts)
    if one.system:
        parts.append(Padding(Text(_clean(one.system), style="italic dim"), (0, 0, 0, 2)))
    for role, text in one.turns:
        user = role == "user"
        line = Text("▸ " if user else "", style="bold" if user else "")
        line.append_text(_mark_references(text))
        parts.append(Padding(line, (1, 2, 0, 2) if user else (0, 2, 0, 4)))
    for code, message in one.remarks:
        line = Text("  ! ", style="red")
        line.append(_clean(code), style="bold red")
        line.append(f"  {_clean(message)}", style="")
        parts.append(line)
    parts.append(Text(""))
    return Group(*parts)


def _mark_references(text: str) -> Text:
    """A text whose references show their phrases underlined and their ids small."""
    marked = Text()
    end = 0
    for reference in find_references(text):
        marked.append(_clean(text[end : reference.start]))
        marked.append(_clean(reference.phrase), style="underline")
        marked.append(f" {','.join(reference.ids)}", style="dim")
        end = reference.end
    marked.append(_clean(text[end:]))
    return marked


def _clean(text: str) -> str:
    return "".join(sign for sign in text if sign.isprintable() or sign == "\n")
