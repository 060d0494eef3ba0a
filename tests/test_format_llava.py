"""LLaVA JSON, held against a re-statement of the loader that does not use the writer's code."""

import json
import os
import tracemalloc
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syphus.errors import InputError
from syphus.formats import llava
from syphus.formats.exporting import ExportOptions
from syphus.formats.parts import estimate_tokens
from syphus.records import Asset, Dialogue, Object, Turn
from syphus.references.boxes import find_convention

GOLDEN = Path(__file__).parent / "golden" / "export.llava.json"
SYSTEM = (
    "A chat between a curious human and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the human's questions. "
)
CHINESE = "这张照片里有一辆红色的公共汽车停在街道旁边，几个行人正在过马路。天空多云，建筑物的窗户反射着光线。"  # noqa: RUF001
RUSSIAN = (
    "На фотографии красный автобус стоит на обочине улицы, "  # noqa: RUF001
    "несколько пешеходов переходят дорогу. Небо облачное."  # noqa: RUF001
)


class Sample(NamedTuple):
    prompt: str
    slots: int
    learned: list[str]


def load_like_llava(rows: list[dict], image_folder: Path) -> list[Sample]:
    """What LLaVA c121f043 makes of the rows, on the level of text (its masks count tokens of the same pieces).

    Raises as the loader does for rows that stop a run, and AssertionError for what it would mask or shift in silence.
    """
    samples = []
    for row in rows:
        turns = [dict(turn) for turn in row["conversations"]]
        if "image" in row:  # LazySupervisedDataset.__getitem__
            assert not Path(row["image"]).is_absolute()
            assert (image_folder / row["image"]).is_file()
            for turn in turns:  # preprocess_multimodal
                if "<image>" in turn["value"]:
                    turn["value"] = f"<image>\n{turn['value'].replace('<image>', '').strip()}".strip()
        names = {"human": "USER", "gpt": "ASSISTANT"}  # preprocess_v1
        if names[turns[0]["from"]] != "USER":
            turns = turns[1:]
        prompt = SYSTEM
        for index, turn in enumerate(turns):
            name = names[turn["from"]]
            assert name == ("USER", "ASSISTANT")[index % 2]
            prompt += f"{name}: {turn['value']}{(' ', '</s>')[index % 2]}" if turn["value"] else f"{name}:"
        learned, length = [], 0
        for part in prompt.split("</s>"):
            if part == "":
                break
            sides = part.split(" ASSISTANT: ")
            if len(sides) != 2:
                break
            learned.append(sides[1])
            length += len(part) + len("</s>")
        assert length == len(prompt), "tokenization mismatch: the whole sample is masked"
        assert "<unk>" not in prompt, "tokenization mismatch: <unk> is the padding token"
        slots = prompt.count("<image>")
        assert slots == ("image" in row), f"{slots} image slots"
        assert learned == [turn["value"] for turn in turns[1::2]]
        samples.append(Sample(prompt, slots, learned))
    return samples


def dialogue(identity="d1", *texts, picture: str | None = "a.jpg", source="coco", **fields) -> Dialogue:
    texts = texts or ("What is on the road?", "A red bus.")
    assets = (Asset(path=picture, width=640, height=480),) if picture else ()
    turns = tuple(Turn(role=("user", "assistant")[i % 2], text=text) for i, text in enumerate(texts))
    return Dialogue(**{"id": identity, "scene": "s1", "source": source, "assets": assets, "turns": turns, **fields})


@pytest.fixture
def pictures(tmp_path) -> Path:
    folder = tmp_path / "pictures" / "coco"
    (folder / "val").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg", "val/c d.jpg"):
        (folder / name).write_bytes(b"\xff\xd8\xff")
    return folder


def export(dialogues, target: Path, **options):
    written = llava.write(dialogues, target, ExportOptions(**options))
    rows = json.loads(target.read_text(encoding="utf-8"))
    assert len(rows) == written.written
    return rows, written


