"""What an endpoint is given: headers in all dialects, rates, pauses, concurrency, the line of those who wait, and the budget."""

import asyncio
import math
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from engines import DEAR, engine_of, lane_of
from msgspec import Struct

from syphus.endpoints import limits as limits_module
from syphus.endpoints.headers import Allowance, read_allowances, retry_after
from syphus.endpoints.lanes import ClosedError, Lane, Lanes
from syphus.endpoints.limits import CHOKED, MARGIN, SHRINK, Bucket, Limits
from syphus.endpoints.wire import Abilities
from syphus.endpoints.wire import Answer as WireAnswer
from syphus.engine import retry
from syphus.engine.counters import Counters, RunSettings
from syphus.engine.run import Engine
from syphus.errors import FailureKind, ModelError
from syphus.exchange import Ask, Item, Message, Outcome, Parameters, Request
from syphus.ledger.ledger import open_ledger
from syphus.money.budget import Budget, BudgetReachedError
from syphus.records import Dialogue, Turn
from syphus.rehearsal.limits import Limits as ServerLimits
from syphus.rehearsal.replies import Answer, completion, error
from syphus.rehearsal.server import RehearsalServer

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (
            {
                "x-ratelimit-limit-requests": "5000",
                "x-ratelimit-remaining-requests": "4999",
                "x-ratelimit-reset-requests": "12ms",
                "x-ratelimit-limit-tokens": "2000000",
                "x-ratelimit-remaining-tokens": "1990000",
                "x-ratelimit-reset-tokens": "300ms",
            },
            [Allowance("requests", 5000, 4999, 0.012, 60), Allowance("tokens", 2_000_000, 1_990_000, 0.3, 60)],
        ),
        (  # Groq counts requests by the day
            {
                "x-ratelimit-limit-requests": "14400",
                "x-ratelimit-remaining-requests": "14370",
                "x-ratelimit-reset-requests": "2m59.56s",
            },
            [Allowance("requests", 14_400, 14_370, 179.56, 86_400)],
        ),
        (
            {
                "anthropic-ratelimit-requests-limit": "50",
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2026-11-22T12:00:07Z",
                "anthropic-ratelimit-input-tokens-limit": "40000",
            },
            [Allowance("requests", 50, 0, 7.0, 60), Allowance("input-tokens", 40_000, None, None, 60)],
        ),
        (
            {"X-RateLimit-Limit-Tokens-Minute": "60000", "X-RateLimit-Limit-Requests-Day": "14400"},
            [
                Allowance("tokens", 60_000, None, None, 60, True),
                Allowance("requests", 14_400, None, None, 86_400, True),
            ],
        ),
        (  # Mistral
            {
                "x-ratelimit-limit-req-minute": "60",
                "x-ratelimit-remaining-req-minute": "59",
                "x-ratelimit-limit-tokens-minute": "500000",
                "x-ratelimit-tokens-query-cost": "1300",
            },
            [
                Allowance("requests", 60, 59, None, 60, True),
                Allowance("tokens", 500_000, None, None, 60, True),
            ],
        ),
        (  # moments as seconds and milliseconds since 1970
            {
                "x-ratelimit-reset-requests": str(int(NOW.timestamp()) + 20),
                "x-ratelimit-reset-tokens": str(int(NOW.timestamp() + 7) * 1000),
            },
            [Allowance("requests", None, None, 20, 60), Allowance("tokens", None, None, 7, 60)],
        ),
        (  # what Azure says where it counts nothing
            {
                "x-ratelimit-limit-tokens": "-1",
                "x-ratelimit-remaining-tokens": "-1",
                "x-ratelimit-reset-tokens": "0",
            },
            [Allowance("tokens", None, None, 0, 60)],
        ),
        ({"x-ratelimit-limit-requests": "many", "x-ratelimit-remaining-requests": "-1", "date": "x"}, []),
        ({"x-ratelimit-reset-requests": "soon", "x-ratelimit-limit-tokens": "nan"}, []),
    ],
    ids=[
        "openai",
        "groq",
        "anthropic",
        "by period",
        "mistral",
        "since 1970",
        "azure, uncounted",
        "nonsense",
        "nonsense again",
    ],
)
def test_headers_of_all_dialects(headers: dict[str, str], found: list[Allowance]) -> None:
    assert read_allowances(headers, NOW) == found


