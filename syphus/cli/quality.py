"""``syphus quality``: a dataset, ours or another's, judged by the checks, counted, and mended where rules can."""

import argparse
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import msgspec

from syphus.cli import view
from syphus.cli.convert import show_progress
from syphus.cli.datasets.examination import Examination, Seen, Subject
from syphus.cli.datasets.quality_report import Tally, show_tally, write_reports
from syphus.cli.datasets.quality_source import Looked, look_at
from syphus.cli.export import find_target, say_written
from syphus.errors import Exit, InputError
from syphus.files import write_whole
from syphus.formats.exporting import ExportOptions, find_format
from syphus.quality.sets.examining import Left, Mended, rebuild
from syphus.quality.sets.repair_rules import RULES_VERSION
from syphus.records import Dialogue

_FIXED = "fixed"


def run(arguments: argparse.Namespace) -> int:
    """Runs the command: 0 where nothing has to be done, 1 where something should be dropped, mended or looked at."""
    out = Path(arguments.out) if arguments.out else None
    if out is not None and out.is_file():
        raise InputError("is a file", file=out, mend="Name a folder for the results.")
    with ExitStack() as closing:
        looked = look_at(arguments, fix=arguments.fix, closing=closing)
        examination = Examination(looked.rulings, processes=_processes(arguments.processes))
        tally = Tally()
        verdicts = closing.enter_context(write_whole(out / "verdicts.jsonl")) if out else None
        seen = _noted(examination.run(_counted(looked)), tally, verdicts)
        if arguments.fix:
            _fix(seen, looked, out, arguments)
        else:
            for _ in seen:
                pass
        tally.finish(looked, examination)
        if not tally.dialogues:
            view.say("there is no dialogue in it")
            return Exit.FAILURES
        show_tally(tally)
    if out:
        write_reports(tally, out)
        view.say(f"verdicts.jsonl, measures.json and summary.md are in {out}")
    return Exit.FAILURES if tally.needs_hands else Exit.DONE


def _processes(given: int | None) -> int:
    """How many processes work beside this one: as many as there are processors but one, since this one works, too."""
    return given - 1 if given else max(1, min(7, (os.cpu_count() or 2) - 1))


def _counted(looked: Looked) -> Iterator[Subject]:
    """The subjects, with a line now and then about how many there were."""
    latest: list[Subject] = []

    def dialogues() -> Iterator[Dialogue]:
        for subject in looked.subjects():
            latest.append(subject)
            yield subject.dialogue

    for _ in show_progress(dialogues()):
        yield latest.pop()


def _noted(seen: Iterable[Seen], tally: Tally, verdicts: IO[bytes] | None) -> Iterator[Seen]:
    """Counts what is seen and writes its verdicts, on its way."""
    for one in seen:
        tally.add(one)
        if verdicts is not None and one.examined.judged:
            verdicts.write(b"".join(_encode_verdicts(one)))
        yield one


def _encode_verdicts(seen: Seen) -> Iterator[bytes]:
    for judged in seen.examined.judged:
        verdict = judged.verdict
        row = {
            "dialogue": seen.dialogue.id,
            "turn": verdict.turn,
            "check": verdict.check,
            "code": verdict.code,
            "stance": judged.stance,
            "message": verdict.message,
            "evidence": verdict.evidence,
        }
        yield _to_json(row) + b"\n"


def _to_json(row: object) -> bytes:
    try:
        return msgspec.json.encode(row)
    except UnicodeEncodeError:  # a text with half of a surrogate pair
        return json.dumps(row).encode()


def _fix(seen: Iterator[Seen], looked: Looked, out: Path | None, arguments: argparse.Namespace) -> None:
    """Writes what remains after mending beside the set, in its format, and a list of what was changed and left out."""
    name = "jsonl" if looked.importer is None else looked.format
    format_ = find_format(name)
    target = find_target(_target(looked, out, format_.SUFFIX), format_)
    images, videos = (Path(given) if given else None for given in (arguments.images, arguments.videos))
    changes = target.parent / f"{target.name}.changes.jsonl"
    with write_whole(changes) as listed:
        listed.write(_to_json({"rules": RULES_VERSION, "of": str(looked.path)}) + b"\n")

        def leave_out(dialogue: Dialogue, reason: str) -> None:
            listed.write(_to_json({"dialogue": dialogue.id, "dropped": reason}) + b"\n")

        options = ExportOptions(
            picture_folders={"": images} if images else {},
            video_folder=videos,
            max_tokens=None,
            exact=True,
            keep_aside=leave_out,
        )
        written = format_.write(_mended(seen, listed), target, options)
    say_written(written, name, target, verb="mended")
    view.say(f"  what was changed and what was dropped, and why: {changes}")


_EITHER = frozenset({"alpaca", "llava_next", "qwen", "sharegpt", "swift", "trl", "video_chatgpt"})
"""Formats whose files may be an array or lines, as their name says."""


def _target(looked: Looked, out: Path | None, suffix: str) -> Path:
    """What the mended set is called: as the set, with ``.fixed`` before its ending."""
    if looked.importer is None:
        return (out or looked.path / "quality") / f"{_FIXED}.jsonl"
    path = looked.path
    ending = suffix
    if looked.format in _EITHER and path.suffix in (".json", ".jsonl"):
        ending = path.suffix
    stem = path.name.removesuffix(ending) if ending and path.name.endswith(ending) else path.stem
    return (out or path.parent) / f"{path.name if path.is_dir() else stem}.{_FIXED}{ending}"


def _mended(seen: Iterator[Seen], listed: IO[bytes]) -> Iterator[Dialogue]:
    for one in seen:
        for mended in one.examined.mended:
            listed.write(_to_json(_describe_change(one.dialogue, mended)) + b"\n")
        for left in one.examined.left:
            listed.write(_to_json(_describe_left(one.dialogue, left)) + b"\n")
        dialogue = rebuild(one.dialogue, one.examined.kept)
        if dialogue is not None:
            yield dialogue


def _describe_change(dialogue: Dialogue, mended: Mended) -> dict[str, object]:
    sides = {}
    for side in ("question", "answer"):
        its = [change for change in mended.changes if change.side == side]
        if its:
            rules = [change.rule for change in its]
            sides[side] = {"rules": rules, "before": its[0].before, "after": its[-1].after}
    return {"dialogue": dialogue.id, "turn": mended.turn, "changed": sides}


def _describe_left(dialogue: Dialogue, left: Left) -> dict[str, object]:
    why = [
        {"check": one.check, "code": one.code, "message": one.message, "evidence": one.evidence} for one in left.reasons
    ]
    return {"dialogue": dialogue.id, "turn": left.turn, "dropped": why}
