"""Files that are complete or absent: written under a temporary name, synced, and renamed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from syphus.errors import InputError


@contextmanager
def write_whole(path: Path) -> Iterator[IO[bytes]]:
    """Opens a file that takes the name ``path`` only when the block ends without an error.

    Raises :class:`InputError` where the folder cannot be written or the disk is full; the old file, if any, is then as it
    was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp", delete=False)  # noqa: SIM115
    except OSError as error:
        raise _unwritable(path, error) from error
    temporary = Path(file.name)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # NamedTemporaryFile makes files for the owner alone; a dataset is as readable as the user's other files.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(path)
    except OSError as error:
        # Reading what is to be written may fail too; that error names its own file and is passed on as it is.
        if error.filename not in (None, str(temporary)):
            raise
        raise _unwritable(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"cannot be written: {error.strerror or error}", file=path, mend="Free some space or name another folder."
    )
