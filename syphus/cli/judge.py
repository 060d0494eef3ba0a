"""``syphus judge``: dialogues scored by a written rubric, or two versions of them held against each other."""

import argparse
from collections.abc import Callable, Iterator, Mapping
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
from syphus.cli.export import find_target, say_written
from syphus.cli.runs.sending import sent_name, sent_seed
from syphus.config import Config
from syphus.decoding import read_text
from syphus.errors import Exit, InputError
from syphus.formats.exporting import ExportOptions, find_format
from syphus.jobs.judge import FAMILY, Judge, JudgeItem, judge_job, planned_requests
from syphus.jobs.judge_asking import DRAW_TEMPERATURE, Subject
from syphus.jobs.judge_rubric import Rubric, read_rubric
from syphus.jobs.judge_scores import CriterionReport, DuelReport, ScoreBook, count_duels, without_pairs
from syphus.ledger.ledger import Ledger, open_ledger
from syphus.ledger.reader import LedgerReader
from syphus.records import Dialogue
from syphus.report.decisions import Decision, version_of, write_decisions

_TOKENS_OF_A_PAIR = 75
"""Of a typical reply: why in a sentence or two, and five scores."""
RELIABLE = 0.667
"""Krippendorff (2004): below this alpha, do not draw conclusions from the scores."""


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    with ExitStack() as stack:
        return carry_out(open_work(arguments, stack))


def open_work(arguments: argparse.Namespace, stack: ExitStack) -> TaskWork:
    """What the command has models do.

    Args:
        arguments: as they are typed.
        stack: removes what is written on the way.
    """
    texts = prompts_near(arguments)
    rubric, repair = _read_rubric(arguments, texts), shared_text(texts, "repair")
    bars = _read_bars(arguments.least, rubric)
    if (arguments.decisions or arguments.out) and not bars:
        raise InputError("says nothing without a bar", place="--decisions, --out", mend="Add --least 3")
    if arguments.against is not None and bars:
        raise InputError(
            "is a bar for scores, and --against gives none", place="--least", mend="Leave one of them out."
        )
    if arguments.out:
        find_target(Path(arguments.out), find_format(arguments.to))
    subjects = open_subjects(arguments, stack, FAMILY, scenes=True)
    tell(subjects, scenes=True, look=arguments.look)
    rivals = _rivals(arguments, subjects)
    tasks = [_task(config, rubric, repair, subjects, rivals, arguments) for config in configs_for(arguments, subjects)]

    def show(ledger: Ledger) -> int:
        items = {item.id for task in tasks for item in task.items(None, lambda _: 0)}
        if rivals is not None:
            return _show_duels(ledger, rubric, items, arguments)
        return _show_scores(ledger, rubric, items, subjects, bars, arguments)

    return make_work(tasks, subjects, arguments, texts, show)


def _read_rubric(arguments: argparse.Namespace, texts: Mapping[str, str]) -> Rubric:
    if arguments.rubric:
        return read_rubric(read_text(Path(arguments.rubric)), file=arguments.rubric)
    return read_rubric(shared_text(texts, "judging"), file="prompts/judging.md")


def _read_bars(given: list[str], rubric: Rubric) -> dict[str, float]:
    """``3`` for each criterion with a bar, ``grounded=4`` for one."""
    known = [criterion.name for criterion in rubric.criteria]
    bars: dict[str, float] = {}
    for text in given:
        name, sign, value = text.rpartition("=")
        try:
            bar = float(value)
        except ValueError:
            raise InputError(f"{text!r} is no bar", place="--least", mend="For example 3, or grounded=4") from None
        if not rubric.scores[0] <= bar <= rubric.scores[-1]:
            raise InputError(
                f"{bar:g} is no score of the rubric",
                place="--least",
                mend=f"{rubric.scores[0]} to {rubric.scores[-1]}.",
            )
        if sign and name not in known:
            raise InputError(f"there is no criterion {name!r}", place="--least", mend=f"There are: {', '.join(known)}.")
        names = [name] if sign else [one.name for one in rubric.criteria if one.has_bar]
        bars |= dict.fromkeys(names, bar)
    return bars


def _rivals(arguments: argparse.Namespace, subjects: Subjects) -> dict[str, tuple[Dialogue, Dialogue]] | None:
    """The older and the newer version of each dialogue that has two, by its id; None where none are asked for."""
    if arguments.against is None:
        return None
    if not subjects.is_run or len(arguments.against) not in (0, 2):
        raise InputError(
            "holds two generations of a run against each other",
            place="--against",
            mend="RUN --against: the last but one and the last; or two numbers, as --against 1 3.",
        )
    generations = (arguments.against[0], arguments.against[1]) if arguments.against else None
    ids = {subject.dialogue.id: subject.dialogue.category for subject in subjects.read()}
    rivals: dict[str, tuple[Dialogue, Dialogue]] = {}
    with open_ledger(subjects.folder) as ledger:
        for old, new in ledger.compare(dict.fromkeys(ids.values()), generations):
            older = {dialogue.id: dialogue for dialogue in old.outcome.dialogues}
            for dialogue in new.outcome.dialogues:
                before = older.get(dialogue.id)
                if before is not None and dialogue.id in ids and before.turns != dialogue.turns:
                    rivals[dialogue.id] = (before, dialogue)
    if not rivals:
        raise InputError(
            "no dialogue has two generations that differ",
            file=subjects.path,
            mend="`syphus regenerate` makes a new one.",
        )
    view.say(f"  {len(rivals):,} of them have two versions that differ")
    return rivals


