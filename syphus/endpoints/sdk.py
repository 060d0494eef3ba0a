"""The same edge by the SDK, for what is not hot: dialects of authentication that only it knows. The only importer of openai.

It carries our own body, its own retries are off, and its answers are read by :mod:`syphus.endpoints.wire` like any other.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import httpx2
import msgspec
import openai

from syphus.endpoints.connections import CONNECT_SECONDS
from syphus.endpoints.http import (
    has_key,
    headers_of,
    read_address,
    read_key,
    secrets_of,
    without_secrets,
)
from syphus.endpoints.wire import Answer, classify
from syphus.errors import FailureKind, ModelError


class OpenAIClient:
    """A client of one endpoint through the SDK. See :class:`syphus.endpoints.http.HttpClient` for the arguments."""

    def __init__(
        self,
        *,
        base_url: str | None,
        key_variable: str,
        timeout: float,
        connections: int,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.sdk = open_sdk(
            base_url=base_url, key_variable=key_variable, timeout=timeout, connections=connections, headers=headers
        )
        self.endpoint = read_address(base_url)[1]
        self._secrets = secrets_of({**self.sdk.auth_headers, **headers_of(headers or {}, read_address(base_url)[0])})

    async def send(self, data: bytes) -> Answer:
        """One call. Raises :class:`syphus.errors.ModelError` where no answer came."""
        try:
            with as_model_errors():
                # The generic post leaves out the SDK's walk over its typed parameters, which costs more than the call.
                response = await self.sdk.post(
                    "/chat/completions", body=msgspec.json.decode(data), cast_to=httpx2.Response
                )
        except openai.APIStatusError as error:
            response = error.response
        return without_secrets(Answer(response.status_code, response.headers, response.content), self._secrets)

    async def close(self) -> None:
        """Closes the connections."""
        await self.sdk.close()


@contextmanager
def as_model_errors(*, status_too: bool = False) -> Iterator[None]:
    """Turns the SDK's errors into :class:`syphus.errors.ModelError`; those of a status only if ``status_too``."""
    try:
        yield
    except openai.APITimeoutError as error:
        raise ModelError(FailureKind.TIMEOUT, "no answer in time", billable=True) from error
    except openai.APIConnectionError as error:
        cause = error.__cause__ or error
        billable = not isinstance(cause, httpx2.ConnectError)
        raise ModelError(FailureKind.CONNECTION, f"{type(cause).__name__}: {cause}", billable=billable) from error
    except httpx2.TransportError as error:  # while a body was read, where the SDK leaves them as they are
        raise ModelError(FailureKind.CONNECTION, f"{type(error).__name__}: {error}", billable=True) from error
    except openai.APIStatusError as error:
        if not status_too:
            raise
        raise classify(error.status_code, error.response.headers, error.response.content) from error


def open_sdk(
    *,
    base_url: str | None,
    key_variable: str,
    timeout: float,
    connections: int,
    headers: Mapping[str, str] | None = None,
) -> openai.AsyncOpenAI:
    """The SDK's own client of an endpoint, without retries; ``connections`` are calls in flight at most."""
    address, shown = read_address(base_url)
    own = headers_of(headers or {}, address)
    parts = urlsplit(address)
    limits = httpx2.Limits(max_connections=connections + 8, max_keepalive_connections=connections + 8)
    # Who brings a key in another header sends no second one, least of all one that is none.
    hooks = [_drop_authorization] if has_key(own) and "authorization" not in own else []
    return openai.AsyncOpenAI(
        # The SDK wants a key, a server on this machine does not.
        api_key=("" if has_key(own) else read_key(key_variable, parts.hostname or "", shown)) or "unused",
        default_headers=own,
        base_url=urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])),
        timeout=httpx2.Timeout(timeout, connect=CONNECT_SECONDS),
        max_retries=0,  # tenacity owns the retries; with both, each item would be asked 3 x 6 times
        http_client=openai.DefaultAioHttpClient(limits=limits, event_hooks={"request": hooks}),
    )


async def _drop_authorization(request: httpx2.Request) -> None:
    request.headers.pop("authorization", None)
