"""Each kind of trouble that the rehearsal's endpoint makes, and what the engine does about it; and the endpoint itself."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest
from engines import engine_of, lane_of
from folders import make_category

from syphus.categories.category import Category
from syphus.categories.prompt import CategoryPrompts
from syphus.cli.main import main
from syphus.cli.rehearse import Book, choose_kinds
from syphus.endpoints import limits as engine_limits
from syphus.endpoints.probe import QUESTION
from syphus.endpoints.wire import Abilities
from syphus.engine import retry
from syphus.engine.run import Engine
from syphus.errors import FailureKind
from syphus.jobs.generate import generate_job
from syphus.jobs.items import make_items
from syphus.ledger.ledger import open_ledger
from syphus.ledger.reader import StoredOutcome
from syphus.records import Caption, Scene
from syphus.rehearsal import server as server_module
from syphus.rehearsal.faults import BY_NAME, KINDS, MEANING, FaultKind, faults_table, meanings_table
from syphus.rehearsal.limits import LimitKeeper, Limits
from syphus.rehearsal.replies import PrefixCache, good_completion, good_text
from syphus.rehearsal.server import RehearsalServer

ROOT = Path(__file__).parents[1]
OWN_WAIT = 0.03
MARK = "lighthouse"
"""A word of the scene that meets the trouble."""

TALK = """
ability = "perception"
[context]
blocks = ["captions"]
[context.captions]
heading = "What is seen:"
[[steps]]
kind = "chat"
name = "talk"
pairs = [2, 3]
max_tokens = 400
[dialogue]
pairs = "talk"
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's own waits are short; what the endpoint asks for is obeyed."""
    monkeypatch.setattr(retry, "wait_random_exponential", lambda **_: lambda _state: OWN_WAIT)
    monkeypatch.setattr(engine_limits, "FIRST_PAUSE", OWN_WAIT)
    monkeypatch.setattr(server_module, "DOWN", 0.05)


@pytest.fixture
def category(tmp_path: Path) -> Category:
    return make_category(tmp_path / "project", toml=TALK, files={"system.md": "Write {{pairs}}.", "query.md": "Write."})


def scene(name: str, thing: str) -> Scene:
    texts = (f"A {thing} stands on a rock by the sea.", f"Two people walk towards the {thing} in the evening.")
    return Scene(id=name, source="test", captions=tuple(Caption(text=text) for text in texts))


SCENES = (scene("first", "windmill"), scene("troubled", MARK), scene("last", "monastery"))


def run_over(
    folder: Path, server: RehearsalServer, category: Category, *, scenes: tuple[Scene, ...] = SCENES, **settings: Any
) -> Engine:
    """A run with one call in flight, over a real ledger and real HTTP."""

    async def go() -> Engine:
        with open_ledger(folder, create=True) as ledger:
            lane = lane_of(server.url, concurrency=1, timeout=0.8)
            engine = engine_of(ledger, lane, abilities=Abilities(schema_mode="json_schema"), **settings)
            try:
                await engine.run(make_items(scenes, [CategoryPrompts(category)]), generate_job(1))
            finally:
                await engine.close()
            ledger.flush()
            return engine

    return asyncio.run(go())


def outcomes(folder: Path) -> dict[str, StoredOutcome]:
    with open_ledger(folder) as ledger:
        return {stored.scene.removeprefix("test/"): stored for stored in ledger.outcomes()}


def states(folder: Path) -> dict[str, str]:
    return {name: stored.state for name, stored in outcomes(folder).items()}


def failed_calls(folder: Path) -> int:
    with open_ledger(folder) as ledger:
        return sum(row.failed for row in ledger.spent())


def is_troubled(body: dict[str, Any]) -> bool:
    return MARK in json.dumps(body["messages"])


def spoil(server: RehearsalServer, kind: FaultKind, times: int) -> None:
    """The first calls about the troubled scene meet the trouble."""
    left = [kind] * times
    server.script = lambda body, _: left.pop() if left and is_troubled(body) else None


def troubled_calls(server: RehearsalServer) -> list[int]:
    return [at for at, body in enumerate(server.calls) if is_troubled(body)]


