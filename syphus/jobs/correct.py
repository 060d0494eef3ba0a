"""Correction as VIGC has it: each sentence of an answer is held against what is known, to the end of the answer.

VIGC (Wang et al. 2023) has a model answer again, keeps the first sentence of what it says, and feeds that back; its code does so
four times and stops wherever that may be. Here what holds is kept as it stands, and it goes on to the last sentence: each round
asks, for every answer that is not finished, about all sentences behind those that stand. Up to the first that fails they stand.
That one is written anew or dropped, and what follows it is held again in the next round, since it may have lived on what was
wrong. A sentence written anew is held like any other, and dropped if it fails. So a good dialogue costs one request, and none
costs more than two for each of its sentences.

Our own checks speak, too: what they find in a sentence is told to the model, and no sentence stands against them.
"""

import json
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import lru_cache
from typing import Any, cast

from msgspec import Struct, field, structs

from syphus.exchange import Ask, Item, Message, Outcome, Parameters, Reject, Request
from syphus.jobs.correct_items import CorrectItem
from syphus.jobs.correct_sentences import split_sentences
from syphus.jobs.judge_asking import (
    SEEDS_APART,
    Asking,
    Missing,
    object_schema,
    pairs_of,
    text_schema,
    user_message,
)
from syphus.quality.checks import check_pairs
from syphus.quality.pairs import CheckName, Pair
from syphus.records import Dialogue, Object, Provenance, Scene, Turn, Verdict
from syphus.references.text import find_references

CHECK = "correct"
_OF_FORM: tuple[CheckName, ...] = (
    "empty", "length", "repeats", "given_away", "echo", "json_in_text", "unrelated", "unfinished", "no_question",
)  # fmt: skip
"""Checks of a whole pair, which mean nothing for one sentence of an answer."""
_BECAUSE, _INSTEAD = 300, 900
"""Characters."""
_TOKENS_PER_SENTENCE, _TOKENS_AROUND = 90, 150
_SENTENCES_AT_A_TIME = 40
"""In one request; answers beyond that wait for the next round."""


def correct_job() -> Callable[[Item, Ask], Coroutine[Any, Any, Outcome]]:
    """The job of a run."""

    async def job(item: Item, ask: Ask) -> Outcome:
        return await _Correction(cast("CorrectItem", item), ask).make()

    return job


def planned_requests(item: CorrectItem) -> list[Request]:
    """What an item asks at least: one round, as if all held."""
    correction = _Correction(item, _no_ask)
    return [] if correction.skipped else [correction.request(correction.asked())]


async def _no_ask(_: Request) -> Any:
    raise NotImplementedError


class _Sentence(Struct):
    text: str
    """Without the white space behind it."""
    space: str
    before: str = ""
    """What stood there, of one that was written anew."""
    because: str = ""


class _Answer(Struct):
    """An answer on its way."""

    pair: int
    question: str
    kept: list[_Sentence] = field(default_factory=list)
    rest: list[_Sentence] = field(default_factory=list)
    is_dropped: bool = False
    question_holds: bool = False

    @property
    def text(self) -> str:
        return "".join(one.text + one.space for one in self.kept).strip()


class _Ruling(Struct):
    verdict: str
    because: str
    instead: str


