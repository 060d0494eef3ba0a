"""Real consumers load our files: ``python benchmarks/consumers/check_consumers.py llamafactory|swift|trl|axolotl|internvl|...``.

It makes a rehearsed run over the ten example pictures and adds the dialogues of ``samples.py``, writes them in our formats by
the commands that a user would give, and lets the consumer's own dataset code read them, in an environment of its own. What
comes out there is held against what the dialogues say: the rows, their pictures in order, the tokens of each, every text, and
what is learned. No GPU, no weights. ``docs/consumers.md`` has what came of it.

    --venv DIR    the environment (made where it is not there; about 2 GB, and a few minutes)
    --code DIR    a checkout of Qwen3-VL, Otter, InternVL, LLaVA-NeXT or MiniCPM-V, which no package index has
    --work DIR    where the files go (a temporary folder that is removed)
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from samples import IMAGE, SEVERAL, UNFIT, expect, make_dialogues, make_videos, split_pairs

from syphus.formats import jsonl
from syphus.formats.exporting import ExportOptions
from syphus.formats.importing import ImportOptions
from syphus.records import Dialogue
from syphus.references.boxes import find_convention

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


class File(NamedTuple):
    """One file that a consumer is given."""

    name: str
    to: str
    boxes: str = ""
    beside: bool = False
    """Boxes stand beside the text."""
    system: bool = True
    """The format holds a system message."""
    only: frozenset[str] = frozenset()
    """Dialogues that are not written, beside those that are fit for none."""
    setting: str = ""
    """Given by ``--set``."""
    videos: bool = False
    """It has the dialogues about videos, instead of the others."""
    moves: bool = False
    """Of a turn with one picture, the consumer puts the picture first, and the export says so."""
    times: bool = False
    """A clip is the whole file and its times."""
    unread: frozenset[str] = frozenset()
    """Dialogues that are written, and are not for the version of the consumer that is run."""
    one: bool = False
    """Dialogues of one pair about one picture alone are written."""
    refused: str = ""
    """The consumer is known to refuse the whole file with this: it is another one's, and the documents say so."""


ONE_PICTURE = frozenset(SEVERAL)
TEXT = frozenset({"text-only", "code"})
PLACED = frozenset(SEVERAL - {"two-pictures"})
"""A picture stands within a text."""
FILES = {
    "llamafactory": [
        File("llamafactory", "llamafactory"),
        File("llamafactory-boxes", "llamafactory", boxes="qwen3"),
        File("sharegpt.json", "sharegpt"),
        File("alpaca.json", "alpaca"),
        File("llava.json", "llava", system=False, only=ONE_PICTURE),
        # LLaVA-NeXT's `image` is a path or a list of them, and a table has one type.
        File("llava_next.json", "llava_next", system=False, refused="DatasetGenerationError"),
        # OpenAI's contents are texts or lists of parts, and the same holds.
        File("messages.jsonl", "messages", refused="DatasetGenerationError"),
    ],
    "swift": [
        File("swift.jsonl", "swift", beside=True),
        File("swift-boxes.jsonl", "swift", boxes="qwen3"),
        File("messages.jsonl", "messages"),
        File("sharegpt.json", "sharegpt"),
        File("alpaca.json", "alpaca"),
        File("llava.json", "llava", system=False, only=ONE_PICTURE),
        File("qwen.json", "qwen", boxes="qwen3", system=False),
        File("internvl.jsonl", "internvl", boxes="internvl", system=False),
    ],
    "trl": [File("trl.jsonl", "trl"), File("trl-boxes.jsonl", "trl", boxes="shikra")],
    "llava": [
        File("llava.json", "llava", system=False, only=ONE_PICTURE),
        File("llava-boxes.json", "llava", boxes="shikra", system=False, only=ONE_PICTURE),
    ],
    "qwen": [File("qwen.json", "qwen", boxes="qwen3", system=False), File("qwen.jsonl", "qwen", system=False)],
    "internvl": [
        File("internvl.jsonl", "internvl", boxes="internvl", system=False),
        File("videos.jsonl", "internvl", videos=True, only=frozenset({"video-inside"}), times=True),
    ],
    "llava_next": [
        File("llava_next.json", "llava_next", system=False, moves=True),
        File("llava_next-boxes.json", "llava_next", boxes="llava_padded", system=False, moves=True),
        File("videos.json", "llava_next", videos=True, only=frozenset({"frames"}), moves=True),
    ],
    "axolotl": [
        File("parts.jsonl", "messages", setting="pictures=parts"),
        File("parts-boxes.jsonl", "messages", boxes="qwen3", setting="pictures=parts"),
        # A row of one kind of content beside one of another: a table has one type.
        File("messages.jsonl", "messages", refused="DatasetGenerationError"),
    ],
    "minicpm": [
        File("minicpm.json", "minicpm", system=False, only=TEXT, unread=ONE_PICTURE),
        File("minicpm-boxes.json", "minicpm", boxes="unit", system=False, only=TEXT, unread=ONE_PICTURE),
    ],
    "maestro": [File("paligemma.jsonl", "paligemma", system=False, one=True)],
    "otter": [File("SY_instructions.json", "mimicit", system=False, only=PLACED)],
}
NEEDS_CODE = {"qwen", "otter", "internvl", "llava_next", "minicpm"}

