"""The categories of video, television, first person, questions, writing and figures: what their demonstrations promise beyond
what every reply must pass, and that what comes along is read whole."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path

import pytest

from syphus.annotations.pictures import coco, visual_genome
from syphus.annotations.questions import aokvqa, figures, gqa, nextqa, textvqa, vqa
from syphus.annotations.reading import Problem
from syphus.annotations.videos import activitynet, charades_sta, ego4d, epic_kitchens, tacos, tvr, youcook2
from syphus.annotations.windows import cut_windows
from syphus.categories.category import Category, Demonstration
from syphus.categories.context import render_context
from syphus.categories.load import Library, load_category
from syphus.categories.needs import lacking
from syphus.categories.prompt import demonstrated_answers
from syphus.config import load_config
from syphus.quality.checks import check_pairs
from syphus.quality.pairs import Pair
from syphus.records import Asset, Caption, Object, OcrLine, Person, Question, Region, Relation, Scene, Segment
from syphus.references.people import find_names

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"
EXAMPLES = ROOT / "examples"
LIBRARY = Library.at(ROOT)
VIDEO = ("video/events", "video/reasoning", "video/next")
TELEVISION = ("television/social", "television/dialogue")
FIRST_PERSON = ("firstperson/memory", "firstperson/next", "firstperson/why")
LLAVA = ("llava/conversation", "llava/detail", "llava/reasoning")
NAMES = (
    *VIDEO,
    "video/clip",
    *TELEVISION,
    *FIRST_PERSON,
    "qa/conversation",
    "qa/why",
    "text/reading",
    "figures/explain",
)
QUOTED = re.compile(r"“([^”]+)”")
CLOCK = re.compile(r"(\d+):(\d\d)")


@cache
def load(name: str) -> Category:
    return load_category(name, LIBRARY)


def pairs_of(demonstration: Demonstration) -> list[dict[str, str]]:
    return [pair for reply in demonstration.replies.values() for pair in reply["pairs"]]


def all_pairs(*names: str) -> Iterator[tuple[Demonstration, str, str]]:
    for name in names:
        for demonstration in load(name).demonstrations:
            for pair in pairs_of(demonstration):
                yield demonstration, pair["question"], pair["answer"]


def render(scene: Scene, name: str) -> str:
    rendered = render_context(scene, load(name).file.context)
    assert not rendered.cut, (scene.id, rendered.cut)
    return rendered.text


@pytest.mark.parametrize("name", NAMES)
def test_each_has_four_demonstrations_of_different_scenes_none_of_which_is_cut(name: str) -> None:
    demonstrations = load(name).demonstrations
    assert len({one.scene.id for one in demonstrations}) == len(demonstrations) >= 4
    assert all("written by hand" in one.note for one in demonstrations)
    assert all(render(one.scene, name) for one in demonstrations)


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_no_formulas(name: str) -> None:
    beginnings = [tuple(answer.split()[:4]) for answer in demonstrated_answers(load(name).demonstrations)]
    assert len(set(beginnings)) == len(beginnings)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("figures")])
def test_one_demonstration_of_each_is_told_what_to_say_and_does_not_listen(name: str) -> None:
    """Words in the material that sound like an order are words; a model learns it where it sees it."""
    orders = re.compile(r"\b(?:ignore|disregard|forget)\b", re.IGNORECASE)
    told = [one for one in load(name).demonstrations if orders.search(render(one.scene, name))]
    assert told
    for demonstration in told:
        said = " ".join(pair["answer"] for pair in pairs_of(demonstration))
        assert not re.search(r"\b(?:dancing|banana|poem|nothing happened)\b", said)


@pytest.mark.parametrize("name", [*VIDEO, *FIRST_PERSON, *TELEVISION])
def test_categories_of_video_say_on_purpose_whether_times_are_wanted(name: str) -> None:
    assert load(name).file.checks.times == ("allowed" if name == "video/events" else "none")


def test_times_in_answers_are_those_of_events() -> None:
    said = 0
    for demonstration, _, answer in all_pairs("video/events"):
        ends = {time for one in demonstration.scene.segments for time in (one.start, one.end)}
        for found in CLOCK.finditer(answer):
            said += 1
            time = int(found[1]) * 60 + int(found[2])
            assert min(abs(time - end) for end in ends) <= 1, (demonstration.file, found[0])
    assert said >= 5


def test_on_television_nobody_is_named_and_every_quotation_is_exact() -> None:
    quotations = 0
    for demonstration, question, answer in all_pairs(*TELEVISION):
        scene = demonstration.scene
        assert not find_names(f"{question} {answer}", scene.people), demonstration.file
        spoken = [one.columns["subtitle"] for one in scene.segments if "subtitle" in one.columns]
        for quotation in QUOTED.findall(f"{question} {answer}"):
            quotations += 1
            assert any(quotation.rstrip(",") in line for line in spoken), (demonstration.file, quotation)
    assert quotations >= 10


def test_some_people_on_television_have_no_looks_to_be_called_by() -> None:
    for name in TELEVISION:
        people = [person for one in load(name).demonstrations for person in one.scene.people]
        assert any(person.looks for person in people)
        assert any(not person.looks for person in people)
        shown = " ".join(render(one.scene, name) for one in load(name).demonstrations)
        assert "person A" in shown
        assert not find_names(shown, tuple(people))


def test_in_the_first_person_the_wearer_asks_and_is_spoken_to() -> None:
    for demonstration, question, answer in all_pairs(*FIRST_PERSON):
        assert not re.search(r"\byour?\b", question.replace("do you think", "")), demonstration.file
        assert not re.search(r"\bI\b|\bI'd\b", answer)
        assert not re.search(r"\bwearer\b|\bC\b|\b[XY]\b|\bcamera\b", question + answer)
    for demonstration in (one for name in FIRST_PERSON for one in load(name).demonstrations):
        said = pairs_of(demonstration)
        assert re.search(r"\b(?:I|I'd|me|my|My)\b", " ".join(pair["question"] for pair in said))
        assert re.search(r"\byou\b", " ".join(pair["answer"] for pair in said).lower())


def test_what_is_read_in_a_picture_is_quoted_to_the_letter() -> None:
    quotations = 0
    for demonstration, _, answer in all_pairs("text/reading"):
        written = {word for line in demonstration.scene.ocr for word in line.text.split()}
        known = {word for one in demonstration.scene.captions for word in one.text.split()}
        for quotation in QUOTED.findall(answer):
            quotations += 1
            assert set(quotation.split()) <= written | known, (demonstration.file, quotation)
    assert quotations >= 10


def test_what_people_do_not_agree_about_is_not_said() -> None:
    (bus,) = [one for one in load("qa/conversation").demonstrations if one.scene.id == "qa-bus-stop"]
    said = " ".join(pair["answer"] for pair in pairs_of(bus))
    assert not re.search(r"\b(?:two|three|four|\d)\b", said)
    (street,) = [one for one in load("qa/conversation").demonstrations if one.scene.id == "qa-winter-street"]
    said = " ".join(f"{pair['question']} {pair['answer']}" for pair in pairs_of(street))
    assert not re.search(r"\bhappy\b", said)


def test_what_cannot_be_seen_in_a_figure_is_not_said() -> None:
    for _, question, answer in all_pairs("figures/explain"):
        assert not re.search(r"62|woman|patient|Case|surgery|online|advice|treat", question + answer)


STREAM = Scene(
    id="stream",
    assets=(Asset(id="video", kind="video", path="v.mp4", duration=40.0),),
    segments=(
        Segment(start=0, end=12, text="A man crosses a stream on stones."),
        Segment(
            start=14, end=20, text="Ines waves to him.", columns={"subtitle": "Take the left one!", "speaker": "Ines"}
        ),
    ),
    people=(Person(name="Ines", looks="the girl with the rucksack"),),
)
PICTURE = Scene(
    id="picture",
    assets=(Asset(path="p.jpg", width=100, height=80),),
    captions=(Caption(text="A bus in the rain."),),
    objects=(
        Object(id="o1", label="bus", box=(10, 10, 90, 70), attributes=("red", "parked")),
        Object(id="o2", label="man", box=(2, 20, 9, 70)),
    ),
    regions=(Region(id="r1", text="drops on the window", box=(20, 20, 40, 40)),),
    relations=(Relation(subject="o2", predicate="next to", object="o1"),),
    absent=("bicycle",),
    questions=(Question(question="What color is the bus?", answers=("red",), votes=(10,)),),
    ocr=(OcrLine(text="7 Harbour"),),
)


@pytest.mark.parametrize(
    ("name", "scene", "answer", "code"),
    [
        ("video/events", STREAM, "From 0:00 to 0:12 he crosses the stream.", ""),
        ("video/events", STREAM, "At 1:12 he crosses the stream.", "beyond_end"),
        ("video/events", STREAM, "The footage shows how he crosses the stream.", "source_word"),
        ("video/reasoning", STREAM, "Probably at 0:14 the girl waves. " * 8, "given"),
        ("television/dialogue", STREAM, "Ines calls, “Take the left one!”", "hidden_name"),
        ("television/dialogue", STREAM, "The subtitle says “Take the left one!”", "source_word"),
        ("television/dialogue", STREAM, "The girl with the rucksack calls, “Take the left one!”", ""),
        ("firstperson/memory", STREAM, "The wearer crossed the stream on stones.", "source_word"),
        ("firstperson/memory", STREAM, "You crossed the stream on stones.", ""),
        ("qa/conversation", PICTURE, "Most people say that the bus is red.", "source_word"),
        ("qa/conversation", PICTURE, "The bus is red.", ""),
        ("text/reading", PICTURE, "The OCR says “7 Harbour”.", "source_word"),
        ("text/reading", PICTURE, "On the bus one can read “7 Harbour”.", ""),
        ("figures/explain", PICTURE, "The authors show a bus in the rain.", "source_word"),
    ],
)  # fmt: skip
def test_the_checks_of_a_category_know_its_medium(name: str, scene: Scene, answer: str, code: str) -> None:
    rules = load(name).file.checks
    hidden = scene.people if load(name).file.context.names == "hidden" else ()
    found = check_pairs(
        [Pair("What can be seen or heard there?", answer)],
        rules,
        scene=scene,
        known=frozenset(),
        demonstrations=(),
        hidden=hidden,
    )
    codes = {verdict.code for verdict in found.verdicts} - {"too_short"}
    assert (code in codes) if code else not codes


def test_the_three_of_llava_show_all_that_a_picture_has() -> None:
    for name in LLAVA:
        text = render(PICTURE, name)
        for line in (
            "bus (red, parked): [0.100,",
            "man next to bus",
            "drops on the window: [0.200,",
            "A bus in the rain.",
        ):
            assert line in text, name
        assert ("bicycle" in text) == (name == "llava/conversation")


def test_pictures_of_coco_are_shown_as_ever() -> None:
    file = SHARED / "coco" / "captions_val2017.json"
    if not file.is_file():
        pytest.skip("COCO's annotations are not here")
    options = coco.Options(captions=file, instances=SHARED / "coco" / "instances_val2017_79.json")
    for scene in islice(coco.read(options, lambda problem: None), 200):
        for name in LLAVA:
            blocks = render_context(scene, load(name).file.context).text.split("\n\n")
            headings = [block.splitlines()[0] for block in blocks]
            assert headings in (
                ["The picture, as several people see it:"],
                ["The picture, as several people see it:", "What is where:"],
            )


def test_boxes_alone_make_a_conversation_and_no_more() -> None:
    boxes = Scene(id="boxes", assets=PICTURE.assets, objects=PICTURE.objects)
    assert [bool(lacking(boxes, load(name).file.needs)) for name in LLAVA] == [False, True, True]
    regions = Scene(id="regions", assets=PICTURE.assets, regions=PICTURE.regions)
    assert not any(lacking(regions, load(name).file.needs) for name in LLAVA)
    nothing = Scene(id="nothing", assets=PICTURE.assets)
    assert all(lacking(nothing, load(name).file.needs) for name in LLAVA)


@cache
def read_examples() -> dict[str, tuple[list[Scene], list[Problem]]]:
    """What stands in the folder of examples, by configuration."""
    problems: dict[str, list[Problem]] = {}

    def told(name: str) -> list[Problem]:
        return problems.setdefault(name, [])

    scenes = {
        "tvc": tvr.read(
            tvr.Options(
                path=EXAMPLES / "tvc/tvc_example.jsonl",
                subtitles=EXAMPLES / "tvc/subtitles.jsonl",
                names=EXAMPLES / "tvc/people.txt",
            ),
            told("tvc").append,
        ),
        "ego4d": ego4d.read(ego4d.Options(path=EXAMPLES / "ego4d/narration.json"), told("ego4d").append),
        "youcook2": youcook2.read(
            youcook2.Options(
                path=EXAMPLES / "youcook2/youcookii_annotations_example.json",
                labels=EXAMPLES / "youcook2/label_foodtype.csv",
            ),
            told("youcook2").append,
        ),
        "tacos": tacos.read(tacos.Options(path=EXAMPLES / "tacos/example.json"), told("tacos").append),
        "charades_sta": charades_sta.read(
            charades_sta.Options(
                path=EXAMPLES / "charades_sta/charades_sta_example.txt",
                charades=EXAMPLES / "charades_sta/Charades_example.csv",
                classes=EXAMPLES / "charades_sta/Charades_classes_example.txt",
            ),
            told("charades_sta").append,
        ),
        "vqa": vqa.read(
            vqa.Options(
                questions=EXAMPLES / "vqa/questions_example.json",
                annotations=EXAMPLES / "vqa/annotations_example.json",
            ),
            told("vqa").append,
        ),
        "gqa": gqa.read(gqa.Options(path=EXAMPLES / "gqa/questions_example.json"), told("gqa").append),
        "aokvqa": aokvqa.read(aokvqa.Options(path=EXAMPLES / "aokvqa/aokvqa_example.json"), told("aokvqa").append),
        "textvqa": textvqa.read(
            textvqa.Options(
                path=EXAMPLES / "textvqa/TextVQA_example.json",
                ocr=EXAMPLES / "textvqa/TextVQA_Rosetta_OCR_example.json",
            ),
            told("textvqa").append,
        ),
        "visual_genome": visual_genome.read(
            visual_genome.Options(folder=EXAMPLES / "visual_genome"), told("visual_genome").append
        ),
    }
    return {name: (list(found), problems[name]) for name, found in scenes.items()}


@pytest.mark.parametrize(
    ("name", "count"),
    {
        "tvc": 2, "ego4d": 2, "youcook2": 2, "tacos": 2, "charades_sta": 2,
        "vqa": 2, "gqa": 2, "aokvqa": 2, "textvqa": 2, "visual_genome": 1,
    }.items(),
)  # fmt: skip
def test_the_examples_that_come_along_are_whole_and_reach_the_prompts(name: str, count: int) -> None:
    scenes, problems = read_examples()[name]
    assert not problems
    assert len(scenes) == count
    for category in load_config(ROOT / "configs" / f"{name}.toml", {}).categories:
        shown = [render(scene, category) for scene in scenes if not lacking(scene, load(category).file.needs)]
        assert shown, category
    for scene in scenes:
        everything = " ".join(
            render(scene, category) for category in load_config(ROOT / "configs" / f"{name}.toml", {}).categories
        )
        assert not find_names(everything, scene.people)
        if not scene.people:
            texts = [segment.text for segment in scene.segments] + [region.text for region in scene.regions]
            texts += [question.question for question in scene.questions] + [line.text for line in scene.ocr]
            assert all(text in everything for text in texts), scene.id


def test_every_event_of_activitynet_reaches_the_prompt() -> None:
    file = SHARED / "activitynet_captions" / "val_first1500.json"
    if not file.is_file():
        pytest.skip("the annotations of ActivityNet Captions are not here")
    context = load("video/events").file.context
    count = 0
    for scene in activitynet.read(activitynet.Options(path=file), lambda problem: None):
        count += 1
        rendered = render_context(scene, context)
        assert not rendered.cut, scene.id
        assert rendered.text.count("\n") == len(scene.segments) + 3, scene.id
    assert count > 1400


def test_clips_of_epic_kitchens_lose_no_action() -> None:
    file = SHARED / "epic_kitchens" / "EPIC_100_validation_first5000.csv"
    if not file.is_file():
        pytest.skip("the annotations of EPIC-KITCHENS are not here")
    context = load("firstperson/memory").file.context
    scenes = epic_kitchens.read(epic_kitchens.Options(path=file), lambda problem: None)
    for scene in islice(scenes, 5):
        clips = list(cut_windows(scene, 60.0, 5.0, keep_empty=False))
        shown = [render_context(clip, context) for clip in clips]
        assert not any(one.cut for one in shown)
        assert all(any(segment.text in one.text for one in shown) for segment in scene.segments)


@pytest.mark.parametrize(
    ("name", "path"),
    [("qa/conversation", "nextqa/val_first1500.csv"), ("figures/explain", "roco/radiology_captions_first1500.txt")],
)
def test_real_questions_and_figures_reach_the_prompt(name: str, path: str) -> None:
    file = SHARED / path
    if not file.is_file():
        pytest.skip("these annotations are not here")
    scenes = (
        nextqa.read(nextqa.Options(path=file), lambda problem: None)
        if path.startswith("nextqa")
        else figures.read(figures.Options(path=file), lambda problem: None)
    )
    context = load(name).file.context
    for scene in islice(scenes, 300):
        text = render_context(scene, context).text
        wanted = [question.question for question in scene.questions[:5]] or [one.text for one in scene.captions]
        assert all(" ".join(one.split()) in text for one in wanted), scene.id


@pytest.mark.parametrize(
    "name",
    [
        "activitynet", "charades_sta", "tacos", "qvhighlights", "youcook2", "tvc", "ego4d", "epic_kitchens", "subtitles",
        "vqa", "gqa", "aokvqa", "nextqa", "textvqa", "ocr", "figures", "visual_genome", "lvis", "flickr30k", "open_images",
        "video_rows",
    ],
)  # fmt: skip
def test_configurations_name_categories_and_files_that_are_there(name: str) -> None:
    config = load_config(ROOT / "configs" / f"{name}.toml", {})
    assert set(config.categories) <= set(LIBRARY.category_names())
    assert f"configs/{name}.toml" in (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    for source in config.sources:
        for value in source.values():
            if str(value).startswith("../examples"):
                assert (ROOT / "configs" / str(value)).exists()
