"""Whether an answer is about the scene at all, by the words that the two share.

This is the coarse end of grounding: it finds what belongs to another picture, not a wrong colour or count. Measured on
LLaVA's published GPT-4 answers with the captions and boxes of their own COCO pictures, and with those of a picture drawn at
random (``benchmarks/grounding.py`` repeats it): of the 105 answers that are long enough to be judged, none is refused for its
own picture, and 93 are for the other one.
"""

from syphus.quality.vocabulary import stems_of
from syphus.records import Question, Scene
from syphus.references.text import plain_text

LEAST_SHARE = 0.08
"""Of an answer's content words, so many at least stand in the scene's annotations too."""
FEWEST_WORDS = 8
"""Different content words, below which an answer says too little to be judged by its words ("Yes, it is red.")."""

FEWEST_OF_DIALOGUE = 5
"""As ``FEWEST_WORDS``, for a whole dialogue that shares no word at all."""


def scene_texts(scene: Scene) -> tuple[str, ...]:
    """Everything in words that is annotated of a scene; not what was looked for and not found."""
    texts = [plain_text(caption.text) if "](#" in caption.text else caption.text for caption in scene.captions]
    for thing in scene.objects:
        texts.append(thing.label)
        texts += thing.attributes
    texts += [region.text for region in scene.regions]
    texts += [relation.predicate for relation in scene.relations]
    texts += [text for segment in scene.segments for text in (segment.text, *segment.columns.values())]
    texts += [line.text for line in scene.ocr]
    texts += [text for question in scene.questions for text in (question.question, *question.answers)]
    texts += [text for question in scene.questions for text in (*_right_options(question), *question.rationales)]
    texts += [person.looks for person in scene.people]
    texts += [asset.title for asset in scene.assets if asset.title]
    return (*texts, *scene.prose)


def _right_options(question: Question) -> tuple[str, ...]:
    """The right one, or all where that is not known: what a wrong option names need not be there."""
    return question.options if question.correct is None else (question.options[question.correct],)


def scene_stems(scene: Scene) -> frozenset[str]:
    """The stems of everything in words that is annotated of a scene; made once for all pairs of a dialogue."""
    return stems_of(" ".join((*scene_texts(scene), *scene.absent)))


def share_of_scene(answer: str, known: frozenset[str]) -> float | None:
    """Which share of an answer's content words is among the scene's stems; None where that says nothing.

    It says nothing of short answers, of scenes with hardly a word, and of texts that are not English.
    """
    return share_of_stems(stems_of(answer), known)


def share_of_stems(said: frozenset[str], known: frozenset[str]) -> float | None:
    """As :func:`share_of_scene`, of an answer's stems."""
    if len(said) < FEWEST_WORDS or len(known) < FEWEST_WORDS // 2:
        return None
    return len(said & known) / len(said)


def shares_nothing(text: str, known: frozenset[str]) -> bool:
    """True where a dialogue says something, and not one content word of it is among the scene's stems.

    Of a dialogue as a whole, and not of a pair: "What are they doing?" and its answer live on what was said before.
    """
    said = stems_of(text)
    return len(said) >= FEWEST_OF_DIALOGUE and len(known) >= FEWEST_WORDS // 2 and not said & known
