# ruff: noqa: RUF001 (signs of other scripts are what is tested)
"""Whether a text is a translation: good ones pass, in all languages; each kind of bad one is named."""

import pytest

from syphus.errors import InputError
from syphus.quality.translation.checking import check_language, check_terms, check_text, tidy_reply
from syphus.quality.translation.identifying import is_other_language, known_codes
from syphus.quality.translation.languages import find_language
from syphus.quality.translation.meaning import chrf, compare_back

ENGLISH = [
    "What colour is the bus?",
    "A cat.",
    "Two dogs are playing in the snow.",
    "Is there a clock on the wall?",
    "The woman in the blue coat is waiting at the crossing, and it is probably late in the afternoon.",
    "No, the plate is empty.",
]
GOOD = {
    "zh": ["公交车是什么颜色？", "一只猫。", "两只狗在雪地里玩耍。", "墙上有时钟吗？", "穿蓝色外套的女人正在路口等候，现在大概是下午晚些时候。", "不，盘子是空的。"],
    "ja": ["バスは何色ですか？", "猫。", "二匹の犬が雪の中で遊んでいます。", "壁に時計はありますか？", "青いコートの女性が横断歩道で待っており、おそらく午後遅い時間でしょう。", "いいえ、皿は空です。"],
    "es": ["¿De qué color es el autobús?", "Un gato.", "Dos perros juegan en la nieve.", "¿Hay un reloj en la pared?", "La mujer del abrigo azul espera en el cruce, y probablemente es la última hora de la tarde.", "No, el plato está vacío."],
    "de": ["Welche Farbe hat der Bus?", "Eine Katze.", "Zwei Hunde spielen im Schnee.", "Hängt eine Uhr an der Wand?", "Die Frau im blauen Mantel wartet am Übergang, und es ist wahrscheinlich später Nachmittag.", "Nein, der Teller ist leer."],
    "fr": ["De quelle couleur est le bus ?", "Un chat.", "Deux chiens jouent dans la neige.", "Y a-t-il une horloge au mur ?", "La femme au manteau bleu attend au passage piéton, et c'est probablement la fin de l'après-midi.", "Non, l'assiette est vide."],
    "ko": ["버스는 무슨 색인가요?", "고양이.", "개 두 마리가 눈 속에서 놀고 있습니다.", "벽에 시계가 있나요?", "파란 코트를 입은 여자가 횡단보도에서 기다리고 있고, 아마 늦은 오후일 것입니다.", "아니요, 접시는 비어 있습니다."],
    "ar": ["ما لون الحافلة؟", "قطة.", "كلبان يلعبان في الثلج.", "هل توجد ساعة على الحائط؟", "المرأة ذات المعطف الأزرق تنتظر عند المعبر، وربما يكون الوقت متأخرا بعد الظهر.", "لا، الطبق فارغ."],
    "ru": ["Какого цвета автобус?", "Кошка.", "Две собаки играют в снегу.", "Есть ли часы на стене?", "Женщина в синем пальто ждёт у перехода, и, вероятно, уже поздний вечер.", "Нет, тарелка пустая."],
    "hi": ["बस का रंग क्या है?", "एक बिल्ली।", "दो कुत्ते बर्फ में खेल रहे हैं।", "क्या दीवार पर घड़ी है?", "नीले कोट वाली महिला क्रॉसिंग पर इंतज़ार कर रही है, और शायद दोपहर का देर का समय है।", "नहीं, थाली खाली है।"],
    "th": ["รถบัสสีอะไร", "แมว", "สุนัขสองตัวเล่นอยู่ในหิมะ", "มีนาฬิกาบนผนังไหม", "ผู้หญิงในเสื้อโค้ตสีน้ำเงินกำลังรอที่ทางข้าม และน่าจะเป็นช่วงบ่ายแก่ๆ", "ไม่ จานว่างเปล่า"],
    "he": ["באיזה צבע האוטובוס?", "חתול.", "שני כלבים משחקים בשלג.", "האם יש שעון על הקיר?", "האישה במעיל הכחול מחכה במעבר, וכנראה כבר שעת אחר צהריים מאוחרת.", "לא, הצלחת ריקה."],
    "vi": ["Xe buýt màu gì?", "Một con mèo.", "Hai con chó đang chơi trong tuyết.", "Có đồng hồ trên tường không?", "Người phụ nữ mặc áo khoác xanh đang đợi ở lối qua đường, và có lẽ đã là cuối buổi chiều.", "Không, cái đĩa trống."],
}  # fmt: skip
EN = find_language("en")


