"""Reader of anybody's own records, told by the configuration what stands where: no code for a form that nobody knows.

A record is what a scene is made of: an object in a JSON list, a line of JSON Lines, a row of a table, several rows with
something in common (``group``), or a file of its own (``path = "labels/*.json"``). What boxes mean is never guessed, and a place
at which nothing is ever found is told, with the keys that there are.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any

from msgspec import structs

from syphus.annotations.containers.pair_rows import Row
from syphus.annotations.containers.row_scene import Faults, make_metadata
from syphus.annotations.mapped.parts import (
    Frame,
    Parts,
    make_objects,
    make_ocr,
    make_questions,
    make_regions,
    make_relations,
    make_segments,
)
from syphus.annotations.mapped.paths import Place
from syphus.annotations.mapped.records import open_records
from syphus.annotations.mapped.tables import Options, SceneTable
from syphus.annotations.mapped.values import open_cell, read_number, read_paths, read_seconds, read_text, read_texts
from syphus.annotations.naming import Names, find_stem, is_address, make_name, make_relative
from syphus.annotations.picture_files import as_pixels, measure_picture
from syphus.annotations.reading import Problem, Report
from syphus.errors import InputError
from syphus.records import Asset, Caption, Scene

__all__ = ["Options", "read"]

_LOOKED_AT = 50
"""Records among which something of the mapping must be found, or it is refused before anything is made."""
_TABLES = ("objects", "regions", "relations", "ocr", "segments", "questions")


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes of the records, in their order.

    Args:
        options: the files and the mapping.
        report: receives what cannot be used of a record, and places at which nothing was found.

    Raises:
        InputError: an expression is none; a file is torn or no such file; at the first scene, where the pictures' place, or all
            places of what is known of them, find nothing in the first records.
    """
    return _Mapping(options).scenes(report)


