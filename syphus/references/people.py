# ruff: noqa: RUF001 (full-width and curly signs, and dashes, are what is looked for)
"""Names in texts: found, and hidden behind what one sees.

A face does not tell its name, so an answer that says "Monica" teaches a model to invent. ``hide`` puts in the place of each
name what a stranger would say: the person's ``looks`` ("the woman in the red coat"), or "person A", "person B" where none are
given, by the order of ``Scene.people``; readers put people there in the order in which they appear. ``find_names`` finds the
names that are left.

Names are matched as they are written, capitals included ("Will" is not "will"), as whole words, the longest first. Chinese,
Japanese, Thai, Lao, Khmer and Burmese are written without spaces, and Korean hangs its particles on the name: there, and there
alone, a name may touch another word. Arabic may put one letter before it ("and", "by", "for"). Inflected forms ("Monika",
"Monikę") are aliases for the user to give.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from syphus.records import Person

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0002ffff"
)
_HANGUL = "\u1100-\u11ff\uac00-\ud7af"
_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0963\u0966-\u0df3"
"""Accents, points and vowel signs: they belong to a word, and Python's ``\\w`` does not know them."""
_CLITICS = "وفبلك"

_BEFORE = rf"(?:(?<!(?![{_UNSPACED}])(?:[^\W_]|[{_MARKS}]))|(?<=(?<!\w)[{_CLITICS}])(?=[\u0600-\u06ff]))"
_AFTER = rf"(?!(?![{_UNSPACED}{_HANGUL}])(?:[^\W_]|[{_MARKS}]))"
_TITLES = "Mr|Mrs|Ms|Mx|Miss|Dr|Prof|Doctor|Professor|Sir|Detective|Officer|Captain|Nurse|Judge|Agent"
_IDS = r"\(\#[^()]*\)"  # the ids of a reference are no text, even where they are made of a name
_ARTICLE = re.compile(r"(?:The|An?) ")
_OPENING = " \t\"'“”‘«([*_-–—•♪♫"
_CLOSING = " \t\"'”’»)]"
_SENTENCE_ENDS = (".", "!", "?", "…")
_BACK = 40
"""Letters that are looked back over to see whether a sentence begins."""


class _Names(NamedTuple):
    """What is made of some people once."""

    probe: re.Pattern[str]
    """Finds a place where a name may begin, fast; most texts have none."""
    pattern: re.Pattern[str]
    single: re.Pattern[str]
    owners: dict[str, int]
    calls: tuple[str, ...]


def call_people(people: tuple[Person, ...]) -> tuple[str, ...]:
    """What ``hide`` calls each of them, in their order."""
    names = _compile(people)
    return names.calls if names else ("",) * len(people)


def hide(text: str, people: tuple[Person, ...]) -> str:
    """``text`` with every name of ``people`` replaced by what one sees of them.

    "Monica's" becomes "person A's", "Ross'" "person B's", "Monica Geller" one person where both are names of hers, and
    "Dr. House" has no title left over. At the beginning of a sentence the replacement begins with a capital; a text that is a
    name alone (a label, a speaker) is none. The ids of references stay.
    """
    names = _compile(people)
    if names is None or not names.probe.search(text):
        return text

    def replace(found: re.Match[str]) -> str:
        if found["names"] is None:
            return found[0]
        owners = dict.fromkeys(names.owners[_fold(part)] for part in names.single.findall(found["names"]))
        shown = " ".join(names.calls[owner] for owner in owners)
        tail = found["tail"] or ""
        if tail and (found["names"][-1] not in "sS" or text[: found.start()].endswith(("'", "‘", '"'))):
            after = tail  # the closing one of a pair of quotes
        else:
            after = f"{tail}s" if tail else ""
        alone = found.end() - found.start() == len(text)
        if not alone and _begins_sentence(text, found.start()):
            shown = shown[:1].upper() + shown[1:]
        return shown + after

    return names.pattern.sub(replace, text)


