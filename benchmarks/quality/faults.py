# ruff: noqa: RUF001 (other scripts are what is put in)
"""Faults put into good dialogues, one kind at a time.

A maker takes a sample, the number of one of its pairs and a source of chance, and gives the pairs with the fault in it, or None
where the annotation could not tell such a fault. What a maker puts in is made of the annotations' own words and of lists in this
file; it asks the checks nothing, and looks only at boxes and at the captions' text.
"""

import re
from collections.abc import Callable
from random import Random

from dialogues import WIDTH, Sample

from syphus.quality.pairs import Pair
from syphus.records import Object, Scene

Maker = Callable[[Sample, int, Random], tuple[Pair, ...] | None]

COCO_NAMES = (
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,parking meter,bench,bird,"
    "cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,frisbee,skis,snowboard,"
    "sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup,fork,knife,spoon,"
    "bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,potted plant,bed,dining table,"
    "toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,refrigerator,book,clock,vase,scissors,"
    "teddy bear,hair drier,toothbrush"
).split(",")
_NO_SINGULAR = {"skis", "scissors", "broccoli", "person"}
_ADDED = (
    "There is also {a} in the image.",
    "{A} can be seen in the background.",
    "In addition, {a} is visible near the edge of the picture.",
    "Next to it stands {a}.",
    "The scene also includes {a}.",
    "On one side, there is {a} as well.",
    "To complete the scene, {a} is placed in the foreground.",
)
_ALIKE = {
    "cup": "glass mug drink coffee tea beverage", "wine glass": "glass wine drink", "bottle": "drink beer wine soda water",
    "dining table": "table desk counter meal", "tv": "television monitor screen computer", "couch": "sofa seat living",
    "chair": "seat stool bench", "bench": "seat", "book": "magazine shelf reading", "handbag": "purse bag luggage",
    "backpack": "bag luggage", "suitcase": "luggage bag", "potted plant": "plant flower vase tree", "cell phone": "phone mobile",
    "oven": "stove kitchen", "sink": "kitchen bathroom faucet", "refrigerator": "fridge kitchen freezer", "toilet": "bathroom",
    "car": "vehicle traffic van taxi suv jeep truck", "truck": "vehicle van pickup car traffic trailer", "bus": "vehicle traffic",
    "motorcycle": "bike scooter moped", "bicycle": "bike cycl", "boat": "ship ferry canoe kayak sail", "bird": "duck goose",
    "sports ball": "ball", "baseball bat": "bat", "baseball glove": "glove mitt", "tennis racket": "racket racquet tennis",
    "keyboard": "computer laptop desktop", "mouse": "computer laptop desktop", "laptop": "computer notebook", "remote": "wii game control",
    "bowl": "dish", "cow": "cattle bull animal", "sheep": "lamb goat animal", "horse": "pony", "bear": "teddy", "teddy bear": "bear toy",
    "knife": "utensil cutlery silverware", "fork": "utensil cutlery silverware", "spoon": "utensil cutlery silverware",
    "cake": "dessert pastry cupcake pie", "donut": "doughnut pastry", "sandwich": "burger sub wrap bread", "orange": "fruit citrus",
    "apple": "fruit", "banana": "fruit", "clock": "watch", "vase": "flower pot jar", "kite": "parachute", "umbrella": "parasol canopy",
    "stop sign": "sign", "traffic light": "light signal", "person": "man woman boy girl people child", "tie": "suit",
    "skis": "ski", "surfboard": "surf board", "snowboard": "board", "skateboard": "skat board", "train": "subway tram rail",
    "airplane": "plane jet", "bed": "mattress bedroom sleep", "hot dog": "sausage", "microwave": "kitchen", "toaster": "kitchen",
    "dog": "puppy", "cat": "kitten", "broccoli": "vegetable", "carrot": "vegetable",
}  # fmt: skip
_NUMBERS = "one two three four five six seven eight nine".split()
_PLURALS = {
    "person": ("people", "men", "women", "children"), "knife": ("knives",), "bus": ("buses",), "sheep": ("sheep",), "couch": ("couches",),
    "sandwich": ("sandwiches",), "donut": ("donuts", "doughnuts"), "bench": ("benches",), "motorcycle": ("motorcycles",),
}  # fmt: skip
_COLOURS = ("red", "blue", "green", "yellow", "black", "white", "brown", "purple", "pink", "orange")
_CLOSE = {
    "orange": {"yellow", "red", "brown", "pink"},
    "brown": {"orange", "red", "black", "yellow"},
    "red": {"orange", "pink", "brown", "purple"},
    "black": {"brown", "blue"},
    "purple": {"blue", "pink", "red"},
}
_LEAKS = (
    "According to the caption, ", "Based on the provided captions, ", "As mentioned in the description, ",
    "From the bounding boxes one can tell the following. ", "The annotations list these objects. ", "As described in the captions, ",
    "According to the image description, ", "Based on the information provided, ", "Judging by the given captions, ",
    "As stated in the text, ", "The first caption says it all. ", "The coordinates (0.31, 0.42, 0.66, 0.9) show where it is. ",
    "In the provided description, ", "The bounding box of the main object is large. ", "The captions mention the following. ",
    "According to the given object list, ", "The description indicates the following. ", "As noted in the captions, ",
    "It is at [120, 44, 310, 296] in the picture. ", "The ground truth says so. ",
)  # fmt: skip
_FOREIGN = (
    "Auf dem Bild sind mehrere Dinge zu sehen, die in der Mitte stehen.", "Das ist nicht genau zu erkennen, aber es sieht freundlich aus.",
    "L'image montre une scène tranquille avec des objets au milieu.", "Il y a une personne qui se trouve devant le bâtiment.",
    "En la imagen se ve una escena tranquila con varios objetos.", "No es fácil decirlo, pero parece que están contentos.",
    "Nell'immagine si vede una scena tranquilla con alcuni oggetti sul tavolo.", "Na imagem há uma cena tranquila com vários objetos.",
    "Op de foto is een rustige scène te zien met het licht van de zon.", "图片中可以看到一个安静的场景。", "写真には静かな風景が写っています。",
    "На фотографии видна спокойная сцена.", "사진에는 조용한 장면이 보입니다.", "تظهر في الصورة مشهد هادئ.", "तस्वीर में एक शांत दृश्य है।",
)  # fmt: skip


