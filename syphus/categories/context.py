"""What is known of a scene, as text for the model: blocks of lines, within a budget of tokens.

The same function renders a demonstration's scene and the scene that is asked about, so the two can never drift apart. The
text depends on the scene and the category alone, never on the machine: it decides the request's key.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator

from msgspec import Struct

from syphus.categories.category import Block, Context, Need, ObjectBlock
from syphus.records import Asset, Box, Object, Scene
from syphus.references.boxes import Convention, box_numbers, find_convention, render_box

_TOKEN = re.compile(r"[^\W\d_]{1,7}|\d{1,3}|[^\w\s]|_")


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


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has, from its form alone: pieces of words, up to three digits, single signs.

    An estimate on purpose: a real tokenizer's tables are not at hand on every machine, and a prompt that depended on them
    would change its key, and so be paid for again, from one machine to the next. ``benchmarks/tokens.py`` measures it.
    """
    return sum(1 for _ in _TOKEN.finditer(text))


def lacking(scene: Scene, needs: tuple[Need, ...]) -> list[Need]:
    """What a category needs and the scene does not have."""
    boxed = [thing for thing in scene.objects if thing.box is not None]
    has: dict[Need, bool] = {
        "captions": bool(scene.captions),
        "objects": bool(scene.objects),
        "boxes": any((asset := scene.asset_of(thing)) and asset.width and asset.height for thing in boxed),
        "attributes": any(thing.attributes for thing in scene.objects),
        "keypoints": any(thing.keypoints for thing in scene.objects),
        "regions": bool(scene.regions),
        "relations": bool(scene.relations),
        "segments": bool(scene.segments),
        "ocr": bool(scene.ocr),
    }
    return [need for need in needs if not has[need]]


def render_context(scene: Scene, context: Context) -> Rendered:
    """The scene's blocks in the category's order, a blank line between them.

    Args:
        scene: boxes in pixel xyxy; each block's convention says what is written instead.
        context: which blocks, how, and the budget.

    Raises:
        InputError: a box is to be written in a frame whose size is not known.
    """
    lines: list[_Line] = []
    notes: list[str] = []
    for block in context.blocks:
        made = list(_RENDERERS[block](scene, context))
        limit = getattr(context, block).max
        kept = [line for line in made if line.rank < limit]
        if len(kept) < len(made):
            notes.append(f"{block}: {len(made) - len(kept)} over the block's limit of {limit}")
        lines += kept
    lines, dropped = _fit(lines, context)
    notes += [f"{block}: {count} cut to fit {context.max_tokens} tokens" for block, count in dropped.items()]
    return Rendered(_lay_out(lines, scene, context), tuple(notes))


def _fit(lines: list[_Line], context: Context) -> tuple[list[_Line], Counter[str]]:
    """Drops the least useful lines until the budget holds; the first line of a block goes only in a second round."""
    cost = {id(line): estimate_tokens(line.text) + 1 for line in lines}
    total = sum(cost.values())
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
    return [line for line in lines if id(line) not in gone], dropped


def _lay_out(lines: list[_Line], scene: Scene, context: Context) -> str:
    """Blocks under their headings; where there are several assets, each block says which asset its lines are about."""
    parts: list[str] = []
    several = len(scene.assets) > 1
    for asset in scene.assets if several else (None,):
        for block in context.blocks:
            texts = [line.text for line in lines if line.block == block and (not several or line.asset == asset.id)]  # type: ignore[union-attr]
            if texts:
                heading = getattr(context, block).heading
                if several and asset:
                    heading = f"{asset.title or asset.id}{f', {heading}' if heading else ':'}"
                parts.append("\n".join([heading, *texts] if heading else texts))
    return "\n\n".join(parts)


def _one_line(text: str) -> str:
    """Line breaks would let a caption pass for a block of its own."""
    return " ".join(text.split())


def _asset_id(scene: Scene, named: str | None) -> str | None:
    return named or (scene.assets[0].id if scene.assets else None)


def _captions(scene: Scene, context: Context) -> Iterator[_Line]:
    texts = dict.fromkeys((_one_line(caption.text), caption.asset) for caption in scene.captions)
    for rank, (text, asset) in enumerate(texts):
        shown = f"{rank + 1}. {text}" if context.captions.style == "numbered" else text
        yield _Line(shown, "captions", _asset_id(scene, asset), rank)


def _prose(scene: Scene, context: Context) -> Iterator[_Line]:
    del context
    for rank, text in enumerate(scene.prose):
        yield _Line(_one_line(text), "prose", _asset_id(scene, None), rank)


