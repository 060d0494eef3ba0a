"""LLaVA JSON: one array of ``{"id", "image", "conversations": [{"from", "value"}]}``, one row a line.

The rules are those of LLaVA, commit c121f043, ``llava/train/train.py`` (``LazySupervisedDataset``,
``preprocess_multimodal``, ``preprocess_v1``), ``llava/conversation.py`` and ``llava/constants.py``:

- ``json.load`` reads the file: an array, not JSON Lines.
- The roles are ``human`` and ``gpt``; they alternate (an assertion), ``human`` first, ``gpt`` last: a conversation that ends
  with the human is masked as a whole.
- ``image`` is one string, joined to ``--image_folder``; a list breaks the join, an absolute path leaves the folder. The key
  is absent for text alone.
- ``<image>`` stands once, with a line end, in front of the first human turn, if and only if there is a picture. Without it
  the picture is loaded and not used; twice, the pictures of the batch shift.
- The prompt is split on ``</s>`` and on `` ASSISTANT: `` to find what to learn. A text that holds one of them, the padding
  token ``<unk>``, or nothing at all makes the lengths differ, and the whole sample is masked with no more than a warning.
- What is longer than ``--model_max_length`` is cut without one.

The loader moves an ``<image>`` to the head of its turn, so rows that have it elsewhere (Qwen-VL's samples) are read with
their place and written with it.

Rows written by this module load with LLaMA-Factory (``sharegpt``) and Qwen-VL's fine-tuning code, too. Rows with a list of
pictures or a video are LLaVA-NeXT's (:mod:`syphus.formats.llava_next`).
"""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from syphus.formats.chat_rows import Style, make_chat_row, parse_chat, read_dialogues, reserved_keys
from syphus.formats.exporting import ExportOptions, Written
from syphus.formats.importing import CERTAIN, LIKELY, NO_FIT, POSSIBLE, Fit, ImportOptions, Report, Sample
from syphus.formats.json_files import write_rows
from syphus.formats.media import MediaKeys
from syphus.formats.parts import MARKS, Pictures, UnfitError
from syphus.records import Dialogue

SUFFIX = ".json"

LLAVA_MARKS = (*MARKS, "<im_patch>", "<im_start>", "<im_end>", "<Image>", "</Image>", "[PAD]")
"""``llava/constants.py`` adds the first three to the vocabulary, the ``mmtag`` templates wrap pictures in the next two, and
``--version v0`` pads with the last."""

_ROLE = re.compile(r"\b(?:USER|ASSISTANT):|### ?(?:Human|Assistant):")
"""The turns of the ``v1`` and the ``v0`` templates. Other colons (``User: admin`` on a screen) are text to every template."""

STYLE = Style(
    name="llava",
    media=MediaKeys(keys={"image": "image"}, empties=False, most=1),
    tokens={"image": "<image>"},
    answers=False,
    marks=LLAVA_MARKS,
)


def read(file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:
    """The dialogues of a LLaVA file: an array, or JSON Lines as some publish it."""
    return read_dialogues(file, options, report, name="llava", parse=partial(parse_chat, style=STYLE))


def fits(sample: Sample) -> Fit:
    """Rows of ``conversations`` with ``human`` and ``gpt``, with one picture or none."""
    rows = [row for row in sample.rows() if has_conversations(row)]
    if not rows or len(rows) < len(sample.records) / 2:
        return NO_FIT
    if any(isinstance(row.get("image"), list) or "video" in row for row in rows):
        return Fit(POSSIBLE, "rows of `conversations`")
    pictured = [row for row in rows if isinstance(row.get("image"), str)]
    if not pictured:
        return Fit(POSSIBLE, "rows of `conversations` without pictures")
    if not any("id" in row for row in pictured):
        return Fit(LIKELY - 10, "rows of `conversations` with one picture, and without ids")
    return Fit(
        CERTAIN - 10 * (sample.layout == "lines"), "rows of `id`, `image` and `conversations` from human and gpt"
    )


def has_conversations(row: dict[str, Any]) -> bool:
    """True for a row whose turns are ``{"from", "value"}``."""
    turns = row.get("conversations")
    return (
        isinstance(turns, list) and bool(turns) and isinstance(turns[0], dict) and {"from", "value"} <= turns[0].keys()
    )


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes the dialogues as LLaVA JSON; those that its loader would refuse, mask or cut are left out with the reason.

    Args:
        dialogues: read one at a time.
        target: the file; it is there when all is written, and not before.
        options: ``embed_pictures`` has no effect, for ``image`` can only be a path.

    Raises:
        InputError: the file cannot be written, or the picture folders have no common parent.
    """
    moved: list[str] = []
    written = write_rows(
        dialogues,
        target,
        options,
        partial(make_row, options=options, moved=moved),
        holds=frozenset(),
        reserved=reserved_keys(STYLE),
        lines=False,
        explain_base="Give `--image_folder {base}`: the paths are relative to it.",
    )
    written.notes += note_moved(moved)
    if written.written and options.max_tokens:
        written.notes.append(
            f"Give `--model_max_length {options.max_tokens}`: LLaVA's own default is 512, and it cuts what is longer."
        )
    return written


def make_row(
    dialogue: Dialogue, pictures: Pictures, options: ExportOptions, style: Style = STYLE, *, moved: list[str]
) -> dict[str, Any]:
    """One dialogue as a row.

    Args:
        dialogue: what to write.
        pictures: find its media.
        options: of the export.
        style: LLaVA's, or that of a relative.
        moved: gets the id of a dialogue that the loader reads otherwise: of a turn with one picture, it puts the picture first.

    Raises:
        UnfitError: LLaVA cannot learn from it.
    """
    row = make_chat_row(dialogue, style, pictures, options)
    for turn in row["conversations"]:
        said = turn["value"]
        if said.count("<image>") == 1 and not said.startswith("<image>"):
            moved.append(dialogue.id)
        if ("USER:" in said or "ASSISTANT:" in said or "###" in said) and (found := _ROLE.search(said)):
            raise UnfitError(f"a turn holds `{found[0]}`, on which LLaVA's loader splits the turns")
    return row


def note_moved(moved: list[str]) -> list[str]:
    """What the user must know of the dialogues that the loader reads otherwise than they are written."""
    if not moved:
        return []
    count = len(set(moved))
    which = f"1 dialogue has a picture within a text ({moved[0]})"
    if count > 1:
        which = f"{count:,} dialogues have a picture within a text (the first is {moved[0]})"
    return [f"{which}; LLaVA's loader takes it out and puts it at the head of its turn."]
