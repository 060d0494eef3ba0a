"""The measured proof of the checks: faults put into real, good dialogues, and how many of them are found.

    python benchmarks/quality/proof.py FOLDER [--seed 7] [--draws 3] [--missed KIND] [--good]

FOLDER holds the annotation files (``llava``, ``coco``, ``coco_ccby``, ``activitynet_captions``). Faults are put in one kind at a
time, into each pair that allows it, ``--draws`` times with other chance. Found is a fault that gets the pair refused, by any
check, and was not refused before. Good pairs refused are counted on the dialogues as they are published, and on COCO captions,
each against the others of its picture.
"""

import argparse
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import dialogues
import faults
from dialogues import Sample

from syphus.quality.checks import check_pairs
from syphus.quality.pairs import Pair, PairsVerdict, Rules
from syphus.records import Verdict

AIM_MECHANICAL, AIM_SEMANTIC, MOST_REFUSED = 0.95, 0.80, 0.02


def judge(sample: Sample, pairs: Sequence[Pair]) -> PairsVerdict:
    known = frozenset(one.id for one in sample.scene.objects)
    return check_pairs(pairs, Rules(), scene=sample.scene, known=known, demonstrations=())


def names(verdicts: Sequence[Verdict]) -> set[tuple[str, str, int | None]]:
    return {(one.check, one.code, one.turn) for one in verdicts}


def put_in(
    name: str, maker: faults.Maker, samples: list[Sample], arguments: argparse.Namespace
) -> Iterator[tuple[Sample, int, tuple[Pair, ...]]]:
    """All samples with a fault of a kind in them, each with the number of the pair, and no two the same."""
    seen: set[tuple[str, tuple[Pair, ...]]] = set()
    for number, sample in enumerate(samples):
        for at in range(len(sample.pairs)):
            for draw in range(arguments.draws):
                pairs = maker(sample, at, Random(f"{arguments.seed}/{name}/{number}/{at}/{draw}"))
                if pairs is not None and pairs != sample.pairs and (sample.name, pairs) not in seen:
                    seen.add((sample.name, pairs))
                    yield sample, at, pairs


def measure_kind(
    name: str, maker: faults.Maker, samples: list[Sample], arguments: argparse.Namespace, aim: float | None
) -> bool:
    """Prints a row; False where the kind falls short of its aim. With ``aim`` None it is no fault, and hardly any may be found."""
    total = found = noted = 0
    by: Counter[str] = Counter()
    missed = []
    for sample, at, pairs in put_in(name, maker, samples, arguments):
        before, after = judge(sample, sample.pairs), judge(sample, pairs)
        new = names(after.verdicts) - names(before.verdicts)
        more = names(after.noted) - names(before.noted)
        total += 1
        found += bool(new)
        noted += bool(more) and not new
        by.update({f"{check}/{code}" for check, code, _ in new})
        if bool(new) == (aim is None):
            missed.append((sample, at, pairs, sorted(new or more)))
    if not total:
        print(f"{name:<38} {total:>6}  no pair allows it")
        return True
    reached = found / total <= MOST_REFUSED if aim is None else found / total >= aim
    print_row(name, total, found, noted, f"≤ {MOST_REFUSED:.0%}" if aim is None else f"≥ {aim:.0%}", reached, by)
    if arguments.missed == name:
        for sample, at, pairs, what in missed[: arguments.most]:
            print("   *", sample.name, what, "|", pairs[at].question[:60], "|", *changed(sample, pairs))
            if arguments.scenes:
                print("       ", [one.text for one in (*sample.scene.captions, *sample.scene.segments)][:8])
                print("       ", dict(Counter(one.label for one in sample.scene.objects)))
    return reached


def print_row(name: str, total: int, found: int, noted: int, aim: str, reached: bool, by: Counter[str]) -> None:
    how = ", ".join(f"{check} {count}" for check, count in by.most_common(3))
    word = ("pass" if reached else "falls short") if aim else ""
    print(f"{name:<38} {total:>6} {found / total:>8.1%} {noted / total:>8.1%}  {aim:<7} {word:<12} {how}")


