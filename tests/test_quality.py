"""``syphus quality``, as people call it: what it finds in a dataset and in a run, what it writes, what it mends."""

import json
from pathlib import Path

import msgspec
import pytest
from folders import write_category

from syphus.cli.datasets import examination
from syphus.cli.datasets.examination import Examination, Subject
from syphus.cli.main import main
from syphus.errors import Exit
from syphus.quality.pairs import Pair, Rules
from syphus.quality.sets.examining import examine, make_ruling, pairs_of, rebuild
from syphus.quality.sets.foreign import check_foreign, stance_in_set
from syphus.quality.sets.scene_index import SceneIndex
from syphus.records import Asset, Dialogue, Scene, Turn, Verdict

GOOD = "A red bus waits at the stop while two men talk beside the door of a small shop."
ROWS = [
    ("good", "a.jpg", ["What waits at the stop?", GOOD]),
    ("again", "a.jpg", ["What waits at the stop?", GOOD]),
    ("leak", "b.jpg", ["What is on the table?", "Answer:  Based on the caption, a white cup is on the table.</s>"]),
    ("lost", "c.jpg", ["Where is the dog?", "I'm sorry, I cannot see the image."]),
    (
        "half",
        "d.jpg",
        ["What is the cat doing?", "It sleeps on the sofa.", "What is beside it?", "As an AI model, I cannot tell."],
    ),
    ("mail", "e.jpg", ["What does the sign say?", "It says ann.lee@mail.org in blue letters."]),
    ("choice", "f.jpg", ["Which?\nA. red\nB. blue", "C"]),
]


def row(identity, picture, said):
    turns = [{"from": ("human", "gpt")[at % 2], "value": text} for at, text in enumerate(said)]
    turns[0]["value"] = "<image>\n" + turns[0]["value"]
    return {"id": identity, "image": picture, "conversations": turns, "topic": identity[0]}


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set.json").write_text(json.dumps([*(row(*one) for one in ROWS), row("odd", "g.jpg", ["Who?"])]))
    return tmp_path


def call(*arguments) -> int:
    return main([str(argument) for argument in arguments])


def lines(file):
    return [json.loads(line) for line in Path(file).read_text().splitlines()]


def test_a_dataset_of_others_is_judged(folder, capsys):
    assert call("quality", "set.json", "--out", "out") == 1
    found = {
        (one["dialogue"], one["turn"], one["check"], one["code"], one["stance"]) for one in lines("out/verdicts.jsonl")
    }
    assert found >= {
        ("again", 0, "duplicate", "same_pair", "drop"),
        ("leak", 0, "leak", "source_word", "repair"),
        ("leak", 0, "placeholder", "token", "repair"),
        ("lost", 0, "refusal", "refusal", "repair"),
        ("half", 1, "refusal", "refusal", "repair"),
        ("mail", 0, "safety", "e_mail", "ask"),
        ("choice", 0, "choice", "no_right_option", "drop"),
    }
    assert not [one for one in found if one[0] == "good"]
    measures = json.loads(Path("out/measures.json").read_text())
    assert (measures["dialogues"], measures["pairs"], measures["pairs_refused"]) == (7, 8, 5)
    assert measures["rows_that_are_no_dialogues"] == {"the user has the last word": 1}
    assert measures["duplicates"]["pairs"]["exact"] == 1
    assert measures["not_checked"][0].startswith("7 dialogues of 7 without a scene (no scenes are given")
    assert "set.json" in Path("out/summary.md").read_text()
    said = capsys.readouterr().err
    assert "same_pair" in said
    assert "not done: 7 dialogues of 7 without a scene" in said
    assert "ann.lee" not in said


