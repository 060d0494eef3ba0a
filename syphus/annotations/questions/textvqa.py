"""Reader of questions and captions about text in pictures: TextVQA, TextCaps, DocVQA, ST-VQA.

Their files are one object with a list ``data`` of records, a question or a caption each:

- TextVQA (https://textvqa.org, Singh et al. 2019, arXiv:1904.08920): ``{question_id, question, image_id, answers (ten people's;
  none in the test set), image_width, image_height, image_classes, flickr_300k_url, flickr_original_url, set_name}``;
- TextCaps (https://textvqa.org/textcaps, Sidorov et al. 2020, arXiv:2003.12462): ``{image_id, caption_str, caption_id,
  reference_strs}`` and the same of the picture; each record repeats all captions of its picture in ``reference_strs``;
- DocVQA and InfographicVQA (https://www.docvqa.org): ``{questionId, question, image (or image_local_name), docId,
  ucsf_document_id, ucsf_document_page_no, answers, data_split}``; the answers are spellings of one, not votes;
- MP-DocVQA: ``{questionId, question, doc_id, page_ids, answer_page_idx, answers}``; the picture is the page with the answer;
- ST-VQA (https://rrc.cvc.uab.es/?ch=11): ``{question_id, question, file_path, answers, dataset}``.

The words that the OCR engine Rosetta read stand in a file of their own (``TextVQA_Rosetta_OCR_v0.2_train.json``): ``{data:
[{image_id, ocr_tokens, ocr_info: [{word, bounding_box: {top_left_x, top_left_y, width, height, rotation, yaw ...}}]}]}``, the
boxes as parts of the picture's sides. Older ones write ``topLeftX``. Boxes often leave the frame.

Left aside: ``question_tokens``, ``caption_tokens`` and ``reference_tokens`` (the texts cut into words), ``image_name`` and
``image_path`` (the ``image_id`` again), ``rotation``, ``yaw``, ``roll`` and ``pitch`` of boxes, ``flickr_original_url``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from syphus.annotations.json_shapes import Shape
from syphus.annotations.known import KnownIds
from syphus.annotations.labels import clean
from syphus.annotations.naming import Names, find_stem, make_relative
from syphus.annotations.picture_files import as_pixels
from syphus.annotations.questions.document_words import DocumentWords
from syphus.annotations.questions.picture_rows import Id, PictureName, PictureRows
from syphus.annotations.questions.question_texts import clean_texts, count_answers
from syphus.annotations.questions.record_files import check_files, name_place, walk_records
from syphus.annotations.questions.rosetta import Words
from syphus.annotations.reading import Problem, Report
from syphus.records import Asset, Caption, OcrLine, Question, Scene


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The files, and what the pictures are called."""

    path: Path
    """``TextVQA_0.5.1_train.json``, ``TextCaps_0.1_train.json``, DocVQA's ``train_v1.0.json`` ..."""
    ocr: Path | None = None
    """The words in the pictures, as Rosetta read them, joined by ``image_id``; or a folder with a file for each page, as DocVQA's
    ``ocr_results`` (:mod:`~syphus.annotations.questions.document_words`)."""
    images: Path | None = None
    """The picture folder."""
    image_name: str = "{id}.jpg"
    """The path in it of a picture that has only an ``image_id`` (TextVQA, TextCaps)."""


class _Record(Struct, gc=False):
    question: str | None = None
    question_id: Id | None = None
    questionId: Id | None = None  # noqa: N815 (DocVQA's own name, as those below)
    answers: list[str] | None = None
    caption_str: str | None = None
    reference_strs: list[str] | None = None
    image_id: Id | None = None
    image: str | None = None
    image_local_name: str | None = None
    file_path: str | None = None
    page_ids: list[str] | None = None
    answer_page_idx: int | None = None
    image_width: int | float | None = None
    image_height: int | float | None = None
    image_classes: list[str] | None = None
    flickr_300k_url: str | None = None
    set_name: str | None = None
    data_split: str | None = None
    ocr_tokens: list[str] | None = None
    question_types: list[str] | None = None
    docId: Id | None = None  # noqa: N815
    ucsf_document_id: str | None = None
    ucsf_document_page_no: Id | None = None


class _About(Struct, array_like=True, gc=False):
    """What is said of the picture, kept once."""

    path: str
    index: int
    url: str
    width: int | None
    height: int | None
    tokens: tuple[str, ...]
    metadata: dict[str, Any]


class _Row(Struct, array_like=True, gc=False):
    about: _About | None
    question: Question | None
    captions: tuple[str, ...]
    types: tuple[str, ...]


