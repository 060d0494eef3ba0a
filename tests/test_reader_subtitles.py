# ruff: noqa: RUF001 (full-width and curly signs, dashes and Cyrillic are what is tested)
"""The reader of subtitles: every real file gives what it holds, and says what it does not."""

import os
from pathlib import Path

import msgspec
import pytest

from syphus.annotations.videos import activitynet, subtitles
from syphus.annotations.videos.spoken import is_name, read_utterances, tidy_name
from syphus.annotations.videos.subtitles import join_subtitles, read_subtitles
from syphus.errors import InputError
from syphus.records import Asset, Person, Scene, Segment

DATA = Path(os.environ.get("SYPHUS_DATA") or Path(__file__).parents[2] / "shared" / "data") / "subtitles"
real = pytest.mark.skipif(not DATA.is_dir(), reason=f"the real subtitle files are not in {DATA}")


def parse(path, **more):
    problems = []
    return read_subtitles(path, problems.append, **more), problems


def read(**options):
    problems = []
    scenes = list(subtitles.read(subtitles.Options(**options), problems.append))
    assert msgspec.json.decode(msgspec.json.encode(scenes), type=list[Scene]) == scenes
    return scenes, problems


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def said(segments):
    return [(segment.start, segment.end, segment.columns) for segment in segments]


# --- real files ---

