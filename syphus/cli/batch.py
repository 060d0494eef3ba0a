"""The provider's Batch API: ``syphus batch status``, ``collect`` and ``cancel``, and ``syphus generate --batch``."""

import argparse
import asyncio
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs
from rich.table import Table
from rich.text import Text

from syphus.cli import view
from syphus.cli.runs.batch_rounds import Works, begin_batches, go_on, say_waiting
from syphus.cli.runs.batch_works import GENERATE, Kept, Mark, desks_of, read_mark, take_up, write_mark
from syphus.cli.runs.keep import CONFIG_FILE
from syphus.cli.runs.work import Prepared, do_run, prepare, run_to_its_end
from syphus.cli.runs.workload import Part, Work
from syphus.engine.batch_packing import Packer, desk_in
from syphus.engine.batches import Batches
from syphus.errors import Exit, InputError, SyphusError
from syphus.ledger.batches import UNSENT, Batch, BatchBook, BatchReader, Brought
from syphus.ledger.ledger import Ledger, open_ledger


def run(arguments: argparse.Namespace) -> int:
    """Runs ``syphus batch``."""
    folder = Path(arguments.run)
    if arguments.action == "status":
        return _show_status(folder, as_json=arguments.json)
    with open_ledger(folder):
        pass  # there is a run
    with ExitStack() as stack, open_ledger(folder, create=True) as ledger:
        mark = read_mark(ledger)
        if mark is None:
            raise InputError(
                f"{folder} has no batches",
                mend="`--batch` with generate, translate, judge or correct makes them.",
            )
        if not mark.works:
            view.say("nothing waits: all that was handed in has been fetched")
            return Exit.DONE
        if arguments.action == "cancel":
            return run_to_its_end(lambda: _cancel(folder, ledger, mark, stack))
        submit, budget = not arguments.no_submit, arguments.budget
        works = _works_of(mark, folder, stack, budget)
        return run_to_its_end(lambda: go_on(ledger, mark, works, submit=submit, wait=arguments.wait, budget=budget))


def begin(prepared: Prepared, *, wait: bool) -> int:
    """``syphus generate --batch``: hands in what has no reply."""
    if looking := [one.name for one in prepared.categories if any(step.look is True for step in one.chat_steps)]:
        raise InputError(
            f"{', '.join(looking)} shows pictures, which are put into requests when they are sent one by one, and not into batches",
            place="--batch",
            mend="Leave it out, or make the others alone: --category NAME.",
        )
    return begin_batches(_generate(prepared, keep=True), wait=wait)


def _generate(prepared: Prepared, *, keep: bool) -> Work:
    """A run as the work that it is. ``keep``: what is needed to repeat it is written when it is done first."""
    to_keep = [keep]

    async def do(ledger: Ledger, packer: Packer | None) -> int:
        return await do_run(prepared, ledger, packer=packer, keep=bool(to_keep and to_keep.pop()))

    asks = any(category.chat_steps for category in prepared.categories)
    return Work(
        command=GENERATE,
        title=GENERATE,
        folder=Path(prepared.config.run.folder),
        parts=[Part(config=prepared.config, run=do, asks=asks)],
        arguments=argparse.Namespace(),
        prompts={},
        note=lambda _: None,
        end=lambda _, code: code,
    )


def _works_of(mark: Mark, folder: Path, stack: ExitStack, budget: float | None) -> Works:
    """The commands that a run remembers; the run itself comes first."""
    kept = sorted(mark.works, key=lambda one: one.name)
    return {one.name: partial(_take_up, one, folder, stack, budget) for one in kept}


def _take_up(kept: Kept, folder: Path, stack: ExitStack, budget: float | None) -> Work:
    if kept.command != GENERATE:
        return take_up(kept, folder, stack, budget=budget)
    flags = {"run.budget": budget} if budget else {}
    return _generate(prepare(folder / CONFIG_FILE, flags), keep=False)


async def _cancel(folder: Path, ledger: Ledger, mark: Mark, stack: ExitStack) -> int:
    """Calls back what has not ended, waits for the provider to stop, and collects what was finished."""
    mark = structs.replace(mark, works=tuple(structs.replace(kept, called_back=True) for kept in mark.works))
    write_mark(ledger, mark)
    with BatchBook(ledger) as book:
        desks = [desk for kept in mark.works for desk in desks_of(kept)]
        batches = Batches(book, desks, folder=folder, run=mark.run, tell=view.say)
        try:
            await batches.settle()
            called = await batches.cancel()
        finally:
            await batches.close()
    they, have = ("it has", "it has") if called == 1 else ("they have", "they have")
    view.say(
        f"{view.counted(called, 'batch is', 'batches are')} called back; what {they} finished is fetched when"
        f" {have} stopped"
    )
    return await go_on(ledger, mark, _works_of(mark, folder, stack, None), submit=False, wait=True)


