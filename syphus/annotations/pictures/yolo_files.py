"""Which files make up a YOLO data set: ``data.yaml``, ``obj.data``, or just folders of pictures and labels.

https://docs.ultralytics.com/datasets/detect/#ultralytics-yolo-format: a picture's labels are where ``/images/`` of its path is
``/labels/``, and the suffix ``.txt``; darknet has them beside the picture.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from syphus.annotations.labels import clean, clean_identifier
from syphus.annotations.picture_files import SUFFIXES, is_file, is_folder, walk_files
from syphus.annotations.pictures.yolo_labels import KeypointShape
from syphus.decoding import read_text
from syphus.errors import InputError

SPLITS = ("train", "val", "valid", "test")
_NAMES = (
    "obj.names",
    "classes.txt",
    "names.txt",
    "labels.txt",
    "coco.names",
    "_darknet.labels",
    "predefined_classes.txt",
)
_DESCRIPTIONS = ("data.yaml", "data.yml", "dataset.yaml", "obj.data")
_MOST_KEYPOINTS = 1000


class Pair(NamedTuple):
    """A picture and its labels; either may be missing."""

    picture: Path
    labels: Path
    split: str = ""


class DataSet(NamedTuple):
    """What a data set says of itself."""

    root: Path
    names: dict[int, str]
    entries: dict[str, list[Path]]
    """Folders of pictures, or lists of their paths, of each split; empty where only the folder is known."""
    keypoints: KeypointShape | None = None
    keypoint_names: tuple[str, ...] = ()
    lists: tuple[Path, ...] = ()
    """Text files that hold no labels."""


def find_data_set(path: Path, names: Path | None) -> DataSet:
    """The data set at a ``data.yaml``, an ``obj.data``, or a folder.

    Raises:
        InputError: where there is none, or no names of classes.
    """
    if path.is_dir():
        descriptions = [path / name for name in _DESCRIPTIONS if is_file(path / name)]
        if descriptions:
            return find_data_set(descriptions[0], names)
        found = names or next((path / name for name in _NAMES if is_file(path / name)), None) or _find_inner(path)
        if found is None:
            raise InputError(
                f"has none of {', '.join((*_DESCRIPTIONS, *_NAMES))}",
                file=path,
                mend="Classes are only numbers in the labels: name them in a file, a name a line, and give it as `names`.",
            )
        return DataSet(path, _read_names(found), {}, lists=(found,))
    if path.suffix.lower() == ".data":
        return _read_darknet(path, names)
    return _read_yaml(path, names)


def _find_inner(path: Path) -> Path | None:
    """Where the tool left the names: LabelImg beside the labels, Roboflow's darknet in the folder of each split."""
    places = ("labels", *SPLITS, *(f"labels/{split}" for split in SPLITS), *(f"{split}/labels" for split in SPLITS))
    return next((path / place / name for place in places for name in _NAMES if is_file(path / place / name)), None)


def _read_names(file: Path) -> dict[int, str]:
    lines = [clean_identifier(line) for line in read_text(file).splitlines()]
    found = {number: name for number, name in enumerate(lines) if name}
    if not found:
        raise InputError("has no names of classes", file=file, mend="It has a name a line, that of class 0 first.")
    return found


def _read_darknet(file: Path, names: Path | None) -> DataSet:
    settings = {}
    for line in read_text(file).splitlines():
        key, mark, value = line.partition("=")
        if mark:
            settings[key.strip()] = value.strip()
    root = file.parent
    if names is None:
        if "names" not in settings:
            raise InputError("has no `names =`", file=file, mend="Give the file with the classes' names as `names`.")
        names = _resolve(root, settings["names"])
    entries = {split: [_resolve(root, settings[split])] for split in SPLITS if split in settings}
    lists = tuple(one for found in entries.values() for one in found)
    return DataSet(root, _read_names(names), entries, lists=(names, *lists))


