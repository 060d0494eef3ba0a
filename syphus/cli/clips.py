"""``syphus clips``: the commands that cut a run's clips out of their videos, for a shell."""

import argparse
import os
from pathlib import Path

from syphus.cli import view
from syphus.errors import Exit
from syphus.formats.clips import cutting_commands
from syphus.ledger.ledger import open_ledger


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    folder = Path(arguments.run)
    count = 0
    with open_ledger(folder) as ledger:
        relative = ledger.meta("pictures", dict[str, str], {})
        folders = {source: Path(os.path.normpath(folder / path)) for source, path in relative.items()}
        dialogues = (dialogue for outcome in ledger.outcomes() for dialogue in outcome.dialogues)
        for command in cutting_commands(dialogues, folders):
            print(command)
            count += 1
    view.say(f"{count:,} clips; `syphus clips {folder} | sh` cuts those that are not there yet")
    return Exit.DONE
