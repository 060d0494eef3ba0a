"""What a dataset holds and what is odd about it, counted dialogue by dialogue."""

import os
import re
from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import Any

from msgspec import Struct, field

from syphus.annotations.reading import Problem
from syphus.formats.keeping import AS_READ
from syphus.formats.parts import FRAME_TOKENS, MARKS, PICTURE_TOKENS, TURN_TOKENS, estimate_tokens
from syphus.records import Asset, Dialogue
from syphus.references.inline import guess_conventions
from syphus.references.text import find_references, plain_text

_SCRIPTS = re.compile(
    r"(?P<Latin>[A-Za-z\u00c0-\u024f\u1e00-\u1eff])|(?P<Han>[\u3400-\u9fff\uf900-\ufaff])|(?P<Kana>[\u3040-\u30ff])"
    r"|(?P<Hangul>[\uac00-\ud7af\u1100-\u11ff])|(?P<Arabic>[\u0600-\u06ff\u0750-\u077f])|(?P<Cyrillic>[\u0400-\u04ff])"
    r"|(?P<Greek>[\u0370-\u03ff])|(?P<Hebrew>[\u0590-\u05ff])|(?P<Devanagari>[\u0900-\u097f])|(?P<Thai>[\u0e00-\u0e7f])"
)
_CONTROL_TOKEN = re.compile(r"<\|[^<>|\s]+\|>")
_SCRIPT_SAMPLE = 200
"""Letters of a dialogue that are looked at to say its script."""
_GUESSES = 2000
"""Dialogues whose texts are looked through for coordinates."""
_CONTEXTS = (2048, 4096, 8192)


class Finding(Struct, kw_only=True):
    """Something odd, how often it was met, and where first."""

    count: int = 0
    first: str = ""


class Survey(Struct, kw_only=True):
    """The figures of a dataset."""

    dialogues: int = 0
    turns: int = 0
    kept_aside: dict[str, Finding] = field(default_factory=dict)
    """Reason -> rows that are no dialogues."""
    mended: dict[str, Finding] = field(default_factory=dict)
    """What was mended -> rows that are used all the same."""
    odd: dict[str, Finding] = field(default_factory=dict)
    """What trainers would choke on, mask or take for their own -> dialogues."""
    media: Counter[str] = field(default_factory=Counter)
    """Dialogues by what they are about: ``text alone``, ``1 picture``, ``2 pictures``, ``1 video``."""
    pictures: int = 0
    """Different ones."""
    missing: int = 0
    """Of the pictures and videos, those whose files are not there; 0 where no folder is known."""
    languages: Counter[str] = field(default_factory=Counter)
    """As the rows say; empty where they say nothing."""
    scripts: Counter[str] = field(default_factory=Counter)
    """What most of their letters are."""
    systems: int = 0
    """Dialogues with a system message."""
    references: int = 0
    """Dialogues that point at objects."""
    boxes: dict[str, int] = field(default_factory=dict)
    """Conventions that coordinates in the texts may be written in -> of the first dialogues, how many hold some."""
    categories: Counter[str] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)
    """Keys of the rows that are not the format's own."""
    tokens: dict[str, int] = field(default_factory=dict)
    """Of a dialogue, with its pictures, by a high estimate: ``median``, ``95 %``, ``longest``."""
    longer: dict[str, int] = field(default_factory=dict)
    """Context length -> dialogues that are longer."""


