"""What a run keeps of itself, so that it can be repeated from its own folder when all around it has changed.

``syphus generate RUN/config.json --run ELSEWHERE`` makes the same requests again: the configuration is resolved, and the
categories and shared prompts stand beside it as they were.
"""

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
from syphus.cli.assemble import Source
from syphus.config import Config
from syphus.files import write_whole
from syphus.ledger.ledger import Ledger

CONFIG_FILE = "config.json"


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
