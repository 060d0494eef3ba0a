"""A hard cap on what a run costs.

Each call reserves the most that it can cost before it is sent, and settles for what it did cost when its reply is there. So
the cap holds whatever is in flight. Calls whose reply was lost (a timeout, a cut connection) may have been billed all the
same: they count with what they had reserved.
"""

import asyncio
import math
from collections import deque


class BudgetReachedError(Exception):
    """The next call could go beyond the cap, and nothing is in flight that would make room."""


class Budget:
    """Dollars that may be spent.

    Args:
        cap: the most, over all starts of the run; None: no bound.
        spent: what earlier starts have cost.
    """

    def __init__(self, cap: float | None, spent: float = 0.0) -> None:
        self.cap = cap
        self.spent = spent
        self.reserved = 0.0
        self.reached = False
        self._held = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def left(self) -> float:
        """Dollars that are neither spent nor reserved; infinite without a cap."""
        return math.inf if self.cap is None else self.cap - self.spent - self.reserved

    async def reserve(self, most: float) -> None:
        """Waits until ``most`` dollars are left for a call.

        Raises:
            BudgetReachedError: there will not be so much.
        """
        if self.cap is None:
            return
        while self.spent + self.reserved + most > self.cap:
            if self.reached or not self._held:
                self.reached = True
                self._wake()
                raise BudgetReachedError
            change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(change)
            await change
        self.reserved += most
        self._held += 1

    def settle(self, most: float, cost: float) -> None:
        """A call that had reserved ``most`` has cost ``cost``."""
        self.spent += cost
        if self.cap is not None:
            self._held -= 1
            self.reserved = max(0.0, self.reserved - most) if self._held else 0.0
            self._wake()

    def _wake(self) -> None:
        while self._waiting:
            change = self._waiting.popleft()
            if not change.done():
                change.set_result(None)
