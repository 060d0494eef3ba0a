"""Batches at the provider: handed in as tokens and money allow, found again when their name was lost, and collected.

Whatever is done here may be broken off at any moment and begun anew: each step stands in the ledger before it is taken
(:mod:`syphus.ledger.batches`), and a line's reply is stored, and its request taken from the queue, at once.
"""

import asyncio
import math
import time
from collections.abc import Callable, Container, Iterable
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import structs

from syphus.config import BatchTable
from syphus.engine.batch_lines import is_queue_full, line_of, queue_limit, shown_errors
from syphus.engine.batch_packing import desk_in, new_tag
from syphus.engine.batch_remote import ENDED, Remote, RemoteBatch
from syphus.engine.batch_results import Storing, Taken
from syphus.engine.retry import LONGEST_WAIT
from syphus.errors import FailureKind, ModelError
from syphus.files import write_whole
from syphus.ledger.batches import CREATING, PACKED, UNSENT, UPLOADING, Batch, BatchBook, Detail
from syphus.ledger.ledger import Call
from syphus.money.prices import Prices

FOLDER = "batches"
"""In the run's folder: files on their way up or down, and none when nothing is under way."""
CREATES = 4
LAG = 2.0
"""Seconds until a batch that was just handed in is surely in the provider's list; each further look waits twice as long."""
_FILL = 0.8
"""What part of a queue's limit a batch is made for, since the provider counts its tokens and we guess them."""


class Hold(Enum):
    """Why nothing more was handed in."""

    NOTHING = "nothing"
    TOKENS = "as many prompt tokens wait at the provider as may"
    REFUSED = "the provider says that too many prompt tokens wait already"
    BUDGET = "the budget is reached"


class Desk(NamedTuple):
    """Where one model gets what one command asks of it."""

    name: str
    """With which the tags of its batches begin."""
    remote: Remote
    model: str
    """Its name at the provider."""
    renamed: bool
    """It has another name in the bodies, and so in the requests' keys."""
    limits: BatchTable
    prices: Prices
    budget: float | None
    """US dollars that the run may cost, whatever it is for; None: no bound."""


