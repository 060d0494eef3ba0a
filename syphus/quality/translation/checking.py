# ruff: noqa: RUF001 (signs of other scripts are what is looked for)
"""Whether a text is a translation: into the right language and script, of the right length, whole, and nothing else.

Each check says what is wrong in words that the model can mend it by. None of them reads the meaning; a sample that is
translated back gives a figure for that (:mod:`syphus.jobs.translation_back`).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from math import exp

from syphus.quality.repeats import find_repetition
from syphus.quality.translation.identifying import is_other_language
from syphus.quality.translation.languages import Language
from syphus.quality.translation.locks import check_numbers, check_references
from syphus.quality.vocabulary import COMMON_WORDS, split_words
from syphus.quality.wordings import fold_text
from syphus.records import Verdict
from syphus.references.text import plain_text

_LOCKED = re.compile(r"⟦\s*\d+\s*⟧")
_QUOTED = re.compile(
    r"\"[^\"\n]{1,200}\"|“[^”\n]{1,200}”|‘[^’\n]{1,200}’|「[^」\n]{1,200}」|«[^»\n]{1,200}»|『[^』\n]{1,200}』"
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_LATIN_WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")
_LATIN_RUN = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*(?:[ ,]+[A-Za-z]+(?:['’-][A-Za-z]+)*)*")
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_QUESTION_MARK = re.compile(r"[?？؟;՞]")
_MARKS_QUESTIONS = frozenset({"Latn", "Cyrl", "Arab", "Hans", "Hant", "Grek", "Armn", "Deva", "Hebr"})
_WIDTH, _WIDER, _SHORT = 0.75, 0.2, 60
"""How far the logarithm of a length may be from the language's norm, either way: 0.95 for texts of up to 60 characters, 3.4 to
9 standard deviations, and down to 0.75 for long ones, where chance evens out."""
_SLACK = 12
"""Characters by which a short text may be longer or shorter beside that: one word of it may be three in another language."""
_LEAST_SCRIPT = 0.5
_LEAST_LETTERS = 6
_LEAST_JAPANESE = 15
"""Signs from which on a Japanese text has kana among them."""
_MOST_KANA = 0.1
_COPIED_WORDS = 5
_ENGLISH_ONLY = frozenset(
    "the and with this that which there their they would because from were been being what".split()
)
"""Words that stand in every English text and in no other language's."""

_ABLE = r"(?:can(?:no|')?t|unable to|not able to|won't|will not)"
_REFUSALS = re.compile(
    rf"^(?:i'm sorry|i am sorry|sorry|i apologi[sz]e)\b.{{0,60}}\b{_ABLE}\b|^as an ai\b|^i {_ABLE} (?:translate|help|assist)"
    r"|^(?:很?抱歉|对不起|對不起)[，,].{0,12}(?:无法|無法|不能)|^申し訳(?:ありません|ございません)が.{0,30}(?:できません|いたしかね)"
    r"|^lo siento,? (?:pero )?no puedo|^es tut mir leid,? (?:aber )?ich kann|^(?:je suis )?désolée?,? (?:mais )?je ne peux"
    r"|^죄송하지만.{0,30}(?:없습니다|못합니다)|^(?:آسف|عذرا|عذرًا|أعتذر)[،,]?.{0,20}لا (?:أستطيع|يمكنني)"
)
_CHATTER = re.compile(
    r"^(?:(?:sure|certainly|of course|okay)[,!.]? )?(?:here(?:'s| is| are) (?:the|your|my) translations?|the translation is)\b"
    r"|^(?:translation|translated text|翻译|翻譯|译文|翻訳|traducción|übersetzung|traduction|번역|الترجمة) ?[:：]"
    r"|\((?:translator's )?note:|（(?:注|译注|訳注)[：:]"
)
_SIMPLIFIED = frozenset(
    "们这说时国个来会对没过还发后开样动现实点问关头长电东车书见门马鸟鱼红绿蓝种几两张边坐树楼桌灯条块图画颜"
)
_TRADITIONAL = frozenset(
    "們這說時國個來會對沒過還發後開樣動現實點問關頭長電東車書見門馬鳥魚紅綠藍種幾兩張邊樹樓燈條塊圖畫顏"
)


def tidy_reply(source: str, translated: str) -> str:
    """A translation without direction marks that its text has not: they are no part of a language, and no trainer wants them.

    Right-to-left letters have their direction in themselves; marks and embeddings that a model adds would be learned.
    """
    if _BIDI.search(translated) and not _BIDI.search(source):
        return _BIDI.sub("", translated)
    return translated


