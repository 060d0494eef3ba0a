"""References in stored text: ``[the red bus](#o3)``, ``[two dogs](#o1,#o2)``.

The form is Markdown's link to a place in the same page: people can read it, chat models write it well, and it cannot be
mistaken for coordinates. Ids come from the scene (:class:`syphus.records.Object`, ``Region``, ``Asset``).
"""

import re
from collections.abc import Callable, Iterator

from msgspec import Struct

REFERENCE = re.compile(r"\[(?P<phrase>[^\[\]]*)\]\((?P<ids>#[^\s\[\]()#,]+(?:\s*,\s*#?[^\s\[\]()#,]+)*)\)")
"""A whole reference. A second id without its ``#`` is read too: models forget it."""
_BROKEN = re.compile(r"\]\s*\(\s*#|\(#[^()]*$|\[[^\[\]]*\]\(\s*\)")


class Reference(Struct, frozen=True):
    """One reference in a text: its phrase, the ids it points at, and where it stands (offsets)."""

    phrase: str
    ids: tuple[str, ...]
    start: int
    end: int


def find_references(text: str) -> Iterator[Reference]:
    """The references of a text, in order."""
    for found in REFERENCE.finditer(text):
        ids = tuple(part.strip().removeprefix("#") for part in found["ids"].split(","))
        yield Reference(found["phrase"], ids, found.start(), found.end())


def has_broken_reference(text: str) -> bool:
    """True where something begins or ends like a reference and is none."""
    return bool(_BROKEN.search(REFERENCE.sub("", text)))


def replace_references(text: str, render: Callable[[Reference], str]) -> str:
    """The text with each reference replaced by what ``render`` makes of it."""
    parts: list[str] = []
    end = 0
    for reference in find_references(text):
        parts += [text[end : reference.start], render(reference)]
        end = reference.end
    return "".join([*parts, text[end:]])


def plain_text(text: str) -> str:
    """The text as a person says it: phrases stay, ids go."""
    return replace_references(text, lambda reference: reference.phrase)
