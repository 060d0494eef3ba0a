"""What the ``[model]`` table means for what is sent: names, settings, abilities. Nothing is opened here."""

import re
from pathlib import Path
from typing import Any

from msgspec import structs

from syphus.config import Config, ModelTable
from syphus.endpoints.wire import Abilities, CacheMode
from syphus.ledger.reader import LedgerReader


def sent_name(model: ModelTable) -> str:
    """The model's name as it stands in requests, and so in their keys."""
    if model.kind == "local":
        from syphus.endpoints import weights

        return Path(model.path).name if model.path else weights.MODEL_FILE
    return model.name


def sent_extra(model: ModelTable) -> dict[str, Any]:
    """What is sent with each request beside what the categories say."""
    if model.kind == "local":
        from syphus.endpoints import local

        return local.EXTRA | model.extra
    return model.extra


def sent_seed(config: Config) -> int | None:
    """The sampling seed that goes with each request; None: none."""
    return config.run.seed if config.model.kind == "local" else config.model.seed


def endpoint_tables(model: ModelTable) -> list[ModelTable]:
    """A whole ``[model]`` table for each endpoint, with what ``[[model.endpoints]]`` says in the place of the common."""
    tables = []
    for endpoint in model.endpoints or (None,):
        own = (
            {}
            if endpoint is None
            else {name: value for name, value in structs.asdict(endpoint).items() if value is not None}
        )
        if model.endpoints and "price_in" not in own and "name" in own and model.price_in is None:
            own |= {"price_in": None, "price_out": None}
        tables.append(structs.replace(model, endpoints=(), **own))
    return tables


def known_abilities(model: ModelTable, ledger: LedgerReader) -> Abilities:
    """What requests are made with: what an earlier start has found, or where a start begins to find out."""
    if model.kind == "local":
        from syphus.endpoints import local

        return local.ABILITIES
    from syphus.endpoints.probe import first_guess

    endpoint = first_endpoint(model)
    guess = structs.replace(first_guess(endpoint), cache=cache_mode(model, endpoint))
    if model.schema_mode != "auto":
        return structs.replace(guess, schema_mode=model.schema_mode)
    known = ledger.find_abilities(f"{endpoint} {model.name}", Abilities)
    if known is None:
        # The same model was asked elsewhere: where the limit keeps its name, requests keep their keys, and are not paid again.
        elsewhere = ledger.find_abilities(model.name, Abilities)
        return structs.replace(guess, token_field=elsewhere.token_field) if elsewhere else guess
    return known if model.prompt_cache == "auto" else structs.replace(known, cache=guess.cache)


def asked_with(model: ModelTable, abilities: Abilities) -> Any:
    """What decides, with the prompts, what is asked. The hints for the provider's cache change no answer."""
    return sent_name(model), sent_extra(model), structs.replace(abilities, cache="none")


def first_endpoint(model: ModelTable) -> str:
    """The address that is asked what it can do."""
    from syphus.endpoints.http import read_address

    return read_address(endpoint_tables(model)[0].base_url)[1]


def cache_mode(model: ModelTable, endpoint: str) -> CacheMode:
    """What an endpoint is known to take for prompt caching: OpenAI's key, and its breakpoints from gpt-5.6 on."""
    if model.prompt_cache != "auto":
        return model.prompt_cache
    if "api.openai.com" not in endpoint:
        return "none"
    version = re.match(r"gpt-(\d+)(?:\.(\d+))?", model.name)
    new = version is not None and (int(version[1]), int(version[2] or 0)) >= (5, 6)
    return "breakpoint" if new else "key"
