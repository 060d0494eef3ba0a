"""The items of a run made again from the replies in its ledger, to look at them or to use them; nothing is sent."""

import asyncio
from collections.abc import Callable, Iterator

from syphus.annotations.reading import Problem
from syphus.cli.runs.assemble import read_scenes
from syphus.cli.runs.prompting import prompts_of
from syphus.cli.runs.sending import known_abilities, sent_extra, sent_name
from syphus.cli.runs.work import Prepared
from syphus.endpoints.wire import build_body, request_key
from syphus.exchange import Reply, Request
from syphus.jobs.candidates import Candidate, make_candidate
from syphus.jobs.items import GenerateItem, make_items
from syphus.ledger.reader import LedgerReader


class _NotThereError(Exception):
    """A reply that was never paid for."""


def replay_candidates(
    prepared: Prepared, ledger: LedgerReader, wanted: Callable[[GenerateItem], bool] = lambda _: True
) -> Iterator[Candidate]:
    """What the stored replies of a run give, item by item; items that lack a reply, or gave nothing, are passed over.

    Args:
        prepared: the run, with the categories as they were when it asked.
        ledger: its ledger.
        wanted: which items to look at.
    """
    config = prepared.config
    name, extra, abilities = sent_name(config.model), sent_extra(config.model), known_abilities(config.model, ledger)

    async def ask(request: Request) -> Reply:
        key = request_key(build_body(request, name, abilities, extra), request.sample, request.draw)
        reply = ledger.find_reply(key)
        if reply is None:
            raise _NotThereError
        return reply

    def ignore(_: str, __: Problem) -> None:
        """The run has told of it."""

    prompts = prompts_of(config, prepared.sources, prepared.categories)
    scenes = read_scenes(prepared.sources, ignore, config.run.limit)
    with asyncio.Runner() as runner:
        for item in make_items(scenes, prompts, seed=config.run.seed, draw_of=ledger.draw_of):
            if not wanted(item):
                continue
            try:
                candidate = runner.run(make_candidate(item, ask, config.run.seed))
            except _NotThereError:
                continue
            if candidate is not None:
                yield candidate
