"""The provider's Batch API through the SDK: files go up and down, batches are made, looked at and called back.

Everything here may be done twice without harm, and is tried again where the trouble passes, but for :meth:`Remote.create`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from syphus.endpoints.http import read_address
from syphus.endpoints.sdk import as_model_errors, open_sdk
from syphus.engine.batch_lines import CHAT
from syphus.engine.retry import retrying
from syphus.errors import FailureKind, ModelError
from syphus.files import write_whole

T = TypeVar("T")

ENDED = ("completed", "failed", "expired", "cancelled")
"""States in which nothing more comes of a batch."""
TAG, RUN = "syphus_tag", "syphus_run"
_TRANSFER_SECONDS = 900.0
"""For a call; a file of 200 MB takes its time."""
_NO_SUCH_THING = (404, 405, 501)


class RemoteBatch(Struct, frozen=True, kw_only=True):
    """A batch as the provider shows it."""

    id: str
    state: str
    input_file: str
    output_file: str | None = None
    error_file: str | None = None
    tag: str | None = None
    created_at: float = 0.0
    completed: int = 0
    failed: int = 0
    errors: tuple[tuple[str, int | None, str], ...] = ()
    """Why its file was refused: code, line of the file, message."""


class Remote:
    """One provider.

    Args:
        base_url: as in ``[model]``.
        key_variable: the environment variable with the key.
        timeout: seconds for a call, at least; files are given more.
        attempts: tries for what may be done twice.
    """

    def __init__(self, *, base_url: str | None, key_variable: str, timeout: float, attempts: int) -> None:
        self._sdk = open_sdk(
            base_url=base_url, key_variable=key_variable, timeout=max(timeout, _TRANSFER_SECONDS), connections=4
        )
        self._timeout = timeout
        self._attempts = attempts
        self.endpoint = read_address(base_url)[1]

    async def close(self) -> None:
        """Closes the connections."""
        await self._sdk.close()

    async def upload(self, path: Path) -> str:
        """Sends a file of requests; returns the provider's name for it."""

        async def send() -> str:
            with path.open("rb") as file, _errors():
                made = await self._sdk.files.create(file=(path.name, file), purpose="batch")
            if not getattr(made, "id", None):
                raise _no_api()
            return made.id

        try:
            return await self._patiently(send)
        except ModelError as error:
            if error.status in _NO_SUCH_THING:
                message = f"{error.message}; {self.endpoint} seems to have no Batch API: run without --batch"
                raise ModelError(error.kind, message, status=error.status) from error
            raise

    async def create(self, input_file: str, tag: str, run: str) -> RemoteBatch:
        """Hands a batch in. Tried once: where no answer comes, the provider may have it all the same."""
        with _errors():
            made = await self._sdk.batches.create(
                input_file_id=input_file,
                endpoint=CHAT,
                completion_window="24h",
                metadata={TAG: tag, RUN: run},
                extra_headers={"Idempotency-Key": tag},
                timeout=self._timeout,
            )
            return _read(made)

    async def retrieve(self, name: str) -> RemoteBatch:
        """How a batch stands."""

        async def look() -> RemoteBatch:
            with _errors():
                return _read(await self._sdk.batches.retrieve(name, timeout=self._timeout))

        return await self._patiently(look)

    async def cancel(self, name: str) -> None:
        """Calls a batch back; what it has finished by then can still be fetched."""

        async def call_back() -> None:
            with _errors():
                await self._sdk.batches.cancel(name, timeout=self._timeout)

        await self._patiently(call_back)

    async def batches(self) -> AsyncIterator[RemoteBatch]:
        """All batches that the key can see, the newest first."""
        after: str | None = None
        while True:

            async def page(after: str | None = after) -> list[RemoteBatch]:
                with _errors():
                    found = await self._sdk.batches.list(
                        limit=100, timeout=self._timeout, extra_query={"after": after} if after else None
                    )
                if not hasattr(found, "data"):
                    raise _no_api()
                return [_read(one) for one in found.data]

            listed = await self._patiently(page)
            for one in listed:
                yield one
            if not listed or listed[-1].id == after:
                return
            after = listed[-1].id

    async def first_line(self, file: str) -> bytes:
        """The first line of a file."""

        async def read() -> bytes:
            start = b""
            with _errors():
                async with self._sdk.files.with_streaming_response.content(file) as response:
                    async for chunk in response.iter_bytes():
                        start += chunk
                        if b"\n" in start:
                            break
            return start.partition(b"\n")[0]

        return await self._patiently(read)

    async def download(self, file: str, target: Path) -> bool:
        """Fetches a file, whole or not at all; False where the provider does not have it (any more)."""

        async def fetch() -> None:
            with write_whole(target) as written, _errors():
                async with self._sdk.files.with_streaming_response.content(file) as response:
                    async for chunk in response.iter_bytes(1 << 20):
                        written.write(chunk)

        try:
            await self._patiently(fetch)
        except ModelError as error:
            if error.status == 404:
                return False
            raise
        return True

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        async def once() -> T:
            try:
                return await call()
            except ModelError as error:
                if error.kind is FailureKind.RATE_LIMIT:
                    # Nothing else is under way that would hold this back: it waits here, and its tries are counted.
                    raise ModelError(
                        FailureKind.OVERLOADED, error.message, status=error.status, retry_after=error.retry_after
                    ) from error
                raise

        result: T = await retrying(self._attempts, asyncio.sleep)(once)
        return result


@contextmanager
def _errors() -> Iterator[None]:
    """The SDK's errors as ours, also where a gateway's page came with status 200."""
    try:
        with as_model_errors(status_too=True):
            yield
    except json.JSONDecodeError as error:
        raise _no_api() from error


def _no_api() -> ModelError:
    return ModelError(FailureKind.BAD_REPLY, "no answer of a Batch API", status=200)


def _read(batch: Any) -> RemoteBatch:
    if not getattr(batch, "id", None):  # the SDK checks nothing: a page of HTML comes as a text
        raise _no_api()
    counts, errors = batch.request_counts, batch.errors
    listed = (errors.data if errors else None) or []
    return RemoteBatch(
        id=batch.id,
        state=batch.status,
        input_file=batch.input_file_id,
        output_file=batch.output_file_id,
        error_file=batch.error_file_id,
        tag=(batch.metadata or {}).get(TAG),
        created_at=float(batch.created_at or 0),
        completed=(counts.completed or 0) if counts else 0,
        failed=(counts.failed or 0) if counts else 0,
        errors=tuple((one.code or "", one.line, one.message or "") for one in listed),
    )
