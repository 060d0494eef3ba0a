"""Annotation files as text: their encoding found and checked before the first record is used.

A file in the wrong encoding is refused as a whole. Read leniently it would put broken letters into captions, and read line
by line it would lose exactly the captions that are not plain ASCII.
"""

import codecs
import gzip
import os
import zipfile
import zlib
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from syphus.decoding import BYTE_ORDER_MARKS
from syphus.errors import InputError

_BLOCK = 1 << 20
_MOST_UNPACKED = 4 << 30


def open_bytes(file: Path) -> BinaryIO:
    """The file, opened for reading; :class:`InputError` where that fails, so that no caller sees an ``OSError``."""
    try:
        return file.open("rb")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        # Not Path.exists(), which raises for a name that is too long.
        mend = "" if os.path.exists(file) else "Check the path; a relative one starts at the configuration file."  # noqa: PTH110
        raise InputError(f"cannot be read: {reason}", file=file, mend=mend) from error


class _Gzip(gzip.GzipFile):
    """Unpacked as it is read; a torn file ends in an :class:`InputError` wherever that is met."""

    def __init__(self, file: Path, stream: BinaryIO) -> None:
        super().__init__(fileobj=stream, mode="rb")
        self._file = file
        self.myfileobj = cast("Any", stream)  # closed with it

    def read(self, size: int | None = -1) -> bytes:
        try:
            return super().read(size)
        except (EOFError, OSError, zlib.error) as error:
            raise self._explain(error) from error

    def read1(self, size: int = -1) -> bytes:
        try:
            return super().read1(size)
        except (EOFError, OSError, zlib.error) as error:
            raise self._explain(error) from error

    def _explain(self, error: Exception) -> InputError:
        mend = "It was cut while being written or copied. Fetch it again."
        return InputError(f"is a gzip file that cannot be unpacked: {error}", file=self._file, mend=mend)


def open_plain(file: Path) -> BinaryIO:
    """As :func:`open_bytes`, and what a gzip file holds, or a zip file of one member, as many sets are published.

    Raises:
        InputError: also for a zip file of several members, or that cannot be unpacked.
    """
    stream = open_bytes(file)
    try:
        head = stream.read(4)
        stream.seek(0)
    except OSError as error:  # a folder, a device
        stream.close()
        raise InputError(f"cannot be read: {error.strerror or error}", file=file) from error
    if head[:2] == b"\x1f\x8b":
        return cast("BinaryIO", _Gzip(file, stream))
    return _open_zip(file, stream) if head == b"PK\x03\x04" else stream


def _open_zip(file: Path, stream: BinaryIO) -> BinaryIO:
    mend = "Unpack it, and give the file that is meant."
    with stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                names = [name for name in archive.namelist() if not name.endswith("/") and "__MACOSX/" not in name]
                if len(names) != 1:
                    some = ", ".join(names[:5])
                    raise InputError(f"is a zip file with {len(names)} files in it: {some}", file=file, mend=mend)
                if archive.getinfo(names[0]).file_size > _MOST_UNPACKED:
                    raise InputError("is a zip file with a file of more than 4 GiB in it", file=file, mend=mend)
                # in memory: one that is read on the way would need the archive to stay open
                return BytesIO(archive.read(names[0]))
        except (zipfile.BadZipFile, EOFError, OSError, zlib.error, NotImplementedError, RuntimeError) as error:
            raise InputError(f"is a zip file that cannot be unpacked: {error}", file=file, mend=mend) from error


def find_encoding(file: Path, encoding: str | None = None) -> str:
    """The encoding to read ``file`` in: the one that is asked for, else by its byte order mark, else UTF-8."""
    if encoding is not None:
        try:
            "".encode(encoding)  # also refuses Python's codecs that are no text encodings, such as "hex"
        except (LookupError, ValueError) as error:
            raise InputError(
                f"unknown encoding {encoding!r}",
                file=file,
                mend="Common ones: utf-8, cp1252, latin-1, gb18030, shift_jis.",
            ) from error
        return encoding
    with open_plain(file) as stream:
        head = stream.read(4)
    return next((name for mark, name in BYTE_ORDER_MARKS if head.startswith(mark)), "utf-8")


def open_text(file: Path, *, encoding: str | None = None, newline: str = "\n", torn: bool = False) -> TextIO:
    r"""The file as text, after all of it was checked to be in its encoding (about a second a gigabyte).

    Args:
        file: what to open.
        encoding: as in :func:`find_encoding`.
        newline: as for :func:`open`; ``"\n"`` ends lines at line feeds alone.
        torn: accept a file that ends in the middle of a character, for readers that report a torn last line.

    Raises:
        InputError: naming the line of the first byte that does not belong to the encoding.
    """
    name = find_encoding(file, encoding)
    _check_encoding(file, name, torn=torn)
    return TextIOWrapper(open_plain(file), encoding=name, newline=newline, errors="replace" if torn else "strict")


def open_utf8(file: Path, *, encoding: str | None = None) -> BinaryIO:
    """The file as a stream of UTF-8 bytes without a mark; other encodings are converted in memory.

    The bytes of a UTF-8 file are not checked here: whoever reads them does so block by block.
    """
    name = find_encoding(file, encoding)
    stream = open_plain(file)
    codec = codecs.lookup(name).name
    if codec == "utf-8-sig":
        stream.seek(3)
    if codec in ("utf-8", "utf-8-sig"):
        return stream
    with stream:
        try:
            return BytesIO(stream.read().decode(name).encode())
        except UnicodeError as error:
            raise explain_encoding(file, name, place="", reason=str(error)) from error


def explain_encoding(file: Path, name: str, *, place: str, reason: str) -> InputError:
    """The error for bytes that are not in the encoding ``name``."""
    return InputError(
        f"is not {name.removesuffix('-sig').upper()}: {reason}",
        file=file,
        place=place,
        mend='Say which it is, as in `encoding = "cp1252"` (reader pairs), or save the file as UTF-8: '
        "`iconv -f cp1252 -t utf-8` often does it.",
    )


def _check_encoding(file: Path, name: str, *, torn: bool) -> None:
    decoder = codecs.getincrementaldecoder(name)()
    # ASCII blocks need no decoding in the encodings that contain it; most annotation files are nothing else.
    plain = codecs.lookup(name).name in ("utf-8", "iso8859-1", "cp1252")
    line = 1
    with open_plain(file) as stream:
        while True:
            block = stream.read(_BLOCK)
            if plain and block.isascii() and not decoder.getstate()[0]:
                line += block.count(b"\n")
            else:
                line += _decode_block(decoder, block, file=file, name=name, line=line, final=not block and not torn)
            if not block:
                return


def _decode_block(
    decoder: codecs.IncrementalDecoder, block: bytes, *, file: Path, name: str, line: int, final: bool
) -> int:
    """How many lines end in the block."""
    try:
        return decoder.decode(block, final).count("\n")
    except UnicodeDecodeError as error:
        line += error.object.count(b"\n", 0, error.start)
        reason = f"byte {error.object[error.start]:#04x} ({error.reason})"
        raise explain_encoding(file, name, place=f"line {line}", reason=reason) from error
    except UnicodeError as error:
        raise explain_encoding(file, name, place=f"line {line}", reason=str(error)) from error
