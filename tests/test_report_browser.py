"""The page in a real browser: what is seen, what is pressed, what is kept, and that nothing runs, loads or leaves."""

import io
import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from report_samples import ASTRONAUT, HOSTILE, RED, SCENE, dialogue_of, facts_of, sample_of

from syphus.cli.report import finder
from syphus.cli.review import DecisionKeeper, open_server
from syphus.exchange import Reject
from syphus.records import Asset, Caption, Scene, Segment
from syphus.report.decisions import Decision, read_decisions, version_of
from syphus.report.facts import Asked, CategoryFacts, Remark
from syphus.report.page import write_page
from syphus.report.pictures import PictureBook, have_pillow

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the path"),
    pytest.mark.skipif(not have_pillow(), reason="Pillow (syphus[report]) is not installed"),
]

ARABIC = dialogue_of("ماذا ترتدي المرأة؟", "ترتدي [بدلة برتقالية](#o1) من NASA.", language="ar")
JAPANESE = dialogue_of("何を着ていますか。", "[オレンジの服](#o1)です。", language="ja")
VIDEO = Scene(
    id="v",
    assets=(Asset(id="video", kind="video", path="v.mp4", duration=100.0),),
    segments=(Segment(start=0, end=20, text="He speaks."), Segment(start=40, end=60, text="He cuts an onion.")),
)


@pytest.fixture(scope="module")
def browser():
    flags = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield opened
        opened.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with a picture that is white but for a red square where the box of ``o1`` is."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (400, 300), "white")
    left, top, right, bottom = RED
    ImageDraw.Draw(image).rectangle((left, top, right - 1, bottom - 1), fill="red")
    image.save(tmp_path / "red.png")
    return tmp_path


def demo_facts(**fields):
    samples = [
        sample_of(
            ASTRONAUT, ARABIC, JAPANESE,
            state="partial",
            remarks=(Remark(check="objects", code="objects: foreign", message="No suit is there.", evidence="She wears", turn=0),),
            rejects=(Reject(code="leak: source_word", message="It names the caption.", evidence="the caption says"),),
        ),
        sample_of(dialogue_of("When is it cut?", "From 0:40 on, until 60 s.", id="v", category="video/moments", scene=VIDEO),
                  scene=VIDEO, ability="reasoning"),
        sample_of(dialogue_of("How many dogs?", "There are three dogs.", id="dogs"), remarks=()),
        sample_of(dialogue_of("Where is the [zebra](#o9)?", "Nowhere.", id="zebra")),
    ]  # fmt: skip
    return facts_of(*samples, **fields)


def save(facts, folder: Path, *, live: bool = False) -> Path:
    file = folder / "report.html"
    with file.open("wb") as out:
        write_page(facts, out, PictureBook(finder({}, folder), 512), live=live)
    return file


class Opened:
    """A page, with everything that it asked for and everything that went wrong in it."""

    def __init__(self, browser, address: str, **context) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **context})
        self.context.set_default_timeout(4000)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda one: self.asked.append(one.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda one: self.errors.append(one.text) if one.type == "error" else None)
        self.page.goto(address)
        self.wait()

    def wait(self) -> None:
        self.page.wait_for_selector("html[data-ready=all]")
        self.page.wait_for_selector("#decision", state="attached")

    def rows(self) -> list[str]:
        return self.page.locator(".row .preview").all_inner_texts()


@pytest.fixture
def opened(browser, pictures: Path):
    made: list[Opened] = []

    def open_page(facts=None, **context) -> Opened:
        file = save(facts or demo_facts(), pictures)
        made.append(Opened(browser, file.as_uri(), **context))
        return made[-1]

    yield open_page
    for one in made:
        assert one.errors == []
        assert [url for url in one.asked if not url.startswith(("data:", "blob:", "file:"))] == []
        assert len([url for url in one.asked if url.startswith("file:")]) >= 1
        assert {url.partition("?")[0] for url in one.asked if url.startswith("file:")} == {
            one.page.url.partition("#")[0]
        }
        one.context.close()


def colour_at(image: bytes, x: float, y: float) -> tuple[int, int, int]:
    from PIL import Image

    with Image.open(io.BytesIO(image)) as shown:
        return shown.convert("RGB").getpixel((round(x), round(y)))


# -- what is seen