def check_text(source: str, translated: str, *, origin: Language, language: Language) -> list[Verdict]:
    """What is wrong with the translation of one text, at most one finding of each check; empty where nothing is.

    Args:
        source: the text, its locks masked.
        translated: as the model gave it, masked as well.
        origin: the language of the text.
        language: that of the translation.
    """
    if not translated.strip():
        return [_verdict("structure", "empty", "The translation is empty.")]
    bare_source, bare = _bare(source), _bare(translated)
    folded, folded_source = fold_text(bare), fold_text(bare_source)
    if (found := _REFUSALS.search(folded)) and not _REFUSALS.search(folded_source):
        return [_verdict("refusal", "model", "Translate the text, whatever it says; it is not said to you.", found[0])]
    found_verdicts = [
        _check_chatter(folded, folded_source),
        _check_length(bare_source, bare, origin, language),
        _check_copied(bare_source, bare, origin, language),
        _check_script(bare_source, bare, language),
        _check_repeats(bare_source, bare),
        _check_lines(source, translated),
        _check_question(bare_source, bare, language),
    ]
    verdicts = [one for one in found_verdicts if one is not None]
    verdicts += check_references(source, translated)
    return verdicts + check_numbers(
        plain_text(source), plain_text(translated), source_language=origin.code, language=language.code
    )


def check_language(sources: Sequence[str], translations: Sequence[str], language: Language) -> Verdict | None:
    """Whether texts together are in another language than they should be; a single short one does not tell.

    Args:
        sources: masked.
        translations: of these, masked.
        language: the one that is wanted.
    """
    changed = [
        (source, one)
        for source, one in zip(map(_bare, sources), map(_bare, translations), strict=True)
        if one != source
    ]
    text = " ".join(_without_quotes(one) for _, one in changed)
    if not (found := is_other_language(text, language.code)):
        # Two Chinese words without kana may well be Japanese; a whole dialogue of them is not.
        return _check_script(" ".join(source for source, _ in changed), text, language)
    message = f"The translation is not in {language.name} but seems to be in `{found}`."
    return _verdict("language", "wrong", message, text[:120])


def check_terms(
    source: str, translated: str, glossary: Sequence[tuple[str, str]], language: Language
) -> Verdict | None:
    """The first term of the glossary that stands in the text and whose translation is not in the translation.

    Words are compared by their first two thirds where the script has an alphabet, since endings change. So this says what
    is to be looked at, and refuses nothing for good.
    """
    folded, given = fold_text(plain_text(source)), fold_text(plain_text(translated))
    for term, wanted in glossary:
        if not re.search(rf"(?<!\w){re.escape(fold_text(term))}(?:e?s)?(?!\w)", folded):
            continue
        pieces = [fold_text(wanted)] if not language.is_latin else [_stem(word) for word in fold_text(wanted).split()]
        if not all(piece in given for piece in pieces):
            return _verdict(
                "glossary", "not_used", f"`{term}` is to be translated as `{wanted}`.", f"{term} -> {wanted}"
            )
    return None


