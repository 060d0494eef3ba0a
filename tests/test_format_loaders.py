"""The files load by the rules of their consumers, re-stated here from the consumers' code without the writers' own.

Each function says where its rules are published. They raise as the consumer does, and for what it would do in silence.
"""

import json
import re
from pathlib import Path

import pytest

from syphus.formats import alpaca, internvl, llamafactory, llava_next, qwen, sharegpt, swift, trl
from syphus.formats.exporting import ExportOptions
from syphus.formats.importing import ImportOptions
from syphus.records import Asset, Dialogue, Object, Turn

OPTIONS = ExportOptions(max_tokens=None)


def dialogue(identity, *texts, assets=(), **fields) -> Dialogue:
    turns = tuple(Turn(role=("user", "assistant")[i % 2], text=text) for i, text in enumerate(texts))
    return Dialogue(id=identity, scene="s", turns=turns, assets=assets, **fields)


ONE = Asset(path="a.jpg", width=640, height=480)
TWO = Asset(id="image2", path="b/c.jpg", width=100, height=50)
CLIP = Asset(id="video", kind="video", path="v.mp4")
SAMPLES = [
    dialogue("text", "2 + 2?", "4", "And 3?", "7"),
    dialogue("one", "What is it?", "A bus.", assets=(ONE,)),
    dialogue("inside", "Look: [](#image) What is it?", "A bus.", assets=(ONE,)),
    dialogue("two", "Which is older?", "The first.", assets=(ONE, TWO)),
    dialogue("both", "Here [](#image2) and there [](#image).", "I see.", assets=(ONE, TWO)),
    dialogue("later", "What is it?", "A bus.", "And [](#image2)?", "A cat.", assets=(ONE, TWO)),
    dialogue("last", "Hello", "Hello.", "What is [](#image)?", "A cat.", assets=(ONE,)),
    dialogue("answer", "Draw a bus.", "Here: [](#image)", assets=(ONE,)),
    dialogue("video", "What happens?", "Somebody sings.", assets=(CLIP,)),
    dialogue("mixed", "Is [](#image) in it?", "Yes.", assets=(ONE, CLIP)),
    dialogue("system", "Hi", "Hello.", system="Be short."),
    dialogue("scan", "What room?", "A kitchen.", assets=(Asset(kind="point_cloud", path="x.ply"),)),
]
PICTURES = {"a.jpg": "ONE", "b/c.jpg": "TWO"}


def export(format_, folder: Path, values=SAMPLES, name="out"):
    target = folder / f"{name}{format_.SUFFIX}"
    written = format_.write(values, target, OPTIONS)
    file = target / "out.json" if target.is_dir() else target
    text = file.read_text(encoding="utf-8")
    rows = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
    return {row["id"]: row for row in rows}, written


def load_like_qwen(row):
    """QwenLM/Qwen3-VL 23d3cce0, ``qwenvl/data/data_processor.py``, ``_build_messages``."""
    pools = {"<image>": row.get("image") or [], "<video>": row.get("video") or []}
    pools = {token: [given] if isinstance(given, str) else list(given) for token, given in pools.items()}
    said = []
    for turn in row["conversations"]:
        parts = re.split(r"(<image>|<video>)", turn["value"]) if turn["from"] == "human" else [turn["value"]]
        content = []
        for part in parts:
            if part in pools and turn["from"] == "human":
                content.append({part: pools[part].pop(0)})  # IndexError: more placeholders than media
            elif part.strip():
                content.append(part.strip())
        said.append(content)
    assert not any(pools.values()), "media remain unused"
    return said


