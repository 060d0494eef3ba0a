"""The provider's Batch API: ``syphus generate --batch``, and ``syphus batch status``, ``collect`` and ``cancel``."""

import argparse
import asyncio
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct, structs
from rich.table import Table
from rich.text import Text

from syphus.cli import view
from syphus.cli.connect import endpoint_tables
from syphus.cli.keep import CONFIG_FILE
from syphus.cli.work import Prepared, do_run, prepare, run_to_its_end
from syphus.config import ModelTable
from syphus.engine.batch_packing import Packer
from syphus.engine.batch_remote import Remote
from syphus.engine.batches import Batches, Hold, Taken
from syphus.engine.retry import is_passing
from syphus.errors import Exit, InputError, ModelError, SyphusError
from syphus.ledger.batches import UNSENT, Batch, BatchBook, BatchReader, Brought
from syphus.ledger.ledger import Ledger, open_ledger
from syphus.money.prices import find_prices

LONGEST_POLL = 600.0
"""Seconds between two looks at batches that take their time."""


class Mark(Struct, frozen=True, kw_only=True):
    """What a run remembers of its batches, beside them."""

    run: str
    """Its name at the provider."""
    since: int = 0
    """Failures up to this attempt were asked for anew."""
    packed_at: int = 0
    """The newest attempt when all that was missing had been packed: while there is no newer one, nothing else can be."""
    called_back: bool = False
    """Nothing is handed in until `generate --batch` is typed again."""


def run(arguments: argparse.Namespace) -> int:
    """Runs ``syphus batch``."""
    folder = Path(arguments.run)
    if arguments.action == "status":
        return _show_status(folder, as_json=arguments.json)
    with open_ledger(folder):
        pass  # there is a run
    flags = {"run.budget": arguments.budget} if arguments.budget else {}
    prepared = prepare(folder / CONFIG_FILE, flags)
    with open_ledger(folder, create=True) as ledger:
        mark = ledger.meta("batches", Mark | None, None)  # type: ignore[arg-type]
        if mark is None:
            raise InputError(f"{folder} has no batches", mend="`syphus generate CONFIG --batch` makes them.")
        if arguments.action == "cancel":
            return run_to_its_end(lambda: _cancel(prepared, ledger, mark))
        submit = not (arguments.no_submit or mark.called_back)
        return run_to_its_end(lambda: _work(prepared, ledger, mark, submit=submit, wait=arguments.wait, keep=False))


def begin(prepared: Prepared, *, wait: bool) -> int:
    """``syphus generate --batch``: hands in what has no reply."""
    with open_ledger(Path(prepared.config.run.folder), create=True) as ledger:
        before = ledger.meta("batches", Mark | None, None)  # type: ignore[arg-type]
        with BatchReader(ledger.path) as reader:
            since = reader.last_attempt()
        mark = Mark(run=before.run if before else secrets.token_hex(8), since=since)
        _provider(prepared)  # what is wrong with it is said before anything is noted
        ledger.set_meta("batches", mark)
        return run_to_its_end(lambda: _work(prepared, ledger, mark, submit=True, wait=wait, keep=True))


class _Session(NamedTuple):
    """One command's work on the batches of a run."""

    prepared: Prepared
    ledger: Ledger
    mark: Mark
    batches: Batches
    submit: bool
    """Whether anything may be handed in."""
    wait: bool
    """Whether it goes on until nothing is missing."""


async def _work(prepared: Prepared, ledger: Ledger, mark: Mark, *, submit: bool, wait: bool, keep: bool) -> int:
    """Collects what has ended, does the run over the replies, hands in what is missing; again and again with ``wait``."""
    config = prepared.config
    with BatchBook(ledger) as book:
        batches = _open(prepared, book, mark)
        session = _Session(prepared, ledger, mark, batches, submit, wait)
        ledger.count_what_was_held()
        try:
            await batches.settle()
            pause = config.batch.poll
            taken = await batches.collect()
            nothing_new = not taken and batches.there() and book.last_attempt() == mark.packed_at
            code = await _round(session, taken, keep=None if nothing_new else keep)
            while code is None and wait:
                view.say(f"{_count(batches.there())}; the next look is in {pause:.3g} s")
                await asyncio.sleep(pause)
                pause = config.batch.poll if taken else min(pause * 1.5, LONGEST_POLL)
                try:
                    await batches.settle()
                    taken = await batches.collect()
                    code = await _round(session, taken, keep=None)
                except ModelError as error:
                    if not is_passing(error):
                        raise
                    taken = []
                    view.say(f"the provider cannot be asked at present: {error}")
            if code is None:
                _say_waiting(batches.there(), Path(config.run.folder))
        except asyncio.CancelledError:
            view.say("the batches go on at the provider; `syphus batch collect` fetches them")
            raise
        finally:
            await batches.remote.close()
    return Exit.DONE if code is None else code


