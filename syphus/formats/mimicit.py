"""MIMIC-IT, as Otter reads it: instructions as JSON, pictures as Parquet, a train file, and the YAML that names them.

``X_instructions.json`` is ``{"meta", "data": {ID: {"instruction", "answer", "image_ids", "rel_ins_ids"}}}``; a dialogue of n
pairs becomes n entries. The rules are those of Luodian/Otter, commit 014c4eea,
``pipeline/mimicit_utils/mimicit_dataset.py`` (``MimicitDataset``), and where that cannot work, of its version 2a3dd7f:

- Every entry has ``instruction`` and ``answer`` (else the process ends), and ``rel_ins_ids`` (a ``KeyError`` under
  ``--populate_rel_ins``). The train file is ``{ID: [ID, ...]}``: what is trained, and after which context, in that order.
- The datasets of a group are merged: ids of entries and of pictures are unique, all that are named exist, and an error in one
  record ends the training. So ids begin with the dataset's short name, and the whole is checked before it is there.
- ``IMAGE_TEXT`` puts one ``<image>`` in front of the first pair and stacks all pictures of the entry as frames of one
  medium; a batch is drawn from all files of a group, and within it their number must be equal, so each number has a file of
  its own, and a YAML. ``VIDEO_TEXT`` takes any number.
  ``TEXT_ONLY`` has none. ``IMAGE_TEXT_IN_CONTEXT`` is for contexts with pictures of their own: each context entry has a first
  picture that can be found (2a3dd7f; at 014c4eea that group loads the pictures of the last entry alone).
- Keys of the YAML that end in ``_path`` name files that exist, seen from where the trainer is started.

Settings: ``context`` (a policy, or ``source=policy,...``; :mod:`syphus.formats.mimicit_context`), ``top`` (neighbours of
``text`` and ``image``, 10), ``shots`` (of the train file's contexts, 2; 0 is all), ``embedding`` (``words``), ``description`` (the
YAML's ``task_description``).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple

import msgspec
import yaml
from msgspec import Struct

from syphus.embedding import find_embedding
from syphus.errors import InputError
from syphus.files import write_whole
from syphus.formats.exporting import ExportOptions, Written
from syphus.formats.importing import CERTAIN, NO_FIT, Fit, Sample
from syphus.formats.keeping import find_noted
from syphus.formats.mimicit_context import (
    ACROSS,
    Entry,
    Policy,
    choose_policy,
    find_context,
    find_faults,
    read_policies,
)
from syphus.formats.mimicit_images import ImageFile
from syphus.formats.mimicit_reading import read
from syphus.formats.mimicit_yaml import looks_like_plan
from syphus.formats.parts import MARKS, Pictures, UnfitError, encode_rows, render_turns
from syphus.formats.places import split_places
from syphus.records import Dialogue

__all__ = ["SUFFIX", "fits", "read", "write"]

SUFFIX = "_instructions.json"

MIMICIT_MARKS = (*MARKS, "<answer>", "<|endofchunk|>", "<end_of_utterance>", "<fake_token_around_image>")
"""What ``process_text_formatting`` puts around instructions and answers, and the labels are masked by."""
HOLDS = frozenset({"related"})

_KEYS = frozenset({"context", "top", "shots", "embedding", "description"})
_HEAD = re.compile(rb'"data"\s*:\s*\{\s*"[^"]*"\s*:\s*\{\s*"(?:instruction|answer|image_ids|rel_ins_ids)"\s*:')


class _Settings(Struct, frozen=True, kw_only=True):
    policies: dict[str, Policy]
    top: int = 10
    shots: int = 2
    embedding: str = "words"
    description: str = ""


class _Kind(NamedTuple):
    """Entries that may stand in one file: a group of the YAML, and how many pictures each has (0: any number)."""

    group: str
    images: int

    def tag(self) -> str:
        """What tells its files from those of the most frequent kind."""
        names = {"TEXT_ONLY": "text", "VIDEO_TEXT": "video", "IMAGE_TEXT_IN_CONTEXT": f"context{self.images}"}
        return names.get(self.group, f"{self.images}images")


class _Stored(NamedTuple):
    """A line of the file between the first pass and the second."""

    kind: _Kind
    id: str
    instruction: str
    answer: str
    image_ids: list[str]


def fits(sample: Sample) -> Fit:
    """One object whose ``data`` holds entries with ``instruction`` and ``answer``; or a YAML that names such files."""
    if sample.path.suffix in (".yaml", ".yml") and looks_like_plan(sample.head):
        return Fit(CERTAIN, "its groups name files of instructions by `mimicit_path`")
    if sample.layout == "object" and _HEAD.search(sample.head):
        return Fit(CERTAIN, "`data` holds entries with instruction, answer, image_ids and rel_ins_ids")
    return NO_FIT


def write(dialogues: Iterable[Dialogue], target: Path, options: ExportOptions) -> Written:
    """Writes the dialogues as entries, with pictures, train file and YAML beside them.

    The entries' texts lie in a temporary file until the context of each is known; in memory stay ids alone, and with the
    policies ``text`` and ``image`` one vector an entry or picture.

    Args:
        dialogues: read one at a time.
        target: ``X_instructions.json``; the others are ``X.parquet``, ``X_train.json`` and ``X.yaml``. Entries that the loader
            cannot batch with the most frequent kind stand in ``X_text_instructions.json`` and so on; those of a group that
            ``X.yaml`` already has are named by a YAML of their own, ``X_2images.yaml``. All are there when all is written.
        options: ``name`` is the short name that ids begin with (``LA``), else X is; the settings are those of this module.

    Raises:
        InputError: a file cannot be written, a setting is none, pyarrow is missing, or an embedding that is needed.
    """
    settings = _read_settings(options)
    stem = target.name.removesuffix(".json").removesuffix("_instructions") or "dataset"
    short = re.sub(r"[^A-Za-z0-9]+", "", options.name or stem) or "DS"
    written = Written()
    pictures = Pictures(options.picture_folders)
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=target.parent) as spool, ExitStack() as stack:
        images = stack.enter_context(
            ImageFile(target.with_name(f"{stem}.parquet"), short, pictures, options.picture_folders)
        )
        by_kind = _collect(dialogues, options, settings, short, images, spool, written)
        images.finish()
        contexts: dict[str, tuple[str, ...]] = {}
        texts = _find_texts(spool) if _needs_texts(settings, by_kind) else {}
        for entries in by_kind.values():
            found = find_context(
                entries,
                settings.policies,
                top=settings.top,
                embed=find_embedding(settings.embedding) if texts else None,
                texts=[texts[entry.id] for entry in entries] if texts else (),
                files=images.files,
            )
            contexts |= {entry.id: context for entry, context in zip(entries, found, strict=True)}
            _check(entries, contexts, images, target)
        files = _name_files(by_kind, stem)
        _write_entries(spool, stack, target, files, contexts, settings, by_kind)
        plans = _plan_yamls(files, stem)
        for name, kinds in plans.items():
            yaml_file = stack.enter_context(write_whole(target.with_name(name)))
            _write_yaml(yaml_file, {kind: files[kind] for kind in kinds}, stem, short, settings, images)
    _take_notes(written, pictures, files, contexts, plans)
    return written


def _read_settings(options: ExportOptions) -> _Settings:
    given = options.settings
    for name in given.keys() - _KEYS:
        raise InputError(f"MIMIC-IT has no setting `{name}`", mend=f"Settings: {', '.join(sorted(_KEYS))}.")
    numbers = {}
    for name in ("top", "shots"):
        if name in given:
            if not given[name].isdecimal():
                raise InputError(f"the setting `{name}` is {given[name]!r}, and not a number", mend="As top=10.")
            numbers[name] = int(given[name])
    return _Settings(
        policies=read_policies(given.get("context", "auto")),
        embedding=given.get("embedding", "words"),
        description=given.get("description", ""),
        **numbers,
    )


def _collect(
    dialogues: Iterable[Dialogue],
    options: ExportOptions,
    settings: _Settings,
    short: str,
    images: ImageFile,
    spool: IO[bytes],
    written: Written,
) -> dict[_Kind, list[Entry]]:
    """The first pass: texts to the spool, pictures to their file, and what contexts are found by."""
    by_kind: dict[_Kind, list[Entry]] = {}
    taken: set[str] = set()

    def make_entries(dialogue: Dialogue) -> list[_Stored]:
        texts = _render(dialogue, options)
        msgspec.json.encode((dialogue.id, texts))  # half a surrogate pair is found before any picture is written
        image_ids = _add_pictures(dialogue, images)
        related = tuple(dialogue.related)
        pairs = list(zip(texts[::2], texts[1::2], strict=True))
        policy = choose_policy(settings.policies, dialogue.source, turns=len(pairs), related=bool(related))
        kind = _find_kind(dialogue, policy, len(image_ids))
        names = _name_entries(dialogue, short, len(pairs), taken)
        by_kind.setdefault(kind, []).extend(
            Entry(name, dialogue.id, turn, dialogue.source, tuple(image_ids), related, len(pairs))
            for turn, name in enumerate(names)
        )
        return [_Stored(kind, name, *pair, image_ids) for name, pair in zip(names, pairs, strict=True)]

    for entries in encode_rows(
        dialogues, make_entries, written, holds=HOLDS, options=options, encode=lambda entries: entries
    ):
        spool.writelines(msgspec.json.encode(entry) + b"\n" for entry in entries)
    return by_kind


def _render(dialogue: Dialogue, options: ExportOptions) -> list[str]:
    texts = render_turns(dialogue, options, marks=MIMICIT_MARKS)
    if any(len(split_places(text)) > 1 for text in texts):
        raise UnfitError("a picture stands in the middle of its text, and an entry has them all in front")
    return texts


def _add_pictures(dialogue: Dialogue, images: ImageFile) -> list[str]:
    named = find_noted(dialogue, "mimicit").get("images")
    wanted = [str(name) for name in named] if isinstance(named, list) and len(named) == len(dialogue.assets) else []
    ids = []
    for index, asset in enumerate(dialogue.assets):
        ids += images.add(asset, dialogue, wanted[index] if wanted else "")
    return ids


def _find_kind(dialogue: Dialogue, policy: Policy, images: int) -> _Kind:
    if not images:
        return _Kind("TEXT_ONLY", 0)
    if any(asset.kind == "frames" for asset in dialogue.assets):
        return _Kind("VIDEO_TEXT", 0)
    return _Kind("IMAGE_TEXT_IN_CONTEXT" if policy in ACROSS else "IMAGE_TEXT", images)


def _name_entries(dialogue: Dialogue, short: str, count: int, taken: set[str]) -> list[str]:
    """The entries' ids: those of the MIMIC-IT dataset that the dialogue came from, else made of the dialogue's."""
    mark = f"{short}_INS_"
    noted = find_noted(dialogue, "mimicit").get("ids")
    names = [str(name) for name in noted] if isinstance(noted, list) else []
    if len(names) != count or not all(name.startswith(mark) for name in names):
        base = dialogue.id if dialogue.id.startswith(mark) else mark + dialogue.id
        names = [f"{base}_{turn}" for turn in range(count)] if count > 1 else [base]
    number = 1
    wanted = names
    while taken & set(names):
        number += 1
        names = [f"{name}-{number}" for name in wanted]
    taken.update(names)
    return names


def _needs_texts(settings: _Settings, by_kind: dict[_Kind, list[Entry]]) -> bool:
    return any(
        choose_policy(settings.policies, entry.source, turns=entry.turns, related=bool(entry.related)) in ACROSS
        for entries in by_kind.values()
        for entry in entries
    )


def _read_spool(spool: IO[bytes]) -> Iterator[_Stored]:
    spool.seek(0)
    decoder = msgspec.json.Decoder(_Stored)
    for line in spool:
        yield decoder.decode(line)


def _find_texts(spool: IO[bytes]) -> dict[str, str]:
    return {stored.id: stored.instruction for stored in _read_spool(spool)}


def _check(entries: Sequence[Entry], contexts: dict[str, tuple[str, ...]], images: ImageFile, target: Path) -> None:
    faults = find_faults(
        ((entry.id, contexts[entry.id]) for entry in entries),
        ((entry.id, entry.images) for entry in entries),
        ids={entry.id for entry in entries},
        images=images.ids,
    )
    if faults:
        raise InputError(
            f"would hold ids that lead nowhere: {faults[0]}", file=target, mend="This is a fault of syphus."
        )


def _name_files(by_kind: dict[_Kind, list[Entry]], stem: str) -> dict[_Kind, str]:
    """The beginning of each kind's file names: that of the most entries is the stem alone."""
    order = sorted(by_kind, key=lambda kind: (-len(by_kind[kind]), kind))
    return {kind: f"{stem}_{kind.tag()}" if number else stem for number, kind in enumerate(order)} or {
        _Kind("TEXT_ONLY", 0): stem
    }


