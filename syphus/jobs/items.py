"""The items of a run: each scene for each category, and what their outcomes rest on."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct, structs, to_builtins

from syphus.categories.prompt import CategoryPrompts
from syphus.identity import code_fingerprint, digest
from syphus.records import Scene

SCENES_AT_A_TIME = 256
"""So many scenes go through one category before the next category's turn: providers keep a prefix for minutes only, and a
local model for one call; and no more scenes than these are held in memory."""


class GenerateItem(Struct, frozen=True, kw_only=True):
    """One scene for one category."""

    scene: Scene
    prompts: CategoryPrompts
    sample: int = 0
    draw: int = 0
    """How often it was asked for anew although nothing had changed."""
    version: str = ""
    """Of the prompts and the model."""
    basis: str = ""
    """The fingerprint of all that the outcome depends on but the replies; empty: it is always made again."""

    @property
    def category(self) -> str:
        """The category's name."""
        return self.prompts.category.name

    @property
    def scene_id(self) -> str:
        """The scene, with its source, since two sources may use the same ids."""
        return f"{self.scene.source}/{self.scene.id}" if self.scene.source else self.scene.id

    @property
    def id(self) -> str:
        """Unique in the run, and the same in every start of it."""
        return item_id(self.scene_id, self.category, self.sample)


def item_id(scene_id: str, category: str, sample: int) -> str:
    """What an item is called."""
    return f"{scene_id}/{category}/{sample}" if sample else f"{scene_id}/{category}"


def make_items(
    scenes: Iterable[Scene],
    categories: Sequence[CategoryPrompts],
    *,
    settings: Any = None,
    seed: int = 0,
    draw_of: Callable[[str], int] = lambda _: 0,
) -> Iterator[GenerateItem]:
    """The items of a run, requests of the same category standing together; reads scenes only as items are taken.

    Args:
        scenes: in the run's order.
        categories: with the run's overrides.
        settings: what is sent besides the prompts (model, abilities, more fields): decides with them what is asked. None:
            items without a basis, which are always made again.
        seed: the run's; it decides the draws from pools.
        draw_of: how often an item, by its id, was asked for anew.
    """
    code = code_fingerprint(*_DECIDING) if settings is not None else ""
    versions = [version_of(prompts, settings, seed) if code else "" for prompts in categories]
    stream = iter(scenes)
    while block := list(islice(stream, SCENES_AT_A_TIME)):
        digests = [digest(scene) if code else "" for scene in block]
        for prompts, version in zip(categories, versions, strict=True):
            for scene, scene_digest in zip(block, digests, strict=True):
                if not prompts.category.takes(scene):
                    continue
                for sample in range(prompts.category.samples):
                    item = GenerateItem(scene=scene, prompts=prompts, sample=sample, version=version)
                    again = draw_of(item.id)
                    basis = f"{code}{version}{scene_digest}:{sample}:{again}" if code else ""
                    yield structs.replace(item, draw=again, basis=digest(basis) if basis else "")


_DECIDING = ("categories", "jobs", "quality", "references", "records")
"""The rooms whose code decides what an outcome is. Changed checks read the stored replies again."""


def version_of(prompts: CategoryPrompts, settings: Any, seed: int) -> str:
    """The fingerprint of a category as this run uses it, with the model: another one makes a new generation of outcomes."""
    category = prompts.category
    used = (category.fingerprint, category.file, len(category.demonstrations), category.repairs)
    return digest((to_builtins(used), settings, seed))
