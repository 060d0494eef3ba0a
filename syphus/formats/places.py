r"""Where pictures and videos stand in the texts, between a trainer's tokens (``<image>``) and stored text.

Media that stand at the head of the first user turn, in the order of the assets, leave nothing in stored text: how a trainer
writes that (``<image>\n``, ``<image>``, a part of its own) is its format's business. One that stands elsewhere is a
reference with an empty phrase, ``[](#image2)``. White space between the head and the first word belongs to the head.
"""

import re
from collections import deque
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from syphus.records import Asset
from syphus.references.text import escape_text, find_references

OPEN, CLOSE = "\ufdd0", "\ufdd1"
"""Around an asset's id, in a text on its way through the rendering of references. They are no characters and no text holds
them; :func:`syphus.formats.parts.render_turns` refuses one that does."""

_MARK = re.compile(f"{OPEN}([^{CLOSE}]*){CLOSE}")
_WORDS = {"image": ("picture", "pictures"), "video": ("video", "videos")}


class OddError(Exception):
    """The row cannot be read as a dialogue.

    Args:
        message: why, without the place.
    """

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class Placed(NamedTuple):
    """The turns of a row, with its media found."""

    texts: list[str]
    """Stored texts: links escaped, places marked."""
    head: str
    """What stood in front of the first word, tokens and white space, letter by letter; empty where no medium did."""
    unplaced: bool
    """There are media, and no token at all says where."""


def read_places(
    values: Sequence[str], assets: Sequence[Asset], tokens: Mapping[str, str], *, answers: bool = True
) -> Placed:
    """Finds a row's tokens, gives each its medium and puts a place where it is not the head.

    Args:
        values: what the turns say, the user's first, then by turns.
        assets: the row's media, in its order; the first token of a kind means the first of them.
        tokens: kind of asset -> its token.
        answers: tokens in the assistant's turns count; else they are text.

    Raises:
        OddError: there are more tokens than media, or fewer but some.
    """
    counted = range(0, len(values), 1 if answers else 2)
    known = tuple(tokens.values())
    found = {token: sum([values[index].count(token) for index in counted]) for token in known}
    if not any(found.values()):
        return Placed([escape_text(value) for value in values], "", bool(assets))
    waiting: dict[str, deque[Asset]] = {token: deque() for token in known}
    for asset in assets:
        waiting[tokens[asset.kind]].append(asset)
    for token, media in waiting.items():
        if found[token] != len(media):
            kind = next(kind for kind, its in tokens.items() if its == token)
            raise OddError(f"has {found[token]} `{token}` for {_count(len(media), kind)}")
    head, rest = _take_head(values[0], assets, tokens)
    taken = sum(head.count(token) for token in waiting) if head else 0
    texts = [rest, *values[1:]]
    if taken == len(assets):  # nearly all rows are so
        return Placed([escape_text(text) for text in texts], head, unplaced=False)
    for asset in assets[:taken]:
        waiting[tokens[asset.kind]].popleft()
    for index in range(len(texts)):
        split = _splitter(known).split(texts[index]) if index in counted else [texts[index]]
        texts[index] = "".join(
            f"[](#{waiting[piece].popleft().id})"
            if number % 2
            else escape_text(piece, before_reference=number < len(split) - 1)
            for number, piece in enumerate(split)
        )
    return Placed(texts, head, unplaced=False)


def _count(number: int, kind: str) -> str:
    return f"{number or 'no'} {_WORDS[kind][number != 1]}"


@lru_cache(maxsize=32)
def _splitter(tokens: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("(" + "|".join(map(re.escape, tokens)) + ")")


@lru_cache(maxsize=32)
def _header(tokens: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(r"\s*(?:(?:" + "|".join(map(re.escape, tokens)) + r")\s*)+")


def _take_head(text: str, assets: Sequence[Asset], tokens: Mapping[str, str]) -> tuple[str, str]:
    """The tokens before the first word, and the text from it on; nothing where the media are not in the assets' order."""
    found = _header(tuple(tokens.values())).match(text)
    if not found or found.end() == len(text):
        return "", text
    run = _splitter(tuple(tokens.values())).findall(found[0])
    if run != [tokens[asset.kind] for asset in assets[: len(run)]]:
        return "", text
    return found[0], text[found.end() :]


def mark_places(text: str, assets: Sequence[Asset]) -> str:
    """Stored text whose places survive the rendering of references, each as its asset's id between two marks."""
    if "[](#" not in text:
        return text
    known = {asset.id for asset in assets}
    parts, end = [], 0
    for reference in find_references(text):
        if not reference.phrase and len(reference.ids) == 1 and reference.ids[0] in known:
            identity = reference.ids[0]
            parts += [text[end : reference.start], f"[{OPEN}{identity}{CLOSE}](#{identity})"]
            end = reference.end
    return "".join([*parts, text[end:]])


def split_places(text: str) -> list[str]:
    """A rendered text, cut at its places: text, asset id, text, asset id, ..., text."""
    return _MARK.split(text)


def write_places(
    texts: Sequence[str], assets: Sequence[Asset], tokens: Mapping[str, str], *, after: str, head: str = ""
) -> tuple[list[str], list[Asset]]:
    """Rendered texts with a trainer's tokens, and the media in the order in which the tokens take them.

    Args:
        texts: rendered, with their places still marked.
        assets: the dialogue's.
        tokens: kind of asset -> its token.
        after: what this format puts behind each token of the head.
        head: what stood there when the row was read; it is used if it still says the same.
    """
    if not any(OPEN in text for text in texts):
        return [_make_head(assets, tokens, after, head) + (texts[0].lstrip() if assets else texts[0]), *texts[1:]], [
            *assets
        ]
    cut = [split_places(text) for text in texts]
    places = [identity for pieces in cut for identity in pieces[1::2]]
    known = {asset.id: asset for asset in assets}
    first = [asset for asset in assets if asset.id not in set(places)]
    written = [
        "".join(tokens[known[piece].kind] if number % 2 else piece for number, piece in enumerate(pieces))
        for pieces in cut
    ]
    if first:
        written[0] = _make_head(first, tokens, after, head) + written[0].lstrip()
    return written, [*first, *(known[identity] for identity in places)]


def _make_head(assets: Sequence[Asset], tokens: Mapping[str, str], after: str, head: str) -> str:
    """The head as it was read, where it says the same; else as the format writes it."""
    run = [tokens[asset.kind] for asset in assets]
    if head and "".join(head.split()) == "".join("".join(run).split()):
        return head
    return "".join([token + after for token in run])
