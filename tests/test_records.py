"""The records: what they accept, what they refuse and how they say it, and their published schema."""

import json
import re

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syphus.cli.check import scene_schema
from syphus.records import (
    Asset,
    Caption,
    Dialogue,
    Keypoint,
    Object,
    OcrLine,
    Question,
    Region,
    Relation,
    Scene,
    Segment,
    Turn,
)

SCHEMA = json.loads(scene_schema())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
NAME_PATTERN = SCHEMA["$defs"]["Scene"]["properties"]["id"]["pattern"]

GOOD_NAMES = ["a", "000000121647", "o1", "train/a.jpg", "Bäume", "图片", "a'b\"c", "{x}", "a:b;c|d", "-", "."]
BAD_NAMES = [
    "",
    " ",
    "a b",
    "a\n",
    "\na",
    "a\r\n",
    "a\u2028",
    "a\u00a0b",
    "[a",
    "a]",
    "(",
    ")",
    "a,b",
    "#a",
    "a\x00",
    "a\x1b[0m",
    "\x7f",
]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_names_that_are_good(name):
    assert msgspec.convert({"id": name}, Scene).id == name
    assert VALIDATOR.is_valid({"id": name})


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_are_not(name):
    with pytest.raises(msgspec.ValidationError, match=r"\$.id"):
        msgspec.convert({"id": name}, Scene)
    assert not VALIDATOR.is_valid({"id": name})


def test_the_pattern_of_names_says_the_same_in_other_dialects():
    # ECMA has no \A, \Z or inline flags; and its `$` does not match before a line end, which Python's does.
    assert not re.search(r"\\[AZz]|\(\?[a-zA-Z#P]", NAME_PATTERN)
    strict = re.compile(NAME_PATTERN.removesuffix("$") + r"\Z")
    for name in filter(None, (*GOOD_NAMES, *BAD_NAMES)):
        assert bool(strict.search(name)) == bool(re.search(NAME_PATTERN, name))


def thing(**kwargs):
    return {"id": "o1", "label": "dog", **kwargs}


SIZED = [{"id": "image", "width": 100, "height": 50}]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"objects": [thing(box=[5, 0, 1, 9])]}, r"object o1: box \[5.0, 0.0, 1.0, 9.0\] is not x1 < x2"),
        ({"objects": [thing(box=[1, 9, 5, 9])]}, r"object o1: box"),
        ({"regions": [{"id": "r1", "text": "x", "box": [5, 0, 1, 9]}]}, r"region r1: box"),
        ({"ocr": [{"text": "STOP", "box": [5, 9, 6, 1]}]}, r"text line 'STOP': box"),
        ({"assets": SIZED * 2}, r"scene s: the id 'image' is given twice"),
        ({"objects": [thing(), thing()]}, r"scene s: the id 'o1' is given twice"),
        ({"objects": [thing()], "regions": [{"id": "o1", "text": "x"}]}, r"scene s: the id 'o1' is given twice"),
        ({"objects": [thing(id="image")], "assets": SIZED}, r"scene s: the id 'image' is given twice"),
        ({"captions": [{"text": "x", "asset": "b"}], "assets": SIZED}, r"scene s: there is no asset 'b'"),
        ({"segments": [{"start": 0, "end": 1, "asset": "b"}]}, r"scene s: there is no asset 'b'"),
        ({"segments": [{"start": 2, "end": 1}]}, r"segment ends at 1.0 s, before it starts at 2.0 s"),
        (
            {"objects": [thing()], "relations": [{"subject": "o1", "predicate": "on", "object": "o2"}]},
            r"relation names 'o2'",
        ),
        ({"objects": [thing(box=[0, 0, 102, 50])], "assets": SIZED}, r"of 'o1' leaves the frame of 100 x 50"),
        ({"ocr": [{"text": "STOP", "box": [-2, 0, 5, 5]}], "assets": SIZED}, r"of 'STOP' leaves the frame"),
        ({"regions": [{"id": "r", "text": "x", "box": [0, 0, 5, 52]}], "assets": SIZED}, r"of 'r' leaves the frame"),
        ({"assets": [{"path": "/etc/a.jpg"}]}, r"asset image: path '/etc/a.jpg' must be relative"),
        ({"assets": [{"path": "C:/a.jpg"}]}, r"asset image: path 'C:/a.jpg' must be relative"),
        ({"assets": [{"width": 0}]}, r"`int` >= 1 - at `\$.assets\[0\].width`|> 0"),
        ({"objects": [thing(score=1.5)]}, r"<= 1.0 - at `\$.objects\[0\].score`"),
        ({"captions": [{"text": ""}]}, r"length >= 1 - at `\$.captions\[0\].text`"),
        ({"objcts": []}, r"unknown field `objcts`"),
    ],
)
def test_what_a_scene_refuses(fields, message):
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.json.decode(json.dumps({"id": "s", **fields}), type=Scene)


