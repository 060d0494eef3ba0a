"""The VIST reader: a real record where it is, and albums written by hand in exactly the files' form."""

import json
import os
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syphus.annotations.several import vist
from syphus.errors import InputError
from syphus.records import Scene

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not (DATA / "transcribed").is_dir(), reason=f"the real annotation files are not in {DATA}")


def photo(id_, **more):
    url = f"https://farm1.staticflickr.com/1/{id_}_o.jpg"
    return {
        "id": id_,
        "album_id": "44",
        "title": "",
        "tags": "",
        "datetaken": "2005-06-01 12:00:00",
        "url_o": url,
        **more,
    }


def sentence(original, photo_id, story="1", order=0, **more):
    """A sentence of a story, in the envelope of the files: a list of one."""
    record = {
        "original_text": original,
        "album_id": "44",
        "photo_flickr_id": photo_id,
        "setting": "first-2-pick-and-tell",
        "worker_id": "W1",
        "story_id": story,
        "tier": "story-in-sequence",
        "worker_arranged_photo_order": order,
        "text": original.lower(),
        "storylet_id": "227650",
    }
    return [{key: value for key, value in {**record, **more}.items() if value is not ...}]


ALBUM = {"id": "44", "title": "Craft fair", "description": "Once a  year.", "vist_label": "fair", "photos": "20"}
PHOTOS = [photo("11", title="The big tent", tags="fair tent", license="4"), photo("12", title="DSC_0042"), photo("13")]
STORIES = [
    sentence("They sell pots.", "12", "5", 1),  # a story's sentences may stand in any order
    sentence("Ann came to the fair.", "11", "5", 0, text="[female] came to the fair ."),
    sentence("The tent was big.", "11", "6", 0),
    sentence("Pots everywhere.", "12", "6", 1),
    sentence("Only pots.", "12", "9", 0),
    sentence("Then the tent.", "11", "9", 1),
]


def document(annotations, *, images=PHOTOS, albums=(ALBUM,)):
    return {"images": list(images), "albums": list(albums), "annotations": annotations, "type": "sis", "info": {}}


