"""A row of a picture data set as part of a scene, whatever container it lies in: ImageFolder metadata, Parquet, WebDataset.

Rows are dictionaries of plain values. Which column is what is told by its name, as in the reader ``pairs``; the names are
those that data sets on Hugging Face and img2dataset use.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from syphus.annotations.labels import clean, clean_identifier
from syphus.annotations.mending import mend_box
from syphus.annotations.reading import Problem, Report
from syphus.errors import InputError
from syphus.records import Asset, Caption, Object

CAPTION_NAMES = (
    *("caption", "captions", "caption_str", "text", "texts", "description", "sentence", "sentences", "sentences_raw"),
    *("alt_text", "raw", "reference_strs", "annotations_captions", "comment", "answer", "title", "txt"),
)
ID_NAMES = ("id", "image_id", "key", "__key__", "img_id")
TAG_NAMES = ("tags", "keywords")
"""Names that are looked for, in this order and in any case, where the options name none."""

_MOST_METADATA = 2000
"""Letters of a text that is kept as metadata."""


class Faults(NamedTuple):
    """Where something is wrong, and whom to tell."""

    report: Report
    file: str
    place: str

    def lose(self, message: str) -> None:
        """Something is left out."""
        self.report(Problem(file=self.file, place=self.place, message=message))

    def note(self, message: str) -> None:
        """Something was mended, and is used."""
        self.report(Problem(file=self.file, place=self.place, message=message, lost=False))


class Columns(NamedTuple):
    """Which column is what; None where there is none."""

    caption: str | None
    id: str | None
    tags: str | None
    objects: str | None


def find_columns(names: Sequence[str], *, file: Path, caption: str | None, id_: str | None = None) -> Columns:
    """The columns by their names.

    Args:
        names: all that there are.
        file: for the error.
        caption: the one that is asked for.
        id_: likewise.

    Raises:
        InputError: where one that is asked for is not there.
    """
    lower = {name.lower(): name for name in reversed(names)}
    for asked in (caption, id_):
        if asked is not None and asked not in names:
            near = get_close_matches(asked, names, n=1)
            mend = f"Did you mean {near[0]!r}?" if near else ""
            shown = ", ".join(repr(name) for name in list(names)[:20])
            raise InputError(f"has no column {asked!r}; its columns: {shown}", file=file, mend=mend)
    return Columns(
        caption or next((lower[name] for name in CAPTION_NAMES if name in lower), None),
        id_ or next((lower[name] for name in ID_NAMES if name in lower), None),
        next((lower[name] for name in TAG_NAMES if name in lower), None),
        lower.get("objects"),
    )


def take_texts(value: Any, name: str, faults: Faults) -> list[str]:
    """The texts of a value, which is a text or a list of them (also a list of lists, and of ``{raw: ...}``)."""
    if isinstance(value, dict):
        inner = next((value[key] for key in CAPTION_NAMES if key in value), None)
        if inner is None:
            faults.lose(f"`{name}` is no text but an object")
            return []
        value = inner
    values = value if isinstance(value, list | tuple) else [value]
    texts = []
    for one in values:
        if isinstance(one, list | tuple) and all(isinstance(text, str) for text in one):
            texts += [text for text in map(clean, one) if text]
        elif isinstance(one, dict) and isinstance(one.get("raw"), str) and clean(one["raw"]):
            texts.append(clean(one["raw"]))
        elif not isinstance(one, str):
            faults.lose(f"`{name}` {'is missing' if one is None else f'is no text but {type(one).__name__}'}")
        elif clean(one):
            texts.append(clean(one))
        else:
            faults.lose(f"`{name}` is empty")
    return texts


def make_captions(texts: Iterable[str]) -> tuple[Caption, ...]:
    """Each text once, in order."""
    return tuple(Caption(text=text) for text in dict.fromkeys(texts))


def make_tags(value: Any) -> tuple[str, ...]:
    """Tags, a list or a text with commas, as one line of prose."""
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else ()
    tags = [tag for tag in (clean(part) for part in parts if isinstance(part, str)) if tag]
    return (f"Tags: {', '.join(dict.fromkeys(tags))}",) if tags else ()


def make_objects(value: Any, asset: Asset, names: Sequence[str], faults: Faults) -> tuple[Object, ...]:
    """Objects of ``{bbox: [[x, y, width, height], ...], category: [...], ...}``, or of a list of ``{bbox, category}``.

    It is the form of Hugging Face's detection sets; boxes are COCO's, in pixels.

    Args:
        value: the column's value.
        asset: whose width and height the boxes are held to.
        names: what categories that are numbers mean; empty where that is not known.
        faults: receives what cannot be used.
    """
    if isinstance(value, dict):
        lists = {key: entries for key, entries in value.items() if isinstance(entries, list | tuple)}
        length = max(map(len, lists.values()), default=0)
        rows = [{key: entries[at] for key, entries in lists.items() if at < len(entries)} for at in range(length)]
    elif isinstance(value, list | tuple):
        rows = [row for row in value if isinstance(row, dict)]
        if len(rows) < len(value):
            faults.lose(f"{len(value) - len(rows)} of `objects` are no objects; they are left out")
    else:
        if value is not None:
            faults.lose(f"`objects` is {type(value).__name__}; it is left out")
        return ()
    objects: list[Object] = []
    for number, row in enumerate(rows):
        made = _make_object(row, f"o{len(objects) + 1}", asset, names)
        if isinstance(made, str):
            faults.lose(f"objects[{number}]: {made}; it is left out")
            continue
        thing, message = made
        if message:
            faults.note(f"objects[{number}]: {message}")
        objects.append(thing)
    return tuple(objects)


def _make_object(row: Mapping[str, Any], id_: str, asset: Asset, names: Sequence[str]) -> tuple[Object, str] | str:
    """The object and what was mended of it; a text that says what is wrong where it cannot be used."""
    keys = ("category", "categories", "label", "labels", "name", "class", "category_id")
    label = next((row[key] for key in keys if row.get(key) is not None), None)
    if isinstance(label, int) and not isinstance(label, bool):
        if not 0 <= label < len(names):
            return f"the category {label} has no name"
        label = names[label]
    if not isinstance(label, str) or not clean_identifier(label):
        return "it has no category"
    values = next((row[key] for key in ("bbox", "bboxes", "box", "boxes") if row.get(key) is not None), None)
    box, message = None, ""
    if values is not None:
        numbers = isinstance(values, list | tuple) and len(values) == 4
        if not numbers or any(isinstance(one, bool) or not isinstance(one, int | float) for one in values):
            return "its bbox is not 4 numbers"
        try:
            x, y, width, height = map(float, values)
        except OverflowError:
            return "its bbox is beyond all numbers"
        mended = mend_box(x, y, x + width, y + height, width=asset.width, height=asset.height)
        if mended.box is None:
            return mended.message
        box, message = mended
    source = next((row[key] for key in ("id", "bbox_id") if isinstance(row.get(key), int | str)), None)
    return Object(id=id_, label=clean_identifier(label), box=box, source_id=_shorten(source)), message


def _shorten(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = clean(value) if isinstance(value, str) else str(value) if abs(value) < 1 << 64 else ""
    return text or None


def make_metadata(values: Mapping[str, Any], used: Iterable[str | None]) -> tuple[dict[str, Any], list[str]]:
    """What else the row says: texts, numbers, and short lists of them; and the names of what is no such thing and left out."""
    kept: dict[str, Any] = {}
    left = []
    skipped = {name for name in used if name}
    for name, value in values.items():
        if name in skipped or value is None or value in ("", [], {}):
            continue
        plain = _make_plain(value)
        if plain is None:
            left.append(name)
        else:
            kept[clean(name)] = plain
    return kept, left


def _make_plain(value: Any) -> Any:
    """The value as JSON has it, None where it is too much or nothing of the kind."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean(value) if len(value) <= _MOST_METADATA else None
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 63 else None
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple) and len(value) <= 50:
        items = [_make_plain(item) for item in value if isinstance(item, str | int | float)]
        return items if len(items) == len(value) and None not in items else None
    return None


def as_pixels(values: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """``width`` and ``height`` of a row, where both are whole numbers of pixels."""
    size = [values.get(key) for key in ("width", "height")]
    whole = [one for one in size if isinstance(one, int) and not isinstance(one, bool) and 0 < one < 1 << 31]
    return (whole[0], whole[1]) if len(whole) == 2 else (None, None)


def find_id(values: Mapping[str, Any], column: str | None) -> str:
    """The row's id as text; empty where it has none."""
    return _shorten(values.get(column)) or "" if column else ""
