"""What is known of a scene, as text for the model: blocks of lines, within a budget of tokens.

The same function renders a demonstration's scene and the scene that is asked about, so the two can never drift apart. The
text depends on the scene and the category alone, never on the machine: it decides the request's key.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from msgspec import Struct

from syphus.categories.category import Block, Context, Need, ObjectBlock
from syphus.records import Asset, Box, Object, Scene
from syphus.references.boxes import Convention, box_writer, find_convention, render_point

_TOKEN = re.compile(
    r"[a-zA-Z\u00c0-\u024f]{1,7}|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\d_]{1,3}"  # Latin, East Asian, other letters
    r"|\d{1,3}| (?=\d)"
    r"|[!-/:-@\[-`{-~]+\n*|[^\w\s]|\n+"
)
_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours and other codes of a terminal
    r"|[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]"
)


class Rendered(Struct, frozen=True):
    """A scene as text, and what was left out of it, in words for the summary."""

    text: str
    cut: tuple[str, ...] = ()


class _Line(Struct):
    text: str
    block: Block
    asset: str | None
    rank: int
    """Within its block; 0 is the most useful."""


class _Fitted(NamedTuple):
    lines: list[_Line]
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


def lacking(scene: Scene, needs: tuple[Need, ...]) -> list[Need]:
    """What a category needs and the scene does not have."""
    return [need for need in needs if not _HAS[need](scene)]


def _has_boxes(scene: Scene) -> bool:
    """True where a box can be written in any convention: its picture's size is known."""
    boxed = (thing for thing in scene.objects if thing.box is not None)
    return any((asset := scene.asset_of(thing)) and asset.width and asset.height for thing in boxed)


_HAS: dict[Need, Callable[[Scene], bool]] = {
    "captions": lambda scene: bool(scene.captions),
    "objects": lambda scene: bool(scene.objects),
    "boxes": _has_boxes,
    "attributes": lambda scene: any(thing.attributes for thing in scene.objects),
    "keypoints": lambda scene: any(thing.keypoints for thing in scene.objects),
    "regions": lambda scene: bool(scene.regions),
    "relations": lambda scene: bool(scene.relations),
    "segments": lambda scene: bool(scene.segments),
    "ocr": lambda scene: bool(scene.ocr),
}


def one_line(text: str) -> str:
    """The text as it may enter a prompt: no control characters, white space as single spaces.

    A line break would let a caption pass for a block of its own; terminal codes and zero bytes are no text at all.
    """
    # Of what is printable, only the common space is white; nearly every text ends here.
    if text.isprintable() and "  " not in text and text[:1] != " " and text[-1:] != " ":
        return text
    return " ".join(_CONTROL.sub("", text).split())


def render_context(scene: Scene, context: Context) -> Rendered:
    """The scene's blocks in the category's order, a blank line between them.

    Args:
        scene: boxes in pixel xyxy; each block's convention says what is written instead.
        context: which blocks, how, and the budget.

    Raises:
        InputError: a box is to be written in a frame whose size is not known.
    """
    blocks: list[list[_Line]] = []
    notes: list[str] = []
    for block in context.blocks:
        made = []
        for line in _RENDERERS[block](scene, context):
            if block != "captions":  # these are cleaned before they are compared
                line.text = one_line(line.text)
            if line.text:
                made.append(line)
        limit = getattr(context, block).max
        if made and len(made) > limit:
            _close_gaps(made)
            kept = [line for line in made if line.rank < limit]
            notes.append(f"{block}: {len(made) - len(kept)} over the block's limit of {limit}")
            made = kept
        blocks.append(made)
    titles = {asset.id: one_line(asset.title or asset.id) for asset in scene.assets} if len(scene.assets) > 1 else {}
    text = _lay_out([line for made in blocks for line in made], titles, context)
    # No token has less than one character, so most scenes need no counting.
    if len(text) < context.max_tokens:
        return Rendered(text, tuple(notes))
    fitted = _fit(blocks, titles, context)
    notes += [f"{block}: {count} cut to fit {context.max_tokens} tokens" for block, count in fitted.dropped.items()]
    if fitted.tokens > context.max_tokens:
        notes.append(f"what is never cut is longer than {context.max_tokens} tokens")
    return Rendered(_lay_out(fitted.lines, titles, context), tuple(notes))


def _close_gaps(lines: list[_Line]) -> None:
    """Renderers leave gaps in the ranks of a block; limits count lines."""
    for rank, line in enumerate(sorted(lines, key=lambda line: line.rank)):
        line.rank = rank


def _fit(blocks: list[list[_Line]], titles: dict[str, str], context: Context) -> _Fitted:
    """Drops the least useful lines until the budget holds; the first line of a block goes only in a second round."""
    lines = [line for made in blocks for line in made]
    cost = {id(line): estimate_tokens(line.text) + 1 for line in lines}
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
    return _Fitted([line for line in lines if id(line) not in gone], dropped, total)


def _heading(line: _Line, titles: dict[str, str], context: Context) -> str:
    """What stands above the line: its block's heading and, where there are several assets, which of them it is about."""
    heading: str = getattr(context, line.block).heading
    title = titles.get(line.asset or "")
    if not title:
        return heading
    return f"{title}, {heading}" if heading else f"{title}:"


def _lay_out(lines: list[_Line], titles: dict[str, str], context: Context) -> str:
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


def _asset_id(scene: Scene, named: str | None) -> str | None:
    return named or (scene.assets[0].id if scene.assets else None)


