"""Replies that are right as they stand, decoded and validated in one step.

Most replies are: an endpoint that enforces the schema sends nothing else. For them a reply's schema becomes a type once, and
msgspec decodes into it at the speed of C. What it refuses is no fault yet: the long way (:mod:`syphus.categories.reply`) then
reads the text from its beginning, and what the short way returns is what the long way would have returned, with nothing to say.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from syphus.categories.labelled import MAX_ELEMENTS
from syphus.categories.reading import clean_text

_NOTES = frozenset({"title", "description"})
_TEXT = frozenset({"type", "minLength", "maxLength", *_NOTES})
_ARRAY = frozenset({"type", "items", "minItems", "maxItems", *_NOTES})
_OBJECT = frozenset({"type", "properties", "required", "additionalProperties", *_NOTES})
_HIGHEST = 2**31
"""Bounds beyond it are left to the long way."""


def exact_reader(schema: Mapping[str, Any]) -> Callable[[str], dict[str, Any] | None]:
    """What reads a text that is, as a whole, strict JSON for ``schema``; it returns None for any other text.

    Only for schemas whose every rule is known here: objects with all fields required, arrays, texts, and the bounds of their
    lengths. For others the reader returned never finds anything.
    """
    kind = _object_type(schema)
    if kind is None:
        return lambda _: None
    decode = msgspec.json.Decoder(kind).decode

    def read(text: str) -> dict[str, Any] | None:
        try:
            value: dict[str, Any] = msgspec.to_builtins(decode(text))
        except ValueError:  # also what half a surrogate pair raises
            return None
        return value if _is_clean(value) else None

    return read


def _is_clean(value: Any) -> bool:
    """True where no text has a sign or a space that the long way would take out."""
    if isinstance(value, str):
        return clean_text(value).strip() == value
    return all(map(_is_clean, value.values() if isinstance(value, dict) else value))


def _type_of(schema: Any) -> Any:
    """The type that takes just what the schema takes; None where this module cannot say it."""
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    if kind == "object":
        return _object_type(schema)
    if kind == "array" and schema.keys() <= _ARRAY and (element := _type_of(schema.get("items"))) is not None:
        # The long way looks at the first elements alone, and says so; what has more is for it.
        bounds = _bounds(schema, "minItems", "maxItems", most=MAX_ELEMENTS)
        return None if bounds is None else Annotated[list[element], bounds]  # type: ignore[valid-type]
    if kind == "string" and schema.keys() <= _TEXT:
        bounds = _bounds(schema, "minLength", "maxLength", most=_HIGHEST)
        return None if bounds is None else Annotated[str, bounds]
    return None


def _object_type(schema: Mapping[str, Any]) -> Any:
    fields = schema.get("properties", {})
    if schema.get("type") != "object" or not fields or not schema.keys() <= _OBJECT:
        return None
    if set(schema.get("required", ())) != set(fields) or schema.get("additionalProperties", False) is not False:
        return None
    types = [_type_of(field) for field in fields.values()]
    if None in types or not all(map(str.isidentifier, fields)):
        return None
    # Attributes of a class may not have all names that fields of a schema may have (``class``, ``_id``).
    names = [f"field{number}" for number in range(len(fields))]
    return msgspec.defstruct(
        "Reply",
        list(zip(names, types, strict=True)),
        rename=dict(zip(names, fields, strict=True)),
        forbid_unknown_fields=True,
    )


def _bounds(schema: Mapping[str, Any], least: str, most_name: str, *, most: int) -> Meta | None:
    low, high = schema.get(least, 0), schema.get(most_name, most)
    if type(low) is not int or type(high) is not int or not 0 <= low <= _HIGHEST or high < 0:
        return None
    return Meta(min_length=low, max_length=min(high, most))
