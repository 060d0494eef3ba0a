"""The ways to the model: one or more endpoints or keys, each with its own limits, and who goes next.

Whoever wants to send waits in one line, first come first served, and takes the first lane that is free. Nobody polls: the
line moves when a call comes back, or when the time has come that a limit names.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from syphus.endpoints.limits import Limits
from syphus.endpoints.wire import Answer
from syphus.errors import FailureKind, ModelError
from syphus.money.prices import Prices

_UNKNOWN = Prices(source="unknown")
_TROUBLED = 3
"""Failed calls in a row after which an endpoint is shunned. One that refuses each connection at once has always the most room,
and would get nearly every call, and all its tries, while the others work."""
_LONGEST_SHUNNED = 30.0
_DOUBTED = frozenset({FailureKind.AUTH, FailureKind.PERMISSION, FailureKind.UNKNOWN_MODEL})


class Client(Protocol):
    """Something that carries chat-completion bodies to a model."""

    endpoint: str
    """What the ledger and the view call it; never a key."""

    async def send(self, data: bytes) -> Answer:
        """One call; ``data`` is the JSON body. Any HTTP status is an answer.

        Raises:
            ModelError: no answer came (a timeout, a broken connection).
        """

    async def close(self) -> None:
        """Lets connections or memory go."""


class Lane:
    """One endpoint or key.

    Args:
        client: where calls go.
        limits: what it is given at a time.
        prices: of the model there.
        model: the model's name there; None: as everywhere.
    """

    def __init__(
        self, client: Client, limits: Limits, prices: Prices = _UNKNOWN, *, name: str = "", model: str | None = None
    ) -> None:
        self.client = client
        self.limits = limits
        self.prices = prices
        self.model = model
        self.name = name or client.endpoint
        self.closed_by: ModelError | None = None
        """Why nothing is sent there any more."""
        self.failures_in_a_row = 0
        self.refused_since: float | None = None
        """When the first of the refusals came since which it has said nothing but "too many requests"."""
        self.has_answered = False
        """A reply has come in this start."""
        self.troubled_since: float | None = None
        """When the first of the failures came since which it has answered nobody."""
        self._denied_since: float | None = None
        self._troubles = 0
        self._shunned_until = 0.0

    @property
    def in_trouble(self) -> bool:
        """Its last calls all failed: it is only tried now and then, one call at a time."""
        return self._troubles >= _TROUBLED

    def well(self) -> None:
        """A reply came."""
        self.failures_in_a_row = self._troubles = 0
        self.refused_since = self.troubled_since = self._denied_since = None
        self.has_answered = True

    def doubt(self, error: ModelError, now: float, seconds: float) -> ModelError:
        """The error, or a passing one in its place while it is not yet believed.

        A gateway that restarts, or a firewall for a moment, says of a key that is right that it is wrong. So an endpoint that has
        answered in this start must say so for a while, without a reply in between; a single request that is refused so, among
        others that are answered, loses its tries, and the run nothing.

        Args:
            error: what it said.
            now: on the monotonic clock.
            seconds: for how long it is not believed.
        """
        if error.kind not in _DOUBTED or not self.has_answered:
            return error
        if self._denied_since is None:
            self._denied_since = now
        if now - self._denied_since >= seconds:
            return error
        passing = ModelError(FailureKind.OVERLOADED, f"{error.kind}: {error.message}", status=error.status)
        passing.outage = True  # of the endpoint, if it answers nobody else either
        return passing

    def met_trouble(self, started: float, now: float) -> None:
        """A call failed that was begun at ``started``, and not for anything in it."""
        if started < self._shunned_until:
            return  # it was on its way together with those that were counted
        self._troubles += 1
        if self.troubled_since is None:
            self.troubled_since = now
        if self.in_trouble:
            self._shunned_until = now + min(2.0 ** (self._troubles - _TROUBLED), _LONGEST_SHUNNED)

    def shunned_for(self, now: float) -> float:
        """Seconds until it is tried again; infinite while it is being tried."""
        return math.inf if self.limits.in_flight else self._shunned_until - now


class ClosedError(Exception):
    """No lane is open, or the run takes no new calls."""


class Lanes:
    """All of them, with the line of those who wait."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self.all = tuple(lanes)
        self._line: deque[tuple[int, asyncio.Future[Lane]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._shut = False

    @property
    def open(self) -> list[Lane]:
        """Those that are used."""
        return [lane for lane in self.all if lane.closed_by is None]

    @property
    def allowed(self) -> int:
        """Calls in flight that are allowed at present."""
        allowed = 0
        for lane in self.all:  # a generator would cost as much again: it is asked for with each item
            if lane.closed_by is None:
                allowed += int(lane.limits.allowed)
        return allowed

    @property
    def waiting(self) -> int:
        """How many stand in the line."""
        return len(self._line)

    def enter_now(self, tokens: int) -> Lane | None:
        """A lane that may be used without waiting, for about so many tokens; :meth:`leave` must follow."""
        if self._line:
            return None
        lane, _ = self._best(tokens)
        if lane is not None:
            lane.limits.take(tokens)
        return lane

    async def enter(self, tokens: int) -> Lane:
        """A lane that may be used now, for about so many tokens; :meth:`leave` must follow.

        Raises:
            ClosedError: there is none, or :meth:`shut` was called.
        """
        if (lane := self.enter_now(tokens)) is not None:
            return lane
        if self._shut or not self.open:
            raise ClosedError
        place: asyncio.Future[Lane] = asyncio.get_running_loop().create_future()
        self._line.append((tokens, place))
        if len(self._line) == 1:
            self.move()  # sets the clock; those behind wait for the first
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self.leave(place.result(), tokens, None)  # it was given just before
            raise

    def leave(self, lane: Lane, tokens: int, used: int | None) -> None:
        """The call has come back."""
        lane.limits.give_back(tokens, used)
        self.move()

    def close(self, lane: Lane, error: ModelError) -> None:
        """Sends nothing there any more."""
        lane.closed_by = lane.closed_by or error
        self.move()

    def shut(self) -> None:
        """Sends away all who wait; the run takes no new calls."""
        self._shut = True
        self.move()

    def move(self) -> None:
        """Lets go whoever may go now, and sets the clock for the next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        line = self._line
        while line:
            tokens, place = line[0]
            if place.done():
                line.popleft()
                continue
            lane, soonest = self._best(tokens)
            if lane is not None:
                line.popleft()
                lane.limits.take(tokens)
                place.set_result(lane)
            elif self._shut or not self.open:
                line.popleft()
                place.set_exception(ClosedError())
            else:
                if math.isfinite(soonest):
                    self._timer = asyncio.get_running_loop().call_later(max(soonest, 0.001), self.move)
                return

    def _best(self, tokens: int) -> tuple[Lane | None, float]:
        """The open lane with the most room, of those that may be used now; and the seconds until one may be."""
        best, most, soonest = None, -1.0, math.inf
        if self._shut:
            return best, soonest
        now = time.monotonic()
        for lane in self.all:
            if lane.closed_by is not None:
                continue
            wait = self._wait(lane, tokens, now)
            soonest = min(soonest, wait)
            if wait <= 0:
                room = 1 - lane.limits.in_flight / lane.limits.allowed
                if room > most:
                    best, most = lane, room
        return best, soonest

    def _wait(self, lane: Lane, tokens: int, now: float) -> float:
        """Seconds until the lane may be used; infinite: when a call has come back."""
        wait = lane.limits.wait(tokens, now)
        if lane.in_trouble and (lane.has_answered or not all(other.in_trouble for other in self.open)):
            return max(wait, lane.shunned_for(now))
        return wait
