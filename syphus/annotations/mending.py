"""What annotation tools get slightly wrong, put right in one way for all readers: boxes and times that leave their frame.

Each function gives the value, or None where nothing of it can be used, and what is to be said about it: nothing where all is
well. A reader passes that on as a :class:`~syphus.annotations.reading.Problem`, lost where the value is None.
"""

import math
from typing import NamedTuple

from syphus.records import BOX_SLACK, TIME_SLACK, Box


class MendedBox(NamedTuple):
    """A box as :class:`~syphus.records.Object` has it."""

    box: Box | None
    message: str = ""


class MendedTimes(NamedTuple):
    """Start and end as :class:`~syphus.records.Segment` has them."""

    times: tuple[float, float] | None
    message: str = ""


def mend_box(x1: float, y1: float, x2: float, y2: float, *, width: int | None, height: int | None) -> MendedBox:
    """Pixel corners, rounded to hundredths and clipped to the frame, if that is known.

    A box that leaves the frame by ``BOX_SLACK`` pixels or less is clipped without a word.

    Args:
        x1: left; as all of them in pixels of the original frame, origin at the top left.
        y1: top.
        x2: right.
        y2: bottom.
        width: of the frame; None where it is not known.
        height: of the frame.
    """
    given = (x1, y1, x2, y2)
    if not all(map(math.isfinite, given)):
        return MendedBox(None, f"{_tell(given)} is beyond all numbers")
    if x2 <= x1 or y2 <= y1:
        what = "no area" if x2 == x1 or y2 == y1 else "its corners the wrong way round"
        return MendedBox(None, f"{_tell(given)} has {what}")
    message = ""
    if width is not None and height is not None:
        out = max(-x1, -y1, x2 - width, y2 - height)
        x1, y1, x2, y2 = max(x1, 0.0), max(y1, 0.0), min(x2, width), min(y2, height)
        if x1 >= x2 or y1 >= y2:
            return MendedBox(None, f"{_tell(given)} lies outside the frame of {width} x {height}")
        if out > BOX_SLACK:
            message = f"{_tell(given)} leaves the frame of {width} x {height} by {out:g} pixels; it is clipped"
    box = (round(x1, 2), round(y1, 2), round(x2, 2), round(y2, 2))
    if not (box[0] < box[2] and box[1] < box[3]):
        return MendedBox(None, f"{_tell(given)} is thinner than can be told")
    return MendedBox(box, message)


def _tell(box: tuple[float, ...]) -> str:
    return f"box {[round(value, 2) if math.isfinite(value) else value for value in box]}"


def mend_times(start: float, end: float, *, duration: float | None) -> MendedTimes:
    """Seconds from the start of the asset, rounded to milliseconds and clipped to its duration, if that is known.

    Times the wrong way round are turned. What ends after the video by ``TIME_SLACK`` seconds or less is clipped without a word.
    """
    given = f"times {start:g} to {end:g} s"
    if not (math.isfinite(start) and math.isfinite(end)):
        return MendedTimes(None, f"{given} are beyond all numbers")
    messages = []
    if end < start:
        start, end = end, start
        messages.append(f"{given} are the wrong way round; they are turned")
    if end < 0 or (duration is not None and start > duration):
        return MendedTimes(None, f"{given} lie outside the video" + ("" if duration is None else f" of {duration:g} s"))
    if start < 0:
        start = 0.0
        messages.append(f"{given} begin before the video; they are clipped")
    if duration is not None and end > duration:
        if end > duration + TIME_SLACK:
            messages.append(f"{given} end after the video of {duration:g} s; they are clipped")
        end = duration
    start, end = round(start, 3), round(end, 3)
    return MendedTimes((start, max(start, end)), "; ".join(messages))
