"""The run's memory: one SQLite file, and the only SQL of the project.

One thread writes. It takes all that has been handed in since its last commit, writes it in one transaction, syncs, and only
then lets the waiting tasks go on: so a reply that a job has seen is on disk, and a commit costs the same for one reply as
for a hundred. Reading goes over a connection of its own.

A second process is kept out by an exclusive transaction on a small file beside the ledger; the operating system ends it with
the process, also after a kill -9.
"""

import asyncio
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple, Self, TypeVar

import msgspec

from syphus.errors import LedgerError, ModelError
from syphus.exchange import Outcome, Reject, Reply, Request, Usage
from syphus.records import Dialogue

T = TypeVar("T")

SCHEMA_VERSION = 1
LEDGER_FILE = "ledger.sqlite"
_LOCK_FILE = "ledger.lock"
_KNOWN_TEXTS = 4096

Work = Callable[[sqlite3.Connection], Any]


class StoredOutcome(NamedTuple):
    """One item's newest outcome."""

    item: str
    category: str
    scene: str
    state: str
    dialogues: tuple[Dialogue, ...]
    rejects: tuple[Reject, ...]
    notes: tuple[str, ...]
    detail: str


class Spent(NamedTuple):
    """Calls and tokens of one purpose (``category/step``), over all attempts."""

    purpose: str
    calls: int
    failed: int
    prompt: int
    completion: int
    cached: int
    uncounted: int
    """Replies whose tokens the endpoint did not count."""


