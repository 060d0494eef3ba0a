"""The forms in which files hold text in pictures, found by their content, each read as :class:`~ocr_records.Page` records.

Which they are, and where each is published, says :mod:`syphus.annotations.questions.ocr`.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from syphus.annotations.foreign import name_other
from syphus.annotations.json_nested import NestedDocument
from syphus.annotations.json_shapes import Broken, Shape, find_layout
from syphus.annotations.picture_files import SUFFIXES
from syphus.annotations.questions.ocr_records import PAGE, PIECES, Page, Piece, save_page, sort_out
from syphus.annotations.questions.record_files import name_place
from syphus.annotations.text_files import find_encoding, open_plain, open_text, open_utf8
from syphus.decoding import decode_json, read_text
from syphus.errors import InputError

_HEAD = 1 << 20
_ENOUGH = 100
_WHAT = "file of text in pictures"

_NUMBER = r"\s*-?\d+(?:\.\d+)?"
_NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")
_PLACES = (
    (re.compile(rf"(?:{_NUMBER}\s*,){{8}}"), False),
    (re.compile(rf"(?:{_NUMBER}\s*,){{4}}"), True),
    (re.compile(rf"(?:{_NUMBER}\s+){{4}}(?=\")"), True),
)
"""What stands before the text, and whether the text may be in quotes: ICDAR 2015 and 2017, 2013, 2013's training set."""

_SCRIPTS = "Arabic|Bangla|Chinese|Hindi|Japanese|Korean|Latin|Symbols|Mixed|None"
_SCRIPT = re.compile(rf"(?:{_SCRIPTS}),")
"""ICDAR's multi-lingual sets have the script before the text."""


class Found(NamedTuple):
    """A page and where it stands."""

    place: str
    page: Page
    faults: list[str]
    file: str
    named: bool = True
    """False: the page is a file for itself, and ``img_path`` its name."""


Complain = Callable[[str, str, str], None]
"""File, place and message of what cannot be used."""


def find_pages(path: Path, complain: Complain, *, encoding: str | None) -> Iterator[Found]:
    """The pages of a file or folder, one at a time.

    Raises:
        InputError: at once for a file that is empty, in another encoding or of no known form; on the way where it is torn.
    """
    if path.is_dir():
        files = sorted(file for file in path.glob("*.txt") if file.is_file())
        forms = sorted(file for file in path.glob("*.json") if file.is_file())
        if not files and not forms:
            mend = "A folder is read as ICDAR's, a text file a picture, or FUNSD's, a JSON file a picture."
            raise InputError("has no .txt and no .json files", file=path, mend=mend)
        return _read_icdar(files, complain, encoding) if files else _read_funsd(forms, complain)
    with open_plain(path) as stream:
        data = stream.read(_HEAD)
    head = data.decode(find_encoding(path, encoding), errors="replace").lstrip("\ufeff")
    if not head.strip():
        raise InputError("is empty", file=path)
    layout = find_layout(head)
    first = next(line for line in head.splitlines() if line.strip())
    if layout in ("array", "object") and not (layout == "object" and path.suffix == ".jsonl"):
        return _Document(path, complain, encoding).read(lines=layout == "object" and "\n" not in head.strip())
    if layout != "other":
        return _Lines(path, complain, encoding).read(_read_record)
    if _find_quad(first) is not None:
        return _read_icdar([path], complain, encoding)
    if first.split("\t" if "\t" in first else None, maxsplit=1)[0].strip(" ,").lower().endswith(SUFFIXES):
        return _Lines(path, complain, encoding).read(_read_labelled)
    raise InputError(
        f"is no {_WHAT}: its first line is {first[:60]!r}",
        file=path,
        mend="Known are mmocr's JSON and JSON Lines, PaddleOCR's `path<tab>[...]`, ICDAR's `x1,y1,...,x4,y4,text`.",
    )


class _Reading:
    """What the forms share: how many pages were good, so that a wrong file is refused and not reported to its end."""

    def __init__(self, file: Path, complain: Complain, encoding: str | None) -> None:
        self._file = file
        self._complain = complain
        self._encoding = encoding
        self._good = False
        self._bad = 0
        self._keys: list[str] = []
        self._reason = ""

    def take(self, place: str, page: Page | Broken) -> Iterator[Found]:
        """The page, where it is one or can be made one."""
        faults: list[str] = []
        found = save_page(page, faults) if isinstance(page, Broken) else page
        if found is not None and found.picture and found.find_pieces() is not None:
            self._good = True
            yield Found(place, found, faults, str(self._file))
            return
        reason = "there is no picture, or no list of texts"
        if isinstance(page, Broken):
            reason = page.reason
            self._keys = self._keys or page.find_keys()
        self._reason = self._reason or reason
        self._bad += 1
        self._complain(str(self._file), place, f"{reason}; it is left out")
        if self._bad > _ENOUGH:
            self.check()

    def check(self) -> None:
        """Raises :class:`InputError` where there were only bad pages."""
        if self._bad and not self._good:
            message = f"none of its {self._bad} first records can be used ({self._reason}): this is no {_WHAT}"
            raise InputError(message, file=self._file, mend=name_other(self._keys))


