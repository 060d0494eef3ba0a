"""Torn, mistyped and hostile files for the readers of questions and of text in pictures: an error that is meant, or scenes."""

import copy
import json
import pickle
import random
import re
from pathlib import Path

import msgspec
import pytest
from damage import HOSTILE, damage
from hypothesis import given, settings
from hypothesis import strategies as st

from syphus.annotations.questions import aokvqa, figures, gqa, nextqa, ocr, refcoco, textvqa, vqa
from syphus.errors import InputError
from syphus.records import Scene

QUESTIONS = {
    "license": {"name": "By"},
    "data_subtype": "val2014",
    "questions": [
        {"image_id": 1, "question": "Why?", "question_id": 10},
        {"image_id": 2, "question": "Who?", "question_id": 20},
    ],
}
ANNOTATIONS = {
    "annotations": [
        {"question_id": number, "answer_type": "other", "question_type": "why", "multiple_choice_answer": "a",
         "answers": [{"answer": "a", "raw_answer": "A", "answer_id": 1}, {"answer": "b", "answer_id": 2}]}
        for number in (10, 20)
    ]
}  # fmt: skip
AOKVQA = [
    {"split": "val", "image_id": 1, "question_id": "q", "question": "Why?", "choices": ["a", "b"], "correct_choice_idx": 1,
     "direct_answers": ["a", "a"], "difficult_direct_answer": False, "rationales": ["Because."]}
]  # fmt: skip
GQA = {
    str(number): {"semantic": [{"operation": "x", "dependencies": []}], "question": "Why?", "imageId": "n1", "isBalanced": True,
                  "answer": "a", "types": {"detailed": "d", "semantic": None, "structural": "s"}, "fullAnswer": "A."}
    for number in range(2)
}  # fmt: skip
TEXTVQA = {
    "data": [
        {"question": "Why?", "question_id": 1, "image_id": "a", "image_width": 10, "image_height": 10, "answers": ["a", "b"],
         "image_classes": ["Bus"], "flickr_300k_url": "http://x/", "ocr_tokens": ["T"], "set_name": "val"},
        {"caption_str": "A bus.", "reference_strs": ["A bus."], "image_id": "a"},
        {"questionId": 5, "question": "What?", "image": "d/x.png", "answers": ["7"], "question_types": ["form"], "docId": 2},
    ]
}  # fmt: skip
WORDS = {
    "data": [
        {"image_id": "a", "ocr_tokens": ["T"], "ocr_info": [
            {"word": "T", "bounding_box": {"top_left_x": 0.1, "top_left_y": 0.2, "width": 0.3, "height": 0.4, "rotation": 0}}]}
    ]
}  # fmt: skip
MMOCR = {
    "metainfo": {"task_name": "textdet"},
    "data_list": [
        {"img_path": "a.jpg", "width": 99, "height": 99, "instances": [
            {"polygon": [1, 1, 9, 1, 9, 9, 1, 9], "bbox": [1, 1, 9, 9], "bbox_label": 0, "ignore": False, "text": "T"}]}
    ],
}  # fmt: skip
KIE = {
    "file_name": "a.jpg",
    "height": 9,
    "width": 9,
    "annotations": [{"box": [1, 1, 5, 1, 5, 5, 1, 5], "text": "T", "label": 1}],
}
REFS = [
    {"ref_id": 1, "ann_id": 16, "image_id": 10, "split": "val", "category_id": 1, "file_name": "x_16.jpg", "sent_ids": [3],
     "sentences": [{"sent_id": 3, "sent": "man", "raw": "Man", "tokens": ["man"]}]}
]  # fmt: skip
INSTANCES = {
    "images": [{"id": 10, "file_name": "x.jpg", "width": 64, "height": 48}],
    "annotations": [{"id": 16, "image_id": 10, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 0}],
    "categories": [{"id": 1, "name": "person"}],
}
NEXTQA = b"video,frame_count,width,height,question,answer,qid,type,a0,a1,a2,a3,a4\n401,36,64,48,why,2,6,CW,a,b,c,d,e\n"
PMC_VQA = b'Figure_path,Question,Answer,Choice A,Choice B,Answer_label\na.jpg,"Why, how?", A:x, A:x, B:y,A\n'
ROCO = b"ROCO_1\t A scan.\nROCO_2\t Another (arrow).\n"
PADDLE = b'a.jpg\t[{"transcription": "T", "points": [[1, 1], [9, 1], [9, 9], [1, 9]], "difficult": false}]\nb.jpg\t[]\n'
ICDAR = b"1,1,9,1,9,9,1,9,Hello, world\n1,1,9,1,9,9,1,9,###\n"


