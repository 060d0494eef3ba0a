"""The proof's own parts: faults are what they say, and what the table counts is counted right."""

import importlib.util
import os
import sys
from argparse import Namespace
from pathlib import Path
from random import Random

import pytest

from syphus.quality.pairs import Pair
from syphus.records import Asset, Caption, Object, Scene

FOLDER = Path(__file__).parents[1] / "benchmarks" / "quality"
DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")


def load(name: str):
    """A module of the benchmark, which is no package."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


dialogues, faults = load("dialogues"), load("faults")
proof = load("proof")

SCENE = Scene(
    id="s",
    assets=(Asset(width=1000, height=1000),),
    captions=(Caption(text="A black dog beside two cats."), Caption(text="Two cats sit near a black dog on a lawn.")),
    objects=(
        Object(id="o1", label="dog", box=(50, 300, 250, 700)),
        Object(id="o2", label="cat", box=(500, 300, 600, 700)),
        Object(id="o3", label="cat", box=(700, 300, 800, 700)),
    ),
)
SAMPLE = dialogues.Sample(
    SCENE, (Pair("What is there?", "There is a black dog, and there are two cats. The dog sits there."),), "s"
)


def make(maker, seed=0):
    return maker(SAMPLE, 0, Random(seed))


def test_a_foreign_thing_is_nowhere_in_the_scene():
    names = faults.foreign_names(SCENE)
    assert "giraffe" in names
    assert not {"dog", "cat", "person"} & set(names)


@pytest.mark.parametrize("name", [*faults.MECHANICAL, *faults.SEMANTIC])
def test_each_kind_changes_the_pair_or_says_that_it_cannot(name):
    maker = {**faults.MECHANICAL, **faults.SEMANTIC}[name]
    made = [pairs for seed in range(8) if (pairs := make(maker, seed))]
    assert all(pairs != SAMPLE.pairs for pairs in made)
    assert made or name == "swapped side, in its own sentence"


def test_a_count_becomes_one_that_nothing_gives():
    answers = {make(faults.change_count, seed)[0].answer for seed in range(20)}
    assert answers <= {
        f"There is a black dog, and there are {number} cats. The dog sits there."
        for number in ("one", "three", "four", "five")
    }
    assert len(answers) > 1


def test_a_side_is_turned_only_where_boxes_tell():
    texts = {sentence.format(right) for sentence, right, _ in faults.true_places(SCENE)}
    assert "The dog is on the left side of the image." in texts
    assert not any("cat" in text for text in texts)  # there are two of them


def arguments(**changed):
    return Namespace(**{"seed": 7, "draws": 1, "missed": "", "most": 9, "scenes": False, "good": False} | changed)


def test_a_row_counts_what_is_found_and_prints_what_is_missed(capsys):
    assert proof.measure_kind("foreign", faults.add_object, [SAMPLE], arguments(), 0.8)
    assert "100.0%" in capsys.readouterr().out
    assert not proof.measure_kind("none", lambda *_: (Pair("What?", "A dog sits there, black."),), [SAMPLE],
                                  arguments(missed="none"), 0.8)  # fmt: skip
    printed = capsys.readouterr().out
    assert "falls short" in printed
    assert "A dog sits there, black." in printed
    assert proof.measure_kind("never", lambda *_: None, [SAMPLE], arguments(), 0.8)
    assert "no pair allows it" in capsys.readouterr().out


@pytest.mark.skipif(
    not (DATA / "llava").is_dir(), reason="no ../shared/data: LLaVA's files are not kept in the project"
)
def test_the_aims_are_reached_on_published_answers(capsys):
    """The bounds of the proof, on a part of it: all of it is ``python benchmarks/quality/proof.py``."""
    samples = dialogues.llava_dialogues(DATA)
    assert proof.measure_good("good", samples, arguments())
    for name, maker in (*faults.MECHANICAL.items(), *faults.SEMANTIC.items()):
        aim = proof.AIM_MECHANICAL if name in faults.MECHANICAL else proof.AIM_SEMANTIC
        assert proof.measure_kind(name, maker, samples, arguments(), aim), capsys.readouterr().out
