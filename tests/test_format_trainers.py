"""What the trainers' own loaders were seen to choke on, mask, or read otherwise (``docs/consumers.md``), one fault a test."""

import json
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from syphus.cli.main import main
from syphus.errors import InputError
from syphus.formats import (
    alpaca,
    csv_table,
    internvl,
    jsonl,
    llava,
    llava_next,
    messages,
    mimicit,
    minicpm,
    paligemma,
    parquet,
    qwen,
    sharegpt,
    swift,
    trl,
)
from syphus.formats.detecting import detect_format, take_sample
from syphus.formats.exporting import ExportOptions
from syphus.formats.importing import CERTAIN, ImportOptions
from syphus.records import Asset, Dialogue, Turn

OPTIONS = ExportOptions(max_tokens=None)
ONE = Asset(path="a.jpg")
TWO = Asset(id="image2", path="b/c.jpg")
CLIP = Asset(id="video", kind="video", path="day.avi", start=2.0, duration=2.5)


def dialogue(*texts, identity="d", **fields):
    turns = tuple(Turn(role=("user", "assistant")[index % 2], text=text) for index, text in enumerate(texts))
    return Dialogue(id=identity, scene="s", turns=turns, **fields)


def export(format_, values, folder, **options):
    target = folder / f"out{options.pop('suffix', format_.SUFFIX)}"
    written = format_.write(values, target, replace(OPTIONS, **options))
    text = target.read_text(encoding="utf-8")
    return json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()], written


def read(format_, rows, folder, **options):
    (folder / "in.json").write_text(json.dumps(rows))
    problems = []
    return [*format_.read(folder / "in.json", ImportOptions(**options), problems.append)], problems


def test_a_picture_in_an_answer_is_not_given_to_internvl(tmp_path):
    """``preprocess_internvl2_5`` counts the tokens of the user's turns alone; another row is taken in its place."""
    value = dialogue("Which is like [](#image)?", "This one: [](#image2)", assets=(ONE, TWO))
    rows, written = export(internvl, [value], tmp_path)
    assert (rows, [*written.left_out]) == ([], ["a picture stands in an answer, where its consumers look for none"])
    row = {
        "image": ["a.jpg", "b/c.jpg"],
        "conversations": [{"from": "human", "value": "<image>?"}, {"from": "gpt", "value": "<image>"}],
    }
    (found,), _ = read(internvl, [row], tmp_path)  # older templates take it
    assert found.turns[1].text == "[](#image2)"


@pytest.mark.parametrize("text", ["<img>", "It ends in </img>.", "<quad>"])
def test_texts_do_not_end_the_pictures_of_internvl(tmp_path, text):
    """``assert (input_ids == image_end_token_id).sum() == 1``."""
    assert export(internvl, [dialogue("What?", text, assets=(ONE,))], tmp_path)[0] == []


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    (folder / "day.avi").write_bytes(b"RIFF")
    return folder


def test_internvl_takes_the_times_of_a_clip(tmp_path, videos):
    """``video_get_item`` hands ``clip`` to decord."""
    (row,), written = export(
        internvl, [dialogue("What?", "Day.", assets=(CLIP,))], tmp_path, picture_folders={"": videos}
    )
    assert (row["video"], row["clip"]) == ("day.avi", [2.0, 4.5])
    assert any("petrel_client" in note for note in written.notes)
    (found,) = internvl.read(tmp_path / "out.jsonl", ImportOptions(), pytest.fail)
    assert found.assets == (CLIP,)
    assert internvl.fits(take_sample(tmp_path / "out.jsonl")).score == CERTAIN
    (videos / "day.avi").rename(videos / "day_2-4.5.avi")  # the clip alone is there
    (row,), _ = export(internvl, [found], tmp_path, picture_folders={"": videos})
    assert row["video"] == "day_2-4.5.avi"
    assert "clip" not in row
    assert not export(internvl, [dialogue("a", "b", assets=(ONE,))], tmp_path)[1].notes[-1].startswith("InternVL reads")


@pytest.mark.parametrize("clip", [[4, 2], [1], "2-4", [0, "5"], [-1, 4]])
def test_clips_that_are_none(tmp_path, clip):
    row = {
        "video": "v.mp4",
        "clip": clip,
        "conversations": [{"from": "human", "value": "<video>\na"}, {"from": "gpt", "value": "b"}],
    }
    found, (problem,) = read(internvl, [row], tmp_path)
    assert found == []
    assert "`clip`" in problem.message


