"""Getting one request answered: the budget, a lane, the call, the ledger, and again where the trouble is one that passes."""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

import msgspec

from syphus.endpoints.forms import Form, Forms
from syphus.endpoints.lanes import ClosedError, Lane, Lanes
from syphus.endpoints.pictures import PICTURE_BYTES, Shown, read_pictures, with_pictures
from syphus.endpoints.wire import Abilities, build_body, read_answer, with_cache_hints
from syphus.engine.counters import Counters, RunSettings
from syphus.engine.retry import STOPS_THE_RUN, is_passing, retrying
from syphus.errors import FailureKind, LedgerError, ModelError
from syphus.exchange import Reply, Request, Usage
from syphus.identity import draw_number
from syphus.ledger.ledger import Call, Ledger
from syphus.money.budget import Budget, BudgetReachedError
from syphus.money.sizes import Sizes

REFUSALS_PER_PLACE = 4
"""Refused requests in a row, for each call in flight, after which an endpoint is given no more."""
FEWEST_FAILURES, MOST_FAILURES = 5, 64
"""Calls in a row that were tried to the last, after which an endpoint counts as gone."""
UNBOUNDED_REPLY = 4096
"""Tokens that are reserved for a reply whose length nothing bounds, until there was a longer one."""
_NOBODY_THERE = frozenset({502, 503, 504, 529})
CALLS_PER_CACHE_KEY = 15
"""A minute; OpenAI sends what is above that to other machines, which do not know the prefix (prompt caching guide)."""


class StoppedError(Exception):
    """The run takes no new calls; the item stays pending."""


class Asked:
    """One request on its way, serialised once.

    Args:
        key: its name in the ledger.
        data: its body, as the configuration's model gets it.
        request: what is asked.
        form: what it shares with the other requests of its step.
        abilities: the dialect.
    """

    __slots__ = ("abilities", "data", "form", "key", "lane", "request", "shown", "size")

    def __init__(self, key: str, data: bytes, request: Request, form: Form, abilities: Abilities) -> None:
        self.key = key
        self.data = data
        self.request = request
        self.form = form
        self.abilities = abilities
        self.size = len(data) + PICTURE_BYTES * sum(len(message.pictures) for message in request.messages)
        self.shown: Shown = {}
        """Its pictures, ready to be sent."""
        self.lane: Lane | None = None
        """Where it was tried last."""


