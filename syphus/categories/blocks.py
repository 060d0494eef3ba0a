"""What a category says of the text that a scene becomes: ``[context]`` of ``category.toml``, block by block."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Need = Literal[
    "captions", "objects", "boxes", "attributes", "keypoints", "regions", "relations", "segments", "speech", "ocr",
    "questions", "options", "absent", "prose", "single", "picture", "pair", "several", "video", "scan",
]  # fmt: skip
"""What a scene must have. ``segments``: of which something is told; ``questions``: with an answer; ``speech``: a segment with a subtitle; ``options``: a multiple choice whose right option is known;
``single``: at most one asset, and that a picture; ``picture``: exactly one, a picture; ``pair``: exactly two assets; ``several``: two or more; ``video``: one asset, a video
or its frames; ``scan``: one asset, the scan of a room."""
Block = Literal[
    "assets", "captions", "objects", "attributes", "keypoints", "regions", "relations", "absent", "segments", "ocr",
    "questions", "prose",
]  # fmt: skip


StepName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$")]
"""What a step, a field of a reply or a key is called."""


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of ``category.toml``."""


class AssetBlock(Table, frozen=True, kw_only=True):
    """How the assets themselves are listed: their titles in their order, and how long a video lasts."""

    heading: str = ""
    max: int = 40
    ids: bool | UnsetType = UNSET
    """True: ids stand before the titles, here and above what is said of each, so that a reply can say where each stands."""


class CaptionBlock(Table, frozen=True, kw_only=True):
    """How captions are written."""

    heading: str = ""
    style: Literal["lines", "numbered"] = "lines"
    max: int = 5
    """Of each asset."""


class ObjectBlock(Table, frozen=True, kw_only=True):
    """How objects are written."""

    heading: str = ""
    boxes: str = "unit"
    """A box convention (``syphus.references.boxes.CONVENTIONS``), or ``none``."""
    sort: Literal["area", "left", "file"] = "area"
    merge: int = 6
    """More than so many equal ones become one line with their number and the box around all."""
    max: int = 40
    """Of each asset."""
    min_score: float = 0.0
    ids: bool = False
    """Ids stand before the labels, so that a reply can refer to them; nothing is merged then."""
    attributes: bool = False
    """Attributes stand in brackets behind the label."""


class AttributeBlock(Table, frozen=True, kw_only=True):
    """How attributes are written, one object a line, without boxes."""

    heading: str = ""
    max: int = 30


class KeypointBlock(Table, frozen=True, kw_only=True):
    """How the visible body parts are written."""

    heading: str = ""
    boxes: str = "none"
    """A convention whose frame and scale the points take, or ``none`` for their names alone."""
    max: int = 6
    """Persons."""


class RegionBlock(Table, frozen=True, kw_only=True):
    """How phrases about parts of the picture are written."""

    heading: str = ""
    boxes: str = "unit"
    """A box convention, or ``none``."""
    sort: Literal["area", "left", "file"] = "area"
    max: int = 30
    ids: bool = False


class RelationBlock(Table, frozen=True, kw_only=True):
    """How ``subject predicate object`` is written: by the labels, or with ids where the objects' block shows them."""

    heading: str = ""
    max: int = 40


class AbsentBlock(Table, frozen=True, kw_only=True):
    """How what is known not to be there is written: a name a line."""

    heading: str = ""
    max: int = 12


class SegmentBlock(Table, frozen=True, kw_only=True):
    """How events, speech and narrations are written: one line each, in the order of time, with its own time."""

    heading: str = ""
    times: Literal["clock", "seconds", "none"] = "clock"
    """``0:05 to 0:12``, ``5 s to 12 s``, or no time and the order alone."""
    columns: tuple[str, ...] | None = None
    """Which columns are shown (``subtitle``, ``objects``, …); None: all. Who speaks stands with what is said."""
    max: int = 60
    """Of each asset. Of more, those are left out that leave the rest spread evenly over time."""


class OcrBlock(Table, frozen=True, kw_only=True):
    """How text in the picture is written, in quotation marks."""

    heading: str = ""
    boxes: str = "none"
    """A box convention, or ``none``."""
    min_score: float = 0.0
    max: int = 40


class QuestionBlock(Table, frozen=True, kw_only=True):
    """How questions that come with the annotations are written."""

    heading: str = ""
    rationales: bool = True
    """Why, where people wrote it down."""
    max: int = 8


class ProseBlock(Table, frozen=True, kw_only=True):
    """How free text is written."""

    heading: str = ""
    max: int = 10


class Context(Table, frozen=True, kw_only=True):
    """What of a scene becomes text, in which order, and what goes first when there is too much."""

    blocks: tuple[Block, ...] = ("captions",)
    max_tokens: int = 1500
    cut: tuple[Block, ...] = (
        "keypoints", "attributes", "absent", "ocr", "regions", "relations", "objects", "questions", "prose", "segments",
        "captions",
    )  # fmt: skip
    """The least useful block first; within a block the least useful line goes first, and the first line last."""
    names: Literal["hidden", "shown"] = "hidden"
    """``hidden``: whoever stands in the scene's ``people`` is called by their looks, or "person A"."""
    assets: AssetBlock = AssetBlock()
    captions: CaptionBlock = CaptionBlock()
    objects: ObjectBlock = ObjectBlock()
    attributes: AttributeBlock = AttributeBlock()
    keypoints: KeypointBlock = KeypointBlock()
    regions: RegionBlock = RegionBlock()
    relations: RelationBlock = RelationBlock()
    absent: AbsentBlock = AbsentBlock()
    segments: SegmentBlock = SegmentBlock()
    ocr: OcrBlock = OcrBlock()
    questions: QuestionBlock = QuestionBlock()
    prose: ProseBlock = ProseBlock()
