"""``kill -9`` again and again: is a reply that was paid for ever lost, or a dialogue made twice?

    python benchmarks/kill_loop.py [--times 100] [--scenes 1000] [--seed 1]

``syphus generate`` runs over synthetic scenes with two categories against the rehearsal server, which is slow and at times
unwell. It is killed at moments that are drawn: while it starts, or some replies later and a part of the latency after that.
Each time the same command is started again; after the last kill it may finish. It ends with 1 unless

- **nothing that was stored was asked again**: a reply that stood in the ledger when the process was dead is never sent for by
  a later start. What is paid twice are replies that the server had handed over when the kill came and that
  were not on disk yet;
- **those were in flight**: at no kill more than twice the calls that are allowed in flight (some were on their way, as many may
  have waited for the commit);
- **no dialogue is there twice** in the export, and the export is, byte for byte, that of a run that nobody disturbed;
- **the ledger is whole** by SQLite's own check, and no attempt is without its request.
"""

import argparse
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import workload
from aiohttp import web

from syphus.endpoints.wire import read_completion, request_key
from syphus.errors import ModelError
from syphus.identity import draw_number
from syphus.ledger.ledger import LEDGER_FILE
from syphus.rehearsal.faults import BY_NAME, FaultKind
from syphus.rehearsal.server import RehearsalServer

IN_FLIGHT = 8
LATENCY = 0.05
FAULTS = tuple(
    BY_NAME[name] for name in ("error-503", "error-500", "cut", "reset", "broken-json", "html", "rate-limit-ms")
)
"""Those after which the same request is sent again, so that the export must be the same."""
WHILE_STARTING = 0.15
"""Of the kills: at a moment of the first ``LONGEST_START`` seconds, whatever has come back by then."""
LONGEST_START = 0.8

CONFIG = """\
categories = ["llava/conversation", "llava/detail"]

[run]
folder = "run"
seed = 7

[[sources]]
reader = "scenes"
path = "{scenes}"

[model]
kind = "openai"
name = "m"
base_url = "{url}"
concurrency = {in_flight}

[[export]]
format = "jsonl"
path = "out.jsonl"
"""


class Watched(RehearsalServer):
    """A rehearsal server that notes what arrived and what it handed over.

    Args:
        share: of the calls that meet a fault, drawn by what they ask and how often it was asked.
    """

    def __init__(self, share: float) -> None:
        super().__init__(self._decide, delay=LATENCY, wait=LATENCY, keep=False)
        self.life = 0
        """The number of the process that is asking."""
        self.arrived: list[tuple[str, int]] = []
        """Key and life of each call."""
        self.handed_over: list[tuple[str, int, float]] = []
        """Key, life and moment of each good reply."""
        self.moved = threading.Condition()
        self._share = share
        self._met: Counter[str] = Counter()

    def _decide(self, body: dict[str, Any], _: int) -> FaultKind | None:
        key = request_key(body, 0)
        self._met[key] += 1
        number = draw_number(key, self._met[key])
        return FAULTS[number % len(FAULTS)] if number < self._share * 2**64 else None

    async def complete(self, request: web.Request) -> web.StreamResponse:
        key = request_key(msgspec.json.decode(await request.read()), 0)
        self.arrived.append((key, self.life))
        response = await super().complete(request)
        if isinstance(response, web.Response) and response.status == 200:
            try:
                read_completion(bytes(response.body))  # type: ignore[arg-type]
            except ModelError:
                return response
            with self.moved:
                self.handed_over.append((key, self.life, time.monotonic()))
                self.moved.notify_all()
        return response


class Kill(NamedTuple):
    """The state when a process was dead."""

    life: int
    stored: frozenset[str]
    """Keys whose reply stands in the ledger."""
    unstored: int
    """Replies of this life that were handed over and are not stored."""
    oldest: float
    """Seconds between the hand-over of the oldest of them and the kill; 0 where there is none."""


