"""Quoted writing, against what was read in the picture."""

import re
from itertools import islice

from rapidfuzz import fuzz

from syphus.quality.pairs import Finding, View
from syphus.quality.wordings import fold_text

_QUOTED = re.compile(r"[\"“”«]([^\"“”«»\n]{1,80})[\"“”»]|(?<![\w])'([A-Z0-9][^'\n]{0,60})'(?!\w)")
_READS = re.compile(
    r"\b(?:reads?|reading|says?|saying|said|written|spells?|spelling|labell?ed|words?|inscri\w+|text|sign|letters?|titled?|display\w*|"
    r"print\w*|logo|number|brand|caption\w*|states?|stating|name)\b"
)
_NO_LETTER = re.compile(r"\W+")
_MOST = 40
"""Quotations that are looked at."""
_ALIKE = 80
"""Of 100 (rapidfuzz ``partial_ratio``): engines misread letters, and people leave out what does not matter."""


def check_writing(view: View) -> Finding | None:
    """What the answer quotes as writing in the picture was read there, or is in the annotations otherwise."""
    answer = view.answer
    if answer.quiet or not any(sign in answer.plain for sign in "\"“”«'"):
        return None
    facts, scene = view.facts, view.scene
    if not _READS.search(answer.folded):
        return None
    seen = fold_text(f"{facts.text} {view.question.plain}")
    letters = _NO_LETTER.sub("", seen)
    for found in islice(_QUOTED.finditer(answer.plain), _MOST):
        text = fold_text(found[1] or found[2]).strip(" .,!?")
        bare = _NO_LETTER.sub("", text)
        if bare in letters or (len(bare) >= 4 and fuzz.partial_ratio(text, seen) >= _ALIKE):
            continue
        message = f"The answer quotes “{text}”, which was not read in the picture."
        return Finding("misread" if scene.ocr else "unsupported", message, found[0])
    return None
