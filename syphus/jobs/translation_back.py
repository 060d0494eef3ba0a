"""The way back: a sample of translations is translated once more, into the language it came from, and compared with it."""

import heapq
from collections.abc import Iterable

from syphus.exchange import Ask
from syphus.identity import draw_number
from syphus.jobs.translation_asking import ask_for
from syphus.jobs.translation_prompts import Segment, TranslationPrompts
from syphus.quality.translation.locks import mask, unmask
from syphus.records import Dialogue
from syphus.references.text import plain_text


def draw_sample(dialogues: Iterable[Dialogue], number: int, seed: int) -> list[Dialogue]:
    """So many of the dialogues, decided by seed and ids alone; no more than these are held."""
    heap: list[tuple[int, int, Dialogue]] = []
    for position, dialogue in enumerate(dialogues):
        entry = (-draw_number(seed, "back", dialogue.id), position, dialogue)
        if len(heap) < number:
            heapq.heappush(heap, entry)
        elif entry > heap[0]:
            heapq.heapreplace(heap, entry)
    return [dialogue for _, _, dialogue in sorted(heap, key=lambda entry: entry[1])]


async def translate_back(
    original: Dialogue, translated: Dialogue, prompts: TranslationPrompts, ask: Ask
) -> tuple[str, str]:
    """The text of a dialogue, and what is left of it after the way back; empty where not all of it came back.

    What a check refused on the way back says nothing of how much the translation has kept, so it is no part of the figure.

    Args:
        original: the source.
        translated: its translation.
        prompts: from the language of the translation into that of the source.
        ask: the only effect.
    """
    segments, locks = [], {}
    for number, turn in enumerate(translated.turns, start=1):
        locks[number] = mask(turn.text.strip(), prompts.terms.names)
        text = locks[number].text
        segments.append(Segment(number, turn.role, text, None if locks[number].has_words else text))
    asked = await ask_for(prompts, segments, locks, ask, kind="back")
    source = "\n".join(plain_text(turn.text) for turn in original.turns)
    if asked.faults:
        return source, ""
    texts = {one.number: one.translation or "" for one in segments} | asked.texts
    return source, "\n".join(plain_text(unmask(texts[number], locks[number].locks)) for number in sorted(texts))
