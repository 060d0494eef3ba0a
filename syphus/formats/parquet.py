"""Hugging Face Parquet: pictures in the file, as ``datasets`` reads and shows them.

The form is that of ``datasets`` (5.2 reads it in the tests; 2.x to 4.x say the same): a picture is
``struct<bytes: binary, path: string>``, and the schema's metadata ``huggingface`` is ``{"info": {"features": ...}}``, in which
the column is an ``Image``. Without it the Hub shows bytes. What the other columns are stands in
:mod:`syphus.formats.held_rows`.

Row groups are small (the Hub's viewer reads whole ones), and files end near 500 MB, as the Hub wants them: several are called
``train-00000-of-00003.parquet``. Settings: ``turns`` (``messages`` or ``conversations``), ``shard_mb`` (500).
pyarrow is the extra ``syphus[parquet]``.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from syphus.errors import InputError
from syphus.formats.arrow import import_parquet
from syphus.formats.chat_rows import Style
from syphus.formats.exporting import ExportOptions, Written
from syphus.formats.held_rows import FIELDS, HOLDS, Held, choose_style, make_held, read_held, read_size
from syphus.formats.importing import CERTAIN, LIKELY, NO_FIT, Fit, ImportOptions, Report, Sample
from syphus.formats.parts import Pictures, encode_rows
from syphus.formats.rows import Row
from syphus.formats.shards import Shards, find_shards
from syphus.records import Dialogue

SUFFIX = ".parquet"

_GROUP_BYTES = 32 << 20
_GROUP_ROWS = 1000
_BATCH = 32
"""Rows that are in memory while reading, pictures and all."""


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes the dialogues with their pictures; a row group is in memory.

    Args:
        dialogues: read one at a time.
        target: the file; where there are several, they are numbered.
        options: of the export; the settings are those of this module.

    Raises:
        InputError: the file cannot be written, pyarrow is not installed, or a setting is none.
    """
    style = choose_style(options, frozenset({"shard_mb"}))
    size = read_size(options, "shard_mb", 500)
    written = Written()
    pictures = Pictures(options.picture_folders)
    with Shards(target, "-{:05d}-of-{:05d}".format) as shards:
        rows = take_held(dialogues, pictures, options, style, written)
        beside = options.boxes is not None and options.boxes.beside
        _write_groups(rows, shards, size, lambda pa: _make_schema(pa, style, beside=beside))
    written.notes += pictures.make_notes("Pictures from {base} are in the file itself.")
    note_shards(written, shards, f'load_dataset("parquet", data_files="{target.stem}*.parquet")')
    return written


def take_held(
    dialogues: Iterable[Dialogue], pictures: Pictures, options: ExportOptions, style: Style, written: Written
) -> Iterator[Held]:
    """The rows of the dialogues that can be written; the others are counted."""

    def make(dialogue: Dialogue) -> Held:
        return make_held(dialogue, pictures, options, style)

    rows = encode_rows(dialogues, make, written, holds=HOLDS, options=options, encode=lambda held: held)
    return cast("Iterator[Held]", rows)


def note_shards(written: Written, shards: Shards, load: str) -> None:
    """Says how many files there are, how they are loaded, and which are of an earlier export."""
    if len(shards.files) > 1:
        written.notes.append(f"{len(shards.files)} files, {shards.files[0].name} to {shards.files[-1].name}: {load}")
    older = shards.find_older()
    if older:
        names = ", ".join(path.name for path in older[:3])
        written.notes.append(
            f"Files of an earlier export stand beside it and would be loaded, too: {names}. Remove them."
        )