def _area(box: Box | None) -> float:
    return (box[2] - box[0]) * (box[3] - box[1]) if box else 0.0


_SORTS: dict[str, Callable[[Object], float]] = {
    "area": lambda thing: -_area(thing.box),
    "left": lambda thing: thing.box[0] if thing.box else 0.0,
    "file": lambda _: 0.0,
}


def _objects(scene: Scene, context: Context) -> Iterator[_Line]:
    options = context.objects
    convention = None if options.boxes == "none" else find_convention(options.boxes)
    things = [thing for thing in scene.objects if (1.0 if thing.score is None else thing.score) >= options.min_score]
    things.sort(key=_SORTS[options.sort])
    groups: dict[tuple[str | None, str, bool], list[Object]] = {}
    for thing in things:
        groups.setdefault((_asset_id(scene, thing.asset), thing.label, thing.crowd), []).append(thing)
    usefulness = sorted(things, key=lambda thing: (thing.crowd, -_area(thing.box)))
    ranks = {thing.id: rank for rank, thing in enumerate(usefulness)}
    for thing in things:
        asset = scene.asset_of(thing)
        group = groups[_asset_id(scene, thing.asset), thing.label, thing.crowd]
        if not options.ids and len(group) > options.merge:
            if thing is group[0]:
                yield _merged_line(group, asset, convention, ranks[thing.id])
            continue
        text = _object_name(thing, options) + _box_text(thing.box, asset, convention)
        yield _Line(text, "objects", _asset_id(scene, thing.asset), ranks[thing.id])


def _object_name(thing: Object, options: ObjectBlock) -> str:
    name = f"{thing.id} {thing.label}" if options.ids else thing.label
    if thing.crowd:
        name += " (a crowd)"
    if options.attributes and thing.attributes:
        name += f" ({', '.join(thing.attributes)})"
    return name


def _merged_line(group: list[Object], asset: Asset | None, convention: Convention | None, rank: int) -> _Line:
    boxes = [thing.box for thing in group if thing.box]
    union = None
    if boxes:
        union = (
            min(box[0] for box in boxes),
            min(box[1] for box in boxes),
            max(box[2] for box in boxes),
            max(box[3] for box in boxes),
        )
    text = f"{group[0].label} ({len(group)} of them)" + _box_text(union, asset, convention)
    return _Line(text, "objects", asset.id if asset else None, rank)


def _box_text(box: Box | None, asset: Asset | None, convention: Convention | None) -> str:
    if box is None or convention is None:
        return ""
    size = (asset.width, asset.height) if asset else (None, None)
    return ": " + render_box(box, convention, width=size[0], height=size[1])


def _attributes(scene: Scene, context: Context) -> Iterator[_Line]:
    del context
    described = sorted((thing for thing in scene.objects if thing.attributes), key=lambda thing: -_area(thing.box))
    for rank, thing in enumerate(described):
        yield _Line(f"{thing.label}: {', '.join(thing.attributes)}", "attributes", _asset_id(scene, thing.asset), rank)


def _keypoints(scene: Scene, context: Context) -> Iterator[_Line]:
    name = context.keypoints.boxes
    convention = None if name == "none" else find_convention(name)
    posed = sorted((thing for thing in scene.objects if thing.keypoints), key=lambda thing: -_area(thing.box))
    for rank, thing in enumerate(posed):
        asset = scene.asset_of(thing)
        shown = [
            point.name.replace("_", " ") + _point_text((point.x, point.y), asset, convention)
            for point in thing.keypoints
            if point.visible
        ]
        where = _box_text(thing.box, asset, convention or find_convention("unit"))
        text = f"{thing.label}{where.replace(': ', ' at ', 1)}, visible: {', '.join(shown) or 'nothing but the outline'}"
        yield _Line(text, "keypoints", _asset_id(scene, thing.asset), rank)


def _point_text(point: tuple[float, float], asset: Asset | None, convention: Convention | None) -> str:
    if convention is None or asset is None or asset.width is None or asset.height is None:
        return ""
    x, y = point
    numbers = box_numbers((x, y, x, y), convention, width=asset.width, height=asset.height)
    first, second = (numbers[1], numbers[0]) if convention.order == "yxyx" else numbers[:2]
    return f" [{first:.{convention.decimals}f}, {second:.{convention.decimals}f}]"


_RENDERERS: dict[Block, Callable[[Scene, Context], Iterator[_Line]]] = {
    "captions": _captions,
    "objects": _objects,
    "attributes": _attributes,
    "keypoints": _keypoints,
    "prose": _prose,
}
