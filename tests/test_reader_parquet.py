"""The Parquet reader: files written here as Hugging Face ``datasets`` writes them."""

import json
from datetime import date, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from picture_bytes import PNG, make_png

from syphus.annotations.containers import parquet, parquet_tables
from syphus.annotations.reading import picture_folder
from syphus.errors import InputError
from syphus.records import Scene

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def save(path, rows, schema=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, **options)
    return path


def read(path, rows=None, schema=None, **options):
    """The scenes, which must decode as scenes again, and the problems."""
    if isinstance(rows, bytes):
        path.write_bytes(rows)
    elif rows is not None:
        save(path, rows, schema)
    problems = []
    scenes = list(parquet.read(parquet.Options(path=path, **options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


ROWS = [
    {
        "image": {"bytes": PNG, "path": "cat.png"},
        "caption": "A  cat.",
        "stars": 3,
        "day": date(2020, 1, 2),
        "emb": [0.1] * 9,
    },
    {"image": {"bytes": make_png(9, 5), "path": None}, "caption": "A dog.", "stars": None, "day": None, "emb": None},
]


def test_pictures_in_the_file(tmp_path):
    scenes, problems = read(tmp_path / "train-00000.parquet", ROWS)
    assert [scene.id for scene in scenes] == ["cat", "train-00000-1"]
    assert [(scene.assets[0].path, scene.assets[0].width, scene.assets[0].height) for scene in scenes] == [
        (None, 6, 4),
        (None, 9, 5),
    ]
    assert [scene.captions[0].text for scene in scenes] == ["A cat.", "A dog."]
    assert [scene.metadata for scene in scenes] == [{"stars": 3, "day": "2020-01-02", "row": 0}, {"row": 1}]
    assert [(problem.place, problem.message) for problem in problems] == [
        ("the columns", "columns that are neither text nor number are left out: 'emb'")
    ]


def test_pictures_are_written_once(tmp_path):
    out = tmp_path / "out"
    file = save(tmp_path / "d/train.parquet", ROWS)
    scenes, _ = read(file, extract=out)
    assert [scene.assets[0].path for scene in scenes] == ["train/00000000.png", "train/00000001.png"]
    assert (out / "train/00000001.png").read_bytes() == make_png(9, 5)
    before = (out / "train/00000000.png").stat().st_mtime_ns
    assert read(file, extract=out)[0] == scenes
    assert [scene.id for scene in scenes] == [scene.id for scene in read(file)[0]]
    assert (out / "train/00000000.png").stat().st_mtime_ns == before
    assert picture_folder(parquet.Options(path=file, extract=out)) == out
    save(tmp_path / "d/e/train.parquet", ROWS)
    folder, _ = read(tmp_path / "d", extract=out)
    assert [scene.assets[0].path[:8] for scene in folder] == ["train/00"] * 2 + ["e/train/"] * 2
    assert len({scene.id for scene in folder}) == 4


@pytest.mark.parametrize(
    ("rows", "path", "url", "texts"),
    [
        ([{"file_name": "a/b.jpg", "text": "x"}], "a/b.jpg", None, ["x"]),
        ([{"image": {"bytes": None, "path": "a.jpg"}, "text": "x"}], "a.jpg", None, ["x"]),
        ([{"url": "https://x/a.jpg", "caption": ["x", "y", "x"]}], None, "https://x/a.jpg", ["x", "y"]),
        ([{"img": "a.jpg", "sentences": [{"raw": "X."}, {"raw": "Y."}]}], "a.jpg", None, ["X.", "Y."]),
        ([{"image": PNG, "answer": "x"}], None, None, ["x"]),
    ],
)
def test_forms_of_the_columns(tmp_path, rows, path, url, texts):
    (scene,), problems = read(tmp_path / "x.parquet", rows)
    assert (scene.assets[0].path, scene.assets[0].url, problems) == (path, url, [])
    assert [one.text for one in scene.captions] == texts


def test_several_pictures_a_row(tmp_path):
    rows = [{"images": [{"bytes": PNG, "path": None}] * 2, "text": "Two."}]
    (scene,), _ = read(tmp_path / "x.parquet", rows, extract=tmp_path / "out")
    assert [(one.id, one.path, one.title) for one in scene.assets] == [
        ("image1", "x/00000000-1.png", "the first picture"),
        ("image2", "x/00000000-2.png", "the second picture"),
    ]
    assert (scene.captions, scene.prose) == ((), ("Two.",))


def label(names):
    return {"names": names, "_type": "ClassLabel"}


@pytest.mark.parametrize(
    "objects",
    [
        {"feature": {"category": label(["cat", "dog_house"]), "bbox": {"_type": "Sequence"}}, "_type": "Sequence"},
        [{"category": label(["cat", "dog_house"]), "bbox": {"_type": "Sequence"}}],
    ],
)
def test_detection_sets(tmp_path, objects):
    features = {"objects": objects, "label": label(["inside", "outside"])}
    boxes = [[1.0, 1.0, 2.0, 2.0], [0.0, 0.0, 99.0, 2.0], [1.0, 1.0, 0.0, 2.0], [1.0, 1.0, 1.0, 1.0]]
    rows = [
        {
            "image_id": 7,
            "image": {"bytes": PNG},
            "objects": {"id": [1, 2, 3, 4], "bbox": boxes, "category": [1, 0, 0, 9]},
            "label": 1,
        }
    ]
    table = pa.Table.from_pylist(rows).replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})}
    )
    pq.write_table(table, tmp_path / "x.parquet")
    (scene,), problems = read(tmp_path / "x.parquet")
    assert [(one.id, one.label, one.box, one.source_id) for one in scene.objects] == [
        ("o1", "dog house", (1, 1, 3, 3), "1"),
        ("o2", "cat", (0, 0, 6, 2), "2"),
    ]
    assert (scene.id, scene.metadata["label"]) == ("7", "outside")
    assert [problem.lost for problem in problems] == [False, True, True]
    assert [problem.message.partition(":")[0] for problem in problems] == ["objects[1]", "objects[2]", "objects[3]"]