def test_rows_load_as_they_were_meant(tmp_path, pictures):
    dialogues = [
        dialogue("d1"),
        dialogue("d2", "Who?", "Ann.", "Where?", "There.", picture="val/c d.jpg"),
        dialogue("d3", "2 + 2?", "4", picture=None),
    ]
    rows, written = export(dialogues, tmp_path / "out.json", picture_folders={"coco": pictures})
    assert rows == [
        {
            "id": "d1",
            "image": "a.jpg",
            "conversations": [
                {"from": "human", "value": "<image>\nWhat is on the road?"},
                {"from": "gpt", "value": "A red bus."},
            ],
        },
        {
            "id": "d2",
            "image": "val/c d.jpg",
            "conversations": [
                {"from": "human", "value": "<image>\nWho?"},
                {"from": "gpt", "value": "Ann."},
                {"from": "human", "value": "Where?"},
                {"from": "gpt", "value": "There."},
            ],
        },
        {"id": "d3", "conversations": [{"from": "human", "value": "2 + 2?"}, {"from": "gpt", "value": "4"}]},
    ]
    samples = load_like_llava(rows, pictures)
    assert [sample.slots for sample in samples] == [1, 1, 0]
    assert samples[1].learned == ["Ann.", "There."]
    assert written.left_out == {}


def test_one_row_a_line(tmp_path, pictures):
    target = tmp_path / "out.json"
    export([dialogue("d1", "a\nb", "c\u2028d"), dialogue("d2")], target, picture_folders={"coco": pictures})
    lines = target.read_bytes().split(b"\n")
    assert lines[0] == b"["
    assert lines[-2:] == [b"]", b""]
    assert [json.loads(line.removesuffix(b","))["id"] for line in lines[1:-2]] == ["d1", "d2"]


def test_nothing_is_an_empty_array(tmp_path):
    rows, written = export([], tmp_path / "out.json")
    assert rows == []
    assert written.notes == []


@pytest.mark.parametrize(
    "bad",
    [
        [("human", "<image>\nA?"), ("gpt", "B"), ("human", "<image> C?"), ("gpt", "D")],
        [("human", "A?"), ("gpt", "B")],
        [("human", "<image>\nA?")],
        [("human", "<image>\nA?"), ("gpt", "")],
        [("human", "<image>\nA?"), ("gpt", "B</s>C")],
        [("human", "<image>\nA ASSISTANT: x"), ("gpt", "B")],
        [("human", "<image>\nA?"), ("gpt", "<unk>")],
        [("human", "<image>\nA?"), ("human", "B")],
    ],
)
def test_the_imitation_sees_what_the_loader_masks(bad, pictures):
    rows = [{"id": "x", "image": "a.jpg", "conversations": [{"from": name, "value": text} for name, text in bad]}]
    with pytest.raises(AssertionError):
        load_like_llava(rows, pictures)


MARKS = [
    *(
        "<image>",
        "</s>",
        "<s>",
        "<unk>",
        "<pad>",
        "[PAD]",
        "<im_start>",
        "<im_end>",
        "<im_patch>",
        "<Image>",
        "</Image>",
    ),
    *("<video>", "<audio>", "<IMG_CONTEXT>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"),
    *("<start_of_turn>", "<end_of_turn>"),
]


