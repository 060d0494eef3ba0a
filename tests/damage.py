"""Damaged copies of a good file, the same ones each time: cut short, or with something hostile put in."""

import random
from collections.abc import Iterable

HOSTILE = [b"NaN", b"1e999", b"9" * 5000, b"[" * 3000, b'"\\ud800"', b"\0", b"\xff", b"null", b"{}", b'"']
"""What no reader may stumble over."""


def damage(good: bytes, *more: bytes, seed: int, each: int) -> Iterable[bytes]:
    """The file cut at every 50th byte, then with ``HOSTILE`` and ``more`` put in at ``each`` places drawn with ``seed``."""
    draw = random.Random(seed)
    yield from (good[:cut] for cut in range(0, len(good), 50))
    for hostile in (*HOSTILE, *more):
        for _ in range(each):
            start = draw.randrange(len(good))
            yield good[:start] + hostile + good[start + draw.randrange(3) :]
