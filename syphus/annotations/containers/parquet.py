"""Reader of Parquet files and of Hugging Face ``datasets`` saved to disk: a picture and its text a row.

Parquet as ``datasets`` writes and the Hub serves it (https://huggingface.co/docs/hub/datasets-image): pictures are
``struct<bytes: binary, path: string>``, bytes alone, paths or addresses; names of classes stand in the schema's ``huggingface``
metadata. ``Dataset.save_to_disk`` writes Arrow streams (``data-00000-of-00001.arrow``), which are read too. Columns are found by
their names, as in the reader ``pairs``; questions as :mod:`~syphus.annotations.containers.row_questions` says, those of neighbouring
rows of one picture together; texts about the ``bbox`` of their row are regions.

Read in batches of rows, in little memory, and only the columns that are used. A trainer needs pictures as files: ``extract``
writes those that lie in the file, once, as ``<file>/<row>.jpg``. Without it their assets have no path.

Knowingly left, and said once for each: columns that are neither text, number, truth value nor one of those above (embeddings,
masks, times of day).

It needs pyarrow: ``pip install "syphus[parquet]"``.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct, structs
from msgspec.structs import force_setattr

from syphus.annotations.containers.parquet_tables import Table, list_tables, open_table
from syphus.annotations.containers.picture_store import HEAD, find_suffix, measure_head, write_picture
from syphus.annotations.containers.row_questions import QuestionColumns, find_row_columns, read_questions
from syphus.annotations.containers.row_regions import describes_parts, make_regions
from syphus.annotations.containers.row_scene import (
    Columns,
    Faults,
    as_pixels,
    find_id,
    make_captions,
    make_metadata,
    make_objects,
    make_tags,
    take_texts,
)
from syphus.annotations.labels import clean
from syphus.annotations.naming import Names, find_stem, is_address, make_name, make_relative
from syphus.annotations.reading import Problem, Report
from syphus.annotations.several.ordinals import name_picture
from syphus.errors import InputError
from syphus.records import Asset, Scene

IMAGE_NAMES = (
    *(
        "image",
        "images",
        "img",
        "picture",
        "jpg",
        "png",
        "image_path",
        "file_name",
        "filename",
        "path",
        "image_url",
        "url",
    ),
)
"""Names that are looked for, in this order and in any case, where the options name none."""


_NUMBERED = re.compile(r"image_?\d{1,2}")


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which files, and what their columns mean."""

    path: Path
    """A file, or a folder whose ``.parquet`` and ``.arrow`` files are read in the order of their paths, sub-folders too."""
    extract: Path | None = None
    """The folder to write pictures into."""
    images: Path | None = None
    """The folder that paths in the file are relative to. After construction it is ``extract`` where that is given."""
    image: str | None = None
    caption: str | None = None
    id: str | None = None

    def __post_init__(self) -> None:
        if self.extract is not None:
            force_setattr(self, "images", self.extract)


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one a row, in the order of the files.

    A scene's id is the row's, or the picture's name, or the file's name and the row's number.

    Args:
        options: which files, and their columns.
        report: receives rows that cannot be used, columns that are left out, and, of several files, those that are torn.

    Raises:
        InputError: at once where pyarrow or the file is not there; with the first scene where the file is torn, is no such
            file, or lacks a column.
    """
    if options.extract is not None and options.extract.is_file():
        raise InputError("`extract` must be a folder; a file of this name is there", file=options.extract)
    return _read_files(list_tables(options.path), options, report)


def _read_files(files: list[Path], options: Options, report: Report) -> Iterator[Scene]:
    names = Names()
    for file in files:
        try:
            table = open_table(file, report)
            yield from _read_table(table, _name_folder(file, options.path), options, names, report)
        except InputError as error:
            if len(files) == 1 or error.file != str(file) or "column" in error.message:
                raise
            report(Problem(file=str(file), place=error.place or "the file", message=f"{error.message}; it is left out"))


def _name_folder(file: Path, path: Path) -> str:
    """What the pictures of a file are put under: its path without the suffix, so that two files never share one."""
    relative = file.relative_to(path) if path.is_dir() else Path(file.name)
    return make_name(relative.with_suffix("").as_posix()) or "table"


class _Named(NamedTuple):
    images: tuple[str, ...]
    """One, which may hold a list; or ``image_1``, ``image_2`` ... (MMMU)."""
    other: Columns
    questions: QuestionColumns
    parts: bool
    """Each row's texts are about its ``bbox``."""

    def used(self) -> tuple[str | None, ...]:
        """All but the id, which is kept as metadata too."""
        other = self.other
        parts = ("bbox",) if self.parts else ()
        return (*self.images, other.caption, other.tags, other.objects, *self.questions.used(), *parts)

    def find_pictures(self, row: dict[str, Any]) -> Any:
        """The value of the picture column, or the list of those of several."""
        if len(self.images) == 1:
            return row.get(self.images[0])
        return [value for name in self.images if (value := row.get(name)) is not None]


