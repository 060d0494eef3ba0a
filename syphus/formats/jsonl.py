"""Our own form: JSON Lines of :class:`syphus.records.Dialogue`, whole and with references as they are stored.

Nothing is rendered and nothing is lost: what :func:`write` wrote, :func:`read` gives back, value for value.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec.structs import fields

from syphus.decoding import decode_json
from syphus.errors import InputError
from syphus.files import write_whole
from syphus.formats.exporting import ExportOptions, Written, check_settings
from syphus.formats.importing import CERTAIN, NO_FIT, Fit, ImportOptions, Report, Sample
from syphus.formats.rows import make_aside
from syphus.records import Dialogue

SUFFIX = ".jsonl"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_OTHER_MARKS = (b"\xff\xfe", b"\xfe\xff")
_TORN = "The file ends in the middle of a record: it was cut while being written or copied."

_decoder = msgspec.json.Decoder(Dialogue)


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes the dialogues as they are; repeated ids, too.

    A dialogue that a program made past the rules of its record (an empty turn, an infinite coordinate, half of a surrogate
    pair) would be a line that nobody can read; it is left out with that reason.

    Args:
        dialogues: read one at a time.
        target: the file; it is there when all is written, and not before.
        options: have no effect, and there are no settings: nothing is rendered, and pictures are named as the dialogue names them.

    Raises:
        InputError: the file cannot be written, or a setting is asked for.
    """
    check_settings(options)
    written = Written()
    with write_whole(target) as file:
        for dialogue in dialogues:
            try:
                line = _encode(dialogue)
                _decoder.decode(line)
            except (msgspec.ValidationError, UnicodeEncodeError):
                written.leave_out(dialogue, "it breaks the rules of its record, so that it could not be read again")
            else:
                file.write(line + b"\n")
                written.written += 1
    return written


_USUAL = {field.name: field.default for field in fields(Dialogue) if field.name in ("ability", "language")}


def _encode(dialogue: Dialogue) -> bytes:
    """As JSON, with ability and language in every row: in a table of rows, a field that is left out holds nothing."""
    usual = [name for name, value in _USUAL.items() if getattr(dialogue, name) == value]
    if not usual:
        return msgspec.json.encode(dialogue)
    return b"{" + "".join(f'"{name}":"{_USUAL[name]}",' for name in usual).encode() + msgspec.json.encode(dialogue)[1:]


def read(file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:  # noqa: ARG001 - the contract
    """The dialogues of a file that :func:`write` made, one at a time; blank lines are passed over.

    Args:
        file: the file.
        options: have no effect: a dialogue says everything itself.
        report: is told the place (``line 12, $.turns[0]``) and the fault of each line that is no dialogue: torn, odd, or
            not UTF-8. The reading goes on.

    Raises:
        InputError: the file cannot be read, is UTF-16, or is a JSON array.
    """
    try:
        with file.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                data = _check_start(line, file) if number == 1 else line
                dialogue = _read_line(data, number, file, report)
                if dialogue is not None:
                    yield dialogue
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=file) from error


def fits(sample: Sample) -> Fit:
    """Lines of ``id``, ``scene`` and ``turns``."""
    if sample.layout not in ("lines", "object"):
        return NO_FIT
    rows = [row for row in sample.rows() if {"id", "scene", "turns"} <= row.keys()]
    return Fit(CERTAIN, "lines of `id`, `scene` and `turns`, our own form") if rows else NO_FIT


def _check_start(line: bytes, file: Path) -> bytes:
    """The first line without its byte order mark. Raises :class:`InputError` for a file of another kind."""
    if line.startswith(_OTHER_MARKS):
        raise InputError("is UTF-16", file=file, mend="Save the file as UTF-8; `iconv -f utf-16 -t utf-8` does it.")
    line = line.removeprefix(_BYTE_ORDER_MARK)
    if line.lstrip().startswith(b"["):
        raise InputError(
            "is a JSON array and not JSON Lines of dialogues",
            file=file,
            mend="Name a file that was exported as `jsonl`.",
        )
    return line


def _read_line(data: bytes, number: int, file: Path, report: Report) -> Dialogue | None:
    if not data.strip():
        return None
    place = f"line {number}"
    try:
        return decode_json(data.decode("utf-8").rstrip("\r\n"), Dialogue, file=file, first_line=number)
    except InputError as error:
        mend = error.mend
        if not isinstance(error.__cause__, msgspec.ValidationError):
            # Every line is written with its end: broken JSON without one is a copy that stopped.
            mend = "" if data.endswith(b"\n") else _TORN
        place, message = error.place, f"{error.message}. {mend}" if mend else error.message
    except UnicodeDecodeError as error:
        message = f"byte {data[error.start]:#04x} is not UTF-8"
    report(make_aside(file, place, message, data))
    return None
