"""What annotators wrote, made fit to stand in a label, an attribute or a caption; and words for what they ticked."""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

HIDDEN = "partly hidden"
"""VOC's and Open Images' "occluded"."""
CUT_OFF = "cut off by the edge of the picture"
"""Their "truncated"."""


def clean(text: str | None) -> str:
    """The text in single spaces, without control characters."""
    if not text:
        return ""
    return " ".join((text if text.isprintable() else _CONTROL.sub(" ", text)).split())


def clean_identifier(name: str) -> str:
    """A category's name as people write it: ``aerosol_can`` is "aerosol can", ``bow_(weapon)`` "bow (weapon)"."""
    return clean(name.replace("_", " "))
