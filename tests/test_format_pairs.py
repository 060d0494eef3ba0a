"""From every format into every other: what arrives is what set out, and what does not is said."""

import itertools
import re
import shutil
from pathlib import Path

import pytest

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
    paligemma,
    parquet,
    qwen,
    sharegpt,
    swift,
    trl,
    video_chatgpt,
    webdataset,
)
from syphus.formats.clips import as_file
from syphus.formats.exporting import ExportOptions
from syphus.formats.importing import ImportOptions
from syphus.records import Asset, Dialogue, Object, Turn
from syphus.references.text import plain_text

IMAGES = Path(__file__).parents[1] / "examples" / "images"
ALL = (
    *(alpaca, csv_table, internvl, jsonl, llamafactory, llava, llava_next, messages, minicpm, paligemma, parquet, qwen),
    *(sharegpt, swift, trl, video_chatgpt, webdataset),
)
COFFEE = Asset(path="coffee.jpg", width=600, height=400)
HORSE = Asset(id="image2", path="horse.jpg", width=400, height=328)
VIDEO = Asset(id="video", kind="video", path="day.mp4")


def dialogue(identity, *texts, **fields):
    turns = tuple(Turn(role=("user", "assistant")[index % 2], text=text) for index, text in enumerate(texts))
    return Dialogue(id=identity, scene=fields.pop("scene", identity), turns=turns, **fields)


SAMPLES = [
    dialogue("one", "What is it?", "A cup.", assets=(COFFEE,)),
    dialogue("turns", "What is it?", "A cup.", "Of\nwhat?", "Of [clay](x).", assets=(COFFEE,)),
    dialogue("two", "Which is alive?", "The second.", assets=(COFFEE, HORSE)),
    dialogue("placed", "Is [](#image2) with [](#image)?", "No.", assets=(COFFEE, HORSE)),
    dialogue("later", "What is it?", "A cup.", "And [](#image2)?", "A horse.", assets=(COFFEE, HORSE)),
    dialogue("within", "Look [](#image) here.", "I do.", assets=(COFFEE,)),
    dialogue("answer", "Show me a cup.", "Here: [](#image)", assets=(COFFEE,)),
    dialogue("text", "2 + 2?", "4, \u0647\u0645\u0645 \u4e2d\u6587 \u2615"),
    dialogue("system", "What is it?", "Coffee.", assets=(COFFEE,), system="Be short."),
    dialogue(
        "named",
        "Where is [the cup](#o1)?",
        "There.",
        assets=(COFFEE,),
        objects=(Object(id="o1", label="cup", box=(158.0, 83.0, 417.0, 317.0)),),
    ),
    dialogue("more", "Why?", "So.", assets=(COFFEE,), category="fun", language="de", metadata={"topic": "cups"}),
    dialogue("video", "What happens?", "Day breaks.", assets=(VIDEO,)),
    dialogue(
        "clip",
        "And here?",
        "It is day.",
        assets=(Asset(id="video", kind="video", path="day.mp4", start=2, duration=2.5),),
    ),
]


def short(module):
    return module.__name__.rpartition(".")[2]


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    for name in ("coffee.jpg", "horse.jpg"):
        shutil.copy(IMAGES / name, folder)
    for name in ("day.mp4", "day_2-4.5.mp4"):
        (folder / name).write_bytes(b"video")
    return folder


def write(format_, values, target, folder):
    return format_.write(values, target, ExportOptions(picture_folders={"": folder}, max_tokens=None, exact=True))


def convert(format_, values, folder, media):
    """What comes back of dialogues that a format wrote, and what it said of them."""
    folder.mkdir()
    target = folder / f"out{format_.SUFFIX}"
    written = write(format_, values, target, media)
    assert written.written + sum(written.left_out.values()) == len(values)
    problems = []
    extract = None if format_ is csv_table else folder / "media"
    read = (
        [*format_.read(target, ImportOptions(images=media, extract=extract), problems.append)]
        if written.written
        else []
    )
    assert [problem for problem in problems if problem.lost] == []
    assert len(read) == written.written
    return read, written, folder / "media" if format_ in (parquet, webdataset) else media


def show(value, folder):
    """What a dialogue says, with the content of its media where they stand."""
    media = {asset.id: as_file(asset) for asset in value.assets}
    inside = {found for turn in value.turns for found in re.findall(r"\[\]\(#([^)]*)\)", turn.text)}
    head = [name for name in media if name not in inside]

    def see(name):
        return f"\u27e6{hash((folder / media[name].path).read_bytes())}\u27e7"

    texts = [re.sub(r"\[\]\(#([^)]*)\)", lambda found: see(found[1]), turn.text) for turn in value.turns]
    return [see(name) for name in head], [plain_text(text) for text in texts]


@pytest.mark.parametrize(("first", "second"), list(itertools.product(ALL, ALL)), ids=short)
def test_nothing_is_lost_between_two_formats(first, second, tmp_path, media):
    once, said_first, folder = convert(first, SAMPLES, tmp_path / "1", media)
    once = [one for one in once if one.id in {sample.id for sample in SAMPLES}]
    twice, said_second, last = convert(second, once, tmp_path / "2", folder)
    told = said_first.not_held + said_second.not_held
    samples = {sample.id: sample for sample in SAMPLES}
    for result in twice:
        sample = samples[result.id]
        assert show(result, last) == show(sample, media)
        for name in ("system", "category", "language"):
            assert getattr(result, name) == getattr(sample, name) or told[name], name
        assert not sample.objects or result.objects or any(key.startswith("objects") for key in told)
        assert result.metadata.get("topic") == sample.metadata.get("topic") or told["metadata `topic`"]
