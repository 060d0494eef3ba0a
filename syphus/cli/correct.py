"""``syphus correct``: each sentence of the answers held against what is known of the scene; what fails is rewritten or dropped."""

import argparse
from collections import Counter
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
from syphus.cli.export import find_target, say_written
from syphus.cli.runs.sending import sent_name, sent_seed
from syphus.config import Config
from syphus.errors import Exit, InputError
from syphus.files import write_whole
from syphus.formats.exporting import ExportOptions, find_format
from syphus.jobs.correct import CHECK, correct_job, planned_requests
from syphus.jobs.correct_items import FAMILY, Correcting, CorrectItem
from syphus.jobs.correct_sentences import split_sentences
from syphus.ledger.ledger import Ledger
from syphus.records import Dialogue

_TOKENS_OF_A_SENTENCE = 45
_SHOWN = 3


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    with ExitStack() as stack:
        return carry_out(open_work(arguments, stack))


def open_work(arguments: argparse.Namespace, stack: ExitStack) -> TaskWork:
    """What the command has a model do.

    Args:
        arguments: as they are typed.
        stack: removes what is written on the way.
    """
    if arguments.out:
        find_target(Path(arguments.out), find_format(arguments.to))
    subjects = open_subjects(arguments, stack, FAMILY, scenes=True)
    tell(subjects, scenes=True, look=arguments.look)
    if subjects.without_scene == subjects.count and not arguments.look:
        raise InputError(
            "of none of its scenes anything is known, so nothing can be held against it",
            file=subjects.path,
            mend="--scenes FILE brings their annotations; --look shows the pictures to a vision model.",
        )
    texts = prompts_near(arguments)
    system, repair = shared_text(texts, "correcting"), shared_text(texts, "repair")
    (config,) = configs_for(arguments, subjects)
    task = structs.replace(_task(config, system, repair, subjects), looks=arguments.look)
    return make_work([task], subjects, arguments, texts, lambda ledger: _show(ledger, task, subjects, arguments))


def _task(config: Config, system: str, repair: str, subjects: Subjects) -> Task:
    correcting = Correcting(
        system=system,
        repair_text=repair,
        sent_seed=sent_seed(config),
        reasoning_effort=config.model.reasoning_effort,
    )

    def items(settings: Any, draw_of: Callable[[str], int]) -> Iterator[CorrectItem]:
        asked = structs.replace(correcting, settings=settings)
        for subject in subjects.read():
            item = CorrectItem(subject=subject, correcting=asked)
            yield structs.replace(item, draw=draw_of(item.id))

    def reply(item: CorrectItem) -> int:
        answers = [turn.text for turn in item.subject.dialogue.turns[1::2]]
        return _TOKENS_OF_A_SENTENCE * sum(1 + len(split_sentences(answer)) for answer in answers)

    return Task(
        config=config,
        category=FAMILY,
        step="hold",
        temperature=0.0,
        max_tokens=4000,
        job=correct_job(),
        items=items,
        planned=planned_requests,
        reply=reply,
        count=subjects.count,
        kept=(correcting.version, {"system": system, "repair": repair, "model": sent_name(config.model)}),
    )


class _Results:
    """What came of the dialogues. Of those without an outcome only the ids are held."""

    def __init__(self, ledger: Ledger, task: Task, subjects: Subjects) -> None:
        self._ledger = ledger
        self._subjects = subjects
        self._items = {item.id for item in task.items(None, lambda _: 0)}
        self._done: set[str] = set()
        """Ids of dialogues that were corrected, or left nothing that holds."""
        self.states: Counter[str] = Counter()
        self.changes: Counter[str] = Counter()
        self.examples: list[str] = []
        for identity, after in self._outcomes():
            self._done.add(identity)
            self._count(after)
        self.states["not corrected"] = subjects.count - len(self._done)

    def _outcomes(self) -> Iterator[tuple[str, Dialogue | None]]:
        """Each dialogue of the outcomes; None where nothing of it holds."""
        for outcome in outcomes_of(self._ledger, f"{FAMILY}/", self._items.__contains__):
            if outcome.dialogues:
                yield outcome.item.removesuffix(f"@{FAMILY}"), outcome.dialogues[0]
            elif any(reject.code.startswith(f"{CHECK}:") for reject in outcome.rejects):
                yield outcome.item.removesuffix(f"@{FAMILY}"), None

    def _count(self, after: Dialogue | None) -> None:
        if after is None:
            self.states["dropped"] += 1
            return
        self.states["corrected" if after.verdicts else "as it was"] += 1
        for verdict in after.verdicts:
            self.changes[verdict.code] += 1
            if len(self.examples) < _SHOWN and verdict.code == "rewritten":
                self.examples.append(f"{verdict.evidence}  ({verdict.message})")

    def dialogues(self) -> Iterator[Dialogue]:
        """What may be used: the corrected ones, then those that could not be corrected, as they were."""
        yield from (after for _, after in self._outcomes() if after is not None)
        for subject in self._subjects.read():
            if subject.name not in self._done:
                yield subject.dialogue

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row for each sentence or pair that is not as it was: where, what, why."""
        for identity, after in self._outcomes():
            if after is None:
                yield {"dialogue": identity, "change": "dialogue_dropped"}
                continue
            for one in after.verdicts:
                yield {
                    "dialogue": identity,
                    "pair": one.turn,
                    "change": one.code,
                    "text": one.evidence,
                    "because": one.message,
                }


def _show(ledger: Ledger, task: Task, subjects: Subjects, arguments: argparse.Namespace) -> int:
    """Says what came of it, and writes what is asked for."""
    results = _Results(ledger, task, subjects)
    view.say("dialogues: " + ", ".join(f"{count:,} {state}" for state, count in results.states.most_common() if count))
    if results.changes:
        named = ", ".join(f"{count:,} {code.replace('_', ' ')}" for code, count in results.changes.most_common())
        view.say(f"sentences and pairs: {named}")
    for example in results.examples:
        view.say(f"  {example}")
    if arguments.json:
        print(msgspec.json.encode({"dialogues": results.states, "changes": results.changes}).decode())
    if arguments.changes:
        with write_whole(Path(arguments.changes)) as out:
            for row in results.rows():
                out.write(msgspec.json.encode(row) + b"\n")
        view.say(f"  what was changed, and why: {arguments.changes}")
    if arguments.out:
        format_ = find_format(arguments.to)
        folders = {"": Path(arguments.images)} if arguments.images else {}
        options = ExportOptions(picture_folders=folders, max_tokens=None, exact=True)
        target = find_target(Path(arguments.out), format_)
        say_written(format_.write(results.dialogues(), target, options), arguments.to, target, verb="written")
    elif subjects.is_run and results.states["corrected"] + results.states["as it was"]:
        view.say(f"  they stand in the ledger as {FAMILY}/<category>, beside what they were made of")
    return Exit.DONE if results.states["corrected"] + results.states["as it was"] else Exit.FAILURES
