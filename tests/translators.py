# ruff: noqa: RUF001
"""A translator that is played: word for word, with words of the right language, and with the faults that a test wants."""

import json
import re
from hashlib import blake2b

from syphus.rehearsal.replies import completion

WORDS = {
    "zh": "公交 车 红色 站 在 街道 上 男人 女人 孩子 看着 图片 里 面 有 一些 树木 房子 天空 很 蓝 他们 正在 走路 旁边 的 桌子 是".split(),
    "ja": "赤い バスが 通りに います 男の人は 写真の 中で 立って 木の 横に 家が あります 空は とても 青く 子どもたちが 歩いて".split(),
    "es": "el autobús rojo está en la calle y una mujer mira hacia los árboles mientras los niños caminan junto a la casa".split(),
    "de": "der rote Bus steht auf der Straße und eine Frau schaut zu den Bäumen während die Kinder neben dem Haus laufen".split(),
    "fr": "le bus rouge est dans la rue et une femme regarde vers les arbres pendant que les enfants marchent près de la maison".split(),
    "ko": "빨간 버스가 거리에 있습니다 여자가 나무를 바라보고 아이들이 집 옆에서 걷고 하늘은 매우 파랗습니다 사진 속에".split(),
    "ar": "الحافلة الحمراء في الشارع والمرأة تنظر إلى الأشجار بينما يمشي الأطفال بجانب البيت والسماء زرقاء جدا في الصورة".split(),
    "en": "the red bus stands in this street and a woman looks at the trees while children walk beside the house".split(),
}
_PIECE = re.compile(r"⟦\d+⟧|\]\(#[^()]*\)|\[|\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’-][^\W\d_]+)*|[^\S\n]+|.", re.DOTALL)
_TARGET = re.compile(r"translate them from .*? into ([A-Z]\w+)")
_TAGS = {"Chinese": "zh", "Japanese": "ja", "Spanish": "es", "German": "de", "French": "fr", "Korean": "ko", "Arabic": "ar", "English": "en"}  # fmt: skip
PER_WORD = {"zh": 0.75, "ja": 0.55, "ko": 0.62}


def target_of(body):
    """The tag of the language that a request asks for; empty where it is no request for a translation."""
    found = _TARGET.search(body["messages"][0]["content"])
    return _TAGS[found[1]] if found else ""


def turns_of(body):
    """The turns of a request: number -> (text, translation or None)."""
    rows = [json.loads(line) for line in body["messages"][1]["content"].splitlines() if line.startswith("{")]
    return {row["turn"]: (row["text"], row.get("translation")) for row in rows}


def asked_of(body):
    """The numbers of the turns that are wanted, by the last message."""
    last = body["messages"][-1]["content"]
    found = re.findall(r"(?:Translate|Give only) turns? ([\d, ]+)", last)
    return re.findall(r"\d+", found[-1])


def translate(text, tag):
    """The text with other words; markers, numbers, references, signs and lines where they were."""
    words, out, count, owed = WORDS[tag], [], 0, 0.0
    start = blake2b(text.encode(), digest_size=4).digest()[0]
    for piece in _PIECE.findall(text):
        if piece[0].isalpha():
            owed += PER_WORD.get(tag, 1.0)
            if owed >= 1 or count == 0:
                owed -= 1
                count += 1
                out.append(words[(start + count) % len(words)])
            elif out and out[-1] == "[":
                out.append(words[start % len(words)])
        elif piece.isspace() and "\n" not in piece and tag in ("zh", "ja"):
            continue
        else:
            out.append(piece)
    return "".join(out)


def reply_to(body, *, spoil=lambda number, text: text):
    """The translations that a request asks for, as a completion."""
    tag, turns = target_of(body), turns_of(body)
    rows = []
    for number in asked_of(body):
        text = spoil(number, translate(turns[number][0], tag))
        rows += [] if text is None else [{"turn": number, "text": text}]
    reply = completion(json.dumps({"turns": rows}, ensure_ascii=False))
    size = sum(len(message["content"].encode()) for message in body["messages"]) // 4
    out = len(reply["choices"][0]["message"]["content"].encode()) // 4
    reply["usage"] = {"prompt_tokens": size, "completion_tokens": out, "total_tokens": size + out}
    return reply


def script(body, number):
    """A translator without faults; what else is asked (the probe) is answered as the rehearsal does."""
    return reply_to(body) if target_of(body) else None