def test_a_clock_that_is_wrong_here_makes_no_pause_longer_or_shorter() -> None:
    headers = {
        "date": "Sat, 01 Jan 2000 10:00:00 GMT",
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2000-01-01T10:00:07Z",
    }
    assert [one.reset for one in read_allowances(headers)] == [7.0]
    assert retry_after(headers) == 7.0
    assert retry_after({"date": headers["date"], "retry-after": "Sat, 01 Jan 2000 10:01:00 GMT"}) == 60.0


def test_a_days_limit_is_a_small_one_for_a_minute() -> None:
    assert Allowance("requests", 14_400, None, None, 86_400).per_minute == 10


def test_a_bucket_never_lets_more_through_than_its_rate() -> None:
    bucket, now, taken = Bucket(600, 0.0), 0.0, []
    while now < 60:
        wait = bucket.wait(1, now)
        if wait:
            now += wait
            continue
        bucket.take(1)
        taken.append(now)
    assert 0.95 * 600 <= len(taken) <= 600


def test_what_is_larger_than_a_bucket_goes_when_it_is_full_and_leaves_a_debt() -> None:
    bucket = Bucket(6000, 0.0)  # a hundred a second
    assert bucket.wait(500, 0.0) == 0
    bucket.take(500)
    assert bucket.wait(1, 1.0) > 2, "four hundred are owed"
    bucket.take(-450)
    assert bucket.wait(1, 1.0) == 0, "the call used fewer than were held back for it"


def test_a_limit_that_is_learned_holds_and_one_that_is_configured_is_not_overruled() -> None:
    learned = Limits(most=100)
    learned.learn({"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59"}, 0.0)
    assert learned.rates == {"requests": 60}
    learned.take(10)
    assert 0 < learned.wait(10, 0.0) <= 1 / MARGIN
    configured = Limits(most=100, requests_per_minute=6000)
    configured.learn({"x-ratelimit-limit-requests": "60"}, 0.0)
    configured.take(10)
    assert configured.wait(10, 0.0) == 0


def test_nothing_left_holds_back_until_something_is() -> None:
    limits = Limits(most=100)
    limits.learn({"x-ratelimit-limit-tokens": "6000", "x-ratelimit-remaining-tokens": "0"}, 0.0)
    assert 0.9 < limits.wait(100, 0.0) < 1.1
    only_reset = Limits(most=100)
    only_reset.learn({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "3s"}, 10.0)
    assert only_reset.wait(1, 10.0) == pytest.approx(3.0)


def groq(remaining: int) -> dict[str, str]:
    """A thousand requests a day, filled evenly."""
    reset = (1000 - remaining) * 86.4
    return {
        "x-ratelimit-limit-requests": "1000",
        "x-ratelimit-remaining-requests": str(remaining),
        "x-ratelimit-reset-requests": f"{reset}s",
    }


def test_a_days_limit_is_used_when_it_is_wanted_and_not_overrun() -> None:
    limits = Limits(most=100)
    limits.learn(groq(900), 0.0)
    for _ in range(50):
        assert limits.wait(1, 0.0) == 0, "it is no request every 86 seconds"
        limits.take(1)
    limits.learn(groq(52), 1.0)  # of the fifty that are on their way, two may have been counted
    assert limits.wait(1, 1.0) == 0
    limits.take(1)
    limits.take(1)
    assert limits.wait(1, 1.0) > 60
    for _ in range(52):
        limits.give_back(1, None)
    limits.learn(groq(900), 2.0)
    assert limits.wait(1, 2.0) == 0, "a new day has begun"


def test_limits_of_a_minute_and_of_a_day_hold_both() -> None:
    limits = Limits(most=100)
    headers = {"x-ratelimit-limit-requests-minute": "60", "x-ratelimit-remaining-requests-minute": "59"}
    limits.learn({**headers, "x-ratelimit-limit-requests-day": "9999", "x-ratelimit-remaining-requests-day": "9998"}, 0)
    limits.take(1)
    assert limits.wait(1, 0) == pytest.approx(1 / MARGIN), "whichever stands last in the headers"


def test_a_short_reset_is_no_hours_limit() -> None:
    headers = {"x-ratelimit-limit-tokens": "30000", "x-ratelimit-remaining-tokens": "29990"}
    (allowance,) = read_allowances({**headers, "x-ratelimit-reset-tokens": "1s"})
    assert allowance.per_minute == 30_000, "a reset that was rounded up looked like an hour's"


