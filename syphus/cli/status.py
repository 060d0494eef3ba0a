"""``syphus status``: what a run has made, refused and spent; also while it runs."""

import argparse
from pathlib import Path

import msgspec

from syphus.cli.summary import print_summary, summarise
from syphus.errors import Exit
from syphus.ledger.ledger import open_ledger


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    folder = Path(arguments.run)
    with open_ledger(folder) as ledger:
        summary = summarise(ledger)
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(summary), indent=2).decode())
    else:
        print_summary(summary, folder)
    return Exit.DONE
