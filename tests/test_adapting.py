"""What every source can be asked for beside its reader's options: clips, speech, names, pairs."""

import json
from collections import Counter
from pathlib import Path

import pytest

from syphus.categories.needs import lacking
from syphus.categories.prompt import CategoryPrompts
from syphus.cli.runs.assemble import open_categories, open_sources, read_scenes
from syphus.cli.runs.keep import _source_table
from syphus.config import load_config
from syphus.errors import InputError
from syphus.jobs.balance import choose
from syphus.jobs.items import make_items

TOML = """
categories = ["pairs/caption"]
[run]
folder = "run"
[[sources]]
reader = "scenes"
path = "scenes.jsonl"
{}
[model]
kind = "none"
"""
FILM = {
    "id": "film",
    "assets": [{"id": "video", "kind": "video", "path": "film.mp4", "duration": 120}],
    "segments": [
        {"start": 5, "end": 9, "text": "Monica opens the door."},
        {"start": 100, "end": 110, "text": "She sits down."},
    ],
}


def sources(folder: Path, more: str, *scenes: dict):
    (folder / "scenes.jsonl").write_text("".join(json.dumps(one) + "\n" for one in scenes))
    (folder / "run.toml").write_text(TOML.format(more))
    config = load_config(folder / "run.toml", {})
    return open_sources(config, folder / "run.toml")


def read(folder, more, *scenes):
    problems = []
    found = list(read_scenes(sources(folder, more, *scenes), lambda _, one: problems.append(str(one)), None))
    return found, problems


def test_a_long_video_becomes_clips_with_times_of_their_own(tmp_path):
    found, _ = read(tmp_path, "window = 50\noverlap = 10", FILM)
    assert [(clip.assets[0].start, clip.assets[0].duration) for clip in found] == [(0, 50), (80, 40)]
    assert [clip.segments[0].start for clip in found] == [5, 20]


def test_speech_and_names_join_what_happens_before_it_is_cut(tmp_path):
    (tmp_path / "subs").mkdir()
    (tmp_path / "subs" / "film.srt").write_text("1\n00:01:41,000 --> 00:01:43,000\nIs Ross here?\n")
    (tmp_path / "names.txt").write_text("Monica = the woman in the apron\nRoss\n")
    found, problems = read(tmp_path, 'subtitles = "subs"\nnames = "names.txt"\nwindow = 60', FILM)
    assert not problems
    said = [segment for segment in found[1].segments if segment.columns.get("subtitle")]
    assert [(one.start, one.columns["subtitle"]) for one in said] == [(41, "Is Ross here?")]
    assert [(person.name, person.looks) for person in found[0].people] == [
        ("Monica", "the woman in the apron"),
        ("Ross", ""),
    ]


def test_pictures_become_pairs_of_similar_ones(tmp_path):
    scenes = [
        {"id": f"p{n}", "assets": [{"path": f"{n}.jpg"}], "captions": [{"text": text}]}
        for n, text in enumerate(
            [
                "a brown horse on a green field",
                "two boats in the harbour",
                "a white horse on a field",
                "boats in a harbour",
            ]
        )
    ]
    found, _ = read(tmp_path, 'partner = "words"', *scenes)
    assert {frozenset(one.id.split("+")) for one in found} == {frozenset({"p0", "p2"}), frozenset({"p1", "p3"})}
    assert all(len(one.assets) == 2 for one in found)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('partner = "clip"', "there is no embedding 'clip'"),
        ("window = 0", "window"),
        ("window = 20\noverlap = 30", "overlap"),
        ('names = "nowhere.txt"', "nowhere.txt"),
        ("windw = 3", "unknown key `windw`"),
    ],
)
def test_what_cannot_be_is_told(tmp_path, more, says):
    with pytest.raises(InputError) as caught:
        read(tmp_path, more, FILM)
    assert says in str(caught.value)


def test_a_run_keeps_how_its_sources_were_adapted(tmp_path):
    (one,) = sources(tmp_path, 'window = 50\nsubtitles = "subs"', FILM)
    table = _source_table(one, tmp_path / "run")
    assert table["window"] == 50
    assert table["subtitles"] == "../subs"


def test_a_source_may_be_for_some_categories_alone(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": "one", "captions": [{"text": "A dog."}]}))
    file = tmp_path / "run.toml"
    file.write_text(
        'categories = ["pairs/caption", "llava/*"]\n[run]\nfolder = "run"\n'
        '[[sources]]\nreader = "scenes"\nname = "free"\npath = "a.jsonl"\n'
        '[[sources]]\nreader = "scenes"\nname = "tied"\npath = "a.jsonl"\ncategories = ["pairs/*"]\n'
        '[model]\nkind = "local"\n'
    )
    config = load_config(file, {})
    found, categories = open_sources(config, file), open_categories(config, file)
    scenes = read_scenes(found, print, None)
    items = {item.id for item in make_items(scenes, [CategoryPrompts(one) for one in categories])}
    assert items == {
        "free/one/pairs/caption", "tied/one/pairs/caption",
        "free/one/llava/conversation", "free/one/llava/detail", "free/one/llava/reasoning",
    }  # fmt: skip
    assert _source_table(found[1], tmp_path / "run")["categories"] == ["pairs/*"]
    file.write_text(file.read_text().replace('["pairs/*"]', '["pears/*"]'))
    with pytest.raises(InputError, match=r"no category is like 'pears/\*'"):
        open_categories(load_config(file, {}), file)


def test_the_configuration_of_all_sources_is_whole():
    root = Path(__file__).parents[1]
    file = root / "configs" / "mimic-it.toml"
    config = load_config(file, {})
    problems = []
    scenes = list(read_scenes(open_sources(config, file), lambda _, one: problems.append(str(one)), None))
    assert {scene.source for scene in scenes} == {
        "pictures", "changes", "alike", "rooms", "events", "albums", "television", "firstperson",
    }  # fmt: skip
    assert len(problems) == 2, problems
    items = list(make_items(scenes, [CategoryPrompts(one) for one in open_categories(config, file)]))
    fitting = [item for item in items if not lacking(item.scene, item.prompts.category.file.needs)]
    assert len(fitting) == len(items), "each source has what the categories need that are made of it"
    kept = [item for item in items if choose(items, config.balance, 7)(item)]
    abilities = Counter()
    for item in kept:
        abilities[item.prompts.category.file.ability] += item.prompts.category.expected_pairs
    total = sum(abilities.values())
    for ability, share in config.balance.abilities.items():
        assert abs(abilities[ability] / total - share) < 0.1, abilities