def _read_yaml(file: Path, names: Path | None) -> DataSet:
    try:
        data: Any = yaml.safe_load(read_text(file))
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError, TypeError) as error:
        reason = getattr(error, "problem", None) or str(error).partition("\n")[0]
        mark = getattr(error, "problem_mark", None)
        raise InputError(
            f"is no YAML: {reason}", file=file, place=f"line {mark.line + 1}" if mark else "", mend=_WANTED
        ) from error
    if not isinstance(data, dict):
        raise InputError("is no data.yaml", file=file, mend=_WANTED)
    root = file.parent
    if isinstance(data.get("path"), str) and _is_there(root / data["path"]):
        root = root / data["path"]
    shape = _read_shape(data.get("kpt_shape"), file)
    found = _find_names(data.get("names"), file) if names is None else _read_names(names)
    return DataSet(
        root, found, _find_entries(data, root, file), shape, _read_keypoint_names(data.get("kpt_names"), shape)
    )


def _find_names(given: Any, file: Path) -> dict[int, str]:
    """``names``: a list, or an object by class number."""
    pairs = enumerate(given) if isinstance(given, list) else given.items() if isinstance(given, dict) else ()
    numbered = ((int(key) if _is_number(key) else key, name) for key, name in pairs)  # "0", as some tools quote it
    found = {key: clean_identifier(str(name)) for key, name in numbered if isinstance(key, int)}
    found = {key: name for key, name in found.items() if name}
    if not found:
        raise InputError("has no `names`", file=file, mend=_WANTED)
    return found


def _is_number(key: Any) -> bool:
    return isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 6


def _find_entries(data: dict[Any, Any], root: Path, file: Path) -> dict[str, list[Path]]:
    entries: dict[str, list[Path]] = {}
    for split in SPLITS:
        value = data.get(split)
        values = value if isinstance(value, list) else [value]
        if any(value is not None and not isinstance(value, str) for value in values):
            raise InputError(f"`{split}` is no path", file=file, mend=_WANTED)
        if any(values):
            entries[split] = [_resolve(root, one) for one in values if one]
    return entries


_WANTED = (
    "It has `names` (of the classes) and `train`, `val` (folders of pictures), as docs.ultralytics.com/datasets says."
)


def _read_shape(value: Any, file: Path) -> KeypointShape | None:
    if value is None:
        return None
    is_shape = isinstance(value, list) and len(value) == 2 and all(isinstance(one, int) for one in value)
    if not is_shape or not 0 < value[0] <= _MOST_KEYPOINTS or value[1] not in (2, 3):
        raise InputError(
            f"`kpt_shape` is {value!r:.40}", file=file, mend="It is like [17, 3]: how many, and 2 or 3 numbers."
        )
    return KeypointShape(*value)


def _read_keypoint_names(value: Any, shape: KeypointShape | None) -> tuple[str, ...]:
    """``kpt_names: {0: [nose, ...]}``, by class, or just the list."""
    if isinstance(value, dict):
        value = next(iter(value.values()), None)
    if shape is None or not isinstance(value, list) or len(value) != shape.points:
        return ()
    return tuple(clean(str(name)) or f"keypoint {number}" for number, name in enumerate(value, 1))


def _is_there(path: Path) -> bool:
    return is_file(path) or is_folder(path)


def _resolve(root: Path, value: str) -> Path:
    """A path of a data set: from its root; Roboflow's ``../train/images``, and darknet's from where it was run."""
    value = value.strip()
    choices = [root / value, root / value.removeprefix("../"), root / Path(value).name, *_shorten(root, value)]
    return next((one for one in choices if _is_there(one)), root / value)


def _shorten(root: Path, value: str) -> Iterator[Path]:
    parts = Path(value).parts
    yield from (root.joinpath(*parts[start:]) for start in range(1, len(parts)))


