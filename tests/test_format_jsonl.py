"""Our own JSON Lines: what is written is read, value for value; what is no dialogue is named by its line."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syphus.errors import InputError
from syphus.formats import jsonl
from syphus.formats.exporting import ExportOptions
from syphus.formats.importing import ImportOptions
from syphus.records import Asset, Dialogue, Keypoint, Object, Provenance, Turn, Verdict

text = st.text(min_size=1, max_size=20)
name = st.text(
    st.characters(codec="utf-8", exclude_characters="[]()#,", exclude_categories=["Z", "C"]), min_size=1, max_size=8
)
number = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers()
maybe_name = st.none() | name


def several(strategy):
    return st.lists(strategy, max_size=3).map(tuple)


@st.composite
def boxes(draw):
    x1, x2 = sorted(draw(st.lists(number, min_size=2, max_size=2, unique=True)))
    y1, y2 = sorted(draw(st.lists(number, min_size=2, max_size=2, unique=True)))
    return (x1, y1, x2, y2)


def is_relative(path: str) -> bool:
    return not path.startswith(("/", "\\")) and path[1:2] != ":"


assets = st.builds(
    Asset,
    id=name,
    kind=st.sampled_from(["image", "video", "frames", "point_cloud"]),
    path=st.none() | st.text(max_size=12).filter(is_relative),
    url=st.none() | st.text(max_size=12),
    width=st.none() | st.integers(1, 10**6),
    height=st.none() | st.integers(1, 10**6),
    license=st.none() | st.text(max_size=5),
    title=st.none() | st.text(max_size=5),
)
objects = st.builds(
    Object,
    id=name,
    label=text,
    box=st.none() | boxes(),
    asset=maybe_name,
    attributes=several(text),
    keypoints=several(st.builds(Keypoint, name=text, x=number, y=number, visible=st.booleans())),
    score=st.none() | st.floats(0, 1),
    crowd=st.booleans(),
    source_id=st.none() | st.text(max_size=5),
)
provenances = st.builds(
    Provenance,
    category=st.text(max_size=5),
    requests=several(st.text(max_size=5)),
    model=st.text(max_size=5),
    seed=whole,
    sample=whole,
)
verdicts = st.builds(
    Verdict,
    check=st.text(max_size=5),
    code=st.text(max_size=5),
    message=st.text(max_size=5),
    evidence=st.text(max_size=5),
    turn=st.none() | whole,
)
turns = st.lists(st.tuples(text, text), min_size=1, max_size=3).map(
    lambda pairs: tuple(
        Turn(role=role, text=said) for pair in pairs for role, said in zip(("user", "assistant"), pair, strict=True)
    )
)
dialogues = st.builds(
    Dialogue,
    id=text,
    scene=text,
    source=st.text(max_size=5),
    category=st.text(max_size=5),
    ability=st.sampled_from(["perception", "reasoning", "planning"]),
    language=st.text(max_size=5),
    turns=turns,
    assets=several(assets),
    objects=several(objects),
    related=several(st.text(max_size=5)),
    provenance=provenances,
    verdicts=several(verdicts),
)


OPTIONS = ImportOptions()


def refuse(problem):
    pytest.fail(str(problem))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(dialogues, max_size=4))
def test_round_trip(tmp_path, values):
    target = tmp_path / "out.jsonl"
    written = jsonl.write(values, target, ExportOptions())
    assert written.written == len(values)
    assert target.read_bytes().count(b"\n") == len(values)
    assert list(jsonl.read(target, OPTIONS, refuse)) == values


def dialogue(identity="d1", answer="A [red bus](#o1).", **fields) -> Dialogue:
    both = (Turn(role="user", text="What?"), Turn(role="assistant", text=answer))
    return Dialogue(id=identity, scene="s1", turns=both, **fields)


@pytest.mark.parametrize(
    "answer",
    [
        *(
            "<image>",
            "</s> ASSISTANT: ",
            "a\r\nb\rc\n",
            "🚌👩‍👩‍👧",
            "حافلة \u200f",
            "\x00\x07\x1b\x7f\x85",
            "a\u2028b\u2029c",
        ),
        *("x" * 1_000_000, '"\\/', "\ufeff", "[broken](#"),
    ],
)
def test_hostile_texts_come_back_as_they_were(answer, tmp_path):
    target = tmp_path / "out.jsonl"
    values = [dialogue(answer=answer), dialogue("d2")]
    jsonl.write(values, target, ExportOptions())
    assert list(jsonl.read(target, OPTIONS, refuse)) == values


@pytest.mark.parametrize(
    "bad",
    [
        dialogue(answer=""),
        dialogue(answer="half \ud83d"),
        dialogue(""),
        dialogue(objects=(Object(id="two words", label="x"),)),
        dialogue(objects=(Object(id="o1", label="x", box=(0.0, 0.0, math.inf, 1.0)),)),
        dialogue(objects=(Object(id="o1", label="x", keypoints=(Keypoint(name="eye", x=math.nan, y=0.0),)),)),
    ],
)
def test_what_could_not_be_read_is_not_written(bad, tmp_path):
    target = tmp_path / "out.jsonl"
    written = jsonl.write([bad, dialogue("good")], target, ExportOptions())
    assert [value.id for value in jsonl.read(target, OPTIONS, refuse)] == ["good"]
    assert written.left_out == {"it breaks the rules of its record, so that it could not be read again": 1}


def read(data: bytes, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_bytes(data)
    problems: list[tuple[str, str]] = []

    def report(problem):
        assert problem.lost
        problems.append((problem.place, problem.message))

    return [value.id for value in jsonl.read(path, OPTIONS, report)], problems


GOOD = b'{"id":"d1","scene":"s","turns":[{"role":"user","text":"a"},{"role":"assistant","text":"b"}]}'


@pytest.mark.parametrize(
    ("line", "place", "message"),
    [
        (GOOD[:40], "line 2, column ", "is no JSON"),
        (b"hello", "line 2, column 1", "is no JSON"),
        (b"{}", "line 2", "missing required field `id`"),
        (b"17", "line 2", "Expected `object`, got `int`"),
        (GOOD.replace(b"scene", b"scenes"), "line 2", "unknown key `scenes`. Did you mean `scene`?"),
        (GOOD.replace(b'"role":"assistant"', b'"role":"user"'), "line 2", "turns must alternate"),
        (GOOD.replace(b'"user"', b'"human"'), "line 2, $.turns[0].role", "Invalid enum value 'human'"),
        (b"\xff" + GOOD, "line 2", "byte 0xff is not UTF-8"),
        (b"[" * 100_000, "line 2", "Expected `object`, got `array`"),
        (b'{"turns":' + b"[" * 100_000, "line 2", "Expected `object`, got `array`"),
        (b'{"x":' + b"[" * 100_000, "line 2", "unknown key `x`. Known: id"),
    ],
)
def test_odd_lines_are_named_and_the_reading_goes_on(line, place, message, tmp_path):
    ids, problems = read(GOOD + b"\n" + line + b"\n" + GOOD.replace(b"d1", b"d3") + b"\n", tmp_path)
    assert ids == ["d1", "d3"]
    assert len(problems) == 1
    assert problems[0][0].startswith(place)
    assert message in problems[0][1]


def test_a_torn_last_line_is_named(tmp_path):
    ids, problems = read(GOOD + b"\n" + GOOD[:-10], tmp_path)
    assert ids == ["d1"]
    assert problems[0][0].startswith("line 2")
    assert "cut while being written or copied" in problems[0][1]


def test_the_last_line_needs_no_end_and_blank_lines_are_nothing(tmp_path):
    assert read(b"\xef\xbb\xbf" + GOOD + b"\r\n\n  \n" + GOOD, tmp_path) == (["d1", "d1"], [])
    assert read(b"", tmp_path) == ([], [])


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"[\n" + GOOD + b"]", "is a JSON array"), ("x".encode("utf-16"), "is UTF-16")],
)
def test_files_of_another_kind(data, message, tmp_path):
    with pytest.raises(InputError, match=message):
        read(data, tmp_path)


def test_no_file(tmp_path):
    with pytest.raises(InputError, match=r"gone\.jsonl: cannot be read: No such file"):
        list(jsonl.read(tmp_path / "gone.jsonl", OPTIONS, refuse))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.binary(max_size=30) | st.sampled_from([GOOD, GOOD[:50], b"{}", b"null", b'"\\ud800"'])))
def test_no_line_stops_the_reading(tmp_path, lines):
    ids, problems = read(b"\n".join([GOOD, *lines]), tmp_path)
    assert len(ids) >= lines.count(GOOD)
    for place, message in problems:
        assert place.startswith("line ")
        assert message
