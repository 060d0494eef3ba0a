"""``syphus report``: a run, or any dataset, as one HTML file to be looked at."""

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import structs

from syphus.cli import view
from syphus.cli.convert import choose_importer
from syphus.cli.reports.facts import Narrowed
from syphus.cli.reports.file import facts_of_file
from syphus.cli.reports.run import facts_of_run
from syphus.errors import Exit, InputError
from syphus.files import write_whole
from syphus.formats.importing import ImportOptions
from syphus.ledger.ledger import open_ledger
from syphus.ledger.store import LEDGER_FILE
from syphus.records import Asset
from syphus.references.boxes import find_convention
from syphus.report.decisions import read_decisions
from syphus.report.facts import ReportFacts, Sample
from syphus.report.page import write_page
from syphus.report.pictures import Find, PictureBook, have_pillow, inside, side_for

DECISIONS_FILE = "decisions.jsonl"
"""In a run's folder: where ``syphus review`` keeps them."""
MOST = 20_000
"""Entries of a page, where nothing is said of it."""
_EVERY = 5.0
"""Seconds between two lines about how far it is."""


class Gathered(NamedTuple):
    """What a page is made of, and where its pictures are."""

    facts: ReportFacts
    find: Find
    pictures: int
    """How many different ones there are, at most."""


def run(arguments: argparse.Namespace) -> int:
    """Runs the command: 0, or 1 where there is nothing to be seen."""
    source = Path(arguments.source)
    gathered = gather(arguments, source)
    target = Path(arguments.out) if arguments.out else default_target(source)
    if target.is_dir():
        raise InputError("is a folder", file=target, mend=f"Name a file, as {target / 'report.html'}.")
    book = make_book(gathered, shown=not arguments.no_pictures)
    with write_whole(target) as out:
        count = write_page(gathered.facts, out, book)
    for text in [*gathered.facts.remarks, *told_of_pictures(book, shown=not arguments.no_pictures)]:
        view.say(text)
    size = target.stat().st_size / 1e6
    view.say(f"{count:,} entries, {len(book.sizes):,} pictures, {size:.1f} MB: {target}")
    return Exit.DONE if count else Exit.FAILURES


def default_target(source: Path) -> Path:
    """Where the page is written if nothing is said: in a run's folder, or beside a dataset."""
    if (source / LEDGER_FILE).is_file():
        return source / "report.html"
    whole = Path(os.path.abspath(source))  # noqa: PTH100 - `.` and `..` have no name of their own; links stay
    return whole.parent / f"{whole.stem}.report.html"


def gather(arguments: argparse.Namespace, source: Path, decisions: Path | None = None) -> Gathered:
    """All that the page shows of a run or a dataset.

    Args:
        arguments: of ``report`` or ``review``.
        source: a run's folder, or a file of any format.
        decisions: the file of those that were made before, in the place of the one that is named.

    Raises:
        InputError: it cannot be read, or is neither.
    """
    narrowed = Narrowed(
        limit=arguments.limit or MOST,
        categories=arguments.category,
        verdicts=Path(arguments.verdicts) if arguments.verdicts else None,
        scenes=Path(arguments.scenes) if arguments.scenes else None,
    )
    if (source / LEDGER_FILE).is_file():
        images, videos = _folder(arguments.images), _folder(arguments.videos)
        with open_ledger(source) as ledger:
            relative = ledger.meta("pictures", dict[str, str], {})
            facts = facts_of_run(source, ledger, narrowed)
        folders = {name: Path(os.path.normpath(source / path)) for name, path in relative.items()}
        find = finder(folders if images is None else {}, images, videos)
        decisions = decisions or source / DECISIONS_FILE
    else:
        if not source.exists():
            raise InputError("is not there", file=source)
        importer = choose_importer(source, arguments.from_)
        images = _folder(arguments.images) or (source if source.is_dir() else source.parent)
        videos = _folder(arguments.videos)
        boxes = find_convention(arguments.read_boxes) if arguments.read_boxes else None
        options = ImportOptions(images=images, videos=videos, language="", dataset=arguments.dataset, boxes=boxes)
        facts = facts_of_file(source, importer, options, narrowed)
        find = finder({}, images, videos)
    if arguments.decisions:
        decisions = Path(arguments.decisions)
        if not decisions.is_file():
            raise InputError("is not there", file=decisions)
    made = read_decisions(decisions) if decisions is not None and decisions.is_file() else {}
    samples = list(facts.samples)
    when = time.strftime("%Y-%m-%d %H:%M")
    return Gathered(structs.replace(facts, samples=samples, decisions=made, made=when), find, _count_pictures(samples))


def _folder(path: str | None) -> Path | None:
    if path is not None and not Path(path).is_dir():
        raise InputError("is no folder", file=path, mend="Name the folder that the paths in it are relative to.")
    return Path(path) if path is not None else None


def finder(folders: dict[str, Path], default: Path | None, videos: Path | None = None) -> Find:
    """Finds the files of assets.

    Args:
        folders: name of a source -> its picture folder.
        default: for sources that are not named there.
        videos: the folder of videos, where it is another.
    """

    def find(asset: Asset, source: str) -> Path | None:
        folder = videos if videos and asset.kind != "image" else folders.get(source, default)
        return inside(folder, asset.path) if folder is not None else None

    return find


def _count_pictures(samples: list[Sample]) -> int:
    return len({(one.source, asset.path, asset.url) for one in samples for asset in _assets(one)})


def _assets(sample: Sample) -> tuple[Asset, ...]:
    if sample.dialogues:
        return sample.dialogues[0].assets
    return sample.scene.assets if sample.scene else ()


def make_book(gathered: Gathered, *, shown: bool) -> PictureBook:
    """The pictures of a page, as large as their number allows, and a word now and then about how far it is."""
    return PictureBook(_with_progress(gathered.find), side_for(gathered.pictures) if shown else 0)


def _with_progress(find: Find) -> Find:
    state: dict[str, Any] = {"seen": 0, "at": time.monotonic()}

    def told(asset: Asset, source: str) -> Path | None:
        state["seen"] += 1
        if time.monotonic() - state["at"] > _EVERY:
            state["at"] = time.monotonic()
            view.say(f"  {state['seen']:,} pictures")
        return find(asset, source)

    return told


def told_of_pictures(book: PictureBook, *, shown: bool) -> Iterator[str]:
    """What is to be said of pictures that are not in the page."""
    if not shown:
        return
    if not have_pillow():
        yield "without pictures: they are made small by Pillow; `pip install syphus[report]`"
    if book.missing:
        yield f"{book.missing:,} pictures are not there or cannot be read; --images names their folder"
    if book.over:
        yield f"{book.over:,} pictures were left out: the page would be too large with them"
