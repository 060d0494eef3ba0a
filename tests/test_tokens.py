"""Counting tokens before anything is sent: by table, by the server, by estimate."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import tiktoken

from syphus.endpoints import tokens
from syphus.endpoints.tokens import (
    PER_MESSAGE,
    PER_REQUEST,
    counter_for_name,
    counter_of_server,
    estimating_counter,
)
from syphus.exchange import Message, Request
from syphus.rehearsal.server import RehearsalServer

PREFIX = (Message("system", "You talk."), Message("user", "A dog."), Message("assistant", "Woof."))


def words(text: str) -> int:
    return len(text.split())


def request(text: str, *more: Message) -> Request:
    return Request(
        purpose="a/b", messages=(*PREFIX, Message("user", text), *more), constant=len(PREFIX), schema={"type": "object"}
    )


def byte_encoding(name: str) -> tiktoken.Encoding:
    """An encoding of single bytes: no table has to be fetched for it."""
    return tiktoken.Encoding(
        name=name,
        pat_str=r"[\s\S]",
        mergeable_ranks={bytes([byte]): byte for byte in range(256)},
        special_tokens={"<|endoftext|>": 256},
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The encodings that were asked for; each is one of bytes."""
    names: list[str] = []
    monkeypatch.setattr(tiktoken, "get_encoding", lambda name: names.append(name) or byte_encoding(name))
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    return names


# -- by table -----------------------------------------------------------------------------------------------------------


def test_texts_and_the_frame_around_them_are_counted() -> None:
    counter = estimating_counter(words, "no reason")
    counted = counter.request(request("a red bus"))
    assert counted.rest == 3 + PER_MESSAGE
    assert counted.constant == 2 + 2 + 1 + 3 * PER_MESSAGE + PER_REQUEST
    assert counted.prompt == counted.rest + counted.constant
    assert counted.schema == words('{"type":"object"}')
    assert counter.source == "estimated: no reason"


def test_the_constant_part_is_counted_once() -> None:
    seen: list[str] = []

    def count(text: str) -> int:
        seen.append(text)
        return words(text)

    counter = estimating_counter(count, "")
    for number in range(5):
        counter.request(request(f"scene {number}"))
    assert [seen.count(message.content) for message in PREFIX] == [1, 1, 1]
    assert sum(text.startswith("scene") for text in seen) == 5
    other = Request(purpose="a/b", messages=(Message("system", "Another one here."), Message("user", "x")), constant=1)
    assert counter.request(other).constant == 3 + PER_MESSAGE + PER_REQUEST


@pytest.mark.parametrize(
    ("model", "encoding", "own"),
    [
        ("gpt-6-luna", "o200k_base", True),
        ("openai/gpt-6-luna", "o200k_base", True),
        ("gpt-5.6-luna", "o200k_base", True),
        ("gpt-4", "cl100k_base", True),
        ("claude-sonnet-4-5", "o200k_base", False),
        ("Qwen/Qwen3-8B", "o200k_base", False),
    ],
)
def test_a_name_has_its_table(asked: list[str], model: str, encoding: str, own: bool) -> None:
    counter = counter_for_name(model, words)
    assert asked == [encoding]
    assert counter.text("four") == 4
    assert counter.source.startswith(f"tiktoken {encoding}")
    assert ("not" in counter.source) is not own
    assert counter.error == (tokens.OWN_TABLE if own else tokens.OTHER_TABLE)


def test_special_tokens_in_a_caption_are_text(asked: list[str]) -> None:
    assert counter_for_name("gpt-6-luna", words).text("<|endoftext|>") == len("<|endoftext|>")


def test_without_the_table_it_is_estimated_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(name: str) -> None:
        raise ConnectionError(name)

    monkeypatch.setattr(tiktoken, "get_encoding", offline)
    counter = counter_for_name("gpt-6-luna", words)
    assert counter.source == "estimated: tiktoken's table o200k_base could not be had"
    assert counter.text("two words") == 2
    assert counter.error == tokens.ESTIMATED


