"""``syphus map``: a look into annotations of an unknown form, and a draft of the mapping that reads them."""

import argparse
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from syphus.annotations.foreign import name_form
from syphus.annotations.labels import clean
from syphus.annotations.mapped.drafting import Draft, draft_mapping
from syphus.annotations.mapped.looking import Line, keys_of, quote
from syphus.annotations.mapped.records import open_records
from syphus.annotations.mapped.tables import Options, SceneTable
from syphus.annotations.reading import Problem
from syphus.cli import view
from syphus.errors import Exit, InputError

_LOOKED_AT = 200
_CONTENT = ("captions", "prose")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command. The draft goes to stdout, so that it can be written to a file."""
    path = Path(arguments.file)
    options = Options(path=path, records=arguments.records, group=arguments.group, scene=SceneTable())
    faults: Counter[str] = Counter()

    def report(problem: Problem) -> None:
        faults[str(problem)] += 1

    records = [row.values for _, row in islice(open_records(options, report), _LOOKED_AT)]
    for fault in faults:
        view.say(fault)
    if not records:
        raise InputError("holds no record", file=path, mend="Say where they are: --records data.items")
    draft = draft_mapping(records)
    for line in _write(draft, arguments):
        print(line)
    _tell(draft, len(records))
    what, mend = name_form(keys_of(records))
    if what:
        view.say(f"  it looks like {what}, which is known: {mend}")
    return Exit.DONE


def _write(draft: Draft, arguments: argparse.Namespace) -> Iterator[str]:
    yield "[[sources]]"
    yield 'reader = "mapped"'
    # what the configuration names is looked for from its own folder
    yield f"path = {quote(arguments.file)}" + (
        "" if Path(arguments.file).is_absolute() else "  # from this file's folder"
    )
    for name in ("records", "group"):
        if value := getattr(arguments, name):
            yield f"{name} = {quote(value)}"
    kind, shown = next(
        ((line.key, line.why) for line in draft.tables["scene"] if line.key in ("image", "video")), ("", "")
    )
    if kind and "://" not in shown:
        yield f'# images = "..."  # the folder that the {kind}s\' paths are relative to'
    for name, lines in draft.tables.items():
        yield ""
        yield f"[sources.{name}]"
        yield from map(_line, lines)


def _line(line: Line) -> str:
    why = f"  # {line.why}" if line.why else ""
    return f"{'' if line.sure else '# '}{line.key} = {line.value}{why}"


def _tell(draft: Draft, count: int) -> None:
    """What a person has to look at."""
    view.say(f"drafted from {view.counted(count, 'record')}; read it before you use it (docs/readers/mapped.md)")
    if draft.left:
        view.say(f"  nothing was made of: {', '.join(map(clean, draft.left[:20]))}")
    undecided = [
        name for name, lines in draft.tables.items() if any(line.key == "form" and not line.sure for line in lines)
    ]
    if undecided:
        view.say(f"  what the boxes of {', '.join(undecided)} mean is for you to say: `form` stands in a comment")
    if len(draft.tables) == 1 and not any(line.key in _CONTENT for line in draft.tables["scene"]):
        view.say(
            "  nothing was found that says what is in the pictures; are the records elsewhere? --records data.items"
        )
