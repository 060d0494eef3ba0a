"""Bodies and keys of requests, made from what all requests of a step have in common.

Six of the seven kilobytes of a typical request are the same for every scene: the constant messages, the schema, the settings.
They are encoded once, and their part of the key's digest is reckoned once; a request adds its own messages. The bytes and
the keys are those of :func:`syphus.endpoints.wire.build_body` and :func:`syphus.endpoints.wire.request_key` (a test holds
them together), at a quarter of the time.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from syphus.endpoints.wire import Abilities, build_body, content_of, longest_reply, named_request
from syphus.exchange import Message, Request
from syphus.identity import StartedFingerprint, canonical_json

_MOST_KEPT = 64
_encode = msgspec.json.encode


class Filled(NamedTuple):
    """One request, ready to be looked for and to be sent."""

    key: str
    """Its name in the ledger."""
    data: bytes
    """The body as JSON."""


class Form:
    """What the requests of one step share. Another schema, other settings or another draw is another form."""

    def __init__(self, request: Request, model: str, abilities: Abilities, extra: Mapping[str, Any]) -> None:
        body = build_body(request, model, abilities, extra)
        self.model = model
        self.category = request.purpose.rpartition("/")[0] or request.purpose
        self.constant = request.messages[: request.constant]
        self.schema = request.schema
        self.settings = {name: value for name, value in body.items() if name != "messages"}
        """What is sent besides the messages."""
        self.settings_text = _encode(self.settings).decode()
        """The same as the ledger keeps it."""
        self.longest_reply = longest_reply(body)
        """Tokens; 0: nothing bounds it."""
        self._head, self._tail = _around_messages(body, self.constant, canonical=False)
        named = named_request(body, request.sample, request.draw)
        parts = [(name, value) for name, value in sorted(named.items()) if name != "body"]
        assert all(name > "body" for name, _ in parts)
        head, tail = _around_messages(body, self.constant, canonical=True)
        self._key = StartedFingerprint(b'{"body":' + head)
        rest = b"".join(b",%s:%s" % (_encode(name), canonical_json(value)) for name, value in parts)
        self._key_ends = tail + rest + b"}"

    def fill(self, request: Request) -> Filled:
        """A request of this form."""
        data, named = [], []
        for message in request.messages[len(self.constant) :]:
            content = _encode(content_of(message))
            data.append(b'{"role":"%s","content":%s}' % (message.role.encode(), content))
            if message.pictures:
                content = canonical_json(content_of(message))
            named.append(b'{"content":%s,"role":"%s"}' % (content, message.role.encode()))
        comma = b"," if self.constant and data else b""
        key = self._key.of(b"".join((comma, b",".join(named), self._key_ends)))
        return Filled(key, b"".join((self._head, comma, b",".join(data), self._tail)))


class Forms:
    """The forms of a run.

    Args:
        extra: more fields of each body.
    """

    def __init__(self, extra: Mapping[str, Any]) -> None:
        self._extra = extra
        self._kept: dict[tuple[Any, ...], Form] = {}

    def find(self, request: Request, model: str, abilities: Abilities) -> Form:
        """The form of a request to a model of this name."""
        # The schema by identity: a step sends the same one each time, and the form that is kept keeps it alive.
        name = (
            request.purpose, request.constant, request.sample, request.draw, id(request.schema), request.parameters,
            model, abilities,
        )  # fmt: skip
        form = self._kept.get(name)
        if form is None or form.constant != request.messages[: request.constant]:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            form = self._kept[name] = Form(request, model, abilities, self._extra)
        return form


def _around_messages(body: Mapping[str, Any], constant: tuple[Message, ...], *, canonical: bool) -> tuple[bytes, bytes]:
    """The JSON of a body before and behind its varying messages."""
    encode = canonical_json if canonical else _encode
    fields = sorted(body.items()) if canonical else list(body.items())
    at = next(number for number, (name, _) in enumerate(fields) if name == "messages")

    def written(some: list[tuple[str, Any]]) -> list[bytes]:
        return [b"%s:%s" % (_encode(name), encode(value)) for name, value in some]

    shared = [encode({"role": message.role, "content": content_of(message)}) for message in constant]
    before, behind = written(fields[:at]), written(fields[at + 1 :])
    head = b"".join(b"%s," % one for one in before) + b'"messages":[' + b",".join(shared)
    return b"{" + head, b"]" + b"".join(b",%s" % one for one in behind) + b"}"
