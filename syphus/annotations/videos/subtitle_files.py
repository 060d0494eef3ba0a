"""Subtitle files of any format and encoding, as segments of what is said.

SRT, WebVTT and SBV are read by :mod:`syphus.annotations.videos.cues`; what speech recognisers and YouTube's tools write by
:mod:`syphus.annotations.videos.transcripts`; SubStation Alpha (ASS, SSA), MicroDVD, MPL2, TMPlayer, SAMI and TTML by pysubs2. The content decides, not the suffix.
"""

import re
import warnings
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import charset_normalizer
import defusedxml.ElementTree
import pysubs2
from defusedxml.common import DefusedXmlException

from syphus.annotations.foreign import name_other
from syphus.annotations.mending import mend_times
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import find_encoding, open_plain
from syphus.annotations.videos.cues import Cue, Fault, has_cues, is_webvtt, parse_cues, read_header
from syphus.annotations.videos.spoken import clean_lines, find_speakers, read_utterances, tidy_name
from syphus.annotations.videos.transcripts import TranscriptError, find_parser
from syphus.annotations.videos.videos import LATEST
from syphus.decoding import BYTE_ORDER_MARKS
from syphus.errors import InputError
from syphus.records import Segment

SUFFIXES = (
    *(".srt", ".vtt", ".sbv", ".ass", ".ssa", ".smi", ".sami", ".ttml", ".sub"),
    *(".json3", ".srv3", ".srv2", ".srv1", ".json", ".tsv", ".csv", ".lrc"),
)
"""What a folder is searched for; of several files of one name the first of these is read."""
LONGEST = 1 << 26
"""Bytes. The subtitles of ten hours are two million."""

_SAMPLE = 1 << 16
_SUNG = "karaoke"
_FRAME = 100
"""Milliseconds; no line that is to be read is shown for so short a time."""
_ROLLING = 0.3
"""The share of cues that begin with the line the last one ended with, from which on captions are rolling ones."""
_GAP = 0.25
"""Seconds between two cues that show the same line without a break."""


def read_subtitles(
    file: Path,
    report: Report,
    encoding: str | None = None,
    *,
    duration: float | None = None,
    events: bool | None = None,
) -> list[Segment]:
    """What is said in a subtitle file, by time.

    Args:
        file: in any of the formats.
        report: receives what cannot be read, with its line, and what was guessed or mended.
        encoding: of the file; None: by byte order mark, else UTF-8, else what its bytes look most like, which is reported.
        duration: of the video, in seconds, if it is known; cues behind it are left out.
        events: True: the texts say what happens (descriptions for the blind, chapters) and stand in ``text``; False: they are
            said, and stand in the column ``subtitle``, with ``speaker``, ``sound`` and ``lyrics``. None: what a WebVTT
            file's ``Kind`` says, else said.

    Raises:
        InputError: where the file cannot be opened, is no text, or is not in ``encoding``. A file in which nothing can be
            read gives no segments and problems that say why.
    """
    text = read_text(file, report, encoding)
    if not text.strip():
        _tell(report, file, 1, "is empty")
        return []
    if events is None:
        events = read_header(text).kind in ("descriptions", "chapters")
    return make_segments(_parse(text, file, report), file, report, duration=duration, events=events)


def make_segments(
    given: Iterable[Cue], file: Path, report: Report, *, duration: float | None = None, events: bool = False
) -> list[Segment]:
    """Cues as segments, by time; the arguments are those of :func:`read_subtitles`."""
    problem = partial(_tell, report, file)
    cues = _mend_cues(given, duration, report, file)
    cues = _join_rolling(cues, report, file)
    speakers = find_speakers(line for cue in cues for line in cue.lines)
    segments: list[Segment] = []
    for cue in cues:
        made = _split_cue(cue, speakers, events=events)
        if not made:
            problem(cue.place, "the cue holds no words" if cue.lines else "the cue is empty")
        segments += made
    return sorted(segments, key=lambda segment: segment.start)


def _tell(report: Report, file: Path, line: int, message: str, *, lost: bool = True) -> None:
    report(Problem(file=str(file), place=f"line {line}" if line else "the file", message=message, lost=lost))


def _split_cue(cue: Cue, speakers: frozenset[str], *, events: bool) -> list[Segment]:
    if not events:
        spoken = read_utterances(cue.lines, speakers)
        return [Segment(start=cue.start, end=cue.end, columns=one.make_columns()) for one in spoken]
    text = clean_lines(cue.lines)
    return [Segment(start=cue.start, end=cue.end, text=text)] if text else []


# --- bytes to text ---


