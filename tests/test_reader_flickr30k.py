"""The Flickr30k Entities reader: real sentences, with boxes written by hand in the form of its Annotations."""

import pytest
from picture_readers import DATA, messages, read, real, write, write_png

from syphus.annotations.pictures import flickr30k_entities
from syphus.annotations.pictures.flickr30k_entities_phrases import (
    Phrase,
    choose_label,
    choose_label_of_one,
    find_phrases,
    render,
    untokenize,
)
from syphus.errors import InputError
from syphus.references.text import find_references, has_broken_reference, plain_text

SIZE = "<size><width>500</width><height>375</height><depth>3</depth></size>"
SENTENCES = (
    "[/EN#8/people Two young guys] with [/EN#9/bodyparts shaggy hair] look at [/EN#8/people their hands] , [/EN#0/notvisual it] .\n"
    "[/EN#8/people Two men] in [/EN#7/clothing/other green shirts] are standing in [/EN#5/scene a yard] .\n"
)


def entry(*chains, box=None, more=""):
    names = "".join(f"<name>{chain}</name>" for chain in chains)
    corners = "".join(
        f"<{tag}>{value}</{tag}>" for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), box or (), strict=False)
    )
    return f"<object>{names}{f'<bndbox>{corners}</bndbox>' if box else ''}{more}</object>"


def xml(*entries):
    return f"<annotation><filename>1.jpg</filename>{SIZE}{''.join(entries)}</annotation>"


def one(tmp_path, *entries, sentences=SENTENCES):
    write(tmp_path, Sentences___1__txt=sentences, Annotations___1__xml=xml(*entries))
    (scene,), problems = read(flickr30k_entities, folder=tmp_path)
    return scene, problems


def test_phrases_become_references_to_the_boxes_of_their_chain(tmp_path):
    scene, problems = one(
        tmp_path,
        entry(8, box=(1, 1, 100, 375)),
        entry(8, box=(200, 1, 500, 375)),
        entry(9, 7, box=(5, 5, 60, 60)),
        entry(5, more="<scene>1</scene><nobox>0</nobox>"),
    )
    assert problems == []
    assert [caption.text for caption in scene.captions] == [
        "[Two young guys](#o1,#o2) with [shaggy hair](#o3) look at [their hands](#o1,#o2), it.",
        "[Two men](#o1,#o2) in [green shirts](#o3) are standing in a yard.",
    ]
    found = [(thing.label, thing.box, thing.source_id) for thing in scene.objects]
    assert found == [
        ("one of two young guys", (0, 0, 100, 375), "8"),
        ("one of two young guys", (199, 0, 500, 375), "8"),
        ("shaggy hair", (4, 4, 60, 60), "9,7"),
    ]
    assert scene.metadata["types"] == {"o1": ["people"], "o2": ["people"], "o3": ["bodyparts", "clothing", "other"]}
    assert scene.metadata["other_names"] == {"o3": ["green shirts"]}
    assert not any(has_broken_reference(caption.text) for caption in scene.captions)


@real
def test_the_real_sentences(tmp_path):
    folder = DATA / "vqa_fixtures/flickr30k"
    scenes, problems = read(flickr30k_entities, folder=folder, ids=folder / "test.txt")
    assert [scene.id for scene in scenes] == ["6338542128", "4945942737", "1", "2", "3"]
    assert messages(problems) == ["there is no Annotations/: phrases stay without boxes"]
    assert scenes[0].captions[1].text == (
        "An offensive player running with a football while a football player tries to stop him during a football game."
    )
    assert all(len(scene.captions) == 5 for scene in scenes)
    write(tmp_path, Annotations___1__xml=xml(entry(221796, box=(1, 1, 9, 9)), entry(221797, box=(1, 5, 9, 9))))
    write(tmp_path, Sentences___1__txt=(folder / "sentences/1.txt").read_text())
    (scene,), problems = read(flickr30k_entities, folder=tmp_path)
    assert ([thing.label for thing in scene.objects], problems) == (["girl", "black dress"], [])
    for caption in scene.captions:
        assert next(one.ids for one in find_references(caption.text)) == ("o1",)
    assert plain_text(scene.captions[1].text) == "A woman in black, seen from behind, sits next to a body of water."


