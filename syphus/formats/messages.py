"""Messages: JSON Lines of ``{"id", "messages": [{"role", "content"}], "metadata"}``, as OpenAI's chat API takes them.

The pictures stand in the first user message, in the order of the assets, before its text, or where their place in the text
is; every other content is a plain string, and so is the first one where there is no picture. No text holds a place for a
picture (``<image>``): trainers that take messages put their own (TRL), and count (LLaMA-Factory stops the run where counts
differ). The forms of a content are those of OpenAI's published schema (``openapi`` of chat completions, 2.3.0:
``ChatCompletionRequestUserMessageContentPart``).

``--set pictures=parts`` writes what chat templates of ``transformers`` take, and the trainers that hand rows to them: every
content is a list of parts, and a picture is ``{"type": "image", "image": path}``. axolotl 0.19 (``processing_strategies.py``,
``ProcessingStrategy``) opens all pictures that stand so, and of a list beside the messages the first alone, with a warning; a
Hugging Face table has one type for contents, so that texts beside lists end its loading. Unsloth
(``unsloth_zoo/vision_utils.py``, ``fetch_image``) looks for ``image``, too. ``--set pictures=url_parts`` keeps OpenAI's
``image_url``, and every content is a list: lmms-engine 0.1 (``datasets/naive/vision_dataset.py``, ``load_from_json``) goes through
each content as a list of parts.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from syphus.errors import InputError
from syphus.files import write_whole
from syphus.formats.chat_rows import Style, read_dialogues, read_system, read_turns, refuse_unread, write_turns
from syphus.formats.content_parts import SLOT, TOKENS, read_contents, write_contents
from syphus.formats.exporting import ExportOptions, Written
from syphus.formats.importing import CERTAIN, LIKELY, NO_FIT, Fit, ImportOptions, Report, Sample
from syphus.formats.json_files import write_rows
from syphus.formats.keeping import Context, find_noted, identify, make_dialogue, noted_table, noted_text
from syphus.formats.media import MediaKeys, make_asset
from syphus.formats.parts import TEMPLATE_MARKS, Pictures, UnfitError, check_kind, render_turns
from syphus.formats.places import OddError, read_places, write_places
from syphus.records import Asset, Dialogue

SUFFIX = ".jsonl"

STYLE = Style(
    name="messages",
    media=MediaKeys(keys={}),
    tokens=TOKENS,
    after="",
    turns="messages",
    role="role",
    content="content",
    user="user",
    assistant="assistant",
    system="system",
    answers=False,
    other_roles=("developer",),
)
HOLDS = frozenset({"system", "category", "ability", "scene", "language"})

_SCHEMES = ("https://", "http://", "data:image/")
_DATA = re.compile(r"data:image/(?P<kind>[a-z0-9.+-]+);base64,", re.IGNORECASE)
_PARTS = ("image", "url", "path")
"""Under which a part of type ``image`` names its picture."""
_FORMS = ("url", "parts", "url_parts")
_ABILITIES = ("perception", "reasoning", "planning")


def read(file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:
    """The dialogues of a file of messages: JSON Lines, or an array.

    Data URIs are kept as urls; with ``options.extract`` they are written as files into that folder.
    """
    return read_dialogues(file, options, report, name="messages", parse=_parse)


def fits(sample: Sample) -> Fit:
    """Rows of ``messages`` whose contents are texts or parts, without a list of pictures beside them."""
    rows = [row for row in sample.rows() if has_messages(row)]
    if not rows or len(rows) < len(sample.records) / 2:
        return NO_FIT
    if any(part.get("type") in ("image_url", "input_image") for row in rows for part in list_parts(row)):
        return Fit(CERTAIN, "rows of `messages` with parts of type `image_url`")
    if any(key in row for row in rows for key in ("images", "image", "videos", "objects", "audios")):
        return NO_FIT
    if any(list_parts(row) for row in rows):
        return Fit(LIKELY - 20, "rows of `messages` with parts")
    return Fit(LIKELY, "rows of `messages` with text alone")


def has_messages(row: dict[str, Any]) -> bool:
    """True for a row whose turns are ``{"role", "content"}``."""
    turns = row.get("messages")
    return (
        isinstance(turns, list)
        and bool(turns)
        and isinstance(turns[0], dict)
        and {"role", "content"} <= turns[0].keys()
    )


def list_parts(row: dict[str, Any]) -> list[dict[str, Any]]:
    """All parts of a row's contents."""
    contents = [turn.get("content") for turn in row["messages"] if isinstance(turn, dict)]
    return [part for content in contents if isinstance(content, list) for part in content if isinstance(part, dict)]


