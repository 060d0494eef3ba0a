"""Errors of decoding: what is wrong, in which line and field, and the nearest key that there is."""

import json
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syphus.categories.category import CategoryFile
from syphus.decoding import convert, decode_json, decode_text, decode_toml, fields_at, locate, read_text
from syphus.errors import InputError
from syphus.records import Name, Scene


class Point(msgspec.Struct, forbid_unknown_fields=True, tag="point"):
    across: int = 0
    down: int = 0


class Line(msgspec.Struct, forbid_unknown_fields=True, tag="line"):
    ends: tuple[Point, Point] | None = None
    style: str = ""


class Odd(msgspec.Struct, forbid_unknown_fields=True, rename={"plain": "größe"}):
    plain: int = 0
    shapes: list[Point | Line] = []
    named: dict[Name, Point] = {}
    rest: msgspec.Raw = msgspec.Raw(b"")


def fault(text, type_=Scene, **options):
    with pytest.raises(InputError) as caught:
        decode_json(text, type_, file="f.json", **options)
    assert caught.value.file == "f.json"
    return caught.value


def pretty(value):
    return json.dumps(value, indent=1, ensure_ascii=False)


SCENE = {
    "id": "s",
    "captions": [{"text": 'a } ] , " \\ {'}, {"text": "b"}],
    "objects": [{"id": "o1", "label": "x"}, {"id": "o2", "label": "y", "box": [1, 2, 3, 4]}],
}


def changed(path, value):
    scene = json.loads(json.dumps(SCENE))
    node = scene
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return pretty(scene)


def line_of(text, mark):
    (line,) = [number for number, line in enumerate(text.splitlines(), 1) if mark in line]
    return line


@pytest.mark.parametrize(
    ("path", "value", "mark", "where", "message", "mend"),
    [
        (("objects", 1, "box", 2), "MARK", "MARK", ", $.objects[1].box[2]", "Expected `float`, got `str`", ""),
        (("objects", 1, "label"), 3.5, "3.5", ", $.objects[1].label", "Expected `str`, got `float`", ""),
        (("objects", 0, "lable"), "MARK", "MARK", ", $.objects[0]", "unknown key `lable`", "Did you mean `label`?"),
        (("captiosn",), "MARK", "MARK", "", "unknown key `captiosn`", "Did you mean `captions`?"),
        (("x.y[0]",), "MARK", "MARK", "", "unknown key `x.y[0]`", "Known: id, source"),
        (("tick`et",), "MARK", "MARK", "", "unknown key `tick`et`", "Known: id, source"),
        (("objects", 1, "größe ü"), "MARK", "MARK", ", $.objects[1]", "unknown key `größe ü`", "Known: id, label"),
        (
            ("captions", 1),
            {"text": "MARK", "asset": "b c"},
            "b c",
            ", $.captions[1].asset",
            "Expected a name: no spaces",
            "",
        ),
        (
            ("assets",),
            [{"kind": "vidoe"}],
            "vidoe",
            ", $.assets[0].kind",
            "Invalid enum value 'vidoe'",
            "Did you mean `video`?",
        ),
        (("metadata",), 7.25, "7.25", ", $.metadata", "Expected `object`, got `float`", ""),
    ],
)
def test_a_wrong_value_has_its_line_path_and_mend(path, value, mark, where, message, mend):
    text = changed(path, value)
    error = fault(text)
    assert error.place == f"line {line_of(text, mark)}{where}"
    assert error.message.startswith(message)
    assert error.mend.startswith(mend)
    assert bool(error.mend) == bool(mend)
    assert fault("\n" + text, first_line=40).place == f"line {line_of(text, mark) + 40}{where}"


def test_a_missing_field_is_looked_for_where_its_record_begins():
    text = changed(("objects", 1), {"id": "MARK"})
    error = fault(text)
    assert error.place == f"line {line_of(text, 'MARK') - 1}, $.objects[1]"
    assert error.message == "Object missing required field `label`"


def test_a_record_that_contradicts_itself_has_its_line():
    text = changed(("objects", 1, "box"), [5, 5, 1, 1])
    assert fault(text).place == f"line {line_of(text, 'o2') - 1}, $.objects[1]"


@pytest.mark.parametrize(
    ("text", "type_", "line", "mend"),
    [
        (
            '[\n{"type": "line"},\n{"type": "line", "sytle": ""}]',
            list[Point | Line],
            "line 3, $[1]",
            "Did you mean `style`?",
        ),
        ('{\n"type": "lien"}', Point | Line, "line 2, $.type", "Did you mean `line`?"),
        (
            '{"shapes": [{"type": "line",\n"ends": [{},\n{"acros": 1}]}]}',
            Odd,
            "line 3, $.shapes[0].ends[1]",
            "Did you mean `across`?",
        ),
        ('{"named":\n{"a":\n{"across": "x"}}}', Odd, "line 2, $.named[...].across", ""),
        ('{"named":\n{"a b":\n{}}}', Odd, "line 2, $.named", ""),
        ('{"shapes": [],\n"gr\\u00f6\\u00dfe":\n"x"}', Odd, "line 3, $.größe", ""),
    ],
)
def test_unions_dictionaries_and_odd_keys(text, type_, line, mend):
    error = fault(text, type_)
    assert (error.place, error.mend) == (line, mend)


