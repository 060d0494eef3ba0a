"""The provider's Batch API: the real commands, the real SDK and ledger, against the rehearsal's endpoint."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from syphus.cli import batch as batch_command
from syphus.cli.main import main
from syphus.engine import batches as engine_batches
from syphus.engine.batch_lines import is_queue_full, line_of, queue_limit, read_line, shown_errors
from syphus.engine.batch_remote import Remote
from syphus.errors import FailureKind, ModelError
from syphus.exchange import Reply
from syphus.ledger.batches import BatchBook
from syphus.rehearsal.batch import BatchDesk, StoredBatch, StoredFile
from syphus.rehearsal.faults import BY_NAME
from syphus.rehearsal.replies import Answer, completion, error
from syphus.rehearsal.server import RehearsalServer, chat_routes

ROOT = Path(__file__).parents[1]
ITEMS = 10
PRICED = "price_in = 1000.0\nprice_out = 2000.0\nprice_batch = 0.5"


class Provider:
    """A server with a batch desk, and a run's folder to go with it."""

    def __init__(self, folder: Path, desk: BatchDesk, server: RehearsalServer) -> None:
        self.folder = folder
        self.desk = desk
        self.server = server
        self.run = folder / "run"

    def config(self, *, batch: str = "", model: str = "", budget: str = "", categories: str = '"llava/detail"') -> Path:
        file = self.folder / "run.toml"
        file.write_text(f"""
categories = [{categories}]
[run]
folder = "run"
seed = 3
{budget}
[[sources]]
reader = "scenes"
name = "examples"
path = "{ROOT}/examples/scenes.jsonl"
images = "{ROOT}/examples/images"
[model]
kind = "openai"
name = "m"
base_url = "{self.server.url}"
schema_mode = "json_schema"
attempts = 3
{model}
[batch]
poll = 0.01
{batch}
[[export]]
format = "llava"
path = "out.json"
""")
        return file

    @property
    def exported(self) -> list[dict]:
        return json.loads((self.run / "out.json").read_text())

    def rows(self, statement: str) -> list[tuple]:
        with closing(sqlite3.connect(self.run / "ledger.sqlite")) as db:
            return db.execute(statement).fetchall()

    def states(self) -> list[str]:
        return [state for (state,) in self.rows("SELECT state FROM batches ORDER BY id")]

    def assert_each_was_paid_once(self, items: int = ITEMS) -> None:
        times = Counter(self.desk.answered)
        assert len(times) == items
        assert set(times.values()) == {1}
        assert self.server.calls == [], "nothing was asked online"


@contextmanager
def provider_at(folder: Path, **options) -> Iterator[Provider]:
    desk = BatchDesk(**options)
    with RehearsalServer(tables=(chat_routes, desk.routes)) as server:
        yield Provider(folder, desk, server)


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    with provider_at(tmp_path) as running:
        yield running


@pytest.fixture(autouse=True)
def no_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_batches, "LAG", 0.01)


def collect(provider: Provider, *flags: str) -> int:
    return main(["batch", "collect", str(provider.run), *flags])


def wait_for(provider: Provider, *flags: str) -> int:
    return main(["generate", str(provider.config()), "--batch", "--wait", *flags])


# -- the plain way


