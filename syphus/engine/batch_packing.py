"""Putting requests aside for the provider's Batch API, and who may ask for what waits there.

Only the ledger's rows are packed: a batch's file is made from them when it is handed in.
"""

import secrets
from collections.abc import Callable
from typing import Any

import msgspec

from syphus.config import BatchTable
from syphus.endpoints.wire import longest_reply
from syphus.engine.batch_lines import line_of
from syphus.engine.dispatch import UNBOUNDED_REPLY
from syphus.engine.retry import STOPS_THE_RUN, is_passing
from syphus.errors import FailureKind, InputError, ModelError
from syphus.exchange import Request
from syphus.ledger.batches import UNSENT, BatchBook, Failed, Shard
from syphus.ledger.ledger import Ledger
from syphus.money.prices import Prices
from syphus.money.sizes import Sizes


class Packer:
    """Takes what an engine puts aside, and packs it into batches that wait to be handed in.

    Args:
        book: where they are kept.
        limits: how large a batch may be.
        desk: for which desk (:class:`syphus.engine.batches.Desk`), whose name begins the batches' tags.
        endpoint: who will get them; for the ledger.
        model: the model's name there; None: as it stands in the bodies.
        prices: for the most that a batch can cost.
        dollars: says what is left of the budget when the first request comes, since something may be asked online before: a
            batch ends before it goes beyond, so that it can be handed in. None: no bound.
        attempts: tries for one request, over all batches since the attempt ``since``.
        since: failures up to this attempt do not count: they were asked for anew.
        pack: False: it only counts what is missing.
    """

    def __init__(
        self,
        book: BatchBook,
        limits: BatchTable,
        *,
        desk: str = "",
        endpoint: str,
        model: str | None,
        prices: Prices,
        dollars: Callable[[], float | None],
        attempts: int,
        since: int,
        pack: bool = True,
    ) -> None:
        self.waiting = 0
        """How often the run has met a request without a reply: once for each item that waits, though some wait for the same."""
        self._book = book
        self._limits = limits
        self._desk = desk
        self._endpoint = endpoint
        self._model = model
        self._prices = prices
        self._dollars_left = dollars
        self._dollars: float | None = None
        self._is_new = True
        self._attempts = attempts
        self._failures = book.failures(since)
        self.packs = pack
        """Whether anything is to go to the provider."""
        self._sizes = Sizes()
        for size, tokens in book.counted_sizes():
            self._sizes.learn(size, tokens)
        self._keys: set[str] = set()
        """Of the batch that is being filled; the ledger knows the others'."""
        self._begin()

    def put(self, key: str, request: Request, body: dict[str, Any]) -> None:
        """Takes one request, unless it waits already.

        Raises:
            ModelError: it was refused for good, tried often enough, or is larger than a whole batch may be.
        """
        if key in self._keys or self._book.is_queued(key):
            self.waiting += 1
            return
        failed = self._failures.get(key)
        if failed and self._is_final(failed):
            raise failed.error
        prompt = len(msgspec.json.encode(body))
        size = len(line_of(key, body, self._model))
        if size > self._limits.bytes:
            message = f"a line of {size:,} bytes, and [batch] bytes lets a whole file have {self._limits.bytes:,}"
            raise ModelError(FailureKind.TOO_LONG, message)
        self.waiting += 1
        if not self.packs:
            return
        if self._is_new:
            self._is_new, self._dollars = False, self._dollars_left()
        tokens = self._sizes.expected(prompt)
        longest = longest_reply(body) or UNBOUNDED_REPLY
        most = self._prices.most(self._sizes.bound(prompt), longest, batch=True) or 0.0
        if self._count and self._is_full(size, tokens, most):
            self._seal()
        self._keys.add(key)
        self._bytes += size
        self._tokens += tokens
        self._most += most
        self._count += 1
        settings = {name: value for name, value in body.items() if name != "messages"}
        self._book.add_request(key, request, settings, self._rows)

    def waits(self, key: str) -> bool:
        """Whether a request waits in a batch already."""
        return self._book.is_queued(key)

    def held(self) -> float:
        """US dollars that what waits in batches can still cost."""
        return sum(batch.detail.most for batch in self._book.open())

    def close(self) -> None:
        """Packs what is left."""
        if self._count:
            self._seal()

    def _is_final(self, failed: Failed) -> bool:
        if failed.error.kind in STOPS_THE_RUN:
            return False  # no fault of the request's: what was wrong is mended before it is asked again
        return failed.tries >= self._attempts or not is_passing(failed.error)

    def _begin(self) -> None:
        self._rows: list[int] = []
        self._count = self._bytes = self._tokens = 0
        self._most = 0.0
        self._keys.clear()

    def _is_full(self, size: int, tokens: int, most: float) -> bool:
        limits = self._limits
        if self._dollars is not None and self._most + most > self._dollars:
            self._dollars = None  # the rest waits for a larger budget, in batches of the usual size
            return True
        return (
            self._count >= limits.requests
            or self._bytes + size > limits.bytes
            or (limits.queued_tokens is not None and self._tokens + tokens > limits.queued_tokens)
        )

    def _seal(self) -> None:
        self._book.ledger.flush()  # now all rows are known
        shard = Shard(self._rows, self._bytes, self._tokens, self._most)
        self._book.pack(shard, tag=new_tag(self._desk), endpoint=self._endpoint)
        if self._dollars is not None:
            self._dollars -= self._most
        self._begin()


def new_tag(desk: str) -> str:
    """A name for a batch, by which it is found at the provider; it begins with that of its desk."""
    return f"{desk}-{secrets.token_hex(12)}" if desk else secrets.token_hex(12)


def desk_in(tag: str) -> str:
    """The name of the desk that a batch was packed for."""
    return tag.rpartition("-")[0]


def take_over(ledger: Ledger, *, anyway: bool) -> float:
    """Makes the way free for an online run: what the provider does not have yet is pending again.

    Args:
        ledger: the run's, open for writing.
        anyway: requests may be asked although the provider has them in a batch.

    Returns:
        US dollars that such batches can still cost; they are to be held back from the run's budget.

    Raises:
        InputError: requests wait in batches that the provider has.
    """
    with BatchBook(ledger) as book:
        book.take_back_unsent()
        there = [batch for batch in book.open() if batch.state not in UNSENT]
        if there and not anyway:
            names = ", ".join(batch.remote or batch.tag for batch in there[:3])
            more = f" and {len(there) - 3} more" if len(there) > 3 else ""
            folder = ledger.path.parent
            raise InputError(
                f"{sum(batch.queued for batch in there):,} requests of this run wait in batches at the provider"
                f" ({names}{more}); asked online too, they would be paid twice",
                mend=f"`syphus batch collect {folder}` fetches them, `syphus batch cancel {folder}` calls them back;"
                " --anyway asks and pays all the same.",
            )
        return sum(batch.detail.most for batch in there)
