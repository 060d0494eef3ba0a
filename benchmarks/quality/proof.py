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
from collections.abc import Sequence
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


def measure_kind(
    name: str, maker: faults.Maker, samples: list[Sample], arguments: argparse.Namespace, aim: float | None
) -> bool:
    """Prints a row; False where the kind falls short of its aim."""
    seen: set[tuple[str, tuple[Pair, ...]]] = set()
    found = noted = refused_before = 0
    by: Counter[str] = Counter()
    missed = []
    for number, sample in enumerate(samples):
        before = judge(sample, sample.pairs)
        for at in range(len(sample.pairs)):
            for draw in range(arguments.draws):
                pairs = maker(sample, at, Random(f"{arguments.seed}/{name}/{number}/{at}/{draw}"))
                if pairs is None or (sample.name, pairs) in seen or pairs == sample.pairs:
                    continue
                seen.add((sample.name, pairs))
                after = judge(sample, pairs)
                new = names(after.verdicts) - names(before.verdicts)
                refused_before += at not in before.passed
                found += bool(new)
                by.update({f"{check}/{code}" for check, code, _ in new})
                more = names(after.noted) - names(before.noted)
                noted += bool(more) and not new
                if not new:
                    missed.append((sample, at, pairs, more))
                elif aim is None and arguments.missed == name:
                    missed.append((sample, at, pairs, new))
    total = len(seen)
    if not total:
        print(f"{name:<38} {total:>6}  no pair allows it")
        return True
    share = found / total
    if aim is None:
        verdict = "pass" if share <= MOST_REFUSED else "falls short"
        aimed = f"≤ {MOST_REFUSED:.0%}"
    else:
        verdict = "pass" if share >= aim else "falls short"
        aimed = f"≥ {aim:.0%}"
    how = ", ".join(f"{check} {count}" for check, count in by.most_common(3))
    print(f"{name:<38} {total:>6} {share:>8.1%} {noted / total:>8.1%}  {aimed:<7} {verdict:<12} {how}")
    if arguments.missed == name:
        for sample, at, pairs, more in missed[:60]:
            print("   *", sample.name, sorted(more), "|", pairs[at].question[:60], "|", *changed(sample, pairs))
            if arguments.scenes:
                print("       ", [one.text for one in (*sample.scene.captions, *sample.scene.segments)][:8])
                print("       ", dict(Counter(one.label for one in sample.scene.objects)))
    return verdict == "pass"


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
    share = refused / pairs
    verdict_ = ("pass" if share <= MOST_REFUSED else "falls short") if aim else ""
    aimed = f"≤ {MOST_REFUSED:.0%}" if aim else ""
    how = ", ".join(f"{check} {count}" for check, count in by.most_common(4))
    print(f"{name:<38} {pairs:>6} {share:>8.1%} {noted / pairs:>8.1%}  {aimed:<7} {verdict_:<12} {how}")
    return not aim or share <= MOST_REFUSED


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
        passed += [measure_kind(name, maker, captions, arguments, aim) for name, maker in kinds.items()]
    print(f"\n{sum(passed)} of {len(passed)} aims are reached.")


if __name__ == "__main__":
    main()