def test_a_run_goes_through_a_batch_and_is_the_same_as_online(provider: Provider, tmp_path: Path, capsys) -> None:
    config = provider.config(model=PRICED)
    assert main(["generate", str(config), "--batch"]) == 0
    assert f"{ITEMS} requests wait in 1 batch at" in capsys.readouterr().err
    assert main(["status", str(provider.run)]) == 0
    assert f"{ITEMS} requests wait for a reply in 1 batch;" in capsys.readouterr().err
    assert not (provider.run / "out.json").exists(), "nothing is exported before all is there"
    assert provider.desk.answered == []

    assert collect(provider, "--wait") == 0
    provider.assert_each_was_paid_once()
    assert len(provider.exported) == ITEMS
    assert provider.states() == ["completed"]
    assert provider.rows("SELECT count(*) FROM queued") == [(0,)]
    assert list((provider.run / "batches").iterdir()) == [], "files are there only while they are under way"
    stored = provider.rows("SELECT count(*), min(batch), sum(prompt_tokens IS NULL), sum(cost) FROM attempts")
    count, batch, uncounted, cost = stored[0]
    assert (count, batch, uncounted) == (ITEMS, 1, 0)
    tokens_in, tokens_out = provider.server.tokens_in, provider.server.tokens_out
    assert cost == pytest.approx((tokens_in * 1000 + tokens_out * 2000) / 1e6 * 0.5), "half price"

    (tmp_path / "online").mkdir()
    online = main(["generate", str(config), "--run", str(tmp_path / "online")])
    assert online == 0
    by_batch, by_call = provider.rows("SELECT key, messages FROM requests ORDER BY key"), []
    with closing(sqlite3.connect(tmp_path / "online/ledger.sqlite")) as db:
        by_call = db.execute("SELECT key, messages FROM requests ORDER BY key").fetchall()
    assert by_batch == by_call, "the same keys"
    assert json.loads((tmp_path / "online/out.json").read_text()) == provider.exported, "the same dialogues"
    sent = {line["custom_id"]: line["body"] for one in provider.desk.batches.values() for line in one.lines}
    assert sorted(map(msgspec.json.encode, map(_sorted, sent.values()))) == sorted(
        map(msgspec.json.encode, map(_sorted, provider.server.calls))
    ), "the same bodies"


def _sorted(body: dict) -> dict:
    return dict(sorted(body.items()))


def test_collecting_again_and_again_changes_nothing(provider: Provider) -> None:
    wait_for(provider)
    before = provider.rows("SELECT * FROM attempts"), provider.exported
    assert collect(provider) == 0
    assert collect(provider, "--wait") == 0
    assert (provider.rows("SELECT * FROM attempts"), provider.exported) == before
    assert len(provider.desk.batches) == 1


def test_looking_when_nothing_has_come_does_not_do_the_run_again(provider: Provider, monkeypatch) -> None:
    main(["generate", str(provider.config()), "--batch"])
    runs = []
    original = batch_command.do_run

    async def do_run(*args, **options):
        runs.append(args)
        return await original(*args, **options)

    monkeypatch.setattr(batch_command, "do_run", do_run)
    assert collect(provider) == collect(provider) == 0
    assert runs == []
    assert collect(provider) == 0
    assert len(runs) == 1
    assert len(provider.exported) == ITEMS


def test_shards_keep_to_the_limits_of_requests_and_bytes(tmp_path: Path) -> None:
    with provider_at(tmp_path, most_requests=4) as provider:
        config = provider.config(batch="requests = 4")
        assert main(["generate", str(config), "--batch", "--wait"]) == 0
        assert [len(one.lines) for one in provider.desk.batches.values()] == [4, 4, 2]
        provider.assert_each_was_paid_once()
        stored = provider.rows("SELECT requests, bytes FROM batches")
        files = [len(one.input_file.data) for one in provider.desk.batches.values()]
        assert stored == list(zip([4, 4, 2], files, strict=True)), "bytes are those that were sent"
        largest = max(len(line) for one in provider.desk.batches.values() for line in one.input_file.data.splitlines())
    second = tmp_path / "second"
    second.mkdir()
    with provider_at(second, largest_file=3 * largest + 3) as provider:
        assert main(["generate", str(provider.config(batch=f"bytes = {3 * largest + 3}")), "--batch", "--wait"]) == 0
        assert len(provider.desk.batches) in (3, 4)
        provider.assert_each_was_paid_once()


def test_a_request_that_is_larger_than_a_file_may_be_fails_its_item(provider: Provider, capsys) -> None:
    config = provider.config(batch="bytes = 1000")
    assert main(["generate", str(config), "--batch", "--wait"]) == 1
    assert "prompt too long" in capsys.readouterr().err
    assert provider.desk.files == {}


def test_repairs_go_into_a_next_round(provider: Provider) -> None:
    provider.server.play([completion("no JSON at all")])
    assert wait_for(provider) == 0
    assert [len(one.lines) for one in provider.desk.batches.values()] == [ITEMS, 1]
    assert len(provider.exported) == ITEMS
    messages = next(iter(list(provider.desk.batches.values())[1].lines))["body"]["messages"]
    assert messages[-2] == {"role": "assistant", "content": "no JSON at all"}


