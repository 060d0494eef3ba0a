"""What a file is that a reader cannot use."""

import pytest

from syphus.annotations.foreign import ANY_FORM, name_form, name_other


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("images annotations", 'It looks like a COCO file. Use `reader = "coco"`.'),
        ("database version", 'It looks like a YouCook2 file. Use `reader = "youcook2"`.'),
        ("duration timestamps sentences", 'It looks like an ActivityNet Captions file. Use `reader = "activitynet"`.'),
        ("fps timestamps sentences duration", 'It looks like a TACoS file. Use `reader = "tacos"`.'),
        ("video duration timestamps sentences", 'It looks like a file of rows about videos. Use `reader = "video_rows"`.'),
        ("vid_name sub", "It looks like a file of TVQA subtitles. Give it as `subtitles`."),
        ("vid_name q a0 ts", 'It looks like a TVQA file. Use `reader = "tvr"`.'),
        ("a b", f"Its keys: 'a', 'b'. {ANY_FORM}"),
        ("", ""),
    ],
)  # fmt: skip
def test_other_files(keys, expected):
    assert name_other(keys.split()) == expected


def test_a_reader_does_not_send_to_itself():
    keys = ("qid", "query", "vid")
    assert (
        name_other(keys, but="TVR or TVC file") == 'It looks like a QVHighlights file. Use `reader = "qvhighlights"`.'
    )
    assert name_other(keys, but="QVHighlights file") == ""
    assert name_form(keys) == ("a QVHighlights file", 'Use `reader = "qvhighlights"`.')
    assert name_form(("a",)) == ("", "")
    assert name_form(("conversations",))[1].startswith("It is instruction data already")
