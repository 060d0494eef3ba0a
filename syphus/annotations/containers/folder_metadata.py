"""``metadata.csv`` and ``metadata.jsonl`` of Hugging Face's ImageFolder (https://huggingface.co/docs/datasets/image_dataset)."""

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from msgspec.structs import replace

from syphus.annotations.containers.pair_rows import Row, open_rows
from syphus.annotations.containers.row_questions import QuestionColumns, find_row_columns, read_questions
from syphus.annotations.containers.row_scene import (
    Columns,
    Faults,
    find_columns,
    find_id,
    make_captions,
    make_metadata,
    make_objects,
    make_tags,
    take_texts,
)
from syphus.annotations.naming import Names, find_stem, make_name, make_relative
from syphus.annotations.picture_files import measure_picture
from syphus.annotations.reading import Problem, Report
from syphus.annotations.several.ordinals import name_picture
from syphus.errors import InputError
from syphus.records import Asset, Scene

METADATA = ("metadata.csv", "metadata.jsonl")


class _Options(Protocol):
    @property
    def path(self) -> Path: ...
    @property
    def caption(self) -> str | None: ...
    @property
    def sizes(self) -> bool: ...


def read_metadata(file: Path, options: _Options, names: Names, report: Report) -> Iterator[Scene]:
    """The scenes of one metadata file, in its order; a row whose picture is not there is reported.

    Raises:
        InputError: where it is no such file.
    """
    rows = open_rows(file, report, encoding=None, delimiter="," if file.suffix == ".csv" else None)
    if not rows.columns:
        return
    if not _find_pictures(rows.columns):
        raise InputError(
            f"has no column `file_name`; its {rows.noun}: {', '.join(map(repr, rows.columns[:20]))}",
            file=file,
            mend="ImageFolder's metadata names each picture in `file_name`, or several in `<name>_file_names`.",
        )
    find_columns(rows.columns, file=file, caption=options.caption)  # the one that is asked for must be there
    known: dict[tuple[str, ...], tuple[list[str], Columns, QuestionColumns]] = {}
    told: set[str] = set()
    for row in rows.rows:
        keys = tuple(row.values)  # a JSON Lines file's rows need not have the same ones
        if keys not in known:
            caption = options.caption if options.caption in keys else None
            known[keys] = _find_pictures(keys), *find_row_columns(keys, file=file, caption=caption)
        pictures, columns, asking = known[keys]
        scene = _make_scene(row, file, pictures, columns, asking, options, names, report)
        if scene is None:
            continue
        used = (*pictures, columns.caption, columns.id, columns.tags, columns.objects, *asking.used())
        metadata, left = make_metadata(row.values, used)
        for name in left:
            if name not in told:
                told.add(name)
                message = f"`{name[:40]}` is no text or number that could be kept; it is left out of all rows"
                report(Problem(file=str(file), place=row.place, message=message))
        if row_id := find_id(row.values, columns.id):
            metadata["id"] = row_id
        yield replace(scene, metadata=metadata)


def _find_pictures(columns: Iterable[str]) -> list[str]:
    endings = ("file_name", "file_names")
    return [
        column
        for column in columns
        if column.lower() in endings or column.lower().endswith(("_file_name", "_file_names"))
    ]


def _make_scene(
    row: Row,
    file: Path,
    pictures: list[str],
    columns: Columns,
    asking: QuestionColumns,
    options: _Options,
    names: Names,
    report: Report,
) -> Scene | None:
    faults = Faults(report, str(file), row.place)
    values = {column: row.values.get(column) for column in pictures}
    places = [(column, place) for column, value in values.items() for place in _list_places(value)]
    try:
        found = [_find_picture(place, file, options.path) for _, place in places]
    except ValueError as error:
        faults.lose(f"{error}; the row is left out")
        return None
    if not found:
        faults.lose("it names no picture; it is left out")
        return None
    assets = tuple(_make_asset(path, number, len(found), options, faults) for number, path in enumerate(found, 1))
    texts = take_texts(row.values.get(columns.caption), columns.caption, faults) if columns.caption else []
    objects = make_objects(row.values.get(columns.objects), assets[0], (), faults) if columns.objects else ()
    prose = make_tags(row.values.get(columns.tags)) if columns.tags else ()
    asked = read_questions(row.values, asking, faults)
    texts += asked.captions
    if not texts and not objects and not prose and not asked.questions:
        faults.lose("it has no caption; it is left out")
        return None
    name = names.give(make_name(found[0][: found[0].rfind(".")]) or find_stem(found[0]))
    if len(assets) > 1:  # the text is about all of them together
        prose = (*dict.fromkeys(texts), *prose)
        return Scene(id=name, assets=assets, objects=objects, questions=asked.questions, prose=prose)
    captions = make_captions(texts)
    return Scene(id=name, assets=assets, captions=captions, objects=objects, questions=asked.questions, prose=prose)


def _list_places(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str) and one.strip()]


def _find_picture(place: str, file: Path, folder: Path) -> str:
    """The picture's path in the folder. ``ValueError`` where it is none or not there."""
    own = make_relative(place, None)
    path = (PurePosixPath(file.parent.relative_to(folder).as_posix()) / own).as_posix()
    path.encode()
    try:
        there = (folder / path).is_file()
    except OSError:
        there = False
    if not there:
        raise ValueError(f"there is no picture {path[:120]!r}")
    return path


def _make_asset(path: str, number: int, count: int, options: _Options, faults: Faults) -> Asset:
    size = measure_picture(options.path / path) if options.sizes else None
    if options.sizes and size is None:
        faults.note(f"width and height of {path!r} cannot be read; it is used without them")
    return Asset(
        id="image" if count == 1 else f"image{number}",
        path=path,
        width=size[0] if size else None,
        height=size[1] if size else None,
        title=name_picture(number) if count > 1 else None,
    )
