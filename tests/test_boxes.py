"""Box conventions: the numbers that papers and trainers print, and that no box is moved by more than its rounding."""

import json
import math
import re

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from syphus.decoding import convert
from syphus.errors import InputError
from syphus.references.box_reading import find_box
from syphus.references.boxes import (
    CONVENTIONS,
    Convention,
    box_numbers,
    find_convention,
    render_box,
    render_phrase,
    render_point,
    smart_resize,
)

BOX = (64.0, 96.0, 576.5, 480.0)
"""In a frame of 640 x 480: 0.1, 0.2, 0.90078, 1."""


TEXTS = {
    "unit": "[0.100, 0.200, 0.901, 1.000]",
    "unit2": "[0.10, 0.20, 0.90, 1.00]",
    "svit": "[0.100, 0.200, 0.901, 1.000]",
    "pvit": "<Region>[0.100, 0.200, 0.901, 1.000]</Region>",
    "shikra": "0.100,0.275,0.901,0.875",  # 80 rows of padding above: (96 + 80) / 640
    "shikra_point": "0.500,0.575",
    "llava_padded": "[0.10, 0.28, 0.90, 0.88]",  # 0.275 and 0.875, to the even digit
    "chatspot": "<box>0.100,0.200,0.901,1.000</box>",
    "chatspot_point": "<box>0.500,0.600</box>",
    "moondream": '{"x_min": 0.100, "y_min": 0.200, "x_max": 0.901, "y_max": 1.000}',
    "grid100": "[10, 20, 90, 99]",  # truncated, and the edge is in the last cell
    "minigpt_v2": "{<10><20><90><99>}",
    "grid1000": "[100, 200, 900, 999]",
    "qwen": "<box>(100,200),(901,1000)</box>",
    "qwen2": "<|box_start|>(100,200),(901,1000)<|box_end|>",
    "internvl": "[100, 200, 900, 999]",
    "qwen3": '{"bbox_2d": [100, 200, 901, 1000], "label": "a \\"big\\" dog"}',
    "qwen25": '{"bbox_2d": [64, 95, 580, 475], "label": "a \\"big\\" dog"}',  # 640 x 480 is looked at as 644 x 476
    "cogvlm": "100,200,900,999",
    "deepseek_vl2": "[100, 200, 900, 999]",
    "gemini": "[200, 100, 1000, 901]",
    "gemini_json": '{"box_2d": [200, 100, 1000, 901], "label": "a \\"big\\" dog"}',
    "molmo": '<point x="50.0" y="60.0" alt="a \\"big\\" dog">a \\"big\\" dog</point>',
    "paligemma": '<loc0204><loc0102><loc1023><loc0922> a "big" dog',
    "florence2": "<loc_100><loc_200><loc_900><loc_999>",
    "florence2_quad": "<loc_100><loc_200><loc_900><loc_200><loc_900><loc_999><loc_100><loc_999>",
    "kosmos2": "<patch_index_0195><patch_index_1020>",  # row 6, column 3; row 31, column 28
    "kosmos2_paper": "<loc_195><loc_1020>",
    "ofa": "<bin_100> <bin_200> <bin_900> <bin_999>",
    "shikra_bins": "<b_st><bin_100><bin_275><bin_901><bin_875><b_ed>",
    "pixels": "[64, 96, 576, 480]",
    "pixels_xywh": "[64.00, 96.00, 512.50, 384.00]",
    "coco": "[64.00, 96.00, 512.50, 384.00]",
    "gpt4roi": "<bbox>",
    "swift": "<bbox>",
    "ferret_region": "[100, 200, 900, 999] <region_fea>",
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_a_box_in_every_convention(name):
    assert render_box(BOX, find_convention(name), width=640, height=480, phrase='a "big" dog') == TEXTS[name]


@pytest.mark.parametrize(
    ("name", "count", "text"),
    [
        ("unit", 1, "the dog [0.100, 0.200, 0.901, 1.000]"),
        ("unit", 2, "the dog [0.100, 0.200, 0.901, 1.000], [0.100, 0.200, 0.901, 1.000]"),
        ("shikra", 2, "the dog[0.100,0.275,0.901,0.875;0.100,0.275,0.901,0.875]"),
        ("qwen", 2, "<ref>the dog</ref><box>(100,200),(901,1000)</box><box>(100,200),(901,1000)</box>"),
        ("internvl", 2, "<ref>the dog</ref><box>[[100, 200, 900, 999], [100, 200, 900, 999]]</box>"),
        ("qwen3", 1, '{"bbox_2d": [100, 200, 901, 1000], "label": "the dog"}'),
        ("svit", 1, "<st>the dog<ed> [0.100, 0.200, 0.901, 1.000]"),
        ("minigpt_v2", 2, "<p>the dog</p> {<10><20><90><99>}<delim>{<10><20><90><99>}"),
        ("cogvlm", 2, "the dog [[100,200,900,999;100,200,900,999]]"),
        ("paligemma", 2, " ; ".join(["<loc0204><loc0102><loc1023><loc0922> the dog"] * 2)),
        ("florence2", 2, "the dog" + "<loc_100><loc_200><loc_900><loc_999>" * 2),
        (
            "kosmos2",
            2,
            "<phrase>the dog</phrase><object><patch_index_0195><patch_index_1020>"  # noqa: ISC004
            "</delimiter_of_multi_objects/><patch_index_0195><patch_index_1020></object>",
        ),
        ("kosmos2_paper", 1, "<p>the dog</p><box><loc_195><loc_1020></box>"),
        ("ofa", 2, "the dog <bin_100> <bin_200> <bin_900> <bin_999>||||<bin_100> <bin_200> <bin_900> <bin_999>"),
        ("deepseek_vl2", 1, "<|ref|>the dog<|/ref|><|det|>[[100, 200, 900, 999]]<|/det|>"),
        ("molmo", 1, '<point x="50.0" y="60.0" alt="the dog">the dog</point>'),
        ("coco", 1, "the dog: [64.00, 96.00, 512.50, 384.00]"),
        ("gpt4roi", 2, "the dog <bbox> <bbox>"),
        ("swift", 2, "<ref-object><bbox><bbox>"),
    ],
)
def test_a_phrase_with_its_boxes(name, count, text):
    convention = find_convention(name)
    boxes = [render_box(BOX, convention, width=640, height=480, phrase="the dog")] * count
    assert render_phrase("the dog", boxes, convention) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("unit", "[0.100, 0.200, 0.901, 1.000]"),
        ("qwen", "<box>(100,200),(901,1000)</box>"),
        ("internvl", "<box>[[100, 200, 900, 999]]</box>"),
        ("kosmos2", "<object><patch_index_0195><patch_index_1020></object>"),
        ("minigpt_v2", "{<10><20><90><99>}"),
        ("svit", "[0.100, 0.200, 0.901, 1.000]"),
        ("cogvlm", "[[100,200,900,999]]"),
        ("shikra", "[0.100,0.275,0.901,0.875]"),
    ],
)
def test_boxes_without_a_phrase_have_no_marks_of_one(name, text):
    convention = find_convention(name)
    assert render_phrase("", [render_box(BOX, convention, width=640, height=480)], convention) == text


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((640, 480), (644, 476)),
        ((28, 28), (56, 56)),
        ((10, 10), (56, 56)),
        ((1, 200), (28, 196)),  # the shorter side is at least one step
        ((4000, 3000), (1148, 840)),  # 1.5 megapixels are too many
        ((1000, 5), (1008, 28)),
    ],
)
def test_the_size_at_which_qwen_looks_at_a_picture(size, wanted):
    """``smart_resize(height, width)`` of qwen_vl_utils, with the factor and the bounds of process_bbox.ipynb."""
    assert smart_resize(*size, find_convention("qwen25")) == wanted


