// The page: what is pasted, dropped, pressed and typed.

import { List, pressed } from "./entities.js";
import { Light } from "./light.js";
import { Offsets, convert, health, resolve } from "./service.js";
import { Text, dress } from "./text.js";

const $ = (id) => document.getElementById(id);
const number = (n) => n.toLocaleString("en");
const lasting = (s) => (s < 1 ? `${Math.ceil(1000 * s)} ms` : `${s < 10 ? s.toFixed(1) : Math.round(s)} s`);
const count = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

const article = $("reading");
const list = new List({ list: $("list"), more: $("more"), once: $("once"), none: $("none") });
let config = { whole: 4000, link_threshold: 0.5 };
let reading = null;   // the text that is read: what was sent, what is known of it, and what of it is found

const light = new Light({
  article, bar: $("bar"), about: $("about"), legend: $("legend"), list: $("list"), told: fail,
  body: () => reading?.done && {
    text: reading.text, offsets: reading.offsets, most: config.whole / reading.words,
    options: { link_threshold: reading.threshold }, mentions: reading.byPlace,
  },
});

const ready = health().then((told) => {
  config = told;
  $("most").textContent = `, up to ${told.megabytes} MB`;
}).catch(() => fail(new Error("the service does not answer: is it still running?")));

function fail(error) {
  if (error.name === "AbortError") return;
  $("error").textContent = error.message[0].toUpperCase() + error.message.slice(1);
  $("error").hidden = false;
}

// ---- resolving

async function begin(source, name, input_format) {
  if (!source.trim()) { fail(new Error("there is nothing to resolve: paste a text or drop a file")); return; }
  await ready;
  reading?.request?.abort();
  light.release();
  const before = reading?.view && [reading.source, reading.name, reading.input_format];   // to go back to
  reading = { source: source.toWellFormed(), name, input_format, threshold: config.link_threshold, view: null, before };
  $("threshold").value = Math.round(100 * config.link_threshold);
  $("search").value = list.sought = "";
  level();
  $("start").hidden = true;
  article.hidden = false;
  $("title").textContent = name;
  document.title = `${name} · lehr`;
  $("text").replaceChildren();
  list.forget();
  $("list").replaceChildren();
  $("once").hidden = $("more").hidden = true;
  scrollTo(0, 0);
  $("title").focus({ preventScroll: true });
  run();
}

/** Resolve the text that is read, with the threshold that is set. */
async function run() {
  const mine = reading;
  mine.request?.abort();
  mine.request = new AbortController();
  mine.done = false;
  mine.fresh = true;
  article.classList.remove("done");
  $("error").hidden = true;
  $("progress").removeAttribute("value");
  $("facts").textContent = "Reading …";
  const { source, input_format, threshold } = mine;
  const body = { text: source, input_format, link_threshold: threshold, singletons: true };
  const start = performance.now();
  try {
    for await (const event of resolve(body, mine.request.signal)) {
      if (event.document) opened(mine, event.document);
      else if (event.passage) passed(mine, event.passage, start);
      else finished(mine, event.done);
    }
  } catch (error) {
    if (mine !== reading || error.name === "AbortError") return;   // another reading has taken its place
    if (mine.view) $("facts").textContent = "Not finished";
    else if (mine.before) await begin(...mine.before);
    else show(false);
    fail(error);
  }
}

function opened(mine, told) {
  mine.words = told.words;
  if (mine.view) return;
  mine.text = told.text ?? mine.source;
  mine.offsets = new Offsets(mine.text);
  mine.view = new Text($("text"), mine.text);
  forget(mine);
}

function forget(mine) {
  Object.assign(mine, { entities: new Map(), byPlace: new Map(), ranks: 0, decided: 0, fresh: false });
  mine.view.clear();
  list.forget();
}

