"""What the picture does not tell: names, pictures that are not there, times."""

import pytest

from syphus.quality.checks import check_pairs
from syphus.quality.pairs import Pair, Rules
from syphus.records import Asset, Caption, OcrLine, Person, Scene, Segment

PEOPLE = (Person(name="Monica", aliases=("Monica Geller",)), Person(name="Will"))
VIDEO = Scene(
    id="v",
    assets=(Asset(id="video", kind="video", duration=60),),
    segments=(
        Segment(start=0, end=30, text="A woman opens the fridge and takes out some milk for the coffee."),
        Segment(start=10, end=12, columns={"subtitle": "It is 9:45, Monica!", "speaker": "Will"}),
    ),
)
ALBUM = Scene(
    id="a",
    assets=(Asset(id="p1", title="the first picture"), Asset(id="p2", title="the second picture")),
    captions=(Caption(text="A birthday cake on the table with people around it.", asset="p1"),),
)


def codes(answer, scene, *, hidden=(), question="What does the woman take out of the fridge?", **rules):
    verdict = check_pairs(
        [Pair(question, answer)], Rules(**rules), scene=scene, known=frozenset(), demonstrations=(), hidden=hidden
    )
    return {f"{one.check}: {one.code}" for one in verdict.verdicts}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("Monica takes some milk out of the fridge.", "name: hidden_name"),
        ("It is Monica's milk.", "name: hidden_name"),
        ("Person B takes some milk out of the fridge.", "name: stand_in"),
        ("It is handed over by person B at the fridge.", "name: stand_in"),
        ("The woman will take some milk out of the fridge.", None),
    ],
)
def test_hidden_names(answer, code):
    found = codes(answer, Scene(id="v", captions=VIDEO.captions, assets=VIDEO.assets), hidden=PEOPLE)
    assert {one for one in found if one.startswith("name")} == ({code} if code else set())


def test_a_name_that_can_be_read_is_no_secret():
    scene = Scene(id="s", assets=(Asset(),), ocr=(OcrLine(text="MONICA'S DINER"),))
    assert not codes("The sign says Monica's Diner.", scene, hidden=PEOPLE, off=("unrelated",))


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        ("In the second picture the cake has been cut.", False),
        ("In the third picture the cake has been cut.", True),
        ("Picture 3 shows the cake after it was cut.", True),
        ("The cake is whole in image 1 and cut in image two.", False),
        ("It is the 5th photo that shows the cake.", True),
        ("Frame 0 shows the cake.", True),
        ("They take one picture of the cake after another.", False),
        ("Two pictures show the cake on the table.", False),
    ],
)
def test_pictures_are_counted(answer, refused):
    assert ("asset: no_such_asset" in codes(answer, ALBUM)) is refused


@pytest.mark.parametrize(
    ("answer", "times", "code"),
    [
        ("She takes the milk out at 0:12.", "allowed", None),
        ("She takes the milk out at 0:12.", "none", "time: given"),
        ("She takes the milk out at 1:30.", "allowed", "time: beyond_end"),
        ("She takes the milk out at 75 seconds.", "allowed", "time: beyond_end"),
        ("She takes the milk out after 12 seconds.", "none", "time: given"),
        ("It takes her 12 seconds to find the milk.", "none", None),
        ("She is told that it is 9:45 while she takes the milk.", "none", None),
        ("She takes 2 bottles of milk out of the fridge.", "none", None),
    ],
)
def test_times(answer, times, code):
    found = {one for one in codes(answer, VIDEO, times=times) if one.startswith("time")}
    assert found == ({code} if code else set())
