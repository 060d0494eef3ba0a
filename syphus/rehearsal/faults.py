"""The kinds of trouble that an endpoint makes, and what is to come of each: the table of ``docs/faults.md`` and of the tests.

The forms are those that providers, gateways and local servers were seen to send. A kind says what the server answers; what
the engine must do is a word of :data:`Outcome`, which ``tests/test_rehearsal.py`` proves for each.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from msgspec import Struct, structs

from syphus.errors import FailureKind
from syphus.rehearsal.replies import Answer, error

Outcome = Literal["kept", "retried", "asked anew", "rejected", "item fails", "run stops"]

MEANING: dict[Outcome, str] = {
    "kept": "the reply is used; one call",
    "retried": "the same request is sent again; the failed call stands in the ledger",
    "asked anew": "the model is told what was wrong and asked once more; both replies stand in the ledger",
    "rejected": "the item is done and holds nothing, with the reason; one call",
    "item fails": "the item fails with the provider's words; one call, the others go on",
    "run stops": "no new call is made, what is in flight is kept, exit code 3; the item stays pending",
}


class Good(Struct, frozen=True, kw_only=True):
    """What a fault is made from."""

    reply: dict[str, Any]
    """The chat completion that a well server would send."""
    wait: float = 1.0
    """Seconds: the latency of a slow reply, or what the server asks the client to wait."""

    @property
    def text(self) -> str:
        """The reply's text."""
        return str(self.reply["choices"][0]["message"]["content"])

    def with_text(self, text: str | None, *, finish: str = "stop", refusal: str | None = None) -> Answer:
        """The same reply with another text and end."""
        message = {"role": "assistant", "content": text} | ({"refusal": refusal} if refusal else {})
        return Answer(body={**self.reply, "choices": [{"index": 0, "finish_reason": finish, "message": message}]})


class FaultKind(Struct, frozen=True):
    """One kind of trouble."""

    name: str
    does: str
    """What the endpoint does, for a person."""
    answer: Callable[[Good], Answer]
    outcome: Outcome
    failure: FailureKind | None = None
    """What the failed call is stored as; None where the call itself did not fail."""
    note: str = ""
    """What else syphus must do."""
    waits: bool = False
    """The endpoint says how long to wait, and it is obeyed."""


def _limited(headers: dict[str, str]) -> Answer:
    return Answer(429, error("rate_limit_exceeded", "Rate limit reached", type_="requests"), headers)


