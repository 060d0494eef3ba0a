"""Transcripts as speech recognisers and YouTube's tools write them, as the cues of subtitles. Pure.

JSON:

- Whisper (https://github.com/openai/whisper, ``--output_format json``), and what follows it: faster-whisper, WhisperX (with
  ``speaker``), NeMo: ``{"segments": [{"start", "end", "text"}]}``, seconds.
- whisper.cpp (https://github.com/ggml-org/whisper.cpp, ``--output-json``): ``{"transcription": [{"offsets": {"from", "to"}, "text"}]}``,
  milliseconds.
- Hugging Face's pipeline: ``{"chunks": [{"timestamp": [start, end], "text"}]}``, seconds; the last end may be null.
- youtube-transcript-api: ``[{"text", "start", "duration"}]``, seconds; of later versions under ``snippets``.
- YouTube's ``json3`` (``yt-dlp --sub-format json3``): ``{"events": [{"tStartMs", "dDurationMs", "segs": [{"utf8"}]}]}``.
- Amazon Transcribe (``results.audio_segments``), Deepgram (``results.utterances``) and AssemblyAI (``utterances``, milliseconds).
- LongVideoBench's subtitles: ``[{"start": "00:00:01.000", "end", "line"}]``, or ``[{"timestamp": [start, end], "text"}]``.
- HowTo100M's captions of one video: ``{"start": [...], "end": [...], "text": [...]}``, seconds.

Tables with the header ``start, end, text``: Whisper's TSV counts milliseconds, HowTo100M's CSV seconds. YouTube's XML: ``<text
start="0.1" dur="2">`` in seconds (``srv1``), ``<p t="100" d="2000">`` in milliseconds (``srv3``). LRC, the lyrics of players:
``[01:02.50]words``, each until the next.

Single words (word stamps of Hugging Face's pipeline) are put together to what is said in one breath.
"""

import csv
import html
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from syphus.annotations.videos.cues import Cue, Fault
from syphus.annotations.videos.row_times import read_time

_JSON = re.compile(r'\s*(?:\{\s*"|\[\s*\{\s*")')
_TABLE = re.compile(r"(?:,|\w*,)?[ \t]*start[ \t]*([,\t;])[ \t]*end[ \t]*\1[ \t]*text[ \t]*\r?\n", re.IGNORECASE)
_XML = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?<(?:transcript|timedtext)\b")
_LYRIC = re.compile(r"[ \t]*((?:\[\d{1,3}:\d{1,2}(?:[.:]\d{1,3})?\][ \t]*)+)(.*)")
_LYRIC_TIME = re.compile(r"\[(\d{1,3}):(\d{1,2})(?:[.:](\d{1,3}))?\]")
_LISTS = ("segments", "chunks", "snippets", "transcription", "events", "utterances", "audio_segments")
_HEAD = re.compile(
    rf'[\s\S]*"(?:{"|".join(_LISTS)})"\s*:\s*\[\s*\{{'  # somewhere in the head
    r'|\s*\[\s*\{\s*"(?:text|start|end|duration|speaker|timestamp)"|\s*\{\s*"(?:text|wireMagic|systeminfo)"\s*:'
)
_NUMBERED = re.compile(r"^(?:spk |speaker )?(\d+|[A-Z])$", re.IGNORECASE)
_SILENCE = frozenset({"[BLANK_AUDIO]", "[ Silence ]", "[SILENCE]"})
"""What whisper.cpp writes where nothing is said."""
_BREATH = 0.8
"""Seconds of silence between two words, from which on another sentence begins."""
_LONGEST = 7.0
"""Seconds that words are put together for, as subtitles last."""
_UNSPACED = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff01-\uff60]")
"""Scripts without spaces between words."""
_SENTENCE_END = re.compile(r"[.!?。？！]['\"”’)]*$")  # noqa: RUF001  full-width marks are what is looked for

Parse = Callable[[str], Iterator[Cue | Fault]]


