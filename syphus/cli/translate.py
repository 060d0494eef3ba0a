"""``syphus translate``: a run, or anybody's dataset, into other languages."""

import argparse
import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import structs

import syphus
from syphus.categories.category import Category
from syphus.cli import view
from syphus.cli.datasets.model_choice import load_model_config
from syphus.cli.runs.connect import open_engine
from syphus.cli.runs.doing import do_work
from syphus.cli.runs.ending import end_early, tell_of_closed, tell_of_stop
from syphus.cli.runs.keep import shared_texts
from syphus.cli.runs.sending import asked_with, known_abilities, sent_seed
from syphus.cli.runs.summary import print_summary, summarise
from syphus.cli.runs.work import Interrupts
from syphus.cli.runs.workload import Part, Work, check_batchable
from syphus.cli.translation.asks import category_for, read_terms
from syphus.cli.translation.export import check_export, export_translations
from syphus.cli.translation.memory import ask_memory
from syphus.cli.translation.plan import plan_translation, show_plan
from syphus.cli.translation.source import Source, open_source
from syphus.config import Config
from syphus.engine.batch_packing import Packer, take_over
from syphus.engine.counters import Counters
from syphus.engine.dispatch import StoppedError
from syphus.engine.run import Engine
from syphus.errors import Exit, InputError, ModelError
from syphus.identity import digest
from syphus.jobs.translate import (
    MEMORY_ITEM,
    TranslateItem,
    category_of,
    make_items,
    planned_requests,
    translate_job,
    version_of,
)
from syphus.jobs.translation_back import draw_sample, translate_back
from syphus.jobs.translation_memory import Memory, make_memory
from syphus.jobs.translation_prompts import Terms, TranslationPrompts, make_prompts
from syphus.ledger.ledger import Ledger, open_ledger
from syphus.ledger.reader import LedgerReader
from syphus.ledger.store import LEDGER_FILE
from syphus.quality.translation.languages import Language, find_language
from syphus.quality.translation.meaning import compare_back
from syphus.records import Dialogue

_BEGUN = "translations drawn anew"
"""The ledger's name for the wish whose draws were written and whose work has not come to its end."""


class Translation(NamedTuple):
    """A translation that is ready to start."""

    config: Config
    source: Source
    origin: Language
    languages: tuple[Language, ...]
    terms: dict[str, Terms]
    """By the languages' tags."""
    texts: dict[str, str]
    """The shared prompts."""
    limit: int | None
    names: tuple[str, ...]
    prompts: dict[tuple[str, str], TranslationPrompts]
    """Those that were made already."""

    def prompts_of(self, origin: Language, language: Language) -> TranslationPrompts:
        """The prompts from one language into another."""
        key = (origin.tag, language.tag)
        if key not in self.prompts:
            self.prompts[key] = make_prompts(
                language,
                origin,
                self.terms.get(language.tag, Terms(names=self.names)),
                self.texts,
                category=category_of(language),
                sent_seed=sent_seed(self.config),
                reasoning_effort=self.config.model.reasoning_effort,
            )
        return self.prompts[key]

    def prompts_by_tag(self) -> dict[str, TranslationPrompts]:
        """The prompts from the source's language into each."""
        return {one.tag: self.prompts_of(self.origin, one) for one in self.languages}

    def dialogues(self) -> Iterator[Dialogue]:
        """The dialogues that are to be translated."""
        for number, dialogue in enumerate(self.source.read()):
            if self.limit is not None and number >= self.limit:
                return
            yield dialogue

    def items(self, memory: Memory, ledger: LedgerReader | None, settings: object) -> Iterator[TranslateItem]:
        """The items of the translation."""
        draw_of: Callable[[str], int] = ledger.draw_of if ledger is not None else lambda _: 0
        return make_items(
            self.dialogues(),
            self.languages,
            self.prompts_of,
            memory,
            settings=settings,
            draw_of=draw_of,
            origin=self.origin,
        )


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    with ExitStack() as stack:
        translation = _open(arguments, stack)
        if arguments.show_prompt:
            return _show_prompts(translation)
        memory, work = _make_work(translation, arguments)
        if arguments.batch:
            check_batchable(work)
        return _plan(translation, memory, arguments) if arguments.plan else do_work(work)


def open_work(arguments: argparse.Namespace, stack: ExitStack) -> Work:
    """What the command has a model do.

    Args:
        arguments: as they are typed.
        stack: removes what is written on the way.
    """
    return _make_work(_open(arguments, stack), arguments)[1]


def _open(arguments: argparse.Namespace, stack: ExitStack) -> Translation:
    languages = _languages(arguments.to)
    check_export(arguments, languages)
    source = open_source(arguments, stack)
    config = load_model_config(arguments, source.folder, is_run=source.is_run)
    terms, names = read_terms(arguments, languages)
    texts = shared_texts(arguments, source.folder)
    if missing := {"translation", "repair"} - texts.keys():
        raise InputError(f"there is no shared prompt `{min(missing)}`", place="prompts/")
    origin = find_language(arguments.language)
    return Translation(config, source, origin, languages, terms, texts, arguments.limit, names, {})


