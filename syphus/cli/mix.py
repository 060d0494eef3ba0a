"""``syphus mix``: several datasets into one, by weights and in an order."""

import argparse
import json
from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

import msgspec

import syphus
from syphus.annotations.reading import Problem
from syphus.cli import view
from syphus.cli.convert import KeptAside, show_progress
from syphus.cli.export import find_target, read_settings, say_written
from syphus.errors import Exit, InputError
from syphus.formats.card import CardTally, write_card
from syphus.formats.detecting import detect_format
from syphus.formats.exporting import ExportOptions, find_format
from syphus.formats.importing import Importer, ImportOptions, find_importer
from syphus.formats.mixing import (
    Share,
    choose,
    order_batches,
    order_pool,
    plan_mix,
    read_numbers,
    read_weights,
    rename,
)
from syphus.records import Dialogue
from syphus.references.boxes import find_convention
from syphus.references.inline import guess_conventions

_LOOKED_AT = 50
"""Dialogues of each dataset whose texts are looked at for coordinates."""


class Part(NamedTuple):
    """A dataset of the mixture."""

    name: str
    path: Path
    format: str
    importer: Importer
    options: ImportOptions


def run(arguments: argparse.Namespace) -> int:
    """Runs the command: 0 where all that was drawn is there, 1 where something was kept aside or left out."""
    parts = find_parts(arguments)
    names = [part.name for part in parts]
    weights = read_weights(arguments.weights, names)
    times = read_numbers(arguments.times, names, what="multiplier") if arguments.times else {}
    to = arguments.to or find_common_format(parts)
    format_ = find_format(to)
    target = find_target(Path(arguments.out), format_)
    for part in parts:
        if part.path.resolve() == target.resolve():
            raise InputError("is read and written in one", file=target, mend="Name another file with --out.")
    with KeptAside(target) as aside:
        sizes = count_parts(parts, aside.report, arguments)
        shares = plan_mix(sizes, weights, times=times, total=arguments.size)
        say_plan(shares, arguments)
        tally = CardTally()

        def leave_out(dialogue: Dialogue, reason: str) -> None:
            tally.leave_out(dialogue, reason)
            aside.leave_out(dialogue, reason)

        options = ExportOptions(
            picture_folders={part.name: part.options.images for part in parts if part.options.images},
            boxes=find_convention(arguments.boxes) if arguments.boxes else None,
            embed_pictures=arguments.embed_pictures,
            max_tokens=arguments.max_tokens,
            exact=True,
            keep_aside=leave_out if arguments.leave_out else refuse(to),
            settings=read_settings(arguments.set),
        )
        dialogues = show_progress(draw(parts, shares, arguments.order, arguments.seed))
        written = format_.write(tally.count(dialogues), target, options)
        say_written(written, to, target, verb="mixed")
        facts = tally.take(
            name=target.stem,
            format=to,
            files=(target.name,),
            left_out=dict(written.left_out),
            boxes=arguments.boxes or "",
            seed=arguments.seed,
            version=syphus.__version__,
            notes=describe_mixture(shares, arguments),
        )
        view.say(f"  what is in it stands in {write_card(facts, target)}")
        aside.say()
    return Exit.DONE if written.written and not (aside.rows or written.left_out) else Exit.FAILURES


def find_parts(arguments: argparse.Namespace) -> list[Part]:
    """The datasets that are named, each with its format and picture folder.

    Raises:
        InputError: two have one name, there is no such file or format, or `--images` names another dataset.
    """
    named: dict[str, Path] = {}
    for given in arguments.inputs:
        head, _, tail = given.partition("=")
        path = Path(tail) if tail and not Path(given).exists() else Path(given)
        name = head if path == Path(tail) and tail else path.stem or path.name
        if name in named:
            raise InputError(f"two datasets are called {name!r}", mend=f"Name them: first={named[name]} second={path}.")
        if not name or any(letter in name for letter in ",=~/"):
            raise InputError(f"{name!r} cannot be a dataset's name", mend=f"Name it, as in data={path}.")
        named[name] = path
    folders: dict[str, Path] = {}
    for given in arguments.images:
        head, _, tail = given.partition("=")
        name, folder = (head, Path(tail)) if head in named and tail else ("", Path(given))
        if not folder.is_dir():
            raise InputError("is no folder", file=folder, mend="As --images A=pictures/a, or one folder for all.")
        folders[name] = folder
    parts = []
    for name, path in named.items():
        if arguments.from_:
            format_, importer = arguments.from_, find_importer(arguments.from_)
        else:
            detected = detect_format(path)
            format_, importer = detected.name, detected.importer
            view.say(f"{path} is {format_}: {detected.reason}")
        options = ImportOptions(
            images=folders.get(name, folders.get("")),
            extract=Path(arguments.extract) / name if arguments.extract else None,
            boxes=find_convention(arguments.read_boxes) if arguments.read_boxes else None,
        )
        if options.extract and not options.images:
            options = msgspec.structs.replace(options, images=options.extract)
        parts.append(Part(name, path, format_, importer, options))
    return parts


