"""The engine: runs jobs over items, a bounded number at a time, and is their one effect, ``ask``.

Resume is replay. The same command runs the same pure code again; each ``ask`` looks into the ledger first, so only what is
missing is sent. There is no barrier: a free slot takes the next item, and waiting before a retry holds no slot.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from msgspec import Struct, field, structs

from syphus.engine.client import Client
from syphus.engine.ledger import Ledger
from syphus.engine.retry import STOPS_THE_RUN, is_passing, retrying
from syphus.engine.wire import Abilities, build_body, request_key
from syphus.errors import FailureKind, ModelError
from syphus.exchange import Ask, Item, Outcome, Reply, Request, Tally, Usage

Job = Callable[[Item, Ask], Awaitable[Outcome]]

ITEMS_PER_SLOT = 2
"""Items at work for each call in flight: while some wait before a retry, others use their slots."""

REFUSALS_PER_SLOT = 4
"""Refused requests in a row for each slot, after which no more are made."""

_WAKE = 0.2


class RunSettings(Struct, frozen=True, kw_only=True):
    """How the endpoint is worked."""

    concurrency: int = 16
    """Calls in flight."""
    attempts: int = 6
    """Tries for one call, the first included."""
    extra: dict[str, Any] = {}
    """More fields of each body. Unlike the rest of these settings they are part of the request's key: they are sent."""


class Counters(Tally, kw_only=True):
    """What has happened so far; the view reads it, the engine writes it."""

    sent: int = 0
    replayed: int = 0
    in_flight: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    """Kinds of failed calls, also of those that were tried again."""


class _StoppedError(Exception):
    """The run takes no new calls; the item stays pending."""


