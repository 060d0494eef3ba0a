"""How much of each ability and of each source a dataset shall hold: the arithmetic, and who is chosen. Pure.

MIMIC-IT took what its sources gave, and was 81 % one source (``E4D``). With targets, a run asks only for what it will keep,
and an export holds exactly the shares that were asked for.

The largest dataset that keeps all shares is a maximum flow: from each ability (as much as its share of the whole) through
what there is of that ability in a source (as much as there is) into the source (as much as its share). Capacities are raised
in steps, so that the flow spreads over the ways instead of exhausting the first.
"""

import math
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from syphus.categories.category import Category
from syphus.categories.needs import lacking
from syphus.config import BalanceTable
from syphus.errors import InputError
from syphus.identity import draw_number
from syphus.jobs.items import GenerateItem
from syphus.records import Ability, Dialogue

Cell = tuple[str, Ability]
"""A source and an ability."""

_STEPS = 32
"""In which capacities are raised."""
_BISECTIONS = 40
_TOLERANCE = 1e-6
_EPSILON = 1e-9

T = TypeVar("T")


def allot(there: Mapping[Cell, float], targets: BalanceTable) -> dict[Cell, float]:
    """How many pairs of each cell the largest dataset holds that keeps the targets.

    Args:
        there: how many pairs there are, or are expected, of each source and ability.
        targets: the shares.

    Raises:
        InputError: no dataset at all can keep the targets: too few sources for ``source_at_most``, or an ability with a share
            of which there is nothing.
    """
    # In one order, whatever order they were counted in: flows of the same size may go different ways, and another way in the
    # next start would choose, and pay for, other items.
    cells = {cell: there[cell] for cell in sorted(there) if there[cell] > 0}
    if not cells:
        return {}
    _check_possible(cells, targets)
    least, most = 0.0, sum(cells.values())
    if _holds(cells, targets, most):
        return _flow(cells, targets, most, _STEPS)
    for _ in range(_BISECTIONS):  # a smaller dataset of the same shares is always possible
        middle = (least + most) / 2
        least, most = (middle, most) if _holds(cells, targets, middle) else (least, middle)
    return _flow(cells, targets, least, _STEPS)


def _holds(cells: Mapping[Cell, float], targets: BalanceTable, total: float) -> bool:
    """Whether a dataset of ``total`` pairs can keep the targets."""
    return sum(_flow(cells, targets, total, 1).values()) >= total * (1 - _TOLERANCE)


def _check_possible(cells: Mapping[Cell, float], targets: BalanceTable) -> None:
    sources = {source for source, _ in cells}
    if len(sources) * targets.source_at_most < 1 - _EPSILON:
        raise InputError(
            f"{_count(sources)} of at most {targets.source_at_most:.0%} {'is' if len(sources) == 1 else 'are'} no whole",
            place="balance.source_at_most",
            mend=f"With {_count(sources)} it must be {math.ceil(100 / len(sources)) / 100:.2f} or more. A `limit` may leave sources out.",
        )
    for ability, share in targets.abilities.items():
        of_it = {source for source, own in cells if own == ability}
        if share > 0 and not of_it:
            raise InputError(
                f"{share:.0%} shall be {ability}, but there is nothing of that ability here",
                place="balance.abilities",
                mend="Add a category that makes it, and scenes that have what it needs, or leave the ability out.",
            )
        if share > len(of_it) * targets.source_at_most + _EPSILON:
            raise InputError(
                f"{share:.0%} shall be {ability}, which comes from {_count(of_it)} of at most {targets.source_at_most:.0%}",
                place="balance",
                mend="Raise `source_at_most`, lower the share, or make that ability of more sources.",
            )


def _count(sources: Collection[str]) -> str:
    return "1 source" if len(sources) == 1 else f"{len(sources)} sources"


def _flow(cells: Mapping[Cell, float], targets: BalanceTable, total: float, steps: int) -> dict[Cell, float]:
    """The largest flow for a dataset of ``total`` pairs; the more steps, the more evenly it is spread over the cells."""
    abilities = dict.fromkeys(ability for _, ability in cells)
    wanted = {
        ability: total * targets.abilities.get(ability, 0.0) if targets.abilities else total for ability in abilities
    }
    whole = dict.fromkeys(abilities, 0.0)
    for (_, ability), count in cells.items():
        whole[ability] += count
    network = _Network()
    for ability, amount in wanted.items():
        network.set_capacity("in", ability, amount)
    for source in dict.fromkeys(source for source, _ in cells):
        network.set_capacity(("of", source), "out", total * targets.source_at_most)
    for step in range(steps + 1):
        for (source, ability), count in cells.items():
            # First each gives its due part of what is wanted, then step by step what others could not give.
            due = min(count, wanted[ability] * count / whole[ability])
            network.set_capacity(ability, ("of", source), due + (count - due) * step / steps)
        network.augment("in", "out")
    return {(source, ability): network.flow[ability, ("of", source)] for source, ability in cells}


