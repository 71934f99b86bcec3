// The mention that is held: its entity is lit, and its row of the span position matrix.

import { row } from "./service.js";

const AROUND = 0.4;    // of a text that is decided in parts, the share of a row's words before and after its mention
const LEAST = 0.1;     // probability from which a mention of another entity is lit
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Light {
  constructor({ article, bar, about, legend, list, body, told }) {
    Object.assign(this, { article, bar, about, legend, list, body, told, held: null, lit: [], cells: [] });
  }

  /** Show which mentions are of an entity. */
  light(entity) {
    if (this.entity === entity) return;
    this.dim();
    this.entity = entity;
    this.article.classList.add("on");
    for (const mention of entity.mentions) this.mark(mention.pieces);
    this.mark([...this.list.querySelectorAll("button")].filter((button) => button.entity === entity));
  }

  mark(elements) {
    for (const element of elements) { element.classList.add("lit"); this.lit.push(element); }
  }

  dim() {
    for (const element of this.lit) element.classList.remove("lit");
    this.entity = null;
    this.lit = [];
    this.unlit();
    this.article.classList.remove("on");
  }

  unlit() {
    this.request?.abort();
    for (const piece of this.cells) {
      piece.classList.remove("cell", "query");
      piece.style.removeProperty("--p");
      piece.style.removeProperty("--held");
      delete piece.dataset.p;
    }
    this.cells = [];
    this.article.classList.remove("row");
  }

  release() {
    this.dim();
    this.held = null;
    this.bar.hidden = true;
  }

  /** Hold a mention, and ask for its row. */
  hold(mention, { quiet = false } = {}) {
    if (this.held === mention) return;
    this.light(mention.entity);
    this.unlit();
    this.held = mention;
    this.tell();
    this.bar.hidden = false;
    const entry = quiet ? null : this.list.querySelector("button.lit");   // a list that is being scrolled stays
    if (entry && this.list.scrollWidth > this.list.clientWidth) {
      this.list.scrollLeft = entry.offsetLeft - (this.list.clientWidth - entry.offsetWidth) / 2;
    } else if (entry) {
      this.list.scrollTop = entry.offsetTop - this.list.offsetTop - (this.list.clientHeight - entry.offsetHeight) / 2;
    }
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.ask(mention), 120);
  }

  tell() {
    const { entity, text } = this.held;
    const place = entity.mentions.indexOf(this.held) + 1;
    const of = entity.mentions.length > 1 ? `, ${place.toLocaleString("en")} of ${entity.mentions.length.toLocaleString("en")}` : "";
    const short = text.length > 40 ? `${text.slice(0, 39)}…` : text;
    this.about.textContent = `“${short.replace(/\s+/g, " ")}” is ${entity.name}${of}`;
    this.legend.hidden = true;
  }

  async ask(mention) {
    const body = this.body();
    if (!body || this.held !== mention) return;
    const { text, offsets, most, options, mentions } = body;
    const around = most < 1 ? AROUND * most * text.length : text.length;
    const start = edge(text, Math.max(0, Math.round(mention.start - around)), -1);
    const end = edge(text, Math.min(text.length, Math.round(mention.end + around)), 1);
    const base = offsets.toCharacter(start);
    const pair = [mention.start, mention.end].map((unit) => offsets.toCharacter(unit) - base);
    this.request = new AbortController();
    try {
      const answer = await row({ text: text.slice(start, end), mention: pair, ...options }, this.request.signal);
      if (this.held !== mention) return;
      for (const cell of [...answer.row, answer.mention]) {
        const other = mentions.get(`${offsets.toUnit(cell.start + base)}:${offsets.toUnit(cell.end + base)}`);
        const shown = other && (other.entity === mention.entity || cell.probability >= LEAST);
        if (shown) this.show(other, cell.probability, other === mention);
      }
      this.legend.hidden = false;
      this.article.classList.add("row");
    } catch (error) {
      if (error.name !== "AbortError") this.told(error);
    }
  }

  show(mention, probability, query) {
    const held = `var(--c${(this.held.entity.rank ?? 0) % 5})`;
    for (const piece of mention.pieces) {
      piece.classList.add("cell");
      piece.classList.toggle("query", query);
      piece.style.setProperty("--p", probability);
      piece.style.setProperty("--held", held);
      piece.dataset.p = query ? "" : Math.round(100 * probability);
      this.cells.push(piece);
    }
  }

  /** Bring a mention to the middle of the window and hold it. */
  go(mention) {
    const piece = mention.pieces[0];
    if (!piece) return;
    piece.focus({ preventScroll: true });
    this.hold(mention);
    const near = Math.abs(piece.getBoundingClientRect().top) < 2 * innerHeight;
    piece.scrollIntoView({ block: "center", behavior: near && !still.matches ? "smooth" : "instant" });
    // On the way far off, paragraphs are laid out for the first time and move it.
    if (!near) requestAnimationFrame(() => piece.scrollIntoView({ block: "center", behavior: "instant" }));
  }

  step(by) {
    if (!this.held) return;
    const all = this.held.entity.mentions;
    this.go(all[(all.indexOf(this.held) + by + all.length) % all.length]);
  }
}

/** The white space nearest to a place, on the way out. */
function edge(text, at, by) {
  while (at > 0 && at < text.length && !/\s/.test(text[at])) at += by;
  return at;
}
