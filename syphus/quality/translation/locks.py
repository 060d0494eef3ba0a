# ruff: noqa: RUF001 (signs of other scripts are what is looked for)
r"""Locks: what of a text a translation must not touch, hidden from the translator and put back behind it.

There are two kinds. *Masked* are things that mean the same in every language and bend no word around them: image tokens and
places of media, code, formulas, addresses, file names, coordinates, tokens of chat formats, letters of options, and names
where that is asked for. The translator sees a marker, ``⟦1⟧``, in their place; each must come back once, and becomes again what
it stood for, letter by letter.

*Watched* are things that a translator has to see, since the words around them bend to them: numbers (in Arabic or Russian a
noun after 2 has another form than after 5) and the phrases of references, ``[the red bus](#o3)``. They stay in the text and
are compared afterwards.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from msgspec import Struct

from syphus.quality.translation.numerals import numbers_in_words
from syphus.records import Verdict
from syphus.references.text import find_references

OPEN, CLOSE = "⟦", "⟧"

_NUMBER = r"[-+]?\d{1,12}+(?:\.\d{1,12}+)?%?"
_SUFFIXES = (
    "jpe?g|png|gif|bmp|webp|tiff?|svg|ico|mp4|avi|mov|mkv|webm|mp3|wav|flac|ogg|pdf|docx?|xlsx?|pptx?|txt|csv|tsv|jsonl?|"
    "xml|ya?ml|toml|html?|css|py|ipynb|js|ts|cpp|hpp|java|rs|go|sh|bat|sql|zip|tar|gz|7z|parquet|md|exe|ini|cfg|log"
)
_KINDS = {
    "sign": rf"[{OPEN}{CLOSE}]",
    "code": r"```.{1,20000}?```|~~~.{1,20000}?~~~|`[^`\n]{1,2000}`",
    "link": r"\\+\[[^\[\]]*\]\(#[^()]*\)",
    "place": r"\[\]\(#[^()]*\)",
    # The end of a reference is left where it is; what stands in its brackets is no file name and no number.
    "passed": r"\]\(#[^()]*\)",
    "formula": r"\$\$.{1,2000}?\$\$|\\\(.{1,2000}?\\\)|\\\[.{1,2000}?\\\]|\\begin\{(?P<env>\w{1,40}\*?)\}.{0,5000}?\\end\{(?P=env)\}"
    r"|\$(?![\s$])(?=[^$\n]{0,500}[\\^_={}])[^$\n]{1,500}(?<!\s)\$(?!\d)",
    "url": r"(?:https?|ftp)://[^\s<>\"'`\])}、。，؟]*[^\s<>\"'`\])}.,;:!?、。，؟]|www\.[^\s<>\"'`\])}]*[^\s<>\"'`\])}.,;:!?]",
    "email": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "token": r"<\|[^<>|\s]+\|>|<</?SYS>>|\[/?INST\]|\[PAD\]|\{\{[^{}\n]*\}\}|</?[A-Za-z0-9_][\w:.\-]{0,80}(?:\s[^<>\n]{0,200}=[^<>\n]{0,200})?\s?/?>",
    "coordinates": rf"(?:[\[({{<]\s{{0,3}}){{1,6}}+{_NUMBER}(?:[\s,;\[\](){{}}<>]{{1,8}}+{_NUMBER}){{1,300}}+(?:\s{{0,3}}[\])}}>])+",
    "file": rf"(?<![\w@.\-/\\])(?:[\w.\-]{{1,100}}[/\\]){{0,30}}[\w\-][\w.\-]{{0,200}}\.(?:{_SUFFIXES})(?![\w/])|(?<![\w@.\-/\\])(?:/[\w.\-]{{1,100}}){{2,30}}",
    "option": r"\((?:[A-H]|[a-h])\)|^[ \t]*[A-H][.):](?=\s)|^\s*[A-H][.)]?\s*$"
    r"|(?:(?<=[Aa]nswer: )|(?<=[Aa]nswer is )|(?<=[Oo]ption )|(?<=[Cc]hoice ))[A-H]\b(?!['’])",
}  # fmt: skip
"""Kind -> what is masked, the first that fits at a place. ``passed`` is not masked."""
_MASKED = re.compile("|".join(f"(?P<{kind}>{form})" for kind, form in _KINDS.items()), re.DOTALL | re.MULTILINE)
_LISTED_OPTION = re.compile(r"(?<![\w.])[A-H][.)](?=\s+\S)")
_MARKER = re.compile(rf"{OPEN}\s*(\d{{1,6}})\s*{CLOSE}")
_FIGURE = re.compile(r"\d+(?:[.,:٫٬'’\u00a0\u202f]\d+)*")
_SEPARATOR = re.compile(r"[.,:٫٬'’\u00a0\u202f]")
_THOUSANDS = re.compile(r"\d{1,3}(?:[,'’\u00a0\u202f٬]\d{3})+|\d{1,3}(?:\.\d{3}){2,}")


class Lock(Struct, frozen=True):
    """One thing that is masked."""

    kind: str
    value: str


class Masked(Struct, frozen=True):
    """A text with its locks taken out: marker ``⟦n⟧`` stands for ``locks[n - 1]``."""

    text: str
    locks: tuple[Lock, ...] = ()

    @property
    def has_words(self) -> bool:
        """False: there is nothing to translate (``⟦1⟧``, ``12.5``)."""
        return any(sign.isalpha() for sign in _MARKER.sub("", self.text))


def mask(text: str, names: Iterable[str] = ()) -> Masked:
    """The text with markers in the place of what is locked; :func:`unmask` gives it back as it was, whatever it holds.

    Args:
        text: stored text, with references.
        names: locked too, wherever they stand as words; the longest first.
    """
    locks: list[Lock] = []
    parts: list[str] = []
    end = -1
    for start, stop, kind in _find(text, _name_pattern(tuple(names))):
        if start == end and "option" not in (kind, locks[-1].kind):
            # `<box>(1,2),(3,4)</box>` is one thing, and one marker is lost less easily than three.
            locks[-1] = Lock(locks[-1].kind, locks[-1].value + text[start:stop])
        else:
            locks.append(Lock(kind, text[start:stop]))
            parts += [text[max(end, 0) : start], f"{OPEN}{len(locks)}{CLOSE}"]
        end = stop
    return Masked("".join([*parts, text[max(end, 0) :]]), tuple(locks))


def already_masked(text: str) -> Masked:
    """A text whose locks were masked before, as it is: each marker stands for itself."""
    numbers = [int(found[1]) for found in _MARKER.finditer(text)]
    return Masked(
        text, tuple(Lock("marker", f"{OPEN}{number}{CLOSE}") for number in range(1, max(numbers, default=0) + 1))
    )


def _find(text: str, names: re.Pattern[str] | None) -> Iterable[tuple[int, int, str]]:
    found = [
        (match.start(), match.end(), str(match.lastgroup if match.lastgroup != "env" else "formula"))
        for match in _MASKED.finditer(text)
    ]
    if names is not None:
        found += [(match.start(), match.end(), "name") for match in names.finditer(text)]
    letters = list(_LISTED_OPTION.finditer(text))
    # `Vitamin C. It` is no option: those come in a list, from A on.
    if {"A", "B"} <= {match[0][0] for match in letters}:
        found += [(match.start(), match.end(), "option") for match in letters]
    end = 0
    for start, stop, kind in sorted(found, key=lambda one: (one[0], -one[1])):
        if start < end:
            continue
        end = stop
        if kind != "passed":
            yield start, stop, kind


@lru_cache(maxsize=8)
def _name_pattern(names: tuple[str, ...]) -> re.Pattern[str] | None:
    known = sorted({name for name in names if name.strip()}, key=lambda name: (-len(name), name))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, known))})(?!\w)") if known else None


def unmask(text: str, locks: Sequence[Lock]) -> str:
    """The text with what the markers stand for; a marker that stands for nothing stays."""

    def value_of(found: re.Match[str]) -> str:
        number = int(found[1])
        return locks[number - 1].value if 1 <= number <= len(locks) else found[0]

    return _MARKER.sub(value_of, text)


def check_markers(masked: Masked, translated: str) -> list[Verdict]:
    """What is wrong with the markers of a translation that is still masked: lost, doubled, invented, options out of order."""
    found = [int(match[1]) for match in _MARKER.finditer(translated)]
    counts = Counter(found)
    verdicts: list[Verdict] = []

    def add(code: str, message: str, number: int) -> None:
        value = masked.locks[number - 1].value if 1 <= number <= len(masked.locks) else ""
        verdicts.append(Verdict(check="lock", code=code, message=message, evidence=value[:120]))

    for number in range(1, len(masked.locks) + 1):
        marker = f"{OPEN}{number}{CLOSE}"
        if not counts[number]:
            add(
                "lost",
                f"The marker {marker} is missing; each marker of the text stands in its translation once.",
                number,
            )
        elif counts[number] > 1:
            add(
                "doubled", f"The marker {marker} stands there {counts[number]} times; it must stand there once.", number
            )
    for number in sorted(counts.keys() - set(range(1, len(masked.locks) + 1))):
        add("invented", f"There is no marker {OPEN}{number}{CLOSE} in the text; leave it out.", number)
    rest = _MARKER.sub("", translated)
    if OPEN in rest or CLOSE in rest:
        verdicts.append(
            Verdict(check="lock", code="broken", message=f"{OPEN} and {CLOSE} stand only around a marker's number.")
        )
    options = [number for number in found if number <= len(masked.locks) and masked.locks[number - 1].kind == "option"]
    if not verdicts and options != sorted(options):
        verdicts.append(
            Verdict(check="lock", code="order", message="The options stand in another order; keep that of the text.")
        )
    return verdicts


def check_references(source: str, translated: str) -> list[Verdict]:
    """What is wrong with the references of a translation: each of the source's, with its ids, and a phrase where it had one."""
    wanted = Counter(reference.ids for reference in find_references(source))
    given = Counter(reference.ids for reference in find_references(translated))
    verdicts = []
    for ids in wanted.keys() | given.keys():
        name = "(" + ",".join(f"#{one}" for one in ids) + ")"
        if given[ids] < wanted[ids]:
            code, message = "reference_lost", f"The reference {name} is missing; write [translated phrase]{name}."
        elif given[ids] > wanted[ids]:
            code, message = (
                "reference_invented",
                f"The reference {name} stands there too often; keep only the text's own.",
            )
        else:
            continue
        verdicts.append(Verdict(check="lock", code=code, message=message, evidence=name))
    named = {reference.ids for reference in find_references(source) if reference.phrase.strip()}
    bare = [one for one in find_references(translated) if one.ids in named and not one.phrase.strip()]
    if bare and not verdicts:
        message = "The words in the brackets of a reference are translated, not left out."
        verdicts.append(Verdict(check="lock", code="reference_bare", message=message, evidence=f"#{bare[0].ids[0]}"))
    return sorted(verdicts, key=lambda one: (one.code, one.evidence))


