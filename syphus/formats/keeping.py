"""What a row says beside its dialogue, kept so that the way back writes it again.

Keys that are not a format's own stand in ``Dialogue.metadata`` under their names. The form of the row - an id that was a
number or was not there, a list of one picture, other names of the roles - stands in ``metadata["as_read"]`` with the
format's name, is obeyed by that format alone, and holds only what differs from what the format would write by itself.
"""

from collections.abc import Callable, Collection, Mapping
from functools import reduce
from pathlib import Path, PurePosixPath
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from syphus.annotations.picture_files import measure_picture
from syphus.errors import InputError
from syphus.formats.exporting import Written, derive_scene
from syphus.formats.importing import ImportOptions
from syphus.formats.parts import UnfitError
from syphus.formats.places import OddError
from syphus.records import Asset, Dialogue, Object, Turn
from syphus.references.boxes import Convention
from syphus.references.inline import parse_inline

AS_READ = "as_read"
"""The key of ``Dialogue.metadata`` under which the form of a row is kept."""


class Context(Struct, kw_only=True):
    """What is known while one row is read."""

    format: str
    identity: str
    """The dialogue's id."""
    options: ImportOptions
    mend: Callable[[str], None]
    """Is told what was mended in the row."""
    noted: dict[str, Any]
    """The form of the row, as far as it is to be kept."""


class Names:
    """Gives dialogues their ids.

    Args:
        file: its stem names the rows that have none.
    """

    def __init__(self, file: Path) -> None:
        self._stem = file.stem
        self._seen: set[str] = set()

    def give(self, given: Any, number: int, mend: Callable[[str], None]) -> tuple[str, dict[str, Any]]:
        """The id of row ``number``, and what is to be noted of the one it had.

        Args:
            given: the row's id, whatever it is; None where it has none.
            number: of the row, from 1.
            mend: is told of an id that was given before.
        """
        noted: dict[str, Any] = {}
        identity = given if isinstance(given, str) else str(given) if isinstance(given, int) else ""
        if not identity:
            identity = f"{self._stem}-{number:06d}"
        if identity in self._seen:
            mend("its id was given to a row before it; here the number of the row stands behind it")
            identity = f"{identity}~{number}"
        if identity != given:
            noted["id"] = given
        self._seen.add(identity)
        return identity, noted


def make_dialogue(
    context: Context,
    row: Mapping[str, Any],
    own: Collection[str],
    *,
    texts: list[str],
    assets: tuple[Asset, ...],
    objects: tuple[Object, ...] = (),
    system: str = "",
    **fields: Any,
) -> Dialogue:
    """The dialogue of a row: boxes in its texts read if that is asked for, other keys kept.

    Args:
        context: of the row.
        row: the row.
        own: its keys that the format itself has read.
        texts: what the turns say, as stored text, the user first.
        assets: its media.
        objects: those that the texts refer to.
        system: its system message.
        fields: other fields of the dialogue.

    Raises:
        OddError: a turn is empty.
    """
    options = context.options
    for number, text in enumerate(texts, start=1):
        if not text:
            raise OddError(f"turn {number} is empty")
    if options.boxes is not None and assets:
        texts, objects, assets = _read_boxes(context, options.boxes, texts, assets, objects)
    metadata = {key: value for key, value in row.items() if key not in own} | note_form(context)
    scene = derive_scene(context.identity, assets)
    fields = {"scene": scene, "source": options.source, "language": options.language} | fields
    return Dialogue(
        id=context.identity,
        system=system if options.keep_system else "",
        turns=tuple(Turn(role="assistant" if index % 2 else "user", text=text) for index, text in enumerate(texts)),
        assets=assets,
        objects=objects,
        metadata=metadata,
        **fields,
    )


def note_form(context: Context) -> dict[str, Any]:
    """What is kept of the row's form, as a key of ``Dialogue.metadata``; nothing where the format writes it so by itself."""
    return {AS_READ: {"format": context.format, **context.noted}} if context.noted else {}


def _read_boxes(
    context: Context,
    convention: Convention,
    texts: list[str],
    assets: tuple[Asset, ...],
    objects: tuple[Object, ...],
) -> tuple[list[str], tuple[Object, ...], tuple[Asset, ...]]:
    """The texts with references in the place of coordinates; they stay text where nobody can say what they mean."""
    if len(assets) > 1:
        context.mend("coordinates in it stay text: it has several pictures, and nothing says which they are in")
        return texts, objects, assets
    asset = find_size(assets[0], context.options)
    taken = {asset.id, *(thing.id for thing in objects)}
    try:
        parsed = parse_inline(texts, convention, width=asset.width, height=asset.height, taken=taken)
    except InputError:
        context.mend("coordinates in it stay text: the size of its picture is not known; `--images` names its folder")
        return texts, objects, assets
    for problem in parsed.problems:
        context.mend(problem)
    return list(parsed.texts), (*objects, *parsed.objects), (asset,)


