"""A JSON value of about the right shape into one that fits a schema: names, wrappers, bounds; and what does not fit.

Only what has one meaning is mended: a field under another name, an array without its object, an object without its array.
Elements of an array that break their schema are left out, each with a :class:`Fault`; the others are kept.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from msgspec import Struct

from syphus.categories.labelled import MAX_ELEMENTS, names_of
from syphus.categories.reading import clean_text
from syphus.errors import InputError

_FAULTS = 50
_FOLD = re.compile(r"[\W_]+")
_CODES = {
    "required": "missing",
    "type": "type",
    "minLength": "too_short",
    "maxLength": "too_long",
    "minItems": "too_few",
}
_SAYS = {
    "type": "{where} is not of the type {limit}",
    "minLength": "{where} must have at least {limit} characters",
    "maxLength": "{where} must have at most {limit} characters",
    "minItems": "{where} must have at least {limit} elements",
    "enum": "{where} must be one of {limit}",
}
_SPEAKERS = {"human": 0, "user": 0, "gpt": 1, "assistant": 1, "model": 1}


class Fault(Struct, frozen=True):
    """A part of a reply that could not be used."""

    code: str
    """``missing``, ``type``, ``too_short``, ``too_long``, ``too_few``, ``schema``: it breaks the schema so;
    ``cut``, ``broken``: the reply ended, or stopped being JSON, in the middle of it; ``no_json``, ``empty``: there is
    nothing to read."""
    message: str
    """For a person, and for telling the model."""
    path: str = "$"
    """Where: ``$.pairs[2].answer``, counted as in the reply."""


class Fit(Struct, frozen=True):
    """What became of a value."""

    value: dict[str, Any] | None
    """Fits the schema, but for an array that is too short; None where that cannot be had."""
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
    good: int = 0
    """How many elements of the array can be used; for a schema without an array, 1 if the object can be."""


class _Log:
    def __init__(self) -> None:
        self.faults: dict[Fault, None] = {}
        self.notes: dict[str, None] = {}

    def note(self, what: str) -> None:
        self.notes[what] = None

    def fault(self, code: str, message: str, path: str) -> None:
        if len(self.faults) < _FAULTS:
            self.faults[Fault(code, message, path)] = None


class _Node:
    """An object of the schema, compiled."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.fields: dict[str, Mapping[str, Any]] = dict(schema.get("properties", {}))
        self.required: tuple[str, ...] = tuple(schema.get("required", ()))
        self.validator = Draft202012Validator(dict(schema))
        self.children: dict[str, _Node] = {}
        arrays = []
        for name, field in self.fields.items():
            if field.get("type") == "array":
                arrays.append(name)
                if _is_object(field.get("items", {})):
                    self.children[name] = _Node(field["items"])
            elif _is_object(field):
                self.children[name] = _Node(field)
        self.array = arrays[0] if len(arrays) == 1 else None
        self.element = self.children.get(self.array or "")

    def names(self, value: dict[str, Any]) -> dict[str, str]:
        """The key of ``value`` that each field of the schema stands under."""
        found = {name: name for name in self.fields if name in value}
        if len(found) == len(self.fields):
            return found
        free = {_fold(key): key for key in reversed(value) if key not in found}
        for name in self.fields:
            if name not in found:
                alias = next((alias for alias in map(_fold, names_of(name)) if alias in free), None)
                if alias is not None:
                    found[name] = free.pop(alias)
        return found

    def holds(self, value: Any) -> bool:
        """True where ``value`` is an object with all that this one needs."""
        return (
            isinstance(value, dict)
            and bool(self.fields)
            and set(self.required or self.fields) <= set(self.names(value))
        )


