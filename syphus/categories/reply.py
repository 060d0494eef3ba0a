# ruff: noqa: RUF001 (full-width and curly signs are what is looked for)
"""From a reply's raw text to a JSON value that fits the category's schema.

The text is read as strictly as it can be and as loosely as it must be; ``ReadReply.how`` says what was needed. In order:
strict JSON (in one step where it fits as it stands: :mod:`syphus.categories.exact`); JSON among fences, prose and thinking,
repaired where it is sloppy; text with labels (``Question:``); and, where the schema has one string field and no other, the
plain text. The good elements of a half-good reply are kept, and each one that is dropped has its :class:`Fault`. No text
makes this raise.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from syphus.categories.exact import exact_reader
from syphus.categories.fitting import Fault, Fit, Fitter
from syphus.categories.labelled import read_labelled, strip_label
from syphus.categories.reading import Found, clean_text, drop_thinking, find_json, read_strict

__all__ = ["Fault", "ReadReply", "read_reply"]

_CUT_FINISHES = frozenset({"length", "content_filter", "max_tokens", "model_length"})
_FENCE = re.compile(r"^[ \t]*+(?:`{3,}|~{3,})[ \t]*+\w*+[ \t]*+$", re.MULTILINE)
_LEAD = re.compile(r"(?:sure|certainly|of course|okay|here (?:is|are)|here's)\b[^\n]{0,200}:[ \t*]*+\n+", re.IGNORECASE)
_JSON_LIKE = re.compile(r"""(?:`{3,}\w*+)?\s*+(?:\{|\[\s*+["“'{\[])|.{0,300}?["“]\w{1,40}["”]\s*+[:：]""", re.DOTALL)


class ReadReply(Struct, frozen=True):
    """What a reply says."""

    value: dict[str, Any] | None
    """Fits the schema, but for an array with fewer elements than it asks for; None: nothing can be used."""
    how: str
    """``json`` where the whole reply was strict JSON; else what was needed to read it, with commas between."""
    faults: tuple[Fault, ...] = ()


def read_reply(text: str, schema: dict[str, Any], *, finish: str = "stop") -> ReadReply:
    """Reads what the model wrote.

    Args:
        text: the reply, whatever it holds.
        schema: JSON Schema of the reply, with its bounds.
        finish: how the reply ended. After ``length`` a labelled text loses its last element and a plain one is refused
            altogether, wherever they end: that the last sentence happens to be whole says nothing of what is missing. In
            JSON the quotation marks say what is whole.

    Raises:
        InputError: the schema itself is wrong.
    """
    # Not the canonical form: the order of a schema's fields is the order of the labels in a labelled text.
    read_exact, fitter = _readers(msgspec.json.encode(schema))
    exact = read_exact(text)
    return _read(text, fitter, cut=finish in _CUT_FINISHES) if exact is None else ReadReply(exact, "json")


@lru_cache(maxsize=256)
def _readers(schema: bytes) -> tuple[Callable[[str], dict[str, Any] | None], Fitter]:
    decoded = msgspec.json.decode(schema)
    fitter = Fitter(decoded)  # says what is wrong with a schema
    return exact_reader(decoded), fitter


def _read(text: str, fitter: Fitter, *, cut: bool) -> ReadReply:
    try:
        value = read_strict(text)
    except ValueError:
        value = None
    if isinstance(value, dict | list):
        fit = fitter.fit(value)
        return _tell(fit, ()) if fit.notes else ReadReply(fit.value, "json", fit.faults)
    if isinstance(value, str) and len(value) < len(text):
        inner = _read(value, fitter, cut=cut)
        return ReadReply(inner.value, f"inside a JSON string: {inner.how}", inner.faults)

    cleaned = clean_text(text).strip()
    told = drop_thinking(cleaned).strip()
    notes = ("thinking before",) if told != cleaned else ()
    if not told:
        what = "nothing but the model's thinking" if cleaned else "nothing at all"
        return _tell(Fit(None, (Fault("empty", f"the reply holds {what}"),)), notes)
    json_fit = _read_json(told, fitter)
    if json_fit is not None and json_fit.good:
        return _tell(json_fit, notes)
    labelled_fit = _read_labels(told, fitter, cut=cut)
    if labelled_fit is not None and labelled_fit.good:
        return _tell(labelled_fit, notes)
    if fitter.only and not _JSON_LIKE.match(told):
        return _tell(_read_plain(told, fitter, cut=cut), notes)
    nothing = Fit(None, (Fault("no_json", "the reply holds no JSON of the form that was asked for"),))
    return _tell(json_fit or labelled_fit or nothing, notes)


def _tell(fit: Fit, notes: tuple[str, ...]) -> ReadReply:
    return ReadReply(fit.value, ", ".join(dict.fromkeys((*notes, *fit.notes))), fit.faults)


def _read_json(text: str, fitter: Fitter) -> Fit | None:
    """The best that the JSON values of a text give: a whole and faultless one, else all their elements together."""
    values = [found for found in find_json(text) if isinstance(found.value, dict) or fitter.array]
    if not values:
        return None
    fits = [fitter.fit(found.value) for found in values]
    # A model that thinks aloud writes drafts first, so of two that are equally good the last one counts.
    order = sorted(range(len(values)), key=lambda at: (fits[at].good, at))
    whole = [at for at in order if values[at].whole and fits[at].good and not fits[at].faults]
    packed = [at for at in whole if not fitter.is_element(values[at].value)]
    if packed or (whole and not fitter.array) or len(values) == 1:
        best = packed[-1] if packed else whole[-1] if whole else 0
        return _mark(fits[best], [values[best]], text, fitter)
    if not fitter.array:
        return _mark(fits[order[-1]], [values[order[-1]]], text, fitter)
    holding = [(found, elements) for found in values if (elements := fitter.elements(found.value))]
    if not holding:
        return _mark(fits[order[-1]], [values[order[-1]]], text, fitter)
    first = next((found.value for found, _ in holding if isinstance(found.value, dict)), {})
    rest = {} if fitter.is_element(first) else first
    together = fitter.fit({**rest, fitter.array: [element for _, elements in holding for element in elements]})
    notes = ("separate values", *together.notes) if len(holding) > 1 else together.notes
    used = [found for found in values if not found.whole or fitter.elements(found.value)]
    return _mark(Fit(together.value, together.faults, notes, together.good), used, text, fitter)


def _mark(fit: Fit, values: list[Found], text: str, fitter: Fitter) -> Fit:
    """``fit`` with what was around its values, what was repaired in them, and what is missing from them."""
    outside = text[: values[0].start] + "\n" + (text[values[-1].end :] if values[-1].whole else "")
    bare = _FENCE.sub("", outside)
    notes = ["code fence"] if bare != outside else []
    if bare.strip():
        notes.append("prose around")
    notes += [note for found in values for note in found.notes]
    notes += fit.notes
    faults = fit.faults
    torn = [found for found in values if not found.whole]
    if torn and (fitter.array or fit.value is None):
        # What is torn in the middle and goes on behind was broken; only the end of a text can be cut off.
        code = "cut" if torn[-1] is values[-1] and torn[-1].cut else "broken"
        what = "ends in the middle" if code == "cut" else "is broken JSON"
        name = fitter.array or "fields"
        notes.append(f"{code}: {fit.good} whole {name} kept")
        faults = (*faults, Fault(code, f"the reply {what}; what was whole before is kept ({fit.good} {name})"))
    return Fit(fit.value, faults, tuple(notes), fit.good)


def _read_labels(text: str, fitter: Fitter, *, cut: bool) -> Fit | None:
    if len(fitter.labels) < (1 if fitter.array else 2):
        return None
    elements = read_labelled(_FENCE.sub("", text), fitter.labels)
    if not elements:
        return None
    whole = elements[:-1] if cut else elements
    fit = fitter.fit({fitter.array: whole} if fitter.array else whole[0] if whole else None)
    notes = ("/".join(fitter.labels) + " text", *fit.notes)
    if not cut:
        return Fit(fit.value, fit.faults, notes, fit.good)
    name = fitter.array or "objects"
    fault = Fault("cut", f"the reply reached its limit; its last element is left out ({fit.good} {name} kept)")
    return Fit(fit.value, (*fit.faults, fault), (*notes, f"cut: {fit.good} whole {name} kept"), fit.good)


def _read_plain(text: str, fitter: Fitter, *, cut: bool) -> Fit:
    if cut:
        return Fit(None, (Fault("cut", "the reply reached its limit in the middle of its text"),), ("plain text",))
    bare = _FENCE.sub("", text).strip()
    field = str(fitter.only)
    fit = fitter.fit({field: strip_label(_LEAD.sub("", bare, count=1) if _LEAD.match(bare) else bare, field)})
    return Fit(fit.value, fit.faults, ("plain text", *fit.notes), fit.good)
