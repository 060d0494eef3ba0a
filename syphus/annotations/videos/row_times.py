"""Times as tables about videos write them, in seconds; and lists that stand in one cell. Pure."""

import ast
import json
import math
import re
import warnings
from collections.abc import Sequence
from typing import Any

Span = tuple[float, float]

_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,4}):(\d{1,2}(?:[.,]\d{1,9})?)")
_NUMBER = re.compile(r"(-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)\s*(?:s|sec|secs|seconds)?")
_PERIOD = re.compile(r"P(?:T(?=\d))(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,8}(?:\.\d{1,6})?)S)?")
_BETWEEN = re.compile(r"\s*(?:-->|->|to|[-–,_])\s*")  # noqa: RUF001  dashes of all lengths
_LONGEST_LIST = 1 << 20
"""Letters of a list in a cell. ``ast.literal_eval`` is safe, but deep nesting could still exhaust it."""


def read_time(value: Any) -> float | None:
    """Seconds, of a number, of ``12.5``, ``1:02.5``, ``00:01:02,500`` or ``PT0H1M2S``; None where it is no such time."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return _finite(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    if found := _NUMBER.fullmatch(text):
        return _finite(found[1])
    if found := _CLOCK.fullmatch(text):
        return int(found[1] or 0) * 3600 + int(found[2]) * 60 + float(found[3].replace(",", "."))
    if found := _PERIOD.fullmatch(text):
        return int(found[1] or 0) * 3600 + int(found[2] or 0) * 60 + float(found[3] or 0)
    return None


def _finite(value: float | str) -> float | None:
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None
    return number if math.isfinite(number) else None


def read_spans(value: Any) -> list[Span] | None:
    """Spans of time, of ``[1, 2]``, ``[[1, 2], [5, 6]]``, ``"1.2-8.4"``, ``{"start", "end"}``, or of a time alone.

    Of a text that is such a list, what is in it. None where any of it is no time.
    """
    value = open_list(value)
    if isinstance(value, dict):
        return join_spans(value.get("start"), value.get("end"))
    if isinstance(value, list):
        if len(value) == 2 and all(read_time(one) is not None for one in value):
            return join_spans(value[0], value[1])
        spans = [read_spans(one) if isinstance(one, list | dict | str) else None for one in value]
        return [span for made in spans if made for span in made] if spans and all(spans) else None
    time = read_time(value)
    if time is not None:
        return [(time, time)]
    if isinstance(value, str):
        for found in _BETWEEN.finditer(value.strip()):
            start, end = read_time(value.strip()[: found.start()]), read_time(value.strip()[found.end() :])
            if start is not None and end is not None:
                return [(start, end)]
    return None


def join_spans(starts: Any, ends: Any, *, rate: float = 1.0) -> list[Span] | None:
    """Spans of starts and ends, each a time or a list of as many; None where any of them is no time.

    Args:
        starts: as :func:`read_time` takes them.
        ends: None: what begins there is a single moment.
        rate: frames a second, where they are frames.
    """
    starts, ends = open_list(starts), open_list(ends)
    firsts = starts if isinstance(starts, list) else [starts]
    lasts = firsts if ends is None else ends if isinstance(ends, list) else [ends]
    if len(firsts) != len(lasts):
        return None
    spans: list[Span] = []
    for first, last in zip(map(read_time, firsts), map(read_time, lasts), strict=True):
        if first is None or last is None:
            return None
        spans.append((first / rate, last / rate))
    return spans


def open_list(value: Any) -> Any:
    """What a text holds that is a list, as JSON or as Python writes one; any other value as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith("[") or len(value) > _LONGEST_LIST:
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        try:
            with warnings.catch_warnings(action="ignore"):  # of odd backslashes
                found = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return value
    return found if isinstance(found, list) else value


def read_texts(value: Any) -> Sequence[str]:
    """The texts of a cell: one, or those of a list; what is no text is left out."""
    value = open_list(value)
    return (
        [one for one in value if isinstance(one, str)] if isinstance(value, list) else [value] * isinstance(value, str)
    )
