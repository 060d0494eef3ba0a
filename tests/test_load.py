"""Loading categories: every mistake in a folder is named, and the fingerprint follows what is asked and nothing else."""

import json

import pytest
from folders import CHAIN, CHAIN_FILES, CHAIN_REPLIES, PAIRS, REPLY, SCENE, demonstration, make_category, write_category

from syphus.categories.load import Library, builtin_folder, load_categories, load_category
from syphus.errors import InputError

TEMPLATE = """
ability = "perception"

[[steps]]
kind = "template"
name = "caption"
text = "{{scene.caption}}"

[[steps]]
kind = "template"
name = "ask"
choose = [
  { of = "caption", max_words = 5, text = "{{lists.short}}" },
  { text = "{{lists.long:2}}" },
]

[dialogue]
user = "{{ask.text}}"
assistant = "{{caption.text}}"
"""
LISTS = {
    "lists/short.txt": "Briefly?\nIn short?\n",
    "lists/long.txt": "# notes\n\nTell all.\nTell all.\nWhat is there?\n",
}


def test_a_category_has_its_texts_lists_and_demonstrations(tmp_path):
    category = make_category(
        tmp_path,
        files={
            "system.md": "\ufeffRules: {{prompts/mine}}\n\n",
            "query.md": "{{pairs.min}}",
            "lists/a.txt": "# no\n b \n\nc\nb\n",
            "templates.txt": "t",
        },
        demonstrations=[demonstration(REPLY), demonstration(replies={"talk": REPLY}, id="other")],
        prompts={"mine.md": " be kind \n"},
    )
    assert category.name == "mine/test"
    assert category.texts["system.md"] == "Rules: be kind"
    assert category.lists == {"a": ("b", "c"), "templates": ("t",)}
    assert [one.scene.id for one in category.demonstrations] == ["demo", "other"]
    assert [one.replies for one in category.demonstrations] == [{"talk": REPLY}] * 2
    assert [one.file for one in category.demonstrations] == ["0.json", "1.json"]
    assert category.own_context == category.file.context
    assert category.samples == 1


def change(old, new, text=PAIRS):
    assert text.count(old) == 1
    return text.replace(old, new)


PAIR = {"question": "Q?", "answer": "A."}


