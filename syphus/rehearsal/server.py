"""The rehearsal's endpoint: an OpenAI-compatible server on loopback, in a thread with an event loop of its own.

It stands in the place of a provider in tests, in ``syphus rehearse`` and in measurements, so it is cheap: a call in flight
is a timer and not a thread. What it answers is a script's to say; without one every reply is good.
"""

import asyncio
import contextlib
import math
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, Self

import msgspec
from aiohttp import web

from syphus.rehearsal.faults import FaultKind, Good
from syphus.rehearsal.limits import LimitKeeper, Limits
from syphus.rehearsal.replies import SERVED_MODEL, Answer, PrefixCache, error, good_completion

Scripted = Answer | FaultKind | dict[str, Any] | None
"""What to answer: a dict is a body of status 200, a kind of fault is made from the good reply, None is the good reply."""

Script = Callable[[dict[str, Any], int], Scripted]
"""Body and number of the call (from 0) -> what to answer."""

DOWN = 0.3
"""Seconds without anybody who listens, when the server plays one that is restarted."""
_LARGEST_BODY = 64 * 2**20
_WAITING_CONNECTIONS = 4096


class RehearsalServer:
    """The server; use it as a context manager. All that it counts may be read while it runs.

    Args:
        script: decides the answers; may be changed while it runs.
        delay: seconds before each answer that has no delay of its own; may be changed while it runs.
        wait: seconds that kinds of fault ask for, or are late by.
        limits: what the endpoint allows; over it calls get 429.
        keep: bodies, headers and times of calls are kept. Off for long runs, which would fill the memory.
        tables: make the routes; another part of the API (files, batches) is another table.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        delay: float = 0.0,
        wait: float = 1.0,
        limits: Limits | None = None,
        keep: bool = True,
        tables: "Sequence[RouteTable] | None" = None,
    ) -> None:
        self.script = script
        self.delay = delay
        self.wait = wait
        self.url = ""
        """``http://127.0.0.1:PORT/v1``, once it runs."""
        self.calls: list[dict[str, Any]] = []
        """The bodies of completion calls, in order of arrival."""
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        """When each arrived, in seconds of ``time.monotonic``."""
        self.served = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.tokens_in = 0
        """What the replies' ``usage`` came to."""
        self.tokens_out = 0
        self.limiter = LimitKeeper(limits or Limits())
        self._keep = keep
        self._tables = (chat_routes,) if tables is None else tables
        self._cache = PrefixCache()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._runner: web.AppRunner | None = None
        self._site: web.SockSite | None = None
        self._port = 0
        self._restarting: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        address: Future[str] = Future()
        self._thread = threading.Thread(target=self._run, args=(address,), name="rehearsal", daemon=True)
        self._thread.start()
        self.url = address.result()
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop and self._stop:
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread:
            self._thread.join()

    def play(self, answers: Iterable[Scripted]) -> None:
        """The next calls are answered by these, in order; all later ones well."""
        listed, start = list(answers), self.served

        def next_of(_: dict[str, Any], number: int) -> Scripted:
            return listed[number - start] if number - start < len(listed) else None

        self.script = next_of

    def answer(self, body: dict[str, Any]) -> Answer:
        """What a completion call gets, whichever way it came; counted as a call. Call it on the server's own loop."""
        number = self.served
        self.served += 1
        good = good_completion(body, self._cache)
        refused, headers = self.limiter.admit(good["usage"]["total_tokens"])
        if refused:
            return refused
        chosen = self.script(body, number) if self.script else None
        chosen = good if chosen is None else chosen
        if isinstance(chosen, FaultKind):
            chosen = chosen.answer(Good(reply=good, wait=self.wait))
        answer = Answer(body=chosen) if isinstance(chosen, dict) else chosen
        self._count(answer.body)
        return Answer(answer.status, answer.data, {**headers, **answer.headers}, answer.delay, answer.ending)

    def _count(self, body: Any) -> None:
        usage = body.get("usage") if isinstance(body, dict) else None
        if isinstance(usage, dict):
            self.tokens_in += usage.get("prompt_tokens", 0)
            self.tokens_out += usage.get("completion_tokens", 0)

    # -- HTTP

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """``POST /v1/chat/completions``."""
        data = await request.read()
        try:
            body = msgspec.json.decode(data, type=dict[str, Any])
            body["messages"][0]["role"]
        except (msgspec.DecodeError, LookupError, TypeError):
            return await self._send(
                request, Answer(400, error("invalid_json", "the body is no chat completion request"))
            )
        if self._keep:
            self.calls.append(body)
            self.headers.append(dict(request.headers))
            self.times.append(time.monotonic())
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            answer = self.answer(body)
            delay = self.delay if answer.delay is None else answer.delay
            if math.isinf(delay):
                await asyncio.get_running_loop().create_future()  # until the client goes
            await asyncio.sleep(delay)
            return await self._send(request, answer)
        finally:
            self.in_flight -= 1

    async def list_models(self, request: web.Request) -> web.StreamResponse:
        """``GET /v1/models``."""
        model = {"id": SERVED_MODEL, "object": "model", "created": 0, "owned_by": "rehearsal"}
        return await self._send(request, Answer(body={"object": "list", "data": [model]}))

    async def _send(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        headers = {"content-type": "application/json", **answer.headers}
        transport = request.transport
        if transport is None or answer.ending == "whole":
            return web.Response(status=answer.status, body=answer.data, headers=headers)
        response = web.StreamResponse(status=answer.status, headers=headers)
        if answer.ending == "cut":
            response.content_length = len(answer.data) + 100
            await response.prepare(request)
            await response.write(answer.data)
            transport.close()
            return response
        if answer.ending == "restart" and self._restarting is None:
            self._restarting = asyncio.create_task(self._restart())
        _reset(transport)
        return response

    async def _restart(self) -> None:
        """Lets nobody in for a moment; what is being answered is answered."""
        assert self._site is not None
        assert self._runner is not None
        await self._site.stop()
        for connection in self._runner.server.connections if self._runner.server else ():
            connection.close()
        await asyncio.sleep(DOWN)
        self._restarting = None
        await self._listen()

    # -- the thread

    def _run(self, address: "Future[str]") -> None:
        try:
            asyncio.run(self._serve(address))
        except BaseException as failure:  # whoever waits for the address must be told
            if not address.done():
                address.set_exception(failure)
            else:
                raise

    async def _serve(self, address: "Future[str]") -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=_LARGEST_BODY)
        for table in self._tables:
            app.add_routes(table(self))
        # A client that gave up waiting ends its handler, so that what is in flight is what somebody waits for.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await self._listen()
        address.set_result(f"http://127.0.0.1:{self._port}/v1")
        await self._stop.wait()
        if self._restarting:
            self._restarting.cancel()
        for connection in self._runner.server.connections if self._runner.server else ():
            if connection.transport:
                connection.transport.abort()
        await self._runner.cleanup()

    async def _listen(self) -> None:
        """Listens at a port that is free; after a restart at the same one."""
        assert self._runner is not None
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if sys.platform != "win32":  # where it would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        self._site = web.SockSite(self._runner, listener, backlog=_WAITING_CONNECTIONS)
        await self._site.start()


RouteTable = Callable[[RehearsalServer], Iterable[web.RouteDef]]
"""The routes of one part of the API, for a server."""


def chat_routes(server: RehearsalServer) -> list[web.RouteDef]:
    """Chat completions and the list of models."""
    return [
        web.post("/v1/chat/completions", server.complete),
        web.get("/v1/models", server.list_models),
    ]


def _reset(transport: asyncio.Transport) -> None:
    """Ends a connection with RST and not with FIN, as a server that dies does."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