class _Correction:
    """The correction of one dialogue. Lives for one call."""

    def __init__(self, item: CorrectItem, ask: Ask) -> None:
        self.item = item
        self.subject = item.subject
        self.asking = Asking(ask, item.correcting.repair_text)
        self.changes: list[Verdict] = []
        self.answers = [_begin(number, pair) for number, pair in enumerate(pairs_of(item.subject.dialogue))]
        self.scene = item.subject.scene or Scene(id="unknown")
        self._faults: dict[tuple[int, bool, str], list[str]] = {}

    @property
    def skipped(self) -> str:
        """Why nothing is to be done."""
        return "" if self.subject.evidence or self.subject.pictures else "nothing is known of the scene"

    async def make(self) -> Outcome:
        """The outcome, whatever happens; only the model's own failures are exceptions."""
        if self.skipped:
            return Outcome(skipped=self.skipped)
        while asked := self.asked():
            rulings = await self._hold(asked)
            if rulings is None:
                return self._outcome(None)
            for answer in asked:
                self._apply(answer, rulings)
        return self._outcome(self._corrected())

    def asked(self) -> list[_Answer]:
        """The answers that the next request is about."""
        chosen: list[_Answer] = []
        size = 0
        for answer in self.answers:
            if answer.rest and not answer.is_dropped:
                size += len(answer.rest)
                if chosen and size > _SENTENCES_AT_A_TIME:
                    break
                chosen.append(answer)
        return chosen

    # -- a round

    async def _hold(self, asked: Sequence[_Answer]) -> dict[str, _Ruling] | None:
        """What the model says of each sentence, by its number; None where it says nothing that can be used."""
        request = self.request(asked)
        places = _places(asked)
        rulings: dict[str, _Ruling] = {}

        def missing() -> Missing:
            left = [place for place in places if place not in rulings]
            return Missing(
                [f"Nothing is said of {', '.join(left)}."], f"Give only {', '.join(left)}.", _schema(len(left))
            )

        def take(value: dict[str, Any]) -> Missing | None:
            elements = value["sentences"]
            left = [place for place in places if place not in rulings]
            for element in elements:
                if (place := element["at"].strip().strip("()[]")) in left and place not in rulings:
                    rulings[place] = _Ruling(element["verdict"], element["because"], element["instead"])
            return missing() if any(place not in rulings for place in places) else None

        otherwise = Missing([], "Make it anew.", request.schema or {})
        return rulings if await self.asking.until(request, take, otherwise) else None

    def _apply(self, answer: _Answer, rulings: dict[str, _Ruling]) -> None:
        """Keeps what holds, up to the first sentence that does not; that one is written anew or dropped."""
        if not answer.question_holds:
            ruling = rulings[f"{answer.pair + 1}.0"]
            if ruling.verdict == "wrong":
                self._drop_pair(answer, "question", ruling.because)
                return
            answer.question_holds = True
        for number, sentence in enumerate(list(answer.rest), start=1 + len(answer.kept)):
            ruling = rulings[f"{answer.pair + 1}.{number}"]
            answer.rest.pop(0)
            faults = self.faults_of(answer, sentence.text)
            if ruling.verdict == "holds" and not faults:
                if sentence.before:
                    self._change(answer, "rewritten", sentence.because, f"{sentence.before} → {sentence.text}")
                answer.kept.append(sentence)
                continue
            because = ruling.because if ruling.verdict != "holds" else faults[0]
            instead = ruling.instead.strip()
            again = not sentence.before and instead and instead != sentence.text
            if again and self._points_well(instead) and not self.faults_of(answer, instead):
                answer.rest.insert(0, _Sentence(instead, sentence.space, sentence.text, because))
            else:
                self._change(answer, "dropped", sentence.because or because, sentence.before or sentence.text)
            break
        if not answer.rest and not answer.text:
            self._drop_pair(answer, "nothing_left", "no sentence of the answer holds")

    def _change(self, answer: _Answer, code: str, because: str, evidence: str) -> None:
        self.changes.append(Verdict(check=CHECK, code=code, message=because, evidence=evidence, turn=answer.pair))

    def _drop_pair(self, answer: _Answer, code: str, because: str) -> None:
        answer.is_dropped = True
        self.asking.rejects.append(
            Reject(code=f"{CHECK}: {code}", message=because, step="hold", evidence=answer.question[:120])
        )
        self._change(answer, "pair_dropped", because, answer.question)

    def _points_well(self, text: str) -> bool:
        """Whether all links of a text lead somewhere."""
        known = self.subject.known | {thing.id for thing in self.subject.dialogue.objects}
        return all(identity in known for one in find_references(text) for identity in one.ids)

    def faults_of(self, answer: _Answer, sentence: str) -> list[str]:
        """What our checks find in a sentence of an answer; nothing is checked where there is no scene."""
        if self.subject.scene is None:
            return []
        is_first = not answer.kept
        key = (answer.pair, is_first, sentence)
        if key not in self._faults:
            # "Yes." can only be judged with its question, and only the first sentence says it.
            question = answer.question if is_first else "What else can be seen?"
            own = {(one.check, one.code) for one in self._check(Pair(question, "That is so."))}
            found = [one for one in self._check(Pair(question, sentence)) if (one.check, one.code) not in own]
            self._faults[key] = [one.message for one in found]
        return self._faults[key]

    def _check(self, pair: Pair, off: tuple[CheckName, ...] = _OF_FORM) -> tuple[Verdict, ...]:
        rules = self.subject.rules
        references = "allowed" if off and rules.references == "required" else rules.references
        return check_pairs(
            [pair],
            structs.replace(rules, off=(*rules.off, *off), references=references),
            scene=self.scene,
            known=self.subject.known,
            demonstrations=(),
            hidden=self.subject.hidden,
        ).verdicts

    # -- the request

    def request(self, asked: Sequence[_Answer]) -> Request:
        """What one round asks."""
        correcting = self.item.correcting
        count = len(_places(asked))
        known = f"What is known of what is seen:\n<<<\n{self.subject.evidence}\n>>>" if self.subject.evidence else ""
        text = "\n\n".join(part for part in (known, *(self._shown(answer) for answer in asked), "Check them.") if part)
        return Request(
            purpose=f"{self.item.category}/hold",
            messages=(Message("system", correcting.system), user_message(text, self.subject)),
            constant=1,
            schema=_schema(count),
            parameters=Parameters(
                temperature=0.0,
                max_tokens=_TOKENS_AROUND + _TOKENS_PER_SENTENCE * count,
                reasoning_effort=correcting.reasoning_effort,
                seed=None if correcting.sent_seed is None else correcting.sent_seed + SEEDS_APART * self.item.draw,
            ),
            draw=self.item.draw,
        )

    def _shown(self, answer: _Answer) -> str:
        """An answer as JSON lines: no text in it can be taken for ours."""
        number = answer.pair + 1
        rows: list[dict[str, str]] = [{"at": f"{number}.0", "question": answer.question}]
        if answer.question_holds:
            rows = [{"question": answer.question}]
        if answer.kept:
            rows.append({"stands": answer.text})
        for at, sentence in enumerate(answer.rest, start=1 + len(answer.kept)):
            row = {"at": f"{number}.{at}", "sentence": sentence.text}
            if faults := self.faults_of(answer, sentence.text):
                row["found by a check"] = " ".join(faults)
            rows.append(row)
        return f"Pair {number}:\n" + "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)

    # -- the outcome

    def _corrected(self) -> Dialogue | None:
        """The dialogue of what stands; None where nothing does."""
        dialogue = self.subject.dialogue
        turns: list[Turn] = []
        for answer in self.answers:
            if answer.is_dropped:
                continue
            pair = Pair(answer.question, answer.text)
            before = pairs_of(dialogue)[answer.pair]
            if pair.answer != before.answer.strip() and (faults := self._new_faults(before, pair)):
                self._drop_pair(answer, faults[0].check, faults[0].message)
                continue
            question, reply = dialogue.turns[2 * answer.pair : 2 * answer.pair + 2]
            kept = reply if pair.answer == before.answer.strip() else structs.replace(reply, text=pair.answer)
            turns += [question, kept]
        if not turns:
            return None
        provenance = Provenance(
            category=self.item.version,
            requests=(*dialogue.provenance.requests, *self.asking.keys),
            model=self.asking.model,
            seed=dialogue.provenance.seed,
            sample=dialogue.provenance.sample,
        )
        return structs.replace(
            dialogue,
            turns=tuple(turns),
            objects=_referred(dialogue, self.subject.scene, turns),
            verdicts=tuple(self.changes),
            provenance=provenance,
        )

    def _new_faults(self, before: Pair, after: Pair) -> list[Verdict]:
        """What the checks find in a pair that was changed, and did not find before."""
        if self.subject.scene is None:
            return []
        old = {(one.check, one.code) for one in self._check(before, ())}
        return [one for one in self._check(after, ()) if (one.check, one.code) not in old]

    def _outcome(self, corrected: Dialogue | None) -> Outcome:
        return Outcome(
            dialogues=(corrected,) if corrected else (),
            rejects=tuple(self.asking.rejects),
            notes=tuple(self.asking.notes),
            requests=tuple(self.asking.keys),
        )


