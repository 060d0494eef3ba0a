"""The ledger's file: made, opened, locked, checked. What is in it is the business of :mod:`syphus.engine.ledger`.

A second process is kept out by an exclusive transaction on a small file beside the ledger; the operating system ends it with
the process, also after a kill -9.
"""

import sqlite3
from contextlib import closing, suppress
from importlib.resources import files
from pathlib import Path

from syphus.errors import LedgerError

SCHEMA_VERSION = 2
LEDGER_FILE = "ledger.sqlite"
_LOCK_FILE = "ledger.lock"
_CACHE_KIB = 16_000
"""Of pages in memory: the index over requests' keys is hit at random, and reading it back from disk would slow long runs."""


def create(path: Path) -> None:
    """Makes an empty ledger, under another name first: a ledger is whole or absent.

    Raises:
        LedgerError: the folder cannot be written.
    """
    temporary = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        with closing(sqlite3.connect(temporary)) as db:
            lay_out(db)
            db.commit()
        temporary.replace(path)
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise LedgerError(
            f"{path.parent}: the run cannot be kept there ({error}).\n  Name another folder with --run."
        ) from error


def lay_out(db: sqlite3.Connection) -> None:
    """Makes the tables."""
    db.executescript((files("syphus.engine") / "schema.sql").read_text())
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def connect(path: Path) -> sqlite3.Connection:
    """A connection to a ledger.

    Raises:
        LedgerError: it is no ledger, damaged, or of another version.
    """
    if _is_empty(path):
        raise LedgerError(
            f"{path}: is empty; a disk that was full may have done that.\n"
            "  Nothing can be saved from it. Remove the file, or name another folder with --run."
        )
    try:
        db = sqlite3.connect(path, timeout=30, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")
        # FULL: a reply survives a power cut, not only a killed process. Committing in groups makes it cheap.
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        version = db.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise damaged(path, error) from error
    if version != SCHEMA_VERSION:
        db.close()
        raise LedgerError(f"{path}: {_other_version(path, version)}")
    return db


def damaged(path: Path, error: Exception) -> LedgerError:
    """What is said of a ledger that SQLite cannot read."""
    return LedgerError(
        f"{path}: is no ledger, or a damaged one ({error}).\n"
        f"  `syphus recover {path.parent}` saves all rows that can still be read."
    )


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:
        return False


def _other_version(path: Path, version: int) -> str:
    if 0 < version < SCHEMA_VERSION:
        return (
            f"written by an older version of syphus (form {version}; this one writes {SCHEMA_VERSION}).\n"
            f"  `syphus recover {path.parent}` carries all of it over; the old file is kept."
        )
    return (
        f"written by another version of syphus (form {version}; this one reads {SCHEMA_VERSION}).\n"
        "  Use that version for this run, or name another folder with --run."
    )


def lock(folder: Path) -> sqlite3.Connection:
    """Keeps other processes out until it is closed.

    Raises:
        LedgerError: another process is in.
    """
    holder = sqlite3.connect(folder / _LOCK_FILE, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        holder.execute("BEGIN EXCLUSIVE")
    except sqlite3.DatabaseError as error:
        holder.close()
        raise LedgerError(
            f"{folder}: another syphus process is writing this run.\n  Wait for it, or stop it, then start again."
        ) from error
    return holder
