"""What the README and the documents say is so: commands parse, links lead somewhere, and nothing that there is goes unnamed."""

import re
import shlex
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from syphus.cli.main import build_parser

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *(ROOT / one for one in ("examples/README.md", "seeds/README.md", "benchmarks/README.md")),
    ]
)
_BLOCK = re.compile(r"^```[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`(syphus [^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ENDS = re.compile(r"\s(?:\||&&|>)\s.*|\s+#\s.*")
_OPEN = re.compile(r"\.\.\.|…|\||[<>]|\*$")
"""What is written in the place of something, so that the line cannot be typed as it stands."""


def commands(page: Path) -> Iterator[str]:
    """The lines of a page's blocks that begin with ``syphus``."""
    for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            typed = _ENDS.sub("", line.strip().removeprefix("$ ").removeprefix(".venv/bin/"))
            if typed.startswith("syphus ") and not _OPEN.search(typed):
                yield typed


TYPED = sorted({(page.relative_to(ROOT).as_posix(), line) for page in PAGES for line in commands(page)})


@pytest.mark.parametrize(("page", "line"), TYPED, ids=lambda one: one[:70])
def test_a_command_that_is_shown_can_be_typed(page: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = ""
    try:
        build_parser().parse_args(shlex.split(line)[1:])
    except SystemExit as end:
        wrong = capsys.readouterr().err if end.code else ""
    assert not wrong, f"{page}: {line}"


def test_there_are_commands_to_be_tried() -> None:
    assert len(TYPED) > 100


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(re.sub(r"`[^`\n]*`", "", _BLOCK.sub("", page.read_text(encoding="utf-8")))):
        place, _, _ = target.partition("#")
        if place and not re.match(r"[a-z]+:", place):
            assert (page.parent / place).exists(), f"{page.relative_to(ROOT)}: {target}"


@pytest.mark.parametrize(("group", "page"), [("syphus.annotations", "README.md"), ("syphus.formats", "README.md")])
def test_all_that_can_be_chosen_is_named(group: str, page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    missing = [one.name for one in entry_points(group=group) if f"`{one.name}`" not in text]
    assert not missing


def test_each_reader_has_a_page() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "readers").glob("*.md"))
    missing = [one.name for one in entry_points(group="syphus.annotations") if f"`{one.name}`" not in text]
    assert not missing


def test_each_command_is_in_the_readme() -> None:
    (choices,) = [action.choices for action in build_parser()._subparsers._group_actions]  # type: ignore[union-attr]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not [name for name in choices or () if not re.search(rf"\bsyphus {name}\b", text)]
