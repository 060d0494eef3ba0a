"""Reading a run's ledger: what was answered, what came of each item, what it cost. For writing: :mod:`syphus.engine.ledger`."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import msgspec

from syphus.engine import store
from syphus.exchange import Reject, Reply, Usage
from syphus.records import Dialogue

T = TypeVar("T")

_OUTCOME = "SELECT item, category, scene, state, dialogues, rejects, notes, detail, generation FROM"


class StoredOutcome(NamedTuple):
    """One item's outcome of one generation."""

    item: str
    category: str
    scene: str
    state: str
    dialogues: tuple[Dialogue, ...]
    rejects: tuple[Reject, ...]
    notes: tuple[str, ...]
    detail: str
    generation: int


class Done(NamedTuple):
    """What is to be known of an item's newest outcome, without its contents."""

    basis: str
    version: str
    draw: int
    state: str
    dialogues: int
    pairs: int
    position: int


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
    cost: float
    risk: float
    unpriced: int
    """Replies whose cost is not known."""


class Ended(NamedTuple):
    """How many items of a category ended in one way."""

    category: str
    state: str
    items: int
    dialogues: int
    pairs: int


class LedgerReader:
    """An open ledger that is only read; a run may be writing it at the same time.

    Args:
        path: the ledger's file.

    Raises:
        LedgerError: it is no ledger, damaged, or of another version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader = store.connect(path)
        try:
            self._has_draws = self._read("SELECT count(*) FROM draws").fetchone()[0] > 0
        except BaseException:
            self._reader.close()
            raise

    def close(self) -> None:
        """Lets the file go. May be called twice."""
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, statement: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._reader.execute(statement, values)
        except sqlite3.DatabaseError as error:
            raise store.damaged(self.path, error) from error

    def _rows(self, statement: str, values: tuple[Any, ...] = ()) -> Iterator[Any]:
        try:
            yield from self._reader.execute(statement, values)
        except sqlite3.DatabaseError as error:
            raise store.damaged(self.path, error) from error

    def find_reply(self, key: str) -> Reply | None:
        """The reply that was paid for, or None."""
        row = self._read(
            "SELECT reply, finish, refusal, model, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens,"
            " cache_written_tokens FROM requests JOIN attempts ON attempts.request = requests.id"
            " WHERE key = ? AND failure IS NULL ORDER BY attempts.id DESC LIMIT 1",
            (key,),
        ).fetchone()
        if row is None:
            return None
        text, finish, refusal, model, *tokens = row
        usage = None if tokens[0] is None else Usage(*(count or 0 for count in tokens))
        return Reply(text=text, finish=finish, refusal=refusal, usage=usage, model=model or "", key=key, replayed=True)

    def find_done(self, item: str) -> Done | None:
        """The item's newest outcome, or None."""
        row = self._read(
            "SELECT basis, version, draw, state, dialogue_count, pair_count, position FROM outcomes WHERE item = ?"
            " ORDER BY generation DESC LIMIT 1",
            (item,),
        ).fetchone()
        return Done(*row) if row else None

    def outcomes(self) -> Iterator[StoredOutcome]:
        """The items' newest outcomes in the run's order; nothing is held in memory but the row at hand."""
        return self._decoded(self._rows(f"{_OUTCOME} newest ORDER BY position, item"))

    def generations(self, category: str) -> Iterator[StoredOutcome]:
        """All outcomes of a category, an item's from the oldest to the newest, in the run's order."""
        ordered = f"{_OUTCOME} outcomes WHERE category = ? ORDER BY position, item, generation"
        return self._decoded(self._rows(ordered, (category,)))

    @staticmethod
    def _decoded(rows: Iterator[Any]) -> Iterator[StoredOutcome]:
        for item, category, scene, state, dialogues, rejects, notes, detail, generation in rows:
            yield StoredOutcome(
                item,
                category,
                scene,
                state,
                msgspec.json.decode(dialogues, type=tuple[Dialogue, ...]),
                msgspec.json.decode(rejects, type=tuple[Reject, ...]),
                msgspec.json.decode(notes, type=tuple[str, ...]),
                detail,
                generation,
            )

    def spent(self) -> list[Spent]:
        """Calls and tokens, a row for each ``category/step``."""
        rows = self._rows(
            "SELECT purpose, count(*), sum(failure IS NOT NULL), coalesce(sum(prompt_tokens), 0),"
            " coalesce(sum(completion_tokens), 0), coalesce(sum(cached_tokens), 0),"
            " sum(failure IS NULL AND prompt_tokens IS NULL), coalesce(sum(cost), 0), coalesce(sum(risk), 0),"
            " sum(failure IS NULL AND cost IS NULL)"
            " FROM attempts JOIN requests ON requests.id = attempts.request GROUP BY purpose ORDER BY purpose"
        )
        return [Spent(*row) for row in rows]

    def draw_of(self, item: str) -> int:
        """How often the item was asked for anew although nothing had changed."""
        if not self._has_draws:
            return 0
        row = self._read("SELECT draw FROM draws WHERE item = ?", (item,)).fetchone()
        return int(row[0]) if row else 0

    def ended(self) -> list[Ended]:
        """How the items ended, by category and state, in their newest generation."""
        rows = self._rows(
            "SELECT category, state, count(*), sum(dialogue_count), sum(pair_count) FROM newest"
            " GROUP BY category, state ORDER BY category, state"
        )
        return [Ended(*row) for row in rows]

    def reject_codes(self) -> dict[str, int]:
        """What was refused in the newest generation, by code."""
        return dict(
            self._rows(
                "SELECT json_extract(one.value, '$.code'), count(*) FROM newest, json_each(newest.rejects) AS one"
                " WHERE rejects != '[]' GROUP BY 1 ORDER BY 1"
            )
        )

    def note_texts(self) -> dict[str, int]:
        """The notes of the newest generation."""
        return dict(
            self._rows(
                "SELECT one.value, count(*) FROM newest, json_each(newest.notes) AS one"
                " WHERE notes != '[]' GROUP BY 1 ORDER BY 1"
            )
        )

    def details(self) -> dict[str, int]:
        """Why items failed or were skipped, each with its state before it."""
        return dict(
            self._rows("SELECT state || ': ' || detail, count(*) FROM newest WHERE detail != '' GROUP BY 1 ORDER BY 1")
        )

    def meta(self, key: str, type_: type[T], default: T) -> T:
        """One fact of the run."""
        row = self._read("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return msgspec.json.decode(row[0], type=type_) if row else default

    def find_abilities(self, endpoint: str, type_: type[T]) -> T | None:
        """What the endpoint was found to do, or None."""
        row = self._read("SELECT abilities FROM endpoints WHERE name = ?", (endpoint,)).fetchone()
        return msgspec.json.decode(row[0], type=type_) if row else None

    def problems(self) -> list[tuple[str, str, str, bool]]:
        """File, place, message and whether something was lost."""
        rows = self._rows("SELECT file, place, message, lost FROM problems ORDER BY id")
        return [(file, place, message, bool(lost)) for file, place, message, lost in rows]
