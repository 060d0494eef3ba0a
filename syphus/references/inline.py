"""Texts that others wrote, with coordinates in them, into stored texts: references, and the objects that they point to.

The way back of :mod:`syphus.references.rendering`. What a phrase is, the convention's own marks say
(``<ref>the dog</ref><box>...</box>``). Where it has none (``the dog [0.1, 0.2, 0.3, 0.4]``), it is the noun phrase in front of
the box: back to the nearest article or number word, else to a verb, a preposition or a punctuation mark. A box with nothing
of that kind in front of it becomes a reference with an empty phrase. Rendered again in the same convention, the text is as it
was, but for white space around marks and digits beyond the convention's own.
"""

import json
import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import islice
from string import Formatter
from typing import NamedTuple

from msgspec import Struct

from syphus.records import Box, Keypoint, Object
from syphus.references.box_reading import find_box
from syphus.references.boxes import CONVENTIONS, Convention, lone_wrap
from syphus.references.nouns import find_noun_phrase
from syphus.references.rendering import POINT, Slot
from syphus.references.text import escape_text

_NUMBER = r"-?\d{1,9}(?:\.\d{1,20})?"
_TOKEN = re.compile(r"\w+|[^\w\s]")
_LABEL = re.compile(r', "\w+": "\{phrase\}"')
"""The member of a JSON form that holds the phrase."""
_LONGEST_PHRASE = 300
_BRACKETS = str.maketrans("[]", "()")


class Parsed(Struct, frozen=True, kw_only=True):
    """Texts whose coordinates have become references."""

    texts: tuple[str, ...]
    objects: tuple[Object, ...] = ()
    """Those that the references point at, in the order in which they were met."""
    problems: tuple[str, ...] = ()
    """What looked like a box and is none; it stays text."""


def parse_inline(
    texts: Sequence[str],
    convention: Convention,
    *,
    width: int | None,
    height: int | None,
    asset: str | None = None,
    taken: AbstractSet[str] = frozenset(),
    slots: Sequence[Slot] = (),
) -> Parsed:
    """The texts of one dialogue with references in the place of their boxes; equal boxes are one object.

    Args:
        texts: of its turns, in their order, as stored text has them: links are escaped
            (:func:`syphus.references.text.escape_text`), and references that are there already stay.
        convention: how the coordinates are written.
        width: of the picture, in pixels; None where the convention needs none.
        height: of the picture, in pixels.
        asset: the id of the picture; None: the dialogue's first.
        taken: ids that the new objects must not have.
        slots: where the convention has places only (``beside``), the boxes for all of them, in the order of the texts.

    Raises:
        InputError: the convention needs the picture's size, and there are boxes, and it is not known.
    """
    reader = _Reader(convention, width, height, asset, taken, slots)
    read = tuple(reader.read(text, turn) for turn, text in enumerate(texts, start=1))
    return Parsed(texts=read, objects=reader.make_objects(), problems=tuple(reader.problems))


def guess_conventions(texts: Sequence[str]) -> list[str]:
    """The named conventions that boxes in these texts may be written in: those that explain the most boxes first.

    A guess for people. A grid of 1000 and pixels look the same, and so do pictures that were padded and those that were not:
    of conventions with the same marks, only those stay whose grid holds every number.
    """
    counts: dict[str, int] = {}
    for name, convention in CONVENTIONS.items():
        form = _compile(convention)
        if not form.has_numbers:
            continue
        boxes = [numbers for text in texts for found in _find(text, form) for numbers in found.boxes]
        fractions = any(value % 1 for numbers in boxes for value in numbers)
        limit = convention.scale or float("inf")
        limit = limit**2 - 1 if convention.order == "cells" else limit
        if (
            boxes
            and all(0 <= value <= limit for numbers in boxes for value in numbers)
            and (fractions or convention.decimals == 0)
        ):
            counts[name] = len(boxes)
    return sorted(counts, key=lambda name: -counts[name])


class _Found(NamedTuple):
    """A phrase with its boxes, as it stands in a text."""

    start: int
    end: int
    phrase: str | None
    """None: the convention has no marks for it, and it is in the words before ``start``."""
    boxes: list[tuple[float, ...]]


