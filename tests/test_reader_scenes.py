"""The reader of our own form: where a fault stands, and that it costs one record."""

import json
import os
from pathlib import Path

import msgspec
import pytest
from damage import damage

from syphus.annotations import scenes
from syphus.annotations.pictures import coco
from syphus.errors import InputError
from syphus.records import Asset, Caption, Object, Scene

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not (DATA / "coco_ccby").is_dir(), reason=f"the real annotation files are not in {DATA}")

ONE = Scene(
    id="one",
    assets=(Asset(path="a.jpg", width=100, height=80),),
    captions=(Caption(text="Zwei Bäume,\n[nah]."),),
    objects=(Object(id="o1", label="tree", box=(1, 2, 3, 4.5)),),
)
TWO = Scene(id="two", captions=(Caption(text="}, {"),), metadata={"a": [{}, {}]})


def encode(scene):
    return msgspec.json.encode(scene).decode()


def read(path, content=None):
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    problems = []
    return list(scenes.read(scenes.Options(path=path), problems.append)), problems


LINES = f"{encode(ONE)}\n{encode(TWO)}\n"
ARRAY = json.dumps([json.loads(encode(one)) for one in (ONE, TWO)], indent=2, ensure_ascii=False)


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (LINES, [ONE, TWO]),
        ("\n" + LINES.replace("\n", "\n \n").rstrip(), [ONE, TWO]),
        (LINES.replace("\n", "\r\n"), [ONE, TWO]),
        (ARRAY, [ONE, TWO]),
        (json.dumps(json.loads(ARRAY)), [ONE, TWO]),
        (encode(TWO), [TWO]),
        (encode(TWO) + "\n", [TWO]),
        (msgspec.json.format(encode(ONE), indent=2), [ONE]),
        ("[]", []),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x"])
def test_every_form_is_found_by_its_content(tmp_path, content, wanted, encoding, name):
    assert read(tmp_path / name, content.encode(encoding)) == (wanted, [])


@real
def test_scenes_come_back_as_they_were(tmp_path):
    made = list(coco.read(coco.Options(folder=DATA / "coco_ccby", split="val2017"), lambda _: None))
    assert read(tmp_path / "x.jsonl", msgspec.json.Encoder().encode_lines(made)) == (made, [])
    assert read(tmp_path / "x.json", msgspec.json.format(msgspec.json.encode(made))) == (made, [])


def test_a_folder(tmp_path):
    (tmp_path / "b.json").write_text(encode(ONE))
    (tmp_path / "a.jsonl").write_text(encode(TWO))
    (tmp_path / "c.json").write_text("hello")
    (tmp_path / "d.json").write_text(ARRAY[:-2])
    (tmp_path / "readme.txt").write_text("hello")
    found, problems = read(tmp_path)
    assert found == [TWO, ONE]
    assert [Path(problem.file).name for problem in problems] == ["c.json", "d.json"]
    assert ["begins with 'hello'" in problems[0].message, "the end is missing" in problems[1].message] == [True, True]


@pytest.mark.parametrize(
    ("record", "field", "says"),
    [
        ('{"id": "x", "captoins": []}', "", "unknown key `captoins` Did you mean `captions`?"),
        ('{"id": "x y"}', ", $.id", "Expected a name: no spaces"),
        ('{"captions": []}', "", "missing required field `id`"),
        ('{"id": "x", "objects": [{"id": "o", "label": "a", "box": [1, 2, 3]}]}', ", $.objects[0].box", "length 4"),
        ('{"id": "x", "objects": [{"id": "o", "label": "a", "box": [3, 2, 1, 4]}]}', ", $.objects[0]", "x1 < x2"),
        ('{"id": "x", "assets": [{"path": "/a.jpg"}]}', ", $.assets[0]", "must be relative"),
        ('{"id": "x", "metadata": {"a": NaN}}', "", "is no JSON"),
        ('{"id": "\\ud800"}', "", "is no JSON"),
        ('{"id": "x", "metadata": {"a": NaN, "b": ' + "9" * 5000 + "}}", "", ""),
        ("3", "", "Expected `object`"),
    ],
)
@pytest.mark.parametrize("form", ["lines", "array"])
def test_a_broken_record_is_reported_with_line_and_field(tmp_path, record, field, says, form):
    before, after = json.dumps(json.loads(encode(ONE))), encode(TWO)
    text = f"{before}\n\n{record}\n{after}\n" if form == "lines" else f"[\n{before},\n{record},\n{after}]"
    found, problems = read(tmp_path / "x.json", text)
    assert found == [ONE, TWO]
    (problem,) = problems
    assert problem.place.split(", column")[0] == ("" if form == "lines" else "[1], ") + "line 3" + field
    assert (problem.file, problem.lost) == (str(tmp_path / "x.json"), True)
    assert says in problem.message