WELL = {"first": "accepted", "troubled": "accepted", "last": "accepted"}


def of_outcome(*outcome: str) -> list[Any]:
    return [pytest.param(kind, id=kind.name) for kind in KINDS if kind.outcome in outcome]


@pytest.mark.parametrize("kind", of_outcome("kept"))
def test_what_is_good_enough_is_kept(tmp_path: Path, category: Category, kind: FaultKind) -> None:
    with RehearsalServer(wait=0.2) as server:
        spoil(server, kind, 1)
        engine = run_over(tmp_path, server, category)
        assert states(tmp_path) == WELL
        assert len(server.calls) == 3
        assert not engine.counters.failures
        run_over(tmp_path, server, category)
        assert len(server.calls) == 3, "started again nothing is sent"


@pytest.mark.parametrize("kind", of_outcome("retried"))
def test_a_trouble_that_passes_is_tried_again(tmp_path: Path, category: Category, kind: FaultKind) -> None:
    with RehearsalServer(wait=0.25) as server:
        spoil(server, kind, 1)
        engine = run_over(tmp_path, server, category)
        assert states(tmp_path) == WELL
        calls = troubled_calls(server)
        assert len(calls) == 2
        assert server.calls[calls[0]] == server.calls[calls[1]], "the same request"
        assert len(server.calls) == 4
        # While nobody listens, calls fail that the server never sees.
        failures = 1 if kind.name != "restart" else engine.counters.failures.total()
        assert engine.counters.failures == {kind.failure: failures}
        assert failed_calls(tmp_path) == failures
        if kind.waits:
            assert server.times[calls[0] + 1] - server.times[calls[0]] >= server.wait - 0.01, (
                "nothing goes there before"
            )
        run_over(tmp_path, server, category)
        assert len(server.calls) == 4, "started again nothing is sent"


@pytest.mark.parametrize("kind", [one for one in of_outcome("retried") if not one.id.startswith(("rate", "restart"))])
def test_a_trouble_that_stays_fails_its_item_and_no_other(tmp_path: Path, category: Category, kind: FaultKind) -> None:
    with RehearsalServer(wait=0.1) as server:
        spoil(server, kind, 99)
        engine = run_over(tmp_path, server, category, attempts=2)
        assert states(tmp_path) == {**WELL, "troubled": "failed"}
        assert kind.failure in outcomes(tmp_path)["troubled"].detail
        assert len(troubled_calls(server)) == failed_calls(tmp_path) == 2
        assert engine.stopped_by is None
        server.script = None
        run_over(tmp_path, server, category)
        assert states(tmp_path) == WELL
        assert len(server.calls) == 5, "only what is missing is asked for"


@pytest.mark.parametrize("kind", [one for one in of_outcome("retried") if one.id.startswith("rate")])
def test_a_limit_is_waited_for_and_no_failure_until_patience_ends(
    tmp_path: Path, category: Category, kind: FaultKind
) -> None:
    with RehearsalServer(wait=0.05) as server:
        spoil(server, kind, 3)
        run_over(tmp_path, server, category, attempts=2)
        assert states(tmp_path) == WELL, "more refusals than attempts"
        assert failed_calls(tmp_path) == 3
    with RehearsalServer(wait=0.05) as server:
        spoil(server, kind, 99)
        engine = run_over(tmp_path / "again", server, category, patience=0.5)
        assert engine.stopped_by is not None
        assert engine.stopped_by.kind is FailureKind.RATE_LIMIT
        assert states(tmp_path / "again") == {"first": "accepted", "last": "accepted"}


