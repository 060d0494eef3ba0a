"""The commands as a user types them, in a process of their own, against the scripted endpoint."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import tomllib
from contextlib import closing
from pathlib import Path

import pytest

from syphus.cli.main import build_parser
from syphus.ledger.ledger import open_ledger
from syphus.rehearsal.replies import Answer, error
from syphus.rehearsal.server import RehearsalServer

ROOT = Path(__file__).parents[1]
LLAVA_ROLES = ["human", "gpt"]


def syphus(*arguments: str | Path, cwd: Path = ROOT, key: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    if key:
        environment["OPENAI_API_KEY"] = key
    return subprocess.run(
        [sys.executable, "-m", "syphus", *map(str, arguments)],
        cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def write_config(
    folder: Path, url: str, *, categories: str = '"pairs/caption", "llava/conversation", "llava/detail"'
) -> Path:
    config = folder / "run.toml"
    config.write_text(f"""
categories = [{categories}]
[run]
folder = "run"
seed = 3
[[sources]]
reader = "scenes"
name = "examples"
path = "{ROOT}/examples/scenes.jsonl"
images = "{ROOT}/examples/images"
[model]
kind = "openai"
name = "m"
base_url = "{url}"
concurrency = 4
[[export]]
format = "llava"
path = "../out/llava.json"
""")
    return config


def read_llava(path: Path) -> list[dict]:
    rows = json.loads(path.read_text())
    for row in rows:
        assert [turn["from"] for turn in row["conversations"]] == LLAVA_ROLES * (len(row["conversations"]) // 2)
        assert (ROOT / "examples/images" / row["image"]).is_file()
    return rows


def test_help_names_every_command_and_imports_nothing_heavy() -> None:
    shown = syphus("--help")
    commands = {"generate", "rehearse", "status", "export", "check", "new"}
    assert all(re.search(rf"^\s+{name}\s", shown.stdout, re.MULTILINE) for name in commands)
    code = "import sys; from syphus.cli.main import build_parser; build_parser(); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"msgspec", "rich", "openai", "jsonschema", "sqlite3", "asyncio", "tenacity"} & set(loaded)


def test_generate_status_export(tmp_path: Path, server: RehearsalServer) -> None:
    config = write_config(tmp_path, server.url)
    done = syphus("generate", config)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "", "what is for people goes to stderr"
    rows = read_llava(tmp_path / "out/llava.json")
    assert {row["id"].split("/", 2)[2] for row in rows} == {"pairs/caption", "llava/conversation", "llava/detail"}
    assert len(rows) == 30
    probes = [body for body in server.calls if "colour has the sky" in body["messages"][-1]["content"]]
    assert len(server.calls) - len(probes) == 20, "one call for each scene and chat category"

    status = json.loads(syphus("status", tmp_path / "run", "--json").stdout)
    assert status["total"]["accepted"] == 30
    assert status["categories"]["llava/detail"]["calls"] == 10
    assert "llava/detail" in syphus("status", tmp_path / "run").stderr

    out = tmp_path / "messages.jsonl"
    exported = syphus("export", tmp_path / "run", "--format", "messages", "--out", out, "--category", "llava/detail")
    assert exported.returncode == 0, exported.stderr
    assert len(out.read_text().splitlines()) == 10

    resolved = json.loads((tmp_path / "run/config.json").read_text())
    assert resolved["run"]["seed"] == 3


def test_started_again_nothing_is_paid(tmp_path: Path, server: RehearsalServer) -> None:
    config = write_config(tmp_path, server.url)
    syphus("generate", config)
    first, before = (tmp_path / "out/llava.json").read_bytes(), len(server.calls)
    again = syphus("generate", config)
    assert again.returncode == 0
    assert len(server.calls) == before, "not even the probe is asked again"
    assert (tmp_path / "out/llava.json").read_bytes() == first
    assert "nothing was sent" in again.stderr


def test_killed_three_times_nothing_is_paid_twice_and_the_export_is_the_same(tmp_path: Path) -> None:
    with RehearsalServer(delay=0.05) as server:
        (tmp_path / "whole").mkdir()
        syphus("generate", write_config(tmp_path / "whole", server.url))
        undisturbed = (tmp_path / "whole/out/llava.json").read_bytes()
        needed = len(server.calls)
        server.calls.clear()
        (tmp_path / "killed").mkdir()
        config = write_config(tmp_path / "killed", server.url)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
        for share in (0.2, 0.5, 0.8):
            process = subprocess.Popen(
                [sys.executable, "-m", "syphus", "generate", str(config)],
                cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            end = time.monotonic() + 60
            while len(server.calls) < needed * share and time.monotonic() < end:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.wait()
        done = syphus("generate", config)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "killed/out/llava.json").read_bytes() == undisturbed
        # Four calls were in flight at each kill, and a few may have been answered but not yet committed.
        assert needed <= len(server.calls) <= needed + 3 * (4 + 2)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_drains_and_says_how_to_go_on(tmp_path: Path, kind: signal.Signals) -> None:
    with RehearsalServer(delay=0.3) as server:
        config = write_config(tmp_path, server.url)
        process = subprocess.Popen(
            [sys.executable, "-m", "syphus", "generate", str(config)], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        while len(server.calls) < 6:
            time.sleep(0.01)
        process.send_signal(kind)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 130, said
        assert "goes on where it stopped" in said
        server.delay = 0
        assert syphus("generate", config).returncode == 0
        probes = [body for body in server.calls if "colour has the sky" in body["messages"][-1]["content"]]
        assert len(server.calls) - len(probes) == 20, "what was in flight had been kept"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_interrupted_while_it_reads_it_stops_at_once(tmp_path: Path, server: RehearsalServer) -> None:
    config = write_config(tmp_path, server.url)
    pipe = tmp_path / "scenes.jsonl"
    os.mkfifo(pipe)  # a source that takes for ever
    process = subprocess.Popen(
        [sys.executable, "-m", "syphus", "generate", str(config), "--source", f"path={pipe}"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    with pipe.open("w") as writer:  # returns when it reads
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=15)
        writer.close()
    assert (process.returncode, said) == (130, "syphus: interrupted\n")
    assert not server.calls


def test_a_budget_without_room_for_the_first_tiny_call_is_a_budget_that_is_reached(
    tmp_path: Path, server: RehearsalServer
) -> None:
    config = write_config(tmp_path, server.url)
    prices = ("--set", "model.price_in=1000.0", "--set", "model.price_out=1000.0")
    done = syphus("generate", config, "--budget", "0.001", *prices)
    assert (done.returncode, len(server.calls)) == (4, 0)
    assert "the budget of $0.0010 is reached: $0.00 are spent" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_earlier_starts_have_made_is_not_forgotten_where_the_next_stops_early(
    tmp_path: Path, server: RehearsalServer
) -> None:
    """Scene by scene: the first one's reply was lost since, so a start that is refused at once has come to nothing else."""
    config = write_config(tmp_path, server.url, categories='"llava/detail"')
    assert syphus("generate", config).returncode == 0
    with closing(sqlite3.connect(tmp_path / "run/ledger.sqlite")) as db:
        (first,) = db.execute("SELECT item FROM outcomes ORDER BY position LIMIT 1").fetchone()
        db.execute("UPDATE outcomes SET state = 'failed' WHERE item = ?", (first,))
        db.execute("DELETE FROM attempts")
        db.commit()
    server.script = lambda body, number: Answer(401, error("invalid_api_key"))
    again = syphus("generate", config, "--concurrency", "1")
    assert again.returncode == 3
    assert "9 of 10 items are done" in again.stderr


