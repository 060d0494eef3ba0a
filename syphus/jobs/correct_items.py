"""What is corrected, and by what."""

from functools import lru_cache
from typing import Any

from msgspec import Struct

from syphus.identity import code_fingerprint, digest
from syphus.jobs.judge_asking import DECIDING, Subject

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


class CorrectItem(Struct, frozen=True, kw_only=True):
    """One dialogue that is corrected."""

    subject: Subject
    correcting: Correcting
    draw: int = 0

    @property
    def category(self) -> str:
        """``correct/llava/detail``."""
        return f"{FAMILY}/{self.subject.dialogue.category or 'dialogues'}"

    @property
    def scene_id(self) -> str:
        """The scene, with its source."""
        return self.subject.scene_id

    @property
    def id(self) -> str:
        """The dialogue's, marked."""
        return f"{self.subject.name}@{FAMILY}"

    @property
    def version(self) -> str:
        """Of the prompts and the model."""
        return self.correcting.version

    @property
    def basis(self) -> str:
        """The fingerprint of all that the outcome depends on but the replies."""
        if self.correcting.settings is None:
            return ""
        return digest((_code(), self.version, self.subject.digest, self.draw))


@lru_cache(maxsize=1)
def _code() -> str:
    return code_fingerprint(*DECIDING)
