"""The chat-completions dialect: the body that is sent, the reply that comes, and what a refusal means. Pure functions.

Facts about what endpoints really do (HTML with status 200, an error inside a 200, codes as numbers, plain-string errors) are
those measured with openai 3.54 and llama.cpp; each has a row in ``tests/test_wire.py``.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from syphus.endpoints.headers import retry_after
from syphus.errors import FailureKind, ModelError
from syphus.exchange import Message, Reply, Request, Usage
from syphus.identity import fingerprint

SchemaMode = Literal["json_schema", "json_object", "prompt"]
CacheMode = Literal["none", "key", "breakpoint"]

_BOUNDS = ("minItems", "maxItems", "minLength", "maxLength")
_SHOWN = 300
PICTURE = "picture:"
"""What stands before a picture's digest, in the place of its data."""


class Abilities(Struct, frozen=True, kw_only=True):
    """What an endpoint was found to do with one model (:mod:`syphus.endpoints.probe`)."""

    schema_mode: SchemaMode = "prompt"
    token_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    temperature: bool = True
    """False: the model takes only its own; what the category asks for is not sent, and the run says so."""
    bounds: bool = False
    """True: lengths and counts may stand in the schema (llama.cpp's grammar needs them, or it loops)."""
    cache: CacheMode = "none"
    """How the provider is helped to keep the constant part of prompts. No part of a request's key: answers are the same."""


