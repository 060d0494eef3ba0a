"""Which items of a run are meant: by category, by what they are about, by how they ended."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import NamedTuple

from syphus.errors import InputError
from syphus.identity import digest
from syphus.jobs.items import GenerateItem
from syphus.ledger.reader import Done, LedgerReader
from syphus.quality.checks import CHECKS
from syphus.report.decisions import Decision, is_rejected

STATES = ("accepted", "partial", "rejected", "failed", "skipped")
WHERE_KEYS = ("scene", "source", "state", "item")
OTHER_CHECKS = ("schema", "refusal", "repair")
"""What refuses besides the checks of pairs: a reply of another form, the model itself, a repair that cannot be had."""


class Selection(NamedTuple):
    """The items that a user means; all conditions are to hold."""

    categories: tuple[str, ...] = ()
    """Names; empty: all."""
    where: tuple[tuple[str, str], ...] = ()
    """Key and glob; keys are those of ``WHERE_KEYS``."""
    failed: bool = False
    """Those that failed; together with ``rejected``: either."""
    rejected: tuple[str, ...] = ()
    """Those of which one of these checks (``leak``), or one of its findings (``leak: source_word``), refused something."""
    decisions: str = ""
    """The fingerprint of a file of decisions, where one is given."""
    decided: frozenset[str] = frozenset()
    """The items that it rejects as they stand."""

    def picks(self, item: GenerateItem, done: Done, ledger: LedgerReader) -> bool:
        """Whether an item, with its newest outcome, is meant."""
        if self.categories and item.category not in self.categories:
            return False
        values = {"scene": item.scene.id, "source": item.scene.source, "state": done.state, "item": item.id}
        if not all(fnmatchcase(values[key], glob) for key, glob in self.where):
            return False
        if self.decisions and item.id not in self.decided:
            return False
        if not (self.failed or self.rejected):
            return True
        if self.failed and done.state == "failed":
            return True
        # Only these two states have anything refused, and looking into rejects is the dear part.
        return bool(self.rejected) and done.state in ("rejected", "partial") and self._is_refused(item.id, ledger)

    def _is_refused(self, item: str, ledger: LedgerReader) -> bool:
        codes = ledger.reject_codes_of(item)
        return any(code == check or code.startswith(f"{check}:") for code in codes for check in self.rejected)


def read_selection(
    *,
    categories: Sequence[str] | None,
    where: Sequence[str],
    failed: bool,
    rejected: Sequence[str],
    known: Sequence[str],
    sources: Sequence[str],
    decisions: Mapping[str, Decision] | None = None,
    ledger: LedgerReader | None = None,
) -> Selection:
    """A selection as it is typed.

    Args:
        categories: names, or families as ``llava/*``; None: all.
        where: ``KEY=GLOB``.
        failed: only those that failed.
        rejected: checks, or their findings.
        known: the run's categories.
        sources: the names of the run's sources.
        decisions: what people decided about dialogues; with them, only items that are rejected as they stand.
        ledger: where these stand.

    Raises:
        InputError: for what can match nothing, with the nearest that can.
    """
    conditions = tuple(_condition(text) for text in where)
    for key, glob in conditions:
        if key in ("state", "source"):
            _must_match(glob, STATES if key == "state" else sources, key)
    for check in rejected:
        _must_be(check.partition(":")[0], (*CHECKS, *OTHER_CHECKS), "check", place="--rejected")
    return Selection(
        categories=choose_categories(categories, known) if categories else (),
        where=conditions,
        failed=failed,
        rejected=tuple(rejected),
        decisions="" if decisions is None else digest(sorted((one.id, one.decision) for one in decisions.values())),
        decided=_find_rejected(decisions, ledger) if decisions and ledger else frozenset(),
    )


def _find_rejected(decisions: Mapping[str, Decision], ledger: LedgerReader) -> frozenset[str]:
    return frozenset(
        outcome.item for outcome in ledger.outcomes() if is_rejected(outcome.item, outcome.dialogues, decisions)
    )


def choose_categories(names: Sequence[str] | None, known: Sequence[str]) -> tuple[str, ...]:
    """The categories of ``known`` that are named; all where ``names`` is None.

    Raises:
        InputError: a name, or a family as ``llava/*``, that none of them has.
    """
    if names is None:
        return tuple(known)
    for name in names:
        if "*" in name:
            _must_match(name, known, "category")
        else:
            _must_be(name, known, "category", place="--category")
    return tuple(one for one in known if any(fnmatchcase(one, name) for name in names))


def _condition(text: str) -> tuple[str, str]:
    key, sign, glob = text.partition("=")
    if not sign or not glob:
        raise InputError(f"{text!r} is no KEY=GLOB", place="--where", mend="For example --where scene=kitchen-*")
    _must_be(key, WHERE_KEYS, "key", place="--where")
    return key, glob


def _must_be(name: str, known: Sequence[str], what: str, *, place: str) -> None:
    if name not in known:
        near = get_close_matches(name, known, n=1)
        mend = f"Did you mean `{near[0]}`?" if near else f"There are: {', '.join(known)}."
        raise InputError(f"there is no {what} {name!r} here", place=place, mend=mend)


def _must_match(glob: str, known: Sequence[str], what: str) -> None:
    if not any(fnmatchcase(one, glob) for one in known):
        near = get_close_matches(glob, known, n=1)
        mend = f"Did you mean `{near[0]}`?" if near else f"There are: {', '.join(known)}."
        raise InputError(f"no {what} is like {glob!r}", mend=mend)


def in_words(selection: Selection) -> str:
    """The selection for people: ``llava/detail, failed``; empty for all items."""
    parts = [*selection.categories, *(f"{key}={glob}" for key, glob in selection.where)]
    parts += ["failed"] if selection.failed else []
    parts += [f"refused for {check}" for check in selection.rejected]
    parts += ["rejected by a person"] if selection.decisions else []
    return ", ".join(parts)
