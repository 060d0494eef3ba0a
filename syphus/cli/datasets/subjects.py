"""Dialogues that are there, with what is known of their scenes: what ``judge``, ``blind`` and ``correct`` work on.

They come out of a run's ledger or out of a file in any format that can be read, and their scenes out of the run's sources or a
file of scenes. All is written to a temporary file first, in the order of the scenes: a ledger that is read and written at the
same time for hours cannot clear its log away, and scenes may be more than fit into memory.
"""

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Self

import msgspec
from msgspec import Struct, field, structs

from syphus.annotations.reading import Problem, picture_folder
from syphus.annotations.scenes import Options as SceneOptions
from syphus.annotations.scenes import read as read_scene_file
from syphus.categories.blocks import (
    AbsentBlock,
    CaptionBlock,
    Context,
    ObjectBlock,
    OcrBlock,
    ProseBlock,
    QuestionBlock,
    RegionBlock,
    RelationBlock,
    SegmentBlock,
)
from syphus.categories.context import render_context
from syphus.cli import view
from syphus.cli.convert import choose_importer
from syphus.cli.runs.assemble import read_scenes
from syphus.cli.runs.keep import CONFIG_FILE
from syphus.cli.runs.prompting import find_picture
from syphus.cli.runs.select import choose_categories
from syphus.cli.runs.work import Prepared, prepare
from syphus.errors import InputError
from syphus.exchange import Picture
from syphus.formats.importing import ImportOptions
from syphus.jobs.balance import Ballot
from syphus.jobs.judge_asking import Subject
from syphus.ledger.ledger import open_ledger
from syphus.ledger.reader import ABOUT_DIALOGUES
from syphus.ledger.store import LEDGER_FILE
from syphus.quality.pairs import Rules
from syphus.records import Dialogue, Scene
from syphus.references.boxes import find_convention

_NUMBER = re.compile(r"(\d+)$")
_ALL = Context(
    blocks=(
        "assets", "captions", "objects", "relations", "regions", "absent", "segments", "ocr", "questions", "prose",
    ),
    captions=CaptionBlock(heading="As several people see it:"),
    objects=ObjectBlock(heading="What is where (from the left, top, right, bottom edge, 0 to 1):", attributes=True),
    relations=RelationBlock(heading="How some of them are related:"),
    regions=RegionBlock(heading="What is to be seen at some places:"),
    absent=AbsentBlock(heading="What was looked for and is not there:"),
    segments=SegmentBlock(heading="What happens and what is said:"),
    ocr=OcrBlock(heading="What can be read:"),
    questions=QuestionBlock(heading="Questions that people have answered:"),
    prose=ProseBlock(heading="What else is known:"),
)  # fmt: skip
"""How a scene is shown where no category says it."""


class Subjects(Struct, kw_only=True):
    """The dialogues that are worked on; read as often as needed, and never held."""

    path: Path
    folder: Path
    """Where the ledger is."""
    is_run: bool
    count: int = 0
    without_scene: int = 0
    """Of whose scene nothing is known."""
    without_picture: int = 0
    """Which have no picture that can be shown."""
    problems: Counter[str] = field(default_factory=Counter)
    _file: Path = Path()

    def read(self) -> Iterator[Subject]:
        """The subjects, from the first on."""
        decode = msgspec.json.Decoder(Subject).decode
        with self._file.open("rb") as lines:
            for line in lines:
                yield decode(line)


class _Found(Struct, frozen=True):
    """A dialogue, and the category it stands under where it was made of another."""

    dialogue: Dialogue
    origin: str = ""

    @property
    def name(self) -> str:
        """Told from what it was made of, which has the same id."""
        return f"{self.dialogue.id}@{self.origin}"


Known = Callable[[Dialogue, Scene | None], Subject]
"""A dialogue with what its scene says of it."""


def open_subjects(arguments: argparse.Namespace, stack: ExitStack, family: str, *, scenes: bool) -> Subjects:
    """The dialogues that are named on the command line, with their scenes.

    Args:
        arguments: ``what`` and what narrows it.
        stack: removes what is written on the way.
        family: of the job, which names the folder of a file's ledger.
        scenes: False: nothing has to be known of the scenes, and no source is read.

    Raises:
        InputError: there is no such thing, it is of no format that can be read, or it holds no dialogue.
    """
    path = Path(arguments.what)
    copies = Path(stack.enter_context(TemporaryDirectory(prefix=f"syphus-{family}-")))
    if (path / LEDGER_FILE).is_file():
        if arguments.run and Path(arguments.run).absolute() != path.absolute():
            raise InputError(
                f"what a {family} says of a run stands in its own ledger", place="--run", mend="Leave it out."
            )
        subjects = Subjects(path=path, folder=path, is_run=True)
        _open_run(subjects, arguments, copies, scenes=scenes)
    elif path.exists():
        folder = Path(arguments.run or f"runs/{family}-{path.stem}")
        subjects = Subjects(path=path, folder=folder, is_run=False)
        _open_file(subjects, arguments, copies, scenes=scenes)
    else:
        raise InputError("there is no such file, and no run", file=path)
    if not subjects.count:
        first = next(iter(subjects.problems), "")
        raise InputError("holds no dialogue", file=path, mend=first)
    return subjects


