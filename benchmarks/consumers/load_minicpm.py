"""Loads the files with MiniCPM-V's own ``SupervisedDataset``: ``load_minicpm.py FOLDER CHECKOUT``.

The tokenizer puts ``<s>`` in front of all that it is given, as MiniCPM's does. The labels come shifted: that at a place is what
comes after it.
"""

import copy
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import toy
from cut import cut, make_module
from load_otter import ToTensor
from PIL import Image
from torch.utils.data import Dataset

START, END = "<image>", "</image>"
PICTURE_TOKENS = 16


def main(folder: Path, code: Path) -> None:
    """Loads each file that ``expected.json`` names, and the bad rows, and writes ``result.json``."""
    given = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    names = {"copy": copy, "json": json, "re": re, "np": np, "torch": torch, "Image": Image, "Dataset": Dataset}
    module = make_module("minicpm", Dict=dict, **names)
    wanted = {"SupervisedDataset", "preprocess", "conversation_to_ids", "conversation_to_ids_minicpm"}
    cut(code / "finetune" / "dataset.py", wanted, module)
    os.chdir(folder / "images")  # the pictures' paths are relative to it: a note of the export says so
    result: dict[str, Any] = {"picture_tokens": PICTURE_TOKENS, "files": {}, "bad": {}}
    for name in given["files"]:
        rows = json.loads((folder / name).read_text(encoding="utf-8"))
        # Several pictures are a table; the version of June 2024 takes one.
        result["files"][name] = attempt(module, [row for row in rows if isinstance(row["image"], str)])
    roles = {"human": "user", "gpt": "assistant"}
    for name, row in given["bad"].items():
        turns = [
            {"role": roles.get(turn["from"], turn["from"]), "content": turn["value"]} for turn in row["conversations"]
        ]
        outcome = attempt(module, [{"image": image, "conversations": turns} for image in row["images"][:1] or [None]])
        masked = any(not read["learned"] for read in outcome["rows"])
        result["bad"][name] = outcome.get("error") or ("masked" if masked else "1 of 1 loaded")
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


class BosTokenizer:
    """The toy tokenizer with the names and numbers that the trainer asks for."""

    unk_token, eos_token = "<unk>", "</s>"
    im_start, im_end = START, END

    def __init__(self) -> None:
        self.toy = toy.make_tokenizer((END,))
        self.eos_id = self.toy.eos_token_id
        self.im_start_id, self.im_end_id = self.toy.convert_tokens_to_ids([START, END])

    def encode(self, text: str) -> list[int]:
        """The ids of a text, with ``<s>`` in front."""
        return [self.toy.bos_token_id, *self.toy(text).input_ids]


def attempt(module: Any, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The rows as they are trained, or the error that ends it."""
    tokenizer = BosTokenizer()
    try:
        dataset = module.SupervisedDataset(rows, ToTensor(), tokenizer, None, query_nums=PICTURE_TOKENS)
        return {"rows": [describe(row, dataset[number], tokenizer) for number, row in enumerate(rows)]}
    except Exception as error:  # noqa: BLE001 - what a consumer raises is what we are here to see
        return {"error": f"{type(error).__name__}: {error}", "rows": []}


def describe(row: dict[str, Any], trained: dict[str, Any], tokenizer: BosTokenizer) -> dict[str, Any]:
    """A row as ``check_consumers.py`` compares it."""
    ids = trained["input_ids"].tolist()
    count = sum(end - start for start, end in (bound.tolist() for bound in trained["image_bound"]))
    text = tokenizer.toy.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    runs: list[list[int]] = []
    labels = trained["labels"].tolist()
    for at, label in enumerate(labels):
        if label >= 0:
            if at == 0 or labels[at - 1] < 0:
                runs.append([])
            runs[-1].append(label)
    return {
        "images": [row["image"]],
        "image_tokens": count,
        "read": re.sub(f"{START}(?:<unk>)*{END}", "<image>", text),
        "learned": [tokenizer.toy.decode(run, skip_special_tokens=False).removesuffix("</s>") for run in runs],
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
