"""What of a run would be made otherwise today: which texts have changed since, and how many items are made again for it.

A shared prompt that was touched by the way is asked for by every category that uses it. Nothing is as costly as not knowing that.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from syphus.categories.load import Library
from syphus.categories.prompt import CategoryPrompts
from syphus.cli import view
from syphus.errors import InputError
from syphus.jobs.items import version_of
from syphus.ledger.reader import LedgerReader

_ALWAYS = ("prompts/repair", "prompts/reply-format")
"""Shared prompts that go with every step of a model."""
_SHARED = re.compile(r"\{\{(prompts/[\w./-]+)\}\}")
_SHOWN = 6
"""Files that are named for one category."""


class Change(NamedTuple):
    """A category of which something was made that would be made otherwise now."""

    category: str
    items: int
    """Items whose newest outcome was made so."""
    texts: tuple[str, ...]
    """What has changed of its texts, as ``system.md``, ``demonstrations/03.json (new)``; empty: they are the same."""


def find_changes(
    ledger: LedgerReader, folder: Path, library: Library, prompts: Sequence[CategoryPrompts], settings: Any, seed: int
) -> list[Change]:
    """The categories whose prompts, or whose model, are not those of what is in the ledger.

    Args:
        ledger: the run's.
        folder: the run's, with the copies of its texts; to be asked before new ones take their place.
        library: the texts as they are now.
        prompts: of the run's categories.
        settings: what is sent besides the prompts, as :func:`syphus.jobs.items.make_items` has it.
        seed: the run's.
    """
    versions = {one.category.name: version_of(one, settings, seed) for one in prompts}
    return [
        Change(name, items, tuple(_changed_texts(folder, library, name)))
        for name, items in ledger.made_otherwise(versions).items()
    ]


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


def tell_of_changes(changes: Sequence[Change]) -> Iterator[str]:
    """Lines for people."""
    for change in changes:
        why = ", ".join(change.texts[:_SHOWN]) or "the model or its settings"
        more = f" and {len(change.texts) - _SHOWN} more" if len(change.texts) > _SHOWN else ""
        changed = " changed" if change.texts else " are others"
        yield f"{change.category}: {view.counted(change.items, 'item')} made otherwise than now ({why}{more}{changed})"
