"""Parquet files and Arrow streams as rows of plain values, a batch at a time. The only importer of pyarrow."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from syphus.annotations.picture_files import walk_files
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_bytes
from syphus.errors import InputError

SUFFIXES = (".parquet", ".arrow")
_ROWS = 1024
_PICTURE_ROWS = 32
"""Rows of a batch where pictures lie in the file: some megabytes."""


def _arrow(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise InputError(
            "reading Parquet needs pyarrow", mend='Install it with `pip install "syphus[parquet]"`.'
        ) from error


def list_tables(path: Path) -> list[Path]:
    """The files to read.

    Raises:
        InputError: pyarrow is not there, or there is no such file.
    """
    _arrow("pyarrow")
    if not path.is_dir():
        open_bytes(path).close()
        return [path]
    files = [file for file in walk_files(path, SUFFIXES) if not file.name.startswith((".", "_", "cache-"))]
    if not files:
        raise InputError(f"has no {' or '.join(SUFFIXES)} files", file=path)
    return files


def open_table(file: Path, report: Report) -> "Table":
    """A file's columns; its rows are read when they are asked for.

    Raises:
        InputError: it is torn, or no such file.
    """
    return Table(file, report)


class Table:
    """A file of rows."""

    def __init__(self, file: Path, report: Report) -> None:
        self.file = file
        self._report = report
        with open_bytes(file) as stream:
            head = stream.read(4)
        if not head:
            raise InputError("is empty", file=file)
        self._parquet = head == b"PAR1"
        self._types = _arrow("pyarrow.types")
        self._errors = (_arrow("pyarrow").ArrowException, OSError, ValueError, OverflowError, MemoryError)
        with ExitStack() as stack:
            schema = self._schema(stack)
            self._schema_types = {field.name: field.type for field in schema}
            self.names: list[str] = list(self._schema_types)
            if len(self.names) < len(schema):
                raise InputError("has two columns of one name", file=file)
            features = _read_features(schema.metadata or {})
        self.classes: Sequence[str] = features.get("objects", ())
        """Names of the categories of ``objects``, where these are numbers."""
        self._labels = {name: names for name, names in features.items() if name in self._schema_types}
        self._chosen = self.names

    def choose(self, wanted: list[str]) -> list[str]:
        """Reads these columns and those of texts, numbers and truth values; returns the others."""
        types = self._types
        plain = (
            *(types.is_string, types.is_large_string, types.is_integer, types.is_floating, types.is_boolean),
            *(types.is_date, types.is_dictionary, types.is_null),
        )
        self._chosen = [
            name for name, type_ in self._schema_types.items() if name in wanted or any(check(type_) for check in plain)
        ]
        return [name for name in self.names if name not in self._chosen]

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Each row and its number, counted from 0.

        Raises:
            InputError: the file is torn inside.
        """
        number = 0
        with ExitStack() as stack:
            batches = self._batches(stack)
            while True:
                try:
                    batch = next(batches, None)
                except self._errors as error:
                    raise self._torn(error, f"row {number}") from error
                if batch is None:
                    return
                yield from self._convert(batch, number)
                number += batch.num_rows

    def _convert(self, batch: Any, first: int) -> Iterator[tuple[int, dict[str, Any]]]:
        try:
            rows: list[dict[str, Any] | None] = batch.to_pylist()
        except self._errors:
            rows = []
            for index in range(batch.num_rows):
                try:
                    rows += batch.slice(index, 1).to_pylist()
                except self._errors as error:
                    rows.append(None)
                    message = f"it cannot be read: {str(error)[:120]}; the row is left out"
                    self._report(Problem(file=str(self.file), place=f"row {first + index}", message=message))
        for index, row in enumerate(rows, first):
            if row is None:
                continue
            for name, names in self._labels.items():
                value = row.get(name)
                if isinstance(value, int) and 0 <= value < len(names):
                    row[name] = names[value]
            yield index, row

    def _schema(self, stack: ExitStack) -> Any:
        try:
            if self._parquet:
                table = stack.enter_context(_arrow("pyarrow.parquet").ParquetFile(self.file))
                return table.schema_arrow
            return stack.enter_context(self._open_stream(stack)).schema
        except self._errors as error:
            raise self._torn(error, "") from error

    def _open_stream(self, stack: ExitStack) -> Any:
        """An Arrow stream, or an Arrow file: ``datasets`` writes the first, others the second."""
        arrow, ipc = _arrow("pyarrow"), _arrow("pyarrow.ipc")
        source = stack.enter_context(arrow.memory_map(str(self.file)))
        head = source.read(6)
        source.seek(0)
        return ipc.open_file(source) if head == b"ARROW1" else ipc.open_stream(source)

    def _batches(self, stack: ExitStack) -> Iterator[Any]:
        binary = any("binary" in str(self._schema_types[name]) for name in self._chosen)
        size = _PICTURE_ROWS if binary else _ROWS
        try:
            if self._parquet:
                table = stack.enter_context(_arrow("pyarrow.parquet").ParquetFile(self.file))
                yield from table.iter_batches(batch_size=size, columns=self._chosen, use_threads=False)
                return
            stream = stack.enter_context(self._open_stream(stack))
            count = getattr(stream, "num_record_batches", None)
            whole = stream if count is None else map(stream.get_batch, range(count))
            for batch in whole:
                chosen = batch.select(self._chosen)
                for start in range(0, batch.num_rows, size):
                    yield chosen.slice(start, size)
        except self._errors as error:
            raise self._torn(error, "") from error

    def _torn(self, error: BaseException, place: str) -> InputError:
        if isinstance(error, InputError):
            return error
        mend = "It was cut while being written or copied, or is no such file. Fetch it again."
        reason = (str(error).splitlines() or [""])[0][:160]
        return InputError(f"is no Parquet or Arrow file, or torn: {reason}", file=self.file, place=place, mend=mend)


class _Info(msgspec.Struct, frozen=True):
    features: dict[str, Any] = {}


class _HuggingFace(msgspec.Struct, frozen=True):
    info: _Info = _Info()


def _read_features(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """The names of the classes of each column that is a ``ClassLabel``, or a record with one."""
    try:
        features = msgspec.json.decode(metadata.get(b"huggingface", b"{}"), type=_HuggingFace).info.features
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {}
    found: dict[str, list[str]] = {}
    for name, feature in features.items():
        names = _find_names(feature, 0)
        if names:
            found[name] = names
    return found


def _find_names(feature: Any, depth: int) -> list[str]:
    if depth > 4:
        return []
    if isinstance(feature, list):
        feature = feature[0] if feature else None
    if not isinstance(feature, dict):
        return []
    names = feature.get("names")
    if (
        feature.get("_type") == "ClassLabel"
        and isinstance(names, list)
        and all(isinstance(name, str) for name in names)
    ):
        return names
    return next((names for inner in feature.values() if (names := _find_names(inner, depth + 1))), [])
