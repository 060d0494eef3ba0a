"""Fixtures that several test files share."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from syphus.rehearsal.server import RehearsalServer

sys.path.insert(0, str(Path(__file__).parent))  # import-mode importlib leaves helpers such as folders.py to us


ROOT = Path(__file__).parents[1]


@pytest.fixture
def server() -> Iterator[RehearsalServer]:
    """An OpenAI-compatible endpoint on loopback that does what its script says."""
    with RehearsalServer() as running:
        yield running


@pytest.fixture
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(autouse=True)
def no_stray_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own keys and endpoints must not leak into tests, nor tests into them."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