LOST_GLUED = "text without times is left out"
REAL = {
    # file: segments, (start, end) of the last, problems as (place, beginning of the message, lost)
    "elephants_dream/captions.ar.vtt": (77, (537.333, 540.0), []),
    "elephants_dream/captions.en.vtt": (82, (537.0, 539.867), []),
    "elephants_dream/captions.ja.vtt": (77, (537.333, 540.0), []),
    "elephants_dream/captions.ru.vtt": (88, (537.333, 540.0), []),
    "elephants_dream/captions.sv.vtt": (88, (537.0, 540.0), []),
    "elephants_dream/chapters.en.vtt": (9, (565.0, 653.0), []),
    "elephants_dream/descriptions.en.vtt": (67, (647.5, 653.0), []),
    "elephants_dream/example-captions.vtt": (13, (42.593, 45.611), []),
    "pysrt/bom-utf-16-be.srt": (7, (43.0, 50.0), []),
    "pysrt/bom-utf-16-le.srt": (7, (43.0, 50.0), []),
    "pysrt/bom-utf-32-be.srt": (7, (43.0, 50.0), []),
    "pysrt/bom-utf-32-le.srt": (7, (43.0, 50.0), []),
    "pysrt/bom-utf-8.srt": (7, (43.0, 50.0), []),
    "pysrt/empty.srt": (
        5,
        (43.0, 50.0),
        [("line 13", "the cue is empty", True), ("line 17", "the cue is empty", True)],
    ),
    "pysrt/invalid.srt": (1, (1.0, 10.0), []),  # no milliseconds, which players accept
    "pysrt/no-indexes.srt": (7, (43.0, 50.0), []),
    "pysrt/utf-8.srt": (1460, (5839.634, 5849.634), []),
    "pysrt/windows-1252.srt": (1460, (5839.634, 5849.634), [("the file", "is not UTF-8; it is read as cp1252", False)]),
    "srt/ascii.srt": (3, (34.1, 36.57), []),
    "srt/gb2312.srt": (3, (34.1, 36.57), [("the file", "is not UTF-8; it is read as gb18030", False)]),
    "webvtt_py/captions_with_bom.vtt": (4, (16.32, 21.58), []),
    "webvtt_py/comments.vtt": (5, (145.0, 150.0), []),
    "webvtt_py/cue_tags.vtt": (3, (20.5, 21.5), []),
    "webvtt_py/empty.vtt": (0, None, [("line 1", "is empty", True)]),
    "webvtt_py/invalid.vtt": (7, (27.28, 30.28), []),  # no head
    "webvtt_py/invalid_format.sbv": (0, None, [("line 1", LOST_GLUED, True)]),
    "webvtt_py/invalid_format1.srt": (0, None, [("line 1", LOST_GLUED, True)]),
    "webvtt_py/invalid_format2.srt": (0, None, [("line 1", LOST_GLUED, True)]),
    "webvtt_py/invalid_format3.srt": (0, None, [("line 1", LOST_GLUED, True)]),
    "webvtt_py/invalid_format4.srt": (0, None, [("line 1", LOST_GLUED, True), ("line 2", "the cue is empty", True)]),
    "webvtt_py/invalid_timeframe.sbv": (
        4,
        (16.543, 17.484),
        [
            ("line 7", "its times cannot be read", True),
            ("line 13", "times 17.484 to 16.543 s are the wrong way", False),
        ],
    ),
    "webvtt_py/invalid_timeframe.srt": (5, (21.58, 23.88), [("line 6", "milliseconds behind a colon", False)]),
    "webvtt_py/invalid_timeframe.vtt": (6, (27.28, 30.28), [("line 6", "its times cannot be read", True)]),
    "webvtt_py/invalid_timeframe_in_cue_text.vtt": (3, (11.89, 16.32), [("line 6", "the cue is empty", True)]),
    "webvtt_py/metadata_headers.vtt": (2, (7.0, 11.89), []),
    "webvtt_py/metadata_headers_multiline.vtt": (2, (7.0, 11.89), []),
    "webvtt_py/missing_caption_text.sbv": (
        4,
        (16.543, 17.484),
        [("line 12", "times 17.484", False), ("line 4", "the cue is empty", True)],
    ),
    "webvtt_py/missing_caption_text.srt": (4, (21.58, 23.88), [("line 6", "the cue is empty", True)]),
    "webvtt_py/missing_caption_text.vtt": (4, (21.58, 23.88), [("line 6", "the cue is empty", True)]),
    "webvtt_py/missing_timeframe.sbv": (
        4,
        (16.543, 17.484),
        [("line 4", LOST_GLUED, True), ("line 12", "times 17.484", False)],
    ),
    "webvtt_py/missing_timeframe.srt": (4, (21.58, 23.88), [("line 5", LOST_GLUED, True)]),
    "webvtt_py/missing_timeframe.vtt": (6, (27.28, 30.28), [("line 6", LOST_GLUED, True)]),
    "webvtt_py/no_captions.vtt": (0, None, []),
    "webvtt_py/non_padded_timestamps.vtt": (3, (65.2, 3727.95), []),
    "webvtt_py/one_caption.srt": (1, (0.5, 7.0), []),
    "webvtt_py/one_caption.vtt": (1, (0.5, 7.0), []),
    "webvtt_py/regions.vtt": (2, (2.5, 22.5), []),
    "webvtt_py/sample.sbv": (5, (16.543, 17.484), [("line 14", "times 17.484", False)]),
    "webvtt_py/sample.srt": (5, (21.58, 23.88), []),
    "webvtt_py/sample.vtt": (16, (61.35, 64.3), []),
    "webvtt_py/styles.vtt": (1, (0.0, 10.0), []),
    "webvtt_py/styles_colours.srt": (
        4,
        (147.68, 149.28),
        [("line 6", "the cue holds no words", True), ("line 14", "the cue holds no words", True)],
    ),
    "webvtt_py/styles_colours.vtt": (
        4,
        (147.68, 149.28),
        [("line 41", "the cue holds no words", True), ("line 49", "the cue holds no words", True)],
    ),
    "webvtt_py/styles_with_comments.vtt": (1, (0.0, 10.0), []),
    "webvtt_py/two_captions.sbv": (2, (11.378, 12.305), []),
    "webvtt_py/using_identifiers.vtt": (6, (23.88, 27.28), []),
    "webvtt_py/youtube_dl.vtt": (3, (304.08, 305.4), [("the file", "rolling captions: 2 lines", False)]),
}


@real
def test_the_table_has_every_real_file():
    there = {str(file.relative_to(DATA)) for file in DATA.rglob("*") if file.is_file() and file.name != "LICENSE"}
    assert there == set(REAL)


@real
@pytest.mark.parametrize("name", REAL)
def test_real_files(name):
    count, last, expected = REAL[name]
    segments, problems = parse(DATA / name)
    assert len(segments) == count
    assert ((segments[-1].start, segments[-1].end) if segments else None) == last
    assert [(problem.place, problem.lost) for problem in problems] == [(place, lost) for place, _, lost in expected]
    for problem, (_, message, _) in zip(problems, expected, strict=True):
        assert problem.message.startswith(message)
    assert [segment.start for segment in segments] == sorted(segment.start for segment in segments)
    texts = " ".join(value for segment in segments for value in segment.columns.values())
    assert (
        not any(mark in texts for mark in ("-->", "<", "NOTE", "STYLE", "&lt;", "\ufeff", "\ufffd")) or "2 < 3" in texts
    )


