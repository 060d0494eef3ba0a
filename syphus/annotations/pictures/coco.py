"""Reader of COCO annotation sets: captions, instances and person keypoints, joined by image id.

The form is that of https://cocodataset.org/#format-data; sets that follow it (LVIS, Objects365, exports of labelling tools)
are read too, and panoptic files as instances: each segment is an object. Pictures are not opened.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import force_setattr

from syphus.annotations.mending import mend_box
from syphus.annotations.naming import Names, find_stem, is_address, make_name, make_relative
from syphus.annotations.pictures.coco_files import AnnotationSet, Picture
from syphus.annotations.pictures.coco_records import Kind
from syphus.annotations.reading import Problem, Report
from syphus.errors import InputError
from syphus.records import Asset, Box, Caption, Keypoint, Object, Scene

PERSON_KEYPOINTS = (
    "nose",
    *("left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow"),
    *("left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
)
"""The 17 of COCO, for files whose person category does not name them."""

_FILES: dict[Kind, str] = {
    "captions": "captions_{split}.json",
    "instances": "instances_{split}.json",
    "keypoints": "person_keypoints_{split}.json",
}


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which files make up the set: some of the three by name, or a COCO folder and a split; a named file goes first."""

    captions: Path | None = None
    instances: Path | None = None
    keypoints: Path | None = None
    """Persons that are in ``instances`` too, by annotation id, are joined to these; others are objects of their own."""
    folder: Path | None = None
    """A folder with ``annotations/`` and a folder of pictures for each split."""
    split: str | None = None
    """``train2017``, ``val2017``: the end of the file names."""
    images: Path | None = None
    """The picture folder. After construction it holds ``folder``/``split`` where only these are given."""

    def __post_init__(self) -> None:
        if self.images is None and self.folder is not None:
            force_setattr(self, "images", self.folder / self.split if self.split else self.folder)


def find_files(options: Options) -> dict[Kind, Path]:
    """The annotation files of the set, in the order of reading.

    Raises:
        InputError: where there is none, naming what was looked for.
    """
    named = {"captions": options.captions, "instances": options.instances, "keypoints": options.keypoints}
    found: dict[Kind, Path] = {}
    looked: list[Path] = []
    for kind, pattern in _FILES.items():
        file = named[kind]
        if file is None and options.folder is not None and options.split:
            looked.append(options.folder / "annotations" / pattern.format(split=options.split))
            file = looked[-1] if looked[-1].is_file() else None
        if file is not None:
            found[kind] = file
    if found:
        return found
    if options.folder is None:
        raise InputError(
            "no annotation file is named",
            mend="Give `captions`, `instances` or `keypoints`, or a `folder` and its `split`.",
        )
    splits = _list_splits(options.folder / "annotations")
    there = f"Splits there: {', '.join(splits)}." if splits else "There is no such file for any split."
    if not options.split:
        raise InputError("`folder` needs a `split`", file=options.folder, mend=there)
    names = ", ".join(f"annotations/{file.name}" for file in looked)
    raise InputError(f"has none of {names}", file=options.folder, mend=there)


def _list_splits(folder: Path) -> list[str]:
    starts = tuple(pattern.partition("{")[0] for pattern in _FILES.values())
    names = [file.stem for file in folder.glob("*.json")]
    return sorted({name.removeprefix(start) for name in names for start in starts if name.startswith(start)})


def read(options: Options, report: Report) -> Iterator[Scene]:
    """The scenes of a set, one an image, in the order of the first file; then those that only the other files list.

    The files are read when the first scene is asked for; all that is kept of them is what scenes need. A scene's id is the
    stem of its file name, or the image id where the stem is not its alone. Objects are ``o1``, ``o2`` ... by ascending
    annotation id.

    Args:
        options: which files.
        report: receives what could not be used: broken records, boxes without area, unknown categories and images.

    Raises:
        InputError: at once where no file is to be found; with the first scene where a file is no COCO file.
    """
    return _read_scenes(find_files(options), options.images, report)


def _read_scenes(files: dict[Kind, Path], images: Path | None, report: Report) -> Iterator[Scene]:
    annotations = AnnotationSet(report)
    for kind, file in files.items():
        annotations.read_file(file, kind)
    annotations.finish()
    yield from make_scenes(annotations, images)


def make_metadata(picture: Picture) -> dict[str, Any]:
    """The image's id and addresses."""
    # a number beyond 64 bits can be read, but not be written as JSON again
    is_small = isinstance(picture.id, str) or abs(picture.id) < 1 << 63
    metadata: dict[str, Any] = {"image_id": picture.id if is_small else str(picture.id)}
    if picture.coco_url:
        metadata["coco_url"] = picture.coco_url
    if picture.flickr_url:
        metadata["flickr_url"] = picture.flickr_url
    return metadata


