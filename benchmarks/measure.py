"""What a child process cost, and what the endpoint saw of it."""

import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from endpoint import Endpoint, Served

ROOT = Path(os.environ.get("SYPHUS_BENCH_CHECKOUT") or Path(__file__).resolve().parents[1])


class Cost(NamedTuple):
    """One child, from its start to its end."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds of user and system time, of all its threads."""
    memory: float
    """Peak resident memory, MB (10^6 bytes)."""
    requests: int
    """That reached the endpoint."""
    span: float
    """Seconds from the first request's start to the last one's end, in the endpoint's log: the run phase."""


class ChildError(Exception):
    """A child did not do what it was measured for; its output is in the text."""


def environment() -> dict[str, str]:
    """For children: syphus of this checkout, no proxy between them and the endpoint, no key."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith(("OPENAI_", "SYPHUS_"))
    }
    return kept | {"PYTHONPATH": str(ROOT)}


def raise_file_limit() -> int:
    """Lets this process and its children open as many files as the system allows it; returns how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(soft, wanted)


def start(command: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
    """Starts a child; what it says goes to a file, so that no pipe can fill."""
    with output.open("wb") as file:
        return subprocess.Popen(
            command, env=environment(), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
        )


def measure(command: Sequence[str], endpoint: Endpoint, output: Path, *, expected: int | None = None) -> Cost:
    """Runs a child to its end.

    Raises:
        ChildError: it failed, or sent another number of requests than ``expected``.
    """
    mark, begun = endpoint.mark(), time.perf_counter()
    child = start(command, output)
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - begun
    child.returncode = os.waitstatus_to_exitcode(status)
    time.sleep(0.02)  # nginx writes its line after the reply
    first, last, requests = float("inf"), 0.0, 0
    for one in endpoint.served(mark):
        first, last, requests = min(first, one.start), max(last, one.end), requests + 1
    if child.returncode or expected not in (None, requests):
        shown = output.read_text(errors="replace")[-2000:]
        raise ChildError(f"{' '.join(command)}: ended with {child.returncode}, sent {requests} requests\n{shown}")
    # A child's figure begins with what the process was that started it: this one must stay the smaller of the two.
    memory = used.ru_maxrss * 1024 / 1e6
    return Cost(wall, used.ru_utime + used.ru_stime, memory, requests, max(last - first, 0.0))


def cpu_of(process: int) -> float:
    """CPU seconds that a running process has used, all threads, to the nanosecond (Linux)."""
    # The kernel's name of another process's clock: the complement of its number, and 2 for its scheduler clock.
    return time.clock_gettime((~process << 3) | 2)


class FirstRequest(NamedTuple):
    """What had happened when the first request came."""

    cpu: float
    """CPU seconds."""
    wall: float
    """Seconds."""
    body: bytes
    """What was sent."""


class Ear:
    """An endpoint that hears one request and answers nothing: when a program gets to its first request, and what it is."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(60)
        self.base_url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def hear(self, command: Sequence[str], output: Path) -> FirstRequest:
        """Starts a program that sends to ``base_url``, and ends it by force when its first request is there."""
        begun = time.perf_counter()
        child = start(command, output)
        try:
            connection, _ = self._socket.accept()
            connection.settimeout(60)
            with connection:
                data = connection.recv(1 << 16)
                cpu, wall = cpu_of(child.pid), time.perf_counter() - begun
                while b"\r\n\r\n" not in data:
                    data += connection.recv(1 << 16)
                head, _, body = data.partition(b"\r\n\r\n")
                length = next(
                    int(line.partition(b":")[2])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length:")
                )
                while len(body) < length:
                    body += connection.recv(1 << 16)
        except (OSError, StopIteration) as error:
            raise ChildError(f"{' '.join(command)}: no request came\n{output.read_text(errors='replace')}") from error
        finally:
            child.kill()
            child.wait()
        return FirstRequest(cpu, wall, body)

    def close(self) -> None:
        """Lets the port go."""
        self._socket.close()


class Killed(NamedTuple):
    """A child that was ended by kill -9."""

    sent: int
    """Requests that had reached the endpoint, those in flight included."""
    rate: float
    """Requests a second until then."""


def kill_at(command: Sequence[str], endpoint: Endpoint, output: Path, *, answers: int, latency: int) -> Killed:
    """Starts a child and ends it by kill -9 when so many answers are in the log; ``latency`` is the path's, in ms."""
    mark = endpoint.mark()
    child = start(command, output)
    while endpoint.count(mark) < answers:
        if child.poll() is not None:
            raise ChildError(f"{' '.join(command)}: ended before it could be killed\n{output.read_text()[-2000:]}")
        time.sleep(0.002)
    child.send_signal(signal.SIGKILL)
    child.wait()
    endpoint.settle(latency)
    served = list(endpoint.served(mark))
    answered = [one for one in served if one.status == 200]
    span = max(one.end for one in answered) - min(one.start for one in served)
    return Killed(len(served), len(answered) / span)


def steady_rate(served: Sequence[Served], *, in_flight: int, latency: float) -> float:
    """Requests a second when the first ones have been answered and no end is near yet.

    Args:
        served: of one run.
        in_flight: how many the client was to hold in flight.
        latency: seconds.

    The window begins two latencies after ``in_flight`` requests had been started, and ends when the last one is started. Each
    request counts with the share of its own time that fell into the window: replies come in waves of a latency's length, and
    whole counts would depend on where in a wave the window ends. NaN for a run that is too short to have a window.
    """
    starts = sorted(one.start for one in served)
    if len(starts) <= in_flight:
        return float("nan")
    begin, end = starts[in_flight - 1] + 2 * latency, starts[-1]
    if end - begin < 2 * latency:
        return float("nan")
    shares = 0.0
    for one in served:
        inside = min(one.end, end) - max(one.start, begin)
        if inside > 0:
            shares += inside / max(one.end - one.start, 0.001)
    return shares / (end - begin)


def latency_of(served: Sequence[Served]) -> float:
    """Mean seconds from a request's first byte to the end of its reply, at the endpoint."""
    return mean(one.end - one.start for one in served)
