"""Faults that real consumers found (``benchmarks/consumers``), each as small as it can be; here Hugging Face ``datasets`` reads."""

import json

import pytest

from syphus.formats import alpaca, json_files, llamafactory, messages, mimicit, sharegpt, swift, trl
from syphus.formats.exporting import ExportOptions
from syphus.formats.importing import ImportOptions
from syphus.records import Asset, Dialogue, Object, Turn

OPTIONS = ExportOptions(max_tokens=None)
CHUNK = 1 << 14
"""Bytes by which ``datasets`` reads here; 10 MiB where it is not told."""


def dialogue(identity, *texts, assets=(), **fields) -> Dialogue:
    turns = tuple(Turn(role=("user", "assistant")[i % 2], text=text) for i, text in enumerate(texts))
    return Dialogue(id=identity, scene="s", turns=turns, assets=assets, **fields)


ONE = Asset(path="a.jpg", width=640, height=480)
TWO = Asset(id="image2", path="b.jpg", width=640, height=480)
WHOLE = Object(id="o1", label="bus", box=(1.0, 2.0, 30.0, 40.0))
BROKEN = Object(id="o1", label="bus", box=(1.5, 2.5, 30.0, 40.0))
OTHER = Object(id="o1", label="bus", box=(1.0, 2.0, 30.0, 40.0), asset="image2")
PLAIN = [dialogue(f"p{number}", f"What is {number}?", "A number. " * 20) for number in range(400)]
LATE = [
    dialogue("boxed", "Where is [the bus](#o1)?", "There.", assets=(ONE,), objects=(WHOLE,)),
    dialogue("fraction", "Where is [the bus](#o1)?", "There.", assets=(ONE,), objects=(BROKEN,)),
    dialogue("two", "Where is [the bus](#o1)?", "There.", "And?", "No.", assets=(ONE, TWO), objects=(OTHER,)),
    dialogue("told", "Hi", "Hello.", system="Be short."),
]


def load(file, tmp_path):
    datasets = pytest.importorskip(
        "datasets", reason="Hugging Face datasets, by which the consumers read, is not installed"
    )
    datasets.disable_progress_bars()
    made = datasets.load_dataset(
        "json", data_files=str(file), split="train", chunksize=CHUNK, cache_dir=str(tmp_path / "cache")
    )
    return {row["id"]: row for row in made}


@pytest.mark.parametrize("format_", [swift, trl, sharegpt, alpaca, messages], ids=lambda module: module.STYLE.name)
def test_columns_that_come_late_are_read(tmp_path, monkeypatch, format_):
    """ms-swift 4.6, TRL 1.16: pictures or boxes that no row of the first 10 MiB had ended the loading of the file."""
    monkeypatch.setattr(json_files, "HEAD", CHUNK // 4)
    file = tmp_path / "out.jsonl"
    written = format_.write([*PLAIN, *LATE], file, OPTIONS)
    assert written.written == len(PLAIN) + len(LATE)
    assert any("put first" in note for note in written.notes)
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    found = load(file, tmp_path)
    assert [row["id"] for row in rows if row["id"].startswith("p")] == [plain.id for plain in PLAIN]
    assert set(found) == {row["id"] for row in rows} == {one.id for one in [*PLAIN, *LATE]}
    for row in rows:
        assert {key: value for key, value in found[row["id"]].items() if value is not None and key in row} == row


def test_rows_stay_where_they_came_in_a_small_file_and_in_an_array(tmp_path, monkeypatch):
    sharegpt.write([*PLAIN, *LATE], tmp_path / "small.jsonl", OPTIONS)
    monkeypatch.setattr(json_files, "HEAD", CHUNK // 4)
    written = sharegpt.write([*PLAIN, *LATE], tmp_path / "array.json", OPTIONS)
    rows = [json.loads(line) for line in (tmp_path / "small.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows == json.loads((tmp_path / "array.json").read_text(encoding="utf-8"))
    assert [row["id"] for row in rows] == [one.id for one in [*PLAIN, *LATE]]
    assert not any("put first" in note for note in written.notes)


def test_no_more_is_put_first_than_fits_there(tmp_path, monkeypatch):
    monkeypatch.setattr(json_files, "HEAD", 300)
    many = [dialogue(f"m{n}", "What?", "That. " * 10, metadata={f"key{n}": n}) for n in range(40)]
    sharegpt.write(many, tmp_path / "out.jsonl", OPTIONS)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    ids = [row["id"] for row in rows]
    assert sorted(ids) == sorted(one.id for one in many)
    first = ids.index("m0")
    assert 0 < first <= 2  # rows of 150 bytes, of which 300 hold two at the most


@pytest.mark.parametrize(
    ("ids", "want"),
    [
        ([1, 2, "a", 3], [1, 2, None, 3]),
        (["a", 1, 2], ["a", "1", "2"]),
        (["1", "b"], ["1", "b"]),
        ([4, 5], [4, 5]),
    ],
)
def test_ids_are_of_one_kind(tmp_path, ids, want):
    """LLaMA-Factory 0.9.5 (``datasets`` 4.0): numbers and texts among the ids ended the run."""
    turns = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}]
    source = tmp_path / "in.json"
    source.write_text(json.dumps([{"id": identity, "conversations": turns} for identity in ids]), encoding="utf-8")
    for format_, target in ((sharegpt, "out.json"), (sharegpt, "out.jsonl")):
        read = format_.read(source, ImportOptions(), lambda problem: None)
        written = format_.write(read, tmp_path / target, OPTIONS)
        text = (tmp_path / target).read_text(encoding="utf-8")
        rows = json.loads(text) if target.endswith("json") else [json.loads(line) for line in text.splitlines()]
        assert [row.get("id") for row in rows] == want
        assert sum(written.not_held.values()) == want.count(None)
    load(tmp_path / "out.jsonl", tmp_path)


def test_no_file_of_llamafactory_is_put_in_order(tmp_path, monkeypatch):
    """Its files are arrays, which are read as a whole."""
    monkeypatch.setattr(json_files, "HEAD", CHUNK // 4)
    llamafactory.write([*PLAIN, *LATE], tmp_path / "set", OPTIONS)
    assert list(load(tmp_path / "set/set.json", tmp_path)) == [one.id for one in [*PLAIN, *LATE]]


def test_otter_gets_unlike_numbers_of_pictures_in_yamls_of_their_own(tmp_path):
    """Otter (014c4eea, ``get_mimicit_dataset``) draws a batch from all files of a group, and stacks their pictures."""
    pytest.importorskip("pyarrow", reason="pyarrow, which writes the pictures, is not installed")
    yaml = pytest.importorskip("yaml")
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"\xff\xd8\xff" + name.encode())
    values = [
        dialogue("one", "What?", "A.", assets=(ONE,)),
        dialogue("more", "What?", "B.", assets=(ONE,)),
        dialogue("two", "Which?", "C.", assets=(ONE, TWO)),
        dialogue("none", "Why?", "D."),
    ]
    options = ExportOptions(max_tokens=None, picture_folders={"": tmp_path})
    written = mimicit.write(values, tmp_path / "out/DC_instructions.json", options)
    plans = {path.name: yaml.safe_load(path.read_text()) for path in (tmp_path / "out").glob("*.yaml")}
    assert {name: {group: list(sets) for group, sets in plan.items()} for name, plan in plans.items()} == {
        "DC.yaml": {"IMAGE_TEXT": ["DC"], "TEXT_ONLY": ["DC_text"]},
        "DC_2images.yaml": {"IMAGE_TEXT": ["DC_2images"]},
    }
    assert any("`DC_2images.yaml` by itself" in note for note in written.notes)
