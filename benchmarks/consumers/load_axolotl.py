"""Loads the files with axolotl's own collator for chats with pictures. Runs in its environment: ``load_axolotl.py FOLDER``.

What is learned is chosen as its documents say, by the marks around a role (``role_boundaries``).
"""

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import axolotl
import toy
from axolotl.processing_strategies import ProcessingStrategy
from datasets import load_dataset

# By its file: the package around it imports all of axolotl's trainers.
_spec = importlib.util.spec_from_file_location(
    "mm_chat", Path(axolotl.__path__[0]) / "utils" / "collators" / "mm_chat.py"
)
mm_chat = importlib.util.module_from_spec(_spec)  # type: ignore[arg-type]
sys.modules["mm_chat"] = mm_chat
_spec.loader.exec_module(mm_chat)  # type: ignore[union-attr]

ROLES = [{"role": "assistant", "start": "assistant: ", "end": "</s>"}]


def main(folder: Path) -> None:
    """Loads each file that ``expected.json`` names, and the bad rows, and writes ``result.json``."""
    given = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    os.chdir(folder / "images")  # the pictures' paths are relative to it: a note of the export says so
    result: dict[str, Any] = {"picture_tokens": toy.PICTURE_TOKENS, "files": {}, "bad": {}}
    for name in given["files"]:
        result["files"][name] = attempt(folder / name)
    for name, row in given["bad"].items():
        bad = folder / f"bad-{name}.jsonl"
        bad.write_text("".join(json.dumps(convert(one)) + "\n" for one in (row, given["good"])), encoding="utf-8")
        outcome = attempt(bad)
        masked = any(not read["learned"] for read in outcome["rows"])
        result["bad"][name] = outcome.get("error") or (
            "masked" if masked else f"{len(outcome['rows']) - 1} of 1 loaded"
        )
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


def convert(row: dict[str, Any]) -> dict[str, Any]:
    """A row of ``conversations`` with its pictures as parts."""
    roles = {"human": "user", "gpt": "assistant"}
    pictures = [{"type": "image", "image": image, "text": None} for image in row["images"]]
    messages = []
    for turn in row["conversations"]:
        parts = pictures if turn["from"] == "human" and turn["value"].startswith("<image>") else []
        text = turn["value"].removeprefix("<image>")
        messages.append(
            {
                "role": roles.get(turn["from"], turn["from"]),
                "content": [*parts, {"type": "text", "text": text, "image": None}],
            }
        )
    return {"messages": messages}


def attempt(file: Path) -> dict[str, Any]:
    """The rows of a file, each collated by itself, or the error that ends it."""
    processor = toy.make_processor()
    strategy = ProcessingStrategy(processor, chat_template=toy.TEMPLATE, role_boundaries_override=ROLES)
    collator = mm_chat.MultiModalChatDataCollator(tokenizer=processor.tokenizer, processing_strategy=strategy)
    rows = []
    try:
        dataset = load_dataset("json", data_files=str(file), split="train")
        for row in dataset:
            batch = collator([row])
            parts = [part for message in row["messages"] for part in message["content"]]
            images = [part["image"] for part in parts if part["type"] == "image"]
            pictures = len(batch["pixel_values"]) if "pixel_values" in batch else 0
            if pictures != len(images):
                return {"error": f"{pictures} pictures come to the model, and the row has {len(images)}", "rows": []}
            labels = batch["labels"][0].tolist()
            rows.append(toy.describe(processor.tokenizer, batch["input_ids"][0].tolist(), labels, images))
        for start in range(0, len(dataset), 8):  # pictures, several pictures and text alone side by side
            collator([dataset[number] for number in range(start, min(start + 8, len(dataset)))])
    except Exception as error:  # noqa: BLE001 - what a consumer raises is what we are here to see
        return {"error": f"{type(error).__name__}: {error}", "rows": []}
    return {"rows": rows}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
