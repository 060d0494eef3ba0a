"""A fast local endpoint that is no Python of ours: nginx with its echo module, which sleeps and answers one fixed reply.

The access log is the witness of every benchmark: it counts what was really sent, and its times (of nginx, not of the client)
give rates without start-up and ramp.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

LATENCIES = (0, 50, 500)
"""Milliseconds; each has a path of its own."""

_PACKAGES = "on Debian and Ubuntu: apt-get install nginx-light libnginx-mod-http-echo wrk"

_CONF = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
load_module {module};
worker_rlimit_nofile {files};
events {{ worker_connections {connections}; }}
http {{
    log_format times '$msec $request_time $status';
    access_log {folder}/access.log times;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_body_buffer_size 256k;
    client_max_body_size 16m;
    keepalive_timeout 600s;
    keepalive_requests 1000000000;
    default_type application/json;
    server {{
        listen 127.0.0.1:{port} backlog=8192;
{locations}
        location @reply {{ return 200 '{reply}'; }}
    }}
}}
"""
_LOCATION = "        location = {path}/chat/completions {{ echo_read_request_body; {sleep}echo_exec @reply; }}"


class MissingError(Exception):
    """Something that the benchmark needs is not installed; the text says what, and how to get it."""


class Served(NamedTuple):
    """One request as nginx saw it; seconds since the epoch, to the millisecond."""

    start: float
    """Its first bytes came."""
    end: float
    """Its reply was sent, or its client was gone."""
    status: int


class Endpoint:
    """A running nginx. A context manager: it ends with the block.

    Args:
        folder: an empty folder for its configuration and log.
        reply: the body of every answer, JSON.

    Raises:
        MissingError: nginx or its echo module is not installed, or nginx does not start.
    """

    def __init__(self, folder: Path, reply: str) -> None:
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
        if program is None:
            raise MissingError(f"nginx is not installed; {_PACKAGES}")
        self.folder = folder
        self.port = _free_port()
        self._log = folder / "access.log"
        self._log.touch()
        locations = "\n".join(
            _LOCATION.format(path=_path(latency), sleep=f"echo_sleep {latency / 1000}; " if latency else "")
            for latency in LATENCIES
        )
        configuration = folder / "nginx.conf"
        configuration.write_text(
            _CONF.format(
                folder=folder,
                module=_find_module(program),
                files=min(_hard_limit(), 65_536),
                connections=min(_hard_limit() - 64, 16_384),
                port=self.port,
                locations=locations,
                # Single quotes end the text for nginx, and a backslash is its escape too; a dollar would be a variable.
                reply=reply.replace("\\", "\\\\").replace("'", "\\'"),
            )
        )
        assert "$" not in reply
        self._process = subprocess.Popen(
            [program, "-p", str(folder), "-c", str(configuration), "-e", str(folder / "error.log")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        self._wait_for_it()

    def _wait_for_it(self) -> None:
        for _ in range(200):
            if self._process.poll() is not None:
                raise MissingError(f"nginx does not start:\n{(self.folder / 'error.log').read_text()}{_PACKAGES}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.5).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        self.close()
        raise MissingError("nginx does not answer")

    def base_url(self, latency: int) -> str:
        """The address to give to an OpenAI client; ``latency`` in milliseconds, one of ``LATENCIES``."""
        return f"http://127.0.0.1:{self.port}{_path(latency)}"

    def mark(self) -> int:
        """Where the log ends now; :meth:`served` and :meth:`count` begin there."""
        return self._log.stat().st_size

    def served(self, since: int) -> Iterator[Served]:
        """The requests that are in the log from a mark on, in the order in which they ended."""
        with self._log.open("rb") as log:
            log.seek(since)
            for line in log:
                if not line.endswith(b"\n"):
                    return
                end, took, status = line.split()
                yield Served(float(end) - float(took), float(end), int(status))

    def count(self, since: int) -> int:
        """How many requests are in the log from a mark on."""
        return self.count_between(since, self.mark())

    def count_between(self, since: int, until: int) -> int:
        """How many requests are in the log between two marks."""
        count = 0
        with self._log.open("rb") as log:
            log.seek(since)
            while since < until and (block := log.read(min(1 << 16, until - since))):
                count += block.count(b"\n")
                since += len(block)
        return count

    def settle(self, latency: int) -> None:
        """Waits until requests of a client that is gone have reached the log."""
        time.sleep(latency / 1000 + 0.2)

    def close(self) -> None:
        """Ends nginx."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _path(latency: int) -> str:
    return f"/{latency}ms/v1"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _hard_limit() -> int:
    import resource  # noqa: PLC0415 - not on Windows, where nginx's echo module is not either

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 65_536 if hard == resource.RLIM_INFINITY else hard


def _find_module(program: str) -> str:
    """The echo module's file: in the folder that this nginx was built for, or where distributions put it."""
    said = subprocess.run([program, "-V"], capture_output=True, text=True, check=False).stderr
    folders = re.findall(r"--modules-path=(\S+)", said)
    folders += ["/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/local/lib/nginx/modules"]
    for folder in folders:
        file = os.path.join(folder, "ngx_http_echo_module.so")  # noqa: PTH118
        if os.path.exists(file):  # noqa: PTH110
            return file
    raise MissingError(f"nginx has no echo module (ngx_http_echo_module.so); {_PACKAGES}")
