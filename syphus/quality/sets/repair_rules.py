# ruff: noqa: RUF001 (signs of other scripts are what is looked for)
"""What can be mended in a text without asking again: rules, each with a version, a count and an example that is its test.

The makers of MIMIC-IT had two people read for fifteen hours and mend by regular expressions ("the user (you)" -> "you"; their
paper's second version, section 5.3); neither the expressions nor the lists are in their repository. These are ours. A rule
mends what is certainly no part of what was meant; what it cannot mend stays as it is, for the checks to find.

References (``[the bus](#o3)``) come out as they went in: no rule takes a square bracket.
"""

import html
import re
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from syphus.quality.pairs import Pair
from syphus.quality.repeats import count_words
from syphus.quality.sets.choices import read_choice

RULES_VERSION = 1
"""Grows with every change of a rule, so that a dataset says by which rules it was mended."""

_SidesOf = Literal["both", "question", "answer"]


class Rule(Struct, frozen=True, kw_only=True):
    """One rule."""

    name: str
    since: int = 1
    """The version of the rules that it came with, or in which it was changed last."""
    sides: _SidesOf = "both"
    mend: Callable[[str], str]
    example: tuple[str, str]
    """Before and after."""


class Change(Struct, frozen=True):
    """What a rule did to a text."""

    rule: str
    side: Literal["question", "answer"]
    before: str
    after: str


class Repaired(Struct, frozen=True):
    """A pair after the rules."""

    pair: Pair
    changes: tuple[Change, ...]


def repair_pair(pair: Pair) -> Repaired:
    """Applies the rules to a pair, in their order, until nothing changes any more. A text never becomes empty."""
    changes: list[Change] = []
    is_choice = read_choice(pair.question, pair.answer) is not None
    question = _repair(pair.question, "question", changes, is_choice=is_choice)
    answer = _repair(pair.answer, "answer", changes, is_choice=is_choice)
    return Repaired(Pair(question, answer) if changes else pair, tuple(changes))


def _repair(text: str, side: Literal["question", "answer"], changes: list[Change], *, is_choice: bool) -> str:
    for _ in range(_ROUNDS):
        begin = text
        for rule in RULES:
            if rule.sides not in ("both", side) or (is_choice and rule.name in _NOT_OF_CHOICES):
                continue
            mended = rule.mend(text)
            if mended != text and mended.strip():
                changes.append(Change(rule.name, side, text, mended))
                text = mended
        if text == begin:
            break
    return text


_ROUNDS = 3
_NOT_OF_CHOICES = frozenset({"label", "half_sentence"})
"""In a multiple choice, "A:" is an option, and an option need not be a sentence."""

_Replacement = str | Callable[[re.Match[str]], str]


def _replace(pattern: str, by: _Replacement, *needles: str, flags: int = 0) -> Callable[[str], str]:
    compiled = re.compile(pattern, flags)

    def mend(text: str) -> str:
        if needles and not any(needle in text for needle in needles):
            return text
        return compiled.sub(by, text)

    return mend


def _upper(match: re.Match[str]) -> str:
    return str(match[1]).upper()


_MOJIBAKE = re.compile(r"â€[\u0080-\u00bf™œ˜“”¦¢\u201a-\u203a]|Ã[\u0080-\u00bf€-™]|Â[\u00a0-\u00bf]")


def _mend_mojibake(text: str) -> str:
    """UTF-8 that was read as windows-1252, sign by sign, where the way back is certain."""
    if "Ã" not in text and "â€" not in text and "Â" not in text:
        return text

    def back(match: re.Match[str]) -> str:
        raw = b""
        for sign in match[0]:
            try:
                raw += sign.encode("cp1252")
            except UnicodeEncodeError:
                raw += sign.encode("latin-1", "ignore")  # the five places that windows-1252 leaves empty
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return match[0]

    return _MOJIBAKE.sub(back, text)


_ENTITY = re.compile(r"&(?:amp|quot|lt|gt|nbsp|apos|#0?39|#x27|#34);")


def _mend_entities(text: str) -> str:
    return _ENTITY.sub(lambda match: html.unescape(match[0]).replace("\u00a0", " "), text) if "&" in text else text


