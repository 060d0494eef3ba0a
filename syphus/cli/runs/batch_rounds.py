"""Work that goes through batches, in rounds: done over the replies that there are, what is missing packed and handed in."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from msgspec import structs

from syphus.cli import view
from syphus.cli.runs.batch_works import Kept, Mark, desks_of, forget, remember, write_mark
from syphus.cli.runs.work import run_to_its_end
from syphus.cli.runs.workload import WENT_WELL, Work, check_batchable
from syphus.engine.batch_packing import Packer, desk_in
from syphus.engine.batch_results import Taken
from syphus.engine.batches import Batches, Hold
from syphus.engine.retry import is_passing
from syphus.errors import Exit, InputError, ModelError
from syphus.ledger.batches import UNSENT, Batch, BatchBook, BatchReader
from syphus.ledger.ledger import Ledger, open_ledger

LONGEST_POLL = 600.0
"""Seconds between two looks at batches that take their time."""

Works = Mapping[str, Callable[[], Work]]
"""The commands to go on with, by their names in the mark. They are opened when there is something to do: that may take long."""


def begin_batches(work: Work, *, wait: bool) -> int:
    """A command with ``--batch``: hands in what has no reply.

    Args:
        work: the command.
        wait: go on until nothing is missing.
    """
    check_batchable(work)  # what is wrong is said before anything is noted
    with open_ledger(work.folder, create=True) as ledger:
        work.note(ledger)
        with BatchReader(ledger.path) as reader:
            since = reader.last_attempt()
        mark, name = remember(work, ledger, since)
        return run_to_its_end(lambda: go_on(ledger, mark, {name: lambda: work}, submit=True, wait=wait))


class _Session:
    """One command's work on the batches of a run.

    Args:
        ledger: of the run, open for writing.
        mark: what it remembers.
        works: those that are waited for.
        batches: of all of them.
        submit: whether anything may be handed in.
    """

    def __init__(self, ledger: Ledger, mark: Mark, works: Works, batches: Batches, *, submit: bool) -> None:
        self.ledger = ledger
        self.mark = mark
        self.names = list(works)
        self.are_several = len(works) > 1
        self.batches = batches
        self.submit = submit
        self.code = int(Exit.DONE)
        """The worst that works have ended with."""
        self.waiting: dict[str, int] = {}
        """How many of a work's items have met a request without a reply, when it was done last."""
        self._works = works
        self._opened: dict[str, Work] = {}
        self._seen: dict[str, int] = {}
        """The newest attempt when a work was done last."""

    def work(self, name: str) -> Work | None:
        """The work of this name; None, and said, where it cannot be gone on with."""
        if name not in self._opened:
            try:
                self._opened[name] = self._works[name]()
            except InputError as error:
                title = self.mark.find(name).title
                view.say(f"{title}: {error}\n  What the provider has of it is fetched; it goes on when that is mended.")
                self._seen[name] = self.batches.book.last_attempt()
                self.code = max(self.code, Exit.BAD_INPUT)
                return None
        return self._opened[name]

    def may_hand_in(self, name: str) -> bool:
        """Whether a work's requests may go to the provider."""
        return self.submit and not self.mark.find(name).called_back

    def open(self, names: Iterable[str] | None = None) -> list[Batch]:
        """The open batches of works; None: of all that are gone on with."""
        desks = {desk for name in (self.names if names is None else names) for desk in self.mark.find(name).desks}
        return [batch for batch in self.batches.open() if desk_in(batch.tag) in desks]

    def has_news(self, name: str, fresh: set[str]) -> bool:
        """Whether replies may have come since a work was done last, or there is nothing that it could wait for.

        Args:
            name: of the work.
            fresh: the desks for which something has just come.
        """
        kept, last = self.mark.find(name), self.batches.book.last_attempt()
        waits = any(batch.state not in UNSENT for batch in self.open([name]))
        if not fresh.isdisjoint(kept.desks):
            return True
        if name not in self._seen:
            return not waits or last != kept.packed_at
        # What came for others is news only for a work that waits for the very same requests.
        return not waits and last != self._seen[name]

    def note_done(self, name: str, *, waiting: int, packed: bool) -> None:
        """A work was done as far as it goes."""
        self._seen[name] = self.batches.book.last_attempt()
        self.waiting[name] = waiting
        kept = structs.replace(self.mark.find(name), packed_at=self._seen[name] if packed else -1)
        self.mark = self.mark.replace(kept)
        write_mark(self.ledger, self.mark)

    def let_go_if_done(self, name: str) -> None:
        """A work of which nothing waits any more is not remembered."""
        ended = self.mark.find(name).called_back or self.waiting.get(name) == 0
        if ended and not self.open([name]):
            self.mark = forget(self.mark, name, self.ledger)
            self.names.remove(name)

    def is_waiting(self) -> bool:
        """Whether there is something to wait for, of these works or for them."""
        there = self.batches.there()
        return bool(there) and (
            any(batch.state not in UNSENT for batch in self.open())
            or any(self.waiting.get(name) for name in self.names)
        )


