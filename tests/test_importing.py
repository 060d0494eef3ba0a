"""Reading datasets: what the rows say is kept, what is odd is named and kept aside, and the format is found."""

import contextlib
import json
import tracemalloc
from base64 import b64encode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from syphus.errors import InputError
from syphus.formats import (
    alpaca,
    csv_table,
    internvl,
    jsonl,
    llamafactory,
    llava,
    llava_next,
    messages,
    qwen,
    sharegpt,
    swift,
    trl,
    video_chatgpt,
)
from syphus.formats.detecting import detect_format
from syphus.formats.exporting import ExportOptions
from syphus.formats.importing import ImportOptions, find_importer
from syphus.references.boxes import find_convention

MANY = 40
EXACT = ExportOptions(max_tokens=None, exact=True)


def chat(*said, **row):
    turns = [{"from": ("human", "gpt")[index % 2], "value": text} for index, text in enumerate(said)]
    return row | {"conversations": turns}


def talk(*said, **row):
    turns = [{"role": ("user", "assistant")[index % 2], "content": text} for index, text in enumerate(said)]
    return row | {"messages": turns}


def put(tmp_path, rows, name="in.json"):
    file = tmp_path / name
    if isinstance(rows, bytes):
        file.write_bytes(rows)
    elif name.endswith(".jsonl"):
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        file.write_text(json.dumps(rows))
    return file


def read(format_, tmp_path, rows, name="in.json", **options):
    problems = []
    values = list(format_.read(put(tmp_path, rows, name), ImportOptions(**options), problems.append))
    return values, problems


def refuse(problem):
    pytest.fail(str(problem))


def texts_of(dialogue):
    return [turn.text for turn in dialogue.turns]


GOOD = chat("<image>\nWho?", "Ann.", id="a", image="a.jpg")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([1], "is no object"),
        ({"id": "x"}, "has no list of turns"),
        (chat(), "has no turns"),
        (chat("Hi", "Ho", "He"), "the user has the last word"),
        ({"conversations": [{"from": "gpt", "value": "Hi"}]}, "the turns do not alternate: turn 1 is the assistant's"),
        ({"conversations": ["Hi", "Ho"]}, "turn 1 has no `from`"),
        ({"conversations": [{"from": "human"}, {"from": "gpt", "value": "x"}]}, "turn 1 has no `value`"),
        ({"conversations": [{"from": "human", "value": 7}, {"from": "gpt", "value": "x"}]}, "turn 1 is no text"),
        ({"conversations": [{"from": "narrator", "value": "x"}]}, "turn 1 is of an unknown role `narrator`"),
        (
            {"conversations": [{"from": "human", "value": "x"}, {"from": "function_call", "value": "{}"}]},
            "a tool speaks or is called in it, and a dialogue holds the user and the assistant alone",
        ),
        (
            {"conversations": [*chat("a", "b")["conversations"], {"from": "system", "value": "x"}]},
            "turn 3 is a system message, and a dialogue has one at its beginning",
        ),
        (chat("Hi", ""), "turn 2 is empty"),
        (chat("<image>\nHi", "Ho"), "has 1 `<image>` for no pictures"),
        (chat("<image>\n<image>Hi", "Ho", image="a.jpg"), "has 2 `<image>` for 1 picture"),
        (chat("Hi", "Ho", image=17), "`image` holds no path, which a dialogue cannot"),
        (chat("<image>", "Ho", image="  "), "`image` 1 is empty"),
        (chat("Hi", "Ho", audio="x.mp3"), "is about a sound, which a dialogue cannot hold"),
    ],
)
def test_odd_rows_are_named_and_kept_aside_whole(row, message, tmp_path):
    values, (problem,) = read(llava, tmp_path, [GOOD, row, GOOD | {"id": "b"}])
    assert [value.id for value in values] == ["a", "b"]
    assert (problem.message, problem.place, problem.lost) == (message, "row 2 (line 1)", True)
    assert json.loads(problem.record) == row


