"""What may be asked of every source, whatever its reader: clips of long videos, speech beside it, names, pairs of pictures.

These are keys of a ``[[sources]]`` table beside the reader's own; where a reader has an option of that name, the key is the
reader's.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct, structs

from syphus.annotations.reading import Report
from syphus.records import Scene

WORDS = "words"
"""The built-in way to find the most similar other scene; others are embeddings of another package."""


class Adaptation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the scenes of a source are changed before they are used."""

    subtitles: Path | None = None
    """A folder of SRT or VTT files, named as the videos are: what is said joins what happens."""
    names: Path | None = None
    """A file of people: names that the categories hide, and what to call them instead."""
    window: Annotated[float, Meta(gt=0)] | None = None
    """Seconds: a longer video becomes clips of this length."""
    overlap: Annotated[float, Meta(ge=0)] = 0.0
    """Seconds that a clip shares with the one before it."""
    partner: str | None = None
    """``words``, or the name of an embedding: scenes of one picture become pairs of similar ones."""

    def __bool__(self) -> bool:
        return any(getattr(self, name) is not None for name in ("subtitles", "names", "window", "partner"))


def split_table(names: Iterable[str], options_type: type[Struct]) -> frozenset[str]:
    """Those of a table's keys that are meant for every reader."""
    own = {field.encode_name for field in structs.fields(options_type)}
    shared = {field.encode_name for field in structs.fields(Adaptation)}
    return frozenset(name for name in names if name in shared and name not in own)


def adapt(scenes: Iterator[Scene], adaptation: Adaptation, report: Report, *, seed: int) -> Iterator[Scene]:
    """The scenes as a run uses them: speech joined first, then people found, videos cut, pictures paired.

    Args:
        scenes: of one source, read as they are taken; pairs need all of them before the first one comes.
        adaptation: what is to be done.
        report: receives what does not fit.
        seed: the run's; decides, between equals, which pictures are paired.

    Raises:
        InputError: a file is missing or no such file, or there is no such embedding.
    """
    # Imported where it is asked for: all of it together takes a tenth of a second of every command's start.
    if adaptation.subtitles is not None:
        from syphus.annotations.videos.speech import join_subtitles  # noqa: PLC0415

        scenes = join_subtitles(scenes, adaptation.subtitles, report)
    if adaptation.names is not None:
        from syphus.annotations.people import name_people, read_names  # noqa: PLC0415

        book = read_names(adaptation.names, report)
        scenes = (name_people(scene, book) for scene in scenes)
    if adaptation.window is not None:
        from syphus.annotations.windows import cut_windows  # noqa: PLC0415

        seconds, overlap = adaptation.window, adaptation.overlap
        # A clip of which nothing is known has nothing to ask about.
        scenes = (clip for scene in scenes for clip in cut_windows(scene, seconds, overlap, keep_empty=False))
    if adaptation.partner is not None:
        from syphus.annotations.several.partners import pair_similar  # noqa: PLC0415
        from syphus.embedding import find_embedding  # noqa: PLC0415

        embed = None if adaptation.partner == WORDS else find_embedding(adaptation.partner)
        scenes = pair_similar(scenes, report=report, seed=seed, embed=embed)
    return scenes
