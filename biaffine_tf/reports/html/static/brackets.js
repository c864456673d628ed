// Brackets under text, line by line: where they lie, and how deep.
//
// The browser breaks the text into lines as it always does. These are then
// measured and made elements of their own, each with as many rows of brackets
// below as it needs.

// In pixels.
const BRACKET = 8; // height of a bracket and what is around it
const GAP = 4; // between what stands in one row, and between depths

const overlap = (a, b) => a.left < b.right && b.left < a.right;

/**
 * Places the pieces of one line and their labels, so that nothing overlaps.
 *
 * What holds others lies below them. Below the brackets of one depth stand
 * their labels, each where its bracket begins (further left at the end of the
 * line). They are placed from right to left: of two that would touch, the left
 * one goes a row down. The line that leads there passes no other label, unless
 * one was moved left, which it passes behind.
 *
 * @returns {number} Height of it all.
 */
function pack(pieces, width, ruler) {
  const short = [...pieces].sort((a, b) => a.right - a.left - b.right + b.left);
  const depths = [];
  for (const piece of short) {
    const covers = (level) => level.some((other) => overlap(other, piece));
    const depth = depths.findLastIndex(covers) + 1;
    (depths[depth] ??= []).push(piece);
  }
  let top = 0;
  for (const level of depths) {
    packTags(level, width, ruler);
    let bottom = top;
    for (const piece of level) {
      const { row, height } = piece.tag;
      piece.top = top;
      piece.tagTop = top + BRACKET + row * height;
      bottom = Math.max(bottom, piece.tagTop + height + GAP);
    }
    top = bottom;
  }
  return top;
}

function packTags(level, width, ruler) {
  const rows = [];
  level.sort((a, b) => b.left - a.left);
  for (const piece of level) {
    const size = ruler.size(piece);
    const needed = Math.min(Math.ceil(size.width), width);
    const left = Math.max(0, Math.min(piece.left, width - needed));
    const tag = { left, right: left + needed, height: size.height, row: 0 };
    const wider = { left: tag.left - GAP, right: tag.right + GAP };
    while (rows[tag.row]?.some((other) => overlap(other, wider))) tag.row++;
    (rows[tag.row] ??= []).push(tag);
    piece.tag = tag;
  }
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** What is written at a bracket. */
function makeTag({ span, first }) {
  const made = element("span", `tag ${span.state}`);
  if (span.number) made.append(element("span", "number-badge", span.number));
  const symbol = { wrong: "\u2717 ", missed: "\u25cb " }[span.state] ?? "";
  made.append(`${first ? "" : "\u2026"}${symbol}${span.label}`);
  return made;
}

/** Sizes of labels, all measured at once. */
class Ruler {
  constructor(parent) {
    this.box = parent.appendChild(element("div", "ruler"));
    this.box.setAttribute("aria-hidden", "true");
    this.tags = new Map();
  }

  /** Lays out what may be written at the pieces of a span. */
  add(span) {
    for (const first of [true, false]) {
      const key = this.key({ span, first });
      if (this.tags.has(key)) continue;
      this.tags.set(key, this.box.appendChild(makeTag({ span, first })));
    }
  }

  /** All digits are equally wide. */
  key({ span, first }) {
    return [span.state, span.number.length, first, span.label].join("\n");
  }

  size(piece) {
    return this.tags.get(this.key(piece)).getBoundingClientRect();
  }

  clear() {
    this.box.replaceChildren();
    this.tags.clear();
  }
}

/** The line from a bracket to its label further down. */
function leader(piece) {
  const made = element("span", `leader c${piece.span.colour}`);
  made.style.left = `${piece.left}px`;
  made.style.top = `${piece.top}px`;
  made.style.height = `${piece.tagTop - piece.top + 2}px`;
  return made;
}

function drawPiece(row, piece) {
  const { span, first, last } = piece;
  const bracket = element("span", `bracket c${span.colour} ${span.state}`);
  bracket.classList.toggle("from-before", !first);
  bracket.classList.toggle("goes-on", !last);
  bracket.style.left = `${piece.left}px`;
  bracket.style.width = `${piece.right - piece.left}px`;
  bracket.style.top = `${piece.top}px`;
  const label = makeTag(piece);
  label.style.left = `${piece.tag.left}px`;
  label.style.width = `${piece.tag.right - piece.tag.left}px`;
  label.style.top = `${piece.tagTop}px`;
  label.title = bracket.title = span.title;
  if (piece.tag.row) row.append(leader(piece));
  row.append(bracket, label);
}

/** A text with what is searched for marked. */
function textOf(shown, start, end, marks) {
  const made = element("div", "text");
  let position = start;
  for (const [from, to] of marks) {
    const [a, b] = [Math.max(from, position), Math.min(to, end)];
    if (a >= b) continue;
    made.append(
      shown.slice(position, a),
      element("mark", "", shown.slice(a, b)),
    );
    position = b;
  }
  made.append(shown.slice(position, end));
  return made;
}

/**
 * Draws sentences: all are laid out, then all measured, then all drawn.
 *
 * @param {Array} drawings Each with `box`, an element; `shown`, the text;
 *     `marks`, ranges to be marked; `rows`, each with a `letter` and `spans`
 *     that have `start`, `end`, `label`, `colour`, `state`, `number`, `title`.
 * @param {Ruler} ruler
 */
function drawAll(drawings, ruler) {
  for (const drawing of drawings) layOut(drawing, ruler);
  for (const drawing of drawings) measure(drawing, ruler);
  ruler.clear();
  for (const drawing of drawings) draw(drawing);
}

function layOut(drawing, ruler) {
  for (const span of drawing.rows.flatMap((row) => row.spans)) ruler.add(span);
  drawing.box.replaceChildren();
  drawing.paragraphs = [];
  let offset = 0;
  for (const paragraph of drawing.shown.split("\n")) {
    const box = element("div", "text measured", paragraph);
    box.dir = "auto";
    drawing.box.append(box);
    if (paragraph) drawing.paragraphs.push({ node: box.firstChild, offset });
    offset += paragraph.length + 1;
  }
}

function measure(drawing, ruler) {
  const style = getComputedStyle(drawing.box);
  const width = drawing.box.clientWidth - parseFloat(style.paddingLeft);
  drawing.lines = [];
  for (const { node, offset } of drawing.paragraphs) {
    const dir = getComputedStyle(node.parentElement).direction;
    const starts = lineStarts(node);
    const [first, ...others] = drawing.rows.map(({ spans }) =>
      measureParagraph(node, offset, starts, spans),
    );
    first.forEach(({ start, end }, i) => {
      const rows = [first, ...others].map((lines, row) => ({
        letter: drawing.rows[row].letter,
        pieces: lines[i].pieces,
        height: pack(lines[i].pieces, width, ruler),
      }));
      drawing.lines.push({ start, end, dir, rows });
    });
  }
}

function draw(drawing) {
  drawing.box.replaceChildren();
  for (const line of drawing.lines) {
    const box = element("div", "line");
    const text = textOf(drawing.shown, line.start, line.end, drawing.marks);
    text.dir = line.dir;
    box.append(text);
    for (const { letter, pieces, height } of line.rows) {
      if (!height) continue;
      box.classList.add("marked");
      const row = element("div", "row");
      row.setAttribute("aria-hidden", "true");
      row.style.height = `${height}px`;
      if (letter) row.append(element("span", "letter", letter));
      for (const piece of pieces) drawPiece(row, piece);
      box.append(row);
    }
    drawing.box.append(box);
  }
}
