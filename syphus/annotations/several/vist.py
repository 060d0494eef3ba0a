"""Reader of VIST, the visual storytelling data set: albums of photographs, and stories that people told of five of them.

The form is that of the data set's own files, ``{train,val,test}.story-in-sequence.json`` of
https://visionandlanguage.net/VIST/dataset.html (Huang et al., "Visual Storytelling", NAACL 2016), and of
``{train,val,test}.description-in-isolation.json`` as a second file. Their quirks: each annotation is a list of one record; a
story's sentences are separate records that may stand anywhere, ordered by ``worker_arranged_photo_order``; ``text`` is
lower-cased, tokenised and has ``[male]``, ``[location]`` for names, ``original_text`` is what people wrote; photographs of an
album that no story uses are listed too, and are passed over here, as are albums without a story.

Knowingly left: owners, secrets, servers and places (latitude, longitude) of photographs, farm and upload dates of albums, and
the ids of those who wrote, which are people's.
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import urlsplit

from msgspec import Struct

from syphus.annotations.naming import Names, is_address, make_relative
from syphus.annotations.reading import Problem, Report
from syphus.annotations.several.ordinals import name_picture
from syphus.annotations.several.vist_records import Album, Entry, Photo, VistFile, count_ids
from syphus.errors import InputError
from syphus.records import Asset, Caption, Scene

LICENSES = (
    "All Rights Reserved",
    "CC BY-NC-SA 2.0",
    "CC BY-NC 2.0",
    "CC BY-NC-ND 2.0",
    "CC BY 2.0",
    "CC BY-SA 2.0",
    "CC BY-ND 2.0",
    "No known copyright restrictions",
    "United States Government Work",
    "CC0 1.0",
    "Public Domain Mark 1.0",
)
"""By Flickr's numbers (https://www.flickr.com/services/api/flickr.photos.licenses.getInfo.html)."""

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".gif"})
_CAMERA = re.compile(r"[A-Za-z]{0,6}[\s_-]*\d[\d\s_-]*[A-Za-z]?(?:\.\w{3,4})?")
"""What cameras call pictures: DSC_0123, IMG 4567.JPG. It says nothing about them."""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which files."""

    path: Path
    """The story-in-sequence file."""
    descriptions: Path | None = None
    """The description-in-isolation file of the same split."""
    images: Path | None = None
    """The picture folder; pictures are ``<photo id>.jpg``, or with the suffix of the photograph's address."""
    text: Literal["original_text", "text"] = "original_text"
    """``original_text`` has capitals and names; ``text`` has ``[male]``, ``[location]`` for names. Where the one is missing,
    the other is used."""


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one for each sequence of photographs that somebody told a story of, in the order of the file.

    Assets are ``photo1``, ``photo2`` ... in the order of the story. Each sentence is a caption of its photograph, behind the
    descriptions that people wrote without a story; ``prose`` has each story as a whole (``Story 1: ...``, and
    ``metadata["stories"]`` its id), and what album and photographs are called.

    Args:
        options: which files.
        report: receives sentences that cannot be used, and photographs and albums that the file does not list.

    Raises:
        InputError: with the first scene, where a file is no such file or is torn.
    """
    placeholders = options.text == "text"
    main = VistFile(options.path, report, placeholders=placeholders)
    if not main.stories and main.descriptions:
        raise InputError(
            "holds descriptions, and no story",
            file=options.path,
            mend="Give the story-in-sequence file as `path`, and this one as `descriptions`.",
        )
    others = VistFile(options.descriptions, report, placeholders=placeholders) if options.descriptions else None
    if others and others.stories:
        raise InputError("holds stories, not descriptions in isolation", file=others.file)
    descriptions = main.descriptions | (others.descriptions if others else {})
    sequences = _find_sequences(main)
    _report_unlisted(main, sequences)
    _report_unused(main, others, sequences)
    names = Names()
    for (album, photos), stories in sequences.items():
        try:
            assets = tuple(_make_assets(main, album, photos, report))
        except ValueError as error:
            for story in stories:
                for entry in main.stories[album, story]:
                    main.complain(f"annotations[{entry.index}]", f"{error}; its story is left out")
            continue
        told = [main.stories[album, story] for story in stories]
        yield Scene(
            id=names.give(f"{album}_{stories[0]}"),
            assets=assets,
            captions=tuple(_make_captions(photos, told, descriptions)),
            prose=tuple(_make_prose(main, album, photos, told)),
            metadata=_make_metadata(main, album, photos, stories),
        )


Sequences = dict[tuple[str, tuple[str, ...]], list[str]]
"""By album and photographs in order: the ids of the stories told of them."""


def _find_sequences(file: VistFile) -> Sequences:
    sequences: Sequences = {}
    for (album, story), entries in file.stories.items():
        entries.sort(key=lambda entry: entry.order)
        orders = [entry.order for entry in entries]
        if len(set(orders)) < len(orders):
            message = f"story {story[:40]}: two sentences have the same `worker_arranged_photo_order`; the file's order is kept"
            file.complain(f"annotations[{entries[0].index}]", message, lost=False)
        sequences.setdefault((album, tuple(entry.photo for entry in entries)), []).append(story)
    return sequences


def _report_unlisted(file: VistFile, sequences: Sequences) -> None:
    missing = [photo for _, photos in sequences for photo in photos if photo not in file.photos]
    if missing:
        message = f"{len(set(missing))} photographs of stories are not listed: {count_ids(missing)}; they are used without title"
        file.complain("images", message, lost=False)
    albums = [album for album, _ in sequences if album not in file.albums]
    if albums:
        message = (
            f"{len(set(albums))} albums of stories are not listed: {count_ids(albums)}; they are used without title"
        )
        file.complain("albums", message, lost=False)


def _report_unused(main: VistFile, others: VistFile | None, sequences: Sequences) -> None:
    used = {photo for _, photos in sequences for photo in photos}
    for file in (main, others) if others else (main,):
        for photo, entries in file.descriptions.items():
            if photo not in used:
                for entry in entries:
                    message = f"a description of the photograph {photo[:40]}, which no story uses; it is left out"
                    file.complain(f"annotations[{entry.index}]", message)


def _make_assets(file: VistFile, album: str, photos: tuple[str, ...], report: Report) -> Iterator[Asset]:
    """``ValueError`` where a photograph's id makes no file name."""
    for number, key in enumerate(photos, 1):
        photo = file.photos.get(key)
        url = photo.url_o if photo and photo.url_o and is_address(photo.url_o) else None
        suffix = _find_suffix(url) if url else ".jpg"
        path = make_relative(f"{key}{suffix}", None)
        if photo and photo.url_o and not url:
            message = f"url_o {photo.url_o[:60]!r} is no address; it is left out (album {album[:40]})"
            report(Problem(file=str(file.file), place=f"image {key}", message=message))
        yield Asset(
            id=f"photo{number}",
            path=path,
            url=url,
            license=_name_license(photo.license) if photo and photo.license is not None else None,
            title=name_picture(number),
        )


