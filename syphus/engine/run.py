"""The engine: runs jobs over items and is their one effect, ``ask``.

Resume is replay. The same command runs the same pure code again; each ``ask`` looks into the ledger first, so only what is
missing is sent, and an item whose outcome rests on the very same things is not even run. There is no barrier: whatever comes
back makes room for the next, and waiting before a retry holds no place.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from syphus.endpoints.forms import Forms
from syphus.endpoints.lanes import Lane
from syphus.endpoints.wire import Abilities, build_body, request_key
from syphus.engine.counters import Counters, RunSettings
from syphus.engine.dispatch import Asked, Dispatch, StoppedError
from syphus.engine.retry import STOPS_THE_RUN
from syphus.errors import LedgerError, ModelError
from syphus.exchange import Ask, Item, Outcome, Reply, Request
from syphus.ledger.ledger import Ledger
from syphus.money.budget import Budget

Job = Callable[[Item, Ask], Awaitable[Outcome]]
PutAside = Callable[[str, Request, dict[str, Any]], None]
"""Key, request and body. Raises :class:`syphus.errors.ModelError` for what was refused for good."""

AHEAD = 1.25
"""Items at work for each call that is allowed in flight: the next ones stand ready when a place becomes free."""
MOST_RESTING = 4
"""Items that wait before a retry, for each call that is allowed; with more, no new ones are begun."""
_WITHOUT_A_PAUSE = 32
"""Items that may be done one after another before whatever else is ready has its turn."""


class Engine:
    """Runs items. One event loop, one ledger.

    Args:
        ledger: open for writing.
        lanes: where requests go; none for a run of templates only.
        model: the name sent with each request.
        abilities: what the endpoint was found to do.
        settings: tries and patience.
        counters: updated as things happen.
        budget: what may be spent.
    """

    def __init__(
        self,
        ledger: Ledger,
        lanes: Iterable[Lane],
        model: str,
        abilities: Abilities,
        settings: RunSettings,
        counters: Counters,
        budget: Budget | None = None,
    ) -> None:
        self.counters = counters
        self.abilities = abilities
        self.interrupted = False
        self.put_aside: PutAside | None = None
        """Given, nothing is sent: it gets what has no reply, and the item stays pending (the provider's Batch API)."""
        self.again: Callable[[Item, str], bool] = lambda _, __: False
        """Says of an item and its outcome's state that it is made again although it rests on the same things."""
        self.dispatch = Dispatch(ledger, lanes, settings, counters, budget or Budget(None), self._wake)
        self._ledger = ledger
        self._model = model
        self._settings = settings
        self._forms = Forms(settings.extra)
        self._asking: dict[str, asyncio.Future[Reply] | None] = {}
        """Calls on their way, with the future of those who ask the same; None: nobody does."""
        self._left: Iterator[tuple[int, Item]] = iter(())
        self._all_begun = False
        self._at_work: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._error: BaseException | None = None

    @property
    def stopped_by(self) -> ModelError | None:
        """Why the provider ended the run, if it did."""
        return self.dispatch.stopped_by

    @property
    def known_cost(self) -> float:
        """US dollars that replies have cost, over all starts of the run."""
        return sum(one.cost for one in self._ledger.spent())

    async def close(self) -> None:
        """Lets the clients go, and what was held back for calls in flight."""
        for lane in self.dispatch.lanes.all:
            await lane.client.close()
        self.dispatch.let_go()

    def drain(self) -> None:
        """Takes nothing new; what is in flight is waited for and kept."""
        self.interrupted = True
        self.dispatch.stop()

    async def run(self, items: Iterable[Item], job: Job) -> None:
        """Works through ``items``. Ends early when drained, stopped or out of money; see ``stopped_by``, ``interrupted``.

        Raises:
            LedgerError: the disk is full, for one. What was stored before is whole.
        """
        self._left, self._all_begun = enumerate(items), False
        try:
            while not self._error and (self._at_work or not self._all_done):
                while not self._all_done and self._has_room(len(self._at_work)):
                    task = asyncio.create_task(self._work(job))
                    self._at_work.add(task)
                    task.add_done_callback(self._finished)
                    if len(self._at_work) % _WITHOUT_A_PAUSE == 0:
                        await asyncio.sleep(0)
                self._changed.clear()
                await self._changed.wait()
        finally:
            for task in self._at_work:
                task.cancel()
            await asyncio.gather(*self._at_work, return_exceptions=True)
        if self._error:
            raise self._with_what_is_lost(self._error)
        if self._ledger.full:
            raise self._ledger.full

    def _with_what_is_lost(self, error: BaseException) -> BaseException:
        """A ledger's error, with what was paid for and could not be kept."""
        count = self.counters
        if not isinstance(error, LedgerError) or not (count.cut or count.unstored):
            return error
        most = f", and {count.risk:,.4f} US dollars at most may be billed" if count.risk else ""
        return LedgerError(
            f"{error}\n  Lost: {count.unstored:,} replies that had come and could not be written, and {count.cut:,} calls that"
            f" were on their way{most}; they will be asked and paid again."
        )

    @property
    def _ending(self) -> bool:
        return self.dispatch.stopping or self._error is not None

    @property
    def _all_done(self) -> bool:
        """Nothing new is to be begun."""
        return self._all_begun or self._ending

    def _has_room(self, at_work: int) -> bool:
        """Whether one more item may be begun beside so many."""
        allowed = max(1, self.dispatch.lanes.allowed)
        resting = self.dispatch.resting
        busy = at_work - resting
        return busy < allowed * AHEAD + 1 and resting < allowed * MOST_RESTING + 4

    def _wake(self) -> None:
        self._changed.set()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._at_work.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._error = self._error or error
        self._changed.set()

    def _stands(self, item: Item, position: int) -> bool:
        """Whether the item's outcome rests on the very same things as it would now."""
        if not item.basis or (done := self._ledger.find_done(item.id)) is None:
            return False
        if done.basis != item.basis or done.state == "failed" or self.again(item, done.state):
            return False
        if done.position != position:
            self._ledger.move_outcome(item.id, position)
        self.counters.kept += 1
        self.counters.add(done.state, done.dialogues, done.pairs)
        share = self.counters.of(item.category)
        share.items += 1
        share.kept += 1
        return True

    async def _work(self, job: Job) -> None:
        """Does one item after another, as long as there is room for it: a task for each would cost more than its start."""
        done = 0
        while not self._ending:
            try:
                position, item = next(self._left)
            except StopIteration:
                self._all_begun = True
                return
            if not self._stands(item, position):
                await self._do(position, item, job)
                room = self._has_room(len(self._at_work))
                if not room and not self._has_room(len(self._at_work) - 1):
                    return  # there are fewer places than there were
                if room and not self._all_begun:
                    self._changed.set()  # and more
            done += 1
            if done % _WITHOUT_A_PAUSE == 0:
                await asyncio.sleep(0)

    async def _do(self, position: int, item: Item, job: Job) -> None:
        detail = ""
        try:
            outcome = await job(item, self.ask)
        except StoppedError:
            return
        except ModelError as error:
            if error.kind in STOPS_THE_RUN:
                return  # no fault of the item's: it stays pending
            detail = str(error)
            outcome = Outcome()
        state = "failed" if detail else state_of(outcome)
        self._ledger.record_outcome(item, position, outcome, state=state, detail=detail or outcome.skipped)
        self.counters.add(state, len(outcome.dialogues), outcome.pairs)
        share = self.counters.of(item.category)
        share.items += 1
        share.pairs += outcome.pairs

    async def ask(self, request: Request) -> Reply:
        """The reply to a request: the one in the ledger, or a new one that is on disk before this returns.

        Two items that ask the same at the same time share one call.

        Raises:
            ModelError: there is no reply to be had.
        """
        form = self._forms.find(request, self._model, self.abilities)
        key, data = form.fill(request)
        if (stored := self._ledger.find_reply(key)) is not None:
            self.counters.replayed += 1
            return stored
        if key in self._asking:
            return await self._share(key)
        if self.put_aside is not None:
            self.put_aside(key, request, build_body(request, self._model, self.abilities, self._settings.extra))
            raise StoppedError
        self._asking[key] = None
        try:
            reply = await self.dispatch.send(Asked(key, data, request, form, self.abilities))
        except BaseException as error:
            if (shared := self._asking.pop(key)) is not None and not shared.done():
                shared.set_exception(StoppedError() if isinstance(error, asyncio.CancelledError) else error)
                shared.exception()  # marks it as seen: who waited may be gone
            raise
        if (shared := self._asking.pop(key)) is not None and not shared.done():
            shared.set_result(reply)
        return reply

    async def _share(self, key: str) -> Reply:
        """The reply to a call that another item has on its way."""
        shared = self._asking[key]
        if shared is None:
            shared = self._asking[key] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(shared)

    async def ask_once(self, request: Request, abilities: Abilities) -> Reply:
        """One call as a probe makes it, with the abilities it tries.

        Recorded like any other, but under a key that names the endpoint: what one endpoint said tells nothing of another.
        """
        form = self._forms.find(request, self._model, abilities)
        body = build_body(request, self._model, abilities, self._settings.extra)
        endpoint = self.dispatch.lanes.all[0].client.endpoint
        key = request_key({**body, "endpoint": endpoint}, request.sample)
        asked = Asked(key, form.fill(request).data, request, form, abilities)
        return self._ledger.find_reply(key) or await self.dispatch.send(asked)


def state_of(outcome: Outcome) -> str:
    """``accepted``, ``partial`` (something was kept, something refused), ``rejected`` or ``skipped``."""
    if outcome.skipped:
        return "skipped"
    if not outcome.dialogues:
        return "rejected"
    return "partial" if outcome.rejects else "accepted"
