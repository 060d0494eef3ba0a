"""The run's memory: what was asked and answered, and what came of it.

All is in one SQLite file, whose tables are in ``schema.sql``. What is awaited returns when its row is on disk, so a reply that
a job has seen is never asked for again; outcomes follow without waiting, since they can be made again from the replies.
Reading goes over a connection of its own.
"""

import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, NamedTuple, overload

import msgspec

from syphus.errors import LedgerError, ModelError
from syphus.exchange import Item, Message, Outcome, Reply, Request
from syphus.ledger import store
from syphus.ledger.commits import GroupCommit, Work
from syphus.ledger.reader import HELD, LOST, LedgerReader
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
            self._commits = GroupCommit(store.connect(path), path)
        except BaseException:
            self._lock.close()
            raise
        self._ids: OrderedDict[Any, int] = OrderedDict()
        """Ids of shared texts, by what they are the text of."""
        self._places_kept = False

    def close(self) -> None:
        """Writes what is waiting, and lets the file go. May be called twice."""
        self._commits.close()
        super().close()
        self._lock.close()

    def flush(self) -> None:
        """Returns when all that was handed in is committed."""
        self._commits.flush()

    def put(self, work: Work) -> None:
        """Writes statements of another module with the next group; returns at once."""
        self._commits.put(work)

    async def put_and_wait(self, work: Work) -> None:
        """Writes statements of another module; returns when they are on disk, and all that was handed in before."""
        await self._commits.put_and_wait(work)

    async def record_attempt(
        self, key: str, request: Request, settings: dict[str, Any], result: Reply | ModelError, call: Call
    ) -> None:
        """Stores one attempt. ``settings`` is what was sent besides the messages; it never holds a key or a header."""
        await self._commits.put_and_wait(self.attempt_work(key, request, settings, result, call))

    def note_attempt(
        self, key: str, request: Request, settings: dict[str, Any], result: Reply | ModelError, call: Call
    ) -> None:
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

    def attempt_work(
        self, key: str, request: Request, settings: dict[str, Any], result: Reply | ModelError, call: Call
    ) -> Work:
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

    def request_id(self, db: sqlite3.Connection, key: str, request: Request, settings: dict[str, Any]) -> int:
        """The row of a request, made if it is not there."""
        constant, varying = request.messages[: request.constant], request.messages[request.constant :]
        prefix = self._text_id(db, constant, constant) if constant else None
        cursor = db.execute(
            "INSERT OR IGNORE INTO requests (key, purpose, prefix, messages, settings) VALUES (?, ?, ?, ?, ?)",
            (key, request.purpose, prefix, _messages(varying), self._text_id(db, _json(settings), None)),
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

        def work(db: sqlite3.Connection) -> None:
            newest = db.execute(
                "SELECT generation, version, draw, position FROM outcomes WHERE item = ? ORDER BY generation DESC LIMIT 1",
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
