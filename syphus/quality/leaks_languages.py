# ruff: noqa: RUF001 (signs of other scripts are what is looked for)
"""Words by which a text betrays its source in Chinese, Japanese, Korean, Arabic, Spanish, German and French.

Rows of ``(needles, pattern, answers_only, marks)``, as :mod:`syphus.quality.wordings` makes its tables of; lower case, straight
apostrophes. That module had lines for each of these languages, which these go beyond: the verbs that captions go with, lists
and labels, coordinates, times, the words for "the picture's description" that translators of our own prompts use. A picture may
hold a caption or a description itself ("la leyenda del cartel dice"), so a noun alone is not enough, but where the word is
never one of a picture (bounding box, annotation data).
"""

from typing import Final

Row = tuple[str, str, bool, str]

SPACED: Final[tuple[Row, ...]] = (
    # German
    (
        "beschreibung|bildunterschrift|bildbeschreibung|angaben|informationen|annotation",
        (r"\b(?:laut|gemäß|nach|anhand|basierend auf|aufgrund|zufolge) (?:der|den|dieser|diesen|des) (?:\w+en )?"
        r"(?:bild)?(?:beschreibung(?:en)?|bildunterschrift(?:en)?|angaben|informationen|annotation(?:en)?|begrenzungsrahmen)\b"
        r"(?! (?:auf|am|an|im|in) )|"
        r"\bin der (?:bild)?beschreibung (?:wird|steht|heißt|ist)\b|"
        r"\b(?:bild)?(?:beschreibung(?:en)?|bildunterschrift(?:en)?|annotation(?:en)?) (?:erwähn|besag|beschreib|nenn|geb|gib|zeig|sag)\w*|"
        r"\b(?:in|laut) (?:der|den) bildunterschrift(?:en)?\b|\bder beschreibung (?:zufolge|nach)\b"),
        True,
        r"beschreibung|bildunterschrift|angaben|informationen|annotation",
    ),
    (
        "bereitgestellt|gegebenen|vorliegenden|angegebenen",
        (r"\b(?:bereitgestellten|gegebenen|vorliegenden|angegebenen|vorhandenen) (?:informationen|beschreibung(?:en)?|"
        r"bildunterschrift(?:en)?|daten|angaben|koordinaten|texte?n?|sätzen?|kontext)\b"),
        True,
        r"bereitgestellt|gegebenen|vorliegenden|angegebenen",
    ),
    (
        "koordinaten|objektliste|zeitstempel|hüllrechteck|begrenzungsbox|bounding",
        (r"\b(?:die|den|der|mit|deren|dessen|ihre[rn]?|seine[rn]?) koordinaten\b|\bobjektlisten?\b|\bbei zeitstempel\b|"
        r"\bzeitstempel \d|\bhüllrechtecke?\b|\bbegrenzungsbox(?:en)?\b|\bbounding-?box(?:en)?\b"),
        False,
        r"koordinaten|objektlist|zeitstempel|begrenzungsbox|bounding",
    ),
    ("erwähnt|beschrieben", r"\bwie (?:oben )?(?:erwähnt|beschrieben|angegeben)\b(?! (?:auf|am|von)\b)", True, r"erwähnt|beschrieben|angegeben"),
    # French
    (
        "description|légende|annotation|informations|phrases",
        (r"\b(?:selon|d'après|suivant|conformément à|comme (?:mentionné|indiqué|décrit) dans|sur la base de|en se basant sur|"
        r"basé sur|à partir de) (?:la|les|l'|cette|ces)\s?(?:descriptions?|légendes?|annotations?|informations?|phrases|"
        r"coordonnées|boîtes?)\b(?! (?:sur|du panneau|de l'affiche) )|"
        r"\bdans (?:la|les) (?:descriptions?|légendes?) (?:de l'image|fournies?|données?)|"
        r"\b(?:la|les) (?:descriptions?|légendes?|annotations?) (?:mentionne|indique|précise|décri|ne (?:mentionne|précise))\w*"),
        True,
        r"description|gende|annotation|informations|phrases",
    ),
    (
        "fournies|fournis|fournie",
        r"\b(?:informations|descriptions?|légendes?|données|coordonnées|phrases|contexte|texte) (?:\w+ )?fourni(?:e?s?)\b",
        True,
        r"fourni",
    ),
    (
        "coordonnées|cadre de délimitation|boîte de délimitation|boite englobante|horodatage",
        (r"\b(?:les|ses|leurs|aux|des|avec) coordonnées\b(?! (?:gps|du magasin|de contact|téléphoniques|bancaires))|"
        r"\b(?:cadres?|bo[iî]tes?) (?:de délimitation|englobante?s?)\b|\bhorodatages?\b"),
        False,
        r"coordonn|limitation|englobante|horodatage",
    ),
    # Spanish
    (
        "descripción|descripciones|leyenda|anotaci|información|pie de foto|subtítulo|oraciones|frases",
        (r"\b(?:según|de acuerdo con|conforme a|basándo(?:se|me|nos) en|en base a|a partir de|tal como se (?:menciona|indica|describe) "
        r"en|como se (?:menciona|indica|describe) en) (?:la|las|el|los|esta|estas) (?:descripci(?:ón|ones)|leyendas?|"
        r"anotaci(?:ón|ones)|información|pies? de foto|subtítulos?|oraciones|frases|coordenadas)\b"
        r"(?! (?:del cartel|en el|en la|que se ve)\b)|"
        r"\b(?:la|las) (?:descripci(?:ón|ones)|leyendas?|anotaci(?:ón|ones)) (?:\w+ )?(?:menciona|indica|dice|señala|describe|"
        r"no menciona)\w*(?! (?:el cartel)\b)"),
        True,
        r"descripci|leyenda|anotaci|informaci|\bpie\b|oraciones|frases",
    ),
    (
        "proporcionad|dada|dado",
        (r"\b(?:información|descripci(?:ón|ones)|leyendas?|datos|contexto|texto|coordenadas|oraciones) (?:\w+ )?"
        r"(?:proporcionad|facilitad|suministrad)[oa]s?\b"),
        True,
        r"proporcionad|facilitad|suministrad",
    ),
    (
        "coordenadas|cuadro delimitador|caja delimitadora|recuadro|marca de tiempo",
        (r"\b(?:las|sus|con|de|en) coordenadas\b(?! gps)|\bcuadros? (?:delimitador(?:es)?|de delimitación)\b|"
        r"\bcajas? delimitadoras?\b|\brecuadros? delimitador(?:es)?\b|\bmarcas? de tiempo\b"),
        False,
        r"coordenadas|delimita|\bmarcas?\b",
    ),
)  # fmt: skip
"""Languages with spaces between words; beside ``LEAKS``."""

