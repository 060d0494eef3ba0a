"""MIMIC-IT out and in; what is written loads under the rules of Otter's own loader, which are stated again here."""

import base64
import json
import os
from io import BytesIO
from pathlib import Path

import pytest
import yaml
from damage import damage
from hypothesis import given
from hypothesis import strategies as st

from syphus import embedding
from syphus.embedding import Item, find_embedding
from syphus.errors import InputError
from syphus.formats import mimicit
from syphus.formats.detecting import take_sample
from syphus.formats.embeddings import embed_words, find_nearest
from syphus.formats.exporting import ExportOptions
from syphus.formats.importing import Fit, ImportOptions
from syphus.formats.mimicit_context import Entry, find_context, find_faults, read_policies
from syphus.records import Asset, Dialogue, Turn

pytest.importorskip("pyarrow", reason="pyarrow (syphus[parquet]) is not installed")

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not (DATA / "coco_ccby").is_dir(), reason=f"the real annotation files are not in {DATA}")

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def folder(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in ("a.png", "b.png", "c.d.png"):
        (pictures / name).write_bytes(PNG + name.encode())
    (pictures / "sub").mkdir()
    (pictures / "sub" / "a.png").write_bytes(PNG + b"other")
    (pictures / "clip").mkdir()
    for name in ("0003.jpg", "0001.jpg", "notes.txt"):
        (pictures / "clip" / name).write_bytes((b"" if name == "notes.txt" else b"\xff\xd8\xff") + name.encode())
    return pictures


def make(identity, *texts, assets=("a.png",), **more):
    texts = texts or (f"What is {identity}?", "A dog.")
    turns = tuple(Turn(role=("user", "assistant")[index % 2], text=text) for index, text in enumerate(texts))
    pictures = tuple(
        one if isinstance(one, Asset) else Asset(id=f"image{number}", path=one) for number, one in enumerate(assets)
    )
    return Dialogue(**({"id": identity, "scene": "s", "source": "coco", "turns": turns, "assets": pictures} | more))


def write(tmp_path, dialogues, folder, name="DC_instructions.json", **options):
    options.setdefault("picture_folders", {"coco": folder, "other": folder})
    return mimicit.write(iter(dialogues), tmp_path / "out" / name, ExportOptions(**options))


def entries_of(tmp_path, name="DC_instructions.json"):
    return json.loads((tmp_path / "out" / name).read_text())["data"]


def train_of(tmp_path, name="DC_train.json"):
    return json.loads((tmp_path / "out" / name).read_text())


# --- Otter's loader: Luodian/Otter, 014c4eea, pipeline/mimicit_utils/mimicit_dataset.py, rule by rule ---

GROUPS = {"IMAGE_TEXT", "TEXT_ONLY", "VIDEO_TEXT", "IMAGE_TEXT_IN_CONTEXT"}


def load_like_otter(path):
    """What ``MimicitDataset`` does with each group of the YAML; returns the prompts, with the pictures of each."""
    pd = pytest.importorskip("pandas", reason="pandas, by which Otter reads the pictures, is not installed")
    prompts = {}
    for group, infos in yaml.safe_load(path.read_text()).items():
        assert group in GROUPS  # train_utils: an unknown group is a ValueError
        dataset, train, frames, order = {}, {}, [], []
        loaded = set()
        for info in infos.values():
            for key, value in info.items():
                assert not key.endswith("_path") or (path.parent / value).exists()
            data = json.loads((path.parent / info["mimicit_path"]).read_bytes())["data"]
            assert not dataset.keys() & data.keys()  # `update` would replace them in silence
            dataset.update(data)
            if info.get("train_config_path", ""):
                config = json.loads((path.parent / info["train_config_path"]).read_bytes())
            else:
                config = {key: value["rel_ins_ids"] for key, value in data.items()}  # --populate_rel_ins
            if info.get("images_path", "").endswith(".parquet") and info["images_path"] not in loaded:
                frames.append(pd.read_parquet(path.parent / info["images_path"], columns=None))
                loaded.add(info["images_path"])
            order += list(config)
            train.update(config)
        images = pd.concat(frames, axis=0) if frames else None
        counts = set()
        for identity in order:
            entry = dataset[identity]
            assert "instruction" in entry
            assert "answer" in entry
            assert "rel_ins_ids" in entry
            pictures = []
            for name in entry.get("image_ids") or [] if group != "TEXT_ONLY" else []:
                text = images.loc[name]["base64"]
                assert isinstance(text, str), "an id that stands there twice gives a Series"
                pictures.append(base64.urlsafe_b64decode(text))
            counts.add(len(pictures))
            assert group == "TEXT_ONLY" or pictures
            if group == "VIDEO_TEXT":
                pictures = [pictures[0]] * 32  # linspace of any number above nought
            text = ""
            for index, one in enumerate([*train[identity], identity]):
                entry = dataset[one]  # a KeyError ends the training
                if group == "IMAGE_TEXT_IN_CONTEXT":  # 2a3dd7f: the first picture of each
                    assert isinstance(images.loc[entry["image_ids"][0]]["base64"], str)
                token = "<image>" if group == "IMAGE_TEXT_IN_CONTEXT" or (index == 0 and group != "TEXT_ONLY") else ""
                text += (
                    f"{token}User:{entry['instruction'].strip()} GPT:<answer>{entry['answer'].strip()}<|endofchunk|>"
                )
            prompts[identity] = (text, pictures)
        # `get_mimicit_dataset` makes one loader of a group, whose batches are stacked: all have the same number of pictures.
        assert group == "VIDEO_TEXT" or len(counts) <= 1
    return prompts


def test_what_is_written_loads_as_otter_loads_it(tmp_path, folder):
    dialogues = [
        make("talk", "Who?", "A.", "Where?", "B.", "When?", "C."),
        make("one"),
        make("pair", assets=("a.png", "b.png")),
        make("words", assets=()),
        make("clip", assets=(Asset(id="clip", kind="frames", path="clip"),)),
    ]
    written = write(tmp_path, dialogues, folder)
    assert (written.written, written.left_out) == (5, {})
    prompts = load_like_otter(tmp_path / "out" / "DC.yaml") | load_like_otter(tmp_path / "out" / "DC_2images.yaml")
    assert set(prompts) == {
        *(
            "DC_INS_talk_0",
            "DC_INS_talk_1",
            "DC_INS_talk_2",
            "DC_INS_one",
            "DC_INS_pair",
            "DC_INS_words",
            "DC_INS_clip",
        ),
    }
    text, pictures = prompts["DC_INS_talk_2"]
    assert text == (
        "<image>User:Who? GPT:<answer>A.<|endofchunk|>User:Where? GPT:<answer>B.<|endofchunk|>"
        "User:When? GPT:<answer>C.<|endofchunk|>"
    )
    assert pictures == [PNG + b"a.png"]
    assert prompts["DC_INS_pair"][1] == [PNG + b"a.png", PNG + b"b.png"]
    assert prompts["DC_INS_words"] == ("User:What is words? GPT:<answer>A dog.<|endofchunk|>", [])
    assert len(prompts["DC_INS_clip"][1]) == 32
    assert any("files of its own" in note for note in written.notes)
    assert any("Start Otter's training in this folder" in note for note in written.notes)
    everything = b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir() if path.suffix != ".parquet")
    assert str(tmp_path).encode() not in everything


