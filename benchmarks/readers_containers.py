"""Records per second and peak memory of the readers of containers, picture pairs, albums and rooms, beside a bare parse.

    python benchmarks/readers_containers.py [--scale 0.1] [--folder FOLDER]

The files are made up, the same each time, in the true forms. Each reading runs in a process of its own, so that its peak memory
(``ru_maxrss``) is its own; "bare" is the fastest way to pass the same bytes through msgspec, tarfile or pyarrow and do nothing
with them. Pairing (``partners``) has no bare counterpart; its line is pairs per second over all its time.
"""

import argparse
import io
import json
import random
import resource
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zlib
from importlib import import_module
from pathlib import Path

import msgspec

from syphus.annotations import scenes
from syphus.annotations.reading import find_reader
from syphus.annotations.several.partners import pair_similar

RECORDS = {
    "spot_the_diff": 100_000,
    "vist": 100_000,
    "scannet": 100_000,
    "folder": 10_000,
    "webdataset": 20_000,
    "parquet": 100_000,
    "partners": 100_000,
}
WORDS = "a the man woman dog cat bus car red blue small large on in near walks sits stands street grass table old two people"


def make_png(width: int = 64, height: int = 48) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"".join(b"\0" + bytes(range(width)) for _ in range(height)))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def say(draw: random.Random, rare: int = 0) -> str:
    words = draw.choices(WORDS.split(), k=10)
    if rare:  # a word's frequency falls as its rank grows, as in real captions
        words[3:8] = [f"word{int(draw.paretovariate(0.6)) % rare}" for _ in range(5)]
    return " ".join(words)


# --- the files ---


def make_spot_the_diff(folder: Path, count: int) -> None:
    draw = random.Random(1)
    records = [{"img_id": str(draw.randrange(count)), "sentences": [say(draw), say(draw)]} for _ in range(count)]
    (folder / "x.json").write_text(json.dumps(records))


