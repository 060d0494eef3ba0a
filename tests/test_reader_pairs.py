"""The reader of image-text pairs: every form, and what is wrong with real ones."""

import csv
import io
import json
import os
from pathlib import Path

import msgspec
import pytest
from damage import damage
from hypothesis import given
from hypothesis import strategies as st

from syphus.annotations.containers import pair_rows, pairs
from syphus.annotations.naming import Names, make_name, make_relative
from syphus.errors import InputError
from syphus.records import Name, Scene

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not (DATA / "llava").is_dir(), reason=f"the real annotation files are not in {DATA}")

ROWS = [
    {"image": "x/a.jpg", "caption": "A dog."},
    {"image": "x/a.jpg", "caption": 'It says "hi",\nthen runs.'},
    {"image": "b.png", "caption": "Zwei Bäume."},
]
WANTED = [("a", "x/a.jpg", ["A dog.", 'It says "hi",\nthen runs.']), ("b", "b.png", ["Zwei Bäume."])]


def table(rows, delimiter=","):
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def lines(*rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def read(path, content, **options):
    """What is in the scenes, which must decode as scenes again, and ``(place, message)`` of the problems."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    problems = []
    scenes = list(pairs.read(pairs.Options(path=path, **options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    assert all(problem.file == str(path) for problem in problems)
    found = []
    for scene in scenes:
        (asset,) = scene.assets
        assert asset.width is asset.height is None
        found.append((scene.id, asset.path or asset.url, [caption.text for caption in scene.captions]))
    return found, [(problem.place, problem.message) for problem in problems]


# --- forms ---


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", table(ROWS)),
        ("x.csv", table(ROWS, ";")),
        ("x.txt", table(ROWS, "|")),
        ("x.tsv", table(ROWS, "\t")),
        ("x.tsv", table(ROWS)),
        ("x.jsonl", lines(*ROWS)),
        ("x.json", lines(*ROWS)),
        ("x.jsonl", "\n" + lines(*ROWS).replace("\n", "\n\n").rstrip()),
        ("x.json", json.dumps(ROWS)),
        ("x.txt", json.dumps(ROWS, indent=2)),
        ("x.json", json.dumps({"version": "1", "data": ROWS, "licence": None})),
        ("x.json", json.dumps({"data": ROWS}, indent=2)),
        ("x.json", json.dumps([{"image": "x/a.jpg", "caption": [row["caption"] for row in ROWS[:2]]}, ROWS[2]])),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_form_is_found_by_its_content(tmp_path, name, content, encoding):
    assert read(tmp_path / name, content.encode(encoding)) == (WANTED, [])


@pytest.mark.parametrize("form", [table, lambda rows: lines(*rows), json.dumps])
def test_an_encoding_that_is_asked_for(tmp_path, form):
    data = form(ROWS).replace("\\u00e4", "ä").encode("cp1252")
    assert read(tmp_path / "x", data, encoding="cp1252") == (WANTED, [])
    with pytest.raises(InputError, match=r'is not UTF-8: byte 0xe4 .*\n.*`encoding = "cp1252"`'):
        read(tmp_path / "x", data)


def test_the_line_of_a_wrong_byte(tmp_path):
    with pytest.raises(InputError, match=r"x\.csv, line 4: is not UTF-8"):
        read(tmp_path / "x.csv", b"image,caption\na.jpg,A\nb.jpg,B\nc.jpg,caf\xe9\n")
    with pytest.raises(InputError, match="unknown encoding 'klingon'"):
        read(tmp_path / "x.csv", table(ROWS), encoding="klingon")


def test_a_single_record(tmp_path):
    assert read(tmp_path / "x.jsonl", lines(ROWS[0])) == ([("a", "x/a.jpg", ["A dog."])], [])
    both = {"image": "x/a.jpg", "caption": ["A dog.", "Runs."]}
    assert read(tmp_path / "x.jsonl", lines(both)) == ([("a", "x/a.jpg", ["A dog.", "Runs."])], [])


@real
def test_llava_captions_by_their_own_names(tmp_path):
    data = (DATA / "llava/caps_boxes_coco2014_val_80.jsonl").read_bytes()
    found, problems = read(tmp_path / "x.jsonl", data, image="image", caption="captions", id="id")
    assert (len(found), problems) == (80, [])
    truth = [json.loads(line) for line in data.decode().splitlines()]
    assert [captions for _, _, captions in found] == [[text.strip() for text in one["captions"]] for one in truth]


# --- columns ---


@pytest.mark.parametrize(
    ("header", "options", "wanted"),
    [
        ("file_name,text,image_id", {}, ("2", "0", "1")),
        ("Caption,URL,key", {}, ("2", "1", "0")),
        ("id,image,title", {}, ("0", "1", "2")),
        ("picture,image,caption", {"image": "picture"}, ("0", "0", "2")),
        ("picture,words,n", {"image": "picture", "caption": "words", "id": "n"}, ("2", "0", "1")),
        ("image_id,caption,x", {"image": "image_id"}, ("0", "0", "1")),
    ],
)
def test_columns(tmp_path, header, options, wanted):
    id_, image, caption = wanted
    assert read(tmp_path / "x.csv", f"{header}\n0,1,2\n", **options) == ([(id_, image, [caption])], [])


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        (
            "a,b\n1,2\n",
            {},
            r"no column for the image \(looked for image_filename, image, .*its columns: 'a', 'b'\n.*header",
        ),
        ("image,words\n1,2\n", {}, r"no column for the caption .*\n  Name it, as in `caption = \"words\"`"),
        (
            "image,caption\n",
            {"image": "imgae"},
            "no column 'imgae'; its columns: 'image', 'caption'\n  Did you mean 'image'",
        ),
        ("image,caption\n", {"id": "n"}, "no column 'n'"),
        ("image,caption\n", {"delimiter": ";;"}, "not a single character"),
        ("image,caption\n", {"delimiter": ";"}, "its columns: 'image,caption'"),
        (lines({"image": "a"}), {}, "no key for the caption .*its keys: 'image'"),
        ('{"a.jpg": {"caption": "x"}}', {}, "no key for the image .*its keys: 'a.jpg'"),
        ('{"images": [], "annotations": []}', {}, 'COCO file\n.*reader = "coco"'),
        (lines({"id": 1, "image": "a.jpg", "conversations": []}), {}, "dialogues.*\n.*`llava`"),
        (json.dumps([{"messages": [], "images": []}]), {}, "dialogues.*\n.*`messages`"),
        (lines({"id": "a", "assets": []}), {}, 'scenes\n.*reader = "scenes"'),
        ("", {}, "is empty"),
        ("\n \n", {}, "is empty"),
        (json.dumps(ROWS)[:-3], {}, "the end is missing"),
        ('{"data": [{"image": "a", "capt', {}, "the end is missing"),
        (b"PAR1\x15\x04\x15\xe0", {}, "is not UTF-8"),
    ],
)
def test_what_is_refused_before_the_first_scene(tmp_path, content, options, says):
    file = tmp_path / "x"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=says) as caught:
        pairs.read(pairs.Options(path=file, **options), lambda _: None)
    assert str(file) in str(caught.value) or "delimiter" in options


def test_files_that_are_not_there(tmp_path):
    for path, says in ((tmp_path, "has no files"), (tmp_path / "none.csv", "cannot be read")):
        with pytest.raises(InputError, match=says):
            pairs.read(pairs.Options(path=path), lambda _: None)


# --- rows ---

GOOD = ("z", "z.jpg", ["Last."])


@pytest.mark.parametrize(
    ("row", "place", "says"),
    [
        ("a.jpg,", "line 2", "`caption` is empty"),
        ("a.jpg,  ", "line 2", "`caption` is empty"),
        (",A dog.", "line 2", "`image` is empty"),
        ("a.jpg", "line 2", "1 fields, but the header has 2"),
        ("a.jpg,A dog, running", "line 2", "3 fields"),
        ("../a.jpg,A dog.", "line 2", "leads out of the picture folder"),
        ("/else/a.jpg,A dog.", "line 2", "outside the picture folder /pictures"),
        ("s3://bucket/a.jpg,A dog.", "line 2", "s3: addresses"),
        ('a.jpg,"A dog', "line 2", "a quote|unexpected end|expected"),
        ('a.jpg,"A" dog', "line 2", "expected after"),
        ("a.jpg," + "x" * 140_000, "line 2", "field larger"),
        ('"a.jpg\n",A dog.\n"a.jpg",', "line 4", "`caption` is empty"),
    ],
)
def test_a_row_that_is_no_good_costs_itself(tmp_path, row, place, says):
    content = f'image,caption\n{row}\n\nz.jpg,"Last."\n'
    found, problems = read(tmp_path / "x.csv", content, images=Path("/pictures"))
    assert found[-1] == GOOD
    assert [problem[0] for problem in problems] == [place]
    assert any(word in problems[0][1] for word in says.split("|"))


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ('{"image": "a.jpg"}', "`caption` is missing"),
        ('{"image": "a.jpg", "caption": null}', "`caption` is missing"),
        ('{"image": "a.jpg", "caption": 3}', "is no text but a number"),
        ('{"image": "a.jpg", "caption": []}', "`caption` is empty"),
        ('{"image": ["a.jpg", "b.jpg"], "caption": "x"}', "is no path but a list"),
        ('{"caption": "x"}', "`image` is missing"),
        ('{"image": "a.jpg", "caption": NaN}', "NaN is no number"),
        ('["a.jpg", "x"]', "Expected `object`"),
        ('{"image": "data:image/png;base64,xx", "caption": "x"}', "data: addresses"),
    ],
)
@pytest.mark.parametrize("form", ["{},\n{}", "{}\n{}"])
def test_a_record_that_is_no_good_costs_itself(tmp_path, record, says, form):
    good = lines({"image": "z.jpg", "caption": "Last."}).strip()
    text = f"{good}\n{record}\n{good}" if "," not in form else f"[{good},\n{record},\n{good}]"
    found, problems = read(tmp_path / "x", text)
    assert found == [("z", "z.jpg", ["Last.", "Last."])]
    assert [place for place, _ in problems] == ["[1], line 2" if "," in form else "line 2"]
    assert says in problems[0][1]


def test_a_torn_last_line_is_named(tmp_path):
    text = lines(*ROWS)
    found, problems = read(tmp_path / "x.jsonl", text.encode()[:-5])
    assert found == WANTED[:1]
    assert problems[0][0] == "line 3"
    assert "may be cut there" in problems[0][1]
    cut_in_a_letter = text.encode()[: text.encode().index("ä".encode()) + 1]
    assert read(tmp_path / "x.jsonl", cut_in_a_letter)[0] == WANTED[:1]


def test_some_empty_captions_of_a_list(tmp_path):
    found, problems = read(tmp_path / "x.jsonl", lines({"image": "a.jpg", "caption": ["A", " ", "B"]}, ROWS[2]))
    assert found[0] == ("a", "a.jpg", ["A", "B"])
    assert problems == [("line 1", "one of `caption` is empty; the others are used")]


def test_tsv_with_quotes_that_are_only_letters(tmp_path):
    text = 'image\tcaption\na.jpg\t"Hello" he says\nb.jpg\t"never closed\nc.jpg\t"closed\tor not"\n'
    found, problems = read(tmp_path / "x.tsv", text)
    assert found == [
        ("a", "a.jpg", ['"Hello" he says']),
        ("b", "b.jpg", ['"never closed']),
        ("c", "c.jpg", ["closed\tor not"]),
    ]
    assert [place for place, _ in problems] == ["line 2", "line 3"]


def test_a_quote_that_is_never_closed_costs_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(pair_rows, "_LONGEST_ROW", 20)
    rows = "".join(f"{number}.jpg,text {number}\n" for number in range(50))
    found, problems = read(tmp_path / "x.csv", 'image,caption\nbad.jpg,"A dog\n' + rows)
    assert ([image for _, image, _ in found], len(problems)) == ([f"{number}.jpg" for number in range(50)], 1)
    assert problems[0] == ("line 2", "no row can be made of it: a quote is never closed; the line is left out")


# --- scenes ---


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        (["a.jpg,1", "b.jpg,2", "a.jpg,3"], [("a", "a.jpg"), ("b", "b.jpg"), ("a-2", "a.jpg")]),
        (["x/a.jpg,1", "y/a.jpg,2", "a-2.jpg,3"], [("a", "x/a.jpg"), ("a-2", "y/a.jpg"), ("a-2-2", "a-2.jpg")]),
        (["a b(1)#.jpg,1"], [("a_b_1_", "a b(1)#.jpg")]),
        (["https://h/p/a%20b.jpg?w=3,1"], [("a_b", "https://h/p/a%20b.jpg?w=3")]),
        (["/pictures/x/a.jpg,1", "x\\b.jpg,2", "./c.jpg,3"], [("a", "x/a.jpg"), ("b", "x/b.jpg"), ("c", "c.jpg")]),
    ],
)
def test_ids_and_places(tmp_path, rows, wanted):
    content = "image,caption\n" + "".join(f"{row}\n" for row in rows)
    found, problems = read(tmp_path / "x.csv", content, images=Path("/pictures"))
    assert ([(id_, place) for id_, place, _ in found], problems) == (wanted, [])


def test_ids_of_their_own(tmp_path):
    rows = [("p q", "a.jpg", "1"), ("r", "a.jpg", "2"), ("p_q", "b.jpg", "3"), ("", "c.jpg", "4"), (" ", "c.jpg", "5")]
    content = table([dict(zip(("id", "image", "caption"), row, strict=True)) for row in rows])
    found, _ = read(tmp_path / "x.csv", content)
    assert [(id_, captions) for id_, _, captions in found] == [("p_q", ["1", "2"]), ("p_q-2", ["3"]), ("c", ["4", "5"])]


@given(st.lists(st.text(max_size=8)))
def test_every_given_name_is_a_name_and_the_only_one(wanted):
    names = Names()
    given_names = [names.give(text) for text in wanted]
    assert len(set(given_names)) == len(wanted)
    assert msgspec.convert(given_names, list[Name]) == given_names
    assert all(make_name(make_name(text)) == make_name(text) for text in wanted)


@given(st.text(alphabet="a./\\: \x00~%é", max_size=12))
def test_a_relative_path_stays_inside(place):
    try:
        path = make_relative(place, Path("/pictures"))
    except ValueError:
        return
    assert path
    assert not path.startswith("/")
    assert ".." not in path.split("/")
    assert Path("/pictures", path).is_relative_to("/pictures")


def test_reading_is_lazy(tmp_path):
    (tmp_path / "x.jsonl").write_text(lines(*ROWS) * 5000)
    problems = []
    scenes = pairs.read(pairs.Options(path=tmp_path / "x.jsonl"), problems.append)
    assert next(scenes).id == "a"
    (tmp_path / "x.jsonl").write_text(lines(ROWS[0]))  # what follows is not in memory yet
    assert len(list(scenes)) < 9999


# --- hostile files ---


@pytest.mark.parametrize(
    "content", [table(ROWS), table(ROWS, "\t"), lines(*ROWS), json.dumps(ROWS, indent=1), json.dumps({"data": ROWS})]
)
def test_no_damage_is_more_than_a_problem_or_an_input_error(tmp_path, content):
    good = content.encode()
    kinds = set()
    for data in damage(good, b",", b"\r", b"\n", seed=7, each=8):
        try:
            _, problems = read(tmp_path / "bad", data)
        except InputError as error:
            assert error.file == str(tmp_path / "bad")  # noqa: PT017
            kinds.add("refused")
        else:
            kinds.add("problems" if problems else "unharmed")
    assert kinds == {"refused", "problems", "unharmed"}
