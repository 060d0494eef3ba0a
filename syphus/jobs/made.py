"""What of a reply goes into an outcome, and into the next request: refusals, rejects, what is wanted again, what is referred to."""

from collections.abc import Iterable, Sequence

from msgspec import structs

from syphus.categories.category import ChatStep
from syphus.exchange import Reject, Reply
from syphus.quality.pairs import Pair, PairsVerdict
from syphus.records import Asset, Object, Scene, Turn, Verdict
from syphus.references.text import find_references


def say_wanted(step: ChatStep, kept: Sequence[dict[str, str]]) -> str:
    """What the model is asked for again, where some of its pairs are kept."""
    if not kept:
        return "Make it anew."
    assert step.pairs is not None
    questions = " ".join(f'"{pair["question"]}"' for pair in kept)
    return f"These are good and kept: {questions} Give only {step.pairs[0] - len(kept)} more, about other things."


def find_refusal(reply: Reply) -> str:
    """The provider's own sign of a refusal; asking again unchanged would only be refused, and paid, again."""
    if reply.refusal:
        return reply.refusal[:120]
    return "content filter" if reply.finish == "content_filter" else ""


def make_reject(fault: Verdict, step: str) -> Reject:
    """What is told of a pair, or a reply, that a check refused."""
    code = fault.check if fault.check == fault.code else f"{fault.check}: {fault.code}"
    return Reject(code=code, message=fault.message, step=step, evidence=fault.evidence)


def _places(pair: Pair, scene: Scene) -> list[str]:
    """The assets that have a place in a pair, in the order of its text."""
    assets = {asset.id for asset in scene.assets}
    return [
        identity
        for text in (pair.question, pair.answer)
        for one in find_references(text)
        if not one.phrase
        for identity in one.ids
        if identity in assets
    ]


def find_placed(pairs: Iterable[Pair], scene: Scene) -> tuple[Asset, ...]:
    """The scene's assets that have a place in the pairs, in the order of the text."""
    assets = {asset.id: asset for asset in scene.assets}
    return tuple(assets[name] for name in dict.fromkeys(name for pair in pairs for name in _places(pair, scene)))


def without_repeated_places(pairs: Sequence[Pair], verdict: PairsVerdict, scene: Scene) -> PairsVerdict:
    """What the checks found, and each good pair refused that shows an asset for the second time."""
    passed: list[int] = []
    refused: list[Verdict] = []
    seen: set[str] = set()
    for index in verdict.passed:
        names = _places(pairs[index], scene)
        again = [name for place, name in enumerate(names) if name in seen or name in names[:place]]
        if again:
            message = f"{again[0]} is shown twice; [](#{again[0]}) stands once, where it is shown first."
            refused.append(Verdict(check="asset", code="placed_twice", message=message, turn=index))
            continue
        passed.append(index)
        seen.update(names)
    return structs.replace(verdict, passed=tuple(passed), verdicts=(*verdict.verdicts, *refused))


def drop_places(pair: Pair, scene: Scene) -> Pair:
    """A pair without the places at which the scene's assets stand in it, ``[](#second)``: they are no part of what is said."""
    assets = {asset.id for asset in scene.assets}

    def drop(text: str) -> str:
        for one in reversed(list(find_references(text))):
            if not one.phrase and assets.issuperset(one.ids):
                text = text[: one.start] + text[one.end :]
        return text.strip()

    return Pair(question=drop(pair.question), answer=drop(pair.answer))


def find_referred(scene: Scene, turns: Iterable[Turn]) -> tuple[Object, ...]:
    """The objects that the turns point at, in the scene's order, and behind them the regions, as objects named by their text."""
    ids = {
        identity
        for turn in turns
        if "](" in turn.text
        for reference in find_references(turn.text)
        for identity in reference.ids
    }
    if not ids:
        return ()
    regions = (
        Object(id=region.id, label=region.text, box=region.box, asset=region.asset)
        for region in scene.regions
        if region.id in ids
    )
    return (*(thing for thing in scene.objects if thing.id in ids), *regions)
