"""Messages: OpenAI's shape, pictures first, data URIs by the bytes."""

import json
from base64 import b64decode
from pathlib import Path

import pytest

from syphus.formats import messages
from syphus.formats.exporting import ExportOptions
from syphus.records import Asset, Dialogue, Object, Turn
from syphus.references.boxes import Convention, find_convention

GOLDEN = Path(__file__).parent / "golden" / "export.messages.jsonl"
PNG = b"\x89PNG\r\n\x1a\nrest"
PICTURE = Asset(path="a.jpg", width=640, height=480)
WEBP = b"RIFF\x04\x00\x00\x00WEBPrest"


def dialogue(identity="d1", *texts, assets=(PICTURE,), source="coco", **fields):
    texts = texts or ("What is on the road?", "A red bus.")
    turns = tuple(Turn(role=("user", "assistant")[i % 2], text=text) for i, text in enumerate(texts))
    return Dialogue(**{"id": identity, "scene": "s1", "source": source, "assets": assets, "turns": turns, **fields})


@pytest.fixture
def pictures(tmp_path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(PNG)  # the name lies, as names do
    (folder / "b.webp").write_bytes(WEBP)
    (folder / "c.txt").write_bytes(b"no picture")
    (folder / "empty.png").write_bytes(b"")
    return folder


def export(dialogues, target: Path, **options):
    written = messages.write(dialogues, target, ExportOptions(**options))
    lines = target.read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert len(lines) == written.written
    return [json.loads(line) for line in lines], written


def test_pictures_stand_first_in_the_order_of_the_assets(tmp_path, pictures):
    both = (Asset(id="x", path="b.webp"), Asset(id="y", path="a.jpg"))
    one = dialogue("d1", "Which?", "The first.", "Why?", "It is red.", assets=both, category="vg", ability="reasoning")
    rows, _ = export([one], tmp_path / "out.jsonl", picture_folders={"coco": pictures})
    assert rows == [
        {
            "id": "d1",
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": "b.webp"}},
                        {"type": "image_url", "image_url": {"url": "a.jpg"}},
                        {"type": "text", "text": "Which?"},
                    ],
                },
                {"role": "assistant", "content": "The first."},
                {"role": "user", "content": "Why?"},
                {"role": "assistant", "content": "It is red."},
            ],
            "metadata": {"category": "vg", "ability": "reasoning", "scene": "s1"},
        }
    ]


def test_text_alone_is_plain_strings(tmp_path):
    rows, written = export([dialogue("d1", "2 + 2?", "4", assets=())], tmp_path / "out.jsonl")
    assert [turn["content"] for turn in rows[0]["messages"]] == ["2 + 2?", "4"]
    assert written.notes == []


def places(rows) -> list[str]:
    return [part["image_url"]["url"] for row in rows for part in row["messages"][0]["content"] if "image_url" in part]


@pytest.mark.parametrize(("path", "mime", "data"), [("a.jpg", "image/png", PNG), ("b.webp", "image/webp", WEBP)])
def test_data_uris_go_by_the_bytes(path, mime, data, tmp_path, pictures):
    rows, _ = export(
        [dialogue(assets=(Asset(path=path),))],
        tmp_path / "out.jsonl",
        picture_folders={"coco": pictures},
        embed_pictures=True,
    )
    head, _, body = places(rows)[0].partition(",")
    assert head == f"data:{mime};base64"
    assert b64decode(body, validate=True) == data


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "jpeg"),
        (b"GIF87a...", "gif"),
        (b"GIF89a...", "gif"),
        (WEBP, "webp"),
        (b"RIFF\x04\x00\x00\x00WAVEfmt ", ""),
        (b"BM", ""),
        (b"<svg/>", ""),
        (b"", ""),
    ],
)
def test_pictures_are_known_by_their_first_bytes(data, kind):
    assert messages.sniff_picture(data) == kind


@pytest.mark.parametrize("embed", [False, True])
@pytest.mark.parametrize("url", ["https://x.org/a.jpg", "http://x.org/a%20b.jpg?c=d", "data:image/png;base64,AAAA"])
def test_a_url_stands_where_there_is_no_path(url, embed, tmp_path):
    rows, _ = export([dialogue(assets=(Asset(url=url),))], tmp_path / "out.jsonl", embed_pictures=embed)
    assert places(rows) == [url]


def test_the_path_goes_before_the_url(tmp_path, pictures):
    asset = Asset(path="a.jpg", url="https://x.org/a.jpg")
    rows, _ = export([dialogue(assets=(asset,))], tmp_path / "out.jsonl", picture_folders={"coco": pictures})
    assert places(rows) == ["a.jpg"]


@pytest.mark.parametrize(
    ("asset", "embed", "reason"),
    [
        (Asset(path="gone.jpg"), False, "its picture's file is missing"),
        (Asset(path="gone.jpg", url="https://x.org/a.jpg"), True, "its picture's file is missing"),
        (Asset(path="c.txt"), True, "its picture is no PNG, JPEG, WEBP or GIF"),
        (Asset(path="empty.png"), True, "its picture is no PNG, JPEG, WEBP or GIF"),
        (Asset(), False, "its picture has neither a path nor a url"),
        (Asset(url="file:///etc/passwd"), False, "its picture's url is neither http nor a data URI"),
        (Asset(url="a.jpg"), False, "its picture's url is neither http nor a data URI"),
        (Asset(path="../a.jpg"), True, "its picture's path has `..` in it, which may lead out of the picture folder"),
        (Asset(path="x\\a.jpg"), False, "its picture's path has backslashes"),
        (
            Asset(kind="video", url="https://x.org/a.mp4"),
            False,
            "it is about a video, and the format holds pictures only",
        ),
        (
            Asset(kind="point_cloud", path="a.jpg"),
            True,
            "it is about a point cloud, and the format holds pictures only",
        ),
    ],
)
def test_pictures_that_cannot_be_had(asset, embed, reason, tmp_path, pictures):
    bad = dialogue("bad", assets=(Asset(id="ok", path="a.jpg"), asset))
    rows, written = export(
        [bad, dialogue("good")], tmp_path / "out.jsonl", picture_folders={"coco": pictures}, embed_pictures=embed
    )
    assert [row["id"] for row in rows] == ["good"]
    assert written.left_out == {reason: 1}
    assert written.examples == {reason: "bad"}