@pytest.mark.parametrize(
    ("what", "file", "place", "message", "mend"),
    [
        # category.toml
        ({"toml": "ability = [\n"}, "category.toml", "", "is no TOML: Invalid value (at end of document)", ""),
        ({"toml": "ability = 'x'\nability = 'y'"}, "category.toml", "", "is no TOML: Cannot overwrite a value", ""),
        ({"toml": change("ability", "abilty")}, "category.toml", "", "unknown key `abilty`", "Did you mean `ability`"),
        ({"toml": change("perception", "percept")}, "category.toml", "ability", "Invalid enum value", "Did you mean `perception`"),
        ({"toml": change("[1, 3]", "[1, 3]\npars = 3")}, "category.toml", "steps[0]", "unknown key `pars`", "Did you mean `pairs`"),
        ({"toml": change("chat", "chatt")}, "category.toml", "steps[0].kind", "Invalid value 'chatt'", "Did you mean `chat`"),
        ({"toml": change("talk", "Talk!", PAIRS.partition("[dialogue]")[0])}, "category.toml", "steps[0].name", "Expected `str`", ""),
        ({"toml": change("[1, 3]", "[3, 1]")}, "category.toml", "steps[0]", "step talk: pairs are", ""),
        ({"toml": change("[1, 3]", "[0, 3]")}, "category.toml", "steps[0].pairs[0]", ">= 1", ""),
        ({"toml": change("pairs = [1, 3]\n", "")}, "category.toml", "steps[0]", "step talk: give either `pairs`", ""),
        ({"toml": PAIRS.replace('"talk"', '"scene"')}, "category.toml", "", "cannot be called 'scene'", ""),
        ({"toml": PAIRS + '[context]\nblocks = ["capitons"]'}, "category.toml", "context.blocks[0]", "Invalid enum", "Did you mean `captions`"),
        ({"toml": PAIRS + "[context.objects]\nboxs = 'x'"}, "category.toml", "context.objects", "unknown key", "Did you mean `boxes`"),
        ({"toml": PAIRS + "[context.objects]\nboxes = 'x'"}, "category.toml", "context.objects.boxes", "no box convention 'x'", "Or `none`"),
        ({"toml": PAIRS + "[context.keypoints]\nboxes = 'x'"}, "category.toml", "context.keypoints.boxes", "no box convention 'x'", "unit"),
        ({"toml": PAIRS + "[checks]\nanswer_word = [1, 2]"}, "category.toml", "checks", "unknown key", "Did you mean `answer_words`"),
        # [dialogue]
        ({"toml": change('pairs = "talk"', 'pairs = "tlak"')}, "category.toml", "", "there is no chat step 'tlak' that replies with pairs", ""),
        ({"toml": change('pairs = "write"', "", CHAIN + 'pairs = "write"').replace("{{write.answer}}", "{{plan.ide}}"), "files": CHAIN_FILES},
         "category.toml", "", "[dialogue] has no {{plan.ide}}", "Did you mean {{plan.idea}}"),
        ({"toml": CHAIN.replace("{{write.answer}}", "{{scene.caption}}"), "files": CHAIN_FILES}, "category.toml", "", "has no {{scene.caption}}", "It may use: style.text"),
        ({"toml": CHAIN.partition("[dialogue]")[0] + '[dialogue]\npairs = "write"', "files": CHAIN_FILES}, "category.toml", "", "no chat step 'write' that replies with pairs", ""),
        ({"toml": change('pairs = "talk"', 'pairs = "talk"\nuser = "x"')}, "category.toml", "dialogue", "give either `pairs", ""),
        ({"toml": change('pairs = "talk"', 'user = "{{talk.pairs}}"\nassistant = "x"')}, "category.toml", "", "[dialogue] has no", "nothing"),
        ({"toml": change('pairs = "talk"', 'user = "x"')}, "category.toml", "dialogue", "give either `pairs", ""),
        # texts
        ({"files": {"system.md": "{{prompts/nope}}"}}, "system.md", "", "there is no shared prompt 'nope'", "prompts/answering-rules"),
        ({"files": {"query.md": "Look: {{scene.captoin}}"}}, "query.md", "", "step `talk` has no {{scene.captoin}}", "Did you mean {{scene.caption}}"),
        ({"files": {"query.md": "{{}}"}}, "query.md", "", "has no {{}} to put in", "It may use: "),
        ({"files": {"system.md": "{{scene.caption}}"}}, "system.md", "", "has no {{scene.caption}}", "It may use: pairs"),
        ({"files": {"query.md": "{{talk.pairs}}"}}, "query.md", "", "has no {{talk.pairs}}", "It may use: "),
        ({"files": {"system.md": None}}, "", "", "step `talk` has neither system.md nor query.md", ""),
        ({"toml": change("[1, 3]", '[1, 3]\nsystem = "sytem.md"')}, "category.toml", "", "step `talk`: there is no file sytem.md", "There are: system.md"),
        ({"files": {"system.md": b"caf\xe9"}}, "system.md", "line 1", "is not utf-8", "iconv"),
        ({"toml": CHAIN, "files": {**CHAIN_FILES, "plan.md": "{{pairs.min}}"}}, "plan.md", "", "has no {{pairs.min}}", "nothing"),
        ({"toml": CHAIN, "files": {**CHAIN_FILES, "plan-query.md": "{{write.answer}}"}}, "plan-query.md", "", "step `plan` has no {{write.answer}}", "It may use: "),
        ({"toml": CHAIN, "files": {**CHAIN_FILES, "query.md": "{{plan.other}}"}}, "query.md", "", "step `write` has no {{plan.other}}", "plan.focus"),
        ({"toml": TEMPLATE.replace("{{scene.caption}}", "{{ask.text}}"), "files": LISTS}, "category.toml", "", "step `caption` has no {{ask.text}}", "It may use: "),
        # lists
        ({"files": {"lists/a.txt": "# nothing\n\n"}}, "lists/a.txt", "", "holds no line to draw", "One text a line"),
        ({"files": {"query.md": "{{lists.a:x}}", "lists/a.txt": "b"}}, "query.md", "", "{{lists.a:x}} cannot be drawn", "a number from 1 to 1"),
        ({"files": {"query.md": "{{lists.a:2}}", "lists/a.txt": "b"}}, "query.md", "", "{{lists.a:2}} cannot be drawn", "a number from 1 to 1"),
        ({"files": {"query.md": "{{lists.a:0}}", "lists/a.txt": "b"}}, "query.md", "", "cannot be drawn", "a number from 1 to 1"),
        ({"files": {"query.md": "{{lists.a:}}", "lists/a.txt": "b"}}, "query.md", "", "cannot be drawn", "a number from 1 to 1"),
        ({"files": {"query.md": "{{scene.caption:2}}"}}, "query.md", "", "cannot be drawn", "only lists are drawn from"),
        ({"files": {"query.md": "{{lists.b}}", "lists/a.txt": "b"}}, "query.md", "", "has no {{lists.b}}", "Did you mean {{lists.a}}"),
        # choices
        ({"toml": TEMPLATE.replace('of = "caption"', 'of = "captoin"'), "files": LISTS}, "category.toml", "", "words of `captoin`, which is no earlier step", "caption"),
        ({"toml": TEMPLATE.replace('of = "caption", ', ""), "files": LISTS}, "category.toml", "steps[1].choose[0]", "says in `of`", ""),
        ({"toml": TEMPLATE.replace("{ text", '{ of = "caption", min_words = 6, text'), "files": LISTS}, "category.toml", "steps[1]", "the last of `choose`", ""),
        ({"toml": TEMPLATE.replace('name = "ask"', 'name = "ask"\ntext = "x"'), "files": LISTS}, "category.toml", "steps[1]", "give either `text` or `choose`", ""),
        ({"toml": TEMPLATE.replace('"ask"', '"caption"'), "files": LISTS}, "category.toml", "", "no two of the same name", ""),
        # demonstrations
        ({"demonstrations": [{"reply": REPLY}]}, "demonstrations/0.json", "line 1", "missing required field `scene`", ""),
        ({"demonstrations": [{"scene": SCENE, "rely": REPLY}]}, "demonstrations/0.json", "line 10", "unknown key `rely`", "Did you mean `reply`"),
        ({"demonstrations": [demonstration(REPLY, objects=[{"id": "o"}])]}, "demonstrations/0.json", "line 10, $.scene.objects[0]", "missing required field `label`", ""),
        ({"demonstrations": [demonstration()]}, "demonstrations/0.json", "$.replies", "has replies for no step, but the chat steps are ['talk']", '"replies"'),
        ({"demonstrations": [demonstration(replies={"tlak": REPLY})]}, "demonstrations/0.json", "$.replies", "has replies for ['tlak']", '"replies"'),
        ({"demonstrations": [demonstration(REPLY, replies={"talk": REPLY})]}, "demonstrations/0.json", "$.reply", "has both", '"replies"'),
        ({"demonstrations": [demonstration(REPLY)], "toml": CHAIN, "files": CHAIN_FILES}, "demonstrations/0.json", "$.reply", "has a `reply`, but the chat steps are ['plan', 'write']", '"replies"'),
        ({"demonstrations": [demonstration(REPLY)], "toml": TEMPLATE, "files": LISTS}, "demonstrations/0.json", "$.reply", "the chat steps are []", "leave it out"),
        ({"demonstrations": [demonstration({"pairs": [{"question": "Q?"}]})]}, "demonstrations/0.json", "$.reply.pairs[0]", "missing required field `answer`", ""),
        ({"demonstrations": [demonstration({"pairs": [{**PAIR, "anwser": "x"}]})]}, "demonstrations/0.json", "$.reply.pairs[0]", "unknown key `anwser`", "Did you mean `answer`"),
        ({"demonstrations": [demonstration({"pairs": [{**PAIR, "answer": 3}]})]}, "demonstrations/0.json", "$.reply.pairs[0].answer", "Expected `str`", ""),
        ({"demonstrations": [demonstration({"pair": [PAIR]})]}, "demonstrations/0.json", "$.reply", "unknown key `pair`", "Did you mean `pairs`"),
        ({"demonstrations": [demonstration(replies={**CHAIN_REPLIES, "plan": {"focus": "x"}})], "toml": CHAIN, "files": CHAIN_FILES},
         "demonstrations/0.json", "$.replies.plan", "has the fields ['focus'], but step `plan` gives ['focus', 'idea']", ""),
        ({"demonstrations": [demonstration(REPLY, assets=[{}], objects=[{"id": "o", "label": "x", "box": [0, 0, 1, 1]}])], "toml": PAIRS + '[context]\nblocks = ["objects"]'},
         "demonstrations/0.json", "$.scene", "width and height are not known", "Add width and height"),
        # shared prompts
        ({"prompts": {"repair.md": "{{fault}}"}}, "repair.md", "", "there is no {{fault}} to put in", "faults, wanted"),
        ({"prompts": {"reply-format.md": "{{from}}"}}, "reply-format.md", "", "there is no {{from}} to put in", "form"),
    ],
)  # fmt: skip
def test_every_mistake_is_named_with_its_file_place_and_mend(tmp_path, what, file, place, message, mend):
    what = {**what, "files": dict(what.get("files", {}))}
    raw = {name: what["files"].pop(name) for name, text in list(what["files"].items()) if isinstance(text, bytes)}
    folder = write_category(tmp_path, **what)
    for name, data in raw.items():
        (folder / name).write_bytes(data)
    with pytest.raises(InputError) as caught:
        load_category("mine/test", Library.at(tmp_path))
    error = caught.value
    root = tmp_path / "prompts" if "prompts" in what else folder
    assert error.file == str(root / file if file else root)
    assert error.place == place
    assert message in error.message
    assert mend in error.mend
    assert bool(mend) == bool(error.mend)


