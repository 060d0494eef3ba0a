# ruff: noqa: RUF001 (full-width signs are what is looked for)
"""What a whole set is like: how varied, how complex, how balanced; counted dialogue by dialogue.

Every figure is a sum or comes out of counts, so that parts of a set are counted apart and put together
(:meth:`Measures.merge`), whatever their order. ``docs/quality.md`` has the definitions, with formulas and where they come
from. Nothing grows with the set but the rarest words of tables, which are cut (:data:`MOST_KEYS`).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

from msgspec import Struct, field

from syphus.quality.pairs import Pair
from syphus.quality.repeats import count_words
from syphus.quality.sets.choices import Choice, read_choice
from syphus.quality.sets.figures import entropy, evenness, quantiles, top, uniform_chance
from syphus.quality.sets.questions import read_question
from syphus.quality.sets.sample import Sample
from syphus.quality.vocabulary import stems_of
from syphus.records import Dialogue, Scene
from syphus.references.text import find_references, plain_text

MOST_KEYS = 200_000
"""Of a table (openings, verb-object pairs), so many are kept; beyond twice as many the rarest are forgotten."""
_SHOWN = 20

_YES = frozenset("yes yeah yep ja oui sí si 是 はい 네 예 نعم".split())
_NO = frozenset("no nope nein non 不 没 否 いいえ 아니요 아니 لا".split())


class Measures(Struct, kw_only=True):
    """Counts of a set, or of a part of it."""

    dialogues: int = 0
    pairs: int = 0
    turns: Counter[int] = field(default_factory=Counter)
    """Pairs of a dialogue -> dialogues."""
    question_words: Counter[int] = field(default_factory=Counter)
    answer_words: Counter[int] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    """Pairs, as of the following."""
    categories: Counter[str] = field(default_factory=Counter)
    abilities: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    forms: Counter[str] = field(default_factory=Counter)
    openings: Counter[str] = field(default_factory=Counter)
    verbs: Counter[str] = field(default_factory=Counter)
    objects: Counter[str] = field(default_factory=Counter)
    verb_objects: Counter[str] = field(default_factory=Counter)
    """``verb object`` -> questions in which both were found."""
    polarity: Counter[str] = field(default_factory=Counter)
    """``yes``, ``no``, ``other`` -> answers to yes-or-no questions."""
    positions: Counter[str] = field(default_factory=Counter)
    """``A of 4`` -> multiple choices whose right option stands there."""
    steps: Counter[int] = field(default_factory=Counter)
    """Questions that take so many steps, by their words."""
    things: Counter[int] = field(default_factory=Counter)
    """Dialogues that speak of so many different annotated objects: those they refer to, or whose label they name."""
    relations: Counter[int] = field(default_factory=Counter)
    """Dialogues that use so many annotated relations: both labels and the predicate are named."""
    scenes: int = 0
    """Dialogues whose scene was known."""
    labels: int = 0
    """Different labels of the dialogues' scenes, summed; of these so many were named."""
    labels_named: int = 0

    def add(self, dialogue: Dialogue, pairs: Sequence[Pair], scene: Scene | None) -> None:
        """Counts a dialogue.

        Args:
            dialogue: with references.
            pairs: its questions and answers.
            scene: what it is about, where that is known.
        """
        count = len(pairs)
        self.dialogues += 1
        self.pairs += count
        self.turns[count] += 1
        self.sources[dialogue.source] += count
        self.categories[dialogue.category] += count
        self.abilities[dialogue.ability] += count
        self.languages[dialogue.language] += count
        texts = [(plain_text(pair.question), plain_text(pair.answer)) for pair in pairs]
        for question, answer in texts:
            self._add_pair(question, answer)
        self._add_things(dialogue, texts, scene)
        self._cut_tables()

    def _add_pair(self, question: str, answer: str) -> None:
        self.question_words[count_words(question)] += 1
        self.answer_words[count_words(answer)] += 1
        asking = read_question(question)
        choice = read_choice(question, answer) if asking.form == "choice" else None
        self.forms[asking.form] += 1
        self.openings[asking.opening] += 1
        self.steps[asking.steps] += 1
        if asking.verb:
            self.verbs[asking.verb] += 1
        if asking.object:
            self.objects[asking.object] += 1
        if asking.verb and asking.object:
            self.verb_objects[f"{asking.verb} {asking.object}"] += 1
        if asking.form == "yes or no":
            self.polarity[_polarity(answer)] += 1
        if choice is not None and choice.position is not None:
            self.positions[_position(choice)] += 1

    def _add_things(self, dialogue: Dialogue, texts: Sequence[tuple[str, str]], scene: Scene | None) -> None:
        objects = {thing.id for thing in dialogue.objects}
        used: set[str] = {
            identity
            for turn in dialogue.turns
            if "](#" in turn.text
            for reference in find_references(turn.text)
            for identity in reference.ids
            if identity in objects
        }
        if scene is None:
            self.things[len(used)] += 1
            return
        self.scenes += 1
        said = stems_of(" ".join(text for pair in texts for text in pair))
        labels = {thing.label for thing in scene.objects}
        named = {label for label in labels if (stems := stems_of(label)) and stems <= said}
        self.labels += len(labels)
        self.labels_named += len(named)
        label_of = {thing.id: thing.label for thing in scene.objects}
        alone = {label for label in named if not any(label_of.get(identity) == label for identity in used)}
        self.things[len(used) + len(alone)] += 1
        self.relations[
            sum(
                1
                for relation in scene.relations
                if label_of.get(relation.subject) in named
                and label_of.get(relation.object) in named
                and stems_of(relation.predicate) <= said
            )
        ] += 1

    def merge(self, other: Self) -> None:
        """Adds the counts of another part of the set."""
        for name in self.__struct_fields__:
            own, theirs = getattr(self, name), getattr(other, name)
            if isinstance(own, Counter):
                own.update(theirs)
            else:
                setattr(self, name, own + theirs)
        self._cut_tables()

    def _cut_tables(self) -> None:
        for table in (self.openings, self.verb_objects, self.objects, self.verbs):
            _cut(table)

    def figures(self, sample: Sample) -> dict[str, Any]:
        """The measures, as ``docs/quality.md`` defines them; rounded, with the commonest entries of each table.

        Args:
            sample: of the same set.
        """
        return {
            "dialogues": self.dialogues,
            "pairs": self.pairs,
            "diversity": {
                **sample.figures(),
                "question_forms": _table(self.forms),
                "openings": _table(self.openings),
                "verbs": _table(self.verbs),
                "objects": _table(self.objects),
                "verb_objects": _table(self.verb_objects),
            },
            "complexity": {
                "pairs_of_a_dialogue": quantiles(self.turns),
                "words_of_a_question": quantiles(self.question_words),
                "words_of_an_answer": quantiles(self.answer_words),
                "steps_of_a_question": quantiles(self.steps),
                "questions_of_several_steps": _share(self.steps, lambda steps: steps > 1),
                "objects_of_a_dialogue": quantiles(self.things),
                "relations_of_a_dialogue": quantiles(self.relations) if self.scenes else None,
                "labels_named": round(self.labels_named / self.labels, 4) if self.labels else None,
            },
            "balance": {
                "source": _table(self.sources),
                "category": _table(self.categories),
                "ability": _table(self.abilities),
                "language": _table(self.languages),
                "yes_or_no": _table(self.polarity),
                "answer_position": _positions(self.positions),
            },
        }


