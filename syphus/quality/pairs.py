"""What checks look at, and what they say: the values between a reply and its verdict."""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from syphus.quality.repeats import Echoes
from syphus.quality.vocabulary import stems_of, word_stems
from syphus.quality.wordings import fold_text
from syphus.records import Person, Scene, Verdict

CheckName = Literal[
    "empty", "length", "refusal", "repeats", "leak", "placeholder", "reference", "given_away", "echo", "json_in_text",
    "unrelated", "unfinished", "no_question", "name", "asset", "time",
]  # fmt: skip
"""All checks, in the order they are made."""


class Pair(Struct, frozen=True):
    """A question and its answer, with references."""

    question: str
    answer: str


class Rules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a category asks of its pairs (``[checks]`` in its ``category.toml``)."""

    question_words: tuple[int, int] | None = None
    """Fewest and most words of a question; two Chinese or Japanese signs count as one word."""
    answer_words: tuple[int, int] | None = None
    extra_leaks: tuple[str, ...] = ()
    """More words that name the source: ``footage``, ``subtitle``."""
    allow: tuple[str, ...] = ()
    """Words that are no leak in this category."""
    references: Literal["none", "allowed", "required"] = "allowed"
    """``required``: at least one in each pair."""
    times: Literal["none", "allowed"] = "allowed"
    """``none``: no times of a video in clock or seconds, when is said by what happens before and after."""
    off: tuple[CheckName, ...] = ()
    """Names of checks that are not made."""

    def __post_init__(self) -> None:
        for name, bounds in (("question_words", self.question_words), ("answer_words", self.answer_words)):
            if bounds and not 0 <= bounds[0] <= bounds[1]:
                raise ValueError(f"{name}: {list(bounds)} must be the fewest and the most words, in that order")


class PairsVerdict(Struct, frozen=True):
    """What the checks found."""

    passed: tuple[int, ...]
    """Indices of the pairs that nothing was found in."""
    verdicts: tuple[Verdict, ...]
    """What was found, in the order of the pairs; at most one for a pair and a check."""


class Side(Struct, frozen=True):
    """A question or an answer in the forms that checks look at."""

    text: str
    plain: str
    """Phrases of references without their ids."""
    words: list[str]
    """Of ``plain``, in lower case."""
    distinct: frozenset[str]
    """The words, each once."""
    harmless: bool
    """An ASCII text without digits, in whose words nothing points at a source or a refusal."""
    quiet: bool
    """Harmless, of more than a few words, and without signs: nothing in it looks like JSON, a token or a reference."""
    name: Literal["question", "answer"]

    @property
    def folded(self) -> str:
        """``plain`` in lower case, with straight apostrophes and single spaces. Made when asked for: most texts need none."""
        return fold_text(self.plain)

    @property
    def stems(self) -> frozenset[str]:
        """Of the content words of ``plain``; what its words are is known already."""
        return word_stems(self.distinct) if self.plain.isascii() else stems_of(self.plain)


class View(Struct, frozen=True):
    """All that a check may look at."""

    question: Side
    answer: Side
    rules: Rules
    scene: Scene
    known: frozenset[str]
    earlier: dict[tuple[str, ...], int]
    """Words of the questions before, with the index of their pair."""
    echoes: Echoes
    stems: frozenset[str]
    """Of the scene's annotations."""
    foreign: bool
    """The dialogue as a whole shares no word with its scene."""
    sides: tuple[Side, Side]
    """Question and answer."""
    hidden: tuple[Person, ...] = ()
    """Those whose names must not be said."""


class Finding(Struct, frozen=True):
    """What a check says of a pair it refuses."""

    code: str
    message: str
    evidence: str = ""


Check = Callable[[View], Finding | None]