ROW = json.dumps(GOOD).encode()


@pytest.mark.parametrize(
    ("data", "count", "places"),
    [
        (b"[" + ROW + b",\n" + ROW[:50], 1, ["line 2, column 51"]),
        (b"[" + ROW + b",\n", 1, ["line 2, column 1"]),
        (b"[" + ROW + b',\n{"a": NaN},\n' + ROW.replace(b'"a"', b'"c"') + b"]", 2, ["row 2 (line 2)"]),
        (b"[" + ROW + b',\n{"a": "\\ud800"}]', 1, ["row 2 (line 2)"]),
        (b"[" + ROW + b"] tail", 1, ["line 1, column "]),
        (ROW + b"\n{\n\xff{}\n" + ROW[:50], 1, ["line 2", "line 3", "line 4"]),
        (ROW + b"\n\n[]\n17\n", 1, ["line 3", "line 4"]),
        (b"\xef\xbb\xbf" + ROW + b"\n", 1, []),
        (ROW.decode().encode("utf-16"), 1, []),
        (json.dumps(GOOD, indent=1).encode(), 1, []),
    ],
)
def test_torn_files_give_what_stands_before(data, count, places, tmp_path):
    values, problems = read(llava, tmp_path, data)
    assert len(values) == count
    assert len(problems) == len(places)
    for problem, place in zip(problems, places, strict=True):
        assert problem.place.startswith(place)
        assert problem.lost


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"[\n{]", "is no JSON"),
        (b"hello", "is neither a JSON array nor JSON Lines"),
        (b'[{"a":"\xe9"}]', "is not UTF-8"),
    ],
)
def test_files_that_are_no_such_file(data, message, tmp_path):
    with pytest.raises(InputError, match=message):
        read(llava, tmp_path, data)


def test_ids_are_made_kept_and_written_back(tmp_path):
    rows = [
        chat("a", "b"),
        chat("a", "b", id=7),
        chat("a", "b", id="x"),
        chat("a", "b", id="x"),
        chat("a", "b", id=None),
    ]
    values, problems = read(llava, tmp_path, rows, "my set.json")
    assert [value.id for value in values] == ["my set-000001", "7", "x", "x~4", "my set-000005"]
    assert [(problem.place, problem.lost) for problem in problems] == [("row 4 (line 1)", False)]
    llava.write(values, tmp_path / "out.json", EXACT)
    assert json.loads((tmp_path / "out.json").read_text()) == [*rows[:4], chat("a", "b")]


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("<image>\nWho?", "Who?"),
        ("<image>Who?", "Who?"),
        ("  <image> \n Who?", "Who?"),
        ("Who?\n<image>", "Who?\n[](#image)"),
        ("In <image> who?", "In [](#image) who?"),
        ("<image>", "[](#image)"),
        ("\\<image>x", "\\\\[](#image)x"),
        ("<image>\nSee [x](#y)", "See \\[x](#y)"),
        ("<image>\n\\[x](#y)", "\\\\\\[x](#y)"),
    ],
)
def test_where_the_picture_stands(value, stored, tmp_path):
    rows = [chat(value, "Ann.", id="a", image="a.jpg")]
    (dialogue,), problems = read(llava, tmp_path, rows)
    assert (texts_of(dialogue)[0], problems) == (stored, [])
    llava.write([dialogue], tmp_path / "out.json", EXACT)
    assert json.loads((tmp_path / "out.json").read_text()) == rows


def test_a_picture_without_a_token_is_taken_to_stand_at_the_head_and_that_is_said(tmp_path):
    (dialogue,), (problem,) = read(llava, tmp_path, [chat("Who?", "Ann.", id="a", image="a.jpg")])
    assert texts_of(dialogue) == ["Who?", "Ann."]
    assert not problem.lost
    assert "no token says where" in problem.message