class Dispatch:
    """Sends requests. Knows nothing of items and jobs.

    Args:
        ledger: gets every attempt.
        lanes: the endpoints.
        settings: tries and patience.
        counters: updated as things happen.
        budget: what may be spent.
        wake: called when there may be room for more items.
    """

    def __init__(
        self,
        ledger: Ledger,
        lanes: Iterable[Lane],
        settings: RunSettings,
        counters: Counters,
        budget: Budget,
        wake: Callable[[], None],
    ) -> None:
        self.lanes = Lanes(tuple(lanes))
        self.budget = budget
        self.resting = 0
        """Calls that wait before they are tried again."""
        self.stopped_by: ModelError | None = None
        self._ledger = ledger
        self._settings = settings
        self._counters = counters
        self._wake = wake
        self._forms = Forms(settings.extra)
        """Of endpoints that know the model by another name."""
        self._sizes = Sizes()
        self._longest_seen = self._beyond = 0
        self._noted = 0.0
        self._stop = asyncio.Event()
        self._started = time.monotonic()

    @property
    def stopping(self) -> bool:
        """No new calls are made."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Makes no new calls; those in flight are waited for."""
        self._stop.set()
        self.lanes.shut()
        self._wake()

    def let_go(self) -> None:
        """Says in the ledger that nothing is on its way any more, if nothing is: what was is stored with what it cost."""
        if self._noted and not self.budget.reserved:
            self._noted = 0.0
            with suppress(LedgerError):  # then the next start counts it as spent
                self._ledger.hold(0.0)

    async def send(self, call: Asked) -> Reply:
        """A reply, on disk before this returns.

        Raises:
            ModelError: there is none to be had.
            StoppedError: the run takes no new calls.
        """
        try:
            return await self._try(call)
        except ModelError as error:
            # Nearly every call is answered at once; the policy is only made for those that are not.
            if not is_passing(error):
                raise
            failed = [error]

        async def again() -> Reply:
            if failed:
                raise failed.pop()
            return await self._try(call)

        try:
            reply: Reply = await retrying(self._settings.attempts, self._rest)(again)
        except ModelError as error:
            self._count_as_lost(call, error)
            raise
        return reply

    def _data_for(self, call: Asked, lane: Lane) -> bytes:
        """The body for an endpoint that may know the model by another name, and may be told what to keep in its cache."""
        model = lane.model or call.form.model
        if call.abilities.cache == "none":
            if model == call.form.model:
                return call.data
            return self._forms.find(call.request, model, call.abilities).fill(call.request).data
        body = build_body(call.request, model, call.abilities, self._settings.extra)
        return msgspec.json.encode(
            with_cache_hints(body, call.request, call.abilities.cache, self._cache_key(call.request))
        )

    def _cache_key(self, request: Request) -> str:
        minutes = max(1.0, (time.monotonic() - self._started) / 60)
        # A power of two, so that a busier minute divides the groups and does not shuffle them.
        groups = 1
        while groups * CALLS_PER_CACHE_KEY < self._counters.sent / minutes:
            groups *= 2
        group = draw_number(request.messages[-1].content) % groups
        return f"{group}-{request.purpose}"[:64]

    async def _try(self, call: Asked) -> Reply:
        """One attempt, at the first lane that can be had; a lane that turns out to be closed to us is left for another."""
        while True:
            most = self._most_cost(call) if self.budget.cap is not None else 0.0
            tokens = self._sizes.expected(call.size) + self._longest_reply(call)
            lane = self.lanes.enter_now(tokens) if self.budget.cap is None else None
            if lane is None:
                lane = await self._enter(tokens, most)
            call.lane = lane
            used: int | None = None
            try:
                call.shown = self._read_pictures(call, most)
                result = await self._carry(call, lane, most)
                if isinstance(result, Reply) and result.usage:
                    used = result.usage.prompt + result.usage.completion
            finally:
                call.shown = {}
                # After its reply is on disk: so there are never more replies unstored than calls are allowed in flight.
                self.lanes.leave(lane, tokens, used)
            if isinstance(result, Reply):
                return result
            if not (result.kind in STOPS_THE_RUN and self.lanes.open):
                raise result

    def _read_pictures(self, call: Asked, most: float) -> Shown:
        """Read when the call has its place: what waits in line, or rests before a retry, would hold them in memory."""
        try:
            return read_pictures(call.request)
        except BaseException:
            self.budget.settle(most, 0.0)
            raise

    async def _enter(self, tokens: int, most: float) -> Lane:
        try:
            await self.budget.reserve(most)
        except BudgetReachedError:
            self.stop()
            raise StoppedError from None
        if self.budget.reserved > self._noted:
            # On disk before the call is sent, and rarely: what a kill -9 leaves in flight counts as spent by the next start.
            self._noted = min(2 * self.budget.reserved, self.budget.left + self.budget.reserved)
            self._ledger.hold(self._noted)
        try:
            return await self.lanes.enter(tokens)
        except BaseException as error:
            self.budget.settle(most, 0.0)
            if isinstance(error, ClosedError):
                raise StoppedError from None
            raise

    async def _carry(self, call: Asked, lane: Lane, most: float) -> Reply | ModelError:
        """Sends, learns from the answer, and stores it."""
        started = time.monotonic()
        self._counters.in_flight += 1
        try:
            result = await self._answer_of(call, lane, started)
        except BaseException:
            # Stopped at once, while it was on its way: there is no time to wait, but it may be billed.
            risk = most or self._most_cost(call)
            self.budget.settle(most, risk)
            self._counters.cut += 1
            self._counters.risk += risk
            self._counters.of(call.form.category).cost += risk
            cut = ModelError(FailureKind.CONNECTION, "stopped while it was on its way", billable=True)
            noted = Call(time.monotonic() - started, lane.name, None, risk or None)
            with suppress(LedgerError):  # where nothing can be written any more, the run's end says so
                self._ledger.note_attempt(call.key, call.request, call.form.settings_text, cut, noted)
            raise
        finally:
            self._counters.in_flight -= 1
        usage = result.usage if isinstance(result, Reply) else None
        cost = lane.prices.cost(usage) if usage else None
        uncounted = result.billable if isinstance(result, ModelError) else usage is None
        risk = (most or self._most_cost(call)) if uncounted else 0.0
        self.budget.settle(most, (cost or 0.0) + risk)
        self._count(result, usage, cost, risk, lane)
        if spent := (cost or 0.0) + risk:
            self._counters.of(call.form.category).cost += spent
        noted = Call(time.monotonic() - started, lane.name, cost, risk or None)
        try:
            await self._ledger.record_attempt(call.key, call.request, call.form.settings_text, result, noted)
        except LedgerError:
            self._counters.unstored += isinstance(result, Reply)
            raise
        if self._ledger.full and not self.stopping:
            self.stop()
        return result

    async def _answer_of(self, call: Asked, lane: Lane, started: float) -> Reply | ModelError:
        try:
            answer = await lane.client.send(with_pictures(self._data_for(call, lane), call.shown))
            now = time.monotonic()
            lane.limits.learn(answer.headers, now)
            reply = read_answer(answer, call.key)
        except ModelError as error:
            now = time.monotonic()
            lane.limits.failed(error, started, now)
            error = lane.doubt(error, now, self._settings.doubt)
            self._judge(lane, error, started)  # before its place is given to the next
            return error
        lane.well()
        lane.limits.succeeded(started, now, reply.usage.completion if reply.usage else 0)
        if reply.usage:
            self._sizes.learn(call.size, reply.usage.prompt)
            self._longest_seen = max(self._longest_seen, reply.usage.completion)
            if (limit := call.form.longest_reply) and reply.usage.completion > limit + self._beyond:
                self._beyond = reply.usage.completion - limit  # the endpoint bills more than the limit, as thoughts
        return reply

    def _count(
        self, result: Reply | ModelError, usage: Usage | None, cost: float | None, risk: float, lane: Lane
    ) -> None:
        counters = self._counters
        counters.sent += 1
        counters.cost += cost or 0.0
        counters.risk += risk
        if isinstance(result, ModelError):
            counters.failures[result.kind.value] += 1
        elif usage:
            counters.prompt_tokens += usage.prompt
            counters.completion_tokens += usage.completion
            counters.cached_tokens += usage.cached
            if usage.cached or usage.cache_written:
                counters.saved += lane.prices.saved(usage) or 0.0

    def _judge(self, lane: Lane, error: ModelError, started: float) -> None:
        """Gives up a lane that will never take a call, takes none of ours, or says "too many requests" for very long."""
        now = time.monotonic()
        if error.kind is FailureKind.RATE_LIMIT:
            if lane.refused_since is None:
                lane.refused_since = now
            if now - lane.refused_since > self._settings.patience:
                self._close(lane, error)
            return
        if error.status is not None:
            lane.refused_since = None
        if is_passing(error):
            # An endpoint that has answered before may come back: a router restarts, a server loads a model anew.
            error.outage = lane.has_answered and lane.in_trouble and (error.outage or _is_gone(error))
            lane.met_trouble(started, now)
            if error.outage and now - (lane.troubled_since or now) > self._settings.patience:
                self._close(lane, error)
        if error.kind in STOPS_THE_RUN:
            self._close(lane, error)
        if error.kind is FailureKind.BAD_REQUEST:
            lane.failures_in_a_row += 1
            if lane.failures_in_a_row >= self._most_refusals(lane):
                self._close(lane, error)

    def _most_refusals(self, lane: Lane) -> float:
        """Refused requests in a row that a lane may have: few, where it has never answered and another has."""
        if not lane.has_answered and any(other.has_answered for other in self.lanes.open):
            return FEWEST_FAILURES
        return max(FEWEST_FAILURES, REFUSALS_PER_PLACE * lane.limits.allowed)

    def _count_as_lost(self, call: Asked, error: ModelError) -> None:
        """Gives up a lane where many calls failed their last try, and no reply came between: it is gone."""
        lane = call.lane
        if lane is not None and is_passing(error) and error.kind is not FailureKind.RATE_LIMIT and not error.outage:
            lane.failures_in_a_row += 1
            # One that has never answered has been given no more at a time than it began with.
            most = lane.limits.most if lane.has_answered else lane.limits.allowed
            if lane.failures_in_a_row >= min(MOST_FAILURES, max(FEWEST_FAILURES, int(most))):
                self._close(lane, error)

    def _close(self, lane: Lane, error: ModelError) -> None:
        self.lanes.close(lane, error)
        if not self.lanes.open:
            self.stopped_by = self.stopped_by or error
            self.stop()

    async def _rest(self, seconds: float) -> None:
        """Waits before a retry, outside of any lane, and not beyond the end of the run."""
        if seconds <= 0 and not self.stopping:
            return
        self.resting += 1
        self._wake()
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return
        finally:
            self.resting -= 1
        raise StoppedError

    def _most_cost(self, call: Asked) -> float:
        """Dollars that the call costs at most, at the dearest endpoint; 0 where no price is known."""
        bound = self._sizes.bound(call.size)
        longest = self._longest_reply(call)
        return max((lane.prices.most(bound, longest) or 0.0 for lane in self.lanes.all), default=0.0)

    def _longest_reply(self, call: Asked) -> int:
        """Tokens that the reply may have, and what others were longer than their limit; unbounded, as the longest that came."""
        limit = call.form.longest_reply
        return limit + self._beyond if limit else max(UNBOUNDED_REPLY, self._longest_seen)


def _is_gone(error: ModelError) -> bool:
    """Whether nobody was there to take the call, which is never the call's own fault; a 500 or a cut reply may be."""
    return error.status in _NOBODY_THERE or (error.status is None and not error.billable)