async def _round(session: _Session, taken: list[Taken], *, keep: bool | None) -> int | None:
    """One round: the run over what replies there are, and what is missing handed in.

    Args:
        session: whose round it is.
        taken: what was just collected.
        keep: whether the run's files are written first; None: this is no first round, and needs no run if nothing came.

    Returns:
        The exit code, or None while batches are at the provider.
    """
    batches, submit = session.batches, session.submit
    refused = _tell(taken)
    code, hold, waiting = int(Exit.DONE), Hold.NOTHING, 0
    for again in (False, True):
        if taken or keep is not None or again:
            code, waiting = await _run_and_pack(session, pack=submit and not refused, keep=bool(keep))
            if code not in (Exit.DONE, Exit.FAILURES):
                return code
        if refused:
            view.say("nothing more is handed in. Mend that, then `syphus batch collect` goes on.")
            return Exit.REFUSED
        hold = await batches.hand_in() if submit else Hold.NOTHING
        if not submit or not waiting or batches.book.open():
            break
        # All that was to be handed in has failed by itself: what that makes of the items is known after another run.
    if hold is not Hold.NOTHING:
        packed = [batch for batch in batches.book.open() if batch.state in UNSENT]
        unsent = sum(batch.queued for batch in packed)
        wait = "waits" if unsent == 1 else "wait"
        view.say(
            f"{view.counted(unsent, 'request')} in {view.counted(len(packed), 'batch', 'batches')} {wait} to be handed in:"
            f" {hold.value}"
        )
    there = batches.there()
    if hold is Hold.BUDGET and not (there and session.wait):
        view.say("  `syphus batch collect` with a larger --budget goes on where it stopped.")
        return Exit.BUDGET
    return None if there or (submit and batches.book.open()) else code


async def _run_and_pack(session: _Session, *, pack: bool, keep: bool) -> tuple[int, int]:
    """The run over what replies there are, with what is missing packed: the exit code, and how many requests are missing."""
    batches, config = session.batches, session.prepared.config
    left = batches.dollars_left()
    if left is not None:
        left -= sum(batch.detail.most for batch in batches.book.open() if batch.state in UNSENT)
    table = _provider(session.prepared)
    packer = Packer(
        batches.book,
        config.batch,
        endpoint=batches.remote.endpoint,
        model=_other_name(config.model, table),
        prices=find_prices(table),
        dollars=left,
        attempts=config.model.attempts,
        since=session.mark.since,
        pack=pack,
    )
    code = await do_run(session.prepared, session.ledger, packer=packer, keep=keep)
    if code in (Exit.DONE, Exit.FAILURES):
        packer.close()
        if pack:
            mark = structs.replace(session.mark, packed_at=batches.book.last_attempt())
            session.ledger.set_meta("batches", mark)
        if packer.waiting and not pack:
            are = "is" if packer.waiting == 1 else "are"
            view.say(
                f"{view.counted(packer.waiting, 'request')} {are} without a reply; the exports are written when none is"
            )
    return code, packer.waiting


async def _cancel(prepared: Prepared, ledger: Ledger, mark: Mark) -> int:
    """Calls back what has not ended, waits for the provider to stop, and collects what was finished."""
    mark = structs.replace(mark, called_back=True)
    ledger.set_meta("batches", mark)
    with BatchBook(ledger) as book:
        batches = _open(prepared, book, mark)
        try:
            await batches.settle()
            called = await batches.cancel()
            they, have = ("it has", "it has") if called == 1 else ("they have", "they have")
            view.say(
                f"{view.counted(called, 'batch is', 'batches are')} called back; what {they} finished is fetched when"
                f" {have} stopped"
            )
        finally:
            await batches.remote.close()
    return await _work(prepared, ledger, mark, submit=False, wait=True, keep=False)


def _provider(prepared: Prepared) -> ModelTable:
    """The endpoint that gets the batches: the first of the configuration."""
    model = prepared.config.model
    if model.kind != "openai" or not any(category.chat_steps for category in prepared.categories):
        raise InputError("batches need an endpoint that is asked", mend="Leave --batch out, or choose [model] kind.")
    table = endpoint_tables(model)[0]
    if table.headers:
        raise InputError(
            "batches go through the SDK, which takes a key and no headers",
            mend="Give [model] key_variable, not headers.",
        )
    return table