def _begin(number: int, pair: Pair) -> _Answer:
    parts = split_sentences(pair.answer.strip())
    sentences = [_Sentence(part.rstrip(), part[len(part.rstrip()) :]) for part in parts]
    return _Answer(number, pair.question, rest=[one for one in sentences if one.text])


def _places(asked: Iterable[_Answer]) -> list[str]:
    """The numbers of all that a round asks about: ``2.0`` is the second question, ``2.3`` its answer's third sentence."""
    places = []
    for answer in asked:
        number, first = answer.pair + 1, 1 + len(answer.kept)
        places += [] if answer.question_holds else [f"{number}.0"]
        places += [f"{number}.{at}" for at in range(first, first + len(answer.rest))]
    return places


@lru_cache(maxsize=256)
def _schema(count: int) -> dict[str, Any]:
    """The same object each time, by which the engine knows it again."""
    sentence = object_schema(
        {
            "at": text_schema(12),
            "because": text_schema(_BECAUSE, least=0),
            "verdict": {"type": "string", "enum": ["holds", "wrong", "unsupported"]},
            "instead": text_schema(_INSTEAD, least=0),
        }
    )
    return object_schema({"sentences": {"type": "array", "items": sentence, "minItems": count, "maxItems": count}})


def _referred(dialogue: Dialogue, scene: Scene | None, turns: Iterable[Turn]) -> tuple[Object, ...]:
    """The objects that the turns point at: those the dialogue has, then others of its scene."""
    ids = {identity for turn in turns for one in find_references(turn.text) for identity in one.ids}
    there = [thing for thing in dialogue.objects if thing.id in ids]
    missing = ids - {thing.id for thing in there}
    if scene is not None and missing:
        there += [thing for thing in scene.objects if thing.id in missing]
        there += [
            Object(id=one.id, label=one.text, box=one.box, asset=one.asset)
            for one in scene.regions
            if one.id in missing
        ]
    return tuple(there)