def _task(
    config: Config,
    rubric: Rubric,
    repair: str,
    subjects: Subjects,
    rivals: Mapping[str, tuple[Dialogue, Dialogue]] | None,
    arguments: argparse.Namespace,
) -> Task:
    judge = Judge(
        rubric=rubric,
        model=sent_name(config.model),
        repair_text=repair,
        draws=arguments.draws,
        sent_seed=sent_seed(config),
        reasoning_effort=config.model.reasoning_effort,
        seed=arguments.seed or 0,
    )

    def items(settings: Any, draw_of: Callable[[str], int]) -> Iterator[JudgeItem]:
        judging = structs.replace(judge, settings=settings)
        for subject in subjects.read():
            old: Dialogue | None = None
            if rivals is not None:
                if subject.dialogue.id not in rivals:
                    continue
                old, new = rivals[subject.dialogue.id]
                subject = structs.replace(subject, dialogue=new)  # noqa: PLW2901 - the version that is asked for
            for number in range(judge.draws):
                item = JudgeItem(subject=subject, judge=judging, number=number, rival=old)
                yield structs.replace(item, draw=draw_of(item.id))

    example = JudgeItem(subject=_ANY, judge=judge, rival=_ANY.dialogue if rivals is not None else None)
    return Task(
        config=config,
        category=example.category,
        step="score" if rivals is None else "compare",
        temperature=0.0 if judge.draws == 1 else DRAW_TEMPERATURE,
        max_tokens=2000,
        job=judge_job(),
        items=items,
        planned=planned_requests,
        reply=lambda item: 120 if item.rival else _TOKENS_OF_A_PAIR * len(item.subject.dialogue.turns) // 2,
        count=(subjects.count if rivals is None else len(rivals)) * judge.draws,
        kept=(judge.version, {"rubric": rubric, "repair": repair}),
        looks=arguments.look,
    )


_ANY = Subject(
    dialogue=msgspec.convert(
        {"id": "-", "scene": "-", "turns": [{"role": "user", "text": "-"}, {"role": "assistant", "text": "-"}]},
        Dialogue,
    )
)


# -- what came of it


def _show_scores(
    ledger: LedgerReader,
    rubric: Rubric,
    items: set[str],
    subjects: Subjects,
    bars: Mapping[str, float],
    arguments: argparse.Namespace,
) -> int:
    book = ScoreBook(rubric)
    for outcome in outcomes_of(ledger, f"{FAMILY}/{rubric.name}", items.__contains__):
        name = outcome.item.partition(f"@{outcome.category}/")[0]
        for dialogue in outcome.dialogues:
            book.add(name, dialogue)
    reports = book.report()
    if arguments.json:
        print(msgspec.json.encode({"rubric": rubric.name, "judges": book.judges, "criteria": reports}).decode())
    for line in score_lines(rubric, reports, book):
        view.say(line)
    if not reports:
        return Exit.FAILURES
    if bars:
        _filter(book, subjects, bars, arguments)
    return Exit.DONE


def score_lines(rubric: Rubric, reports: list[CriterionReport], book: ScoreBook) -> Iterator[str]:
    """The table of scores, for people."""
    if not reports:
        yield "nothing was judged"
        return
    yield f"{rubric.name}: {book.dialogues:,} dialogues, judged by {'; '.join(book.judges)}"
    several = len(book.judges) > 1
    columns = ["mean", "95%", *(str(score) for score in rubric.scores)]
    columns += ["same", "alpha", *(["kappa"] if len(book.judges) == 2 else [])] if several else []
    width = max(len("criterion"), *(len(one.name) for one in reports))
    yield f"{'criterion':<{width}}" + "".join(f"{column:>10}" for column in columns)
    for one in reports:
        given = sum(one.counts.values())
        cells = [
            f"{one.mean:.2f}",
            _between(one),
            *(f"{one.counts.get(score, 0) / given:.0%}" for score in rubric.scores),
        ]
        if several:
            cells += ["·" if one.agreement is None else f"{one.agreement:.0%}", _two(one.alpha)]
            cells += [_two(one.kappa)] if len(book.judges) == 2 else []
        yield f"{one.name:<{width}}" + "".join(f"{cell:>10}" for cell in cells)
    if any(one.low is not None for one in reports):
        yield "95%: between these lies the mean of all, of which these dialogues are a sample"
    missing = [one.name for one in rubric.criteria if one.name not in {each.name for each in reports}]
    if missing:
        yield f"not judged, for nothing is known of the scenes: {', '.join(missing)}"
    if several:
        yield "same: judges who gave the same score; alpha, kappa: agreement beyond chance, 1 is all of it, 0 none (docs/judging.md)"
        weak = [one.name for one in reports if one.alpha is not None and one.alpha < RELIABLE]
        if weak:
            yield f"too little agreement to build on (alpha below {RELIABLE}): {', '.join(weak)}"
    else:
        yield "one judge: how far its scores can be relied on is not known; --draws 3 or a second --model shows it"


