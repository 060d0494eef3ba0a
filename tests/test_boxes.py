"""Box conventions: the numbers that papers and trainers print, and that no box is moved by more than its rounding."""

import json
import math
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syphus.decoding import convert
from syphus.errors import InputError
from syphus.references.boxes import (
    CONVENTIONS,
    Convention,
    box_numbers,
    find_convention,
    render_box,
    render_phrase,
    render_point,
)

BOX = (64.0, 96.0, 576.5, 480.0)
"""In a frame of 640 x 480: 0.1, 0.2, 0.90078, 1."""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("unit", "[0.100, 0.200, 0.901, 1.000]"),
        ("unit2", "[0.10, 0.20, 0.90, 1.00]"),
        ("shikra", "0.100,0.275,0.901,0.875"),  # 80 rows of padding above: (96 + 80) / 640
        ("grid100", "[10, 20, 90, 99]"),  # truncated, and the edge is in the last cell
        ("grid1000", "[100, 200, 900, 999]"),
        ("qwen", "<box>(100,200),(901,1000)</box>"),
        ("internvl", "[100, 200, 900, 999]"),
        ("qwen3", '{"bbox_2d": [100, 200, 901, 1000], "label": "a \\"big\\" dog"}'),
        ("gemini", "[200, 100, 1000, 901]"),
        ("pixels", "[64, 96, 576, 480]"),
        ("pixels_xywh", "[64.00, 96.00, 512.50, 384.00]"),
    ],
)
def test_a_box_in_every_convention(name, text):
    assert render_box(BOX, find_convention(name), width=640, height=480, phrase='a "big" dog') == text


def test_every_convention_has_its_line_above():
    (mark,) = [mark for mark in test_a_box_in_every_convention.pytestmark if mark.name == "parametrize"]
    assert [name for name, _ in mark.args[1]] == list(CONVENTIONS)


@pytest.mark.parametrize(
    ("name", "count", "text"),
    [
        ("unit", 1, "the dog [0.100, 0.200, 0.901, 1.000]"),
        ("unit", 2, "the dog [0.100, 0.200, 0.901, 1.000], [0.100, 0.200, 0.901, 1.000]"),
        ("shikra", 2, "the dog[0.100,0.275,0.901,0.875;0.100,0.275,0.901,0.875]"),
        ("qwen", 2, "<ref>the dog</ref><box>(100,200),(901,1000)</box><box>(100,200),(901,1000)</box>"),
        ("internvl", 2, "<ref>the dog</ref><box>[[100, 200, 900, 999], [100, 200, 900, 999]]</box>"),
        ("qwen3", 1, '{"bbox_2d": [100, 200, 901, 1000], "label": "the dog"}'),
    ],
)
def test_a_phrase_with_its_boxes(name, count, text):
    convention = find_convention(name)
    boxes = [render_box(BOX, convention, width=640, height=480, phrase="the dog")] * count
    assert render_phrase("the dog", boxes, convention) == text


@pytest.mark.parametrize("phrase", ['a "b"', "back\\slash", "{0} {x}", "tab\there", "Bäume"])
def test_a_phrase_inside_json_stays_json(phrase):
    text = render_box(BOX, find_convention("qwen3"), width=640, height=480, phrase=phrase)
    assert json.loads(text) == {"bbox_2d": [100, 200, 901, 1000], "label": phrase}


@pytest.mark.parametrize(
    ("size", "box", "numbers"),
    [
        ((640, 480), (0, 0, 640, 480), (0, 0.125, 1, 0.875)),
        ((480, 640), (0, 0, 480, 640), (0.125, 0, 0.875, 1)),
        ((640, 639), (0, 0, 640, 639), (0, 0, 1, 0.998)),  # (640 - 639) // 2 rows above, as in Shikra's code
        ((639, 640), (0, 0, 639, 640), (0, 0, 0.998, 1)),
        ((500, 500), (0, 0, 250, 500), (0, 0, 0.5, 1)),
    ],
)
def test_padding_to_a_square(size, box, numbers):
    assert box_numbers(box, find_convention("shikra"), width=size[0], height=size[1]) == numbers


@pytest.mark.parametrize(
    ("value", "cell"), [(0, 0), (28.9, 28), (29, 29), (57, 57), (58, 58), (99.99, 99), (100, 99), (101, 99), (-1, 0)]
)
def test_truncation_takes_the_cell_that_the_corner_is_in(value, cell):
    """29 / 100 * 100 is 28.999999999999996 in floats; an edge outside the frame belongs to its last cell."""
    assert box_numbers((value, 0, value, 0), find_convention("grid100"), width=100, height=100)[0] == cell
    assert box_numbers((value / 100, 0, value, 0), find_convention("grid100"), width=1, height=1)[0] == cell


def test_whole_numbers_are_whole_and_zero_has_no_sign():
    numbers = box_numbers((-0.0, -3.0, 5.4, 9.6), find_convention("pixels"), width=20, height=20)
    assert numbers == (0, 0, 5, 10)
    assert all(type(number) is int for number in numbers)
    assert render_box((-0.0, -0.2, 1, 1), find_convention("unit"), width=2, height=2) == "[0.000, 0.000, 0.500, 0.500]"


