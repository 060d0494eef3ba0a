# ruff: noqa: RUF001 (full-width and curly signs are what is looked for)
"""Replies written as text with labels instead of JSON: ``Question: …`` and ``Answer: …``, in the forms models use.

Known: ``Q:``/``A:``, Markdown bold and headings, numbering (``1.``, ``Question 2:``), the ``===`` separators of LLaVA's
prompts, full-width colons, the words of the languages that datasets are made in, several labels in one line.
"""

import re
from functools import lru_cache

SYNONYMS: dict[str, tuple[str, ...]] = {
    "question": (
        *(
            "q",
            "instruction",
            "human",
            "user",
            "query",
            "问题",
            "问",
            "問題",
            "問",
            "質問",
            "질문",
            "frage",
            "pregunta",
        ),
        *("вопрос", "السؤال", "سؤال"),
    ),
    "answer": (
        *("a", "response", "gpt", "assistant", "reply", "output", "答案", "回答", "答", "답변", "답", "antwort"),
        *("réponse", "reponse", "respuesta", "ответ", "الإجابة", "الجواب", "إجابة", "جواب"),
    ),
}
"""Other names of two fields that every model knows; they hold only for schemas with these fields."""

MAX_ELEMENTS = 1000
"""Elements of a reply that are looked at: a model that runs wild must not cost minutes."""

_SEPARATOR = re.compile(r"[ \t]*+(?:={3,}|-{3,}|\*{3,}|_{3,}|`{3,}\w*|~{3,}\w*)[ \t]*+$")
_HEADING = re.compile(
    r"[#*_ \t(\[]*+(?:(?:pair|example|q\s?&\s?a|qa|qa pair|dialogue|turn|conversation|set)\s*)?[#(]?\d{1,3}[.):\]*_ \t]*+$",
    re.IGNORECASE,
)
_CHATTER = re.compile(
    r"(?:let me know|i hope (?:this|these|that)|feel free|please let me|these (?:questions|pairs|question)|would you like|"
    r"is there anything|if you (?:need|would like|have any))\b",
    re.IGNORECASE,
)
_DECORATION = re.compile(r"(\*\*|__|\*|`)(.+)\1", re.DOTALL)


def names_of(field: str) -> tuple[str, ...]:
    """The names under which a field of a schema is known, its own first."""
    return (field, *SYNONYMS.get(field.lower(), ()))


class _Labels:
    """The labels of some fields, compiled."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.owners = {_fold(name): field for field in reversed(fields) for name in names_of(field)}
        words = sorted(self.owners, key=len, reverse=True)
        label = "|".join(re.escape(word).replace("\\ ", "[ _]") for word in words)
        tail = rf"(?P<label>{label})[ \t]*+#?\d{{0,3}}[ \t]*+[*_]*+[ \t]*+[:：][*_]*+[ \t]*+"
        begin = r"[>\-*•#_~ \t]*+(?:\(?\d{1,3}[.):：、．\]][*_ \t]*+)?"
        self.begin = re.compile(begin + tail, re.IGNORECASE)
        self.inline = re.compile(rf"(?<=[\s?？。.!！])[*_]{{0,2}}{tail}", re.IGNORECASE)

    def split(self, line: str, *, letters: bool) -> list[tuple[str, str]]:
        """The fields that begin in a line, each with its text; empty where no label stands at its start."""
        found = self.begin.match(line)
        if found is None or (_is_letter(found["label"]) and not letters):
            return []
        pieces = []
        while found:
            field, rest = self.owners[_fold(found["label"])], line[found.end() :]
            found = self.inline.search(rest)
            # In the middle of a line only "Answer:" is a label; "the user: admin" is somebody's sentence.
            if found and (found["label"].islower() or self.owners[_fold(found["label"])] == field):
                found = None
            pieces.append((field, rest[: found.start()] if found else rest))
            line = rest
        return pieces


@lru_cache(maxsize=256)
def _labels(fields: tuple[str, ...]) -> _Labels:
    return _Labels(fields)


def read_labelled(text: str, fields: tuple[str, ...]) -> list[dict[str, str]]:
    """The elements that a labelled text holds: the first field, or one that comes again, begins a new one.

    Elements that lack a field are returned too: the schema says what is wrong with them.
    """
    labels = _labels(fields)
    lines = text.split("\n")
    found = [match["label"] for line in lines if (match := labels.begin.match(line))]
    # Where labels are written out, a single letter at the start of a line is an option of a choice, no label.
    letters = all(map(_is_letter, found))
    elements: list[dict[str, list[str]]] = []
    open_text: list[str] | None = None
    for line in lines:
        if len(elements) > MAX_ELEMENTS:
            break
        begun = labels.split(line, letters=letters)
        for field, rest in begun:
            if not elements or field == fields[0] or field in elements[-1]:
                elements.append({})
            open_text = elements[-1][field] = [rest]
        if open_text is None or begun:
            continue
        started = any(part.strip() for part in open_text)
        if _SEPARATOR.match(line) or (started and (_HEADING.match(line) or _CHATTER.match(line))):
            open_text = None
        else:
            open_text.append(line)
    return [{field: _plain("\n".join(parts)) for field, parts in element.items()} for element in elements]


def strip_label(text: str, field: str) -> str:
    """The text without a label of ``field`` at its very beginning."""
    found = _labels((field,)).begin.match(text)
    return _plain(text[found.end() :]) if found else text


def _fold(label: str) -> str:
    return label.lower().replace("_", " ")


def _is_letter(label: str) -> bool:
    return len(label) == 1 and label.isascii()


def _plain(text: str) -> str:
    text = text.strip()
    found = _DECORATION.fullmatch(text)
    return found[2].strip() if found and found[1] not in found[2] else text