def _captions(scene: Scene, context: Context) -> Iterator[_Line]:
    first = _asset_id(scene, None)
    texts = dict.fromkeys([(one_line(caption.text), caption.asset or first) for caption in scene.captions])
    numbered = context.captions.style == "numbered"
    numbers: Counter[str | None] = Counter()
    for rank, (text, asset) in enumerate(key for key in texts if key[0]):
        if numbered:
            numbers[asset] += 1
        yield _Line(f"{numbers[asset]}. {text}" if numbered else text, "captions", asset, rank)


def _prose(scene: Scene, context: Context) -> Iterator[_Line]:
    del context
    for rank, text in enumerate(scene.prose):
        yield _Line(text, "prose", None, rank)


def _by_area(thing: Object) -> float:
    box = thing.box
    return -(box[2] - box[0]) * (box[3] - box[1]) if box else 0.0


_SORTS: dict[str, Callable[[Object], float]] = {
    "area": _by_area,
    "left": lambda thing: thing.box[0] if thing.box else 0.0,
    "file": lambda _: 0.0,
}


def _objects(scene: Scene, context: Context) -> Iterator[_Line]:
    options = context.objects
    convention = None if options.boxes == "none" else find_convention(options.boxes)
    things = [thing for thing in scene.objects if (1.0 if thing.score is None else thing.score) >= options.min_score]
    things.sort(key=_SORTS[options.sort])
    useful = things
    if options.sort != "area" or any(thing.crowd for thing in things):
        useful = sorted(things, key=lambda thing: (thing.crowd, _by_area(thing)))
    ranks = {thing.id: rank for rank, thing in enumerate(useful)}
    # As Scene.asset_of has it: a thing that names no asset belongs to the first.
    assets: dict[str | None, Asset] = {asset.id: asset for asset in scene.assets}
    if scene.assets:
        assets[None] = scene.assets[0]
    writers: dict[str | None, Callable[[Box], str]] = {}
    first = _asset_id(scene, None)
    # Things are equal when their lines would differ in the box alone.
    groups: dict[tuple[str | None, str], list[Object]] = {}
    keys = [(thing.asset or first, _object_name(thing, options)) for thing in things]
    for thing, key in zip(things, keys, strict=True):
        groups.setdefault(key, []).append(thing)
    for thing, key in zip(things, keys, strict=True):
        name, box, rank = key[1], thing.box, ranks[thing.id]
        group = groups[key]
        if not options.ids and len(group) > options.merge:
            if thing is not group[0]:
                continue
            name += f" ({len(group)} of them)"
            box, rank = _union(group), min(ranks[one.id] for one in group)
        if box is not None and convention is not None:
            write = writers.get(thing.asset)
            if write is None:
                write = writers[thing.asset] = _box_writer(assets.get(thing.asset), convention)
            name += ": " + write(box)
        yield _Line(name, "objects", key[0], rank)


def _box_writer(asset: Asset | None, convention: Convention) -> Callable[[Box], str]:
    size = (asset.width, asset.height) if asset else (None, None)
    return box_writer(convention, width=size[0], height=size[1])


def _object_name(thing: Object, options: ObjectBlock) -> str:
    name = f"{thing.id} {thing.label}" if options.ids else thing.label
    if thing.crowd:
        name += " (a crowd)"
    if options.attributes and thing.attributes:
        name += f" ({', '.join(thing.attributes)})"
    return name


def _union(group: list[Object]) -> Box | None:
    boxes = [thing.box for thing in group if thing.box]
    if not boxes:
        return None
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _box_text(box: Box | None, asset: Asset | None, convention: Convention | None) -> str:
    return "" if box is None or convention is None else ": " + _box_writer(asset, convention)(box)


def _attributes(scene: Scene, context: Context) -> Iterator[_Line]:
    del context
    described = sorted((thing for thing in scene.objects if thing.attributes), key=_by_area)
    for rank, thing in enumerate(described):
        yield _Line(f"{thing.label}: {', '.join(thing.attributes)}", "attributes", _asset_id(scene, thing.asset), rank)


def _keypoints(scene: Scene, context: Context) -> Iterator[_Line]:
    name = context.keypoints.boxes
    convention = None if name == "none" else find_convention(name)
    posed = sorted((thing for thing in scene.objects if thing.keypoints), key=_by_area)
    for rank, thing in enumerate(posed):
        asset = scene.asset_of(thing)
        shown = [
            point.name.replace("_", " ") + _point_text((point.x, point.y), asset, convention)
            for point in thing.keypoints
            if point.visible
        ]
        # Which person it is, the box says; where nothing but names is asked for, a picture without a size has none.
        sized = asset is not None and asset.width is not None and asset.height is not None
        where = _box_text(thing.box, asset, convention or (find_convention("unit") if sized else None))
        text = (
            f"{thing.label}{where.replace(': ', ' at ', 1)}, visible: {', '.join(shown) or 'nothing but the outline'}"
        )
        yield _Line(text, "keypoints", _asset_id(scene, thing.asset), rank)


def _point_text(point: tuple[float, float], asset: Asset | None, convention: Convention | None) -> str:
    if convention is None:
        return ""
    width, height = (asset.width, asset.height) if asset else (None, None)
    return " " + render_point(point, convention, width=width, height=height)


_RENDERERS: dict[Block, Callable[[Scene, Context], Iterator[_Line]]] = {
    "captions": _captions,
    "objects": _objects,
    "attributes": _attributes,
    "keypoints": _keypoints,
    "prose": _prose,
}
