"""Every chat format: what it wrote it reads again, equal in all that it can hold; what it cannot hold is said."""

import csv
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from syphus.formats import (
    alpaca,
    csv_table,
    internvl,
    jsonl,
    llamafactory,
    llava,
    llava_next,
    messages,
    minicpm,
    qwen,
    sharegpt,
    swift,
    trl,
    video_chatgpt,
)
from syphus.formats.exporting import ExportOptions, derive_scene
from syphus.formats.importing import ImportOptions
from syphus.formats.keeping import AS_READ
from syphus.formats.llava import LLAVA_MARKS
from syphus.records import Asset, Dialogue, Object, Provenance, Turn, Verdict
from syphus.references.text import escape_text

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not (DATA / "formats").is_dir(), reason=f"the real datasets are not in {DATA}")

EXACT = ExportOptions(max_tokens=None, exact=True)
HELD = {  # format, kinds of media, most of them, where places may stand, fields that are held
    llava: (("image",), 1, "user", set()),
    llava_next: (("image", "video"), 3, "user", set()),
    sharegpt: (("image", "video"), 3, "any", {"system"}),
    messages: (("image",), 3, "user", {"system", "category", "ability", "language", "scene"}),
    alpaca: (("image", "video"), 3, "any", {"system"}),
    llamafactory: (("image", "video"), 3, "any", {"system"}),
    swift: (("image", "video"), 3, "any", {"system"}),
    qwen: (("image", "video"), 3, "user", set()),
    internvl: (("image", "video"), 3, "first", set()),
    minicpm: (("image",), 3, "first", set()),
    trl: (("image",), 3, "user", {"system"}),
    csv_table: (("image", "video"), 3, "any", {"system", "category", "ability", "language", "scene"}),
}
formats = pytest.mark.parametrize("format_", HELD, ids=lambda module: module.__name__.rpartition(".")[2])

# Signs that mean something somewhere: to references, to Markdown, to JSON, to CSV, to spreadsheets, to templates.
SIGNS = st.sampled_from([*"[]()#,\\\"'=+-@;|{}$%&:", "](#", "](#image)", "[](#image2)", "[a](#b)", "\n", "\t", " "])
words = st.lists(
    SIGNS | st.text(st.characters(codec="utf-8", exclude_characters="<|\ufdd0\ufdd1"), max_size=6), max_size=6
)
texts = words.map("".join).filter(lambda text: text.strip() and text[0].strip())
names = st.text("abcdefghij./-", min_size=1, max_size=9).filter(
    lambda path: path[0] != "/" and path[-1] != "/" and ".." not in path
)
labels = st.text("abcdefgh", max_size=4)


@st.composite
def dialogues(draw, kinds, most, where, held):
    """A dialogue that a format can hold, with its media at the head and at places of the text."""
    count = draw(st.integers(0, most))
    kind = draw(st.sampled_from(kinds)) if count else "image"
    count = 1 if kind == "video" and where in ("first", "user") else count
    assets = tuple(
        Asset(id=kind + (str(number) if number > 1 else ""), kind=kind, path=draw(names))
        for number in range(1, count + 1)
    )
    turns = [draw(texts) for _ in range(2 * draw(st.integers(1, 3)))]
    head = draw(st.integers(0, count)) if most > 1 and kind == "image" else count
    stored = [[turn] for turn in turns]
    last = 0
    for asset in assets[head:]:
        allowed = {"any": range(len(turns)), "user": range(0, len(turns), 2), "first": [0]}[where]
        last = draw(st.sampled_from([index for index in allowed if index >= last]))
        stored[last] += [asset, draw(texts)]
    said = [
        "".join(
            f"[](#{piece.id})"
            if isinstance(piece, Asset)
            else escape_text(piece, before_reference=index < len(pieces) - 1)
            for index, piece in enumerate(pieces)
        )
        for pieces in stored
    ]
    assume(not any(mark in text for text in said for mark in (*LLAVA_MARKS, "USER:", "ASSISTANT:", "###")))
    identity = draw(st.text("xyz019-_", min_size=1, max_size=8))
    fields = {name: draw(labels) for name in held & {"system", "category"}}
    fields |= {"language": draw(st.sampled_from(["en", "zh", "pt-BR"]))} if "language" in held else {}
    fields |= {"ability": draw(st.sampled_from(["perception", "planning"]))} if "ability" in held else {}
    return Dialogue(
        id=identity,
        scene=derive_scene(identity, assets),
        assets=assets,
        turns=tuple(Turn(role=("user", "assistant")[index % 2], text=text) for index, text in enumerate(said)),
        metadata=draw(
            st.dictionaries(
                st.sampled_from(["topic", "score_of", "weight"]), st.text("ab =+", min_size=1, max_size=4), max_size=2
            )
        ),
        **fields,
    )


