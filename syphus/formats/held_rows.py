"""Rows that hold their pictures themselves: what Parquet and WebDataset share.

A row has ``id``, its turns, and what a dialogue says of itself: ``source``, ``category``, ``ability``, ``language``,
``scene``, ``related``, and its other metadata as a JSON text. The turns are, by the setting ``turns``:

- ``messages`` (the default): ``[{"role", "content"}]`` as TRL, axolotl and most others take them. The texts hold no place for
  a picture, for those trainers put their own in front of the first; so pictures can only stand there.
- ``conversations``: ``[{"from", "value"}]`` with ``<image>`` where each picture stands, as LLaMA-Factory and LLaVA have it.

With a box convention whose boxes stand beside the text (GPT4RoI's ``region1 <bbox>``) they are in ``objects``, as ms-swift calls
it: ``{"ref": [phrase], "bbox": [[x1, y1, x2, y2]], "image_id": [index]}``, one for each place, in pixels of the picture.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from syphus.errors import InputError
from syphus.formats.chat_rows import Style, parse_chat, read_dialogues, write_turns
from syphus.formats.exporting import ExportOptions
from syphus.formats.importing import ImportOptions, Report
from syphus.formats.keeping import AS_READ, Context
from syphus.formats.media import MediaKeys
from syphus.formats.parts import Pictures, UnfitError, check_kind, render_turns
from syphus.formats.picture_bytes import PictureBytes, keep_picture, load_picture
from syphus.formats.places import OddError, split_places, write_places
from syphus.formats.rows import Row
from syphus.records import Box, Dialogue
from syphus.references.boxes import Convention
from syphus.references.inline import parse_inline
from syphus.references.rendering import Slot, render_slots

HOLDS = frozenset({"system", "source", "category", "ability", "language", "scene", "related"})
FIELDS = ("source", "category", "ability", "language", "scene")
"""Texts of a dialogue that have a column each."""

_MEDIA = MediaKeys(keys={"image": "images"}, always_list=True, urls=True)
MESSAGES = Style(
    name="held",
    media=_MEDIA,
    tokens={"image": "<image>"},
    turns="messages",
    role="role",
    content="content",
    user="user",
    assistant="assistant",
    system="system",
)
CONVERSATIONS = Style(name="held", media=_MEDIA, tokens={"image": "<image>"}, system="system")


class Held(NamedTuple):
    """A row and its pictures, in the order in which it shows them."""

    row: dict[str, Any]
    pictures: list[PictureBytes]


def choose_style(options: ExportOptions, others: frozenset[str] = frozenset()) -> Style:
    """The style of the setting ``turns``. Raises :class:`InputError` for settings that there are not."""
    for name in options.settings.keys() - {"turns", *others}:
        raise InputError(f"there is no setting `{name}`", mend=f"Settings: {', '.join(sorted({'turns', *others}))}.")
    turns = options.settings.get("turns", "messages")
    if turns not in ("messages", "conversations"):
        raise InputError(f"the setting `turns` is {turns!r}", mend="It is `messages` or `conversations`.")
    return MESSAGES if turns == "messages" else CONVERSATIONS


def read_size(options: ExportOptions, name: str, default: int) -> int:
    """A setting that is a number of a million bytes, in bytes. Raises :class:`InputError` for another value."""
    given = options.settings.get(name, str(default))
    if not given.isdecimal() or not int(given):
        raise InputError(f"the setting `{name}` is {given!r}", mend="It is a number of megabytes, 1 or more.")
    return int(given) * 1_000_000


def make_held(dialogue: Dialogue, pictures: Pictures, options: ExportOptions, style: Style) -> Held:
    """One dialogue as a row with its pictures. Raises :class:`UnfitError` for one that cannot be written."""
    for asset in dialogue.assets:
        check_kind(asset)
    beside = options.boxes if options.boxes is not None and options.boxes.beside else None
    slots: list[Slot] = []

    def render(text: str, convention: Convention) -> str:
        shown, found = render_slots(text, dialogue, convention)
        slots.extend(found)
        return shown

    texts = render_turns(dialogue, options, render=partial(render, convention=beside) if beside else None)
    if style is MESSAGES and any(len(split_places(text)) > 1 for text in texts):
        raise UnfitError(
            "a picture stands inside of its text, where `messages` have no place; `turns=conversations` has"
        )
    tokens = {"image": "" if style is MESSAGES else "<image>"}
    values, order = write_places(texts, dialogue.assets, tokens, after="" if style is MESSAGES else style.after)
    metadata = {key: value for key, value in dialogue.metadata.items() if key != AS_READ}
    row: dict[str, Any] = {"id": dialogue.id, style.turns: write_turns(dialogue, values, {}, style)}
    row |= {name: getattr(dialogue, name) for name in FIELDS}
    row |= {"related": list(dialogue.related)}
    if beside:
        places = {asset.id: index for index, asset in enumerate(order)}
        row["objects"] = {
            "ref": [slot.phrase for slot in slots],
            "bbox": [[float(edge) for edge in slot.box] for slot in slots],
            "image_id": [places[dialogue.assets[slot.asset].id] for slot in slots],
        }
    row["metadata"] = msgspec.json.encode(metadata).decode() if metadata else ""
    msgspec.json.encode(row)  # half a surrogate pair is found here, before any picture is read
    return Held(row, [load_picture(asset, dialogue, pictures) for asset in order])


def read_held(
    file: Path, options: ImportOptions, report: Report, rows: Iterator[Row], *, name: str
) -> Iterator[Dialogue]:
    """The dialogues of rows as :func:`make_held` makes them, and of others that have turns and ``images``.

    Args:
        file: named in problems.
        options: pictures are written into ``extract``, else they become data URIs.
        report: is told of rows that are kept aside or mended.
        rows: their ``images`` (or ``image``) are ``{"bytes", "path"}``, as Hugging Face's Image feature has them.
        name: of the format.
    """

    def parse(row: dict[str, Any], context: Context) -> Dialogue:
        return _parse(row, context, name)

    yield from read_dialogues(file, options, report, name=name, parse=parse, rows=rows)


def _parse(row: dict[str, Any], context: Context, name: str) -> Dialogue:
    style = MESSAGES if "messages" in row else CONVERSATIONS
    if style.turns not in row:
        raise OddError("has neither `messages` nor `conversations`")
    row = {key: value for key, value in row.items() if value is not None}
    pictures = row.pop("images", None) or ([row.pop("image")] if row.get("image") else [])
    row.pop("image", None)
    if not isinstance(pictures, list):
        raise OddError("`images` is no list")
    if pictures:
        row["images"] = [_keep(one, number, context) for number, one in enumerate(pictures, start=1)]
    fields: dict[str, Any] = {key: row[key] for key in FIELDS if isinstance(row.get(key), str) and row[key]}
    if fields.get("ability") not in ("perception", "reasoning", "planning"):
        fields.pop("ability", None)
    if context.options.source:
        fields["source"] = context.options.source
    related = row.get("related")
    if isinstance(related, list) and all(isinstance(one, str) for one in related):
        fields["related"] = tuple(related)
    rest = {key: value for key, value in row.items() if key not in fields and key not in FIELDS}
    rest |= _read_metadata(rest.pop("metadata", ""))
    counted = _count_tokens(rest.get(style.turns))
    if style is MESSAGES and pictures and not counted:
        rest = _place_in_front(rest, len(pictures))
    context.noted.clear()
    convention = context.options.boxes
    beside = convention if convention is not None and convention.beside and "objects" in rest else None
    if beside:
        slots = _read_slots(rest.pop("objects"))
        context.options = replace(context.options, boxes=None)
    dialogue = parse_chat(rest, context, replace(style, name=name))
    if beside:
        dialogue = _place_boxes(dialogue, beside, slots, context)
    kept = {key: value for key, value in dialogue.metadata.items() if key not in (AS_READ, "related")}
    return replace(dialogue, metadata=kept, **fields)


def _read_slots(objects: Any) -> list[Slot]:
    """The boxes of a row. Raises :class:`OddError` where they are none."""
    try:
        found = msgspec.convert(objects, _Objects)
        return [
            Slot(phrase=phrase, box=box, asset=image)
            for phrase, box, image in zip(found.ref, found.bbox, found.image_id or [0] * len(found.ref), strict=True)
        ]
    except (msgspec.ValidationError, ValueError) as error:
        raise OddError(f"`objects` are no boxes: {error}") from error


class _Objects(msgspec.Struct):
    ref: list[str]
    bbox: list[Box]
    image_id: list[int] = []


def _place_boxes(dialogue: Dialogue, convention: Convention, slots: list[Slot], context: Context) -> Dialogue:
    """The dialogue with references in the place of the slots, each to an object of its own picture."""
    parsed = parse_inline(
        [turn.text for turn in dialogue.turns],
        convention,
        width=None,
        height=None,
        taken={asset.id for asset in dialogue.assets},
        slots=slots,
    )
    for problem in parsed.problems:
        context.mend(problem)
    images = {slot.box: slot.asset for slot in slots}
    objects = tuple(
        replace(thing, asset=dialogue.assets[images[thing.box]].id)
        if thing.box in images and 0 < images[thing.box] < len(dialogue.assets)
        else thing
        for thing in parsed.objects
    )
    turns = tuple(replace(turn, text=text) for turn, text in zip(dialogue.turns, parsed.texts, strict=True))
    return replace(dialogue, turns=turns, objects=objects)


def _keep(picture: Any, number: int, context: Context) -> str:
    """Where the picture is now: a path or a data URI."""
    if isinstance(picture, str) and picture:
        return picture
    if not isinstance(picture, dict):
        raise OddError(f"picture {number} is nothing that can be read")
    data, path = picture.get("bytes"), picture.get("path")
    if isinstance(data, bytes) and data:
        given = path if isinstance(path, str) and path else f"{context.identity}-{number}"
        try:
            kept = keep_picture(data, given, context.options.extract)
        except ValueError as error:
            raise OddError(f"picture {number}: {error}") from error
        return kept.path or kept.url or ""
    if isinstance(path, str) and path:
        return path
    raise OddError(f"picture {number} has neither bytes nor a path")


def _read_metadata(text: Any) -> dict[str, Any]:
    if isinstance(text, dict):
        return text
    try:
        value = msgspec.json.decode(text) if isinstance(text, str) and text else {}
    except msgspec.DecodeError:
        value = None
    return value if isinstance(value, dict) else {"metadata": text}


def _count_tokens(turns: Any) -> int:
    turns = turns if isinstance(turns, list) else []
    return sum(str(turn.get("content", "")).count("<image>") for turn in turns if isinstance(turn, dict))


def _place_in_front(row: dict[str, Any], count: int) -> dict[str, Any]:
    """Messages hold no places: the pictures stand in front of the first that the user says."""
    turns = list(row["messages"])
    for index, turn in enumerate(turns):
        if isinstance(turn, dict) and turn.get("role") == "user" and isinstance(turn.get("content"), str):
            turns[index] = turn | {"content": "<image>\n" * count + turn["content"]}
            break
    return row | {"messages": turns}