def _parse(row: dict[str, Any], context: Context) -> Dialogue:
    noted = context.noted
    turns = read_turns(row.get("messages"), context, STYLE)
    contents = read_contents(turns.values, noted, lists=False, mend=context.mend)
    assets = tuple(_read_picture(part, number, context) for number, part in enumerate(contents.pictures, start=1))
    refuse_unread(row, assets, ())
    placed = read_places(contents.values, assets, TOKENS, answers=True)
    if placed.head.replace(SLOT, ""):
        noted["head"] = placed.head
    system, own = read_system(row, turns.system, noted)
    if turns.system and isinstance(row["messages"][0]["content"], list):
        noted["system_parts"] = True
    fields, rest = _read_metadata(row, noted)
    return make_dialogue(
        context,
        {key: value for key, value in row.items() if key not in own} | ({"metadata": rest} if rest else {}),
        {"id", "messages"} if rest else {"id", "messages", "metadata"},
        texts=placed.texts,
        assets=assets,
        system=system,
        **fields,
    )


def _read_metadata(row: dict[str, Any], noted: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """Fields of the dialogue that the row's ``metadata`` names, and what is left of it."""
    given = row.get("metadata")
    if not isinstance(given, dict):
        noted["metadata"] = None
        return {}, given
    fields = {
        key: given[key]
        for key in ("category", "scene", "language")
        if isinstance(given.get(key), str) and (given[key] or key == "category")
    }
    if given.get("ability") in _ABILITIES:
        fields["ability"] = given["ability"]
    if not {"category", "scene", "ability"} <= fields.keys():
        noted["metadata"] = sorted(fields)
    return fields, {key: value for key, value in given.items() if key not in fields}


def _read_picture(part: dict[str, Any], number: int, context: Context) -> Asset:
    """The picture of a part: a path, a url, a data URI. Raises :class:`OddError` for a part that names none."""
    given = next((part[key] for key in ("image_url", "image", "url", "path") if part.get(key)), None)
    if part.get("type") == "image":
        context.noted["part"] = next(key for key in _PARTS if part.get(key)) if isinstance(given, str) else "image"
    url = given.get("url") if isinstance(given, dict) else given
    if not isinstance(url, str):
        raise OddError("a part is a picture without a url")
    asset = make_asset(url, "image", number, context.options)
    extra = {key: value for key, value in given.items() if key != "url"} if isinstance(given, dict) else {}
    if extra:
        context.noted.setdefault("details", {})[asset.id] = extra
    if context.options.extract and _DATA.match(url):
        return Asset(id=asset.id, path=extract_picture(url, context.options.extract))
    return asset


def extract_picture(url: str, folder: Path) -> str:
    """Writes the picture of a data URI into ``folder``, named by its content, and gives the name.

    Raises:
        OddError: it is no base64, or no picture.
        InputError: the file cannot be written.
    """
    try:
        data = b64decode(url.partition(",")[2], validate=True)
    except ValueError as error:
        raise OddError("a data URI is no base64") from error
    kind = sniff_picture(data)
    if not kind:
        raise OddError("a data URI is no PNG, JPEG, WEBP or GIF")
    name = f"{sha256(data).hexdigest()[:32]}.{'jpg' if kind == 'jpeg' else kind}"
    if not (folder / name).is_file():
        with write_whole(folder / name) as file:
            file.write(data)
    return name


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes the dialogues as messages; those that a trainer would choke on or cut are left out with the reason.

    Args:
        dialogues: read one at a time.
        target: the file; it is there when all is written, and not before.
        options: with ``embed_pictures``, pictures that have a path stand in the file as data URIs.

    Raises:
        InputError: the file cannot be written, or the picture folders have no common parent.
    """
    _read_form(options)
    embedded = "Pictures from {base} are in the file itself."
    relative = "The pictures' paths are relative to {base}: start the trainer there."
    return write_rows(
        dialogues,
        target,
        options,
        partial(make_row, options=options),
        holds=HOLDS,
        lines=True,
        settings=("pictures",),
        reserved=("images", "image", "videos", "objects"),
        folded=("metadata",),
        explain_base=embedded if options.embed_pictures else relative,
    )


def _read_form(options: ExportOptions) -> str:
    """The setting ``pictures``. Raises :class:`InputError` for one that there is not."""
    form = options.settings.get("pictures", "url")
    if form not in _FORMS:
        raise InputError(f"`pictures={form}` is none of {', '.join(_FORMS)}", mend="Write `--set pictures=parts`.")
    return form


def make_row(dialogue: Dialogue, pictures: Pictures, options: ExportOptions) -> dict[str, Any]:
    """One dialogue as a row. Raises :class:`UnfitError` for one that cannot be written."""
    noted = find_noted(dialogue, "messages")
    for asset in dialogue.assets:
        check_kind(asset)
    texts, order = write_places(
        render_turns(dialogue, options, marks=TEMPLATE_MARKS),
        dialogue.assets,
        TOKENS,
        after="",
        head=noted_text(noted, "head"),
    )
    details = noted_table(noted, "details")
    form = _read_form(options)
    parts = form != "url"
    key = {"parts": "image", "url_parts": ""}.get(form, noted_text(noted, "part"))

    def make_picture(number: int) -> dict[str, Any]:
        url = locate_picture(order[number], dialogue, pictures, embed=options.embed_pictures)
        if key:
            return {"type": "image", key: url}
        more = details.get(order[number].id)
        return {"type": "image_url", "image_url": {"url": url} | (more if isinstance(more, dict) else {})}

    contents = write_contents(texts, make_picture, {} if parts else noted, lists=parts)
    turns = write_turns(dialogue, contents, noted, STYLE)
    if (parts or noted.get("system_parts")) and len(turns) > len(contents):
        turns[0]["content"] = [{"type": "text", "text": turns[0]["content"]}]
    row = identify(dialogue, noted) | {"messages": turns}
    metadata = _write_metadata(dialogue, noted)
    if metadata is not None:
        row["metadata"] = metadata
    return row


def _write_metadata(dialogue: Dialogue, noted: dict[str, Any]) -> Any:
    rest = dialogue.metadata.get("metadata", {})
    known = {"category": dialogue.category, "ability": dialogue.ability, "scene": dialogue.scene}
    if dialogue.language != "en":
        known["language"] = dialogue.language
    if "metadata" not in noted:
        return known | rest if isinstance(rest, dict) else known
    kept = noted["metadata"]
    if kept is None:
        return rest or None
    return {key: value for key, value in known.items() if key in kept} | (rest if isinstance(rest, dict) else {})


def locate_picture(asset: Asset, dialogue: Dialogue, pictures: Pictures, *, embed: bool) -> str:
    """What stands as the picture's ``url``: its relative path, its data URI, or the url of a picture that has no path.

    Raises :class:`UnfitError` where none of them can be had.
    """
    check_kind(asset)
    if not asset.path and asset.url:
        if not asset.url.startswith(_SCHEMES):
            raise UnfitError("its picture's url is neither http nor a data URI")
        return asset.url
    picture = pictures.find(asset, dialogue)
    if not embed:
        return picture.path
    if picture.file is None:
        raise UnfitError("the picture folder of its source is not known, so the picture cannot be embedded")
    return embed_picture(picture.file)


# The dialogues of one picture come one after the other; more than a few pictures in memory would be of no use.
@lru_cache(maxsize=4)
def embed_picture(file: Path) -> str:
    """The file as a data URI. Raises :class:`UnfitError` where it cannot be read or is no picture that APIs take."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UnfitError("its picture's file cannot be read") from error
    kind = sniff_picture(data)
    if not kind:
        raise UnfitError("its picture is no PNG, JPEG, WEBP or GIF")
    return f"data:image/{kind};base64,{b64encode(data).decode('ascii')}"


def sniff_picture(data: bytes) -> str:
    """``png``, ``jpeg``, ``webp`` or ``gif`` by the first bytes, whatever the file is called; empty for all others."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    return ""
