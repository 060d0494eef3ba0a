"""The flags of ``report`` and ``review``."""

import argparse
from collections.abc import Callable


def add_report(add: Callable[[str, str], argparse.ArgumentParser], positive: Callable[[str], int]) -> None:
    """Both commands. ``add`` makes one of a name and what it does; ``positive`` reads a number."""
    report = add("report", "a run or a dataset as one HTML file to be looked at; docs/report.md")
    report.add_argument("source", metavar="RUN|FILE", help="a run's folder, or a dataset of any format")
    report.add_argument("--out", metavar="FILE", help="the file to write (RUN/report.html, FILE.report.html)")
    _add_shown(report, positive)
    review = add("review", "the same page on this machine; what is decided there is saved at once")
    review.add_argument("source", metavar="RUN|FILE", help="a run's folder, or a dataset of any format")
    review.add_argument("--port", type=int, default=0, metavar="N", help="on 127.0.0.1 (any that is free)")
    review.add_argument("--open", action="store_true", help="open it in the browser")
    _add_shown(review, positive)


def _add_shown(command: argparse.ArgumentParser, positive: Callable[[str], int]) -> None:
    command.add_argument("--category", action="append", metavar="NAME", help="only this category; may be repeated")
    command.add_argument("--limit", type=positive, metavar="N", help="the first N entries (20,000)")
    command.add_argument("--decisions", metavar="FILE", help="what was decided before (RUN/decisions.jsonl)")
    command.add_argument("--verdicts", metavar="FILE", help="verdicts.jsonl of `syphus quality --out`")
    command.add_argument("--no-pictures", action="store_true", help="a smaller file")
    command.add_argument("--images", metavar="DIR", help="the folder that the paths of pictures are relative to")
    command.add_argument("--videos", metavar="DIR", help="that of videos, where it is another")
    command.add_argument("--from", dest="from_", metavar="F", help="the format of FILE (found by looking into it)")
    command.add_argument("--dataset", default="", metavar="NAME", help="which of the datasets of FILE")
    command.add_argument("--scenes", metavar="FILE", help="the scenes that the dialogues of FILE are about")
    command.add_argument("--read-boxes", metavar="NAME", help="coordinates in the texts of FILE are in this convention")