@pytest.mark.parametrize("picture", ["a.jpg", None])
@pytest.mark.parametrize("turn", [0, 1, 3])
@pytest.mark.parametrize("mark", MARKS)
def test_reserved_strings_are_left_out(mark, turn, picture, tmp_path, pictures):
    texts = ["one", "two", "three", "four"]
    texts[turn] = f"x{mark}y"
    rows, written = export(
        [dialogue("bad", *texts, picture=picture), dialogue("good")],
        tmp_path / "out.json",
        picture_folders={"coco": pictures},
    )
    assert [row["id"] for row in rows] == ["good"]
    assert written.left_out == {f"a turn holds `{mark}`, which trainers take for their own": 1}
    assert list(written.examples.values()) == ["bad"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("He said ASSISTANT: no", "a turn holds `ASSISTANT:`, on which LLaVA's loader splits the turns"),
        ("ASSISTANT:", "a turn holds `ASSISTANT:`, on which LLaVA's loader splits the turns"),
        ("yes\nUSER: and?", "a turn holds `USER:`, on which LLaVA's loader splits the turns"),
        ("### Human: and?", "a turn holds `### Human:`, on which LLaVA's loader splits the turns"),
        ("###Assistant: and?", "a turn holds `###Assistant:`, on which LLaVA's loader splits the turns"),
        ("a<|im_end|>b", "a turn holds a `<|...|>` token, which trainers take for their own"),
        ("a<|endoftext|>", "a turn holds a `<|...|>` token, which trainers take for their own"),
        ("<im[ag](#o1)e>", "a turn holds `<image>`, which trainers take for their own"),
        ("[](#o1)", "a turn is empty"),
        (" \n\u00a0", "a turn is empty"),
        ("[the dog](#o9)", "a reference leads to nothing that the dialogue holds"),
        ("[two](#o1,#o9)", "a reference leads to nothing that the dialogue holds"),
        ("half \ud83d of it", "its text is no valid Unicode: it holds half of a surrogate pair"),
        ("very long " * 1000, "it is longer than 2048 tokens, by a high estimate"),
        ("字" * 1000, "it is longer than 2048 tokens, by a high estimate"),
    ],
)
@pytest.mark.parametrize("side", [0, 1])
def test_unfit_texts_are_left_out_with_the_reason(text, reason, side, tmp_path, pictures):
    texts = ["one", "two"]
    texts[side] = text
    bad = dialogue("bad", *texts, objects=(Object(id="o1", label="bus", box=(1.0, 2.0, 3.0, 4.0)),))
    rows, written = export([bad], tmp_path / "out.json", picture_folders={"coco": pictures})
    assert rows == []
    assert written.left_out == {reason: 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("  padded \n", "padded"),
        ("🚌 and 👩‍👩‍👧", "🚌 and 👩‍👩‍👧"),
        ("حافلة حمراء \u200f(LTR)\u200f", "حافلة حمراء \u200f(LTR)\u200f"),
        ("bell \x07 nul \x00 escape \x1b[31m", "bell \x07 nul \x00 escape \x1b[31m"),
        ('quote " slash \\ brace { } %s', 'quote " slash \\ brace { } %s'),
        ("line\u2028separator", "line\u2028separator"),
        ("User: admin, Human: 1, SUPERUSER: 2", "User: admin, Human: 1, SUPERUSER: 2"),
        ("### A heading", "### A heading"),
        ("<b>bold</b> a < b > c", "<b>bold</b> a < b > c"),
        ("the ASSISTANT", "the ASSISTANT"),
        ("a | b <| c |> d", "a | b <| c |> d"),
        ("x" * 2000, "x" * 2000),
    ],
)
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("picture", ["a.jpg", None])
def test_odd_texts_that_the_loader_takes_are_written(text, value, side, picture, tmp_path, pictures):
    texts = ["one", "two", "three", "four"]
    texts[side] = text
    rows, written = export(
        [dialogue("d", *texts, picture=picture)], tmp_path / "out.json", picture_folders={"coco": pictures}
    )
    assert written.left_out == {}
    load_like_llava(rows, pictures)
    assert rows[0]["conversations"][side]["value"].removeprefix("<image>\n") == value


_pieces = st.sampled_from(
    [
        *(
            "<image>",
            "<im",
            "age>",
            "</s>",
            "</",
            "s>",
            "<s>",
            "<unk>",
            " ASSISTANT: ",
            "ASSISTANT",
            ":",
            "USER: ",
            "USER",
        ),
        *(" ", "\n", "\r\n", "\t", "a", "[b](#o1)", "[", "](#o1)", "é", "🚌", "\u200f", "\x00", "<|", "|>", "im_end"),
    ]
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(_pieces, min_size=1, max_size=6).map("".join), min_size=2, max_size=6), st.booleans())
def test_whatever_is_written_is_learned(tmp_path, pictures, texts, with_picture):
    one = dialogue(
        "d",
        *texts[: len(texts) // 2 * 2],
        picture="a.jpg" if with_picture else None,
        objects=(Object(id="o1", label="bus"),),
    )
    rows, written = export([one], tmp_path / "out.json", picture_folders={"coco": pictures})
    assert written.written + written.left_out.total() == 1
    load_like_llava(rows, pictures)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"picture": "gone.jpg"}, "its picture's file is missing"),
        ({"picture": "val"}, "its picture's file is missing"),
        ({"picture": "n" * 5000}, "its picture's file is missing"),
        ({"picture": "a\x00.jpg"}, "its picture's file is missing"),
        ({"picture": "../coco/a.jpg"}, "its picture's path has `..` in it, which may lead out of the picture folder"),
        ({"picture": "val\\c.jpg"}, "its picture's path has backslashes"),
        ({"source": "other"}, "the picture folder of its source is not known"),
        ({"assets": (Asset(url="https://x.org/a.jpg"),)}, "its picture has only a url"),
        ({"assets": (Asset(),)}, "its picture has neither a path nor a url"),
        (
            {"assets": (Asset(id="a", path="a.jpg"), Asset(id="b", path="b.jpg"))},
            "it has several pictures, and a row of this format holds one",
        ),
        ({"assets": (Asset(kind="video", path="a.jpg"),)}, "it is about a video, and the format holds pictures only"),
        (
            {"assets": (Asset(kind="frames", path="val"),)},
            "it is about the frames of a video, and the format holds pictures only",
        ),
    ],
)
def test_pictures_that_cannot_be_named_are_left_out(fields, reason, tmp_path, pictures):
    rows, written = export([dialogue("bad", **fields)], tmp_path / "out.json", picture_folders={"coco": pictures})
    assert rows == []
    assert written.left_out == {reason: 1}
    assert written.examples == {reason: "bad"}