class Batches:
    """The batches of a run that are of some desks; those of others are left alone.

    Args:
        book: where they are kept.
        desks: each with a name of its own.
        folder: the run's.
        run: its name at the provider.
        tell: gets what is done, for a person.
    """

    def __init__(
        self, book: BatchBook, desks: Iterable[Desk], *, folder: Path, run: str, tell: Callable[[str], None]
    ) -> None:
        self.book = book
        self._desks = {desk.name: desk for desk in desks}
        self._folder = folder / FOLDER
        self._run = run
        self._tell = tell

    async def close(self) -> None:
        """Closes the connections."""
        for desk in self._desks.values():
            await desk.remote.close()

    def desk(self, name: str) -> Desk:
        """The desk of this name."""
        return self._desks[name]

    def desk_of(self, batch: Batch) -> Desk:
        """The desk of an open batch."""
        return self._desks[desk_in(batch.tag)]

    def open(self) -> list[Batch]:
        """Those in which requests wait."""
        return [batch for batch in self.book.open() if desk_in(batch.tag) in self._desks]

    def there(self) -> list[Batch]:
        """Open batches that the provider has, or may have."""
        return [batch for batch in self.open() if batch.state not in UNSENT]

    def dollars_left(self, desk: Desk) -> float | None:
        """What is left of a desk's budget when all that is at any provider costs the most it can; None: no bound."""
        if desk.budget is None:
            return None
        held = sum(batch.detail.most for batch in self.book.open() if batch.state not in UNSENT)
        return desk.budget - self.book.ledger.dollars() - held

    # -- handing in

    async def settle(self) -> None:
        """Finds out what became of steps that were broken off; to be called first."""
        for path in (*self._folder.glob("*.jsonl"), *self._folder.glob(".*.tmp")):
            path.unlink(missing_ok=True)
        for batch in self.open():
            if batch.state == UPLOADING:
                await self.book.note_step(batch, PACKED)
            elif batch.state == CREATING:
                if (found := await self._find(batch)) is None:
                    await asyncio.sleep(LAG)
                    found = await self._find(batch)
                if found is None:
                    await self.book.note_step(batch, PACKED)
                else:
                    self._tell(f"found batch {found.id} again, whose name was lost")
                    await self._adopt(batch, found)

    async def hand_in(self, desks: Container[str]) -> Hold:
        """Hands in what is packed for these desks, one batch after the other, as far as tokens and money allow.

        Raises:
            ModelError: the provider does not take it. The batch stays packed.
        """
        holds: dict[str, Hold] = {}

        def next_batch() -> Batch | None:
            packed = (batch for batch in self.open() if batch.state == PACKED)
            return next((one for one in packed if (name := desk_in(one.tag)) in desks and name not in holds), None)

        while (batch := next_batch()) is not None:
            hold = self._held_by(batch)
            if hold is Hold.NOTHING and not await self._hand_in(batch):
                hold = Hold.REFUSED
            if hold is not Hold.NOTHING:
                holds[desk_in(batch.tag)] = hold
        # More money is for people to give, all else for time.
        return Hold.BUDGET if Hold.BUDGET in holds.values() else next(iter(holds.values()), Hold.NOTHING)

    def _held_by(self, batch: Batch) -> Hold:
        desk = self.desk_of(batch)
        beside = [other for other in self.there() if _share_a_queue(self.desk_of(other), desk)]
        limit = desk.limits.queued_tokens
        if limit is not None and beside and sum(other.tokens for other in beside) + batch.tokens > limit:
            return Hold.TOKENS
        left = self.dollars_left(desk)
        return Hold.BUDGET if left is not None and batch.detail.most > left else Hold.NOTHING

    async def _hand_in(self, batch: Batch) -> bool:
        """False: too many tokens wait already."""
        desk = self.desk_of(batch)
        await self.book.note_step(batch, UPLOADING)
        path = self._folder / f"{batch.tag}.jsonl"
        with write_whole(path) as file:
            for key, body in self.book.bodies(batch.id):
                file.write(line_of(key, body, desk.model if desk.renamed else None))
        try:
            name = await desk.remote.upload(path)
        except ModelError as error:
            if error.status == 413:
                await self._divide(batch, error)
                return True
            raise
        finally:
            path.unlink(missing_ok=True)
        begun_before = batch.detail.submitted_at is not None
        detail = structs.replace(batch.detail, submitted_at=time.time(), note="")
        await self.book.note_step(batch, CREATING, input_file=name, detail=detail)
        batch = batch._replace(input_file=name, detail=detail)
        made = await self._find(batch) if begun_before else None
        if made is None:
            try:
                made = await self._create(batch, name)
            except ModelError as error:
                if not _may_be_done(error):
                    note = structs.replace(batch.detail, submitted_at=None, note=error.message)
                    await self.book.note_step(batch, PACKED, detail=note)
                    if is_queue_full(error.message):
                        return False
                raise
        await self._adopt(batch, made)
        self._tell(f"handed in batch {made.id}: {batch.queued:,} request{'s' if batch.queued != 1 else ''}")
        return True

    async def _create(self, batch: Batch, input_file: str) -> RemoteBatch:
        """Hands in; where no clear answer came, looks whether it was done before it is tried again."""
        wait = LAG
        for left in range(CREATES - 1, -1, -1):
            try:
                return await self.desk_of(batch).remote.create(input_file, batch.tag, self._run)
            except ModelError as error:
                full = is_queue_full(error.message)
                if full or not (_may_be_done(error) or error.kind is FailureKind.RATE_LIMIT) or not left:
                    raise
                await asyncio.sleep(min(error.retry_after or wait, LONGEST_WAIT))
            if (found := await self._find(batch)) is not None:
                return found
            wait *= 2
        raise AssertionError

    async def _adopt(self, batch: Batch, made: RemoteBatch) -> None:
        # An ended one is shown as if it went on until its results are fetched.
        state = made.state if made.state not in ENDED else "finalizing"
        await self.book.note_step(batch, state, remote=made.id, input_file=made.input_file)

    async def _divide(self, batch: Batch, error: ModelError) -> None:
        """The provider allows less than was thought: two halves are tried in its place."""
        if batch.queued == 1:
            ((_, row),) = self.book.queued_in(batch.id).items()
            self.book.store_line(batch.id, row, error, Call(0.0, batch.endpoint, batch=batch.id))
            await self.book.take_back(batch, "refused", structs.replace(batch.detail, note=error.message))
            return
        self._tell(f"the provider takes no file of {batch.bytes:,} bytes; it is divided")
        note = f"{batch.tag} was too large for the provider, and is divided"
        await self.book.pack_anew(batch, [new_tag(desk_in(batch.tag)) for _ in range(2)], state="divided", note=note)

    async def _find(self, batch: Batch) -> RemoteBatch | None:
        """The batch at the provider: by our tag, by its input file, or by what stands in the files of nameless ones."""
        remote = self.desk_of(batch).remote
        known = {one.remote for one in self.book.batches()}
        nameless = []
        async for one in remote.batches():
            if one.id in known:
                continue
            if one.tag == batch.tag or (batch.input_file and one.input_file == batch.input_file):
                return one
            if one.tag is None:
                nameless.append(one)
        keys = self.book.queued_in(batch.id)
        for one in nameless:  # the provider does not keep what we say of a batch
            try:
                line = msgspec.json.decode(await remote.first_line(one.input_file))
            except (ModelError, msgspec.DecodeError):
                continue
            if isinstance(line, dict) and line.get("custom_id") in keys:
                return one
        return None

    # -- collecting

    async def collect(self) -> list[Taken]:
        """Looks at all batches at the provider, and stores what those that have ended brought. Safe to repeat.

        Raises:
            ModelError: the provider cannot be asked, or does not know a batch; what the others brought is stored.
        """
        taken = []
        troubles: dict[str, ModelError] = {}
        for batch in self.there():
            assert batch.remote is not None, "settle() was not called"
            desk = self.desk_of(batch)
            if desk.name in troubles and troubles[desk.name].status != 404:
                continue
            try:
                now = await desk.remote.retrieve(batch.remote)
            except ModelError as error:
                troubles[desk.name] = error
                if error.status == 404:
                    mend = "is this another account's key? `syphus batch cancel` gives up what is gone"
                    message = f"batch {batch.remote}: {error.message}; {mend}"
                    troubles[desk.name] = ModelError(error.kind, message, status=404)
                continue  # the others are not kept waiting for it
            detail = structs.replace(batch.detail, completed=now.completed, failed=now.failed)
            # A batch that says it has answers but names no file is not through yet, whatever its state.
            if now.state in ENDED and (now.output_file or not now.completed):
                taken.append(await self._take(batch._replace(detail=detail), now))
            elif detail != batch.detail or now.state != batch.state:
                await self.book.note_step(batch, now.state if now.state not in ENDED else "finalizing", detail=detail)
        if troubles:
            raise next(iter(troubles.values()))
        return taken

    async def _take(self, batch: Batch, now: RemoteBatch) -> Taken:
        taken = Taken(batch=batch, state=now.state)
        if now.state == "failed":
            why = shown_errors(now.errors) or "no reason given"
            full = [message for code, _, message in now.errors if is_queue_full(code, message)]
            if full:
                taken.queue_full = True
                await self.book.pack_anew(
                    batch,
                    [new_tag(desk_in(batch.tag)) for _ in range(_parts(batch, full[0]))],
                    state="failed",
                    note=why,
                )
            else:
                taken.refused = why
                await self.book.take_back(batch, "failed", structs.replace(batch.detail, note=why))
            return taken
        desk, storing = self.desk_of(batch), Storing(self.book, taken, self.desk_of(batch).prices)
        for kind, name in (("output", now.output_file), ("errors", now.error_file)):
            if name is None:
                continue
            path = self._folder / f"{batch.tag}.{kind}.jsonl"
            try:
                if await desk.remote.download(name, path):
                    await storing.store_file(path)
                else:
                    taken.missing_files += 1
            finally:
                path.unlink(missing_ok=True)
        if now.state != "cancelled":
            await storing.store_unanswered()
        await self.book.take_back(batch, now.state, batch.detail)
        return taken

    # -- calling back

    async def cancel(self) -> int:
        """Calls back all that has not ended; returns how many batches the provider is to stop."""
        self.book.take_back_unsent()
        called = 0
        for batch in self.there():
            assert batch.remote is not None, "settle() was not called"
            try:
                await self.desk_of(batch).remote.cancel(batch.remote)
            except ModelError as error:
                if error.status == 404:
                    note = "the provider has no such batch"
                    self._tell(f"batch {batch.remote}: {note}; its {batch.queued:,} requests are given up there")
                    await self.book.take_back(batch, "lost", Detail(note=note))
                elif error.kind is not FailureKind.BAD_REQUEST and error.status != 409:
                    raise  # those two say that it has ended in the meantime
            else:
                called += 1
        return called


def _share_a_queue(one: Desk, other: Desk) -> bool:
    """Providers let so many tokens wait for each model."""
    return (one.remote.endpoint, one.model) == (other.remote.endpoint, other.model)


def _parts(batch: Batch, refusal: str) -> int:
    """Into how many a batch is divided that the provider's queue has no room for: more than one if it never would have."""
    limit = queue_limit(refusal)
    if limit is None or batch.tokens <= limit:
        return 1
    return min(batch.queued, math.ceil(batch.tokens / (limit * _FILL)))


def _may_be_done(error: ModelError) -> bool:
    """Whether a call that failed so may have been carried out all the same."""
    return error.kind in (
        FailureKind.TIMEOUT,
        FailureKind.CONNECTION,
        FailureKind.OVERLOADED,
        FailureKind.BAD_REPLY,
    )
