"""Whether a text says something new: ROUGE-L against those that are there, as self-instruct has it.

Self-instruct (Wang et al. 2023, ``bootstrap_instructions.py``) keeps an instruction whose ROUGE-L F1 with each earlier one is
below 0.7. The F1 of the longest common subsequence of words is the normalised Indel similarity of the two lists of words, so
rapidfuzz computes the same number; ``tests/test_novelty.py`` holds it against the definition.
"""

from rapidfuzz import process
from rapidfuzz.distance import Indel

from syphus.quality.vocabulary import split_words

NOVEL_BELOW = 0.7
"""Self-instruct's bound."""


def rouge_l(one: str, other: str) -> float:
    """ROUGE-L F1 of two texts, by their words in lower case: 0 nothing in common, 1 the same."""
    return float(Indel.normalized_similarity(split_words(one), split_words(other)))


class Novelty:
    """Texts that are there; tells of another one how near it comes to any of them."""

    def __init__(self, texts: tuple[str, ...] = ()) -> None:
        self._texts = [split_words(text) for text in texts]

    def nearest(self, text: str, *, least: float = 0.0) -> tuple[float, int] | None:
        """ROUGE-L with the most similar text, and that text's number; None where none reaches ``least``."""
        words = split_words(text)
        found = process.extractOne(
            words, self._texts, scorer=Indel.normalized_similarity, processor=None, score_cutoff=least
        )
        return None if found is None else (float(found[1]), int(found[2]))

    def add(self, text: str) -> None:
        """One more text that is there from now on."""
        self._texts.append(split_words(text))
