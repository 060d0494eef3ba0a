# ruff: noqa: RUF001 (letters of other scripts are what is looked for)
"""Whether an answer is in the language of its question, told by scripts and by small words.

A language of the Latin script is told by its most frequent small words that the others do not have. No statistics of letters: a
short answer has too few of them, and names and quoted signs mislead them. Where too little tells, nothing is said.
"""

import re
from functools import lru_cache

from syphus.quality.grounded.lexicon import WORDS
from syphus.quality.pairs import Finding, Side, View
from syphus.quality.vocabulary import COMMON_WORDS, split_words

_ENGLISH = frozenset(
    """
    the is are was were and with of to it there this that these those has have his her their its which they what while who
    from by at on for as be been can could would should he she you an one two or not but near above below yes
    """.split()
)
_WORDS = {
    "de": """der die das ist sind und ein eine einen einem einer mit auf im den dem des nicht es auch sie wird wurde von zum zur
        an bei über unter neben vor hinter zwei drei sich aus nach oder aber wie ja nein steht sitzt liegt einige mehrere""",
    "fr": """le la les est sont et un une des du avec dans sur il elle ils elles qui que pour pas ne ce cette ces au aux sous devant
        derrière deux trois par plus ou mais oui non d'un d'une l'image c'est assis debout""",
    "es": """el la los las es son está están y un una unos unas con del al que por para se su sus hay muy pero también sobre como dos
        tres junto sí cerca""",
    "it": """il lo la gli le è sono e un una con del della dei delle di nel nella sul sulla che per si non anche due tre accanto sì
        vicino questo questa""",
    "pt": """o os as é são está estão e um uma uns umas com do da dos das no na nos nas em que por para não também sobre dois duas ao
        à há sim perto""",
    "sv": """och är en ett på som med av för inte det den han hon de i vid har två tre sitter står ligger nej""",
    "pl": """w na jest są się z nie że ta dwa trzy przy obok tak który która siedzi stoi leży""",
    "tr": """ve bir bu da de ile için var çok gibi iki üç yanında üzerinde hayır evet olan""",
    "vi": """và là có một của trong trên được này không những các với đang người hai ba cái con""",
    "id": """dan yang di ini itu dengan ada tidak untuk pada dari sebuah seorang dua tiga sedang tampak ya""",
    "nl": """de het een is zijn en met op van in niet er ook die dat aan bij naast voor achter onder twee drie staat zit ligt naar of
        maar wordt ja nee""",
}  # fmt: skip
_SMALL = {
    "en": _ENGLISH | {"a", "in", "into", "i", "we", "my", "over", "under", "next", "front"},
    **{name: frozenset(words.split()) for name, words in _WORDS.items()},
}
_SCRIPTS = {
    "ja": re.compile(r"[\u3040-\u30ff]"),
    "zh": re.compile(r"[\u3400-\u9fff]"),
    "ko": re.compile(r"[\uac00-\ud7af]"),
    "ar": re.compile(r"[\u0600-\u06ff]"),
    "ru": re.compile(r"[\u0400-\u04ff]"),
    "hi": re.compile(r"[\u0900-\u097f]"),
    "th": re.compile(r"[\u0e00-\u0e7f]"),
    "el": re.compile(r"[\u0370-\u03ff]"),
    "he": re.compile(r"[\u0590-\u05ff]"),
}
_LETTER = re.compile(r"[^\W\d_]")
_QUOTED = re.compile(r"[\"“”«][^\"“”«»]*[\"“”»]")
_NAMES = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "pt": "Portuguese", "nl": "Dutch", "sv": "Swedish", "pl": "Polish", "tr": "Turkish", "vi": "Vietnamese", "id": "Indonesian",
    "ja": "Japanese", "zh": "Chinese", "ko": "Korean", "ar": "Arabic", "ru": "Russian", "hi": "Hindi", "th": "Thai",
    "el": "Greek", "he": "Hebrew",
}  # fmt: skip
_BEGINNING = 2000
"""Characters of a scene's text that tell its language."""
_UNKNOWN = "?"
_SENTENCE = 6
"""Words from which on an English text has small words."""
_SHARE = 0.3
"""Of the letters of a text, from which on a script is its own; below, it is a name or a quotation."""


def check_language(view: View) -> Finding | None:
    """The answer is in the language of the category, else in that of its question; a question in the category's."""
    question, answer = view.question, view.answer
    wanted = view.rules.language
    if wanted in {"", "en"} and _is_plainly_english(answer) and not _ENGLISH.isdisjoint(question.distinct):
        return None  # as nearly always
    asked = language_of(question) or _likely(question)
    for side, language in ((question, wanted), (answer, wanted or asked)):
        own = asked if side is question else language_of(side)
        if not own and language == "en" and side is answer and _is_nothing_known(view):
            own = _UNKNOWN
        if own and language and own != language and not (language == "ja" and own == "zh"):
            if not wanted and own == _guess_of(view.facts.text):
                continue  # a question of ours about captions in another language, which the answer keeps
            told = _NAMES.get(own, "another language")
            message = f"The {side.name} is in {told}; write it in {_NAMES.get(language, language)}."
            return Finding(f"wrong_{side.name}", message, side.text)
    return None


def _is_plainly_english(side: Side) -> bool:
    return len(side.distinct & _ENGLISH) >= 2 and side.plain.isascii()


def _is_nothing_known(view: View) -> bool:
    """A sentence without one English small word, and without one word of the scene or of the question."""
    words = view.answer.distinct
    known = (_ENGLISH, COMMON_WORDS, WORDS, view.facts.words, view.question.distinct)
    if view.answer.plain.isascii() or len(view.answer.words) < _SENTENCE:
        return False  # English is the one that does without accents; "let us discuss whatever seems important"
    return not any(map(str.isdigit, words)) and all(map(words.isdisjoint, known))


def is_english(side: Side) -> bool:
    """False for a text that is plainly in another language: what is known of English words says nothing of it."""
    return len(side.distinct & _ENGLISH) >= 2 or language_of(side) in {"", "en"}


def language_of(side: Side) -> str:
    """The code of the language that a text is plainly in; empty where that cannot be told."""
    plain = _QUOTED.sub(" ", side.plain) if '"' in side.plain or not side.plain.isascii() else side.plain
    return _script_of(plain) or _guess(side.distinct)


def _guess_of(text: str) -> str:
    """As :func:`language_of`, of the beginning of what is annotated."""
    return _script_of(text[:_BEGINNING]) or _guess(frozenset(split_words(text[:_BEGINNING])))


def _script_of(plain: str) -> str:
    if not plain.isascii():
        letters = len(_LETTER.findall(plain))
        for name, pattern in _SCRIPTS.items():
            if len(pattern.findall(plain)) > letters * (_SHARE if name != "ja" else 0.1):
                return name
    return ""


def _likely(question: Side) -> str:
    """English, where a question has one of its small words and of no other language: "Describe the following image."."""
    if not question.plain.isascii():
        return ""
    others = any(not question.distinct.isdisjoint(small - _ENGLISH) for name, small in _SMALL.items() if name != "en")
    return "" if others or _ENGLISH.isdisjoint(question.distinct) else "en"


@lru_cache(maxsize=1024)
def _guess(words: frozenset[str]) -> str:
    hits = sorted(((len(words & small), name) for name, small in _SMALL.items()), reverse=True)
    (most, name), (next_most, _) = hits[0], hits[1]
    return name if most >= 2 and most > next_most and most * 8 >= len(words) else ""
