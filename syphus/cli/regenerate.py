"""``syphus regenerate``: a part of a run once more, after its plan has been seen; all else stays as it is.

An item whose prompts, model, annotations or checks have changed is done as it would be now: what has to be asked is asked, and
what is stored is read again. One that has not changed would get the same replies out of the ledger, so it needs another draw,
which is a part of its requests' keys. The draws are written before the work begins: a start that was killed is gone on with,
by the same command or by ``generate``, and nothing is drawn twice.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct, field, structs

from syphus.cli import view
from syphus.cli.runs.assemble import library_of, open_categories, open_sources, read_scenes, settings_of
from syphus.cli.runs.changes import changed_settings, find_changes
from syphus.cli.runs.keep import CONFIG_FILE
from syphus.cli.runs.planning import CategoryPlan, Plan, estimate, make_planner
from syphus.cli.runs.prompting import prompts_of
from syphus.cli.runs.select import Selection, in_words, read_selection
from syphus.cli.runs.sending import asked_with, known_abilities
from syphus.cli.runs.work import Prepared, do_run, prepare, run_to_its_end
from syphus.config import Config, load_config
from syphus.endpoints.wire import Abilities
from syphus.errors import Exit, InputError
from syphus.identity import digest
from syphus.jobs.items import GenerateItem, make_items
from syphus.ledger.ledger import open_ledger
from syphus.ledger.reader import Done, LedgerReader
from syphus.report.decisions import read_decisions

_BEGUN = "regeneration"
"""The ledger's name for the wish whose draws were written and whose work has not come to its end."""


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    folder = Path(arguments.run)
    open_ledger(folder).close()  # where there is no run, opening for writing would make one
    can_ask = sys.stdin.isatty() and sys.stderr.isatty()
    # With the plan to be acted on, nobody else may change the ledger between the two.
    writer = open_ledger(folder, create=True) if arguments.yes or can_ask else None
    with writer or open_ledger(folder) as ledger:
        part = _Part(_prepare(arguments, folder, ledger), ledger, arguments)
        todo = _Todo()
        planner = make_planner(part.prepared.config, part.prepared.categories, ledger)
        plan = estimate(part.todo(todo), planner)
        if plan.total.items:
            for line in _described(plan, todo, part, items=sum(ended.items for ended in ledger.ended())):
                view.say(line)
            for line in part.what_changed(folder) if todo.changed else ():
                view.say(line)
        else:
            view.say(_nothing(todo, part))
            if not part.goes_on:
                return Exit.DONE
        if writer is None:
            view.say("nothing was done: add --yes to do it")
            return Exit.DONE
        if plan.total.items and not arguments.yes and not _agrees():
            view.say("nothing was done")
            return Exit.DONE
        writer.keep_places()
        writer.set_meta(_BEGUN, part.wish)
        if todo.to_draw:
            writer.draw_again(todo.to_draw)
        code = run_to_its_end(lambda: do_run(part.prepared, writer, part.is_meant))
        # What failed is tried again by the same words, once; after that they are a new wish.
        if code == Exit.DONE or (code == Exit.FAILURES and part.goes_on):
            writer.set_meta(_BEGUN, "")
        return code


# -- the run as it was made


def _prepare(arguments: argparse.Namespace, folder: Path, ledger: LedgerReader) -> Prepared:
    """The run with the settings that it was made with, flags included, and the categories as they stand now.

    The settings are the copy in the run's folder: the file that it was made from may say something else by now, and knows
    nothing of the flags that were typed. Categories and prompts are those beside that file, where people edit them.
    """
    flags = settings_of(arguments) | {"run.folder": str(folder)}
    if arguments.budget is not None:
        flags["run.budget"] = arguments.budget
    if arguments.config:
        view.say(f"configuration: {arguments.config}")
        return prepare(Path(arguments.config), flags)
    kept = folder / CONFIG_FILE
    if not kept.is_file():
        raise InputError("is missing", file=kept, mend="Name the run's configuration: --config FILE")
    original = Path(os.path.normpath(folder / ledger.meta("config_file", str, CONFIG_FILE)))
    file = original if original.is_file() else kept
    config = load_config(kept, flags)
    categories = open_categories(config, file)
    # A later start with --category has kept fewer than the run has.
    there = library_of(file).category_names()
    names = {category.name for category in categories}
    more = dict.fromkeys(one.category for one in ledger.ended() if one.category not in names and one.category in there)
    if more:
        config = structs.replace(config, categories=(*config.categories, *more))
        categories = open_categories(config, file)
    view.say(f"configuration: {kept}, as the run was made; categories and prompts: {_where_texts_are(file, kept)}")
    if file != kept and (differs := _differences(file, load_config(kept, {"run.folder": str(folder)}), folder)):
        view.say(f"  {file} says otherwise: {differs}. To go by the file: --config {file}")
    return Prepared(config, file, open_sources(config, kept), categories, library_of(file))


