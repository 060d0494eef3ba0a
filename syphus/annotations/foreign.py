"""What a file is, that a reader was given and cannot use: told by its keys, so that the error can name the right reader."""

from collections.abc import Iterable
from typing import NamedTuple


class Form(NamedTuple):
    """A kind of file, told by its keys."""

    keys: frozenset[str]
    """That a record, or the document, has."""
    what: str
    """As in "it is a COCO file"."""
    mend: str
    """What to do about it."""


def _form(keys: str, what: str, reader: str = "", mend: str = "") -> Form:
    return Form(frozenset(keys.split(" ")), what, mend or f'Use `reader = "{reader}"`.')


_DIALOGUES = "It is instruction data already: read it as a dataset, not as annotations."
_AS_SUBTITLES = "Give it as `subtitles`."
_OF_EGO4D = "Narrations are in `narration.json`; `ego4d.json` is given beside it, as `info`."

_FORMS = (
    _form("id assets", "a file of scenes", "scenes"),
    _form("conversations", "dialogues in LLaVA's form", mend=_DIALOGUES),
    _form("messages", "dialogues", mend=_DIALOGUES),
    _form("question_id choices rationales", "an A-OKVQA file", "aokvqa"),
    _form("question_id answers flickr_300k_url", "a TextVQA file", "textvqa"),
    _form("data_subtype questions", "a VQA questions file", "vqa"),
    _form("data_subtype annotations", "a VQA annotations file", "vqa"),
    _form("data_list metainfo", "an mmocr file", "ocr"),
    _form("imageId question", "a GQA questions file", "gqa"),
    _form("ref_id sentences", "a file of RefCOCO's refs", "refcoco"),
    _form("image_id relationships", "a Visual Genome file", "visual_genome"),
    _form("image_id objects", "a Visual Genome file", "visual_genome"),
    _form("regions id", "a Visual Genome file", "visual_genome"),
    _form("img_id sentences", "a Spot-the-Diff file", "spot_the_diff"),
    _form("images albums annotations", "a VIST file", "vist"),
    _form("images annotations", "a COCO file", "coco"),
    _form("scene_id object_id description", "a ScanRefer file", "scannet"),
    _form("segGroups", "a ScanNet aggregation", "scannet"),
    _form("database", "a YouCook2 file", "youcook2"),
    _form("timestamps sentences fps", "a TACoS file", "tacos"),
    _form("timestamps sentences video", "a file of rows about videos", "video_rows"),
    _form("timestamps sentences video_id", "a file of rows about videos", "video_rows"),
    _form("duration timestamps sentences", "an ActivityNet Captions file", "activitynet"),
    _form("narration_pass_1", "a file of Ego4D narrations", "ego4d"),
    _form("narration_pass_2", "a file of Ego4D narrations", "ego4d"),
    _form("narrations summaries", "a file of Ego4D narrations", "ego4d"),
    _form("version date videos", "one of Ego4D's lists of videos", mend=_OF_EGO4D),
    _form("qid query vid", "a QVHighlights file", "qvhighlights"),
    _form("vid_name sub", "a file of TVQA subtitles", mend=_AS_SUBTITLES),
    _form("vid_name q a0", "a TVQA file", "tvr"),
    _form("vid_name ts", "a TVR or TVC file", "tvr"),
    _form("narration_id video_id", "an EPIC-KITCHENS file", "epic_kitchens"),
    _form("videos sentences", "an MSR-VTT file", "msr_vtt"),
    _form("description times annotation_id", "a DiDeMo file", "didemo"),
    _form("videoID enCap", "a VATEX file", "video_rows"),
    _form("text segments language", "a transcript", "subtitles"),
    _form("clips", "a file of Syphus' own Ego4D input", "ego4d"),
    _form("id assets", "a file of scenes", "scenes"),
    _form("shapes imagePath", "a LabelMe file", "labelme"),
    _form("imgs anns", "a file in TextOCR's form", "ocr"),
    _form("data annotations id", "an export of Label Studio", "label_studio"),
    _form("image question", "a file of rows of questions", "pairs"),
    _form("imgname query", "a file of rows of questions", "pairs"),
    _form("image caption", "a file of pairs", "pairs"),
    _form("video caption", "a file of rows about videos", "video_rows"),
    _form("video_id caption", "a file of rows about videos", "video_rows"),
    _form("file_name text", "a file of pairs", "pairs"),
    _form("data", "a file in TextVQA's or DocVQA's form", "textvqa"),
    _form("questions", "a VQA questions file", "vqa"),
)
"""Of several that fit, the first counts."""


ANY_FORM = "Any form can be read by `mapped`; `syphus map FILE` drafts what to say of it."


def name_form(keys: Iterable[str]) -> tuple[str, str]:
    """What has these keys, in words, and what to do about it; both empty where that is not known."""
    form = _find_form(keys)
    return (form.what, form.mend) if form else ("", "")


def name_other(keys: Iterable[str], *, but: str = "") -> str:
    """What to do about a file whose records have these keys.

    Args:
        keys: of a record, or of the document.
        but: what the file was read as ("TACoS file"). It is not named again: where the file is one, something in it is wrong.
    """
    keys = list(keys)
    form = _find_form(keys)
    if form is None:
        return f"Its keys: {name_keys(keys)}. {ANY_FORM}" if keys else ""
    return "" if but and form.what.endswith(but) else f"It looks like {form.what}. {form.mend}"


def _find_form(keys: Iterable[str]) -> Form | None:
    found = frozenset(keys)
    return next((form for form in _FORMS if form.keys <= found), None)


def name_keys(keys: Iterable[str]) -> str:
    """The keys for an error's text, as many as help."""
    return ", ".join(repr(key[:40]) for key in list(keys)[:12]) or "none"
