"""The ledger's part on batches: which requests wait where, and every step that was taken with the provider.

A step that the provider may act upon is written down before it is taken and after it was answered, each time on disk before
anything else happens. So whoever finds the ledger after a crash knows what can have happened. How a batch's state goes:

``packed`` (it waits for its turn) -> ``uploading`` (its file is on the way) -> ``creating`` (it is being handed in; from here
on it may be billed) -> the provider's own states, ``validating`` to ``completed``. A batch is open as long as requests are
queued in it; a request leaves the queue in the transaction that stores its reply.
"""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec
from msgspec import Struct, structs

from syphus.errors import FailureKind, LedgerError, ModelError
from syphus.exchange import Reply, Request
from syphus.ledger import store
from syphus.ledger.ledger import Call, Ledger

PACKED, UPLOADING, CREATING = "packed", "uploading", "creating"
UNSENT = (PACKED, UPLOADING)
"""The provider has no such batch, so nothing can be billed."""
_SAMPLE = 256


class Detail(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a batch beside the columns; kept as JSON."""

    most: float = 0.0
    """US dollars that it can cost at most; held back from the budget while it is open."""
    submitted_at: float | None = None
    completed: int = 0
    """Requests that the provider has answered, and that it says have failed, when it was last asked."""
    failed: int = 0
    note: str = ""
    """Why it waits, or was refused."""


class Batch(NamedTuple):
    """One batch as the ledger knows it."""

    id: int
    tag: str
    endpoint: str
    remote: str | None
    """The provider's name for it."""
    input_file: str | None
    state: str
    requests: int
    bytes: int
    tokens: int
    made_at: float
    detail: Detail
    queued: int
    """Requests that wait in it."""


class Brought(NamedTuple):
    """What a batch has brought so far."""

    stored: int = 0
    """Lines that are in the ledger."""
    failures: int = 0
    """How many of them are failures."""
    cost: float = 0.0
    """US dollars, with what may have been billed beside."""
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Shard(NamedTuple):
    """What makes up a new batch."""

    requests: list[int]
    """Rows of the requests."""
    bytes: int
    tokens: int
    most: float


class Failed(NamedTuple):
    """A request that failed in batches and has no reply."""

    error: ModelError
    tries: int


class BatchReader:
    """Batches of a ledger, to be read. Use it as a context manager.

    Args:
        path: the ledger's file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = store.connect(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def _rows(self, statement: str, values: tuple[Any, ...] = ()) -> list[Any]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise store.damaged(self._path, error) from error

    def batches(self) -> list[Batch]:
        """All batches, in the order they were packed."""
        rows = self._rows(
            "SELECT id, tag, endpoint, remote, input_file, state, requests, bytes, tokens, made_at, detail,"
            " (SELECT count(*) FROM queued WHERE batch = batches.id) FROM batches ORDER BY id"
        )
        return [Batch._make([*row[:10], msgspec.json.decode(row[10], type=Detail), row[11]]) for row in rows]

    def brought(self) -> dict[int, Brought]:
        """What each batch has brought; reads all attempts."""
        rows = self._rows(
            "SELECT batch, count(*), sum(failure IS NOT NULL), sum(coalesce(cost, 0) + coalesce(risk, 0)),"
            " coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0) FROM attempts"
            " WHERE batch IS NOT NULL GROUP BY batch"
        )
        return {batch: Brought(*rest) for batch, *rest in rows}

    def open(self) -> list[Batch]:
        """Those in which requests wait."""
        return [batch for batch in self.batches() if batch.queued]

    def is_queued(self, key: str) -> bool:
        """Whether a request waits in a batch."""
        found = self._rows("SELECT 1 FROM queued JOIN requests ON requests.id = queued.request WHERE key = ?", (key,))
        return bool(found)

    def queued_in(self, batch: int) -> dict[str, int]:
        """The requests that wait in a batch: key -> row."""
        return dict(
            self._rows("SELECT key, id FROM queued JOIN requests ON id = queued.request WHERE batch = ?", (batch,))
        )

    def stored_in(self, batch: int) -> set[str]:
        """The requests that a batch has brought something for."""
        rows = self._rows("SELECT key FROM attempts JOIN requests ON requests.id = request WHERE batch = ?", (batch,))
        return {key for (key,) in rows}

    def bodies(self, batch: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """Key and body of each request of a batch, made again from the ledger; nothing is held in memory but the row at hand.

        The order is that of the requests' rows, and so the same each time.
        """
        try:
            rows = self._db.execute(
                "SELECT key, (SELECT text FROM texts WHERE id = prefix), messages,"
                " (SELECT text FROM texts WHERE id = settings) FROM queued JOIN requests ON id = queued.request"
                " WHERE batch = ? ORDER BY queued.request",
                (batch,),
            )
            for key, prefix, messages, settings in rows:
                listed = [*(msgspec.json.decode(prefix) if prefix else ()), *msgspec.json.decode(messages)]
                body = msgspec.json.decode(settings)
                body["messages"] = [{"role": role, "content": content} for role, content in listed]
                yield key, body
        except sqlite3.DatabaseError as error:
            raise store.damaged(self._path, error) from error

    def failures(self, since: int) -> dict[str, Failed]:
        """Requests that failed in batches after the attempt ``since`` and have no reply: key -> the last failure."""
        rows = self._rows(
            "SELECT key, failure, detail, status FROM attempts AS a JOIN requests ON requests.id = a.request"
            " WHERE a.id > ? AND batch IS NOT NULL AND failure IS NOT NULL AND NOT EXISTS"
            " (SELECT 1 FROM attempts AS b WHERE b.request = a.request AND b.failure IS NULL) ORDER BY a.id",
            (since,),
        )
        found: dict[str, Failed] = {}
        for key, failure, detail, status in rows:
            tries = found[key].tries + 1 if key in found else 1
            found[key] = Failed(ModelError(FailureKind(failure), detail or "", status=status), tries)
        return found

    def last_attempt(self) -> int:
        """The newest attempt's number."""
        return int(self._rows("SELECT coalesce(max(id), 0) FROM attempts")[0][0])

    def counted_sizes(self) -> list[tuple[int, int]]:
        """Bytes and tokens of the newest prompts that an endpoint has counted."""
        return self._rows(
            "SELECT coalesce((SELECT length(CAST(text AS BLOB)) FROM texts WHERE id = prefix), 0)"
            " + length(CAST(messages AS BLOB)) + (SELECT length(CAST(text AS BLOB)) FROM texts WHERE id = settings),"
            " prompt_tokens FROM attempts JOIN requests ON requests.id = request WHERE prompt_tokens > 0"
            " ORDER BY attempts.id DESC LIMIT ?",
            (_SAMPLE,),
        )


class BatchBook(BatchReader):
    """Batches of a ledger that is open for writing."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger.path)
        self.ledger = ledger

    def add_request(self, key: str, request: Request, settings: dict[str, Any], rows: list[int]) -> None:
        """Stores a request; its row is added to ``rows`` when it is written."""
        sent = msgspec.json.encode(settings).decode()
        place = len(rows)
        rows.append(0)

        def work(db: sqlite3.Connection) -> None:  # may be done a second time, where the disk was full
            rows[place] = self.ledger.request_id(db, key, request, sent)

        self.ledger.put(work)

    def pack(self, shard: Shard, *, tag: str, endpoint: str) -> None:
        """Stores a batch that waits to be handed in; on disk before this returns. Blocks meanwhile."""
        self.ledger.put(lambda db: _insert(db, shard, tag, endpoint, ""))
        self.ledger.flush()

    async def pack_anew(self, batch: Batch, tags: list[str], *, state: str, note: str) -> None:
        """Moves what waits in a batch into as many new ones as there are tags; the old one ends in ``state``."""
        rows = sorted(self.queued_in(batch.id).values())
        size = -(-len(rows) // len(tags))
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        ended = _json(structs.replace(batch.detail, note=note))

        def work(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM queued WHERE batch = ?", (batch.id,))
            db.execute("UPDATE batches SET state = ?, detail = ? WHERE id = ?", (state, ended, batch.id))
            for tag, part in zip(tags, parts, strict=False):
                share = len(part) / max(len(rows), 1)
                most = batch.detail.most * share
                shard = Shard(part, round(batch.bytes * share), round(batch.tokens * share), most)
                _insert(db, shard, tag, batch.endpoint, note)

        await self.ledger.put_and_wait(work)

    async def note_step(
        self,
        batch: Batch,
        state: str,
        *,
        remote: str | None = None,
        input_file: str | None = None,
        detail: Detail | None = None,
    ) -> None:
        """Stores where a batch stands; on disk before this returns. What is None stays as it is."""
        values = (state, remote, input_file, _json(detail) if detail else None, batch.id)
        await self.ledger.put_and_wait(
            lambda db: db.execute(
                "UPDATE batches SET state = ?, remote = coalesce(?, remote), input_file = coalesce(?, input_file),"
                " detail = coalesce(?, detail) WHERE id = ?",
                values,
            )
        )

    async def take_back(self, batch: Batch, state: str, detail: Detail) -> None:
        """Ends a batch; the requests that still wait in it are pending again."""

        def work(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM queued WHERE batch = ?", (batch.id,))
            db.execute("UPDATE batches SET state = ?, detail = ? WHERE id = ?", (state, _json(detail), batch.id))

        await self.ledger.put_and_wait(work)

    def take_back_unsent(self) -> int:
        """All requests of batches that the provider does not have are pending again; returns how many these are."""
        unsent = [batch for batch in self.open() if batch.state in UNSENT]

        def work(db: sqlite3.Connection) -> None:
            for batch in unsent:
                db.execute("DELETE FROM queued WHERE batch = ?", (batch.id,))
                db.execute("UPDATE batches SET state = 'withdrawn' WHERE id = ?", (batch.id,))

        if unsent:
            self.ledger.put(work)
            self.ledger.flush()
        return sum(batch.queued for batch in unsent)

    def store_line(self, batch: int, request: int, result: Reply | ModelError, call: Call) -> None:
        """Stores what a batch brought for a request, and takes the request from the queue, in one transaction."""
        store_attempt = self.ledger.answer_work(request, result, call)

        def work(db: sqlite3.Connection) -> None:
            store_attempt(db)
            db.execute("DELETE FROM queued WHERE request = ? AND batch = ?", (request, batch))

        self.ledger.put(work)

    async def written(self) -> None:
        """Returns when all that was handed in is on disk."""
        await self.ledger.put_and_wait(lambda _: None)


def _insert(db: sqlite3.Connection, shard: Shard, tag: str, endpoint: str, note: str) -> None:
    detail = _json(Detail(most=shard.most, note=note))
    row = (tag, endpoint, PACKED, len(shard.requests), shard.bytes, shard.tokens, time.time(), detail)
    cursor = db.execute(
        "INSERT INTO batches (tag, endpoint, state, requests, bytes, tokens, made_at, detail)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        row,
    )
    if len(set(shard.requests)) != len(shard.requests):
        raise LedgerError(f"batch {tag}: a request is twice in it; this is a mistake of syphus's, please report it.")
    batch = cursor.lastrowid
    db.executemany("INSERT INTO queued VALUES (?, ?)", ((request, batch) for request in shard.requests))


def _json(detail: Detail) -> str:
    return msgspec.json.encode(detail).decode()
