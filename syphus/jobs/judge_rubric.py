"""A rubric: a text that says what is judged and what each score means, as values.

The text is Markdown, so that people write it and read it. The first heading is its name; what follows goes before all
criteria; each second-level heading is a criterion, with what it asks and its scores in a list::

    # quality
    You judge ...

    ## grounded (needs evidence)
    Is everything true?
    - 1: something central is contradicted
    - 5: everything is supported

``needs evidence``: it can only be judged where the scene is known. ``no bar``: it describes, so ``--least`` does not ask for it.
"""

import re
from functools import cached_property

from msgspec import Struct

from syphus.errors import InputError

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_HEADING = re.compile(r"^(#{1,6})[ \t]+(.*?)[ \t]*#*$")
_MARKED = re.compile(r"^(?P<name>[^()]*?)[ \t]*(?:\((?P<marks>[^()]*)\))?$")
_ANCHOR = re.compile(r"^[-*][ \t]+(?P<score>\d{1,2})[ \t]*[:.)][ \t]*(?P<text>\S.*)$")
_MARKS = {"needs evidence": "evidence", "no bar": "describes"}
MOST_SCORES = 10
MOST_CRITERIA = 12
_TAKEN = frozenset({"pair", "why", "better"})
"""Names of the reply's other fields."""


class Criterion(Struct, frozen=True, kw_only=True):
    """One thing that is judged."""

    name: str
    asks: str
    anchors: tuple[tuple[int, str], ...]
    """Score and what it means, the lowest first."""
    needs_evidence: bool = False
    has_bar: bool = True
    """False: its score is a measure and no merit."""

    def text(self) -> str:
        """The criterion as the judge reads it."""
        listed = "\n".join(f"- {score}: {text}" for score, text in self.anchors)
        return f"## {self.name}\n\n{self.asks}\n\n{listed}"


class Rubric(Struct, frozen=True, kw_only=True, dict=True):
    """What is judged, and how."""

    name: str
    preface: str
    criteria: tuple[Criterion, ...]

    @cached_property
    def scores(self) -> tuple[int, ...]:
        """All scores that may be given; the same for each criterion."""
        lowest = min(criterion.anchors[0][0] for criterion in self.criteria)
        highest = max(criterion.anchors[-1][0] for criterion in self.criteria)
        return tuple(range(lowest, highest + 1))

    def judged(self, *, evidence: bool) -> tuple[Criterion, ...]:
        """The criteria that can be judged, in the text's order."""
        return tuple(one for one in self.criteria if evidence or not one.needs_evidence)


def read_rubric(text: str, *, file: object) -> Rubric:
    """A rubric from its text.

    Args:
        text: Markdown as above.
        file: named in errors.

    Raises:
        InputError: for whatever is not as it should be, with the line.
    """
    parts: list[tuple[str, int, list[str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        heading = _HEADING.match(line)
        if heading is None:
            if parts:
                parts[-1][2].append(line)
            elif line.strip():
                raise _fault("a rubric begins with its name", file, number, "# quality")
        elif (not parts and len(heading[1]) == 1) or (parts and len(heading[1]) == 2):
            parts.append((heading[2], number, []))
        else:
            raise _fault("is no heading that a rubric has here", file, number, "`# name` first, then `## criterion`.")
    if len(parts) < 2 or len(parts) > MOST_CRITERIA + 1:
        number = len(text.splitlines()) or 1
        raise _fault(
            f"a rubric has a name and 1 to {MOST_CRITERIA} criteria", file, number, "`# name`, `## criterion`."
        )
    (title, first, preface), *rest = parts
    criteria = tuple(_criterion(heading, number, lines, file) for heading, number, lines in rest)
    names = [one.name for one in criteria]
    if double := next((at for at, name in enumerate(names) if name in names[:at]), None):
        raise _fault(f"the criterion {names[double]!r} is given twice", file, rest[double][1], "Leave one of them out.")
    rubric = Rubric(name=_name(title.strip(), file, first), preface="\n".join(preface).strip(), criteria=criteria)
    if not rubric.preface:
        raise _fault("says nothing before its criteria", file, first, "Say who judges, and what for.")
    return rubric


def _criterion(heading: str, number: int, lines: list[str], file: object) -> Criterion:
    marked = _MARKED.match(heading)
    if marked is None:
        raise _fault(f"{heading!r} is no name of a criterion", file, number, "## grounded (needs evidence)")
    name = _name(marked["name"], file, number)
    if name in _TAKEN:
        raise _fault(f"a criterion cannot be called {name!r}", file, number, "Give it another name.")
    marks = {mark.strip() for mark in (marked["marks"] or "").split(",")} - {""}
    if unknown := marks - set(_MARKS):
        raise _fault(f"{min(unknown)!r} is unknown", file, number, f"There are: {', '.join(_MARKS)}.")
    anchors: dict[int, str] = {}
    asks = []
    for offset, line in enumerate(lines, start=1):
        found = _ANCHOR.match(line.strip())
        if found is None:
            asks.append(line)
            continue
        score = int(found["score"])
        if score in anchors or score > MOST_SCORES:
            raise _fault(f"score {score} is given twice, or too high", file, number + offset, f"0 to {MOST_SCORES}.")
        anchors[score] = found["text"].strip()
    if len(anchors) < 2:
        raise _fault(f"{name} needs at least two scores with what they mean", file, number, "- 1: … and - 5: …")
    return Criterion(
        name=name,
        asks="\n".join(asks).strip(),
        anchors=tuple(sorted(anchors.items())),
        needs_evidence="needs evidence" in marks,
        has_bar="no bar" not in marks,
    )


def _name(text: str, file: object, line: int) -> str:
    if not _NAME.fullmatch(text):
        raise _fault(f"{text!r} is no name", file, line, "Small letters, digits, _ and -, a letter first.")
    return text


def _fault(message: str, file: object, line: int, mend: str) -> InputError:
    return InputError(message, file=str(file), place=f"line {line}", mend=mend)
