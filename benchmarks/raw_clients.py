"""Clients without a pipeline, for comparison: each builds a body for each request, reads and parses the reply, counts its pairs.

    python benchmarks/raw_clients.py CLIENT BASE_URL BODY_FILE REQUESTS IN_FLIGHT

Nothing is stored, checked or tried again. ``BODY_FILE`` holds the body of the first request, as syphus sends it; each request
gets a number of its own in the place of that one's.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from workload import NUMBER, PAIRS

Send = Callable[[dict[str, Any]], Awaitable[bytes]]


class Bodies:
    """Makes the body of each request out of the first one's."""

    def __init__(self, file: Path) -> None:
        self._template: dict[str, Any] = msgspec.json.decode(file.read_bytes())

    def body(self, number: int) -> dict[str, Any]:
        """A new body, with this number in its last message."""
        *before, last = self._template["messages"]
        content = last["content"].replace(NUMBER, f"{number:07d}")
        return {**self._template, "messages": [*before, {"role": last["role"], "content": content}]}


def check_reply(data: bytes) -> None:
    """Raises ValueError for a reply without its pairs."""
    content = msgspec.json.decode(data)["choices"][0]["message"]["content"]
    if len(msgspec.json.decode(content)["pairs"]) != PAIRS:
        raise ValueError("a reply without its pairs")


async def work(send: Send, bodies: Bodies, requests: int, in_flight: int) -> None:
    """Sends all, ``in_flight`` at a time."""
    numbers = iter(range(1, requests + 1))

    async def worker() -> None:
        for number in numbers:
            check_reply(await send(bodies.body(number)))

    await asyncio.gather(*(worker() for _ in range(min(in_flight, requests))))


async def run_aiohttp(base_url: str, bodies: Bodies, requests: int, in_flight: int) -> None:
    """The aiohttp client, bodies encoded by msgspec."""
    import aiohttp  # noqa: PLC0415 - a client's start-up must not hold the others' libraries

    url = f"{base_url}/chat/completions"
    headers = {"Content-Type": "application/json", "Authorization": "Bearer unused"}
    connector = aiohttp.TCPConnector(limit=in_flight)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def send(body: dict[str, Any]) -> bytes:
            async with session.post(url, data=msgspec.json.encode(body)) as response:
                response.raise_for_status()
                return await response.read()

        await work(send, bodies, requests, in_flight)


async def run_openai(base_url: str, bodies: Bodies, requests: int, in_flight: int) -> None:
    """The OpenAI SDK as its documentation shows it, on its aiohttp transport."""
    import openai  # noqa: PLC0415

    client = openai.AsyncOpenAI(
        base_url=base_url, api_key="unused", max_retries=0, http_client=openai.DefaultAioHttpClient()
    )

    async def worker(numbers: Iterator[int]) -> None:
        for number in numbers:
            completion = await client.chat.completions.create(**bodies.body(number))
            if len(msgspec.json.decode(completion.choices[0].message.content or "")["pairs"]) != PAIRS:
                raise ValueError("a reply without its pairs")

    async with client:
        numbers = iter(range(1, requests + 1))
        await asyncio.gather(*(worker(numbers) for _ in range(min(in_flight, requests))))


class _Connection(asyncio.Protocol):
    """HTTP/1.1 of nothing but POST, 200 and Content-Length: the least that Python can do."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self._data = b""
        self._reply: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.transport = transport  # type: ignore[assignment]

    def connection_lost(self, error: Exception | None) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error or ConnectionError("closed"))

    def data_received(self, data: bytes) -> None:
        self._data = data = self._data + data if self._data else data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return
        if not data.startswith(b"HTTP/1.1 200 "):
            raise ConnectionError(data[:60])
        at = data.find(b"Content-Length: ") + 16
        length = int(data[at : data.find(b"\r", at)])
        if len(data) - end - 4 >= length:
            self._data = b""
            assert self._reply is not None
            self._reply.set_result(data[end + 4 :])

    def send(self, head: bytes, body: bytes) -> asyncio.Future[bytes]:
        """The reply's body."""
        self._reply = asyncio.get_running_loop().create_future()
        self.transport.write(head % len(body) + body)
        return self._reply


