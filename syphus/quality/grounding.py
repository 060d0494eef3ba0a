"""Whether an answer is about the scene at all, by the words that the two share.

This is the coarse end of grounding: it finds what belongs to another picture, not a wrong colour or count. Measured on
LLaVA's published GPT-4 answers with the captions and boxes of their own COCO pictures, and with those of a picture drawn at
random (``benchmarks/grounding.py`` repeats it): of the 105 answers that are long enough to be judged, none is refused for its
own picture, and 93 are for the other one.
"""

import re

from syphus.records import Scene

LEAST_SHARE = 0.08
"""Of an answer's content words, so many at least stand in the scene's annotations too."""
FEWEST_WORDS = 8
"""Different content words, below which an answer says too little to be judged by its words ("Yes, it is red.")."""

FEWEST_OF_DIALOGUE = 5
"""As ``FEWEST_WORDS``, for a whole dialogue that shares no word at all."""

_STEM = 5
"""Letters that are compared: ``donut`` and ``donuts``, ``skate`` and ``skateboarding``."""
_WORD = re.compile(r"[a-z]{3,}")
_EMPTY = frozenset(
    """
    about above along also and another any appear appears are back because been behind being beside between both but
    can closer could did does down each far for from front had has have her here him his how image into its just left
    like likely look looks made many may might more most near next not off one only onto other our out over photo
    picture right scene seen several she should show shown shows side some stand standing stands such than that the
    their them then there these they this those through top toward towards two under until very visible was well were
    what when where which while who whole why will with would you your
    """.split()
)


def content_stems(text: str) -> frozenset[str]:
    """The beginnings of a text's content words (English), each once."""
    return frozenset(word[:_STEM].rstrip("s") for word in _WORD.findall(text.lower()) if word not in _EMPTY)


def scene_texts(scene: Scene) -> tuple[str, ...]:
    """Everything in words that is annotated of a scene."""
    things = [text for thing in scene.objects for text in (thing.label, *thing.attributes)]
    return (
        *(caption.text for caption in scene.captions),
        *things,
        *(region.text for region in scene.regions),
        *(relation.predicate for relation in scene.relations),
        *(text for segment in scene.segments for text in (segment.text, *segment.columns.values())),
        *(line.text for line in scene.ocr),
        *(text for question in scene.questions for text in (question.question, *question.answers)),
        *scene.prose,
    )


def scene_stems(scene: Scene) -> frozenset[str]:
    """The stems of everything in words that is annotated of a scene; made once for all pairs of a dialogue."""
    return content_stems(" ".join(scene_texts(scene)))


def share_of_scene(answer: str, known: frozenset[str]) -> float | None:
    """Which share of an answer's content words is among the scene's stems; None where that says nothing.

    It says nothing of short answers, of scenes with hardly a word, and of texts that are not English.
    """
    said = content_stems(answer)
    if len(said) < FEWEST_WORDS or len(known) < FEWEST_WORDS // 2:
        return None
    return len(said & known) / len(said)


def shares_nothing(text: str, known: frozenset[str]) -> bool:
    """True where a dialogue says something, and not one content word of it is among the scene's stems.

    Of a dialogue as a whole, and not of a pair: "What are they doing?" and its answer live on what was said before.
    """
    said = content_stems(text)
    return len(said) >= FEWEST_OF_DIALOGUE and len(known) >= FEWEST_WORDS // 2 and not said & known
