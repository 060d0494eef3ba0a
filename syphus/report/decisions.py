"""What people decided about dialogues, in a file that the page and the commands share.

JSON Lines, a decision a line, as ``{"id": "...", "decision": "reject", "note": "there is no dog", "version": "..."}``; a JSON
array of the same is read, too. A later line about the same dialogue takes the place of an earlier one.

``version`` is the fingerprint of the text that was looked at. A dialogue that has been made again since is another text, and
a decision about the old one says nothing of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from syphus.decoding import decode_json
from syphus.errors import InputError
from syphus.files import write_whole
from syphus.identity import digest
from syphus.records import Dialogue, Text

Choice = Literal["accept", "reject", ""]
_MARK = b"\xef\xbb\xbf"


class Decision(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One decision. Fields that are not known are passed over, so that people may add columns of their own."""

    id: Text
    """The dialogue's; that of the item where nothing of it was accepted."""
    decision: Choice = ""
    """Empty: undecided, there is only a note."""
    note: str = ""
    version: str = ""
    """Of the text that was looked at; empty: whatever it is."""
    others: dict[str, str] = {}
    """Language -> version, of the translations that were shown beside it."""

    def covers(self, version: str) -> bool:
        """Whether it is about a text of this version."""
        return not self.version or version == self.version or version in self.others.values()


def version_of(dialogue: Dialogue) -> str:
    """The fingerprint of what is said in a dialogue: its language and turns."""
    return digest([dialogue.language, [[turn.role, valid_text(turn.text)] for turn in dialogue.turns]])


def valid_text(text: str) -> str:
    """The text with a question mark for each half of a surrogate pair, which no file can hold."""
    return text.encode("utf-8", "replace").decode()


def read_decisions(file: Path) -> dict[str, Decision]:
    """The decisions of a file, by the dialogue's id; the last about each.

    Raises:
        InputError: the file cannot be read, or a line is no decision; named with its line.
    """
    try:
        data = file.read_bytes().removeprefix(_MARK)
        text = data.decode("utf-8")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", file=file) from error
    except UnicodeDecodeError as error:
        raise InputError(f"byte {data[error.start]:#04x} is not UTF-8", file=file) from error
    if text.lstrip().startswith("["):
        return {one.id: one for one in decode_json(text, tuple[Decision, ...], file=file)}
    lines = enumerate(text.split("\n"), start=1)
    found = (decode_json(line, Decision, file=file, first_line=number) for number, line in lines if line.strip())
    return {one.id: one for one in found}


def write_decisions(file: Path, decisions: Iterable[Decision]) -> None:
    """Writes the file, whole or not at all; what says nothing is left out."""
    with write_whole(file) as out:
        for one in decisions:
            if one.decision or one.note:
                out.write(msgspec.json.encode(one) + b"\n")


def decided(dialogue: Dialogue, decisions: Mapping[str, Decision]) -> Choice | Literal["outdated"]:
    """What was decided about a dialogue as it stands.

    Returns:
        ``accept``, ``reject``, or nothing; ``outdated`` where it was decided about another text under the same id.
    """
    one = decisions.get(dialogue.id)
    if one is None or not one.decision:
        return ""
    return one.decision if one.covers(version_of(dialogue)) else "outdated"


def choose_decided(
    dialogues: Iterable[Dialogue], decisions: Mapping[str, Decision], *, only_accepted: bool = False
) -> Iterator[Dialogue]:
    """The dialogues that may be used.

    Args:
        dialogues: read one at a time.
        decisions: by id.
        only_accepted: only those that somebody accepted as they stand; else all that nobody rejected.
    """
    for dialogue in dialogues:
        choice = decided(dialogue, decisions)
        if choice == "accept" or (not only_accepted and choice != "reject"):
            yield dialogue


def is_rejected(item: str, dialogues: Iterable[Dialogue], decisions: Mapping[str, Decision]) -> bool:
    """Whether an item is to be made again: it, or one of its dialogues as they stand, was rejected.

    Args:
        item: its id. A decision about it by name counts where it has no dialogue to be looked at.
        dialogues: of its standing outcome.
        decisions: by id.
    """
    standing = list(dialogues)
    if not standing:
        one = decisions.get(item)
        return one is not None and one.decision == "reject"
    return any(decided(dialogue, decisions) == "reject" for dialogue in standing)
