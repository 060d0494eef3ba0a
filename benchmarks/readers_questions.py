"""Records a second and peak memory of the readers of questions and of text in pictures, beside a bare parse of the same files.

    python benchmarks/readers_questions.py [--records 100000] [--only vqa,ocr]

Each file is made up, the same each time, in the true form, and the records of a picture stand far apart in it. The files
are made, read and parsed in processes of their own, so that each one's peak memory (``ru_maxrss``) is its own; what an
interpreter with a reader imported takes of that is the first line. Seconds are the processor's, which a busy machine changes
least. The bare parse is ``msgspec.json.decode`` of the whole file (of each line
in JSON Lines), ``csv.reader``, or ``pickle.load``, and throws away what it made.
"""

import argparse
import csv
import json
import pickle
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[1]
WORDS = (
    "what is the man in the red shirt holding next to a small brown dog on the left side of this busy street".split()
)
ANSWERS = "yes no red blue two tennis frisbee kitchen surfboard left".split()


def make_text(draw: random.Random, words: int) -> str:
    return " ".join(draw.choices(WORDS, k=words))


def make_vqa(folder: Path, draw: random.Random, records: int) -> dict[str, Path]:
    pictures = max(records // 5, 1)
    head = {"info": {"version": "2.0"}, "data_type": "mscoco", "license": {"name": "By"}, "data_subtype": "train2014"}
    questions = [
        {"image_id": number * 7919 % pictures, "question": make_text(draw, 7) + "?", "question_id": 10 * number}
        for number in range(records)
    ]
    annotations = [
        {
            "question_type": "what is",
            "multiple_choice_answer": "red",
            "answers": [
                {"answer": answer, "answer_confidence": "yes", "answer_id": place}
                for place, answer in enumerate(draw.choices(ANSWERS[:4], k=10))
            ],
            "image_id": number * 7919 % pictures,
            "answer_type": "other",
            "question_id": 10 * number,
        }
        for number in range(records)
    ]
    files = {"questions": folder / "questions.json", "annotations": folder / "annotations.json"}
    files["questions"].write_text(json.dumps({**head, "questions": questions}))
    files["annotations"].write_text(json.dumps({**head, "annotations": annotations}))
    return files


def make_gqa(folder: Path, draw: random.Random, records: int) -> dict[str, Path]:
    pictures = max(records // 13, 1)
    step = {"operation": "select", "dependencies": [], "argument": "chalkboard (0)"}
    rows = {
        f"{number:09d}": {
            "semantic": [step, {**step, "operation": "relate", "dependencies": [0]}, {**step, "operation": "query"}],
            "entailed": [str(number)],
            "equivalent": [str(number)],
            "question": make_text(draw, 8) + "?",
            "imageId": f"n{number * 7919 % pictures}",
            "isBalanced": True,
            "groups": {"global": "thing", "local": "14-chalkboard_hanging above,s"},
            "answer": draw.choice(ANSWERS),
            "semanticStr": "select: chalkboard (0)->relate: _,hanging above,s (12) [0]->query: name [1]",
            "annotations": {"answer": {"0": "12"}, "question": {}, "fullAnswer": {"1": "12", "6": "0"}},
            "types": {"detailed": "relS", "semantic": "rel", "structural": "query"},
            "fullAnswer": make_text(draw, 8) + ".",
        }
        for number in range(records)
    }
    file = folder / "questions.json"
    file.write_text(json.dumps(rows))
    return {"path": file}


def make_aokvqa(folder: Path, draw: random.Random, records: int) -> dict[str, Path]:
    rows = [
        {
            "split": "train",
            "image_id": number * 7919 % records,
            "question_id": f"22jbM6gDxdaMaunuz{number:05d}",
            "question": make_text(draw, 8) + "?",
            "choices": draw.sample(ANSWERS, 4),
            "correct_choice_idx": number % 4,
            "direct_answers": draw.choices(ANSWERS, k=10),
            "difficult_direct_answer": False,
            "rationales": [make_text(draw, 10) for _ in range(3)],
        }
        for number in range(records)
    ]
    file = folder / "aokvqa.json"
    file.write_text(json.dumps(rows))
    return {"path": file}


def make_textvqa(folder: Path, draw: random.Random, records: int) -> dict[str, Path]:
    pictures = max(records // 2, 1)
    rows = [
        {
            "question": make_text(draw, 7) + "?",
            "image_id": f"{number % pictures:016x}",
            "image_classes": ["Vehicle", "Tower"],
            "flickr_original_url": f"https://farm2.staticflickr.com/5067/{number}_4ea686e643_o.jpg",
            "flickr_300k_url": f"https://c5.staticflickr.com/6/5067/{number}_f43a649fb5_z.jpg",
            "image_width": 786,
            "image_height": 1024,
            "answers": draw.choices(ANSWERS, k=10),
            "question_tokens": WORDS[:7],
            "question_id": number,
            "set_name": "train",
        }
        for number in range(records)
    ]
    words = [
        {
            "image_id": f"{number:016x}",
            "ocr_tokens": WORDS[:12],
            "ocr_info": [
                {
                    "word": word,
                    "bounding_box": {
                        "width": 0.05,
                        "height": 0.03,
                        "rotation": 0,
                        "roll": 0,
                        "pitch": 0,
                        "yaw": 0.5,
                        "top_left_x": draw.random() * 0.9,
                        "top_left_y": draw.random() * 0.9,
                    },
                }
                for word in WORDS[:12]
            ],
        }
        for number in range(pictures)
    ]
    files = {"path": folder / "textvqa.json", "ocr": folder / "rosetta.json"}
    files["path"].write_text(json.dumps({"dataset_name": "textvqa", "data": rows}))
    files["ocr"].write_text(json.dumps({"data": words}))
    return files


def make_pages(draw: random.Random, records: int) -> list[dict[str, Any]]:
    pages = []
    for number in range(max(records // 20, 1)):
        lines = []
        for line in range(20):
            x, y = draw.randrange(400), 30 * line + draw.randrange(8)
            quad = [x, y, x + 100, y + 1, x + 100, y + 21, x, y + 20]
            lines.append({"text": make_text(draw, 2), "box": quad, "label": line})
        pages.append({"file_name": f"image_files/{number}.jpeg", "height": 700, "width": 600, "annotations": lines})
    return pages


def make_ocr(folder: Path, draw: random.Random, records: int) -> dict[str, Path]:
    file = folder / "kie.jsonl"
    file.write_text("".join(json.dumps(page) + "\n" for page in make_pages(draw, records)))
    return {"path": file}


def make_mmocr(folder: Path, draw: random.Random, records: int) -> dict[str, Path]:
    pages = [
        {
            "img_path": page["file_name"],
            "height": 700,
            "width": 600,
            "instances": [
                {"polygon": one["box"], "bbox": one["box"][:2] + one["box"][4:6], "bbox_label": 0, "ignore": False}
                | {"text": one["text"]}
                for one in page["annotations"]
            ],
        }
        for page in make_pages(draw, records)
    ]
    file = folder / "mmocr.json"
    file.write_text(json.dumps({"metainfo": {}, "data_list": pages}))
    return {"path": file}


def make_refcoco(folder: Path, draw: random.Random, records: int) -> dict[str, Path]:
    refs, images, annotations = [], [], []
    for number in range(max(records // 3, 1)):
        image = number // 2
        if number % 2 == 0:
            images.append({"id": image, "file_name": f"COCO_train2014_{image:012}.jpg", "width": 640, "height": 480})
        box = [draw.randrange(300), draw.randrange(200), 99.5, 80.25]
        outline = [[draw.randrange(480) for _ in range(40)]]
        annotations.append({"id": number, "image_id": image, "category_id": 1, "bbox": box, "segmentation": outline})
        texts = [make_text(draw, 4) for _ in range(3)]
        refs.append(
            {
                "sent_ids": [3 * number + place for place in range(3)],
                "file_name": f"COCO_train2014_{image:012}_{number}.jpg",
                "ann_id": number,
                "ref_id": number,
                "image_id": image,
                "split": "train",
                "sentences": [
                    {"tokens": text.split(), "raw": text, "sent_id": 3 * number + place, "sent": text}
                    for place, text in enumerate(texts)
                ],
                "category_id": 1,
            }
        )
    files = {"refs": folder / "refs.p", "instances": folder / "instances.json"}
    files["refs"].write_bytes(pickle.dumps(refs, 2))
    document = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
    files["instances"].write_text(json.dumps(document))
    return files


def make_table(file: Path, header: str, make_row: Callable[[int], list[Any]], records: int) -> dict[str, Path]:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(header.split(","))
        writer.writerows(make_row(number) for number in range(records))
    return {"path": file}


def make_nextqa(folder: Path, draw: random.Random, records: int) -> dict[str, Path]:
    def make_row(number: int) -> list[Any]:
        video = number * 7919 % max(records // 9, 1)
        question = [video, 369, 640, 480, make_text(draw, 9), number % 5, number // max(records // 9, 1), "CW"]
        return question + [make_text(draw, 3) for _ in range(5)]

    return make_table(
        folder / "nextqa.csv",
        "video,frame_count,width,height,question,answer,qid,type,a0,a1,a2,a3,a4",
        make_row,
        records,
    )


def make_pmc_vqa(folder: Path, draw: random.Random, records: int) -> dict[str, Path]:
    def make_row(number: int) -> list[Any]:
        choices = [f" {letter}:{answer} " for letter, answer in zip("ABCD", draw.sample(ANSWERS, 4), strict=True)]
        figure = f"PMC{number * 7919 % max(records // 2, 1)}_Fig1.jpg"
        return [
            figure,
            make_text(draw, 9) + ", and why?",
            choices[number % 4].strip()[2:],
            *choices,
            "ABCD"[number % 4],
        ]

    header = "Figure_path,Question,Answer,Choice A,Choice B,Choice C,Choice D,Answer_label"
    return make_table(folder / "pmc_vqa.csv", header, make_row, records)


def make_roco(folder: Path, draw: random.Random, records: int) -> dict[str, Path]:
    file = folder / "captions.txt"
    file.write_text("".join(f"ROCO_{number:05d}\t {make_text(draw, 20)}.\n" for number in range(records)))
    return {"path": file}


SETS: dict[str, tuple[str, Callable[[Path, random.Random, int], dict[str, Path]]]] = {
    "vqa": ("vqa", make_vqa),
    "gqa": ("gqa", make_gqa),
    "aokvqa": ("aokvqa", make_aokvqa),
    "textvqa+rosetta": ("textvqa", make_textvqa),
    "ocr, key information": ("ocr", make_ocr),
    "ocr, mmocr": ("ocr", make_mmocr),
    "refcoco": ("refcoco", make_refcoco),
    "nextqa": ("nextqa", make_nextqa),
    "figures, PMC-VQA": ("figures", make_pmc_vqa),
    "figures, ROCO": ("figures", make_roco),
}


def read(reader: str, files: dict[str, str]) -> int:
    from syphus.annotations.reading import find_reader  # noqa: PLC0415

    module = find_reader(reader)
    problems: list[Any] = []
    scenes = sum(1 for _ in module.read(module.Options(**{k: Path(f) for k, f in files.items()}), problems.append))
    assert scenes, problems[:3]
    return scenes


def parse(files: dict[str, str]) -> None:
    for name in files.values():
        file = Path(name)
        if file.suffix == ".json":
            msgspec.json.decode(file.read_bytes())
        elif file.suffix == ".jsonl":
            with file.open("rb") as stream:
                for line in stream:
                    msgspec.json.decode(line)
        elif file.suffix == ".p":
            pickle.loads(file.read_bytes())
        else:
            with file.open(newline="", encoding="utf-8") as stream:
                for _ in csv.reader(stream, delimiter="," if file.suffix == ".csv" else "\t"):
                    pass


def measure(job: str, name: str, files: dict[str, str]) -> None:
    """Runs in the fresh process."""
    sys.path.insert(0, str(ROOT))
    reader, make = SETS[name]
    if job == "make":
        made = make(Path(files["folder"]), random.Random(2017), int(files["records"]))
        print(json.dumps({option: str(file) for option, file in made.items()}))
        return
    from syphus.annotations.reading import find_reader  # noqa: PLC0415

    find_reader(reader)
    began = time.process_time()
    scenes = read(reader, files) if job == "read" else parse(files) if job == "parse" else None
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"scenes": scenes, "seconds": seconds, "peak": peak}))


def run(job: str, name: str, files: dict[str, str], *, times: int = 2) -> dict[str, Any]:
    """The best of them."""
    command = [sys.executable, __file__, "--job", json.dumps([job, name, files])]
    runs = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(times)
    ]
    return min(runs, key=lambda one: one.get("seconds", 0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--only", default="")
    parser.add_argument("--job")
    arguments = parser.parse_args()
    if arguments.job:
        measure(*json.loads(arguments.job))
        return
    idle = run("import", "vqa", {})["peak"]
    print(f"an interpreter with a reader imported: {idle / 1e6:.0f} MB")
    print(f"{'':22}{'file':>8}{'reader':>9}{'records/s':>11}{'peak':>9}{'parse':>9}{'peak':>9}{'ratio':>7}")
    for name, (reader, _) in SETS.items():
        if arguments.only and reader not in arguments.only.split(","):
            continue
        with tempfile.TemporaryDirectory() as folder:
            files = run("make", name, {"folder": folder, "records": str(arguments.records)}, times=1)
            size = sum(Path(file).stat().st_size for file in files.values())
            ours, bare = run("read", name, files), run("parse", name, files)
        ratio = ours["seconds"] / bare["seconds"]
        print(
            f"{name:22}{size / 1e6:6.0f}MB{ours['seconds']:8.2f}s{arguments.records / ours['seconds']:11,.0f}"
            f"{ours['peak'] / 1e6:7.0f}MB{bare['seconds']:8.2f}s{bare['peak'] / 1e6:7.0f}MB{ratio:7.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