@pytest.mark.parametrize(
    "row",
    [
        chat("<image>\nWho?", "Ann.", id=1, image="a.jpg", score=0.5, tags=["x", {"y": None}]),
        chat("<image>Who?", "Ann.", id="q", image=["a.jpg"]),
        {
            "id": "e",
            "conversations": [{"from": "human", "value": "a", "weight": 0}, {"from": "gpt", "value": " b \r\n"}],
        },
    ],
)
@pytest.mark.parametrize("format_", [llava, qwen, internvl])
def test_the_form_of_a_row_comes_back(format_, row, tmp_path):
    values, problems = read(format_, tmp_path, [row])
    target = tmp_path / f"out{format_.SUFFIX}"
    assert (format_.write(values, target, EXACT).written, problems) == (1, [])
    out = json.loads(target.read_text()) if format_.SUFFIX == ".json" else [json.loads(target.read_text())]
    assert out == [row]


@pytest.mark.parametrize(
    ("format_", "row"),
    [
        (sharegpt, {"conversations": [{"from": "system", "value": "S"}, *chat("a", "b")["conversations"]]}),
        (sharegpt, chat("a", "b", system="S", id="x")),
        (sharegpt, {"conversations": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}),
        (sharegpt, {"conversations": [{"from": "user", "value": "a"}, {"from": "chatgpt", "value": "b"}]}),
        (swift, talk("<image>a", "b", images=["https://a.b/c.jpg"])),
        (swift, talk("<image>a", "b", image="c.jpg")),
        (swift, {"conversations": [{"from": "user", "value": "a"}, {"from": "assistant", "value": "b"}]}),
        (messages, talk("a", "b")),
        (messages, talk("a", "b", metadata={"category": "c", "mine": [1]})),
        (messages, {"messages": [{"role": "developer", "content": "S"}, *talk("a", "b")["messages"]]}),
        (messages, talk([{"type": "text", "text": "a"}], "b", id="x")),
        (
            messages,
            talk(
                [
                    {"type": "text", "text": "a"},
                    {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
                    {"type": "text", "text": " b"},
                ],
                "c",
            ),
        ),
        (trl, talk("a", "b", images=["x.jpg"])),
        (trl, talk([{"type": "image"}, {"type": "text", "text": "a"}], [{"type": "text", "text": "b"}], images=["x"])),
        (trl, talk([{"type": "text", "text": "a"}, {"type": "image"}], "b", images=["x"], id=3)),
        (alpaca, {"instruction": "a", "input": "b", "output": "c"}),
        (alpaca, {"instruction": "a", "input": "", "output": "c", "history": [], "system": ""}),
        (alpaca, {"instruction": "a", "output": "c", "history": [["x", "y"]], "system": "S"}),
        (alpaca, {"instruction": "<image>a", "output": "c", "images": ["a.jpg"]}),
    ],
)
def test_the_forms_of_other_formats_come_back(format_, row, tmp_path):
    values, problems = read(format_, tmp_path, [row], "in.jsonl")
    format_.write(values, tmp_path / "out.jsonl", EXACT)
    assert problems == []
    text = (tmp_path / "out.jsonl").read_text()
    assert json.loads(text) == row


@pytest.mark.parametrize("empty", [[], None, ""])
def test_empty_pictures_stay_where_the_loader_takes_them(empty, tmp_path):
    row = chat("Who?", "Ann.", image=empty, id="q")
    for format_, kept in [(qwen, True), (llava, False), (internvl, False)]:
        values, problems = read(format_, tmp_path, [row])
        format_.write(values, tmp_path / f"out{format_.SUFFIX}", EXACT)
        assert [problem.lost for problem in problems] == [False] * (not kept)
        text = (tmp_path / f"out{format_.SUFFIX}").read_text().strip("[]\n")
        assert json.loads(text) == (row if kept else chat("Who?", "Ann.", id="q"))


def test_system_messages_can_be_left_behind(tmp_path):
    row = chat("a", "b", system="S")
    (dialogue,), _ = read(sharegpt, tmp_path, [row])
    assert dialogue.system == "S"
    (dialogue,), _ = read(sharegpt, tmp_path, [row], keep_system=False)
    assert dialogue.system == ""


def test_other_names_are_mended_where_the_consumer_knows_only_its_own(tmp_path):
    row = {"id": "x", "conversations": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    (dialogue,), (problem,) = read(llava, tmp_path, [row])
    assert not problem.lost
    llava.write([dialogue], tmp_path / "out.json", EXACT)
    assert json.loads((tmp_path / "out.json").read_text()) == [chat("a", "b", id="x")]


def test_absolute_paths_become_relative_to_the_folder_or_stay_urls(tmp_path):
    inside = str(tmp_path / "pictures" / "a.jpg")
    rows = [talk("<image>a", "b", images=[inside]), talk("<image>a", "b", images=["/elsewhere/a.jpg"])]
    values, _ = read(swift, tmp_path, rows, images=tmp_path / "pictures")
    assert [asset.path for value in values for asset in value.assets] == ["a.jpg", None]
    assert values[1].assets[0].url == "file:///elsewhere/a.jpg"
    written = llava.write(values, tmp_path / "out.json", EXACT)
    (reason,) = written.left_out
    assert "absolute path" in reason


PNG = b"\x89PNG\r\n\x1a\nrest"


def test_data_uris_stay_or_are_extracted(tmp_path):
    uri = "data:image/png;base64," + b64encode(PNG).decode()
    row = talk([{"type": "image_url", "image_url": {"url": uri}}, {"type": "text", "text": "a"}], "b")
    (dialogue,), _ = read(messages, tmp_path, [row])
    assert dialogue.assets[0].url == uri
    (dialogue,), _ = read(messages, tmp_path, [row], extract=tmp_path / "pictures")
    assert (tmp_path / "pictures" / dialogue.assets[0].path).read_bytes() == PNG
    row["messages"][0]["content"][0]["image_url"]["url"] = "data:image/png;base64,!!"
    _, (problem,) = read(messages, tmp_path, [row], extract=tmp_path / "pictures")
    assert problem.message == "a data URI is no base64"


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"type": "input_audio", "input_audio": {}}, "turn 1 has a part of type 'input_audio'"),
        ({"type": "image_url", "image_url": {}}, "a part is a picture without a url"),
        ("x", "turn 1 has a part of type None"),
        ({"type": "text", "text": "\ufdd0"}, "turn 1 holds U+FDD0"),
    ],
)
def test_odd_parts(part, message, tmp_path):
    _, (problem,) = read(messages, tmp_path, [talk([part], "b")])
    assert problem.message.startswith(message)