def changed(sample: Sample, pairs: Sequence[Pair]) -> list[str]:
    """The sentences that a fault changed."""
    told = {sentence for pair in sample.pairs for sentence in re.split(r"(?<=[.!?])\s+", pair.answer)}
    return [one[:300] for pair in pairs for one in re.split(r"(?<=[.!?])\s+", pair.answer) if one not in told][:3]


def measure_good(name: str, samples: list[Sample], arguments: argparse.Namespace, *, aim: bool = True) -> bool:
    pairs = refused = noted = 0
    by: Counter[str] = Counter()
    for sample in samples:
        verdict = judge(sample, sample.pairs)
        pairs += len(sample.pairs)
        refused += len(sample.pairs) - len(verdict.passed)
        noted += len({one.turn for one in verdict.noted} & set(verdict.passed))
        by.update(f"{one.check}/{one.code}" for one in verdict.verdicts)
        if arguments.good:
            for one in (*verdict.verdicts, *verdict.noted):
                print("   *", sample.name, f"{one.check}/{one.code}", "|", one.message, "|", one.evidence)
    reached = refused / pairs <= MOST_REFUSED
    print_row(name, pairs, refused, noted, f"≤ {MOST_REFUSED:.0%}" if aim else "", reached, by)
    return reached or not aim


def to_other_pictures(samples: list[Sample]) -> list[Sample]:
    """Each dialogue with the scene of another picture."""
    shifted = samples[7:] + samples[:7]
    return [Sample(other.scene, one.pairs, one.name) for one, other in zip(samples, shifted, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--draws", type=int, default=3, help="faults of a kind put into each pair")
    parser.add_argument("--missed", default="", help="print what was missed of this kind")
    parser.add_argument("--most", type=int, default=60, help="how many of those that were missed")
    parser.add_argument("--scenes", action="store_true", help="print their scenes too")
    parser.add_argument("--good", action="store_true", help="print what was found in good dialogues")
    arguments = parser.parse_args()
    folder: Path = arguments.folder

    llava = dialogues.llava_dialogues(folder)
    coco = dialogues.all_coco(folder)
    video = dialogues.video_dialogues(folder)
    head = f"{'':<38} {'pairs':>6} {'refused':>8} {'noted':>8}  {'aim':<7} {'':<12} by"
    print("Good pairs\n" + head)
    passed = [
        measure_good("LLaVA's GPT-4 answers", llava, arguments),
        measure_good("COCO captions, own scene", dialogues.caption_answers(coco, own=True), arguments),
        measure_good("COCO captions, the others and boxes", dialogues.caption_answers(coco, own=False), arguments),
        measure_good("COCO captions, the others, no boxes", dialogues.captions_alone(folder), arguments),
        measure_good("ActivityNet segments", video, arguments),
    ]
    for kinds, samples in ((faults.HARMLESS, llava), (faults.VIDEO_HARMLESS, video)):
        passed += [measure_kind(name, maker, samples, arguments, None) for name, maker in kinds.items()]
    measure_good("LLaVA's answers, another picture", to_other_pictures(llava), arguments, aim=False)
    print("\nFaults\n" + head.replace("refused", "  found"))
    for kinds, samples, aim in (
        (faults.MECHANICAL, llava, AIM_MECHANICAL),
        (faults.VIDEO_MECHANICAL, video, AIM_MECHANICAL),
        (faults.SEMANTIC, llava, AIM_SEMANTIC),
        (faults.VIDEO_SEMANTIC, video, AIM_SEMANTIC),
    ):
        passed += [measure_kind(name, maker, samples, arguments, aim) for name, maker in kinds.items()]
    print("\nThe same, in COCO captions\n" + head.replace("refused", "  found"))
    captions = dialogues.caption_answers(coco, own=True)
    for kinds, aim in ((faults.MECHANICAL, AIM_MECHANICAL), (faults.SEMANTIC, AIM_SEMANTIC)):
        for name, maker in kinds.items():
            # Half a caption is mostly a shorter caption: nobody could tell, and the figure is shown without an aim.
            reached = measure_kind(name, maker, captions, arguments, 0.0 if name == "cut text" else aim)
            passed += [reached] * (name != "cut text")
    print(f"\n{sum(passed)} of {len(passed)} aims are reached.")


if __name__ == "__main__":
    main()