def test_a_key_that_is_no_name():
    assert fault('{"named":\n{"a b":\n{}}}', Odd).message.startswith("Expected a name: no spaces, brackets")


def test_the_place_is_found_behind_numbers_and_nests_that_python_cannot_read():
    digits = "1" * 5000
    assert fault(f'{{"rest": [{digits}],\n"shapes": 3}}', Odd).place == "line 2, $.shapes"
    nest = "[" * 900 + "]" * 900
    assert fault(f'{{"rest": {nest},\n"shapes": 3}}', Odd).place == "line 2, $.shapes"


@pytest.mark.parametrize("passed_over", ["[1,,", "[" * 100_000 + "]" * 100_000, '"\x01"', "nul"])
def test_what_cannot_be_passed_over_ends_the_search(passed_over):
    text = f' {{"a": {{"b": {passed_over}, "c": 1}}}}'
    assert locate(text, "$.a.c") == text.index("{", 2)


@pytest.mark.parametrize(
    ("text", "place", "message", "torn"),
    [
        ("", "", "is empty", False),
        (" \n\t", "", "is empty", False),
        ('{"id": "s",\n"captions": [{"te', "line 2, column 15", "is no JSON: Unterminated string", True),
        ('{"id": "s"', "line 1, column 11", "is no JSON: Expecting ',' delimiter", True),
        ('{"id": "s",\n', "line 2, column 1", "is no JSON: Expecting property name", True),
        ('{"id": tru', "line 1, column 8", "is no JSON: Expecting value", True),
        ('{"id": "s"}}', "line 1, column 12", "is no JSON: Extra data", False),
        ('{"id": "s"}\n{"id": "t"}', "line 2, column 1", "is no JSON: Extra data", False),
        ('{"id": "s",\n}', None, "is no JSON", False),
        ("{'id': 's'}", "line 1, column 2", "is no JSON: Expecting property name enclosed in double quotes", False),
        (
            '{"id": "s",\n"captions": [{"text": "a\nb"}]}',
            "line 2, column 25",
            "is no JSON: Invalid control character",
            False,
        ),
        ('{"id": "s",\n"ä": [],\n"x": NaN}', "line 3, column 6", "is no JSON: NaN is no number there", False),
        ('{"a":\n\n-Infinity}', "line 3, column 2", "is no JSON: Infinity is no number there", False),
        ('{"id": "\\ud800"}', "line 1", "is no JSON: a string holds half of a surrogate pair", False),
        ('{"id": "\ud800"}', "line 1", "is no JSON: a string holds half of a surrogate pair", False),
        ('{"a":' + "[" * 100_000, "line 1", "is nested too deeply", False),
        ('{"id": "s", "metadata": {"a": ' + "[" * 5000 + "]" * 5000 + "}}", "line 1", "is nested too deeply", False),
    ],
)
def test_text_that_is_no_json(text, place, message, torn):
    error = fault(text, dict)
    if place is not None:
        assert error.place == place
    assert error.message.startswith(message)
    assert ("cut while being written" in error.mend) == torn


def test_every_beginning_of_a_document_is_called_torn():
    text = pretty(SCENE)
    for end in range(1, len(text)):
        if text[:end].strip():
            assert "cut while being written" in fault(text[:end]).mend, text[:end]


@pytest.mark.parametrize("place", ["id", "metadata"])
def test_a_number_of_five_thousand_digits(place):
    value = "1" * 5000
    text = f'{{"id": {value}}}' if place == "id" else f'{{"id": "s",\n"metadata": {{"a": {value}}}}}'
    error = fault(text)
    assert "out of range" in error.message
    assert error.place.startswith("line 1, $.id" if place == "id" else "line 2, $.metadata")


def test_a_later_document_is_counted_from_its_first_line():
    assert fault("{", first_line=12).place == "line 12, column 2"
    assert fault("", first_line=12).place == "line 12"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(json_values, st.booleans(), st.integers(0, 3), st.data())
def test_every_value_is_found_where_it_stands(value, ascii_only, indent, data):
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent or None)
    position, node = 0, value
    while isinstance(node, (list, dict)) and node:
        # One step at a time: a key may hold anything, and a path cannot.
        if isinstance(node, list):
            index = data.draw(st.integers(0, len(node) - 1))
            position += locate(text[position:], f"$[{index}]")
            node = node[index]
        else:
            key = data.draw(st.sampled_from(list(node)))
            position += locate(text[position:], "$", key)
            node = node[key]
        found, _ = json.JSONDecoder().raw_decode(text, position)
        assert found == node


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("$", '{"a"'),
        ("$.a", '[1, {"b'),
        ("$.a[1]", '{"b"'),
        ("$.a[1].b", '[[2], "x]"'),
        ("$.a[1].b[0][0]", "2]"),
        ("$.a[1].b[1]", '"x]"'),
        ("$.a[1].none.deeper", '{"b"'),
        ("$.a[9]", '[1, {"b'),
        ("$.a[1][...].z", '{"b"'),
        ("$.c", "null"),
        ("$.c.d", "null"),
    ],
)
def test_paths(path, wanted):
    text = ' {"a": [1, {"b": [[2], "x]"]}], "c": null} '
    assert text[locate(text, path) :].startswith(wanted)