class _Mapping:
    """The mapping of one source, its places ready to be looked for."""

    def __init__(self, options: Options) -> None:
        self._options = options
        table = options.scene
        names = ("id", "image", "video", "width", "height", "duration")
        self._places = {name: Place(where, f"scene.{name}") for name in names if (where := getattr(table, name))}
        self._texts = {name: _places_of(table, name) for name in ("captions", "prose", "absent", "metadata")}
        self._parts = {name: Parts.of(own, f"scene.{name}") for name in _TABLES if (own := getattr(table, name))}
        self._needs_size = any(getattr(parts.table, "scale", 0) for parts in self._parts.values())
        self._names = Names()

    def scenes(self, report: Report) -> Iterator[Scene]:
        """The scenes, one at a time."""
        rows = open_records(self._options, report)
        head = list(islice(rows, _LOOKED_AT))
        self._check(head)
        count = 0
        for file, row in chain(head, rows):
            count += 1
            faults = Faults(report, str(file), row.place or "the record")
            try:
                yield self._make(row.values, faults, file, count)
            except ValueError as error:
                faults.lose(f"{error}; the record is left out")
        if count:
            self._tell_of_nothing(report, head[0][1].values, count)

    def _make(self, record: dict[str, Any], faults: Faults, file: Path, count: int) -> Scene:
        frame = self._find_frame(record, faults)
        captions = self._read(record, "captions", faults)
        prose = self._read(record, "prose", faults)
        if len(frame.assets) > 1:  # said of all of them together
            captions, prose = [], [*captions, *prose]
        objects = self._all("objects", make_objects, record, frame, faults)
        metadata = self._find_metadata(record, faults)
        scene = Scene(
            id=self._names.give(self._find_id(record, frame, faults) or f"{find_stem(file.name)}-{count}"),
            assets=frame.assets,
            captions=tuple(Caption(text=text) for text in dict.fromkeys(captions)),
            objects=tuple(objects),
            regions=tuple(self._all("regions", make_regions, record, frame, faults)),
            relations=tuple(self._all("relations", make_relations, record, objects, faults)),
            absent=tuple(dict.fromkeys(self._read(record, "absent", faults))),
            segments=tuple(self._all("segments", make_segments, record, frame, faults)),
            ocr=tuple(self._all("ocr", make_ocr, record, frame, faults)),
            questions=tuple(self._all("questions", make_questions, record, frame, faults)),
            prose=tuple(dict.fromkeys(prose)),
            metadata=metadata,
        )
        known = (scene.captions, scene.objects, scene.regions, scene.segments, scene.ocr, scene.questions, scene.prose)
        if not any(known):
            raise ValueError("nothing of what is mapped is known of it")
        return scene

    def _all(self, name: str, make: Callable[..., list[Any]], record: Any, other: Any, faults: Faults) -> list[Any]:
        parts = self._parts.get(name)
        return make(parts, record, other, faults) if parts else []

    def _read(self, record: Any, name: str, faults: Faults) -> list[str]:
        texts = []
        for place in self._texts[name]:
            try:
                texts += read_texts(place.find(record))
            except ValueError as error:
                faults.lose(f"`{place.key} = {place.expression!r}` {error}")
        return texts

    def _find_metadata(self, record: Any, faults: Faults) -> dict[str, Any]:
        found = {place.expression: _find_spare(place, record, faults) for place in self._texts["metadata"]}
        kept, left = make_metadata(found, ())
        for name in left:
            faults.lose(f"`scene.metadata = {name!r}` is no short text, number or list of such; it is left out")
        return kept

    def _get(self, record: Any, name: str, faults: Faults) -> Any:
        return _find_spare(self._places[name], record, faults) if name in self._places else None

    def _find_id(self, record: Any, frame: Frame, faults: Faults) -> str:
        name = make_name(read_text(self._get(record, "id", faults)))
        return name or (find_stem(frame.places[0]) if frame.places else "")

    def _find_frame(self, record: Any, faults: Faults) -> Frame:
        """The pictures or the video; ``ValueError`` where they are mapped and not there, or lie outside the folder."""
        kind = "video" if "video" in self._places else "image"
        if kind not in self._places:
            return Frame((), ())
        places = read_paths(self._places[kind].find(record))
        if not places:
            raise ValueError(f"`{kind} = {self._places[kind].expression!r}` finds nothing")
        count = len(places)
        widths, heights = (_read_sides(self._get(record, name, faults), count) for name in ("width", "height"))
        seconds = read_seconds(self._get(record, "duration", faults), "seconds", None) if count == 1 else None
        duration = seconds if seconds and seconds > 0 else None
        assets = []
        for number, (place, width, height) in enumerate(zip(places, widths, heights, strict=True), 1):
            made = self._make_asset(place, kind if count == 1 else f"{kind}{number}", kind)
            if (width is None or height is None) and self._needs_size:
                width, height = self._measure(made)  # noqa: PLW2901  what the file itself says
            assets.append(structs.replace(made, width=width, height=height, duration=duration))
        return Frame(tuple(assets), tuple(places))

    def _make_asset(self, place: str, name: str, kind: str) -> Asset:
        made = (
            Asset(id=name, url=place)
            if is_address(place)
            else Asset(id=name, path=make_relative(place, self._options.images))
        )
        if kind == "video":
            made = Asset(id=name, kind="video", path=made.path, url=made.url)
        return made

    def _measure(self, asset: Asset) -> tuple[int | None, int | None]:
        folder = self._options.images
        size = (
            measure_picture(folder / asset.path)
            if folder is not None and asset.path and asset.kind == "image"
            else None
        )
        return size or (None, None)

    # --- places that find nothing

    def _content(self) -> list[Place]:
        """The places of what is known of a scene."""
        texts = [place for name in ("captions", "prose") for place in self._texts[name]]
        return texts + [parts.places.get("each", next(iter(parts.places.values()))) for parts in self._parts.values()]

    def _check(self, head: Sequence[tuple[Path, Row]]) -> None:
        """Refuses a mapping of which the first records have nothing: it is mistyped, or the file is another one.

        Raises:
            InputError: naming the keys that there are.
        """
        if not head:
            return
        content = self._content()
        if not content:
            raise InputError("maps nothing that is known of the pictures", place="scene", mend='captions = "..."')
        pictures = [self._places[name] for name in ("image", "video") if name in self._places]
        where = "" if self._options.records else ' Where the records are elsewhere, `records = "..."` says so.'
        for group in (*([place] for place in pictures), content):
            if not any(_finds(place, row.values) for place in group for _, row in head):
                file, row = head[0]
                shown = ", ".join(f"{place.key} = {place.expression!r}" for place in group)
                raise InputError(
                    f"nothing stands at {shown}, in none of the first {len(head)} records"
                    + _find_fault(group, (row.values for _, row in head)),
                    file=file,
                    place=row.place,
                    mend=f"A record has the keys {', '.join(map(str, list(row.values)[:20]))}.{where}",
                )

        for parts in self._parts.values():
            _check_parts(parts, head)

    def _tell_of_nothing(self, report: Report, first: dict[str, Any], count: int) -> None:
        places = [*self._places.values(), *chain(*self._texts.values())]
        for parts in self._parts.values():
            places += parts.all_places()
        for place in places:
            if place.asked and not place.found:
                keys = ", ".join(map(str, list(first)[:20]))
                message = f"nothing was found there in {count:,} records; the first one has the keys {keys}"
                report(
                    Problem(file=str(self._options.path), place=f"{place.key} = {place.expression!r}", message=message)
                )


