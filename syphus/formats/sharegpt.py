"""ShareGPT JSON: one array of ``{"id", "conversations": [{"from", "value"}]}``, with a system message and no pictures of its own.

There is no one consumer. What all agree on (LLaMA-Factory 0.9.5, ``data/converter.py``, commit 02e2fb34; ms-swift,
``preprocessor/core.py``, commit 0e518dd2; axolotl):

- ``from`` is ``human`` or ``gpt``, by turns, after a ``system`` turn that may be there; LLaMA-Factory warns of every other
  order and empties the row. ``function_call``, ``observation`` and ``tool`` turns are tools', which a dialogue cannot hold.
- ``images`` and ``videos`` are lists of paths. ``<image>`` and ``<video>`` are counted over all turns, the answers too, and
  a run ends where they are not as many as the media.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from syphus.formats.chat_rows import Style, make_chat_row, parse_chat, read_dialogues, reserved_keys
from syphus.formats.exporting import ExportOptions, Written
from syphus.formats.importing import LIKELY, NO_FIT, POSSIBLE, Fit, ImportOptions, Report, Sample
from syphus.formats.json_files import write_rows
from syphus.formats.llava import has_conversations
from syphus.formats.media import MediaKeys
from syphus.formats.parts import Pictures
from syphus.records import Dialogue

SUFFIX = ".json"

STYLE = Style(
    name="sharegpt",
    media=MediaKeys(
        keys={"image": "images", "video": "videos"}, also={"image": "image", "video": "video"}, always_list=True
    ),
    tokens={"image": "<image>", "video": "<video>"},
    system="system",
    free_names=True,
)


def read(file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:
    """The dialogues of a ShareGPT file: an array, or JSON Lines."""
    return read_dialogues(file, options, report, name="sharegpt", parse=partial(parse_chat, style=STYLE))


def fits(sample: Sample) -> Fit:
    """Rows of ``conversations`` with text alone, system turns, other names of the roles, or ``images``."""
    rows = [row for row in sample.rows() if has_conversations(row)]
    if not rows or len(rows) < len(sample.records) / 2:
        return NO_FIT
    if any("image" in row or "video" in row for row in rows):
        return Fit(POSSIBLE - 10, "rows of `conversations`")
    if any("images" in row or "videos" in row for row in rows):
        return Fit(LIKELY, "rows of `conversations` with `images` or `videos`")
    return Fit(LIKELY - 20, "rows of `conversations` and no pictures")


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes the dialogues as ShareGPT JSON; a name in ``.jsonl`` makes it JSON Lines.

    Raises:
        InputError: the file cannot be written, or the picture folders have no common parent.
    """

    def make_row(dialogue: Dialogue, pictures: Pictures) -> dict[str, Any]:
        return make_chat_row(dialogue, STYLE, pictures, options)

    return write_rows(
        dialogues,
        target,
        options,
        make_row,
        holds=frozenset({"system"}),
        reserved=reserved_keys(STYLE),
        lines=target.suffix == ".jsonl",
        typed=True,
        explain_base="The pictures' paths are relative to {base} (LLaMA-Factory: `media_dir`).",
    )