def _put(sample: Sample, at: int, *, question: str | None = None, answer: str | None = None) -> tuple[Pair, ...]:
    pair = sample.pairs[at]
    new = Pair(pair.question if question is None else question, pair.answer if answer is None else answer)
    return (*sample.pairs[:at], new, *sample.pairs[at + 1 :])


def _ended(text: str) -> str:
    return text if text.rstrip()[-1:] in ".!?" else f"{text.rstrip()}."


def _told(scene: Scene) -> str:
    return " ".join(caption.text for caption in scene.captions).lower()


def _article(name: str) -> str:
    return name if name in {"skis", "scissors", "broccoli"} else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def foreign_names(scene: Scene) -> list[str]:
    """COCO's names that neither a box nor a caption, in any near word, speaks of."""
    told = _told(scene)
    labels = {one.label for one in scene.objects}
    return [
        name
        for name in COCO_NAMES
        if name not in labels and name not in _NO_SINGULAR
        and not any(word in told for word in (*name.split(), *_ALIKE.get(name, "").split()))
        and not any(word in " ".join(labels) for word in _ALIKE.get(name, "").split())
    ]  # fmt: skip


def add_object(sample: Sample, at: int, random: Random) -> tuple[Pair, ...] | None:
    names = foreign_names(sample.scene)
    if not names:
        return None
    told = _article(random.choice(names))
    added = random.choice(_ADDED).format(a=told, A=told[0].upper() + told[1:])
    return _put(sample, at, answer=f"{_ended(sample.pairs[at].answer)} {added}")