def test_items_that_no_source_has_any_more_are_told_of(tmp_path: Path, server: RehearsalServer) -> None:
    """Sources without names are called after their place, so two that change places make all items anew beside the old."""
    config = write_config(tmp_path, server.url, categories='"pairs/caption"')
    lines = (ROOT / "examples/scenes.jsonl").read_text().splitlines(keepends=True)
    for name, part in (("one", lines[:4]), ("two", lines[4:])):
        (tmp_path / f"{name}.jsonl").write_text("".join(part))
    begin, rest = config.read_text().split("[[sources]]")
    model = rest[rest.index("[model]") :]
    one, two = (f'[[sources]]\nreader = "scenes"\npath = "{name}.jsonl"\n' for name in ("one", "two"))
    config.write_text(begin + one + two + model)
    assert "earlier starts" not in syphus("generate", config).stderr
    config.write_text(begin + two + one + model)
    assert "10 items of earlier starts are not in the sources any more" in syphus("generate", config).stderr


@pytest.mark.parametrize(
    ("exports", "said"),
    [
        ('[{format="lava",path="a.json"}]', "there is no format 'lava'"),
        ('[{format="llava",path="a.json",boxes="quen"}]', "there is no box convention 'quen'"),
        ('[{format="llava",path="a.json"},{format="jsonl",path="./a.json"}]', "export[0] writes there too"),
        ('[{format="jsonl",path="ledger.sqlite"}]', "is the run's own file"),
        ('[{format="llava",path="."}]', "is a folder"),
    ],
)
def test_an_export_that_cannot_be_is_known_before_anything_is_paid(
    tmp_path: Path, server: RehearsalServer, exports: str, said: str
) -> None:
    done = syphus("generate", write_config(tmp_path, server.url), "--set", f"export={exports}")
    assert (done.returncode, len(server.calls)) == (2, 0), done.stderr
    assert said in done.stderr


