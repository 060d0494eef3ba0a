"""Records a second and peak memory of the readers of annotated pictures, beside a bare parse of the same files.

    python benchmarks/readers_pictures.py [--pictures 20000] [--folder FOLDER] [--only lvis]

The files are made up, the same each time, in the true forms and proportions: a picture of Visual Genome has some 35 objects, 21
relationships and 50 regions. The bare parse is what the reader's own parser takes to make typed values of all of it and throw
them away: msgspec for JSON (the whole file in memory, which the readers do without), csv, defusedxml, ``str.split``. Each
reading runs in a process of its own, so that its peak memory (``ru_maxrss``) is its own.
"""

import argparse
import csv
import json
import random
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
WORDS = "man woman dog tree window street sign shirt car building table plate sky grass chair bus hat wheel".split()


def make_box(draw: random.Random) -> tuple[int, int, int, int]:
    x, y = draw.randrange(700), draw.randrange(500)
    return x, y, draw.randint(5, 799 - x), draw.randint(5, 599 - y)


def make_thing(draw: random.Random, id_: int) -> dict[str, object]:
    x, y, w, h = make_box(draw)
    name = draw.choice(WORDS)
    return {
        "synsets": [f"{name}.n.01"],
        "h": h,
        "object_id": id_,
        "merged_object_ids": [],
        "names": [name],
        "w": w,
        "y": y,
        "x": x,
    }


def write_list(file: Path, count: int, make: Callable[[int], object]) -> None:
    with file.open("w", encoding="utf-8") as stream:
        stream.write("[")
        for number in range(count):
            stream.write((", " if number else "") + json.dumps(make(number)))
        stream.write("]")


def make_visual_genome(folder: Path, pictures: int) -> dict[str, str]:
    draw = random.Random(1)

    def make_objects(n: int) -> object:
        return {
            "image_id": n,
            "objects": [make_thing(draw, 100 * n + k) for k in range(draw.randint(15, 55))],
            "image_url": "u",
        }

    def make_attributes(n: int) -> object:
        things = [{**make_thing(draw, 100 * n + k), "attributes": ["white", "tall"][: k % 3]} for k in range(15)]
        return {"image_id": n, "attributes": things}

    def make_relationships(n: int) -> object:
        return {
            "image_id": n,
            "relationships": [
                {
                    "predicate": draw.choice(["ON", "has", "wearing"]),
                    "object": make_thing(draw, 100 * n + k % 15),
                    "relationship_id": 100 * n + k,
                    "synsets": ["along.r.01"],
                    "subject": make_thing(draw, 100 * n + k % 11 + 3),
                }
                for k in range(21)
            ],
        }

    def make_regions(n: int) -> object:
        regions = []
        for k in range(50):
            x, y, w, h = make_box(draw)
            phrase = " ".join(draw.choice(WORDS) for _ in range(5))
            regions.append(
                {"region_id": 100 * n + k, "width": w, "height": h, "image_id": n, "phrase": phrase, "y": y, "x": x}
            )
        return {"regions": regions, "id": n}

    def make_image(n: int) -> object:
        return {
            "width": 800,
            "url": f"https://x/VG_100K_2/{n}.jpg",
            "height": 600,
            "image_id": n,
            "coco_id": None,
            "flickr_id": None,
        }

    makers = {"image_data": make_image, "objects": make_objects, "attributes": make_attributes}
    makers |= {"relationships": make_relationships, "region_descriptions": make_regions}
    for name, make in makers.items():
        write_list(folder / f"{name}.json", pictures, make)
    return {"folder": str(folder)}


def parse_visual_genome(options: dict[str, str]) -> None:
    import msgspec  # noqa: PLC0415

    from syphus.annotations.pictures.visual_genome_records import RECORDS  # noqa: PLC0415

    for kind, record in RECORDS.items():
        file = Path(options["folder"], f"{kind}.json")
        if file.is_file():
            msgspec.json.decode(file.read_bytes(), type=list[record])


