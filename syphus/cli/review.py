"""``syphus review``: the page of ``report`` on this machine alone, which saves decisions as they are made.

The page is made once and held in memory. It is served on 127.0.0.1 under a path that nobody else can guess, and a decision is
taken only from that page: the server's own name as host (another name that leads here is no other site's way in), its own
origin, JSON, of a limited size.
"""

import argparse
import hmac
import io
import secrets
import threading
import webbrowser
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec

from syphus.cli import view
from syphus.cli.report import DECISIONS_FILE, default_target, gather, make_book, told_of_pictures
from syphus.errors import Exit, InputError
from syphus.ledger.store import LEDGER_FILE
from syphus.report.decisions import Decision, read_decisions, write_decisions
from syphus.report.page import policy, write_page

_MOST_BYTES = 1 << 16
"""Of one decision."""


def run(arguments: argparse.Namespace) -> int:
    """Runs the command, until Ctrl-C."""
    source = Path(arguments.source)
    file = decisions_file(source, arguments.decisions)
    # What is named need not be there yet: it is the file to write.
    arguments.decisions = None
    gathered = gather(arguments, source, file)
    book = make_book(gathered, shown=not arguments.no_pictures)
    page = io.BytesIO()
    count = write_page(gathered.facts, page, book, live=True)
    for text in [*gathered.facts.remarks, *told_of_pictures(book, shown=not arguments.no_pictures)]:
        view.say(text)
    with open_server(page.getvalue(), DecisionKeeper(file), arguments.port) as server:
        view.say(f"{count:,} entries; decisions go to {file}")
        view.say(f"open {server.url}   (Ctrl-C ends it)")
        if arguments.open:
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            view.say(f"decisions and notes: {len(server.keeper.all):,}, in {file}")
    return Exit.DONE


def decisions_file(source: Path, named: str | None) -> Path:
    """Where decisions are kept: in a run's folder, beside a dataset, or where it is said."""
    if named:
        return Path(named)
    if (source / LEDGER_FILE).is_file():
        return source / DECISIONS_FILE
    return default_target(source).with_name(f"{default_target(source).stem.removesuffix('.report')}.{DECISIONS_FILE}")


class DecisionKeeper:
    """The file of decisions, written anew, whole or not at all, with each of them.

    It is read again when somebody else has written it, so that two people can review one run.

    Args:
        file: need not be there yet.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.all: dict[str, Decision] = {}
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._refresh()

    def keep(self, decision: Decision) -> None:
        """Writes one. Raises :class:`InputError` where the file cannot be written, or has been made unreadable."""
        with self._lock:
            self._refresh()
            self.all[decision.id] = decision
            write_decisions(self.file, self.all.values())
            self._seen = self._look()

    def lines(self) -> bytes:
        """All of them as they stand now, a line each."""
        with self._lock, suppress(InputError):  # a file that somebody has broken is told of when it is to be written
            self._refresh()
        return b"".join(msgspec.json.encode(one) + b"\n" for one in self.all.values())

    def _refresh(self) -> None:
        now = self._look()
        if now is not None and now != self._seen:
            self.all = read_decisions(self.file)
            self._seen = now

    def _look(self) -> tuple[int, int] | None:
        try:
            facts = self.file.stat()
        except FileNotFoundError:
            return None
        return facts.st_mtime_ns, facts.st_ino


class ReviewServer(ThreadingHTTPServer):
    """Serves one page, and takes decisions from it."""

    daemon_threads = True

    def __init__(self, page: bytes, keeper: DecisionKeeper, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.page = page
        self.keeper = keeper
        self.token = secrets.token_urlsafe(24)
        self.host = f"127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{self.host}/{self.token}/"


def open_server(page: bytes, keeper: DecisionKeeper, port: int = 0) -> ReviewServer:
    """A server that is ready to serve. Raises :class:`InputError` where the port cannot be had."""
    try:
        return ReviewServer(page, keeper, port)
    except (OSError, OverflowError) as error:
        raise InputError(
            f"port {port} cannot be had: {error}", place="--port", mend="Leave it out, and a free one is taken."
        ) from error


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    protocol_version = "HTTP/1.1"
    timeout = 30
    server_version = "syphus"
    sys_version = ""

    def do_GET(self) -> None:
        """The page, and what is decided by now: it was made before, and somebody else may be reviewing, too."""
        if self._is_ours(""):
            self._answer(200, self.server.page, "text/html; charset=utf-8")
        elif self._is_ours("decisions"):
            self._answer(200, self.server.keeper.lines(), "application/jsonl; charset=utf-8")
        else:
            self._answer(404, b"not here\n")

    def do_POST(self) -> None:
        """One decision."""
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > _MOST_BYTES:
            self.close_connection = True  # what it sends is not read
            self._answer(413, b"too large, or of no length\n")
            return
        body = self.rfile.read(int(length))
        if not self._is_ours("decisions"):
            self._answer(404, b"not here\n")
        elif self.headers.get("Origin") != f"http://{self.server.host}":
            self._answer(403, b"not from this page\n")
        elif self.headers.get_content_type() != "application/json":
            self._answer(415, b"not JSON\n")
        else:
            self._keep(body)

    def _keep(self, body: bytes) -> None:
        try:
            decision = msgspec.json.decode(body, type=Decision)
        except (msgspec.DecodeError, RecursionError):
            self._answer(400, b"no decision\n")
            return
        try:
            self.server.keeper.keep(decision)
        except InputError as error:
            view.say(str(error))
            self._answer(500, b"cannot be written\n")
            return
        self._answer(204, b"")

    def _is_ours(self, rest: str) -> bool:
        if self.headers.get("Host") != self.server.host:
            return False
        wanted = f"/{self.server.token}/{rest}"
        return hmac.compare_digest(self.path.encode("utf-8", "replace"), wanted.encode())

    def _answer(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": policy(live=True) + "; frame-ancestors 'none'",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class names it so
        """Nothing: the address is the key to the page."""
