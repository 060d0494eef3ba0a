"""What the ``[[sources]]`` table of the reader ``mapped`` says.

Every text that names a place is a key of the record, or an expression (:mod:`syphus.annotations.mapped.paths`). Within a table with
``each``, the other places are looked for in each of the parts, or, with ``^`` in front, in the record itself.
"""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

Form = Literal["xyxy", "xywh", "cxcywh", "yxyx", "points"]
"""Corners; corner and size; middle and size; corners with y first; any number of x and y, of which the box goes round all."""


class _Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    each: str | None = None
    """The list of parts, as ``objects[]``; None: the record is the only one. Of an object its values, with their keys as ``id``."""
    parallel: bool = False
    """``each`` finds an object of lists that go together, as ``{time: timestamps, text: sentences}``; the parts are its rows."""
    asset: str | None = None
    """Of several pictures, the one that the part is about: its path, or its number from 0."""


class _Boxed(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    box: str | None = None
    """Its numbers, as ``bbox`` or ``[x, y, w, h]``."""
    form: Form | None = None
    """What the numbers of boxes are. Never guessed: a box that is read wrongly is an annotation that lies."""
    scale: Annotated[float, Meta(ge=0)] = 0
    """What the width and the height of the picture count as: 1, 100 or 1000; 0 for pixels."""

    def __post_init__(self) -> None:
        if self.box is not None and self.form is None:
            raise ValueError('form: say what the numbers of `box` are: "xyxy", "xywh", "cxcywh", "yxyx" or "points"')


class ObjectTable(_Boxed, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[sources.scene.objects]``."""

    label: str
    names: dict[str, str] = {}
    """What labels mean that are numbers or codes."""
    id: str | None = None
    attributes: str | None = None
    score: str | None = None
    """A detector's confidence, 0 to 1."""
    crowd: str | None = None
    """Where it is true, or not 0, the box holds many."""


class RegionTable(_Boxed, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[sources.scene.regions]``."""

    text: str


class OcrTable(_Boxed, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[sources.scene.ocr]``."""

    text: str
    score: str | None = None


class RelationTable(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[sources.scene.relations]``: subject and object are ids of objects, as ``objects.id`` finds them."""

    subject: str
    predicate: str
    object: str


class SegmentTable(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[sources.scene.segments]``."""

    start: str
    end: str | None = None
    """None: single moments."""
    text: str | None = None
    columns: dict[str, str] = {}
    """What else is known of that time: ``subtitle``, ``speaker``, ``objects``, or any other name."""
    times: Literal["seconds", "milliseconds", "frames"] = "seconds"
    """What times are that are numbers; ``1:02:03.5`` is always a clock's."""
    fps: Annotated[float, Meta(gt=0)] | None = None
    """Frames a second; needed for ``frames``."""

    def __post_init__(self) -> None:
        if self.times == "frames" and self.fps is None:
            raise ValueError("fps: times in frames need the number of frames a second")


class QuestionTable(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[sources.scene.questions]``."""

    question: str
    answers: str | None = None
    """A text, or a list of what several people said."""
    options: str | None = None
    correct: str | None = None
    """The right option: its number, its letter, or its text."""
    first: Annotated[int, Meta(ge=0, le=1)] | None = None
    """What number the first option has. Where it is said, ``"2"`` is a number also among options one of which is ``"2"``; None: 0,
    and a number of JSON is the option's number unless options are such numbers themselves, one in a text the option's text."""
    rationales: str | None = None
    id: str | None = None


class SceneTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[sources.scene]``: what of a record is what of a scene."""

    id: str | None = None
    """None: the picture's name, else the file's and the record's number."""
    image: str | None = None
    """Path or address of the picture, or a list of several."""
    video: str | None = None
    width: str | None = None
    height: str | None = None
    """Pixels. Without them, where boxes are parts of the picture, the file in ``images`` is looked at."""
    duration: str | None = None
    """Seconds of the video."""
    captions: str | list[str] = []
    prose: str | list[str] = []
    """What is known of it beside what it shows."""
    absent: str | list[str] = []
    """Labels of what is not there."""
    metadata: list[str] = []
    objects: ObjectTable | None = None
    regions: RegionTable | None = None
    relations: RelationTable | None = None
    ocr: OcrTable | None = None
    segments: SegmentTable | None = None
    questions: QuestionTable | None = None

    def __post_init__(self) -> None:
        if self.image is not None and self.video is not None:
            raise ValueError("video: a record has an image or a video, not both")
        if self.relations is not None and (self.objects is None or self.objects.id is None):
            raise ValueError("relations: they name objects by their ids, so `objects.id` is needed")


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which file, where its records are, and what they mean."""

    path: Path
    """JSON, JSON Lines, CSV or TSV, also compressed; or a pattern of such files, as ``labels/*.json``."""
    scene: SceneTable
    images: Path | None = None
    """The folder of the pictures or videos. Absolute paths in the file must lie inside it."""
    records: str | None = None
    """Where the records are in a JSON document, as ``data.items``. None: the document's list, or its only list of objects; of a
    pattern's files, each is one record."""
    group: str | None = None
    """What rows of the same scene have in common, as the picture's path: they become one record, which has the first one's keys,
    and ``rows``. All of the file is then held in memory."""
    encoding: str | None = None
    """None: UTF-8, or what the byte order mark says."""
    delimiter: str | None = None
    """Of a CSV file; None: the comma, tab, semicolon or bar that its header has most of."""