def dump(value):
    return json.dumps(value, separators=(",", ":")).encode()


CASES = {
    "vqa": (vqa, {"questions": dump(QUESTIONS), "annotations": dump(ANNOTATIONS)}),
    "vqa raw": (vqa, {"annotations": dump(ANNOTATIONS), "questions": dump(QUESTIONS)}),
    "aokvqa": (aokvqa, {"path": dump(AOKVQA)}),
    "gqa": (gqa, {"path": dump(GQA)}),
    "textvqa": (textvqa, {"path": dump(TEXTVQA)}),
    "rosetta": (textvqa, {"ocr": dump(WORDS), "path": dump(TEXTVQA)}),
    "mmocr": (ocr, {"path": dump(MMOCR)}),
    "kie": (ocr, {"path": dump(KIE) + b"\n" + dump(KIE) + b"\n", "classes": b"0 Ignore\n1 Total\t\n"}),
    "classes": (ocr, {"classes": b"0 Ignore\n1 Total\t\n", "path": dump(KIE) + b"\n"}),
    "paddle": (ocr, {"path": PADDLE}),
    "icdar": (ocr, {"path": ICDAR}),
    "refs": (refcoco, {"refs": pickle.dumps(REFS, 2), "instances": dump(INSTANCES)}),
    "refs, protocol 0": (refcoco, {"refs": pickle.dumps(REFS, 0), "instances": dump(INSTANCES)}),
    "refs, JSON": (refcoco, {"refs": dump(REFS), "instances": dump(INSTANCES)}),
    "instances": (refcoco, {"instances": dump(INSTANCES), "refs": dump(REFS)}),
    "nextqa": (nextqa, {"path": NEXTQA}),
    "map": (nextqa, {"map": dump({"401": "11/22"}), "path": NEXTQA}),
    "pmc-vqa": (figures, {"path": PMC_VQA}),
    "roco": (figures, {"path": ROCO}),
}
"""Reader and files of each; the first of the files is damaged."""


def write(folder, files):
    paths = {}
    for option, data in files.items():
        paths[option] = folder / f"{option}.x"
        paths[option].write_bytes(data)
    return paths


def read(module, paths, *, images=None):
    """The scenes, which must be valid, and the problems, which must name file and place; None where the files are refused."""
    problems = []
    try:
        scenes = list(module.read(module.Options(**paths, images=images), problems.append))
    except InputError as error:
        if not str(error):
            pytest.fail("an error without words")
        return None
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    assert len({scene.id for scene in scenes}) == len(scenes)
    for problem in problems:
        assert problem.file in map(str, paths.values()) or " + " in problem.file
        assert problem.place
        assert problem.message
    return scenes


@pytest.mark.parametrize("name", CASES)
def test_the_good_files(tmp_path, name):
    module, files = CASES[name]
    assert read(module, write(tmp_path, files))


@pytest.mark.parametrize("name", CASES)
def test_damaged_files(tmp_path, name):
    module, files = CASES[name]
    paths = write(tmp_path, files)
    option, good = next(iter(files.items()))
    for bad in damage(
        good, b"\t", b"\n", b"..", b"1e308", b"-1", b"\xef\xbb\xbf", b"###", b",", b"c", b".", b"0", seed=4, each=12
    ):
        paths[option].write_bytes(bad)
        read(module, paths)


