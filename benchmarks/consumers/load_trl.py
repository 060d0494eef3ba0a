"""Loads the files with TRL's own collator for vision and language. Runs in its environment: ``load_trl.py FOLDER``."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import toy
from datasets import Image, Sequence, load_dataset
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling


def main(folder: Path) -> None:
    """Loads each file that ``expected.json`` names, and writes ``result.json``."""
    given = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    os.chdir(folder / "images")  # the pictures' paths are relative to it: a note of the export says so
    result: dict[str, Any] = {"picture_tokens": toy.PICTURE_TOKENS, "files": {}, "bad": {}}
    for name in given["files"]:
        result["files"][name] = attempt(folder / name)
    for name, row in given["bad"].items():
        bad = folder / f"bad-{name}.jsonl"
        bad.write_text("".join(json.dumps(convert(one)) + "\n" for one in (row, given["good"])), encoding="utf-8")
        outcome = attempt(bad)
        result["bad"][name] = outcome.get("error") or f"{len(outcome['rows']) - 1} of 1 loaded"
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


def convert(row: dict[str, Any]) -> dict[str, Any]:
    """A row of ``conversations`` as TRL's: a part for each ``<image>`` of the user."""
    roles = {"human": "user", "gpt": "assistant"}
    messages = []
    for turn in row["conversations"]:
        text = turn["value"]
        parts: list[dict[str, Any]] = []
        if turn["from"] == "human" and text.startswith("<image>"):
            parts.append({"type": "image", "text": None})
            text = text.removeprefix("<image>")
        parts.append({"type": "text", "text": text})
        messages.append({"role": roles.get(turn["from"], turn["from"]), "content": parts})
    return {"messages": messages, "images": row["images"]}


def attempt(file: Path) -> dict[str, Any]:
    """The rows of a file, each collated by itself, or the error that ends it."""
    processor = toy.make_processor()
    collator = DataCollatorForVisionLanguageModeling(processor)
    try:
        dataset = load_dataset("json", data_files=str(file), split="train")
        names = [[Path(image).name for image in row["images"]] for row in dataset]
        dataset = dataset.cast_column("images", Sequence(Image()))  # the note of the export
        rows = []
        for row, images in zip(dataset, names, strict=True):
            batch = collator([row])
            pictures = len(batch["pixel_values"]) if "pixel_values" in batch else 0
            if pictures != len(images):
                return {"error": f"{pictures} pictures come to the model, and the row has {len(images)}", "rows": []}
            rows.append(toy.describe(processor.tokenizer, batch["input_ids"][0].tolist(), None, images))
        for start in range(0, len(dataset), 8):  # pictures, several pictures and text alone side by side
            collator([dataset[number] for number in range(start, min(start + 8, len(dataset)))])
    except Exception as error:  # noqa: BLE001 - what a consumer raises is what we are here to see
        return {"error": f"{type(error).__name__}: {error}", "rows": []}
    return {"rows": rows}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
