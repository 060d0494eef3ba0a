"""The pictures and videos that rows name, and the keys under which they name them."""

import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from syphus.annotations.picture_files import SUFFIXES
from syphus.formats.importing import ImportOptions
from syphus.formats.keeping import Context, noted_table
from syphus.formats.parts import Picture, Pictures, UnfitError
from syphus.formats.places import OddError
from syphus.records import Asset, Dialogue

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|data:")
_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:")
_DRIVE = re.compile(r"[A-Za-z]:")
_FILE = "file://"


class MediaKeys(Struct, frozen=True, kw_only=True):
    """Where the rows of a format name their media."""

    keys: Mapping[str, str]
    """Kind of asset -> the key of the row."""
    also: Mapping[str, str] = {}
    """Kind of asset -> another key that consumers read, too."""
    always_list: bool = False
    """One picture is a list, too."""
    urls: bool = False
    """The consumer fetches ``https://`` and takes data URIs."""
    empties: bool = True
    """``"image": []`` and the like are text alone to the consumer; else the key has to be absent."""
    frames: Literal["", "list", "folder"] = ""
    """How the frames of a video stand in the place of the video: the list of their files, or their folder with a slash."""
    most: int | None = None
    """How many media a row can hold."""


def make_asset(value: str, kind: str, number: int, options: ImportOptions, **fields: Any) -> Asset:
    """The asset that a row names by a path or url.

    Args:
        value: as it stands in the row. An absolute path inside of the picture folder becomes relative to it; another one is
            kept as a ``file://`` url.
        kind: ``image`` or ``video``.
        number: of its kind in the row, from 1: ``image``, ``image2``.
        options: hold the folders.
        fields: what else is known of it.

    Raises:
        OddError: the path is empty.
    """
    identity = kind if number == 1 else f"{kind}{number}"
    if not value.strip():
        raise OddError(f"`{kind}` {number} is empty")
    if _SCHEME.match(value):
        return Asset(id=identity, kind=kind, url=value, **fields)  # type: ignore[arg-type]
    if _ABSOLUTE.match(value):
        folder = (options.videos or options.images) if kind == "video" else options.images
        inside = _find_inside(value, folder)
        if not inside:
            return Asset(id=identity, kind=kind, url=_FILE + value, **fields)  # type: ignore[arg-type]
        value = inside
    return Asset(id=identity, kind=kind, path=value, **fields)  # type: ignore[arg-type]


def _find_inside(value: str, folder: Path | None) -> str:
    if folder is None:
        return ""
    windows = _DRIVE.match(value)
    path: PurePath = PureWindowsPath(value) if windows else PurePosixPath(value)
    base: PurePath = PureWindowsPath(folder.absolute()) if windows else PurePosixPath(folder.absolute().as_posix())
    try:
        return path.relative_to(base).as_posix()
    except ValueError:
        return ""


def read_media(row: Mapping[str, Any], media: MediaKeys, context: Context) -> tuple[Asset, ...]:
    """The media of a row, pictures before videos; the form of its keys is noted.

    Raises:
        OddError: a key holds something that is no path and no list of them.
    """
    assets: list[Asset] = []
    noted = context.noted
    for kind, usual in media.keys.items():
        key = media.also.get(kind, usual) if usual not in row else usual
        if key not in row:
            continue
        if key != usual:
            noted.setdefault("media_keys", {})[usual] = key
        value = row[key]
        if not value and not media.empties:
            context.mend(f"an empty `{key}`, which the loader would try to open, is left away")
            continue
        if not value:
            noted.setdefault("empty", {})[key] = value
            continue
        several = isinstance(value, list)
        if several != media.always_list and (not several or len(value) == 1):
            noted.setdefault("shapes", {})[key] = "list" if several else "text"
        for number, one in enumerate(value if several else [value], start=1):
            frames = _find_frames(one, media) if kind == "video" else None
            if frames:
                assets.append(replace(make_asset(frames[0], kind, number, context.options), kind="frames"))
                if frames[1]:
                    noted.setdefault("frames", {})[assets[-1].id] = frames[1]
                continue
            assets.append(make_asset(_find_path(one, key, context), kind, number, context.options))
    return tuple(assets)


