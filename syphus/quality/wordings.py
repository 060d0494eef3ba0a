# ruff: noqa: RUF001 (full-width and curly signs are what is looked for)
"""What gives a text away: words that name the annotations instead of the picture, refusals, and tokens of chat formats.

Tables of patterns, each with the substrings without which it cannot match, and with marks of the words without which it cannot
match: looking for those first is what makes the checks quick. All patterns match lower-case text with straight apostrophes
(``fold_text``).
"""

import re
from typing import Final

from msgspec import Struct

from syphus.quality.leaks_languages import SPACED, UNSPACED


class Wording(Struct, frozen=True):
    """A pattern, and a substring without which it is not looked for."""

    needle: str
    pattern: re.Pattern[str]
    answers_only: bool
    """A question may say it: "Write a description of the image" is a task."""
    marks: str
    """A pattern that finds, in every match within an ASCII text, a word (see :func:`split_words`); the rarer the word, the
    fewer texts are searched. A word with a digit needs no mark."""


def fold_text(text: str) -> str:
    """Lower case, straight apostrophes, single spaces: the form that the patterns match."""
    folded = text.lower()
    if not text.isascii():
        folded = folded.replace("’", "'").replace("‘", "'")
    return " ".join(folded.split()) if "\n" in folded or "  " in folded else folded


def find_wordings(folded: str, wordings: tuple[Wording, ...], *, answer: bool) -> list[re.Match[str]]:
    """The matches of ``wordings``: of each pattern at most one."""
    return [
        found
        for wording in [wording for wording in wordings if wording.needle in folded]
        if (answer or not wording.answers_only) and (found := wording.pattern.search(folded))
    ]


def _wording(needles: str, pattern: str, *, answers_only: bool = False, marks: str = "") -> tuple[Wording, ...]:
    compiled = re.compile(pattern)
    # Where the needles are (parts of) single words, they are the marks; others are for texts beyond ASCII.
    marks = marks or "|".join(needle for needle in needles.split("|") if needle.isascii() and needle.isalpha())
    return tuple(Wording(needle, compiled, answers_only, marks) for needle in needles.split("|"))


_SOURCE = r"(?:descriptions?|captions?|annotations?|sentences?|passages?|metadata|transcripts?|text|texts|information)"
_GIVEN = r"(?:given|provided|available|above|supplied|following)"
_MORE = (
    rf"(?:(?:{_GIVEN}|image|picture|scene|visual|textual|written|input|object|original|detailed|accompanying|your)\s)*"
)
_PLACED = (
    r"(?!\s(?:that\s|which\s)?(?:is\s|are\s)?(?:\w+ly\s)?(?:on|in|at|written|printed|displayed|visible|shown|painted|"
    r"above the|below the|beneath|under the)\b)"
)
"""Not followed by a place: "according to the text on the sign" speaks of the picture."""
_SURFACE = (
    r"(?!\s(?:on|by|in)\s(?:the|a|an|its|his|her|their|this)\s(?:\w+\s){0,2}?(?:sign|label|menu|poster|board|billboard|"
    r"headline|newspaper|book|page|screen|banner|plaque|map|ticket|packag\w+|box|card|guide|article|chart|graph|table|"
    r"document|receipt|letter|form|brochure|schedule|wall|bible|quran|song|lyrics|film|movie|novel|story|poem|law|image|picture|photo|photograph)\b)"
)