GOOD = {
    "conversations": [{"from": "human", "value": "<image>What is it?"}, {"from": "gpt", "value": "A cup."}],
    "images": ["coffee.jpg"],
}
BAD: dict[str, dict[str, Any]] = {
    "too-few-pictures": GOOD | {"images": []},
    "too-many-pictures": GOOD | {"images": ["coffee.jpg", "horse.jpg"]},
    "missing-picture": GOOD | {"images": ["not-there.jpg"]},
    "token-in-answer": GOOD
    | {"conversations": [GOOD["conversations"][0], {"from": "gpt", "value": "By <image>, in front."}]},
    "no-answer": GOOD | {"conversations": GOOD["conversations"][:1]},
    "unknown-role": GOOD | {"conversations": [GOOD["conversations"][0], {"from": "narrator", "value": "A cup."}]},
    "two-questions": GOOD | {"conversations": [GOOD["conversations"][0], {"from": "human", "value": "Or?"}]},
}
"""Rows that our exporters never write, each with one fault: what the consumer does with them is printed."""


def main() -> int:
    """Runs the check for one consumer; 0 where all is as it has to be."""
    parser = argparse.ArgumentParser(description="Lets a consumer's own dataset code read our files.")
    parser.add_argument("consumer", choices=sorted(FILES))
    parser.add_argument("--venv", type=Path, help="its environment; made where it is not there")
    parser.add_argument("--code", type=Path, help="a checkout of its code, where no package index has it")
    parser.add_argument("--work", type=Path, help="where the files go; otherwise they are thrown away")
    arguments = parser.parse_args()
    if arguments.consumer in NEEDS_CODE and arguments.code is None:
        parser.error(f"{arguments.consumer} is on no package index: --code names a checkout of it")
    with tempfile.TemporaryDirectory(prefix="consumers-") as temporary:
        work = (arguments.work or Path(temporary)).absolute()
        work.mkdir(parents=True, exist_ok=True)
        venv = (arguments.venv or work / "venv").absolute()
        expected = write_files(arguments.consumer, work)
        install(arguments.consumer, venv)
        result = load(arguments.consumer, venv, work, arguments.code)
        refused = {file.name: file.refused for file in FILES[arguments.consumer] if file.refused}
        return report(expected, result, refused)


def run(*command: str | Path, show: str = "", cwd: Path | None = None, allow: tuple[int, ...] = (0,)) -> None:
    """Runs a command and prints it as one would type it. Raises ``SystemExit`` where it fails."""
    print("$", show or shlex.join(map(str, command)), flush=True)
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode not in allow:
        raise SystemExit(f"{done.stdout[-2000:]}{done.stderr[-4000:]}\nended with exit code {done.returncode}")


