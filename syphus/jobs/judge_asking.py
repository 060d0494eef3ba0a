"""What judging, blind asking and correcting share: what they are about, and asking until a reply can be used."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, ClassVar, Protocol

from msgspec import Struct, field, structs

from syphus.categories.reply import read_reply
from syphus.categories.templates import fill
from syphus.errors import REFUSED_FOR_GOOD, ModelError
from syphus.exchange import Ask, Message, Picture, Reject, Reply, Request
from syphus.identity import code_fingerprint, digest
from syphus.quality.pairs import Pair, Rules
from syphus.records import Dialogue, Person, Scene

REPAIRS = 2
"""A reply that cannot be used is asked for again at most so often."""
DRAW_TEMPERATURE = 0.7
"""Of several draws from one model. A single one is asked for at 0: there it is the model's first thought that counts."""
SEEDS_APART = 1_000_003
"""Between the sampling seeds of two draws."""
DECIDING = ("jobs", "quality", "references", "records", "categories")
"""The rooms whose code decides what an outcome is."""
_SHOWN_OF_CUT = 300


class Subject(Struct, frozen=True, kw_only=True):
    """One dialogue that is there, with what is known of its scene."""

    dialogue: Dialogue
    origin: str = ""
    """The category of the ledger where it stands, where it was itself made of another dialogue: ``correct/llava/detail``."""
    evidence: str = ""
    """The scene as its category shows it; empty: nothing is known."""
    scene: Scene | None = None
    rules: Rules = Rules()
    """Its category's checks."""
    known: frozenset[str] = frozenset()
    """Ids that its texts may point at."""
    hidden: tuple[Person, ...] = ()
    pictures: tuple[Picture, ...] = ()
    """Those that are shown to the model."""

    @property
    def name(self) -> str:
        """Its id; what was made of it has the same, so that is marked."""
        return f"{self.dialogue.id}@{self.origin}" if self.origin else self.dialogue.id

    @property
    def scene_id(self) -> str:
        """The scene, with its source."""
        dialogue = self.dialogue
        return f"{dialogue.source}/{dialogue.scene}" if dialogue.source else dialogue.scene

    @property
    def digest(self) -> str:
        """The fingerprint of all of it that decides what is asked."""
        said = (self.dialogue.turns, self.dialogue.ability, self.dialogue.language)
        shown = [picture.digest for picture in self.pictures]
        return digest((said, self.evidence, self.rules, sorted(self.known), self.scene, shown))


class Way(Protocol):
    """How a job asks about its subjects. Made once per run."""

    @property
    def settings(self) -> Any:
        """What is sent besides the prompts; None: items without a basis."""

    @property
    def version(self) -> str:
        """The fingerprint of what is asked, with the model."""


class SubjectItem(Struct, frozen=True, kw_only=True):
    """One dialogue that a job is about; the jobs' own items say in which way they ask, and what else decides the outcome."""

    family: ClassVar[str]
    """What the categories of the job begin with."""

    subject: Subject
    draw: int = 0
    """How often it was asked for anew although nothing had changed."""

    @property
    def way(self) -> Way:
        """How it is asked about."""
        raise NotImplementedError

    def rests_on(self) -> Any:
        """What the outcome depends on, besides the way, the draw and the replies."""
        return self.subject.digest

    @property
    def category(self) -> str:
        """``blind/llava/detail``."""
        return f"{self.family}/{self.subject.dialogue.category or 'dialogues'}"

    @property
    def scene_id(self) -> str:
        """The scene, with its source."""
        return self.subject.scene_id

    @property
    def id(self) -> str:
        """The dialogue's, marked."""
        return f"{self.subject.name}@{self.family}"

    @property
    def version(self) -> str:
        """Of the prompts and the model."""
        return self.way.version

    @property
    def basis(self) -> str:
        """The fingerprint of all that the outcome depends on but the replies."""
        if self.way.settings is None:
            return ""
        return digest((_code(), self.version, self.rests_on(), self.draw))


@lru_cache(maxsize=1)
def _code() -> str:
    return code_fingerprint(*DECIDING)


def pairs_of(dialogue: Dialogue) -> list[Pair]:
    """Its questions with their answers, references included."""
    texts = [turn.text for turn in dialogue.turns]
    return [Pair(question, answer) for question, answer in zip(texts[::2], texts[1::2], strict=True)]


