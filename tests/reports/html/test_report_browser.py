"""The page in a browser: no script error, filters that filter, no overlap.

It takes Chromium and its driver (Debian: `apt-get install chromium
chromium-driver`) and is skipped without them. Nothing is fetched: selenium is
told where both are, and the page is a file.
"""

import collections
import pathlib
import shutil
import time

import pytest
import report_pages

from biaffine_tf.evaluation.taxonomy import ErrorClass, classify
from biaffine_tf.reports.html import write_report
from biaffine_tf.spans import Sentence, Span

pytestmark = pytest.mark.slow

PHONE, DESKTOP = 360, 1280
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update "
    "--disable-sync --disable-dev-shm-usage --hide-scrollbars"
)
PAGE_SIZE = 25
SECONDS = 20  # to wait for what takes a tenth of one

LAYOUT = pathlib.Path(__file__).with_name("report_layout.js")


@pytest.fixture(scope="module")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver")
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    binary = next(filter(None, map(shutil.which, names)), None)
    driver = shutil.which("chromedriver")
    if not (binary and driver):
        pytest.skip("no Chromium with its chromedriver on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=driver)
    started = webdriver.Chrome(options=options, service=service)
    yield started
    started.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Files and their pairs, by name."""
    folder = tmp_path_factory.mktemp("pages")
    plain = report_pages.random_pairs(11, 130)
    hostile = report_pages.hostile_pairs()
    made = {
        "one": (plain, {"training": [g for g, _ in plain[::3]]}),
        "two": (plain, {"other": report_pages.other_system(plain, 3)}),
        "hostile": (hostile, {}),
        "hostile two": (
            hostile,
            {"other": report_pages.other_system(hostile, 1)},
        ),
    }
    for name, (pairs, options) in made.items():
        write_report(folder / f"{name}.html", pairs, title=name, **options)
    return folder, made


def size(browser, width):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {
            "width": width,
            "height": 800,
            "deviceScaleFactor": 1,
            "mobile": False,
        },
    )


def load(browser, pages, name, *, width=DESKTOP, address=""):
    size(browser, width)
    browser.get("about:blank")  # a new hash alone would not load it anew
    folder, _ = pages
    browser.get(f"{(folder / name).as_uri()}.html{address}")
    logged = browser.get_log("browser")
    assert not logged, logged


def layout(browser, function):
    """What a function of the layout's script finds."""
    source = LAYOUT.read_text(encoding="utf-8")
    return browser.execute_script(f"{source}\nreturn {function}();")


def overlaps(browser):
    return layout(browser, "overlaps")


def scroll_width(browser):
    return browser.execute_script("return document.documentElement.scrollWidth")


def count(browser):
    return int(
        browser.execute_script(
            "return document.getElementById('shown').dataset.count"
        )
    )


def numbers(browser):
    """Zero-based numbers of the sentences on the page."""
    return browser.execute_script(
        "return [...document.querySelectorAll('.sentence h3 span')].map(e =>"
        " e.textContent).filter(t => t[0] == '#').map(t => +t.slice(1) - 1)"
    )


def wait_until(found, expected):
    deadline = time.monotonic() + SECONDS
    while found() != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found() == expected


def wait_for(browser, expected):
    wait_until(lambda: count(browser), expected)
    assert len(numbers(browser)) == min(expected, PAGE_SIZE)


def wait_for_page(browser, expected):
    wait_until(lambda: browser.find_element("id", "page").text, expected)


def choose(browser, name, text):
    """Takes the option of that text, whatever its count; returns the count."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.select import Select

    options = Select(browser.find_element(By.ID, name))
    for option in options.options:
        content = option.get_attribute("textContent")
        shown, _, number = content.rpartition(" (")
        if text in (shown, content):
            options.select_by_value(option.get_attribute("value"))
            return int(number.rstrip(")")) if number else None
    raise AssertionError(text)


def labels_of(pair):
    return {span.label for sentence in pair for span in sentence.spans}


def fitting(pairs, *, kind=None, label=None, taken=None):
    """Numbers of the sentences with an error that is all of this."""
    return [
        index
        for index, pair in enumerate(pairs)
        if any(
            kind in (None, error.kind)
            and (label is None or label in error_labels(error))
            and (taken is None or taken in label_pairs(error))
            for error in classify(*pair)
        )
    ]


def error_labels(error):
    return {span.label for span in (*error.gold, *error.predicted)}


def label_pairs(error):
    return {
        (a.label, b.label)
        for a in error.gold
        for b in error.predicted
        if a.label != b.label
    }


# ---- how it looks ----------------------------------------------------------


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("name", ["one", "two", "hostile", "hostile two"])
def test_nothing_overlaps(browser, pages, name, width):
    load(browser, pages, name, width=width)
    while True:
        drawn = browser.execute_script(
            "return document.querySelectorAll('.bracket').length"
        )
        assert drawn > 10
        assert overlaps(browser) == []
        next_page = browser.find_element("id", "next")
        if not (next_page.is_displayed() and next_page.is_enabled()):
            break
        next_page.click()
    assert layout(browser, "misplaced") == []
    assert not browser.get_log("browser")


@pytest.mark.parametrize("name", ["one", "two", "hostile", "hostile two"])
def test_a_phone_scrolls_in_one_direction(browser, pages, name):
    load(browser, pages, name, width=PHONE)
    assert scroll_width(browser) == PHONE


def test_the_brackets_follow_the_width(browser, pages):
    """There are as many lines as if it had been opened as narrow as that."""
    count = "return document.querySelectorAll('.line').length"
    load(browser, pages, "two", width=PHONE)
    narrow = browser.execute_script(count)
    load(browser, pages, "two", width=DESKTOP)
    lines = browser.execute_script(count)
    assert lines < narrow
    size(browser, PHONE)
    wait_until(lambda: browser.execute_script(count), narrow)
    assert overlaps(browser) == []


def test_every_entity_has_its_bracket_under_its_text(browser, pages):
    load(browser, pages, "one", width=PHONE)
    pairs, _ = pages[1]["one"]
    shown = layout(browser, "drawn")
    assert len(shown) == PAGE_SIZE
    for (gold, predicted), found in zip(pairs, shown, strict=False):
        assert found["text"] == gold.text
        expected, given = ({s.key for s in x.spans} for x in (gold, predicted))
        states = {k: "right" for k in expected & given}
        states |= {k: "missed" for k in expected - given}
        states |= {k: "wrong" for k in given - expected}
        # Of the title, the label and the range; and what is above all pieces.
        drawn = {}
        for bracket in found["brackets"]:
            name = ", ".join(bracket["title"].split(", ")[:2])
            drawn.setdefault((bracket["state"], name), []).append(bracket)
        assert drawn.keys() == {
            (state, f"{label} [{start}, {end})")
            for (start, end, label), state in states.items()
        }
        for (start, end, label), state in states.items():
            pieces = drawn[state, f"{label} [{start}, {end})"]
            assert [p["isFirst"] for p in pieces] == [
                index == 0 for index in range(len(pieces))
            ]
            above = "".join(piece["above"] for piece in pieces)
            assert above.strip() == gold.text[start:end].strip()


# ---- filters ---------------------------------------------------------------


def test_labels_and_errors_filter_together(browser, pages):
    load(browser, pages, "one")
    pairs, _ = pages[1]["one"]
    wait_for(browser, len(pairs))
    assert numbers(browser) == list(range(PAGE_SIZE))

    label = report_pages.LABELS[0]
    with_label = [i for i, pair in enumerate(pairs) if label in labels_of(pair)]
    assert choose(browser, "label", label) == len(with_label)
    wait_for(browser, len(with_label))
    assert numbers(browser) == with_label[:PAGE_SIZE]

    for kind in (
        ErrorClass.MISSED,
        ErrorClass.WRONG_LABEL,
        ErrorClass.TOO_LONG,
    ):
        expected = fitting(pairs, kind=kind, label=label)
        assert expected
        assert choose(browser, "error", kind.value) == len(expected)
        wait_for(browser, len(expected))
        assert numbers(browser) == expected[:PAGE_SIZE]

    expected = [i for i in with_label if not classify(*pairs[i])]
    assert choose(browser, "error", "no error") == len(expected)
    wait_for(browser, len(expected))
    expected = fitting(pairs, label=label)
    assert choose(browser, "error", "any error") == len(expected)
    wait_for(browser, len(expected))
    browser.find_element("css selector", "button[type=reset]").click()
    wait_for(browser, len(pairs))


def test_labels_taken_for_others(browser, pages):
    load(browser, pages, "one")
    pairs, _ = pages[1]["one"]
    pair_counts = collections.Counter(
        taken
        for pair in pairs
        for taken in set().union(*map(label_pairs, classify(*pair)))
    )
    for taken, number in pair_counts.most_common(4):
        assert choose(browser, "pair", " → ".join(taken)) == number
        wait_for(browser, number)
        assert numbers(browser) == fitting(pairs, taken=taken)[:PAGE_SIZE]


@pytest.mark.parametrize(
    ("typed", "matches"),
    [
        ("王小明", lambda s: "王小明" in s.text),
        ("APPLE", lambda s: "Apple" in s.text),
        ("Id-12", lambda s: "id-12" in s.id),
        ("#7", lambda s: s.id == "id-6"),
        ("。 ", lambda s: "。 " in s.text),
        (".*", lambda s: False),
        ("\\", lambda s: False),
    ],
)
def test_text_is_searched_for_as_it_stands(browser, pages, typed, matches):
    load(browser, pages, "one")
    pairs, _ = pages[1]["one"]
    expected = [i for i, (gold, _) in enumerate(pairs) if matches(gold)]
    browser.find_element("id", "text").send_keys(typed)
    wait_for(browser, len(expected))
    assert numbers(browser) == expected[:PAGE_SIZE]
    marked = browser.execute_script(
        "return [...document.querySelectorAll('mark')].map(e => e.textContent)"
    )
    if typed in ("王小明", "APPLE") and expected:
        assert "".join(marked).casefold().startswith(typed.casefold())
    assert not browser.get_log("browser")


def test_where_one_system_is_right_and_the_other_wrong(browser, pages):
    load(browser, pages, "two")
    pairs, options = pages[1]["two"]
    right = [
        [not classify(*pair) for pair in system]
        for system in (pairs, options["other"])
    ]
    outcomes = collections.Counter(zip(*right, strict=True))
    for name, outcome in {
        "A right, B wrong": (True, False),
        "A wrong, B right": (False, True),
        "both right": (True, True),
        "both wrong": (False, False),
    }.items():
        assert choose(browser, "outcome", name) == outcomes[outcome] > 0
        wait_for(browser, outcomes[outcome])
    letters = browser.execute_script(
        "return [...new Set([...document.querySelectorAll('.letter')]"
        ".map(e => e.textContent))]"
    )
    assert letters == ["G", "A", "B"]


def test_links_of_the_panels_and_the_address_set_the_filters(browser, pages):
    pairs, _ = pages[1]["one"]
    load(browser, pages, "one")
    expected = fitting(pairs, kind=ErrorClass.SPURIOUS)
    browser.find_element("link text", "spurious").click()
    wait_for(browser, len(expected))
    address = browser.execute_script("return location.hash")
    load(browser, pages, "one", address=address)
    wait_for(browser, len(expected))
    cell = browser.find_element("css selector", ".matrix td a")
    browser.execute_script(
        "arguments[0].scrollIntoView({block: 'center'})", cell
    )
    cell.click()
    wait_until(lambda: 0 < count(browser) != len(expected), True)
    assert count(browser) < len(pairs)
    label = report_pages.LABELS[2]
    load(browser, pages, "one", address=f"#sentences?error=any&label={label}")
    wait_for(browser, len(fitting(pairs, label=label)))
    # A link of another report may name what this one lacks.
    load(browser, pages, "one", address="#sentences?label=x&error=y&page=999")
    wait_for_page(browser, "6 / 6")


def test_pages_are_turned_with_the_keyboard(browser, pages):
    from selenium.webdriver.common.keys import Keys

    load(browser, pages, "one")
    browser.find_element("id", "next").send_keys(Keys.ENTER)
    wait_for_page(browser, "2 / 6")
    assert numbers(browser) == list(range(PAGE_SIZE, 2 * PAGE_SIZE))
    # From there the first field is one step away.
    active = browser.switch_to.active_element
    active.send_keys(Keys.TAB)
    assert browser.switch_to.active_element.get_attribute("id") == "text"


# ---- paper, much data ------------------------------------------------------


def test_paper_gets_the_first_pages(browser, pages):
    load(browser, pages, "two")
    printed = browser.execute_script(
        "dispatchEvent(new Event('beforeprint'));"
        "return document.querySelectorAll('.sentence').length"
    )
    assert printed == 2 * PAGE_SIZE
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    size(browser, 688)  # A4 without its margins
    assert overlaps(browser) == []
    assert scroll_width(browser) == 688
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert len(numbers(browser)) == PAGE_SIZE


def test_ten_thousand_sentences_are_drawn_a_page_at_a_time(
    browser, pages, tmp_path
):
    pairs = report_pages.random_pairs(12, 500) * 20
    write_report(tmp_path / "many.html", pairs, title="many")
    load(browser, (tmp_path, {}), "many")
    wait_for(browser, 10_000)
    expected = fitting(pairs[:500], kind=ErrorClass.MISSED)
    choose(browser, "error", "missed")
    wait_for(browser, 20 * len(expected))


def test_long_documents_are_drawn_a_few_at_a_time(browser, pages, tmp_path):
    text = "".join(g.text for g, _ in report_pages.random_pairs(13, 200))
    spans = [Span(i, i + 5, "name", 0.5) for i in range(0, len(text) - 5, 20)]
    gold = Sentence(text, tuple(s._replace(score=None) for s in spans))
    pairs = [(gold, gold.replace_spans(spans[::2]))] * 10
    write_report(tmp_path / "long.html", pairs, title="long")
    load(browser, (tmp_path, {}), "long", width=PHONE)
    assert count(browser) == 10
    assert 1 <= len(numbers(browser)) <= 4
    errors = len(spans) - len(spans[::2])
    more = browser.find_element("css selector", ".more")
    browser.execute_script("arguments[0].click()", more)
    listed = browser.execute_script(
        "return document.querySelector('.found').children.length"
    )
    assert listed == errors > 20