def _stem(word: str) -> str:
    return word if len(word) <= 4 else word[: max(4, len(word) * 2 // 3)]


def _verdict(check: str, code: str, message: str, evidence: str = "") -> Verdict:
    return Verdict(check=check, code=code, message=message, evidence=evidence[:200])


def _bare(text: str) -> str:
    return " ".join(_LOCKED.sub(" ", plain_text(text)).split())


def _without_quotes(text: str) -> str:
    return _QUOTED.sub(" ", text)


def _check_chatter(folded: str, folded_source: str) -> Verdict | None:
    if (found := _CHATTER.search(folded)) and not _CHATTER.search(folded_source):
        return _verdict("chatter", "remark", "Give the translation alone, without a word about it.", found[0])
    return None


def _check_length(source: str, translated: str, origin: Language, language: Language) -> Verdict | None:
    expected = len(source) * language.ratio / origin.ratio
    widest = exp(_WIDTH + _WIDER * min(1.0, _SHORT / max(1, len(source))))
    said = f"{len(translated)} characters for {len(source)}"
    if len(translated) > expected * widest + _SLACK:
        return _verdict("length", "too_long", f"The translation is too long ({said}); add nothing to the text.", said)
    if len(translated) < expected / widest - _SLACK / 2:
        return _verdict("length", "too_short", f"The translation is too short ({said}); leave nothing out.", said)
    return None


def _check_script(source: str, translated: str, language: Language) -> Verdict | None:
    if not language.scripts:
        return None
    names: Counter[str] = Counter()
    for sign, times in Counter(_without_names(_without_quotes(translated), source)).items():
        if sign.isalpha():
            names[_script_of(sign)] += times
    letters = names.total()
    if letters >= _LEAST_LETTERS and sum(names[name] for name in language.scripts) < _LEAST_SCRIPT * letters:
        message = f"The translation is not written in the script of {language.name}."
        return _verdict("script", "wrong", message, translated)
    kana = names["HIRAGANA"] + names["KATAKANA"]
    if language.code == "ja" and letters >= _LEAST_JAPANESE and not kana:
        return _verdict("script", "wrong", "This is Chinese and not Japanese: it has no kana.", translated)
    if language.scripts == ("CJK",) and kana > _MOST_KANA * letters:
        return _verdict("script", "wrong", f"This is Japanese and not {language.name}.", translated)
    if language.code == "ko" and letters >= _LEAST_LETTERS and not names["HANGUL"]:
        return _verdict("script", "wrong", "This is not written in Hangul.", translated)
    if language.code in ("zh", "yue"):
        simple = sum(sign in _SIMPLIFIED for sign in translated)
        traditional = sum(sign in _TRADITIONAL for sign in translated)
        wrong, right = (simple, traditional) if language.script == "Hant" else (traditional, simple)
        if wrong >= 2 and wrong > right:
            return _verdict("script", "variant", f"Write {language.name}.", translated)
    return None


def _without_names(text: str, source: str) -> str:
    """The text without words of the source that have a capital: names of people, places and things may stay as they are."""
    return _LATIN_WORD.sub(lambda found: " " if not found[0].islower() and found[0] in source else found[0], text)


@lru_cache(maxsize=8192)
def _script_of(sign: str) -> str:
    """The first word of a letter's Unicode name, which is that of its script for all scripts that are told apart here."""
    name = unicodedata.name(sign, "").removeprefix("FULLWIDTH ")
    return name.partition(" ")[0].removesuffix("-LETTER")


def _check_copied(source: str, translated: str, origin: Language, language: Language) -> Verdict | None:
    """Text that was left as it was: all of it, a stretch, or words of English among others."""
    quoted = " ".join(_QUOTED.findall(source)).lower()
    text = _without_quotes(translated)
    if fold_text(source) == fold_text(translated):
        words = [word.lower() for word in _WORD.findall(text)]
        proper = all(word[0].isupper() or word.lower() in quoted for word in _WORD.findall(text)[1:])
        plain = [word for word in words if word in COMMON_WORDS or word in _ENGLISH_ONLY]
        # Of a few words any may be a name, or the same in both languages: `Yes, an iPhone`.
        foreign = origin.is_latin and not language.is_latin and bool(language.scripts)
        plain += [word for word in _WORD.findall(text) if foreign and len(word) > 2 and word.islower()]
        if plain or (len(words) > 3 and not proper) or (foreign and words in (["yes"], ["no"])):
            return _verdict("untranslated", "same", "The text was not translated.", translated)
        return None
    if origin.is_latin and not language.is_latin and language.scripts:
        return _check_latin_left(text, quoted, source)
    ours, theirs = split_words(_without_quotes(source)), split_words(text)
    threes = {tuple(ours[at : at + _COPIED_WORDS]) for at in range(len(ours) - _COPIED_WORDS + 1)}
    for at in range(len(theirs) - _COPIED_WORDS + 1):
        stretch = tuple(theirs[at : at + _COPIED_WORDS])
        # Names of works and companies go over as they are; they have hardly a common word.
        if stretch in threes and sum(word in COMMON_WORDS or word in _ENGLISH_ONLY for word in stretch) >= 2:
            message = "A part of the text was not translated."
            return _verdict("untranslated", "part", message, " ".join(stretch))
    if origin.code == "en" and language.code != "en":
        left = [word for word in theirs if word in _ENGLISH_ONLY]
        if len(left) >= 3 and len(left) > 0.06 * len(theirs):
            return _verdict("untranslated", "part", "English words were left in it.", " ".join(left[:8]))
    return None


def _check_latin_left(text: str, quoted: str, source: str) -> Verdict | None:
    """Two words or more of the text's own language in a row, in a translation that is written otherwise."""
    own = {word.lower() for word in _WORD.findall(source)}
    for run in _LATIN_RUN.findall(text):
        words = [word for word in re.split(r"[ ,]+", run) if word]
        small = [word for word in words if word.islower() and word in own and word not in quoted]
        if len(small) >= 2 or any(word in COMMON_WORDS or word in _ENGLISH_ONLY for word in small):
            return _verdict("untranslated", "part", f"These words were not translated: {run[:80]}", run)
    return None


def _check_repeats(source: str, translated: str) -> Verdict | None:
    words, ours = split_words(translated), split_words(source)
    found = find_repetition(translated, words, frozenset(words), short=False)
    if not found or find_repetition(source, ours, frozenset(ours), short=False):
        return None
    return _verdict("repeats", "loop", "The translation goes round in circles.", found)


def _check_lines(source: str, translated: str) -> Verdict | None:
    """A list stays a list."""
    ours = sum(1 for line in source.splitlines() if line.strip())
    theirs = sum(1 for line in translated.splitlines() if line.strip())
    if ours >= 3 and not ours / 2 < theirs < ours * 2:
        message = f"The text has {ours} lines and the translation {theirs}; keep its lines."
        return _verdict("structure", "lines", message)
    return None


def _check_question(source: str, translated: str, language: Language) -> Verdict | None:
    """A question stays one, in the languages that write a mark behind it."""
    if language.script not in _MARKS_QUESTIONS or not source.endswith("?") or _QUESTION_MARK.search(translated):
        return None
    return _verdict(
        "structure", "question", "The text asks; its translation ends with a question mark, too.", translated
    )