@pytest.mark.parametrize(
    "fields",
    [
        {"objects": [thing(box=[-1, -1, 101, 51])], "assets": SIZED},  # annotation tools round
        {"objects": [thing(box=[0, 0, 900, 900])]},  # no frame is known
        {"objects": [thing(box=[0, 0, 900, 900], asset="b")], "assets": [*SIZED, {"id": "b"}]},
        {"segments": [{"start": 1, "end": 1}]},
        {"regions": [{"id": "r", "text": "x"}], "relations": [{"subject": "r", "predicate": "on", "object": "r"}]},
    ],
)
def test_what_a_scene_accepts(fields):
    msgspec.json.decode(json.dumps({"id": "s", **fields}), type=Scene)
    VALIDATOR.validate({"id": "s", **fields})


def test_a_box_is_held_against_the_frame_of_its_own_asset():
    assets = [{"id": "a", "width": 10, "height": 10}, {"id": "b", "width": 99, "height": 99}]
    with pytest.raises(msgspec.ValidationError, match="frame of 10 x 10"):
        msgspec.convert({"id": "s", "assets": assets, "objects": [thing(box=[0, 0, 50, 50])]}, Scene)
    scene = msgspec.convert({"id": "s", "assets": assets, "objects": [thing(box=[0, 0, 50, 50], asset="b")]}, Scene)
    assert scene.asset_of(scene.objects[0]).id == "b"


def test_what_belongs_to_no_asset_belongs_to_the_first():
    scene = Scene(
        id="s", assets=(Asset(id="a"), Asset(id="b")), captions=(Caption(text="x"), Caption(text="y", asset="b"))
    )
    assert [scene.asset_of(caption).id for caption in scene.captions] == ["a", "b"]
    assert Scene(id="s").asset_of(Caption(text="x")) is None


@pytest.mark.parametrize(
    ("roles", "good"),
    [
        (["user", "assistant"], True),
        (["user", "assistant"] * 3, True),
        ([], False),
        (["user"], False),
        (["assistant", "user"], False),
        (["user", "user", "assistant", "assistant"], False),
        (["user", "assistant", "user"], False),
    ],
)
def test_turns_alternate(roles, good):
    turns = tuple(Turn(role=role, text="x") for role in roles)
    if good:
        assert Dialogue(id="d", scene="s", turns=turns).turns == turns
    else:
        with pytest.raises(ValueError, match="dialogue d: turns must alternate"):
            Dialogue(id="d", scene="s", turns=turns)


def test_values_are_frozen_and_defaults_are_not_written():
    scene = Scene(id="s")
    with pytest.raises(AttributeError):
        scene.id = "t"
    assert msgspec.json.encode(scene) == b'{"id":"s"}'


