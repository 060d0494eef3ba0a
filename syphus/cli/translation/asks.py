"""With what ``syphus translate`` asks: what the user wants of each language."""

import argparse
from pathlib import Path

from syphus.categories.category import Category, CategoryFile, ChatStep, DialogueShape
from syphus.decoding import parse_toml, read_text
from syphus.errors import InputError
from syphus.jobs.translation_asking import REPAIRS
from syphus.jobs.translation_prompts import TEMPERATURE, Terms, TranslationPrompts
from syphus.quality.translation.languages import Language


def read_terms(
    arguments: argparse.Namespace, languages: tuple[Language, ...]
) -> tuple[dict[str, Terms], tuple[str, ...]]:
    """Style, glossary and locked names of each language, by its tag; and the names alone.

    Raises:
        InputError: a file cannot be read, or says something of no language that is asked for.
    """
    names = _read_names(Path(arguments.names)) if arguments.names else ()
    styles = _read_styles(arguments.style or "", languages)
    glossaries = _read_glossary(Path(arguments.glossary)) if arguments.glossary else {}
    known = {one.tag for one in languages} | {one.code for one in languages} | {"all"}
    if glossaries and not known & glossaries.keys():
        tables = ", ".join(f"[{name}]" for name in glossaries)
        raise InputError(
            f"has no terms for {', '.join(one.tag for one in languages)}",
            file=arguments.glossary,
            mend=f"It has {tables}.",
        )
    terms = {}
    for language in languages:
        glossary = {
            term: wanted
            for name in ("all", language.code, language.tag)
            for term, wanted in glossaries.get(name, {}).items()
        }
        terms[language.tag] = Terms(style=styles[language.tag], glossary=tuple(glossary.items()), names=names)
    return terms, names


def _read_styles(text: str, languages: tuple[Language, ...]) -> dict[str, str]:
    """``formal``, or ``de=formal,fr=informal``."""
    styles = dict.fromkeys((one.tag for one in languages), "")
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) == 1 and "=" not in parts[0]:
        parts = [f"{tag}={parts[0]}" for tag in styles]
    for part in parts:
        tag, sign, style = part.partition("=")
        if not sign or style not in ("formal", "informal"):
            raise InputError(
                f"{part!r} is no style",
                place="--style",
                mend="formal or informal, or for each language: de=formal,fr=informal",
            )
        if tag not in styles:
            raise InputError(f"{tag} is not translated into", place="--style", mend=f"--to has {', '.join(styles)}.")
        styles[tag] = style
    return styles


def _read_glossary(file: Path) -> dict[str, dict[str, str]]:
    data = parse_toml(read_text(file), file=file)
    mend = 'A table for each language: [zh], and in it a term and its translation: "fire hydrant" = "消防栓".'
    for tag, table in data.items():
        if not isinstance(table, dict):
            raise InputError(f"`{tag}` stands in no table of a language", file=file, mend=mend)
        for term, wanted in table.items():
            if not (isinstance(wanted, str) and wanted.strip() and term.strip()):
                raise InputError("is no text", file=file, place=f"{tag}.{term}", mend=mend)
    return data


def _read_names(file: Path) -> tuple[str, ...]:
    lines = (line.strip() for line in read_text(file).splitlines())
    names = tuple(sorted({line for line in lines if line and not line.startswith("#")}))
    if not names:
        raise InputError("holds no name", file=file, mend="One name a line; lines that begin with # are notes.")
    return names


def category_for(prompts: TranslationPrompts) -> Category:
    """A language as the connection and the plan know a category: a name, and a step with what is sent."""
    step = ChatStep(
        name="dialogue",
        fields=("text",),
        temperature=TEMPERATURE,
        max_tokens=4096,
        reasoning_effort=prompts.reasoning_effort,
    )
    shape = DialogueShape(user="-", assistant="{{dialogue.text}}")
    file = CategoryFile(ability="perception", steps=(step,), dialogue=shape)
    return Category(
        name=prompts.category,
        file=file,
        demonstrations=(),
        texts={},
        lists={},
        fingerprint="",
        own_context=file.context,
        repairs=REPAIRS,
    )