RATE_LIMIT = ModelError(FailureKind.RATE_LIMIT, "slow down", status=429)


def test_concurrency_doubles_in_a_round_until_there_is_trouble_and_then_grows_by_one() -> None:
    limits = Limits(most=100, start=4)

    def a_round(now: float) -> None:
        allowed = int(limits.allowed)
        for _ in range(allowed):
            limits.take(1)
        for _ in range(allowed):
            limits.succeeded(now, now + 1, 100)
        for _ in range(allowed):
            limits.give_back(1, None)

    a_round(0)
    a_round(1)
    assert 12 <= limits.allowed <= 16
    before = limits.allowed
    limits.failed(RATE_LIMIT, 2.0, 3.0)
    limits.failed(RATE_LIMIT, 2.0, 3.0)
    assert limits.allowed == before * SHRINK, "once for those that were on their way together"
    lowered = limits.allowed
    a_round(70)
    assert lowered < limits.allowed <= 1.11 * lowered + 1, "back to what was, a tenth for each round"


def test_a_server_that_becomes_slow_is_not_given_more_and_a_choked_one_less() -> None:
    limits = Limits(most=1000, start=4)

    def many(seconds: float, count: int = 60) -> None:
        for number in range(count):
            limits.in_flight = int(limits.allowed)  # always busy
            limits.succeeded(number, number + seconds, 100)

    many(1.0)
    grown = limits.allowed
    assert grown > 30
    many(3.0, 300)
    slowed = limits.allowed
    many(3.0, 300)
    assert limits.allowed == slowed, "slow: no more than it has"
    many(2 * CHOKED, 300)
    assert limits.allowed < slowed


def test_a_number_that_the_user_names_is_begun_with_and_not_lowered_for_slowness() -> None:
    limits = Limits(most=64, start=64)
    for number in range(500):
        limits.in_flight = 64
        limits.succeeded(number, number + (1 if number < 100 else 50), 100)
    assert limits.allowed == 64


def test_refusals_without_a_word_make_pauses_that_grow_and_asked_ones_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "FIRST_PAUSE", 1.0)
    limits = Limits(most=8)
    limits.failed(RATE_LIMIT, 0.0, 0.0)
    assert limits.wait(1, 0.0) == 1.0
    limits.failed(RATE_LIMIT, 0.5, 0.5)
    assert limits.wait(1, 1.0) == 0, "it was sent before the pause and says nothing new"
    limits.failed(RATE_LIMIT, 1.0, 1.0)
    assert limits.wait(1, 1.0) == 2.0
    limits.failed(ModelError(FailureKind.RATE_LIMIT, "", status=429, retry_after=20), 1.0, 1.0)
    assert limits.wait(1, 1.0) == 20.0
    limits.failed(ModelError(FailureKind.OVERLOADED, "", status=500), 30.0, 30.0)
    assert limits.wait(1, 30.0) == 0, "a server error says nothing of limits"


# -- lanes


class Silent:
    endpoint = "http://localhost/v1"

    async def send(self, data: bytes) -> WireAnswer:
        raise NotImplementedError

    async def close(self) -> None:
        pass


def lanes_of(*most: int) -> Lanes:
    return Lanes([Lane(Silent(), Limits(most=one), name=f"lane{number}") for number, one in enumerate(most)])