LEAKS: Final[tuple[Wording, ...]] = (
    *_wording("bounding|bbox", r"\bbounding[- ]?box(?:es)?\b|\bbbox(?:es)?\b"),
    *_wording("keypoint", r"\bkeypoints?\b"),
    *_wording(
        "scene graph|ground truth|ground-truth",
        r"\bscene graphs?\b|\bground[- ]truth\b",
        marks=r"\bgraph|\btruth",
    ),
    *_wording(
        "caption",
        r"\b(?:the|this|that|these|those|each|given|provided|image|first|second|third|last|one|both|all|some|other|several|"
        r"multiple|different|various|two|five|your)\s(?:of the\s)?(?:\w+\s)?captions?\b|\bcaption \d|"
        r"\bcaptions?\s(?:that\s)?(?:mentions?|describes?|says?|states?|indicates?|suggests?|provided?s?|given|notes?|refers?)\b",
        answers_only=True,
    ),
    *_wording(
        "caption",
        rf"\b(?:in|from|per|to|on|by|with|of)\s(?:the|these|those|all|both)\s{_MORE}captions\b|"
        r"\bcaptions?\s(?:that\s)?(?:mentions?|describes?|says?|states?|indicates?|suggests?|provided|given)\b",
    ),
    *_wording(
        "coordinate",
        r"\b(?:x|y|the|these|those|their|its|box|pixel|normali[sz]ed|image|spatial|given|provided|exact)[- ]co-?ordinates?\b|"
        r"\bcoordinates\s?(?:of|are|is|\(|\[|:|given|provided|show|indicate|suggest)|\b(?:at|with|from|by|on)\scoordinates\b",
    ),
    *_wording(
        "annotat",
        r"\b(?:the|these|those|given|provided|object|image|scene|dataset|my|your)\sannotations?\b|"
        r"\bannotations?\s(?:mention|list|indicate|say|show|suggest|provided|given|describe|state)|"
        r"\b(?:is|are|was|were|been|not)\sannotated\b",
    ),
    *_wording("described", rf"(?<!being )\bas\s(?:is\s)?described\b{_SURFACE}(?!\sby\s(?!the\b|this\b|your\b))"),
    # "could be described as cosy" is an opinion; "they are described as antique" says that somebody else described them.
    *_wording(
        "described",
        r"\b(?:is|are|was|were)\s(?:also\s|only\s|simply\s)?described\b(?!\s(?:on|by)\b)",
        answers_only=True,
    ),
    *_wording(
        "to describe",
        r"\bused interchangeably to describe\b",
        answers_only=True,
        marks=r"interchangeably",
    ),
    *_wording(
        "as mentioned|as stated|as noted|as indicated|as listed|as given|as provided|as specified",
        rf"\bas (?:mentioned|stated)\b{_SURFACE}(?!\sby\b)|"
        r"\bas (?:noted|indicated|listed|given|provided|specified)\s(?:(?:in|by) (?:the|this|your)\s(?:\w+\s)?"
        rf"{_SOURCE}|above|earlier|previously)\b",
        marks=r"\bmentioned|\bstated|\bnoted|\bindicated|\blisted|\bgiven|\bprovided|\bspecified",
    ),
    *_wording(
        "mention",
        rf"\bmentioned\b{_SURFACE}\s(?:in|above|earlier|previously)\b|"
        r"\b(?:is|are|was|were|not|explicitly|specifically)\smentioned\b(?!\s(?:on|by|in)\b)|"
        r"\b(?:image|picture|scene|photo|description|text|caption)s?\s(?:does not|doesn't|do not|don't|did not)\s"
        r"(?:explicitly\s|specifically\s)?mention\b",
    ),
    *_wording(
        "description|caption|annotation|sentence|passage|metadata|transcript|text|information",
        rf"\b(?:according to|based (?:up)?on|as per|judging (?:by|from)|going by)\s(?:the\s|this\s|these\s|all\s|your\s)?"
        rf"{_MORE}{_SOURCE}\b{_PLACED}",
        marks=r"description|caption|annotation|sentence|passage|metadata|transcript|\btexts?\b|\binformation",
    ),
    *_wording(
        "description|caption|annotation|sentence|passage|metadata|transcript",
        rf"\b(?:in|from|within|by)\sthe\s{_MORE}(?:descriptions?|annotations?|metadata|image captions?)\b"
        r"(?!\s(?:on|printed|written|field|box|column)\b)|\bthe\s(?:image\s)?descriptions?\s(?:mention|say|state|indicate|suggest|note|specif|"
        r"do(?:es)?\s?n[o']t|provide)",
        answers_only=True,
    ),
    *_wording(
        "given|provided|above|supplied|available",
        rf"\b(?:provided|given|supplied|above)\s(?:image\s|scene\s|visual\s|textual\s|object\s)?(?:descriptions?|captions?|text|"
        r"information|context|details|data|sentences?|lists?|annotations?|coordinates|objects)\b|"
        r"\b(?:descriptions?|information|context|details|data|sentences?)\s(?:that\s)?(?:is\s|are\s|was\s|were\s|has been\s)?"
        rf"(?:provided|given|supplied)\b{_SURFACE}|\bbased on the (?:available )?(?:context|details|data)\b",
        marks=r"\bgiven|\bprovided|\babove|\bsupplied|\bbased",
    ),
    *_wording(
        "sentence",
        r"\b(?:the|these|those|given|five|following|first|second|last)\s(?:\w+\s)?sentences?\s?(?:\d|mention|say|state|"
        r"describe|indicate|suggest|do not|don't|does not|doesn't|above|provided|given|tells?|refers?)|"
        r"\b(?:from|in|based on|per) (?:the|these|those) (?:\w+ )?sentences\b(?!\s(?:on|written|printed|painted|displayed)\b)",
    ),
    *_wording(
        "object",
        r"\blist of (?:\w+ )?objects\b|\bobjects? list\b|\b(?:detected|annotated|labell?ed) objects?\b|\bobjects? detected\b|"
        r"\bobject (?:#|id |number |no\. )?\d+\b|\bobject ids?\b|\bobject (?:detection|detector)\b",
        marks=r"\blists?\b|\bdetect|\bannotated|\blabell?ed|\bids?\b",
    ),
    *_wording(
        "according to the",
        r"\baccording to the (?:context|data|details|labels|objects)\b(?! (?:on|in|at|of))",
        answers_only=True,
        marks=r"\baccording",
    ),
    *_wording(
        "detection|metadata|annotated",
        r"\bdetections? (?:results?|lists?|shows?|includes?)\b|\b(?:the|this|its) metadata\s(?:says?|shows?|lists?|states?|indicates?)\b|"
        r"\bthe annotated (?:regions?|areas?|boxe?s?|people|persons?)\b",
        answers_only=True,
    ),
    *_wording(
        "description|text",
        r"\bgiven the (?:(?:image|scene|provided|text)\s)?descriptions?\b|"
        r"\bthe (?:scene|provided|given|text|textual|written|picture)\sdescriptions?\s(?:mention|say|state|indicate|suggest|note|specif|provide)|"
        r"\bthe text (?:describes|mentions|suggests)\b(?! (?:on|how))",
        answers_only=True,
        marks=r"description|\btext\b",
    ),
    *_wording(
        "timestamp|time stamp",
        r"\btime ?stamps? (?:of )?\d|\b(?:the|these|given|provided) time ?stamps\b",
        marks=r"timestamp|\bstamp",
    ),
    *_wording("x1", r"\bx1,? ?y1\b|\bx1 ?[=:] ?\d"),
    *_wording(
        "laut|gemäß|beschreibung|bildunterschrift|begrenzungsrahmen",
        r"\b(?:laut|gemäß|in) der (?:bild)?(?:beschreibung|unterschrift)\b|\bbegrenzungsrahmen\b",
    ),
    *_wording(
        "description|légende|boîte",
        r"\b(?:selon|d'après) (?:la|les) (?:descriptions?|légendes?|informations? fournies?)\b|\bboîtes? englobantes?\b",
    ),
    *_wording(
        "descripción|leyenda|delimitador|información",
        r"\b(?:según|de acuerdo con) (?:la|las) (?:descripci(?:ón|ones)|leyendas?|información proporcionada)\b|"
        r"\bcuadros? delimitador(?:es)?\b",
    ),
    *(one for row in SPACED for one in _wording(row[0], row[1], answers_only=row[2], marks=row[3])),
)
"""Words by which an answer betrays that it was written from annotations and not from the picture."""

