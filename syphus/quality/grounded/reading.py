"""Sentences as lists of words, and the few things of grammar that tell an assertion from the rest.

No parser: the words before and after a noun tell enough. What is not plainly asserted is left alone.
"""

import re
from functools import cached_property

from syphus.quality.grounded.lexicon import is_plural

_TOKEN = re.compile(r"\d+\.\d+|[a-z0-9]+(?:'[a-z]+)*|[,:()\"]")
_END = re.compile(r"[.!?;]+(?:\s+|$)|\n+")
_LONGEST = 200
"""Words of a sentence that are looked at; more has no model written that was still sane."""
_MARKS = frozenset(',:()"')

NUMBERS = {
    word: count
    for count, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
}
DETERMINERS = frozenset(
    """
    a an the this that these those his her their its my your our one two three four five six seven eight nine ten
    eleven twelve several some many multiple various numerous few another both each every other more
    """.split()
)
_LOCAL = frozenset("perhaps possibly maybe probably likely potentially presumably apparently".split())
"""Those that take back their own clause alone: "a dog, possibly a husky, lies on the bed"."""
_HEDGES = _LOCAL | frozenset(
    """
    could might may would should must can if whether unless potential
    imagine imagining suppose pretend typically usually generally often sometimes commonly such like resembling resembles
    resemble similar reminiscent e.g example instance any either instead else anything nothing
    shaped style themed toy model statue sculpture painting painted drawing drawn poster cartoon logo print printed
    costume figurine picture's fake stuffed depiction depicting decal sticker graffiti mural named called known considered
    require requires requiring need needs needed help helps ensure ensures ensuring avoid avoiding prevent preventing
    allow allows allowing enable enables enabling important essential crucial advisable risk risks recommended would
    whenever someone's when purpose purposes designed intended used suitable will
    """.split()
)
NEGATIONS = frozenset(
    "no not without never none cannot neither nor absence absent lack lacks lacking isn't aren't".split()
)
_SURE = re.compile(r"\b(?:can|may)(?: also| clearly| be|) (?:be )?(?:seen|found|spotted|observed|noticed|see|spot)\b")
_SHOWN = re.compile(
    r"\b(?:there (?:is|are|was|were|appears? to be|seems? to be)|there's|features?|shows?|depicts?|includes?|contains?|"
    r"displays?|showcases?|captures?|presents?|you can see|we can see|one can see|i (?:can )?see|visible|in the background|"
    r"in the foreground|can be (?:seen|spotted|observed|noticed|found)|(?:is|are) (?:also )?(?:visible|present))\b"
)
"""What says outright that something is there."""
FOLLOWERS = frozenset(
    """
    is are was were has have had and or but with in on at of by to from near behind under over above below between beside
    next inside outside into onto while who which that as for along among around across against through towards toward
    can could may might must would should will also both made left shown held worn driven kept set lit built cut hung
    laid all not too then where when because it they he she there this these those a an the
    sits stands lies rests looks appears seems walks runs rides holds wears eats drinks plays faces leans hangs moves
    waits watches flies travels grazes sit stand lie rest look appear walk run ride hold wear eat play face hang move wait
    watch fly travel graze parked seen visible present located placed positioned situated surrounded filled covered stacked
    off out up down here further farther closer slightly partially barely more today nearby together being been does do did s so if than like during after before just only
    """.split()
)


class Sentence:
    """A sentence in lower case; its tokens are made when they are asked for."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def tokens(self) -> list[str]:
        """Words, numbers, and the marks , : ( )."""
        return _TOKEN.findall(self.text)[:_LONGEST]

    @property
    def hedged(self) -> bool:
        """Something in it takes back that it is so: might, such as, if, a painting of."""
        tokens = self.tokens
        return not _HEDGES.isdisjoint(tokens) and any(
            token in _HEDGES and not self._is_sure(place) for place, token in enumerate(tokens)
        )

    def _is_sure(self, place: int) -> bool:
        """The ``can`` or ``may`` at this place is one of being seen."""
        tokens = self.tokens
        return tokens[place] in {"can", "may"} and bool(_SURE.match(" ".join(tokens[place : place + 4])))

    def hedges(self, at: int) -> bool:
        """Whether what is said of the word at ``at`` is taken back.

        By a word before it, ``such as`` or ``might``, or by one behind it in the same clause; ``possibly`` takes back no more
        than its own clause. What "can be seen" is there.
        """
        tokens = self.tokens
        if _HEDGES.isdisjoint(tokens):
            return False
        for place, token in enumerate(tokens):
            if token not in _HEDGES or self._is_sure(place):
                continue
            between = tokens[min(place, at) : max(place, at)]
            if "," not in between or (place < at and token not in _LOCAL):
                return True
        return False

    @property
    def negated(self) -> bool:
        """It says of something that it is not so."""
        return not NEGATIONS.isdisjoint(self.tokens) or "n't" in self.text

    @property
    def shown(self) -> bool:
        """It says outright that something is there to be seen."""
        return bool(_SHOWN.search(self.text))


def read_sentences(text: str) -> list[Sentence]:
    """The sentences of a text. An abbreviation's full stop ends one too, which does no harm here."""
    lower = text.lower()
    if not lower.isascii():
        lower = lower.replace("\u2019", "'")
    return [Sentence(part) for part in _END.split(lower.replace("-", " ")) if part]


def has_determiner(tokens: list[str], at: int) -> bool:
    """True where a determiner stands before the noun that begins at ``at``, with up to three words between them."""
    for back in range(1, 5):
        if at - back < 0:
            return False
        token = tokens[at - back]
        if token in DETERMINERS or token.isdigit():
            return True
        if token in _MARKS or token in FOLLOWERS:
            return False
    return False


def is_head(tokens: list[str], at: int) -> bool:
    """True where the word at ``at`` ends its noun phrase: what follows is a mark, a verb or a small word, no noun."""
    if at + 1 >= len(tokens):
        return True
    after = tokens[at + 1]
    if tokens[at].endswith("s") and is_plural(tokens[at]):
        return True  # what modifies another noun stands in the singular
    return after in FOLLOWERS or after in _MARKS or after.endswith(("ing", "ed")) or "'" in after


def count_of(token: str) -> int | None:
    """The number that a token is; None where it is none."""
    if token in NUMBERS:
        return NUMBERS[token]
    return int(token) if token.isdigit() and len(token) < 4 else None