def make_gqa(folder: Path, pictures: int) -> dict[str, str]:
    draw = random.Random(2)
    file = folder / "train_sceneGraphs.json"
    with file.open("w", encoding="utf-8") as stream:
        stream.write("{")
        for n in range(pictures):
            objects = {}
            for k in range(16):
                x, y, w, h = make_box(draw)
                others = draw.sample([other for other in range(16) if other != k], 3)
                ends = [{"object": str(n * 100 + other), "name": "to the left of"} for other in others]
                objects[str(n * 100 + k)] = {
                    "name": draw.choice(WORDS),
                    "h": h,
                    "relations": ends,
                    "w": w,
                    "attributes": ["red"],
                    "y": y,
                    "x": x,
                }
            stream.write(
                (", " if n else "") + f'"{n}": ' + json.dumps({"width": 800, "objects": objects, "height": 600})
            )
        stream.write("}")
    return {"path": str(file)}


def parse_gqa(options: dict[str, str]) -> None:
    import msgspec  # noqa: PLC0415

    from syphus.annotations.pictures import gqa_scene_graphs  # noqa: PLC0415

    msgspec.json.decode(Path(options["path"]).read_bytes(), type=dict[str, gqa_scene_graphs._GraphRecord])  # noqa: SLF001


def make_lvis(folder: Path, pictures: int) -> dict[str, str]:
    draw = random.Random(3)
    polygon = [[round(draw.uniform(0, 480), 2) for _ in range(60)]]
    images = [
        {
            "id": n,
            "coco_url": f"http://images.cocodataset.org/train2017/{n:012d}.jpg",
            "width": 800,
            "height": 600,
            "neg_category_ids": [draw.randint(1, 1203) for _ in range(9)],
            "not_exhaustive_category_ids": [],
            "license": 1,
        }
        for n in range(pictures)
    ]
    categories = [
        {
            "id": n,
            "name": f"{draw.choice(WORDS)}_({n})",
            "synonyms": [f"{n}", "thing"],
            "frequency": "f",
            "def": "a thing",
        }
        for n in range(1, 1204)
    ]
    annotations = [
        {
            "id": k,
            "image_id": k // 12,
            "category_id": draw.randint(1, 1203),
            "bbox": make_box(draw),
            "area": 1.5,
            "segmentation": polygon,
        }
        for k in range(12 * pictures)
    ]
    file = folder / "lvis_v1_train.json"
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return {"path": str(file)}


def parse_lvis(options: dict[str, str]) -> None:
    import msgspec  # noqa: PLC0415

    from syphus.annotations.pictures.coco_records import CategoryRecord, ImageRecord, ObjectRecord  # noqa: PLC0415

    kinds = {"images": list[ImageRecord], "annotations": list[ObjectRecord], "categories": list[CategoryRecord]}
    whole = msgspec.defstruct("Whole", list(kinds.items()))
    msgspec.json.decode(Path(options["path"]).read_bytes(), type=whole)


def make_open_images(folder: Path, pictures: int) -> dict[str, str]:
    draw = random.Random(4)
    (folder / "class-descriptions-boxable.csv").write_text("".join(f"/m/{n},{word}\n" for n, word in enumerate(WORDS)))
    with (folder / "oidv6-train-annotations-bbox.csv").open("w") as stream:
        stream.write(
            "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside\n"
        )
        for n in range(pictures):
            for _ in range(8):
                x, y, w, h = (value / 1000 for value in make_box(draw))
                code = draw.randrange(len(WORDS))
                stream.write(
                    f"{n:016x},xclick,/m/{code},1,{x:.6f},{x + w:.6f},{y:.6f},{y + h:.6f},{code % 2},0,0,0,0\n"
                )
    with (folder / "train-annotations-human-imagelabels.csv").open("w") as stream:
        stream.write("ImageID,Source,LabelName,Confidence\n")
        stream.writelines(f"{n:016x},verification,/m/{k},{k % 2}\n" for n in range(pictures) for k in range(6))
    with (folder / "train-image-info.csv").open("w") as stream:
        stream.write("ImageID,Width,Height,License\n")
        stream.writelines(f"{n:016x},1024,768,https://creativecommons.org/licenses/by/2.0/\n" for n in range(pictures))
    return {"folder": str(folder)}


