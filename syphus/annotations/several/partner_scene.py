"""Two scenes of one picture each as one scene of two."""

import re
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from syphus.annotations.several.ordinals import name_picture
from syphus.records import Person, Scene

_REFERENCE = re.compile(r"\]\((#[^\[\]()]*)\)")


def join_scenes(first: Scene, second: Scene, *, similarity: float, name: Callable[[str], str]) -> Scene:
    """The scene ``<first>+<second>``; everything in it says of which picture it is.

    Args:
        first: the scene of the first picture.
        second: of the second one.
        similarity: kept in ``metadata``.
        name: makes an id that was not given before of the wanted one.
    """
    nowhere = tuple(label for label in first.absent if label in second.absent)
    one, other = _place(first, "first", 1, nowhere), _place(second, "second", 2, nowhere)
    return Scene(
        id=name(f"{first.id}+{second.id}"),
        source=first.source if first.source == second.source else "",
        assets=one.assets + other.assets,
        captions=one.captions + other.captions,
        objects=one.objects + other.objects,
        regions=one.regions + other.regions,
        relations=one.relations + other.relations,
        absent=nowhere,
        segments=one.segments + other.segments,
        ocr=one.ocr + other.ocr,
        questions=one.questions + other.questions,
        people=_join_people(first.people, second.people),
        prose=one.prose + other.prose,
        tools=tuple(dict.fromkeys(first.tools + second.tools)),
        metadata={
            "similarity": similarity,
            "first": {"scene": first.id, **first.metadata},
            "second": {"scene": second.id, **second.metadata},
        },
    )


def _join_people(first: tuple[Person, ...], second: tuple[Person, ...]) -> tuple[Person, ...]:
    known = {person.name for person in first}
    return first + tuple(person for person in second if person.name not in known)


def _place(scene: Scene, asset: str, number: int, nowhere: tuple[str, ...]) -> Scene:
    """The scene with its asset named ``asset``, and everything in it placed there under ids of its own.

    What is absent of this picture alone becomes prose, since ``Scene.absent`` speaks of all.
    """
    title = name_picture(number)

    def refer(text: str) -> str:
        return _REFERENCE.sub(lambda found: f"]({_rename(found[1], asset)})", text) if "](#" in text else text

    def absent() -> Iterator[str]:
        labels = [label for label in scene.absent if label not in nowhere]
        if labels:
            yield f"{title.capitalize()}, looked for and not there: {', '.join(labels)}"

    return replace(
        scene,
        assets=(replace(scene.assets[0], id=asset, title=title),),
        captions=tuple(replace(one, text=refer(one.text), asset=asset) for one in scene.captions),
        objects=tuple(replace(one, id=f"{asset}.{one.id}", asset=asset) for one in scene.objects),
        regions=tuple(replace(one, id=f"{asset}.{one.id}", text=refer(one.text), asset=asset) for one in scene.regions),
        relations=tuple(
            replace(one, subject=f"{asset}.{one.subject}", object=f"{asset}.{one.object}") for one in scene.relations
        ),
        segments=tuple(replace(one, text=refer(one.text), asset=asset) for one in scene.segments),
        ocr=tuple(replace(one, asset=asset) for one in scene.ocr),
        questions=tuple(
            replace(one, question=refer(one.question), answers=tuple(map(refer, one.answers)), asset=asset)
            for one in scene.questions
        ),
        absent=(),
        prose=(*(f"{title.capitalize()}: {refer(text)}" for text in scene.prose), *absent()),
    )


def _rename(ids: str, asset: str) -> str:
    parts = (part.strip().removeprefix("#") for part in ids.split(","))
    return ",".join(f"#{asset}.{part}" for part in parts)