def _write_entries(
    spool: IO[bytes],
    stack: ExitStack,
    target: Path,
    files: dict[_Kind, str],
    contexts: dict[str, tuple[str, ...]],
    settings: _Settings,
    by_kind: dict[_Kind, list[Entry]],
) -> None:
    """The second pass: the instructions and the train file of each kind."""
    meta = msgspec.json.encode({"version": "0.0.1", "time": "", "author": "syphus"})
    outs: dict[_Kind, tuple[IO[bytes], IO[bytes]]] = {}
    for number, (kind, stem) in enumerate(files.items()):
        name = f"{stem}_instructions.json" if number else target.name
        entries = stack.enter_context(write_whole(target.with_name(name)))
        train = stack.enter_context(write_whole(target.with_name(f"{stem}_train.json")))
        entries.write(b'{"meta": ' + meta + b', "data": {')
        train.write(b"{")
        outs[kind] = (entries, train)
    starts = {entry.id: entry for entries in by_kind.values() for entry in entries}
    separators = dict.fromkeys(outs, b"\n")
    for stored in _read_spool(spool):
        entries, train = outs[stored.kind]
        context = contexts[stored.id]
        key = msgspec.json.encode(stored.id)
        body = {
            "instruction": stored.instruction,
            "answer": stored.answer,
            "image_ids": stored.image_ids,
            "rel_ins_ids": context,
        }
        shown = _cut_context(context, starts[stored.id], settings)
        entries.write(separators[stored.kind] + key + b": " + msgspec.json.encode(body))
        train.write(separators[stored.kind] + key + b": " + msgspec.json.encode(shown))
        separators[stored.kind] = b",\n"
    for entries, train in outs.values():
        entries.write(b"\n}}\n")
        train.write(b"\n}\n")


