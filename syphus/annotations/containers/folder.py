"""Reader of a folder of pictures with text beside them.

Three layouts, also mixed, in any number of sub-folders:

- side-cars of the same stem: ``cat.jpg`` with ``cat.txt`` or ``cat.caption`` (a caption a line; the form of kohya-ss/sd-scripts and
  of img2dataset) or ``cat.json`` (``caption``, ``captions``, ``text`` ..., ``tags``; or a list of captions). ``cat.jpg.txt`` is a
  side-car too;
- Hugging Face's ImageFolder: ``metadata.csv`` or ``metadata.jsonl`` with ``file_name``, ``<name>_file_name`` or
  ``<name>_file_names`` (a list: several pictures) and a text (https://huggingface.co/docs/datasets/image_dataset);
  its paths start at its own folder; questions as in :mod:`~syphus.annotations.containers.row_questions`. ``objects`` is read as in the reader ``parquet``;
- suffixes in any case. Pictures are opened for width and height alone, in their first bytes.

Links to folders are not followed. Hidden files (``.name``) are passed over.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import force_setattr

from syphus.annotations.containers.folder_metadata import METADATA, read_metadata
from syphus.annotations.containers.row_scene import (
    Faults,
    find_columns,
    make_captions,
    make_metadata,
    make_objects,
    make_tags,
    take_texts,
)
from syphus.annotations.labels import clean
from syphus.annotations.naming import Names, make_relative
from syphus.annotations.picture_files import SUFFIXES, measure_picture
from syphus.annotations.reading import Problem, Report
from syphus.decoding import read_text
from syphus.errors import InputError
from syphus.records import Asset, Scene

TEXTS = (".txt", ".caption", ".json")
_BIGGEST = 16 << 20


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which folder."""

    path: Path
    images: Path | None = None
    """After construction the folder itself; the paths of assets are relative to it."""
    caption: str | None = None
    """The column or key with the text; None: the first of those that there are by their usual names."""
    sizes: bool = True
    """Whether to look up each picture's width and height."""

    def __post_init__(self) -> None:
        if self.images is None:
            force_setattr(self, "images", self.path)


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, folder by folder in the order of the paths; in memory is one folder's list of names.

    A scene's id is the picture's path without suffix.

    Args:
        options: which folder.
        report: receives pictures without text, texts without picture, and files that cannot be read.

    Raises:
        InputError: at once where there is no such folder, or it holds no picture at all.
    """
    if not options.path.is_dir():
        mend = "For one annotation file use the reader of its form." if options.path.exists() else "Check the path."
        raise InputError("is no folder", file=options.path, mend=mend)
    if not any(name.lower().endswith(SUFFIXES) for _, _, names in os.walk(options.path) for name in names):
        raise InputError(f"holds no picture ({', '.join(SUFFIXES)})", file=options.path)
    return _read_folders(options, report)


def _read_folders(options: Options, report: Report) -> Iterator[Scene]:
    names = Names()

    def complain(error: OSError) -> None:
        report(Problem(file=str(options.path), place=str(error.filename), message=f"cannot be read: {error.strerror}"))

    covered: set[Path] = set()
    for place, folders, files in os.walk(options.path, onerror=complain):
        folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
        here = Path(place)
        for folder in folders:
            if (here / folder).is_symlink():
                message = "is a link to a folder; it is not followed"
                report(Problem(file=str(options.path), place=_show(here / folder), message=message))
        own = sorted(name for name in files if not name.startswith("."))
        listed: set[str] = set()
        for metadata in (name for name in own if name in METADATA):
            covered.add(here)
            for scene in read_metadata(here / metadata, options, names, report):
                paths = [asset.path for asset in scene.assets if asset.path]
                listed.update(paths)
                yield scene
        if not any(parent in covered for parent in (here, *here.parents)):
            yield from _read_side_cars(here, own, options, names, report)
        elif listed:
            _report_unlisted(here, own, listed, options, report)


def _report_unlisted(here: Path, own: list[str], listed: set[str], options: Options, report: Report) -> None:
    """Pictures beside a metadata file that it does not name."""
    for name in own:
        if name.lower().endswith(SUFFIXES) and _relative(here / name, options.path) not in listed:
            message = "the metadata file does not name this picture; it is left out"
            report(Problem(file=str(options.path), place=_show(here / name), message=message))


def _relative(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def _show(path: Path) -> str:
    """A path for a report; bytes that are no text are written as such."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def _read_side_cars(here: Path, own: list[str], options: Options, names: Names, report: Report) -> Iterator[Scene]:
    pictures = [name for name in own if name.lower().endswith(SUFFIXES)]
    texts: dict[str, list[str]] = {}
    for name in own:
        if name.lower().endswith(TEXTS) and name not in METADATA:
            texts.setdefault(name[: name.rfind(".")], []).append(name)
    used: set[str] = set()
    for picture in pictures:
        stem = picture[: picture.rfind(".")]
        cars = texts.get(stem, []) + texts.get(picture, [])
        used.update(cars)
        scene = _make_scene(here, picture, cars, options, names, report)
        if scene is not None:
            yield scene
    for car in sorted(name for group in texts.values() for name in group if name not in used):
        message = "no picture of that name stands beside it; it is left out"
        report(Problem(file=str(options.path), place=_show(here / car), message=message))


