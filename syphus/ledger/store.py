"""The ledger's file: made, opened, locked, checked. What is in it is the business of :mod:`syphus.ledger.ledger`.

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
RESCUED_FILE = "ledger.rescued.sqlite"
"""A complete ledger that :mod:`syphus.ledger.rescue` is about to put in the place of the old one."""
_LOCK_FILE = "ledger.lock"
_CACHE_KIB = 6_000
"""Of pages in memory: the index over requests' keys is hit at random, and reading it back from disk would slow long runs."""


def create(path: Path) -> None:
    """Makes an empty ledger, under another name first: a ledger is whole or absent.

    Raises:
        LedgerError: the folder cannot be written.
    """
    refuse_unfinished(path)
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
    schema = (files("syphus.ledger") / "schema.sql").read_text()
    db.executescript(f"BEGIN;\n{schema}\nCOMMIT;")  # one transaction: each of its own would wait for the disk
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def connect(path: Path) -> sqlite3.Connection:
    """A connection to a ledger.

    Raises:
        LedgerError: it is no ledger, damaged, or of another version.
    """
    refuse_unfinished(path)
    if _is_empty(path):
        raise LedgerError(
            f"{path}: is empty; a disk that was full may have done that.\n"
            "  Nothing can be saved from it. Remove the file, or name another folder with --run."
        )
    try:
        db = sqlite3.connect(path, timeout=30, check_same_thread=False)
        db.text_factory = lambda data: _decoded(path, data)
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            db.close()
            raise other_version(path, version)
        db.execute("PRAGMA journal_mode = WAL")
        # FULL: a reply survives a power cut, not only a killed process. Committing in groups makes it cheap.
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    except sqlite3.Error as error:
        raise damaged(path, error) from error
    return db


def damaged(path: Path, error: Exception) -> LedgerError:
    """What is said of a ledger that SQLite cannot read."""
    if primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LedgerError(f"{path}: another program keeps it locked ({error}).\n  {_LET_GO}")
    if primary_code(error) in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return LedgerError(
            f"{path}: cannot be opened ({error}).\n"
            "  The file and its folder must be writable, also for reading: copy the folder to where they are."
        )
    return LedgerError(
        f"{path}: is no ledger, or a damaged one ({error}).\n"
        f"  `syphus recover {path.parent}` saves all rows that can still be read."
    )


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:
        return False


def _decoded(path: Path, data: bytes) -> str:
    """SQLite does not look at what a text is; a page of it that was damaged shows here first."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise damaged(path, error) from error


def unwritable(path: Path, error: BaseException) -> LedgerError:
    """What is said when a row could not be written."""
    mend = {
        sqlite3.SQLITE_BUSY: _LET_GO,
        sqlite3.SQLITE_LOCKED: _LET_GO,
        sqlite3.SQLITE_CORRUPT: f"It is damaged: `syphus recover {path.parent}` saves all rows that can still be read.",
        sqlite3.SQLITE_NOTADB: f"It is damaged: `syphus recover {path.parent}` saves all rows that can still be read.",
    }.get(primary_code(error), "Free some space, then start the same command again.")
    return LedgerError(f"{path}: cannot be written ({error}).\n  What was stored before is whole. {mend}")


def other_version(path: Path, version: int) -> LedgerError:
    """What is said of a ledger that another version of syphus made."""
    if 0 < version < SCHEMA_VERSION:
        return LedgerError(
            f"{path}: written by an older version of syphus (form {version}; this one writes {SCHEMA_VERSION}).\n"
            f"  `syphus recover {path.parent}` carries all of it over; the old file is kept."
        )
    return LedgerError(
        f"{path}: written by another version of syphus (form {version}; this one reads {SCHEMA_VERSION}).\n"
        "  Use that version for this run, or name another folder with --run."
    )


_LET_GO = "Close what has it open (a database browser?), then start the same command again."


def is_full(error: BaseException) -> bool:
    """Whether more room on the disk may help. A quota that is used up is an input/output error to SQLite."""
    return primary_code(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def primary_code(error: BaseException) -> int:
    """SQLite's primary result code; 0 where there is none."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def refuse_unfinished(path: Path) -> None:
    """A rescue that was killed at its end must be finished first: what is written now would be lost by it."""
    if path.with_name(RESCUED_FILE).exists():
        raise LedgerError(
            f"{path.parent}: a rescue of this run's ledger was not finished.\n"
            f"  `syphus recover {path.parent}` finishes it."
        )


def lock(folder: Path) -> sqlite3.Connection:
    """Keeps other processes out until it is closed.

    Raises:
        LedgerError: another process is in, or the folder cannot be written.
    """
    holder: sqlite3.Connection | None = None
    try:
        holder = sqlite3.connect(folder / _LOCK_FILE, timeout=0, isolation_level=None, check_same_thread=False)
        holder.execute("PRAGMA journal_mode = MEMORY")
        holder.execute("BEGIN EXCLUSIVE")
        # A file that cannot be written is not locked by that, and SQLite does not say so until one tries. Never committed.
        holder.execute("PRAGMA user_version = 1")
    except sqlite3.Error as error:
        if holder:
            holder.close()
        if primary_code(error) != sqlite3.SQLITE_BUSY:
            raise LedgerError(
                f"{folder / _LOCK_FILE}: cannot be used ({error}).\n"
                "  The run's folder must be writable. If it is, remove this file, which holds nothing."
            ) from error
        raise LedgerError(
            f"{folder}: another syphus process is writing this run.\n  Wait for it, or stop it, then start again."
        ) from error
    return holder
