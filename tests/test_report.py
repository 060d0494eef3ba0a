"""The page's data, its policy, its pictures, the file of decisions, and the server of ``review``: all without a browser."""

import base64
import gzip
import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from report_samples import ASTRONAUT, HOSTILE, dialogue_of, facts_of, sample_of
from test_cli import syphus, write_config

from syphus.cli.main import build_parser
from syphus.cli.report import finder, gather, make_book
from syphus.cli.reports.facts import repeated_questions
from syphus.cli.review import DecisionKeeper, decisions_file, open_server
from syphus.errors import InputError
from syphus.exchange import Outcome, Reject
from syphus.ledger.ledger import open_ledger
from syphus.records import Asset, Verdict
from syphus.references.text import plain_text
from syphus.rehearsal.server import RehearsalServer
from syphus.report import page, pictures
from syphus.report.decisions import (
    Decision,
    choose_decided,
    decided,
    is_rejected,
    read_decisions,
    version_of,
    write_decisions,
)
from syphus.report.facts import Remark, ReportFacts, Sample

needs_pillow = pytest.mark.skipif(not pictures.have_pillow(), reason="Pillow (syphus[report]) is not installed")


class Islands(HTMLParser):
    """The script elements of a page, as a browser takes them apart, and every other tag."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.styles: list[str] = []
        self._in = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._in = tag
        if tag == "script":
            self.scripts.append((dict(attrs), ""))
        if tag == "style":
            self.styles.append("")

    def handle_endtag(self, tag):
        self._in = ""

    def handle_data(self, data):
        if self._in == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        if self._in == "style":
            self.styles[-1] += data

    def block(self, name: str):
        text = next(text for attributes, text in self.scripts if attributes.get("id") == name)
        return json.loads(gzip.decompress(base64.b64decode(text)))


def written(facts: ReportFacts, *, live: bool = False, book: pictures.PictureBook | None = None) -> tuple[str, Islands]:
    out = io.BytesIO()
    page.write_page(facts, out, book or pictures.PictureBook(lambda *_: None, 0), live=live)
    parsed = Islands()
    parsed.feed(out.getvalue().decode())
    return out.getvalue().decode(), parsed


# -- the page


def test_a_page_holds_one_script_that_its_policy_names_by_digest() -> None:
    text, parsed = written(facts_of(sample_of(ASTRONAUT)))
    running = [body for attributes, body in parsed.scripts if "type" not in attributes]
    assert len(running) == 1
    assert len(parsed.styles) == 1
    policy = next(one["content"] for tag, one in parsed.tags if tag == "meta" and "http-equiv" in one)
    for kind, body in (("script-src", running[0]), ("style-src", parsed.styles[0])):
        digest = base64.b64encode(sha256(body.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy
    assert "img-src data:;" in policy
    assert "connect-src 'none'" in policy
    # The policy would stop them; there are none to be stopped.
    assert not [one for tag, one in parsed.tags for name in one if name.startswith("on") or name in ("style", "src")]
    assert not re.findall(r"(?:src|href)=[\"'](?!#)", text)


def test_only_the_page_of_review_may_speak_and_only_to_its_server() -> None:
    assert "connect-src 'self'" in page.policy(live=True)
    assert "connect-src 'none'" in page.policy()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_texts_of_others_are_not_in_the_markup_at_all(hostile: str) -> None:
    dialogue = dialogue_of(hostile, hostile, id=hostile)
    sample = sample_of(dialogue, category=hostile, source=hostile, detail=hostile, notes=(hostile,))
    text, parsed = written(facts_of(sample, title=hostile, origin=hostile))
    clean, usual = written(facts_of(sample_of(ASTRONAUT)))
    assert [tag for tag, _ in parsed.tags] == [tag for tag, _ in usual.tags]
    if set(hostile) & set('<>"'):
        assert hostile not in text.replace(page.script_text(), "")
    assert parsed.block("index")["rows"]["id"] == [hostile]
    assert parsed.block("texts-0")[0]["versions"][0]["turns"][0] == [hostile]
    assert clean != text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("plain", ["plain"]),
        ("[the bus](#o1) stops", [["the bus", ["o1"]], " stops"]),
        ("see [two dogs](#o1,#o2).", ["see ", ["two dogs", ["o1", "o2"]], "."]),
        ("[](#image2) a text", [["", ["image2"]], " a text"]),
        (r"a link \[x](#y) of others", ["a link [x](#y) of others"]),
        (r"\\[x](#o1)", ["\\", ["x", ["o1"]]]),
        ("\ufdd0[x](#o1)\ufdd0", [["x", ["o1"]]]),
    ],
)
def test_a_text_is_taken_to_pieces_at_its_references(text: str, parts: list) -> None:
    dialogue = dialogue_of(text, "an answer")
    _, parsed = written(facts_of(sample_of(dialogue)))
    assert parsed.block("texts-0")[0]["versions"][0]["turns"][0] == parts


@given(st.text(alphabet=st.sampled_from("ab \\[]()#,o1\ufdd0\n\u202e<&"), min_size=1, max_size=60))
def test_the_pieces_of_a_text_say_what_the_text_says(text: str) -> None:
    dialogue = dialogue_of(text, "an answer")
    _, parsed = written(facts_of(sample_of(dialogue)))
    parts = parsed.block("texts-0")[0]["versions"][0]["turns"][0]
    assert "".join(part if isinstance(part, str) else part[0] for part in parts) == plain_text(
        text.replace("\ufdd0", "")
    )
    assert all(parts)


def test_without_pillow_boxes_stand_on_empty_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "red.png").write_bytes(b"")
    monkeypatch.setattr(pictures, "have_pillow", lambda: False)
    book = pictures.PictureBook(finder({}, tmp_path), 100)
    _, parsed = written(facts_of(sample_of(ASTRONAUT)), book=book)
    body = parsed.block("texts-0")[0]
    assert "pictures" not in body["assets"][0]
    assert body["objects"][0]["box"] == [100, 50, 300, 250]


def test_half_of_a_surrogate_pair_is_written_and_not_fatal() -> None:
    dialogue = dialogue_of("What is \ud83d here?", "Nothing.")
    _, parsed = written(facts_of(sample_of(dialogue, version=False)))
    assert parsed.block("texts-0")[0]["versions"][0]["turns"][0] == ["What is \ud83d here?"]


def test_ids_that_repeat_are_told_apart() -> None:
    _, parsed = written(facts_of(sample_of(ASTRONAUT), sample_of(ASTRONAUT)))
    first, second = parsed.block("index")["rows"]["id"]
    assert first != second


def test_samples_are_packed_in_blocks_and_prefixes_stand_once() -> None:
    samples = [sample_of(dialogue_of(f"What is {number}?", "A.", id=str(number))) for number in range(page.BLOCK + 3)]
    text, parsed = written(facts_of(*samples))
    assert len(parsed.block("texts-0")) == page.BLOCK
    assert parsed.block("texts-1")[2]["versions"][0]["turns"][0] == [f"What is {page.BLOCK + 2}?"]
    assert parsed.block("prefixes") == {"1": [["system", "You are an assistant."]]}
    assert text.count('id="prefixes"') == 1


def test_languages_of_a_dialogue_stand_in_one_sample() -> None:
    arabic = dialogue_of("ماذا ترتدي؟", "ترتدي [بدلة](#o1).", language="ar")
    _, parsed = written(facts_of(sample_of(ASTRONAUT, arabic)))
    assert [one["language"] for one in parsed.block("texts-0")[0]["versions"]] == ["en", "ar"]
    assert parsed.block("index")["rows"]["version"] == [{"en": version_of(ASTRONAUT), "ar": version_of(arabic)}]


# -- decisions


def test_decisions_are_read_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "decisions.jsonl"
    made = [
        Decision(id="a", decision="accept", version="1"),
        Decision(id="b", decision="reject", note="there is no dog\n“none”", version="2", others={"ar": "3"}),
        Decision(id="c", note="only a note"),
        Decision(id="d"),
    ]
    write_decisions(file, made)
    assert list(read_decisions(file).values()) == made[:3]
    assert len(file.read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ('\ufeff{"id": "a", "decision": "reject"}\n\n', {"a": "reject"}),
        ('{"id": "a", "decision": "reject"}\n{"id": "a", "decision": "accept"}\n', {"a": "accept"}),
        ('[{"id": "a", "decision": "reject", "who": "me"}, {"id": "b"}]', {"a": "reject", "b": ""}),
        ('{"id": "a\u2028b", "decision": "accept"}', {"a\u2028b": "accept"}),
    ],
)
def test_what_a_file_of_decisions_may_look_like(tmp_path: Path, text: str, expected: dict[str, str]) -> None:
    file = tmp_path / "decisions.jsonl"
    file.write_text(text, encoding="utf-8")
    assert {key: one.decision for key, one in read_decisions(file).items()} == expected


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b'{"id": "a", "decision": "reject"}\n{"id": "b", "dec', "line 2"),
        (b'{"id": "a", "decision": "maybe"}', "maybe"),
        (b'{"decision": "accept"}', "id"),
        (b'{"id": "", "decision": "accept"}', "id"),
        (b"\xff\xfe{", "UTF-8"),
        (b"[1]", "object"),
    ],
)
def test_a_file_that_holds_no_decisions_is_refused(tmp_path: Path, data: bytes, told: str) -> None:
    file = tmp_path / "decisions.jsonl"
    file.write_bytes(data)
    with pytest.raises(InputError, match=told):
        read_decisions(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_decisions(tmp_path)


VERSION = version_of(ASTRONAUT)


@pytest.mark.parametrize(
    ("decision", "state", "kept", "kept_strictly"),
    [
        (None, "", True, False),
        (Decision(id="a", note="hm"), "", True, False),
        (Decision(id="a", decision="accept", version=VERSION), "accept", True, True),
        (Decision(id="a", decision="reject", version=VERSION), "reject", False, False),
        (Decision(id="a", decision="reject"), "reject", False, False),
        (Decision(id="a", decision="reject", version="older"), "outdated", True, False),
        (Decision(id="a", decision="accept", version="older"), "outdated", True, False),
        (Decision(id="a", decision="reject", version="older", others={"en": VERSION}), "reject", False, False),
        (Decision(id="b", decision="reject", version=VERSION), "", True, False),
    ],
)
def test_a_decision_is_about_the_text_that_was_looked_at(
    decision: Decision | None, state: str, kept: bool, kept_strictly: bool
) -> None:
    decisions = {decision.id: decision} if decision else {}
    dialogue = dialogue_of(*(turn.text for turn in ASTRONAUT.turns), id="a")
    assert version_of(dialogue) == VERSION
    assert decided(dialogue, decisions) == state
    assert bool(list(choose_decided([dialogue], decisions))) == kept
    assert bool(list(choose_decided([dialogue], decisions, only_accepted=True))) == kept_strictly
    assert is_rejected("item", [dialogue], decisions) == (state == "reject")


def test_an_item_without_dialogue_is_rejected_by_its_own_name() -> None:
    decisions = {"item": Decision(id="item", decision="reject")}
    assert is_rejected("item", [], decisions)
    assert not is_rejected("other", [], decisions)
    assert not is_rejected("item", [ASTRONAUT], decisions), "it has a dialogue by now, which nobody has looked at"


def test_the_version_depends_on_what_is_said_and_on_nothing_else() -> None:
    other = dialogue_of(*(turn.text for turn in ASTRONAUT.turns), id="other", category="other")
    assert version_of(other) == VERSION
    for changed in (
        dialogue_of("What else?", "An orange suit."),
        dialogue_of(*(t.text for t in ASTRONAUT.turns), language="de"),
    ):
        assert version_of(changed) != VERSION


# -- pictures


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.jpg", True),
        ("sub/b.jpg", True),
        ("none.jpg", False),
        ("../outside.jpg", False),
        ("sub/../../outside.jpg", False),
        ("sub\\..\\..\\outside.jpg", False),
        ("/etc/passwd", False),
        ("C:\\a.jpg", False),
        ("a\x00.jpg", False),
        ("x" * 5000, False),
        ("", False),
        (None, False),
    ],
)
def test_a_path_never_leads_out_of_the_picture_folder(tmp_path: Path, path: str | None, found: bool) -> None:
    (tmp_path / "in/sub").mkdir(parents=True)
    for name in ("in/a.jpg", "in/sub/b.jpg", "outside.jpg"):
        (tmp_path / name).touch()
    assert (pictures.inside(tmp_path / "in", path) is not None) == found


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("data:image/png;base64,aGk=", b"hi"),
        ("data:image/png,hi", None),
        ("data:text/html;base64,aGk=", None),
        ("data:image/png;base64,!!", None),
        ("https://example.org/a.png", None),
        ("file:///etc/passwd", None),
        (None, None),
    ],
)
def test_only_what_stands_in_the_file_itself_is_read_off_a_url(url: str | None, data: bytes | None) -> None:
    assert pictures.embedded_bytes(url) == data


def picture_of(width: int, height: int, *, orientation: int = 1, colour: str = "red") -> bytes:
    from PIL import Image

    out = io.BytesIO()
    image = Image.new("RGB", (width, height), colour)
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(out, "JPEG", exif=exif)
    return out.getvalue()


@needs_pillow
@pytest.mark.parametrize(("orientation", "size"), [(1, (400, 200)), (3, (400, 200)), (6, (200, 400)), (8, (200, 400))])
def test_a_thumbnail_stands_upright_and_knows_the_size_it_was_made_of(orientation: int, size: tuple[int, int]) -> None:
    from PIL import Image

    made = pictures.make_thumbnail(picture_of(400, 200, orientation=orientation), 100)
    assert made is not None
    assert (made.width, made.height) == size
    with Image.open(io.BytesIO(made.data)) as small:
        assert small.format == "WEBP"
        assert max(small.size) == 100
        assert (small.width > small.height) == (size[0] > size[1])


@needs_pillow
@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", b"\xff\xd8\xff" * 9]
)
def test_what_is_no_picture_is_none(data: bytes) -> None:
    assert pictures.make_thumbnail(data, 100) is None
    assert pictures.make_thumbnail(picture_of(400, 200)[:300], 100) is None


@needs_pillow
def test_a_picture_stands_once_in_a_page_however_often_it_is_spoken_of(tmp_path: Path) -> None:
    for name, colour in (("a.jpg", "red"), ("b.jpg", "blue")):
        (tmp_path / name).write_bytes(picture_of(64, 32, colour=colour))
    book = pictures.PictureBook(finder({"s": tmp_path}, None), 100)
    one, two = Asset(path="a.jpg"), Asset(path="b.jpg")
    assert book.numbers(one, "s") == [0]
    assert book.numbers(two, "s") == [1]
    assert book.numbers(one, "s") == [0]
    assert [number for number, _ in book.take()] == [0, 1]
    assert list(book.take()) == []
    assert book.numbers(Asset(path="c.jpg"), "s") == []
    assert book.numbers(one, "another source") == []
    assert book.missing == 2
    assert book.numbers(Asset(kind="video", path="none.mp4"), "s") == []
    assert book.missing == 2, "a film's moments tell of it"


@needs_pillow
def test_pictures_beyond_the_limit_are_left_out_and_counted(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(picture_of(64, 32))
    book = pictures.PictureBook(finder({}, tmp_path), 100, most_bytes=1)
    assert [book.numbers(Asset(path=f"{number}.jpg"), "") for number in range(3)] == [[0], [], []]
    assert book.over == 2


@needs_pillow
def test_frames_are_taken_evenly_out_of_their_folder(tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    for number in range(20):
        (tmp_path / "clip" / f"{number:02}.jpg").write_bytes(picture_of(32, 32))
    (tmp_path / "clip/notes.txt").touch()
    book = pictures.PictureBook(finder({}, tmp_path), 100)
    assert len(book.numbers(Asset(kind="frames", path="clip"), "")) == pictures.FRAMES


def write_film(file: Path, seconds: int = 12, rate: int = 10) -> None:
    av = pytest.importorskip("av", reason="PyAV is not installed")
    from PIL import Image

    with av.open(str(file), "w") as out:
        stream = out.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 160, 120, "yuv420p", 5
        for number in range(seconds * rate):
            shade = 255 * number // (seconds * rate)
            for packet in stream.encode(av.VideoFrame.from_image(Image.new("RGB", (160, 120), (shade, 0, 0)))):
                out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)


@needs_pillow
def test_frames_of_a_film_are_shown_with_their_times(tmp_path: Path) -> None:
    from PIL import Image

    write_film(tmp_path / "a.mp4")
    book = pictures.PictureBook(finder({}, tmp_path), 100)
    whole = book.numbers(Asset(kind="video", path="a.mp4"), "")
    assert [book.times[number] for number in whole] == pytest.approx([1, 3, 5, 7, 9, 11], abs=0.5)
    clip = book.numbers(Asset(kind="video", path="a.mp4", start=6.0, duration=6.0), "")
    assert [book.times[number] for number in clip] == pytest.approx([0.5, 1.5, 2.5, 3.5, 4.5, 5.5], abs=0.5)
    frames = dict(book.take())
    for number, seconds in [*zip(whole, (1, 3, 5, 7, 9, 11), strict=True), (clip[0], 6.5)]:
        with Image.open(io.BytesIO(frames[number])) as image:
            assert image.convert("RGB").getpixel((50, 40))[0] == pytest.approx(255 * seconds / 12, abs=20)
    assert book.sizes[0] == (160, 120)
    shown = sample_of(structs.replace(ASTRONAUT, assets=(Asset(kind="video", path="a.mp4"),)))
    _, parsed = written(facts_of(shown), book=book)
    [asset] = parsed.block("texts-0")[0]["assets"]
    assert len(asset["times"]) == len(asset["pictures"]) == 6


@needs_pillow
def test_a_film_that_is_a_play_list_opens_no_connection(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="PyAV is not installed")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.3)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/a.ts"
        for name, text in {
            "a.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{address}\n#EXT-X-ENDLIST\n",
            "b.mp4": f"ffconcat version 1.0\nfile '{address}'\n",
            "c.mp4": "",
        }.items():
            (tmp_path / name).write_text(text)
            assert pictures.read_frames(tmp_path / name, 0.0, None, 100) == []
        with pytest.raises(TimeoutError):
            listening.accept()


# -- out of a run, out of a file


def arguments(*typed: str | Path):
    return build_parser().parse_args([*map(str, typed)])


def test_the_report_of_a_run_has_its_dialogues_prompts_and_scenes(tmp_path: Path, server: RehearsalServer) -> None:
    config = write_config(tmp_path, server.url)
    made = syphus("generate", config, "--run", tmp_path / "run", "--limit", "3")
    assert made.returncode == 0, made.stderr
    shown = syphus("report", tmp_path / "run")
    assert shown.returncode == 0, shown.stderr
    assert "entries" in shown.stderr
    parsed = Islands()
    parsed.feed((tmp_path / "run/report.html").read_text())
    index = parsed.block("index")
    assert len(index["rows"]["id"]) == 9
    assert {one["name"] for one in index["categories"]} >= {"pairs/caption", "llava/conversation", "llava/detail"}
    bodies = parsed.block("texts-0")
    asked = next(body for body in bodies if "asked" in body)
    block, place = asked["asked"]
    request = parsed.block(f"asked-{block}")[place][0]
    prefix = parsed.block("prefixes")[str(request["prefix"])]
    sent = next(one for one in server.calls if one["messages"][-1]["content"] == request["messages"][-1][1])
    assert [[one["role"], one["content"]] for one in sent["messages"]] == [*prefix, *request["messages"]]
    scene = parsed.block(f"scenes-{bodies[0]['scene'][0]}")[bodies[0]["scene"][1]]
    assert len(scene["captions"]) == 5
    assert "sk-" not in (tmp_path / "run/report.html").read_text()


class Made(NamedTuple):
    """An item of a ledger."""

    id: str
    category: str
    scene_id: str = "examples/s"
    version: str = "1"
    draw: int = 0
    basis: str = ""


def test_what_was_made_of_a_dialogue_stands_beside_it(tmp_path: Path) -> None:
    """Translations come before their sources in the ledger's order, and a correction has its source's id and language."""
    judged = structs.replace(
        ASTRONAUT, verdicts=(Verdict(check="judge/quality", code="grounded: 2", message="No suit.", turn=0),)
    )
    corrected = dialogue_of("What does she wear?", "A suit.")
    reject = Reject(code="lock: lost", message="A number is gone.")
    made: list[tuple[Made, Outcome, str]] = [
        (Made("a@ar", "translate/ar"), Outcome(dialogues=(dialogue_of("ماذا؟", "بدلة.", language="ar"),)), "accepted"),
        (Made("a@ja", "translate/ja"), Outcome(rejects=(reject,)), "rejected"),
        (Made("a@quality", "judge/quality"), Outcome(dialogues=(judged,)), "accepted"),
        (Made("a@correct", "correct/llava/conversation"), Outcome(dialogues=(corrected,)), "accepted"),
        (Made("a", "llava/conversation"), Outcome(dialogues=(ASTRONAUT,)), "accepted"),
        (Made("b", "llava/conversation"), Outcome(rejects=(Reject(code="schema: no_json", message="m"),)), "rejected"),
        (Made("c", "llava/conversation"), Outcome(), "failed"),
        (Made("d", "llava/conversation"), Outcome(skipped="no captions"), "skipped"),
    ]
    with open_ledger(tmp_path, create=True) as ledger:
        for position, (item, outcome, state) in enumerate(made):
            ledger.record_outcome(item, position, outcome, state=state, detail="timeout" if state == "failed" else "")
    facts = gather(arguments("report", tmp_path), tmp_path).facts
    first, *others = facts.samples
    assert [(one.language, label) for one, label in zip(first.dialogues, first.labels, strict=True)] == [
        ("en", ""), ("ar", ""), ("en", "corrected"),
    ]  # fmt: skip
    assert [one.code for one in first.remarks] == ["judge/quality: grounded: 2"]
    assert [one.message for one in first.rejects] == ["translate ja: A number is gone."]
    assert [(one.id, one.state, one.detail) for one in others] == [("b", "rejected", ""), ("c", "failed", "timeout")]
    assert facts.total == 3
    _, parsed = written(facts)
    rows = parsed.block("index")["rows"]
    assert list(rows["version"][0]) == ["en", "ar", "en corrected"]
    assert len(rows["languages"][0]) == 2
    narrow = gather(arguments("report", tmp_path, "--limit", "1"), tmp_path).facts
    assert (len(list(narrow.samples)), narrow.total) == (1, 3)
    with pytest.raises(InputError, match="no category"):
        gather(arguments("report", tmp_path, "--category", "llava/conversatoin"), tmp_path)
    assert any("cannot be read again" in one for one in facts.remarks), "there is no configuration here"


def test_the_ledger_of_a_files_translation_shows_its_languages_together(tmp_path: Path) -> None:
    with open_ledger(tmp_path, create=True) as ledger:
        for position, tag in enumerate(("ar", "de")):
            outcome = Outcome(dialogues=(dialogue_of("?", "!", language=tag),))
            ledger.record_outcome(Made(f"a@{tag}", f"translate/{tag}"), position, outcome, state="accepted", detail="")
    [sample] = gather(arguments("report", tmp_path), tmp_path).facts.samples
    assert [one.language for one in sample.dialogues] == ["ar", "de"]


def test_what_is_wrong_with_the_words_typed_is_said(tmp_path: Path) -> None:
    file = tmp_path / "data.jsonl"
    file.write_bytes(msgspec.json.encode(ASTRONAUT) + b"\n")
    for typed, told in {
        ("--images", str(tmp_path / "none")): "is no folder",
        ("--decisions", str(tmp_path / "none")): "is not there",
        ("--verdicts", str(tmp_path / "none")): "cannot be read",
        ("--scenes", str(tmp_path / "none")): "none",
        ("--category", "nonesuch"): "nonesuch",
        ("--from", "nonesuch"): "nonesuch",
    }.items():
        with pytest.raises(InputError, match=told):
            gather(arguments("report", file, *typed), file)
    shown = syphus("report", file, "--out", tmp_path)
    assert (shown.returncode, "is a folder" in shown.stderr) == (2, True)


def test_the_report_of_a_dataset_of_others(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "image": "a.jpg", "conversations": [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A cat."}]},
        {"id": "1", "image": "b.jpg", "conversations": [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A dog."}]},
        {"id": "2", "image": "../c.jpg", "conversations": [{"from": "gpt", "value": "torn"}]},
    ]  # fmt: skip
    file = tmp_path / "data.json"
    file.write_text(json.dumps(rows))
    scenes = tmp_path / "scenes.jsonl"
    scenes.write_text('{"id": "other", "assets": [{"path": "b.jpg"}], "captions": [{"text": "A brown dog."}]}\n')
    facts = gather(arguments("report", file, "--scenes", scenes), file).facts
    samples = list(facts.samples)
    assert len(samples) == 2
    assert samples[0].scene is None
    assert samples[1].scene is not None
    assert facts.repeated == (("What?", 2),)
    assert len(facts.remarks) == 1
    assert "data.json" in facts.remarks[0]


def test_coordinates_of_a_dataset_of_others_become_boxes(tmp_path: Path) -> None:
    rows = [{"id": "1", "image": "a.jpg", "conversations": [
        {"from": "human", "value": "<image>\nWhere is the dog?"},
        {"from": "gpt", "value": "The dog [0.250,0.500,0.750,1.000] sits."},
    ]}]  # fmt: skip
    file = tmp_path / "data.json"
    file.write_text(json.dumps(rows))
    (tmp_path / "a.jpg").write_bytes(picture_of(400, 200))
    gathered = gather(arguments("report", file, "--read-boxes", "shikra"), file)
    [dialogue] = next(iter(gathered.facts.samples)).dialogues
    assert dialogue.objects[0].box == pytest.approx((100, 100, 300, 200), abs=1)
    assert gathered.find(dialogue.assets[0], "") == tmp_path / "a.jpg"
    with pytest.raises(InputError, match="convention"):
        gather(arguments("report", file, "--read-boxes", "shikr"), file)


def test_verdicts_of_quality_stand_beside_their_dialogue(tmp_path: Path) -> None:
    file = tmp_path / "data.jsonl"
    file.write_bytes(msgspec.json.encode(ASTRONAUT) + b"\n")
    verdicts = tmp_path / "verdicts.jsonl"
    verdicts.write_text(
        '{"dialogue": "a", "turn": 0, "check": "leak", "code": "leak: source_word", "message": "m", "stance": "drop"}\n'
    )
    facts = gather(arguments("report", file, "--verdicts", verdicts), file).facts
    [sample] = facts.samples
    assert sample.remarks == (Remark(check="leak", code="leak: source_word", message="m", turn=0, stance="drop"),)
    verdicts.write_text('{"dialogue": "a", "check": "leak", "code": "source_word", "message": "m", "pairs": 3}\n')
    [short] = [one.remarks for one in gather(arguments("report", file, "--verdicts", verdicts), file).facts.samples]
    assert [one.code for one in short] == ["leak: source_word"], "as rejects have it, so that a filter finds both"
    verdicts.write_text('{"dialogue": ')
    with pytest.raises(InputError, match="line 1"):
        gather(arguments("report", file, "--verdicts", verdicts), file)


@pytest.mark.parametrize("named", ["none.json", "none/"])
def test_what_is_not_there_is_said(tmp_path: Path, named: str) -> None:
    shown = syphus("report", tmp_path / named)
    assert shown.returncode == 2
    assert "Traceback" not in shown.stderr
    assert "is not there" in shown.stderr


def test_pages_of_the_same_facts_are_the_same(tmp_path: Path) -> None:
    samples = [sample_of(ASTRONAUT, rejects=(Reject(code="c", message="m"),))]
    assert written(facts_of(*samples))[0] == written(facts_of(*samples))[0]
    assert repeated_questions(samples) == ()
    assert make_book(gather_nothing(), shown=False).numbers(Asset(path="a.jpg"), "") == []
    assert decisions_file(tmp_path / "data.json", None) == tmp_path / "data.decisions.jsonl"


def gather_nothing():
    from syphus.cli.report import Gathered

    return Gathered(facts_of(), finder({}, None), 0)


def test_samples_without_anything_are_written() -> None:
    _, parsed = written(facts_of(Sample(id="x", state="failed", detail="prompt too long")))
    assert parsed.block("index")["rows"]["preview"] == ["prompt too long"]
    _, parsed = written(facts_of())
    assert parsed.block("index")["rows"]["id"] == []


# -- the server of review


@pytest.fixture
def reviewing(tmp_path: Path):
    with open_server(b"<p>page</p>", DecisionKeeper(tmp_path / "decisions.jsonl")) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server, method: str, path: str, body: bytes | None = None, **headers: str | None):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
    given = {"Host": server.host, "Origin": f"http://{server.host}", "Content-Type": "application/json"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection.putrequest(method, path, skip_host=True)
    for name, value in given.items():
        if value is not None:
            connection.putheader(name, value)
    if body is not None and "Content_Length" not in headers:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    reply = connection.getresponse()
    data = reply.read()
    connection.close()
    return reply, data


def test_the_page_is_served_under_its_token_alone(reviewing) -> None:
    reply, data = ask(reviewing, "GET", f"/{reviewing.token}/")
    assert (reply.status, data) == (200, b"<p>page</p>")
    assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
    assert reply.headers["Cache-Control"] == "no-store"
    for path in ("/", "/wrong/", f"/{reviewing.token}", f"/{reviewing.token}/../", "/%2e%2e/etc/passwd"):
        assert ask(reviewing, "GET", path)[0].status == 404
    assert ask(reviewing, "GET", f"/{reviewing.token}/", Host="evil.example")[0].status == 404
    assert ask(reviewing, "GET", f"/{reviewing.token}/", Host=None)[0].status == 404
    assert ask(reviewing, "PUT", f"/{reviewing.token}/decisions", b"{}")[0].status == 501
    assert reviewing.server_address[0] == "127.0.0.1"


GOOD = b'{"id": "a", "decision": "reject", "note": "no dog", "version": "1"}'


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (GOOD, {}, 204),
        (GOOD, {"Origin": "http://evil.example"}, 403),
        (GOOD, {"Origin": "null"}, 403),
        (GOOD, {"Origin": None}, 403),
        (GOOD, {"Host": "localhost"}, 404),
        (GOOD, {"Content_Type": "text/plain"}, 415),
        (GOOD, {"Content_Type": "application/x-www-form-urlencoded"}, 415),
        (b'{"id": 1}', {}, 400),
        (b"[" * 50_000, {}, 400),
        (b"", {}, 400),
        (b"x", {"Content_Length": "99999999"}, 413),
        (b"x", {"Content_Length": "-1"}, 413),
        (b"x", {"Content_Length": "²"}, 413),
    ],
)
def test_a_decision_is_taken_from_the_page_alone(reviewing, body: bytes, headers: dict, status: int) -> None:
    encoded = {name: value.encode("utf-8") if value == "²" else value for name, value in headers.items()}
    reply, _ = ask(reviewing, "POST", f"/{reviewing.token}/decisions", body, **encoded)
    assert reply.status == status
    file = reviewing.keeper.file
    assert file.exists() == (status == 204)
    if status == 204:
        assert read_decisions(file) == {"a": Decision(id="a", decision="reject", note="no dog", version="1")}


def test_the_server_tells_what_is_decided_by_now(reviewing) -> None:
    path = f"/{reviewing.token}/decisions"
    assert ask(reviewing, "GET", path)[1] == b""
    DecisionKeeper(reviewing.keeper.file).keep(Decision(id="b", decision="accept"))
    assert ask(reviewing, "GET", path)[1] == b'{"id":"b","decision":"accept"}\n'
    reviewing.keeper.file.write_text("{broken")
    assert ask(reviewing, "GET", path)[0].status == 200
    assert ask(reviewing, "POST", path, GOOD)[0].status == 500
    assert reviewing.keeper.file.read_text() == "{broken", "what people wrote is not lost to us"
    assert ask(reviewing, "GET", path, Host="evil.example")[0].status == 404


def test_decisions_need_the_token(reviewing) -> None:
    assert ask(reviewing, "POST", "/decisions", GOOD)[0].status == 404
    assert ask(reviewing, "POST", "/x/decisions", GOOD)[0].status == 404
    assert not reviewing.keeper.file.exists()


def test_two_who_review_one_run_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "decisions.jsonl"
    mine, theirs = DecisionKeeper(file), DecisionKeeper(file)
    for number in range(5):
        mine.keep(Decision(id=f"m{number}", decision="accept"))
        theirs.keep(Decision(id=f"t{number}", decision="reject"))
    mine.keep(Decision(id="m0", decision="reject"))
    read = read_decisions(file)
    assert len(read) == 10
    assert read["m0"].decision == "reject"


@pytest.mark.skipif(os.name == "nt", reason="a process group is interrupted otherwise there")
def test_review_runs_until_it_is_interrupted(tmp_path: Path) -> None:
    file = tmp_path / "data.jsonl"
    file.write_bytes(msgspec.json.encode(ASTRONAUT) + b"\n")
    command = [sys.executable, "-m", "syphus", "review", str(file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stderr is not None
        address = next(found[1] for line in process.stderr if (found := re.search(r"(http://\S+)", line)))
        with urlopen(address, timeout=5) as reply:
            assert b"Content-Security-Policy" in reply.read()
        origin = address.rstrip("/").rpartition("/")[0]
        headers = {"Origin": origin, "Content-Type": "application/json"}
        with urlopen(Request(address + "decisions", data=GOOD, headers=headers), timeout=5) as reply:
            assert reply.status == 204
        process.send_signal(signal.SIGINT)
        told = process.stderr.read()
        assert process.wait(10) == 0, told
    assert "decisions and notes: 1" in told
    assert list(read_decisions(tmp_path / "data.decisions.jsonl")) == ["a"]


def test_a_port_that_is_taken_is_an_error_of_the_users(reviewing, tmp_path: Path) -> None:
    for port in (reviewing.server_address[1], 70_000):
        with pytest.raises(InputError, match="cannot be had"):
            open_server(b"", DecisionKeeper(tmp_path / "d.jsonl"), port)