def _between(one: CriterionReport) -> str:
    return "·" if one.low is None or one.high is None else f"{one.low:.2f}-{one.high:.2f}"


def _two(value: float | None) -> str:
    return "·" if value is None else f"{value:.2f}"


def _filter(book: ScoreBook, subjects: Subjects, bars: Mapping[str, float], arguments: argparse.Namespace) -> None:
    """Says which dialogues reach the bars; writes decisions about them, and those that are left."""
    counts = {"kept": 0, "shortened": 0, "refused": 0, "undecided": 0}

    def decide() -> Iterator[tuple[Dialogue, Dialogue | None, str]]:
        """Each dialogue, what is left of it, and why."""
        for subject in subjects.read():
            dialogue = subject.dialogue
            missed = book.below(subject.name, len(dialogue.turns) // 2, bars)
            if missed is None:
                yield dialogue, None, "undecided"
            elif not missed:
                yield dialogue, dialogue, "kept"
            else:
                left = without_pairs(dialogue, missed) if arguments.pairs else None
                yield dialogue, left, "shortened" if left else "refused"

    for _, _, state in decide():
        counts[state] += 1
    shown = ", ".join(f"{name} {bar:g}" for name, bar in bars.items())
    view.say(f"at least {shown}: " + ", ".join(f"{count:,} {state}" for state, count in counts.items() if count))
    if arguments.decisions:
        write_decisions(Path(arguments.decisions), _decisions(book, subjects, bars))
        view.say(f"  decisions: {arguments.decisions}; `syphus export --decisions` reads them")
    if arguments.out:
        format_ = find_format(arguments.to)
        folders = {"": Path(arguments.images)} if arguments.images else {}
        options = ExportOptions(picture_folders=folders, max_tokens=None, exact=True)
        target = find_target(Path(arguments.out), format_)
        written = format_.write((left for _, left, _ in decide() if left is not None), target, options)
        say_written(written, arguments.to, target, verb="written")


def _decisions(book: ScoreBook, subjects: Subjects, bars: Mapping[str, float]) -> Iterator[Decision]:
    """A decision about each dialogue that was judged, as people make them in the report."""
    for subject in subjects.read():
        dialogue = subject.dialogue
        missed = book.below(subject.name, len(dialogue.turns) // 2, bars)
        if missed is None:
            continue
        note = "; ".join(f"pair {pair + 1}: {', '.join(names)}" for pair, names in missed.items())
        yield Decision(
            id=dialogue.id, decision="reject" if missed else "accept", note=note, version=version_of(dialogue)
        )


def _show_duels(ledger: LedgerReader, rubric: Rubric, items: set[str], arguments: argparse.Namespace) -> int:
    outcomes = outcomes_of(ledger, f"{FAMILY}/{rubric.name}-pairwise", items.__contains__)
    judged = (dialogue for outcome in outcomes for dialogue in outcome.dialogues)
    duels = count_duels(judged, [criterion.name for criterion in rubric.criteria])
    if arguments.json:
        rows = [{**msgspec.to_builtins(one), "chance": one.chance} for one in duels]
        print(msgspec.json.encode({"rubric": rubric.name, "duels": rows}).decode())
    for line in duel_lines(duels):
        view.say(line)
    return Exit.DONE if duels else Exit.FAILURES


def duel_lines(duels: list[DuelReport]) -> Iterator[str]:
    """The table of comparisons, for people."""
    if not duels:
        yield "nothing was compared"
        return
    width = max(len(one.name) for one in duels)
    yield f"{'':<{width}}" + "".join(f"{column:>10}" for column in ("newer", "older", "same", "by chance"))
    for one in duels:
        cells = (f"{one.new:,}", f"{one.old:,}", f"{one.same:,}", f"{one.chance:.3g}")
        yield f"{one.name:<{width}}" + "".join(f"{cell:>10}" for cell in cells)
    whole = duels[0]
    if decided := whole.new + whole.old:
        yield f"what was shown first was preferred in {whole.first / decided:.0%} of {decided:,} decisions; 50% is no bias"
