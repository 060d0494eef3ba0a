"""Reading a run's ledger: what was answered, what came of each item, what it cost. For writing: :mod:`syphus.ledger.ledger`."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import msgspec

from syphus.exchange import Reject, Reply, Usage
from syphus.ledger import store
from syphus.records import Dialogue

T = TypeVar("T")

HELD, LOST, SPENT = "dollars on their way", "dollars lost", "dollars spent"
"""Facts of the run that the budget rests on. The last is the sum over all attempts, kept for the day when some are lost."""
PAID = "SELECT coalesce(sum(cost), 0.0) + coalesce(sum(risk), 0.0) FROM attempts"

_COLUMNS = ("item", "category", "scene", "state", "dialogues", "rejects", "notes", "detail", "generation")
_OUTCOME = f"SELECT {', '.join(_COLUMNS)} FROM"
_GENERATION = (*_COLUMNS, "version", "draw", "requests")
_BOTH = ", ".join(f"{side}.{name}" for side in ("old", "new") for name in _GENERATION)


ABOUT_DIALOGUES = ("judge/", "blind/", "correct/", "translate/")
"""What the categories begin with whose outcomes are about dialogues that other categories have made."""


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


class Generation(NamedTuple):
    """One item's outcome of one generation, with what made it a generation of its own."""

    outcome: StoredOutcome
    version: str
    draw: int
    requests: tuple[str, ...]
    """Keys, in the order asked."""


