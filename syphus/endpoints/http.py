"""The edge to an OpenAI-compatible endpoint: one POST for each call, and nothing between it and the connection.

It carries bytes: bodies are built, and answers read, by :mod:`syphus.endpoints.wire`, and retries have one owner. The SDK does
the same for twenty times the processor time; it is used where there is a proxy, and for the Batch API
(:mod:`syphus.endpoints.sdk`). Timeouts and trust in certificates are as the SDK has them.
"""

import base64
import os
import platform
import re
import ssl
from collections.abc import Iterable, Mapping
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import syphus
from syphus.endpoints.connections import BrokenError, ConnectingTimeoutError, Pool
from syphus.endpoints.wire import Answer
from syphus.errors import FailureKind, InputError, ModelError
from syphus.money.prices import OPENAI

_HERE = ("localhost", "127.0.0.1", "::1")
_KEY_HEADERS = {"authorization", "api-key", "x-api-key"}
_SECRET = re.compile(r"key|token|secret|password|auth|cookie")
"""Names of headers whose value is nobody's business."""
_VARIABLE = re.compile(r"(?P<scheme>[\w-]+ )?\$(?P<name>\w*)")
_SHORTEST_SECRET = 8
"""Characters. Servers without keys get a word such as `none`, which may well stand in a text."""


class HttpClient:
    """A client of one endpoint.

    Args:
        base_url: ``https://…/v1``; None is OpenAI's own. An ``OPENAI_BASE_URL`` in the environment is not obeyed: a stray
            one must not redirect a paid run.
        key_variable: the environment variable that holds the key.
        timeout: seconds for a whole call.
        headers: more headers; in a value such as ``$AZURE_KEY`` or ``Bearer $KEY`` the environment variable's stands in.

    Raises:
        InputError: the address is none, or a variable is not set and the endpoint is not on this machine.
    """

    def __init__(
        self,
        *,
        base_url: str | None,
        key_variable: str,
        timeout: float,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        address, self.endpoint = read_address(base_url)
        parts = urlsplit(address)
        sent = _headers(address, self.endpoint, key_variable, headers or {})
        self._head = _head(parts.path, parts.query, sent)
        self._secrets = secrets_of(sent)
        tls = _tls_context() if parts.scheme == "https" else None
        self._pool = Pool(parts.hostname or "", parts.port or (443 if tls else 80), tls)
        self._timeout = timeout

    async def send(self, data: bytes) -> Answer:
        """One call. Raises :class:`syphus.errors.ModelError` where no answer came."""
        try:
            response = await self._pool.exchange(
                b"%scontent-length: %d\r\n\r\n%s" % (self._head, len(data), data), self._timeout
            )
        except ConnectingTimeoutError as error:
            raise ModelError(FailureKind.TIMEOUT, "no connection in time") from error
        except TimeoutError as error:
            raise ModelError(FailureKind.TIMEOUT, "no answer in time", billable=True) from error
        except BrokenError as error:
            raise ModelError(FailureKind.CONNECTION, str(error), billable=error.sent) from error
        return without_secrets(Answer(*response), self._secrets)

    async def close(self) -> None:
        """Closes the connections."""
        self._pool.close()


def _headers(address: str, endpoint: str, key_variable: str, own: Mapping[str, str]) -> dict[str, str]:
    """What is sent with each call. A header of the user's that carries a key stands in the place of ours."""
    parts = urlsplit(address)
    headers = {
        "host": parts.netloc.rpartition("@")[2],
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": f"syphus/{syphus.__version__}",
    }
    given = headers_of(own, address)
    if not has_key(given) and (key := read_key(key_variable, parts.hostname or "", endpoint)):
        headers["authorization"] = f"Bearer {key}"
    return headers | given


def headers_of(own: Mapping[str, str], address: str) -> dict[str, str]:
    """The configuration's headers, names in small letters; ``$NAME`` is the environment variable's value.

    A name and password in the address are a header too, unless the headers bring a key of their own.

    Raises:
        InputError: a variable is not set.
    """
    given = {name.lower(): _from_environment(f"header {name}", value) for name, value in own.items()}
    parts = urlsplit(address)
    if parts.username is not None and not has_key(given):
        password = _from_environment("password in base_url", unquote(parts.password or ""))
        pair = f"{unquote(parts.username)}:{password}"
        given["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return given


def refuse_written_secrets(base_url: str | None, headers: Mapping[str, str]) -> None:
    """Keys and passwords are named in a configuration, never written: it is kept with the run, and handed on with it.

    Raises:
        InputError: one is written there.
    """
    for name, value in headers.items():
        if _SECRET.search(name.lower()) and not _VARIABLE.fullmatch(value):
            raise InputError(
                f"the header {name} holds a secret, which would be kept with the run",
                place="[model] headers",
                mend=f'Put it into the environment, and write {name} = "$NAME".',
            )
    password = urlsplit(read_address(base_url)[0]).password
    if password and not _VARIABLE.fullmatch(unquote(password)):
        raise InputError(
            "the address holds a password, which would be kept with the run",
            place="[model] base_url",
            mend="Put it into the environment, and write $NAME in its place: http://me:$NAME@host/v1",
        )


def secrets_of(headers: Mapping[str, str]) -> tuple[bytes, ...]:
    """What must not be stored of these headers, should a server quote it."""
    values = (value.rpartition(" ")[2] for name, value in headers.items() if _SECRET.search(name.lower()))
    return tuple(value.encode() for value in values if len(value) >= _SHORTEST_SECRET)


def without_secrets(answer: Answer, secrets: Iterable[bytes]) -> Answer:
    """The answer; where it is a refusal that quotes a key back, without the key."""
    if answer.status == 200 and b'"choices"' in answer.data:
        return answer
    data = answer.data
    for secret in secrets:
        data = data.replace(secret, b"***")
    return answer if data is answer.data else answer._replace(data=data)


def has_key(headers: Mapping[str, str]) -> bool:
    """Whether these headers bring a key of their own."""
    return bool(_KEY_HEADERS & headers.keys())


def _head(path: str, query: str, headers: Mapping[str, str]) -> bytes:
    target = f"{path.rstrip('/')}/chat/completions" + (f"?{query}" if query else "")
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    for line in lines:
        if not line.isascii() or not line.isprintable():
            name = line.partition(":")[0]
            raise InputError(
                f"the header {name!r} holds a sign that no header can hold", mend="Look for a stray line end."
            )
    return "".join(f"{line}\r\n" for line in lines).encode()


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


def _from_environment(what: str, value: str) -> str:
    match = _VARIABLE.fullmatch(value)
    if match is None:
        return value
    name = match["name"]
    found = os.environ.get(name, "").strip()
    if not found:
        raise InputError(f"the environment variable {name} of the {what} is not set", mend=f"export {name}=…")
    return (match["scheme"] or "") + found


def has_proxy(base_url: str | None) -> bool:
    """Whether the environment names a proxy for an address (``HTTPS_PROXY``, ``ALL_PROXY``, without ``NO_PROXY``)."""
    parts = urlsplit(read_address(base_url)[0])
    proxies = getproxies()
    return bool(proxies.get(parts.scheme) or proxies.get("all")) and not proxy_bypass(parts.netloc.rpartition("@")[2])


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
