"""The dialect: bodies, replies, and every way in which an endpoint says no."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from syphus.endpoints.wire import Abilities, build_body, classify, read_completion, request_key, retry_after
from syphus.errors import FailureKind as Kind
from syphus.errors import ModelError
from syphus.exchange import Message, Parameters, Request, Usage
from syphus.rehearsal.replies import completion, error

SCHEMA = {
    "type": "object",
    "properties": {
        "pairs": {"type": "array", "minItems": 2, "maxItems": 4, "items": {"type": "string", "maxLength": 9}}
    },
    "required": ["pairs"],
    "additionalProperties": False,
}
REQUEST = Request(
    purpose="a/b",
    messages=(Message("system", "s"), Message("user", "u")),
    schema=SCHEMA,
    parameters=Parameters(temperature=0.5, max_tokens=100),
)


def test_nothing_unset_is_sent() -> None:
    body = build_body(Request(purpose="a/b", messages=(Message("user", "u"),)), "m", Abilities())
    assert body == {"model": "m", "messages": [{"role": "user", "content": "u"}]}


@pytest.mark.parametrize(
    ("abilities", "present", "absent"),
    [
        (
            Abilities(schema_mode="json_schema"),
            {"max_completion_tokens", "response_format", "temperature"},
            {"max_tokens"},
        ),
        (
            Abilities(token_field="max_tokens"),
            {"max_tokens", "temperature"},
            {"max_completion_tokens", "response_format"},
        ),
        (Abilities(temperature=False), {"max_completion_tokens"}, {"temperature"}),
        (Abilities(schema_mode="json_object"), {"response_format"}, set()),
    ],
)
def test_the_body_speaks_the_endpoints_dialect(abilities: Abilities, present: set[str], absent: set[str]) -> None:
    body = build_body(REQUEST, "m", abilities)
    assert present <= body.keys()
    assert not absent & body.keys()


def test_bounds_are_sent_only_where_they_are_understood() -> None:
    plain = json.dumps(build_body(REQUEST, "m", Abilities(schema_mode="json_schema")))
    bounded = json.dumps(build_body(REQUEST, "m", Abilities(schema_mode="json_schema", bounds=True)))
    assert "minItems" not in plain
    assert "maxLength" not in plain
    assert "minItems" in bounded
    assert "maxLength" in bounded


def test_the_key_follows_what_is_sent_and_nothing_else() -> None:
    body = build_body(REQUEST, "m", Abilities())
    assert request_key(body, 0) == request_key(dict(reversed(body.items())), 0)
    assert request_key(body, 0) != request_key(body, 1)
    for changed in ({"model": "n"}, {"temperature": 0.6}, {"messages": []}):
        assert request_key(body | changed, 0) != request_key(body, 0)


def test_a_good_reply() -> None:
    reply = read_completion(json.dumps(completion('{"a": 1}')).encode())
    assert (reply.text, reply.finish, reply.model, reply.usage) == ('{"a": 1}', "stop", "scripted-1", Usage(100, 20))


def test_missing_usage_is_unknown_and_not_zero() -> None:
    assert read_completion(json.dumps(completion("x", usage=False)).encode()).usage is None
    assert read_completion(json.dumps(completion("x") | {"usage": None}).encode()).usage is None
    half: dict = {"prompt_tokens": 100, "completion_tokens": None}
    assert read_completion(json.dumps(completion("x") | {"usage": half}).encode()).usage is None, (
        "a reply is never free"
    )


def test_details_of_usage() -> None:
    body = completion("x")
    body["usage"] |= {"prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": None},
                      "completion_tokens_details": {"reasoning_tokens": 7}}  # fmt: skip
    assert read_completion(json.dumps(body).encode()).usage == Usage(100, 20, 64, 7)


@pytest.mark.parametrize(
    ("usage", "found"),
    [
        # xAI: thoughts beside the reply; Gemini: in the total alone
        ({"prompt_tokens": 12, "completion_tokens": 1, "total_tokens": 399,
          "completion_tokens_details": {"reasoning_tokens": 386}}, Usage(12, 387, reasoning=386)),
        ({"prompt_tokens": 20, "completion_tokens": 198, "total_tokens": 623}, Usage(20, 603)),
        ({"prompt_tokens": 20, "completion_tokens": None, "total_tokens": 30}, Usage(20, 10)),
        # what was cached beside the prompt's count
        ({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 1020,
          "prompt_tokens_details": {"cached_tokens": 900}}, Usage(100, 20, 900)),
        # totals that say nothing
        ({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 0}, Usage(100, 20)),
        ({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 2**60}, None),
    ],
)  # fmt: skip
def test_what_is_billed_beside_the_reply_is_counted(usage: dict, found: Usage | None) -> None:
    assert read_completion(json.dumps(completion("x") | {"usage": usage}).encode()).usage == found


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"<html><body>Bad gateway</body></html>", Kind.BAD_REPLY),
        (b'{"choices": [{"mess', Kind.BAD_REPLY),
        (b"", Kind.BAD_REPLY),
        (b"[]", Kind.BAD_REPLY),
        (b'{"choices": []}', Kind.BAD_REPLY),
        (b'{"choices": null}', Kind.BAD_REPLY),
        (b'{"error": {"code": 429, "message": "slow down"}}', Kind.RATE_LIMIT),
        (b'{"error": {"code": 502, "message": "upstream"}}', Kind.OVERLOADED),
        (b'{"error": {"code": "insufficient_quota", "message": "empty"}}', Kind.QUOTA),
        (b'{"error": "something"}', Kind.BAD_REPLY),
    ],
)
def test_what_comes_with_status_200_and_is_no_reply(data: bytes, kind: Kind) -> None:
    with pytest.raises(ModelError) as caught:
        read_completion(data)
    assert caught.value.kind is kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (301, "<html>", Kind.UNKNOWN_MODEL),
        (400, error(None), Kind.BAD_REQUEST),
        (400, error("context_length_exceeded"), Kind.TOO_LONG),
        (400, {"error": {"code": 400, "type": "exceed_context_size_error", "message": "x"}}, Kind.TOO_LONG),
        (400, error("content_filter"), Kind.CONTENT_FILTER),
        (401, error("invalid_api_key"), Kind.AUTH),
        (401, {"detail": "who are you"}, Kind.AUTH),
        (402, error(None), Kind.QUOTA),
        (403, error(None), Kind.PERMISSION),
        (404, error("model_not_found"), Kind.UNKNOWN_MODEL),
        (404, "not found", Kind.UNKNOWN_MODEL),
        (408, "", Kind.TIMEOUT),
        (409, "", Kind.OVERLOADED),
        (413, "", Kind.TOO_LONG),
        (422, {"detail": [{"msg": "x"}]}, Kind.BAD_REQUEST),
        (429, error("rate_limit_exceeded"), Kind.RATE_LIMIT),
        (429, error("insufficient_quota"), Kind.QUOTA),
        (429, error(None, type_="insufficient_quota"), Kind.QUOTA),
        (429, error(None, type_="exceeded_current_quota_error"), Kind.QUOTA),  # Moonshot's
        (429, "", Kind.RATE_LIMIT),
        (500, "<html>", Kind.OVERLOADED),
        (503, "", Kind.OVERLOADED),
        (529, error(None), Kind.OVERLOADED),
    ],
)
def test_refusals(status: int, body: object, kind: Kind) -> None:
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    assert classify(status, {}, data).kind is kind


def test_an_address_that_points_to_another_says_which() -> None:
    found = classify(308, {"location": "https://api.example.com/v1/"}, b"<html>Permanent Redirect")
    assert "https://api.example.com/v1/" in str(found)


def test_the_named_parameter_and_a_plain_string_error_are_read() -> None:
    assert (
        classify(400, {}, json.dumps(error("unsupported_value", param="temperature")).encode()).param == "temperature"
    )
    plain = classify(400, {}, b"{\"error\": \"'response_format.type' must be 'json_schema' or 'text'\"}")
    assert "response_format" in plain.message


def test_a_key_that_the_provider_quotes_is_not_kept() -> None:
    found = classify(
        401, {}, json.dumps(error("invalid_api_key", "Incorrect API key provided: sk-abcDEF123456.")).encode()
    )
    assert "abcDEF" not in str(found)
    assert len(classify(500, {}, b"x" * 10_000).message) <= 300


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "3"}, 3),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "1"}, 1.5),
        ({"retry-after": "1m30s"}, 90),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "86400"}, 86_400),
        ({"retry-after": "999999999"}, 86_400),
        ({"retry-after": "inf"}, 86_400),
        ({"retry-after": "nan"}, None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "7.66s"}, 7.66),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "500ms"}, 0.5),
        ({"x-ratelimit-remaining-tokens": "9000", "x-ratelimit-reset-tokens": "6m0s"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "garbage"}, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == (pytest.approx(seconds) if seconds is not None else None)


def test_how_long_to_wait_until_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    wait = retry_after({"retry-after": soon})
    assert wait is not None
    assert 0 < wait <= 30
