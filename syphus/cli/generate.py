"""``syphus generate``: the main job."""

import argparse
import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from syphus.annotations.reading import Problem
from syphus.categories.category import Category, TemplateStep
from syphus.categories.load import Library
from syphus.categories.prompt import CategoryPrompts, Outputs, Turn
from syphus.cli import view
from syphus.cli.assemble import (
    Source,
    concurrency_of,
    library_of,
    open_categories,
    open_sources,
    read_scenes,
    settings_of,
)
from syphus.cli.export import write_export
from syphus.cli.keep import keep_run, keep_texts
from syphus.cli.summary import print_summary, summarise
from syphus.config import Config, ModelTable, load_config
from syphus.engine.ledger import Ledger, open_ledger
from syphus.engine.run import Counters, Engine, RunSettings
from syphus.engine.wire import Abilities
from syphus.errors import Exit, InputError
from syphus.exchange import Parameters
from syphus.jobs.generate import GenerateItem, generate_job, make_items
from syphus.records import Scene


class _Prepared(NamedTuple):
    """A run that is ready to start."""

    config: Config
    sources: list[Source]
    categories: list[Category]
    texts: Library
    """Where the categories and shared prompts were found."""


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    file = Path(arguments.config)
    config = load_config(file, _flags(arguments))
    prepared = _Prepared(config, open_sources(config, file), open_categories(config, file), library_of(file))
    if arguments.show_prompt:
        return _show_prompts(prepared)
    try:
        return asyncio.run(_generate(prepared))
    except asyncio.CancelledError:  # the second Ctrl-C
        raise KeyboardInterrupt from None


def _flags(arguments: argparse.Namespace) -> dict[str, Any]:
    flags = settings_of(arguments)
    named = {
        "run.limit": arguments.limit,
        "run.seed": arguments.seed,
        "categories": arguments.category,
        "model.name": arguments.model,
        "model.base_url": arguments.base_url,
        "model.concurrency": arguments.concurrency,
        "run.folder": arguments.run,
        "model.path": arguments.model_path,
    }
    if arguments.base_url or arguments.model:
        flags["model.kind"] = "openai"
    if arguments.model_path:
        flags["model.kind"] = "local"
    return flags | {key: value for key, value in named.items() if value is not None}


async def _generate(prepared: _Prepared) -> int:
    config = prepared.config
    folder = Path(config.run.folder)
    with open_ledger(folder, create=True) as ledger:
        keep_run(ledger, folder, config, prepared.sources, prepared.categories)
        keep_texts(folder, prepared.texts, prepared.categories)
        counters = Counters()
        prices = view.Prices(config.model.price_in, config.model.price_out)
        ledger.set_meta("prices", prices)
        # All is read once before anything is asked: a torn file or a mistyped path costs nothing, and the rest is known.
        total = _count_items(prepared, ledger)
        engine = await _open_engine(config.model, prepared.categories, ledger, counters)
        try:
            with _Interrupts(engine), view.watch(counters, folder, total=total, prices=prices):
                await engine.run(_items(prepared, ledger), generate_job(config.run.seed))
        finally:
            await engine.close()
        ledger.flush()
        summary = summarise(ledger)
        print_summary(summary, folder, counters=counters)
        if engine.stopped_by:
            view.say(
                f"stopped: {engine.stopped_by}\n  Mend that and type the same command: it goes on where it stopped."
            )
            return Exit.REFUSED
        if engine.interrupted:
            view.say("interrupted. The same command goes on where it stopped.")
            return Exit.INTERRUPTED
        for table in config.export:
            write_export(
                ledger,
                folder,
                format_name=table.format,
                target=folder / table.path,
                boxes=table.boxes,
                embed_pictures=table.embed_pictures,
                max_tokens=table.max_tokens,
            )
        if not config.export:
            view.say(f"next: syphus export {folder} --format llava --out {folder / 'llava.json'}")
        nothing = summary.total.dialogues == 0
        return Exit.FAILURES if summary.total.failed or nothing else Exit.DONE


def _scenes(prepared: _Prepared, ledger: Ledger) -> Iterator[Scene]:
    def report(source: str, problem: Problem) -> None:
        ledger.record_problem(source, problem.file, problem.place, problem.message, lost=problem.lost)

    return read_scenes(prepared.sources, report, prepared.config.run.limit)


def _count_items(prepared: _Prepared, ledger: Ledger) -> int:
    scenes = sum(1 for _ in _scenes(prepared, ledger))
    if not scenes:
        ledger.flush()
        lost = [f"{file}, {place}: {message}" for file, place, message, _ in ledger.problems()]
        raise InputError("the sources hold no scene that can be used", mend="\n  ".join(lost[:5]))
    return scenes * sum(category.samples for category in prepared.categories)