@pytest.mark.parametrize("kind", of_outcome("asked anew"))
def test_a_reply_that_cannot_be_used_is_asked_for_anew(tmp_path: Path, category: Category, kind: FaultKind) -> None:
    with RehearsalServer() as server:
        spoil(server, kind, 1)
        engine = run_over(tmp_path, server, category)
        assert not engine.counters.failures, "the call itself did not fail"
        stored = outcomes(tmp_path)
        assert {name: one.state for name, one in stored.items()} == {**WELL, "troubled": "partial"}
        assert all(reject.code.startswith("schema: ") for reject in stored["troubled"].rejects)
        first, second = troubled_calls(server)
        asked = server.calls[second]["messages"]
        assert asked[:-2] == server.calls[first]["messages"]
        assert asked[-2]["role"] == "assistant"
        assert len(stored["troubled"].dialogues[0].turns) >= 4
        run_over(tmp_path, server, category)
        assert len(server.calls) == 4, "both replies are in the ledger"


@pytest.mark.parametrize("kind", of_outcome("rejected"))
def test_a_refusal_is_an_end_with_a_reason(tmp_path: Path, category: Category, kind: FaultKind) -> None:
    with RehearsalServer() as server:
        spoil(server, kind, 99)
        run_over(tmp_path, server, category)
        stored = outcomes(tmp_path)
        assert {name: one.state for name, one in stored.items()} == {**WELL, "troubled": "rejected"}
        assert [reject.code for reject in stored["troubled"].rejects] == ["refusal: provider"]
        assert len(server.calls) == 3
        run_over(tmp_path, server, category)
        assert len(server.calls) == 3, "a refusal is not bought a second time"


@pytest.mark.parametrize("kind", of_outcome("item fails"))
def test_a_request_that_is_refused_fails_its_item_and_no_other(
    tmp_path: Path, category: Category, kind: FaultKind
) -> None:
    with RehearsalServer() as server:
        spoil(server, kind, 1)
        engine = run_over(tmp_path, server, category)
        stored = outcomes(tmp_path)
        assert {name: one.state for name, one in stored.items()} == {**WELL, "troubled": "failed"}
        assert len(server.calls) == 3
        assert engine.stopped_by is None
        assert engine.counters.failures == {kind.failure: 1}
        detail = stored["troubled"].detail
        assert kind.failure in detail
        assert "no reason given" not in detail
        run_over(tmp_path, server, category)
        assert states(tmp_path) == WELL
        assert len(server.calls) == 4


@pytest.mark.parametrize("kind", of_outcome("run stops"))
def test_a_trouble_of_every_item_stops_the_run(tmp_path: Path, category: Category, kind: FaultKind) -> None:
    with RehearsalServer() as server:
        spoil(server, kind, 1)
        engine = run_over(tmp_path, server, category)
        assert engine.stopped_by is not None
        assert engine.stopped_by.kind is kind.failure
        assert len(server.calls) == 2, "nothing is asked after it"
        assert states(tmp_path) == {"first": "accepted"}, "what was made is kept, what was not asked is no failure"
        assert failed_calls(tmp_path) == 1
        again = run_over(tmp_path, server, category)
        assert states(tmp_path) == WELL
        assert (len(server.calls), again.counters.replayed) == (4, 1)


@pytest.mark.parametrize("kind", [one for one in of_outcome("item fails") if "run stops" in one.values[0].note])
def test_a_setting_that_is_refused_every_time_stops_the_run(
    tmp_path: Path, category: Category, kind: FaultKind
) -> None:
    with RehearsalServer(lambda body, _: kind) as server:
        scenes = tuple(scene(f"s{number}", f"tower of {number} floors") for number in range(60))
        engine = run_over(tmp_path, server, category, scenes=scenes)
        assert engine.stopped_by is not None
        assert engine.stopped_by.kind is kind.failure
        assert len(server.calls) < 20


def test_the_notes_of_the_kinds_hold(tmp_path: Path, category: Category) -> None:
    def meet(name: str) -> tuple[RehearsalServer, Any]:
        with RehearsalServer() as server:
            spoil(server, BY_NAME[name], 1)
            run_over(tmp_path / name, server, category)
        return server, outcomes(tmp_path / name).get("troubled")

    assert meet("fenced")[1].notes == ("reply read as: code fence",)
    assert meet("prose-around")[1].notes == ("reply read as: prose around",)
    meet("no-usage")
    with open_ledger(tmp_path / "no-usage") as ledger:
        assert [row.uncounted for row in ledger.spent()] == [1]
    server, _ = meet("truncated")
    limits = [server.calls[at].get("max_completion_tokens") for at in troubled_calls(server)]
    assert limits == [400, 800], "with twice the limit"
    assert "maximum context length" in meet("too-long")[1].detail
    assert "response_format.type" in meet("plain-error")[1].detail
    assert "field required" in meet("detail-error")[1].detail
    meet("wrong-key")
    assert all(b"sk-rehearsal" not in path.read_bytes() for path in (tmp_path / "wrong-key").iterdir())