def test_the_line_moves_in_order_and_nobody_is_lost() -> None:
    async def main() -> None:
        lanes = lanes_of(1)
        first = await lanes.enter(1)
        order: list[int] = []

        async def wait(number: int) -> None:
            lane = await lanes.enter(1)
            order.append(number)
            await asyncio.sleep(0)
            lanes.leave(lane, 1, None)

        tasks = [asyncio.create_task(wait(number)) for number in range(5)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.sleep(0)
        lanes.leave(first, 1, None)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order == [0, 2, 3, 4]
        assert first.limits.in_flight == 0
        assert lanes.waiting == 0

    asyncio.run(main())


def test_one_who_is_cancelled_in_the_moment_of_his_turn_gives_it_on() -> None:
    async def main() -> None:
        lanes = lanes_of(1)
        first = await lanes.enter(1)
        unlucky, next_one = (asyncio.create_task(lanes.enter(1)) for _ in range(2))
        await asyncio.sleep(0)
        lanes.leave(first, 1, None)  # the place is his now
        unlucky.cancel()
        assert (await asyncio.wait_for(next_one, 1)).limits.in_flight == 1

    asyncio.run(main())


def test_the_lane_with_most_room_is_taken_and_a_closed_one_is_not() -> None:
    async def main() -> None:
        lanes = lanes_of(2, 8)
        taken = [(await lanes.enter(1)).name for _ in range(5)]
        assert taken.count("lane1") >= 3
        lanes.close(lanes.all[1], RATE_LIMIT)
        assert {(await lanes.enter(1)).name for _ in range(1)} == {"lane0"}
        waiting = asyncio.create_task(lanes.enter(1))
        await asyncio.sleep(0)
        lanes.close(lanes.all[0], RATE_LIMIT)
        with pytest.raises(ClosedError):
            await waiting

    asyncio.run(main())


def test_the_line_wakes_when_a_limit_allows_and_not_by_looking() -> None:
    async def main() -> None:
        lanes = Lanes([Lane(Silent(), Limits(most=9, requests_per_minute=1200, now=time.monotonic()))])
        moves = 0
        move = lanes.move

        def counted() -> None:
            nonlocal moves
            moves += 1
            move()

        lanes.move = counted  # type: ignore[method-assign]
        started = time.monotonic()
        for _ in range(26):  # twenty at once, then one for each twentieth of a second
            lanes.leave(await lanes.enter(1), 1, None)
        assert time.monotonic() - started >= 0.25
        assert moves < 70

    asyncio.run(main())


# -- the budget


def test_what_is_in_flight_counts_and_what_is_left_is_used() -> None:
    async def main() -> None:
        budget = Budget(1.0, spent=0.2)
        await budget.reserve(0.5)
        waiting = asyncio.create_task(budget.reserve(0.5))
        await asyncio.sleep(0)
        assert not waiting.done(), "0.2 and twice 0.5 are more than 1"
        budget.settle(0.5, 0.1)
        await waiting
        assert (budget.spent, budget.reserved) == (pytest.approx(0.3), pytest.approx(0.5))
        over = asyncio.create_task(budget.reserve(0.5))
        await asyncio.sleep(0)
        budget.settle(0.5, 0.5)
        with pytest.raises(BudgetReachedError):
            await over
        assert budget.reached

    asyncio.run(main())


# -- the engine with limits


class Numbered(Struct, frozen=True):
    number: int
    version: str = ""
    draw: int = 0
    basis: str = ""
    category: str = "a/b"

    @property
    def id(self) -> str:
        return f"item{self.number}"

    @property
    def scene_id(self) -> str:
        return f"scene{self.number}"


async def ask_once(item: Item, ask: Ask) -> Outcome:
    parameters = Parameters(max_tokens=20)
    reply = await ask(Request(purpose="a/b/c", messages=(Message("user", item.id),), parameters=parameters))
    turns = (Turn(role="user", text="?"), Turn(role="assistant", text=reply.text or "-"))
    return Outcome(dialogues=(Dialogue(id=item.id, scene=item.scene_id, turns=turns),))


def work(folder: Path, items: range, *lanes: Lane, **settings: object) -> Engine:
    async def main() -> Engine:
        with open_ledger(folder, create=True) as ledger:
            engine = engine_of(ledger, *lanes, **settings)
            try:
                await engine.run(map(Numbered, items), ask_once)
            finally:
                await engine.close()
            ledger.hold(0.0)
            return engine

    return asyncio.run(main())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "wait_random_exponential", lambda **_: lambda _state: 0.01)
    monkeypatch.setattr(limits_module, "FIRST_PAUSE", 0.02)


def test_a_limit_from_the_configuration_is_never_overrun(tmp_path: Path) -> None:
    allowed = ServerLimits(requests_per_minute=1200, window=1.0)
    with RehearsalServer(lambda body, number: completion("fine"), limits=allowed) as server:
        engine = work(tmp_path, range(60), lane_of(server.url, concurrency=50, requests_per_minute=1200))
        assert engine.counters.failures == {}
        assert len(server.calls) == 60


def test_a_limit_is_learned_from_the_first_replies(tmp_path: Path) -> None:
    allowed = ServerLimits(requests_per_minute=1200, window=1.0)
    with RehearsalServer(lambda body, number: completion("fine"), limits=allowed) as server:
        engine = work(tmp_path, range(60), lane_of(server.url, concurrency=4))
        assert engine.dispatch.lanes.all[0].limits.rates["requests"] == 1200
        assert engine.counters.failures == {}