def build_body(
    request: Request, model: str, abilities: Abilities, extra: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The JSON body of ``POST /chat/completions``; a setting that is None is left out, for null is not the default."""
    asked = request.parameters
    body: dict[str, Any] = {
        **(extra or {}),
        "model": model,
        "messages": [{"role": message.role, "content": content_of(message)} for message in request.messages],
    }
    if asked.temperature is not None and abilities.temperature:
        body["temperature"] = asked.temperature
    if asked.top_p is not None and abilities.temperature:
        body["top_p"] = asked.top_p
    if asked.max_tokens is not None:
        body[abilities.token_field] = asked.max_tokens
    if asked.reasoning_effort is not None:
        body["reasoning_effort"] = asked.reasoning_effort
    if asked.seed is not None:
        body["seed"] = asked.seed
    if request.schema is not None:
        if abilities.schema_mode == "json_schema":
            schema = request.schema if abilities.bounds else _flat(request.schema)
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "reply", "strict": True, "schema": schema},
            }
        elif abilities.schema_mode == "json_object":
            body["response_format"] = {"type": "json_object"}
    return body


def content_of(message: Message) -> str | list[dict[str, Any]]:
    """A message's text; with pictures its parts, each picture by its digest, which is a part of the request's key.

    :mod:`syphus.endpoints.pictures` puts the picture itself in that place when the request is sent.
    """
    if not message.pictures:
        return message.content
    shown = [{"type": "image_url", "image_url": {"url": PICTURE + one.digest}} for one in message.pictures]
    return [*shown, {"type": "text", "text": message.content}]


_flattened: dict[int, tuple[dict[str, Any], Any]] = {}
"""Of the schemas that were flattened last, by identity: a step sends the same one with each of its requests."""
_MOST_FLATTENED = 256


def _flat(schema: dict[str, Any]) -> Any:
    known = _flattened.get(id(schema))
    if known is None or known[0] is not schema:
        if len(_flattened) >= _MOST_FLATTENED:
            _flattened.clear()
        known = _flattened[id(schema)] = (schema, without_bounds(schema))
    return known[1]


def without_bounds(schema: Any) -> Any:
    """The schema without lengths and counts: strict modes differ on them; ours are checked when the reply is read."""
    if isinstance(schema, dict):
        return {key: without_bounds(value) for key, value in schema.items() if key not in _BOUNDS}
    return schema


def request_key(body: Mapping[str, Any], sample: int, draw: int = 0) -> str:
    """The request's name in the ledger: the fingerprint of all that changes the answer, and of nothing else."""
    return fingerprint(named_request(body, sample, draw))


def named_request(body: Mapping[str, Any], sample: int, draw: int = 0) -> dict[str, Any]:
    """What a request's key is the fingerprint of."""
    named = {"kind": "chat.completions", "body": body, "sample": sample}
    return {**named, "draw": draw} if draw else named


def longest_reply(body: Mapping[str, Any]) -> int:
    """Tokens that the reply may have, over all the answers that are asked for; ``[model] extra`` may say both. 0: no bound."""
    named = [body.get(name) for name in ("max_completion_tokens", "max_tokens")]
    answers = body.get("n")
    longest = max((limit for limit in named if isinstance(limit, int)), default=0)
    return longest * max(1, answers if isinstance(answers, int) else 1)


def with_cache_hints(body: dict[str, Any], request: Request, mode: CacheMode, cache_key: str) -> dict[str, Any]:
    """The body with what lets the provider find the constant part of the prompt again.

    ``key`` sends those who share a prefix to the same machine; ``breakpoint`` also says where the prefix ends (OpenAI, models
    from gpt-5.6 on; earlier ones refuse the field).
    """
    if mode == "none" or not request.constant:
        return body
    body = {**body, "prompt_cache_key": cache_key}
    if mode == "breakpoint":
        messages = list(body["messages"])
        last = messages[request.constant - 1]
        part = {"type": "text", "text": last["content"], "prompt_cache_breakpoint": {"mode": "explicit"}}
        messages[request.constant - 1] = {"role": last["role"], "content": [part]}
        body["messages"] = messages
    return body


class Answer(NamedTuple):
    """What came back over HTTP, unread."""

    status: int
    headers: Mapping[str, str]
    data: bytes


def read_answer(answer: Answer, key: str = "") -> Reply:
    """The reply in an answer, to the request of this key.

    Raises:
        ModelError: it holds none; classified.
    """
    if answer.status == 200:
        return read_completion(answer.data, answer.headers, key)
    raise classify(answer.status, answer.headers, answer.data)


class _Details(Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Usage(Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Message(Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(Struct):
    message: _Message | None = None
    finish_reason: str | None = None


class _Completion(Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    model: str | None = None
    error: Any = None


def read_completion(data: bytes, headers: Mapping[str, str] | None = None, key: str = "") -> Reply:
    """The reply in a body that came with status 200.

    Raises:
        ModelError: the body is a gateway's HTML page or broken JSON (``BAD_REPLY``, to be asked again), or holds an error
            (classified by its code).
    """
    try:
        completion = _decode(data)
    except _UNREADABLE as error:
        shown = _shorten(data.decode("utf-8", "replace"))
        page = data.lstrip().startswith(b"<")  # a gateway's; all else may be what is left of a reply that is billed
        raise ModelError(
            FailureKind.BAD_REPLY, f"no chat completion: {shown}", status=200, billable=not page
        ) from error
    if completion.error or not completion.choices:
        if not completion.error:
            raise ModelError(FailureKind.BAD_REPLY, "a chat completion without choices", status=200, billable=True)
        code = completion.error.get("code") if isinstance(completion.error, dict) else None
        status = code if isinstance(code, int) and 400 <= code < 600 else 200
        raise classify(status, headers or {}, data)
    choice = completion.choices[0]
    message = choice.message or _Message()
    return Reply(
        text=message.content or "",
        finish=choice.finish_reason or "stop",
        refusal=message.refusal or None,
        usage=_read_usage(completion.usage),
        model=completion.model or "",
        key=key,
    )


_decode_completion = msgspec.json.Decoder(_Completion).decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes from outside: no JSON, no UTF-8, and brackets in brackets without an end."""


def _decode(data: bytes) -> _Completion:
    """The completion in a body. What stands beside the text never costs us the text, which is paid for."""
    try:
        return _decode_completion(data)
    except msgspec.ValidationError:
        body = msgspec.json.decode(data)
        if not isinstance(body, dict) or not isinstance(body.get("choices"), list):
            raise
    choices = [_plain_choice(choice) for choice in body["choices"]]
    try:
        return msgspec.convert({**body, "choices": choices}, _Completion)
    except msgspec.ValidationError:
        return msgspec.convert({"choices": choices, "error": body.get("error")}, _Completion)  # counts that are none


def _plain_choice(choice: Any) -> Any:
    """A choice whose content came in parts, as Mistral's reasoning models send it, with the parts of text as one."""
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict) or not isinstance(parts := message.get("content"), list):
        return choice
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    return {**choice, "message": {**message, "content": "".join(text for text in texts if isinstance(text, str))}}


_MOST_COUNTED = 2**40
"""Tokens; a count beyond that, or below nothing, is no count."""


def _read_usage(usage: _Usage | None) -> Usage | None:
    if usage is None or usage.prompt_tokens is None:
        return None
    prompt, completion = usage.prompt_tokens_details or _Details(), usage.completion_tokens_details or _Details()
    cached, written = prompt.cached_tokens or 0, prompt.cache_write_tokens or 0
    replied = usage.completion_tokens
    if usage.total_tokens is not None:
        # xAI and Gemini count thoughts, which they bill, in the total alone. Where the prompt's count is without what was
        # cached, that is in the total too.
        apart = cached + written if cached + written > usage.prompt_tokens else 0
        replied = max(replied or 0, usage.total_tokens - usage.prompt_tokens - apart)
    if replied is None:
        return None
    counts = (usage.prompt_tokens, replied, cached, completion.reasoning_tokens or 0, written)
    return Usage(*counts) if all(0 <= count <= _MOST_COUNTED for count in counts) else None


_BY_CODE = {
    "insufficient_quota": FailureKind.QUOTA,
    "billing_hard_limit_reached": FailureKind.QUOTA,
    "billing_not_active": FailureKind.QUOTA,
    "exceeded_current_quota_error": FailureKind.QUOTA,
    "invalid_api_key": FailureKind.AUTH,
    "model_not_found": FailureKind.UNKNOWN_MODEL,
    "context_length_exceeded": FailureKind.TOO_LONG,
    "exceed_context_size_error": FailureKind.TOO_LONG,
    "content_filter": FailureKind.CONTENT_FILTER,
    "content_policy_violation": FailureKind.CONTENT_FILTER,
    "rate_limit_exceeded": FailureKind.RATE_LIMIT,
}
_BY_STATUS = {
    401: FailureKind.AUTH,
    402: FailureKind.QUOTA,
    403: FailureKind.PERMISSION,
    404: FailureKind.UNKNOWN_MODEL,
    408: FailureKind.TIMEOUT,
    409: FailureKind.OVERLOADED,
    413: FailureKind.TOO_LONG,
    425: FailureKind.OVERLOADED,
    429: FailureKind.RATE_LIMIT,
}


def classify(status: int, headers: Mapping[str, str], data: bytes) -> ModelError:
    """The error that an HTTP refusal stands for.

    The code in the body decides before the status does: a 429 may be a limit that passes or an account that is empty.
    """
    if 300 <= status < 400:
        return ModelError(
            FailureKind.UNKNOWN_MODEL,
            _shorten(f"the address only points to another one: {headers.get('location') or 'not named'}"),
            status=status,
        )
    code, kind_name, param, message = _read_error(data)
    kind = _BY_CODE.get(code) or _BY_CODE.get(kind_name)
    if kind is None:
        kind = _BY_STATUS.get(status)
    if kind is None:
        kind = FailureKind.OVERLOADED if status >= 500 else FailureKind.BAD_REQUEST
        if status == 200:
            kind = FailureKind.BAD_REPLY
    return ModelError(kind, message, status=status, retry_after=retry_after(headers), param=param)


def _read_error(data: bytes) -> tuple[str, str, str | None, str]:
    """Code, type, parameter and message of an error body: an object, a plain string, or FastAPI's ``detail``."""
    try:
        body = msgspec.json.decode(data)
    except _UNREADABLE:
        return "", "", None, _shorten(data.decode("utf-8", "replace")) or "no reason given"
    error = body.get("error") or body.get("detail") or body if isinstance(body, dict) else body
    if isinstance(error, dict):
        param = error.get("param")
        about = error.get("metadata")
        if isinstance(about, dict) and "flagged_input" in about:
            # OpenRouter's 403 for a prompt that its moderation refuses: a trouble of this prompt, not of the key.
            error = {**error, "code": "content_filter"}
        message = _shorten(str(error.get("message") or msgspec.json.encode(error).decode()))
        return (
            str(error.get("code") or ""),
            str(error.get("type") or ""),
            param if isinstance(param, str) else None,
            message,
        )
    return "", "", None, _shorten(str(error))


_KEY = re.compile(r"\b(sk|pk|key|gsk|xai)-[\w*.-]{6,}", re.IGNORECASE)


def _shorten(text: str) -> str:
    """One short line; a provider that quotes the key back ("Incorrect API key provided: sk-...") does not get it stored."""
    text = " ".join(_KEY.sub(r"\1-…", text).split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
