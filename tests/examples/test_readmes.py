"""README.md and README.zh-CN.md say the same, and what they say works."""

import collections
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse
from typing import NamedTuple

import pytest
from markdown_it import MarkdownIt

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENGLISH, CHINESE = "README.md", "README.zh-CN.md"

# Sections whose commands need what a later one makes.
AFTER = {"From a pretrained encoder": "Pretrain"}
# They make environments and run the tests, this one among them.
NOT_RUN = {"Two commands", "Install"}

_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_COMMENT = re.compile(r"(^|\s+)#.*$", re.MULTILINE)
_FIGURE = re.compile(r"\d+(?:[ .]\d+)*")


class Cell(NamedTuple):
    """What two languages have in common in a cell or a section."""

    figures: tuple[str, ...]
    code: tuple[str, ...]
    links: tuple[str, ...]


class Section(NamedTuple):
    """A heading and what stands below it, up to the next one of any level.

    Attributes:
        title: The heading.
        level: Of the heading.
        fences: Language and content of each block of code.
        tables: Rows of cells.
        texts: Tokens of all other text.
    """

    title: str
    level: int
    fences: list
    tables: list
    texts: list


def read(name):
    """The sections of a file."""
    sections: list[Section] = []
    where: list[str] = []
    text = (ROOT / name).read_text(encoding="utf-8")
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.nesting == 1:
            where.append(token.type)
            if token.type == "table_open":
                sections[-1].tables.append([])
            elif token.type == "tr_open":
                sections[-1].tables[-1].append([])
        elif token.nesting == -1:
            where.pop()
        elif token.type == "fence":
            sections[-1].fences.append((token.info, token.content))
        elif token.type == "inline" and where[-1] == "heading_open":
            level = token.markup.count("#") or text.splitlines()[
                token.map[0]
            ].count("#")
            sections.append(Section(token.content, level, [], [], []))
        elif token.type == "inline" and where[-1] in ("th_open", "td_open"):
            sections[-1].tables[-1][-1].append(token)
        elif token.type == "inline":
            sections[-1].texts.append(token)
    return sections


def plain(token):
    """The words of a text, without code."""
    return "".join(
        " " if child.type in ("softbreak", "code_inline") else child.content
        for child in token.children
    )


def common(*tokens):
    """What must not depend on the language, in any order."""
    children = [child for token in tokens for child in token.children]
    figures = [f for token in tokens for f in _FIGURE.findall(plain(token))]
    links = [str(c.attrs["href"]) for c in children if c.type == "link_open"]
    return Cell(
        tuple(sorted(figures)),
        tuple(sorted(c.content for c in children if c.type == "code_inline")),
        tuple(sorted(link.partition("#")[0] for link in links)),
    )


@pytest.fixture(scope="module")
def english():
    return read(ENGLISH)


@pytest.fixture(scope="module")
def chinese():
    return read(CHINESE)


@pytest.fixture(scope="module")
def pairs(english, chinese):
    titles = [[one.title for one in file] for file in (english, chinese)]
    assert len(english) == len(chinese), titles
    return list(zip(english, chinese, strict=True))


def test_both_have_the_same_sections(pairs):
    assert len(pairs) > 10
    for ours, theirs in pairs:
        assert ours.level == theirs.level, (ours.title, theirs.title)


def test_both_have_the_same_commands(pairs):
    """But for comments, which are translated."""
    found = 0
    for ours, theirs in pairs:
        for one, other in zip(ours.fences, theirs.fences, strict=True):
            assert one[0] == other[0], ours.title
            assert _COMMENT.sub("", one[1]) == _COMMENT.sub("", other[1])
            found += 1
    assert found > 10


def test_tables_have_the_same_figures_and_names(pairs):
    found = 0
    for ours, theirs in pairs:
        for one, other in zip(ours.tables, theirs.tables, strict=True):
            for row, other_row in zip(one, other, strict=True):
                for cell, other_cell in zip(row, other_row, strict=True):
                    assert common(cell) == common(other_cell), cell.content
                    found += bool(common(cell).figures)
    assert found > 20


