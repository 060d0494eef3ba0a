"""The flags of ``syphus translate``. Imported for every command's help, so it imports nothing heavy."""

import argparse
from collections.abc import Callable

from syphus.cli.flags.common import add_batch


def add_translate_flags(command: argparse.ArgumentParser, positive: Callable[[str], int]) -> None:
    """Adds them to the command; ``positive`` reads a number of 1 or more."""
    command.add_argument("what", metavar="RUN|FILE", help="a run's folder, or a file in any format that can be read")
    command.add_argument("--to", required=True, metavar="TAGS", help="BCP 47 tags, as zh,ja,pt-BR")
    command.add_argument("--plan", action="store_true", help="what it will ask and cost; nothing is sent")
    command.add_argument("--json", action="store_true", help="--plan: for machines, to stdout")
    command.add_argument("--show-prompt", action="store_true", help="print the first prompt of each language and end")
    add_batch(command)
    command.add_argument("--limit", type=positive, metavar="N", help="only the first N dialogues")
    command.add_argument("--style", metavar="S", help="formal or informal; or for each language: de=formal,fr=informal")
    command.add_argument("--glossary", metavar="FILE", help="TOML: a table for each language, term = translation")
    command.add_argument("--names", metavar="FILE", help="names that stay as they are written, one a line")
    command.add_argument("--redraw", action="store_true", help="also what is translated: other replies")
    command.add_argument(
        "--rejected",
        action="append",
        default=[],
        metavar="CHECK",
        help="another draw for those that this check refused, as lock, or `lock: lost`; may be repeated",
    )
    command.add_argument(
        "--back", type=positive, default=0, metavar="N", help="translate N dialogues of each language back and compare"
    )
    command.add_argument("--export", metavar="F", help="also write them in this format")
    command.add_argument("--out", metavar="PATH", help="where to: with {lang}, a file for each; else one with all")
    command.add_argument("--boxes", metavar="NAME", help="--export: print coordinates of references in this convention")
    command.add_argument("--max-tokens", type=positive, metavar="N", help="--export: leave out longer dialogues")
    command.add_argument("--run", metavar="DIR", help="of a FILE: the folder of its ledger (runs/translate-<name>)")
    command.add_argument("--config", metavar="FILE", help="a TOML file whose [model] and [run] are used")
    command.add_argument("--model", metavar="NAME", help="the model's name at the endpoint")
    command.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible endpoint")
    command.add_argument("--model-path", metavar="FILE", help="a GGUF file in the place of the embedded model")
    command.add_argument("--concurrency", type=positive, metavar="N", help="calls in flight, at most")
    command.add_argument("--budget", type=float, metavar="USD", help="what the run may cost, over all its starts")
    command.add_argument("--seed", type=int, metavar="N", help="decides every draw")
    command.add_argument("--from", dest="from_", metavar="F", help="the format of FILE (found by looking into it)")
    command.add_argument("--language", default="en", metavar="TAG", help="the language of FILE (en)")
    command.add_argument("--dataset", default="", metavar="NAME", help="which of the datasets of FILE")
    command.add_argument(
        "--source-name", default="", metavar="NAME", help="what the dialogues of FILE have as their source"
    )
    command.add_argument("--read-boxes", metavar="NAME", help="coordinates in the texts of FILE are in this convention")
    command.add_argument("--extract", metavar="DIR", help="write pictures that stand in FILE itself into this folder")
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="set a key of [model], [run] or [batch]"
    )
    command.set_defaults(source=[], category=None)
