"""What one item costs without network and disk: the pure path of ``syphus generate``, stage by stage.

    python benchmarks/pure.py [--items 400] [--repeats 7]

One process, the workload of ``benchmarks/engine.py`` (five captions, seven objects, a reply of five pairs that all checks pass;
``workload.py``). Each stage is timed by itself over all items, as CPU time of this process; a figure is the median of the
repetitions, in microseconds an item. Every scene is another one, as in a run, so nothing that a stage keeps of a scene helps
the next item. ``whole`` is the job itself (``jobs/generate``) over an ``ask`` that answers at once: it holds the stages above
it but ``items``, and what stands between them.

Below stand the replies that are not plain right: these go the slow way through the reader, and may cost more.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import workload

from syphus.categories.load import Library, load_category
from syphus.categories.prompt import CategoryPrompts, Turn
from syphus.categories.reply import read_reply
from syphus.exchange import Outcome, Reply, Request
from syphus.jobs.generate import generate_job
from syphus.jobs.items import GenerateItem, make_items
from syphus.quality.checks import check_pairs
from syphus.quality.pairs import Pair
from syphus.records import Scene

SEED = 7


def finish(job: Coroutine[Any, Any, Outcome]) -> Outcome:
    """The outcome of a job that never waits, without an event loop."""
    try:
        job.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("the job waits for something")


def timed(stage: Callable[[Any], Any], inputs: Iterable[Any], repeats: int) -> float:
    """Microseconds of CPU for one call of ``stage``."""
    inputs = list(inputs)
    figures = []
    for _ in range(repeats):
        begin = time.process_time()
        for one in inputs:
            stage(one)
        figures.append((time.process_time() - begin) / len(inputs))
    return median(figures) * 1e6


def load_prompts() -> CategoryPrompts:
    """The benchmark's category, ready to ask."""
    with tempfile.TemporaryDirectory() as folder:
        workload.write_category(Path(folder))
        return CategoryPrompts(load_category(workload.CATEGORY, Library.at(Path(folder))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()

    prompts = load_prompts()
    (step,) = prompts.category.chat_steps
    turn = Turn(SEED)
    scenes = [msgspec.json.decode(workload.scene_line(number), type=Scene) for number in range(1, arguments.items + 1)]
    contexts = [prompts.render(scene).text for scene in scenes]
    text = json.loads(workload.reply_body())["choices"][0]["message"]["content"]
    schema = prompts.request(step, scenes[0], contexts[0], {}, turn).schema or {}
    value = read_reply(text, schema).value or {}
    known = frozenset(thing.id for thing in scenes[0].objects)

    async def ask(request: Request) -> Reply:
        return Reply(text=text, model=workload.MODEL, key=request.purpose)

    job = generate_job(SEED)

    def check(scene: Scene) -> None:
        pairs = [Pair(pair["question"], pair["answer"]) for pair in value["pairs"]]
        verdict = check_pairs(
            pairs,
            prompts.category.file.checks,
            scene=scene,
            known=known,
            demonstrations=prompts.answers_shown(scene.id, 0),
        )
        assert len(verdict.passed) == workload.PAIRS

    def make(scene: Scene) -> None:
        outcome = finish(job(GenerateItem(scene=scene, prompts=prompts), ask))
        assert outcome.pairs == workload.PAIRS
        assert not outcome.rejects

    def items(_: int) -> None:
        for _item in make_items(scenes, [prompts], settings={"model": "bench"}, seed=SEED):
            pass

    runs: list[tuple[str, Callable[[Any], Any], Iterable[Any]]] = [
        ("scene decoded", lambda line: msgspec.json.decode(line, type=Scene), map(workload.scene_line, range(1, 200))),
        ("context", prompts.render, scenes),
        (
            "request",
            lambda both: prompts.request(step, both[0], both[1], {}, turn),
            list(zip(scenes, contexts, strict=True)),
        ),
        ("reply read", lambda _: read_reply(text, schema), scenes),
        ("pairs checked", check, scenes),
        ("whole", make, scenes),
    ]
    figures = {name: timed(stage, inputs, arguments.repeats) for name, stage, inputs in runs}
    figures["items"] = timed(items, [0], arguments.repeats) / len(scenes)
    for name, figure in figures.items():
        print(f"{name:<24} {figure:8.1f} µs")

    sloppy = {
        "fence": f"```json\n{text}\n```",
        "spaces at ends": text.replace('": "', '": " '),
        "extra field": text.replace('{"question"', '{"n": 1, "question"'),
        "cut": text[:-200],
        "labels": "\n".join(f"Question: {pair['question']}\nAnswer: {pair['answer']}\n" for pair in value["pairs"]),
    }
    for name, told in sloppy.items():
        assert (read_reply(told, schema).value or {}).get("pairs"), name
        print(f"{'read: ' + name:<24} {timed(lambda told: read_reply(told, schema), [told] * 100, 3):8.1f} µs")


if __name__ == "__main__":
    main()