def test_the_text_has_the_same_figures_and_names(pairs):
    for ours, theirs in pairs:
        one, other = common(*ours.texts), common(*theirs.texts)
        for name in Cell._fields:
            left, right = (
                collections.Counter(getattr(each, name))
                for each in (one, other)
            )
            if ours is pairs[0][0] and name == "links":
                left.subtract([CHINESE])  # to each other
                right.subtract([ENGLISH])
            assert not left - right, f"{ours.title}: only in {ENGLISH}"
            assert not right - left, f"{ours.title}: only in {CHINESE}"


def _slug(title):
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", [ENGLISH, CHINESE])
def test_links_lead_somewhere(name):
    sections = read(name)
    anchors = {_slug(one.title) for one in sections}
    tokens = [token for one in sections for token in one.texts]
    tokens += [
        cell
        for one in sections
        for table in one.tables
        for row in table
        for cell in row
    ]
    links = [
        str(child.attrs["href"])
        for token in tokens
        for child in token.children
        if child.type == "link_open"
    ]
    assert len(links) > 5
    for link in links:
        if link.startswith("https://"):
            continue
        path, _, anchor = urllib.parse.unquote(link).partition("#")
        assert not path or (ROOT / path).exists(), link
        assert path or anchor in anchors, link


@pytest.mark.parametrize(
    ("name", "other"), [(ENGLISH, CHINESE), (CHINESE, ENGLISH)]
)
def test_each_leads_to_the_other_at_the_top(name, other):
    first = read(name)[0].texts[0]
    links = [c.attrs["href"] for c in first.children if c.type == "link_open"]
    assert links == [other]


def test_the_chinese_one_is_chinese(chinese):
    """Every paragraph is, in the punctuation and spacing of Chinese."""
    for section in chinese:
        for token in section.texts:
            text = plain(token)
            assert re.search(f"[{_HAN}]", text), text
            wrong = re.findall(f"[{_HAN}] ?[,;:?!]|[{_HAN}]\\.(?!\\w)", text)
            wrong += re.findall(
                f"[{_HAN}][A-Za-z0-9]|[A-Za-z0-9][{_HAN}]", text
            )
            assert not wrong, (wrong, text)


def _blocks(sections):
    """What there is to run, in an order in which it can be."""
    later = []
    for section in sections:
        if section.title in NOT_RUN:
            continue
        if section.title in AFTER:
            later.append(section)
            continue
        for one in [section, *later]:
            if one is section or AFTER[one.title] == section.title:
                for language, code in one.fences:
                    yield one.title, language, code
        later = [one for one in later if AFTER[one.title] != section.title]
    assert not later, later


def test_exceptions_are_of_sections_that_there_are(english):
    titles = {one.title for one in english}
    assert titles >= NOT_RUN | AFTER.keys() | set(AFTER.values())
    run = [title for title, _, _ in _blocks(english)]
    all_blocks = [
        one.title
        for one in english
        if one.title not in NOT_RUN
        for _ in one.fences
    ]
    assert sorted(run) == sorted(all_blocks)
    for title, first in AFTER.items():
        assert run.index(title) > run.index(first)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder that looks like the project's; what is written stays in it."""
    folder = tmp_path_factory.mktemp("readme")
    for path in ROOT.iterdir():
        if path.name not in ("runs", "out") and path.name[0] != ".":
            (folder / path.name).symlink_to(path)
    return folder


@pytest.mark.slow
def test_every_command_works_as_written(english, workplace):
    environment = os.environ | {
        "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    }
    for title, language, code in _blocks(english):
        if language == "text":  # what a command says
            continue
        command = {"sh": ["bash", "-euo", "pipefail"], "python": ["python"]}
        done = subprocess.run(
            [*command[language], "-c", code],
            cwd=workplace,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        said = f"{title}\n{code}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        assert done.returncode == 0, said
        assert "Traceback" not in done.stderr, said
    title = "The model directory"
    (directory,) = [one for one in english if one.title == title]
    files = [
        child.content
        for first, *_ in directory.tables[0][1:]
        for child in first.children
        if child.type == "code_inline"
    ]
    assert len(files) > 8
    for name in files:
        assert (workplace / "runs" / "example" / name).exists(), name
