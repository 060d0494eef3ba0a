"""Who is asked by the commands about dialogues that are there (``translate``, ``judge``, ``blind``, ``correct``), and for how much."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import structs

from syphus.cli.runs.keep import CONFIG_FILE
from syphus.cli.runs.sending import endpoint_tables, sent_name
from syphus.cli.runs.work import flags_of
from syphus.config import Config, join
from syphus.decoding import convert, decode_json, parse_toml, read_text
from syphus.errors import InputError

_TABLES = ("run", "model", "batch")


def load_model_config(arguments: argparse.Namespace, folder: Path, *, is_run: bool) -> Config:
    """The model and the budget: of the file that is named, else the run's own; without both, the embedded model.

    Sources, categories and exports of a configuration are not looked at: what is asked about is there already.

    Args:
        arguments: as they are typed.
        folder: where the ledger is.
        is_run: the folder is that of a run, and may hold the configuration that it was made with.

    Raises:
        InputError: for whatever is wrong in it, or in the flags; also for a secret, which would be kept in the ledger.
    """
    kept = folder / CONFIG_FILE
    file = Path(arguments.config) if arguments.config else kept if is_run and kept.is_file() else None
    tables: dict[str, Any] = {"model": {"kind": "local"}}
    if file is not None:
        text = read_text(file)
        data = decode_json(text, dict[str, Any], file=file) if file.suffix == ".json" else parse_toml(text, file=file)
        tables |= {name: data[name] for name in _TABLES if isinstance(data.get(name), dict)}
        if isinstance(path := tables["model"].get("path"), str):
            tables["model"]["path"] = join(file.parent, path)
        if tables["model"].get("kind") == "none":
            tables["model"] = {"kind": "local"}
        if not is_run:
            tables.get("run", {}).pop("limit", None)
    place = file or "the command line"
    for key, value in flags_of(arguments).items():
        table, _, name = key.partition(".")
        if table == "run" and name in ("limit", "folder"):
            continue
        if table not in _TABLES or not name:
            mend = "Keys are those of [model], [run] and [batch]."
            raise InputError(f"{key} cannot be set here", place="--set", mend=mend)
        tables.setdefault(table, {})[name] = value
    tables["run"] = tables.get("run", {}) | {"folder": str(folder)}
    config = convert({**tables, "sources": [], "categories": []}, Config, file=place)
    if config.model.kind == "openai":
        from syphus.endpoints.http import refuse_written_secrets

        for endpoint in endpoint_tables(config.model):
            refuse_written_secrets(endpoint.base_url, endpoint.headers)
    return config


def model_configs(arguments: argparse.Namespace, load: Callable[[argparse.Namespace], Config]) -> list[Config]:
    """A configuration for each ``--model``; without one, a single one.

    A model that is named has the prices that are known of it, not those of the run's own model.

    Args:
        arguments: as they are typed; ``model`` is a list, or None.
        load: the configuration of arguments in which ``model`` is one name, or None.
    """

    def refuse_blind(config: Config) -> Config:
        if arguments.look and config.model.kind == "local":
            raise InputError(
                "the embedded model cannot look at pictures",
                place="--look",
                mend="Name a model that can, and where it is: --model NAME --base-url URL",
            )
        return config

    def chosen(**given: Any) -> Config:
        return load(argparse.Namespace(**{**vars(arguments), "limit": None, "category": None, **given}))

    if not arguments.model:
        return [refuse_blind(chosen(model=None))]
    own = chosen(model=None, base_url=None, model_path=None)
    given = {text.partition("=")[0] for text in arguments.set}
    prices = ("price_in", "price_out", "price_cached", "price_cache_write", "price_batch")
    unknown: dict[str, Any] = dict.fromkeys(key for key in prices if f"model.{key}" not in given)
    configs = []
    for name in dict.fromkeys(arguments.model):
        config = chosen(model=name)
        if name != own.model.name:
            config = structs.replace(config, model=structs.replace(config.model, **unknown))
        configs.append(refuse_blind(config))
    if len({sent_name(config.model) for config in configs}) < len(configs):
        raise InputError("two judges are the same model", place="--model", mend="Several draws of one: --draws N")
    return configs
