"""Finding the scene that a dialogue of another dataset is about: by its id, else by its picture.

Datasets name their pictures in many ways: ``COCO_val2014_000000000139.jpg``, ``coco/train2017/000000000139.jpg``, ``139``. They are
looked for as they are written, then by the file's name, its stem, and the number that its stem ends with. A name that two
scenes have leads to none of them.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import msgspec
from msgspec import structs

from syphus.records import Dialogue, Scene

_NUMBER = re.compile(r"(\d{3,})\D*$")
_AMBIGUOUS = -1


class SceneIndex:
    """Scenes by their names. They are kept encoded, about 2 kB each for COCO, and decoded when asked for."""

    def __init__(self) -> None:
        self._scenes: list[tuple[bytes | Scene, str]] = []
        self._named: dict[str, int] = {}
        self._decoder = msgspec.msgpack.Decoder(Scene)
        self._last: tuple[int, Scene] | None = None

    def __len__(self) -> int:
        return len(self._scenes)

    @property
    def ambiguous(self) -> int:
        """Names that several scenes have."""
        return sum(number == _AMBIGUOUS for number in self._named.values())

    def add(self, scene: Scene) -> None:
        """One more scene."""
        number = len(self._scenes)
        try:
            kept: bytes | Scene = msgspec.msgpack.encode(scene)
        except (OverflowError, UnicodeEncodeError):  # metadata with a number or text that no encoding holds
            kept = scene
        self._scenes.append((kept, scene.source))
        for name in dict.fromkeys(_names_of_scene(scene)):
            if self._named.setdefault(name, number) != number:
                self._named[name] = _AMBIGUOUS

    def find(self, dialogue: Dialogue) -> Scene | None:
        """The scene that a dialogue is about; None where there is none, or it could be several."""
        for name in _names_of_dialogue(dialogue):
            number = self._named.get(name, _AMBIGUOUS)
            if number != _AMBIGUOUS:
                return self._take(number)
        return None

    def _take(self, number: int) -> Scene:
        if self._last and self._last[0] == number:
            return self._last[1]
        kept, source = self._scenes[number]
        scene = self._decoder.decode(kept) if isinstance(kept, bytes) else kept
        if scene.source != source:
            structs.force_setattr(scene, "source", source)
        self._last = (number, scene)
        return scene


def _names_of_scene(scene: Scene) -> Iterator[str]:
    yield f"{scene.source}/id {scene.id}"
    yield f"id {scene.id}"
    yield from _names_of_path(scene.id)
    if len(scene.assets) == 1:
        for asset in scene.assets:
            if asset.path:
                yield from _names_of_path(asset.path)


def _names_of_dialogue(dialogue: Dialogue) -> Iterator[str]:
    yield f"{dialogue.source}/id {dialogue.scene}"
    yield f"id {dialogue.scene}"
    paths = [asset.path or asset.url for asset in dialogue.assets]
    if len(paths) == 1 and paths[0] and not paths[0].startswith("data:"):
        yield from _names_of_path(paths[0])
    elif not paths:
        # Text alone may still be about a picture that its id names.
        yield f"id {dialogue.id}"


def _names_of_path(path: str) -> Iterator[str]:
    pure = PurePosixPath(path.replace("\\", "/"))
    yield f"path {pure}"
    yield f"name {pure.name}"
    yield f"stem {pure.stem}"
    if found := _NUMBER.search(pure.stem):
        yield f"number {int(found[1])}"