class Ledger:
    """An open ledger (:func:`open_ledger`). What is awaited returns when its row is on disk."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        self.path = path
        self._lock: sqlite3.Connection | None = _lock(path.with_name(_LOCK_FILE)) if writable else None
        self._reader = _connect(path)
        _check_version(self._reader, path)
        self._queue: SimpleQueue[tuple[Work, asyncio.Future[Any] | None] | None] = SimpleQueue()
        self._texts: OrderedDict[bytes, int] = OrderedDict()
        self._writer: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.failure: LedgerError | None = None
        if writable:
            self._writer = threading.Thread(target=self._write, name="ledger", daemon=True)
            self._writer.start()

    def close(self) -> None:
        """Writes what is waiting, and lets the file go. May be called twice."""
        if self._writer is not None:
            self._queue.put(None)
            self._writer.join()
            self._writer = None
        self._reader.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- replies

    def find_reply(self, key: str) -> Reply | None:
        """The reply that was paid for, or None."""
        row = self._reader.execute(
            "SELECT reply, finish, refusal, model, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens"
            " FROM attempts JOIN requests ON requests.id = attempts.request"
            " WHERE key = ? AND failure IS NULL ORDER BY attempts.id DESC LIMIT 1",
            (key,),
        ).fetchone()
        if row is None:
            return None
        text, finish, refusal, model, *tokens = row
        usage = None if tokens[0] is None else Usage(*(count or 0 for count in tokens))
        return Reply(text=text, finish=finish, refusal=refusal, usage=usage, model=model or "", key=key, replayed=True)

    async def record_attempt(
        self, key: str, request: Request, settings: dict[str, Any], result: Reply | ModelError, seconds: float
    ) -> None:
        """Stores one attempt. ``settings`` is what was sent besides the messages; it never holds a key or a header."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        if isinstance(result, ModelError):
            values: tuple[Any, ...] = (result.kind.value, result.message, result.status, *[None] * 8)
        else:
            used = result.usage
            counts = (used.prompt, used.completion, used.cached, used.reasoning) if used else (None,) * 4
            values = (None, None, None, result.text, result.finish, result.refusal, result.model, *counts)

        def work(db: sqlite3.Connection) -> None:
            identity = self._request_id(db, key, request, settings)
            db.execute(
                "INSERT INTO attempts (request, at, seconds, failure, detail, status, reply, finish, refusal, model,"
                " prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (identity, at, round(seconds, 4), *values),
            )

        await self._do(work)

    def _request_id(self, db: sqlite3.Connection, key: str, request: Request, settings: dict[str, Any]) -> int:
        row = db.execute("SELECT id FROM requests WHERE key = ?", (key,)).fetchone()
        if row:
            return int(row[0])
        messages = [[message.role, self._text_id(db, message.content)] for message in request.messages]
        cursor = db.execute(
            "INSERT INTO requests (key, purpose, messages, settings) VALUES (?, ?, ?, ?)",
            (key, request.purpose, _json(messages), _json(settings)),
        )
        return int(cursor.lastrowid or 0)

    def _text_id(self, db: sqlite3.Connection, text: str) -> int:
        digest = blake2b(text.encode(), digest_size=16).digest()
        known = self._texts.get(digest)
        if known is None:
            db.execute("INSERT OR IGNORE INTO texts (digest, text) VALUES (?, ?)", (digest, text))
            known = int(db.execute("SELECT id FROM texts WHERE digest = ?", (digest,)).fetchone()[0])
            self._texts[digest] = known
            if len(self._texts) > _KNOWN_TEXTS:
                self._texts.popitem(last=False)
        else:
            self._texts.move_to_end(digest)
        return known

    # -- outcomes

    async def record_outcome(
        self, item: str, category: str, scene: str, outcome: Outcome, *, state: str, detail: str, position: int
    ) -> None:
        """Stores what came of an item, in place of what an earlier start of the same run made of it.

        ``position`` is the item's place in the run's order, in which exports are written: the order in which replies
        happen to arrive must not show in the result.
        """
        row = (
            item, category, scene, state, _json(outcome.dialogues), _json(outcome.rejects), _json(outcome.notes),
            _json(outcome.requests), detail, position,
        )  # fmt: skip

        def work(db: sqlite3.Connection) -> None:
            db.execute(
                "INSERT INTO outcomes (item, generation, category, scene, state, dialogues, rejects, notes, requests,"
                " detail, position) VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (item, generation) DO UPDATE SET"
                " state = excluded.state, dialogues = excluded.dialogues, rejects = excluded.rejects,"
                " notes = excluded.notes, requests = excluded.requests, detail = excluded.detail, position = excluded.position",
                row,
            )

        await self._do(work)

    def outcomes(self) -> Iterator[StoredOutcome]:
        """The items' newest outcomes in the run's order; nothing is held in memory but the row at hand."""
        rows = self._reader.execute(
            "SELECT item, category, scene, state, dialogues, rejects, notes, detail FROM outcomes AS newest"
            " WHERE generation = (SELECT max(generation) FROM outcomes WHERE item = newest.item)"
            " ORDER BY position, item"
        )
        for item, category, scene, state, dialogues, rejects, notes, detail in rows:
            yield StoredOutcome(
                item,
                category,
                scene,
                state,
                msgspec.json.decode(dialogues, type=tuple[Dialogue, ...]),
                msgspec.json.decode(rejects, type=tuple[Reject, ...]),
                msgspec.json.decode(notes, type=tuple[str, ...]),
                detail,
            )

    def spent(self) -> list[Spent]:
        """Calls and tokens, a row for each ``category/step``."""
        rows = self._reader.execute(
            "SELECT purpose, count(*), sum(failure IS NOT NULL), coalesce(sum(prompt_tokens), 0),"
            " coalesce(sum(completion_tokens), 0), coalesce(sum(cached_tokens), 0),"
            " sum(failure IS NULL AND prompt_tokens IS NULL)"
            " FROM attempts JOIN requests ON requests.id = attempts.request GROUP BY purpose ORDER BY purpose"
        )
        return [Spent(*row) for row in rows]

    # -- the run as a whole

    def set_meta(self, key: str, value: Any) -> None:
        """Stores one fact of the run, as JSON."""
        self._do_now(lambda db: db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, _json(value))))

    def meta(self, key: str, type_: type[T], default: T) -> T:
        """One fact of the run."""
        row = self._reader.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return msgspec.json.decode(row[0], type=type_) if row else default

    def record_category(self, fingerprint: str, name: str, content: Any) -> None:
        """Stores a category's whole text, so that the run can be repeated when the folder has changed."""
        row = (fingerprint, name, _json(content))
        self._do_now(lambda db: db.execute("INSERT OR IGNORE INTO categories VALUES (?, ?, ?)", row))

    def record_abilities(self, endpoint: str, abilities: Any) -> None:
        """Stores what an endpoint was found to do."""
        row = (endpoint, _json(abilities), datetime.now(UTC).isoformat(timespec="seconds"))
        self._do_now(lambda db: db.execute("INSERT OR REPLACE INTO endpoints VALUES (?, ?, ?)", row))

    def find_abilities(self, endpoint: str, type_: type[T]) -> T | None:
        """What the endpoint was found to do, or None."""
        row = self._reader.execute("SELECT abilities FROM endpoints WHERE name = ?", (endpoint,)).fetchone()
        return msgspec.json.decode(row[0], type=type_) if row else None

    def record_problem(self, source: str, file: str, place: str, message: str, *, lost: bool) -> None:
        """Stores something that could not be read; the same one, met again in a later start, is not counted twice."""
        row = (source, file, place, message, lost)
        self._queue.put(
            (
                lambda db: db.execute(
                    "INSERT OR IGNORE INTO problems (source, file, place, message, lost) VALUES (?, ?, ?, ?, ?)", row
                ),
                None,
            )
        )

    def problems(self) -> list[tuple[str, str, str, bool]]:
        """File, place, message and whether something was lost."""
        rows = self._reader.execute("SELECT file, place, message, lost FROM problems ORDER BY id")
        return [(file, place, message, bool(lost)) for file, place, message, lost in rows]

    # -- the writer

    async def _do(self, work: Work) -> None:
        if self.failure:
            raise self.failure
        self._loop = asyncio.get_running_loop()
        done = self._loop.create_future()
        self._queue.put((work, done))
        # A write that has begun is finished even if the task that waits for it is cancelled: it holds what was paid for.
        await asyncio.shield(done)

    def _do_now(self, work: Work) -> None:
        """For the few rows that are written before and after the run, outside the event loop's tasks."""
        self._queue.put((work, None))
        self.flush()

    def flush(self) -> None:
        """Returns when all that was handed in is committed."""
        committed = threading.Event()

        def work(db: sqlite3.Connection) -> None:
            db.commit()
            committed.set()

        self._queue.put((work, None))
        while not committed.wait(0.05):
            if self.failure:
                raise self.failure

    def _write(self) -> None:
        with closing(_connect(self.path)) as db:
            while True:
                batch = [self._queue.get()]
                while not self._queue.empty():
                    batch.append(self._queue.get())
                futures = [entry[1] for entry in batch if entry and entry[1]]
                try:
                    for entry in batch:
                        if entry and not self.failure:
                            entry[0](db)
                    db.commit()
                # Whatever it is: a writer that died would leave all who wait for it waiting for ever.
                except Exception as error:  # noqa: BLE001
                    self._texts.clear()
                    self.failure = self.failure or LedgerError(
                        f"{self.path}: cannot be written ({error}).\n"
                        "  What was stored before is whole. Free some space, then start the same command again."
                    )
                    db.rollback()
                self._release(futures)
                if None in batch:
                    return

    def _release(self, futures: list[asyncio.Future[Any]]) -> None:
        if futures and self._loop and not self._loop.is_closed():
            failure = self.failure

            def resolve() -> None:
                for future in futures:
                    if not future.done():
                        if failure:
                            future.set_exception(failure)
                        else:
                            future.set_result(None)

            self._loop.call_soon_threadsafe(resolve)


