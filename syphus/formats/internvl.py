"""InternVL's JSON Lines: ``{"id", "image", "width", "height", "conversations"}``, and the meta file that names them.

The rules are those of OpenGVLab/InternVL, commit b9b1bb86, ``internvl_chat/internvl/train/internvl_chat_finetune.py``
(``LazySupervisedDataset``):

- The annotation's name ends in ``.jsonl`` (an assertion). The meta file is ``{name: {"root", "annotation", "data_augment",
  "repeat_time", "length"}}``; paths are relative to ``root``.
- ``image`` is a path or a list of them; ``video`` is one path, and is not looked at where there is an ``image``.
- One picture without an ``<image>`` in the first turn gets one at its head, also where the token stands in a later turn, and
  the row then fails; so the place of a single picture must be the first turn.
- Several pictures need as many ``<image>`` as there are. The template of InternVL 2.5, 3 and 3.5 (``dataset.py``,
  ``preprocess_internvl2_5``) counts those in the user's turns alone; older ones take any turn.
- ``</img>`` ends a picture and is counted: one more in a text fails the row.
- A video needs ``<video>`` with a line end behind it in the first turn: that is what is replaced by its frames. ``clip`` is
  ``[start, end]`` in seconds, of a video file. All videos come through ``TCSLoader``, which is made only where the storage
  client ``petrel_client`` can be imported; without it, each row with a video fails.
- A video whose path ends in ``/`` is the folder of its frames, ``x_1.jpg``, ``x_2.jpg`` ...; they are put in order by that number,
  and those of other names are in no order (``dataset.py``, ``read_frames_folder``).
- A row that fails is replaced by a random one, and only printed.
- A system turn would get the missing ``<image>``, so none is written.
- Boxes are ``<ref>x</ref><box>[[x1, y1, x2, y2]]</box>`` on a grid of 0 to 1000 (``--boxes internvl``).
"""

import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from syphus.decoding import decode_json, read_text
from syphus.errors import InputError
from syphus.files import write_whole
from syphus.formats.chat_rows import Style, make_chat_row, parse_chat, read_dialogues, reserved_keys
from syphus.formats.clips import is_clip
from syphus.formats.exporting import ExportOptions, Written
from syphus.formats.importing import CERTAIN, LIKELY, NO_FIT, POSSIBLE, Fit, ImportOptions, Report, Sample
from syphus.formats.json_files import write_rows
from syphus.formats.keeping import AS_READ, Context, find_noted
from syphus.formats.llava import has_conversations
from syphus.formats.media import MediaKeys, list_frames
from syphus.formats.parts import MARKS, Pictures, UnfitError, show_path
from syphus.formats.places import OddError
from syphus.records import Asset, Dialogue

SUFFIX = ".jsonl"

STYLE = Style(
    name="internvl",
    media=MediaKeys(keys={"image": "image", "video": "video"}, empties=False, frames="folder"),
    tokens={"image": "<image>", "video": "<video>", "frames": "<video>"},
    answers=False,
    marks=(*MARKS, "<img>", "</img>", "<quad>", "</quad>"),
)
_READ = replace(STYLE, answers=True)
"""Older templates, and ms-swift, take a picture in an answer, too."""
_NUMBERED = re.compile(r"_\d+\.jpg$")
_SIZES = ("width", "height", "width_list", "height_list")


class MetaEntry(msgspec.Struct, kw_only=True):
    """One dataset of a meta file."""

    annotation: str
    root: str = ""
    data_augment: bool = False
    repeat_time: float = 1
    length: int = 0


