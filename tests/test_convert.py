"""``syphus convert`` and ``syphus inspect``, as people call them."""

import json
from pathlib import Path

import pytest

from syphus.cli.main import main
from syphus.formats.survey import Surveyor
from syphus.records import Asset, Dialogue, Turn


def chat(*said, **row):
    turns = [{"from": ("human", "gpt")[index % 2], "value": text} for index, text in enumerate(said)]
    return row | {"conversations": turns}


ROWS = [
    chat("<image>\nWho is it?", "Ann.", id="1", image="a.jpg", topic="people"),
    chat("<image>\nWhere?", "There.", id="2", image="gone.jpg"),
    chat("Hi", "Ho", "He", id="3"),
    chat("<image>\nWho is it?", "Ann.", id="4", image="a.jpg"),
    chat("Say </s>", "No.", id="5"),
]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.json").write_text(json.dumps(ROWS))
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/a.jpg").write_bytes(b"\xff\xd8\xff")
    return tmp_path


def call(*arguments) -> int:
    return main([str(argument) for argument in arguments])


def lines(file: Path):
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_convert_writes_what_fits_and_keeps_aside_what_does_not(folder, capsys):
    assert call("convert", "in.json", "out.jsonl", "--to", "swift", "--images", "pictures") == 1
    assert [row["id"] for row in lines(folder / "out.jsonl")] == ["1", "4"]
    assert lines(folder / "out.jsonl")[0] == {
        "id": "1",
        "images": ["a.jpg"],
        "messages": [{"role": "user", "content": "<image>Who is it?"}, {"role": "assistant", "content": "Ann."}],
        "topic": "people",
    }
    aside = lines(folder / "out.jsonl.kept-aside.jsonl")
    assert [(row.get("place"), row.get("id"), row["reason"]) for row in aside] == [
        (None, "2", "its picture's file is missing"),
        ("row 3 (line 1)", None, "the user has the last word"),
        (None, "5", "a turn holds `</s>`, which trainers take for their own"),
    ]
    assert json.loads(aside[1]["record"]) == ROWS[2]
    assert aside[0]["dialogue"]["turns"][0]["text"] == "Where?"
    said = capsys.readouterr().err
    assert "in.json is llava: rows of `id`, `image` and `conversations`" in said
    assert "converted: 2 dialogues as swift" in said
    assert "kept aside: 1: the user has the last word (first: row 3 (line 1))" in said
    assert "ROOT_IMAGE_DIR=pictures" in said


def test_all_is_well_is_zero_and_leaves_no_old_file_of_odd_rows(folder):
    (folder / "in.json").write_text(json.dumps(ROWS[:1]))
    (folder / "out.json.kept-aside.jsonl").write_text("old")
    assert call("convert", "in.json", "out.json", "--to", "llava", "--from", "llava") == 0
    assert json.loads((folder / "out.json").read_text()) == ROWS[:1]
    assert not (folder / "out.json.kept-aside.jsonl").exists()


@pytest.mark.parametrize(
    "through", ["jsonl", "qwen", "internvl", "sharegpt", "alpaca", "messages", "trl", "csv", "swift"]
)
def test_there_and_back(folder, through):
    rows = [ROWS[0], ROWS[3], chat("1 + 1?", " 2\n", id="6")]
    (folder / "in.json").write_text(json.dumps(rows))
    name = f"out.{'csv' if through == 'csv' else 'jsonl'}"
    assert call("convert", "in.json", name, "--to", through) == 0
    assert call("convert", name, "back.json", "--to", "llava", "--from", through) == 0
    back = json.loads((folder / "back.json").read_text())
    if through == "messages":  # which says what dialogues of a run are about
        back = [{key: value for key, value in row.items() if key != "metadata"} for row in back]
    assert back == rows


def test_a_folder_is_written_for_llamafactory(folder):
    (folder / "in.json").write_text(json.dumps(ROWS[:1]))
    assert call("convert", "in.json", "set", "--to", "llamafactory", "--name", "mine") == 0
    assert sorted(path.name for path in (folder / "set").iterdir()) == ["README.md", "dataset_info.json", "mine.json"]
    assert call("convert", "set", "back.json", "--to", "llava") == 0
    assert json.loads((folder / "back.json").read_text()) == ROWS[:1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.json", "x", "--to", "llava"], "gone.json: cannot be read"),
        (["in.json", "x", "--to", "lava"], "there is no format 'lava'"),
        (["in.json", "x", "--to", "llava", "--from", "lava"], "no format 'lava' that can be read"),
        (["in.json", "pictures", "--to", "llava"], "pictures: is a folder"),
        (["in.json", "in.json", "--to", "llamafactory"], "is a file, and this format is a folder"),
        (["in.json", "x.json", "--to", "internvl"], "whose name ends in `.jsonl`"),
        (["in.json", "x", "--to", "csv", "--set", "rows"], "it is KEY=VALUE"),
        (["in.json", "x", "--to", "csv", "--set", "rows=word"], "there are no rows='word'"),
        (["in.json", "x", "--to", "llava", "--images", "nowhere"], "nowhere: is no folder"),
        (["in.json", "x", "--to", "llava", "--boxes", "shikro"], "no box convention 'shikro'"),
        (["pictures", "x", "--to", "llava"], "pictures: is of no format that is known"),
    ],
)
def test_bad_input_is_said_in_a_line_and_writes_nothing(folder, capsys, arguments, message):
    before = sorted(folder.rglob("*"))
    assert call("convert", *arguments) == 2
    assert message in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before


