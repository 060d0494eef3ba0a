"""What a report shows of a dataset's file, ours or anybody's."""

from pathlib import Path, PurePosixPath

from syphus.annotations import scenes as scene_files
from syphus.annotations.reading import Problem
from syphus.cli.convert import show_progress
from syphus.cli.reports.facts import (
    Narrowed,
    own_remarks,
    pairs_of,
    read_verdicts,
    repeated_questions,
    with_duplicates,
)
from syphus.errors import InputError
from syphus.formats.importing import Importer, ImportOptions
from syphus.records import Dialogue, Scene
from syphus.report.facts import ReportFacts, Sample


def facts_of_file(file: Path, importer: Importer, options: ImportOptions, narrowed: Narrowed) -> ReportFacts:
    """The dialogues of a dataset.

    Args:
        file: in a format that ``importer`` reads.
        importer: reads it.
        options: how.
        narrowed: what of it.

    Raises:
        InputError: it cannot be read, or has none of the categories.
    """
    problems: list[Problem] = []
    scenes = _SceneShelf(narrowed.scenes)
    remarks = read_verdicts(narrowed.verdicts)
    entries: dict[str, list[Dialogue]] = {}
    total, wanted = 0, narrowed.categories
    for dialogue in show_progress(importer.read(file, options, problems.append)):
        if wanted is not None and dialogue.category not in wanted:
            continue
        known = entries.get(dialogue.id)
        if known and all(one.language != dialogue.language for one in known):
            known.append(dialogue)
            continue
        total += 1
        if len(entries) < narrowed.limit:
            entries[f"{dialogue.id}~{total}" if known else dialogue.id] = [dialogue]
    if wanted is not None and not entries:
        raise InputError(f"has no dialogues of {', '.join(wanted)}", file=file)
    samples = [
        Sample(
            id=key,
            state="accepted",
            category=dialogues[0].category,
            ability=dialogues[0].ability,
            source=dialogues[0].source,
            scene_id=dialogues[0].scene,
            dialogues=tuple(dialogues),
            scene=scenes.find(dialogues[0]),
            remarks=(*own_remarks(dialogues), *remarks.get(key, ())),
            pairs=pairs_of(dialogues[0]),
        )
        for key, dialogues in entries.items()
    ]
    samples, alike = (samples, None) if narrowed.verdicts else with_duplicates(samples)
    told = [f"{one.file}, {one.place}: {one.message}" for one in problems[:3] if one.lost]
    lost = sum(one.lost for one in problems)
    if lost > len(told):
        told.append(f"… and {lost - len(told):,} more rows that could not be read")
    return ReportFacts(
        title=file.name,
        origin=f"a dataset of {total:,} dialogues",
        samples=samples,
        total=total,
        repeated=repeated_questions(samples),
        pairs_alike=alike,
        remarks=tuple(told),
    )


class _SceneShelf:
    """Scenes by id, by the path of their picture, and by its stem."""

    def __init__(self, file: Path | None) -> None:
        self._found: dict[str, Scene] = {}
        if file is None:
            return
        for scene in scene_files.read(scene_files.Options(path=file), lambda _: None):
            paths = [asset.path for asset in scene.assets if asset.path]
            for key in (scene.id, *paths, *(PurePosixPath(path).stem for path in paths)):
                self._found.setdefault(key, scene)

    def find(self, dialogue: Dialogue) -> Scene | None:
        """The scene that a dialogue is about."""
        paths = [asset.path for asset in dialogue.assets if asset.path]
        keys = (dialogue.scene, *paths, *(PurePosixPath(path).stem for path in paths))
        return next((self._found[key] for key in keys if key in self._found), None)
