"""Video-ChatGPT's instruction JSON: one array of ``{"q", "a", "video_id"}``, one question about a video.

As VideoInstruct-100K is published (mbzuai-oryx/Video-ChatGPT, ``docs/train_video_chatgpt.md``), whose own script turns it into
LLaVA's rows with ``<video>``. A video is named without the end of its name; where the folder of videos is given
(``--videos``), the file that begins so is taken.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from syphus.formats.chat_rows import read_dialogues
from syphus.formats.exporting import ExportOptions, Written
from syphus.formats.importing import CERTAIN, NO_FIT, Fit, ImportOptions, Report, Sample
from syphus.formats.json_files import write_rows
from syphus.formats.keeping import Context, find_noted, identify, make_dialogue
from syphus.formats.media import make_asset
from syphus.formats.parts import Pictures, UnfitError, render_turns
from syphus.formats.places import OddError, split_places
from syphus.records import Dialogue
from syphus.references.text import escape_text

SUFFIX = ".json"

_SUFFIXES = (".mp4", ".mkv", ".webm", ".avi", ".mov")


def read(file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:
    """The dialogues of the file: an array, or JSON Lines."""
    return read_dialogues(file, options, report, name="video_chatgpt", parse=_parse)


def fits(sample: Sample) -> Fit:
    """Rows of ``q``, ``a`` and ``video_id``."""
    rows = [row for row in sample.rows() if {"q", "a", "video_id"} <= row.keys()]
    return Fit(CERTAIN, "rows of `q`, `a` and `video_id`") if rows else NO_FIT


def _parse(row: dict[str, Any], context: Context) -> Dialogue:
    for key in ("q", "a", "video_id"):
        if not isinstance(row.get(key), str):
            raise OddError(f"has no `{key}`")
    name = row["video_id"]
    path = _find_file(name, context.options.videos or context.options.images)
    if path != name:
        context.noted["video_id"] = name
    asset = make_asset(path, "video", 1, context.options)
    texts = [escape_text(row["q"]), escape_text(row["a"])]
    return make_dialogue(context, row, {"id", "q", "a", "video_id"}, texts=texts, assets=(asset,))


def _find_file(name: str, folder: Path | None) -> str:
    """The video's path in its folder; its name where the folder is not known or has no such file."""
    found = [name + suffix for suffix in _SUFFIXES if folder is not None and (folder / (name + suffix)).is_file()]
    return found[0] if found else name


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes dialogues of one question about one video.

    Raises:
        InputError: the file cannot be written, or the folders have no common parent.
    """

    def make_row(dialogue: Dialogue, pictures: Pictures) -> dict[str, Any]:
        return _make_row(dialogue, pictures, options)

    return write_rows(
        dialogues,
        target,
        options,
        make_row,
        holds=frozenset(),
        lines=target.suffix == ".jsonl",
        explain_base="The videos' names are those of files below {base}.",
    )


def _make_row(dialogue: Dialogue, pictures: Pictures, options: ExportOptions) -> dict[str, Any]:
    if [asset.kind for asset in dialogue.assets] != ["video"] or len(dialogue.turns) != 2:
        raise UnfitError("it is more or other than one question about one video, and the format holds no more")
    texts = render_turns(dialogue, options)
    if any(len(split_places(text)) > 1 for text in texts):
        raise UnfitError("its video stands inside of the text, and the format has no place for it there")
    noted = find_noted(dialogue, "video_chatgpt")
    path = PurePosixPath(pictures.find(dialogue.assets[0], dialogue, kinds=("video",)).path)
    name = noted.get("video_id") or str(path.with_suffix("") if path.suffix in _SUFFIXES else path)
    row = identify(dialogue, noted)
    return row | {"q": texts[0], "a": texts[1], "video_id": name}