class Engine:
    """Runs items. One event loop, one client, one ledger.

    Args:
        ledger: open for writing.
        client: where requests go; None for a run of templates only.
        model: the name sent with each request.
        abilities: what the endpoint was found to do.
        settings: concurrency and tries.
        counters: updated as things happen.
    """

    def __init__(
        self,
        ledger: Ledger,
        client: Client | None,
        model: str,
        abilities: Abilities,
        settings: RunSettings,
        counters: Counters,
    ) -> None:
        self.counters = counters
        self.abilities = abilities
        self.stopped_by: ModelError | None = None
        """Why the provider ended the run, if it did."""
        self.interrupted = False
        self._ledger = ledger
        self._client = client
        self._model = model
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._asking: dict[str, asyncio.Future[Reply]] = {}
        self._failures_in_a_row = 0

    async def close(self) -> None:
        """Lets the client go."""
        if self._client is not None:
            await self._client.close()

    def drain(self) -> None:
        """Takes nothing new; what is in flight is waited for and kept."""
        self.interrupted = True

    @property
    def _stopping(self) -> bool:
        return self.interrupted or self.stopped_by is not None

    async def run(self, items: Iterable[Item], job: Job) -> None:
        """Works through ``items``. Ends early when drained or stopped; see ``stopped_by`` and ``interrupted``.

        Raises:
            LedgerError: the disk is full, for one. What was stored before is whole.
        """
        numbered = enumerate(items)
        workers = [
            asyncio.create_task(self._work(numbered, job)) for _ in range(self._settings.concurrency * ITEMS_PER_SLOT)
        ]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, items: Iterator[tuple[int, Item]], job: Job) -> None:
        while not self._stopping:
            # Reading the next scene is short and must not be shared: one next() at a time, on the loop.
            entry = next(items, None)
            if entry is None:
                return
            await self._do(*entry, job)
            await asyncio.sleep(0)

    async def _do(self, position: int, item: Item, job: Job) -> None:
        detail = ""
        try:
            outcome = await job(item, self.ask)
        except _StoppedError:
            return
        except ModelError as error:
            if error.kind in STOPS_THE_RUN:
                self.stopped_by = self.stopped_by or error
                return
            detail = str(error)
            outcome = Outcome()
        state = "failed" if detail else state_of(outcome)
        await self._ledger.record_outcome(
            item.id,
            item.category,
            item.scene_id,
            outcome,
            state=state,
            detail=detail or outcome.skipped,
            position=position,
        )
        self.counters.add(state, outcome.dialogues)

    async def ask(self, request: Request) -> Reply:
        """The reply to a request: the one in the ledger, or a new one that is on disk before this returns.

        Two items that ask the same at the same time share one call.

        Raises:
            ModelError: there is no reply to be had.
        """
        body = build_body(request, self._model, self.abilities, self._settings.extra)
        key = request_key(body, request.sample)
        if (stored := self._ledger.find_reply(key)) is not None:
            self.counters.replayed += 1
            return stored
        if (asking := self._asking.get(key)) is not None:
            return await asyncio.shield(asking)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._asking[key] = future
        try:
            reply = await self._send_until_answered(key, request, body)
        except BaseException as error:
            future.set_exception(_StoppedError() if isinstance(error, asyncio.CancelledError) else error)
            future.exception()  # marks it as seen: there may be nobody else who waits
            raise
        else:
            future.set_result(reply)
            return reply
        finally:
            del self._asking[key]

    async def ask_once(self, request: Request, abilities: Abilities) -> Reply:
        """One call as a probe makes it, with the abilities it tries; recorded like any other, but never replayed."""
        body = build_body(request, self._model, abilities, self._settings.extra)
        return await self._send_until_answered(request_key(body, request.sample), request, body)

    async def _send_until_answered(self, key: str, request: Request, body: dict[str, object]) -> Reply:
        policy = retrying(self._settings.attempts, self._sleep)
        try:
            reply: Reply = await policy(self._send_once, key, request, body)
        except ModelError as error:
            self._give_up_when_all_fail(error)
            raise
        self._failures_in_a_row = 0
        return reply

    async def _send_once(self, key: str, request: Request, body: dict[str, object]) -> Reply:
        async with self._slots:
            if self._stopping:
                raise _StoppedError
            self.counters.in_flight += 1
            started = time.monotonic()
            assert self._client is not None, "a run of templates asks nothing"
            result: Reply | ModelError
            try:
                result = await self._client.send(body)
            except ModelError as error:
                result = error
            finally:
                self.counters.in_flight -= 1
            seconds = time.monotonic() - started
        settings = {name: value for name, value in body.items() if name != "messages"}
        await self._ledger.record_attempt(key, request, settings, result, seconds)
        self.counters.sent += 1
        if isinstance(result, ModelError):
            self.counters.failures[result.kind.value] += 1
            if result.kind in STOPS_THE_RUN:
                self.stopped_by = self.stopped_by or result
            raise result
        usage = result.usage or Usage()
        self.counters.prompt_tokens += usage.prompt
        self.counters.completion_tokens += usage.completion
        return structs.replace(result, key=key)

    def _give_up_when_all_fail(self, error: ModelError) -> None:
        """Ends the run after many failures and no reply between: the rest would fail too.

        That is an endpoint that is gone (each of these calls was tried to the last), or a setting that it refuses.
        """
        self._failures_in_a_row += 1
        bound = self._settings.concurrency if is_passing(error) else REFUSALS_PER_SLOT * self._settings.concurrency
        systematic = is_passing(error) or error.kind is FailureKind.BAD_REQUEST
        if systematic and self._failures_in_a_row >= max(5, bound):
            self.stopped_by = self.stopped_by or error

    async def _sleep(self, seconds: float) -> None:
        """Waits before a retry, outside of any slot, and not beyond the end of the run."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._stopping:
                raise _StoppedError
            await asyncio.sleep(min(left, _WAKE))


def state_of(outcome: Outcome) -> str:
    """``accepted``, ``partial`` (something was kept, something refused), ``rejected`` or ``skipped``."""
    if outcome.skipped:
        return "skipped"
    if not outcome.dialogues:
        return "rejected"
    return "partial" if outcome.rejects else "accepted"
