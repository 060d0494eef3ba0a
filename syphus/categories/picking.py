"""One annotation of a scene at a time, as fields for texts: what templates about a question, a thing or a region are filled with.

Published sets without a model (InstructBLIP, MultiInstruct, MiniGPT-v2, KOSMOS-2, GPT4RoI) are just this: an annotation, put
into a sentence that is drawn. Things are put in as references, ``[dog](#o3)``; the export writes the box, or the feature slot.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Literal

from syphus.categories.choices import OptionTable, letter_options
from syphus.categories.lines import hidden_people, in_phrase, one_line
from syphus.identity import draw_order
from syphus.quality.vocabulary import stems_of
from syphus.records import Object, Region, Scene
from syphus.references.people import hide
from syphus.references.text import escape_text, plain_text

Picked = Literal[
    "captions", "questions", "objects", "kinds", "regions", "relations", "absent", "ocr", "segments", "prose",
]  # fmt: skip
"""What may be picked. ``objects``: one thing; ``kinds``: a label with all things that have it."""

FIELDS: dict[Picked, tuple[str, ...]] = {
    "captions": ("text", "grounded"),
    "questions": ("question", "answer", "options", "letter", "rationale"),
    "objects": ("label", "this", "id", "attributes"),
    "kinds": ("label", "all", "ids", "count", "options", "letter"),
    "regions": ("text", "this", "id", "options", "letter"),
    "relations": ("subject", "predicate", "object", "this_subject", "this_object"),
    "absent": ("label",),
    "ocr": ("text",),
    "segments": ("text", "subtitle", "start", "end"),
    "prose": ("text",),
}
"""What is given of each. ``grounded``: the caption with its references, where it has any; ``answer``: the right option, else what
most people answered; ``options``, ``letter``: written as ``[options]`` says, of a kind beside kinds that are absent, of a region
beside those that lie elsewhere; ``this``, ``all``: references to the thing, or to
all of its kind, where they have boxes; ``id``, ``ids``: their ends alone (``#o1,#o4``), for ``[these]({{thing.ids}})``;
``count``: how many; ``start``, ``end``: whole seconds."""

Record = dict[str, str]

_POINTING = frozenset({"grounded", "this", "id", "all", "ids", "this_subject", "this_object"})


class Pick:
    """What a step picks from, and what must be in it.

    Args:
        of: the kind of annotation.
        used: the fields that the category's texts ask for; what lacks one of them is not picked.
        options: how options are written.
        min_score: of objects that a detector found.
        min_side: the shorter side of a box, as a share of the picture's.
        vocabulary: for ``absent`` and ``kinds``: names that are looked for in all that is annotated.
        wrong: how many wrong options stand beside the right one.
    """

    def __init__(
        self,
        of: Picked,
        used: frozenset[str],
        options: OptionTable,
        *,
        min_score: float = 0.0,
        min_side: float = 0.0,
        vocabulary: tuple[str, ...] = (),
        wrong: int = 3,
    ) -> None:
        self.of = of
        self.used = used
        self.options = options
        self.min_score = min_score
        self.min_side = min_side
        self.vocabulary = vocabulary
        self.wrong = wrong
        self.offers = bool(used & {"options", "letter"})

    def records(self, scene: Scene, *, hidden: bool, drawn_by: tuple[Any, ...]) -> list[Record]:
        """All that may be picked, in the scene's order, each once.

        Args:
            scene: boxes in pixel xyxy.
            hidden: people of the scene are called by their looks.
            drawn_by: decides in which order options stand.
        """
        people = hidden_people(scene) if hidden else ()
        found: dict[tuple[str, ...], Record] = {}
        for record in _SOURCES[self.of](scene, self, drawn_by):
            clean = {name: _as_written(hide(text, people) if people else text, name) for name, text in record.items()}
            if all(clean[name] for name in self.used):
                found.setdefault(tuple(clean.values()), clean)
        return list(found.values())

    def offer(self, right: str, others: list[str], drawn_by: tuple[Any, ...]) -> Record:
        """``options`` and ``letter``: the right text among wrong ones, drawn from others; empty where there are too few."""
        if not self.offers:
            return {"options": "", "letter": ""}
        distinct = [text for text in dict.fromkeys(others) if text and text.casefold() != right.casefold()]
        wrong = draw_order(distinct, *drawn_by, right, "wrong")[: self.wrong]
        if len(wrong) < self.wrong:
            return {"options": "", "letter": ""}
        written = letter_options((right, *wrong), 0, self.options, drawn_by=(*drawn_by, right))
        return {"options": written.text, "letter": written.right}

    def has_room(self, thing: Object | Region, scene: Scene) -> bool:
        """Whether a box is not tiny; where the picture's size is not known, nobody can tell, and it counts as tiny."""
        if not self.min_side:
            return True
        asset = scene.asset_of(thing)
        if thing.box is None or asset is None or not asset.width or not asset.height:
            return False
        x1, y1, x2, y2 = thing.box
        return min((x2 - x1) / asset.width, (y2 - y1) / asset.height) >= self.min_side


def _as_written(text: str, name: str) -> str:
    """What annotations say is no reference, whatever it looks like; ours are."""
    return text if name in _POINTING else escape_text(text)


def refer(phrase: str, *ids: str) -> str:
    """A reference with this phrase; empty where there is none, since without one it would be the place of a picture."""
    return f"[{words}]({_ends(*ids)})" if (words := in_phrase(phrase)) else ""


def _ends(*ids: str) -> str:
    return ",".join(f"#{one}" for one in ids)


def _captions(scene: Scene, pick: Pick, drawn_by: tuple[Any, ...]) -> Iterator[Record]:
    del pick, drawn_by
    for caption in scene.captions:
        text = one_line(caption.text)
        plain = one_line(plain_text(caption.text))
        yield {"text": plain, "grounded": text if plain != text else ""}


def _questions(scene: Scene, pick: Pick, drawn_by: tuple[Any, ...]) -> Iterator[Record]:
    for one in scene.questions:
        right = one.options[one.correct] if one.correct is not None else ""
        written = letter_options(
            tuple(map(one_line, one.options)), one.correct, pick.options, drawn_by=(*drawn_by, one.question)
        )
        yield {
            "question": one_line(one.question),
            "answer": one_line(right or next(iter(one.answers), "")),
            "options": written.text,
            "letter": written.right,
            "rationale": one_line(next(iter(one.rationales), "")),
        }


def _things(scene: Scene, pick: Pick) -> Iterator[Object]:
    for thing in scene.objects:
        score = 1.0 if thing.score is None else thing.score
        if not thing.crowd and score >= pick.min_score and pick.has_room(thing, scene):
            yield thing


def _objects(scene: Scene, pick: Pick, drawn_by: tuple[Any, ...]) -> Iterator[Record]:
    del drawn_by
    for thing in _things(scene, pick):
        yield {
            "label": one_line(thing.label),
            "this": refer(thing.label, thing.id) if thing.box else "",
            "id": _ends(thing.id) if thing.box else "",
            "attributes": ", ".join(map(one_line, thing.attributes)),
        }


def _kinds(scene: Scene, pick: Pick, drawn_by: tuple[Any, ...]) -> Iterator[Record]:
    """A kind with a crowd among it has no number, and some of its boxes are not there: it is no kind of this sort."""
    crowds = {one_line(thing.label) for thing in scene.objects if thing.crowd}
    groups: dict[str, list[Object]] = defaultdict(list)
    for thing in _things(scene, pick):
        groups[one_line(thing.label)].append(thing)
    absent = [record["label"] for record in _absent(scene, pick, drawn_by)] if pick.offers else []
    for label, things in groups.items():
        if label not in crowds:
            ids = [thing.id for thing in things] if all(thing.box for thing in things) else []
            yield {
                "label": label,
                "all": refer(label, *ids) if ids else "",
                "ids": _ends(*ids),
                "count": str(len(things)),
                **pick.offer(label, absent, drawn_by),
            }


def _regions(scene: Scene, pick: Pick, drawn_by: tuple[Any, ...]) -> Iterator[Record]:
    for region in scene.regions:
        if pick.has_room(region, scene):
            elsewhere = [other.text for other in scene.regions if _apart(region, other)] if pick.offers else []
            yield {
                "text": one_line(region.text),
                "this": refer(region.text, region.id) if region.box else "",
                "id": _ends(region.id) if region.box else "",
                **pick.offer(one_line(region.text), list(map(one_line, elsewhere)), drawn_by),
            }


def _apart(one: Region, other: Region) -> bool:
    """Whether what is said of the other cannot be true of this one's place: they have no pixel in common."""
    if one.box is None or other.box is None or one.asset != other.asset:
        return False
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = one.box, other.box
    return ax2 <= bx1 or bx2 <= ax1 or ay2 <= by1 or by2 <= ay1


def _relations(scene: Scene, pick: Pick, drawn_by: tuple[Any, ...]) -> Iterator[Record]:
    del pick, drawn_by
    named = {thing.id: (thing.label, thing.box) for thing in scene.objects}
    named |= {region.id: (region.text, region.box) for region in scene.regions}
    for one in scene.relations:
        (subject, subject_box), (thing, thing_box) = named[one.subject], named[one.object]
        yield {
            "subject": one_line(subject),
            "predicate": one_line(one.predicate),
            "object": one_line(thing),
            "this_subject": refer(subject, one.subject) if subject_box else "",
            "this_object": refer(thing, one.object) if thing_box else "",
        }


def _absent(scene: Scene, pick: Pick, drawn_by: tuple[Any, ...]) -> Iterator[Record]:
    """What was looked for and not found; of a vocabulary, what nothing in the scene speaks of."""
    del drawn_by
    yield from ({"label": one_line(label)} for label in scene.absent)
    if not pick.vocabulary:
        return
    texts = [
        *(caption.text for caption in scene.captions),
        *(thing.label for thing in scene.objects),
        *(region.text for region in scene.regions),
        *(relation.predicate for relation in scene.relations),
        *(text for one in scene.questions for text in (one.question, *one.answers, *one.rationales)),
        *scene.prose,
    ]
    said = stems_of(" ".join(texts))
    yield from ({"label": name} for name in pick.vocabulary if not stems_of(name) <= said)


def _ocr(scene: Scene, pick: Pick, drawn_by: tuple[Any, ...]) -> Iterator[Record]:
    del drawn_by
    for line in scene.ocr:
        if (1.0 if line.score is None else line.score) >= pick.min_score:
            yield {"text": one_line(line.text)}


def _segments(scene: Scene, pick: Pick, drawn_by: tuple[Any, ...]) -> Iterator[Record]:
    del pick, drawn_by
    for segment in sorted(scene.segments, key=lambda one: (one.start, one.end)):
        yield {
            "text": one_line(segment.text),
            "subtitle": one_line(segment.columns.get("subtitle", "")),
            "start": str(int(segment.start)),
            "end": str(int(segment.end)),
        }


def _prose(scene: Scene, pick: Pick, drawn_by: tuple[Any, ...]) -> Iterator[Record]:
    del pick, drawn_by
    yield from ({"text": one_line(text)} for text in scene.prose)


_SOURCES: dict[Picked, Callable[[Scene, Pick, tuple[Any, ...]], Iterator[Record]]] = {
    "captions": _captions,
    "questions": _questions,
    "objects": _objects,
    "kinds": _kinds,
    "regions": _regions,
    "relations": _relations,
    "absent": _absent,
    "ocr": _ocr,
    "segments": _segments,
    "prose": _prose,
}
