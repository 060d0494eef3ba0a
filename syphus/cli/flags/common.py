"""What the flags of several commands share."""

import argparse
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - its type has no other name
else:
    Commands = object


def add(commands: Commands, name: str, text: str) -> argparse.ArgumentParser:
    """A command of this name, with what it is for."""
    command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    command.set_defaults(command=name)
    return command


def add_category(command: argparse.ArgumentParser) -> None:
    """``--category``."""
    command.add_argument(
        "--category",
        action="append",
        metavar="NAME",
        help="only this category, or a family as llava/*; may be repeated",
    )


def add_settings(command: argparse.ArgumentParser) -> None:
    """``--source`` and ``--set``."""
    command.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set an option of the sources, as folder=/data/coco",
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set any key of the configuration, as model.timeout=60",
    )


def add_folders(command: argparse.ArgumentParser) -> None:
    """Where the pictures and videos of a dataset are."""
    command.add_argument("--images", metavar="DIR", help="the folder that the paths in it are relative to")
    command.add_argument("--videos", metavar="DIR", help="that of videos, where it is another")


def add_batch(command: argparse.ArgumentParser) -> None:
    """``--batch``, ``--wait`` and ``--anyway``, of what can be asked through the provider's Batch API."""
    command.add_argument(
        "--batch", action="store_true", help="through the provider's Batch API: cheaper, in rounds of up to a day"
    )
    command.add_argument("--wait", action="store_true", help="with --batch: wait for the batches and go on")
    add_anyway(command)


def add_anyway(command: argparse.ArgumentParser) -> None:
    """``--anyway``, of whatever asks models online."""
    command.add_argument("--anyway", action="store_true", help="ask online also what waits in a batch; both are paid")
    command.set_defaults(kept=None)


def positive(text: str) -> int:
    """A number of 1 or more."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def dollars(text: str) -> float:
    """A sum above nothing."""
    try:
        amount = float(text)
    except ValueError:
        amount = 0.0
    if not 0 < amount < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no sum of US dollars above 0")
    return amount
