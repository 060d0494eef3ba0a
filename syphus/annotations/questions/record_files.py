"""Files of one JSON document whose records are typed: the good ones come out, broken ones are reported, wrong files refused."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from syphus.annotations.foreign import name_other
from syphus.annotations.json_nested import NestedDocument
from syphus.annotations.json_shapes import RAW, Batch, Broken, Shape
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_bytes, open_utf8
from syphus.errors import InputError

_ENOUGH = 100
"""Broken records, and no good one, after which a file is given up."""

_END = 1 << 16
"""Bytes at either end of a file in which its small members are looked for."""


def name_place(key: str, index: int) -> str:
    """A record's place: ``questions[40]``."""
    return f"{key}[{index}]"


def check_files(*files: Path | None) -> None:
    """Raises :class:`InputError` for a file that cannot be opened, before anything is read."""
    for file in files:
        if file is not None:
            open_bytes(file).close()


def walk_records(
    file: Path, report: Report, shapes: Mapping[str, Shape[Any]], *, what: str
) -> Iterator[tuple[str, int, Any]]:
    """The good records of a document: the member each stands in, its position there, and the record.

    Args:
        file: the JSON document.
        report: receives the broken records.
        shapes: what the records of each member are; an empty name stands for a document that is a list itself.
        what: the kind of file, for errors: ``VQA questions file``.

    Raises:
        InputError: for a file that is torn, is no JSON, has none of the members, or in which every record is broken.
    """
    good = False
    broken: list[Broken] = []
    with NestedDocument(file) as document:
        for batch in _walk_batches(document, shapes, what):
            for index, record in enumerate(batch.records, batch.first):
                if type(record) is not Broken:
                    good = True
                    yield batch.key, index, record
                    continue
                place, message = name_place(batch.key, index), f"{record.reason}; it is left out"
                report(Problem(file=str(file), place=place, message=message))
                broken += [] if good else [record]
                if len(broken) > _ENOUGH and not good:
                    raise _refuse(file, broken, what)
    if broken and not good:
        raise _refuse(file, broken, what)


def _walk_batches(document: NestedDocument, shapes: Mapping[str, Shape[Any]], what: str) -> Iterator[Batch]:
    kind = document.find_kind()
    if kind == "nothing":
        raise InputError("is empty", file=document.file)
    if kind == "a list" and "" in shapes:
        yield from document.walk_array(shapes[""])
        return
    if kind != "an object":
        mend = ""
        if kind == "a list":  # what it is instead, its first record tells
            first = next((record for batch in document.walk_array(RAW) for record in batch.records), None)
            mend = name_other(Broken("", bytes(first)).find_keys()) if isinstance(first, msgspec.Raw) else ""
        raise InputError(f"is {kind}: this is no {what}", file=document.file, mend=mend)
    yield from document.walk_members({key: shape for key, shape in shapes.items() if key})
    found = list(document.members)
    if not set(shapes) & set(found):
        wanted = " or ".join(f"`{key}`" for key in shapes if key)
        message = f"has no {wanted}" if wanted else "is an object, not a list of records"
        keyed = found and set(document.members.values()) == {"an object"}
        mend = "Its records stand under their ids, as GQA's do." if keyed else name_other(found)
        raise InputError(f"{message}: this is no {what}", file=document.file, mend=mend)


def _refuse(file: Path, broken: list[Broken], what: str) -> InputError:
    message = f"none of its {len(broken)} first records can be used ({broken[0].reason}): this is no {what}"
    return InputError(message, file=file, mend=name_other(broken[0].find_keys()))


def find_member(file: Path, key: str) -> str:
    """The value of a small member (a text, a number, an object without others in it) as JSON text; empty without one.

    It is looked for at either end of the file, so that the long list between them need not be read: no text of a JSON
    document can hold the searched marks, for a quote in it would be escaped.
    """
    pattern = re.compile(
        rb'"%s"\s*:\s*("(?:[^"\\]|\\.){0,2000}"|\{[^{}\[\]]{0,2000}\}|[-\w.]{1,40})' % re.escape(key).encode()
    )
    with open_utf8(file) as stream:
        head = tail = stream.read(_END)
        try:
            size = stream.seek(0, 2)
            stream.seek(max(len(head), size - _END))
            tail = stream.read()
        except ValueError:  # what is unpacked on the way has no end to go to
            while block := stream.read(_END):
                tail = tail[-_END:] + block
    found = pattern.search(head) or pattern.search(tail)
    return found[1].decode(errors="replace") if found else ""