class _Document(_Reading):
    """One JSON document: a list of pages, or mmocr's object with ``data_list``."""

    def read(self, *, lines: bool) -> Iterator[Found]:
        with NestedDocument(self._file, encoding=self._encoding) as document:
            if document.find_kind() == "a list":
                batches = document.walk_array(PAGE)
            else:
                batches = document.walk_members({"data_list": PAGE})
            for batch in batches:
                for index, record in enumerate(batch.records, batch.first):
                    yield from self.take(name_place(batch.key, index), record)
            members = list(document.members)
        if members and "data_list" not in members:
            if lines and set(members) & {"img_path", "file_name", "filename", "image"}:  # JSON Lines of a single line
                yield from _Lines(self._file, self._complain, self._encoding).read(_read_record)
                return
            if {"imgs", "anns"} <= set(members):
                yield from _read_coco_text(self._file, self._complain)
                return
            if "form" in members:
                yield from _read_funsd([self._file], self._complain)
                return
            raise InputError(f"has no `data_list`: this is no {_WHAT}", file=self._file, mend=name_other(members))
        self.check()


class _Lines(_Reading):
    """A page a line."""

    def read(self, read_line: Callable[[str], Page | Broken]) -> Iterator[Found]:
        with open_text(self._file, encoding=self._encoding, torn=True) as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield from self.take(f"line {number}", read_line(line))
        self.check()


def _read_record(line: str) -> Page | Broken:
    return PAGE.decode_one(line.encode(errors="replace"))


def _read_labelled(line: str) -> Page | Broken:
    """PaddleOCR's ``path<tab>[{...}]``; of recognition sets ``path<tab>text``, or with a space between (mmocr), or a comma (ICDAR)."""
    line = line.strip("\r\n\ufeff")
    picture, tab, rest = line.partition("\t")
    if not tab:
        picture, _, rest = line.partition(" ")
        if picture.endswith(","):
            picture, rest = picture[:-1], rest.strip().removeprefix('"').removesuffix('"')
    raw = rest.strip().encode(errors="replace")
    if not picture.strip():
        return Broken("there is no picture", raw)
    if not raw.startswith(b"[{") and raw != b"[]":
        return Page(img_path=picture.strip(), text=rest)
    pieces = PIECES.decode_one(raw)
    if not isinstance(pieces, Broken):
        return Page(img_path=picture.strip(), lines=pieces)
    # the page is saved as others are, by its JSON
    return Broken(pieces.reason, b'{"img_path":%s,"lines":%s}' % (msgspec.json.encode(picture.strip()), pieces.raw))


def _read_icdar(files: list[Path], complain: Complain, encoding: str | None) -> Iterator[Found]:
    good = bad = 0
    for file in files:
        pieces: list[Piece] = []
        faults: list[str] = []
        try:
            with open_text(file, encoding=encoding) as stream:
                for number, line in enumerate(stream, 1):
                    if not line.strip():
                        continue
                    piece = _find_quad(line)
                    if piece is None:
                        bad += 1
                        faults.append(f"line {number} is no `x1,y1,...,x4,y4,text`; it is left out")
                    else:
                        good += 1
                        pieces.append(piece)
        except InputError as error:
            if len(files) == 1:
                raise
            complain(str(file), error.place or "line 1", f"{error.message}; the file is left out")
            continue
        if bad > _ENOUGH and not good:
            break
        page = Page(img_path=file.stem.removeprefix("gt_"), lines=pieces)
        yield Found("all lines", page, faults, str(file), named=False)
    if bad and not good:
        raise InputError(f"none of its {bad} lines is `x1,y1,...,x4,y4,text`: this is no {_WHAT}", file=files[0])


def _find_quad(line: str) -> Piece | None:
    line = line.strip("\r\n\ufeff")
    for pattern, quoted in _PLACES:
        found = pattern.match(line)
        if found:
            text = line[found.end() :]
            script = None if quoted else _SCRIPT.match(text)
            text = (text[script.end() :] if script else text).strip()
            if quoted and len(text) > 1 and text[0] == text[-1] == '"':
                text = text[1:-1]
            return Piece(text=text, box=[float(number) for number in _NUMBERS.findall(found[0])])
    return None


