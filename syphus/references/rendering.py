"""Stored text, with its references, into the text that a trainer reads."""

from syphus.records import Dialogue
from syphus.references.boxes import Convention, render_box, render_phrase
from syphus.references.text import Reference, plain_text, replace_references


def render_text(text: str, dialogue: Dialogue, convention: Convention | None) -> str:
    """One turn's text for export.

    Args:
        text: with references ``[phrase](#id)``.
        dialogue: holds the objects that the references point at, and the assets with their sizes.
        convention: how coordinates are printed; None leaves the phrases alone.

    Raises:
        KeyError: a reference leads nowhere (checks have refused such text before).
        InputError: the convention needs the picture's size, and it is not known.
    """
    if convention is None:
        return plain_text(text)
    objects = {thing.id: thing for thing in dialogue.objects}
    sizes = {asset.id: (asset.width, asset.height) for asset in dialogue.assets}
    first = next(iter(sizes.values()), (None, None))

    def render(reference: Reference) -> str:
        boxes = []
        for identity in reference.ids:
            if identity in sizes:
                continue
            thing = objects[identity]
            if thing.box is not None:
                width, height = sizes[thing.asset] if thing.asset else first
                boxes.append(render_box(thing.box, convention, width=width, height=height, phrase=reference.phrase))
        return render_phrase(reference.phrase, boxes, convention) if boxes else reference.phrase

    return replace_references(text, render)
