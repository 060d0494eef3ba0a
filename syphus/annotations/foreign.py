"""What a file is, that a reader was given and cannot use: told by its keys, so that the error can name the right reader."""

from collections.abc import Iterable

_FORMS: tuple[tuple[frozenset[str], str, str], ...] = (
    (frozenset({"conversations"}), "dialogues in LLaVA's form", ""),
    (frozenset({"messages"}), "dialogues", ""),
    (frozenset({"question_id", "choices", "rationales"}), "an A-OKVQA file", "aokvqa"),
    (frozenset({"question_id", "answers", "flickr_300k_url"}), "a TextVQA file", "textvqa"),
    (frozenset({"data_subtype", "questions"}), "a VQA questions file", "vqa"),
    (frozenset({"data_subtype", "annotations"}), "a VQA annotations file", "vqa"),
    (frozenset({"data_list", "metainfo"}), "an mmocr file", "ocr"),
    (frozenset({"imageId", "question"}), "a GQA questions file", "gqa"),
    (frozenset({"ref_id", "sentences"}), "a file of RefCOCO's refs", "refcoco"),
    (frozenset({"image_id", "relationships"}), "a Visual Genome file", "visual_genome"),
    (frozenset({"image_id", "objects"}), "a Visual Genome file", "visual_genome"),
    (frozenset({"regions", "id"}), "a Visual Genome file", "visual_genome"),
    (frozenset({"img_id", "sentences"}), "a Spot-the-Diff file", "spot_the_diff"),
    (frozenset({"images", "albums", "annotations"}), "a VIST file", "vist"),
    (frozenset({"images", "annotations"}), "a COCO file", "coco"),
    (frozenset({"scene_id", "object_id", "description"}), "a ScanRefer file", "scannet"),
    (frozenset({"segGroups"}), "a ScanNet aggregation", "scannet"),
    (frozenset({"id", "assets"}), "a file of scenes", "scenes"),
    (frozenset({"image", "caption"}), "a file of pairs", "pairs"),
    (frozenset({"file_name", "text"}), "a file of pairs", "pairs"),
    (frozenset({"data"}), "a file in TextVQA's or DocVQA's form", "textvqa"),
    (frozenset({"questions"}), "a VQA questions file", "vqa"),
)
"""Keys that a record or document has, what has them, and the reader for it; of several the first."""


def name_form(keys: Iterable[str]) -> tuple[str, str]:
    """What has these keys, in words, and what to do about it; both empty where that is not known."""
    found = frozenset(keys)
    for needed, what, reader in _FORMS:
        if needed <= found:
            if not reader:
                return what, "It is instruction data already: read it as a dataset, not as annotations."
            return what, f'Use `reader = "{reader}"`.'
    return "", ""


def name_keys(keys: Iterable[str]) -> str:
    """The keys for an error's text, as many as help."""
    return ", ".join(repr(key[:40]) for key in list(keys)[:12]) or "none"
