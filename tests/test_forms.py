"""Requests made from what their step shares are, byte for byte, those that are made whole."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from syphus.endpoints.forms import Forms
from syphus.endpoints.wire import Abilities, build_body, request_key
from syphus.exchange import Message, Parameters, Request

SCHEMA = {"type": "object", "properties": {"z": {"type": "string", "maxLength": 9}, "a": {"type": "string"}}}
MESSAGES = some.lists(
    some.builds(Message, role=some.sampled_from(["system", "user", "assistant"]), content=some.text(max_size=20)),
    min_size=1,
    max_size=4,
)
FIELDS = some.dictionaries(
    some.sampled_from(["a", "max_tokens", "model", "messages", "n", "zz", "é"]),
    some.none() | some.integers(-9, 9) | some.text(max_size=3) | some.lists(some.booleans(), max_size=2),
    max_size=3,
)


@given(
    messages=MESSAGES,
    constant=some.integers(0, 3),
    schema=some.sampled_from([None, SCHEMA]),
    parameters=some.builds(
        Parameters, temperature=some.sampled_from([None, 0.5]), max_tokens=some.sampled_from([None, 90])
    ),
    sample=some.integers(0, 2),
    draw=some.integers(0, 2),
    mode=some.sampled_from(["json_schema", "json_object", "prompt"]),
    token_field=some.sampled_from(["max_completion_tokens", "max_tokens"]),
    extra=FIELDS,
)
def test_bodies_and_keys_are_those_of_the_whole(
    messages: list[Message],
    constant: int,
    schema: Any,
    parameters: Parameters,
    sample: int,
    draw: int,
    mode: Any,
    token_field: Any,
    extra: dict[str, Any],
) -> None:
    request = Request(
        purpose="a/b", messages=tuple(messages), constant=min(constant, len(messages)), schema=schema,
        parameters=parameters, sample=sample, draw=draw,
    )  # fmt: skip
    abilities = Abilities(schema_mode=mode, token_field=token_field)
    body = build_body(request, "m", abilities, extra)
    form = Forms(extra).find(request, "m", abilities)
    key, data = form.fill(request)
    assert data == msgspec.json.encode(body)
    assert key == request_key(body, sample, draw)
    assert msgspec.json.decode(form.settings_text) == {k: v for k, v in body.items() if k != "messages"}


def request(text: str, prefix: str = "constant", **changes: Any) -> Request:
    messages = (Message("system", prefix), Message("user", text))
    return msgspec.structs.replace(Request(purpose="a/b", messages=messages, constant=1, schema=SCHEMA), **changes)


def test_a_form_is_kept_for_all_requests_of_a_step() -> None:
    forms, abilities = Forms({}), Abilities()
    first = forms.find(request("one"), "m", abilities)
    assert forms.find(request("two"), "m", abilities) is first


@pytest.mark.parametrize(
    "other",
    [
        {"prefix": "another constant part"},
        {"schema": dict(SCHEMA)},
        {"draw": 1},
        {"sample": 1},
        {"parameters": Parameters(max_tokens=5)},
        {"purpose": "a/c"},
    ],
)
def test_what_differs_has_another_form(other: dict[str, Any]) -> None:
    forms, abilities = Forms({}), Abilities()
    first = forms.find(request("one"), "m", abilities)
    changed = request("one", **other)
    assert forms.find(changed, "m", abilities) is not first
    assert forms.find(changed, "m", abilities).fill(changed).key == request_key(
        build_body(changed, "m", abilities), changed.sample, changed.draw
    )


def test_a_repair_stands_behind_the_constant_part_too() -> None:
    asked = request("one")
    repair = msgspec.structs.replace(asked, messages=(*asked.messages, Message("assistant", "x"), Message("user", "y")))
    forms, abilities = Forms({}), Abilities()
    forms.find(asked, "m", abilities)
    assert forms.find(repair, "m", abilities).fill(repair).data == msgspec.json.encode(
        build_body(repair, "m", abilities)
    )


def test_hundreds_of_forms_do_not_pile_up() -> None:
    forms, abilities = Forms({}), Abilities()
    for number in range(500):
        one = request("x", parameters=Parameters(seed=number))
        assert forms.find(one, "m", abilities).fill(one).key == request_key(build_body(one, "m", abilities), 0)
    assert len(forms._kept) <= 64
