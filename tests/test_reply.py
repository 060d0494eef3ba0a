# ruff: noqa: RUF001
"""Reading replies: what models really send, what must come out, and that nothing breaks the reader."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syphus.categories.reply import ReadReply, read_reply
from syphus.errors import InputError


def strings(*fields: str) -> dict:
    return {
        "type": "object",
        "properties": {field: {"type": "string", "minLength": 1} for field in fields},
        "required": list(fields),
        "additionalProperties": False,
    }


def array_of(name: str, items: dict, **bounds: int) -> dict:
    return {
        "type": "object",
        "properties": {name: {"type": "array", "items": items, **bounds}},
        "required": [name],
        "additionalProperties": False,
    }


PAIRS = array_of("pairs", strings("question", "answer"))
TEXT = strings("text")
QA = strings("question", "answer")
DIALOGUES = array_of("dialogues", array_of("turns", strings("question", "answer"), minItems=1))
QUESTIONS = array_of("questions", {"type": "string", "minLength": 1})

TWO = [
    {"question": "What is on the left?", "answer": "A red bus, waiting."},
    {"question": "Is it day?", "answer": "Yes, the sun shines."},
]
STRICT = json.dumps({"pairs": TWO})
PRETTY = json.dumps({"pairs": TWO}, indent=2)
LABELLED = (
    "Question: What is on the left?\nAnswer: A red bus, waiting.\n\nQuestion: Is it day?\nAnswer: Yes, the sun shines."
)


def codes(read: ReadReply) -> list[str]:
    return [fault.code for fault in read.faults]


READ_AS_TWO = {
    "strict": (STRICT, "json"),
    "spaces around": (f"\n\n {PRETTY} \n", "json"),
    "fence": (f"```json\n{PRETTY}\n```", "code fence"),
    "tilde fence": (f"~~~\n{PRETTY}\n~~~", "code fence"),
    "fence that never ends": (f"```json\n{PRETTY}", "code fence"),
    "prose and fence": (
        f"Sure! Here are [2] pairs:\n\n```json\n{PRETTY}\n```\nLet me know!",
        "code fence, prose around",
    ),
    "prose": (f"Here is the JSON you asked for: {STRICT} I hope this helps.", "prose around"),
    "thinking": (f'<think>\nMaybe {{"pairs": []}}?\n</think>\n\n{STRICT}', "thinking before"),
    "thinking without its start": (f"So I need pairs {{a, b}}.\n</think>\n{STRICT}", "thinking before"),
    "draft and final": (
        f'{{"pairs": [{{"question": "a", "answer": "b"}}]}}\nBetter:\n{STRICT}',
        "prose around",
    ),
    "trailing commas": (PRETTY.replace('."\n', '.",\n').replace("}\n", "},\n"), "trailing comma"),
    "smart quotes": (STRICT.replace('"', "”"), "smart quotes"),
    "smart quotes in pairs": ("“".join(STRICT.split('"')[:2]) + "”" + '"'.join(STRICT.split('"')[2:]), "smart quotes"),
    "python": (str({"pairs": TWO}), "single quotes"),
    "bare array": (json.dumps(TWO), "bare array"),
    "array in a fence": (f"```\n{json.dumps(TWO)}\n```", "code fence, bare array"),
    "json lines": ("\n".join(map(json.dumps, TWO)), "separate values"),
    "names in capitals": (STRICT.replace("question", "Question").replace("answer", "Answer"), "field names"),
    "letters": (STRICT.replace("question", "Q").replace("answer", "A"), "field names"),
    "instruction": (STRICT.replace("question", "instruction").replace("answer", "response"), "field names"),
    "human and gpt": (STRICT.replace("question", "human").replace("answer", "gpt"), "field names"),
    "other array name": (STRICT.replace("pairs", "qa_pairs"), "field names"),
    "wrapper": (json.dumps({"result": {"pairs": TWO}}), "wrapper dropped"),
    "numbered": (json.dumps({"1": TWO[0], "2": TWO[1]}), "numbered objects"),
    "numbered inside": (json.dumps({"pairs": {"pair1": TWO[0], "pair2": TWO[1]}}), "numbered objects"),
    "extra fields": (json.dumps({"pairs": [{"id": 1, **pair} for pair in TWO]}), "extra fields dropped"),
    "chat turns": (
        json.dumps([{"from": s, "value": t} for p in TWO for s, t in zip(("human", "gpt"), p.values(), strict=True)]),
        "bare array, chat turns",
    ),
    "missing comma": (PRETTY.replace('",\n', '"\n'), "missing comma"),
    "bare names": (STRICT.replace('"question"', "question").replace('"answer"', "answer"), "bare field names"),
    "comment": (PRETTY.replace("[\n", "[ // two pairs\n"), ""),
    "ellipsis": (STRICT.replace("}]}", "}, ...]}"), "ellipsis"),
    "string of json": (json.dumps(STRICT), "inside a JSON string: json"),
    "control characters": (STRICT.replace("A red", "A \x07\x1b[1mred\x1b[0m"), ""),
    "byte order mark": ("\ufeff" + STRICT, ""),
    "labels": (LABELLED, "question/answer text"),
    "letters as labels": (LABELLED.replace("Question", "Q").replace("Answer", "A"), "question/answer text"),
    "bold labels": (
        LABELLED.replace("Question:", "**Question:**").replace("Answer:", "**Answer**:"),
        "question/answer text",
    ),
    "numbered labels": (
        (
            "1. **Question**: What is on the left?\n   **Answer**: A red bus, waiting.\n"
            "2. **Question**: Is it day?\n   **Answer**: Yes, the sun shines."
        ),
        "question/answer text",
    ),
    "numbers in labels": (
        (
            "### Question 1:\nWhat is on the left?\n### Answer 1:\nA red bus, waiting.\n\n"
            "### Question 2:\nIs it day?\n### Answer 2:\nYes, the sun shines."
        ),
        "question/answer text",
    ),
    "LLaVA": (
        (
            "Question:\nWhat is on the left?\n===\nAnswer:\nA red bus, waiting.\n===\nQuestion:\nIs it day?\n===\n"
            "Answer:\nYes, the sun shines.\n==="
        ),
        "question/answer text",
    ),
    "full-width colons": (LABELLED.replace(": ", "：", 4), "question/answer text"),
    "chinese labels": (LABELLED.replace("Question: ", "问题：").replace("Answer: ", "答案："), "question/answer text"),
    "headings between": (
        (
            "Pair 1\nQ: What is on the left?\nA: A red bus, waiting.\n\nPair 2:\nQ: Is it day?\nA: Yes, the sun shines.\n\n"
            "Let me know if you need more!"
        ),
        "question/answer text",
    ),
    "one line": (
        "1. Q: What is on the left? A: A red bus, waiting.\n2. Q: Is it day? A: Yes, the sun shines.",
        "question/answer text",
    ),
    "prose before labels": (f"Here are the pairs:\n\n{LABELLED}", "question/answer text"),
    "windows line ends": (LABELLED.replace("\n", "\r\n"), "question/answer text"),
    "labels in a fence": (f"```\n{LABELLED}\n```", "question/answer text"),
}


@pytest.mark.parametrize("name", READ_AS_TWO)
def test_sloppy_replies_are_read(name):
    text, how = READ_AS_TWO[name]
    read = read_reply(text, PAIRS)
    assert read.value == {"pairs": TWO}
    assert read.how == how
    assert read.faults == ()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('The sign reads "STOP".', 'The sign reads "STOP".'),
        ('"STOP", it says.', '"STOP", it says.'),
        ('It says "no", "yes" and "go" in red', 'It says "no", "yes" and "go" in red'),
        ("Line one.\nLine two.", "Line one.\nLine two."),
        ("A\ttab.", "A\ttab."),
        ("“Smart” quotes, “inside”.", "“Smart” quotes, “inside”."),
        ("It's the man's.", "It's the man's."),
        ("\\alpha and \\'x\\'", "\\alpha and 'x'"),
        ("A } brace ] and { more [", "A } brace ] and { more ["),
        ("Bracket [the bus](#o1) here", "Bracket [the bus](#o1) here"),
        ("```python``` in it", "```python``` in it"),
    ],
)
def test_strings_stay_what_they_are(written, meant):
    # The comma at the end makes strict reading fail, so that the loose reader has to get it right.
    text = f'{{"pairs": [{{"question": "What?", "answer": "{written}"}},]}}'
    assert read_reply(text, PAIRS).value == {"pairs": [{"question": "What?", "answer": meant}]}


@pytest.mark.parametrize("end", range(12, len(STRICT)))
@pytest.mark.parametrize("finish", ["length", "stop"])
def test_of_a_cut_reply_only_whole_elements_are_kept(end, finish):
    read = read_reply(STRICT[:end], PAIRS, finish=finish)
    whole = STRICT[:end].count("}")
    assert read.value == {"pairs": TWO[: min(whole, 2)]} or (whole == 0 and read.value in (None, {"pairs": []}))
    assert codes(read)[-1] == "cut"
    assert f"cut: {min(whole, 2)} whole pairs kept" in read.how


def test_a_whole_reply_at_the_limit_is_whole():
    assert read_reply(STRICT, PAIRS, finish="length") == read_reply(STRICT, PAIRS)


def test_a_cut_labelled_text_loses_its_last_pair_wherever_it_ends():
    for text in (LABELLED, LABELLED[:-5], LABELLED[: LABELLED.rindex("Answer")]):
        read = read_reply(text, PAIRS, finish="length")
        assert read.value == {"pairs": TWO[:1]}
        assert codes(read) == ["cut"]


def test_a_cut_object_has_no_value():
    read = read_reply('{"text": "A red bus wai', TEXT, finish="length")
    assert (read.value, codes(read)) == (None, ["missing", "cut"])
    read = read_reply("A red bus wai", TEXT, finish="length")
    assert (read.value, codes(read)) == (None, ["cut"])


def test_a_cut_nested_array_keeps_whole_dialogues():
    text = json.dumps({"dialogues": [{"turns": TWO}, {"turns": TWO}]})
    assert read_reply(text, DIALOGUES).value == {"dialogues": [{"turns": TWO}, {"turns": TWO}]}
    assert read_reply(text[:-20], DIALOGUES).value == {"dialogues": [{"turns": TWO}]}


def test_broken_elements_are_left_out_and_the_others_kept():
    three = [TWO[0], {"question": "x", "answer": "BROKEN"}, TWO[1]]
    text = json.dumps({"pairs": three}).replace('"BROKEN"', "not quoted at all")
    read = read_reply(text, PAIRS)
    assert read.value == {"pairs": TWO}
    assert codes(read) == ["broken"]
    text = json.dumps({"pairs": three}).replace('BROKEN"', "no end")
    read = read_reply(text, PAIRS)
    assert read.value == {"pairs": TWO}
    assert codes(read) == ["broken"]


def test_elements_that_break_the_schema_are_named():
    items = [TWO[0], {"question": "a"}, {"question": "b", "answer": " "}, {"question": "c", "answer": ["d"]}, 5, TWO[1]]
    read = read_reply(json.dumps({"pairs": items}), PAIRS)
    assert read.value == {"pairs": TWO}
    assert [(fault.code, fault.path) for fault in read.faults] == [
        ("missing", "$.pairs[1]"),
        ("too_short", "$.pairs[2].answer"),
        ("type", "$.pairs[3].answer"),
        ("type", "$.pairs[4]"),
    ]
    assert read.faults[1].message == "$.pairs[2].answer is empty"
    assert read.how == "json"


def test_bounds_of_the_array():
    schema = array_of("pairs", strings("question", "answer"), minItems=2, maxItems=3)
    four = [{"question": str(n), "answer": "yes"} for n in range(4)]
    read = read_reply(json.dumps({"pairs": four}), schema)
    assert read.value == {"pairs": four[:3]}
    assert (read.how, read.faults) == ("the first 3 of 4 pairs kept", ())
    read = read_reply(json.dumps({"pairs": four[:1]}), schema)
    assert (read.value, codes(read)) == ({"pairs": four[:1]}, ["too_few"])
    read = read_reply(json.dumps(four[0]), schema)
    assert (read.value, codes(read)) == ({"pairs": four[:1]}, ["too_few"])
    read = read_reply(json.dumps({"pairs": [{}, *four]}), schema)
    assert (read.value, codes(read)) == ({"pairs": four[:3]}, ["missing", "missing"])


def test_bounds_of_strings():
    items = {**strings("a"), "properties": {"a": {"type": "string", "maxLength": 3}}}
    read = read_reply('{"x": [{"a": "  abc  "}, {"a": "abcd"}]}', array_of("x", items))
    assert read.value == {"x": [{"a": "abc"}]}
    assert codes(read) == ["too_long"]


@pytest.mark.parametrize(
    ("text", "value", "how"),
    [
        ("A red bus.", "A red bus.", "plain text"),
        ("  A red bus.\r\nA man.  ", "A red bus.\nA man.", "plain text"),
        ("[The bus](#o1) is red.", "[The bus](#o1) is red.", "plain text"),
        ("He says: “Go!” [laughs]", "He says: “Go!” [laughs]", "plain text"),
        ("Text: A red bus.", "A red bus.", "plain text"),
        ("Here is the translation:\n\nEin roter Bus.", "Ein roter Bus.", "plain text"),
        ("```\nA red bus.\n```", "A red bus.", "plain text"),
        ('{"text": "A red bus."}', "A red bus.", "json"),
        ('[{"text": "A red bus."}]', "A red bus.", "object in an array"),
        ('{"Text": "A red bus."}', "A red bus.", "field names"),
        ('{"text": 3}', "3", "numbers as text"),
        ('{"text": "caf\\u00e9 \\ud83d\\ude00"}', "café 😀", "json"),
        ('{"text": "half \\ud83d of it\\u0000"}', "half  of it", "json"),
        ('{"text": "\\u001b[31mred\\u001b[0m\\r\\nbus\\u0007"}', "red\nbus", "json"),
    ],
)
def test_an_object_of_one_string(text, value, how):
    assert read_reply(text, TEXT) == ReadReply({"text": value}, how)


@pytest.mark.parametrize(
    "text",
    [
        '{"text": "A red',
        '{"text" "A red bus."}',
        '```json\n{"text": A red bus}\n```',
        '{text = "A red bus"}',
        '["A red bus"',
    ],
)
def test_json_gone_wrong_is_no_plain_text(text):
    read = read_reply(text, TEXT)
    assert read.value is None
    assert read.faults


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" \n\x00", "empty"),
        ("<think>The user wants pairs", "empty"),
        ("I'm sorry, but I can't help with that.", "no_json"),
        ("null", "no_json"),
        ("true", "no_json"),
        ("12", "no_json"),
        ("{}", "missing"),
        ('{"pairs": "none"}', "type"),
        ("[3]", "type"),
    ],
)
def test_nothing_to_read(text, code):
    assert code in codes(read_reply(text, PAIRS))
    assert not (read_reply(text, PAIRS).value or {}).get("pairs")


def test_labels_of_any_flat_object():
    schema = strings("title", "caption_text")
    read = read_reply("**Title:** A bus\n**Caption text:** It waits.\nIt is red.", schema)
    assert read.value == {"title": "A bus", "caption_text": "It waits.\nIt is red."}
    assert read_reply(LABELLED, QA).value == TWO[0]


def test_synonyms_hold_only_for_the_fields_that_have_them():
    assert read_reply('{"instruction": "a", "response": "b"}', strings("title", "body")).value is None
    assert read_reply('{"instruction": "a", "response": "b"}', QA).value == {"question": "a", "answer": "b"}


def test_options_of_a_choice_are_no_labels():
    text = "Question: Which colour?\nA: red\nB: blue\nAnswer: A"
    assert read_reply(text, PAIRS).value == {"pairs": [{"question": "Which colour?\nA: red\nB: blue", "answer": "A"}]}


def test_arrays_of_strings():
    assert read_reply('["What is \n it?", "Why?",]', QUESTIONS).value == {"questions": ["What is \n it?", "Why?"]}
    assert read_reply('{"questions": ["What?", "", "Why?"]}', QUESTIONS).value == {"questions": ["What?", "Why?"]}
    assert read_reply('{"questions": ["What?", "Wh', QUESTIONS).value == {"questions": ["What?"]}


def test_a_wrong_schema_is_the_authors_error():
    with pytest.raises(InputError, match="no JSON Schema"):
        read_reply("{}", {"type": "objekt"})


def test_faults_and_elements_have_a_bound():
    read = read_reply(json.dumps({"pairs": [5] * 100_000}), PAIRS)
    assert len(read.faults) == 50


SCHEMAS = st.sampled_from([PAIRS, TEXT, QA, DIALOGUES, QUESTIONS])
FINISHES = st.sampled_from(["stop", "length", "", "content_filter"])


def fits(read: ReadReply) -> None:
    assert read.value is None or isinstance(read.value, dict)
    json.dumps(read.value, ensure_ascii=False).encode("utf-8")


@given(st.text(st.characters(exclude_categories=())), SCHEMAS, FINISHES)
def test_no_text_breaks_the_reader(text, schema, finish):
    fits(read_reply(text, schema, finish=finish))


@given(st.text("{}[]\":,'“”\\ \nQA:question", max_size=60), SCHEMAS, FINISHES)
@settings(max_examples=300)
def test_no_heap_of_marks_breaks_the_reader(text, schema, finish):
    fits(read_reply(text, schema, finish=finish))


@given(
    st.sampled_from([text for text, _ in READ_AS_TWO.values()]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 5), st.text(max_size=3)), max_size=4),
    SCHEMAS,
    FINISHES,
)
@settings(max_examples=300)
def test_no_mutation_breaks_the_reader(text, edits, schema, finish):
    for at, length, put in edits:
        text = text[:at] + put + text[at + length :]
    fits(read_reply(text, schema, finish=finish))


UNITS = [
    *(
        "{",
        "[",
        '"',
        "'",
        "“",
        '["',
        '{"',
        "[[]",
        '{"a":',
        '{"a":1',
        "\\",
        '["\\',
        '{"pairs":[{"question":"',
        "[1,",
        '"a":',
    ),
    *("```\n", "Q: ", "Q: a\n", "A", "\n", " ", "<think>", '{"question":"a","answer":"b"}', '[{"a":"b"},', "//", "[//"),
    *('["a" "b" ', "\x1b]", "\x1b[", "\udc00", "1. ", "* ", "Question", "[...", '"\n', ', "', "</think>", "\r"),
]


def seconds(text: str) -> float:
    begin = time.perf_counter()
    read_reply(text, PAIRS)
    read_reply(text, TEXT)
    return time.perf_counter() - begin


@pytest.mark.parametrize("unit", ["{", "[", '"', '["', "“", "[1,", '{"pairs":[{"question":"', "Q: a\n"])
def test_a_megabyte_of_anything_is_read_in_time(unit):
    assert seconds(unit * (1_000_000 // len(unit))) < 5


@pytest.mark.parametrize("unit", UNITS)
def test_what_is_ten_times_longer_takes_no_hundred_times_longer(unit):
    for before in ("", '{"pairs":[{"question":"'):
        assert seconds(before + unit * (100_000 // len(unit))) < 1