def test_a_box_stands_where_its_object_is(opened) -> None:
    page = opened().page
    frame = page.locator(".frame").bounding_box()
    box = page.locator(".box.said").bounding_box()
    scale = frame["width"] / 400
    assert frame["height"] == pytest.approx(300 * scale, abs=1)
    left, top, right, bottom = RED
    expected = (left * scale, top * scale, (right - left) * scale, (bottom - top) * scale)
    found = (box["x"] - frame["x"], box["y"] - frame["y"], box["width"], box["height"])
    assert found == pytest.approx(expected, abs=1)
    # And in what is painted: red inside of the box, white outside of it, on each of its four sides.
    page.wait_for_function  # noqa: B018 - the page's policy forbids it: nothing may be evaluated there
    page.locator(".frame img").evaluate("image => image.decode()")
    seen = page.screenshot()
    x1, y1 = box["x"], box["y"]
    x2, y2 = x1 + box["width"], y1 + box["height"]
    middle_x, middle_y = (x1 + x2) / 2, (y1 + y2) / 2
    for inside in ((x1 + 6, middle_y), (x2 - 6, middle_y), (middle_x, y1 + 6), (middle_x, y2 - 6)):
        red, green, _ = colour_at(seen, *inside)
        assert red > 200
        assert green < 80
    for outside in ((x1 - 6, middle_y), (x2 + 6, middle_y), (middle_x, y1 - 6), (middle_x, y2 + 6)):
        assert min(colour_at(seen, *outside)) > 200


def test_a_reference_lights_up_its_object_and_the_object_its_references(opened) -> None:
    page = opened().page
    box, words = page.locator(".box.said"), page.locator(".ref")
    assert box.locator(".label").is_hidden()
    words.nth(0).hover()
    assert box.locator(".label").inner_text() == "square"
    assert [one.get_attribute("class").split()[-1] for one in words.all()] == ["lit"] * 3, "in each language"
    page.mouse.move(2, 2)
    assert page.locator(".lit").count() == 0
    words.nth(0).focus()
    assert box.locator(".label").is_visible()
    words.nth(1).press("Enter")
    page.locator("#note").focus()
    assert box.locator(".label").is_visible(), "pinned"


def test_other_boxes_are_shown_when_asked_for(opened) -> None:
    page = opened().page
    assert page.locator(".box:visible").count() == 1
    page.keyboard.press("b")
    assert page.locator(".box:visible").count() == 2
    assert page.locator("#all-boxes").get_attribute("aria-pressed") == "true"


def test_a_reference_to_nothing_is_told_apart(opened) -> None:
    page = opened().page
    page.locator(".row").nth(3).click()
    assert "which is not there" in page.locator(".ref.broken").get_attribute("title")


def test_languages_stand_side_by_side_each_in_its_direction(opened) -> None:
    page = opened().page
    questions = page.locator(".turn.question p")
    boxes = [one.bounding_box() for one in questions.all()]
    assert len({round(box["y"]) for box in boxes}) == 1
    assert sorted(box["x"] for box in boxes) == [box["x"] for box in boxes]
    directions = [one.evaluate("node => getComputedStyle(node).direction") for one in questions.all()]
    assert directions == ["ltr", "rtl", "ltr"]
    assert page.locator(".turn.question").nth(1).get_attribute("lang") == "ar"
    page.get_by_role("checkbox", name="Arabic").uncheck()
    page.wait_for_selector(".versions[data-count='2']")
    assert page.locator(".turn.question p").all_inner_texts() == [ASTRONAUT.turns[0].text, JAPANESE.turns[0].text]


def test_a_verdict_stands_under_its_pair_with_its_evidence_marked(opened) -> None:
    page = opened().page
    assert page.locator(".turn-findings .finding").all_inner_texts()[0].startswith("objects: foreign")
    assert page.locator("mark").all_inner_texts() == ["She wears"]
    assert "the caption says" in page.locator(".found-part .finding").inner_text()


def test_the_exact_prompt_is_shown_on_demand(opened) -> None:
    page = opened().page
    assert page.locator(".message").count() == 0
    page.keyboard.press("p")
    page.wait_for_selector(".message")
    assert page.locator(".message pre").all_inner_texts() == ["You are an assistant.", "A red square."]


