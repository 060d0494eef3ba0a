"""What ``syphus quality`` found: counted, shown, and written as ``measures.json`` and ``summary.md``."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

import syphus
from syphus.cli import view
from syphus.cli.datasets.examination import Examination, Seen
from syphus.cli.datasets.quality_source import Looked
from syphus.cli.runs.yields import make_table, make_yields
from syphus.files import write_whole
from syphus.quality.sets.examining import NEED_SCENE
from syphus.quality.sets.repair_rules import RULES_VERSION
from syphus.quality.stances import KEEPING, Stance

_EXAMPLES = 3
_SHOWN = 25
_IN_WORDS: dict[Stance, str] = {"drop": "drop", "repair": "repair", "score": "score", "ask": "ask a human"}


class Found(Struct, kw_only=True):
    """One kind of finding."""

    check: str
    code: str
    stance: Stance
    message: str
    pairs: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)


class Tally(Struct, kw_only=True):
    """All that is to be told of a set."""

    dialogues: int = 0
    pairs: int = 0
    refused: int = 0
    """Pairs of which a check says that they should be dropped or mended."""
    with_scene: int = 0
    """Dialogues whose scene was known."""
    found: dict[str, Found] = field(default_factory=dict)
    kept_of: Counter[str] = field(default_factory=Counter)
    """Category -> pairs that no check refuses."""
    refused_of: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Category and check -> pairs that it refuses."""
    repairs: Counter[str] = field(default_factory=Counter)
    """Rule -> texts that it mended; nothing without ``--fix``."""
    left: int = 0
    """Pairs that were left out of the mended set."""
    looked: Looked | None = None
    measures: dict[str, Any] = field(default_factory=dict)
    duplicates: dict[str, Any] = field(default_factory=dict)

    def add(self, seen: Seen) -> None:
        """Counts a dialogue."""
        dialogue, examined, has_scene = seen
        count = len(dialogue.turns) // 2
        self.dialogues += 1
        self.pairs += count
        self.with_scene += has_scene
        refused: set[int] = set()
        named: set[tuple[int, str]] = set()
        for judged in examined.judged:
            verdict = judged.verdict
            key = f"{verdict.check}/{verdict.code}"
            found = self.found.get(key)
            if found is None:
                found = self.found[key] = Found(
                    check=verdict.check, code=verdict.code, stance=judged.stance, message=verdict.message
                )
            found.pairs += 1
            if len(found.examples) < _EXAMPLES:
                found.examples.append({"dialogue": dialogue.id, "turn": verdict.turn, "evidence": verdict.evidence})
            if judged.stance not in KEEPING:
                turns = range(count) if verdict.turn is None else (verdict.turn,)
                refused.update(turns)
                named.update((turn, verdict.check) for turn in turns)
        self.refused += len(refused)
        self.kept_of[dialogue.category] += count - len(refused)
        for _, check in named:
            self.refused_of[dialogue.category, check] += 1
        self.left += len(examined.left)
        for mended in examined.mended:
            self.repairs.update(change.rule for change in mended.changes)

    def finish(self, looked: Looked, examination: Examination) -> None:
        """Adds what is known when all has been read."""
        self.looked = looked
        for reason, count in sorted(looked.aside.items()):
            key = f"shape/{reason}"
            example = {"dialogue": looked.first[reason], "turn": None, "evidence": ""}
            self.found[key] = Found(
                check="shape", code="no_dialogue", stance="drop", message=reason, pairs=count, examples=[example]
            )
        self.measures = examination.measures.figures(examination.sample)
        self.duplicates = msgspec.to_builtins(examination.duplicates.figures())

    @property
    def needs_hands(self) -> bool:
        """Whether something should be dropped, mended, or looked at by a person."""
        return any(found.stance != "score" for found in self.found.values())

    def ordered(self) -> list[Found]:
        """What was found, the most frequent first."""
        return sorted(self.found.values(), key=lambda one: (-one.pairs, one.check, one.code))

    def as_data(self) -> dict[str, Any]:
        """For machines."""
        assert self.looked is not None
        return {
            "syphus": syphus.__version__,
            "set": self.looked.path.name,
            "format": self.looked.format,
            "dialogues": self.dialogues,
            "pairs": self.pairs,
            "pairs_refused": self.refused,
            "yield": round(1 - self.refused / self.pairs, 4) if self.pairs else 0.0,
            "scenes": {"dialogues_with": self.with_scene, "dialogues_without": self.dialogues - self.with_scene},
            "not_checked": self.gaps(),
            "found": [msgspec.to_builtins(one) for one in self.ordered()],
            "categories": {
                category: {
                    "kept": kept,
                    "refused": {
                        check: count for (its, check), count in sorted(self.refused_of.items()) if its == category
                    },
                }
                for category, kept in sorted(self.kept_of.items())
            },
            "rows_that_are_no_dialogues": dict(sorted(self.looked.aside.items())),
            "repair": {
                "rules": RULES_VERSION,
                "texts_mended": dict(self.repairs.most_common()),
                "pairs_dropped": self.left,
            },
            "duplicates": self.duplicates,
            "measures": {key: self.measures[key] for key in ("diversity", "complexity", "balance")},
        }

    def gaps(self) -> list[str]:
        """What could not be done, and why."""
        assert self.looked is not None
        without = self.dialogues - self.with_scene
        if not without:
            return []
        why = "; ".join(self.looked.missing) or "their scenes are not among those given"
        checks = ", ".join(sorted(NEED_SCENE))
        return [
            (
                f"{view.counted(without, 'dialogue')} of {self.dialogues:,} without a scene ({why}): not checked against"
                f" annotations, that is {checks}; labels and relations named are not counted"
            )
        ]


