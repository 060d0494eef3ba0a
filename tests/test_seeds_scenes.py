"""The categories of pairs, albums and rooms: what their demonstrations promise beyond what every reply must pass."""

import re
from pathlib import Path

import pytest

from syphus.annotations.reading import Problem
from syphus.annotations.several import scannet, spot_the_diff, vist
from syphus.categories.category import Category, Demonstration
from syphus.categories.context import render_context
from syphus.categories.load import Library, load_category
from syphus.categories.prompt import CategoryPrompts, demonstrated_answers
from syphus.config import load_config
from syphus.quality.checks import check_pairs
from syphus.quality.pairs import Pair
from syphus.records import Asset, Scene

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"
LIBRARY = Library.at(ROOT)
NAMES = (
    "change/differences", "change/inference", "compare/pictures", "compare/reasoning",
    "album/story", "album/mood", "album/next", "rooms/activity", "rooms/layout",
)  # fmt: skip


def load(name: str) -> Category:
    return load_category(name, LIBRARY)


def asked(category: Category) -> list[tuple[Demonstration, str]]:
    """Each demonstration with what the model is shown as the user's message."""
    prefix = CategoryPrompts(category).prefix(category.chat_steps[0])
    return list(zip(category.demonstrations, [message.content for message in prefix[1::2]], strict=True))


def pairs_of(demonstration: Demonstration) -> list[dict[str, str]]:
    return [pair for reply in demonstration.replies.values() for pair in reply.get("pairs", [])]


@pytest.mark.parametrize("name", NAMES)
def test_each_has_four_demonstrations_of_different_scenes(name: str) -> None:
    demonstrations = load(name).demonstrations
    assert len({one.scene.id for one in demonstrations}) == len(demonstrations) >= 4
    assert all("written by hand" in one.note for one in demonstrations)


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_neither_formulas_nor_the_same_story_twice(name: str) -> None:
    beginnings = [tuple(answer.split()[:4]) for answer in demonstrated_answers(load(name).demonstrations)]
    assert len(set(beginnings)) == len(beginnings)


@pytest.mark.parametrize(
    ("name", "key"), [("rooms/activity", "activity"), ("album/story", "request")], ids=["activity", "request"]
)
def test_what_is_drawn_for_a_demonstration_is_what_its_reply_answers(name: str, key: str) -> None:
    """Draws hang on the lists: a line added there may call for another reply here, and for another `metadata`."""
    for demonstration, text in asked(load(name)):
        assert demonstration.scene.metadata[key] in text, demonstration.file


def test_the_plan_is_for_the_one_who_was_chosen_alone() -> None:
    category = load("rooms/activity")
    for demonstration, text in asked(category):
        chosen = demonstration.scene.metadata["activity"]
        first = pairs_of(demonstration)[0]
        said = f"{first['question']} {first['answer']}".lower()
        offered = [line for line in text.splitlines() if line in category.lists["activities"]]
        assert len(offered) == 5
        people = {line: re.split(r" who wants? to ", line)[0].split(maxsplit=1)[1] for line in offered}
        assert people[chosen] in said, demonstration.file
        whole = " ".join(pair["question"] + pair["answer"] for pair in pairs_of(demonstration)).lower()
        assert not [who for line, who in people.items() if line != chosen and who in whole]


def test_activities_are_many_different_and_of_one_form() -> None:
    lines = load("rooms/activity").lists["activities"]
    assert len(lines) >= 120
    assert [line for line in lines if not re.match(r"(?:an? |two )[\w', -]+ who wants? to [\w', -]+$", line)] == []
    wishes = [re.split(r" who wants? to ", line)[1] for line in lines]
    assert len(set(wishes)) == len(wishes)


def test_in_albums_no_name_of_a_storyteller_comes_back() -> None:
    for name in ("album/story", "album/mood", "album/next"):
        category = load(name)
        known = " ".join(caption.text for one in category.demonstrations for caption in one.scene.captions)
        assert "Zehra" in known
        assert "Pixel" in known
        for answer in demonstrated_answers(category.demonstrations):
            assert not re.search(r"\b(?:Zehra|Pixel|uncle|grandpa|father)\b", answer)


def test_albums_go_picture_by_picture_and_end_with_the_whole() -> None:
    category = load("album/story")
    for demonstration in category.demonstrations:
        text = render_context(demonstration.scene, category.file.context).text
        places = [text.index(f"{asset.title}, as several people see it:") for asset in demonstration.scene.assets]
        assert places == sorted(places)
        assert text.index(category.file.context.prose.heading) > places[-1]


