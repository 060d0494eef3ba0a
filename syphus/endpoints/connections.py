"""HTTP/1.1 connections to one host, kept for the next call: parsed by llhttp (httptools), opened with happy eyeballs.

Only what a chat-completions call needs: one POST at a time on a connection, a reply with a length, in chunks, or to the end
of the connection. Many calls in flight are many connections, as with any HTTP/1.1 client; an idle one is used again last in
first out, so that those not needed grow old and are let go.
"""

import asyncio
import math
import socket
import ssl
import time
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import aiohappyeyeballs
import httptools

KEPT_SECONDS = 30.0
"""Shorter than the idle times of common gateways, so that a connection that they have just closed is not used again."""
CONNECT_SECONDS = 10.0
LARGEST_REPLY = 64 * 2**20
_EYEBALLS_DELAY = 0.25
"""Seconds before the next address is tried beside the first (RFC 8305)."""


class Response(NamedTuple):
    """A whole HTTP response."""

    status: int
    headers: Mapping[str, str]
    """Names in small letters."""
    data: bytes


class BrokenError(Exception):
    """A connection that could not be made, or ended before the response was whole.

    Args:
        message: what happened.
        sent: the request may have reached the server.
    """

    def __init__(self, message: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(message)


class Connection(asyncio.Protocol):
    """One connection. The callbacks ``on_…`` are the parser's."""

    def __init__(self) -> None:
        self.idle_since = 0.0
        self.open = True
        self._transport: asyncio.Transport | None = None
        self.expires = 0.0
        """When it is given up, on the loop's clock; of one that is busy."""
        self._parser: Any = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[Response] | None = None
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0
        self._heard = self._to_the_end = False

    def send(self, request: bytes, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Response]:
        """Sends one request. The future brings its response, or ``BrokenError``, or, by :meth:`expire`, ``TimeoutError``.

        Raises:
            BrokenError: the connection has ended already.
        """
        if self._transport is None or not self.open:
            raise BrokenError("the connection is closed", sent=False)
        self._waiter = waiter = loop.create_future()
        self._headers, self._body, self._size = {}, [], 0
        self._heard = self._to_the_end = False
        self._transport.write(request)
        return waiter

    def expire(self) -> None:
        """The response did not come in time: the connection is closed, for whatever still comes belongs to nobody."""
        self._fail(TimeoutError())

    def close(self) -> None:
        """Ends the connection at once."""
        self.open = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are not derived from it

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if self._waiter is None or self._waiter.done():
            self.close()  # bytes that nobody asked for: where they begin and end is not known any more
            return
        self._heard = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(BrokenError(f"no HTTP: {error}", sent=True))

    def eof_received(self) -> bool:
        """Called by the event loop: the server sends no more, so we close too."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the event loop."""
        self.open = False
        if self._waiter is None or self._waiter.done():
            return
        if self._to_the_end and error is None:
            self._complete()
            return
        when = "in the middle of its reply" if self._heard else "before it replied"
        self._fail(
            BrokenError(f"the server closed the connection {when}" + (f" ({error})" if error else ""), sent=True)
        )

    def on_message_begin(self) -> None:
        """A response begins. One more than was asked for is nobody's, and never the answer to the next request."""
        if self._waiter is None or self._waiter.done():
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """Decides how the end of the body is known."""
        coding = self._headers.get("transfer-encoding", "")
        self._to_the_end = "content-length" not in self._headers and "chunked" not in coding.lower()

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._size += len(data)
        if self._size > LARGEST_REPLY:
            self._fail(BrokenError(f"a reply of more than {LARGEST_REPLY:,} bytes", sent=True))
            return
        self._body.append(data)

    def on_message_complete(self) -> None:
        """The response is whole; one of status 1xx only comes before it."""
        if self._parser.get_status_code() < 200:
            self._headers, self._body = {}, []
        else:
            self._complete()

    def _complete(self) -> None:
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if self._to_the_end or not self._parser.should_keep_alive():
            self.open = False
        try:
            data = _decoded(b"".join(self._body), self._headers.get("content-encoding", ""))
        except zlib.error as error:
            self._fail(BrokenError(f"a compressed reply that cannot be read: {error}", sent=True))
            return
        if len(data) > LARGEST_REPLY:
            self._fail(BrokenError(f"a reply of more than {LARGEST_REPLY:,} bytes", sent=True))
            return
        waiter.set_result(Response(self._parser.get_status_code(), self._headers, data))
        if not self.open:
            self.close()

    def _fail(self, error: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
        self.close()


def _decoded(data: bytes, coding: str) -> bytes:
    """We ask for plain bytes, but some gateways compress all the same. At most one byte more than the largest reply."""
    if coding.lower() not in ("gzip", "deflate", "x-gzip"):
        return data
    unpacker = zlib.decompressobj(47)
    plain = unpacker.decompress(data, LARGEST_REPLY + 1)
    if not unpacker.eof and len(plain) <= LARGEST_REPLY:
        raise zlib.error("it ends too early")
    return plain


class Pool:
    """The connections to one host.

    Args:
        host: a name or an address.
        port: a port.
        tls: None for plain HTTP.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._next_look = math.inf

    async def exchange(self, request: bytes, seconds: float) -> Response:
        """One request on a connection that is free, or on a new one.

        Raises:
            TimeoutError: no response in time, or up to a fiftieth later; the connection is closed then.
            BrokenError: the connection ended before.
            ConnectingTimeoutError: no connection could be made in time.
        """
        connection = self._free() or await self._connect(min(seconds, CONNECT_SECONDS))
        loop = asyncio.get_running_loop()
        waiter = connection.send(request, loop)
        connection.expires = loop.time() + seconds
        self._busy.add(connection)
        if self._next_look > connection.expires:
            self._look_again(loop, seconds)
        try:
            return await waiter
        except asyncio.CancelledError:
            connection.close()  # the response that is on its way belongs to nobody
            raise
        finally:
            self._busy.discard(connection)
            if connection.open:
                connection.idle_since = time.monotonic()
                self._idle.append(connection)

    def _look_again(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        """Gives up what is too late, now and then: a timer for each call would cost more than the call's parsing."""
        wait = min(1.0, seconds / 50)

        def look() -> None:
            self._next_look = math.inf
            now = loop.time()
            for connection in [one for one in self._busy if one.expires <= now]:
                connection.expire()
            if self._busy:
                self._look_again(loop, seconds)

        self._next_look = loop.time() + wait
        loop.call_later(wait, look)

    def close(self) -> None:
        """Closes those that are free."""
        while self._idle:
            self._idle.pop().close()

    def _free(self) -> Connection | None:
        idle, now = self._idle, time.monotonic()
        while idle and (not idle[0].open or now - idle[0].idle_since > KEPT_SECONDS):
            idle.pop(0).close()
        while idle:
            connection = idle.pop()
            if connection.open:
                return connection
        return None

    async def _connect(self, seconds: float) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
                sock = await aiohappyeyeballs.start_connection(
                    found, happy_eyeballs_delay=_EYEBALLS_DELAY, interleave=1, loop=loop
                )
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _, connection = await loop.create_connection(
                    Connection, sock=sock, ssl=self._tls, server_hostname=self._host if self._tls else None
                )
        except TimeoutError as error:
            raise ConnectingTimeoutError from error
        except (OSError, UnicodeError) as error:  # no such name, or none at all; refused; a certificate not trusted
            raise BrokenError(f"{type(error).__name__}: {error}", sent=False) from error
        return connection


class ConnectingTimeoutError(TimeoutError):
    """No connection could be made in time; nothing was sent."""
