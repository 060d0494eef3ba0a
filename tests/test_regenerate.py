"""``syphus regenerate`` and ``syphus diff``, against the rehearsal server: what is asked, what stays, what is said."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from folders import write_category

from syphus.cli.diff import clean
from syphus.cli.main import main
from syphus.cli.runs import work
from syphus.endpoints import probe
from syphus.endpoints.wire import Abilities
from syphus.errors import Exit, InputError
from syphus.ledger.store import LEDGER_FILE
from syphus.rehearsal.replies import Answer, completion, error
from syphus.rehearsal.server import RehearsalServer

ROOT = Path(__file__).parents[1]
SCENES = 6
TOML = """
ability = "perception"
[context]
blocks = ["captions"]
[[steps]]
kind = "chat"
name = "talk"
pairs = [1, 2]
[dialogue]
pairs = "talk"
[checks]
extra_leaks = []
"""
STRICT = 'extra_leaks = ["mill"]'
"""The good replies all speak of the mill."""


def demonstration(thing: str) -> dict:
    pair = {"question": f"Where does the {thing} lie?", "answer": f"The {thing} lies in the sun before the door."}
    return {
        "scene": {"id": f"shown-{thing}", "captions": [{"text": f"A {thing} lies before a door."}]},
        "reply": {"pairs": [pair]},
    }


def make_project(folder: Path, url: str, *, categories: tuple[str, ...] = ("mine/first", "mine/second")) -> Path:
    for name in ("mine/first", "mine/second"):
        write_category(
            folder, name, TOML, {"system.md": f"Talk as {name} would."}, [demonstration("dog"), demonstration("cat")]
        )
    scenes = [
        {
            "id": f"s{number}",
            "assets": [{"path": f"{number}.jpg"}],
            "captions": [{"text": f"A brown horse with {number} carts waits at the old mill."}],
        }
        for number in range(SCENES)
    ]
    (folder / "scenes.jsonl").write_text("".join(json.dumps(scene) + "\n" for scene in scenes))
    config = folder / "run.toml"
    config.write_text(f"""
categories = {json.dumps(list(categories))}
[run]
folder = "run"
[[sources]]
reader = "scenes"
name = "here"
path = "scenes.jsonl"
[model]
kind = "openai"
name = "m"
base_url = "{url}"
schema_mode = "json_schema"
concurrency = 1
attempts = 1
price_in = 10.0
price_out = 100.0
[overrides.all]
repairs = 0
[[export]]
format = "jsonl"
path = "out.jsonl"
""")
    return config


def rows(folder: Path, where: str = "1", table: str = "outcomes") -> list[tuple]:
    with sqlite3.connect(folder / "run" / LEDGER_FILE) as db:
        return db.execute(f"SELECT * FROM {table} WHERE {where} ORDER BY 1").fetchall()


def exported(folder: Path) -> list[str]:
    return [json.loads(line)["id"] for line in (folder / "run/out.jsonl").read_text().splitlines()]


@pytest.fixture
def project(tmp_path: Path, server: RehearsalServer) -> Path:
    """A finished run of two categories, six scenes each; the server's calls are counted from here."""
    assert main(["generate", str(make_project(tmp_path, server.url))]) == 0
    assert len(server.calls) == 2 * SCENES
    server.calls.clear()
    return tmp_path


def regenerate(folder: Path, *arguments: str, yes: bool = True) -> int:
    return main(["regenerate", str(folder / "run"), *arguments, *(["--yes"] if yes else [])])


def different(server: RehearsalServer, word: str) -> None:
    """From now on each reply says something that no other does."""
    pair = {"question": "What waits at the old mill?", "answer": "A brown horse waits there, and {} carts with it."}

    def script(_: dict, number: int) -> dict:
        return completion(json.dumps({"pairs": [{**pair, "answer": pair["answer"].format(f"{word}{number}")}]}))

    server.script = script


