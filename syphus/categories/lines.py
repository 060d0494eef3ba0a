"""One line of a scene's text, and what may stand in it."""

import re

from msgspec import Struct, structs

from syphus.categories.blocks import Block
from syphus.records import Asset, Box, Person, Scene
from syphus.references.boxes import Convention, box_writer

_CONTROL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))"  # colours, titles and other codes of a terminal
    r"|[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]"
)

_TOKEN = re.compile(
    r"(<{1,2})(?=[|\uff5c][^|\uff5c<>\n]{1,60}[|\uff5c]>|(?i:/?SYS>>|/?(?:s|bos|eos|pad|unk|image|img|img_context|im_patch"
    r"|im_start|im_end|video|audio|image_soft_token|(?:start|end)_of_(?:image|turn|role)|tool_call|think)\d*>))"
    r"|(\[)(?=/?(?:INST|SYSTEM_PROMPT|IMG|IMG_BREAK|IMG_END|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS)\])"
)
"""What opens a token of a chat format, or a picture's place in one. Servers that tokenize the whole prompt at once (llama.cpp, and
those that apply a Hugging Face chat template) take it for their own wherever it stands: a caption could begin a turn with it."""


class Line(Struct):
    """A line of the context, before it is known whether there is room for it."""

    text: str
    block: Block
    asset: str | None
    """What it is about; None: no one asset."""
    rank: int
    """Within its block and asset; 0 is the most useful."""


def one_line(text: str) -> str:
    """The text as it may enter a prompt: no control characters, no tokens of chat formats, white space as single spaces.

    A line break would let a caption pass for a block of its own; terminal codes and zero bytes are no text at all. A token like
    ``<|im_start|>`` keeps its letters, and a space behind its bracket, so that no server takes it for its own.
    """
    # Of what is printable, only the common space is white; nearly every text is as it should be.
    if not text.isprintable() or "  " in text or text[:1] == " " or text[-1:] == " ":
        text = " ".join(_CONTROL.sub("", text).split())
    if "<" in text or "[I" in text or "[/" in text or "[S" in text or "[T" in text or "[A" in text:
        return _TOKEN.sub(r"\1\2 ", text)  # searched for by letters, since each line with a box has brackets
    return text


_BRACKETS = str.maketrans("[]", "()")


def in_phrase(text: str) -> str:
    """One line that may stand in a reference: brackets become round ones, since a phrase cannot hold any."""
    return one_line(text).translate(_BRACKETS)


def hidden_people(scene: Scene) -> tuple[Person, ...]:
    """The people of a scene whose names are hidden, by looks that may stand in the place of a name, also within a reference."""
    return tuple(
        one if (looks := in_phrase(one.looks)) == one.looks else structs.replace(one, looks=looks)
        for one in scene.people
    )


def asset_id(scene: Scene, named: str | None) -> str | None:
    """The asset that something belongs to: the one it names, else the first."""
    return named or (scene.assets[0].id if scene.assets else None)


def title_of(asset: Asset, *, ids: bool) -> str:
    """What an asset is called: by its title, or its id where it has none; with ``ids`` by both."""
    if ids and asset.title:
        return f"{asset.id}, {one_line(asset.title)}"
    return one_line(asset.title or asset.id)


def box_text(box: Box | None, asset: Asset | None, convention: Convention | None) -> str:
    """``: [0.1, 0.2, 0.3, 0.4]``; empty where there is no box, or none is to be written.

    Raises:
        InputError: the convention needs the size of the frame, and it is not known.
    """
    if box is None or convention is None:
        return ""
    size = (asset.width, asset.height) if asset else (None, None)
    return ": " + box_writer(convention, width=size[0], height=size[1])(box)


def spread(count: int) -> list[int]:
    """Ranks for things in a row, so that the best n of them, for any n, lie evenly over the row, both ends first."""
    order = [0, count - 1] if count > 1 else list(range(count))
    gaps = [(0, count - 1)]
    while len(order) < count:
        halves = []
        for left, right in gaps:
            middle = (left + right) // 2
            if middle not in (left, right):
                order.append(middle)
                halves += [(left, middle), (middle, right)]
        gaps = halves
    ranks = [0] * count
    for rank, index in enumerate(order):
        ranks[index] = rank
    return ranks