LEAKS_UNSPACED: Final[tuple[Wording, ...]] = (
    *_wording(
        "边界框|边框|邊界框|标注|標註|坐标|座標",
        r"(?:边界框|邊界框|标注信息|标注数据|標註資訊|坐标[为是:：(（]|的坐标|座標[はがを為])",
    ),
    *_wording(
        "描述|标题|文本|信息|说明|資訊",
        r"(?:根据|按照|依据|根據)(?:所?提供的|给出的|上述|以上)?(?:图像|图片)?(?:描述|标题|文本|信息|说明|資訊)|描述中(?:提到|说)",
    ),
    *_wording(
        "キャプション|バウンディング|説明文|アノテーション",
        r"バウンディング・?ボックス|キャプション(?:に|で)|説明文(?:に|で)|アノテーション",
    ),
    *_wording(
        "캡션|바운딩|경계 상자|좌표|설명",
        r"바운딩 ?박스|경계 ?상자|캡션(?:에|은|에서)|설명에 (?:따르면|의하면)|좌표(?:는|가)",
    ),
    *_wording(
        "الوصف|الإحاطة|التعليق|الإحداثيات",
        r"(?:وفق[اً]*|بناء[ً]?|بحسب|حسب)\s(?:على\s|ل)?ا?لوصف|مربع(?:ات)? الإحاطة|الإحداثيات",
    ),
    *(one for row in UNSPACED for one in _wording(row[0], row[1], answers_only=row[2])),
)
"""The same in languages that these letters tell; looked at only where the text is not ASCII."""

