"""A whole new ledger from one that is damaged, or was written by an older version.

Nothing is destroyed: the old file is read from a copy and stays beside the new one. The new ledger is made under another name
and takes its place when it is whole; who is killed in between starts again, or, once it was whole, only finishes the exchange.
"""

# ruff: noqa: S608 - the names of tables and columns are this program's own

import math
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, structs

from syphus.errors import LedgerError
from syphus.ledger import store
from syphus.ledger.reader import LOST, PAID, SPENT
from syphus.ledger.salvage import FORMS, LOST_TEXT_DIGEST, Row, Table, Wreck
from syphus.ledger.store import LEDGER_FILE, RESCUED_FILE
from syphus.records import Dialogue

_NOTHING = 1e-9
_WORK_FOLDER = "ledger.rescue"
_META = "rescue"
_ENDS = ("", "-wal", "-shm")
SHARED_BY = 16
"""A message of a ledger of form 1 that is sent with more requests than these is taken for a part of the constant prefix."""
LOST_TEXT = "(lost: the ledger was damaged here)"
LOST_PREFIX = f'[["system", "{LOST_TEXT}"]]'


class TableCount(Struct, frozen=True):
    """What was had of one table."""

    saved: int
    lost: int = 0
    """Rows that cannot be read, as far as they leave a trace: a gap in the numbering, or something that is no row."""
    left_out: int = 0
    """Rows that can be read but say nothing without others that are lost, as an attempt without its request."""


class Rescue(Struct, frozen=True, kw_only=True):
    """What came of it."""

    form: int
    """Of the old ledger."""
    whole: bool
    """There was nothing to do, and nothing was done."""
    kept: str = ""
    """The old ledger's name now."""
    tables: dict[str, TableCount] = {}
    dollars: float = 0.0
    """What the lost attempts have cost at most; it counts as spent."""
    is_guessed: bool = False
    """That figure was not noted in the ledger: each of them was taken to have cost as much as the dearest that was saved."""

    @property
    def lost(self) -> int:
        """Rows of all tables that are not in the new ledger."""
        return sum(one.lost + one.left_out for one in self.tables.values())


def rescue(folder: Path) -> Rescue:
    """Puts a whole ledger of today's form in the place of a run's, with all rows that can still be read.

    Raises:
        LedgerError: there is none; another process is in; a newer version wrote it; nothing can be read of it; or the folder
            cannot be written. The old ledger is then as it was.
    """
    file, work = folder / LEDGER_FILE, folder / _WORK_FOLDER
    if not file.exists() and not (folder / RESCUED_FILE).exists():
        raise LedgerError(f"{folder}: there is no run here ({LEDGER_FILE} is missing).")
    with closing(store.lock(folder)):
        try:
            if not (folder / RESCUED_FILE).exists():
                shutil.rmtree(work, ignore_errors=True)
                work.mkdir()
                made = _make(file, work)
                if made.whole:
                    return made
                (work / "new.sqlite").replace(folder / RESCUED_FILE)
            return _exchange(folder)
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(
                f"{folder}: the rescue cannot be written ({error}); the old ledger is as it was.\n"
                "  Free some space (about twice the ledger's), then start it again."
            ) from error
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _exchange(folder: Path) -> Rescue:
    """Gives the new ledger the old one's name. Killed in between it is finished by the next start."""
    with closing(sqlite3.connect(folder / RESCUED_FILE)) as db:
        row = db.execute("SELECT value FROM meta WHERE key = ?", (_META,)).fetchone()
    done = msgspec.json.decode(row[0], type=Rescue)
    for end in _ENDS:
        old = folder / f"{LEDGER_FILE}{end}"
        if old.exists():
            old.rename(folder / f"{done.kept}{end}")
    (folder / RESCUED_FILE).rename(folder / LEDGER_FILE)
    _sync(folder)
    return done