@real
def test_what_the_real_files_say():
    def first(name):
        return parse(DATA / name)[0][0].columns

    assert first("webvtt_py/non_padded_timestamps.vtt") == {"speaker": "Jane Doe", "subtitle": "Good morning everyone."}
    assert first("webvtt_py/regions.vtt") == {"speaker": "Fred", "subtitle": "Hi, my name is Fred"}
    assert first("srt/gb2312.srt") == {"subtitle": "宇宙守护神 保护我们远离邪恶"}
    assert first("elephants_dream/captions.ja.vtt") == {"subtitle": "左に見えるのは…"}
    assert first("elephants_dream/example-captions.vtt") == {
        "subtitle": "Captions describe all relevant audio for the hearing impaired.",
        "sound": "Heroic music playing for a seagull",
    }
    assert parse(DATA / "pysrt/utf-8.srt")[0] == parse(DATA / "pysrt/windows-1252.srt")[0]
    assert {"speaker": "Dolphin", "subtitle": "eeeEEEEEeeee!"} in [
        segment.columns for segment in parse(DATA / "elephants_dream/example-captions.vtt")[0]
    ]
    rolled = [segment.columns["subtitle"] for segment in parse(DATA / "webvtt_py/youtube_dl.vtt")[0]]
    assert rolled == ["yeah", "what", "this will happen is I'm telling"]
    assert "2 < 3" in str(parse(DATA / "webvtt_py/styles_colours.srt")[0])


@real
def test_a_folder_of_real_files():
    scenes, problems = read(path=DATA)
    same = [problem.file for problem in problems if "says the same as" in problem.message]
    assert len(same) == 5  # the same film as .srt, .vtt and .sbv
    assert len(scenes) == len([count for count, _, _ in REAL.values() if count]) - len(same)
    assert len({scene.id for scene in scenes}) == len(scenes)
    empty = [problem.file for problem in problems if problem.message == "holds no subtitles that can be read"]
    assert len(empty) == len(REAL) - len(scenes) - len(same)
    english, _ = read(path=DATA / "elephants_dream", language="en")
    assert [(scene.id, scene.assets[0].path, scene.metadata) for scene in english] == [
        (name, f"{name}.mp4", {"language": "en"}) for name in ("captions", "chapters", "descriptions")
    ]
    (descriptions,), _ = read(path=DATA / "elephants_dream/descriptions.en.vtt", events=True)
    assert len(descriptions.segments) == 63
    assert descriptions.segments[0].text == "The orange open movie project presents"
    assert not descriptions.segments[0].columns


# --- what cues say ---


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["<v.loud Bob>Hi <i>there</i></v> <v Al>Yo"], [{"speaker": "Bob", "subtitle": "Hi there"}, {"speaker": "Al", "subtitle": "Yo"}]),
        (["MONICA: Hi.", "ROSS: Hello you", "two"], [{"speaker": "Monica", "subtitle": "Hi."}, {"speaker": "Ross", "subtitle": "Hello you two"}]),
        ([" Chase : That's all this is?"], [{"speaker": "Chase", "subtitle": "That's all this is?"}]),
        (["[man] Hello", "-[older woman 2] Go!", "[door slams] Oh", "[in French] Oui"], [{"speaker": "man", "subtitle": "Hello"}, {"speaker": "older woman 2", "subtitle": "Go! Oh Oui", "sound": "door slams; in French"}]),
        (["[crowd]"], [{"sound": "crowd"}]),
        (["(Monica:)Hello"], [{"speaker": "Monica", "subtitle": "Hello"}]),
        (["[MONICA:] Hello"], [{"speaker": "Monica", "subtitle": "Hello"}]),
        (["- Well.", "- Yes!", "and no"], [{"subtitle": "Well."}, {"subtitle": "Yes! and no"}]),
        (["-Euh, là-bas"], [{"subtitle": "Euh, là-bas"}]),
        ([">> Hello.", ">>> News: rain"], [{"subtitle": "Hello."}, {"subtitle": "News: rain"}]),
        (["-5 degrees"], [{"subtitle": "-5 degrees"}]),
        (["--and then"], [{"subtitle": "--and then"}]),
        (["---"], []),
        (["..."], []),
        (["?"], [{"subtitle": "?"}]),
        (["♪ la la ♪"], [{"lyrics": "la la"}]),
        (["♪♪"], [{"sound": "music"}]),
        (["# la la #"], [{"lyrics": "la la"}]),
        (["Hi #1 fan"], [{"subtitle": "Hi #1 fan"}]),
        (["[ Splash!!! ]"], [{"sound": "Splash!!!"}]),
        (["(SIGHS) Okay"], [{"subtitle": "Okay", "sound": "SIGHS"}]),
        (["a", "(door opens)"], [{"subtitle": "a", "sound": "door opens"}]),
        (["ok (laughs) then"], [{"subtitle": "ok (laughs) then"}]),
        (["MAN 2 (on phone): Yes"], [{"speaker": "Man 2", "subtitle": "Yes", "sound": "on phone"}]),
        (["what the [ __ ] is"], [{"subtitle": "what the [ __ ] is"}]),
        (["UNKNAME : yes"], [{"subtitle": "yes"}]),
        (["Remember: don't"], [{"subtitle": "Remember: don't"}]),
        (["He said: no"], [{"subtitle": "He said: no"}]),
        (["It's 5:30"], [{"subtitle": "It's 5:30"}]),
        (["http://a.b"], [{"subtitle": "http://a.b"}]),
        ([r"{\an8}<font color='x'>2 &lt; 3 <3 !</font>"], [{"subtitle": "2 < 3 <3 !"}]),
        ([r"one\Ntwo"], [{"subtitle": "one two"}]),
        (["a\x00b\u200bc"], [{"subtitle": "abc"}]),
        ([], []),
    ],
)  # fmt: skip
def test_utterances(lines, expected):
    assert [one.make_columns() for one in read_utterances(lines)] == expected


