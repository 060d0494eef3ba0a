"""What of a run would be made otherwise today: which texts have changed since, and how many items are made again for it.

A shared prompt that was touched by the way is asked for by every category that uses it. Nothing is as costly as not knowing that.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from syphus.categories.load import Library
from syphus.categories.prompt import CategoryPrompts
from syphus.cli import view
from syphus.cli.runs.keep import CONFIG_FILE
from syphus.config import Config, load_config
from syphus.errors import InputError
from syphus.jobs.items import version_of
from syphus.ledger.reader import LedgerReader

_ALWAYS = ("prompts/repair", "prompts/reply-format")
"""Shared prompts that go with every step of a model."""
_SHARED = re.compile(r"\{\{(prompts/[\w./-]+)\}\}")
_SHOWN = 6
"""Files that are named for one category."""
_DECIDING = ("kind", "name", "base_url", "seed", "reasoning_effort", "extra", "schema_mode")
"""Settings of a model that decide what is asked."""
_UNKNOWN = "a text or setting before an earlier start, what the endpoint can do, or syphus itself,"
"""The copies tell of changes since the last start, and that one may have ended before all was made again."""


class Changes(NamedTuple):
    """What differs between a run's folder and what stands around it now."""

    texts: dict[str, tuple[str, ...]]
    """Category -> its files, and the shared prompts that it uses, as ``system.md``, ``demonstrations/03.json (new)``."""
    settings: tuple[str, ...]
    """Names of settings, as ``model.name``."""


def find_changes(folder: Path, library: Library, config: Config, names: Sequence[str]) -> Changes:
    """Looks at the copies in a run's folder; to be asked before new ones take their place.

    Args:
        folder: the run's.
        library: the texts as they are now.
        config: the configuration as it is now.
        names: the categories.
    """
    settings: tuple[str, ...] = ()
    with suppress(InputError):  # there is no run yet, or a copy that cannot be read
        differing = changed_settings(load_config(folder / CONFIG_FILE, {"run.folder": str(folder)}), config)
        settings = tuple(name for name in differing if name != "run.limit")  # which makes no item another one
    return Changes({name: tuple(_changed_texts(folder, library, name)) for name in names}, settings)


def changed_settings(was: Config, now: Config) -> tuple[str, ...]:
    """The settings that decide what is asked, and are not the same in two configurations."""
    pairs: dict[str, tuple[Any, Any]] = {
        f"model.{name}": (getattr(was.model, name), getattr(now.model, name)) for name in _DECIDING
    }
    pairs |= {"run.seed": (was.run.seed, now.run.seed), "run.limit": (was.run.limit, now.run.limit)}
    pairs["overrides"] = (was.overrides, now.overrides)
    return tuple(name for name, (before, after) in pairs.items() if before != after)


def tell_of_changes(
    changes: Changes, ledger: LedgerReader, prompts: Sequence[CategoryPrompts], settings: Any, config: Config
) -> Iterator[str]:
    """For each category of which items are made again, a line that says how many, and for what.

    Args:
        changes: as they were found.
        ledger: the run's.
        prompts: of the run's categories.
        settings: what is sent besides the prompts, as :func:`syphus.jobs.items.make_items` has it.
        config: with the run's seed, and with what may leave a part of its items out.
    """
    versions = {one.category.name: version_of(one, settings, config.run.seed) for one in prompts}
    partly = config.run.limit is not None or bool(config.balance)
    for name, items in ledger.made_otherwise(versions).items():
        files = changes.texts.get(name, ())
        why = [*files[:_SHOWN], *changes.settings]
        more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
        shown = ", ".join(why) + more if why else _UNKNOWN
        most = "up to " if partly else ""
        yield f"made again: {most}{view.counted(items, 'item')} of {name}, since {shown} changed"


def _changed_texts(folder: Path, library: Library, name: str) -> Iterator[str]:
    """The files of a category that differ from the run's copies, and the shared prompts that it uses and that differ."""
    kept = folder / "seeds" / name
    try:
        now = library.category_folder(name)
    except InputError:
        return
    if not kept.is_dir() or kept.resolve() == now.resolve():
        return
    were, are = _files_of(kept), _files_of(now)
    for file in sorted(were.keys() | are.keys()):
        if file not in were:
            yield f"{file} (new)"
        elif file not in are:
            yield f"{file} (gone)"
        elif were[file] != are[file]:
            yield file
    shared = library.shared_prompts()
    used = {one for data in are.values() for one in _SHARED.findall(data.decode(errors="replace"))}
    for one in sorted(used.union(_ALWAYS)):
        text = shared.get(one.removeprefix("prompts/"))
        copy = folder / f"{one}.md"
        if text is not None and copy.is_file() and copy.read_bytes() != text.encode():
            yield f"{one}.md"


def _files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
