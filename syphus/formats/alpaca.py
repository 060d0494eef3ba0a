r"""Alpaca JSON: one array of ``{"instruction", "input", "output", "history", "system"}``, as LLaMA-Factory reads it.

The rules are those of LLaMA-Factory 0.9.5, ``data/converter.py`` (``AlpacaDatasetConverter``, commit 02e2fb34); ms-swift's
``AlpacaPreprocessor`` agrees:

- What the user says is ``instruction``, and ``input`` in a new line behind it where there is one.
- ``history`` is a list of pairs of what was asked and answered before; ``system`` is a system message. Both are read only
  where the dataset's entry names the columns.
- ``images`` and ``videos`` are lists, and ``<image>`` and ``<video>`` are counted over all texts.
- A row without ``output`` is taken for text to be continued.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from syphus.formats.chat_rows import Style, place_texts, read_dialogues, refuse_unread
from syphus.formats.exporting import ExportOptions, Written
from syphus.formats.importing import CERTAIN, LIKELY, NO_FIT, Fit, ImportOptions, Report, Sample
from syphus.formats.json_files import write_rows
from syphus.formats.keeping import Context, find_noted, identify, make_dialogue, noted_text
from syphus.formats.media import MediaKeys, own_keys, read_media, write_media
from syphus.formats.parts import Pictures, check_kind, render_turns
from syphus.formats.places import OddError, write_places
from syphus.records import Dialogue

SUFFIX = ".json"

STYLE = Style(
    name="alpaca",
    media=MediaKeys(
        keys={"image": "images", "video": "videos"}, also={"image": "image", "video": "video"}, always_list=True
    ),
    tokens={"image": "<image>", "video": "<video>"},
    after="",
    system="system",
)
COLUMNS: Mapping[str, str] = {
    "prompt": "instruction",
    "query": "input",
    "response": "output",
    "history": "history",
    "system": "system",
}
"""What a text is to LLaMA-Factory -> the key it stands under."""


def read(file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:
    """The dialogues of an Alpaca file: an array, or JSON Lines."""
    return read_dialogues(file, options, report, name="alpaca", parse=parse_row)


def fits(sample: Sample) -> Fit:
    """Rows of ``instruction`` and ``output``."""
    rows = [
        row for row in sample.rows() if isinstance(row.get("instruction"), str) and isinstance(row.get("output"), str)
    ]
    if not rows or len(rows) < len(sample.records) / 2:
        return NO_FIT
    return Fit(CERTAIN if any("input" in row for row in rows) else LIKELY, "rows of `instruction` and `output`")


def parse_row(
    row: dict[str, Any], context: Context, style: Style = STYLE, columns: Mapping[str, str] = COLUMNS
) -> Dialogue:
    """The dialogue of a row. Raises :class:`OddError` where it is none.

    Args:
        row: the row.
        context: of the row.
        style: names its media.
        columns: the keys of its texts, as :data:`COLUMNS`.
    """
    noted = context.noted
    texts = {what: row.get(key) for what, key in columns.items()}
    values = _read_history(texts.get("history"), noted)
    asked = [_read_text(texts.get(what), columns.get(what, what)) for what in ("prompt", "query")]
    if asked[1]:
        noted["input"] = asked[1]
    elif columns.get("query") not in row:
        noted["input"] = None
    values += ["\n".join(filter(None, asked)), _read_text(texts.get("response"), columns.get("response", "output"))]
    system = _read_text(texts.get("system"), "system")
    if columns.get("system") in row and not system:
        noted["system"] = row[columns["system"]]
    assets = read_media(row, style.media, context)
    refuse_unread(row, assets, own_keys(style.media))
    stored = place_texts(values, assets, context, style)
    own = {"id", *columns.values(), *own_keys(style.media)}
    return make_dialogue(context, row, own, texts=stored, assets=assets, system=system)


def _read_text(value: Any, key: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise OddError(f"`{key}` is no text")
    return value


def _read_history(history: Any, noted: dict[str, Any]) -> list[str]:
    if not history:
        if history is not None:
            noted["history"] = history
        return []
    pairs = history if isinstance(history, list) else [history]
    if not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(said, str) for said in pair) for pair in pairs
    ):
        raise OddError("`history` is no list of pairs of texts")
    return [said for pair in pairs for said in pair]


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes the dialogues as Alpaca JSON; a name in ``.jsonl`` makes it JSON Lines. Earlier turns are the ``history``.

    Raises:
        InputError: the file cannot be written, or the picture folders have no common parent.
    """

    def make_row(dialogue: Dialogue, pictures: Pictures) -> dict[str, Any]:
        return _make_row(dialogue, pictures, options)

    written = write_rows(
        dialogues,
        target,
        options,
        make_row,
        holds=frozenset({"system"}),
        lines=target.suffix == ".jsonl",
        typed=True,
        reserved=own_keys(STYLE.media),
        explain_base="The pictures' paths are relative to {base} (LLaMA-Factory: `media_dir`).",
    )
    if written.written:
        written.notes.append(
            "LLaMA-Factory reads `history`, `system`, `images` and `videos` only where an entry names them."
        )
    return written


def _make_row(dialogue: Dialogue, pictures: Pictures, options: ExportOptions) -> dict[str, Any]:
    noted = find_noted(dialogue, "alpaca")
    for asset in dialogue.assets:
        check_kind(asset, tuple(STYLE.tokens))
    values, order = write_places(
        render_turns(dialogue, options, marks=STYLE.marks),
        dialogue.assets,
        STYLE.tokens,
        after=STYLE.after,
        head=noted_text(noted, "head"),
    )
    asked, answered = values[-2:]
    given = noted.get("input", "")
    behind = "\n" + given if given else ""
    split = bool(behind) and asked.endswith(behind)
    row = identify(dialogue, noted)
    row["instruction"] = asked.removesuffix(behind) if split else asked
    if given is not None:
        row["input"] = given if split else ""
    row["output"] = answered
    if len(values) > 2:
        row["history"] = [values[index : index + 2] for index in range(0, len(values) - 2, 2)]
    elif "history" in noted:
        row["history"] = noted["history"]
    if dialogue.system or "system" in noted:
        row["system"] = dialogue.system or noted["system"]
    return row | write_media(order, dialogue, STYLE.media, pictures, noted)
