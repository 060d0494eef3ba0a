"""Files and batches for the rehearsal's endpoint: a provider's Batch API with its states, its checks and its accidents.

A batch goes on by one state for every so many looks at it. Its requests are answered by the server's own script, as calls
would be, and its result file is in another order than what was sent.
"""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Iterable
from typing import Any, Literal

import msgspec
from aiohttp import web
from msgspec import Struct, field

from syphus.identity import draw_order
from syphus.rehearsal.replies import Answer, count_tokens, error
from syphus.rehearsal.server import RehearsalServer

Accident = Literal[
    "none",
    "refused",  # the file fails its validation
    "queue full",  # failed: token_limit_exceeded
    "expired",  # after half of the requests
    "lost answer",  # the connection ends when batches.create was carried out
    "late answer",  # batches.create takes very long
    "no error file",  # it is named, and is not there
    "no metadata",  # what was said of the batch is not kept
    "foreign line",
    "torn line",
    "left out",  # a request gets no line at all
    "not created",  # batches.create ends with a 503
    "output later",  # completed, but for some time without its file
]

_NEXT = {"validating": "in_progress", "in_progress": "finalizing", "finalizing": "completed", "cancelling": "cancelled"}
LATE = 60.0


class StoredFile(Struct):
    """A file at the provider."""

    id: str
    name: str
    data: bytes


class StoredBatch(Struct, kw_only=True):
    """A batch at the provider."""

    id: str
    input_file: StoredFile
    metadata: dict[str, str] | None
    created_at: int
    accident: Accident = "none"
    status: str = "validating"
    looks: int = 0
    tokens: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)
    output_file: str | None = None
    error_file: str | None = None
    completed: int = 0
    failed: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """As the API shows it."""
        late = self.accident == "output later" and self.looks <= 1
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "created_at": self.created_at,
            "input_file_id": self.input_file.id,
            "status": self.status,
            "metadata": self.metadata,
            "output_file_id": None if late else self.output_file,
            "error_file_id": self.error_file,
            "errors": {"object": "list", "data": self.errors} if self.errors else None,
            "request_counts": {"total": len(self.lines), "completed": self.completed, "failed": self.failed},
        }


