"""Loads the files with LLaMA-Factory's own ``get_dataset``. Runs in its environment: ``load_llamafactory.py FOLDER``."""

import importlib.machinery
import json
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

# LLaMA-Factory imports torchaudio, which it needs for sounds alone.
sys.modules["torchaudio"] = ModuleType("torchaudio")
sys.modules["torchaudio"].__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)

import toy  # noqa: E402
from llamafactory.data import get_dataset, get_template_and_fix_tokenizer  # noqa: E402
from llamafactory.hparams import DataArguments, ModelArguments  # noqa: E402
from transformers import Seq2SeqTrainingArguments  # noqa: E402

ENTRIES: dict[str, dict[str, Any]] = {
    "sharegpt.json": {"formatting": "sharegpt", "columns": {"messages": "conversations", "images": "images"}},
    "llava.json": {"formatting": "sharegpt", "columns": {"messages": "conversations", "images": "image"}},
    "llava_next.json": {"formatting": "sharegpt", "columns": {"messages": "conversations", "images": "image"}},
    "alpaca.json": {
        "columns": {
            "prompt": "instruction",
            "response": "output",
            "history": "history",
            "system": "system",
            "images": "images",
        }
    },
    "messages.jsonl": {
        "formatting": "openai",
        "columns": {"messages": "messages"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "system_tag": "system",
        },
    },
}
"""How a user tells LLaMA-Factory of our other formats. For its own, the entry is the one that we wrote."""


def main(folder: Path) -> None:
    """Loads each file that ``expected.json`` names, and the bad rows, and writes ``result.json``."""
    given = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    logging.getLogger("llamafactory").setLevel(logging.ERROR)
    result: dict[str, Any] = {"picture_tokens": toy.PICTURE_TOKENS, "files": {}, "bad": {}}
    for name in given["files"]:
        data = folder / name
        if data.is_dir():
            result["files"][name] = attempt(data, data.name, folder / "images")
            continue
        result["files"][name] = attempt(register(folder, name, ENTRIES[name]), "rows", folder / "images")
    entry = {"formatting": "sharegpt", "columns": {"messages": "conversations", "images": "images"}}
    for name, row in given["bad"].items():
        (folder / f"bad-{name}.json").write_text(json.dumps([row, given["good"]]), encoding="utf-8")
        outcome = attempt(register(folder, f"bad-{name}.json", entry), "rows", folder / "images")
        result["bad"][name] = outcome.get("error") or f"{len(outcome['rows']) - 1} of 1 loaded"
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


def register(folder: Path, name: str, entry: dict[str, Any]) -> Path:
    """A folder with the ``dataset_info.json`` for one file."""
    made = folder / "info" / name
    made.mkdir(parents=True, exist_ok=True)
    entry = entry | {"file_name": str((folder / name).absolute())}
    (made / "dataset_info.json").write_text(json.dumps({"rows": entry}), encoding="utf-8")
    return made


def attempt(data: Path, dataset: str, images: Path) -> dict[str, Any]:
    """The rows that come out of ``get_dataset``, or the error that ends it."""
    tokenizer, processor = toy.make_tokenizer(), toy.make_processor()
    for key, value in {"image_max_pixels": 768 * 768, "image_min_pixels": 32 * 32}.items():
        setattr(processor, key, value)  # `patch_processor` does so for a loaded model
    arguments = DataArguments(
        dataset=dataset,
        dataset_dir=str(data),
        media_dir=str(images),
        template="llava",
        cutoff_len=1 << 16,
        overwrite_cache=True,
    )
    template = get_template_and_fix_tokenizer(tokenizer, arguments)
    training = Seq2SeqTrainingArguments(output_dir=str(data / "out"), use_cpu=True, report_to="none")
    try:
        module = get_dataset(template, ModelArguments("toy"), arguments, training, "sft", tokenizer, processor)
    except Exception as error:  # noqa: BLE001 - what a consumer raises is what we are here to see
        return {"error": f"{type(error).__name__}: {error}", "rows": []}
    rows = [
        toy.describe(tokenizer, row["input_ids"], row["labels"], [Path(image).name for image in row["images"] or []])
        for row in module["train_dataset"]
    ]
    return {"rows": rows}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