def test_a_network_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    hung = threading.Event()
    monkeypatch.setattr(tiktoken, "get_encoding", lambda _: hung.wait(20))
    monkeypatch.setattr(tokens, "_FETCHING", 0.05)
    assert counter_for_name("gpt-6-luna", words).source.startswith("estimated")
    hung.set()


def test_the_table_is_kept_beside_the_weights(asked: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    import os

    monkeypatch.delenv("TIKTOKEN_CACHE_DIR")
    monkeypatch.setenv("SYPHUS_CACHE", str(tmp_path))
    counter_for_name("gpt-6-luna", words)
    assert os.environ["TIKTOKEN_CACHE_DIR"] == str(tmp_path / "tiktoken")


# -- by the server ------------------------------------------------------------------------------------------------------


class TokenServer:
    """A server that counts words, as llama.cpp or vLLM would count tokens, with a frame of 5 and 2 a message."""

    def __init__(self, kind: str, *, drop: bool = False) -> None:
        self.kind = kind
        self.paths: list[str] = []
        self.keys: set[str | None] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                there = {"llama.cpp": {"/props": {"chat_template": "…"}}, "vLLM": {"/version": {"version": "0.33"}}}
                self.reply(there.get(outer.kind, {}).get(self.path))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.keys.add(self.headers.get("authorization"))
                self.reply(outer.answer(self.path, body))
                if drop:  # the server closes connections that were kept open
                    self.close_connection = True

            def reply(self, answer: object) -> None:
                outer.paths.append(self.path)
                data = json.dumps(answer).encode()
                self.send_response(404 if answer is None else 200)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def answer(self, path: str, body: dict[str, Any]) -> object:
        def framed() -> str:
            return "b e g i n " + " ".join(f"< > {message['content']}" for message in body["messages"])

        match self.kind, path:
            case "llama.cpp", "/apply-template":
                return {"prompt": framed()}
            case "llama.cpp", "/tokenize":
                return {"tokens": [1] * words(body["content"])}
            case "vLLM", "/tokenize":
                return {"count": words(body["prompt"] if "prompt" in body else framed())}
        return None

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(params=["llama.cpp", "vLLM"])
def counting_server(request: pytest.FixtureRequest) -> Iterator[TokenServer]:
    server = TokenServer(request.param)
    yield server
    server.close()


def test_a_server_that_counts_is_asked(counting_server: TokenServer) -> None:
    counter = counter_of_server(counting_server.url, "m", "secret")
    assert counter is not None
    assert counter.source == f"counted by {counting_server.kind} itself"
    assert counter.error == 0
    assert counting_server.keys == {"Bearer secret"}
    counted = counter.request(request("a red bus"))
    assert counted.prompt == 5 + 4 * 2 + (2 + 2 + 1 + 3)
    assert counted.rest == 3
    counting_server.paths.clear()
    assert counter.request(request("a much longer scene than that")).prompt == counted.prompt + 3
    assert counting_server.paths == ["/tokenize"], "the prefix is not counted again"


def test_a_repair_has_a_frame_of_its_own(counting_server: TokenServer) -> None:
    counter = counter_of_server(counting_server.url, "m")
    assert counter is not None
    plain = counter.request(request("a red bus")).prompt
    repair = request("a red bus", Message("assistant", "no good"), Message("user", "once more please"))
    assert counter.request(repair).prompt == plain + 2 * 2 + 2 + 3


def test_connections_that_the_server_closes_are_opened_again() -> None:
    server = TokenServer("llama.cpp", drop=True)
    counter = counter_of_server(server.url, "m")
    assert counter is not None
    assert [counter.text("x " * number) for number in range(1, 6)] == [1, 2, 3, 4, 5]
    server.close()


def test_a_server_that_does_not_count_is_left_alone() -> None:
    with RehearsalServer() as server:
        assert counter_of_server(server.url, "m") is None
        assert not server.calls
    assert counter_of_server(server.url, "m") is None, "and one that is gone is no trouble"
