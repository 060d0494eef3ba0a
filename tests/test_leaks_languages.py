# ruff: noqa: RUF001
"""Words that betray the source, in seven languages: what must be found, and what a picture may hold."""

import re

import pytest

from syphus.quality.leaks import find_source_word
from syphus.quality.leaks_languages import SPACED, UNSPACED
from syphus.quality.wordings import fold_text
from syphus.records import Scene

GOOD = {
    "de": (
        "Auf dem Bild ist ein roter Bus zu sehen.",
        "Auf dem Schild steht eine Beschreibung des Weges.",
        "Die Informationen auf der Tafel sind auf Englisch.",
        "Laut den Angaben auf dem Schild ist das Parken verboten.",
        "Er gibt seiner Freundin eine genaue Beschreibung.",
    ),
    "fr": (
        "Un bus rouge s'arrête devant la gare.",
        "La légende du plan est écrite en bleu.",
        "Selon les informations sur le panneau, le train part à midi.",
        "Les coordonnées du magasin sont peintes sur la vitrine.",
        "Une description du monument se trouve à l'entrée.",
    ),
    "es": (
        "Un autobús rojo se detiene delante de la estación.",
        "Según la información en el cartel, el tren sale a las doce.",
        "La leyenda del mapa está en azul.",
        "Hay dos perros cerca de la puerta.",
        "El hombre describe la casa a su amigo.",
    ),
    "zh": ("一辆红色的公共汽车停在车站前。", "墙上的标题写着“欢迎”。", "牌子上有一段文字说明。", "他们在地图上寻找位置。", "字幕出现在电视屏幕上。"),
    "ja": ("赤いバスが駅の前に止まっています。", "看板に説明が書いてあります。", "テレビに字幕が出ています。", "彼は友達に道を説明しています。", "情報誌がテーブルの上にあります。"),
    "ko": ("빨간 버스가 역 앞에 서 있습니다.", "표지판에 설명이 적혀 있습니다.", "남자가 친구에게 길을 설명하고 있습니다.", "책상 위에 신문이 있습니다.", "화면에 자막이 나옵니다."),
    "ar": ("تقف حافلة حمراء أمام المحطة.", "يوجد وصف مكتوب على اللوحة.", "الرجل يشرح الطريق لصديقه.", "هناك كلبان بالقرب من الباب.", "تظهر معلومات على الشاشة."),
}  # fmt: skip

BAD = {
    "de": (
        "Laut der Beschreibung ist der Bus rot.",
        "Basierend auf den bereitgestellten Informationen stehen dort zwei Männer.",
        "Die Bildunterschrift erwähnt einen Hund.",
        "In der Bildbeschreibung wird ein Hund genannt.",
        "Die Koordinaten zeigen, dass der Hund links ist.",
        "Die Bounding-Boxen überlappen sich.",
    ),
    "fr": (
        "Selon la description, le bus est rouge.",
        "D'après les informations fournies, il y a deux hommes.",
        "La légende mentionne un chien.",
        "Les coordonnées montrent que le chien est à gauche.",
        "Le cadre de délimitation du chien est petit.",
    ),
    "es": (
        "Según la descripción, el autobús es rojo.",
        "De acuerdo con la información proporcionada, hay dos hombres.",
        "La leyenda menciona un perro.",
        "Las coordenadas indican que el perro está a la izquierda.",
        "El cuadro delimitador del perro es pequeño.",
    ),
    "zh": ("根据描述，公共汽车是红色的。", "根据提供的信息，那里有两个男人。", "描述中提到了一只狗。", "它的坐标显示狗在左边。", "检测框表明狗很小。"),
    "ja": ("説明によると、バスは赤いです。", "提供された情報に基づくと、男性が二人います。", "キャプションには犬がいると書かれています。", "座標から犬は左にいることがわかります。", "バウンディングボックスが小さいです。"),
    "ko": ("설명에 따르면 버스는 빨간색입니다.", "제공된 정보를 바탕으로 두 남자가 있습니다.", "캡션에 언급된 개가 있습니다.", "좌표를 보면 개는 왼쪽에 있습니다.", "바운딩 박스가 작습니다."),
    "ar": ("وفقًا للوصف، الحافلة حمراء.", "بناءً على المعلومات المقدمة، هناك رجلان.", "كما هو مذكور في الوصف، يوجد كلب.", "تظهر الإحداثيات أن الكلب على اليسار.", "مربع الإحاطة صغير."),
}  # fmt: skip

LANGUAGES = sorted(GOOD)


def find(text):
    """As ``find_source_word``, in the rows alone that this module adds."""
    folded = fold_text(text)
    for needles, pattern, _, _ in (*SPACED, *UNSPACED):
        if any(needle in folded for needle in needles.split("|")) and (found := re.search(pattern, folded)):
            return found[0]
    return find_source_word(folded, answer=True, allow=(), scene=Scene(id="s"))


@pytest.mark.parametrize("text", [text for name in LANGUAGES for text in BAD[name]])
def test_leaks_are_found(text):
    assert find(text)


@pytest.mark.parametrize("text", [text for name in LANGUAGES for text in GOOD[name]])
def test_what_a_picture_may_hold_is_no_leak(text):
    assert not find(text)


@pytest.mark.parametrize("row", [*SPACED, *UNSPACED], ids=lambda row: row[0][:20])
def test_rows_are_as_the_table_of_wordings_wants_them(row):
    needles, pattern, answers_only, marks = row
    re.compile(pattern)
    re.compile(marks)
    assert isinstance(answers_only, bool)
    assert needles == needles.lower()
    assert all(needles.split("|"))


@pytest.mark.parametrize("text", [text for name in ("de", "es", "fr") for text in BAD[name] if text.isascii()])
def test_in_each_ascii_leak_a_mark_stands_in_a_word(text):
    marks = re.compile("|".join(row[3] for row in SPACED))
    assert any(marks.search(word) for word in fold_text(text).split())