def test_the_table_is_whole_and_the_page_holds_it() -> None:
    assert len(BY_NAME) == len(KINDS)
    assert {kind.outcome for kind in KINDS} == set(MEANING)
    assert {kind.failure for kind in KINDS if kind.failure} == set(FailureKind)
    page = (ROOT / "docs/faults.md").read_text()
    assert faults_table() in page
    assert meanings_table() in page
    assert page.count("\n| ") == faults_table().count("\n| ") + meanings_table().count("\n| ") + 2, "no other rows"


# -- the endpoint itself ---------------------------------------------------------------------------------------------------


def body_of(*texts: str, schema: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    messages = [{"role": role, "content": text} for role, text in zip(("system", "user"), texts, strict=False)]
    body = {"model": "m", "messages": messages, **settings}
    if schema:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
    return body


def post(server: RehearsalServer, *bodies: dict[str, Any]) -> list[tuple[int, dict[str, str], dict[str, Any]]]:
    """All at the same time; status, headers and body of each."""

    async def one(session: aiohttp.ClientSession, body: dict[str, Any]) -> tuple[int, dict[str, str], dict[str, Any]]:
        async with session.post(f"{server.url}/chat/completions", json=body) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return response.status, headers, await response.json()

    async def all_of() -> list[tuple[int, dict[str, str], dict[str, Any]]]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            return await asyncio.gather(*(one(session, body) for body in bodies))

    return asyncio.run(all_of())


SCHEMAS = [
    {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]},
    {
        "type": "object",
        "properties": {
            "pairs": {
                "type": "array",
                "minItems": 2,
                "maxItems": 4,
                "items": {
                    "type": "object",
                    "properties": {"question": {"type": "string", "maxLength": 40}, "answer": {"type": "string"}},
                    "required": ["question", "answer"],
                    "additionalProperties": False,
                },
            },
            "grade": {"type": "integer", "minimum": 3, "maximum": 9},
            "sure": {"type": "boolean"},
            "kind": {"enum": ["a", "b"]},
            "doubt": {"anyOf": [{"type": "null"}, {"type": "string"}]},
        },
        "required": ["pairs", "grade", "sure", "kind", "doubt"],
        "additionalProperties": False,
    },
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=["one field", "all kinds of fields"])
@pytest.mark.parametrize("text", ["What is seen:\nA dog sleeps in the sun.", "Write.", ""])
def test_a_good_reply_has_the_form_that_is_asked_for(schema: dict[str, Any], text: str) -> None:
    body = body_of("You write.", text, schema=schema)
    jsonschema.validate(json.loads(good_text(body)), schema)
    assert good_text(body) == good_text(json.loads(json.dumps(body))), "the request alone decides"
    assert good_text(body) != good_text(body_of("You write!", text, schema=schema))


def test_without_a_schema_the_example_in_the_system_message_is_the_form() -> None:
    form = 'Its form is:\n\n{"pairs": [{"question": "…", "answer": "…"}, …]}'
    said = json.loads(good_text(body_of(f"Write 3 pairs. {form}", "Look at this:\nA dog sleeps in the warm sun.")))
    assert [set(pair) for pair in said["pairs"]] == [{"question", "answer"}] * 3
    assert all("A dog sleeps in the warm sun." in pair["answer"] for pair in said["pairs"])
    assert set(json.loads(good_text(body_of('{"focus": "…", "idea": "…"}', "Write.")))) == {"focus", "idea"}
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(good_text(body_of("Talk to me.", "Hello there.")))