@pytest.mark.parametrize("name", CASES)
def test_files_cut_anywhere(tmp_path, name):
    module, files = CASES[name]
    paths = write(tmp_path, files)
    option, good = next(iter(files.items()))
    for cut in range(1, len(good), 3):
        paths[option].write_bytes(good[:cut])
        read(module, paths)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n",
        b"\0" * 50,
        bytes(range(256)) * 4,
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"[]",
        b"{}",
        b"null",
        b"7",
        b"\xff\xfe\x00",
    ],
    ids=lambda content: content[:6].hex() or "empty",
)
def test_files_that_are_none(tmp_path, name, content):
    module, files = CASES[name]
    paths = write(tmp_path, files)
    paths[next(iter(files))].write_bytes(content)
    read(module, paths)


@pytest.mark.parametrize("name", CASES)
def test_other_encodings(tmp_path, name):
    module, files = CASES[name]
    paths = write(tmp_path, files)
    option, good = next(iter(files.items()))
    for encoding in ("utf-16", "utf-32", "utf-16-le", "cp037"):
        paths[option].write_bytes(good.decode("latin-1").encode(encoding))
        read(module, paths)


VALUES = [
    None,
    True,
    0,
    -1,
    10**18,
    10**30,
    1e308,
    0.5,
    "",
    "x",
    "\u0000",
    "../../x",
    "/x",
    "C:\\x",
    "a" * 3000,
    [],
    {},
    [[]],
]
VALUES += [[None], {"a": 1}, ["x", "x"], [1, 2, 3, 4], "\u202e[x](#y)", "1", " ", "http://x/y", "é" * 9]


def places_of(value, path=()):
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places_of(child, (*path, key))


def swap(value, path, new):
    if not path:
        return new
    changed = copy.deepcopy(value)
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = new
    return changed


@pytest.mark.parametrize(
    "name", [name for name, (_, files) in CASES.items() if next(iter(files.values()))[:1] in (b"{", b"[")]
)
def test_mistyped_values(tmp_path, name):
    module, files = CASES[name]
    paths = write(tmp_path, files)
    option, good = next(iter(files.items()))
    document = json.loads(good.splitlines()[0])
    draw = random.Random(9)
    for path in places_of(document):
        for new in draw.sample(VALUES, 9):
            paths[option].write_bytes(dump(swap(document, path, new)))
            read(module, paths, images=Path("/pictures"))


@pytest.mark.parametrize("new", [*VALUES, b"bytes", (1, 2), {1, 2}, 1j, float("nan"), {3: 4}], ids=repr)
def test_mistyped_values_of_a_pickle(tmp_path, new):
    paths = write(tmp_path, {"refs": b"", "instances": dump(INSTANCES)})
    for path in places_of(REFS):
        paths["refs"].write_bytes(pickle.dumps(swap(REFS, path, new), 4))
        read(refcoco, paths)


def test_hostile_values_in_tables(tmp_path):
    """Each field of a row in turn."""
    for name, good in (("nextqa", NEXTQA), ("pmc-vqa", PMC_VQA)):
        header, row = good.decode().splitlines()
        fields = row.replace('"Why, how?"', "Why").split(",")
        for place in range(len(fields)):
            for hostile in (*HOSTILE, b'"', b"'", b'""', b"=1+1", b"-0", b"1_000", "٣".encode(), b"1.5", b"\x1b[31m"):
                bad = [field.encode() for field in fields]
                bad[place] = hostile
                module, _ = CASES[name]
                paths = write(tmp_path, {"path": header.encode() + b"\n" + b",".join(bad) + b"\n"})
                read(module, paths)


# --- nothing is lost unsaid: what is in the file is in the scenes or in a problem ---

TEXT = st.sampled_from(["Why?", "A dog", " ", "", "\x00", "x\ty"])
PICTURE = st.sampled_from([1, 2, 3, "4"])