def test_without_submit_what_is_missing_waits_and_nothing_is_exported(provider: Provider, capsys) -> None:
    provider.server.play([completion("no JSON at all")])
    config = provider.config()
    main(["generate", str(config), "--batch"])
    for _ in range(3):
        assert collect(provider, "--no-submit") == 0
    assert len(provider.desk.batches) == 1
    assert "1 item waits for a reply" in capsys.readouterr().err
    assert not (provider.run / "out.json").exists()
    assert collect(provider, "--wait") == 0
    assert len(provider.exported) == ITEMS


def test_the_model_goes_by_its_name_at_the_endpoint_and_keeps_its_keys(provider: Provider) -> None:
    config = provider.config(model='endpoints = [{ name = "deployed" }]')
    assert main(["generate", str(config), "--batch", "--wait"]) == 0
    (batch,) = provider.desk.batches.values()
    assert {line["body"]["model"] for line in batch.lines} == {"deployed"}
    assert main(["generate", str(provider.config())]) == 0
    assert provider.server.calls == [], "the endpoint's name for it is no part of a request's key"


def test_headers_are_for_the_lean_transport(provider: Provider, capsys) -> None:
    config = provider.config(model='headers = { "api-key" = "x" }')
    assert main(["generate", str(config), "--batch"]) == 2
    assert "takes a key and no headers" in capsys.readouterr().err


# -- what the provider does to lines


def test_both_ways_in_which_a_line_fails(tmp_path: Path) -> None:
    with provider_at(tmp_path, line_errors=[0]) as provider:
        # Line 0 fails with `error` set; of those that are answered, the first has a refusal in its body, the second a 500.
        provider.server.play([Answer(400, error("context_length_exceeded", "too many tokens")), BY_NAME["error-500"]])
        config = provider.config()
        main(["generate", str(config), "--batch"])
        for _ in range(3):
            collect(provider, "--no-submit")
        provider.desk.line_errors = frozenset()
        assert collect(provider, "--wait") == 1, "one item has failed"
        kinds = Counter(kind for (kind,) in provider.rows("SELECT failure FROM attempts WHERE failure IS NOT NULL"))
        assert kinds == {"prompt too long": 1, "server error": 2}
        assert [len(one.lines) for one in provider.desk.batches.values()] == [ITEMS, 2], (
            "only what passes is asked again"
        )
        assert provider.rows("SELECT detail FROM outcomes WHERE state = 'failed'") == [
            ("prompt too long (HTTP 400): too many tokens",)
        ]
        assert len(provider.exported) == ITEMS - 1


def test_a_line_that_never_succeeds_is_given_up_after_the_tries_of_the_configuration(tmp_path: Path) -> None:
    with provider_at(tmp_path, line_errors=[0]) as provider:
        assert wait_for(provider) == 1
        assert len(provider.desk.batches) == 3, "[model] attempts = 3"
        assert provider.states() == ["completed"] * 3
        assert len(provider.exported) == ITEMS - 1
        provider.desk.line_errors = frozenset()
        assert wait_for(provider) == 0, "typed again, the failed ones are asked anew"
        assert len(provider.exported) == ITEMS


def test_an_empty_account_stops_and_its_requests_stay_pending(provider: Provider, capsys) -> None:
    provider.server.script = lambda _, __: BY_NAME["quota"]
    assert wait_for(provider) == 3
    assert "account exhausted" in capsys.readouterr().err
    assert len(provider.desk.batches) == 1
    assert provider.rows("SELECT count(*) FROM outcomes") == [(0,)]
    provider.server.script = None
    assert collect(provider, "--wait") == 0
    assert len(provider.exported) == ITEMS


def test_lines_of_others_are_ignored_and_said(provider: Provider, capsys) -> None:
    provider.desk.accidents.append("foreign line")
    assert wait_for(provider) == 0
    assert "1 lines are for requests that are not this batch's" in capsys.readouterr().err
    assert provider.rows("SELECT count(*) FROM attempts") == [(ITEMS,)]


@pytest.mark.parametrize("accident", ["left out", "torn line"])
def test_what_has_no_line_is_asked_again(provider: Provider, accident, capsys) -> None:
    provider.desk.accidents.append(accident)
    assert wait_for(provider) == 0
    assert len(provider.exported) == ITEMS
    said = capsys.readouterr().err
    if accident == "left out":
        assert "1 requests were left without a line" in said
        assert [len(one.lines) for one in provider.desk.batches.values()] == [ITEMS, 1]
    else:
        assert "1 lines cannot be read" in said


