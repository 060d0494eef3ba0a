"""Loads the files with LLaVA-NeXT's own ``LazySupervisedDataset``: ``load_llava_next.py FOLDER CHECKOUT``.

The template is ``qwen_1_5``, that of LLaVA-OneVision and LLaVA-Video. Its masking leaves the start of each answer
(``<|im_start|>assistant``) and every line end and control token of the whole row to be learned; those are taken away here.
"""

import copy
import json
import math
import os
import random
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import toy
import transformers
from cut import cut, make_module
from decord import VideoReader, cpu
from PIL import Image
from torch.utils.data import Dataset

IMAGE_TOKEN_INDEX = -200
LINE_END = 198
"""The id of a line end in Qwen's vocabulary, which the trainer names by its number."""
START, END = "<|im_start|>", "<|im_end|>"


def main(folder: Path, code: Path) -> None:
    """Loads each file that ``expected.json`` names, and the bad rows, and writes ``result.json``."""
    given = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    module = take(code)
    result: dict[str, Any] = {"picture_tokens": 1, "files": {}, "bad": {}}
    for name in given["files"]:
        result["files"][name] = attempt(
            module, folder / name, folder / ("videos" if name.startswith("videos") else "images")
        )
    for name, row in given["bad"].items():
        bad = folder / f"bad-{name}.json"
        one = {"conversations": row["conversations"], "image": row["images"]}
        bad.write_text(json.dumps([one]), encoding="utf-8")
        outcome = attempt(module, bad, folder / "images")
        masked = any(not read["learned"] for read in outcome["rows"])
        result["bad"][name] = outcome.get("error") or ("masked" if masked else "1 of 1 loaded")
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


def take(code: Path) -> Any:
    """The trainer's definitions that make its rows."""
    conversation = SimpleNamespace(version="qwen", sep_style="CHATML")
    styles = SimpleNamespace(PLAIN="PLAIN", LLAMA_2="LLAMA_2")
    standard = {"copy": copy, "json": json, "math": math, "os": os, "random": random, "re": re}
    others = {"Sequence": Sequence, "dataclass": dataclass, "VideoReader": VideoReader, "cpu": cpu, "Image": Image}
    module = make_module(
        "llava_next",
        **standard,
        **others,
        Dataset=Dataset,
        np=np,
        torch=torch,
        transformers=transformers,
        Dict=dict,
        DataArguments=SimpleNamespace,
        time=SimpleNamespace(sleep=lambda _seconds: None),
        IGNORE_INDEX=-100,
        IMAGE_TOKEN_INDEX=IMAGE_TOKEN_INDEX,
        DEFAULT_IMAGE_TOKEN="<image>",
        conversation_lib=SimpleNamespace(default_conversation=conversation, SeparatorStyle=styles),
        rank0_print=print,
    )
    train = {"preprocess_multimodal", "preprocess_qwen", "preprocess"}
    cut(
        code / "llava" / "train" / "train.py",
        train | {"LazySupervisedDataset", "DataCollatorForSupervisedDataset"},
        module,
    )
    cut(code / "llava" / "utils.py", {"process_video_with_decord"}, module)
    return module


def attempt(module: Any, file: Path, images: Path) -> dict[str, Any]:
    """The rows of a file as they are trained, or the error for which the trainer would take another row."""
    tokenizer = make_tokenizer()
    arguments = SimpleNamespace(
        image_folder=str(images),
        video_folder=str(images),
        image_processor=toy.make_image_processor(),
        image_aspect_ratio="pad",
        is_multimodal=True,
        mm_use_im_start_end=False,
        early_mix_text=False,
        video_fps=1,
        frames_upbound=8,
        force_sample=True,
        add_time_instruction=False,
    )
    rows = []
    try:
        dataset = module.LazySupervisedDataset(str(file), tokenizer, arguments)
        collator = module.DataCollatorForSupervisedDataset(tokenizer)
        print(sum(dataset.lengths), sum(map(abs, dataset.modality_lengths)))
        for row in list(dataset.list_data_dict):
            dataset.list_data_dict, kept = [row], dataset.list_data_dict  # a row that fails ends it, and no other comes
            sample = dataset._get_item(0)  # noqa: SLF001 - the method above it tries again, then takes others
            dataset.list_data_dict = kept
            rows.append(describe(tokenizer, row, sample, collator([sample])))
    except Exception as error:  # noqa: BLE001 - what a consumer raises is what we are here to see
        return {"error": f"{type(error).__name__}: {error}", "rows": []}
    return {"rows": rows}


def make_tokenizer() -> Any:
    """The toy tokenizer with what the trainer asks of Qwen's: two special tokens, and a line end of that number."""
    tokenizer = toy.make_tokenizer((START, END), line_end=LINE_END)
    tokenizer.add_special_tokens({"additional_special_tokens": [START, END]})
    return tokenizer


def describe(tokenizer: Any, row: dict[str, Any], sample: dict[str, Any], batch: dict[str, Any]) -> dict[str, Any]:
    """A row as ``check_consumers.py`` compares it."""
    image = tokenizer.convert_tokens_to_ids("<image>")
    ids = [image if token == IMAGE_TOKEN_INDEX else token for token in sample["input_ids"].tolist()]
    media = row.get("image") or row.get("video") or []
    names = [media] if isinstance(media, str) else media
    pictures = len(batch["images"]) * (bool(names))
    if pictures != len(names) or batch["modalities"] != (
        ["video"] if "video" in row else ["image"] * pictures or ["text"]
    ):
        raise ValueError(f"{pictures} media come to the model, as {batch['modalities']}; the row has {names}")
    runs: list[list[int]] = []
    labels = sample["labels"].tolist()
    for at, label in enumerate(labels):
        if label >= 0:
            if at == 0 or labels[at - 1] < 0:
                runs.append([])
            runs[-1].append(label)
    header = f"{START}assistant\n"
    texts = [tokenizer.decode(part) for part in runs]
    return {
        "images": names,
        "image_tokens": ids.count(image),
        "read": tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False),
        "learned": [text.partition(header)[2].rpartition(END)[0] for text in texts if header in text],
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
