"""The cues of SRT, WebVTT and SBV text, with the line of each fault. Pure.

pysubs2 reads the other subtitle formats here, but not these three: it skips cues whose times it does not know
(``0:0:3.540``, ``00:00:11:890``) without a word and hangs their text on the cue before, and it takes WebVTT's comments for
speech (measured on the real files of webvtt-py and pysrt).

WebVTT: https://www.w3.org/TR/webvtt1/. SubRip has no standard; what is read is the union of what players accept: comma or dot,
no hours, no milliseconds, no indexes, no empty line between cues, empty lines inside a cue. SBV is YouTube's own.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple


class Cue(NamedTuple):
    """What is shown from one time to another."""

    start: float
    """Seconds; as written, also where it lies after ``end``."""
    end: float
    lines: tuple[str, ...]
    """As they stand, markup and all; none where the cue is empty."""
    place: int
    """The line of its times, counted from 1."""


class Fault(NamedTuple):
    """What is no cue and none of the things that may stand between them."""

    place: int
    message: str
    lost: bool = True


class Header(NamedTuple):
    """What the head of a WebVTT file says."""

    kind: str
    """``captions``, ``subtitles``, ``descriptions``, ``chapters``; empty where it does not say."""
    language: str


_STAMP = r"(?:(\d{1,4}):)?(\d{1,3}):(\d{1,2})(?:[.,:](\d{1,9}))?"
_ARROW = re.compile(rf"\s*-?{_STAMP}\s*-{{1,2}}>\s*-?{_STAMP}(?=\s|$)")
_BEFORE_ZERO = re.compile(r"\s*-\d"), re.compile(r".*>\s*-\d")
"""Of the first and the second time: a film that was cut at its beginning has cues from before it."""
_COMMA = re.compile(rf"\s*{_STAMP},{_STAMP}\s*$")
_FRAMES = re.compile(r":\d+:\d+:\d")
_LIKE_COMMA = re.compile(r"^\s*\d+:[\d:]+\.\w+,\d+:\S+\s*$")
_INDEX = re.compile(r"\s*\d{1,7}\s*$")
_ASIDE = re.compile(r"(NOTE|STYLE|REGION)(\s|$)")
_ENDS = re.compile(r"\r\n|\r|\n|\u2028|\u0085")
_MAP = re.compile(rf"X-TIMESTAMP-MAP\s*=.*?LOCAL:{_STAMP}", re.IGNORECASE)
_MPEG = re.compile(r"MPEGTS:(\d{1,12})", re.IGNORECASE)
MPEG_CLOCK = 90_000
"""Ticks of an MPEG transport stream a second."""


def is_webvtt(text: str) -> bool:
    """Whether the text begins as WebVTT does."""
    return text.startswith("WEBVTT")


def has_cues(text: str) -> bool:
    """Whether any line is, or is meant to be, the times of a cue of these formats."""
    return any(_ARROW.match(line) or _COMMA.match(line) or _is_like_times(line) for line in _ENDS.split(text))


def read_header(text: str) -> Header:
    """What a WebVTT file says of itself before its first cue."""
    found = {"kind": "", "language": ""}
    if is_webvtt(text):
        for line in _split_header(_ENDS.split(text)):
            key, _, value = line.partition(":")
            if key.strip().lower() in found:
                found[key.strip().lower()] = value.strip().lower()
    return Header(**found)


def parse_cues(text: str) -> Iterator[Cue | Fault]:
    """The cues in their order, and what is wrong between them.

    Args:
        text: the whole file, without byte order mark.
    """
    lines = _ENDS.split(text)
    webvtt = is_webvtt(text)
    start = 0
    if webvtt:
        header = _split_header(lines)
        start = len(header)
        yield from _check_map(header)
    yield from _Parser(lines, webvtt=webvtt).parse(start)


def _split_header(lines: list[str]) -> list[str]:
    for index, line in enumerate(lines):
        if not line.strip() or _ARROW.match(line):
            return lines[:index]
    return lines


def _check_map(header: list[str]) -> Iterator[Fault]:
    for place, line in enumerate(header, 1):
        local, mpeg = _MAP.search(line), _MPEG.search(line)
        if local and mpeg:
            shift = int(mpeg[1]) / MPEG_CLOCK - _to_seconds(local.groups())
            if shift:
                message = (
                    f"it is a piece of a stream whose clock is {shift:g} s ahead (X-TIMESTAMP-MAP); times are taken as "
                    "they stand"
                )
                yield Fault(place, message, lost=False)


class _Parser:
    """A walk over the lines; one cue is open at a time."""

    def __init__(self, lines: list[str], *, webvtt: bool) -> None:
        self._lines = lines
        self._webvtt = webvtt
        self._blank_ends = webvtt
        self._times: tuple[float, float] | None = None
        self._place = 0
        self._text: list[str] = []
        self._stray: list[str] = []
        self._stray_place = 0

    def parse(self, start: int) -> Iterator[Cue | Fault]:
        index = start
        while index < len(self._lines):
            line = self._lines[index]
            found = _ARROW.match(line) or _COMMA.match(line)
            if found:
                self._drop_index()
                yield from self._close()
                yield from self._open(found, line, index + 1)
            elif _is_like_times(line) or _LIKE_COMMA.match(line):
                self._drop_index()
                yield from self._close()
                yield Fault(index + 1, f"its times cannot be read: {line.strip()[:60]!r}; the cue is left out")
                index = self._skip_block(index + 1)
                continue
            elif self._is_blank(line):
                index = self._find_next(index)
                if self._is_over(index):
                    yield from self._close()
                continue
            elif self._webvtt and not self._times and not self._stray and _ASIDE.match(line):
                while index < len(self._lines) and self._lines[index].strip():
                    index += 1
                continue
            elif self._times:
                self._text.append(line)
            else:
                self._stray_place = self._stray_place or index + 1
                self._stray.append(line)
            index += 1
        yield from self._close()

    def _open(self, found: re.Match[str], line: str, place: int) -> Iterator[Fault]:
        groups = found.groups()
        start, end = _to_seconds(groups[:4]), _to_seconds(groups[4:])
        is_before = [bool(pattern.match(line)) for pattern in _BEFORE_ZERO]
        self._times = (-start if is_before[0] else start, -end if is_before[1] else end)
        self._blank_ends = self._webvtt or "-->" not in line  # SBV is as strict as WebVTT
        self._place = place
        if _FRAMES.search(line):
            yield Fault(place, "milliseconds behind a colon; they are read as if behind a comma", lost=False)

    def _drop_index(self) -> None:
        """The line right before the times is the number of the cue, or in WebVTT any name for it."""
        if self._stray and (self._webvtt or _INDEX.match(self._stray[-1])):
            self._stray.pop()
        elif self._text and _INDEX.match(self._text[-1]):
            self._text.pop()

    def _find_next(self, index: int) -> int:
        while index < len(self._lines) and self._is_blank(self._lines[index]):
            index += 1
        return index

    def _is_blank(self, line: str) -> bool:
        """In WebVTT a line of spaces is text: YouTube's rolling captions begin with one."""
        return not line if self._webvtt else not line.strip()

    def _is_over(self, following: int) -> bool:
        """Whether the empty line before ``following`` ends the cue. In SRT it may also stand inside of one."""
        if not self._times or following == len(self._lines):
            return True
        if self._webvtt and not self._text:
            return self._begins_cue(following)
        if self._blank_ends:
            return True
        return bool(_INDEX.match(self._lines[following]))

    def _begins_cue(self, index: int) -> bool:
        """Whether a line of WebVTT is the times of a cue, its name before them, or a block between cues.

        YouTube's rolling captions begin with a line of one space, and tools that tidy files make it an empty line.
        """
        following = self._lines[index + 1] if index + 1 < len(self._lines) else ""
        return any("-->" in line for line in (self._lines[index], following)) or bool(_ASIDE.match(self._lines[index]))

    def _skip_block(self, index: int) -> int:
        while index < len(self._lines) and self._lines[index].strip() and not _ARROW.match(self._lines[index]):
            index += 1
        return index

    def _close(self) -> Iterator[Cue | Fault]:
        if self._times:
            yield Cue(*self._times, tuple(self._text), self._place)
        if self._stray:
            shown = " ".join(self._stray).strip()[:60]
            yield Fault(self._stray_place, f"text without times is left out: {shown!r}")
        self._times, self._place, self._text, self._stray, self._stray_place = None, 0, [], [], 0


def _is_like_times(line: str) -> bool:
    """Whether it is meant to be the times of a cue: an arrow, with a digit before or behind it."""
    before, arrow, behind = line.partition("-->")
    return bool(arrow) and (any(letter.isdigit() for letter in before) or behind.lstrip()[:1].isdigit())


def _to_seconds(groups: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = groups
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return whole + (int(fraction) / 10 ** len(fraction) if fraction else 0.0)
