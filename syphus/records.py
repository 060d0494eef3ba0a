"""The values that everything speaks: what is known of a scene, and the dialogue made from it.

All are frozen. Boxes are stored in ONE way: pixel ``(x1, y1, x2, y2)`` floats in the original frame of the asset, origin at
the top left, x to the right, y down, ``x1 < x2`` and ``y1 < y2``. Every other convention is a rendering
(:mod:`syphus.references.boxes`).

Stored text *refers*: ``[the red bus](#o3)`` points at the object ``o3``, ``[two dogs](#o1,#o2)`` at two of them
(:mod:`syphus.references.text`). Coordinates, image tokens and chat formats are chosen at export.

The published form is ``scene.schema.json``, made from these classes by ``syphus check --write-schema``.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Box = Annotated[tuple[float, float, float, float], Meta(description="pixel x1, y1, x2, y2 in the original frame")]
Name = Annotated[
    str,
    Meta(
        min_length=1,
        # The look-ahead forbids white space; with `$` alone, Python would let a line end pass at the end.
        pattern=r"^(?![\s\S]*\s)[^\[\]()#,\u0000-\u001f\u007f]+$",
        description="no spaces, brackets, commas, # or control characters",
    ),
]
Text = Annotated[str, Meta(min_length=1)]
Ability = Literal["perception", "reasoning", "planning"]

BOX_SLACK = 1.0
"""Pixels that a box may stick out of the frame: annotation tools round. More is an error."""

TIME_SLACK = 1.0
"""Seconds that a segment may end after its asset: durations are rounded. More is an error."""


class _Record(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What all records share: frozen, defaults left out of the JSON, unknown fields refused."""


class Asset(_Record, frozen=True, kw_only=True):
    """A picture, a video, some frames or a point cloud."""

    id: Name = "image"
    kind: Literal["image", "video", "frames", "point_cloud"] = "image"
    path: Annotated[str, Meta(description="relative to the source's picture folder, with forward slashes")] | None = (
        None
    )
    url: str | None = None
    width: Annotated[int, Meta(gt=0, description="pixels")] | None = None
    height: Annotated[int, Meta(gt=0, description="pixels")] | None = None
    start: Annotated[float, Meta(ge=0, description="seconds into the file at which the clip begins")] | None = None
    duration: Annotated[float, Meta(gt=0, description="seconds that the video, or the clip of it, lasts")] | None = None
    license: str | None = None
    title: str | None = None
    """What a reply may call it where there are several: "the first picture"."""

    def __post_init__(self) -> None:
        if self.path is not None and (self.path.startswith(("/", "\\")) or self.path[1:2] == ":"):
            raise ValueError(f"asset {self.id}: path {self.path!r} must be relative to the picture folder")


def _check_box(box: Box | None, owner: str) -> None:
    if box is not None and not (box[0] < box[2] and box[1] < box[3]):
        raise ValueError(f"{owner}: box {list(box)} is not x1 < x2, y1 < y2 (pixel corners)")


class Caption(_Record, frozen=True, kw_only=True):
    """A sentence that somebody wrote about the whole asset. It may refer: ``[two men](#o1,#o2) at a table``."""

    text: Text
    asset: Name | None = None


class Keypoint(_Record, frozen=True, kw_only=True):
    """A named body part, in pixels of the original frame."""

    name: Text
    x: float
    y: float
    visible: bool = True
    """False: it is there, but something hides it. A part that was not annotated is left out altogether."""


class Object(_Record, frozen=True, kw_only=True):
    """A thing in the picture."""

    id: Name
    label: Text
    box: Box | None = None
    asset: Name | None = None
    attributes: tuple[Text, ...] = ()
    keypoints: tuple[Keypoint, ...] = ()
    score: Annotated[float, Meta(ge=0, le=1)] | None = None
    """A detector's confidence; None means that a person drew it."""
    crowd: bool = False
    """The box holds many of them, uncounted (COCO ``iscrowd``)."""
    source_id: str | None = None
    """Its id in the annotation file it came from."""

    def __post_init__(self) -> None:
        _check_box(self.box, f"object {self.id}")


class Region(_Record, frozen=True, kw_only=True):
    """A phrase or sentence about a part of the picture."""

    id: Name
    text: Text
    box: Box | None = None
    asset: Name | None = None

    def __post_init__(self) -> None:
        _check_box(self.box, f"region {self.id}")


