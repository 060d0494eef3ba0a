"""The parts of a record: objects, regions, texts, relations, times, questions. What cannot be used is told, and left out."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct, structs

from syphus.annotations.containers.row_scene import Faults
from syphus.annotations.mapped.paths import Place
from syphus.annotations.mapped.records import name_parts, name_rows
from syphus.annotations.mapped.tables import (
    ObjectTable,
    OcrTable,
    QuestionTable,
    RegionTable,
    RelationTable,
    SegmentTable,
)
from syphus.annotations.mapped.values import (
    list_plain,
    read_answers,
    read_box,
    read_number,
    read_seconds,
    read_text,
    read_texts,
    read_truth,
)
from syphus.annotations.mending import mend_times
from syphus.annotations.questions.choices import find_by_letter, find_by_text, strip_letters
from syphus.records import Asset, Box, Object, OcrLine, Question, Region, Relation, Segment

T = TypeVar("T")
Table = ObjectTable | RegionTable | OcrTable | RelationTable | SegmentTable | QuestionTable
_NO_PLACES = frozenset({"names", "form", "scale", "times", "fps", "first"})

_REQUIRED: dict[type, tuple[str, ...]] = {
    ObjectTable: ("label",), RegionTable: ("text",), OcrTable: ("text",), SegmentTable: ("start",), QuestionTable: ("question",),
    RelationTable: ("subject", "predicate", "object"),
}  # fmt: skip


class Frame(NamedTuple):
    """The pictures that a record is about."""

    assets: tuple[Asset, ...]
    places: tuple[str, ...]
    """Their paths or addresses as the record has them."""

    def find(self, value: Any) -> Asset | None:
        """The one that a part names by its path or its number; ``ValueError`` where there is no such one."""
        text = value.strip() if isinstance(value, str) else read_text(value)
        if text in self.places:
            return self.assets[self.places.index(text)]
        if text.isdecimal() and int(text) < len(self.assets):
            return self.assets[int(text)]
        raise ValueError(f"there is no picture {text[:60]!r}")


class Parts(Struct):
    """One table of the mapping, ready to be looked for.

    Args of :meth:`of`: ``table`` and ``key``, its name in the configuration.
    """

    table: Table
    key: str
    places: dict[str, Place]
    columns: dict[str, Place]

    @classmethod
    def of(cls, table: Table, key: str) -> "Parts":
        """Raises :class:`syphus.errors.InputError` for an expression that is none."""
        places = {
            name: Place(value, f"{key}.{name}")
            for name, value in structs.asdict(table).items()
            if isinstance(value, str) and name not in _NO_PLACES
        }
        columns = getattr(table, "columns", {})
        return cls(table, key, places, {name: Place(one, f"{key}.columns.{name}") for name, one in columns.items()})

    def all_places(self) -> Iterator[Place]:
        """Every place of the table."""
        yield from (*self.places.values(), *self.columns.values())

    def required(self) -> list[Place]:
        """The places without which no part is anything."""
        return [self.places[name] for name in _REQUIRED[type(self.table)]]

    def split(self, record: Any) -> list[tuple[str, Any]]:
        """The parts of a record, with the place of each; ``ValueError`` where there is no telling."""
        each = self.places.get("each")
        if each is None:
            return [("", record)]
        return list((name_rows if self.table.parallel else name_parts)(each.find(record)))

    def make(self, record: Any, faults: Faults, one: "Callable[[Part], T]") -> list[T]:
        """Each part of a record, made by ``one``; a ``ValueError`` of it costs the part, and is told."""
        name = self.key.rpartition(".")[2]
        whole = "each" not in self.places
        try:
            found = self.split(record)
        except ValueError as error:
            faults.lose(f"{name}: {error}")
            return []
        made = []
        for where, value in found:
            told = faults if whole else faults._replace(place=f"{faults.place}, {name}{where}".lstrip(", "))
            try:
                made.append(one(Part(self, value, record, told)))
            except ValueError as error:
                told.lose(f"{error}; it is left out")
        return made


class Part(NamedTuple):
    """One part of a record."""

    parts: Parts
    value: Any
    record: Any
    """The whole that it is a part of."""
    faults: Faults

    def get(self, name: str) -> Any:
        """What stands at one of the table's places; None where it has no such place, or nothing stands there."""
        place = self.parts.places.get(name)
        return None if place is None else self.find(place)

    def find(self, place: Place) -> Any:
        """What stands at a place, in the part or, where the place says so, in the whole record."""
        return place.find(self.record if place.outside else self.value)

    def text(self, name: str) -> str:
        """A text; ``ValueError`` where there is none."""
        found = self.get(name)
        if text := read_text(found):
            return text
        place = self.parts.places[name]
        raise ValueError(f"`{name} = {place.expression!r}` finds {'nothing' if found in (None, '') else 'no text'}")

    def asset(self, frame: Frame) -> Asset | None:
        """The picture that it is about, where it says so or there is only one."""
        if "asset" in self.parts.places and (named := self.get("asset")) is not None:
            return frame.find(named)
        return frame.assets[0] if len(frame.assets) == 1 else None