def test_an_error_file_that_is_not_there(tmp_path: Path, capsys) -> None:
    with provider_at(tmp_path, line_errors=[4]) as provider:
        provider.desk.accidents.append("no error file")
        config = provider.config()
        main(["generate", str(config), "--batch"])
        provider.desk.line_errors = frozenset([4])
        for _ in range(3):
            collect(provider, "--no-submit")
        assert "1 result files are not there any more" in capsys.readouterr().err
        assert provider.rows("SELECT count(*) FROM attempts WHERE failure IS NULL") == [(ITEMS - 1,)]
        provider.desk.line_errors = frozenset()
        assert collect(provider, "--wait") == 0
        assert len(provider.exported) == ITEMS


def test_a_reply_without_a_count_is_reckoned_at_its_share_of_the_most(provider: Provider) -> None:
    provider.server.play([BY_NAME["no-usage"]])
    config = provider.config(model=PRICED)
    assert main(["generate", str(config), "--batch", "--wait"]) == 0
    (most,) = [msgspec.json.decode(detail)["most"] for (detail,) in provider.rows("SELECT detail FROM batches")]
    risks = provider.rows("SELECT risk FROM attempts WHERE cost IS NULL")
    assert risks == [(pytest.approx(most / ITEMS),)]


# -- what the provider does to batches