def write_files(consumer: str, work: Path) -> dict[str, list[dict[str, Any]]]:
    """Makes the dialogues and the consumer's files; gives for each file what has to be found in it."""
    syphus = [sys.executable, "-m", "syphus"]

    def call(*arguments: str, allow: tuple[int, ...] = (0,)) -> None:
        shown = shlex.join(arguments).replace(config, "configs/quickstart.toml")
        run(*syphus, *arguments, show=f"syphus {shown}", cwd=work, allow=allow)

    config = os.path.relpath(ROOT / "configs/quickstart.toml", work)
    if not (work / "run").is_dir():
        call("rehearse", config, "--faults", "none", "--latency", "0", "--run", "run")
    call("export", "run", "--format", "jsonl", "--out", "run.jsonl")
    source = ROOT / "examples"
    if not (work / "images").exists():
        (work / "images").symlink_to(source / "images")
    made = list(jsonl.read(work / "run.jsonl", ImportOptions(), print))
    dialogues = [*made, *make_dialogues(source / "scenes.jsonl")]
    videos = make_videos(work / "videos")
    jsonl.write(dialogues, work / "all.jsonl", ExportOptions(max_tokens=None))
    jsonl.write(videos, work / "all-videos.jsonl", ExportOptions(max_tokens=None))
    expected = {}
    for file in FILES[consumer]:
        boxes = ["--boxes", file.boxes] if file.boxes else []
        setting = ["--set", file.setting] if file.setting else []
        # 1: some dialogues are fit for no trainer, and are kept aside.
        source, folder = ("all-videos.jsonl", "videos") if file.videos else ("all.jsonl", "images")
        call("convert", source, file.name, "--to", file.to, "--images", folder, *boxes, *setting, allow=(0, 1))
        expected[file.name] = expect_file(file, videos if file.videos else dialogues, work)
    given = {"files": list(expected), "bad": BAD, "good": GOOD}
    (work / "expected.json").write_text(json.dumps(given), encoding="utf-8")
    print(f"{len(dialogues)} dialogues: {len(made)} of the run, {len(dialogues) - len(made)} made by hand\n")
    return expected


def expect_file(file: File, dialogues: list[Dialogue], work: Path) -> list[dict[str, Any]]:
    """What the file has to hold; raises ``SystemExit`` where others were left out than had to be."""
    aside = work / f"{file.name}.kept-aside.jsonl"
    kept = [json.loads(line) for line in aside.read_text(encoding="utf-8").splitlines()] if aside.is_file() else []
    left_out, unfit = {row["id"] for row in kept}, file.only if file.videos else UNFIT | file.only
    if file.one:
        unfit |= {value.id for value in dialogues if len(value.turns) > 2 or len(value.assets) != 1}
    if left_out != unfit:
        raise SystemExit(f"{file.name}: left out {sorted(left_out)}, and not {sorted(unfit)}")
    convention = find_convention(file.boxes) if file.boxes else None
    rows = [
        expect(dialogue, convention, beside=file.beside, system=file.system, moves=file.moves, times=file.times)
        for dialogue in dialogues
        if dialogue.id not in left_out | file.unread
    ]
    if file.to != "mimicit":
        return rows
    pairs = [pair for row in rows for pair in split_pairs(row, file.name.partition("_")[0])]
    return sorted(pairs, key=lambda pair: pair["id"])


def install(consumer: str, venv: Path) -> None:
    """Makes the environment where it is not there; a folder that is there is taken as it is."""
    requirements = HERE / "requirements" / f"{consumer}.txt"
    alone = requirements.with_suffix(".alone.txt")
    pip = venv / "bin" / "pip"
    if not venv.is_dir():
        run(sys.executable, "-m", "venv", venv, show="python -m venv VENV")
        run(pip, "install", "-q", "-r", requirements, show=f"VENV/bin/pip install -r requirements/{requirements.name}")
        if alone.is_file():
            shown = f"VENV/bin/pip install --no-deps -r requirements/{alone.name}"
            run(pip, "install", "-q", "--no-deps", "-r", alone, show=shown)
    listed = subprocess.run([pip, "list", "--format", "json"], capture_output=True, check=True).stdout
    wanted = (
        "llamafactory",
        "ms-swift",
        "trl",
        "llava-torch",
        "axolotl",
        "maestro",
        "transformers",
        "datasets",
        "torch",
    )
    wanted += ("tokenizers", "decord")
    versions = {package["name"].replace("_", "-"): package["version"] for package in json.loads(listed)}
    named = [f"{name} {versions[name]}" for name in wanted if name in versions]
    print(f"Python {sys.version.split()[0]}, {', '.join(named)}\n")