def test_tokens_are_counted_and_the_limit_cuts() -> None:
    cache = PrefixCache()
    whole = good_completion(body_of("s", "u"), cache)
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert whole["usage"]["completion_tokens"] == pytest.approx(
        len(whole["choices"][0]["message"]["content"]) / 4, abs=1
    )
    cut = good_completion(body_of("s", "u", max_tokens=7), cache)
    assert cut["choices"][0]["finish_reason"] == "length"
    assert cut["usage"]["completion_tokens"] <= 7


def test_a_prefix_that_was_seen_is_cached_in_blocks() -> None:
    cache = PrefixCache()

    def cached(system: str, user: str) -> tuple[int, int]:
        usage = good_completion(body_of(system, user), cache)["usage"]
        return usage["prompt_tokens_details"]["cached_tokens"], usage["prompt_tokens"]

    long = "a constant word " * 400
    assert cached(long, "one")[0] == 0
    tokens, prompt = cached(long, "two")
    assert tokens % 128 == 0
    assert 1600 - 128 <= tokens < prompt
    assert cached("b" + long, "two")[0] == 0, "a prefix begins at the beginning"
    assert cached("short", "x")[0] == cached("short", "x")[0] == 0
    small = PrefixCache(blocks=2)
    good_completion(body_of(long, "one"), small)
    assert len(small._seen) == 2


def test_limits_are_kept_and_told() -> None:
    now = [0.0]
    keeper = LimitKeeper(Limits(requests_per_minute=60, tokens_per_minute=6000, window=2), lambda: now[0])
    refused, headers = keeper.admit(100)
    assert refused is None
    assert (headers["x-ratelimit-remaining-requests"], headers["x-ratelimit-remaining-tokens"]) == ("1", "100")
    assert headers["x-ratelimit-reset-tokens"] == "1.000s"
    assert keeper.admit(50)[0] is None
    refused, _ = keeper.admit(10)
    assert refused is not None, "no request is left"
    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    now[0] = 1.0
    assert keeper.admit(140)[0] is None
    now[0] = 2.0
    refused, _ = keeper.admit(150)
    assert refused is not None, "no tokens are left"
    assert refused.headers["x-ratelimit-limit-tokens"] == "6000"
    now[0] = 60.0
    assert keeper.admit(10**6)[0] is None, "what is larger than the bucket goes when it is full"
    assert keeper.refused == 2


def test_the_server_keeps_its_limits() -> None:
    with RehearsalServer(limits=Limits(requests_per_minute=3)) as server:
        replies = post(server, *(body_of("s", f"u{number}") for number in range(5)))
        assert sorted(status for status, _, _ in replies) == [200, 200, 200, 429, 429]
        for status, headers, body in replies:
            assert headers["x-ratelimit-limit-requests"] == "3"
            assert ("retry-after" in headers) == (status == 429)
            assert (body.get("error") or {}).get("code") == ("rate_limit_exceeded" if status == 429 else None)


def test_many_calls_wait_at_the_same_time() -> None:
    with RehearsalServer(delay=1.5, keep=False) as server:
        replies = post(server, *(body_of("s", f"u{number}") for number in range(300)))
        assert {status for status, _, _ in replies} == {200}
        assert (server.served, server.most_in_flight, server.in_flight) == (300, 300, 0)
        assert server.calls == server.headers == server.times == []
        assert server.tokens_in == sum(body["usage"]["prompt_tokens"] for _, _, body in replies)


def test_models_are_listed_and_nonsense_is_refused(server: RehearsalServer) -> None:
    async def get() -> Any:
        async with aiohttp.ClientSession() as session, session.get(f"{server.url}/models") as response:
            return await response.json()

    assert [model["id"] for model in asyncio.run(get())["data"]] == ["scripted-1"]
    ((status, _, body),) = post(server, {"messages": []})
    assert (status, body["error"]["code"], server.served) == (400, "invalid_json", 0)


