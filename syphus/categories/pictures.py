"""What is annotated of a picture, as lines: what stands where, how it is posed, how things lie to each other, what is written."""

from collections import Counter
from collections.abc import Callable, Iterator

from syphus.categories.blocks import Context, ObjectBlock, OcrBlock, RegionBlock
from syphus.categories.lines import Line, asset_id, box_text, one_line, spread
from syphus.records import Asset, Box, Object, OcrLine, Region, Scene
from syphus.references.boxes import Convention, box_writer, find_convention, render_point
from syphus.references.text import plain_text


def shows_ids(context: Context) -> bool:
    """Whether references in annotations mean something: without ids beside things they are marks without a meaning."""
    return any(getattr(context, block).ids for block in ("objects", "regions") if block in context.blocks)


def _captions(scene: Scene, context: Context) -> Iterator[Line]:
    first = asset_id(scene, None)
    pointing = shows_ids(context)
    texts = dict.fromkeys(
        [
            (one_line(caption.text if pointing or "](#" not in caption.text else plain_text(caption.text)), about)
            for caption in scene.captions
            for about in (caption.asset or first,)
        ]
    )
    numbered = context.captions.style == "numbered"
    numbers: Counter[str | None] = Counter()
    for rank, (text, asset) in enumerate(key for key in texts if key[0]):
        if numbered:
            numbers[asset] += 1
        yield Line(f"{numbers[asset]}. {text}" if numbered else text, "captions", asset, rank)


def _by_area(thing: Object | Region | OcrLine) -> float:
    box = thing.box
    return -(box[2] - box[0]) * (box[3] - box[1]) if box else 0.0


_SORTS: dict[str, Callable[[Object | Region], float]] = {
    "area": _by_area,
    "left": lambda thing: thing.box[0] if thing.box else 0.0,
    "file": lambda _: 0.0,
}


def _objects(scene: Scene, context: Context) -> Iterator[Line]:
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
    first = asset_id(scene, None)
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
                frame = assets.get(thing.asset)
                size = (frame.width, frame.height) if frame else (None, None)
                write = writers[thing.asset] = box_writer(convention, width=size[0], height=size[1])
            name += ": " + write(box)
        yield Line(name, "objects", key[0], rank)


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


def _attributes(scene: Scene, context: Context) -> Iterator[Line]:
    del context
    described = sorted((thing for thing in scene.objects if thing.attributes), key=_by_area)
    for rank, thing in enumerate(described):
        yield Line(f"{thing.label}: {', '.join(thing.attributes)}", "attributes", asset_id(scene, thing.asset), rank)


def _keypoints(scene: Scene, context: Context) -> Iterator[Line]:
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
        where = box_text(thing.box, asset, convention or (find_convention("unit") if sized else None))
        text = (
            f"{thing.label}{where.replace(': ', ' at ', 1)}, visible: {', '.join(shown) or 'nothing but the outline'}"
        )
        yield Line(text, "keypoints", asset_id(scene, thing.asset), rank)


def _point_text(point: tuple[float, float], asset: Asset | None, convention: Convention | None) -> str:
    if convention is None:
        return ""
    width, height = (asset.width, asset.height) if asset else (None, None)
    return " " + render_point(point, convention, width=width, height=height)


def _regions(scene: Scene, context: Context) -> Iterator[Line]:
    options = context.regions
    convention = _convention(options)
    regions = sorted(scene.regions, key=_SORTS[options.sort])
    ranks = {thing.id: rank for rank, thing in enumerate(sorted(regions, key=_by_area))}
    if not any(region.box for region in regions):
        # Sentences about a room stand thing by thing; cut at the end, whole things would go without a word.
        ranks = {region.id: rank for region, rank in zip(regions, spread(len(regions)), strict=True)}
    seen: set[str] = set()
    for region in regions:
        name = f"{region.id} {one_line(region.text)}" if options.ids else one_line(region.text)
        line = name + box_text(region.box, scene.asset_of(region), convention)
        if line not in seen:
            seen.add(line)
            yield Line(line, "regions", asset_id(scene, region.asset), ranks[region.id])


def _convention(options: RegionBlock | OcrBlock) -> Convention | None:
    return None if options.boxes == "none" else find_convention(options.boxes)


def _relations(scene: Scene, context: Context) -> Iterator[Line]:
    names: dict[str, tuple[str, str | None]] = {}
    ids = context.objects.ids and "objects" in context.blocks
    for thing in scene.objects:
        names[thing.id] = (f"{thing.id} {thing.label}" if ids else thing.label), asset_id(scene, thing.asset)
    for region in scene.regions:
        names[region.id] = region.text, asset_id(scene, region.asset)
    seen: dict[tuple[str, str | None], int] = {}
    for relation in scene.relations:
        subject, about = names[relation.subject]
        text = one_line(f"{subject} {relation.predicate} {names[relation.object][0]}")
        # Said once however many pairs it holds for: without ids nobody could tell them apart.
        seen.setdefault((text, about), len(seen))
    for (text, about), rank in seen.items():
        yield Line(text, "relations", about, rank)


def _absent(scene: Scene, context: Context) -> Iterator[Line]:
    del context
    for rank, name in enumerate(dict.fromkeys(map(one_line, scene.absent))):
        yield Line(name, "absent", asset_id(scene, None), rank)


def _ocr(scene: Scene, context: Context) -> Iterator[Line]:
    options = context.ocr
    convention = _convention(options)
    lines = [line for line in scene.ocr if (1.0 if line.score is None else line.score) >= options.min_score]
    # The largest writing is the likeliest to be asked about; the order of the lines stays that of reading.
    ranks = {id(line): rank for rank, line in enumerate(sorted(lines, key=_by_area))}
    for line in lines:
        text = f"“{one_line(line.text)}”" + box_text(line.box, scene.asset_of(line), convention)
        yield Line(text, "ocr", asset_id(scene, line.asset), ranks[id(line)])


PICTURE_BLOCKS: dict[str, Callable[[Scene, Context], Iterator[Line]]] = {
    "captions": _captions,
    "objects": _objects,
    "attributes": _attributes,
    "keypoints": _keypoints,
    "regions": _regions,
    "relations": _relations,
    "absent": _absent,
    "ocr": _ocr,
}
"""Block -> its lines, in the order in which they are shown."""
