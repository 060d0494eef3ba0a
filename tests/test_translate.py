# ruff: noqa: RUF001
"""``syphus translate`` as a user types it: a dataset and a run, killed, resumed, grown, redrawn, exported."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import unicodedata
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from msgspec import structs
from PIL import Image
from translators import reply_to, script, target_of

from syphus.cli.main import main
from syphus.formats.exporting import ExportOptions
from syphus.formats.importing import ImportOptions, find_importers
from syphus.ledger.ledger import open_ledger
from syphus.records import Asset, Dialogue, Object, Turn
from syphus.references.text import plain_text
from syphus.rehearsal.server import RehearsalServer

ROOT = Path(__file__).parents[1]
REAL = ROOT.parent / "shared/data/llava/coco2014_val_gpt4_qa_first45.jsonl"
HEAD = ROOT.parent / "shared/data/transcribed/llava_instruct_150k_head.json"
SEVEN = "zh,ja,es,de,fr,ko,ar"
THINGS = "bus tree house street coat garden station bridge river boat horse window".split()


def answer(at: int) -> str:
    return f"In the picture a {THINGS[at % 12]} stands beside the {THINGS[(at + 5) % 12]}, and {at + 20} people look at it."


def llava_row(at: int, question: str = "Describe this image in detail.") -> dict:
    turns = [("human", f"<image>\n{question}"), ("gpt", answer(at)), ("human", f"Where is the {THINGS[at % 12]} in `a{at}.py`?"), ("gpt", f"(B) It is on the left, near the {THINGS[(at + 3) % 12]}.")]  # fmt: skip
    return {
        "id": f"r{at}",
        "image": f"{at}.jpg",
        "conversations": [{"from": role, "value": text} for role, text in turns],
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "data.json"
    file.write_text(json.dumps([llava_row(at) for at in range(12)]))
    return file


@pytest.fixture
def translator(server: RehearsalServer) -> RehearsalServer:
    server.script = script
    return server


def flags(server: RehearsalServer, folder: Path) -> list[str]:
    return ["--run", str(folder), "--base-url", server.url, "--model", "m", "--set", 'model.schema_mode="json_object"', "--concurrency", "4"]  # fmt: skip


def translate(file: Path, server: RehearsalServer, *more: str, to: str = "zh,de") -> int:
    return main(["translate", str(file), "--to", to, *flags(server, file.parent / "run"), *more])


def outcomes(folder: Path) -> dict:
    with open_ledger(folder) as ledger:
        return {one.item: one for one in ledger.outcomes()}


def test_a_dataset_goes_over_into_seven_languages(
    data: Path, translator: RehearsalServer, tmp_path: Path, capsys
) -> None:
    assert translate(data, translator, "--export", "llava", "--out", str(tmp_path / "out/{lang}.json"), to=SEVEN) == 0
    source = json.loads(data.read_text())
    for tag in SEVEN.split(","):
        rows = json.loads((tmp_path / f"out/{tag}.json").read_text())
        assert [row["id"] for row in rows] == [row["id"] for row in source], "the same ids, in the same order"
        for row, original in zip(rows, source, strict=True):
            assert row["image"] == original["image"]
            texts = [turn["value"] for turn in row["conversations"]]
            assert len(texts) == 4
            assert texts[0].startswith("<image>\n")
            assert f"`{original['conversations'][2]['value'].split('`')[1]}`" in texts[2]
            assert "(B)" in texts[3]
            assert not any(turn["value"] in texts for turn in original["conversations"])
    purposes = [target_of(body) for body in translator.calls]
    assert {tag: purposes.count(tag) for tag in SEVEN.split(",")} == dict.fromkeys(SEVEN.split(","), 13), (
        "one for the template, which comes twelve times, and one for each dialogue"
    )
    assert "1 questions come 12 times" in capsys.readouterr().err
    stored = outcomes(tmp_path / "run")
    assert len(stored) == 12 * 7
    made = stored["r3@ar"].dialogues[0]
    assert (made.id, made.language, made.metadata["translated_from"]) == ("r3", "ar", "en")


def test_started_again_nothing_is_sent_and_a_grown_source_pays_for_what_is_new(
    data: Path, translator: RehearsalServer, tmp_path: Path
) -> None:
    translate(data, translator)
    before, stored = len(translator.calls), outcomes(tmp_path / "run")
    assert translate(data, translator) == 0
    assert len(translator.calls) == before
    rows = json.loads(data.read_text())
    rows[4]["conversations"][1]["value"] = "In the picture a boat lies in the harbour, and nobody looks at it now."
    # The second question of one that is there: from now on it repeats, which changes nothing for the old one.
    rows.insert(
        0, llava_row(30) | {"conversations": [rows[2]["conversations"][2], *llava_row(30)["conversations"][1:]]}
    )
    data.write_text(json.dumps(rows))
    assert translate(data, translator) == 0
    sent = [body for body in translator.calls[before:] if target_of(body)]
    assert len(sent) <= 2 * 3, "the new one, the changed one, and perhaps the memory of the question that repeats now"
    now = outcomes(tmp_path / "run")
    same = [name for name in stored if name.split("@")[0] != "r4"]
    assert all(now[name].dialogues == stored[name].dialogues for name in same)
    assert now["r4@zh"].dialogues != stored["r4@zh"].dialogues


def test_killed_it_goes_on_and_pays_nothing_twice(data: Path, tmp_path: Path) -> None:
    rows = [llava_row(at) for at in range(40)]
    data.write_text(json.dumps(rows))
    with RehearsalServer(script, delay=0.04) as server:
        export = ["--export", "jsonl", "--out"]
        assert main(["translate", str(data), "--to", "zh,ar", *flags(server, tmp_path / "whole"), *export, str(tmp_path / "whole-{lang}.jsonl")]) == 0  # fmt: skip
        needed = len(server.calls)
        server.calls.clear()
        command = ["translate", str(data), "--to", "zh,ar", *flags(server, tmp_path / "killed"), *export, str(tmp_path / "killed-{lang}.jsonl")]  # fmt: skip
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
        for share in (0.3, 0.7):
            process = subprocess.Popen(
                [sys.executable, "-m", "syphus", *command], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
            )
            end = time.monotonic() + 60
            while len(server.calls) < needed * share and time.monotonic() < end:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert main(command) == 0
        assert needed <= len(server.calls) <= needed + 2 * (4 + 2), "what was in flight, four calls, may be asked again"
    for tag in ("zh", "ar"):
        assert (tmp_path / f"killed-{tag}.jsonl").read_bytes() == (tmp_path / f"whole-{tag}.jsonl").read_bytes()


def test_a_lock_that_is_lost_is_asked_for_again_with_the_reason_and_then_kept_aside(
    data: Path, server: RehearsalServer, tmp_path: Path
) -> None:
    def forgetful(body, number):
        if not target_of(body):
            return None
        stubborn = "25 people" in body["messages"][1]["content"]
        repaired = len(body["messages"]) > 2

        def spoil(turn, text):
            return text if (repaired and not stubborn) or turn != "3" else text.replace("⟦1⟧", "")

        return reply_to(body, spoil=spoil)

    server.script = forgetful
    assert translate(data, server, to="de") == 0
    stored = outcomes(tmp_path / "run")
    assert {name for name, one in stored.items() if one.state == "rejected"} == {"r5@de"}
    assert [reject.code for reject in stored["r5@de"].rejects] == ["lock: lost"]
    assert stored["r5@de"].rejects[0].evidence == "`a5.py`"
    assert "asked again for lock: lost" in stored["r1@de"].notes
    repairs = [body for body in server.calls if len(body["messages"]) > 2]
    assert len(repairs) == 11 + 2
    assert "The marker ⟦1⟧ is missing" in repairs[0]["messages"][-1]["content"]
    server.script = script
    before = len(server.calls)
    assert translate(data, server, "--rejected", "lock", to="de") == 0
    assert len(server.calls) == before + 1, "only what was refused, once"
    assert outcomes(tmp_path / "run")["r5@de"].state == "accepted"


def test_redrawn_all_is_asked_anew_once(data: Path, translator: RehearsalServer, tmp_path: Path) -> None:
    translate(data, translator, to="de")
    before = len(translator.calls)
    assert translate(data, translator, "--redraw", to="de") == 0
    assert len(translator.calls) == 2 * before
    assert translate(data, translator, to="de") == 0
    assert len(translator.calls) == 2 * before


def test_the_plan_says_what_it_will_cost_and_sends_nothing(
    data: Path, translator: RehearsalServer, tmp_path: Path, capsys
) -> None:
    priced = ["--set", "model.price_in=1", "--set", "model.price_out=4", "--plan", "--json"]
    assert translate(data, translator, *priced) == 0
    assert translator.calls == []
    assert not (tmp_path / "run").exists()
    plan = json.loads(capsys.readouterr().out)
    assert plan["total"]["dialogues"] == 24
    assert plan["languages"]["translate/zh"]["memory_requests"] == 1
    assert plan["languages"]["translate/zh"]["requests"]["low"] == 13
    translate(data, translator, "--set", "model.price_in=1", "--set", "model.price_out=4")
    with open_ledger(tmp_path / "run") as ledger:
        spent = sum(one.cost for one in ledger.spent())
    assert plan["total"]["cost"]["low"] < spent < plan["total"]["cost"]["high"]
    capsys.readouterr()
    assert translate(data, translator, *priced) == 0
    assert json.loads(capsys.readouterr().out)["total"]["requests"]["likely"] == 0
    assert translate(data, translator, "--plan", "--redraw") == 0


def test_a_trial_of_a_few_is_a_part_of_the_whole(data: Path, translator: RehearsalServer, tmp_path: Path) -> None:
    assert translate(data, translator, "--limit", "3", to="de") == 0
    assert len(translator.calls) == 4
    assert translate(data, translator, to="de") == 0
    assert len(translator.calls) == 13


def test_mixed_all_languages_are_in_one_file_under_ids_that_differ(
    data: Path, translator: RehearsalServer, tmp_path: Path
) -> None:
    assert translate(data, translator, "--export", "llava", "--out", str(tmp_path / "all.json")) == 0
    rows = json.loads((tmp_path / "all.json").read_text())
    assert len(rows) == 36
    assert len({row["id"] for row in rows}) == 36
    assert {row["id"] for row in rows} >= {"r0", "r0@zh", "r0@de"}


def test_back_translation_gives_a_figure_for_each_language(
    data: Path, translator: RehearsalServer, tmp_path: Path, capsys
) -> None:
    assert translate(data, translator, "--back", "3", to="de,es") == 0
    said = capsys.readouterr().err
    assert re.search(r"de, 3 of 3 dialogues came back into English: chrF \d+\.\d, ROUGE-L 0\.\d\d", said)
    with open_ledger(tmp_path / "run") as ledger:
        assert ledger.meta("translate/de back", dict, {})["dialogues"] == 3
        assert {one.purpose for one in ledger.spent()} >= {"translate/de/back", "translate/es/back"}
    before = len(translator.calls)
    assert translate(data, translator, "--back", "3", to="de,es") == 0
    assert len(translator.calls) == before


def test_wishes_reach_the_prompt(data: Path, translator: RehearsalServer, tmp_path: Path, capsys) -> None:
    (tmp_path / "terms.toml").write_text('[de]\nbus = "Omnibus"\n[all]\n"a tree" = "X"\n')
    (tmp_path / "names.txt").write_text("# names\nstation\n")
    more = ["--glossary", str(tmp_path / "terms.toml"), "--names", str(tmp_path / "names.txt"), "--style", "de=formal", "--show-prompt"]  # fmt: skip
    assert translate(data, translator, *more, to="de,fr") == 0
    german, french = capsys.readouterr().out.split("===== ")[1:]
    assert "bus → Omnibus" in german
    assert "bus → " not in french
    assert "a tree → X" in french
    assert "formal form of address throughout" in german
    assert "formal form of address throughout" not in french
    assert translator.calls == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--to", "xx-"], "no language tag"),
        (["--to", " , "], "names no language"),
        (["--to", "de", "--style", "de=odd"], "is no style"),
        (["--to", "de", "--style", "fr=formal"], "fr is not translated into"),
        (["--to", "de", "--export", "llava"], "go together"),
        (["--to", "de", "--export", "nothing", "--out", "x"], "there is no format"),
        (["--to", "de", "--glossary", "french.toml"], "has no terms for de"),
        (["--to", "zh", "--glossary", "terms.toml"], "is no text"),
        (["--to", "de", "--names", "empty.txt"], "holds no name"),
        (["--to", "de", "--set", "categories=[]"], "cannot be set here"),
        (["--to", "de", "--images", "nowhere"], "is no folder"),
        (["--to", "de", "--language", "e"], "no language tag"),
    ],
)
def test_mistakes_are_said_before_anything_is_sent(
    data: Path, more, message, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("terms.toml").write_text("[zh]\nbus = 3\n")
    Path("french.toml").write_text('[fr]\nbus = "bus"\n')
    Path("empty.txt").write_text("# none\n")
    assert main(["translate", str(data), *more]) == 2
    assert message in capsys.readouterr().err
    assert not Path("runs").exists()


@pytest.mark.parametrize("content", ["", "[", "[]", '[{"id": 1}]', "not json at all"])
def test_a_file_that_is_none_is_said(content: str, tmp_path: Path, translator: RehearsalServer, capsys) -> None:
    file = tmp_path / "odd.json"
    file.write_text(content)
    assert translate(file, translator) == 2
    assert "odd.json" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_folder_of_another_files_translations_is_refused(
    data: Path, translator: RehearsalServer, tmp_path: Path, capsys
) -> None:
    translate(data, translator, "--limit", "1", to="de")
    other = tmp_path / "other.json"
    other.write_bytes(data.read_bytes())
    assert translate(other, translator, to="de") == 2
    assert "holds translations of another file (../data.json)" in capsys.readouterr().err


# -- a run of our own

CONFIG = """
categories = ["pairs/caption", "llava/conversation", "llava/detail"]
[run]
folder = "run"
seed = 3
[[sources]]
reader = "scenes"
name = "examples"
path = "{root}/examples/scenes.jsonl"
images = "{root}/examples/images"
[model]
kind = "openai"
name = "m"
base_url = "{url}"
concurrency = 4
schema_mode = "json_object"
"""


def test_a_run_goes_over_within_its_own_ledger(translator: RehearsalServer, tmp_path: Path, capsys) -> None:
    (tmp_path / "run.toml").write_text(CONFIG.format(root=ROOT, url=translator.url))
    run = tmp_path / "run"
    assert main(["generate", str(tmp_path / "run.toml")]) == 0
    english = outcomes(run)
    assert main(["translate", str(run), "--to", "zh,ar"]) == 0
    stored = outcomes(run)
    assert len(stored) == 3 * len(english)
    for name, one in english.items():
        assert stored[name] == one
        [source] = one.dialogues
        [made] = stored[f"{source.id}@zh"].dialogues
        assert (made.id, made.category, made.assets, made.scene) == (
            source.id,
            source.category,
            source.assets,
            source.scene,
        )
    for tag in ("zh", "ar"):
        assert (
            main(
                [
                    "export",
                    str(run),
                    "--language",
                    tag,
                    "--format",
                    "llava",
                    "--max-tokens",
                    "9000",
                    "--out",
                    str(tmp_path / f"{tag}.json"),
                ]
            )
            == 0
        )
    rows = {tag: json.loads((tmp_path / f"{tag}.json").read_text()) for tag in ("zh", "ar")}
    assert [row["id"] for row in rows["zh"]] == [row["id"] for row in rows["ar"]]
    assert len(rows["zh"]) == 30
    assert (
        main(
            [
                "export",
                str(run),
                "--language",
                "all",
                "--format",
                "llava",
                "--max-tokens",
                "9000",
                "--out",
                str(tmp_path / "all.json"),
            ]
        )
        == 0
    )
    assert len(json.loads((tmp_path / "all.json").read_text())) == 90
    capsys.readouterr()
    assert main(["status", str(run), "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["categories"]["translate/zh"]["accepted"] == 30
    before = len(translator.calls)
    assert main(["generate", str(tmp_path / "run.toml")]) == 0
    assert main(["translate", str(run), "--to", "zh,ar"]) == 0
    assert len(translator.calls) == before
    # One category is made anew; only its dialogues are translated again.
    assert main(["regenerate", str(run), "--category", "llava/detail", "--redraw", "--yes"]) == 0
    english = len(translator.calls)
    before_zh = {name: one.dialogues for name, one in outcomes(run).items()}
    assert main(["translate", str(run), "--to", "zh"]) == 0
    redone = [name for name, one in outcomes(run).items() if one.dialogues != before_zh[name]]
    assert all("llava/detail@zh" in name for name in redone)
    assert len(translator.calls) - english <= 10
    assert not list(run.glob(".translate-*")), "the copy of the dialogues is gone"


# -- right to left

ARABIC = (
    "ما لون [الحافلة](#o1) في `bus.jpg`؟ (A) أحمر \u200fو\u200f (B) أزرق, 3.5 m",
    "هي \u202bحمراء\u202c (red) 12:30 \u2066[1, 2]\u2069 — شكراً!\nسطر ثانٍ 50%.",
)


def marks_of(text: str) -> str:
    return "".join(sign for sign in text if unicodedata.bidirectional(sign) in {"LRE", "RLE", "PDF", "LRI", "RLI", "FSI", "PDI", "LRO", "RLO"} or sign in "\u200e\u200f\u061c")  # fmt: skip


@pytest.mark.parametrize("name", sorted(entry.name for entry in entry_points(group="syphus.formats")))
def test_right_to_left_text_goes_out_and_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    Image.new("RGB", (100, 100)).save(tmp_path / "a.jpg")
    bus = Object(id="o1", label="bus", box=(1.0, 2.0, 30.0, 40.0))
    turns = tuple(Turn(role=role, text=text) for role, text in zip(("user", "assistant"), ARABIC, strict=True))
    dialogue = Dialogue(id="a", scene="s", language="ar", turns=turns, assets=(Asset(path="a.jpg", width=100, height=100),), objects=(bus,))  # fmt: skip
    (tmp_path / "v_a.mp4").write_bytes(b"video")
    if name == "video_chatgpt":
        dialogue = structs.replace(dialogue, assets=(Asset(kind="video", path="v_a.mp4"),))
    module = next(entry for entry in entry_points(group="syphus.formats") if entry.name == name).load()
    target = tmp_path / f"out{module.SUFFIX}"
    written = module.write([dialogue], target, ExportOptions(picture_folders={"": tmp_path}, exact=True))
    assert written.written == 1, written.left_out
    if name in find_importers():
        problems: list = []
        [again] = list(module.read(target, ImportOptions(images=tmp_path), problems.append))
        texts = [plain_text(turn.text) for turn in again.turns]
        assert texts == [plain_text(text) for text in ARABIC]
        assert [marks_of(text) for text in texts] == [marks_of(text) for text in ARABIC]


# -- real files, a real model


@pytest.mark.skipif(not REAL.is_file(), reason="the real data is not here")
def test_real_questions_and_answers(translator: RehearsalServer, tmp_path: Path) -> None:
    rows = []
    for number, line in enumerate(REAL.read_text().splitlines()):
        row = json.loads(line)
        turns = [{"from": "human", "value": f"<image>\n{row['instruction']}"}, {"from": "gpt", "value": row["output"]}]
        rows.append({"id": f"{row['id']}-{number}", "image": row["image"], "conversations": turns})
    file = tmp_path / "real.json"
    file.write_text(json.dumps(rows))
    assert translate(file, translator, to=SEVEN) == 0
    stored = outcomes(tmp_path / "run")
    assert len(stored) == 45 * 7
    assert sum(one.state == "accepted" for one in stored.values()) == 45 * 7


@pytest.mark.skipif(not HEAD.is_file(), reason="the real data is not here")
def test_the_head_of_llava_instruct(translator: RehearsalServer, tmp_path: Path) -> None:
    out = str(tmp_path / "{lang}.json")
    arguments = [
        "translate",
        str(HEAD),
        "--to",
        "ar",
        *flags(translator, tmp_path / "run"),
        "--export",
        "llava",
        "--out",
        out,
    ]
    assert main(arguments) == 0
    [row] = json.loads((tmp_path / "ar.json").read_text())
    [source] = json.loads(HEAD.read_text())
    assert [turn["from"] for turn in row["conversations"]] == [turn["from"] for turn in source["conversations"]]
    assert row["id"] == source["id"]


def test_a_model_that_does_not_translate_is_found_out(data: Path, server: RehearsalServer, tmp_path: Path) -> None:
    assert translate(data, server, "--limit", "3") == 1, "the rehearsal's own replies are English sentences"
    stored = outcomes(tmp_path / "run")
    assert {one.state for one in stored.values()} == {"rejected"}
    assert all(one.rejects for one in stored.values())


@pytest.mark.model
def test_the_embedded_model_translates_badly_and_the_checks_say_so(tmp_path: Path, data: Path) -> None:
    pytest.importorskip("xllamacpp", reason="needs syphus[local]")
    rows = [llava_row(at) for at in range(2)]
    for row in rows:
        row["conversations"] = row["conversations"][:2]
    data.write_text(json.dumps(rows))
    code = main(["translate", str(data), "--to", "zh", "--run", str(tmp_path / "run")])
    stored = outcomes(tmp_path / "run")
    assert len(stored) == 2
    assert code == 1
    codes = {reject.code for one in stored.values() for reject in one.rejects}
    assert codes
    assert codes <= {
        *("structure: numbers", "structure: missing", "structure: twice", "structure: question", "structure: lines"),
        *("schema: no_json", "schema: cut", "schema: broken", "length: too_long", "length: too_short", "script: wrong"),
        *(
            "untranslated: part",
            "untranslated: same",
            "number: lost",
            "number: invented",
            "repeats: loop",
            "language: wrong",
        ),
        *("chatter: remark", "refusal: model", "lock: lost", "lock: invented", "lock: doubled", "lock: broken"),
    }
