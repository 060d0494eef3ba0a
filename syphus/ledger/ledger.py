"""The run's memory: what was asked and answered, and what came of it.

All is in one SQLite file, whose tables are in ``schema.sql``. What is awaited returns when its row is on disk, so a reply that
a job has seen is never asked for again; outcomes follow without waiting, since they can be made again from the replies.
Reading goes over a connection of its own.
"""

import sqlite3
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, NamedTuple, overload

import msgspec

from syphus.errors import LedgerError, ModelError
from syphus.exchange import Item, Message, Outcome, Reply, Request
from syphus.ledger import store
from syphus.ledger.commits import GroupCommit, Work
from syphus.ledger.reader import HELD, LOST, PAID, SPENT, Done, LedgerReader
from syphus.ledger.reserve import Reserve
from syphus.ledger.store import LEDGER_FILE

_KNOWN_TEXTS = 1024


class Call(NamedTuple):
    """How one attempt went, beside its result."""

    seconds: float
    endpoint: str = ""
    cost: float | None = None
    """US dollars; None where prices or counts are not known."""
    risk: float | None = None
    """US dollars that may have been billed although no count came."""
    batch: int | None = None


class Ledger(LedgerReader):
    """A ledger that is open for writing; no other process can open it so."""

    def __init__(self, path: Path) -> None:
        self._lock = store.lock(path.parent)
        try:
            super().__init__(path)
            self._commits = GroupCommit(store.connect(path), path, self._note_spent, self._forget)
        except BaseException:
            self._lock.close()
            raise
        self._spent_now = 0.0
        """US dollars of the attempts in the group that is being written."""
        self._written = _Written()
        # Where a run is new, what it has not written itself is not there, and need not be looked for.
        self._is_new = not self._read(
            "SELECT EXISTS (SELECT 1 FROM requests) OR EXISTS (SELECT 1 FROM outcomes)"
        ).fetchone()[0]
        self._ids: OrderedDict[Any, int] = OrderedDict()
        """Ids of shared texts, by what they are the text of."""
        self._places_kept = False

    def find_reply(self, key: str) -> Reply | None:
        """The reply that was paid for, or None."""
        return None if self._is_new and key not in self._written else super().find_reply(key)

    def find_done(self, item: str) -> Done | None:
        """The item's newest outcome, or None."""
        return None if self._is_new and item not in self._written else super().find_done(item)

    def close(self) -> None:
        """Writes what is waiting, and lets the file go. May be called twice."""
        self._commits.close()
        super().close()
        self._lock.close()

    def keep_reserve(self, calls: int) -> None:
        """Keeps room on the disk for the replies to so many calls, until the ledger is closed.

        Raises:
            LedgerError: there is none.
        """
        self._commits.reserve = Reserve(self.path.parent, calls)

    @property
    def full(self) -> LedgerError | None:
        """What is to be said in the end: the disk is full, and only what is on its way may still be written."""
        return self._commits.full

    def _note_spent(self, db: sqlite3.Connection) -> None:
        """Keeps the sum of all attempts beside them: should a page of them be lost, what they cost is still known."""
        if not self._spent_now:
            return
        change = "UPDATE meta SET value = CAST(value AS REAL) + ? WHERE key = ?"
        if not db.execute(change, (self._spent_now, SPENT)).rowcount:
            db.execute(f"INSERT INTO meta SELECT ?, ({PAID})", (SPENT,))
        self._spent_now = 0.0

    def _forget(self) -> None:
        self._ids.clear()
        self._spent_now = 0.0

    def flush(self) -> None:
        """Returns when all that was handed in is committed."""
        self._commits.flush()

    def put(self, work: Work) -> None:
        """Writes statements of another module with the next group; returns at once."""
        self._commits.put(work)

    def put_and_wait(self, work: Work) -> Awaitable[None]:
        """Writes statements of another module; done when they are on disk, and all that was handed in before."""
        return self._commits.put_and_wait(work)

    def record_attempt(
        self, key: str, request: Request, settings: str, result: Reply | ModelError, call: Call
    ) -> Awaitable[None]:
        """Stores one attempt; to be waited for.

        ``settings`` is what was sent besides the messages, as JSON; it never holds a key or a header.
        """
        return self._commits.put_and_wait(self.attempt_work(key, request, settings, result, call))

    def note_attempt(self, key: str, request: Request, settings: str, result: Reply | ModelError, call: Call) -> None:
        """Stores one attempt with the next group, for a task that may not wait."""
        self._commits.put(self.attempt_work(key, request, settings, result, call))

    def hold(self, dollars: float) -> None:
        """Notes that calls worth so much may be on their way; 0: none are any more."""
        self.set_meta(HELD, dollars)

    def count_what_was_held(self) -> None:
        """Counts as spent what the last start had on its way when it was killed."""
        if held := self.meta(HELD, float, 0.0):
            self.set_meta(LOST, self.meta(LOST, float, 0.0) + held)
            self.hold(0.0)

    def attempt_work(self, key: str, request: Request, settings: str, result: Reply | ModelError, call: Call) -> Work:
        """The statements that store one attempt, and its request where it is new."""
        store_attempt = self._attempt(result, call)
        return lambda db: store_attempt(db, self.request_id(db, key, request, settings))

    def answer_work(self, request: int, result: Reply | ModelError, call: Call) -> Work:
        """The statements that store one attempt of a request whose row is there."""
        store_attempt = self._attempt(result, call)
        return lambda db: store_attempt(db, request)

    def _attempt(self, result: Reply | ModelError, call: Call) -> Callable[[sqlite3.Connection, int], None]:
        at = time.time()
        if isinstance(result, ModelError):
            values: tuple[Any, ...] = (result.kind.value, result.message, result.status, *[None] * 9)
        else:
            used = result.usage
            counts = (
                (used.prompt, used.completion, used.cached, used.reasoning, used.cache_written) if used else (None,) * 5
            )
            values = (None, None, None, result.text, result.finish, result.refusal, result.model, *counts)

        def work(db: sqlite3.Connection, request: int) -> None:
            self._spent_now += (call.cost or 0.0) + (call.risk or 0.0)
            db.execute(
                "INSERT INTO attempts (request, at, seconds, endpoint, batch, cost, risk, failure, detail, status, reply,"
                " finish, refusal, model, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens,"
                " cache_written_tokens) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    request,
                    at,
                    round(call.seconds, 4),
                    self._text_id(db, call.endpoint, call.endpoint) if call.endpoint else None,
                    call.batch,
                    call.cost,
                    call.risk,
                    *values,
                ),
            )

        return work

    def request_id(self, db: sqlite3.Connection, key: str, request: Request, settings: str) -> int:
        """The row of a request, made if it is not there."""
        self._written.add(key)
        constant, varying = request.messages[: request.constant], request.messages[request.constant :]
        prefix = self._text_id(db, constant, constant) if constant else None
        cursor = db.execute(
            "INSERT OR IGNORE INTO requests (key, purpose, prefix, messages, settings) VALUES (?, ?, ?, ?, ?)",
            (key, request.purpose, prefix, _messages(varying), self._text_id(db, settings, None)),
        )
        if cursor.rowcount:
            return int(cursor.lastrowid or 0)
        return int(db.execute("SELECT id FROM requests WHERE key = ?", (key,)).fetchone()[0])

    def _text_id(self, db: sqlite3.Connection, name: Any, content: str | tuple[Message, ...] | None) -> int:
        """The row of a shared text. ``name`` finds it quickly; ``content`` is None where the name is the text itself."""
        known = self._ids.get(name)
        if known is None:
            text = _messages(content) if isinstance(content, tuple) else content if content is not None else name
            digest = blake2b(text.encode(), digest_size=16).digest()
            db.execute("INSERT OR IGNORE INTO texts (digest, text) VALUES (?, ?)", (digest, text))
            known = int(db.execute("SELECT id FROM texts WHERE digest = ?", (digest,)).fetchone()[0])
            self._ids[name] = known
            if len(self._ids) > _KNOWN_TEXTS:
                self._ids.popitem(last=False)
        else:
            self._ids.move_to_end(name)
        return known

    # -- outcomes

    def keep_places(self) -> None:
        """From now on an item that was made before keeps its place in the run's order.

        For work on a part of the run: the number of an item among those that are gone through is not its place then.
        """
        self._places_kept = True

    @property
    def places_kept(self) -> bool:
        """Only a part of the run is worked on."""
        return self._places_kept

    def record_outcome(self, item: Item, position: int, outcome: Outcome, *, state: str, detail: str) -> None:
        """Stores what came of an item; it is committed with the next group, after the replies that it was made of.

        In place of what an earlier start made of the same version and draw; else as a new generation.

        Args:
            item: what it is the outcome of.
            position: its place in the run's order, in which exports are written: the order in which replies happen to
                arrive must not show in the result.
            outcome: dialogues, rejects, notes.
            state: ``accepted``, ``partial``, ``rejected``, ``skipped`` or ``failed``.
            detail: why it failed or was skipped.
        """
        name, version, draw = item.id, item.version, item.draw
        row = (
            item.basis, item.category, item.scene_id, state, len(outcome.dialogues), outcome.pairs, detail,
            _json(outcome.rejects), _json(outcome.notes), _json(outcome.requests), _json(outcome.dialogues),
        )  # fmt: skip

        is_first = self._is_new and name not in self._written
        self._written.add(name)

        def work(db: sqlite3.Connection) -> None:
            newest = None
            if not is_first:
                newest = db.execute(
                    "SELECT generation, version, draw, position FROM outcomes WHERE item = ?"
                    " ORDER BY generation DESC LIMIT 1",
                    (name,),
                ).fetchone()
            generation = newest[0] + (newest[1:3] != (version, draw)) if newest else 1
            place = newest[3] if newest and self._places_kept else position
            db.execute(
                "INSERT OR REPLACE INTO outcomes (item, generation, version, draw, basis, category, scene, state,"
                " dialogue_count, pair_count, detail, rejects, notes, requests, dialogues, position)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (name, generation, version, draw, *row, place),
            )

        self._commits.put(work)

    def move_outcome(self, item: str, position: int) -> None:
        """Gives the item's newest outcome another place in the run's order."""
        if not self._places_kept:
            self._commits.put(
                lambda db: db.execute("UPDATE outcomes SET position = ? WHERE item = ?", (position, item))
            )

    def draw_again(self, items: Iterable[str]) -> None:
        """Another draw for each of these items; their next requests have new keys."""

        def work(db: sqlite3.Connection) -> None:
            db.executemany(
                "INSERT INTO draws VALUES (?, 1) ON CONFLICT (item) DO UPDATE SET draw = draw + 1",
                ((item,) for item in items),
            )

        self._do_now(work)
        self._has_draws = True

    # -- the run as a whole

    def set_meta(self, key: str, value: Any) -> None:
        """Stores one fact of the run, as JSON."""
        self._do_now(lambda db: db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, _json(value))))

    def record_category(self, fingerprint: str, name: str, content: Any) -> None:
        """Stores a category's whole text, so that the run can be repeated when the folder has changed."""
        row = (fingerprint, name, _json(content))
        self._do_now(lambda db: db.execute("INSERT OR IGNORE INTO categories VALUES (?, ?, ?)", row))

    def record_abilities(self, endpoint: str, abilities: Any) -> None:
        """Stores what an endpoint was found to do."""
        row = (endpoint, _json(abilities), datetime.now(UTC).isoformat(timespec="seconds"))
        self._do_now(lambda db: db.execute("INSERT OR REPLACE INTO endpoints VALUES (?, ?, ?)", row))

    def record_problem(self, source: str, file: str, place: str, message: str, *, lost: bool) -> None:
        """Stores something that could not be read; the same one, met again in a later start, is not counted twice."""
        row = (source, file, place, message, lost)
        self._commits.put(
            lambda db: db.execute(
                "INSERT OR IGNORE INTO problems (source, file, place, message, lost) VALUES (?, ?, ?, ?, ?)", row
            )
        )

    def _do_now(self, work: Work) -> None:
        """For the few rows that are written before and after the run, outside of the event loop's tasks."""
        self._commits.put(work)
        self.flush()


