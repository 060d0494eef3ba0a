"""MiniCPM-V's fine-tuning JSON: one array of ``{"id", "image", "conversations": [{"role", "content"}]}``.

The rules are those of OpenBMB/MiniCPM-V, ``finetune/dataset.py`` (``SupervisedDataset``, ``preprocess``; commit 9bd93a28 for one
picture, and the later version that takes several):

- ``finetune.py`` reads the file by ``json.load``; ``image`` is opened as it stands, so relative paths lead from where the
  training is started.
- ``image`` is a path, or ``{"<image_00>": path, "<image_01>": path}``. A row without one fails, and one that fails is replaced
  by a random one: text alone cannot be trained.
- Of one picture, ``<image>`` stands in the first turn; elsewhere it is left as text, and the picture is put first.
- Of several, each is named where it stands, in any turn of the user, with a line end put around it.
- The roles are ``user`` and ``assistant`` (an assertion), the user first.
- ``--model_max_length`` (2,048) cuts what is longer without a word.
"""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from syphus.formats.chat_rows import Style, make_chat_row, parse_chat, read_dialogues, reserved_keys
from syphus.formats.exporting import ExportOptions, Written
from syphus.formats.importing import CERTAIN, LIKELY, NO_FIT, Fit, ImportOptions, Report, Sample
from syphus.formats.json_files import write_rows
from syphus.formats.keeping import Context, find_noted
from syphus.formats.media import MediaKeys
from syphus.formats.parts import MARKS, Pictures, UnfitError
from syphus.formats.places import OddError
from syphus.records import Dialogue

SUFFIX = ".json"

STYLE = Style(
    name="minicpm",
    media=MediaKeys(keys={"image": "image"}, empties=False),
    tokens={"image": "<image>"},
    role="role",
    content="content",
    user="user",
    assistant="assistant",
    answers=False,
    marks=(*MARKS, "</image>", "<slice>", "</slice>", "<image_id>", "</image_id>", "<用户>", "<AI>"),
)
_NAME = re.compile(r"<image_\d+>")


def read(file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:
    """The dialogues of a file for MiniCPM-V: an array, or JSON Lines."""
    return read_dialogues(file, options, report, name="minicpm", parse=_parse)


def fits(sample: Sample) -> Fit:
    """Rows of ``conversations`` whose turns are ``{"role", "content"}``, with ``image``."""
    rows = [row for row in sample.rows() if _has_turns(row)]
    if not rows or len(rows) < len(sample.records) / 2:
        return NO_FIT
    if any(isinstance(row.get("image"), dict) for row in rows):
        return Fit(CERTAIN, "rows of `conversations` by `role`, with `<image_00>` and further pictures")
    if any(isinstance(row.get("image"), str) for row in rows):
        return Fit(LIKELY, "rows of `conversations` by `role`, with one picture")
    return NO_FIT


def _has_turns(row: dict[str, Any]) -> bool:
    turns = row.get("conversations")
    return (
        isinstance(turns, list)
        and bool(turns)
        and isinstance(turns[0], dict)
        and turns[0].keys() >= {"role", "content"}
    )


def _parse(row: dict[str, Any], context: Context) -> Dialogue:
    given, turns = row.get("image"), row.get("conversations")
    if not isinstance(given, dict):
        return parse_chat(row, context, STYLE)
    if not isinstance(turns, list):
        raise OddError("has no list of turns")
    names: list[str] = []

    def take(found: re.Match[str]) -> str:
        names.append(found[0])
        return "<image>"

    placed = [
        turn | {"content": _NAME.sub(take, turn["content"])}
        if isinstance(turn, dict) and isinstance(turn.get("content"), str)
        else turn
        for turn in turns
    ]
    if sorted(names) != sorted(given):
        raise OddError("its turns do not name each of its pictures once")
    if names != _number(len(names)) or list(given) != names or len(names) == 1:
        context.noted["names"] = names
    return parse_chat(row | {"image": [given[name] for name in names], "conversations": placed}, context, STYLE)


def _number(count: int) -> list[str]:
    return [f"<image_{number:02d}>" for number in range(count)]


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes the dialogues for MiniCPM-V's fine-tuning code.

    Raises:
        InputError: the file cannot be written, or the picture folders have no common parent.
    """
    written = write_rows(
        dialogues,
        target,
        options,
        partial(_make_row, options=options),
        holds=frozenset(),
        reserved=reserved_keys(STYLE),
        lines=False,
        explain_base="The pictures' paths are relative to {base}: start the training there.",
    )
    if written.written and options.max_tokens:
        written.notes.append(f"Give `--model_max_length {options.max_tokens}` or more: what is longer is cut.")
    return written


def _make_row(dialogue: Dialogue, pictures: Pictures, options: ExportOptions) -> dict[str, Any]:
    row = make_chat_row(dialogue, STYLE, pictures, options)
    turns = row["conversations"]
    if any("<image_" in turn["content"] and _NAME.search(turn["content"]) for turn in turns):
        raise UnfitError("a turn holds `<image_...>`, by which MiniCPM-V names its pictures")
    paths = row.get("image")
    if paths is None:
        raise UnfitError("it has no picture, and MiniCPM-V puts another row in its place")
    names = find_noted(dialogue, STYLE.name).get("names")
    if isinstance(paths, str) and not names:
        if "<image>" not in turns[0]["content"]:
            raise UnfitError("its picture stands in a later turn, and MiniCPM-V puts it into the first")
        return row
    paths = [paths] if isinstance(paths, str) else paths
    names = names if isinstance(names, list) and len(set(names)) == len(paths) else _number(len(paths))
    left = iter(names)
    for turn in turns:
        turn["content"] = re.sub("<image>", lambda _: next(left), turn["content"])
    return row | {"image": dict(zip(names, paths, strict=True))}