def test_the_files(tmp_path, folder):
    write(tmp_path, [make("talk", "Who?", "A.", "Where?", "B."), make("x", assets=("c.d.png",))], folder)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("DC.parquet", "DC.yaml", "DC_instructions.json", "DC_train.json"),
    ]
    document = json.loads((tmp_path / "out" / "DC_instructions.json").read_text())
    assert document["meta"]["version"] == "0.0.1"
    assert document["data"] == {
        "DC_INS_talk_0": {"instruction": "Who?", "answer": "A.", "image_ids": ["DC_IMG_a"], "rel_ins_ids": []},
        "DC_INS_talk_1": {
            "instruction": "Where?", "answer": "B.", "image_ids": ["DC_IMG_a"], "rel_ins_ids": ["DC_INS_talk_0"],
        },
        "DC_INS_x": {"instruction": "What is x?", "answer": "A dog.", "image_ids": ["DC_IMG_c"], "rel_ins_ids": []},
    }  # fmt: skip
    assert yaml.safe_load((tmp_path / "out" / "DC.yaml").read_text()) == {
        "IMAGE_TEXT": {
            "DC": {
                "mimicit_path": "DC_instructions.json",
                "images_path": "DC.parquet",
                "train_config_path": "DC_train.json",
                "num_samples": -1,
            }
        }
    }