def test_a_demonstration_that_is_torn_has_its_line(tmp_path):
    folder = write_category(tmp_path, demonstrations=[demonstration(REPLY)])
    path = folder / "demonstrations" / "0.json"
    path.write_text(path.read_text()[:-20])
    with pytest.raises(InputError, match=r"0\.json, line 1\d, column \d+: is no JSON[\s\S]*it was cut"):
        load_category("mine/test", Library.at(tmp_path))


def test_one_pair_exactly(tmp_path):
    category = make_category(
        tmp_path,
        toml=change("[1, 3]", "[1, 1]"),
        files={"query.md": "{{pairs}}"},
        demonstrations=[demonstration(REPLY)],
    )
    assert category.chat_steps[0].pairs == (1, 1)
    schema = category.chat_steps[0].schema(category.file.checks)
    assert (schema["properties"]["pairs"]["minItems"], schema["properties"]["pairs"]["maxItems"]) == (1, 1)


# --- finding


def test_categories_that_come_with_syphus_all_load():
    library = Library.at()
    names = library.category_names()
    assert {"pairs/caption", "grounded/referring"} <= set(names)
    assert [one.name for one in load_categories(names, library)] == names


def test_an_unknown_category_names_those_that_there_are(tmp_path):
    write_category(tmp_path)
    with pytest.raises(
        InputError, match=r"there is no category 'mine/tset'\n  Categories: .*mine/test.*`syphus new mine/tset`"
    ):
        load_category("mine/tset", Library.at(tmp_path))
    with pytest.raises(InputError, match=r"there is no category in 'none/\*'\n  Categories: .*mine/test"):
        load_categories(["none/*"], Library.at(tmp_path))


