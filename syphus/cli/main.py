"""``syphus``: the commands and their flags. Each command's code is imported only when it is called, so help is quick."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

import syphus
from syphus.cli.judging_flags import add_judging
from syphus.cli.report_flags import add_report
from syphus.cli.translate_flags import add_translate_flags
from syphus.errors import Exit, SyphusError

EPILOG = """\
exit codes: 0 done; 1 done with failures, or nothing accepted; 2 bad input or configuration;
3 the provider refused (key, quota, model) or does not answer; 4 the budget is reached; 130 interrupted."""


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="syphus",
        description="Instruction data for vision-language models, made from the annotations you have.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"syphus {syphus.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    _add_generate(commands)
    plan = _add(commands, "plan", "what a run will ask and what it will cost; nothing is sent")
    plan.add_argument("config", metavar="CONFIG", help="a TOML file, as for generate")
    plan.add_argument("--run", metavar="DIR", help="the run's folder; what its ledger holds is not counted again")
    plan.add_argument("--limit", type=_positive, metavar="N", help="only the first N scenes")
    plan.add_argument("--seed", type=int, metavar="N", help="decides every draw")
    plan.add_argument("--category", action="append", metavar="NAME", help="only this category; may be repeated")
    plan.add_argument("--model", metavar="NAME", help="the model's name at the endpoint")
    plan.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible endpoint")
    plan.add_argument("--model-path", metavar="FILE", help="a GGUF file in the place of the embedded model")
    _add_settings(plan)
    plan.add_argument("--batch", action="store_true", help="at the prices of the provider's Batch API")
    plan.add_argument("--json", action="store_true", help="for machines, to stdout")

    _add_rehearse(commands)

    _add_regenerate(commands)

    _add_batch(commands)

    status = _add(commands, "status", "what a run has made, refused and spent")
    status.add_argument("run", metavar="RUN", help="a run's folder")
    status.add_argument("--json", action="store_true", help="for machines, to stdout")

    export = _add(commands, "export", "write a run's dialogues for a trainer")
    export.add_argument("run", metavar="RUN", help="a run's folder")
    export.add_argument(
        "--format", required=True, metavar="F", help="as llava, messages, swift; docs/formats.md has all"
    )
    export.add_argument("--out", required=True, metavar="PATH", help="the file to write")
    export.add_argument("--boxes", metavar="NAME", help="print coordinates of references in this convention")
    export.add_argument("--embed-pictures", action="store_true", help="data URIs in the place of paths (messages)")
    export.add_argument("--max-tokens", type=_positive, default=2048, metavar="N", help="the trainer's context (2048)")
    _add_category(export)
    export.add_argument(
        "--language", action="append", metavar="TAG", help="only this language, or `all`; may be repeated"
    )
    export.add_argument("--decisions", metavar="FILE", help="hold back what people rejected (syphus review)")
    export.add_argument("--only-accepted", action="store_true", help="with --decisions: only what somebody accepted")
    export.add_argument("--whole", action="store_true", help="also what the run's balance holds back")
    export.add_argument("--name", default="", metavar="NAME", help="what the dataset is called")
    export.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="what the format alone knows (docs/formats.md)"
    )

    clips = _add(commands, "clips", "the commands that cut a run's clips out of their videos, for a shell")
    clips.add_argument("run", metavar="RUN", help="a run's folder")

    _add_convert(commands)
    _add_inspect(commands)
    _add_quality(commands)
    _add_mix(commands)
    _add_translate(commands)
    add_judging(lambda name, text: _add(commands, name, text), _positive)

    add_report(lambda name, text: _add(commands, name, text), _positive)

    _add_recover(commands)

    check = _add(commands, "check", "look for mistakes before anything is paid for")
    check.add_argument(
        "what", metavar="WHAT", help="`seeds`, a configuration (.toml) or a file of scenes (.jsonl, .json)"
    )
    _add_settings(check)
    check.add_argument("--write-schema", metavar="FILE", help="also write the JSON Schema of a scene there")

    _add_beginnings(commands)

    new = _add(commands, "new", "make a category of your own by copying one")
    new.add_argument("name", metavar="FAMILY/NAME", help="the new category")
    new.add_argument("--like", default="llava/conversation", metavar="NAME", help="the category to copy")
    new.add_argument("--seeds", default="seeds", metavar="DIR", help="the folder of categories (seeds)")
    return parser


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    command.set_defaults(command=name)
    return command


def _add_convert(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    convert = _add(commands, "convert", "a dataset, or a run, into another format; docs/formats.md has all of them")
    convert.add_argument("source", metavar="IN", help="a file or folder; a run's folder is exported")
    convert.add_argument("out", metavar="OUT", help="the file to write (llamafactory: the folder)")
    convert.add_argument("--to", required=True, metavar="F", help="the format of OUT")
    convert.add_argument("--from", dest="from_", metavar="F", help="the format of IN (found by looking into it)")
    _add_folders(convert)
    convert.add_argument("--dataset", default="", metavar="NAME", help="which of the datasets of IN")
    convert.add_argument(
        "--name", default="", metavar="NAME", help="what the dataset is called in OUT, where it has a name"
    )
    convert.add_argument("--read-boxes", metavar="NAME", help="coordinates in the texts of IN are in this convention")
    convert.add_argument("--boxes", metavar="NAME", help="print coordinates of references in this convention")
    convert.add_argument("--language", default="en", metavar="TAG", help="the language of IN (en)")
    convert.add_argument(
        "--source-name", default="", metavar="NAME", help="what the dialogues of IN have as their source"
    )
    convert.add_argument("--no-system", action="store_true", help="leave system messages behind")
    convert.add_argument("--extract", metavar="DIR", help="write pictures that stand in IN itself into this folder")
    convert.add_argument("--embed-pictures", action="store_true", help="data URIs in the place of paths (messages)")
    convert.add_argument("--max-tokens", type=_positive, metavar="N", help="leave out longer dialogues (any length)")
    convert.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the format, as rows=turn of csv"
    )


def _add_inspect(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    inspect = _add(commands, "inspect", "what a dataset is, how much of it there is, and what is odd")
    inspect.add_argument("file", metavar="FILE", help="a file or folder in any format that can be read")
    inspect.add_argument("--from", dest="from_", metavar="F", help="its format (found by looking into it)")
    _add_folders(inspect)
    inspect.add_argument("--dataset", default="", metavar="NAME", help="which of its datasets")
    inspect.add_argument("--json", action="store_true", help="for machines, to stdout")


def _add_quality(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    quality = _add(commands, "quality", "judge a dataset or a run by all checks, count it, mend it; docs/quality.md")
    quality.add_argument(
        "source", metavar="RUN|FILE", help="a run's folder, or a dataset in any format that can be read"
    )
    quality.add_argument(
        "--scenes",
        action="append",
        default=[],
        metavar="PATH",
        help="scenes that a dataset is about: a file of scenes, or a configuration with sources; may be repeated",
    )
    quality.add_argument(
        "--fix", action="store_true", help="write what rules can mend, without what is refused, beside it"
    )
    quality.add_argument("--out", metavar="DIR", help="write verdicts.jsonl, measures.json and summary.md there")
    quality.add_argument("--from", dest="from_", metavar="F", help="the dataset's format (found by looking into it)")
    _add_folders(quality)
    quality.add_argument("--dataset", default="", metavar="NAME", help="which of its datasets")
    quality.add_argument("--language", default="", metavar="TAG", help="the language that its texts are to be in")
    quality.add_argument("--read-boxes", metavar="NAME", help="coordinates in its texts are in this convention")
    quality.add_argument("--processes", type=_positive, metavar="N", help="work with so many (one for each processor)")

    show = _add(commands, "show", "page through the dialogues of a run or a dataset")
    show.add_argument("source", metavar="RUN|FILE", help="a run's folder, or a dataset in any format that can be read")
    show.add_argument("--category", action="append", metavar="NAME", help="only this category; may be repeated")
    show.add_argument("--language", metavar="TAG", help="only dialogues in this language")
    show.add_argument("--rejected", action="store_true", help="what a run refused, and why")
    show.add_argument("--limit", type=_positive, metavar="N", help="only the first N")
    show.add_argument("--plain", action="store_true", help="no pager and no colours, as when it is piped")
    show.add_argument("--from", dest="from_", metavar="F", help="the dataset's format (found by looking into it)")


def _add_mix(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    mix = _add(commands, "mix", "several datasets into one, by weights and in an order; docs/mixing.md")
    mix.add_argument("inputs", nargs="+", metavar="[NAME=]FILE", help="datasets in any format that can be read")
    mix.add_argument("--out", required=True, metavar="OUT", help="the file to write")
    mix.add_argument("--to", metavar="F", help="the format of OUT (that of the datasets, where all have one)")
    mix.add_argument(
        "--from", dest="from_", metavar="F", help="the format of all datasets (found by looking into them)"
    )
    mix.add_argument(
        "--weights", default="natural", metavar="W", help="natural, sqrt, equal, or A=0.3,B=0.7 by name (natural)"
    )
    mix.add_argument("--times", default="", metavar="NAME=X", help="multiply weights by hand, as A=2,B=0.5")
    mix.add_argument("--order", choices=["mixed", "sequential", "batch"], default="mixed", help="(mixed)")
    mix.add_argument(
        "--size", type=_positive, metavar="N", help="dialogues of OUT (as many as there are with none twice)"
    )
    mix.add_argument("--seed", type=int, default=0, metavar="N", help="decides every draw (0)")
    mix.add_argument(
        "--images", action="append", default=[], metavar="[NAME=]DIR", help="the folder that the paths are relative to"
    )
    mix.add_argument("--extract", metavar="DIR", help="write pictures that stand in the datasets themselves there")
    mix.add_argument("--read-boxes", metavar="NAME", help="coordinates in the texts are in this convention")
    mix.add_argument("--boxes", metavar="NAME", help="print coordinates of references in this convention")
    mix.add_argument("--any-boxes", action="store_true", help="mix texts whose coordinates differ in their convention")
    mix.add_argument(
        "--leave-out", action="store_true", help="leave out what the format cannot hold, and do not refuse"
    )
    mix.add_argument("--embed-pictures", action="store_true", help="data URIs in the place of paths (messages)")
    mix.add_argument("--max-tokens", type=_positive, metavar="N", help="refuse longer dialogues (any length)")
    mix.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the format")
    mix.add_argument("--json", action="store_true", help="what is drawn, for machines, to stdout")


def _add_translate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    translate = _add(commands, "translate", "a run, or a dataset, into other languages; docs/translate.md")
    add_translate_flags(translate, _positive)
    _add_folders(translate)


def _add_folders(command: argparse.ArgumentParser) -> None:
    command.add_argument("--images", metavar="DIR", help="the folder that the paths in it are relative to")
    command.add_argument("--videos", metavar="DIR", help="that of videos, where it is another")


def _add_recover(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "a whole ledger from one that is damaged or of an older version, which is kept"
    _add(commands, "recover", text).add_argument("run", metavar="RUN", help="a run's folder")


def _add_regenerate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    regenerate = _add(commands, "regenerate", "make a part of a run once more; the plan first, and all else stays")
    regenerate.add_argument("run", metavar="RUN", help="a run's folder")
    _add_category(regenerate)
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
    regenerate.add_argument("--budget", type=_dollars, metavar="USD", help="what the run may cost, over all its starts")
    _add_settings(regenerate)

    diff = _add(commands, "diff", "what was made before beside what is made now")
    diff.add_argument("run", metavar="RUN", help="a run's folder")
    _add_category(diff)
    diff.add_argument(
        "--generations",
        nargs=2,
        type=_positive,
        metavar=("OLD", "NEW"),
        help="their numbers (each item's last but one and its last)",
    )
    diff.add_argument("--limit", type=_positive, metavar="N", help="show so many items (5; with --json all)")
    diff.add_argument("--all", action="store_true", help="show all that differ")
    diff.add_argument("--json", action="store_true", help="for machines, to stdout")


def _add_generate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    generate = _add(commands, "generate", "make a dataset; started again, it goes on where it was")
    generate.add_argument("config", metavar="CONFIG", help="a TOML file, such as configs/quickstart.toml")
    generate.add_argument("--run", metavar="DIR", help="the run's folder")
    generate.add_argument("--limit", type=_positive, metavar="N", help="only the first N scenes")
    generate.add_argument("--seed", type=int, metavar="N", help="decides every draw")
    _add_category(generate)
    generate.add_argument("--model", metavar="NAME", help="the model's name at the endpoint")
    generate.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible endpoint")
    generate.add_argument("--model-path", metavar="FILE", help="a GGUF file in the place of the embedded model")
    generate.add_argument("--concurrency", type=_positive, metavar="N", help="calls in flight, at most")
    generate.add_argument("--budget", type=_dollars, metavar="USD", help="what the run may cost, over all its starts")
    _add_settings(generate)
    generate.add_argument(
        "--batch", action="store_true", help="through the provider's Batch API: cheaper, within a day"
    )
    generate.add_argument("--wait", action="store_true", help="with --batch: wait for the batches and go on")
    generate.add_argument("--anyway", action="store_true", help="ask online also what waits in a batch; both are paid")
    generate.add_argument("--show-prompt", action="store_true", help="print the first prompt of each category and end")


def _add_batch(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    batch = _add(commands, "batch", "what a run has at the provider's Batch API: how it stands, fetch it, call it back")
    batch.add_argument("action", choices=["status", "collect", "cancel"], help="collect may be repeated at any time")
    batch.add_argument("run", metavar="RUN", help="a run's folder")
    batch.add_argument("--wait", action="store_true", help="collect: until nothing is missing any more")
    batch.add_argument("--no-submit", action="store_true", help="collect: hand in nothing new")
    batch.add_argument(
        "--budget", type=_dollars, metavar="USD", help="collect: what the run may cost, over all its starts"
    )
    batch.add_argument("--json", action="store_true", help="status: for machines, to stdout")


def _add_beginnings(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    cold = _add(commands, "coldstart", "the first demonstrations of a category, out of replies asked for without any")
    cold.add_argument("category", metavar="CATEGORY", help="as mine/shops; its system message must be written")
    cold.add_argument(
        "--scenes", metavar="FILE", help="a file of scenes (.jsonl); asks the embedded model unless --model"
    )
    cold.add_argument("--config", metavar="FILE", help="in its place: the sources and the model of a configuration")
    cold.add_argument("--n", type=_positive, default=20, metavar="N", help="scenes to ask about (20)")
    cold.add_argument("--show", type=_positive, default=5, metavar="N", help="show the best so many (5)")
    cold.add_argument("--accept", metavar="1,3", help="take these of those shown, or all; without it, you are asked")
    cold.add_argument("--run", metavar="DIR", help="where the replies are kept (runs/coldstart-...)")
    cold.add_argument("--seed", type=int, metavar="N", help="decides which scenes")
    cold.add_argument("--model", metavar="NAME", help="the model's name at the endpoint")
    cold.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible endpoint")
    cold.add_argument("--model-path", metavar="FILE", help="a GGUF file in the place of the embedded model")
    cold.add_argument("--budget", type=_dollars, metavar="USD", help="what it may cost, over all its starts")
    _add_settings(cold)

    boot = _add(commands, "bootstrap", "accepted replies of a run into the pool that demonstrations are drawn from")
    boot.add_argument("run", metavar="RUN", help="a run's folder")
    boot.add_argument("--category", required=True, metavar="NAME", help="the category")
    boot.add_argument("--n", type=_positive, default=50, metavar="N", help="at most so many (50)")
    boot.add_argument("--novelty", type=float, default=0.7, metavar="X", help="ROUGE-L that no two may reach (0.7)")
    boot.add_argument("--seed", type=int, default=0, metavar="N", help="decides which, of those that are alike")
    boot.add_argument("--out", metavar="FILE", help="in the place of the category's accepted.jsonl")


def _add_rehearse(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    rehearse = _add(
        commands, "rehearse", "the whole run against an endpoint on this machine that makes trouble; costs nothing"
    )
    rehearse.add_argument("config", metavar="CONFIG", help="a TOML file, such as configs/quickstart.toml")
    rehearse.add_argument("--limit", type=_positive, metavar="N", help="only the first N scenes")
    rehearse.add_argument(
        "--faults",
        default="all",
        metavar="KIND[,KIND...]",
        help="kinds of docs/faults.md, `none`, or `all` but those that stop a run (all)",
    )
    rehearse.add_argument("--share", type=float, default=0.1, metavar="X", help="of the calls that meet one (0.1)")
    rehearse.add_argument("--latency", type=float, default=0.2, metavar="S", help="seconds for each reply (0.2)")
    rehearse.add_argument("--rpm", type=_positive, metavar="N", help="requests a minute that are let through")
    rehearse.add_argument("--tpm", type=_positive, metavar="N", help="tokens a minute that are let through")
    rehearse.add_argument("--run", metavar="DIR", help="keep it in this new folder (it is thrown away)")
    _add_settings(rehearse)


def _add_category(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--category",
        action="append",
        metavar="NAME",
        help="only this category, or a family as llava/*; may be repeated",
    )


def _add_settings(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set an option of the sources, as folder=/data/coco",
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set any key of the configuration, as model.timeout=60",
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _dollars(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = 0.0
    if not 0 < amount < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no sum of US dollars above 0")
    return amount


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit code."""
    chosen = build_parser().parse_args(arguments)
    try:
        command = import_module(f"syphus.cli.{chosen.command}")
        return int(command.run(chosen))
    except SyphusError as error:
        print(f"syphus: {error}", file=sys.stderr)
        return int(error.exit_code)
    except KeyboardInterrupt:
        print("syphus: interrupted", file=sys.stderr)
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        return int(Exit.FAILURES)
    except OSError as error:  # a folder that may not be entered, a full disk: the system's own words say it
        print(f"syphus: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return int(Exit.BAD_INPUT)