def parse_open_images(options: dict[str, str]) -> None:
    for file in Path(options["folder"]).glob("*.csv"):
        with file.open(newline="") as stream:
            for _ in csv.reader(stream):
                pass


def make_pascal_voc(folder: Path, pictures: int) -> dict[str, str]:
    draw = random.Random(5)
    for n in range(pictures):
        things = []
        for _ in range(3):
            x, y, w, h = make_box(draw)
            corners = (
                f"<bndbox><xmin>{x + 1}</xmin><ymin>{y + 1}</ymin><xmax>{x + w}</xmax><ymax>{y + h}</ymax></bndbox>"
            )
            flags = "<pose>Left</pose><truncated>0</truncated><difficult>0</difficult>"
            things.append(f"<object><name>{draw.choice(WORDS)}</name>{flags}{corners}</object>")
        size = "<size><width>800</width><height>600</height><depth>3</depth></size>"
        (folder / f"{n:06d}.xml").write_text(
            f"<annotation><filename>{n:06d}.jpg</filename>{size}{''.join(things)}</annotation>"
        )
    return {"path": str(folder)}


def parse_pascal_voc(options: dict[str, str]) -> None:
    from defusedxml.ElementTree import fromstring  # noqa: PLC0415

    for file in sorted(Path(options["path"]).iterdir()):
        fromstring(file.read_bytes())


def make_flickr30k_entities(folder: Path, pictures: int) -> dict[str, str]:
    draw = random.Random(6)
    for name in ("Sentences", "Annotations"):
        (folder / name).mkdir()
    sentence = "[/EN#{0}1/people Two young guys] with [/EN#{0}2/bodyparts shaggy hair] look at [/EN#{0}1/people their hands] .\n"
    for n in range(pictures):
        (folder / f"Sentences/{n}.txt").write_text(sentence.format(n) * 5)
        things = []
        for chain in (1, 1, 2):
            x, y, w, h = make_box(draw)
            corners = f"<xmin>{x + 1}</xmin><ymin>{y + 1}</ymin><xmax>{x + w}</xmax><ymax>{y + h}</ymax>"
            things.append(f"<object><name>{n}{chain}</name><bndbox>{corners}</bndbox></object>")
        size = "<size><width>800</width><height>600</height><depth>3</depth></size>"
        xml = f"<annotation><filename>{n}.jpg</filename>{size}{''.join(things)}</annotation>"
        (folder / f"Annotations/{n}.xml").write_text(xml)
    return {"folder": str(folder)}


def parse_flickr30k_entities(options: dict[str, str]) -> None:
    from defusedxml.ElementTree import fromstring  # noqa: PLC0415

    for file in Path(options["folder"], "Sentences").iterdir():
        file.read_text().split()
        fromstring((file.parents[1] / "Annotations" / f"{file.stem}.xml").read_bytes())


def make_yolo(folder: Path, pictures: int) -> dict[str, str]:
    draw = random.Random(7)
    (folder / "data.yaml").write_text(f"train: images\nnames: {json.dumps(WORDS)}\n")
    for name in ("images", "labels"):
        (folder / name).mkdir()
    head = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">IIBBBBB", 800, 600, 8, 0, 0, 0, 0)
    for n in range(pictures):
        (folder / f"images/{n}.png").write_bytes(head)
        boxes = [make_box(draw) for _ in range(7)]
        lines = [
            f"{draw.randrange(18)} {(x + w / 2) / 800:.6f} {(y + h / 2) / 600:.6f} {w / 800:.6f} {h / 600:.6f}\n"
            for x, y, w, h in boxes
        ]
        (folder / f"labels/{n}.txt").write_text("".join(lines))
    return {"path": str(folder)}


