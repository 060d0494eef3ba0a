"""The flags of the commands that make a run, and of those that look at one."""

from syphus.cli.flags.common import Commands, add, add_batch, add_category, add_settings, dollars, positive


def add_making(commands: Commands) -> None:
    """Adds them."""
    _add_generate(commands)
    _add_plan(commands)
    _add_rehearse(commands)
    _add_regenerate(commands)
    _add_batch(commands)
    _add_status(commands)
    _add_recover(commands)


def _add_plan(commands: Commands) -> None:
    plan = add(commands, "plan", "what a run will ask and what it will cost; nothing is sent")
    plan.add_argument("config", metavar="CONFIG", help="a TOML file, as for generate")
    plan.add_argument("--run", metavar="DIR", help="the run's folder; what its ledger holds is not counted again")
    plan.add_argument("--limit", type=positive, metavar="N", help="only the first N scenes")
    plan.add_argument("--seed", type=int, metavar="N", help="decides every draw")
    plan.add_argument("--category", action="append", metavar="NAME", help="only this category; may be repeated")
    plan.add_argument("--model", metavar="NAME", help="the model's name at the endpoint")
    plan.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible endpoint")
    plan.add_argument("--model-path", metavar="FILE", help="a GGUF file in the place of the embedded model")
    add_settings(plan)
    plan.add_argument("--batch", action="store_true", help="at the prices of the provider's Batch API")
    plan.add_argument("--json", action="store_true", help="for machines, to stdout")


def _add_status(commands: Commands) -> None:
    status = add(commands, "status", "what a run has made, refused and spent")
    status.add_argument("run", metavar="RUN", help="a run's folder")
    status.add_argument("--json", action="store_true", help="for machines, to stdout")


def _add_generate(commands: Commands) -> None:
    generate = add(commands, "generate", "make a dataset; started again, it goes on where it was")
    generate.add_argument("config", metavar="CONFIG", help="a TOML file, such as configs/quickstart.toml")
    generate.add_argument("--run", metavar="DIR", help="the run's folder")
    generate.add_argument("--limit", type=positive, metavar="N", help="only the first N scenes")
    generate.add_argument("--seed", type=int, metavar="N", help="decides every draw")
    add_category(generate)
    generate.add_argument("--model", metavar="NAME", help="the model's name at the endpoint")
    generate.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible endpoint")
    generate.add_argument("--model-path", metavar="FILE", help="a GGUF file in the place of the embedded model")
    generate.add_argument("--concurrency", type=positive, metavar="N", help="calls in flight, at most")
    generate.add_argument("--budget", type=dollars, metavar="USD", help="what the run may cost, over all its starts")
    add_settings(generate)
    add_batch(generate)
    generate.add_argument("--show-prompt", action="store_true", help="print the first prompt of each category and end")


def _add_rehearse(commands: Commands) -> None:
    rehearse = add(
        commands, "rehearse", "the whole run against an endpoint on this machine that makes trouble; costs nothing"
    )
    rehearse.add_argument("config", metavar="CONFIG", help="a TOML file, such as configs/quickstart.toml")
    rehearse.add_argument("--limit", type=positive, metavar="N", help="only the first N scenes")
    rehearse.add_argument(
        "--faults",
        default="all",
        metavar="KIND[,KIND...]",
        help="kinds of docs/faults.md, `none`, or `all` but those that stop a run (all)",
    )
    rehearse.add_argument("--share", type=float, default=0.1, metavar="X", help="of the calls that meet one (0.1)")
    rehearse.add_argument("--latency", type=float, default=0.2, metavar="S", help="seconds for each reply (0.2)")
    rehearse.add_argument("--rpm", type=positive, metavar="N", help="requests a minute that are let through")
    rehearse.add_argument("--tpm", type=positive, metavar="N", help="tokens a minute that are let through")
    rehearse.add_argument("--run", metavar="DIR", help="keep it in this new folder (it is thrown away)")
    add_settings(rehearse)


def _add_regenerate(commands: Commands) -> None:
    regenerate = add(commands, "regenerate", "make a part of a run once more; the plan first, and all else stays")
    regenerate.add_argument("run", metavar="RUN", help="a run's folder")
    add_category(regenerate)
    regenerate.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="KEY=GLOB",
        help="only items whose scene, source, state or item is so, as scene=kitchen-*; all that are given are to hold",
    )
    regenerate.add_argument("--failed", action="store_true", help="only items that failed")
    regenerate.add_argument(
        "--rejected",
        action="append",
        default=[],
        metavar="CHECK",
        help="only items of which this check refused something, as leak, or `leak: source_word`; each gets another draw",
    )
    regenerate.add_argument(
        "--decisions", metavar="FILE", help="only items that people rejected (syphus review); each gets another draw"
    )
    regenerate.add_argument("--redraw", action="store_true", help="also what has not changed: other replies")
    regenerate.add_argument("--yes", action="store_true", help="do not ask")
    regenerate.add_argument("--config", metavar="FILE", help="a configuration in the place of the run's own")
    regenerate.add_argument("--budget", type=dollars, metavar="USD", help="what the run may cost, over all its starts")
    add_settings(regenerate)

    diff = add(commands, "diff", "what was made before beside what is made now")
    diff.add_argument("run", metavar="RUN", help="a run's folder")
    add_category(diff)
    diff.add_argument(
        "--generations",
        nargs=2,
        type=positive,
        metavar=("OLD", "NEW"),
        help="their numbers (each item's last but one and its last)",
    )
    diff.add_argument("--limit", type=positive, metavar="N", help="show so many items (5; with --json all)")
    diff.add_argument("--all", action="store_true", help="show all that differ")
    diff.add_argument("--json", action="store_true", help="for machines, to stdout")


def _add_batch(commands: Commands) -> None:
    batch = add(commands, "batch", "what a run has at the provider's Batch API: how it stands, fetch it, call it back")
    batch.add_argument("action", choices=["status", "collect", "cancel"], help="collect may be repeated at any time")
    batch.add_argument("run", metavar="RUN", help="a run's folder")
    batch.add_argument("--wait", action="store_true", help="collect: until nothing is missing any more")
    batch.add_argument("--no-submit", action="store_true", help="collect: hand in nothing new")
    batch.add_argument(
        "--budget", type=dollars, metavar="USD", help="collect: what the run may cost, over all its starts"
    )
    batch.add_argument("--json", action="store_true", help="status: for machines, to stdout")


def _add_recover(commands: Commands) -> None:
    text = "a whole ledger from one that is damaged or of an older version, which is kept"
    add(commands, "recover", text).add_argument("run", metavar="RUN", help="a run's folder")