def find_names(text: str, people: tuple[Person, ...]) -> list[str]:
    """The names of ``people`` that stand in ``text``, as written there, each once, in order."""
    names = _compile(people)
    if names is None or not names.probe.search(text):
        return []
    found = (match["names"] for match in names.pattern.finditer(text) if match["names"])
    return list(dict.fromkeys(name for part in found for name in names.single.findall(part)))


@lru_cache(maxsize=256)
def _compile(people: tuple[Person, ...]) -> _Names | None:
    owners: dict[str, int] = {}
    for index, person in enumerate(people):
        for name in (person.name, *person.aliases):
            if name.strip():
                owners.setdefault(_fold(name), index)
    if not owners:
        return None
    forms = {form for name in owners for form in (name, unicodedata.normalize("NFD", name))}
    one = _any_of(forms)
    pattern = re.compile(
        rf"{_IDS}|(?:{_BEFORE}(?:{_TITLES})\b\.?\s+)?(?P<names>{one}(?:\s+{one})*)(?P<tail>['’](?![^\W_]))?"
    )
    calls = _make_calls(people)
    single = re.compile(one)
    # an apostrophe, and the spaces inside a name, may be written in more than one way
    probe = re.compile("|".join(sorted({re.escape(re.split(r"['’\s]", form)[0]) for form in forms})))

    def unname(looks: str) -> str:
        """Looks that themselves name somebody ("Monica's brother") say what she is called."""
        owned = ((found, calls[owners[_fold(found[0])]]) for found in single.finditer(looks))
        safe = {found[0]: call if call != looks and not single.search(call) else "somebody" for found, call in owned}
        return single.sub(lambda found: safe[found[0]], looks)

    return _Names(probe, pattern, single, owners, tuple(map(unname, calls)))


def _any_of(names: Iterable[str]) -> str:
    """A pattern of all names, the longest first.

    What has to stand around a name stands around all of the same kind together: with a look-around for each of them, a hundred
    names took seconds to compile.
    """
    kinds: dict[tuple[str, str], list[str]] = {}
    for name in sorted(names, key=lambda name: (-len(name), name)):
        before = "" if re.match(f"[{_UNSPACED}]", name) else _BEFORE
        after = "" if re.search(f"[{_UNSPACED}{_HANGUL}]$", name) else _AFTER
        inner = re.sub(r"['’]", "['’]", r"\s+".join(map(re.escape, name.split())))
        kinds.setdefault((before, after), []).append(inner)
    groups = (f"{before}(?:{'|'.join(inner)}){after}" for (before, after), inner in kinds.items())
    return f"(?:{'|'.join(groups)})"


def _make_calls(people: tuple[Person, ...]) -> tuple[str, ...]:
    calls: list[str] = []
    unseen = 0
    for person in people:
        if person.looks.strip():
            article = _ARTICLE.match(looks := " ".join(person.looks.split()))
            calls.append(looks[0].lower() + looks[1:] if article else looks)
        else:
            calls.append(f"person {_make_letters(unseen)}")
            unseen += 1
    return tuple(calls)


def _make_letters(index: int) -> str:
    """A to Z, then AA, AB."""
    letters = chr(ord("A") + index % 26)
    return letters if index < 26 else _make_letters(index // 26 - 1) + letters


def _fold(name: str) -> str:
    """One form for all ways of writing the same name: composed letters, single spaces, straight apostrophes."""
    return " ".join(unicodedata.normalize("NFC", name).replace("’", "'").split())


def _begins_sentence(text: str, position: int) -> bool:
    before = text[max(0, position - _BACK) : position].rpartition("\n")[2]
    if not before.strip(_OPENING):
        return position <= _BACK or "\n" in text[position - _BACK : position] or not before
    bare = before.rstrip(_CLOSING)
    return bare != before and bare.endswith(_SENTENCE_ENDS)
