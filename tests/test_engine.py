"""The engine against a scripted endpoint: what is asked, how often, what is kept, and when it stops."""

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from engines import engine_of, lane_of
from msgspec import Struct

from syphus.endpoints import limits
from syphus.endpoints.http import HttpClient
from syphus.endpoints.probe import first_guess, probe
from syphus.endpoints.wire import Abilities
from syphus.engine import retry
from syphus.engine.counters import Counters, RunSettings
from syphus.engine.run import Engine
from syphus.errors import FailureKind, InputError, ModelError
from syphus.exchange import Ask, Item, Message, Outcome, Parameters, Request
from syphus.ledger.ledger import Ledger, open_ledger
from syphus.records import Dialogue, Turn
from syphus.rehearsal.replies import Answer, completion, error
from syphus.rehearsal.server import RehearsalServer


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries wait as long as the provider asks, but their own waits are short."""
    monkeypatch.setattr(retry, "wait_random_exponential", lambda **_: lambda _state: 0.01)
    monkeypatch.setattr(limits, "FIRST_PAUSE", 0.02)


class Numbered(Struct, frozen=True):
    number: int
    version: str = ""
    draw: int = 0
    basis: str = ""

    @property
    def id(self) -> str:
        return f"item{self.number}"

    @property
    def scene_id(self) -> str:
        return f"scene{self.number}"

    @property
    def category(self) -> str:
        return "a/b"


def request(text: str) -> Request:
    return Request(purpose="a/b/step", messages=(Message("user", text),), parameters=Parameters(max_tokens=9))


async def ask_once(item: Item, ask: Ask) -> Outcome:
    reply = await ask(request(item.id))
    turns = (Turn(role="user", text="?"), Turn(role="assistant", text=reply.text or "-"))
    return Outcome(dialogues=(Dialogue(id=item.id, scene=item.scene_id, turns=turns),), requests=(reply.key,))


def work(
    folder: Path,
    server: RehearsalServer,
    items: Iterable[Item],
    job: Callable[[Item, Ask], object] = ask_once,
    *,
    concurrency: int = 8,
    attempts: int = 4,
    timeout: float = 5,
    doubt: float = 0.0,
    meanwhile: Callable[[Engine], object] | None = None,
) -> Engine:
    async def main() -> Engine:
        with open_ledger(folder, create=True) as ledger:
            lane = lane_of(server.url, concurrency=concurrency, timeout=timeout)
            engine = engine_of(ledger, lane, attempts=attempts, doubt=doubt)
            task = asyncio.create_task(meanwhile(engine)) if meanwhile else None
            try:
                await engine.run(items, job)
            finally:
                await engine.close()
                if task:
                    await task
            return engine

    return asyncio.run(main())


def states(folder: Path) -> dict[str, str]:
    with open_ledger(folder) as ledger:
        return {outcome.item: outcome.state for outcome in ledger.outcomes()}


def plain(text: str = "fine") -> dict:
    return completion(text)


def test_all_items_are_done_and_stored(tmp_path: Path, server: RehearsalServer) -> None:
    server.script = lambda body, number: plain(body["messages"][0]["content"].upper())
    engine = work(tmp_path, server, map(Numbered, range(50)))
    assert states(tmp_path) == {f"item{n}": "accepted" for n in range(50)}
    assert (engine.counters.sent, engine.counters.items, engine.counters.prompt_tokens) == (50, 50, 5000)
    with open_ledger(tmp_path) as ledger:
        outcomes = list(ledger.outcomes())
    assert [outcome.item for outcome in outcomes] == [f"item{n}" for n in range(50)], "in the order of the items"
    assert outcomes[7].dialogues[0].turns[1].text == "ITEM7"


def test_items_that_never_wait_leave_the_others_their_turn(tmp_path: Path) -> None:
    async def at_once(item: Item, ask: Ask) -> Outcome:
        return Outcome(skipped="nothing to ask")

    async def main() -> int:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        with open_ledger(tmp_path, create=True) as ledger:
            engine = Engine(ledger, (), "", Abilities(), RunSettings(), Counters())
            counting = asyncio.create_task(count())
            await engine.run(map(Numbered, range(2_000)), at_once)
            counting.cancel()
            assert engine.counters.skipped == 2_000
        return turns

    assert asyncio.run(main()) >= 2_000 / 32 / 3, "Ctrl-C must be heard, and groups of rows be committed"


def test_an_item_that_cannot_be_read_ends_the_run_with_its_error(tmp_path: Path, server: RehearsalServer) -> None:
    def items() -> Iterable[Item]:
        yield from map(Numbered, range(30))
        raise InputError("torn")

    server.script = lambda body, number: plain()
    with pytest.raises(InputError, match="torn"):
        work(tmp_path, server, items())


def test_started_again_nothing_is_sent(tmp_path: Path, server: RehearsalServer) -> None:
    server.script = lambda body, number: plain()
    work(tmp_path, server, map(Numbered, range(20)))
    engine = work(tmp_path, server, map(Numbered, range(25)))
    assert len(server.calls) == 25
    assert (engine.counters.replayed, engine.counters.sent) == (20, 5)


def test_concurrency_is_bounded_and_used(tmp_path: Path) -> None:
    with RehearsalServer(lambda body, number: plain(), delay=0.05) as server:
        work(tmp_path, server, map(Numbered, range(40)), concurrency=4)
        assert server.most_in_flight == 4


def test_equal_requests_at_the_same_time_share_one_call(tmp_path: Path) -> None:
    async def same(item: Item, ask: Ask) -> Outcome:
        await ask(request("the same"))
        return await ask_once(item, ask)

    with RehearsalServer(lambda body, number: plain(), delay=0.05) as server:
        work(tmp_path, server, map(Numbered, range(6)), same)
        assert len(server.calls) == 7


@pytest.mark.parametrize(
    "fault",
    [
        Answer(429, error("rate_limit_exceeded")),
        Answer(429, error(None), {"retry-after-ms": "20"}),
        Answer(500, "<html>oops</html>"),
        Answer(503),
        Answer(200, "<html>gateway</html>"),
        Answer(200, b'{"choices": [{"mess'),
        Answer(200, {"error": {"code": 502, "message": "upstream"}}),
        Answer(body=b'{"choices"', ending="cut"),
        Answer(delay=1.2, body=plain()),
    ],
    ids=["429", "429 with header", "500", "503", "html", "torn json", "error in 200", "cut", "hang"],
)
def test_passing_troubles_are_tried_again(tmp_path: Path, server: RehearsalServer, fault: Answer) -> None:
    server.play([fault, fault, plain(), *[plain()] * 9])
    work(tmp_path, server, map(Numbered, range(1)), timeout=0.5)
    assert states(tmp_path) == {"item0": "accepted"}
    assert len(server.calls) == 3
    with open_ledger(tmp_path) as ledger:
        assert ledger.spent()[0].failed == 2, "each failed call stands in the ledger"


def test_retry_after_is_obeyed_by_the_whole_endpoint(tmp_path: Path) -> None:
    limited = Answer(429, error("rate_limit_exceeded"), {"retry-after": "0.6"})
    with RehearsalServer(lambda body, number: limited if number == 0 else plain()) as server:
        work(tmp_path, server, map(Numbered, range(5)), concurrency=1)
        assert len(server.calls) == 6
        assert server.times[1] - server.times[0] >= 0.55, "a refused call more would count against the limit"
    assert set(states(tmp_path).values()) == {"accepted"}


def test_a_wait_before_a_retry_holds_no_place(tmp_path: Path) -> None:
    busy = Answer(500, error("server_error"), {"retry-after": "0.6"})
    with RehearsalServer(lambda body, number: busy if number == 0 else plain()) as server:
        work(tmp_path, server, map(Numbered, range(5)), concurrency=1)
        assert server.calls[-1]["messages"][0]["content"] == "item0", "the others went through meanwhile"
        assert server.times[-1] - server.times[0] >= 0.55


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Answer(401, error("invalid_api_key")), FailureKind.AUTH),
        (Answer(403, error(None)), FailureKind.PERMISSION),
        (Answer(404, error("model_not_found")), FailureKind.UNKNOWN_MODEL),
        (Answer(429, error("insufficient_quota")), FailureKind.QUOTA),
    ],
)
def test_a_trouble_of_all_items_stops_at_once(
    tmp_path: Path, server: RehearsalServer, fault: Answer, kind: FailureKind
) -> None:
    server.script = lambda body, number: fault if number >= 3 else plain()
    engine = work(tmp_path, server, map(Numbered, range(500)), concurrency=4)
    assert engine.stopped_by is not None
    assert engine.stopped_by.kind is kind
    assert len(server.calls) <= 3 + 4 + 1, "no more than what was in flight"
    assert set(states(tmp_path).values()) == {"accepted"}, "what was not asked stays pending, and is no failure"


def test_an_endpoint_that_has_answered_is_not_believed_at_once_that_the_key_is_wrong(
    tmp_path: Path, server: RehearsalServer
) -> None:
    wrong, since = Answer(401, error("invalid_api_key")), time.monotonic()

    def script(body: dict[str, Any], number: int) -> Answer:
        nonlocal since
        if number == 20:
            since = time.monotonic()
        return wrong if number >= 20 and time.monotonic() - since < 1.5 else plain()

    server.script = script
    engine = work(tmp_path, server, map(Numbered, range(60)), concurrency=8, doubt=20, attempts=3)
    assert engine.stopped_by is None
    assert set(states(tmp_path).values()) == {"accepted"}, "what the gateway did for a moment is no fault of the items"
    assert len(states(tmp_path)) == 60
    assert len(server.calls) < 60 + 8 + 12, "it is tried now and then, and not by all"


def test_a_key_that_is_revoked_ends_the_run_after_a_while(tmp_path: Path, server: RehearsalServer) -> None:
    server.script = lambda body, number: Answer(401, error("invalid_api_key")) if number >= 20 else plain()
    engine = work(tmp_path, server, map(Numbered, range(500)), concurrency=8, doubt=1.5, attempts=3)
    assert engine.stopped_by is not None
    assert engine.stopped_by.kind is FailureKind.AUTH
    assert set(states(tmp_path).values()) == {"accepted"}, "what was not asked stays pending, and is no failure"
    assert len(server.calls) < 20 + 8 + 12


def test_one_item_that_is_not_permitted_among_others_that_are_loses_its_tries_alone(
    tmp_path: Path, server: RehearsalServer
) -> None:
    server.script = lambda body, number: (
        Answer(403, error(None, "not this one")) if body["messages"][0]["content"] == "item30" else plain()
    )
    engine = work(tmp_path, server, map(Numbered, range(60)), concurrency=4, doubt=20, attempts=2)
    assert engine.stopped_by is None
    assert {item for item, state in states(tmp_path).items() if state != "accepted"} == {"item30"}


@pytest.mark.parametrize("code", ["context_length_exceeded", "content_filter", "something_new"])
def test_a_bad_item_is_not_tried_again_and_stops_nothing(tmp_path: Path, server: RehearsalServer, code: str) -> None:
    server.script = lambda body, number: (
        Answer(400, error(code, "bad")) if body["messages"][0]["content"] == "item3" else plain()
    )
    work(tmp_path, server, map(Numbered, range(8)))
    assert states(tmp_path) == {f"item{n}": "failed" if n == 3 else "accepted" for n in range(8)}
    assert len(server.calls) == 8
    with open_ledger(tmp_path) as ledger:
        assert "bad" in next(outcome.detail for outcome in ledger.outcomes() if outcome.state == "failed")


def test_an_endpoint_that_is_gone_ends_the_run(tmp_path: Path, server: RehearsalServer) -> None:
    server.script = lambda body, number: Answer(503)
    engine = work(tmp_path, server, map(Numbered, range(10_000)), concurrency=4, attempts=2)
    assert engine.stopped_by is not None
    assert len(server.calls) < 60


def test_a_setting_that_the_endpoint_refuses_ends_the_run(tmp_path: Path, server: RehearsalServer) -> None:
    server.script = lambda body, number: Answer(
        400, error("unsupported_value", "no such effort", param="reasoning_effort")
    )
    engine = work(tmp_path, server, map(Numbered, range(10_000)), concurrency=4)
    assert engine.stopped_by is not None
    assert "no such effort" in str(engine.stopped_by)
    assert len(server.calls) < 40


def test_failed_items_are_asked_again_by_the_same_command(tmp_path: Path, server: RehearsalServer) -> None:
    server.script = lambda body, number: Answer(503) if body["messages"][0]["content"] == "item1" else plain()
    work(tmp_path, server, map(Numbered, range(3)), attempts=2)
    assert states(tmp_path)["item1"] == "failed"
    server.script = lambda body, number: plain()
    engine = work(tmp_path, server, map(Numbered, range(3)))
    assert set(states(tmp_path).values()) == {"accepted"}
    assert (engine.counters.sent, engine.counters.replayed) == (1, 2)


def test_draining_keeps_what_is_in_flight(tmp_path: Path) -> None:
    async def drain_soon(engine: Engine) -> None:
        while engine.counters.in_flight < 4:
            await asyncio.sleep(0.01)
        engine.drain()

    with RehearsalServer(lambda body, number: plain(), delay=0.2) as server:
        engine = work(tmp_path, server, map(Numbered, range(1000)), concurrency=4, meanwhile=drain_soon)
        assert engine.interrupted
        assert len(server.calls) <= 8
        assert len(states(tmp_path)) == len(server.calls), "every reply that was paid for is an outcome"


def test_an_error_in_a_job_is_not_swallowed(tmp_path: Path, server: RehearsalServer) -> None:
    async def broken(item: Item, ask: Ask) -> Outcome:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work(tmp_path, server, map(Numbered, range(3)), broken)


NESTED = b'{"a": ' + b"[" * 100_000


@pytest.mark.parametrize(
    "fault",
    [
        b'{"choices": [{"message": {"content": "\xff"}}]}',
        NESTED,
        {"choices": [{"message": {"content": "fine"}}], "usage": {"prompt_tokens": 10**30, "completion_tokens": 1}},
        {"choices": [{"message": {"content": "fine"}}], "usage": {"prompt_tokens": 5, "prompt_tokens_details": []}},
        {"choices": [{"message": {"content": [{"type": "thinking"}, {"type": "text", "text": "fine"}]}}]},
        Answer(400, NESTED),
        Answer(429, error("rate_limit_exceeded"), {"retry-after": "1 Jan 99999999999999999999 0:0"}),
    ],
    ids=["no utf-8", "nested", "count of 31 digits", "odd usage", "content in parts", "nested refusal", "odd moment"],
)
def test_no_reply_however_odd_ends_the_run(tmp_path: Path, server: RehearsalServer, fault: object) -> None:
    odd = fault if isinstance(fault, Answer) else Answer(200, fault)  # type: ignore[arg-type]
    server.script = lambda body, number: odd if body["messages"][0]["content"] == "item1" and number < 2 else plain()
    work(tmp_path, server, map(Numbered, range(4)), concurrency=1)
    assert states(tmp_path) == {f"item{n}": "accepted" for n in range(4)} | (
        {"item1": "failed"} if odd.status == 400 else {}
    )
    if isinstance(fault, dict):
        assert len(server.calls) == 4, "what is paid for is not asked again for what stands beside the text"


def test_a_prompt_that_a_router_moderates_is_no_wrong_key(tmp_path: Path, server: RehearsalServer) -> None:
    flagged = {"error": {"code": 403, "message": "flagged", "metadata": {"reasons": ["x"], "flagged_input": "item1"}}}
    server.script = lambda body, number: Answer(403, flagged) if body["messages"][0]["content"] == "item1" else plain()
    engine = work(tmp_path, server, map(Numbered, range(4)), concurrency=1)
    assert engine.stopped_by is None
    assert states(tmp_path) == {f"item{n}": "failed" if n == 1 else "accepted" for n in range(4)}


def test_no_key_and_no_header_is_written_anywhere(
    tmp_path: Path, server: RehearsalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-key-0123")
    server.play([Answer(401, error("invalid_api_key", "Incorrect API key provided: sk-very-secret-key-0123"))])
    engine = work(tmp_path, server, map(Numbered, range(1)))
    assert "Bearer sk-very-secret-key-0123" in {
        h.get("Authorization") or h.get("authorization") for h in server.headers
    }
    assert "secret" not in str(engine.stopped_by)
    assert all(b"very-secret" not in path.read_bytes() for path in tmp_path.iterdir())


def test_a_missing_key_says_which_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="MY_KEY"):
        HttpClient(base_url="https://api.example.com/v1", key_variable="MY_KEY", timeout=5)


# -- the probe -------------------------------------------------------------------------------------------------------------

ZEBRA = plain('{"colour": "zebra"}')


def refuse(field: str, *, named: bool = True) -> Answer:
    return Answer(400, error("unsupported_value", f"Unsupported: '{field}'", param=field if named else None))


@pytest.mark.parametrize(
    ("script", "found"),
    [
        (lambda body: ZEBRA, Abilities(schema_mode="json_schema", token_field="max_tokens")),
        (lambda body: plain('{"colour": "blue"}'), Abilities(schema_mode="json_object", token_field="max_tokens")),
        (lambda body: plain("Blue, of course."), Abilities(schema_mode="prompt", token_field="max_tokens")),
        (
            lambda body: refuse("response_format") if "response_format" in body else plain("blue"),
            Abilities(schema_mode="prompt", token_field="max_tokens"),
        ),
        (
            lambda body: refuse("max_tokens") if "max_tokens" in body else ZEBRA,
            Abilities(schema_mode="json_schema", token_field="max_completion_tokens"),
        ),
        (
            lambda body: refuse("temperature", named=False) if "temperature" in body else ZEBRA,
            Abilities(schema_mode="json_schema", token_field="max_tokens", temperature=False),
        ),
        (
            lambda body: refuse("temperature") if "temperature" in body
            else refuse("max_tokens") if "max_tokens" in body
            else Answer(500, "no grammar") if (body.get("response_format") or {}).get("type") == "json_schema"
            else plain('{"colour": "blue"}'),
            Abilities(schema_mode="json_object", token_field="max_completion_tokens", temperature=False),
        ),
    ],
    ids=["obeys", "ignores the schema", "ignores all", "refuses the mode", "token field", "temperature", "everything"],
)  # fmt: skip
def test_what_an_endpoint_does_is_found_out(tmp_path: Path, server: RehearsalServer, script, found: Abilities) -> None:
    server.script = lambda body, number: script(body)

    async def main(ledger: Ledger) -> Abilities:
        engine = engine_of(ledger, lane_of(server.url), attempts=2)
        parameters = Parameters(temperature=0.7, max_tokens=500)
        return await probe(engine.ask_once, first_guess(server.url), parameters)

    with open_ledger(tmp_path, create=True) as ledger:
        assert asyncio.run(main(ledger)) == found
        assert ledger.spent()[0].purpose == "probe", "what the probe cost is counted"


@pytest.mark.parametrize(
    ("refused", "left"), [((), "breakpoint"), (("breakpoint",), "key"), (("breakpoint", "key"), "none")]
)
def test_hints_for_the_prompt_cache_are_left_out_where_they_are_refused(
    tmp_path: Path, server: RehearsalServer, refused: tuple[str, ...], left: str
) -> None:
    def script(body: dict, _: int) -> Answer | dict:
        if isinstance(body["messages"][0]["content"], list) and "breakpoint" in refused:
            return refuse("prompt_cache_breakpoint", named=False)
        return refuse("prompt_cache_key") if "prompt_cache_key" in body and "key" in refused else ZEBRA

    server.script = script

    async def main(ledger: Ledger) -> Abilities:
        guess = Abilities(schema_mode="json_schema", token_field="max_tokens", cache="breakpoint")
        return await probe(engine_of(ledger, lane_of(server.url)).ask_once, guess, Parameters(max_tokens=500))

    with open_ledger(tmp_path, create=True) as ledger:
        found = asyncio.run(main(ledger))
    assert (found.cache, found.schema_mode) == (left, "json_schema")


def test_a_model_that_thinks_first_is_given_room_before_it_is_judged(tmp_path: Path, server: RehearsalServer) -> None:
    server.script = lambda body, number: ZEBRA if body["max_tokens"] > 500 else completion("", finish="length")

    async def main(ledger: Ledger) -> Abilities:
        engine = engine_of(ledger, lane_of(server.url), attempts=2)
        return await probe(engine.ask_once, first_guess(server.url), Parameters(max_tokens=500))

    with open_ledger(tmp_path, create=True) as ledger:
        assert asyncio.run(main(ledger)).schema_mode == "json_schema"
    assert len(server.calls) == 2


@pytest.mark.parametrize("address", ["localhost:8000/v1", "ftp://host/v1", "http://", "/v1"])
def test_an_address_that_is_none(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with pytest.raises(InputError, match="no address"):
        HttpClient(base_url=address, key_variable="OPENAI_API_KEY", timeout=5)


def test_a_password_in_the_address_is_not_shown() -> None:
    client = HttpClient(base_url="http://me:secret@localhost:1/v1/", key_variable="K", timeout=5)
    assert client.endpoint == "http://localhost:1/v1"


def test_a_probe_that_meets_a_wrong_key_says_so(tmp_path: Path, server: RehearsalServer) -> None:
    server.script = lambda body, number: Answer(401, error("invalid_api_key"))

    async def main() -> None:
        with open_ledger(tmp_path, create=True) as ledger:
            engine = engine_of(ledger, lane_of(server.url))
            await probe(engine.ask_once, first_guess(server.url), Parameters())

    with pytest.raises(ModelError) as caught:
        asyncio.run(main())
    assert caught.value.kind is FailureKind.AUTH
    assert len(server.calls) == 1


def test_the_first_guess_knows_who_wants_the_new_token_field() -> None:
    assert first_guess("https://api.openai.com/v1").token_field == "max_completion_tokens"
    assert first_guess("https://x.openai.azure.com/openai/v1").token_field == "max_completion_tokens"
    assert first_guess("http://localhost:8000/v1").token_field == "max_tokens"
