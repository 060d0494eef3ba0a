r"""References in stored text: ``[the red bus](#o3)``, ``[two dogs](#o1,#o2)``, and places of media: ``[](#image2)``.

The form is Markdown's link to a place in the same page: people can read it, chat models write it well, and it cannot be
mistaken for coordinates. Ids come from the scene (:class:`syphus.records.Object`, ``Region``, ``Asset``).

A reference to an asset with an empty phrase says where in the text the picture or video itself stands; where it stands
before the first word of the dialogue, nothing is said.

Text that others wrote may hold such a link and mean a link. A backslash in front of it says so, ``\[Notes](#notes)``, as in
Markdown; backslashes in front of a link or reference are doubled, and no others (:func:`escape_text`).
"""

import re
from collections.abc import Callable, Iterator

from msgspec import Struct

_FORM = r"\[(?P<phrase>[^\[\]]*)\]\((?P<ids>#[^\s\[\]()#,]+(?:\s*,\s*#?[^\s\[\]()#,]+)*)\)"
REFERENCE = re.compile(r"(?<!\\)(?:\\\\)*(?P<reference>" + _FORM + ")")
"""A whole reference. A second id without its ``#`` is read too: models forget it."""
_LINK = re.compile(r"(?P<slashes>\\*)(?P<link>" + _FORM + ")")
"""What has the form of a reference, and the backslashes that say whether it is one."""
_BROKEN = re.compile(r"\]\s*\(\s*#|\(#[^()]*$|\[[^\[\]]*\]\(\s*\)")
_HINT = "](#"
"""What every reference holds; most texts do not."""


class Reference(Struct, frozen=True):
    """One reference in a text: its phrase, the ids it points at, and where it stands (offsets)."""

    phrase: str
    ids: tuple[str, ...]
    start: int
    end: int


def find_references(text: str) -> Iterator[Reference]:
    """The references of a text, in order."""
    if _HINT in text:
        for found in REFERENCE.finditer(text):
            yield _read(found, found.start("reference"))


def _read(found: re.Match[str], start: int) -> Reference:
    ids = tuple(part.strip().removeprefix("#") for part in found["ids"].split(","))
    return Reference(found["phrase"], ids, start, found.end())


def has_broken_reference(text: str) -> bool:
    """True where something begins or ends like a reference and is none."""
    return bool(_BROKEN.search(REFERENCE.sub("", text)))


def replace_references(text: str, render: Callable[[Reference], str]) -> str:
    """The text as it is read: each reference replaced by what ``render`` makes of it, and no backslash of ours left."""
    if _HINT not in text:
        return text

    def replace(found: re.Match[str]) -> str:
        slashes, escaped = divmod(len(found["slashes"]), 2)
        link = found["link"] if escaped else render(_read(found, found.start("link")))
        return "\\" * slashes + link

    return _LINK.sub(replace, text)


def plain_text(text: str) -> str:
    """The text as a person says it: phrases stay, ids go."""
    return replace_references(text, lambda reference: reference.phrase)


def escape_text(text: str, *, before_reference: bool = False) -> str:
    """Text that others wrote, so that nothing in it is a reference; ``plain_text`` gives it back as it was.

    Args:
        text: as it stands in their file.
        before_reference: a reference of ours is put directly behind it.
    """
    if _HINT in text:
        text = _LINK.sub(lambda found: "\\" * (2 * len(found["slashes"]) + 1) + found["link"], text)
    if before_reference and text.endswith("\\"):
        text += "\\" * (len(text) - len(text.rstrip("\\")))
    return text
