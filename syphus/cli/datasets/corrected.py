"""The corrected dialogues of a run in the place of what they were made of: for exports that ask for them."""

from collections.abc import Iterable, Iterator

from syphus.jobs.correct import CHECK
from syphus.jobs.correct_items import FAMILY
from syphus.ledger.reader import LedgerReader
from syphus.records import Dialogue


class Corrections:
    """What ``syphus correct`` made of a run. Holds the dialogues that were changed, and no others.

    Args:
        ledger: of the run; read once, at once.
    """

    def __init__(self, ledger: LedgerReader) -> None:
        self.replaced = 0
        self.dropped = 0
        self.outdated = 0
        """Corrected before they were made anew: they are taken as they stand now."""
        self._changed: dict[str, Dialogue | None] = {}
        for outcome in ledger.outcomes():
            name = outcome.item.removesuffix(f"@{FAMILY}")
            if not outcome.category.startswith(f"{FAMILY}/"):
                continue
            if outcome.dialogues and outcome.dialogues[0].verdicts:
                self._changed[name] = outcome.dialogues[0]
            elif any(reject.code.startswith(f"{CHECK}:") for reject in outcome.rejects):
                self._changed[name] = None

    def apply(self, dialogues: Iterable[Dialogue]) -> Iterator[Dialogue]:
        """Each dialogue as it was corrected; those of which nothing holds are left out, those that were not corrected stay."""
        for dialogue in dialogues:
            corrected = self._changed.get(dialogue.id, dialogue)
            if corrected is None:
                self.dropped += 1
            elif corrected is dialogue:
                yield dialogue
            elif _is_of(corrected, dialogue):
                self.replaced += 1
                yield corrected
            else:
                self.outdated += 1
                yield dialogue


def _is_of(corrected: Dialogue, dialogue: Dialogue) -> bool:
    """Whether it was made of the dialogue as it stands: of the same replies, and of questions that are in it."""
    keys = dialogue.provenance.requests
    asked = {turn.text for turn in dialogue.turns[::2]}
    return corrected.provenance.requests[: len(keys)] == keys and asked >= {turn.text for turn in corrected.turns[::2]}