def test_speakers_without_capitals_must_come_twice(tmp_path):
    head = "1\n00:00:01,000 --> 00:00:02,000\n小明：你好\n\n"
    one, _ = parse(write(tmp_path / "a.srt", head))
    assert one[0].columns == {"subtitle": "小明：你好"}
    two, _ = parse(write(tmp_path / "b.srt", head + "2\n00:00:03,000 --> 00:00:04,000\n小明：再见\n"))
    assert [segment.columns for segment in two] == [
        {"speaker": "小明", "subtitle": "你好"},
        {"speaker": "小明", "subtitle": "再见"},
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Man 2", False),
        ("OLD WOMAN", False),
        ("Both", False),
        ("Monica", True),
        ("J.D.", True),
        ("Nurse Joy", True),
        ("李娜", True),
    ],
)
def test_who_is_called_by_name(name, expected):
    assert is_name(name) is expected


@pytest.mark.parametrize(
    ("name", "tidy"),
    [("DR. HOUSE", "Dr. House"), ("J.D.", "J.D."), ("O'BRIEN:", "O'Brien"), (" a  b ", "a b"), ("UNKNOWN", "")],
)
def test_names_are_written_as_names(name, tidy):
    assert tidy_name(name) == tidy


# --- what files are like ---

CUE = "1\n00:00:01,000 --> 00:00:02,500\nHello\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:01.000 --> 00:02.500\nHello", [(1.0, 2.5)]),
        ("1:00:01,000-->1:00:02,500\nHello", [(3601.0, 3602.5)]),
        ("1\r\n00:00:01,000 --> 00:00:02,500 X1:10 X2:20\r\nHello\r\n", [(1.0, 2.5)]),
        ("1\r00:00:01,000 --> 00:00:02,500\rHello\r", [(1.0, 2.5)]),
        ("00:00:01,000 --> 00:00:02,500\nHello\n00:00:03,000 --> 00:00:04,000\nHello", [(1.0, 2.5), (3.0, 4.0)]),
        ("1\n00:00:01,000 --> 00:00:02,500\nHello\n2\n00:00:03,000 --> 00:00:04,000\nHello", [(1.0, 2.5), (3.0, 4.0)]),
        ("1\n00:00:01,000 --> 00:00:02,500\nHello\n\nHello again\n\n2\n00:00:03,000 --> 00:00:04,000\nHello", [(1.0, 2.5), (3.0, 4.0)]),
        ("WEBVTT\n\nintro\n00:01.000 --> 00:02.500 line:0 position:20%\nHello\n\nNOTE x\ny\n\nSTYLE\n::cue{}\n", [(1.0, 2.5)]),
        (("[Script Info]\nTitle: x\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
         "Comment: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,no\n"
         "Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,{\\i1}Hello{\\i0}\n"), [(1.0, 2.5)]),
        ("{25}{50}{y:i}Hello", None),
        ("{1}{1}25.0\n{25}{50}Hello", [(1.0, 2.0)]),
        ("[10][25]Hello", [(1.0, 2.5)]),
        ("00:00:01:Hello\n", [(1.0, 2.505)]),
        ('<?xml version="1.0"?><tt xmlns="http://www.w3.org/ns/ttml"><body><div><p begin="00:00:01.000" end="00:00:02.500">Hello</p></div></body></tt>',
         [(1.0, 2.5)]),
    ],
)  # fmt: skip
def test_forms(tmp_path, text, expected):
    file = write(tmp_path / "a.srt", text)
    if expected is None:
        with pytest.raises(InputError, match="frame rate"):
            parse(file)
        return
    segments, _ = parse(file)
    assert [(segment.start, pytest.approx(segment.end, abs=0.3)) for segment in segments] == expected
    assert {segment.columns["subtitle"] for segment in segments} <= {"Hello", "Hello Hello again"}


