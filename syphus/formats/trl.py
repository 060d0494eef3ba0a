"""TRL's JSON Lines: ``{"messages": [{"role", "content": [{"type": "image"}, {"type": "text", "text"}]}], "images": [...]}``.

The rules are those of TRL 0.24 and 1.16, ``trl/trainer/sft_trainer.py`` (``DataCollatorForVisionLanguageModeling``) and
``trl/data_utils.py`` (``prepare_multimodal_messages``):

- Contents are lists of parts, or strings, to the first of which the placeholders of all pictures are prefixed; a string must
  hold no ``<image>`` of its own. TRL 1 raises where placeholders and ``images`` are not as many.
- Roles are system, user, assistant and tool.
- The rows become a table, so contents are lists everywhere, in rows of text alone, too, and ``images`` is always there.
- ``images`` hold what ``datasets.Image`` reads: cast the column, ``cast_column("images", Sequence(Image()))``.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from syphus.formats.chat_rows import (
    Style,
    read_dialogues,
    read_system,
    read_turns,
    refuse_unread,
    reserved_keys,
    write_turns,
)
from syphus.formats.content_parts import SLOT, TOKENS, read_contents, write_contents
from syphus.formats.exporting import ExportOptions, Written
from syphus.formats.importing import CERTAIN, LIKELY, NO_FIT, Fit, ImportOptions, Report, Sample
from syphus.formats.json_files import write_rows
from syphus.formats.keeping import Context, find_noted, identify, make_dialogue, noted_table, noted_text
from syphus.formats.media import MediaKeys, own_keys, read_media, write_media
from syphus.formats.messages import has_messages, list_parts
from syphus.formats.parts import TEMPLATE_MARKS, Pictures, check_kind, render_turns
from syphus.formats.places import OddError, read_places, write_places
from syphus.records import Dialogue

SUFFIX = ".jsonl"

STYLE = Style(
    name="trl",
    media=MediaKeys(keys={"image": "images"}, also={"image": "image"}, always_list=True),
    tokens=TOKENS,
    after="",
    turns="messages",
    role="role",
    content="content",
    user="user",
    assistant="assistant",
    system="system",
    answers=False,
)


def read(file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:
    """The dialogues of a file for TRL: JSON Lines, or an array."""
    return read_dialogues(file, options, report, name="trl", parse=_parse)


def fits(sample: Sample) -> Fit:
    """Rows of ``messages`` whose parts are of type ``image`` and name none, and ``images`` beside them."""
    rows = [row for row in sample.rows() if has_messages(row)]
    if not rows or len(rows) < len(sample.records) / 2:
        return NO_FIT
    beside = any("images" in row or "image" in row for row in rows)
    if beside and any(part.get("type") == "image" for row in rows for part in list_parts(row)):
        return Fit(CERTAIN, "rows of `messages` with parts of type `image`, and `images` beside them")
    if beside and all(list_parts(row) for row in rows):
        return Fit(LIKELY, "rows of `messages` with parts, and `images` beside them")
    return NO_FIT


def _parse(row: dict[str, Any], context: Context) -> Dialogue:
    noted = context.noted
    turns = read_turns(row.get("messages"), context, STYLE)
    contents = read_contents(turns.values, noted, lists=True, mend=context.mend)
    assets = read_media(row, STYLE.media, context)
    refuse_unread(row, assets, own_keys(STYLE.media))
    placed = read_places(contents.values, assets, TOKENS)
    if placed.unplaced and not all(isinstance(value, str) for value in turns.values):
        raise OddError(f"has {len(assets)} pictures and no part for them")
    if placed.head.replace(SLOT, ""):
        noted["head"] = placed.head
    system, own = read_system(row, turns.system, noted)
    return make_dialogue(
        context, row, {"id", "messages", *own_keys(STYLE.media), *own}, texts=placed.texts, assets=assets, system=system
    )


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes the dialogues for TRL.

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
        lines=target.suffix != ".json",
        typed=True,
        reserved=reserved_keys(STYLE),
        explain_base="The pictures' paths are relative to {base}: start the trainer there.",
    )
    if written.written:
        written.notes.append('Before training: `dataset.cast_column("images", Sequence(Image()))`.')
    return written


def _make_row(dialogue: Dialogue, pictures: Pictures, options: ExportOptions) -> dict[str, Any]:
    noted = find_noted(dialogue, "trl")
    for asset in dialogue.assets:
        check_kind(asset)
    texts, order = write_places(
        render_turns(dialogue, options, marks=TEMPLATE_MARKS),
        dialogue.assets,
        TOKENS,
        after="",
        head=noted_text(noted, "head"),
    )
    forms = noted_table(noted, "forms")
    head = SLOT * len(order)
    # Strings have no parts for pictures: TRL puts those in front by itself, which is right where all stand there.
    if forms.get("0") == "text" and texts[0].startswith(head) and not any(SLOT in text for text in texts[1:]):
        texts[0] = texts[0].removeprefix(head)
    contents = write_contents(texts, lambda _: {"type": "image"}, noted, lists=True)
    turns = write_turns(dialogue, contents, noted, STYLE)
    if turns[0]["role"] == "system" and isinstance(contents[0], list):
        turns[0]["content"] = [{"type": "text", "text": turns[0]["content"]}]
    row = identify(dialogue, noted) | {"messages": turns}
    media: dict[str, Any] = {} if noted else {"images": []}
    return row | media | write_media(order, dialogue, STYLE.media, pictures, noted)