def read(file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:
    """The dialogues of an annotation file, or of those that a meta file names (``options.dataset``: of one of them).

    Raises:
        InputError: also where the annotation of a meta file is not there.
    """
    meta = _read_meta(file)
    if meta is None:
        yield from _read_annotation(file, options, report)
        return
    if options.dataset and options.dataset not in meta:
        raise InputError(f"has no dataset {options.dataset!r}", file=file, mend=f"It has {', '.join(meta)}.")
    for name, entry in meta.items():
        if options.dataset in ("", name):
            annotation = _find_annotation(file, entry.annotation)
            chosen = options if options.source or len(meta) == 1 else replace(options, source=name)
            yield from _read_annotation(annotation, chosen, report)


def _read_annotation(file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:
    return read_dialogues(file, options, report, name="internvl", parse=_parse)


def _read_meta(file: Path) -> dict[str, MetaEntry] | None:
    """The entries of a meta file; None where the file is no such file."""
    with file.open("rb") as stream:
        head = stream.read(1 << 16)
    if b'"annotation"' not in head or b'"conversations"' in head:
        return None
    return decode_json(read_text(file), dict[str, MetaEntry], file=file)


def _find_annotation(meta: Path, annotation: str) -> Path:
    """The annotation: as the trainer finds it, from the folder it is started in, or beside the meta file."""
    places = [Path(annotation), meta.parent / annotation, meta.parent / Path(annotation).name]
    for place in places:
        if place.is_file():
            return place
    raise InputError(
        f"there is no annotation {annotation}",
        file=meta,
        mend="Start where its path leads, or put it beside this file.",
    )


def _parse(row: dict[str, Any], context: Context) -> Dialogue:
    """A row, with the sizes of its pictures, or the clip of its video."""
    dialogue = parse_chat(row, context, _READ)
    if row.get("clip") and [asset.kind for asset in dialogue.assets] == ["video"]:
        return _read_clip(dialogue, row["clip"])
    widths, heights = _list_sizes(row, "width"), _list_sizes(row, "height")
    if len(widths) != len(heights) or len(widths) != len(dialogue.assets) or not widths:
        return dialogue
    assets = tuple(
        replace(asset, width=width, height=height)
        for asset, width, height in zip(dialogue.assets, widths, heights, strict=True)
    )
    metadata = {key: value for key, value in dialogue.metadata.items() if key not in _SIZES}
    return replace(dialogue, assets=assets, metadata=metadata)


def _read_clip(dialogue: Dialogue, clip: Any) -> Dialogue:
    """The dialogue about a part of its video. Raises :class:`OddError` for what is no ``[start, end]`` in seconds."""
    match clip:
        case [int() | float() as start, int() | float() as end] if 0 <= start < end < math.inf:
            asset = replace(dialogue.assets[0], start=float(start), duration=end - start)
        case _:
            raise OddError("its `clip` is no list of two times in seconds, of which the second is later")
    metadata = {key: value for key, value in dialogue.metadata.items() if key != "clip"}
    if _write_clip(asset) != clip:
        noted = metadata.get(AS_READ, {"format": STYLE.name})
        metadata[AS_READ] = noted | {"clip": clip}
    return replace(dialogue, assets=(asset,), metadata=metadata)


def _write_clip(asset: Asset) -> list[float]:
    """The clip's start and end in seconds, to the millisecond."""
    start = asset.start or 0.0
    return [round(start, 3), round(start + (asset.duration or 0.0), 3)]


def _list_sizes(row: dict[str, Any], key: str) -> list[int]:
    one, several = row.get(key), row.get(f"{key}_list")
    values: list[Any] = several if isinstance(several, list) else [one]
    return values if all(type(value) is int and value > 0 for value in values) else []


def fits(sample: Sample) -> Fit:
    """A meta file, or JSON Lines of ``conversations``, the more with sizes or InternVL's boxes."""
    if sample.layout == "object" and sample.records and not sample.rows()[0].get("conversations"):
        entries = sample.rows()[0].values()
        if entries and all(isinstance(entry, dict) and {"root", "annotation"} <= entry.keys() for entry in entries):
            return Fit(CERTAIN, "a meta file of `root` and `annotation`")
    rows = [row for row in sample.rows() if has_conversations(row)]
    if not rows or len(rows) < len(sample.records) / 2:
        return NO_FIT
    texts = [str(turn.get("value")) for row in rows for turn in row["conversations"] if isinstance(turn, dict)]
    if any(isinstance(row.get("clip"), list) and row.get("video") for row in rows):
        return Fit(CERTAIN, "rows of `conversations` with a `video` and the times of a `clip`")
    sized = any(key in row for row in rows for key in _SIZES)
    boxed = any("<box>[[" in text for text in texts)
    if sized or boxed:
        return Fit(CERTAIN, "rows of `conversations` with " + ("sizes of pictures" if sized else "InternVL's boxes"))
    if sample.layout == "lines":
        return Fit(LIKELY, "lines of `conversations`")
    return Fit(POSSIBLE - 10, "rows of `conversations`")


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes the dialogues as JSON Lines, and beside them a meta file, ``<stem>.meta.json``.

    Raises:
        InputError: the file cannot be written or does not end in ``.jsonl``, or the picture folders have no common parent.
    """
    if target.suffix != ".jsonl":
        raise InputError(
            "InternVL reads annotations whose name ends in `.jsonl`",
            file=target,
            mend=f"Name it {target.with_suffix('.jsonl').name}.",
        )
    base: list[str] = []
    videos: list[bool] = []

    def make_row(dialogue: Dialogue, pictures: Pictures) -> dict[str, Any]:
        base[:] = [show_path(pictures.base)] if pictures.base else []
        row = _make_row(dialogue, pictures, options)
        videos[:] = [True] if videos or "video" in row else []
        return row

    written = write_rows(
        dialogues,
        target,
        options,
        make_row,
        holds=frozenset(),
        reserved=reserved_keys(STYLE) | {"clip"},
        lines=True,
        explain_base="The paths are relative to {base}, the `root` of the meta file.",
    )
    entry = MetaEntry(annotation=Path(show_path(target)).as_posix(), root="".join(base), length=written.written)
    meta = target.with_suffix(".meta.json")
    with write_whole(meta) as file:
        name = options.name or target.stem
        file.write(msgspec.json.format(msgspec.json.encode({name: entry}), indent=2) + b"\n")
    written.notes.append(f"Give `--meta_path {show_path(meta)}`.")
    if videos:
        written.notes.append(
            "InternVL reads videos only where `petrel_client` is installed; without it, it puts another row in the place of each."
        )
    return written


def _make_row(dialogue: Dialogue, pictures: Pictures, options: ExportOptions) -> dict[str, Any]:
    kinds = [asset.kind for asset in dialogue.assets]
    if {"video", "frames"} & set(kinds) and len(kinds) > 1:
        raise UnfitError("it has a video beside others, and an InternVL row holds one video or pictures")
    dialogue, clip = _take_clip(dialogue, pictures)
    row = make_chat_row(dialogue, STYLE, pictures, options) | clip
    first = row["conversations"][0]["value"]
    if isinstance(row.get("image"), str) and "<image>" not in first:
        raise UnfitError("its picture stands in a later turn, and InternVL puts one more into the first")
    if "video" in row and "<video>\n" not in first:
        raise UnfitError("its video does not stand in a line of its own in the first turn, where InternVL looks for it")
    if kinds == ["frames"]:
        _check_names(dialogue, pictures)
    return row | _sizes(dialogue, row)


def _take_clip(dialogue: Dialogue, pictures: Pictures) -> tuple[Dialogue, dict[str, Any]]:
    """A dialogue about a clip as one about the whole file, and the row's ``clip``.

    Where the whole file is not there, it stays as it is: the clip may be cut out already.
    """
    asset = dialogue.assets[0] if len(dialogue.assets) == 1 else None
    if asset is None or asset.kind != "video" or not is_clip(asset) or asset.duration is None:
        return dialogue, {}
    whole, missing = replace(asset, start=None), pictures.first_missing
    try:
        pictures.find(whole, dialogue, kinds=("video",))
    except UnfitError:
        pictures.first_missing = missing
        return dialogue, {}
    clip = find_noted(dialogue, STYLE.name).get("clip", _write_clip(asset))
    return replace(dialogue, assets=(whole,)), {"clip": clip}


def _check_names(dialogue: Dialogue, pictures: Pictures) -> None:
    """Raises :class:`UnfitError` for frames whose order InternVL cannot see; where no folder is known, nothing is looked at."""
    folder = pictures.find(dialogue.assets[0], dialogue, kinds=("frames",))
    if folder.file is not None and not all(map(_NUMBERED.search, list_frames(folder))):
        raise UnfitError("its frames are not named as `clip_12.jpg`, by whose number InternVL puts them in order")


def _sizes(dialogue: Dialogue, row: dict[str, Any]) -> dict[str, Any]:
    """The sizes of the pictures, where all are known and the row has them in the dialogue's order."""
    images = [row["image"]] if isinstance(row.get("image"), str) else row.get("image") or []
    pictures = [asset for asset in dialogue.assets if asset.kind == "image"]
    same = len(images) == len(pictures) and all(
        asset.path and image.endswith(asset.path) for asset, image in zip(pictures, images, strict=True)
    )
    if not images or not same or not all(asset.width and asset.height for asset in pictures):
        return {}
    if isinstance(row["image"], str):
        return {"width": pictures[0].width, "height": pictures[0].height}
    return {
        "width_list": [asset.width for asset in pictures],
        "height_list": [asset.height for asset in pictures],
    }