def _write_groups(rows: Iterator[Held], shards: Shards, size: int, make_schema: Callable[[Any], Any]) -> None:
    pa, pq = import_parquet("writing Parquet")
    schema = make_schema(pa)
    writer: Any = None
    stream: Any = None
    group: list[dict[str, Any]] = []
    weight = 0

    def flush() -> None:
        nonlocal group, weight, writer, stream
        if writer is None:
            stream = shards.open_next()
            writer = pq.ParquetWriter(stream, schema, compression="snappy")
        if group:
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
        group, weight = [], 0

    for held in rows:
        images = [{"bytes": picture.data, "path": picture.name} for picture in held.pictures]
        group.append(held.row | {"images": images})
        weight += sum(len(picture.data) for picture in held.pictures) + 1000
        if weight >= min(_GROUP_BYTES, size) or len(group) >= _GROUP_ROWS:
            flush()
            if stream.tell() >= size:
                writer.close()
                writer = None
    if group or not shards.has_any():
        flush()
    if writer is not None:
        writer.close()


def _make_schema(pa: Any, style: Style, *, beside: bool) -> Any:
    text = {"dtype": "string", "_type": "Value"}
    picture = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    turn = pa.struct([(style.role, pa.string()), (style.content, pa.string())])
    columns = [("id", pa.string()), ("images", pa.list_(picture)), (style.turns, pa.list_(turn))]
    columns += [(name, pa.string()) for name in FIELDS]
    columns += [("related", pa.list_(pa.string())), ("metadata", pa.string())]
    if beside:
        numbers = [("ref", pa.string()), ("bbox", pa.list_(pa.float64())), ("image_id", pa.int64())]
        columns.insert(3, ("objects", pa.struct([(name, pa.list_(kind)) for name, kind in numbers])))
    # A list in the JSON is a list of that feature, to all versions of `datasets`.
    features: dict[str, Any] = {name: text for name, _ in columns}
    features |= {"images": [{"_type": "Image"}], "related": [text]}
    features[style.turns] = [{style.role: text, style.content: text}]
    if beside:
        float_, int_ = ({"dtype": dtype, "_type": "Value"} for dtype in ("float64", "int64"))
        features["objects"] = {"ref": [text], "bbox": [[float_]], "image_id": [int_]}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema(columns, metadata=metadata)


def read(file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:
    """The dialogues of a Parquet file, or of its shards, with turns in ``messages`` or ``conversations``.

    Args:
        file: where it is not there, ``stem-00000-of-...`` beside it.
        options: pictures are written into ``extract``; else they are data URIs.
        report: is told of rows that are kept aside.

    Raises:
        InputError: it is no Parquet file, has no such column, or pyarrow is not installed.
    """
    for shard in find_shards(file):
        yield from read_held(shard, options, report, _read_rows(shard), name="parquet")


def _read_rows(file: Path) -> Iterator[Row]:
    pa, pq = import_parquet("reading Parquet")
    try:
        with pq.ParquetFile(file) as table:
            names = table.schema_arrow.names
            if not {"messages", "conversations"} & set(names):
                raise InputError(
                    f"has the columns {', '.join(names)[:200]}, and neither `messages` nor `conversations`",
                    file=file,
                    mend="Rename the column of the turns.",
                )
            number = 0
            for batch in table.iter_batches(batch_size=_BATCH):
                for value in batch.to_pylist():
                    number += 1
                    yield Row(number, f"row {number}", {key: _plain(one, key) for key, one in value.items()}, b"")
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"cannot be read as Parquet: {error}", file=file) from error


def _plain(value: Any, key: str) -> Any:
    """The value as JSON could have it; of pictures the bytes stay."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list():
            return [_plain(one, key) for one in value]
        case dict():
            return {name: _plain(one, key) for name, one in value.items()}
        case bytes() if key in ("image", "images"):
            return value
        case _:
            return str(value)


def fits(sample: Sample) -> Fit:
    """A Parquet file; its columns say the rest."""
    if sample.layout != "other" or not sample.head.startswith(b"PAR1"):
        return NO_FIT
    try:
        _, pq = import_parquet("reading Parquet")
        names = set(pq.read_schema(sample.path).names)
    except (InputError, OSError, ValueError):
        return Fit(LIKELY, "a Parquet file")
    found = sorted(names & {"messages", "conversations"})
    return Fit(CERTAIN, f"a Parquet file with a column `{found[0]}`") if found else NO_FIT
