// What the page does beyond lying there: filter, sort, open a cell, open an essay.
// What essays say comes to the screen through text nodes alone; no essay is built, and
// its data not even parsed, before it is opened. The address holds what is open, so
// that the browser's way back works and a place can be passed on.

const $ = (id) => document.getElementById(id);
const lines = $("data").textContent.split("\n");
const entry = (line) => JSON.parse(lines[line].replace(/^\[|[,\]]$/g, ""));
const { theses, rows, calibrated } = entry(0);
const SIGNS = { endorses: "●", rejects: "×", reports: "○", absent: "–", asserts: "●", denies: "×" };
const percent = (share) => `${Math.round(100 * share)}\u00a0%`;
const count = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

// An element. Its children that are strings become text nodes.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "click") element.addEventListener("click", value);
    else if (value !== undefined && value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// ---- The table: filter, sort, keys

const body = $("table").tBodies[0];
const articles = [...document.querySelectorAll("#strongest > article")];
const filters = $("filters").elements;
const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
rows.forEach((row, i) => {
  row.line = i + 1;
  row.tr = body.rows[i];
  row.article = articles[i];
  row.words = fold([row.author, row.title, row.file, row.year].filter(Boolean).join(" "));
  row.surname = surname(row.author);
  row.tr.querySelector("a").href = address({ essay: row.id });
});
const order = [...rows];

// "Smith, S. A." and "S. A. Smith, J. Doe" and "S. A. Smith and J. Doe" stand under Smith.
function surname(author) {
  const first = author?.split(/[,;&]| and /)[0].trim();
  return first && `${first.split(/\s+/).at(-1)} ${author}`;
}

function filter() {
  const words = fold(filters.words.value).split(/\s+/).filter(Boolean);
  const [thesis, stance] = [filters.thesis.value, filters.stance.value];
  const year = (name) => (filters[name]?.value ? Number(filters[name].value) : null);
  const [from, to] = [year("from"), year("to")];
  const stands = (row) => theses.some((_, i) => {
    if (thesis !== "" && i !== Number(thesis)) return false;
    if (stance === "primary") return row.primary === i;
    return stance ? row.cells[i][0] === stance : thesis === "" || row.cells[i][0] !== "absent";
  });
  let shown = 0;
  for (const row of rows) {
    const there = words.every((word) => row.words.includes(word)) && stands(row)
      && (from === null || (row.year !== null && row.year >= from))
      && (to === null || (row.year !== null && row.year <= to));
    row.tr.hidden = row.article.hidden = !there;
    shown += there;
  }
  const all = count(rows.length, "essay");
  $("count").textContent = shown === rows.length ? all : `${shown} of ${all}`;
}
for (const type of ["input", "change"]) $("filters").addEventListener(type, filter);
$("filters").addEventListener("reset", () => setTimeout(filter));
$("filters").addEventListener("submit", (event) => event.preventDefault());

function sort(button) {
  const [key, head] = [button.dataset.sort, button.closest("th")];
  const thesis = theses[key] && Number(key);
  // Weights are of interest from the top.
  const first = thesis === undefined ? "ascending" : "descending";
  const other = first === "ascending" ? "descending" : "ascending";
  const way = head.getAttribute("aria-sort") === first ? other : first;
  for (const th of head.parentElement.cells) th.setAttribute("aria-sort", th === head ? way : "none");
  const values = { author: (r) => r.surname, year: (r) => r.year, file: (r) => r.line };
  const value = values[key] ?? ((r) => r.cells[thesis][1]);
  const by = new Intl.Collator("en", { numeric: true });
  const compare = (a, b) => (typeof a === "string" ? by.compare(a, b) : a - b) * (way === "ascending" ? 1 : -1);
  // What is not known comes last either way.
  order.sort((a, b) => {
    const [x, y] = [value(a) ?? null, value(b) ?? null];
    if (x === null || y === null) return (x === null) - (y === null) || a.line - b.line;
    return compare(x, y) || a.line - b.line;
  });
  body.append(...order.map((row) => row.tr));
  $("strongest").append(...order.map((row) => row.article));
}

$("table").addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (button?.dataset.sort) sort(button);
  else if (button) go({ essay: rows[button.dataset.row].id, thesis: theses[button.dataset.thesis].id });
});

// Arrows go from cell to cell, past rows that are filtered out.
body.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  const at = event.target.dataset;
  if (!step || !at.thesis || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  const shown = order.filter((row) => !row.tr.hidden);
  const row = shown[shown.indexOf(rows[at.row]) + step[1]];
  row?.tr.querySelector(`[data-thesis="${Number(at.thesis) + step[0]}"]`)?.focus();
});

// ---- The address

function address(place) {
  return `#${new URLSearchParams(place)}`;
}
function go(place) {
  location.hash = address(place);
}
function place() {
  const said = new URLSearchParams(location.hash.slice(1));
  const row = rows.find(({ id }) => id === said.get("essay"));
  const thesis = theses.findIndex(({ id }) => id === said.get("thesis"));
  return { row, thesis, at: said.has("at") ? Number(said.get("at")) : null };
}

