"""Rows that are a list of turns beside the paths of their media: what LLaVA's format and its many relatives share.

They differ in the names of keys and roles, in the tokens, and in what their consumers demand. A format says so in a
:class:`Style`; reading and writing are done here.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from syphus.annotations.reading import Problem
from syphus.formats.exporting import ExportOptions
from syphus.formats.importing import ImportOptions, Report
from syphus.formats.keeping import Context, Names, find_noted, identify, make_dialogue, noted_table, noted_text
from syphus.formats.media import MediaKeys, own_keys, read_media, write_media
from syphus.formats.parts import MARKS, Pictures, UnfitError, check_kind, render_turns
from syphus.formats.places import OddError, read_places, split_places, write_places
from syphus.formats.rows import Row, read_rows
from syphus.records import Asset, Dialogue

ROLES = {
    **dict.fromkeys(("human", "user"), "user"),
    **dict.fromkeys(("gpt", "assistant", "chatgpt", "bard", "bing", "bot", "model"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(
        (
            "tool",
            "function",
            "function_call",
            "function_response",
            "observation",
            "tool_call",
            "tool_response",
            "ipython",
        ),
        "tool",
    ),
}
"""What datasets call those who speak -> who it is."""
SYSTEM_KEYS = ("system", "system_prompt")
SEVERAL_SOUNDS = ("audio", "audios")
_MEDIA = ("image", "images", "video", "videos")


class Style(Struct, frozen=True, kw_only=True):
    """How a format writes a dialogue as a row."""

    name: str
    media: MediaKeys
    tokens: Mapping[str, str]
    """Kind of asset -> the token in its place."""
    after: str = "\n"
    """Behind each token at the head of the first turn."""
    turns: str = "conversations"
    role: str = "from"
    content: str = "value"
    user: str = "human"
    assistant: str = "gpt"
    system: str = ""
    """The role of a system message; empty: the consumer takes none."""
    answers: bool = True
    """Tokens in answers count."""
    marks: tuple[str, ...] = MARKS
    """What no text may hold."""
    other_roles: tuple[str, ...] = ()
    """Further names of roles that the consumer takes."""
    free_names: bool = False
    """The consumer takes other names of roles and keys, so that they are written as they were read."""


class Turns(Struct, kw_only=True):
    """The turns of a row, read."""

    values: list[Any]
    """What the user and the assistant say, by turns; texts, or whatever the row has."""
    system: str = ""


def read_dialogues(
    file: Path,
    options: ImportOptions,
    report: Report,
    *,
    name: str,
    parse: Callable[[dict[str, Any], Context], Dialogue],
    rows: Iterator[Row] | None = None,
) -> Iterator[Dialogue]:
    """The dialogues of a file's rows; odd rows go to ``report``.

    Args:
        file: a JSON array, JSON Lines, or one object.
        options: of the reading.
        report: is told of rows that are kept aside or mended.
        name: of the format.
        parse: makes the dialogue of a row; raises :class:`OddError` where it is none.
        rows: of the file, where they are not JSON.
    """
    names = Names(file)
    for row in rows if rows is not None else read_rows(file, report):

        def mend(message: str, place: str = row.place) -> None:
            report(Problem(file=str(file), place=place, message=message, lost=False))

        if not isinstance(row.value, dict):
            report(row.aside(file, "is no object"))
            continue
        try:
            identity, noted = names.give(row.value.get("id"), row.number, mend)
            context = Context(format=name, identity=identity, options=options, mend=mend, noted=noted)
            dialogue = parse(row.value, context)
        except OddError as odd:
            report(row.aside(file, odd.message))
        except (ValueError, msgspec.ValidationError) as error:  # a record refuses what the row gives it
            report(row.aside(file, str(error)))
        else:
            yield dialogue


def read_turns(given: Any, context: Context, style: Style) -> Turns:
    """The turns of a row: who speaks, and that they speak by turns. Their form is noted.

    Args:
        given: what the row has as its turns.
        context: of the row.
        style: how the format names roles and keys; the other usual names are read, too.

    Raises:
        OddError: they are no such turns, somebody else speaks, two turns of one side follow each other, or the user has the
            last word.
    """
    if not isinstance(given, list):
        raise OddError("has no list of turns")
    turns = Turns(values=[])
    noted: dict[str, Any] = {}
    keys, roles = (style.role, style.content), (style.user, style.assistant)
    pairs = (keys, ("from", "value"), ("role", "content"))
    used = next((pair for pair in pairs if given and isinstance(given[0], dict) and pair[0] in given[0]), keys)
    if used != keys:
        noted["turn_keys"] = list(used)
    for number, turn in enumerate(given, start=1):
        who, called, said = _read_speaker(turn, number, used, style)
        if who == "system":
            _take_system(turns, number, said, called, noted)
            continue
        expected = ("user", "assistant")[len(turns.values) % 2]
        if who != expected:
            raise OddError(f"the turns do not alternate: turn {number} is the {who}'s")
        if called != roles[expected == "assistant"]:
            noted.setdefault("roles", {})[expected] = called
        if extra := {key: value for key, value in turn.items() if key not in used}:
            noted.setdefault("turns", {})[str(len(turns.values))] = extra
        turns.values.append(said)
    if not turns.values or len(turns.values) % 2:
        raise OddError("the user has the last word" if turns.values else "has no turns")
    odd = set(noted.get("roles", {}).values()).difference(style.other_roles) or "turn_keys" in noted
    if odd and not style.free_names:
        context.mend(f"its roles or keys have other names than those of {style.name}")
        noted.pop("roles", None)
        noted.pop("turn_keys", None)
    context.noted.update(noted)
    return turns


def _read_speaker(turn: Any, number: int, keys: tuple[str, str], style: Style) -> tuple[str, str, Any]:
    """Who speaks in a turn, what the row calls them, and what they say."""
    if not isinstance(turn, dict) or not isinstance(turn.get(keys[0]), str):
        raise OddError(f"turn {number} has no `{keys[0]}`")
    called = turn[keys[0]]
    names = {style.user: "user", style.assistant: "assistant", style.system or "system": "system"}
    who = names.get(called) or ROLES.get(called.lower())
    if who is None:
        raise OddError(f"turn {number} is of an unknown role `{called[:40]}`")
    if who == "tool" or turn.get("tool_calls"):
        raise OddError("a tool speaks or is called in it, and a dialogue holds the user and the assistant alone")
    if turn.get(keys[1]) is None:
        raise OddError(f"turn {number} has no `{keys[1]}`")
    return who, called, turn[keys[1]]


def _take_system(turns: Turns, number: int, said: Any, called: str, noted: dict[str, Any]) -> None:
    if number > 1:
        raise OddError(f"turn {number} is a system message, and a dialogue has one at its beginning")
    turns.system = flatten(said, number)
    if called != "system":
        noted.setdefault("roles", {})["system"] = called
    if not turns.system:
        noted["system"] = "empty turn"


def flatten(said: Any, number: int) -> str:
    """A turn's content as text: a string, or parts that are all text. Raises :class:`OddError` for others."""
    if isinstance(said, str):
        return said
    if isinstance(said, list) and all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in said):
        return "\n".join(part["text"] for part in said)
    raise OddError(f"turn {number} is no text")


