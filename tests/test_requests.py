"""Every body that we send is one that OpenAI's own definitions allow, and every schema in it keeps the rules of strict mode.

The definitions are the SDK's parameter types, which are made from OpenAI's specification, and a copy of the published OpenAPI
document's part on chat completions (``golden/openai-chat-request.json``, without its descriptions).
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from msgspec import structs
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import ConfigDict, TypeAdapter, ValidationError

from syphus.categories.load import Library, load_category
from syphus.categories.prompt import CategoryPrompts
from syphus.endpoints.probe import probe
from syphus.endpoints.wire import Abilities, build_body, with_cache_hints
from syphus.exchange import Parameters, Reply, Request
from syphus.jobs.generate import generate_job
from syphus.jobs.items import GenerateItem

ROOT = Path(__file__).parents[1]
LIBRARY = Library.at(ROOT)
NAMES = LIBRARY.category_names()
MODEL = "gpt-6-luna"
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
EFFORTS_OF_THE_DOCUMENT = EFFORTS[:-1]
"""It is some months older than the SDK."""


def requests_of(name: str, finish: str, seed: int | None) -> list[Request]:
    """All that the job asks about a scene when no reply is any good: first requests, and one after the other, their repairs."""
    category = load_category(name, LIBRARY)
    if not category.chat_steps:
        return []
    scene = structs.replace(category.demonstrations[0].scene, id="another")
    item = GenerateItem(scene=scene, prompts=CategoryPrompts(category, seed))
    asked: list[Request] = []

    async def ask(request: Request) -> Reply:
        asked.append(request)
        return Reply(text="Well, “that” is no JSON: \u2028 \x00 ✓", finish=finish)

    asyncio.run(generate_job(7)(item, ask))
    return asked


REQUESTS = {
    f"{name}, {finish}, seed {seed}, {index}": request
    for name, finish, seed in product(NAMES, ("stop", "length"), (None, 7))
    for index, request in enumerate(requests_of(name, finish, seed))
}


def probe_requests() -> Iterator[tuple[Request, Abilities]]:
    asked: list[tuple[Request, Abilities]] = []

    async def ask(request: Request, abilities: Abilities) -> Reply:
        asked.append((request, abilities))
        return Reply(text="blue")

    wanted = Parameters(temperature=0.7, max_tokens=500, reasoning_effort="low")
    asyncio.run(probe(ask, Abilities(schema_mode="json_schema"), wanted))
    yield from asked


DIALECTS = [
    Abilities(schema_mode=mode, token_field=field, temperature=temperature, bounds=bounds, cache=cache)
    for mode, field, temperature, bounds, cache in product(
        ("json_schema", "json_object", "prompt"),
        ("max_tokens", "max_completion_tokens"),
        (True, False),
        (True, False),
        ("none", "key", "breakpoint"),
    )
]


def body_of(request: Request, abilities: Abilities) -> dict[str, Any]:
    """What goes over the wire, read back as the provider reads it."""
    body = build_body(request, MODEL, abilities)
    return json.loads(json.dumps(with_cache_hints(body, request, abilities.cache, f"{request.purpose}-0"[:64])))


# -- the SDK's types

SDK = TypeAdapter(tuple[CompletionCreateParamsNonStreaming], config=ConfigDict(extra="forbid"))
"""In a tuple, from which the types within, at all depths, have the setting; by itself such a type would not take it."""


def check_by_the_sdk(body: dict[str, Any]) -> None:
    """Raises ``ValidationError`` for a key that is not known, at whatever depth, and for a value of another type."""
    exhaust(SDK.validate_python((body,), strict=True))


def exhaust(value: Any) -> None:
    """pydantic looks at the elements of an ``Iterable`` only when they are taken."""
    if isinstance(value, str | int | float | None):
        return
    for one in value.values() if isinstance(value, dict) else value:
        exhaust(one)


def with_key(body: dict[str, Any], *path: str | int) -> dict[str, Any]:
    body = json.loads(json.dumps(body))
    inner: Any = body
    for step in path:
        inner = inner[step]
    inner["surprise"] = 1
    return body


@pytest.mark.parametrize(
    "path",
    [(), ("messages", 0), ("messages", 0, "content", 0), ("response_format",), ("response_format", "json_schema")],
)
def test_the_check_sees_unknown_keys_at_each_depth(path: tuple[str | int, ...]) -> None:
    request = structs.replace(next(iter(REQUESTS.values())), constant=1)
    good = body_of(request, Abilities(schema_mode="json_schema", cache="breakpoint"))
    check_by_the_sdk(good)
    with pytest.raises(ValidationError, match="surprise"):
        check_by_the_sdk(with_key(good, *path))


@pytest.mark.parametrize("name", REQUESTS)
def test_the_sdks_types_allow_each_body(name: str) -> None:
    for abilities in DIALECTS:
        check_by_the_sdk(body_of(REQUESTS[name], abilities))


@pytest.mark.parametrize("effort", EFFORTS)
def test_the_sdks_types_allow_each_effort(effort: str) -> None:
    request = next(iter(REQUESTS.values()))
    asked = structs.replace(request, parameters=structs.replace(request.parameters, reasoning_effort=effort, top_p=0.9))
    check_by_the_sdk(body_of(asked, Abilities()))


def test_the_sdks_types_allow_what_the_probe_asks() -> None:
    asked = list(probe_requests())
    assert len(asked) >= 2
    for request, abilities in asked:
        check_by_the_sdk(body_of(request, abilities))
        check_by_the_document(body_of(request, abilities))


def test_nothing_is_null_and_no_content_is_empty() -> None:
    """The types allow null in places where endpoints do not."""
    for request, abilities in product(REQUESTS.values(), DIALECTS):
        body = body_of(request, abilities)
        assert "null" not in {json.dumps(value) for value in body.values()}
        assert all(message["content"] for message in body["messages"])
        assert body["messages"][0]["role"] == "system"
        assert body["messages"][-1]["role"] == "user"
        if abilities.schema_mode == "json_object":
            assert "json" in str(body["messages"]).lower(), "JSON mode is refused where nobody speaks of JSON"


# -- the published document

DOCUMENT = json.loads((ROOT / "tests/golden/openai-chat-request.json").read_text())
PUBLISHED = Draft202012Validator(DOCUMENT)
KNOWN = {
    name
    for definition in ("CreateChatCompletionRequest", "CreateModelResponseProperties", "ModelResponseProperties")
    for part in (DOCUMENT["$defs"][definition], *DOCUMENT["$defs"][definition].get("allOf", ()))
    for name in part.get("properties", ())
}


def check_by_the_document(body: dict[str, Any]) -> None:
    PUBLISHED.validate(body)
    assert body.keys() <= KNOWN


@pytest.mark.parametrize("name", [name for name in REQUESTS if "seed 7" in name])
def test_the_published_document_allows_each_body(name: str) -> None:
    for abilities in DIALECTS[::5]:  # a stride that meets each value of each setting
        check_by_the_document(body_of(REQUESTS[name], abilities))


@pytest.mark.parametrize("effort", EFFORTS_OF_THE_DOCUMENT)
def test_the_published_document_allows_each_effort(effort: str) -> None:
    request = next(iter(REQUESTS.values()))
    asked = structs.replace(request, parameters=structs.replace(request.parameters, reasoning_effort=effort))
    check_by_the_document(body_of(asked, Abilities()))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body.pop("model"),
        lambda body: body.update(messages=[]),
        lambda body: body["messages"][0].update(role="tester"),
        lambda body: body.update(temperature=3),
        lambda body: body.update(max_completion_tokens="many"),
        lambda body: body["response_format"].update(type="json_scheme"),
        lambda body: body["response_format"]["json_schema"].pop("name"),
        lambda body: body.update(prompt_cache_key=7),
    ],
)
def test_the_published_document_refuses_what_is_wrong(spoil: Callable[[dict[str, Any]], object]) -> None:
    body = body_of(next(iter(REQUESTS.values())), Abilities(schema_mode="json_schema", cache="key"))
    assert PUBLISHED.is_valid(body)
    spoil(body)
    assert not PUBLISHED.is_valid(body)


# -- strict schemas

STRICT_KEYWORDS = {
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "description", "$defs", "$ref",
}  # fmt: skip
"""What all strict modes know; bounds differ from one to the next, so they are sent only where they were found to work."""
BOUNDS = {"minItems", "maxItems", "minLength", "maxLength"}
MOST_PROPERTIES, MOST_LEVELS, MOST_ENUM_VALUES, MOST_NAME_CHARACTERS = 5_000, 10, 1_000, 120_000


def objects_in(schema: dict[str, Any], level: int = 1) -> Iterator[tuple[dict[str, Any], int]]:
    """Every schema within a schema, with its depth."""
    yield schema, level
    for inner in schema.get("properties", {}).values():
        yield from objects_in(inner, level + 1)
    for inner in (schema["items"],) if "items" in schema else ():
        yield from objects_in(inner, level + 1)
    for inner in (*schema.get("anyOf", ()), *schema.get("$defs", {}).values()):
        yield from objects_in(inner, level)


def strict_faults(form: dict[str, Any], *, bounds: bool) -> list[str]:
    """What strict mode would refuse (Structured Outputs guide, "Supported schemas")."""
    named = form["json_schema"]
    faults = []
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", named["name"]):
        faults.append(f"name {named['name']!r}")
    if named["strict"] is not True:
        faults.append("not strict")
    schema = named["schema"]
    if schema.get("type") != "object" or "anyOf" in schema:
        faults.append("the root is no object")
    names: list[str] = []
    values = 0
    for inner, level in objects_in(schema):
        if unknown := inner.keys() - STRICT_KEYWORDS - (BOUNDS if bounds else set()):
            faults.append(f"keywords {sorted(unknown)}")
        if level > MOST_LEVELS:
            faults.append("too deep")
        values += len(inner.get("enum", ()))
        if inner.get("type") == "object" or "properties" in inner:
            names += inner["properties"]
            if inner.get("additionalProperties") is not False:
                faults.append("additionalProperties is not false")
            if sorted(inner.get("required", ())) != sorted(inner["properties"]):
                faults.append("a property is not required")
    if len(names) > MOST_PROPERTIES or values > MOST_ENUM_VALUES or sum(map(len, names)) > MOST_NAME_CHARACTERS:
        faults.append("too large")
    return faults


def test_every_schema_keeps_the_rules_of_strict_mode() -> None:
    seen = 0
    for request, abilities in [*product(REQUESTS.values(), DIALECTS), *probe_requests()]:
        form = body_of(request, abilities).get("response_format")
        if form and form["type"] == "json_schema":
            assert strict_faults(form, bounds=abilities.bounds) == []
            Draft202012Validator.check_schema(form["json_schema"]["schema"])
            seen += 1
    assert seen > 100


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"required": []}, "a property is not required"),
        ({"additionalProperties": True}, "additionalProperties is not false"),
        ({"default": {}}, "keywords ['default']"),
        ({"allOf": []}, "keywords ['allOf']"),
        ({"minItems": 3}, "keywords ['minItems']"),
        ({"type": "array"}, "the root is no object"),
    ],
)
def test_a_schema_that_strict_mode_refuses_is_seen(change: dict[str, Any], fault: str) -> None:
    form = body_of(next(iter(REQUESTS.values())), Abilities(schema_mode="json_schema"))["response_format"]
    form["json_schema"]["schema"] |= change
    assert fault in strict_faults(form, bounds=False)
