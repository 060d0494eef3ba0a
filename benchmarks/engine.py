"""How near the engine is to the wire: ``syphus generate`` beside raw clients, in one interleaved run, against targets.

    python benchmarks/engine.py [--requests 2000 20000] [--repeats 3] [--in-flight 256] [--only cpu,rate,...]

The endpoint is nginx with its echo module (Debian: nginx-light libnginx-mod-http-echo; wrk too, as the ceiling). The syphus row
is the whole command in a process of its own: scenes read and rendered, prompts built, replies read and checked by all checks,
each reply and outcome on disk (SQLite, synchronous FULL). The raw clients (aiohttp, uvloop, openai; ``pip install aiohttp
uvloop openai``) send the very same bodies, parse the replies, and store nothing.

The targets are those of an engine: they were set by a script that sends prompts it has, checks replies against their schema and
stores them (SQLite, synchronous FULL), at 1.1 to 1.3 times the raw client. ``syphus-engine`` is that, with limits, prices and
retries besides, and is held to them. What the whole command adds, the reading and rendering of scenes and the checks of each
pair against the annotations, is measured beside it, without a target.

What is measured: CPU is user and system time of all threads, from ``wait4``; "net" is without start-up, which is the same
command's CPU with one request. Requests are counted in nginx's log, and "run phase" is the log's first start to its last end.
Ends with 1 where a target is missed. ``--json FILE`` keeps every single figure.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import workload
from endpoint import Endpoint, MissingError
from measure import ROOT, ChildError, Cost, measure, raise_file_limit, steady_rate
from rig import Bench, describe_machine, say

SDK_REQUESTS = 500
"""The SDK is so slow that more would only take time."""
BASE = "aiohttp-uvloop"
"""The raw client that the targets speak of."""
STEADY_IN_FLIGHT, STEADY_LATENCY, STEADY_WAVES = 1000, 500, 12
KILLS = ((2000, 256, 50), (1000, 64, 500))
"""Requests, in flight, latency in ms."""
COMMIT_WINDOW = 0.010


class Check(NamedTuple):
    """One line of the targets' table."""

    what: str
    target: str
    measured: str
    passed: bool | None
    """None: it is not a target's, and only told."""


# -- throughput, CPU, memory: all clients, interleaved


def measure_clients(bench: Bench) -> None:
    """Every client with one request and with each size, in an order that is rotated from repetition to repetition."""
    clients = ["syphus", "syphus-engine", "bare", BASE, "aiohttp", "openai-sdk"]
    wrk = shutil.which("wrk") is not None
    for repeat in range(bench.repeats):
        if wrk:
            bench.note("wrk", rate=bench.run_wrk(50, bench.in_flight, 3))
        shift = repeat % len(clients)
        order = clients[shift:] + clients[:shift]
        for client in order:
            bench.note(f"{client} 1", **bench.run_client(client, 1, 50, bench.in_flight)._asdict())
        for size in bench.sizes:
            for client in order:
                if client == "openai-sdk" and size != bench.sizes[0]:
                    continue
                requests = min(size, SDK_REQUESTS) if client == "openai-sdk" else size
                cost = bench.run_client(client, requests, 50, bench.in_flight)
                bench.note(f"{client} {size}", **cost._asdict())
                say(
                    f"repetition {repeat + 1}: {client}, {requests} requests: {cost.wall:.2f} s, {cost.cpu:.2f} CPU s, "
                    f"{cost.requests / cost.span:,.0f}/s in the run phase, {cost.memory:.0f} MB"
                )


class Row(NamedTuple):
    """The medians of one client at one size."""

    net: float
    """CPU-ms for a request, start-up taken off."""
    whole_cpu: float
    """CPU-ms for a request, start-up included."""
    rate: float
    """Requests a second in the run phase."""
    whole_rate: float
    """Requests a second, from the process's start to its end."""
    memory: float
    """MB."""
    start: float
    """CPU seconds with one request."""


