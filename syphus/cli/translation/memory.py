"""The questions that repeat, of a translation that goes through batches: they are asked for online.

They are few and short, and all dialogues that hold one wait for them. In batches they, and then their repairs, would be rounds
of their own: a day each, for a hundredth of the price.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial

from syphus.cli import view
from syphus.engine.batch_packing import Packer
from syphus.engine.dispatch import StoppedError
from syphus.engine.run import Engine
from syphus.errors import ModelError
from syphus.jobs.translate import MEMORY_ITEM, TranslateItem
from syphus.jobs.translation_asking import Asked, ask_for
from syphus.jobs.translation_memory import Memory, repeated
from syphus.jobs.translation_prompts import TranslationPrompts
from syphus.ledger.reader import LedgerReader
from syphus.quality.translation.locks import already_masked


async def ask_memory(
    prompts: Mapping[str, TranslationPrompts],
    memory: Memory,
    items: Callable[[], Iterable[TranslateItem]],
    ledger: LedgerReader,
    engine: Engine,
    packer: Packer,
) -> None:
    """Asks for what the memory lacks and an item needs, unless it waits in a batch. What cannot be had is left to the items.

    Args:
        prompts: of each language that is translated into, by its tag.
        memory: of the source.
        items: begins a reading of the items.
        ledger: the run's.
        engine: asks for nothing else meanwhile; it is the caller's to say where its requests go afterwards.
        packer: knows what waits in batches.
    """
    missing: dict[tuple[str, int], Callable[[], Awaitable[Asked]]] = {}
    for tag, one in prompts.items():
        if (one.language.code, one.language.script) == (one.origin.code, one.origin.script):
            continue  # nothing is translated
        draw = ledger.draw_of(f"{MEMORY_ITEM}@{tag}")
        for number in range(len(memory.requests)):
            segments = memory.segments(number)
            locks = {segment.number: already_masked(segment.text) for segment in segments}
            ask = partial(ask_for, one, segments, locks, engine.ask, kind="memory", draw=draw)
            key = await _find_missing(ask, engine)
            if key is not None and not packer.waits(key):
                missing[tag, number] = ask
    needed = _needed(items(), memory, prompts, ledger) if missing else set()
    wanted = [ask for name, ask in missing.items() if name in needed]
    if not wanted:
        return
    go = view.counted(len(wanted), "request for questions that repeat goes", "requests for questions that repeat go")
    view.say(f"{go} online, at the full price, so that the dialogues need not wait for a batch of it")
    engine.put_aside = None
    for result in await asyncio.gather(*(ask() for ask in wanted), return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, ModelError | StoppedError):
            raise result


async def _find_missing(ask: Callable[[], Awaitable[Asked]], engine: Engine) -> str | None:
    """The key of the first request that has no reply; None where all have one. Nothing is sent."""
    keys: list[str] = []
    engine.put_aside = lambda key, *_: keys.append(key)
    with suppress(StoppedError):
        await ask()
    return keys[0] if keys else None


def _needed(
    items: Iterable[TranslateItem], memory: Memory, prompts: Mapping[str, TranslationPrompts], ledger: LedgerReader
) -> set[tuple[str, int]]:
    """Language and number of the requests of the memory that items need which are not done."""
    needed = set()
    for item in items:
        done = ledger.find_done(item.id)
        tag = item.prompts.language.tag
        if (done is not None and done.basis == item.basis and done.state != "failed") or item.prompts != prompts[tag]:
            continue
        texts = (text for _, text in repeated(item.dialogue, item.prompts.terms.names, memory.code))
        needed |= {(tag, memory.places[text][0]) for text in texts if text in memory.places}
    return needed