def codes(source, translated, tag, origin="en"):
    found = check_text(source, translated, origin=find_language(origin), language=find_language(tag))
    return [f"{one.check}: {one.code}" for one in found]


@pytest.mark.parametrize("tag", GOOD)
def test_good_translations_pass_both_ways(tag: str) -> None:
    for source, translated in zip(ENGLISH, GOOD[tag], strict=True):
        assert codes(source, translated, tag) == [], translated
        if tag != "th":  # which asks without a mark
            assert codes(translated, source, "en", tag) == [], translated
    assert check_language(ENGLISH, GOOD[tag], find_language(tag)) is None
    assert check_language(GOOD[tag], ENGLISH, EN) is None


@pytest.mark.parametrize("tag", GOOD)
def test_english_that_was_left_is_found(tag: str) -> None:
    refused = [source for source in ENGLISH if codes(source, source, tag)]
    assert refused == ENGLISH or refused == [one for one in ENGLISH if one != "A cat."]


@pytest.mark.parametrize("tag", GOOD)
def test_another_language_is_found_in_a_dialogue_if_not_in_each_turn(tag: str) -> None:
    for other, texts in GOOD.items():
        if other != tag:
            by_turn = any(codes(source, text, tag) for source, text in zip(ENGLISH, texts, strict=True))
            assert by_turn or check_language(ENGLISH, texts, find_language(tag)) is not None, other


LONG = "The bus in the image is white and red, and it is driving down the street, which is crowded with people."


@pytest.mark.parametrize(
    ("source", "translated", "tag", "code"),
    [
        (LONG, "", "zh", "structure: empty"),
        (LONG, "公交车是白色和红色的。" * 9, "zh", "length: too_long"),
        (LONG, "红色。", "zh", "length: too_short"),
        (LONG, "El autobús de la imagen es blanco y rojo.", "es", "length: too_short"),
        (LONG, "图片中的公交车是白色和红色的，它正 driving down the street，街上挤满了人。", "zh", "untranslated: part"),
        (LONG, "El autobús de la imagen es blanco y rojo, and it is driving down the street, llena de gente.", "es", "untranslated: part"),
        (LONG, "Der Bus im Bild ist the weiß and rot, und er fährt the Straße entlang, die with Menschen überfüllt ist.", "de", "untranslated: part"),
        (LONG, "画像のバスは白と赤で、人で混雑した通りを走っています。", "zh", "script: wrong"),
        (LONG, "圖片中的公車是紅色和白色的，它正沿著擠滿了人的街道行駛，樹和樓都在後邊。", "zh", "script: variant"),
        (LONG, "图片中的公交车是白色和红色的，它正沿着挤满了人的街道行驶。", "zh-Hant", "script: variant"),
        (LONG, "图片中的公交车是白色和红色的，它正沿着挤满了人的街道行驶。", "ja", "script: wrong"),
        (LONG, "I'm sorry, but I cannot translate this text for you, because it is against the rules.", "de", "refusal: model"),
        (LONG, "很抱歉，我无法翻译这段文字，因为它违反了规定，请您谅解。", "zh", "refusal: model"),
        (LONG, "Translation: El autobús de la imagen es blanco y rojo, y avanza por la calle, llena de gente.", "es", "chatter: remark"),
        (LONG, "翻译：图片中的公交车是白色和红色的，它正沿着挤满了人的街道行驶。", "zh", "chatter: remark"),
        (LONG, "Der Bus ist rot, der Bus ist rot, der Bus ist rot, der Bus ist rot, der Bus ist rot und weiß.", "de", "repeats: loop"),
        ("a\nb\nc\nd is the list", "un dos tres cuatro es la lista", "es", "structure: lines"),
        ("What colour is the bus?", "El autobús es de un color.", "es", "structure: question"),
        ("On the left.", "On the left.", "es", "untranslated: same"),
        ("The bus has 3 doors.", "Der Bus hat 4 Türen.", "de", "number: lost"),
        ("[The bus](#o1) is red.", "Der Bus ist rot.", "de", "lock: reference_lost"),
    ],
)  # fmt: skip
def test_what_is_refused(source: str, translated: str, tag: str, code: str) -> None:
    assert code in codes(source, translated, tag)


