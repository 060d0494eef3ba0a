"""A model on this machine: llama.cpp in the process, no key, no server, one GGUF file.

``xllamacpp`` is imported here and nowhere else; it comes with the extra ``syphus[local]``.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec

from syphus.endpoints.wire import Abilities, Answer
from syphus.errors import FailureKind, InputError, ModelError

ABILITIES = Abilities(schema_mode="json_schema", token_field="max_tokens", bounds=True)
"""Known, since the engine is ours: llama.cpp makes a grammar of the schema, and needs its bounds to end in time."""

EXTRA = {"repeat_penalty": 1.15, "repeat_last_n": 256}
"""Sent with each request unless ``[model] extra`` says otherwise: small models run in circles without it."""


class LocalClient:
    """A loaded model.

    Args:
        model: a GGUF file.
        window: tokens of prompt and reply together, for each of the slots.
        slots: calls at the same time.
        threads: processor threads; None: as many as are good.

    Raises:
        InputError: the extra is not installed, or the file is no model.
    """

    def __init__(self, model: Path, *, window: int, slots: int, threads: int | None) -> None:
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read by the OpenMP runtime when it is loaded
        try:
            import xllamacpp  # noqa: PLC0415
        except ImportError as error:
            raise InputError(
                "the embedded model needs xllamacpp, which is not installed",
                mend="pip install 'syphus[local]', or set [model] kind = \"openai\" and a base_url.",
            ) from error
        if not _is_gguf(model):
            raise InputError("is no GGUF model file", file=model, mend="[model] path must name a .gguf file.")
        self.endpoint = f"local:{model.name}"
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(model)
        parameters.n_ctx = window * slots
        parameters.n_parallel = slots
        # The constant part of a category's prompts is computed once. That changes the last bits of the numbers a little: a
        # run repeated from its start gives the same replies, one that was interrupted may differ from there on.
        parameters.cache_prompt = True
        parameters.verbosity = -1
        parameters.endpoint_metrics = False
        # Prompts on all cores, words on all but one, and nobody waits in a busy loop: llama.cpp's threads wait for each other
        # many times a word, and where another process holds one of two cores, the usual settings crawl (measured: a tenth).
        cores = os.cpu_count() or 1
        parameters.cpuparams.n_threads = threads or max(1, cores - 1)
        parameters.cpuparams_batch.n_threads = threads or cores
        parameters.cpuparams.poll = parameters.cpuparams_batch.poll = 0
        try:
            self._server: Any = xllamacpp.Server(parameters)
        except (RuntimeError, ValueError) as error:
            raise InputError(f"llama.cpp cannot load it: {error}", file=model) from error

    async def send(self, data: bytes) -> Answer:
        """One call, in a thread; llama.cpp lets the interpreter go meanwhile."""
        return await asyncio.to_thread(self._send, msgspec.json.decode(data))

    def _send(self, body: dict[str, Any]) -> Answer:
        try:
            answer = self._server.handle_chat_completions(body)
        except (RuntimeError, ValueError) as error:
            raise ModelError(FailureKind.BAD_REQUEST, str(error)) from error
        code = answer["error"].get("code") if "error" in answer else 200
        return Answer(code if isinstance(code, int) else 400, {}, msgspec.json.encode(answer))

    async def close(self) -> None:
        """Frees the model."""
        self._server = None


def _is_gguf(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == b"GGUF"
    except OSError:
        return False
