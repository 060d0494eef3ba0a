"""What a run keeps of itself, so that it can be repeated from its own folder when all around it has changed.

``syphus generate RUN/config.json --run ELSEWHERE`` makes the same requests again: the configuration is resolved, and the
categories and shared prompts stand beside it as they were. A command about dialogues that are there, whose requests wait in
batches, is kept with the texts that it has read until nothing of it waits.
"""

import argparse
import os
import shutil
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

import syphus
from syphus.annotations.reading import picture_folder
from syphus.categories.category import Category
from syphus.categories.load import Library
from syphus.cli.runs.assemble import Source
from syphus.config import Config
from syphus.files import write_whole
from syphus.ledger.ledger import Ledger

CONFIG_FILE = "config.json"

_TEXTS = ("config", "glossary", "names", "rubric")
"""Flags that name files which decide what is asked: these are copied."""
_PATHS = ("what", "run", "images", "videos", "scenes", "extract", "out", "changes", "decisions", "model_path")
_ONCE = {"batch": True, "wait": False, "anyway": False, "redraw": False, "rejected": [], "again": False}
"""What holds for the start at which it is typed, and how it stands when the command is taken up again."""


def keep_run(
    ledger: Ledger, folder: Path, config: Config, file: Path, sources: list[Source], categories: list[Category]
) -> None:
    """Writes the resolved configuration into the run's folder, and what it was, and where it stood, into the ledger."""
    model = structs.replace(config.model, path=_from(folder, config.model.path)) if config.model.path else config.model
    tables = tuple(_source_table(source, folder) for source in sources)
    resolved = structs.replace(config, run=structs.replace(config.run, folder="."), sources=tables, model=model)
    with write_whole(folder / CONFIG_FILE) as kept:
        kept.write(msgspec.json.format(msgspec.json.encode(resolved), indent=2) + b"\n")
    ledger.set_meta("config", resolved)
    ledger.set_meta("config_file", _from(folder, file))
    pictures = {one.name: _from(folder, path) for one in sources if (path := picture_folder(one.options)) is not None}
    ledger.set_meta("pictures", pictures)
    ledger.set_meta("syphus", syphus.__version__)
    for category in categories:
        ledger.record_category(category.fingerprint, category.name, category)


def keep_texts(folder: Path, library: Library, categories: list[Category]) -> None:
    """Copies the categories' folders and the shared prompts into the run's folder, in the place of older copies."""
    for category in categories:
        source, copy = library.category_folder(category.name), folder / "seeds" / category.name
        if source.resolve() != copy.resolve():
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(source, copy)
    prompts = library.shared_prompts()
    for name, text in prompts.items():
        with write_whole(folder / "prompts" / f"{name}.md") as file:
            file.write(text.encode())


def shared_texts(arguments: argparse.Namespace, *projects: Path) -> dict[str, str]:
    """The shared prompts: those where the command is typed, in these projects, and of syphus; of a kept command its own."""
    kept = [Path(arguments.kept)] if arguments.kept else []
    return Library.at(*kept, Path.cwd(), *projects).shared_prompts()


def keep_command(folder: Path, copies: Path, arguments: argparse.Namespace, prompts: dict[str, str]) -> dict[str, Any]:
    """Keeps a command, so that it can be taken up again from anywhere and asks the very same.

    Args:
        folder: the run's; the file that is worked on, and others that may be large, are named as seen from there.
        copies: gets the configuration and the texts.
        arguments: as they are typed.
        prompts: the shared prompts, by their names.

    Returns:
        The arguments, for :func:`kept_arguments`.
    """
    typed = vars(arguments) | _ONCE | {"kept": None, "run": arguments.run or str(folder)}
    if Path(arguments.what).absolute() == folder.absolute():
        typed |= {"run": None, "config": typed["config"] or _kept_config(folder)}
    for name in _PATHS:
        if typed.get(name):
            typed[name] = _from(folder, typed[name])
    for name in _TEXTS:
        if typed.get(name):
            source = Path(typed[name])
            typed[name] = f"{name}{source.suffix}"
            _write(copies / typed[name], source.read_bytes())
    for name, text in prompts.items():
        _write(copies / "prompts" / f"{name}.md", text.encode())
    return typed


def kept_arguments(
    folder: Path, copies: Path, typed: dict[str, Any], defaults: argparse.Namespace
) -> argparse.Namespace:
    """The arguments of a kept command; ``defaults`` has what it was typed without, also flags of a later version."""
    for name in (name for name in _PATHS if typed.get(name)):
        typed = typed | {name: os.path.normpath(folder / typed[name])}
    for name in (name for name in _TEXTS if typed.get(name)):
        typed = typed | {name: str(copies / typed[name])}
    return argparse.Namespace(**{**vars(defaults), **typed, "kept": str(copies)})


def _kept_config(folder: Path) -> str | None:
    return str(folder / CONFIG_FILE) if (folder / CONFIG_FILE).is_file() else None


def _write(path: Path, data: bytes) -> None:
    if not path.is_file() or path.read_bytes() != data:
        with write_whole(path) as file:
            file.write(data)


def _source_table(source: Source, folder: Path) -> dict[str, Any]:
    options = {
        field.encode_name: _from(folder, value) if isinstance(value, Path) else value
        for table in (source.adaptation, source.options)
        for field in structs.fields(table)
        if (value := getattr(table, field.name)) is not None
    }
    routes = {} if source.categories is None else {"categories": list(source.categories)}
    return {"reader": source.reader_name, "name": source.name, **routes, **options}


def _from(folder: Path, path: Path | str) -> str:
    """The path as seen from the run's folder, so that both can be moved together; absolute on another drive."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return str(Path(path).absolute())