OBJECTS = {"ref": ["bus"], "bbox": [[1, 2, 3, 4]]}


def test_swift_objects_become_references(tmp_path):
    row = talk("<image>Where is <ref-object>?", "At <bbox>.", images=["a.jpg"], objects=OBJECTS)
    (dialogue,), problems = read(swift, tmp_path, [row])
    assert texts_of(dialogue) == ["Where is [bus](#o1)?", "At [](#o2)."]
    assert [(thing.label, thing.box) for thing in dialogue.objects] == [("bus", None), ("object", (1, 2, 3, 4))]
    swift.write([dialogue], tmp_path / "out.jsonl", EXACT)
    assert (problems, json.loads((tmp_path / "out.jsonl").read_text())) == ([], row)


@pytest.mark.parametrize(
    ("text", "objects", "message"),
    [
        ("<bbox>", {"ref": [], "bbox": []}, "has more `<ref-object>` or `<bbox>` than `objects` holds"),
        ("x", OBJECTS, "`objects` holds more than the text has"),
        ("<bbox>", {"bbox": [[1, 2]]}, "`objects` holds a point, which is no box"),
        ("<bbox>", {"bbox": [[1, 2, 3]]}, "a `bbox` is not four numbers"),
        ("<bbox>", {"bbox": [[1, 2, 1, 4]]}, "a box has no extent"),
        ("<bbox>", {"bbox": [["1", 2, 1, 4]]}, "`objects`: Expected `float`"),
        ("<bbox>", {"bbox": [[1, 2, 3, 4]], "image_id": [5]}, "`image_id` 5 names no picture"),
        (
            "<bbox>",
            {"bbox": [[0.1, 0.2, 0.3, 0.4]], "bbox_type": "norm1"},
            "its boxes are parts of a picture whose size",
        ),
    ],
)
def test_swift_objects_that_do_not_fit(text, objects, message, tmp_path):
    row = talk("<image>a", text, images=["a.jpg"], objects=objects)
    _, (problem,) = read(swift, tmp_path, [row])
    assert problem.message.startswith(message)


