"""Reading what can still be read of a ledger's file, also where SQLite cannot find its way any more.

All of it happens in a copy, which is mended and overwritten at will. SQLite decodes every row; what is added here is the way
to them. A table is a tree of pages, and only its leaves hold rows, so a damaged page on the way to them hides hundreds of
good leaves. Therefore, where anything is wrong, every leaf of the file is put in the place of a table's root, one after the
other, and read as if it were the whole table (file format: https://www.sqlite.org/fileformat2.html, section 1.6).

SQLite keeps no checksums of its pages. A row counts as read when all its values have the type and the form that they must
have; damage that leaves them such a form cannot be seen.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, BinaryIO, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from syphus.engine import store

_MAGIC = b"SQLite format 3\0"
_FIXED = bytes((64, 32, 32))
"""The header's bytes 21 to 23 have no other value."""
_LEAF_OF_TABLE = 0x0D
_BLANK = "\0" * 8
"""No model writes that; a page that was zeroed on the disk reads so."""

Row = tuple[Any, ...]

_Kind: TypeAlias = type | UnionType | Any
_Id = Annotated[int, Meta(ge=1)]
_Moment = Annotated[float, Meta(gt=0)]
_Count = Annotated[int, Meta(ge=0)]
_Key = Annotated[str, Meta(pattern="^b2:[0-9a-f]{32}$")]
_List = Annotated[str, Meta(pattern=r"^\[")]


class Table(NamedTuple):
    """A table's name, and its columns with what may stand in them; the first is the row's number, unless ``named``."""

    name: str
    columns: dict[str, _Kind]
    named: bool = False
    """Its rows have a name and no number (``WITHOUT ROWID``)."""

    @property
    def listed(self) -> str:
        """The columns, for a statement."""
        return ", ".join(self.columns)


_REPLY: dict[str, _Kind] = {
    "failure": str | None, "detail": str | None, "status": int | None, "reply": str | None, "finish": str | None,
    "refusal": str | None, "model": str | None, "prompt_tokens": int | None, "completion_tokens": int | None,
    "cached_tokens": int | None, "reasoning_tokens": int | None,
}  # fmt: skip
_TEXTS = Table("texts", {"id": _Id, "text": str, "digest": bytes})
_COMMON = (
    Table(
        "problems",
        {"id": _Id, "source": str, "file": str, "place": str, "message": str, "lost": Annotated[int, Meta(ge=0, le=1)]},
    ),
    Table("meta", {"key": str, "value": str}, named=True),
    Table("categories", {"fingerprint": str, "name": str, "content": str}, named=True),
    Table("endpoints", {"name": str, "abilities": str, "found_at": str}, named=True),
)
FORMS: dict[int, tuple[Table, ...]] = {
    1: (
        _TEXTS,
        Table("requests", {"id": _Id, "key": _Key, "purpose": str, "messages": _List, "settings": str}),
        Table("attempts", {"id": _Id, "request": _Id, "at": str, "seconds": float, **_REPLY}),
        Table(
            "outcomes",
            {
                "id": _Id, "item": str, "generation": _Count, "category": str, "scene": str, "state": str,
                "dialogues": _List, "rejects": _List, "notes": _List, "requests": _List, "detail": str,
                "position": _Count,
            },
        ),
        *_COMMON,
    ),
    2: (
        _TEXTS,
        Table(
            "batches",
            {
                "id": _Id, "tag": str, "endpoint": str, "remote": str | None, "input_file": str | None, "state": str,
                "requests": _Count, "bytes": _Count, "tokens": _Count, "made_at": _Moment, "detail": str,
            },
        ),
        Table(
            "requests",
            {"id": _Id, "key": _Key, "purpose": str, "prefix": _Id | None, "messages": _List, "settings": _Id},
        ),
        Table(
            "attempts",
            {
                "id": _Id, "request": _Id, "at": _Moment, "seconds": float, "endpoint": _Id | None,
                "batch": _Id | None, **_REPLY, "cache_written_tokens": int | None, "cost": float | None,
                "risk": float | None,
            },
        ),
        Table("queued", {"request": _Id, "batch": _Id}),
        Table(
            "outcomes",
            {
                "id": _Id, "item": str, "generation": _Count, "version": str, "draw": _Count, "basis": str,
                "category": str, "scene": str, "state": str, "dialogue_count": _Count, "pair_count": _Count,
                "position": _Count, "detail": str, "rejects": _List, "notes": _List, "requests": _List,
                "dialogues": _List,
            },
        ),
        Table("draws", {"item": str, "draw": _Count}, named=True),
        *_COMMON,
    ),
}  # fmt: skip
"""The tables of each form of the ledger, those that others refer to first."""