# -- a run


def _open_run(subjects: Subjects, arguments: argparse.Namespace, copies: Path, *, scenes: bool) -> None:
    with open_ledger(subjects.folder) as ledger:
        known = list(dict.fromkeys(ended.category for ended in ledger.ended()))
        if arguments.category:
            names = set(choose_categories(arguments.category, known))
        else:
            names = {name for name in known if not name.startswith(ABOUT_DIALOGUES)}

        def dialogues() -> Iterator[_Found]:
            for outcome in ledger.outcomes():
                if outcome.category in names:
                    origin = outcome.category if outcome.category.startswith(ABOUT_DIALOGUES) else ""
                    yield from (_Found(dialogue, origin) for dialogue in outcome.dialogues)

        chosen = _chosen(dialogues, arguments)
        with _Filing(copies, lambda one: [f"{one.source}/{one.scene}"]) as filing:
            filing.add(chosen)
            if not scenes:
                filing.write(subjects, (), _alone)
                return
            prepared = prepare(subjects.folder / CONFIG_FILE, {})
            stream = read_scenes(prepared.sources, lambda *_: None, prepared.config.run.limit)
            keyed = (([f"{scene.source}/{scene.id}"], scene) for scene in stream)
            filing.write(subjects, keyed, _of_run(prepared, look=arguments.look))


def _of_run(prepared: Prepared, *, look: bool) -> Known:
    categories = {category.name: category for category in prepared.categories}
    # The folder's own context: a run may have cut it to a small window, and what was cut away is no less known.
    folders = {source.name: picture_folder(source.options) for source in prepared.sources}

    def know(dialogue: Dialogue, scene: Scene | None) -> Subject:
        category = categories.get(dialogue.category)
        context, rules = (category.own_context, category.file.checks) if category else (_ALL, Rules())
        pictures = _pictures(dialogue, folders.get(dialogue.source)) if look else ()
        return _subject(dialogue, scene, context, rules, pictures)

    return know


# -- a file


def _open_file(subjects: Subjects, arguments: argparse.Namespace, copies: Path, *, scenes: bool) -> None:
    importer = choose_importer(subjects.path, arguments.from_)
    images = _folder(arguments.images)
    options = ImportOptions(
        images=images, boxes=find_convention(arguments.read_boxes) if arguments.read_boxes else None
    )
    wanted = arguments.category

    def report(problem: Problem) -> None:
        subjects.problems[str(problem)] += 1

    def dialogues() -> Iterator[_Found]:
        for one in importer.read(subjects.path, options, report):
            if not wanted or one.category in wanted:
                yield _Found(one)

    chosen = _chosen(dialogues, arguments)

    def know(dialogue: Dialogue, scene: Scene | None) -> Subject:
        pictures = _pictures(dialogue, images or subjects.path.parent) if arguments.look else ()
        return _subject(dialogue, scene, _ALL, Rules(), pictures)

    with _Filing(copies, _names_of_dialogue) as filing:
        filing.add(chosen)
        if not (scenes and arguments.scenes):
            filing.write(subjects, (), know)
            return
        stream = read_scene_file(SceneOptions(path=Path(arguments.scenes)), report)
        filing.write(subjects, ((_names_of_scene(scene), scene) for scene in stream), know)


def _folder(path: str | None) -> Path | None:
    if path is not None and not Path(path).is_dir():
        raise InputError("is no folder", file=path, mend="Name the folder that the paths in the file are relative to.")
    return Path(path) if path is not None else None


def _names_of_dialogue(dialogue: Dialogue) -> list[str]:
    """What its scene may be called: its own name for it, then its pictures by path, name, stem and number (COCO's)."""
    names = [dialogue.scene, f"{dialogue.source}/{dialogue.scene}", dialogue.id]
    for asset in dialogue.assets:
        names += _names_of_path(asset.path or "")
    return list(dict.fromkeys(name for name in names if name))


def _names_of_scene(scene: Scene) -> list[str]:
    names = [scene.id, f"{scene.source}/{scene.id}"]
    for asset in scene.assets:
        names += _names_of_path(asset.path or "")
    return list(dict.fromkeys(name for name in names if name))


def _names_of_path(path: str) -> list[str]:
    if not path:
        return []
    pure = PurePosixPath(path)
    number = _NUMBER.search(pure.stem)
    return [path, pure.name, pure.stem, *([number[1].lstrip("0")] if number else [])]


