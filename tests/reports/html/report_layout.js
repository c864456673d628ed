// Where things are on a report's page, for test_report_browser.py.

const boxOf = (e) => e.getBoundingClientRect();

/** Boxes that overlap: of brackets, their labels and lines of text. */
function overlaps() {
  const found = [];
  const apart = (a, b) =>
    a.right <= b.left + 0.5 ||
    b.right <= a.left + 0.5 ||
    a.bottom <= b.top + 0.5 ||
    b.bottom <= a.top + 0.5;
  for (const card of document.querySelectorAll(".sentence")) {
    const name = card.querySelector("h3").textContent;
    const { left, right } = boxOf(card);
    const drawn = [...card.querySelectorAll(".bracket, .tag")].map(boxOf);
    const texts = [...card.querySelectorAll(".line .text")].map((text) => {
      const range = document.createRange();
      range.selectNodeContents(text);
      return range.getBoundingClientRect();
    });
    for (const a of [...drawn, ...texts]) {
      if (a.left < left || a.right > right) found.push([name, "out", a]);
    }
    drawn.forEach((a, i) => {
      for (const b of [...drawn.slice(i + 1), ...texts]) {
        if (!apart(a, b)) found.push([name, a, b]);
      }
    });
  }
  return found;
}

/** What reaches out of the box it is drawn in, and text upon other text. */
function misplaced() {
  return [...reachingOut(), ...textUponText()];
}

function reachingOut() {
  const found = [];
  const outer = ".card, .chart, .wide, ul.errors, #filters, .sentence";
  const inner = "*:not(svg *, option, thead, tbody, tr, td, th)";
  for (const box of document.querySelectorAll(outer)) {
    const limit = boxOf(box);
    for (const e of box.querySelectorAll(inner)) {
      const { left, right, width } = boxOf(e);
      if (width > 1 && (right > limit.right - 3 || left < limit.left)) {
        found.push([box.className, e.className, e.textContent.slice(0, 40)]);
      }
    }
  }
  return found;
}

function textUponText() {
  const found = [];
  const words = visibleWords().sort((a, b) => a.box.top - b.box.top);
  words.forEach(({ box: a, node }, i) => {
    for (const { box: b, node: other } of words.slice(i + 1)) {
      // Lines of one text may stand closer than their letters are high.
      if (b.top >= a.bottom - 4) break;
      if (node === other || b.bottom - 4 <= a.top) continue;
      if (a.left < b.right - 2 && b.left < a.right - 2) {
        found.push([node.data.trim(), other.data.trim()]);
      }
    }
  });
  return found;
}

function visibleWords() {
  const words = [];
  const main = document.querySelector("main");
  const walker = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const parent = node.parentElement;
    const unseen = "thead, .unseen, .ruler, option, noscript";
    if (!node.data.trim() || parent.closest(unseen)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    // Names of rows end with an ellipsis where they are too long.
    const head = parent.closest("th");
    const end = head ? boxOf(head).right : Infinity;
    for (const rect of range.getClientRects()) {
      const box = rect.toJSON();
      box.right = Math.min(box.right, end);
      if (rect.width > 3) words.push({ box, node });
    }
  }
  return words;
}

/** Text of every sentence, and of its brackets the state, title and text. */
function drawn() {
  return [...document.querySelectorAll(".sentence")].map((card) => ({
    text: [...card.querySelectorAll(".text")]
      .map((text) => text.textContent)
      .join(""),
    brackets: [...card.querySelectorAll(".bracket")].map((bracket) => ({
      state: bracket.className.split(" ")[2],
      title: bracket.title,
      isFirst: !bracket.classList.contains("from-before"),
      above: textAbove(bracket),
    })),
  }));
}

/** The characters of a bracket's line whose middle is above it. */
function textAbove(bracket) {
  const { left, right } = boxOf(bracket);
  const node = bracket.closest(".line").querySelector(".text").firstChild;
  const range = document.createRange();
  let [found, start] = ["", 0];
  for (const character of node.data) {
    range.setStart(node, start);
    range.setEnd(node, start + character.length);
    start += character.length;
    const box = range.getBoundingClientRect();
    const middle = (box.left + box.right) / 2;
    if (left < middle && middle < right) found += character;
  }
  return found;
}