def test_what_rules_can_mend_is_mended_and_the_rest_left_out(folder, capsys):
    assert call("quality", "set.json", "--fix") == 1
    fixed = {one["id"]: one for one in json.loads(Path("set.fixed.json").read_text())}
    original = {one["id"]: one for one in json.loads(Path("set.json").read_text())}
    assert set(fixed) == {"good", "leak", "half", "mail"}
    assert fixed["good"] == original["good"]
    assert fixed["mail"] == original["mail"]  # a person decides
    assert fixed["leak"]["conversations"][1]["value"] == "A white cup is on the table."
    assert fixed["half"]["conversations"] == original["half"]["conversations"][:2]
    assert fixed["half"]["topic"] == "h"
    listed = lines("set.fixed.json.changes.jsonl")
    assert listed[0]["rules"] >= 1
    changed = next(one for one in listed if "changed" in one)
    assert changed["dialogue"] == "leak"
    assert changed["changed"]["answer"]["rules"] == ["token", "label", "based_on_source"]
    dropped = {
        (one["dialogue"], one["turn"]): [why["check"] for why in one["dropped"]] for one in listed if "dropped" in one
    }
    assert dropped == {
        ("again", 0): ["duplicate"],
        ("lost", 0): ["refusal"],
        ("half", 1): ["refusal"],
        ("choice", 0): ["choice"],
    }
    assert "mended: 4 dialogues as llava to set.fixed.json" in capsys.readouterr().err
    assert call("quality", "set.fixed.json", "--fix", "--out", "second") == 1  # the address of mail is still there
    assert json.loads(Path("second/set.fixed.fixed.json").read_text()) == list(fixed.values())


def test_nothing_to_be_done_is_zero(folder):
    (folder / "good.json").write_text(json.dumps([row(*ROWS[0])]))
    assert call("quality", "good.json") == 0


def test_scenes_are_found_by_picture_and_then_more_is_checked(folder):
    scene = {
        "id": "coco-7",
        "assets": [{"path": "val/COCO_val_000000000007.jpg", "width": 640, "height": 480}],
        "captions": [
            {"text": text} for text in ("Two giraffes graze in tall grass.", "Giraffes eat leaves on a plain.")
        ],
        "objects": [{"id": f"o{at}", "label": "giraffe", "box": [9 * at + 1, 9, 99, 99]} for at in range(2)],
    }
    (folder / "scenes.jsonl").write_text(json.dumps(scene) + "\n")
    answer = "A surfer in a black suit rides a huge blue wave near the beach, and people watch him from their colourful towels."
    rows = [
        row("x", "train/000000000007.jpg", ["What is happening?", answer]),
        row("y", "nowhere.jpg", ["What is happening?", GOOD]),
    ]
    (folder / "two.json").write_text(json.dumps(rows))
    assert call("quality", "two.json", "--scenes", "scenes.jsonl", "--out", "out") == 1
    assert ("x", "unrelated") in {(one["dialogue"], one["check"]) for one in lines("out/verdicts.jsonl")}
    measures = json.loads(Path("out/measures.json").read_text())
    assert measures["scenes"] == {"dialogues_with": 1, "dialogues_without": 1}
    assert "not among those given" in measures["not_checked"][0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("gone.json",), "gone.json"),
        (("empty.json",), "is empty"),
        (("set.json", "--scenes", "gone.jsonl"), "gone.jsonl"),
        (("set.json", "--scenes", "empty.json"), "empty.json: is empty"),
        (("set.json", "--scenes", "set.json"), "holds no scene"),
        (("set.json", "--images", "nowhere"), "is no folder"),
        (("set.json", "--out", "set.json"), "is a file"),
        (("set.json", "--from", "nothing"), "no format 'nothing'"),
        (("set.json", "--read-boxes", "nothing"), "nothing"),
    ],
)
def test_bad_input_is_an_error_that_says_what(folder, capsys, arguments, says):
    (folder / "empty.json").write_text("")
    assert call("quality", *arguments) == Exit.BAD_INPUT
    assert says in capsys.readouterr().err


def test_texts_with_anything_in_them_are_survived(folder):
    odd = [
        "<script>alert(1)</script> [red]",
        "a|b|c \u202e \x07 \ud800",
        "word " * 4000,
        "《" * 200,
        "[x](#o9)",
        "\\n",
        "0" * 400,
    ]
    rows = [row(f"r{at}", f"{at}.jpg", ["What is it?", text]) for at, text in enumerate(odd)]
    (folder / "odd.json").write_text(json.dumps(rows))
    assert call("quality", "odd.json", "--fix", "--out", "out") in {0, 1}
    assert "<script>" not in Path("out/summary.md").read_text()
    assert Path("out/measures.json").is_file()


