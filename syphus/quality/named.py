"""What a text names that the picture does not tell: people's names, pictures that are not there, times beyond the end.

These look only where the scene has people, several assets or segments; for all other scenes they are not even called.
"""

import re

from syphus.quality.pairs import Finding, View
from syphus.quality.wordings import fold_text
from syphus.records import Scene, Segment
from syphus.references.people import find_names

_STAND_IN = re.compile(r"\b[Pp]ersons? [A-Z]{1,2}\b")
"""What a prompt calls somebody whose looks nobody wrote down."""

_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
_NUMBERS = "one two three four five six seven eight nine ten eleven twelve".split()
_RANKS = {word: rank for words in (_ORDINALS, _NUMBERS) for rank, word in enumerate(words, 1)}
_NOUN = r"(?:picture|image|photograph|photo|frame|video|clip|shot|snapshot|panel)s?"
_NTH = re.compile(
    rf"\b(?:the |in |of )(?P<ordinal>{'|'.join(_ORDINALS)}|\d{{1,2}}(?:st|nd|rd|th)) {_NOUN}\b"
    rf"|\b{_NOUN} (?:number |no\. ?|#)?(?P<number>\d{{1,2}}|{'|'.join(_NUMBERS)})\b(?!\s+of\b)"
)

_CLOCK = re.compile(r"(?<![\d:.])(?:(?P<hours>\d{1,2}):)?(?P<minutes>\d{1,2}):(?P<seconds>[0-5]\d)(?:\.\d)?(?![\d:])")
_SECONDS = re.compile(
    r"\b(?:[Aa]t|[Ff]rom|to|till|[Uu]ntil|[Aa]fter|[Bb]efore|[Aa]round|[Aa]bout|[Bb]etween|and|[Bb]y|[Tt]he|[Nn]ear)"
    r" (?:the )?(?:second )?(?P<number>\d{1,5}(?:\.\d+)?)[ -]?(?:s|secs?|seconds?)(?: mark)?\b"
)
_SLACK = 1.5
"""Seconds beyond the end that rounding may bring."""


def check_name(view: View) -> Finding | None:
    """No name of somebody whom the picture does not name, and no "person A", unless it can be read in the picture."""
    for side in view.sides:
        seen = [name for name in find_names(side.plain, view.hidden) if not _is_written(name, view.scene)]
        if seen:
            message = f"The {side.name} names {seen[0]}, whom the picture does not name. Say who is meant by what is seen of them."
            return Finding("hidden_name", message, seen[0])
        if found := _STAND_IN.search(side.plain):
            message = (
                f"The {side.name} says “{found[0]}”. Say who is meant by what is seen of them, or by what they do."
            )
            return Finding("stand_in", message, found[0])
    return None


def check_asset(view: View) -> Finding | None:
    """Pictures are counted as the scene has them: no third picture where there are two."""
    count = len(view.scene.assets)
    for side in view.sides:
        for found in _NTH.finditer(side.folded):
            word = found["ordinal"] or found["number"]
            digits = re.match(r"\d+", word)
            rank = int(digits[0]) if digits else _RANKS[word]
            if rank > count or rank == 0:
                message = f"The {side.name} speaks of “{found[0].strip()}”, but there are only {count}."
                return Finding("no_such_asset", message, found[0])
    return None


def check_time(view: View) -> Finding | None:
    """No times where the category wants none, and none beyond the end of the video."""
    end = last_moment(view.scene)
    for side in view.sides:
        if side.harmless:
            continue  # it has no digits
        for pattern in (_CLOCK, _SECONDS):
            for found in pattern.finditer(side.plain):
                if _is_written(found[0], view.scene):
                    continue
                if view.rules.times == "none":
                    message = f"The {side.name} gives a time (“{found[0]}”). Say when by what happens before and after."
                    return Finding("given", message, found[0])
                if _seconds_of(found) > end + _SLACK:
                    message = f"The {side.name} gives the time “{found[0]}”, after the end of the video."
                    return Finding("beyond_end", message, found[0])
    return None


def last_moment(scene: Scene) -> float:
    """Seconds: the end of the longest asset whose duration is known, or of the last segment."""
    durations = [asset.duration for asset in scene.assets if asset.duration is not None]
    return max([*durations, *(segment.end for segment in scene.segments)], default=0.0)


def _seconds_of(found: re.Match[str]) -> float:
    parts = found.groupdict()
    if "number" in parts:
        return float(parts["number"])
    return int(parts["hours"] or 0) * 3600 + int(parts["minutes"]) * 60 + int(parts["seconds"])


def _is_written(evidence: str, scene: Scene) -> bool:
    """Whether it can be read in the picture, or is said in it."""
    texts = [line.text for line in scene.ocr] + [_said(segment) for segment in scene.segments]
    return bool(texts) and fold_text(evidence).strip() in fold_text(" ".join(texts))


def _said(segment: Segment) -> str:
    return segment.columns.get("subtitle", "") if re.search(r"\d", segment.columns.get("subtitle", "")) else ""
