"""What is known of languages: their tags, names, scripts, and how long their texts are beside English ones."""

from functools import lru_cache

import langcodes
from langcodes.tag_parser import LanguageTagError
from msgspec import Struct

from syphus.errors import InputError

_NAMES = {
    "af": "Afrikaans", "am": "Amharic", "ar": "Arabic", "az": "Azerbaijani", "be": "Belarusian", "bg": "Bulgarian",
    "bn": "Bengali", "bs": "Bosnian", "ca": "Catalan", "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "eo": "Esperanto", "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian",
    "fi": "Finnish", "fil": "Filipino", "fr": "French", "ga": "Irish", "gl": "Galician", "gu": "Gujarati", "ha": "Hausa",
    "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian",
    "ig": "Igbo", "is": "Icelandic", "it": "Italian", "ja": "Japanese", "jv": "Javanese", "ka": "Georgian",
    "kk": "Kazakh", "km": "Khmer", "kn": "Kannada", "ko": "Korean", "ky": "Kyrgyz", "la": "Latin", "lo": "Lao",
    "lt": "Lithuanian", "lv": "Latvian", "mk": "Macedonian", "ml": "Malayalam", "mn": "Mongolian", "mr": "Marathi",
    "ms": "Malay", "mt": "Maltese", "my": "Burmese", "nb": "Norwegian (Bokmål)", "ne": "Nepali", "nl": "Dutch",
    "nn": "Norwegian (Nynorsk)", "no": "Norwegian", "pa": "Punjabi", "pl": "Polish", "ps": "Pashto", "pt": "Portuguese",
    "ro": "Romanian", "ru": "Russian", "rw": "Kinyarwanda", "si": "Sinhala", "sk": "Slovak", "sl": "Slovenian",
    "so": "Somali", "sq": "Albanian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "te": "Telugu",
    "tg": "Tajik", "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "uz": "Uzbek",
    "vi": "Vietnamese", "xh": "Xhosa", "yo": "Yoruba", "yue": "Cantonese", "zh": "Chinese", "zu": "Zulu",
}  # fmt: skip
_SCRIPT_NAMES = {
    "Hans": "simplified characters", "Hant": "traditional characters", "Latn": "Latin script", "Cyrl": "Cyrillic script",
    "Arab": "Arabic script", "Deva": "Devanagari script",
}  # fmt: skip
_SCRIPTS = {
    "Latn": ("LATIN",), "Cyrl": ("CYRILLIC",), "Arab": ("ARABIC",), "Hebr": ("HEBREW",), "Grek": ("GREEK",),
    "Hans": ("CJK",), "Hant": ("CJK",), "Hani": ("CJK",), "Jpan": ("CJK", "HIRAGANA", "KATAKANA", "HALFWIDTH"),
    "Kore": ("HANGUL", "CJK"), "Hang": ("HANGUL",), "Thai": ("THAI",), "Deva": ("DEVANAGARI",), "Beng": ("BENGALI",),
    "Taml": ("TAMIL",), "Telu": ("TELUGU",), "Gujr": ("GUJARATI",), "Guru": ("GURMUKHI",), "Knda": ("KANNADA",),
    "Mlym": ("MALAYALAM",), "Orya": ("ORIYA",), "Sinh": ("SINHALA",), "Geor": ("GEORGIAN",), "Armn": ("ARMENIAN",),
    "Ethi": ("ETHIOPIC",), "Khmr": ("KHMER",), "Laoo": ("LAO",), "Mymr": ("MYANMAR",), "Tibt": ("TIBETAN",),
}  # fmt: skip
"""ISO 15924 -> with what the Unicode names of its letters begin."""
_RATIOS = {
    "af": 1.04, "ar": 0.87, "az": 1.05, "be": 1.01, "bg": 1.06, "bn": 1.01, "bs": 1.00, "ca": 1.08, "ckb": 1.04,
    "cs": 1.00, "cy": 1.01, "da": 1.07, "de": 1.16, "el": 1.18, "en": 1.00, "eo": 1.04, "es": 1.12, "et": 0.98,
    "eu": 1.01, "fa": 0.98, "fi": 1.02, "fr": 1.23, "ga": 1.15, "gd": 1.29, "gl": 1.05, "he": 0.77, "hi": 1.00,
    "hr": 1.04, "hu": 1.05, "hy": 1.02, "id": 1.06, "is": 1.00, "it": 1.10, "ja": 0.49, "ka": 1.05, "kk": 0.89,
    "ko": 0.53, "ky": 0.96, "lt": 1.00, "lv": 0.99, "mk": 1.08, "ml": 1.15, "mn": 0.95, "mr": 1.01, "ms": 1.10,
    "nb": 0.98, "ne": 0.88, "nl": 1.11, "nn": 0.97, "no": 0.98, "pl": 1.06, "pt": 1.08, "ro": 1.08, "ru": 1.09,
    "sk": 1.01, "sl": 0.98, "sq": 1.14, "sr": 0.99, "sv": 1.02, "tg": 1.24, "th": 0.83, "tr": 1.10, "ug": 1.07,
    "uk": 1.03, "ur": 1.04, "uz": 1.16, "vi": 0.99, "yue": 0.32, "zh": 0.30,
}  # fmt: skip
"""Characters of a translation for each of the English text: medians over the messages of 40 and more characters in the
translations that come with Django 5.2 (25 to 84 messages each). The standard deviation of their logarithm is 0.10 to 0.28."""
_OTHER_RATIO = 1.05
_TOKENS = {
    "zh": 1.0, "ja": 1.1, "ko": 1.15, "ar": 1.1, "es": 1.1, "pt": 1.15, "it": 1.2, "fr": 1.2, "de": 1.2, "vi": 1.25,
    "tr": 1.25, "ru": 1.25, "hi": 1.3, "fa": 1.35, "ur": 1.4, "mr": 1.4, "ta": 1.45, "gu": 1.4, "te": 1.9,
}  # fmt: skip
"""Tokens of a translation for each of the English text with a vocabulary of 200,000; a plan's first guess, which gives way
to the replies as soon as there are some."""
_OTHER_TOKENS = 1.6