class BatchDesk:
    """The Batch API of one server: ``RehearsalServer(tables=(chat_routes, desk.routes))``.

    Args:
        looks: how often a batch is looked at before it goes on by one state.
        largest_file: bytes that are taken; larger ones get 413.
        most_requests: in one batch.
        queued_tokens: prompt tokens that may wait; a batch that goes beyond fails.
        line_errors: custom ids' positions in the file that fail with ``error`` set and ``response`` null.
    """

    def __init__(
        self,
        *,
        looks: int = 1,
        largest_file: int = 200_000_000,
        most_requests: int = 50_000,
        queued_tokens: int | None = None,
        line_errors: Iterable[int] = (),
    ) -> None:
        self.looks = looks
        self.largest_file = largest_file
        self.most_requests = most_requests
        self.queued_tokens = queued_tokens
        self.line_errors = frozenset(line_errors)
        self.files: dict[str, StoredFile] = {}
        self.batches: dict[str, StoredBatch] = {}
        self.answered: list[str] = []
        """Custom ids of all requests that were answered, and so are paid for."""
        self.accidents: deque[Accident] = deque()
        """Of the next calls of batches.create, in order."""
        self._server: RehearsalServer | None = None
        self._numbers = itertools.count(1)

    def routes(self, server: RehearsalServer) -> list[web.RouteDef]:
        """The routes, for a server."""
        self._server = server
        return [
            web.post("/v1/files", self._upload),
            web.get("/v1/files/{id}/content", self._download),
            web.post("/v1/batches", self._create),
            web.get("/v1/batches", self._list),
            web.get("/v1/batches/{id}", self._retrieve),
            web.post("/v1/batches/{id}/cancel", self._cancel),
        ]

    # -- files

    async def _upload(self, request: web.Request) -> web.Response:
        purpose = name = ""
        data = bytearray()
        async for part in await request.multipart():
            if getattr(part, "name", None) == "purpose":
                purpose = (await part.read()).decode()  # type: ignore[union-attr]
            elif getattr(part, "name", None) == "file":
                name = part.filename or ""  # type: ignore[union-attr]
                while chunk := await part.read_chunk(1 << 20):  # type: ignore[union-attr]
                    data += chunk
        if len(data) > self.largest_file:
            return _reply(413, error(None, "Maximum content size limit exceeded"))
        if purpose != "batch" or not name.endswith(".jsonl"):
            return _reply(400, error("invalid_file_format", "the purpose or the name of the file is wrong"))
        stored = self._store(name, bytes(data))
        shown = {"id": stored.id, "object": "file", "bytes": len(data), "filename": name, "purpose": purpose}
        return _reply(200, shown | {"created_at": int(time.time()), "status": "processed"})

    def _store(self, name: str, data: bytes) -> StoredFile:
        stored = StoredFile(f"file-{next(self._numbers)}", name, data)
        self.files[stored.id] = stored
        return stored

    async def _download(self, request: web.Request) -> web.Response:
        stored = self.files.get(request.match_info["id"])
        if stored is None:
            return _reply(404, error("not_found", "No such File object"))
        return web.Response(body=stored.data, content_type="application/octet-stream")

    # -- batches

    async def _create(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        accident = self.accidents.popleft() if self.accidents else "none"
        if accident == "not created":
            return _reply(503, error(None, "The server is overloaded"))
        stored = self.files.get(asked.get("input_file_id", ""))
        if stored is None or asked.get("endpoint") != "/v1/chat/completions" or asked["completion_window"] != "24h":
            return _reply(400, error("invalid_request", "file, endpoint or window is wrong"))
        batch = StoredBatch(
            id=f"batch_{next(self._numbers)}",
            input_file=stored,
            metadata=None if accident == "no metadata" else asked.get("metadata"),
            created_at=int(time.time()),
            accident=accident,
        )
        self.batches[batch.id] = batch
        if accident == "late answer":
            await asyncio.sleep(LATE)
        if accident in ("lost answer", "no metadata") and request.transport is not None:
            request.transport.abort()
        return _reply(200, batch.shown())

    async def _list(self, request: web.Request) -> web.Response:
        newest = list(reversed(self.batches.values()))
        names = [batch.id for batch in newest]
        start = names.index(request.query["after"]) + 1 if "after" in request.query else 0
        page = newest[start : start + int(request.query.get("limit", "20"))]
        shown = {"object": "list", "data": [batch.shown() for batch in page]}
        return _reply(200, shown | {"has_more": start + len(page) < len(newest)})

    async def _retrieve(self, request: web.Request) -> web.Response:
        batch = self.batches.get(request.match_info["id"])
        if batch is None:
            return _reply(404, error("not_found", "No batch found"))
        batch.looks += 1
        if batch.status in _NEXT and batch.looks >= self.looks:
            batch.looks = 0
            self._go_on(batch)
        return _reply(200, batch.shown())

    async def _cancel(self, request: web.Request) -> web.Response:
        batch = self.batches.get(request.match_info["id"])
        if batch is None:
            return _reply(404, error("not_found", "No batch found"))
        if batch.status not in _NEXT:
            return _reply(409, error(None, f"Cannot cancel a batch with status '{batch.status}'."))
        batch.status = "cancelling"
        return _reply(200, batch.shown())

    def _go_on(self, batch: StoredBatch) -> None:
        if batch.status == "validating" and not self._validate(batch):
            batch.status = "failed"
            return
        if batch.status == "cancelling":
            if not batch.lines:
                self._validate(batch)
            self._answer(batch, len(batch.lines) // 2, "batch_cancelled")
        elif batch.status == "finalizing" and batch.accident == "expired":
            self._answer(batch, len(batch.lines) // 2, "batch_expired")
            batch.status = "expired"
            return
        elif batch.status == "finalizing":
            self._answer(batch, len(batch.lines), "")
        batch.status = _NEXT[batch.status]

    def _validate(self, batch: StoredBatch) -> bool:
        """What a provider looks at before anything is asked."""
        seen: set[str] = set()
        models: set[str] = set()
        for number, data in enumerate(batch.input_file.data.splitlines(), start=1):
            try:
                line = msgspec.json.decode(data, type=dict[str, Any])
                name, body = line["custom_id"], line["body"]
                right = line["method"] == "POST" and line["url"] == "/v1/chat/completions" and 0 < len(name) <= 64
            except (msgspec.DecodeError, KeyError):
                self._refuse(batch, "invalid_json_line", number, "This line is not parseable as valid JSON.")
                continue
            models.add(body.get("model", ""))
            if not right or name in seen:
                self._refuse(batch, "duplicate_custom_id", number, f"The custom_id {name} is wrong, or not unique.")
            seen.add(name)
            batch.lines.append(line)
            batch.tokens += count_tokens(msgspec.json.encode(body["messages"]))
        if batch.accident == "refused":
            self._refuse(batch, "invalid_method", 2, "The method is not supported for this line.")
        if len(models) > 1:
            self._refuse(batch, "mismatched_model", None, "All requests of a batch must be for one model.")
        if len(batch.lines) > self.most_requests:
            self._refuse(batch, "too_many_tasks", None, "The batch has too many requests.")
        waiting = sum(one.tokens for one in self.batches.values() if one.status in _NEXT)
        if batch.accident == "queue full" or (self.queued_tokens is not None and waiting > self.queued_tokens):
            message = f"Enqueued token limit reached. Limit: {self.queued_tokens or 0:,} enqueued tokens."
            self._refuse(batch, "token_limit_exceeded", None, message)
        return not batch.errors

    @staticmethod
    def _refuse(batch: StoredBatch, code: str, line: int | None, message: str) -> None:
        batch.errors.append({"code": code, "line": line, "message": message, "param": None})

    def _answer(self, batch: StoredBatch, until: int, rest: str) -> None:
        """Answers the first lines, and makes the result files; the others fail with the code ``rest``."""
        output: list[bytes] = []
        failed: list[bytes] = []
        for number, line in enumerate(batch.lines):
            name = line["custom_id"]
            if number >= until:
                failed.append(_line(name, None, {"code": rest, "message": "This request could not be executed."}))
                continue
            if number == 0 and batch.accident == "left out":
                continue
            if number in self.line_errors:
                failed.append(_line(name, None, {"code": "server_error", "message": "The server had an error."}))
                continue
            assert self._server is not None
            answer = self._server.answer(line["body"])
            self.answered.append(name)
            made = _line(name, _response(answer), None)
            (output if answer.status == 200 else failed).append(made)
        if batch.accident == "foreign line":
            output.append(_line("b2:somebody-elses", _response(Answer(body={"choices": []})), None))
        if batch.accident == "torn line":
            output.append(b'{"id": "batch_req_1", "custom_id": "b2:')
        batch.completed, batch.failed = len(output), len(failed)
        if output:
            batch.output_file = self._store("output.jsonl", b"\n".join(draw_order(output, batch.id)) + b"\n").id
        if failed:
            batch.error_file = self._store("errors.jsonl", b"\n".join(draw_order(failed, batch.id)) + b"\n").id
        if batch.accident == "no error file":
            self.files.pop(batch.error_file or "", None)


def _response(answer: Answer) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(answer.data or b"null")
    except msgspec.DecodeError:  # a page of HTML; within a line it is a text
        body = answer.data.decode(errors="replace")
    return {"status_code": answer.status, "request_id": "req_1", "body": body}


def _line(name: str, response: dict[str, Any] | None, failure: dict[str, Any] | None) -> bytes:
    line = {"id": f"batch_req_{name[-8:]}", "custom_id": name, "response": response, "error": failure}
    return msgspec.json.encode(line)


def _reply(status: int, body: dict[str, Any]) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")
