"""The configuration of a run: one TOML file, every key checked.

Paths in the file are relative to the file, but for those of exports, which are relative to the run's folder; paths given by
flags are relative to where the command is typed.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, structs

from syphus.decoding import convert, decode_json, parse_toml, read_text
from syphus.errors import InputError
from syphus.records import Ability

Positive = Annotated[int, Meta(ge=1)]
Rate = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
ROUNDED = 0.011
"""By so much shares may miss 1: three thirds, as 0.33."""

_RELATIVE_TO = "relative_to"
_TYPED = "typed_in"
"""What is added to a source's table: the folder of the configuration file, and for each key that a flag has set the folder
where it was typed. Which keys are paths, only the source's reader knows."""
ALWAYS = ("reader", "name", "categories", _RELATIVE_TO, _TYPED)
"""What stands in every source's table, beside the options of its reader."""


class _Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the configuration."""


class RunTable(_Table, frozen=True, kw_only=True):
    """``[run]``."""

    folder: str
    """Where ledger, resolved configuration and exports of the run are kept."""
    seed: int = 0
    """Decides every draw."""
    limit: Positive | None = None
    """Only the first so many scenes."""
    budget: Annotated[float, Meta(gt=0)] | None = None
    """US dollars that the run may cost, over all its starts; the most that is in flight can cost is held back for it."""


class EndpointTable(_Table, frozen=True, kw_only=True):
    """``[[model.endpoints]]``: one of several ways to the model. What is not said here is as in ``[model]``."""

    base_url: str | None = None
    name: str | None = None
    """The model's name there."""
    key_variable: str | None = None
    headers: dict[str, str] | None = None
    concurrency: Positive | None = None
    requests_per_minute: Rate | None = None
    tokens_per_minute: Rate | None = None
    timeout: Annotated[float, Meta(gt=0)] | None = None
    price_in: Annotated[float, Meta(ge=0)] | None = None
    price_out: Annotated[float, Meta(ge=0)] | None = None
    price_cached: Annotated[float, Meta(ge=0)] | None = None
    price_cache_write: Annotated[float, Meta(ge=0)] | None = None


class ModelTable(_Table, frozen=True, kw_only=True):
    """``[model]``."""

    kind: Literal["openai", "local", "none"]
    """``openai``: any OpenAI-compatible endpoint; ``local``: llama.cpp in the process; ``none``: templates only."""
    name: str = ""
    """The model's name at the endpoint."""
    base_url: str | None = None
    key_variable: str = "OPENAI_API_KEY"
    """The environment variable with the key. The key itself never stands in a file."""
    path: str | None = None
    """A GGUF file for ``local``; without it the embedded model is fetched."""
    window: Positive = 4096
    """Tokens of prompt and reply together, for ``local``."""
    threads: Positive | None = None
    schema_mode: Literal["auto", "json_schema", "json_object", "prompt"] = "auto"
    """``auto`` finds out, with a tiny call, what the endpoint really does."""
    reasoning_effort: str | None = None
    """How long a reasoning model thinks (``none``, ``low``, …); `reasoning_effort` in overrides goes before it. Without
    one, such models think at length, and bill it."""
    seed: int | None = None
    """Sent with each request where it is set; ``local`` always gets the run's seed."""
    price_in: Annotated[float, Meta(ge=0)] | None = None
    """US dollars for a million tokens of prompt, and of reply; they go before those that genai-prices knows of the model."""
    price_out: Annotated[float, Meta(ge=0)] | None = None
    price_cached: Annotated[float, Meta(ge=0)] | None = None
    """Of prompt that the provider had in its cache, and that it put there; without them, as other prompt."""
    price_cache_write: Annotated[float, Meta(ge=0)] | None = None
    price_batch: Annotated[float, Meta(ge=0, le=1)] | None = None
    """What part of these prices the Batch API takes, as 0.5; without it, the whole: no discount is taken for granted."""
    extra: dict[str, Any] = {}
    """More fields of the request's body, for what an endpoint knows beyond the common ones; part of the request's key."""
    timeout: Annotated[float, Meta(gt=0)] = 180.0
    """Seconds for one call."""
    concurrency: Positive | None = None
    """Calls in flight, at most. Without it an endpoint is given more as long as it does not become slow or refuse, and
    ``local`` gets 1."""
    requests_per_minute: Rate | None = None
    tokens_per_minute: Rate | None = None
    """Of prompts and replies together. Without these two, what the endpoint's headers say is kept to."""
    attempts: Positive = 6
    """Tries for one call, where the trouble is one that passes; refusals by a rate limit are not counted."""
    headers: dict[str, str] = {}
    """More headers, for other dialects of authentication: ``{"api-key" = "$AZURE_KEY"}`` takes the value from the environment."""
    prompt_cache: Literal["auto", "none", "key", "breakpoint"] = "auto"
    """How the provider is helped to keep the constant part of prompts; ``auto``: as far as the endpoint is known to take it."""
    transport: Literal["lean", "sdk"] = "lean"
    """``sdk``: through the OpenAI SDK, for what only that can do; it costs five times the processor time."""
    endpoints: tuple[EndpointTable, ...] = ()
    """Several endpoints or keys in one run, each with its own limits; all must serve the same model."""

    def __post_init__(self) -> None:
        if self.kind == "openai" and not self.name:
            raise ValueError("[model] name: an endpoint needs a model's name")


