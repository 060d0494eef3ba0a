"""ms-swift's JSON Lines: ``{"messages", "images", "videos", "objects"}``, with boxes beside the text.

The rules are those of modelscope/ms-swift, commit 0e518dd2 (4.6.0 has the same), ``preprocessor/core.py``
(``RowPreprocessor``, ``MessagesPreprocessor``) and ``template/base.py``:

- ``messages`` (or ``conversations``) hold ``role`` and ``content`` (or ``from`` and ``value``); roles are system, user,
  assistant and those of tools. ``query``, ``response`` and ``history`` are read, too. All columns but the known ones are
  dropped, and rows are made a table first, so every column needs one type.
- ``images`` and ``videos`` are lists; urls and data URIs are fetched. A relative path is looked for in ``ROOT_IMAGE_DIR``,
  else where the trainer was started. ``<image>`` and ``<video>`` take the next of them; that they are as many is not checked,
  and what has no token is put in front.
- ``objects`` is ``{"ref", "bbox", "bbox_type", "image_id"}``: ``<ref-object>`` takes the next of ``ref``, ``<bbox>`` the next of
  ``bbox``: ``[x1, y1, x2, y2]`` (or a point), in pixels, or with ``bbox_type`` ``norm1`` in parts of the picture; ``image_id``
  says which picture each is in. Boxes the wrong way round are turned without a word.

So this format needs no box convention: with none, boxes stand beside the text. A reference to something without a box is a
``<ref-object>``, one without a phrase a ``<bbox>``.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from syphus.formats.chat_rows import Style, make_chat_row, parse_chat, read_dialogues, reserved_keys
from syphus.formats.exporting import ExportOptions, Written
from syphus.formats.importing import CERTAIN, LIKELY, NO_FIT, POSSIBLE, Fit, ImportOptions, Report, Sample
from syphus.formats.json_files import write_rows
from syphus.formats.keeping import Context, find_noted, find_size, note_form
from syphus.formats.media import MediaKeys
from syphus.formats.messages import has_messages, list_parts
from syphus.formats.parts import TEMPLATE_MARKS, Pictures, UnfitError, render_turns
from syphus.formats.places import OddError, write_places
from syphus.records import Asset, Box, Dialogue, Object, Turn
from syphus.references.text import Reference, plain_text, replace_references

SUFFIX = ".jsonl"

REF, BBOX = "<ref-object>", "<bbox>"
STYLE = Style(
    name="swift",
    media=MediaKeys(
        keys={"image": "images", "video": "videos"},
        also={"image": "image", "video": "video"},
        always_list=True,
        frames="list",
        urls=True,
    ),
    tokens={"image": "<image>", "video": "<video>", "frames": "<video>"},
    after="",
    turns="messages",
    role="role",
    content="content",
    user="user",
    assistant="assistant",
    system="system",
    free_names=True,
    marks=(*TEMPLATE_MARKS, "<ref-object>", "<bbox>", "<point>"),
)
_PLACE = re.compile(rf"(?P<slashes>\\*)(?:(?P<ref>{REF})(?P<boxes>(?:{BBOX})*)|(?:{BBOX})+)")
_PRECISION = 6
"""Decimals of a box in parts of the picture."""


class Objects(Struct, kw_only=True):
    """The column ``objects``."""

    ref: list[str] = []
    bbox: list[list[float]] = []
    bbox_type: str = "real"
    image_id: list[int] = []


def read(file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:
    """The dialogues of a file for ms-swift: JSON Lines, or an array."""
    return read_dialogues(file, options, report, name="swift", parse=_parse)


def fits(sample: Sample) -> Fit:
    """Rows of ``messages`` with ``objects``, or with ``images`` and ``<image>``, the more in lines."""
    rows = [row for row in sample.rows() if has_messages(row)]
    if rows and any(isinstance(row.get("objects"), dict) for row in rows):
        return Fit(CERTAIN, "rows of `messages` and `objects`")
    if len(rows) >= max(1, len(sample.records) / 2) and not any(list_parts(row) for row in rows):
        if any("images" in row or "videos" in row or "image" in row for row in rows):
            return Fit(LIKELY + 5 * (sample.layout == "lines"), "rows of `messages`, with `images` beside them")
        return Fit(POSSIBLE, "rows of `messages`")
    if any("query" in row and "response" in row for row in sample.rows()):
        return Fit(LIKELY, "rows of `query` and `response`")
    return NO_FIT


def _parse(row: dict[str, Any], context: Context) -> Dialogue:
    if "messages" not in row and "conversations" not in row and "response" in row:
        row = _from_query(row)
        context.mend("its `query` and `response` become `messages`")
    style = STYLE
    if "messages" not in row:
        style, context.noted["turns_key"] = replace(STYLE, turns="conversations"), "conversations"
    given = row.get("objects")
    rest = {key: value for key, value in row.items() if key != "objects"}
    dialogue = parse_chat(rest, context, style)
    if not given:
        return dialogue
    try:
        objects = msgspec.convert(given, Objects)
    except msgspec.ValidationError as error:
        raise OddError(f"`objects`: {error}") from error
    dialogue = _put_references(dialogue, objects, context)
    return replace(dialogue, metadata=dialogue.metadata | note_form(context))


def _from_query(row: dict[str, Any]) -> dict[str, Any]:
    """The older form of a row: ``query``, ``response``, ``history``."""
    history = row.get("history") or []
    if not isinstance(history, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in history):
        raise OddError("`history` is no list of pairs")
    pairs = [*history, [row.get("query"), row["response"]]]
    turns = [
        {"role": role, "content": said}
        for pair in pairs
        for role, said in zip(("user", "assistant"), pair, strict=True)
    ]
    return {key: value for key, value in row.items() if key not in ("query", "response", "history")} | {
        "messages": turns
    }


def _put_references(dialogue: Dialogue, objects: Objects, context: Context) -> Dialogue:
    """The dialogue with references where the text has places for refs and boxes."""
    pictures = [find_size(asset, context.options) for asset in dialogue.assets if asset.kind == "image"]
    boxes = [_read_box(box, number, objects, pictures, context) for number, box in enumerate(objects.bbox)]
    refs = iter(objects.ref)
    found: dict[tuple[Any, ...], Object] = {}
    waiting = iter(boxes)

    def name(label: str, box: Box | None, asset: str | None) -> str:
        thing = Object(id=f"o{len(dialogue.objects) + len(found) + 1}", label=label or "object", box=box, asset=asset)
        return found.setdefault((label if box is None else "", box, asset), thing).id

    def put(place: re.Match[str]) -> str:
        try:
            phrase = next(refs) if place["ref"] else ""
            taken = [next(waiting) for _ in range(place[0].count(BBOX))]
        except StopIteration:
            raise OddError(f"has more `{REF}` or `{BBOX}` than `objects` holds") from None
        if any(sign in phrase for sign in "[]"):
            raise OddError("a `ref` holds square brackets")
        ids = [name(phrase, box, asset) for box, asset in taken] or [name(phrase, None, None)]
        return place["slashes"] * 2 + f"[{phrase}]({','.join('#' + identity for identity in ids)})"

    turns = tuple(Turn(role=turn.role, text=_PLACE.sub(put, turn.text)) for turn in dialogue.turns)
    if next(refs, None) is not None or next(waiting, None) is not None:
        raise OddError(f"`objects` holds more than the text has `{REF}` and `{BBOX}` for")
    assets = tuple(next((one for one in pictures if one.id == asset.id), asset) for asset in dialogue.assets)
    return replace(dialogue, turns=turns, assets=assets, objects=(*dialogue.objects, *found.values()))


def _read_box(
    given: list[float], number: int, objects: Objects, pictures: list[Asset], context: Context
) -> tuple[Box, str | None]:
    """A box in pixels, and the picture it is in where there are several."""
    if len(given) != 4:
        raise OddError(
            "`objects` holds a point, which is no box" if len(given) == 2 else "a `bbox` is not four numbers"
        )
    index = objects.image_id[number] if number < len(objects.image_id) else 0
    if not 0 <= index < max(1, len(pictures)):
        raise OddError(f"`image_id` {index} names no picture")
    x1, y1, x2, y2 = given
    if x1 > x2 or y1 > y2:
        context.mend("a box was the wrong way round")
    x1, x2, y1, y2 = min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)
    picture = pictures[index] if pictures else None
    if objects.bbox_type == "norm1":
        if picture is None or picture.width is None or picture.height is None:
            raise OddError("its boxes are parts of a picture whose size is not known; `--images` names its folder")
        context.noted["bbox_type"] = "norm1"
        x1, x2, y1, y2 = x1 * picture.width, x2 * picture.width, y1 * picture.height, y2 * picture.height
    if not (x1 < x2 and y1 < y2):
        raise OddError("a box has no extent")
    if objects.image_id and len(pictures) == 1:
        context.noted["image_id"] = True
    return (x1, y1, x2, y2), picture.id if picture and len(pictures) > 1 else None


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes the dialogues for ms-swift. Without a box convention, boxes stand beside the text.

    Raises:
        InputError: the file cannot be written, or the picture folders have no common parent.
    """

    def make_row(dialogue: Dialogue, pictures: Pictures) -> dict[str, Any]:
        return _make_row(dialogue, pictures, options)

    return write_rows(
        dialogues,
        target,
        options,
        make_row,
        holds=frozenset({"system", "objects"}),
        reserved=reserved_keys(STYLE),
        lines=target.suffix != ".json",
        typed=True,
        explain_base="Set ROOT_IMAGE_DIR={base}, or start the trainer there: the paths are relative to it.",
    )