def make_vist(folder: Path, count: int) -> None:
    draw = random.Random(2)
    albums, photos, annotations = [], [], []
    for album in range(count // 25):
        albums.append({"id": str(album), "title": say(draw), "description": say(draw), "farm": "1", "photos": "20"})
        ids = [str(album * 20 + number) for number in range(20)]
        photos += [
            {"id": id_, "album_id": str(album), "title": "DSC_1", "tags": "a b", "url_o": f"https://x/{id_}_o.jpg"}
            for id_ in ids
        ]
        for story in range(5):
            for order in range(5):
                record = {
                    "original_text": say(draw),
                    "text": say(draw),
                    "album_id": str(album),
                    "tier": "story-in-sequence",
                }
                record |= {
                    "photo_flickr_id": ids[order],
                    "story_id": str(album * 5 + story),
                    "worker_id": "W",
                    "storylet_id": "1",
                }
                annotations.append([{**record, "setting": "s", "worker_arranged_photo_order": order}])
    (folder / "x.json").write_text(
        json.dumps({"images": photos, "albums": albums, "annotations": annotations, "type": "sis"})
    )


def make_scannet(folder: Path, count: int) -> None:
    draw = random.Random(3)
    records = []
    for number in range(count):
        text = say(draw)
        record = {
            "scene_id": f"scene{number % 800:04}_00",
            "object_id": str(draw.randrange(40)),
            "object_name": "office_chair",
        }
        records.append({**record, "ann_id": str(number % 5), "description": text, "token": text.split()})
    (folder / "x.json").write_text(json.dumps(records))
    for number in range(min(800, max(1, count // 100))):
        scan = f"scene{number:04}_00"
        (folder / "scans" / scan).mkdir(parents=True)
        groups = [{"id": n, "objectId": n, "segments": list(range(50)), "label": "chair"} for n in range(40)]
        (folder / "scans" / scan / f"{scan}.aggregation.json").write_text(
            json.dumps({"sceneId": scan, "segGroups": groups})
        )


def make_folder(folder: Path, count: int) -> None:
    draw, picture = random.Random(4), make_png()
    for number in range(count):
        place = folder / "pictures" / f"{number // 1000}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.png").write_bytes(picture)
        (place / f"{number}.txt").write_text(say(draw))


def make_webdataset(folder: Path, count: int) -> None:
    draw, picture = random.Random(5), make_png()
    with tarfile.open(folder / "x.tar", "w") as archive:
        for number in range(count):
            facts = json.dumps(
                {"caption": say(draw), "key": str(number), "width": 64, "height": 48, "url": "http://x/"}
            )
            for kind, data in (("png", picture), ("txt", say(draw).encode()), ("json", facts.encode())):
                info = tarfile.TarInfo(f"{number:09}.{kind}")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))


def make_parquet(folder: Path, count: int) -> None:
    pa, pq = import_module("pyarrow"), import_module("pyarrow.parquet")
    draw, picture = random.Random(6), make_png()
    rows = [
        {"image": {"bytes": picture, "path": f"{number}.png"}, "caption": say(draw), "n": number}
        for number in range(count)
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "x.parquet", row_group_size=1000)


def make_partners(folder: Path, count: int) -> None:
    draw = random.Random(7)
    with (folder / "x.jsonl").open("w") as file:
        for number in range(count):
            captions = [{"text": say(draw, 20_000)} for _ in range(5)]
            file.write(
                json.dumps({"id": f"s{number}", "assets": [{"path": f"{number}.jpg"}], "captions": captions}) + "\n"
            )


# --- reading them ---


def read_all(name: str, folder: Path) -> tuple[int, int]:
    """Scenes and problems."""
    problems: list[object] = []
    if name == "partners":
        source = scenes.read(scenes.Options(path=folder / "x.jsonl"), problems.append)
        return sum(1 for _ in pair_similar(source, report=problems.append, seed=1)), len(problems)
    reader = find_reader(name)
    options = {
        "folder": {"path": folder / "pictures"},
        "webdataset": {"path": folder / "x.tar"},
        "parquet": {"path": folder / "x.parquet"},
        "scannet": {"scanrefer": folder / "x.json", "scans": folder / "scans"},
    }.get(name, {"path": folder / "x.json"})
    return sum(1 for _ in reader.read(reader.Options(**options), problems.append)), len(problems)


def read_bare(name: str, folder: Path) -> None:
    """The same bytes, by the parser alone."""
    if name == "folder":
        for file in (folder / "pictures").rglob("*"):
            if file.is_file():
                with file.open("rb") as stream:
                    stream.read(1024)
    elif name == "webdataset":
        with (folder / "x.tar").open("rb") as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                file = archive.extractfile(member)
                assert file is not None
                file.read()
    elif name == "parquet":
        pq = import_module("pyarrow.parquet")
        for batch in pq.ParquetFile(folder / "x.parquet").iter_batches(batch_size=32, use_threads=False):
            batch.to_pylist()
    else:
        for file in [folder / "x.json", *folder.glob("scans/*/*.json")]:
            msgspec.json.decode(file.read_bytes())


def run_one(name: str, folder: Path, how: str) -> None:
    if how.isdecimal():
        globals()[f"make_{name}"](folder, int(how))
        print("[]")
        return
    bare = how == "bare"
    start = time.perf_counter()
    count, problems = (0, 0) if bare else read_all(name, folder)
    if bare:
        read_bare(name, folder)
    seconds = time.perf_counter() - start
    print(json.dumps([count, problems, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only", choices=list(RECORDS))
    parser.add_argument("--run", nargs=2)
    arguments = parser.parse_args()
    if arguments.run:
        run_one(arguments.run[0], arguments.folder, arguments.run[1])
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as temporary:
        for name, records in RECORDS.items():
            if arguments.only in (None, name):
                measure(name, Path(temporary) / name, max(50, int(records * arguments.scale)))


def measure(name: str, folder: Path, count: int) -> None:
    folder.mkdir()

    def run(how: str) -> list[float]:
        command = [sys.executable, __file__, "--folder", str(folder), "--run", name, how]
        found = subprocess.run(command, capture_output=True, text=True, check=True)
        numbers: list[float] = json.loads(found.stdout)
        return numbers

    run(str(count))  # the files too: a process begins with the peak memory of the one that starts it
    made, problems, seconds, memory = run("reader")
    line = f"{name:14}{count:8,} records {made:8,} scenes {problems:6} problems {seconds:7.2f} s {count / seconds:9,.0f} records/s {memory:6.0f} MB"
    if name != "partners":
        _, _, bare, least = run("bare")
        line += f"   bare {bare:6.2f} s {least:6.0f} MB, ratio {seconds / bare:.1f}"
    print(line, flush=True)


if __name__ == "__main__":
    main()
