"""Samples for the tests of the report."""

from typing import Any

from syphus.records import Asset, Caption, Dialogue, Object, Scene, Turn
from syphus.report.facts import Asked, PairFacts, ReportFacts, Sample

HOSTILE = (
    "<script>window.hacked=1</script>",
    "</script><script>window.hacked=1</script>",
    "<!--<script>",
    '"><img src=x onerror="window.hacked=1">',
    "<svg onload=window.hacked=1>",
    "javascript:window.hacked=1",
    "{{constructor.constructor('window.hacked=1')()}}",
    "\u202egnp.exe\u2028\x07",
)

RED = (100.0, 50.0, 300.0, 250.0)
"""The box of the object ``o1``, in pixels of a picture of 400 x 300."""
SCENE = Scene(
    id="s",
    source="examples",
    assets=(Asset(path="red.png", width=400, height=300),),
    captions=(Caption(text="A red square on white."),),
    objects=(
        Object(id="o1", label="square", box=RED, attributes=("red",)),
        Object(id="o2", label="corner", box=(0.0, 0.0, 40.0, 30.0)),
    ),
)


def dialogue_of(*texts: str, id: str = "a", language: str = "en", scene: Scene = SCENE, **fields: Any) -> Dialogue:  # noqa: A002 - the record names it so
    turns = tuple(Turn(role="assistant" if number % 2 else "user", text=text) for number, text in enumerate(texts))
    return Dialogue(
        id=id, scene=scene.id, source=scene.source, turns=turns, language=language, assets=scene.assets,
        objects=scene.objects[:1], **{"category": "llava/conversation", **fields},
    )  # fmt: skip


ASTRONAUT = dialogue_of("What does she wear?", "She wears [an orange suit](#o1).")


def sample_of(*dialogues: Dialogue, version: bool = True, **fields: Any) -> Sample:
    first = dialogues[0]
    common: dict[str, Any] = {
        "id": first.id, "state": "accepted", "category": first.category, "ability": first.ability, "source": first.source,
        "scene_id": first.scene, "dialogues": dialogues, "scene": SCENE,
        "asked": (Asked(purpose="llava/conversation/talk", prefix=1, messages=(("user", "A red square."),), model="m"),),
        "pairs": (PairFacts(question_words=4, answer_words=5, verb="wear", object="suit"),) * (len(first.turns) // 2),
    }  # fmt: skip
    return Sample(**{**common, **fields})


def facts_of(*samples: Sample, **fields: Any) -> ReportFacts:
    common: dict[str, Any] = {
        "title": "demo",
        "origin": "a run",
        "prefixes": {1: (("system", "You are an assistant."),)},
    }
    return ReportFacts(samples=samples, **{**common, **fields})
