"""From a folder of text to a :class:`Category`, with every mistake in it named by file and place."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct, to_builtins

import syphus
from syphus.categories.category import Category, CategoryFile, ChatStep, Demonstration, Step, TemplateStep
from syphus.categories.templates import include_prompts, names_in
from syphus.decoding import convert, decode_json, decode_toml, read_text
from syphus.errors import InputError
from syphus.identity import fingerprint
from syphus.records import Scene

CATEGORY_FILE = "category.toml"
_SCENE_NAMES = ("scene.caption", "scene.captions", "scene.labels", "scene.id", "context")
_PAIR_NAMES = ("pairs", "pairs.min", "pairs.max")


class Library(Struct, frozen=True):
    """Where categories and shared prompts are looked for, the nearest first."""

    seeds: tuple[Path, ...]
    prompts: tuple[Path, ...]

    @classmethod
    def at(cls, *projects: Path) -> "Library":
        """``seeds/`` and ``prompts/`` in the given project folders, then those that come with syphus."""
        roots = [*projects, builtin_folder()]
        folders = {name: tuple(dict.fromkeys(path for root in roots if (path := root / name).is_dir())) for name in ("seeds", "prompts")}
        return cls(**folders)

    def category_names(self) -> list[str]:
        """All categories, as ``family/name``, each once."""
        found = {path.parent.relative_to(root).as_posix() for root in self.seeds for path in root.glob(f"*/*/{CATEGORY_FILE}")}
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


def load_category(name: str, library: Library) -> Category:
    """The category ``family/name``.

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
    demonstrations = tuple(_read_demonstration(path, file) for path in sorted(folder.glob("demonstrations/*.json")))
    reply_form = shared.get("reply-format", "")
    _check_names(file, texts, lists, folder)
    identity = fingerprint(
        to_builtins({"file": file, "texts": texts, "lists": lists, "reply": reply_form, "demos": demonstrations})
    )
    texts["prompts/reply-format"] = reply_form
    texts["prompts/repair"] = shared.get("repair", "")
    return Category(
        name=name, file=file, demonstrations=demonstrations, texts=texts, lists=lists, fingerprint=identity, own_context=file.context
    )


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


class _DemonstrationFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One JSON file of ``demonstrations/``; ``reply`` is short for the replies of a category with one chat step."""

    scene: Scene
    reply: dict[str, Any] | None = None
    replies: dict[str, dict[str, Any]] = {}
    note: str = ""


def _read_demonstration(path: Path, file: CategoryFile) -> Demonstration:
    raw = decode_json(read_text(path), _DemonstrationFile, file=path)
    steps = [step.name for step in file.steps if isinstance(step, ChatStep)]
    replies = dict(raw.replies)
    if raw.reply is not None and len(steps) == 1:
        replies[steps[0]] = raw.reply
    if sorted(replies) != sorted(steps):
        raise InputError(
            f"has replies for {sorted(replies) or 'no step'}, but the chat steps are {steps}",
            file=path,
            place="$.replies",
            mend='Give `"replies": {"step": {...}}` with one reply for each chat step.',
        )
    return convert(
        {"scene": to_builtins(raw.scene), "replies": replies, "file": path.name, "note": raw.note}, Demonstration, file=path
    )


def _check_names(file: CategoryFile, texts: dict[str, str], lists: dict[str, tuple[str, ...]], folder: Path) -> None:
    """Raises :class:`InputError` for a ``{{name}}`` that will not be there when its text is filled."""
    pools = [name if name == "templates" else f"lists.{name}" for name in lists]
    known = [*_SCENE_NAMES, *pools]
    for step in file.steps:
        for source, text, names in _texts_of(step, texts, known):
            for name in names_in(text):
                if name.partition(":")[0] not in names:
                    raise InputError(
                        f"step `{step.name}` has no {{{{{name}}}}} to put in",
                        file=folder / source,
                        mend=f"It may use: {', '.join(names)}.",
                    )
        known += output_names(step)
        if isinstance(step, ChatStep) and not (texts.get(step.system) or texts.get(step.query)):
            raise InputError(f"step `{step.name}` has neither {step.system} nor {step.query}", file=folder)
    for name in (*names_in(file.dialogue.user), *names_in(file.dialogue.assistant)):
        if name.partition(":")[0] not in known:
            raise InputError(
                f"[dialogue] has no {{{{{name}}}}} to put in",
                file=folder / CATEGORY_FILE,
                mend=f"It may use: {', '.join(known)}.",
            )


def _texts_of(step: Step, texts: dict[str, str], known: list[str]) -> Iterator[tuple[str, str, list[str]]]:
    if isinstance(step, TemplateStep):
        for text in (step.text, *(choice.text for choice in step.choose)):
            yield CATEGORY_FILE, text, known
    else:
        # The system message is the same for all scenes, so that providers can keep it in their prefix cache.
        yield step.system, texts.get(step.system, ""), [*_PAIR_NAMES]
        yield step.query, texts.get(step.query, ""), [*known, *_PAIR_NAMES]


def output_names(step: Step) -> list[str]:
    """The names under which later steps find what this one gave."""
    if isinstance(step, TemplateStep):
        return [f"{step.name}.text"]
    return [f"{step.name}.{field}" for field in (step.fields or ("pairs",))]


def load_categories(names: Iterable[str], library: Library) -> list[Category]:
    """Several categories, in the order named; ``llava/*`` stands for a whole family."""
    chosen: dict[str, None] = {}
    for name in names:
        if name.endswith("/*"):
            family = [one for one in library.category_names() if one.startswith(name[:-1])]
            if not family:
                raise InputError(f"there is no category in {name!r}")
            chosen |= dict.fromkeys(family)
        else:
            chosen[name] = None
    return [load_category(name, library) for name in chosen]