class _Network:
    """Edmonds and Karp's augmenting paths, on a graph of a few dozen edges."""

    def __init__(self) -> None:
        self.capacity: dict[tuple[object, object], float] = defaultdict(float)
        self.flow: dict[tuple[object, object], float] = defaultdict(float)
        self.near: dict[object, dict[object, None]] = defaultdict(dict)

    def set_capacity(self, start: object, end: object, amount: float) -> None:
        self.capacity[start, end] = amount
        self.near[start][end] = self.near[end][start] = None

    def augment(self, start: object, end: object) -> None:
        while path := self._find_path(start, end):
            room = min(self._room(a, b) for a, b in path)
            for a, b in path:
                self.flow[a, b] += room
                self.flow[b, a] -= room

    def _room(self, start: object, end: object) -> float:
        return self.capacity[start, end] - self.flow[start, end]

    def _find_path(self, start: object, end: object) -> list[tuple[object, object]]:
        came: dict[object, object] = {start: None}
        line = deque([start])
        while line:
            here = line.popleft()
            if here == end:
                path = []
                while (before := came[here]) is not None:
                    path.append((before, here))
                    here = before
                return path
            for there in self.near[here]:
                if there not in came and self._room(here, there) > _EPSILON:
                    came[there] = here
                    line.append(there)
        return []


class Ballot(Generic[T]):
    """Chooses a given number of each kind, evenly and the same in every start: those whose own draw is lowest.

    Filled first with everything that there is, eight bytes for each, and asked afterwards.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._draws: dict[T, list[int]] = defaultdict(list)
        self._bounds: dict[T, int] = {}

    def enter(self, kind: T, identity: str) -> None:
        """One more that may be chosen."""
        self._draws[kind].append(draw_number(self._seed, "balance", identity))

    def close(self, numbers: Mapping[T, float]) -> None:
        """Says how many of each kind are chosen; of a kind that is not named, all."""
        for kind, draws in self._draws.items():
            draws.sort()
            number = min(len(draws), round(numbers.get(kind, len(draws))))
            self._bounds[kind] = draws[number - 1] if number else -1
        self._draws.clear()

    def chooses(self, kind: T, identity: str) -> bool:
        """Whether it is among those that are chosen. What was never entered is not."""
        bound = self._bounds.get(kind)
        return bound is not None and draw_number(self._seed, "balance", identity) <= bound


def choose(items: Iterable[GenerateItem], targets: BalanceTable, seed: int) -> Callable[[GenerateItem], bool]:
    """Which of a run's items are looked at: as many as are expected to keep the targets, and no more.

    How many pairs an item gives is taken from the category alone, as the middle of its range, so that a run chooses the same
    items in every start; what is accepted in the end may be out of balance by some percent, which an export mends.

    Args:
        items: all of the run's; those whose scene lacks what the category needs are not counted, and not chosen.
        targets: the shares.
        seed: the run's.

    Raises:
        InputError: no dataset can keep the targets.
    """
    ballot: Ballot[tuple[str, str]] = Ballot(seed)
    counts: Counter[tuple[str, str]] = Counter()
    categories: dict[str, Category] = {}
    for item in items:
        category = categories.setdefault(item.category, item.prompts.category)
        if not lacking(item.scene, category.file.needs):
            ballot.enter((item.scene.source, item.category), item.id)
            counts[item.scene.source, item.category] += 1
    there: dict[Cell, float] = defaultdict(float)
    for (source, name), count in counts.items():
        there[source, categories[name].file.ability] += count * categories[name].expected_pairs
    allotted = allot(there, targets)
    numbers = {}
    for (source, name), count in counts.items():
        cell = (source, categories[name].file.ability)
        numbers[source, name] = count * allotted[cell] / there[cell]
    ballot.close(numbers)
    return lambda item: ballot.chooses((item.scene.source, item.category), item.id)


def thin(dialogues: Iterable[Dialogue], there: Mapping[Cell, float], targets: BalanceTable) -> Iterator[Dialogue]:
    """The dialogues of the largest dataset that keeps the targets, in their order, evenly taken from all.

    Args:
        dialogues: all that there are; read once, as they are taken.
        there: their pairs by source and ability, counted before.
        targets: the shares, of pairs; dialogues are taken whole, so the shares hold to within half a dialogue of each cell.
    """
    allotted = allot(there, targets)
    seen: Counter[Cell] = Counter()
    kept: Counter[Cell] = Counter()
    for dialogue in dialogues:
        cell: Cell = (dialogue.source, dialogue.ability)
        pairs = len(dialogue.turns) // 2
        seen[cell] += pairs
        wanted = seen[cell] * allotted.get(cell, 0.0) / there[cell] if there.get(cell) else 0.0
        if kept[cell] + pairs / 2 <= wanted * (1 + _TOLERANCE):
            kept[cell] += pairs
            yield dialogue
