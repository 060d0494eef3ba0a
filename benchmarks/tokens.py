"""How far the estimate of tokens is from a real tokenizer: estimate / count in o200k_base, on real contexts.

    pip install bpe-openai && python benchmarks/tokens.py [--coco FOLDER]

The contexts are rendered from ``examples/scenes.jsonl`` and, where there is one, from a COCO folder's captions and
instances; the prompts and replies are those of the categories that come with syphus. A budget holds as well as the mean is
near 1 and the least is not far below. Ends with 1 where a mean is further than a quarter from 1.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import mean, pstdev

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import msgspec  # noqa: E402

from syphus.annotations.pictures import coco  # noqa: E402
from syphus.categories.blocks import Context, ObjectBlock  # noqa: E402
from syphus.categories.context import estimate_tokens, render_context  # noqa: E402
from syphus.categories.load import Library, load_categories  # noqa: E402
from syphus.categories.prompt import CategoryPrompts  # noqa: E402
from syphus.records import Scene  # noqa: E402

BOUND = 0.25
WHOLE = 10**6
CONTEXTS = {
    "captions": Context(max_tokens=WHOLE),
    "captions and boxes": Context(blocks=("captions", "objects"), max_tokens=WHOLE),
    "boxes": Context(blocks=("objects",), max_tokens=WHOLE),
    "boxes with ids": Context(blocks=("objects",), max_tokens=WHOLE, objects=ObjectBlock(ids=True)),
    "boxes in pixels": Context(blocks=("objects",), max_tokens=WHOLE, objects=ObjectBlock(boxes="pixels")),
    "labels": Context(blocks=("objects",), max_tokens=WHOLE, objects=ObjectBlock(boxes="none")),
    "attributes and prose": Context(blocks=("attributes", "prose"), max_tokens=WHOLE),
    "body parts": Context(blocks=("keypoints",), max_tokens=WHOLE),
}


def read_coco(folder: Path) -> list[Scene]:
    files = {
        kind: next(iter(sorted(folder.rglob(f"{kind}*.json"))), None) for kind in ("captions", "instances", "keypoints")
    }
    if not any(files.values()):
        return []
    return list(coco.read(coco.Options(**files), lambda _: None))


def find_texts(sources: dict[str, list[Scene]]) -> Iterator[tuple[str, Iterable[str]]]:
    for source, scenes in sources.items():
        for name, context in CONTEXTS.items():
            # A picture that has captions alone would only be measured a second time.
            fitting = [one for one in scenes if one.objects or "objects" not in context.blocks]
            yield f"{source}: {name}", [render_context(one, context).text for one in fitting]
    library = Library.at(ROOT)
    for category in load_categories(library.category_names(), library):
        prompts = CategoryPrompts(category)
        for step in category.chat_steps:
            yield f"{category.name}: prompt", ["\n\n".join(message.content for message in prompts.prefix(step))]
        replies = [reply for one in category.demonstrations for reply in one.replies.values()]
        yield f"{category.name}: replies", [json.dumps(reply, ensure_ascii=False) for reply in replies]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", type=Path, default=ROOT.parent / "shared" / "data" / "coco", help="a COCO folder")
    arguments = parser.parse_args()
    try:
        import bpe_openai  # noqa: PLC0415 - no dependency of syphus
    except ImportError:
        print("the tokenizer is not there: pip install bpe-openai (it has its tables with it)", file=sys.stderr)
        return 2
    encoding = bpe_openai.get_encoding("o200k_base")
    lines = (ROOT / "examples" / "scenes.jsonl").read_text(encoding="utf-8").splitlines()
    sources = {"examples": [msgspec.json.decode(line, type=Scene) for line in lines], "coco": read_coco(arguments.coco)}
    print(f"{'estimate / o200k_base':40} {'texts':>6} {'mean':>6} {'spread':>6} {'least':>6} {'most':>6}")
    worst = 0.0
    for name, texts in find_texts(sources):
        ratios = [estimate_tokens(text) / len(encoding.encode_ordinary(text)) for text in texts if text]
        if ratios:
            figures = (mean(ratios), pstdev(ratios), min(ratios), max(ratios))
            print(f"{name:40} {len(ratios):6} " + " ".join(f"{figure:6.3f}" for figure in figures))
            worst = max(worst, abs(figures[0] - 1))
    return int(worst > BOUND)


if __name__ == "__main__":
    sys.exit(main())