def test_clips_come_back_as_they_were(tmp_path):
    row = {
        "id": "v",
        "video": "v.mp4",
        "clip": [0.1, 0.70000004],
        "conversations": [{"from": "human", "value": "<video>\na"}, {"from": "gpt", "value": "b"}],
    }
    found, _ = read(internvl, [row], tmp_path)
    assert export(internvl, found, tmp_path)[0] == [row]


def test_lines_for_llava_next_are_named_in_a_yaml(tmp_path):
    """``--data_path`` itself is read by ``json.load``."""
    for suffix, said in ((".jsonl", True), (".json", False)):
        _, written = export(llava_next, [dialogue("a", "b", assets=(ONE,))], tmp_path, suffix=suffix)
        assert any("YAML" in note for note in written.notes) == said


@pytest.mark.parametrize("format_", [llava, llava_next])
def test_what_llavas_loader_moves_is_said(tmp_path, format_):
    inside = dialogue("Look: [](#image) What is it?", "A bus.", assets=(ONE,), identity="inside")
    _, written = export(format_, [dialogue("a", "b", assets=(ONE,)), inside], tmp_path)
    assert "1 dialogue has a picture within a text (inside); LLaVA's loader takes it out" in "\n".join(written.notes)
    _, written = export(format_, [dialogue("a", "b", assets=(ONE,))], tmp_path)
    assert "LLaVA's loader" not in "\n".join(written.notes)


@pytest.mark.parametrize(
    "format_", [alpaca, llava, llava_next, messages, minicpm, qwen, sharegpt, swift, trl, internvl]
)
def test_another_datasets_columns_are_not_taken_for_media(tmp_path, format_):
    extra = {"image": "x.jpg", "images": ["x.jpg"], "clip": "b7", "topic": "cups"}
    value = dialogue("a", "b", assets=(ONE,), metadata=extra)
    (row,), written = export(format_, [value], tmp_path)
    assert "x.jpg" not in json.dumps({key: row.get(key) for key in format_.STYLE.media.keys.values()})
    told = {key for key in extra if written.not_held[f"metadata `{key}`"]}
    assert {key for key in extra if row.get(key) == extra[key]} == set(extra) - told
    assert "topic" not in told
    assert not (format_ is internvl and "clip" in row)