_QUOTES = (('"', '"'), ("“", "”"), ("«", "»"), ("「", "」"))


def _mend_quotes(text: str) -> str:
    """Quotes around the whole text, and a single one at an end that has no partner."""
    bare = text.strip()
    for opening, closing in _QUOTES:
        if len(bare) > 2 and bare[0] == opening and bare[-1] == closing:
            inside = bare[1:-1]
            if opening not in inside and closing not in inside and len(inside.split()) > 3:
                return inside.strip()
    if bare.count('"') == 1 and len(bare) > 2:
        if bare[0] == '"':
            return bare[1:].lstrip()
        if bare[-1] == '"' and not bare[-2].isdigit():  # 6" are inches
            return bare[:-1].rstrip()
    return text


_SPACES = re.compile(r"(?<=[^\s|])[ \t]{2,}(?=[^\s|])")
_SPACE_BEFORE = re.compile(r"(?<=\w) +(?=[.,](?:\s|$))(?! *[.,]\s*[.,])")
_TRAILING = re.compile(r"[ \t]+(?=\n)")


def _mend_spaces(text: str) -> str:
    """Several spaces between words, spaces before a comma or full stop, at line ends. Tables and code stay as they are."""
    if (
        "```" in text
        or "\t" in text
        or ("  " not in text and " ," not in text and " ." not in text and " \n" not in text)
    ):
        return text
    return _TRAILING.sub("", _SPACE_BEFORE.sub("", _SPACES.sub(" ", text)))


_ENDS = ".!?…。！？؟۔।"
_SENTENCE = re.compile(r"[.!?…。！？؟۔।][\"”’'»)\]」』]*(?=\s|$)|[。！？](?=\S)")
_ABBREVIATED = re.compile(r"\b(?:e\.g|i\.e|etc|mr|mrs|ms|dr|st|vs|approx|no|fig|[a-z])\.$", re.IGNORECASE)
_OPEN_END = frozenset(",;:、，；：([{“‘–—-&/")
_LONG = 30
"""Words from which on a text without a full stop at its end was cut (as ``check_unfinished``)."""
_LEAST_KEPT = 0.5


def _cut_half_sentence(text: str) -> str:
    """An answer that ends in the middle of a sentence ends with the one before, where at least half of it remains."""
    bare = text.rstrip()
    end = bare[-1:]
    if not end or end in _ENDS or (end not in _OPEN_END and (end in "\"”’'»)]」』" or count_words(bare) < _LONG)):
        return text
    for match in reversed(list(_SENTENCE.finditer(bare))):
        kept = bare[: match.end()]
        if not _ABBREVIATED.search(kept):
            return kept if count_words(kept) >= _LEAST_KEPT * count_words(bare) and count_words(kept) > 2 else text
    return text


_TOKEN = (
    r"(?:</?s>|<pad>|<unk>|<eos>|<bos>|<\|[A-Za-z_]{2,30}\|>|\[/?INST\]|<<?/?SYS>>?|<(?:start|end)_of_turn>|<eot_id>)"
)
_NOUN = (
    r"(?:captions?|descriptions?|annotations?|bounding boxes|coordinates|metadata|"
    r"(?:provided |given |available )?(?:information|context|details|text)(?: (?:provided|given|available))?)"
)
_GIVEN = r"(?:provided |given |available |above |supplied |image |picture |scene |object )*"

