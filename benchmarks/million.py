"""A long run: does memory stay flat, does the ledger keep its speed, what does it weigh, how long does a resume take?

    python benchmarks/million.py [--scenes 1000000] [--seconds 300] [--in-flight 256]

``syphus generate`` over synthetic scenes (1 kB each, written to a file first) against nginx's path without latency, sampled
every few seconds. After ``--seconds`` of asking, a run that is not done is drained as by Ctrl-C, and its figures are
extrapolated. Then the same command is started again, up to its first new request. Ends with 1 where memory grows by more than
15 % from the second quarter of the samples to the last, or the rate falls by more than 10 % from the first to the last. The first
quarter's memory is left out: buffers and caches fill up then.
"""

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import workload
from endpoint import Endpoint, MissingError
from measure import ChildError, cpu_of, raise_file_limit, start

SAMPLES = 60
"""About so many are taken in a run of full length."""


class Sample(NamedTuple):
    """The state of a run at one moment."""

    seconds: float
    """Since its first request."""
    requests: int
    memory: float
    """Resident, MB."""
    ledger: int
    """Bytes of all files of the run's folder that are named after the ledger."""


class FirstNew(NamedTuple):
    """What a start cost until its first request was answered."""

    wall: float
    cpu: float


def memory_of(process: int) -> float:
    """Resident memory of a running process in MB (Linux)."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def ledger_size(run: Path) -> int:
    """Bytes of the ledger with its write-ahead log."""
    return sum(file.stat().st_size for file in run.glob("ledger*"))


def wait_for_first(child: "subprocess.Popen[bytes]", endpoint: Endpoint, mark: int, begun: float) -> FirstNew | None:
    """Waits until something new is in the log; None where the child ended without it."""
    while endpoint.mark() == mark:
        if child.poll() is not None:
            return None
        time.sleep(0.005)
    return FirstNew(time.perf_counter() - begun, cpu_of(child.pid))


def sample_run(
    child: "subprocess.Popen[bytes]", endpoint: Endpoint, mark: int, run: Path, *, seconds: float
) -> list[Sample]:
    """Samples a run from its first request to its end, or for so many seconds."""
    begun, every, at, done = time.perf_counter(), max(seconds / SAMPLES, 0.25), mark, 0
    samples: list[Sample] = []
    while child.poll() is None and time.perf_counter() - begun < seconds:
        time.sleep(every)
        end = endpoint.mark()
        done, at = done + endpoint.count_between(at, end), end
        try:
            memory = memory_of(child.pid)
        except OSError:
            break
        if memory:
            samples.append(Sample(time.perf_counter() - begun, done, memory, ledger_size(run)))
            one = samples[-1]
            print(
                f"{one.seconds:7.1f} s {one.requests:10,} requests {one.memory:6.0f} MB  ledger {one.ledger / 1e6:8,.1f} MB",
                file=sys.stderr,
                flush=True,
            )
    return samples


def rates(samples: Sequence[Sample]) -> list[float]:
    """Requests a second in each quarter."""
    bounds = [round(index * (len(samples) - 1) / 4) for index in range(5)]
    return [
        (samples[last].requests - samples[first].requests) / (samples[last].seconds - samples[first].seconds)
        for first, last in pairwise(bounds)
    ]


def memories(samples: Sequence[Sample]) -> list[float]:
    """Mean resident MB in each quarter."""
    bounds = [round(index * len(samples) / 4) for index in range(5)]
    return [mean(sample.memory for sample in samples[first:last]) for first, last in pairwise(bounds)]


def run_benchmark(folder: Path, endpoint: Endpoint, arguments: argparse.Namespace) -> bool:
    """Runs it; True where memory is flat and the rate holds."""
    count: int = arguments.scenes
    workload.write_category(folder)
    workload.write_scenes(folder / "scenes.jsonl", count)
    config, run, output = folder / "bench.toml", folder / "run", folder / "output.txt"
    workload.write_config(
        config, run=run, scenes=folder / "scenes.jsonl", base_url=endpoint.base_url(0), in_flight=arguments.in_flight
    )
    command = [sys.executable, "-m", "syphus", "generate", str(config)]

    mark, begun = endpoint.mark(), time.perf_counter()
    child = start(command, output)
    first = wait_for_first(child, endpoint, mark, begun)
    samples = sample_run(child, endpoint, mark, run, seconds=arguments.seconds)
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
    code = child.wait()
    if first is None or code not in (0, 130) or len(samples) < 8:
        shown = output.read_text(errors="replace")[-2000:]
        raise ChildError(f"syphus ended with {code} after {len(samples)} samples (eight are the least)\n{shown}")
    finished = endpoint.count(mark)
    weight = ledger_size(run) / finished
    print(f"{finished:,} of {count:,} scenes done; first request after {first.wall:.1f} s ({first.cpu:.1f} CPU s)")

    quarters, memory = rates(samples), memories(samples)
    print("requests/s by quarter: " + ", ".join(f"{rate:,.0f}" for rate in quarters))
    print("resident MB by quarter: " + ", ".join(f"{one:.0f}" for one in memory))
    print(f"ledger: {weight:,.0f} bytes for a finished item, {weight * 1e6 / 1e9:.2f} GB for a million")

    mark, begun = endpoint.mark(), time.perf_counter()
    child = start(command, output)
    again = wait_for_first(child, endpoint, mark, begun)
    if again is None:
        # All was done: the whole command is the resume. Its CPU cannot be read any more, its time can.
        wall = time.perf_counter() - begun
        print(f"started again: nothing sent, {wall:.1f} s in all, {wall / finished * 1e6:.0f} us for an item")
    else:
        child.kill()
        child.wait()
        wall, cpu = again.wall - first.wall, again.cpu - first.cpu
        print(
            f"resumed: the first new request after {again.wall:.1f} s ({again.cpu:.1f} CPU s); that is {wall / finished * 1e6:.0f} us "
            f"({cpu / finished * 1e6:.0f} CPU-us) for a finished item, the first start's reading taken off"
        )
    flat, steady = memory[3] <= 1.15 * memory[1], quarters[3] >= 0.9 * quarters[0]
    print(
        f"memory {'is flat' if flat else 'GROWS'}: {memory[3] / memory[1] - 1:+.0%} from the second quarter to the last"
    )
    print(
        f"the rate {'holds' if steady else 'FALLS'}: {quarters[3] / quarters[0] - 1:+.0%} from the first quarter to the last"
    )
    return flat and steady


def main() -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=300, help="of asking, at most")
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--folder", type=Path, help="where to work; a million scenes need 1 GB, and their ledger more")
    arguments = parser.parse_args()
    raise_file_limit()
    folder = Path(tempfile.mkdtemp(prefix="syphus-million-", dir=arguments.folder)).resolve()
    try:
        (folder / "nginx").mkdir()
        with Endpoint(folder / "nginx", workload.reply_body()) as endpoint:
            return int(not run_benchmark(folder, endpoint, arguments))
    except (MissingError, ChildError) as error:
        print(f"million.py: {error}", file=sys.stderr)
        return 2
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
