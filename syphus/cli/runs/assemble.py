"""Putting a run together: sources, categories and a client, out of a configuration."""

import argparse
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from syphus.annotations.adapting import Adaptation, adapt, split_table
from syphus.annotations.reading import Problem, Reader, find_reader
from syphus.categories.category import Category, Overrides
from syphus.categories.load import Library, load_categories
from syphus.config import ALWAYS, Config, source_options
from syphus.decoding import convert
from syphus.errors import InputError
from syphus.records import Scene

Report = Callable[[str, Problem], None]
"""Told the source's name and what could not be read."""


class Source(NamedTuple):
    """One source, ready to be read."""

    name: str
    reader_name: str
    reader: Reader
    options: Any
    adaptation: Adaptation = Adaptation()
    seed: int = 0
    categories: tuple[str, ...] | None = None
    """The categories that are made of it, or families as ``video/*``; None: all of the run's."""


def settings_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """What ``--set`` and ``--source`` say, by dotted key."""
    flags = dict(_key_and_value(text) for text in arguments.set)
    return flags | {f"sources.{key}": value for key, value in map(_key_and_value, arguments.source)}


def _key_and_value(text: str) -> tuple[str, Any]:
    """``key=value``; the value as TOML where it is TOML (numbers, lists, true), else as it stands."""
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise InputError(f"{text!r} is no KEY=VALUE", mend="For example --set model.timeout=60")
    try:
        return key, msgspec.toml.decode(f"value = {value}")["value"]
    except msgspec.DecodeError:
        return key, value


def library_of(config_file: Path) -> Library:
    """``seeds/`` and ``prompts/`` beside the configuration or in the folder above it, then those of syphus."""
    return Library.at(config_file.parent, config_file.parent.parent)


def open_sources(config: Config, config_file: Path) -> list[Source]:
    """The sources of a configuration. Raises :class:`InputError` for an unknown reader or option."""
    sources: list[Source] = []
    for index, table in enumerate(config.sources):
        place = f"sources[{index}]"
        if "reader" not in table:
            raise InputError("a source needs a reader", file=config_file, place=place, mend='reader = "coco"')
        try:
            reader = find_reader(table["reader"])
        except InputError as error:
            raise InputError(error.message, file=config_file, place=f"{place}.reader", mend=error.mend) from error
        name = source_name(config, index)
        if not isinstance(name, str):
            raise InputError(
                "a source's name is a text", file=config_file, place=f"{place}.name", mend=f'name = "{name}"'
            )
        _check_name(name, [source.name for source in sources], config_file, f"{place}.name")
        shared = split_table(table, reader.Options)
        own = {key: value for key, value in table.items() if key not in shared}
        options = source_options(own, reader.Options, file=str(config_file), place=place)
        common = {key: value for key, value in table.items() if key in shared or key in ALWAYS}
        adaptation = source_options(common, Adaptation, file=str(config_file), place=place)
        wanted = _wanted_categories(config, index, config_file)
        sources.append(Source(name, table["reader"], reader, options, adaptation, config.run.seed, wanted))
    return sources


def _check_name(name: str, others: list[str], config_file: Path, place: str) -> None:
    if name in others:
        raise InputError(f"two sources are called {name!r}", file=config_file, place=place)
    if not name.isprintable():
        raise InputError(f"{name!r} holds a line break or a control character", file=config_file, place=place)
    # An item is called after its source, its scene and its category, with slashes between; scenes of a folder have slashes too.
    if near := [other for other in others if f"{name}/".startswith(f"{other}/") or f"{other}/".startswith(f"{name}/")]:
        raise InputError(
            f"{name!r} and {near[0]!r} could give two items of one name, since one begins with the other and a slash",
            file=config_file,
            place=place,
            mend="Call one of them something else.",
        )


def _wanted_categories(config: Config, index: int, config_file: Path) -> tuple[str, ...] | None:
    """What a source says that it is for; None where it does not say."""
    wanted = config.sources[index].get("categories")
    if wanted is None:
        return None
    if not isinstance(wanted, list | tuple) or not all(isinstance(one, str) for one in wanted):
        place = f"sources[{index}].categories"
        raise InputError("is no list of categories", file=config_file, place=place, mend='["video/*"]')
    return tuple(wanted)


