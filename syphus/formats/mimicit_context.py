"""Which entries of a MIMIC-IT dataset are context for which: ``rel_ins_ids``, by a policy for each source.

The policies are those of the original sets (MIMIC-IT, arXiv 2306.05425, section 3 and appendix; Otter's data scripts):

- ``earlier``: the earlier turns of the same dialogue (LLaVA conversations, Scene Navigation, Visual Storytelling).
- ``siblings``: all other entries of the same picture, pair or clip (Spot the Difference, Dense Captions, TV Captions, Ego4D).
- ``text``: the entries whose instructions are most alike (LLaVA reasoning, text to text).
- ``image``: one entry for each of the pictures that are most alike (LLaVA reasoning, image to image).
- ``related``: those that the dialogues themselves name.
- ``none``.
- ``auto``: ``earlier`` for dialogues of several turns; for others ``related`` where there is any, else ``siblings``.

Whatever the policy: never the entry itself, none twice, none that the dataset does not hold.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Literal, NamedTuple, cast, get_args

from syphus.embedding import Embedding, Item
from syphus.errors import InputError
from syphus.formats.embeddings import find_nearest

Policy = Literal["auto", "earlier", "siblings", "text", "image", "related", "none"]
POLICIES: tuple[str, ...] = get_args(Policy)
ACROSS = frozenset({"text", "image"})
"""Policies whose context has other pictures than the entry."""


class Entry(NamedTuple):
    """What is kept in memory of an entry, a few hundred bytes."""

    id: str
    dialogue: str
    turn: int
    """From 0."""
    source: str
    images: tuple[str, ...]
    """Ids of its pictures."""
    related: tuple[str, ...] = ()
    """Ids of the dialogues, or entries, that its dialogue names."""
    turns: int = 1
    """How many its dialogue has."""


def read_policies(text: str) -> dict[str, Policy]:
    """``earlier`` for all sources, or ``coco=earlier,charades=siblings`` for each; the source ``""`` is all the others.

    Raises :class:`InputError` for a policy that there is not.
    """
    policies: dict[str, Policy] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        source, _, policy = part.rpartition("=")
        if policy not in POLICIES:
            raise InputError(
                f"there is no policy {policy!r} for the context of entries", mend=f"Policies: {', '.join(POLICIES)}."
            )
        policies[source.strip()] = cast("Policy", policy)
    return policies


def choose_policy(policies: Mapping[str, Policy], source: str, *, turns: int, related: bool) -> Policy:
    """The policy for a dialogue, with ``auto`` decided."""
    policy = policies.get(source, policies.get("", "auto"))
    if policy == "auto":
        policy = "earlier" if turns > 1 else "related" if related else "siblings"
    return policy


def find_context(
    entries: Sequence[Entry],
    policies: Mapping[str, Policy],
    *,
    top: int,
    embed: Embedding | None = None,
    texts: Sequence[str] = (),
    files: Mapping[str, Path] | None = None,
) -> list[tuple[str, ...]]:
    """The context of each entry, in the order in which a trainer reads it.

    Args:
        entries: of one file, in its order; contexts are looked for among them alone.
        policies: source -> policy.
        top: how many neighbours ``text`` and ``image`` give.
        embed: for those two.
        texts: the entries' instructions, for those two.
        files: picture id -> its file, for ``image``.

    Raises:
        InputError: a policy needs an embedding, and there is none.
    """
    chosen = [
        choose_policy(policies, entry.source, turns=entry.turns, related=bool(entry.related)) for entry in entries
    ]
    turns: dict[str, list[int]] = {}
    mates: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for index, entry in enumerate(entries):
        turns.setdefault(entry.dialogue, []).append(index)
        mates.setdefault((entry.source, entry.images), []).append(index)
    near: dict[int, list[int]] = {}
    for policy in sorted(ACROSS & set(chosen)):
        near |= _find_near(entries, chosen, policy, top, embed, texts, files or {})
    names = {entry.id: index for index, entry in enumerate(entries)}
    contexts = []
    for index, entry in enumerate(entries):
        match chosen[index]:
            case "earlier":
                found = [other for other in turns[entry.dialogue] if entries[other].turn < entry.turn]
            case "siblings":
                found = mates[entry.source, entry.images] if entry.images else turns[entry.dialogue]
            case "related":
                found = [names[name] for name in entry.related if name in names] or [
                    other for name in entry.related for other in turns.get(name, ())
                ]
            case "text" | "image":
                found = near.get(index, [])
            case _:
                found = []
        contexts.append(tuple(dict.fromkeys(entries[other].id for other in found if other != index)))
    return contexts


def _find_near(
    entries: Sequence[Entry],
    chosen: Sequence[Policy],
    policy: str,
    top: int,
    embed: Embedding | None,
    texts: Sequence[str],
    files: Mapping[str, Path],
) -> dict[int, list[int]]:
    if embed is None:
        raise InputError(
            f"the policy `{policy}` needs an embedding",
            mend="Name one with the setting `embedding`; `words` is built in, and knows texts only.",
        )
    near: dict[int, list[int]] = {}
    for source in dict.fromkeys(entry.source for entry in entries):
        mine = [index for index, entry in enumerate(entries) if entry.source == source and chosen[index] == policy]
        if not mine:
            continue
        if policy == "text":
            vectors = list(embed([Item(text=texts[index]) for index in mine]))
            _check_count(len(vectors), len(mine))
            found = find_nearest(vectors, [entries[index].dialogue for index in mine], top)
            near |= {index: [mine[other] for other in others] for index, others in zip(mine, found, strict=True)}
            continue
        first: dict[str, int] = {}
        for index in mine:
            if entries[index].images:
                first.setdefault(entries[index].images[0], index)
        names = list(first)
        vectors = list(embed([Item(text=texts[first[name]], picture=files.get(name)) for name in names]))
        _check_count(len(vectors), len(names))
        found = find_nearest(vectors, names, top)
        alike = {name: [first[names[other]] for other in others] for name, others in zip(names, found, strict=True)}
        near |= {index: alike[entries[index].images[0]] for index in mine if entries[index].images}
    return near


def _check_count(vectors: int, items: int) -> None:
    if vectors != items:
        raise InputError(f"the embedding made {vectors} vectors of {items} items", mend="Mend the embedding.")


def find_faults(
    contexts: Iterable[tuple[str, Sequence[str]]],
    pictures: Iterable[tuple[str, Sequence[str]]],
    *,
    ids: AbstractSet[str],
    images: AbstractSet[str],
) -> list[str]:
    """The closed-world check: what of a dataset leads nowhere, to itself, or twice to the same.

    Args:
        contexts: entry -> its ``rel_ins_ids``, or the train file's.
        pictures: entry -> its ``image_ids``.
        ids: of all entries of the group, which the loader merges.
        images: of all pictures that there are.
    """
    faults = []
    for name, context in contexts:
        if name not in ids:
            faults.append(f"{name}: there is no such entry")
        if name in context:
            faults.append(f"{name}: is context of itself")
        if len(set(context)) < len(context):
            faults.append(f"{name}: has the same context twice")
        faults += [f"{name}: its context {other} does not exist" for other in context if other not in ids]
    for name, shown in pictures:
        faults += [f"{name}: its picture {image} does not exist" for image in shown if image not in images]
    return faults
