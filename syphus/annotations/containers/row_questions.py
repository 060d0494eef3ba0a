"""Questions in the rows of a table: which columns hold them, and what they become.

Data sets of questions are published in as many forms as there are of them, and told by the names of their columns: VQA and
its kin on the Hugging Face Hub (``question``, ``answers`` of ten people, ``multiple_choice_answer``), A-OKVQA, VizWiz, ScienceQA,
AI2D, MMMU, MMBench (``A`` ... ``D``), ChartQA (``query``, ``label``), TallyQA, CLEVR, OCR-VQA (lists of both), Visual7W (``qa_pairs``).

The right choice is a number counted from 0, a letter, or the words of one. Lists may be written as text (``"['a', 'b']"``).
"""

import ast
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from syphus.annotations.containers.row_scene import Columns, Faults, find_columns
from syphus.annotations.labels import clean
from syphus.annotations.questions.choices import LETTERS, find_by_letter, find_by_text, strip_letters
from syphus.annotations.questions.question_texts import clean_texts, count_answers
from syphus.annotations.several.ordinals import name_picture
from syphus.records import Question

QUESTION_NAMES = ("question", "query", "questions")
ANSWER_NAMES = ("answers", "direct_answers", "answer", "multiple_choice_answer", "label")
OPTION_NAMES = ("choices", "options", "multiple_choices", "answer_choices", "answertexts")
CORRECT_NAMES = (
    *("correct_choice_idx", "correct_answer_idx", "answer_idx", "answer_index", "correctanswer"),
    *("correct_answer", "correct_option", "correct"),
)
RATIONALE_NAMES = ("rationales", "rationale", "solution", "explanation")
HINT_NAMES = ("hint",)
ID_NAMES = ("question_id", "questionid", "qid", "qa_id", "question_index")
NESTED_NAMES = ("qa_pairs", "qas", "questions")
"""Names that are looked for, in this order and in any case."""
SURE_CAPTIONS = ("caption", "captions", "caption_str")
"""Columns that are captions beside a question too; a title or a text may be anything there (of a book, of an article)."""

_WRONG_ONES = "multiple_choices"
"""Visual7W lists only the wrong ones, beside the right answer."""
_LETTER_COLUMNS = ("{}", "choice {}", "choice_{}", "option {}", "option_{}", "option{}")
_ASKS_CAPTION = re.compile(r"\b(?:come up with|write|provide|give)\b.{0,20}\b(?:caption|description)\b", re.IGNORECASE)
"""What benchmarks put beside captions that were never answers to a question ("come up with a caption for the image")."""
_PICTURE_MARK = re.compile(r"<image(?: ?(\d{1,2}))?>")
_ASKED_PEOPLE = 10
"""How many VQA, VizWiz and TextVQA ask: so many answers are votes, even where no two agree."""
_LONGEST_LIST = 100_000
_MOST_OPTIONS = len(LETTERS)


class QuestionColumns(NamedTuple):
    """Which column is what; ``question`` is None where a row holds none."""

    question: str | None = None
    answers: str | None = None
    options: tuple[str, ...] = ()
    """The one with the list, or one for each choice."""
    correct: str | None = None
    rationales: tuple[str, ...] = ()
    hint: str | None = None
    id: str | None = None

    def used(self) -> tuple[str, ...]:
        """All of them."""
        if self.question is None:
            return ()
        single = (self.question, self.answers, self.correct, self.hint, self.id)
        return tuple(dict.fromkeys(name for name in (*single, *self.options, *self.rationales) if name))


def find_row_columns(
    names: Sequence[str], *, file: Path, caption: str | None, id_: str | None = None
) -> tuple[Columns, QuestionColumns]:
    """The columns of captions, ids, tags and objects, and those of questions.

    Args:
        names: all that there are.
        file: for the error.
        caption: the one that is asked for; where it is one of the questions' own, there are none.
        id_: likewise, whatever it is one of.

    Raises:
        InputError: where one that is asked for is not there.
    """
    questions = find_question_columns(names)
    if caption is not None and caption in questions.used():
        questions = QuestionColumns()
    used = set(questions.used()) - {id_}
    columns = find_columns([name for name in names if name not in used], file=file, caption=caption, id_=id_)
    unsure = columns.caption is not None and columns.caption.lower() not in SURE_CAPTIONS
    if questions.question is not None and caption is None and unsure:
        columns = columns._replace(caption=None)
    return columns, questions


