"""What ``syphus quality`` looks at: the standing dialogues of a run, or those of a dataset, with the scenes they are about."""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct, field, structs

from syphus.annotations import scenes as scene_files
from syphus.annotations.reading import Problem
from syphus.cli import view
from syphus.cli.datasets.examination import Subject
from syphus.cli.runs.assemble import open_sources, read_scenes
from syphus.cli.runs.keep import CONFIG_FILE
from syphus.cli.runs.work import prepare
from syphus.config import load_config
from syphus.errors import InputError, SyphusError
from syphus.formats.detecting import detect_format
from syphus.formats.importing import Importer, ImportOptions, find_importer
from syphus.formats.parts import MARKS
from syphus.ledger.ledger import open_ledger
from syphus.ledger.store import LEDGER_FILE
from syphus.quality.pairs import Rules
from syphus.quality.sets.examining import Ruling, make_ruling
from syphus.quality.sets.scene_index import SceneIndex
from syphus.records import Dialogue, Scene
from syphus.references.boxes import find_convention

_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "zh", "ja", "ko", "ar", "ru", "hi", "th", "el", "he")
"""Languages that :mod:`syphus.quality.language` can tell."""


class Looked(Struct, kw_only=True):
    """A set that is looked at."""

    path: Path
    format: str
    """``run`` for a run's folder."""
    rulings: dict[str, Ruling]
    subjects: Callable[[], Iterator[Subject]]
    """Reads the set; once."""
    importer: Importer | None = None
    scenes: SceneIndex | None = None
    missing: list[str] = field(default_factory=list)
    """Why scenes are not known."""
    aside: Counter[str] = field(default_factory=Counter)
    """Reason -> rows that are no dialogues."""
    first: dict[str, str] = field(default_factory=dict)
    """Reason -> the place of the first of them."""

    def note(self, problem: Problem) -> None:
        """Counts a row that is no dialogue."""
        if problem.lost:
            self.aside[problem.message] += 1
            self.first.setdefault(problem.message, problem.place)


def look_at(arguments: argparse.Namespace, *, fix: bool, closing: ExitStack) -> Looked:
    """The set that the command line names.

    Args:
        arguments: of the command line.
        fix: whether it is to be mended.
        closing: closes what is opened.

    Raises:
        InputError: there is no such set, or no such scenes.
    """
    path = Path(arguments.source)
    if (path / LEDGER_FILE).is_file():
        if arguments.scenes:
            raise InputError("a run has its own scenes", place="--scenes", mend="Leave --scenes out.")
        return _look_at_run(path, fix=fix, closing=closing)
    return _look_at_file(path, arguments, fix=fix)


def _look_at_run(folder: Path, *, fix: bool, closing: ExitStack) -> Looked:
    ledger = closing.enter_context(open_ledger(folder))
    rulings = {"": make_ruling(Rules(), marks=MARKS, fix=fix)}
    index, missing = SceneIndex(), []
    try:
        prepared = prepare(folder / CONFIG_FILE, {})
        for category in prepared.categories:
            hidden = category.file.context.names == "hidden"
            rulings[category.name] = make_ruling(category.file.checks, hidden=hidden, marks=MARKS, fix=fix)
        for scene in read_scenes(prepared.sources, lambda *_: None, prepared.config.run.limit):
            index.add(scene)
    except SyphusError as error:
        missing.append(f"the run's sources cannot be read again: {error}")

    def subjects() -> Iterator[Subject]:
        for outcome in ledger.outcomes():
            for dialogue in outcome.dialogues:
                yield Subject(dialogue, index.find(dialogue), outcome.category if outcome.category in rulings else "")

    return Looked(
        path=folder,
        format="run",
        rulings=rulings,
        subjects=subjects,
        scenes=index if len(index) else None,
        missing=missing,
    )


def _look_at_file(path: Path, arguments: argparse.Namespace, *, fix: bool) -> Looked:
    if arguments.from_:
        name, importer = arguments.from_, find_importer(arguments.from_)
    else:
        name, importer, reason = detect_format(path)
        view.say(f"{path} is {name}: {reason}")
    options = import_options(arguments)
    rulings = {"": make_ruling(Rules(), marks=MARKS, fix=fix)}
    rulings |= {code: make_ruling(Rules(language=code), marks=MARKS, fix=fix) for code in _LANGUAGES}
    index = read_index(arguments.scenes) if arguments.scenes else None
    looked = Looked(
        path=path,
        format=name,
        rulings=rulings,
        subjects=lambda: iter(()),
        importer=importer,
        scenes=index,
        missing=[] if index else ["no scenes are given (--scenes)"],
    )

    def ruling_of(dialogue: Dialogue) -> str:
        # Without a word about it, "en" is what a reader puts there, and may be wrong.
        said = arguments.language or dialogue.language != "en"
        return dialogue.language if said and dialogue.language in rulings else ""

    def subjects() -> Iterator[Subject]:
        for dialogue in importer.read(path, options, looked.note):
            yield Subject(dialogue, index.find(dialogue) if index else None, ruling_of(dialogue))

    looked.subjects = subjects
    return looked


def import_options(arguments: argparse.Namespace) -> ImportOptions:
    """How rows are read, as the command line says."""
    images, videos = _folder(arguments.images), _folder(arguments.videos)
    return ImportOptions(
        images=images,
        videos=videos,
        language=arguments.language or "en",
        boxes=find_convention(arguments.read_boxes) if arguments.read_boxes else None,
        dataset=arguments.dataset,
    )


def _folder(given: str | None) -> Path | None:
    if given is not None and not Path(given).is_dir():
        raise InputError("is no folder", file=Path(given))
    return Path(given) if given else None


def read_index(paths: list[str]) -> SceneIndex:
    """The scenes of files (``.jsonl``, ``.json``), folders of them, or configurations (``.toml``) with their sources.

    Raises:
        InputError: there is no such file, or nothing in it is a scene.
    """
    index = SceneIndex()
    lost: Counter[str] = Counter()

    def note(problem: Problem) -> None:
        lost[f"{problem.file}: {problem.message}"] += problem.lost

    for path in map(Path, paths):
        before = len(index)
        for scene in _read_scenes(path, note):
            index.add(scene)
        if len(index) == before:
            raise InputError(
                "holds no scene", file=path, mend="It is a file of scenes (.jsonl) or a configuration (.toml)."
            )
    for message, count in (+lost).most_common(3):
        view.say(f"  scenes lost: {count:,}: {message}")
    if index.ambiguous:
        view.say(f"  {index.ambiguous:,} names of pictures belong to several scenes, and lead to none of them")
    return index


def _read_scenes(path: Path, note: Callable[[Problem], None]) -> Iterator[Scene]:
    if path.suffix == ".toml":
        config = load_config(path, {})
        yield from read_scenes(open_sources(config, path), lambda _, problem: note(problem), config.run.limit)
        return
    for scene in scene_files.read(scene_files.Options(path=path), note):
        yield scene if scene.source else structs.replace(scene, source="")