@pytest.mark.parametrize(
    ("format_", "row"),
    [
        (llava, {"video": "v.mp4", "conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}),
        (
            qwen,
            {"images": ["a.jpg"], "conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
        ),
        (
            trl,
            {
                "videos": ["v.mp4"],
                "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
            },
        ),
        (
            messages,
            {"image": "a.jpg", "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
        ),
        (paligemma, {"video": "v.mp4", "prefix": "a", "suffix": "b"}),
    ],
)
def test_media_under_another_key_do_not_become_text_alone(tmp_path, format_, row):
    found, (problem,) = read(format_, [row], tmp_path)
    assert found == []
    assert "where its format does not look" in problem.message


@pytest.mark.parametrize("format_", [csv_table, jsonl, llava, paligemma, parquet])
def test_every_format_refuses_a_setting_that_it_does_not_know(tmp_path, format_):
    with pytest.raises(InputError, match=r"no setting.*rwos"):
        format_.write([], tmp_path / f"out{format_.SUFFIX}", replace(OPTIONS, settings={"rwos": "turn"}))


def test_settings_that_a_format_does_not_know_are_refused(tmp_path):
    with pytest.raises(InputError, match="has no setting 'picture'"):
        export(messages, [dialogue("a", "b")], tmp_path, settings={"picture": "parts"})
    with pytest.raises(InputError, match="none of url, parts, url_parts"):
        export(messages, [dialogue("a", "b")], tmp_path, settings={"pictures": "part"})


def test_qwens_rows_with_lists_are_those_of_videollama3(tmp_path):
    """``_convert_normal``: a ``video`` that is no list of one raises, and a random row is taken."""
    video = dialogue("What?", "Day.", assets=(Asset(id="video", kind="video", path="day.mp4"),), identity="video")
    rows, _ = export(qwen, [video, dialogue("a", "b", assets=(ONE,))], tmp_path, settings={"lists": "always"})
    assert [row.get("video") or row.get("image") for row in rows] == [["day.mp4"], ["a.jpg"]]
    assert rows[0]["conversations"][0]["value"] == "<video>\nWhat?"
    rows, _ = export(qwen, [video], tmp_path)
    assert rows[0]["video"] == "day.mp4"
    with pytest.raises(InputError, match="neither several nor always"):
        export(qwen, [video], tmp_path, settings={"lists": "yes"})


@pytest.mark.parametrize("format_", [messages, trl, swift, llava])
@pytest.mark.parametrize("text", ["<start_of_image>", "<end_of_utterance>", "[IMG]"])
def test_texts_hold_no_places_for_pictures_of_other_models(tmp_path, format_, text):
    """Gemma 3's processor counts the first and ends the run; the last takes a picture from Pixtral's."""
    rows, _ = export(format_, [dialogue("What?", f"It says {text}.", assets=(ONE,))], tmp_path)
    assert bool(rows) == (text == "[IMG]" and format_ is llava)


def test_messages_for_chat_templates(tmp_path):
    values = [
        dialogue("And [](#image2)?", "A cat.", assets=(ONE, TWO), identity="two"),
        dialogue("Hi", "Ho", system="Be short.", identity="system"),
    ]
    rows, _ = export(messages, values, tmp_path, settings={"pictures": "parts"})
    contents = [message["content"] for row in rows for message in row["messages"]]
    assert all(isinstance(content, list) for content in contents)
    assert contents[0] == [
        {"type": "image", "image": "a.jpg"},
        {"type": "text", "text": "And "},
        {"type": "image", "image": "b/c.jpg"},
        {"type": "text", "text": "?"},
    ]
    found = [*messages.read(tmp_path / "out.jsonl", ImportOptions(), pytest.fail)]
    assert [one.turns for one in found] == [one.turns for one in values]
    assert [asset.path for asset in found[0].assets] == ["a.jpg", "b/c.jpg"]
    assert export(messages, found, tmp_path)[0] == rows, "the way back has the same parts"


def test_every_content_may_be_a_list_with_urls(tmp_path):
    """lmms-engine goes through each content as a list."""
    (row,), _ = export(messages, [dialogue("a", "b", assets=(ONE,))], tmp_path, settings={"pictures": "url_parts"})
    assert [message["content"] for message in row["messages"]] == [
        [{"type": "image_url", "image_url": {"url": "a.jpg"}}, {"type": "text", "text": "a"}],
        [{"type": "text", "text": "b"}],
    ]


def test_minicpm(tmp_path):
    """OpenBMB/MiniCPM-V, ``finetune/dataset.py``."""
    values = [
        dialogue("What is it?", "A cup.", "Of what?", "Clay.", assets=(ONE,), identity="one"),
        dialogue("And [](#image2)?", "A cat.", assets=(ONE, TWO), identity="two"),
        dialogue("Hello", "Hello.", "And [](#image)?", "A cup.", assets=(ONE,), identity="later"),
        dialogue("2 + 2?", "4", identity="text"),
        dialogue("What is <image_01>?", "A name.", assets=(ONE,), identity="name"),
    ]
    rows, written = export(minicpm, values, tmp_path)
    assert rows[0] == {
        "id": "one",
        "image": "a.jpg",
        "conversations": [
            {"role": "user", "content": "<image>\nWhat is it?"},
            {"role": "assistant", "content": "A cup."},
            {"role": "user", "content": "Of what?"},
            {"role": "assistant", "content": "Clay."},
        ],
    }
    assert rows[1]["image"] == {"<image_00>": "a.jpg", "<image_01>": "b/c.jpg"}
    assert rows[1]["conversations"][0]["content"] == "<image_00>\nAnd <image_01>?"
    assert sorted(written.left_out) == [
        "a turn holds `<image_...>`, by which MiniCPM-V names its pictures",
        "it has no picture, and MiniCPM-V puts another row in its place",
        "its picture stands in a later turn, and MiniCPM-V puts it into the first",
    ]
    assert detect_by(minicpm, tmp_path / "out.json")
    found = [*minicpm.read(tmp_path / "out.json", ImportOptions(), pytest.fail)]
    assert [(one.id, one.turns, one.assets) for one in found] == [(one.id, one.turns, one.assets) for one in values[:2]]


def detect_by(format_, file):
    return format_.fits(take_sample(file)).score >= max(
        module.fits(take_sample(file)).score
        for module in (llava, llava_next, qwen, internvl, sharegpt, swift, trl, messages)
    )


@pytest.mark.parametrize(
    "image",
    [
        {"<image_00>": "a.jpg"},
        {"<image_05>": "a.jpg", "<image_1>": "b.jpg"},
        {"<image_01>": "a.jpg", "<image_00>": "b.jpg"},
    ],
)
def test_minicpms_own_names_come_back(tmp_path, image):
    says = " and ".join(image)
    row = {
        "id": "x",
        "image": image,
        "conversations": [{"role": "user", "content": says}, {"role": "assistant", "content": "b"}],
    }
    found, problems = read(minicpm, [row], tmp_path)
    assert problems == []
    (back,), _ = export(minicpm, found, tmp_path)
    assert back == row
    assert [*back["image"]] == [*image]
    found, (problem,) = read(minicpm, [row | {"image": {**image, "<image_77>": "c.jpg"}}], tmp_path)
    assert (found, problem.message) == ([], "its turns do not name each of its pictures once")


def test_paligemma(tmp_path):
    values = [
        dialogue("detect cup", "<loc0204>", assets=(ONE,), identity="one"),
        dialogue("a", "b", "c", "d", assets=(ONE,), identity="turns"),
        dialogue("a", "b", assets=(ONE, TWO), identity="two"),
        dialogue("Is [](#image) red?", "b", assets=(ONE,), identity="inside"),
        dialogue("a", "b", identity="text"),
    ]
    rows, written = export(paligemma, values, tmp_path)
    assert rows == [{"id": "one", "image": "a.jpg", "prefix": "detect cup", "suffix": "<loc0204>"}]
    assert sum(written.left_out.values()) == 4
    assert paligemma.fits(take_sample(tmp_path / "out.jsonl")).score == CERTAIN
    (found,) = paligemma.read(tmp_path / "out.jsonl", ImportOptions(), pytest.fail)
    assert (found.turns, found.assets) == (values[0].turns, (ONE,))


def test_a_column_of_a_table_may_begin_late_and_what_has_none_is_said(tmp_path):
    values = [
        dialogue("a", "b", identity="1"),
        dialogue("a", "b", identity="2", metadata={"topic": "cups", "count": 3, "Odd ": "x"}),
    ]
    target = tmp_path / "out.csv"
    written = csv_table.write(values, target, OPTIONS)
    assert {key: count for key, count in written.not_held.items() if "metadata" in key} == {
        "metadata `count`": 1,
        "metadata `Odd `": 1,
    }
    assert [one.metadata for one in csv_table.read(target, ImportOptions(), pytest.fail)] == [{}, {"topic": "cups"}]


def test_paths_of_windows(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.jpg").write_bytes(b"x")
    (tmp_path / "odd\\b.jpg").write_bytes(b"x")
    turns = [{"from": "human", "value": "<image>\na"}, {"from": "gpt", "value": "b"}]
    rows = [
        {"id": path, "image": path, "conversations": turns} for path in ("sub\\a.jpg", "odd\\b.jpg", "C:\\data\\a.jpg")
    ]
    found, problems = read(llava, rows, tmp_path, images=tmp_path)
    assert [(one.assets[0].path, one.assets[0].url) for one in found] == [
        ("sub/a.jpg", None),
        ("odd\\b.jpg", None),  # there is such a file
        (None, "file://C:\\data\\a.jpg"),
    ]
    assert [(problem.lost, problem.message) for problem in problems] == [
        (False, "its picture's path had the backslashes of Windows; they are turned")
    ]


LINES = {
    "mixed": [
        {"conversations": [{"from": "human", "value": "a"}]},
        {"messages": [{"role": "user", "content": "Hi"}]},
        {"instruction": "a", "output": "b"},
    ],
    "other": [{"question": "a", "solution": "b"}],
}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "it holds no rows"),
        (
            "\n".join(map(json.dumps, LINES["mixed"])),
            "its first 3 rows are of several forms (1 with `conversations`, 1 with",
        ),
        (json.dumps(LINES["other"]), "its first row has `question`, `solution`"),
    ],
)
def test_a_file_that_no_format_knows_is_described(tmp_path, text, message):
    (tmp_path / "in.json").write_text(text)
    with pytest.raises(InputError) as caught:
        detect_format(tmp_path / "in.json")
    assert message in caught.value.message


IMAGES = Path(__file__).parents[1] / "examples" / "images"


@pytest.fixture
def otter(tmp_path):
    """A folder as MIMIC-IT's exporter writes it: entries of one picture, of two, and of none."""
    pytest.importorskip("pyarrow", reason="pyarrow (syphus[parquet]) is not installed")
    values = [
        dialogue("What is it?", "A cup.", "Of what?", "Clay.", assets=(Asset(path="coffee.jpg"),), identity="one"),
        dialogue(
            "Which?", "B.", assets=(Asset(path="coffee.jpg"), Asset(id="image2", path="horse.jpg")), identity="two"
        ),
        dialogue("2 + 2?", "4", identity="text"),
    ]
    mimicit.write(values, tmp_path / "SY_instructions.json", replace(OPTIONS, picture_folders={"": IMAGES}))
    return tmp_path


def test_the_yaml_of_otter_is_read_with_all_that_it_names(otter):
    plan = otter / "SY.yaml"
    assert detect_format(plan).name == "mimicit"
    found = [*mimicit.read(plan, ImportOptions(extract=otter / "pictures"), pytest.fail)]
    assert {one.id: (len(one.turns), len(one.assets), one.source) for one in found} == {
        "SY_INS_one": (4, 1, "SY"),
        "SY_INS_text": (2, 0, "SY_text"),
    }
    picture = next(asset.path for one in found for asset in one.assets)
    assert (otter / "pictures" / picture).read_bytes() == (IMAGES / "coffee.jpg").read_bytes()
    (one,) = mimicit.read(plan, ImportOptions(dataset="SY_text"), pytest.fail)
    assert one.turns[0].text == "2 + 2?"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("IMAGE_TEXT: {A: {mimicit_path: gone.json}}", "there is no file gone.json"),
        ("IMAGE_TEXT: {A: {images_path: x}}", "names no `mimicit_path`"),
        ("IMAGE_TEXT: [1]\n# mimicit_path", "holds no datasets"),
        ("IMAGE_TEXT: {\n# mimicit_path", "is no YAML"),
        ("IMAGE_TEXT: {}\nOTHER: {}\n# mimicit_path", "its groups are not of"),
    ],
)
def test_yamls_that_are_none(tmp_path, text, message):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        list(mimicit.read(tmp_path / "x.yaml", ImportOptions(), pytest.fail))
    assert message in caught.value.message