def write_and_read(format_, values, folder: Path, **options):
    target = folder / (f"out{format_.SUFFIX}" if format_.SUFFIX else "out")
    written = format_.write(values, target, replace(EXACT, **options) if options else EXACT)
    problems = []
    read = list(format_.read(target, ImportOptions(), problems.append)) if written.written else []
    return written, read, problems


def as_held(dialogue: Dialogue) -> Dialogue:
    return replace(dialogue, metadata={key: value for key, value in dialogue.metadata.items() if key != AS_READ})


@formats
def test_what_a_format_wrote_it_reads_again(format_, tmp_path):
    @settings(max_examples=30, suppress_health_check=list(HealthCheck), deadline=None)
    @given(dialogues(*HELD[format_]))
    def hold(value):
        assume(value.assets or format_ is not minicpm)  # MiniCPM-V trains on no text alone
        written, read, problems = write_and_read(format_, [value], tmp_path, keep_aside=None)
        assert (written.written, written.left_out) == (1, {})
        assert not written.not_held or format_ is csv_table
        assert [problem for problem in problems if problem.lost] == []
        assert [as_held(dialogue) for dialogue in read] == [value]

    hold()


@settings(max_examples=30, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(dialogues(*HELD[csv_table]), min_size=1, max_size=3, unique_by=lambda value: value.id))
def test_a_table_of_turns_and_one_of_pairs_say_the_same(tmp_path, values):
    values = [replace(value, metadata={}) for value in values]
    for rows in ("pair", "turn"):
        _, read, problems = write_and_read(csv_table, values, tmp_path, settings={"rows": rows})
        assert problems == []
        assert [as_held(dialogue) for dialogue in read] == values


FULL = Dialogue(
    id="d1",
    scene="s1",
    source="coco",
    category="detail",
    ability="planning",
    language="de",
    system="Be short.",
    turns=(Turn(role="user", text="Where is [it](#o1)?"), Turn(role="assistant", text="There.")),
    assets=(Asset(path="a.jpg", width=10, height=10),),
    objects=(Object(id="o1", label="it", box=(1.0, 2.0, 3.0, 4.0)),),
    related=("d2",),
    metadata={"license": "CC0"},
    provenance=Provenance(model="m"),
    verdicts=(Verdict(check="c", code="x", message="y"),),
)


@formats
def test_what_a_format_has_no_place_for_is_said(format_, tmp_path):
    written, (read,), _ = write_and_read(format_, [FULL], tmp_path)
    said = {what.partition(" ")[0] for what in written.not_held}
    for name in Dialogue.__struct_fields__:
        if getattr(read, name) != getattr(FULL, name) and name not in ("turns", "assets", "metadata"):
            assert name in said, f"{name} is lost and not said"
    assert read.metadata["license"] == "CC0"


@formats
def test_typed_tables_get_no_key_of_two_kinds(format_, tmp_path):
    values = [replace(FULL, id=str(index), metadata={"k": value}) for index, value in enumerate([1, 2.5, "x", None])]
    written, read, _ = write_and_read(format_, values, tmp_path)
    kinds = [type(dialogue.metadata.get("k")) for dialogue in read]
    if format_ in (sharegpt, alpaca, llamafactory, swift, trl):
        assert kinds == [int, float, type(None), type(None)]
        assert written.not_held["metadata `k`, whose values are of several kinds"] == 1
    elif format_ is not csv_table:
        assert kinds == [int, float, str, type(None)]


def rows_of(file: Path):
    text = file.read_text(encoding="utf-8")
    return json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]


