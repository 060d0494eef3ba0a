"""Reader of WebDataset shards: tar files whose neighbouring members of one name are a sample.

The form is that of https://github.com/webdataset/webdataset (and of Hugging Face's ``webdataset`` builder, and img2dataset's
output): ``000.jpg``, ``000.txt``, ``000.json``, ``000.cls``; the key is the name up to the first dot behind the last slash, what
follows is the kind; what the ``.json`` asks is a question (:mod:`~syphus.annotations.containers.row_questions`). ``.tar``, ``.tar.gz``, ``.tar.bz2``, ``.tar.xz``; one file, a folder of them, or a pattern such as
``train-{0000..0009}.tar``.

Shards are streamed from their beginning to their end, one sample in memory, nothing unpacked. A trainer needs files, though:
``extract`` writes each picture once, as ``<shard>/<member>``. Where the shards were unpacked already, ``images`` names that
folder; with neither, assets have no path, and ``metadata`` says in which shard the picture is.

Knowingly left: members of other kinds (features, masks, audio); they are named once for each kind.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import force_setattr

from syphus.annotations.containers.row_questions import find_row_columns, read_questions
from syphus.annotations.containers.row_scene import (
    Faults,
    make_captions,
    make_metadata,
    make_objects,
    make_tags,
    take_texts,
)
from syphus.annotations.containers.shards import Picture, Sample, read_samples
from syphus.annotations.labels import clean, clean_identifier
from syphus.annotations.naming import Names, make_relative
from syphus.annotations.reading import Problem, Report
from syphus.annotations.several.ordinals import name_picture
from syphus.decoding import read_text
from syphus.errors import InputError
from syphus.records import Asset, Object, Scene

_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_MOST_SHARDS = 100_000


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which shards."""

    path: Path
    """A shard, a folder of shards, or a pattern with ``{0000..0009}``."""
    extract: Path | None = None
    """The folder to write pictures into."""
    images: Path | None = None
    """The folder that the shards were unpacked into. After construction it is ``extract`` where that is given."""
    classes: Path | None = None
    """A text file with the name of each class a line, for ``.cls`` members; without it the number is kept in ``metadata``."""
    caption: str | None = None
    """The key of the ``.json`` members with the text."""

    def __post_init__(self) -> None:
        if self.extract is not None:
            force_setattr(self, "images", self.extract)


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one a sample, shard by shard in the order of their names.

    A scene's id is the sample's key. A sample with several pictures (``7.left.jpg``, ``7.right.jpg``) is one scene, whose text is
    about all of them.

    Args:
        options: which shards.
        report: receives samples without picture or text, members that cannot be used, and where a shard is torn; what came
            before is used.

    Raises:
        InputError: at once where a shard is not there; with the first scene where the only shard is no tar file.
    """
    shards = _find_shards(options.path)
    if options.extract is not None and options.extract.is_file():
        raise InputError("`extract` must be a folder; a file of this name is there", file=options.extract)
    classes = _read_classes(options.classes) if options.classes else []
    return _read_shards(shards, classes, options, report)


def _find_shards(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.name.lower().endswith(_SUFFIXES) and file.is_file())
        if not found:
            raise InputError(f"has no shards ({', '.join(_SUFFIXES)})", file=path)
        return found
    found = [path] if path.is_file() else list(_expand(str(path)))
    missing = [file for file in found if not file.is_file()]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise InputError(f"there is no such file{more}", file=missing[0], mend="Check the path.")
    return found


def _expand(pattern: str) -> Iterator[Path]:
    """All files of a pattern with braces; zeros in front count: ``{08..11}`` is 08, 09, 10, 11."""
    counts = [int(last) - int(first) + 1 for first, last in _RANGE.findall(pattern) if len(first + last) < 20]
    number = 1
    for count in counts:
        number *= max(count, 0)
    if not 0 < number <= _MOST_SHARDS or len(counts) != len(_RANGE.findall(pattern)):
        raise InputError(f"the pattern {pattern!r} names no shard, or more than {_MOST_SHARDS:,}")
    found = _RANGE.search(pattern)
    if not found:
        yield Path(pattern)
        return
    for value in range(int(found[1]), int(found[2]) + 1):
        yield from _expand(pattern[: found.start()] + str(value).zfill(len(found[1])) + pattern[found.end() :])


def _read_classes(file: Path) -> list[str]:
    return [clean_identifier(line) for line in read_text(file).splitlines()]


def _read_shards(shards: list[Path], classes: list[str], options: Options, report: Report) -> Iterator[Scene]:
    names = Names()
    told: set[str] = set()
    for shard in shards:
        folder = _name_folder(shard)
        try:
            for sample in read_samples(shard, report, extract=options.extract, folder=folder):
                scene = _make_scene(
                    sample, folder, classes, options, names, told, Faults(report, str(shard), sample.key)
                )
                if scene is not None:
                    yield scene
        except InputError as error:
            if len(shards) == 1 or error.file != str(shard):
                raise
            report(
                Problem(file=str(shard), place=error.place or "the file", message=f"{error.message}; it is left out")
            )


def _name_folder(shard: Path) -> str:
    lower = shard.name.lower()
    ending = max((end for end in _SUFFIXES if lower.endswith(end)), key=len, default="")
    return shard.name[: len(shard.name) - len(ending)] or shard.name


def _make_scene(
    sample: Sample, folder: str, classes: list[str], options: Options, names: Names, told: set[str], faults: Faults
) -> Scene | None:
    for kind in sorted(sample.others - told):
        told.add(kind)
        faults.lose(f"members of the kind {kind[:40]!r} are left out, here and in what follows")
    if not sample.pictures:
        faults.lose("the sample has no picture; it is left out")
        return None
    try:
        assets = tuple(_make_assets(sample.pictures, folder, options))
    except ValueError as error:
        faults.lose(f"{error}; the sample is left out")
        return None
    values = sample.values
    caption = options.caption if options.caption in values else None
    columns, asking = find_row_columns(list(values), file=options.path, caption=caption)
    asked = read_questions(values, asking, faults)
    texts = [*sample.texts, *asked.captions]
    if columns.caption:
        texts += take_texts(values[columns.caption], columns.caption, faults)
    single = len(assets) == 1
    objects = make_objects(values.get(columns.objects), assets[0], classes, faults) if columns.objects else ()
    metadata, left = make_metadata(values, (columns.caption, columns.tags, columns.objects, *asking.used()))
    for name in left:
        if name not in told:
            told.add(name)
            faults.lose(
                f"`{clean(name)[:40]}` is no text or number that could be kept; it is left out, here and in what follows"
            )
    objects += tuple(_take_class(sample, classes, metadata, len(objects), faults))
    prose = make_tags(values.get(columns.tags)) if columns.tags else ()
    if not texts and not objects and not prose and not asked.questions:
        faults.lose("the sample has no text; it is left out")
        return None
    metadata |= {"shard": folder, "members": [clean(picture.name) for picture in sample.pictures]}
    plain = (text for text in map(clean, texts) if text)
    return Scene(
        id=names.give(sample.key),
        assets=assets,
        captions=make_captions(plain) if single else (),
        objects=objects,
        questions=asked.questions,
        prose=prose if single else (*dict.fromkeys(plain), *prose),
        metadata=metadata,
    )


def _make_assets(pictures: list[Picture], folder: str, options: Options) -> Iterator[Asset]:
    several = len(pictures) > 1
    for number, picture in enumerate(pictures, 1):
        name = make_relative(picture.name, None)
        path = f"{folder}/{name}" if options.extract is not None else name if options.images is not None else None
        yield Asset(
            id=f"image{number}" if several else "image",
            path=path,
            width=picture.size[0] if picture.size else None,
            height=picture.size[1] if picture.size else None,
            title=name_picture(number) if several else None,
        )


def _take_class(
    sample: Sample, classes: list[str], metadata: dict[str, Any], before: int, faults: Faults
) -> Iterator[Object]:
    """The whole picture's class: an object without a box where its name is known, else a number in ``metadata``."""
    if sample.class_number is None:
        return
    metadata["class"] = sample.class_number
    if sample.class_number < len(classes) and classes[sample.class_number]:
        yield Object(id=f"o{before + 1}", label=classes[sample.class_number])
    elif classes:
        faults.note(
            f"the class {sample.class_number} is not one of the {len(classes)} in `classes`; its number is kept"
        )