def test_ass_says_who_speaks(tmp_path):
    lines = "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    lines += "Dialogue: 0,0:00:01.00,0:00:02.50,Default,ROSS,0,0,0,,Hi\\Nthere\n"
    segments, _ = parse(write(tmp_path / "a.ass", lines))
    assert said(segments) == [(1.0, 2.5, {"speaker": "Ross", "subtitle": "Hi there"})]


def test_entries_that_pysubs2_passes_over_are_told(tmp_path):
    text = '<tt><body><p begin="00:00:01.000" end="00:00:02.000">Hi</p></body></tt>'  # it asks for a <div>
    segments, problems = parse(write(tmp_path / "a.ttml", text))
    assert segments == []
    assert [(problem.message, problem.lost) for problem in problems] == [("1 of 1 entries cannot be read (TTML)", True)]


def test_ttml_entities_are_refused(tmp_path):
    bomb = '<?xml version="1.0"?><!DOCTYPE tt [<!ENTITY a "x">]><tt><body><p begin="1s" end="2s">&a;</p></body></tt>'
    with pytest.raises(InputError, match="TTML"):
        parse(write(tmp_path / "a.ttml", bomb))


@pytest.mark.parametrize(
    ("encoding", "text", "guessed"),
    [
        ("utf-8", "Zoë", None),
        ("utf-8-sig", "Zoë", None),
        ("utf-16", "Zoë", None),
        ("utf-16-le", "Nothing but plain words, of which there are a few.", "utf_16"),
        ("cp1252", "Où êtes-vous? Café crème, très bien. L’été à la plage, ça m’a plu énormément.", "cp1252"),
        ("cp1251", "Говорю тебе. Имо, слева мы видим голово-клацов.", "cp1251"),
        ("shift_jis", "左に見えるのは、首刈り機です。そこにあるって、イーモ。", "cp932"),
        ("gb2312", "宇宙守护神 保护我们远离邪恶", "gb"),
    ],
)
def test_encodings(tmp_path, encoding, text, guessed):
    file = write(tmp_path / "a.srt", CUE.replace("Hello", text), encoding)
    segments, problems = parse(file)
    assert [segment.columns["subtitle"] for segment in segments] == [text]
    assert [problem.lost for problem in problems] == ([False] if guessed else [])
    assert all(f"read as {guessed}" in problem.message for problem in problems)
    assert parse(file, encoding=encoding) == (segments, [])


def test_encodings_that_are_wrong(tmp_path):
    file = write(tmp_path / "a.srt", CUE.replace("Hello", "Zoë"), "cp1252")
    with pytest.raises(InputError, match="is not utf-8"):
        parse(file, encoding="utf-8")
    with pytest.raises(InputError, match="unknown encoding"):
        parse(file, encoding="utf-99")


def test_one_bad_byte_does_not_change_the_encoding(tmp_path):
    file = tmp_path / "a.srt"
    file.write_bytes((CUE.replace("Hello", "Слева мы видим голово-клацов. " * 3)).encode() + b"\xff\n")
    segments, problems = parse(file)
    assert segments[0].columns["subtitle"].startswith("Слева мы видим")
    assert "not UTF-8" in problems[0].message
    assert not problems[0].lost


def test_binaries_are_no_subtitles(tmp_path):
    file = tmp_path / "a.srt"
    file.write_bytes(b"\x00" * 5000)
    with pytest.raises(InputError, match="no text"):
        parse(file)
    with pytest.raises(InputError, match="cannot be read"):
        parse(tmp_path / "none.srt")
    with pytest.raises(InputError, match="cannot be read"):
        parse(tmp_path)


