"""WebDataset out and in; the real libraries read what is written, where they are installed."""

import io
import json
import tarfile

import pytest
from damage import damage
from test_format_parquet import DIALOGUES, PNG, folder, make, read, write

from syphus.errors import InputError
from syphus.formats import webdataset
from syphus.formats.detecting import take_sample

assert folder  # the fixture


def members_of(path):
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


def test_the_members(tmp_path, folder):
    written = write(webdataset, tmp_path / "d.tar", DIALOGUES, folder)
    assert (written.written, written.left_out) == (4, {})
    members = members_of(tmp_path / "d.tar")
    assert list(members) == [
        *("000000000.png", "000000000.json", "000000001.png", "000000001.json"),
        *("000000002.0.png", "000000002.1.png", "000000002.json", "000000003.json"),
    ]
    assert members["000000002.1.png"] == PNG + b"sub/a.png"
    row = json.loads(members["000000000.json"])
    assert row["id"] == "one"
    assert row["messages"][0] == {"role": "user", "content": "What is it?"}
    assert row["image_names"] == ["a.png"]
    assert any("differ in how many pictures" in note for note in written.notes)
    assert str(tmp_path).encode() not in (tmp_path / "d.tar").read_bytes()


def test_the_same_dialogues_make_the_same_bytes(tmp_path, folder):
    for name in ("a", "b"):
        write(webdataset, tmp_path / name / "d.tar", DIALOGUES, folder)
        (folder / "a.png").touch()
    assert (tmp_path / "a/d.tar").read_bytes() == (tmp_path / "b/d.tar").read_bytes()
    with tarfile.open(tmp_path / "a/d.tar") as tar:
        assert {(one.mtime, one.uid, one.gid, one.uname, one.mode) for one in tar} == {(0, 0, 0, "", 0o644)}


@pytest.mark.parametrize("turns", ["messages", "conversations"])
def test_what_is_written_is_read(tmp_path, folder, turns):
    write(webdataset, tmp_path / "d.tar", DIALOGUES, folder, settings={"turns": turns}, exact=True)
    found, problems = read(webdataset, tmp_path / "d.tar", extract=tmp_path / "out")
    assert not problems
    for before, after in zip(DIALOGUES, found, strict=True):
        assert [turn.text.replace("[it](#o1)", "it") for turn in before.turns] == [turn.text for turn in after.turns]
        for field in ("id", "system", "category", "ability", "language", "scene", "source", "related", "metadata"):
            assert getattr(after, field) == getattr(before, field), field
        assert len(after.assets) == len(before.assets)
    assert (tmp_path / "out" / found[0].assets[0].path).read_bytes() == PNG + b"a.png"
    inside, _ = read(webdataset, tmp_path / "d.tar")
    write(webdataset, tmp_path / "e.tar", inside, folder, settings={"turns": turns}, exact=True)
    first, second = members_of(tmp_path / "d.tar"), members_of(tmp_path / "e.tar")
    assert list(first) == list(second)
    assert [data for name, data in first.items() if name.endswith("png")] == [
        data for name, data in second.items() if name.endswith("png")
    ]