def _show_status(folder: Path, *, as_json: bool) -> int:
    with open_ledger(folder) as ledger, BatchReader(ledger.path) as reader:
        brought = reader.brought()
        works = mark.works if (mark := read_mark(ledger)) is not None else ()
        batches = _as_it_is_now(works, reader.batches())
    if as_json:
        rows = [_row(batch, brought.get(batch.id, Brought())) for batch in batches]
        titles = [{"command": one.command, "title": one.title, "called_back": one.called_back} for one in works]
        print(msgspec.json.format(msgspec.json.encode({"batches": rows, "commands": titles}), indent=2).decode())
        return Exit.DONE
    if not batches:
        view.say("this run has no batches")
        return Exit.DONE
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("batch", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for heading in ("age", "requests", "answered", "waiting", "stored", "failed", "in", "out", "cost"):
        table.add_column(heading, justify="right", no_wrap=True)
    for batch in batches:
        got = brought.get(batch.id, Brought())
        numbers = (batch.requests, batch.detail.completed + batch.detail.failed, batch.queued, got.stored)
        tokens = (got.failures, got.prompt_tokens, got.completion_tokens)
        shown = [view.short_number(number) if number else "·" for number in (*numbers, *tokens)]
        cost = view.dollars(got.cost) if got.cost else "·"
        table.add_row(Text(batch.remote or batch.tag), batch.state, _age(batch), *shown, cost)
    view.show(table)
    for batch in batches:
        if batch.detail.note:
            view.say(f"{batch.remote or batch.tag}: {batch.detail.note}")
    _tell_of_works(works, [batch for batch in batches if batch.queued], folder)
    return Exit.DONE


def _tell_of_works(works: Iterable[Kept], waiting: list[Batch], folder: Path) -> None:
    """What the open batches are for, and what to type."""
    for kept in works:
        own = [batch for batch in waiting if desk_in(batch.tag) in kept.desks]
        requests = view.counted(sum(batch.queued for batch in own), "request waits", "requests wait")
        back = "; called back: nothing is handed in until it is typed again" if kept.called_back else ""
        view.say(f"{kept.title}: {requests} in {view.counted(len(own), 'batch', 'batches')}{back}")
    if there := [batch for batch in waiting if batch.state not in UNSENT]:
        say_waiting(there, folder)
    elif works:
        view.say(f"nothing is at the provider. `syphus batch collect {folder}` goes on.")
    else:
        view.say("nothing waits: all that was handed in has been fetched")


def _as_it_is_now(works: Iterable[Kept], batches: list[Batch]) -> list[Batch]:
    """What the provider says of open batches, where it can be asked; the ledger is left as it is."""
    there = [batch for batch in batches if batch.queued and batch.remote]
    if not there:
        return batches

    async def look() -> dict[int, Batch]:
        found = {}
        for desk in (desk for kept in works for desk in desks_of(kept)):
            try:
                for batch in there:
                    if desk_in(batch.tag) == desk.name and batch.remote:
                        now = await desk.remote.retrieve(batch.remote)
                        detail = structs.replace(batch.detail, completed=now.completed, failed=now.failed)
                        found[batch.id] = batch._replace(state=now.state, detail=detail)
            finally:
                await desk.remote.close()
        return found

    with suppress(SyphusError):
        now = asyncio.run(look())
        return [now.get(batch.id, batch) for batch in batches]
    view.say("the provider cannot be asked; this is what was known when it was asked last")
    return batches


def _row(batch: Batch, brought: Brought) -> dict[str, Any]:
    row = batch._asdict() | brought._asdict()
    detail = row.pop("detail")
    return row | {"age": round(time.time() - batch.made_at, 1), **structs.asdict(detail)}


def _age(batch: Batch) -> str:
    minutes = round((time.time() - batch.made_at) / 60)
    return f"{minutes // 60} h {minutes % 60:02}" if minutes >= 60 else f"{minutes} min"
