"""What the page is made of: values that the command line fills from a ledger or a dataset, and the page only shows."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from syphus.exchange import Reject
from syphus.records import Dialogue, Scene
from syphus.report.decisions import Decision


class Remark(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a check, a judge or a measure says of a dialogue."""

    check: str
    code: str
    message: str
    evidence: str = ""
    turn: int | None = None
    """Index of the pair it is about; None: the whole."""
    stance: str = ""
    """What was done, or is to be done: ``drop``, ``repair``, ``score``, ``ask``."""
    language: str = ""
    """Of the version that it is about; empty: the first."""


class Asked(Struct, frozen=True, kw_only=True):
    """One request as it was sent."""

    purpose: str
    prefix: int | None
    """Which of :attr:`ReportFacts.prefixes` stood before its messages."""
    messages: tuple[tuple[str, str], ...]
    """Role and text."""
    model: str = ""
    reply: str = ""
    """The raw reply, where it is not in the dialogue whole."""


class PairFacts(Struct, frozen=True, kw_only=True):
    """What is counted of a question and its answer."""

    question_words: int
    answer_words: int
    verb: str = ""
    """The question's verb, and its object, where they are known; ``describe``, ``scene``."""
    object: str = ""


class Sample(Struct, frozen=True, kw_only=True):
    """One entry of the page: a dialogue in all of its languages, or an item of which nothing was accepted."""

    id: str
    """The dialogue's, or the item's where there is no dialogue."""
    state: str
    """``accepted``, ``partial``, ``rejected``, ``failed``."""
    category: str = ""
    ability: str = ""
    source: str = ""
    scene_id: str = ""
    dialogues: tuple[Dialogue, ...] = ()
    """The same dialogue, a language each, or as it was corrected; the first is the one that the others were made from."""
    labels: tuple[str, ...] = ()
    """What each of them is called beside its language, as ``corrected``; empty: nothing."""
    scene: Scene | None = None
    remarks: tuple[Remark, ...] = ()
    rejects: tuple[Reject, ...] = ()
    notes: tuple[str, ...] = ()
    detail: str = ""
    """Why an item failed."""
    asked: tuple[Asked, ...] = ()
    cost: float | None = None
    """US dollars that the replies to this item have cost; None: not known."""
    pairs: tuple[PairFacts, ...] = ()
    """Of the first language."""


class CategoryFacts(Struct, frozen=True, kw_only=True):
    """What a category came to in the whole run."""

    name: str
    accepted: int = 0
    partial: int = 0
    rejected: int = 0
    failed: int = 0
    skipped: int = 0
    pairs: int = 0
    calls: int = 0
    cost: float | None = None
    """US dollars; None where they are not known."""


class ReportFacts(Struct, frozen=True, kw_only=True):
    """All that the page shows."""

    title: str
    origin: str
    """What it is made of, in words: ``a run of 3 categories``."""
    made: str = ""
    """When, as it is to be shown."""
    samples: Iterable[Sample] = ()
    """Read once, one after another."""
    total: int | None = None
    """How many there would be, where the page holds fewer."""
    categories: tuple[CategoryFacts, ...] = ()
    """Empty where the dataset is not a run: then they are counted from the samples."""
    refused: Mapping[str, int] = {}
    """What was refused in the whole run, by code."""
    repeated: tuple[tuple[str, int], ...] = ()
    """Questions that occur more than once, and how often; the most frequent first."""
    pairs_alike: int | None = None
    """Pairs that repeat another, exactly or nearly; None: not looked for."""
    prefixes: Mapping[int, tuple[tuple[str, str], ...]] = {}
    """Messages that requests have in common, by their number: role and text."""
    decisions: Mapping[str, Decision] = {}
    remarks: tuple[str, ...] = ()
    """What the reader has to know: scenes that could not be read again, pictures that are missing."""
