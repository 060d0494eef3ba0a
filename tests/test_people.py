# ruff: noqa: RUF001 (curly signs are what is tested)
"""Names: found in texts, hidden behind what one sees, and read from files."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syphus.annotations.people import Listed, NameBook, find_people, make_person, name_people, read_names
from syphus.errors import InputError
from syphus.records import Caption, Person, Scene, Segment
from syphus.references.people import call_people, find_names, hide

RED = "the woman in the red coat"
CAST = (
    Person(name="Monica", aliases=("Monica Geller", "Geller", "MONICA"), looks=RED),
    Person(name="Ross"),
    Person(name="Will", looks="Monica's friend"),
    Person(name="李娜"),
    Person(name="모니카"),
    Person(name="مريم"),
    Person(name="Zoë"),
    Person(name="O'Brien"),
    Person(name="मोनिका"),
    Person(name="Jo Ann"),
)


@pytest.mark.parametrize(
    ("text", "hidden", "found"),
    [
        ("Monica walks.", f"T{RED[1:]} walks.", ["Monica"]),
        ("He sees Monica's bag.", f"He sees {RED}'s bag.", ["Monica"]),
        ("He goes. Monica Geller sits.", f"He goes. T{RED[1:]} sits.", ["Monica Geller"]),
        ("a\nMonica Geller sits", f"a\nT{RED[1:]} sits", ["Monica Geller"]),
        ("He saw Ross' hat and Ross's dog", "He saw person A's hat and person A's dog", ["Ross"]),
        ("They say 'Ross' loudly", "They say 'person A' loudly", ["Ross"]),
        ("Here will Will go", f"Here will {RED}'s friend go", ["Will"]),
        ("MonicaX Monicas XMonica Monica2 monica", "MonicaX Monicas XMonica Monica2 monica", []),
        ("so MONICA says", f"so {RED} says", ["MONICA"]),
        ("with Dr. Geller and Mrs Geller", f"with {RED} and {RED}", ["Geller"]),
        ("今天李娜走了", "今天person B走了", ["李娜"]),
        ("Monica在家", f"T{RED[1:]}在家", ["Monica"]),
        ("오늘 모니카가 갔다", "오늘 person C가 갔다", ["모니카"]),
        ("그모니카", "그모니카", []),
        ("هي ومريم هنا", "هي وperson D هنا", ["مريم"]),
        ("and Zoe\u0308 and Zoë but Zoe", "and person E and person E but Zoe", ["Zoe\u0308", "Zoë"]),
        ("see O’Brien and O'Brien", "see person F and person F", ["O’Brien", "O'Brien"]),
        ("मोनिकाओं और मोनिका", "मोनिकाओं और person G", ["मोनिका"]),
        ("see [Monica](#Monica) there", f"see [{RED}](#Monica) there", ["Monica"]),
        ("- Ross: yo", "- Person A: yo", ["Ross"]),
        ("and *Ross* or _Ross_", "and *person A* or _person A_", ["Ross"]),
        ("with Jo\n  Ann", "with person H", ["Jo\n  Ann"]),
        ("Monica", RED, ["Monica"]),
        ("Ross", "person A", ["Ross"]),
        ("Ross!", "Person A!", ["Ross"]),
        ("", "", []),
    ],
)
def test_names_are_found_and_hidden(text, hidden, found):
    assert hide(text, CAST) == hidden
    assert find_names(text, CAST) == found
    assert find_names(hide(text, CAST), CAST) == []


def test_nobody_to_hide():
    assert hide("Monica", ()) == "Monica"
    assert find_names("Monica", ()) == []
    assert call_people(()) == ()


def test_letters_go_by_order_among_those_without_looks():
    people = tuple(Person(name=f"N{index}", looks="him" if index == 1 else "") for index in range(30))
    assert call_people(people)[:3] == ("person A", "him", "person B")
    assert call_people(people)[-4:] == ("person Z", "person AA", "person AB", "person AC")


def test_looks_fit_into_a_sentence():
    people = (Person(name="Ann", looks=" The  woman in Dior "),)
    assert hide("Here Ann sits. Ann smiles.", people) == "Here the woman in Dior sits. The woman in Dior smiles."


def test_looks_that_name_each_other_do_not_leak():
    people = (Person(name="Ann", looks="Bob's sister"), Person(name="Bob", looks="Ann's brother"))
    assert find_names(" ".join(call_people(people)), people) == []


NAMES = st.text(st.characters(categories=["Lu", "Ll", "Lo"], max_codepoint=0xFFFF), min_size=1, max_size=6)


@given(names=st.lists(NAMES, min_size=1, max_size=5, unique=True), words=st.lists(st.text(max_size=8), max_size=8))
@settings(max_examples=200, deadline=None)
def test_what_was_hidden_is_found_no_more(names, words):
    people = tuple(Person(name=name, looks="###") for name in names)
    text = " ".join(part for pair in zip(words, [*names, *names], strict=False) for part in pair)
    assert find_names(hide(text, people), people) == []


def test_a_names_file(tmp_path):
    file = tmp_path / "names.txt"
    file.write_text(
        "\ufeff# the cast\n"
        f"Monica Geller, Monica = {RED}\n"
        "Ross   # no looks\n"
        "\n"
        "= nobody\n"
        "[friends_s01e02]\n"
        "Monica = the woman with the apron\n"
        "Carol\n",
        encoding="utf-8",
    )
    problems = []
    book = read_names(file, problems.append)
    assert [(problem.place, problem.lost) for problem in problems] == [("line 5", True)]
    assert book.find("friends_s01e03_x") == (
        Person(name="Monica Geller", aliases=("Monica",), looks=RED),
        Person(name="Ross"),
    )
    assert book.find("friends_s01e02_x") == (
        Person(name="Monica Geller", aliases=("Monica",), looks="the woman with the apron"),
        Person(name="Ross"),
        Person(name="Carol"),
    )


@pytest.mark.parametrize("data", [b"\xff\xfe\xfa", "Zoë".encode("cp1252")])
def test_a_names_file_in_another_encoding(tmp_path, data):
    file = tmp_path / "names.txt"
    file.write_bytes(data)
    with pytest.raises(InputError):
        read_names(file, lambda problem: None)
    with pytest.raises(InputError):
        read_names(tmp_path / "none.txt", lambda problem: None)


def say(start, speaker, text="", subtitle="x"):
    return Segment(start=start, end=start + 1, text=text, columns={"speaker": speaker, "subtitle": subtitle})


def test_people_come_in_order_of_appearance():
    known = (Person(name="Ann"), Person(name="Bob"), Person(name="Cid", aliases=("C.J.",)), Person(name="Dot"))
    segments = [say(0, "Bob", "Cid waves"), say(2, "Man 2"), say(4, "Eve Stone", subtitle="Hi Ann"), say(6, "C.J.")]
    found = find_people(segments, known)
    assert [person.name for person in found] == ["Bob", "Cid", "Eve Stone", "Ann"]
    assert found[2].aliases == ("Eve",)


@pytest.mark.parametrize(
    ("speaker", "aliases"),
    [
        ("Eve Stone", ("Eve",)),
        ("Dr. House", ()),
        ("Detective Beckett", ()),
        ("Old Woman", ()),
        ("Eve", ()),
        ("J. D.", ()),
    ],
)
def test_first_names_are_names_too(speaker, aliases):
    assert make_person(speaker) == Person(name=speaker, aliases=aliases)


def test_people_of_a_book_take_the_place_of_plain_speakers():
    scene = Scene(
        id="s",
        segments=(say(0, "Monica"), say(1, "Eve")),
        captions=(Caption(text="Ross enters."),),
        people=(Person(name="Monica"), Person(name="Eve")),
    )
    assert name_people(scene, NameBook()) == scene
    geller = Person(name="Monica Geller", aliases=("Monica",), looks=RED)
    book = NameBook(
        [Listed("", geller), Listed("", Person(name="Ross")), Listed("other", Person(name="Eve", looks="x"))]
    )
    named = name_people(scene, book)
    assert [person.name for person in named.people] == ["Monica Geller", "Eve", "Ross"]
    assert hide("Monica and Ross", named.people) == f"T{RED[1:]} and person B"