@pytest.mark.parametrize("new", [pa.ipc.new_stream, pa.ipc.new_file])
def test_datasets_saved_to_disk(tmp_path, new):
    table = pa.Table.from_pylist(ROWS)
    with pa.OSFile(str(tmp_path / "data-00000-of-00001.arrow"), "wb") as sink, new(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=1)
    (tmp_path / "dataset_info.json").write_text("{}")
    scenes, _ = read(tmp_path)
    assert [scene.captions[0].text for scene in scenes] == ["A cat.", "A dog."]
    assert scenes == read(tmp_path / "data-00000-of-00001.arrow")[0]


@pytest.mark.parametrize(
    ("row", "says", "lost"),
    [
        ({"image": {"bytes": b"<html>"}, "caption": "x"}, "6 bytes of the picture are no picture", True),
        ({"image": {"bytes": b""}, "caption": "x"}, "the picture is empty", True),
        ({"image": {"bytes": PNG[:20]}, "caption": "x"}, "width and height cannot be read", False),
        ({"image": {"path": "../../a.png"}, "caption": "x"}, "leads out", True),
        ({"image": {"path": "/etc/a.png"}, "caption": "x"}, "outside the picture folder", True),
        ({"image": {"path": "s3://b/a.png"}, "caption": "x"}, "s3: addresses", True),
        ({"image": None, "caption": "x"}, "`image` holds no picture", True),
        ({"image": {"bytes": PNG}, "caption": None}, "`caption` is missing", True),
        ({"image": {"bytes": PNG}, "caption": " "}, "`caption` is empty", True),
        ({"image": {"bytes": PNG}, "caption": "x", "stars": float("nan")}, "`stars` is too long, or no number", True),
    ],
)
def test_a_bad_row_costs_itself(tmp_path, row, says, lost):
    schema = pa.schema([("image", IMAGE), ("caption", pa.string()), ("stars", pa.float64())])
    good = {"image": {"bytes": PNG, "path": "z.png"}, "caption": "Last."}
    scenes, problems = read(tmp_path / "x.parquet", [row, good], schema)
    assert scenes[-1].id == "z"
    assert (problems[0].place, problems[0].lost) == ("row 0", lost)
    assert says in problems[0].message