def test_a_file_that_breaks_before_its_first_row_writes_nothing(folder):
    (folder / "in.json").write_text("[{]")
    (folder / "out.json").write_text("old")
    assert call("convert", "in.json", "out.json", "--to", "llava", "--from", "qwen") == 2
    assert (folder / "out.json").read_text() == "old"


def test_a_file_can_be_converted_onto_itself(folder):
    (folder / "in.json").write_text(json.dumps(ROWS[:1]))
    assert call("convert", "in.json", "in.json", "--to", "sharegpt") == 0
    assert json.loads((folder / "in.json").read_text())[0]["images"] == ["a.jpg"]


def test_inspect_for_people(folder, capsys):
    assert call("inspect", "in.json", "--images", "pictures") == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    for said in (
        "in.json is llava",
        "4 dialogues, 8 turns, 2 different pictures",
        "about: 1 picture 3, text alone 1",
        "other keys: topic 1",
        "kept aside: 1: the user has the last word (first: in.json, row 3 (line 1))",
        "odd: 1: a picture's file is missing (first: 2 (gone.jpg))",
        "odd: 1: a dialogue is there twice, with the same pictures and words (first: 4)",
        "odd: 1: a text holds `</s>`, which trainers take for their own (first: 5)",
    ):
        assert said in captured.err


def test_inspect_for_machines(folder, capsys):
    (folder / "in.json").write_text(
        json.dumps([*ROWS, chat("<image>\nWo?", "Bei [0.1, 0.2, 0.3, 0.4].", image="b", id="4")])
    )
    assert call("inspect", "in.json", "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["format"], figures["dialogues"], figures["turns"]) == ("llava", 5, 10)
    assert figures["kept_aside"] == {"the user has the last word": {"count": 1, "first": "in.json, row 3 (line 1)"}}
    assert [finding["count"] for finding in figures["mended"].values()] == [1]
    assert "unit" in figures["boxes"]
    assert figures["languages"] == {"": 5}
    assert figures["missing"] == 0
    assert set(figures["tokens"]) == {"median", "95 %", "longest"}


def test_inspect_of_a_file_without_dialogues(folder):
    (folder / "in.json").write_text(json.dumps(ROWS[2:3]))
    assert call("inspect", "in.json", "--from", "llava") == 1


@pytest.mark.parametrize(
    ("text", "script"),
    [
        *(
            ("Hello there", "Latin"),
            ("你好世界", "Han"),
            ("これはペンです、漢字も", "Kana"),
            ("안녕하세요", "Hangul"),
        ),
        *(("مرحبا بكم", "Arabic"), ("Привет", "Cyrillic"), ("123", "none")),
    ],
)
def test_scripts(text, script):
    surveyor = Surveyor()
    turns = (Turn(role="user", text=text), Turn(role="assistant", text=text))
    surveyor.add(Dialogue(id="d", scene="s", turns=turns))
    assert surveyor.finish().scripts == {script: 1}


def test_figures_of_lengths():
    surveyor = Surveyor()
    for number in range(100):
        turns = (Turn(role="user", text="a"), Turn(role="assistant", text="word " * number * 10))
        surveyor.add(Dialogue(id=str(number), scene="s", turns=turns, assets=(Asset(path="../a.jpg"),)))
    survey = surveyor.finish()
    assert survey.tokens["median"] < survey.tokens["95 %"] < survey.tokens["longest"]
    assert survey.longer == {"2048": 30, "4096": 0, "8192": 0}
    assert survey.odd["a picture's path has `..` or a backslash in it"].count == 100


def test_a_run_is_exported(folder, server, capsys):
    examples = Path(__file__).parents[1] / "examples"
    (folder / "run.toml").write_text(f"""
categories = ["pairs/caption"]
[run]
folder = "run"
[[sources]]
reader = "scenes"
name = "examples"
path = "{examples}/scenes.jsonl"
images = "{examples}/images"
[model]
kind = "openai"
name = "m"
base_url = "{server.url}"
""")
    assert call("generate", "run.toml", "--limit", "2") == 0
    assert call("convert", "run", "out.jsonl", "--to", "trl") == 0
    rows = lines(folder / "out.jsonl")
    assert [part["type"] for part in rows[0]["messages"][0]["content"]] == ["image", "text"]
    assert (examples / "images" / rows[0]["images"][0]).is_file()
    assert "trl has no place for: source (2), category (2)" in capsys.readouterr().err
    assert call("inspect", "run") == 2
    assert "is a run, not a dataset" in capsys.readouterr().err