class _Written:
    """Keys and items that this start has written: says "no" for certain, and "yes" where it may be (a Bloom filter).

    Two bits for each in two megabytes: after a million of them, one "no" in seventy is taken for a "yes", and looked for.
    """

    _MASK = 2**24 - 1

    def __init__(self) -> None:
        self._bits = bytearray((self._MASK + 1) // 8)

    def add(self, name: str) -> None:
        """From now on it may be there."""
        number = hash(name)
        for bit in (number & self._MASK, number >> 24 & self._MASK):
            self._bits[bit >> 3] |= 1 << (bit & 7)

    def __contains__(self, name: str) -> bool:
        number = hash(name)
        one, other = number & self._MASK, number >> 24 & self._MASK
        return bool(self._bits[one >> 3] >> (one & 7) & self._bits[other >> 3] >> (other & 7) & 1)


@overload
def open_ledger(folder: Path) -> LedgerReader: ...


@overload
def open_ledger(folder: Path, *, create: Literal[True]) -> Ledger: ...


def open_ledger(folder: Path, *, create: bool = False) -> LedgerReader:
    """The ledger of a run's folder, for writing if ``create``, else for reading only.

    Raises:
        LedgerError: it is not there, another process writes it, it is damaged, or another version of syphus made it.
    """
    path = folder / LEDGER_FILE
    store.refuse_unfinished(path)
    if not path.exists():
        if not create:
            raise LedgerError(f"{folder}: there is no run here ({LEDGER_FILE} is missing).")
        store.create(path)
    return Ledger(path) if create else LedgerReader(path)


def _messages(messages: tuple[Message, ...]) -> str:
    return _json([[message.role, message.content] for message in messages])


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