def test_texts_that_are_no_utf8_cost_their_row(tmp_path):
    texts = pa.array([b"caf\xe9", b"ok"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"image": ["a.png", "b.png"], "caption": texts}), tmp_path / "x.parquet")
    scenes, problems = read(tmp_path / "x.parquet")
    assert ([scene.id for scene in scenes], [problem.place for problem in problems]) == (["b"], ["row 0"])


@pytest.mark.parametrize(
    ("rows", "options", "says"),
    [
        ([{"a": 1}], {}, "no column for the image .*its columns: 'a'"),
        ([{"image": "a.png", "x": "y"}], {}, "no column for the caption or the question; its columns: 'image', 'x'"),
        ([{"image": "a.png", "x": "y"}], {"image": "img"}, "no column 'img'"),
        ([{"image": "a.png", "text": "y"}], {"caption": "txet"}, "no column 'txet'.*\n.*'text'"),
        (b"", {}, "is empty"),
        (b'{"images": []}', {}, "is no Parquet or Arrow file"),
        (b"PAR1" + b"x" * 50 + b"PAR1", {}, "is no Parquet or Arrow file, or torn"),
        (b"PAR1 torn", {}, "torn"),
        (b"ARROW1\0\0", {}, "torn"),
    ],
)
def test_what_is_refused(tmp_path, rows, options, says):
    with pytest.raises(InputError, match=says) as caught:
        read(tmp_path / "x.parquet", rows, **options)
    assert str(tmp_path) in str(caught.value)


def test_files_that_are_not_there_and_torn_ones_among_others(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "none.parquet")
    with pytest.raises(InputError, match=r"has no \.parquet or \.arrow files"):
        read(tmp_path)
    save(tmp_path / "b.parquet", ROWS)
    (tmp_path / "a.parquet").write_bytes((tmp_path / "b.parquet").read_bytes()[:-30])
    scenes, problems = read(tmp_path)
    assert len(scenes) == 2
    assert Path(problems[0].file).name == "a.parquet"
    assert "torn" in problems[0].message


def test_without_pyarrow_the_mend_is_named(tmp_path, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(parquet_tables, "import_module", missing)
    with pytest.raises(InputError, match=r'needs pyarrow\n.*pip install "syphus\[parquet\]"'):
        read(tmp_path / "x.parquet")


_cells = {
    "image": st.sampled_from(
        [{"bytes": PNG, "path": "a.png"}, {"bytes": None, "path": "b.png"}, {"path": "../c"}, None]
    ),
    "caption": st.sampled_from(["x", "y", "", None]),
    "more": st.one_of(st.none(), st.text(max_size=3)),
    "when": st.sampled_from([None, datetime(2020, 1, 1)]),  # noqa: DTZ001
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(rows=st.lists(st.fixed_dictionaries(_cells), max_size=6), group=st.integers(1, 3))
def test_no_row_is_lost_in_silence(tmp_path, rows, group):
    schema = pa.schema(
        [("image", IMAGE), ("caption", pa.string()), ("more", pa.string()), ("when", pa.timestamp("us"))]
    )
    save(tmp_path / "x.parquet", rows, schema, row_group_size=group)
    scenes, problems = read(tmp_path / "x.parquet")
    left = {int(problem.place.removeprefix("row ")) for problem in problems if problem.place.startswith("row ")}
    used = [scene.metadata["row"] for scene in scenes]
    assert sorted(used + sorted(left)) == list(range(len(rows)))
    for scene in scenes:
        row = rows[scene.metadata["row"]]
        assert [one.text for one in scene.captions] == [row["caption"]]
