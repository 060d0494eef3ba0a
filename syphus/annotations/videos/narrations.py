# ruff: noqa: RUF001 (curly signs are what is looked for)
"""The words of first-person narrations, made plain. Pure.

Ego4D's narrators write "#C C picks up a plate" of the one who wears the camera, "#O A man X walks" of others, and "#unsure"
where they could not tell (Grauman et al. 2022, appendix; https://ego4d-data.org/docs/data/annotations-schemas/). A language
model takes "C" for a name or a letter. "You" and "I" would need other verbs ("I picks up") and be wrong in "gives C the cup". So
"the wearer" stands for C everywhere, and one sentence of the scene's prose says who that is (``ABOUT_WEARER``); categories then
ask for the first or second person. Letters for others ("man X") stay: they tell two men apart.
"""

import re
from typing import NamedTuple

from syphus.annotations.labels import clean

ABOUT_WEARER = (
    'The video is filmed by a camera on somebody\'s head. "The wearer" is that person; in the first person, "I". '
    "The wearer's own hands may be seen, the wearer's face is not."
)

ABOUT_COMMANDS = 'The narrations are the wearer\'s own, as commands: "take plate" means that the wearer takes a plate.'
"""Of EPIC-KITCHENS."""

TRUE_OF_EACH_PART = frozenset({ABOUT_WEARER, ABOUT_COMMANDS})
"""Prose that holds for each clip of a video as for the whole of it."""

_TAG = re.compile(r"^\s*#+\s*(?P<tag>summary|unsure|C|O)(?![A-Za-z0-9])\s*[:,.]?\s*", re.IGNORECASE)
_RUN_ON = re.compile(r"^\s*#+\s*(?P<tag>[CO])(?=C\s)")
_UNSURE = re.compile(r"(?<!#)#{1,5}\s?unsure\b", re.IGNORECASE)
_STRAY = re.compile(r"(?<!#)#{1,5}(?=\s|$|[A-Za-z])")
_WEARER = re.compile(
    r"(?<![\w'’.&/+-])(?<!\bvitamin )(?<!\bVitamin )(?<!\bletter )(?<!\btype )(?<!\bUSB )(?<!\busb )(?<!\bclass )(?<!\bgrade )"
    r"C(?![\w.&/+-])(?! clamp| major| minor)"
)
_CAPITAL = re.compile(r"^the wearer|(?<=[.!?] )the wearer")
_VERB = re.compile(r"[a-z]+s\b")


class Narration(NamedTuple):
    """A narration without its tag."""

    text: str
    tag: str
    """``C``, ``O``, ``unsure`` or ``summary``; empty where it has none."""


def read_narration(text: str) -> Narration:
    """A narration in plain words; its text is empty where nothing but a tag is there."""
    text = clean(text)
    found = _TAG.match(text) or _RUN_ON.match(text)
    tag = ""
    if found:
        tag = found["tag"].upper() if len(found["tag"]) == 1 else found["tag"].lower()
        text = text[found.end() :]
        if tag == "C" and _VERB.match(text):  # "#C picks up": the second C was forgotten
            text = f"C {text}"
        elif tag == "C" and text.startswith("c "):  # "#c c picks up"
            text = f"C{text[1:]}"
        if tag == "unsure":
            text = f"{text} (unclear)" if text else ""
    text = _UNSURE.sub("something unclear", text)
    text = _WEARER.sub("the wearer", _STRAY.sub("", text))
    text = _CAPITAL.sub(lambda the: the[0].replace("the", "The", 1), " ".join(text.split()))
    return Narration(text, tag)
