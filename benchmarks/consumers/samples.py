"""The dialogues that are given to the consumers, and what each of them has to find in the files.

Most come from a rehearsed run over ``examples/scenes.jsonl``; those below are what ten single pictures do not have: several
pictures, pictures within the text, text alone, a system message, boxes in several pictures, other scripts, and three that no
trainer may get to see.
"""

import re
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image

from syphus.formats.clips import clip_path
from syphus.records import Asset, Dialogue, Object, Turn
from syphus.references.boxes import Convention
from syphus.references.rendering import render_text
from syphus.references.text import Reference, replace_references

_PLACE = re.compile(r"\[\]\(#((?:image|video)\d*)\)")
IMAGE = "<image>"
"""Where a picture or a video stands."""

CUP = Object(id="o1", label="cup", box=(158.0, 83.0, 417.0, 317.0))
SAUCER = Object(id="o2", label="saucer", box=(83.0, 187.0, 540.0, 383.0))
HORSE = Object(id="o3", label="horse", box=(40.0, 30.0, 390.0, 300.0), asset="image2")
MOOD = Object(id="o4", label="mood")


def make_dialogues(scenes: Path) -> list[Dialogue]:
    """The hand-made ones; ``scenes`` gives the pictures' sizes."""
    sizes = {}
    for line in scenes.read_bytes().splitlines():
        asset = msgspec.json.decode(line)["assets"][0]
        sizes[asset["path"]] = (asset["width"], asset["height"])

    def picture(name: str, identity: str = "image") -> Asset:
        return Asset(id=identity, path=name, width=sizes[name][0], height=sizes[name][1])

    def dialogue(identity: str, *texts: str, **fields: Any) -> Dialogue:
        turns = tuple(Turn(role=("user", "assistant")[i % 2], text=text) for i, text in enumerate(texts))
        return Dialogue(id=identity, scene=identity, source="examples", turns=turns, **fields)

    coffee, horse = picture("coffee.jpg"), picture("horse.jpg", "image2")
    two = (coffee, horse)
    return [
        dialogue("two-pictures", "Which one shows a drink?", "The first: there is a red cup.", assets=two),
        dialogue("placed", "Here [](#image2) and there [](#image). Which is alive?", "The horse.", assets=two),
        dialogue("later", "What is it?", "A cup.", "And [](#image2)?", "A horse.", assets=two),
        dialogue("text-only", "What is 2 + 2?", "4, always.", "And 3 more?", "Then it is 7."),
        dialogue("system", "What is it?", "Coffee.", system="Answer in one word.", assets=(coffee,)),
        dialogue(
            "boxes",
            "Where is [the cup](#o1)?",
            "[It](#o1) stands on [a saucer](#o2).",
            "What makes [the mood](#o4)?",
            "[These two](#o1,#o2) do.",
            assets=(coffee,),
            objects=(CUP, SAUCER, MOOD),
        ),
        dialogue(
            "boxes-two-pictures",
            "In [](#image2) find the animal, in [](#image) what one drinks from.",
            "[The horse](#o3), and [the cup](#o1).",
            assets=two,
            objects=(msgspec.structs.replace(CUP, asset="image"), HORSE),
        ),
        dialogue(
            "scripts",
            "这是什么？\n请简短回答。",  # noqa: RUF001 - as it is written
            "一杯咖啡。☕",
            "وبالعربية؟",
            "فنجان قهوة أحمر.",
            "Auf Deutsch: »Was ist das?«",
            "Eine Tasse Kaffee, größer als üblich.",
            assets=(coffee,),
        ),
        dialogue(
            "code",
            "What does `{{content}}` do in a {template}, and %s, and \\n?",
            'It is replaced:\n```json\n{"a": [1, null], "b": "<b>bold</b>"}\n```\nand C:\\new stays.',
        ),
        dialogue("spoken-token", "How does LLaVA mark a picture?", "By the word <image>, in front."),
        dialogue("missing", "What is it?", "Nobody knows.", assets=(Asset(path="not-there.jpg"),)),
        dialogue("cloud", "What room is it?", "A kitchen.", assets=(Asset(kind="point_cloud", path="room.ply"),)),
    ]


FRAMES, RATE, SIDE = 48, 8, 64
"""Of the video: pictures, pictures a second, pixels."""


def make_videos(folder: Path) -> list[Dialogue]:
    """Dialogues about a video, a clip of it, and its frames, whose files are put into ``folder``.

    The pictures become lighter, five levels a frame, so that one can see which of them a loader takes.
    """
    folder.mkdir(exist_ok=True)
    whole = Asset(id="video", kind="video", path="day.avi", duration=FRAMES / RATE)
    clip = Asset(id="video", kind="video", path="day.avi", start=2.0, duration=2.5)
    frames = Asset(id="video", kind="frames", path="day_frames")
    shades = range(0, FRAMES * 5, 5)
    (folder / "day.avi").write_bytes(_make_avi(shades))
    (folder / clip_path(clip)).write_bytes(_make_avi(shades[2 * RATE : round(4.5 * RATE)]))
    (folder / "day_frames").mkdir(exist_ok=True)
    for number, shade in enumerate(shades[::6]):
        (folder / "day_frames" / f"day_{number}.jpg").write_bytes(_make_jpeg(shade))

    def dialogue(identity: str, asset: Asset, *texts: str) -> Dialogue:
        turns = tuple(Turn(role=("user", "assistant")[i % 2], text=text) for i, text in enumerate(texts))
        return Dialogue(id=identity, scene=identity, source="examples", turns=turns, assets=(asset,))

    return [
        dialogue("video", whole, "What happens?", "It grows light.", "How fast?", "Evenly,\nframe by frame."),
        dialogue("clip", clip, "What happens in this part?", "It grows lighter."),
        dialogue("frames", frames, "What happens?", "The night ends."),
        dialogue("video-inside", whole, "Look at [](#video) and say whether it is day.", "It becomes day."),
    ]