def test_the_true_line_inside_a_pretty_printed_file(tmp_path):
    lines = ARRAY.split("\n")
    wrong = next(index for index, line in enumerate(lines) if '"label"' in line)
    lines[wrong] = '      "label": 5,'
    found, (problem,) = read(tmp_path / "x.json", "\n".join(lines))
    assert (found, problem.place) == ([TWO], f"[0], line {wrong + 1}, $.objects[0].label")
    lines = msgspec.json.format(encode(ONE), indent=2).split("\n")
    lines[1] = '  "id": 5,'
    found, (problem,) = read(tmp_path / "x.json", "\n".join(lines))
    assert (found, problem.place) == ([], "line 2, $.id")


@pytest.mark.parametrize("cut", [1, 5, 20, len(encode(TWO)) - 1])
def test_a_torn_last_line(tmp_path, cut):
    found, (problem,) = read(tmp_path / "x.jsonl", LINES[: -cut - 1])
    assert (found, problem.place.split(",")[0]) == ([ONE], "line 2")
    assert "cut" in problem.message


def test_a_line_torn_inside_a_letter(tmp_path):
    data = (encode(TWO) + "\n" + encode(ONE)).encode()
    found, (problem,) = read(tmp_path / "x.jsonl", data[: data.index("ä".encode()) + 1])
    assert (found, problem.place.split(",")[0]) == ([TWO], "line 2")


def test_an_id_that_repeats(tmp_path):
    found, (problem,) = read(tmp_path / "x.jsonl", LINES + encode(ONE))
    assert (found, problem.place, problem.lost) == ([ONE, TWO], "line 3", True)
    assert "'one' before it" in problem.message


def test_a_file_without_a_valid_scene_says_why(tmp_path):
    found, problems = read(tmp_path / "x.jsonl", '{"id": ""}\n{"name": "x"}\n')
    assert (found, [problem.place for problem in problems]) == ([], ["line 1, $.id", "line 2"])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("a,b\n", "is no JSON: it begins with 'a,b'"),
        (ARRAY[:-2], "the end is missing"),
        ("[1, 2", "the end is missing"),
        (b'{"id": "caf\xe9"}\n{"id": "x"}\n', "line 1: is not UTF-8"),
        (b"[\n\xe9]", "line 2: is not UTF-8"),
    ],
)
def test_what_is_refused(tmp_path, content, says):
    with pytest.raises(InputError, match=says) as caught:
        read(tmp_path / "x", content)
    assert caught.value.file == str(tmp_path / "x")


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        scenes.read(scenes.Options(path=tmp_path / "none.json"), lambda _: None)
    with pytest.raises(InputError, match=r"has no \.json or \.jsonl files"):
        scenes.read(scenes.Options(path=tmp_path), lambda _: None)


def test_lines_are_read_lazily(tmp_path):
    file = tmp_path / "x.jsonl"
    file.write_text("".join(encode(Scene(id=f"s{number}")) + "\n" for number in range(20_000)))
    found = scenes.read(scenes.Options(path=file), lambda _: None)
    assert next(found).id == "s0"
    file.write_text("")  # what follows is not in memory yet
    assert len(list(found)) < 19_999


# --- hostile files ---


@pytest.mark.parametrize("content", [LINES, ARRAY, msgspec.json.format(encode(ONE), indent=2)])
def test_no_damage_is_more_than_a_problem_or_an_input_error(tmp_path, content):
    good = content.encode()
    kinds = set()
    for data in damage(good, b'{"a":' * 3000, b"\n", seed=9, each=10):
        try:
            found, problems = read(tmp_path / "bad", data)
        except InputError as error:
            assert error.file == str(tmp_path / "bad")  # noqa: PT017
            kinds.add("refused")
        else:
            assert msgspec.json.decode(msgspec.json.encode(found), type=list[Scene]) == found
            kinds.add("problems" if problems else "unharmed")
    assert kinds == {"refused", "problems", "unharmed"}
