"""The flags of ``judge``, ``blind`` and ``correct``."""

import argparse
from collections.abc import Callable

from syphus.cli.flags.common import add_anyway, add_batch


def add_judging(add: Callable[[str, str], argparse.ArgumentParser], positive: Callable[[str], int]) -> None:
    """The three commands. ``add`` makes one of a name and what it does; ``positive`` reads a number."""
    judge = add("judge", "scores by a written rubric, and how far the judges agree; docs/judging.md")
    _add_existing(judge, positive, "who judges; several show how far they agree")
    add_batch(judge)
    _add_known(judge)
    judge.add_argument("--rubric", metavar="FILE", help="what is judged (prompts/judging.md)")
    judge.add_argument("--draws", type=positive, default=1, metavar="N", help="judgements of each model (1)")
    judge.add_argument(
        "--against", type=positive, nargs="*", metavar="N", help="the newer of two generations against the older one"
    )
    judge.add_argument(
        "--least", action="append", default=[], metavar="BAR", help="3 for all criteria, or grounded=4; may be repeated"
    )
    judge.add_argument("--pairs", action="store_true", help="drop pairs below the bar, and not their whole dialogue")
    judge.add_argument("--decisions", metavar="FILE", help="write what reaches the bar as decisions, for export")
    _add_written(judge, "write the dialogues that reach the bar")

    blind = add("blind", "which questions are answered right without looking; docs/judging.md")
    _add_existing(blind, positive, "the model that guesses")
    # A guess waits for the one before it: of each pair's five, every one would be a round of batches.
    blind.set_defaults(batch=False, wait=False)
    add_anyway(blind)
    blind.add_argument("--guesses", type=positive, default=5, metavar="N", help="at each pair (5)")
    blind.add_argument(
        "--right", dest="limit_right", type=positive, metavar="N", help="right ones that mark a pair (3 of 5)"
    )
    blind.add_argument("--decisions", metavar="FILE", help="write rejections of what needs no picture, for export")

    correct = add("correct", "answers again, sentence by sentence, from what is known; docs/judging.md")
    _add_existing(correct, positive, "the model that corrects")
    add_batch(correct)
    _add_known(correct)
    correct.add_argument("--changes", metavar="FILE", help="write what was changed and why, as JSON Lines")
    _add_written(correct, "write the corrected dialogues")


def _add_existing(command: argparse.ArgumentParser, positive: Callable[[str], int], model: str) -> None:
    """What commands share that ask about dialogues that are there."""
    command.add_argument("what", metavar="RUN|FILE", help="a run's folder, or a file in any format that can be read")
    command.add_argument("--model", action="append", metavar="NAME", help=f"{model} (the run's own)")
    command.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible endpoint")
    command.add_argument("--model-path", metavar="FILE", help="a GGUF file in the place of the embedded model")
    command.add_argument("--config", metavar="FILE", help="the model and budget of a configuration")
    command.add_argument("--concurrency", type=positive, metavar="N", help="calls in flight, at most")
    command.add_argument("--budget", type=float, metavar="USD", help="what the run may cost, over all its starts")
    command.add_argument("--plan", action="store_true", help="what it will ask and cost; nothing is sent")
    command.add_argument("--show-prompt", action="store_true", help="print the first prompt and end")
    command.add_argument("--again", action="store_true", help="once more what brought nothing that could be used")
    command.add_argument("--sample", type=positive, metavar="N", help="only N dialogues, drawn by the seed")
    command.add_argument("--seed", type=int, metavar="N", help="decides every draw")
    command.add_argument(
        "--category",
        action="append",
        metavar="NAME",
        help="only this category, or a family as llava/*; may be repeated",
    )
    command.add_argument("--run", metavar="DIR", help="of a FILE: where what is asked is kept (runs/...)")
    command.add_argument("--from", dest="from_", metavar="F", help="the format of FILE (found by looking into it)")
    command.add_argument("--read-boxes", metavar="NAME", help="coordinates in the texts of FILE are in this convention")
    command.add_argument("--images", metavar="DIR", help="the folder that the paths in FILE are relative to")
    command.add_argument("--json", action="store_true", help="what came of it, for machines, to stdout")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set a key of [model], [run] or [batch], as model.timeout=60",
    )
    command.set_defaults(source=[], scenes=None, look=False)


def _add_known(command: argparse.ArgumentParser) -> None:
    """What the model is shown of the scenes."""
    command.add_argument("--scenes", metavar="FILE", help="of a FILE: scenes that its dialogues are about")
    command.add_argument("--look", action="store_true", help="show the pictures, too, to a model that can see")


def _add_written(command: argparse.ArgumentParser, what: str) -> None:
    command.add_argument("--out", metavar="FILE", help=f"{what} there, and leave out the others")
    command.add_argument("--to", default="jsonl", metavar="F", help="the format of --out (jsonl)")
