// Where text and its spans lie on the page, line by line.

// In pixels.
const INSET = 1; // of a bracket at both ends, so that neighbours do not touch
const LEAST = 6; // width of a bracket

// Control characters but tab and line feed, what turns the direction of writing,
// and halves of surrogate pairs.
const HIDDEN = new RegExp(
  [
    "[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f]",
    "[\\u2028-\\u202e\\u2066-\\u2069]",
    "[\\ud800-\\udbff](?![\\udc00-\\udfff])",
    "(?<![\\ud800-\\udbff])[\\udc00-\\udfff]",
  ].join("|"),
  "g",
);

/** A text without what acts on the screen, of equal length. */
function visible(text) {
  return text.replace(HIDDEN, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? "\u2421" : "\ufffd";
  });
}

/** Index in the string of every code point, and the length after the last. */
function codePointIndices(text) {
  const indices = [];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const next = text.charCodeAt(i + 1);
    indices.push(i);
    if (code >= 0xd800 && code < 0xdc00 && next >= 0xdc00 && next < 0xe000) i++;
  }
  indices.push(text.length);
  return indices;
}

/** Left and right end of a range of a text node, from the left of its box. */
function extent(node, start, end, origin) {
  const range = document.createRange();
  range.setStart(node, start);
  range.setEnd(node, end);
  let [left, right, top] = [Infinity, -Infinity, Infinity];
  for (const box of range.getClientRects()) {
    left = Math.min(left, box.left);
    right = Math.max(right, box.right);
    top = Math.min(top, box.top);
  }
  return { left: left - origin, right: right - origin, top };
}

/** Where the lines of a text node begin: the tops of characters only grow. */
function lineStarts(node) {
  const range = document.createRange();
  range.selectNodeContents(node);
  const tops = [...new Set([...range.getClientRects()].map((b) => b.top))];
  const starts = [0];
  let length = tops.length ? Math.ceil(node.data.length / tops.length) : 0;
  for (const top of tops.sort((a, b) => a - b).slice(1)) {
    const start = firstBelow(node, starts.at(-1) + 1, length, top);
    if (start === node.data.length) break;
    length = start - starts.at(-1);
    starts.push(start);
  }
  return starts;
}

/** The first character from `low` on whose top is at least `top`. */
function firstBelow(node, low, guess, top) {
  const isBelow = (i) => extent(node, i, i + 1, 0).top >= top - 1;
  let high = Math.min(low + guess, node.data.length);
  while (high < node.data.length && !isBelow(high)) {
    low = high + 1;
    high = Math.min(high + guess, node.data.length);
  }
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBelow(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Lines of one paragraph with the pieces of spans on each.
 *
 * @param {Text} node The paragraph, laid out.
 * @param {number} offset Where it begins in the text.
 * @param {Array<number>} starts Where its lines begin, from its own begin.
 * @param {Array} spans With `start` and `end` in the text.
 */
function measureParagraph(node, offset, starts, spans) {
  const box = node.parentElement.getBoundingClientRect();
  const lines = starts.map((start, index) => ({
    start: start + offset,
    end: (starts[index + 1] ?? node.data.length) + offset,
    pieces: [],
  }));
  for (const span of spans) {
    for (let i = lineOf(lines, span.start); lines[i]?.start < span.end; i++) {
      const piece = measurePiece(node, offset, span, lines[i], box);
      if (piece) lines[i].pieces.push(piece);
    }
  }
  return lines;
}

/** Index of the line that a position is on, or of the first after it. */
function lineOf(lines, position) {
  let [low, high] = [0, lines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines[middle].end > position) high = middle;
    else low = middle + 1;
  }
  return low;
}

function measurePiece(node, offset, span, line, box) {
  const from = Math.max(span.start, line.start);
  const to = Math.min(span.end, line.end);
  const { left, right } = extent(node, from - offset, to - offset, box.left);
  if (from >= to || left > right) return null;
  return {
    span,
    left: Math.max(left, 0) + INSET,
    right: Math.max(Math.min(right, box.width) - INSET, left + LEAST),
    first: from === span.start,
    last: to === span.end,
  };
}
