"""Reader of our own form: files of :class:`~syphus.records.Scene` records, the form of ``scene.schema.json``.

JSON Lines (a scene a line), a JSON array of scenes, a file with one scene, or a folder of such files. JSON Lines are read
as they come and stand each by itself; a JSON document is read through first, and refused where it is torn.
"""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from syphus.annotations.json_shapes import RAW, find_layout
from syphus.annotations.json_stream import JsonDocument
from syphus.annotations.known import KnownIds
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import find_encoding, open_bytes, open_text
from syphus.decoding import decode_json
from syphus.errors import InputError
from syphus.records import Scene

_HEAD = 1 << 20


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the scenes are."""

    path: Path
    """A file, or a folder whose ``.json`` and ``.jsonl`` files are read in the order of their names."""
    images: Path | None = None
    """The picture folder."""


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, in the order of the file or files.

    Args:
        options: where they are.
        report: receives records that break the form, with line and field, and scenes whose id was met before.

    Raises:
        InputError: at once where there is no such file or folder; when its turn comes, for a file that is no JSON. Of
            several files in a folder, one that is no JSON goes to ``report``, and the others are read.
    """
    path = options.path
    if not path.is_dir():
        open_bytes(path).close()
        return _leave_out_repeated(_read_file(path, report), report)
    files = sorted(file for file in path.iterdir() if file.suffix in (".json", ".jsonl") and file.is_file())
    if not files:
        raise InputError("has no .json or .jsonl files", file=path)
    return _leave_out_repeated(_read_files(files, report), report)


class _Found(Struct, frozen=True):
    scene: Scene
    file: Path
    place: str


def _leave_out_repeated(found: Iterator[_Found], report: Report) -> Iterator[Scene]:
    known = KnownIds()
    for one in found:
        if known.add(one.scene.id):
            yield one.scene
        else:
            message = f"there is a scene {one.scene.id!r} before it; this one is left out"
            report(Problem(file=str(one.file), place=one.place, message=message))


def _read_files(files: list[Path], report: Report) -> Iterator[_Found]:
    for file in files:
        try:
            yield from _read_file(file, report)
        except InputError as error:
            report(_make_problem(error, file, ""))


def _read_file(file: Path, report: Report) -> Iterator[_Found]:
    with open_bytes(file) as stream:
        head = stream.read(_HEAD).decode(find_encoding(file), errors="replace").lstrip("\ufeff")
    if not head.strip():
        raise InputError("is empty", file=file)
    layout = find_layout(head)
    if layout == "lines" or (layout == "other" and file.suffix == ".jsonl"):
        return _read_lines(file, report)
    if layout == "array":
        return _read_array(file, report)
    if layout == "object":
        return _read_object(file, report)
    raise InputError(
        f"is no JSON: it begins with {head.strip()[:20]!r}",
        file=file,
        mend="Scenes are JSON Lines, a JSON array, or one JSON object.",
    )


def _read_lines(file: Path, report: Report) -> Iterator[_Found]:
    with open_text(file, torn=True) as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                torn = "" if line.endswith("\n") else "It is the last line; the file may be cut there."
                yield from _read_record(line, file, number, report, hint=torn)


def _read_object(file: Path, report: Report) -> Iterator[_Found]:
    with open_text(file) as stream:
        text = stream.read()
    yield from _read_record(text, file, 1, report)


def _read_array(file: Path, report: Report) -> Iterator[_Found]:
    with JsonDocument(file) as document:
        for _ in document.walk_array(RAW):
            pass
    with JsonDocument(file) as document:
        for batch in document.walk_array(RAW):
            for index, line, text in batch.number_lines():
                yield from _read_record(text.decode(), file, line, report, prefix=f"[{index}], ")


def _read_record(
    text: str, file: Path, line: int, report: Report, *, prefix: str = "", hint: str = ""
) -> Iterator[_Found]:
    """The scene, or none where the record is broken, which is reported."""
    try:
        scene = decode_json(text, Scene, file=file, first_line=line)
    except InputError as error:
        report(_make_problem(error, file, prefix, hint=hint))
    except (ValueError, RecursionError) as error:
        # an integer of thousands of digits, or nesting, that stops even the search for the place of a fault
        report(Problem(file=str(file), place=f"{prefix}line {line}", message=f"cannot be decoded: {error}"))
    else:
        yield _Found(scene, file, f"{prefix}line {line}")


def _make_problem(error: InputError, file: Path, prefix: str, *, hint: str = "") -> Problem:
    syntax = error.message.startswith("is no JSON")
    message = " ".join(part for part in (error.message, error.mend, hint if syntax and not error.mend else "") if part)
    return Problem(file=error.file or str(file), place=prefix + (error.place or "line 1"), message=message)
