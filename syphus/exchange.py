"""What passes between a job and the engine: requests, replies, outcomes. Values only; nothing here has an effect."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol

from msgspec import Struct

from syphus.records import Dialogue


class Picture(Struct, frozen=True):
    """A picture that is shown to the model. Its file is read when it is sent, and only then."""

    digest: str
    """Of the file's bytes: this, and not the path, is a part of a request's key."""
    path: str
    media_type: str


class Message(Struct, frozen=True, omit_defaults=True):
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str
    pictures: tuple[Picture, ...] = ()
    """Shown before the text."""


class Parameters(Struct, frozen=True, omit_defaults=True):
    """Sampling settings that change the answer. None means: not sent, the endpoint's default holds."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    """Limit on the reply's tokens; the field's name on the wire is the endpoint's."""
    reasoning_effort: str | None = None
    seed: int | None = None


class Request(Struct, frozen=True, kw_only=True):
    """One question to the model, before any endpoint's dialect."""

    purpose: str
    """``category/step``: for the ledger and the view; no part of the key."""
    messages: tuple[Message, ...]
    constant: int = 0
    """How many leading messages are the same for every item of the category, byte for byte."""
    schema: dict[str, Any] | None = None
    """JSON Schema of the reply, with its bounds; a dialect may have to send it without them."""
    parameters: Parameters = Parameters()
    sample: int = 0
    """Tells one draw from another where everything else is equal."""
    draw: int = 0
    """How often the item was asked for anew although nothing had changed; with the sample a part of the key."""


class Usage(Struct, frozen=True, omit_defaults=True):
    """Tokens as the endpoint counted them.

    ``prompt`` includes ``cached`` (read from the provider's cache) and ``cache_written``; ``completion`` includes
    ``reasoning``.
    """

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    reasoning: int = 0
    cache_written: int = 0


class Reply(Struct, frozen=True, kw_only=True):
    """What the model said."""

    text: str
    finish: str = "stop"
    """``stop``, ``length`` or what else the endpoint calls the end."""
    refusal: str | None = None
    usage: Usage | None = None
    """None where the endpoint does not say; never a zero that looks like a count."""
    model: str = ""
    key: str = ""
    replayed: bool = False
    """It came from the ledger, and nothing was paid for it now."""


Ask = Callable[[Request], Awaitable[Reply]]
"""The only effect a job has. Raises :class:`syphus.errors.ModelError` when there is no reply to be had."""


class Reject(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that was made and is not used, with the reason. The raw reply stays in the ledger."""

    code: str
    """The check that refused it and what it found, as ``schema: too_few`` or ``leak: source_word``; the same code in every
    report."""
    message: str
    step: str = ""
    evidence: str = ""


class Outcome(Struct, frozen=True, kw_only=True):
    """All that came of one item. Both may be filled: the good pairs of a half-good reply are kept."""

    dialogues: tuple[Dialogue, ...] = ()
    rejects: tuple[Reject, ...] = ()
    skipped: str = ""
    """Why the item was not tried at all: the scene lacks what the category needs."""
    notes: tuple[str, ...] = ()
    """What was cut from the context to fit, how a sloppy reply was read: counted in the summary."""
    requests: tuple[str, ...] = ()

    @property
    def pairs(self) -> int:
        """Questions with their answers, in all dialogues."""
        return sum(len(dialogue.turns) // 2 for dialogue in self.dialogues)


class Tally(Struct, kw_only=True):
    """How items ended and what they came to; counted while a run goes on, and from its ledger afterwards."""

    items: int = 0
    accepted: int = 0
    partial: int = 0
    rejected: int = 0
    failed: int = 0
    skipped: int = 0
    dialogues: int = 0
    pairs: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0

    def add(self, state: str, dialogues: int, pairs: int) -> None:
        """Counts one item; ``state`` is one of the fields above."""
        self.items += 1
        setattr(self, state, getattr(self, state) + 1)
        self.dialogues += dialogues
        self.pairs += pairs


class Item(Protocol):
    """One piece of work: an id that is unique in the run and the same in every start of it, and what it is about."""

    @property
    def id(self) -> str:
        """Unique in the run."""

    @property
    def scene_id(self) -> str:
        """The scene it is about."""

    @property
    def category(self) -> str:
        """The category's name."""

    @property
    def version(self) -> str:
        """Of the prompts and the model: another version makes a new generation."""

    @property
    def draw(self) -> int:
        """How often it was asked for anew although nothing had changed."""

    @property
    def basis(self) -> str:
        """The fingerprint of all that its outcome depends on but the replies; empty: it is always done again."""