def _polarity(answer: str) -> str:
    first = answer.lower().replace(",", " ").replace(".", " ").split()[:1]
    word = first[0].strip("!،。，、:;") if first else ""
    if word in _YES or word.startswith(("はい", "是的")):
        return "yes"
    return "no" if word in _NO or word.startswith(("いいえ", "不是", "没有")) else "other"


def _position(choice: Choice) -> str:
    return f"{'ABCDEFGHIJ'[choice.position or 0]} of {len(choice.options)}"


def _positions(counts: Counter[str]) -> dict[str, Any]:
    """For each number of options, where the right one stands, and how likely chance alone makes it so uneven."""
    found: dict[str, Any] = {}
    for number in sorted({key.split(" of ")[1] for key in counts}, key=int):
        letters = "ABCDEFGHIJ"[: int(number)]
        there = [counts[f"{letter} of {number}"] for letter in letters]
        found[number] = {
            "counts": dict(zip(letters, there, strict=True)),
            "by_chance": round(uniform_chance(there), 6),
        }
    return found


def _table(counts: Counter[str]) -> dict[str, Any]:
    return {
        "count": counts.total(),
        "different": len(counts),
        "entropy": round(entropy(counts.values()), 4),
        "evenness": round(evenness(counts.values()), 4),
        "most": top(counts, _SHOWN),
    }


def _share(counts: Counter[int], wanted: Any) -> float:
    return round(sum(number for key, number in counts.items() if wanted(key)) / max(counts.total(), 1), 4)


def _cut(table: Counter[str]) -> None:
    if len(table) > 2 * MOST_KEYS:
        kept = sorted(table.items(), key=lambda item: (-item[1], item[0]))[:MOST_KEYS]
        table.clear()
        table.update(dict(kept))
