"""The real dialogues of the proof, with their scenes."""

import json
from dataclasses import dataclass
from pathlib import Path

from syphus.quality.pairs import Pair
from syphus.records import Asset, Caption, Object, Scene, Segment

WIDTH, HEIGHT = 1000, 1000
"""LLaVA's file gives boxes as shares of the frame; any frame does."""


@dataclass(frozen=True)
class Sample:
    """A scene, and pairs about it that people hold for good."""

    scene: Scene
    pairs: tuple[Pair, ...]
    name: str


def read_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def llava_scenes(folder: Path) -> dict[str, Scene]:
    scenes = {}
    for row in read_lines(folder / "llava" / "caps_boxes_coco2014_val_80.jsonl"):
        objects = []
        for number, one in enumerate(row["instances"], 1):
            x1, y1, x2, y2 = one["bbox"]
            box = (x1 * WIDTH, y1 * HEIGHT, x2 * WIDTH, y2 * HEIGHT)
            objects.append(Object(id=f"o{number}", label=one["category"], box=box if x1 < x2 and y1 < y2 else None))
        scenes[row["id"]] = Scene(
            id=row["id"],
            assets=(Asset(path=row["image"], width=WIDTH, height=HEIGHT),),
            captions=tuple(Caption(text=text) for text in row["captions"]),
            objects=tuple(objects),
        )
    return scenes


def llava_dialogues(folder: Path) -> list[Sample]:
    """LLaVA's published GPT-4 answers, those of a picture as one dialogue."""
    scenes = llava_scenes(folder)
    questions = {row["question_id"]: row for row in read_lines(folder / "llava" / "qa90_questions.jsonl")}
    pairs: dict[tuple[str, str], list[Pair]] = {}
    for row in read_lines(folder / "llava" / "qa90_gpt4_answer.jsonl"):
        question = questions[row["question_id"]]
        pairs.setdefault(("qa90", question["image"][:-4]), []).append(Pair(question["text"], row["text"]))
    for row in read_lines(folder / "llava" / "coco2014_val_gpt4_qa_first45.jsonl"):
        pairs.setdefault(("first45", row["id"]), []).append(Pair(row["instruction"], row["output"]))
    return [
        Sample(scenes[scene], tuple(dict.fromkeys(found)), f"{name}/{scene}")
        for (name, scene), found in pairs.items()
        if scene in scenes
    ]


def coco_scenes(captions: Path, instances: Path) -> list[Scene]:
    told = json.loads(captions.read_text(encoding="utf-8"))
    drawn = json.loads(instances.read_text(encoding="utf-8"))
    labels = {one["id"]: one["name"] for one in drawn["categories"]}
    scenes = []
    for image in drawn["images"]:
        texts = [" ".join(one["caption"].split()) for one in told["annotations"] if one["image_id"] == image["id"]]
        objects = []
        for number, one in enumerate((one for one in drawn["annotations"] if one["image_id"] == image["id"]), 1):
            x, y, width, height = one["bbox"]
            box = (x, y, min(x + width, image["width"]), min(y + height, image["height"]))
            crowd = bool(one.get("iscrowd"))
            if box[0] < box[2] and box[1] < box[3]:
                objects.append(Object(id=f"o{number}", label=labels[one["category_id"]], box=box, crowd=crowd))
        if texts:
            asset = Asset(path=image["file_name"], width=image["width"], height=image["height"])
            captions_of = tuple(Caption(text=text) for text in texts)
            scenes.append(Scene(id=str(image["id"]), assets=(asset,), captions=captions_of, objects=tuple(objects)))
    return scenes


def caption_answers(scenes: list[Scene], *, own: bool) -> list[Sample]:
    """Each caption as the answer to a question; with ``own`` False its scene has the other captions only."""
    samples = []
    for scene in scenes:
        for number, caption in enumerate(scene.captions):
            rest = scene.captions if own else scene.captions[:number] + scene.captions[number + 1 :]
            held = Scene(id=scene.id, assets=scene.assets, captions=rest, objects=scene.objects)
            samples.append(Sample(held, (Pair("Describe the picture briefly.", caption.text),), f"{scene.id}/{number}"))
    return samples


def all_coco(folder: Path) -> list[Scene]:
    scenes = coco_scenes(folder / "coco" / "captions_val2017.json", folder / "coco" / "instances_val2017_79.json")
    for part in ("train2017", "val2017"):
        files = folder / "coco_ccby" / "annotations"
        scenes += coco_scenes(files / f"captions_{part}.json", files / f"instances_{part}.json")
    return list({scene.id: scene for scene in scenes}.values())


def captions_alone(folder: Path) -> list[Sample]:
    """Captions of all of COCO's validation pictures, each against the four others and no boxes."""
    told = json.loads((folder / "coco" / "captions_val2017.json").read_text(encoding="utf-8"))
    texts: dict[int, list[str]] = {}
    for one in told["annotations"]:
        texts.setdefault(one["image_id"], []).append(" ".join(one["caption"].split()))
    scenes = [
        Scene(id=str(image), assets=(Asset(),), captions=tuple(Caption(text=text) for text in own if text))
        for image, own in sorted(texts.items())[:1000]
    ]
    return caption_answers(scenes, own=False)


def video_dialogues(folder: Path, count: int = 300) -> list[Sample]:
    """ActivityNet's segments as answers that give their times, and their order."""
    held = json.loads(next((folder / "activitynet_captions").glob("*.json")).read_text(encoding="utf-8"))
    samples = []
    for name, row in list(held.items())[:count]:
        segments = tuple(
            Segment(start=start, end=min(end, row["duration"]), text=text.strip())
            for (start, end), text in zip(row["timestamps"], row["sentences"], strict=True)
            if text.strip() and start <= min(end, row["duration"])
        )
        if not segments:
            continue
        asset = Asset(id="video", kind="video", path=f"{name}.mp4", duration=row["duration"])
        scene = Scene(id=name, assets=(asset,), segments=segments)
        pairs = tuple(
            Pair(
                f"What happens in part {number} of the video?",
                f"From {one.start:.1f} to {one.end:.1f} seconds, {one.text[0].lower()}{one.text[1:].rstrip('.')}.",
            )
            for number, one in enumerate(segments[:5], 1)
        )
        samples.append(Sample(scene, pairs, name))
    return samples
