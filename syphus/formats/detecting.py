"""Of which format a file is, found by looking into it (:mod:`syphus.formats.importing` has the contract)."""

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from syphus.annotations.json_shapes import find_layout
from syphus.annotations.text_files import find_encoding, open_bytes
from syphus.decoding import decode_json, read_text
from syphus.errors import InputError
from syphus.formats.importing import HEAD, RECORDS, Importer, Sample, find_importers
from syphus.formats.rows import read_rows

_TELLING = ("conversations", "messages", "instruction", "query", "prefix", "q", "turns")
"""Keys that tell the forms of rows from one another."""


class Detected(NamedTuple):
    """The format that a file was found to have."""

    name: str
    importer: Importer
    reason: str


def detect_format(path: Path) -> Detected:
    """The format of a file or folder, by its first records; its name decides only between equals.

    Raises:
        InputError: it cannot be read, no format fits, or several fit equally well, which are then named.
    """
    sample = take_sample(path)
    found = find_importers()
    fits = {name: importer.fits(sample) for name, importer in found.items()}
    best = max((fit.score for fit in fits.values()), default=0)
    if not best:
        _explain_break(sample)
        raise InputError(
            f"is of no format that is known{_describe(sample)}",
            file=path,
            mend=f"Name it with --from, if it is one of {', '.join(sorted(found))}; rows of another form are kept aside.",
        )
    names = sorted(name for name, fit in fits.items() if fit.score == best)
    if len(names) > 1:
        names = [name for name in names if found[name].SUFFIX and path.name.endswith(found[name].SUFFIX)] or names
    if len(names) > 1:
        reasons = "; ".join(f"{name}: {fits[name].reason}" for name in names)
        raise InputError(f"could be {' or '.join(names)} ({reasons})", file=path, mend="Say which, with --from.")
    return Detected(names[0], found[names[0]], fits[names[0]].reason)


def _describe(sample: Sample) -> str:
    """What the first rows are, in words that complete ``is of no format that is known``."""
    if sample.layout == "array" and not sample.records:
        return ": it holds no rows"
    rows = sample.rows()
    if not rows:
        return ""
    forms = Counter(key for row in rows for key in _TELLING if key in row)
    if len(forms) > 1:
        found = ", ".join(f"{count} with `{key}`" for key, count in forms.most_common())
        return f": its first {len(rows)} rows are of several forms ({found})"
    keys = ", ".join(f"`{key[:40]}`" for key in [*rows[0]][:8])
    return f": its first row has {keys}" if keys else ": its first row is empty"


def _explain_break(sample: Sample) -> None:
    """Raises :class:`InputError` with the place where a file that begins as JSON is none."""
    if sample.layout in ("array", "lines") and not sample.records:
        for _ in read_rows(sample.path, lambda _: None):
            break
    elif sample.layout == "object" and not sample.records:
        decode_json(read_text(sample.path), dict[str, msgspec.Raw], file=sample.path)


def take_sample(path: Path) -> Sample:
    """The beginning of a file or folder. Raises :class:`InputError` where it cannot be read."""
    if not path.exists():
        raise InputError(
            "cannot be read: there is no such file", file=path, mend="A relative path starts where syphus is started."
        )
    if path.is_dir():
        try:
            return Sample(path=path, layout="folder", names=tuple(sorted(entry.name for entry in path.iterdir())))
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror or error}", file=path) from error
    with open_bytes(path) as stream:
        head = stream.read(HEAD)
    if not head.strip():
        raise InputError("is empty", file=path)
    encoding = find_encoding(path)
    text = head.decode(encoding, "replace")
    head = text.encode() if encoding != "utf-8" else head
    layout = find_layout(text)
    if layout in ("array", "lines"):
        # What is wrong with the file is said when it is read; here the records before the fault are enough.
        return Sample(path=path, layout=layout, head=head, records=_first_records(path))
    if layout == "object" and len(head) < HEAD:
        try:
            return Sample(path=path, layout=layout, head=head, records=(msgspec.json.decode(head),))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    return Sample(path=path, layout=layout, head=head)


def _first_records(path: Path) -> tuple[Any, ...]:
    records: list[Any] = []
    rows = read_rows(path, lambda _: None)
    try:
        for row in rows:
            records.append(row.value)
            if len(records) == RECORDS:
                break
    except InputError:
        pass
    finally:
        rows.close()
    return tuple(records)
