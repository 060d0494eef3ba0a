"""``syphus coldstart``: the first demonstrations of a category, out of replies that were asked for without any.

The stage that MIMIC-IT's paper describes (section 3.2) and its code lacks. The replies are a run like any other, in a folder
of its own: what was paid for is there when the command is given again, with ``--accept`` for one.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import structs, to_builtins
from rich.markup import escape
from rich.panel import Panel

from syphus.categories.category import Category, Demonstration
from syphus.categories.load import Library, load_category
from syphus.categories.needs import lacking
from syphus.categories.prompt import CategoryPrompts
from syphus.cli import view
from syphus.cli.runs.assemble import open_categories, open_sources, read_scenes
from syphus.cli.runs.replay import replay_candidates
from syphus.cli.runs.work import Prepared, do_run, flags_of, prepare, run_to_its_end
from syphus.config import load_config
from syphus.errors import Exit, InputError
from syphus.files import write_whole
from syphus.jobs.balance import Ballot
from syphus.jobs.candidates import Candidate
from syphus.jobs.demonstrate import check_demonstrations
from syphus.jobs.items import GenerateItem
from syphus.ledger.ledger import open_ledger

_CONFIG = """\
# What `syphus coldstart` asks; the demonstrations of the category are left out.
categories = [{category}]

[run]
folder = "."

[[sources]]
reader = "scenes"
path = {scenes}

[model]
kind = "local"

[overrides.local]
context_tokens = 400
max_tokens = 300
temperature = 0.3
"""


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    run_folder = Path(arguments.run or f"runs/coldstart-{arguments.category.replace('/', '-')}")
    if arguments.accept is not None:
        _numbers(arguments.accept, arguments.show)  # what is no list of numbers is found before anything is paid for
    prepared = _prepare(arguments, run_folder)
    folder = prepared.texts.own_folder(arguments.category)
    chosen = _choose(prepared, arguments.n)
    with open_ledger(run_folder, create=True) as ledger:
        code = run_to_its_end(lambda: do_run(prepared, ledger, chosen))
        if code not in {Exit.DONE, Exit.FAILURES}:
            return code
        candidates = sorted(replay_candidates(prepared, ledger, chosen), key=lambda one: (-one.score, one.item))
    if not candidates:
        view.say("no reply passed the checks: mend the system message, or take a better model")
        return Exit.FAILURES
    shown = candidates[: arguments.show]
    prompts = CategoryPrompts(prepared.categories[0])
    taken = _take(arguments.accept, shown, prompts)
    view.say(f"{len(candidates)} replies have something good in them; the best {len(shown)} are above")
    if not taken:
        view.say("none was taken; --accept 1,3 takes those two and asks for nothing anew")
        return Exit.DONE
    return _write(taken, load_category(arguments.category, prepared.texts), folder)


def _prepare(arguments: argparse.Namespace, run_folder: Path) -> Prepared:
    """The run: a configuration's sources and model, or a file of scenes, and the one category without demonstrations."""
    if bool(arguments.config) == bool(arguments.scenes):
        raise InputError("give either --scenes FILE or --config FILE", mend="--scenes is a file of scenes (.jsonl).")
    flags = flags_of(arguments) | {
        "categories": [arguments.category],
        "run.folder": str(run_folder.absolute()),
        f"overrides.{arguments.category}.demonstrations": 0,
        "export": [],
        "balance": {},
    }
    if arguments.config:
        prepared = prepare(Path(arguments.config), flags)
    else:
        run_folder.mkdir(parents=True, exist_ok=True)
        file = run_folder / "coldstart.toml"
        values = {"category": arguments.category, "scenes": str(Path(arguments.scenes).absolute())}
        with write_whole(file) as written:  # a text is quoted in TOML as it is in JSON
            written.write(_CONFIG.format_map({name: json.dumps(value) for name, value in values.items()}).encode())
        config = load_config(file, flags)
        beside = Path.cwd() / file.name  # categories are those of the folder where the command is typed
        categories = open_categories(config, beside)
        prepared = Prepared(config, beside, open_sources(config, file), categories, Library.at(Path.cwd()))
    category = prepared.categories[0]
    if not category.chat_steps:
        raise InputError(f"{category.name} asks no model, so there is nothing to begin", place="CATEGORY")
    # A category that draws has no draws yet.
    plain = structs.replace(category.file, demonstrations=type(category.file.demonstrations)())
    bare = structs.replace(category, demonstrations=(), accepted=(), file=plain)
    return prepared._replace(categories=[bare])


