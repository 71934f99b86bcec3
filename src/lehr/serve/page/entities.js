// The entities by weight: their names, counts, and a strip that shows where in the text each appears.

import { look } from "./text.js";

const SHOWN = 100;
const PLACES = 200;
const SVG = "http://www.w3.org/2000/svg";

/** As quick as most want to read, as slow as a long list wants to be drawn. */
const byWeight = (a, b) => b.mentions.length - a.mentions.length || a.number - b.number;

export class List {
  constructor({ list, more, once, none }) {
    Object.assign(this, { list, more, once, none, all: false, sought: "", singletons: true });
    this.entries = new Map();
    more.addEventListener("click", () => { this.all = true; this.draw(this.entities, this.length, this.done); });
    list.addEventListener("keydown", (event) => this.walk(event));
  }

  /** Draw the entities of a text of this length; `done` says that there are no more to come. */
  draw(entities, length, done) {
    Object.assign(this, { entities, length, done });
    const sought = this.sought.toLowerCase();
    const found = [...entities.values()].filter((entity) => !sought || matches(entity, sought)).sort(byWeight);
    const many = found.filter((entity) => entity.mentions.length > 1);
    const single = this.singletons ? found.filter((entity) => entity.mentions.length === 1) : [];
    const shown = this.all ? many : many.slice(0, SHOWN);
    const entries = shown.map((entity) => this.entry(entity));
    if (entries.length !== this.list.children.length || entries.some((entry, n) => entry !== this.list.children[n])) {
      const focused = this.list.contains(document.activeElement) ? document.activeElement : null;
      this.list.replaceChildren(...entries);
      focused?.focus({ preventScroll: true });
    }
    this.more.hidden = shown.length === many.length;
    this.more.textContent = `${(many.length - shown.length).toLocaleString("en")} more`;
    this.once.hidden = !single.length;
    this.once.firstElementChild.textContent = `${single.length.toLocaleString("en")} mentioned once`;
    this.once.lastElementChild.replaceChildren(...single.slice(0, this.all ? undefined : 5 * SHOWN).map(alone));
    this.none.hidden = !done || many.length + single.length > 0;
    this.none.textContent = entities.size ? "Nothing of that name." : "No mention was found.";
  }

  forget() {
    this.entries.clear();
    this.all = false;
  }

  /** The entry of an entity, the same element as long as it lives. */
  entry(entity) {
    let entry = this.entries.get(entity.number);
    if (!entry) {
      entry = document.createElement("li");
      entry.innerHTML = `<button type="button"><b></b> <span dir="auto"></span> <i></i><svg viewBox="0 0 ${PLACES} 4" preserveAspectRatio="none" aria-hidden="true"><path/></svg></button>`;
      this.entries.set(entity.number, entry);
    }
    const size = entity.mentions.length;
    if (entry.size === size && entry.name === entity.name && entry.entity === entity) return entry;
    Object.assign(entry, { size, name: entity.name, entity });
    const button = entry.firstElementChild;
    button.className = look(entity.rank) + (button.classList.contains("lit") ? " lit" : "");
    button.dataset.k = entity.number;
    button.entity = entity;
    button.querySelector("b").textContent = entity.rank + 1;
    button.querySelector("span").textContent = entity.name;
    const count = button.querySelector("i");
    count.textContent = size.toLocaleString("en");
    count.setAttribute("aria-label", `${size} mentions`);
    const places = new Set(entity.mentions.map((mention) => Math.floor((PLACES * mention.start) / this.length)));
    button.querySelector("path").setAttribute("d", [...places].map((place) => `M${place}.5 0v4`).join(""));
    return entry;
  }

  walk(event) {
    const by = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    if (!by) return;
    event.preventDefault();
    event.target.closest("li")?.[by]?.firstElementChild.focus();
  }
}

/** The mention of an entity nearest to where its strip was pressed, or its first. */
export function pressed(event, entity, length) {
  const strip = event.target.closest("svg");
  if (!strip) return entity.mentions[0];
  const { left, width } = strip.getBoundingClientRect();
  const place = ((event.clientX - left) / width) * length;
  return entity.mentions.reduce((a, b) => (Math.abs(b.start - place) < Math.abs(a.start - place) ? b : a));
}

function matches(entity, sought) {
  return entity.name.toLowerCase().includes(sought) || entity.mentions.some((m) => m.text.toLowerCase().includes(sought));
}

function alone(entity) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "one", textContent: entity.name, entity });
  button.dataset.k = entity.number;
  item.append(button);
  return item;
}
