"""``syphus new``: a category of one's own, begun as a copy of one that works."""

import argparse
import re
import shutil
from pathlib import Path

from syphus.categories.load import CATEGORY_FILE, Library
from syphus.cli import view
from syphus.errors import Exit, InputError

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9_-]*")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    if not _NAME.fullmatch(arguments.name):
        raise InputError(
            f"{arguments.name!r} is no name for a category", mend="Two parts of a-z, 0-9, - and _: `mine/shopping`."
        )
    model = Library.at(Path.cwd()).category_folder(arguments.like)
    folder = Path(arguments.seeds) / arguments.name
    if folder.exists():
        raise InputError("is there already", file=folder, mend="Choose another name, or edit that one.")
    shutil.copytree(model, folder)
    view.say(f"{folder}: a copy of {arguments.like}. Now edit, in this order:")
    view.say(
        f"  {CATEGORY_FILE:<16} ability, what it needs, what of a scene is shown, how many pairs, limits of the checks"
    )
    view.say("  system.md        what the model is to do")
    view.say("  demonstrations/  three or more scenes with the reply they should get")
    view.say("then: syphus check seeds")
    return Exit.DONE
