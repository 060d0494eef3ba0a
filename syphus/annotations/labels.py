"""What annotators wrote, made fit to stand in a label, an attribute or a caption; and words for what they ticked."""

import re

_CODES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
"""What colours a terminal, or gives its window a title (ECMA-48, section 5.4; xterm's OSC)."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

HIDDEN = "partly hidden"
"""VOC's and Open Images' "occluded"."""
CUT_OFF = "cut off by the edge of the picture"
"""Their "truncated"."""


def clean(text: str | None) -> str:
    """The text in single spaces, without control characters and codes of a terminal."""
    if not text:
        return ""
    return " ".join((text if text.isprintable() else _CONTROL.sub(" ", _CODES.sub("", text))).split())


def clean_identifier(name: str) -> str:
    """A category's name as people write it: ``aerosol_can`` is "aerosol can", ``bow_(weapon)`` "bow (weapon)"."""
    return clean(name.replace("_", " "))
