"""Configurations: keys, paths, flags, sources and overrides, each mistake with its place."""

import json
import os
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec
import pytest
from folders import CHAIN, CHAIN_FILES, write_category

from syphus.annotations import scenes as scenes_reader
from syphus.annotations.pictures import coco
from syphus.categories.category import REPAIRS
from syphus.cli.runs.assemble import library_of, open_categories, open_sources, read_scenes
from syphus.cli.runs.keep import keep_run
from syphus.cli.runs.sending import endpoint_tables
from syphus.config import load_config
from syphus.errors import InputError
from syphus.ledger.ledger import open_ledger

TOML = """
categories = ["mine/test"]

[run]
folder = "runs/one"

[[sources]]
reader = "scenes"
path = "data/scenes.jsonl"
images = "data/pictures"

[model]
kind = "local"
"""
TEMPLATES = """
ability = "perception"
[[steps]]
kind = "template"
name = "a"
text = "{{scene.caption}}"
[dialogue]
user = "What?"
assistant = "{{a.text}}"
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project folder with a category; commands are typed elsewhere."""
    folder = tmp_path / "project"
    write_category(folder)
    write_category(folder, "mine/chain", toml=CHAIN, files=CHAIN_FILES)
    write_category(folder, "mine/templates", toml=TEMPLATES)
    (tmp_path / "typed").mkdir()
    monkeypatch.chdir(tmp_path / "typed")
    return folder


def load(project, text=TOML, **flags):
    file = project / "run.toml"
    file.write_text(text, encoding="utf-8")
    return load_config(file, {key.replace("__", "."): value for key, value in flags.items()})


def change(old, new, text=TOML):
    assert text.count(old) == 1
    return text.replace(old, new)


def categories(project, text, **flags):
    return open_categories(load(project, text, **flags), project / "run.toml")


def sources(project, text=TOML, **flags):
    return open_sources(load(project, text, **flags), project / "run.toml")


# --- mistakes


@pytest.mark.parametrize(
    ("text", "place", "message", "mend"),
    [
        (TOML + "\n[", "", "is no TOML: ", ""),
        ("a = " + "[" * 5000, "", "is no TOML: ", ""),
        (TOML + "timeot = 3", "model", "unknown key `timeot`", "Did you mean `timeout`?"),
        (TOML + "[modle]", "", "unknown key `modle`", "Did you mean `model`?"),
        (change('"runs/one"', '"x"\nseeed = 3'), "run", "unknown key `seeed`", "Did you mean `seed`?"),
        (change('"runs/one"', '"x"\nseed = "3"'), "run.seed", "Expected `int`, got `str`", ""),
        (change('"runs/one"', '"x"\nlimit = 0'), "run.limit", "Expected `int` >= 1", ""),
        (change('folder = "runs/one"', ""), "run", "missing required field `folder`", ""),
        (change('"local"', '"lokal"'), "model.kind", "Invalid enum value 'lokal'", "Did you mean `local`?"),
        (change('"local"', '"openai"'), "model", "an endpoint needs a model's name", ""),
        (change('"local"', '"local"\ntimeout = 0'), "model.timeout", "Expected `float` > 0", ""),
        (change('["mine/test"]', '"mine/test"'), "categories", "Expected `array`, got `str`", ""),
        (change('["mine/test"]', "[]"), "categories", "there is no category", "categories = "),
        (change("[[sources]]", "[sources]"), "sources", "Expected `array`, got `object`", ""),
        (TOML + '[[export]]\nformat = "llava"\npath = "x"\nbox = "unit"', "export[0]", "unknown key `box`", "Did you mean `boxes`?"),
    ],
)  # fmt: skip
def test_mistakes_in_the_file(project, text, place, message, mend):
    with pytest.raises(InputError) as caught:
        load(project, text)
    assert caught.value.file == str(project / "run.toml")
    assert caught.value.place == place
    assert message in caught.value.message
    assert mend in caught.value.mend
    assert bool(mend) == bool(caught.value.mend)


def test_no_source_and_no_file(project, tmp_path):
    text = 'categories = ["a/b"]\nsources = []\n[run]\nfolder = "x"\n[model]\nkind = "none"'
    with pytest.raises(InputError, match=r"run.toml, \[\[sources\]\]: there is no source\n  Name at least one"):
        load(project, text)
    with pytest.raises(InputError, match=r"none\.toml: cannot be read: No such file"):
        load_config(tmp_path / "none.toml", {})