def count(module, paths):
    problems = []
    scenes = list(module.read(module.Options(**paths), problems.append))
    return scenes, problems


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(PICTURE, st.integers(0, 9), TEXT, st.lists(TEXT, max_size=4), st.booleans()), max_size=12))
def test_questions_are_in_the_scenes_or_reported(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("x")
    own = {f"{image} {number} {place}" for place, (image, number, *_) in enumerate(rows)}
    cases = {
        aokvqa: [
            {"image_id": image, "question_id": number, "question": text, "split": "val", "direct_answers": answers}
            for image, number, text, answers, _ in rows
        ],
        textvqa: {
            "data": [
                {"image_id": image, "question_id": number, "question": text, "answers": answers}
                for image, number, text, answers, _ in rows
            ]
        },
        gqa: {
            name: {"imageId": image, "question": text, "isBalanced": balanced}
            for name, (image, _, text, _, balanced) in zip(sorted(own), rows, strict=True)
        },
    }
    for module, document in cases.items():
        scenes, problems = count(module, write(folder, {"path": dump(document)}))
        questions = [question for scene in scenes for question in scene.questions]
        unbalanced = [problem for problem in problems if problem.place == "isBalanced"]
        left_out = int(unbalanced[0].message.split()[0]) if unbalanced else 0
        told = {problem.place for problem in problems if "of `" not in problem.message} - {"isBalanced"}
        assert len(questions) + len(told) + left_out == len(rows), (module, problems)
        if module is not gqa:  # each answer is a vote, or counted as empty
            given_ = sum(len(answers) for _, _, _, answers, _ in rows)
            empty = sum(int(problem.message.split()[0]) for problem in problems if "of `" in problem.message)
            lost = sum(
                len(answers) for place, (*_, answers, _) in enumerate(rows) if _place(module, place, rows) in told
            )
            assert sum(sum(question.votes) for question in questions) + empty + lost == given_


def _place(module, place, rows):
    return f"data[{place}]" if module is textvqa else f"[{place}] ({rows[place][1]})"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(TEXT | st.just("###"), st.sampled_from([[], [1, 2, 3], [0, 0, 5, 5], [5, 0, 0, 5, 9, 9]])),
            max_size=6,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_texts_in_pictures_are_in_the_scenes_or_reported(tmp_path_factory, pages):
    rows = [
        {"image": f"{number}.jpg", "lines": [{"text": text, "points": points} for text, points in page]}
        for number, page in enumerate(pages)
    ]
    paths = write(tmp_path_factory.mktemp("x"), {"path": b"".join(dump(row) + b"\n" for row in rows) + b"\n"})
    scenes, problems = count(ocr, paths)
    found = sum(len(scene.ocr) + len(scene.objects) for scene in scenes)
    empty = sum("neither a text nor a place" in problem.message for problem in problems)
    illegible = sum(int(problem.message.split()[0]) for problem in problems if "illegible" in problem.message)
    assert found + empty + illegible == sum(len(page) for page in pages)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([16, 17, 99]), st.sampled_from([10, 11]), st.lists(TEXT, max_size=3)),
        min_size=1,
        max_size=8,
    )
)
def test_expressions_are_in_the_scenes_or_reported(tmp_path_factory, rows):
    refs = [
        {"ref_id": number, "ann_id": annotation, "image_id": image, "sentences": [{"raw": text} for text in texts]}
        for number, (annotation, image, texts) in enumerate(rows)
    ]
    paths = write(tmp_path_factory.mktemp("x"), {"refs": pickle.dumps(refs, 2), "instances": dump(INSTANCES)})
    scenes, problems = count(refcoco, paths)
    found = sum(len(scene.regions) for scene in scenes)
    numbers = [re.search(r"(\d+) (?:of the )?expressions", problem.message) for problem in problems]
    assert found + sum(int(number[1]) for number in numbers if number) == sum(len(texts) for *_, texts in rows)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), TEXT), min_size=1, max_size=9))
def test_captions_are_in_the_scenes_or_reported(tmp_path_factory, rows):
    document = "".join(json.dumps({"image": f"{name}.jpg", "caption": text}) + "\n" for name, text in rows) + "\n"
    scenes, problems = count(figures, write(tmp_path_factory.mktemp("x"), {"path": document.encode()}))
    captions = {(scene.id, caption.text) for scene in scenes for caption in scene.captions}
    kept = {(name, " ".join(text.replace("\x00", " ").split())) for name, text in rows}
    assert captions == {(name, text) for name, text in kept if text}
    assert len(problems) == sum(not text.replace("\x00", " ").strip() for _, text in rows)
