"""From a folder of text to a :class:`Category`, with every mistake in it named by file and place."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path

from msgspec import Struct, structs, to_builtins

import syphus
from syphus.categories.category import Category, CategoryFile, ChatStep, Demonstration, PickStep, Step, TemplateStep
from syphus.categories.demonstrations import read_accepted, read_demonstration
from syphus.categories.picking import FIELDS
from syphus.categories.templates import include_prompts, names_in
from syphus.decoding import decode_toml, read_text
from syphus.errors import InputError
from syphus.identity import fingerprint
from syphus.references.boxes import find_convention

CATEGORY_FILE = "category.toml"
ACCEPTED_FILE = "accepted.jsonl"
_SCENE_NAMES = (
    "scene.caption", "scene.captions", "scene.labels", "scene.ocr", "scene.prose", "scene.id", "context",
)  # fmt: skip
_PAIR_NAMES = ("pairs", "pairs.min", "pairs.max")
_JOB_PROMPTS = {"reply-format": ("form",), "repair": ("faults", "wanted")}
"""The shared prompts that go with every chat step, and what is put into them."""


class Library(Struct, frozen=True):
    """Where categories and shared prompts are looked for, the nearest first."""

    seeds: tuple[Path, ...]
    prompts: tuple[Path, ...]

    @classmethod
    def at(cls, *projects: Path) -> "Library":
        """``seeds/`` and ``prompts/`` in the given project folders, then those that come with syphus."""
        roots = [*projects, builtin_folder()]
        folders = {
            name: tuple(dict.fromkeys(path for root in roots if (path := root / name).is_dir()))
            for name in ("seeds", "prompts")
        }
        return cls(**folders)

    def category_names(self) -> list[str]:
        """All categories, as ``family/name``, each once."""
        found = {
            path.parent.relative_to(root).as_posix()
            for root in self.seeds
            for path in root.glob(f"*/*/{CATEGORY_FILE}")
        }
        return sorted(found)

    def category_folder(self, name: str) -> Path:
        """The folder of a category. Raises :class:`InputError` naming those that there are."""
        for root in self.seeds:
            if (root / name / CATEGORY_FILE).is_file():
                return root / name
        raise InputError(
            f"there is no category {name!r}",
            place=", ".join(str(root) for root in self.seeds),
            mend=f"Categories: {', '.join(self.category_names()) or 'none'}. `syphus new {name}` makes one.",
        )

    def own_folder(self, name: str) -> Path:
        """The folder of a category, to write into. Raises :class:`InputError` also for one that came with syphus.

        What came with syphus is replaced with it, and what was written there would be gone; in the checkout it is one's own.
        """
        folder = self.category_folder(name)
        ours = builtin_folder().resolve()
        if folder.resolve().is_relative_to(ours) and not Path.cwd().resolve().is_relative_to(ours):
            raise InputError(
                "may not be written to; it came with syphus",
                file=folder,
                mend=f"`syphus new mine/{folder.name} --like {name}` makes a copy of your own.",
            )
        return folder

    def shared_prompts(self) -> dict[str, str]:
        """Name (without ``.md``) -> text; the nearest folder wins."""
        texts: dict[str, str] = {}
        for root in reversed(self.prompts):
            texts.update({path.stem: read_text(path) for path in sorted(root.glob("*.md"))})
        return texts


def builtin_folder() -> Path:
    """The folder with the ``seeds/`` and ``prompts/`` that come with syphus: in the package, or the checkout it runs from."""
    package = Path(syphus.__file__).parent
    return package / "builtin" if (package / "builtin").is_dir() else package.parent


def load_category(name: str, library: Library, *, pool: bool = True) -> Category:
    """The category ``family/name``; without ``pool``, without the accepted replies that it may draw from.

    Raises:
        InputError: for a folder that is missing or wrong in any way, naming the file, the place and the mend.
    """
    folder = library.category_folder(name)
    toml = folder / CATEGORY_FILE
    file = decode_toml(read_text(toml), CategoryFile, file=toml)
    shared = library.shared_prompts()
    texts = {path.name: _with_prompts(path, shared) for path in sorted(folder.glob("*.md"))}
    lists = {path.stem: _read_list(path) for path in sorted(folder.glob("lists/*.txt"))}
    if (folder / "templates.txt").is_file():
        lists["templates"] = _read_list(folder / "templates.txt")
    _check_conventions(file, toml)
    _check_names(file, texts, lists, folder)
    demonstrations = tuple(read_demonstration(path, file) for path in sorted(folder.glob("demonstrations/*.json")))
    accepted = read_accepted(folder / ACCEPTED_FILE, file) if pool else ()
    texts |= _job_prompts(shared, library)
    return Category(
        name=name,
        file=file,
        demonstrations=demonstrations,
        accepted=accepted,
        texts=texts,
        lists=lists,
        fingerprint=_identify(file, texts, lists, (*demonstrations, *accepted)),
        own_context=file.context,
    )


def _identify(
    file: CategoryFile,
    texts: dict[str, str],
    lists: dict[str, tuple[str, ...]],
    demonstrations: tuple[Demonstration, ...],
) -> str:
    """The fingerprint of all that decides what is asked, and of nothing else: no notes, no names of files."""
    used: dict[str, str] = {}
    inline: list[str] = []
    for step in file.steps:
        if isinstance(step, ChatStep):
            names = (step.system, step.query, *(f"prompts/{name}" for name in _JOB_PROMPTS))
            used |= {name: texts[name] for name in names if name in texts}
        elif isinstance(step, TemplateStep):
            inline += step.texts(lists)
        inline += [f"{{{{{_pool_name(pool)}}}}}" for pool in _pools_of(step)]
    asked = {name.partition(":")[0] for text in (*used.values(), *inline) for name in names_in(text)}
    content = {
        "file": structs.replace(file, description=""),
        "texts": used,
        "lists": {name: lines for name, lines in lists.items() if _pool_name(name) in asked},
        "demonstrations": [
            (one.scene, one.replies, one.picked) if one.picked else (one.scene, one.replies) for one in demonstrations
        ],
    }
    return fingerprint(to_builtins(content))


def _job_prompts(shared: dict[str, str], library: Library) -> dict[str, str]:
    texts = {}
    for name, known in _JOB_PROMPTS.items():
        text = texts[f"prompts/{name}"] = shared.get(name, "")
        for unknown in set(names_in(text)) - set(known):
            file = next(root / f"{name}.md" for root in library.prompts if (root / f"{name}.md").is_file())
            raise InputError(
                f"there is no {{{{{unknown}}}}} to put in", file=file, mend=f"It may use: {', '.join(known)}."
            )
    return texts


def _check_conventions(file: CategoryFile, toml: Path) -> None:
    for block in ("objects", "keypoints", "regions", "ocr"):
        name = getattr(file.context, block).boxes
        if name != "none":
            try:
                find_convention(name)
            except InputError as error:
                raise InputError(
                    error.message, file=toml, place=f"context.{block}.boxes", mend=f"{error.mend} Or `none`."
                ) from error


def _with_prompts(path: Path, shared: dict[str, str]) -> str:
    try:
        return include_prompts(read_text(path), shared).strip()
    except KeyError as missing:
        known = ", ".join(f"prompts/{name}" for name in sorted(shared))
        raise InputError(f"there is no shared prompt {missing}", file=path, mend=f"There are: {known}.") from missing


def _read_list(path: Path) -> tuple[str, ...]:
    lines = (line.strip() for line in read_text(path).splitlines())
    kept = tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not kept:
        raise InputError("holds no line to draw", file=path, mend="One text a line; lines that begin with # are notes.")
    return kept


def _pool_name(name: str) -> str:
    return name if name == "templates" else f"lists.{name}"


def _check_names(file: CategoryFile, texts: dict[str, str], lists: dict[str, tuple[str, ...]], folder: Path) -> None:
    """Raises :class:`InputError` for a ``{{name}}`` that will not be there when its text is filled."""
    pools = {_pool_name(name): lines for name, lines in lists.items()}
    outputs: list[str] = []
    for step in file.steps:
        known = [*_SCENE_NAMES, *pools, *outputs]
        _check_pools(step, lists, folder)
        if isinstance(step, ChatStep):
            _check_texts(step, texts, folder)
        for source, text, names in _texts_of(step, texts, lists, known):
            for name in names_in(text):
                _check_name(name, names, pools, file=folder / source, where=f"step `{step.name}`")
        for choice in step.choose if isinstance(step, TemplateStep) else ():
            earlier = [name.partition(".")[0] for name in outputs]
            if choice.of is not None and choice.of not in earlier:
                raise InputError(
                    f"step `{step.name}` chooses by the words of `{choice.of}`, which is no earlier step",
                    file=folder / CATEGORY_FILE,
                    mend=f"Earlier steps: {', '.join(dict.fromkeys(earlier)) or 'none'}.",
                )
        outputs += output_names(step)
    _check_turns(file, outputs, folder)


def _check_turns(file: CategoryFile, outputs: list[str], folder: Path) -> None:
    # Turns are made of what the steps gave and nothing else; several pairs are no text.
    single = [name for name in outputs if not name.endswith(".pairs")]
    of_pair = _names_of_pair(file)
    for text in (text for one in file.dialogue.rounds for text in (one.user, one.assistant)):
        for name in names_in(text):
            _check_name(name, [*single, *of_pair], {}, file=folder / CATEGORY_FILE, where="[dialogue]")
    for text in (file.dialogue.keep or {}).values():
        for name in names_in(text):
            _check_name(name, single, {}, file=folder / CATEGORY_FILE, where="[dialogue] keep")


def _names_of_pair(file: CategoryFile) -> list[str]:
    """What may be put in of a pair that becomes a round."""
    step = next((one for one in file.steps if one.name == file.dialogue.pairs), None)
    if not isinstance(step, ChatStep):
        return []
    choice = ("options", "letter") if file.options and file.options.of else ()
    return [f"pair.{name}" for name in ("question", "answer", *step.fields, *choice)]


def _check_name(name: str, names: list[str], pools: dict[str, tuple[str, ...]], *, file: Path, where: str) -> None:
    base, colon, count = name.partition(":")
    if base not in names:
        near = get_close_matches(base, names, n=1)
        raise InputError(
            f"{where} has no {{{{{name}}}}} to put in",
            file=file,
            mend=(f"Did you mean {{{{{near[0]}}}}}? " if near else "")
            + f"It may use: {', '.join(names) or 'nothing'}.",
        )
    if colon and not (base in pools and count.isdecimal() and 1 <= int(count) <= len(pools[base])):
        most = f"a number from 1 to {len(pools[base])}" if base in pools else "nothing: only lists are drawn from"
        raise InputError(f"{where}: {{{{{name}}}}} cannot be drawn", file=file, mend=f"Behind the colon stands {most}.")


def _check_pools(step: Step, lists: dict[str, tuple[str, ...]], folder: Path) -> None:
    """Raises :class:`InputError` for a list that a step names, otherwise than by ``{{lists.name}}``, and that is not there."""
    for pool in _pools_of(step):
        if pool not in lists:
            raise InputError(
                f"step `{step.name}`: there is no list lists/{pool}.txt",
                file=folder / CATEGORY_FILE,
                mend=f"There are: {', '.join(lists) or 'none'}.",
            )


def _pools_of(step: Step) -> tuple[str, ...]:
    if isinstance(step, ChatStep):
        return tuple((step.one_of or {}).values())
    pool = step.pool if isinstance(step, TemplateStep) else step.vocabulary
    return (pool,) if pool else ()


def _check_texts(step: ChatStep, texts: dict[str, str], folder: Path) -> None:
    for field, name in (("system", step.system), ("query", step.query)):
        # Either of the two may be left out; one that is asked for by another name must be there.
        if name not in texts and name != f"{field}.md":
            raise InputError(
                f"step `{step.name}`: there is no file {name}",
                file=folder / CATEGORY_FILE,
                mend=f"There are: {', '.join(texts) or 'none'}.",
            )
    if not (texts.get(step.system) or texts.get(step.query)):
        raise InputError(f"step `{step.name}` has neither {step.system} nor {step.query}", file=folder)


def _texts_of(
    step: Step, texts: dict[str, str], lists: dict[str, tuple[str, ...]], known: list[str]
) -> Iterator[tuple[str, str, list[str]]]:
    if isinstance(step, TemplateStep):
        file = f"lists/{step.pool}.txt" if step.pool else CATEGORY_FILE
        for text in step.texts(lists):
            yield file, text, known
    elif isinstance(step, ChatStep):
        pairs = list(_PAIR_NAMES) if step.pairs else []
        # The system message is the same for all scenes, so that providers can keep it in their prefix cache.
        yield step.system, texts.get(step.system, ""), pairs
        yield step.query, texts.get(step.query, ""), [*known, *pairs]


def output_names(step: Step) -> list[str]:
    """The names under which later steps find what this one gave."""
    if isinstance(step, TemplateStep):
        return [f"{step.name}.text"]
    if isinstance(step, PickStep):
        return [f"{step.name}.{field}" for field in FIELDS[step.of]]
    return [f"{step.name}.{field}" for field in (("pairs",) if step.pairs else step.fields)]


def load_categories(names: Iterable[str], library: Library) -> list[Category]:
    """Several categories, in the order named; ``llava/*`` stands for a whole family."""
    chosen: dict[str, None] = {}
    for name in names:
        if name.endswith("/*"):
            family = [one for one in library.category_names() if one.startswith(name[:-1])]
            if not family:
                known = ", ".join(library.category_names())
                raise InputError(f"there is no category in {name!r}", mend=f"Categories: {known or 'none'}.")
            chosen |= dict.fromkeys(family)
        else:
            chosen[name] = None
    return [load_category(name, library) for name in chosen]
