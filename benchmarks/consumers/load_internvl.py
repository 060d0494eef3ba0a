"""Loads the files with InternVL's own ``LazySupervisedDataset``: ``load_internvl.py FOLDER CHECKOUT``.

The template is ``internvl2_5``, that of InternVL 2.5, 3 and 3.5. Its videos come through ``TCSLoader``, whose client for a
company's storage (petrel) is stood in for: it is asked for ``s3://`` paths alone, but without it no video is read.
"""

import io
import json
import logging
import os
import random
import re
import sys
import traceback
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import toy
import transformers
from cut import cut, make_module
from decord import VideoReader
from load_otter import Compose, Normalize, Resize, ToTensor
from PIL import Image, UnidentifiedImageError
from torch.utils.data import Dataset

START, END, CONTEXT = "<img>", "</img>", "<IMG_CONTEXT>"
OWN = ("<quad>", "</quad>", "<ref>", "</ref>", "<box>", "</box>")
"""``internvl/train/constants.py``."""
PICTURE_TOKENS = 16
"""256 in the models; fewer make no difference here."""


def main(folder: Path, code: Path) -> None:
    """Loads each file that ``expected.json`` names, and the bad rows, and writes ``result.json``."""
    given = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    module = take(code)
    result: dict[str, Any] = {"picture_tokens": 0, "files": {}, "bad": {}}
    for name in given["files"]:
        meta = json.loads((folder / name).with_suffix(".meta.json").read_text(encoding="utf-8"))
        (entry,) = meta.values()
        result["files"][name] = attempt(module, entry)
    for name, row in given["bad"].items():
        bad = folder / f"bad-{name}.jsonl"
        images = row["images"]
        one = {"conversations": row["conversations"], "image": images[0] if len(images) == 1 else images}
        bad.write_text(json.dumps(one) + "\n", encoding="utf-8")
        outcome = attempt(module, {"root": str(folder / "images"), "annotation": str(bad)})
        masked = any(not read["learned"] for read in outcome["rows"])
        result["bad"][name] = outcome.get("error") or ("masked" if masked else "1 of 1 loaded")
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


def take(code: Path) -> Any:
    """The trainer's definitions that make its rows."""
    template = SimpleNamespace(system_message="You are a helpful assistant.")
    standard = {"io": io, "json": json, "os": os, "random": random, "re": re, "traceback": traceback}
    others = {"VideoReader": VideoReader, "deepcopy": deepcopy, "np": np, "torch": torch, "transformers": transformers}
    pictures = {"Dataset": Dataset, "Image": Image, "UnidentifiedImageError": UnidentifiedImageError}
    module = make_module(
        "internvl",
        **standard,
        **others,
        **pictures,
        Dict=dict,
        T=SimpleNamespace(
            Compose=Compose, Normalize=Normalize, Resize=Resize, ToTensor=ToTensor, Lambda=lambda call: call
        ),
        InterpolationMode=Image.Resampling,
        F=torch.nn.functional,
        IMAGENET_MEAN=(0.485, 0.456, 0.406),
        IMAGENET_STD=(0.229, 0.224, 0.225),
        IMG_START_TOKEN=START,
        IMG_END_TOKEN=END,
        IMG_CONTEXT_TOKEN=CONTEXT,
        IGNORE_TOKEN_ID=-100,
        Client=lambda _path: None,
        get_conv_template=lambda _name: template,
        logger=logging.getLogger("internvl"),
    )
    train = code / "internvl_chat" / "internvl" / "train"
    frames = {"get_frame_indices", "read_frames_decord", "read_frames_folder", "sort_frames", "extract_frame_number"}
    tiles = {"build_transform", "dynamic_preprocess", "find_closest_aspect_ratio", "TCSLoader"}
    cut(train / "dataset.py", frames | tiles | {"preprocess_internvl2_5"}, module)
    cut(train / "internvl_chat_finetune.py", {"LazySupervisedDataset"}, module)
    return module


def attempt(module: Any, entry: dict[str, Any]) -> dict[str, Any]:
    """The rows of an annotation as they are trained, or the error for which the trainer would take another row."""
    tokenizer = toy.make_tokenizer(("<|endoftext|>", "<|im_start|>", "<|im_end|>", START, END, CONTEXT, *OWN))
    tokenizer.model_max_length = 1 << 16
    failed: list[str] = []

    class Row(module.LazySupervisedDataset):  # type: ignore[misc, name-defined]
        """A row that fails is told, and not replaced by a random one."""

        def __getitem__(self, number: int) -> Any:
            item = json.loads(self.raw_data[number])
            module.traceback = SimpleNamespace(print_exc=lambda: failed.append(repr(sys.exc_info()[1])))
            kept, self.raw_data = self.raw_data, [self.raw_data[number]]
            try:
                return item, super().__getitem__(0)
            finally:
                self.raw_data = kept

    try:
        dataset = Row(
            template_name="internvl2_5",
            meta=entry,
            tokenizer=tokenizer,
            tcs_loader=module.TCSLoader("petrel.conf"),
            ds_name="toy",
            num_image_token=PICTURE_TOKENS,
            image_size=28,
            is_train=False,
            group_by_length=True,
            dynamic_image_size=True,
            use_thumbnail=True,
            min_num_frame=4,
            max_num_frame=4,
        )
        rows = [describe(*dataset[number], tokenizer) for number in range(len(dataset))]
    except Exception as error:  # noqa: BLE001 - what a consumer raises is what we are here to see
        return {"error": f"{(failed or [repr(error)])[0]}, and another row is taken in its place", "rows": []}
    return {"rows": rows}


def describe(item: dict[str, Any], trained: dict[str, Any], tokenizer: Any) -> dict[str, Any]:
    """A row as ``check_consumers.py`` compares it: a video stands as one medium, not as its frames."""
    ids, labels = trained["input_ids"].tolist(), trained["labels"].tolist()
    count = ids.count(tokenizer.convert_tokens_to_ids(CONTEXT))
    pictured = bool(item.get("image") or item.get("video"))
    if count != PICTURE_TOKENS * len(trained["pixel_values"]) * pictured:
        raise ValueError(f"{count} image tokens for {len(trained['pixel_values'])} parts of pictures")
    text = re.sub(f"{START}(?:{CONTEXT})*{END}", "<image>", tokenizer.decode(ids, skip_special_tokens=False))
    if "video" in item:
        text, found = re.subn(r"(?:Frame-\d+: <image>\n)+", "<image>\n", text)
        if found != 1 or "<video>" in text:
            raise ValueError(f"the video stands {found} times: {text[:200]!r}")
    media = item.get("image") or item.get("video") or []
    clip = "#{:g}-{:g}".format(*item["clip"]) if "clip" in item else ""
    learned: list[list[int]] = []
    for at, label in enumerate(labels):
        if label >= 0:
            if labels[at - 1] < 0:
                learned.append([])
            learned[-1].append(label)
    return {
        "images": [media + clip] if isinstance(media, str) else media,
        "image_tokens": count,
        "read": text,
        "learned": [tokenizer.decode(part).removesuffix("<|im_end|>") for part in learned],
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
