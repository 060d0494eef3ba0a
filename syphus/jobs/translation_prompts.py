"""What is asked for a translation: the system message of a language, the requests for parts of dialogues, repairs.

The system message, with glossary and style, is the same for all dialogues of a language, so that a provider keeps it in its
prompt cache; the turns come behind it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from msgspec import Struct, structs

from syphus.categories.templates import fill
from syphus.exchange import Message, Parameters, Reply, Request
from syphus.quality.translation.languages import Language

TEMPERATURE = 0.3
_FORM = '{"turns": [{"turn": "1", "text": "…"}, …]}'
_STYLES = {
    "": "Speak to each other as user and assistant usually do in this language, politely and without stiffness, and keep to it.",
    "formal": "Use the formal form of address throughout (Sie, vous, usted, 您, です・ます, 합니다), and formal wording.",
    "informal": "Use the informal form of address throughout (du, tu, tú, 你, plain form, 해요), and everyday wording.",
}
_LEAST_REPLY = 256
_REPLY_STEP = 256
"""Limits of replies come in such steps: each limit is a form of its own for the engine and a row of settings in the ledger."""
_BYTES_PER_TOKEN = 3
_TOKENS_AROUND = 16
"""Of the JSON around each turn of a reply."""
_SHOWN_OF_CUT = 300
"""Characters of a reply that ran into the token limit, when it is asked for again: often it was a loop, and invites another."""
_SEEDS_APART = 1_000_003
"""Between the sampling seeds of two draws."""

Kind = Literal["dialogue", "memory", "back"]


class Terms(Struct, frozen=True, kw_only=True):
    """What a user wants of a language."""

    style: str = ""
    """``formal``, ``informal``, or a sentence of one's own."""
    glossary: tuple[tuple[str, str], ...] = ()
    """Term and translation."""
    names: tuple[str, ...] = ()
    """Kept as they are written, letter by letter."""


class Segment(Struct, frozen=True):
    """One text of a dialogue on its way through a translation."""

    number: int
    """Of the turn, from 1; 0 is the system message that a dataset brings."""
    role: str
    text: str
    """Its locks masked."""
    translation: str | None = None
    """What is settled, masked as well; None: it is to be translated."""

    @property
    def is_open(self) -> bool:
        """Whether it is to be translated."""
        return self.translation is None


