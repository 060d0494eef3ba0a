"""What a run has in batches: the commands that were typed with ``--batch`` and have not come to their end.

They stand in the run's ledger, each with the models that it asks, so that what is at the provider can be fetched whatever has
become of the files that were worked on; and with its flags, so that ``syphus batch collect`` goes on with it.
"""

import secrets
import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from syphus.cli.runs.keep import keep_command, kept_arguments
from syphus.cli.runs.sending import endpoint_tables
from syphus.cli.runs.workload import Work
from syphus.config import BatchTable, ModelTable
from syphus.engine.batch_remote import Remote
from syphus.engine.batches import FOLDER, Desk
from syphus.identity import digest
from syphus.ledger.ledger import Ledger
from syphus.ledger.reader import LedgerReader
from syphus.money.prices import find_prices

GENERATE = "generate"
_META = "batches"
_UNLIKE = ("batch", "wait", "anyway", "redraw", "rejected", "again", "budget", "concurrency", "plan", "kept")
"""Flags in which the same command may differ from one time to the next."""


class Asked(Struct, frozen=True, kw_only=True):
    """A model that is asked through batches, as the ledger keeps it."""

    model: ModelTable
    batch: BatchTable
    budget: float | None


class Kept(Struct, frozen=True, kw_only=True):
    """A command as the ledger keeps it."""

    command: str
    name: str
    """With which the names of its desks begin; ``generate``'s is empty."""
    title: str
    alike: str = ""
    """The same for the same command, typed again."""
    typed: dict[str, Any] = {}
    asked: tuple[Asked, ...] = ()
    since: int = 0
    """Failures up to this attempt were asked for anew."""
    packed_at: int = -1
    """The newest attempt when all that was missing had been packed: while there is no newer one, nothing else can be."""
    called_back: bool = False
    """Nothing of it is handed in until it is typed again."""

    @property
    def desks(self) -> list[str]:
        """The names of its desks."""
        return [f"{self.name}-{number}" if self.name else "" for number in range(len(self.asked))]


class Mark(Struct, frozen=True, kw_only=True):
    """What a run remembers of its batches, beside them."""

    run: str
    """Its name at the provider."""
    works: tuple[Kept, ...] = ()

    def find(self, name: str) -> Kept:
        """The command of this name."""
        return next(kept for kept in self.works if kept.name == name)

    def replace(self, kept: Kept) -> "Mark":
        """With a command as it stands now."""
        return structs.replace(self, works=tuple(kept if one.name == kept.name else one for one in self.works))


def read_mark(ledger: LedgerReader) -> Mark | None:
    """What a run remembers of its batches; None: it never had any."""
    return ledger.meta(_META, Mark | None, None)  # type: ignore[arg-type]


def write_mark(ledger: Ledger, mark: Mark) -> None:
    """Stores it."""
    ledger.set_meta(_META, mark)


def remember(work: Work, ledger: Ledger, since: int) -> tuple[Mark, str]:
    """Notes a command whose requests go through batches; typed again it is the same one.

    Args:
        work: the command.
        ledger: of the run, open for writing.
        since: the newest attempt.

    Returns:
        What the run remembers now, and the command's name in it.
    """
    before = read_mark(ledger) or Mark(run=secrets.token_hex(8))
    alike = "" if work.command == GENERATE else _alike(work)
    known = next((kept for kept in before.works if (kept.command, kept.alike) == (work.command, alike)), None)
    name = known.name if known else "" if work.command == GENERATE else secrets.token_hex(4)
    typed = keep_command(work.folder, _copies(work.folder, name), work.arguments, work.prompts) if name else {}
    configs = [part.config for part in work.parts]
    kept = Kept(
        command=work.command,
        name=name,
        title=work.title,
        alike=alike,
        typed=typed,
        asked=tuple(Asked(model=one.model, batch=one.batch, budget=one.run.budget) for one in configs),
        since=since,
    )
    mark = before.replace(kept) if known else structs.replace(before, works=(*before.works, kept))
    write_mark(ledger, mark)
    return mark, name


def forget(mark: Mark, name: str, ledger: Ledger) -> Mark:
    """A command of which nothing waits any more."""
    mark = structs.replace(mark, works=tuple(kept for kept in mark.works if kept.name != name))
    write_mark(ledger, mark)
    if name:
        shutil.rmtree(_copies(ledger.path.parent, name), ignore_errors=True)
    return mark


def take_up(kept: Kept, folder: Path, stack: ExitStack, *, budget: float | None) -> Work:
    """A command as it was typed.

    Args:
        kept: which.
        folder: the run's.
        stack: removes what is written on the way.
        budget: in the place of the one that was typed.

    Raises:
        InputError: what it worked on is not there any more, for one.
    """
    from syphus.cli.main import build_parser  # which is where commands are called from

    needed = [f"--{name}={kept.typed[name]}" for name in ("to",) if kept.command == "translate"]
    defaults = build_parser().parse_args([kept.command, kept.typed["what"], *needed])
    arguments = kept_arguments(folder, _copies(folder, kept.name), kept.typed, defaults)
    if budget is not None:
        arguments.budget = budget
    work: Work = import_module(f"syphus.cli.{kept.command}").open_work(arguments, stack)
    return work


def desks_of(kept: Kept, budget: float | None = None) -> Iterable[Desk]:
    """A command's desks; ``budget`` goes before the one that was typed with it."""
    for name, asked in zip(kept.desks, kept.asked, strict=True):
        table = endpoint_tables(asked.model)[0]
        yield Desk(
            name=name,
            remote=Remote(
                base_url=table.base_url, key_variable=table.key_variable, timeout=table.timeout, attempts=table.attempts
            ),
            model=table.name,
            renamed=table.name != asked.model.name,
            limits=asked.batch,
            prices=find_prices(table),
            budget=asked.budget if budget is None else budget,
        )


def _copies(folder: Path, name: str) -> Path:
    return folder / FOLDER / name


def _alike(work: Work) -> str:
    typed = {name: value for name, value in vars(work.arguments).items() if name not in _UNLIKE}
    # The same file, wherever it is named from.
    return digest((work.command, str(Path(work.arguments.what).resolve()), typed | {"what": None}))