def test_no_export_takes_the_place_of_what_was_paid_for(tmp_path: Path, server: RehearsalServer) -> None:
    config = write_config(tmp_path, server.url, categories='"pairs/caption"')
    assert syphus("generate", config).returncode == 0
    for name in ("ledger.sqlite", "config.json"):
        assert syphus("export", tmp_path / "run", "--format", "jsonl", "--out", tmp_path / "run" / name).returncode == 2
    assert syphus("status", tmp_path / "run").returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_interrupted_twice_it_stops_at_once_and_the_ledger_is_whole(tmp_path: Path) -> None:
    with RehearsalServer(delay=20) as server:
        config = write_config(tmp_path, server.url)
        process = subprocess.Popen(
            [sys.executable, "-m", "syphus", "generate", str(config), "--set", 'model.schema_mode="json_object"'],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        while len(server.calls) < 4:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=15)
        assert process.returncode == 130, said
        assert "Traceback" not in said
        server.delay = 0
        assert syphus("generate", config).returncode == 0


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Answer(401, error("invalid_api_key", "bad key")), 3),
        (Answer(404, error("model_not_found", "no such model")), 3),
        (Answer(429, error("insufficient_quota", "empty")), 3),
    ],
)
def test_a_refusing_provider_is_exit_3(tmp_path: Path, server: RehearsalServer, fault: Answer, code: int) -> None:
    server.script = lambda body, number: fault
    done = syphus("generate", write_config(tmp_path, server.url))
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert len(server.calls) == 1


def test_when_nothing_is_accepted_it_is_no_success(tmp_path: Path, server: RehearsalServer) -> None:
    server.script = lambda body, number: {"choices": [{"message": {"content": "no"}, "finish_reason": "stop"}]}
    done = syphus("generate", write_config(tmp_path, server.url, categories='"llava/conversation"'))
    assert done.returncode == 1, done.stderr
    assert "rejected" in done.stderr


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda text: text.replace("seed = 3", "sede = 3"), ["unknown key `sede`", "Did you mean `seed`?"]),
        (lambda text: text.replace('"scenes"', '"scense"'), ["no reader 'scense'", "coco"]),
        (lambda text: text.replace("llava/detail", "llava/detial"), ["no category 'llava/detial'", "llava/detail"]),
        (lambda text: text.replace('kind = "openai"', 'kind = "opneai"'), ["opneai", "model.kind"]),
        (lambda text: text.replace("images =", "imagse ="), ["unknown key `imagse`", "images"]),
        (lambda text: text.replace("seed = 3", "seed = "), ["is no TOML", "line"]),
        (lambda text: text.replace("scenes.jsonl", "nothing.jsonl"), ["nothing.jsonl"]),
        (lambda text: text.replace('name = "m"\n', ""), ["needs a model's name"]),
    ],
)
def test_a_bad_configuration_names_the_place_and_the_mend(
    tmp_path: Path, server: RehearsalServer, edit, says: list[str]
) -> None:
    config = write_config(tmp_path, server.url)
    config.write_text(edit(config.read_text()))
    done = syphus("generate", config)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert (
        "run.toml" in done.stderr
        or "nothing.jsonl" in done.stderr
        or "category" in done.stderr
        or "reader" in done.stderr
    )
    for text in says:
        assert text in done.stderr
    assert not server.calls