NUMBER_LEAKS: Final = (
    re.compile(r"[\[(（{<]\s*-?\d+(?:\.\d+)?(?:\s*[,，;]\s*-?\d+(?:\.\d+)?){3,}\s*[\])）}>]"),
    re.compile(r"[\[(（]\s*[01]?\.\d+\s*[,，]\s*[01]?\.\d+\s*[\])）]"),
    re.compile(r"(?<![\w.,])(?:0?\.\d{3,}|1\.000)(?![\d.])"),
    re.compile(r"(?<![\d.$€£])\d+\.\d+(?:\s*,\s*\d+\.\d+){2,}"),
    re.compile(r"\b\w*\d{3,}\.(?:jpe?g|png|webp|bmp|tiff?|mp4|avi|mkv|webm)\b", re.IGNORECASE),
    re.compile(r"[\[(（]\s*\d+\s*[,，]\s*\d+\s*[\])）]\s*(?:,|，|to|and|-|–)\s*[\[(（]\s*\d+\s*[,，]\s*\d+\s*[\])）]"),
)
"""Boxes and points as numbers: four in brackets, two decimals in brackets, three decimals in a row, two points; and
names of files."""

_LOOK = r"(?:see|view|access|open|look at|display|process|analy[sz]e|interpret|examine)"
_PICTURE = r"(?:images?|pictures?|photos?|photographs?|videos?|visuals?|attachments?|files?|links?)"
_CANNOT = r"(?:cannot|can't|can not|could not|couldn't|am unable to|'m unable to|am not able to|'m not able to|won't|will not)"

