# ruff: noqa: RUF001 (curly signs are what is looked at)
"""Every short way gives what the long way gives: each is held against the plain statement of what it must find."""

import json
import re
from difflib import SequenceMatcher

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from syphus.categories.blocks import Context
from syphus.categories.context import estimate_tokens, render_context
from syphus.categories.exact import exact_reader
from syphus.categories.fitting import Fitter
from syphus.categories.lines import one_line
from syphus.categories.reply import ReadReply, _read, read_reply
from syphus.quality import checks
from syphus.quality.pairs import Pair, Rules
from syphus.quality.repeats import compile_echoes, count_words, find_repetition
from syphus.quality.vocabulary import _ASCII_TOKEN, all_harmless, content_stems, split_words, stems_of, word_stems
from syphus.quality.wordings import LEAKS, REFUSALS, find_wordings, fold_text
from syphus.records import Caption, Scene
from syphus.references.boxes import CONVENTIONS, Convention, box_writer, render_box

PIECES = (
    *("the", "dog", "Dogs", "a", "is", "on", "grass", "rock'n'roll", "it's", "woman's", "o1", "12", "x1,y1", "sss", "ai", "I", "i'm"),
    *("caption", "described", "provided", "information", "Sorry,", "please", "lorem", "ipsum", "your question", "answer", "a" * 30),
    *("_", "'", "’", "“", '"', ":", "###", "<image>", "[the dog](#o1)", "(#", "{{x}}", "`", ".", "?", " ", "  ", "\n", "\t", "é", "狗", "K"),
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).flatmap(
    lambda parts: st.sampled_from((" ", "", ". ")).map(lambda join: join.join(parts))
)
WORDS = st.lists(st.sampled_from(["a", "b", "c", "no", "ha", "dog", "cat", "7", "x" * 30]), max_size=60)


def text_schema(**bounds: object) -> dict:
    return {"type": "string", **bounds}


def object_schema(**fields: dict) -> dict:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


PAIR = object_schema(question=text_schema(minLength=1), answer=text_schema(minLength=1, maxLength=12))
PAIRS = object_schema(pairs={"type": "array", "items": PAIR, "minItems": 1, "maxItems": 3})
SCHEMAS = (
    PAIRS,
    object_schema(text=text_schema(minLength=1)),
    object_schema(focus=text_schema(maxLength=3), **{"class": text_schema()}),
    object_schema(names={"type": "array", "items": text_schema(minLength=2)}),
    object_schema(list={"type": "array", "items": object_schema(of={"type": "array", "items": PAIR})}, more=PAIR),
)
STRINGS = st.sampled_from(
    [
        *(
            "",
            " ",
            "x",
            "long enough",
            "a much longer text than that",
            " x",
            "x\n",
            "a\nb",
            "\x00",
            "\x1b[1mb",
            "\u2028",
        ),
        *("\ud800", "😀😀😀", "😀" * 12, "😀" * 13, "é\u0301", "\x85", "\ufeffx", "\x7f"),
    ]
)


def values_of(schema: dict) -> st.SearchStrategy:
    """Values that fit a schema, or nearly."""
    if schema["type"] == "string":
        return st.one_of(STRINGS, STRINGS, STRINGS, STRINGS, st.sampled_from([None, 1, 2.5, True, [], {}]))
    if schema["type"] == "array":
        return st.lists(values_of(schema["items"]), max_size=4)
    fields = {name: values_of(field) for name, field in schema["properties"].items()}
    whole = st.fixed_dictionaries(fields)
    return st.one_of(whole, whole, whole, st.fixed_dictionaries(fields, optional={"extra": STRINGS}))


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict, str]:
    """A schema, and a reply to it that is right or nearly right."""
    schema = draw(st.sampled_from(SCHEMAS))
    around = draw(st.sampled_from(["", "", "", " \n", "```", "\ufeff", "\u00a0"]))
    value, plain = draw(values_of(schema)), draw(st.booleans())
    return schema, around + json.dumps(value, ensure_ascii=plain, indent=draw(st.sampled_from([None, 1]))) + around


DOUBLE = '{"pairs": [{"question": "a", "question": "b", "answer": "c"}], "pairs": [{"answer": "f", "question": "e"}]}'