def test_a_stream_piece_says_that_its_clock_is_another(tmp_path):
    text = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n\n00:01.000 --> 00:02.000\nHi"
    segments, problems = parse(write(tmp_path / "a.vtt", text))
    assert said(segments) == [(1.0, 2.0, {"subtitle": "Hi"})]
    assert "10 s ahead" in problems[0].message
    text = text.replace("900000", "0")
    assert parse(write(tmp_path / "b.vtt", text))[1] == []


def test_descriptions_are_events(tmp_path):
    text = "WEBVTT\nKind: descriptions\n\n00:01.000 --> 00:02.000\nA man: he <i>runs</i>"
    segments, _ = parse(write(tmp_path / "a.vtt", text))
    assert segments == [Segment(start=1.0, end=2.0, text="A man: he runs")]
    segments, _ = parse(tmp_path / "a.vtt", events=False)
    assert segments[0].text == ""


def test_rolling_captions_are_said_once(tmp_path):
    lines = ["hello there", "how are you", "fine thanks", "and you"]
    cues, before = "WEBVTT\nKind: captions\n", ""
    for index, line in enumerate(lines):
        start = 2 * index
        shown = f"{before}\n{line}" if before else f" \n{line}"
        cues += f"\n00:{start:02d}.000 --> 00:{start + 1:02d}.990 align:start\n{shown}\n"
        cues += f"\n00:{start + 1:02d}.990 --> 00:{start + 2:02d}.000 align:start\n{line}\n \n"
        before = line
    segments, problems = parse(write(tmp_path / "a.vtt", cues))
    assert said(segments) == [(2 * index, 2 * index + 2, {"subtitle": line}) for index, line in enumerate(lines)]
    assert [(problem.lost, problem.message[:16]) for problem in problems] == [(False, "rolling captions")]


def test_a_word_said_twice_stays(tmp_path):
    cues = "".join(
        f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{word}\n\n"
        for n, word in enumerate(["No", "No", "Oh", "Why", "So", "Hm"])
    )
    segments, problems = parse(write(tmp_path / "a.srt", cues))
    assert [segment.columns["subtitle"] for segment in segments] == ["No", "No", "Oh", "Why", "So", "Hm"]
    assert not problems


def test_every_cue_is_a_segment_or_a_problem(tmp_path):
    kinds = ["Hello", "", "---", "[bang]", "- a\n- b", "♪"]
    cues = "".join(
        f"{n}\n00:{n // 60:02d}:{n % 60:02d},000 --> 00:{n // 60:02d}:{n % 60:02d},500\n{kinds[n % 6]}\n\n"
        for n in range(300)
    )
    segments, problems = parse(write(tmp_path / "a.srt", cues))
    times = {segment.start for segment in segments}
    assert len(times) + sum(problem.lost for problem in problems) == 300


# --- the reader ---


def test_scenes(tmp_path):
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub/film.srt", CUE.replace("Hello", "MONICA: I know Ross."))
    write(tmp_path / "b.vtt", "WEBVTT\n")
    write(tmp_path / "c.srt", CUE)
    (tmp_path / "d.srt").write_bytes(b"\0" * 5000)
    write(tmp_path / "names.txt", "Ross\nMonica = the woman\n")
    (tmp_path / "videos/x").mkdir(parents=True)
    (tmp_path / "videos/x/film.MKV").touch()
    scenes, problems = read(path=tmp_path, images=tmp_path / "videos", names=tmp_path / "names.txt")
    assert [(scene.id, scene.assets[0].path) for scene in scenes] == [("c", "c.mp4"), ("film", "x/film.MKV")]
    assert scenes[1].people == (Person(name="Monica", looks="the woman"), Person(name="Ross"))
    assert {Path(problem.file).name for problem in problems} == {"b.vtt", "d.srt"}