def put_object(sample: Sample, at: int, random: Random) -> tuple[Pair, ...] | None:
    """An annotated thing becomes another one, wherever the answer names it."""
    answer = sample.pairs[at].answer
    labels = [one.label for one in sample.scene.objects if re.search(rf"\b(?:a|an|the) (?:\w+ )?{one.label}\b", answer)]
    names = foreign_names(sample.scene)
    labels = [label for label in dict.fromkeys(labels) if label not in _NO_SINGULAR]
    if not labels or not names:
        return None
    label, name = random.choice(labels), random.choice(names)
    return _put(sample, at, answer=re.sub(rf"\b{label}(?=s?\b)", name, answer))


def change_count(sample: Sample, at: int, random: Random) -> tuple[Pair, ...] | None:
    """A number that boxes or a caption give becomes one that neither gives."""
    answer, told = sample.pairs[at].answer, _told(sample.scene)
    places = []
    for label in {one.label for one in sample.scene.objects}:
        boxes = [one for one in sample.scene.objects if one.label == label]
        nouns = "|".join(_PLURALS.get(label, (label + "s",)))
        for found in re.finditer(rf"\b({'|'.join(_NUMBERS[1:])}) ((?:\w+ )?)({nouns})\b", answer, re.IGNORECASE):
            number = _NUMBERS.index(found[1].lower()) + 1
            stated = {_NUMBERS.index(word) + 1 for word in re.findall(rf"\b({'|'.join(_NUMBERS)})\b", told)}
            if re.search(r"\b(?:a couple|a pair|both)\b", told):
                stated.add(2)
            # Several captions that say "a couple" or "many" leave it open; so do crowds.
            if number != len(boxes) or any(one.crowd for one in boxes) or len(boxes) > 6:
                continue
            other = [one for one in range(2, 10) if one not in stated and abs(one - number) in {1, 2, 3}]
            if other:
                places.append((found, other))
    if not places:
        return None
    found, other = random.choice(places)
    word = _NUMBERS[random.choice(other) - 1]
    return _put(sample, at, answer=answer[: found.start(1)] + word + answer[found.end(1) :])


def _single_boxes(scene: Scene) -> list[Object]:
    told = _told(scene)
    labels = [one.label for one in scene.objects]
    return [
        one for one in scene.objects
        if one.box and not one.crowd and labels.count(one.label) == 1 and one.label != "person"
        and not any(plural in told for plural in _PLURALS.get(one.label, (one.label + "s",)))
    ]  # fmt: skip


def _centre(one: Object) -> tuple[float, float]:
    assert one.box is not None
    return (one.box[0] + one.box[2]) / 2, (one.box[1] + one.box[3]) / 2


def true_places(scene: Scene) -> list[tuple[str, str, str]]:
    """Sentences that boxes make true, each with its side and the opposite one."""
    found = []
    singles = _single_boxes(scene)
    asset = scene.assets[0]
    width = asset.width or WIDTH
    for one in singles:
        x, y = _centre(one)
        if x < 0.33 * width or x > 0.67 * width:
            side = ("left", "right") if x < width / 2 else ("right", "left")
            found.append((f"The {one.label} is on the {{}} side of the image.", *side))
            found.append((f"On the {{}} side of the picture, the {one.label} can be seen.", *side))
        for other in singles:
            if one is other:
                continue
            assert one.box is not None
            assert other.box is not None
            ox, oy = _centre(other)
            if one.box[2] < other.box[0] or other.box[2] < one.box[0]:
                side = ("left", "right") if x < ox else ("right", "left")
                found.append((f"The {one.label} is to the {{}} of the {other.label}.", *side))
            if one.box[3] < other.box[1] or other.box[3] < one.box[1]:
                level = ("above", "below") if y < oy else ("below", "above")
                found.append((f"The {one.label} can be seen {{}} the {other.label}.", *level))
    return found