def find_pairs(data_set: DataSet, images: Path | None, split: str | None) -> Iterator[Pair]:
    """The pictures of the data set with the places of their labels, and labels whose picture is not there.

    Raises:
        InputError: for a split that there is not, or a list of pictures that cannot be read.
    """
    if split is not None and data_set.entries and split not in data_set.entries:
        raise InputError(
            f"there is no split {split!r}", file=data_set.root, mend=f"It has {', '.join(data_set.entries)}."
        )
    if not data_set.entries:
        root = data_set.root
        yield from _walk(_split_folders(root, split, images), data_set, split or "")
        return
    for name, entries in data_set.entries.items():
        if split not in (None, name):
            continue
        for entry in entries:
            if entry.suffix.lower() == ".txt" and not is_folder(entry):
                yield from _read_list(entry, data_set.root, name)
            else:
                labels = find_labels(entry / "x.jpg").parent
                yield from _walk([entry] if labels == entry else [entry, labels], data_set, name)


def _split_folders(root: Path, split: str | None, images: Path | None) -> list[Path]:
    """Where pictures and labels of a plain folder are; of a split, the folders of that name in it."""
    folders = [root] if images is None or images.is_relative_to(root) else [root, images]
    if split is None:
        return folders
    found = [place for folder in folders for place in sorted(folder.rglob(split)) if place.is_dir()]
    if not found:
        raise InputError(f"there is no folder {split!r}", file=root)
    return found


def _walk(folders: list[Path], data_set: DataSet, split: str) -> Iterator[Pair]:
    files = list(dict.fromkeys(file for folder in folders for file in walk_files(folder, (*SUFFIXES, ".txt"))))
    texts = {file for file in files if file.suffix.lower() == ".txt"} - set(data_set.lists)
    found = {file: find_labels(file) for file in files if file.suffix.lower() != ".txt"}
    rest = texts - set(found.values())
    alone = {picture for picture, labels in found.items() if labels not in texts}
    found |= _match_by_name(alone, rest)
    yield from (Pair(picture, labels, split) for picture, labels in found.items())
    yield from (Pair(_find_picture(labels), labels, split) for labels in sorted(rest - set(found.values())))


def _match_by_name(pictures: set[Path], texts: set[Path]) -> dict[Path, Path]:
    """Labels of pictures that stand in a folder of quite another name, where there is but one of that name on either side."""
    counts = Counter(file.stem for file in pictures), Counter(file.stem for file in texts)
    labels = {file.stem: file for file in texts if counts[1][file.stem] == 1}
    return {
        picture: labels[picture.stem] for picture in pictures if counts[0][picture.stem] == 1 and picture.stem in labels
    }


def find_labels(picture: Path) -> Path:
    """Where the labels of a picture are."""
    labels = _swap(picture, "images", "labels").with_suffix(".txt")
    beside = picture.with_suffix(".txt")
    return beside if labels != beside and not is_file(labels) and is_file(beside) else labels


def _find_picture(labels: Path) -> Path:
    """Where the picture of labels would be."""
    return _swap(labels, "labels", "images").with_suffix(".jpg")


def _swap(path: Path, before: str, after: str) -> Path:
    """The path with the last folder ``before`` called ``after``."""
    parts = list(path.parts)
    for place in range(len(parts) - 2, 0, -1):
        if parts[place] == before:
            parts[place] = after
            break
    return Path(*parts)


def _read_list(file: Path, root: Path, split: str) -> Iterator[Pair]:
    for line in read_text(file).splitlines():
        name = line.strip()
        if name:
            start = file.parent if name.startswith("./") else root
            picture = _resolve(start, name)
            labels = find_labels(picture)
            if not _is_there(picture) and not _is_there(labels):
                # the labels may be there without the picture
                choices = (find_labels(one) for one in _shorten(start, name))
                labels = next((one for one in choices if _is_there(one)), labels)
                picture = picture if labels == find_labels(picture) else _find_picture(labels)
            yield Pair(picture, labels, split)