def test_pixels_need_no_frame_and_the_others_say_so():
    assert render_box((1.6, 2, 30.2, 40), find_convention("pixels"), width=None, height=None) == "[2, 2, 30, 40]"
    assert (
        render_box((1.6, 2, 30.2, 40), find_convention("pixels_xywh"), width=None, height=5)
        == "[1.60, 2.00, 28.60, 38.00]"
    )
    assert render_point((1.6, 2.4), find_convention("pixels"), width=None, height=None) == "[2, 2]"
    for name in CONVENTIONS.keys() - {"pixels", "pixels_xywh"}:
        for size in ((None, None), (10, None), (None, 10)):
            with pytest.raises(InputError, match=r"width and height are not known[\s\S]*Add width and height"):
                render_box((1, 2, 3, 4), find_convention(name), width=size[0], height=size[1])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("unit", "[0.250, 0.500]"),
        ("gemini", "[500, 250]"),
        ("shikra", "[0.250, 0.500]"),
        ("pixels_xywh", "[160.00, 240.00]"),
        ("grid100", "[25, 50]"),
    ],
)
def test_points(name, text):
    assert render_point((160, 240), find_convention(name), width=640, height=480) == text


def test_an_unknown_convention_names_those_that_there_are():
    with pytest.raises(InputError, match="no box convention 'unti'\n  Conventions: unit, unit2"):
        find_convention("unti")


@pytest.mark.parametrize(
    "fields",
    [
        {"pattern": "{x1}"},
        {"pattern": "{4}"},
        {"pattern": "{0"},
        {"pattern": '{"box": {0}}'},
        {"pattern": "{0.x}"},
        {"pattern": "{0:d}"},
        {"wrap": "{box}"},
        {"wrap": "{0}"},
        {"scale": -1},
        {"decimals": -1},
        {"order": "xxyy"},
        {"scale": 1000, "frame_needed": False},
        {"scale": 0, "frame": "padded", "frame_needed": False},
    ],
)
def test_a_convention_that_cannot_be_printed_is_refused_when_it_is_read(fields):
    with pytest.raises(InputError) as caught:
        convert(fields, Convention, file="f.toml", prefix="boxes")
    assert caught.value.place.startswith("boxes")
    field = next(iter(fields))
    assert field in str(caught.value) or "frame_needed" in str(caught.value)


def test_a_convention_of_ones_own():
    own = convert(
        {"scale": 10, "decimals": 1, "order": "yxyx", "pattern": "<{0}:{1}:{2}:{3}:{phrase}>"}, Convention, file="f"
    )
    assert render_box((1, 2, 3, 4), own, width=10, height=20, phrase="x") == "<1.0:1.0:2.0:3.0:x>"


sizes = st.integers(1, 5000)
parts = st.tuples(st.floats(0, 1), st.floats(0, 1)).filter(lambda pair: abs(pair[0] - pair[1]) > 1e-6)


def undo(numbers, convention, width, height):
    """The box that the numbers mean: the middle of its cell where the convention truncates."""
    values = [float(number) for number in numbers]
    if convention.order == "yxyx":
        values = [values[1], values[0], values[3], values[2]]
    if convention.order == "xywh":
        values[2:] = [values[0] + values[2], values[1] + values[3]]
    if convention.rounding == "trunc":
        values = [value + 0.5 / 10**convention.decimals for value in values]
    frame = (max(width, height),) * 2 if convention.frame == "padded" else (width, height)
    if convention.scale:
        values = [value / convention.scale * side for value, side in zip(values, frame * 2, strict=True)]
    shift = ((frame[0] - width) // 2, (frame[1] - height) // 2)
    return [value - by for value, by in zip(values, shift * 2, strict=True)]


@given(st.sampled_from(sorted(CONVENTIONS)), sizes, sizes, parts, parts)
def test_no_edge_moves_by_more_than_half_a_cell(name, width, height, across, down):
    convention = CONVENTIONS[name]
    box = (min(across) * width, min(down) * height, max(across) * width, max(down) * height)
    numbers = box_numbers(box, convention, width=width, height=height)
    frame = (max(width, height),) * 2 if convention.frame == "padded" else (width, height)
    for got, wanted, side, index in zip(
        undo(numbers, convention, width, height), box, frame * 2, range(4), strict=True
    ):
        cell = (side / convention.scale if convention.scale else 1) / 10**convention.decimals
        # Width and height are rounded for themselves, so their edge may be off by two halves.
        halves = 2 if convention.order == "xywh" and index > 1 else 1
        assert abs(got - wanted) <= halves * cell / 2 + 2e-6 * cell + 1e-9 * side


@given(st.sampled_from(sorted(CONVENTIONS)), sizes, sizes, st.tuples(*[st.floats(-50, 6000)] * 4))
def test_numbers_never_leave_the_frame_and_keep_their_order(name, width, height, values):
    convention = CONVENTIONS[name]
    box = (*map(min, values[:2], values[2:]), *map(max, values[:2], values[2:]))
    numbers = box_numbers(box, convention, width=width, height=height)
    top = convention.scale or max(width, height)
    assert all(0 <= number <= top and math.isfinite(number) for number in numbers)
    if convention.order != "xywh":
        assert numbers[0] <= numbers[2]
        assert numbers[1] <= numbers[3]
    shown = re.findall(
        r"-?\d+(?:\.\d+)?", render_box(box, convention, width=width, height=height).replace("bbox_2d", "")
    )
    assert [float(text) for text in shown] == [pytest.approx(number, abs=1e-9) for number in numbers]


def test_conventions_are_plain_data():
    for convention in CONVENTIONS.values():
        assert msgspec.json.decode(msgspec.json.encode(convention), type=Convention) == convention