def test_both_pictures_of_a_comparison_stand_under_their_titles_with_all_that_is_known() -> None:
    category = load("compare/pictures")
    for demonstration in category.demonstrations:
        scene = demonstration.scene
        rendered = render_context(scene, category.file.context)
        assert not rendered.cut
        first, second = rendered.text.split("the second picture, as several people see it:")
        for text, name in ((first, "first"), (second, "second")):
            assert all(caption.text in text for caption in scene.captions if caption.asset == name)
            assert text.count(": [0.") + text.count(": [1.") == sum(one.asset == name for one in scene.objects)


@pytest.mark.parametrize("name", ["change/differences", "change/inference"])
def test_one_demonstration_has_nothing_that_differs(name: str) -> None:
    alike = [one for one in load(name).demonstrations if one.scene.metadata.get("differences") == 0]
    assert len(alike) == 1
    answers = " ".join(pair["answer"] for pair in pairs_of(alike[0])).lower()
    assert "nothing" in answers


PAIR = Scene(
    id="pair",
    assets=(
        Asset(id="first", path="5.png", title="the first picture"),
        Asset(id="second", path="5_2.png", title="the second picture"),
    ),
    prose=("the white car is gone", "a man with a dog is walking by the fence now"),
)


@pytest.mark.parametrize(
    ("name", "answer", "code"),
    [
        ("change/differences", "A man with a dog is walking by the fence in the third picture.", "no_such_asset"),
        ("change/differences", "The annotators noticed a man with a dog by the fence.", "source_word"),
        ("change/differences", "In the second picture a man with a dog is walking by the fence.", ""),
        ("change/inference", "The white car probably left.", "too_short"),
    ],
)
def test_the_checks_of_a_category_know_its_medium(name: str, answer: str, code: str) -> None:
    found = check_pairs(
        [Pair("What is different by the fence?", answer)],
        load(name).file.checks,
        scene=PAIR,
        known=frozenset(),
        demonstrations=(),
    )
    assert [verdict.code for verdict in found.verdicts] == ([code] if code else [])


def test_every_sentence_of_spot_the_diff_reaches_the_prompt() -> None:
    file = SHARED / "spot_the_diff" / "val.json"
    if not file.is_file():
        pytest.skip("the annotations of Spot-the-Diff are not here")
    context = load("change/differences").file.context
    count = 0
    for scene in spot_the_diff.read(spot_the_diff.Options(path=file), lambda problem: None):
        count += 1
        rendered = render_context(scene, context)
        assert not rendered.cut, scene.id
        lines = rendered.text.splitlines()[1:]
        assert lines == list(scene.prose)
    assert count == 1493


def test_the_albums_that_come_along_are_whole_and_show_each_sentence_under_its_picture() -> None:
    problems: list[Problem] = []
    folder = ROOT / "examples" / "vist"
    options = vist.Options(
        path=folder / "example.story-in-sequence.json", descriptions=folder / "example.description-in-isolation.json"
    )
    scenes = list(vist.read(options, problems.append))
    assert not problems
    assert [len(scene.assets) for scene in scenes] == [5, 5]
    context = load("album/story").file.context
    for scene in scenes:
        rendered = render_context(scene, context)
        assert not rendered.cut
        for asset in scene.assets:
            part = rendered.text.partition(f"{asset.title}, as several people see it:\n")[2].partition("\n\n")[0]
            assert part.splitlines() == [one.text for one in scene.captions if one.asset == asset.id]


def test_the_rooms_that_come_along_are_whole() -> None:
    problems: list[Problem] = []
    folder = ROOT / "examples" / "scannet"
    options = scannet.Options(scans=folder / "scans", scanrefer=folder / "ScanRefer_filtered_example.json")
    scenes = list(scannet.read(options, problems.append))
    assert not problems
    assert len(scenes) == 2
    for scene in scenes:
        text = render_context(scene, load("rooms/activity").file.context).text
        assert all(region.text in text for region in scene.regions)
        assert not scene.captions


@pytest.mark.parametrize("name", ["spot_the_diff", "compare", "vist", "rooms"])
def test_configurations_name_categories_and_files_that_are_there(name: str) -> None:
    config = load_config(ROOT / "configs" / f"{name}.toml", {})
    assert set(config.categories) <= set(LIBRARY.category_names())
    known = f"configs/{name}.toml"
    assert known in (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    for source in config.sources:
        for value in source.values():
            if str(value).startswith("../examples"):
                assert (ROOT / "configs" / str(value)).exists()