def _make_row(dialogue: Dialogue, pictures: Pictures, options: ExportOptions) -> dict[str, Any]:
    noted = find_noted(dialogue, "swift")
    style = replace(STYLE, turns="conversations") if noted.get("turns_key") == "conversations" else STYLE
    if options.boxes is not None or not dialogue.objects:
        return make_chat_row(dialogue, style, pictures, options)
    for turn in dialogue.turns:
        if REF in (said := plain_text(turn.text)) or BBOX in said:
            raise UnfitError(f"a turn holds `{REF}` or `{BBOX}`, which stand for boxes here")
    objects = Objects()
    things = {thing.id: thing for thing in dialogue.objects}
    boxed: list[Object] = []

    def put(reference: Reference) -> str:
        named = [things[identity] for identity in reference.ids if identity in things]
        if not named:
            return reference.phrase
        if reference.phrase:
            objects.ref.append(reference.phrase)
        boxes = [thing for thing in named if thing.box is not None]
        boxed.extend(boxes)
        return REF * bool(reference.phrase) + BBOX * len(boxes)

    marks = tuple(mark for mark in STYLE.marks if mark not in (REF, BBOX))
    texts = render_turns(dialogue, options, marks=marks, render=lambda text: replace_references(text, put))
    row = make_chat_row(dialogue, style, pictures, options, texts=texts)
    if objects.ref or boxed:
        row["objects"] = _write_objects(objects.ref, boxed, dialogue, texts, noted)
    return row


