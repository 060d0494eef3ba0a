"""Hostile and torn files of the container and multi-picture readers: an InputError or problems, never anything else."""

import io
import json
import random
import tarfile
from copy import deepcopy
from pathlib import Path

import msgspec
import pytest
from damage import damage
from picture_bytes import PNG

from syphus.annotations.containers import folder, parquet, webdataset
from syphus.annotations.several import scannet, spot_the_diff, vist
from syphus.errors import InputError
from syphus.records import Scene

SWAPS = (
    *(None, True, -1, 1.5, 1e308, 2**63, 10**30, "", " ", "x", "../x", "\x00\x1b[0m", "\u202e", "a" * 300),
    *([], {}, [[]], [{}], {"bytes": 5}, [None, 1]),
)
"""What is put in place of any value of a good document."""


def swap_values(document, draw, each):
    """Copies of a JSON document, each with one value swapped for something else, or a key taken away."""
    places = []

    def walk(value, path):
        places.append(path)
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in items:
            walk(inner, (*path, key))

    walk(document, ())
    for _ in range(each):
        path = draw.choice(places)
        copy = deepcopy(document)
        if not path:
            yield draw.choice(SWAPS)
            continue
        parent = copy
        for key in path[:-1]:
            parent = parent[key]
        if isinstance(parent, dict) and draw.random() < 0.2:
            del parent[path[-1]]
        else:
            parent[path[-1]] = draw.choice(SWAPS)
        yield copy


def make_bytes(document, seed, each=150, cuts=3):
    """Damaged copies of a document: swapped values, and damaged text."""
    draw = random.Random(seed)
    for copy in swap_values(document, draw, each):
        yield json.dumps(copy).encode()
    good = json.dumps(document, indent=1).encode()
    yield from damage(good, b"-Infinity", b"[]", seed=seed, each=cuts)
    yield good.decode().encode("utf-16")
    yield good + good
    yield bytes(draw.randrange(256) for _ in range(400))


def try_reading(reader, options, kinds):
    """Reads all; what comes out must be scenes, what goes wrong must be said."""
    problems = []
    try:
        scenes = list(reader.read(options, problems.append))
    except InputError as error:
        assert error.message  # noqa: PT017
        str(error).encode()
        kinds.add("refused")
        return
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    assert len({scene.id for scene in scenes}) == len(scenes)
    for problem in problems:
        assert problem.file
        assert problem.message
        str(problem).encode()
    kinds.add("problems" if problems else "unharmed")


SPOT = [
    {"img_id": "5", "sentences": ["a car left", ""]},
    {"img_id": "6", "sentences": ["no difference"]},
    {"img_id": "5", "sentences": ["it is dark"]},
]
TOLD = {"album_id": "44", "setting": "s", "tier": "story-in-sequence", "storylet_id": "9"}
VIST = {
    "images": [
        {"id": "11", "title": "t", "tags": "a b", "datetaken": "2005", "url_o": "http://x/1.jpg", "license": "4"}
    ],
    "albums": [{"id": "44", "title": "t", "description": "d", "vist_label": "v"}],
    "annotations": [
        [
            {
                **TOLD,
                "original_text": "A.",
                "text": "a .",
                "photo_flickr_id": "11",
                "story_id": "5",
                "worker_arranged_photo_order": 0,
            }
        ],
        [
            {
                **TOLD,
                "original_text": "B.",
                "text": "b .",
                "photo_flickr_id": "12",
                "story_id": "5",
                "worker_arranged_photo_order": 1,
            }
        ],
    ],
}
REFER = [
    {
        "scene_id": "s1",
        "object_id": "0",
        "object_name": "chair",
        "ann_id": "0",
        "description": "It is brown.",
        "token": ["it"],
    }
]
SCAN = {"segGroups": [{"id": 0, "objectId": 0, "segments": [1, 2], "label": "chair"}]}
SAID = {"s1": {"description": [[0, "A room."], [1, "A bed."]]}}
SIDE = {
    "caption": "A cat.",
    "captions": ["x"],
    "tags": ["a"],
    "n": 3,
    "objects": {"bbox": [[0, 0, 2, 2]], "category": ["cat"], "id": [1]},
}


@pytest.mark.parametrize(
    ("document", "seed", "read"),
    [
        (SPOT, 1, lambda file, kinds: try_reading(spot_the_diff, spot_the_diff.Options(path=file), kinds)),
        (VIST, 2, lambda file, kinds: try_reading(vist, vist.Options(path=file), kinds)),
        (REFER, 3, lambda file, kinds: try_reading(scannet, scannet.Options(scanrefer=file), kinds)),
        (SAID, 4, lambda file, kinds: try_reading(scannet, scannet.Options(sentences=file), kinds)),
    ],
    ids=["spot_the_diff", "vist", "scanrefer", "sentences"],
)
def test_documents(tmp_path, document, seed, read):
    kinds = set()
    for content in make_bytes(document, seed):
        (tmp_path / "x.json").write_bytes(content)
        read(tmp_path / "x.json", kinds)
    assert kinds == {"refused", "problems", "unharmed"}