class Asked(NamedTuple):
    """What the questions of a row are: some are only an invitation to write a caption."""

    questions: tuple[Question, ...] = ()
    captions: tuple[str, ...] = ()


def find_question_columns(names: Iterable[str]) -> QuestionColumns:
    """The columns of questions by their names."""
    lower = {name.strip().lower(): name for name in reversed(list(names))}

    def find(known: Sequence[str]) -> str | None:
        return next((lower[name] for name in known if name in lower), None)

    question = find((*QUESTION_NAMES, *NESTED_NAMES))
    if question is None:
        return QuestionColumns()
    whole = find(OPTION_NAMES)
    options = (whole,) if whole else _find_letter_columns(lower)
    return QuestionColumns(
        question=question,
        answers=find(ANSWER_NAMES),
        options=options,
        correct=find(CORRECT_NAMES),
        rationales=tuple(lower[name] for name in RATIONALE_NAMES if name in lower),
        hint=find(HINT_NAMES),
        id=find(ID_NAMES),
    )


def _find_letter_columns(lower: Mapping[str, str]) -> tuple[str, ...]:
    for pattern in _LETTER_COLUMNS:
        names = [pattern.format(letter.lower()) for letter in LETTERS]
        count = next((place for place, name in enumerate(names) if name not in lower), len(names))
        if count > 1:
            return tuple(lower[name] for name in names[:count])
    return ()


def read_questions(values: Mapping[str, Any], columns: QuestionColumns, faults: Faults) -> Asked:
    """The questions of a row.

    Args:
        values: the row.
        columns: as :func:`find_question_columns` found them.
        faults: receives questions without text, and right choices that are none of the choices.
    """
    if columns.question is None:
        return Asked()
    value = values.get(columns.question)
    if isinstance(value, list | tuple | dict):
        return _read_many(value, values, columns, faults)
    text = clean(_as_text(value))
    if not text:
        faults.lose(f"`{columns.question}` is {'missing' if value is None else 'empty or no text'}")
        return Asked()
    given = _list_answers(values.get(columns.answers)) if columns.answers else []
    if _ASKS_CAPTION.search(text):
        return Asked(captions=clean_texts(answer for answer in map(_as_text, given) if answer))
    return Asked(questions=(_make_question(text, given, values, columns, faults),))


def _read_many(value: Any, values: Mapping[str, Any], columns: QuestionColumns, faults: Faults) -> Asked:
    """Questions that stand in a list: of records (Visual7W), of texts beside their answers (OCR-VQA), by their text (AI2D)."""
    entries: list[Any] = list(value)
    if isinstance(value, dict):
        entries = [{"question": text, **more} if isinstance(more, dict) else None for text, more in value.items()]
    elif entries and all(isinstance(one, str) for one in entries):
        answers = values.get(columns.answers) if columns.answers else None
        if not isinstance(answers, list | tuple) or len(answers) != len(entries):
            faults.lose(f"`{columns.question}` has {len(entries)} questions, and not as many answers")
            answers = [None] * len(entries)
        entries = [{"question": text, "answer": one} for text, one in zip(entries, answers, strict=True)]
    questions: list[Question] = []
    captions: list[str] = []
    for number, one in enumerate(entries):
        own = find_question_columns(one) if isinstance(one, dict) else QuestionColumns()
        if own.question is None or isinstance(one[own.question], list | tuple | dict):
            faults.lose(f"`{columns.question}`[{number}] is no question; it is left out")
            continue
        asked = read_questions(one, own, faults)
        questions += asked.questions
        captions += asked.captions
    return Asked(tuple(questions), tuple(dict.fromkeys(captions)))


