"""Batches at the provider: handed in as tokens and money allow, found again when their name was lost, and collected.

Whatever is done here may be broken off at any moment and begun anew: each step stands in the ledger before it is taken
(:mod:`syphus.ledger.batches`), and a line's reply is stored, and its request taken from the queue, at once.
"""

import asyncio
import math
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from syphus.config import BatchTable
from syphus.engine.batch_lines import is_queue_full, line_of, queue_limit, read_line, shown_errors
from syphus.engine.batch_packing import new_tag
from syphus.engine.batch_remote import ENDED, Remote, RemoteBatch
from syphus.engine.retry import LONGEST_WAIT, STOPS_THE_RUN
from syphus.errors import FailureKind, ModelError
from syphus.exchange import Reply
from syphus.files import write_whole
from syphus.ledger.batches import CREATING, PACKED, UNSENT, UPLOADING, Batch, BatchBook, Detail
from syphus.ledger.ledger import Call
from syphus.money.prices import Prices

FOLDER = "batches"
"""In the run's folder: files on their way up or down, and none when nothing is under way."""
CREATES = 4
LAG = 2.0
"""Seconds until a batch that was just handed in is surely in the provider's list; each further look waits twice as long."""
_LINES_AT_A_TIME = 1000
_FILL = 0.8
"""What part of a queue's limit a batch is made for, since the provider counts its tokens and we guess them."""


class Hold(Enum):
    """Why nothing more was handed in."""

    NOTHING = "nothing"
    TOKENS = "as many prompt tokens wait at the provider as may"
    REFUSED = "the provider says that too many prompt tokens wait already"
    BUDGET = "the budget is reached"


class Taken(Struct, kw_only=True):
    """What a batch that has ended brought."""

    batch: Batch
    state: str
    replies: int = 0
    failures: int = 0
    unanswered: int = 0
    """Requests that the provider has left without a line."""
    foreign: int = 0
    """Lines for requests that are not this batch's."""
    unreadable: int = 0
    missing_files: int = 0
    queue_full: bool = False
    refused: str = ""
    """Why the provider would not have the file."""
    stopped_by: ModelError | None = None
    """A failure that every other request would meet too."""