def test_shards(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(webdataset, "read_size", lambda *_: 4000)
    dialogues = [make(f"d{number}", "Q", str(number)) for number in range(5)]
    written = write(webdataset, tmp_path / "train.tar", dialogues, folder)
    files = sorted(path.name for path in tmp_path.glob("*.tar"))
    assert files == ["train-000000.tar", "train-000001.tar", "train-000002.tar"]
    assert any("train-{000000..000002}.tar" in note for note in written.notes)
    keys = [name for file in files for name in members_of(tmp_path / file) if name.endswith("json")]
    assert keys == [f"00000000{number}.json" for number in range(5)]
    found, _ = read(webdataset, tmp_path / "train.tar")
    assert [one.turns[1].text for one in found] == list("01234")


def test_tars_of_others(tmp_path):
    turns = {"conversations": [{"from": "human", "value": "<image>\nQ"}, {"from": "gpt", "value": "A"}]}
    with tarfile.open(tmp_path / "o.tar", "w") as tar:
        for name, data in (
            ("./sub/a.b.png", PNG),
            ("./sub/a.json", json.dumps(turns).encode()),
            ("./sub/b.json", b"{torn"),
            ("./sub/c.png", PNG),
            ("./__pax__", b"x"),
            ("./sub/d.json", b"[]"),
            ("./sub/e.png", b"none"),
            ("./sub/e.json", json.dumps(turns).encode()),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    found, problems = read(webdataset, tmp_path / "o.tar", extract=tmp_path / "out")
    assert [(one.id, one.assets[0].path) for one in found] == [("o-000001", "o-000001-1.png")]
    assert [problem.place for problem in problems] == [
        *("sample 'sub/b'", "sample 'sub/c'", "sample 'sub/d'", "sample 'sub/e'"),
    ]
    assert "has no `json`" in problems[1].message


def test_a_torn_tar_gives_what_stands_before_the_tear(tmp_path, folder):
    write(webdataset, tmp_path / "d.tar", [make(f"d{number}") for number in range(4)], folder)
    data = (tmp_path / "d.tar").read_bytes()
    (tmp_path / "d.tar").write_bytes(data[: 512 * 9])
    found, problems = read(webdataset, tmp_path / "d.tar")
    assert [one.id for one in found] == ["d0", "d1"]
    assert any("torn" in problem.message or "has no `json`" in problem.message for problem in problems)


@pytest.mark.parametrize("content", [b"", b"hello" * 300])
def test_files_that_are_none(tmp_path, content):
    (tmp_path / "d.tar").write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as a tar"):
        read(webdataset, tmp_path / "d.tar")


def test_damage_is_no_traceback(tmp_path, folder):
    path = tmp_path / "d.tar"
    write(webdataset, path, [make("x"), make("y", assets=("b.png",))], folder)
    refused = []
    for data in damage(path.read_bytes(), bytes(600), seed=3, each=6):
        path.write_bytes(data)
        try:
            read(webdataset, path)
        except InputError as error:
            refused.append(str(error))
    assert refused
    assert all(str(path) in one for one in refused)


def test_it_is_known_by_its_content(tmp_path, folder):
    write(webdataset, tmp_path / "d.bin", [make("x")], folder)
    assert webdataset.fits(take_sample(tmp_path / "d.bin")).score == 90
    (tmp_path / "x.json").write_text("{}")
    assert webdataset.fits(take_sample(tmp_path / "x.json")).score == 0


def test_the_webdataset_library_reads_it(tmp_path, folder):
    library = pytest.importorskip("webdataset", reason="the webdataset library is not installed")
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    for name in ("a.png", "sub/a.png"):
        image.new("RGB", (7, 5), "red").save(folder / name)
    write(webdataset, tmp_path / "d.tar", DIALOGUES, folder)
    samples = list(library.WebDataset(str(tmp_path / "d.tar"), shardshuffle=False).decode("pil"))
    assert [sample["__key__"] for sample in samples] == [f"00000000{number}" for number in range(4)]
    assert samples[0]["png"].size == (7, 5)
    assert samples[2]["1.png"].size == (7, 5)
    assert samples[1]["json"]["messages"][-1] == {"role": "assistant", "content": "A2"}


def test_hugging_face_datasets_reads_it(tmp_path, folder):
    datasets = pytest.importorskip("datasets", reason="Hugging Face `datasets` is not installed")
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    image.new("RGB", (7, 5), "red").save(folder / "a.png")
    write(webdataset, tmp_path / "d.tar", [make("x"), make("y")], folder)
    loaded = datasets.load_dataset(
        "webdataset", data_files=str(tmp_path / "d.tar"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert loaded[1]["png"].size == (7, 5)
    assert loaded[1]["json"]["id"] == "y"
