"""How well the check `unrelated` tells an answer about its own picture from one about another.

    python benchmarks/grounding.py FOLDER

FOLDER holds LLaVA's `caps_boxes_coco2014_val_80.jsonl`, `qa90_questions.jsonl`, `qa90_gpt4_answer.jsonl` and
`coco2014_val_gpt4_qa_first45.jsonl`.
"""

import json
import sys
from pathlib import Path

from syphus.identity import draw
from syphus.quality.grounding import LEAST_SHARE, scene_stems, share_of_scene
from syphus.records import Caption, Object, Scene


def read_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def main(folder: Path) -> None:
    scenes = {}
    for row in read_lines(folder / "caps_boxes_coco2014_val_80.jsonl"):
        captions = tuple(Caption(text=text) for text in row["captions"])
        objects = tuple(Object(id=f"o{n}", label=one["category"]) for n, one in enumerate(row["instances"]))
        scenes[row["id"]] = Scene(id=row["id"], captions=captions, objects=objects)
    questions = {row["question_id"]: row for row in read_lines(folder / "qa90_questions.jsonl")}
    answers = [
        (questions[row["question_id"]]["image"][:-4], row["text"])
        for row in read_lines(folder / "qa90_gpt4_answer.jsonl")
    ]
    answers += [(row["id"], row["output"]) for row in read_lines(folder / "coco2014_val_gpt4_qa_first45.jsonl")]
    answers = [(scene, text) for scene, text in answers if scene in scenes]
    counts = {"own": [0, 0, 0], "foreign": [0, 0, 0]}
    for number, (scene, text) in enumerate(answers):
        foreign = draw([one for one in scenes if one != scene], 0, number)
        for name, share in (
            ("own", share_of_scene(text, scene_stems(scenes[scene]))),
            ("foreign", share_of_scene(text, scene_stems(scenes[foreign]))),
        ):
            counts[name][0] += 1
            counts[name][1] += share is not None
            counts[name][2] += share is not None and share < LEAST_SHARE
    for name, (all_, judged, refused) in counts.items():
        print(f"{name:>8} picture: {all_} answers, {judged} long enough to be judged, {refused} refused")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
