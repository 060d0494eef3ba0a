"""What a run is told, and what it tells while it goes on."""

from collections import Counter
from typing import Any

from msgspec import Struct, field

from syphus.exchange import Tally


class RunSettings(Struct, frozen=True, kw_only=True):
    """How the endpoint is worked."""

    attempts: int = 6
    """Tries for one call, the first included; refusals by a rate limit are not counted."""
    patience: float = 900.0
    """Seconds after which an endpoint that only says "too many requests", or does not answer any more, is given up."""
    doubt: float = 30.0
    """Seconds for which an endpoint that has answered may say that the key is wrong, or the model unknown, before that is
    believed."""
    extra: dict[str, Any] = {}
    """More fields of each body. Unlike the rest of these settings they are part of the request's key: they are sent."""


class Share(Struct, kw_only=True):
    """What has happened to one category in this start."""

    items: int = 0
    kept: int = 0
    """Of these: items of an earlier start whose outcome stands."""
    pairs: int = 0
    """Those of items that were made in this start."""
    cost: float = 0.0
    """US dollars, what may have been billed beside included."""


class Counters(Tally, kw_only=True):
    """What has happened so far; the view reads it, the engine writes it."""

    sent: int = 0
    replayed: int = 0
    kept: int = 0
    """Items of an earlier start whose outcome stands."""
    in_flight: int = 0
    cut: int = 0
    """Calls that were on their way when the run was stopped at once."""
    unstored: int = 0
    """Replies that came and could not be written."""
    cost: float = 0.0
    """US dollars that this start has cost, as far as prices are known."""
    risk: float = 0.0
    """US dollars that may have been billed beside: calls whose reply was lost."""
    saved: float = 0.0
    """US dollars that the provider's prompt cache has saved."""
    categories: dict[str, Share] = field(default_factory=dict)
    """What of it was of which category."""
    per_scene: dict[str, int] = field(default_factory=dict)
    """Items that each category makes of a scene; empty where only some of a run's items are worked on."""
    expected: dict[str, float] = field(default_factory=dict)
    """US dollars that an item of a category costs by the plan, as far as that is known."""
    failures: Counter[str] = field(default_factory=Counter)
    """Kinds of failed calls, also of those that were tried again."""

    def of(self, category: str) -> Share:
        """One category's."""
        share = self.categories.get(category)
        if share is None:
            share = self.categories[category] = Share()
        return share
