"""The hot path's connections against a server of raw bytes: what is read, when a connection is used again, what is an error."""

import asyncio
import gzip
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

import pytest

from syphus.endpoints import connections
from syphus.endpoints.connections import BrokenError, Pool, Response
from syphus.endpoints.http import HttpClient, has_proxy, refuse_written_secrets
from syphus.endpoints.sdk import OpenAIClient
from syphus.errors import FailureKind, InputError, ModelError
from syphus.rehearsal.replies import Answer as RehearsalAnswer
from syphus.rehearsal.replies import completion, error
from syphus.rehearsal.server import RehearsalServer

Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


class Raw:
    """A server whose replies are given byte for byte, one for each request; None closes the connection."""

    def __init__(self, *replies: bytes | None, tls: ssl.SSLContext | None = None, pieces: int = 0) -> None:
        self.replies = list(replies)
        self.requests: list[bytes] = []
        self.connections = 0
        self._tls = tls
        self._pieces = pieces

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.replies:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length")
                )
                self.requests.append(head + await reader.readexactly(length))
                reply = self.replies.pop(0)
                if reply is None:
                    break
                step = self._pieces or len(reply)
                for start in range(0, len(reply), step):
                    writer.write(reply[start : start + step])
                    await writer.drain()
                    await asyncio.sleep(0)
                if b"\r\nconnection: close" in reply or (b"content-length" not in reply and b"chunked" not in reply):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def ask(raw: Raw, times: int = 1, seconds: float = 2) -> list[Response | BaseException]:
    async def main() -> list[Response | BaseException]:
        async with raw:
            pool = Pool("127.0.0.1", raw.port, None)
            got: list[Response | BaseException] = []
            for _ in range(times):
                try:
                    got.append(await pool.exchange(b"POST / HTTP/1.1\r\ncontent-length: 1\r\n\r\nx", seconds))
                except (BrokenError, TimeoutError) as error:
                    got.append(error)
            pool.close()
            return got

    return asyncio.run(main())


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
PRESSED = gzip.compress(b"hello")


@pytest.mark.parametrize("pieces", [0, 1, 7])
@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (OK, b"hi"),
        (CHUNKED, b"hello"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"hi"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.0 200 OK\r\ncontent-type: text/html\r\n\r\n<html>", b"<html>"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%s" % (len(PRESSED), PRESSED),
            b"hello",
        ),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b""),
    ],
    ids=["length", "chunked", "continue", "to the end", "http 1.0", "gzip", "empty"],
)
def test_a_response_in_any_form_and_any_pieces(reply: bytes, body: bytes, pieces: int) -> None:
    (response,) = ask(Raw(reply, pieces=pieces))
    assert isinstance(response, Response)
    assert (response.status, response.data) == (200, body)


def test_status_and_headers_are_read() -> None:
    reply = b"HTTP/1.1 429 Slow\r\nRetry-After: 3\r\nX-A: 1\r\nx-a: 2\r\ncontent-length: 0\r\n\r\n"
    (response,) = ask(Raw(reply))
    assert isinstance(response, Response)
    assert (response.status, response.headers["retry-after"], response.headers["x-a"]) == (429, "3", "1, 2")


def test_a_connection_is_used_again_unless_it_was_closed() -> None:
    raw = Raw(OK, CHUNKED, b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi", OK)
    assert [type(one) for one in ask(raw, 4)] == [Response] * 4
    assert raw.connections == 2


def test_an_idle_connection_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "KEPT_SECONDS", -1.0)
    raw = Raw(OK, OK, OK)
    assert [type(one) for one in ask(raw, 3)] == [Response] * 3
    assert raw.connections == 3


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (None, "before it replied"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\nconnection: close\r\n\r\nhi", "in the middle"),
        (b"SSH-2.0-OpenSSH_9\r\nconnection: close\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nhi", "compressed"),
    ],
    ids=["closed", "cut", "no http", "bad gzip"],
)
def test_what_is_no_response_is_an_error_and_the_next_call_a_new_connection(reply: bytes | None, words: str) -> None:
    raw = Raw(reply, OK)
    broken, good = ask(raw, 2)
    assert isinstance(broken, BrokenError)
    assert words in str(broken)
    assert broken.sent
    assert isinstance(good, Response)
    assert raw.connections == 2


