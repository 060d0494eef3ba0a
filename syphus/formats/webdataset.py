"""WebDataset: tar files in which the pictures and the row of a sample stand one behind the other, under one key.

The rules are those of the ``webdataset`` library (1.0, ``webdataset/tariterators.py``) and of Hugging Face ``datasets``
(``packaged_modules/webdataset``):

- The key of a member is its path up to the first dot of the file name; what follows is the field: ``000000012.jpg``,
  ``000000012.json``. All members of a key follow one another. So a key holds no dot, and here it is a number.
- A sample with several pictures has the fields ``0.jpg``, ``1.jpg``; what decodes a field goes by its last suffix.
- The samples of a tar should have the same fields: ``datasets`` makes columns of those of the first ones. Text alone has only
  ``json``.
- Many shards of some hundred megabytes, ``train-000000.tar`` and so on, which loaders take as ``train-{000000..000012}.tar``.

The tar holds no time, user or machine: the same dialogues make the same bytes. What the row is, :mod:`syphus.formats.held_rows`
says. Settings: ``turns`` (``messages`` or ``conversations``), ``shard_mb`` (1000).
"""

import io
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

import msgspec

from syphus.errors import InputError
from syphus.formats.exporting import ExportOptions, Written
from syphus.formats.held_rows import Held, choose_style, read_held, read_size
from syphus.formats.importing import CERTAIN, NO_FIT, Aside, Fit, ImportOptions, Report, Sample
from syphus.formats.parquet import note_shards, take_held
from syphus.formats.parts import Pictures
from syphus.formats.rows import Row
from syphus.formats.shards import Shards, find_shards
from syphus.records import Dialogue

SUFFIX = ".tar"

_PICTURES = frozenset({"jpg", "jpeg", "png", "webp", "gif"})
_BLOCK = 512
_LARGEST = 1 << 30
"""Bytes of a member. A tar that says more is torn or meant to fill the memory."""


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes the dialogues with their pictures, one sample at a time.

    Args:
        dialogues: read one at a time.
        target: the file; where there are several, they are numbered.
        options: of the export; the settings are those of this module.

    Raises:
        InputError: the file cannot be written, or a setting is none.
    """
    style = choose_style(options, frozenset({"shard_mb"}))
    size = read_size(options, "shard_mb", 1000)
    written = Written()
    pictures = Pictures(options.picture_folders)
    fields: set[tuple[str, ...]] = set()
    with Shards(target, lambda number, _: f"-{number:06d}") as shards:
        tar: tarfile.TarFile | None = None
        for number, held in enumerate(take_held(dialogues, pictures, options, style, written)):
            if tar is not None and tar.offset >= size:
                tar.close()
                tar = None
            tar = tar or _open(shards.open_next())
            fields.add(_add(tar, f"{number:09d}", held))
        tar = tar or _open(shards.open_next())
        tar.close()
    last = f"{len(shards.files) - 1:06d}"
    note_shards(written, shards, f'WebDataset("{target.stem}-{{000000..{last}}}.tar")')
    written.notes += pictures.make_notes("Pictures from {base} are in the file itself.")
    if len({tuple(name.rpartition(".")[0] for name in names) for names in fields}) > 1:
        written.notes.append(
            "Samples differ in how many pictures they have. The webdataset library reads that; Hugging Face `datasets` makes "
            "columns of the first ones' fields: export them apart for it."
        )
    return written


def _open(stream: IO[bytes]) -> tarfile.TarFile:
    return tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT)


def _add(tar: tarfile.TarFile, key: str, held: Held) -> tuple[str, ...]:
    """Adds a sample, its pictures first; the fields that it has."""
    several = len(held.pictures) > 1
    names = [f"{index}.{one.suffix}" if several else one.suffix for index, one in enumerate(held.pictures)]
    for name, data in zip([*names, "json"], [*(one.data for one in held.pictures), _encode(held)], strict=True):
        member = tarfile.TarInfo(f"{key}.{name}")  # its time, user and group are 0 and empty, its mode 0644
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    return tuple(names)


def _encode(held: Held) -> bytes:
    return msgspec.json.encode(held.row | {"image_names": [picture.name for picture in held.pictures]})


def read(file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:
    """The dialogues of a tar, or of its shards; a sample is in memory.

    Args:
        file: where it is not there, ``stem-000000.tar`` and so on beside it. It may be compressed.
        options: pictures are written into ``extract``; else they are data URIs.
        report: is told of samples that are kept aside, and of a tar that is torn.

    Raises:
        InputError: it is no tar.
    """
    for shard in find_shards(file):
        yield from read_held(shard, options, report, _read_rows(shard, report), name="webdataset")


def _read_rows(file: Path, report: Report) -> Iterator[Row]:
    number = 0
    try:
        for number, (key, members) in enumerate(_read_samples(file), start=1):
            place = f"sample {key!r}"
            try:
                yield Row(number, place, _make_row(members), members.get("json", b""))
            except ValueError as error:
                record = members.get("json", b"").decode("utf-8", "replace")
                report(Aside(file=str(file), place=place, message=str(error), record=record))
    except (tarfile.TarError, OSError, EOFError) as error:
        if not number:
            raise InputError(f"cannot be read as a tar: {error}", file=file) from error
        message = f"the tar is torn ({error}); the samples before it are used"
        report(Aside(file=str(file), place=f"behind sample {number}", message=message))


def _read_samples(file: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Key and members of each sample: those that follow one another under one key."""
    key = ""
    members: dict[str, bytes] = {}
    with tarfile.open(file, mode="r|*") as tar:
        for member in tar:
            if not member.isfile() or PurePosixPath(member.name).name.startswith((".", "__")):
                continue
            if member.size > _LARGEST:
                raise tarfile.ReadError(f"{member.name!r} would be {member.size} bytes")
            folder, name = PurePosixPath(member.name).parent, PurePosixPath(member.name).name
            stem, _, field = name.partition(".")
            found = str(folder / stem)
            if found != key and members:
                yield key, members
                members = {}
            key = found
            stream = tar.extractfile(member)
            members[field.lower()] = stream.read() if stream else b""
    if members:
        yield key, members


def _make_row(members: dict[str, bytes]) -> dict[str, Any]:
    """The row of a sample. Raises ``ValueError`` where its ``json`` is missing or is no row."""
    text = next((members[name] for name in members if name.rpartition(".")[2] == "json"), None)
    if text is None:
        raise ValueError("has no `json`")
    try:
        row = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"its `json` is no JSON: {error}") from error
    if not isinstance(row, dict):
        raise ValueError("its `json` is no object")  # noqa: TRY004 - the file's fault
    fields = [name for name in members if name.rpartition(".")[2] in _PICTURES]
    names = row.pop("image_names", None)
    names = names if isinstance(names, list) and len(names) == len(fields) else [None] * len(fields)
    pictures = [
        {"bytes": members[field], "path": name} for field, name in zip(sorted(fields, key=_order), names, strict=True)
    ]
    row.pop("image", None)
    return row | {"images": pictures}


def _order(field: str) -> tuple[int, str]:
    head = field.partition(".")[0]
    return (int(head) if head.isdecimal() else 0, field)


def fits(sample: Sample) -> Fit:
    """A tar with pictures or JSON under a key."""
    if sample.layout == "other" and sample.head[257:262] == b"ustar":
        name = sample.head[:100].rstrip(b"\0").decode("utf-8", "replace")
        if name.rpartition(".")[2].lower() in {*_PICTURES, "json"}:
            return Fit(CERTAIN, f"a tar whose first member is {name!r}")
    return NO_FIT
