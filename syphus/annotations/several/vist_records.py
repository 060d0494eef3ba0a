"""The records of VIST files, as far as scenes need them, and where each stands in memory while a file is read."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from syphus.annotations.foreign import name_form, name_keys
from syphus.annotations.json_shapes import Broken, Shape
from syphus.annotations.json_stream import JsonDocument
from syphus.annotations.reading import Problem, Report
from syphus.errors import InputError

Id = int | str
"""The files write ids as text; copies that went through other tools have numbers."""


class Photo(msgspec.Struct, gc=False):
    """A photograph, as Flickr knew it."""

    id: Id
    title: str | None = None
    tags: str | list[str] | None = None
    datetaken: str | None = None
    license: Id | None = None
    url_o: str | None = None
    text: str | None = None
    """Its owner's own words about it."""


class Album(msgspec.Struct, gc=False):
    """An album of photographs."""

    id: Id
    title: str | None = None
    description: str | None = None
    vist_label: str | None = None


class Sentence(msgspec.Struct, gc=False):
    """What one person wrote to one photograph; in a story's file as part of that story."""

    photo_flickr_id: Id
    original_text: str | None = None
    text: str | None = None
    album_id: Id | None = None
    story_id: Id | None = None
    worker_arranged_photo_order: int | str | None = None
    setting: str | None = None


class Entry(msgspec.Struct, gc=False):
    """A sentence and the place it came from."""

    index: int
    text: str
    photo: str
    order: int = 0
    setting: str = ""


_SHAPES: dict[str, Shape[Any]] = {
    "images": Shape(Photo, lenient=True),
    "albums": Shape(Album, lenient=True),
    "annotations": Shape(list[Sentence] | Sentence, lenient=True),  # type: ignore[arg-type]
}


class VistFile:
    """A story-in-sequence or description-in-isolation file, read whole: its stories have to be put together first."""

    def __init__(self, file: Path, report: Report, *, placeholders: bool) -> None:
        self.file = file
        self.photos: dict[str, Photo] = {}
        self.albums: dict[str, Album] = {}
        self.stories: dict[tuple[str, str], list[Entry]] = {}
        """By album and story id, in the order of the file."""
        self.descriptions: dict[str, list[Entry]] = {}
        """By photograph: sentences that belong to no story."""
        self._report = report
        self._placeholders = placeholders
        self._keys: list[str] | None = None
        self._texts: dict[str, str] = {}
        self._good = 0
        self._read()

    def complain(self, place: str, message: str, *, lost: bool = True) -> None:
        """Reports something of this file."""
        self._report(Problem(file=str(self.file), place=place, message=message, lost=lost))

    def _read(self) -> None:
        with JsonDocument(self.file) as document:
            kind = document.find_kind()
            if kind == "nothing":
                raise InputError("is empty", file=self.file)
            if kind != "an object":
                raise InputError(
                    f"is {kind}: a VIST file is an object with `images`, `albums`, `annotations`", file=self.file
                )
            for batch in document.walk_members(_SHAPES):
                for index, record in enumerate(batch.records, batch.first):
                    self._take(batch.key, index, record)
            self._check_form(document.members)

    def _check_form(self, members: dict[str, str]) -> None:
        if {"images", "annotations"} <= members.keys() and "albums" not in members and not self._good:
            raise InputError("is a COCO file", file=self.file, mend='Use `reader = "coco"`.')
        if "annotations" not in members:
            what, mend = name_form(members)
            message = f"is {what}" if what else f"has no `annotations`; its keys: {name_keys(members)}"
            raise InputError(message, file=self.file, mend=mend)
        if self._keys is not None and not self._good:
            what, mend = name_form(self._keys)
            keys = name_keys(self._keys)
            message = (
                f"holds {what}" if what else f"its `annotations` are no sentences about photographs; their keys: {keys}"
            )
            raise InputError(message, file=self.file, mend=mend)

    def _take(self, key: str, index: int, record: Any) -> None:
        place = f"{key}[{index}]"
        if isinstance(record, Broken):
            if key == "annotations" and self._keys is None:
                self._keys = record.find_keys()
            self.complain(place, f"{record.reason}; the record is left out")
        elif key == "images":
            self._take_once(self.photos, str(record.id), record, place)
        elif key == "albums":
            self._take_once(self.albums, str(record.id), record, place)
        else:
            for sentence in record if isinstance(record, list) else (record,):
                self._good += 1
                self._take_sentence(index, place, sentence)

    def _take_once(self, known: dict[str, Any], key: str, record: Any, place: str) -> None:
        if key in known and known[key] != record:
            self.complain(place, f"the id {key[:40]} is given twice; the first record is used")
        known.setdefault(key, record)

    def _take_sentence(self, index: int, place: str, sentence: Sentence) -> None:
        texts = (
            (sentence.text, sentence.original_text) if self._placeholders else (sentence.original_text, sentence.text)
        )
        text = next((plain for text in texts if text and (plain := " ".join(text.split()))), "")
        photo = str(sentence.photo_flickr_id)
        if not text:
            self.complain(place, "the sentence is empty; it is left out")
            return
        # five stories have the same photographs: one text for all
        photo, setting = (self._texts.setdefault(one, one) for one in (photo, sentence.setting or ""))
        entry = Entry(index, text, photo, setting=setting)
        if sentence.story_id is None:
            self.descriptions.setdefault(photo, []).append(entry)
            return
        order = _read_order(sentence.worker_arranged_photo_order)
        if order is None:
            story = self.stories.get((str(sentence.album_id), str(sentence.story_id)), ())
            order = 1 + max((one.order for one in story), default=-1)
            message = "has no `worker_arranged_photo_order`; it is taken in the order of the file"
            self.complain(place, message, lost=False)
        entry.order = order
        self.stories.setdefault((str(sentence.album_id or ""), str(sentence.story_id)), []).append(entry)


def _read_order(value: int | str | None) -> int | None:
    if isinstance(value, str):
        return int(value) if value.strip().isdecimal() and value.isascii() and len(value) < 9 else None
    return value


def count_ids(ids: list[str]) -> str:
    """A few of many ids, for a report."""
    shown = list(Counter(ids))
    return ", ".join(one[:40] for one in shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
