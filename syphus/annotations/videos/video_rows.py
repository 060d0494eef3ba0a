"""Reader of tables about videos: a video, a text and often its times in each row, as JSON, JSON Lines, CSV or TSV.

Many datasets come so, and what people write themselves. The columns are found by their names (below), or named by the options:

- VATEX (Wang et al. 2019): ``[{"videoID", "enCap": [ten captions], "chCap"}]``; its names end with the clip's times.
- WebVid (Bain et al. 2021): ``videoid,contentUrl,duration,page_dir,name``; the file is ``page_dir/videoid.mp4``, durations ``PT00H00M12S``.
- InternVid (Wang et al. 2023): ``{"YoutubeID", "Start_timestamp": "00:07:33.689", "End_timestamp", "Caption"}``.
- Panda-70M (Chen et al. 2024): ``videoID,url,timestamp,caption``; the last two are Python lists, one entry for each clip.
- EgoClip (Lin et al. 2022): ``video_uid, clip_start, clip_end, clip_text``, tabs between.
- MSVD (Chen and Dolan 2011): ``VideoID,Start,End,...,Description``, and ``AllVideoDescriptions.txt``, lines ``NAME_10_20 a man eats``.
- Rows of ActivityNet Captions and its like: ``{"video", "duration", "timestamps": [[0, 5]], "sentences": [...]}``.
- Retrieval sets (MSR-VTT 1k-A, DiDeMo): ``{"video", "caption"}``; CSV of JSFusion: ``key,vid_key,video_id,sentence``.

A text with times is a segment, one without them a caption. Rows of one video make one scene, wherever they stand.
"""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from syphus.annotations.containers.pair_rows import Row, Rows, open_rows
from syphus.annotations.foreign import name_form, name_other
from syphus.annotations.labels import clean
from syphus.annotations.naming import Names, find_stem, is_address
from syphus.annotations.questions.picture_rows import PictureRows
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_plain, open_text
from syphus.annotations.videos.narrations import ABOUT_WEARER, read_narration
from syphus.annotations.videos.row_times import Span, join_spans, open_list, read_spans, read_texts, read_time
from syphus.annotations.videos.video_scenes import VideoOptions, finish, open_videos
from syphus.annotations.videos.videos import Moment, Moments, VideoFolder, find_duration, find_video_name
from syphus.errors import InputError
from syphus.records import Asset, Caption, Scene

VIDEO_NAMES = (
    *("video", "video_id", "videoid", "video_uid", "video_name", "vid", "vid_name", "youtube_id", "youtubeid", "ytid"),
    *("video_path", "video_file", "clip_name", "clip_id", "clip", "file_name", "filename", "path", "file", "url"),
)
TEXT_NAMES = (
    *("caption", "captions", "sentence", "sentences", "description", "descriptions", "desc", "narration", "encap"),
    *("en_captions", "clip_text", "text", "query", "label", "title", "name"),
)
START_NAMES = (
    *("start", "start_time", "start_sec", "start_second", "start_seconds", "start_timestamp", "clip_start", "starts"),
    *("start_times", "begin", "captions_starts"),
)
END_NAMES = (
    *("end", "end_time", "end_sec", "end_second", "end_seconds", "end_timestamp", "stop_timestamp", "clip_end", "ends"),
    *("end_times", "stop", "captions_ends"),
)
SPAN_NAMES = ("timestamps", "timestamp", "segments", "segment", "windows", "window", "span", "interval", "times", "ts")
DURATION_NAMES = ("duration", "video_duration", "duration_sec", "video_dur", "length")
URL_NAMES = ("url", "contenturl", "video_url")
"""Names that are looked for, in this order and in any case, where the options name none."""

_MSVD = re.compile(r"(\S{11}_\d+_\d+)[ \t]+(\S.*)")


_NARRATED = re.compile(r"\s*#\s?(?:C|O|unsure)\b", re.IGNORECASE)


