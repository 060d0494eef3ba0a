"""Judging demonstrations exactly as a model's replies are judged: the same job, with the demonstration as the model."""

import json
from itertools import combinations

from msgspec import structs

from syphus.categories.category import Category, Demonstration
from syphus.categories.needs import lacking
from syphus.categories.prompt import CategoryPrompts, within
from syphus.exchange import Reply, Request
from syphus.jobs.generate import generate_job
from syphus.jobs.items import GenerateItem

FEWEST = 3
"""Fewer demonstrations teach their own form more than the task's."""


async def check_demonstrations(category: Category) -> list[str]:
    """What is wrong with a category's demonstrations, a sentence each, beginning with the file; empty when all is well.

    Each is judged with itself left out of the category, so that saying the same as another one counts as an echo.
    """
    found: list[str] = []
    demonstrations = category.demonstrations
    if len(demonstrations) < FEWEST:
        found.append(f"{category.name}: {len(demonstrations)} demonstrations; it should have at least {FEWEST}")
    for first, second in combinations(demonstrations, 2):
        if first.scene.id == second.scene.id:
            found.append(f"{second.file}: the same scene as {first.file}")
    for demonstration in demonstrations:
        others = tuple(one for one in demonstrations if one.scene.id != demonstration.scene.id)
        alone = structs.replace(category, demonstrations=others)
        found += [f"{demonstration.file}: {fault}" for fault in await _faults_of(demonstration, alone)]
    return found


async def _faults_of(demonstration: Demonstration, category: Category) -> list[str]:
    if missing := lacking(demonstration.scene, category.file.needs):
        return [f"its scene has no {', no '.join(missing)}"]

    steps = {step.name: step for step in category.chat_steps}

    async def ask(request: Request) -> Reply:
        step = steps[request.purpose.rpartition("/")[2]]
        return Reply(text=json.dumps(within(demonstration.replies[step.name], step)))

    prompts = CategoryPrompts(category)
    outcome = await generate_job(0)(GenerateItem(scene=demonstration.scene, prompts=prompts), ask)
    # The same bad reply is given again when it is asked for again; each fault is told once.
    faults = [f"{reject.code}: {reject.message} {reject.evidence}".strip() for reject in outcome.rejects]
    if outcome.skipped:
        faults.append(outcome.skipped)
    # A context that was cut, a reply that was not strict JSON or held too many pairs: pardoned in a model, not here.
    faults += outcome.notes
    return list(dict.fromkeys(faults))
