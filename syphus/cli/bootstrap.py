"""``syphus bootstrap``: accepted replies of a run into the pool that a category draws demonstrations from.

As self-instruct grows its pool, with its bound on what is new; but as a step of its own and not while a run is on its way, so
that a run asks the same in whatever order its replies come, and a person can read the pool before it is used.
"""

import argparse
import os
from pathlib import Path

import msgspec
from msgspec import to_builtins

from syphus.categories.load import ACCEPTED_FILE, Library, load_category
from syphus.cli import view
from syphus.cli.runs.keep import CONFIG_FILE
from syphus.cli.runs.replay import replay_candidates
from syphus.cli.runs.work import prepare
from syphus.errors import Exit, InputError
from syphus.files import write_whole
from syphus.jobs.candidates import choose_novel
from syphus.ledger.ledger import open_ledger
from syphus.ledger.reader import LedgerReader


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    if not 0 < arguments.novelty <= 1:
        raise InputError(f"{arguments.novelty:g} must be more than 0 and at most 1", place="--novelty")
    folder = Path(arguments.run)
    kept = folder / CONFIG_FILE
    if not kept.is_file():
        raise InputError("is missing, so this is no run's folder", file=kept)
    prepared = prepare(kept, {})
    known = [one.name for one in prepared.categories]
    if arguments.category not in known:
        raise InputError(f"the run has no category {arguments.category!r}", mend=f"It has: {', '.join(known)}.")
    prepared = prepared._replace(categories=[one for one in prepared.categories if one.name == arguments.category])
    with open_ledger(folder) as ledger:
        library = _library(folder, ledger)
        target = Path(arguments.out) if arguments.out else library.own_folder(arguments.category) / ACCEPTED_FILE
        candidates = list(replay_candidates(prepared, ledger))
    good = [one for one in candidates if not one.rejects]
    # The folder as it is now, without its pool: that one may not be there yet.
    written = load_category(arguments.category, library, pool=False).demonstrations
    chosen, alike = choose_novel(good, written, number=arguments.n, bound=arguments.novelty, seed=arguments.seed)
    view.say(
        f"{len(candidates):,} accepted, {len(good):,} without any fault; {alike:,} passed over as too like another "
        f"(ROUGE-L of their questions from {arguments.novelty:g} on)"
    )
    if not chosen:
        view.say("nothing is left to write")
        return Exit.FAILURES
    with write_whole(target) as file:
        for candidate in chosen:
            record = to_builtins(candidate.demonstration(""))
            record.pop("file")
            file.write(msgspec.json.encode(record) + b"\n")
    view.say(f"wrote {len(chosen)} to {target}")
    view.say("a category draws from them where its category.toml says so: [demonstrations] draw = 3, accepted = 1")
    return Exit.DONE


def _library(folder: Path, ledger: LedgerReader) -> Library:
    """The categories of the folder where the command is typed, then those beside the configuration that the run was made by."""
    original = Path(os.path.normpath(folder / ledger.meta("config_file", str, CONFIG_FILE)))
    return Library.at(Path.cwd(), original.parent, original.parent.parent)
