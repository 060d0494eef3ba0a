"""What judges have said, together: means, agreement, and which pairs reach a bar. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import comb, sqrt
from statistics import NormalDist, fmean
from typing import NamedTuple

from msgspec import Struct, structs

from syphus.jobs.judge_rubric import Rubric
from syphus.quality.agreement import cohens_kappa, exact_agreement, krippendorffs_alpha
from syphus.quality.intervals import Interval, mean_interval
from syphus.records import Dialogue, Verdict

_EXACTLY = 1000
"""Comparisons up to which the sign test is reckoned out."""


class CriterionReport(Struct, frozen=True, kw_only=True):
    """One criterion, over all pairs that were judged."""

    name: str
    pairs: int
    mean: float
    low: float | None = None
    """Between this and ``high`` lies, with 95 %, the mean of the set that the dialogues were drawn from; None for too few."""
    high: float | None = None
    counts: dict[int, int]
    """Score -> how often it was given."""
    agreement: float | None = None
    """Share of pairs of judges who gave the same score; None with one judge."""
    alpha: float | None = None
    """Krippendorff's, ordinal."""
    kappa: float | None = None
    """Cohen's with quadratic weights, where there are two judges."""


class DuelReport(Struct, frozen=True, kw_only=True):
    """How often the newer of two versions was preferred by one criterion."""

    name: str
    new: int = 0
    old: int = 0
    same: int = 0
    first: int = 0
    """Preferences for what was shown first; far from half of them, the judge goes by the place."""

    @property
    def chance(self) -> float:
        """How likely so uneven an outcome is if neither is better: the two-sided sign test, ties left out."""
        decided, less = self.new + self.old, min(self.new, self.old)
        if decided > _EXACTLY:  # as good there, by the normal distribution with the correction for continuity
            return min(1.0, 2 * NormalDist(decided / 2, sqrt(decided) / 2).cdf(less + 0.5))
        tail = sum(comb(decided, k) for k in range(less + 1))
        return min(1.0, float(2 * tail / 2**decided))


class _Score(NamedTuple):
    pair: int
    criterion: str
    judge: str
    score: int


def read_scores(verdicts: Iterable[Verdict]) -> Iterator[_Score]:
    """The scores among the verdicts of one judge."""
    for verdict in verdicts:
        criterion, sign, score = verdict.code.partition(": ")
        if sign and score.isdecimal() and verdict.turn is not None:
            yield _Score(verdict.turn, criterion, verdict.evidence, int(score))


class ScoreBook:
    """All scores of a rubric; added to while outcomes are read.

    Args:
        rubric: by which was judged.
    """

    def __init__(self, rubric: Rubric) -> None:
        self._rubric = rubric
        self._scores: dict[str, dict[tuple[int, str], dict[str, int]]] = {}
        self._judges: dict[str, None] = {}

    def add(self, name: str, judged: Dialogue) -> None:
        """What one judge has said of a dialogue of this name."""
        there = self._scores.setdefault(name, {})
        for one in read_scores(judged.verdicts):
            there.setdefault((one.pair, one.criterion), {})[one.judge] = one.score
            self._judges[one.judge] = None

    @property
    def judges(self) -> list[str]:
        """Who judged, in the order met."""
        return list(self._judges)

    @property
    def dialogues(self) -> int:
        """How many have a score."""
        return len(self._scores)

    def report(self) -> list[CriterionReport]:
        """Every criterion that was judged, in the rubric's order."""
        reports = []
        for criterion in self._rubric.criteria:
            units = [
                tuple(given.get(judge) for judge in self._judges)
                for scores in self._scores.values()
                for (_, name), given in scores.items()
                if name == criterion.name
            ]
            given = [score for unit in units for score in unit if score is not None]
            if not given:
                continue
            two = (
                [(one, other) for one, other in units if one is not None and other is not None]
                if (len(self._judges) == 2)
                else []
            )
            sure = self._interval(criterion.name)
            reports.append(
                CriterionReport(
                    name=criterion.name,
                    pairs=len(units),
                    mean=fmean(given),
                    low=sure.low if sure else None,
                    high=sure.high if sure else None,
                    counts=dict(sorted(Counter(given).items())),
                    agreement=exact_agreement(units),
                    alpha=krippendorffs_alpha(units),
                    kappa=cohens_kappa(two, weights="quadratic"),
                )
            )
        return reports

    def _interval(self, criterion: str) -> Interval | None:
        """Of the mean: each pair once, by the mean of its judges."""
        groups = (
            [fmean(given.values()) for (_, name), given in scores.items() if name == criterion]
            for scores in self._scores.values()
        )
        return mean_interval(groups, least=self._rubric.scores[0], most=self._rubric.scores[-1])

    def below(self, dialogue: str, pairs: int, bars: Mapping[str, float]) -> dict[int, list[str]] | None:
        """Pairs of a dialogue that do not reach the bars, by the mean of the judges, and which they miss.

        Args:
            dialogue: its name.
            pairs: how many it has.
            bars: criterion -> least mean score.

        Returns:
            Pair -> ``grounded 2.5``; None where some pair was not judged by a criterion that has a bar.
        """
        scores = self._scores.get(dialogue, {})
        judged = {name for _, name in scores}
        missed: dict[int, list[str]] = {}
        for pair in range(pairs):
            for name, bar in bars.items():
                if (given := scores.get((pair, name))) is None:
                    if name in judged or not scores:
                        return None
                    continue  # nothing is known of the scene, so nobody could judge it
                if (mean := fmean(given.values())) < bar:
                    missed.setdefault(pair, []).append(f"{name} {mean:.3g}")
        return missed


def without_pairs(dialogue: Dialogue, missed: Iterable[int]) -> Dialogue | None:
    """The dialogue without these pairs; None where none is left."""
    gone = set(missed)
    turns = tuple(turn for number, turn in enumerate(dialogue.turns) if number // 2 not in gone)
    return structs.replace(dialogue, turns=turns) if turns else None


def count_duels(judged: Iterable[Dialogue], names: Sequence[str]) -> list[DuelReport]:
    """What comparisons came to, for the whole (``better``) and by criterion."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("better", *names)}
    for dialogue in judged:
        for verdict in dialogue.verdicts:
            name, _, winner = verdict.code.partition(": ")
            if name not in counts:
                continue
            counts[name][winner] += 1
            new_first = verdict.evidence.endswith("shown first")
            counts[name]["first"] += winner == ("new" if new_first else "old")
    return [
        DuelReport(name=name, new=count["new"], old=count["old"], same=count["same"], first=count["first"])
        for name, count in counts.items()
        if count
    ]