def read_system(row: Mapping[str, Any], system: str, noted: dict[str, Any]) -> tuple[str, set[str]]:
    """A row's system message, from its turns or a key of its own, and the keys that were read."""
    own = set()
    for key in SYSTEM_KEYS:
        if isinstance(row.get(key), str):
            own.add(key)
            if row[key] and system and row[key] != system:
                raise OddError(f"has two system messages: one turn and `{key}`")
            noted["system"] = key
            system = system or row[key]
    return system, own


def parse_chat(row: dict[str, Any], context: Context, style: Style, **more: Any) -> Dialogue:
    """The dialogue of a row. Raises :class:`OddError` where it is none; ``more`` goes to ``make_dialogue``."""
    noted = context.noted
    turns = read_turns(row.get(style.turns), context, style)
    values = [flatten(said, number) for number, said in enumerate(turns.values, start=1)]
    system, own = read_system(row, turns.system, noted)
    assets = read_media(row, style.media, context)
    refuse_unread(row, assets, own_keys(style.media))
    texts = place_texts(values, assets, context, style)
    own |= {"id", style.turns, *own_keys(style.media)}
    return make_dialogue(context, row, own, texts=texts, assets=assets, system=system, **more)


def refuse_unread(row: Mapping[str, Any], assets: Collection[Asset], own: Collection[str]) -> None:
    """Raises :class:`OddError` for a row about sounds, and for one whose media stand where the format does not look.

    Args:
        row: the row.
        assets: what was found in it. Where there are some, another key may be something else: the video of a frame.
        own: the keys under which the format looks.
    """
    if any(row.get(key) for key in SEVERAL_SOUNDS):
        raise OddError("is about a sound, which a dialogue cannot hold")
    for key in _MEDIA if not assets else ():
        if row.get(key) and key not in own:
            raise OddError(
                f"is about what `{key}` names, where its format does not look; `--from` names another format"
            )


