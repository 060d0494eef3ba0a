"""What the chat formats share: the texts of a dialogue, rendered and fit for a trainer, and its pictures, found.

What cannot be written raises :class:`UnfitError`; :func:`encode_rows` counts it under its reason and goes on. Reasons hold
no ids and no texts, so that the same fault is one line in the report, however often it occurs.
"""

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, Literal

import msgspec
from msgspec import Struct

from syphus.errors import InputError
from syphus.formats.clips import as_file, is_clip
from syphus.formats.exporting import ExportOptions, Written, count_losses
from syphus.formats.places import CLOSE, OPEN, mark_places
from syphus.records import Asset, Dialogue
from syphus.references.rendering import render_text
from syphus.references.text import find_references, plain_text

MARKS = (
    *("<image>", "<video>", "<audio>", "<IMG_CONTEXT>"),
    *("<start_of_image>", "<end_of_image>", "<image_soft_token>", "<fake_token_around_image>", "<end_of_utterance>"),
    *("<s>", "</s>", "<unk>", "<pad>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<start_of_turn>", "<end_of_turn>"),
)
"""Strings that trainers take for their own, wherever they stand: places for media (LLaMA-Factory counts ``<image>`` over all
turns and stops the run where the count differs) and the control tokens of Llama, Mistral and Gemma, which the tokenizer
does not tell apart from text. ``<unk>`` is the padding token of LLaVA: one in a text masks the whole sample. Gemma 3's processor
(transformers 5.6, ``processing_gemma3.py``) counts ``<start_of_image>`` in the text; Idefics' and SmolVLM's turns end with
``<end_of_utterance>``."""
TEMPLATE_MARKS = (*MARKS, "[IMG]", "[IMG_BREAK]", "[IMG_END]")
"""Also those of Pixtral (``processing_pixtral.py``: each ``[IMG]`` in a text takes a picture), for formats that any model is trained
from."""

PICTURE_TOKENS = 576
"""What a picture takes of the context in LLaVA-1.5: 24 x 24 patches (CLIP ViT-L/14 at 336 pixels)."""
FRAME_TOKENS = 64
"""The system message that a chat template puts in front; that of LLaVA's ``v1`` has 31."""
TURN_TOKENS = 8
"""What a template puts around a turn; ``v1`` writes ``USER:``, or ``ASSISTANT:`` and ``</s>``: 6 at most."""

_CONTROL_TOKEN = re.compile(r"<\|[^<>|\s]+\|>")
_LINE_END = re.compile(r"\r\n?")
_SEVERAL = {"image": "pictures", "video": "videos", "frames": "frames of videos", "point_cloud": "point clouds"}
_KINDS = {"image": "a picture", "video": "a video", "frames": "the frames of a video", "point_cloud": "a point cloud"}
_REMEMBERED_PICTURES = 1 << 16