def _make_work(translation: Translation, arguments: argparse.Namespace) -> tuple[Memory, Work]:
    source, config = translation.source, translation.config
    memory = make_memory(source.read, translation.names, translation.origin.code)
    view.say(_described(translation, memory))
    if not source.count:
        raise InputError("holds no dialogue that can be translated", file=source.path, mend=source.first_problem)

    def note(ledger: Ledger) -> None:
        _keep(translation, ledger, arguments)
        _draw_anew(translation, ledger, arguments)

    async def do(ledger: Ledger, packer: Packer | None) -> int:
        return await _translate(translation, memory, ledger, packer, back=arguments.back, anyway=arguments.anyway)

    def end(ledger: Ledger, code: int) -> int:
        ledger.set_meta(_BEGUN, "")
        export_translations(ledger, source, translation.languages, arguments)
        return code

    return memory, Work(
        command="translate",
        title=f"translate {source.path} into {', '.join(one.tag for one in translation.languages)}",
        folder=source.folder,
        parts=[Part(config=config, run=do)],
        arguments=arguments,
        prompts=translation.texts,
        note=note,
        end=end,
    )


def _languages(text: str) -> tuple[Language, ...]:
    tags = [tag.strip() for tag in text.split(",") if tag.strip()]
    if not tags:
        raise InputError("names no language", place="--to", mend="For example --to zh,ja,es")
    return tuple({language.tag: language for language in map(find_language, tags)}.values())


def _described(translation: Translation, memory: Memory) -> str:
    source = translation.source
    count = source.count if translation.limit is None else min(source.count, translation.limit)
    text = f"{count:,} dialogues of {source.path} into {', '.join(one.tag for one in translation.languages)}"
    if memory.requests:
        text += (
            f"; {len(memory.places):,} questions come {memory.times:,} times and are asked for once in each language,"
            f" in {len(memory.requests):,} requests"
        )
    return text


def _show_prompts(translation: Translation) -> int:
    """Prints, to stdout, what would be sent for the first dialogue in each language."""
    dialogue = next(translation.dialogues(), None)
    if dialogue is None:
        raise InputError("holds no dialogue that can be translated", file=translation.source.path)
    for item in make_items(
        [dialogue], translation.languages, translation.prompts_of, Memory(), origin=translation.origin
    ):
        for request in islice(planned_requests(item), 1):
            print(f"===== {request.purpose}, dialogue {item.dialogue.id}")
            for message in request.messages:
                print(f"--- {message.role}\n{message.content}")
            print(f"--- settings\n{msgspec.json.encode(request.parameters).decode()}")
    return Exit.DONE


def _plan(translation: Translation, memory: Memory, arguments: argparse.Namespace) -> int:
    folder = translation.source.folder
    ledger = open_ledger(folder) if (folder / LEDGER_FILE).is_file() else None
    try:
        settings = None
        if ledger is not None:
            settings = asked_with(translation.config.model, known_abilities(translation.config.model, ledger))
        plans = plan_translation(
            translation.items(memory, ledger, settings),
            memory,
            translation.config,
            _categories(translation),
            ledger,
            batch=arguments.batch,
        )
    finally:
        if ledger is not None:
            ledger.close()
    show_plan(plans, translation.config, as_json=arguments.json)
    return Exit.DONE


def _categories(translation: Translation) -> list[Category]:
    return [category_for(translation.prompts_of(translation.origin, one)) for one in translation.languages]


def _keep(translation: Translation, ledger: Ledger, arguments: argparse.Namespace) -> None:
    """What is needed to say later what was asked, and of what."""
    source, config = translation.source, translation.config
    if not source.is_run:
        before = ledger.meta("translated_file", str, "")
        now = Path(os.path.relpath(source.path.absolute(), source.folder.absolute())).as_posix()
        if before and before != now:
            raise InputError(
                f"holds translations of another file ({before})", file=source.folder, mend="Name another: --run DIR"
            )
        ledger.set_meta("translated_file", now)
        ledger.set_meta("syphus", syphus.__version__)
        if arguments.images:
            ledger.set_meta("pictures", {"": Path(os.path.relpath(arguments.images, source.folder)).as_posix()})
        ledger.set_meta("config", {"run": config.run, "model": config.model})
        source.record_problems(ledger)