class Relation(_Record, frozen=True, kw_only=True):
    """``subject predicate object``; subject and object are object ids."""

    subject: Name
    predicate: Text
    object: Name


class Segment(_Record, frozen=True, kw_only=True):
    """What happens, or is said, between two times.

    They are seconds from the start of what the asset shows: of the clip, where the asset is one.
    """

    start: Annotated[float, Meta(ge=0)]
    end: Annotated[float, Meta(ge=0)]
    """Equal to ``start`` for a single moment."""
    text: str = ""
    """What happens."""
    columns: dict[str, str] = {}
    """What else is known of that time. ``subtitle``: what is said; ``speaker``: who says it, a name of ``people`` where that
    is known; ``objects``: what is there, with commas; others are shown under their own name."""
    asset: Name | None = None

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"segment ends at {self.end} s, before it starts at {self.start} s")


class OcrLine(_Record, frozen=True, kw_only=True):
    """Text that an engine, or a person, read in the picture."""

    text: Text
    box: Box | None = None
    engine: str | None = None
    score: Annotated[float, Meta(ge=0, le=1)] | None = None
    """An engine's confidence; None means that a person read it, or that none is given."""
    asset: Name | None = None

    def __post_init__(self) -> None:
        _check_box(self.box, f"text line {self.text[:40]!r}")


class Question(_Record, frozen=True, kw_only=True):
    """A question that comes with the annotations, with its answers."""

    question: Text
    answers: tuple[str, ...] = ()
    """Each once, that which most people gave first."""
    votes: tuple[int, ...] = ()
    """How many people gave each answer; empty where that is not known."""
    options: tuple[str, ...] = ()
    """Of a multiple choice, in the file's order."""
    correct: Annotated[int, Meta(ge=0)] | None = None
    """Which of the options is right, counted from 0."""
    rationales: tuple[str, ...] = ()
    """Why, as people put it."""
    asset: Name | None = None
    source_id: str | None = None
    """Its id in the annotation file it came from."""

    def __post_init__(self) -> None:
        if self.correct is not None and self.correct >= len(self.options):
            raise ValueError(f"question {self.question[:40]!r}: there is no option number {self.correct} (from 0)")
        if self.votes and len(self.votes) != len(self.answers):
            raise ValueError(
                f"question {self.question[:40]!r}: {len(self.votes)} votes for {len(self.answers)} answers"
            )


class Person(_Record, frozen=True, kw_only=True):
    """Somebody whose name the annotations give, and the picture does not."""

    name: Text
    aliases: tuple[Text, ...] = ()
    looks: str = ""
    """How somebody who sees them and does not know them would call them: ``the woman in the red coat``."""


