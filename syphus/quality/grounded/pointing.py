"""References against what they point at: how many, and what they are."""

from syphus.quality.grounded.facts import Facts, label_things, widen
from syphus.quality.grounded.lexicon import MEANINGS, is_plural, things_of
from syphus.quality.grounded.reading import count_of
from syphus.quality.pairs import Finding
from syphus.quality.vocabulary import split_words, stems_of
from syphus.references.text import Reference

_GROUP = frozenset("group couple pair herd flock crowd bunch row set stack pile family team of all and both".split())


def judge_reference(reference: Reference, facts: Facts, written: str) -> Finding | None:
    """A number in the phrase is the number of ids, and the phrase's noun is what the objects are."""
    words = split_words(reference.phrase)
    number = next((count for word in words if (count := count_of(word)) is not None), None)
    if words[0:1] in (["a"], ["an"]) and len(reference.ids) > 1 and _GROUP.isdisjoint(words):
        number = 1
    ids = tuple(dict.fromkeys(reference.ids))
    objects = [one for one in facts.scene.objects if one.id in ids]
    if number and number != len(ids) and len(objects) == len(ids) and not any(one.crowd for one in objects):
        counted = words[-1] in MEANINGS and (number == 1 or is_plural(words[-1]))
        if counted and "of" not in words:
            message = f"The phrase of a reference says {number}, and it points at {len(ids)}."
            return Finding("wrong_number", message, written)
    head = next((at for at in range(len(words) - 1, -1, -1) if words[at] in MEANINGS), None)
    if head is None or head != len(words) - 1:
        return None
    things, _ = things_of(words, head)
    for one in objects:
        own = label_things(one.label)
        if not own or _related(things, own) or not stems_of(one.label).isdisjoint(stems_of(reference.phrase)):
            continue
        message = f"A reference calls {one.id} “{reference.phrase}”; it is “{one.label}”."
        return Finding("wrong_thing", message, written)
    return None


def _related(things: frozenset[str], own: frozenset[str]) -> bool:
    """The same thing, or one is of the other's kind; a person may be called by what is worn, and a part by its whole."""
    return not widen(things).isdisjoint(own) or not widen(own).isdisjoint(things)