function passed(mine, passage, start) {
  const { held } = light;
  light.release();
  if (mine.fresh) forget(mine);
  const { entities, offsets } = mine;
  const mentions = passage.mentions.map(({ entity: key, ...told }) => {
    if (!entities.has(key)) entities.set(key, { number: key, name: told.text, mentions: [], rank: null });
    const entity = entities.get(key);
    const mention = { ...told, characters: [told.start, told.end], entity, pieces: [] };
    mention.start = offsets.toUnit(told.start);
    mention.end = offsets.toUnit(told.end);
    entity.mentions.push(mention);
    if (entity.mentions.length === 2) { entity.rank = mine.ranks++; dress(entity.mentions[0]); }
    mine.byPlace.set(`${mention.start}:${mention.end}`, mention);
    return mention;
  });
  for (const [key, name] of Object.entries(passage.names)) entities.get(Number(key)).name = name;
  const end = offsets.toUnit(passage.end);
  mine.view.add(mentions, end);
  mine.decided += passage.words;
  $("progress").value = mine.words ? mine.decided / mine.words : 1;
  const left = ((performance.now() - start) / (mine.decided || 1)) * (mine.words - mine.decided) / 1000;
  const wait = left > 60 ? `about ${Math.round(left / 60)} min left` : `about ${Math.ceil(left)} s left`;
  $("facts").textContent = `${number(mine.decided)} of ${count(mine.words, "word")} · ${wait}`;
  drawSoon();
  const again = held && mine.byPlace.get(`${held.start}:${held.end}`);
  if (again) light.hold(again, { quiet: true });
}

function finished(mine, { seconds, document: words }) {
  mine.done = true;
  mine.inWords = words;
  $("progress").value = 1;
  article.classList.add("done");
  const mentions = [...mine.entities.values()].reduce((sum, entity) => sum + entity.mentions.length, 0);
  $("facts").textContent = `${count(mine.words, "word")} · ${count(mentions, "mention")} of ` +
    `${count(mine.entities.size, "entity", "entities")} · ${lasting(seconds)}`;
  mine.view.add([], mine.text.length);
  draw();
  if (light.held) light.ask(light.held);
}

let drawing = 0;
function drawSoon() {
  drawing ||= setTimeout(draw, 250);
}
function draw() {
  clearTimeout(drawing);
  drawing = 0;
  if (reading?.entities) list.draw(reading.entities, reading.text.length || 1, reading.done);
}

function show(text) {
  article.hidden = !text;
  $("start").hidden = text;
  if (!text) { document.title = "lehr: who is who"; $("source").focus(); }
}

// ---- what is pasted, opened and dropped

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("source").value;
  begin(text, title(text), "text");
});
$("source").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("ask").requestSubmit();
});
$("try").addEventListener("click", () => {
  $("source").value = $("example").content.textContent;
  $("ask").requestSubmit();
});
$("open").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => { take($("file").files[0]); $("file").value = ""; });
$("again").addEventListener("click", () => { reading?.request?.abort(); light.release(); reading = null; show(false); });

/** The first words of a text. */
function title(text) {
  const words = text.trim().split(/\s+/, 8);
  return words.slice(0, 7).join(" ").slice(0, 60) + (words.length > 7 ? " …" : "");
}

async function take(file) {
  if (!file) return;
  try {
    if (file.size > config.megabytes * 1e6) throw new Error(`${file.name} is larger than ${config.megabytes} MB, which is the most`);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    const format = /\.conllu$/i.test(file.name) ? "conllu" : /conll$/i.test(file.name) ? "conll" : /\.(jsonl|jsonlines|ndjson|json)$/i.test(file.name) ? "jsonl" : "auto";
    await begin(text, file.name.replace(/\.[^.]+$/, ""), format);
  } catch (error) {
    fail(error instanceof TypeError ? new Error(`${file.name} is not a text in UTF-8`) : error);
  }
}

let depth = 0;
addEventListener("dragenter", (event) => { event.preventDefault(); depth++; document.body.classList.add("dragging"); });
addEventListener("dragleave", () => { if (!--depth) document.body.classList.remove("dragging"); });
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  depth = 0;
  document.body.classList.remove("dragging");
  const [file] = event.dataTransfer.files;
  const text = event.dataTransfer.getData("text");
  if (file) take(file); else if (text) begin(text, title(text), "text");
});

// ---- settings

