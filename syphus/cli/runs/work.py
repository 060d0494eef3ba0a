"""Doing the work of a run: what ``generate`` and ``regenerate`` share, from the open ledger to the written exports."""

import argparse
import asyncio
import gc
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from syphus.annotations.reading import Problem
from syphus.categories.category import Category
from syphus.categories.load import Library
from syphus.categories.prompt import CategoryPrompts
from syphus.cli import view
from syphus.cli.export import ExportWish, check_exports, write_export
from syphus.cli.runs.assemble import Source, library_of, open_categories, open_sources, read_scenes, settings_of
from syphus.cli.runs.balance import show_balance
from syphus.cli.runs.changes import find_changes, tell_of_changes
from syphus.cli.runs.connect import open_engine
from syphus.cli.runs.ending import end_early, tell_of_closed, tell_of_stop
from syphus.cli.runs.keep import keep_run, keep_texts
from syphus.cli.runs.prompting import may_see_now, prompts_of
from syphus.cli.runs.sending import asked_with, endpoint_tables
from syphus.cli.runs.summary import Summary, print_summary, summarise
from syphus.config import Config, load_config
from syphus.engine.batch_packing import Packer, take_over
from syphus.engine.counters import Counters
from syphus.engine.run import Engine
from syphus.errors import Exit, InputError
from syphus.jobs.balance import choose
from syphus.jobs.generate import generate_job
from syphus.jobs.items import GenerateItem, make_items
from syphus.ledger.ledger import Ledger
from syphus.records import Scene


class Prepared(NamedTuple):
    """A run that is ready to start."""

    config: Config
    file: Path
    sources: list[Source]
    categories: list[Category]
    texts: Library
    """Where the categories and shared prompts were found."""


def prepare(file: Path, flags: dict[str, Any]) -> Prepared:
    """The run of a configuration file with flags on top. Raises :class:`InputError` for whatever is wrong in it."""
    config = load_config(file, flags)
    return Prepared(config, file, open_sources(config, file), open_categories(config, file), library_of(file))


def flags_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the flags that set keys of the configuration say, by dotted key."""
    flags = settings_of(arguments)
    named = {
        "run.limit": "limit",
        "run.seed": "seed",
        "run.folder": "run",
        "run.budget": "budget",
        "categories": "category",
        "model.name": "model",
        "model.base_url": "base_url",
        "model.concurrency": "concurrency",
        "model.path": "model_path",
    }
    given = {key: getattr(arguments, name, None) for key, name in named.items()}
    if given["model.base_url"] or given["model.name"]:
        flags["model.kind"] = "openai"
    if given["model.path"]:
        flags["model.kind"] = "local"
    return flags | {key: value for key, value in given.items() if value is not None}


def run_to_its_end(work: Callable[[], Any]) -> int:
    """Runs a coroutine on the fastest event loop there is; the second Ctrl-C is an interruption."""
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        factory = None
    else:
        factory = uvloop.new_event_loop
    # The modules stay; without this the collector walks over them again and again, for a sixth of a run's processor time.
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            return int(runner.run(work()))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def do_run(
    prepared: Prepared,
    ledger: Ledger,
    only: Callable[[GenerateItem], bool] | None = None,
    *,
    packer: Packer | None = None,
    anyway: bool = False,
    keep: bool = True,
    stays: bool = True,
) -> int:
    """Does what is missing of a run, shows it, and writes the exports.

    Args:
        prepared: the run.
        ledger: its ledger, open for writing.
        only: the items to look at; all others stay as they are.
        packer: takes what has no reply, in the place of the endpoint; exports are written when nothing is missing.
        anyway: ask online also what waits in a batch at the provider.
        stays: False: the folder is thrown away afterwards, so nobody is sent there.
        keep: False: the run is repeated from its own folder, so that there is nothing new to keep there.
    """
    config = prepared.config
    folder = Path(config.run.folder)
    _refuse_written_secrets(config)
    check_exports(config.export, folder)
    held = 0.0 if packer else take_over(ledger, anyway=anyway)
    changes = find_changes(folder, prepared.texts, config, [one.name for one in prepared.categories])
    if keep:
        keep_run(ledger, folder, config, prepared.file, prepared.sources, prepared.categories)
        keep_texts(folder, prepared.texts, prepared.categories)
    counters = Counters()
    # All is read once before anything is asked: a torn file or a mistyped path costs nothing, and the rest is known.
    part = only is not None
    with at_once():
        if config.balance:
            only = both(only, choose_items(prepared, _scenes(prepared, ledger)))
        total = count_items(prepared, ledger, only)
    engine = await open_engine(config, prepared.categories, ledger, counters)
    engine.put_aside = packer.put if packer else None
    engine.again = may_see_now
    engine.dispatch.budget.spent += held
    if not part:  # of a part that is chosen it was told before, with its price
        asked = asked_with(config.model, engine.abilities)
        for line in tell_of_changes(changes, ledger, _prompts_of(prepared), asked, config):
            view.say(line)
    try:
        with Interrupts(engine), view.watch(counters, engine, folder, total=total):
            await engine.run(items_of(prepared, ledger, engine, only), generate_job(config.run.seed))
    except asyncio.CancelledError:
        tell_of_stop(counters, total)
        raise
    finally:
        await engine.close()
    ledger.flush()  # outcomes are not waited for, and the last ones may be on their way to the disk
    ended = _Ended(engine, counters, total, of_all=only is None)
    summary = summarise(ledger)
    print_summary(summary, folder if stays else None, counters=counters)
    show_balance(ledger.shares(), config.balance)
    tell_of_closed(engine)
    if (early := _end_early(prepared, summary, ended)) is not None:
        return early
    if packer and packer.waiting:
        return Exit.DONE
    with at_once():
        whole = _write_exports(config, folder, ledger)
    if not config.export and stays:
        view.say(f"next: syphus export {folder} --format llava --out {folder / 'llava.json'}")
    return Exit.DONE if whole and summary.total.dialogues and not summary.total.failed else Exit.FAILURES


class _Ended(NamedTuple):
    """How the work of one start came to its end."""

    engine: Engine
    counters: Counters
    total: int
    """Items that were to be looked at."""
    of_all: bool
    """They are all items of the run."""


def _end_early(prepared: Prepared, summary: Summary, ended: _Ended) -> int | None:
    """The exit code of a start that did not come to its end, which is said; None where it did, with what is left to say."""
    stored = [summary.categories[one.name] for one in prepared.categories if one.name in summary.categories]
    made = sum(one.items - one.failed for one in stored) if ended.of_all else 0
    if (early := end_early(ended.engine, ended.counters, ended.total, made=made)) is not None:
        if early == Exit.BUDGET and summary.total.dialogues:
            folder = Path(prepared.config.run.folder)
            view.say(f"what is made is there: syphus export {folder} --format llava --out {folder / 'llava.json'}")
        return early
    if made > ended.total:
        view.say(
            f"{made - ended.total:,} items of earlier starts are not in the sources any more, under another source's name, or"
            " beyond run.limit; they stay, and exports hold them too"
        )
    if summary.total.failed:
        view.say(f"{summary.total.failed:,} items failed; the same command tries them again")
    return None


def _refuse_written_secrets(config: Config) -> None:
    """Before the configuration is kept with the run."""
    if config.model.kind == "openai":
        from syphus.endpoints.http import refuse_written_secrets

        for table in endpoint_tables(config.model):
            refuse_written_secrets(table.base_url, table.headers)


def _write_exports(config: Config, folder: Path, ledger: Ledger) -> bool:
    """Writes the configuration's exports; False where one of them holds nothing."""
    written = [write_export(ledger, folder, ExportWish.of_table(table, folder)).written for table in config.export]
    return all(written)