RULES: tuple[Rule, ...] = (
    Rule(
        name="invisible",
        mend=_replace("[\u200b\u2060\ufeff\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]", ""),
        example=("A red\u200b bus.", "A red bus."),
    ),
    Rule(name="mojibake", mend=_mend_mojibake, example=("Itâ€™s a cafÃ©.", "It’s a café.")),
    Rule(name="entity", mend=_mend_entities, example=("Salt &amp; pepper.", "Salt & pepper.")),
    Rule(
        name="escaped_line_end",
        mend=_replace(r"(?<=[.!?:,;])\s?\\n(?:\\n)*\s?(?=[A-Z\d\-*])|\\n\s*$|<br ?/?>", "\n", "\\n", "<br"),
        example=("Two dogs.\\nThey run.", "Two dogs.\nThey run."),
    ),
    Rule(
        name="token",
        mend=_replace(rf"^(?:\s*{_TOKEN})+\s*|\s*(?:{_TOKEN}\s*)+$", "", "<", "[/", "[I"),
        example=("It is red.</s>", "It is red."),
    ),
    Rule(
        name="next_turn",
        sides="answer",
        mend=_replace(
            r"\s*\n\s*(?:#{2,}\s*)?(?:Question|User|Human|USER|Instruction)\s?\d{0,2}\s?:[\s\S]*$|\s*#{3}\s*(?:Human|User|Instruction)\b[\s\S]*$",
            "",
            "\n",
            "###",
        ),
        example=("It is red.\nQuestion: What else?", "It is red."),
    ),
    Rule(
        name="label",
        mend=_replace(
            r"^\s*(?:\*\*|#{1,3}\s)?(?:(?i:answer|response|assistant|question|human|instruction|user|gpt|output)\s?#?\d{0,2}"
            r"|[QA]\d{0,2})\s?:(?:\*\*)?\s+(?=\S)",
            "",
            ":",
        ),
        example=("Answer: It is red.", "It is red."),
    ),
    Rule(
        name="the_user_you",
        mend=_replace(
            r"(?i:\bthe user) \(you\)|(?i:\byou) \(the user\)",
            lambda match: "You" if match[0][0].isupper() and match.start() == 0 else "you",
            "(you)",
            "(the user)",
            "(The user)",
        ),
        example=("What can the user (you) do here?", "What can you do here?"),
    ),
    Rule(
        name="here_is",
        sides="answer",
        mend=_replace(
            r"^(?:Sure|Certainly|Of course|Absolutely|Okay)[!,.]?\s*(?:[Hh]ere(?:'s| is| are)\b[^:\n]{0,80}:\s*)(?=\S)",
            "",
            "ere's",
            "ere is",
            "ere are",
        ),
        example=("Sure! Here is a description of the image: A bus stops.", "A bus stops."),
    ),
    Rule(
        name="based_on_source",
        sides="answer",
        mend=_replace(
            rf"^(?:Based on|According to|From|As per|As described in|As mentioned in|Given) (?:the |these |this )?{_GIVEN}{_NOUN},\s*(\w)",
            _upper,
            ", ",
        ),
        example=("Based on the provided captions, the bus is red.", "The bus is red."),
    ),
    Rule(
        name="as_in_source",
        sides="answer",
        mend=_replace(
            rf",? as (?:mentioned|described|stated|indicated|noted|seen) (?:in|by) the {_GIVEN}{_NOUN}(?=[.,;])",
            "",
            " as ",
        ),
        example=("The bus is red, as mentioned in the caption.", "The bus is red."),
    ),
    Rule(
        name="markdown",
        mend=_replace(
            r"^(?:#{1,6}\s+)(?=[^\n#]+$)|\s*\n?(?:-{3,}|={3,}|\*{3,}|`{3}|#{2,})\s*$|^(?:`{3}\w*|-{3,}|={3,})\s*\n|^\*\*(?=[^*]*$)|\*\*$(?<!\w\*\*)|\\(?=[_*#])",
            "",
            "#",
            "---",
            "===",
            "***",
            "```",
            "**",
            "\\",
        ),
        example=("The bus is red.\n---", "The bus is red."),
    ),
    Rule(name="quotes", mend=_mend_quotes, example=('"The bus is red and old."', "The bus is red and old.")),
    Rule(name="spaces", mend=_mend_spaces, example=("The  bus is red .", "The bus is red.")),
    Rule(
        name="half_sentence",
        sides="answer",
        mend=_cut_half_sentence,
        example=("The bus is red. It waits at the stop. Behind it,", "The bus is red. It waits at the stop."),
    ),
    Rule(
        name="ends",
        mend=_replace(r"^\s+|\s+$", ""),
        example=(" The bus is red.\n", "The bus is red."),
    ),
)
"""All rules, in the order in which they are applied."""