def _make(file: Path, work: Path) -> Rescue:
    """The new ledger, in ``work``; complete and on disk."""
    copy = work / "old.sqlite"
    for end in _ENDS[:2]:
        if (old := file.with_name(file.name + end)).exists():
            shutil.copyfile(old, copy.with_name(copy.name + end))
    with closing(Wreck(copy, work / "empty.sqlite")) as wreck:
        if wreck.version > store.SCHEMA_VERSION:
            raise store.other_version(file, wreck.version)
        new = work / "new.sqlite"
        with closing(_open(new)) as db:
            store.lay_out(db)
            # Form 2 goes straight into the new ledger; an older form is first made whole as it is, then carried over.
            old_form = wreck.form != store.SCHEMA_VERSION
            with closing(_open(work / "staged.sqlite") if old_form else db) as staged:
                if old_form:
                    _lay_out_old(staged, wreck.tables)
                unusable = _take_all(wreck, staged)
                if wreck.whole and not unusable.total() and not old_form:
                    return Rescue(form=wreck.form, whole=True)
                lost = _count_lost(staged, wreck.tables, unusable)
                if old_form:
                    unusable = _carry_over(staged, db)
                    lost = {name: lost[name] + unusable[name] for name in lost}
                left_out = _tie_up(db)
                made = Rescue(
                    form=wreck.form,
                    whole=False,
                    kept=_free_name(file.parent, "damaged" if not old_form else f"form{wreck.form}"),
                    tables={
                        name: TableCount(_one(db, f"SELECT count(*) FROM {name}"), lost.get(name, 0), left_out[name])
                        for name in (table.name for table in FORMS[store.SCHEMA_VERSION])
                    },
                )
                made = _charge_lost(db, made)
                if not any(made.tables[name].saved for name in ("attempts", "outcomes", "requests")):
                    raise LedgerError(
                        f"{file}: nothing that was asked or answered can be read; it stays as it is.\n"
                        "  Remove it, or name another folder with --run."
                    )
                db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_META, msgspec.json.encode(made).decode()))
                db.commit()
    _sync(new)
    return made


def _charge_lost(db: sqlite3.Connection, made: Rescue) -> Rescue:
    """Counts as spent what the lost attempts have cost, so that a budget holds over all that was ever paid.

    Their sum is noted beside the attempts. Where that note is lost too, each is taken to have cost as much as the dearest.
    """
    saved = float(db.execute(PAID).fetchone()[0])
    noted, lost = (_number(db, key) for key in (SPENT, LOST))
    rows = made.tables["attempts"]
    dearest = db.execute("SELECT max(coalesce(cost, 0.0) + coalesce(risk, 0.0)) FROM attempts").fetchone()[0] or 0.0
    gone = (rows.lost + rows.left_out) * dearest if noted is None else max(0.0, noted - saved)
    if gone < _NOTHING:  # sums of floating-point numbers, in another order
        return made
    for key, dollars in ((LOST, (lost or 0.0) + gone), (SPENT, saved)):
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, msgspec.json.encode(dollars).decode()))
    return structs.replace(made, dollars=gone, is_guessed=noted is None)


def _number(db: sqlite3.Connection, key: str) -> float | None:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    try:
        number = msgspec.json.decode(row[0], type=float) if row else None
    except msgspec.DecodeError:  # a damaged page may hold anything
        return None
    return number if number is not None and 0 <= number < math.inf else None


