"""The objects and relations of one picture, gathered from several files: joined by id, exact repeats left out.

Visual Genome's annotators drew one thing again and again, for each region that names it. Most of that was merged by its
makers (``merged_object_ids``); what is left over with the same name and the very same box is one thing here, and relations to
either are relations to it. Boxes that nearly agree stay: two people in a row have them too.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from syphus.annotations.labels import clean
from syphus.annotations.mending import mend_box
from syphus.records import Box, Object, Relation

Id = int | str


class Say(Protocol):
    """Takes what is to be said of the picture."""

    def __call__(self, message: str, *, lost: bool = True) -> None:
        """Whether something is lost or was mended."""


class _Thing(msgspec.Struct):
    label: str
    box: Box | None
    source_id: str | None
    attributes: dict[str, str]
    others: list[str]


class Things:
    """What one picture holds. Objects get the ids ``o1``, ``o2`` ... in the order in which they come."""

    def __init__(self, say: Say, *, width: int | None, height: int | None) -> None:
        self._say = say
        self._width, self._height = width, height
        self._things: list[_Thing] = []
        self._rows: dict[Id, int] = {}
        self._same: dict[tuple[str, Box], int] = {}
        self._relations: dict[Relation, None] = {}
        self._repeated: list[str] = []
        self._repeated_relations: list[str] = []

    def add(
        self,
        id_: Id | None,
        names: Sequence[str | None],
        corner_and_size: tuple[float | None, float | None, float | None, float | None],
        merged: Sequence[Id] = (),
    ) -> int | None:
        """The row of a thing, new where neither its id nor its name and box are known; None where it cannot be used.

        Args:
            id_: in the file.
            names: the first is its label.
            corner_and_size: x, y, width, height in pixels.
            merged: ids that its makers have found to be the same thing.
        """
        labels = [name for name in map(clean, names) if name]
        row = self.find(id_)
        if row is not None:
            self._join(row, labels)
            return row
        if not labels:
            self._say(f"object {id_}: it has no name; it is left out")
            return None
        label = labels[0]
        box = self._make_box(id_, label, corner_and_size)
        row = self._same.get((label, box)) if box is not None else None
        if row is not None:
            self._repeated.append(str(id_))
            self._join(row, labels)
        else:
            row = len(self._things)
            self._things.append(_Thing(label, box, None if id_ is None else str(id_), {}, labels[1:]))
            if box is not None:
                self._same[label, box] = row
        for one in (id_, *merged):
            if one is not None:
                self._rows.setdefault(one, row)
        return row

    def find(self, id_: Id | None) -> int | None:
        """The row of a thing by its id in the file, or that of one merged into it."""
        return None if id_ is None else self._rows.get(id_)

    def describe(self, row: int, attributes: Sequence[str | None]) -> None:
        """Adds attributes, each once whatever its letters' case."""
        known, repeated = self._things[row].attributes, 0
        for attribute in attributes:
            text = clean(attribute)
            if not text or known.setdefault(text.lower(), text) is not text:
                repeated += 1
        if repeated:
            message = (
                f"object {self._things[row].source_id}: attributes that are empty or stand there already: {repeated}"
            )
            self._say(message, lost=False)

    def relate(self, subject: int, predicate: str, other: int, id_: Any = None) -> None:
        """Adds ``subject predicate other``; the predicate in small letters, since files shout (``ON``)."""
        name = "" if id_ is None else f" {id_}"
        text = clean(predicate).lower()
        if not text:
            self._say(f"relationship{name}: it has no predicate; it is left out")
        elif subject == other:
            self._say(f"relationship{name}: {text!r} of a thing and itself; it is left out")
        else:
            relation = Relation(subject=f"o{subject + 1}", predicate=text, object=f"o{other + 1}")
            if relation in self._relations:
                self._repeated_relations.append(str(id_))
            else:
                self._relations[relation] = None

    def report_repeated(self) -> None:
        """Says what was repeated since it was asked last; for the end of each file."""
        for what, ids in (("objects", self._repeated), ("relationships", self._repeated_relations)):
            if ids:
                self._say(f"{what} that stand there already: {len(ids)}, by their ids {', '.join(ids)}", lost=False)
                ids.clear()

    def finish(self) -> tuple[tuple[Object, ...], tuple[Relation, ...], dict[str, list[str]]]:
        """Objects, relations, and the other names of objects by their ids."""
        objects = tuple(
            Object(
                id=f"o{number}",
                label=thing.label,
                box=thing.box,
                attributes=tuple(thing.attributes.values()),
                source_id=thing.source_id,
            )
            for number, thing in enumerate(self._things, 1)
        )
        others = {f"o{number}": thing.others for number, thing in enumerate(self._things, 1) if thing.others}
        return objects, tuple(self._relations), others

    def _join(self, row: int, labels: list[str]) -> None:
        thing = self._things[row]
        for label in labels:
            if label != thing.label and label not in thing.others:
                thing.others.append(label)

    def _make_box(
        self, id_: Id | None, label: str, given: tuple[float | None, float | None, float | None, float | None]
    ) -> Box | None:
        x, y, width, height = given
        if x is None or y is None or width is None or height is None:
            missing = all(value is None for value in given)
            message = "it has no box" if missing else "its box lacks a number"
            self._say(f"object {id_} ({label}): {message}; it is used without one")
            return None
        mended = mend_box(x, y, x + width, y + height, width=self._width, height=self._height)
        if mended.box is None:
            self._say(f"object {id_} ({label}): {mended.message}; it is used without a box")
        elif mended.message:
            self._say(f"object {id_} ({label}): {mended.message}", lost=False)
        return mended.box