def test_flags_win_over_the_file(tmp_path: Path, server: RehearsalServer) -> None:
    config = write_config(tmp_path, server.url)
    done = syphus(
        "generate", config, "--limit", "2", "--seed", "9", "--category", "llava/detail", "--run", tmp_path / "other",
        "--model", "n", "--set", "model.timeout=30",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    resolved = json.loads((tmp_path / "other/config.json").read_text())
    assert (resolved["run"]["seed"], resolved["run"]["limit"], resolved["model"]["timeout"]) == (9, 2, 30)
    assert {body["model"] for body in server.calls} == {"n"}
    assert len([body for body in server.calls if "colour has the sky" not in body["messages"][-1]["content"]]) == 2


def test_the_reasoning_effort_is_sent_where_it_is_set(tmp_path: Path, server: RehearsalServer) -> None:
    config = write_config(tmp_path, server.url, categories='"llava/detail"')
    done = syphus("generate", config, "--limit", "1", "--set", "model.reasoning_effort=none")
    assert done.returncode == 0, done.stderr
    assert {body.get("reasoning_effort") for body in server.calls} == {"none"}
    server.calls.clear()
    syphus("generate", config, "--limit", "1", "--run", tmp_path / "other")
    assert {body.get("reasoning_effort") for body in server.calls} == {None}


def test_the_prompt_can_be_read_before_it_is_paid_for(tmp_path: Path, server: RehearsalServer) -> None:
    done = syphus("generate", write_config(tmp_path, server.url), "--show-prompt")
    assert done.returncode == 0, done.stderr
    assert "===== llava/conversation/" in done.stdout
    assert "--- system" in done.stdout
    assert not server.calls


def test_check_configuration_and_scenes(tmp_path: Path, server: RehearsalServer) -> None:
    good = syphus("check", write_config(tmp_path, server.url))
    assert good.returncode == 0, good.stderr
    assert "10 of 10 scenes have what it needs" in good.stderr
    assert syphus("check", ROOT / "examples/scenes.jsonl").returncode == 0
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"id": "a"}\n{"id": "b", "captoins": []}\n')
    found = syphus("check", bad)
    assert found.returncode == 2
    assert "line 2" in found.stderr
    assert "captions" in found.stderr


def test_the_published_schema_is_the_one_in_the_repository(tmp_path: Path) -> None:
    done = syphus("check", ROOT / "examples/scenes.jsonl", "--write-schema", tmp_path / "schema.json")
    assert done.returncode == 0
    assert (tmp_path / "schema.json").read_bytes() == (ROOT / "scene.schema.json").read_bytes()