@pytest.mark.parametrize(
    ("table", "place", "message", "mend"),
    [
        ('reader = "coco"\ncapitons = "x"', "sources[0]", "unknown key `capitons`", "Did you mean `captions`?"),
        ('reader = "scenes"\npath = "x"\nsplit = "y"', "sources[0]", "unknown key `split`", "Known: path, images."),
        ('reader = "scenes"', "sources[0]", "missing required field `path`", ""),
        ('reader = "scenes"\npath = 3', "sources[0].path", "Expected `Path`, got `int`", ""),
        ('reader = "cocoa"', "sources[0].reader", "there is no reader 'cocoa'", "Readers: activitynet, "),
        ('path = "x"', "sources[0]", "a source needs a reader", 'reader = "coco"'),
        ('reader = "scenes"\npath = "x"\nname = 3', "sources[0].name", "a source's name is a text", 'name = "3"'),
        ('reader = "scenes"\npath = "x"\nname = "a"\n[[sources]]\nreader = "coco"\nname = "a"', "sources[1].name", "two sources are called 'a'", ""),
        ('reader = "scenes"\npath = "x"\nname = "coco2"\n[[sources]]\nreader = "coco"', "sources[1].name", "two sources are called 'coco2'", ""),
    ],
)  # fmt: skip
def test_mistakes_in_sources(project, table, place, message, mend):
    text = change('reader = "scenes"\npath = "data/scenes.jsonl"\nimages = "data/pictures"', table)
    with pytest.raises(InputError) as caught:
        sources(project, text)
    error = caught.value
    assert (error.file, error.place) == (str(project / "run.toml"), place)
    assert error.mend.startswith(mend) if mend.startswith("Readers: ") else error.mend == mend
    assert message in error.message


@pytest.mark.parametrize(
    ("text", "place", "message", "mend"),
    [
        ('[overrides."mine/tset"]\nsamples = 2', "overrides.mine/tset", "there is no category 'mine/tset'", "Did you mean `mine/test`?"),
        ('[overrides."zzz"]\nsamples = 2', "overrides.zzz", "there is no category 'zzz'", "Categories: "),
        ("[overrides.all]\nsample = 2", "overrides.all", "unknown key `sample`", "Did you mean `samples`?"),
        ("[overrides.local]\nsamples = 0", "overrides.local.samples", "Expected `int` >= 1", ""),
        ('[overrides."mine/chain"]\nsample = 2', "overrides.mine/chain", "unknown key `sample`", "Did you mean `samples`?"),
        ('[overrides."mine/test"]\npairs = [3, 2]', "overrides.mine/test", "pairs are [at least, at most]", ""),
        ('[overrides."mine/test"]\npairs = [3]', "overrides.mine/test.pairs", "Expected `array` of length 2", ""),
        ('[overrides."mine/test"]\nrepairs = 9', "overrides.mine/test.repairs", "<= 5", ""),
    ],
)  # fmt: skip
def test_mistakes_in_overrides(project, text, place, message, mend):
    with pytest.raises(InputError) as caught:
        categories(project, TOML + text)
    error = caught.value
    assert (error.file, error.place) == (str(project / "run.toml"), place)
    assert message in error.message
    assert mend in error.mend
    assert bool(mend) == bool(error.mend)


def test_categories_that_ask_need_a_model(project):
    with pytest.raises(InputError, match=r"run.toml, model.kind: mine/test need a model\n  Set \[model\] kind"):
        categories(project, change("local", "none"))
    assert [
        one.name for one in categories(project, change("local", "none", TOML.replace("mine/test", "mine/templates")))
    ] == ["mine/templates"]


# --- paths and flags


def test_paths_in_the_file_are_relative_to_the_file(project):
    config = load(project, change('"local"', '"local"\npath = "m.gguf"'))
    assert Path(config.run.folder) == project / "runs" / "one"
    assert Path(config.model.path) == project / "m.gguf"
    (source,) = sources(project)
    assert source.options == scenes_reader.Options(
        path=project / "data" / "scenes.jsonl", images=project / "data" / "pictures"
    )
    absolute = sources(project, change("data/pictures", "/pictures"))
    assert absolute[0].options.images == Path("/pictures")