async def run_bare(base_url: str, bodies: Bodies, requests: int, in_flight: int) -> None:
    """An ``asyncio.Protocol`` by hand."""
    address, path = base_url.removeprefix("http://").split("/", 1)
    host, port = address.split(":")
    head = (
        f"POST /{path}/chat/completions HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n"
        "Authorization: Bearer unused\r\nContent-Length: %d\r\n\r\n"
    ).encode()
    loop = asyncio.get_running_loop()
    free: list[_Connection] = []

    async def send(body: dict[str, Any]) -> bytes:
        connection = free.pop() if free else (await loop.create_connection(_Connection, host, int(port)))[1]
        data = await connection.send(head, msgspec.json.encode(body))
        free.append(connection)
        return data

    await work(send, bodies, requests, in_flight)
    for connection in free:
        connection.transport.close()


async def run_engine(base_url: str, bodies: Bodies, requests: int, in_flight: int) -> None:
    """syphus's engine alone: limits, prices, retries, and the ledger on disk; replies validated against their schema.

    Nothing of the pipeline around it: no scenes, no rendering, no checks of what is said.
    """
    import tempfile  # noqa: PLC0415
    import time  # noqa: PLC0415

    from syphus.categories.exact import exact_reader  # noqa: PLC0415
    from syphus.endpoints.http import HttpClient  # noqa: PLC0415
    from syphus.endpoints.lanes import Lane  # noqa: PLC0415
    from syphus.endpoints.limits import Limits  # noqa: PLC0415
    from syphus.endpoints.wire import Abilities  # noqa: PLC0415
    from syphus.engine.counters import Counters, RunSettings  # noqa: PLC0415
    from syphus.engine.run import Engine  # noqa: PLC0415
    from syphus.exchange import Ask, Item, Message, Outcome, Parameters, Request  # noqa: PLC0415
    from syphus.ledger.ledger import open_ledger  # noqa: PLC0415

    template = bodies.body(1)
    schema = template["response_format"]["json_schema"]["schema"]
    constant = tuple(Message(one["role"], one["content"]) for one in template["messages"][:-1])
    parameters = Parameters(temperature=template["temperature"], max_tokens=1200)
    read = exact_reader(schema)

    class Numbered(msgspec.Struct, frozen=True):
        number: int
        version: str = ""
        draw: int = 0
        basis: str = ""
        category: str = "bench/engine"

        @property
        def id(self) -> str:
            return f"item{self.number}"

        @property
        def scene_id(self) -> str:
            return f"scene{self.number}"

    async def job(item: Item, ask: Ask) -> Outcome:
        content = bodies.body(item.number)["messages"][-1]["content"]  # type: ignore[attr-defined]
        reply = await ask(
            Request(
                purpose="bench/engine/step",
                messages=(*constant, Message("user", content)),
                constant=len(constant),
                schema=schema,
                parameters=parameters,
            )
        )
        if (value := read(reply.text)) is None or len(value["pairs"]) != PAIRS:
            raise ValueError("a reply that does not fit its schema")
        return Outcome(requests=(reply.key,))

    with tempfile.TemporaryDirectory(dir=".") as folder, open_ledger(Path(folder), create=True) as ledger:
        client = HttpClient(base_url=base_url, key_variable="NO_KEY", timeout=60)
        lane = Lane(client, Limits(most=in_flight, now=time.monotonic()))
        abilities = Abilities(schema_mode="json_schema", token_field="max_tokens")
        engine = Engine(ledger, [lane], template["model"], abilities, RunSettings(), Counters())
        await engine.run(map(Numbered, range(1, requests + 1)), job)
        await engine.close()
        ledger.flush()


CLIENTS: dict[str, tuple[Callable[[str, Bodies, int, int], Awaitable[None]], bool]] = {
    "bare": (run_bare, True),
    "aiohttp-uvloop": (run_aiohttp, True),
    "aiohttp": (run_aiohttp, False),
    "openai-sdk": (run_openai, False),
    "syphus-engine": (run_engine, True),
}
"""By name: the client, and whether uvloop is its event loop."""


def main() -> None:
    name, base_url, file, requests, in_flight = sys.argv[1:]
    client, on_uvloop = CLIENTS[name]

    async def run() -> None:
        await client(base_url, Bodies(Path(file)), int(requests), int(in_flight))

    if on_uvloop:
        import uvloop  # noqa: PLC0415

        uvloop.run(run())
    else:
        asyncio.run(run())


if __name__ == "__main__":
    main()
