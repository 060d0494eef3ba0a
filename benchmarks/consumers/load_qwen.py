"""Loads the files with Qwen-VL's own ``preprocess_qwen_visual``: ``load_qwen.py FOLDER CHECKOUT``, in an environment of its own.

The processor is Qwen2-VL's, with 28 x 28 pixels a token, around a tokenizer of bytes that has Qwen's own ids for what the code
looks for: ``<|im_start|>``, ``<|im_end|>`` and ``assistant``.
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(sys.argv[2]) / "qwen-vl-finetune"))

from qwenvl.data.data_processor import preprocess_qwen_visual
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import BaseVideoProcessor, PreTrainedTokenizerFast, Qwen2VLProcessor

try:
    from transformers import Qwen2VLImageProcessorPil as ImageProcessor
except ImportError:  # before 5
    from transformers import Qwen2VLImageProcessor as ImageProcessor

OWN = {
    "assistant": 77091,
    "<|endoftext|>": 151643,
    "<|im_start|>": 151644,
    "<|im_end|>": 151645,
    "<|vision_start|>": 151652,
    "<|vision_end|>": 151653,
    "<|image_pad|>": 151655,
    "<|video_pad|>": 151656,
}
IMAGE = OWN["<|image_pad|>"]
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for part in m['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}"
)


def main(folder: Path) -> None:
    """Loads each file that ``expected.json`` names, and the bad rows, and writes ``result.json``."""
    given = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    processor = make_processor()
    result: dict[str, Any] = {"picture_tokens": 0, "files": {}, "bad": {}}
    for name in given["files"]:
        text = (folder / name).read_text(encoding="utf-8")
        # As `LazySupervisedDataset` reads them; lines end at \n alone.
        rows = [json.loads(line) for line in text.split("\n") if line] if name.endswith(".jsonl") else json.loads(text)
        result["files"][name] = attempt(rows, folder / "images", processor)
    for name, row in given["bad"].items():
        one = {"conversations": row["conversations"], "image": row["images"]}
        outcome = attempt([one], folder / "images", processor)
        masked = any(not read["learned"] for read in outcome["rows"])
        result["bad"][name] = outcome.get("error") or ("masked" if masked else "1 of 1 loaded")
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


def make_processor() -> Any:
    """Qwen2-VL's processor around the toy tokenizer."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate(alphabet)} | OWN
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in OWN])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = TEMPLATE
    return Qwen2VLProcessor(
        image_processor=ImageProcessor(), tokenizer=fast, video_processor=make_video_processor(), chat_template=TEMPLATE
    )


def make_video_processor() -> Any:
    """The processor asks for one of the right class, and no video is given to it."""
    return object.__new__(type("Qwen2VLVideoProcessor", (BaseVideoProcessor,), {}))


def attempt(rows: list[dict[str, Any]], images: Path, processor: Any) -> dict[str, Any]:
    """The rows as they are trained, or the error that ends it."""
    done = []
    try:
        for row in rows:
            trained = preprocess_qwen_visual([row | {"data_path": str(images)}], processor)
            done.append(describe(row, trained, processor.tokenizer))
    except Exception as error:  # noqa: BLE001 - what a consumer raises is what we are here to see
        return {"error": f"{type(error).__name__}: {error}", "rows": []}
    return {"rows": done}


def describe(row: dict[str, Any], trained: Any, tokenizer: Any) -> dict[str, Any]:
    """A row as ``check_consumers.py`` compares it; what a picture takes here depends on its size, and is checked by its grid."""
    ids, labels = trained["input_ids"][0].tolist(), trained["labels"][0].tolist()
    grids = trained["image_grid_thw"].tolist() if "image_grid_thw" in trained else []
    count = sum(token == IMAGE for token in ids)
    if count != sum(time * height * width // 4 for time, height, width in grids):
        raise ValueError(f"{count} image tokens for pictures of {grids}")
    text = tokenizer.decode([token for at, token in enumerate(ids) if token != IMAGE or ids[at - 1] != IMAGE])
    learned: list[str] = []
    for at, label in enumerate(labels):
        if label >= 0 and labels[at - 1] < 0:
            end = next(number for number in range(at, len(labels)) if ids[number] == OWN["<|im_end|>"])
            learned.append(tokenizer.decode(ids[at:end]))
    pictures = row.get("image") or []
    return {
        "images": [pictures] if isinstance(pictures, str) else pictures,
        "image_tokens": count,
        "read": text.replace("<|image_pad|>", "<image>"),
        "learned": learned,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
