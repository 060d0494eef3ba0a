"""``syphus show``, and the table of yields."""

import json
from pathlib import Path

import pytest
from folders import write_category
from rich.console import Console

from syphus.cli import show as shown
from syphus.cli.main import main
from syphus.cli.runs.yields import make_yields, show_yields
from syphus.cli.show import show_dialogue
from syphus.errors import Exit
from syphus.ledger.reader import Ended
from syphus.records import Asset, Dialogue, Object, Turn, Verdict
from syphus.rehearsal.server import RehearsalServer


def call(*arguments) -> int:
    return main([str(argument) for argument in arguments])


def row(number, **more):
    turns = [
        {"from": "human", "value": f"<image>\nWhat is number {number}?"},
        {"from": "gpt", "value": f"It is {number}."},
    ]
    return {"id": f"d{number}", "image": f"{number}.jpg", "conversations": turns, **more}


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set.json").write_text(json.dumps([row(number) for number in range(5)]))
    return tmp_path


def test_a_dataset_is_printed_plainly_where_nobody_can_page(folder, capsys):
    assert call("show", "set.json", "--limit", "2") == 0
    out = capsys.readouterr().out
    assert out.splitlines()[1:5] == ["== d0", "   perception · 0.jpg", "Q: What is number 0?", "A: It is 0."]
    assert "== d1" in out
    assert "== d2" not in out


def test_filters(folder, capsys):
    assert call("show", "set.json", "--language", "de") == 1
    assert call("show", "set.json", "--language", "en", "--limit", "1") == 0
    assert "== d0" in capsys.readouterr().out


def test_a_dataset_has_nothing_refused(folder, capsys):
    assert call("show", "set.json", "--rejected") == Exit.BAD_INPUT
    assert "nothing that was refused" in capsys.readouterr().err


def test_control_characters_and_broken_text_do_not_reach_the_terminal(folder, capsys):
    (folder / "odd.json").write_text(json.dumps([row(1) | {"id": "a\x1b[31m\x07 [b]"}]))
    assert call("show", "odd.json") == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out


CATEGORY = """
ability = "reasoning"
[context]
blocks = ["captions"]
[[steps]]
kind = "chat"
name = "talk"
pairs = [1, 2]
[dialogue]
pairs = "talk"
[checks]
extra_leaks = [{leaks}]
"""


@pytest.fixture
def run(tmp_path, monkeypatch, server: RehearsalServer) -> Path:
    """A run of two categories, of which one refuses what every reply says."""
    monkeypatch.chdir(tmp_path)
    write_category(tmp_path, "mine/kept", CATEGORY.replace("{leaks}", ""), {"system.md": "Talk."})
    write_category(tmp_path, "mine/refused", CATEGORY.replace("{leaks}", '"the"'), {"system.md": "Speak."})
    scenes = [
        {"id": f"s{at}", "captions": [{"text": "A brown horse with carts waits at the old mill."}]} for at in range(2)
    ]
    (tmp_path / "scenes.jsonl").write_text("".join(json.dumps(scene) + "\n" for scene in scenes))
    (tmp_path / "run.toml").write_text(f"""
categories = ["mine/kept", "mine/refused"]
[run]
folder = "run"
[[sources]]
reader = "scenes"
name = "here"
path = "scenes.jsonl"
[model]
kind = "openai"
name = "m"
base_url = "{server.url}"
schema_mode = "json_schema"
attempts = 1
[overrides.all]
repairs = 0
""")
    call("generate", "run.toml")
    return tmp_path / "run"


def test_a_run_is_shown_and_what_it_refused(run, capsys):
    capsys.readouterr()
    assert call("show", run, "--category", "mine/kept") == 0
    kept = capsys.readouterr().out
    assert kept.count("== ") == 2
    assert "mine/kept · reasoning · here/s0" in kept
    assert call("show", run, "--rejected") == 0
    refused = capsys.readouterr().out
    assert refused.count("== ") == 2
    assert "!  leak: source_word: " in refused
    assert call("show", run, "--category", "mine/none") == Exit.BAD_INPUT


def test_pages_are_drawn_with_references_marked_and_markup_is_text(monkeypatch):
    one = Dialogue(
        id="d[red]",
        scene="s",
        category="mine/one",
        language="ar",
        turns=(Turn(role="user", text="[The bus](#o1)?"), Turn(role="assistant", text="[bold]Yes[/bold]")),
        objects=(Object(id="o1", label="bus"),),
        assets=(Asset(path="a.jpg"),),
        verdicts=(Verdict(check="leak", code="word", message="bad", evidence="the x", turn=0),),
    )
    console = Console(record=True, width=100, force_terminal=True)
    with console.capture() as captured:
        console.print(shown._render(show_dialogue(one)))
    text = captured.get()
    assert "[bold]Yes[/bold]" in text
    assert "The bus" in text
    assert "#o1" not in text
    assert "leak: word" in text
    assert show_dialogue(one).facts == ("mine/one", "perception", "ar", "s", "a.jpg")


def test_pages_end_when_told(monkeypatch):
    printed = []

    class Quiet(Console):
        def pager(self, *_, **__):
            printed.append("page")
            return super().capture()

        def input(self, *_, **__):
            return "n"

    monkeypatch.setattr(shown, "Console", Quiet)
    many = [shown.Shown(f"d{at}", ()) for at in range(250)]
    assert shown._print_pages(many) == 0
    assert printed == ["page"]
    assert shown._print_pages([]) == 1


def text_of(table):
    console = Console(width=120)
    with console.capture() as captured:
        console.print(table)
    return [line.split() for line in captured.get().splitlines()]


def test_the_yield_of_each_category_and_check():
    table = make_yields({"a": 90, "b": 10}, {("a", "leak"): 10, ("b", "leak"): 5, ("b", "refusal"): 5})
    assert text_of(table) == [
        ["category", "kept", "refused", "yield", "leak", "refusal"],
        ["a", "90", "10", "90%", "10", "·"],
        ["b", "10", "10", "50%", "5", "5"],
        ["all", "100", "20", "83%", "15", "5"],
    ]
    assert make_yields({"a": 3}, {}) is None


def test_many_checks_are_put_together():
    refused = {("a", f"check{at}"): 10 - at for at in range(9)}
    lines = text_of(make_yields({"a": 1}, refused))
    assert lines[0][-1] == "others"
    assert lines[1][-1] == "5"


def test_status_shows_them(capsys):
    show_yields([Ended("a", "accepted", 1, 1, 3), Ended("a", "partial", 1, 1, 2)], {("a", "leak"): 1})
    err = capsys.readouterr().err
    assert "83%" in err
    show_yields([Ended("a", "accepted", 1, 1, 3)], {})
    assert capsys.readouterr().err == ""
