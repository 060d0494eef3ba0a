"""Hugging Face Parquet out and in; the real ``datasets`` library reads what is written, where it is installed."""

import base64
import json
from random import Random

import pytest
from damage import damage
from msgspec.structs import replace

from syphus.errors import InputError
from syphus.formats import arrow, parquet, shards
from syphus.formats.detecting import take_sample
from syphus.formats.exporting import ExportOptions
from syphus.formats.importing import ImportOptions
from syphus.records import Asset, Dialogue, Object, Turn
from syphus.references.boxes import find_convention

pa = pytest.importorskip("pyarrow", reason="pyarrow (syphus[parquet]) is not installed")
pq = pytest.importorskip("pyarrow.parquet")

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def folder(tmp_path):
    pictures = tmp_path / "pictures"
    (pictures / "sub").mkdir(parents=True)
    for name in ("a.png", "b.png", "sub/a.png"):
        (pictures / name).write_bytes(PNG + name.encode())
    return pictures


def make(identity, *texts, assets=("a.png",), **more):
    texts = texts or ("What is [it](#o1)?", "A dog.")
    turns = tuple(Turn(role=("user", "assistant")[index % 2], text=text) for index, text in enumerate(texts))
    pictures = tuple(
        Asset(id="image" if number == 1 else f"image{number}", path=one, width=100, height=50)
        for number, one in enumerate(assets, start=1)
    )
    objects = (Object(id="o1", label="dog", box=(10, 10, 50, 50)),)
    return Dialogue(
        **(
            {"id": identity, "scene": "s1", "source": "coco", "turns": turns, "assets": pictures, "objects": objects}
            | more
        )
    )


def write(module, target, dialogues, folder, **options):
    options.setdefault("picture_folders", {"coco": folder})
    return module.write(iter(dialogues), target, ExportOptions(**options))


def read(module, path, **options):
    problems = []
    return list(module.read(path, ImportOptions(**options), problems.append)), problems


DIALOGUES = [
    make("one", category="llava/conversation", ability="reasoning", language="ja", related=("two",)),
    make("two", "Q?", "A", "Q2", "A2", system="Be brief."),
    make("pair", assets=("a.png", "sub/a.png"), metadata={"score": 3, "tags": ["x"]}),
    make("words", "Hello", "שלום", assets=()),
]  # fmt: skip


def test_the_columns_and_the_schema(tmp_path, folder):
    written = write(parquet, tmp_path / "d.parquet", DIALOGUES, folder, boxes=find_convention("unit"))
    assert (written.written, written.left_out) == (4, {})
    table = pq.read_table(tmp_path / "d.parquet")
    assert table.column_names == [
        *("id", "images", "messages", "source", "category", "ability", "language", "scene", "related", "metadata"),
    ]
    assert table.schema.field("images").type == pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["images"] == [{"_type": "Image"}]
    assert set(features) == set(table.column_names)
    rows = table.to_pylist()
    assert rows[0]["images"] == [{"bytes": PNG + b"a.png", "path": "a.png"}]
    assert rows[0]["messages"] == [
        {"role": "user", "content": "What is it [0.100, 0.200, 0.500, 1.000]?"},
        {"role": "assistant", "content": "A dog."},
    ]
    assert rows[0]["ability"] == "reasoning"
    assert rows[1]["messages"][0] == {"role": "system", "content": "Be brief."}
    assert [len(row["images"]) for row in rows] == [1, 1, 2, 0]
    assert str(tmp_path).encode() not in (tmp_path / "d.parquet").read_bytes()


@pytest.mark.parametrize("turns", ["messages", "conversations"])
def test_what_is_written_is_read(tmp_path, folder, turns):
    plain = [make("x", "What is it?", "A dog."), *DIALOGUES[1:]]
    plain[0] = make("x", "What is it?", "A dog.", category="c", ability="planning", language="ja", related=("two",))
    write(parquet, tmp_path / "d.parquet", plain, folder, settings={"turns": turns}, exact=True)
    found, problems = read(parquet, tmp_path / "d.parquet", extract=tmp_path / "out")
    assert not problems
    for before, after in zip(plain, found, strict=True):
        assert [turn.text.replace("[it](#o1)", "it") for turn in before.turns] == [turn.text for turn in after.turns]
        for field in ("id", "system", "category", "ability", "language", "scene", "source", "related", "metadata"):
            assert getattr(after, field) == getattr(before, field), field
        assert len(after.assets) == len(before.assets)
    names = [asset.path for one in found for asset in one.assets]
    assert names[:3] == ["a.png", "a.png", "a.png"]
    assert (tmp_path / "out" / "a.png").read_bytes() == PNG + b"a.png"
    # Another picture of the same name is not written over it.
    assert names[3].startswith("a-")
    assert (tmp_path / "out" / names[3]).read_bytes() == PNG + b"sub/a.png"
    # Without a folder, pictures are data URIs, and the way out is open to them.
    inside, _ = read(parquet, tmp_path / "d.parquet")
    again = write(parquet, tmp_path / "e.parquet", inside, folder, settings={"turns": turns}, exact=True)
    assert again.written == 4
    first, second = (pq.read_table(tmp_path / name).to_pylist() for name in ("d.parquet", "e.parquet"))
    for row in (*first, *second):
        for image in row["images"]:
            image.pop("path")
    assert first == second


