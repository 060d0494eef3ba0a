"""Records held in little memory and given back by picture, for files in which those of one picture stand far apart.

A record is packed into its bytes (MessagePack), which are about as many as its JSON has without the names of its fields; a
million VQA questions with the answers of ten people take about 320 MB so (``benchmarks/readers_questions.py``).
"""

import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Annotated, Generic, TypeVar

import msgspec

from syphus.annotations.naming import make_relative
from syphus.errors import InputError

T = TypeVar("T")

Id = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)] | str
"""What the files call a picture or a question."""

_SPEC = re.compile(r"0?\d{0,2}")
_FIELDS = ("id", "split", "stem")


class Packed(Generic[T]):
    """A list of records of one type, packed."""

    def __init__(self, type_: type[T]) -> None:
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(type_).decode
        self._data = bytearray()
        self._ends = array("Q", [0])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, row: int) -> T:
        return self._decode(self._data[self._ends[row] : self._ends[row + 1]])

    def append(self, record: T) -> int:
        """Takes the record in; returns its row."""
        self._data += self._encode(record)
        self._ends.append(len(self._data))
        return len(self._ends) - 2


class PictureRows(Generic[T]):
    """Records of pictures. The rows of a picture are linked, so that the order of the file costs eight bytes a record."""

    def __init__(self, type_: type[T]) -> None:
        self.rows: Packed[T] = Packed(type_)
        self._pictures: dict[int | str, int] = {}
        self._firsts, self._lasts, self._nexts = array("l"), array("l"), array("l")

    def __contains__(self, picture: object) -> bool:
        return picture in self._pictures

    def __len__(self) -> int:
        return len(self._pictures)

    def add(self, picture: int | str, record: T) -> int:
        """Adds a record of the picture; returns its row."""
        row = self.rows.append(record)
        number = self._pictures.setdefault(picture, len(self._firsts))
        if number == len(self._firsts):
            self._firsts.append(row)
            self._lasts.append(row)
        else:
            self._nexts[self._lasts[number]] = row
            self._lasts[number] = row
        self._nexts.append(-1)
        return row

    def walk(self) -> Iterator[tuple[int | str, list[int]]]:
        """The pictures in the order in which each was first met, with its rows."""
        for picture, first in zip(self._pictures, self._firsts, strict=True):
            rows, following = [first], self._nexts[first]
            while following >= 0:
                rows.append(following)
                following = self._nexts[following]
            yield picture, rows


class PictureName:
    """How a picture's path is made of its id: ``val2014/COCO_val2014_{id:012}.jpg``.

    Raises:
        InputError: for a template with other fields than ``{id}``, ``{split}`` and ``{stem}``, or that cannot be read.
    """

    def __init__(self, template: str, *, option: str = "image_name", fields: tuple[str, ...] = ("id",)) -> None:
        self._template = template
        known = " ".join(f"`{{{field}}}`" for field in fields)
        try:
            used = [(name, spec or "", mark) for _, name, spec, mark in Formatter().parse(template) if name is not None]
        except ValueError as error:
            raise InputError(f"{option} {template!r} cannot be read: {error}", mend=f"Fields: {known}.") from error
        for name, spec, mark in used:
            if name not in fields or mark or not _SPEC.fullmatch(spec):
                raise InputError(
                    f"{option} {template!r}: {{{name}}} cannot be filled in",
                    mend=f'Fields: {known}; `{{id:012}}` fills up with zeros, as in `{option} = "COCO_val2014_{{id:012}}.jpg"`.',
                )
        self._numeric = any(name == "id" and spec for name, spec, _ in used)
        self.needs_split = any(name == "split" for name, _, _ in used)

    def make(self, id_: int | str, images: Path | None, *, split: str = "") -> str:
        """The path relative to the picture folder; ``ValueError`` where it would lead out of it."""
        if self._numeric and isinstance(id_, str):
            if not (id_.isascii() and id_.isdigit() and len(id_) <= 18):
                raise ValueError(f"the picture's id {id_[:40]!r} is no number, which {self._template!r} needs")
            id_ = int(id_)
        return make_relative(self._template.format(id=id_, split=split, stem=id_), images)