@real
@pytest.mark.parametrize(
    ("format_", "file"),
    [
        (llava, "transcribed/llava_instruct_150k_head.json"),
        (llava_next, "transcribed/llava_instruct_150k_head.json"),
        (qwen, "transcribed/llava_instruct_150k_head.json"),
        (sharegpt, "transcribed/llava_instruct_150k_head.json"),
        (internvl, "transcribed/llava_instruct_150k_head.json"),
        (video_chatgpt, "transcribed/video_chatgpt_instruct.json"),
        (llava, "formats/qwen3vl/single_images.json"),
        (llava_next, "formats/qwen3vl/single_images.json"),
        (qwen, "formats/qwen3vl/single_images.json"),
        (internvl, "formats/qwen3vl/single_images.json"),
        (qwen, "formats/qwen3vl/video.json"),
        (internvl, "formats/qwen3vl/video.json"),
        (llamafactory, "formats/llamafactory/mllm_demo.json"),
        (llamafactory, "formats/llamafactory/mllm_video_demo.json"),
        (swift, "formats/llamafactory/mllm_demo.json"),
        (swift, "formats/llamafactory/mllm_video_demo.json"),
    ],
)
def test_real_datasets_come_out_as_they_went_in(format_, file, tmp_path):
    problems = []
    values = list(format_.read(DATA / file, ImportOptions(), problems.append))
    target = tmp_path / f"out{format_.SUFFIX}"
    written = format_.write(values, target, EXACT)
    assert (problems, written.left_out) == ([], {})
    given_rows = rows_of(DATA / file)
    assert rows_of(target if format_.SUFFIX else target / "out.json") == given_rows
    # and through our own form, which holds all of it
    jsonl.write(values, tmp_path / "own.jsonl", EXACT)
    assert list(jsonl.read(tmp_path / "own.jsonl", ImportOptions(), problems.append)) == values


@real
@pytest.mark.parametrize("file", ["mllm_demo.json", "mllm_video_demo.json"])
@pytest.mark.parametrize("through", [sharegpt, alpaca, csv_table, trl, messages, qwen])
def test_texts_and_media_survive_another_format(file, through, tmp_path):
    values = list(llamafactory.read(DATA / "formats/llamafactory" / file, ImportOptions(), pytest.fail))
    written, read, problems = write_and_read(through, values, tmp_path)
    if through in (trl, messages) and "video" in file:
        assert written.left_out == {"it is about a video, and the format holds pictures only": 3}
        return
    assert problems == []
    assert [(value.id, value.turns, value.assets) for value in read] == [
        (value.id, value.turns, value.assets) for value in values
    ]


@real
@pytest.mark.parametrize("file", ["mllm_audio_demo.json", "mllm_video_audio_demo.json"])
def test_rows_about_sounds_are_kept_aside_whole(file, tmp_path):
    problems = []
    assert list(llamafactory.read(DATA / "formats/llamafactory" / file, ImportOptions(), problems.append)) == []
    assert [json.loads(problem.record) for problem in problems] == rows_of(DATA / "formats/llamafactory" / file)
    assert {problem.message for problem in problems} == {"is about a sound, which a dialogue cannot hold"}


def test_spreadsheets_get_no_formula(tmp_path):
    said = ["=1+1", "'=1+1", "+x", "-5", "@SUM(A1)", "\tx", "\uff1d1", "'quoted'", "plain"]
    value = Dialogue(
        id="=d",
        scene="=d",
        turns=tuple(Turn(role=("user", "assistant")[i % 2], text=s) for i, s in enumerate([*said, "-"])),
    )
    _, read, _ = write_and_read(csv_table, [value], tmp_path)
    assert read == [value]
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row if cell]
    assert not [cell for cell in cells if cell[0] in "=+-@\t\r\n\uff1d"]
    assert "'quoted'" in cells


PLAIN_TURNS = (Turn(role="user", text="a"), Turn(role="assistant", text="b"))
KEPT = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1, 1) | st.sampled_from(["x", "2020-01-01"]),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("de"), inner, max_size=2),
        max_leaves=4,
    ),
    max_size=3,
)


@pytest.mark.parametrize("format_", [sharegpt, alpaca, llamafactory, swift, trl], ids=lambda format_: format_.__name__)
def test_tables_have_one_type_a_column(format_, tmp_path):
    """As Hugging Face ``datasets`` makes them of JSON: by ``pyarrow.json``, block by block."""
    json_reader = pytest.importorskip("pyarrow.json")

    @settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)
    @given(st.lists(KEPT, min_size=1, max_size=5), st.lists(st.booleans(), min_size=5, max_size=5))
    def hold(kept, grounded):
        values = [
            replace(FULL, id=str(index), metadata=metadata)
            if with_
            else Dialogue(id=str(index), scene="s", turns=PLAIN_TURNS, metadata=metadata)
            for index, (metadata, with_) in enumerate(zip(kept, grounded, strict=False))
        ]
        target = tmp_path / f"out{format_.SUFFIX}"
        assert format_.write(values, target, EXACT).written == len(values)
        rows = rows_of(target / "out.json" if target.is_dir() else target)
        lines = tmp_path / "table.jsonl"
        lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
        assert json_reader.read_json(lines).num_rows == len(values)

    hold()
