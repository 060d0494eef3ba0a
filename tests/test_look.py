"""Pictures that are shown to a model: what is sent, what the key is made of, what is said where a file is missing."""

import json
from base64 import b64decode
from pathlib import Path

import msgspec
import pytest
from judging import fields_of, make_project, outcomes, scores, written
from msgspec import structs

from syphus.cli.main import main
from syphus.endpoints.forms import Forms
from syphus.endpoints.pictures import digest_of, read_pictures, with_pictures
from syphus.endpoints.wire import Abilities, build_body, request_key
from syphus.errors import ModelError
from syphus.exchange import Message, Picture, Request
from syphus.rehearsal.replies import completion
from syphus.rehearsal.server import RehearsalServer

DATA = b"\x89PNG\r\n\x1a\n and what a picture is made of"


def request_with(path: Path, text: str = "What is there?") -> Request:
    picture = Picture(digest_of(DATA), str(path), "image/png")
    return Request(purpose="a/b", messages=(Message("system", "Look."), Message("user", text, (picture,))), constant=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    path.write_bytes(DATA)
    return path


def test_the_key_knows_the_picture_and_not_its_place(file: Path, tmp_path: Path) -> None:
    here, there = request_with(file), request_with(tmp_path / "elsewhere.png")
    key = Forms({}).find(here, "m", Abilities()).fill(here).key
    assert key == Forms({}).find(there, "m", Abilities()).fill(there).key
    assert key == request_key(build_body(here, "m", Abilities()), 0)
    (blind,) = [structs.replace(here, messages=(here.messages[0], Message("user", "What is there?")))]
    assert key != Forms({}).find(blind, "m", Abilities()).fill(blind).key


def test_the_data_stands_in_what_is_sent_and_nowhere_before(file: Path) -> None:
    # A text that looks like the place of a picture stays a text.
    request = request_with(file, f'{{"url":"picture:{digest_of(DATA)}"}}')
    data = Forms({}).find(request, "m", Abilities()).fill(request).data
    assert data == msgspec.json.encode(build_body(request, "m", Abilities()))
    assert len(data) < 500
    sent = json.loads(with_pictures(data, read_pictures(request)))
    shown, text = sent["messages"][1]["content"]
    head, _, picture = shown["image_url"]["url"].partition(",")
    assert (shown["type"], head, b64decode(picture)) == ("image_url", "data:image/png;base64", DATA)
    assert text == {"type": "text", "text": request.messages[1].content}


def test_a_file_that_is_gone_or_another_one_is_told(file: Path) -> None:
    request = request_with(file)
    file.write_bytes(DATA + b"!")
    with pytest.raises(ModelError, match="not the picture that was to be shown"):
        read_pictures(request)
    file.unlink()
    with pytest.raises(ModelError, match="No such file"):
        read_pictures(request)


def test_a_judge_who_looks(tmp_path: Path, server: RehearsalServer, capsys: pytest.CaptureFixture) -> None:
    config = make_project(tmp_path, server.url, scenes=2)
    rows = [json.loads(line) for line in (tmp_path / "scenes.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        row["assets"] = [{"path": f"{number}.png"}]
    (tmp_path / "scenes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config.write_text(config.read_text().replace('path = "scenes.jsonl"', 'path = "scenes.jsonl"\nimages = "pictures"'))
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/0.png").write_bytes(DATA)
    server.script = lambda body, _: written(body)
    assert main(["generate", str(config)]) == 0
    server.calls.clear()
    server.script = lambda body, _: completion(scores(flattened(body), lambda *_: 4))
    run = tmp_path / "run"
    assert main(["judge", str(run), "--look"]) == 0
    assert "1 of them have no picture that can be shown" in capsys.readouterr().err
    looked = [call for call in server.calls if isinstance(call["messages"][1]["content"], list)]
    assert len(server.calls) == 2
    assert len(looked) == 1, "the other's picture is not there"
    shown, text = looked[0]["messages"][1]["content"]
    assert b64decode(shown["image_url"]["url"].partition(",")[2]) == DATA
    assert text["text"].startswith("The picture itself is shown")
    assert main(["judge", str(run), "--look"]) == 0
    assert len(server.calls) == 2
    assert b"base64" not in (run / "ledger.sqlite").read_bytes()
    assert len(outcomes(run, "judge/%")) == 2
    capsys.readouterr()
    assert main(["judge", str(run), "--look", "--set", "model.kind=local"]) == 2
    assert "cannot look" in capsys.readouterr().err


def flattened(body: dict) -> dict:
    """The request with its text alone, as the helpers read it."""
    messages = [
        {**message, "content": message["content"][-1]["text"]} if isinstance(message["content"], list) else message
        for message in body["messages"]
    ]
    assert fields_of(body)
    return {**body, "messages": messages}