def test_a_tilde_is_the_home_folder(project, monkeypatch):
    monkeypatch.setenv("HOME", str(project / "home"))
    assert Path(load(project, change("runs/one", "~/r")).run.folder) == project / "home" / "r"
    assert sources(project, change("data/pictures", "~/p"))[0].options.images == project / "home" / "p"
    assert sources(project, sources__images="~/q")[0].options.images == project / "home" / "q"


@pytest.mark.parametrize("exists", [False, True])
def test_paths_in_flags_are_relative_to_where_they_are_typed(project, exists):
    typed = Path.cwd()
    if exists:
        (typed / "pictures").mkdir()
    (source,) = sources(project, sources__images="pictures")
    assert source.options.images == typed / "pictures"
    assert source.options.path == project / "data" / "scenes.jsonl"


COCO = change(
    'reader = "scenes"\npath = "data/scenes.jsonl"\nimages = "data/pictures"', 'reader = "coco"\nfolder = "c"'
)


@pytest.mark.parametrize("value", ["val2017", "odd/split"])
def test_a_flag_that_is_no_path_stays_as_it_is_whatever_lies_about(project, value):
    Path.cwd().joinpath("val2017").mkdir()
    (source,) = sources(project, COCO, sources__split=value)
    assert source.options == coco.Options(folder=project / "c", split=value)


def test_a_flag_for_the_sources_goes_to_every_source(project):
    both = COCO + '[[sources]]\nreader = "coco"\nname = "b"\nsplit = "train"'
    found = sources(project, both, sources__split="x", sources__folder="/data")
    assert [(one.name, one.options) for one in found] == [
        ("coco1", coco.Options(folder=Path("/data"), split="x")),
        ("b", coco.Options(folder=Path("/data"), split="x")),
    ]
    with pytest.raises(InputError, match=r"sources\[0\]: unknown key `splt`\n  Did you mean `split`"):
        sources(project, both, sources__splt="x")


@pytest.mark.parametrize(
    ("flags", "path", "value"),
    [
        ({"run__seed": 9}, ("run", "seed"), 9),
        ({"run__limit": 5}, ("run", "limit"), 5),
        ({"model__timeout": 60}, ("model", "timeout"), 60.0),
        ({"model__kind": "openai", "model__name": "m"}, ("model", "name"), "m"),
        ({"run__folder": "elsewhere"}, ("run", "folder"), "elsewhere"),
        ({"categories": ["mine/chain"]}, ("categories",), ("mine/chain",)),
        ({"overrides__all__samples": 2}, ("overrides",), {"all": {"samples": 2}}),
    ],
)
def test_flags_go_before_the_file(project, flags, path, value):
    found = load(project, change('"runs/one"', '"x"\nseed = 3\nlimit = 7'), **flags)
    for name in path:
        found = getattr(found, name)
    assert found == value


def test_a_flag_that_fits_nowhere(project):
    with pytest.raises(InputError, match=r"run.toml, model: unknown key `timeot`\n  Did you mean `timeout`"):
        load(project, model__timeot=60)
    with pytest.raises(InputError, match=r"run\.folder\.x cannot be set: folder is no table"):
        load(project, run__folder__x=1)
    with pytest.raises(InputError, match=r"run\.toml, model\.timeout: Expected `float`, got `str`"):
        load(project, model__timeout="soon")


def test_a_resolved_configuration_can_be_written(project):
    config = load(project, sources__images="p", run__seed=4)
    assert msgspec.json.decode(msgspec.json.encode(config))["run"]["seed"] == 4


# --- sources


def write_scenes(folder, name, *ids):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("".join(json.dumps({"id": one, "source": "?"}) + "\n" for one in ids) + "broken\n")


TWO = change('path = "data/scenes.jsonl"', 'name = "first"\npath = "data/a.jsonl"') .replace(
    "[model]", '[[sources]]\nreader = "scenes"\npath = "data/b.jsonl"\n[model]'
)  # fmt: skip


@pytest.mark.parametrize(
    ("limit", "wanted", "problems"),
    [
        (None, ["first/a1", "scenes2/a1", "first/a2", "first/a3"], ["scenes2", "first"]),
        (1, ["first/a1"], []),
        (2, ["first/a1", "scenes2/a1"], []),
        (3, ["first/a1", "scenes2/a1", "first/a2"], []),
        (9, ["first/a1", "scenes2/a1", "first/a2", "first/a3"], ["scenes2", "first"]),
    ],
)
def test_sources_take_turns(project, limit, wanted, problems):
    write_scenes(project / "data", "a.jsonl", "a1", "a2", "a3")
    write_scenes(project / "data", "b.jsonl", "a1")
    told = []
    found = read_scenes(sources(project, TWO), lambda name, problem: told.append(name), limit)
    assert [f"{one.source}/{one.id}" for one in found] == wanted
    assert told == problems