class Scene(_Record, frozen=True, kw_only=True):
    """One thing to talk about: its assets, and all that is annotated of them.

    Raises ``ValueError`` (a ``msgspec.ValidationError`` while decoding) for ids that repeat or lead nowhere, and for a box
    that leaves the frame by more than ``BOX_SLACK`` pixels.
    """

    id: Name
    source: str = ""
    assets: tuple[Asset, ...] = ()
    captions: tuple[Caption, ...] = ()
    objects: tuple[Object, ...] = ()
    regions: tuple[Region, ...] = ()
    relations: tuple[Relation, ...] = ()
    absent: tuple[Text, ...] = ()
    """Labels that somebody looked for and did not find: LVIS ``neg_category_ids``, Open Images' verified absent labels."""
    segments: tuple[Segment, ...] = ()
    ocr: tuple[OcrLine, ...] = ()
    questions: tuple[Question, ...] = ()
    people: tuple[Person, ...] = ()
    """Those whose names a category may hide."""
    prose: tuple[Text, ...] = ()
    """What is known of the scene as a whole, or of several assets together."""
    tools: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}

    def __post_init__(self) -> None:
        assets = {asset.id: asset for asset in self.assets}
        named = {thing.id for things in (self.objects, self.regions) for thing in things}
        if len(assets.keys() | named) < len(self.assets) + len(self.objects) + len(self.regions):
            identity = self._find_repeated()
            raise ValueError(
                f"scene {self.id}: the id {identity!r} is given twice; objects, regions and assets share one set of ids"
            )
        placed: tuple[Caption | Object | Region | Segment | OcrLine | Question, ...]
        placed = (*self.captions, *self.objects, *self.regions, *self.segments, *self.ocr, *self.questions)
        for thing in placed:
            if thing.asset is not None and thing.asset not in assets:
                raise ValueError(f"scene {self.id}: there is no asset {thing.asset!r}")
        for relation in self.relations:
            for end in (relation.subject, relation.object):
                if end not in named:
                    raise ValueError(f"scene {self.id}: a relation names {end!r}, which is no object here")
        framed: tuple[Object | Region | OcrLine, ...] = (*self.objects, *self.regions, *self.ocr)
        for boxed in framed:
            self._check_frame(boxed, assets)
        for segment in self.segments:
            asset = self.asset_of(segment)
            if asset and asset.duration is not None and segment.end > asset.duration + TIME_SLACK:
                raise ValueError(
                    f"scene {self.id}: a segment ends at {segment.end} s, after its asset, which lasts {asset.duration} s"
                )

    def _find_repeated(self) -> str:
        ids = [thing.id for things in (self.assets, self.objects, self.regions) for thing in things]
        return next(identity for index, identity in enumerate(ids) if identity in ids[:index])

    def _check_frame(self, boxed: Object | Region | OcrLine, assets: dict[str, Asset]) -> None:
        asset = assets.get(boxed.asset) if boxed.asset else (self.assets[0] if self.assets else None)
        if boxed.box is None or asset is None or asset.width is None or asset.height is None:
            return
        x1, y1, x2, y2 = boxed.box
        inside = x1 >= -BOX_SLACK and y1 >= -BOX_SLACK
        if not (inside and x2 <= asset.width + BOX_SLACK and y2 <= asset.height + BOX_SLACK):
            name = getattr(boxed, "id", "") or getattr(boxed, "text", "")
            raise ValueError(
                f"scene {self.id}: box {list(boxed.box)} of {name!r} leaves the frame of {asset.width} x {asset.height}"
            )

    def asset_of(self, thing: Object | Region | OcrLine | Segment | Caption | Question) -> Asset | None:
        """The asset that ``thing`` belongs to: the one it names, else the first; None where there is no asset."""
        for asset in self.assets:
            if thing.asset in (None, asset.id):
                return asset
        return None


class Turn(_Record, frozen=True, kw_only=True):
    """What one side says, with references, without image tokens."""

    role: Literal["user", "assistant"]
    text: Text


class Verdict(_Record, frozen=True, kw_only=True):
    """What a check found."""

    check: str
    code: str
    message: str
    evidence: str = ""
    turn: int | None = None
    """Index of the pair it is about (0 is the first question and its answer); None: the whole."""


class Provenance(_Record, frozen=True, kw_only=True):
    """Where a dialogue comes from, enough to make it again."""

    category: str = ""
    """Fingerprint of the category's folder and the shared prompts it uses."""
    requests: tuple[str, ...] = ()
    """Keys of the ledger's requests, in the order they were needed; empty when no model was asked."""
    model: str = ""
    """The model that answered, as it names itself."""
    seed: int = 0
    sample: int = 0


class Dialogue(_Record, frozen=True, kw_only=True):
    """One produced sample: turns that begin with the user, alternate, and end with the assistant."""

    id: Text
    scene: Text
    source: str = ""
    category: str = ""
    ability: Ability = "perception"
    language: str = "en"
    system: str = ""
    """A system message that a dataset brings with it; ours have none."""
    turns: tuple[Turn, ...]
    assets: tuple[Asset, ...] = ()
    objects: tuple[Object, ...] = ()
    """Those that the turns refer to, so that coordinates can be rendered without the scene. A region that is referred to
    stands here as an object whose label is the region's text."""
    related: tuple[str, ...] = ()
    """Ids of dialogues that belong to it."""
    metadata: dict[str, Any] = {}
    """What else a dataset's row says of it, kept for the way back."""
    provenance: Provenance = Provenance()
    verdicts: tuple[Verdict, ...] = ()

    def __post_init__(self) -> None:
        roles = [turn.role for turn in self.turns]
        if not roles or len(roles) % 2 or roles != ["user", "assistant"] * (len(roles) // 2):
            raise ValueError(f"dialogue {self.id}: turns must alternate user, assistant and end with the assistant")
