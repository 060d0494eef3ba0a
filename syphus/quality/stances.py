"""What is done about a finding: its stance.

``drop``: the pair is not kept; a job that can ask again does so, with the fault explained. ``repair``: the same, but a rule may
mend it first. ``score``: the pair is kept, and the finding noted with it: it is not borne out, yet nothing says that it is
wrong. ``ask``: the pair is kept and noted, and a person should look at it.

A stance belongs to a check and its code (``objects/unsupported``) or to a check as a whole (``leak``), the closer one first; what
stands nowhere is dropped. A category's ``[checks.stances]`` comes before all of them. The measured figures behind the choice are
in ``docs/checks.md``.
"""

from typing import Final, Literal

Stance = Literal["drop", "repair", "score", "ask"]

STANCES: Final[dict[str, Stance]] = {
    "refusal": "repair",
    "leak": "repair",
    "placeholder": "repair",
    "json_in_text": "repair",
    "unfinished": "repair",
    "language": "repair",
    "name": "repair",
    "reference/broken": "repair",
    "reference/not_wanted": "repair",
    "leak/source_hint": "ask",
    "objects/unsupported": "score",
    "counts/other": "score",
    "colours/other": "score",
    "colours/unsupported": "score",
    "writing/unsupported": "score",
    "writing/misread": "ask",
    "presence/unsupported": "score",
}
"""Check, or check/code -> the stance that it has where a category says nothing else."""

KEEPING: Final[frozenset[Stance]] = frozenset({"score", "ask"})
"""Stances with which a pair is kept."""


def stance_of(check: str, code: str, own: dict[str, Stance]) -> Stance:
    """The stance of a finding; ``own`` are the category's (:class:`syphus.quality.pairs.Rules`)."""
    whole = f"{check}/{code}"
    for table in (own, STANCES):
        stance = table.get(whole) or table.get(check)
        if stance:
            return stance
    return "drop"
