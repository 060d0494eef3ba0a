# ruff: noqa: RUF001 (full-width and curly signs are what is looked for)
"""JSON out of a model's text, also where it is sloppy: a reader that repairs what has one meaning and nothing else.

What it never does is close by force what the token limit cut: a half sentence must not become training data. Of a cut or
broken array the elements that stand there whole are kept. Time is linear in the text whatever it holds: every search goes
on behind the place where the last one failed, and depth, attempts and quotes inside a string are bounded.
"""

import json
import re
from typing import Any, Final

from msgspec import Struct

MAX_DEPTH = 16
"""Reply schemas are flat; what lies deeper is no reply."""
_ATTEMPTS = 300
_ELEMENTS = 10_000
_INNER_QUOTES = 100
"""Unescaped quotes that one string may hold; beyond, its end cannot be known."""

_TERMINAL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]{0,2000}(?:\x07|\x1b\\)|\x1b[@-Z\\-_]|\x9b[0-?]*[ -/]*[@-~]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")
_NEWLINE = re.compile(r"\r\n?|[\x85\u2028\u2029]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")

_THINKING = re.compile(r"\s*<(think|thinking|reasoning|thought)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_THINKING_END = re.compile(r"</(?:think|thinking|reasoning|thought)>", re.IGNORECASE)
_THINKING_START = re.compile(r"\s*<(?:think|thinking|reasoning|thought)>", re.IGNORECASE)

_OPEN = re.compile(r"[{\[]")
_SPACE = re.compile(r"(?:\s|//[^\n]*+)*+")
_LITERAL = re.compile(r"(-?\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,4})?|true|false|null|True|False|None)(?![\w.])")
_BARE_KEY = re.compile(r"[A-Za-z_]\w{0,63}(?=\s*+[:：])")
_QUOTES: Final = "\"'“”„‟‘’＂"
_KEY_AHEAD = r"""(?:["'“”„‟‘’＂][^"'“”‘’＂\n]{1,64}["'“”‘’＂]|[A-Za-z_]\w{0,63})\s*+[:：]"""
_KEY = re.compile(_KEY_AHEAD)
_AFTER_COMMA = {
    "object": re.compile(rf"\s*+(?:{_KEY_AHEAD}|[}}\]]|\.\.\.|…|//|$)"),
    "array": re.compile(r"""\s*+(?:["'“”„‟‘＂\[{\]\d-]|true|false|null|True|False|None|\.\.\.|…|//|$)"""),
}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_MERGED = re.compile(r"""["'“”‘’]\s*+[:：]\s*+["'“”‘’]""")
_LITERALS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_NOTHING: Final = object()


def _closer(marks: str) -> re.Pattern[str]:
    """What runs to the next unescaped one of ``marks``; possessive, so that hostile text costs one pass."""
    return re.compile(rf"[^{marks}\\]*+(?:\\.[^{marks}\\]*+)*+[{marks}]", re.DOTALL)


_CLOSERS = {
    '"': _closer('"'),
    "'": _closer("'"),
    "‘": _closer("’‘'"),
    "’": _closer("’‘'"),
    **{mark: _closer('"“”＂') for mark in "“”„‟＂"},
}


class Found(Struct, frozen=True):
    """A JSON value that stands in a text."""

    value: Any
    whole: bool
    """False: it was cut or broke off, and only what is whole in it is here."""
    start: int
    end: int
    """Where reading stopped."""
    notes: tuple[str, ...] = ()
    """What had to be repaired."""
    cut: bool = False
    """Not whole because the text ended."""


def clean_text(text: str) -> str:
    """The text with line feeds as its only line ends, without terminal escapes, control characters, half surrogates."""
    if text.isprintable():  # nearly every text; half surrogates are not printable
        return text
    if _SURROGATE.search(text):
        # A pair that arrived as two halves is one character; "ignore" drops the halves that stand alone.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    if text.isprintable():
        return text
    text = _TERMINAL.sub("", _NEWLINE.sub("\n", text))
    return _CONTROL.sub("", text)


def drop_thinking(text: str) -> str:
    """The text behind the model's ``<think>`` block; empty where the block never ends, since all of it is thinking."""
    while found := _THINKING.match(text):
        text = text[found.end() :]
    if _THINKING_START.match(text):
        return ""
    end = _THINKING_END.search(text)
    # Chat templates often hold the opening tag, so that the reply has the closing one alone.
    return text[end.end() :] if end else text


def read_strict(text: str) -> Any:
    """The JSON value that the whole text is. Raises ``ValueError`` for anything else, nesting without end included."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def find_json(text: str) -> list[Found]:
    """The objects and arrays of a text, in order, read strictly where that goes and else with repairs."""
    decoder = json.JSONDecoder()
    values: list[Found] = []
    at = 0
    for _ in range(_ATTEMPTS):
        opening = _OPEN.search(text, at)
        if opening is None:
            break
        start = opening.start()
        try:
            value, at = decoder.raw_decode(text, start)
            values.append(Found(value, whole=True, start=start, end=at))
        except (ValueError, RecursionError):
            reader = _LooseReader(text, start)
            value, whole = reader.read()
            at = max(start + 1, reader.at)
            if isinstance(value, dict | list) and (value or whole or reader.keyed):
                values.append(Found(value, whole, start, at, tuple(reader.notes), reader.cut))
    return values


class _LooseReader:
    """One JSON value with the mistakes that models make. Methods return the value and whether it is whole."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at
        self.cut = False
        self.keyed = False
        """A field's name was read: this is JSON, or was meant to be."""
        self.notes: dict[str, None] = {}

    def read(self) -> tuple[Any, bool]:
        return self._value(0, "array")

    def _note(self, what: str) -> None:
        self.notes[what] = None

    def _peek(self) -> str:
        """The next character that is no space; empty at the end."""
        self.at = _space_end(self.text, self.at)
        self.cut = self.cut or self.at == len(self.text)
        return self.text[self.at : self.at + 1]

    def _value(self, depth: int, inside: str) -> tuple[Any, bool]:
        mark = self._peek()
        if depth > MAX_DEPTH or not mark:
            return _NOTHING, False
        if mark == "{":
            return self._object(depth)
        if mark == "[":
            return self._array(depth)
        if mark in _QUOTES:
            return self._string(inside)
        found = _LITERAL.match(self.text, self.at)
        if found is None:
            return _NOTHING, False
        self.at = found.end()
        word = found[1]
        if word in _LITERALS:
            if word in ("True", "False", "None"):
                self._note("Python literals")
            return _LITERALS[word], True
        return (int(word) if word.lstrip("-").isdigit() else float(word)), True

    def _object(self, depth: int) -> tuple[dict[str, Any], bool]:
        fields: dict[str, Any] = {}
        self.at += 1
        while True:
            mark = self._peek()
            if mark == "}":
                self.at += 1
                return fields, True
            if self._skip_ellipsis():
                continue
            key = self._key(mark)
            if key is None or self._peek() not in (":", "："):
                return fields, False
            self.at += 1
            self.keyed = True
            value, whole = self._value(depth + 1, "object")
            if not whole:
                if isinstance(value, list):
                    fields[key] = value
                return fields, False
            mark = self._peek()
            # A string with nothing behind it may be half of one with a quotation mark inside.
            if mark or isinstance(value, dict | list):
                fields[key] = value
            if not self._comma(mark, "}"):
                return fields, False

    def _array(self, depth: int) -> tuple[list[Any], bool]:
        elements: list[Any] = []
        self.at += 1
        while len(elements) < _ELEMENTS:
            mark = self._peek()
            if mark == "]":
                self.at += 1
                return elements, True
            if self._skip_ellipsis():
                continue
            value, whole = self._value(depth + 1, "array")
            if not whole:
                return elements, False
            mark = self._peek()
            if mark or isinstance(value, dict | list):
                elements.append(value)
            if not self._comma(mark, "]"):
                return elements, False
        return elements, False

    def _comma(self, mark: str, end: str) -> bool:
        """Steps over what stands between two members; False where no member and no end can follow."""
        if mark in (",", "，"):
            while self._peek() in (",", "，"):
                self.at += 1
            if self._peek() == end:
                self._note("trailing comma")
            return True
        if mark == end:
            return True
        if mark and (mark in _QUOTES if end == "}" else mark == "{"):
            self._note("missing comma")
            return True
        return False

    def _skip_ellipsis(self) -> bool:
        """Models write ``...`` where they mean "and so on"."""
        for dots in ("...", "…"):
            if self.text.startswith(dots, self.at):
                self.at += len(dots)
                if self._peek() == ",":
                    self.at += 1
                self._note("ellipsis")
                return True
        return False

    def _key(self, mark: str) -> str | None:
        if mark and mark in _QUOTES:
            found = _KEY.match(self.text, self.at)
            if found is None:
                end = _CLOSERS[mark].match(self.text, self.at + 1)
                self.cut = end is None or _space_end(self.text, end.end()) == len(self.text)
                return None
            self._note_quotes(mark)
            key = found[0].rstrip(":： \t\n\r")
            self.at += len(key)
            return key[1:-1]
        found = _BARE_KEY.match(self.text, self.at)
        if found is None:
            return None
        self._note("bare field names")
        self.at = found.end()
        return found[0]

    def _note_quotes(self, mark: str) -> None:
        if mark != '"':
            self._note("single quotes" if mark == "'" else "smart quotes")

    def _string(self, inside: str) -> tuple[Any, bool]:
        start = self.at + 1
        opener = self.text[self.at]
        end = start
        for inner in range(_INNER_QUOTES):
            found = _CLOSERS[opener].match(self.text, end)
            if found is None:
                self.cut = True
                break
            end = found.end()
            if not self._ends(end, inside):
                continue
            raw = self.text[start : end - 1]
            if inner:
                if _MERGED.search(raw):
                    break
                self._note("unescaped quotes")
            self._note_quotes(opener)
            if "\n" in raw or "\t" in raw:
                self._note("line breaks in strings")
            self.at = end
            return _ESCAPE.sub(_unescape, raw) if "\\" in raw else raw, True
        self.at = start
        return _NOTHING, False

    def _ends(self, behind: int, inside: str) -> bool:
        """True where the quotation mark before ``behind`` ends its string: the text goes on as JSON goes on."""
        at = _space_end(self.text, behind)
        mark = self.text[at : at + 1]
        if not mark or mark == ("}" if inside == "object" else "]"):
            return True
        if mark in ",，":
            return bool(_AFTER_COMMA[inside].match(self.text, at + 1))
        if inside == "object" and "\n" in self.text[behind:at]:
            return bool(_KEY.match(self.text, at))
        return False


def _space_end(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _unescape(found: re.Match[str]) -> str:
    what = found[1]
    if len(what) > 1:
        return chr(int(what[1:], 16))
    if what in _ESCAPES:
        return _ESCAPES[what]
    # An escape that JSON does not know is kept as it stands: LaTeX, file paths.
    return what if what in "\"'/\\“”‘’" else found[0]
