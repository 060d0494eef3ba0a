"""``syphus convert``: a dataset into another format."""

import argparse
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Self

import msgspec

import syphus
from syphus.annotations.reading import Problem
from syphus.cli import view
from syphus.cli.export import find_target, read_settings, run_export, say_written
from syphus.errors import Exit, InputError
from syphus.files import write_whole
from syphus.formats.card import CardTally, write_card
from syphus.formats.detecting import detect_format
from syphus.formats.exporting import ExportOptions, find_format
from syphus.formats.importing import Aside, Importer, ImportOptions, find_importer
from syphus.formats.survey import Finding
from syphus.ledger.store import LEDGER_FILE
from syphus.records import Dialogue
from syphus.references.boxes import find_convention

_EVERY = 5.0
"""Seconds between two lines about how far it is."""
_LOOKS = 500
"""Dialogues between two looks at the clock."""


def run(arguments: argparse.Namespace) -> int:
    """Runs the command: 0 where all came over, 1 where something was left out or kept aside."""
    source, target = Path(arguments.source), Path(arguments.out)
    if (source / LEDGER_FILE).is_file():
        return run_export(arguments, source)
    format_ = find_format(arguments.to)
    target = find_target(target, format_)
    importer = choose_importer(source, arguments.from_)
    options = read_options(arguments)
    export = ExportOptions(
        picture_folders={"": folder} if (folder := options.images or options.extract) else {},
        video_folder=options.videos,
        boxes=find_convention(arguments.boxes) if arguments.boxes else None,
        embed_pictures=arguments.embed_pictures,
        max_tokens=arguments.max_tokens,
        exact=True,
        name=arguments.name,
        settings=read_settings(arguments.set),
    )
    with KeptAside(target) as aside:
        tally = CardTally()

        def leave_out(dialogue: Dialogue, reason: str) -> None:
            tally.leave_out(dialogue, reason)
            aside.leave_out(dialogue, reason)

        export = msgspec.structs.replace(export, keep_aside=leave_out)
        dialogues = show_progress(importer.read(source, options, aside.report))
        written = format_.write(tally.count(dialogues), target, export)
        say_written(written, arguments.to, target, verb="converted")
        facts = tally.take(
            name=arguments.name or target.stem,
            format=arguments.to,
            files=(target.name,),
            left_out=dict(written.left_out),
            boxes=arguments.boxes or "",
            version=syphus.__version__,
        )
        view.say(f"  what is in it stands in {write_card(facts, target)}")
        aside.say()
    return Exit.DONE if written.written and not (aside.rows or written.left_out) else Exit.FAILURES


def choose_importer(source: Path, name: str | None) -> Importer:
    """The format that is named, or the one that the file is found to have, which is said."""
    if name:
        return find_importer(name)
    detected = detect_format(source)
    view.say(f"{source} is {detected.name}: {detected.reason}")
    return detected.importer


def read_options(arguments: argparse.Namespace) -> ImportOptions:
    """How the rows are read, as the command line says. The folder that pictures are written into and found in is made."""
    if arguments.extract and arguments.extract == arguments.images:
        make_folder(Path(arguments.extract))
    return ImportOptions(
        images=_folder(arguments.images),
        videos=_folder(arguments.videos),
        source=arguments.source_name,
        language=arguments.language,
        boxes=find_convention(arguments.read_boxes) if arguments.read_boxes else None,
        keep_system=not arguments.no_system,
        extract=Path(arguments.extract) if arguments.extract else None,
        dataset=arguments.dataset,
    )


def make_folder(folder: Path) -> None:
    """Makes the folder that pictures are written into. Raises :class:`InputError` where it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be made: {error.strerror or error}", file=folder) from error


def _folder(path: str | None) -> Path | None:
    if path is None:
        return None
    if not Path(path).is_dir():
        raise InputError("is no folder", file=path, mend="Name the folder that the paths in the file are relative to.")
    return Path(path)


def show_progress(dialogues: Iterable[Dialogue]) -> Iterator[Dialogue]:
    """The dialogues, with a line now and then about how many there were."""
    start = last = time.monotonic()
    for number, dialogue in enumerate(dialogues, start=1):
        yield dialogue
        if number % _LOOKS == 0 and time.monotonic() - last > _EVERY:
            last = time.monotonic()
            view.say(f"  {number:,} dialogues, {number / (last - start):,.0f} a second")


class KeptAside:
    """Rows and dialogues that did not come over, in a file beside the output; no file where there are none.

    Args:
        target: the output.
    """

    def __init__(self, target: Path) -> None:
        self.file = target.parent / f"{target.name}.kept-aside.jsonl"
        self.rows = 0
        self._reasons: dict[str, Finding] = {}
        self._mended: dict[str, Finding] = {}
        self._stream: IO[bytes] = TemporaryFile()  # noqa: SIM115 - closed at the end of the block

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._stream:
            if kind is None and self.rows:
                self._stream.seek(0)
                with write_whole(self.file) as out:
                    while block := self._stream.read(1 << 20):
                        out.write(block)
            elif kind is None:
                self.file.unlink(missing_ok=True)  # an older conversion's

    def report(self, problem: Problem) -> None:
        """A row of the input that was kept aside or mended."""
        found = self._reasons if problem.lost else self._mended
        finding = found.setdefault(problem.message, Finding(first=problem.place))
        finding.count += 1
        if problem.lost:
            record = problem.record if isinstance(problem, Aside) else ""
            self._add({"file": problem.file, "place": problem.place, "reason": problem.message, "record": record})

    def leave_out(self, dialogue: Dialogue, reason: str) -> None:
        """A dialogue that the output's format cannot hold."""
        self._add({"id": dialogue.id, "reason": reason, "dialogue": msgspec.to_builtins(dialogue)})

    def _add(self, row: dict[str, object]) -> None:
        self.rows += 1
        self._stream.write(json.dumps(row).encode() + b"\n")  # json and not msgspec: halves of surrogate pairs

    def say(self) -> None:
        """Says what was kept aside and mended, and where it is."""
        for found, what in ((self._reasons, "kept aside"), (self._mended, "mended")):
            for reason, finding in sorted(found.items(), key=lambda item: -item[1].count):
                view.say(f"  {what}: {finding.count}: {reason} (first: {finding.first})")
        if self.rows:
            view.say(f"  they are in {self.file}, with the reasons")