def test_a_family_is_named_by_a_star_and_nothing_is_loaded_twice(tmp_path):
    for name in ("mine/b", "mine/a", "mines/c"):
        write_category(tmp_path, name)
    found = load_categories(["mine/b", "mine/*", "mine/b"], Library.at(tmp_path))
    assert [one.name for one in found] == ["mine/b", "mine/a"]


def test_the_nearest_project_wins(tmp_path):
    near, far = tmp_path / "near", tmp_path / "far"
    write_category(
        far, files={"system.md": "far {{prompts/a}} {{prompts/b}}"}, prompts={"a.md": "far-a", "b.md": "far-b"}
    )
    write_category(far, "mine/only", files={"system.md": "only"})
    write_category(near, files={"system.md": "near {{prompts/a}} {{prompts/b}}"}, prompts={"a.md": "near-a"})
    write_category(near, "pairs/caption", files={"system.md": "own"})
    library = Library.at(near, far)
    assert load_category("mine/test", library).texts["system.md"] == "near near-a far-b"
    assert load_category("mine/only", library).texts["system.md"] == "only"
    assert load_category("pairs/caption", library).texts["system.md"] == "own"
    assert "system.md" not in load_category("pairs/caption", Library.at(far)).texts
    names = library.category_names()
    assert len(names) == len(set(names))
    assert names == sorted(names)
    assert {"mine/test", "mine/only", "pairs/caption"} <= set(names)