@pytest.mark.parametrize(
    ("sentence", "text", "torn"),
    [
        ("[/EN#1/people A man] waits .", "[A man](#o1) waits.", False),
        ("[/EN#2/people A man] waits .", "A man waits.", False),
        ("[/EN#1/people A man waits .", "A man waits.", True),
        ("A man] waits .", "A man waits.", True),
        ("[/EN#1/people ] waits", "waits", False),
        ("[/EN#1 A man] waits", "[A man](#o1) waits", False),
        ("", "", False),
    ],
)
def test_marks(sentence, text, torn):
    assert render(sentence, lambda chain: ("o1",) if chain == "1" else ()) == (text, torn)


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("a dog 's ball , and a cat .", "a dog's ball, and a cat."),
        ("`` hello '' it says", '"hello" it says'),
        ("do n't !", "don't!"),
        ("# 8 at 3.5 % of a . b", "# 8 at 3.5% of a. b"),
    ],
)
def test_tokens_are_put_together_as_people_write(tokens, text):
    assert untokenize(tokens) == text


@pytest.mark.parametrize(
    ("phrases", "label"),
    [
        (["A girl", "A woman", "A girl"], "girl"),
        (["black", "a black dress"], "black dress"),
        (["a ledge", "concrete"], "ledge"),
        (["The"], "The"),
        (["Iowa State", "iowa state", "Iowa State"], "Iowa State"),
    ],
)
def test_the_label_is_what_most_annotators_said(phrases, label):
    assert choose_label([Phrase("1", (), phrase, False) for phrase in phrases]) == label


@pytest.mark.parametrize(
    ("phrases", "label"),
    [(["Two young guys", "two men"], "one of Two young guys"), (["the crowd", "a crowd"], "part of crowd")],
)
def test_one_of_several_boxes_is_not_called_what_they_are_together(phrases, label):
    assert choose_label_of_one([Phrase("1", (), phrase, False) for phrase in phrases]) == label


def test_a_capital_at_the_beginning_of_a_sentence_is_no_name():
    assert choose_label(list(find_phrases("[/EN#1/people Two men] wait"))) == "two men"
    assert choose_label(list(find_phrases("[/EN#1/people Iowa State players] wait"))) == "Iowa State players"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (entry(44, box=(1, 1, 9, 9)), "no caption names its chain 44; it is left out"),
        (entry(0, box=(1, 1, 9, 9)), "no caption names its chain 0; it is left out"),
        (entry(8, 44, box=(1, 1, 9, 9)), "no caption names its chain 44; the others are used"),
        (entry(8), "it has neither box nor `nobox` nor `scene`"),
        (entry(8, box=("x", 1, 9, 9)), "its box has no number xmin"),
        (entry(8, box=(9, 1, 5, 9)), "the wrong way round; it is left out"),
        (entry(8, box=(9, 1, 900, 9)), "it is clipped"),
    ],
)
def test_what_is_wrong_with_a_box_is_said(tmp_path, text, said):
    scene, problems = one(tmp_path, text)
    assert len(problems) == 1
    assert said in problems[0].message
    assert len(scene.objects) == ("left out" not in said and "neither" not in said and "xmin" not in said)
    assert len(scene.captions) == 2


def test_files_that_are_missing_or_torn_cost_no_more_than_themselves(tmp_path):
    write(tmp_path, Sentences___1__txt=SENTENCES, Sentences___2__txt=SENTENCES, Annotations___1__xml="<annot")
    (tmp_path / "Sentences/3.txt").write_bytes(b"caf\xe9")
    write_png(tmp_path / "pictures/2.jpg", 30, 20)
    scenes, problems = read(flickr30k_entities, folder=tmp_path, images=tmp_path / "pictures")
    assert [(scene.id, scene.assets[0].width) for scene in scenes] == [("1", None), ("2", 30)]
    assert len(problems) == 3
    with pytest.raises(InputError, match="has no Sentences/"):
        read(flickr30k_entities, folder=tmp_path / "pictures")
    (tmp_path / "ids.txt").write_text("../../secret\n")
    with pytest.raises(InputError, match="is no picture's name"):
        read(flickr30k_entities, folder=tmp_path, ids=tmp_path / "ids.txt")