# -- what both share


def _chosen(dialogues: Callable[[], Iterator[_Found]], arguments: argparse.Namespace) -> Iterator[_Found]:
    """All, or a sample of so many, drawn by the seed: the same in every start."""
    if arguments.sample is None:
        return dialogues()
    ballot: Ballot[str] = Ballot(arguments.seed or 0)
    for one in dialogues():
        ballot.enter("", one.name)
    ballot.close({"": arguments.sample})
    return (one for one in dialogues() if ballot.chooses("", one.name))


def _alone(dialogue: Dialogue, _: Scene | None) -> Subject:
    return Subject(dialogue=dialogue)


def _subject(
    dialogue: Dialogue, scene: Scene | None, context: Context, rules: Rules, pictures: tuple[Picture, ...]
) -> Subject:
    if scene is None:
        return Subject(dialogue=dialogue, rules=rules, pictures=pictures)
    try:
        evidence = render_context(scene, context).text
    except InputError:  # a box in a frame of unknown size: the run has told of it
        evidence = ""
    known = [thing.id for thing in scene.objects if thing.box and not thing.crowd]
    if context.regions.ids and "regions" in context.blocks:
        known += [region.id for region in scene.regions if region.box]
    return Subject(
        dialogue=dialogue,
        evidence=evidence,
        scene=scene,
        rules=rules,
        known=frozenset(known),
        hidden=scene.people if context.names == "hidden" else (),
        pictures=pictures,
    )


def _pictures(dialogue: Dialogue, folder: Path | None) -> tuple[Picture, ...]:
    """The pictures of a dialogue that are there, and of a kind that models take."""
    found = (find_picture(asset, folder) for asset in dialogue.assets) if folder else ()
    return tuple(picture for picture in found if picture is not None)


class _Filing:
    """Brings dialogues to their scenes, holding nothing but where each dialogue stands in a temporary file.

    Args:
        folder: for the files.
        names: what the scene of a dialogue may be called, the surest first.
    """

    def __init__(self, folder: Path, names: Callable[[Dialogue], list[str]]) -> None:
        self._names = names
        self._folder = folder
        self._places: dict[str, list[int]] = defaultdict(list)
        self._all: dict[int, None] = {}
        self._read: IO[bytes]

    def __enter__(self) -> Self:
        self._read = (self._folder / "dialogues.jsonl").open("w+b")
        return self

    def __exit__(self, *_: object) -> None:
        self._read.close()

    def add(self, dialogues: Iterable[_Found]) -> None:
        """Puts the dialogues aside."""
        at = 0
        for one in dialogues:
            line = msgspec.json.encode(one) + b"\n"
            self._read.write(line)
            self._all[at] = None
            for name in self._names(one.dialogue):
                self._places[name].append(at)
            at += len(line)

    def write(self, subjects: Subjects, scenes: Iterable[tuple[list[str], Scene]], know: Known) -> None:
        """Writes them with their scenes, those whose scene does not come in the end."""
        subjects._file = self._folder / "subjects.jsonl"  # noqa: SLF001 - made here
        with subjects._file.open("wb") as out:  # noqa: SLF001
            for names, scene in scenes if self._all else ():
                for at in [at for name in names for at in self._places.get(name, ())]:
                    if at in self._all:
                        del self._all[at]
                        self._put(subjects, out, at, know, scene)
            for at in self._all:
                self._put(subjects, out, at, know, None)
            subjects.without_scene = len(self._all)

    def _put(self, subjects: Subjects, out: IO[bytes], at: int, know: Known, scene: Scene | None) -> None:
        self._read.seek(at)
        found = msgspec.json.decode(self._read.readline(), type=_Found)
        subject = structs.replace(know(found.dialogue, scene), origin=found.origin)
        subjects.count += 1
        subjects.without_picture += not subject.pictures
        out.write(msgspec.json.encode(subject) + b"\n")


def describe(subjects: Subjects, *, scenes: bool, look: bool) -> Iterator[str]:
    """What is worked on, for people."""
    lost = subjects.problems.total()
    yield f"{subjects.count:,} dialogues of {subjects.path}" + (f"; {lost:,} rows cannot be read" if lost else "")
    if scenes and subjects.without_scene:
        which = "all of them" if subjects.without_scene == subjects.count else f"{subjects.without_scene:,} of them"
        mend = "" if subjects.is_run else ": --scenes FILE brings it"
        yield f"  of the scenes of {which} nothing is known{mend}"
    if look and subjects.without_picture:
        yield f"  {subjects.without_picture:,} of them have no picture that can be shown"


def tell(subjects: Subjects, *, scenes: bool, look: bool = False) -> None:
    """Says what is worked on."""
    for line in describe(subjects, scenes=scenes, look=look):
        view.say(line)
