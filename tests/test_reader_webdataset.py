"""The WebDataset reader: shards made here, good, torn and hostile."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from picture_bytes import PNG, make_png

from syphus.annotations.containers import webdataset
from syphus.annotations.reading import picture_folder
from syphus.errors import InputError
from syphus.records import Scene


def pack(members, mode="w"):
    """A tar file: of names and contents, or of ready ``TarInfo``."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in members:
            if isinstance(name, tarfile.TarInfo):
                archive.addfile(name, io.BytesIO(content))
                continue
            data = content if isinstance(content, bytes) else content.encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def read(path, members=None, *, mode="w", **options):
    """The scenes, which must decode as scenes again, and the problems."""
    if members is not None:
        path.write_bytes(members if isinstance(members, bytes) else pack(members, mode))
    problems = []
    scenes = list(webdataset.read(webdataset.Options(path=path, **options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


GOOD = [("000.png", PNG), ("000.txt", "A cat\non a mat."), ("001.png", make_png(9, 5)), ("001.txt", "A dog.")]
FACTS = {"caption": "A cow.", "key": "2", "width": 6, "url": "http://x/2", "similarity": 0.3, "emb": [0.1] * 99}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_samples(tmp_path, mode):
    members = [*GOOD, ("d/2.json", json.dumps(FACTS)), ("d/2.png", PNG), ("d/2.npy", b"x"), ("d/3.npy", b"y")]
    scenes, problems = read(tmp_path / "s.tar", members, mode=mode)
    assert [scene.id for scene in scenes] == ["000", "001", "d/2"]
    assert [scene.captions[0].text for scene in scenes] == ["A cat on a mat.", "A dog.", "A cow."]
    assert [(scene.assets[0].width, scene.assets[0].height) for scene in scenes] == [(6, 4), (9, 5), (6, 4)]
    assert {scene.assets[0].path for scene in scenes} == {None}
    assert scenes[2].metadata == {
        "key": "2",
        "width": 6,
        "url": "http://x/2",
        "similarity": 0.3,
        "shard": "s",
        "members": ["d/2.png"],
    }
    assert [(problem.place, problem.message.split(";")[0].split(",")[0]) for problem in problems] == [
        ("d/2", "members of the kind 'npy' are left out"),
        ("d/2", "`emb` is no text or number that could be kept"),
        ("d/3", "the sample has no picture"),
    ]


def test_pictures_are_written_once(tmp_path):
    out = tmp_path / "out"
    scenes, problems = read(tmp_path / "s.tar", GOOD, extract=out)
    assert [scene.assets[0].path for scene in scenes] == ["s/000.png", "s/001.png"]
    assert (out / "s/001.png").read_bytes() == make_png(9, 5)
    assert sorted(file.name for file in out.rglob("*")) == ["000.png", "001.png", "s"]
    before = (out / "s/000.png").stat().st_mtime_ns
    assert read(tmp_path / "s.tar", extract=out) == (scenes, problems)
    assert (out / "s/000.png").stat().st_mtime_ns == before
    assert picture_folder(webdataset.Options(path=tmp_path, extract=out)) == out
    unpacked, _ = read(tmp_path / "s.tar", images=tmp_path)
    assert [scene.assets[0].path for scene in unpacked] == ["000.png", "001.png"]


def test_classes_and_several_pictures(tmp_path):
    (tmp_path / "names.txt").write_text("cat\nguide_dog\n")
    members = [
        *[("1.png", PNG), ("1.cls", "1\n"), ("2.left.png", PNG), ("2.right.PNG", PNG), ("2.txt", "They differ.")],
        *[("3.png", PNG), ("3.cls", "7"), ("3.txt", "x"), ("4.png", PNG), ("4.cls", "one"), ("4.txt", "x")],
    ]
    (first, second, third, _), problems = read(tmp_path / "s.tar", members, classes=tmp_path / "names.txt")
    assert [(one.label, one.box) for one in first.objects] == [("guide dog", None)]
    assert [(one.id, one.title) for one in second.assets] == [
        ("image1", "the first picture"),
        ("image2", "the second picture"),
    ]
    assert (second.captions, second.prose) == ((), ("They differ.",))
    assert third.metadata["class"] == 7
    assert [problem.lost for problem in problems] == [False, True]


def test_shards_by_pattern_and_folder(tmp_path):
    for number in range(8, 12):
        (tmp_path / f"t-{number:02}.tar").write_bytes(pack([("a.png", PNG), ("a.txt", f"Shard {number}.")]))
    found, _ = read(tmp_path / "t-{08..10}.tar")
    assert [(scene.id, scene.captions[0].text) for scene in found] == [
        ("a", "Shard 8."),
        ("a-2", "Shard 9."),
        ("a-3", "Shard 10."),
    ]
    assert len(read(tmp_path)[0]) == 4
    for pattern, says in [
        ("t-{08..12}.tar", "no such file"),
        ("t-{9..8}.tar", "names no shard"),
        ("t-{0..9999999}.tar", "names no"),
    ]:
        with pytest.raises(InputError, match=says):
            read(tmp_path / pattern)
    (tmp_path / "t-09.tar").write_bytes(b"no tar at all" * 100)
    scenes, problems = read(tmp_path)
    assert len(scenes) == 3
    assert [Path(problem.file).name for problem in problems] == ["t-09.tar"]


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    ("member", "says"),
    [
        (("../../evil.png", PNG), "leads out of the picture folder"),
        (("/etc/evil.png", PNG), "outside the picture folder"),
        (("a/../../evil.png", PNG), "leads out"),
        (("c:\\evil.png", PNG), "outside the picture folder"),
        (("..\\evil.png", PNG), "leads out"),
        (("a\\b.png", PNG), "not written plainly"),
        (("evil//a.png", PNG), "not written plainly"),
        (("e\nvil.png", PNG), "control character"),
        (("e" * 300 + ".png", PNG), "too long for a file"),
        (("evil", PNG), "no kind behind a dot"),
        (("evil.png", b"<html>"), "is no picture"),
        (("evil.png", b"<svg><!DOCTYPE x"), "is no picture"),
        ((special("evil.png", tarfile.SYMTYPE, "/etc/passwd"), b""), "a link, a device"),
        ((special("evil.png", tarfile.LNKTYPE, "000.png"), b""), "a link, a device"),
        ((special("evil.png", tarfile.CHRTYPE), b""), "a link, a device"),
        ((special("evil.png", tarfile.FIFOTYPE), b""), "a link, a device"),
        (("evil.json", "{"), "is no JSON"),
        (("evil.json", "[" * 50_000), "is no JSON"),
        (("evil.json", "5"), "is no JSON object"),
        (("evil.txt", b"caf\xe9"), "is not utf-8"),
        (("evil.txt", " "), "is empty"),
    ],
)
def test_hostile_members_cost_themselves(tmp_path, member, says):
    out = tmp_path / "out/deep"
    scenes, problems = read(tmp_path / "s.tar", [GOOD[0], GOOD[1], member, *GOOD[2:]], extract=out)
    assert [scene.id for scene in scenes] == ["000", "001"]
    assert says in problems[0].message
    assert all(problem.lost for problem in problems)
    assert sorted(file.name for file in tmp_path.rglob("*.png")) == ["000.png", "001.png"]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_torn_shard_gives_what_came_before(tmp_path, mode):
    whole = pack(GOOD, mode)
    counts = set()
    for cut in range(1, len(whole), 7 if mode == "w:gz" else 97):
        try:
            scenes, problems = read(tmp_path / "s.tar", whole[:cut], extract=tmp_path / f"out{cut}")
        except InputError as error:
            assert "is no tar file" in error.message  # noqa: PT017
            continue
        counts.add(len(scenes))
        written = list((tmp_path / f"out{cut}").rglob("*.*"))
        assert all(file.read_bytes() in (PNG, make_png(9, 5)) for file in written)
        if len(scenes) < 2 and problems:
            assert any("torn" in problem.message or "no text" in problem.message for problem in problems)
    assert counts >= {0, 1, 2}


def test_what_is_refused(tmp_path):
    for content, says in [
        (b"", "is empty"),
        (b"\0" * 100, "is no tar"),
        (b'{"images": []}', "is no tar"),
        (gzip.compress(b"x"), "is no tar"),
    ]:
        with pytest.raises(InputError, match=says):
            read(tmp_path / "s.tar", content)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="has no shards"):
        read(tmp_path / "empty")
    with pytest.raises(InputError, match="must be a folder"):
        read(tmp_path / "s.tar", GOOD, extract=tmp_path / "s.tar")
    (tmp_path / "f").write_text("x")
    with pytest.raises(InputError, match="cannot be written"):
        read(tmp_path / "s.tar", GOOD, extract=tmp_path / "f/out")


_names = st.sampled_from([f"{key}.{kind}" for key in "abc" for kind in ("png", "txt", "json", "xyz")])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(names=st.lists(_names, max_size=8, unique=True))
def test_no_sample_is_lost_in_silence(tmp_path, names):
    contents = {"png": PNG, "txt": "A text.", "json": '{"caption": "A caption."}', "xyz": "?"}
    members = [(name, contents[name[2:]]) for name in sorted(names)]
    scenes, problems = read(tmp_path / "s.tar", [*members, ("z.png", PNG), ("z.txt", "Last.")])
    found = [scene.id for scene in scenes] + [problem.place for problem in problems if "sample has" in problem.message]
    assert sorted(found) == sorted({name[0] for name in names} | {"z"})
    texts = {name for name in names if name[2:] in ("txt", "json")}
    complete = {scene.id for scene in scenes}
    assert sum(len(scene.captions) for scene in scenes) == 1 + sum(name[0] in complete for name in texts)
    assert any(name.endswith("xyz") for name in names) == any("'xyz'" in problem.message for problem in problems)