class Asked(NamedTuple):
    """One request as it is stored."""

    purpose: str
    prefix: int | None
    """The row of its constant messages; another row is another text."""
    messages: str
    """All others, as JSON."""
    settings: dict[str, Any]


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
    """Replies whose cost is not known, nor the most that it can be."""


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
            # Not `yield from`, which would close the cursor of one who stops early, maybe after the ledger was closed.
            for row in self._reader.execute(statement, values):  # noqa: UP028
                yield row
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
        """The items' newest outcomes that did not fail, in the run's order; nothing is held but the row at hand."""
        return self._decoded(_outcome, self._rows(f"{_OUTCOME} standing ORDER BY position, item"))

    def _decoded(self, decode: Callable[[Any], T], rows: Iterator[Any]) -> Iterator[T]:
        for row in rows:
            try:
                value = decode(row)
            except msgspec.DecodeError as error:  # SQLite keeps no checksums: a text may be another than was written
                raise store.damaged(self.path, error) from error
            yield value

    def compare(
        self, categories: Iterable[str], generations: tuple[int, int] | None = None
    ) -> Iterator[tuple[Generation, Generation]]:
        """Two generations of each item that has both, in the run's order; nothing else is held in memory.

        Args:
            categories: names.
            generations: the numbers of the older and the newer one; None: each item's last but one and its last.
        """
        rows = self._rows(
            f"SELECT {_BOTH} FROM outcomes AS new JOIN outcomes AS old ON old.item = new.item AND old.generation ="  # noqa: S608 - constants
            " coalesce(?, (SELECT max(generation) FROM outcomes WHERE item = new.item AND generation < new.generation))"
            " WHERE new.category IN (SELECT value FROM json_each(?)) AND new.generation ="
            " coalesce(?, (SELECT max(generation) FROM outcomes WHERE item = new.item))"
            " ORDER BY new.position, new.item",
            (
                generations[0] if generations else None,
                msgspec.json.encode(list(categories)).decode(),
                generations[1] if generations else None,
            ),
        )
        return self._decoded(
            lambda row: (_generation(row[: len(_GENERATION)]), _generation(row[len(_GENERATION) :])), rows
        )

    def find_asked(self, key: str) -> Asked | None:
        """What a request asked, or None."""
        row = self._read(
            "SELECT purpose, prefix, messages, texts.text FROM requests JOIN texts ON texts.id = settings WHERE key = ?",
            (key,),
        ).fetchone()
        if row is None:
            return None
        purpose, prefix, messages, settings = row
        return Asked(purpose, prefix, messages, self._value(settings, dict[str, Any]))

    def cost_of(self, keys: Iterable[str]) -> tuple[float, int]:
        """US dollars that the replies to these requests have cost, and how many of these replies have no known cost."""
        cost, unpriced = self._read(
            "SELECT coalesce(sum(cost), 0.0), count(*) - count(cost) FROM json_each(?) AS one"
            " JOIN requests ON requests.key = one.value JOIN attempts ON request = requests.id AND failure IS NULL",
            (msgspec.json.encode(list(keys)).decode(),),
        ).fetchone()
        return cost, unpriced

    def reject_codes_of(self, item: str) -> frozenset[str]:
        """The codes of what was refused of an item in its newest generation."""
        rows = self._rows(
            "SELECT json_extract(one.value, '$.code') FROM newest, json_each(newest.rejects) AS one WHERE item = ?",
            (item,),
        )
        return frozenset(code for (code,) in rows)

    def spent(self) -> list[Spent]:
        """Calls and tokens, a row for each ``category/step``."""
        rows = self._rows(
            "SELECT purpose, count(*), sum(failure IS NOT NULL), coalesce(sum(prompt_tokens), 0),"
            " coalesce(sum(completion_tokens), 0), coalesce(sum(cached_tokens), 0),"
            " sum(failure IS NULL AND prompt_tokens IS NULL), coalesce(sum(cost), 0), coalesce(sum(risk), 0),"
            " sum(failure IS NULL AND cost IS NULL AND risk IS NULL)"
            " FROM attempts JOIN requests ON requests.id = attempts.request GROUP BY purpose ORDER BY purpose"
        )
        return [Spent(*row) for row in rows]

    def cached(self, model: str, *, batch: bool = False) -> dict[str, tuple[int, int, int]]:
        """What the provider's prompt cache gave to one model, online or in batches, by ``category/step``.

        Returns:
            Replies whose prompts were counted, the tokens of these prompts, and how many of them came out of the cache.
        """
        rows = self._rows(
            "SELECT purpose, count(*), sum(prompt_tokens), coalesce(sum(cached_tokens), 0)"
            " FROM attempts JOIN requests ON requests.id = attempts.request"
            " WHERE prompt_tokens > 0 AND failure IS NULL AND (batch IS NOT NULL) = ? AND settings IN"
            " (SELECT id FROM texts WHERE id IN (SELECT DISTINCT settings FROM requests) AND json_valid(text)"
            "  AND json_extract(text, '$.model') = ?)"
            " GROUP BY purpose",
            (batch, model),
        )
        return {purpose: (replies, prompt, cached) for purpose, replies, prompt, cached in rows}

    def waiting(self) -> tuple[int, int]:
        """Requests that wait in batches for their reply, and in how many batches."""
        requests, batches = self._read("SELECT count(*), count(DISTINCT batch) FROM queued").fetchone()
        return requests, batches

    def dollars(self) -> float:
        """US dollars that the run has cost, and may have cost beside, over all its starts."""
        paid = self._read(PAID).fetchone()[0]
        return float(paid) + self.lost()

    def lost(self) -> float:
        """US dollars at most for calls of which no row tells.

        They were on their way when a start was killed (only kept where there is a budget), or a damaged ledger has lost them.
        """
        return self.meta(LOST, float, 0.0)

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

    def made_otherwise(self, versions: Mapping[str, str]) -> dict[str, int]:
        """How many items of each of these categories were made with other prompts, or another model, than those of its version."""
        rows = self._rows(
            "SELECT category, count(*) FROM newest JOIN json_each(?) AS now ON now.key = category"
            " WHERE version != now.value AND state != 'failed' GROUP BY category ORDER BY category",
            (msgspec.json.encode(versions).decode(),),
        )
        return dict(rows)

    def shares(self) -> dict[tuple[str, str], int]:
        """Pairs of what was made, by source and ability; what is about other dialogues is not counted."""
        others = "".join(f" AND category NOT GLOB '{family}*'" for family in ABOUT_DIALOGUES)
        rows = self._rows(
            "SELECT coalesce(json_extract(dialogues, '$[0].source'), ''),"  # noqa: S608 - of our own constants
            " coalesce(json_extract(dialogues, '$[0].ability'), 'perception'), sum(pair_count)"
            f" FROM standing WHERE pair_count > 0{others} GROUP BY 1, 2 ORDER BY 1, 2"
        )
        return {(source, ability): pairs for source, ability, pairs in rows}

    def reject_codes(self) -> dict[str, int]:
        """What was refused in the newest generation, by code."""
        return dict(
            self._rows(
                "SELECT json_extract(one.value, '$.code'), count(*) FROM newest, json_each(newest.rejects) AS one"
                " WHERE rejects != '[]' GROUP BY 1 ORDER BY 1"
            )
        )

    def refused(self) -> dict[tuple[str, str], int]:
        """What the checks refused in the newest generation, by category and check."""
        rows = self._rows(
            "SELECT category, substr(one.code, 1, instr(one.code || ':', ':') - 1), count(*) FROM"
            " (SELECT category, json_extract(value, '$.code') AS code FROM newest, json_each(newest.rejects)"
            " WHERE rejects != '[]') AS one GROUP BY 1, 2"
        )
        return {(category, check): count for category, check, count in rows}

    def echoes(self) -> dict[str, int]:
        """How often each demonstration was repeated by a reply, in the newest generation: ``category/file`` -> times."""
        return dict(
            self._rows(
                "SELECT category || '/' || json_extract(one.value, '$.evidence'), count(*)"
                " FROM newest, json_each(newest.rejects) AS one"
                " WHERE rejects LIKE '%\"echo\"%' AND json_extract(one.value, '$.code') = 'echo' GROUP BY 1 ORDER BY 2 DESC, 1"
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
        return self._value(row[0], type_) if row else default

    def find_abilities(self, endpoint: str, type_: type[T]) -> T | None:
        """What the endpoint was found to do, or None."""
        row = self._read("SELECT abilities FROM endpoints WHERE name = ?", (endpoint,)).fetchone()
        return self._value(row[0], type_) if row else None

    def _value(self, stored: str, type_: type[T]) -> T:
        try:
            return msgspec.json.decode(stored, type=type_)
        except msgspec.DecodeError as error:
            raise store.damaged(self.path, error) from error

    def problems(self) -> list[tuple[str, str, str, bool]]:
        """File, place, message and whether something was lost."""
        rows = self._rows("SELECT file, place, message, lost FROM problems ORDER BY id")
        return [(file, place, message, bool(lost)) for file, place, message, lost in rows]


def _outcome(row: tuple[Any, ...]) -> StoredOutcome:
    item, category, scene, state, dialogues, rejects, notes, detail, generation = row
    return StoredOutcome(
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


def _generation(row: tuple[Any, ...]) -> Generation:
    *outcome, version, draw, requests = row
    return Generation(_outcome(tuple(outcome)), version, draw, msgspec.json.decode(requests, type=tuple[str, ...]))
