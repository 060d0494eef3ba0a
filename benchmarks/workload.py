"""What the engine's benchmarks ask and get: one category, as many scenes as wanted, one fixed reply.

The prompt has about six kilobytes (a system message, three demonstrations, the query), the reply two, with five pairs.
Every scene is the same market square with another number, so that one reply passes all checks for each of them; the category
is an ordinary seed folder, its checks are those of ``llava/conversation``.
"""

import json
from pathlib import Path
from typing import Any

NUMBER = "0000001"
"""The first scene's number; all that differs from one scene's request to the next."""
PAIRS = 5
CATEGORY = "bench/conversation"
MODEL = "bench-model"

_CAPTIONS = (
    "Photograph {number} of a busy market square with a red bus beside a stall of oranges.",
    "A woman in a yellow coat buys fruit from an old man with a grey cap.",
    "Two children are feeding pigeons near the fountain of a market.",
    "A market stall with crates of oranges and apples under a striped awning.",
    "A brown dog sleeps under the table of a fruit seller while people walk past.",
)
_OBJECTS = (
    ("bus", (12.5, 88.0, 231.0, 246.5)),
    ("person", (301.2, 140.7, 358.9, 402.3)),
    ("person", (402.6, 151.1, 466.0, 377.8)),
    ("person", (88.4, 290.0, 121.9, 371.5)),
    ("person", (130.3, 287.2, 160.8, 369.4)),
    ("dog", (380.0, 396.6, 472.7, 447.1)),
    ("umbrella", (350.9, 61.3, 607.2, 158.8)),
)
_PAIRS = (
    (
        "What kind of place does the picture show?",
        "It shows a busy market square with a fruit stall under a striped awning and a red bus standing beside it.",
    ),
    (
        "Who is buying fruit here, and what is she wearing?",
        "A woman is buying fruit from the old man at the stall. She is wearing a yellow coat, and he has a grey cap on.",
    ),
    (
        "How many children can you find, and what keeps them busy?",
        "There are two children near the fountain on the left. They are feeding the pigeons that have gathered there.",
    ),
    (
        "Tell me which fruit lies in the crates of the stall.",
        "The crates of the market stall hold oranges and apples, all of them in the shade of the striped awning.",
    ),
    (
        "Is the dog running after the pigeons?",
        "No, the brown dog is asleep under the table of the fruit seller while people walk past, so the pigeons near the children are quite safe from it and nobody in the square has to worry about them at the moment.",
    ),
)

_SYSTEM = """\
You write what two people say who look at the same picture, one asking, one answering. You see it below through the eyes of several people and as the things in it, each with its place as [left, top, right, bottom] between 0 and 1.

Write {{pairs}} of a question and its answer that follow each other as one conversation.

- Each question is about something else: what is there, what somebody is doing, how many there are, what colour or in what state something is, where it is.
- Answers are one to three full sentences, said naturally. After a yes or no comes what is really there.

{{prompts/answering-rules}}
"""
_QUERY = "Write the conversation about this picture, {{pairs}}.\n"
_TOML = """\
ability = "perception"
description = "The engine's benchmark: a conversation about what is in the picture"
needs = ["captions"]

[context]
blocks = ["captions", "objects"]

[context.captions]
heading = "The picture, as several people see it:"

[context.objects]
heading = "What is where:"
boxes = "unit"

[[steps]]
kind = "chat"
name = "dialogue"
pairs = [3, 6]
max_tokens = 1200

[dialogue]
pairs = "dialogue"

[checks]
question_words = [3, 40]
answer_words = [3, 120]
references = "none"
"""
_CONFIG = """\
categories = ["{category}"]

[run]
folder = {folder}
seed = 7

[[sources]]
reader = "scenes"
path = {scenes}

[model]
kind = "openai"
name = "{model}"
base_url = "{base_url}"
schema_mode = "json_schema"
concurrency = {in_flight}
price_in = 0.15
price_out = 0.60
"""
_DEMONSTRATIONS: tuple[dict[str, Any], ...] = (
    {
        "captions": [
            "A bicycle leans against a lamp post in front of a library.",
            "A blue bike is parked on the pavement next to a wooden bench.",
            "An empty bench and a bicycle at the entrance of a building.",
            "A bicycle with a basket stands by a lamp post on a sunny day.",
        ],
        "objects": [
            ("bicycle", (120, 200, 330, 420)),
            ("bench", (380, 300, 600, 410)),
            ("lamp post", (300, 8, 328, 415)),
        ],
        "pairs": [
            ("What is leaning against the lamp post?", "A blue bicycle is leaning against it. It has a basket."),
            ("Where has it been parked?", "It stands on the pavement, right in front of a library."),
            (
                "Is there anything to sit on?",
                "Yes, there is a wooden bench to the right of the bicycle, and nobody uses it.",
            ),
        ],
    },
    {
        "captions": [
            "A cat looks at a goldfish in a round bowl.",
            "A grey cat sits on a kitchen table.",
            "A goldfish swims in a glass bowl while a cat watches it.",
            "A cat on a table with its nose close to a fish bowl.",
        ],
        "objects": [("cat", (60, 90, 330, 440)), ("bowl", (390, 210, 560, 400)), ("table", (0, 380, 640, 480))],
        "pairs": [
            ("Which animals can you see?", "There is a grey cat, and a goldfish swims in a bowl."),
            ("What is the cat up to?", "It is looking at the goldfish from close by, with its nose near the glass."),
            ("Where does all this happen?", "It happens on a kitchen table, with the bowl on the right."),
        ],
    },
    {
        "captions": [
            "Three people in helmets climb a snowy slope.",
            "Climbers on a rope below a rocky peak.",
            "A group of climbers in bright jackets crosses the snow.",
        ],
        "objects": [
            ("person", (100, 240, 150, 380)),
            ("person", (240, 190, 290, 320)),
            ("person", (372, 150, 418, 268)),
        ],
        "pairs": [
            ("How many people are on the slope?", "Three people are on their way up, one behind the other."),
            ("How do they protect themselves?", "They wear helmets, and a rope connects them."),
            ("What lies ahead of them?", "A rocky peak rises above the snow that they are crossing."),
        ],
    },
)