def source_name(config: Config, index: int) -> Any:
    """What a source is called: its ``name``, else its reader, with a number where there are several sources."""
    table = config.sources[index]
    reader = table.get("reader")
    return table.get("name") or (reader if len(config.sources) == 1 else f"{reader}{index + 1}")


def _route(config: Config, category: str, config_file: Path) -> frozenset[str] | None:
    """The sources that a category is made of; None where no source says for which categories it is."""
    wanted = [_wanted_categories(config, index, config_file) for index in range(len(config.sources))]
    if all(one is None for one in wanted):
        return None
    return frozenset(
        source_name(config, index)
        for index, globs in enumerate(wanted)
        if globs is None or any(fnmatchcase(category, glob) for glob in globs)
    )


def _check_routes(config: Config, config_file: Path, known: list[str]) -> None:
    for index in range(len(config.sources)):
        for glob in _wanted_categories(config, index, config_file) or ():
            if not any(fnmatchcase(name, glob) for name in known):
                raise InputError(
                    f"no category is like {glob!r}",
                    file=config_file,
                    place=f"sources[{index}].categories",
                    mend=f"Categories: {', '.join(known)}.",
                )


def read_scenes(sources: list[Source], report: Report, limit: int | None) -> Iterator[Scene]:
    """The scenes of all sources, each with its source's name; at most ``limit`` in all.

    The sources take turns, until each is exhausted: a limited run, or one that is stopped, has of all of them.
    """
    return islice(_take_turns([_read_source(source, report) for source in sources]), limit)


def _read_source(source: Source, report: Report) -> Iterator[Scene]:
    def tell(problem: Problem) -> None:
        report(source.name, problem)

    scenes = source.reader.read(source.options, tell)
    if source.adaptation:
        scenes = adapt(scenes, source.adaptation, tell, seed=source.seed)
    for scene in scenes:
        # A copy would check the whole record again; this one is fresh from its reader, and nobody else has it.
        structs.force_setattr(scene, "source", source.name)
        yield scene


def _take_turns(streams: list[Iterator[Scene]]) -> Iterator[Scene]:
    while streams:
        if len(streams) == 1:
            yield from streams[0]
            return
        for stream in list(streams):
            scene = next(stream, None)
            if scene is None:
                streams.remove(stream)
            else:
                yield scene


def open_categories(config: Config, config_file: Path) -> list[Category]:
    """The categories of a configuration with its overrides.

    ``[overrides.all]`` is applied first, then ``[overrides.local]`` if the model is a local one, then the category's own.
    """
    library = library_of(config_file)
    categories = load_categories(config.categories, library)
    known = {"all", "local", *(category.name for category in categories)}
    # A filter by --category may leave out categories that the file has overrides for; only names that exist nowhere are
    # mistakes.
    there = library.category_names()
    for name, table in config.overrides.items():
        if name not in known and name not in there:
            near = get_close_matches(name, (*known, *there), n=1)
            mend = f"Did you mean `{near[0]}`?" if near else f"Categories: {', '.join(there)}."
            raise InputError(f"there is no category {name!r}", file=config_file, place=f"overrides.{name}", mend=mend)
        convert(table, Overrides, file=config_file, prefix=f"overrides.{name}")
    adjusted = []
    for category in categories:
        names = ("all", *(("local",) if config.model.kind == "local" else ()), category.name)
        settings: dict[str, Any] = {"reasoning_effort": config.model.reasoning_effort}
        settings |= {key: value for name in names for key, value in config.overrides.get(name, {}).items()}
        overrides = convert(settings, Overrides, file=config_file, prefix=f"overrides.{category.name}")
        routed = structs.replace(category, sources=_route(config, category.name, config_file))
        adjusted.append(routed.adjusted(overrides))
    _check_routes(config, config_file, there)
    if config.model.kind == "none" and (asking := [one.name for one in adjusted if one.chat_steps]):
        raise InputError(
            f"{', '.join(asking)} need a model",
            file=config_file,
            place="model.kind",
            mend='Set [model] kind to "local" or "openai", or choose categories of templates only.',
        )
    return adjusted