def test_refusals_by_a_limit_are_no_attempts_however_many(
    tmp_path: Path, server: RehearsalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_module, "LONGEST_PAUSE", 0.05)
    server.script = lambda body, number: Answer(429, error("rate_limit_exceeded")) if number < 12 else None
    engine = work(tmp_path, range(3), lane_of(server.url, concurrency=1), attempts=2)
    assert engine.counters.accepted == 3
    assert engine.counters.failures == {FailureKind.RATE_LIMIT: 12}


def test_an_endpoint_that_only_refuses_is_given_up_in_the_end(tmp_path: Path, server: RehearsalServer) -> None:
    server.script = lambda body, number: Answer(429, error("rate_limit_exceeded"))
    engine = work(tmp_path, range(3), lane_of(server.url, concurrency=1), patience=0.3)
    assert engine.stopped_by is not None
    assert engine.stopped_by.kind is FailureKind.RATE_LIMIT
    assert engine.counters.items == 0, "nothing failed: all of it is pending"


def test_two_endpoints_share_the_work_by_their_limits(tmp_path: Path) -> None:
    with RehearsalServer(delay=0.02) as wide, RehearsalServer(delay=0.02) as narrow:
        engine = work(tmp_path, range(100), lane_of(wide.url, concurrency=8), lane_of(narrow.url, concurrency=2))
        assert engine.counters.accepted == 100
        assert (wide.most_in_flight, narrow.most_in_flight) == (8, 2)
        assert len(wide.calls) > 2 * len(narrow.calls) > 0


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(401, error("invalid_api_key")),
        Answer(429, error("insufficient_quota")),
        Answer(404, error("model_not_found")),
    ],
)
def test_one_key_of_two_that_fails_stops_nothing(tmp_path: Path, trouble: Answer) -> None:
    with RehearsalServer() as good, RehearsalServer(lambda body, number: trouble) as bad:
        engine = work(tmp_path, range(40), lane_of(good.url, concurrency=2), lane_of(bad.url, concurrency=2))
        assert engine.counters.accepted == 40
        assert engine.stopped_by is None
        assert len(bad.calls) <= 2
        assert [lane.closed_by is None for lane in engine.dispatch.lanes.all] == [True, False]


def test_one_endpoint_of_two_that_refuses_each_request_is_soon_given_up(tmp_path: Path) -> None:
    refusal = Answer(400, error("unsupported_value", "not here"), delay=0.05)
    with RehearsalServer() as good, RehearsalServer(lambda body, number: refusal) as bad:
        engine = work(tmp_path, range(60), lane_of(good.url, concurrency=8), lane_of(bad.url, concurrency=8))
        assert [lane.closed_by is None for lane in engine.dispatch.lanes.all] == [True, False]
        assert engine.counters.failed == len(bad.calls) <= 5 + 8, "and not four for each place"
        assert engine.counters.accepted == 60 - len(bad.calls)


def test_one_that_has_never_answered_ends_a_small_run_too(tmp_path: Path) -> None:
    """However many calls it may grow to: those of the beginning are enough to see that nobody is there."""
    with RehearsalServer(lambda body, number: Answer(200, "<html>Sign in</html>")) as server:
        engine = work(tmp_path, range(60), lane_of(server.url, concurrency=512, start=16), attempts=2)
    assert engine.stopped_by is not None
    assert engine.counters.failed <= 32


def test_one_endpoint_that_pauses_leaves_the_work_to_the_other(tmp_path: Path) -> None:
    refuse = Answer(429, error("rate_limit_exceeded"), {"retry-after": "30"})
    with RehearsalServer() as good, RehearsalServer(lambda body, number: refuse) as busy:
        started = time.monotonic()
        engine = work(tmp_path, range(30), lane_of(good.url, concurrency=2), lane_of(busy.url, concurrency=2))
        assert engine.counters.accepted == 30
        assert time.monotonic() - started < 20, "its refused calls did not wait for it"