@given(cases())
@settings(max_examples=300)
@example((PAIRS, DOUBLE))
@example((PAIRS, '{"pairs": [{"question": "\\ud800", "answer": "c"}]}'))
def test_a_reply_read_in_one_step_is_read_as_the_long_way_reads_it(case: tuple[dict, str]) -> None:
    schema, text = case
    exact = exact_reader(schema)(text)
    long = _read(text, Fitter(schema), cut=False)
    if exact is not None:
        assert long == ReadReply(exact, "json")
        assert json.dumps(exact) == json.dumps(long.value)  # the same order of fields
    else:
        # What falls through is what the long way has something to say of, or mends in silence.
        strict = long.how == "json" and not long.faults
        assert not strict or json.loads(text) != long.value
    assert read_reply(text, schema) == long


def test_a_right_reply_takes_one_step() -> None:
    text = json.dumps({"pairs": [{"answer": "Two\nlines.", "question": "What?"}]})
    assert exact_reader(PAIRS)(text) == {"pairs": [{"question": "What?", "answer": "Two\nlines."}]}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"type": "object", "properties": {"text": {"type": "string"}}},
        object_schema(text={"type": ["string", "null"]}),
        object_schema(text=text_schema(pattern="^a")),
        object_schema(text=text_schema(enum=["a"])),
        object_schema(text=text_schema(minLength=1.0)),
        object_schema(number={"type": "integer"}),
        {**object_schema(text=text_schema()), "additionalProperties": {"type": "string"}},
        object_schema(**{"two words": text_schema()}),
    ],
    ids=str,
)
def test_a_schema_with_other_rules_is_for_the_long_way(schema: dict) -> None:
    assert exact_reader(schema)('{"text": "a", "number": 1, "two words": "a"}') is None


@pytest.mark.parametrize(
    "wording",
    {one.pattern: one for one in (*LEAKS, *REFUSALS) if one.marks}.values(),
    ids=lambda one: one.needle,
)
def test_no_wording_matches_a_text_of_harmless_words(wording) -> None:
    same = tuple(one for one in (*LEAKS, *REFUSALS) if one.pattern is wording.pattern)
    # No digits: any word with one is looked at, which would hide a mark that is missing.
    signs = st.characters(max_codepoint=126, exclude_categories=["Nd", "Lu"])

    @given(st.from_regex(wording.pattern, fullmatch=True, alphabet=signs))
    @settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None, database=None)
    def harmless_means_no_match(text: str) -> None:
        folded = fold_text(text)
        if find_wordings(folded, same, answer=True):
            assert not all_harmless(frozenset(split_words(folded)))

    harmless_means_no_match()


@given(TEXTS)
@settings(max_examples=300)
def test_harmless_texts_hold_no_wording(text: str) -> None:
    folded = fold_text(text)
    if folded.isascii() and all_harmless(frozenset(split_words(folded))):
        assert not find_wordings(folded, (*LEAKS, *REFUSALS), answer=True)
        assert not re.search(r"\d|lorem", folded)


@given(TEXTS, TEXTS)
@settings(max_examples=300)
def test_what_is_not_checked_of_quiet_pairs_finds_nothing(question: str, answer: str) -> None:
    scene = Scene(id="s", captions=(Caption(text="A dog lies on the grass beside a woman."),))
    rules = Rules()
    pairs, known = [Pair(question, answer)], frozenset({"o1"})
    short = checks.check_pairs(pairs, rules, scene=scene, known=known, demonstrations=())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "_choose_checks", lambda *_: (tuple(checks.CHECKS.items()),) * 2)
        patch.setattr(checks, "all_harmless", lambda _: False)
        assert checks.check_pairs(pairs, rules, scene=scene, known=known, demonstrations=()) == short


@given(TEXTS)
@settings(max_examples=300)
def test_words_and_stems_are_those_of_the_plain_patterns(text: str) -> None:
    folded = fold_text(text)
    words = split_words(text)
    assert words == split_words(folded)
    if text.isascii():
        assert words == _ASCII_TOKEN.findall(folded)
        assert word_stems(frozenset(words)) == content_stems(text)
        assert count_words(text) == len(text.split())
    assert stems_of(text) == content_stems(text)


