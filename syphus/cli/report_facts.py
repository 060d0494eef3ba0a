"""What a report shows, out of a run's ledger or out of a dataset's file."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct, structs

from syphus.annotations import scenes as scene_files
from syphus.annotations.reading import Problem
from syphus.cli.assemble import open_sources, read_scenes
from syphus.cli.keep import CONFIG_FILE
from syphus.cli.select import choose_categories
from syphus.cli.summary import summarise
from syphus.config import load_config
from syphus.decoding import decode_json
from syphus.errors import InputError
from syphus.formats.importing import Importer, ImportOptions
from syphus.ledger.prompts import find_prefixes, find_requests
from syphus.ledger.reader import LedgerReader, StoredOutcome
from syphus.quality.measures_words import read_question
from syphus.quality.pairs import Pair
from syphus.quality.repeats import count_words
from syphus.records import Dialogue, Scene, Verdict
from syphus.references.text import plain_text
from syphus.report.facts import Asked, CategoryFacts, PairFacts, Remark, ReportFacts, Sample

_REPEATED = 30
"""Repeated questions that are listed."""
_Key = tuple[str, str]


class Narrowed(NamedTuple):
    """Which part is wanted, and what is known beside."""

    limit: int
    categories: list[str] | None = None
    verdicts: Path | None = None
    """JSON Lines of ``syphus quality``."""
    scenes: Path | None = None
    """A file of scenes that the dialogues are about."""


class _Line(Struct, kw_only=True):
    """A line of verdicts; what else stands there is passed over."""

    dialogue: str = ""
    id: str = ""
    check: str = ""
    code: str = ""
    message: str = ""
    evidence: str = ""
    turn: int | None = None
    stance: str = ""
    language: str = ""


# -- a run


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
    entries, total = _gather_entries(ledger, narrowed.limit, wanted)
    remarks = _read_verdicts(narrowed.verdicts)
    scenes, told = _scenes_of_run(folder, {one.scene for one in entries.values()})
    prefixes: set[int] = set()
    samples = [_sample_of_run(key, one, ledger, scenes, remarks, prefixes) for key, one in entries.items()]
    categories = tuple(
        CategoryFacts(
            name=name,
            **{state: getattr(one, state) for state in ("accepted", "partial", "rejected", "failed", "skipped", "pairs", "calls")},
            cost=one.cost + one.risk if one.has_cost else None,
        )
        for name, one in summary.categories.items()
    )
    samples, alike = (samples, None) if narrowed.verdicts else with_duplicates(samples)
    made = [one for one in categories if one.pairs or one.rejected or one.failed]
    return ReportFacts(
        title=folder.resolve().name,
        origin=f"a run: {len(made)} {'category' if len(made) == 1 else 'categories'}, {summary.total.pairs:,} pairs",
        samples=samples,
        total=total,
        categories=categories,
        refused=dict(summary.reasons),
        repeated=repeated_questions(samples),
        pairs_alike=alike,
        prefixes=find_prefixes(ledger, prefixes),
        remarks=told,
    )


class _Entry(Struct):
    """What is gathered for one sample."""

    outcome: StoredOutcome
    dialogues: list[Dialogue]
    rejects: list[tuple[str, Any]]
    scene: str


def _gather_entries(
    ledger: LedgerReader, limit: int, wanted: tuple[str, ...] | None
) -> tuple[dict[str, _Entry], int]:
    """The entries by id, in the run's order, at most ``limit``; and how many there would be.

    A translation has the id of its source, and another language: it stands beside it.
    """
    entries: dict[str, _Entry] = {}
    total = 0
    for outcome in ledger.outcomes():
        for dialogue in outcome.dialogues:
            known = entries.get(dialogue.id)
            if known and all(one.language != dialogue.language for one in known.dialogues):
                known.dialogues.append(dialogue)
                known.rejects += [(dialogue.language, reject) for reject in outcome.rejects]
                continue
            if wanted is not None and outcome.category not in wanted:
                continue
            total += 1
            if len(entries) < limit:
                rejects = [("", reject) for reject in outcome.rejects] if dialogue is outcome.dialogues[0] else []
                entries[dialogue.id] = _Entry(outcome, [dialogue], rejects, outcome.scene)
        if outcome.dialogues or outcome.state not in ("rejected", "failed"):
            continue
        source, sign, language = outcome.item.rpartition("@")
        if sign and source in entries:  # a translation of which nothing was accepted
            entries[source].rejects += [(language, reject) for reject in outcome.rejects]
        elif wanted is None or outcome.category in wanted:
            total += 1
            if len(entries) < limit:
                entries[outcome.item] = _Entry(outcome, [], [("", one) for one in outcome.rejects], outcome.scene)
    return entries, total


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
    asked = tuple(_asked(keys, ledger, prefixes, whole=outcome.state != "accepted"))
    cost, unpriced = ledger.cost_of(keys) if keys else (0.0, 0)
    rejects = tuple(
        structs.replace(one, message=f"{language}: {one.message}") if language else one for language, one in entry.rejects
    )
    return Sample(
        id=key,
        state=outcome.state,
        category=outcome.category,
        ability=first.ability if first else "",
        source=first.source if first else scene.source if scene else outcome.scene.partition("/")[0],
        scene_id=first.scene if first else outcome.scene,
        dialogues=tuple(entry.dialogues),
        scene=scene,
        remarks=(*_own_remarks(entry.dialogues), *remarks.get(key, ())),
        rejects=rejects,
        notes=outcome.notes,
        detail=outcome.detail,
        asked=asked,
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
        return found, (f"The annotations cannot be read again, so captions and other objects are not shown: {error.message}",)
    if lost := len(wanted) - len(found):
        return found, (f"{lost:,} scenes are no longer in the run's sources; their annotations are not shown.",)
    return found, ()


# -- a file


def facts_of_file(file: Path, importer: Importer, options: ImportOptions, narrowed: Narrowed) -> ReportFacts:
    """The dialogues of a dataset.

    Args:
        file: in a format that ``importer`` reads.
        importer: reads it.
        options: how.
        narrowed: what of it.

    Raises:
        InputError: it cannot be read, or has none of the categories.
    """
    problems: list[Problem] = []
    scenes = _SceneShelf(narrowed.scenes)
    remarks = _read_verdicts(narrowed.verdicts)
    entries: dict[str, list[Dialogue]] = {}
    total, wanted = 0, narrowed.categories
    for dialogue in importer.read(file, options, problems.append):
        if wanted is not None and dialogue.category not in wanted:
            continue
        known = entries.get(dialogue.id)
        if known and all(one.language != dialogue.language for one in known):
            known.append(dialogue)
            continue
        total += 1
        if len(entries) < narrowed.limit:
            entries[f"{dialogue.id}~{total}" if known else dialogue.id] = [dialogue]
    if wanted is not None and not entries:
        raise InputError(f"has no dialogues of {', '.join(wanted)}", file=file)
    samples = [
        Sample(
            id=key,
            state="accepted",
            category=dialogues[0].category,
            ability=dialogues[0].ability,
            source=dialogues[0].source,
            scene_id=dialogues[0].scene,
            dialogues=tuple(dialogues),
            scene=scenes.find(dialogues[0]),
            remarks=(*_own_remarks(dialogues), *remarks.get(key, ())),
            pairs=pairs_of(dialogues[0]),
        )
        for key, dialogues in entries.items()
    ]
    samples, alike = (samples, None) if narrowed.verdicts else with_duplicates(samples)
    told = [f"{one.file}, {one.place}: {one.message}" for one in problems[:3] if one.lost]
    lost = sum(one.lost for one in problems)
    if lost > len(told):
        told.append(f"… and {lost - len(told):,} more rows that could not be read")
    return ReportFacts(
        title=file.name,
        origin=f"a dataset of {total:,} dialogues",
        samples=samples,
        total=total,
        repeated=repeated_questions(samples),
        pairs_alike=alike,
        remarks=tuple(told),
    )


class _SceneShelf:
    """Scenes by id, by the path of their picture, and by its stem."""

    def __init__(self, file: Path | None) -> None:
        self._found: dict[str, Scene] = {}
        if file is None:
            return
        for scene in scene_files.read(scene_files.Options(path=file), lambda _: None):
            paths = [asset.path for asset in scene.assets if asset.path]
            for key in (scene.id, *paths, *(PurePosixPath(path).stem for path in paths)):
                self._found.setdefault(key, scene)

    def find(self, dialogue: Dialogue) -> Scene | None:
        """The scene that a dialogue is about."""
        paths = [asset.path for asset in dialogue.assets if asset.path]
        keys = (dialogue.scene, *paths, *(PurePosixPath(path).stem for path in paths))
        return next((self._found[key] for key in keys if key in self._found), None)


# -- both


def pairs_of(dialogue: Dialogue | None) -> tuple[PairFacts, ...]:
    """What is counted of the pairs of a dialogue."""
    if dialogue is None:
        return ()
    texts = [plain_text(turn.text) for turn in dialogue.turns]
    english = dialogue.language.partition("-")[0] in ("", "en")
    pairs = []
    for question, answer in zip(texts[::2], texts[1::2], strict=True):
        asking = read_question(question) if english else None
        words = {"verb": asking.verb, "object": asking.object} if asking else {}
        pairs.append(PairFacts(question_words=count_words(question), answer_words=count_words(answer), **words))
    return tuple(pairs)


def with_duplicates(samples: list[Sample]) -> tuple[list[Sample], int | None]:
    """The samples with a remark for each pair that was there before, and how many such pairs there are.

    None, and the samples as they were, where what finds them is not installed (``syphus[quality]``).
    """
    try:
        from syphus.quality.duplicates import Duplicates
    except ImportError:
        return samples, None
    duplicates, told, alike = Duplicates(), [], 0
    for sample in samples:
        found: list[Verdict] = []
        if sample.dialogues:
            texts = [turn.text for turn in sample.dialogues[0].turns]
            found = duplicates.add(sample.dialogues[0], [Pair(*one) for one in zip(texts[::2], texts[1::2], strict=True)])
        alike += sum(one.code in ("same_pair", "near_pair") for one in found)
        more = tuple(_remark(one) for one in found)
        told.append(structs.replace(sample, remarks=(*sample.remarks, *more)) if more else sample)
    return told, alike


def repeated_questions(samples: Iterable[Sample]) -> tuple[tuple[str, int], ...]:
    """Questions that occur more than once, whatever their case and spaces; the most frequent first, as first written."""
    written: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for sample in samples:
        for turn in sample.dialogues[0].turns[::2] if sample.dialogues else ():
            text = " ".join(plain_text(turn.text).split())
            written.setdefault(text.casefold(), text)
            counts[text.casefold()] += 1
    return tuple((written[key], count) for key, count in counts.most_common(_REPEATED) if count > 1)


def _own_remarks(dialogues: list[Dialogue]) -> Iterator[Remark]:
    """What the dialogues themselves say was found in them."""
    for order, dialogue in enumerate(dialogues):
        for one in dialogue.verdicts:
            yield _remark(one, dialogue.language if order else "")


def _remark(verdict: Verdict, language: str = "") -> Remark:
    # A check's own code may be short; in a list of all of them it is told apart by the check's name, as rejects are.
    named = verdict.code == verdict.check or verdict.code.startswith(f"{verdict.check}:")
    return Remark(
        check=verdict.check,
        code=verdict.code if named or not verdict.check else f"{verdict.check}: {verdict.code}",
        message=verdict.message,
        evidence=verdict.evidence,
        turn=verdict.turn,
        language=language,
    )


def _read_verdicts(file: Path | None) -> dict[str, list[Remark]]:
    """What ``syphus quality`` wrote, by the dialogue's id. Raises :class:`InputError` naming the line."""
    found: dict[str, list[Remark]] = {}
    if file is None:
        return found
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", file=file) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        one = decode_json(line, _Line, file=file, first_line=number)
        fields = {name: getattr(one, name) for name in ("check", "code", "message", "evidence", "turn", "stance", "language")}
        found.setdefault(one.dialogue or one.id, []).append(Remark(**fields))
    return found