class Batches:
    """The batches of one run.

    Args:
        book: where they are kept.
        remote: the provider.
        folder: the run's.
        run: its name at the provider.
        model: the model's name there; None: as it stands in the bodies.
        limits: what may be handed in.
        prices: of the model there.
        budget: US dollars that the run may cost; None: no bound.
        tell: gets what is done, for a person.
    """

    def __init__(
        self,
        book: BatchBook,
        remote: Remote,
        *,
        folder: Path,
        run: str,
        model: str | None,
        limits: BatchTable,
        prices: Prices,
        budget: float | None,
        tell: Callable[[str], None],
    ) -> None:
        self.book = book
        self.remote = remote
        self._folder = folder / FOLDER
        self._run = run
        self._model = model
        self._limits = limits
        self._prices = prices
        self._budget = budget
        self._tell = tell

    def there(self) -> list[Batch]:
        """Open batches that the provider has, or may have."""
        return [batch for batch in self.book.open() if batch.state not in UNSENT]

    def dollars_left(self) -> float | None:
        """What is left of the budget when all that is at the provider costs the most it can; None: no bound."""
        if self._budget is None:
            return None
        held = sum(batch.detail.most for batch in self.there())
        return self._budget - self.book.ledger.dollars() - held

    # -- handing in

    async def settle(self) -> None:
        """Finds out what became of steps that were broken off; to be called first."""
        for path in (*self._folder.glob("*.jsonl"), *self._folder.glob(".*.tmp")):
            path.unlink(missing_ok=True)
        for batch in self.book.open():
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

    async def hand_in(self) -> Hold:
        """Hands in what is packed, one batch after the other, as far as tokens and money allow.

        Raises:
            ModelError: the provider does not take it. The batch stays packed.
        """
        while packed := [batch for batch in self.book.open() if batch.state == PACKED]:
            batch = packed[0]
            there = self.there()
            waiting = sum(other.tokens for other in there)
            limit = self._limits.queued_tokens
            if limit is not None and there and waiting + batch.tokens > limit:
                return Hold.TOKENS
            left = self.dollars_left()
            if left is not None and batch.detail.most > left:
                return Hold.BUDGET
            if not await self._hand_in(batch):
                return Hold.REFUSED
        return Hold.NOTHING

    async def _hand_in(self, batch: Batch) -> bool:
        """False: too many tokens wait already."""
        await self.book.note_step(batch, UPLOADING)
        path = self._folder / f"{batch.tag}.jsonl"
        with write_whole(path) as file:
            for key, body in self.book.bodies(batch.id):
                file.write(line_of(key, body, self._model))
        try:
            name = await self.remote.upload(path)
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
        self._tell(f"handed in batch {made.id}: {batch.queued:,} requests")
        return True

    async def _create(self, batch: Batch, input_file: str) -> RemoteBatch:
        """Hands in; where no clear answer came, looks whether it was done before it is tried again."""
        wait = LAG
        for left in range(CREATES - 1, -1, -1):
            try:
                return await self.remote.create(input_file, batch.tag, self._run)
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
        await self.book.pack_anew(batch, [new_tag(), new_tag()], state="divided", note=note)

    async def _find(self, batch: Batch) -> RemoteBatch | None:
        """The batch at the provider: by our tag, by its input file, or by what stands in the files of nameless ones."""
        known = {one.remote for one in self.book.batches()}
        nameless = []
        async for one in self.remote.batches():
            if one.id in known:
                continue
            if one.tag == batch.tag or (batch.input_file and one.input_file == batch.input_file):
                return one
            if one.tag is None:
                nameless.append(one)
        keys = self.book.queued_in(batch.id)
        for one in nameless:  # the provider does not keep what we say of a batch
            try:
                line = msgspec.json.decode(await self.remote.first_line(one.input_file))
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
        gone: ModelError | None = None
        for batch in self.there():
            assert batch.remote is not None, "settle() was not called"
            try:
                now = await self.remote.retrieve(batch.remote)
            except ModelError as error:
                if error.status != 404:
                    raise
                mend = "is this another account's key? `syphus batch cancel` gives up what is gone"
                gone = ModelError(error.kind, f"batch {batch.remote}: {error.message}; {mend}", status=404)
                continue  # the others are not kept waiting for it
            detail = structs.replace(batch.detail, completed=now.completed, failed=now.failed)
            # A batch that says it has answers but names no file is not through yet, whatever its state.
            if now.state in ENDED and (now.output_file or not now.completed):
                taken.append(await self._take(batch._replace(detail=detail), now))
            elif detail != batch.detail or now.state != batch.state:
                await self.book.note_step(batch, now.state if now.state not in ENDED else "finalizing", detail=detail)
        if gone:
            raise gone
        return taken

    async def _take(self, batch: Batch, now: RemoteBatch) -> Taken:
        taken = Taken(batch=batch, state=now.state)
        if now.state == "failed":
            why = shown_errors(now.errors) or "no reason given"
            full = [message for code, _, message in now.errors if is_queue_full(code, message)]
            if full:
                taken.queue_full = True
                await self.book.pack_anew(
                    batch, [new_tag() for _ in range(_parts(batch, full[0]))], state="failed", note=why
                )
            else:
                taken.refused = why
                await self.book.take_back(batch, "failed", structs.replace(batch.detail, note=why))
            return taken
        left = self.book.queued_in(batch.id)
        stored = self.book.stored_in(batch.id)
        for kind, name in (("output", now.output_file), ("errors", now.error_file)):
            if name is None:
                continue
            path = self._folder / f"{batch.tag}.{kind}.jsonl"
            try:
                if await self.remote.download(name, path):
                    await self._store_file(path, taken, left, stored)
                else:
                    taken.missing_files += 1
            finally:
                path.unlink(missing_ok=True)
        if now.state != "cancelled":
            await self._store_unanswered(taken, left)
        await self.book.take_back(batch, now.state, batch.detail)
        return taken

    async def _store_file(self, path: Path, taken: Taken, left: dict[str, int], stored: set[str]) -> None:
        """Stores a result file's lines; takes the requests that they answer from ``left``."""
        with path.open("rb") as file:
            for number, data in enumerate(file, start=1):
                if not data.strip():
                    continue
                line = read_line(data)
                if line is None:
                    taken.unreadable += 1
                elif (row := left.get(line.key)) is None:
                    taken.foreign += line.key not in stored
                elif line.result is not None:
                    del left[line.key]
                    stored.add(line.key)
                    self._store(taken, row, line.result)
                if number % _LINES_AT_A_TIME == 0:
                    await self.book.written()
        await self.book.written()

    def _store(self, taken: Taken, row: int, result: Reply | ModelError) -> None:
        batch = taken.batch
        cost = risk = None
        if isinstance(result, ModelError):
            taken.failures += 1
            lost = result.kind is FailureKind.BAD_REPLY
            if result.kind in STOPS_THE_RUN:
                taken.stopped_by = taken.stopped_by or result
        else:
            taken.replies += 1
            lost = result.usage is None
            cost = self._prices.cost(result.usage, batch=True) if result.usage else None
        if lost and self._prices.known:
            risk = batch.detail.most / batch.requests
        self.book.store_line(batch.id, row, result, Call(0.0, batch.endpoint, cost, risk, batch.id))

    async def _store_unanswered(self, taken: Taken, left: dict[str, int]) -> None:
        if taken.state == "expired":
            error = ModelError(FailureKind.TIMEOUT, "the batch expired before the request's turn came")
        else:
            error = ModelError(FailureKind.BAD_REPLY, "the batch ended without a line for this request")
        for row in left.values():
            self._store(taken, row, error)
        taken.unanswered = len(left)
        taken.failures -= len(left)
        await self.book.written()

    # -- calling back

    async def cancel(self) -> int:
        """Calls back all that has not ended; returns how many batches the provider is to stop."""
        self.book.take_back_unsent()
        called = 0
        for batch in self.there():
            assert batch.remote is not None, "settle() was not called"
            try:
                await self.remote.cancel(batch.remote)
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