def _find_suffix(url: str) -> str:
    """Of the picture behind an address, as VIST's own archives have it; ``.jpg`` where it says nothing."""
    try:
        suffix = PurePosixPath(urlsplit(url).path).suffix.lower()
    except ValueError:
        return ".jpg"
    return suffix if suffix in _SUFFIXES else ".jpg"


def _name_license(value: int | str) -> str:
    number = (
        value
        if isinstance(value, int)
        else int(value)
        if value.isascii() and value.isdecimal() and len(value) < 4
        else -1
    )
    return LICENSES[number] if 0 <= number < len(LICENSES) else str(value)


def _make_captions(
    photos: tuple[str, ...], told: list[list[Entry]], descriptions: dict[str, list[Entry]]
) -> Iterator[Caption]:
    for number, photo in enumerate(photos, 1):
        for entry in descriptions.get(photo, ()):
            yield Caption(text=entry.text, asset=f"photo{number}")
        for story in told:
            yield Caption(text=story[number - 1].text, asset=f"photo{number}")


def _make_prose(file: VistFile, album: str, photos: tuple[str, ...], told: list[list[Entry]]) -> Iterator[str]:
    known = file.albums.get(album) or Album(album)
    for start, text in (("Album", known.title), ("About the album", known.description)):
        if text and text.strip():
            yield f"{start}: {' '.join(text.split())}"
    for number, key in enumerate(photos, 1):
        about = _describe(file.photos[key]) if key in file.photos else ""
        if about:
            yield f"{name_picture(number).capitalize()}: {about}"
    for number, story in enumerate(told, 1):
        yield f"Story {number}: {' '.join(entry.text for entry in story)}"


def _describe(photo: Photo) -> str:
    parts = []
    title = " ".join((photo.title or "").split())
    if title and not _CAMERA.fullmatch(title):
        parts.append(f"called “{title}”")
    if photo.text and photo.text.strip():
        parts.append(" ".join(photo.text.split()))
    tags = photo.tags.split() if isinstance(photo.tags, str) else [" ".join(tag.split()) for tag in photo.tags or ()]
    if tags:
        parts.append(f"tagged {', '.join(tags)}")
    return "; ".join(parts)


def _make_metadata(file: VistFile, album: str, photos: tuple[str, ...], stories: list[str]) -> dict[str, Any]:
    told = [file.stories[album, story] for story in stories]
    metadata: dict[str, Any] = {
        "album_id": album,
        "photo_ids": list(photos),
        "stories": stories,
        "settings": [entries[0].setting for entries in told],
    }
    known = file.albums.get(album)
    if known and known.vist_label:
        metadata["vist_label"] = known.vist_label
    listed = [file.photos.get(photo) for photo in photos]
    for key in ("title", "datetaken"):
        values = [getattr(photo, key, None) for photo in listed]
        if any(values):
            metadata["titles" if key == "title" else "dates"] = values
    return metadata
