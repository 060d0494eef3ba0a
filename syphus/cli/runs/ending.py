"""How a run ended: what is said of it, with the next step, and the exit code."""

from syphus.cli import view
from syphus.engine.counters import Counters
from syphus.engine.run import Engine
from syphus.errors import Exit, FailureKind, ModelError

_COMES_BACK = {FailureKind.CONNECTION, FailureKind.TIMEOUT, FailureKind.OVERLOADED, FailureKind.RATE_LIMIT}


def tell_of_closed(engine: Engine) -> None:
    """Names the endpoints that were given up while others went on."""
    lanes = engine.dispatch.lanes
    if lanes.open:
        for lane in lanes.all:
            if lane.closed_by:
                view.say(f"not used any more: {lane.name}: {lane.closed_by}")


def end_early(engine: Engine, counters: Counters, total: int, *, made: int = 0) -> Exit | None:
    """Says why a run ended before its time; None where it did not.

    Args:
        engine: that has ended.
        counters: of this start, which may not have come to all that earlier ones have made.
        total: how many items there are.
        made: how many of them the ledger has, as far as that is known.
    """
    # Where it has as many as there are, some are of a larger run: with all of these done, this one would not end early.
    done = f"{max(counters.items, min(made, total - 1)):,} of {total:,} items are done"
    if engine.stopped_by:
        view.say(f"stopped: {engine.stopped_by}\n  {done}. {_mend(engine.stopped_by)}")
        return Exit.REFUSED
    if engine.interrupted:
        view.say(f"interrupted: {done}. The same command goes on where it stopped.")
        return Exit.INTERRUPTED
    if (budget := engine.dispatch.budget).reached:
        cap, known = budget.cap or 0.0, engine.known_cost
        held = budget.spent - known
        lost = f", and up to {view.dollars(held)} are held for calls whose reply was lost" if held > 0.005 else ""
        over = (
            "\n  That is more than the budget: the endpoint counted more tokens than the limit that was sent, or the prompt's"
            " length, allows. It is reckoned with since the first such reply."
            if known > cap and counters.cost
            else ""
        )
        view.say(
            f"the budget of {view.dollars(cap)} is reached: {view.dollars(known)} are spent{lost}, and the next"
            f" call could go beyond it.{over}\n  {done}. The same command with a larger --budget goes on where it stopped."
        )
        return Exit.BUDGET
    return None


def tell_of_stop(counters: Counters, total: int) -> None:
    """After the second Ctrl-C."""
    way = ""
    if counters.cut:
        most = f" (up to {view.dollars(counters.risk)})" if counters.risk else ""
        way = f" {counters.cut:,} calls were on their way and may be billed{most}."
    view.say(f"stopped at once: {counters.items:,} of {total:,} items are kept.{way} The same command goes on.")


def _mend(error: ModelError) -> str:
    if error.kind in _COMES_BACK:
        return "When the endpoint is back, the same command goes on where it stopped."
    return "Mend that and type the same command: it goes on where it stopped."