class _Form(NamedTuple):
    """A convention as expressions."""

    whole: re.Pattern[str]
    """A phrase with all its boxes; groups ``phrase`` and ``boxes``, where the convention has them."""
    single: re.Pattern[str]
    """One box; groups ``n0`` ... and ``phrase``."""
    join: re.Pattern[str]
    has_numbers: bool
    phrase_in_box: bool
    quoted: bool
    bare: bool
    """There are no marks for the phrase."""
    greedy: bool
    """The phrase is all that stands between two boxes (Florence-2)."""


@lru_cache(maxsize=64)
def _compile(convention: Convention) -> _Form:
    pattern, wrap = convention.pattern, convention.wrap
    phrase_in_box = "{phrase}" in pattern
    quoted = '"{phrase}"' in pattern
    single = _box_expression(pattern, grouped=True)
    plain = _box_expression(pattern, grouped=False)
    join = r"\s*" + _literal(convention.join) + r"\s*"
    boxes = f"(?P<boxes>{plain}(?:{join}{plain})*)"
    before, mark, after = wrap.partition("{phrase}")
    bare = not phrase_in_box and bool(mark) and not before.strip()
    if phrase_in_box:
        whole = single
    elif not bare and mark:
        opening, (middle, _, closing) = _literal(before), after.partition("{boxes}")
        text = rf"(?P<phrase>(?:(?!{opening}|{_literal(middle)})[\s\S]){{0,{_LONGEST_PHRASE}}})"
        lone, _, end = lone_wrap(wrap).partition("{boxes}")
        marked = rf"{opening}{text}{_literal(middle)}\s*"
        whole = rf"(?:{marked}|{_literal(lone)}\s*){boxes}{_tail(closing or end)}"
    else:
        lone, _, end = after.partition("{boxes}") if mark else wrap.partition("{boxes}")
        # `<ref-object>` stands for a phrase that is beside the text, and may be missing.
        opening = f"(?:{_literal(lone)})?" if convention.beside else _literal(lone)
        whole = rf"{opening}\s*{boxes}{_tail(end)}"
    return _Form(
        re.compile(whole),
        re.compile(single),
        re.compile(join),
        "n0" in re.compile(single).groupindex,
        phrase_in_box,
        quoted,
        bare,
        wrap == "{phrase}{boxes}",
    )


def _tail(text: str) -> str:
    """What closes a phrase's boxes; where nothing does, the white space behind them is the text's own."""
    return r"\s*" + _literal(text) if text.strip() else ""


def _literal(text: str) -> str:
    """An expression for a text, with any white space between its words and marks."""
    return r"\s*".join(re.escape(token) for token in _TOKEN.findall(text))


def _box_expression(pattern: str, *, grouped: bool) -> str:
    """An expression for one box: groups ``n0`` ... for its numbers, and ``phrase`` for its first phrase, if ``grouped``."""
    key = _LABEL.search(pattern)
    pieces = list(Formatter().parse(_LABEL.sub("{phrase}", pattern)))
    parts: list[str] = []
    for index, (text, name, _, _) in enumerate(pieces):
        parts.append(_literal(text))
        if name is None:
            continue
        opening = "(?:" if not grouped else f"(?P<n{name}>"
        if name != "phrase":
            parts.append(rf"\s*{opening}{_NUMBER})\s*")
            continue
        first = grouped and not any("(?P<phrase>" in part for part in parts)
        opening = "(?P<phrase>" if first else "(?:"
        if key:
            # Real files have rows without a label: {"bbox_2d": [...]}.
            parts.append(rf'(?:{_literal(key[0].partition(chr(123))[0])}{opening}(?:[^"\\\n]|\\.)*)"\s*)?')
        else:
            end = r"(?=\s*(?:[<;\n]|$))" if index == len(pieces) - 1 else ""
            parts.append(rf"\s*{opening}[^<>\n;]{{0,{_LONGEST_PHRASE}}}?){end}")
    return "".join(parts)


def _find(text: str, form: _Form) -> Iterator[_Found]:
    """What the text holds of a convention's boxes, from the left."""
    for found in form.whole.finditer(text):
        if form.phrase_in_box:
            yield _Found(found.start(), found.end(), _read_phrase(found["phrase"], form), [_read_numbers(found)])
            continue
        phrase = None if form.bare else (found["phrase"] or "") if "phrase" in form.whole.groupindex else ""
        boxes = [_read_numbers(one) for one in form.single.finditer(found["boxes"])]
        yield _Found(found.start(), found.end(), phrase, boxes)


def _read_numbers(found: re.Match[str]) -> tuple[float, ...]:
    groups = found.groupdict()
    return tuple(float(groups[f"n{index}"]) for index in range(len(groups)) if f"n{index}" in groups)


