"""``syphus inspect``: what a dataset is, how much of it there is, and what is odd."""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from syphus.cli import view
from syphus.cli.convert import show_progress
from syphus.errors import Exit, InputError
from syphus.formats.detecting import detect_format
from syphus.formats.importing import ImportOptions, find_importer
from syphus.formats.survey import Finding, Survey, Surveyor
from syphus.ledger.store import LEDGER_FILE

_SHOWN = 12


def run(arguments: argparse.Namespace) -> int:
    """Runs the command: 0, or 1 where the file holds no dialogue at all."""
    file = Path(arguments.file)
    images = Path(arguments.images) if arguments.images else None
    videos = Path(arguments.videos) if arguments.videos else None
    for folder in (images, videos):
        if folder is not None and not folder.is_dir():
            raise InputError("is no folder", file=folder)
    if (file / LEDGER_FILE).is_file():
        raise InputError("is a run, not a dataset", file=file, mend=f"`syphus status {file}` says what it holds.")
    if arguments.from_:
        name, importer, reason = arguments.from_, find_importer(arguments.from_), "you say so"
    else:
        name, importer, reason = detect_format(file)
    surveyor = Surveyor(images, videos)
    options = ImportOptions(images=images, videos=videos, language="", dataset=arguments.dataset)
    for dialogue in show_progress(importer.read(file, options, surveyor.note)):
        surveyor.add(dialogue)
    survey = surveyor.finish()
    if arguments.json:
        figures: dict[str, Any] = {"file": str(file), "format": name, "reason": reason, **msgspec.to_builtins(survey)}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(figures), indent=2).decode() + "\n")
    else:
        for line in [f"{file} is {name}: {reason}", *describe(survey)]:
            view.say(line)
    return Exit.DONE if survey.dialogues else Exit.FAILURES


def describe(survey: Survey) -> list[str]:
    """The survey in lines for people."""
    lines = [
        f"{survey.dialogues:,} dialogues, {survey.turns:,} turns, {survey.pictures:,} different pictures or videos"
    ]
    lines += _row("about", survey.media)
    lines += _row("language", survey.languages) + _row("script", survey.scripts)
    lines += _row("category", survey.categories) + _row("other keys", survey.keys)
    if survey.systems:
        lines.append(f"  system message: {survey.systems:,}")
    if survey.references:
        lines.append(f"  with references to objects: {survey.references:,}")
    if survey.boxes:
        names = ", ".join(f"{name} ({count:,})" for name, count in list(survey.boxes.items())[:4])
        lines.append(f"  coordinates in the texts, which may be: {names}; `--read-boxes` makes them references")
    if survey.dialogues:
        lengths = ", ".join(f"{name} {count:,}" for name, count in survey.tokens.items())
        longer = ", ".join(f"{count:,} over {context}" for context, count in survey.longer.items())
        lines.append(f"  tokens of a dialogue, by a high estimate: {lengths}; {longer}")
    for what, found in (("kept aside", survey.kept_aside), ("mended", survey.mended), ("odd", survey.odd)):
        lines += _findings(what, found)
    if not (survey.kept_aside or survey.mended or survey.odd):
        lines.append("nothing is odd")
    return lines


def _row(title: str, counts: Counter[str]) -> list[str]:
    shown = [f"{name or 'not said'} {count:,}" for name, count in counts.most_common(_SHOWN)]
    more = [f"and {len(counts) - _SHOWN} more"] if len(counts) > _SHOWN else []
    return [f"  {title}: {', '.join(shown + more)}"] if shown else []


def _findings(what: str, found: Mapping[str, Finding]) -> list[str]:
    ordered = sorted(found.items(), key=lambda item: -item[1].count)
    return [f"{what}: {finding.count:,}: {reason} (first: {finding.first})" for reason, finding in ordered]