def start(config: Path) -> "subprocess.Popen[str]":
    """The real command, in a process of its own."""
    command = [sys.executable, "-m", "syphus", "generate", str(config)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(config: Path) -> None:
    """Lets the command come to its end. Raises ``SystemExit`` where it does not end well."""
    process = start(config)
    _, said = process.communicate()
    if process.returncode:
        raise SystemExit(f"{config}: ended with {process.returncode}\n{said}")


def kill_once(server: Watched, config: Path, draw: random.Random, replies: int) -> Kill | None:
    """Starts the command, kills it after about so many replies, and looks at what it left; None where it was done before."""
    server.life += 1
    begun = len(server.handed_over)
    early = draw.random() < WHILE_STARTING
    moment, wanted, later = draw.uniform(0, LONGEST_START), draw.randint(0, 2 * replies), draw.uniform(0, 1.2 * LATENCY)
    process = start(config)
    with server.moved:
        if early:
            server.moved.wait_for(lambda: False, moment)
        else:
            while process.poll() is None and len(server.handed_over) < begun + wanted:
                server.moved.wait(0.2)
    time.sleep(0 if early else later)
    done = process.poll() is not None
    process.kill()
    at = time.monotonic()
    _, said = process.communicate()
    if done:
        if process.returncode:
            raise SystemExit(f"it ended by itself with {process.returncode}\n{said}")
        return None
    stored = stored_keys(config.parent / "run" / LEDGER_FILE)
    with server.moved:
        unstored = [moment for key, life, moment in server.handed_over if life == server.life and key not in stored]
    return Kill(server.life, stored, len(unstored), max((at - moment for moment in unstored), default=0.0))


def stored_keys(ledger: Path) -> frozenset[str]:
    """Keys of the requests whose reply stands in a ledger."""
    if not ledger.exists():
        return frozenset()
    with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT key FROM requests WHERE id IN (SELECT request FROM attempts WHERE failure IS NULL)")
        return frozenset(key for (key,) in rows)


def purpose_of(ledger: Path, key: str) -> str:
    """What a request was for."""
    with closing(sqlite3.connect(ledger)) as db:
        row = db.execute("SELECT purpose FROM requests WHERE key = ?", (key,)).fetchone()
    return str(row[0]) if row else "nothing that is known"


def problems_of(server: Watched, kills: Sequence[Kill], run: Path, undisturbed: Path) -> list[str]:
    """What is not as it should be."""
    problems = []
    stored_before: dict[int, frozenset[str]] = {kill.life: kill.stored for kill in kills}
    again = Counter(
        purpose_of(run / LEDGER_FILE, key) for key, life in server.arrived if key in stored_before.get(life - 1, ())
    )
    for purpose, count in again.items():
        problems.append(f"{count} replies to {purpose} were in the ledger and were asked for again")
    problems += [
        f"kill {kill.life}: {kill.unstored} replies were handed over and not stored"
        for kill in kills
        if kill.unstored > 2 * IN_FLIGHT
    ]
    exported = (run / "out.jsonl").read_bytes()
    if exported != (undisturbed / "out.jsonl").read_bytes():
        problems.append("the export is not that of the undisturbed run")
    ids = Counter(msgspec.json.decode(line)["id"] for line in exported.splitlines())
    if twice := [name for name, count in ids.items() if count > 1]:
        problems.append(f"{len(twice)} dialogues are there twice: {twice[:3]}")
    with closing(sqlite3.connect(run / LEDGER_FILE)) as db:
        if (found := db.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            problems.append(f"the ledger is damaged: {found}")
        if db.execute("PRAGMA foreign_key_check").fetchall():
            problems.append("an attempt has no request")
    return problems


def run_loop(folder: Path, *, times: int, scenes: int, seed: int, share: float) -> list[str]:
    """Does the whole of it in ``folder``, prints the figures, and returns what is not as it should be."""
    draw = random.Random(seed)
    workload.write_scenes(folder / "scenes.jsonl", scenes)
    configs = {}
    with Watched(share) as server:
        for name in ("undisturbed", "killed"):
            (folder / name).mkdir()
            configs[name] = folder / name / "run.toml"
            configs[name].write_text(
                CONFIG.format(scenes=(folder / "scenes.jsonl").as_posix(), url=server.url, in_flight=IN_FLIGHT)
            )
        finish(configs["undisturbed"])
        needed = len({key for key, _, _ in server.handed_over})
        server.arrived.clear()
        server.handed_over.clear()
        kills: list[Kill] = []
        begun = time.monotonic()
        while len(kills) < times:
            left = needed - (len(kills[-1].stored) if kills else 0)
            # Those in flight come on top of those that are waited for.
            replies = max(1, left // (times - len(kills) + 1) - IN_FLIGHT)
            kill = kill_once(server, configs["killed"], draw, replies)
            if kill is None:
                break
            kills.append(kill)
        server.life += 1
        finish(configs["killed"])
        seconds = time.monotonic() - begun
        handed_over = len(server.handed_over)
    runs = [folder / name / "run" for name in ("killed", "undisturbed")]
    problems = problems_of(server, kills, *runs)
    if len(kills) < times:
        problems.append(f"the run was done after {len(kills)} kills: give it more --scenes")
    exported = (runs[0] / "out.jsonl").read_bytes().count(b"\n")
    unstored = [kill.unstored for kill in kills]
    print(
        f"{len(kills)} kills in {seconds:.0f} s; {needed:,} replies are needed, {len(server.arrived):,} calls arrived"
    )
    print(f"good replies handed over: {handed_over:,}, so {handed_over - needed:,} were paid twice")
    print(
        f"handed over and not stored when a kill came: {sum(unstored):,} in all, {max(unstored, default=0)} at most"
        f" (in flight: {IN_FLIGHT}), the oldest {max((kill.oldest for kill in kills), default=0) * 1000:.0f} ms before"
    )
    print(f"kills before the first reply of a life: {sum(not _answered(server, kill) for kill in kills)}")
    print(f"dialogues exported: {exported:,}")
    return problems


def _answered(server: Watched, kill: Kill) -> bool:
    return any(life == kill.life for _, life, _ in server.handed_over)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--times", type=int, default=100, metavar="N", help="kills (100)")
    parser.add_argument("--scenes", type=int, metavar="N", help="scenes, each asked about twice (ten for each kill)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="decides the moments (1)")
    parser.add_argument("--share", type=float, default=0.03, metavar="X", help="of the calls that meet a fault (0.03)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kill-loop-") as folder:
        problems = run_loop(
            Path(folder),
            times=arguments.times,
            scenes=arguments.scenes or 10 * arguments.times,
            seed=arguments.seed,
            share=arguments.share,
        )
    for problem in problems:
        print(f"not as it should be: {problem}")
    print("fall short" if problems else "pass")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