def test_a_picture_that_qwen_refuses_is_an_input_error():
    with pytest.raises(InputError, match="200 times as long"):
        render_box((1, 1, 9, 9), find_convention("qwen25"), width=4001, height=20)


@pytest.mark.parametrize(
    ("box", "cells"),
    [
        ((0, 0, 320, 320), (0, 1023)),
        ((0, 0, 10, 10), (0, 0)),  # one cell
        ((0, 0, 10.1, 10), (0, 1)),
        ((319, 319, 320, 320), (1023, 1023)),
        ((10, 10, 320, 20), (33, 63)),
    ],
)
def test_cells_of_kosmos(box, cells):
    """``coordinate_to_patch_index``: floor of the upper left corner, ceil of the lower right one, less one."""
    assert box_numbers(box, find_convention("kosmos2"), width=320, height=320) == cells


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
    for name in [name for name, one in CONVENTIONS.items() if one.frame_needed]:
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
        {"pattern": "{2}", "order": "point"},
        {"scale": 0, "order": "cells", "pattern": "{0}"},
        {"digits": -1},
        {"sides": "all"},
        {"factor": 0, "frame": "resized"},
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


def unit_of(convention, width, height):
    """How much one step of the convention's last digit is, in pixels across and down."""
    step = 10.0**-convention.decimals
    if convention.frame == "resized":
        across, down = smart_resize(width, height, convention)
        return step * width / across, step * height / down
    if not convention.scale:
        return step, step
    frame = (max(width, height),) * 2 if convention.frame == "padded" else (width, height)
    return step * frame[0] / convention.scale, step * frame[1] / convention.scale