def test_places_inside_of_the_text_need_conversations(tmp_path, folder):
    dialogue = make("x", "First [](#image2) then", "A", assets=("a.png", "b.png"))
    written = write(parquet, tmp_path / "d.parquet", [dialogue], folder)
    assert "`turns=conversations` has" in next(iter(written.left_out))
    write(parquet, tmp_path / "d.parquet", [dialogue], folder, settings={"turns": "conversations"})
    (row,) = pq.read_table(tmp_path / "d.parquet").to_pylist()
    assert row["conversations"][0] == {"from": "human", "value": "<image>\nFirst <image> then"}
    (found,), _ = read(parquet, tmp_path / "d.parquet")
    assert found.turns[0].text == "First [](#image2) then"


def test_boxes_beside_the_text(tmp_path, folder):
    dialogue = make("x", "What is [this](#o1) in [that](#o2)?", "A [dog](#o1).", assets=("a.png", "b.png"))
    two = (*dialogue.objects, Object(id="o2", label="house", box=(1, 2, 3.5, 4), asset="image2"))
    made = replace(dialogue, objects=two)
    plain = make("y", "Q", "A")
    written = write(parquet, tmp_path / "d.parquet", [made, plain], folder, boxes=find_convention("gpt4roi"))
    assert written.written == 2
    rows = pq.read_table(tmp_path / "d.parquet").to_pylist()
    assert [turn["content"] for turn in rows[0]["messages"]] == ["What is this <bbox> in that <bbox>?", "A dog <bbox>."]
    assert rows[0]["objects"] == {
        "ref": ["this", "that", "dog"],
        "bbox": [[10, 10, 50, 50], [1, 2, 3.5, 4], [10, 10, 50, 50]],
        "image_id": [0, 1, 0],
    }
    assert rows[1]["objects"] == {"ref": [], "bbox": [], "image_id": []}
    found, problems = read(parquet, tmp_path / "d.parquet", boxes=find_convention("gpt4roi"))
    assert not problems
    assert [turn.text for turn in found[0].turns] == [turn.text for turn in made.turns]
    assert [(thing.box, thing.asset) for thing in found[0].objects] == [
        ((10, 10, 50, 50), None),
        ((1, 2, 3.5, 4), "image2"),
    ]
    # Without the convention they stay as they are, and so does the column.
    (kept, _), _ = read(parquet, tmp_path / "d.parquet")
    assert kept.turns[1].text == "A dog <bbox>."
    assert kept.metadata["objects"]["ref"] == ["this", "that", "dog"]


def test_shards_and_row_groups(tmp_path, folder, monkeypatch):
    (folder / "big.png").write_bytes(PNG + Random(1).randbytes(500_000))
    monkeypatch.setattr(parquet, "_GROUP_BYTES", 1)
    dialogues = [make(f"d{number}", "Q", str(number), assets=("big.png",)) for number in range(5)]
    monkeypatch.setattr(parquet, "read_size", lambda *_: 900_000)
    written = write(parquet, tmp_path / "train.parquet", dialogues, folder)
    files = sorted(path.name for path in tmp_path.glob("*.parquet"))
    assert files == [f"train-0000{number}-of-00003.parquet" for number in range(3)]
    assert pq.ParquetFile(tmp_path / files[0]).num_row_groups == 2
    assert any("3 files" in note for note in written.notes)
    found, _ = read(parquet, tmp_path / "train.parquet")
    assert [one.turns[1].text for one in found] == list("01234")
    # A later export with fewer files says that the older ones are there.
    monkeypatch.undo()
    written = write(parquet, tmp_path / "train.parquet", dialogues[:1], folder)
    assert any("earlier export" in note and files[0] in note for note in written.notes)


def test_a_failure_leaves_nothing_behind(tmp_path, folder):
    def break_off():
        yield make("x")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        write(parquet, tmp_path / "o" / "d.parquet", break_off(), folder)
    assert list((tmp_path / "o").iterdir()) == []
    assert write(parquet, tmp_path / "o" / "d.parquet", [], folder).written == 0
    assert pq.read_table(tmp_path / "o" / "d.parquet").num_rows == 0


@pytest.mark.parametrize(
    ("dialogue", "reason"),
    [
        (make("x", assets=("missing.png",)), "file is missing"),
        (make("x", "Q \udcff", "A"), "no valid Unicode"),
        (make("x", "Q <image>", "A"), "a turn holds `<image>`"),
        (make("x", assets=("../a.png",)), "lead out of the picture folder"),
    ],
)
def test_what_cannot_be_written(tmp_path, folder, dialogue, reason):
    written = write(parquet, tmp_path / "d.parquet", [dialogue, make("y"), make("y")], folder)
    assert written.written == 1
    assert any(reason in why for why in written.left_out)
    assert written.left_out["its id was given to a dialogue before it"] == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"turns": "chat"}, "`turns` is 'chat'"),
        ({"shard_mb": "0"}, "`shard_mb` is '0'"),
        ({"x": "1"}, "no setting `x`"),
    ],
)
def test_settings_that_are_none(tmp_path, folder, settings, message):
    with pytest.raises(InputError, match=message):
        write(parquet, tmp_path / "d.parquet", [make("x")], folder, settings=settings)


