"""Time and memory of reading a COCO set as large as train2017, against the bound of 1 GB.

    python benchmarks/coco_reader.py [--scale 0.1] [--folder FOLDER]

The set is made up, the same each time, in the proportions of the true files: 118,287 images; 591,753 captions (92 MB);
860,001 instances with polygons and, for the crowds, masks (470 MB); 262,465 persons with keypoints (238 MB). Each reading
runs in a process of its own, so that its peak memory (``ru_maxrss``) is its own. Ends with 1 where the bound is passed.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BOUND = 1e9
IMAGES, CAPTIONS, INSTANCES, PERSONS = 118_287, 591_753, 860_001, 262_465
KINDS = ("captions", "instances", "keypoints")
RUNS = (("captions",), ("instances",), ("keypoints",), ("captions", "instances"), KINDS)
PARTS = "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist "
PARTS += "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"


def make_set(folder: Path, scale: float) -> dict[str, Path]:
    draw = random.Random(2017)
    images = [_make_image(index) for index in range(int(IMAGES * scale))]
    polygons = [_make_polygon(draw) for _ in range(997)]
    masks = [json.dumps({"counts": [draw.randrange(400) for _ in range(900)], "size": [480, 640]}) for _ in range(50)]
    makers = {
        "captions": (CAPTIONS, lambda index: _make_caption(draw, index, len(images))),
        "instances": (INSTANCES, lambda index: _make_instance(draw, index, len(images), polygons, masks)),
        "keypoints": (PERSONS, lambda index: _make_person(draw, index, len(images), polygons)),
    }
    files = {}
    for kind, (count, make) in makers.items():
        files[kind] = folder / f"{kind}.json"
        categories = [{"supercategory": "thing", "id": 1 + index, "name": f"thing {index}"} for index in range(80)]
        if kind == "keypoints":
            categories = [{"supercategory": "person", "id": 1, "name": "person", "keypoints": PARTS.split()}]
        with files[kind].open("w", encoding="utf-8") as file:
            file.write(
                '{"info": {"description": "made up"}, "licenses": [{"url": "http://x/", "id": 1, "name": "By"}], '
            )
            file.write('"images": [' + ", ".join(images) + '], "annotations": [')
            for index in range(int(count * scale)):
                file.write((", " if index else "") + make(index))
            file.write('], "categories": ' + json.dumps(categories) + "}")
    return files


def _make_image(index: int) -> str:
    name = f"{index * 5:012d}.jpg"
    return json.dumps(
        {
            "license": 1,
            "file_name": name,
            "coco_url": f"http://images.cocodataset.org/train2017/{name}",
            "height": 480,
            "width": 640,
            "date_captured": "2013-11-14 11:18:45",
            "flickr_url": f"http://farm9.staticflickr.com/8186/{index:010d}_dfbce6f3a8_z.jpg",
            "id": index * 5,
        }
    )


def _make_polygon(draw: random.Random) -> str:
    return json.dumps([[round(draw.uniform(0, 480), 2) for _ in range(2 * draw.randint(4, 36))]])


def _make_caption(draw: random.Random, index: int, images: int) -> str:
    words = " ".join(draw.choice(("a", "dog", "riding", "street", "two", "people", "on the", "red")) for _ in range(10))
    return f'{{"image_id": {index % images * 5}, "id": {index}, "caption": "{words}"}}'


def _make_box(draw: random.Random) -> list[float]:
    x, y = draw.uniform(0, 500), draw.uniform(0, 400)
    return [round(number, 2) for number in (x, y, draw.uniform(2, 639 - x), draw.uniform(2, 479 - y))]


def _make_instance(draw: random.Random, index: int, images: int, polygons: list[str], masks: list[str]) -> str:
    crowd = index % 85 == 0
    outline = draw.choice(masks if crowd else polygons)
    return (
        f'{{"segmentation": {outline}, "area": {draw.uniform(1, 9e4)}, "iscrowd": {int(crowd)}, "image_id": '
        f'{index % images * 5}, "bbox": {_make_box(draw)}, "category_id": {1 + index % 80}, "id": {100_000 + index}}}'
    )


def _make_person(draw: random.Random, index: int, images: int, polygons: list[str]) -> str:
    keypoints = [draw.randrange(1, 400) if place % 3 < 2 else 2 for place in range(51)] if index % 5 < 3 else [0] * 51
    return (
        f'{{"segmentation": {draw.choice(polygons)}, "num_keypoints": 17, "area": 1.5, "iscrowd": 0, "keypoints": '
        f'{keypoints}, "image_id": {index % images * 5}, "bbox": {_make_box(draw)}, "category_id": 1, '
        f'"id": {100_000 + index}}}'
    )


def measure(files: dict[str, str]) -> None:
    """Runs in the fresh process."""
    sys.path.insert(0, str(ROOT))
    from syphus.annotations.pictures import coco  # noqa: PLC0415

    problems: list[str] = []
    began = time.perf_counter()
    scenes = first = 0
    for scene in coco.read(coco.Options(**{k: Path(f) for k, f in files.items()}), lambda p: problems.append(str(p))):
        scenes += 1
        first = first or time.perf_counter() - began
        assert scene.assets
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"scenes": scenes, "seconds": seconds, "first": first, "peak": peak, "problems": len(problems)}))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="share of train2017's size")
    parser.add_argument("--folder", type=Path, help="where the files are made (700 MB); a temporary folder otherwise")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(json.loads(arguments.measure))
        return 0
    passed = True
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        files = make_set(Path(folder), arguments.scale)
        print(", ".join(f"{kind} {file.stat().st_size / 1e6:.0f} MB" for kind, file in files.items()))
        for kinds in RUNS:
            given = json.dumps({kind: str(files[kind]) for kind in kinds})
            command = [sys.executable, str(Path(__file__).resolve()), "--measure", given]
            found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
            passed &= found["peak"] < BOUND
            verdict = "pass" if found["peak"] < BOUND else "FALLS SHORT"
            print(
                f"{' + '.join(kinds):34} {found['scenes']:7,} scenes  {found['seconds']:6.2f} s "
                f"(the first after {found['first']:.2f} s)  {found['scenes'] / found['seconds']:8,.0f} scenes/s  "
                f"peak {found['peak'] / 1e6:4.0f} MB  {found['problems']} problems  {verdict} (1 GB)"
            )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
