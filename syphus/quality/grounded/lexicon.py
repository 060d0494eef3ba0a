"""What a word can mean: the tables of :mod:`syphus.quality.grounded.things` made ready for looking up.

Everything is made once, at import (about ten milliseconds); what is asked of it afterwards is a lookup in a dict.
"""

from syphus.quality.grounded.brings import BRINGS
from syphus.quality.grounded.things import COCO, OTHER, WEAK

_IRREGULAR = {
    "man": "men", "woman": "women", "child": "children", "person": "people", "foot": "feet", "tooth": "teeth",
    "mouse": "mice", "goose": "geese", "calf": "calves", "knife": "knives", "wolf": "wolves", "loaf": "loaves",
    "shelf": "shelves", "scarf": "scarves", "ox": "oxen", "toothbrush": "toothbrushes", "policeman": "policemen",
    "policewoman": "policewomen", "fireman": "firemen", "businessman": "businessmen", "gentleman": "gentlemen",
    "fisherman": "fishermen", "snowman": "snowmen", "businesswoman": "businesswomen", "cameraman": "cameramen",
    "sportsman": "sportsmen", "wife": "wives", "leaf": "leaves", "buffalo": "buffalo", "bison": "bison", "deer": "deer",
    "aircraft": "aircraft", "sheep": "sheep", "fish": "fish", "shrimp": "shrimp", "moose": "moose", "cactus": "cacti",
    "hoof": "hooves", "octopus": "octopuses", "piano": "pianos", "photo": "photos", "sandbox": "sandboxes",
}  # fmt: skip

_PLAIN = frozenset(
    """
    auto bar bun chick clothes coach coffee control controller cooker cooler couple crane crowd cycle
    device dessert disc disk display drier drink dryer fern flower friend fighter glass group
    guest handler individual island king lab lavatory light local luggage male female member metro mobile model
    owner paddle palm parent participant pass pilot plant pot prince queen railroad railway range ram
    resident restroom bathroom seating seat senior sheet shepherd sign signal slider staff sub subway team
    beverage trailer trunk tug urn vessel viewer visitor watch wii wine wrap youth bust slide swing
    iron drill tank mat stud sun scanner washer basin range bearer tram buffet counter cart pen auto batter host
    dart python jaguar mustang cardinal lime squash corn harp drum anchor seal slug bee mule
    someone somebody anyone everyone folk men flute planter urinal range heel rocket plane toy clutch sheet
    audience customer patron driver passenger player worker engineer artist performer operator nurse teacher student
    mother father son daughter brother sister husband wife trainer spectator bystander onlooker pedestrian commuter
    traveler traveller tourist shopper diner eater attendee coach opponent teammate cook chef waiter farmer vendor
    family baker butcher viewer resident elder individual human adult teenager teen jogger hiker runner athlete
    blade dagger album binder magazine novel notebook booklet pastry pie dessert jug flask
    canopy tarp shrub bush range mare steer foal colt buck hog
    """.split()
)
"""Words that support a thing where an annotation has them, and claim nothing in an answer: they mean too many things, or
stand for people who are spoken of in general ("the driver must take care")."""


def _plural(word: str) -> str:
    head, space, last = word.rpartition(" ")
    return head + space + _plural_of(last)