def row_of(bench: Bench, client: str, size: int) -> Row | None:
    """The medians, or None where the client was not run with this size."""
    runs = [Cost(**figures) for figures in bench.figures.get(f"{client} {size}", [])]
    if not runs:
        return None
    start = median(figures["cpu"] for figures in bench.figures[f"{client} 1"])
    return Row(
        net=median((run.cpu - start) / (run.requests - 1) for run in runs) * 1000,
        whole_cpu=median(run.cpu / run.requests for run in runs) * 1000,
        rate=median(run.requests / run.span for run in runs),
        whole_rate=median(run.requests / run.wall for run in runs),
        memory=median(run.memory for run in runs),
        start=start,
    )


def show_clients(bench: Bench) -> Iterator[str]:
    """The clients' table, as Markdown."""
    yield (
        "| requests | client | CPU-ms/request net | with start-up | requests/s run phase | whole process | peak MB "
        "| start-up CPU s |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for size in bench.sizes:
        for client in ("bare", BASE, "aiohttp", "openai-sdk", "syphus-engine", "syphus"):
            if (row := row_of(bench, client, size)) is None:
                continue
            requests = min(size, SDK_REQUESTS) if client == "openai-sdk" else size
            yield (
                f"| {requests:,} | {client} | {row.net:.3f} | {row.whole_cpu:.3f} | {row.rate:,.0f} "
                f"| {row.whole_rate:,.0f} | {row.memory:.0f} | {row.start:.2f} |"
            )
    if runs := bench.figures.get("wrk"):
        yield f"| 3 s | wrk, the ceiling | | | {median(run['rate'] for run in runs):,.0f} | | | |"


def check_clients(bench: Bench) -> Iterator[tuple[str, Check]]:
    """The rows cpu, rate and memory."""
    memories = []
    for size in bench.sizes:
        base = row_of(bench, BASE, size)
        for client, name in (("syphus-engine", "engine alone"), ("syphus", "whole command")):
            own = row_of(bench, client, size)
            if own is None or base is None:
                continue
            if client == "syphus":
                memories.append(own.memory)
            ratio = own.net / base.net
            measured = f"{ratio:.2f} x ({own.net:.3f} to {base.net:.3f} ms net)"
            held = client == "syphus-engine"
            target = f"at most 1.6 x {BASE}" if held else ""
            yield "cpu", Check(f"CPU per request, {size:,}, {name}", target, measured, ratio <= 1.6 if held else None)
            share, whole = own.rate / base.rate, own.whole_rate / base.whole_rate
            measured = f"{share:.0%} ({own.rate:,.0f} to {base.rate:,.0f}/s; whole process {whole:.0%})"
            what = f"requests/s in the run phase, {size:,}, {name}"
            target = f"at least 80 % of {BASE}" if held else ""
            yield "rate", Check(what, target, measured, share >= 0.8 if held else None)
    if memories:
        measured = ", ".join(f"{memory:.0f} MB" for memory in memories)
        yield "memory", Check("peak memory", "at most 100 MB", measured, max(memories) <= 100)
    if len(memories) > 1:
        growth = memories[-1] / memories[0] - 1
        what = f"memory at {bench.sizes[-1]:,} against {bench.sizes[0]:,}"
        yield "memory", Check(what, "at most 15 % more", f"{growth:+.0%}", growth <= 0.15)


# -- the other rows


def check_steady(bench: Bench) -> Iterator[tuple[str, Check]]:
    """500 ms and 1,000 in flight."""
    if raise_file_limit() < STEADY_IN_FLIGHT + 200:
        say(f"steady: left out, the system allows no {STEADY_IN_FLIGHT} open files (ulimit -Hn)")
        return
    requests, latency = STEADY_IN_FLIGHT * STEADY_WAVES, STEADY_LATENCY / 1000
    bound = STEADY_IN_FLIGHT / latency
    for _ in range(bench.repeats):
        for client in ("syphus", BASE):
            mark = bench.endpoint.mark()
            cost = bench.run_client(client, requests, STEADY_LATENCY, STEADY_IN_FLIGHT)
            # The export that checks the result sends nothing, so the log holds this run alone.
            steady = steady_rate(list(bench.endpoint.served(mark)), in_flight=STEADY_IN_FLIGHT, latency=latency)
            bench.note(f"steady {client}", steady=steady, whole=requests / cost.wall, run=requests / cost.span)
            say(f"steady: {client}: {steady:,.0f}/s of {bound:,.0f}, whole process {requests / cost.wall:,.0f}/s")
    medians = {
        (client, name): median(run[name] for run in bench.figures[f"steady {client}"]) / bound
        for client in ("syphus", BASE)
        for name in ("steady", "run", "whole")
    }
    measured = (
        f"{medians['syphus', 'steady']:.0%} (run phase with ramp {medians['syphus', 'run']:.0%}, whole process "
        f"{medians['syphus', 'whole']:.0%}; {BASE} {medians[BASE, 'steady']:.0%})"
    )
    what = f"{STEADY_LATENCY} ms, {STEADY_IN_FLIGHT:,} in flight, steady state"
    yield (
        "steady",
        Check(what, "at least 80 % of in-flight/latency", measured, medians["syphus", "steady"] >= 0.8),
    )


def check_kill(bench: Bench) -> Iterator[tuple[str, Check]]:
    """Sent again after kill -9 at half."""
    for requests, in_flight, latency in KILLS:
        runs = []
        for _ in range(bench.repeats):
            job = bench.job(requests, base_url=bench.endpoint.base_url(latency), in_flight=in_flight)
            mark = bench.endpoint.mark()
            sent, rate = bench.kill(job.command, requests, latency)
            resumed = measure(job.command, bench.endpoint, bench.folder / "output.txt")
            again, bound = bench.endpoint.count(mark) - requests, in_flight + COMMIT_WINDOW * rate
            bench.check_result(job, requests)
            job.remove()
            bench.note(f"kill {requests}", sent=sent, rate=rate, again=again, bound=bound, resumed=resumed.requests)
            say(f"kill: {sent} of {requests} sent, {again} sent again (at most {bound:.0f})")
            runs.append((again, bound))
        measured = ", ".join(f"{again}" for again, _ in runs)
        bounds = f"in flight + 10 ms x rate: {min(bound for _, bound in runs):.0f}"
        passed = all(again <= bound for again, bound in runs)
        what = f"sent again after kill -9 at half, {requests:,} at {in_flight} in flight, {latency} ms"
        yield "kill", Check(what, bounds, measured, passed)


def check_finished(bench: Bench) -> Iterator[tuple[str, Check]]:
    """The finished job, started again."""
    url = bench.endpoint.base_url(50)
    jobs = {size: bench.job(size, base_url=url, in_flight=bench.in_flight) for size in (1, *bench.sizes)}
    for size, job in jobs.items():
        bench.run(job.command, size)
    for _ in range(bench.repeats):
        for size, job in jobs.items():
            bench.note(f"finished {size}", **bench.run(job.command, 0)._asdict())
    start = median(figures["cpu"] for figures in bench.figures["finished 1"])
    for size in bench.sizes:
        cpu = median(figures["cpu"] for figures in bench.figures[f"finished {size}"])
        each = (cpu - start) / (size - 1) * 1000
        measured = f"0 sent, {each:.3f} CPU-ms ({cpu:.2f} CPU s in all)"
        say(f"finished: {size} items again: {measured}")
        what = f"the finished job started again, {size:,}"
        yield "finished", Check(what, "0 sent, at most 0.15 CPU-ms a record", measured, each <= 0.15)
    for job in jobs.values():
        job.remove()


def check_start(bench: Bench) -> Iterator[tuple[str, Check]]:
    """Start to first request."""
    bench.hear(1)  # whatever is compiled or cached at a first start
    for _ in range(max(3, bench.repeats)):
        for size in (1, bench.sizes[-1]):
            cpu, wall = bench.hear(size)
            bench.note(f"start {size}", cpu=cpu, wall=wall)
    one, many = (median(figures["cpu"] for figures in bench.figures[f"start {size}"]) for size in (1, bench.sizes[-1]))
    wall = median(figures["wall"] for figures in bench.figures["start 1"])
    measured = f"{one:.2f} CPU s ({wall:.2f} s wall; {many:.2f} CPU s with {bench.sizes[-1]:,} scenes)"
    say(f"start: {measured}")
    yield "start", Check("start to first request, one scene", "at most 0.7 CPU s", measured, one <= 0.7)


def measure_and_check_clients(bench: Bench) -> Iterator[tuple[str, Check]]:
    """The three rows that come from the interleaved run."""
    measure_clients(bench)
    yield from check_clients(bench)


PARTS: tuple[tuple[tuple[str, ...], Callable[[Bench], Iterable[tuple[str, Check]]]], ...] = (
    (("start",), check_start),
    (("cpu", "rate", "memory"), measure_and_check_clients),
    (("steady",), check_steady),
    (("kill",), check_kill),
    (("finished",), check_finished),
)
"""Which rows each measurement serves."""
ROWS = tuple(name for names, _ in PARTS for name in names)


def show_checks(checks: Iterable[Check]) -> Iterator[str]:
    """The targets' table, as Markdown."""
    yield "| what | target | measured | |"
    yield "|---|---|---|---|"
    for check in checks:
        verdict = {True: "pass", False: "**falls short**", None: ""}[check.passed]
        yield f"| {check.what} | {check.target} | {check.measured} | {verdict} |"


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, nargs="+", default=[2000, 20000], help="sizes of the runs")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--only", default=",".join(ROWS), help=f"rows of the table, of {','.join(ROWS)}")
    parser.add_argument(
        "--folder", type=Path, help="where to work: the disk that is to be measured (default: a temporary one)"
    )
    parser.add_argument("--json", type=Path, help="a file for every single figure")
    arguments = parser.parse_args()
    arguments.only = [name.strip() for name in arguments.only.split(",") if name.strip()]
    if unknown := set(arguments.only) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))} (of {', '.join(ROWS)})")
    if min(arguments.requests) < 2 or arguments.repeats < 1 or arguments.in_flight < 1:
        parser.error("at least two requests, one repetition, and one in flight")
    return arguments