def _find_frames(value: Any, media: MediaKeys) -> tuple[str, list[str]] | None:
    """The folder of a video's frames, and their names; None for a video that is a file."""
    if media.frames == "folder" and isinstance(value, str) and value.endswith("/"):
        return value.rstrip("/"), []
    if media.frames != "list" or not isinstance(value, list):
        return None
    if not value or not all(isinstance(one, str) for one in value):
        raise OddError("a video is a list of something else than paths of frames")
    paths = [PurePosixPath(one) for one in value]
    if len({path.parent for path in paths}) > 1:
        raise OddError("the frames of a video stand in several folders")
    return value[0].rpartition("/")[0] or ".", [path.name for path in paths]


def own_keys(media: MediaKeys) -> set[str]:
    """All keys that are read."""
    return {*media.keys.values(), *media.also.values()}


def _find_path(value: Any, key: str, context: Context) -> str:
    if isinstance(value, dict) and isinstance(value.get("path") or value.get("url"), str):
        value = value.get("path") or value["url"]
    if not isinstance(value, str):
        what = "a list of frames" if isinstance(value, list) else "no path"
        raise OddError(f"`{key}` holds {what}, which a dialogue cannot")
    return _turn_slashes(value, context)


def _turn_slashes(path: str, context: Context) -> str:
    """A relative path of Windows with forward slashes, unless there is a file of that very name."""
    if "\\" not in path or _SCHEME.match(path) or _ABSOLUTE.match(path):
        return path
    folder = context.options.images
    if folder is not None and os.path.isfile(folder / path):  # noqa: PTH113 - a path too long is none, and no crash
        return path
    context.mend("its picture's path had the backslashes of Windows; they are turned")
    return path.replace("\\", "/")


def write_media(
    order: list[Asset],
    dialogue: Dialogue,
    media: MediaKeys,
    pictures: Pictures,
    noted: Mapping[str, Any],
) -> dict[str, Any]:
    """The row's keys for its media.

    Args:
        order: the media as the tokens take them; one that stands at two places is there twice.
        dialogue: theirs.
        media: the keys.
        pictures: find them.
        noted: the form of the row they came from.

    Raises:
        UnfitError: there are too many, or one cannot be found or written.
    """
    if media.most is not None and len(order) > media.most:
        twice = len({asset.id for asset in order}) < len(order)
        what = "its picture stands at several places" if twice else "it has several pictures"
        raise UnfitError(f"{what}, and a row of this format holds one")
    found: dict[str, list[str | list[str]]] = {}
    for asset in order:
        pool: str = "video" if asset.kind == "frames" else asset.kind
        found.setdefault(pool, []).append(_locate(asset, dialogue, media, pictures, noted_table(noted, "frames")))
    if len({type(path) for path in found.get("video", [])}) > 1:
        raise UnfitError("one of its videos is a file and another one frames")
    row: dict[str, Any] = {}
    shapes, empty = noted_table(noted, "shapes"), noted_table(noted, "empty")
    called = noted_table(noted, "media_keys")
    for kind, usual in media.keys.items():
        key = usual if called.get(usual) != media.also.get(kind) else media.also.get(kind, usual)
        paths = found.get(kind, [])
        as_list = len(paths) > 1 or shapes.get(key, "list" if media.always_list else "text") == "list"
        if paths:
            row[key] = paths if as_list else paths[0]
        elif key in empty and not empty[key]:
            row[key] = empty[key]
    return row


def _locate(
    asset: Asset, dialogue: Dialogue, media: MediaKeys, pictures: Pictures, frames: Mapping[str, Any]
) -> str | list[str]:
    if media.urls and not asset.path and asset.url and not asset.url.startswith(_FILE):
        return asset.url
    if asset.kind != "frames" or not media.frames:
        return pictures.find(asset, dialogue, kinds=tuple(media.keys)).path
    folder = pictures.find(asset, dialogue, kinds=("frames",))
    if media.frames == "folder":
        return folder.path + "/"
    names = frames.get(asset.id)
    if not isinstance(names, list):
        names = list_frames(folder)
    return [f"{folder.path}/{name}" if folder.path != "." else name for name in names]


def list_frames(folder: Picture) -> list[str]:
    """The names of a video's frames, in their order. Raises :class:`UnfitError` where they cannot be listed."""
    if folder.file is None:
        raise UnfitError("the folder of its frames is not known; `--images` names the one that its path is relative to")
    try:
        names = sorted(file.name for file in folder.file.iterdir() if file.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise UnfitError("the folder of its frames cannot be read") from error
    if not names:
        raise UnfitError("the folder of its frames holds no picture")
    return names
