"""The balance of a dataset, as people read it."""

from collections import Counter
from collections.abc import Mapping
from typing import get_args

from syphus.cli import view
from syphus.config import BalanceTable
from syphus.records import Ability

_MUCH = 0.5
"""Of several sources, one that gives more than this part of all pairs is named."""


def show_balance(shares: Mapping[tuple[str, str], int], targets: BalanceTable) -> None:
    """Says what part of the pairs each ability and each source has, beside what was wanted.

    Args:
        shares: pairs by source and ability.
        targets: what the run wants.
    """
    total = sum(shares.values())
    if not total:
        return
    abilities: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    for (source, ability), pairs in shares.items():
        abilities[ability] += pairs
        sources[source] += pairs
    wanted: dict[str, float] = {str(ability): share for ability, share in targets.abilities.items()}
    parts = [
        f"{ability} {abilities[ability] / total:.0%}" + (f" (wanted {wanted.get(ability, 0.0):.0%})" if wanted else "")
        for ability in get_args(Ability)
        if abilities[ability] or wanted.get(ability)
    ]
    view.say(f"balance of {total:,} pairs: {', '.join(parts)}")
    if len(sources) < 2:
        return
    view.say("  of the sources: " + ", ".join(f"{name} {pairs / total:.0%}" for name, pairs in sources.most_common()))
    most, pairs = sources.most_common(1)[0]
    if pairs > _MUCH * total and targets.source_at_most == 1:
        view.say(
            f"  more than half comes from {most}; `[balance] source_at_most = {max(_MUCH, 1 / len(sources)):g}` in the "
            "configuration keeps to less, and asks for no more than that"
        )
