"""The ledger in good times and bad: what is kept once, who is kept out, what is said of damage, and what is saved from it."""

import asyncio
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from engines import engine_of, lane_of
from msgspec import Struct

from syphus.cli.main import main
from syphus.engine.counters import Counters
from syphus.errors import FailureKind, LedgerError, ModelError
from syphus.exchange import Ask, Item, Message, Outcome, Reject, Reply, Request, Usage
from syphus.identity import fingerprint
from syphus.ledger import rescue as rescue_module
from syphus.ledger import store
from syphus.ledger.ledger import LEDGER_FILE, Call, Ledger, open_ledger
from syphus.ledger.reader import SPENT
from syphus.ledger.rescue import LOST_PREFIX, LOST_TEXT, rescue
from syphus.ledger.reserve import RESERVE_FILE
from syphus.ledger.salvage import FORMS
from syphus.ledger.store import RESCUED_FILE
from syphus.records import Dialogue, Turn
from syphus.rehearsal.replies import completion
from syphus.rehearsal.server import RehearsalServer

ROOT = Path(__file__).parents[1]
SETTINGS = '{"model":"m","temperature":0.5}'
PAGE = 4096


class Numbered(Struct, frozen=True):
    number: int
    version: str = "v"
    draw: int = 0
    basis: str = "b"

    @property
    def id(self) -> str:
        return f"item{self.number}"

    @property
    def scene_id(self) -> str:
        return f"scene{self.number}"

    @property
    def category(self) -> str:
        return "a/b"


def key_of(number: int) -> str:
    return fingerprint(number)


def text_of(number: int) -> str:
    """Of many lengths: on a page with others, and over several pages; not all of it ASCII."""
    return f"reply {number}: " + "wörter wie diese, " * (number * 37 % 211)


def asked(number: int) -> Request:
    constant = Message("system", "You talk about pictures. " * 300)
    return Request(purpose="a/b/talk", messages=(constant, Message("user", f"picture {number} " * 20)), constant=1)


async def put(ledger: Ledger, number: int, *, text: str | None = None) -> None:
    key, request = key_of(number), asked(number)
    if number % 7 == 0:
        failed = ModelError(FailureKind.OVERLOADED, "busy", status=503)
        await ledger.record_attempt(key, request, SETTINGS, failed, Call(0.1, "http://e", risk=0.01))
    reply = Reply(text=text or text_of(number), usage=Usage(100, 20), model="m-1")
    await ledger.record_attempt(key, request, SETTINGS, reply, Call(0.5, "http://e", cost=0.25))
    turns = (Turn(role="user", text="?"), Turn(role="assistant", text=reply.text))
    made = Outcome(
        dialogues=(Dialogue(id=f"d{number}", scene=f"scene{number}", turns=turns),), requests=(key,), notes=("note",)
    )
    ledger.record_outcome(Numbered(number), number, made, state="accepted", detail="")


def fill(folder: Path, count: int) -> None:
    async def work(ledger: Ledger) -> None:
        await asyncio.gather(*(put(ledger, number) for number in range(count)))

    with open_ledger(folder, create=True) as ledger:
        ledger.set_meta("config", {"seed": 7})
        ledger.record_category("b2:1", "a/b", {"text": "c" * 9000})
        ledger.record_abilities("http://e m", {"schema_mode": "prompt"})
        ledger.record_problem("source", "file", "line 1", "torn", lost=True)
        asyncio.run(work(ledger))
        ledger.draw_again(["item3", "item5"])
        ledger.draw_again(["item5"])


def rows_of(path: Path, table: str) -> dict[object, tuple]:
    with closing(sqlite3.connect(path)) as db:
        return {row[0]: row for row in db.execute(f"SELECT * FROM {table}")}


def one(folder: Path, statement: str) -> object:
    with closing(sqlite3.connect(folder / LEDGER_FILE)) as db:
        return db.execute(statement).fetchone()[0]


# -- in good times


def test_a_new_ledger_finds_what_this_start_has_written(tmp_path: Path) -> None:
    async def work(ledger: Ledger) -> None:
        assert ledger.find_reply(key_of(1)) is None
        await put(ledger, 1)
        assert ledger.find_reply(key_of(1)), "an item that stands twice in the sources is not paid for twice"
        assert ledger.find_reply(key_of(2)) is None

    with open_ledger(tmp_path, create=True) as ledger:
        asyncio.run(work(ledger))
        ledger.flush()
        done = ledger.find_done("item1")
        assert done
        assert done.state == "accepted"
        for version in ("v", "w"):
            item = Numbered(1, version=version)
            ledger.record_outcome(item, 9, Outcome(notes=("again",)), state="rejected", detail="")
        ledger.flush()
    stored = rows_of(tmp_path / LEDGER_FILE, "outcomes").values()
    assert sorted((row[1], row[2], row[3]) for row in stored) == [("item1", 1, "v"), ("item1", 2, "w")], (
        "in place of what was made of the same version, else as a new generation"
    )


def test_what_is_written_in_a_second_loop_does_not_wait_for_the_first(tmp_path: Path) -> None:
    async def work(ledger: Ledger, numbers: range) -> None:
        await asyncio.wait_for(asyncio.gather(*(put(ledger, number) for number in numbers)), 10)

    with open_ledger(tmp_path, create=True) as ledger:
        asyncio.run(work(ledger, range(32)))  # ends while its last commit still gathers
        ledger.flush()
        asyncio.run(work(ledger, range(32, 34)))
    assert one(tmp_path, "SELECT count(*) FROM outcomes") == 34