def parse_yolo(options: dict[str, str]) -> None:
    import imagesize  # noqa: PLC0415

    for file in sorted(Path(options["path"], "images").iterdir()):
        imagesize.get(file)
        for line in (file.parents[1] / "labels" / f"{file.stem}.txt").read_text().splitlines():
            list(map(float, line.split()))


def make_via(folder: Path, pictures: int) -> dict[str, str]:
    draw = random.Random(8)
    records = {}
    for n in range(pictures):
        regions = []
        for _ in range(5):
            x, y, w, h = make_box(draw)
            shape = {"name": "rect", "x": x, "y": y, "width": w, "height": h}
            regions.append(
                {"shape_attributes": shape, "region_attributes": {"label": draw.choice(WORDS), "colour": "red"}}
            )
        records[f"{n}.jpg5"] = {"filename": f"{n}.jpg", "size": 5, "regions": regions, "file_attributes": {}}
    (folder / "via.json").write_text(json.dumps(records))
    return {"path": str(folder / "via.json")}


def parse_via(options: dict[str, str]) -> None:
    import msgspec  # noqa: PLC0415

    msgspec.json.decode(Path(options["path"]).read_bytes())


MAKERS: dict[str, tuple[Callable[[Path, int], dict[str, str]], Callable[[dict[str, str]], None]]] = {
    "visual_genome": (make_visual_genome, parse_visual_genome),
    "gqa_scene_graphs": (make_gqa, parse_gqa),
    "lvis": (make_lvis, parse_lvis),
    "open_images": (make_open_images, parse_open_images),
    "pascal_voc": (make_pascal_voc, parse_pascal_voc),
    "flickr30k_entities": (make_flickr30k_entities, parse_flickr30k_entities),
    "yolo": (make_yolo, parse_yolo),
    "via": (make_via, parse_via),
}


def measure(name: str, options: dict[str, str]) -> None:
    """Runs in the fresh process: the reader first, so that its peak is no parse's."""

    from syphus.annotations.reading import find_reader  # noqa: PLC0415

    reader = find_reader(name)
    problems: list[object] = []
    began = time.perf_counter()
    scenes = records = 0
    for scene in reader.read(reader.Options(**{key: Path(value) for key, value in options.items()}), problems.append):
        scenes += 1
        records += len(scene.objects) + len(scene.relations) + len(scene.regions) + len(scene.captions)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    began = time.perf_counter()
    MAKERS[name][1](options)
    bare = time.perf_counter() - began
    found = {
        "scenes": scenes,
        "records": records,
        "seconds": seconds,
        "peak": peak,
        "bare": bare,
        "problems": len(problems),
    }
    print(json.dumps(found))


def run(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).resolve()), *arguments]
    found: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, help="where the files are made; a temporary folder otherwise")
    parser.add_argument("--only", choices=MAKERS)
    parser.add_argument("--make", help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure[0], json.loads(arguments.measure[1]))
        return 0
    if arguments.make:
        print(json.dumps(MAKERS[arguments.make][0](arguments.folder, arguments.pictures)))
        return 0
    for name in MAKERS:
        if arguments.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            # a child's peak begins with what its parent was, so that this process must stay small
            options = run("--make", name, "--pictures", str(arguments.pictures), "--folder", folder)
            size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
            one = run("--measure", name, json.dumps(options))
        print(
            f"{name:19} {size / 1e6:6.0f} MB  {one['scenes']:7,} scenes  {one['seconds']:6.2f} s  "
            f"{one['scenes'] / one['seconds']:7,.0f} scenes/s  {one['records'] / one['seconds']:8,.0f} annotations/s  "
            f"peak {one['peak'] / 1e6:4.0f} MB  bare parse {one['bare']:5.2f} s, {one['seconds'] / one['bare']:4.1f} times  "
            f"{one['problems']} problems"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
