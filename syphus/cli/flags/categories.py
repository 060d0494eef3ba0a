"""The flags of the commands for what people write: categories checked, copied, begun, and mappings drafted."""

from syphus.cli.flags.common import Commands, add, add_settings, dollars, positive


def add_categories(commands: Commands) -> None:
    """Adds them."""
    _add_check(commands)
    _add_new(commands)
    _add_beginnings(commands)
    _add_map(commands)


def _add_map(commands: Commands) -> None:
    command = add(commands, "map", "annotations of an unknown form: what is in them, and a draft that reads them")
    command.add_argument("file", metavar="FILE", help="JSON, JSON Lines, CSV or TSV, or a pattern, as 'labels/*.json'")
    command.add_argument("--records", metavar="PLACE", help="where the records are in the document, as data.items")
    command.add_argument("--group", metavar="PLACE", help="what rows of the same picture have in common, as its name")


def _add_check(commands: Commands) -> None:
    check = add(commands, "check", "look for mistakes before anything is paid for")
    check.add_argument(
        "what", metavar="WHAT", help="`seeds`, a configuration (.toml) or a file of scenes (.jsonl, .json)"
    )
    add_settings(check)
    check.add_argument("--write-schema", metavar="FILE", help="also write the JSON Schema of a scene there")


def _add_new(commands: Commands) -> None:
    new = add(commands, "new", "make a category of your own by copying one")
    new.add_argument("name", metavar="FAMILY/NAME", help="the new category")
    new.add_argument("--like", default="llava/conversation", metavar="NAME", help="the category to copy")
    new.add_argument("--seeds", default="seeds", metavar="DIR", help="the folder of categories (seeds)")


def _add_beginnings(commands: Commands) -> None:
    cold = add(commands, "coldstart", "the first demonstrations of a category, out of replies asked for without any")
    cold.add_argument("category", metavar="CATEGORY", help="as mine/shops; its system message must be written")
    cold.add_argument(
        "--scenes", metavar="FILE", help="a file of scenes (.jsonl); asks the embedded model unless --model"
    )
    cold.add_argument("--config", metavar="FILE", help="in its place: the sources and the model of a configuration")
    cold.add_argument("--n", type=positive, default=20, metavar="N", help="scenes to ask about (20)")
    cold.add_argument("--show", type=positive, default=5, metavar="N", help="show the best so many (5)")
    cold.add_argument("--accept", metavar="1,3", help="take these of those shown, or all; without it, you are asked")
    cold.add_argument("--run", metavar="DIR", help="where the replies are kept (runs/coldstart-...)")
    cold.add_argument("--seed", type=int, metavar="N", help="decides which scenes")
    cold.add_argument("--model", metavar="NAME", help="the model's name at the endpoint")
    cold.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible endpoint")
    cold.add_argument("--model-path", metavar="FILE", help="a GGUF file in the place of the embedded model")
    cold.add_argument("--budget", type=dollars, metavar="USD", help="what it may cost, over all its starts")
    add_settings(cold)

    boot = add(commands, "bootstrap", "accepted replies of a run into the pool that demonstrations are drawn from")
    boot.add_argument("run", metavar="RUN", help="a run's folder")
    boot.add_argument("--category", required=True, metavar="NAME", help="the category")
    boot.add_argument("--n", type=positive, default=50, metavar="N", help="at most so many (50)")
    boot.add_argument("--novelty", type=float, default=0.7, metavar="X", help="ROUGE-L that no two may reach (0.7)")
    boot.add_argument("--seed", type=int, default=0, metavar="N", help="decides which, of those that are alike")
    boot.add_argument("--out", metavar="FILE", help="in the place of the category's accepted.jsonl")
