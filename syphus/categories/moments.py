"""What is annotated of time, of questions and of the scene as a whole, as lines."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator

from syphus.categories.blocks import Context, SegmentBlock
from syphus.categories.lines import Line, asset_id, one_line, spread, title_of
from syphus.records import Question, Scene, Segment

_KINDS = {"image": "picture", "video": "video", "frames": "frames of a video", "point_cloud": "scan of a room"}
_SPOKEN = ("subtitle", "speaker")
_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"([.!?…]); ")


def clock_time(seconds: float, *, tenths: bool = False) -> str:
    """A time as people read it: ``0:05``, ``12:40``, ``1:02:03``; with ``tenths``, ``0:05.3``.

    Seconds are cut and not rounded, as on a player's display: at 4.9 s it still shows 0:04.
    """
    whole, rest = divmod(int(seconds * 10 + 1e-6), 10)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
    return f"{text}.{rest}" if tenths else text


def _assets(scene: Scene, context: Context) -> Iterator[Line]:
    for rank, asset in enumerate(scene.assets):
        kind = _KINDS[asset.kind]
        name = (
            title_of(asset, ids=True)
            if context.assets.ids
            else asset.title or (f"the {kind}" if len(scene.assets) == 1 else asset.id)
        )
        notes = [] if asset.kind == "image" or kind in name else [kind]
        if asset.duration is not None:
            notes.append(f"{clock_time(asset.duration)} long")
        yield Line(one_line(name + (f" ({', '.join(notes)})" if notes else "")), "assets", None, rank)


def _segments(scene: Scene, context: Context) -> Iterator[Line]:
    """One line a segment, in the order of time: what stands together was at the same moment."""
    options = context.segments
    of_asset: dict[str | None, list[Segment]] = defaultdict(list)
    for segment in scene.segments:
        of_asset[asset_id(scene, segment.asset)].append(segment)
    for about, segments in of_asset.items():
        # What lasts longer comes first, so that an event stands above what is said in it.
        segments.sort(key=lambda segment: (segment.start, -segment.end))
        shown = [(segment, text) for segment in segments if (text := _say(segment, options))]
        tenths = _need_tenths([segment for segment, _ in shown])
        for (segment, text), rank in zip(shown, spread(len(shown)), strict=True):
            time = _time_text(segment, options, tenths=tenths)
            yield Line(f"{time}: {text}" if time else text, "segments", about, rank)


def _say(segment: Segment, options: SegmentBlock) -> str:
    """What a segment holds, in one line; empty where nothing of it is shown."""
    columns = {
        name: one_line(value)
        for name, value in segment.columns.items()
        if value.strip() and (options.columns is None or name in options.columns or name == "speaker")
    }
    parts = [one_line(segment.text)] if segment.text.strip() else []
    if said := columns.get("subtitle"):
        speaker = columns.get("speaker")
        parts.append(f"{speaker} says: “{said}”" if speaker else f"somebody says: “{said}”")
    # What the text says already is not said again: "take plates" with the objects "plate".
    words = _WORD.findall(parts[0].lower()) if segment.text.strip() else []
    told = {form for word in words for form in (word, word.removesuffix("s"))}
    parts += [
        f"{name}: {value}"
        for name, value in columns.items()
        if name not in _SPOKEN and not set(_WORD.findall(value.lower())) <= told
    ]
    return _SENTENCE_END.sub(r"\1 ", "; ".join(parts))


def _need_tenths(segments: list[Segment]) -> bool:
    """True where whole seconds would show two different times as one: many short things in a short time."""
    times = {round(time, 1) for segment in segments for time in (segment.start, segment.end)}
    return bool(times) and max(times) < 30 and len({int(time) for time in times}) < 0.6 * len(times)


def _time_text(segment: Segment, options: SegmentBlock, *, tenths: bool) -> str:
    if options.times == "none":
        return ""
    if options.times == "seconds":
        texts = [f"{round(time, 1):g} s" for time in (segment.start, segment.end)]
    else:
        texts = [clock_time(time, tenths=tenths) for time in (segment.start, segment.end)]
    return texts[0] if texts[0] == texts[1] else " to ".join(texts)


def _questions(scene: Scene, context: Context) -> Iterator[Line]:
    for rank, question in enumerate(scene.questions):
        text = _ask(question, rationales=context.questions.rationales)
        yield Line(text, "questions", asset_id(scene, question.asset), rank)


def _ask(question: Question, *, rationales: bool) -> str:
    """A question with what people answered, the most frequent answer first, or with its options and the right one."""
    text = one_line(question.question)
    if question.options:
        text += f" (options: {'; '.join(map(one_line, question.options))})"
    if question.correct is not None:
        text += f" Right: {_end(one_line(question.options[question.correct]))}"
    elif question.answers:
        total = sum(question.votes)
        shown = [
            one_line(answer) + (f" ({votes} of {total} people)" if total > 1 else "")
            for answer, votes in zip(question.answers, question.votes or (0,) * len(question.answers), strict=True)
        ]
        text += f" Answered: {_end('; '.join(shown))}"
    if rationales and question.rationales:
        text += f" Because: {' / '.join(map(one_line, question.rationales))}"
    return text


def _end(text: str) -> str:
    """With a full stop, unless it ends like a sentence already: answers of Visual Genome do."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _prose(scene: Scene, context: Context) -> Iterator[Line]:
    del context
    for rank, text in enumerate(scene.prose):
        yield Line(text, "prose", None, rank)


MOMENT_BLOCKS: dict[str, Callable[[Scene, Context], Iterator[Line]]] = {
    "assets": _assets,
    "segments": _segments,
    "questions": _questions,
    "prose": _prose,
}
"""Block -> its lines, in the order in which they are shown."""