def test_pictures_are_one_parquet_file_with_the_id_as_index(tmp_path, folder):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    write(tmp_path, [make("x"), make("y"), make("z", assets=("sub/a.png",)), make("w", source="other")], folder)
    frame = pd.read_parquet(tmp_path / "out" / "DC.parquet")
    assert list(frame.columns) == ["base64"]
    # One of each picture; those of the same name in other folders and sources are others.
    assert list(frame.index) == ["DC_IMG_a", "DC_IMG_a-2", "DC_IMG_a-3"]
    assert base64.urlsafe_b64decode(frame.loc["DC_IMG_a-2"]["base64"]) == PNG + b"other"


def test_the_same_input_makes_the_same_bytes(tmp_path, folder):
    dialogues = [make("talk", "Who?", "A.", "Where?", "B."), make("x", assets=("b.png",))]
    for name in ("one", "two"):
        mimicit.write(
            dialogues, tmp_path / name / "X_instructions.json", ExportOptions(picture_folders={"coco": folder})
        )
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


@pytest.mark.parametrize(
    ("dialogue", "reason"),
    [
        (make("x", "Q", "see <answer> here"), "a turn holds `<answer>`"),
        (make("x", "Q", "end<|endofchunk|>"), "which trainers take for their own"),
        (make("x", "<image> Q", "A"), "a turn holds `<image>`"),
        (make("x", "Q", " \n "), "a turn is empty"),
        (make("x", "Look [](#image0) there", "A"), "in the middle of its text"),
        (make("x", assets=("missing.png",)), "its picture's file is missing"),
        (make("x", assets=("../a.png",)), "lead out of the picture folder"),
        (make("x", assets=("clip/notes.txt",)), "is no PNG, JPEG, WEBP or GIF"),
        (make("x", source="nowhere"), "the picture folder of its source is not known"),
        (make("x", assets=(Asset(id="v", kind="video", path="v.mp4"),)), "it is about a video"),
        (make("x", assets=(Asset(id="v", kind="frames", path="sub/../.."),)), "leads out of its source's"),
        (make("x", assets=(Asset(id="v", kind="frames", path="none"),)), "folder of its frames is missing"),
        (make("x", "Q \ud800", "A"), "no valid Unicode"),
        (make("x", assets=(Asset(id="v", url="data:image/png;base64,!!"),)), "no base64"),
    ],
)
def test_what_cannot_be_trained_on_is_left_out(tmp_path, folder, dialogue, reason):
    written = write(tmp_path, [dialogue, make("good"), make("good")], folder)
    assert written.written == 1
    assert written.left_out["its id was given to a dialogue before it"] == 1
    assert any(reason in why for why in written.left_out), written.left_out
    assert list(entries_of(tmp_path)) == ["DC_INS_good"]


def test_an_empty_export_is_a_file_all_the_same(tmp_path, folder):
    assert write(tmp_path, [], folder).written == 0
    assert entries_of(tmp_path) == {}
    assert load_like_otter(tmp_path / "out" / "DC.yaml") == {}


def test_a_failure_leaves_no_file_behind(tmp_path, folder):
    def break_off():
        yield make("x")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write(tmp_path, break_off(), folder)
    assert list((tmp_path / "out").iterdir()) == []


# --- context ---