class TranscriptError(ValueError):
    """A file that begins as a transcript, and is none.

    Args:
        message: what it is.
        keys: of the record or document, to tell it by.
    """

    def __init__(self, message: str, keys: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.keys = tuple(keys)


def find_parser(text: str) -> Parse | None:
    """What reads such a text; None where it is no transcript."""
    if _JSON.match(text):
        return _parse_json
    if _TABLE.match(text):
        return _parse_table
    if _XML.match(text):
        return _parse_xml
    lines = [line for line in text[: 1 << 14].splitlines() if line.strip()]
    sung = sum(bool(_LYRIC.fullmatch(line)) for line in lines)
    return _parse_lyrics if sung and sung * 2 > len(lines) else None


def looks_like_transcript(head: str) -> bool:
    """Whether a JSON, TSV or CSV file that begins so is a transcript; a folder may hold others beside them."""
    return bool(_HEAD.match(head) or _TABLE.match(head))


def _parse_json(text: str) -> Iterator[Cue | Fault]:
    try:
        document = json.loads(text)  # Whisper's has NaN where a segment has no words
    except (ValueError, RecursionError) as error:
        line = _read_first(text)
        what = "is JSON Lines, and no transcript" if line else f"is no JSON: {error}"[:200]
        raise TranscriptError(what, line) from error
    found = _find_list(document)
    if found is None:
        raise TranscriptError("is no transcript that is known here", document if isinstance(document, dict) else ())
    where, entries = found
    unit = 1000 if where == "utterances" and "audio_duration" in document else 1  # AssemblyAI's
    cues: list[Cue] = []
    for index, entry in enumerate(entries):
        cue = _read_entry(entry) if isinstance(entry, dict) else "is no object"
        if isinstance(cue, str):
            yield Fault(0, f"{where}[{index}] {cue}; it is left out")
        elif cue is not None:
            cues.append(cue._replace(start=cue.start / unit, end=cue.end / unit))
    yield from _join_words(_close(cues))


def _read_first(text: str) -> dict[str, Any]:
    """The record of the first line, where there are others behind it."""
    first, _, rest = text.strip().partition("\n")
    try:
        record = json.loads(first) if rest else None
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _find_list(document: Any) -> tuple[str, list[Any]] | None:
    """The entries of a transcript, and what the list is called."""
    if isinstance(document, list):
        return "", document
    if not isinstance(document, dict):
        return None
    for key in _LISTS:
        if isinstance(document.get(key), list):
            return key, document[key]
    columns = [document.get(key) for key in ("start", "end", "text")]
    if all(isinstance(column, list) for column in columns):
        return "", [dict(zip(("start", "end", "text"), row, strict=True)) for row in zip(*columns, strict=False)]
    for key in ("result", "results", "transcript"):
        inner = document.get(key)
        found = _find_list(inner) if isinstance(inner, dict | list) else None
        if found:
            return f"{key}.{found[0]}".rstrip("."), found[1]
    return None


def _read_entry(entry: dict[str, Any]) -> Cue | str | None:
    """The cue of an entry, what is wrong with it, or None for one that is meant to show nothing."""
    if "tStartMs" in entry:
        given = entry.get("segs")
        parts = given if isinstance(given, list) else []
        said = "".join(str(part.get("utf8", "")) for part in parts if isinstance(part, dict))
        if not said.strip():
            return None  # it only opens a window, or breaks a line
        start, length = _number(entry["tStartMs"]), _number(entry.get("dDurationMs"))
        return _make_cue(start / 1000, (start + length) / 1000, said, "")
    texts = [entry[key] for key in ("text", "transcript", "line", "word") if isinstance(entry.get(key), str)]
    if not texts:
        return "has no `text`"
    if texts[0].strip() in _SILENCE:
        return None
    if isinstance(entry.get("offsets"), dict):
        start, end = (_number(entry["offsets"].get(key)) / 1000 for key in ("from", "to"))
    elif isinstance(entry.get("timestamp"), list) and len(entry["timestamp"]) == 2:
        start, end = map(_number, entry["timestamp"])
    else:
        start, last = _number(entry.get("start", entry.get("start_time"))), entry.get("end", entry.get("end_time"))
        end = start + _number(entry.get("duration", entry.get("dur"))) if last is None else _number(last)
    speaker = entry.get("speaker", entry.get("speaker_label"))
    return _make_cue(start, end, texts[0], str(speaker) if isinstance(speaker, str | int) else "")


def _number(value: Any) -> float:
    """A number, or a time that is written as text; NaN for anything else."""
    number = read_time(value)
    return math.nan if number is None else number


def _make_cue(start: float, end: float, said: str, speaker: str) -> Cue | str:
    if not math.isfinite(start):
        return "has no time"
    voice = " ".join(re.sub(r"[<>_]", " ", speaker).split())
    voice = _NUMBERED.sub(r"Speaker \1", voice)
    text = f"<v {voice}>{said.strip()}" if voice and said.strip() else said.strip()
    return Cue(start, end if math.isfinite(end) else math.nan, tuple(text.splitlines()), 0)


def _close(cues: list[Cue]) -> list[Cue]:
    """What has no end lasts until the next one begins; the last is a moment."""
    ends = [after.start for _, after in pairwise(cues)] + [cues[-1].start] if cues else []
    return [
        cue._replace(end=max(cue.start, end)) if math.isnan(cue.end) else cue
        for cue, end in zip(cues, ends, strict=True)
    ]


def _join_words(cues: list[Cue]) -> list[Cue]:
    single = sum(len(cue.lines) == 1 and len(cue.lines[0].split()) == 1 for cue in cues)
    if len(cues) < 6 or single < 0.9 * len(cues):
        return cues
    joined: list[Cue] = []
    for cue in cues:
        last = joined[-1] if joined else None
        words = cue.lines[0] if cue.lines else ""
        ended = last is None or bool(_SENTENCE_END.search(last.lines[0]))
        if ended or last is None or cue.start - last.end > _BREATH or cue.end - last.start > _LONGEST or "<v " in words:
            joined += [cue] if words else []
        else:
            gap = "" if _UNSPACED.match(words) and _UNSPACED.match(last.lines[0][-1:]) else " "
            joined[-1] = last._replace(end=max(last.end, cue.end), lines=(f"{last.lines[0]}{gap}{words}".strip(),))
    return joined


def _parse_table(text: str) -> Iterator[Cue | Fault]:
    header = _TABLE.match(text)
    delimiter = header[1] if header else ","
    lines = text.splitlines()
    try:  # Whisper's TSV has texts as they are, quotes and all
        rows = (
            [line.split("\t") for line in lines] if delimiter == "\t" else list(csv.reader(lines, delimiter=delimiter))
        )
    except csv.Error as error:
        raise TranscriptError(f"is no table: {error}") from error
    shift = len(rows[0]) - 3  # pandas puts an index in front
    times = [cell for row in rows[1:] for cell in row[shift : shift + 2]]
    unit = 1000 if delimiter == "\t" and all(cell.strip().isdigit() for cell in times if cell.strip()) else 1
    cues: list[Cue] = []
    for number, row in enumerate(rows[1:], 2):
        if not any(row):
            continue
        start, end = (_number(cell) / unit for cell in (*row[shift : shift + 2], "", "")[:2])
        made = _make_cue(start, end, delimiter.join(row[shift + 2 :]), "")
        if isinstance(made, str):
            yield Fault(number, f"the row {made}; it is left out")
        else:
            cues.append(made._replace(place=number))
    yield from _close(cues)


def _parse_xml(text: str) -> Iterator[Cue | Fault]:
    try:
        root = defusedxml.ElementTree.fromstring(text.strip().encode())
    except (SyntaxError, DefusedXmlException, RecursionError, ValueError) as error:
        raise TranscriptError(f"is no XML: {error}"[:200]) from error
    cues: list[Cue] = []
    for index, node in enumerate(node for node in root.iter() if node.tag in ("text", "p")):
        said = html.unescape("".join(node.itertext()))
        unit = 1 if node.tag == "text" else 1000
        start = _number(node.get("start") if unit == 1 else node.get("t")) / unit
        end = start + _number(node.get("dur") if unit == 1 else node.get("d")) / unit
        made = _make_cue(start, end, said, "")
        if not said.strip():
            continue
        if isinstance(made, str):
            yield Fault(0, f"entry {index} {made}; it is left out")
        else:
            cues.append(made)
    yield from _close(cues)


def _parse_lyrics(text: str) -> Iterator[Cue | Fault]:
    lines: list[tuple[float, str, int]] = []
    for number, line in enumerate(text.splitlines(), 1):
        found = _LYRIC.fullmatch(line)
        if found:
            for minutes, seconds, part in _LYRIC_TIME.findall(found[1]):
                fraction = int(part) / 10 ** len(part) if part else 0.0
                lines.append((int(minutes) * 60 + int(seconds) + fraction, found[2].strip(), number))
        elif line.strip() and not re.fullmatch(r"\s*\[[a-zA-Z#]+:.*\]\s*", line):
            yield Fault(number, f"text without a time is left out: {line.strip()[:60]!r}")
    lines.sort()
    ends = [after[0] for _, after in pairwise(lines)] + [lines[-1][0]] if lines else []
    for (start, said, number), end in zip(lines, ends, strict=True):
        if said:
            yield Cue(start, end, (f"♪ {said} ♪",), number)