def user_message(text: str, subject: Subject) -> Message:
    """What is said of a subject, with its pictures where they are shown."""
    return Message("user", _LOOK + text if subject.pictures else text, pictures=subject.pictures)


_LOOK = (
    "The picture itself is shown to you, or the pictures in their order. What you see in it is known, too; where it and a text"
    " about it differ, what you see holds.\n\n"
)


class Missing(Struct):
    """What a reply left to be asked for."""

    faults: list[str]
    """What was wrong, in words for the model."""
    wanted: str
    """What to give now."""
    schema: dict[str, Any]
    """Of the next reply."""


class Asking(Struct):
    """The questions to the model about one item, and what came of them; lives for one call of a job."""

    ask: Ask
    repair_text: str
    """``prompts/repair.md``."""
    keys: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    model: str = ""

    async def until(self, first: Request, take: Callable[[dict[str, Any]], Missing | None], otherwise: Missing) -> bool:
        """Asks, at most ``1 + REPAIRS`` times, until nothing is missing.

        Args:
            first: what is asked.
            take: gets a reply that fits the schema and keeps what is good of it; says what is still missing.
            otherwise: what is missing where a reply could not be read at all.

        Returns:
            Whether all is there. If not, the reasons are among ``rejects``.

        Raises:
            ModelError: there is no reply to the first request.
        """
        request = first
        missing = otherwise
        step = first.purpose.rpartition("/")[2]
        for left in range(REPAIRS, -1, -1):
            try:
                reply = await self.ask(request)
            except ModelError as error:
                if request is first or error.kind not in REFUSED_FOR_GOOD:
                    raise
                self.rejects.append(Reject(code=f"repair: {error.kind}", message=error.message, step=step))
                return False
            self.keys.append(reply.key)
            self.model = reply.model or self.model
            if reply.refusal or reply.finish == "content_filter":
                evidence = (reply.refusal or "content filter")[:120]
                self.rejects.append(
                    Reject(code="refusal: provider", message="the model refused", step=step, evidence=evidence)
                )
                return False
            read = read_reply(reply.text, request.schema or {}, finish=reply.finish)
            if read.how != "json":
                self.notes.append(f"reply read as: {read.how}")
            faults = [fault.message for fault in read.faults]
            found = take(read.value) if read.value is not None else missing
            if found is None:
                return True
            missing = found
            if left:
                request = self._again(first, reply, structs.replace(missing, faults=faults + missing.faults))
            else:
                message = (faults + missing.faults or ["the reply could not be read"])[0]
                self.rejects.append(Reject(code="schema: missing", message=message, step=step))
        return False

    def _again(self, first: Request, reply: Reply, missing: Missing) -> Request:
        """The first request once more, with the reply that was no good and why."""
        listed = (
            "\n".join(f"- {fault}" for fault in dict.fromkeys(missing.faults)) or "- It is not of the form asked for."
        )
        values = {"faults": listed, "wanted": missing.wanted}
        text = fill(self.repair_text, lambda name: values.get(name, ""))
        said = reply.text.strip() or "(no reply)"
        parameters = first.parameters
        if reply.finish == "length":
            said = said if len(said) <= _SHOWN_OF_CUT else said[:_SHOWN_OF_CUT] + " …"
            parameters = structs.replace(parameters, max_tokens=2 * (parameters.max_tokens or _SHOWN_OF_CUT))
        messages = (*first.messages, Message("assistant", said), Message("user", text))
        return structs.replace(first, messages=messages, schema=missing.schema, parameters=parameters)


def object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    """A JSON Schema: all required, nothing else allowed."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def text_schema(most: int, *, least: int = 1) -> dict[str, Any]:
    """A text of so many characters."""
    return {"type": "string", "minLength": least, "maxLength": most}


def numbers_in(texts: Sequence[str], most: int) -> list[int] | None:
    """The positions, from 0, that elements of a reply name as ``1``, ``pair 2``; in their order where they name none.

    None where neither can be: a name twice, one that does not exist, or another number of elements.
    """
    found = []
    for text in texts:
        digits = "".join(sign for sign in text if sign.isdecimal())
        found.append(int(digits) - 1 if digits and len(digits) < 4 else -1)
    if len(set(found)) == len(found) and all(0 <= number < most for number in found):
        return found
    return list(range(most)) if len(texts) == most else None
