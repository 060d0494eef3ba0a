"""Room on the disk that is kept for what is on its way: a file of nothing beside the ledger, given up when the disk is full.

A call that was sent is paid for, whatever becomes of the disk. So the space for the replies that may still come is taken before
the first call is made, and let go at the moment when nothing else is left: they are stored, no new calls are made, and the run
ends with an error that says so.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

from syphus.errors import LedgerError

RESERVE_FILE = "ledger.reserve"
EACH = 32 * 1024
"""Bytes for each call that may be on its way: its request, a long reply, the outcome, and the pages of the indices."""
LEAST, MOST = 2**20, 64 * 2**20
_CHUNK = 2**20
_NO_ROOM = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


class Reserve:
    """The file.

    Args:
        folder: the ledger's.
        calls: that may be on their way at a time.

    Where no such file can be made for another reason than a full disk (a bound on the size of files), there is none.

    Raises:
        LedgerError: there is no room for it, so there would be none for replies.
    """

    def __init__(self, folder: Path, calls: int) -> None:
        self._path = folder / RESERVE_FILE
        size = min(max(calls * EACH, LEAST), MOST)
        try:
            with self._path.open("wb") as file:
                _allocate(file.fileno(), size)
        except OSError as error:
            self.free()
            if error.errno not in _NO_ROOM:
                return
            raise LedgerError(
                f"{folder}: no room is left on the disk for {size / 1e6:,.0f} MB, which replies may need ({error}).\n"
                "  Free some space, then start the same command again. Nothing was sent."
            ) from error

    def free(self) -> None:
        """Lets the space go."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def full(path: Path, error: BaseException) -> LedgerError:
    """What is said when the run had to end on its reserve."""
    return LedgerError(
        f"{path}: the disk is full ({error}).\n"
        "  The replies that were on their way were stored in the room that was kept for them, and no more were asked for.\n"
        "  Free some space, then start the same command again: it goes on where it stopped."
    )


def _allocate(descriptor: int, size: int) -> None:
    """Real blocks, not a hole."""
    allocate = getattr(os, "posix_fallocate", None)
    if allocate is not None:
        try:
            allocate(descriptor, 0, size)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
        else:
            return
    for start in range(0, size, _CHUNK):
        os.write(descriptor, os.urandom(min(_CHUNK, size - start)))
    os.fsync(descriptor)
