"""What can go wrong, in three kinds, and the exit code of each.

1. The input or the configuration is bad (:class:`InputError`): exit 2. It always names the file, the place and the mend.
2. The model cannot be asked (:class:`ModelError`): a *kind* decides whether to ask again, to give the item up, or to
   stop the run (exit 3). A bad item never stops a run; a wrong key always does.
3. A reply is no good: that is no exception at all but a :class:`syphus.exchange.Reject` row with its reason.
"""

from enum import IntEnum, StrEnum
from pathlib import Path


class Exit(IntEnum):
    """Exit codes of every command."""

    DONE = 0
    FAILURES = 1
    """The work is done, but items failed, or nothing at all was accepted."""
    BAD_INPUT = 2
    REFUSED = 3
    """The provider refused: key, quota, model; or it does not answer at all."""
    BUDGET = 4
    INTERRUPTED = 130


class SyphusError(Exception):
    """An error whose text is meant for the user; the command line prints it without a traceback."""

    exit_code: Exit = Exit.BAD_INPUT


class InputError(SyphusError):
    """A file, record or setting that cannot be used.

    Args:
        message: what is wrong, in a sentence without the place.
        file: the file it was found in.
        place: where in it: ``line 12``, ``$.objects[0].box``, ``[run] seed``.
        mend: what to do about it.
    """

    def __init__(self, message: str, *, file: Path | str | None = None, place: str = "", mend: str = "") -> None:
        self.message = message
        self.file = str(file) if file is not None else ""
        self.place = place
        self.mend = mend
        super().__init__(str(self))

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.file, self.place) if part)
        text = f"{where}: {self.message}" if where else self.message
        return f"{text}\n  {self.mend}" if self.mend else text


class LedgerError(SyphusError):
    """The run's ledger cannot be opened, is in use, or cannot be written."""


class FailureKind(StrEnum):
    """Why a call to the model failed. What to do about each stands in :mod:`syphus.engine.retry`."""

    AUTH = "wrong key"
    PERMISSION = "not permitted"
    UNKNOWN_MODEL = "unknown model or address"
    QUOTA = "account exhausted"
    RATE_LIMIT = "rate limit"
    OVERLOADED = "server error"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    BAD_REPLY = "unreadable reply"
    TOO_LONG = "prompt too long"
    CONTENT_FILTER = "content filter"
    BAD_REQUEST = "request refused"


REFUSED_FOR_GOOD = frozenset({FailureKind.TOO_LONG, FailureKind.CONTENT_FILTER, FailureKind.BAD_REQUEST})
"""Troubles of this one request: it would be refused each time."""


class ModelError(SyphusError):
    """A call to the model that brought no reply.

    Args:
        kind: decides what happens next.
        message: the provider's own words, shortened; never a key, a header or prompt text.
        status: the HTTP status, where there was one.
        retry_after: seconds that the provider asks us to wait.
        param: the request field that the provider names, where it names one.
        billable: True where the call may have been billed although no reply came (a timeout, a cut connection).
    """

    exit_code = Exit.REFUSED

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        param: str | None = None,
        billable: bool = False,
    ) -> None:
        self.kind = kind
        self.message = message
        self.status = status
        self.retry_after = retry_after
        self.param = param
        self.billable = billable
        self.outage = False
        """The endpoint, which had answered before, does not answer anybody: no fault of this call, and no try of it."""
        super().__init__(str(self))

    def __str__(self) -> str:
        status = f" (HTTP {self.status})" if self.status else ""
        return f"{self.kind}{status}: {self.message}"