def test_qwen(tmp_path):
    rows, written = export(qwen, tmp_path)
    loaded = {identity: load_like_qwen(row) for identity, row in rows.items()}
    assert loaded["text"] == [["2 + 2?"], ["4"], ["And 3?"], ["7"]]
    assert loaded["one"][0] == [{"<image>": "a.jpg"}, "What is it?"]
    assert loaded["inside"][0] == ["Look:", {"<image>": "a.jpg"}, "What is it?"]
    assert loaded["two"][0] == [{"<image>": "a.jpg"}, {"<image>": "b/c.jpg"}, "Which is older?"]
    assert loaded["both"][0] == ["Here", {"<image>": "b/c.jpg"}, "and there", {"<image>": "a.jpg"}, "."]
    assert loaded["later"][2] == ["And", {"<image>": "b/c.jpg"}, "?"]
    assert loaded["video"][0] == [{"<video>": "v.mp4"}, "What happens?"]
    assert loaded["mixed"][0] == [{"<video>": "v.mp4"}, "Is", {"<image>": "a.jpg"}, "in it?"]
    assert {turn["from"] for row in rows.values() for turn in row["conversations"]} == {"human", "gpt"}
    assert written.left_out == {
        "a picture stands in an answer, where its consumers look for none": 1,
        "it is about a point cloud, and the format holds pictures and videos only": 1,
    }
    assert written.not_held["system"] == 1


def load_like_llamafactory(row, entry):
    """LLaMA-Factory 0.9.5: ``parser.py`` (``columns`` and ``tags`` replace the defaults), ``converter.py`` and
    ``mm_plugin.py`` (``_validate_messages``)."""
    columns, tags = entry["columns"], entry["tags"]
    messages = row[columns["messages"]]
    system = ""
    if tags.get("system_tag") and messages[0][tags["role_tag"]] == tags["system_tag"]:
        system, messages = messages[0][tags["content_tag"]], messages[1:]
    roles = [tags["user_tag"], tags["assistant_tag"]]
    for index, message in enumerate(messages):
        assert message[tags["role_tag"]] == roles[index % 2], "Invalid role tag"
    assert len(messages) % 2 == 0, "Invalid message count"
    text = "".join(message[tags["content_tag"]] for message in messages)
    media = {}
    for column, token in (("images", "<image>"), ("videos", "<video>")):
        found = row.get(columns[column]) if columns.get(column) else None
        assert text.count(token) == len(found or []), f"The number of {column} does not match"
        media[column] = found
    return system, text, media


def test_llamafactory(tmp_path):
    rows, written = export(llamafactory, tmp_path)
    (entry,) = json.loads((tmp_path / "out/dataset_info.json").read_text()).values()
    assert (tmp_path / "out" / entry["file_name"]).is_file()
    loaded = {identity: load_like_llamafactory(row, entry) for identity, row in rows.items()}
    assert set(loaded) == {sample.id for sample in SAMPLES} - {"scan"}
    assert loaded["one"][1] == "<image>What is it?A bus."
    assert loaded["both"][2]["images"] == ["b/c.jpg", "a.jpg"]
    assert loaded["answer"][1] == "Draw a bus.Here: <image>"
    assert loaded["system"][0] == "Be short."
    assert sum(written.left_out.values()) == 1


def test_llamafactory_names_no_column_that_is_not_there(tmp_path):
    export(llamafactory, tmp_path, SAMPLES[:1])
    (entry,) = json.loads((tmp_path / "out/dataset_info.json").read_text()).values()
    assert entry["columns"] == {"messages": "messages"}


def test_llamafactory_leaves_other_entries_alone(tmp_path):
    info = tmp_path / "out/dataset_info.json"
    info.parent.mkdir()
    info.write_text('{"theirs": {"hf_hub_url": "a/b", "unknown": [1]}}')
    export(llamafactory, tmp_path, SAMPLES[:1])
    entries = json.loads(info.read_text())
    assert list(entries) == ["theirs", "out"]
    assert entries["theirs"] == {"hf_hub_url": "a/b", "unknown": [1]}


def load_like_alpaca(row):
    """LLaMA-Factory 0.9.5, ``AlpacaDatasetConverter``."""
    said = [text for pair in row.get("history") or [] for text in pair]
    return [*said, "\n".join(filter(None, [row["instruction"], row.get("input")])), row["output"]]