def test_times_in_a_text_point_at_the_moments_of_a_video(opened) -> None:
    page = opened().page
    page.locator(".row").nth(1).click()
    page.wait_for_selector(".timeline")
    assert page.locator(".time").all_inner_texts() == ["0:40", "60 s"]
    bar = page.locator(".timeline .bar").nth(1).bounding_box()
    lane = page.locator(".timeline .lane").nth(1).bounding_box()
    assert (bar["x"] - lane["x"], bar["width"]) == pytest.approx((0.4 * lane["width"], 0.2 * lane["width"]), abs=1)
    page.locator(".time").nth(0).hover()
    assert "He cuts" in page.locator(".timeline li.lit").inner_text()
    moment = page.locator(".timeline .moment").bounding_box()
    assert moment["x"] == pytest.approx(bar["x"], abs=2)


# -- what is found


def test_filters_and_search(opened) -> None:
    shown = opened()
    page = shown.page
    assert len(shown.rows()) == 4
    page.locator("#more-filters summary").click()
    page.select_option("#filter-category", "video/moments")
    assert shown.rows() == ["When is it cut?"]
    assert page.locator("#count").inner_text() == "1 of 4 entries"
    assert page.locator(".which h2").inner_text() == "v"
    page.click("#clear")
    page.select_option("#filter-code", "leak: source_word")
    assert shown.rows() == ["What does she wear?"]
    page.click("#clear")
    page.select_option("#filter-language", "ja")
    assert shown.rows() == ["What does she wear?"]
    page.click("#clear")
    for words, expected in (
        ("THREE dogs", ["How many dogs?"]),
        ("بدلة", ["What does she wear?"]),
        ("zebra", ["Where is the zebra?"]),
    ):
        page.fill("#search", words)
        page.wait_for_timeout(250)
        assert page.locator("#count").inner_text() == "1 of 4 entries"
        assert shown.rows() == expected
    page.fill("#search", "no such words")
    page.wait_for_selector(".nothing")
    page.fill("#search", "")
    page.wait_for_selector("#count:has-text('4 entries')")


def test_the_list_can_be_ordered_and_a_dialogue_pointed_out(opened, browser) -> None:
    shown = opened()
    page = shown.page
    page.locator("#more-filters summary").click()
    page.select_option("#order", "findings")
    first = shown.rows()
    page.select_option("#order", "mixed")
    mixed = shown.rows()
    assert first == ["What does she wear?", "When is it cut?", "How many dogs?", "Where is the zebra?"]
    assert sorted(mixed) == sorted(first)
    page.locator(".row", has_text="zebra").click()
    page.wait_for_selector("h2:has-text('zebra')")
    assert page.url.endswith("#zebra")
    again = Opened(browser, page.url)
    assert again.page.locator(".which h2").inner_text() == "zebra"
    again.context.close()


def test_charts_lead_to_what_they_count(opened) -> None:
    categories = (
        CategoryFacts(name="llava/conversation", accepted=6, partial=2, rejected=2, pairs=10, calls=12, cost=0.05),
        CategoryFacts(name="video/moments", accepted=1, failed=1, pairs=1, calls=2, cost=0.02),
    )
    shown = opened(demo_facts(categories=categories, refused={"leak: source_word": 3}))
    page = shown.page
    page.keyboard.press("o")
    text = page.locator("#overview").inner_text()
    assert "80 % of 10" in text
    assert "$0.0050" in text
    assert "$0.020" in text
    names = page.locator(".sunburst [role=button]").evaluate_all(
        "nodes => nodes.map((node) => node.getAttribute('aria-label'))"
    )
    assert names == ["wear: 4, 100 %", "wear suit: 4, 100 %"]
    yields = page.locator(".card").first
    parts = [one.bounding_box()["width"] for one in yields.locator(".bar-row").first.locator(".part").all()]
    assert parts[0] / parts[1] == pytest.approx(3, rel=0.02)
    page.locator(".bar-row", has_text="leak: source_word").click()
    assert shown.rows() == ["What does she wear?"]
    assert page.locator("#dialogues").is_visible()


# -- what is decided