def _read_phrase(phrase: str | None, form: _Form) -> str:
    if not phrase:
        return ""
    try:
        return str(json.loads(f'"{phrase}"')) if form.quoted else phrase
    except ValueError:
        return phrase


class _Reader:
    """Reads the turns of one dialogue; remembers the objects that it met."""

    def __init__(
        self,
        convention: Convention,
        width: int | None,
        height: int | None,
        asset: str | None,
        taken: AbstractSet[str],
        slots: Sequence[Slot],
    ) -> None:
        self.problems: list[str] = []
        self._convention, self._form = convention, _compile(convention)
        self._width, self._height = width, height
        self._asset, self._taken = asset, taken
        self._slots = iter(slots)
        self._ids: dict[Box, str] = {}
        self._labels: dict[str, str] = {}

    def read(self, text: str, turn: int) -> str:
        """The text with references."""
        parts: list[str] = []
        end = 0
        for found in self._merge(text):
            try:
                boxes, told = self._place(found)
            except ValueError as error:
                self.problems.append(f"turn {turn}: {text[found.start : found.end][:80]!r} is no box: {error}")
                continue
            before = text[end : found.start]
            phrase = found.phrase if found.phrase is None or self._form.has_numbers else told
            if phrase is None:
                start = self._find_start(before, told)
                before, phrase = before[:start], before[start:]
            phrase = phrase.strip().translate(_BRACKETS)
            if not phrase:  # the white space is not between a phrase and its boxes
                shown = text[found.start : found.end]
                before += shown[: len(shown) - len(shown.lstrip())]
            ids = ",".join("#" + self._name(box, phrase) for box in boxes)
            parts += [_close(before), f"[{phrase}]({ids})"]
            end = found.end
        return "".join([*parts, text[end:]])

    def make_objects(self) -> tuple[Object, ...]:
        """The objects that were met, in their order."""
        objects = []
        for box, identity in self._ids.items():
            label = self._labels[identity] or "object"
            if self._convention.order == "point":
                keypoints = (Keypoint(name=POINT, x=box[0], y=box[1]),)
                objects.append(Object(id=identity, label=label, keypoints=keypoints, asset=self._asset))
            else:
                objects.append(Object(id=identity, label=label, box=box, asset=self._asset))
        return tuple(objects)

    def _merge(self, text: str) -> Iterator[_Found]:
        """Boxes that stand for themselves, one behind the other with the same phrase, are the boxes of one phrase."""
        last: _Found | None = None
        for found in _find(text, self._form):
            if (
                last is not None
                and self._form.phrase_in_box
                and found.phrase == last.phrase
                and self._form.join.fullmatch(text[last.end : found.start])
            ):
                last = _Found(last.start, found.end, last.phrase, last.boxes + found.boxes)
                continue
            if last is not None:
                yield last
            last = found
        if last is not None:
            yield last

    def _find_start(self, before: str, told: str) -> int:
        """Where the phrase begins that ends where ``before`` ends, and that the box beside the text is called."""
        end = len(before.rstrip())
        if told and before.endswith(told, 0, end):
            return end - len(told)
        start = before.rfind("\n") + 1 if self._form.greedy else find_noun_phrase(before)
        return start + len(before[start:]) - len(before[start:].lstrip())

    def _place(self, found: _Found) -> tuple[list[Box], str]:
        """The boxes in pixels, and their phrase where it stands beside the text. Raises ``ValueError`` where they are none."""
        if self._form.has_numbers:
            size = {"width": self._width, "height": self._height}
            return [find_box(numbers, self._convention, **size) for numbers in found.boxes], ""
        slots = list(islice(self._slots, len(found.boxes)))
        if len(slots) < len(found.boxes):
            raise ValueError("there are fewer boxes beside the text than places in it")
        return [slot.box for slot in slots], slots[0].phrase

    def _name(self, box: Box, phrase: str) -> str:
        if box not in self._ids:
            number = len(self._ids) + 1
            while (name := f"o{number}") in self._taken or name in self._labels:
                number += 1
            self._ids[box] = name
            self._labels[name] = phrase
        name = self._ids[box]
        self._labels[name] = self._labels[name] or phrase
        return name


def _close(before: str) -> str:
    """The text in front of a reference, so that a backslash at its end does not take the reference's meaning."""
    kept = before.rstrip("\\")
    return kept + escape_text(before[len(kept) :], before_reference=True)
