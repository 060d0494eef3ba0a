"""Loads the files with LLaVA's own ``LazySupervisedDataset``. Runs in its environment: ``load_llava.py FOLDER``.

LLaVA's ``v1`` template learns with the end token, and masks a sample whose rounds it counts otherwise than its tokenizer does.
"""

import importlib.machinery
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

# Imported by the trainer, and needed by the model alone.
for name in ("deepspeed", "bitsandbytes"):
    sys.modules[name] = ModuleType(name)
    sys.modules[name].__spec__ = importlib.machinery.ModuleSpec(name, None)

import toy  # noqa: E402
from llava import conversation  # noqa: E402
from llava.constants import IMAGE_TOKEN_INDEX  # noqa: E402
from llava.train.train import DataCollatorForSupervisedDataset, LazySupervisedDataset  # noqa: E402


def main(folder: Path) -> None:
    """Loads each file that ``expected.json`` names, and the bad rows, and writes ``result.json``."""
    given = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    conversation.default_conversation = conversation.conv_templates["v1"]
    result: dict[str, Any] = {"picture_tokens": 1, "files": {}, "bad": {}}  # the model puts 576 in its place
    for name in given["files"]:
        result["files"][name] = attempt(folder / name, folder / "images")
    for name, row in given["bad"].items():
        bad = folder / f"bad-{name}.json"
        one = {"conversations": row["conversations"], "image": (row["images"] or [None])[0]}
        bad.write_text(json.dumps([one]), encoding="utf-8")
        outcome = attempt(bad, folder / "images")
        masked = any(not read["learned"] for read in outcome["rows"])
        result["bad"][name] = outcome.get("error") or ("masked" if masked else "1 of 1 loaded")
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


def attempt(file: Path, images: Path) -> dict[str, Any]:
    """The rows of a file as they are trained, or the error that ends it."""
    tokenizer = BosTokenizer(toy.make_tokenizer())
    arguments = SimpleNamespace(
        image_folder=str(images),
        image_processor=toy.make_image_processor(),
        image_aspect_ratio="pad",
        is_multimodal=True,
        mm_use_im_start_end=False,
    )
    rows = []
    try:
        dataset = LazySupervisedDataset(str(file), tokenizer, arguments)
        collator = DataCollatorForSupervisedDataset(tokenizer)
        for number, row in enumerate(dataset.list_data_dict):
            sample = dataset[number]
            collator([sample])
            image = tokenizer.toy.convert_tokens_to_ids("<image>")
            read = [image if token == IMAGE_TOKEN_INDEX else token for token in sample["input_ids"].tolist()]
            names = [row["image"]] if "image" in row else []
            rows.append(toy.describe(tokenizer.toy, read, sample["labels"].tolist(), names))
    except Exception as error:  # noqa: BLE001 - what a consumer raises is what we are here to see
        return {"error": f"{type(error).__name__}: {error}", "rows": []}
    return {"rows": rows}


class BosTokenizer:
    """The toy tokenizer as Llama's is: it puts ``<s>`` in front of what it is given."""

    legacy = True
    """A space in front of a round is a token of its own, as with Llama's tokenizer until 2023."""

    def __init__(self, tokenizer: Any) -> None:
        self.toy = tokenizer
        self.bos_token_id, self.eos_token_id = tokenizer.bos_token_id, tokenizer.eos_token_id
        self.pad_token_id, self.model_max_length = tokenizer.pad_token_id, tokenizer.model_max_length

    def __call__(self, text: Any, **options: Any) -> Any:
        """The ids of a text, or of a list of them as tensors."""
        if isinstance(text, str):
            encoded = self.toy(text)
            return SimpleNamespace(input_ids=[self.bos_token_id, *encoded.input_ids])
        return self.toy([f"<s>{one}" for one in text], **options)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