def make_scenes(
    annotations: AnnotationSet, images: Path | None, describe: Callable[[Picture], dict[str, Any]] = make_metadata
) -> Iterator[Scene]:
    """The scenes of a set that was read, in the order of its pictures.

    Args:
        annotations: of which ``finish`` was called; receives what is wrong with boxes, keypoints and paths.
        images: the picture folder.
        describe: makes a scene's metadata; what it has as ``absent`` becomes the scene's own.
    """
    stems = Counter(_name_by_file(picture) for picture in annotations.pictures.values())
    names = Names()
    for picture in annotations.pictures.values():
        stem = _name_by_file(picture)
        name = names.give(stem if stem and stems[stem] == 1 else str(picture.id))
        objects = tuple(_make_objects(annotations, picture))
        metadata = describe(picture)
        yield Scene(
            id=name,
            assets=(_make_asset(picture, images, annotations.report),),
            captions=tuple(Caption(text=text) for text in annotations.captions.get(picture.id, ())),
            objects=objects,
            absent=tuple(metadata.pop("absent", ())),
            metadata=metadata,
        )


def _name_by_file(picture: Picture) -> str:
    return make_name(find_stem(picture.file_name or picture.coco_url or ""))


def _make_asset(picture: Picture, images: Path | None, report: Report) -> Asset:
    path = url = None
    place = picture.file_name
    if place is None and picture.coco_url:
        # LVIS v1 has no file_name, and pictures of both COCO folders: http://.../val2017/000000397133.jpg
        place, url = "/".join(picture.coco_url.split("/")[3:][-2:]), picture.coco_url
    if place is None:
        report(Problem(file=picture.file, place=picture.place, message="the image has no file_name"))
    elif is_address(place):
        url = place
    else:
        try:
            path = make_relative(place, images)
        except ValueError as error:
            report(Problem(file=picture.file, place=picture.place, message=f"file_name: {error}"))
    return Asset(path=path, url=url, width=picture.width, height=picture.height, license=picture.license)


def _make_objects(annotations: AnnotationSet, picture: Picture) -> Iterator[Object]:
    objects = annotations.objects
    number = 0
    for row in sorted(annotations.rows.get(picture.id, ()), key=lambda row: _rank(objects.ids[row], row)):
        category = objects.categories[row]
        if category is None:
            continue
        complaints: list[_Complaint] = []
        box = make_box(objects.boxes[4 * row : 4 * row + 4].tolist(), picture.width, picture.height, complaints)
        keypoints = _make_keypoints(objects.keypoints.get(row), category.keypoints, complaints)
        for complaint in complaints:
            file, place = objects.find_place(row)
            annotations.report(Problem(file=file, place=place, message=complaint.message, lost=complaint.lost))
        if any(complaint.fatal for complaint in complaints):
            continue
        number += 1
        id_ = objects.ids[row]
        yield Object(
            id=f"o{number}",
            label=category.name,
            box=box,
            keypoints=keypoints,
            crowd=bool(objects.crowds[row]),
            source_id=None if id_ is None else str(id_),
        )


class _Complaint(NamedTuple):
    message: str
    lost: bool = True
    fatal: bool = False


def _rank(id_: int | str | None, row: int) -> tuple[int, int, str]:
    """Numbers by value, then texts, then objects without an id as they stand in the file."""
    if id_ is None:
        return 2, row, ""
    return (0, id_, "") if isinstance(id_, int) else (1, 0, id_)


def make_box(values: list[float], width: int | None, height: int | None, complaints: list[_Complaint]) -> Box | None:
    """A COCO box (x, y, width, height; pixels) as corners, rounded to hundredths and clipped to the frame, if that is known.

    What is wrong with it goes to ``complaints``. No box, all NaN, is none.
    """
    x, y, box_width, box_height = values
    if math.isnan(x):
        return None
    if box_width <= 0 or box_height <= 0:
        what = "no area" if box_width == 0 or box_height == 0 else "a negative size"
        complaints.append(_Complaint(f"bbox {values} has {what}; the object is left out", fatal=True))
        return None
    mended = mend_box(x, y, x + box_width, y + box_height, width=width, height=height)
    if mended.box is None:
        complaints.append(_Complaint(f"{mended.message}; the object is left out", fatal=True))
    elif mended.message:
        complaints.append(_Complaint(mended.message, lost=False))
    return mended.box


def _make_keypoints(values: Any, names: tuple[str, ...], complaints: list[_Complaint]) -> tuple[Keypoint, ...]:
    """Those that are annotated: v = 1 is hidden, v = 2 is seen."""
    if values is None:
        return ()
    if not names and len(values) == 3 * len(PERSON_KEYPOINTS):
        names = PERSON_KEYPOINTS
    if len(values) != 3 * len(names):
        message = (
            f"{len(values)} numbers of keypoints, but 3 for each of the category's {len(names)}; they are left out"
        )
        complaints.append(_Complaint(message))
        return ()
    made = []
    for name, x, y, v in zip(names, values[0::3], values[1::3], values[2::3], strict=True):
        if v in (1, 2) and name:
            made.append(Keypoint(name=name, x=x, y=y, visible=v == 2))
        elif v != 0:
            complaints.append(_Complaint(f"keypoint {name!r} has v = {v:g}, not 0, 1 or 2; it is left out"))
    return tuple(made)