def _cut_context(context: tuple[str, ...], entry: Entry, settings: _Settings) -> tuple[str, ...]:
    """The train file's: the last turns before the entry's, or the first of the others (Otter's data scripts, 0238726)."""
    if not settings.shots:
        return context
    policy = choose_policy(settings.policies, entry.source, turns=entry.turns, related=bool(entry.related))
    return context[-settings.shots :] if policy == "earlier" else context[: settings.shots]


def _plan_yamls(files: dict[_Kind, str], main: str) -> dict[str, list[_Kind]]:
    """Each YAML's name and what it names: Otter makes one dataset of a group (``get_mimicit_dataset``), and stacks its pictures."""
    plans: dict[str, list[_Kind]] = {f"{main}.yaml": []}
    first = plans[f"{main}.yaml"]
    for kind, stem in files.items():
        if any(kind.group == other.group for other in first):
            plans[f"{stem}.yaml"] = [kind]
        else:
            first.append(kind)
    return plans


def _write_yaml(
    file: IO[bytes], files: dict[_Kind, str], main: str, short: str, settings: _Settings, images: ImageFile
) -> None:
    groups: dict[str, dict[str, Any]] = {}
    for kind, stem in files.items():
        name = short + stem.removeprefix(main)
        dataset: dict[str, Any] = {"mimicit_path": f"{stem}_instructions.json"}
        if kind.group != "TEXT_ONLY":
            dataset["images_path"] = images.path.name
        dataset |= {"train_config_path": f"{stem}_train.json", "num_samples": -1}
        if settings.description:
            dataset["task_description"] = [settings.description]
        groups.setdefault(kind.group, {})[name] = dataset
    file.write(yaml.safe_dump(groups, sort_keys=False, allow_unicode=True).encode())


def _take_notes(
    written: Written,
    pictures: Pictures,
    files: dict[_Kind, str],
    contexts: dict[str, tuple[str, ...]],
    plans: dict[str, list[_Kind]],
) -> None:
    written.notes += pictures.make_notes("Pictures from {base} are in the Parquet file.")
    sizes = Counter(len(context) for context in contexts.values())
    if contexts:
        alone = f"; {sizes[0]} have none" if sizes[0] else ""
        written.notes.append(f"{len(contexts)} entries, {sum(map(len, contexts.values()))} ids of context{alone}.")
    written.notes.append(
        f"Start Otter's training in this folder, with `{next(iter(plans))}`: its paths are relative to where that is done."
    )
    if len(plans) > 1:
        others = ", ".join(f"`{name}`" for name in list(plans)[1:])
        written.notes.append(
            f"Train with {others} by itself: Otter cannot stack unlike numbers of pictures in one group."
        )
    if len(files) > 1:
        names = ", ".join(f"{name}_instructions.json ({kind.group})" for kind, name in files.items())
        written.notes.append(f"What Otter cannot put into one batch stands in files of its own: {names}.")
