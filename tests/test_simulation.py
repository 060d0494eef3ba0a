"""Whole runs in made-up time: many chances, many seeds, no waiting. What must hold whatever happens, and that nothing hangs."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, cast

import msgspec
import pytest
from engines import DEAR
from msgspec import Struct

from syphus.endpoints.lanes import Lane
from syphus.endpoints.limits import Limits
from syphus.endpoints.wire import Abilities, Answer
from syphus.engine.counters import Counters, RunSettings
from syphus.engine.run import Engine
from syphus.errors import FailureKind, ModelError
from syphus.exchange import Ask, Item, Message, Outcome, Parameters, Reply, Request, Usage
from syphus.ledger.ledger import Call, Ledger
from syphus.money.budget import Budget
from syphus.money.prices import Prices
from syphus.rehearsal.limits import LimitKeeper
from syphus.rehearsal.limits import Limits as Allowed

LONGEST_REPLY = 60


class MadeUpTime(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer. Where there is none and nothing is ready, nobody would ever be woken."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        look = self._selector.select

        def jump(timeout: float | None) -> Any:
            assert timeout is not None, "all wait for each other"
            self._now += max(0.0, timeout)
            assert self._now < 1e6, "it goes on for ever"
            return look(0)

        self._selector.select = jump

    def time(self) -> float:
        return self._now


@pytest.fixture
def run_in_made_up_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[Coroutine[Any, Any, None]], None]:
    def run(work: Coroutine[Any, Any, None]) -> None:
        loop = MadeUpTime()
        monkeypatch.setattr(time, "monotonic", loop.time)
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(work)

    return run


class Endpoint:
    """One provider: its latency, its limits, its troubles, and what it bills."""

    def __init__(
        self,
        name: str,
        chance: random.Random,
        *,
        trouble: float = 0.0,
        allowed: Allowed | None = None,
        dead: Callable[[float], bool] = lambda _: False,
        prices: Prices = DEAR,
        latency: float = 2.0,
    ) -> None:
        self.endpoint = name
        self.bill = 0.0
        self.asked: Counter[str] = Counter()
        self.in_flight = self.most_in_flight = 0
        self._chance, self._trouble, self._dead, self._prices = chance, trouble, dead, prices
        self._latency = latency
        self.keeper = LimitKeeper(allowed or Allowed(), time.monotonic)

    async def send(self, data: bytes) -> Answer:
        if self._dead(time.monotonic()):
            raise ModelError(FailureKind.CONNECTION, "refused")
        self.asked[msgspec.json.decode(data)["messages"][0]["content"]] += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._answer(len(data))
        finally:
            self.in_flight -= 1

    async def _answer(self, size: int) -> Answer:
        chance = self._chance
        usage = Usage(int(size * chance.uniform(0.1, 0.45)), chance.randint(1, LONGEST_REPLY))
        refused, headers = self.keeper.admit(usage.prompt + usage.completion)
        if refused:
            return Answer(refused.status, {**headers, **refused.headers}, refused.data)
        kind = chance.choice(["cut", "500", "503", "hang", "torn", "429"]) if chance.random() < self._trouble else ""
        billed = kind in ("", "cut", "hang", "torn")
        self.bill += (self._prices.cost(usage) or 0.0) if billed else 0.0  # from its first moment on
        await asyncio.sleep(self._latency * chance.uniform(0.1, 3))
        if kind == "cut":
            raise ModelError(FailureKind.CONNECTION, "cut", billable=True)
        if kind == "hang":
            await asyncio.sleep(60)
            raise ModelError(FailureKind.TIMEOUT, "no answer in time", billable=True)
        if kind in ("500", "503"):
            return Answer(int(kind), headers, b"")
        if kind == "429":
            return Answer(429, headers | chance.choice([{}, {"retry-after": "0"}, {"retry-after-ms": "300"}]), b"")
        counts = {"prompt_tokens": usage.prompt, "completion_tokens": usage.completion}
        body = msgspec.json.encode({"choices": [{"message": {"content": "fine"}}], "usage": counts})
        return Answer(200, headers, body[:20] if kind == "torn" else body)

    async def close(self) -> None:
        pass


class Memory:
    """What an engine asks of a ledger, without a disk."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.states: dict[str, str] = {}
        self.dollars = self.held = 0.0
        self.full = None

    def find_reply(self, key: str) -> Reply | None:
        return self.replies.get(key)

    def find_done(self, item: str) -> None:
        return None

    def note_attempt(self, key: str, _: Request, __: Any, result: Reply | ModelError, call: Call) -> None:
        self.dollars += (call.cost or 0.0) + (call.risk or 0.0)
        if isinstance(result, Reply):
            assert key not in self.replies, "paid twice"
            self.replies[key] = result

    async def record_attempt(self, *attempt: Any) -> None:
        self.note_attempt(*attempt)
        await asyncio.sleep(0.005)

    def record_outcome(self, item: Item, _: int, __: Outcome, *, state: str, detail: str) -> None:
        assert item.id not in self.states
        self.states[item.id] = state

    def hold(self, dollars: float) -> None:
        self.held = dollars