def picture(folder, name="a.png", size=(200, 100)):
    folder.mkdir(exist_ok=True)
    Image.new("RGB", size).save(folder / name)
    return folder


def test_swift_boxes_in_parts_of_the_picture_and_turned_ones(tmp_path):
    objects = {"ref": [], "bbox": [[0.5, 0.25, 1, 0.5]], "bbox_type": "norm1"}
    row = talk("<image>a", "<bbox>", images=["a.png"], objects=objects)
    (dialogue,), _ = read(swift, tmp_path, [row], images=picture(tmp_path / "p"))
    assert dialogue.objects[0].box == (100, 25, 200, 50)
    swift.write([dialogue], tmp_path / "out.jsonl", EXACT)
    assert json.loads((tmp_path / "out.jsonl").read_text()) == row
    row["objects"] = {"ref": [], "bbox": [[9, 9, 3, 4]]}
    (dialogue,), (problem,) = read(swift, tmp_path, [row])
    assert (dialogue.objects[0].box, problem.message) == ((3, 4, 9, 9), "a box was the wrong way round")


def test_older_rows_of_swift(tmp_path):
    row = {"query": "c", "response": "d", "history": [["a", "b"]], "system": "S"}
    (dialogue,), (problem,) = read(swift, tmp_path, [row])
    assert (texts_of(dialogue), dialogue.system, problem.lost) == (["a", "b", "c", "d"], "S", False)


def test_coordinates_in_texts_become_references(tmp_path):
    row = chat("<image>\nWhere?", "<ref>the bus</ref><box>[[100, 200, 300, 400]]</box>", id="a", image="a.png")
    options = {"boxes": find_convention("internvl"), "images": picture(tmp_path / "p")}
    (dialogue,), problems = read(internvl, tmp_path, [row], **options)
    assert (texts_of(dialogue)[1], problems) == ("[the bus](#o1)", [])
    internvl.write([dialogue], tmp_path / "out.jsonl", ExportOptions(boxes=options["boxes"]))
    assert json.loads((tmp_path / "out.jsonl").read_text())["conversations"] == row["conversations"]
    row["image"] = ["a.png", "a.png"]
    row["conversations"][0]["value"] = "<image>\n<image>\nWhere?"
    (dialogue,), (problem,) = read(internvl, tmp_path, [row], **options)
    assert "coordinates in it stay text" in problem.message
    row = chat("<image>\nWhere?", "<ref>the bus</ref><box>[[100, 200, 300, 400]]</box>", id="a", image="gone.png")
    (dialogue,), (problem,) = read(internvl, tmp_path, [row], **options)
    assert "the size of its picture is not known" in problem.message


