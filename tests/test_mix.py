"""Mixtures: the plan and its draws, and the command over real files of several formats."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syphus.cli.main import main
from syphus.errors import InputError
from syphus.formats import jsonl
from syphus.formats.exporting import ExportOptions
from syphus.formats.mixing import (
    Share,
    choose,
    order_batches,
    order_pool,
    plan_mix,
    read_numbers,
    read_weights,
    rename,
)
from syphus.records import Asset, Dialogue, Turn

# --- the plan ---


def counts_of(*arguments, **more):
    return {share.name: share.count for share in plan_mix(*arguments, **more)}


@pytest.mark.parametrize(
    ("sizes", "weights", "more", "wanted"),
    [
        ({"a": 30, "b": 70}, "natural", {}, {"a": 30, "b": 70}),
        ({"a": 30, "b": 70}, "natural", {"total": 10}, {"a": 3, "b": 7}),
        # InstructBLIP: 10 and 30 of the roots; all of the small one and as many of the large one as that allows
        ({"a": 100, "b": 900}, "sqrt", {}, {"a": 100, "b": 300}),
        ({"a": 100, "b": 900}, "sqrt", {"total": 2000}, {"a": 500, "b": 1500}),
        ({"a": 100, "b": 900}, "sqrt", {"times": {"a": 3.0}}, {"a": 100, "b": 100}),
        ({"a": 5, "b": 50}, "equal", {}, {"a": 5, "b": 5}),
        ({"a": 5, "b": 50}, "equal", {"total": 21}, {"a": 11, "b": 10}),
        ({"a": 10, "b": 10}, {"a": 0.3, "b": 0.7}, {"total": 10}, {"a": 3, "b": 7}),
        ({"a": 10, "b": 10}, {"a": 3, "b": 7}, {}, {"a": 4, "b": 10}),
        ({"a": 1, "b": 1, "c": 1}, "equal", {"total": 4}, {"a": 2, "b": 1, "c": 1}),
        ({"a": 7}, "sqrt", {}, {"a": 7}),
    ],
)
def test_how_much_of_each(sizes, weights, more, wanted):
    assert counts_of(sizes, weights, **more) == wanted


@pytest.mark.parametrize(
    ("sizes", "weights", "more", "message"),
    [
        ({"a": 0, "b": 3}, "natural", {}, "a holds no dialogue"),
        ({"a": 1, "b": 1000}, "natural", {"total": 10}, "of a there would be nothing in a mixture of 10"),
    ],
)
def test_mixtures_that_cannot_be(sizes, weights, more, message):
    with pytest.raises(InputError, match=message):
        plan_mix(sizes, weights, **more)


SIZES = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 500), min_size=1)


@given(SIZES, st.sampled_from(["natural", "sqrt", "equal"]), st.none() | st.integers(500, 3000))
def test_every_plan_keeps_its_promises(sizes, weights, total):
    try:
        counts = counts_of(sizes, weights, total=total)
    except InputError:
        assert total is None or min(sizes.values()) * total < 2 * sum(sizes.values())  # so little that it is none
        return
    if total is None:
        assert all(counts[name] <= size for name, size in sizes.items())  # nothing repeats
        assert weights != "natural" or counts == sizes
        assert any(counts[name] >= size - 1 for name, size in sizes.items())  # and it is as large as can be
    else:
        assert sum(counts.values()) == total
    root = {name: {"natural": size, "sqrt": size**0.5, "equal": 1}[weights] for name, size in sizes.items()}
    for name, count in counts.items():
        exact = sum(counts.values()) * root[name] / sum(root.values())
        assert abs(count - exact) <= 1 + 1e-6


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("sqrt", "sqrt"), ("natural", "natural"), ("a=1,b=2.5", {"a": 1, "b": 2.5}), (" b=1 , a=2", {"a": 2, "b": 1})],
)
def test_weights(text, wanted):
    assert read_weights(text, ["a", "b"]) == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("root", "'root' names no dataset"),
        ("a=1", "there is none for b"),
        ("a=1,c=2", "'c=2' names no dataset"),
        ("a=x,b=1", "the weight is not a number above 0"),
        ("a=0,b=1", "the weight is not a number above 0"),
        ("a=-1,b=1", "the weight is not a number above 0"),
        ("a=nan,b=1", "the weight is not a number above 0"),
        ("a=inf,b=1", "the weight is not a number above 0"),
    ],
)
def test_weights_that_are_none(text, message):
    with pytest.raises(InputError, match=message):
        read_weights(text, ["a", "b"])


def test_multipliers():
    assert read_numbers("a=2", ["a", "b"], what="multiplier") == {"a": 2}


@pytest.mark.parametrize(
    ("size", "count", "text"),
    [
        (10, 5, "a: 5 of 10 dialogues, 50.0% of the mixture"),
        (5, 10, "a: 10 of 5 dialogues, 100.0% of the mixture; each 2 times"),
        (4, 10, "a: 10 of 4 dialogues, 100.0% of the mixture; each 2 times, 2 of them once more"),
        (4, 5, "a: 5 of 4 dialogues, 50.0% of the mixture; each 1 time, 1 of them once more"),
    ],
)
def test_what_repeats_is_said(size, count, text):
    assert Share(name="a", size=size, count=count).describe(10) == text


# --- the draws ---


@given(st.integers(1, 200), st.integers(1, 600), st.integers(0, 3))
def test_exactly_as_many_are_drawn_as_planned(size, count, seed):
    share = Share(name="a", size=size, count=count)
    drawn = [list(choose(share, number, seed)) for number in range(share.rounds)]
    assert all(len(one) == size for one in drawn)
    assert sum(map(sum, drawn)) == count
    assert all(all(one) for one in drawn[:-1])  # each once more before any twice more
    assert drawn == [list(choose(share, number, seed)) for number in range(share.rounds)]


def test_another_seed_or_name_draws_others_and_every_place_is_drawn_as_often():
    share = Share(name="a", size=20, count=5)
    assert list(choose(share, 0, 1)) != list(choose(share, 0, 2))
    assert list(choose(share, 0, 1)) != list(choose(Share(name="b", size=20, count=5), 0, 1))
    times = Counter(index for seed in range(2000) for index, drawn in enumerate(choose(share, 0, seed)) if drawn)
    assert all(400 < times[index] < 600 for index in range(20))  # 500 of each; 5 standard deviations are 97


@given(st.lists(st.integers(1, 60), min_size=1, max_size=5))
def test_batches_hold_some_of_each(counts):
    shares = [Share(name=str(index), size=count, count=count) for index, count in enumerate(counts)]
    order = list(order_batches(shares))
    assert Counter(order) == Counter(dict(enumerate(counts)))
    given_, total = [0] * len(counts), sum(counts)
    for step, index in enumerate(order, start=1):
        given_[index] += 1
        for one, count in enumerate(counts):
            assert abs(given_[one] - count * step / total) < max(1.0, len(counts) / 2)


def test_pool():
    assert sorted(order_pool(50, 1)) == list(range(50))
    assert order_pool(50, 1) == order_pool(50, 1) != order_pool(50, 2)


def test_names():
    dialogue = Dialogue(
        id="x", scene="s", source="coco", related=("y",), metadata={"as_read": {"format": "llava", "id": 3, "head": "<image>"}},
        turns=(Turn(role="user", text="Q"), Turn(role="assistant", text="A")),
    )  # fmt: skip
    first, again = rename(dialogue, "A", 0), rename(dialogue, "A", 2)
    assert (first.id, first.source, first.related) == ("A/x", "A", ("A/y",))
    assert (again.id, again.related) == ("A/x~3", ("A/y~3",))
    assert first.metadata == {"as_read": {"format": "llava", "head": "<image>"}, "source": "coco"}


# --- the command ---


def llava_file(path, count, *, text="Q", image="a.jpg", **more):
    rows = [
        {
            "id": number,
            "image": image,
            "conversations": [{"from": "human", "value": f"<image>\n{text}"}, {"from": "gpt", "value": f"A{number}"}],
        }
        | more
        for number in range(count)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([{key: value for key, value in row.items() if value is not None} for row in rows]))
    return path


def own_file(path, dialogues):
    jsonl.write(iter(dialogues), path, ExportOptions())
    return path


def own(identity, pictures=1, text="Q"):
    assets = tuple(Asset(id=f"image{number}", path=f"{number}.jpg") for number in range(pictures))
    turns = (Turn(role="user", text=text), Turn(role="assistant", text="A"))
    return Dialogue(id=identity, scene="s", turns=turns, assets=assets)


def mix(*arguments):
    return main(["mix", *map(str, arguments)])


def read_ids(path):
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def test_two_files_of_one_format(tmp_path, capsys):
    a, b = llava_file(tmp_path / "a.json", 4), llava_file(tmp_path / "b.json", 8)
    assert mix(a, b, "--out", tmp_path / "m.json") == 0
    rows = json.loads((tmp_path / "m.json").read_text())
    assert Counter(row["id"].partition("/")[0] for row in rows) == {"a": 4, "b": 8}
    assert len({row["id"] for row in rows}) == 12
    assert [row["id"] for row in rows] != sorted(row["id"] for row in rows)
    said = capsys.readouterr().err
    assert "a: 4 of 4 dialogues, 33.3% of the mixture" in said
    assert "mixed: 12 dialogues as llava" in said
    card = (tmp_path / "m.card.md").read_text()
    assert "12 dialogues with 12 questions and answers, in the format `llava`" in card
    assert "- a: 4 of 4 dialogues, 33.3% of the mixture" in card
    assert "| b | 8 |" in card
    assert str(tmp_path) not in card
    first = (tmp_path / "m.json").read_bytes()
    assert mix(a, b, "--out", tmp_path / "m.json") == 0
    assert (tmp_path / "m.json").read_bytes() == first
    assert mix(a, b, "--out", tmp_path / "m.json", "--seed", 1) == 0
    assert (tmp_path / "m.json").read_bytes() != first


def test_formats_are_mixed_and_weights_and_size_are_kept(tmp_path, capsys):
    a = llava_file(tmp_path / "a.json", 4)
    b = own_file(tmp_path / "b.jsonl", [own(f"d{number}") for number in range(16)])
    out = tmp_path / "m.jsonl"
    assert mix(a, b, "--out", out, "--to", "jsonl", "--weights", "sqrt", "--size", 15, "--json") == 0
    ids = read_ids(out)
    assert Counter(one[0] for one in ids) == {"a": 5, "b": 10}
    assert sum("~2" in one for one in ids) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "total": 15, "order": "mixed", "seed": 0,
        "datasets": [
            {"name": "a", "size": 4, "drawn": 5, "repeats": 1}, {"name": "b", "size": 16, "drawn": 10, "repeats": 0},
        ],
    }  # fmt: skip
    assert "each 1 time, 1 of them once more" in captured.err


@pytest.mark.parametrize(("order", "wanted"), [("sequential", "aabbbb"), ("batch", "babbab")])
def test_orders(tmp_path, order, wanted):
    a = own_file(tmp_path / "a.jsonl", [own("1"), own("2")])
    b = own_file(tmp_path / "b.jsonl", [own(name) for name in "wxyz"])
    assert mix(a, b, "--out", tmp_path / "m.jsonl", "--order", order) == 0
    ids = read_ids(tmp_path / "m.jsonl")
    assert "".join(one[0] for one in ids) == wanted
    for name, inside in (("a", "12"), ("b", "wxyz")):
        assert "".join(one.partition("/")[2] for one in ids if one[0] == name) == inside


def test_pictures_of_each_are_found_in_its_own_folder(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        (tmp_path / "pictures" / name / "a.jpg").write_bytes(b"\xff\xd8\xff")
    a, b = llava_file(tmp_path / "a.json", 1), llava_file(tmp_path / "b.json", 1)
    code = mix(
        a,
        b,
        "--out",
        tmp_path / "m.json",
        "--images",
        f"a={tmp_path}/pictures/a",
        "--images",
        f"b={tmp_path}/pictures/b",
    )
    assert code == 0
    assert {row["image"] for row in json.loads((tmp_path / "m.json").read_text())} == {"a/a.jpg", "b/a.jpg"}


def test_what_a_format_cannot_hold_is_refused(tmp_path, capsys):
    a = llava_file(tmp_path / "a.json", 3)
    b = own_file(tmp_path / "b.jsonl", [own("one"), own("two", pictures=2)])
    out = tmp_path / "m.json"
    assert mix(a, b, "--out", out, "--to", "llava") == 2
    assert not out.exists()
    said = capsys.readouterr().err
    assert "llava cannot hold the dialogue 'b/two'" in said
    assert "--leave-out" in said
    assert mix(a, b, "--out", out, "--to", "llava", "--leave-out") == 1
    assert len(json.loads(out.read_text())) == 4


def test_coordinates_in_different_conventions_are_refused(tmp_path, capsys):
    a = llava_file(tmp_path / "a.json", 2, text="What is <ref>the dog</ref><box>(100,200),(500,900)</box>?")
    b = llava_file(tmp_path / "b.json", 2, text="What is the dog [0.1, 0.2, 0.5, 0.9]?")
    assert mix(a, b, "--out", tmp_path / "m.json") == 2
    assert "in different conventions (a in qwen, b in unit" in capsys.readouterr().err
    assert mix(a, b, "--out", tmp_path / "m.json", "--any-boxes") == 0
    assert mix(a, a, "--out", tmp_path / "n.json") == 2
    assert "two datasets are called 'a'" in capsys.readouterr().err


def test_odd_rows_are_kept_aside_once(tmp_path, capsys):
    a = llava_file(tmp_path / "a.json", 2)
    rows = json.loads(a.read_text())
    a.write_text(json.dumps([*rows, {"id": "odd"}]))
    assert (
        mix(f"first={a}", f"second={llava_file(tmp_path / 'b.json', 2)}", "--out", tmp_path / "m.json", "--size", 8)
        == 1
    )
    assert "kept aside: 1" in capsys.readouterr().err
    ids = [row["id"] for row in json.loads((tmp_path / "m.json").read_text())]
    assert Counter(one.partition("/")[0] for one in ids) == {"first": 4, "second": 4}
    assert len(set(ids)) == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{a}", "{own}", "--out", "m.json"], "are of several formats: jsonl, llava"),
        (["{a}", "none.json", "--out", "m.json"], "cannot be read"),
        (["{a}", "--out", "{a}"], "is read and written in one"),
        (["{a}", "--out", "m.json", "--weights", "b=1"], "names no dataset"),
        (["{a}", "--out", "m.json", "--to", "nothing"], "there is no format 'nothing'"),
        (["{a}", "--out", "m.json", "--images", "nowhere"], "is no folder"),
        (["{a}", "x={a}", "--out", "m.json", "--images", "y=nowhere"], "is no folder"),
        (["{empty}", "--out", "m.json", "--from", "llava"], "holds no dialogue"),
    ],
)
def test_what_is_said_of_mistakes(tmp_path, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    files = {
        "a": llava_file(tmp_path / "a.json", 2),
        "own": own_file(tmp_path / "own.jsonl", [own("1")]),
        "empty": tmp_path / "empty.json",
    }
    files["empty"].write_text("[]")
    assert mix(*(one.format(**files) for one in arguments)) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "m.json").exists()