def _write_objects(
    refs: list[str], boxed: list[Object], dialogue: Dialogue, texts: list[str], noted: dict[str, Any]
) -> dict[str, Any]:
    """The column ``objects``. A box that names no picture is in the first."""
    norm = noted.get("bbox_type") == "norm1"
    images = [
        asset.id for asset in write_places(texts, dialogue.assets, STYLE.tokens, after="")[1] if asset.kind == "image"
    ]
    written: dict[str, Any] = {
        "ref": refs,
        "bbox": [[_tidy(side) for side in _write_box(thing, dialogue.assets, norm=norm)] for thing in boxed],
    }
    if norm:
        written["bbox_type"] = "norm1"
    if len(images) > 1 or noted.get("image_id"):
        first = next((asset.id for asset in dialogue.assets if asset.kind == "image"), "")
        written["image_id"] = [images.index(thing.asset or first) for thing in boxed]
    return written


def _write_box(thing: Object, assets: tuple[Asset, ...], *, norm: bool) -> list[float]:
    assert thing.box is not None
    picture = next((asset for asset in assets if thing.asset in (None, asset.id)), None)
    if not norm or picture is None or not picture.width or not picture.height:
        return list(thing.box)
    sides = (picture.width, picture.height) * 2
    return [round(value / side, _PRECISION) for value, side in zip(thing.box, sides, strict=True)]


def _tidy(value: float) -> float:
    return int(value) if float(value).is_integer() else value
