"""Examining the dialogues of a dataset one by one: all checks, and what rules can mend. Pure; the set's measures are beside.

A verdict is about the dialogue as it stands. What is mended is checked again, and what is then still refused is left out of the
mended dialogue; where no pair remains, the dialogue is.
"""

import re
from collections.abc import Collection
from typing import get_args

from msgspec import Struct
from msgspec.structs import replace

from syphus.quality.checks import check_pairs
from syphus.quality.pairs import CheckName, Pair, Rules
from syphus.quality.sets.foreign import check_foreign, stance_in_set
from syphus.quality.sets.repair_rules import Change, repair_pair
from syphus.quality.sets.safety import check_safety
from syphus.quality.stances import KEEPING, Stance
from syphus.records import Dialogue, Person, Scene, Turn, Verdict

NEED_SCENE: frozenset[CheckName] = frozenset(
    {"unrelated", "objects", "counts", "colours", "places", "moments", "writing", "presence"}
)
"""Checks that hold a text against its scene's annotations; without these they say nothing."""
assert set(get_args(CheckName)) >= NEED_SCENE


_PLACE = re.compile(r"\[\]\(#[^()\s]*\)")


class Judged(Struct, frozen=True):
    """A verdict, and what is done about it."""

    verdict: Verdict
    stance: Stance


class Mended(Struct, frozen=True):
    """What was changed in one pair."""

    turn: int
    """Of the pair in the dialogue as it stood."""
    changes: tuple[Change, ...]


class Left(Struct, frozen=True):
    """A pair that was left out of the mended dialogue, and why."""

    turn: int
    reasons: tuple[Verdict, ...]


class Examined(Struct, frozen=True):
    """What became of a dialogue."""

    judged: tuple[Judged, ...]
    mended: tuple[Mended, ...] = ()
    left: tuple[Left, ...] = ()
    kept: tuple[tuple[int, Pair], ...] = ()
    """The pairs of the mended dialogue, each with its place in the dialogue as it stood; empty where nothing is mended."""


class Ruling(Struct, frozen=True, kw_only=True):
    """By what a dialogue is examined."""

    rules: Rules = Rules()
    hidden: bool = False
    """The names of the scene's people must not be said."""
    marks: tuple[str, ...] = ()
    """Strings that trainers take for their own."""
    fix: bool = False
    """Mend what rules can mend."""
    blind: Rules = Rules(off=tuple(sorted(NEED_SCENE)))
    """The rules for a dialogue whose scene is not known."""


def make_ruling(rules: Rules, *, hidden: bool = False, marks: tuple[str, ...] = (), fix: bool = False) -> Ruling:
    """The ruling by a category's rules."""
    blind = replace(rules, off=(*rules.off, *sorted(NEED_SCENE)))
    return Ruling(rules=rules, hidden=hidden, marks=marks, fix=fix, blind=blind)


def pairs_of(dialogue: Dialogue) -> list[Pair]:
    """The questions and answers of a dialogue."""
    turns = dialogue.turns
    return [Pair(turns[at].text, turns[at + 1].text) for at in range(0, len(turns), 2)]


def examine(dialogue: Dialogue, scene: Scene | None, ruling: Ruling) -> Examined:
    """Examines a dialogue.

    Args:
        dialogue: as it stands in the set.
        scene: what it is about; None where that is not known.
        ruling: by what.
    """
    pairs = pairs_of(dialogue)
    verdicts = _check(pairs, dialogue, scene, ruling)
    own = ruling.rules.stances
    judged = tuple(Judged(verdict, stance_in_set(verdict, own)) for verdict in verdicts)
    if not ruling.fix:
        return Examined(judged)
    return _mend(pairs, judged, dialogue, scene, ruling)


def _mend(
    pairs: list[Pair], judged: tuple[Judged, ...], dialogue: Dialogue, scene: Scene | None, ruling: Ruling
) -> Examined:
    repaired = [repair_pair(pair) for pair in pairs]
    mended = tuple(Mended(turn, one.changes) for turn, one in enumerate(repaired) if one.changes)
    after = [one.pair for one in repaired]
    if mended:
        own = ruling.rules.stances
        verdicts = _check(after, dialogue, scene, ruling)
        refusing = [one for one in verdicts if stance_in_set(one, own) not in KEEPING]
    else:
        refusing = [one.verdict for one in judged if one.stance not in KEEPING]
    reasons: dict[int, list[Verdict]] = {}
    for verdict in refusing:
        for turn in range(len(pairs)) if verdict.turn is None else (verdict.turn,):
            reasons.setdefault(turn, []).append(verdict)
    left = tuple(Left(turn, tuple(reasons[turn])) for turn in sorted(reasons))
    kept = tuple((turn, pair) for turn, pair in enumerate(after) if turn not in reasons)
    return Examined(judged, mended, left, kept)


def rebuild(dialogue: Dialogue, kept: Collection[tuple[int, Pair]]) -> Dialogue | None:
    """The dialogue with these pairs alone; itself where nothing differs, None where there are none."""
    turns = tuple(
        Turn(role=role, text=text)  # type: ignore[arg-type]
        for _, pair in kept
        for role, text in (("user", pair.question), ("assistant", pair.answer))
    )
    if not turns:
        return None
    return dialogue if turns == dialogue.turns else replace(dialogue, turns=turns)


def _without_places(pairs: list[Pair]) -> list[Pair]:
    """Pairs without the places of media inside of their texts, which are references with no phrase."""
    if not any("[](#" in text for pair in pairs for text in (pair.question, pair.answer)):
        return pairs
    return [Pair(*(_PLACE.sub("", text).strip() for text in (pair.question, pair.answer))) for pair in pairs]


def _check(pairs: list[Pair], dialogue: Dialogue, scene: Scene | None, ruling: Ruling) -> list[Verdict]:
    rules = ruling.rules
    if dialogue.assets:
        pairs = _without_places(pairs)
    known = {thing.id for thing in dialogue.objects} | {asset.id for asset in dialogue.assets}
    hidden: tuple[Person, ...] = ()
    if scene is None:
        about = Scene(id="unknown", assets=dialogue.assets)
        rules = ruling.blind
    else:
        about = scene
        known |= {thing.id for thing in scene.objects} | {region.id for region in scene.regions}
        hidden = scene.people if ruling.hidden else ()
    found = check_pairs(pairs, rules, scene=about, known=frozenset(known), demonstrations=(), hidden=hidden)
    verdicts = [*found.verdicts, *found.noted]
    tokens = {one.turn for one in verdicts if one.check == "placeholder"}  # said already
    verdicts += [one for one in check_foreign(pairs, ruling.marks) if one.check != "token" or one.turn not in tokens]
    verdicts += check_safety(pairs, scene)
    return sorted(verdicts, key=lambda one: -1 if one.turn is None else one.turn)
