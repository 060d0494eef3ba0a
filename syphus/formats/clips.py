"""Clips of videos: hardly a trainer's format can say "from 60 to 120 s of this file", so a clip is a file of its own.

InternVL's can (:mod:`syphus.formats.internvl`). ``syphus clips`` prints the commands that cut them; exports name the files, and
leave out what is not cut yet.
"""

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from msgspec.structs import replace

from syphus.records import Asset, Dialogue


def is_clip(asset: Asset) -> bool:
    """Whether the asset is a part of the file that its path names."""
    return asset.start is not None and asset.kind in ("video", "frames")


def clip_path(asset: Asset) -> str:
    """The path of the file that holds the clip alone, relative as the video's own: ``P01_11_60-120.MP4``."""
    path = PurePosixPath(asset.path or "")
    start = asset.start or 0.0
    end = "end" if asset.duration is None else f"{round(start + asset.duration, 3):g}"
    return path.with_name(f"{path.stem}_{round(start, 3):g}-{end}{path.suffix}").as_posix()


def as_file(asset: Asset) -> Asset:
    """The asset as a file of its own; all but clips stay as they are."""
    return replace(asset, path=clip_path(asset), start=None) if asset.path and is_clip(asset) else asset


def cutting_commands(dialogues: Iterable[Dialogue], folders: dict[str, Path]) -> Iterator[str]:
    """The ``ffmpeg`` command that cuts each clip, each once, in the order in which they come.

    The picture is encoded anew: a cut without that begins at a key frame, which may be seconds away.

    Args:
        dialogues: whose clips are wanted.
        folders: source name -> its video folder.
    """
    seen: set[tuple[str, str]] = set()
    for dialogue in dialogues:
        for asset in dialogue.assets:
            if not (asset.path and is_clip(asset) and asset.kind == "video"):
                continue
            target = clip_path(asset)
            if (dialogue.source, target) in seen:
                continue
            seen.add((dialogue.source, target))
            folder = folders.get(dialogue.source, Path())
            source, file = (str(folder / path) for path in (asset.path, target))
            length = [] if asset.duration is None else ["-t", f"{asset.duration:g}"]
            yield shlex.join(["ffmpeg", "-nostdin", "-n", "-ss", f"{asset.start:g}", "-i", source, *length, file])