def items_of(
    prepared: Prepared, ledger: Ledger, engine: Engine, only: Callable[[GenerateItem], bool] | None = None
) -> Iterator[GenerateItem]:
    """The items of a run, as they are to be made now."""
    config = prepared.config
    settings = asked_with(config.model, engine.abilities)
    items = make_items(
        _scenes(prepared, ledger),
        _prompts_of(prepared),
        settings=settings,
        seed=config.run.seed,
        draw_of=ledger.draw_of,
    )
    return items if only is None else filter(only, items)


def _prompts_of(prepared: Prepared) -> list[CategoryPrompts]:
    return prompts_of(prepared.config, prepared.sources, prepared.categories)


def choose_items(prepared: Prepared, scenes: Iterator[Scene]) -> Callable[[GenerateItem], bool]:
    """Which items a run looks at that has a balance to keep; reads all ``scenes``, which are the run's."""
    prompts = [CategoryPrompts(category) for category in prepared.categories]
    return choose(make_items(scenes, prompts), prepared.config.balance, prepared.config.run.seed)


def both(
    only: Callable[[GenerateItem], bool] | None, also: Callable[[GenerateItem], bool]
) -> Callable[[GenerateItem], bool]:
    """The items that both conditions hold for."""
    return also if only is None else lambda item: only(item) and also(item)


def count_items(prepared: Prepared, ledger: Ledger, only: Callable[[GenerateItem], bool] | None = None) -> int:
    """How many items a run has; reads all sources. Raises :class:`InputError` where there is no scene in them."""
    if only is not None or any(category.sources is not None for category in prepared.categories):
        prompts = [CategoryPrompts(category) for category in prepared.categories]
        items = make_items(_scenes(prepared, ledger), prompts)
        total = sum(1 for item in items if only is None or only(item))
        if total or only is not None:
            return total
    scenes = sum(1 for _ in _scenes(prepared, ledger))
    if not scenes:
        ledger.flush()
        lost = [f"{file}, {place}: {message}" for file, place, message, _ in ledger.problems()]
        raise InputError("the sources hold no scene that can be used", mend="\n  ".join(lost[:5]))
    return scenes * sum(category.samples for category in prepared.categories)


def _scenes(prepared: Prepared, ledger: Ledger) -> Iterator[Scene]:
    def report(source: str, problem: Problem) -> None:
        ledger.record_problem(source, problem.file, problem.place, problem.message, lost=problem.lost)

    return read_scenes(prepared.sources, report, prepared.config.run.limit)


@contextmanager
def at_once() -> Iterator[None]:
    """The first Ctrl-C stops: nothing is on its way that would have to be waited for. The event loop would only note it."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Interrupts:
    """The first Ctrl-C drains, the second stops. The ledger is whole after both.

    So does SIGTERM, by which a cluster takes its machine back, and says a while before that it will.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> None:
        self._before = {
            kind: signal.signal(kind, lambda kind, _: self._loop.call_soon_threadsafe(self._handle, kind))
            for kind in (signal.SIGINT, signal.SIGTERM)
        }

    def __exit__(self, *_: object) -> None:
        for kind, before in self._before.items():
            signal.signal(kind, before)

    def _handle(self, kind: int) -> None:
        if self._engine.interrupted:
            if self._task:
                self._task.cancel()
            return
        asked = "; Ctrl-C again stops at once" if kind == signal.SIGINT else ", since the system asks to end"
        view.say(f"finishing what is in flight{asked}")
        self._engine.drain()
