"""What ``syphus translate`` translates: the dialogues of a run, or of a file in any format that can be read."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import msgspec
from msgspec import Struct, field

from syphus.annotations.reading import Problem
from syphus.cli.convert import choose_importer
from syphus.errors import InputError
from syphus.formats.importing import ImportOptions
from syphus.ledger.ledger import Ledger, open_ledger
from syphus.ledger.reader import ABOUT_DIALOGUES
from syphus.ledger.store import LEDGER_FILE
from syphus.records import Dialogue
from syphus.references.boxes import find_convention

"""Categories of a run whose outcomes are translations, or about other dialogues."""


_BLOCK = 1 << 20


class Source(Struct, kw_only=True):
    """The dialogues to be translated, which are read several times and never held."""

    path: Path
    folder: Path
    """Where the ledger is."""
    is_run: bool
    begin: Callable[[Callable[[Problem], None]], Iterator[Dialogue]]
    count: int = 0
    """How many there are; known when all were read once."""
    problems: dict[tuple[str, str, str, bool], None] = field(default_factory=dict)
    """What was kept aside or mended in the first reading."""
    _was_read: bool = False

    def read(self) -> Iterator[Dialogue]:
        """The dialogues, from the first on."""
        count = 0
        for dialogue in self.begin(_ignore if self._was_read else self._note):
            count += 1
            yield dialogue
        self.count, self._was_read = count, True

    @property
    def first_problem(self) -> str:
        """What to say where nothing can be read."""
        return next((f"{place}: {message}" for _, place, message, _ in self.problems), "")

    def record_problems(self, ledger: Ledger) -> None:
        """Keeps in the ledger what could not be read."""
        for file, place, message, lost in self.problems:
            ledger.record_problem(self.path.name, file, place, message, lost=lost)

    def _note(self, problem: Problem) -> None:
        self.problems[problem.file, problem.place, problem.message, problem.lost] = None


def _ignore(_: Problem) -> None:
    """Said when it was read for the first time."""


def open_source(arguments: argparse.Namespace, stack: ExitStack) -> Source:
    """The source that is named: a run's folder, or a file.

    Args:
        arguments: as they are typed.
        stack: removes what is written on the way.

    Raises:
        InputError: there is no such thing, or it is of no format that can be read.
    """
    path = Path(arguments.what)
    if (path / LEDGER_FILE).is_file():
        if arguments.run and Path(arguments.run).absolute() != path.absolute():
            raise InputError("translations of a run stand in its own ledger", place="--run", mend="Leave --run out.")
        return _open_run(path, stack)
    if not path.exists():
        raise InputError("there is no such file, and no run", file=path)
    return _open_file(path, arguments)


def _open_run(folder: Path, stack: ExitStack) -> Source:
    """The dialogues of a run, copied out of its ledger first.

    A ledger that is read and written at the same time for hours cannot clear its log away, and what is read over the same
    connection meanwhile is of the day before.
    """
    copy: IO[bytes] = stack.enter_context(TemporaryFile(dir=folder))  # noqa: SIM115 - closed with the stack
    with open_ledger(folder) as ledger:
        for outcome in ledger.outcomes():
            if not outcome.category.startswith(ABOUT_DIALOGUES):
                copy.writelines(msgspec.json.encode(dialogue) + b"\n" for dialogue in outcome.dialogues)
    decode = msgspec.json.Decoder(Dialogue).decode

    def begin(_: Callable[[Problem], None]) -> Iterator[Dialogue]:
        return map(decode, _lines(copy))

    return Source(path=folder, folder=folder, is_run=True, begin=begin)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file that several may be reading by turns."""
    at, rest = 0, b""
    while True:
        file.seek(at)
        block = file.read(_BLOCK)
        if not block:
            return
        at += len(block)
        *lines, rest = (rest + block).split(b"\n")
        yield from lines


def _open_file(path: Path, arguments: argparse.Namespace) -> Source:
    importer = choose_importer(path, arguments.from_)
    options = ImportOptions(
        images=_folder(arguments.images),
        videos=_folder(arguments.videos),
        source=arguments.source_name,
        language=arguments.language,
        boxes=find_convention(arguments.read_boxes) if arguments.read_boxes else None,
        dataset=arguments.dataset,
        extract=Path(arguments.extract) if arguments.extract else None,
    )

    def begin(report: Callable[[Problem], None]) -> Iterator[Dialogue]:
        yield from importer.read(path, options, report)

    folder = Path(arguments.run or f"runs/translate-{path.stem}")
    return Source(path=path, folder=folder, is_run=False, begin=begin)


def _folder(path: str | None) -> Path | None:
    if path is None:
        return None
    if not Path(path).is_dir():
        raise InputError("is no folder", file=path, mend="Name the folder that the paths in the file are relative to.")
    return Path(path)
