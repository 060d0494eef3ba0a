"""PaliGemma's lines: ``{"image", "prefix", "suffix"}``, one question about one picture.

Roboflow's ``maestro`` takes them for PaliGemma, Florence-2 and Qwen2.5-VL. The rules are those of maestro 1.0.0, ``trainer/common/datasets.py`` (``RoboflowJSONLDataset``)
and ``models/paligemma_2/loaders.py``:

- The file is ``annotations.jsonl`` in a folder ``train``, ``valid`` or ``test``; ``image`` is relative to that folder.
- Each row has a picture, and a token for it is put before ``prefix``; ``suffix`` alone is learned.
- ``max_length`` (512) cuts the suffix without a word.

A model of one question has no place for a dialogue of several, whose later questions lean on the earlier ones. Boxes are
``<loc0204>`` and so on (``--boxes paligemma``; ``--boxes florence2`` for Florence-2).
"""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from syphus.formats.chat_rows import read_dialogues, refuse_unread
from syphus.formats.exporting import ExportOptions, Written
from syphus.formats.importing import CERTAIN, NO_FIT, Fit, ImportOptions, Report, Sample
from syphus.formats.json_files import write_rows
from syphus.formats.keeping import Context, find_noted, identify, make_dialogue
from syphus.formats.media import MediaKeys, own_keys, read_media, write_media
from syphus.formats.parts import Pictures, UnfitError, check_kind, render_turns
from syphus.formats.places import OddError, split_places
from syphus.records import Dialogue
from syphus.references.text import escape_text

SUFFIX = ".jsonl"

MEDIA = MediaKeys(keys={"image": "image"}, empties=False, most=1)
_TEXTS = ("prefix", "suffix")


def read(file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:
    """The dialogues of the file: JSON Lines, or an array."""
    return read_dialogues(file, options, report, name="paligemma", parse=_parse)


def fits(sample: Sample) -> Fit:
    """Rows of ``image``, ``prefix`` and ``suffix``."""
    rows = [row for row in sample.rows() if row.keys() >= {"prefix", "suffix"}]
    return Fit(CERTAIN, "rows of `prefix` and `suffix`") if 2 * len(rows) > len(sample.records) else NO_FIT


def _parse(row: dict[str, Any], context: Context) -> Dialogue:
    for key in _TEXTS:
        if not isinstance(row.get(key), str):
            raise OddError(f"has no `{key}`")
    assets = read_media(row, MEDIA, context)
    if len(assets) > 1:
        raise OddError("has several pictures")
    refuse_unread(row, assets, own_keys(MEDIA))
    texts = [escape_text(row[key]) for key in _TEXTS]
    return make_dialogue(context, row, {"id", "image", *_TEXTS}, texts=texts, assets=assets)


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes dialogues of one question about one picture.

    Raises:
        InputError: the file cannot be written, or the picture folders have no common parent.
    """
    written = write_rows(
        dialogues,
        target,
        options,
        partial(_make_row, options=options),
        holds=frozenset(),
        reserved=("image", *_TEXTS),
        lines=True,
        explain_base="The pictures' paths are relative to {base}; maestro looks for them beside the file, `annotations.jsonl`.",
    )
    if written.written:
        written.notes.append(
            "Give a `max_length` that is long enough: maestro's own is 512, and it cuts what is longer."
        )
    return written


def _make_row(dialogue: Dialogue, pictures: Pictures, options: ExportOptions) -> dict[str, Any]:
    for asset in dialogue.assets:
        check_kind(asset)
    if len(dialogue.assets) != 1:
        raise UnfitError("it is not about one picture, and a row of this format is")
    if len(dialogue.turns) != 2:
        raise UnfitError("it has several questions, and a row of this format holds one")
    texts = render_turns(dialogue, options)
    if any(len(split_places(text)) > 1 for text in texts):
        raise UnfitError("its picture stands within a text, and PaliGemma puts it first")
    noted = find_noted(dialogue, "paligemma")
    media = write_media([*dialogue.assets], dialogue, MEDIA, pictures, noted)
    return identify(dialogue, noted) | media | dict(zip(_TEXTS, texts, strict=True))
