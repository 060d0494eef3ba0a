"""What a person should look at before others do: personal data, slurs, sexual content, minors, advice.

All of it is found on this machine, by rules and kept lists (:mod:`syphus.quality.sets.safety_personal`,
:mod:`syphus.quality.sets.safety_terms`). Nothing is dropped for it and nothing is silent: each finding is a verdict of the check
``safety`` that asks a human. The evidence of personal data shows its two ends alone, so that a report does not spread it.
"""

import re
from collections.abc import Sequence

from syphus.quality.pairs import Pair
from syphus.quality.sets.safety_personal import find_personal
from syphus.quality.sets.safety_terms import find_terms
from syphus.quality.vocabulary import split_words
from syphus.quality.wordings import fold_text
from syphus.records import Scene, Verdict
from syphus.references.text import plain_text

_MINORS = frozenset(
    """
    child children kid kids toddler toddlers baby babies infant infants boy boys girl girls teen teens teenager teenagers
    schoolgirl schoolgirls schoolboy schoolboys minor minors underage preschooler preschoolers newborn youngster youngsters
    kind kinder mädchen junge jungen säugling kleinkind jugendliche minderjährig minderjährige schülerin
    enfant enfants garçon garçons fille filles fillette bébé adolescent adolescente mineur mineure
    niño niña niños niñas bebé menor menores adolescente adolescentes chico chica
    طفل طفلة أطفال ولد بنت فتاة رضيع قاصر مراهق مراهقة
    """.split()
)
_MINORS_UNSPACED = re.compile(
    r"孩子|儿童|兒童|小孩|女孩|男孩|婴儿|少女|少年|未成年|幼童|小学生|中学生|子供|子ども|女の子|男の子|赤ちゃん|幼児|児童|女子高生|"
    r"아이|어린이|소녀|소년|아기|미성년|청소년|여고생|초등학생"
)
_AGE = re.compile(
    r"\b(?:[1-9]|1[0-7])[- ]?(?:years?[- ]old|yo\b|jahre alt|ans\b|años\b)|(?<!\d)(?:[1-9]|1[0-7])(?:岁|歲|歳|살)"
)

_DRUG = (
    r"(?:medications?|medicines?|tablets?|pills?|antibiotics?|insulin|ibuprofen|aspirin|paracetamol|acetaminophen|"
    r"painkillers?|steroids?|antidepressants?|vaccines?)"
)
_MEDICAL = re.compile(
    rf"\b(?:you|they|he|she|the patient|patients) (?:should|must|need to|ought to|can) (?:\w+ )?(?:take|use|apply|inject|stop)\b"
    rf"[^.]{{0,60}}\b{_DRUG}\b|\b(?:take|inject|administer) \d+ ?(?:mg|mcg|µg|ml|tablets?|pills?)\b|"
    r"\b\d+ ?(?:mg|mcg|µg) (?:of|per|every|once|twice|daily|a day)\b|\b(?:recommended|usual|daily|maximum) dos(?:e|age)\b|"
    r"\b(?:i|we) (?:would )?(?:diagnose|prescribe)\b|\byou (?:may |might |probably |likely |could )?have (?:an? )?(?:\w+ )?"
    r"(?:cancer|tumou?r|diabetes|pneumonia|infection|fracture|melanoma|depression|disease)\b|"
    r"\b(?:consult|see|visit|contact) (?:a|an|your|the) (?:doctor|physician|dermatologist|healthcare|medical|specialist)|"
    r"\bseek (?:immediate )?medical (?:attention|advice|help|care)\b|\bmedical advice\b|"
    r"\bsie sollten [^.]{0,40}(?:einnehmen|arzt)|\bvous devriez [^.]{0,40}(?:prendre|médecin)|"
    r"\bdeber?ías? [^.]{0,40}(?:tomar|médico)|(?:请|請|应该|應該|建议).{0,6}(?:就医|就醫|服用|咨询医生)|(?:医師|医者)に(?:相談|診)|"
    r"의사와 상담|복용하|استشر الطبيب|راجع الطبيب"
)
_LEGAL = re.compile(
    r"\blegal advice\b|\byou (?:should|could|can|may|might) (?:\w+ )?(?:sue|press charges|plead|file (?:a|an) "
    r"(?:lawsuit|claim|complaint|appeal))\b|\b(?:consult|contact|see|hire) (?:a|an|your) (?:\w+ )?(?:lawyer|attorney|solicitor)\b|"
    r"\b(?:you are|you're|you would be|you may be|you could be) (?:legally )?(?:liable|entitled to (?:compensation|damages))\b|"
    r"\byour (?:legal )?rights? (?:to|under)\b|\bunder (?:the|this) law,? you\b|"
    r"\b(?:anwalt|rechtsanwalt) (?:konsultieren|einschalten|kontaktieren)|\bconsulte[rz]? (?:un|votre) avocat|"
    r"\bconsult[ae]r? (?:a|con) un abogado|咨询律师|諮詢律師|弁護士に相談|변호사와 상담|استشر محامي"
)
_ADVISING = frozenset(
    """
    medication medications medicine medicines tablet tablets pill pills antibiotic antibiotics insulin ibuprofen aspirin
    paracetamol acetaminophen painkiller painkillers steroid steroids antidepressant antidepressants vaccine vaccines mg mcg
    ml dose dosage diagnose prescribe cancer tumor tumour diabetes pneumonia infection fracture melanoma depression disease
    doctor physician dermatologist healthcare medical specialist legal sue charges plead lawsuit claim complaint appeal
    lawyer attorney solicitor liable entitled rights right law einnehmen arzt médecin prendre tomar médico anwalt
    rechtsanwalt avocat abogado
    """.split()
)