def read_text(file: Path, report: Report, encoding: str | None = None) -> str:
    """The text of a subtitle file, without byte order mark; its encoding is reported where it was guessed."""
    with open_plain(file) as stream:
        try:
            data = stream.read(LONGEST + 1)
        except OSError as error:  # a folder of that name opens on some systems
            raise InputError(f"cannot be read: {error.strerror}", file=file) from error
    if len(data) > LONGEST:
        raise InputError(f"is larger than {LONGEST >> 20} MB, and so no subtitles", file=file)
    name = find_encoding(file, encoding)
    try:
        text = data.decode(name)
    except UnicodeError as error:
        if encoding is not None:
            raise InputError(
                f"is not {encoding}: {error}", file=file, mend="Leave `encoding` out to have it found."
            ) from error
        text = _guess(data, name, file, report)
    if encoding is None and "\0" in text:
        text = _guess(data, name, file, report)
    if text.count("\0") > len(text) // 8:
        raise InputError("is no text: it is full of zero bytes", file=file)
    return text.removeprefix("\ufeff")


def _guess(data: bytes, name: str, file: Path, report: Report) -> str:
    """Text in an encoding that no byte order mark tells."""
    tell = partial(_tell, report, file, 0, lost=False)
    marked = any(data.startswith(mark) for mark, _ in BYTE_ORDER_MARKS)
    text = data.decode(name, errors="replace")
    broken = text.count("\ufffd")
    others = len(text.encode("utf-8", "replace")) - len(text) - 2 * broken  # bytes of letters that are not ASCII
    if broken and (marked or others > 20 * broken):
        tell(f"{broken} bytes or so are not {name.upper()}; they are shown as \ufffd")
        return text
    matches = charset_normalizer.from_bytes(data[:_SAMPLE])
    best = matches.best()
    if best is None or best.encoding == "ascii":
        if broken:
            tell(f"is not {name.upper()} and like no other encoding; {broken} bytes are shown as \ufffd")
        return text
    western = next((match for match in matches if match.encoding == "cp1252" and match.chaos <= best.chaos), None)
    guess = (
        (western or best).encoding if best.encoding.startswith(("cp125", "iso8859", "latin", "mac")) else best.encoding
    )
    tell(f"is not {name.upper()}; it is read as {guess}, which it looks most like. If that is wrong, say `encoding`.")
    return data.decode(guess, errors="replace")


# --- text to cues ---


class _Markers(NamedTuple):
    pattern: re.Pattern[str]
    format: str


_OTHERS = (
    _Markers(re.compile(r"^[ \t]*\[Script Info\]|^[ \t]*\[Events\]|^Dialogue:\s", re.MULTILINE), "ass"),
    _Markers(re.compile(r"<SAMI\b", re.IGNORECASE), "sami"),
    _Markers(re.compile(r"<(?:\w+:)?tt[\s>]"), "ttml"),
    _Markers(re.compile(r"^[ \t]*\{\d+\}\{\d+\}", re.MULTILINE), "microdvd"),
    _Markers(re.compile(r"^[ \t]*\[\d+\]\s?\[\d+\]", re.MULTILINE), "mpl2"),
    _Markers(re.compile(r"^[ \t]*\d+:\d{2}:\d{2}:[^\d]", re.MULTILINE), "tmp"),
)

_ENTRIES = {
    "ass": re.compile(r"^Dialogue:", re.MULTILINE),
    "sami": re.compile(r"<SYNC\b(?:(?!<SYNC\b)[^\0])*?<P\b[^>]*>\s*(?!&nbsp;|<)\S", re.IGNORECASE),
    "ttml": re.compile(r"<(?:\w+:)?p[\s>]"),
    "microdvd": re.compile(r"^[ \t]*\{\d+\}\{\d+\}(?![ \t]*\d+(?:\.\d+)?[ \t]*$)", re.MULTILINE),
    "mpl2": re.compile(r"^[ \t]*\[\d+\]\s?\[\d+\]", re.MULTILINE),
    "tmp": re.compile(r"^[ \t]*\d+:\d{2}:\d{2}:", re.MULTILINE),
}
"""What an entry begins with: pysubs2 says nothing of those it passes over."""


def _parse(text: str, file: Path, report: Report) -> Iterator[Cue]:
    parse = None if is_webvtt(text) else find_parser(text)
    if parse is None and not (is_webvtt(text) or has_cues(text)):
        other = next((marks.format for marks in _OTHERS if marks.pattern.search(text[:_SAMPLE])), None)
        if other:
            yield from _parse_other(text, other, file, report)
            return
    try:
        for found in (parse or parse_cues)(text):
            if isinstance(found, Fault):
                _tell(report, file, found.place, found.message, lost=found.lost)
            else:
                yield found
    except TranscriptError as error:
        raise InputError(str(error), file=file, mend=name_other(error.keys) if error.keys else "") from error


