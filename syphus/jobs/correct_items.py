"""What is corrected, and by what."""

from typing import Any

from msgspec import Struct

from syphus.identity import digest
from syphus.jobs.judge_asking import SubjectItem

FAMILY = "correct"


class Correcting(Struct, frozen=True, kw_only=True):
    """By what is corrected. Made once per run."""

    system: str
    repair_text: str
    sent_seed: int | None = None
    reasoning_effort: str | None = None
    settings: Any = None
    """What is sent besides the prompts; None: items without a basis."""

    @property
    def version(self) -> str:
        """The fingerprint of what is asked, with the model."""
        return digest((self.system, self.repair_text, self.sent_seed, self.reasoning_effort, self.settings))


class CorrectItem(SubjectItem, frozen=True, kw_only=True):
    """One dialogue that is corrected."""

    family = FAMILY
    correcting: Correcting

    @property
    def way(self) -> Correcting:
        """By what it is corrected."""
        return self.correcting
