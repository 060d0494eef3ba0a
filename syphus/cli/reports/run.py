"""What a report shows of a run: its ledger, and the scenes of its sources."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct, field, structs

from syphus.annotations.reading import Problem
from syphus.cli.reports.facts import (
    Narrowed,
    as_remark,
    own_remarks,
    pairs_of,
    read_verdicts,
    repeated_questions,
    with_duplicates,
)
from syphus.cli.runs.assemble import open_sources, read_scenes
from syphus.cli.runs.keep import CONFIG_FILE
from syphus.cli.runs.select import choose_categories
from syphus.cli.runs.summary import Summary, summarise
from syphus.config import load_config
from syphus.errors import InputError
from syphus.exchange import Reject
from syphus.ledger.prompts import find_prefixes, find_requests
from syphus.ledger.reader import LedgerReader, StoredOutcome
from syphus.records import Dialogue, Scene
from syphus.report.facts import Asked, CategoryFacts, Remark, ReportFacts, Sample

_ABOUT = ("translate", "correct", "judge", "blind")
"""Families of categories whose outcomes were made of other dialogues; they are shown with these."""
_VERSIONS = {"translate": "", "correct": "corrected"}
"""Those that are dialogues themselves, and what their version is called."""


def facts_of_run(folder: Path, ledger: LedgerReader, narrowed: Narrowed) -> ReportFacts:
    """A run's standing dialogues, in all their languages, and the items of which nothing was accepted.

    Args:
        folder: the run's.
        ledger: its ledger; read to the end here.
        narrowed: what of it.

    Raises:
        InputError: there is no such category, or the verdicts cannot be read.
    """
    summary = summarise(ledger)
    wanted = choose_categories(narrowed.categories, list(summary.categories)) if narrowed.categories else None
    related = any(name.partition("/")[0] in _ABOUT for name in summary.categories)
    entries, total = _gather_entries(ledger, narrowed.limit, wanted, related=related)
    verdicts = read_verdicts(narrowed.verdicts)
    scenes, told = _scenes_of_run(folder, {one.outcome.scene for one in entries.values()})
    prefixes: set[int] = set()
    samples = [_sample_of_run(key, one, ledger, scenes, verdicts, prefixes) for key, one in entries.items()]
    samples, alike = (samples, None) if narrowed.verdicts else with_duplicates(samples)
    categories = tuple(_categories(summary))
    made = [one for one in categories if one.name.partition("/")[0] not in _ABOUT]
    pairs = sum(one.pairs for one in made)
    return ReportFacts(
        title=folder.resolve().name,
        origin=f"a run: {len(made)} {'category' if len(made) == 1 else 'categories'}, {pairs:,} pairs",
        samples=samples,
        total=total,
        categories=categories,
        refused=dict(summary.reasons),
        repeated=repeated_questions(samples),
        pairs_alike=alike,
        prefixes=find_prefixes(ledger, prefixes),
        remarks=told,
    )


def _categories(summary: Summary) -> Iterator[CategoryFacts]:
    """Those of which there are items; probes have none."""
    for name, one in summary.categories.items():
        if one.items:
            yield CategoryFacts(
                name=name,
                accepted=one.accepted,
                partial=one.partial,
                rejected=one.rejected,
                failed=one.failed,
                skipped=one.skipped,
                pairs=one.pairs,
                calls=one.calls,
                cost=one.cost + one.risk if one.has_cost else None,
            )


class _Entry(Struct):
    """What is gathered for one sample."""

    outcome: StoredOutcome
    dialogues: list[Dialogue]
    rejects: list[Reject]
    labels: list[str] = field(default_factory=lambda: [""])
    remarks: list[Remark] = field(default_factory=list)


def _gather_entries(
    ledger: LedgerReader, limit: int, wanted: tuple[str, ...] | None, *, related: bool
) -> tuple[dict[str, _Entry], int]:
    """The entries by id, in the run's order, at most ``limit``; and how many there would be.

    Args:
        ledger: the run's; read once, and once more where something was made of its dialogues.
        limit: entries at most.
        wanted: categories; None: all.
        related: there are translations, corrections or judgements.
    """
    entries: dict[str, _Entry] = {}
    total = 0
    for outcome in ledger.outcomes():
        if _family(outcome) in _ABOUT or (wanted is not None and outcome.category not in wanted):
            continue
        for dialogue in outcome.dialogues:
            total += 1
            if len(entries) < limit:
                rejects = list(outcome.rejects) if dialogue is outcome.dialogues[0] else []
                entries[dialogue.id] = _Entry(outcome, [dialogue], rejects)
        if not outcome.dialogues and outcome.state in ("rejected", "failed"):
            total += 1
            if len(entries) < limit:
                entries[outcome.item] = _Entry(outcome, [], list(outcome.rejects))
    whole = bool(entries)
    for outcome in ledger.outcomes() if related else ():
        if _family(outcome) not in _ABOUT:
            continue
        if whole:
            _relate(outcome, entries)
        else:  # the ledger of a file's translation, correction or judging: the dialogues themselves are elsewhere
            total += _stand_alone(outcome, entries, limit)
    return entries, total


def _family(outcome: StoredOutcome) -> str:
    return outcome.category.partition("/")[0]


def _relate(outcome: StoredOutcome, entries: dict[str, _Entry]) -> None:
    """Puts what was made of a dialogue beside it."""
    family = _family(outcome)
    identity, _, mark = outcome.item.rpartition("@")
    for dialogue in outcome.dialogues:
        entry = entries.get(dialogue.id)
        if entry is None:
            continue
        if family in _VERSIONS:
            entry.dialogues.append(dialogue)
            entry.labels.append(_VERSIONS[family])
        else:
            entry.remarks += [as_remark(one) for one in dialogue.verdicts]
        identity = dialogue.id
    if entry := entries.get(identity):
        entry.rejects += [structs.replace(one, message=f"{family} {mark}: {one.message}") for one in outcome.rejects]


def _stand_alone(outcome: StoredOutcome, entries: dict[str, _Entry], limit: int) -> int:
    """As entries of their own; several languages of one dialogue are one. Returns how many there are more."""
    more = 0
    for dialogue in outcome.dialogues:
        entry = entries.get(dialogue.id)
        if entry is not None:
            entry.dialogues.append(dialogue)
            entry.labels.append("")
            continue
        more += 1
        if len(entries) < limit:
            entries[dialogue.id] = _Entry(outcome, [dialogue], list(outcome.rejects))
    if not outcome.dialogues and outcome.state in ("rejected", "failed"):
        more += 1
        if len(entries) < limit:
            entries[outcome.item] = _Entry(outcome, [], list(outcome.rejects))
    return more


def _sample_of_run(
    key: str,
    entry: _Entry,
    ledger: LedgerReader,
    scenes: Mapping[str, Scene],
    remarks: Mapping[str, list[Remark]],
    prefixes: set[int],
) -> Sample:
    outcome = entry.outcome
    first = entry.dialogues[0] if entry.dialogues else None
    scene = scenes.get(outcome.scene)
    keys = first.provenance.requests if first else find_requests(ledger, outcome.item)
    cost, unpriced = ledger.cost_of(keys) if keys else (0.0, 0)
    return Sample(
        id=key,
        state=outcome.state,
        category=outcome.category,
        ability=first.ability if first else "",
        source=first.source if first else scene.source if scene else outcome.scene.partition("/")[0],
        scene_id=first.scene if first else outcome.scene,
        dialogues=tuple(entry.dialogues),
        labels=tuple(entry.labels[: len(entry.dialogues)]),
        scene=scene,
        remarks=(*own_remarks(entry.dialogues), *entry.remarks, *remarks.get(key, ())),
        rejects=tuple(entry.rejects),
        notes=outcome.notes,
        detail=outcome.detail,
        asked=tuple(_asked(keys, ledger, prefixes, whole=outcome.state != "accepted")),
        cost=None if unpriced else cost,
        pairs=pairs_of(first),
    )


def _asked(keys: Iterable[str], ledger: LedgerReader, prefixes: set[int], *, whole: bool) -> Iterator[Asked]:
    for key in keys:
        stored = ledger.find_asked(key)
        if stored is None:
            continue
        if stored.prefix is not None:
            prefixes.add(stored.prefix)
        reply = ledger.find_reply(key)
        yield Asked(
            purpose=stored.purpose,
            prefix=stored.prefix,
            messages=msgspec.json.decode(stored.messages, type=tuple[tuple[str, str], ...]),
            model=reply.model if reply else "",
            reply=reply.text if reply and whole else "",
        )


def _scenes_of_run(folder: Path, wanted: set[str]) -> tuple[dict[str, Scene], tuple[str, ...]]:
    """The scenes, read again from the run's sources, by source and id; and what is to be said where that fails."""

    def ignore(_: str, __: Problem) -> None:
        """The run has told of it."""

    found: dict[str, Scene] = {}
    kept = folder / CONFIG_FILE
    try:
        config = load_config(kept, {})
        for scene in read_scenes(open_sources(config, kept), ignore, config.run.limit):
            key = f"{scene.source}/{scene.id}" if scene.source else scene.id
            if key in wanted:
                found[key] = scene
                if len(found) == len(wanted):
                    break
    except InputError as error:
        return found, (
            f"The annotations cannot be read again, so captions and other objects are not shown: {error.message}",
        )
    if lost := len(wanted) - len(found):
        return found, (f"{lost:,} scenes are no longer in the run's sources; their annotations are not shown.",)
    return found, ()