def test_llamafactory_reads_by_the_entry(tmp_path):
    put(tmp_path, [{"q": "a", "a": "b", "pics": [], "sys": "S"}], "one.json")
    put(tmp_path, [{"talk": [{"who": "U", "what": "<image>a"}, {"who": "A", "what": "b"}], "pic": "x.jpg"}], "two.json")
    info = {
        "one": {
            "file_name": "one.json",
            "columns": {"prompt": "q", "response": "a", "images": "pics", "system": "sys"},
        },
        "two": {
            "file_name": "two.json",
            "formatting": "sharegpt",
            "columns": {"messages": "talk", "images": "pic"},
            "tags": {"role_tag": "who", "content_tag": "what", "user_tag": "U", "assistant_tag": "A"},
        },
        "prefer": {"file_name": "one.json", "ranking": True},
        "out": {"file_name": "../one.json"},
        "gone": {"file_name": "gone.json"},
    }
    put(tmp_path, info, "dataset_info.json")

    def of(name):
        return list(llamafactory.read(tmp_path, ImportOptions(dataset=name), refuse))

    assert [[*texts_of(value), value.system] for value in of("one")] == [["a", "b", "S"]]
    assert [texts_of(value) for value in of("two")] == [["a", "b"]]
    for name, message in [
        ("nothing", "has no dataset 'nothing'"),
        ("prefer", "is about preferences"),
        ("gone", "the file of 'gone' is not in this folder"),
        ("out", "is not in this folder"),
        ("", "holds the files of one, two, prefer"),
    ]:
        with pytest.raises(InputError, match=message):
            of(name)


def test_internvl_reads_what_a_meta_file_names(tmp_path):
    put(tmp_path, [chat("a", "b", id="1")], "x.jsonl")
    put(tmp_path, [chat("a", "b", id="2")], "y.jsonl")
    entries = {name: {"root": "", "annotation": f"far/{name}.jsonl", "repeat_time": 1, "length": 1} for name in "xy"}
    values, _ = read(internvl, tmp_path, entries, "meta.json")
    assert [(value.id, value.source) for value in values] == [("1", "x"), ("2", "y")]
    values, _ = read(internvl, tmp_path, entries, "meta.json", dataset="y")
    assert [value.id for value in values] == ["2"]
    entries["x"]["annotation"] = "gone.jsonl"
    with pytest.raises(InputError, match=r"there is no annotation gone\.jsonl"):
        read(internvl, tmp_path, entries, "meta.json")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("question,answer\na,b\n", [["a", "b"]]),
        ("id;question;answer\n1;a;b\n1;c;d\n2;e;f\n", [["a", "b", "c", "d"], ["e", "f"]]),
        ("\ufeffid\tturn\trole\ttext\n1\t1\tuser\ta\n\t2\tAssistant\tb\n", [["a", "b"]]),
        ("question,answer,pair\na,b,1\nc,d,2\ne,f,1\n", [["a", "b", "c", "d"], ["e", "f"]]),
        ('question,answer\n"a\n""x""",b\n\n', [['a\n"x"', "b"]]),
    ],
)
def test_tables(data, expected, tmp_path):
    values, problems = read(csv_table, tmp_path, data.encode(), "in.csv")
    assert ([texts_of(value) for value in values], problems) == (expected, [])


@pytest.mark.parametrize(
    ("data", "count", "message"),
    [
        ('question,answer\na,b\n"torn', 1, "is no CSV: unexpected end of data"),
        ("question,answer\na,b,c\nd,e\n", 1, "has more cells than columns"),
        ("question,answer\na\nd,e\n", 1, "turn 2 is empty"),
        ("role,text,id\nuser,a,1\nuser,b,1\n", 0, "the turns do not alternate between user and assistant"),
        ("question,answer,ability\na,b,flying\n", 0, "there is no ability 'flying'"),
    ],
)
def test_odd_tables(data, count, message, tmp_path):
    values, (problem,) = read(csv_table, tmp_path, data.encode(), "in.csv")
    assert len(values) == count
    assert problem.message.startswith(message)