def _where_texts_are(file: Path, kept: Path) -> str:
    return "the copies in the run's folder" if file == kept else f"as they stand now beside {file}"


def _differences(file: Path, kept: Config, folder: Path) -> str:
    """What decides what is asked and is not the same in the file as in the kept configuration."""
    try:
        now = load_config(file, {"run.folder": str(folder)})
    except InputError as error:
        return f"it cannot be read ({error.message})"
    return ", ".join(changed_settings(kept, now))


# -- which items, and why


class _Todo(Struct):
    """What was found while the items were gone through."""

    in_categories: int = 0
    """Items of the chosen categories, meant or not."""
    meant: int = 0
    changed: int = 0
    failed: int = 0
    begun: int = 0
    """They have a draw that an earlier start did not come to."""
    unchanged: int = 0
    to_draw: list[str] = field(default_factory=list)
    """Items that get another draw."""


class _Part:
    """The part of a run that is meant."""

    def __init__(self, prepared: Prepared, ledger: LedgerReader, arguments: argparse.Namespace) -> None:
        self.prepared = prepared
        self.redraw: bool = arguments.redraw
        for name in arguments.category or ():
            if name.startswith("translate/"):
                tag = name.partition("/")[2]
                raise InputError(
                    f"{name} is a translation",
                    mend=f"`syphus translate {arguments.run} --to {tag} --redraw` makes it anew.",
                )
        self.selection: Selection = read_selection(
            categories=arguments.category,
            where=arguments.where,
            failed=arguments.failed,
            rejected=arguments.rejected,
            known=[category.name for category in prepared.categories],
            sources=[source.name for source in prepared.sources],
            decisions=read_decisions(Path(arguments.decisions)) if arguments.decisions else None,
            ledger=ledger,
        )
        # What is rejected changes while the work is done; which decisions they are does not.
        self.wish = digest((self.selection._replace(decided=frozenset()), self.redraw))
        """Told from others, so that the same command typed again is known."""
        self.wants_draws = self.redraw or bool(self.selection.rejected or self.selection.decisions)
        self._ledger = ledger
        self._settings = _asked_with(prepared, ledger)
        self._chosen = self.selection.categories or tuple(category.name for category in prepared.categories)
        self.goes_on: bool = ledger.meta(_BEGUN, str, "") == self.wish
        """The same was begun before and has not come to its end, be it only the exports: nothing is drawn anew."""

    def is_meant(self, item: GenerateItem) -> bool:
        """Whether the item was made and is among those that are meant; whether anything has changed, the engine finds."""
        done = self._ledger.find_done(item.id)
        return done is not None and self.selection.picks(item, done, self._ledger)

    def todo(self, todo: _Todo) -> Iterator[GenerateItem]:
        """The items that are to be done anew, with the draw that they will have; says in ``todo`` why."""
        for item, done in self._meant(todo):
            if item.version == done.version and self._wants_draw(item, done):
                todo.to_draw.append(item.id)
                yield structs.replace(item, draw=item.draw + 1, basis="")
                continue
            if item.version != done.version:
                todo.changed += 1
            elif done.state == "failed":
                todo.failed += 1
            elif item.draw != done.draw:
                todo.begun += 1
            elif item.basis != done.basis:
                todo.changed += 1
            else:
                todo.unchanged += 1
                continue
            yield item

    def what_changed(self, folder: Path) -> Iterator[str]:
        """The texts and settings that are not those of the run's folder any more."""
        changes = find_changes(folder, self.prepared.texts, self.prepared.config, self._chosen)
        for name, texts in changes.texts.items():
            if texts:
                yield f"  changed in {name}: {', '.join(texts)}"
        if changes.settings:
            yield f"  changed: {', '.join(changes.settings)}"

    def count_made(self) -> int:
        """Items of the chosen categories that the ledger has, whether their scenes are still there or not."""
        return sum(ended.items for ended in self._ledger.ended() if ended.category in self._chosen)

    def dollars_left(self) -> float | None:
        """What the run's budget still allows; None where it has none."""
        budget = self.prepared.config.run.budget
        return None if budget is None else max(0.0, budget - self._ledger.dollars())

    def _wants_draw(self, item: GenerateItem, done: Done) -> bool:
        if self.goes_on or item.draw != done.draw or done.state == "skipped":
            return False
        if not item.prompts.category.chat_steps:
            return False  # a template gives the same each time
        refused = bool(self.selection.rejected or self.selection.decisions)
        return self.redraw or (refused and done.state != "failed")

    def _meant(self, todo: _Todo) -> Iterator[tuple[GenerateItem, Done]]:
        config = self.prepared.config
        items = make_items(
            read_scenes(self.prepared.sources, lambda *_: None, config.run.limit),
            prompts_of(
                config, self.prepared.sources, [one for one in self.prepared.categories if one.name in self._chosen]
            ),
            settings=self._settings,
            seed=config.run.seed,
            draw_of=self._ledger.draw_of,
        )
        for item in items:
            if (done := self._ledger.find_done(item.id)) is None:
                continue  # `generate` makes it
            todo.in_categories += 1
            if self.selection.picks(item, done, self._ledger):
                todo.meant += 1
                yield item, done


