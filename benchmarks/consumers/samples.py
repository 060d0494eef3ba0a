"""The dialogues that are given to the consumers, and what each of them has to find in the files.

Most come from a rehearsed run over ``examples/scenes.jsonl``; those below are what ten single pictures do not have: several
pictures, pictures within the text, text alone, a system message, boxes in several pictures, other scripts, and three that no
trainer may get to see.
"""

import re
from pathlib import Path
from typing import Any

import msgspec

from syphus.records import Asset, Dialogue, Object, Turn
from syphus.references.boxes import Convention
from syphus.references.rendering import render_text
from syphus.references.text import Reference, replace_references

_PLACE = re.compile(r"\[\]\(#(image\d*)\)")
IMAGE = "<image>"

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


UNFIT = {"spoken-token", "missing", "cloud"}
"""What has to be left out of every file."""
SEVERAL = {"two-pictures", "placed", "later", "boxes-two-pictures"}


def expect(dialogue: Dialogue, boxes: Convention | None, *, beside: bool, system: bool) -> dict[str, Any]:
    """What a consumer has to find of a dialogue, worked out without the exporters.

    Args:
        dialogue: the dialogue.
        boxes: the convention of the export; None: phrases alone.
        beside: boxes stand beside the text (ms-swift), and the consumer prints them on its grid of 0 to 1000.
        system: the format holds a system message.

    Returns:
        ``images`` (paths in the order of their tokens), ``flow`` (texts and ``<image>``, in the order they are read) and
        ``answers``.
    """
    assets = {asset.id: asset for asset in dialogue.assets}
    things = {thing.id: thing for thing in dialogue.objects}
    placed = {name for turn in dialogue.turns for name in _PLACE.findall(turn.text)}
    images = [asset.path for asset in dialogue.assets if asset.id not in placed]
    flow = ([dialogue.system] if dialogue.system and system else []) + [IMAGE] * len(images)
    answers = []

    def point(reference: Reference) -> str:
        named = [things[identity] for identity in reference.ids]
        return reference.phrase + "".join(_print_beside(thing, assets, dialogue.assets[0]) for thing in named)

    for turn in dialogue.turns:
        said = ""
        for number, piece in enumerate(_PLACE.split(turn.text)):
            if number % 2:
                images.append(assets[piece].path)
                flow.append(IMAGE)
                continue
            text = replace_references(piece, point) if beside else render_text(piece, dialogue, boxes, role=turn.role)
            said += text
            flow += [text.strip()] if text.strip() else []
        if turn.role == "assistant":
            answers.append(said.strip())
    return {"id": dialogue.id, "images": images, "flow": flow, "answers": answers}


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