class Wreck:
    """A ledger's file that may be old or damaged.

    Args:
        copy: a copy of the file; a ``-wal`` beside it is a part of it. Both are changed.
        empty: a name for an empty ledger, which is made to lend its first pages.
    """

    def __init__(self, copy: Path, empty: Path) -> None:
        self._path = copy
        store.create(empty)
        self._empty = empty.read_bytes()
        self._mend_header()
        self._take_in_wal()
        self._mend_header()
        self._settle()
        self._db = self._connect()
        self.form = self._find_form()
        """Which of :data:`FORMS` it has; 0 where its first page is lost or it is of a form that is not known."""
        self.version = self._version()
        """What its header says of the form."""
        if not self.form:
            self._db.close()
            self._lend_pages()
            self._db = self._connect()
            self.form = store.SCHEMA_VERSION
        self.whole = self._is_whole()
        """SQLite finds no fault. Its texts may be damaged all the same."""

    def close(self) -> None:
        """Lets the copy go."""
        self._db.close()

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables of its form."""
        return FORMS[self.form]

    def rows(self, table: Table) -> Iterator[Row | None]:
        """The table's rows as far as SQLite finds them; None for one that cannot be used."""
        orders = ("", " DESC") if table.named else ("",)
        for order in orders:
            first = next(iter(table.columns))
            plain = "" if table.named else " NOT INDEXED"
            reading = self._execute(f"SELECT {table.listed} FROM {table.name}{plain} ORDER BY {first}{order}")
            while (row := _next(reading)) is not None:
                yield _used(table, row)
            if reading is not None and not _failed(reading):
                return

    def stray_rows(self) -> Iterator[tuple[Table, Row]]:
        """The rows of every leaf of the file, wherever it belongs; those that :meth:`rows` found are among them."""
        numbered = [table for table in self.tables if not table.named]
        roots = dict(self._db.execute("SELECT name, rootpage FROM sqlite_schema WHERE type = 'table'").fetchall())
        with self._path.open("r+b", buffering=0) as file:
            size = self._page_size
            as_it_was = {page: _read_page(file, page, size) for page in roots.values()}
            pages = self._path.stat().st_size // size
            for page in range(2, pages + 1):
                data = as_it_was.get(page) or _read_page(file, page, size)
                if len(data) < size or data[0] != _LEAF_OF_TABLE:
                    continue
                for table in numbered:
                    root = roots[table.name]
                    _write_page(file, root, size, data)
                    found = list(self._leaf_rows(table, file))
                    _write_page(file, root, size, as_it_was[root])
                    yield from ((table, row) for row in found)
                    if found:
                        numbered.sort(key=lambda one, hit=table: one is not hit)  # its neighbours are likely its kin
                        break

    def _leaf_rows(self, table: Table, file: BinaryIO) -> Iterator[Row]:
        # SQLite looks at this count to see whether others have written the file, and forgets what it had read.
        self._changes += 1
        file.seek(24)
        file.write(self._changes.to_bytes(4, "big"))
        first = next(iter(table.columns))
        reading = self._execute(f"SELECT {first} FROM {table.name} NOT INDEXED")
        numbers = []
        while (found := _next(reading)) is not None:
            numbers.append(found[0])
        one = f"SELECT {table.listed} FROM {table.name} NOT INDEXED WHERE {first} = ?"
        for number in numbers:
            row = _next(self._execute(one, (number,)))
            if row is not None and (used := _used(table, row)) is not None:
                yield used

    # -- the file

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, cached_statements=64)
        db.text_factory = bytes  # decoded here, value by value: a bad one must not end the reading
        with suppress(sqlite3.Error):
            db.execute("PRAGMA cell_size_check = ON")
        return db

    def _execute(self, statement: str, values: Row = ()) -> sqlite3.Cursor | None:
        try:
            return self._db.execute(statement, values)
        except sqlite3.Error:
            return None

    def _mend_header(self) -> None:
        """Gives the file a header that SQLite takes: with the size that it has, and a whole one where there is none."""
        with self._path.open("r+b") as file:
            header = bytearray(file.read(100).ljust(100, b"\0"))
            size = int.from_bytes(header[16:18], "big")
            if not header.startswith(_MAGIC) or header[21:24] != _FIXED or (size & (size - 1)) or size not in _SIZES:
                header = bytearray(self._empty[:100])
            self._page_size = 65536 if (size := int.from_bytes(header[16:18], "big")) == 1 else size
            # Two counts that differ: the size in the header is not to be believed, that of the file is.
            header[24:28], header[92:96] = b"\0\0\0\1", b"\0\0\0\0"
            self._changes = 1
            file.seek(0)
            file.write(header)

    def _take_in_wal(self) -> None:
        with suppress(sqlite3.Error), closing(self._connect()) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for end in ("-wal", "-shm"):
            self._path.with_name(self._path.name + end).unlink(missing_ok=True)

    def _settle(self) -> None:
        """From now on the file is all there is."""
        with self._path.open("r+b") as file:
            file.seek(18)
            file.write(b"\1\1")

    def _find_form(self) -> int:
        def has(table: Table) -> bool:
            found = self._db.execute(f"SELECT name FROM pragma_table_info('{table.name}')").fetchall()
            return table.columns.keys() <= {name.decode() for (name,) in found}

        try:
            return next((form for form in (2, 1) if all(has(table) for table in FORMS[form])), 0)
        except (sqlite3.Error, UnicodeDecodeError):
            return 0

    def _version(self) -> int:
        try:
            return int(self._db.execute("PRAGMA user_version").fetchone()[0])
        except sqlite3.Error:
            return 0

    def _lend_pages(self) -> None:
        """Puts an empty ledger's pages in the place of those that say which tables there are.

        The same statements make the same pages at the same places; where they do not, the leaves are found all the same.
        """
        size = int.from_bytes(self._empty[16:18], "big")
        if size != self._page_size:
            self._page_size = size
        lender = self._path.with_name(f"{self._path.name}-lender")
        lender.write_bytes(self._empty)
        with closing(sqlite3.connect(lender)) as db:
            roots = {page for (page,) in db.execute("SELECT rootpage FROM sqlite_schema WHERE rootpage > 0")}
        with self._path.open("r+b", buffering=0) as file:
            for page in range(1, len(self._empty) // size + 1):
                if page not in roots:
                    _write_page(file, page, size, self._empty[(page - 1) * size : page * size])
        self._mend_header()

    def _is_whole(self) -> bool:
        try:
            return bool(self._db.execute("PRAGMA integrity_check(1)").fetchone() == (b"ok",))
        except sqlite3.Error:
            return False


_SIZES = {1, *(2**power for power in range(9, 16))}


def _read_page(file: BinaryIO, page: int, size: int) -> bytes:
    file.seek((page - 1) * size)
    return file.read(size)


def _write_page(file: BinaryIO, page: int, size: int, data: bytes) -> None:
    file.seek((page - 1) * size)
    file.write(data)
