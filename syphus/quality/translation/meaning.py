"""How much of a text is left after it went into another language and back: chrF and ROUGE-L against the original.

Neither knows meaning; both fall where words were lost. They compare languages and models on the same sample, and say nothing
of a single dialogue.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from syphus.quality.novelty import rouge_l

_ORDER = 6
_BETA = 2


class Kept(NamedTuple):
    """What is left of a sample, in the mean over its dialogues."""

    dialogues: int
    rouge_l: float
    """0 to 1."""
    chrf: float
    """0 to 100."""


def chrf(hypothesis: str, reference: str) -> float:
    """The character n-gram F-score of Popović (2015, "chrF: character n-gram F-score for automatic MT evaluation"), 0 to 100.

    As sacreBLEU has it by default (``chrF2``, nc:6, nw:0, space:no): n from 1 to 6, white space left out, precision and recall
    each averaged over the orders that both texts are long enough for, recall counting twice.
    """
    ours, theirs = "".join(hypothesis.split()), "".join(reference.split())
    precisions, recalls = [], []
    for size in range(1, _ORDER + 1):
        mine, its = _pieces(ours, size), _pieces(theirs, size)
        if not mine or not its:
            continue
        common = sum((mine & its).values())
        precisions.append(common / sum(mine.values()))
        recalls.append(common / sum(its.values()))
    if not precisions:
        return 0.0
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    if precision + recall == 0:
        return 0.0
    return 100 * (1 + _BETA**2) * precision * recall / (_BETA**2 * precision + recall)


def _pieces(text: str, size: int) -> Counter[str]:
    return Counter(text[at : at + size] for at in range(len(text) - size + 1))


def compare_back(pairs: Iterable[tuple[str, str]]) -> Kept:
    """The means over pairs of original and what came back of it; those of which nothing came back are left out."""
    scores = [(rouge_l(back, original), chrf(back, original)) for original, back in pairs if back]
    if not scores:
        return Kept(0, 0.0, 0.0)
    return Kept(len(scores), sum(one for one, _ in scores) / len(scores), sum(two for _, two in scores) / len(scores))
