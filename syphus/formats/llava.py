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

Rows written by this module load with LLaMA-Factory (``sharegpt``) and Qwen-VL's fine-tuning code, too.
"""

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from syphus.files import write_whole
from syphus.formats.exporting import ExportOptions, Written
from syphus.formats.parts import MARKS, Pictures, UnfitError, check_kind, encode_rows, render_turns
from syphus.records import Dialogue

SUFFIX = ".json"

LLAVA_MARKS = (*MARKS, "<im_patch>", "<im_start>", "<im_end>", "<Image>", "</Image>", "[PAD]")
"""``llava/constants.py`` adds the first three to the vocabulary, the ``mmtag`` templates wrap pictures in the next two, and
``--version v0`` pads with the last."""

_ROLE = re.compile(r"\b(?:USER|ASSISTANT):|### ?(?:Human|Assistant):")
"""The turns of the ``v1`` and the ``v0`` templates. Other colons (``User: admin`` on a screen) are text to every template."""
_ROLES = {"user": "human", "assistant": "gpt"}


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes the dialogues as LLaVA JSON; those that its loader would refuse, mask or cut are left out with the reason.

    Args:
        dialogues: read one at a time.
        target: the file; it is there when all is written, and not before.
        options: ``embed_pictures`` has no effect, for ``image`` can only be a path.

    Raises:
        InputError: the file cannot be written, or the picture folders have no common parent.
    """
    written = Written()
    pictures = Pictures(options.picture_folders)
    with write_whole(target) as file:
        separator = b"[\n"
        for row in encode_rows(dialogues, partial(make_row, pictures=pictures, options=options), written):
            file.write(separator + row)
            separator = b",\n"
        file.write(b"\n]\n" if written.written else b"[]\n")
    written.notes += pictures.make_notes("Give `--image_folder {base}`: the paths are relative to it.")
    if written.written:
        written.notes.append(
            f"Give `--model_max_length {options.max_tokens}`: LLaVA's own default is 512, and it cuts what is longer."
        )
    return written


def make_row(dialogue: Dialogue, pictures: Pictures, options: ExportOptions) -> dict[str, Any]:
    """One dialogue as a row. Raises :class:`UnfitError` for one that LLaVA cannot learn from."""
    for asset in dialogue.assets:
        check_kind(asset)
    if len(dialogue.assets) > 1:
        raise UnfitError("it has several pictures, and a LLaVA row holds one")
    row: dict[str, Any] = {"id": dialogue.id}
    if dialogue.assets:
        row["image"] = pictures.find(dialogue.assets[0], dialogue).path
    texts = render_turns(dialogue, options, marks=LLAVA_MARKS)
    for text in texts:
        if found := _ROLE.search(text):
            raise UnfitError(f"a turn holds `{found[0]}`, on which LLaVA's loader splits the turns")
    if dialogue.assets:
        texts[0] = f"<image>\n{texts[0]}"
    row["conversations"] = [
        {"from": _ROLES[turn.role], "value": text} for turn, text in zip(dialogue.turns, texts, strict=True)
    ]
    return row
