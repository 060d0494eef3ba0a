"""What a category needs of a scene, and whether the scene has it."""

from collections.abc import Callable

from syphus.categories.blocks import Need
from syphus.records import Scene


def lacking(scene: Scene, needs: tuple[Need | tuple[Need, ...], ...]) -> list[str]:
    """What a category needs and the scene does not have; of alternatives all, as ``captions or regions``."""
    return [" or ".join(options) for options in map(_as_tuple, needs) if not any(_HAS[need](scene) for need in options)]


def _as_tuple(need: Need | tuple[Need, ...]) -> tuple[Need, ...]:
    return (need,) if isinstance(need, str) else need


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
    "segments": lambda scene: any(segment.text.strip() or segment.columns for segment in scene.segments),
    "speech": lambda scene: any(segment.columns.get("subtitle") for segment in scene.segments),
    "ocr": lambda scene: bool(scene.ocr),
    "questions": lambda scene: any(one.answers or one.correct is not None for one in scene.questions),
    "options": lambda scene: any(question.correct is not None for question in scene.questions),
    "absent": lambda scene: bool(scene.absent),
    "prose": lambda scene: bool(scene.prose),
    "single": lambda scene: len(scene.assets) < 2 and all(asset.kind == "image" for asset in scene.assets),
    "picture": lambda scene: _is_one(scene, "image"),
    "video": lambda scene: _is_one(scene, "video", "frames"),
    "scan": lambda scene: _is_one(scene, "point_cloud"),
    "pair": lambda scene: len(scene.assets) == 2,
    "several": lambda scene: len(scene.assets) > 1,
}


def _is_one(scene: Scene, *kinds: str) -> bool:
    return len(scene.assets) == 1 and scene.assets[0].kind in kinds