def test_a_ledger_with_rows_is_looked_into(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    with open_ledger(tmp_path, create=True) as ledger:
        assert ledger.find_reply(key_of(2))
        assert ledger.find_done("item2")
        assert ledger.find_done("item9") is None


def test_what_is_stored_is_read(tmp_path: Path) -> None:
    fill(tmp_path, 20)
    with open_ledger(tmp_path) as ledger:
        reply = ledger.find_reply(key_of(7))
        assert reply == Reply(text=text_of(7), usage=Usage(100, 20), model="m-1", key=key_of(7), replayed=True), (
            "the failed attempt before it does not stand in the way"
        )
        assert ledger.find_reply(key_of(20)) is None
        assert [outcome.item for outcome in ledger.outcomes()] == [f"item{number}" for number in range(20)]
        spent = ledger.spent()[0]
        assert (spent.calls, spent.failed, spent.cost, spent.risk) == (23, 3, 5.0, pytest.approx(0.03))
        assert (ledger.draw_of("item5"), ledger.draw_of("item3"), ledger.draw_of("item1")) == (2, 1, 0)


def test_the_constant_part_of_prompts_is_stored_once(tmp_path: Path) -> None:
    fill(tmp_path, 40)
    assert one(tmp_path, "SELECT count(*) FROM texts WHERE length(text) > 5000") == 1
    assert one(tmp_path, "SELECT count(*) FROM requests") == 40


def test_the_way_from_a_rejected_item_to_its_replies_is_kept(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    with open_ledger(tmp_path, create=True) as ledger:
        made = Outcome(rejects=(Reject(code="leak", message="m"),), requests=(key_of(2),))
        ledger.record_outcome(Numbered(2), 2, made, state="rejected", detail="")
    found = one(
        tmp_path,
        "SELECT reply FROM outcomes, json_each(outcomes.requests) AS asked JOIN requests ON requests.key = asked.value"
        " JOIN attempts ON attempts.request = requests.id WHERE state = 'rejected'",
    )
    assert found == text_of(2)


def test_another_version_or_draw_is_another_generation(tmp_path: Path) -> None:
    with open_ledger(tmp_path, create=True) as ledger:
        for item in (Numbered(1), Numbered(1, basis="c"), Numbered(1, version="w"), Numbered(1, version="w", draw=1)):
            ledger.record_outcome(item, 0, Outcome(notes=(item.version,)), state="rejected", detail="")
            ledger.flush()
        assert [outcome.notes for outcome in ledger.outcomes()] == [("w",)]
    assert [row[1:5] for row in rows_of(tmp_path / LEDGER_FILE, "outcomes").values()] == [
        ("item1", 1, "v", 0),
        ("item1", 2, "w", 0),
        ("item1", 3, "w", 1),
    ]


def test_the_queries_of_the_manual_find_something(tmp_path: Path) -> None:
    fill(tmp_path, 20)
    with open_ledger(tmp_path, create=True) as ledger:
        made = Outcome(rejects=(Reject(code="leak", message="m"),), requests=(key_of(2),))
        ledger.record_outcome(Numbered(2), 2, made, state="rejected", detail="")
    queries = re.findall(r"```sql\n(.*?)```", (ROOT / "docs/ledger.md").read_text(), re.DOTALL)
    assert len(queries) == 5
    with closing(sqlite3.connect(tmp_path / LEDGER_FILE)) as db:
        cost, why, said, failed, speed = (db.execute(query).fetchall() for query in queries)
    assert cost == [("a/b", 5.03, 19, pytest.approx(5.03 / 19, abs=1e-6))]
    assert why == [("a/b", "leak", 1)]
    assert said == [("item2", text_of(2))]
    assert [(row[1:3], row[3]) for row in failed] == [(("server error", 503), 3)]
    assert speed == [("a/b/talk", 20, 0.5, 0.5, 40.0)]


# -- errors that say what to do


def run_syphus(*arguments: str | Path, code: str = "", **more: object) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    start = f"{code}\nimport sys; from syphus.cli.main import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", start, *map(str, arguments)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False, **more,
    )  # fmt: skip


def assert_clear(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr


def write_config(folder: Path, url: str, *, scenes: Path = ROOT / "examples/scenes.jsonl", count: int = 4) -> Path:
    config = folder / "run.toml"
    config.write_text(f"""
categories = ["llava/conversation", "llava/detail"]
[run]
folder = "run"
seed = 3
[[sources]]
reader = "scenes"
path = "{scenes}"
[model]
kind = "openai"
name = "m"
base_url = "{url}"
concurrency = {count}
[[export]]
format = "jsonl"
path = "out.jsonl"
""")
    return config


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    fill(tmp_path / "run", 3)
    code = (
        "import sys, pathlib; from syphus.ledger.ledger import open_ledger\n"
        "with open_ledger(pathlib.Path(sys.argv[1]), create=True): print('in', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "run")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "in\n"
        with pytest.raises(LedgerError, match="another syphus process is writing this run"):
            open_ledger(tmp_path / "run", create=True)
        with pytest.raises(LedgerError, match="another syphus process"):
            rescue(tmp_path / "run")
        with open_ledger(tmp_path / "run") as ledger:
            assert len(list(ledger.outcomes())) == 3, "reading is allowed: `syphus status` while it runs"
        config = write_config(tmp_path, "http://127.0.0.1:9/v1")
        assert_clear(run_syphus("generate", config), "another syphus process", "stop it")
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    open_ledger(tmp_path / "run", create=True).close()  # the lock has gone with the process


def test_a_database_browser_that_holds_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, 3)
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **kwargs: connect(*args, **(kwargs | {"timeout": 0.05})))
    with closing(connect(tmp_path / LEDGER_FILE, isolation_level=None)) as browser:
        with open_ledger(tmp_path, create=True) as ledger:
            browser.execute("BEGIN IMMEDIATE")
            with pytest.raises(LedgerError, match=r"database is locked[\s\S]*Close what has it open"):
                asyncio.run(put(ledger, 3))
        browser.execute("ROLLBACK")
    with open_ledger(tmp_path, create=True) as ledger:
        asyncio.run(put(ledger, 3))
        assert ledger.find_reply(key_of(3))


@pytest.mark.parametrize(
    ("version", "parts"),
    [
        (1, ("older version of syphus (form 1", "syphus recover")),
        (99, ("another version of syphus (form 99", "--run")),
        (0, ("another version", "--run")),
    ],
)
@pytest.mark.parametrize("command", ["status", "generate"])
def test_a_ledger_of_another_version(
    tmp_path: Path, version: int, parts: tuple[str, ...], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path / "run", 3)
    with closing(sqlite3.connect(tmp_path / "run" / LEDGER_FILE)) as db:
        db.execute(f"PRAGMA user_version = {version}")
    before = (tmp_path / "run" / LEDGER_FILE).read_bytes()
    target = tmp_path / "run" if command == "status" else write_config(tmp_path, "http://127.0.0.1:9/v1")
    assert main([command, str(target)]) == 2
    said = capsys.readouterr().err
    assert all(part in said for part in parts)
    assert (tmp_path / "run" / LEDGER_FILE).read_bytes() == before


def test_recover_does_not_touch_what_a_newer_version_wrote(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    with closing(sqlite3.connect(tmp_path / LEDGER_FILE)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(LedgerError, match="another version of syphus"):
        rescue(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ledger.lock", LEDGER_FILE]


@pytest.mark.parametrize(
    ("content", "part"), [(b"", "is empty"), (b"this is no database at all" * 1000, "is no ledger, or a damaged one")]
)
@pytest.mark.parametrize("command", ["status", "generate"])
def test_a_file_that_is_no_ledger(
    tmp_path: Path, content: bytes, part: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LEDGER_FILE).write_bytes(content)
    target = tmp_path / "run" if command == "status" else write_config(tmp_path, "http://127.0.0.1:9/v1")
    assert main([command, str(target)]) == 2
    assert part in capsys.readouterr().err
    with pytest.raises(LedgerError, match="nothing that was asked or answered can be read"):
        rescue(tmp_path / "run")
    assert (tmp_path / "run" / LEDGER_FILE).read_bytes() == content, "nothing is destroyed, not even this"


def test_no_run_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("status", "recover"):
        assert main([command, str(tmp_path)]) == 2
        assert "there is no run here" in capsys.readouterr().err
    (tmp_path / "file").write_text("x")
    with pytest.raises(LedgerError, match="--run"):
        open_ledger(tmp_path / "file" / "run", create=True)


@contextmanager
def without_privileges() -> Iterator[None]:
    """Tests may run as root, for whom everything is writable."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("only_the_lock", [False, True])
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_folder_or_lock_that_cannot_be_written(only_the_lock: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with tempfile.TemporaryDirectory() as name:  # not tmp_path: its parents are closed to other users
        folder, run = Path(name), Path(name) / "run"
        folder.chmod(0o755)
        fill(run, 3)
        config = write_config(folder, "http://127.0.0.1:9/v1")
        assert main(["recover", str(run)]) == 0
        with RehearsalServer() as server:  # all modules are loaded after that
            url = f"model.base_url={server.url}"
            assert main(["generate", str(config), "--run", str(folder / "other"), "--set", url]) == 0
        (run / "ledger.lock").chmod(0o444)
        run.chmod(0o777 if only_the_lock else 0o555)
        capsys.readouterr()
        try:
            for command in (["generate", str(config)], ["recover", str(run)]):
                with without_privileges():
                    assert main(command) == 2
                said = capsys.readouterr().err
                assert "ledger.lock: cannot be used" in said
                assert "must be writable" in said
                assert "another syphus" not in said, "nobody should look for a process that is not there"
            folder.chmod(0o555)
            with without_privileges():
                assert main(["generate", str(config), "--run", str(folder / "new")]) == 2
            assert "--run" in capsys.readouterr().err
        finally:
            folder.chmod(0o755)
            run.chmod(0o755)


@pytest.mark.parametrize("how", ["folder", "garbage"])
def test_a_lock_file_that_is_none(tmp_path: Path, how: str) -> None:
    fill(tmp_path, 3)
    lock = tmp_path / "ledger.lock"
    lock.unlink()
    if how == "folder":
        lock.mkdir()
    else:
        lock.write_bytes(b"garbage" * 500)
    with pytest.raises(LedgerError, match=r"ledger\.lock: cannot be used"):
        open_ledger(tmp_path, create=True)


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """The limit on a file's size stands for it: SQLite meets a write that fails, at whichever page that is."""
    resource = pytest.importorskip("resource")
    del resource
    with RehearsalServer() as server:
        config = write_config(tmp_path, server.url)
        code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))"
        done = run_syphus("generate", config, code=code)
        assert_clear(done, "cannot be written", "What was stored before is whole", "Free some space", "Lost: ")
        assert one(tmp_path / "run", "PRAGMA integrity_check") == "ok"
        before, stored = len(server.calls), one(tmp_path / "run", "SELECT count(*) FROM attempts")
        assert isinstance(stored, int)
        assert 0 < stored <= before
        again = run_syphus("generate", config)
        assert again.returncode == 0, again.stderr
        assert len(server.calls) - before == 21 - stored, "a probe and 20 items; what was stored is not asked again"


def mount_small(place: Path, size: str) -> None:
    place.mkdir()
    mount = shutil.which("mount")
    command = [mount or "", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if not mount or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")


LONG_REPLY = "a long reply, " * 1_500


async def ask_for_much(folder: Path, server: RehearsalServer, items: range, *, spoil: bool = False) -> Counters:
    """A run of long replies, with room kept for those on their way."""

    async def job(item: Item, ask: Ask) -> Outcome:
        reply = await ask(Request(purpose="a/b/c", messages=(Message("user", item.id),)))
        return Outcome(rejects=(Reject(code="test", message=reply.text[:9]),), requests=(reply.key,))

    with open_ledger(folder, create=True) as ledger:
        lane = lane_of(server.url, concurrency=8)
        ledger.keep_reserve(8)
        if spoil:
            ledger._commits._db = _Full(ledger._commits._db, folder / RESERVE_FILE)  # type: ignore[assignment]
        engine = engine_of(ledger, lane)
        try:
            await engine.run(map(Numbered, items), job)
        finally:
            await engine.close()
        return engine.counters


class _Full:
    """A database whose disk is full after a while, for as long as the reserve is there."""

    def __init__(self, db: sqlite3.Connection, reserve: Path) -> None:
        self._db, self._reserve, self._left = db, reserve, 100

    def execute(self, *statement: Any) -> sqlite3.Cursor:
        self._left -= 1
        if self._left < 0 and self._reserve.exists():
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return self._db.execute(*statement)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


def test_a_full_disk_loses_no_reply_that_is_on_its_way(tmp_path: Path) -> None:
    with RehearsalServer(lambda body, number: completion("fine"), delay=0.01) as server:
        with pytest.raises(LedgerError, match="the disk is full"):
            asyncio.run(ask_for_much(tmp_path, server, range(500), spoil=True))
        sent, stored = len(server.calls), one(tmp_path, "SELECT count(*) FROM attempts")
        assert 8 < sent < 200, "no more were asked for"
        assert stored == sent
        assert one(tmp_path, "SELECT count(*) FROM attempts WHERE endpoint NOT IN (SELECT id FROM texts)") == 0
        assert not (tmp_path / RESERVE_FILE).exists()
        counters = asyncio.run(ask_for_much(tmp_path, server, range(200)))
        assert (counters.sent, counters.items) == (200 - sent, 200), "the same command goes on"
        assert not (tmp_path / RESERVE_FILE).exists(), "it is there while a run is"


def test_a_run_on_a_file_system_that_fills_up(tmp_path: Path) -> None:
    """A real one, where one may be mounted."""
    place = tmp_path / "small"
    mount_small(place, "3m")
    try:
        with RehearsalServer(lambda body, number: completion(LONG_REPLY), delay=0.01) as server:
            with pytest.raises(LedgerError, match="the disk is full"):
                asyncio.run(ask_for_much(place, server, range(2_000)))
            shutil.copytree(place, tmp_path / "copy")
            assert one(tmp_path / "copy", "PRAGMA integrity_check") == "ok"
            sent = len(server.calls)
            assert one(tmp_path / "copy", "SELECT count(*) FROM attempts WHERE reply IS NOT NULL") == sent > 20
            with pytest.raises(LedgerError, match=r"no room is left on the disk for 1 MB(.|\n)*Nothing was sent"):
                asyncio.run(ask_for_much(place, server, range(2_000)))
            counters = asyncio.run(ask_for_much(tmp_path / "copy", server, range(sent + 10)))
            assert counters.sent == 10 == len(server.calls) - sent
    finally:
        subprocess.run(["umount", str(place)], check=False)


def test_a_file_system_that_is_full(tmp_path: Path) -> None:
    """A real one, where one may be mounted."""
    place = tmp_path / "small"
    mount_small(place, "700k")
    try:

        async def work(ledger: Ledger) -> int:
            for number in range(10_000):
                try:
                    await put(ledger, number)
                except LedgerError as error:
                    assert "Free some space" in str(error)  # noqa: PT017 - how many came before is asked too
                    return number
            raise AssertionError("it never was full")

        with open_ledger(place, create=True) as ledger:
            stored = asyncio.run(work(ledger))
            assert stored > 5
        shutil.copytree(place, tmp_path / "copy")
        assert one(tmp_path / "copy", "PRAGMA integrity_check") == "ok"
        with open_ledger(tmp_path / "copy", create=True) as ledger:
            assert all(ledger.find_reply(key_of(number)) for number in range(stored))
            asyncio.run(put(ledger, stored))
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_write_that_fails_ends_the_run_and_the_next_start_goes_on(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    with open_ledger(tmp_path, create=True) as ledger:
        ledger._commits.put(lambda db: db.execute("PRAGMA max_page_count = 1"))
        with pytest.raises(LedgerError, match="Free some space"):
            asyncio.run(put(ledger, 3, text="x" * 99_000))
        with pytest.raises(LedgerError, match="Free some space"):
            asyncio.run(put(ledger, 4))
    fill(tmp_path, 5)
    with open_ledger(tmp_path) as ledger:
        assert ledger.find_reply(key_of(4))


def test_a_row_that_cannot_be_written_is_an_error_and_no_endless_wait(tmp_path: Path) -> None:
    with open_ledger(tmp_path, create=True) as ledger:
        ledger.record_problem("source", "half a \ud800 pair", "line 1", "message", lost=True)
        with pytest.raises(LedgerError, match="cannot be written"):
            ledger.flush()


def test_damage_that_is_met_in_the_middle_of_a_run(tmp_path: Path) -> None:
    with RehearsalServer() as server:
        config = write_config(tmp_path, server.url)
        assert run_syphus("generate", config).returncode == 0
        path = tmp_path / "run" / LEDGER_FILE
        for table in ("attempts", "outcomes", "requests"):
            kept = path.read_bytes()
            spoil_pages(path, pages_of(path, table), random.Random(1))
            for arguments in (("generate", config, "--set", "run.seed=4"), ("status", path.parent)):
                assert_clear(run_syphus(*arguments), "damaged", f"syphus recover {tmp_path / 'run'}")
            path.write_bytes(kept)
            for end in ("-wal", "-shm"):
                path.with_name(path.name + end).unlink(missing_ok=True)


def test_a_text_that_is_damaged_is_a_damaged_ledger(tmp_path: Path) -> None:
    """SQLite finds nothing wrong with it."""
    fill(tmp_path, 3)
    with closing(sqlite3.connect(tmp_path / LEDGER_FILE)) as db:
        db.execute("UPDATE attempts SET reply = CAST(x'c328' AS TEXT) WHERE failure IS NULL")
        db.execute("UPDATE outcomes SET dialogues = CAST(x'c328' AS TEXT)")
        db.commit()
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with open_ledger(tmp_path) as ledger:
        with pytest.raises(LedgerError, match="damaged"):
            ledger.find_reply(key_of(1))
        with pytest.raises(LedgerError, match="damaged"):
            list(ledger.outcomes())
    done = rescue(tmp_path)
    assert (done.tables["attempts"].saved, done.tables["attempts"].lost) == (1, 3), "the failed one holds no reply"
    assert (done.tables["requests"].saved, done.tables["outcomes"].saved) == (3, 0)


def test_an_outcome_that_no_export_can_read_is_made_again(tmp_path: Path) -> None:
    """A byte in the name of a field: good JSON, and SQLite finds nothing wrong with it."""
    fill(tmp_path, 3)
    with closing(sqlite3.connect(tmp_path / LEDGER_FILE)) as db:
        db.execute("UPDATE outcomes SET dialogues = replace(dialogues, '\"turns\"', '\"turms\"') WHERE item = 'item1'")
        db.commit()
    with open_ledger(tmp_path) as ledger, pytest.raises(LedgerError, match="recover"):
        list(ledger.outcomes())
    done = rescue(tmp_path)
    assert (done.tables["outcomes"].saved, done.tables["outcomes"].lost, done.tables["attempts"].lost) == (2, 1, 0)
    with open_ledger(tmp_path) as ledger:
        assert [outcome.item for outcome in ledger.outcomes()] == ["item0", "item2"]


def test_a_fact_that_is_damaged_is_a_damaged_ledger(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    with closing(sqlite3.connect(tmp_path / LEDGER_FILE)) as db:
        db.execute("UPDATE meta SET value = '[' WHERE key = 'config'")
        db.commit()
    with open_ledger(tmp_path) as ledger, pytest.raises(LedgerError, match="damaged"):
        ledger.meta("config", dict[str, Any], {})


def test_one_who_stops_reading_early_hears_of_no_damage(tmp_path: Path) -> None:
    """An export that cannot be written ends in the middle of the rows, and they are let go after the ledger was closed."""
    fill(tmp_path, 3)
    with open_ledger(tmp_path) as ledger:
        rows = ledger._rows("SELECT item FROM outcomes")
        next(rows)
    rows.close()  # type: ignore[attr-defined]


# -- rescue: damage


def pages_of(path: Path, table: str, kinds: tuple[str, ...] = ("leaf",)) -> list[int]:
    with closing(sqlite3.connect(path)) as db:
        try:
            rows = db.execute("SELECT pageno, pagetype FROM dbstat WHERE name = ?", (table,)).fetchall()
        except sqlite3.OperationalError:
            pytest.skip("this SQLite does not tell which page is whose")
    return [page for page, kind in rows if kind in kinds]


def spoil_pages(path: Path, pages: list[int], draw: random.Random) -> None:
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * PAGE)
            file.write(draw.randbytes(PAGE))


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for length in range(9):
        byte = data[at + length]
        if length == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + length + 1
    raise AssertionError


def homes(path: Path, table: str) -> dict[int, set[int]]:
    """Row -> the pages that hold it, read as the file format says and without SQLite."""
    data = path.read_bytes()
    found: dict[int, set[int]] = {}
    for page in pages_of(path, table):
        start = (page - 1) * PAGE
        for index in range(int.from_bytes(data[start + 3 : start + 5], "big")):
            pointer = start + 8 + 2 * index
            size, at = varint(data, start + int.from_bytes(data[pointer : pointer + 2], "big"))
            row, at = varint(data, at)
            most = PAGE - 35
            local, pages = size, {page}
            if size > most:
                least = (PAGE - 12) * 32 // 255 - 23
                fits = least + (size - least) % (PAGE - 4)
                local = fits if fits <= most else least
                following = int.from_bytes(data[at + local : at + local + 4], "big")
                while following:
                    pages.add(following)
                    head = (following - 1) * PAGE
                    following = int.from_bytes(data[head : head + 4], "big")
            found[row] = pages
    return found


class Original(Struct):
    path: Path
    requests: dict
    attempts: dict
    homes_of_requests: dict
    homes_of_attempts: dict

    @property
    def pages(self) -> int:
        return self.path.stat().st_size // PAGE


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    folder = tmp_path_factory.mktemp("original")
    fill(folder, 600)
    path = folder / LEDGER_FILE
    assert path.stat().st_size > 300 * PAGE
    assert not path.with_name(LEDGER_FILE + "-wal").exists(), "closing takes it in"
    assert all(pages_of(path, table, ("internal",)) for table in ("attempts", "requests")), "trees, not single leaves"
    return Original(
        path, rows_of(path, "requests"), rows_of(path, "attempts"), homes(path, "requests"), homes(path, "attempts")
    )


def garbage(path: Path, draw: random.Random, pages: int) -> set[int]:
    spoiled = draw.sample(range(2, pages + 1), draw.randint(1, pages // 4))
    spoil_pages(path, spoiled, draw)
    return set(spoiled)


def zeroes(path: Path, draw: random.Random, pages: int) -> set[int]:
    spoiled = draw.sample(range(2, pages + 1), draw.randint(1, pages // 4))
    with path.open("r+b") as file:
        for page in spoiled:
            file.seek((page - 1) * PAGE)
            file.write(bytes(PAGE))
    return set(spoiled)


def swaps(path: Path, draw: random.Random, pages: int) -> set[int]:
    """A page that was written to another's place."""
    spoiled = draw.sample(range(2, pages + 1), draw.randint(2, pages // 4))
    data = path.read_bytes()
    with path.open("r+b") as file:
        for page, other in pairwise(spoiled):
            file.seek((page - 1) * PAGE)
            file.write(data[(other - 1) * PAGE : other * PAGE])
    return set(spoiled)


def inner_pages(path: Path, draw: random.Random, pages: int) -> set[int]:
    """All the ways to the leaves, and no leaf."""
    spoiled = [page for table in ("attempts", "requests") for page in pages_of(path, table, ("internal",))]
    spoil_pages(path, spoiled, draw)
    return set(spoiled)


def truncated(path: Path, draw: random.Random, pages: int) -> set[int]:
    left = draw.randint(20 * PAGE, (pages - 1) * PAGE)
    os.truncate(path, left)
    return set(range(left // PAGE + 1, pages + 1))


def no_header(path: Path, draw: random.Random, pages: int) -> set[int]:
    with path.open("r+b") as file:
        file.write(bytes(100))
    return set()


def no_first_page(path: Path, draw: random.Random, pages: int) -> set[int]:
    spoil_pages(path, [1], draw)
    return {1} | garbage(path, draw, pages // 4)


def sectors(path: Path, draw: random.Random, pages: int) -> set[int]:
    """A part of a page: what is left of it may look sound."""
    spoiled = set()
    with path.open("r+b") as file:
        for _ in range(draw.randint(1, 40)):
            start = draw.randrange(PAGE, pages * PAGE, 512)
            file.seek(start)
            file.write(draw.randbytes(512))
            spoiled.add(start // PAGE + 1)
    return spoiled


DAMAGES = [garbage, zeroes, swaps, inner_pages, truncated, no_header, no_first_page, sectors]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda one: one.__name__)
def test_what_can_be_read_of_a_damaged_ledger_is_saved(
    tmp_path: Path, original: Original, damage: Callable[[Path, random.Random, int], set[int]], seed: int
) -> None:
    path = tmp_path / LEDGER_FILE
    shutil.copyfile(original.path, path)
    gone = damage(path, random.Random(f"{damage.__name__} {seed}"), original.pages)
    damaged = path.read_bytes()

    done = rescue(tmp_path)

    assert not done.whole
    assert done.kept == "ledger.damaged.sqlite"
    assert (tmp_path / done.kept).read_bytes() == damaged, "the old one is as it was"
    assert sorted(file.name for file in tmp_path.iterdir()) == [done.kept, "ledger.lock", LEDGER_FILE]
    paid = sum((row[-2] or 0) + (row[-1] or 0) for row in original.attempts.values())
    with open_ledger(tmp_path) as ledger:
        assert ledger.dollars() == pytest.approx(paid), (
            "what was lost was paid for all the same, and counts for a budget"
        )
    requests, attempts = rows_of(path, "requests"), rows_of(path, "attempts")
    readable = {row for row, pages in original.homes_of_requests.items() if not pages & gone}
    assert requests.keys() >= readable
    with_request = {
        row
        for row, pages in original.homes_of_attempts.items()
        if not pages & gone and original.attempts[row][1] in requests
    }
    assert attempts.keys() >= with_request
    # Half a page of noise, or a sound page at a wrong place, may still make a row; nothing in the file says otherwise.
    deceiving = damage in (sectors, swaps)
    for row in with_request if deceiving else attempts.keys():
        assert attempts[row] == original.attempts[row]
    for row in readable if deceiving else requests.keys():
        assert requests[row] == original.requests[row]
    counts = done.tables
    assert (counts["requests"].saved, counts["attempts"].saved) == (len(requests), len(attempts))
    assert sum(msgspec.structs.astuple(counts["attempts"])) <= len(original.attempts)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    with open_ledger(tmp_path, create=True) as ledger:
        for row in with_request:
            if attempts[row][6] is None:
                assert ledger.find_reply(original.requests[attempts[row][1]][1])
        list(ledger.outcomes())
        asyncio.run(put(ledger, 1000))
    assert rescue(tmp_path).whole, "and what was made is whole"


def test_where_the_sum_is_lost_too_each_lost_attempt_counts_as_the_dearest(
    tmp_path: Path, original: Original, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / LEDGER_FILE
    shutil.copyfile(original.path, path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM meta WHERE key = ?", (SPENT,))
    spoil_pages(path, sorted({min(pages) for pages in original.homes_of_attempts.values()})[10:20], random.Random(1))
    assert main(["recover", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    saved = one(tmp_path, "SELECT sum(coalesce(cost, 0) + coalesce(risk, 0)) FROM attempts")
    lost = len(original.attempts) - int(str(one(tmp_path, "SELECT count(*) FROM attempts")))
    assert lost > 10
    with open_ledger(tmp_path) as ledger:
        assert ledger.dollars() == pytest.approx(float(str(saved)) + lost * 0.25)
        assert ledger.dollars() >= sum((row[-2] or 0) + (row[-1] or 0) for row in original.attempts.values())
    assert f"counts as spent: ${lost * 0.25:.2f}, each taken to have cost as much as the dearest" in said


def test_the_noted_sum_is_that_of_the_attempts(tmp_path: Path) -> None:
    fill(tmp_path, 30)
    with closing(sqlite3.connect(tmp_path / LEDGER_FILE)) as db, db:
        db.execute("DELETE FROM meta WHERE key = ?", (SPENT,))  # a ledger from before there was such a note

    async def work(ledger: Ledger) -> None:
        for number in (31, 35):
            await put(ledger, number)
            assert ledger.meta(SPENT, float, 0.0) == pytest.approx(ledger.dollars())

    with open_ledger(tmp_path, create=True) as ledger:
        asyncio.run(work(ledger))


def test_a_whole_ledger_is_left_alone(tmp_path: Path) -> None:
    fill(tmp_path, 30)
    before = (tmp_path / LEDGER_FILE).read_bytes()
    assert rescue(tmp_path).whole
    assert (tmp_path / LEDGER_FILE).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ledger.lock", LEDGER_FILE]


def killed_while_writing(folder: Path) -> None:
    """A ledger with its ``-wal``, as a kill -9 leaves it."""
    code = (
        "import sys, os, pathlib; sys.path.insert(0, sys.argv[2]); import test_ledger\n"
        "test_ledger.sqlite3.Connection\n"
        "import asyncio; from syphus.ledger.ledger import open_ledger\n"
        "ledger = open_ledger(pathlib.Path(sys.argv[1]), create=True)\n"
        "async def work():\n"
        "    for number in range(100): await test_ledger.put(ledger, number)\n"
        "asyncio.run(work()); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder), str(Path(__file__).parent)], check=False)
    assert (folder / f"{LEDGER_FILE}-wal").stat().st_size > 0


def test_what_stands_in_the_wal_alone_is_saved(tmp_path: Path) -> None:
    killed_while_writing(tmp_path)
    wal = (tmp_path / f"{LEDGER_FILE}-wal").read_bytes()
    with (tmp_path / LEDGER_FILE).open("r+b") as file:
        file.write(bytes(100))
    done = rescue(tmp_path)
    assert (done.tables["requests"].saved, done.tables["requests"].lost) == (100, 0)
    assert (tmp_path / "ledger.damaged.sqlite-wal").read_bytes() == wal
    assert not (tmp_path / f"{LEDGER_FILE}-wal").exists(), "it would be taken for the new ledger's"


def test_without_its_wal_what_was_in_the_file_is_saved(tmp_path: Path) -> None:
    fill(tmp_path, 50)
    killed_while_writing(tmp_path)
    (tmp_path / f"{LEDGER_FILE}-wal").unlink()
    (tmp_path / f"{LEDGER_FILE}-shm").unlink()
    rescue(tmp_path)
    with open_ledger(tmp_path) as ledger:
        assert all(ledger.find_reply(key_of(number)) for number in range(50))


@pytest.mark.parametrize("step", range(6))
def test_a_rescue_that_is_killed_is_done_by_the_next(
    tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_while_writing(tmp_path)
    spoil_pages(tmp_path / LEDGER_FILE, [1], random.Random(1))
    whole = rescued_keys(tmp_path, tmp_path.with_name(f"{tmp_path.name}-whole"))

    class Killed(BaseException):
        pass

    rename, left = Path.rename, step

    def counted(path: Path, target: Path) -> Path:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", counted)
    monkeypatch.setattr(Path, "replace", counted)
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # who is killed does not tidy up
    try:
        rescue(tmp_path)
    except Killed:
        pass
    else:
        assert step == 5
        return
    monkeypatch.undo()
    if (tmp_path / RESCUED_FILE).exists():
        with pytest.raises(LedgerError, match=r"(?s)not finished.*syphus recover"):
            open_ledger(tmp_path, create=True)
        with pytest.raises(LedgerError):
            open_ledger(tmp_path)
    done = rescue(tmp_path)
    assert done.tables["requests"].saved == 100
    assert not (tmp_path / RESCUED_FILE).exists()
    with open_ledger(tmp_path) as ledger:
        assert {key_of(number) for number in range(100) if ledger.find_reply(key_of(number))} == whole
    assert (tmp_path / "ledger.damaged.sqlite").exists()
    assert (tmp_path / "ledger.damaged.sqlite-wal").exists()


def rescued_keys(folder: Path, elsewhere: Path) -> set[str]:
    """What an undisturbed rescue saves."""
    shutil.copytree(folder, elsewhere)
    rescue(elsewhere)
    with open_ledger(elsewhere) as ledger:
        return {key_of(number) for number in range(100) if ledger.find_reply(key_of(number))}


def test_a_rescue_on_a_full_disk_leaves_all_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, 30)
    spoil_pages(tmp_path / LEDGER_FILE, pages_of(tmp_path / LEDGER_FILE, "outcomes")[:1], random.Random(1))
    before = (tmp_path / LEDGER_FILE).read_bytes()

    def limited(path: Path) -> sqlite3.Connection:
        db = sqlite3.connect(path)
        db.execute("PRAGMA max_page_count = 20")
        return db

    monkeypatch.setattr(rescue_module, "_open", limited)
    with pytest.raises(LedgerError, match="Free some space"):
        rescue(tmp_path)
    assert (tmp_path / LEDGER_FILE).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ledger.lock", LEDGER_FILE]


def test_the_second_rescue_does_not_overwrite_what_the_first_kept(tmp_path: Path) -> None:
    fill(tmp_path, 30)
    for kept in ("ledger.damaged.sqlite", "ledger.damaged-2.sqlite"):
        with (tmp_path / LEDGER_FILE).open("r+b") as file:
            file.write(bytes(100))
        assert rescue(tmp_path).kept == kept
    assert (tmp_path / "ledger.damaged.sqlite").exists()


def test_draws_that_are_lost_are_found_in_the_outcomes(tmp_path: Path) -> None:
    fill(tmp_path, 30)
    with open_ledger(tmp_path, create=True) as ledger:
        ledger.record_outcome(Numbered(5, draw=2), 5, Outcome(), state="rejected", detail="")
    path = tmp_path / LEDGER_FILE
    spoil_pages(path, pages_of(path, "draws"), random.Random(1))
    rescue(tmp_path)
    with open_ledger(tmp_path) as ledger:
        assert ledger.draw_of("item5") == 2


def test_the_rescue_knows_every_column(tmp_path: Path) -> None:
    """A column that is added to the ledger must be saved too."""
    with closing(sqlite3.connect(tmp_path / "new.sqlite")) as db:
        store.lay_out(db)
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        columns = {name: {row[1] for row in db.execute(f"PRAGMA table_info({name})")} for name in names}
        assert {table.name: table.columns.keys() for table in FORMS[store.SCHEMA_VERSION]} == columns
    assert max(FORMS) == store.SCHEMA_VERSION


def test_a_row_is_not_taken_for_one_of_another_table(tmp_path: Path, original: Original) -> None:
    """The first two columns of an attempt would do for a request that waits in a batch."""
    path = tmp_path / LEDGER_FILE
    shutil.copyfile(original.path, path)
    inner_pages(path, random.Random(1), original.pages)
    for leaf in pages_of(original.path, "attempts")[::2]:
        with path.open("r+b") as file:
            file.seek((leaf - 1) * PAGE + PAGE // 2)
            file.write(bytes(PAGE // 2))
    done = rescue(tmp_path)
    assert done.tables["queued"].saved + done.tables["queued"].left_out == 0
    assert done.tables["outcomes"].saved == 600


def test_recover_says_what_was_saved_and_what_was_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, 60)
    assert main(["recover", str(tmp_path)]) == 0
    assert "is whole; nothing was done" in capsys.readouterr().err
    path = tmp_path / LEDGER_FILE
    spoil_pages(path, pages_of(path, "requests")[1:2], random.Random(1))
    assert main(["recover", str(tmp_path)]) == 1
    said = " ".join(capsys.readouterr().err.split())
    saved = one(tmp_path, "SELECT count(*) FROM requests")
    assert isinstance(saved, int)
    assert f"requests: {saved} saved, {60 - saved} lost" in said
    assert "left out because what they refer to is lost" in said
    assert "ledger.damaged.sqlite" in said


# -- rescue: a ledger of form 1

FORM_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE texts (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, text TEXT NOT NULL);
CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    purpose TEXT NOT NULL,
    messages TEXT NOT NULL,
    settings TEXT NOT NULL
);
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    request INTEGER NOT NULL REFERENCES requests (id),
    at TEXT NOT NULL,
    seconds REAL NOT NULL,
    failure TEXT,
    detail TEXT,
    status INTEGER,
    reply TEXT,
    finish TEXT,
    refusal TEXT,
    model TEXT,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    cached_tokens INTEGER,
    reasoning_tokens INTEGER
);
CREATE INDEX attempts_of_request ON attempts (request) WHERE failure IS NULL;
CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY,
    item TEXT NOT NULL,
    generation INTEGER NOT NULL,
    category TEXT NOT NULL,
    scene TEXT NOT NULL,
    state TEXT NOT NULL,
    dialogues TEXT NOT NULL,
    rejects TEXT NOT NULL,
    notes TEXT NOT NULL,
    requests TEXT NOT NULL,
    detail TEXT NOT NULL,
    position INTEGER NOT NULL,
    UNIQUE (item, generation)
);
CREATE TABLE problems (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    file TEXT NOT NULL,
    place TEXT NOT NULL,
    message TEXT NOT NULL,
    lost INTEGER NOT NULL,
    UNIQUE (source, file, place, message)
);
CREATE TABLE categories (fingerprint TEXT PRIMARY KEY, name TEXT NOT NULL, content TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE endpoints (name TEXT PRIMARY KEY, abilities TEXT NOT NULL, found_at TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
"""
"""The schema of syphus 0.1.0."""


def write_form_1(folder: Path) -> None:
    """Puts a ledger of form 1 with the same contents in the place of one of form 2."""
    path = folder / LEDGER_FILE
    new = path.with_name("form2.sqlite")
    path.rename(new)
    with closing(sqlite3.connect(path)) as db:
        db.executescript(FORM_1)
        db.execute("ATTACH ? AS new", (str(new),))
        for table in ("meta", "problems", "categories", "endpoints"):
            db.execute(f"INSERT INTO main.{table} SELECT * FROM new.{table}")
        texts = dict(db.execute("SELECT id, text FROM new.texts"))

        def text_id(text: str) -> int:
            digest = blake2b(text.encode(), digest_size=16).digest()
            db.execute("INSERT OR IGNORE INTO main.texts (digest, text) VALUES (?, ?)", (digest, text))
            return db.execute("SELECT id FROM main.texts WHERE digest = ?", (digest,)).fetchone()[0]

        for number, key, purpose, prefix, varying, settings in db.execute("SELECT * FROM new.requests").fetchall():
            messages = (msgspec.json.decode(texts[prefix]) if prefix else []) + msgspec.json.decode(varying)
            row = msgspec.json.encode([[role, text_id(text)] for role, text in messages]).decode()
            db.execute("INSERT INTO main.requests VALUES (?, ?, ?, ?, ?)", (number, key, purpose, row, texts[settings]))
        same = (
            "seconds, failure, detail, status, reply, finish, refusal, model, prompt_tokens, completion_tokens,"
            " cached_tokens, reasoning_tokens"
        )
        for number, request, at, *reply in db.execute(f"SELECT id, request, at, {same} FROM new.attempts").fetchall():
            moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
            places = ", ".join("?" * (3 + len(reply)))
            db.execute(f"INSERT INTO main.attempts VALUES ({places})", (number, request, moment, *reply))
        db.execute(
            "INSERT INTO main.outcomes SELECT id, item, generation, category, scene, state, dialogues, rejects, notes,"
            " requests, detail, position FROM new.outcomes"
        )
        db.commit()
    new.unlink()


def test_a_run_of_the_older_version_goes_on_and_nothing_is_sent(
    tmp_path: Path, server: RehearsalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path, server.url)
    assert main(["generate", str(config)]) == 0
    exported, sent = (tmp_path / "run/out.jsonl").read_bytes(), len(server.calls)
    write_form_1(tmp_path / "run")
    old = (tmp_path / "run" / LEDGER_FILE).read_bytes()
    assert main(["generate", str(config)]) == 2
    assert f"syphus recover {tmp_path / 'run'}" in capsys.readouterr().err

    assert main(["recover", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run/ledger.form1.sqlite").read_bytes() == old
    assert main(["export", str(tmp_path / "run"), "--format", "jsonl", "--out", str(tmp_path / "before.jsonl")]) == 0
    assert (tmp_path / "before.jsonl").read_bytes() == exported, "it can be exported as it is"
    assert main(["generate", str(config)]) == 0
    assert len(server.calls) == sent, "not even the probe"
    assert (tmp_path / "run/out.jsonl").read_bytes() == exported
    assert main(["recover", str(tmp_path / "run")]) == 0
    assert "nothing was done" in capsys.readouterr().err


def test_all_of_form_1_is_carried_over(tmp_path: Path) -> None:
    fill(tmp_path, 60)
    path = tmp_path / LEDGER_FILE
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM meta WHERE key = ?", (SPENT,))  # form 1 knew no costs
    before = {table: rows_of(path, table) for table in ("requests", "attempts", "outcomes", "meta", "problems")}
    texts = rows_of(path, "texts")
    write_form_1(tmp_path)
    done = rescue(tmp_path)
    assert (done.form, done.kept, done.lost) == (1, "ledger.form1.sqlite", 0)

    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        for row in db.execute(
            "SELECT r.*, p.text AS constant, s.text AS sent FROM requests AS r JOIN texts AS p ON p.id = prefix"
            " JOIN texts AS s ON s.id = settings"
        ):
            _, key, purpose, prefix, messages, settings = before["requests"][row["id"]]
            assert (row["key"], row["purpose"], row["messages"]) == (key, purpose, messages)
            assert (row["constant"], row["sent"]) == (texts[prefix][1], texts[settings][1])
        for row in db.execute("SELECT * FROM attempts"):
            known = before["attempts"][row["id"]]
            assert row["at"] == pytest.approx(known[2], abs=0.001)
            assert (row["request"], row["seconds"], row["reply"], row["failure"], row["status"]) == (
                known[1], known[3], known[9], known[6], known[8],
            )  # fmt: skip
        counted = "dialogue_count, pair_count, version, draw, basis"
        for row in db.execute(f"SELECT item, position, dialogues, {counted} FROM outcomes"):
            assert tuple(row)[3:] == (1, 1, "", 0, "")
        assert db.execute("SELECT count(*), count(prefix) FROM requests").fetchone()[:] == (60, 60)
    assert rows_of(path, "outcomes").keys() == before["outcomes"].keys()
    assert before["meta"].items() <= rows_of(path, "meta").items()
    assert before["problems"] == rows_of(path, "problems")


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_ledger_of_form_1(tmp_path: Path, seed: int) -> None:
    fill(tmp_path, 200)
    write_form_1(tmp_path)
    path = tmp_path / LEDGER_FILE
    old = rows_of(path, "attempts")
    inside, keys = homes(path, "attempts"), {row: key for row, key, *_ in rows_of(path, "requests").values()}
    homes_of_requests = homes(path, "requests")
    draw = random.Random(seed)
    gone = set(draw.sample(range(10, path.stat().st_size // PAGE), 40)) | set(pages_of(path, "attempts", ("internal",)))
    spoil_pages(path, sorted(gone), draw)
    rescue(tmp_path)
    with open_ledger(tmp_path) as ledger:
        for row, pages in inside.items():
            request, reply = old[row][1], old[row][7]
            if reply and not (pages | homes_of_requests[request]) & gone:
                found = ledger.find_reply(keys[request])
                assert found is not None
                assert found.text == reply


def test_a_request_whose_texts_are_lost_still_has_its_reply(tmp_path: Path) -> None:
    fill(tmp_path, 30)
    path = tmp_path / LEDGER_FILE
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE texts SET text = 'x' || text")  # its digest does not fit any more
        db.commit()
    done = rescue(tmp_path)
    assert (done.tables["texts"].lost, done.tables["requests"].saved) == (3, 30)
    with open_ledger(tmp_path, create=True) as ledger:
        assert all(ledger.find_reply(key_of(number)) for number in range(30))
        asyncio.run(put(ledger, 30))
    instead = {text for _, text, digest in rows_of(path, "texts").values() if digest.startswith(b"lost text")}
    assert instead == {"{}", LOST_TEXT, LOST_PREFIX}
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
