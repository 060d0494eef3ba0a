"""Records per second and peak memory of the readers of video annotations, beside a bare parse of the same file.

    python benchmarks/readers_video.py [--records 100000] [--only tvr]

Each file is made up in its true form, the same each time. A record is what a person wrote: a sentence, a narration, a cue. The
bare parse is msgspec into untyped values, csv's reader, pysubs2, or splitting lines. Each run is a process of its own;
seconds are of processor time, so that a busy machine does not count.
"""

import argparse
import csv
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pysubs2

ROOT = Path(__file__).resolve().parents[1]
WORDS = "a man woman the plate walks to picks up red table slowly and then looks at her cup on kitchen phone".split()
SHAPES = {
    "activitynet": ("a.json", 4),
    "tacos": ("a.json", 100),
    "charades_sta": ("a.txt", 2),
    "qvhighlights": ("a.jsonl", 1),
    "youcook2": ("a.json", 8),
    "tvr": ("a.jsonl", 1),
    "tvr+subtitles": ("a.jsonl", 1),
    "ego4d": ("a.json", 300),
    "epic_kitchens": ("a.csv", 1),
    "subtitles": ("films", 1000),
}
"""File, and how many records a video, line or file has."""


def say(draw: random.Random) -> str:
    return " ".join(draw.choices(WORDS, k=11))


def span(draw: random.Random, longest: float) -> list[float]:
    return sorted(round(draw.uniform(0, longest), 2) for _ in range(2))


def stamp(seconds: float, mark: str = ".") -> str:
    return f"{int(seconds) // 3600:02d}:{int(seconds) // 60 % 60:02d}:{seconds % 60:06.3f}".replace(".", mark)