def test_alpaca(tmp_path):
    rows, _ = export(alpaca, tmp_path)
    assert load_like_alpaca(rows["text"]) == ["2 + 2?", "4", "And 3?", "7"]
    assert rows["text"]["history"] == [["2 + 2?", "4"]]
    assert load_like_alpaca(rows["later"]) == ["<image>What is it?", "A bus.", "And <image>?", "A cat."]
    assert rows["system"]["system"] == "Be short."
    for row in rows.values():
        assert "".join(load_like_alpaca(row)).count("<image>") == len(row.get("images", []))


def load_like_internvl(row):
    """OpenGVLab/InternVL b9b1bb86, ``internvl_chat_finetune.py``: the three ``..._get_item`` and what they assert."""
    turns = [dict(turn) for turn in row["conversations"]]
    image, video = row.get("image"), row.get("video")
    number = 0
    if image:
        if isinstance(image, str) and "<image>" not in turns[0]["value"]:
            turns[0]["value"] = "<image>\n" + turns[0]["value"]
        number = 1 if isinstance(image, str) else len(image)
    elif video:
        if "<video>" not in turns[0]["value"]:
            turns[0]["value"] = "<video>\n" + turns[0]["value"]
        frames = "\n".join(f"Frame-{index + 1}: <image>" for index in range(4))
        turns[0]["value"] = turns[0]["value"].replace("<video>\n", frames + "\n")
        assert "<video>" not in turns[0]["value"], "the video's token is left as text"
        number = 4
    text = "".join(turn["value"] for turn in turns)
    assert text.count("<image>") == number, "image tokens are truncated"
    return [turn["value"] for turn in turns]


def test_internvl(tmp_path):
    rows, written = export(internvl, tmp_path)
    loaded = {identity: load_like_internvl(row) for identity, row in rows.items()}
    assert loaded["one"][0] == "<image>\nWhat is it?"
    assert loaded["video"][0].startswith("Frame-1: <image>\nFrame-2")
    assert loaded["both"][0] == "Here <image> and there <image>."
    assert (rows["one"]["width"], rows["one"]["height"]) == (640, 480)
    assert rows["two"]["width_list"] == [640, 100]
    assert "width_list" not in rows["both"], "the sizes would be in the wrong order"
    assert written.left_out == {
        "its picture stands in a later turn, and InternVL puts one more into the first": 1,
        "a picture stands in an answer, where its consumers look for none": 1,
        "it has a video beside others, and an InternVL row holds one video or pictures": 1,
        "it is about a point cloud, and the format holds pictures and videos and frames of videos only": 1,
    }
    meta = json.loads((tmp_path / "out.meta.json").read_text())
    assert set(meta["out"]) == {"root", "annotation", "data_augment", "repeat_time", "length"}
    assert meta["out"]["length"] == len(rows)
    assert meta["out"]["annotation"].endswith(".jsonl")