async def go_on(
    ledger: Ledger, mark: Mark, works: Works, *, submit: bool, wait: bool, budget: float | None = None
) -> int:
    """Collects what has ended, does the works over the replies, hands in what is missing; again and again with ``wait``.

    Args:
        ledger: of the run, open for writing.
        mark: what it remembers.
        works: the commands that are waited for; of others only what is at the provider is fetched.
        submit: whether anything is handed in.
        wait: until nothing is missing.
        budget: US dollars, in the place of what was typed with the commands.

    Returns:
        The exit code: 0 while something is at the provider and nothing is wrong.
    """
    desks = [desk for kept in mark.works for desk in desks_of(kept, budget)]
    with BatchBook(ledger) as book:
        batches = Batches(book, desks, folder=ledger.path.parent, run=mark.run, tell=view.say)
        session = _Session(ledger, mark, works, batches, submit=submit)
        _check_places(batches)
        ledger.count_what_was_held()
        poll = min(asked.batch.poll for kept in mark.works for asked in kept.asked)
        try:
            await batches.settle()
            pause = poll
            taken = await batches.collect()
            code = await _round(session, taken, wait=wait)
            while code is None and wait:
                view.say(f"{_count(batches.there())}; the next look is in {pause:.3g} s")
                await asyncio.sleep(pause)
                pause = poll if taken else min(pause * 1.5, LONGEST_POLL)
                try:
                    await batches.settle()
                    taken = await batches.collect()
                    code = await _round(session, taken, wait=wait)
                except ModelError as error:
                    if not is_passing(error):
                        raise
                    taken = []
                    view.say(f"the provider cannot be asked at present: {error}")
            if code is None:
                say_waiting(batches.there(), ledger.path.parent)
        except asyncio.CancelledError:
            view.say("the batches go on at the provider; `syphus batch collect` fetches them")
            raise
        finally:
            await batches.close()
    return Exit.DONE if code is None else code


def _check_places(batches: Batches) -> None:
    for batch in batches.open():
        here = batches.desk_of(batch).remote.endpoint
        if batch.endpoint != here:
            raise InputError(
                f"batch {batch.remote or batch.tag} is at {batch.endpoint}, and the configuration names {here}",
                mend="Set [model] base_url back, collect or cancel, and then change it.",
            )


async def _round(session: _Session, taken: list[Taken], *, wait: bool) -> int | None:
    """One round: the works over what replies there are, and what is missing handed in.

    Returns:
        The exit code, or None while batches are at the provider.
    """
    refused = _tell(taken)
    fresh = {desk_in(one.batch.tag) for one in taken}
    hold = Hold.NOTHING
    for again in (False, True):
        for name in list(session.names):
            if again or session.has_news(name, fresh):
                code = await _do(session, name, pack=session.may_hand_in(name) and not refused)
                if code not in WENT_WELL:
                    return code
            session.let_go_if_done(name)
        if refused:
            view.say("nothing more is handed in. Mend that, then `syphus batch collect` goes on.")
            return Exit.REFUSED
        able = [name for name in session.names if session.may_hand_in(name)]
        hold = await session.batches.hand_in([desk for name in able for desk in session.mark.find(name).desks])
        if session.open() or not any(session.waiting.get(name) for name in able) or session.is_waiting():
            break
        # All that was to be handed in has failed by itself: what that makes of the items is known after another run.
    waits = session.is_waiting()
    if hold is not Hold.NOTHING:
        _tell_of_hold(hold, [batch for batch in session.open() if batch.state in UNSENT])
    if hold is Hold.BUDGET and not (waits and wait):
        view.say("  `syphus batch collect` with a larger --budget goes on where it stopped.")
        return Exit.BUDGET
    return None if waits or (session.submit and session.open()) else session.code


async def _do(session: _Session, name: str, *, pack: bool) -> int:
    """A work over what replies there are, with what is missing packed; what it is for, when nothing is missing."""
    kept, work = session.mark.find(name), session.work(name)
    if work is None:
        return Exit.DONE
    if session.are_several:
        view.say(f"\n{work.title}:")
    worst, waiting = int(Exit.DONE), 0
    for part, desk, asked in zip(work.parts, kept.desks, kept.asked, strict=True):
        packer = _packer(session, kept, desk, attempts=asked.model.attempts, pack=pack)
        code = await part.run(session.ledger, packer)
        if code not in WENT_WELL:
            return code
        packer.close()
        worst, waiting = max(worst, code), waiting + packer.waiting
    session.note_done(name, waiting=waiting, packed=pack)
    if not waiting:
        worst = work.end(session.ledger, worst)
        session.code = max(session.code, worst)
    elif not pack:
        items = view.counted(waiting, "item waits", "items wait")
        then = "what is exported is written when none does"
        if kept.called_back:
            then = f"`syphus {kept.command}`, as it was typed, goes on with them, with --batch or without"
        view.say(f"{items} for a reply; {then}")
    return worst


def _packer(session: _Session, kept: Kept, desk_name: str, *, attempts: int, pack: bool) -> Packer:
    batches = session.batches
    desk = batches.desk(desk_name)

    def dollars_left() -> float | None:
        left = batches.dollars_left(desk)
        if left is None:
            return None
        return left - sum(batch.detail.most for batch in batches.book.open() if batch.state in UNSENT)

    return Packer(
        batches.book,
        desk.limits,
        desk=desk.name,
        endpoint=desk.remote.endpoint,
        model=desk.model if desk.renamed else None,
        prices=desk.prices,
        dollars=dollars_left,
        attempts=attempts,
        since=kept.since,
        pack=pack,
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


def _tell_of_hold(hold: Hold, packed: list[Batch]) -> None:
    unsent = sum(batch.queued for batch in packed)
    wait = "waits" if unsent == 1 else "wait"
    view.say(
        f"{view.counted(unsent, 'request')} in {view.counted(len(packed), 'batch', 'batches')} {wait} to be handed in:"
        f" {hold.value}"
    )


def say_waiting(there: list[Batch], folder: Path) -> None:
    """Says what is at the provider, and what to type."""
    view.say(f"{_count(there)}. `syphus batch collect {folder}` fetches them, with --wait until all is done.")


def _count(there: list[Batch]) -> str:
    queued = sum(batch.queued for batch in there)
    requests = view.counted(queued, "request waits", "requests wait")
    return f"{requests} in {view.counted(len(there), 'batch', 'batches')} at the provider"
