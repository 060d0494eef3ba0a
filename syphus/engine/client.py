"""The same edge by the SDK, for what is not hot: dialects of authentication that only it knows. The only importer of openai.

It carries our own body, its own retries are off, and its answers are read by :mod:`syphus.engine.wire` like any other.
"""

from urllib.parse import urlsplit

import httpx2
import msgspec
import openai

from syphus.engine.http import CONNECT_SECONDS, read_address, read_key
from syphus.engine.wire import Answer
from syphus.errors import FailureKind, ModelError


class OpenAIClient:
    """A client of one endpoint through the SDK. See :class:`syphus.engine.http.HttpClient` for the arguments."""

    def __init__(self, *, base_url: str | None, key_variable: str, timeout: float, connections: int) -> None:
        self.sdk = open_sdk(base_url=base_url, key_variable=key_variable, timeout=timeout, connections=connections)
        self.endpoint = read_address(base_url)[1]

    async def send(self, data: bytes) -> Answer:
        """One call. Raises :class:`syphus.errors.ModelError` where no answer came."""
        try:
            # The generic post leaves out the SDK's walk over its typed parameters, which costs more than the call.
            response = await self.sdk.post("/chat/completions", body=msgspec.json.decode(data), cast_to=httpx2.Response)
        except openai.APITimeoutError as error:
            raise ModelError(FailureKind.TIMEOUT, "no answer in time", billable=True) from error
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            billable = not isinstance(cause, httpx2.ConnectError)
            raise ModelError(FailureKind.CONNECTION, f"{type(cause).__name__}: {cause}", billable=billable) from error
        except openai.APIStatusError as error:
            response = error.response
        return Answer(response.status_code, response.headers, response.content)

    async def close(self) -> None:
        """Closes the connections."""
        await self.sdk.close()


def open_sdk(*, base_url: str | None, key_variable: str, timeout: float, connections: int) -> openai.AsyncOpenAI:
    """The SDK's own client of an endpoint, without retries."""
    address, shown = read_address(base_url)
    limits = httpx2.Limits(max_connections=connections + 8, max_keepalive_connections=connections + 8)
    return openai.AsyncOpenAI(
        # The SDK wants a key, a server on this machine does not.
        api_key=read_key(key_variable, urlsplit(address).hostname or "", shown) or "unused",
        base_url=address,
        timeout=httpx2.Timeout(timeout, connect=CONNECT_SECONDS),
        max_retries=0,  # tenacity owns the retries; with both, each item would be asked 3 x 6 times
        http_client=openai.DefaultAioHttpClient(limits=limits),
    )
