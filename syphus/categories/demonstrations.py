"""Demonstrations on disk: files of a folder, and the pool of accepted replies, as values; each mistake by file and place."""

from pathlib import Path
from typing import Any

from msgspec import UNSET, Struct, UnsetType, defstruct

from syphus.categories.category import CategoryFile, ChatStep, Demonstration, Origin, PickStep
from syphus.categories.context import render_context
from syphus.categories.picking import FIELDS
from syphus.decoding import convert, decode_json, read_text
from syphus.errors import InputError
from syphus.records import Scene, Text


def read_accepted(path: Path, file: CategoryFile) -> tuple[Demonstration, ...]:
    """The pool of accepted replies, where the category draws from it; raises :class:`InputError`."""
    if not file.demonstrations.accepted:
        return ()
    if not path.is_file():
        raise InputError(
            "[demonstrations] accepted draws from a file that is not there",
            file=path,
            mend="`syphus bootstrap RUN --category NAME` writes it, out of a run's accepted replies.",
        )
    lines = [line for line in read_text(path).splitlines() if line.strip()]
    pool = tuple(_make_demonstration(line, file, path, f"line {number}") for number, line in enumerate(lines, 1))
    if len(pool) < file.demonstrations.accepted:
        raise InputError(f"holds {len(pool)} replies, and {file.demonstrations.accepted} are drawn", file=path)
    return pool


class _DemonstrationFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One JSON file of ``demonstrations/``; ``reply`` is short for the replies of a category with one chat step."""

    scene: Scene
    reply: dict[str, Any] | None = None
    replies: dict[str, dict[str, Any]] = {}
    picked: dict[str, dict[str, str]] | UnsetType = UNSET
    note: str = ""
    origin: Origin | None = None


def read_demonstration(path: Path, file: CategoryFile) -> Demonstration:
    """One file of ``demonstrations/``; raises :class:`InputError` for one that does not fit the category's steps."""
    return _make_demonstration(read_text(path), file, path, path.name)


def _make_demonstration(text: str, file: CategoryFile, path: Path, name: str) -> Demonstration:
    raw = decode_json(text, _DemonstrationFile, file=path)
    steps = {step.name: step for step in file.steps if isinstance(step, ChatStep)}
    if raw.reply is not None and (len(steps) != 1 or raw.replies):
        raise InputError(
            "has both `reply` and `replies`"
            if len(steps) == 1
            else f"has a `reply`, but the chat steps are {list(steps)}",
            file=path,
            place="$.reply",
            mend='Give `"replies": {"step": {...}}`, one for each chat step.'
            if steps
            else "No model is asked: leave it out.",
        )
    replies = raw.replies if raw.reply is None else dict.fromkeys(steps, raw.reply)
    if sorted(replies) != sorted(steps):
        raise InputError(
            f"has replies for {sorted(replies) or 'no step'}, but the chat steps are {list(steps)}",
            file=path,
            place="$.replies",
            mend='Give `"replies": {"step": {...}}` with one reply for each chat step.',
        )
    for step, reply in replies.items():
        _check_reply(reply, steps[step], path, "$.reply" if raw.reply is not None else f"$.replies.{step}")
    _check_picked(raw.picked or {}, file, path)
    try:
        render_context(raw.scene, file.context)
    except InputError as error:
        raise InputError(error.message, file=path, place="$.scene", mend=error.mend) from error
    return Demonstration(
        scene=raw.scene, replies=replies, picked=raw.picked, file=name, note=raw.note, origin=raw.origin
    )


def _check_picked(picked: dict[str, dict[str, str]], file: CategoryFile, path: Path) -> None:
    picks = {step.name: step for step in file.steps if isinstance(step, PickStep)}
    for name, record in picked.items():
        wanted = FIELDS[picks[name].of] if name in picks else ()
        if sorted(record) != sorted(wanted):
            known = f"that step picks {list(wanted)}" if wanted else f"the pick steps are {list(picks)}"
            raise InputError(f"has {sorted(record)} for {name!r}, but {known}", file=path, place=f"$.picked.{name}")


def _pairs_type(step: ChatStep) -> type[Struct]:
    """The form of a reply that is a list of pairs."""
    names = step.texts
    attributes = [f"field{number}" for number in range(len(names))]  # a field may be called `class`
    pair = defstruct(
        "Pair",
        [(attribute, Text) for attribute in attributes],
        rename=dict(zip(attributes, names, strict=True)),
        forbid_unknown_fields=True,
    )
    return defstruct("Pairs", [("pairs", list[pair])], forbid_unknown_fields=True)  # type: ignore[valid-type]


def _check_reply(reply: dict[str, Any], step: ChatStep, path: Path, place: str) -> None:
    """Raises :class:`InputError` for a reply of another form; ``syphus check seeds`` looks at what it says."""
    if step.pairs is not None:
        convert(reply, _pairs_type(step), file=path, prefix=place)
        return
    convert(reply, dict[str, Text], file=path, prefix=place)
    if sorted(reply) != sorted(step.fields):
        raise InputError(
            f"has the fields {sorted(reply)}, but step `{step.name}` gives {list(step.fields)}", file=path, place=place
        )
