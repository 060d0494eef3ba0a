"""The flags of the commands for datasets: written, read, judged, mixed, translated."""

from syphus.cli.flags.common import Commands, add, add_category, add_folders, positive
from syphus.cli.flags.translate import add_translate_flags


def add_datasets(commands: Commands) -> None:
    """Adds them."""
    _add_export(commands)
    _add_clips(commands)
    _add_convert(commands)
    _add_inspect(commands)
    _add_quality(commands)
    _add_mix(commands)
    _add_translate(commands)


def _add_export(commands: Commands) -> None:
    export = add(commands, "export", "write a run's dialogues for a trainer")
    export.add_argument("run", metavar="RUN", help="a run's folder")
    export.add_argument(
        "--format", required=True, metavar="F", help="as llava, messages, swift; docs/formats.md has all"
    )
    export.add_argument("--out", required=True, metavar="PATH", help="the file to write")
    export.add_argument("--boxes", metavar="NAME", help="print coordinates of references in this convention")
    export.add_argument("--embed-pictures", action="store_true", help="data URIs in the place of paths (messages)")
    export.add_argument("--max-tokens", type=positive, default=2048, metavar="N", help="the trainer's context (2048)")
    add_category(export)
    export.add_argument(
        "--language", action="append", metavar="TAG", help="only this language, or `all`; may be repeated"
    )
    export.add_argument("--decisions", metavar="FILE", help="hold back what people rejected (syphus review)")
    export.add_argument("--only-accepted", action="store_true", help="with --decisions: only what somebody accepted")
    export.add_argument("--corrected", action="store_true", help="as `syphus correct` left them, where it did")
    export.add_argument("--whole", action="store_true", help="also what the run's balance holds back")
    export.add_argument("--name", default="", metavar="NAME", help="what the dataset is called")
    export.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="what the format alone knows (docs/formats.md)"
    )


def _add_clips(commands: Commands) -> None:
    clips = add(commands, "clips", "the commands that cut clips out of their videos, for a shell")
    clips.add_argument("run", metavar="RUN|FILE", help="a run's folder, or a dataset")


def _add_convert(commands: Commands) -> None:
    convert = add(commands, "convert", "a dataset, or a run, into another format; docs/formats.md has all of them")
    convert.add_argument("source", metavar="IN", help="a file or folder; a run's folder is exported")
    convert.add_argument("out", metavar="OUT", help="the file to write (llamafactory: the folder)")
    convert.add_argument("--to", required=True, metavar="F", help="the format of OUT")
    convert.add_argument("--from", dest="from_", metavar="F", help="the format of IN (found by looking into it)")
    add_folders(convert)
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
    convert.add_argument("--max-tokens", type=positive, metavar="N", help="leave out longer dialogues (any length)")
    convert.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the format, as rows=turn of csv"
    )


def _add_inspect(commands: Commands) -> None:
    inspect = add(commands, "inspect", "what a dataset is, how much of it there is, and what is odd")
    inspect.add_argument("file", metavar="FILE", help="a file or folder in any format that can be read")
    inspect.add_argument("--from", dest="from_", metavar="F", help="its format (found by looking into it)")
    add_folders(inspect)
    inspect.add_argument("--dataset", default="", metavar="NAME", help="which of its datasets")
    inspect.add_argument("--json", action="store_true", help="for machines, to stdout")


def _add_quality(commands: Commands) -> None:
    quality = add(commands, "quality", "judge a dataset or a run by all checks, count it, mend it; docs/quality.md")
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
    add_folders(quality)
    quality.add_argument("--dataset", default="", metavar="NAME", help="which of its datasets")
    quality.add_argument("--language", default="", metavar="TAG", help="the language that its texts are to be in")
    quality.add_argument("--read-boxes", metavar="NAME", help="coordinates in its texts are in this convention")
    quality.add_argument("--processes", type=positive, metavar="N", help="work with so many (one for each processor)")

    show = add(commands, "show", "page through the dialogues of a run or a dataset")
    show.add_argument("source", metavar="RUN|FILE", help="a run's folder, or a dataset in any format that can be read")
    show.add_argument("--category", action="append", metavar="NAME", help="only this category; may be repeated")
    show.add_argument("--language", metavar="TAG", help="only dialogues in this language")
    show.add_argument("--rejected", action="store_true", help="what a run refused, and why")
    show.add_argument("--limit", type=positive, metavar="N", help="only the first N")
    show.add_argument("--plain", action="store_true", help="no pager and no colours, as when it is piped")
    show.add_argument("--from", dest="from_", metavar="F", help="the dataset's format (found by looking into it)")


def _add_mix(commands: Commands) -> None:
    mix = add(commands, "mix", "several datasets into one, by weights and in an order; docs/mixing.md")
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
        "--size", type=positive, metavar="N", help="dialogues of OUT (as many as there are with none twice)"
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
    mix.add_argument("--max-tokens", type=positive, metavar="N", help="refuse longer dialogues (any length)")
    mix.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the format")
    mix.add_argument("--json", action="store_true", help="what is drawn, for machines, to stdout")


def _add_translate(commands: Commands) -> None:
    translate = add(commands, "translate", "a run, or a dataset, into other languages; docs/translate.md")
    add_translate_flags(translate, positive)
    add_folders(translate)
