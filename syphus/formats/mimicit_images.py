"""MIMIC-IT's pictures: one Parquet file whose index is the picture's id and whose one column is ``base64``.

Otter's loader reads it with ``pandas.read_parquet`` and takes ``images.loc[id]["base64"]``: the id must be the index, which
pandas finds by the ``pandas`` metadata of the schema, and may stand there once only, over all files. pyarrow writes and reads
it here; it is the extra ``syphus[parquet]``.
"""

import json
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import lru_cache
from hashlib import sha256
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self

from syphus.errors import InputError
from syphus.files import write_whole
from syphus.formats.arrow import import_parquet
from syphus.formats.parts import Pictures, UnfitError, check_kind
from syphus.formats.picture_bytes import PictureBytes, load_file, load_picture
from syphus.records import Asset, Dialogue

_INDEX = "__index_level_0__"
_GROUP = 32 << 20
"""Bytes of a row group: what is in memory while writing, and what a reader has to take at once."""

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})

_PANDAS = {
    "index_columns": [_INDEX],
    "column_indexes": [
        {"name": None, "field_name": None, "pandas_type": "unicode", "numpy_type": "object", "metadata": None}
    ],
    "columns": [
        {"name": "base64", "field_name": "base64", "pandas_type": "unicode", "numpy_type": "object", "metadata": None},
        {"name": None, "field_name": _INDEX, "pandas_type": "unicode", "numpy_type": "object", "metadata": None},
    ],
    "creator": {"library": "pyarrow", "version": "18.0.0"},
    "pandas_version": "2.2.3",
}


class ImageFile:
    """The picture file that is being written; after :meth:`finish` it is there when the ``with`` block ends without an error.

    Args:
        path: of the file. Without a picture it is not made.
        short: the dataset's short name, which every id begins with.
        pictures: find them.
        folders: source -> its picture folder, for those of frames.
    """

    def __init__(self, path: Path, short: str, pictures: Pictures, folders: Mapping[str, Path]) -> None:
        self.path = path
        self.files: dict[str, Path] = {}
        """Picture id -> its file, where it has one."""
        self.ids: set[str] = set()
        self._short, self._pictures, self._folders = short, pictures, folders
        self._known: dict[str, str] = {}
        self._stack = ExitStack()
        self._writer: Any = None
        self._schema: Any = None
        self._rows: list[tuple[str, str]] = []
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def finish(self) -> None:
        """Writes what is still in memory."""
        if self._rows:
            self._flush()

    def add(self, asset: Asset, dialogue: Dialogue, wanted: str = "") -> list[str]:
        """The ids of an asset's pictures, which are written if they are not yet: one, or those of a folder of frames.

        Args:
            asset: of kind ``image`` or ``frames``.
            dialogue: its own.
            wanted: the id that the picture had in another MIMIC-IT dataset.

        Raises:
            UnfitError: a picture cannot be found or read, or is none.
        """
        check_kind(asset, ("image", "frames"))
        if asset.kind == "frames":
            ids = []
            for number, frame in enumerate(self._list_frames(asset, dialogue), start=1):
                key = f"{dialogue.source}\n{asset.path}/{frame.name}"
                if key not in self._known:
                    # Dense Captions and TV Captions call them so: the clip, and the frame's number.
                    name = f"{_cut_stem(asset.path or '')}_{number:04d}"
                    self._store(key, load_file(frame, key=key), name)
                ids.append(self._known[key])
            return ids
        place = asset.path or sha256((asset.url or "").encode("utf-8", "replace")).hexdigest()[:32]
        key = f"{dialogue.source}\n{place}"
        if key not in self._known:
            self._store(key, load_picture(asset, dialogue, self._pictures), _cut_stem(place), wanted)
        return [self._known[key]]

    def _list_frames(self, asset: Asset, dialogue: Dialogue) -> list[Path]:
        folder = self._folders.get(dialogue.source, self._folders.get(""))
        path = PurePosixPath(asset.path or "")
        if folder is None or not asset.path or ".." in path.parts or "\\" in asset.path:
            raise UnfitError("the folder of its frames is not known, or leads out of its source's")
        try:
            frames = sorted(file for file in (folder / path).iterdir() if file.suffix.lower() in _SUFFIXES)
        except OSError as error:
            raise UnfitError("the folder of its frames is missing") from error
        if not frames:
            raise UnfitError("the folder of its frames holds no picture")
        return frames

    def _store(self, key: str, picture: PictureBytes, name: str, wanted: str = "") -> None:
        mark = f"{self._short}_IMG_"
        base = wanted if wanted.startswith(mark) else name if name.startswith(mark) else mark + name
        identity, number = base, 1
        while identity in self.ids:  # another picture of the same name, in another folder or source
            number += 1
            identity = f"{base}-{number}"
        self._known[key] = identity
        self.ids.add(identity)
        if picture.file is not None:
            self.files[identity] = picture.file
        text = b64encode(picture.data).decode("ascii")
        self._rows.append((identity, text))
        self._size += len(text)
        if self._size >= _GROUP:
            self._flush()

    def _flush(self) -> None:
        pa, pq = import_parquet("writing MIMIC-IT's pictures")
        if self._writer is None:
            schema = pa.schema(
                [("base64", pa.string()), (_INDEX, pa.string())], metadata={"pandas": json.dumps(_PANDAS)}
            )
            stream = self._stack.enter_context(write_whole(self.path))
            self._writer = self._stack.enter_context(pq.ParquetWriter(stream, schema, compression="zstd"))
            self._schema = schema
        ids, texts = zip(*self._rows, strict=True)
        self._writer.write_table(pa.table([list(texts), list(ids)], schema=self._schema))
        self._rows, self._size = [], 0