def _parse_other(text: str, form: str, file: Path, report: Report) -> Iterator[Cue]:
    try:
        if form == "ttml":
            defusedxml.ElementTree.fromstring(text.encode())  # refuses entities, which pysubs2 would expand
        with warnings.catch_warnings(action="ignore"):  # of margins and layers, which are not used
            subtitles = pysubs2.SSAFile.from_string(text, format_=form)
    except pysubs2.exceptions.UnknownFPSError as error:
        mend = "Its times are frames: convert it to SRT with the video's frame rate."
        raise InputError("is MicroDVD without a frame rate", file=file, mend=mend) from error
    except (pysubs2.Pysubs2Error, DefusedXmlException, SyntaxError, RecursionError) as error:
        raise InputError(f"cannot be read as {form.upper()}: {str(error)[:200]}", file=file) from error
    except Exception as error:  # pysubs2 passes on what its regular expressions and casts meet
        raise InputError(f"cannot be read as {form.upper()}: {error!r:.200}", file=file) from error
    wanted = sum(1 for _ in _ENTRIES[form].finditer(text))
    if wanted > len(subtitles):
        _tell(report, file, 0, f"{wanted - len(subtitles)} of {wanted} entries cannot be read ({form.upper()})")
    events = list(_drop_effects(subtitles))
    repeated = sum(not (event.is_comment or event.is_drawing) for event in subtitles) - len(events)
    if repeated > 0:
        message = f"{repeated} events show others again (layers, single frames, karaoke); they are read once"
        _tell(report, file, 0, message, lost=False)
    for event in events:
        name = tidy_name(event.name)
        said = event.plaintext if form in ("ass", "mpl2", "microdvd") else event.text.replace(r"\N", "\n")
        said = f"♪ {said} ♪" if event.effect == _SUNG else said
        voice = re.sub(r"[<>]", " ", name)
        lines = (f"<v {voice}>{said}" if voice.strip() and said.strip() else said).split("\n")
        yield Cue(event.start / 1000, event.end / 1000, tuple(line for line in lines if line.strip()), 0)


def _drop_effects(subtitles: Iterable[pysubs2.SSAEvent]) -> Iterator[pysubs2.SSAEvent]:
    """Events as they are read. Typesetters show one line as many events: in layers, frame by frame, syllable by syllable.

    What Aegisub's karaoke templater makes has the effect ``fx``; the line it was made of stays as a comment, ``karaoke``.
    """
    shown: dict[tuple[str, str], pysubs2.SSAEvent] = {}
    for event in sorted(subtitles, key=lambda event: event.start):
        effect = event.effect.strip().lower()
        if event.is_drawing or effect == "fx" or (event.is_comment and effect != _SUNG):
            continue
        key = event.name, event.plaintext
        last = shown.get(key)
        if last and event.end <= last.end:
            continue  # its outline, or its shadow
        if last and event.end - event.start <= _FRAME and event.start - last.end <= _FRAME:
            last.end = event.end
            continue
        if last:
            yield last
        shown[key] = event
    yield from shown.values()


def _mend_cues(cues: Iterable[Cue], duration: float | None, report: Report, file: Path) -> list[Cue]:
    mended: list[Cue] = []
    for cue in cues:
        times, message = mend_times(cue.start, cue.end, duration=duration)
        if times and times[1] > LATEST:
            times, message = None, f"its times {cue.start:g} to {cue.end:g} s are beyond any video"
        if message:
            _tell(report, file, cue.place, message, lost=times is None)
        if times:
            mended.append(cue._replace(start=times[0], end=times[1]))
    return mended


# --- rolling captions ---


def _join_rolling(cues: list[Cue], report: Report, file: Path) -> list[Cue]:
    """YouTube's automatic captions show each line twice: as it is said, and above the next one. Each is kept once."""
    shown = [_bare_lines(cue) for cue in cues]
    repeats = sum(_is_repeat(*pair) for pair in zip(cues, cues[1:], shown, shown[1:], strict=False))
    if repeats < 2 or repeats < _ROLLING * (len(cues) - 1):
        return cues
    joined: list[Cue] = []
    for index, cue in enumerate(cues):
        fresh = len(cue.lines)
        if index and _is_repeat(cues[index - 1], cue, shown[index - 1], shown[index]):
            fresh -= _count_repeated(shown[index - 1], shown[index])
        lines = cue.lines[len(cue.lines) - fresh :]
        if any(_bare(line) for line in lines):
            joined.append(cue._replace(lines=lines))
        elif joined and fresh < len(cue.lines):
            joined[-1] = joined[-1]._replace(end=max(joined[-1].end, cue.end))
        else:
            joined.append(cue)
    _tell(report, file, 0, f"rolling captions: {repeats} lines that are shown twice are kept once", lost=False)
    return joined


def _bare(line: str) -> str:
    return " ".join(re.sub(r"<[^<>]*>", "", line).split())


def _bare_lines(cue: Cue) -> tuple[str, ...]:
    return tuple(map(_bare, cue.lines))


def _is_repeat(before: Cue, after: Cue, shown: tuple[str, ...], then: tuple[str, ...]) -> bool:
    return after.start <= before.end + _GAP and _count_repeated(shown, then) > 0


def _count_repeated(shown: tuple[str, ...], then: tuple[str, ...]) -> int:
    """How many lines of ``then`` are the last ones of ``shown``; empty ones alone do not count."""
    ended = [line for line in shown if line]
    for count in range(len(then), 0, -1):
        lines = [line for line in then[:count] if line]
        if lines and ended[-len(lines) :] == lines:
            return count
    return 0