def test_what_is_no_subtitle_file(tmp_path):
    with pytest.raises(InputError, match="has no subtitle files"):
        read(path=tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read(path=tmp_path / "none.srt")
    with pytest.raises(InputError, match="is no subtitle file"):
        read(path=write(tmp_path / "a.json", "{}"))
    with pytest.raises(InputError, match="no suffix"):
        read(path=write(tmp_path / "a.srt", CUE), suffix="../x")


# --- joining ---


def make_scene(path="film.mp4", **asset):
    return Scene(
        id="s",
        assets=(Asset(id="video", kind="video", path=path, **asset),),
        segments=(Segment(start=2, end=3, text="x"),),
    )


def join(scene, folder, **more):
    problems = []
    (joined,) = join_subtitles([scene], folder, problems.append, **more)
    return joined, problems


def test_speech_is_joined_by_name_and_time(tmp_path):
    write(tmp_path / "film.srt", CUE + "\n2\n00:00:10,000 --> 00:00:12,000\nEve: Bye\n")
    joined, problems = join(make_scene("deep/film.mp4"), tmp_path)
    assert [(one.start, one.text, one.columns) for one in joined.segments] == [
        (1.0, "", {"subtitle": "Hello"}),
        (2, "x", {}),
        (10.0, "", {"speaker": "Eve", "subtitle": "Bye"}),
    ]
    assert (joined.people, problems) == ((Person(name="Eve"),), [])


def test_speech_is_cut_to_the_clip(tmp_path):
    write(tmp_path / "film.srt", CUE + "\n2\n00:00:10,000 --> 00:00:14,000\nBye\n")
    joined, problems = join(make_scene(start=9.0, duration=3.0), tmp_path)
    assert [(one.start, one.end) for one in joined.segments] == [(1.0, 3.0), (2, 3)]
    assert not problems
    joined, problems = join(make_scene(duration=5.0), tmp_path)
    assert [(one.start, one.end) for one in joined.segments] == [(1.0, 2.5), (2, 3)]
    assert [(problem.lost, problem.message[:27]) for problem in problems] == [(True, "1 subtitles come after the ")]


def test_languages(tmp_path):
    for language in ("de", "en", "pt-BR"):
        write(tmp_path / f"film.{language}.srt", CUE.replace("Hello", f"in {language}"))
    joined, problems = join(make_scene(), tmp_path, language="pt-br")
    assert joined.segments[0].columns == {"subtitle": "in pt-BR"}
    assert not problems
    joined, problems = join(make_scene(), tmp_path, language="pt")
    assert joined.segments[0].columns == {"subtitle": "in pt-BR"}
    joined, problems = join(make_scene(), tmp_path)
    assert joined.segments[0].columns == {"subtitle": "in de"}
    assert "`language` says which" in problems[0].message


def test_videos_without_subtitles_are_told(tmp_path):
    write(tmp_path / "film.srt", CUE)
    joined, problems = join(make_scene("other.mp4"), tmp_path)
    assert joined == make_scene("other.mp4")
    assert [(problem.place, problem.lost) for problem in problems] == [("scene s", False)]
    still = Scene(id="film", assets=(Asset(path="film.jpg"),))
    assert join(still, tmp_path) == (still, [])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="has no subtitle files"):
        join(make_scene(), tmp_path / "empty")


def test_tvqa_subtitles_are_joined(tmp_path):
    lines = '{"vid_name": "film", "sub": [{"text": " Chase : Hi", "start": 0.5, "end": 1.5}, {"text": "...", "start": 4, "end": 5}]}\n'
    file = write(tmp_path / "subs.jsonl", lines + '{"vid_name": "film", "sub": []}\n{"vid_name": 5}\n')
    joined, problems = join(make_scene(), file)
    assert joined.segments[0] == Segment(start=0.5, end=1.5, columns={"speaker": "Chase", "subtitle": "Hi"})
    assert [(problem.place, problem.lost) for problem in problems] == [
        ("line 2", True),
        ("line 3", True),
        ("line 1, sub[1]", True),
    ]


TRIMMED = """WEBVTT
Kind: captions

00:00:00.000 --> 00:00:02.500 align:start position:0%

hello<00:00:00.500><c> there</c>

00:00:02.500 --> 00:00:02.510 align:start position:0%
hello there


00:00:02.510 --> 00:00:05.000 align:start position:0%
hello there
welcome<00:00:03.000><c> back</c>

00:00:05.000 --> 00:00:06.000 align:start position:0%

last<00:00:05.500><c> one</c>

00:00:06.000 --> 00:00:07.000

NOTE not said

00:00:07.000 --> 00:00:08.000

name of a cue
00:00:08.000 --> 00:00:09.000
end
"""


