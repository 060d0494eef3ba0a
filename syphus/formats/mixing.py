"""Several datasets into one: how much of each, and in which order. Nothing is read or written here.

Weights, as published systems have them:

- ``natural``: as many as there are.
- ``sqrt``: in proportion to the square root of the sizes (InstructBLIP, arXiv 2305.06500, section 2.4), so that small sets are
  not lost; then multipliers by hand, as there.
- ``equal``: the same of each.
- ``A=0.3,B=0.7``: proportions by name.

Orders: ``mixed`` is one shuffled pool (MultiInstruct's, MiniGPT-v2's, KOSMOS-2's); ``sequential`` one set after the other
(MultiInstruct: text first, then pictures); ``batch`` spreads each set evenly, so that every batch holds some of each (LaVIN).

Every draw depends on the seed and the names alone: the same files make the same mixture on every machine.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from syphus.errors import InputError
from syphus.formats.keeping import AS_READ
from syphus.identity import draw_number
from syphus.records import Dialogue

Order = Literal["mixed", "sequential", "batch"]
NAMED = ("natural", "sqrt", "equal")

_WHOLE = 1 << 64


class Share(Struct, frozen=True, kw_only=True):
    """What is drawn of one dataset."""

    name: str
    size: int
    """Dialogues that it holds."""
    count: int
    """Dialogues that are drawn."""

    @property
    def rounds(self) -> int:
        """How often it is gone through; the last time perhaps not all of it."""
        return math.ceil(self.count / self.size)

    def count_in(self, number: int) -> int:
        """How many are drawn in that round, counted from 0."""
        return min(self.size, self.count - number * self.size)

    def describe(self, total: int) -> str:
        """In words, for people."""
        part = f"{self.count / total:.1%}" if total else "0 %"
        text = f"{self.name}: {self.count:,} of {self.size:,} dialogues, {part} of the mixture"
        if self.count > self.size:
            whole, more = divmod(self.count, self.size)
            rest = f", {more:,} of them once more" if more else ""
            return f"{text}; each {whole} time{'s' if whole > 1 else ''}{rest}"
        return text


def read_weights(text: str, names: Sequence[str]) -> str | dict[str, float]:
    """The name of a weighting, or proportions by dataset.

    Raises:
        InputError: it is neither, a dataset has no proportion, or one is not a positive number.
    """
    if text in NAMED:
        return text
    weights = read_numbers(text, names, what="weight")
    missing = [name for name in names if name not in weights]
    if missing:
        raise InputError(
            f"--weights {text}: there is none for {', '.join(missing)}",
            mend=f"Name all, as {','.join(f'{name}=1' for name in names)}, or one of {', '.join(NAMED)}.",
        )
    return weights


def read_numbers(text: str, names: Sequence[str], *, what: str) -> dict[str, float]:
    """``A=0.3,B=0.7``. Raises :class:`InputError` for an unknown name, or what is not a positive number."""
    numbers: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.rpartition("=")
        if name not in names:
            raise InputError(
                f"{part!r} names no dataset of the mixture", mend=f"Datasets: {', '.join(names)}; as {names[0]}=0.3."
            )
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (number > 0 and math.isfinite(number)):
            raise InputError(f"{part!r}: the {what} is not a number above 0", mend=f"As {name}=0.3.")
        numbers[name] = number
    return numbers


def plan_mix(
    sizes: Mapping[str, int],
    weights: str | Mapping[str, float] = "natural",
    *,
    times: Mapping[str, float] | None = None,
    total: int | None = None,
) -> tuple[Share, ...]:
    """How much of each dataset is drawn.

    Args:
        sizes: name -> dialogues that it holds.
        weights: as :func:`read_weights` gives them.
        times: multipliers by hand.
        total: dialogues of the mixture. None: as many as there can be with these proportions and no dialogue twice.

    Raises:
        InputError: a dataset is empty, or so little of one is wanted that it would not be there.
    """
    for name, size in sizes.items():
        if not size:
            raise InputError(f"{name} holds no dialogue that can be used", mend="Leave it out of the mixture.")
    raw = {name: _weigh(size, weights if isinstance(weights, str) else weights[name]) for name, size in sizes.items()}
    raw = {name: weight * (times or {}).get(name, 1.0) for name, weight in raw.items()}
    whole = math.fsum(raw.values())
    parts = {name: weight / whole for name, weight in raw.items()}
    if total is None:
        # A hair above, so that 3 / (3 / 7) is 7.
        total = math.floor(min(sizes[name] / part for name, part in parts.items()) + 1e-9)
        counts = _divide(parts, total)
        counts = {name: min(count, sizes[name]) for name, count in counts.items()}
    else:
        counts = _divide(parts, total)
    for name, count in counts.items():
        if not count:
            raise InputError(
                f"of {name} there would be nothing in a mixture of {total}: its part is {parts[name]:.2g}",
                mend="Give it more weight, or make the mixture larger with --size.",
            )
    return tuple(Share(name=name, size=sizes[name], count=counts[name]) for name in sizes)


def _weigh(size: int, weight: str | float) -> float:
    match weight:
        case "natural":
            return float(size)
        case "sqrt":
            return math.sqrt(size)
        case "equal":
            return 1.0
        case _:
            return float(weight)


def _divide(parts: Mapping[str, float], total: int) -> dict[str, int]:
    """``total`` in whole numbers by these parts: rounded down, and the rest to the largest remainders."""
    exact = {name: part * total for name, part in parts.items()}
    counts = {name: math.floor(value + 1e-9) for name, value in exact.items()}
    rest = sorted(parts, key=lambda name: counts[name] - exact[name])
    for name in rest[: max(0, total - sum(counts.values()))]:
        counts[name] += 1
    return counts


def choose(share: Share, number: int, seed: int) -> Iterator[bool]:
    """For each dialogue of the dataset, in its order, whether it is drawn in that round; exactly as many as the plan says.

    Selection by the numbers that are still wanted and still to come (Knuth, The Art of Computer Programming, volume 2,
    algorithm 3.4.2 S), so that nothing is held in memory.
    """
    wanted = share.count_in(number)
    for index in range(share.size):
        chance = draw_number(seed, "mix", share.name, number, index)
        drawn = chance * (share.size - index) < wanted * _WHOLE
        wanted -= drawn
        yield drawn


def order_batches(shares: Sequence[Share]) -> Iterator[int]:
    """Which dataset the next dialogue comes from, each spread evenly: always the one that is furthest behind its part."""
    total = sum(share.count for share in shares)
    given = [0] * len(shares)
    for step in range(1, total + 1):
        behind = [share.count * step - given[index] * total for index, share in enumerate(shares)]
        index = max(range(len(shares)), key=lambda one: (behind[one], -one))
        given[index] += 1
        yield index


def order_pool(total: int, seed: int) -> list[int]:
    """The places of the pool, shuffled (8 bytes and a number of Python's each)."""
    return sorted(range(total), key=lambda index: draw_number(seed, "mix order", index))


def rename(dialogue: Dialogue, name: str, number: int) -> Dialogue:
    """The dialogue as it is in the mixture: its id, those of related ones, and its source begin with the dataset's name.

    Its pictures are found by that source; the one it had is kept in its metadata.

    Args:
        dialogue: as it was read.
        name: of its dataset.
        number: the round in which it is drawn, from 0.
    """
    again = f"~{number + 1}" if number else ""
    metadata = dict(dialogue.metadata)
    if isinstance(noted := metadata.get(AS_READ), dict):
        # The ids that rows had, and which the way back to the same format would write again.
        metadata[AS_READ] = {key: value for key, value in noted.items() if key not in ("id", "ids")}
    if dialogue.source and dialogue.source != name:
        metadata.setdefault("source", dialogue.source)
    return replace(
        dialogue,
        id=f"{name}/{dialogue.id}{again}",
        source=name,
        related=tuple(f"{name}/{other}{again}" for other in dialogue.related),
        metadata=metadata,
    )