def swap_side(sample: Sample, at: int, random: Random) -> tuple[Pair, ...] | None:
    places = true_places(sample.scene)
    if not places:
        return None
    sentence, _, wrong = random.choice(places)
    return _put(sample, at, answer=f"{_ended(sample.pairs[at].answer)} {sentence.format(wrong)}")


def true_side(sample: Sample, at: int, random: Random) -> tuple[Pair, ...] | None:
    """No fault: the same sentence with the right side."""
    places = true_places(sample.scene)
    if not places:
        return None
    sentence, right, _ = random.choice(places)
    return _put(sample, at, answer=f"{_ended(sample.pairs[at].answer)} {sentence.format(right)}")


def swap_own_side(sample: Sample, at: int, _: Random) -> tuple[Pair, ...] | None:
    """Left for right in the answer's own words, where it names one kind of thing and all its boxes lie on that side."""
    answer = sample.pairs[at].answer
    sentences = re.split(r"(?<=[.!?])\s+", answer)
    width = sample.scene.assets[0].width or WIDTH
    for number, sentence in enumerate(sentences):
        for part in re.split(r",? (?:and|while|with) ", sentence):
            sides = re.findall(
                r"\bthe (?:far )?(left|right)(?: side| edge)?\b(?! side| and|-)(?! of the (?!image|picture|scene|frame))",
                part,
            )
            labels = {one.label for one in sample.scene.objects if re.search(rf"\b{one.label}s?\b", part)}
            middles = [_centre(one)[0] / width for one in sample.scene.objects if one.box and one.label in labels]
            if len(sides) != 1 or len(labels) != 1 or len(middles) > 6 or " its " in part:
                continue
            if all(x < 0.4 for x in middles) if sides[0] == "left" else all(x > 0.6 for x in middles):
                turned = re.sub(rf"\b{sides[0]}\b", "right" if sides[0] == "left" else "left", part)
                sentences[number] = sentence.replace(part, turned)
                return _put(sample, at, answer=" ".join(sentences))
    return None


def change_colour(sample: Sample, at: int, random: Random) -> tuple[Pair, ...] | None:
    """A colour that a caption gives the same word becomes one that no caption has."""
    answer, told = sample.pairs[at].answer, _told(sample.scene)
    places = []
    for found in re.finditer(rf"\b({'|'.join(_COLOURS)}) (\w+)\b", answer):
        if found[2] in {"and", "with", "in", "or"} or found[0] not in told:
            continue
        if len(set(re.findall(rf"\b({'|'.join(_COLOURS)}|grey|gray|tan|colorful) (?:and \w+ )?{found[2]}", told))) == 1:
            places.append(found)
    said = re.finditer(rf"\b(?:the|The) (\w+) (?:in the (?:image|picture) )?is ({'|'.join(_COLOURS)})\b", answer)
    places += [
        re.compile(one[2]).search(answer, one.start(2))  # type: ignore[misc]
        for one in said
        if f"{one[2]} {one[1]}" in told
    ]
    if not places:
        return None
    found = random.choice(places)
    colour = re.match(r"\w+", found[0])[0]  # type: ignore[index]
    others = [
        one
        for one in _COLOURS
        if one != colour and one not in told and one not in _CLOSE.get(colour, ()) and colour not in _CLOSE.get(one, ())
    ]
    if not others:
        return None
    start = found.start()
    return _put(sample, at, answer=answer[:start] + random.choice(others) + answer[start + len(colour) :])


def add_leak(sample: Sample, at: int, random: Random) -> tuple[Pair, ...] | None:
    answer = sample.pairs[at].answer
    leak = random.choice(_LEAKS)
    first = answer[0].lower() + answer[1:] if leak.endswith(", ") else answer
    return _put(sample, at, answer=leak + first)