def find_common_format(parts: list[Part]) -> str:
    """The format that all have. Raises :class:`InputError` where they differ."""
    found = {part.format for part in parts}
    if len(found) > 1:
        raise InputError(
            f"the datasets are of several formats: {', '.join(sorted(found))}",
            mend="Name that of the mixture with --to.",
        )
    return found.pop()


def count_parts(parts: list[Part], report: Callable[[Problem], None], arguments: argparse.Namespace) -> dict[str, int]:
    """How many dialogues each dataset holds that can be used; odd rows go to ``report``.

    Raises:
        InputError: texts hold coordinates in one convention here and in another there.
    """
    sizes: dict[str, int] = {}
    conventions: dict[str, list[str]] = {}
    for part in parts:
        texts: list[str] = []
        count = 0
        for dialogue in part.importer.read(part.path, part.options, report):
            if count < _LOOKED_AT:
                texts += [turn.text for turn in dialogue.turns]
            count += 1
        sizes[part.name] = count
        if found := guess_conventions(texts):
            conventions[part.name] = found
    if len(conventions) > 1 and not arguments.any_boxes:
        common = set.intersection(*map(set, conventions.values()))
        if not common:
            shown = ", ".join(f"{name} in {found[0]}" for name, found in conventions.items())
            raise InputError(
                f"coordinates stand in the texts in different conventions ({shown}), and a model would learn both",
                mend="Convert them first with `syphus convert --read-boxes ... --boxes ...`, or mix all the same with "
                "--any-boxes.",
            )
    return sizes


def say_plan(shares: tuple[Share, ...], arguments: argparse.Namespace) -> None:
    """Says what is drawn of each, and what repeats; with `--json` to stdout, too."""
    total = sum(share.count for share in shares)
    for share in shares:
        view.say(f"  {share.describe(total)}")
    if arguments.json:
        rows = [
            {"name": share.name, "size": share.size, "drawn": share.count, "repeats": max(0, share.count - share.size)}
            for share in shares
        ]
        print(json.dumps({"total": total, "order": arguments.order, "seed": arguments.seed, "datasets": rows}))


def describe_mixture(shares: tuple[Share, ...], arguments: argparse.Namespace) -> tuple[str, ...]:
    """The lines of the card that say how it was mixed."""
    total = sum(share.count for share in shares)
    times = f", times {arguments.times}" if arguments.times else ""
    how = f"Mixed by `syphus mix`: weights {arguments.weights}{times}, order {arguments.order}."
    return (how, *(share.describe(total) for share in shares))


def refuse(to: str) -> Callable[[Dialogue, str], None]:
    """What ends the writing at the first dialogue that the format cannot hold; no file is then there."""

    def leave_out(dialogue: Dialogue, reason: str) -> None:
        raise InputError(
            f"{to} cannot hold the dialogue {dialogue.id!r}: {reason}",
            mend="Take another format with --to, or go on without such dialogues with --leave-out; the parts of the mixture "
            "are then not quite those that were asked for.",
        )

    return leave_out


def draw(parts: list[Part], shares: tuple[Share, ...], order: str, seed: int) -> Iterator[Dialogue]:
    """The mixture, one dialogue at a time.

    ``sequential`` and ``batch`` stream; ``mixed`` puts all that is drawn into a temporary file first, and keeps its places
    in memory.
    """
    streams = [_draw_one(part, share, seed) for part, share in zip(parts, shares, strict=True)]
    if order == "sequential":
        for stream in streams:
            yield from stream
    elif order == "batch":
        for index in order_batches(shares):
            yield next(streams[index])
    else:
        yield from _shuffle((dialogue for stream in streams for dialogue in stream), seed)


def _draw_one(part: Part, share: Share, seed: int) -> Iterator[Dialogue]:
    for number in range(share.rounds):
        chosen = choose(share, number, seed)
        count = 0
        for dialogue, drawn in zip(_read_again(part), chosen, strict=False):
            if drawn:
                count += 1
                yield rename(dialogue, part.name, number)
        if count != share.count_in(number):
            raise InputError("has changed while it was mixed", file=part.path, mend="Start again.")


def _read_again(part: Part) -> Iterator[Dialogue]:
    """The dialogues; what is odd was said when they were counted."""
    yield from part.importer.read(part.path, part.options, lambda _: None)


def _shuffle(dialogues: Iterable[Dialogue], seed: int) -> Iterator[Dialogue]:
    decoder = msgspec.json.Decoder(Dialogue)
    starts = array("Q", [0])
    with TemporaryFile() as spool:
        for dialogue in dialogues:
            spool.write(msgspec.json.encode(dialogue))
            starts.append(spool.tell())
        for index in order_pool(len(starts) - 1, seed):
            spool.seek(starts[index])
            yield decoder.decode(spool.read(starts[index + 1] - starts[index]))
