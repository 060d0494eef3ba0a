"""What is known of a scene, in the form in which claims are held against it.

Most of it is made only when a text asks for it, and kept for the other texts of the dialogue.
"""

from functools import cached_property

from syphus.quality.grounded.colouring import known_colours
from syphus.quality.grounded.counting import Counted, count_things
from syphus.quality.grounded.lexicon import (
    COCO_THINGS,
    KINDS,
    MEMBERS,
    PHRASE_STARTS,
    PHRASES,
    PHRASES_BY_START,
    SUPPORTING,
    SUPPORTS,
    things_of_label,
)
from syphus.quality.grounded.reading import Sentence, read_sentences
from syphus.quality.grounding import scene_texts
from syphus.quality.vocabulary import split_words, stems_of, word_stems
from syphus.records import Object, Scene, Segment
from syphus.references.text import plain_text

_DENSE = 3
"""Captions, or objects, from which on a scene is described well enough that what nothing speaks of was made up."""


class Facts:
    """The facts of one scene."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._read: dict[str, list[Sentence]] = {}
        self.text = " ".join(scene_texts(scene))
        """Everything in words that is annotated, but what was found to be absent."""

    @cached_property
    def lower(self) -> str:
        """The text in lower case, with single spaces and without hyphens."""
        return " ".join(self.text.lower().replace("-", " ").split())

    @cached_property
    def words(self) -> frozenset[str]:
        """Its words."""
        return frozenset(split_words(self.text))

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of its content words, and of what was found to be absent: both may be spoken of."""
        stems = word_stems(self.words)
        return stems | stems_of(" ".join(self.scene.absent)) if self.scene.absent else stems

    @cached_property
    def supported(self) -> frozenset[str]:
        """The things, and kinds of things, that something annotated lets one speak of."""
        words = self.words
        found = set().union(*[SUPPORTS[word] for word in words & SUPPORTING])
        for start in words & PHRASE_STARTS:
            for phrase in PHRASES_BY_START[start]:
                if phrase in self.lower:
                    found |= PHRASES[phrase]
        for thing in self.boxed:
            found.add(thing)
            if thing in KINDS:
                found.add(KINDS[thing])
        # "Animals" in a caption are the annotated zebras; only where no animal is known may they be any.
        for kind in MEMBERS.keys() & found:
            if MEMBERS[kind].isdisjoint(found):
                found |= MEMBERS[kind]
        return frozenset(found)

    @cached_property
    def boxed(self) -> dict[str, list[Object]]:
        """Thing -> the annotated objects that are one, or may be one."""
        found: dict[str, list[Object]] = {}
        for one in self.scene.objects:
            for thing in label_things(one.label):
                found.setdefault(thing, []).append(one)
        return found

    @cached_property
    def absent(self) -> frozenset[str]:
        """Things that were looked for and not found."""
        return frozenset().union(*[things_of_label(label) for label in self.scene.absent])

    @cached_property
    def is_coco(self) -> bool:
        """The labels are COCO's alone, so that the 80 classes were looked for throughout."""
        labels = {one.label.lower() for one in self.scene.objects}
        return bool(labels) and labels <= COCO_THINGS

    @cached_property
    def is_dense(self) -> bool:
        """Described well enough that what nothing speaks of was made up."""
        scene = self.scene
        return len(scene.captions) >= _DENSE or len(scene.objects) >= _DENSE or len(scene.regions) >= _DENSE

    @cached_property
    def sentences(self) -> list[Sentence]:
        """Those of captions, regions and prose."""
        scene = self.scene
        texts = (*(plain_text(one.text) for one in scene.captions), *(one.text for one in scene.regions), *scene.prose)
        texts = (*texts, *(one.text for one in scene.segments if one.text))
        return [sentence for text in texts for sentence in read_sentences(text)]

    @cached_property
    def moments(self) -> list[tuple[Segment, frozenset[str]]]:
        """The segments that say what happens, with the stems of their words."""
        return [(one, stems_of(one.text)) for one in self.scene.segments if one.text]

    @cached_property
    def counted(self) -> Counted:
        """What the sentences say of numbers."""
        return count_things(self.sentences)

    @cached_property
    def colours(self) -> dict[str, set[str]]:
        """What the sentences, and attributes, say of colours."""
        return known_colours(self.sentences, self.scene.objects)

    def objects_of(self, things: frozenset[str]) -> list[Object]:
        """The annotated objects that are one of these things, or of one of these kinds; each once, in their order."""
        wide = things if MEMBERS.keys().isdisjoint(things) else widen(things)
        named = [self.boxed[thing] for thing in wide if thing in self.boxed]
        if len(named) < 2:
            return named[0] if named else []
        ids = {one.id for objects in named for one in objects}
        return [one for one in self.scene.objects if one.id in ids]

    def read(self, text: str) -> list[Sentence]:
        """The sentences of a question or answer; several checks ask for them."""
        found = self._read.get(text)
        if found is None:
            found = self._read[text] = read_sentences(text)
        return found

    def supports(self, things: frozenset[str]) -> bool:
        """True where one of these things may be spoken of."""
        return not things.isdisjoint(self.supported)


def widen(things: frozenset[str]) -> frozenset[str]:
    """These things, and those of the kinds among them."""
    return things.union(*[MEMBERS[thing] for thing in things if thing in MEMBERS])


_labels: dict[str, frozenset[str]] = {}


def label_things(label: str) -> frozenset[str]:
    """As :func:`things_of_label`, remembered: a source has the same few labels again and again."""
    found = _labels.get(label)
    if found is None:
        found = things_of_label(label)
        if len(_labels) < 10_000:
            _labels[label] = found
    return found