def _cut_stem(place: str) -> str:
    """The last part of a path, up to its first dot, as ``convert-it/image_utils.py`` names pictures."""
    return PurePosixPath(place).name.partition(".")[0] or "image"


class ImageTable:
    """The pictures of a MIMIC-IT dataset, read one row group at a time.

    Raises:
        InputError: pyarrow is not installed, or the file is no such Parquet file.
    """

    def __init__(self, path: Path) -> None:
        pa, pq = import_parquet("reading MIMIC-IT's pictures")
        self._faults = (pa.ArrowException, OSError)
        try:
            self._file = pq.ParquetFile(path)
            names = self._file.schema_arrow.names
            if "base64" not in names or len(names) != 2:
                raise InputError(
                    f"has the columns {', '.join(names)[:200]}, and MIMIC-IT's pictures are an id and `base64`",
                    file=path,
                )
            self._index = next(name for name in names if name != "base64")
            self._groups: dict[str, int] = {}
            for group in range(self._file.num_row_groups):
                ids = self._file.read_row_group(group, columns=[self._index]).column(0).to_pylist()
                self._groups |= dict.fromkeys(map(str, ids), group)
        except self._faults as error:
            raise InputError(f"cannot be read as Parquet: {error}", file=path) from error
        self._read = lru_cache(maxsize=2)(self._read_group)

    def __contains__(self, identity: str) -> bool:
        return identity in self._groups

    def __iter__(self) -> Iterator[str]:
        return iter(self._groups)

    def find(self, identity: str) -> bytes:
        """The picture. Raises ``KeyError`` where there is none of that id, and ``ValueError`` where it is no base64."""
        group = self._groups[identity]
        try:
            text = self._read(group)[identity]
        except self._faults as error:
            raise ValueError(f"the Parquet file is broken there: {error}") from error
        return urlsafe_b64decode(text.replace("+", "-").replace("/", "_"))

    def _read_group(self, group: int) -> dict[str, str]:
        table = self._file.read_row_group(group)
        ids = map(str, table.column(self._index).to_pylist())
        return {identity: text or "" for identity, text in zip(ids, table.column("base64").to_pylist(), strict=True)}