def test_a_shared_prompt_of_ones_own_goes_before_that_of_syphus(tmp_path):
    files = {"system.md": "{{prompts/answering-rules}}"}
    write_category(tmp_path, files=files)
    before = load_category("mine/test", Library.at(tmp_path))
    assert (
        before.texts["system.md"]
        == (builtin_folder() / "prompts" / "answering-rules.md").read_text(encoding="utf-8").strip()
    )
    after = make_category(tmp_path, files=files, prompts={"answering-rules.md": "Be brief."})
    assert after.texts["system.md"] == "Be brief."
    assert after.fingerprint != before.fingerprint


# --- the fingerprint

BASE = {
    "toml": PAIRS + '[context]\nblocks = ["captions"]\n',
    "files": {
        "system.md": "Speak. {{prompts/mine}}",
        "query.md": "{{lists.used}} {{templates}}",
        "lists/used.txt": "a\nb\n",
        "lists/unused.txt": "x\n",
        "templates.txt": "t\nu\n",
        "README.md": "For people.",
    },
    "demonstrations": [demonstration(REPLY)],
    "prompts": {
        "mine.md": "Be kind.",
        "other.md": "Not used.",
        "reply-format.md": "So: {{form}}",
        "repair.md": "Mend {{faults}} {{wanted}}",
    },
}


def with_file(name, text, part="files"):
    return {**BASE, part: {**BASE[part], name: text}}


