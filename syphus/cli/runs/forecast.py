"""What an item of each category will cost, before one was made: what a run's projection rests on at first."""

from msgspec import structs

from syphus.categories.category import Category
from syphus.categories.context import estimate_tokens
from syphus.categories.prompt import CategoryPrompts
from syphus.cli.runs.planning import Planner, earlier_replies, estimate, keeps_prefixes, prices_of
from syphus.cli.runs.sending import sent_name
from syphus.config import Config
from syphus.endpoints.tokens import estimating_counter
from syphus.jobs.items import GenerateItem
from syphus.ledger.reader import LedgerReader
from syphus.money.estimate import Cached


def expected_costs(config: Config, categories: list[Category], ledger: LedgerReader) -> dict[str, float]:
    """US dollars that one item of each category will cost, before any was made, as far as that can be told at once.

    The plan's estimate, without its reading of all sources and without a tokenizer: the demonstrations' scenes stand for the
    run's. Replies in the ledger say, as in the plan, how long replies are and what the provider's cache gives.
    """
    model = config.model
    prices = prices_of(model)
    caches = keeps_prefixes(model, prices)
    planner = Planner(config.run.seed, estimating_counter(estimate_tokens, ""), prices, caches=caches)
    cached = {step: Cached(*sums, assumed=caches) for step, sums in ledger.cached(sent_name(model)).items()}
    planner = planner._replace(cached=cached, earlier=earlier_replies(ledger))
    expected: dict[str, float] = {}
    for category in categories:
        if not category.chat_steps:
            expected[category.name] = 0.0
        elif category.demonstrations:
            prompts = CategoryPrompts(category)
            # Under another id: a scene that is a demonstration is not asked about.
            scenes = (structs.replace(one.scene, id=f"{one.scene.id} again") for one in category.demonstrations)
            items = [GenerateItem(scene=scene, prompts=prompts) for scene in scenes]
            # What the first request of a prefix costs more is in both, and in neither of all the later ones.
            one, two = (estimate(some, planner).total.totals.cost.likely for some in (items, items * 2))
            expected[category.name] = (two - one) / len(items)
    return expected