def _items(prepared: _Prepared, ledger: Ledger) -> Iterator[GenerateItem]:
    seed = _sent_seed(prepared.config)
    return make_items(_scenes(prepared, ledger), [CategoryPrompts(category, seed) for category in prepared.categories])


def _sent_seed(config: Config) -> int | None:
    return config.run.seed if config.model.kind == "local" else config.model.seed


async def _open_engine(model: ModelTable, categories: list[Category], ledger: Ledger, counters: Counters) -> Engine:
    settings = RunSettings(concurrency=concurrency_of(model), attempts=model.attempts, extra=model.extra)
    asking = [step for category in categories for step in category.chat_steps]
    if not asking:
        return Engine(ledger, None, "", Abilities(), settings, counters)
    if model.kind == "local":
        from syphus.engine import local, weights

        settings = structs.replace(settings, extra=local.EXTRA | model.extra)
        path = Path(model.path) if model.path else weights.embedded_model(view.say)
        local_client = local.LocalClient(path, window=model.window, slots=settings.concurrency, threads=model.threads)
        return Engine(ledger, local_client, path.name, local.ABILITIES, settings, counters)
    from syphus.engine.client import OpenAIClient
    from syphus.engine.probe import first_guess, probe

    client = OpenAIClient(
        base_url=model.base_url,
        key_variable=model.key_variable,
        timeout=model.timeout,
        connections=settings.concurrency,
    )
    name = f"{client.endpoint} {model.name}"
    engine = Engine(ledger, client, model.name, first_guess(client.endpoint), settings, counters)
    if model.schema_mode != "auto":
        engine.abilities = structs.replace(engine.abilities, schema_mode=model.schema_mode)
    elif (known := ledger.find_abilities(name, Abilities)) is not None:
        engine.abilities = known
    else:
        wanted = Parameters(
            temperature=next((step.temperature for step in asking if step.temperature is not None), None),
            max_tokens=500,
            reasoning_effort=asking[0].reasoning_effort,
        )
        view.say(f"asking {client.endpoint} what it can do")
        try:
            engine.abilities = await probe(engine.ask_once, engine.abilities, wanted)
        except BaseException:
            await client.close()
            raise
        ledger.record_abilities(name, engine.abilities)
    view.say(_described(client.endpoint, model.name, engine.abilities))
    return engine


def _described(endpoint: str, model: str, abilities: Abilities) -> str:
    text = f"{model} at {endpoint}: replies by {abilities.schema_mode}"
    return text if abilities.temperature else f"{text}; takes no temperature, so none is sent"


class _Interrupts:
    """The first Ctrl-C drains, the second stops. The ledger is whole after both."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGINT, lambda *_: self._loop.call_soon_threadsafe(self._handle))

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _handle(self) -> None:
        if self._engine.interrupted:
            if self._task:
                self._task.cancel()
            return
        view.say("finishing what is in flight; Ctrl-C again stops at once")
        self._engine.drain()


def _show_prompts(prepared: _Prepared) -> int:
    """Prints, to stdout, what would be sent first for each category."""
    problems: list[Problem] = []
    scene = next(read_scenes(prepared.sources, lambda _, problem: problems.append(problem), 1), None)
    if scene is None:
        raise InputError(
            "no scene can be read from the sources", mend="; ".join(str(problem) for problem in problems[:3])
        )
    seed = _sent_seed(prepared.config)
    for category in prepared.categories:
        _show_prompt(CategoryPrompts(category, seed), scene, prepared.config.run.seed)
    return Exit.DONE


def _show_prompt(prompts: CategoryPrompts, scene: Scene, seed: int) -> None:
    context = prompts.render(scene).text
    outputs: Outputs = {}
    turn = Turn(seed)
    for step in prompts.category.file.steps:
        if isinstance(step, TemplateStep):
            outputs[step.name] = dict(prompts.fill_template(step, scene, context, outputs, turn))
            continue
        # A later step reads what the model has said before; here its own field names stand for that.
        request = prompts.request(step, scene, context, outputs, turn)
        print(f"===== {request.purpose}, scene {scene.id}")
        for message in request.messages:
            print(f"--- {message.role}\n{message.content}")
        print(f"--- settings\n{msgspec.json.encode(request.parameters).decode()}")
        outputs[step.name] = {name: f"<{name} of {step.name}>" for name in step.fields} or {"pairs": []}