def _check_parts(parts: Parts, head: Sequence[tuple[Path, Row]]) -> None:
    """Refuses a table whose parts are there and have nothing at a place that each of them needs.

    Raises:
        InputError: naming the keys that a part has.
    """
    there: list[tuple[Path, str, Any]] = []
    for file, row in head:
        with suppress(ValueError):
            there += [
                (file, f"{row.place}, {parts.key.rpartition('.')[2]}{where}", part)
                for where, part in parts.split(row.values)
            ]
    for place in parts.required() if there and "each" in parts.places else ():
        if not place.outside and not any(_finds(place, part) for _, _, part in there):
            file, where, part = there[0]
            keys = (
                f"the keys {', '.join(map(str, list(part)[:20]))}"
                if isinstance(part, dict)
                else f"the form {str(part)[:60]}"
            )
            raise InputError(
                f"nothing stands at {place.key} = {place.expression!r}, in none of the first {len(there)} parts"
                + _find_fault([place], (part for _, _, part in there)),
                file=file,
                place=where,
                mend=f"A part has {keys}.",
            )


def _find_spare(place: Place, record: Any, faults: Faults) -> Any:
    """What stands at a place that a record can do without; where the expression does not suit it, that is told."""
    try:
        return place.find(record)
    except ValueError as error:
        faults.lose(str(error))
        return None


def _read_sides(value: Any, count: int) -> list[int | None]:
    """The widths or heights of the pictures: a number for one, a list for several; None for those that are not given."""
    value = open_cell(value)
    sides = value if isinstance(value, list) else [value]
    return [as_pixels(read_number(one)) for one in sides] if len(sides) == count else [None] * count


def _places_of(table: SceneTable, name: str) -> list[Place]:
    where = getattr(table, name)
    return [Place(one, f"scene.{name}") for one in ([where] if isinstance(where, str) else where)]


def _find_fault(places: Sequence[Place], records: Iterable[Any]) -> str:
    """Why an expression cannot be applied, as ``join`` to a number; empty where it can, and finds nothing."""
    for record in records:
        for place in places:
            try:
                place.find(record)
            except ValueError as error:
                return f": {error}"
    return ""


def _finds(place: Place, record: Any) -> bool:
    try:
        return place.find(record) not in (None, [], "", {})
    except ValueError:
        return False