@pytest.mark.parametrize(
    ("context", "wanted"),
    [
        ("auto", {"talk_0": [], "talk_1": ["talk_0"], "talk_2": ["talk_0", "talk_1"], "x": ["talk_0", "talk_1", "talk_2", "y"],
                  "y": ["talk_0", "talk_1", "talk_2", "x"], "z": []}),
        ("none", {name: [] for name in ("talk_0", "talk_1", "talk_2", "x", "y", "z")}),
        ("earlier", {"talk_0": [], "talk_1": ["talk_0"], "talk_2": ["talk_0", "talk_1"], "x": [], "y": [], "z": []}),
        ("text", {"talk_0": ["y"], "talk_1": [], "talk_2": ["x"], "x": ["talk_2"], "y": ["talk_0"], "z": []}),
        ("other=text,none", {name: [] for name in ("talk_0", "talk_1", "talk_2", "x", "y", "z")}),
    ],
)  # fmt: skip
def test_policies(tmp_path, folder, context, wanted):
    dialogues = [
        make("talk", "What colour is the bus?", "Red.", "Who is there?", "A man.", "How many dogs play?", "Two."),
        make("x", "How many dogs?", "Two."),
        make("y", "What colour?", "Blue."),
        make("z", "Zebra", "Yes.", assets=("b.png",)),
    ]
    settings = {"context": context, "top": "1"}
    write(tmp_path, dialogues, folder, settings=settings)
    found = {}
    for path in (tmp_path / "out").glob("*_instructions.json"):
        found |= json.loads(path.read_text())["data"]
    plain = {
        name.removeprefix("DC_INS_"): [one.removeprefix("DC_INS_") for one in entry["rel_ins_ids"]]
        for name, entry in found.items()
    }
    assert plain == wanted
    load_like_otter(tmp_path / "out" / "DC.yaml")


def test_the_train_file_keeps_the_last_turns_or_the_first_neighbours(tmp_path, folder):
    talk = make("talk", *(["Q?", "A."] * 5))
    mates = [make(name, assets=("b.png",)) for name in "abcd"]
    write(tmp_path, [talk, *mates], folder)
    train = train_of(tmp_path)
    assert train["DC_INS_talk_4"] == ["DC_INS_talk_2", "DC_INS_talk_3"]
    assert train["DC_INS_d"] == ["DC_INS_a", "DC_INS_b"]
    assert train["DC_INS_talk_0"] == []
    write(tmp_path, [talk, *mates], folder, settings={"shots": "0"})
    assert train_of(tmp_path) == {name: entry["rel_ins_ids"] for name, entry in entries_of(tmp_path).items()}


def test_neighbours_by_text_have_pictures_of_their_own(tmp_path, folder):
    dialogues = [make("x", "How many dogs?", "2"), make("y", "How many cats?", "3", assets=("b.png",))]
    write(tmp_path, dialogues, folder, settings={"context": "text", "description": "Answer in one word."})
    (group,) = yaml.safe_load((tmp_path / "out" / "DC.yaml").read_text()).items()
    assert group[0] == "IMAGE_TEXT_IN_CONTEXT"
    assert group[1]["DC"]["task_description"] == ["Answer in one word."]
    assert entries_of(tmp_path)["DC_INS_x"]["rel_ins_ids"] == ["DC_INS_y"]
    load_like_otter(tmp_path / "out" / "DC.yaml")


def test_neighbours_by_picture_use_the_embedding_of_another_package(tmp_path, folder, monkeypatch):
    seen = []

    def embed(items):
        seen.extend(items)
        return [[float(item.picture.stat().st_size % 7), 1.0] for item in items]

    monkeypatch.setattr(
        embedding, "entry_points", lambda group: [_Point("clip", embed)] if group == "syphus.embeddings" else []
    )
    dialogues = [make("x"), make("x2"), make("y", assets=("b.png",)), make("z", assets=("c.d.png",))]
    write(tmp_path, dialogues, folder, settings={"context": "image", "embedding": "clip", "top": "1"})
    assert [item.picture.name for item in seen] == ["a.png", "b.png", "c.d.png"]
    found = {name.removeprefix("DC_INS_"): entry["rel_ins_ids"] for name, entry in entries_of(tmp_path).items()}
    assert found == {"x": ["DC_INS_y"], "x2": ["DC_INS_y"], "y": ["DC_INS_x"], "z": ["DC_INS_x"]}


