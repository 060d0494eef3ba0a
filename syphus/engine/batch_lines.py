"""The lines of a batch's files: those that are sent, and what comes back. Pure functions."""

import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from syphus.endpoints.wire import Answer, classify, read_answer
from syphus.errors import FailureKind, ModelError
from syphus.exchange import Reply

CHAT: Final = "/v1/chat/completions"
QUEUE_FULL = "token_limit_exceeded"
_EXPIRED, _CANCELLED = "batch_expired", "batch_cancelled"
_NEVER_ASKED = 500
"""The status that stands for a line that has none: the provider failed, not the request."""


def line_of(key: str, body: dict[str, Any], model: str | None) -> bytes:
    """One line of the file that is sent, with its end; the key finds the reply again.

    ``model`` is the model's name at the endpoint, where it is another than in the request's key.
    """
    if model is not None:
        body = {**body, "model": model}
    return msgspec.json.encode({"custom_id": key, "method": "POST", "url": CHAT, "body": body}) + b"\n"


class _Response(Struct):
    status_code: int | None = None
    body: msgspec.Raw = msgspec.Raw(b"null")


class _Line(Struct):
    custom_id: str | None = None
    response: _Response | None = None
    error: Any = None


class ReadLine(NamedTuple):
    """One line of a result file."""

    key: str
    result: Reply | ModelError | None
    """None: the batch was cancelled before the request's turn came."""


def read_line(data: bytes) -> ReadLine | None:
    """One line of an output or error file; None where it is none.

    A line fails in one of two ways: ``error`` is set and ``response`` null, or the response has a status of an error and says
    in its body what it is. Codes are texts (``batch_expired``).
    """
    try:
        line = msgspec.json.decode(data, type=_Line)
    except msgspec.DecodeError:
        return None
    if not line.custom_id:
        return None
    return ReadLine(line.custom_id, _result_of(line))


def _result_of(line: _Line) -> Reply | ModelError | None:
    if line.error:
        code = line.error.get("code") if isinstance(line.error, dict) else None
        if code == _CANCELLED:
            return None
        if code == _EXPIRED:
            return ModelError(FailureKind.TIMEOUT, "the batch expired before the request's turn came")
        refused = isinstance(code, str) and code.startswith("invalid")
        return classify(400 if refused else _NEVER_ASKED, {}, msgspec.json.encode({"error": line.error}))
    if line.response is None:
        return ModelError(FailureKind.BAD_REPLY, "a line with neither response nor error")
    try:
        # A status of 0 was seen where the provider's own call had failed.
        return read_answer(Answer(line.response.status_code or _NEVER_ASKED, {}, bytes(line.response.body)))
    except ModelError as error:
        return error


def is_queue_full(*texts: str | None) -> bool:
    """Whether a refusal says that too many prompt tokens wait already; that passes."""
    whole = " ".join(text.lower() for text in texts if text)
    return QUEUE_FULL in whole or "enqueued token" in whole


def queue_limit(message: str) -> int | None:
    """How many tokens may wait, where the refusal names it: ``Limit: 90,000 enqueued tokens``."""
    found = re.search(r"limit:?\s*([\d,]+)", message, re.IGNORECASE)
    return int(found[1].replace(",", "")) or None if found else None


def shown_errors(errors: Iterable[tuple[str, int | None, str]], most: int = 3) -> str:
    """Why a batch's file was refused: code, line and message of the first few errors."""
    listed = list(errors)
    shown = [
        f"{f'line {line}: ' if line is not None else ''}{message} ({code})" for code, line, message in listed[:most]
    ]
    return "; ".join(shown) + (f"; and {len(listed) - most} more" if len(listed) > most else "")