REFUSALS: Final[tuple[Wording, ...]] = (
    *_wording(
        " ai|language model|text-based|vision model|artificial",
        r"\b(?:as|i'm|i am)\s(?:just\s|only\s)?an?\s(?:\w+\s)?(?:ai|artificial intelligence|(?:large\s)?language model|"
        r"vision model|text-based)\b",
        marks=r"\bai\b|\bmodel|\bbased|\bartificial",
    ),
    # At the beginning of a sentence and not of a quotation: the card in the picture may read "I'm sorry".
    *_wording(
        "sorry|apolog|regret",
        r"(?:^|[.!?]\s)(?:i'm|i am|we're|we are)?\s?(?:very\s|so\s|truly\s|really\s)?sorry\b(?:,|\.|\s(?:but|for the|i|that i|about))|"
        r"\bi (?:sincerely |do )?apologi[sz]e\b|(?:^|[.!?]\s)(?:my )?apologies\b|\bi regret\b",
    ),
    *_wording(
        "image|picture|photo|video|visual|attachment|file|link",
        rf"\bi\s?{_CANNOT}\s(?:actually\s|directly\s|really\s|physically\s)?{_LOOK}\s"
        rf"(?:(?:the|this|that|your|any|an?|actual|visual|attached|uploaded|provided|specific|such)\s)*{_PICTURE}\b",
        answers_only=True,
        marks=r"\bi(?:\b|can|could|am|won|will)",
    ),
    *_wording(
        "i can|i am|i'm|i won|i will",
        rf"\bi\s?{_CANNOT}\s(?:assist|help (?:you|with)|comply|fulfil+|engage|continue with|generate|"
        r"provide (?:\w+\s)?(?:\w+\s)?(?:answer|description|information|assistance|details|content|question)|answer (?:this|that|your|the)|"
        r"(?:identify|recogni[sz]e) (?:people|individuals|persons?|who|real|anyone))",
        answers_only=True,
        marks=r"\bi(?:\b|can|could|am|won|will)",
    ),
    *_wording(
        "i do|i have no",
        r"\bi (?:don't|do not) (?:actually\s|currently\s)?have (?:the\s)?(?:access|(?:the )?ability|capability|enough|sufficient|any\s|"
        r"information|personal|visual|vision|eyes)|\bi have no (?:access|ability|way of)\b",
        answers_only=True,
        marks=r"\bi\b",
    ),
    # Talk about the talk: the voice of an assistant that has lost the picture from sight.
    *_wording(
        "i'm |i am |let me know|ask me|your question|anything else you",
        r"\bi(?:'m| am) not (?:quite )?sure (?:i understand|what you(?:'re| are)? (?:ask|mean|want))|"
        r"\b(?:let me know (?:if|what|when)|(?:feel free to|you can|you should) ask me)\b|"
        r"\bi(?:'m| am) (?:ready to|here to|happy to|glad to) (?:hear|help|assist|answer)\b|"
        r"\bi (?:do not|don't) understand your question\b|\bis there anything else you(?:'d| would) like\b",
        marks=r"\bi\b|\blet\b|\bask\b|\belse\b",
    ),
    *_wording(
        "no image|no picture|no photo|no video",
        r"\b(?:no|without an?) (?:image|picture|photo|photograph|video) (?:was|is|has been|were|to be)?\s?"
        r"(?:provided|attached|given|uploaded|included|available|shared|supplied)\b",
        marks=r"provided|attached|given|uploaded|included|available|shared|supplied",
    ),
    *_wording(
        "not ",
        rf"\b{_PICTURE}\s(?:was|is|has|were|are) not (?:been )?(?:provided|attached|uploaded|available|shared|accessible)\b",
        answers_only=True,
        marks=r"provided|attached|uploaded|available|shared|accessible",
    ),
    *_wording(
        "please ",
        rf"\bplease (?:provide|upload|share|attach|supply)\s(?:me with\s|us with\s)?(?:(?:the|an?|your|more|additional|further|actual)\s)*"
        rf"(?:{_PICTURE}|context|information|details|description|clarification)\b",
        answers_only=True,
        marks=r"\bplease",
    ),
    *_wording(
        "without ",
        rf"\bwithout (?:being able to see|seeing|access to|viewing|having access to) (?:the|an?|any) (?:actual )?{_PICTURE}\b",
        answers_only=True,
        marks=r"\bwithout",
    ),
    *_wording(
        "openai|content polic|my programming|my training|knowledge cutoff|unfortunately, i ",
        r"\bopenai'?s? (?:polic|guideline|use)|\bcontent polic|\bmy (?:programming|training data|knowledge cutoff)\b|"
        r"\bunfortunately, i (?:am|can|do|could|don't|cannot|can't|'m)",
        answers_only=True,
        marks=r"openai|\bcontent|\bmy\b|\bknowledge|\bunfortunately",
    ),
    *_wording(
        "als ki|als sprachmodell|tut mir leid|entschuldigung",
        r"\bals (?:eine? )?(?:ki|sprachmodell)\b|^(?:es )?tut mir leid\b|^entschuldigung, ",
        marks=r"\bki\b|\bsprachmodell|\bleid|\bentschuldigung",
    ),
    *_wording(
        "en tant qu|désolé",
        r"\ben tant qu(?:e modèle|'ia|'intelligence|'assistant)|^(?:je suis |je )?désolé",
        marks=r"\btant",
    ),
    *_wording(
        "como ia|como una ia|modelo de lenguaje|lo siento",
        r"\bcomo (?:una )?(?:ia|inteligencia artificial|modelo de lenguaje)\b|^lo siento, ",
        marks=r"\bcomo|\bsiento",
    ),
)
"""A refusal, an apology, or the model speaking of itself."""

