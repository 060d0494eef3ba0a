"""CSV for people: a row for each question and its answer, or for each turn, to be read and mended in a spreadsheet.

- Columns: ``id, image, video, pair, question, answer``, or with the setting ``rows=turn`` ``turn, role, text`` in their place;
  then ``system, category, ability, language, scene``, and keys of ``metadata`` that are texts in the first dialogue. Several
  pictures of a dialogue stand in one cell, each on a line of its own; a picture that does not stand at the head has its
  ``<image>`` in the text.
- Rows of one dialogue stand together; what is the dialogue's is written in its first row and read from there.
- UTF-8 with a byte order mark, without which Excel takes it for the machine's own encoding; read in any encoding that a mark
  says, with commas, semicolons or tabs.
- A cell that begins with ``= + - @``, a tab or a line end is a formula to spreadsheets (OWASP, "CSV Injection"), and texts come
  from models and strangers. Such a cell gets an apostrophe in front, which spreadsheets do not show, and which is taken
  away in reading.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from syphus.annotations.text_files import open_text
from syphus.errors import InputError
from syphus.files import write_whole
from syphus.formats.chat_rows import Style, read_dialogues
from syphus.formats.exporting import ExportOptions, Written, check_settings
from syphus.formats.importing import CERTAIN, LIKELY, NO_FIT, Aside, Fit, ImportOptions, Report, Sample
from syphus.formats.keeping import AS_READ, Context, find_noted, make_dialogue
from syphus.formats.media import MediaKeys, read_media, write_media
from syphus.formats.parts import Pictures, UnfitError, check_kind, encode_rows, render_turns
from syphus.formats.places import OddError, read_places, split_places, write_places
from syphus.formats.rows import Row
from syphus.records import Dialogue

SUFFIX = ".csv"

STYLE = Style(
    name="csv",
    media=MediaKeys(keys={"image": "image", "video": "video"}, always_list=True, urls=True),
    tokens={"image": "<image>", "video": "<video>"},
)
HOLDS = frozenset({"system", "category", "ability", "language", "scene"})
_FIELDS = ("system", "category", "ability", "language", "scene")
_COLUMNS = {"pair": ("pair", "question", "answer"), "turn": ("turn", "role", "text")}
_HEADER = 1_000
"""Dialogues whose metadata make the columns of the table; a key that comes later has none, and that is said."""
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff0b\uff0d\uff1d\uff20]")
_LONGEST_CELL = 16 << 20


def read(file: Path, options: ImportOptions, report: Report) -> Iterator[Dialogue]:
    """The dialogues of a table with ``question`` and ``answer``, or ``role`` and ``text``.

    Raises:
        InputError: the file cannot be read, is not in its encoding, or has no such columns.
    """
    return read_dialogues(file, options, report, name="csv", parse=_parse, rows=_group(file, report))


def fits(sample: Sample) -> Fit:
    """A first line with the columns of a pair or of a turn."""
    if sample.layout != "other":
        return NO_FIT
    first = sample.head.decode("utf-8", "replace").lstrip("\ufeff").splitlines()[:1]
    if not first:
        return NO_FIT
    names = {name.strip().lower() for name in next(csv.reader(first, delimiter=_find_delimiter(first[0])), [])}
    for _, *texts in _COLUMNS.values():
        if names.issuperset(texts):
            return Fit(CERTAIN if "id" in names else LIKELY, f"a table with the columns {' and '.join(texts)}")
    return NO_FIT


def _find_delimiter(line: str) -> str:
    return max(",;\t", key=line.count)


def _group(file: Path, report: Report) -> Iterator[Row]:
    """The dialogues of the table as rows: what is theirs, and ``texts`` with what is said by turns."""
    before = csv.field_size_limit(_LONGEST_CELL)  # it is the whole process's
    try:
        yield from _group_cells(file, report)
    finally:
        csv.field_size_limit(before)


def _group_cells(file: Path, report: Report) -> Iterator[Row]:
    with open_text(file, newline="") as stream:
        head = stream.readline()
        stream.seek(0)
        reader = csv.reader(stream, delimiter=_find_delimiter(head), strict=True)
        names = [name.strip().lower().lstrip("\ufeff") for name in next(_read_cells(file, reader, report), [])]
        form = next((form for form, (_, *texts) in _COLUMNS.items() if {*names} >= {*texts}), "")
        if not form:
            raise InputError("has neither the columns question and answer nor role and text", file=file)
        yield from _walk(file, reader, names, form, report)


def _read_cells(file: Path, reader: Any, report: Report) -> Iterator[list[str]]:
    """The lines of the table, up to its end or to where it breaks, which is reported."""
    try:
        yield from reader
    except csv.Error as error:
        message = f"is no CSV: {error}; the rows before it are used, and what follows is not read"
        report(Aside(file=str(file), place=f"line {reader.line_num}", message=message))


def _walk(file: Path, reader: Any, names: list[str], form: str, report: Report) -> Iterator[Row]:
    number, first_line = 0, reader.line_num + 1
    held: list[dict[str, str]] = []
    for cells in _read_cells(file, reader, report):
        line, first_line = first_line, reader.line_num + 1
        if not any(cells):
            continue
        if len(cells) > len(names):
            report(
                Aside(
                    file=str(file), place=f"line {line}", message="has more cells than columns", record=_to_line(cells)
                )
            )
            continue
        row = {name: _unguard(cell) for name, cell in zip(names, cells, strict=False)} | {"line": str(line)}
        if held and not _belongs(row, held[-1], form):
            number += 1
            yield _make_row(number, held, form)
            held = []
        held.append(row)
    if held:
        yield _make_row(number + 1, held, form)


def _belongs(row: dict[str, str], before: dict[str, str], form: str) -> bool:
    """True for a further row of the same dialogue: the same id, or none, and a number that goes on."""
    if row.get("id", "") not in ("", before.get("id", "")):
        return False
    number, last = row.get(form, ""), before.get(form, "")
    if number.isdecimal() and last.isdecimal():
        return int(number) > int(last)
    return bool(row.get("id"))


def _make_row(number: int, held: list[dict[str, str]], form: str) -> Row:
    first = dict(held[0])
    place = f"line {first.pop('line')}"
    column, *said = _COLUMNS[form]
    value: dict[str, Any] = {name: cell for name, cell in first.items() if cell and name not in (column, *said)}
    if form == "pair":
        value["texts"] = [row.get(name, "") for row in held for name in said]
    else:
        value["turns"] = [(row.get("role", ""), row.get("text", "")) for row in held]
    raw = "".join(_to_line([cell for name, cell in row.items() if name != "line"]) for row in held)
    return Row(number, place, value, raw.encode("utf-8", "replace"))


def _parse(row: dict[str, Any], context: Context) -> Dialogue:
    texts = row.get("texts")
    if texts is None:
        roles = [role.strip().lower() for role, _ in row["turns"]]
        if roles != ["user", "assistant"] * (len(roles) // 2) or not roles:
            raise OddError("the turns do not alternate between user and assistant")
        texts = [said for _, said in row["turns"]]
    media = {key: [one for one in row.get(key, "").split("\n") if one] for key in STYLE.media.keys.values()}
    assets = read_media(media, STYLE.media, context)
    for key in ("empty", "shapes"):
        context.noted.pop(key, None)
    fields = {key: row[key] for key in ("category", "language", "scene") if row.get(key)}
    if row.get("ability"):
        if row["ability"] not in ("perception", "reasoning", "planning"):
            raise OddError(f"there is no ability {row['ability'][:40]!r}")
        fields["ability"] = row["ability"]
    own = {"id", "texts", "turns", "line", *_FIELDS, *media}
    placed = read_places(texts, assets, STYLE.tokens)
    return make_dialogue(context, row, own, texts=placed.texts, assets=assets, system=row.get("system", ""), **fields)


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes the dialogues as a table.

    Args:
        dialogues: read one at a time.
        target: the file; it is there when all is written, and not before.
        options: the setting ``rows`` is ``pair`` (a row for each question and answer, as it is by default) or ``turn``.

    Raises:
        InputError: the file cannot be written, or the setting is another.
    """
    check_settings(options, ("rows",))
    form = options.settings.get("rows", "pair")
    if form not in _COLUMNS:
        raise InputError(f"there are no rows={form!r}", mend="It is rows=pair or rows=turn.")
    written = Written()
    pictures = Pictures(options.picture_folders, videos=options.video_folder, exact=options.exact)
    stream = iter(dialogues)
    first = list(islice(stream, _HEADER))
    kept = [key for one in first for key, value in one.metadata.items() if isinstance(value, str) and key != AS_READ]
    fixed = ("id", "image", "video", *_COLUMNS[form], *_FIELDS)
    names = (
        *fixed,
        *(
            key
            for key in dict.fromkeys(kept)
            if key.strip().lower() == key and key not in (*fixed, "line", "texts", "turns")
        ),
    )

    def make_rows(dialogue: Dialogue) -> list[list[str]]:
        rows = _make_rows(dialogue, pictures, options, form)
        for key, value in dialogue.metadata.items():
            if key != AS_READ and not (isinstance(value, str) and key in names and key not in fixed):
                written.not_held[f"metadata `{key}`"] += 1
        return [[_guard(row.get(name, "")) for name in names] for row in rows]

    with write_whole(target) as file:
        file.write(b"\xef\xbb\xbf" + _encode([list(names)]))
        for rows in encode_rows(chain(first, stream), make_rows, written, holds=HOLDS, options=options, encode=_encode):
            file.write(rows)
    written.notes += pictures.make_notes("The pictures' paths are relative to {base}.")
    return written


