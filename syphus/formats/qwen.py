"""Qwen-VL's fine-tuning JSON: ``{"image", "video", "conversations": [{"from", "value"}]}``.

The rules are those of QwenLM/Qwen3-VL, commit 23d3cce0, ``qwen-vl-finetune/qwenvl/data/data_processor.py``
(``_build_messages``, ``LazySupervisedDataset``):

- The file is an array, or JSON Lines if its name ends in ``.jsonl``. ``image`` and ``video`` are a path or a list, joined to
  the dataset's ``data_path`` (``data/__init__.py``).
- Each ``<image>`` and ``<video>`` in a human turn takes the next of them; too few or too many raise ``ValueError``, after
  which the row is tried three times and the next one taken in its place. In answers they are text.
- Text between the tokens is stripped; what is white alone is left out.
- Every role but ``human`` is the assistant: a system turn would be learned as an answer, so none is written.
- Boxes are text: Qwen3-VL and Qwen2-VL on a grid of 0 to 1000 (``--boxes qwen3``), Qwen2.5-VL in pixels of the picture as the
  model sees it, its sides multiples of 28 (``tools/process_bbox.ipynb``).

``--set lists=always`` writes one picture or video as a list, too: VideoLLaMA3 (DAMO-NLP-SG/VideoLLaMA3, ``videollama3/train.py``,
``_convert_normal``) takes a video in a list of one alone, puts a random row in the place of any other, and reads the file by
Hugging Face ``datasets``, for which a column has one type.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from syphus.errors import InputError
from syphus.formats.chat_rows import Style, make_chat_row, parse_chat, read_dialogues, reserved_keys
from syphus.formats.exporting import ExportOptions, Written
from syphus.formats.importing import CERTAIN, LIKELY, NO_FIT, POSSIBLE, Fit, ImportOptions, Report, Sample
from syphus.formats.json_files import write_rows
from syphus.formats.llava import has_conversations
from syphus.formats.media import MediaKeys
from syphus.formats.parts import Pictures
from syphus.records import Dialogue

SUFFIX = ".json"

STYLE = Style(
    name="qwen",
    media=MediaKeys(keys={"image": "image", "video": "video"}),
    tokens={"image": "<image>", "video": "<video>"},
    answers=False,
)


def read(file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:
    """The dialogues of a file for Qwen-VL: an array, or JSON Lines."""
    return read_dialogues(file, options, report, name="qwen", parse=partial(parse_chat, style=STYLE))


def fits(sample: Sample) -> Fit:
    """Rows of ``conversations`` with ``<video>``, or with pictures and without ids."""
    rows = [row for row in sample.rows() if has_conversations(row)]
    if not rows or len(rows) < len(sample.records) / 2:
        return NO_FIT
    texts = [str(turn.get("value")) for row in rows for turn in row["conversations"] if isinstance(turn, dict)]
    if any("bbox_2d" in text or "<|box_start|>" in text for text in texts):
        return Fit(CERTAIN, "rows of `conversations` with Qwen's boxes")
    pictured = [row for row in rows if row.get("image") or row.get("video")]
    if any(row.get("video") for row in pictured) and any("<video>" in text for text in texts):
        return Fit(CERTAIN - 10 * (sample.layout == "lines"), "rows of `video` and `conversations` with `<video>`")
    if pictured and not any("id" in row for row in pictured):
        return Fit(LIKELY - 5 * (sample.layout == "lines"), "rows of `image` and `conversations` without ids")
    return Fit(POSSIBLE - 5, "rows of `conversations`")


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes the dialogues for Qwen-VL's fine-tuning code; a name in ``.jsonl`` makes it JSON Lines.

    Raises:
        InputError: the file cannot be written, or the picture folders have no common parent.
    """
    lists = options.settings.get("lists", "several")
    if lists not in ("several", "always"):
        raise InputError(f"`lists={lists}` is neither several nor always", mend="Write `--set lists=always`.")
    style = replace(STYLE, media=replace(STYLE.media, always_list=True)) if lists == "always" else STYLE

    def make_row(dialogue: Dialogue, pictures: Pictures) -> dict[str, Any]:
        return make_chat_row(dialogue, style, pictures, options)

    return write_rows(
        dialogues,
        target,
        options,
        make_row,
        holds=frozenset(),
        reserved=reserved_keys(STYLE),
        lines=target.suffix == ".jsonl",
        typed=lists == "always",
        settings=("lists",),
        explain_base="The paths are relative to {base}: give it as the dataset's `data_path`.",
    )
