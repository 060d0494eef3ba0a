"""Asking models about dialogues that are there, online or through batches. ``judge``, ``blind`` and ``correct`` share it."""

import argparse
import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

import syphus
from syphus.cli import view
from syphus.cli.datasets.asking_price import priced
from syphus.cli.datasets.asking_task import Task, as_category
from syphus.cli.datasets.model_choice import load_model_config, model_configs
from syphus.cli.datasets.subjects import Subjects
from syphus.cli.runs.connect import open_engine
from syphus.cli.runs.doing import do_work
from syphus.cli.runs.ending import end_early, tell_of_closed, tell_of_stop
from syphus.cli.runs.keep import shared_texts
from syphus.cli.runs.sending import asked_with, sent_name
from syphus.cli.runs.work import Interrupts
from syphus.cli.runs.workload import Part, Work, check_batchable
from syphus.config import Config
from syphus.engine.batch_packing import Packer, take_over
from syphus.engine.counters import Counters
from syphus.errors import Exit, InputError
from syphus.ledger.ledger import Ledger
from syphus.ledger.reader import LedgerReader, StoredOutcome


class TaskWork(Work, kw_only=True):
    """The tasks of one command, over the same dialogues."""

    tasks: list[Task]


def configs_for(arguments: argparse.Namespace, subjects: Subjects) -> list[Config]:
    """A configuration for each model that is asked about these dialogues."""
    return model_configs(arguments, lambda chosen: load_model_config(chosen, subjects.folder, is_run=subjects.is_run))


def shared_text(texts: Mapping[str, str], name: str) -> str:
    """One of the shared prompts. Raises :class:`InputError` where it is missing."""
    if name not in texts:
        raise InputError(
            f"there is no shared prompt `{name}`", place="prompts/", mend=f"It stands in prompts/{name}.md."
        )
    return texts[name].strip()


def prompts_near(arguments: argparse.Namespace) -> dict[str, str]:
    """The shared prompts where the command is typed, those beside the run, then those of syphus."""
    what = Path(arguments.what)
    return shared_texts(arguments, *([what] if what.is_dir() else []))


def make_work(
    tasks: list[Task],
    subjects: Subjects,
    arguments: argparse.Namespace,
    prompts: dict[str, str],
    show: Callable[[Ledger], int],
) -> TaskWork:
    """What a command has models do.

    Args:
        tasks: over the same dialogues.
        subjects: the dialogues.
        arguments: the flags that these commands share.
        prompts: all shared prompts.
        show: what came of it, from the ledger; another code than 0 goes before that of the work.
    """

    def note(ledger: Ledger) -> None:
        keep_source(subjects, ledger, tasks[0], arguments)
        if arguments.again:
            draw_again(tasks, ledger)

    def part(task: Task) -> Part:
        async def do(ledger: Ledger, packer: Packer | None) -> int:
            return await _ask_model(task, subjects, ledger, packer, anyway=arguments.anyway)

        return Part(config=task.config, run=do)

    names = ", ".join(sent_name(task.config.model) for task in tasks)
    return TaskWork(
        command=arguments.command,
        title=f"{arguments.command} {subjects.path} by {names}",
        folder=subjects.folder,
        parts=[part(task) for task in tasks],
        arguments=arguments,
        prompts=prompts,
        note=note,
        end=lambda ledger, code: show(ledger) or code,
        tasks=tasks,
    )


def carry_out(work: TaskWork) -> int:
    """Does the tasks as the flags say, or tells of them and sends nothing (``--show-prompt``, ``--plan``); the exit code."""
    arguments = work.arguments
    if arguments.batch:
        check_batchable(work)
    if arguments.show_prompt:
        return show_first(work.tasks[0])
    priced(work.tasks, work.folder, batch=arguments.batch)
    return Exit.DONE if arguments.plan else do_work(work)