def _open(path: Path) -> sqlite3.Connection:
    """A connection for filling a file that nobody needs before it is complete."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = OFF")
    db.execute("PRAGMA synchronous = OFF")
    return db


def _sync(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    except PermissionError:  # Windows does not open folders
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _free_name(folder: Path, why: str) -> str:
    names = (f"ledger.{why}{number}.sqlite" for number in ("", *(f"-{count}" for count in range(2, 1000))))
    return next(name for name in names if not (folder / name).exists())


# -- taking the rows


def _lay_out_old(db: sqlite3.Connection, tables: tuple[Table, ...]) -> None:
    for table in tables:
        first, *rest = table.columns
        kind = "PRIMARY KEY" if table.named else "INTEGER PRIMARY KEY"
        db.execute(f"CREATE TABLE {table.name} ({first} {kind}, {', '.join(rest)})")


def _take_all(wreck: Wreck, db: sqlite3.Connection) -> Counter[str]:
    """Copies all rows that can be had; returns how many, by table, are there and cannot be used."""
    bad: dict[str, set[Any]] = {table.name: set() for table in wreck.tables}
    putters = {table.name: _putter(db, table) for table in wreck.tables}
    for table in wreck.tables:
        for number, row in wreck.rows(table):
            if row is None:
                bad[table.name].add(number)
            else:
                putters[table.name](row)
    if not wreck.whole:
        for table, row in wreck.stray_rows():
            putters[table.name](row)
            bad[table.name].discard(row[0])
    db.commit()
    return Counter({name: len(numbers) for name, numbers in bad.items()})


def _putter(db: sqlite3.Connection, table: Table) -> Callable[[Row], object]:
    places = ", ".join("?" * len(table.columns))
    statement = f"INSERT OR IGNORE INTO {table.name} ({table.listed}) VALUES ({places})"
    return lambda row: db.execute(statement, row)


def _one(db: sqlite3.Connection, statement: str) -> int:
    return int(db.execute(statement).fetchone()[0] or 0)


def _count_lost(db: sqlite3.Connection, tables: tuple[Table, ...], unusable: Counter[str]) -> dict[str, int]:
    """Rows that are lost, by table: those that numbers were given to, where rows are never deleted."""
    lost = dict(unusable)
    highest = {
        "texts": "SELECT max(id) FROM texts",
        "attempts": "SELECT max(id) FROM attempts",
        "requests": "SELECT max(max(id), (SELECT coalesce(max(request), 0) FROM attempts)) FROM requests",
    }
    for table in tables:
        if statement := highest.get(table.name):
            gaps = _one(db, statement) - _one(db, f"SELECT count(*) FROM {table.name}")
            lost[table.name] = max(gaps, lost[table.name])
    return lost


def _tie_up(db: sqlite3.Connection) -> Counter[str]:
    """Lets no row refer to one that is not there. Returns how many were left out for that, by table."""
    left_out: Counter[str] = Counter()
    for table, condition in (
        ("attempts", "request NOT IN (SELECT id FROM requests)"),
        ("queued", "request NOT IN (SELECT id FROM requests) OR batch NOT IN (SELECT id FROM batches)"),
    ):
        left_out[table] = db.execute(f"DELETE FROM {table} WHERE {condition}").rowcount
    db.execute("UPDATE attempts SET batch = NULL WHERE batch NOT IN (SELECT id FROM batches)")
    # A reply is found by its request's key, so a request is worth keeping without its texts.
    for table, column, instead in (
        ("requests", "settings", "{}"), ("requests", "prefix", LOST_PREFIX), ("attempts", "endpoint", LOST_TEXT),
    ):  # fmt: skip
        db.execute(
            "INSERT INTO texts (id, text, digest)"
            f" SELECT DISTINCT {column}, ?, CAST(CAST(? AS TEXT) || {column} AS BLOB) FROM {table}"
            f" WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT id FROM texts)",
            (instead, LOST_TEXT_DIGEST),
        )
    # How often an item was asked for anew also stands in its outcomes.
    db.execute(
        "INSERT INTO draws SELECT item, max(draw) FROM outcomes WHERE draw > 0 GROUP BY item"
        " ON CONFLICT (item) DO UPDATE SET draw = max(draw, excluded.draw)"
    )
    db.commit()
    return left_out


# -- from form 1 to form 2


def _carry_over(old: sqlite3.Connection, new: sqlite3.Connection) -> Counter[str]:
    """Copies a ledger of form 1 into one of form 2; returns how many rows, by table, could not be."""
    lost: Counter[str] = Counter()
    tables = {table.name: table for table in FORMS[2]}
    for table in FORMS[1]:
        if table.name in ("texts", "requests", "attempts", "outcomes"):
            continue
        put = _putter(new, tables[table.name])
        for row in old.execute(f"SELECT {table.listed} FROM {table.name}"):
            put(row)
    for name, rows in (("requests", _requests(old, new)), ("attempts", _attempts(old)), ("outcomes", _outcomes(old))):
        put = _putter(new, tables[name])
        for row in rows:
            if row is None:
                lost[name] += 1
            else:
                put(row)
    new.commit()
    return lost


def _requests(old: sqlite3.Connection, new: sqlite3.Connection) -> Iterator[Row | None]:
    """Form 1 had ``[role, texts.id]`` for each message, and the settings as a text of its own with each request."""
    used = Counter[int]()
    for (messages,) in old.execute("SELECT messages FROM requests"):
        used.update(number for _, number in _read_messages(messages))

    @lru_cache(1024)
    def text_of(number: int) -> str:
        row = old.execute("SELECT text FROM texts WHERE id = ?", (number,)).fetchone()
        return str(row[0]) if row else LOST_TEXT

    @lru_cache(1024)
    def id_of(text: str) -> int:
        digest = blake2b(text.encode(), digest_size=16).digest()
        new.execute("INSERT OR IGNORE INTO texts (text, digest) VALUES (?, ?)", (text, digest))
        return int(new.execute("SELECT id FROM texts WHERE digest = ?", (digest,)).fetchone()[0])

    def written(messages: list[tuple[str, int]]) -> str:
        return msgspec.json.encode([[role, text_of(number)] for role, number in messages]).decode()

    for number, key, purpose, stored, settings in old.execute("SELECT * FROM requests ORDER BY id"):
        messages = _read_messages(stored)
        if not messages:
            yield None
            continue
        shared = 0
        while shared < len(messages) - 1 and used[messages[shared][1]] > SHARED_BY:
            shared += 1
        prefix = id_of(written(messages[:shared])) if shared else None
        yield number, key, purpose, prefix, written(messages[shared:]), id_of(settings)


def _read_messages(stored: str) -> list[tuple[str, int]]:
    try:
        return msgspec.json.decode(stored, type=list[tuple[str, int]])
    except msgspec.DecodeError:
        return []


def _attempts(old: sqlite3.Connection) -> Iterator[Row | None]:
    """Form 1 had the moment as ISO 8601, and neither endpoint, batch nor cost."""
    for number, request, at, seconds, *reply in old.execute("SELECT * FROM attempts ORDER BY id"):
        try:
            moment = datetime.fromisoformat(at).timestamp()
        except ValueError:
            moment = 1.0  # the reply is worth more than the moment
        yield (number, request, moment, seconds, None, None, *reply, None, None, None)


def _outcomes(old: sqlite3.Connection) -> Iterator[Row | None]:
    """Form 1 did not know what an outcome rests on; so each is made again from the stored replies, which costs nothing."""
    decode: Callable[[Any], tuple[Dialogue, ...]] = msgspec.json.Decoder(tuple[Dialogue, ...]).decode
    for (
        number, item, generation, category, scene, state, dialogues, rejects, notes, requests, detail, position,
    ) in old.execute("SELECT * FROM outcomes ORDER BY id"):  # fmt: skip
        try:
            made = decode(dialogues)
        except msgspec.DecodeError:
            yield None
            continue
        pairs = sum(len(dialogue.turns) // 2 for dialogue in made)
        yield (
            number, item, generation, "", 0, "", category, scene, state, len(made), pairs, position, detail, rejects,
            notes, requests, dialogues,
        )  # fmt: skip
