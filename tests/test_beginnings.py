"""Cold start and bootstrapping: replies that become demonstrations, and the draws among them."""

import json
from collections import Counter

import pytest
from folders import PAIRS, REPLY, demonstration, make_category
from test_cli import ROOT, syphus, write_config

from syphus.categories.category import Demonstration, Origin
from syphus.categories.load import Library, load_category
from syphus.categories.prompt import CategoryPrompts
from syphus.categories.shown import shown_to
from syphus.errors import InputError
from syphus.jobs.candidates import Candidate, choose_novel, compared_texts
from syphus.records import Dialogue, Scene, Turn
from syphus.rehearsal.replies import completion, good_text
from syphus.rehearsal.server import RehearsalServer

DRAWN = PAIRS + "[demonstrations]\ndraw = 2\naccepted = 1\ngroups = 4\n"


def many(number):
    return [
        demonstration(
            {"pairs": [{"question": f"Written {index}?", "answer": f"Word {index}."}]},
            id=f"demo{index}",
            captions=[{"text": "A dog."}],
        )
        for index in range(number)
    ]


def accepted(number):
    line = {"scene": {"id": "scene{}", "captions": [{"text": "A dog."}]}, "replies": {"talk": REPLY}}
    return "\n".join(json.dumps(line).replace("{}", str(index)) for index in range(number))


@pytest.fixture
def drawing(tmp_path):
    return make_category(tmp_path, toml=DRAWN, files={"accepted.jsonl": accepted(6)}, demonstrations=many(5))


def test_each_group_of_scenes_has_draws_of_its_own_and_the_same_each_time(drawing):
    shown = {number: shown_to(drawing, f"picture{number}", 7) for number in range(200)}
    kinds = Counter(tuple(one.file for one in demonstrations) for demonstrations in shown.values())
    assert 2 <= len(kinds) <= 4, "groups, so that a provider's cache holds their prefixes"
    for demonstrations in shown.values():
        assert [one.origin is None and one.file.endswith(".json") for one in demonstrations] == [True, True, False]
    assert shown == {number: shown_to(drawing, f"picture{number}", 7) for number in range(200)}
    assert shown != {number: shown_to(drawing, f"picture{number}", 8) for number in range(200)}


def test_a_scene_never_sees_its_own_reply(drawing):
    for seed in range(40):
        for number in range(6):
            assert all(one.scene.id != f"scene{number}" for one in shown_to(drawing, f"scene{number}", seed))


def test_the_prompt_holds_what_is_drawn_and_the_echo_check_knows_it(drawing):
    prompts = CategoryPrompts(drawing)
    for number in range(20):
        shown = shown_to(drawing, f"p{number}", 3)
        prefix = prompts.prefix(drawing.chat_steps[0], f"p{number}", 3)
        assert len(prefix) == 1 + 2 * len(shown)
        assert prompts.answers_shown(f"p{number}", 3) == tuple(
            pair["answer"] for one in shown for pair in one.replies["talk"]["pairs"]
        )


def test_without_the_table_all_are_shown_and_the_pool_is_not_even_read(tmp_path):
    plain = make_category(tmp_path, files={"accepted.jsonl": "broken"}, demonstrations=many(3))
    assert shown_to(plain, "x", 1) == plain.demonstrations


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "draws from a file that is not there"),
        ({"accepted.jsonl": ""}, "holds 0 replies, and 1 are drawn"),
        ({"accepted.jsonl": "{"}, "accepted.jsonl"),
    ],
)
def test_a_pool_that_is_no_pool(tmp_path, files, says):
    with pytest.raises(InputError, match=says):
        make_category(tmp_path, toml=DRAWN, files=files, demonstrations=many(3))


def candidate(number, *questions):
    pairs = [{"question": question, "answer": "Yes."} for question in questions]
    turns = tuple(Turn(role=role, text="x") for _ in pairs for role in ("user", "assistant"))
    return Candidate(
        item=str(number),
        scene=Scene(id=f"s{number}"),
        replies={"talk": {"pairs": pairs}},
        dialogues=(Dialogue(id="d", scene="s", turns=turns),),
        rejects=(),
        origin=Origin(category="c", model="m"),
        score=1,
    )


def test_the_pool_takes_what_is_new():
    known = [
        Demonstration(scene=Scene(id="k"), replies={"talk": {"pairs": [{"question": "Who sits there?", "answer": ""}]}})
    ]
    same = [candidate(number, "Who sits there now?", "What colour is the car?") for number in range(5)]
    other = candidate(9, "How many boats lie in the harbour?")
    chosen, alike = choose_novel([*same, other], known, number=10, bound=0.7, seed=1)
    assert other in chosen
    assert len(chosen) == 2, "one of those that are alike, for half of its questions are new"
    assert alike == 4
    assert choose_novel([*same, other], known, number=1, bound=0.7, seed=1)[0] == chosen[:1]
    near = candidate(8, "Who sits there right now?", "What colour is the cart?")
    assert choose_novel([same[0], near], known, number=9, bound=1, seed=1)[1] == 0, (
        "at 1, only the very same is too near"
    )