@given(WORDS)
@settings(max_examples=400)
@example(["no"] * 4)
@example(["a", "b"] * 4)
@example(["dog"] + ["no"] * 3)
def test_repetitions_are_found_as_by_looking_everywhere(words: list[str]) -> None:
    text = " ".join(words)
    found = find_repetition(text, words, frozenset(words), short=False)
    loops = any(
        words[at : at + size] * 4 == words[at : at + 4 * size] and (size > 1 or not words[at].isdigit())
        for size in range(1, 13)
        for at in range(len(words))
    )
    if loops or "x" * 30 in words:
        assert found
    elif not any(word.isdigit() for word in words):
        assert not found


@given(st.lists(st.sampled_from(["it is so", "a dog ran home", "here"]), min_size=1, max_size=12))
def test_repeated_sentences_are_found(sentences: list[str]) -> None:
    text = ". ".join(sentences)
    found = find_repetition(text, split_words(text), frozenset(split_words(text)), short=True)
    if max(map(sentences.count, ("it is so", "a dog ran home"))) >= 3:
        assert found


ANSWERS = st.lists(st.sampled_from("the a dog sits lies grass on under big red brown tree".split()), max_size=20)


@given(st.lists(ANSWERS, max_size=4), ANSWERS, st.data())
@settings(max_examples=300)
def test_echoes_are_found_as_by_comparing_with_each(
    shown: list[list[str]], words: list[str], data: st.DataObject
) -> None:
    if shown and data.draw(st.booleans()):
        words = list(data.draw(st.sampled_from(shown)))
        for _ in range(data.draw(st.integers(0, 3))):
            words.insert(data.draw(st.integers(0, len(words))), "new")
    found = compile_echoes(tuple(map(" ".join, shown))).find(words, frozenset(words))

    def is_near(one: list[str]) -> bool:
        if one == words:
            return len(words) >= 6
        own, theirs = frozenset(words), frozenset(one)
        alike = SequenceMatcher(None, words, one, autojunk=False).ratio() >= 0.8
        return min(len(words), len(one)) >= 12 and len(own & theirs) >= 0.6 * len(own | theirs) and alike

    assert bool(found) == any(map(is_near, shown))


SIDES = st.sampled_from([1, 3, 427, 480, 640, 1999])
PLACES = st.floats(-2, 2000, allow_nan=False)
EXTRA = {
    "per cent": Convention(scale=100, decimals=1, pattern="{0}% {1}% {2}% {3}%"),
    "turned": Convention(pattern="{1} {0} {3} {2}"),
}


@pytest.mark.parametrize("convention", [*CONVENTIONS.values(), *EXTRA.values()], ids=[*CONVENTIONS, *EXTRA])
@given(st.tuples(PLACES, PLACES, PLACES, PLACES), SIDES, SIDES)
@settings(max_examples=30)
def test_many_boxes_are_written_as_each_by_itself(convention: Convention, box, width: int, height: int) -> None:
    assume(max(width, height) < 200 * min(width, height) or convention.frame != "resized")  # the model takes no others
    write = box_writer(convention, width=width, height=height)
    assert write(box) == render_box(box, convention, width=width, height=height)


@given(st.text(st.sampled_from("ab  \n\t\x00\x1b\x1c\x85\u00a0\u3000[m1é狗"), max_size=12))
def test_one_line_is_the_same_for_clean_texts(text: str) -> None:
    line = one_line(text)
    assert line == one_line(line) == " ".join(line.split())
    assert line.isprintable() or not text.isprintable()


@given(st.one_of(st.text(max_size=60), st.text("ab 1,.\n", max_size=60)))
def test_no_text_has_more_tokens_than_characters(text: str) -> None:
    assert estimate_tokens(text) <= len(text)


def test_a_context_is_the_same_whether_its_tokens_are_counted_or_not() -> None:
    scene = Scene(
        id="s", captions=tuple(Caption(text=f"Caption {number} of the dog on the grass.") for number in range(5))
    )
    free = render_context(scene, Context(max_tokens=100_000))
    counted = render_context(scene, Context(max_tokens=len(free.text) - 20))
    assert counted == free
    assert not free.cut
    assert render_context(scene, Context(max_tokens=20)).cut