// What was open before, so that the way out is the browser's way back where there is one.
const TITLE = document.title;
const trail = [];
let last = { thesis: -1, at: null };
let scrolled = [0, 0, 0];

function out() {
  const { row, thesis, at } = place();
  const up = at !== null && thesis >= 0 ? address({ essay: row.id, thesis: theses[thesis].id }) : "";
  if (trail.at(-2) === up) history.back();
  else location.hash = up;
}

function route(event) {
  if (trail.at(-2) === location.hash) trail.pop();
  else trail.push(location.hash);
  const now = place();
  const reading = now.row && (now.at !== null || now.thesis < 0);
  const scroll = document.querySelector(".scroll");
  if (reading && !$("overview").hidden) scrolled = [scrollX, scrollY, scroll.scrollTop];
  const back = !reading && $("overview").hidden;
  $("overview").hidden = reading;
  $("reader").hidden = !reading;
  $("panel").hidden = reading || !now.row;
  document.querySelector(".cell[aria-expanded=true]")?.setAttribute("aria-expanded", "false");
  if (back) {
    scrollTo(scrolled[0], scrolled[1]);
    scroll.scrollTop = scrolled[2];
  }
  document.title = [now.row?.heading, TITLE].filter(Boolean).join(" – ");
  if (reading) openEssay(now);
  else if (now.row) openCell(now, back ? last.at : null);
  else if (event) leave();
  last = now;
}
addEventListener("hashchange", route);
addEventListener("keydown", (event) => {
  // In a field it is the field's own.
  if (event.key !== "Escape" || event.target.matches?.("#filters *") || !place().row) return;
  event.preventDefault();
  out();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  $("main").focus();
});

// The focus goes back to where it came from.
function leave() {
  const thing = last.thesis >= 0 ? `[data-thesis="${last.thesis}"]` : "a";
  last.row?.tr.querySelector(thing)?.focus();
}

// ---- A cell: its evidence

function openCell({ row, thesis }, from) {
  const button = row.tr.querySelector(`[data-thesis="${thesis}"]`);
  button.setAttribute("aria-expanded", "true");
  button.scrollIntoView({ block: "nearest", inline: "nearest" });
  const { text, cells } = entry(row.line);
  const cell = cells[thesis];
  const [asserts, denies, reports] = cell.masses.map((mass) => mass.toFixed(2));
  const said = [`${SIGNS[cell.stance]} ${cell.stance}`];
  if (row.primary === thesis) said.push("★ main explanation");
  if (cell.stance !== "absent") said.push(`${percent(cell.weight)} of the argument`);
  if (calibrated) said.push(`confidence ${percent(cell.confidence)}`);
  const title = make("h2", { id: "panel-title", tabindex: -1 }, theses[thesis].label);
  const list = (all) => make("ol", { class: "evidence" }, ...all.map((e) => evidence(row, thesis, text, e)));
  $("panel").replaceChildren(
    make("button", { type: "button", class: "close", click: out }, "Close"),
    title,
    make("p", {}, make("a", { href: address({ essay: row.id }) }, row.heading)),
    make("p", { class: cell.stance }, said.join(" · ")),
    make("p", { class: "soft" }, `Its sentences assert ${asserts}, deny ${denies}, report ${reports}. ${without(cell)}`),
    cell.evidence.length ? list(cell.evidence) : make("p", {}, "No sentence is evidence enough."),
    ...(cell.nearest ? [make("p", {}, "What comes nearest:"), list([cell.nearest])] : []),
  );
  $("panel").scrollTop = 0;
  const link = from !== null && $("panel").querySelector(`[data-at="${from}"]`);
  (link || title).focus({ preventScroll: !link });
}

function without({ without }) {
  if (!without) return "";
  const which = without.sentences === 1 ? "sentence that speaks" : `${without.sentences} sentences that speak`;
  return `Without the ${which} most for this the cell would say: ${without.stance}.`;
}

function evidence(row, thesis, text, { at, to, start, end, stance, voice, source, score }) {
  const href = address({ essay: row.id, thesis: theses[thesis].id, at });
  const whose = voice === "author" ? "the author’s words" : `citing ${source ?? "another"}`;
  return make("li", {},
    make("a", { href, "data-at": at }, text.slice(start, end)),
    make("span", { class: "soft" }, make("span", { class: stance }, `${SIGNS[stance]} ${stance}`),
      ` · ${whose} · score ${score.toFixed(2)} · bytes ${at} to ${to}`));
}

// ---- An essay and its layers

// What is switched on; it stays so from essay to essay.
const on = { entities: true, voices: true, claims: false, markup: true, outside: true };
const shownTheses = theses.map(() => true);
const LAYERS = {
  entities: "Entities: what is named",
  voices: "Voices: whose view it is; how far the author vouches for it, from −3 (surely not so) to +3 (surely so)",
  claims: "Claims, premises, causes and effects",
  outside: "Left out of the body, and why",
  markup: "Marks of the file’s format",
};