def test_keys_decide_and_the_file_is_read_back(opened, tmp_path: Path) -> None:
    shown = opened()
    page = shown.page
    page.keyboard.press("a")
    page.wait_for_selector("h2:has-text('v')")
    page.keyboard.press("r")
    page.wait_for_selector("h2:has-text('dogs')")
    page.keyboard.press("n")
    page.keyboard.type("ar “quote”")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.wait_for_selector("h2:has-text('zebra')")
    page.keyboard.press("r")
    page.keyboard.press("u")
    page.keyboard.press("k")
    page.wait_for_selector("h2:has-text('dogs')")
    assert page.locator("#tally").inner_text().split() == ["1", "accepted", "1", "rejected"]
    assert page.locator("#note").input_value() == "ar “quote”"
    with page.expect_download() as download:
        page.click("#save")
    file = tmp_path / "saved.jsonl"
    download.value.save_as(file)
    read = read_decisions(file)
    assert read["a"] == Decision(
        id="a", decision="accept", version=version_of(ASTRONAUT),
        others={"ar": version_of(ARABIC), "ja": version_of(JAPANESE)},
    )  # fmt: skip
    assert read["v"].decision == "reject"
    assert read["dogs"] == Decision(id="dogs", note="ar “quote”", version=read["dogs"].version)
    assert "zebra" not in read
    page.reload()
    shown.wait()
    assert page.locator("#tally").inner_text().split() == ["1", "accepted", "1", "rejected"], "the browser kept them"


def test_decisions_of_before_are_shown_and_those_about_another_text_are_not_taken_for_this_one(opened) -> None:
    made = {
        "a": Decision(id="a", decision="accept", version=version_of(ASTRONAUT)),
        "dogs": Decision(id="dogs", decision="reject", version="older"),
    }
    shown = opened(demo_facts(decisions=made))
    page = shown.page
    assert page.locator(".row .mark").evaluate_all("marks => marks.map((one) => one.className)") == [
        "mark accept",
        "mark outdated",
    ]
    assert page.locator("#tally").inner_text().split() == ["1", "accepted", "0", "rejected"]
    page.locator(".row").nth(2).click()
    page.wait_for_selector(".hint")
    assert "rejected" in page.locator(".hint").inner_text()


def test_a_file_of_decisions_can_be_loaded_and_another_file_does_no_harm(opened, tmp_path: Path) -> None:
    page = opened().page
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text('{"id": "zebra", "decision": "reject"}\n{"id": "gone", "decision": "accept"}\n')
    bad.write_text('{"id": 7}\n')
    page.set_input_files("#load", bad)
    page.wait_for_selector("#status:has-text('no decisions')", state="attached")
    page.set_input_files("#load", good)
    page.wait_for_selector("#status:has-text('2 decisions read')", state="attached")
    assert page.locator("#tally").inner_text().split() == ["0", "accepted", "1", "rejected"]


def test_review_saves_each_decision_as_it_is_made(browser, pictures: Path) -> None:
    data = save(demo_facts(), pictures, live=True).read_bytes()
    keeper = DecisionKeeper(pictures / "decisions.jsonl")
    with open_server(data, keeper) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        shown = Opened(browser, server.url)
        page = shown.page
        with page.expect_response("**/decisions") as reply:
            page.keyboard.press("r")
        assert reply.value.status == 204
        assert read_decisions(keeper.file)["a"].decision == "reject"
        assert page.locator("#save").is_hidden()
        DecisionKeeper(keeper.file).keep(Decision(id="zebra", decision="accept"))
        page.reload()
        shown.wait()
        assert page.locator("#tally").inner_text().split() == ["1", "accepted", "1", "rejected"], "of both reviewers"
        assert {url.rpartition("/")[0] for url in shown.asked if url.startswith("http")} == {server.url.rstrip("/")}, (
            "nobody else was asked"
        )
        assert shown.errors == []
        keeper.file = pictures / "red.png" / "decisions.jsonl"  # which cannot be: that is no folder
        page.keyboard.press("a")
        page.wait_for_selector("#tally.failed")
        shown.context.close()
        server.shutdown()
        thread.join()


