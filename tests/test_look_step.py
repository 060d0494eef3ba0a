"""Steps that show the pictures of a scene to the model."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from folders import write_category
from PIL import Image

from syphus.cli.main import main
from syphus.cli.runs.prompting import find_picture
from syphus.endpoints.pictures import Shown, read_pictures
from syphus.engine import dispatch
from syphus.exchange import Request
from syphus.ledger.ledger import open_ledger
from syphus.records import Asset
from syphus.rehearsal.replies import completion
from syphus.rehearsal.server import RehearsalServer

TOML = """
ability = "perception"
needs = ["picture"]
[context]
blocks = ["captions"]
[[steps]]
kind = "chat"
name = "seen"
fields = ["said"]
look = true
[[steps]]
kind = "chat"
name = "told"
fields = ["said"]
query = "told.md"
[dialogue]
user = "What is there?"
assistant = "{{told.said}}"
[checks.stances]
objects = "score"
unrelated = "score"
"""


def demonstration() -> dict[str, Any]:
    said = {"said": "A brown dog sleeps on a wooden bench in the sun."}
    return {
        "scene": {"id": "shown", "assets": [{"path": "shown.jpg"}], "captions": [{"text": "A dog on a bench."}]},
        "replies": {"seen": said, "told": said},
    }


def make_project(folder: Path, url: str, **model: str) -> Path:
    texts = {"system.md": "Say what is there.", "query.md": "Look.", "told.md": "Say {{seen.said}} once more."}
    write_category(folder, "mine/look", TOML, texts, [demonstration()])
    (folder / "pictures").mkdir(exist_ok=True)
    scenes = []
    for number, colour in enumerate(("red", "green", "blue")):
        Image.new("RGB", (8, 8), colour).save(folder / "pictures" / f"{number}.png")
        scenes.append(
            {"id": f"s{number}", "assets": [{"path": f"{number}.png"}], "captions": [{"text": f"A {colour} square."}]}
        )
    scenes.append({"id": "gone", "assets": [{"path": "gone.png"}], "captions": [{"text": "A square."}]})
    scenes.append({"id": "film", "assets": [{"kind": "video", "path": "a.mp4"}, {"id": "b", "path": "0.png"}]})
    (folder / "scenes.jsonl").write_text("".join(json.dumps(scene) + "\n" for scene in scenes))
    table = {"kind": "openai", "name": "m", "base_url": url, "schema_mode": "json_schema", **model}
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in table.items())
    config = folder / "run.toml"
    config.write_text(
        'categories = ["mine/look"]\n[run]\nfolder = "run"\n'
        '[[sources]]\nreader = "scenes"\nname = "here"\npath = "scenes.jsonl"\nimages = "pictures"\n'
        f"[model]\n{lines}\n"
    )
    return config


@pytest.fixture
def project(tmp_path: Path, server: RehearsalServer) -> Path:
    said = json.dumps({"said": "There is one square of a single colour, and nothing else at all."})
    server.script = lambda body, number: completion(said)
    return make_project(tmp_path, server.url)


def test_the_picture_is_shown_in_the_step_that_looks_and_in_no_other(project: Path, server: RehearsalServer) -> None:
    assert main(["generate", str(project)]) == 0
    looked = [body for body in server.calls if isinstance(body["messages"][-1]["content"], list)]
    told = [body for body in server.calls if not isinstance(body["messages"][-1]["content"], list)]
    assert (len(looked), len(told)) == (3, 3)
    for body in looked:
        *before, last = body["messages"]
        picture, text = last["content"]
        assert picture["image_url"]["url"].startswith("data:image/png;base64,")
        assert text["text"].endswith("Look.")
        assert all(isinstance(message["content"], str) for message in before), "demonstrations are told in words"
    assert len({body["messages"][-1]["content"][0]["image_url"]["url"] for body in looked}) == 3


def test_a_scene_whose_picture_is_not_there_is_passed_over_with_the_reason(project: Path) -> None:
    assert main(["generate", str(project)]) == 0
    with open_ledger(project.parent / "run") as ledger:
        details = {
            outcome.item.split("/")[1]: outcome.detail for outcome in ledger.outcomes() if outcome.state == "skipped"
        }
    assert details.keys() == {"gone", "film"}
    assert "gone.png is not in" in details["gone"]
    assert "is no picture" in details["film"] or "no picture" in details["film"]


def test_a_picture_is_known_by_what_it_shows_and_not_by_its_place(
    project: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", str(project)]) == 0
    server.calls.clear()
    shutil.move(project.parent / "pictures", project.parent / "elsewhere")
    project.write_text(project.read_text().replace('images = "pictures"', 'images = "elsewhere"'))
    assert main(["generate", str(project)]) == 0
    assert not server.calls
    capsys.readouterr()
    assert main(["plan", str(project)]) == 0
    assert "nothing is to be sent" in capsys.readouterr().err


def test_what_would_be_sent_names_the_picture(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", str(project), "--show-prompt"]) == 0
    assert "[the picture " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"), [(["--batch"], "not into batches"), (["--set", "model.kind=local"], "cannot see")]
)
def test_who_cannot_be_shown_a_picture_is_told_so_before_anything_is_asked(
    project: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(["generate", str(project), *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not server.calls


def test_a_picture_that_comes_later_is_shown_by_the_next_start(
    project: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", str(project)]) == 0
    server.calls.clear()
    Image.new("RGB", (8, 8), "white").save(project.parent / "pictures" / "gone.png")
    assert main(["generate", str(project)]) == 0
    assert len(server.calls) == 2
    with open_ledger(project.parent / "run") as ledger:
        states = {outcome.item.split("/")[1]: outcome.state for outcome in ledger.outcomes()}
    assert states["gone"] == "accepted"
    assert main(["regenerate", str(project.parent / "run")]) == 0
    assert "nothing has changed: 5 items" in capsys.readouterr().err
    assert states["film"] == "skipped"


def test_what_was_made_stays_when_the_picture_is_gone(project: Path, server: RehearsalServer) -> None:
    assert main(["generate", str(project)]) == 0
    (project.parent / "pictures" / "0.png").unlink()
    assert main(["generate", str(project)]) == 0
    with open_ledger(project.parent / "run") as ledger:
        states = {outcome.item.split("/")[1]: outcome.state for outcome in ledger.outcomes()}
    assert states["s0"] == "accepted"


@pytest.mark.parametrize("changed", [False, True])
def test_a_picture_that_goes_or_changes_between_two_steps_costs_its_own_item_alone(
    project: Path, server: RehearsalServer, changed: bool
) -> None:
    toml = project.parent / "seeds" / "mine/look" / "category.toml"
    toml.write_text(toml.read_text().replace('query = "told.md"', 'query = "told.md"\nlook = true'))
    said = json.dumps({"said": "There is one square of a single colour, and nothing else at all."})
    picture = project.parent / "pictures" / "1.png"

    def script(body: dict[str, Any], number: int) -> Any:
        if changed:
            Image.new("RGB", (9, 9), "black").save(picture)
        else:
            picture.unlink(missing_ok=True)
        return completion(said)

    server.script = script
    assert main(["generate", str(project), "--set", "model.concurrency=1"]) == 1
    with open_ledger(project.parent / "run") as ledger:
        outcomes = {outcome.item.split("/")[1]: outcome for outcome in ledger.outcomes()}
    states = {name: outcome.state for name, outcome in outcomes.items()}
    assert (states["s0"], states["s2"]) == ("accepted", "accepted")
    assert states["s1"] in (("failed",) if changed else ("failed", "skipped"))


def test_pictures_are_read_when_a_request_has_its_place_and_not_while_it_waits(
    project: Path, server: RehearsalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: list[int] = []
    read = read_pictures

    def counting(request: Request) -> Shown:
        answered.append(len(server.calls))
        return read(request)

    monkeypatch.setattr(dispatch, "read_pictures", counting)
    assert main(["generate", str(project), "--set", "model.concurrency=1"]) == 0
    # With one place, each picture is read after the call before it has come back.
    assert answered == list(range(answered[0], answered[0] + 6))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_what_is_no_file_is_no_picture_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert find_picture(Asset(id="image", path="pipe.png"), tmp_path) is None