def _other_name(model: ModelTable, table: ModelTable) -> str | None:
    return table.name if table.name != model.name else None


def _open(prepared: Prepared, book: BatchBook, mark: Mark) -> Batches:
    config, table = prepared.config, _provider(prepared)
    remote = _remote(table)
    for batch in book.open():
        if batch.endpoint != remote.endpoint:
            raise InputError(
                f"batch {batch.remote or batch.tag} is at {batch.endpoint}, and the configuration names {remote.endpoint}",
                mend="Set [model] base_url back, collect or cancel, and then change it.",
            )
    return Batches(
        book,
        remote,
        folder=Path(config.run.folder),
        run=mark.run,
        model=_other_name(config.model, table),
        limits=config.batch,
        prices=find_prices(table),
        budget=config.run.budget,
        tell=view.say,
    )


def _remote(table: ModelTable) -> Remote:
    return Remote(
        base_url=table.base_url, key_variable=table.key_variable, timeout=table.timeout, attempts=table.attempts
    )


# -- what people see


def _tell(taken: list[Taken]) -> bool:
    """Says what came of batches; returns whether the provider refuses more of them."""
    for one in taken:
        name = one.batch.remote
        if one.queue_full:
            view.say(f"batch {name}: too many prompt tokens wait at the provider; it waits for its turn again")
            continue
        if one.refused:
            view.say(f"batch {name}: the provider refuses its file: {one.refused}\n  its requests are pending again")
            continue
        view.say(
            f"batch {name}, {one.state}: {view.counted(one.replies, 'reply', 'replies')}, {view.counted(one.failures, 'failure')}"
        )
        notes = {
            "requests were left without a line": one.unanswered,
            "lines are for requests that are not this batch's, and are not used": one.foreign,
            "lines cannot be read": one.unreadable,
            "result files are not there any more": one.missing_files,
        }
        for text, count in notes.items():
            if count:
                view.say(f"  {count:,} {text}")
        if one.stopped_by:
            view.say(f"  stopped: {one.stopped_by}")
    return any(one.refused or one.stopped_by for one in taken)


def _say_waiting(there: list[Batch], folder: Path) -> None:
    view.say(f"{_count(there)}. `syphus batch collect {folder}` fetches them, with --wait until all is done.")


def _count(there: list[Batch]) -> str:
    queued = sum(batch.queued for batch in there)
    requests = view.counted(queued, "request waits", "requests wait")
    return f"{requests} in {view.counted(len(there), 'batch', 'batches')} at the provider"


def _show_status(folder: Path, *, as_json: bool) -> int:
    with open_ledger(folder) as ledger, BatchReader(ledger.path) as reader:
        brought = reader.brought()
        batches = _as_it_is_now(folder, reader.batches())
    if as_json:
        rows = [_row(batch, brought.get(batch.id, Brought())) for batch in batches]
        print(msgspec.json.format(msgspec.json.encode({"batches": rows}), indent=2).decode())
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
    _say_waiting([batch for batch in batches if batch.queued and batch.state not in UNSENT], folder)
    return Exit.DONE


def _row(batch: Batch, brought: Brought) -> dict[str, Any]:
    row = batch._asdict() | brought._asdict()
    detail = row.pop("detail")
    return row | {"age": round(time.time() - batch.made_at, 1), **structs.asdict(detail)}


def _age(batch: Batch) -> str:
    minutes = round((time.time() - batch.made_at) / 60)
    return f"{minutes // 60} h {minutes % 60:02}" if minutes >= 60 else f"{minutes} min"


def _as_it_is_now(folder: Path, batches: list[Batch]) -> list[Batch]:
    """What the provider says of open batches, where it can be asked; the ledger is left as it is."""
    there = [batch for batch in batches if batch.queued and batch.remote]
    if not there:
        return batches

    async def look() -> dict[int, Batch]:
        from syphus.config import load_config

        remote = _remote(endpoint_tables(load_config(folder / CONFIG_FILE, {}).model)[0])
        try:
            found = [(batch, await remote.retrieve(batch.remote)) for batch in there if batch.remote]
        finally:
            await remote.close()
        return {
            batch.id: batch._replace(
                state=now.state, detail=structs.replace(batch.detail, completed=now.completed, failed=now.failed)
            )
            for batch, now in found
        }

    with suppress(SyphusError):
        now = asyncio.run(look())
        return [now.get(batch.id, batch) for batch in batches]
    view.say("the provider cannot be asked; this is what was known when it was asked last")
    return batches
