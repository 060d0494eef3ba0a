"""``syphus status``: what a run has made, refused and spent; also while it runs."""

import argparse
from pathlib import Path
from typing import Any

import msgspec

from syphus.cli.runs.balance import show_balance
from syphus.cli.runs.summary import print_summary, summarise
from syphus.cli.runs.yields import show_yields
from syphus.config import BalanceTable
from syphus.decoding import convert
from syphus.errors import Exit
from syphus.ledger.ledger import open_ledger


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    folder = Path(arguments.run)
    with open_ledger(folder) as ledger:
        summary = summarise(ledger)
        shares = ledger.shares()
        ended, refused = ledger.ended(), ledger.refused()
        config = ledger.meta("config", dict[str, Any], {})
        balance = convert(config.get("balance", {}), BalanceTable, file=folder)
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(summary), indent=2).decode())
    else:
        print_summary(summary, folder)
        show_yields(ended, refused)
        show_balance(shares, balance)
    return Exit.DONE
