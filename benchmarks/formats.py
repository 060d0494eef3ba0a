"""Datasets in and out: rows a second beside a bare parse of the same JSON, and the memory of a large array.

    python benchmarks/formats.py [ROWS] [MEGABYTES]

ROWS (20,000) dialogues of two pairs, as LLaVA-Instruct has them, are written in each format and read again. MEGABYTES (300) is
the size of a LLaVA array that is converted to ms-swift's lines in a process of its own, whose peak memory is printed.
"""

import json
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from syphus.formats import llava, swift
from syphus.formats.exporting import ExportOptions
from syphus.formats.importing import ImportOptions
from syphus.records import Asset, Dialogue, Turn

FORMATS = (
    *("llava", "llava_next", "sharegpt", "messages", "alpaca", "llamafactory", "swift", "qwen", "internvl", "trl"),
    *("csv_table", "jsonl"),
)
SAID = (
    "What are the colors of the bus in the image, and where does it stand?",
    "The bus in the image is white and red, and it stands at the side of a street that is crowded with people. " * 3,
    "Is the bus driving down the street or pulled off to the side?",
    "The bus is driving down the street, which is crowded with people and other vehicles. " * 2,
)


def make_dialogue(number: int) -> Dialogue:
    turns = tuple(Turn(role=("user", "assistant")[index % 2], text=text) for index, text in enumerate(SAID))
    assets = (Asset(path=f"coco/train2017/{number:012d}.jpg", width=640, height=480),)
    return Dialogue(id=f"{number:012d}", scene=f"{number}", turns=turns, assets=assets)


def time_formats(rows: int, folder: Path) -> None:
    options = ExportOptions(max_tokens=None, exact=True)
    dialogues = [make_dialogue(number) for number in range(rows)]
    print(f"{rows:,} dialogues of two pairs; rows a second")
    print(f"{'format':14}{'MB':>6}{'write':>10}{'read':>10}{'json.loads':>12}{'read / parse':>14}")
    for name in FORMATS:
        module = import_module(f"syphus.formats.{name}")
        target = folder / f"{name}{module.SUFFIX}"
        start = time.perf_counter()
        module.write(dialogues, target, options)
        written = time.perf_counter() - start
        start = time.perf_counter()
        count = sum(1 for _ in module.read(target, ImportOptions(), print))
        read = time.perf_counter() - start
        assert count == rows
        file = target / f"{name}.json" if target.is_dir() else target
        parse = time_parse(file)
        size = file.stat().st_size / 1e6
        line = f"{name:14}{size:6.0f}{rows / written:10,.0f}{rows / read:10,.0f}"
        print(line + (f"{rows / parse:12,.0f}{read / parse:14.1f}" if parse else ""))


def time_parse(file: Path) -> float:
    if file.suffix == ".csv":
        return 0.0
    start = time.perf_counter()
    text = file.read_text(encoding="utf-8")
    if text.startswith("["):
        json.loads(text)
    else:
        for line in text.splitlines():
            json.loads(line)
    return time.perf_counter() - start


def measure_memory(megabytes: int, folder: Path) -> None:
    file = folder / "large.json"
    row = {
        "image": "coco/train2017/000000033471.jpg",
        "conversations": [
            {"from": ("human", "gpt")[index % 2], "value": ("<image>\n" if not index else "") + text}
            for index, text in enumerate(SAID)
        ],
    }
    with file.open("w", encoding="utf-8") as out:
        number = 0
        while out.tell() < megabytes * 1e6:
            for _ in range(1000):
                out.write((",\n" if number else "[\n") + json.dumps({"id": f"{number:012d}", **row}))
                number += 1
        out.write("\n]\n")
    start = time.perf_counter()
    subprocess.run([sys.executable, __file__, "--convert", str(file), str(folder / "large.jsonl")], check=True)
    took = time.perf_counter() - start
    print(
        f"{megabytes} MB of LLaVA JSON, {number:,} rows, to ms-swift: {took:.1f} s, {number / took:,.0f} rows a second"
    )


def convert(source: Path, target: Path) -> None:
    before = find_peak()
    swift.write(llava.read(source, ImportOptions(), print), target, ExportOptions(max_tokens=None, exact=True))
    print(f"peak memory {find_peak():.0f} MB, of which {before:.0f} MB before the first row")


def find_peak() -> float:
    """The most memory that this process has had, in MB. (``ru_maxrss`` begins with that of the process it came from.)"""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    if sys.argv[1:2] == ["--convert"]:
        convert(Path(sys.argv[2]), Path(sys.argv[3]))
        return
    rows, megabytes = (int(given) for given in (*sys.argv[1:], *("20000", "300")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as folder:
        time_formats(rows, Path(folder))
        measure_memory(megabytes, Path(folder))


if __name__ == "__main__":
    main()
