"""``syphus check``: categories, a configuration, or a file of scenes, looked at before anything is paid for."""

import argparse
import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from syphus.annotations import scenes as scenes_reader
from syphus.annotations.reading import Problem
from syphus.categories.context import estimate_tokens
from syphus.categories.load import Library, load_categories
from syphus.categories.needs import lacking
from syphus.categories.prompt import CategoryPrompts
from syphus.cli import view
from syphus.cli.runs.assemble import open_categories, open_sources, read_scenes, settings_of
from syphus.config import load_config
from syphus.errors import Exit, InputError
from syphus.files import write_whole
from syphus.formats.exporting import find_format
from syphus.jobs.demonstrate import check_demonstrations
from syphus.records import Scene
from syphus.references.boxes import find_convention

SAMPLE = 200
"""Scenes that are read to see how a configuration fits its data."""
_SHOWN = 20


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    if arguments.write_schema:
        with write_whole(Path(arguments.write_schema)) as file:
            file.write(scene_schema())
        view.say(f"wrote {arguments.write_schema}")
    if arguments.what == "seeds":
        return _check_seeds()
    path = Path(arguments.what)
    return _check_config(path, settings_of(arguments)) if path.suffix == ".toml" else _check_scenes(path)


def scene_schema() -> bytes:
    """The JSON Schema (Draft 2020-12) of a scene, made from the record itself."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Scene)}
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"


def _check_seeds() -> int:
    library = Library.at(Path.cwd())
    faults = 0
    for name in library.category_names():
        try:
            found = asyncio.run(check_demonstrations(load_categories([name], library)[0]))
        except InputError as error:
            found = [str(error)]
        view.say(f"{name}: {'well' if not found else f'{len(found)} faults'}")
        for fault in found:
            view.say(f"  {fault}")
        faults += len(found)
    return Exit.BAD_INPUT if faults else Exit.DONE


def _check_config(path: Path, flags: dict[str, Any]) -> int:
    config = load_config(path, flags)
    sources = open_sources(config, path)
    categories = open_categories(config, path)
    for export in config.export:
        find_format(export.format)
        if export.boxes:
            find_convention(export.boxes)
    problems: list[Problem] = []
    limit = min(config.run.limit or SAMPLE, SAMPLE)
    scenes = list(read_scenes(sources, lambda _, problem: problems.append(problem), limit))
    view.say(f"{path}: {view.counted(len(sources), 'source')}; of the first {limit} scenes {len(scenes)} were read")
    for category in categories:
        prompts = CategoryPrompts(category)
        own = [scene for scene in scenes if category.takes(scene)]
        lacks = Counter(need for scene in own for need in lacking(scene, category.file.needs))
        fitting = [scene for scene in own if not lacking(scene, category.file.needs)]
        text = f"  {category.name}: {len(fitting)} of {len(own)} scenes have what it needs"
        if lacks:
            text += f" ({', '.join(f'{count} have no {need}' for need, count in lacks.most_common())})"
        if category.chat_steps and fitting:
            text += f"; {_prompt_size(prompts, fitting)}"
        view.say(text)
    _say_problems(problems)
    return Exit.DONE if scenes else Exit.BAD_INPUT


def _prompt_size(prompts: CategoryPrompts, scenes: list[Scene]) -> str:
    """How long a prompt is, by the first scene that can be shown; a run leaves the others out, with the reason."""
    constant = sum(estimate_tokens(message.content) for message in prompts.prefix(prompts.category.chat_steps[0]))
    reason = ""
    for scene in scenes:
        try:
            own = estimate_tokens(prompts.render(scene).text)
        except InputError as error:
            reason = reason or f"scene {scene.id}: {error.message}"
            continue
        skipped = f" that can be shown ({reason})" if reason else ""
        return f"about {constant:,} tokens of constant prompt, {own:,} of the first scene{skipped}"
    return f"but none can be shown ({reason})"


def _check_scenes(path: Path) -> int:
    problems: list[Problem] = []
    count = sum(1 for _ in scenes_reader.read(scenes_reader.Options(path=path), problems.append))
    view.say(f"{path}: {view.counted(count, 'good scene')}, {view.counted(len(problems), 'problem')}")
    _say_problems(problems)
    return Exit.BAD_INPUT if problems or not count else Exit.DONE


def _say_problems(problems: list[Problem]) -> None:
    for problem in problems[:_SHOWN]:
        view.say(f"  {problem}")
    if len(problems) > _SHOWN:
        view.say(f"  … and {len(problems) - _SHOWN:,} more")