def keep_source(subjects: Subjects, ledger: Ledger, task: Task, arguments: argparse.Namespace) -> None:
    """What is needed to say later what was asked, and of what; a run says it of itself."""
    if subjects.is_run:
        return
    before = ledger.meta("source_file", str, "")
    now = Path(os.path.relpath(subjects.path.absolute(), subjects.folder.absolute())).as_posix()
    if before and before != now:
        raise InputError(f"is about another file ({before})", file=subjects.folder, mend="Name another: --run DIR")
    ledger.set_meta("source_file", now)
    ledger.set_meta("syphus", syphus.__version__)
    images = arguments.images or str(subjects.path.parent)
    ledger.set_meta("pictures", {"": Path(os.path.relpath(images, subjects.folder)).as_posix()})
    ledger.set_meta("config", {"run": task.config.run, "model": task.config.model})


def draw_again(tasks: list[Task], ledger: Ledger) -> None:
    """Another draw for each item that brought nothing, or not all, that can be used: its next requests have new keys."""
    wanted = []
    for task in tasks:
        for item in task.items(None, ledger.draw_of):
            done = ledger.find_done(item.id)
            if done is not None and done.state in ("rejected", "partial") and done.draw == item.draw:
                wanted.append(item.id)
    if wanted:
        ledger.draw_again(wanted)
    view.say(f"{len(wanted):,} items that brought nothing, or not all, that can be used are asked about anew")


async def _ask_model(task: Task, subjects: Subjects, ledger: Ledger, packer: Packer | None, *, anyway: bool) -> int:
    """Does one task as far as it can be done; what was asked before is not asked again."""
    ledger.keep_places()
    counters = Counters()
    held = 0.0 if packer else take_over(ledger, anyway=anyway)
    engine = await open_engine(task.config, [as_category(task)], ledger, counters)
    engine.put_aside = packer.put if packer else None
    engine.dispatch.budget.spent += held
    version, texts = task.kept
    ledger.record_category(version, task.category, texts)
    try:
        items = task.items(asked_with(task.config.model, engine.abilities), ledger.draw_of)
        with Interrupts(engine), view.watch(counters, engine, subjects.folder, total=task.count):
            await engine.run(items, task.job)
    except asyncio.CancelledError:
        tell_of_stop(counters, task.count)
        raise
    finally:
        await engine.close()
    ledger.flush()
    tell_of_closed(engine)
    if (early := end_early(engine, counters, task.count)) is not None:
        return early
    waiting = packer.waiting if packer else 0
    view.say(f"{sent_name(task.config.model)}: {'; '.join(_counted(counters, waiting, batch=packer is not None))}")
    return Exit.FAILURES if counters.failed and not waiting else Exit.DONE


def _counted(counters: Counters, waiting: int, *, batch: bool) -> Iterator[str]:
    """What a task came to."""
    if counters.sent or not batch:
        cost = counters.cost + counters.risk
        yield f"{counters.sent:,} calls sent" + (f", {view.dollars(cost)}" if cost else "")
    yield f"{counters.kept + counters.replayed:,} from the ledger"
    if waiting:
        yield view.counted(waiting, "item waits for a reply", "items wait for a reply")
    if counters.rejected:
        yield f"{counters.rejected:,} items brought nothing that can be used"
    if counters.failed:
        yield f"{counters.failed:,} items failed, the same command tries them again"


def outcomes_of(ledger: LedgerReader, prefix: str, wanted: Callable[[str], bool]) -> Iterator[StoredOutcome]:
    """The standing outcomes of categories that begin so, of items whose id is wanted."""
    for outcome in ledger.outcomes():
        if outcome.category.startswith(prefix) and wanted(outcome.item):
            yield outcome


def show_first(task: Task) -> int:
    """Prints, to stdout, what would be sent for the first dialogue."""
    for item in task.items(None, lambda _: 0):
        for request in task.planned(item):
            print(f"===== {request.purpose}, {item.id}")
            for message in request.messages:
                print(f"--- {message.role}\n{message.content}")
                for picture in message.pictures:
                    print(f"--- picture {picture.digest} ({picture.media_type})")
            print(f"--- settings\n{msgspec.json.encode(request.parameters).decode()}")
            return Exit.DONE
    raise InputError("there is nothing to ask about")