def _make_rows(dialogue: Dialogue, pictures: Pictures, options: ExportOptions, form: str) -> list[dict[str, str]]:
    for asset in dialogue.assets:
        check_kind(asset, tuple(STYLE.tokens))
    texts = render_turns(dialogue, options, marks=STYLE.tokens.values())
    values, order = write_places(texts, dialogue.assets, STYLE.tokens, after=STYLE.after)
    if not any(len(split_places(text)) > 1 for text in texts):
        values = [texts[0].lstrip() if order else texts[0], *texts[1:]]
    media = write_media(order, dialogue, STYLE.media, pictures, {})
    if any("\n" in path for paths in media.values() for path in paths):
        raise UnfitError("the path of a picture has a line end in it")
    rows = [{name: str(value) for name, value in dialogue.metadata.items() if isinstance(value, str)}]
    rows[0] |= {key: "\n".join(paths) for key, paths in media.items()}
    rows[0] |= {name: getattr(dialogue, name) for name in _FIELDS}
    identity = "" if "id" in find_noted(dialogue, "csv") else dialogue.id
    column, *said = _COLUMNS[form]
    step = 2 if form == "pair" else 1
    for index in range(0, len(values), step):
        pair = values[index : index + 2] if form == "pair" else [dialogue.turns[index].role, values[index]]
        row = {"id": identity, column: str(index // step + 1)} | dict(zip(said, pair, strict=True))
        rows[index // step :] = [rows[0] | row if not index else row]
    return rows


def _guard(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unguard(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _encode(rows: list[list[str]]) -> bytes:
    return "".join(map(_to_line, rows)).encode("utf-8")


def _to_line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