numbered = sorted(name for name in CONVENTIONS if "{0}" in CONVENTIONS[name].pattern)
boxed = [name for name in numbered if CONVENTIONS[name].order != "point"]


@given(st.sampled_from(boxed), sizes, sizes, parts, parts)
def test_a_box_comes_back_within_the_resolution_of_its_convention(name, width, height, across, down):
    convention = CONVENTIONS[name]
    assume(convention.frame != "resized" or max(width, height) <= 200 * min(width, height))
    box = (min(across) * width, min(down) * height, max(across) * width, max(down) * height)
    numbers = box_numbers(box, convention, width=width, height=height)
    back = find_box(numbers, convention, width=width, height=height)
    thin = len(set(numbers)) < len(numbers)  # less than a step wide: it is given what room that leaves
    for got, wanted, unit, index in zip(back, box, unit_of(convention, width, height) * 2, range(4), strict=True):
        # Half a step; a width is rounded for itself, so its edge may be off by two halves; KOSMOS-2's own way back of boxes
        # in one row or column, and the last pixel of Qwen's frame, by a whole one.
        whole = convention.order in ("xywh", "cells") or (convention.frame == "resized" and index > 1) or thin
        assert abs(got - wanted) <= unit * (1 if whole else 0.5) + 1e-3
    assert box_numbers(back, convention, width=width, height=height) == numbers


@given(st.sampled_from(["shikra_point", "chatspot_point", "molmo"]), sizes, sizes, st.floats(0, 1), st.floats(0, 1))
def test_a_point_comes_back_within_the_resolution_of_its_convention(name, width, height, across, down):
    convention = CONVENTIONS[name]
    point = (across * width, down * height)
    back = find_box(
        box_numbers((*point, *point), convention, width=width, height=height), convention, width=width, height=height
    )
    assert back[:2] == back[2:]
    for got, wanted, unit in zip(back[:2], point, unit_of(convention, width, height), strict=True):
        assert abs(got - wanted) <= unit / 2 + 1e-3


@given(st.sampled_from(boxed), sizes, sizes, st.tuples(*[st.floats(-50, 6000)] * 4))
def test_numbers_never_leave_the_frame_and_keep_their_order(name, width, height, values):
    convention = CONVENTIONS[name]
    assume(convention.frame != "resized" or max(width, height) <= 200 * min(width, height))
    box = (*map(min, values[:2], values[2:]), *map(max, values[:2], values[2:]))
    numbers = box_numbers(box, convention, width=width, height=height)
    top = (
        convention.scale or max(*smart_resize(width, height, convention))
        if convention.frame == "resized"
        else max(width, height)
    )
    top = convention.scale**2 - 1 if convention.order == "cells" else convention.scale or top
    assert all(0 <= number <= top and math.isfinite(number) for number in numbers)
    if convention.order in ("xyxy", "yxyx"):
        assert numbers[0] <= numbers[2]
        assert numbers[1] <= numbers[3]
    text = render_box(box, convention, width=width, height=height).replace("bbox_2d", "").replace("box_2d", "")
    shown = re.findall(r"\d+(?:\.\d+)?", text)
    assert [float(text) for text in shown] == [pytest.approx(number, abs=1e-9) for number in numbers]


