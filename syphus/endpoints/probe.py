"""Finding out what an endpoint really does, with one to a few tiny calls, before a run relies on it.

Endpoints refuse ``json_schema``, ignore it in silence, want another name for the token limit, or take no temperature. The
probe's schema allows one word that no honest reply to its question would use: a reply with that word can only come from an
endpoint that enforces the schema.
"""

import json
from collections.abc import Awaitable, Callable

from msgspec import structs

from syphus.endpoints.wire import Abilities, SchemaMode
from syphus.errors import FailureKind, ModelError
from syphus.exchange import Message, Parameters, Reply, Request

_WORD = "zebra"
_SCHEMA = {
    "type": "object",
    "properties": {"colour": {"type": "string", "enum": [_WORD]}},
    "required": ["colour"],
    "additionalProperties": False,
}
_SYSTEM = "You answer in one short sentence."
QUESTION = 'Which colour has the sky on a clear day? Reply with a JSON object such as {"colour": "…"}.'
MOST_TOKENS = 8000
"""For a model that thinks before it speaks, and spends the first limit on that."""

_MODES: tuple[SchemaMode, ...] = ("json_schema", "json_object", "prompt")

Send = Callable[[Request, Abilities], Awaitable[Reply]]


def first_guess(endpoint: str) -> Abilities:
    """Where to begin with an endpoint.

    OpenAI's own models want ``max_completion_tokens``. Older servers do not know it, and drop it without a word, which would
    leave replies unbounded; ``max_tokens`` is known to all others.
    """
    own = any(host in endpoint for host in ("api.openai.com", ".openai.azure.com"))
    return Abilities(schema_mode="json_schema", token_field="max_completion_tokens" if own else "max_tokens")


async def probe(send: Send, guess: Abilities, parameters: Parameters) -> Abilities:
    """What the endpoint does, found by asking.

    Args:
        send: makes one call with the abilities given.
        guess: where to begin; its mode is tried first, then the weaker ones.
        parameters: what the run's categories want, to see whether it is taken.

    Raises:
        ModelError: the endpoint refuses even the plainest form of the call.
    """
    tried: set[Abilities] = set()
    # With a constant part, so that hints for the prompt cache are tried too.
    messages = (Message("system", _SYSTEM), Message("user", QUESTION))
    request = Request(purpose="probe", messages=messages, constant=1, schema=_SCHEMA, parameters=parameters)
    while True:
        tried.add(guess)
        try:
            reply = await send(request, guess)
        except ModelError as error:
            if error.kind not in (FailureKind.BAD_REQUEST, FailureKind.OVERLOADED):
                raise
            guess = _mended(guess, error)
            if guess in tried:  # it refuses both names of a field
                raise
            continue
        if guess.schema_mode == "prompt" or _obeyed(reply, guess.schema_mode):
            return guess
        if reply.finish == "length" and request.parameters.max_tokens != MOST_TOKENS:
            # It was still thinking: that says nothing of the schema.
            request = structs.replace(request, parameters=structs.replace(parameters, max_tokens=MOST_TOKENS))
            continue
        guess = structs.replace(guess, schema_mode=_weaker(guess.schema_mode))


def _mended(guess: Abilities, error: ModelError) -> Abilities:
    """The next guess after a refusal: the field that the endpoint names is changed, else the mode is weakened."""
    named = f"{error.param or ''} {error.message}"
    if (
        "max_completion_tokens" in named
        and guess.token_field == "max_completion_tokens"
        and error.param != "max_tokens"
    ):
        return structs.replace(guess, token_field="max_tokens")
    if "max_tokens" in named and guess.token_field == "max_tokens":
        return structs.replace(guess, token_field="max_completion_tokens")
    if "temperature" in named and guess.temperature:
        return structs.replace(guess, temperature=False)
    if guess.cache != "none" and "prompt_cache" in named:
        return structs.replace(guess, cache="key" if guess.cache == "breakpoint" else "none")
    if guess.schema_mode == "prompt":
        raise error
    return structs.replace(guess, schema_mode=_weaker(guess.schema_mode))


def _weaker(mode: SchemaMode) -> SchemaMode:
    return _MODES[_MODES.index(mode) + 1]


def _obeyed(reply: Reply, mode: SchemaMode) -> bool:
    try:
        value = json.loads(reply.text)
    except ValueError:
        return False
    return value == {"colour": _WORD} if mode == "json_schema" else isinstance(value, dict)
