"""A dataset folder of LLaMA-Factory: a file of rows, and ``dataset_info.json``, which says how to read it.

The rules are those of LLaMA-Factory 0.9.5, ``data/parser.py`` (``DatasetAttr``), ``data/converter.py``
(``SharegptDatasetConverter``, commit 02e2fb34), ``data/loader.py`` and ``data/mm_plugin.py`` (``_validate_messages``):

- An entry is ``{name: {"file_name", "formatting": alpaca | sharegpt | openai, "columns", "tags"}}``. Where ``columns`` or
  ``tags`` are given, they take the place of ALL defaults: what they do not name is not read.
- A column that an entry names has to be there, so ``images`` is named only where some row has it.
- Turns are the user's (or a tool's) and the assistant's by turns, in pairs, after a system turn that may be there. Another row
  is warned of and emptied.
- ``<image>``, ``<video>`` and ``<audio>`` are counted over all turns, answers too, and a run ends where they are not as many as
  the media. A video may be a list of frames.
- Paths are joined to ``media_dir``, by default the folder itself, where such a file is.
- Files of one folder become one table: every key has one type.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from syphus.decoding import decode_json, read_text
from syphus.errors import InputError
from syphus.files import write_whole
from syphus.formats import alpaca
from syphus.formats.chat_rows import Style, make_chat_row, parse_chat, read_dialogues, reserved_keys
from syphus.formats.exporting import ExportOptions, Written
from syphus.formats.importing import CERTAIN, LIKELY, NO_FIT, POSSIBLE, Fit, ImportOptions, Report, Sample
from syphus.formats.json_files import write_rows
from syphus.formats.media import MediaKeys
from syphus.formats.messages import has_messages, list_parts
from syphus.formats.parts import TEMPLATE_MARKS, Pictures, show_path
from syphus.records import Dialogue

SUFFIX = ""
"""A folder."""

INFO = "dataset_info.json"
STYLE = Style(
    name="llamafactory",
    media=MediaKeys(keys={"image": "images", "video": "videos"}, always_list=True, frames="list"),
    tokens={"image": "<image>", "video": "<video>", "frames": "<video>"},
    after="",
    turns="messages",
    role="role",
    content="content",
    user="user",
    assistant="assistant",
    system="system",
    marks=TEMPLATE_MARKS,
)
_TAGS = {
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "system_tag": "system",
}
_OPENAI = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}


class Entry(Struct, kw_only=True, omit_defaults=True):
    """One dataset of ``dataset_info.json``, as far as it is a file of dialogues."""

    file_name: str = ""
    formatting: Literal["alpaca", "sharegpt", "openai"] = "alpaca"
    ranking: bool = False
    columns: dict[str, str | None] | None = None
    tags: dict[str, str | None] | None = None


def read(file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:
    """The dialogues of one dataset of a folder, as its entry says; or of a file of rows alone.

    Args:
        file: the folder, its ``dataset_info.json``, or a file of rows.
        options: ``dataset`` names the entry where there are several whose file is there.
        report: is told of rows that are kept aside or mended.

    Raises:
        InputError: there is no such entry, it is about preferences or elsewhere, or its file is not there.
    """
    info = file / INFO if file.is_dir() else file
    if info.name != INFO:
        return _read_rows(file, options, report, _find_entry(file))
    name, entry = _choose(info, options.dataset)
    if entry.ranking or (entry.columns or {}).get("kto_tag"):
        raise InputError(f"`{name}` is about preferences between answers, which are no dialogues", file=info)
    if Path(entry.file_name).is_absolute() or ".." in Path(entry.file_name).parts:
        raise InputError(f"the file of `{name}`, {entry.file_name}, is not in this folder", file=info)
    data = info.parent / entry.file_name
    return _read_rows(data, options, report, entry)


def _load(info: Path) -> dict[str, Entry]:
    return decode_json(read_text(info), dict[str, Entry], file=info)


def _choose(info: Path, dataset: str) -> tuple[str, Entry]:
    entries = _load(info)
    if dataset:
        if dataset not in entries:
            raise InputError(f"has no dataset {dataset!r}", file=info, mend=f"It has {', '.join(entries)}.")
        if not (info.parent / entries[dataset].file_name).is_file():
            raise InputError(f"the file of {dataset!r} is not in this folder", file=info)
        return dataset, entries[dataset]
    here = [name for name, entry in entries.items() if entry.file_name and (info.parent / entry.file_name).is_file()]
    if len(here) != 1:
        what = f"holds the files of {', '.join(here)}" if here else "holds the file of none of its datasets"
        raise InputError(what, file=info, mend="Name one, with --dataset." if here else "")
    return here[0], entries[here[0]]


def _find_entry(file: Path) -> Entry:
    """The entry of a file of rows, in the ``dataset_info.json`` beside it; the usual one where there is none."""
    info = file.parent / INFO
    if info.is_file():
        for entry in _load(info).values():
            if entry.file_name == file.name:
                return entry
    return _make_entry(file.name, {"messages", "images", "videos"})


def _read_rows(file: Path, options: ImportOptions, report: Report, entry: Entry) -> Iterator[Dialogue]:
    columns = entry.columns
    media = {"image": (columns or {}).get("images"), "video": (columns or {}).get("videos")}
    keys = replace(STYLE.media, keys={kind: key for kind, key in media.items() if key})
    style = replace(STYLE, media=keys)
    if entry.formatting == "alpaca":
        named = alpaca.COLUMNS if columns is None else columns
        usual = {what: key for what, key in named.items() if key and what in alpaca.COLUMNS}
        parse = partial(alpaca.parse_row, style=style, columns=usual)
        return read_dialogues(file, options, report, name="llamafactory", parse=parse)
    default = _OPENAI | {"system_tag": "system"} if entry.formatting == "openai" else _TAGS
    tags: Mapping[str, str | None] = default if entry.tags is None else entry.tags
    style = replace(
        style,
        turns=(columns or {}).get("messages") or "conversations",
        role=tags.get("role_tag") or "from",
        content=tags.get("content_tag") or "value",
        user=tags.get("user_tag") or "human",
        assistant=tags.get("assistant_tag") or "gpt",
    )
    return read_dialogues(file, options, report, name="llamafactory", parse=partial(parse_chat, style=style))


def fits(sample: Sample) -> Fit:
    """A folder with ``dataset_info.json``, that file itself, or an array of ``messages`` and ``images`` with ``<image>``."""
    if sample.layout == "folder":
        return Fit(CERTAIN, f"a folder with {INFO}") if INFO in sample.names else NO_FIT
    if sample.path.name == INFO:
        return Fit(CERTAIN, f"it is called {INFO}")
    rows = [row for row in sample.rows() if has_messages(row) and "objects" not in row]
    if not rows or len(rows) < len(sample.records) / 2 or any(list_parts(row) for row in rows):
        return NO_FIT
    if any(key in row for row in rows for key in ("images", "videos", "audios")):
        return Fit(LIKELY + 5 * (sample.layout == "array"), "rows of `messages`, with `images` beside them")
    return Fit(POSSIBLE, "rows of `messages`")


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes ``<name>.json`` into the folder ``target`` and its entry into ``dataset_info.json``; other entries stay.

    Args:
        dialogues: read one at a time.
        target: the folder.
        options: ``name`` is the dataset's name; by default the folder's.

    Raises:
        InputError: a file cannot be written, ``dataset_info.json`` cannot be read, or the picture folders have no common
            parent.
    """
    info = target / INFO
    others = decode_json(read_text(info), dict[str, Any], file=info) if info.is_file() else {}
    name = options.name or target.absolute().name
    keys: set[str] = set()

    def make_row(dialogue: Dialogue, pictures: Pictures) -> dict[str, Any]:
        row = make_chat_row(dialogue, STYLE, pictures, options)
        keys.update(row)
        return row

    data = target / f"{name}.json"
    written = write_rows(
        dialogues,
        data,
        options,
        make_row,
        holds=frozenset({"system"}),
        reserved=reserved_keys(STYLE),
        lines=False,
        typed=True,
        explain_base="Give `media_dir: {base}`: the pictures' paths are relative to it.",
    )
    with write_whole(info) as file:
        entries = others | {name: _make_entry(data.name, keys)}
        file.write(msgspec.json.format(msgspec.json.encode(entries), indent=2) + b"\n")
    written.notes.append(f"Give `dataset: {name}` and `dataset_dir: {show_path(target)}`.")
    return written


def _make_entry(file_name: str, keys: set[str]) -> Entry:
    columns: dict[str, str | None] = {
        key: key for key in ("messages", "images", "videos") if key in keys or key == "messages"
    }
    tags: dict[str, str | None] = {**_OPENAI, "system_tag": "system"}
    return Entry(file_name=file_name, formatting="sharegpt", columns=columns, tags=tags)