def find_size(asset: Asset, options: ImportOptions) -> Asset:
    """The picture with its width and height, from the head of its file where the row does not give them."""
    if asset.width or asset.path is None or options.images is None or asset.kind != "image":
        return asset
    if ".." in PurePosixPath(asset.path).parts:
        return asset
    size = measure_picture(options.images / asset.path)
    return replace(asset, width=size[0], height=size[1]) if size else asset


def find_noted(dialogue: Dialogue, format_: str) -> dict[str, Any]:
    """The form of the row that the dialogue came from, where it came from this format; empty else."""
    noted = dialogue.metadata.get(AS_READ)
    return noted if isinstance(noted, dict) and noted.get("format") == format_ else {}


def noted_text(noted: Mapping[str, Any], key: str) -> str:
    """A text of the form; empty where there is none."""
    value = noted.get(key)
    return value if isinstance(value, str) else ""


def noted_table(noted: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A table of the form; empty where there is none."""
    value = noted.get(key)
    return value if isinstance(value, dict) else {}


def identify(dialogue: Dialogue, noted: Mapping[str, Any]) -> dict[str, Any]:
    """The beginning of a row: its ``id``, as it was read."""
    if "id" not in noted:
        return {"id": dialogue.id}
    return {} if noted["id"] is None else {"id": noted["id"]}


class Extras:
    """The other keys of rows, for consumers that make a table of them.

    Hugging Face ``datasets`` gives every column one type: a key whose values have another kind than it had before would end
    the loading of the whole file, so it is left out of that row.

    Args:
        typed: False for consumers that read each row by itself.
        written: counts what is left out.
        folded: keys that the format writes itself.
        reserved: keys that the consumer reads: one of another dataset would be taken for its own.
    """

    def __init__(
        self, written: Written, *, typed: bool, folded: Collection[str] = (), reserved: Collection[str] = ()
    ) -> None:
        self._written = written
        self._folded = folded
        self._reserved = reserved
        self._typed = typed
        self._kinds: dict[str, Any] = {}
        self._id: type | None = None

    def add(self, row: dict[str, Any], dialogue: Dialogue) -> None:
        """Puts the dialogue's other keys into its row; the row's own come first."""
        if self._typed and row.get("id") is not None:
            self._keep_id(row)
        if self._typed and "videos" in row:
            self._kinds["videos"] = kind = _merge(self._kinds.get("videos"), _kind(row["videos"]))
            if kind == _CLASH:
                self._kinds["videos"] = [["text"]] if isinstance(row["videos"][0], str) else ["text"]
                raise UnfitError(
                    "its video is a file and those before are frames, or the other way round: a table has one kind"
                )
        for key, value in dialogue.metadata.items():
            if key == AS_READ or key in self._folded:
                continue
            if key in row or key in self._reserved:
                self._written.not_held[f"metadata `{key}`"] += 1
                continue
            if self._typed:
                kind = _merge(self._kinds.get(key), _kind(value))
                if kind == _CLASH:
                    self._written.not_held[f"metadata `{key}`, whose values are of several kinds"] += 1
                    continue
                self._kinds[key] = kind
            row[key] = value

    def _keep_id(self, row: dict[str, Any]) -> None:
        """Numbers among ids that are texts become texts; a text among numbers is left out."""
        self._id = self._id or type(row["id"])
        if self._id is str:
            row["id"] = str(row["id"])
        elif type(row["id"]) is str:
            del row["id"]
            self._written.not_held["ids that are texts, among numbers"] += 1


_CLASH = "several"


def _kind(value: Any) -> Any:
    """The kind of a JSON value, as a table's column has it; None for null."""
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case dict():
            kinds = {key: _kind(inner) for key, inner in value.items()}
            return _CLASH if _CLASH in kinds.values() else kinds
        case list():
            inner = reduce(_merge, map(_kind, value), None)
            return _CLASH if inner == _CLASH else [inner]
        case None:
            return None
        case _:
            return "text"


def _merge(first: Any, second: Any) -> Any:
    """The kind of a column that holds both; :data:`_CLASH` where there is none."""
    if first is None or second is None or first == second:
        return second if first is None else first
    if _CLASH in (first, second):
        return _CLASH
    if isinstance(first, dict) and isinstance(second, dict):
        merged = {key: _merge(first.get(key), second.get(key)) for key in {**first, **second}}
        return _CLASH if _CLASH in merged.values() else merged
    if isinstance(first, list) and isinstance(second, list):
        inner = _merge(first[0], second[0])
        return _CLASH if inner == _CLASH else [inner]
    return _CLASH
