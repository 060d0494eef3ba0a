"""The constant parts of prompts, which many requests share, for looking at them."""

from collections.abc import Iterable

import msgspec

from syphus.ledger.reader import LedgerReader


def find_prefixes(ledger: LedgerReader, numbers: Iterable[int]) -> dict[int, tuple[tuple[str, str], ...]]:
    """Role and text of the messages that requests have in common.

    Args:
        ledger: an open ledger.
        numbers: as :attr:`syphus.ledger.reader.Asked.prefix` has them.
    """
    rows = ledger._rows(  # noqa: SLF001 - the same room
        "SELECT id, text FROM texts WHERE id IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(list(numbers)).decode(),),
    )
    return {number: msgspec.json.decode(text, type=tuple[tuple[str, str], ...]) for number, text in rows}


def find_requests(ledger: LedgerReader, item: str) -> tuple[str, ...]:
    """The keys of what was asked for an item's standing outcome, in the order asked; none where there is no such item."""
    rows = ledger._rows("SELECT requests FROM standing WHERE item = ?", (item,))  # noqa: SLF001 - the same room
    return next((msgspec.json.decode(requests, type=tuple[str, ...]) for (requests,) in rows), ())
