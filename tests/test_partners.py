"""Pairs of similar pictures: who is paired with whom, and that nothing of either scene is lost."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syphus import embedding
from syphus.annotations.pictures import coco
from syphus.annotations.several.partner_scene import join_scenes
from syphus.annotations.several.partner_words import WordVectors, describe, stem
from syphus.annotations.several.partners import ALIKE, pair_similar
from syphus.embedding import Item, find_embedding
from syphus.errors import InputError
from syphus.records import (
    Asset,
    Caption,
    Object,
    OcrLine,
    Person,
    Question,
    Region,
    Relation,
    Scene,
    Segment,
)

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not (DATA / "coco").is_dir(), reason=f"the real annotation files are not in {DATA}")


def scene(id_, *captions, labels=(), **more):
    fields = {
        "assets": (Asset(path=f"{id_}.jpg"),),
        "captions": tuple(Caption(text=text) for text in captions),
        "objects": tuple(Object(id=f"o{n}", label=label) for n, label in enumerate(labels, 1)),
    }
    return Scene(id=id_, **{**fields, **more})


def pair(scenes, **options):
    """The pairs, which must decode as scenes again, and the problems."""
    problems = []
    pairs = list(pair_similar(scenes, report=problems.append, **options))
    assert msgspec.json.decode(msgspec.json.encode(pairs), type=list[Scene]) == pairs
    return pairs, problems


def ids(pairs):
    return {frozenset(one.id.split("+")) for one in pairs}


CATS = [
    scene("cat1", "A black cat sleeps on a sofa.", "cat on sofa"),
    scene("bus1", "A red bus drives down the street.", labels=["bus"]),
    scene("cat2", "Two cats sleeping on a grey sofa."),
    scene("bus2", "A bus stops in a busy street.", labels=["bus", "bus"]),
    scene("zebra", "Stripes."),
]


def test_the_most_similar_are_paired():
    pairs, problems = pair(CATS)
    assert ids(pairs) == {frozenset(("cat1", "cat2")), frozenset(("bus1", "bus2"))}
    assert [(problem.place, problem.message[:34]) for problem in problems] == [
        ("partners", "1 of 5 scenes found no partner wit")
    ]
    assert all(0 < one.metadata["similarity"] <= ALIKE for one in pairs)


def test_the_same_pairs_each_time_and_the_seed_turns_some():
    assert pair(CATS, seed=3) == pair(CATS, seed=3)
    orders = {tuple(one.id for one in pair(CATS, seed=seed)[0]) for seed in range(20)}
    assert len(orders) > 1
    assert len({frozenset(frozenset(name.split("+")) for name in order) for order in orders}) == 1


def test_once_or_each_with_its_best():
    scenes = [scene(f"c{n}", f"a cat on a sofa with a {word}") for n, word in enumerate(["ball", "bell", "book"])]
    scenes.append(scene("far", "an airplane in the sky over a mountain"))
    assert len(pair(scenes, least=0.01)[0]) == 1
    pairs, _ = pair(scenes, once=False, least=0.01)
    assert len(pairs) == len(ids(pairs)) == 2
    assert all("far" not in one for one in ids(pairs))


def test_what_is_never_paired():
    same_file = scene("b", "A dog in a green field.", assets=(Asset(path="other/COCO_val2014_000000000007.jpg"),))
    first = scene("a", "A dog on a green field.", assets=(Asset(path="000000000007.jpg"),))
    twin = scene("a2", "A dog on a green field.")
    assert pair([first, same_file])[0] == []
    assert pair([first, twin])[0] == []
    for once in (True, False):
        found = ids(pair([first, same_file, twin, scene("d", "A dog and a cat on a green field.")], once=once)[0])
        assert found
        assert not found & {frozenset(("a", "b")), frozenset(("a", "a2"))}


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (scene("x", "a cat", assets=()), "it has no picture"),
        (scene("x", "a cat", assets=(Asset(id="a"), Asset(id="b"))), "it has 2 assets"),
        (scene("x", "a cat", assets=(Asset(kind="point_cloud"),)), "it is no picture but a point cloud"),
        (scene("x"), "no captions, regions or objects"),
        (scene("x", "..."), "its annotations have no word"),
    ],
)
def test_scenes_that_cannot_be_one_of_two_are_passed_over(bad, says):
    pairs, problems = pair([bad, *CATS[:4]])
    assert len(pairs) == 2
    assert problems[0].place == "scene x"
    assert says in problems[0].message


FULL = Scene(
    id="a",
    source="s",
    assets=(Asset(path="a.jpg", width=10, height=10, license="CC BY 2.0"),),
    captions=(Caption(text="[Two](#o1, #r1) here, and (#1)."),),
    objects=(Object(id="o1", label="dog", box=(1, 1, 3, 3), attributes=("wet",)),),
    regions=(Region(id="r1", text="by [it](#o1)", box=(1, 1, 2, 2)),),
    relations=(Relation(subject="o1", predicate="near", object="r1"),),
    absent=("cat", "cow"),
    segments=(Segment(start=0, end=0, text="[x](#o1)"),),
    ocr=(OcrLine(text="STOP"),),
    questions=(Question(question="What is [it](#o1)?", answers=("a dog",)),),
    people=(Person(name="Ann"),),
    prose=("About [it](#o1).",),
    tools=("t",),
    metadata={"image_id": 7},
)


def test_all_of_both_scenes_is_kept():
    other = msgspec.structs.replace(FULL, id="b", absent=("cow",), metadata={})
    made = join_scenes(FULL, other, similarity=0.5, name=str)
    assert made.id == "a+b"
    assert [(one.id, one.path, one.title, one.license) for one in made.assets] == [
        ("first", "a.jpg", "the first picture", "CC BY 2.0"),
        ("second", "a.jpg", "the second picture", "CC BY 2.0"),
    ]
    assert [one.text for one in made.captions] == [
        "[Two](#first.o1,#first.r1) here, and (#1).",
        "[Two](#second.o1,#second.r1) here, and (#1).",
    ]
    assert [one.id for one in (*made.objects, *made.regions)] == ["first.o1", "second.o1", "first.r1", "second.r1"]
    assert made.relations[1] == Relation(subject="second.o1", predicate="near", object="second.r1")
    assert made.regions[0].text == "by [it](#first.o1)"
    assert made.segments[1].text == "[x](#second.o1)"
    assert made.questions[0].question == "What is [it](#first.o1)?"
    assert made.prose == (
        "The first picture: About [it](#first.o1).",
        "The first picture, looked for and not there: cat",
        "The second picture: About [it](#second.o1).",
    )
    assert made.absent == ("cow",)
    assert made.metadata == {"similarity": 0.5, "first": {"scene": "a", "image_id": 7}, "second": {"scene": "b"}}
    assert (made.people, made.tools, made.source) == ((Person(name="Ann"),), ("t",), "s")
    placed = (*made.captions, *made.objects, *made.regions, *made.segments, *made.ocr, *made.questions)
    assert [one.asset for one in placed] == ["first", "second"] * 6
    assert all(getattr(made, field) for field in Scene.__struct_fields__), "a field of Scene that pairs do not have yet"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dogs", "dog"),
        ("walking", "walked"),
        ("running", "run"),
        ("stories", "story"),
        ("benches", "bench"),
        ("glass", "glasses"),
        ("standing", "stand"),
    ],
)
def test_stems(one, other):
    assert stem(one) == stem(other)


def test_words_that_stay_apart():
    assert len({stem(word) for word in "bus bush sing sings bed red ring glass grass ski".split()}) == 9


def test_what_a_scene_is_compared_by():
    text = describe(msgspec.structs.replace(FULL, objects=FULL.objects * 1))
    assert text == "[Two] here, and (#1).\nby [it]\ndog"


# --- embeddings ---


def by_letters(items):
    return [[item.text.count(letter) + 0.0 for letter in "abcdefghijklmnopqrstuvwxyz"] for item in items]


def test_an_embedding_of_ones_own():
    pytest.importorskip("numpy")
    pairs, _ = pair(CATS[:4], embed=by_letters, least=0.5)
    assert len(pairs) == 2
    assert pair(CATS[:4], embed=by_letters, least=0.5)[0] == pairs


@pytest.mark.parametrize("vectors", [[], [[1.0]], [[float("nan")]] * 4, [[]] * 4, [1.0] * 4, [{"cat": 1.0}] * 4])
def test_an_embedding_that_is_none(vectors):
    pytest.importorskip("numpy")
    with pytest.raises(InputError, match="the embedding gave"):
        pair(CATS[:4], embed=lambda texts: vectors)


def test_embeddings_by_name(monkeypatch):
    assert find_embedding("words")([Item(text="a cat")])

    class Entry:
        name = "letters"

        def load(self):
            return by_letters

    monkeypatch.setattr(embedding, "entry_points", lambda group: [Entry()] if group == "syphus.embeddings" else [])
    assert find_embedding("letters") is by_letters
    with pytest.raises(InputError, match="Embeddings: letters"):
        find_embedding("clip")


# --- in general ---

_words = st.lists(st.sampled_from("cat dog bus tree sofa street red".split()), min_size=1, max_size=5).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(_words, max_size=12), seed=st.integers(0, 5), once=st.booleans())
def test_pairs_in_general(texts, seed, once):
    scenes = [scene(f"s{n}", text) for n, text in enumerate(texts)]
    pairs, problems = pair(scenes, seed=seed, once=once, least=0.05)
    members = [name for one in pairs for name in one.id.split("+")]
    assert len(ids(pairs)) == len(pairs)
    assert all(len(set(one.id.split("+"))) == 2 for one in pairs)
    if once:
        assert len(members) == len(set(members))
    lonely = int(problems[0].message.split()[0]) if problems else 0
    assert lonely + len(set(members)) == len(scenes)
    said = {one.id: one.captions[0].text for one in scenes}
    for one in pairs:
        assert [caption.text for caption in one.captions] == [said[name] for name in one.id.split("+")]
        assert set(map(stem, one.captions[0].text.split())) & set(map(stem, one.captions[1].text.split()))


@real
def test_the_index_finds_what_a_full_search_finds():
    """Of 400 real scenes: the best partner of nearly each is found by way of the rarer words alone."""
    read = coco.read(coco.Options(captions=DATA / "coco/captions_val2017.json"), lambda _: None)
    texts = [describe(next(read)) for _ in range(400)]
    vectors = WordVectors()
    for text in texts:
        vectors.add(text)
    found = {one: best[0] for one, best in vectors.nearest(range(400), 1)}
    dense = []
    for index in range(400):
        start, end = vectors._starts[index], vectors._starts[index + 1]
        dense.append(dict(zip(vectors._terms[start:end], vectors._weights[start:end], strict=True)))
    right = 0
    for one in range(400):
        best = max(
            sum(dense[one][t] * dense[other].get(t, 0) for t in dense[one]) for other in range(400) if other != one
        )
        right += found[one][0] >= best - 1e-6
    assert right >= 380


@real
def test_real_captions():
    scenes = coco.read(coco.Options(captions=DATA / "coco/captions_val2017.json"), lambda _: None)
    few = [next(scenes) for _ in range(1000)]
    pairs, problems = pair(few, seed=1)
    assert len(pairs) > 420
    assert sum(one.metadata["similarity"] for one in pairs) / len(pairs) > 0.3
    assert len(problems) == 1


def test_the_benchmark_runs():
    script = Path(__file__).parents[1] / "benchmarks/readers_containers.py"
    command = [sys.executable, script, "--scale", "0.001", "--only"]
    found = [
        subprocess.run([*command, name], capture_output=True, text=True, check=True).stdout
        for name in ("partners", "vist")
    ]
    assert "100 records" in found[0]
    assert "ratio" in found[1]


def test_scenes_that_share_the_same_word_are_not_all_compared(monkeypatch):
    """Equal weights must not make the search quadratic."""
    vectors, compared = WordVectors(), []
    for number in range(300):
        vectors.add(f"cat word{number}")
    monkeypatch.setattr(WordVectors, "_cosine", lambda self, own, other: compared.append(other) or 0.5)
    assert all(len(found) == 8 for _, found in vectors.nearest(range(300), 8))
    assert len(compared) <= 300 * 24