@pytest.mark.parametrize(
    ("name", "numbers", "wanted"),
    [
        ("unit", (0.1, 0.2, 1.001, 1.0), (64, 96, 640, 480)),  # files are written with such edges
        ("grid1000", (0, 0, 1000, 1000), (0.32, 0.24, 640, 480)),
        (
            "florence2",
            (12, 34, 56, 78),
            (8.0, 16.56, 36.16, 37.68),
        ),  # the middles of the cells, as its processor has them
        ("kosmos2", (0, 1023), (10, 7.5, 630, 472.5)),
        ("kosmos2", (33, 63), (20, 15, 640, 30)),  # one row: its ends
        ("florence2_quad", (10, 20, 90, 22, 88, 60, 10, 58), (6.72, 9.84, 57.92, 29.04)),
        ("pixels_xywh", (10, 20, 30, 40), (10, 20, 40, 60)),
        ("qwen25", (0, 0, 643, 475), (0, 0, 639.006211, 478.991597)),
        ("shikra", (0.0, 0.0, 1.0, 1.0), (0, 0, 640, 480)),  # padding and all
        ("unit", (0.5, 0.5, 0.5, 0.6), (319.6864, 240, 320.3136, 288)),  # narrower than can be told
    ],
)
def test_what_numbers_of_files_mean(name, numbers, wanted):
    assert find_box(numbers, CONVENTIONS[name], width=640, height=480) == wanted


@pytest.mark.parametrize(
    ("name", "numbers", "reason"),
    [
        ("unit", (0.5, 0.1, 0.2, 0.3), "wrong way round"),
        ("unit", (64, 96, 576, 480), "96 is outside|64 is outside"),
        ("unit", (-0.5, 0, 1, 1), "-0.5 is outside"),
        ("unit", (0.1, 0.2, 0.3), "3 numbers are no box, which has 4"),
        ("unit", (0.1, 0.2, 0.3, float("nan")), "are no box"),
        ("grid1000", (0, 0, 1200, 10), "1200 is outside of 0 to 999"),
        ("kosmos2", (5, 1024), "no upper left and lower right cell"),
        ("kosmos2", (33, 32), "no upper left and lower right cell"),
        ("shikra", (0.1, 0.01, 0.9, 0.1), "outside the picture"),  # all of it is padding
        ("pixels", (700, 10, 800, 20), "outside the picture"),
    ],
)
def test_numbers_that_are_no_box(name, numbers, reason):
    with pytest.raises(ValueError, match=reason):
        find_box(numbers, CONVENTIONS[name], width=640, height=480)


def test_reading_without_a_frame():
    assert find_box((1, 2, 3, 4), CONVENTIONS["pixels"], width=None, height=None) == (1, 2, 3, 4)
    with pytest.raises(InputError, match="width and height are not known"):
        find_box((0.1, 0.2, 0.3, 0.4), CONVENTIONS["unit"], width=None, height=10)


def test_the_documentation_shows_what_is_printed(root):
    pair = (BOX, (320.0, 0.0, 640.0, 240.0))
    rows = re.findall(
        r"^\| `(\w+)` \| K\d+ \| .+? \| `(.+)` \|$", (root / "docs" / "coordinates.md").read_text(), re.MULTILINE
    )
    assert {name for name, _ in rows} == set(CONVENTIONS)
    for name, shown in rows:
        convention = CONVENTIONS[name]
        boxes = [render_box(box, convention, width=640, height=480, phrase="the dogs") for box in pair]
        assert render_phrase("the dogs", boxes, convention) == shown.replace(r"\|", "|"), name


def test_conventions_are_plain_data():
    for convention in CONVENTIONS.values():
        assert msgspec.json.decode(msgspec.json.encode(convention), type=Convention) == convention
