"""``syphus recover``: a whole ledger from one that is damaged, or of an older version."""

import argparse
from pathlib import Path

from syphus.cli import view
from syphus.errors import Exit
from syphus.ledger.rescue import rescue
from syphus.ledger.store import LEDGER_FILE

_SHOWN = ("requests", "attempts", "outcomes")
"""Tables that are named even where nothing of them was lost."""


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    folder = Path(arguments.run)
    done = rescue(folder)
    if done.whole:
        view.say(f"{folder / LEDGER_FILE} is whole; nothing was done")
        return Exit.DONE
    for name, count in done.tables.items():
        if name in _SHOWN or count.lost or count.left_out:
            left_out = f", {count.left_out:,} left out because what they refer to is lost" if count.left_out else ""
            view.say(f"{name}: {count.saved:,} saved, {count.lost:,} lost{left_out}")
    if done.dollars:
        how = (
            "each taken to have cost as much as the dearest that was saved"
            if done.is_guessed
            else "as their sum was noted beside them"
        )
        view.say(f"what the lost attempts cost counts as spent: {view.dollars(done.dollars)}, {how}")
    view.say(f"the old ledger is kept as {folder / done.kept}")
    view.say("The command that made the run goes on from here, and asks again only for replies that are lost.")
    return Exit.FAILURES if done.lost else Exit.DONE