class UnfitError(Exception):
    """The dialogue cannot be written in this format.

    Args:
        reason: why, in words that complete ``left out because ...``.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def encode_rows(
    dialogues: Iterable[Dialogue],
    make_row: Callable[[Dialogue], Any],
    written: Written,
    *,
    holds: frozenset[str] = frozenset(),
    options: ExportOptions | None = None,
    encode: Callable[[Any], bytes] = msgspec.json.encode,
) -> Iterator[bytes]:
    """The rows that ``make_row`` makes of the dialogues, as JSON on one line each, without a line end.

    The ids of the rows are kept to find repeats (about 100 bytes a dialogue); nothing else grows with the input.

    Args:
        dialogues: read one at a time.
        make_row: raises :class:`UnfitError` for a dialogue that is to be left out.
        written: counts what is yielded and what is left out.
        holds: fields of a dialogue that the format has a place for; what else there is of the others is counted.
        options: of the export.
        encode: into something else than JSON.
    """
    options = options or ExportOptions()
    seen: set[str] = set()

    def leave_out(dialogue: Dialogue, reason: str) -> None:
        written.leave_out(dialogue, reason)
        if options.keep_aside:
            options.keep_aside(dialogue, reason)

    for dialogue in dialogues:
        if dialogue.id in seen:
            leave_out(dialogue, "its id was given to a dialogue before it")
            continue
        try:
            row = encode(make_row(dialogue))
        except UnfitError as unfit:
            leave_out(dialogue, unfit.reason)
        except UnicodeEncodeError:
            leave_out(dialogue, "its text is no valid Unicode: it holds half of a surrogate pair")
        else:
            seen.add(dialogue.id)
            written.written += 1
            count_losses(dialogue, holds, options, written)
            yield row


def render_turns(
    dialogue: Dialogue,
    options: ExportOptions,
    *,
    marks: Iterable[str] = MARKS,
    render: Callable[[str], str] | None = None,
) -> list[str]:
    r"""What the turns say to a trainer: references rendered, line ends ``\n``, no white space at either end.

    The ends are stripped because LLaVA's loader strips the turn with the picture and no other; with all of them stripped
    the data is the same in every trainer. With ``options.exact``, line ends and ends are as they were.

    Places of media are still marked in what comes back; :func:`syphus.formats.places.write_places` puts tokens there.

    Raises:
        UnfitError: a reference leads nowhere, a box cannot be rendered, a turn is empty, it holds one of ``marks``, or all
            together are longer than ``options.max_tokens``.
    """

    def render_turn(text: str, role: Literal["user", "assistant"]) -> str:
        return render(text) if render else render_text(text, dialogue, options.boxes, role=role)

    texts = []
    for turn in dialogue.turns:
        _check_references(turn.text, dialogue)
        try:
            text = render_turn(mark_places(turn.text, dialogue.assets), turn.role)
        except InputError as error:
            raise UnfitError(error.message) from error
        texts.append(text if options.exact else _LINE_END.sub("\n", text).strip())
        _check_text(texts[-1], turn.text, marks)
    if options.max_tokens is None:
        return texts
    tokens = FRAME_TOKENS + sum(TURN_TOKENS + estimate_tokens(text) for text in texts)
    if tokens + PICTURE_TOKENS * len(dialogue.assets) > options.max_tokens:
        raise UnfitError(f"it is longer than {options.max_tokens} tokens, by a high estimate")
    return texts


def _check_text(text: str, stored: str, marks: Iterable[str]) -> None:
    """Raises :class:`UnfitError` for a rendered text that is empty or holds what trainers take for their own."""
    if OPEN in stored or CLOSE in stored:
        raise UnfitError("a turn holds U+FDD0 or U+FDD1, which are no characters")
    if not text.strip():
        raise UnfitError("a turn is empty")
    for mark in marks:
        if mark in text:
            raise UnfitError(f"a turn holds `{mark}`, which trainers take for their own")
    # Before rendering: a box convention may have such tokens for a purpose (Qwen2-VL's <|box_start|>).
    if "|" in text and _CONTROL_TOKEN.search(plain_text(stored)):
        raise UnfitError("a turn holds a `<|...|>` token, which trainers take for their own")


def _check_references(text: str, dialogue: Dialogue) -> None:
    if "](#" not in text:  # most texts
        return
    assets = {asset.id for asset in dialogue.assets}
    targets = {thing.id: thing.asset for thing in dialogue.objects}
    for reference in find_references(text):
        for identity in reference.ids:
            if identity in assets:
                continue
            if identity not in targets or targets[identity] not in {None, *assets}:
                raise UnfitError("a reference leads to nothing that the dialogue holds")


_TOKEN = re.compile(
    r"[a-z]{1,3}|[A-Z]{1,2}|[\u0400-\u04ff]{1,2}"  # letters, Cyrillic last
    r"| (?![\x21-\x7e])"  # a space that no ASCII word swallows
    r"|[^ a-zA-Z\u0400-\u04ff]"
)
_HAN_AND_KANA = re.compile(r"[\u3000-\u30ff\u4e00-\u9fff]")
_OTHER_SCRIPTS = re.compile(r"[^\x00-\u06ff\u3000-\u30ff\u4e00-\u9fff]+")


def estimate_tokens(text: str) -> int:
    """How many tokens the text has for a Llama-2 tokenizer, estimated from the characters alone and on the high side.

    Letters are counted in runs (three to a token, capitals and Cyrillic two), digits and signs one each, a space only where
    no ASCII word follows to swallow it, Han and kana two each, and what is left as its UTF-8 bytes, the most that the
    tokenizer's byte fallback can make of it. Held against that tokenizer's own counts it is 1.5 times too high for English
    captions, 1.0 to 1.8 times for coordinates, code and European languages, up to 2.6 times for others, and too low (0.94)
    only for strings of random letters.
    """
    count = 1 + len(_TOKEN.findall(text))
    if not text.isascii():
        count += len(_HAN_AND_KANA.findall(text))
        count += sum(len(run.encode("utf-8", "surrogatepass")) - len(run) for run in _OTHER_SCRIPTS.findall(text))
    return count


class Picture(Struct, frozen=True):
    """A picture of a dialogue, found."""

    path: str
    """Relative to :attr:`Pictures.base`, with forward slashes."""
    file: Path | None
    """Where it is; None where the picture folders are not known."""


class Pictures:
    """Finds pictures, and gives all of them paths that are relative to ONE folder.

    Args:
        folders: source name -> the folder that its assets' paths are relative to. Where there are none at all, paths are
            taken as they stand and nothing is looked for. That under the empty name is for all sources that are not named.
        videos: the folder of the videos, where it is another one.
        exact: paths stay letter by letter (``./a//b.jpg``), where they need no other folder in front.

    Raises:
        InputError: the folders have no common parent (they are on different drives).
    """

    base: Path | None
    """The folder itself, or the common parent of several; None where none is known."""
    asked: bool = False
    """True as soon as a picture was looked for."""
    first_missing: Path | None = None

    def __init__(self, folders: dict[str, Path], *, videos: Path | None = None, exact: bool = False) -> None:
        self._exact = exact
        # Not resolve(): the trainer goes through the same symbolic links as we do.
        self._folders = {source: Path(os.path.abspath(folder)) for source, folder in folders.items()}  # noqa: PTH100
        self._videos = Path(os.path.abspath(videos)) if videos else None  # noqa: PTH100
        known = [*self._folders.values(), *([self._videos] if self._videos else [])]
        try:
            self.base = Path(os.path.commonpath(known)) if known else None
        except ValueError as error:
            raise InputError(
                f"the picture folders of {', '.join(sorted(folders))} have no common parent, and a dataset's paths are "
                "relative to one folder",
                mend="Export each source on its own, or bring the pictures to one drive.",
            ) from error
        self._is_file = lru_cache(_REMEMBERED_PICTURES)(os.path.isfile)

    def find(self, asset: Asset, dialogue: Dialogue, *, kinds: Collection[str] = ("image",)) -> Picture:
        """Where the picture (or video) is, and its path in the dataset.

        Args:
            asset: the picture.
            dialogue: whose source says which folder it is in.
            kinds: what the format can hold.

        Raises:
            UnfitError: it is of no such kind, has no path or one that leaves its folder, or is missing.
        """
        self.asked = True
        check_kind(asset, kinds)
        clip = is_clip(asset)
        asset = as_file(asset)
        if not asset.path:
            if asset.url and asset.url.startswith("file://"):
                raise UnfitError(
                    "its picture has an absolute path; `--images` names the folder that paths are relative to"
                )
            raise UnfitError("its picture has only a url" if asset.url else "its picture has neither a path nor a url")
        if "\\" in asset.path:
            raise UnfitError("its picture's path has backslashes")
        if ".." in asset.path and ".." in PurePosixPath(asset.path).parts:
            raise UnfitError("its picture's path has `..` in it, which may lead out of the picture folder")
        if self.base is None:
            return Picture(asset.path if self._exact else str(PurePosixPath(asset.path)), None)
        folder = self._folders.get(dialogue.source, self._folders.get(""))
        if asset.kind == "video" and self._videos:
            folder = self._videos
        if folder is None:
            raise UnfitError("the picture folder of its source is not known")
        file = folder / asset.path
        # os.path and not Path: names too long and folders that may not be entered are missing, too, and no crash.
        if not (os.path.isdir(file) if asset.kind == "frames" else self._is_file(file)):  # noqa: PTH112 - the same
            self.first_missing = self.first_missing or file
            raise UnfitError(
                "its clip is not cut out of the video; `syphus clips` has the commands"
                if clip
                else "its picture's file is missing"
            )
        if folder == self.base and self._exact:
            return Picture(asset.path, file)
        return Picture((PurePath(os.path.relpath(folder, self.base)) / asset.path).as_posix(), file)

    def make_notes(self, explain_base: str) -> list[str]:
        """What the user must know about the pictures; nothing where there are none.

        Args:
            explain_base: what to do with the base folder, which stands in it as ``{base}``.
        """
        if not self.asked:
            return []
        notes = [explain_base.format(base=show_path(self.base))] if self.base else []
        if not self.base:
            notes.append(
                "No picture folder is known, so no picture was looked for; paths stand as they are in the annotations, "
                "and those of several sources may need several folders."
            )
        if self.first_missing:
            notes.append(f"The first picture that is missing: {show_path(self.first_missing)}")
        return notes


def check_kind(asset: Asset, kinds: Collection[str] = ("image",)) -> None:
    """Raises :class:`UnfitError` unless the asset is a picture, or of one of ``kinds``."""
    if asset.kind not in kinds:
        held = " and ".join(_SEVERAL[kind] for kind in kinds)
        raise UnfitError(f"it is about {_KINDS[asset.kind]}, and the format holds {held} only")


def show_path(path: Path) -> str:
    """The path as seen from the current directory; absolute where it is on another drive."""
    try:
        return os.path.relpath(path)
    except ValueError:
        return str(path)