def test_a_client_that_gave_up_is_not_in_flight(server: RehearsalServer) -> None:
    async def give_up() -> None:
        timeout = aiohttp.ClientTimeout(total=0.2)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            with pytest.raises(TimeoutError):
                await session.post(f"{server.url}/chat/completions", json=body_of("s", "u"))
        for _ in range(100):
            if not server.in_flight:
                return
            await asyncio.sleep(0.02)

    server.play([BY_NAME["hang"]])
    asyncio.run(give_up())
    assert (server.served, server.in_flight) == (1, 0)


def test_played_answers_come_in_order_from_now_on(server: RehearsalServer) -> None:
    post(server, body_of("s", "u"))
    server.play([{"n": 1}, None, {"n": 2}])
    assert [post(server, body_of("s", "u"))[0][2].get("n") for _ in range(4)] == [1, None, 2, None]


# -- the command -----------------------------------------------------------------------------------------------------------


def rehearse(*arguments: str | Path) -> int:
    return main(["rehearse", str(ROOT / "configs/quickstart.toml"), "--latency", "0", *map(str, arguments)])


def test_a_rehearsal_says_what_came_of_each_trouble(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = "error-503,cut,fenced,wrong-schema,refusal,too-long"
    folder = tmp_path / "run"
    assert rehearse("--limit", "6", "--faults", kinds, "--share", "0.5", "--run", folder) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    rows = {line.split()[0]: line.split() for line in shown.err.splitlines() if line.split()}
    met = [name for name in kinds.split(",") if name in rows]
    assert len(met) >= 3, "which ones the draw meets changes with the prompts"
    for name in met:
        served, again, anew, rest, *outcome = rows[name][1:]
        assert " ".join(outcome) == BY_NAME[name].outcome
        expected = {"kept": "···", "retried": f"{served}··", "rejected": f"··{served}", "item fails": f"··{served}"}
        if name != "wrong-schema":  # what is asked anew may be no good again, or refused
            assert again + anew + rest == expected[BY_NAME[name].outcome]
    assert "sent nothing; 0 failed items left" in shown.err
    assert json.loads((folder / "config.json").read_text())["model"]["name"] == "rehearsal"
    assert not list(folder.glob("*llava*")), "nothing is exported"


def test_what_stops_a_run_is_met_only_where_it_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert not [kind for kind in choose_kinds("all") if kind.outcome == "run stops"]
    assert choose_kinds("none") == ()
    assert [kind.name for kind in choose_kinds("quota, slow")] == ["quota", "slow"]
    assert rehearse("--limit", "2", "--faults", "quota", "--share", "0.9") == 0
    shown = capsys.readouterr().err
    assert "stopped: account exhausted" in shown
    assert "sent nothing" in shown


def test_a_rehearsal_without_troubles_is_done_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert rehearse("--limit", "2", "--faults", "none", "--rpm", "60000", "--tpm", "60000000") == 0
    shown = capsys.readouterr().err
    assert "items: 12 (12 accepted)" in shown
    assert "start 2, without troubles: sent nothing" in shown


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--faults", "hagn"], "Did you mean `hang`?"),
        (["--share", "1.5"], "no share"),
        (["--run", "."], "is not empty"),
        (["--set", "run.sede=1"], "unknown key `sede`"),
    ],
)
def test_a_rehearsal_that_cannot_be(flags: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert rehearse(*flags) == 2
    assert says in capsys.readouterr().err


def test_an_engine_that_sends_what_was_refused_is_found_out() -> None:
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    book = Book(choose_kinds("too-long"), share=1)
    assert book.answer({"messages": messages}, 0) is BY_NAME["too-long"]
    assert not list(book.problems())
    book._share = 0
    assert book.answer({"messages": messages}, 1) is None
    assert "after `too-long` the same request was sent again" in next(book.problems())
    book = Book(choose_kinds("html"), share=1)
    book.answer({"messages": messages}, 0)
    book.answer({"messages": [*messages, {"role": "assistant", "content": "<"}, {"role": "user", "content": "?"}]}, 1)
    assert "`html` was taken for a reply" in next(book.problems())
    probe = [messages[0], {"role": "user", "content": QUESTION}]
    assert Book(choose_kinds("all"), share=1).answer({"messages": probe}, 0) is None, "the probe is spared"
