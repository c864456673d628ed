"""What a rendered sentence reads like, with and without colours."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from biaffine_tf.reports.terminal import Palette, render
from biaffine_tf.reports.terminal.rendering import visible
from biaffine_tf.spans import Sentence, Span

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def sentence(text, *spans):
    return Sentence(text, spans=tuple(Span(*span) for span in spans))


def on_terminal(text, **settings):
    """What a terminal with true colours would get."""
    file = io.StringIO()
    console = Console(
        file=file,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        **settings,
    )
    console.print(text, soft_wrap=True, end="")
    return file.getvalue()


@pytest.mark.parametrize(
    ("text", "spans", "expected"),
    [
        ("去公园", (), "去公园"),
        ("清华大学", [(0, 4, "org")], "[清华大学|org]"),
        (
            "青川大学图书馆开门",
            [(0, 2, "place"), (0, 4, "org"), (0, 7, "facility")],
            "[[[青川|place]大学|org]图书馆|facility]开门",
        ),
        ("甲乙丙", [(0, 3, "x"), (1, 3, "y")], "[甲[乙丙|y]|x]"),
        ("甲乙", [(0, 1, "x"), (1, 2, "y")], "[甲|x][乙|y]"),
        ("甲乙", [(0, 2, "x"), (0, 2, "y"), (0, 2, "x")], "[甲乙|x y]"),
        ("甲乙丙丁", [(0, 3, "x"), (1, 4, "y")], "[₁甲[₂乙丙|₁x]丁|₂y]"),
        (
            "甲乙丙丁戊",
            [(0, 3, "x"), (1, 2, "y"), (2, 5, "z")],
            "[₁甲[乙|y][₂丙|₁x]丁戊|₂z]",
        ),
        ("ＡＢ　２０", [(0, 2, "code")], "[ＡＢ|code]　２０"),
        ("好👍🏽吧", [(1, 3, "mood")], "好[👍🏽|mood]吧"),
        ("[b]粗[/b][x|y]", [(3, 4, "w")], "[b][粗|w][/b][x|y]"),
        ("\x1b[31m红\t\n", [(5, 6, "x")], "␛[31m[红|x]␉␊"),
        ("a\u202eb\x85\u2028\x7f", [], "a�b��␡"),
    ],
)
def test_plain_form(text, spans, expected):
    rendered = render(sentence(text, *spans))
    assert rendered.plain == expected
    assert on_terminal(rendered, no_color=True).count("\x1b") == 0
    assert ANSI.sub("", on_terminal(rendered)) == expected


def test_spans_in_any_order_read_the_same():
    spans = [(0, 7, "facility"), (2, 4, "x"), (0, 4, "org"), (0, 2, "place")]
    forward = render(sentence("青川大学图书馆", *spans))
    backward = render(sentence("青川大学图书馆", *reversed(spans)))
    assert forward == backward


def test_unlabelled_sentence():
    assert render(Sentence("北京")).plain == "北京"


def test_markup_in_labels_is_not_interpreted():
    rendered = render(sentence("北京", (0, 2, "[red]x[/red]\x1b")))
    assert rendered.plain == "[北京|[red]x[/red]␛]"


@pytest.mark.parametrize(
    ("predicted", "gold", "expected"),
    [
        ([(0, 2, "x")], [(0, 2, "x")], "[甲乙|x]丙丁"),
        ([(0, 2, "x")], [], "[甲乙|✗x]丙丁"),
        ([], [(0, 2, "x")], "[甲乙|○x]丙丁"),
        ([(0, 2, "x")], [(0, 2, "y")], "[甲乙|✗x ○y]丙丁"),
        ([(0, 2, "x")], [(0, 3, "x")], "[[甲乙|✗x]丙|○x]丁"),
        ([(0, 2, "x")], [(1, 3, "x")], "[₁甲[₂乙|₁✗x]丙|₂○x]丁"),
    ],
)
def test_verdicts(predicted, gold, expected):
    text = "甲乙丙丁"
    rendered = render(sentence(text, *predicted), gold=sentence(text, *gold))
    assert rendered.plain == expected


def test_scores_do_not_make_a_span_wrong():
    predicted = Sentence("甲", spans=(Span(0, 1, "x", 0.5),))
    gold = sentence("甲", (0, 1, "x"))
    assert render(predicted, gold=gold).plain == "[甲|x]"


def test_each_character_has_the_colour_of_its_innermost_entity():
    spans = [(0, 6, "facility"), (1, 3, "place")]
    palette = Palette(["facility", "place"])
    rendered = render(sentence("甲青川路口丁戊", *spans), palette=palette)
    console = Console()
    fills = {
        character: rendered.get_style_at_offset(
            console, rendered.plain.index(character)
        ).bgcolor
        for character in "甲青川路丁戊"
    }
    outer, inner = (palette.text(x).bgcolor for x in ("facility", "place"))
    assert outer != inner
    assert fills == {
        "甲": outer,
        "青": inner,
        "川": inner,
        "路": outer,
        "丁": outer,
        "戊": None,
    }


texts = st.text(max_size=12)


@st.composite
def labelled(draw):
    text = draw(texts.filter(bool))
    bounds = st.integers(0, len(text))
    pairs = draw(st.lists(st.tuples(bounds, bounds), max_size=6))
    labels = draw(
        st.lists(
            st.sampled_from("xyz"), min_size=len(pairs), max_size=len(pairs)
        )
    )
    return sentence(
        text,
        *((a, b, x) for (a, b), x in zip(pairs, labels, strict=True) if a < b),
    )


@given(labelled())
def test_any_spans_leave_the_text_whole(given_sentence):
    """Taking the chips' styles away leaves the very text, in order."""
    palette = Palette("xyz")
    tags = {str(palette.tag(x)) for x in "xyz"}
    rendered = render(given_sentence, palette=palette)
    tagged = [s for s in rendered.spans if str(s.style) in tags]
    kept = "".join(
        character
        for i, character in enumerate(rendered.plain)
        if not any(s.start <= i < s.end for s in tagged)
    )
    assert kept == visible(given_sentence.text)
    ranges = {(s.start, s.end) for s in given_sentence.spans}
    opened = sum(
        rendered.plain[s.start : s.end].startswith("[") for s in tagged
    )
    assert opened == len(ranges)


@given(texts)
def test_visible_keeps_offsets_and_ordinary_text(text):
    shown = visible(text)
    assert len(shown) == len(text)
    shown.encode("utf-8")
    for before, after in zip(text, shown, strict=True):
        assert after == before or not before.isprintable()
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown)


def test_palette_is_stable_and_distinct():
    labels = [f"label{i}" for i in range(14)]
    palette = Palette(labels)
    fills = [palette.text(label).bgcolor for label in labels]
    assert len(set(fills)) == 14
    assert fills == [Palette(labels[::-1]).text(x).bgcolor for x in labels]
    # Alone, each has the colour its name asks for; in company too, mostly.
    alone = [Palette([x]).text(x).bgcolor for x in ("person", "place")]
    both = Palette(["place", "person"])
    assert alone == [both.text(x).bgcolor for x in ("person", "place")]


def test_more_labels_than_colours():
    palette = Palette(f"label{i}" for i in range(40))
    assert palette.text("label39").bgcolor is not None
