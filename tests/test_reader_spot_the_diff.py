"""The Spot-the-Diff reader: the real validation file where it is, hand-written ones for what it does not have."""

import json
import os
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syphus.annotations.several import spot_the_diff
from syphus.errors import InputError
from syphus.records import Scene

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not (DATA / "spot_the_diff").is_dir(), reason=f"the real annotation files are not in {DATA}")


def read(path, content=None, **options):
    """The scenes, which must decode as scenes again, and the problems."""
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    problems = []
    scenes = list(spot_the_diff.read(spot_the_diff.Options(path=path, **options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


@real
def test_all_of_the_real_file():
    file = DATA / "spot_the_diff/val.json"
    scenes, problems = read(file)
    truth = json.loads(file.read_text())
    said = {}
    for record in truth:
        said.setdefault(record["img_id"], []).append([text for text in map(str.strip, record["sentences"]) if text])
    assert [scene.id for scene in scenes] == list(said)
    for scene in scenes:
        back = [[scene.prose[index] for index in indices] for indices in scene.metadata["annotators"]]
        assert back == [[" ".join(text.split()) for text in texts] for texts in said[scene.id]]
        assert len(set(scene.prose)) == len(scene.prose) > 0
        assert [asset.path for asset in scene.assets] == [f"{scene.id}.png", f"{scene.id}_2.png"]
    empty = [problem for problem in problems if "is empty" in problem.message]
    assert (len(empty), len(problems), [problem.lost for problem in problems]) == (6, 6, [False] * 6)
    same = {scene.id for scene in scenes if scene.metadata.get("differences") == 0}
    assert same == set("8069 10782 14004 13818 13636 13882 13267 14692 14310 14542 14367".split())


def test_annotators_of_a_pair_make_one_scene(tmp_path):
    content = [
        {"img_id": "7", "sentences": ["the car  is gone", "a man came"]},
        {"img_id": "8", "sentences": ["x"]},
        {"img_id": 7, "sentences": ["a man came", "it is darker\n"]},
    ]
    (first, _), problems = read(tmp_path / "x.json", content, suffix=".jpg")
    assert first.prose == ("the car is gone", "a man came", "it is darker")
    assert first.metadata == {"img_id": "7", "annotators": [[0, 1], [1, 2]]}
    assert [(asset.id, asset.path, asset.title) for asset in first.assets] == [
        ("first", "7.jpg", "the first picture"),
        ("second", "7_2.jpg", "the second picture"),
    ]
    assert problems == []


@pytest.mark.parametrize(
    ("sentence", "nothing"),
    [
        ("there is no difference", True),
        ("There is no difference between the two pictures.", True),
        ("i see no difference", True),
        ("No visible changes", True),
        ("the two images are identical", True),
        ("both pictures appear the same", True),
        ("there is nothing different about either picture", True),
        ("None", True),
        ("nothing has changed here", True),
        ("there is no difference in the frame other than the stance of the people in this frame", False),
        ("the people have moved around a bit but are still the same in number", False),
        ("there is no car on the road in photo 2", False),
        ("nothing is on the road", False),
        ("the same people are in the group only they have moved", False),
        ("no one on steps", False),
        ("", False),
    ],
)
def test_sentences_that_say_nothing_differs(sentence, nothing):
    assert spot_the_diff.says_nothing_differs(sentence) == nothing


@pytest.mark.parametrize(
    ("sentences", "prose", "differences", "problems"),
    [
        ([""], (spot_the_diff.NOTHING_DIFFERS,), 0, [False]),
        ([], (spot_the_diff.NOTHING_DIFFERS,), 0, []),
        (["no difference", ""], ("no difference",), 0, [False]),
        (["no difference", "a car left"], ("no difference", "a car left"), None, []),
        (["a car left", 5, None], ("a car left",), None, [True, True]),
        ([5], None, None, [True]),
        (["", {}], None, None, [False, True]),
    ],
)
def test_what_the_sentences_of_a_pair_may_be(tmp_path, sentences, prose, differences, problems):
    scenes, found = read(tmp_path / "x.json", [{"img_id": "1", "sentences": sentences}])
    assert [scene.prose for scene in scenes] == ([] if prose is None else [prose])
    assert [scene.metadata.get("differences") for scene in scenes] == ([] if prose is None else [differences])
    assert [problem.lost for problem in found] == problems


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"img_id": "../1", "sentences": ["a"]}, "leads out of the picture folder"),
        ({"img_id": "/1", "sentences": ["a"]}, "outside the picture folder"),
        ({"img_id": "c:1", "sentences": ["a"]}, "outside the picture folder"),
        ({"img_id": None, "sentences": ["a"]}, "got `null`"),
        ({"img_id": "1"}, "missing required field `sentences`"),
        ({"img_id": "1", "sentences": "a"}, "Expected `array`"),
        (5, "Expected `object`"),
    ],
)
def test_a_bad_record_costs_itself(tmp_path, record, says):
    scenes, problems = read(tmp_path / "x.json", [record, {"img_id": "2", "sentences": ["b"]}])
    assert [scene.id for scene in scenes] == ["2"]
    assert len(problems) == 1
    assert says in problems[0].message
    assert problems[0].place.startswith("[0]")
    assert problems[0].lost


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"{}", "is an object, not a list of `img_id`"),
        (b'"x"', "is a text"),
        (b'{"images": [], "annotations": []}', 'is a COCO file\n.*`reader = "coco"`'),
        (b'[{"image": "a.jpg", "caption": "x"}]', 'is a file of pairs\n.*"pairs"'),
        (b'[{"name": "a.jpg"}]', "has no record with `img_id` and `sentences`; its keys: 'name'"),
        (b'[{"img_id": "1", "sentences": ["a"]}, {"img_', "the end is missing"),
        (b'[{"img_id": "1", "sentences": ["caf\xe9"]}]', "is not UTF-8"),
        (b"[" * 90_000, "nested too deeply"),
    ],
)
def test_what_is_no_such_file(tmp_path, content, says):
    with pytest.raises(InputError, match=says) as caught:
        read(tmp_path / "x.json", content)
    assert str(caught.value).startswith(str(tmp_path / "x.json"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    records=st.lists(
        st.fixed_dictionaries(
            {
                "img_id": st.sampled_from(["1", "2", 3, "../4"]),
                "sentences": st.lists(
                    st.sampled_from(["a", "b", " a ", "", "\n", "no difference", 4, None]), max_size=4
                ),
            }
        ),
        max_size=6,
    )
)
def test_no_sentence_is_lost_in_silence(tmp_path, records):
    scenes, problems = read(tmp_path / "x.json", records)
    used = Counter(len(texts) for scene in scenes for texts in scene.metadata["annotators"])
    sentences = sum(len(record["sentences"]) for record in records if record["img_id"] != "../4")
    reported = sum("sentence " in problem.message for problem in problems)
    outside = sum(problem.message.startswith("the path") for problem in problems)
    inside = sum(
        len(record["sentences"]) - sum(isinstance(one, str) and bool(one.strip()) for one in record["sentences"])
        for record in records
        if record["img_id"] == "../4"
    )
    assert sum(size * count for size, count in used.items()) + reported - inside == sentences
    kept = [record for record in records if record["img_id"] == "../4"]
    lost = [r for r in kept if any(isinstance(s, str) and s.strip() for s in r["sentences"])]
    assert len(lost) <= outside <= len(kept)
