"""When a failed call is made again, and how long it waits: the one owner of retries."""

from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_base, wait_random_exponential

from syphus.errors import FailureKind, ModelError

RETRIED = frozenset(
    {
        FailureKind.RATE_LIMIT,
        FailureKind.OVERLOADED,
        FailureKind.TIMEOUT,
        FailureKind.CONNECTION,
        FailureKind.BAD_REPLY,
    }
)
"""Passing troubles. What is not here fails the item at once, for it would fail again."""

STOPS_THE_RUN = frozenset(
    {
        FailureKind.AUTH,
        FailureKind.PERMISSION,
        FailureKind.UNKNOWN_MODEL,
        FailureKind.QUOTA,
    }
)
"""Troubles that every other item would meet too."""

LONGEST_WAIT = 300.0
"""Seconds; a provider that asks for more is asked again after this."""


class _WaitAsAsked(wait_base):
    """The provider's Retry-After, or a random exponential wait, whichever is longer."""

    def __init__(self) -> None:
        self._own = wait_random_exponential(multiplier=1, max=60)

    def __call__(self, retry_state: RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        asked = error.retry_after if isinstance(error, ModelError) else None
        own = self._own(retry_state)
        # Those whom the provider told the same moment do not all come back at it.
        return min(asked + min(own, 2.0), LONGEST_WAIT) if asked is not None else own


def is_passing(error: BaseException) -> bool:
    """True for what is worth another try; a cancellation never is, though tenacity would show it to us."""
    return isinstance(error, ModelError) and error.kind in RETRIED


def retrying(attempts: int, sleep: Callable[[float], Awaitable[None]]) -> AsyncRetrying:
    """A policy for one call. Made anew each time: a shared one mixes the counts of concurrent calls."""
    return AsyncRetrying(
        sleep=sleep,
        stop=stop_after_attempt(attempts),
        wait=_WaitAsAsked(),
        retry=retry_if_exception(is_passing),
        reraise=True,
    )