def test_waiting_outlives_an_outage(provider: Provider, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    looks = iter([ModelError(FailureKind.OVERLOADED, "down", status=503)] * 2)
    original = Remote.retrieve

    async def retrieve(self, name):
        if provider.desk.batches and (error_ := next(looks, None)):
            raise error_
        return await original(self, name)

    monkeypatch.setattr(Remote, "retrieve", retrieve)
    assert wait_for(provider) == 0
    assert capsys.readouterr().err.count("the provider cannot be asked at present") == 2
    provider.assert_each_was_paid_once()


def test_a_refused_file_is_shown_and_its_requests_are_pending_again(provider: Provider, capsys) -> None:
    provider.desk.accidents.append("refused")
    assert wait_for(provider) == 3
    said = capsys.readouterr().err
    assert "line 2: The method is not supported for this line. (invalid_method)" in said
    assert provider.states() == ["failed"]
    assert provider.rows("SELECT count(*) FROM queued") == [(0,)]
    assert len(provider.desk.batches) == 1, "the same file is not handed in again at once"
    assert collect(provider, "--wait") == 0
    provider.assert_each_was_paid_once()


def test_an_expired_batch_brings_what_it_has_and_the_rest_is_asked_again(provider: Provider) -> None:
    provider.desk.accidents.append("expired")
    assert wait_for(provider) == 0
    assert provider.states() == ["expired", "completed"]
    assert [len(one.lines) for one in provider.desk.batches.values()] == [ITEMS, ITEMS // 2]
    provider.assert_each_was_paid_once()
    late = provider.rows("SELECT count(*) FROM attempts WHERE failure = 'timeout' AND detail LIKE '%expired%'")
    assert late == [(ITEMS // 2,)]
    assert len(provider.exported) == ITEMS


def test_a_batch_that_is_completed_before_its_file_is_there_is_looked_at_again(provider: Provider) -> None:
    provider.desk.accidents.append("output later")
    assert wait_for(provider) == 0
    provider.assert_each_was_paid_once()
    assert len(provider.exported) == ITEMS


def test_a_full_queue_sends_a_batch_back_to_wait(provider: Provider, capsys) -> None:
    provider.desk.accidents.append("queue full")
    assert wait_for(provider) == 0
    assert "it waits for its turn again" in capsys.readouterr().err
    assert provider.states() == ["failed", "completed"]
    provider.assert_each_was_paid_once()


def test_batches_wait_for_their_turn_where_the_provider_lets_few_tokens_wait(tmp_path: Path) -> None:
    with provider_at(tmp_path, queued_tokens=12_000) as provider:
        config = provider.config(batch="requests = 3")
        assert main(["generate", str(config), "--batch", "--wait"]) == 0, "without knowing the limit"
        assert "failed" in provider.states()
        provider.assert_each_was_paid_once()


def test_a_limit_that_is_known_is_kept_to(tmp_path: Path) -> None:
    with provider_at(tmp_path, queued_tokens=12_000) as provider:
        config = provider.config(batch="queued_tokens = 8000")
        assert main(["generate", str(config), "--batch"]) == 0
        assert provider.states().count("packed") == len(provider.states()) - 1 > 0
        assert collect(provider, "--wait") == 0
        assert set(provider.states()) == {"completed"}
        provider.assert_each_was_paid_once()


def test_a_file_that_is_too_large_for_the_provider_is_divided(tmp_path: Path, capsys) -> None:
    with provider_at(tmp_path, largest_file=40_000) as provider:
        assert wait_for(provider) == 0
        assert "it is divided" in capsys.readouterr().err
        assert all(len(one.input_file.data) <= 40_000 for one in provider.desk.batches.values())
        provider.assert_each_was_paid_once()


def test_a_provider_that_takes_no_request_at_all_fails_the_items(tmp_path: Path) -> None:
    with provider_at(tmp_path, largest_file=100) as provider:
        assert wait_for(provider) == 1
        assert provider.rows("SELECT DISTINCT failure FROM attempts") == [("prompt too long",)]


def test_an_endpoint_without_a_batch_api_says_so_and_the_run_can_be_finished_online(tmp_path: Path, capsys) -> None:
    with RehearsalServer() as server:
        provider = Provider(tmp_path, BatchDesk(), server)
        config = provider.config()
        assert main(["generate", str(config), "--batch"]) == 3
        assert "seems to have no Batch API: run without --batch" in capsys.readouterr().err
        assert main(["generate", str(config)]) == 0
        assert len(server.calls) == ITEMS


# -- a name that was lost


@pytest.mark.parametrize("accident", ["lost answer", "no metadata"])
def test_a_batch_whose_answer_was_lost_is_found_and_not_handed_in_twice(provider: Provider, accident) -> None:
    provider.desk.accidents.append(accident)
    assert wait_for(provider) == 0
    assert len(provider.desk.batches) == 1
    provider.assert_each_was_paid_once()


def test_a_batch_that_was_not_made_is_handed_in_again(provider: Provider) -> None:
    provider.desk.accidents += ["not created", "not created"]
    assert wait_for(provider) == 0
    assert len(provider.desk.batches) == 1
    provider.assert_each_was_paid_once()


def test_a_nameless_batch_is_known_by_what_stands_in_its_file(provider: Provider) -> None:
    provider.desk.accidents += ["none", "no metadata"]
    main(["generate", str(provider.config(batch="requests = 5")), "--batch"])
    # As if another process had handed both in, and this one knew neither names nor files.
    with closing(sqlite3.connect(provider.run / "ledger.sqlite")) as db:
        db.execute("UPDATE batches SET state = 'creating', remote = NULL, input_file = NULL")
        db.commit()
    assert collect(provider, "--wait") == 0
    assert len(provider.desk.batches) == 2
    provider.assert_each_was_paid_once()


def test_a_batch_whose_name_was_lost_is_found_behind_many_others(provider: Provider) -> None:
    main(["generate", str(provider.config()), "--batch"])
    ((ours, batch),) = provider.desk.batches.items()
    for number in range(250):
        tag = {"syphus_tag": f"of another run {number}"}
        other = StoredBatch(id=f"batch_o{number}", input_file=StoredFile("gone", "x", b""), metadata=tag, created_at=0)
        provider.desk.batches[other.id] = other
    batch.metadata = None  # so that it is known by its input file alone
    with closing(sqlite3.connect(provider.run / "ledger.sqlite")) as db:
        db.execute("UPDATE batches SET state = 'creating', remote = NULL")
        db.commit()
    assert collect(provider, "--wait") == 0
    assert provider.rows("SELECT remote FROM batches") == [(ours,)]
    provider.assert_each_was_paid_once()


class CrashError(BaseException):
    """The process is gone: nothing that comes after it is done."""


STEPS = [
    (BatchBook, "note_step"), (BatchBook, "pack_anew"), (BatchBook, "take_back"), (BatchBook, "written"),
    (Remote, "upload"), (Remote, "create"), (Remote, "download"),
]  # fmt: skip


def crash_at(monkeypatch: pytest.MonkeyPatch, moment: int | None) -> list[str]:
    """Raises before or after a step of those above, which all are on disk or at the provider when they end.

    Returns a list to which the moments that were reached are added.
    """
    reached: list[str] = []

    def pass_by(name: str) -> None:
        reached.append(name)
        if len(reached) - 1 == moment:
            raise CrashError

    for owner, name in STEPS:
        original = getattr(owner, name)

        async def step(*args, original=original, name=name, **options):
            pass_by(f"before {name}")
            result = await original(*args, **options)
            pass_by(f"after {name}")
            return result

        monkeypatch.setattr(owner, name, step)
    return reached


def go_on_after_a_crash(folder: Path, moment: int | None) -> list[str]:
    """A run with a full queue and a batch that expires, broken off at a moment, and started again."""
    folder.mkdir()
    with provider_at(folder) as provider:
        provider.desk.accidents += ["queue full", "expired"]
        config = provider.config(batch="requests = 5")
        with pytest.MonkeyPatch.context() as patch:
            reached = crash_at(patch, moment)
            with suppress(CrashError):
                assert main(["generate", str(config), "--batch", "--wait"]) == 0
                assert moment is None
        if moment is not None:
            assert main(["generate", str(config), "--batch", "--wait"]) == 0
        provider.assert_each_was_paid_once()
        assert len(provider.exported) == ITEMS
        assert provider.rows("SELECT count(*) FROM attempts WHERE failure IS NULL") == [(ITEMS,)]
    return reached


def test_broken_off_before_or_after_any_kind_of_step_nothing_is_lost_or_paid_twice(tmp_path: Path) -> None:
    moments = go_on_after_a_crash(tmp_path / "undisturbed", None)
    assert {"after create", "after pack_anew", "before written", "before take_back"} <= set(moments)
    first = {name: moments.index(name) for name in moments}
    last = {name: len(moments) - 1 - moments[::-1].index(name) for name in moments}
    for moment in sorted({*first.values(), *last.values()}):
        assert go_on_after_a_crash(tmp_path / str(moment), moment)[-1] == moments[moment]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_while_a_batch_is_handed_in_it_is_found_again(provider: Provider) -> None:
    provider.desk.accidents.append("late answer")
    config = provider.config()
    process = subprocess.Popen(
        [sys.executable, "-m", "syphus", "generate", str(config), "--batch"],
        cwd=ROOT, env={**os.environ, "COLUMNS": "120"}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not provider.desk.batches and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert provider.rows("SELECT state, remote FROM batches") == [("creating", None)]
    assert collect(provider, "--wait") == 0
    assert len(provider.desk.batches) == 1
    provider.assert_each_was_paid_once()
    assert len(provider.exported) == ITEMS


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_while_waiting_leaves_the_batches_where_they_are(provider: Provider) -> None:
    provider.desk.looks = 10_000
    process = subprocess.Popen(
        [sys.executable, "-m", "syphus", "generate", str(provider.config()), "--batch", "--wait"],
        cwd=ROOT, env={**os.environ, "COLUMNS": "120"}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    while "the next look" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "the batches go on at the provider" in said
    provider.desk.looks = 1
    assert collect(provider, "--wait") == 0
    provider.assert_each_was_paid_once()


def test_wait_without_batch_is_a_mistake(provider: Provider, capsys) -> None:
    assert main(["generate", str(provider.config()), "--wait"]) == 2
    assert "--wait is for batches" in capsys.readouterr().err


# -- beside an online run


def test_online_what_waits_in_a_batch_is_not_asked(provider: Provider, capsys) -> None:
    config = provider.config()
    main(["generate", str(config), "--batch"])
    assert main(["generate", str(config)]) == 2
    said = capsys.readouterr().err
    assert f"{ITEMS} requests of this run wait in batches at the provider (batch_" in said
    assert "batch collect" in said
    assert provider.server.calls == []
    assert main(["generate", str(config), "--anyway"]) == 0
    assert len(provider.server.calls) == ITEMS
    assert collect(provider, "--wait") == 0
    assert provider.rows("SELECT count(*) FROM attempts WHERE batch IS NULL") == [(ITEMS,)]
    assert provider.rows("SELECT count(*) FROM attempts WHERE batch IS NOT NULL") == [(ITEMS,)]


def test_a_batch_run_is_finished_online_and_an_online_one_by_batch(provider: Provider) -> None:
    provider.desk.accidents.append("expired")
    config = provider.config()
    main(["generate", str(config), "--batch"])
    for _ in range(4):
        collect(provider, "--no-submit")
    assert main(["generate", str(config)]) == 0
    assert len(provider.server.calls) == ITEMS // 2, "only what the batch has not brought"
    assert len(provider.exported) == ITEMS

    more = provider.config(categories='"llava/detail", "llava/conversation"')
    provider.server.calls.clear()
    assert main(["generate", str(more), "--batch", "--wait"]) == 0
    assert provider.server.calls == []
    assert len(list(provider.desk.batches.values())[1].lines) == ITEMS, "only the new category"
    assert len(provider.exported) == 2 * ITEMS


def test_cancel_calls_back_and_keeps_what_is_finished(provider: Provider, capsys) -> None:
    config = provider.config()
    main(["generate", str(config), "--batch"])
    assert main(["batch", "cancel", str(provider.run)]) == 0
    assert provider.states() == ["cancelled"]
    assert provider.rows("SELECT count(*), sum(failure IS NOT NULL) FROM attempts") == [(ITEMS // 2, 0)]
    assert "1 batch is called back; what it has finished" in capsys.readouterr().err
    assert collect(provider, "--wait") == 0
    assert len(provider.desk.batches) == 1, "what was called back is not handed in again by collecting"
    assert main(["generate", str(config), "--batch", "--wait"]) == 0
    provider.assert_each_was_paid_once()


def test_a_batch_that_is_gone_is_given_up_by_cancel(provider: Provider, capsys) -> None:
    config = provider.config(batch="requests = 5")
    main(["generate", str(config), "--batch"])
    provider.desk.batches.pop(next(iter(provider.desk.batches)))
    for _ in range(3):
        assert collect(provider) == 3
    assert "gives up what is gone" in capsys.readouterr().err
    assert provider.rows("SELECT count(*) FROM attempts") == [(5,)], "the other one is fetched all the same"
    assert main(["batch", "cancel", str(provider.run)]) == 0
    assert provider.states() == ["lost", "completed"]
    assert main(["generate", str(config), "--batch", "--wait"]) == 0
    provider.assert_each_was_paid_once()


def test_status_says_how_it_stands(provider: Provider, capsys) -> None:
    config = provider.config(model=PRICED)
    main(["generate", str(config), "--batch"])
    capsys.readouterr()
    assert main(["batch", "status", str(provider.run), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["batches"]
    assert (row["state"], row["requests"], row["queued"], row["stored"]) == ("in_progress", ITEMS, ITEMS, 0)
    assert provider.states() == ["validating"], "looking does not write"
    collect(provider, "--wait")
    capsys.readouterr()
    main(["batch", "status", str(provider.run), "--json"])
    (row,) = json.loads(capsys.readouterr().out)["batches"]
    assert (row["state"], row["queued"], row["stored"], row["failures"]) == ("completed", 0, ITEMS, 0)
    assert row["prompt_tokens"] == provider.server.tokens_in
    assert row["cost"] > 0
    assert main(["batch", "status", str(provider.run)]) == 0
    shown = capsys.readouterr().err
    assert "completed" in shown
    assert "batch_" in shown


def test_a_run_without_batches_says_so(provider: Provider, capsys) -> None:
    assert main(["generate", str(provider.config())]) == 0
    assert main(["batch", "collect", str(provider.run)]) == 2
    assert "has no batches" in capsys.readouterr().err


# -- money


def test_what_goes_beyond_the_budget_is_not_handed_in(provider: Provider, capsys) -> None:
    main(["generate", str(provider.config(model=PRICED)), "--batch"])
    (most,) = [msgspec.json.decode(detail)["most"] for (detail,) in provider.rows("SELECT detail FROM batches")]
    main(["batch", "cancel", str(provider.run)])
    spent = provider.rows("SELECT sum(cost) FROM attempts")[0][0]
    left = most * 0.25
    config = provider.config(model=PRICED, budget=f"budget = {spent + left}")
    before = len(provider.desk.batches)
    code = main(["generate", str(config), "--batch", "--wait"])
    assert code == 4
    assert "larger --budget" in capsys.readouterr().err
    small = list(provider.desk.batches.values())[before]
    assert 0 < len(small.lines) <= 3, "as much as the money is enough for was handed in"
    assert provider.rows("SELECT sum(cost) FROM attempts")[0][0] <= spent + left
    assert collect(provider, "--wait", "--budget", str(10 * most)) == 0
    provider.assert_each_was_paid_once()
    assert len(provider.exported) == ITEMS


def test_what_is_at_the_provider_counts_with_the_most_it_can_cost(provider: Provider) -> None:
    main(["generate", str(provider.config(model=PRICED)), "--batch"])
    (most,) = [msgspec.json.decode(detail)["most"] for (detail,) in provider.rows("SELECT detail FROM batches")]
    provider.run = provider.folder / "other"
    config = provider.config(model=PRICED, batch="requests = 4", budget=f"budget = {most * 0.7}")
    before = len(provider.desk.batches)
    assert main(["generate", str(config), "--run", str(provider.run), "--batch"]) == 4
    states = provider.rows("SELECT state, detail FROM batches")
    held = [msgspec.json.decode(detail)["most"] for state, detail in states if state != "packed"]
    assert len(held) == len(provider.desk.batches) - before == 2
    assert most * 0.5 < sum(held) <= most * 0.7
    assert [state for state, _ in states].count("packed") == 1


def test_what_batches_can_cost_is_held_back_from_an_online_run(provider: Provider) -> None:
    main(["generate", str(provider.config(model=PRICED)), "--batch"])
    (most,) = [msgspec.json.decode(detail)["most"] for (detail,) in provider.rows("SELECT detail FROM batches")]
    config = provider.config(model=PRICED, budget=f"budget = {most * 1.01}")
    assert main(["generate", str(config), "--anyway"]) == 4
    assert provider.server.calls == []


# -- lines


def test_lines_are_read_as_what_they_are() -> None:
    def result_of(**line):
        read = read_line(msgspec.json.encode({"custom_id": "k", "response": None, "error": None, **line}))
        assert read is not None
        assert read.key == "k"
        return read.result

    good = result_of(response={"status_code": 200, "body": completion("yes")})
    assert isinstance(good, Reply)
    assert good.text == "yes"
    assert good.usage is not None
    for line, kind in (
        ({"error": {"code": "batch_expired", "message": "late"}}, FailureKind.TIMEOUT),
        ({"error": {"code": "server_error", "message": "no"}}, FailureKind.OVERLOADED),
        ({"error": {"code": "invalid_request", "message": "no"}}, FailureKind.BAD_REQUEST),
        ({"error": {"code": "insufficient_quota", "message": "no"}}, FailureKind.QUOTA),
        ({"error": "just a text"}, FailureKind.OVERLOADED),
        ({}, FailureKind.BAD_REPLY),
        ({"response": {"status_code": 0, "body": None}}, FailureKind.OVERLOADED),
        ({"response": {"status_code": 429, "body": error("rate_limit_exceeded")}}, FailureKind.RATE_LIMIT),
        ({"response": {"status_code": 400, "body": error("content_filter")}}, FailureKind.CONTENT_FILTER),
        ({"response": {"status_code": 400, "body": error(None, "no such field")}}, FailureKind.BAD_REQUEST),
        ({"response": {"status_code": 200, "body": {"choices": []}}}, FailureKind.BAD_REPLY),
    ):
        failed = result_of(**line)
        assert isinstance(failed, ModelError), line
        assert failed.kind is kind, line
    assert result_of(error={"code": "batch_cancelled", "message": "called back"}) is None
    assert read_line(b'{"custom_id": "b2:') is None
    assert read_line(b"[]") is None
    assert read_line(b"{}") is None


def test_a_line_is_what_the_api_wants() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "é\n"}]}
    line = line_of("b2:0", body, "other")
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert msgspec.json.decode(line) == {
        "custom_id": "b2:0", "method": "POST", "url": "/v1/chat/completions", "body": {**body, "model": "other"},
    }  # fmt: skip
    assert body["model"] == "m"


def test_refusals_are_told_apart() -> None:
    assert is_queue_full("token_limit_exceeded", "")
    assert is_queue_full(None, "Enqueued token limit reached for m in organization o.")
    assert not is_queue_full("invalid_json_line", "This line is not parseable")
    shown = shown_errors([("a", 1, "one"), ("b", None, "two"), ("c", 3, "three"), ("d", 4, "four")])
    assert shown == "line 1: one (a); two (b); line 3: three (c); and 1 more"


def test_the_limit_that_a_refusal_names() -> None:
    assert queue_limit("Enqueued token limit reached. Limit: 90,000 enqueued tokens.") == 90_000
    assert queue_limit("Enqueued token limit reached for m.") is None