def read(path, content=None, **options):
    """The scenes, which must decode as scenes again, and the problems."""
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    problems = []
    scenes = list(vist.read(vist.Options(path=path, **options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


@real
def test_a_real_record():
    (scene,), problems = read(DATA / "transcribed/vist_sis_partial.json")
    assert scene.id == "44277_45530"
    assert [asset.path for asset in scene.assets] == ["1741642.jpg"]
    assert scene.captions[0].text == "The local parish holds a craft show each year."
    assert scene.prose[-1] == "Story 1: The local parish holds a craft show each year."
    assert scene.metadata["settings"] == ["first-2-pick-and-tell"]
    assert problems == []


def test_stories_of_one_sequence_make_one_scene(tmp_path):
    scenes, problems = read(tmp_path / "x.json", document(STORIES))
    assert [scene.id for scene in scenes] == ["44_5", "44_9"]
    first, other = scenes
    assert [(asset.id, asset.path, asset.title) for asset in first.assets] == [
        ("photo1", "11.jpg", "the first picture"),
        ("photo2", "12.jpg", "the second picture"),
    ]
    assert first.assets[0].license == "CC BY 2.0"
    assert first.assets[0].url == "https://farm1.staticflickr.com/1/11_o.jpg"
    assert [(caption.asset, caption.text) for caption in first.captions] == [
        ("photo1", "Ann came to the fair."),
        ("photo1", "The tent was big."),
        ("photo2", "They sell pots."),
        ("photo2", "Pots everywhere."),
    ]
    assert first.prose == (
        "Album: Craft fair",
        "About the album: Once a year.",
        "The first picture: called “The big tent”; tagged fair, tent",
        "Story 1: Ann came to the fair. They sell pots.",
        "Story 2: The tent was big. Pots everywhere.",
    )
    assert first.metadata == {
        "album_id": "44",
        "photo_ids": ["11", "12"],
        "stories": ["5", "6"],
        "settings": ["first-2-pick-and-tell"] * 2,
        "vist_label": "fair",
        "titles": ["The big tent", "DSC_0042"],
        "dates": ["2005-06-01 12:00:00"] * 2,
    }
    assert [asset.path for asset in other.assets] == ["12.jpg", "11.jpg"]
    assert problems == []


def test_the_text_with_placeholders(tmp_path):
    (first, _), _ = read(tmp_path / "x.json", document(STORIES), text="text")
    assert first.captions[0].text == "[female] came to the fair ."
    (one,), _ = read(tmp_path / "y.json", document([sentence("A.", "11", text=...)]), text="text")
    assert one.captions[0].text == "A."


def test_descriptions_in_isolation(tmp_path):
    descriptions = [
        sentence("A tent.", "11", story=..., worker_arranged_photo_order=..., photo_order_in_story=2),
        sentence("A dog.", "13", story=...),
    ]
    for annotation in descriptions:
        annotation[0] = {key: value for key, value in annotation[0].items() if key != "story_id"}
    (tmp_path / "dii.json").write_text(json.dumps(document(descriptions)))
    scenes, problems = read(tmp_path / "x.json", document(STORIES), descriptions=tmp_path / "dii.json")
    assert [caption.text for caption in scenes[0].captions if caption.asset == "photo1"] == [
        "A tent.",
        "Ann came to the fair.",
        "The tent was big.",
    ]
    (problem,) = problems
    assert (problem.place, problem.lost) == ("annotations[1]", True)
    assert "13, which no story uses" in problem.message
    with pytest.raises(InputError, match=r"holds descriptions, and no story\n.*`descriptions`"):
        read(tmp_path / "dii.json")
    with pytest.raises(InputError, match="holds stories"):
        read(tmp_path / "x.json", descriptions=tmp_path / "x.json")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://x/1_o.PNG", "11.png"),
        ("https://x/1_o.gif?x=1", "11.gif"),
        ("https://x/1_o.exe", "11.jpg"),
        ("http://[::bad/1.png", "11.jpg"),
        (None, "11.jpg"),
    ],
)
def test_the_suffix_of_a_picture(tmp_path, url, path):
    (scene,), problems = read(tmp_path / "x.json", document([sentence("A.", "11")], images=[photo("11", url_o=url)]))
    assert (scene.assets[0].path, problems) == (path, [])


@pytest.mark.parametrize(
    ("annotation", "place", "says", "lost"),
    [
        (sentence(" ", "11", text=""), "annotations[0]", "the sentence is empty", True),
        (sentence("A.", None), "annotations[0]", "got `null`", True),
        (sentence("A.", ...), "annotations[0]", "missing required field", True),
        (7, "annotations[0]", "Expected", True),
        (sentence("A.", "../11"), "annotations[0]", "leads out", True),
        (sentence("A.", "99"), "images", "1 photographs of stories are not listed: 99", False),
        (sentence("A.", "11", album_id="45"), "albums", "1 albums of stories are not listed: 45", False),
        (sentence("A.", "11", "8", ...), "annotations[0]", "no `worker_arranged_photo_order`", False),
        (sentence("A.", "11", "8", "x"), "annotations[0]", "no `worker_arranged_photo_order`", False),
        (sentence("A.", "11", "5", 0), "annotations[0]", "two sentences have the same", False),
    ],
)
def test_a_bad_sentence_costs_itself(tmp_path, annotation, place, says, lost):
    scenes, problems = read(tmp_path / "x.json", document([annotation, *STORIES]))
    problem = problems[-1]
    assert (problem.place, problem.lost) == (place, lost)
    assert says in problem.message
    assert "Pots everywhere." in {caption.text for scene in scenes for caption in scene.captions}


def test_records_given_twice(tmp_path):
    content = document(
        STORIES, images=[*PHOTOS, photo("11", title="x"), PHOTOS[1]], albums=[ALBUM, {"id": 44}, {"title": "x"}]
    )
    _, problems = read(tmp_path / "x.json", content)
    assert [problem.place for problem in problems] == ["images[3]", "albums[1]", "albums[2]"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"[]", "is a list: a VIST file is an object"),
        (b"{}", "has no `annotations`; its keys: none"),
        (b'{"images": [], "annotations": []}', 'COCO file\n.*"coco"'),
        (
            b'{"images": [], "albums": [], "annotations": [{"image_id": 1}]}',
            "no sentences about photographs; their keys: 'image_id'",
        ),
        (b'{"segGroups": []}', 'ScanNet aggregation\n.*"scannet"'),
        (b'{"images": [], "albums": [], "annotations": [[{"photo', "the end is missing"),
        (b'{"images": {}, "albums": [], "annotations": []}', "`images` is an object, not a list"),
    ],
)
def test_what_is_no_such_file(tmp_path, content, says):
    with pytest.raises(InputError, match=says) as caught:
        read(tmp_path / "x.json", content)
    assert str(caught.value).startswith(str(tmp_path / "x.json"))


_sentences = st.builds(
    sentence,
    st.sampled_from(["A.", "B.", "", " "]),
    st.sampled_from(["11", "12", "13", "77", "../8"]),
    st.sampled_from(["1", "2", "3"]),
    st.sampled_from([0, 1, 2, "1", ...]),
    album_id=st.sampled_from(["44", "45"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None)
@given(annotations=st.lists(_sentences, max_size=9))
def test_no_sentence_is_lost_in_silence(tmp_path, annotations):
    scenes, problems = read(tmp_path / "x.json", document(annotations))
    lost = Counter(problem.place for problem in problems if problem.lost)
    assert sum(len(scene.captions) for scene in scenes) + sum(lost.values()) == len(annotations)
    for scene in scenes:
        stories = [text for text in scene.prose if text.startswith("Story ")]
        assert len(stories) == len(scene.metadata["stories"])
        words = Counter(word for text in stories for word in text.partition(": ")[2].split())
        assert words == Counter(caption.text for caption in scene.captions)