class Fitter:
    """A schema, compiled once. Raises :class:`InputError` where the schema itself is wrong."""

    def __init__(self, schema: dict[str, Any]) -> None:
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            raise InputError(
                f"the reply schema is no JSON Schema: {error.message[:200]}",
                place=error.json_path,
                mend="See https://json-schema.org/draft/2020-12; one object, or one array of flat objects, is enough.",
            ) from error
        self._node = _Node(schema)
        self.array = self._node.array
        """The array field, where the schema has just one."""
        leaf = self._node if self.array is None else self._node.element
        flat = leaf is not None and all(_types(field) == {"string"} for field in leaf.fields.values())
        self.labels: tuple[str, ...] = tuple(leaf.fields) if leaf and flat else ()
        """The fields that a labelled text has to give; empty where the schema is not of flat objects of strings."""
        self.only = self.labels[0] if self.array is None and len(self.labels) == 1 else None
        """The one field of an object that has no other, and holds text."""

    def fit(self, value: Any) -> Fit:
        """``value`` as the schema wants it."""
        log = _Log()
        shaped = self._object(self._node, value, log)
        if shaped is None:
            log.fault("type", "the reply is not an object of the form that was asked for", "$")
        elif not self._node.validator.is_valid(shaped):
            shaped = self._prune(self._node, shaped, "$", log)
            errors = [error for error in self._node.validator.iter_errors(shaped) if not self._is_short(error)]
            for error in errors:
                _report(error, "$", log)
            shaped = None if errors else shaped
        good = 0 if shaped is None else len(shaped.get(self.array, ())) if self.array else 1
        return Fit(shaped, tuple(log.faults), tuple(log.notes), good)

    def is_element(self, value: Any) -> bool:
        """True where ``value`` is an element of the array, standing alone."""
        return self._node.element is not None and self._node.element.holds(value)

    def elements(self, value: Any) -> list[Any]:
        """The elements that ``value`` holds, whatever they are wrapped in, before they are checked."""
        if self.is_element(value):
            return [value]
        shaped = self._object(self._node, value, _Log())
        return list((shaped or {}).get(self.array or "", ()))

    def _is_short(self, error: ValidationError) -> bool:
        return error.validator == "minItems" and len(error.absolute_path) == 1

    def _object(self, node: _Node, value: Any, log: _Log) -> dict[str, Any] | None:
        value = _unwrap(node, value, log)
        if not isinstance(value, dict):
            return None
        names = node.names(value)
        if any(name != key for name, key in names.items()):
            log.note("field names")
        if len(names) < len(value):
            log.note("extra fields dropped")
        return {name: self._member(node, name, value[names[name]], log) for name in node.fields if name in names}

    def _member(self, node: _Node, name: str, value: Any, log: _Log) -> Any:
        field, child = node.fields[name], node.children.get(name)
        if field.get("type") != "array":
            return self._object(child, value, log) if child else _scalar(value, _types(field), log)
        if isinstance(value, dict) and child is not None:
            if child.holds(value):
                log.note("single object")
                value = [value]
            elif value and all(isinstance(element, dict) for element in value.values()):
                log.note("numbered objects")
                value = list(value.values())
        if not isinstance(value, list):
            return None
        value = value[:MAX_ELEMENTS]
        if child is None:
            return [_scalar(element, _types(field.get("items", {})), log) for element in value]
        return [self._object(child, element, log) for element in _pair_up(child, value, log)]

    def _prune(self, node: _Node, value: dict[str, Any], path: str, log: _Log) -> dict[str, Any]:
        """``value`` without the elements that break their schema, and cut to the arrays' upper bounds."""
        pruned = dict(value)
        for name, field in node.fields.items():
            if field.get("type") != "array" or not isinstance(value.get(name), list):
                continue
            child = node.children.get(name)
            checker = child.validator if child else Draft202012Validator(dict(field.get("items", {})))
            kept = []
            for index, element in enumerate(value[name]):
                here = f"{path}.{name}[{index}]"
                whole = self._prune(child, element, here, log) if child and isinstance(element, dict) else element
                if checker.is_valid(whole):
                    kept.append(whole)
                    continue
                for error in checker.iter_errors(whole):
                    _report(error, here, log)
            least, most = field.get("minItems", 0), field.get("maxItems", len(kept))
            if len(kept) > most:
                log.note(f"the first {most} of {len(kept)} {name} kept")
                kept = kept[:most]
            if len(kept) < least:
                log.fault(
                    "too_few", f"{name} has {len(kept)} good elements, at least {least} are needed", f"{path}.{name}"
                )
            pruned[name] = kept
        return pruned


def _unwrap(node: _Node, value: Any, log: _Log) -> Any:
    """The object that ``value`` stands for, where it came without its wrapper or with one too many."""
    if isinstance(value, list):
        if node.array is not None:
            log.note("bare array")
            return {node.array: value}
        if len(value) == 1 and isinstance(value[0], dict):
            log.note("object in an array")
            return value[0]
        return None
    if not isinstance(value, dict) or not value or node.names(value):
        return value
    if node.element is not None and node.element.holds(value):
        log.note("single object")
        return {node.array: [value]}
    lists = [key for key, member in value.items() if isinstance(member, list)]
    if node.array is not None and len(lists) == 1:
        log.note("field names")
        return {**{key: member for key, member in value.items() if key != lists[0]}, node.array: value[lists[0]]}
    members = [member for member in value.values() if isinstance(member, dict)]
    if len(members) < len(value):
        return value
    if node.element is not None and all(map(node.element.holds, members)):
        log.note("numbered objects")
        return {node.array: members}
    if len(members) == 1:
        log.note("wrapper dropped")
        return members[0] if node.names(members[0]) else value
    return value


def _pair_up(child: _Node, value: list[Any], log: _Log) -> list[Any]:
    """Chat turns (``from``/``value``, ``role``/``content``) as pairs, where pairs are wanted."""
    if set(child.fields) != {"question", "answer"} or not value:
        return value
    turns: list[str] = []
    for turn in value:
        if not isinstance(turn, dict):
            return value
        side = _SPEAKERS.get(str(turn.get("from", turn.get("role", ""))).lower())
        text = turn.get("value", turn.get("content"))
        if side is None or side != len(turns) % 2 or not isinstance(text, str):
            return value
        turns.append(text)
    log.note("chat turns")
    # A question at the end without its answer stays a question alone, and the schema refuses it.
    return [dict(zip(("question", "answer"), turns[at : at + 2], strict=False)) for at in range(0, len(turns), 2)]


def _scalar(value: Any, types: frozenset[str] | set[str], log: _Log) -> Any:
    if isinstance(value, str):
        return clean_text(value).strip()
    if isinstance(value, int | float) and not isinstance(value, bool) and types == {"string"} and math.isfinite(value):
        log.note("numbers as text")
        return str(value)
    # Nothing nested is passed on: what nobody asked for may be deep enough to break whoever prints it.
    return None if isinstance(value, list | dict) else value


def _report(error: ValidationError, path: str, log: _Log) -> None:
    where = path + error.json_path[1:]
    rule = str(error.validator)
    if rule == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        for name in missing:
            log.fault("missing", f"{where}.{name} is missing", where)
        return
    empty = rule == "minLength" and not error.instance
    says = "{where} is empty" if empty else _SAYS.get(rule, "{where} breaks the rule {rule}: {limit}")
    limit = str(error.validator_value)[:200]
    log.fault(_CODES.get(rule, "schema"), says.format(where=where, limit=limit, rule=rule), where)


def _types(field: Mapping[str, Any]) -> set[str]:
    types = field.get("type", "string")
    return {types} if isinstance(types, str) else set(types)


def _is_object(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "object"


def _fold(key: str) -> str:
    return _FOLD.sub("", key.lower())