def _draw_anew(translation: Translation, ledger: Ledger, arguments: argparse.Namespace) -> None:
    """Writes the draws of ``--redraw`` and ``--rejected``, once for each time it is asked for. All else stands as it is."""
    if not (arguments.redraw or arguments.rejected):
        return
    tags = [language.tag for language in translation.languages]
    wish = digest((tags, arguments.redraw, arguments.rejected, translation.limit))
    wanted: list[str] = []
    for item in translation.items(Memory(), ledger, None):
        done = ledger.find_done(item.id)
        if done is None or done.state == "skipped" or item.draw != done.draw:
            continue
        if arguments.redraw or _is_refused(ledger, item.id, arguments.rejected):
            wanted.append(item.id)
    if ledger.meta(_BEGUN, str, "") == wish:
        view.say("going on with what was begun: nothing is drawn a second time")
    else:
        ledger.set_meta(_BEGUN, wish)
        # A part that is drawn anew keeps to the questions that the others have.
        whole = arguments.redraw and translation.limit is None and bool(wanted)
        memory = [f"{MEMORY_ITEM}@{tag}" for tag in tags] if whole else []
        ledger.draw_again([*wanted, *memory])
        view.say(f"{len(wanted):,} translations are asked for anew")


def _is_refused(ledger: LedgerReader, item: str, checks: list[str]) -> bool:
    codes = ledger.reject_codes_of(item)
    return any(code == check or code.startswith(f"{check}:") for code in codes for check in checks)


async def _translate(
    translation: Translation, memory: Memory, ledger: Ledger, packer: Packer | None, *, back: int, anyway: bool
) -> int:
    """Translates what has no translation, as far as there are replies where a packer takes what is asked."""
    config, folder = translation.config, translation.source.folder
    counters = Counters()
    count = translation.source.count
    total = (count if translation.limit is None else min(count, translation.limit)) * len(translation.languages)
    held = packer.held() if packer else take_over(ledger, anyway=anyway)
    engine = await open_engine(config, _categories(translation), ledger, counters)
    engine.dispatch.budget.spent += held
    kept: list[str] = []
    try:
        settings = asked_with(config.model, engine.abilities)
        _record_prompts(translation, ledger, settings)
        with Interrupts(engine), view.watch(counters, engine, folder, total=total):
            if packer:
                if packer.packs:
                    items = partial(translation.items, memory, ledger, settings)
                    await ask_memory(translation.prompts_by_tag(), memory, items, ledger, engine, packer)
                engine.put_aside = packer.put
            await engine.run(translation.items(memory, ledger, settings), translate_job())
            ledger.flush()
            if back and not (packer and packer.waiting):
                kept = await _measure_back(translation, ledger, engine, packer, back)
    except asyncio.CancelledError:
        tell_of_stop(counters, total)
        raise
    finally:
        await engine.close()
    ledger.flush()
    summary = summarise(ledger)
    print_summary(summary, folder, counters=counters)
    tell_of_closed(engine)
    if (early := end_early(engine, counters, total)) is not None:
        return early
    if packer and packer.waiting:
        return Exit.DONE
    for line in kept:
        view.say(line)
    asked = {category_of(language) for language in translation.languages}
    ours = [one for name, one in summary.categories.items() if name in asked]
    if failed := sum(one.failed for one in ours):
        view.say(f"{failed:,} translations failed; the same command tries them again")
    return Exit.DONE if any(one.dialogues for one in ours) and not failed else Exit.FAILURES


def _record_prompts(translation: Translation, ledger: Ledger, settings: object) -> None:
    """Keeps what is asked of each language, under the version that its outcomes name."""
    for language in translation.languages:
        prompts = translation.prompts_of(translation.origin, language)
        kept = {"prefix": prompts.prefix, "repair": prompts.repair_text, "terms": prompts.terms}
        ledger.record_category(version_of(prompts, settings), prompts.category, kept)


async def _measure_back(
    translation: Translation, ledger: Ledger, engine: Engine, packer: Packer | None, number: int
) -> list[str]:
    """Translates a sample of each language back; a line with its figures for each of which no reply is missing."""
    lines = []
    samples = {
        language.tag: draw_sample(_made(ledger, category_of(language)), number, translation.config.run.seed)
        for language in translation.languages
    }
    wanted = {dialogue.id for sample in samples.values() for dialogue in sample}
    originals = {dialogue.id: dialogue for dialogue in translation.dialogues() if dialogue.id in wanted}
    for language in translation.languages:
        pairs = [(originals[one.id], one) for one in samples[language.tag] if one.id in originals]
        prompts = structs.replace(translation.prompts_of(language, translation.origin), category=category_of(language))
        results = await asyncio.gather(
            *(translate_back(original, one, prompts, engine.ask) for original, one in pairs), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, ModelError | StoppedError):
                raise result
        if packer and packer.waiting:
            continue  # this and all that follows waits for a reply
        kept = compare_back(result for result in results if isinstance(result, tuple))
        ledger.set_meta(f"{category_of(language)} back", kept._asdict())
        lines.append(
            f"{language.tag}, {kept.dialogues} of {len(pairs)} dialogues came back into {translation.origin.name}:"
            f" chrF {kept.chrf:.1f}, ROUGE-L {kept.rouge_l:.2f}"
            if kept.dialogues
            else f"{language.tag}: none of {len(pairs)} dialogues came back into {translation.origin.name}"
        )
    return lines


def _made(ledger: LedgerReader, category: str) -> Iterator[Dialogue]:
    for outcome in ledger.outcomes():
        if outcome.category == category:
            yield from outcome.dialogues