def test_the_budget_is_a_hard_cap_and_the_next_start_goes_on(tmp_path: Path) -> None:
    # A reply costs 0.1 for its prompt of 100 tokens and 0.2 for 20 of its own.
    with RehearsalServer(lambda body, number: completion("fine"), delay=0.02) as server:
        lane = {"concurrency": 8, "prices": DEAR}
        first = work(tmp_path, range(40), lane_of(server.url, **lane), budget=3.0)
        assert first.dispatch.budget.reached
        assert first.counters.cost <= 3.0
        assert first.counters.cost > 2.0, "what is held back for those in flight is used when they have cost less"
        done = first.counters.accepted
        assert len(server.calls) == done
        second = work(tmp_path, range(40), lane_of(server.url, **lane), budget=3.0)
        assert len(server.calls) == done, "the same command sends nothing more"
        assert second.dispatch.budget.reached
        third = work(tmp_path, range(40), lane_of(server.url, **lane), budget=100.0)
        assert (third.counters.accepted, third.counters.sent) == (40, 40 - done)
        with open_ledger(tmp_path) as ledger:
            assert ledger.spent()[0].cost == pytest.approx(40 * 0.3)


def test_a_call_whose_reply_was_lost_counts_with_the_most_it_can_have_cost(tmp_path: Path) -> None:
    cut = Answer(ending="cut", body=b'{"choices"')
    with RehearsalServer(lambda body, number: cut if number < 2 else completion("fine")) as server:
        engine = work(tmp_path, range(1), lane_of(server.url, prices=DEAR), budget=5.0)
        assert engine.counters.accepted == 1
        assert engine.counters.cost == pytest.approx(0.3)
        assert engine.counters.risk > 2 * 0.2
        assert engine.dispatch.budget.spent == pytest.approx(engine.counters.cost + engine.counters.risk)


def test_a_reply_without_a_count_costs_the_most_that_it_can(tmp_path: Path) -> None:
    with RehearsalServer(lambda body, number: completion("fine", usage=False)) as server:
        engine = work(tmp_path, range(3), lane_of(server.url, prices=DEAR))
    with open_ledger(tmp_path) as ledger:
        (spent,) = ledger.spent()
    assert (spent.uncounted, spent.unpriced) == (3, 0), "what stands among the risks is not missing from the cost"
    assert engine.counters.risk == pytest.approx(spent.risk)
    assert spent.risk > 3 * 0.2


def test_what_was_on_its_way_at_a_kill_counts_as_spent(tmp_path: Path) -> None:
    async def main() -> float:
        with open_ledger(tmp_path, create=True) as ledger, RehearsalServer(delay=5) as server:
            engine = engine_of(ledger, lane_of(server.url, prices=DEAR), budget=50.0)
            running = asyncio.create_task(engine.run(map(Numbered, range(8)), ask_once))
            while server.in_flight < 8:
                await asyncio.sleep(0.01)
            held = engine.dispatch.budget.reserved
            ledger._commits._waiting.clear()
            ledger._commits.put = lambda _: None  # type: ignore[method-assign]
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await engine.close()
            return held

    held = asyncio.run(main())
    assert held > 8 * 0.2
    with RehearsalServer(lambda body, number: completion("fine")) as server:
        again = work(tmp_path, range(0), lane_of(server.url, prices=DEAR), budget=50.0)
        assert again.dispatch.budget.spent >= held
        twice = work(tmp_path, range(0), lane_of(server.url, prices=DEAR), budget=50.0)
        assert twice.dispatch.budget.spent == again.dispatch.budget.spent


def test_what_was_stopped_at_once_is_noted_with_what_it_may_have_cost(tmp_path: Path) -> None:
    async def main() -> None:
        with open_ledger(tmp_path, create=True) as ledger, RehearsalServer(delay=5) as server:
            engine = engine_of(ledger, lane_of(server.url, prices=DEAR))
            running = asyncio.create_task(engine.run(map(Numbered, range(3)), ask_once))
            while server.in_flight < 3:
                await asyncio.sleep(0.01)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await engine.close()
            ledger.flush()
            (spent,) = ledger.spent()
            assert (spent.calls, spent.failed) == (3, 3)
            assert spent.risk > 3 * 0.2

    asyncio.run(main())