def open_ledger(folder: Path, *, create: bool = False) -> Ledger:
    """The ledger of a run's folder, for writing if ``create``, else for reading only.

    Raises:
        LedgerError: it is not there, another process writes it, it is damaged, or another version of syphus made it.
    """
    path = folder / LEDGER_FILE
    if create and not path.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _create(path)
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(
                f"{folder}: the run cannot be kept there ({error}).\n  Name another folder with --run."
            ) from error
    elif not path.exists():
        raise LedgerError(f"{folder}: there is no run here ({LEDGER_FILE} is missing).")
    return Ledger(path, writable=create)


def _create(path: Path) -> None:
    """Makes the file under another name first: a ledger is whole or absent."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    with closing(sqlite3.connect(temporary)) as db:
        db.executescript((files("syphus.engine") / "schema.sql").read_text())
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.commit()
    temporary.replace(path)


def _connect(path: Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path, timeout=30, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")
        # FULL: a reply survives a power cut, not only a killed process. Group commit makes it cheap.
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error as error:
        raise LedgerError(
            f"{path}: cannot be opened as a ledger ({error}).\n"
            "  If it is damaged, `sqlite3 ledger.sqlite .recover` saves what can be read."
        ) from error
    return db


def _check_version(db: sqlite3.Connection, path: Path) -> None:
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise LedgerError(f"{path}: is no ledger, or a damaged one ({error}).") from error
    if version != SCHEMA_VERSION:
        raise LedgerError(
            f"{path}: written by another version of syphus (form {version}; this one reads {SCHEMA_VERSION}).\n"
            "  Use that version for this run, or name another folder with --run."
        )


def _lock(path: Path) -> sqlite3.Connection:
    lock = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        raise LedgerError(
            f"{path.parent}: another syphus process is writing this run.\n  Wait for it, or stop it, then start again."
        ) from error
    return lock


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