def test_a_reply_that_unpacks_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LARGEST_REPLY", 5000)
    bomb, torn = gzip.compress(bytes(5001)), gzip.compress(b"hello")[:-4]
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%s"
    got = ask(Raw(*(head % (len(one), one) for one in (bomb, torn))), 2)
    assert [str(one) for one in got] == [
        "a reply of more than 5,000 bytes",
        "a compressed reply that cannot be read: it ends too early",
    ]


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".com"])
def test_a_host_that_can_be_none_is_a_connection_that_fails(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K", "sk-1")
    assert send(HttpClient(base_url=f"http://{host}/v1", key_variable="K", timeout=2)) == "CONNECTION False"


def test_bytes_after_a_response_end_the_connection() -> None:
    raw = Raw(OK + b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nother", OK)
    got = ask(raw, 2)
    assert [one.data for one in got if isinstance(one, Response)] == [b"hi", b"hi"], (
        "never the answer to another question"
    )
    assert raw.connections == 2


def test_a_reply_that_does_not_come_is_a_timeout_and_not_taken_for_the_next() -> None:
    async def main() -> None:
        late = Raw()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            late.connections += 1
            await reader.readuntil(b"\r\n\r\n")
            if late.connections == 1:
                await asyncio.sleep(0.3)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n%d" % late.connections)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        pool = Pool("127.0.0.1", server.sockets[0].getsockname()[1], None)
        request = b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n"
        with pytest.raises(TimeoutError):
            await pool.exchange(request, 0.05)
        assert (await pool.exchange(request, 2)).data == b"2"
        gone = asyncio.create_task(pool.exchange(request, 2))
        await asyncio.sleep(0.01)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert (await pool.exchange(request, 2)).data == b"3"
        server.close()

    asyncio.run(main())


def send(client: HttpClient) -> str:
    async def main() -> str:
        try:
            return (await client.send(b"{}")).data.decode()
        except ModelError as error:
            return f"{error.kind.name} {error.billable}"
        finally:
            await client.close()

    return asyncio.run(main())


def test_nobody_there_is_not_billed(unused_port: int) -> None:
    client = HttpClient(base_url=f"http://127.0.0.1:{unused_port}/v1", key_variable="K", timeout=2)
    assert send(client) == f"{FailureKind.CONNECTION.name} False"


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_tls_is_verified_by_the_host_and_the_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trustme = pytest.importorskip("trustme")
    authority, other = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    monkeypatch.setenv("K", "sk-1")

    def call(trusted: "trustme.CA", host: str) -> tuple[str, list[bytes]]:
        trusted.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

        async def main() -> tuple[str, list[bytes]]:
            async with Raw(OK, tls=context) as raw:
                client = HttpClient(base_url=f"https://{host}:{raw.port}/v1", key_variable="K", timeout=2)
                try:
                    return (await client.send(b"{}")).data.decode(), raw.requests
                except ModelError as error:
                    return str(error), raw.requests
                finally:
                    await client.close()

        return asyncio.run(main())

    answer, requests = call(authority, "localhost")
    assert answer == "hi"
    assert b"authorization: Bearer sk-1\r\n" in requests[0]
    for trusted, host in ((other, "localhost"), (authority, "127.0.0.1")):
        answer, requests = call(trusted, host)
        assert "CERTIFICATE_VERIFY_FAILED" in answer
        assert not requests, "no key goes to somebody who is not who he says"


def head_of(**settings: object) -> bytes:
    return HttpClient(key_variable="K", timeout=1, **settings)._head  # type: ignore[arg-type]


def test_the_head_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("K", raising=False)
    monkeypatch.setenv("AZURE", "secret")
    head = head_of(base_url="http://localhost:8000/openai/v1/?api-version=2", headers={"API-Key": "$AZURE"})
    assert head.startswith(b"POST /openai/v1/chat/completions?api-version=2 HTTP/1.1\r\nhost: localhost:8000\r\n")
    assert b"api-key: secret\r\n" in head
    assert b"authorization" not in head
    assert b"authorization: Basic bWU6cCN3\r\n" in head_of(base_url="http://me:p%23w@localhost/v1")
    with pytest.raises(InputError, match="NOT_THERE"):
        head_of(base_url="http://localhost/v1", headers={"x": "$NOT_THERE"})
    with pytest.raises(InputError, match="no header can hold"):
        head_of(base_url="http://localhost/v1", headers={"x": "a\r\ninjected: b"})


@pytest.mark.parametrize("kind", [HttpClient, OpenAIClient])
def test_a_password_and_a_scheme_from_the_environment(
    kind: type, server: RehearsalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASS", "p#w")
    monkeypatch.setenv("TOKEN", "t-1")

    def authorization(base_url: str, headers: dict[str, str]) -> str:
        more = {"connections": 2} if kind is OpenAIClient else {}

        async def main() -> None:
            client = kind(base_url=base_url, key_variable="K", timeout=5, headers=headers, **more)
            await client.send(b'{"model": "m", "messages": [{"role": "user", "content": "x"}]}')
            await client.close()

        asyncio.run(main())
        return next(value for name, value in server.headers[-1].items() if name.lower() == "authorization")

    assert authorization(server.url.replace("//", "//me:$PASS@"), {}) == "Basic bWU6cCN3"
    assert authorization(server.url.replace("//", "//me:p%23w@"), {}) == "Basic bWU6cCN3"
    assert authorization(server.url, {"Authorization": "Bearer $TOKEN"}) == "Bearer t-1"


@pytest.mark.parametrize("kind", [HttpClient, OpenAIClient])
def test_who_brings_a_key_in_another_header_sends_no_second_one(
    kind: type, server: RehearsalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE", "0123456789")

    async def main() -> None:
        more = {"connections": 2} if kind is OpenAIClient else {}
        client = kind(base_url=server.url, key_variable="K", timeout=5, headers={"api-key": "$AZURE"}, **more)
        await client.send(b'{"model": "m", "messages": [{"role": "user", "content": "x"}]}')
        await client.close()

    asyncio.run(main())
    sent = {name.lower(): value for name, value in server.headers[-1].items()}
    assert sent["api-key"] == "0123456789"
    assert "authorization" not in sent


@pytest.mark.parametrize("kind", [HttpClient, OpenAIClient])
def test_a_key_that_a_server_quotes_back_goes_no_further(
    kind: type, server: RehearsalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("K", "0123456789abcdef")  # of a form that tells nobody that it is one
    server.script = lambda body, number: (
        RehearsalAnswer(401, error("nope", "wrong: 0123456789abcdef"))
        if number == 0
        else completion("0123456789abcdef")
    )

    async def main() -> list[bytes]:
        more = {"connections": 2} if kind is OpenAIClient else {}
        client = kind(base_url=server.url, key_variable="K", timeout=5, **more)
        body = b'{"model": "m", "messages": [{"role": "user", "content": "x"}]}'
        got = [(await client.send(body)).data for _ in range(2)]
        await client.close()
        return got

    refusal, reply = asyncio.run(main())
    assert b"wrong: ***" in refusal
    assert b"abcdef" not in refusal
    assert b"0123456789abcdef" in reply, "a reply is never changed"


@pytest.mark.parametrize(
    ("base_url", "headers"),
    [
        (None, {"api-key": "abc"}),
        (None, {"X-Gateway-Token": "abc"}),
        (None, {"Authorization": "Bearer abc"}),
        ("http://me:secret@host/v1", {}),
    ],
)
def test_a_secret_in_the_configuration_is_refused_before_it_is_kept(
    base_url: str | None, headers: dict[str, str]
) -> None:
    with pytest.raises(InputError, match="kept with the run"):
        refuse_written_secrets(base_url, headers)
    refuse_written_secrets("http://me:$P@host/v1", {"api-key": "$K", "Authorization": "Bearer $K", "x-title": "mine"})


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"HTTPS_PROXY": "http://p:1"}, True),
        ({"HTTP_PROXY": "http://p:1"}, False),
        ({"ALL_PROXY": "socks5://p:1"}, True),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "example.com"}, False),
    ],
)
def test_where_a_proxy_is_between(variables: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert has_proxy("https://api.example.com/v1") is expected
