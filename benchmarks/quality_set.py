"""How long `syphus quality` takes over a big set, and how much memory, on this machine.

    python benchmarks/quality_set.py CAPTIONS.json [--pairs 1000000] [--processes 2] [--fix]

CAPTIONS.json is a COCO captions file: its sentences are put together to questions and answers of new pictures, three pairs to a
dialogue, 2 % of the dialogues there twice and 3 % nearly so. Printed are the seconds, the processor time of all processes,
the highest resident memory of each process together, and how many of the planted ones were found.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ASK = (
    "What can be seen on the {0} of the {1}?",
    "What is the {1} next to the {0} doing?",
    "How many {0}s stand near the {1}?",
    "Is there a {0} behind the {1}?",
    "Why might somebody bring a {0} to the {1}?",
    "Describe the {0} and the {1} in detail.",
    "What colour does the {0} in front of the {1} have?",
    "Where does the {0} come from, and what does the {1} tell about it?",
)


def make_set(captions: list[str], pairs: int, target: Path, seed: int = 0) -> int:
    draw = random.Random(seed)
    nouns = sorted({word for text in captions for word in text.lower().split() if word.isalpha() and len(word) > 3})
    planted = 0
    kept: list[list[dict]] = []
    with target.open("w") as file:
        for number in range(pairs // 3):
            kind = draw.random()
            if kept and kind < 0.05:
                turns = json.loads(json.dumps(draw.choice(kept)))
                planted += 1
                if kind > 0.02:
                    for turn in turns[1::2]:
                        words = turn["value"].split()
                        words[draw.randrange(len(words))] = draw.choice(nouns)
                        turn["value"] = " ".join(words)
            else:
                turns = []
                for at in range(3):
                    question = draw.choice(ASK).format(draw.choice(nouns), draw.choice(nouns))
                    mark = "<image>\n" if at == 0 else ""
                    answer = " ".join(
                        text.strip().rstrip(".") + "." for text in draw.sample(captions, draw.randint(1, 5))
                    )
                    turns += [{"from": "human", "value": mark + question}, {"from": "gpt", "value": answer}]
                if len(kept) < 5000:
                    kept.append(turns)
            row = {"id": f"d{number}", "image": f"{number:012}.jpg", "conversations": turns}
            file.write(json.dumps(row) + "\n")
    return planted


def watch_memory(pid: int, found: dict[str, float], stop: threading.Event) -> None:
    while not stop.wait(0.5):
        total = 0
        try:
            family = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
            for one in family:
                for line in Path(f"/proc/{one}/status").read_text().splitlines():
                    if line.startswith("VmRSS"):
                        total += int(line.split()[1])
        except (OSError, ValueError):
            continue
        found["rss"] = max(found.get("rss", 0), total / 1024)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("captions", type=Path)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--fix", action="store_true")
    given = parser.parse_args()
    captions = [row["caption"] for row in json.loads(given.captions.read_text())["annotations"]]
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / "set.jsonl", Path(folder) / "out"
        start = time.perf_counter()
        planted = make_set(captions, given.pairs, file)
        print(
            f"made {given.pairs:,} pairs, {file.stat().st_size / 1e6:,.0f} MB, in {time.perf_counter() - start:.0f} s"
        )
        command = [sys.executable, "-m", "syphus", "quality", str(file), "--out", str(out)]
        command += ["--processes", str(given.processes), *(["--fix"] if given.fix else [])]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        found: dict[str, float] = {}
        stop = threading.Event()
        threading.Thread(target=watch_memory, args=(process.pid, found, stop), daemon=True).start()
        said = process.communicate()[1]
        stop.set()
        seconds = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(said)
        print(
            f"exit {process.returncode}; {seconds:.0f} s, {given.pairs / seconds:,.0f} pairs a second; {cpu:.0f} s of"
            f" processor, {cpu / given.pairs * 1e6:.0f} us a pair; memory {found.get('rss', 0):,.0f} MiB at most"
        )
        if (out / "measures.json").is_file():
            measures = json.loads((out / "measures.json").read_text())
            answers = measures["duplicates"]["answers"]
            print(
                f"planted {planted:,} dialogues; answers there before {answers['exact']:,}, nearly so {answers['near']:,}"
            )
            print({name: measures["duplicates"][name]["crowded"] for name in ("questions", "answers", "pairs")})


if __name__ == "__main__":
    main()
