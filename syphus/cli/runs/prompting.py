"""The prompts of a run's categories, with the pictures of scenes for those steps that show them."""

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from syphus.annotations.reading import picture_folder
from syphus.categories.category import Category
from syphus.categories.prompt import CategoryPrompts
from syphus.cli.runs.assemble import Source
from syphus.cli.runs.sending import sent_seed
from syphus.config import Config
from syphus.endpoints.pictures import digest_of
from syphus.errors import InputError
from syphus.exchange import Item, Picture
from syphus.jobs.items import GenerateItem
from syphus.records import Asset, Scene

_MEDIA_TYPES = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".gif": "image/gif",
}  # fmt: skip
"""Of the pictures that models take."""
_LARGEST = 20 << 20
"""Bytes of a picture; OpenAI's guide to vision allows 50 MB for a request, others less."""


def prompts_of(config: Config, sources: Sequence[Source], categories: Sequence[Category]) -> list[CategoryPrompts]:
    """The categories, ready to ask.

    Raises:
        InputError: a step shows pictures, and the embedded model cannot see.
    """
    show = _show_of(sources)
    prompts = [CategoryPrompts(category, sent_seed(config), show) for category in categories]
    if config.model.kind == "local" and (looking := [one.category.name for one in prompts if one.looks]):
        raise InputError(
            f"{', '.join(looking)} shows the pictures, and the embedded model cannot see",
            mend="Take a model that can: --model NAME, or --base-url URL for one on your machine.",
        )
    return prompts


def may_see_now(item: Item, state: str) -> bool:
    """Whether an item is looked at again that rests on the same things: its scene was passed over, and may have its picture by now.

    What was made of a picture stays when the picture is gone.
    """
    return state == "skipped" and isinstance(item, GenerateItem) and item.prompts.looks


def _show_of(sources: Sequence[Source]) -> Callable[[Scene], tuple[Picture, ...]]:
    """Finds the pictures of a scene in the folder of its source."""
    folders = {source.name: picture_folder(source.options) for source in sources}

    def show(scene: Scene) -> tuple[Picture, ...]:
        folder = folders.get(scene.source)
        return tuple(_picture_of(asset, folder) for asset in scene.assets)

    return show


def _picture_of(asset: Asset, folder: Path | None) -> Picture:
    """Raises :class:`InputError` for what cannot be shown, saying why."""
    if asset.kind != "image":
        raise InputError(f"{asset.id} is no picture, and cannot be shown")
    if asset.path is None:
        raise InputError(f"the picture {asset.id} has no file, and cannot be shown")
    if folder is None:
        raise InputError("the source has no `images`, so its pictures cannot be shown")
    found = find_picture(asset, folder)
    if found is None:
        raise InputError(f"{asset.path} is not in {folder}, or is no picture that models take, and cannot be shown")
    return found


def find_picture(asset: Asset, folder: Path) -> Picture | None:
    """The picture of an asset, where its file is there, inside the folder, and of a kind and size that models take."""
    kind = _MEDIA_TYPES.get(PurePosixPath(asset.path or "").suffix.lower())
    if asset.kind != "image" or kind is None:
        return None
    file = folder / str(asset.path)
    try:
        inside = file.resolve().is_relative_to(folder.resolve())
        data = file.read_bytes() if inside and file.is_file() and file.stat().st_size <= _LARGEST else b""
    except (OSError, ValueError):
        return None
    return Picture(digest_of(data), str(file.absolute()), kind) if data else None