def main() -> int:
    """Runs the command."""
    arguments = parse_arguments()
    raise_file_limit()
    with tempfile.TemporaryDirectory(prefix="syphus-bench-", dir=arguments.folder) as name:
        folder = Path(name).resolve()
        (folder / "nginx").mkdir()
        try:
            with Endpoint(folder / "nginx", workload.reply_body()) as endpoint:
                bench = Bench(
                    folder, endpoint, sizes=arguments.requests, repeats=arguments.repeats, in_flight=arguments.in_flight
                )
                say(describe_machine(folder))
                bench.hear(1)
                prompt = sum(len(message["content"]) for message in json.loads(bench.body.read_bytes())["messages"])
                say(
                    f"syphus of {ROOT}; requests of {bench.body.stat().st_size:,} bytes (prompt {prompt:,} characters), replies of "
                    f"{len(workload.reply_body()):,}; {bench.in_flight} in flight at 50 ms: at most {bench.in_flight / 0.05:,.0f}/s"
                )
                checks: list[Check] = []
                for names, part in PARTS:
                    if set(names) & set(arguments.only):
                        checks += [check for row, check in part(bench) if row in arguments.only]
                if bench.figures.get("syphus 1"):
                    print("\n".join(show_clients(bench)), end="\n\n")
                print("\n".join(show_checks(checks)))
        except (MissingError, ChildError) as error:
            print(f"engine.py: {error}", file=sys.stderr)
            return 2
        if arguments.json:
            arguments.json.write_text(json.dumps(bench.figures, indent=1))
    return int(any(check.passed is False for check in checks))


if __name__ == "__main__":
    sys.exit(main())
