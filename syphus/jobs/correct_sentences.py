"""A text as its sentences. Joined again they are the text, letter by letter.

VIGC cuts at the first full stop, which breaks "3.5 metres" and "Mr. Brown" and loses a sentence without one; here a sentence
ends where one really does: behind a closing sign that white space and no small letter follow, behind a full-width one, and at
the end of a line. Nothing within ``[a phrase](#o3)`` is an end.
"""

# ruff: noqa: RUF001 (full-width and curly signs are what is looked for)

import re

from syphus.references.text import find_references

_END = re.compile(
    r"(?P<wide>[。！？｡]+[」』”’）】]*\s*)"
    r"|(?P<narrow>[.!?…؟۔]+[\"'”’»)\]*_]*(?:\s+|$))"
    r"|(?P<line>[^\S\n]*\n\s*)"
)
_TITLES = frozenset(
    "approx bzw ca capt cf col d.h dr e.g frau gen hon hr i.e jr lt mr mrs ms mx prof rev sgt sr sra st u.a vs z.b".split()
)
"""Abbreviations that a capital or a number may follow within a sentence; before a small letter none ends one."""
_BEFORE_NUMBERS = frozenset("art fig no nr nos op p pp vol".split())
"""Those that are one only before a number: "No. 5", but "No. It is red."."""
_LAST_WORD = re.compile(r"(\S+)\Z")
_ONLY_NUMBER = re.compile(r"\s*(?:[(\[]?(?:\d{1,3}|[A-Za-z])[.)\]]|[-*•])\s*\Z")


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, each with the white space behind it.

    Args:
        text: in any language; references count as one word.

    Returns:
        At least one part for a text that is not empty; ``"".join`` of them is the text.
    """
    whole = [(one.start, one.end) for one in find_references(text)]
    parts: list[str] = []
    start = 0
    for found in _END.finditer(text):
        if any(begin <= found.start() < end for begin, end in whole):
            continue
        if found["narrow"] is not None and not _ends(text, start, found):
            continue
        if found["line"] is not None and not text[start : found.end()].strip() and parts:
            parts[-1] += text[start : found.end()]
            start = found.end()
            continue
        if not text[start : found.end()].strip():
            continue  # white space at the head stays with the first sentence
        parts.append(text[start : found.end()])
        start = found.end()
    if rest := text[start:]:
        if rest.strip() or not parts:
            parts.append(rest)
        else:
            parts[-1] += rest
    return parts


def _ends(text: str, start: int, found: re.Match[str]) -> bool:
    """Whether a full stop, or what stands for one, ends a sentence."""
    before, sign = text[start : found.start()], found[0].strip()
    after = text[found.end() : found.end() + 1]
    if not after:
        return True
    if _ONLY_NUMBER.match(before + sign):
        return False  # "1." at the head of a list
    if sign != ".":
        return not (sign.startswith(("…", "...")) and after.islower())
    word = _LAST_WORD.search(before)
    last = (word[1] if word else "").lstrip("([\"'“‘").lower()
    if last in _TITLES or (last in _BEFORE_NUMBERS and after.isdecimal()):
        return False
    if len(last) == 1 and before[-1:].isupper() and after.isupper() and last not in "ai":
        return False  # an initial: "J. Smith"
    return not after.islower()
