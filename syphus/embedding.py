"""What an embedding is: a callable behind the entry point group ``syphus.embeddings`` that tells how alike things are.

``embed(items) -> vectors``, one vector for each :class:`Item`, in their order. A vector is a sequence of floats, or a mapping of
features to weights where nearly all are nought; they need no length of one. Another package adds one (CLIP, a sentence
encoder) by such an entry point; ours, ``words``, counts words. Used to pair similar pictures
(:mod:`syphus.annotations.several.partners`) and to give MIMIC-IT's entries neighbours (:mod:`syphus.formats.mimicit`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

from msgspec import Struct

from syphus.errors import InputError

Vector = Mapping[str, float] | Sequence[float]


class Item(Struct, frozen=True, kw_only=True):
    """What an embedding sees: a text, and a picture where there is one in a file."""

    text: str
    picture: Path | None = None


Embedding = Callable[[Sequence[Item]], Iterable[Vector]]


def find_embedding(name: str) -> Embedding:
    """The embedding of that name. Raises :class:`InputError` naming those that there are."""
    found = {entry.name: entry for entry in entry_points(group="syphus.embeddings")}
    if name not in found:
        raise InputError(
            f"there is no embedding {name!r}",
            mend=f"Embeddings: {', '.join(sorted(found))}. A package adds one by an entry point of the group "
            "`syphus.embeddings`.",
        )
    return cast("Embedding", found[name].load())