class TranslationPrompts(Struct, frozen=True, kw_only=True):
    """The prompts of one language. Made once per run."""

    category: str
    """What its requests belong to: ``translate/zh``."""
    origin: Language
    language: Language
    terms: Terms
    prefix: tuple[Message, ...]
    repair_text: str
    sent_seed: int | None = None
    reasoning_effort: str | None = None

    def request(self, segments: Sequence[Segment], *, kind: Kind = "dialogue", draw: int = 0) -> Request:
        """Asks for the segments without a translation; the others are shown with theirs."""
        wanted = [one for one in segments if one.is_open]
        return Request(
            purpose=f"{self.category}/{kind}",
            messages=(*self.prefix, Message("user", _asked(segments, wanted, kind))),
            constant=len(self.prefix),
            schema=reply_schema(len(wanted), _longest(wanted, self)),
            parameters=self._parameters(wanted, draw),
            draw=draw,
        )

    def repair(
        self, first: Request, reply: Reply, faults: Iterable[str], kept: Sequence[int], wanted: Sequence[Segment]
    ) -> Request:
        """The first request once more, with the reply that was no good and why; only what is not good yet is asked for."""
        listed = "\n".join(f"- {fault}" for fault in dict.fromkeys(faults))
        said = f"Your translations of {_numbers(kept)} are good and kept. " if kept else ""
        values = {"faults": listed, "wanted": f"{said}Give only {_numbers([one.number for one in wanted])} once more."}
        text = fill(self.repair_text, lambda name: values.get(name, ""))
        shown = reply.text.strip() or "(no reply)"
        parameters = first.parameters
        if reply.finish == "length":
            shown = shown if len(shown) <= _SHOWN_OF_CUT else shown[:_SHOWN_OF_CUT] + " …"
            parameters = structs.replace(parameters, max_tokens=2 * (parameters.max_tokens or _LEAST_REPLY))
        return structs.replace(
            first,
            messages=(*first.messages, Message("assistant", shown), Message("user", text)),
            schema=reply_schema(len(wanted), _longest(wanted, self)),
            parameters=parameters,
        )

    def _parameters(self, wanted: Sequence[Segment], draw: int) -> Parameters:
        most = sum(
            len(one.text.encode()) / _BYTES_PER_TOKEN * 2 * self.language.tokens + _TOKENS_AROUND for one in wanted
        )
        limit = max(_LEAST_REPLY, -(-round(most) // _REPLY_STEP) * _REPLY_STEP)
        seed = None if self.sent_seed is None else self.sent_seed + _SEEDS_APART * draw
        return Parameters(temperature=TEMPERATURE, max_tokens=limit, reasoning_effort=self.reasoning_effort, seed=seed)


def make_prompts(
    language: Language,
    origin: Language,
    terms: Terms,
    texts: Mapping[str, str],
    *,
    category: str,
    sent_seed: int | None = None,
    reasoning_effort: str | None = None,
) -> TranslationPrompts:
    """The prompts of a language.

    Args:
        language: to translate into.
        origin: to translate from.
        terms: the user's wishes.
        texts: the shared prompts; ``translation`` and ``repair`` are used.
        category: what its requests belong to.
        sent_seed: the sampling seed; None sends none.
        reasoning_effort: as the model table says.
    """
    values = {
        "source": origin.name,
        "target": language.name,
        "style": _STYLES.get(terms.style, terms.style),
        "glossary": _glossary(terms.glossary),
        "form": _FORM,
    }
    system = fill(texts["translation"], lambda name: values.get(name, "")).strip()
    return TranslationPrompts(
        category=category,
        origin=origin,
        language=language,
        terms=terms,
        prefix=(Message("system", system),),
        repair_text=texts["repair"],
        sent_seed=sent_seed,
        reasoning_effort=reasoning_effort,
    )


def _glossary(terms: Sequence[tuple[str, str]]) -> str:
    if not terms:
        return ""
    listed = "\n".join(f"  - {term} → {wanted}" for term, wanted in terms)
    return f"- These are translated so, in the form that the sentence needs:\n{listed}\n"


def _asked(segments: Sequence[Segment], wanted: Sequence[Segment], kind: Kind) -> str:
    heading = "Turns of one dialogue:" if kind != "memory" else "Questions out of different dialogues, each by itself:"
    rows = []
    for one in segments:
        row = {"turn": str(one.number), "role": one.role, "text": one.text}
        rows.append(json.dumps(row | ({} if one.is_open else {"translation": one.translation}), ensure_ascii=False))
    return "\n".join([heading, *rows, "", f"Translate {_numbers([one.number for one in wanted])}."])


def _numbers(numbers: Sequence[int]) -> str:
    word = "turn" if len(numbers) == 1 else "turns"
    return f"{word} {', '.join(map(str, numbers))}"


def _longest(wanted: Sequence[Segment], prompts: TranslationPrompts) -> int:
    """Characters that no translation of these has; a power of two, so that few schemas are made."""
    longest = max(len(one.text) for one in wanted) * prompts.language.ratio / prompts.origin.ratio
    return max(64, 1 << round(3 * longest + 32).bit_length())


@lru_cache(maxsize=1024)
def reply_schema(count: int, longest: int) -> dict[str, Any]:
    """JSON Schema of a reply with so many translations. The same object each time, by which the engine knows it again."""
    text = {"type": "string", "minLength": 1, "maxLength": longest}
    turn = {
        "type": "object",
        "properties": {"turn": {"type": "string", "minLength": 1, "maxLength": 6}, "text": text},
        "required": ["turn", "text"],
        "additionalProperties": False,
    }
    turns = {"type": "array", "items": turn, "minItems": count, "maxItems": count}
    return {"type": "object", "properties": {"turns": turns}, "required": ["turns"], "additionalProperties": False}