def test_a_table_of_something_else(tmp_path):
    with pytest.raises(InputError, match="neither the columns question and answer"):
        read(csv_table, tmp_path, b"name,age\na,1\n", "in.csv")


OURS = {"id": "d", "scene": "s", "turns": [{"role": "user", "text": "a"}, {"role": "assistant", "text": "b"}]}
PARTS = [{"type": "text", "text": "a"}]


@pytest.mark.parametrize(
    ("name", "rows", "format_"),
    [
        ("x.json", [GOOD], "llava"),
        ("x.jsonl", [GOOD, GOOD], "llava"),
        ("x.json", [chat("<image>\n<image>\na", "b", id="1", image=["a", "b"])], "llava_next"),
        ("x.json", [chat("<image>\na", "b", video="a.mp4")], "llava_next"),
        ("x.json", [chat("<video>\na", "b", id="1", video="a.mp4")], "qwen"),
        ("x.json", [chat("a<image>", "b", image="a.jpg")], "qwen"),
        ("x.json", [chat("a", "b")], "sharegpt"),
        ("x.json", [chat("<image>a", "b", images=["a.jpg"])], "sharegpt"),
        ("x.jsonl", [chat("<image>\na", "b", image="a", width=1, height=1)], "internvl"),
        ("x.json", {"n": {"root": "r", "annotation": "a.jsonl"}}, "internvl"),
        ("x.jsonl", [talk("a", "b")], "messages"),
        ("x.jsonl", [talk([{"type": "image_url", "image_url": {"url": "u"}}], "b")], "messages"),
        ("x.jsonl", [talk([{"type": "image"}, *PARTS], PARTS, images=["a"])], "trl"),
        ("x.jsonl", [talk(PARTS, PARTS, images=[])], "trl"),
        ("x.json", [talk("<image>a", "b", images=["a"])], "llamafactory"),
        ("x.jsonl", [talk("<image>a", "b", images=["a"])], "swift"),
        ("x.json", [talk("<image>a", "b", images=["a"], objects=OBJECTS)], "swift"),
        ("x.jsonl", [{"query": "a", "response": "b"}], "swift"),
        ("x.json", [{"instruction": "a", "input": "", "output": "b"}], "alpaca"),
        ("x.json", [{"q": "a", "a": "b", "video_id": "v"}], "video_chatgpt"),
        ("x.jsonl", [OURS], "jsonl"),
        ("wrong.csv", [GOOD], "llava"),
        ("x.txt", b"id,question,answer\n1,a,b\n", "csv"),
    ],
)
def test_the_format_is_found_by_looking_into_the_file(name, rows, format_, tmp_path):
    file = put(tmp_path, rows, name)
    if name.endswith(".csv"):
        file.write_text(json.dumps(rows))
    found = detect_format(file)
    assert found.name == format_
    assert found.reason
    assert find_importer(format_) is found.importer


def test_a_folder_of_llamafactory_is_found(tmp_path):
    put(tmp_path, {}, "dataset_info.json")
    assert detect_format(tmp_path).name == "llamafactory"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"[1, 2]", "is of no format that is known"),
        (b'{"a": 1,}', "is no JSON"),
        (b"[{]", "is no JSON"),
        (b"\x00\x01\x02", "is of no format that is known"),
    ],
)
def test_files_of_no_format(data, message, tmp_path):
    with pytest.raises(InputError, match=message):
        detect_format(put(tmp_path, data))
    with pytest.raises(InputError, match="no format 'nothing'"):
        find_importer("nothing")


def test_memory_does_not_grow_with_the_file(tmp_path):
    rows = [
        chat("<image>\n" + "who is it? " * 200, "Ann. " * 300, id=str(index), image=f"{index}.jpg")
        for index in range(8000)
    ]
    file = put(tmp_path, rows)
    size = file.stat().st_size
    del rows
    tracemalloc.start()
    count = sum(1 for _ in llava.read(file, ImportOptions(), refuse))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 8000
    assert peak < size / 1.5