class Surveyor:
    """Counts a dataset.

    What grows with it are 16 bytes a dialogue and the names of its pictures.

    Args:
        images: the folder that paths are relative to, to see whether the files are there.
        videos: that of videos, where it is another.
    """

    def __init__(self, images: Path | None = None, videos: Path | None = None) -> None:
        self.survey = Survey()
        self._images, self._videos = images, videos or images
        self._seen: set[bytes] = set()
        self._pictures: set[str] = set()
        self._lengths: Counter[int] = Counter()

    def note(self, problem: Problem) -> None:
        """Counts a row that was kept aside or mended."""
        found = self.survey.kept_aside if problem.lost else self.survey.mended
        _count(found, _general(problem.message), f"{problem.file}, {problem.place}")

    def add(self, dialogue: Dialogue) -> None:
        """Counts a dialogue."""
        survey = self.survey
        survey.dialogues += 1
        survey.turns += len(dialogue.turns)
        survey.systems += bool(dialogue.system)
        survey.languages[dialogue.language] += 1
        survey.categories[dialogue.category] += bool(dialogue.category)
        survey.keys.update(key for key in dialogue.metadata if key != AS_READ)
        survey.media[_describe(dialogue.assets)] += 1
        texts = [plain_text(turn.text) for turn in dialogue.turns]
        survey.references += any(
            reference.phrase for turn in dialogue.turns for reference in find_references(turn.text)
        )
        survey.scripts[_find_script(texts)] += 1
        length = FRAME_TOKENS + sum(TURN_TOKENS + estimate_tokens(text) for text in texts)
        self._lengths[length + PICTURE_TOKENS * len(dialogue.assets)] += 1
        if survey.dialogues <= _GUESSES:
            for name in guess_conventions(texts):
                survey.boxes[name] = survey.boxes.get(name, 0) + 1
        self._look(dialogue, texts)

    def _look(self, dialogue: Dialogue, texts: list[str]) -> None:
        """Counts what is odd."""
        odd = self.survey.odd
        for mark in {mark for text in texts if "<" in text or "[" in text for mark in MARKS if mark in text}:
            _count(odd, f"a text holds `{mark}`, which trainers take for their own", dialogue.id)
        if any("|" in text and _CONTROL_TOKEN.search(text) for text in texts):
            _count(odd, "a text holds a `<|...|>` token, which trainers take for their own", dialogue.id)
        if any(not text.strip() for text in texts[1::2]):
            _count(odd, "an answer is empty", dialogue.id)
        whole = blake2b(
            repr((texts, [asset.path or asset.url for asset in dialogue.assets])).encode(errors="replace"),
            digest_size=16,
        )
        if whole.digest() in self._seen:
            _count(odd, "a dialogue is there twice, with the same pictures and words", dialogue.id)
        self._seen.add(whole.digest())
        for asset in dialogue.assets:
            self._look_at(asset, dialogue)

    def _look_at(self, asset: Asset, dialogue: Dialogue) -> None:
        name = asset.path or asset.url or ""
        if name.startswith("data:"):
            name = blake2b(name.encode(errors="replace"), digest_size=16).hexdigest()
        if asset.url and asset.url.startswith("file://"):
            _count(self.survey.odd, "a picture has an absolute path; `--images` makes it relative", dialogue.id)
        if asset.path and (".." in PurePosixPath(asset.path).parts or "\\" in asset.path):
            _count(self.survey.odd, "a picture's path has `..` or a backslash in it", dialogue.id)
        if name in self._pictures:
            return
        self._pictures.add(name)
        self.survey.pictures += 1
        folder = self._videos if asset.kind == "video" else self._images
        # os.path and not Path: names too long and folders that may not be entered are missing, too, and no crash.
        if folder is not None and asset.path and not os.path.isfile(folder / asset.path):  # noqa: PTH113
            self.survey.missing += 1
            _count(self.survey.odd, "a picture's file is missing", f"{dialogue.id} ({asset.path})")

    def finish(self) -> Survey:
        """The figures, with those that need all dialogues."""
        self.survey.tokens = {
            name: _quantile(self._lengths, share) for name, share in (("median", 0.5), ("95 %", 0.95), ("longest", 1.0))
        }
        self.survey.longer = {
            str(context): sum(count for length, count in self._lengths.items() if length > context)
            for context in _CONTEXTS
        }
        self.survey.categories += Counter()  # those without a category
        self.survey.boxes = dict(sorted(self.survey.boxes.items(), key=lambda item: -item[1]))
        return self.survey


def _count(found: dict[str, Finding], what: str, where: str) -> None:
    finding = found.setdefault(what, Finding(first=where))
    finding.count += 1


def _general(message: str) -> str:
    """A message without what differs from row to row, so that the same fault is counted once."""
    return re.sub(r"\b\d+\b|(?<=: )'.*?'", "...", message)


def _describe(assets: Iterable[Asset]) -> str:
    counts = Counter({"image": "picture"}.get(asset.kind, asset.kind.replace("_", " ")) for asset in assets)
    parts = [f"{count} {kind}{'s' * (count > 1 and kind != 'frames')}" for kind, count in counts.items()]
    return " and ".join(parts) or "text alone"


def _find_script(texts: list[str]) -> str:
    """The script that most of the first letters are in; of Japanese, kana."""
    letters = _SCRIPTS.finditer(" ".join(texts), 0, 4 * _SCRIPT_SAMPLE)
    counts: Counter[Any] = Counter(found.lastgroup for found in letters)
    if counts["Kana"] > counts["Han"] / 10:
        counts["Kana"] += counts.pop("Han", 0)
    return str(counts.most_common(1)[0][0]) if counts else "none"


def _quantile(counts: Counter[int], share: float) -> int:
    wanted, passed = share * counts.total(), 0
    for value in sorted(counts):
        passed += counts[value]
        if passed >= wanted:
            return value
    return 0