def test_a_set_without_dialogues_is_said(folder, capsys):
    (folder / "none.json").write_text(json.dumps([row("odd", "g.jpg", ["Who?"])]))
    assert call("quality", "none.json") == 1
    assert "there is no dialogue in it" in capsys.readouterr().err


# -- a run


CATEGORY = """
ability = "perception"
[context]
blocks = ["captions"]
[[steps]]
kind = "template"
name = "talk"
text = "{{lists.answers}}"
[dialogue]
user = "What is on the picture?"
assistant = "{{talk.text}}"
[checks]
answer_words = [3, 40]
"""


@pytest.fixture
def run(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_category(tmp_path, "mine/plain", CATEGORY, {"system.md": None, "lists/answers.txt": f"{GOOD}\n"})
    scenes = [{"id": f"s{at}", "captions": [{"text": "A red bus waits at a stop; two men talk."}]} for at in range(4)]
    (tmp_path / "scenes.jsonl").write_text("".join(json.dumps(scene) + "\n" for scene in scenes))
    (tmp_path / "run.toml").write_text("""
categories = ["mine/plain"]
[run]
folder = "run"
[[sources]]
reader = "scenes"
name = "here"
path = "scenes.jsonl"
[model]
kind = "none"
""")
    assert call("generate", "run.toml") == 0
    return tmp_path / "run"


def test_a_run_is_judged_with_its_own_scenes_and_rules(run, capsys):
    code = call("quality", run, "--out", "out", "--fix")
    measures = json.loads(Path("out/measures.json").read_text())
    assert measures["scenes"] == {"dialogues_with": 4, "dialogues_without": 0}
    assert measures["not_checked"] == []
    assert measures["measures"]["balance"]["source"]["most"] == {"here": 4}
    assert measures["format"] == "run"
    found = {(one["check"], one["code"]) for one in lines("out/verdicts.jsonl")}
    assert found == {("duplicate", "same_pair")}  # no picture: the same words four times
    assert code == 1
    assert len(lines("out/fixed.jsonl")) == 1


def test_a_run_whose_sources_are_gone_is_judged_without_scenes(run, capsys):
    (run.parent / "scenes.jsonl").unlink()
    assert call("quality", run) == 1
    assert "the run's sources cannot be read again" in capsys.readouterr().err


def test_a_run_takes_no_scenes(run, capsys):
    assert call("quality", run, "--scenes", "scenes.jsonl") == Exit.BAD_INPUT
    assert "has its own scenes" in capsys.readouterr().err


# -- its parts


def dialogue(identity, *said, scene="s", assets=()):
    turns = tuple(Turn(role=("user", "assistant")[at % 2], text=text) for at, text in enumerate(said))
    return Dialogue(id=identity, scene=scene, turns=turns, assets=assets)


def test_other_processes_find_the_same(monkeypatch):
    dialogues = [
        dialogue(f"d{at}", "What is it?", f"It is thing number {at % 40} of the old town.") for at in range(90)
    ]
    subjects = [Subject(one, None, "") for one in dialogues]
    rulings = {"": make_ruling(Rules(), fix=True)}

    def examine_all(processes):
        examining = Examination(rulings, processes=processes)
        seen = list(examining.run(subjects))
        return seen, examining.measures.figures(examining.sample), examining.duplicates.figures()

    alone = examine_all(0)
    monkeypatch.setattr(examination, "BATCH", 20)
    monkeypatch.setattr(examination, "_ALONE", 1)
    assert examine_all(1) == alone
    assert [one.dialogue.id for one in alone[0]] == [one.id for one in dialogues]


def test_mending_is_checked_again_and_what_is_refused_then_is_left_out():
    one = dialogue("d", "What is it?", "Answer: It is a bus.", "And that?", "I'm sorry, I cannot see the image.")
    examined = examine(one, None, make_ruling(Rules(), fix=True))
    assert [judged.verdict.check for judged in examined.judged] == ["placeholder", "refusal"]
    assert [(mended.turn, mended.changes[0].rule) for mended in examined.mended] == [(0, "label")]
    assert [left.turn for left in examined.left] == [1]
    fixed = rebuild(one, examined.kept)
    assert fixed is not None
    assert [turn.text for turn in fixed.turns] == ["What is it?", "It is a bus."]
    assert rebuild(one, ()) is None
    assert rebuild(one, list(enumerate(pairs_of(one)))) is one


def test_categories_decide_on_stances():
    verdict = Verdict(check="duplicate", code="same_answer", message="")
    assert stance_in_set(verdict, {}) == "score"
    assert stance_in_set(Verdict(check="safety", code="slur", message=""), {}) == "ask"
    assert stance_in_set(Verdict(check="leak", code="source_word", message=""), {"leak": "drop"}) == "drop"
    assert stance_in_set(Verdict(check="empty", code="empty_answer", message=""), {}) == "drop"


@pytest.mark.parametrize(
    ("question", "answer", "code"),
    [
        ("Which?\nA. red\nB. Red", "A", "same_options"),
        ("Which?\nA. red\nB. blue", "A and B", "several_right_options"),
        ("Which?\nA. red\nB. blue", "green", "no_right_option"),
        ("Which?\nA. red\nB. blue", "It is the blue one.", None),
        ("Which?\nA. red\nB. blue", "B", None),
        ("What is <image> here?", "A bus.", "reserved"),
        ("What is here?", "A bus.", None),
    ],
)
def test_tokens_and_choices(question, answer, code):
    found = check_foreign([Pair(question, answer)], ("<image>",))
    assert [verdict.code for verdict in found] == ([code] if code else [])


@pytest.mark.parametrize(
    ("scene", "path", "is_found"),
    [
        ("a", "pictures/7.jpg", True),
        ("elsewhere", "pictures/COCO_val2014_000000000139.jpg", True),
        ("elsewhere", "other/COCO_val2014_000000000139.png", True),
        ("elsewhere", "000000000139.jpg", True),
        ("elsewhere", "twice.jpg", False),
        ("elsewhere", "data:image/png;base64,139", False),
        ("elsewhere", "nowhere.jpg", False),
    ],
)
def test_scenes_are_found_by_id_path_stem_or_number(scene, path, is_found):
    index = SceneIndex()
    index.add(Scene(id="a", source="x", assets=(Asset(path="pictures/COCO_val2014_000000000139.jpg"),)))
    index.add(Scene(id="b", assets=(Asset(path="one/twice.jpg"),)))
    index.add(Scene(id="c", assets=(Asset(path="two/twice.jpg"),), metadata={"big": 2**70}))
    asset = Asset(url=path) if path.startswith("data:") else Asset(path=path)
    found = index.find(dialogue("d", "a?", "b", scene=scene, assets=(asset,)))
    assert (found.id if found else None) == ("a" if is_found else None)
    assert index.ambiguous > 0
    if found:
        assert found.source == "x"


def test_a_scene_comes_back_as_it_was():
    index = SceneIndex()
    scene = Scene(id="c", metadata={"big": 2**70})
    index.add(scene)
    index.add(Scene(id="d", metadata={"a": 1}))
    assert index.find(dialogue("x", "a?", "b", scene="c")) == scene
    found = index.find(dialogue("x", "a?", "b", scene="d"))
    assert msgspec.to_builtins(found) == {"id": "d", "metadata": {"a": 1}}


def test_places_of_pictures_inside_a_text_are_no_broken_references():
    assets = (Asset(id="image", path="a.jpg"), Asset(id="image2", path="b.jpg"))
    one = dialogue("d", "What differs between [](#image) and [](#image2)?", "The second one is darker.", assets=assets)
    assert examine(one, None, make_ruling(Rules())).judged == ()
    unknown = dialogue("d", "Is [the bus](#o7) red?", "Yes, it is.", assets=assets)
    assert [one.verdict.code for one in examine(unknown, None, make_ruling(Rules())).judged] == ["unknown_id"]


def test_a_process_that_was_ended_is_an_error_and_no_traceback(monkeypatch):
    from concurrent.futures import Future
    from concurrent.futures.process import BrokenProcessPool

    from syphus.errors import InputError

    broken: Future = Future()
    broken.set_exception(BrokenProcessPool("gone"))
    with pytest.raises(InputError, match="ended from outside"):
        examination._result_of(broken)