class _TextImage(msgspec.Struct, gc=False):
    file_name: str
    width: int | float | None = None
    height: int | float | None = None


class _TextPlace(msgspec.Struct, gc=False):
    image_id: int | str
    utf8_string: str | None = None
    points: list[float] | None = None
    mask: list[float] | None = None
    polygon: list[float] | None = None
    bbox: list[float] | None = None
    legibility: str | None = None

    def make_piece(self) -> Piece:
        """As other forms have it; COCO-Text's box is a corner and a size, and TextOCR's illegible word a dot."""
        text = self.utf8_string or ""
        points = next((one for one in (self.points, self.mask, self.polygon) if one and len(one) > 3), None)
        if points is None and self.bbox and len(self.bbox) == 4:
            x, y, width, height = self.bbox
            points = [x, y, x + width, y + height]
        illegible = self.legibility == "illegible" or text.strip() == "."
        return Piece(text=text, polygon=points, ignore=illegible)  # type: ignore[arg-type]


class _CocoText(msgspec.Struct):
    imgs: dict[str, msgspec.Raw]
    anns: dict[str, msgspec.Raw]


_COCO_TEXT: Shape[_CocoText] = Shape(_CocoText)
_TEXT_IMAGE: Shape[_TextImage] = Shape(_TextImage, lenient=True)
_TEXT_PLACE: Shape[_TextPlace] = Shape(_TextPlace, lenient=True)


def _read_coco_text(file: Path, complain: Complain) -> Iterator[Found]:
    """TextOCR's and COCO-Text's form, held whole: words under their ids, and pictures under theirs."""
    with open_utf8(file) as stream:
        document = _COCO_TEXT.decode_one(stream.read())
    if isinstance(document, Broken):
        raise InputError(f"is no {_WHAT}: {document.reason}", file=file)
    pieces: dict[str, list[Piece]] = {}
    good = False
    for name, raw in document.anns.items():
        place = _TEXT_PLACE.decode_one(bytes(raw))
        if isinstance(place, Broken):
            complain(str(file), f"anns, {name[:60]}", f"{place.reason}; it is left out")
        else:
            pieces.setdefault(str(place.image_id), []).append(place.make_piece())
    for name, raw in document.imgs.items():
        image = _TEXT_IMAGE.decode_one(bytes(raw))
        if isinstance(image, Broken):
            lost = len(pieces.pop(name, ()))
            complain(str(file), f"imgs, {name[:60]}", f"{image.reason}; it is left out with its {lost} texts")
            continue
        good = True
        page = Page(img_path=image.file_name, width=image.width, height=image.height, lines=pieces.pop(name, []))
        yield Found(f"imgs, {name[:60]}", page, [], str(file))
    if document.imgs and not good:
        raise InputError("none of its `imgs` is a picture with a `file_name`", file=file)
    if pieces:
        some = ", ".join(list(pieces)[:5])
        count = sum(map(len, pieces.values()))
        complain(str(file), "anns", f"{count} texts of pictures that `imgs` does not have are left out: {some}")


class _Form(msgspec.Struct):
    form: list[msgspec.Raw]


def _name_answers(pieces: list[Piece]) -> None:
    """Gives each answer the question that it is linked to as its class: "DATE: May 7" says more than "answer: May 7"."""
    by_id = {piece.id: piece for piece in pieces if isinstance(piece.id, int)}
    for piece in pieces:
        if piece.label != "answer":
            continue
        links = [link for link in piece.linking if isinstance(link, list)] if isinstance(piece.linking, list) else []
        ends = [end for link in links for end in link if isinstance(end, int) and end != piece.id]
        asked = [by_id[end] for end in ends if end in by_id]
        question = next((one for one in asked if one.text and one.text.strip()), None)
        if question is not None:
            piece.label, question.label = (question.text or "").strip(" :"), None


def _read_funsd(files: list[Path], complain: Complain) -> Iterator[Found]:
    """FUNSD's: a JSON file a form, whose picture has its name."""
    good = False
    first: InputError | None = None
    for file in files:
        try:
            raws = decode_json(read_text(file), _Form, file=file).form
        except InputError as error:
            first = first or error
            complain(str(file), error.place or "line 1", f"{error.message}; the file is left out")
            continue
        good = True
        faults: list[str] = []
        pieces = list(sort_out(raws, faults, "form"))
        _name_answers(pieces)
        yield Found("form", Page(img_path=file.stem, lines=pieces), faults, str(file), named=False)
    if first is not None and not good:
        raise first