class Options(VideoOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``path`` is the table; the other options say what its columns mean.

    Where it has a column ``language``, as MSVD's has, ``language`` takes the rows in one (``English``).
    """

    video: str | None = None
    """The column with the video's name, path or address; None: the first of ``VIDEO_NAMES`` that there is."""
    text: str | None = None
    """The column with the text, or a list of texts."""
    start: str | None = None
    """The column with the seconds at which it begins; or with both times, where there is no ``end``."""
    end: str | None = None
    """The column with the seconds at which it ends."""
    columns: tuple[str, ...] = ()
    """Others that are shown beside the text, under their own names."""
    delimiter: str | None = None
    """Of a CSV file; None: the comma, tab, semicolon or bar that its header has most of."""


class _Columns(NamedTuple):
    video: str
    text: str
    start: str | None
    end: str | None
    span: str | None
    rate: str | None
    """With the frames a second, where ``start`` and ``end`` are frames."""
    duration: str | None
    url: str | None
    folder: str | None
    language: str | None


class _Said(Struct, array_like=True, gc=False):
    """What a row says of its video."""

    place: str
    texts: list[str]
    spans: list[Span] | None
    duration: float | None
    url: str | None
    others: dict[str, str]
    path: str
    language: str
    is_narrated: bool
    """In Ego4D's words, which say "C" of the one who wears the camera."""


def read(options: Options, report: Report) -> Iterator[Scene]:
    """A scene for each video, in the order in which they first come; its id is the video's name.

    The rows are held in memory, packed, since those of a video need not stand together: about as many bytes as the texts have.

    Args:
        options: the table and its columns.
        report: receives rows that cannot be used, and times that had to be mended.

    Raises:
        InputError: at once, where the file is no such file, is torn (JSON), is in another encoding, or lacks a column.
    """
    videos = open_videos(options)
    rows = _open(options, report)
    if not rows.columns:
        raise InputError("holds no rows", file=options.path)
    what, mend = name_form(rows.columns)
    if what and "video_rows" not in mend and options.video is None:
        # Times are not seconds in all of them.
        raise InputError(f"is {what}", file=options.path, mend=f"{mend} Or say `video`, to read it as a table.")
    return finish(_make_scenes(rows, _find_columns(rows, options), videos, options, report), options, report)


def _open(options: Options, report: Report) -> Rows:
    with open_plain(options.path) as stream:
        head = stream.read(1 << 14).decode(errors="replace").lstrip("\ufeff")
    lines = [line for line in head.splitlines() if line.strip() and not line.startswith("#")]
    if lines and all(map(_MSVD.match, lines[:5])):
        return Rows(["video", "text"], "columns", _read_msvd(options, report))
    return open_rows(options.path, report, encoding=None, delimiter=options.delimiter)


def _read_msvd(options: Options, report: Report) -> Iterator[Row]:
    with open_text(options.path, torn=True) as stream:
        for number, line in enumerate(stream, 1):
            found = _MSVD.match(line.rstrip())
            if found:
                yield Row(f"line {number}", {"video": found[1], "text": found[2]})
            elif line.strip() and not line.startswith("#"):
                message = f"is no `NAME_10_20 sentence`: {clean(line)[:60]!r}; it is left out"
                report(Problem(file=str(options.path), place=f"line {number}", message=message))


def _find_columns(rows: Rows, options: Options) -> _Columns:
    lower = {column.lower(): column for column in reversed(rows.columns)}

    def look(names: Iterable[str], taken: tuple[str | None, ...] = ()) -> str | None:
        return next((lower[name] for name in names if name in lower and lower[name] not in taken), None)

    def take(role: str, asked: str | None, names: tuple[str, ...], taken: tuple[str, ...] = ()) -> str:
        found = look(names, taken) if asked is None else asked if asked in rows.columns else None
        if found is not None:
            return found
        near = get_close_matches(asked or "", rows.columns, n=1)
        looked = f" (looked for {', '.join(names)})" if asked is None else ""
        mend = f"Did you mean {near[0]!r}?" if near else f'{name_other(rows.columns)} Name it, as in `{role} = "..."`.'
        raise InputError(f"has no {rows.noun[:-1]} {asked or f'for the {role}'}{looked}", file=options.path, mend=mend)

    video = take("video", options.video, VIDEO_NAMES)
    text = take("text", options.text, TEXT_NAMES, (video,))
    start, end, span, rate = look(START_NAMES), look(END_NAMES), look(SPAN_NAMES), None
    if options.start is not None:
        start = take("start", options.start, ())
        end = take("end", options.end, ()) if options.end is not None else None
        start, span = (start, None) if end else (None, start)
    elif start is None and "fps" in lower and "start_frame" in lower:
        start, end, rate = lower["start_frame"], look(("end_frame", "stop_frame")), lower["fps"]
    for column in options.columns:
        take("columns", column, ())
    url = look(URL_NAMES, (video,))
    return _Columns(
        video, text, start, end, span, rate, look(DURATION_NAMES), url, look(("page_dir",)), look(("language",))
    )


def _make_scenes(
    rows: Rows, columns: _Columns, videos: VideoFolder, options: Options, report: Report
) -> Iterator[Scene]:
    kept: PictureRows[_Said] = PictureRows(_Said)
    languages: dict[str, None] = {}
    for row in rows.rows:
        try:
            name, said = _read_row(row, columns, options)
        except ValueError as error:
            report(Problem(file=str(options.path), place=row.place, message=f"{error}; the row is left out"))
        else:
            languages.setdefault(said.language)
            if options.language is None or not said.language or said.language.lower() == options.language.lower():
                kept.add(name, said)
    if options.language is None and len(languages) > 1:
        message = f"the texts are in several languages ({', '.join(list(languages)[:6])}); `language` takes one of them"
        report(Problem(file=str(options.path), place="the whole file", message=message, lost=False))
    names = Names()
    for video, numbers in kept.walk():
        found = [kept.rows[number] for number in numbers]
        try:
            asset = _make_asset(found, videos)
        except ValueError as error:
            for said in found:
                report(Problem(file=str(options.path), place=said.place, message=f"{error}; the row is left out"))
            continue
        yield _make_scene(str(video), names.give(str(video)), found, asset, options, report)


def _read_row(row: Row, columns: _Columns, options: Options) -> tuple[str, _Said]:
    """The video's name and what is said of it; ``ValueError`` where nothing can be made of it."""
    path = _as_text(row.values.get(columns.video))
    if not path:
        raise ValueError(f"`{columns.video}` is {row.values.get(columns.video)!r:.40}, no name of a video")
    url = _as_text(row.values.get(columns.url)) if columns.url else ""
    if is_address(path):
        url, path = path, _name_address(path)
    elif columns.folder and _as_text(row.values.get(columns.folder)):
        path = f"{_as_text(row.values[columns.folder])}/{path}"
    value = row.values.get(columns.text)
    texts = [text for text in map(_tidy, read_texts(value)) if text]
    if not texts:
        raise ValueError(f"`{columns.text}` is {value!r:.40}, no text")
    spans = _read_spans(row, columns)
    others = {key: _as_text(row.values.get(key)) for key in options.columns}
    duration = find_duration(read_time(row.values.get(columns.duration))) if columns.duration else None
    language = _as_text(row.values.get(columns.language)) if columns.language else ""
    is_narrated = any(map(_NARRATED.match, read_texts(value)))
    said = _Said(
        row.place, texts, spans, duration, url if is_address(url) else None, others, path, language, is_narrated
    )
    return find_video_name(path) or path, said


def _read_spans(row: Row, columns: _Columns) -> list[Span] | None:
    """When it is; None where the row does not say. ``ValueError`` for what are no times."""
    rate = 1.0
    if columns.rate:
        rate = read_time(row.values.get(columns.rate)) or 0.0
        if rate <= 0:
            raise ValueError(f"`{columns.rate}` is {row.values.get(columns.rate)!r:.40}, no frame rate")
    if columns.start:
        given = {key: row.values.get(key) for key in (columns.start, columns.end) if key}
        if all(value in (None, "") for value in given.values()):
            return None
        spans = join_spans(given[columns.start], given.get(columns.end or ""), rate=rate)
    elif columns.span:
        given = {columns.span: row.values.get(columns.span)}
        if open_list(given[columns.span]) in (None, "", []):
            return None
        spans = read_spans(given[columns.span])
    else:
        return None
    if spans is None:
        raise ValueError(
            ", ".join(f"`{key}` is {value!r:.60}" for key, value in given.items()) + ": these are no times"
        )
    return spans


def _tidy(text: str) -> str:
    """Clean, and an Ego4D narration (EgoClip's are) in plain words."""
    return read_narration(text).text if _NARRATED.match(text) else clean(text)


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return clean(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _name_address(address: str) -> str:
    """The name of what an address leads to: YouTube's videos are called by their id."""
    parts = urlsplit(address)
    watched = parse_qs(parts.query).get("v")
    return watched[0] if watched else find_stem(address)


def _make_asset(found: list[_Said], videos: VideoFolder) -> Asset:
    duration = max((said.duration for said in found if said.duration), default=None)
    asset = videos.make_asset(found[0].path, duration=duration)
    url = next((said.url for said in found if said.url), None)
    return Asset(id=asset.id, kind=asset.kind, path=asset.path, url=url, duration=duration) if url else asset


def _make_scene(name: str, scene_id: str, found: list[_Said], asset: Asset, options: Options, report: Report) -> Scene:
    moments = Moments(options.path, report, asset.duration)
    captions: dict[str, Caption] = {}
    for said in found:
        if said.spans is None:
            captions |= {text: Caption(text=text) for text in said.texts if text not in captions}
            continue
        spans, texts = said.spans, said.texts
        if len(spans) == 1 or len(texts) == 1:
            count = max(len(spans), len(texts))
            spans, texts = spans * (count // len(spans)), texts * (count // len(texts))
        elif len(spans) != len(texts):
            message = f"{len(texts)} texts and {len(spans)} times; what has no partner is left out"
            moments.tell(said.place, message)
        for (start, end), text in zip(spans, texts, strict=False):
            moments.add(Moment(start, end, text, said.others, said.place))
    return Scene(
        id=scene_id,
        assets=(asset,),
        captions=tuple(captions.values()),
        segments=moments.segments(),
        prose=(ABOUT_WEARER,) if any(said.is_narrated for said in found) else (),
        metadata={"video": name},
    )