def make_objects(parts: Parts, record: Any, frame: Frame, faults: Faults) -> list[Object]:
    """Objects ``o1``, ``o2`` ... in the record's order; their own ids are kept as ``source_id``."""
    table = parts.table
    assert isinstance(table, ObjectTable)

    def one(part: Part) -> Object:
        label = part.text("label")
        asset = part.asset(frame)
        box = _find_box(part, table, asset)
        return Object(
            id="o",
            label=read_text(table.names.get(label, label).replace("_", " ")) or label,
            box=box,
            asset=_name(asset, frame),
            attributes=_find_attributes(part),
            score=_find_score(part),
            crowd=read_truth(part.get("crowd")),
            source_id=read_text(part.get("id")) or None,
        )

    made = parts.make(record, faults, one)
    return [structs.replace(thing, id=f"o{number}") for number, thing in enumerate(made, 1)]


def make_regions(parts: Parts, record: Any, frame: Frame, faults: Faults) -> list[Region]:
    """Regions ``r1``, ``r2`` ... in the record's order."""
    table = parts.table
    assert isinstance(table, RegionTable)

    def one(part: Part) -> Region:
        asset = part.asset(frame)
        text = part.text("text")
        return Region(id="r", text=text, box=_find_box(part, table, asset), asset=_name(asset, frame))

    made = parts.make(record, faults, one)
    return [structs.replace(region, id=f"r{number}") for number, region in enumerate(made, 1)]


def make_ocr(parts: Parts, record: Any, frame: Frame, faults: Faults) -> list[OcrLine]:
    """Lines of text in the picture."""
    table = parts.table
    assert isinstance(table, OcrTable)

    def one(part: Part) -> OcrLine:
        asset = part.asset(frame)
        text = part.text("text")
        return OcrLine(text=text, box=_find_box(part, table, asset), score=_find_score(part), asset=_name(asset, frame))

    return parts.make(record, faults, one)


def make_relations(parts: Parts, record: Any, objects: Sequence[Object], faults: Faults) -> list[Relation]:
    """Relations between objects, which are named by their own ids."""
    ids = {thing.source_id: thing.id for thing in objects}

    def one(part: Part) -> Relation:
        ends = [part.text("subject"), part.text("object")]
        for end in ends:
            if end not in ids:
                raise ValueError(f"there is no object {end[:60]!r}")
        return Relation(subject=ids[ends[0]], predicate=part.text("predicate"), object=ids[ends[1]])

    return parts.make(record, faults, one)


