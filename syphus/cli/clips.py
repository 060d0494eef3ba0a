"""``syphus clips``: the commands that cut the clips of a run, or of a dataset, out of their videos, for a shell."""

import argparse
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from syphus.cli import view
from syphus.cli.convert import choose_importer
from syphus.errors import Exit
from syphus.formats.clips import cutting_commands
from syphus.formats.importing import ImportOptions
from syphus.ledger.ledger import open_ledger
from syphus.ledger.store import LEDGER_FILE
from syphus.records import Dialogue


def run(arguments: argparse.Namespace) -> int:
    """Runs the command: on a run, whose video folders are known, or on a file, whose paths lead from where one stands."""
    given = Path(arguments.run)
    count = 0
    folders: dict[str, Path] = {}
    with ExitStack() as stack:
        if given.is_file() or (given.is_dir() and not (given / LEDGER_FILE).is_file()):
            dialogues = choose_importer(given, None).read(given, ImportOptions(), lambda _: None)
            view.say("start it in the folder that the videos' paths are relative to")
        else:
            dialogues, folders = _read_run(given, stack)
        for command in cutting_commands(dialogues, folders):
            print(command)
            count += 1
    view.say(f"{count:,} clips; `syphus clips {given} | sh` cuts those that are not there yet")
    return Exit.DONE


def _read_run(folder: Path, stack: ExitStack) -> tuple[Iterator[Dialogue], dict[str, Path]]:
    """A run's dialogues, and the folders of its sources."""
    ledger = stack.enter_context(open_ledger(folder))
    relative = ledger.meta("pictures", dict[str, str], {})
    folders = {source: Path(os.path.normpath(folder / path)) for source, path in relative.items()}
    return (dialogue for outcome in ledger.outcomes() for dialogue in outcome.dialogues), folders
