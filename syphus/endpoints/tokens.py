"""How many tokens a request has, before it is sent. The only importer of tiktoken.

Three ways, the best that can be had: the server's own count, where a llama.cpp or vLLM server of one's own (also the embedded
model) is asked; OpenAI's tables; and an estimate that needs no table. Each says which it is and how far it may be off.

The constant part of a category's prompts is counted once, then only what follows it. That is exact: chat formats put a
special token between messages, and no tokenizer joins anything across one.
"""

import json
import os
import threading
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec

from syphus.endpoints.local import LocalClient
from syphus.endpoints.weights import weights_folder
from syphus.exchange import Message, Request

CountText = Callable[[str], int]

PER_MESSAGE = 4
PER_REQUEST = 3
"""Tokens around each message (three and its role), and before the reply: OpenAI's cookbook, "How to count tokens with
tiktoken", the same for all its chat models."""

NEWEST = "o200k_base"
"""The encoding of OpenAI's models since gpt-4o, and of names that tiktoken does not know yet (gpt-6)."""

OWN_TABLE = 0.02
OTHER_TABLE = 0.2
ESTIMATED = 0.15
"""How far a count may be off, as a part of it: with the model's own table, with another model's, by estimate
(``benchmarks/tokens.py``)."""

_FETCHING = 30.0
"""Seconds within which tiktoken must have its table; by itself it would wait for a dead network without end."""
_ANSWER = 10.0


class Count(NamedTuple):
    """Tokens of one request."""

    constant: int
    """Of the messages that are the same for each scene, and of the frame."""
    rest: int
    schema: int = 0
    """Of the reply's schema. Endpoints may or may not bill it; no part of the sum."""

    @property
    def prompt(self) -> int:
        """All that is sent."""
        return self.constant + self.rest


class TokenCounter(Protocol):
    """Counts the tokens of requests and replies for one model."""

    source: str
    """How it counts, in words."""
    error: float
    """How far a count may be off, as a part of it; 0 where the endpoint itself counts."""

    def text(self, text: str) -> int:
        """Tokens of a text alone, as of a reply."""

    def request(self, request: Request) -> Count:
        """Tokens of a request as they are billed."""


class TableCounter:
    """Counts by a function of text: an encoding's table, or an estimate.

    Args:
        count: tokens of a text.
        source: what it is, in words.
        error: how far it may be off.
    """

    def __init__(self, count: CountText, *, source: str, error: float) -> None:
        self.source = source
        self.error = error
        self.text = count
        self._prefixes: dict[tuple[Message, ...], int] = {}
        self._schemas: dict[str, int] = {}

    def request(self, request: Request) -> Count:
        """Tokens of a request: texts, and the frame around them."""
        prefix = request.messages[: request.constant]
        if (constant := self._prefixes.get(prefix)) is None:
            constant = self._prefixes[prefix] = self._messages(prefix) + PER_REQUEST
        if (schema := self._schemas.get(request.purpose)) is None:
            text = msgspec.json.encode(request.schema).decode() if request.schema else ""
            schema = self._schemas[request.purpose] = self.text(text)
        return Count(constant, self._messages(request.messages[request.constant :]), schema)

    def _messages(self, messages: Sequence[Message]) -> int:
        return sum(self.text(message.content) + PER_MESSAGE for message in messages)


class ServerCounter:
    """Counts by asking the server that will get the requests; nothing is generated.

    Args:
        server: llama.cpp's or vLLM's.
    """

    error = 0.0

    def __init__(self, server: "_Server") -> None:
        self.source = f"counted by {server.name} itself"
        self._server = server
        self._frames: dict[tuple[tuple[Message, ...], tuple[str, ...]], int] = {}

    def text(self, text: str) -> int:
        """Tokens of a text alone."""
        return self._server.count_text(text)

    def request(self, request: Request) -> Count:
        """Tokens of a request; the first with a prefix is counted whole, of those after it only what is new."""
        rest = request.messages[request.constant :]
        texts = sum(self.text(message.content) for message in rest)
        frame = (request.messages[: request.constant], tuple(message.role for message in rest))
        if (constant := self._frames.get(frame)) is None:
            constant = self._frames[frame] = self._server.count_messages(request.messages) - texts
        return Count(constant, texts)


def counter_for_name(name: str, estimate: CountText) -> TokenCounter:
    """The counter for a model at an endpoint that cannot be asked: OpenAI's tables, or ``estimate`` without them.

    tiktoken fetches a table over the network once, and keeps it: in ``TIKTOKEN_CACHE_DIR`` where that is set, else beside
    the embedded model's weights.
    """
    bare = name.rpartition("/")[2].removeprefix("ft:")
    own = bare.startswith(("gpt-", "chatgpt-", "o1", "o3", "o4"))
    encoding, loaded = _load_encoding(bare)
    if loaded is None:
        return estimating_counter(estimate, f"tiktoken's table {encoding} could not be had")
    source = f"tiktoken {encoding}" if own else f"tiktoken {encoding}, which is not {bare}'s own"
    return TableCounter(loaded, source=source, error=OWN_TABLE if own else OTHER_TABLE)


def estimating_counter(estimate: CountText, why: str) -> TokenCounter:
    """The counter that needs nothing. ``why`` there is no better one is said with it."""
    return TableCounter(estimate, source=f"estimated: {why}", error=ESTIMATED)


