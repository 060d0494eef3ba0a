"""What checks look at, and what they say: the values between a reply and its verdict."""

from collections.abc import Callable, Iterable
from typing import Literal, get_args

from msgspec import Struct

from syphus.quality.grounded.facts import Facts
from syphus.quality.repeats import Echoes
from syphus.quality.stances import Stance
from syphus.quality.vocabulary import stems_of, word_stems
from syphus.quality.wordings import fold_text
from syphus.records import Person, Scene, Verdict

CheckName = Literal[
    "empty", "length", "refusal", "repeats", "leak", "placeholder", "reference", "given_away", "echo", "json_in_text",
    "unrelated", "unfinished", "no_question", "name", "asset", "time", "language", "objects", "counts", "colours", "places",
    "moments", "writing", "presence",
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
    language: str = ""
    """Of questions and answers (``en``); empty: an answer is in the language of its question."""
    off: tuple[CheckName, ...] = ()
    """Names of checks that are not made."""
    stances: dict[str, Stance] = {}
    """What is done about a check's findings, where it is not what :mod:`syphus.quality.stances` says: ``{"objects" = "score"}``,
    ``{"objects/unsupported" = "drop"}``."""

    def __post_init__(self) -> None:
        for name, bounds in (("question_words", self.question_words), ("answer_words", self.answer_words)):
            if bounds and not 0 <= bounds[0] <= bounds[1]:
                raise ValueError(f"{name}: {list(bounds)} must be the fewest and the most words, in that order")
        for name in self.stances:
            if name.partition("/")[0] not in get_args(CheckName):
                raise ValueError(f"stances: there is no check {name.partition('/')[0]!r}")


class PairsVerdict(Struct, frozen=True):
    """What the checks found."""

    passed: tuple[int, ...]
    """Indices of the pairs that nothing was found in, but what is only noted."""
    verdicts: tuple[Verdict, ...]
    """What refuses a pair, in the order of the pairs; at most one for a pair and a check."""
    noted: tuple[Verdict, ...] = ()
    """What was found and refuses nothing (:mod:`syphus.quality.stances`: ``score``, ``ask``)."""


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
    answered: dict[tuple[str, ...], int]
    """As ``earlier``, of the answers."""
    echoes: Echoes
    facts: Facts
    """What is known of the scene."""
    foreign: bool
    """The dialogue as a whole shares no word with its scene."""
    sides: tuple[Side, Side]
    """Question and answer."""
    hidden: tuple[Person, ...] = ()
    """Those whose names must not be said."""
    ends: bool = False
    """The other answers of the dialogue end with a full stop, as sentences do."""


class Finding(Struct, frozen=True):
    """What a check says of a pair it refuses."""

    code: str
    message: str
    evidence: str = ""


Check = Callable[[View], Finding | None]


def gravest(findings: Iterable[Finding], lesser: frozenset[str]) -> Finding | None:
    """The first finding whose code is not one of the lesser ones, else the first of those; None where there is none."""
    noted: Finding | None = None
    for finding in findings:
        if finding.code not in lesser:
            return finding
        noted = noted or finding
    return noted
