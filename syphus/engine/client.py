"""The edge to an OpenAI-compatible endpoint. The only importer of openai.

The SDK carries the request (its timeouts, proxies, TLS trust and connection pool) and nothing more: the body is ours, the
reply is read by :mod:`syphus.engine.wire`, and retries have one owner (:mod:`syphus.engine.retry`), so its own are off.
"""

import os
from typing import Any, Protocol

import httpx2
import openai

from syphus.engine.wire import classify, read_completion
from syphus.errors import FailureKind, InputError, ModelError
from syphus.exchange import Reply


class Client(Protocol):
    """Something that answers chat-completion bodies."""

    endpoint: str
    """What the ledger and the view call it; never a key."""

    async def send(self, body: dict[str, Any]) -> Reply:
        """One call. Raises :class:`syphus.errors.ModelError`."""

    async def close(self) -> None:
        """Lets connections or memory go."""


class OpenAIClient:
    """A client of one endpoint.

    Args:
        base_url: ``https://…/v1``; None is OpenAI's own. An ``OPENAI_BASE_URL`` in the environment is not obeyed: a stray
            one must not redirect a paid run.
        key_variable: the environment variable that holds the key.
        timeout: seconds for a whole call.
        connections: most calls in flight.

    Raises:
        InputError: the address is none, or the variable is not set and the endpoint is not on this machine.
    """

    def __init__(self, *, base_url: str | None, key_variable: str, timeout: float, connections: int) -> None:
        address = httpx2.URL((base_url or "https://api.openai.com/v1").rstrip("/"))
        if address.scheme not in ("http", "https") or not address.host:
            raise InputError(f"{base_url!r} is no address", mend="[model] base_url, as http://localhost:8000/v1")
        # A password in the address is sent, and neither shown nor stored.
        self.endpoint = str(address.copy_with(userinfo=b""))
        host = address.host
        key = os.environ.get(key_variable, "").strip()
        if not key:
            if host not in ("localhost", "127.0.0.1", "::1"):
                raise InputError(
                    f"the environment variable {key_variable} holds no key for {self.endpoint}",
                    mend=f"export {key_variable}=…  (keys are read from the environment only, and never stored)",
                )
            key = "unused"  # the SDK wants one, a server on this machine does not
        limits = httpx2.Limits(max_connections=connections + 8, max_keepalive_connections=connections + 8)
        self._client = openai.AsyncOpenAI(
            api_key=key,
            base_url=address,
            timeout=httpx2.Timeout(timeout, connect=10.0),
            max_retries=0,  # tenacity owns the retries; with both, each item would be asked 3 x 6 times
            http_client=openai.DefaultAioHttpClient(limits=limits),
        )

    async def send(self, body: dict[str, Any]) -> Reply:
        """One call. Raises :class:`syphus.errors.ModelError`, classified."""
        try:
            # The generic post leaves out the SDK's walk over its typed parameters, which costs more than the call.
            response = await self._client.post("/chat/completions", body=body, cast_to=httpx2.Response)
        except openai.APITimeoutError as error:
            raise ModelError(FailureKind.TIMEOUT, "no answer in time") from error
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            raise ModelError(FailureKind.CONNECTION, f"{type(cause).__name__}: {cause}") from error
        except openai.APIStatusError as error:
            raise classify(error.status_code, error.response.headers, error.response.content) from error
        return read_completion(response.content, response.headers)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()