def _make_jpeg(shade: int) -> bytes:
    file = BytesIO()
    Image.new("RGB", (SIDE, SIDE), (shade, shade, shade)).save(file, "JPEG")
    return file.getvalue()


def _make_avi(shades: range) -> bytes:
    """An AVI of JPEG pictures: what every decoder reads, and no encoder is needed for."""

    def chunk(name: bytes, *parts: bytes) -> bytes:
        data = b"".join(parts)
        return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    pictures = [_make_jpeg(shade) for shade in shades]
    count, largest = len(pictures), max(map(len, pictures))
    main = struct.pack("<14I", 1_000_000 // RATE, 0, 0, 0x10, count, 0, 1, largest, SIDE, SIDE, 0, 0, 0, 0)
    times = struct.pack("<8I", 0, 0, 0, 1, RATE, 0, count, largest)
    stream = b"vidsMJPG" + times + struct.pack("<iI4H", -1, 0, 0, 0, SIDE, SIDE)
    picture = struct.pack("<IiiHH4sIiiII", 40, SIDE, SIDE, 1, 24, b"MJPG", SIDE * SIDE * 3, 0, 0, 0, 0)
    head = chunk(
        b"LIST", b"hdrl", chunk(b"avih", main), chunk(b"LIST", b"strl", chunk(b"strh", stream), chunk(b"strf", picture))
    )
    frames = [chunk(b"00dc", one) for one in pictures]
    starts = [4 + sum(map(len, frames[:number])) for number in range(count)]
    index = [struct.pack("<4s3I", b"00dc", 0x10, at, len(one)) for at, one in zip(starts, pictures, strict=True)]
    return chunk(b"RIFF", b"AVI ", head, chunk(b"LIST", b"movi", *frames), chunk(b"idx1", *index))


UNFIT = {"spoken-token", "missing", "cloud"}
"""What has to be left out of every file."""
SEVERAL = {"two-pictures", "placed", "later", "boxes-two-pictures"}


def expect(
    dialogue: Dialogue,
    boxes: Convention | None,
    *,
    beside: bool,
    system: bool,
    moves: bool = False,
    times: bool = False,
) -> dict[str, Any]:
    """What a consumer has to find of a dialogue, worked out without the exporters.

    Args:
        dialogue: the dialogue.
        boxes: the convention of the export; None: phrases alone.
        beside: boxes stand beside the text (ms-swift), and the consumer prints them on its grid of 0 to 1000.
        system: the format holds a system message.
        moves: of a turn with one picture, the consumer puts the picture first.
        times: a clip is the whole file, with its times; else it is a file of its own.

    Returns:
        ``images`` (paths in the order of their tokens), ``flow`` (texts and ``<image>``, in the order they are read) and
        ``answers``.
    """
    assets = {asset.id: asset for asset in dialogue.assets}
    things = {thing.id: thing for thing in dialogue.objects}
    placed = {name for turn in dialogue.turns for name in _PLACE.findall(turn.text)}
    images = [_name(asset, times=times) for asset in dialogue.assets if asset.id not in placed]
    flow = ([dialogue.system] if dialogue.system and system else []) + [IMAGE] * len(images)
    answers = []

    def point(reference: Reference) -> str:
        named = [things[identity] for identity in reference.ids]
        return reference.phrase + "".join(_print_beside(thing, assets, dialogue.assets[0]) for thing in named)

    for turn in dialogue.turns:
        said = ""
        alone = moves and len(_PLACE.findall(turn.text)) == 1
        for number, piece in enumerate(_PLACE.split(turn.text)):
            if number % 2:
                images.append(_name(assets[piece], times=times))
                flow.append(IMAGE)
                continue
            text = replace_references(piece, point) if beside else render_text(piece, dialogue, boxes, role=turn.role)
            said += text
            flow += [text.strip()] if text.strip() and not alone else []
        if alone:
            flow.append(said.strip())
        if turn.role == "assistant":
            answers.append(said.strip())
    return {"id": dialogue.id, "images": images, "flow": flow, "answers": answers}


def _name(asset: Asset, *, times: bool) -> str:
    """How a loader's script names the medium."""
    if asset.kind == "frames":
        return f"{asset.path}/"
    if asset.start is None:
        return str(asset.path)
    return f"{asset.path}#{asset.start:g}-{asset.start + (asset.duration or 0):g}" if times else clip_path(asset)


def split_pairs(row: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """What :func:`expect` says, as MIMIC-IT has it: an entry for each pair, with all pictures in front of it.

    Args:
        row: of a dialogue.
        name: the dataset's short name, with which ids begin.
    """
    texts = [piece for piece in row["flow"] if piece != IMAGE]
    count = len(row["answers"])
    return [
        {
            "id": f"{name}_INS_{row['id']}" + f"_{turn}" * (count > 1),
            "images": row["images"],
            "flow": [IMAGE] * len(row["images"]) + texts[2 * turn : 2 * turn + 2],
            "answers": [row["answers"][turn]],
        }
        for turn in range(count)
    ]


def _print_beside(thing: Object, assets: dict[str, Asset], first: Asset) -> str:
    """As ``swift.template.Template.replace_bbox`` prints a box: ``[(x1,y1),(x2,y2)]`` in thousandths."""
    if thing.box is None:
        return ""
    picture = assets.get(thing.asset or "", first)
    assert picture.width
    assert picture.height
    x1, y1, x2, y2 = (
        round(value / side * 1000) for value, side in zip(thing.box, (picture.width, picture.height) * 2, strict=True)
    )
    return f"[({x1},{y1}),({x2},{y2})]"