def make_segments(parts: Parts, record: Any, frame: Frame, faults: Faults) -> list[Segment]:
    """What happens between two times, by time."""
    table = parts.table
    assert isinstance(table, SegmentTable)

    def one(part: Part) -> Segment:
        start = read_seconds(part.get("start"), table.times, table.fps)
        end = start if table.end is None else read_seconds(part.get("end"), table.times, table.fps)
        if start is None or end is None:
            raise ValueError(f"its {'start' if start is None else 'end'} is no time")
        asset = part.asset(frame)
        mended = mend_times(start, end, duration=asset.duration if asset else None)
        if mended.times is None:
            raise ValueError(mended.message)
        if mended.message:
            part.faults.note(mended.message)
        text = read_text(part.get("text"))
        columns = {name: told for name, place in parts.columns.items() if (told := read_text(part.find(place)))}
        if not text and not columns:
            raise ValueError("nothing is said of it")
        return Segment(
            start=mended.times[0], end=mended.times[1], text=text, columns=columns, asset=_name(asset, frame)
        )

    return sorted(parts.make(record, faults, one), key=lambda segment: (segment.start, segment.end))


def make_questions(parts: Parts, record: Any, frame: Frame, faults: Faults) -> list[Question]:
    """Questions with their answers, or with options and the right one."""
    table = parts.table
    assert isinstance(table, QuestionTable)

    def one(part: Part) -> Question:
        said = list(filter(None, read_answers(part.get("answers"))))
        answers = sorted(dict.fromkeys(said), key=lambda answer: -said.count(answer))
        given = part.get("options")
        options = strip_letters(read_answers(given))
        right = part.get("correct")
        counted = table.first is not None or (_is_number(right) and not any(map(_is_number, list_plain(given))))
        return Question(
            question=part.text("question"),
            answers=tuple(answers),
            votes=tuple(map(said.count, answers)) if len(said) > 1 else (),
            options=tuple(filter(None, options)),
            correct=None if right in (None, "") else _find_right(right, options, table.first or 0, counted=counted),
            rationales=tuple(read_texts(part.get("rationales"))),
            asset=_name(part.asset(frame), frame),
            source_id=read_text(part.get("id")) or None,
        )

    return parts.make(record, faults, one)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _find_right(value: Any, options: Sequence[str], first: int, *, counted: bool) -> int:
    """Which of the options that are not empty is right, counted from 0.

    Args:
        value: its text, letter or number.
        options: all of them, the empty ones in their places, since letters and numbers count them.
        first: the number of the first.
        counted: what is a number of an option is no option's text, as 1 among "1", "2", "3".
    """
    words = read_answers(value)
    text = words[0] if len(words) == 1 else ""
    number = read_number(text)
    place = int(number) - first if number is not None and number.is_integer() else -1
    numbered = place if 0 <= place < len(options) else None
    at = numbered if counted else None
    if at is None:
        at = options.index(text) if text and text in options else find_by_text(options, text)
    if at is None:
        at = find_by_letter(options, text)
    if at is None:
        at = numbered
    if at is None or not options[at]:
        raise ValueError(f"there is no option {text[:60]!r} among {len(list(filter(None, options)))}")
    return at - options[:at].count("")


def _find_box(part: Part, table: ObjectTable | RegionTable | OcrTable, asset: Asset | None) -> Box | None:
    value = part.get("box")
    if value is None or table.form is None:
        return None
    size = (asset.width, asset.height) if asset else (None, None)
    mended = read_box(value, table.form, table.scale, width=size[0], height=size[1])
    if mended.box is None:
        raise ValueError(mended.message)
    if mended.message:
        part.faults.note(mended.message)
    return mended.box


def _find_score(part: Part) -> float | None:
    score = read_number(part.get("score"))
    if score is not None and not 0 <= score <= 1:
        part.faults.lose(f"its score {score:g} is not between 0 and 1; the score is left out")
        return None
    return score


def _find_attributes(part: Part) -> tuple[str, ...]:
    try:
        return tuple(read_texts(part.get("attributes")))
    except ValueError as error:
        part.faults.lose(f"`attributes = {part.parts.places['attributes'].expression!r}` {error}; they are left out")
        return ()


def _name(asset: Asset | None, frame: Frame) -> str | None:
    return asset.id if asset is not None and len(frame.assets) > 1 else None
