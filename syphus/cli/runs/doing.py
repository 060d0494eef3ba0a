"""Doing what a command has models do: at once and online, or through batches."""

from syphus.cli.runs.work import run_to_its_end
from syphus.cli.runs.workload import WENT_WELL, Work
from syphus.errors import Exit, InputError
from syphus.ledger.ledger import Ledger, open_ledger


def do_work(work: Work) -> int:
    """Does what a command is for, online or with ``--batch``; the exit code."""
    arguments = work.arguments
    if arguments.wait and not arguments.batch:
        raise InputError("--wait is for batches", mend="Add --batch, or leave --wait out: an online run always waits.")
    if arguments.batch:
        from syphus.cli.runs.batch_rounds import begin_batches

        return begin_batches(work, wait=arguments.wait)
    with open_ledger(work.folder, create=True) as ledger:
        work.note(ledger)
        code = run_to_its_end(lambda: _ask_online(work, ledger))
        return work.end(ledger, code) if code in WENT_WELL else code


async def _ask_online(work: Work, ledger: Ledger) -> int:
    """All parts, one after another; the worst of their codes, or the first that ends it all."""
    worst = int(Exit.DONE)
    for part in work.parts:
        code = await part.run(ledger, None)
        if code not in WENT_WELL:
            return code
        worst = max(worst, code)
    return worst
