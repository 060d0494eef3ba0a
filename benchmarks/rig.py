"""The bench that the engine is measured on: jobs of syphus, raw clients and wrk, each started, watched and checked."""

import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import workload
from endpoint import Endpoint
from measure import ChildError, Cost, Ear, kill_at, measure

HERE = Path(__file__).resolve().parent


def say(text: str) -> None:
    """One line of progress."""
    print(text, file=sys.stderr, flush=True)


class Bench:
    """The folder, the endpoint and the figures of one benchmark."""

    def __init__(self, folder: Path, endpoint: Endpoint, *, sizes: Sequence[int], repeats: int, in_flight: int) -> None:
        self.folder = folder
        self.endpoint = endpoint
        self.sizes: list[int] = sorted(sizes)
        self.repeats = repeats
        self.in_flight = in_flight
        self.figures: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.body = folder / "body.json"
        self._output = folder / "output.txt"
        self._jobs = 0
        (folder / "jobs").mkdir()
        workload.write_category(folder)

    def note(self, name: str, **figures: Any) -> None:
        """Keeps one measurement."""
        self.figures[name].append(figures)

    # -- commands

    def job(self, requests: int, *, base_url: str, in_flight: int) -> "Job":
        """A new job of syphus with a run folder of its own."""
        scenes = self.folder / f"scenes-{requests}.jsonl"
        if not scenes.exists():
            workload.write_scenes(scenes, requests)
        self._jobs += 1
        # The category's folder is found one folder above the configuration.
        job = Job(self.folder / "jobs" / f"{self._jobs}.toml", self.folder / "jobs" / f"run-{self._jobs}")
        workload.write_config(job.config, run=job.run, scenes=scenes, base_url=base_url, in_flight=in_flight)
        return job

    def run(self, command: list[str], expected: int) -> Cost:
        """Measures one command."""
        return measure(command, self.endpoint, self._output, expected=expected)

    def run_client(self, client: str, requests: int, latency: int, in_flight: int) -> Cost:
        """Measures a raw client, or syphus, with so many requests."""
        if client == "syphus":
            job = self.job(requests, base_url=self.endpoint.base_url(latency), in_flight=in_flight)
            cost = self.run(job.command, requests)
            if not self.figures[f"kept {requests}"]:
                self.note(f"kept {requests}", dialogues=self.check_result(job, requests))
            job.remove()
            return cost
        program = [sys.executable, str(HERE / "raw_clients.py"), client, self.endpoint.base_url(latency)]
        return self.run([*program, str(self.body), str(requests), str(in_flight)], requests)

    def check_result(self, job: "Job", requests: int) -> int:
        """Exports a finished job, and makes sure that every scene has its dialogue with all pairs, once.

        Raises:
            ChildError: it has not.
        """
        target = job.run / "all.jsonl"
        export = [sys.executable, "-m", "syphus", "export", str(job.run), "--format", "jsonl", "--out", str(target)]
        self.run(export, 0)
        seen: set[str] = set()
        with target.open(encoding="utf-8") as lines:
            for line in lines:
                dialogue = json.loads(line)
                if len(dialogue["turns"]) == 2 * workload.PAIRS:
                    seen.add(dialogue["id"])
        with target.open("rb") as lines:
            count = sum(1 for _ in lines)
        if not count == len(seen) == requests:
            raise ChildError(f"{requests} scenes, {count} dialogues in the export, {len(seen)} different and whole")
        return count

    def hear(self, requests: int) -> "tuple[float, float]":
        """CPU and wall seconds from the start of syphus to its first request; of one scene, its body is kept."""
        ear = Ear()
        try:
            job = self.job(requests, base_url=ear.base_url, in_flight=self.in_flight)
            heard = ear.hear(job.command, self._output)
        finally:
            ear.close()
        job.remove()
        if requests == 1:  # of many in flight, any may come first
            self.body.write_bytes(heard.body)
        return heard.cpu, heard.wall

    def run_wrk(self, latency: int, in_flight: int, seconds: int) -> float:
        """Requests a second of wrk, the ceiling."""
        script = self.folder / "wrk.lua"
        script.write_text(
            f'wrk.method = "POST"\nwrk.body = io.open({json.dumps(str(self.body))}):read("*a")\n'
            'wrk.headers["Content-Type"] = "application/json"\n'
        )
        url = f"{self.endpoint.base_url(latency)}/chat/completions"
        mark = self.endpoint.mark()
        command = ["wrk", "-t1", f"-c{in_flight}", f"-d{seconds}s", "-s", str(script), url]
        subprocess.run(command, check=True, capture_output=True)
        self.endpoint.settle(latency)
        served = [one for one in self.endpoint.served(mark) if one.status == 200]
        return len(served) / (max(one.end for one in served) - min(one.start for one in served))

    def kill(self, command: list[str], requests: int, latency: int) -> "tuple[int, float]":
        """Ends a command by kill -9 at half of its requests; how many had been sent, and its rate until then."""
        killed = kill_at(command, self.endpoint, self._output, answers=requests // 2, latency=latency)
        return killed.sent, killed.rate


class Job(NamedTuple):
    """One configuration and its run folder."""

    config: Path
    run: Path

    @property
    def command(self) -> list[str]:
        """What starts it, and starts it again."""
        return [sys.executable, "-m", "syphus", "generate", str(self.config)]

    def remove(self) -> None:
        """Frees the disk."""
        shutil.rmtree(self.run, ignore_errors=True)
        self.config.unlink()


def describe_machine(folder: Path) -> str:
    """What the figures depend on."""
    took = []
    with (folder / "sync").open("wb") as file:
        for _ in range(50):
            file.write(b"x" * 4096)
            file.flush()
            begun = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - begun)
    return (
        f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, fsync {median(took) * 1e6:.0f} us"
    )
