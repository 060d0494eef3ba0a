"""A mapping drafted by looking at the first records: what their keys are called, and what stands at them. Pure.

A draft is to be read: it names what it guesses by, and where the numbers of a box can be read in two ways it says so and decides
nothing, for a box that is read wrongly is an annotation that lies.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from syphus.annotations.mapped.draft_boxes import HEIGHT, WIDTH, draft_box
from syphus.annotations.mapped.looking import (
    ENOUGH,
    Line,
    example,
    find_key,
    first_value,
    flatten,
    fold,
    keys_of,
    place_of,
    quote,
    root_of,
    share,
)
from syphus.annotations.mapped.records import name_parts
from syphus.annotations.mapped.values import open_cell, read_number, read_text
from syphus.annotations.naming import is_address
from syphus.annotations.picture_files import SUFFIXES

VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v")

_LONGEST_PATH = 500

_DURATION = ("duration", "length", "videoduration", "seconds")
_ID = ("id", "imageid", "imgid", "videoid", "uid", "key", "name")
_TEXTS = ("caption", "captions", "text", "texts", "description", "descriptions", "sentence", "sentences", "title", "says",
          "phrase", "expression", "alt", "summary", "narration", "label")  # fmt: skip
_LABELS = (
    "label",
    "labelname",
    "category",
    "categoryname",
    "class",
    "classname",
    "cls",
    "name",
    "tag",
    "object",
    "what",
    "type",
)
_STARTS = ("start", "begin", "starttime", "timestart", "t0", "startsec", "from", "startframe", "startseconds")
_ENDS = ("end", "stop", "endtime", "timeend", "t1", "endsec", "to", "endframe", "endseconds")
_SPANS = ("timestamp", "segment", "interval", "span", "window", "time", "times", "timestamps")
_WHOLE = (*_TEXTS, "query", "question")
"""What one text of a record may be called, that is said of all of its times."""
_SCORES = ("score", "confidence", "conf", "prob", "probability")
_ATTRIBUTES = ("attributes", "attribute", "attrs", "looks")
_ANSWERS = ("answer", "answers", "a", "response", "directanswers")
_OPTIONS = ("options", "choices", "candidates")
_CORRECT = ("correct", "answeridx", "correctchoiceidx", "correctidx", "label", "answer", "correctanswer")


class Draft(NamedTuple):
    """The tables of a draft, in order."""

    tables: dict[str, list[Line]]
    """``scene``, ``scene.objects`` ... -> their lines."""
    left: list[str]
    """Keys of the records that nothing was made of."""


def draft_mapping(records: Sequence[Mapping[str, Any]]) -> Draft:
    """What the records seem to say.

    Args:
        records: some of them; a hundred tell enough.
    """
    used: set[str] = set()
    scene = list(_draft_scene(records, used))
    tables: dict[str, list[Line]] = {"scene": scene}
    for key in keys_of(records):
        parts = [part for record in records for _, part in name_parts(record.get(key)) if isinstance(part, dict)]
        found = _draft_parts(key, parts, records) if parts and key not in used else None
        if found and f"scene.{found[0]}" not in tables:
            tables[f"scene.{found[0]}"] = found[1]
            used.add(key)
    for name, lines in _draft_flat(records, used):
        tables.setdefault(name, lines)
    scene += _draft_captions(records, used)
    return Draft(tables, [key for key in keys_of(records) if key not in used])


# --- the record itself


def _draft_scene(records: Sequence[Mapping[str, Any]], used: set[str]) -> Iterator[Line]:
    flat = list(flatten(records))
    identity = next((path for path, name, _ in flat if name in _ID[:-1] and "." not in path), None)
    if identity:
        used.add(identity)
        yield Line("id", quote(identity))
    for kind, suffixes in (("image", SUFFIXES), ("video", VIDEO_SUFFIXES)):
        named = ((path, values) for path, _, values in flat if _share_of_files(values, suffixes) >= ENOUGH)
        if file := next(named, None):
            used.add(root_of(file[0]))
            yield Line(kind, quote(file[0]), example(file[1]))
            break
    for key, names in (("width", WIDTH), ("height", HEIGHT), ("duration", _DURATION)):
        found = next(
            (path for path, name, values in flat if name in names and share(values, _is_positive) >= ENOUGH), None
        )
        if found:
            used.add(root_of(found))
            yield Line(key, quote(found))


def _draft_captions(records: Sequence[Mapping[str, Any]], used: set[str]) -> Iterator[Line]:
    texts = [
        (path, values)
        for path, name, values in flatten(records)
        if name in _TEXTS and root_of(path) not in used and share(values, _is_phrase) >= ENOUGH
    ]
    if texts:
        used.update(root_of(path) for path, _ in texts)
        places = [quote(path) for path, _ in texts]
        yield Line("captions", places[0] if len(places) == 1 else f"[{', '.join(places)}]", example(texts[0][1]))


# --- lists of parts


def _draft_parts(
    key: str, parts: Sequence[Mapping[str, Any]], records: Sequence[Mapping[str, Any]]
) -> tuple[str, list[Line]] | None:
    """The table that a list of objects is, and its lines."""
    each = Line("each", quote(place_of(key)))
    if questions := _draft_questions(parts):
        return "questions", [each, *questions]
    if times := _draft_times(parts):
        text = find_key(parts, _TEXTS, str)
        return "segments", [each, *times, *([Line("text", quote(place_of(text)))] if text else [])]
    box = list(draft_box(parts, records))
    label, text = find_key(parts, _LABELS, (str, int)), find_key(parts, _TEXTS[:-1], str)
    if text and box and (not label or _is_phrase(first_value(parts, text))):
        return "regions", [each, Line("text", quote(place_of(text)), example([first_value(parts, text)])), *box]
    several = "" if label else find_key(parts, ("names", "labels"), list)
    if several:
        label = several
    if not label or not (
        box or fold(key) in ("objects", "things", "shapes", "instances", "annotations", "dets", "detections")
    ):
        return None
    lines = [
        each,
        Line(
            "label",
            quote(f"{place_of(label)}[0]" if several else place_of(label)),
            example([first_value(parts, label)]),
        ),
    ]
    if isinstance(first_value(parts, label), int):
        lines.append(Line("names", '{ 1 = "…" }', "what the numbers mean", sure=False))
    for name, names in (("id", ("id", "key", "objectid")), ("attributes", _ATTRIBUTES), ("score", _SCORES)):
        if (found := find_key(parts, names, object)) and found != label:
            lines.append(Line(name, quote(place_of(found))))
    return "objects", [*lines, *box]


def _draft_times(parts: Sequence[Mapping[str, Any]]) -> list[Line]:
    start, end = find_key(parts, _STARTS, object), find_key(parts, _ENDS, object)
    if start and end:
        frames = "frame" in fold(start)
        lines = [Line("start", quote(place_of(start))), Line("end", quote(place_of(end)))]
        return [*lines, Line("times", '"frames"', "and `fps`", sure=False)] if frames else lines
    span = find_key(parts, _SPANS, list)
    if span and isinstance(found := open_cell(first_value(parts, span)), list) and len(found) == 2:
        return [Line("start", quote(f"{place_of(span)}[0]")), Line("end", quote(f"{place_of(span)}[1]"))]
    return []


def _draft_questions(parts: Sequence[Mapping[str, Any]]) -> list[Line]:
    question = find_key(parts, ("question", "q", "query", "instruction"), str)
    if not question:
        return []
    answers, options = find_key(parts, _ANSWERS, object), find_key(parts, _OPTIONS, list)
    if not answers and not options:
        return []
    lines = [Line("question", quote(place_of(question)))]
    if options:
        lines.append(Line("options", quote(place_of(options))))
        correct = find_key(parts, _CORRECT, object)
        if correct:
            lines.append(Line("correct", quote(place_of(correct)), example([first_value(parts, correct)])))
    if answers and not any(line.value == quote(place_of(answers)) for line in lines):
        lines.append(Line("answers", quote(place_of(answers))))
    return lines


def _draft_flat(records: Sequence[Mapping[str, Any]], used: set[str]) -> Iterator[tuple[str, list[Line]]]:
    """Questions of records that hold one each, and times and texts as two lists that go together."""
    if lines := _draft_questions(records):
        used.update(key for key in keys_of(records) if any(line.value == quote(place_of(key)) for line in lines))
        yield "scene.questions", lines
    times = next(
        (key for key in keys_of(records) if _is_span(key) and _is_pairs(open_cell(first_value(records, key)))), None
    )
    texts = next(
        (key for key in keys_of(records) if fold(key) in _TEXTS and isinstance(first_value(records, key), list)), None
    )
    whole = next(
        (key for key in keys_of(records) if fold(key) in _WHOLE and _is_phrase(first_value(records, key))), None
    )
    if times and whole and not texts:
        used.update((times, whole))
        yield "scene.segments", [
            Line("each", quote(place_of(times))), Line("start", '"[0]"'), Line("end", '"[1]"'),
            Line("text", quote(f"^{place_of(whole)}"), example([first_value(records, whole)])),
        ]  # fmt: skip
    if times and texts:
        used.update((times, texts))
        each = f"{{time: {place_of(times)}, text: {place_of(texts)}}}"
        yield "scene.segments", [
            Line("each", quote(each)), Line("parallel", "true"), Line("start", '"time[0]"'), Line("end", '"time[1]"'),
            Line("text", '"text"'),
        ]  # fmt: skip


# --- values and names


def _share_of_files(values: Sequence[Any], suffixes: tuple[str, ...]) -> float:
    def is_file(value: Any) -> bool:
        named = isinstance(value, str) and value.lower().split("?")[0].endswith(suffixes)
        return named and (is_address(value) or len(value) < _LONGEST_PATH)

    return share(values, is_file)


def _is_phrase(value: Any) -> bool:
    return len(read_text(value).split()) > 2


def _is_positive(value: Any) -> bool:
    number = read_number(value)
    return number is not None and number > 0


def _is_span(key: str) -> bool:
    return any(fold(key).rstrip("s").endswith(name.rstrip("s")) for name in _SPANS)


def _is_pairs(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, list) and len(one) == 2 for one in value)