def test_picture_folders_are_told_from_the_run(project):
    run = project / "runs" / "one"
    with open_ledger(run, create=True) as ledger:
        keep_run(ledger, run, load(project, TWO), project / "run.toml", sources(project, TWO), [])
        folders = ledger.meta("pictures", dict[str, str], {})
    assert folders == {"first": "../../data/pictures"}
    assert os.path.normpath(project / "runs" / "one" / folders["first"]) == str(project / "data" / "pictures")


# --- categories


def test_overrides_are_laid_over_one_another(project):
    text = TOML.replace('["mine/test"]', '["mine/*"]') + (
        "[overrides.all]\nsamples = 2\nmax_tokens = 99\ntemperature = 0.9\n"
        "[overrides.local]\nmax_tokens = 50\nrepairs = 0\ncontext_tokens = 80\n"
        '[overrides."mine/test"]\nsamples = 3\npairs = [2, 2]\n'
    )
    found = {one.name: one for one in categories(project, text)}
    assert list(found) == ["mine/chain", "mine/templates", "mine/test"]
    test, chain = found["mine/test"], found["mine/chain"]
    assert [one.samples for one in found.values()] == [2, 2, 3]
    assert {step.max_tokens for one in found.values() for step in one.chat_steps} == {50}
    assert {step.temperature for one in found.values() for step in one.chat_steps} == {0.9}
    assert test.chat_steps[0].pairs == (2, 2)
    assert [step.pairs for step in chain.chat_steps] == [None, None]
    assert {one.repairs for one in found.values()} == {0}
    assert (test.file.context.max_tokens, test.own_context.max_tokens) == (80, 1500)
    plain = {one.name: one for one in categories(project, TOML.replace('["mine/test"]', '["mine/*"]'))}
    assert {name: one.fingerprint for name, one in plain.items()} == {
        name: one.fingerprint for name, one in found.items()
    }
    remote = change('"local"', '"openai"\nname = "m"', text)
    assert {one.repairs for one in categories(project, remote)} == {REPAIRS}
    assert {step.max_tokens for one in categories(project, remote) for step in one.chat_steps} == {99}


def test_overrides_of_categories_that_are_left_out_are_no_mistake(project):
    text = TOML + '[overrides."mine/chain"]\nsamples = 2\n[overrides."pairs/caption"]\nsamples = 2\n'
    assert [(one.name, one.samples) for one in categories(project, text)] == [("mine/test", 1)]


def test_seeds_are_looked_for_beside_the_file_and_above_it(project):
    assert library_of(project / "run.toml").seeds[0] == project / "seeds"
    assert library_of(project / "configs" / "run.toml").seeds[0] == project / "seeds"
    assert "pairs/caption" in library_of(project / "run.toml").category_names()


def test_endpoints_take_over_what_they_do_not_say(project):
    text = TOML.replace(
        'kind = "local"',
        """kind = "openai"
name = "m"
tokens_per_minute = 1000
price_in = 1.0
price_out = 2.0
endpoints = [
  {base_url = "http://localhost:1/v1"},
  {key_variable = "OTHER_KEY", requests_per_minute = 60, name = "m-deployed", price_in = 3.0},
]""",
    )
    first, second = endpoint_tables(load(project, text).model)
    assert (first.base_url, first.name, first.key_variable, first.requests_per_minute) == (
        "http://localhost:1/v1", "m", "OPENAI_API_KEY", None,
    )  # fmt: skip
    assert (second.base_url, second.name, second.key_variable, second.requests_per_minute) == (
        None, "m-deployed", "OTHER_KEY", 60,
    )  # fmt: skip
    assert (first.tokens_per_minute, second.tokens_per_minute, second.price_in, second.price_out) == (
        1000,
        1000,
        3.0,
        2.0,
    )


def test_the_configurations_that_come_with_syphus(root):
    for file in sorted((root / "configs").glob("*.toml")):
        config = load_config(file, {})
        assert open_sources(config, file)
        names = [one.name for one in open_categories(config, file)]
        assert all(any(fnmatchcase(name, one) for name in names) for one in config.categories)