def test_rows_of_others(tmp_path):
    rows = [
        {"image": {"bytes": PNG, "path": None}, "messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], "n": 1},
        {"image": {"bytes": b"none", "path": "x.png"}, "messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], "n": 2},
        {"image": None, "messages": [{"role": "user", "content": "Q"}], "n": 3},
        {"image": {"bytes": None, "path": "y.png"}, "messages": [{"role": "user", "content": "<image> Q"}, {"role": "assistant", "content": "A"}], "n": 4},
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "o.parquet")
    found, problems = read(parquet, tmp_path / "o.parquet", extract=tmp_path / "out")
    assert [one.id for one in found] == ["o-000001", "o-000004"]
    assert found[0].assets[0].path == "o-000001-1.png"
    assert found[1].assets[0].path == "y.png"
    assert [one.metadata for one in found] == [{"n": 1}, {"n": 4}]
    assert "no PNG, JPEG, WEBP or GIF" in problems[0].message
    assert len([problem for problem in problems if problem.lost]) == 2


@pytest.mark.parametrize("content", [b"", b"PAR1", b"hello", b"PAR1" + bytes(100) + b"PAR1"])
def test_files_that_are_none(tmp_path, content):
    (tmp_path / "d.parquet").write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read(parquet, tmp_path / "d.parquet")
    with pytest.raises(InputError, match="no such file"):
        read(parquet, tmp_path / "other.parquet")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="has the columns a, and neither"):
        read(parquet, tmp_path / "t.parquet")


def test_without_pyarrow_it_is_said_what_to_install(tmp_path, folder, monkeypatch):
    def fail(name):
        raise ImportError(name)

    write(parquet, tmp_path / "d.parquet", [make("x")], folder)
    monkeypatch.setattr(arrow, "import_module", fail)
    for call in (
        lambda: write(parquet, tmp_path / "e.parquet", [make("x")], folder),
        lambda: read(parquet, tmp_path / "d.parquet"),
    ):
        with pytest.raises(InputError, match=r"needs pyarrow[\s\S]*syphus\[parquet\]"):
            call()
    assert not (tmp_path / "e.parquet").exists()
    assert parquet.fits(take_sample(tmp_path / "d.parquet")).score == 60


def test_damage_is_no_traceback(tmp_path, folder):
    path = tmp_path / "d.parquet"
    write(parquet, path, [make("x"), make("y", assets=("b.png",))], folder)
    refused = []
    for data in damage(path.read_bytes(), bytes(600), seed=3, each=6):
        path.write_bytes(data)
        try:
            read(parquet, path)
        except InputError as error:
            refused.append(str(error))
    assert refused
    assert all(str(path) in one for one in refused)


def test_it_is_known_by_its_content(tmp_path, folder):
    write(parquet, tmp_path / "d.bin", [make("x")], folder)
    assert parquet.fits(take_sample(tmp_path / "d.bin")).score == 90
    pq.write_table(pa.table({"a": [1]}), tmp_path / "t.parquet")
    assert parquet.fits(take_sample(tmp_path / "t.parquet")).score == 0
    (tmp_path / "x.json").write_text("{}")
    assert parquet.fits(take_sample(tmp_path / "x.json")).score == 0


def test_datasets_reads_it(tmp_path, folder):
    datasets = pytest.importorskip("datasets", reason="Hugging Face `datasets` is not installed")
    image = pytest.importorskip("PIL.Image", reason="Pillow, by which `datasets` decodes pictures, is not installed")
    for name in ("a.png", "sub/a.png"):
        image.new("RGB", (7, 5), "red").save(folder / name)
    write(parquet, tmp_path / "d.parquet", DIALOGUES, folder, boxes=find_convention("swift"))
    loaded = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "d.parquet"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert loaded.num_rows == 4
    assert loaded[2]["images"][1].size == (7, 5)
    assert loaded[0]["messages"][1] == {"role": "assistant", "content": "A dog."}
    assert isinstance(loaded.features["images"].feature, datasets.Image)
    assert loaded[3]["images"] == []
    assert loaded[0]["objects"]["bbox"] == [[10, 10, 50, 50]]
    # What `datasets` writes is read here.
    loaded.to_parquet(str(tmp_path / "back.parquet"))
    found, problems = read(parquet, tmp_path / "back.parquet", extract=tmp_path / "out")
    assert [one.id for one in found] == ["one", "two", "pair", "words"]
    assert not problems


def test_shards_of_a_name(tmp_path):
    for name in ("a-00000-of-00002.parquet", "a-00001-of-00002.parquet", "ab-00000-of-00001.parquet", "a-b.parquet"):
        (tmp_path / name).touch()
    assert [path.name for path in shards.find_shards(tmp_path / "a.parquet")] == [
        *("a-00000-of-00002.parquet", "a-00001-of-00002.parquet"),
    ]
