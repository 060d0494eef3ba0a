# ruff: noqa: RUF001 (full-width and curly signs, and dashes, are what is looked for)
"""What the lines of a cue say: markup taken off, speakers, sounds and songs told apart from what is said. Pure.

Speakers come as ``<v Monica>``, ``MONICA: Hello``, ``Monica : Hello`` (TVQA), ``(Monica:)Hello`` (TVQA's and TVR's own subtitles)
or not at all, as a dash or ``>>`` where another one begins. In ``[man] Hello`` somebody without a name speaks. Sounds come as
``[door slams]`` or, alone or in front, ``(door slams)``; songs between notes.
"""

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct


class Utterance(Struct, frozen=True, kw_only=True):
    """What one person says in a cue, with what is heard beside it. Each may be empty."""

    speaker: str = ""
    said: str = ""
    sound: str = ""
    lyrics: str = ""

    def make_columns(self) -> dict[str, str]:
        """As :class:`syphus.records.Segment` has them."""
        columns = {"speaker": self.speaker, "subtitle": self.said, "sound": self.sound, "lyrics": self.lyrics}
        return {key: value for key, value in columns.items() if value}


_VOICE = re.compile(r"<v(?:\.[^\s<>]{0,200})?(?:[ \t]([^<>\n]{0,200}))?>|</v>")
_TAG = re.compile(
    r"<rt>[^<>]*(?:</rt>)?|</?[a-zA-Z][^<>]*>|<\s*/?\s*[biusBIUS]\s*>|<\d[\d:.]*>|\{\\[^{}]*\}|\{[yYcCfFsS]:[^{}]*\}"
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_BREAK = re.compile(r"\\[Nn]|\[br\]|<br\s*/?>", re.IGNORECASE)
_TURN = re.compile(r"^\s*(?:[-–—‐‑](?![-–—\d])\s*|>>+\s*)(?=\S)")
_SOUND = re.compile(r"\[([^\[\]]*)\]")
_ASIDE = re.compile(r"\s*\(([^()]*)\)\s*")
_MARKED = re.compile(r"\s*[(\[]\s*([^()\[\]:]{1,40}?)\s*:\s*[)\]]\s*")
_LABEL = re.compile(r"\s*\[([^\[\]:]{2,30})\](?=[^\n]*\w)")
_SPEAKER = re.compile(
    r"\s*([^\s:：,;!?\"“”][^:：,;!?\"“”\n]{0,39}?)\s*(?:[(\[]([^()\[\]]*)[)\]]\s*)?:(?=\s|$|[\"“'¿¡-])"
)
_UNCASED = re.compile(r"\s*([^\W\d_]{1,12})\s*[：:]")
_NOTES = re.compile(r"[♪♫♬♩]+([^♪♫♬♩]*)[♪♫♬♩]*|^\s*#\s+(.*?)\s+#\s*$")
_MARKUP = re.compile(r"[<&{\\\[\x00-\x08\x0b-\x1f\x7f-\xa0\u200b-\u206f\ufeff]")
_NOT_PLAIN = re.compile(
    r"[<>&{\\\[\](:：♪♫♬♩#\x00-\x09\x0b-\x1f\x7f-\xa0\u200b-\u206f\ufeff]|(?:^|\n)[^\S\n]*[-–—‐‑]|^[^\w]*$"
)
"""What there must be for a cue to be more than words."""
_WORD = re.compile(r"[^\W_]")
_BETWEEN = frozenset("of the and de van von la le da der di del el bin al & y und et".split())
_NO_NAMES = frozenset(
    "a an answer attention and at because but by caption captions caution chapter conclusion corrected danger day "
    "directed downloaded eg e.g episode example fact finally first for from headline here hint i.e idea if in it it's its "
    "lesson like listen look meaning message my name news no note now number of oh ok okay on one option or our part plan "
    "point problem produced ps p.s q question reason remember result resync rule score season second see so solution step "
    "subject subtitle subtitles sync that the then there they thing think third this tip title to today tomorrow total "
    "translation two three verse wait warning we well what when where who why wrong written yes you your http https".split()
)
_NOBODY = frozenset({"unkname", "unknown", "unk", "unidentified", "?"})
_ANYBODY = frozenset(
    "all announcer anchor audience automated baby both boss boy boys child children chorus computer crew crowd dispatch "
    "dispatcher doctor driver everybody everyone female girl girls group guard guy guys host interviewer interviewee kid kids "
    "lady ladies lyrics male man men mother father narrator nurse officer operator others people person phone policeman pilot "
    "presenter radio receptionist recording reporter singer singers soldier speaker student students teacher teller tv "
    "together voice voices waiter waitress woman women".split()
)
_QUALIFIER = re.compile(r"#?\d+|[a-z]|(?:young|old|older|other|another|male|female|first|second|third|unseen|tv|radio)")


def find_speakers(lines: Iterable[str]) -> frozenset[str]:
    """Names before a colon, in scripts without capitals, that come twice or more; one alone may be any word."""
    counts: Counter[str] = Counter()
    for line in lines:
        if line.isascii():
            continue  # it has no script without capitals
        found = _UNCASED.match(_TURN.sub("", line, count=1))
        if found and found[1].lower() == found[1].upper():
            counts[found[1]] += 1
    return frozenset(name for name, count in counts.items() if count > 1)


def read_utterances(lines: Iterable[str], speakers: frozenset[str] = frozenset()) -> Iterator[Utterance]:
    """The utterances of a cue, in order; none where it holds no letter, digit or note.

    Args:
        lines: of the cue, with their markup.
        speakers: those of the file in scripts without capitals (:func:`find_speakers`).
    """
    whole = "\n".join(lines)
    if not _NOT_PLAIN.search(whole):  # most cues
        said = " ".join(whole.split())
        if _WORD.search(said):
            yield Utterance(said=said)
            return
    for voice, text in _split_voices(whole):
        for turn in _split_turns(_clean(text), speakers):
            utterance = _read_turn(turn, voice, speakers)
            if utterance:
                yield utterance


def find_names_of_speakers(text: str) -> Iterator[str]:
    """Those who speak in a cue, as :func:`read_utterances` finds them; faster, for they are all it looks for."""
    if "\n" in text or "<" in text or "&" in text:
        yield from (one.speaker for one in read_utterances(text.split("\n")) if one.speaker)
        return
    name = tidy_name(_take_speaker(_TURN.sub("", text, count=1), frozenset())[0])
    if name:
        yield name


def clean_lines(lines: Iterable[str]) -> str:
    """The text of a cue without its markup, as one line; speakers and sounds stay in it."""
    text = " ".join(_clean("\n".join(lines)).split())
    return text if _WORD.search(text) else ""


@lru_cache(maxsize=4096)
def is_name(speaker: str) -> bool:
    """Whether a speaker is called by a name, and not "Man 2", "Narrator" or "Both"."""
    words = [word.strip(".,'’").lower() for word in speaker.split()]
    kept = [word for word in words if not _QUALIFIER.fullmatch(word) and word not in _BETWEEN]
    return any(word not in _ANYBODY for word in kept) and bool(_WORD.search(speaker))


def is_anybody(words: str) -> bool:
    """Whether it says who speaks, without a name: "man", "older woman 2", and not "door slams"."""
    return not is_name(words) and any(word in _ANYBODY for word in words.lower().split())


@lru_cache(maxsize=4096)
def tidy_name(name: str) -> str:
    """A speaker's name as names are written: ``DR. HOUSE`` becomes ``Dr. House``; nobody's name becomes empty."""
    name = " ".join(_CONTROL.sub("", html.unescape(name)).split()).strip(" :：-–—")
    if name.lower() in _NOBODY:
        return ""
    letters = [letter for letter in name if letter.isalpha()]
    is_shouted = len(letters) > 2 and name == name.upper() != name.lower()
    return " ".join(word if "." in word[:-1] else word.title() for word in name.split()) if is_shouted else name


class _Voice(NamedTuple):
    speaker: str
    text: str


def _split_voices(text: str) -> Iterator[_Voice]:
    if "<" not in text:
        yield _Voice("", text)
        return
    speaker, end = "", 0
    for found in _VOICE.finditer(text):
        yield _Voice(speaker, text[end : found.start()])
        speaker, end = tidy_name(found[1] or ""), found.end()
    yield _Voice(speaker, text[end:])


def _clean(text: str) -> str:
    if not _MARKUP.search(text):
        return text
    return _CONTROL.sub("", html.unescape(_TAG.sub("", _BREAK.sub("\n", text)))).replace("\xa0", " ")


def _split_turns(text: str, speakers: frozenset[str]) -> list[str]:
    turns: list[str] = []
    for line in text.split("\n"):
        if not line.strip():
            continue
        bare = _TURN.sub("", line, count=1)
        if not turns or bare != line or _take_speaker(line, speakers)[0]:
            turns.append(bare)
        else:
            turns[-1] += f"\n{line}"
    return turns


def _read_turn(text: str, voice: str, speakers: frozenset[str]) -> Utterance | None:
    sounds: list[str] = []
    lyrics: list[str] = []
    speaker = voice
    while True:
        if not speaker:
            found, aside, text = _take_speaker(text, speakers)
            speaker = tidy_name(found)
            sounds += [aside] if aside else []
        aside_found = _ASIDE.match(text)
        if not aside_found or not _WORD.search(aside_found[1]):
            break
        sounds.append(aside_found[1])
        text = text[aside_found.end() :]

    def take_sound(found: re.Match[str]) -> str:
        if not _WORD.search(found[1]):
            return found[0]  # YouTube's "[ __ ]" stands for a word
        sounds.append(found[1])
        return " "

    def take_song(found: re.Match[str]) -> str:
        sung = found[1] if found[1] is not None else found[2]
        (lyrics if _WORD.search(sung) else sounds).append(sung if _WORD.search(sung) else "music")
        return " "

    if "[" in text:
        text = _SOUND.sub(take_sound, text)
    if "(" in text:
        text = _drop_asides(text, sounds)
    said = " ".join(_NOTES.sub(take_song, " ".join(text.split())).split())
    said = said if _WORD.search(said) or "?" in said or "!" in said else ""
    sound = "; ".join(dict.fromkeys(" ".join(one.split()).strip(" .") for one in sounds))
    sung = " ".join(" ".join(lyrics).split())
    if not (said or sound or sung):
        return None
    return Utterance(speaker=speaker, said=said, sound=sound, lyrics=sung)


def _drop_asides(text: str, sounds: list[str]) -> str:
    """Takes out lines that are nothing but a remark in brackets."""
    kept = []
    for line in text.split("\n"):
        found = _ASIDE.fullmatch(line)
        if found and _WORD.search(found[1]):
            sounds.append(found[1])
        else:
            kept.append(line)
    return "\n".join(kept)


def _take_speaker(text: str, speakers: frozenset[str]) -> tuple[str, str, str]:
    """Speaker, what stands in brackets behind the name, and the rest; no speaker where there is none."""
    marked = _MARKED.match(text)
    if marked:
        return marked[1], "", text[marked.end() :]
    label = _LABEL.match(text)
    if label and is_anybody(label[1]):
        return label[1], "", text[label.end() :]
    found = _SPEAKER.match(text)
    if found and _may_be_name(found[1]):
        return found[1], found[2] or "", text[found.end() :]
    uncased = _UNCASED.match(text)
    if uncased and uncased[1] in speakers:
        return uncased[1], "", text[uncased.end() :]
    return "", "", text


@lru_cache(maxsize=4096)
def _may_be_name(name: str) -> bool:
    words = name.split()
    if not 0 < len(words) <= 4 or words[0].strip(".").lower() in _NO_NAMES:
        return False
    if not (
        words[0][0].isupper()
        and all(word[0].isupper() or word[0] in "#0123456789" or word in _BETWEEN for word in words)
    ):
        return False
    return not any("." in word and len(word) > 5 and not word.endswith(".") for word in words)
