"""Reader of Spot-the-Diff: two pictures of one surveillance camera, some time apart, and sentences about what differs.

The form is that of the data set's own files, ``train.json``, ``val.json`` and ``test.json`` of
https://github.com/harsh19/spot-the-diff (Jhamtani and Berg-Kirkpatrick, "Learning to Describe Differences Between Pairs of
Similar Images", EMNLP 2018): a list of ``{img_id, sentences}``; the pictures are ``<img_id>.png`` and ``<img_id>_2.png``.

Its quirks: ``img_id`` repeats, anywhere in the file, once for each annotator; an annotator who saw no difference wrote one
empty sentence, or said so in words.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from syphus.annotations.foreign import name_form, name_keys
from syphus.annotations.json_shapes import Broken, Shape
from syphus.annotations.json_stream import JsonDocument
from syphus.annotations.naming import Names, make_relative
from syphus.annotations.reading import Problem, Report
from syphus.errors import InputError
from syphus.records import Asset, Scene

NOTHING_DIFFERS = "Nothing differs between the two pictures."
"""What a pair is given whose annotators left their sentences empty."""

_NOTHING = re.compile(
    r"(?:(?:there (?:is|are)|i (?:can )?see|we see) )?(?:no|not any|zero) (?:visible |noticeable |obvious )?(?:differences?|changes?)"
    r"|(?:there is )?nothing (?:is |has |seems |appears )?(?:different|changed|changes|differs|to report)"
    r"|(?:the |both |these )?(?:two )?(?:pictures?|images?|photos?|scenes?|frames?|they) (?:are|is|look|looks|appear|appears|seem)"
    r"(?: to be)?(?: exactly)?(?: the)? (?:same|identical|alike)"
    r"|no ?ne|identical|same"
)
_TAIL = re.compile(
    r"(?: (?:at all|here|(?:about|in|between|to|with|that i can see|visible)(?: (?:the|these|either|both|two))*"
    r"(?: (?:pictures?|images?|photos?|them|frames?))?))?"
)


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which file."""

    path: Path
    images: Path | None = None
    """The picture folder."""
    suffix: str = ".png"
    """Of the pictures' names; converted copies are often ``.jpg``."""


class _Record(Struct, gc=False):
    img_id: str | int
    sentences: list[Any]


class _Pair(Struct):
    place: str
    sentences: dict[str, None]
    annotators: list[list[str]]


_SHAPE: Shape[_Record] = Shape(_Record, lenient=True)


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one a pair of pictures, in the order in which the pairs first come.

    Assets are ``first`` and ``second``, before and after. ``prose`` has each sentence once, all annotators' together;
    ``metadata["annotators"]`` says for each annotator which they are (indices into ``prose``). Where nothing differs,
    ``metadata["differences"]`` is 0.

    Args:
        options: which file.
        report: receives records and sentences that cannot be used, and empty sentences.

    Raises:
        InputError: with the first scene, where the file is no such file or is torn.
    """
    names = Names()
    for key, pair in _read_pairs(options.path, report).items():
        try:
            assets = (
                Asset(id="first", path=make_relative(f"{key}{options.suffix}", None), title="the first picture"),
                Asset(id="second", path=make_relative(f"{key}_2{options.suffix}", None), title="the second picture"),
            )
        except ValueError as error:
            for _ in pair.annotators:
                report(Problem(file=str(options.path), place=pair.place, message=f"{error}; the record is left out"))
            continue
        yield _make_scene(names.give(key), key, assets, pair)


def _make_scene(name: str, key: str, assets: tuple[Asset, ...], pair: _Pair) -> Scene:
    prose = tuple(pair.sentences)
    positions = {text: index for index, text in enumerate(prose)}
    metadata: dict[str, Any] = {
        "img_id": key,
        "annotators": [[positions[text] for text in texts] for texts in pair.annotators],
    }
    if all(map(says_nothing_differs, prose)):
        metadata["differences"] = 0
    return Scene(id=name, assets=assets, prose=prose or (NOTHING_DIFFERS,), metadata=metadata)


def says_nothing_differs(sentence: str) -> bool:
    """Whether all that a sentence says is that the pictures are alike: "there is no difference", "pictures are identical"."""
    plain = re.sub(r"[^\w ]+", "", sentence.lower()).strip()
    found = _NOTHING.match(plain)
    return bool(found and _TAIL.fullmatch(plain, found.end()))


def _read_pairs(file: Path, report: Report) -> dict[str, _Pair]:
    pairs: dict[str, _Pair] = {}
    count = 0
    first_keys: list[str] | None = None
    with JsonDocument(file) as document:
        kind = document.find_kind()
        if kind != "a list":
            raise _refuse(file, kind, document)
        for batch in document.walk_array(_SHAPE):
            for index, record in enumerate(batch.records, batch.first):
                place = f"[{index}]"
                if isinstance(record, Broken):
                    first_keys = record.find_keys() if first_keys is None else first_keys
                    message = f"{record.reason}; the record is left out"
                    report(Problem(file=str(file), place=place, message=message))
                    continue
                count += 1
                _add(pairs, record, file, place, report)
    if first_keys is not None and not count:
        what, mend = name_form(first_keys)
        message = (
            f"is {what}" if what else f"has no record with `img_id` and `sentences`; its keys: {name_keys(first_keys)}"
        )
        raise InputError(message, file=file, mend=mend)
    return pairs


def _add(pairs: dict[str, _Pair], record: _Record, file: Path, place: str, report: Report) -> None:
    key = str(record.img_id).strip()
    place = f"{place} (img_id {key[:40]})"
    texts = []
    for number, sentence in enumerate(record.sentences, 1):
        text = " ".join(sentence.split()) if isinstance(sentence, str) else None
        if text:
            texts.append(text)
        elif text is None:
            message = f"sentence {number} is no text: {str(sentence)[:40]}; it is left out"
            report(Problem(file=str(file), place=place, message=message))
        else:
            message = f"sentence {number} is empty; it is read as saying that nothing differs"
            report(Problem(file=str(file), place=place, message=message, lost=False))
    if not texts and any(not isinstance(sentence, str) for sentence in record.sentences):
        return  # what it meant to say is not known
    pair = pairs.get(key)
    if pair is None:
        pair = pairs[key] = _Pair(place, {}, [])
    pair.annotators.append(texts)
    pair.sentences.update(dict.fromkeys(texts))


def _refuse(file: Path, kind: str, document: JsonDocument) -> InputError:
    """The error for a file that is no list; an object is read through, for its members tell what it is."""
    if kind == "nothing":
        return InputError("is empty", file=file)
    message, mend = f"is {kind}, not a list of `img_id` and `sentences`", ""
    if kind == "an object":
        for _ in document.walk_members({}):
            pass
        what, mend = name_form(document.members)
        message = f"is {what}" if what else message
    return InputError(message, file=file, mend=mend)
