"""Messages: JSON Lines of ``{"id", "messages": [{"role", "content"}], "metadata"}``, as OpenAI's chat API takes them.

The pictures stand in the first user message, in the order of the assets, before its text; every other content is a plain
string, and so is the first one where there is no picture. No text holds a place for a picture (``<image>``): trainers that
take messages put their own (TRL), and count (LLaMA-Factory stops the run where counts differ).
"""

from base64 import b64encode
from collections.abc import Iterable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from syphus.files import write_whole
from syphus.formats.exporting import ExportOptions, Written
from syphus.formats.parts import Pictures, UnfitError, check_kind, encode_rows, render_turns
from syphus.records import Asset, Dialogue

SUFFIX = ".jsonl"

_SCHEMES = ("https://", "http://", "data:image/")


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes the dialogues as messages; those that a trainer would choke on or cut are left out with the reason.

    Args:
        dialogues: read one at a time.
        target: the file; it is there when all is written, and not before.
        options: with ``embed_pictures``, pictures that have a path stand in the file as data URIs.

    Raises:
        InputError: the file cannot be written, or the picture folders have no common parent.
    """
    written = Written()
    pictures = Pictures(options.picture_folders)
    with write_whole(target) as file:
        for row in encode_rows(dialogues, partial(make_row, pictures=pictures, options=options), written):
            file.write(row + b"\n")
    if options.embed_pictures:
        written.notes += pictures.make_notes("Pictures from {base} are in the file itself.")
    else:
        written.notes += pictures.make_notes("The pictures' paths are relative to {base}: start the trainer there.")
    return written


def make_row(dialogue: Dialogue, pictures: Pictures, options: ExportOptions) -> dict[str, Any]:
    """One dialogue as a row. Raises :class:`UnfitError` for one that cannot be written."""
    places = [locate_picture(asset, dialogue, pictures, embed=options.embed_pictures) for asset in dialogue.assets]
    texts = render_turns(dialogue, options)
    messages: list[dict[str, Any]] = [
        {"role": turn.role, "content": text} for turn, text in zip(dialogue.turns, texts, strict=True)
    ]
    if places:
        messages[0]["content"] = [
            *({"type": "image_url", "image_url": {"url": place}} for place in places),
            {"type": "text", "text": texts[0]},
        ]
    metadata = {"category": dialogue.category, "ability": dialogue.ability, "scene": dialogue.scene}
    return {"id": dialogue.id, "messages": messages, "metadata": metadata}


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