def _asked_with(prepared: Prepared, ledger: LedgerReader) -> Any:
    """As ``work.items_of`` has it of its engine."""
    asks = any(category.chat_steps for category in prepared.categories)
    model = prepared.config.model
    return asked_with(model, known_abilities(model, ledger) if asks else Abilities())


# -- what is said


def _described(plan: Plan, todo: _Todo, part: _Part, *, items: int) -> Iterator[str]:
    if part.goes_on:
        yield "going on with what was begun" + (": nothing is drawn a second time" if part.wants_draws else "")
    yield f"{plan.total.items:,} of {items:,} items of the run, {_price(plan.total, plan)}, the rest untouched"
    reasons = {
        "with changed prompts, model, annotations or checks": todo.changed,
        "that failed": todo.failed,
        "with another draw": len(todo.to_draw),
        "with a draw that was not come to": todo.begun,
    }
    yield f"  {'; '.join(f'{count:,} {reason}' for reason, count in reasons.items() if count)}"
    if (left := part.dollars_left()) is not None and left < plan.total.totals.cost.likely:
        yield f"  the run's budget has {view.dollars(left)} left, which is not enough: --budget names a larger one"
    if plan.total.done and plan.total.totals.requests.likely:
        yield f"  for {plan.total.done:,} of them nothing has to be sent: what is stored is read again"
    if todo.unchanged:
        more = "" if part.redraw or part.goes_on else " (--redraw asks for others)"
        yield f"  {todo.unchanged:,} more are meant and have not changed: they would get the same replies{more}"
    if len(plan.categories) > 1:
        width = max(map(len, plan.categories))
        for name, one in plan.categories.items():
            yield f"  {name:<{width}}  {one.items:>9,} items, {_price(one, plan)}"
    if lost := part.count_made() - todo.in_categories:
        yield f"  {lost:,} items are not in the sources any more, or beyond run.limit, and stay as they are"


def _price(one: CategoryPlan, plan: Plan) -> str:
    calls, (low, likely, high) = one.totals.requests.likely, one.totals.cost
    if not calls:
        return "nothing to send: what is stored is read again"
    if not plan.prices.known:
        return f"about {calls:,.0f} calls, price unknown ({plan.prices.source})"
    if not plan.prices.costs:
        return f"about {calls:,.0f} calls, which cost nothing"
    return f"about {view.dollars(likely)} ({view.dollars(low)} … {view.dollars(high)})"


def _nothing(todo: _Todo, part: _Part) -> str:
    named = in_words(part.selection)
    if not todo.meant and not part.goes_on:
        return (
            f"no item of the run is meant by: {named}" if named else "no item was made yet: `syphus generate` does that"
        )
    if part.goes_on:
        again = ", and the same words after that mean another draw" if part.wants_draws else ""
        return f"what was begun is done, for all {todo.meant:,} items; what is left is to write the exports{again}"
    same = f"nothing has changed: {todo.meant:,} items rest on the very same prompts, model, annotations and checks"
    if part.wants_draws:
        return f"{same}, and ask no model: another draw would give the same"
    return f"{same}.\n  For other replies to the same questions: --redraw"


def _agrees() -> bool:
    print("go on? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
