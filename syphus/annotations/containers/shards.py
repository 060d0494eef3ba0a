"""The samples of a WebDataset shard, streamed out of its tar file; what is hostile in it is refused, what is torn reported."""

import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from syphus.annotations.containers.picture_store import HEAD, find_suffix, measure_head, write_picture
from syphus.annotations.naming import make_relative
from syphus.annotations.picture_files import SUFFIXES
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_bytes
from syphus.decoding import decode_text
from syphus.errors import InputError

_KEY = re.compile(r"^((?:.*/|)[^./]+)\.([^/]*)$")
"""As webdataset splits names: ``a/b.left.jpg`` is the key ``a/b`` and the kind ``left.jpg``."""
_TEXTS = ("txt", "text", "caption", "transcript")
_CLASSES = ("cls", "cls2", "class", "index")
_BIGGEST_TEXT = 16 << 20
_BIGGEST_PICTURE = 1 << 30
_TORN = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError, ValueError, OverflowError)


class Picture(msgspec.Struct):
    """A picture of a sample."""

    name: str
    size: tuple[int, int] | None
    """Width and height in pixels."""


class Sample(msgspec.Struct):
    """What the members of one key hold."""

    key: str
    pictures: list[Picture] = []
    texts: list[str] = []
    values: dict[str, Any] = {}
    class_number: int | None = None
    others: set[str] = set()
    """Kinds of its other members."""


def read_samples(shard: Path, report: Report, *, extract: Path | None, folder: str) -> Iterator[Sample]:
    """The samples of a shard, in its order.

    Args:
        shard: a tar file, compressed or not.
        report: receives members that cannot be used, and where the shard is torn.
        extract: the folder to write pictures into; None: they stay where they are.
        folder: of this shard's pictures, in ``extract``.

    Raises:
        InputError: it is no tar file at all; or a picture cannot be written.
    """
    with open_bytes(shard) as stream:
        if not stream.read(1):
            raise InputError("is empty", file=shard)
        stream.seek(0)
        try:
            archive = tarfile.open(fileobj=stream, mode="r|*")  # noqa: SIM115  closed below
        except _TORN as error:
            raise InputError(f"is no tar file: {error}", file=shard) from error
        with archive:
            yield from _Shard(shard, archive, report, extract, folder).read()


class _Shard:
    def __init__(self, file: Path, archive: tarfile.TarFile, report: Report, extract: Path | None, folder: str) -> None:
        self._file = file
        self._archive = archive
        self._report = report
        self._extract = extract
        self._folder = folder

    def read(self) -> Iterator[Sample]:
        sample: Sample | None = None
        while True:
            name = "the file"
            try:
                member = self._archive.next()
                if member is None:
                    break
                name = _show(member.name)
                split = self._split(member)
                if split is None:
                    continue
                key, kind = split
                if sample is not None and sample.key != key:
                    yield sample
                    sample = None
                if sample is None:
                    sample = Sample(key, [], [], {}, None, set())
                self._take(sample, member, kind)
            except InputError:
                raise
            except _TORN as error:
                message = f"the shard is torn here: {error or type(error).__name__}; what came before is used"
                self._complain(name, message)
                break
            # a stream keeps a note of every member it passed, which would fill the memory
            self._archive.members = []  # type: ignore[attr-defined]
        if sample is not None:
            yield sample

    def _complain(self, place: str, message: str, *, lost: bool = True) -> None:
        self._report(Problem(file=str(self._file), place=place, message=message, lost=lost))

    def _split(self, member: tarfile.TarInfo) -> tuple[str, str] | None:
        """Key and kind; None for what is no member of a sample, which is reported where it should not be there."""
        base = member.name.replace("\\", "/").rpartition("/")[2]
        if member.isdir() or base.startswith((".", "__")):
            return None
        name = _show(member.name)
        if not member.isreg() or member.issparse():
            self._complain(name, "is no plain file but a link, a device or full of holes; it is left out")
            return None
        try:
            path = make_relative(member.name, None)
            path.encode()
        except ValueError as error:
            reason = "its name is no text in UTF-8" if isinstance(error, UnicodeError) else str(error)
            self._complain(name, f"{reason}; it is left out")
            return None
        if "/" + path != "/" + member.name.removeprefix("./"):
            # "a//b" and "a/b" would be two names of one file
            self._complain(name, "its path is not written plainly; it is left out")
            return None
        found = _KEY.match(path)
        if not found:
            self._complain(name, "its name has no kind behind a dot; it is left out")
            return None
        return found[1], found[2].lower()

    def _take(self, sample: Sample, member: tarfile.TarInfo, kind: str) -> None:
        last = kind.rpartition(".")[2]
        if f".{last}" in SUFFIXES:
            self._take_picture(sample, member)
        elif last in _TEXTS or last == "json" or last in _CLASSES:
            if member.size > _BIGGEST_TEXT:
                self._complain(_show(member.name), f"has {member.size >> 20} MB, and is no text; it is left out")
                return
            with self._open(member) as stream:
                self._take_text(sample, member, last, stream.read())
        else:
            sample.others.add(kind)

    def _open(self, member: tarfile.TarInfo) -> IO[bytes]:
        stream = self._archive.extractfile(member)
        if stream is None:  # only for what is no file
            raise tarfile.ReadError("it cannot be read")
        return stream

    def _take_picture(self, sample: Sample, member: tarfile.TarInfo) -> None:
        path = make_relative(member.name, None)
        with self._open(member) as stream:
            head = stream.read(min(HEAD, member.size))
            if len(head) < min(HEAD, member.size):
                raise tarfile.ReadError("unexpected end of data")
            if not find_suffix(head) or member.size > _BIGGEST_PICTURE:
                self._complain(_show(path), "is no picture, whatever its name says; it is left out")
                return
            size = measure_head(head)
            if size is None:
                self._complain(_show(path), "width and height cannot be read; it is used without them", lost=False)
            if self._extract is not None:
                try:
                    write_picture(self._extract, f"{self._folder}/{path}", head, stream, member.size)
                except UnicodeError as error:
                    raise tarfile.ReadError(str(error)) from error
                except ValueError as error:
                    self._complain(_show(path), f"{error}; it is left out")
                    return
        sample.pictures.append(Picture(path, size))

    def _take_text(self, sample: Sample, member: tarfile.TarInfo, kind: str, data: bytes) -> None:
        name = _show(member.name)
        if len(data) < member.size:
            raise tarfile.ReadError("unexpected end of data")
        try:
            text = decode_text(data, file=self._file)
        except InputError as error:
            self._complain(name, f"{error.message}; it is left out")
            return
        if kind in _CLASSES:
            number = text.strip()
            if number.isascii() and number.isdecimal() and len(number) < 10:
                sample.class_number = int(number)
            else:
                self._complain(name, f"{number[:40]!r} is no number of a class; it is left out")
        elif kind == "json":
            self._take_json(sample, name, text)
        elif text.strip():
            sample.texts.append(text)
        else:
            self._complain(name, "is empty; it is left out")

    def _take_json(self, sample: Sample, name: str, text: str) -> None:
        try:
            found = msgspec.json.decode(text)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            self._complain(name, f"is no JSON: {error}; it is left out")
            return
        if isinstance(found, dict):
            sample.values.update(found)
        elif isinstance(found, str | list):
            sample.values["caption"] = found
        else:
            self._complain(name, "is no JSON object; it is left out")


def _show(name: str) -> str:
    """A member's name for a report; bytes that are no text are written as such."""
    return name.encode("utf-8", "backslashreplace").decode()[:120] or "a member without a name"
