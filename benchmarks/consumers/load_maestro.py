"""Loads the files with Roboflow maestro's own dataset and collator for PaliGemma: ``load_maestro.py FOLDER``.

The processor is PaliGemma's, with 256 tokens a picture, around the toy tokenizer.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import maestro
import toy
from cut import cut, make_module
from PIL import Image
from torch.utils.data import Dataset
from transformers import PaliGemmaProcessor, SiglipImageProcessor

PICTURE_TOKENS = 256


def main(folder: Path) -> None:
    """Loads each file that ``expected.json`` names, and the bad rows, and writes ``result.json``."""
    given = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    module = make_module(
        "maestro",
        json=json,
        os=os,
        Image=Image,
        Dataset=Dataset,
        Any=Any,
        PaliGemmaProcessor=PaliGemmaProcessor,
    )
    module.Optional = None
    trainer = Path(maestro.__path__[0]) / "trainer"
    cut(trainer / "common" / "datasets.py", {"RoboflowJSONLDataset"}, module)
    cut(trainer / "models" / "paligemma_2" / "loaders.py", {"train_collate_fn"}, module)
    result: dict[str, Any] = {"picture_tokens": PICTURE_TOKENS, "files": {}, "bad": {}}
    for name in given["files"]:
        result["files"][name] = attempt(module, folder / name, folder / "images")
    for name, row in given["bad"].items():
        said = [turn["value"].removeprefix("<image>") for turn in row["conversations"]]
        one = dict(zip(("prefix", "suffix"), said, strict=False))
        one |= dict(zip(("image",), row["images"], strict=False))
        bad = folder / f"bad-{name}.jsonl"
        bad.write_text(json.dumps(one) + "\n", encoding="utf-8")
        outcome = attempt(module, bad, folder / "images")
        masked = any(not read["learned"] for read in outcome["rows"])
        result["bad"][name] = outcome.get("error") or ("masked" if masked else "1 of 1 loaded")
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


def attempt(module: Any, file: Path, images: Path) -> dict[str, Any]:
    """The rows of a file as they are trained, or the error that ends it."""
    pictures = SiglipImageProcessor(size={"height": 28, "width": 28})
    pictures.image_seq_length = PICTURE_TOKENS
    processor = PaliGemmaProcessor(image_processor=pictures, tokenizer=toy.make_tokenizer())
    rows = []
    try:
        dataset = module.RoboflowJSONLDataset(str(file), str(images))
        for number, entry in enumerate(dataset.entries):
            ids, _, _, pixels, labels = module.train_collate_fn([dataset[number]], processor, max_length=1 << 14)
            read = toy.describe(
                processor.tokenizer, ids[0].tolist(), labels[0].tolist(), [entry["image"]] * len(pixels)
            )
            rows.append(read)
    except Exception as error:  # noqa: BLE001 - what a consumer raises is what we are here to see
        return {"error": f"{type(error).__name__}: {error}", "rows": []}
    return {"rows": rows}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
