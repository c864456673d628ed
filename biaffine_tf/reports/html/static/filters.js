// Which sentences are shown. No element of the page is touched here.

// A page has at most so many sentences, and no more than one beyond so many
// characters.
const PAGE_SIZE = 25;
const PAGE_CHARACTERS = 12000;

const ANY_ERROR = "any";
const NO_ERROR = "none";

/** The embedded data, with names instead of positions. */
function unpack(data) {
  return data.sentences.map(([text, id, gold, ...systems], index) => {
    const at = codePointIndices(text);
    const span = (start, end, label, score = null) => ({
      start: at[start],
      end: at[end],
      range: `[${start}, ${end})`,
      label,
      score,
      string: text.slice(at[start], at[end]),
    });
    const golden = groups(gold, 3).map((row) => span(...row));
    return {
      index,
      id,
      text,
      gold: golden,
      systems: systems.map(([flat, errors]) => {
        const spans = groups(flat, 4).map((row) => span(...row));
        return {
          spans,
          errors: errors.map(([kind, unfound, wrong]) =>
            unpackError(
              kind,
              unfound.map((i) => golden[i]),
              wrong.map((i) => spans[i]),
            ),
          ),
        };
      }),
    };
  });
}

function groups(flat, size) {
  const rows = [];
  for (let i = 0; i < flat.length; i += size)
    rows.push(flat.slice(i, i + size));
  return rows;
}

function unpackError(kind, gold, predicted) {
  const pairs = new Set();
  for (const a of gold) {
    for (const b of predicted) {
      if (a.label !== b.label) pairs.add(`${a.label} ${b.label}`);
    }
  }
  const labels = new Set([...gold, ...predicted].map((span) => span.label));
  return { kind, gold, predicted, labels, pairs };
}

const NOTHING = { text: "", label: "", error: "", pair: "", outcome: "" };

/** Whether the text, the id or what is written as #3 has what is searched. */
function searches(text) {
  if (!text) return () => true;
  const number = /^#(\d+)$/.exec(text);
  if (number) return (sentence) => sentence.index + 1 === Number(number[1]);
  const pattern = searchPattern(text);
  return ({ text, id }) => {
    pattern.lastIndex = 0;
    const found = pattern.test(text);
    pattern.lastIndex = 0;
    return found || (id !== null && pattern.test(id));
  };
}

function searchPattern(text) {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "giu");
}

/** "right" or "wrong" of every system. */
function outcomeOf(sentence) {
  return sentence.systems
    .map(({ errors }) => (errors.length ? "wrong" : "right"))
    .join("-");
}

/**
 * The errors of a sentence that fit a label, a class and a pair of labels.
 *
 * They must fit one and the same error: whoever asks for missed addresses
 * does not want an address beside a missed name.
 */
function fitting(sentence, { label, error, pair }) {
  return sentence.systems.flatMap(({ errors }) =>
    errors.filter(
      (one) =>
        (!label || one.labels.has(Number(label))) &&
        (!error || error === ANY_ERROR || one.kind === Number(error)) &&
        (!pair || one.pairs.has(pair)),
    ),
  );
}

function fits(sentence, filter) {
  const { label, error, pair } = filter;
  if (error === NO_ERROR) {
    if (pair || sentence.systems.some(({ errors }) => errors.length))
      return false;
    return !label || labelsOf(sentence).has(Number(label));
  }
  if (error || pair) return fitting(sentence, filter).length > 0;
  return !label || labelsOf(sentence).has(Number(label));
}

function labelsOf(sentence) {
  const spans = [sentence.gold, ...sentence.systems.map((one) => one.spans)];
  return new Set(spans.flat().map((span) => span.label));
}

/**
 * The sentences that pass, and how many each choice of each filter would
 * leave, the other filters being what they are.
 *
 * @returns {{passed: Array, counts: Object<string, Map<string, number>>}}
 */
function select(sentences, filter) {
  const counts = {};
  for (const name of ["label", "error", "pair", "outcome"]) {
    counts[name] = new Map();
  }
  const add = (name, values) => {
    for (const value of new Set(values)) {
      const key = String(value);
      counts[name].set(key, (counts[name].get(key) ?? 0) + 1);
    }
  };
  const found = searches(filter.text);
  const passed = sentences.filter((sentence) => {
    if (!found(sentence)) return false;
    const outcome = outcomeOf(sentence);
    const all = fits(sentence, filter);
    if (all) add("outcome", ["", outcome]);
    if (filter.outcome && filter.outcome !== outcome) return false;
    for (const name of ["label", "error", "pair"]) {
      add(name, choices(sentence, name, { ...filter, [name]: "" }));
    }
    return all;
  });
  return { passed, counts };
}

/** The choices of one filter that a sentence passes. */
function choices(sentence, name, others) {
  const passes = fits(sentence, others) ? [""] : [];
  const errors = others.error === NO_ERROR ? [] : fitting(sentence, others);
  if (name === "pair")
    return [...passes, ...errors.flatMap((e) => [...e.pairs])];
  if (name === "error") {
    const clean = fits(sentence, { ...others, error: NO_ERROR });
    const kinds = errors.map((one) => one.kind);
    const special = clean ? [NO_ERROR] : kinds.length ? [ANY_ERROR] : [];
    return [...passes, ...special, ...kinds];
  }
  if (others.error === NO_ERROR || !(others.error || others.pair)) {
    return passes.length ? [...passes, ...labelsOf(sentence)] : [];
  }
  return [...passes, ...errors.flatMap((one) => [...one.labels])];
}

function errorCount(sentence) {
  return sentence.systems.reduce((sum, one) => sum + one.errors.length, 0);
}

/** Sentences in the order wanted; of equal ones the first comes first. */
function inOrder(sentences, order) {
  if (order !== "errors") return sentences;
  return [...sentences].sort((a, b) => errorCount(b) - errorCount(a));
}

/** Divides sentences into pages that are drawn at once. */
function paginate(sentences) {
  const pages = [[]];
  let characters = 0;
  for (const sentence of sentences) {
    const page = pages.at(-1);
    characters += sentence.text.length;
    if (
      page.length === PAGE_SIZE ||
      (page.length && characters > PAGE_CHARACTERS)
    ) {
      pages.push([sentence]);
      characters = sentence.text.length;
    } else {
      page.push(sentence);
    }
  }
  return pages;
}
