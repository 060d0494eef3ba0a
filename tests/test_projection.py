"""What a run will have cost in the end: told by category, from the first moment on."""

import asyncio
from pathlib import Path

import pytest
from test_plan import plan_of, write_config

from syphus.cli.main import main
from syphus.cli.runs.assemble import open_categories
from syphus.cli.runs.connect import open_engine
from syphus.cli.view import each_pair, parts_of
from syphus.config import load_config
from syphus.engine.counters import Counters, Share
from syphus.ledger.ledger import open_ledger
from syphus.money.projection import Part, still_to_pay
from syphus.rehearsal.server import RehearsalServer

PRICES = "price_in = 1\nprice_out = 4\nprice_cached = 0.1\n"


@pytest.mark.parametrize(
    ("parts", "dollars"),
    [
        ([Part(10, 0, 0.0)], None),
        ([Part(10, 5, 1.0)], 2.0),
        ([Part(10, 0, 0.0, 0.3)], 3.0),
        ([Part(100, 5, 1.0, 0.4)], 100 * (1.0 + 5 * 0.4) / 10),
        ([Part(10, 0, 0.0, 0.3), Part(10, 0, 0.0, 0.0)], 3.0),
        # The one that has not begun costs what the plan says, not what the dear one costs.
        ([Part(0, 1_000, 50.0, 0.05), Part(1_000, 0, 0.0, 0.001)], 1.0),
        # Of one without an estimate nothing is known but the others.
        ([Part(0, 10, 5.0), Part(10, 0, 0.0)], 5.0),
        ([Part(-3, 10, 5.0)], 0.0),
    ],
)
def test_the_rest_is_reckoned_by_category(parts: list[Part], dollars: float | None) -> None:
    found = still_to_pay(parts)
    assert found is None if dollars is None else found == pytest.approx(dollars)


def test_a_runs_items_are_divided_among_its_categories() -> None:
    count = Counters(per_scene={"a/b": 2, "c/d": 1}, expected={"a/b": 0.5})
    count.categories = {"a/b": Share(items=50, kept=20, cost=3.0)}
    assert parts_of(count, 300) == [Part(150, 30, 3.0, 0.5), Part(100, 0, 0.0, None)]
    part = Counters(items=50, kept=20, cost=2.0, risk=1.0)
    assert parts_of(part, 300) == [Part(250, 30, 3.0)], "of a part of a run nobody knows which categories are left"


def test_what_a_pair_costs_is_shown_by_category_the_dearest_first() -> None:
    def shares(**categories: Share) -> Counters:
        return Counters(categories=categories)

    talk, plan = Share(items=10, pairs=50, cost=0.1), Share(items=10, kept=4, pairs=6, cost=0.03)
    assert each_pair(shares(talk=talk)) == [], "of one category the total says it all"
    assert each_pair(shares(talk=talk, free=Share(items=9, pairs=9))) == [], (
        "what costs nothing is no dearer than another"
    )
    assert each_pair(shares(talk=talk, plan=plan)) == ["a pair: plan $0.0050", "talk $0.0020"]
    none, begun = Share(items=3, cost=0.5), Share(cost=0.2)
    assert each_pair(shares(talk=talk, none=none, begun=begun)) == ["a pair: none $0.50 for none", "talk $0.0020"]
    many = {f"c{number}": Share(items=1, pairs=1, cost=float(number)) for number in range(1, 8)}
    assert each_pair(shares(**many)) == ["a pair: c7 $7.00", "c6 $6.00", "c5 $5.00", "4 cheaper"]


def test_the_first_projection_is_that_of_the_plan(
    tmp_path: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path, server.url, PRICES)
    loaded = load_config(config, {})
    categories = open_categories(loaded, config)

    def expect(folder: Path) -> Counters:
        counters = Counters()

        async def open_and_close() -> None:
            with open_ledger(folder, create=True) as ledger:
                await (await open_engine(loaded, categories, ledger, counters)).close()

        asyncio.run(open_and_close())
        return counters

    counters = expect(tmp_path / "other")
    assert counters.per_scene == {category.name: 1 for category in categories}
    assert counters.expected["pairs/caption"] == 0
    plan = plan_of(capsys, config)
    for name, category in plan["categories"].items():
        assert 10 * counters.expected[name] == pytest.approx(category["cost"]["likely"], rel=0.3), name
    assert still_to_pay(parts_of(counters, 30)) == pytest.approx(plan["total"]["cost"]["likely"], rel=0.3)

    main(["generate", str(config)])
    later = expect(tmp_path / "run").expected
    with open_ledger(tmp_path / "run") as ledger:
        paid = sum(one.cost for one in ledger.spent() if one.purpose != "probe")
    assert 10 * sum(later.values()) == pytest.approx(paid, rel=0.15), "lengths and the cache are known from the ledger"


def test_an_engine_says_which_category_has_cost_what(
    tmp_path: Path, server: RehearsalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Counters] = []

    def watched(counters: Counters, *rest: object, **more: object) -> object:
        seen.append(counters)
        return view_watch(counters, *rest, **more)

    from syphus.cli import view

    view_watch = view.watch
    monkeypatch.setattr(view, "watch", watched)
    main(["generate", str(write_config(tmp_path, server.url, PRICES))])
    with open_ledger(tmp_path / "run") as ledger:
        ended = {(one.category, one.items, one.pairs) for one in ledger.ended() if one.state == "accepted"}
        cost = sum(one.cost for one in ledger.spent())
    (counters,) = seen
    shares = counters.categories
    assert {(name, share.items, share.pairs) for name, share in shares.items() if share.items} == ended
    assert shares["pairs/caption"].cost == 0 < shares["mine/chain"].cost
    assert sum(share.cost for share in shares.values()) == pytest.approx(cost)