def _choose(prepared: Prepared, number: int) -> Callable[[GenerateItem], bool]:
    """So many scenes that have what the category needs, drawn by the run's seed. Raises :class:`InputError` without any."""
    needs = prepared.categories[0].file.needs
    ballot: Ballot[str] = Ballot(prepared.config.run.seed)
    missing: dict[str, int] = {}
    found = 0
    for scene in read_scenes(prepared.sources, lambda *_: None, prepared.config.run.limit):
        lacks = lacking(scene, needs)
        for need in lacks:
            missing[need] = missing.get(need, 0) + 1
        if not lacks:
            ballot.enter("", f"{scene.source}/{scene.id}")
            found += 1
    if not found:
        told = ", ".join(f"{count} have no {need}" for need, count in missing.items())
        raise InputError(
            f"no scene has what the category needs ({', '.join(missing) or 'there is no scene'})",
            mend=f"Of the scenes {told}." if told else "Give other scenes.",
        )
    ballot.close({"": number})
    return lambda item: ballot.chooses("", f"{item.scene.source}/{item.scene.id}")


def _take(accept: str | None, shown: list[Candidate], prompts: CategoryPrompts) -> list[Candidate]:
    """Shows the candidates; those that are accepted, by the flag or, on a terminal, by a key."""
    if accept is not None:
        numbers = _numbers(accept, len(shown))
        for number, candidate in enumerate(shown, 1):
            _show(number, candidate, prompts)
        return [shown[number - 1] for number in numbers]
    taken = []
    asking = sys.stdin.isatty()
    for number, candidate in enumerate(shown, 1):
        _show(number, candidate, prompts)
        if asking:
            try:
                answer = input("a demonstration? [y]es, [n]o, [q]uit: ").strip().lower()[:1]
            except EOFError:
                break
            if answer == "q":
                break
            if answer == "y":
                taken.append(candidate)
    return taken


def _numbers(text: str, most: int) -> list[int]:
    if text == "all":
        return list(range(1, most + 1))
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= most for part in parts):
        raise InputError(
            f"{text!r} names no replies", place="--accept", mend=f"Numbers from 1 to {most}, as 1,3; or all."
        )
    return [int(part) for part in dict.fromkeys(parts)]


def _show(number: int, candidate: Candidate, prompts: CategoryPrompts) -> None:
    """A scene as the model saw it, and beside it what it said."""
    turns = [turn for dialogue in candidate.dialogues for turn in dialogue.turns]
    refused = Counter(f"{reject.code}: {reject.message}" for reject in candidate.rejects)
    parts = [
        escape(prompts.render(candidate.scene).text),
        "",
        *(f"[bold]{escape(turn.text)}[/bold]" if turn.role == "user" else escape(turn.text) for turn in turns),
        *(
            f"[dim]refused: {escape(text)}{f' ({count} times)' if count > 1 else ''}[/dim]"
            for text, count in refused.items()
        ),
    ]
    title = f"{number}: {candidate.scene.id}, {candidate.pairs} good pairs, score {candidate.score:.2f}"
    view.show(Panel("\n".join(parts), title=escape(title), title_align="left"))


def _write(taken: list[Candidate], category: Category, folder: Path) -> int:
    """Writes the demonstrations, but for those that the category would then be refused for."""
    place = folder / "demonstrations"
    written: list[Demonstration] = []
    for candidate in taken:
        there = (*category.demonstrations, *written)
        number = 1 + max([int(head) for one in there if (head := one.file.partition("-")[0]).isdecimal()], default=0)
        one = candidate.demonstration(f"{number:02d}-{candidate.scene.id.replace('/', '_')}.json")
        faults = asyncio.run(check_demonstrations(structs.replace(category, demonstrations=(*there, one))))
        if found := [fault for fault in faults if fault.startswith(one.file)]:
            view.say(f"not written: {found[0]}")
            continue
        record = {name: value for name, value in to_builtins(one).items() if name not in {"file", "note"}}
        record["note"] = "written by a model (see origin), accepted by a person"
        try:
            place.mkdir(exist_ok=True)
            with write_whole(place / one.file) as file:
                file.write(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
        except PermissionError as error:
            raise InputError(
                "may not be written",
                file=place,
                mend=f"`syphus new mine/{folder.name} --like {category.name}` makes a copy of your own.",
            ) from error
        written.append(one)
        view.say(f"wrote {place / one.file}")
    if written:
        view.say(
            f"{category.name} has {len(category.demonstrations) + len(written)} demonstrations now; read them once more"
        )
    return Exit.DONE if len(written) == len(taken) else Exit.FAILURES