def test_the_published_schema_is_a_schema_and_refuses_what_the_record_refuses():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for bad in (
        {},
        {"id": "s", "objcts": []},
        {"id": "s", "objects": [{"id": "o"}]},
        {"id": "s", "objects": [thing(box=[1, 2, 3])]},
        {"id": "s", "objects": [thing(score=2)]},
        {"id": "s", "assets": [{"kind": "photo"}]},
    ):
        assert not VALIDATOR.is_valid(bad), bad


def test_the_examples_are_scenes_by_record_and_by_schema(root):
    lines = (root / "examples" / "scenes.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines
    for line in lines:
        VALIDATOR.validate(json.loads(line))
        scene = msgspec.json.decode(line, type=Scene)
        assert json.loads(msgspec.json.encode(scene)) == json.loads(line)


# Texts as they come: every script, signs and spaces, but no halves of surrogate pairs, which are no characters.
texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
names = st.text(st.sampled_from("abcäß图01-_./:"), min_size=1, max_size=6)
numbers = st.floats(0, 99, allow_nan=False).map(lambda value: round(value, 3))


@st.composite
def boxes(draw):
    (x1, x2), (y1, y2) = (sorted(draw(st.lists(numbers, min_size=2, max_size=2, unique=True))) for _ in "xy")
    return (x1, y1, x2, y2)


@st.composite
def scenes(draw):
    ids = draw(st.lists(names, min_size=6, max_size=6, unique=True))
    assets = tuple(
        Asset(id=ids[index], width=100, height=100, title=draw(st.none() | texts))
        for index in range(draw(st.integers(0, 2)))
    )
    some_asset = st.sampled_from([None, *(asset.id for asset in assets)])
    maybe_box = st.none() | boxes()
    objects = tuple(
        Object(
            id=identity,
            label=draw(texts),
            box=draw(maybe_box),
            asset=draw(some_asset),
            attributes=tuple(draw(st.lists(texts, max_size=2))),
            keypoints=tuple(
                Keypoint(name=draw(texts), x=draw(numbers), y=draw(numbers)) for _ in range(draw(st.integers(0, 1)))
            ),
            score=draw(st.none() | st.floats(0, 1)),
            crowd=draw(st.booleans()),
        )
        for identity in ids[2 : 2 + draw(st.integers(0, 3))]
    )
    regions = tuple(Region(id=ids[5], text=draw(texts), box=draw(maybe_box)) for _ in range(draw(st.integers(0, 1))))
    named = [one.id for one in (*objects, *regions)]
    ends = st.sampled_from(named or ["x"])
    relations = tuple(
        Relation(subject=draw(ends), predicate=draw(texts), object=draw(ends)) for _ in range(bool(named))
    )
    return Scene(
        id=draw(names),
        source=draw(texts),
        assets=assets,
        captions=tuple(Caption(text=text, asset=draw(some_asset)) for text in draw(st.lists(texts, max_size=3))),
        objects=objects,
        regions=regions,
        relations=relations,
        segments=tuple(
            Segment(start=1.0, end=2.5, text=text, columns={text: text}) for text in draw(st.lists(texts, max_size=1))
        ),
        ocr=tuple(OcrLine(text=text, box=draw(maybe_box)) for text in draw(st.lists(texts, max_size=1))),
        questions=tuple(Question(question=text, answers=(text, "")) for text in draw(st.lists(texts, max_size=1))),
        prose=tuple(draw(st.lists(texts, max_size=2))),
        metadata=draw(
            st.dictionaries(texts, st.none() | st.booleans() | st.integers(-(2**63), 2**63) | texts, max_size=2)
        ),
    )


@given(scenes())
def test_a_scene_comes_back_from_json_as_it_was(scene):
    encoded = msgspec.json.encode(scene)
    assert msgspec.json.decode(encoded, type=Scene) == scene
    assert msgspec.json.encode(msgspec.json.decode(encoded, type=Scene)) == encoded
    VALIDATOR.validate(json.loads(encoded))