# -- what others wrote


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_others_wrote_is_shown_and_does_nothing(opened, hostile: str) -> None:
    scene = SCENE.__class__(
        id="s", source=hostile, assets=SCENE.assets, captions=(Caption(text=hostile),), objects=SCENE.objects
    )
    remark = Remark(check=hostile, code=hostile, message=hostile, evidence=hostile, turn=0)
    sample = sample_of(
        dialogue_of(hostile, f"{hostile} [{hostile.translate({91: None, 93: None})}](#o1)", id=hostile, category=hostile),
        scene=scene, source=hostile, remarks=(remark,), rejects=(Reject(code=hostile, message=hostile, evidence=hostile),),
        notes=(hostile,), asked=(Asked(purpose=hostile, prefix=1, messages=(("user", hostile),), model=hostile),),
    )  # fmt: skip
    facts = facts_of(
        sample, title=hostile, origin=hostile, remarks=(hostile,), refused={hostile: 2}, repeated=((hostile, 2),),
        categories=(CategoryFacts(name=hostile, accepted=1, cost=1.0, pairs=1),), prefixes={1: ((hostile, hostile),)},
        decisions={hostile: Decision(id=hostile, decision="accept", note=hostile)},
    )  # fmt: skip
    page = opened(facts).page
    page.keyboard.press("p")
    page.wait_for_selector(".message")
    assert page.locator(".lines li").first.text_content() == hostile
    page.keyboard.press("o")
    page.wait_for_selector(".card")
    page.keyboard.press("d")
    page.locator("[data-ids]").first.hover()
    assert page.evaluate("window.hacked") is None
    assert page.locator("script:not([type])").count() == 1
    assert page.locator("a[href]:not([href^='#'])").count() == 0
    assert page.locator("iframe, object, embed, link, main svg image").count() == 0
    sources = page.locator("img").evaluate_all("images => images.map((one) => one.getAttribute('src').slice(0, 23))")
    assert set(sources) == {"data:image/webp;base64,"}


def test_the_policy_holds_even_where_markup_gets_in(opened, pictures: Path) -> None:
    """Were a text ever to become markup, it would still not run, and nothing would be loaded."""
    shown = opened()
    refused = []
    shown.page.on("console", lambda one: refused.append(one.text) if "Content Security Policy" in one.text else None)
    shown.page.locator("#detail").evaluate(
        'node => { node.innerHTML = \'<img src="http://127.0.0.1:9/x.png" onerror="window.hacked=1"><style>p{}</style>\''
        " + '<iframe src=\"http://127.0.0.1:9/\"></iframe>'; }"
    )
    shown.page.wait_for_timeout(200)
    assert shown.page.evaluate("window.hacked") is None
    assert len(refused) >= 3
    shown.errors.clear()
    shown.asked[:] = [url for url in shown.asked if "127.0.0.1:9" not in url]


# -- for everybody


