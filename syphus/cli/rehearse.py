"""``syphus rehearse``: a configuration's own run against an endpoint on this machine that makes trouble on purpose.

The real engine, the real ledger and real HTTP; only the model is a program. What it says is of no use, so it is kept in a
folder that is thrown away, nothing is exported, and the model goes by another name than in the configuration: a reply of the
rehearsal can never be found by a run that is meant.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from difflib import get_close_matches
from hashlib import blake2b
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from syphus.cli import view
from syphus.cli.runs.assemble import settings_of
from syphus.cli.runs.summary import Summary, summarise
from syphus.endpoints.probe import QUESTION
from syphus.errors import Exit, InputError
from syphus.identity import draw, draw_number
from syphus.ledger.ledger import open_ledger
from syphus.rehearsal.faults import BY_NAME, KINDS, FaultKind
from syphus.rehearsal.limits import Limits
from syphus.rehearsal.server import RehearsalServer

MODEL = "rehearsal"
SEED = 0
"""Decides which calls meet which trouble: the same command makes the same ones."""
WINDOW = 6.0
"""Seconds of a minute's limit that may be used at once; with a whole minute's, a short run would never meet the limit."""
MOST_STARTS = 5


def run(arguments: argparse.Namespace) -> int:
    """Runs the command: once with faults, then without until nothing is left to do."""
    if not 0 <= arguments.share <= 1:
        raise InputError(f"--share {arguments.share:g} is no share of the calls", mend="For example --share 0.1")
    kinds = choose_kinds(arguments.faults)
    book = Book(kinds, arguments.share)
    limits = Limits(requests_per_minute=arguments.rpm, tokens_per_minute=arguments.tpm, window=WINDOW)
    with (
        _folder(arguments.run) as folder,
        RehearsalServer(book.answer, delay=arguments.latency, limits=limits, keep=False) as server,
    ):
        # A call that is never answered must be given up, or the rehearsal would take as long as a run that is meant.
        timeout = 1 + 2 * (server.delay + server.wait) if BY_NAME["hang"] in kinds else None
        started = time.monotonic()
        code = _generate(arguments, server.url, folder, timeout)
        if code == Exit.INTERRUPTED:
            return code
        seconds = time.monotonic() - started
        summary = _summarise(folder)
        share = f"troubles in about {arguments.share:.0%} of the calls" if kinds else "no troubles"
        view.say(f"\nthe rehearsal, with {share}:")
        for line in (*book.lines(), *_speed(server, summary, seconds)):
            view.say(line)
        problems = [*book.problems(), *_lost(server, summary)]
        server.script = None
        finished = code in (Exit.DONE, Exit.FAILURES) and not summary.total.failed
        problems += _start_again(arguments, server, folder, timeout, finished=finished)
    for problem in problems:
        view.say(f"not as it should be: {problem}")
    return Exit.FAILURES if problems else Exit.DONE


def choose_kinds(named: str) -> tuple[FaultKind, ...]:
    """The kinds of ``--faults``: names with commas between, ``none``, or ``all``, which leaves out what stops a run."""
    chosen: dict[str, FaultKind] = {}
    for name in (part.strip() for part in named.split(",")):
        if name == "all":
            chosen |= {kind.name: kind for kind in KINDS if kind.outcome != "run stops"}
        elif name in BY_NAME:
            chosen[name] = BY_NAME[name]
        elif name != "none":
            near = get_close_matches(name, BY_NAME, n=1)
            mend = f"Did you mean `{near[0]}`?" if near else f"Kinds: all, none, {', '.join(BY_NAME)}."
            raise InputError(f"there is no kind of fault {name!r}", place="--faults", mend=mend)
    return tuple(chosen.values())


class Book:
    """Decides which calls meet a trouble, and notes what came of each. Holds only the requests that met one.

    Args:
        kinds: to draw from.
        share: of the calls, between 0 and 1.
    """

    def __init__(self, kinds: Sequence[FaultKind], share: float) -> None:
        self._kinds = kinds
        self._share = share
        self._open: dict[bytes, FaultKind] = {}
        """Request -> what it met last, and nothing came after it yet."""
        self._met: Counter[bytes] = Counter()
        self.served: Counter[str] = Counter()
        self.well = 0
        self.sent_again: Counter[str] = Counter()
        self.asked_anew: Counter[str] = Counter()

    def answer(self, body: dict[str, Any], _: int) -> FaultKind | None:
        """What a call gets: a kind of trouble, or None for a good reply."""
        messages = body["messages"]
        request = _name(messages)
        # A request that goes on where another ended, with the bad reply and a wish, asks that other anew.
        if bad := self._open.pop(_name(messages[:-2]), None):
            self.asked_anew[bad.name] += 1
        if failed := self._open.pop(request, None):
            self.sent_again[failed.name] += 1
        # An answer to the probe that is bad on purpose would hide what the endpoint can do.
        chosen = None if messages[-1]["content"] == QUESTION else self._choose(request)
        if chosen is None:
            self.well += 1
            return None
        self.served[chosen.name] += 1
        if chosen.outcome != "kept":
            self._open[request] = chosen
        return chosen

    def _choose(self, request: bytes) -> FaultKind | None:
        if not self._kinds:
            return None
        key = (SEED, request.hex(), self._met[request])
        if draw_number(*key) >= self._share * 2**64:
            return None
        self._met[request] += 1
        return draw(self._kinds, *key, "kind")

    def lines(self) -> Iterator[str]:
        """What was served and what came of it, for a person."""
        columns = ("kind", "served", "sent again", "asked anew", "no more", "what must come of it")
        widths = [max(len(columns[0]), *map(len, BY_NAME)), *map(len, columns[1:5])]

        def line(first: str, *rest: str) -> str:
            cells = [
                first.ljust(widths[0]),
                *(text.rjust(width) for text, width in zip(rest, widths[1:], strict=False)),
            ]
            return "  ".join([*cells, *rest[4:]])

        yield line(*columns)
        yield line("(well)", f"{self.well:,}", "", "", "", "")
        left = Counter(kind.name for kind in self._open.values())
        for name in (name for name in BY_NAME if self.served[name]):
            counts = (self.served[name], self.sent_again[name], self.asked_anew[name], left[name])
            yield line(name, *(f"{count:,}" if count else "·" for count in counts), BY_NAME[name].outcome)

    def problems(self) -> Iterator[str]:
        """What an engine must not have done."""
        for name in BY_NAME:
            kind = BY_NAME[name]
            if kind.outcome in ("rejected", "item fails", "run stops") and self.sent_again[name]:
                yield f"after `{name}` the same request was sent again, {self.sent_again[name]:,} times"
            if kind.outcome == "retried" and self.asked_anew[name]:
                yield f"`{name}` was taken for a reply, {self.asked_anew[name]:,} times"


def _name(messages: list[dict[str, Any]]) -> bytes:
    return blake2b(msgspec.json.encode(messages), digest_size=16).digest()


@contextmanager
def _folder(named: str | None) -> Iterator[Path]:
    """Where the rehearsal is kept; never with a run that is meant."""
    if named is None:
        with TemporaryDirectory(prefix="syphus-rehearsal-") as temporary:
            yield Path(temporary)
        return
    folder = Path(named)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            "is not empty", file=folder, mend="A rehearsal is kept in a folder of its own: name a new one."
        )
    yield folder


def _speed(server: RehearsalServer, summary: Summary, seconds: float) -> Iterator[str]:
    total = summary.total
    made = [f"{getattr(total, state):,} {state}" for state in ("accepted", "partial", "rejected", "failed", "skipped")]
    yield f"items: {total.items:,} ({', '.join(text for text in made if not text.startswith('0 '))})"
    refused = f", {server.limiter.refused:,} over the limit" if server.limiter.refused else ""
    unheard = f", {total.calls - server.served:,} of them found nobody there" if total.calls > server.served else ""
    yield f"calls: {server.served:,} served{refused}; {total.calls:,} in the ledger{unheard}"
    yield f"calls a second: {server.served / seconds:,.0f}"
    yield f"most in flight: {server.most_in_flight:,}"


def _lost(server: RehearsalServer, summary: Summary) -> Iterator[str]:
    """Calls that were answered stand in the ledger; those that nobody let in stand there besides."""
    if summary.total.calls < server.served:
        yield f"{server.served - summary.total.calls:,} calls that were answered are not in the ledger"


def _start_again(
    arguments: argparse.Namespace, server: RehearsalServer, folder: Path, timeout: float | None, *, finished: bool
) -> Iterator[str]:
    """The same command on a well endpoint: first it makes what is missing, then it sends nothing."""
    for start in range(2, MOST_STARTS + 1):
        before, complete = server.served, finished
        said = StringIO()
        with redirect_stderr(said):  # its tables are those of the first start; they are shown where something is wrong
            code = _generate(arguments, server.url, folder, timeout)
        sent = server.served - before
        failed = _summarise(folder).total.failed
        finished = code in (Exit.DONE, Exit.FAILURES) and not failed
        view.say(f"start {start}, without troubles: sent {sent or 'nothing'}; {failed:,} failed items left")
        if not finished or (complete and sent):
            view.say(said.getvalue())
            yield f"start {start} sent {sent:,} calls, ended with code {code} and left {failed:,} failed items"
        if not sent:
            return
    yield "it does not come to an end"


# -- what the rehearsal needs of the other commands


def _summarise(folder: Path) -> Summary:
    with open_ledger(folder) as ledger:
        return summarise(ledger)


def _generate(arguments: argparse.Namespace, url: str, folder: Path, timeout: float | None) -> int:
    """``syphus generate`` with this configuration, against the server at ``url``. Returns its exit code.

    Whatever the configuration says of endpoints, keys and exports: nothing leaves this machine, and no file is written but in
    ``folder``.
    """
    from syphus.cli.runs.work import do_run, prepare, run_to_its_end

    flags = settings_of(arguments) | {
        "model.kind": "openai",
        "model.name": MODEL,
        "model.base_url": url,
        "model.endpoints": [],
        "model.headers": {},
        "run.folder": str(folder),
        "run.budget": None,
        "export": [],
    }
    if arguments.limit:
        flags["run.limit"] = arguments.limit
    if timeout and "model.timeout" not in flags:
        flags["model.timeout"] = timeout
    prepared = prepare(Path(arguments.config), flags)
    with open_ledger(folder, create=True) as ledger:
        return run_to_its_end(lambda: do_run(prepared, ledger, stays=arguments.run is not None))