class _Point:
    def __init__(self, name, value):
        self.name, self._value = name, value

    def load(self):
        return self._value


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"context": "sometimes"}, "there is no policy 'sometimes'"),
        ({"context": "text", "embedding": "clipp"}, "there is no embedding 'clipp'"),
        ({"top": "many"}, "and not a number"),
        ({"shot": "2"}, "has no setting `shot`"),
    ],
)
def test_settings_that_are_none(tmp_path, folder, settings, message):
    with pytest.raises(InputError, match=message):
        write(tmp_path, [make("x")], folder, settings=settings)
    assert not list(tmp_path.glob("out/*.json"))


ENTRIES = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["p", "q", ""]), st.integers(1, 3), st.sampled_from("st")),
    max_size=6,
)


@given(ENTRIES, st.sampled_from(["auto", "earlier", "siblings", "text", "related", "none", "s=text,t=siblings"]))
def test_no_context_is_itself_or_double_or_dangling(dialogues, policies):
    entries = []
    for number, (related, image, turns, source) in enumerate(dialogues):
        images, named = (image,) if image else (), (f"d{ord(related) - 97}", "gone")
        entries += [
            Entry(f"{number}_{turn}", f"d{number}", turn, source, images, named, turns) for turn in range(turns)
        ]
    texts = [f"how many {entry.images} {entry.turn}" for entry in entries]
    contexts = find_context(entries, read_policies(policies), top=2, embed=embed_words, texts=texts)
    pairs = list(zip((entry.id for entry in entries), contexts, strict=True))
    assert find_faults(pairs, [], ids={entry.id for entry in entries}, images=set()) == []


def test_the_closed_world_check_finds_what_is_wrong():
    faults = find_faults(
        [("a", ["b", "b"]), ("b", ["b"]), ("c", ["gone"]), ("d", [])],
        [("a", ["p"]), ("b", ["q"])],
        ids={"a", "b", "c"}, images={"p"},
    )  # fmt: skip
    assert len(faults) == 5
    for fault in (
        "a: has the same context twice",
        "b: is context of itself",
        "c: its context gone",
        "d: there is no",
        "b: its picture q",
    ):
        assert any(one.startswith(fault) for one in faults)


# --- embeddings ---


def test_words_find_instructions_that_ask_the_same():
    texts = [
        "What colour is the bus?",
        "How many dogs are there?",
        "What colour is the car?",
        "How many cats are there?",
    ]
    vectors = list(embed_words([Item(text=text) for text in texts]))
    assert [found[0] for found in find_nearest(vectors, range(4), 1)] == [2, 3, 0, 1]
    assert find_nearest(vectors, ["x", "y", "x", "x"], 1) == [[], [3], [], [1]]
    assert all(index not in found for index, found in enumerate(find_nearest(vectors, range(4), 9)))


@given(st.lists(st.lists(st.floats(-1, 1), min_size=3, max_size=3), min_size=1, max_size=12), st.integers(1, 4))
def test_dense_neighbours_are_those_that_a_plain_search_finds(vectors, count):
    np = pytest.importorskip("numpy")
    found = find_nearest(vectors, range(len(vectors)), count)
    for index, others in enumerate(found):
        assert index not in others
        assert len(set(others)) == len(others) == min(count, len(vectors) - 1)
        norm = [np.float32(vector) / max(np.linalg.norm(np.float32(vector)), 1e-12) for vector in vectors]
        scores = [float(norm[index] @ norm[other]) for other in range(len(vectors))]
        best = sorted((score for other, score in enumerate(scores) if other != index), reverse=True)[: len(others)]
        assert [scores[other] for other in others] == pytest.approx(best, abs=1e-5)


