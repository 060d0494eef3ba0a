"""What is known of a scene, as text for the model: blocks of lines, within a budget of tokens.

The same function renders a demonstration's scene and the scene that is asked about, so the two can never drift apart. The
text depends on the scene and the category alone, never on the machine: it decides the request's key.
"""

import re
from collections import Counter
from itertools import islice
from typing import NamedTuple

from msgspec import Struct

from syphus.categories.blocks import Block, Context
from syphus.categories.lines import Line, hidden_people, one_line, title_of
from syphus.categories.moments import MOMENT_BLOCKS
from syphus.categories.pictures import PICTURE_BLOCKS, shows_ids
from syphus.records import Scene
from syphus.references.people import hide
from syphus.references.text import plain_text

_TOKEN = re.compile(
    r"[a-zA-Z\u00c0-\u024f]{1,7}|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\d_]{1,3}"  # Latin, East Asian, other letters
    r"|\d{1,3}| (?=\d)"
    r"|[!-/:-@\[-`{-~]{1,64}\n*|[^\w\s]|\n+"
)
_BLOCKS = PICTURE_BLOCKS | MOMENT_BLOCKS


class Rendered(Struct, frozen=True):
    """A scene as text, and what was left out of it, in words for the summary."""

    text: str
    cut: tuple[str, ...] = ()


_SHORT = 50
"""Tokens. A line of no more than that is never shortened."""


class _Fitted(NamedTuple):
    lines: list[Line]
    shortened: Counter[str]
    dropped: Counter[str]
    tokens: int
    """Of what is left, by a count that is never too low."""


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has, from its form alone: pieces of words, up to three digits, runs of signs, line ends.

    An estimate on purpose: a real tokenizer's tables are not at hand on every machine, and a prompt that depended on them
    would change its key, and so be paid for again, from one machine to the next. Against o200k_base it is on the whole
    right for English contexts, within 15 % for nearly each, and high for other scripts; ``benchmarks/tokens.py`` measures it.
    """
    return len(_TOKEN.findall(text))


def render_context(scene: Scene, context: Context) -> Rendered:
    """The scene's blocks in the category's order, a blank line between them.

    Args:
        scene: boxes in pixel xyxy; each block's convention says what is written instead.
        context: which blocks, how, and the budget.

    Raises:
        InputError: a box is to be written in a frame whose size is not known.
    """
    blocks: list[list[Line]] = []
    notes: list[str] = []
    for block in context.blocks:
        made = _make_lines(block, scene, context)
        limit = getattr(context, block).max
        if len(made) > limit:
            _close_gaps(made)
            kept = [line for line in made if line.rank < limit]
            if len(kept) < len(made):
                notes.append(f"{block}: {len(made) - len(kept)} over the block's limit of {limit}")
            made = kept
        blocks.append(made)
    ids = context.assets.ids is True
    titles = {asset.id: title_of(asset, ids=ids) for asset in scene.assets} if len(scene.assets) > 1 else {}
    text = _lay_out([line for made in blocks for line in made], titles, context)
    # No token has less than one character, so most scenes need no counting.
    if len(text) < context.max_tokens:
        return Rendered(text, tuple(notes))
    fitted = _fit(blocks, titles, context)
    notes += [
        f"{block}: {count} too long for {context.max_tokens} tokens, shortened"
        for block, count in fitted.shortened.items()
    ]
    notes += [f"{block}: {count} cut to fit {context.max_tokens} tokens" for block, count in fitted.dropped.items()]
    if fitted.tokens > context.max_tokens:
        notes.append(f"what is never cut is longer than {context.max_tokens} tokens")
    return Rendered(_lay_out(fitted.lines, titles, context), tuple(notes))


def _make_lines(block: Block, scene: Scene, context: Context) -> list[Line]:
    """A block's lines, clean and without hidden names; those that are empty left out."""
    hidden = hidden_people(scene) if context.names == "hidden" else ()
    pointing = shows_ids(context)
    made = []
    for line in _BLOCKS[block](scene, context):
        if block != "captions":  # these are cleaned before they are compared
            line.text = one_line(line.text)
            # What can be read in a picture is no reference, whatever it looks like.
            line.text = line.text if pointing or block == "ocr" else plain_text(line.text)
        if hidden:
            line.text = hide(line.text, hidden)
        if line.text:
            made.append(line)
    return made


def _close_gaps(lines: list[Line]) -> None:
    """Renderers leave gaps in the ranks of a block, and count over all assets; limits count the lines of each."""
    counts: Counter[str | None] = Counter()
    for line in sorted(lines, key=lambda line: line.rank):
        line.rank = counts[line.asset]
        counts[line.asset] += 1


def _fit(blocks: list[list[Line]], titles: dict[str, str], context: Context) -> _Fitted:
    """Drops the least useful lines until the budget holds; the first line of a block goes only in a second round.

    A line that alone is longer than the budget (a whole page in the place of a caption) is shortened to half of it before that:
    the first line of the most useful block never goes, and would be paid for whatever its length.
    """
    lines = [line for made in blocks for line in made]
    cost = {id(line): estimate_tokens(line.text) + 1 for line in lines}
    shortened: Counter[str] = Counter()
    for line in lines:
        if cost[id(line)] > max(context.max_tokens, _SHORT + 1):
            line.text = _shorten(line.text, max(context.max_tokens // 2, _SHORT))
            cost[id(line)] = estimate_tokens(line.text) + 1
            shortened[line.block] += 1
    # Headings are counted as if all stayed.
    headings = {(line.asset, line.block): _heading(line, titles, context) for line in lines}
    total = sum(cost.values()) + sum(estimate_tokens(heading) + 1 for heading in headings.values() if heading)
    for made in blocks:
        _close_gaps(made)
    dropped: Counter[str] = Counter()
    gone: set[int] = set()
    order = [block for block in context.cut if block in context.blocks]
    for spare in (1, 0):
        for block in order if spare else order[:-1]:
            candidates = sorted((line for line in lines if line.block == block), key=lambda line: -line.rank)
            for line in candidates:
                if total <= context.max_tokens:
                    break
                if line.rank >= spare and id(line) not in gone:
                    gone.add(id(line))
                    total -= cost[id(line)]
                    dropped[block] += 1
    return _Fitted([line for line in lines if id(line) not in gone], shortened, dropped, total)


def _shorten(text: str, tokens: int) -> str:
    """The beginning of a text, up to the end of a word where there is one, and a sign that it goes on."""
    last = next(islice(_TOKEN.finditer(text), tokens - 2, None))
    whole, space, _ = text[: last.start()].rpartition(" ")
    return (whole if space else text[: last.start()]).rstrip() + " …"


def _heading(line: Line, titles: dict[str, str], context: Context) -> str:
    """What stands above the line: its block's heading and, where there are several assets, which of them it is about."""
    heading: str = getattr(context, line.block).heading
    title = titles.get(line.asset or "")
    if not title:
        return heading
    return f"{title}, {heading}" if heading else f"{title}:"


def _lay_out(lines: list[Line], titles: dict[str, str], context: Context) -> str:
    """The lines, asset by asset and block by block, under their headings; what is about no one asset comes last."""
    groups: dict[tuple[str | None, Block], list[str]] = {}
    for line in lines:
        key = (line.asset if titles else None, line.block)
        if key not in groups:
            groups[key] = [_heading(line, titles, context)]
        groups[key].append(line.text)
    order = [(about, block) for about in (*titles, None) for block in context.blocks]
    texts = [groups[key] for key in dict.fromkeys(order) if key in groups]
    return "\n\n".join("\n".join(text if text[0] else text[1:]) for text in texts)