def _make_question(
    text: str, given: list[Any], values: Mapping[str, Any], columns: QuestionColumns, faults: Faults
) -> Question:
    hint = clean(_as_text(values.get(columns.hint))) if columns.hint else ""
    options = _read_options(values, columns)
    correct = None
    if columns.correct and values.get(columns.correct) is not None:
        correct = _find_choice(options, values[columns.correct])
        if correct is None and options:
            faults.lose(f"`{columns.correct}` {str(values[columns.correct])[:40]!r} is none of {len(options)} choices")
        if not options and not given:
            given = _list_answers(values[columns.correct])
    asked_people = len(given) == _ASKED_PEOPLE or any(isinstance(one, dict) for one in given)
    plain = [clean(answer) for answer in map(_as_text, given) if answer is not None]
    answers, votes, _ = count_answers(plain)
    if options and correct is None and len(given) == 1:
        correct = _find_choice(options, given[0])
        if correct is None and answers and columns.options[0].lower() == _WRONG_ONES:
            options, correct = (*options, answers[0]), len(options)
        if correct is None and answers:
            faults.lose(f"the answer {answers[0][:60]!r} is none of the choices; no choice is called right")
        elif correct is not None:
            answers, votes = (options[correct],), ()
    if not (asked_people or any(count > 1 for count in votes)):
        votes = ()
    rationales = clean_texts(
        text for name in columns.rationales for text in map(_as_text, _list_answers(values.get(name))) if text
    )
    source = _as_text(values.get(columns.id)) if columns.id else None
    return Question(
        question=_name_pictures(f"{hint} {text}" if hint else text),
        answers=answers if votes else tuple(dict.fromkeys(filter(None, plain))) if correct is None else answers,
        votes=votes,
        options=options,
        correct=correct,
        rationales=rationales,
        source_id=clean(source) or None,
    )


def _name_pictures(text: str) -> str:
    """The text without a trainer's marks for pictures, which in a question of ours would call for a picture of their own."""
    if "<image" not in text:
        return text
    text = _PICTURE_MARK.sub("", text, count=1) if _PICTURE_MARK.match(text) else text
    return clean(_PICTURE_MARK.sub(lambda mark: name_picture(int(mark[1])) if mark[1] and int(mark[1]) else "", text))


def _read_options(values: Mapping[str, Any], columns: QuestionColumns) -> tuple[str, ...]:
    if len(columns.options) == 1:
        value = values.get(columns.options[0])
        if isinstance(value, dict):  # {"A": ..., "B": ...}, or Hugging Face's {"text": [...], "label": [...]}
            inner = value.get("text")
            value = inner if isinstance(inner, list | tuple) else list(value.values())
        given = _list_answers(value)
    else:
        given = [values.get(name) for name in columns.options]
        while given and (given[-1] is None or not clean(_as_text(given[-1]))):
            given.pop()  # a question of fewer choices
    texts = [clean(_as_text(one)) for one in given]
    return tuple(strip_letters(texts)) if any(texts) and len(texts) <= _MOST_OPTIONS else ()


def _find_choice(options: Sequence[str], value: Any) -> int | None:
    """Which choice a value means: a number from 0, the words of one, a letter, or a number written as text."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value < len(options) else None
    text = clean(_as_text(value))
    if not text:
        return None
    found = find_by_text(options, text)
    if found is None:
        found = find_by_letter(options, text)
    if found is None and text.isascii() and text.isdigit() and len(text) < 3 and int(text) < len(options):
        found = int(text)
    return found


def _list_answers(value: Any) -> list[Any]:
    """The values of a list, of a list written as text, or of a record of lists; a single value is a list of one."""
    if value is None or value == "":
        return []
    if isinstance(value, dict):  # Hugging Face's way with lists of records
        inner = next((value[key] for key in ("answer", "raw_answer", "text") if key in value), None)
        return [{"answer": one} for one in inner] if isinstance(inner, list | tuple) else [value]
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, str) and value.lstrip()[:1] == "[" and value.rstrip()[-1:] == "]":
        return parse_list(value.strip())
    return [value]


def parse_list(text: str) -> list[Any]:
    """A list written as text, as Python or JSON has it; what is none is a list of that text."""
    if len(text) > _LONGEST_LIST:
        return [text]
    try:
        found = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return [text]
        if isinstance(found, list) and len(found) == 1 and re.search(r"['\"]\s+['\"]", text):
            return [text]  # numpy's way to print a list, without commas, which Python would glue together
    return found if isinstance(found, list) else [text]


def _as_text(value: Any) -> str | None:
    """A text, a number in words, what a record of an answer says; None where it is nothing of the kind."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value) if abs(value) < 1 << 63 else None
    if isinstance(value, float):
        return f"{value:g}" if math.isfinite(value) else None
    if isinstance(value, dict):
        return next((_as_text(value[key]) for key in ("raw_answer", "answer", "text") if value.get(key)), None)
    return None