ALL = [
    alpaca,
    csv_table,
    internvl,
    llamafactory,
    llava,
    llava_next,
    messages,
    qwen,
    sharegpt,
    swift,
    trl,
    video_chatgpt,
]
KEYS = st.sampled_from(
    [
        *("id", "image", "images", "video", "videos", "conversations", "messages", "from", "value", "role", "content"),
        *(
            "system",
            "type",
            "text",
            "image_url",
            "url",
            "objects",
            "ref",
            "bbox",
            "bbox_type",
            "image_id",
            "instruction",
        ),
        *(
            "input",
            "output",
            "history",
            "query",
            "response",
            "q",
            "a",
            "video_id",
            "width",
            "height",
            "metadata",
            "as_read",
        ),
    ]
)
VALUES = st.sampled_from(
    [
        *("human", "gpt", "user", "assistant", "system", "tool", "text", "image", "image_url", "<image>", "<video>\nx"),
        *("<ref-object><bbox>", "a.jpg", "/a.jpg", "../a", "C:\\a", "data:image/png;base64,AA", "", "\\", "[](#image)"),
        *("norm1", -1, 0, 10**30, 1e300, True, None),
    ]
)
JSON = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=12
)
TURN = st.fixed_dictionaries({"from": VALUES, "value": VALUES}) | st.fixed_dictionaries(
    {"role": VALUES, "content": JSON}
)
WILD_ROWS = st.lists(
    JSON
    | st.fixed_dictionaries(
        {},
        optional={
            "conversations": st.lists(TURN, max_size=4),
            "messages": st.lists(TURN, max_size=4),
            **dict.fromkeys(("id", "image", "images", "video", "videos", "objects", "system", "as_read"), JSON),
            **dict.fromkeys(("instruction", "output", "history", "metadata", "width", "height", "q", "a"), JSON),
        },
    ),
    max_size=4,
)


@pytest.mark.parametrize("format_", ALL, ids=lambda module: module.__name__.rpartition(".")[2])
def test_no_row_stops_the_reading_and_none_is_lost(format_, tmp_path):
    @settings(max_examples=MANY, suppress_health_check=list(HealthCheck), deadline=None)
    @given(WILD_ROWS)
    def hold(rows):
        file = put(tmp_path, rows)
        problems = []
        if format_ is not csv_table:
            try:
                values = list(format_.read(file, ImportOptions(images=tmp_path), problems.append))
            except InputError:  # an InternVL meta file's shape
                values = []
            else:
                assert len(values) + sum(problem.lost for problem in problems) == len(rows)
            for other in (format_, messages):
                other.write(values, tmp_path / f"out{other.SUFFIX}", EXACT)
            assert jsonl.write(values, tmp_path / "own.jsonl", EXACT).left_out == {}, (
                "they keep the rules of the record"
            )
        with contextlib.suppress(InputError):
            detect_format(file)

    hold()


@settings(max_examples=MANY, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    st.lists(st.sampled_from(["question", "answer", "id", "pair", ",", "\n", '"', "a", "1", "'", "\r", "\0", "é", " "]))
)
def test_no_table_stops_the_reading(tmp_path, pieces):
    file = put(tmp_path, ("id,pair,question,answer\n" + "".join(pieces)).encode(), "in.csv")
    problems = []
    for dialogue in csv_table.read(file, ImportOptions(), problems.append):
        assert dialogue.turns


def test_rows_that_are_nested_deeply(tmp_path):
    deep = json.loads("[" * 400 + "]" * 400)
    values, problems = read(sharegpt, tmp_path, [chat("a", "b", deep=deep), chat("a", "b", deep=deep)])
    written = sharegpt.write(values, tmp_path / "out.json", EXACT)
    assert (written.written, problems) == (2, [])
