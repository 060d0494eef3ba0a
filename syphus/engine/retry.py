"""When a failed call is made again, and how long it waits: the one owner of retries."""

from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception
from tenacity.stop import stop_base
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


class _TriedEnough(stop_base):
    """After so many failures. A refusal by a rate limit is none, nor is an outage: the time has not come yet."""

    def __init__(self, attempts: int) -> None:
        self._left = attempts

    def __call__(self, retry_state: RetryCallState) -> bool:
        if not _waits_in_line(_error_of(retry_state)):
            self._left -= 1
        return self._left <= 0


class _WaitAsAsked(wait_base):
    """The provider's Retry-After, or a random exponential wait, whichever is longer.

    After a refusal by a rate limit there is no wait here: the whole endpoint pauses (:mod:`syphus.endpoints.limits`), and the
    call stands in line for it, or for another endpoint.
    """

    def __init__(self) -> None:
        self._own = wait_random_exponential(multiplier=1, max=60)

    def __call__(self, retry_state: RetryCallState) -> float:
        error = _error_of(retry_state)
        if _waits_in_line(error):
            return 0.0
        asked = error.retry_after if error else None
        own = self._own(retry_state)
        # Those whom the provider told the same moment do not all come back at it.
        return min(asked + min(own, 2.0), LONGEST_WAIT) if asked is not None else own


def _error_of(state: RetryCallState) -> ModelError | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, ModelError) else None


def _waits_in_line(error: ModelError | None) -> bool:
    return error is not None and (error.kind is FailureKind.RATE_LIMIT or error.outage)


def is_passing(error: BaseException) -> bool:
    """True for what is worth another try; a cancellation never is, though tenacity would show it to us."""
    return isinstance(error, ModelError) and error.kind in RETRIED


def retrying(attempts: int, sleep: Callable[[float], Awaitable[None]]) -> AsyncRetrying:
    """A policy for one call. Made anew each time: a shared one mixes the counts of concurrent calls."""
    return AsyncRetrying(
        sleep=sleep,
        stop=_TriedEnough(attempts),
        wait=_WaitAsAsked(),
        retry=retry_if_exception(is_passing),
        reraise=True,
    )