def scene_line(number: int) -> str:
    """One scene as a line of JSON, without the line break."""
    return _LINE.replace(NUMBER, f"{number:07d}")


def _scene(identity: str, captions: Any, objects: Any) -> dict[str, Any]:
    return {
        "id": identity,
        "assets": [{"path": f"pictures/{identity}.jpg", "width": 640, "height": 480}],
        "captions": [{"text": text} for text in captions],
        "objects": [
            {"id": f"o{index}", "label": label, "box": list(box)} for index, (label, box) in enumerate(objects, 1)
        ],
    }


_LINE = json.dumps(_scene(f"scene-{NUMBER}", [text.format(number=NUMBER) for text in _CAPTIONS], _OBJECTS))


def write_scenes(file: Path, count: int) -> None:
    """Writes ``count`` scenes as JSON Lines, one at a time; they are numbered from 1."""
    with file.open("w", encoding="utf-8") as lines:
        for number in range(1, count + 1):
            lines.write(scene_line(number) + "\n")


def reply_body() -> str:
    """The chat completion that every request gets, about two kilobytes, with usage."""
    content = json.dumps({"pairs": [{"question": question, "answer": answer} for question, answer in _PAIRS]})
    return json.dumps(
        {
            "id": "chatcmpl-0123456789abcdefghijklmnopqrstuv",
            "object": "chat.completion",
            "created": 1760000000,
            "model": MODEL,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": content, "refusal": None, "annotations": []},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": 1400,
                "completion_tokens": 290,
                "total_tokens": 1690,
                "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
                "completion_tokens_details": {
                    "reasoning_tokens": 0,
                    "audio_tokens": 0,
                    "accepted_prediction_tokens": 0,
                    "rejected_prediction_tokens": 0,
                },
            },
            "service_tier": "default",
            "system_fingerprint": "fp_0123456789",
        }
    )


def write_category(folder: Path) -> None:
    """Writes the seed folder of the category under ``folder/seeds``."""
    seed = folder / "seeds" / CATEGORY
    (seed / "demonstrations").mkdir(parents=True)
    (seed / "category.toml").write_text(_TOML)
    (seed / "system.md").write_text(_SYSTEM)
    (seed / "query.md").write_text(_QUERY)
    for index, one in enumerate(_DEMONSTRATIONS, 1):
        demonstration = {
            "scene": _scene(f"demonstration-{index}", one["captions"], one["objects"]),
            "reply": {"pairs": [{"question": question, "answer": answer} for question, answer in one["pairs"]]},
            "note": "made up for the benchmark",
        }
        (seed / "demonstrations" / f"{index:02}.json").write_text(json.dumps(demonstration, indent=1))


def write_config(file: Path, *, run: Path, scenes: Path, base_url: str, in_flight: int) -> None:
    """Writes the configuration of one run. The category's folder is looked for beside it (:func:`write_category`)."""
    file.write_text(
        _CONFIG.format(
            category=CATEGORY,
            folder=json.dumps(str(run)),
            scenes=json.dumps(str(scenes)),
            model=MODEL,
            base_url=base_url,
            in_flight=in_flight,
        )
    )