def test_rolling_captions_whose_spaces_were_trimmed(tmp_path):
    """The line of one space that their cues begin with is then an empty one, which by the standard ends the cue."""
    (tmp_path / "a.vtt").write_text(TRIMMED, encoding="utf-8")
    (scene,), problems = read(path=tmp_path / "a.vtt")
    assert [one.columns["subtitle"] for one in scene.segments] == ["hello there", "welcome back", "last one", "end"]
    assert [problem.message for problem in problems if problem.lost] == ["the cue is empty"] * 2


def test_cues_from_before_the_beginning(tmp_path):
    text = "1\n-00:00:01,000 --> 00:00:02,500\nA\n\n2\n-00:00:05,000 --> -00:00:03,000\nB\n\n3\n00:00:03,000 --> 00:00:04,000\n- C\n"
    (tmp_path / "a.srt").write_text(text, encoding="utf-8")
    (scene,), problems = read(path=tmp_path / "a.srt")
    assert [(one.start, one.end, one.columns["subtitle"]) for one in scene.segments] == [(0, 2.5, "A"), (3, 4, "C")]
    assert [(problem.place, problem.lost) for problem in problems] == [("line 2", False), ("line 6", True)]


def test_typesetting_and_karaoke(tmp_path):
    """One sign in two layers and four frames, and a line of a song that was made into syllables."""
    rows = ["Comment: 0,0:00:01.00,0:00:05.00,OP,,0,0,0,karaoke,{\\k20}sa{\\k30}ku{\\k10}ra"]
    rows += [
        f"Dialogue: 2,0:00:0{1 + n}.00,0:00:0{2 + n}.00,OP,,0,0,0,fx,{{\\pos({n},2)}}{part}"
        for n, part in enumerate(("sa", "ku", "ra"))
    ]
    for frame in range(4):
        rows += [
            f"Dialogue: {layer},0:00:10.{frame * 4:02d},0:00:10.{frame * 4 + 4:02d},Sign,,0,0,0,,{{\\pos(1,1)}}SHOP"
            for layer in (0, 1)
        ]
    rows += [
        "Dialogue: 0,0:00:12.00,0:00:13.00,Default,Ann,0,0,0,,No.",
        "Dialogue: 0,0:00:13.00,0:00:14.00,Default,Ann,0,0,0,,No.",
    ]
    rows += [
        "Comment: 0,0:00:12.00,0:00:13.00,Default,,0,0,0,,not shown",
        "Dialogue: 0,0:00:12.00,0:00:13.00,Default,Bob,0,0,0,,No.",
    ]
    (tmp_path / "a.ass").write_text(
        "[Script Info]\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        + "\n".join(rows),
        encoding="utf-8",
    )
    (scene,), problems = read(path=tmp_path / "a.ass")
    assert [(one.start, one.end, one.columns) for one in scene.segments] == [
        (1, 5, {"lyrics": "sakura"}),
        (10, 10.16, {"subtitle": "SHOP"}),
        (12, 13, {"speaker": "Ann", "subtitle": "No."}),
        (12, 13, {"speaker": "Bob", "subtitle": "No."}),
        (13, 14, {"speaker": "Ann", "subtitle": "No."}),
    ]
    assert [problem.lost for problem in problems] == [False]


def test_words_above_words_are_not_said(tmp_path):
    (tmp_path / "a.vtt").write_text(
        "WEBVTT\n\n00:01.000 --> 00:02.000\n<ruby>漢<rt>かん</rt>字<rt>じ</rt></ruby>です\n", encoding="utf-8"
    )
    assert read(path=tmp_path / "a.vtt")[0][0].segments[0].columns == {"subtitle": "漢字です"}


def test_names_that_yt_dlp_gives(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s/A title [dQw4w9WgXcQ].en.vtt").write_text(
        "WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n", encoding="utf-8"
    )
    (tmp_path / "v").mkdir()
    (tmp_path / "v/A title [dQw4w9WgXcQ].webm").touch()
    file = tmp_path / "a.json"
    for name in ("dQw4w9WgXcQ", "v_dQw4w9WgXcQ"):
        file.write_text(
            f'{{"{name}": {{"duration": 9, "timestamps": [[3, 5]], "sentences": ["x"]}}}}', encoding="utf-8"
        )
        problems = []
        options = activitynet.Options(path=file, subtitles=tmp_path / "s", images=tmp_path / "v")
        (scene,) = activitynet.read(options, problems.append)
        assert scene.assets[0].path == "A title [dQw4w9WgXcQ].webm"
        assert len(scene.segments) == 2
        assert problems == []
