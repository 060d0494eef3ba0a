"""``syphus``: the commands and their flags. Each command's code is imported only when it is called, so help is quick."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

import syphus
from syphus.cli.flags.categories import add_categories
from syphus.cli.flags.common import add, positive
from syphus.cli.flags.datasets import add_datasets
from syphus.cli.flags.judging import add_judging
from syphus.cli.flags.making import add_making
from syphus.cli.flags.report import add_report
from syphus.errors import Exit, SyphusError

EPILOG = """\
exit codes: 0 done; 1 done with failures, or nothing accepted; 2 bad input or configuration;
3 the provider refused (key, quota, model) or does not answer; 4 the budget is reached; 130 interrupted."""


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="syphus",
        description="Instruction data for vision-language models, made from the annotations you have.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"syphus {syphus.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    add_making(commands)
    add_datasets(commands)
    add_categories(commands)
    add_judging(lambda name, text: add(commands, name, text), positive)
    add_report(lambda name, text: add(commands, name, text), positive)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit code."""
    chosen = build_parser().parse_args(arguments)
    try:
        command = import_module(f"syphus.cli.{chosen.command}")
        return int(command.run(chosen))
    except SyphusError as error:
        print(f"syphus: {error}", file=sys.stderr)
        return int(error.exit_code)
    except KeyboardInterrupt:
        print("syphus: interrupted", file=sys.stderr)
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        return int(Exit.FAILURES)
    except OSError as error:  # a folder that may not be entered, a full disk: the system's own words say it
        print(f"syphus: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return int(Exit.BAD_INPUT)