UNSPACED: Final[tuple[Row, ...]] = (
    # Chinese
    (
        "描述|标题|標題|说明|說明|信息|資訊|字幕|句子|注释",
        (r"(?:根据|根據|按照|依据|依據|基于|基於|从|從|如|正如|由)(?:所?提供的?|给出的?|給出的?|上述|以上|这些|這些|该|該|文中|文字|图像|圖像|图片|圖片|画面|"
        r"场景|的|中)*(?:描述|标题|標題|图注|圖註|说明文字|說明文字|文字说明|注释|註釋|信息|資訊|句子|上下文)(?:中|里|裡|可知|可以|来看|來看|，|,|所|显示|顯示|推断|提到|提供)|"
        r"(?:描述|标题|標題|图注|说明文字|注释|信息|资料)(?:中|里|裡)?(?:没有|沒有|并未|並未|未|明确)?(?:提到|提及|指出|说明了|提供了|表明|显示了|写道)"),
        True,
        "",
    ),
    (
        "坐标|座標|框|标注|標註|时间戳|時間戳|检测",
        (r"(?:其|的|这些|該|该|物体|目标|边界|像素|归一化)坐标|坐标(?:范围|显示|表明|为|是|信息|位置)|座標(?:範圍|顯示|為|是|資訊)|检测框|包围框|包圍框|定界框|"
        r"目标框|(?:图像|图片|人工|数据集)(?:的)?(?:标注|標註)|(?:标注|標註)(?:中|的物体|的目标|显示|顯示|列表)|时间戳|時間戳|检测到的(?:物体|目标|对象)|(?:物体|对象)列表"),
        False,
        "",
    ),
    # Japanese
    (
        "キャプション|説明|記述|情報|注釈|アノテーション|文章",
        (r"(?:キャプション|画像の説明|説明文|説明|記述|注釈|アノテーション|提供された(?:情報|説明|文章|テキスト|文)|与えられた(?:情報|説明|文章|テキスト|文)|上記の(?:情報|説明|文))"
        r"(?:によると|によれば|に基づ|をもとに|から判断|では|には|にある|にも|で述べ|に記載|に書か|から(?:は|分か|わか))|"
        r"(?:説明|記述|キャプション)(?:は|が)(?:ありません|言及|示して|述べて)"),
        True,
        "",
    ),
    (
        "座標|ボックス|枠|タイムスタンプ|検出|物体リスト|オブジェクト",
        r"(?:その|の|物体|ピクセル|正規化)座標|座標(?:から|に|値|情報)|バウンディング|境界ボックス|境界枠|検出枠|タイムスタンプ|検出された(?:物体|オブジェクト)|(?:物体|オブジェクト)(?:の)?(?:リスト|一覧)",
        False,
        "",
    ),
    # Korean
    (
        "설명|캡션|정보|문장|주석|자막",
        (r"(?:제공된|주어진|위의|해당|이미지|사진)\s?(?:의\s)?(?:설명|캡션|정보|문장|주석|텍스트)(?:에 따르면|에 의하면|을 바탕으로|를 바탕으로|에 기반|에서는?|에는|에\s)|"
        r"(?:설명|캡션|주석)(?:에 따르면|에 의하면|을 바탕으로|에 언급|에서 언급|에 명시|에는 (?:없|나와)|은 (?:언급|나타))"),
        True,
        "",
    ),
    (
        "좌표|바운딩|경계|타임스탬프|객체 목록|감지된|주석",
        r"좌표(?:를|에|값|로|상)|바운딩\s?박스|경계\s?(?:상자|박스)|타임스탬프|객체 목록|(?:감지|탐지|검출)된 (?:객체|물체)|주석 (?:데이터|정보)",
        False,
        "",
    ),
    # Arabic
    (
        "وصف|الوصف|التعليق|المعلومات|الجمل|الشرح",
        (r"(?:وفق[اًا]*\s?(?:ل|إلى\s)|بناءً?\s?على\s|بحسب\s|حسب\s|استناد[اًا]*\s?إلى\s|كما (?:هو )?(?:مذكور|ورد|ذكر|موضح) في\s)"
        r"(?:هذا\s|هذه\s)?(?:ا?ل)?(?:وصف|أوصاف|تعليق(?:ات)?|معلومات|جمل|شرح|نص|بيانات)(?!\s(?:على|المكتوب))|"
        r"(?:الوصف|التعليق|الأوصاف)\s(?:لا\s)?(?:يذكر|يشير|يصف|يوضح|تذكر|تشير)|المعلومات (?:المقدمة|المتوفرة|المعطاة)"),
        True,
        "",
    ),
    (
        "إحداثيات|المحيط|الإحاطة|الطابع الزمني|الكائنات المكتشفة",
        r"(?:ال|ب|ل|و)?إحداثيات|(?:ال)?مربع(?:ات)? (?:المحيطة?|الإحاطة|التحديد)|الصندوق المحيط|الطابع الزمني|(?:الكائنات|الأشياء) المكتشفة",
        False,
        "",
    ),
)  # fmt: skip
"""Languages that their letters tell; beside ``LEAKS_UNSPACED``."""