class BatchTable(_Table, frozen=True, kw_only=True):
    """``[batch]``: how requests are packed for the provider's Batch API. The defaults are OpenAI's limits."""

    requests: Annotated[int, Meta(ge=1, le=50_000)] = 50_000
    """In one batch, at most."""
    bytes: Annotated[int, Meta(ge=1000, le=200_000_000)] = 200_000_000
    """Of one batch's file, at most."""
    queued_tokens: Positive | None = None
    """Prompt tokens that the provider lets wait at a time; without it, batches are handed in until it refuses one."""
    poll: Annotated[float, Meta(gt=0)] = 30.0
    """Seconds from one look at the batches to the next with ``--wait``; they grow, while nothing changes, to ten minutes."""


class BalanceTable(_Table, frozen=True, kw_only=True):
    """``[balance]``: what shares the question-answer pairs of a run shall have. No more is asked for than keeps them."""

    abilities: dict[Ability, Share] = {}
    """Ability -> share, adding up to 1; empty: as it comes."""
    source_at_most: Annotated[float, Meta(gt=0, le=1)] = 1.0
    """The largest share of any one source."""

    def __post_init__(self) -> None:
        if self.abilities and abs(sum(self.abilities.values()) - 1) > ROUNDED:
            raise ValueError(f"the shares of abilities add up to {sum(self.abilities.values()):g}, not to 1")

    def __bool__(self) -> bool:
        return bool(self.abilities) or self.source_at_most < 1


class ExportTable(_Table, frozen=True, kw_only=True):
    """One ``[[export]]``: written when the run ends."""

    format: str
    path: str
    """Relative to the run's folder."""
    boxes: str | None = None
    """A box convention for references; without it the phrases stand alone."""
    embed_pictures: bool = False
    max_tokens: Positive | None = 2048
    categories: tuple[str, ...] = ()
    """Only these, or a family as ``llava/*``; empty: all."""
    languages: tuple[str, ...] = ()
    """Only these; ``["all"]``: all in one file; empty: what was made and not translated."""
    balanced: bool = True
    """Whether ``[balance]`` is kept to: what is beyond a share is held back."""
    settings: dict[str, str] = {}
    """What the format alone knows (docs/formats.md)."""
    name: str = ""
    """What the dataset is called, where the format has a name for it."""


class Config(_Table, frozen=True, kw_only=True):
    """A whole configuration. Sources and overrides keep their raw tables: their owners know what may stand in them."""

    run: RunTable
    sources: tuple[dict[str, Any], ...]
    categories: tuple[str, ...]
    model: ModelTable
    overrides: dict[str, dict[str, Any]] = {}
    """``[overrides."family/name"]``, ``[overrides.all]``, or ``[overrides.local]`` for a local model: settings in the place
    of the category's own."""
    balance: BalanceTable = BalanceTable()
    export: tuple[ExportTable, ...] = ()
    batch: BatchTable = BatchTable()


def load_config(file: Path, flags: dict[str, Any]) -> Config:
    """A configuration file with flags on top.

    Args:
        file: TOML, or JSON as a run keeps it.
        flags: dotted key -> value, as ``{"run.seed": 3, "sources.folder": "…"}``; ``sources.*`` goes to every source.

    Raises:
        InputError: for whatever is wrong in it, with the place, and for an unknown key the nearest known one.
    """
    text = read_text(file)
    data = decode_json(text, dict[str, Any], file=file) if file.suffix == ".json" else parse_toml(text, file=file)
    for table, key in (("run", "folder"), ("model", "path")):
        _anchor(data.get(table), key, file.parent)
    for source in _tables(data.get("sources")):
        source |= {_RELATIVE_TO: str(file.parent), _TYPED: {}}
    for key, value in flags.items():
        _set(data, key, value, file)
    config = convert(data, Config, file=file)
    if not config.sources:
        raise InputError("there is no source", file=file, place="[[sources]]", mend="Name at least one [[sources]].")
    if not config.categories:
        raise InputError(
            "there is no category", file=file, place="categories", mend='categories = ["llava/conversation"]'
        )
    return config


def _tables(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _anchor(table: Any, key: str, folder: Path) -> None:
    if isinstance(table, dict) and isinstance(table.get(key), str):
        table[key] = join(folder, table[key])


def join(folder: Path, path: str) -> str:
    """``path`` as seen from ``folder``, with ``..`` and ``~`` resolved in the text, so that it can be shown."""
    return os.path.normpath(folder / Path(path).expanduser())


def _set(data: dict[str, Any], dotted: str, value: Any, file: Path) -> None:
    table_name, _, rest = dotted.partition(".")
    if table_name == "sources":
        if not rest:
            raise InputError("sources cannot be set as a whole", file=file, mend="Set one option: --source KEY=VALUE")
        for source in _tables(data.get("sources")):
            source[rest] = value
            source[_TYPED][rest] = str(Path.cwd())
        return
    *path, last = dotted.split(".")
    table = data
    for name in path:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise InputError(f"{dotted} cannot be set: {name} is no table", file=file)
    table[last] = value


def source_options(table: dict[str, Any], options_type: type[Any], *, file: str, place: str) -> Any:
    """The reader's options in a ``[[sources]]`` table, with every path made whole.

    Args:
        table: as in the configuration.
        options_type: the reader's ``Options``; its fields of type Path are files and folders.
        file: named in errors.
        place: of the table in the file.
    """
    options = {key: value for key, value in table.items() if key not in ALWAYS}
    for field in structs.fields(options_type):
        value = options.get(field.encode_name)
        if isinstance(value, str) and "Path" in str(field.type):
            folder = table.get(_TYPED, {}).get(field.encode_name) or table.get(_RELATIVE_TO, ".")
            options[field.encode_name] = join(Path(folder), value)
    return convert(options, options_type, file=file, prefix=place)
