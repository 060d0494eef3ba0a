"""Words of English questions, for :mod:`syphus.quality.sets.questions`: the closed classes whole, of verbs the common ones."""

from typing import Final

DO: Final = frozenset("do does did don't doesn't didn't".split())
AUXILIARIES: Final = (
    frozenset("is are was were am be been being isn't aren't wasn't weren't has have had hasn't haven't hadn't".split())
    | DO
)
MODALS: Final = frozenset(
    "can could should would will might may must shall can't couldn't shouldn't wouldn't won't".split()
)
WH_WORDS: Final = frozenset("what which who whom whose where when why how".split())
DETERMINERS: Final = frozenset(
    """
    the a an this that these those his her its their my your our some any each every both all no another other others
    several many much few more most one two three four five six seven eight nine ten enough following given provided
    """.split()
)
PRONOUNS: Final = frozenset(
    """
    it they he she you we i them him us me someone anyone somebody anybody something anything everything everyone nothing
    there here itself themselves himself herself each
    """.split()
)
PREPOSITIONS: Final = frozenset(
    """
    in on at of from with by for to into onto near behind under above below beside besides between around over through
    across toward towards about against along during before after as like than within without inside outside off up down
    out beneath underneath among per via upon next regarding concerning
    """.split()
)
CONJUNCTIONS: Final = frozenset(
    "and or but if while because so though although since unless whether when where".split()
)
BOUNDARIES: Final = PREPOSITIONS | CONJUNCTIONS | WH_WORDS
ADVERBS: Final = frozenset(
    """
    also currently likely very really possibly mainly mostly probably just only still even actually exactly apparently
    please now then too together directly clearly briefly concisely thoroughly carefully already overall not
    approximately primarily specifically usually typically forward backward back down away together
    """.split()
)
ASIDES: Final = frozenset("and so but ok okay well hi hello now based first then also next yes no image".split()) | {
    "<image>"
}
NO_NOUNS: Final = frozenset(
    """
    noteworthy legal illegal prior important necessary beneficial suitable safe dangerous visible present shown seen able different same main specific certain possible likely else exactly many much other
    various available such own clear common typical usual obvious apparent similar unusual unique interesting
    detailed comprehensive descriptive brief concise short thorough rich clear vivid holding long tall old big large small
    full new good whole left-hand right-hand
    """.split()
)
"""Words of which a question may speak, and that are no things."""
ENDINGLESS: Final = frozenset("kind type sort kinds types sorts variety style form number amount pair set".split())
"""Nouns that stand before what is meant: a kind of vehicle."""
ING_NOUNS: Final = frozenset(
    """
    building ceiling clothing painting thing king ring string wing evening morning railing awning lighting setting swing
    spring wedding meeting crossing parking drawing earring during anything something nothing everything sibling duckling
    dressing icing frosting topping filling seasoning marking carving greeting feeling meaning opening lining pudding
    clearing sibling surfing skiing skateboarding snowboarding stuffing covering flooring siding fencing furnishing
    sling sting plumbing wiring beijing boeing advertising engineering
    """.split()
)
"""Nouns that end as participles do."""
IRREGULAR_PLURALS: Final = {
    "men": "man", "women": "woman", "children": "child", "people": "person", "persons": "person", "feet": "foot",
    "teeth": "tooth", "mice": "mouse", "geese": "goose", "knives": "knife", "leaves": "leaf", "shelves": "shelf",
    "wolves": "wolf", "loaves": "loaf", "scarves": "scarf", "halves": "half", "lives": "life", "wives": "wife",
    "calves": "calf", "buses": "bus", "glasses": "glasses", "sunglasses": "sunglasses", "pants": "pants",
    "clothes": "clothes", "scissors": "scissors", "jeans": "jeans", "shorts": "shorts", "tennis": "tennis", "gas": "gas",
    "potatoes": "potato", "tomatoes": "tomato", "dishes": "dish", "series": "series", "species": "species",
    "movies": "movie", "cookies": "cookie", "ties": "tie", "pies": "pie", "shoes": "shoe", "lens": "lens",
    "canoes": "canoe", "news": "news", "colours": "colour", "hypotheses": "hypothesis", "analyses": "analysis",
    "zombies": "zombie", "selfies": "selfie", "hoodies": "hoodie", "brownies": "brownie", "smoothies": "smoothie",
}  # fmt: skip
IRREGULAR_VERBS: Final = {
    "seen": "see", "saw": "see", "shown": "show", "held": "hold", "made": "make", "taken": "take", "took": "take",
    "worn": "wear", "wore": "wear", "written": "write", "wrote": "write", "drawn": "draw", "built": "build",
    "given": "give", "gave": "give", "gone": "go", "went": "go", "done": "do", "known": "know", "found": "find",
    "thrown": "throw", "threw": "throw", "eaten": "eat", "ate": "eat", "driven": "drive", "ridden": "ride",
    "caught": "catch", "bought": "buy", "brought": "bring", "kept": "keep", "left": "leave", "lit": "light",
    "hung": "hang", "stuck": "stick", "worked": "work", "sold": "sell", "sent": "send", "spent": "spend",
    "spoken": "speak", "stood": "stand", "sat": "sit", "lain": "lie", "laid": "lay", "broken": "break", "chosen": "choose",
    "hidden": "hide", "fed": "feed", "led": "lead", "met": "meet", "paid": "pay", "read": "read", "said": "say",
    "told": "tell", "taught": "teach", "thought": "think", "understood": "understand", "woken": "wake", "won": "win",
    "worn-out": "wear", "bent": "bend", "blown": "blow", "flown": "fly", "grown": "grow", "ran": "run", "spread": "spread",
    "put": "put", "cut": "cut", "set": "set", "hit": "hit", "lying": "lie", "tying": "tie", "dying": "die", "using": "use",
    "posed": "pose", "has": "have", "had": "have", "does": "do", "did": "do", "is": "be", "are": "be", "was": "be",
    "were": "be",
}  # fmt: skip
VERBS: Final = frozenset(
    """
    be is are was were have do act add address adjust affect aim allow analyze analyse answer appear apply approach
    arrange ask assess assume attach attempt attend attract avoid balance bark base bathe be become begin believe belong
    benefit bend bite blow board bounce break bring browse brush build buy calculate call care carry cast catch cause
    celebrate change characterize chase check choose classify clean climb close collect color colour combine come
    communicate compare compete complete compose conclude conduct connect consider contain contribute convey cook count
    cover create cross cut dance deal decide decorate deduce define deliver demonstrate depict derive describe design
    detail detect determine develop differ direct discuss dine display distinguish dive do draw dress drink drive drop eat
    elaborate emphasize enable encounter encourage engage enhance enjoy enter ensure enumerate estimate evaluate examine
    exercise exist expect experience explain explore express extend face fall feature feed feel fight figure fill find
    finish fit fix float fly focus follow form frame gather generate get give glance go graze grow guess guide handle hang
    happen head hear help hide highlight hit hold identify illustrate imagine imply improve include indicate infer
    influence inform inspect intend interact interpret introduce involve jump keep kick kiss kneel know land lay lead lean
    learn leave let lie lift light line list listen live load locate look lose love make manage mark match mean measure
    meet mention mix mount move name narrate need note notice observe occur offer open operate order outline own pack
    paint park pass pay perform pet pick place plan play point pose position possess practice predict prepare present
    prevent produce promote protect prove provide pull push put raise reach react read rank recognize recommend reflect
    relate relax remain remove render repair replace reply represent request require respond rest reveal ride roll run
    sail say search seat see seem select sell send serve set shape share shine shop show sign sing sit skate ski sleep
    slice smell smile snowboard solve sort speak specify spell spend spread stack stand start state stay step stick stop
    store strike study suggest suit summarize summarise supply support suppose surf surround swim swing take talk taste
    tell tend test text think throw tie tilt touch trace train transcribe translate transport travel treat try turn
    understand unfold use utilize verify view visit wait wake walk want warn wash watch wear weigh win wonder work write
    yawn cycle grab crawl smoke swallow shake wrap clap wave whisper wipe yell
    """.split()
)
NOUN_VERBS: Final = frozenset(
    """
    address aim answer approach attempt base benefit bite board bounce break brush call care catch cause change chase
    check color colour compliment cook count cover cross cut dance deal design detail direct display dive dress drink
    drive drop exercise experience express face fall feature feed fight figure fill finish fit float focus form frame
    guess guide handle head help highlight hit hold influence interact jump kick kiss land lead lift light line list
    load look love mark match measure mix mount move name need note notice offer order outline paint park pass pet pick
    place plan play point pose position practice present produce promote push range rank reach record repair reply
    request rest ride roll run sail search seat set shape share shine shop show sign skate ski sleep slice smell smile
    snowboard sort spell spread stack stand start state stay step stick stop store strike study suit support surf
    surround swim swing talk taste test thought tie touch train transport travel treat turn use view visit wait walk
    wash watch wear wonder work cycle smoke wave
    """.split()
)
"""Verbs that are as often nouns: only what follows tells which."""