def _find_columns(table: Table, options: Options) -> _Named:
    lower = {name.lower(): name for name in reversed(table.names)}
    image = options.image or next((lower[name] for name in IMAGE_NAMES if name in lower), None)
    numbered = tuple(name for name in table.names if _NUMBERED.fullmatch(name.lower()))
    images = numbered if image is None and numbered else (image,)
    shown = ", ".join(repr(name[:40]) for name in table.names[:20])
    dialogues = next((name for name in ("conversations", "messages") if name in table.names), None)
    if (image is None and not numbered) or (image is not None and image not in table.names):
        message = (
            f"has no column {image!r}"
            if image
            else f"has no column for the image (looked for {', '.join(IMAGE_NAMES)})"
        )
        raise InputError(f"{message}; its columns: {shown}", file=table.file, mend="Name it: `image = ...`.")
    names = [name for name in table.names if name not in images]
    other, questions = find_row_columns(names, file=table.file, caption=options.caption, id_=options.id)
    if dialogues and options.caption is None and other.caption is None and questions.question is None:
        raise InputError(
            f"holds dialogues (`{dialogues}`), not annotations",
            file=table.file,
            mend="It is instruction data already: read it as a dataset in the format `parquet`.",
        )
    if other.caption is None and other.objects is None and questions.question is None:
        raise InputError(
            f"has no column for the caption or the question; its columns: {shown}",
            file=table.file,
            mend="Name it: `caption = ...`.",
        )
    return _Named(tuple(name for name in images if name), other, questions, describes_parts(table.names))


def _read_table(table: Table, folder: str, options: Options, names: Names, report: Report) -> Iterator[Scene]:
    named = _find_columns(table, options)
    left = table.choose([name for name in (*named.used(), named.other.id) if name])
    if left:
        shown = ", ".join(repr(clean(name)[:40]) for name in left[:20])
        message = f"columns that are neither text nor number are left out: {shown}"
        report(Problem(file=str(table.file), place="the columns", message=message))
    last: Scene | None = None
    picture: Any = None
    for number, row in table.rows():
        faults = Faults(report, str(table.file), f"row {number}")
        found = named.find_pictures(row)
        if (named.questions.question or named.parts) and last is not None and found == picture:
            last = _join_row(last, row, number, named, faults)
            continue
        scene = _make_scene(row, number, named, table, folder, options, names, faults)
        if scene is not None:
            if last is not None:
                yield last
            last, picture = scene, found
    if last is not None:
        yield last


def _join_row(scene: Scene, row: dict[str, Any], number: int, named: _Named, faults: Faults) -> Scene:
    """The scene with the questions of the next row, which is about the same picture."""
    asked = read_questions(row, named.questions, faults)
    metadata, _ = make_metadata(row, named.used())
    other = {key: value for key, value in metadata.items() if scene.metadata.get(key) != value}
    texts = take_texts(row.get(named.other.caption), named.other.caption, faults) if named.other.caption else []
    known = {caption.text for caption in scene.captions}
    texts = [text for text in (*texts, *asked.captions) if text not in known]
    regions = make_regions(texts, row, scene.assets[0], faults) if named.parts else ()
    before = len(scene.regions)
    return structs.replace(
        scene,
        questions=scene.questions + asked.questions,
        captions=scene.captions + (() if regions else make_captions(texts)),
        regions=scene.regions + tuple(structs.replace(one, id=f"r{before + int(one.id[1:])}") for one in regions),
        metadata={**scene.metadata, "other_rows": [*scene.metadata.get("other_rows", ()), {**other, "row": number}]},
    )