def test_texts_that_are_compared():
    assert compared_texts({"a": {"idea": "an [idea](#o1)"}}) == ["an idea"]
    assert compared_texts({"a": {"idea": "x"}, "b": {"pairs": [{"question": "Q?", "answer": "A"}]}}) == ["Q?"]


# -- as commands


def own_category(folder):
    """A copy of a category, without demonstrations, as a user has it who has just written the system message."""
    import shutil

    shutil.copytree(ROOT / "seeds/llava/conversation", folder / "seeds/mine/shops")
    shutil.rmtree(folder / "seeds/mine/shops/demonstrations")


def test_a_cold_start_shows_the_best_and_writes_what_is_accepted(tmp_path, server: RehearsalServer) -> None:
    own_category(tmp_path)
    command = ("coldstart", "mine/shops", "--scenes", ROOT / "examples/scenes.jsonl", "--n", "4")
    flags = ("--model", "m", "--base-url", server.url)
    first = syphus(*command, *flags, cwd=tmp_path, key="k")
    assert first.returncode == 0, first.stderr
    assert "none was taken" in first.stderr
    assert {len(call["messages"]) for call in server.calls} <= {1, 2, 4}, (
        "no demonstrations; the probe is one, a repair four"
    )
    asked = len(server.calls)
    second = syphus(*command, *flags, "--accept", "1,2", cwd=tmp_path, key="k")
    assert second.returncode == 0, second.stderr
    assert len(server.calls) == asked, "what was paid for is there"
    files = sorted((tmp_path / "seeds/mine/shops/demonstrations").iterdir())
    assert [file.name[:3] for file in files] == ["01-", "02-"]
    record = json.loads(files[0].read_text())
    assert record["origin"]["model"] == "scripted-1"
    category = load_category("mine/shops", Library.at(tmp_path))
    assert category.demonstrations[0].origin.requests
    assert category.demonstrations[0].replies["dialogue"]["pairs"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ((), "give either --scenes FILE or --config FILE"),
        (("--scenes", ROOT / "examples/scenes.jsonl", "--accept", "9"), "names no replies"),
        (("--scenes", "nowhere.jsonl"), "nowhere.jsonl"),
    ],
)
def test_a_cold_start_that_cannot_be(tmp_path, server: RehearsalServer, more, says) -> None:
    own_category(tmp_path)
    done = syphus("coldstart", "mine/shops", "--model", "m", "--base-url", server.url, *more, cwd=tmp_path, key="k")
    assert done.returncode == 2
    assert says in done.stderr


def ask_anew(body, number):
    """The rehearsal's reply, with questions that no other call has had: its own are much alike, and a pool takes none twice."""
    reply = json.loads(good_text(body))
    if "pairs" not in reply:  # the probe
        return None
    for index, pair in enumerate(reply["pairs"]):
        pair["question"] = f"What do you see {number} steps from corner {index}?"
    return completion(json.dumps(reply))


def test_accepted_replies_are_drawn_in_the_next_run(tmp_path, server: RehearsalServer) -> None:
    server.script = ask_anew
    own_category(tmp_path)
    config = write_config(tmp_path, server.url, categories='"mine/shops"')
    assert syphus("generate", config, cwd=tmp_path, key="k").returncode == 0
    done = syphus("bootstrap", "run", "--category", "mine/shops", "--novelty", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    pool = (tmp_path / "seeds/mine/shops/accepted.jsonl").read_text().splitlines()
    assert len(pool) >= 2
    toml = tmp_path / "seeds/mine/shops/category.toml"
    toml.write_text(toml.read_text() + "\n[demonstrations]\naccepted = 2\ngroups = 3\n")
    before = len(server.calls)
    assert syphus("generate", config, cwd=tmp_path, key="k").returncode == 0
    new = server.calls[before:]
    assert new
    assert {len(call["messages"]) for call in new} <= {6, 8}, "two accepted replies stand before each scene"
    fewer = syphus("bootstrap", "run", "--category", "mine/shops", "--novelty", "0.7", "--out", "x.jsonl", cwd=tmp_path)
    assert "passed over as too like another" in fewer.stderr
    wrong = syphus("bootstrap", "run", "--category", "mine/shops", "--novelty", "7", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "more than 0 and at most 1" in wrong.stderr
    unknown = syphus("bootstrap", "run", "--category", "llava/detail", cwd=tmp_path)
    assert unknown.returncode == 2
    assert "the run has no category" in unknown.stderr


def test_it_is_told_which_demonstration_came_back(tmp_path, server: RehearsalServer) -> None:
    shown = load_category("llava/conversation", Library.at(ROOT)).demonstrations
    answers = [pair for one in shown for pair in one.replies["dialogue"]["pairs"] if len(pair["answer"].split()) > 12]
    reply = json.dumps({"pairs": [answers[0]] * 3})
    server.script = lambda body, number: None if number == 0 else completion(reply)
    config = write_config(tmp_path, server.url, categories='"llava/conversation"')
    done = syphus("generate", config, cwd=tmp_path, key="k")
    file = next(one.file for one in shown if answers[0] in one.replies["dialogue"]["pairs"])
    assert f"demonstrations that came back: llava/conversation/{file} (" in done.stderr
