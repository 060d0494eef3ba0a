"""Translating and judging through the provider's Batch API: the real commands against the rehearsal's endpoint.

What batches go through by themselves is in test_batch.py, with ``generate``; here is what other commands bring: rounds that wait
for each other, several models, several commands in one ledger, and being taken up again from the ledger alone.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from judging import fields_of, make_project, outcomes, scores, written
from test_batch import CrashError, crash_at
from test_correct import corrector
from test_translate import llava_row
from translators import reply_to, target_of

from syphus.cli.main import main
from syphus.cli.runs import batch_rounds
from syphus.engine import batches as engine_batches
from syphus.rehearsal.batch import BatchDesk
from syphus.rehearsal.replies import completion
from syphus.rehearsal.server import RehearsalServer, chat_routes

DIALOGUES = 6
PRICED = ["--set", "model.price_in=1000", "--set", "model.price_out=2000", "--set", "model.price_batch=0.5"]
PAID = "SELECT count(*) FROM attempts WHERE failure IS NULL AND batch IS NOT NULL"


class Provider:
    """A server with a batch desk that does what each of the commands asks of it."""

    def __init__(self, folder: Path, desk: BatchDesk, server: RehearsalServer) -> None:
        self.folder = folder
        self.desk = desk
        self.server = server
        self.spoil_once = ""
        """In the place of the next translation of a text with this in it something stands that is none."""
        server.script = self.answer

    def answer(self, body: dict, _: int) -> dict | None:
        if target_of(body):
            return reply_to(body, spoil=self._spoil)
        if "schema" not in body.get("response_format", {}).get("json_schema", {}):
            return None
        fields = fields_of(body)
        if "verdict" in fields:
            return corrector(body, 0)
        if "why" in fields:
            return completion(scores(body, lambda pair, _: 1 if body["model"] == "harsh" and pair == 2 else 4))
        if "question" in fields:
            return written(body)
        return None

    def _spoil(self, _: str, text: str) -> str:
        if self.spoil_once and self.spoil_once in text:
            self.spoil_once = ""
            return "This was left in English as it stood in the source."
        return text

    @property
    def run(self) -> Path:
        return self.folder / "run"

    def data(self) -> Path:
        file = self.folder / "data.json"
        if not file.exists():
            file.write_text(json.dumps([llava_row(at) for at in range(DIALOGUES)]))
        return file

    def generate(self) -> None:
        """A run of three dialogues, made online."""
        assert main(["generate", str(make_project(self.folder, self.server.url))]) == 0
        self.server.calls.clear()

    def translate(self, *more: str, to: str = "de", run: str = "run", what: Path | None = None) -> int:
        source = ["--run", str(self.folder / run), "--model", "m", *self.flags] if what is None else self.flags
        return main(["translate", str(what or self.data()), "--to", to, *source, *more])

    @property
    def flags(self) -> list[str]:
        return ["--base-url", self.server.url, "--set", 'model.schema_mode="json_schema"', "--set", "batch.poll=0.01"]

    def collect(self, *more: str, run: str = "run") -> int:
        return main(["batch", "collect", str(self.folder / run), *more])

    def collect_until(self, requests: list[int]) -> None:
        """Looks again and again, until so many requests were handed in, batch by batch, and all was fetched but the last."""
        for _ in range(12):
            if self.lines() == requests:
                return
            assert self.collect() == 0
        raise AssertionError(self.lines())

    def rows(self, statement: str, run: str = "run") -> list[tuple]:
        with closing(sqlite3.connect(self.folder / run / "ledger.sqlite")) as db:
            return db.execute(statement).fetchall()

    def lines(self) -> list[int]:
        """How many requests each batch had."""
        return [one.input_file.data.count(b"\n") for one in self.desk.batches.values()]

    def assert_nothing_was_paid_twice(self) -> None:
        assert set(Counter(self.desk.answered).values()) <= {1}
        online = [json.dumps(body, sort_keys=True) for body in self.server.calls]
        assert len(set(online)) == len(online)
        sent = (line for one in self.desk.batches.values() for line in one.lines)
        bodies = {json.dumps(one["body"], sort_keys=True) for one in sent if one["custom_id"] in self.desk.answered}
        assert bodies.isdisjoint(online)


@pytest.fixture(autouse=True)
def no_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_batches, "LAG", 0.01)


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    desk = BatchDesk()
    with RehearsalServer(tables=(chat_routes, desk.routes)) as server:
        yield Provider(tmp_path, desk, server)


def turns(folder: Path, category: str) -> dict:
    return {
        row["item"]: [[turn["text"] for turn in one["turns"]] for one in row["dialogues"]]
        for row in outcomes(folder, category)
    }


# -- translating


def test_a_dataset_is_translated_through_batches_as_it_is_online(provider: Provider, capsys) -> None:
    provider.spoil_once = "24"
    out = provider.folder / "out/{lang}.json"
    assert provider.translate("--batch", *PRICED, "--export", "llava", "--out", str(out)) == 0
    said = capsys.readouterr().err
    assert "1 request for questions that repeat goes online, at the full price" in said
    assert f"{DIALOGUES} requests wait in 1 batch at the provider" in said
    assert f"`syphus batch collect {provider.run}` fetches" in said
    assert not out.parent.exists()

    assert provider.collect("--wait") == 0
    assert provider.lines() == [DIALOGUES, 1], "the dialogues, and what was wrong in one of them"
    assert len(provider.server.calls) == 1, "the question that repeats: nothing waits for a round of it"
    provider.assert_nothing_was_paid_twice()
    assert len(json.loads((out.parent / "de.json").read_text())) == DIALOGUES
    sums = "SELECT sum(cost), sum(prompt_tokens), sum(completion_tokens) FROM attempts GROUP BY batch IS NULL"
    (cost, tokens_in, tokens_out), (online, *_) = provider.rows(sums)
    assert cost == pytest.approx((tokens_in * 1000 + tokens_out * 2000) / 1e6 * 0.5), "half price"
    assert 0 < online < cost
    assert list((provider.run / "batches").iterdir()) == [], "what the command had read is not needed any more"
    assert provider.collect() == 0
    assert "nothing waits" in capsys.readouterr().err

    provider.spoil_once = "24"
    assert provider.translate(run="online") == 0
    assert turns(provider.run, "translate/de") == turns(provider.folder / "online", "translate/de")
    keys = "SELECT key FROM requests ORDER BY key"
    assert provider.rows(keys) == provider.rows(keys, "online"), "the very same requests"


def test_the_plan_is_at_the_price_of_batches(provider: Provider, capsys) -> None:
    prices = {}
    for batch in ((), ("--batch",)):
        assert provider.translate("--plan", "--json", *PRICED, *batch) == 0
        plan = json.loads(capsys.readouterr().out)
        assert plan["batch"] is bool(batch)
        prices[bool(batch)] = plan["total"]["cost"]["likely"]
    assert prices[False] / 2 < prices[True] < prices[False] * 0.6, "all but the question that repeats"
    assert provider.translate("--plan", "--batch", *PRICED[:4]) == 0
    assert "no batch price is known, so this is the full one" in capsys.readouterr().err
    said = []
    for batch in ((), ("--batch",)):
        command = ["judge", str(provider.data()), "--model", "m", *provider.flags, *PRICED, "--plan", *batch]
        assert main(command) == 0
        said.append(capsys.readouterr().err)
    assert "price: that of the Batch API" in said[1]
    assert "price: that of the Batch API" not in said[0]
    assert not provider.desk.files


def test_what_batches_have_brought_is_not_asked_online_and_the_other_way_round(provider: Provider, capsys) -> None:
    provider.desk.accidents += ["expired"]
    assert provider.translate("--batch") == 0
    provider.server.calls.clear()
    assert provider.translate() == 2, "while requests wait"
    assert "asked online too, they would be paid twice" in capsys.readouterr().err
    for _ in range(4):
        assert provider.collect("--no-submit") == 0
    assert "3 items wait for a reply; what is exported is written when none does" in capsys.readouterr().err
    assert provider.translate() == 0
    assert len(provider.server.calls) == DIALOGUES // 2, "only what the batch had not brought when it expired"
    provider.assert_nothing_was_paid_twice()

    provider.server.calls.clear()
    assert provider.translate("--batch", "--wait", to="de,fr") == 0
    assert [target_of(body) for body in provider.server.calls] == ["fr"]
    assert provider.lines()[1:] == [DIALOGUES], "only what is new: French"
    provider.assert_nothing_was_paid_twice()


def test_what_waits_is_asked_online_where_that_is_wanted(provider: Provider) -> None:
    provider.translate("--batch")
    assert provider.translate("--anyway") == 0
    assert len(provider.server.calls) == 1 + DIALOGUES
    assert provider.collect("--wait") == 0
    assert provider.lines() == [DIALOGUES]


def go_on_after_a_crash(folder: Path, moment: int | None) -> list[str]:
    """A translation with a repair, broken off at a moment, and gone on with from its ledger, or by the same command."""
    folder.mkdir()
    desk = BatchDesk()
    with RehearsalServer(tables=(chat_routes, desk.routes)) as server, pytest.MonkeyPatch.context() as patch:
        provider = Provider(folder, desk, server)
        provider.spoil_once = "24"
        reached = crash_at(patch, moment)
        for name in ("write_mark", "forget"):
            original = getattr(batch_rounds, name)

            def step(*args, original=original, name=name):
                reached.append(f"before {name}")
                if len(reached) - 1 == moment:
                    raise CrashError
                return original(*args)

            patch.setattr(batch_rounds, name, step)
        with suppress(CrashError):
            assert provider.translate("--batch", "--wait") == 0
            assert moment is None
        patch.undo()
        patch.setattr(engine_batches, "LAG", 0.01)
        if moment is not None:
            assert (provider.collect("--wait") if moment % 2 else provider.translate("--batch", "--wait")) == 0
        assert len(provider.server.calls) == 1
        provider.assert_nothing_was_paid_twice()
        assert len(desk.answered) == DIALOGUES + 1
        assert {row["state"] for row in outcomes(provider.run, "translate/de")} == {"accepted"}
    return reached


def test_broken_off_before_or_after_any_kind_of_step_nothing_is_lost_or_paid_twice(tmp_path: Path) -> None:
    moments = go_on_after_a_crash(tmp_path / "undisturbed", None)
    last = {name: number for number, name in enumerate(moments)}
    broken = ("before create", "after create", "after download", "before written", "after written", "before take_back")
    for moment in (moments.index("before write_mark"), *(last[name] for name in (*broken, "before forget"))):
        assert go_on_after_a_crash(tmp_path / str(moment), moment)[-1] == moments[moment]


def test_it_goes_on_from_anywhere_with_what_it_had_read(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    place, texts = provider.folder / "place", provider.folder / "place/prompts"
    texts.mkdir(parents=True)
    (texts / "translation.md").write_text(
        (Path(__file__).parents[1] / "prompts/translation.md").read_text() + "\nOURS\n"
    )
    terms = place / "terms.toml"
    terms.write_text('[de]\nbus = "Omnibus"\n')
    provider.data()
    monkeypatch.chdir(place)
    flags = ["--to", "de", "--model", "m", *provider.flags, "--glossary", "terms.toml"]
    assert main(["translate", "../data.json", *flags, "--batch", "--export", "jsonl", "--out", "{lang}.jsonl"]) == 0
    run = place / "runs/translate-data"

    terms.write_text('[de]\nbus = "Autobus"\n')
    (texts / "translation.md").unlink()
    monkeypatch.chdir(provider.folder)
    assert main(["batch", "collect", str(run), "--wait"]) == 0
    assert provider.lines()[0] == DIALOGUES
    system = {line["body"]["messages"][0]["content"] for one in provider.desk.batches.values() for line in one.lines}
    assert len(provider.server.calls) == 1
    assert all("OURS" in text and "Autobus" not in text for text in system)
    assert any("Omnibus" in text for text in system)
    assert len((place / "de.jsonl").read_text().splitlines()) == DIALOGUES


def test_what_was_paid_is_fetched_also_when_the_source_is_gone(provider: Provider, capsys) -> None:
    provider.translate("--batch")
    hidden = provider.data().rename(provider.folder / "elsewhere.json")
    assert provider.collect("--wait") == 2
    assert "What the provider has of it is fetched" in capsys.readouterr().err
    assert provider.rows(PAID) == [(DIALOGUES,)]
    assert outcomes(provider.run) == []
    hidden.rename(provider.data().with_name("data.json"))
    assert provider.collect("--wait") == 0
    assert provider.lines() == [DIALOGUES]
    assert len(outcomes(provider.run)) == DIALOGUES
    provider.assert_nothing_was_paid_twice()


def test_called_back_it_stays_until_it_is_typed_again(provider: Provider, capsys) -> None:
    provider.translate("--batch")
    assert main(["batch", "cancel", str(provider.run)]) == 0
    said = capsys.readouterr().err
    assert "1 batch is called back" in said
    assert "3 items wait for a reply; `syphus translate`, as it was typed, goes on with them" in said
    assert provider.rows(PAID) == [(DIALOGUES // 2,)]
    assert provider.collect("--wait") == 0
    assert len(provider.desk.batches) == 1
    assert provider.translate("--batch", "--wait") == 0
    provider.assert_nothing_was_paid_twice()
    assert len(outcomes(provider.run, "translate/de")) == DIALOGUES


def test_the_budget_holds_and_a_larger_one_goes_on(provider: Provider, capsys) -> None:
    provider.translate("--batch", "--wait", *PRICED, run="other")
    most = [json.loads(detail)["most"] for (detail,) in provider.rows("SELECT detail FROM batches", "other")]
    before, budget = len(provider.desk.batches), most[0] * 0.5
    provider.desk.answered.clear()
    provider.server.calls.clear()
    assert provider.translate("--batch", "--wait", *PRICED, "--budget", str(budget)) == 4
    assert "`syphus batch collect` with a larger --budget goes on" in capsys.readouterr().err
    assert provider.rows("SELECT sum(cost) FROM attempts")[0][0] < budget
    assert 0 < len(outcomes(provider.run, "translate/de")) < DIALOGUES
    assert provider.collect("--wait", "--budget", str(budget * 100)) == 0
    assert sum(provider.lines()[before:]) == DIALOGUES
    assert len(outcomes(provider.run, "translate/de")) == DIALOGUES
    provider.assert_nothing_was_paid_twice()


def test_translated_back_in_the_last_rounds(provider: Provider, capsys) -> None:
    assert provider.translate("--batch", "--back", "2") == 0
    provider.collect_until([DIALOGUES, 2])
    said = capsys.readouterr().err
    assert "came back into English" not in said
    assert provider.rows("SELECT count(*) FROM meta WHERE key = 'translate/de back'") == [(0,)]
    assert provider.collect("--wait") == 0
    assert "de, 2 of 2 dialogues came back into English" in capsys.readouterr().err
    assert json.loads(provider.rows("SELECT value FROM meta WHERE key = 'translate/de back'")[0][0])["dialogues"] == 2


def test_drawn_anew_once_however_often_it_is_typed(provider: Provider) -> None:
    assert provider.translate("--batch", "--wait") == 0
    provider.server.calls.clear()
    assert provider.translate("--batch", "--redraw") == 0
    assert provider.translate("--batch", "--redraw") == 0
    assert provider.collect("--wait") == 0
    assert provider.lines() == [DIALOGUES] * 2
    assert set(Counter(row["item"] for row in outcomes(provider.run, "translate/de")).values()) == {2}
    provider.assert_nothing_was_paid_twice()


# -- judging, asking blind, correcting


def test_two_judges_of_a_run_have_batches_of_their_own(provider: Provider, capsys) -> None:
    provider.generate()
    decisions = provider.folder / "decisions.jsonl"
    command = ["judge", str(provider.run), "--model", "mild", "--model", "harsh", *provider.flags]
    assert main([*command, "--batch", "--least", "3", "--decisions", str(decisions), "--json"]) == 0
    assert provider.lines() == [3, 3]
    assert capsys.readouterr().out == ""
    assert provider.collect("--wait") == 0
    told = capsys.readouterr()
    assert sorted(json.loads(told.out)["judges"]) == ["harsh", "mild"]
    models = [{line["body"]["model"] for line in one.lines} for one in provider.desk.batches.values()]
    assert models == [{"mild"}, {"harsh"}], "a provider takes no batch of two models"
    assert len(decisions.read_text().splitlines()) == 3
    assert provider.server.calls == []
    assert main([*command, "--json"]) == 0
    assert provider.server.calls == [], "online there is nothing left to ask"


def test_several_commands_wait_in_one_ledger(provider: Provider, capsys) -> None:
    provider.generate()
    out = provider.folder / "{lang}.jsonl"
    export = ["--export", "jsonl", "--out", str(out)]
    assert provider.translate("--batch", *export, what=provider.run) == 0
    assert main(["judge", str(provider.run), "--batch", *provider.flags]) == 0
    capsys.readouterr()
    assert main(["batch", "status", str(provider.run), "--json"]) == 0
    assert [one["command"] for one in json.loads(capsys.readouterr().out)["commands"]] == ["translate", "judge"]
    assert main(["batch", "status", str(provider.run)]) == 0
    said = capsys.readouterr().err
    assert f"translate {provider.run} into de: 3 requests wait in 1 batch" in said
    assert f"judge {provider.run} by m: 3 requests wait in 1 batch" in said
    assert provider.collect("--wait") == 0
    said = capsys.readouterr().err
    assert "quality: 3 dialogues, judged by m" in said
    assert len((provider.folder / "de.jsonl").read_text().splitlines()) == 3
    assert provider.lines() == [3, 3]
    provider.assert_nothing_was_paid_twice()
    assert len(outcomes(provider.run, "mine/%")) == 3, "what they are about is as it was"


def test_the_same_wish_twice_waits_for_the_same_requests(provider: Provider) -> None:
    assert provider.translate("--batch") == 0
    assert provider.translate("--batch", "--wait", "--limit", "3") == 0
    assert provider.collect("--wait") == 0
    assert sum(provider.lines()) == DIALOGUES
    provider.assert_nothing_was_paid_twice()
    assert len(outcomes(provider.run, "translate/de")) == DIALOGUES


def test_corrected_through_batches(provider: Provider) -> None:
    provider.generate()
    out = provider.folder / "out.jsonl"
    assert main(["correct", str(provider.run), "--batch", "--out", str(out), *provider.flags]) == 0
    assert not out.exists()
    assert provider.collect("--wait") == 0
    kept = [json.loads(line) for line in out.read_text().splitlines()]
    assert {one["turns"][3]["text"] for one in kept} == {"Nothing tells what the weather is like."}
    assert provider.lines()[0] == 3
    assert provider.server.calls == []
    provider.assert_nothing_was_paid_twice()


def test_blind_guesses_follow_each_other_and_go_online_alone(provider: Provider, capsys) -> None:
    with pytest.raises(SystemExit):
        main(["blind", "run", "--batch"])
    assert "unrecognized arguments: --batch" in capsys.readouterr().err


def test_another_draw_is_one_also_when_it_is_collected(provider: Provider) -> None:
    provider.generate()
    answer, provider.server.script = provider.server.script, lambda _, __: completion("no JSON")
    assert main(["judge", str(provider.run), *provider.flags]) == 1
    provider.server.script = answer
    provider.server.calls.clear()
    assert main(["judge", str(provider.run), "--again", "--batch", *provider.flags]) == 0
    assert provider.collect("--wait") == 0
    assert provider.lines() == [3]
    assert {row["draw"] for row in outcomes(provider.run, "judge/%") if row["state"] == "accepted"} == {1}


# -- what is wrong


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--batch", "--look"], "not into batches"),
        (["--wait"], "--wait is for batches"),
        (["--batch", "--set", 'model.headers={"api-key" = "$KEY"}'], "a key and no headers"),
        (["--batch", "--set", 'model.kind="local"'], "batches need an endpoint"),
        (["--set", 'model.headers={"api-key" = "secret"}'], "holds a secret"),
        (["--set", "categories=[]"], "cannot be set here"),
    ],
)
def test_what_cannot_go_is_said_before_anything_is_noted(provider: Provider, capsys, flags, told) -> None:
    provider.generate()
    judge = ["judge", str(provider.run), *flags]
    if "kind" not in flags[-1]:
        judge += provider.flags
    assert main(judge) == 2
    assert told in capsys.readouterr().err
    assert not provider.desk.files
    assert provider.server.calls == []
    assert provider.rows("SELECT count(*) FROM meta WHERE key = 'batches'") == [(0,)]


def test_an_endpoint_without_a_batch_api_says_so_and_it_is_done_online(tmp_path: Path, capsys) -> None:
    with RehearsalServer() as server:
        provider = Provider(tmp_path, BatchDesk(), server)
        assert provider.translate("--batch") == 3
        assert "seems to have no Batch API: run without --batch" in capsys.readouterr().err
        assert provider.translate() == 0
        assert len(outcomes(provider.run, "translate/de")) == DIALOGUES


def test_another_model_has_not_the_batch_price_of_the_runs_own(provider: Provider, capsys) -> None:
    file = make_project(provider.folder, provider.server.url)
    file.write_text(file.read_text().replace("price_out = 100.0", "price_out = 100.0\nprice_batch = 0.5"))
    assert main(["generate", str(file)]) == 0
    assert main(["judge", str(provider.run), "--model", "other", "--plan"]) == 0
    assert "price unknown" in capsys.readouterr().err


def test_a_run_and_what_is_said_of_it_wait_side_by_side(provider: Provider, capsys) -> None:
    file = make_project(provider.folder, provider.server.url)
    file.write_text(file.read_text() + "[batch]\npoll = 0.01\n")
    assert main(["generate", str(file), "--limit", "1"]) == 0
    provider.server.calls.clear()
    assert main(["generate", str(file), "--batch"]) == 0
    assert main(["judge", str(provider.run), "--batch", *provider.flags]) == 0
    assert provider.lines() == [2, 1], "what is made, and what is said of what was there"
    capsys.readouterr()
    assert provider.collect("--wait") == 0
    said = capsys.readouterr().err
    assert said.index("generate:") < said.index(f"judge {provider.run} by m:")
    assert len(outcomes(provider.run, "mine/%")) == 3
    assert len(outcomes(provider.run, "judge/%")) in (1, 3), "the judge may have looked before the others were made"
    provider.assert_nothing_was_paid_twice()
    assert provider.server.calls == []
