"""LLaVA-NeXT JSON: LLaVA's rows, with several pictures or a video in one.

The rules are those of LLaVA-NeXT, commit 45f2d920, ``llava/train/train.py`` (``LazySupervisedDataset``,
``preprocess_multimodal``), beside those of :mod:`syphus.formats.llava`:

- ``image`` is one path or a list of them, joined to ``--image_folder``; ``video`` is one path, joined to ``--video_folder``,
  and is not looked at where there is an ``image``.
- The token of a video is ``<image>``, too, and stands once.
- ``id`` is used where it is there. ``--data_path`` is an array (``json.load``), or a YAML that names several files; there
  alone, one that ends in ``.jsonl`` is read line by line.
- ``image`` is not asked whether it is empty: the key is absent for text alone.
- A turn with one ``<image>`` that does not begin with it gets it at its head (``preprocess_multimodal``); of a turn with
  several, all stay where they are.
- A row that fails, for its picture for one, is replaced by the next after three seconds; a video that cannot be read, by the
  next at once; both are only printed.
- ``preprocess_qwen`` (LLaVA-OneVision, LLaVA-Video) masks the user's turns but for their line ends and control tokens.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from syphus.formats import llava
from syphus.formats.chat_rows import Style, parse_chat, read_dialogues, reserved_keys
from syphus.formats.exporting import ExportOptions, Written
from syphus.formats.importing import CERTAIN, LIKELY, NO_FIT, POSSIBLE, Fit, ImportOptions, Report, Sample
from syphus.formats.json_files import write_rows
from syphus.formats.llava import LLAVA_MARKS, has_conversations
from syphus.formats.media import MediaKeys
from syphus.formats.parts import Pictures, UnfitError
from syphus.records import Dialogue

SUFFIX = ".json"

STYLE = Style(
    name="llava_next",
    media=MediaKeys(keys={"image": "image", "video": "video"}, empties=False),
    tokens={"image": "<image>", "video": "<image>"},
    answers=False,
    marks=LLAVA_MARKS,
)


def read(file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:
    """The dialogues of a LLaVA-NeXT file: an array, or JSON Lines."""
    return read_dialogues(file, options, report, name="llava_next", parse=partial(parse_chat, style=STYLE))


def fits(sample: Sample) -> Fit:
    """Rows of ``conversations`` with lists of pictures, or with a video whose token is ``<image>``."""
    rows = [row for row in sample.rows() if has_conversations(row)]
    if not rows or len(rows) < len(sample.records) / 2:
        return NO_FIT
    videos = [row for row in rows if row.get("video")]
    if videos and all("<image>" in str(row["conversations"][0]["value"]) for row in videos):
        return Fit(CERTAIN, "rows of `video` and `conversations`, where `<image>` stands for the video")
    if videos:
        return NO_FIT
    if any(isinstance(row.get("image"), list) for row in rows):
        named = any("id" in row for row in rows)
        return Fit(LIKELY + 10 * named, "rows of `conversations` and lists of pictures")
    return Fit(POSSIBLE - 5, "rows of `conversations`")


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes the dialogues as LLaVA-NeXT JSON; ``--to llava_next`` with a name in ``.jsonl`` writes JSON Lines.

    Raises:
        InputError: the file cannot be written, or the picture folders have no common parent.
    """
    moved: list[str] = []
    lines = target.suffix == ".jsonl"
    written = write_rows(
        dialogues,
        target,
        options,
        partial(_make_row, options=options, moved=moved),
        holds=frozenset(),
        reserved=reserved_keys(STYLE),
        lines=lines,
        explain_base="Give `--image_folder {base}`, and `--video_folder` likewise: the paths are relative to it.",
    )
    written.notes += llava.note_moved(moved)
    if lines:
        written.notes.append(
            "LLaVA-NeXT reads JSON Lines only where a YAML names them: `datasets: [{json_path: FILE}]`."
        )
    return written


def _make_row(dialogue: Dialogue, pictures: Pictures, options: ExportOptions, *, moved: list[str]) -> dict[str, Any]:
    kinds = [asset.kind for asset in dialogue.assets]
    if "video" in kinds and len(kinds) > 1:
        raise UnfitError("it has a video beside others, and a LLaVA-NeXT row holds one video or pictures")
    return llava.make_row(dialogue, pictures, options, STYLE, moved=moved)