class Language(Struct, frozen=True):
    """One language to translate into, or from."""

    tag: str
    """BCP 47, in its usual form: ``zh-Hant``."""
    code: str
    """The language alone: ``zh``."""
    script: str
    """ISO 15924; what is likely, where the tag does not say: ``Hans``."""
    name: str
    """As a model knows it: ``Chinese (simplified characters)``."""
    scripts: tuple[str, ...]
    """With what the Unicode names of its letters begin; empty: its script is not known here."""

    @property
    def ratio(self) -> float:
        """Characters for each of an English text."""
        return _RATIOS.get(self.code, _OTHER_RATIO)

    @property
    def tokens(self) -> float:
        """Tokens for each of an English text, as far as can be told before a reply is there."""
        return _TOKENS.get(self.code, _OTHER_TOKENS)

    @property
    def is_latin(self) -> bool:
        """Whether it is written as English is."""
        return self.scripts == ("LATIN",)


@lru_cache(maxsize=256)
def find_language(tag: str) -> Language:
    """The language of a BCP 47 tag (RFC 5646).

    Raises:
        InputError: it is no such tag, or its language is none that is registered.
    """
    try:
        parsed = langcodes.Language.get(tag.strip())
    except (LanguageTagError, ValueError) as error:
        raise InputError(f"{tag!r} is no language tag: {error}", place="--to", mend=_MEND) from error
    code = parsed.language or ""
    if not code or code == "und" or not parsed.is_valid():
        raise InputError(f"{tag!r} names no language that is registered", place="--to", mend=_MEND)
    script = parsed.maximize().script or "Latn"
    return Language(parsed.to_tag(), code, script, _name(parsed, code, script), _SCRIPTS.get(script, ()))


_MEND = "Tags are those of BCP 47, as zh, zh-Hant, pt-BR, ja."


def _name(parsed: langcodes.Language, code: str, script: str) -> str:
    name = _NAMES.get(code)
    if name is None:
        return f"the language with the BCP 47 tag `{parsed.to_tag()}`"
    details = []
    if parsed.script or code == "zh":
        details.append(_SCRIPT_NAMES.get(script, f"script {script}"))
    if parsed.territory:
        details.append(f"as in {parsed.territory}")
    return f"{name} ({', '.join(details)})" if details else name