def check_numbers(source: str, translated: str, *, source_language: str, language: str) -> list[Verdict]:
    """Numbers that are not the source's: each in digits must be there, and no other.

    How a number is written may follow the language: ``1,000.5`` and ``1.000,5``, other digits (``٣``). A number up to twelve may
    be written out where the language's words are known (:mod:`syphus.quality.translation.numerals`), and a written one in digits.

    Args:
        source: unmasked or masked; markers count for nothing.
        translated: in the same state.
        source_language: subtag, as ``en``.
        language: of the translation.
    """
    wanted, given = _figures(source), _figures(translated)
    if not wanted and not given:
        return []
    loose = {form for forms in given for form in forms}
    spelled: set[str] | None = None
    verdicts = []
    for forms in wanted:
        if forms & loose:
            continue
        spelled = numbers_in_words(translated, language) if spelled is None else spelled
        if forms & spelled:
            continue
        shown = _shown(forms)
        message = f"The number {shown} is not in the translation; keep numbers in digits as they are."
        verdicts.append(Verdict(check="number", code="lost", message=message, evidence=shown))
    known = {form for forms in wanted for form in forms} | {"1"}
    for forms in given:
        if not forms & known and not forms & numbers_in_words(source, source_language):
            shown = _shown(forms)
            message = f"The number {shown} is not in the text; write only numbers that are there."
            verdicts.append(Verdict(check="number", code="invented", message=message, evidence=shown))
    return list({(one.code, one.evidence): one for one in verdicts}.values())


def _shown(forms: frozenset[str]) -> str:
    return max(forms, key=lambda form: (len(form), form))


def _figures(text: str) -> list[frozenset[str]]:
    """The numbers of a text, each by the ways in which it can be read: without its separators, and as it stands."""
    return [_forms(match[0]) for match in _FIGURE.finditer(_MARKER.sub(" ", text))]


def _forms(figure: str) -> frozenset[str]:
    digits = "".join(str(unicodedata.digit(sign)) if sign.isdigit() else sign for sign in figure)
    groups = _SEPARATOR.split(digits)
    if len(groups) == 1:
        return frozenset({groups[0].lstrip("0") or "0"})
    plain = ".".join(groups)
    # `1,000` is a thousand or, elsewhere, one with three decimals; `3.5` is never 35.
    return frozenset({"".join(groups), plain}) if _THOUSANDS.fullmatch(digits) else frozenset({plain})