function level() {
  $("level").textContent = `${$("threshold").value} %`;
}
let sliding = 0;
$("threshold").addEventListener("input", () => {
  level();
  clearTimeout(sliding);
  sliding = setTimeout(slid, reading?.words <= config.whole ? 200 : 1000);   // a long text is read anew
});
function slid() {
  const threshold = Number($("threshold").value) / 100;
  if (!reading || reading.threshold === threshold) return;
  reading.threshold = threshold;
  run();
}
$("singletons").addEventListener("change", () => {
  list.singletons = $("singletons").checked;
  article.classList.toggle("few", !list.singletons);
  light.release();
  draw();
});
$("search").addEventListener("input", () => { list.sought = $("search").value.trim(); draw(); });

/** Close the menus but one; the focus goes back to what opened the one that it was in. */
function closeMenus(but) {
  const open = [...document.querySelectorAll(".menu[open]")].filter((menu) => menu !== but);
  for (const menu of open) {
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  }
  return open.length;
}

// ---- mentions and entities

const hidden = (mention) => !list.singletons && mention.entity.mentions.length === 1;
const mentionAt = (target) => {
  const mention = target.closest?.("#text .m")?.mention;
  return mention && !hidden(mention) ? mention : null;
};

document.addEventListener("pointerover", (event) => {
  if (light.held || event.pointerType === "touch") return;
  const entity = mentionAt(event.target)?.entity ?? event.target.closest("aside [data-k]")?.entity;
  if (entity) light.light(entity); else light.dim();
});
document.addEventListener("focusin", (event) => {
  const mention = mentionAt(event.target);
  if (mention) light.hold(mention);
});
document.addEventListener("click", (event) => {
  const mention = mentionAt(event.target);
  const entry = event.target.closest("aside [data-k]");
  if (mention) light.hold(mention);
  else if (entry) light.go(pressed(event, entry.entity, reading.text.length));
  else if (!event.target.closest("#bar, aside, header")) light.release();
  closeMenus(event.target.closest(".menu"));
});
$("before").addEventListener("click", () => light.step(-1));
$("after").addEventListener("click", () => light.step(1));
$("release").addEventListener("click", () => { document.activeElement.blur(); light.release(); });
$("error").addEventListener("click", () => { $("error").hidden = true; });

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea");
  if (event.key === "Escape") {
    if (!$("error").hidden) $("error").hidden = true;
    else if (event.target === $("search") && $("search").value) { $("search").value = list.sought = ""; draw(); }
    else if (!closeMenus()) { document.activeElement.blur(); light.release(); }
    closeMenus();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === $("search") && event.key === "ArrowDown") { $("list").querySelector("button")?.focus(); event.preventDefault(); return; }
  if (typing) return;
  if (event.key === "/" && !article.hidden) { $("search").focus(); event.preventDefault(); return; }
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key] ??
    (mentionAt(event.target) && event.key === "Enter" ? (event.shiftKey ? -1 : 1) : undefined);
  if (by === undefined || !light.held) return;
  light.step(by);
  event.preventDefault();
});

// ---- copy and download

/** The document in lehr's own JSON, of the entities that are shown. */
function resolved() {
  const { name, text, inWords, entities } = reading;
  const shown = [...entities.values()].filter((entity) => list.singletons || entity.mentions.length > 1);
  const clusters = shown.map((entity, id) => ({
    id, name: entity.name,
    mentions: entity.mentions.map(({ characters, entity: _, pieces, lane, ...told }) => ({ ...told, start: characters[0], end: characters[1] })),
  }));
  return { ...inWords, id: inWords?.id || name, text, clusters };
}

function save(text, format) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text]));
  link.download = `${reading.name.replace(/[^\p{L}\p{N}.-]+/gu, "_").slice(0, 60) || "resolved"}.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

async function copy(text) {
  const label = $("copy").querySelector("summary");
  try {
    await navigator.clipboard.writeText(text);
    label.textContent = "Copied";
    setTimeout(() => { label.textContent = "Copy"; }, 1500);
  } catch {
    throw new Error("the browser does not let this page copy: download it instead");
  }
}

for (const button of document.querySelectorAll("[data-format]")) {
  button.addEventListener("click", async () => {
    if (!reading?.entities) return;
    const { format } = button.dataset;
    const found = resolved();
    try {
      const text = format === "json" ? `${JSON.stringify(found, null, 1)}\n` : await convert(found, format);
      if (button.closest("#copy")) await copy(text); else save(text, format);
    } catch (error) {
      fail(error);
    }
    closeMenus();
  });
}