def test_embeddings_that_are_none():
    assert find_embedding("words") is embed_words
    with pytest.raises(InputError, match=r"no embedding 'x'\n  Embeddings: words"):
        find_embedding("x")
    with pytest.raises(InputError, match="not of one length"):
        find_nearest([[1.0], [1.0, 2.0]], [0, 1], 1)
    assert find_nearest([], [], 3) == []


# --- in ---


def read(path, **options):
    problems = []
    return list(mimicit.read(path, ImportOptions(**options), problems.append)), problems


def test_what_is_written_is_read(tmp_path, folder):
    dialogues = [
        make("talk", "Who?", "A.", "Where?", "B."),
        make("x", "See [notes](#notes).", "A.", assets=("b.png",))
        if False
        else make("x", "Q?", "A.", assets=("b.png",)),
        make("y", "Q2?", "A.", assets=("b.png",)),
        make("words", assets=()),
    ]
    write(tmp_path, dialogues[:3], folder)
    out = tmp_path / "out" / "DC_instructions.json"
    found, problems = read(out, extract=tmp_path / "extracted", source="coco")
    assert not problems
    assert [one.id for one in found] == ["DC_INS_talk", "DC_INS_x", "DC_INS_y"]
    assert [one.turns for one in found] == [one.turns for one in dialogues[:3]]
    assert [one.related for one in found] == [(), ("DC_INS_y",), ("DC_INS_x",)]
    assert found[0].assets[0].path == "DC_IMG_a.png"
    assert (tmp_path / "extracted" / "DC_IMG_a.png").read_bytes() == PNG + b"a.png"
    # And out again, it is the same.
    again = mimicit.write(
        found,
        tmp_path / "again" / "DC_instructions.json",
        ExportOptions(picture_folders={"coco": tmp_path / "extracted"}),
    )
    assert again.written == 3
    for name in ("DC_instructions.json", "DC_train.json", "DC.yaml", "DC.parquet"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    # Without a folder the pictures are in the dialogues themselves, and they can be written, too.
    inside, _ = read(out, source="coco")
    assert inside[0].assets[0].url.startswith("data:image/png;base64,")
    third = mimicit.write(inside, tmp_path / "third" / "DC_instructions.json", ExportOptions(picture_folders={}))
    assert third.written == 3
    assert entries_of(tmp_path / "third" / "..", "../third/DC_instructions.json") == entries_of(tmp_path)


ENTRY = {"instruction": "Q?", "answer": "A.", "image_ids": ["LA_IMG_1"], "rel_ins_ids": []}


@pytest.mark.parametrize(
    ("entries", "turns"),
    [
        # LLaVA conversations: all rounds before
        ({"LACONV_00_INS_7_0": [], "LACONV_00_INS_7_1": ["LACONV_00_INS_7_0"], "LACONV_00_INS_8_0": []}, [2, 1]),
        # Scene navigation: the ids say it
        (
            {
                "SN_INS_scene0000_activity2_round0": [],
                "SN_INS_scene0000_activity2_round1": [],
                "SN_INS_scene0000_activity3_round0": [],
            },
            [2, 1],
        ),
        # Dense captions: siblings name one another
        ({"DC_INS_1": ["DC_INS_2"], "DC_INS_2": ["DC_INS_1"]}, [1, 1]),
        # numbers that are only numbers
        ({"DC_INS_00001": [], "DC_INS_00002": []}, [1, 1]),
        # the order is not that of the dialogue
        ({"A_INS_1": [], "A_INS_2": [], "A_INS_3": ["A_INS_1"]}, [1, 1, 1]),
        ({"A_INS_1": [], "A_INS_2": ["A_INS_1"], "A_INS_3": ["A_INS_2", "A_INS_1"]}, [2, 1]),
    ],
)
def test_conversations_are_joined_as_far_as_the_entries_say_it(tmp_path, entries, turns):
    path = tmp_path / "X_instructions.json"
    path.write_text(
        json.dumps({"meta": {}, "data": {name: {**ENTRY, "rel_ins_ids": rel} for name, rel in entries.items()}})
    )
    found, problems = read(path)
    assert [len(one.turns) // 2 for one in found] == turns
    assert [str(problem.message) for problem in problems if "no Parquet file" not in problem.message] == []


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"instruction": 3}, "`instruction` is no text"),
        ({"answer": " "}, "`answer` is empty"),
        ({"image_ids": "LA_IMG_1"}, "`image_ids` is no list of ids"),
        ({"rel_ins_ids": [1]}, "`rel_ins_ids` is no list of ids"),
    ],
)
def test_odd_entries_are_kept_aside(tmp_path, entry, message):
    path = tmp_path / "X_instructions.json"
    path.write_text(
        json.dumps({"data": {"a": {**ENTRY, **entry}, "b": ENTRY, "c": 3, "d": {**ENTRY, "rel_ins_ids": ["gone"]}}})
    )
    found, problems = read(path)
    assert [one.id for one in found] == ["b", "d"]
    said = {problem.place: problem.message for problem in problems}
    assert said["entry 'a'"] == message
    assert "entry 'c'" in said
    assert "names 'gone' in its rel_ins_ids" in said["entry 'd'"]
    assert next(problem.record for problem in problems if problem.place == "entry 'a'")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"data": []}', '{"meta": 1}', "hello", '{"data": {"a": {"instruc'])
def test_files_that_are_none(tmp_path, text):
    path = tmp_path / "X_instructions.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_torn_file_gives_what_stands_before_the_tear(tmp_path):
    path = tmp_path / "X_instructions.json"
    text = json.dumps({"data": {f"e{number}": ENTRY for number in range(50)}})
    path.write_text(text[: len(text) // 2])
    try:
        found, problems = read(path)
    except InputError:
        return  # the window held no whole entry
    assert found
    assert any("before it are used" in problem.message for problem in problems)


def test_a_parquet_file_that_is_none(tmp_path):
    path = tmp_path / "X_instructions.json"
    path.write_text(json.dumps({"data": {"a": ENTRY}}))
    (tmp_path / "X.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read(path)


@pytest.mark.parametrize("name", ["DC.parquet", "DC_instructions.json"])
def test_damage_is_no_traceback(tmp_path, folder, name):
    write(tmp_path, [make("talk", "Who?", "A.", "Where?", "B."), make("x", assets=("b.png",))], folder)
    path = tmp_path / "out" / name
    refused = []
    for data in damage(path.read_bytes(), b'"instruction": [', seed=3, each=6):
        path.write_bytes(data)
        try:
            found, problems = read(tmp_path / "out" / "DC_instructions.json")
        except InputError as error:
            refused.append(str(error))
        else:
            assert found or problems or data == b'{"data": {}}'
    assert refused
    assert all(name in one for one in refused)


def test_it_is_known_by_its_content(tmp_path, folder):
    write(tmp_path, [make("x")], folder)
    fit = mimicit.fits(take_sample(tmp_path / "out" / "DC_instructions.json"))
    assert isinstance(fit, Fit)
    assert fit.score == 90
    (tmp_path / "o.json").write_text('{"data": [1]}')
    assert mimicit.fits(take_sample(tmp_path / "o.json")).score == 0


@real
def test_a_real_file():
    found, problems = read(DATA / "transcribed" / "mimicit_dalle3_instructions.json")
    assert [one.id for one in found] == ["D3_INS_000000", "D3_INS_000001"]
    assert found[0].turns[0].text == "What do you think is the prompt for this AI-generated picture?"
    assert found[1].assets[0].path == "D3_IMG_000001"
    assert [problem.place for problem in problems] == ["image_ids"]


@real
def test_real_pictures_decode_in_pillow(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    folder = next(path for path in (DATA / "coco_ccby").rglob("*.jpg")).parent
    names = sorted(path.name for path in folder.glob("*.jpg"))[:3]
    written = write(tmp_path, [make(name, assets=(name,)) for name in names], folder)
    assert written.written == 3
    for _, pictures in load_like_otter(tmp_path / "out" / "DC.yaml").values():
        assert image.open(BytesIO(pictures[0])).convert("RGB").size[0] > 10