def _make_scene(
    row: dict[str, Any],
    number: int,
    named: _Named,
    table: Table,
    folder: str,
    options: Options,
    names: Names,
    faults: Faults,
) -> Scene | None:
    columns = named.other
    texts = take_texts(row.get(columns.caption), columns.caption, faults) if columns.caption else []
    size = as_pixels(row)
    try:
        assets = tuple(_make_assets(named.find_pictures(row), f"{folder}/{number:08d}", size, options, faults))
    except (ValueError, UnicodeError) as error:
        faults.lose(f"{error}; the row is left out")
        return None
    if not assets:
        faults.lose(f"`{named.images[0]}` holds no picture; the row is left out")
        return None
    objects = make_objects(row.get(columns.objects), assets[0], table.classes, faults) if columns.objects else ()
    prose = make_tags(row.get(columns.tags)) if columns.tags else ()
    asked = read_questions(row, named.questions, faults)
    texts += asked.captions
    regions = make_regions(texts, row, assets[0], faults) if named.parts else ()
    texts = [] if regions else texts
    if not regions and not texts and not objects and not prose and not asked.questions:
        what = "caption and no question" if named.questions.question else "caption"
        faults.lose(f"it has no {what}; the row is left out")
        return None
    metadata, left = make_metadata(row, named.used())
    for name in left:
        faults.lose(f"`{clean(name)[:40]}` is too long, or no number that could be kept; it is left out")
    metadata["row"] = number
    single = len(assets) == 1
    name = find_id(row, columns.id) or find_stem(_own_path(named.find_pictures(row)))
    return Scene(
        id=names.give(make_name(name) or f"{folder}-{number}"),
        assets=assets,
        captions=make_captions(texts) if single else (),
        objects=objects,
        regions=regions,
        questions=asked.questions,
        prose=prose if single else (*dict.fromkeys(texts), *prose),
        metadata=metadata,
    )


def _own_path(value: Any) -> str:
    """The path or address that the row has for its first picture, wherever the picture is written to."""
    value = value[0] if isinstance(value, list) and value else value
    path = value.get("path") if isinstance(value, dict) else value
    return path if isinstance(path, str) else ""


def _make_assets(
    value: Any, name: str, size: tuple[int | None, int | None], options: Options, faults: Faults
) -> Iterator[Asset]:
    """``ValueError`` for a picture that cannot be used."""
    values = value if isinstance(value, list) else [value]
    several = len(values) > 1
    for number, one in enumerate(values, 1):
        data = one.get("bytes") if isinstance(one, dict) else one
        place = one.get("path") if isinstance(one, dict) else one
        path = url = None
        width, height = size if not several else (None, None)
        if isinstance(data, bytes):
            suffix = find_suffix(data[:16])
            if not suffix:
                raise ValueError(
                    f"the {len(data)} bytes of the picture are no picture" if data else "the picture is empty"
                )
            measured = measure_head(data[:HEAD]) or measure_head(data)
            if measured is None:
                faults.note("the picture's width and height cannot be read; it is used without them")
            width, height = measured or (width, height)
            if options.extract is not None:
                path = f"{name}-{number}{suffix}" if several else f"{name}{suffix}"
                write_picture(options.extract, path, data, None, len(data))
        elif isinstance(place, str) and place.strip():
            if is_address(place):
                url = clean(place)
            else:
                path = make_relative(place, options.images)
        else:
            continue
        yield Asset(
            id=f"image{number}" if several else "image",
            path=path,
            url=url,
            width=width,
            height=height,
            title=name_picture(number) if several else None,
        )
