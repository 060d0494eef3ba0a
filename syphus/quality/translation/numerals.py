"""Small numbers as words, in the languages whose words are known: a translation may write ``3`` out, or ``three`` in digits."""

import re
from functools import lru_cache

_WORDS = {
    "en": (
        "zero no none", "one first once single", "two second twice both pair couple double half twins",
        "three third triple", "four fourth quarter", "five fifth", "six sixth half-dozen", "seven seventh",
        "eight eighth", "nine ninth", "ten tenth", "eleven eleventh", "twelve twelfth dozen noon midnight",
    ),
    "es": (
        "cero ningún ninguna ninguno", "un uno una primer primero primera", "dos segundo segunda ambos ambas par doble mitad",
        "tres tercer tercero tercera", "cuatro cuarto cuarta", "cinco quinto quinta", "seis sexto sexta",
        "siete séptimo séptima", "ocho octavo octava", "nueve noveno novena", "diez décimo décima", "once", "doce docena",
    ),
    "de": (
        "null kein keine", "ein eine einen einem einer eins erste ersten erster erstes",
        "zwei zweite zweiten zweiter beide beiden paar hälfte", "drei dritte dritten dritter", "vier vierte vierten",
        "fünf fünfte fünften", "sechs sechste sechsten", "sieben siebte siebten", "acht achte achten", "neun neunte neunten",
        "zehn zehnte zehnten", "elf elfte elften", "zwölf zwölfte zwölften dutzend",
    ),
    "fr": (
        "zéro aucun aucune", "un une premier première", "deux deuxième second seconde paire double moitié",
        "trois troisième", "quatre quatrième", "cinq cinquième", "six sixième", "sept septième", "huit huitième",
        "neuf neuvième", "dix dixième", "onze onzième", "douze douzième douzaine",
    ),
    "pt": (
        "zero nenhum nenhuma", "um uma primeiro primeira", "dois duas segundo segunda ambos ambas par metade",
        "três terceiro terceira", "quatro quarto quarta", "cinco quinto quinta", "seis sexto sexta", "sete sétimo sétima",
        "oito oitavo oitava", "nove nono nona", "dez décimo décima", "onze", "doze dúzia",
    ),
    "it": (
        "zero nessun nessuna nessuno", "un uno una primo prima", "due secondo seconda entrambi entrambe paio metà",
        "tre terzo terza", "quattro quarto quarta", "cinque quinto quinta", "sei sesto sesta", "sette settimo settima",
        "otto ottavo ottava", "nove nono nona", "dieci decimo decima", "undici", "dodici dozzina",
    ),
    "ar": (
        "صفر", "واحد واحدة الأول الأولى", "اثنان اثنين اثنتان اثنتين الثاني الثانية كلا كلتا",
        "ثلاث ثلاثة الثالث الثالثة", "أربع أربعة الرابع الرابعة", "خمس خمسة الخامس الخامسة", "ست ستة السادس السادسة",
        "سبع سبعة السابع السابعة", "ثمان ثماني ثمانية الثامن الثامنة", "تسع تسعة التاسع التاسعة",
        "عشر عشرة العاشر العاشرة", "أحد عشر", "اثنا عشر اثني عشر",
    ),
}  # fmt: skip
_SIGNS = {
    "zh": ("零〇", "一壹", "二两兩贰双雙", "三", "四", "五", "六", "七", "八", "九", "十"),
    "ja": ("零〇", "一壱", "二両双", "三", "四", "五", "六", "七", "八", "九", "十"),
}
_PIECES = {
    "ko": (
        ("영",), ("하나", "한 ", "첫", "일"), ("둘", "두 ", "이"), ("셋", "세 ", "삼"), ("넷", "네 ", "사"), ("다섯", "오"),
        ("여섯", "육"), ("일곱", "칠"), ("여덟", "팔"), ("아홉", "구"), ("열", "십"), ("열하나", "열한"), ("열둘", "열두"),
    ),
    "ja": (
        (), ("ひと", "ワン"), ("ふた", "ツー", "ペア", "ダブル"), ("みっ",), ("よっ",), ("いつつ",), ("むっ",), ("なな",), ("やっ",),
        ("ここの",), ("とお",),
    ),
}  # fmt: skip
_LETTERS = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_TEENS = ("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")


@lru_cache(maxsize=16)
def _table(language: str) -> dict[str, str]:
    table = {
        word: str(number) for number, words in enumerate(_WORDS.get(language, ())) for word in words.lower().split()
    }
    if language == "en":
        table |= {word: str(13 + index) for index, word in enumerate(_TEENS)}
        table |= {word: str(20 + 10 * index) for index, word in enumerate(_TENS)}
        table |= {"hundred": "100", "hundreds": "100", "thousand": "1000", "thousands": "1000"}
    return table


def numbers_in_words(text: str, language: str) -> set[str]:
    """The numbers that a text may be saying in words or in signs (一), in digits; generous, and empty for unknown languages."""
    return _from_words(text, _table(language)) | _from_signs(text, language)


def _from_words(text: str, table: dict[str, str]) -> set[str]:
    found = set()
    for word in _LETTERS.findall(text.lower()) if table else ():
        found |= {table[part] for part in (word, *word.split("-")) if part in table}
        tens, _, ones = word.partition("-")
        if table.get(tens, "").endswith("0") and len(table.get(ones, "")) == 1:
            found.add(str(int(table[tens]) + int(table[ones])))
    return found


def _from_signs(text: str, language: str) -> set[str]:
    found = set()
    for number, signs in enumerate(_SIGNS.get(language, ())):
        if any(sign in text for sign in signs):
            found |= {str(number), *([str(10 + number)] if number < 3 and "十" in text else [])}
    for number, pieces in enumerate(_PIECES.get(language, ())):
        if any(piece in text for piece in pieces):
            found.add(str(number))
    return found
