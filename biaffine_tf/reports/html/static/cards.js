// Sentences as elements: head, text with brackets, errors in words.

const LONGEST = 40; // characters of an entity in the list of errors
const LISTED = 20; // errors of a sentence in its list at first

const data = JSON.parse(document.getElementById("data").textContent);
const labelNames = data.labels.map(visible);
const compared = data.names.length > 1;

/** A score, which is given in thousandths. */
const decimals = (score) => (score / 1000).toFixed(3);

function describe(span, ...more) {
  const score = span.score === null ? [] : [`score ${decimals(span.score)}`];
  const name = `${labelNames[span.label]} ${span.range}`;
  return [name, ...score, ...more].join(", ");
}

/** A span as it is drawn. */
function drawn(span, state, error, number) {
  return {
    start: span.start,
    end: span.end,
    label: labelNames[span.label],
    colour: span.label % 12,
    state,
    number: error ? String(number) : "",
    title: describe(span, error ? data.classes[error.kind] : state),
  };
}

/** The rows of one system: gold not found only where gold has no own row. */
function systemSpans({ spans, errors }) {
  const wrong = new Map();
  errors.forEach((error, i) => {
    for (const span of error.predicted) wrong.set(span, [error, i + 1]);
  });
  const rows = spans.map((span) =>
    wrong.has(span)
      ? drawn(span, "wrong", ...wrong.get(span))
      : drawn(span, "right"),
  );
  if (compared) return rows;
  errors.forEach((error, i) => {
    rows.push(...error.gold.map((one) => drawn(one, "missed", error, i + 1)));
  });
  return rows;
}

function rowsOf(sentence) {
  const rows = sentence.systems.map((system, i) => ({
    letter: compared ? "AB"[i] : "",
    spans: systemSpans(system),
  }));
  if (!compared) return rows;
  return [
    { letter: "G", spans: sentence.gold.map((s) => drawn(s, "gold")) },
    ...rows,
  ];
}

/** A string on one line, without its middle if it is long. */
function shorten(string) {
  const characters = [...string.replace(/\n/g, "\u240a")];
  if (characters.length <= LONGEST) return characters.join("");
  const [start, end] = [characters.slice(0, 24), characters.slice(-12)];
  return `${start.join("")}\u2026${end.join("")}`;
}

function spanText(span) {
  const made = element("span");
  const string = element("bdi", "string", shorten(visible(span.string)));
  const label = element(
    "bdi",
    `label c${span.label % 12}`,
    labelNames[span.label],
  );
  made.append(string, " ", label);
  if (span.score !== null) made.append(` ${decimals(span.score)}`);
  return made;
}

/** One error in words: for all readers, and the only way for some. */
function errorItem(error, number, letter) {
  const item = element("li");
  if (letter) {
    const style = `system y${"AB".indexOf(letter)}`;
    item.append(element("span", style, letter), " ");
  }
  item.append(element("span", "number-badge", String(number)), " ");
  item.append(element("span", "kind", data.classes[error.kind]));
  for (const [name, spans] of [
    ["gold", error.gold],
    ["predicted", error.predicted],
  ]) {
    if (!spans.length) continue;
    item.append(" \u00b7 ", element("span", "side", `${name} `));
    spans.forEach((span, i) => item.append(i ? ", " : "", spanText(span)));
  }
  return item;
}

/** The errors of a sentence; of many, the first, and a button for the rest. */
function errorList(errors) {
  const made = element("ul", "found");
  const add = (some) => made.append(...some.map((one) => errorItem(...one)));
  add(errors.slice(0, LISTED));
  const rest = errors.slice(LISTED);
  if (!rest.length) return made;
  const button = element("button", "more", `${rest.length} more errors`);
  button.addEventListener("click", () => {
    button.parentElement.remove();
    add(rest);
  });
  made.append(element("li"));
  made.lastChild.append(button);
  return made;
}

function stateText({ errors }, letter) {
  const count = errors.length;
  const text = count ? `${count} error${count > 1 ? "s" : ""}` : "right";
  const made = element("span", count ? "state bad" : "state");
  made.textContent = [letter, count ? "\u2717" : "\u2713", text]
    .join(" ")
    .trim();
  return made;
}

/** What cannot be seen in the brackets by those who cannot see them. */
function rightOnes(sentence) {
  const parts = sentence.systems.map(({ spans, errors }, i) => {
    const wrong = new Set(errors.flatMap((error) => error.predicted));
    const right = spans.filter((span) => !wrong.has(span));
    const names = right.map(
      (s) => `${visible(s.string)} ${labelNames[s.label]}`,
    );
    const who = compared ? `${"AB"[i]}: ` : "";
    return `${who}right: ${names.join(", ") || "nothing"}.`;
  });
  return element("p", "unseen", parts.join(" "));
}

function languageOf(text) {
  if (/[\u3040-\u30ff]/.test(text)) return "ja";
  if (/[\uac00-\ud7af]/.test(text)) return "ko";
  return /\p{Script=Han}/u.test(text) ? "zh" : "";
}

function marksOf(shown, searched) {
  if (!searched || /^#\d+$/.test(searched)) return [];
  const found = shown.matchAll(searchPattern(searched));
  return [...found].map((match) => [
    match.index,
    match.index + match[0].length,
  ]);
}

/** A sentence as an element, and what is still to be drawn within it. */
function card(sentence, searched) {
  const made = element("article", compared ? "sentence compared" : "sentence");
  const head = element("h3");
  head.append(element("span", "", `#${sentence.index + 1}`));
  if (sentence.id !== null)
    head.append(element("bdi", "", visible(sentence.id)));
  sentence.systems.forEach((system, i) => {
    head.append(stateText(system, compared ? "AB"[i] : ""));
  });
  const box = element("div", "lines");
  box.lang = languageOf(sentence.text);
  made.append(head, box, rightOnes(sentence));
  const errors = sentence.systems.flatMap((system, i) =>
    system.errors.map((error, n) => [error, n + 1, compared ? "AB"[i] : ""]),
  );
  if (errors.length) made.append(errorList(errors));
  const shown = visible(sentence.text);
  const drawing = {
    box,
    shown,
    marks: marksOf(shown, searched),
    rows: rowsOf(sentence),
  };
  return { made, drawing };
}