def _limited_by_reset(good: Good) -> Answer:
    milliseconds = math.ceil(good.wait * 1000)
    used_up = {
        "x-ratelimit-limit-requests": "6000",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": f"{milliseconds}ms" if milliseconds < 1000 else f"{good.wait:.3f}s",
        "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    return _limited(used_up)


def _limited_by_anthropic(good: Good) -> Answer:
    moment = (datetime.now(UTC) + timedelta(seconds=good.wait)).isoformat().replace("+00:00", "Z")
    names = ("limit", "remaining", "reset")
    headers = dict(zip((f"anthropic-ratelimit-requests-{name}" for name in names), ("4000", "0", moment), strict=True))
    body = {
        "type": "error",
        "error": {"type": "rate_limit_error", "message": "This request would exceed your rate limit"},
    }
    return Answer(429, body, headers)


def _refused(
    status: int, code: str | None, message: str, *, type_: str = "invalid_request_error", param: str | None = None
) -> Callable[[Good], Answer]:
    return lambda _: Answer(status, error(code, message, type_=type_, param=param))


def _cut(good: Good) -> Answer:
    whole = Answer(body=good.reply)
    return structs.replace(whole, body=whole.data[: len(whole.data) // 2], ending="cut")


def _torn(good: Good) -> Answer:
    data = Answer(body=good.reply).data
    return Answer(body=data[: len(data) // 2])


def _without_usage(good: Good) -> Answer:
    return Answer(body={name: value for name, value in good.reply.items() if name != "usage"})


_PAGE = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>"
_FILTER = "The response was filtered due to the prompt triggering the content management policy"

KINDS: tuple[FaultKind, ...] = (
    # -- late or not at all
    FaultKind("slow", "answers well, but late", lambda good: Answer(body=good.reply, delay=good.wait), "kept"),
    FaultKind(
        "hang",
        "never answers",
        lambda _: Answer(delay=math.inf),
        "retried",
        FailureKind.TIMEOUT,
        note="after `[model] timeout` seconds",
    ),
    FaultKind("cut", "ends the connection in the middle of the body", _cut, "retried", FailureKind.CONNECTION),
    FaultKind(
        "reset",
        "resets the connection before it answers",
        lambda _: Answer(ending="reset"),
        "retried",
        FailureKind.CONNECTION,
    ),
    FaultKind(
        "restart",
        "resets the connection, and refuses all new ones for a moment",
        lambda _: Answer(ending="restart"),
        "retried",
        FailureKind.CONNECTION,
    ),
    # -- limits
    FaultKind(
        "rate-limit",
        "429 with `Retry-After`",
        lambda good: _limited({"retry-after": f"{good.wait:g}"}),
        "retried",
        FailureKind.RATE_LIMIT,
        waits=True,
    ),
    FaultKind(
        "rate-limit-ms",
        "429 with `retry-after-ms`",
        lambda good: _limited({"retry-after-ms": f"{good.wait * 1000:.0f}"}),
        "retried",
        FailureKind.RATE_LIMIT,
        waits=True,
    ),
    FaultKind(
        "rate-limit-reset",
        "429 with nothing but `x-ratelimit-remaining-requests: 0` and `x-ratelimit-reset-requests`",
        _limited_by_reset,
        "retried",
        FailureKind.RATE_LIMIT,
        note="the reset of the limit that is used up counts, not the other's",
        waits=True,
    ),
    FaultKind(
        "rate-limit-anthropic",
        "429 with nothing but `anthropic-ratelimit-requests-reset`, a moment in time",
        _limited_by_anthropic,
        "retried",
        FailureKind.RATE_LIMIT,
        waits=True,
    ),
    FaultKind(
        "rate-limit-bare",
        "429 without any header",
        lambda _: _limited({}),
        "retried",
        FailureKind.RATE_LIMIT,
        note="after a wait that grows with each refusal",
    ),
    FaultKind(
        "quota",
        "429 with `insufficient_quota`: the account is empty",
        _refused(429, "insufficient_quota", "You exceeded your current quota", type_="insufficient_quota"),
        "run stops",
        FailureKind.QUOTA,
        note="though its status is that of a limit that passes",
    ),
    # -- the server is not well
    FaultKind(
        "timeout-408", "408", _refused(408, None, "Request timed out", type_="timeout"), "retried", FailureKind.TIMEOUT
    ),
    FaultKind(
        "error-500",
        "500 with an HTML page",
        lambda _: Answer(500, "<html><body>Internal Server Error</body></html>", {"content-type": "text/html"}),
        "retried",
        FailureKind.OVERLOADED,
    ),
    FaultKind("error-503", "503 without a body", lambda _: Answer(503), "retried", FailureKind.OVERLOADED),
    FaultKind(
        "error-529",
        "529 with `overloaded_error`",
        lambda _: Answer(529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
        "retried",
        FailureKind.OVERLOADED,
    ),
    FaultKind(
        "html",
        "a gateway's HTML page with status 200",
        lambda _: Answer(200, _PAGE, {"content-type": "text/html"}),
        "retried",
        FailureKind.BAD_REPLY,
    ),
    FaultKind("broken-json", "status 200, and a body that is half a JSON", _torn, "retried", FailureKind.BAD_REPLY),
    FaultKind("empty-body", "status 200, and no body", lambda _: Answer(), "retried", FailureKind.BAD_REPLY),
    FaultKind(
        "error-in-200",
        "status 200, and in the body an error of code 502, as a router whose upstream failed",
        lambda _: Answer(body={"error": {"code": 502, "message": "Upstream error"}}),
        "retried",
        FailureKind.OVERLOADED,
        note="its code decides",
    ),
    FaultKind(
        "no-choices",
        "a chat completion with an empty list of choices",
        lambda good: Answer(body={**good.reply, "choices": []}),
        "retried",
        FailureKind.BAD_REPLY,
    ),
    # -- the model's words
    FaultKind(
        "fenced",
        "the JSON stands in a code fence",
        lambda good: good.with_text(f"```json\n{good.text}\n```"),
        "kept",
        note="the outcome notes how it was read",
    ),
    FaultKind(
        "prose-around",
        "the JSON stands between sentences",
        lambda good: good.with_text(f"Sure! Here it is:\n\n{good.text}\n\nLet me know if you need more."),
        "kept",
        note="the outcome notes how it was read",
    ),
    FaultKind(
        "no-usage",
        "a good reply without `usage`",
        _without_usage,
        "kept",
        note="its tokens are unknown, not zero; the summary counts such replies",
    ),
    FaultKind(
        "odd-finish",
        "a good reply whose `finish_reason` nobody knows",
        lambda good: good.with_text(good.text, finish="eos_token"),
        "kept",
    ),
    FaultKind(
        "wrong-schema",
        "JSON, but of another form than was asked for",
        lambda good: good.with_text('{"result": {"status": "done", "items": 3}}'),
        "asked anew",
    ),
    FaultKind(
        "truncated",
        "`finish_reason: length`: the reply ran into the token limit, and all that came of it was the beginning",
        lambda good: good.with_text(good.text[: min(30, len(good.text) // 2)], finish="length"),
        "asked anew",
        note="with twice the limit",
    ),
    FaultKind(
        "broken-off",
        "`finish_reason: error`, and the text ends where the upstream died",
        lambda good: good.with_text(good.text[: min(30, len(good.text) // 2)], finish="error"),
        "asked anew",
        note="a torn text is never taken for a whole one",
    ),
    FaultKind(
        "refusal",
        "the model refuses: `message.refusal`, and no content",
        lambda good: good.with_text(None, refusal="I'm sorry, I can't assist with that request."),
        "rejected",
        note="as `refusal: provider`; the same request would be refused, and paid, again",
    ),
    FaultKind(
        "filtered-reply",
        "`finish_reason: content_filter`, and no content",
        lambda good: good.with_text(None, finish="content_filter"),
        "rejected",
        note="as `refusal: provider`",
    ),
    # -- the request is refused
    FaultKind(
        "filtered-prompt",
        "400 `content_filter`: the prompt itself is refused",
        _refused(400, "content_filter", _FILTER, param="prompt"),
        "item fails",
        FailureKind.CONTENT_FILTER,
    ),
    FaultKind(
        "moderated",
        "403 of a router whose moderation refuses the prompt (`metadata.flagged_input`)",
        lambda _: Answer(403, {"error": {"code": 403, "message": "flagged", "metadata": {"flagged_input": "…"}}}),
        "item fails",
        FailureKind.CONTENT_FILTER,
        "a trouble of this prompt, not of the key, though the status is the same",
    ),
    FaultKind(
        "too-long",
        "400 `context_length_exceeded`",
        _refused(400, "context_length_exceeded", "maximum context length is 8192 tokens", param="messages"),
        "item fails",
        FailureKind.TOO_LONG,
    ),
    FaultKind(
        "unsupported",
        "400 `unsupported_value` that names a parameter",
        _refused(400, "unsupported_value", "Only the default (1) value is supported", param="temperature"),
        "item fails",
        FailureKind.BAD_REQUEST,
        note="where every request is refused so, the run stops",
    ),
    FaultKind(
        "plain-error",
        "400, and the error is a mere text",
        lambda _: Answer(400, {"error": "'response_format.type' must be 'json_schema' or 'text'"}),
        "item fails",
        FailureKind.BAD_REQUEST,
        note="where every request is refused so, the run stops",
    ),
    FaultKind(
        "detail-error",
        "422 with FastAPI's `detail`",
        lambda _: Answer(422, {"detail": [{"loc": ["body", "messages"], "msg": "field required", "type": "missing"}]}),
        "item fails",
        FailureKind.BAD_REQUEST,
        note="where every request is refused so, the run stops",
    ),
    # -- nothing will ever go
    FaultKind(
        "wrong-key",
        "401 `invalid_api_key`, with the key quoted back",
        _refused(401, "invalid_api_key", "Incorrect API key provided: sk-rehearsal-0123456789"),
        "run stops",
        FailureKind.AUTH,
        note="the key is not stored with the message",
    ),
    FaultKind(
        "forbidden",
        "403",
        _refused(403, None, "Project does not have access to this model"),
        "run stops",
        FailureKind.PERMISSION,
    ),
    FaultKind(
        "unknown-model",
        "404 `model_not_found`",
        _refused(404, "model_not_found", "The model does not exist", param="model"),
        "run stops",
        FailureKind.UNKNOWN_MODEL,
    ),
)

BY_NAME: dict[str, FaultKind] = {kind.name: kind for kind in KINDS}


def faults_table() -> str:
    """The kinds as a Markdown table, as it stands in ``docs/faults.md``."""
    rows = ["| kind | what the endpoint does | what syphus does |", "|---|---|---|"]
    for kind in KINDS:
        stored = f" (`{kind.failure.value}`)" if kind.failure else ""
        more = [
            part
            for part in (kind.note, "nothing is sent there before the time that was named" if kind.waits else "")
            if part
        ]
        rows.append(
            f"| `{kind.name}` | {kind.does} | **{kind.outcome}**{stored}{': ' if more else ''}{'; '.join(more)} |"
        )
    return "\n".join(rows) + "\n"


def meanings_table() -> str:
    """What the words for outcomes mean, as a Markdown table."""
    rows = ["| outcome | what it means |", "|---|---|"]
    return "\n".join([*rows, *(f"| **{outcome}** | {meaning} |" for outcome, meaning in MEANING.items())]) + "\n"