def test_a_yaml_whose_pictures_are_gone_is_read_without_them(otter):
    (otter / "SY.parquet").unlink()
    problems = []
    found = [*mimicit.read(otter / "SY.yaml", ImportOptions(), problems.append)]
    assert len(found) == 2
    assert "pictures are known by their ids alone" in problems[0].message


def test_pictures_are_written_into_the_folder_that_they_are_read_from(otter, monkeypatch, capsys):
    monkeypatch.chdir(otter)
    assert main(["convert", "SY.yaml", "out.jsonl", "--to", "messages", "--extract", "new", "--images", "new"]) == 0
    assert "2 dialogues" in capsys.readouterr().err
    shutil.rmtree("new")
    Path("new").write_text("a file")
    assert main(["convert", "SY.yaml", "out.jsonl", "--to", "messages", "--extract", "new", "--images", "new"]) == 2


def test_clips_of_a_dataset_are_cut_too(tmp_path, capsys):
    """An export that leaves clips out names this command, also for a dataset that is no run."""
    row = {
        "id": "v",
        "video": "day.avi",
        "clip": [2, 4.5],
        "conversations": [{"from": "human", "value": "<video>\na"}, {"from": "gpt", "value": "b"}],
    }
    (tmp_path / "in.jsonl").write_text(json.dumps(row) + "\n")
    assert main(["clips", str(tmp_path / "in.jsonl")]) == 0
    assert capsys.readouterr().out.split() == [
        *("ffmpeg", "-nostdin", "-n", "-ss", "2", "-i", "day.avi", "-t", "2.5", "day_2-4.5.avi"),
    ]


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        detect_format(tmp_path / "gone.json")