@pytest.mark.parametrize(
    ("source", "translated", "tag"),
    [
        ('The sign says "Do not enter the park".', "标牌上写着“Do not enter the park”。", "zh"),
        ("It is an iPhone in a Louis Vuitton bag.", "这是一部装在 Louis Vuitton 包里的 iPhone。", "zh"),
        ("It is a WiFi router by TP-Link.", "Es ist ein WLAN-Router von TP-Link.", "de"),
        ("Pizza", "Pizza", "de"),
        ("Yes, an iPhone", "はい、iPhoneです", "ja"),
        ("Coca-Cola", "Coca-Cola", "ja"),
        ("No", "No", "es"),
        ("⟦1⟧", "⟦1⟧", "zh"),
        ("Hotel", "Hotel", "de"),
        ("I'm sorry, I cannot see that in the picture.", "很抱歉，我在图片中看不到，也无法确定。", "zh"),
    ],
)  # fmt: skip
def test_what_may_stay(source: str, translated: str, tag: str) -> None:
    assert codes(source, translated, tag) == []


@pytest.mark.parametrize(
    ("tag", "canonical", "script", "name"),
    [
        ("zh", "zh", "Hans", "Chinese (simplified characters)"),
        ("zh-TW", "zh-TW", "Hant", "Chinese (traditional characters, as in TW)"),
        ("ZH-hant", "zh-Hant", "Hant", "Chinese (traditional characters)"),
        ("sr-Latn", "sr-Latn", "Latn", "Serbian (Latin script)"),
        ("pt_BR", "pt-BR", "Latn", "Portuguese (as in BR)"),
        ("quc", "quc", "Latn", "the language with the BCP 47 tag `quc`"),
    ],
)
def test_tags(tag: str, canonical: str, script: str, name: str) -> None:
    language = find_language(tag)
    assert (language.tag, language.script, language.name) == (canonical, script, name)


@pytest.mark.parametrize("tag", ["", "xx-", "zz", "zz-zz-zz", "und", "english", "e", "-", "zh-Hans-Hans"])
def test_what_is_no_tag_is_said(tag: str) -> None:
    with pytest.raises(InputError):
        find_language(tag)


def test_the_identifier_knows_the_languages_and_says_nothing_of_little_text() -> None:
    assert {"zh", "ja", "es", "de", "fr", "ko", "ar", "en"} <= known_codes()
    assert is_other_language("A cat.", "de") == ""
    assert is_other_language("", "de") == ""
    assert is_other_language(" ".join(ENGLISH), "de") == "en"
    assert is_other_language(" ".join(ENGLISH), "quc") == "", "nobody can tell whether this is K'iche'"


def test_direction_marks_that_a_model_adds_are_taken_out_and_others_stay() -> None:
    assert tidy_reply("The bus is red.", "\u202bالحافلة\u200f حمراء\u202c.") == "الحافلة حمراء."
    assert tidy_reply("a \u200e b", "أ \u200e ب") == "أ \u200e ب"
    assert tidy_reply("x", "می‌کنند") == "می‌کنند", "a joiner is a part of Persian spelling"


def test_terms() -> None:
    glossary = (("fire hydrant", "Hydrant"), ("bus", "Autobus"))
    german = find_language("de")
    assert check_terms("Two fire hydrants.", "Zwei Hydranten.", glossary, german) is None
    assert check_terms("The busy man", "Der Mann", glossary, german) is None
    found = check_terms("The bus is red.", "Der Wagen ist rot.", glossary, german)
    assert found is not None
    assert found.evidence == "bus -> Autobus"


def test_chrf_is_that_of_the_paper() -> None:
    assert chrf("the cat sat", "the cat sat") == 100
    assert chrf("abc", "xyz") == 0
    assert chrf("", "abc") == 0
    # By hand: of "abcd" and "abce" 3 of 4 letters, 2 of 3 pairs, 1 of 2 threes and no four are common, both ways.
    assert chrf("abcd", "abce") == pytest.approx(100 * (3 / 4 + 2 / 3 + 1 / 2 + 0) / 4)
    # Precision 1, recall 1/2 of single letters; 1 and 1/3 of pairs: recall counts twice.
    precision, recall = 1.0, (2 / 4 + 1 / 3) / 2
    assert chrf("ab", "abcd") == pytest.approx(100 * 5 * precision * recall / (4 * precision + recall))
    kept = compare_back([("a b c", "a b c"), ("a b", "")])
    assert kept == (1, 1.0, 100.0)