def reserved_keys(style: Style) -> set[str]:
    """The keys that consumers of a format read, and that may not come out of ``Dialogue.metadata``."""
    return {style.turns, *own_keys(style.media)}


def place_texts(values: list[str], assets: Any, context: Context, style: Style) -> list[str]:
    """Stored texts with the places of media; the form of the head is noted. Raises :class:`OddError` as ``read_places``."""
    placed = read_places(values, assets, style.tokens, answers=style.answers)
    if placed.unplaced:
        context.mend("no token says where its pictures stand; they are taken to stand at the head")
    if placed.head:
        number = sum(placed.head.count(token) for token in set(style.tokens.values()))
        if placed.head != "".join(style.tokens[asset.kind] + style.after for asset in assets[:number]):
            context.noted["head"] = placed.head
    return placed.texts


def make_chat_row(
    dialogue: Dialogue, style: Style, pictures: Pictures, options: ExportOptions, *, texts: list[str] | None = None
) -> dict[str, Any]:
    """One dialogue as a row.

    Args:
        dialogue: what to write.
        style: of the format.
        pictures: find its media.
        options: of the export.
        texts: of its turns, rendered in a way of the format's own, places still marked.

    Raises:
        UnfitError: the format's consumers would choke on it, mask it, or cut it.
    """
    noted = find_noted(dialogue, style.name)
    row = identify(dialogue, noted)
    for asset in dialogue.assets:
        check_kind(asset, tuple(style.tokens))
    texts = render_turns(dialogue, options, marks=style.marks) if texts is None else texts
    if not style.answers:
        refuse_pictures_in_answers(texts)
    values, order = write_places(
        texts, dialogue.assets, style.tokens, after=style.after, head=noted_text(noted, "head")
    )
    row |= write_media(order, dialogue, style.media, pictures, noted)
    row[style.turns] = write_turns(dialogue, values, noted, style)
    if dialogue.system and style.system:
        key = noted_text(noted, "system")
        if key in SYSTEM_KEYS:
            row[key] = dialogue.system
    return row


def refuse_pictures_in_answers(texts: list[str]) -> None:
    """Raises :class:`UnfitError` where a place stands in an answer."""
    if any(len(split_places(text)) > 1 for text in texts[1::2]):
        raise UnfitError("a picture stands in an answer, where its consumers look for none")


def write_turns(dialogue: Dialogue, values: list[Any], noted: Mapping[str, Any], style: Style) -> list[dict[str, Any]]:
    """The turns of a row, a system message first where the format has one."""
    role, content = _turn_keys(noted, (style.role, style.content))
    called = {"system": style.system, "user": style.user, "assistant": style.assistant}
    called |= {who: name for who, name in noted_table(noted, "roles").items() if ROLES.get(str(name).lower()) == who}
    turns: list[dict[str, Any]] = []
    form = noted_text(noted, "system")
    if style.system and (dialogue.system or form == "empty turn") and form not in SYSTEM_KEYS:
        turns.append({role: called["system"], content: dialogue.system})
    extra = noted_table(noted, "turns")
    for index, (turn, value) in enumerate(zip(dialogue.turns, values, strict=True)):
        more = extra.get(str(index))
        own = {role: called[turn.role], content: value}
        turns.append(own | {**more, **own} if isinstance(more, dict) else own)
    return turns


def _turn_keys(noted: Mapping[str, Any], keys: tuple[str, str]) -> tuple[str, str]:
    match noted.get("turn_keys"):
        case [str() as role, str() as content]:
            return role, content
        case _:
            return keys