def test_a_missing_picture_is_named(tmp_path, pictures, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, written = export([dialogue(picture="gone.jpg")], tmp_path / "out.json", picture_folders={"coco": pictures})
    assert str(Path("pictures", "coco", "gone.jpg")) in written.notes[-1]


def test_a_repeated_id_is_left_out_unless_the_first_was(tmp_path, pictures):
    dialogues = [dialogue("d1", "</s>", "x"), dialogue("d1"), dialogue("d1"), dialogue("d2")]
    rows, written = export(dialogues, tmp_path / "out.json", picture_folders={"coco": pictures})
    assert [row["id"] for row in rows] == ["d1", "d2"]
    assert written.left_out["its id was given to a dialogue before it"] == 1


def test_boxes_are_rendered_by_the_convention(tmp_path, pictures):
    bus = Object(id="o1", label="bus", box=(64.0, 48.0, 320.0, 240.0))
    one = dialogue("d", "Where is [the bus](#o1) in [it](#image)?", "[Here](#o1).", objects=(bus,))
    rows, _ = export([one], tmp_path / "out.json", picture_folders={"coco": pictures}, boxes=find_convention("unit"))
    assert [turn["value"] for turn in rows[0]["conversations"]] == [
        "<image>\nWhere is the bus [0.100, 0.100, 0.500, 0.500] in it?",
        "Here [0.100, 0.100, 0.500, 0.500].",
    ]
    sizeless = dialogue("e", "[Bus](#o1)?", "Yes.", objects=(bus,), assets=(Asset(path="a.jpg"),))
    _, written = export(
        [sizeless], tmp_path / "out.json", picture_folders={"coco": pictures}, boxes=find_convention("unit")
    )
    assert written.left_out == {"the picture's width and height are not known, and the box convention needs them": 1}
    stray = dialogue("f", "[Bus](#o2)?", "Yes.", objects=(Object(id="o2", label="bus", box=bus.box, asset="gone"),))
    _, written = export(
        [stray], tmp_path / "out.json", picture_folders={"coco": pictures}, boxes=find_convention("unit")
    )
    assert written.left_out == {"a reference leads to nothing that the dialogue holds": 1}


def test_several_folders_share_their_parent(tmp_path, pictures, monkeypatch):
    other = tmp_path / "pictures" / "more" / "lvis"
    other.mkdir(parents=True)
    (other / "a.jpg").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    rows, written = export(
        [dialogue("d1"), dialogue("d2", source="lvis")],
        tmp_path / "out.json",
        picture_folders={"coco": Path("pictures/coco"), "lvis": other},
    )
    assert [row["image"] for row in rows] == ["coco/a.jpg", "more/lvis/a.jpg"]
    load_like_llava(rows, tmp_path / "pictures")
    assert written.notes[0] == "Give `--image_folder pictures`: the paths are relative to it."
    assert str(tmp_path) not in (tmp_path / "out.json").read_text()


def test_folders_inside_one_another(tmp_path, pictures):
    rows, _ = export(
        [dialogue("d1"), dialogue("d2", source="val", picture="c d.jpg")],
        tmp_path / "out.json",
        picture_folders={"coco": pictures, "val": pictures / "val"},
    )
    assert [row["image"] for row in rows] == ["a.jpg", "val/c d.jpg"]
    load_like_llava(rows, pictures)


def test_without_folders_paths_stand_as_they_are(tmp_path):
    rows, written = export([dialogue(picture="./x//y.jpg")], tmp_path / "out.json")
    assert rows[0]["image"] == "x/y.jpg"
    assert written.notes[0].startswith("No picture folder is known")


def test_each_picture_is_looked_for_once(tmp_path, pictures, monkeypatch):
    asked = []
    look = os.path.isfile
    monkeypatch.setattr(os.path, "isfile", lambda path: asked.append(path) or look(path))
    dialogues = [dialogue(f"d{i}", picture=("a.jpg", "b.jpg", "gone.jpg")[i % 3]) for i in range(30)]
    _, written = export(dialogues, tmp_path / "out.json", picture_folders={"coco": pictures})
    assert len(asked) == 3
    assert written.written == 20
    assert written.left_out == {"its picture's file is missing": 10}


def test_a_picture_counts_for_576_tokens(tmp_path, pictures):
    tokens = 64 + 2 * 8 + estimate_tokens("one") + estimate_tokens("two")
    plain, shown = dialogue("p", "one", "two", picture=None), dialogue("s", "one", "two")
    folders = {"coco": pictures}
    for limit, ids in [(tokens - 1, []), (tokens, ["p"]), (tokens + 575, ["p"]), (tokens + 576, ["p", "s"])]:
        rows, written = export([plain, shown], tmp_path / "out.json", picture_folders=folders, max_tokens=limit)
        assert [row["id"] for row in rows] == ids
        if len(ids) < 2:
            assert set(written.left_out) == {f"it is longer than {limit} tokens, by a high estimate"}


@pytest.mark.parametrize(
    ("text", "tokens"),  # counted with LLaVA-1.5's tokenizer (Llama 2), without the token that begins a text
    [
        (CHINESE, 72),
        ("사진에는 빨간 버스가 거리 옆에 서 있고 몇몇 보행자가 길을 건너고 있습니다. 하늘은 흐립니다.", 88),
        ("تُظهر الصورة حافلة حمراء متوقفة بجانب الشارع، ويعبر عدد من المشاة الطريق. السماء ملبدة بالغيوم.", 85),
        (RUSSIAN, 36),
        (
            "En la fotografía, un autobús rojo está estacionado junto a la acera mientras varios peatones cruzan la calle.",
            31,
        ),
        ("The bus [0.123, 0.456, 0.789, 1.000] and <ref>the red bus</ref><box>[[12, 345, 678, 999]]</box>", 64),
        ("😀🚌🚦👩‍👩‍👧 🇩🇪✨", 39),
    ],
)
def test_the_estimate_is_high(text, tokens):
    assert tokens <= estimate_tokens(text) <= 2 * tokens


def test_an_error_on_the_way_leaves_the_old_file(tmp_path):
    target = tmp_path / "out.json"
    target.write_text("old")

    def broken():
        yield dialogue("d1", picture=None)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        llava.write(broken(), target, ExportOptions())
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_folders_without_a_common_parent(tmp_path, monkeypatch):
    def refuse(paths):
        raise ValueError

    monkeypatch.setattr(os.path, "commonpath", refuse)  # as on Windows for C: and D:
    with pytest.raises(InputError, match="the picture folders of a, b have no common parent"):
        llava.write([], tmp_path / "out.json", ExportOptions(picture_folders={"b": tmp_path, "a": tmp_path}))


def test_memory_does_not_grow_with_the_texts(tmp_path):
    def many():
        for number in range(300):
            yield dialogue(f"d{number}", "Why?", f"{number} " + "because " * 1200, picture=None)

    tracemalloc.start()
    try:
        written = llava.write(many(), tmp_path / "out.json", ExportOptions(max_tokens=10**6))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert written.written == 300
    assert (tmp_path / "out.json").stat().st_size > 2_800_000
    assert peak < 700_000


def golden_dialogues() -> list[Dialogue]:
    bus = Object(id="o1", label="bus", box=(64.0, 48.0, 320.0, 240.0))
    dogs = (Object(id="o2", label="dog", box=(0.0, 0.0, 64.0, 48.0)), Object(id="o3", label="dog"))
    return [
        dialogue("bus", "What stands there?", "[A red bus](#o1), “№ 5”.", objects=(bus,)),
        dialogue("dogs", "Who?", "[Two dogs](#o2,#o3)\nplay.", "Und wo?", "Über der Straße 🚦.", objects=dogs),
        dialogue("text", "2 + 2?", "4", picture=None),
        dialogue("masked", "Say it.", "</s>"),
    ]


def test_golden(tmp_path, pictures):
    target = tmp_path / "out.json"
    _, written = export(golden_dialogues(), target, picture_folders={"coco": pictures}, boxes=find_convention("unit"))
    assert target.read_text(encoding="utf-8") == GOLDEN.read_text(encoding="utf-8")
    assert written.examples == {"a turn holds `</s>`, which trainers take for their own": "masked"}
    load_like_llava(json.loads(GOLDEN.read_text(encoding="utf-8")), pictures)