def change_language(sample: Sample, at: int, random: Random) -> tuple[Pair, ...] | None:
    return _put(sample, at, answer=random.choice(_FOREIGN))


def cut_text(sample: Sample, at: int, random: Random) -> tuple[Pair, ...] | None:
    """Cut anywhere from 30 to 95 % of the text, as a limit of tokens cuts, and not at a sentence's end."""
    answer = sample.pairs[at].answer
    if len(answer.split()) < 5 or answer.rstrip()[-1:] not in ".!?":
        return None  # who never ends a sentence cannot be seen to be cut
    end = random.randint(int(len(answer) * 0.3), int(len(answer) * 0.95))
    cut = answer[:end].rstrip()
    return None if cut[-1:] in '.!?"' or len(cut.split()) < 3 else _put(sample, at, answer=cut)


def repeat_pair(sample: Sample, at: int, random: Random) -> tuple[Pair, ...] | None:
    pair = sample.pairs[at]
    how = random.randrange(3)
    if how == 0:
        return (*sample.pairs, pair)
    if how == 1:
        return (*sample.pairs, Pair(pair.question.rstrip("?.").lower() + "?", pair.answer))
    if len(pair.answer.split()) < 6:
        return None
    return (*sample.pairs, Pair("What else can be said about it?", pair.answer))


def bad_reference(sample: Sample, at: int, random: Random) -> tuple[Pair, ...] | None:
    """An annotated thing is referred to, by an id that is not there, by another thing's, in a torn form, or by too many."""
    answer = sample.pairs[at].answer
    places = [
        (one, found)
        for one in sample.scene.objects
        if one.box and (found := re.search(rf"\b(?:a|an|the) {one.label}\b", answer, re.IGNORECASE))
    ]
    if not places:
        return None
    one, found = random.choice(places)
    others = [
        other.id for other in sample.scene.objects if other.label not in one.label and one.label not in other.label
    ]
    forms = [
        f"[{found[0]}](#o{len(sample.scene.objects) + random.randint(1, 40)})",
        f"[{found[0]}](#{one.id}",
        f"[{found[0]}](#)",
    ]
    if others:
        forms.append(f"[{found[0]}](#{random.choice(others)})")
        forms.append(f"[{found[0]}](#{one.id},#{random.choice(others)})")
    return _put(sample, at, answer=answer[: found.start()] + random.choice(forms) + answer[found.end() :])


def good_reference(sample: Sample, at: int, random: Random) -> tuple[Pair, ...] | None:
    """No fault: the thing's own id."""
    answer = sample.pairs[at].answer
    places = [
        (one, found)
        for one in sample.scene.objects
        if one.box and (found := re.search(rf"\b(?:a|an|the) (?:\w+ )?{one.label}\b", answer, re.IGNORECASE))
    ]
    if not places:
        return None
    one, found = random.choice(places)
    return _put(sample, at, answer=f"{answer[: found.start()]}[{found[0]}](#{one.id}){answer[found.end() :]}")


def _ask_presence(sample: Sample, at: int, random: Random, *, lie: bool) -> tuple[Pair, ...] | None:
    names = foreign_names(sample.scene)
    labels = [label for label in dict.fromkeys(one.label for one in sample.scene.objects) if label not in _NO_SINGULAR]
    there = random.random() < 0.5
    pool = labels if there else names
    if not pool:
        return None
    told = _article(random.choice(pool))
    question = random.choice(
        (f"Is there {told} in the image?", f"Is there {told}?", f"Can you see {told} in the picture?")
    )
    answer = "Yes" if there != lie else "No"
    longer = (
        f"{answer}, there is {told}."
        if answer == "Yes"
        else f"{answer}, there is no {told.split(' ', 1)[-1]} in the image."
    )
    return _put(sample, at, question=question, answer=random.choice((f"{answer}.", longer)))


