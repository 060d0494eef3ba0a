"""The YAML with which Otter is trained, read: the instruction files that it names, each with its pictures.

``{GROUP: {name: {"mimicit_path", "images_path", "train_config_path", "num_samples", "task_description"}}}`` (Luodian/Otter
014c4eea, ``pipeline/mimicit_utils/data.py``, ``preload_dataset``); a group may be empty. What a path leads to is looked for from
where syphus is started, as Otter does, and beside the YAML. All entries are read, whatever ``num_samples`` and the train file
choose of them.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from syphus.annotations.reading import Problem
from syphus.decoding import read_text
from syphus.errors import InputError
from syphus.formats.importing import ImportOptions, Report

GROUPS = ("IMAGE_TEXT", "TEXT_ONLY", "VIDEO_TEXT", "IMAGE_TEXT_IN_CONTEXT")
_HEAD = re.compile(rb"^(?:" + "|".join(GROUPS).encode() + rb")\s*:", re.MULTILINE)


class Dataset(NamedTuple):
    """One dataset of the YAML, its files found."""

    name: str
    group: str
    instructions: Path
    images: Path | None
    """The Parquet file of its pictures; None where none is named."""


def looks_like_plan(head: bytes) -> bool:
    """Whether a file that begins so is such a YAML."""
    return bool(_HEAD.search(head)) and b"mimicit_path" in head


def read_plan(file: Path, options: ImportOptions, report: Report) -> Iterator[Dataset]:
    """The datasets that a YAML names; ``options.dataset`` chooses one of them.

    Args:
        file: the YAML.
        options: of the reading.
        report: is told of datasets that are no such thing, and of pictures that cannot be had.

    Raises:
        InputError: it is no such YAML, has no dataset of that name, or a file that it names is not there.
    """
    groups = _load(file)
    names = [name for datasets in groups.values() for name in datasets]
    if options.dataset and options.dataset not in names:
        raise InputError(f"has no dataset {options.dataset!r}", file=file, mend=f"It has {', '.join(names)}.")
    for group, datasets in groups.items():
        for name, dataset in datasets.items():
            if options.dataset in ("", name):
                yield _find_files(file, group, name, dataset, report)


def _load(file: Path) -> dict[str, dict[str, Any]]:
    try:
        data: Any = yaml.safe_load(read_text(file))
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError, TypeError) as error:
        first = str(error).partition("\n")[0][:200]
        raise InputError(f"is no YAML: {first}", file=file) from error
    if not isinstance(data, dict) or not set(data) <= set(GROUPS):
        raise InputError(f"is no YAML of Otter: its groups are not of {', '.join(GROUPS)}", file=file)
    for group, datasets in data.items():
        if datasets is not None and not isinstance(datasets, dict):
            raise InputError(f"`{group}` holds no datasets by name", file=file)
    return {group: {str(name): given for name, given in (datasets or {}).items()} for group, datasets in data.items()}


def _find_files(file: Path, group: str, name: str, dataset: Any, report: Report) -> Dataset:
    given = dataset if isinstance(dataset, dict) else {}
    instructions, images = given.get("mimicit_path"), given.get("images_path")
    if not isinstance(instructions, str):
        raise InputError("names no `mimicit_path`", file=file, place=f"{group}, {name}")

    def tell(message: str) -> None:
        report(Problem(file=str(file), place=f"{group}, {name}", message=message, lost=False))

    if group == "VIDEO_TEXT":
        tell("the frames of its clips are read as so many pictures")
    found = _find(file, instructions)
    if found is None:
        raise InputError(f"there is no file {instructions}", file=file, place=f"{group}, {name}")
    pictures = _find(file, images) if isinstance(images, str) and images else None
    if isinstance(images, str) and images and (pictures is None or pictures.suffix != ".parquet"):
        why = "is not there" if pictures is None else "is no Parquet file"
        tell(f"its `images_path` {why}; pictures are known by their ids alone")
        pictures = None
    return Dataset(name, group, found, pictures)


def _find(file: Path, path: str) -> Path | None:
    places = [Path(path), file.parent / path, file.parent / Path(path).name]
    return next((place for place in places if place.is_file()), None)