_PERSONAL_MESSAGES = {
    "e_mail": "an e-mail address",
    "phone": "a telephone number",
    "card": "the number of a payment card",
    "account": "the number of a bank account",
    "person_number": "a number that is given to one person",
    "ip_address": "an IP address",
    "street": "a street with a house number",
}


def check_safety(pairs: Sequence[Pair], scene: Scene | None = None) -> list[Verdict]:
    """What a person should look at in the pairs of one dialogue.

    Args:
        pairs: in their order.
        scene: what they are about, where that is known: personal data that is written in the picture is said to be.
    """
    verdicts = []
    for turn, pair in enumerate(pairs):
        texts = [plain_text(pair.question), plain_text(pair.answer)]
        verdicts += [
            Verdict(check="safety", code=code, message=message, evidence=evidence, turn=turn)
            for code, message, evidence in _check_pair(texts, scene)
        ]
    return verdicts


def _check_pair(texts: list[str], scene: Scene | None) -> list[tuple[str, str, str]]:
    found = _find_personal(texts, scene)
    folded = [fold_text(text) for text in texts]
    words = [split_words(text) for text in texts]
    terms = [term for one, its in zip(folded, words, strict=True) for term in find_terms(one, its)]
    if terms:
        found += _judge_terms(terms, folded, words)
    # A question may ask for advice; it is the answer that gives it.
    if not folded[1].isascii() or not _ADVISING.isdisjoint(words[1]):
        if advice := _MEDICAL.search(folded[1]):
            found.append(("medical_advice", "The answer gives medical advice.", advice[0]))
        if advice := _LEGAL.search(folded[1]):
            found.append(("legal_advice", "The answer gives legal advice.", advice[0]))
    return found


def _find_personal(texts: list[str], scene: Scene | None) -> list[tuple[str, str, str]]:
    found = []
    seen = set()
    for text in texts:
        for kind, evidence in find_personal(text):
            if kind in seen:
                continue
            seen.add(kind)
            written = scene is not None and any(evidence in line.text for line in scene.ocr)
            where = ", which is written in the picture" if written else ""
            found.append((kind, f"The pair holds {_PERSONAL_MESSAGES[kind]}{where}.", mask(evidence)))
    return found


def mask(evidence: str) -> str:
    """The two ends of a piece of personal data, so that it can be found and is not told."""
    kept = 2 if len(evidence) > 6 else 1
    return f"{evidence[:kept]}…{evidence[-kept:]}"


def _judge_terms(
    terms: Sequence[tuple[str, str]], folded: list[str], words: list[list[str]]
) -> list[tuple[str, str, str]]:
    kinds = {kind for kind, _ in terms}
    evidence = {kind: next(term for one, term in terms if one == kind) for kind in kinds}
    found = []
    if "slur" in kinds:
        found.append(("slur", "The pair holds a slur.", evidence["slur"]))
    sexual = next((evidence[kind] for kind in ("explicit", "suggestive") if kind in kinds), "")
    if "abuse" in kinds or (sexual and _has_minor(folded, words)):
        message = "The pair speaks of a minor and of something sexual."
        found.append(("sexual_minor", message, evidence.get("abuse", sexual)))
    elif "explicit" in kinds:
        found.append(("sexual", "The pair holds a sexual term.", sexual))
    return found


def _has_minor(folded: list[str], words: list[list[str]]) -> bool:
    return any(
        not _MINORS.isdisjoint(its)
        or bool(_AGE.search(text))
        or (not text.isascii() and bool(_MINORS_UNSPACED.search(text)))
        for text, its in zip(folded, words, strict=True)
    )
