"""``syphus generate``: the main job."""

import argparse
from pathlib import Path

import msgspec

from syphus.annotations.reading import Problem
from syphus.categories.category import ChatStep
from syphus.categories.needs import lacking
from syphus.categories.prompt import CategoryPrompts, Outputs, Turn
from syphus.cli import view
from syphus.cli.runs.assemble import read_scenes
from syphus.cli.runs.prompting import prompts_of
from syphus.cli.runs.work import Prepared, do_run, flags_of, prepare, run_to_its_end
from syphus.errors import Exit, InputError
from syphus.ledger.ledger import open_ledger
from syphus.records import Scene

LOOKED_AT = 1000
"""Scenes among which ``--show-prompt`` looks for one that a category can use."""


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    prepared = prepare(Path(arguments.config), flags_of(arguments))
    if arguments.show_prompt:
        return _show_prompts(prepared)
    if arguments.wait and not arguments.batch:
        raise InputError("--wait is for batches", mend="Add --batch, or leave --wait out: an online run always waits.")
    if arguments.batch:
        from syphus.cli.batch import begin

        return begin(prepared, wait=arguments.wait)
    with open_ledger(Path(prepared.config.run.folder), create=True) as ledger:
        return run_to_its_end(lambda: do_run(prepared, ledger, anyway=arguments.anyway))


def _show_prompts(prepared: Prepared) -> int:
    """Prints, to stdout, what would be sent first for each category: of the first scene that has what it needs."""
    problems: list[Problem] = []
    scenes = read_scenes(prepared.sources, lambda _, problem: problems.append(problem), LOOKED_AT)
    prompts = {one.category.name: one for one in prompts_of(prepared.config, prepared.sources, prepared.categories)}
    waiting = list(prepared.categories)
    lacks: dict[str, str] = {}
    for scene in scenes:
        for category in list(waiting):
            if not category.takes(scene):
                lacks.setdefault(category.name, f"scene {scene.id} is of a source that it is not made of")
            elif missing := lacking(scene, category.file.needs):
                lacks[category.name] = f"scene {scene.id} has no {', no '.join(missing)}"
            else:
                try:
                    _show_prompt(prompts[category.name], scene, prepared.config.run.seed)
                except InputError as error:  # a run passes over such a scene too
                    lacks[category.name] = f"scene {scene.id}: {error.message}"
                else:
                    waiting.remove(category)
        if not waiting:
            return Exit.DONE
    if not lacks:
        raise InputError(
            "no scene can be read from the sources", mend="; ".join(str(problem) for problem in problems[:3])
        )
    for category in waiting:
        view.say(f"{category.name}: none of the first {LOOKED_AT} scenes has what it needs; {lacks[category.name]}")
    return Exit.DONE if len(waiting) < len(prepared.categories) else Exit.BAD_INPUT


def _show_prompt(prompts: CategoryPrompts, scene: Scene, seed: int) -> None:
    context = prompts.render(scene).text
    outputs: Outputs = {}
    turn = Turn(seed)
    for step in prompts.category.file.steps:
        if not isinstance(step, ChatStep):
            made = prompts.work_out(step, scene, context, outputs, turn)
            if made is None:
                print(f"===== {prompts.category.name}, scene {scene.id}: nothing for the step `{step.name}` to pick")
                return
            outputs[step.name] = made
            continue
        # A later step reads what the model has said before; here its own field names stand for that.
        request = prompts.request(step, scene, context, outputs, turn)
        print(f"===== {request.purpose}, scene {scene.id}")
        for message in request.messages:
            pictures = "".join(f"[the picture {picture.path}]\n" for picture in message.pictures)
            print(f"--- {message.role}\n{pictures}{message.content}")
        print(f"--- settings\n{msgspec.json.encode(request.parameters).decode()}")
        fields = {name: f"<{name} of {step.name}>" for name in step.fields}
        outputs[step.name] = {"pairs": []} if step.pairs else fields
