"""Loads the files with ms-swift's own ``load_dataset`` and template. Runs in its environment: ``load_swift.py FOLDER``."""

import json
import sys
from pathlib import Path
from typing import Any

import torch
import toy
from swift.dataset import load_dataset
from swift.model import MODEL_MAPPING, ModelInfo
from swift.template import get_template


def main(folder: Path) -> None:
    """Loads each file that ``expected.json`` names, and the bad rows, and writes ``result.json``."""
    given = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    template = make_template()
    result: dict[str, Any] = {"picture_tokens": toy.PICTURE_TOKENS, "files": {}, "bad": {}}
    for name in given["files"]:
        result["files"][name] = attempt(folder / name, template, strict=True)
    for name, row in given["bad"].items():
        bad = folder / f"bad-{name}.json"
        bad.write_text(json.dumps([row, given["good"]]), encoding="utf-8")
        outcome = attempt(bad, template, strict=False)
        result["bad"][name] = outcome.get("error") or f"{len(outcome['rows']) - 1} of 1 loaded"
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


def make_template() -> Any:
    """The template of LLaVA-1.5 around the toy processor, as ``get_processor`` would give it."""
    processor = toy.make_processor()
    processor.model_meta = MODEL_MAPPING["llava1_5_hf"]
    processor.model_info = ModelInfo(
        model_type="llava1_5_hf",
        model_dir="toy",
        torch_dtype=torch.float32,
        max_model_len=1 << 16,
        quant_method=None,
        quant_bits=0,
        is_multimodal=True,
        task_type="causal_lm",
    )
    template = get_template(processor, template_type="llava1_5_hf")
    template.set_mode("train")
    return template


def attempt(file: Path, template: Any, *, strict: bool) -> dict[str, Any]:
    """The rows of a file, each encoded as for training, or the error that ends it."""
    try:
        dataset, _ = load_dataset([str(file)], strict=strict, load_from_cache_file=False)
        rows = []
        for row in dataset:
            encoded = template.encode(dict(row))
            images = [Path(image["path"]).name for image in row.get("images") or []] or list_parts(row)
            rows.append(toy.describe(template.tokenizer, encoded["input_ids"], encoded["labels"], images))
    except Exception as error:  # noqa: BLE001 - what a consumer raises is what we are here to see
        return {"error": f"{type(error).__name__}: {error}", "rows": []}
    return {"rows": rows}


def list_parts(row: dict[str, Any]) -> list[str]:
    """The pictures of a row whose contents are parts."""
    contents = [turn["content"] for turn in row["messages"] if isinstance(turn["content"], list)]
    urls = [part["image_url"]["url"] for content in contents for part in content if part["type"] == "image_url"]
    return [Path(url).name for url in urls]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
