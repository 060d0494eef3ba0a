"""``syphus blind``: which questions are answered right without looking at the picture."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from syphus.cli import view
from syphus.cli.datasets.asking import (
    TaskWork,
    carry_out,
    configs_for,
    make_work,
    outcomes_of,
    prompts_near,
    shared_text,
)
from syphus.cli.datasets.asking_task import Task
from syphus.cli.datasets.subjects import Subjects, open_subjects, tell
from syphus.cli.runs.sending import sent_name, sent_seed
from syphus.config import Config
from syphus.errors import Exit, InputError
from syphus.jobs.blind import FAMILY, Blinding, BlindItem, BlindReport, blind_job, planned_requests, report_blind
from syphus.jobs.judge_asking import DRAW_TEMPERATURE
from syphus.ledger.reader import LedgerReader
from syphus.records import Dialogue
from syphus.report.decisions import Decision, version_of, write_decisions

_TOKENS_OF_A_GUESS = 25
TELLS = ("number", "few_words", "text")
"""Kinds of answer where a marked pair says something by itself; a yes, a no or an option is hit by chance too often."""


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    with ExitStack() as stack:
        return carry_out(_open_work(arguments, stack))


def _open_work(arguments: argparse.Namespace, stack: ExitStack) -> TaskWork:
    limit = arguments.limit_right if arguments.limit_right is not None else (arguments.guesses + 1) // 2
    if not 1 <= limit <= arguments.guesses:
        raise InputError(f"{limit} of {arguments.guesses} guesses cannot be right", place="--right")
    subjects = open_subjects(arguments, stack, FAMILY, scenes=False)
    tell(subjects, scenes=False)
    texts = prompts_near(arguments)
    system, repair = shared_text(texts, "blind"), shared_text(texts, "repair")
    (config,) = configs_for(arguments, subjects)
    task = _task(config, system, repair, limit, subjects, arguments)
    return make_work([task], subjects, arguments, texts, lambda ledger: _show(ledger, task, limit, arguments))


def _task(
    config: Config, system: str, repair: str, limit: int, subjects: Subjects, arguments: argparse.Namespace
) -> Task:
    blinding = Blinding(
        system=system,
        repair_text=repair,
        guesses=arguments.guesses,
        limit=limit,
        seed=arguments.seed or 0,
        sent_seed=sent_seed(config),
        reasoning_effort=config.model.reasoning_effort,
    )

    def items(settings: Any, draw_of: Callable[[str], int]) -> Iterator[BlindItem]:
        asked = structs.replace(blinding, settings=settings)
        for subject in subjects.read():
            item = BlindItem(subject=subject, blinding=asked)
            yield structs.replace(item, draw=draw_of(item.id))

    return Task(
        config=config,
        category=FAMILY,
        step="guess",
        temperature=DRAW_TEMPERATURE,
        max_tokens=160,
        job=blind_job(),
        items=items,
        planned=planned_requests,
        reply=lambda item: _TOKENS_OF_A_GUESS * len(item.subject.dialogue.turns) // 2 * arguments.guesses,
        count=subjects.count,
        kept=(blinding.version, {"system": system, "repair": repair, "model": sent_name(config.model)}),
        at_most=True,
    )


def _show(ledger: LedgerReader, task: Task, limit: int, arguments: argparse.Namespace) -> int:
    """Says what the guesses came to, and writes what is asked for."""
    items = {item.id for item in task.items(None, lambda _: 0)}

    def marked() -> Iterator[Dialogue]:
        for outcome in outcomes_of(ledger, f"{FAMILY}/", items.__contains__):
            yield from outcome.dialogues

    reports = report_blind(marked())
    if arguments.json:
        print(msgspec.json.encode({"guesses": arguments.guesses, "limit": limit, "kinds": reports}).decode())
    for line in blind_lines(reports):
        view.say(line)
    if arguments.decisions:
        write_decisions(Path(arguments.decisions), _decisions(marked()))
        view.say(f"  decisions: {arguments.decisions}; `syphus export --decisions` reads them")
    return Exit.DONE if reports else Exit.FAILURES


def blind_lines(reports: list[BlindReport]) -> Iterator[str]:
    """What the guesses came to, for people."""
    if not reports:
        yield "nothing was asked"
        return
    width = max(len(one.category) for one in reports) + 2
    columns = ("pairs", "guessed", "first right", "chance")
    yield f"{'category':<{width}}{'answer':<11}" + "".join(f"{column:>12}" for column in columns)
    for one in reports:
        chance = "·" if one.chance is None else f"{one.chance:.0%}"
        cells = (f"{one.pairs:,}", f"{one.guessed / one.pairs:.0%}", f"{one.first_right:.0%}", chance)
        yield f"{one.category:<{width}}{one.kind:<11}" + "".join(f"{cell:>12}" for cell in cells)
    telling = [one for one in reports if one.kind in TELLS]
    pairs, guessed = sum(one.pairs for one in telling), sum(one.guessed for one in telling)
    if pairs:
        yield f"{guessed:,} of {pairs:,} open questions ({guessed / pairs:.1%}) are answered right without looking"
    for one in reports:
        if one.chance is not None and one.pairs >= 30 and one.first_right > one.chance + 2 * (0.25 / one.pairs) ** 0.5:
            yield (
                f"{one.category}: {one.kind} is guessed right in {one.first_right:.0%}, where chance gives {one.chance:.0%}:"
                " the questions tell something"
            )


def _decisions(marked: Iterator[Dialogue]) -> Iterator[Decision]:
    """A dialogue is rejected where every one of its pairs is answered without looking, by a kind that tells something."""
    for dialogue in marked:
        told = {verdict.turn for verdict in dialogue.verdicts if verdict.code in {f"guessed: {kind}" for kind in TELLS}}
        if told >= set(range(len(dialogue.turns) // 2)):
            yield Decision(
                id=dialogue.id, decision="reject", note="answered right without looking", version=version_of(dialogue)
            )
