"""Reader of TACoS: cooking videos with sentences on three levels of detail, in frames.

Regneri et al. 2013; in the form of 2D-TAN (https://github.com/microsoft/VideoX, ``data/TACoS/train.json``): ``{video: {
"timestamps": [[first, last]], "sentences", "fps", "num_frames"}}``. The times are frames, and are made seconds by ``fps``; the
names of the videos end in ``.avi``.
"""

from collections.abc import Iterator

from msgspec import Struct

from syphus.annotations.json_nested import NamedShape
from syphus.annotations.naming import Names, find_stem
from syphus.annotations.reading import Problem, Report
from syphus.annotations.videos.video_files import check_document, walk_videos
from syphus.annotations.videos.video_scenes import VideoOptions, add_sentences, finish, open_videos
from syphus.annotations.videos.videos import Moments, VideoFolder, find_duration
from syphus.records import Scene

_WHAT = "TACoS file"
_FASTEST = 1000.0
"""Frames a second."""


class Options(VideoOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``path`` is ``train.json``, ``val.json`` or ``test.json``."""

    suffix: str = ".avi"


class _Video(Struct, frozen=True):
    timestamps: list[list[float | None] | None]
    sentences: list[str | None]
    fps: float
    num_frames: float | None = None


_video: NamedShape[_Video] = NamedShape(_Video, lenient=True)


def read(options: Options, report: Report) -> Iterator[Scene]:
    """A scene for each video, in the order of the file; its id is the video's name without ``.avi``.

    Args:
        options: the files.
        report: receives videos, sentences and times that cannot be used, or had to be mended.

    Raises:
        InputError: at once where there is no such file, or it is torn or of another kind.
    """
    videos = open_videos(options)
    check_document(options.path, what=_WHAT)
    return finish(_make_scenes(options, videos, report), options, report)


def _make_scenes(options: Options, videos: VideoFolder, report: Report) -> Iterator[Scene]:
    names = Names()
    for name, video, place in walk_videos(options.path, _video, report, what=_WHAT):
        if not 0 < video.fps <= _FASTEST:
            message = f"`fps` is {video.fps:g}, so its frames have no times; the video is left out"
            report(Problem(file=str(options.path), place=place, message=message))
            continue
        try:
            duration = find_duration(None if video.num_frames is None else video.num_frames / video.fps)
            asset = videos.make_asset(name, duration=duration)
        except ValueError as error:
            report(Problem(file=str(options.path), place=place, message=f"{error}; the video is left out"))
            continue
        moments = Moments(options.path, report, duration)
        times = [
            frames and [None if frame is None else frame / video.fps for frame in frames] for frames in video.timestamps
        ]
        add_sentences(moments, times, video.sentences, place=place)
        stem = find_stem(name)
        yield Scene(id=names.give(stem), assets=(asset,), segments=moments.segments(), metadata={"video": stem})