def load_like_llava_next(row):
    """LLaVA-NeXT 45f2d920, ``llava/train/train.py``: ``_get_item``; one feature a token in ``llava_arch.py``."""
    number = 0
    if "image" in row:
        number = len(row["image"]) if isinstance(row["image"], list) else 1
    elif "video" in row:
        number = 1
    names = [turn["from"] for turn in row["conversations"]]
    assert names == ["human", "gpt"] * (len(names) // 2)
    assert "".join(turn["value"] for turn in row["conversations"]).count("<image>") == number


def test_llava_next(tmp_path):
    rows, written = export(llava_next, tmp_path)
    for row in rows.values():
        load_like_llava_next(row)
    assert rows["video"]["video"] == "v.mp4"
    assert rows["video"]["conversations"][0]["value"] == "<image>\nWhat happens?"
    assert rows["two"]["image"] == ["a.jpg", "b/c.jpg"]
    assert rows["one"]["image"] == "a.jpg"
    assert set(SAMPLE_IDS) - set(rows) == {"answer", "mixed", "scan"}
    assert written.not_held["system"] == 1


SAMPLE_IDS = [sample.id for sample in SAMPLES]


def load_like_swift(row):
    """modelscope/ms-swift 0e518dd2, ``preprocessor/core.py``: ``_check_messages``, ``_check_objects``, ``_cast_mm_data``."""
    for message in row["messages"]:
        assert message["role"] in {"system", "user", "tool_call", "tool_response", "tool", "assistant"}
        assert message["content"] is not None
    for key in ("images", "videos"):
        assert isinstance(row.get(key, []), list)
    text = "".join(message["content"] for message in row["messages"])
    objects = row.get("objects") or {"ref": [], "bbox": []}
    for box in objects["bbox"]:
        assert len(box) in {2, 4}
        assert box[:2] <= box[2:], "it would be turned without a word"
        assert box[1] <= box[3], "it would be turned without a word"
    refs, boxes = iter(objects["ref"]), iter(objects["bbox"])
    fill = {"<ref-object>": lambda: next(refs), "<bbox>": lambda: str(next(boxes))}
    text = re.sub("<ref-object>|<bbox>", lambda found: fill[found[0]](), text)
    assert next(refs, None) is None
    assert next(boxes, None) is None
    assert text.count("<image>") == len(row.get("images", []))
    return text


def test_swift(tmp_path):
    bus = Object(id="o1", label="bus", box=(10.0, 20.0, 30.5, 40.0))
    cat = Object(id="o2", label="cat", box=(1.0, 2.0, 3.0, 4.0), asset="image2")
    grounded = dialogue(
        "grounded",
        "Where is [the bus](#o1)? [](#image2)",
        "[It](#o1) is left of [both](#o1,#o2).",
        assets=(ONE, TWO),
        objects=(bus, cat),
    )
    rows, _ = export(swift, tmp_path, [*SAMPLES, grounded])
    loaded = {identity: load_like_swift(row) for identity, row in rows.items()}
    assert rows["grounded"]["messages"][1]["content"] == "<ref-object><bbox> is left of <ref-object><bbox><bbox>."
    assert rows["grounded"]["objects"] == {
        "ref": ["the bus", "It", "both"],
        "bbox": [[10, 20, 30.5, 40]] * 3 + [[1, 2, 3, 4]],
        "image_id": [0, 0, 0, 1],
    }
    assert loaded["system"] == "Be short.HiHello."
    assert set(rows) == {*SAMPLE_IDS, "grounded"} - {"scan"}


def load_like_trl(row):
    """TRL 1.16, ``trl/data_utils.py`` (``prepare_multimodal_messages``): as many placeholders as images."""
    parts = [part for message in row["messages"] for part in message["content"]]
    assert all(isinstance(part, dict) for part in parts), "a table has one type a column"
    assert {message["role"] for message in row["messages"]} <= {"system", "user", "assistant", "tool"}
    assert sum(part["type"] == "image" for part in parts) == len(row["images"])
    assert not any("<image>" in part.get("text", "") for part in parts)
    return parts


def test_trl(tmp_path):
    rows, written = export(trl, tmp_path)
    loaded = {identity: load_like_trl(row) for identity, row in rows.items()}
    assert loaded["one"][0] == {"type": "image"}
    assert [part["type"] for part in loaded["both"]] == ["text", "image", "text", "image", "text", "text"]
    assert rows["both"]["images"] == ["b/c.jpg", "a.jpg"]
    assert rows["text"]["images"] == []
    assert rows["system"]["messages"][0] == {"role": "system", "content": [{"type": "text", "text": "Be short."}]}
    assert written.left_out["it is about a video, and the format holds pictures only"] == 2


def test_sharegpt_loads_as_llamafactory_reads_it(tmp_path):
    rows, _ = export(sharegpt, tmp_path)
    entry = {
        "columns": {"messages": "conversations", "images": "images", "videos": "videos"},
        "tags": {
            "role_tag": "from",
            "content_tag": "value",
            "user_tag": "human",
            "assistant_tag": "gpt",
            "system_tag": "system",
        },
    }
    for row in rows.values():
        load_like_llamafactory(row, entry)


@pytest.mark.parametrize("format_", [alpaca, internvl, llamafactory, llava_next, qwen, sharegpt, swift, trl])
@pytest.mark.parametrize("text", ["a <image> b", "a <video>", "x</s>", "<|im_end|>", " \n", "\udc00"])
def test_texts_that_trainers_take_for_their_own_are_left_out(format_, text, tmp_path):
    for texts in ([text, "b"], ["a", text]):
        written = format_.write([dialogue("d", *texts)], tmp_path / f"out{format_.SUFFIX}", OPTIONS)
        assert written.written == 0
        assert sum(written.left_out.values()) == 1


@pytest.fixture
def frames(tmp_path) -> Path:
    for name in ("good/f_2.jpg", "good/f_10.jpg", "odd/b.png", "odd/a.png", "odd/notes.txt", "v.mp4"):
        file = tmp_path / "media" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"\xff\xd8\xff")
    (tmp_path / "media/empty").mkdir()
    return tmp_path / "media"