@pytest.mark.parametrize(
    ("extra", "concurrency", "most"),
    [
        ({"max_tokens": 10_000}, 8, 250),
        ({"max_completion_tokens": 10_000}, 8, 250),
        ({"max_tokens": 100, "n": 100}, 8, 250),
        ({}, 1, 301),  # the next one stood in the line before the first reply had shown how long they are
    ],
    ids=["max_tokens", "max_completion_tokens", "n", "no bound: as long as was seen"],
)
def test_the_budget_holds_for_long_replies_that_no_category_asked_for(
    tmp_path: Path, extra: dict[str, int], concurrency: int, most: int
) -> None:
    async def ask(item: Item, ask: Ask) -> Outcome:
        await ask(Request(purpose="a/b/c", messages=(Message("user", item.id),)))
        return Outcome(skipped="asked")

    async def main() -> Engine:
        long = {"prompt_tokens": 20, "completion_tokens": 10_000}  # a hundred dollars
        with (
            open_ledger(tmp_path, create=True) as ledger,
            RehearsalServer(lambda body, number: {**completion("fine"), "usage": long}, delay=0.02) as server,
        ):
            lane = lane_of(server.url, prices=DEAR, concurrency=concurrency)
            settings = RunSettings(extra=extra)
            engine = Engine(ledger, [lane], "m", Abilities(), settings, Counters(), Budget(250.0))
            await engine.run(map(Numbered, range(8)), ask)
            await engine.close()
            return engine

    engine = asyncio.run(main())
    assert engine.dispatch.budget.reached
    assert 200 < engine.counters.cost <= most


def test_an_endpoint_that_does_not_keep_to_the_limit_is_reckoned_with_from_its_first_reply_on(tmp_path: Path) -> None:
    """Thoughts that are billed beyond the limit, for one: the first 7 stand in line, or are on their way, before that is known."""
    long = {"prompt_tokens": 100, "completion_tokens": 1000}  # $10.10, where 20 tokens were the limit
    reply = {**completion("fine"), "usage": long}
    with RehearsalServer(lambda body, number: reply, delay=0.02) as server:
        engine = work(tmp_path, range(80), lane_of(server.url, concurrency=4, prices=DEAR), budget=300.0)
    assert engine.dispatch.budget.reached
    assert 200 < engine.counters.cost <= 300


def test_a_lone_error_in_a_large_round_is_no_crowd_and_growth_comes_back_quickly() -> None:
    limits = Limits(most=512, start=256)
    busy = ModelError(FailureKind.OVERLOADED, "", status=503)
    for number in range(2000):
        limits.in_flight = int(limits.allowed)
        if number % 100 == 50:
            limits.failed(busy, number, number + 0.5)
        limits.succeeded(number, number + 0.5, 100)
    assert limits.allowed >= 256, "one in a hundred is any provider's noise"
    before = limits.allowed
    for number in range(3000, 3100):
        limits.failed(busy, 3000, number)
    assert limits.allowed == pytest.approx(before * SHRINK), "one in all of them is not"
    for number in range(4000, 4000 + 4 * int(before)):
        limits.in_flight = int(limits.allowed)
        limits.succeeded(number, number + 0.5, 100)
    assert limits.allowed >= before * 0.95


def test_an_outage_in_the_middle_is_waited_for_and_costs_no_item(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = {"since": 0.0}

    def script(body: dict, number: int) -> Answer | dict:
        if number >= 10 and not gone["since"]:
            gone["since"] = time.monotonic()
        if gone["since"] and time.monotonic() - gone["since"] < 1.5:
            return Answer(503, "upgrade")
        return completion("fine")

    with RehearsalServer(script, delay=0.01) as server:
        engine = work(tmp_path, range(60), lane_of(server.url, concurrency=8), attempts=2)
        assert engine.stopped_by is None
        assert (engine.counters.accepted, engine.counters.failed) == (60, 0)
        assert engine.counters.failures[FailureKind.OVERLOADED] < 30, "it is tried now and then, not by all"


def test_an_outage_without_end_ends_the_run_and_leaves_all_pending(tmp_path: Path) -> None:
    with RehearsalServer(lambda body, number: completion("fine") if number < 5 else Answer(503, "gone")) as server:
        engine = work(tmp_path, range(40), lane_of(server.url, concurrency=4), attempts=3, patience=1.0)
        assert engine.stopped_by is not None
        assert engine.counters.failed == 0


def test_growth_is_bounded_and_math_stays_finite() -> None:
    limits = Limits(most=3, start=1)
    for number in range(50):
        limits.in_flight = 3
        limits.succeeded(number, number + 1, 0)
    assert limits.allowed == 3
    assert math.isinf(limits.wait(1, 0.0))
