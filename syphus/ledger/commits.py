"""Writing in groups: what is handed in while one commit is under way goes into the next.

Rows are inserted on the event loop's own thread, and only the commit, which waits for the disk, runs in another. A writer in
a thread of its own would take the interpreter's lock anew for every statement, and wait up to five milliseconds for it each
time while the loop is busy: under load it falls behind by a tenth of a second and more (measured). A single row is committed at
once. Under load the groups grow by themselves, and there they are given four milliseconds more: each commit costs a change of
threads and a wait for the disk, whatever it holds.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from syphus.errors import LedgerError
from syphus.ledger import reserve, store

_BUSY = 8
"""Pieces of work in a group, from which on there is load."""
_GATHERING = 0.004
"""Seconds between the end of such a group and the beginning of the next. What is asked keeps its place until it is on disk, so
nothing more can be lost for it."""

Work = Callable[[sqlite3.Connection], Any]
"""Statements that belong together."""

_Entry = tuple[Work, asyncio.Future[None] | None]


class GroupCommit:
    """The one writer of a ledger.

    Args:
        db: the connection; nobody else uses it.
        path: named in errors.
        complete: adds to each group what follows from it, as sums.
        forget: called when rows that were inserted are not there after all.
    """

    def __init__(self, db: sqlite3.Connection, path: Path, complete: Work, forget: Callable[[], None]) -> None:
        self.failure: LedgerError | None = None
        """Why nothing can be written any more. What was committed before is whole."""
        self.full: LedgerError | None = None
        """The disk is full, and what is written now uses up the reserve: no new work is to be begun."""
        self.reserve: reserve.Reserve | None = None
        self._db = db
        self._path = path
        self._complete = complete
        self._forget = forget
        self._waiting: list[_Entry] = []
        self._committing: tuple[Future[None], list[_Entry]] | None = None
        self._planned = False
        self._closed = False
        self._thread = ThreadPoolExecutor(1, "ledger")
        self._loop: asyncio.AbstractEventLoop | None = None

    def put(self, work: Work) -> None:
        """Writes with the next group; returns at once. A failure is raised by whatever is called next."""
        self._check()
        self._waiting.append((work, None))
        self._plan()

    def put_and_wait(self, work: Work) -> Awaitable[None]:
        """Writes with the next group; what is returned is done when it is on disk.

        A write that has begun is finished even if the task that waits for it is cancelled: it holds what was paid for.
        """
        self._check()
        loop = self._loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((work, done))
        self._plan()
        return done

    def flush(self) -> None:
        """Returns when all that was handed in is committed; blocks meanwhile."""
        while self._committing or self._waiting:
            if self._committing:
                self._end_commit()
            group, self._waiting = self._waiting, []
            if group and self._insert(group):
                self._finish(group, _error_of(self._db.commit))
        self._planned = False  # what was planned may be of a loop that has ended since
        self._check()

    def close(self) -> None:
        """Writes what is waiting, as far as it can be, and lets the connection go. May be called twice."""
        if self._closed:
            return
        self._closed = True
        try:
            if not self.failure:
                self.flush()
        except LedgerError:
            pass  # told to whoever waited for it
        finally:
            if self._committing:
                self._end_commit()
            self._thread.shutdown()
            self._db.close()
            if self.reserve:
                self.reserve.free()

    def _check(self) -> None:
        if self.failure:
            raise self.failure

    def _plan(self) -> None:
        """Commits at the end of this turn of the loop, so that all who are ready now are one group."""
        if self._planned or self._committing:
            return
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # before or after the run: flush() writes it
        self._planned = True
        self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._planned = False
        if self._committing or not self._waiting:
            return
        group, self._waiting = self._waiting, []
        if not self._insert(group):
            if self._waiting:
                self._plan()
            return
        committing = self._thread.submit(self._db.commit)
        self._committing = committing, group
        loop = self._loop
        assert loop is not None

        def committed(future: Future[None]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._after, future)

        committing.add_done_callback(committed)

    def _after(self, committing: Future[None]) -> None:
        if self._committing and self._committing[0] is committing:  # else a flush was quicker
            busy = len(self._committing[1]) >= _BUSY
            self._end_commit()
            if busy and self._loop:
                self._planned = True
                self._loop.call_later(_GATHERING, self._begin)
            elif self._waiting:
                self._begin()

    def _end_commit(self) -> None:
        """Waits for the commit that is under way, if it still is, and tells those who waited for it."""
        assert self._committing is not None
        committing, group = self._committing
        error = committing.exception()
        self._committing = None
        self._finish(group, error)

    def _insert(self, group: list[_Entry]) -> bool:
        try:
            self._work(group)
        # Whatever it is: those who wait must hear of it, or they would wait for ever.
        except Exception as error:  # noqa: BLE001
            self._finish(group, error)
            return False
        return True

    def _work(self, group: list[_Entry]) -> None:
        for work, _ in group:
            work(self._db)
        self._complete(self._db)

    def _finish(self, group: list[_Entry], error: BaseException | None) -> None:
        if error is not None and self.reserve and store.is_full(error):
            error = self._use_reserve(group, error)
        if error is not None:
            self.failure = self.failure or store.unwritable(self._path, error)
            self._roll_back()
        for _, done in group:
            if done is None or done.done():
                continue
            if self.failure:
                done.set_exception(self.failure)
            else:
                done.set_result(None)
        if self.failure and self._waiting:
            left, self._waiting = self._waiting, []
            self._finish(left, None)

    def _use_reserve(self, group: list[_Entry], error: BaseException) -> BaseException | None:
        """Writes a group once more, in the room that was kept; returns why not, if not even that helped."""
        assert self.reserve
        self.reserve.free()
        self.reserve = None
        self.full = reserve.full(self._path, error)
        self._roll_back()
        try:
            self._work(group)
            self._db.commit()
        except Exception as still:  # noqa: BLE001 - as in _insert
            return still
        return None

    def _roll_back(self) -> None:
        self._db.rollback()
        self._forget()


def _error_of(action: Callable[[], None]) -> BaseException | None:
    try:
        action()
    except sqlite3.Error as error:
        return error
    return None