def clip(identity, folder):
    return dialogue(identity, "What happens?", "He sings.", assets=(Asset(id="video", kind="frames", path=folder),))


def write_with(format_, folder, frames, values):
    target = folder / f"out{format_.SUFFIX}"
    written = format_.write(values, target, ExportOptions(picture_folders={"": frames}))
    file = target / "out.json" if target.is_dir() else target
    text = file.read_text(encoding="utf-8")
    return json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()], written


@pytest.mark.parametrize("format_", [swift, llamafactory])
def test_frames_are_a_list_in_the_place_of_a_video(format_, tmp_path, frames):
    """LLaMA-Factory 0.9.5, ``converter.py`` (``_find_medias``); ms-swift, ``vision_utils.py`` (``load_video_hf``)."""
    values = [clip("a", "odd"), clip("b", "empty"), clip("c", "gone"), dialogue("d", "?", "!", assets=(CLIP,))]
    (row,), written = write_with(format_, tmp_path, frames, values)
    assert row["videos"] == [["odd/a.png", "odd/b.png"]]
    assert row["messages"][0]["content"] == "<video>What happens?"
    assert written.left_out == {
        "the folder of its frames holds no picture": 1,
        "its picture's file is missing": 1,
        "its video is a file and those before are frames, or the other way round: a table has one kind": 1,
    }
    target = tmp_path / f"out{format_.SUFFIX}"
    (read,) = format_.read(target, ImportOptions(), pytest.fail)
    assert read.assets == values[0].assets
    again = tmp_path / f"again{format_.SUFFIX}"
    format_.write([read], again, OPTIONS)  # without a folder to look into
    assert (again / "again.json" if again.is_dir() else again).read_text().count('[["odd/a.png","odd/b.png"]]') == 1


def test_frames_are_a_folder_for_internvl(tmp_path, frames):
    (row,), written = write_with(internvl, tmp_path, frames, [clip("a", "good"), clip("b", "odd")])
    assert row["video"] == "good/"
    assert row["conversations"][0]["value"] == "<video>\nWhat happens?"
    assert load_like_internvl(row)
    assert written.left_out == {
        "its frames are not named as `clip_12.jpg`, by whose number InternVL puts them in order": 1
    }
    (read,) = internvl.read(tmp_path / "out.jsonl", ImportOptions(), pytest.fail)
    assert read.assets == clip("a", "good").assets


@pytest.mark.parametrize("format_", [qwen, sharegpt, trl, alpaca, llava_next])
def test_frames_are_refused_by_formats_without_a_place_for_them(format_, tmp_path, frames):
    _, written = write_with(format_, tmp_path, frames, [clip("a", "good")])
    (reason,) = written.left_out
    assert reason.startswith("it is about the frames of a video, and the format holds ")


@pytest.mark.parametrize(
    ("videos", "message"),
    [
        ([[]], "a video is a list of something else"),
        ([["a/1.jpg", "b/2.jpg"]], "the frames of a video stand in several"),
    ],
)
def test_odd_frames(videos, message, tmp_path):
    row = {
        "messages": [{"role": "user", "content": "<video>a"}, {"role": "assistant", "content": "b"}],
        "videos": videos,
    }
    (tmp_path / "in.json").write_text(json.dumps([row]))
    problems = []
    assert list(swift.read(tmp_path / "in.json", ImportOptions(), problems.append)) == []
    assert problems[0].message.startswith(message)
