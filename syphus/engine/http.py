"""The edge to an OpenAI-compatible endpoint: one POST for each call, on aiohttp.

It carries bytes and nothing more: bodies are built, and answers read, by :mod:`syphus.engine.wire`, and retries have one
owner. The SDK (:mod:`syphus.engine.client`) does the same over typed parameters for 2 to 10 ms of processor time a call; this
costs about 0.4 ms. Timeouts, trust in certificates and proxies are set as the SDK sets them.
"""

import os
import platform
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from syphus.engine.wire import Answer
from syphus.errors import FailureKind, InputError, ModelError

OPENAI = "https://api.openai.com/v1"
CONNECT_SECONDS = 10.0
KEPT_SECONDS = 30.0
"""Shorter than the idle times of common gateways, so that a connection that they have just closed is not used again."""
_HERE = ("localhost", "127.0.0.1", "::1")


class HttpClient:
    """A client of one endpoint.

    Args:
        base_url: ``https://…/v1``; None is OpenAI's own. An ``OPENAI_BASE_URL`` in the environment is not obeyed: a stray
            one must not redirect a paid run.
        key_variable: the environment variable that holds the key.
        timeout: seconds for a whole call.
        connections: most calls in flight.
        headers: more headers; a value such as ``$AZURE_KEY`` is the environment variable's.

    Raises:
        InputError: the address is none, or a variable is not set and the endpoint is not on this machine.
    """

    def __init__(
        self,
        *,
        base_url: str | None,
        key_variable: str,
        timeout: float,
        connections: int,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        address, self.endpoint = read_address(base_url)
        self._url = f"{address}/chat/completions"
        host = urlsplit(address).hostname or ""
        self._headers = {"content-type": "application/json", "accept": "application/json"}
        own = {name.lower(): _from_environment(name, value) for name, value in (headers or {}).items()}
        # A header of the user's that carries a key stands in the place of ours.
        if not {"authorization", "api-key", "x-api-key"} & own.keys():
            key = read_key(key_variable, host, self.endpoint)
            if key:
                self._headers["authorization"] = f"Bearer {key}"
        self._headers |= own
        self._connections = connections
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=CONNECT_SECONDS)
        self._proxy = _proxy_for(address)
        self._tls = _tls_context() if address.startswith("https") else None
        self._session: aiohttp.ClientSession | None = None

    async def send(self, data: bytes) -> Answer:
        """One call. Raises :class:`syphus.errors.ModelError` where no answer came."""
        session = self._session or self._open()
        try:
            async with session.post(
                self._url, data=data, proxy=self._proxy, allow_redirects=False, max_line_size=32768
            ) as response:
                return Answer(response.status, response.headers, await response.read())
        except TimeoutError as error:
            connected = not isinstance(error, aiohttp.ConnectionTimeoutError)
            raise ModelError(FailureKind.TIMEOUT, "no answer in time", billable=connected) from error
        except aiohttp.ClientConnectorError as error:
            raise ModelError(FailureKind.CONNECTION, _words(error), billable=False) from error
        except (aiohttp.ClientError, OSError) as error:
            raise ModelError(FailureKind.CONNECTION, _words(error), billable=True) from error

    def _open(self) -> aiohttp.ClientSession:
        """The session, made inside of the event loop that it belongs to."""
        connector = aiohttp.TCPConnector(
            limit=self._connections, ssl=self._tls if self._tls is not None else True, keepalive_timeout=KEPT_SECONDS
        )
        self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout, headers=self._headers)
        return self._session

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def read_address(base_url: str | None) -> tuple[str, str]:
    """The address without a slash at its end, and the same as it may be shown: without a password.

    Raises:
        InputError: it is no http address.
    """
    text = (base_url or OPENAI).rstrip("/")
    try:
        parts = urlsplit(text)
        host, scheme, _ = parts.hostname, parts.scheme, parts.port
    except ValueError:
        host = scheme = None
    if scheme not in ("http", "https") or not host:
        raise InputError(f"{base_url!r} is no address", mend="[model] base_url, as http://localhost:8000/v1")
    return text, urlunsplit((scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def read_key(variable: str, host: str, endpoint: str) -> str:
    """The key in an environment variable; empty only for an endpoint on this machine.

    Raises:
        InputError: the variable is not set.
    """
    key = os.environ.get(variable, "").strip()
    if not key and host not in _HERE:
        raise InputError(
            f"the environment variable {variable} holds no key for {endpoint}",
            mend=f"export {variable}=…  (keys are read from the environment only, and never stored)",
        )
    return key


def _from_environment(name: str, value: str) -> str:
    if not value.startswith("$"):
        return value
    found = os.environ.get(value[1:], "").strip()
    if not found:
        raise InputError(
            f"the environment variable {value[1:]} of the header {name} is not set", mend=f"export {value[1:]}=…"
        )
    return found


def _proxy_for(address: str) -> str | None:
    """The proxy of the environment (``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``) for an address."""
    parts = urlsplit(address)
    if proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if proxy and proxy.startswith("http") else None


def _tls_context() -> ssl.SSLContext:
    """Trust as the SDK has it: the operating system's, or what ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` name."""
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file or folder:
        return ssl.create_default_context(cafile=file, capath=folder)
    if platform.system() in ("Windows", "Darwin"):
        import truststore  # noqa: PLC0415 - it comes with the SDK, and is only needed there

        context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return context
    return ssl.create_default_context()


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