class Numbered(Struct, frozen=True):
    number: int
    version: str = ""
    draw: int = 0
    basis: str = ""
    category: str = "a/b"
    scene_id: str = ""

    @property
    def id(self) -> str:
        return f"item {self.number} " + "x" * (self.number * 37 % 400)


async def ask_once(item: Item, ask: Ask) -> Outcome:
    parameters = Parameters(max_tokens=LONGEST_REPLY)
    await ask(Request(purpose="a/b/c", messages=(Message("user", item.id),), parameters=parameters))
    return Outcome(skipped="it is only asked")


def lane(endpoint: Endpoint, most: int = 16, **limits: Any) -> Lane:
    return Lane(endpoint, Limits(most=most, now=time.monotonic(), **limits), DEAR)


def engine_of(memory: Memory, *lanes: Lane, budget: float | None = None) -> Engine:
    return Engine(cast(Ledger, memory), lanes, "m", Abilities(), RunSettings(), Counters(), Budget(budget))


def assert_nothing_is_left_over(engine: Engine, memory: Memory, *endpoints: Endpoint) -> None:
    assert engine.dispatch.lanes.waiting == engine.dispatch.resting == engine.counters.in_flight == 0
    assert [one.limits.in_flight for one in engine.dispatch.lanes.all] == [0] * len(endpoints)
    assert engine.dispatch.budget.reserved == memory.held == 0
    assert memory.dollars == pytest.approx(engine.dispatch.budget.spent)
    assert sum(one.bill for one in endpoints) <= memory.dollars + 1e-9, "more was billed than is known of"


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_nothing_hangs_nothing_leaks_and_the_cap_holds(
    seed: int, run_in_made_up_time: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    async def main() -> None:
        chance = random.Random(seed)
        memory = Memory()
        endpoints = [
            Endpoint(
                f"e{number}",
                chance,
                trouble=chance.choice([0.0, 0.1, 0.4]),
                allowed=Allowed(
                    requests_per_minute=chance.choice([None, 30, 600]), tokens_per_minute=chance.choice([None, 4000])
                ),
            )
            for number in range(chance.choice([1, 2, 3]))
        ]
        lanes = [lane(one, chance.choice([1, 4, 30]), start=chance.choice([None, 1])) for one in endpoints]
        cap = chance.choice([None, 20.0, 300.0])
        engine = engine_of(memory, *lanes, budget=cap)
        running = asyncio.create_task(engine.run(map(Numbered, range(300)), ask_once))
        ending = chance.choice(["", "", "drain", "stop"])
        if ending:
            await asyncio.sleep(chance.uniform(0, 100))
            engine.drain()
        if ending == "stop":
            await asyncio.sleep(chance.uniform(0, 1))
            running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await engine.close()
        assert_nothing_is_left_over(engine, memory, *endpoints)
        assert cap is None or engine.dispatch.budget.spent <= cap
        assert all(one.client.most_in_flight <= one.limits.most for one in lanes)  # type: ignore[attr-defined]
        if not (ending or engine.dispatch.budget.reached or engine.stopped_by):
            assert len(memory.states) == 300

    run_in_made_up_time(main())


@pytest.mark.parametrize(("requests", "tokens"), [(60, None), (None, 3000), (600, 20_000), (3, None), (None, 150)])
def test_limits_of_the_configuration_hold_over_many_minutes(
    requests: int | None, tokens: int | None, run_in_made_up_time: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    async def main() -> None:
        allowed = Allowed(requests_per_minute=requests, tokens_per_minute=tokens)
        endpoint, memory = Endpoint("e", random.Random(1), allowed=allowed), Memory()
        limits = {"requests_per_minute": requests, "tokens_per_minute": tokens}
        engine = engine_of(memory, lane(endpoint, 50, **limits))
        count = 40 if requests == 3 or tokens == 150 else 300
        await engine.run(map(Numbered, range(count)), ask_once)
        assert endpoint.keeper.refused == 0
        assert len(memory.states) == count
        if requests and not tokens:
            assert time.monotonic() < 1.1 * 60 * count / requests + 60, "what is allowed is used"

    run_in_made_up_time(main())


def test_an_endpoint_that_is_gone_costs_no_item_while_another_works(
    run_in_made_up_time: Callable[[Coroutine[Any, Any, None]], None],
) -> None:
    async def main() -> None:
        memory, chance = Memory(), random.Random(1)
        good = Endpoint("good", chance, latency=20)
        gone = Endpoint("gone", chance, dead=lambda now: now < 400)
        engine = engine_of(memory, lane(good, 8), lane(gone, 8))
        await engine.run(map(Numbered, range(600)), ask_once)
        assert engine.stopped_by is None
        assert Counter(memory.states.values()) == {"skipped": 600}, "every item was answered"
        assert engine.counters.failures[FailureKind.CONNECTION] < 30
        assert sum(gone.asked.values()) > 20, "it is used again when it is back"

    run_in_made_up_time(main())


def test_all_endpoints_gone_end_the_run(run_in_made_up_time: Callable[[Coroutine[Any, Any, None]], None]) -> None:
    async def main() -> None:
        memory, chance = Memory(), random.Random(1)
        endpoints = [Endpoint(name, chance, dead=lambda _: True) for name in "ab"]
        engine = engine_of(memory, *(lane(one, 4) for one in endpoints))
        await engine.run(map(Numbered, range(10_000)), ask_once)
        assert engine.stopped_by is not None
        assert len(memory.states) < 30

    run_in_made_up_time(main())


@pytest.mark.parametrize("headers", [{}, {"retry-after": "0"}, {"retry-after-ms": "1"}])
def test_refusals_without_end_are_not_answered_by_calls_without_end(
    headers: dict[str, str], run_in_made_up_time: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    class Refusing(Endpoint):
        async def _answer(self, size: int) -> Answer:
            await asyncio.sleep(0.01)
            return Answer(429, headers, b"")

    async def main() -> None:
        endpoint, memory = Refusing("e", random.Random(1)), Memory()
        engine = engine_of(memory, lane(endpoint, 1))
        await engine.run(map(Numbered, range(3)), ask_once)
        assert engine.stopped_by is not None
        assert 900 < time.monotonic() < 1100
        assert sum(endpoint.asked.values()) < 40

    run_in_made_up_time(main())


def test_a_long_silence_of_ours_is_none_of_the_endpoint(
    run_in_made_up_time: Callable[[Coroutine[Any, Any, None]], None],
) -> None:
    class OnceRefusing(Endpoint):
        async def _answer(self, size: int) -> Answer:
            return Answer(429, {}, b"") if sum(self.asked.values()) == 1 else await super()._answer(size)

    async def main() -> None:
        endpoint, memory = OnceRefusing("e", random.Random(1)), Memory()
        engine = engine_of(memory, lane(endpoint))
        await asyncio.sleep(5000)  # as where a million items stand from an earlier start
        await engine.run(map(Numbered, range(3)), ask_once)
        assert engine.stopped_by is None
        assert len(memory.states) == 3

    run_in_made_up_time(main())
