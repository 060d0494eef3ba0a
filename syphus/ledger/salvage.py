"""Reading what can still be read of a ledger's file, also where SQLite cannot find its way any more.

All of it happens in a copy, which is mended and overwritten at will. SQLite decodes every row; what is added here is the way
to them. A table is a tree of pages, and only its leaves hold rows, so a damaged page on the way to them hides hundreds of
good leaves. Therefore, where anything is wrong, every leaf of the file is put in the place of a table's root, one after the
other, and read as if it were the whole table (file format: https://www.sqlite.org/fileformat2.html, section 1.6).

SQLite keeps no checksums of its pages. A row counts as read when all its values have the type and the form that they must
have; damage that leaves them such a form cannot be seen.
"""

# ruff: noqa: S608 - the names of tables and columns are this program's own

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from hashlib import blake2b
from pathlib import Path
from types import UnionType
from typing import IO, Annotated, Any, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from syphus.exchange import Reject
from syphus.ledger import store
from syphus.records import Dialogue

_MAGIC = b"SQLite format 3\0"
_FIXED = bytes((64, 32, 32))
"""The header's bytes 21 to 23 have no other value."""
_LEAF_OF_TABLE = 0x0D
_LONGEST_HEADER = 128
"""Bytes that say the types of a row's columns; of ours, which have no more than twenty."""
LOST_TEXT_DIGEST = b"lost text "
"""What the digest of a text begins with that stands for one that is lost."""
_BLANK = "\0" * 8
"""No model writes that; a page that was zeroed on the disk reads so."""

Row = tuple[Any, ...]

