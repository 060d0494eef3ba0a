"""What a batch at the provider has brought: the lines of its result files, stored as they are read."""

from pathlib import Path

from msgspec import Struct

from syphus.engine.batch_lines import read_line
from syphus.engine.retry import STOPS_THE_RUN
from syphus.errors import FailureKind, ModelError
from syphus.exchange import Reply
from syphus.ledger.batches import Batch, BatchBook
from syphus.ledger.ledger import Call
from syphus.money.prices import Prices

_LINES_AT_A_TIME = 1000


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


class Storing:
    """Stores what one batch has brought. May be begun anew after a crash: what is stored is not waited for any more.

    Args:
        book: where batches are kept.
        taken: counts what comes.
        prices: of the model.
    """

    def __init__(self, book: BatchBook, taken: Taken, prices: Prices) -> None:
        self._book = book
        self._taken = taken
        self._prices = prices
        self._left = book.queued_in(taken.batch.id)
        """The requests that nothing has come for: key -> row."""
        self._stored = book.stored_in(taken.batch.id)

    async def store_file(self, path: Path) -> None:
        """Stores a result file's lines."""
        taken, left = self._taken, self._left
        with path.open("rb") as file:
            for number, data in enumerate(file, start=1):
                if not data.strip():
                    continue
                line = read_line(data)
                if line is None:
                    taken.unreadable += 1
                elif (row := left.get(line.key)) is None:
                    taken.foreign += line.key not in self._stored
                elif line.result is not None:
                    del left[line.key]
                    self._stored.add(line.key)
                    self._store(row, line.result)
                if number % _LINES_AT_A_TIME == 0:
                    await self._book.written()
        await self._book.written()

    async def store_unanswered(self) -> None:
        """Stores a failure for each request that no line has come for."""
        if self._taken.state == "expired":
            error = ModelError(FailureKind.TIMEOUT, "the batch expired before the request's turn came")
        else:
            error = ModelError(FailureKind.BAD_REPLY, "the batch ended without a line for this request")
        failures = self._taken.failures
        for row in self._left.values():
            self._store(row, error)
        self._taken.unanswered = len(self._left)
        self._taken.failures = failures
        await self._book.written()

    def _store(self, row: int, result: Reply | ModelError) -> None:
        taken, batch = self._taken, self._taken.batch
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
        self._book.store_line(batch.id, row, result, Call(0.0, batch.endpoint, cost, risk, batch.id))