def test_aggregations_and_label_tables(tmp_path):
    file, kinds = tmp_path / "s1" / "s1.aggregation.json", set()
    file.parent.mkdir()
    for content in make_bytes(SCAN, 5):
        file.write_bytes(content)
        try_reading(scannet, scannet.Options(scans=tmp_path), kinds)
    assert kinds == {"problems", "unharmed"}
    file.write_text(json.dumps(SCAN))
    table, kinds = tmp_path / "labels.tsv", set()
    for content in damage(b"id\traw_category\tcategory\tnyu40class\n1\tchair\tchair\tchair\n", seed=6, each=3):
        table.write_bytes(content)
        (file.parent / "s1.txt").write_bytes(content)
        try_reading(scannet, scannet.Options(scans=tmp_path, labels=table), kinds)
    assert kinds >= {"refused", "unharmed"}


def test_side_cars_and_metadata(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    kinds = set()
    for content in make_bytes(SIDE, 7):
        (tmp_path / "a.json").write_bytes(content)
        try_reading(folder, folder.Options(path=tmp_path), kinds)
    assert kinds == {"problems", "unharmed"}
    (tmp_path / "a.json").unlink()
    kinds = set()
    row = {"file_name": "a.png", "text": "A cat.", **SIDE}
    for content in make_bytes(row, 8):
        (tmp_path / "metadata.jsonl").write_bytes(content)
        try_reading(folder, folder.Options(path=tmp_path), kinds)
    assert kinds == {"refused", "problems", "unharmed"}
    (tmp_path / "metadata.jsonl").unlink()
    for content in damage(b'file_name,text,id\na.png,"A cat, sleeping.",4\n', seed=9, each=3):
        (tmp_path / "metadata.csv").write_bytes(content)
        try_reading(folder, folder.Options(path=tmp_path), kinds)


def test_pictures(tmp_path):
    (tmp_path / "a.txt").write_text("A cat.")
    kinds = set()
    jpeg = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffc0000b080004000601011100ffd9")
    for good in (
        PNG,
        jpeg,
        b"GIF89a\x06\0\x04\0",
        b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\x05\xc0\0\0",
        b"II*\0\x08\0\0\0\0\0",
        b"BM" + b"\0" * 30,
    ):
        for content in damage(good, b"<svg><!DOCTYPE a>", b"\xff\xff\xff\xff", seed=10, each=2):
            (tmp_path / "a.png").write_bytes(content)
            try_reading(folder, folder.Options(path=tmp_path), kinds)
    assert kinds == {"problems", "unharmed"}


def make_shard(mode="w", text=b"A cat.", facts=b"{}", name="a"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for kind, data in (("png", PNG), ("txt", text), ("json", facts), ("cls", b"1")):
            info = tarfile.TarInfo(f"{name}.{kind}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def test_shards(tmp_path):
    file, kinds = tmp_path / "s.tar", set()
    options = webdataset.Options(path=file, extract=tmp_path / "out")
    for mode, size in (("w", 4096), ("w:gz", 10**6)):
        for content in damage(make_shard(mode)[:size], b"/", b"..", b"\x80\xff\xff\xff", seed=11, each=12):
            file.write_bytes(content)
            try_reading(webdataset, options, kinds)
    for content in make_bytes(SIDE, 12, each=80, cuts=1):
        file.write_bytes(make_shard(facts=content))
        try_reading(webdataset, options, kinds)
    assert kinds == {"refused", "problems", "unharmed"}
    outside = [path for path in Path(tmp_path).rglob("*") if path.is_file() and path != file]
    assert all(path.is_relative_to(tmp_path / "out") and path.suffix == ".png" for path in outside)


def test_tables(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    rows = [
        {
            "image": {"bytes": PNG, "path": "a.png"},
            "caption": "A cat.",
            "n": 1,
            "objects": {"bbox": [[0.0, 0.0, 2.0, 2.0]], "category": ["cat"]},
        }
    ]
    file, kinds = tmp_path / "x.parquet", set()
    options = parquet.Options(path=file, extract=tmp_path / "out")
    pq.write_table(pa.Table.from_pylist(rows * 3), file, compression="none")
    draw, good = random.Random(13), file.read_bytes()
    for content in [*damage(good, seed=13, each=3)]:
        file.write_bytes(content)
        try_reading(parquet, options, kinds)
    assert kinds >= {"refused"}
    for copy in swap_values(rows[0], draw, 150):
        try:
            pq.write_table(pa.Table.from_pylist([copy]), file)
        except (pa.ArrowException, TypeError, AttributeError, OverflowError):
            continue
        try_reading(parquet, options, kinds)
    assert kinds == {"refused", "problems", "unharmed"}
