"""What a command has models do, part by part: at once and online, or through the provider's Batch API."""

import argparse
from collections.abc import Awaitable, Callable
from pathlib import Path

from msgspec import Struct

from syphus.cli import view
from syphus.cli.runs.sending import endpoint_tables
from syphus.config import Config
from syphus.engine.batch_packing import Packer
from syphus.errors import Exit, InputError
from syphus.ledger.ledger import Ledger
from syphus.money.prices import Prices

WENT_WELL = (Exit.DONE, Exit.FAILURES)


class Part(Struct, frozen=True, kw_only=True):
    """What one model is asked."""

    config: Config
    run: Callable[[Ledger, Packer | None], Awaitable[int]]
    """Does it, over what replies there are; those that are missing are asked for online, or put aside for the packer."""
    asks: bool = True
    """False: there is no model in it."""


class Work(Struct, kw_only=True):
    """What a command has models do, online or through batches."""

    command: str
    title: str
    """For people, in a line."""
    folder: Path
    """The run's."""
    parts: list[Part]
    arguments: argparse.Namespace
    prompts: dict[str, str]
    """The shared prompts, which are kept with a command whose requests wait."""
    note: Callable[[Ledger], None]
    """Notes, before anything is asked, what the command is about."""
    end: Callable[[Ledger, int], int]
    """When nothing is missing: writes what is asked for; gets the exit code of the parts, and gives the whole's."""


def check_batchable(work: Work) -> None:
    """Raises :class:`InputError` for what no batch can be made of."""
    for part in work.parts:
        if part.config.model.kind != "openai" or not part.asks:
            raise InputError(
                "batches need an endpoint that is asked", mend="Leave --batch out, or choose [model] kind."
            )
        if endpoint_tables(part.config.model)[0].headers:
            raise InputError(
                "batches go through the SDK, which takes a key and no headers",
                mend="Give [model] key_variable, not headers.",
            )
    if getattr(work.arguments, "look", False):
        raise InputError(
            "pictures are put into requests when they are sent one by one, and not into batches",
            place="--look",
            mend="Leave --batch out.",
        )


def tell_of_batch_price(prices: Prices) -> None:
    """Says, under a plan, what its price rests on."""
    if prices.costs and prices.batch_rates:
        view.say("price: that of the Batch API")
    elif prices.costs:
        view.say(
            "price: no batch price is known, so this is the full one; where there is a discount:"
            " --set model.price_batch=0.5"
        )