def test_a_picture_that_cannot_be_read(tmp_path, pictures, monkeypatch):
    def refuse(file):
        raise PermissionError

    monkeypatch.setattr(Path, "read_bytes", refuse)
    messages.embed_picture.cache_clear()
    options = ExportOptions(picture_folders={"coco": pictures}, embed_pictures=True)
    written = messages.write([dialogue()], tmp_path / "out.jsonl", options)
    assert written.left_out == {"its picture's file cannot be read": 1}


def test_embedding_needs_the_folder(tmp_path):
    _, written = export([dialogue()], tmp_path / "out.jsonl", embed_pictures=True)
    assert written.left_out == {"the picture folder of its source is not known, so the picture cannot be embedded": 1}


def test_several_folders_share_their_parent(tmp_path, pictures, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.jpg").write_bytes(PNG)
    monkeypatch.chdir(tmp_path)
    rows, written = export(
        [dialogue("d1"), dialogue("d2", source="lvis")],
        tmp_path / "out.jsonl",
        picture_folders={"coco": pictures, "lvis": other},
    )
    assert places(rows) == ["pictures/a.jpg", "other/a.jpg"]
    assert written.notes == ["The pictures' paths are relative to .: start the trainer there."]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<image> what?", "a turn holds `<image>`, which trainers take for their own"),
        ("x <video>", "a turn holds `<video>`, which trainers take for their own"),
        ("end</s>", "a turn holds `</s>`, which trainers take for their own"),
        ("<|image_pad|>", "a turn holds a `<|...|>` token, which trainers take for their own"),
        ("[it](#o7)", "a reference leads to nothing that the dialogue holds"),
        ("\udc00", "its text is no valid Unicode: it holds half of a surrogate pair"),
        ("long " * 2000, "it is longer than 2048 tokens, by a high estimate"),
    ],
)
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("assets", [(), (Asset(path="a.jpg"),)])
def test_unfit_texts_are_left_out_with_the_reason(text, reason, side, assets, tmp_path, pictures):
    texts = ["one", "two"]
    texts[side] = text
    if not assets and "#image" in text:
        reason = "a reference leads to nothing that the dialogue holds"
    rows, written = export(
        [dialogue("bad", *texts, assets=assets)], tmp_path / "out.jsonl", picture_folders={"coco": pictures}
    )
    assert rows == []
    assert written.left_out == {reason: 1}


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("one\r\ntwo", "one\ntwo"),
        ("🚌 حافلة \u200f", "🚌 حافلة \u200f"),
        ("bell \x07 nul \x00", "bell \x07 nul \x00"),
        ("USER: is a role to LLaVA alone, [PAD] too", "USER: is a role to LLaVA alone, [PAD] too"),
        ("line\u2028separator", "line\u2028separator"),
    ],
)
def test_odd_texts_are_written(text, content, tmp_path):
    rows, _ = export([dialogue("d", "Say it.", text, assets=())], tmp_path / "out.jsonl")
    assert rows[0]["messages"][1]["content"] == content


def test_a_box_convention_may_use_control_tokens(tmp_path):
    convention = Convention(
        scale=1000, decimals=0, pattern="({0},{1}),({2},{3})", wrap="{phrase}<|box_start|>{boxes}<|box_end|>"
    )
    bus = Object(id="o1", label="bus", box=(64.0, 48.0, 320.0, 240.0))
    rows, _ = export(
        [dialogue("d", "Where is [it](#o1)?", "There.", objects=(bus,))], tmp_path / "out.jsonl", boxes=convention
    )
    assert rows[0]["messages"][0]["content"][-1]["text"] == "Where is it<|box_start|>(100,100),(500,500)<|box_end|>?"


def test_a_repeated_id_is_left_out(tmp_path):
    rows, written = export([dialogue("d", assets=())] * 3, tmp_path / "out.jsonl")
    assert len(rows) == 1
    assert written.left_out == {"its id was given to a dialogue before it": 2}


def test_golden(tmp_path, pictures):
    bus = Object(id="o1", label="bus", box=(64.0, 48.0, 320.0, 240.0))
    dialogues = [
        dialogue("bus", "What stands there?", "[A red bus](#o1), “№ 5”.", objects=(bus,), category="vg"),
        dialogue("url", "Und hier?", "Ein Hund 🐕.", assets=(Asset(url="https://x.org/dog.jpg"),)),
        dialogue("text", "2 + 2?", "4", assets=(), ability="reasoning"),
        dialogue("bad", "<image>", "x"),
    ]
    target = tmp_path / "out.jsonl"
    export(dialogues, target, picture_folders={"coco": pictures}, boxes=find_convention("grid1000"))
    assert target.read_text(encoding="utf-8") == GOLDEN.read_text(encoding="utf-8")
