"""A scripted OpenAI-compatible server: real HTTP, deterministic replies, faults on demand.

The "model" in it is a program that writes acceptable replies in the form that the request asks for, decided by the request
alone; so a run against it can be compared with another run, byte for byte.
"""

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Fault:
    """Something else than a good reply."""

    def __init__(self, status: int = 200, body: bytes | str | dict[str, Any] = b"", headers: dict[str, str] | None = None,
                 delay: float = 0.0, cut: bool = False) -> None:  # fmt: skip
        self.status = status
        self.body = (
            json.dumps(body).encode() if isinstance(body, dict) else body.encode() if isinstance(body, str) else body
        )
        self.headers = headers or {}
        self.delay = delay
        self.cut = cut


def completion(
    text: str | None, *, finish: str = "stop", refusal: str | None = None, usage: bool = True
) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if refusal:
        message["refusal"] = refusal
    reply: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "scripted-1",
        "choices": [{"index": 0, "finish_reason": finish, "message": message}],
    }
    if usage:
        reply["usage"] = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    return reply


def error(
    code: str | None, message: str = "no", *, type_: str = "invalid_request_error", param: str | None = None
) -> dict:
    return {"error": {"message": message, "type": type_, "code": code, "param": param}}


def good_text(body: dict[str, Any]) -> str:
    """An acceptable reply to a request, decided by the request alone."""
    system = body["messages"][0]["content"]
    last = body["messages"][-1]["content"]
    number = int.from_bytes(blake2b(json.dumps(body["messages"]).encode(), digest_size=6).digest(), "big")
    ids = re.findall(r"\b(o\d+) ", last) or re.findall(r"\b(o\d+) ", " ".join(m["content"] for m in body["messages"]))

    seen = [line for line in last.splitlines() if line.endswith(".") and len(line.split()) > 5] or [
        "A thing stands there now."
    ]

    def sentence(index: int) -> str:
        said = seen[(number + index) % len(seen)]
        if "](#" in system:
            return f"[It](#{ids[(number + index) % len(ids)]}) can be found here: {said}"
        return f"One can tell, with a sure eye of {number % 997 + index} in a thousand, that this is so: {said}"

    if '{"pairs"' in system:
        wanted = 4 if '…"}, …]' in system else 1
        pairs = [
            {"question": f"Which thing number {index} stands near the front, and how does it look to you here?",
             "answer": sentence(index)}
            for index in range(1, wanted + 1)
        ]  # fmt: skip
        return json.dumps({"pairs": pairs})
    return json.dumps({"answer": " ".join([sentence(1), *seen])})


Script = Callable[[dict[str, Any], int], "Fault | dict[str, Any] | None"]
"""Body and number of the call (from 0) -> what to answer; None: a good reply."""


class ScriptedServer:
    """The server. ``calls`` holds each request's body, in order of arrival."""

    def __init__(self, script: Script | None = None, *, delay: float = 0.0) -> None:
        self.script = script or (lambda body, number: None)
        self.delay = delay
        self.calls: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.most_in_flight = 0
        self._in_flight = 0
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1  # head and body in one packet

            def do_POST(self) -> None:
                outer._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_: object) -> None:
                """A client that was killed leaves a broken pipe; that is what the test is about."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def play(self, faults: Iterable["Fault | dict[str, Any] | None"]) -> None:
        """The first calls are answered by these, in order; all others well."""
        listed = list(faults)
        self.script = lambda body, number: listed[number] if number < len(listed) else None

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        with self._lock:
            number = len(self.calls)
            self.calls.append(body)
            self.headers.append(dict(handler.headers))
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            answer = self.script(body, number)
            if isinstance(answer, dict):
                answer = Fault(body=answer)
            answer = answer or Fault(body=completion(good_text(body)))
            time.sleep(answer.delay or self.delay)
            if answer.cut:
                handler.send_response(200)
                handler.send_header("content-length", str(len(answer.body) + 100))
                handler.end_headers()
                handler.wfile.write(answer.body)
                handler.wfile.flush()
                handler.connection.shutdown(socket.SHUT_RDWR)
                handler.close_connection = True
                return
            handler.send_response(answer.status)
            for name, value in {"content-type": "application/json", **answer.headers}.items():
                handler.send_header(name, value)
            handler.send_header("content-length", str(len(answer.body)))
            handler.end_headers()
            handler.wfile.write(answer.body)
            handler.wfile.flush()
        finally:
            with self._lock:
                self._in_flight -= 1