def test_on_a_phone_nothing_is_wider_than_the_screen(opened) -> None:
    page = opened(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).page

    def too_wide() -> list[str]:
        return page.evaluate(
            "[...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1"
            " && !one.closest('.about, .unseen, .preview, h1, h2')).map((one) => one.className || one.tagName)"
        )

    assert page.locator(".detail").is_hidden()
    assert too_wide() == []
    page.locator(".row").first.tap()
    assert page.locator(".side").is_hidden()
    assert too_wide() == []
    picture, turn = page.locator(".frame").bounding_box(), page.locator(".turn").first.bounding_box()
    assert 0 < turn["y"] - (picture["y"] + picture["height"]) < 200, "the dialogue follows its picture"
    page.locator(".ref").first.tap()
    assert page.locator(".box .label").first.is_visible()
    page.get_by_role("button", name="Reject").tap()
    page.get_by_role("button", name="Next").tap()
    page.wait_for_selector("h2:has-text('v')")
    page.locator("#back").tap()
    assert page.locator(".row .mark.reject").count() == 1
    page.locator("#tab-overview").tap()
    assert too_wide() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_ground(opened, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: a contrast of 4.5 at least, of what is said, told and pressed."""
    page = opened(color_scheme=scheme).page
    for selector in (
        ".turn p",
        ".about span",
        ".count",
        ".decide.accept",
        ".decide.reject",
        ".finding blockquote",
        ".finding p",
    ):
        contrast = page.locator(selector).first.evaluate(
            """node => {
              const parse = (text) => text.match(/[\\d.]+/g).map(Number);
              let ground = node;
              while (ground && /rgba\\(.*, 0\\)|transparent/.test(getComputedStyle(ground).backgroundColor)) ground = ground.parentElement;
              const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
                .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
              const both = [getComputedStyle(node).color, getComputedStyle(ground || document.body).backgroundColor].map((one) => light(parse(one)));
              return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
            }"""
        )
        assert contrast >= 4.5, selector


def test_a_screen_reader_is_told_what_is_what(opened) -> None:
    page = opened().page
    options = page.get_by_role("listbox").get_by_role("option")
    assert options.count() == 4
    assert options.nth(1).get_attribute("aria-posinset") == "2"
    assert options.nth(1).get_attribute("aria-setsize") == "4"
    assert page.get_by_role("listbox").get_by_role("option", selected=True).count() == 1
    listed = page.get_by_role("listbox")
    listed.focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("h2:has-text('v')")
    assert listed.get_attribute("aria-activedescendant") == options.nth(1).get_attribute("id")
    assert page.get_by_role("status").first.text_content() == "2 of 4: When is it cut?"
    page.keyboard.press("a")
    assert page.get_by_role("button", name="Accept").get_attribute("aria-pressed") is not None
    page.locator(".row").first.click()
    page.wait_for_selector(".frame img")
    assert page.get_by_role("img", name="A red square on white.").count() == 1
    for control in page.locator("button:visible, input:visible, select:visible, textarea:visible").all():
        assert control.evaluate(
            "node => (node.getAttribute('aria-label') || node.innerText || node.labels?.length || '').toString()"
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1400, 900), (390, 844)], ids=["wide", "narrow"])
def test_axe_finds_nothing(opened, scheme: str, size: tuple[int, int]) -> None:
    """Deque's rules for what screen readers and weak eyes need; every rule that it has, best practices included."""
    axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    rules = (Path(axe.__file__).parent / "axe.min.js").read_text()
    # The page's own policy would keep the rules from being evaluated.
    page = opened(color_scheme=scheme, viewport={"width": size[0], "height": size[1]}, bypass_csp=True).page

    def violations() -> list[str]:
        page.evaluate(rules)
        found = page.evaluate("axe.run()")["violations"]
        return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]

    assert violations() == []
    page.locator(".row").first.click()
    page.wait_for_selector("#decision")
    page.keyboard.press("b")
    page.keyboard.press("p")
    page.wait_for_selector(".message")
    assert violations() == []
    if size[0] > 500:
        page.keyboard.press("o")
        page.wait_for_selector(".card")
        assert violations() == []
        page.keyboard.press("?")
        assert violations() == []


def test_single_keys_can_be_switched_off(opened) -> None:
    """WCAG 2.2, 2.1.4."""
    page = opened().page
    page.keyboard.press("?")
    page.get_by_label("Single keys are on").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    assert page.locator("#tally").inner_text().split() == ["0", "accepted", "0", "rejected"]


def test_what_is_chosen_is_printed(opened) -> None:
    page = opened().page
    page.evaluate("window.print = () => { window.sheets = document.querySelectorAll('#paper .sheet').length }")
    page.fill("#search", "dogs")
    page.wait_for_selector("#count:has-text('1 of 4')")
    page.click("#print")
    page.wait_for_selector("#paper .sheet", state="attached")
    page.emulate_media(media="print")
    assert page.locator("#paper .sheet").count() == 1
    assert page.locator("#paper").is_visible()
    assert page.locator(".side").is_hidden()


# -- how long it takes


def test_ten_thousand_dialogues_open_at_once(opened, capsys) -> None:
    samples = []
    for number in range(10_000):
        texts = [f"What is the {word} of scene {number} doing, and why?" for word in ("man", "dog", "bus")]
        answers = [f"The {word} number {number * 7} waits at [the square](#o1); " * 4 for word in ("man", "dog", "bus")]
        turns = [text for pair in zip(texts, answers, strict=True) for text in pair]
        samples.append(sample_of(dialogue_of(*turns, id=f"coco/{number}")))
    shown = opened(facts_of(*samples))
    page = shown.page
    ready = page.evaluate("performance.now()") / 1000
    size = len(page.content()) / 1e6
    assert page.locator(".row").count() < 60, "only those in view exist"
    assert page.locator("#count").inner_text() == "10,000 entries"
    page.locator("#list").evaluate("node => { node.scrollTop = node.scrollHeight }")
    page.wait_for_selector(".row[aria-posinset='10000']")
    began = time.perf_counter()
    page.fill("#search", "number 69993 waits")
    page.wait_for_selector("#count:has-text('1 of 10,000')")
    found = time.perf_counter() - began
    with capsys.disabled():
        print(
            f"\n10,000 dialogues, {size:.1f} MB: ready to be searched {ready:.2f} s after opening; found in {found:.2f} s"
        )