_SHAPES = {"data": Shape(_Record, lenient=True)}
_WHAT = "file in the form of TextVQA, TextCaps, DocVQA or ST-VQA"


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one a picture with all its questions and captions, in the order in which the file first names them.

    Words become ``ocr`` lines in reading order, their boxes in pixels; where there is no ``ocr`` file, ``ocr_tokens`` of the
    records are used, which have no boxes. Answers of TextVQA have votes. ``metadata`` has ``image_id``, ``image_classes``,
    ``set_name`` (or ``data_split``), of documents ``docId``, ``ucsf_document_id`` and ``ucsf_document_page_no``, and
    ``question_types`` by question id.

    Args:
        options: which files.
        report: receives broken records, those with neither question nor caption, ids that repeat, and boxes that leave the
            frame.

    Raises:
        InputError: at once where a file cannot be opened; with the first scene where one is of another kind, or torn.
    """
    check_files(options.path, options.ocr if options.ocr is None or not options.ocr.is_dir() else None)
    return _read_scenes(options, PictureName(options.image_name), report)


def _read_scenes(options: Options, name: PictureName, report: Report) -> Iterator[Scene]:
    rows = _read_rows(options, name, report)
    words, pages = Words(report), None
    if options.ocr is not None and options.ocr.is_dir():
        pages = DocumentWords(options.ocr, options.images, report)
    elif options.ocr is not None:
        words.read_file(options.ocr, rows)
    names = Names()
    for picture, numbers in rows.walk():
        found = [rows.rows[number] for number in numbers]
        about = found[0].about
        assert about is not None  # the first record of a picture has it
        ocr = words.make_lines(picture, about.width, about.height)
        width, height = about.width, about.height
        page = pages.find(about.path) if pages is not None else None
        if page is not None:
            ocr, (width, height) = page.lines, page.size or (width, height)
        if ocr is None:
            ocr = tuple(OcrLine(text=token) for token in about.tokens)
        types = {row.question.source_id or "": list(row.types) for row in found if row.question and row.types}
        yield Scene(
            id=names.give(find_stem(about.path)),
            assets=(Asset(path=about.path, url=about.url or None, width=width, height=height),),
            captions=tuple(
                Caption(text=text) for text in dict.fromkeys(text for row in found for text in row.captions)
            ),
            questions=tuple(row.question for row in found if row.question),
            ocr=ocr,
            metadata={**about.metadata, "question_types": types} if types else about.metadata,
        )


def _read_rows(options: Options, name: PictureName, report: Report) -> PictureRows[_Row]:
    rows: PictureRows[_Row] = PictureRows(_Row)
    known = KnownIds()
    file = str(options.path)
    for key, index, record in walk_records(options.path, report, _SHAPES, what=_WHAT):
        faults: list[str] = []
        try:
            picture, path = _find_picture(record, name, options.images)
            question = _make_question(record, known, faults)
            captions = _find_captions(record, faults)
            if question is None and not captions:
                raise ValueError(faults.pop() if faults else "there is neither a question nor a caption")  # noqa: TRY301
            about = None if picture in rows else _make_about(record, path, index, faults)
            types = clean_texts(record.question_types or ())
            rows.add(picture, _Row(about, question, captions, types))
        except ValueError as error:
            faults.append(f"{error}; the record is left out")
        for fault in faults:
            report(Problem(file=file, place=name_place(key, index), message=fault))
    return rows


def _find_picture(record: _Record, name: PictureName, images: Path | None) -> tuple[int | str, str]:
    """What to group by, and the path; ``ValueError`` where there is no picture, or none inside the folder."""
    path = record.image or record.image_local_name or record.file_path
    pages, page = record.page_ids or (), record.answer_page_idx
    if path is None and page is not None and 0 <= page < len(pages):
        path = f"{pages[page]}.jpg"  # the page that the answer is on; of the others nothing is asked
    elif path is None and pages:
        raise ValueError("it does not say which of its pages the question is about (`answer_page_idx`)")
    if path is not None:
        relative = make_relative(path, images)
        return relative, relative
    if record.image_id is None:
        raise ValueError("there is no `image_id`, `image`, `image_local_name` or `file_path`")
    return record.image_id, name.make(record.image_id, images)


def _make_question(record: _Record, known: KnownIds, faults: list[str]) -> Question | None:
    if record.question is None:
        return None
    text = clean(record.question)
    if not text:
        faults.append("the question is empty; it is left out")
        return None
    id_ = record.question_id if record.question_id is not None else record.questionId
    if id_ is not None and not known.add(f"{type(id_).__name__} {id_}"):
        faults.append(f"the question id {id_} is given twice; the first is used")
        return None
    answers, votes, empty = count_answers(record.answers or ())
    if empty:
        faults.append(f"{empty} of `answers` are empty; they are left out")
    # only those sets that asked several people have votes; elsewhere each answer is a spelling, and stands in its order
    asked = record.image_id is not None and record.file_path is None and record.questionId is None
    return Question(
        question=text,
        answers=answers if asked else clean_texts(record.answers or ()),
        votes=votes if asked else (),
        source_id=None if id_ is None else str(id_),
    )


def _find_captions(record: _Record, faults: list[str]) -> tuple[str, ...]:
    """Its own and those of the whole picture, which each record repeats, each once."""
    given = [text for text in (record.caption_str, *(record.reference_strs or ())) if text is not None]
    captions = clean_texts(given)
    empty = sum(not clean(text) for text in given)
    if empty:
        faults.append(f"{empty} of the captions are empty; they are left out")
    return captions


def _make_about(record: _Record, path: str, index: int, faults: list[str]) -> _About:
    width, height = as_pixels(record.image_width), as_pixels(record.image_height)
    if width is None or height is None:
        if record.image_width is not None or record.image_height is not None:
            size = f"{record.image_width} x {record.image_height}"
            faults.append(f"the picture's size {size} is no number of pixels; it is left out")
        width = height = None
    metadata = {
        "image_id": record.image_id,
        "image_classes": [text for text in map(clean, record.image_classes or ()) if text],
        "set_name": record.set_name,
        "data_split": record.data_split,
        "docId": record.docId,
        "ucsf_document_id": record.ucsf_document_id,
        "ucsf_document_page_no": record.ucsf_document_page_no,
    }
    return _About(
        path,
        index,
        record.flickr_300k_url or "",
        width,
        height,
        tuple(filter(None, map(clean, record.ocr_tokens or ()))),
        {key: value for key, value in metadata.items() if value not in (None, [])},
    )