def _make_scene(
    here: Path, picture: str, cars: list[str], options: Options, names: Names, report: Report
) -> Scene | None:
    file = here / picture

    faults = Faults(report, str(options.path), _show(file))
    if not cars:
        faults.lose("there is no text beside the picture; it is left out")
        return None
    try:
        path = make_relative(_relative(file, options.path), None)
        path.encode()
    except ValueError as error:
        reason = "its name is no text in UTF-8" if isinstance(error, UnicodeError) else str(error)
        faults.lose(f"{reason}; the picture is left out")
        return None
    size = measure_picture(file) if options.sizes else None
    if options.sizes and size is None:
        faults.note("its width and height cannot be read; it is used without them")
    asset = Asset(path=path, width=size[0] if size else None, height=size[1] if size else None)
    captions: list[str] = []
    rest: dict[str, Any] = {}
    for car in cars:
        own = Faults(report, str(options.path), _show(here / car))
        try:
            text = _read_small(here / car)
        except InputError as error:
            own.lose(f"{error.message}; it is left out")
            continue
        if car.lower().endswith(".json"):
            rest.update(_take_json(text, captions, options, own))
        else:
            captions += [line for line in map(clean, text.splitlines()) if line]
    columns = find_columns(list(rest), file=options.path, caption=None)
    objects = make_objects(rest.get("objects"), asset, (), faults)
    prose = make_tags(rest.get(columns.tags)) if columns.tags else ()
    if not captions and not objects and not prose:
        faults.lose("there is no caption in the text beside the picture; it is left out")
        return None
    metadata, left = make_metadata(rest, ("objects", columns.tags))
    for name in left:
        faults.lose(f"`{clean(name)[:40]}` is no text or number that could be kept; it is left out")
    id_ = names.give(path[: path.rfind(".")])
    return Scene(
        id=id_, assets=(asset,), captions=make_captions(captions), objects=objects, prose=prose, metadata=metadata
    )


def _read_small(file: Path) -> str:
    try:
        size = file.stat().st_size
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file) from error
    if size > _BIGGEST:
        raise InputError(f"has {size >> 20} MB, and is no text beside a picture", file=file)
    return read_text(file)


def _take_json(text: str, captions: list[str], options: Options, faults: Faults) -> dict[str, Any]:
    """Puts the captions of a side-car into ``captions``; returns what else it says."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError) as error:
        faults.lose(f"is no JSON: {error}; it is left out")
        return {}
    if not isinstance(found, dict):
        captions += take_texts(found, "the text", faults)
        return {}
    if options.caption is not None and options.caption not in found:
        faults.lose(f"has no `{options.caption}`")
        return found
    columns = find_columns(list(found), file=options.path, caption=options.caption)
    if columns.caption is not None:
        captions += take_texts(found.pop(columns.caption), columns.caption, faults)
    return found