def _load_encoding(model: str) -> tuple[str, CountText | None]:
    """The name of the model's encoding, and the counting of text in it where its table can be had."""
    import tiktoken  # noqa: PLC0415 - only a plan counts

    if not {"TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"} & os.environ.keys():
        os.environ["TIKTOKEN_CACHE_DIR"] = str(weights_folder() / "tiktoken")
    try:
        name = tiktoken.encoding_name_for_model(model)
    except KeyError:
        name = NEWEST
    found: list[CountText] = []

    def load() -> None:
        try:
            encoding = tiktoken.get_encoding(name)
        # requests' own errors are many, and tiktoken names none of them: whatever it was, the table is not here.
        except Exception:  # noqa: BLE001
            return
        # `encode` would refuse a caption that says "<|endoftext|>".
        found.append(lambda text: len(encoding.encode_ordinary(text)))

    thread = threading.Thread(target=load, name="tiktoken", daemon=True)
    thread.start()
    thread.join(_FETCHING)
    return name, found[0] if found else None


# -- servers that count -------------------------------------------------------------------------------------------------


class _Server:
    """A server that tokenises; one connection, kept open. Errors are ``OSError`` and ``ValueError``."""

    name = ""

    def __init__(self, address: str, model: str, key: str) -> None:
        self._model = model
        self._headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
        parts = urlsplit(address)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=_ANSWER)
        # `…/v1` is the chat interface; what counts stands beside it.
        self._root = parts.path.rstrip("/").removesuffix("/v1")

    def is_there(self) -> bool:
        """Whether the server is of this kind; asked by GET, which makes no server generate anything."""
        raise NotImplementedError

    def count_text(self, text: str) -> int:
        """Tokens of a text."""
        raise NotImplementedError

    def count_messages(self, messages: Sequence[Message]) -> int:
        """Tokens of a chat in the model's own format."""
        raise NotImplementedError

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        try:
            response = self._ask(method, path, data)
        except (HTTPException, ConnectionError):  # it was kept open too long; a second time is a real trouble
            try:
                response = self._ask(method, path, data)
            except HTTPException as error:
                raise OSError(f"{self.name}: {error}") from error
        text = response.read()
        if response.status != 200:
            raise OSError(f"{path}: HTTP {response.status}")
        answer = json.loads(text)
        if not isinstance(answer, dict):  # a gateway's own idea of an answer
            raise OSError(f"{path}: no object")
        return answer

    def _ask(self, method: str, path: str, data: bytes | None) -> HTTPResponse:
        try:
            self._connection.request(method, self._root + path, data, self._headers)
            return self._connection.getresponse()
        except (HTTPException, OSError):
            self._connection.close()
            raise


class _LlamaCpp(_Server):
    name = "llama.cpp"

    def is_there(self) -> bool:
        return "chat_template" in self._call("GET", "/props")

    def count_text(self, text: str) -> int:
        # Special tokens are read in texts, as the chat interface reads them.
        body = {"content": text, "add_special": False, "parse_special": True}
        return len(self._call("POST", "/tokenize", body)["tokens"])

    def count_messages(self, messages: Sequence[Message]) -> int:
        prompt = self._call("POST", "/apply-template", {"messages": _plain(messages)})["prompt"]
        body = {"content": prompt, "add_special": True, "parse_special": True}
        return len(self._call("POST", "/tokenize", body)["tokens"])


class _Vllm(_Server):
    name = "vLLM"

    def is_there(self) -> bool:
        return "version" in self._call("GET", "/version")

    def count_text(self, text: str) -> int:
        body = {"model": self._model, "prompt": text, "add_special_tokens": False}
        return int(self._call("POST", "/tokenize", body)["count"])

    def count_messages(self, messages: Sequence[Message]) -> int:
        body = {"model": self._model, "messages": _plain(messages), "add_generation_prompt": True}
        return int(self._call("POST", "/tokenize", body)["count"])


def _plain(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def counter_of_server(address: str, model: str, key: str = "") -> TokenCounter | None:
    """The counter of a llama.cpp or vLLM server, or None where it is none of them, or does not answer.

    Args:
        address: as ``base_url``; only ever one of our own servers (:func:`syphus.money.prices.is_own_server`).
        model: its name there.
        key: sent as the chat interface would send it.
    """
    trial = (Message("user", "?"),)
    for kind in (_LlamaCpp, _Vllm):
        try:
            server = kind(address, model, key)
            if server.is_there() and server.count_messages(trial) >= server.count_text("?") > 0:
                return ServerCounter(server)
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


class _LoadedModel(LocalClient):
    """A model that is loaded to count, not to speak: it needs hardly any window."""

    def __init__(self, model: Path) -> None:
        super().__init__(model, window=64, slots=1, threads=1)

    @property
    def address(self) -> str:
        return str(self._server.listening_address)


class LocalCounter(ServerCounter):
    """Counts with a GGUF model in the process, through llama.cpp's own server on loopback.

    Args:
        model: the file.

    Raises:
        InputError: the extra ``syphus[local]`` is not installed, or the file is no model.
    """

    def __init__(self, model: Path) -> None:
        self._loaded = _LoadedModel(model)  # the server lives as long as this does
        super().__init__(_LlamaCpp(self._loaded.address, model.name, ""))
