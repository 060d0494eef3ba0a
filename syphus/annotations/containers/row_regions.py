"""Rows that tell one part of a picture from the others: RefCOCO and its kin, as they are published on the Hugging Face Hub.

Two forms of ``bbox`` are in use. Benchmarks keep COCO's, x, y, width and height (lmms-lab/RefCOCO, whose evaluation draws it
so); jxu124/refcoco, known by its ``raw_anns``, has corners. Both are pixels of the picture.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from syphus.annotations.containers.row_scene import Faults
from syphus.annotations.mending import mend_box
from syphus.records import Asset, Box, Region

_BOX = "bbox"
_OF_REFERENCES = ("ref_id", "raw_anns")
_OF_PARTS = ("segmentation", "question", "file_name")
_WITH_CORNERS = "raw_anns"


def describes_parts(names: Iterable[str]) -> bool:
    """Whether a table of these columns has a text about a part of the picture in each row."""
    known = set(names)
    return _BOX in known and (any(name in known for name in _OF_REFERENCES) or known.issuperset(_OF_PARTS))


def make_regions(texts: Iterable[str], values: Mapping[str, Any], asset: Asset, faults: Faults) -> tuple[Region, ...]:
    """A region for each text, with the row's box."""
    box = _find_box(values, asset, faults)
    return tuple(Region(id=f"r{number}", text=text, box=box) for number, text in enumerate(dict.fromkeys(texts), 1))


def _find_box(values: Mapping[str, Any], asset: Asset, faults: Faults) -> Box | None:
    given = values.get(_BOX)
    numbers = isinstance(given, list | tuple) and len(given) == 4
    if not numbers or any(isinstance(one, bool) or not isinstance(one, int | float) for one in given or ()):
        faults.lose("`bbox` is not 4 numbers; the texts are used without it")
        return None
    x, y, right, bottom = map(float, given or ())
    if _WITH_CORNERS not in values:
        right, bottom = x + right, y + bottom
    mended = mend_box(x, y, right, bottom, width=asset.width, height=asset.height)
    if mended.box is None:
        faults.lose(f"{mended.message}; the texts are used without it")
    elif mended.message:
        faults.note(mended.message)
    return mended.box