def load(consumer: str, venv: Path, work: Path, code: Path | None) -> dict[str, Any]:
    """Runs the consumer's code in its environment; its own output goes to ``consumer.log``."""
    environment = os.environ | {
        "PYTHONPATH": str(HERE),
        "HF_HOME": str(work / "cache"),
        "HF_HUB_OFFLINE": "1",
        "MODELSCOPE_CACHE": str(work / "cache"),
        "DISABLE_VERSION_CHECK": "1",  # LLaMA-Factory's pins
        "ROOT_IMAGE_DIR": str(work / "images"),  # ms-swift
        "CUDA_VISIBLE_DEVICES": "",
    }
    environment.pop("VIRTUAL_ENV", None)
    command = [venv / "bin" / "python", HERE / f"load_{consumer}.py", work, *([code.absolute()] if code else [])]
    print("$", f"VENV/bin/python load_{consumer}.py WORK{' CODE' if code else ''}", flush=True)
    (work / "result.json").unlink(missing_ok=True)
    with (work / "consumer.log").open("w", encoding="utf-8") as log:
        done = subprocess.run(command, cwd=work, env=environment, stdout=log, stderr=subprocess.STDOUT, check=False)
    if done.returncode or not (work / "result.json").is_file():
        tail = (work / "consumer.log").read_text(encoding="utf-8", errors="replace")[-4000:]
        raise SystemExit(f"{tail}\n{consumer} ended with exit code {done.returncode}")
    text = (work / "result.json").read_text(encoding="utf-8").replace(f"{work}/", "")  # in the consumer's errors
    result: dict[str, Any] = json.loads(text)
    return result


def report(expected: dict[str, list[dict[str, Any]]], result: dict[str, Any], refused: dict[str, str]) -> int:
    """Prints what came of each file; 1 where something is not as it was written."""
    print(
        f"\n{'file':<22}{'written':>8}{'loaded':>8}{'refused':>8}{'masked':>8}{'pictures':>10}{'image tokens':>14}{'pairs':>7}"
    )
    faults: list[str] = []
    for name, rows in expected.items():
        found = result["files"][name]
        loaded = sorted(
            found["rows"], key=lambda row: row.get("id", "")
        )  # where rows have ids, they are of several files
        error = found.get("error", "")
        if name in refused and error.startswith(refused[name]):
            loaded = []
        elif error:
            faults.append(f"{name}: {error}")
        elif len(loaded) != len(rows):
            faults.append(f"{name}: {len(rows)} rows were written, {len(loaded)} loaded")
        else:
            for row, read in zip(rows, loaded, strict=True):
                faults += [f"{name}, {row['id']}: {fault}" for fault in compare(row, read, result["picture_tokens"])]
        tokens = Counter[str]()
        for read in loaded:
            tokens["pictures"] += len(read["images"])
            tokens["image tokens"] += read["image_tokens"]
            tokens["masked"] += read["learned"] == []
        pairs = sum(len(row["answers"]) for row in rows)
        lost = len(rows) - len(loaded)
        print(
            f"{name:<22}{len(rows):>8}{len(loaded):>8}{lost:>8}{tokens['masked']:>8}"
            f"{tokens['pictures']:>10}{tokens['image tokens']:>14,}{pairs:>7}"
            + (f"  {refused[name]}, as is known" if name in refused and not loaded else "")
        )
    if result.get("bad"):
        print("\nrows with one fault each, which syphus does not write, beside a good one:")
        for name, outcome in result["bad"].items():
            print(f"  {name:<20}{outcome[:150]}")
    print()
    for fault in faults[:20]:
        print("FAULT", fault)
    print(f"{len(faults)} faults" if faults else "all is as it was written")
    return int(bool(faults))


def compare(row: dict[str, Any], read: dict[str, Any], picture_tokens: int) -> list[str]:
    """What of a dialogue is not in the consumer's row as it has to be."""
    faults = []
    if read["images"] != row["images"]:
        faults.append(f"pictures {read['images']} and not {row['images']}")
    # 0: it depends on the picture's size, and the loader checks it.
    if picture_tokens and read["image_tokens"] != len(row["images"]) * picture_tokens:
        faults.append(f"{read['image_tokens']} image tokens for {len(row['images'])} pictures")
    at = 0
    for piece in row["flow"]:
        found = read["read"].find(piece, at)
        if found < 0:
            faults.append(f"{piece[:60]!r} is not read, or not in its place: {read['read'][:300]!r}")
            break
        at = found + len(piece)
    if read["read"].count(IMAGE) != len(row["images"]):
        faults.append(f"{read['read'].count(IMAGE)} places for pictures")
    if read["learned"] is not None:
        learned = [part.removesuffix("</s>").strip() for part in read["learned"]]
        if learned != row["answers"]:
            faults.append(f"learned {learned!r} and not {row['answers']!r}"[:400])
    return faults


if __name__ == "__main__":
    sys.exit(main())