CHANGES = {
    "the system message": with_file("system.md", "Speak! {{prompts/mine}}"),
    "the query": with_file("query.md", "{{lists.used}} {{templates}}!"),
    "a list that is drawn from": with_file("lists/used.txt", "a\nb\nc\n"),
    "the templates": with_file("templates.txt", "t\n"),
    "a shared prompt": with_file("mine.md", "Be kinder.", "prompts"),
    "the form of the reply": with_file("reply-format.md", "Thus: {{form}}", "prompts"),
    "the repair": with_file("repair.md", "Mend it. {{faults}} {{wanted}}", "prompts"),
    "a demonstration's scene": {**BASE, "demonstrations": [demonstration(REPLY, captions=[{"text": "Another dog."}])]},
    "a demonstration's reply": {**BASE, "demonstrations": [demonstration({"pairs": [{**PAIR, "answer": "B."}]})]},
    "one demonstration more": {**BASE, "demonstrations": [*BASE["demonstrations"], demonstration(REPLY, id="b")]},
    "the number of pairs": {**BASE, "toml": BASE["toml"].replace("[1, 3]", "[1, 4]")},
    "the context": {**BASE, "toml": BASE["toml"].replace('["captions"]', '["captions", "objects"]')},
    "the checks": {**BASE, "toml": BASE["toml"] + "[checks]\nanswer_words = [1, 9]\n"},
    "the ability": {**BASE, "toml": BASE["toml"].replace("perception", "planning")},
}
NO_CHANGES = {
    "a description": {**BASE, "toml": 'description = "For people"\n' + BASE["toml"]},
    "a remark": {**BASE, "toml": "# remark\n" + BASE["toml"]},
    "a note in a demonstration": {**BASE, "demonstrations": [{**demonstration(REPLY), "note": "by me"}]},
    "the long form of a reply": {**BASE, "demonstrations": [demonstration(replies={"talk": REPLY})]},
    "a list that is not drawn from": with_file("lists/unused.txt", "y\n"),
    "remarks in a list": with_file("lists/used.txt", "# remark\n\na\nb\n"),
    "a text that no step names": with_file("README.md", "For other people."),
    "a prompt that is not used": with_file("other.md", "Still not used.", "prompts"),
    "white space around a text": with_file("system.md", "\nSpeak. {{prompts/mine}}\n\n"),
}  # fmt: skip


def fingerprint_of(folder, what, name="mine/test"):
    return make_category(folder, name, **what).fingerprint


@pytest.mark.parametrize("what", CHANGES)
def test_the_fingerprint_changes_with(tmp_path, what):
    assert fingerprint_of(tmp_path / "a", BASE) != fingerprint_of(tmp_path / "b", CHANGES[what])


@pytest.mark.parametrize("what", NO_CHANGES)
def test_the_fingerprint_does_not_change_with(tmp_path, what):
    assert fingerprint_of(tmp_path / "a", BASE) == fingerprint_of(tmp_path / "b", NO_CHANGES[what], "other/name")


def test_the_names_of_demonstrations_are_nothing_but_their_order(tmp_path):
    two = [demonstration(REPLY), demonstration(REPLY, id="b")]
    folder = write_category(tmp_path, demonstrations=two)
    before = load_category("mine/test", Library.at(tmp_path)).fingerprint
    (folder / "demonstrations" / "1.json").rename(folder / "demonstrations" / "9.json")
    assert load_category("mine/test", Library.at(tmp_path)).fingerprint == before
    (folder / "demonstrations" / "0.json").rename(folder / "demonstrations" / "a.json")
    assert load_category("mine/test", Library.at(tmp_path)).fingerprint != before


def test_a_category_of_templates_does_not_hang_on_the_prompts_for_models(tmp_path):
    what = {"toml": TEMPLATE, "files": LISTS}
    before = fingerprint_of(tmp_path / "a", what)
    assert before == fingerprint_of(tmp_path / "b", {**what, "prompts": BASE["prompts"]})
    assert before != fingerprint_of(tmp_path / "c", {**what, "files": {**LISTS, "lists/long.txt": "Tell all.\nAll?\n"}})
    assert before != fingerprint_of(
        tmp_path / "d", {**what, "toml": TEMPLATE.replace("max_words = 5", "max_words = 6")}
    )


def test_what_is_on_disk_afterwards_is_nothing_to_a_loaded_category(tmp_path):
    folder = write_category(tmp_path, demonstrations=[demonstration(REPLY)])
    category = load_category("mine/test", Library.at(tmp_path))
    (folder / "system.md").write_text("changed")
    assert category.texts["system.md"] == "You talk about pictures."
    assert json.dumps(category.demonstrations[0].replies) == json.dumps({"talk": REPLY})
