"""The dataset card: what it counts, its front matter, and what it must never hold."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from syphus.formats import llava
from syphus.formats.card import CardFacts, CardTally, render_card, write_card
from syphus.formats.exporting import ExportOptions
from syphus.records import Asset, Dialogue, Provenance, Turn, Verdict

BY = "http://creativecommons.org/licenses/by/2.0/"


def make(identity, *, license_=BY, pictures=1, **more):
    return Dialogue(
        **(
            {
                "id": identity,
                "scene": "s",
                "source": "coco",
                "category": "llava/detail",
                "turns": (Turn(role="user", text="Q?"), Turn(role="assistant", text="A.")),
                "assets": tuple(Asset(id=f"i{n}", path="a.jpg", license=license_) for n in range(pictures)),
                "provenance": Provenance(category="b2:abc", model="gpt-6-luna"),
                "verdicts": (Verdict(check="length", code="short", message="m"),),
            }
            | more
        )
    )


def card_of(dialogues, **more):
    tally = CardTally()
    assert list(tally.count(dialogues)) == list(dialogues)
    text = render_card(tally.take(**more))
    _, matter, body = text.split("---\n", 2)
    return yaml.safe_load(matter), body


def test_what_it_says():
    matter, body = card_of(
        [make("a"), make("b", language="ja", ability="reasoning"), make("c", pictures=0, source="", provenance=Provenance())],
        name="Street scenes", format="llava", files=("out/data.json",), refused={"leak: source_word": 7},
        left_out={"its picture's file is missing": 2}, dollars=1.239, calls=1200, unpriced=3, boxes="unit", seed=7, version="0.1.0",
    )  # fmt: skip
    assert matter == {
        "pretty_name": "Street scenes",
        "language": ["en", "ja"],
        "license": "cc-by-2.0",
        "task_categories": ["image-text-to-text", "visual-question-answering"],
        "size_categories": ["n<1K"],
        "tags": ["instruction-tuning", "synthetic", "syphus"],
    }
    for line in (
        "# Street scenes",
        "3 dialogues with 3 questions and answers, in the format `llava`, written by syphus 0.1.0. Files: `data.json`.",
        "| coco | 2 |",
        "| not said | 1 |",
        "| llava/detail | 3 |",
        "| perception | 2 |",
        "| reasoning | 1 |",
        "| ja | 1 |",
        "| 1 picture | 2 |",
        "| text alone | 1 |",
        "| gpt-6-luna | 2 |",
        "| llava/detail | b2:abc | 2 |",
        "| leak: source_word | 7 |",
        "| length: short | 3 |",
        "| its picture's file is missing | 2 |",
        "The run, whole: 1,200 calls, $1.24. The price of 3 calls is not known.",
        "convention `unit`. Seed: 7.",
    ):
        assert line in body, line


def test_what_a_format_leaves_out_is_not_counted(tmp_path):
    tally = CardTally()
    dialogues = [make("a"), make("b", pictures=2, language="de"), make("a", language="fr"), make("c")]
    options = ExportOptions(keep_aside=tally.leave_out)
    written = llava.write(tally.count(dialogues), tmp_path / "d.json", options)
    facts = tally.take(left_out=written.left_out)
    assert written.written == facts.dialogues == 2
    assert facts.languages == {"en": 2}
    assert facts.media == {"1 picture": 2}
    assert sum(facts.left_out.values()) == 2


@pytest.mark.parametrize(
    ("licenses", "wanted"),
    [
        ([BY], {"license": "cc-by-2.0"}),
        ([BY, "CC BY 2.0"], {"license": "cc-by-2.0"}),
        (["https://creativecommons.org/licenses/by-nc-sa/4.0/deed.de"], {"license": "cc-by-nc-sa-4.0"}),
        (["https://creativecommons.org/publicdomain/zero/1.0/"], {"license": "cc0-1.0"}),
        (["MIT"], {"license": "mit"}),
        ([BY, "MIT"], {"license": "other", "license_name": "several", "license_link": "LICENSE"}),
        (["Flickr terms"], {"license": "other", "license_name": "several", "license_link": "LICENSE"}),
        ([BY, None], {"license": "other", "license_name": "several", "license_link": "LICENSE"}),
        ([None], {}),
    ],
)
def test_licences(licenses, wanted):
    matter, body = card_of([make(str(number), license_=one) for number, one in enumerate(licenses)])
    assert {key: value for key, value in matter.items() if key.startswith("license")} == wanted
    assert ("do not say what licence" in body) == (None in licenses)


@pytest.mark.parametrize(
    ("count", "size"), [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (999_999, "100K<n<1M"), (10_000_000, "n>10M")]
)
def test_sizes_as_the_hub_calls_them(count, size):
    text = render_card(CardFacts(dialogues=count))
    assert yaml.safe_load(text.split("---\n")[1])["size_categories"] == [size]


def test_data_files_are_named_for_the_hub():
    facts = CardFacts(
        format="parquet", files=("/data/out/train-00000-of-00002.parquet", "train-00001-of-00002.parquet")
    )
    matter = yaml.safe_load(render_card(facts).split("---\n")[1])
    assert matter["configs"][0]["data_files"] == ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("/home/me/models/tiny.gguf", "tiny.gguf"),
        ("C:\\Users\\me\\tiny.gguf", "tiny.gguf"),
        ("~/models/tiny.gguf", "tiny.gguf"),
        ("see /srv/data/coco/ there", "see [a folder] there"),
        ("sk-abcdefgh12345678", "[a key]"),
        ("hf_abcdefghijkl", "[a key]"),
        ("Bearer abc.def", "[a key]"),
    ],
)
def test_no_key_and_no_absolute_path(secret, shown):
    text = render_card(
        CardFacts(
            name=secret, models={secret: 1}, sources={secret: 1}, refused={secret: 1}, left_out={secret: 2},
            remarks={secret: 1}, licenses={secret: 1}, prompts={(secret, secret): 1}, notes=(secret,), files=(secret,),
        )
    )  # fmt: skip
    assert secret not in text.replace("`[a key]`", "")
    assert shown in text
    assert "/home" not in text


@pytest.mark.parametrize(
    "harmless", ["https://example.org/a/b", "llava/conversation", "and/or", "openai/gpt-6-luna", "3/4/5"]
)
def test_what_is_no_path_stays(harmless):
    assert harmless in render_card(CardFacts(sources={harmless: 1}))


@given(st.dictionaries(st.text(max_size=20), st.integers(1, 9), max_size=3), st.text(max_size=20))
def test_any_names_make_a_card_whose_front_matter_is_yaml(counts, name):
    text = render_card(CardFacts(name=name, sources=counts, languages=counts, models=counts, licenses=counts))
    matter = yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))
    assert isinstance(matter["pretty_name"], str)
    for line in text.split("\n---\n", 1)[1].splitlines():
        assert not line.startswith("| ") or line.replace("\\|", "").count("|") in (3, 4)


def test_where_it_is_written(tmp_path):
    assert write_card(CardFacts(name="x"), tmp_path / "train.parquet").name == "train.card.md"
    assert write_card(CardFacts(name="x"), tmp_path) == tmp_path / "README.md"
    assert (tmp_path / "README.md").read_text() == render_card(CardFacts(name="x"))