def _plural_of(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith(("s", "x", "ch", "sh", "z")):
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    if word in {"tomato", "potato", "mango", "hero", "volcano", "flamingo"}:
        return word + "es"
    return word + "s"


def _read() -> tuple[dict[str, frozenset[str]], dict[str, str], dict[str, str], dict[str, frozenset[str]]]:
    meanings: dict[str, set[str]] = {}
    kinds: dict[str, str] = {}
    singular: dict[str, str] = {}
    strong: dict[str, set[str]] = {"coco": set(), "other": set(), "weak": set()}
    for name, table in (("coco", COCO), ("other", OTHER), ("weak", WEAK)):
        for line in table.strip().splitlines():
            left, _, right = line.partition(":")
            thing, _, kind = (part.strip() for part in left.partition("<"))
            strong[name].add(thing)
            if kind:
                kinds[thing] = kind
            for word in (thing, *(word.strip() for word in right.split(",") if word.strip())):
                as_it_is = word.startswith("=")
                word = word.removeprefix("=").replace("-", " ")  # noqa: PLW2901
                meanings.setdefault(word, set()).add(thing)
                if not as_it_is:
                    more = _plural(word)
                    meanings.setdefault(more, set()).add(thing)
                    if more != word:
                        singular.setdefault(more, word)
    return (
        {word: frozenset(things) for word, things in meanings.items()},
        kinds,
        singular,
        {name: frozenset(things) for name, things in strong.items()},
    )


MEANINGS, KINDS, SINGULAR, _STRENGTHS = _read()
"""Word or phrase -> the things that it may mean; thing -> its kind; plural -> singular."""
COCO_THINGS = _STRENGTHS["coco"]
"""The 80 classes of COCO."""
WEAK_THINGS = _STRENGTHS["weak"]
"""Things that annotations leave out."""
WORDS = frozenset(word for word in MEANINGS if " " not in word)
"""The words that may mean a thing."""
PHRASES = {word: things for word, things in MEANINGS.items() if " " in word}
"""As ``MEANINGS``, of several words each."""
PHRASES_BY_START: dict[str, tuple[str, ...]] = {}
for _phrase in PHRASES:
    PHRASES_BY_START[_phrase.split()[0]] = (*PHRASES_BY_START.get(_phrase.split()[0], ()), _phrase)
PHRASE_STARTS = frozenset(PHRASES_BY_START)
PLAIN_WORDS = _PLAIN | frozenset(_plural_of(word) for word in _PLAIN)
MEMBERS = {kind: frozenset(thing for thing, own in KINDS.items() if own == kind) for kind in set(KINDS.values())}
"""Kind -> the things of that kind."""


def _supports() -> dict[str, frozenset[str]]:
    supports = {}
    for word, things in MEANINGS.items():
        supports[word] = things | {KINDS[thing] for thing in things if thing in KINDS}
    for line in BRINGS.strip().splitlines():
        word, _, brought = line.partition(":")
        more = frozenset(part.strip() for part in brought.split(","))
        for form in (word, _plural_of(word)) if word in MEANINGS else (word,):
            supports[form] = supports.get(form, frozenset()) | more
    return supports


SUPPORTS = _supports()
"""Word or phrase -> the things, and kinds, that may be spoken of where an annotation has it."""
SUPPORTING = frozenset(word for word in SUPPORTS if " " not in word)


def singular_of(word: str) -> str:
    """The singular of a word of the tables, the word itself of others that do not look like a plural."""
    if word in SINGULAR:
        return SINGULAR[word]
    if word in MEANINGS or len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    return word[:-3] + "y" if word.endswith("ies") else word[:-1]


def is_plural(word: str) -> bool:
    """True for the plural of a word of the tables that is no singular too."""
    return word in SINGULAR


def things_of_label(label: str) -> frozenset[str]:
    """What an annotation's label means: the thing of that name, else the things that its last words may mean.

    The label's own thing comes first: the label ``mouse`` is COCO's, and ``bus`` no coach.
    """
    name = " ".join(label.lower().replace("_", " ").replace("-", " ").split("(")[0].split())
    if name in COCO_THINGS or name in KINDS:
        return frozenset({name})
    words = name.split()
    for start in range(len(words)):
        found = MEANINGS.get(" ".join(words[start:]))
        if found:
            return found
    return frozenset()


def things_of(words: list[str], at: int) -> tuple[frozenset[str], int]:
    """What the word at ``at``, with those before it, means, and where its phrase begins: the longest phrase counts."""
    for length in (3, 2):
        begin = at - length + 1
        if begin >= 0 and (found := PHRASES.get(" ".join(words[begin : at + 1]))):
            return found, begin
    return MEANINGS.get(words[at], frozenset()), at
