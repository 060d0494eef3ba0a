"""What the tests of the readers of annotated pictures share."""

import os
import struct
import zlib
from pathlib import Path

import msgspec
import pytest

from syphus.records import Scene

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not (DATA / "transcribed").is_dir(), reason=f"the real annotation files are not in {DATA}")


def read(reader, **options):
    """The scenes, which must decode as scenes again, and the problems."""
    problems = []
    scenes = list(reader.read(reader.Options(**options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    assert len({scene.id for scene in scenes}) == len(scenes)
    return scenes, problems


def write_png(file, width, height):
    """A picture of that size, black."""
    file.parent.mkdir(parents=True, exist_ok=True)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes((width + 1) * height))),
        (b"IEND", b""),
    )
    data = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    return file


def write(folder, **files):
    """Files by name; ``__`` stands for the dot, ``___`` for a slash."""
    for name, text in files.items():
        file = folder / name.replace("___", "/").replace("__", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def messages(problems, *, lost=None):
    """What was said, of problems that lost something or not."""
    return [problem.message for problem in problems if lost is None or problem.lost == lost]
