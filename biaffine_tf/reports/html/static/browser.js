// The browser of sentences: filters, pages, the address.

const PRINTED = 2; // pages that are printed
const DELAY = 150; // milliseconds after the last key before searching

const sentences = unpack(data);
const byId = (id) => document.getElementById(id);
const list = byId("list");
const ruler = new Ruler(byId("sentences"));
const fields = ["text", "label", "error", "pair", "outcome", "order"].filter(
  byId,
);
const state = { ...NOTHING, order: "", page: 1 };
let drawings = [];

// ---- choices ---------------------------------------------------------------

const OUTCOMES = [
  ["right-wrong", "A right, B wrong"],
  ["wrong-right", "A wrong, B right"],
  ["right-right", "both right"],
  ["wrong-wrong", "both wrong"],
];

function pairName(pair) {
  return pair
    .split(" ")
    .map((label) => labelNames[label])
    .join(" \u2192 ");
}

/** All choices of the filters, made once: [value, name] of each. */
function allChoices() {
  const { counts } = select(sentences, NOTHING);
  const frequent = (name) =>
    [...counts[name].entries()]
      .filter(([value]) => value)
      .sort((a, b) => b[1] - a[1])
      .map(([value]) => value);
  return {
    label: [["", "all"], ...labelNames.map((name, i) => [String(i), name])],
    error: [
      ["", "all"],
      [ANY_ERROR, "any error"],
      ...data.classes.map((name, i) => [String(i), name]),
      [NO_ERROR, "no error"],
    ],
    pair: [
      ["", "all"],
      ...frequent("pair").map((pair) => [pair, pairName(pair)]),
    ],
    outcome: [["", "all"], ...OUTCOMES],
    order: [
      ["", "as in the file"],
      ["errors", "most errors first"],
    ],
  };
}

const CHOICES = allChoices();

function fillFields() {
  for (const name of fields) {
    if (name === "text") continue;
    for (const [value] of CHOICES[name]) byId(name).add(new Option("", value));
  }
}

function showCounts(counts) {
  for (const name of fields) {
    const field = byId(name);
    field.value = state[name];
    if (name === "text") continue;
    CHOICES[name].forEach(([value, text], index) => {
      const count = counts[name]?.get(value) ?? 0;
      const option = field.options[index];
      option.textContent = counts[name] ? `${text} (${count})` : text;
      option.disabled =
        Boolean(counts[name]) && !count && value !== state[name];
    });
  }
}

// ---- the page --------------------------------------------------------------

function showCards(chosen) {
  const cards = chosen.map((sentence) => card(sentence, state.text));
  list.replaceChildren(...cards.map(({ made }) => made));
  drawings = cards.map(({ drawing }) => drawing);
  drawAll(drawings, ruler);
}

function show({ printing = false } = {}) {
  const { passed, counts } = select(sentences, state);
  showCounts(counts);
  const pages = paginate(inOrder(passed, state.order));
  state.page = Math.min(Math.max(1, state.page), pages.length);
  const chosen = printing
    ? pages.slice(0, PRINTED).flat()
    : pages[state.page - 1];
  showCards(chosen);
  showPosition(pages, chosen, printing ? 0 : state.page - 1);
}

function showPosition(pages, chosen, index) {
  const sum = (some) => some.reduce((total, page) => total + page.length, 0);
  const [before, all] = [sum(pages.slice(0, index)), sum(pages)];
  const last = before + chosen.length;
  const range = all ? `${before + 1}\u2013${last} of ` : "";
  byId("shown").replaceChildren(range, element("b", "", String(all)));
  byId("shown").append(all === 1 ? " sentence" : " sentences");
  byId("shown").dataset.count = all;
  byId("page").textContent = `${index + 1} / ${pages.length}`;
  byId("previous").disabled = index === 0;
  byId("next").disabled = index === pages.length - 1;
  byId("previous").parentElement.hidden = pages.length === 1;
}

function update(changes) {
  Object.assign(state, { page: 1 }, changes);
  history.replaceState(null, "", address());
  show();
}

// ---- the address -----------------------------------------------------------

/** The state as names, so that a link stays what it is in another report. */
function address() {
  const values = new URLSearchParams();
  if (state.text) values.set("text", state.text);
  if (state.label) values.set("label", data.labels[state.label]);
  if (state.error)
    values.set("error", data.classes[state.error] ?? state.error);
  if (state.pair) {
    const [gold, as] = state.pair.split(" ");
    values.set("gold", data.labels[gold]);
    values.set("as", data.labels[as]);
  }
  for (const name of ["outcome", "order"]) {
    if (state[name]) values.set(name, state[name]);
  }
  if (state.page > 1) values.set("page", state.page);
  const text = values.toString();
  return text ? `#sentences?${text}` : "#sentences";
}

function readAddress() {
  const [part, query] = location.hash.split(/\?(.*)/s);
  if (part !== "#sentences" || query === undefined) return false;
  const values = new URLSearchParams(query);
  const position = (names, name) => {
    const index = names.indexOf(values.get(name));
    return index < 0 ? "" : String(index);
  };
  const error = values.get("error");
  const special = [ANY_ERROR, NO_ERROR].includes(error) ? error : "";
  const pair = [position(data.labels, "gold"), position(data.labels, "as")];
  const known = (name) =>
    CHOICES[name].some(([value]) => value === values.get(name))
      ? values.get(name)
      : "";
  Object.assign(state, {
    text: values.get("text") ?? "",
    label: position(data.labels, "label"),
    error: special || position(data.classes, "error"),
    pair: pair.every(Boolean) ? pair.join(" ") : "",
    outcome: compared ? known("outcome") : "",
    order: known("order"),
    page: Number.parseInt(values.get("page"), 10) || 1,
  });
  return true;
}

// ---- events ----------------------------------------------------------------

function turn(by) {
  update({ page: state.page + by });
  byId("sentences-title").focus({ preventScroll: true });
  byId("shown").scrollIntoView({ block: "start" });
}

function listen() {
  let timer;
  for (const name of fields) {
    const typed = name === "text";
    byId(name).addEventListener(typed ? "input" : "change", (event) => {
      clearTimeout(timer);
      const { value } = event.target;
      timer = setTimeout(() => update({ [name]: value }), typed ? DELAY : 0);
    });
  }
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", (event) => {
    event.preventDefault();
    update({ ...NOTHING, order: "" });
  });
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  addEventListener("hashchange", () => {
    if (!readAddress()) return;
    show();
    byId("sentences").scrollIntoView();
    byId("sentences-title").focus({ preventScroll: true });
  });
  addEventListener("beforeprint", () => {
    byId("sentences").classList.add("printed");
    show({ printing: true });
  });
  addEventListener("afterprint", () => {
    byId("sentences").classList.remove("printed");
    show();
  });
  let width = list.clientWidth;
  new ResizeObserver(() => {
    if (list.clientWidth === width || list.closest(".printed")) return;
    width = list.clientWidth;
    drawAll(drawings, ruler);
  }).observe(list);
}

fillFields();
const linked = readAddress();
show();
listen();
if (linked) byId("sentences").scrollIntoView();