def edit_checks(folder: Path, name: str, old: str, new: str) -> None:
    file = folder / "seeds" / name / "category.toml"
    file.write_text(file.read_text().replace(old, new))


# -- what has changed is asked again, and nothing else


def test_one_changed_demonstration_asks_its_category_again_and_leaves_every_other_row_as_it_was(
    project: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    before, order = rows(project), exported(project)
    requests, attempts = rows(project, table="requests"), rows(project, table="attempts")
    changed = project / "seeds/mine/second/demonstrations/1.json"
    changed.write_text(changed.read_text().replace("in the sun", "in the shade"))
    capsys.readouterr()
    assert regenerate(project, "--category", "mine/second") == 0
    said = capsys.readouterr().err
    assert "6 of 12 items of the run, about $" in said
    assert "the rest untouched" in said
    assert f"as they stand now beside {project / 'run.toml'}" in said

    assert len(server.calls) == SCENES
    assert all("Talk as mine/second" in body["messages"][0]["content"] for body in server.calls)
    assert all("in the shade" in json.dumps(body["messages"]) for body in server.calls)
    after = rows(project)
    assert after[: len(before)] == before, "no row that was there has changed, the old generation's neither"
    assert len(after) == len(before) + SCENES
    assert rows(project, table="requests")[: len(requests)] == requests
    assert rows(project, table="attempts")[: len(attempts)] == attempts
    assert exported(project) == order, "regenerated dialogues stand where their forerunners stood"

    server.calls.clear()
    assert main(["generate", str(project / "run.toml")]) == 0
    assert not server.calls
    assert rows(project) == after, "generate finds it all done"


def test_the_price_in_the_plan_is_what_the_work_costs(
    project: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    system = project / "seeds/mine/first/system.md"
    system.write_text("Talk as somebody else would.")
    spent = server.tokens_in * 10 + server.tokens_out * 100
    assert regenerate(project, "--category", "mine/first") == 0
    dollars = (server.tokens_in * 10 + server.tokens_out * 100 - spent) / 1e6
    plan = next(line for line in capsys.readouterr().err.splitlines() if "of 12 items" in line)
    low, high = (float(text.strip("($)")) for text in plan.partition("(")[2].partition(")")[0].split(" … "))
    assert 0 < low <= dollars <= high


def test_changed_checks_read_the_stored_replies_again_and_send_nothing(
    project: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_checks(project, "mine/first", "extra_leaks = []", STRICT)
    capsys.readouterr()
    assert regenerate(project, "--category", "mine/first") == 0
    said = capsys.readouterr().err
    assert not server.calls
    assert "6 of 12 items of the run, nothing to send: what is stored is read again" in said
    new = rows(project, "generation = 2")
    assert len(new) == SCENES
    assert "refused parts: leak: source_word (" in said
    assert exported(project) == [f"here/s{number}/mine/second" for number in range(SCENES)]

    edit_checks(project, "mine/first", STRICT, "extra_leaks = []")
    assert regenerate(project, "--rejected", "leak") == 0
    assert not server.calls, "what was refused by a check that no longer does needs no other reply"
    assert len(exported(project)) == 2 * SCENES


def test_nothing_changed_is_said_and_redraw_named(
    project: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rows(project)
    capsys.readouterr()
    assert regenerate(project, "--category", "mine/*") == 0
    said = capsys.readouterr().err
    assert "nothing has changed: 12 items" in said
    assert "--redraw" in said
    assert not server.calls
    assert rows(project) == before


@pytest.mark.parametrize(
    ("old", "new", "categories"),
    [
        ('schema_mode = "json_schema"', "", ("mine/first", "pairs/caption")),
        ('schema_mode = "json_schema"', 'extra = {top_k = 3}\nprompt_cache = "key"\nseed = 4', ("mine/first",)),
        ('kind = "openai"', 'kind = "none"', ("pairs/caption",)),
    ],
    ids=["probed", "more settings", "no model"],
)
def test_nothing_has_changed_right_after_generate_whatever_the_model(
    tmp_path: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str], old: str, new: str, categories: tuple
) -> None:
    config = make_project(tmp_path, server.url, categories=categories)
    config.write_text(config.read_text().replace(old, new))
    assert main(["generate", str(config)]) == 0
    server.calls.clear()
    assert regenerate(tmp_path) == 0
    assert f"nothing has changed: {SCENES * len(categories)} items" in capsys.readouterr().err
    assert not server.calls


def test_the_same_model_at_another_address_is_not_paid_again(
    tmp_path: Path, server: RehearsalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenAI's own address wants another name for the limit of tokens than all others, and the name is a part of the key."""
    config = make_project(tmp_path, server.url)
    config.write_text(config.read_text().replace('schema_mode = "json_schema"', ""))
    with monkeypatch.context() as patched:
        patched.setattr(probe, "first_guess", lambda _: Abilities(schema_mode="json_schema"))
        assert main(["generate", str(config)]) == 0
    assert "max_completion_tokens" in server.calls[-1]
    with RehearsalServer() as other:
        assert main(["generate", str(config), "--base-url", other.url]) == 0
        assert len(other.calls) == 1, "the probe"


def test_a_changed_scene_is_asked_about_again(project: Path, server: RehearsalServer) -> None:
    scenes = project / "scenes.jsonl"
    scenes.write_text(scenes.read_text().replace("with 3 carts", "with 33 carts"))
    before = rows(project, "scene != 'here/s3'")
    assert regenerate(project, "--category", "mine/second") == 0
    assert len(server.calls) == 1
    assert "33 carts" in server.calls[0]["messages"][-1]["content"]
    assert rows(project, "scene != 'here/s3'") == before, "what was looked at and stands keeps its place too"


# -- the plan comes first


def test_without_yes_and_without_a_terminal_there_is_only_the_plan(
    project: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (project / "run" / LEDGER_FILE).read_bytes()
    capsys.readouterr()
    assert regenerate(project, "--redraw", yes=False) == 0
    said = capsys.readouterr().err
    assert "12 of 12 items of the run, about $" in said
    assert "mine/first " in said
    assert "6 items, about $" in said, "by category where there are several"
    assert "add --yes" in said
    assert not server.calls
    assert not rows(project, table="draws")
    assert (project / "run" / LEDGER_FILE).read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals")
@pytest.mark.parametrize(("answer", "calls"), [("n\n", 0), ("\n", 0), ("y\n", 1)])
def test_on_a_terminal_it_asks(
    project: Path, server: RehearsalServer, monkeypatch: pytest.MonkeyPatch, answer: str, calls: int
) -> None:
    ours, theirs = os.openpty()
    with open(theirs, closefd=False) as keyboard, open(theirs, "w", closefd=False) as screen:
        monkeypatch.setattr(sys, "stdin", keyboard)
        monkeypatch.setattr(sys, "stderr", screen)
        os.write(ours, answer.encode())
        assert regenerate(project, "--redraw", "--where", "scene=s3", "--category", "mine/first", yes=False) == 0
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # Linux's word for the end
        while part := os.read(ours, 65536):
            said += part
    os.close(ours)
    said = said.decode()
    assert "1 of 12 items of the run" in said
    assert "go on? [y/N]" in said
    assert len(server.calls) == calls


# -- other draws


def test_redraw_makes_another_draw_and_keeps_the_first(project: Path, server: RehearsalServer) -> None:
    different(server, "x")
    assert regenerate(project, "--redraw", "--category", "mine/first") == 0
    assert len(server.calls) == SCENES
    assert {row[1] for row in rows(project, table="draws")} == {1}
    assert len(rows(project, "generation = 1")) == 2 * SCENES
    assert len(rows(project, "generation = 2 AND draw = 1")) == SCENES
    texts = (project / "run/out.jsonl").read_text()
    assert texts.count(" x") == SCENES
    server.calls.clear()
    assert main(["generate", str(project / "run.toml")]) == 0
    assert not server.calls, "generate keeps to the newest draw"


def test_a_redraw_that_was_stopped_is_gone_on_with_and_nothing_is_drawn_twice(
    project: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = Answer(429, error("insufficient_quota", "empty"))
    first = server.served
    server.script = lambda _, number: empty if number >= first + 4 else None
    assert regenerate(project, "--redraw", "--category", "mine/first") == 3
    answered = len(rows(project, "draw = 1"))
    assert 0 < answered < SCENES
    server.script = None
    server.calls.clear()
    capsys.readouterr()
    assert regenerate(project, "--redraw", "--category", "mine/first") == 0
    said = capsys.readouterr().err
    assert "going on with what was begun" in said
    assert f"{SCENES - answered} of 12 items" in said
    assert len(server.calls) == SCENES - answered
    assert {row[1] for row in rows(project, table="draws")} == {1}
    assert {row[2] for row in rows(project, "category = 'mine/first'")} == {1, 2}

    server.calls.clear()
    assert regenerate(project, "--redraw", "--category", "mine/first") == 0
    assert len(server.calls) == SCENES, "once it was done, the same words are a new wish"
    assert {row[1] for row in rows(project, table="draws")} == {2}


def test_a_redraw_that_was_stopped_at_its_very_end_is_not_paid_for_again(
    project: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise InputError("cannot be written: No space left on device")

    different(server, "z")
    words = ("--redraw", "--category", "mine/first")
    with monkeypatch.context() as patched:
        patched.setattr(work, "write_export", full)
        assert regenerate(project, *words) == 2, "all is made, and then the export cannot be written"
    assert len(rows(project, "draw = 1")) == len(server.calls) == SCENES
    capsys.readouterr()
    assert regenerate(project, *words, yes=False) == 0
    assert "what was begun is done, for all 6 items" in capsys.readouterr().err
    assert regenerate(project, *words) == 0
    assert len(server.calls) == SCENES
    assert len(exported(project)) == 2 * SCENES
    assert regenerate(project, *words) == 0
    assert len(server.calls) == 2 * SCENES, "once it was done, the same words are a new wish"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_redraw_that_was_killed_is_gone_on_with(project: Path, server: RehearsalServer) -> None:
    server.delay = 0.1
    command = [sys.executable, "-m", "syphus", "regenerate", str(project / "run"), "--redraw", "--yes"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while len(server.calls) < SCENES and time.monotonic() < end:
        time.sleep(0.005)
    process.kill()
    process.wait()
    server.delay = 0
    assert regenerate(project, "--redraw") == 0
    assert 2 * SCENES <= len(server.calls) <= 2 * SCENES + 1, "one call was in flight"
    assert {row[1] for row in rows(project, table="draws")} == {1}
    assert len(rows(project, "draw = 1 AND generation = 2")) == len(rows(project, "generation > 1")) == 2 * SCENES


def test_at_its_budget_it_stops_and_goes_on_with_a_larger_one(project: Path, server: RehearsalServer) -> None:
    dollars = (server.tokens_in * 10 + server.tokens_out * 100) / 1e6
    assert regenerate(project, "--redraw", "--budget", str(dollars * 1.5)) == 4
    asked = len(server.calls)
    assert 0 < asked < 2 * SCENES
    assert regenerate(project, "--redraw", "--budget", str(dollars * 3)) == 0
    assert len(server.calls) == 2 * SCENES
    assert {row[1] for row in rows(project, table="draws")} == {1}


def test_a_budget_that_is_too_small_is_said_with_the_plan(
    project: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """That of the first start is kept with the run, and counts all that was ever paid."""
    dollars = (server.tokens_in * 10 + server.tokens_out * 100) / 1e6
    assert regenerate(project, "--redraw", "--budget", str(dollars * 1.1), yes=False) == 0
    assert "left, which is not enough: --budget names a larger one" in capsys.readouterr().err
    assert regenerate(project, "--redraw", "--budget", "500", yes=False) == 0
    assert "not enough" not in capsys.readouterr().err


def test_another_redraw_draws_only_what_has_no_draw_in_waiting(project: Path, server: RehearsalServer) -> None:
    empty, first = Answer(429, error("insufficient_quota", "empty")), server.served
    server.script = lambda _, number: empty if number >= first + 2 else None
    assert regenerate(project, "--redraw", "--category", "mine/first") == 3
    server.script = None
    server.calls.clear()
    assert regenerate(project, "--redraw") == 0
    assert sorted(row[1] for row in rows(project, table="draws")) == [1] * 10 + [2] * 2
    assert len(server.calls) == 2 * SCENES


def test_a_stopped_redraw_may_be_finished_by_generate(project: Path, server: RehearsalServer) -> None:
    empty, first = Answer(429, error("insufficient_quota", "empty")), server.served
    server.script = lambda _, number: empty if number >= first + 2 else None
    assert regenerate(project, "--redraw") == 3
    server.script = None
    server.calls.clear()
    assert main(["generate", str(project / "run.toml")]) == 0
    assert len(rows(project, "draw = 1")) == 2 * SCENES
    assert len(server.calls) == 2 * SCENES - 2


def test_an_item_that_failed_in_a_redraw_is_tried_again_without_another_draw(
    project: Path, server: RehearsalServer
) -> None:
    first = server.served
    server.script = lambda _, number: Answer(500, "no") if number == first + 1 else None
    assert regenerate(project, "--redraw", "--category", "mine/first") == 1
    assert len(rows(project, "state = 'failed'")) == 1
    server.script = None
    server.calls.clear()
    assert regenerate(project, "--redraw", "--category", "mine/first") == 0
    assert len(server.calls) == 1
    assert not rows(project, "state = 'failed'")
    server.calls.clear()
    assert regenerate(project, "--redraw", "--category", "mine/first") == 0
    assert len(server.calls) == SCENES


def test_a_call_that_fails_takes_nothing_away_from_the_exports(project: Path, server: RehearsalServer) -> None:
    file = project / "run/out.jsonl"
    before = file.read_text()
    server.script = lambda body, number: Answer(400, error("context_length_exceeded"))
    assert regenerate(project, "--category", "mine/first", "--redraw") == Exit.FAILURES
    assert {row[0] for row in rows(project, "generation = 2")}, "there is a newer generation"
    assert file.read_text() == before
    different(server, "calm")
    assert regenerate(project, "--category", "mine/first", "--redraw") == Exit.DONE
    assert "calm" in file.read_text()


def test_templates_are_not_drawn_again(
    tmp_path: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    config = make_project(tmp_path, server.url, categories=("pairs/caption", "mine/first"))
    assert main(["generate", str(config)]) == 0
    assert regenerate(tmp_path, "--redraw", "--category", "pairs/caption") == 0
    assert "another draw would give the same" in capsys.readouterr().err
    assert not rows(tmp_path, "generation > 1")


# -- which items


def test_failed_items_alone_are_tried_again(tmp_path: Path, server: RehearsalServer) -> None:
    server.script = lambda body, _: Answer(500, "no") if "2 carts" in body["messages"][-1]["content"] else None
    assert main(["generate", str(make_project(tmp_path, server.url))]) == 1
    good = rows(tmp_path, "state != 'failed'")
    assert len(good) == 2 * SCENES - 2
    server.script = None
    server.calls.clear()
    assert regenerate(tmp_path, "--failed") == 0
    assert len(server.calls) == 2
    assert not rows(tmp_path, table="draws")
    assert rows(tmp_path, "scene != 'here/s2'") == good
    assert len(exported(tmp_path)) == 2 * SCENES
    assert exported(tmp_path)[2] == "here/s2/mine/first"


def test_rejected_items_get_another_draw(
    tmp_path: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = {"pairs": [{"question": "What do the captions say of the mill?", "answer": "A horse waits at the old mill."}]}

    def script(body: dict, _: int) -> dict | None:
        return completion(json.dumps(bad)) if " 1 carts" in json.dumps(body["messages"]) else None

    server.script = script
    config = make_project(tmp_path, server.url)
    assert main(["generate", str(config)]) == 0
    assert {row[8] for row in rows(tmp_path, "scene = 'here/s1'")} == {"rejected"}
    server.script = None
    server.calls.clear()
    assert regenerate(tmp_path, "--rejected", "length") == 0
    assert "no item of the run is meant by: refused for length" in capsys.readouterr().err
    assert not server.calls
    assert regenerate(tmp_path, "--rejected", "leak: source_word", "--category", "mine/first") == 0
    assert len(server.calls) == 1
    assert regenerate(tmp_path, "--rejected", "leak") == 0
    assert len(server.calls) == 2
    assert [row[0] for row in rows(tmp_path, table="draws")] == ["here/s1/mine/first", "here/s1/mine/second"]
    assert len(exported(tmp_path)) == 2 * SCENES


def test_conditions_are_all_to_hold(project: Path, server: RehearsalServer) -> None:
    where = ("--where", "scene=s[1-3]", "--where", "item=*/mine/second", "--where", "source=he*")
    assert regenerate(project, "--redraw", *where, "--where", "state=accepted") == 0
    assert len(server.calls) == 3
    drawn = [row[0] for row in rows(project, table="draws")]
    assert drawn == [f"here/s{number}/mine/second" for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--rejected", "lenght"], ["no check 'lenght'", "Did you mean `length`?"]),
        (["--category", "mine/frist"], ["no category 'mine/frist'", "`mine/first`"]),
        (["--category", "yours/*"], ["no category is like 'yours/*'", "mine/first, mine/second"]),
        (["--where", "scenes=x"], ["no key 'scenes'", "`scene`"]),
        (["--where", "scene"], ["no KEY=GLOB", "--where scene=kitchen-*"]),
        (["--where", "state=acepted"], ["no state is like 'acepted'", "`accepted`"]),
        (["--where", "source=there"], ["no source is like 'there'", "here"]),
    ],
)
def test_what_can_match_nothing_is_an_error_with_the_nearest(
    project: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str], arguments: list[str], says: list[str]
) -> None:
    assert regenerate(project, *arguments) == 2
    said = capsys.readouterr().err
    assert all(text in said for text in says), said
    assert not server.calls


# -- the run as it was made


def test_flags_that_the_run_was_made_with_still_hold_and_the_file_can_be_chosen(
    tmp_path: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    config = make_project(tmp_path, server.url)
    assert main(["generate", str(config), "--model", "other", "--limit", "2", "--category", "mine/first"]) == 0
    server.calls.clear()
    assert regenerate(tmp_path, "--redraw") == 0
    assert [body["model"] for body in server.calls] == ["other", "other"]
    said = capsys.readouterr().err
    assert "says otherwise: model.name, run.limit" in said
    server.calls.clear()
    assert regenerate(tmp_path, "--config", str(config)) == 0
    assert [body["model"] for body in server.calls] == ["m", "m"], "what was never made is left to generate"


def test_without_its_file_a_run_goes_by_its_own_copies(
    project: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "run.toml").unlink()
    moved = project.parent / "moved"
    (project / "run").rename(moved)
    system = moved / "seeds/mine/first/system.md"
    system.write_text("Talk as nobody would.")
    capsys.readouterr()
    done = main(["regenerate", str(moved), "--yes", "--source", f"path={project / 'scenes.jsonl'}"])
    assert done == 0
    assert "the copies in the run's folder" in capsys.readouterr().err
    assert len(server.calls) == SCENES
    assert {body["messages"][0]["content"].splitlines()[0] for body in server.calls} == {"Talk as nobody would."}


def test_categories_of_an_earlier_start_are_the_run_s_too(project: Path, server: RehearsalServer) -> None:
    assert main(["generate", str(project / "run.toml"), "--category", "mine/second"]) == 0
    assert regenerate(project, "--redraw", "--category", "mine/first") == 0
    assert len(server.calls) == SCENES


def test_scenes_that_are_gone_are_told_and_stay(
    project: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    scenes = project / "scenes.jsonl"
    scenes.write_text("".join(scenes.read_text().splitlines(keepends=True)[:4]))
    assert regenerate(project, "--redraw", "--category", "mine/first") == 0
    assert "2 items are not in the sources any more" in capsys.readouterr().err
    assert len(server.calls) == 4
    assert len(exported(project)) == 2 * SCENES


def test_a_folder_without_a_run_is_not_made_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["regenerate", str(tmp_path), "--yes"]) == 2
    assert "there is no run here" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


# -- diff


def diff(folder: Path, *arguments: str) -> int:
    return main(["diff", str(folder / "run"), *arguments])


def diff_data(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    capsys.readouterr()
    assert diff(folder, "--json", *arguments) == 0
    return json.loads(capsys.readouterr().out)


def test_diff_tells_what_changed_and_what_came_of_it(
    project: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert diff(project) == 0
    assert "no item has two generations" in capsys.readouterr().err

    (project / "seeds/mine/first/system.md").write_text("Talk as somebody else would.")
    different(server, "y")
    assert regenerate(project, "--category", "mine/first") == 0
    data = diff_data(project, capsys)
    assert [one["item"] for one in data["items"]] == [f"here/s{number}/mine/first" for number in range(SCENES)]
    assert {tuple(one["changed"]) for one in data["items"]} == {("prompts",)}
    assert data["items"][0]["new"]["pairs"][0]["answer"].startswith("A brown horse waits there, and y")
    assert data["items"][0]["old"]["generation"] == 1
    summary = data["summary"]
    assert summary["items"] == summary["differ"] == SCENES
    assert summary["old"]["states"] == summary["new"]["states"] == {"accepted": SCENES}
    assert summary["new"]["pairs"] == SCENES
    assert summary["new"]["cost"] == pytest.approx(SCENES * (100 * 10 + 20 * 100) / 1e6)
    assert summary["old"]["cost"] > 0

    assert regenerate(project, "--category", "mine/first", "--set", "model.name=n") == 0
    data = diff_data(project, capsys, "--limit", "1")
    assert [one["changed"] for one in data["items"]] == [["model m → n"]]
    assert regenerate(project, "--category", "mine/first", "--redraw") == 0
    data = diff_data(project, capsys, "--category", "mine/first")
    assert data["items"][0]["changed"] == ["another draw"]
    assert data["items"][0]["new"]["generation"] == 4
    data = diff_data(project, capsys, "--generations", "1", "3")
    assert set(data["items"][0]["changed"]) == {"prompts", "model m → n"}
    assert diff_data(project, capsys, "--generations", "5", "6")["summary"]["items"] == 0
    assert diff(project, "--category", "mine/thrid") == 2


def test_diff_tells_checks_from_prompts_and_pays_nothing_for_what_both_rest_on(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_checks(project, "mine/first", "extra_leaks = []", STRICT)
    assert regenerate(project, "--category", "mine/first") == 0
    data = diff_data(project, capsys, "--category", "mine/first")
    assert {tuple(one["changed"]) for one in data["items"]} == {("checks",)}
    assert data["items"][0]["new"]["rejects"][0]["code"] == "leak: source_word"
    assert data["summary"]["new"]["rejects"]["leak: source_word"] >= SCENES
    assert data["summary"]["new"]["cost"] == 0 < data["summary"]["old"]["cost"]


def test_diff_shows_texts_beside_each_other_as_they_are(
    project: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = {"question": "What waits at the old mill?", "answer": "A [bold]brown[/bold] horse waits there."}
    server.script = lambda *_: completion(json.dumps({"pairs": [pair]}))
    assert regenerate(project, "--redraw", "--category", "mine/first") == 0
    with sqlite3.connect(
        project / "run" / LEDGER_FILE
    ) as db:  # such signs are taken out of replies; a ledger may have them
        changed = db.execute(
            r"UPDATE outcomes SET dialogues = replace(dialogues, 'horse waits', 'horse\u001b[2J \u202ewaits')"
        )
        assert changed.rowcount == 3 * SCENES
    capsys.readouterr()
    assert diff(project, "--limit", "2") == 0
    said = capsys.readouterr().err
    assert "A [bold]brown[/bold] horse[2J waits there." in said
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert said.count("changed: another draw · accepted") == 2
    assert "6 items compared: 6 differ (4 of them not shown: --all), 0 came out the same" in said
    assert diff(project, "--all") == 0
    assert capsys.readouterr().err.count("changed: another draw · accepted") == SCENES


def test_diff_marks_the_words_that_changed(
    project: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "A brown horse waits at the old mill with {} carts."
    for word in ("three heavy", "four light"):
        pair = {"question": "What waits at the old mill?", "answer": text.format(word)}
        server.script = lambda *_, pair=pair: completion(json.dumps({"pairs": [pair]}))
        assert regenerate(project, "--redraw", "--where", "scene=s0", "--category", "mine/first") == 0
    capsys.readouterr()
    assert diff(project) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "[-three heavy-]" in said
    assert "{+four light+}" in said
    assert "[-brown" not in said


def test_control_characters_are_taken_out_of_what_is_shown() -> None:
    assert clean("a\tb\u00a0c\x1b[31md\u202ee\nf\r") == "a b c[31mde\nf"


# -- what has changed is said before it is paid for


def test_nothing_is_said_where_nothing_has_changed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["generate", str(project / "run.toml")]) == 0
    assert main(["plan", str(project / "run.toml")]) == 0
    assert "made again" not in capsys.readouterr().err


def test_which_items_are_made_again_and_for_which_files_is_said(
    project: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    first = project / "seeds" / "mine/first"
    (first / "system.md").write_text("Talk as nobody would.\n\n{{prompts/tone}}\n")
    (first / "demonstrations" / "09.json").write_text(json.dumps(demonstration("hen")))
    (project / "prompts").mkdir()
    (project / "prompts" / "tone.md").write_text("Be kind.")
    capsys.readouterr()
    assert main(["plan", str(project / "run.toml")]) == 0
    said = "made again: 6 items of mine/first, since demonstrations/09.json (new), system.md changed"
    planned = capsys.readouterr().err
    assert said in planned
    assert "mine/second, since" not in planned
    assert not server.calls
    assert main(["generate", str(project / "run.toml")]) == 0
    assert said in capsys.readouterr().err
    assert len(server.calls) == SCENES
    (project / "prompts" / "tone.md").write_text("Be brief.")
    assert regenerate(project, "--category", "mine/first", yes=False) == 0
    assert "changed in mine/first: prompts/tone.md" in capsys.readouterr().err
    assert main(["generate", str(project / "run.toml")]) == 0
    assert "6 items of mine/first, since prompts/tone.md changed" in capsys.readouterr().err


def test_that_the_model_is_another_one_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["generate", str(project / "run.toml"), "--model", "n"]) == 0
    told = capsys.readouterr().err
    for name in ("mine/first", "mine/second"):
        assert f"6 items of {name}, since model.name changed" in told


def test_what_an_earlier_start_has_not_made_again_is_not_blamed_on_syphus(
    project: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "seeds" / "mine/first" / "system.md").write_text("Talk as nobody would.")
    assert main(["generate", str(project / "run.toml"), "--limit", "1"]) == 0
    first = capsys.readouterr().err
    assert f"made again: up to {SCENES} items of mine/first, since system.md changed" in first
    assert main(["plan", str(project / "run.toml")]) == 0
    left = f"made again: {SCENES - 1} items of mine/first, since a text or setting before an earlier start, what the"
    assert left in " ".join(capsys.readouterr().err.split())