def lie_about_presence(sample: Sample, at: int, random: Random) -> tuple[Pair, ...] | None:
    return _ask_presence(sample, at, random, lie=True)


def tell_presence(sample: Sample, at: int, random: Random) -> tuple[Pair, ...] | None:
    """No fault: the same questions answered rightly."""
    return _ask_presence(sample, at, random, lie=False)


def time_beyond(sample: Sample, at: int, random: Random) -> tuple[Pair, ...] | None:
    end = sample.scene.assets[0].duration or 0
    late = end + random.uniform(5, 200)
    clock = f"{int(late // 60)}:{int(late % 60):02d}"
    told = random.choice(
        (
            f"At {late:.1f} seconds",
            f"From {end:.1f} to {late:.1f} seconds",
            f"At {clock}",
            f"Around the {int(late)}-second mark",
            f"At {int(late)}s",
        )
    )
    body = re.sub(r"^From .*? seconds, ", "", sample.pairs[at].answer)
    return _put(sample, at, answer=f"{told}, {body}")


def other_moment(sample: Sample, at: int, random: Random) -> tuple[Pair, ...] | None:
    """The time of another segment, which does not touch its own."""
    segments = sample.scene.segments
    if at >= len(segments):
        return None
    own = segments[at]
    others = [one for one in segments if one.start > own.end + 4 or one.end < own.start - 4]
    if not others:
        return None
    other = random.choice(others)
    body = re.sub(r"^From .*? seconds, ", "", sample.pairs[at].answer)
    return _put(sample, at, answer=f"From {other.start:.1f} to {other.end:.1f} seconds, {body}")


def _order(sample: Sample, at: int, random: Random, *, turned: bool) -> tuple[Pair, ...] | None:
    segments = sample.scene.segments
    later = [one for one in segments if one.start > segments[at].end] if at < len(segments) else []
    if not later:
        return None
    first, second = segments[at], random.choice(later)
    if any(re.search(r"\b(?:then|before|after|afterwards)\b", one.text.lower()) for one in (first, second)):
        return None  # two orders in one sentence: which of them was turned?
    if turned:
        first, second = second, first
    one, two = (segment.text.strip().rstrip(".") for segment in (first, second))
    one, two = one[0].lower() + one[1:], two[0].lower() + two[1:]
    told = random.choice(
        (
            f"First, {one}, and then {two}.",
            f"After {one}, {two}.",
            f"Before {two}, {one}.",
            f"It shows that {one} before {two}.",
        )
    )
    return _put(sample, at, answer=told)


def turn_order(sample: Sample, at: int, random: Random) -> tuple[Pair, ...] | None:
    return _order(sample, at, random, turned=True)


def keep_order(sample: Sample, at: int, random: Random) -> tuple[Pair, ...] | None:
    """No fault: in their order."""
    return _order(sample, at, random, turned=False)


MECHANICAL: dict[str, Maker] = {
    "leak": add_leak,
    "wrong language": change_language,
    "cut text": cut_text,
    "duplicate": repeat_pair,
    "bad reference": bad_reference,
}
SEMANTIC: dict[str, Maker] = {
    "foreign object, added": add_object,
    "foreign object, put for another": put_object,
    "wrong count": change_count,
    "swapped side, in a sentence of ours": swap_side,
    "swapped side, in its own sentence": swap_own_side,
    "wrong colour": change_colour,
    "yes for no": lie_about_presence,
}
VIDEO_MECHANICAL: dict[str, Maker] = {"time out of range": time_beyond}
VIDEO_SEMANTIC: dict[str, Maker] = {"time of something else": other_moment, "order turned round": turn_order}
HARMLESS: dict[str, Maker] = {
    "right side": true_side,
    "right reference": good_reference,
    "right yes or no": tell_presence,
}
"""Changes that are no faults: who flags them flags the way they are said."""
VIDEO_HARMLESS: dict[str, Maker] = {"right order": keep_order}