def show_tally(tally: Tally) -> None:
    """Shows the yield, what was found with an example of each, and the measures in a few lines."""
    ordered = tally.ordered()
    lines = [
        [
            one.check,
            one.code,
            _IN_WORDS[one.stance],
            f"{one.pairs:,}",
            _share(one.pairs, tally.pairs),
            _first_example(one),
        ]
        for one in ordered[:_SHOWN]
    ]
    if lines:
        view.show(make_table(["check", "code", "then", "found", "of pairs", "example"], lines, left=3))
    if len(ordered) > _SHOWN:
        view.say(f"and {view.counted(len(ordered) - _SHOWN, 'other kind')}")
    if len(tally.kept_of) > 1 and (table := make_yields(tally.kept_of, tally.refused_of)):
        view.show(table)
    for line in describe(tally):
        view.say(line)


def _first_example(found: Found) -> str:
    if not found.examples:
        return ""
    example = found.examples[0]
    return f"{example['dialogue']}: {example['evidence'] or found.message}"


def describe(tally: Tally) -> Iterator[str]:
    """The measures, a few lines."""
    yield (
        f"{view.counted(tally.dialogues, 'dialogue')}, {view.counted(tally.pairs, 'pair')}; nothing speaks against "
        f"{tally.pairs - tally.refused:,} of them ({_share(tally.pairs - tally.refused, tally.pairs)})"
    )
    duplicates, measures = tally.duplicates, tally.measures
    shares = ", ".join(f"{name} {duplicates[name]['distinct']:.1%}" for name in ("questions", "answers", "pairs"))
    yield f"neither there before nor nearly so: {shares}"
    diversity, complexity, balance = (measures[name] for name in ("diversity", "complexity", "balance"))
    yield (
        f"variety: distinct-2 {diversity['distinct_questions']['2']:.3f} of questions, "
        f"{diversity['distinct_answers']['2']:.3f} of answers (of {diversity['sample']:,} pairs); forms of questions: "
        f"{_most(diversity['question_forms'])}; verb and object: {_most(diversity['verb_objects'])}"
    )
    words = complexity["words_of_an_answer"]
    yield (
        f"complexity: {complexity['pairs_of_a_dialogue']['mean']:g} pairs of a dialogue, answers of {words['median']:g} words "
        f"(95 %: {words['95 %']:g}), {complexity['questions_of_several_steps']:.0%} of questions of several steps"
    )
    parts = [f"{name.replace('_', ' ')}: {_most(balance[name])}" for name in ("category", "language", "yes_or_no")]
    yield "balance: " + "; ".join(part for part in parts if not part.endswith(": "))
    for number, choice in balance["answer_position"].items():
        odd = "; far from even" if choice["by_chance"] < 0.001 else ""
        yield (
            f"  right option of {number}: "
            + ", ".join(f"{key} {count:,}" for key, count in choice["counts"].items())
            + odd
        )
    for gap in tally.gaps():
        yield f"not done: {gap}"


def _most(table: dict[str, Any]) -> str:
    total = table["count"] or 1
    return ", ".join(f"{name or 'not said'} {count / total:.0%}" for name, count in list(table["most"].items())[:4])


def _share(count: int, total: int) -> str:
    share = count / total if total else 0.0
    return f"{share:.1%}" if share >= 0.001 or not count else "<0.1%"


def write_reports(tally: Tally, out: Path) -> None:
    """Writes ``measures.json`` and ``summary.md``."""
    data = msgspec.json.format(msgspec.json.encode(tally.as_data()), indent=2)
    for name, content in (
        ("measures.json", data + b"\n"),
        ("summary.md", "\n".join(_summary(tally)).encode(errors="replace")),
    ):
        with write_whole(out / name) as file:
            file.write(content)


def _summary(tally: Tally) -> Iterator[str]:
    assert tally.looked is not None
    yield f"# Quality of {_plain(tally.looked.path.name)}\n"
    for line in describe(tally):
        yield f"- {_plain(line).strip()}"
    yield "\n| check | code | then | found | of pairs | example |\n|---|---|---|---|---|---|"
    for one in tally.ordered():
        example = _plain(_first_example(one))[:120]
        yield f"| {one.check} | {one.code} | {_IN_WORDS[one.stance]} | {one.pairs:,} | {_share(one.pairs, tally.pairs)} | {example} |"
    if tally.repairs:
        yield f"\nMended by rules (version {RULES_VERSION}): " + ", ".join(
            f"{name} {count:,}" for name, count in tally.repairs.most_common()
        )
    yield ""


def _plain(text: str) -> str:
    """Text of models as one cell of a table: nothing in it is markup."""
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    for sign in "\\|<>*_`[]":
        line = line.replace(sign, f"\\{sign}")
    return line
