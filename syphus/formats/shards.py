"""Files in shards, whose number is known only at the end: all take their names together, or none does."""

import os
import re
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import IO, Self

from syphus.errors import InputError

_NUMBERED = re.compile(r"-\d{5,}(?:-of-\d{5,})?$")


class Shards:
    """The shards of one dataset, written one after the other into a folder of their own beside the target.

    Use it in a ``with`` statement. When it ends without an error the shards are renamed: one alone is ``target``.

    Args:
        target: ``train.parquet``.
        name: (number from 0, how many there are) -> what is put behind the stem of a shard where there are several.
    """

    def __init__(self, target: Path, name: Callable[[int, int], str]) -> None:
        self.target = target
        self.files: list[Path] = []
        """The shards, under their final names, when all is written."""
        self._name = name
        self._written: list[Path] = []
        self._stack = ExitStack()
        self._stream: IO[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            folder = TemporaryDirectory(dir=self.target.parent, prefix=f".{self.target.name}.", suffix=".tmp")
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror or error}", file=self.target) from error
        self._folder = Path(self._stack.enter_context(folder))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            self._close()
            if kind is None:
                self._rename()

    def open_next(self) -> IO[bytes]:
        """A new shard; the one before it is closed and on disk."""
        self._close()
        path = self._folder / f"{len(self._written)}{self.target.suffix}"
        self._stream = path.open("wb")
        self._written.append(path)
        return self._stream

    def has_any(self) -> bool:
        """Whether a shard was begun."""
        return bool(self._written)

    def _close(self) -> None:
        if self._stream is not None and not self._stream.closed:
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._stream.close()
        self._stream = None

    def _rename(self) -> None:
        count = len(self._written)
        stem, suffix = self.target.stem, self.target.suffix
        names = [stem + (self._name(number, count) if count > 1 else "") + suffix for number in range(count)]
        self.files = [self.target.with_name(name) for name in names]
        for path, final in zip(self._written, self.files, strict=True):
            path.replace(final)

    def find_older(self) -> list[Path]:
        """Shards beside the target that are of an earlier export: a loader that takes all files would take them, too."""
        older = []
        with suppress(OSError):
            for path in sorted(self.target.parent.iterdir()):
                stem = _NUMBERED.sub("", path.stem)
                same = stem == self.target.stem and path.suffix == self.target.suffix
                if same and path not in self.files:
                    older.append(path)
        return older


def find_shards(file: Path) -> list[Path]:
    """The shards that a name stands for: the file itself; else, where it is not there, ``stem-00000...`` beside it.

    Raises:
        InputError: there is neither.
    """
    if file.is_file():
        return [file]
    found = []
    with suppress(OSError):
        beside = [
            path for path in sorted(file.parent.iterdir()) if path.suffix == file.suffix and path.stem != file.stem
        ]
        found = [path for path in beside if _NUMBERED.sub("", path.stem) == file.stem]
    if not found:
        raise InputError("cannot be read: there is no such file, and there are no shards of it", file=file)
    return found