function openEssay({ row, at }) {
  const essay = entry(row.line);
  const text = make("div", { class: "text" });
  const sentences = [];
  for (const block of essay.blocks) text.append(buildBlock(essay, block, sentences));
  const title = make("h2", { id: "reader-title", tabindex: -1 }, row.title ?? row.id);
  const about = [row.author, row.year, row.file].filter((known) => known !== null).join(" · ");
  const show = () => switchLayers(text, sentences);
  $("reader").replaceChildren(
    make("div", { class: "top" }, make("button", { type: "button", class: "back", click: out }, "← Back"),
      title, make("span", { class: "soft" }, about)),
    switches(show), text,
  );
  show();
  const there = at !== null && sentences.findLast((sentence) => sentence.at <= at);
  if (!there) {
    scrollTo(0, 0);
    title.focus({ preventScroll: true });
    return;
  }
  there.element.classList.add("current");
  there.element.setAttribute("aria-current", "true");
  there.element.focus({ preventScroll: true });
  there.element.scrollIntoView({ block: "center" });
}

function switches(show) {
  const box = (checked, change, ...label) => {
    const input = make("input", { type: "checkbox" });
    input.checked = checked;
    input.addEventListener("change", () => { change(input.checked); show(); });
    return make("label", {}, input, make("span", {}, ...label));
  };
  const evidence = theses.map(({ label }, i) => box(shownTheses[i], (is) => { shownTheses[i] = is; }, `${i + 1} ${label}`));
  const layers = Object.entries(LAYERS).map(([layer, label]) => box(on[layer], (is) => { on[layer] = is; }, label));
  return make("form", { id: "layers", "aria-label": "Layers" },
    make("fieldset", {}, make("legend", {}, "Evidence"), ...evidence,
      make("p", { class: "soft" }, "● asserts, × denies, ○ reports the thesis of that number")),
    make("fieldset", {}, make("legend", {}, "Other layers"), ...layers));
}

function buildBlock(essay, [start, end, role, reason], sentences) {
  const inside = ([from, to]) => from < end && to > start;
  const marks = Object.entries(essay.layers).flatMap(([layer, spans]) => spans.filter(inside)
    .map(([from, to, label]) => ({ from, to, layer, label })));
  const part = make("p");
  let done = start;
  for (const [from, to, at] of essay.sentences.filter(inside)) {
    pour(part, essay.text, done, from, marks);
    const element = make("span", { class: "sentence", tabindex: -1, "data-at": at });
    pour(element, essay.text, from, to, marks);
    const found = essay.cells.flatMap(({ evidence }, thesis) => evidence
      .filter((e) => e.at === at).map((e) => ({ ...e, thesis })));
    const tags = found.map((e) => make("span", { class: `tag ${e.stance}` }, `${SIGNS[e.stance]} ${e.thesis + 1}`,
      make("span", { class: "words" }, ` (${e.stance} ${theses[e.thesis].label}, score ${e.score.toFixed(2)})`)));
    part.append(element, ...tags);
    sentences.push({ at, element, found, tags });
    done = to;
  }
  pour(part, essay.text, done, end, marks);
  if (role === "outside" || role === "note") {
    const why = role === "note" ? "Note, not part of the body" : `Left out: ${reason.replaceAll("-", " ")}`;
    return make("div", { class: "out" }, make("p", { class: "why" }, why), part);
  }
  if (role === "quotation") return make("blockquote", {}, part);
  if (role === "heading") return make("h3", {}, ...part.childNodes);
  if (role === "item") part.className = "item";
  return part;
}

// Text from `start` to `end` as text nodes, cut where a layer begins or ends, each under
// the layers that cover it, the longest outside. The words of a layer stand at its end.
function pour(into, text, start, end, marks) {
  const near = marks.filter(({ from, to }) => from < end && to > start).sort((a, b) => (a.to - a.from) - (b.to - b.from));
  const cuts = new Set([start, end, ...near.flatMap(({ from, to }) => [Math.max(from, start), Math.min(to, end)])]);
  [...cuts].sort((a, b) => a - b).reduce((from, to) => {
    let node = document.createTextNode(text.slice(from, to));
    for (const mark of near.filter((m) => m.from <= from && to <= m.to)) {
      const label = mark.to === to && mark.label ? mark.label : undefined;
      node = make("span", { class: mark.layer, "data-label": label }, node);
    }
    into.append(node);
    return to;
  });
}

function switchLayers(text, sentences) {
  for (const layer of Object.keys(on)) {
    text.classList.toggle(`show-${layer}`, on[layer]);
    text.classList.toggle(`no-${layer}`, !on[layer]);
  }
  for (const { element, found, tags } of sentences) {
    found.forEach((e, i) => { tags[i].hidden = !shownTheses[e.thesis]; });
    const strongest = found.filter((e) => shownTheses[e.thesis]).sort((a, b) => b.score - a.score)[0];
    for (const stance of ["asserts", "denies", "reports"]) {
      element.classList.toggle(`${stance}-mark`, strongest?.stance === stance);
    }
    if (strongest) element.setAttribute("role", "mark");
    else element.removeAttribute("role");
  }
}

route();