def test_a_category_of_ones_own_needs_a_text_editor_and_no_python(tmp_path: Path, server: RehearsalServer) -> None:
    made = syphus("new", "mine/shops", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "seeds/mine/shops"
    (folder / "system.md").write_text("Talk about what could be sold. {{prompts/answering-rules}}\nWrite {{pairs}}.")
    toml = (folder / "category.toml").read_text()
    (folder / "category.toml").write_text(re.sub(r"pairs = \[.*\]", "pairs = [1, 6]", toml))
    checked = syphus("check", "seeds", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert "mine/shops: well" in checked.stderr
    config = write_config(tmp_path, server.url, categories='"mine/shops"')
    done = syphus("generate", config, "--limit", "3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(read_llava(tmp_path / "out/llava.json")) == 3
    sent = next(body for body in server.calls if "sold" in body["messages"][0]["content"])
    assert "How you speak" in sent["messages"][0]["content"], "the shared rules are put in"
    assert syphus("new", "mine/shops", cwd=tmp_path).returncode == 2, "nothing is overwritten"


def test_a_run_is_exported_only_as_what_exists(tmp_path: Path, server: RehearsalServer) -> None:
    config = write_config(tmp_path, server.url, categories='"pairs/caption"')
    syphus("generate", config)
    wrong = syphus("export", tmp_path / "run", "--format", "lava", "--out", tmp_path / "x")
    assert wrong.returncode == 2
    assert "llava" in wrong.stderr
    nowhere = syphus("export", tmp_path / "nothing", "--format", "llava", "--out", tmp_path / "x")
    assert nowhere.returncode == 2
    assert "no run here" in nowhere.stderr
    with_boxes = syphus("export", tmp_path / "run", "--format", "llava", "--out", tmp_path / "x", "--boxes", "shikro")
    assert with_boxes.returncode == 2
    assert "shikra" in with_boxes.stderr


def test_templates_alone_need_no_model_and_no_key(tmp_path: Path) -> None:
    config = write_config(tmp_path, "http://127.0.0.1:9/v1", categories='"pairs/caption"')
    config.write_text(config.read_text().replace('kind = "openai"', 'kind = "none"'))
    assert syphus("generate", config).returncode == 0
    assert len(read_llava(tmp_path / "out/llava.json")) == 10
    asking = syphus("generate", config, "--category", "llava/detail")
    assert asking.returncode == 2
    assert "need a model" in asking.stderr


def test_the_readme_tells_of_every_command_and_flag_that_it_shows() -> None:
    readme = (ROOT / "README.md").read_text()
    parser = build_parser()
    commands = parser._subparsers._group_actions[0].choices
    for name in commands:
        assert f"syphus {name}" in readme, f"the README does not mention syphus {name}"
    for line in re.findall(r"^(?:\.venv/bin/)?syphus (.+)$", readme, re.MULTILINE):
        words = line.split("#")[0].split()
        known = {option for action in commands[words[0]]._actions for option in action.option_strings}
        for word in words:
            if word.startswith("--"):
                assert word.split("=")[0] in known, f"README: syphus {line}: no flag {word}"


def test_the_configurations_that_come_with_syphus_are_good() -> None:
    for path in sorted((ROOT / "configs").glob("*.toml")):
        assert tomllib.loads(path.read_text())["categories"]
    assert syphus("check", "configs/quickstart.toml").returncode == 0


def test_the_cost_is_shown_where_prices_are_given(tmp_path: Path, server: RehearsalServer) -> None:
    config = write_config(tmp_path, server.url, categories='"llava/detail"')
    done = syphus("generate", config, "--set", "model.price_in=1000", "--set", "model.price_out=10_000")
    assert done.returncode == 0, done.stderr
    expected = (server.tokens_in * 1000 + server.tokens_out * 10_000) / 1_000_000
    assert expected > 1
    assert json.loads(syphus("status", tmp_path / "run", "--json").stdout)["total"]["cost"] == pytest.approx(expected)
    assert f"cost: ${expected:,.2f}" in done.stderr


def test_a_source_without_a_good_scene_is_an_error_and_costs_nothing(tmp_path: Path, server: RehearsalServer) -> None:
    config = write_config(tmp_path, server.url)
    scenes = tmp_path / "scenes.jsonl"
    scenes.write_text('{"id": "a", "captions": "torn')
    done = syphus("generate", config, "--source", f"path={scenes}")
    assert done.returncode == 2, done.stderr
    assert "line 1" in done.stderr
    assert not server.calls


def test_bad_records_are_counted_and_the_good_ones_used(tmp_path: Path, server: RehearsalServer) -> None:
    config = write_config(tmp_path, server.url, categories='"pairs/caption"')
    scenes = tmp_path / "scenes.jsonl"
    lines = (ROOT / "examples/scenes.jsonl").read_text().splitlines()
    scenes.write_text("\n".join([lines[0], '{"id": "bad", "captions": 7}', lines[1]]))
    done = syphus("generate", config, "--source", f"path={scenes}")
    assert done.returncode == 0, done.stderr
    assert "source records lost: 1" in done.stderr
    assert "line 2" in done.stderr
    assert json.loads(syphus("status", tmp_path / "run", "--json").stdout)["total"]["accepted"] == 2


def test_a_run_is_repeated_from_its_own_folder_when_all_around_it_is_gone(
    tmp_path: Path, server: RehearsalServer
) -> None:
    syphus("new", "mine/shops", cwd=tmp_path)
    config = write_config(tmp_path, server.url, categories='"mine/shops", "pairs/caption"')
    assert syphus("generate", config, "--limit", "4", "--seed", "11").returncode == 0
    first = [body for body in server.calls if "colour has the sky" not in body["messages"][-1]["content"]]
    shutil.rmtree(tmp_path / "seeds")
    config.unlink()
    server.calls.clear()
    again = syphus("generate", tmp_path / "run/config.json", "--run", tmp_path / "elsewhere/run", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    second = [body for body in server.calls if "colour has the sky" not in body["messages"][-1]["content"]]
    as_text = lambda bodies: sorted(json.dumps(body, sort_keys=True) for body in bodies)  # noqa: E731
    assert as_text(second) == as_text(first)
    assert (tmp_path / "elsewhere/out/llava.json").read_bytes() == (tmp_path / "out/llava.json").read_bytes()


def test_changing_one_category_asks_that_category_again_and_no_other(tmp_path: Path, server: RehearsalServer) -> None:
    syphus("new", "mine/shops", cwd=tmp_path)
    config = write_config(tmp_path, server.url, categories='"mine/shops", "llava/detail"')
    syphus("generate", config)
    server.calls.clear()
    system = tmp_path / "seeds/mine/shops/system.md"
    system.write_text(system.read_text() + "\n\nSpeak of shops.")
    done = syphus("generate", config)
    assert done.returncode == 0, done.stderr
    assert len(server.calls) == 10
    assert all("Speak of shops." in body["messages"][0]["content"] for body in server.calls)


def test_a_balanced_run_asks_for_no_more_than_it_keeps_and_says_what_it_holds(
    tmp_path: Path, server: RehearsalServer
) -> None:
    categories = '"pairs/caption", "llava/detail", "llava/reasoning"'
    config = write_config(tmp_path, server.url, categories=categories)
    config.write_text(config.read_text() + "\n[balance]\nabilities = {perception = 0.5, reasoning = 0.5}\n")
    done = syphus("generate", config, cwd=tmp_path, key="k")
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"balance of \d+ pairs: perception \d+% \(wanted 50%\), reasoning \d+% \(wanted 50%\)", done.stderr
    )
    status = json.loads(syphus("status", tmp_path / "run", "--json").stdout)
    made = {name: counts["items"] for name, counts in status["categories"].items()}
    assert made["llava/reasoning"] == 10, "the scarce ability is used whole"
    assert made["pairs/caption"] + made["llava/detail"] == 10, "of the other, as much as keeps the shares"
    asked = len(server.calls)
    assert syphus("generate", config, cwd=tmp_path, key="k").returncode == 0
    assert len(server.calls) == asked, "the same items are chosen in every start"


def test_a_balance_that_cannot_be_kept_is_refused_before_anything_is_sent(
    tmp_path: Path, server: RehearsalServer
) -> None:
    config = write_config(tmp_path, server.url)
    done = syphus("generate", config, "--set", "balance.source_at_most=0.3", cwd=tmp_path, key="k")
    assert done.returncode == 2
    assert "1 source of at most 30% is no whole" in done.stderr
    assert not server.calls


def test_an_export_keeps_the_balance_and_has_a_card(tmp_path: Path, server: RehearsalServer) -> None:
    config = write_config(tmp_path, server.url, categories='"pairs/caption", "llava/detail", "llava/reasoning"')
    assert syphus("generate", config, cwd=tmp_path, key="k").returncode == 0
    text = (tmp_path / "run/config.json").read_text()
    card = (tmp_path / "out/llava.card.md").read_text()
    assert "| llava/reasoning | 10 |" in card
    assert str(tmp_path) not in card
    assert "scripted-1" in card
    kept = json.loads(text) | {"balance": {"abilities": {"perception": 0.5, "reasoning": 0.5}}}
    with open_ledger(tmp_path / "run", create=True) as ledger:
        ledger.set_meta("config", kept)
    done = syphus("export", "run", "--format", "jsonl", "--out", "x.jsonl", cwd=tmp_path)
    assert "held back for the balance of the run: 10 of 30 pairs" in done.stderr, done.stderr
    abilities = [json.loads(line).get("ability", "perception") for line in (tmp_path / "x.jsonl").open()]
    assert abilities.count("perception") == abilities.count("reasoning") == 10
    whole = syphus("export", "run", "--format", "jsonl", "--out", "x.jsonl", "--whole", cwd=tmp_path)
    assert "30 dialogues" in whole.stderr
    part = syphus(
        "export", "run", "--format", "jsonl", "--out", "x.jsonl", "--category", "llava/*", "--whole", cwd=tmp_path
    )
    assert "20 dialogues" in part.stderr


def test_a_plan_counts_what_the_balance_chooses(tmp_path: Path, server: RehearsalServer) -> None:
    config = write_config(tmp_path, server.url, categories='"pairs/caption", "llava/detail", "llava/reasoning"')
    config.write_text(config.read_text() + "\n[balance]\nabilities = {perception = 0.5, reasoning = 0.5}\n")
    plan = json.loads(syphus("plan", config, "--json", cwd=tmp_path, key="k").stdout)
    assert {name: one["items"] for name, one in plan["categories"].items()}["llava/reasoning"] == 10
    assert plan["total"]["items"] == 20


def test_what_people_rejected_is_held_back_and_made_again(tmp_path: Path, server: RehearsalServer) -> None:
    config = write_config(tmp_path, server.url, categories='"llava/reasoning"')
    assert syphus("generate", config, cwd=tmp_path, key="k").returncode == 0
    syphus("export", "run", "--format", "jsonl", "--out", "all.jsonl", cwd=tmp_path)
    ids = [json.loads(line)["id"] for line in (tmp_path / "all.jsonl").open()]
    lines = [{"id": ids[0], "decision": "reject"}, {"id": ids[1], "decision": "accept"}, {"id": ids[2], "note": "hm"}]
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    flags = ("export", "run", "--format", "jsonl", "--decisions", "d.jsonl", "--out", "some.jsonl")
    done = syphus(*flags, cwd=tmp_path)
    assert f"held back by decisions: 1 of {len(ids)} dialogues" in done.stderr, done.stderr
    assert [json.loads(line)["id"] for line in (tmp_path / "some.jsonl").open()] == ids[1:]
    syphus(*flags, "--only-accepted", cwd=tmp_path)
    assert [json.loads(line)["id"] for line in (tmp_path / "some.jsonl").open()] == [ids[1]]
    alone = syphus("export", "run", "--format", "jsonl", "--out", "x.jsonl", "--only-accepted", cwd=tmp_path)
    assert alone.returncode == 2
    before = len(server.calls)
    again = syphus("regenerate", "run", "--decisions", "d.jsonl", "--yes", cwd=tmp_path, key="k")
    assert again.returncode == 0, again.stderr
    assert f"1 of {len(ids)} items" in again.stderr
    assert len(server.calls) == before + 1
    diff = syphus("diff", "run", "--json", cwd=tmp_path)
    assert json.loads(diff.stdout)["summary"]["reasons"] == {"another draw": 1}