_Kind: TypeAlias = type | UnionType | Any
_Id = Annotated[int, Meta(ge=1)]
_Moment = Annotated[float, Meta(gt=0)]
_Count = Annotated[int, Meta(ge=0)]
_Key = Annotated[str, Meta(pattern="^b2:[0-9a-f]{32}$")]
_Json = Annotated[str, Meta(description="JSON")]
_CONTENTS: dict[str, msgspec.json.Decoder[Any]] = {
    "dialogues": msgspec.json.Decoder(tuple[Dialogue, ...]),
    "rejects": msgspec.json.Decoder(tuple[Reject, ...]),
    "notes": msgspec.json.Decoder(tuple[str, ...]),
    "requests": msgspec.json.Decoder(tuple[str, ...]),
}
"""What the JSON of an outcome's columns must be: one that no export can read is better made again from the replies."""
_ANY = msgspec.json.Decoder[Any]()


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
    Table("meta", {"key": str, "value": _Json}, named=True),
    Table("categories", {"fingerprint": str, "name": str, "content": _Json}, named=True),
    Table("endpoints", {"name": str, "abilities": _Json, "found_at": str}, named=True),
)
FORMS: dict[int, tuple[Table, ...]] = {
    1: (
        _TEXTS,
        Table("requests", {"id": _Id, "key": _Key, "purpose": str, "messages": _Json, "settings": str}),
        Table("attempts", {"id": _Id, "request": _Id, "at": str, "seconds": float, **_REPLY}),
        Table(
            "outcomes",
            {
                "id": _Id, "item": str, "generation": _Count, "category": str, "scene": str, "state": str,
                "dialogues": _Json, "rejects": _Json, "notes": _Json, "requests": _Json, "detail": str,
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
            {"id": _Id, "key": _Key, "purpose": str, "prefix": _Id | None, "messages": _Json, "settings": _Id},
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
                "position": _Count, "detail": str, "rejects": _Json, "notes": _Json, "requests": _Json,
                "dialogues": _Json,
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
        self._mended = False
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
            self._mended = True
        self.whole = not self._mended and self._is_whole()
        """Nothing had to be mended, and SQLite finds no fault. Its texts may be damaged all the same."""

    def close(self) -> None:
        """Lets the copy go."""
        self._db.close()

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables of its form."""
        return FORMS[self.form]

    def rows(self, table: Table) -> Iterator[tuple[Any, Row | None]]:
        """The table's rows as far as SQLite finds them, each with its number; None for one that cannot be used.

        Some may come twice.
        """
        first = next(iter(table.columns))
        plain = "" if table.named else " NOT INDEXED"
        for order in ("", " DESC"):
            for row in self._walk(f"SELECT {table.listed} FROM {table.name}{plain} ORDER BY {first}{order}"):
                yield row[0], _used(table, row)
            if not self._stumbled or not table.named:
                return

    def stray_rows(self) -> Iterator[tuple[Table, Row]]:
        """The rows of every leaf of the file, wherever it belongs; those that :meth:`rows` found are among them."""
        numbered = [table for table in self.tables if not table.named]
        statement = "SELECT name, rootpage FROM sqlite_schema WHERE type = 'table'"
        roots = {name.decode(): page for name, page in self._db.execute(statement).fetchall()}
        with self._path.open("r+b", buffering=0) as file:
            size = self._page_size
            as_it_was = {page: _read_page(file, page, size) for page in roots.values()}
            pages = self._path.stat().st_size // size
            for page in range(2, pages + 1):
                data = as_it_was.get(page) or _read_page(file, page, size)
                if len(data) < size or data[0] != _LEAF_OF_TABLE:
                    continue
                width = _width_of_rows(data)
                for table in numbered:
                    if len(table.columns) != width:
                        continue
                    root = roots[table.name]
                    _write_page(file, root, size, data)
                    found = list(self._leaf_rows(table, file))
                    _write_page(file, root, size, as_it_was[root])
                    yield from ((table, row) for row in found)
                    if found:
                        break

    def _leaf_rows(self, table: Table, file: IO[bytes]) -> Iterator[Row]:
        # SQLite looks at this count to see whether others have written the file, and then forgets what it had read.
        self._changes += 1
        file.seek(24)
        file.write(self._changes.to_bytes(4, "big"))
        self._db.execute("BEGIN")  # so that it looks only once
        first = next(iter(table.columns))
        numbers = [number for (number,) in self._walk(f"SELECT {first} FROM {table.name} NOT INDEXED")]
        one = f"SELECT {table.listed} FROM {table.name} NOT INDEXED WHERE {first} = ?"
        for number in numbers:
            for row in self._walk(one, (number,)):
                if (used := _used(table, row)) is not None:
                    yield used
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _walk(self, statement: str, values: Row = ()) -> Iterator[Row]:
        """Rows up to the end, or to what SQLite cannot read: then it has stumbled."""
        self._stumbled = False
        try:
            yield from self._db.execute(statement, values)
        except sqlite3.Error:
            self._stumbled = True

    # -- the file

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, cached_statements=64)
        db.text_factory = bytes  # decoded here, value by value: a bad one must not end the reading
        with suppress(sqlite3.Error):
            db.execute("PRAGMA cell_size_check = ON")
        return db

    def _mend_header(self) -> None:
        """Gives the file a header that SQLite takes: with the size that it has, and a whole one where there is none."""
        with self._path.open("r+b") as file:
            header = bytearray(file.read(100).ljust(100, b"\0"))
            size = int.from_bytes(header[16:18], "big")
            if not header.startswith(_MAGIC) or header[21:24] != _FIXED or (size & (size - 1)) or size not in _SIZES:
                header = bytearray(self._empty[:100])
                self._mended = True
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
        self._page_size = size
        lender = self._path.with_name(f"{self._path.name}-lender")
        lender.write_bytes(self._empty)
        with closing(sqlite3.connect(lender)) as db:
            roots = {page for (page,) in db.execute("SELECT rootpage FROM sqlite_schema WHERE rootpage > 0")}
        with self._path.open("r+b", buffering=0) as file:
            file.truncate(max(self._path.stat().st_size, len(self._empty)))
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


def _read_page(file: IO[bytes], page: int, size: int) -> bytes:
    file.seek((page - 1) * size)
    return file.read(size)


def _write_page(file: IO[bytes], page: int, size: int, data: bytes) -> None:
    file.seek((page - 1) * size)
    file.write(data)


def _width_of_rows(leaf: bytes) -> int:
    """How many columns most rows of a leaf have; 0 where there are none."""
    widths = Counter[int]()
    for place in range(8, 8 + 2 * int.from_bytes(leaf[3:5], "big"), 2):
        with suppress(IndexError):
            _, at = _varint(leaf, int.from_bytes(leaf[place : place + 2], "big"))  # the row's size
            _, start = _varint(leaf, at)  # the row's number
            length, at = _varint(leaf, start)
            if length > _LONGEST_HEADER:
                continue  # garbage
            width = 0
            while at < start + length:
                _, at = _varint(leaf, at)
                width += 1
            widths[width] += 1
    return max(widths, key=widths.__getitem__, default=0)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """An integer of one to nine bytes, and where it ends."""
    value = 0
    for _ in range(8):
        value = value << 7 | data[at] & 0x7F
        at += 1
        if data[at - 1] < 0x80:
            return value, at
    return value << 8 | data[at], at + 1


def _used(table: Table, row: Row) -> Row | None:
    """The row with its texts decoded; None where a value is not what it must be."""
    kinds = table.columns.values()
    try:
        values = tuple(
            value.decode() if isinstance(value, bytes) and kind is not bytes else value
            for value, kind in zip(row, kinds, strict=True)
        )
        for value, (name, kind) in zip(values, table.columns.items(), strict=True):
            msgspec.convert(value, kind, builtin_types=(bytes,))
            if isinstance(value, str) and _BLANK in value:
                return None
            if kind is _Json:
                _CONTENTS.get(name, _ANY).decode(value)
    except (ValueError, msgspec.MsgspecError):
        return None
    return values if table is not _TEXTS or _is_sound(values[1], values[2]) else None


def _is_sound(text: Any, digest: Any) -> bool:
    known: bytes = blake2b(text.encode(), digest_size=16).digest()
    return bool(digest == known or digest.startswith(LOST_TEXT_DIGEST))