REFUSALS_UNSPACED: Final[tuple[Wording, ...]] = (
    *_wording(
        "作为|作為|抱歉|对不起|對不起|无法|無法",
        r"作[为為](?:一[个個名])?(?:ai|人工智[能慧]|语言模型|語言模型|大型语言)|^(?:很|非常)?抱歉[，,]|^[对對]不起|我[无無]法(?:直接)?(?:查看|看到|访问|提供|协助|辨识)",
    ),
    *_wording(
        "申し訳|として|できません",
        r"申し訳(?:ありません|ございません)|(?:ai|人工知能|言語モデル)(?:アシスタント|モデル)?として|画像を(?:見る|確認する)ことができません",
    ),
    *_wording("죄송|모델로서|인공지능", r"^죄송(?:합니다|하지만)|(?:언어 모델|인공지능|ai)(?:로서|로써)"),
    *_wording("عذر|آسف|كنموذج", r"^(?:عذر[اً]+|آسف|أعتذر)|كنموذج|بصفتي (?:نموذج|ذكاء)"),
)

MARKS: Final = re.compile("|".join(dict.fromkeys((*(one.marks for one in (*LEAKS, *REFUSALS) if one.marks), "lorem"))))
"""Found in no word of an ASCII text without digits: then none of ``LEAKS`` and ``REFUSALS`` matches it, and of ``TOKENS`` only
those with a sign."""

TOKENS: Final = (
    (
        "<",
        re.compile(
            r"<\|[^|<>\n]{1,40}\|>|<</?SYS>>|</?(?:image|img|imagehere|video|audio|question|answer|box|ref|s|p|phrase|object|"
            r"think|thinking|point|quad|region|mask|seg|unk|pad|bos|eos|eot|im_start|im_end|im_patch|start_of_turn|"
            r"end_of_turn|tool_call|user|assistant|system|human|gpt|delim|grounding)\d*>|<(?:your|insert|the|add|name of)\b[^<>]{0,40}>",
            re.IGNORECASE,
        ),
    ),
    (
        "[",
        re.compile(
            r"\[/?INST\]|\[/?SYS\]|\[(?i:your|insert|add|fill|placeholder|object name|name|answer|question|description|number|color|colour|location)\b[^\[\]]{0,40}\](?!\()|\[\s*(?:\.\.\.|…)\s*\]"
        ),
    ),
    ("{", re.compile(r"\{\{[^{}]{0,60}\}\}|(?<![\w\\}])\$?\{[A-Za-z_][\w ]{0,30}\}")),
    (
        ":",
        re.compile(
            r"\b(?:USER|ASSISTANT|SYSTEM|HUMAN|GPT)\s?:|(?:^|\n|###\s?)\s*(?:User|Assistant|Human|System|GPT|Question|Answer|Instruction|Response|Q|A)\s?\d{0,2}:"
        ),
    ),
    ("###", re.compile(r"###\s?(?:Human|Assistant|Instruction|Response|Question|Answer)")),
    ("orem ", re.compile(r"\b[Ll]orem ipsum\b")),
)
"""Tokens and placeholders of prompts and chat formats; a trainer would take some of them for its own."""

EMPTY_WORDS: Final = frozenset(
    (
        "string,question,answer,text,n/a,na,null,undefined,nan,tbd,todo,your answer,your question,your answer here,"
        "your question here,question here,answer here,question text,answer text,the question,the answer,q,a,"
        "placeholder,example,value"
    ).split(",")
)
"""A whole text that is only the name of what should stand there, in lower case; ``question 2`` counts too."""
