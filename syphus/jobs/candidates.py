"""Replies that may become demonstrations: made again from what was paid for, judged, and chosen.

Used by the cold start (a category without demonstrations gets its first from its own system message; MIMIC-IT, arXiv
2306.05425, section 3.2, describes the stage, and its code has none) and by bootstrapping (self-instruct: accepted replies
join the pool that demonstrations are drawn from).
"""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import UNSET, Struct

from syphus.categories.category import Demonstration, Origin, PickStep
from syphus.exchange import Ask, Outcome, Reject
from syphus.identity import draw_number
from syphus.jobs.generate import Generation
from syphus.jobs.items import GenerateItem
from syphus.quality.grounding import scene_stems, share_of_scene
from syphus.quality.novelty import Novelty
from syphus.records import Dialogue, Scene
from syphus.references.text import plain_text

_UNJUDGED = 0.3
"""The share of words in common that stands for an answer too short to be judged by its words; about a common answer's."""


class Candidate(Struct, frozen=True, kw_only=True):
    """A scene, what a model replied, and what the checks say of it."""

    item: str
    scene: Scene
    replies: dict[str, dict[str, Any]]
    """Step -> reply, the good pairs alone."""
    dialogues: tuple[Dialogue, ...]
    rejects: tuple[Reject, ...]
    origin: Origin
    score: float
    """0 to 1: the share of pairs that passed every check, lowered where the answers have little to do with the scene."""
    picked: dict[str, dict[str, Any]] = {}
    """Pick step -> what the reply is about."""

    @property
    def pairs(self) -> int:
        """Good pairs."""
        return sum(len(dialogue.turns) // 2 for dialogue in self.dialogues)

    def demonstration(self, file: str) -> Demonstration:
        """As a demonstration."""
        return Demonstration(
            scene=self.scene, replies=self.replies, picked=self.picked or UNSET, file=file, origin=self.origin
        )


async def make_candidate(item: GenerateItem, ask: Ask, seed: int) -> Candidate | None:
    """The candidate that an item gives; None where nothing of its reply can be used."""
    generation = Generation(item, ask, seed)
    outcome = await generation.make()
    if not outcome.dialogues:
        return None
    steps = {step.name for step in item.prompts.chat_steps}
    picks = {step.name for step in item.prompts.category.file.steps if isinstance(step, PickStep)}
    return Candidate(
        item=item.id,
        scene=item.scene,
        replies={name: dict(output) for name, output in generation.outputs.items() if name in steps},
        picked={name: dict(output) for name, output in generation.outputs.items() if name in picks},
        dialogues=outcome.dialogues,
        rejects=outcome.rejects,
        origin=Origin(category=item.prompts.category.fingerprint, model=generation.model, requests=outcome.requests),
        score=score(outcome, item.scene),
    )


def score(outcome: Outcome, scene: Scene) -> float:
    """How good the checks find an outcome; 0 where nothing passed."""
    refused = len({(reject.code, reject.evidence) for reject in outcome.rejects})
    passed = outcome.pairs
    if not passed:
        return 0.0
    known = scene_stems(scene)
    answers = [plain_text(turn.text) for dialogue in outcome.dialogues for turn in dialogue.turns[1::2]]
    shares = [_UNJUDGED if (share := share_of_scene(answer, known)) is None else share for answer in answers]
    grounded = min(1.0, 2 * sum(shares) / len(shares))
    return passed / (passed + refused) * (0.5 + 0.5 * grounded)


def choose_novel(
    candidates: Iterable[Candidate], known: Sequence[Demonstration], *, number: int, bound: float, seed: int
) -> tuple[list[Candidate], int]:
    """Candidates that resemble neither a demonstration nor one another.

    Self-instruct compares instructions; so questions are compared here, each by itself, and a candidate is passed over where
    most of its questions were asked before. A reply of fields has no questions, and its texts are compared. Candidates are
    looked at in an order drawn by ``seed``, and not by score: the best are often the most alike.

    Args:
        candidates: without a fault; of each at most one is taken.
        known: what is demonstrated already.
        number: at most so many.
        bound: ROUGE-L with what is there, from which on a question is no new one.
        seed: decides the order.

    Returns:
        Those chosen, and how many were passed over because they were too near to another.
    """
    novelty = Novelty(tuple(text for one in known for text in compared_texts(one.replies)))
    order = sorted(candidates, key=lambda one: draw_number(seed, "bootstrap", one.item))
    chosen: list[Candidate] = []
    alike = 0
    for candidate in order:
        if len(chosen) == number:
            break
        texts = compared_texts(candidate.replies)
        near = sum(novelty.nearest(text, least=bound) is not None for text in texts)
        if 2 * near > len(texts):
            alike += 1
            continue
        for text in texts:
            novelty.add(text)
        chosen.append(candidate)
    return chosen, alike


def compared_texts(replies: dict[str, dict[str, Any]]) -> list[str]:
    """The questions of a reply; of one that has none, all its texts."""
    questions: list[str] = []
    others: list[str] = []
    for reply in replies.values():
        for value in reply.values():
            if isinstance(value, list):
                questions += [plain_text(pair["question"]) for pair in value]
            else:
                others.append(plain_text(str(value)))
    return questions or others
