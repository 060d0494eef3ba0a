"""Reader of ScanNet rooms: the labelled objects of a scan, and sentences that people wrote about them.

Joined by scan id, each of them optional:

- ScanNet's aggregations, ``<scan>/<scan>.aggregation.json`` (or ``<scan>_vh_clean.aggregation.json``):
  ``{segGroups: [{objectId, label, segments}]}``, and ``<scan>/<scan>.txt`` with ``sceneType`` (Dai et al., "ScanNet", CVPR 2017;
  https://github.com/ScanNet/ScanNet). The cleaned file is the better one where both are there.
- ScanNet's label table, ``scannetv2-labels.combined.tsv``: the classes of over six hundred raw labels.
- ScanRefer, ``ScanRefer_filtered_{train,val}.json``: ``[{scene_id, object_id, object_name, ann_id, description, token}]`` (Chen et
  al., ECCV 2020; https://github.com/daveredrum/ScanRefer). ``object_id`` is a text there and a number in the aggregation.
- Nr3D and Sr3D (Achlioptas et al., ECCV 2020; https://referit3d.github.io), CSV with ``scan_id, target_id, instance_type,
  utterance``, given as ``scanrefer``: they say of an object of a scan the same kind of thing.
- Sentences in the form that Syphus's own scene navigation read: ``{scan: {description: [[object id or anything, text], ...]}}``.

An object's id is ``o`` and its ``objectId``; it has no box, since a point cloud has no frame. A ScanRefer sentence describes one
object among others ("it is to the left of the door"), so it is a region, not a caption, whose id says of which: ``o5.1`` is
the first sentence about ``o5``. One that never names its object has the object's label put in front. A sentence that belongs to
no object of the scan is a caption.

Knowingly left: ``segments`` (which points an object is made of) and ScanRefer's ``token`` (the description's words once more).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import force_setattr

from syphus.annotations.naming import Names, make_name, make_relative
from syphus.annotations.reading import Problem, Report
from syphus.annotations.several.scannet_files import (
    Group,
    LabelTable,
    Sentence,
    read_groups,
    read_labels,
    read_references,
    read_scene_type,
    read_sentences,
)
from syphus.errors import InputError
from syphus.records import Asset, Caption, Object, Region, Scene

_ENDINGS = ("_vh_clean.aggregation.json", ".aggregation.json")


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which files; at least one of ``scans``, ``scanrefer`` and ``sentences``."""

    scans: Path | None = None
    """A folder of scans, each a folder with its aggregation; or of aggregations themselves."""
    scanrefer: Path | None = None
    sentences: Path | None = None
    labels: Path | None = None
    """The label table. ``metadata["nyu40"]`` then has the class of each object among NYU's forty."""
    label_column: str = "raw_category"
    """What the table calls objects by: ``raw_category`` (as annotated), ``category``, ``nyu40class``, ``mpcat40`` ... The others
    are tidier, and say less: ``category`` makes one chair of a stack of chairs, and one book of books."""
    images: Path | None = None
    """The folder that the point clouds' paths are relative to. After construction it is ``scans`` where only that is given."""
    cloud: str = "{scan}/{scan}_vh_clean_2.ply"
    """The path of a scan's point cloud."""

    def __post_init__(self) -> None:
        if self.images is None and self.scans is not None:
            force_setattr(self, "images", self.scans)


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes, one a scan: those of ``scans`` by name, then those that only the other files have, in their order.

    Args:
        options: which files.
        report: receives objects and sentences that cannot be used, and sentences about objects that the scan does not have.

    Raises:
        InputError: at once where no file is named or the folder has no scan; with the first scene where a file is none of
            its kind. Of several aggregations, one that is broken goes to ``report``.
    """
    if "{scan}" not in options.cloud:
        raise InputError(f"`cloud` is {options.cloud!r}", mend="It needs `{scan}`, where the scan's id stands.")
    if options.scans is None and options.scanrefer is None and options.sentences is None:
        raise InputError("no annotation file is named", mend="Give `scans`, `scanrefer` or `sentences`.")
    scans = _find_scans(options.scans) if options.scans else {}
    return _read_scenes(scans, options, report)


def _find_scans(folder: Path) -> dict[str, Path]:
    """The aggregation of each scan, by its id."""
    if not folder.is_dir():
        raise InputError("is no folder", file=folder, mend="`scans` is the folder that holds a folder for each scan.")
    found: dict[str, Path] = {}
    for pattern in ("*.aggregation.json", "*/*.aggregation.json"):
        for file in sorted(folder.glob(pattern)):
            ending = next(end for end in _ENDINGS if file.name.endswith(end))
            scan = file.name.removesuffix(ending)
            if scan not in found or ending == _ENDINGS[0]:
                found[scan] = file
    if not found:
        raise InputError(
            "has no scan", file=folder, mend="Looked for <scan>.aggregation.json in it and in the folders in it."
        )
    return dict(sorted(found.items()))


def _read_scenes(scans: dict[str, Path], options: Options, report: Report) -> Iterator[Scene]:
    table = read_labels(options.labels, options.label_column) if options.labels else LabelTable({}, {})
    references = read_references(options.scanrefer, report) if options.scanrefer else {}
    described = read_sentences(options.sentences, report) if options.sentences else {}
    names = Names()
    for scan in dict.fromkeys((*scans, *references, *described)):
        file = scans.get(scan)
        groups: tuple[Group, ...] | None = None
        metadata: dict[str, Any] = {"scan": scan}
        if file is not None:
            try:
                groups = read_groups(file, report)
                kind = _find_scene_type(file, scan)
            except InputError as error:
                place = error.place or "the file"
                report(Problem(file=str(error.file or file), place=place, message=f"{error.message}; it is left out"))
                kind = ""
            if kind:
                metadata["scene_type"] = kind
        sentences = (*references.get(scan, ()), *described.get(scan, ()))
        if not groups and not sentences:
            report(
                Problem(file=str(file or options.sentences), place=scan[:60], message="nothing is known of the scan")
            )
            continue
        if options.scans and file is None:
            message = f"there is no aggregation of {scan[:60]}; its objects are those that the sentences name"
            report(Problem(file=str(options.scans), place=scan[:60], message=message, lost=False))
        try:
            asset = Asset(
                id="room", kind="point_cloud", path=make_relative(options.cloud.replace("{scan}", scan), None)
            )
        except ValueError as error:
            for _ in sentences:
                report(Problem(file=str(options.scanrefer or options.sentences), place=scan[:60], message=str(error)))
            continue
        yield _make_scene(names.give(scan), asset, groups, sentences, table, metadata, report, file)


def _find_scene_type(file: Path, scan: str) -> str:
    about = file.with_name(f"{make_name(scan)}.txt")
    return read_scene_type(about) if about.is_file() else ""


def _make_scene(
    name: str,
    asset: Asset,
    groups: tuple[Group, ...] | None,
    sentences: tuple[Sentence, ...],
    table: LabelTable,
    metadata: dict[str, Any],
    report: Report,
    file: Path | None,
) -> Scene:
    if groups is None:  # ScanRefer alone still says what the objects are that it speaks of
        named = {one.object: one.name for one in sentences if one.object is not None and one.name}
        groups = tuple(Group(key, label) for key, label in sorted(named.items()))
    objects = {
        group.id: Object(id=f"o{group.id}", label=table.names.get(group.label, group.label), source_id=str(group.id))
        for group in groups
    }
    nyu40 = {f"o{group.id}": table.nyu40[group.label] for group in groups if group.label in table.nyu40}
    if nyu40:
        metadata["nyu40"] = nyu40
    captions, regions = [], []
    numbers: dict[int, int] = {}
    numbered: dict[str, str] = {}
    for one in sentences:
        if one.object is None or one.object not in objects:
            captions.append(Caption(text=one.text))
            if one.object is not None and file is not None:
                message = (
                    f"the scan has no object {one.object}; a sentence about it is used as a caption: {one.text[:60]!r}"
                )
                report(Problem(file=str(file), place=name, message=message, lost=False))
            continue
        numbers[one.object] = numbers.get(one.object, 0) + 1
        text = _name_subject(one.text, objects[one.object].label, one.name)
        regions.append(Region(id=f"o{one.object}.{numbers[one.object]}", text=text))
        if one.number:
            numbered[regions[-1].id] = one.number
    if numbered:
        metadata["ann_ids"] = numbered
    return Scene(
        id=name,
        assets=(asset,),
        captions=tuple(captions),
        objects=tuple(objects.values()),
        regions=tuple(regions),
        metadata=metadata,
    )


def _name_subject(text: str, label: str, name: str) -> str:
    """The sentence, with the object's label in front where it never says what it speaks of ("it is left of the door")."""
    heads = {words[-1].lower() for words in (label.split(), name.split()) if words}
    return text if any(head in text.lower() for head in heads) else f"{label}: {text}"