def test_a_place_in_a_large_file_is_found_quickly():
    records = [{"id": f"s{index}", "captions": [{"text": "x" * 50}] * 5} for index in range(20_000)]
    records[-1]["captions"][3] = {"txt": "x"}
    text = pretty(records)
    start = time.perf_counter()
    error = fault(text, list[Scene])
    assert error.place.endswith("$[19999].captions[3]")
    assert time.perf_counter() - start < 3


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("$.objects[3]", "keypoints"),
        ("$.objects[...]", "keypoints"),
        ("$", "relations"),
        ("$.objects[0].keypoints[2]", "visible"),
    ],
)
def test_the_fields_at_a_path(path, wanted):
    assert wanted in fields_at(Scene, path)
    assert "id" not in fields_at(Scene, "$.objects[0].box")
    assert fields_at(Scene, "$.nothing[0].at") == []
    assert {"text", "pairs"} <= set(fields_at(CategoryFile, "$.steps[1]"))  # of every kind of step


@pytest.mark.parametrize(
    ("text", "place", "message", "mend"),
    [
        ("a = 1\nb = = 2", "", r"is no TOML: Invalid value \(at line 2, column 5\)", ""),
        ("a = 2020-13-45", "", "is no TOML: .*line 1", ""),
        ("a = " + "1" * 5000, "", "is no TOML: ", ""),
        ("a = " + "[" * 5000, "", "is no TOML: ", ""),
        ('type = "point"\nacros = 1', "", "unknown key `acros`", "Did you mean `across`?"),
        ('type = "point"\nacross = "1"', "across", "Expected `int`, got `str`", ""),
    ],
)
def test_toml(text, place, message, mend):
    with pytest.raises(InputError, match=message) as caught:
        decode_toml(text, Point, file="f.toml")
    assert (caught.value.place, caught.value.mend) == (place, mend)


def test_values_are_converted_with_the_place_they_stand_at():
    class Files(msgspec.Struct, forbid_unknown_fields=True):
        images: Path | None = None
        shape: Point | None = None

    assert convert({"images": "a/b"}, Files, file="f").images == Path("a/b")
    with pytest.raises(InputError) as caught:
        convert({"shape": {"type": "point", "acros": 1}}, Files, file="f", prefix="sources[2]")
    assert str(caught.value) == "f, sources[2].shape: unknown key `acros`\n  Did you mean `across`?"
    with pytest.raises(InputError, match=r"f, sources\[2\].images: Expected `Path`, got `int`"):
        convert({"images": 3}, Files, file="f", prefix="sources[2]")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_are_told_by_their_mark(tmp_path, encoding):
    text = "Zwei Bäume\n图片 🚲\n"
    (tmp_path / "f").write_bytes(text.encode(encoding))
    assert read_text(tmp_path / "f") == text


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_both_orders_of_bytes(mark):
    encoding = "utf-16-le" if mark == b"\xff\xfe" else "utf-16-be"
    assert decode_text(mark + "ä\n".encode(encoding), file="f") == "ä\n"


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        ("ok\nja\nBäume\n".encode("latin-1"), "line 3", "byte 0xe4 is not utf-8"),
        ("\ufeffok\n".encode() + b"\xe4\nmore", "line 2", "byte 0xe4 is not utf-8"),
        (b"ok\r\n\xff", "line 2", "byte 0xff is not utf-8"),
        ("ok\nja".encode("utf-16")[:-1], "line 2", "byte 0x61 is not utf-16"),
        ("ਊ\nok\n".encode("utf-16") + b"\x00\xdcx\x00", "line 3", "byte 0x00 is not utf-16"),  # U+0A0A holds two 0x0a
        (b"\xff\xfe\x00\x00a\x00\x00\x00\n\x00\x00\x00\xff\xff\xff\xff", "line 2", "byte 0xff is not utf-32"),
    ],
)
def test_bytes_that_are_not_text_are_named_with_their_line(data, place, message):
    with pytest.raises(InputError) as caught:
        decode_text(data, file="f")
    assert (caught.value.place, caught.value.message) == (place, message)
    assert "iconv" in caught.value.mend


def test_a_file_that_is_not_there(tmp_path):
    for path in (tmp_path / "none", tmp_path, tmp_path / "a\0b"):
        with pytest.raises(InputError, match=r"cannot be read: \w") as caught:
            read_text(path)
        assert caught.value.file == str(path)
