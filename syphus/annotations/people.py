"""Who is in a scene: speakers of its subtitles and the people of a names file, in the order in which they appear.

A names file has a person a line: the name, other names behind commas, and, behind ``=``, how somebody who does not know them
would call them. A line in brackets says for which scenes the following lines hold: those whose id begins with it.

    Monica, Monica Geller = the woman in the red coat
    Ross
    [friends_s01e02]
    Monica = the woman with the apron
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from syphus.annotations.labels import clean
from syphus.annotations.reading import Problem, Report
from syphus.annotations.text_files import open_text
from syphus.annotations.videos.spoken import is_name
from syphus.records import Person, Scene, Segment
from syphus.references.people import find_names

_TITLES = frozenset(
    "Agent Aunt Captain Chief Colonel Detective Doctor Father General Grandma Grandpa Judge King Lady Lieutenant Lord Madame "
    "Major Master Miss Missus Mister Mother Mrs Nurse Officer President Prince Princess Prof Professor Queen Saint Santa Sergeant "
    "Sheriff Sir Sister Uncle".split()
)
_SECTION = re.compile(r"\[(.*)\]$")


class Listed(NamedTuple):
    """A person of a names file."""

    scenes: str
    """What the ids of the scenes begin with for which it holds; empty for all."""
    person: Person


class NameBook:
    """The people that a source knows of.

    Args:
        listed: of a names file (:func:`read_names`).
    """

    def __init__(self, listed: Iterable[Listed] = ()) -> None:
        self.listed = tuple(listed)
        self._heads = sorted({one.scenes for one in self.listed}, key=len)
        self._select = lru_cache(maxsize=64)(self._select_for)

    def find(self, scene_id: str) -> tuple[Person, ...]:
        """Those who may appear in a scene.

        Lines that share a name are one person; what the line says that names its scenes most closely goes first.
        """
        return self._select(tuple(head for head in self._heads if scene_id.startswith(head)))

    def _select_for(self, heads: tuple[str, ...]) -> tuple[Person, ...]:
        people: list[Person] = []
        owners: dict[str, int] = {}
        for person in (one.person for head in heads for one in self.listed if one.scenes == head):
            known = next((owners[name] for name in (person.name, *person.aliases) if name in owners), None)
            if known is None:
                known = len(people)
                people.append(person)
            else:
                people[known] = _merge(people[known], person)
            owners |= {name: known for name in (person.name, *person.aliases) if name not in owners}
        return tuple(people)


def _merge(before: Person, after: Person) -> Person:
    names = dict.fromkeys((before.name, after.name, *before.aliases, *after.aliases))
    aliases = tuple(name for name in names if name != before.name)
    return Person(name=before.name, aliases=aliases, looks=after.looks or before.looks)


def read_names(file: Path, report: Report) -> NameBook:
    """The people of a names file.

    Args:
        file: UTF-8, in the form above; ``#`` begins a comment.
        report: receives lines that name nobody.

    Raises:
        InputError: where it cannot be opened or is in another encoding.
    """
    with open_text(file, newline="\n") as stream:
        return NameBook(_parse_names(stream, file, report))


def _parse_names(lines: Iterable[str], file: Path, report: Report) -> Iterator[Listed]:
    scenes = ""
    for number, line in enumerate(lines, 1):
        bare = clean(line.removeprefix("\ufeff").partition("#")[0])
        section = _SECTION.match(bare)
        if not bare:
            continue
        if section:
            scenes = section[1].strip()
            continue
        names, _, looks = bare.partition("=")
        found = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
        if not found:
            message = f"names nobody: {bare[:60]!r}; a line is `Name, Other name = how they look`"
            report(Problem(file=str(file), place=f"line {number}", message=message))
            continue
        yield Listed(scenes, Person(name=found[0], aliases=tuple(found[1:]), looks=looks.strip()))


def make_person(speaker: str) -> Person:
    """A speaker as a person: ``Chandler Bing`` is also called Chandler."""
    first, _, rest = speaker.partition(" ")
    is_first_name = rest and rest[0].isupper() and len(first) > 2 and first.isalpha() and is_name(first)
    return Person(name=speaker, aliases=(first,) if is_first_name and first not in _TITLES else ())


def find_people(
    segments: Iterable[Segment], known: tuple[Person, ...] = (), texts: Iterable[str] = ()
) -> tuple[Person, ...]:
    """Those who speak or are named in a scene, in the order in which they appear.

    Args:
        segments: of the scene, by time. A speaker who is not among ``known`` is a new person, if called by a name.
        known: people of a names file, and speakers of the same series.
        texts: what else is said of the scene; its names come last.
    """
    owners = {name: person for person in reversed(known) for name in (*person.aliases, person.name)}
    met: dict[str, Person] = {}

    def meet(names: Iterable[str]) -> None:
        for name in names:
            person = owners.get(name) or owners.get(" ".join(name.split()))
            if person:
                met.setdefault(person.name, person)

    for segment in segments:
        speaker = segment.columns.get("speaker", "")
        if speaker and speaker not in owners and is_name(speaker):
            person = make_person(speaker)
            owners = dict.fromkeys((*person.aliases, speaker), person) | owners
        meet([speaker])
        for text in (*segment.columns.values(), segment.text) if known else ():
            meet(find_names(text, known))
    for text in texts if known else ():
        meet(find_names(text, known))
    return tuple(met.values())


def name_people(scene: Scene, book: NameBook) -> Scene:
    """The scene with those of ``book`` who appear in it, and with its speakers, behind the people that it has.

    People of the scene whom the book knows, by any of their names, become the book's.
    """
    listed = book.find(scene.id)
    owners = {name: person for person in reversed(listed) for name in (*person.aliases, person.name)}
    have = {person.name: person for person in (owners.get(person.name, person) for person in scene.people)}
    known = tuple(({person.name: person for person in listed} | have).values())
    texts = (*(caption.text for caption in scene.captions), *scene.prose)
    met = {person.name: person for person in find_people(scene.segments, known, texts)}
    people = tuple((have | met).values())
    return replace(scene, people=people) if people != scene.people else scene