def make(kind: str, folder: Path, count: int) -> Path:
    draw = random.Random(kind)
    name, each = SHAPES[kind]
    path = folder / name
    number = count // each
    if kind in ("activitynet", "tacos"):
        more = {"duration": 200.0} if kind == "activitynet" else {"fps": 29.4, "num_frames": 9000}
        longest = 200 if kind == "activitynet" else 9000
        videos = {
            f"v_{n:011d}": more
            | {
                "timestamps": [span(draw, longest) for _ in range(each)],
                "sentences": [" " + say(draw) for _ in range(each)],
            }
            for n in range(number)
        }
        path.write_text(json.dumps(videos), encoding="utf-8")
    elif kind == "youcook2":
        videos = {
            f"v{n:010d}": {
                "duration": 300.0,
                "subset": "training",
                "recipe_type": "113",
                "annotations": [{"segment": span(draw, 300), "id": i, "sentence": say(draw)} for i in range(each)],
                "video_url": "https://www.youtube.com/watch?v=x",
            }
            for n in range(number)
        }
        path.write_text(json.dumps({"database": videos}), encoding="utf-8")
    elif kind == "ego4d":
        path.write_text(json.dumps({f"{n:032x}": make_narrations(draw, each) for n in range(number)}), encoding="utf-8")
    elif kind == "subtitles":
        path.mkdir()
        for n in range(number):
            cues = (
                f"{i}\n{stamp(i * 3, ',')} --> {stamp(i * 3 + 2, ',')}\n{say(draw)}\n<i>{say(draw)}</i>\n\n"
                for i in range(each)
            )
            (path / f"film{n:04d}.srt").write_text("".join(cues), encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(make_lines(kind, draw, count))
        if kind == "tvr+subtitles":
            with (folder / "subs.jsonl").open("w", encoding="utf-8") as file:
                file.writelines(
                    json.dumps(
                        {
                            "vid_name": clip(n),
                            "sub": [
                                {"text": f" Monica : {say(draw)}", "start": i * 2, "end": i * 2 + 1.5}
                                for i in range(20)
                            ],
                        }
                    )
                    + "\n"
                    for n in range(count // 5)
                )
    return path


def make_narrations(draw: random.Random, each: int) -> dict[str, object]:
    narrations = [
        {
            "timestamp_sec": round(i * 2.5, 3),
            "timestamp_frame": i * 75,
            "narration_text": f"#C C {say(draw)}",
            "annotation_uid": f"{draw.getrandbits(128):032x}",
            "_annotation_uid": f"{draw.getrandbits(128):032x}",
        }
        for i in range(each)
    ]
    return {"narration_pass_1": {"narrations": narrations, "summaries": []}, "status": "complete"}


def clip(number: int) -> str:
    return f"friends_s{number % 10 + 1:02d}e{number // 10 % 24 + 1:02d}_seg02_clip_{number:05d}"


def make_lines(kind: str, draw: random.Random, count: int) -> Iterator[str]:
    if kind == "epic_kitchens":
        yield "narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,start_frame,stop_frame,"
        yield "narration,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes\n"
    for n in range(count):
        if kind == "epic_kitchens":
            first, last = span(draw, 900)
            yield f"P01_{n},P01,P01_{n // 100},{stamp(first)},{stamp(first)},{stamp(last)},1,2,{say(draw)},pick-up,0,plate,2,"
            yield "\"['plate', 'board:chopping']\",\"[2, 3]\"\n"
        elif kind == "charades_sta":
            first, last = span(draw, 30)
            yield f"V{n // 2:05d} {first} {last}##{say(draw)}.\n"
        elif kind == "qvhighlights":
            pieces = list(range(34))
            row = {"qid": n, "query": say(draw), "duration": 150, "vid": f"yt{n // 2:09d}_60.0_210.0"}
            row |= {"relevant_clip_ids": pieces, "saliency_scores": [[1, 2, 3]] * 34, "relevant_windows": [[0, 68]]}
            yield json.dumps(row) + "\n"
        else:
            row = {
                "vid_name": clip(n // 5),
                "duration": 61.46,
                "ts": span(draw, 60),
                "desc": say(draw),
                "type": "v",
                "desc_id": n,
            }
            yield json.dumps(row) + "\n"


def parse_bare(kind: str, path: Path) -> None:
    if path.suffix == ".json":
        msgspec.json.decode(path.read_bytes())
    elif path.suffix == ".jsonl":
        decode = msgspec.json.Decoder().decode
        with path.open("rb") as lines:
            for line in lines:
                decode(line)
        if kind == "tvr+subtitles":
            parse_bare("", path.with_name("subs.jsonl"))
    elif path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as stream:
            for _ in csv.reader(stream):
                pass
    elif path.suffix == ".txt":
        for line in path.read_text(encoding="utf-8").splitlines():
            re.split(r" |##", line, maxsplit=3)
    else:
        for file in sorted(path.iterdir()):
            pysubs2.load(str(file))


def run_child(kind: str, path: Path, how: str) -> None:
    """Prints seconds, segments and peak memory in MB."""
    sys.path.insert(0, str(ROOT))
    segments = 0
    if how.isdecimal():  # made in a process of its own too: a child's peak begins with its parent's
        make(kind, path, int(how))
        print(0, 0, 0)
        return
    if how == "bare":
        start = time.process_time()
        parse_bare(kind, path)
    else:
        from syphus.annotations.reading import find_reader  # noqa: PLC0415

        reader = find_reader(kind.partition("+")[0])
        more = {"subtitles": path.with_name("subs.jsonl")} if "+" in kind else {}
        start = time.process_time()
        for scene in reader.read(reader.Options(path=path, **more), print):
            segments += len(scene.segments)
    seconds = time.process_time() - start
    print(seconds, segments, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)


def measure(kind: str, path: Path, how: str) -> list[float]:
    command = [sys.executable, __file__, "--child", kind, str(path), how]
    return [float(word) for word in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--only", choices=SHAPES)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        kind, path, how = arguments.child
        run_child(kind, Path(path), how)
        return
    print(f"{'reader':16}{'segments':>10}{'seconds':>9}{'records/s':>11}{'bare, s':>9}{'ratio':>7}{'memory, MB':>12}")
    for kind in SHAPES:
        if arguments.only in (None, kind):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, SHAPES[kind][0])
                measure(kind, Path(folder), str(arguments.records))
                bare = measure(kind, path, "bare")[0]
                seconds, segments, memory = measure(kind, path, "read")
            rate, ratio = segments / seconds, seconds / bare
            print(f"{kind:16}{int(segments):>10,}{seconds:>9.2f}{rate:>11,.0f}{bare:>9.2f}{ratio:>7.1f}{memory:>12.0f}")


if __name__ == "__main__":
    main()
