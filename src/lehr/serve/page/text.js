// The text in paragraphs, with its mentions as nested elements.

const COLOURS = 5;
const LINES = 4;
const DEEPEST = 8;
const LONGEST = 20000;   // characters of a paragraph, which is drawn anew when mentions of it come

/** The classes that draw the entity that was the nth to be mentioned twice; as in the HTML format. */
export const look = (n) => (n === null ? "one" : `c${n % COLOURS} s${n % LINES}`);

export class Text {
  constructor(element, text) {
    this.element = element;
    this.text = text;
    const width = wrapping(text);
    this.paragraphs = [...paragraphs(text)].map(([start, end]) => {
      const p = document.createElement("p");
      p.textContent = text.slice(start, end);
      p.className = isWrapped(p.textContent, width) ? "ahead wrapped" : "ahead";
      return { start, end, p, mentions: [] };
    });
    // What parts the paragraphs stands between them, so that a copied text is the text.
    const ends = [...this.paragraphs.slice(1).map(({ start }) => start), text.length];
    element.replaceChildren(...this.paragraphs.flatMap(({ p, end }, n) => [p, text.slice(end, ends[n])]));
  }

  clear() {
    for (const paragraph of this.paragraphs) {
      if (paragraph.mentions.length) { paragraph.mentions = []; paragraph.stale = true; }
      paragraph.p.classList.add("ahead");
    }
  }

  /** Draw mentions that were found up to `end`, which all text before has been looked at for. */
  add(mentions, end) {
    const changed = new Set(this.paragraphs.filter((paragraph) => paragraph.stale));
    for (const mention of mentions) {
      const paragraph = this.at(mention.start);
      paragraph.mentions.push(mention);
      changed.add(paragraph);
    }
    for (const paragraph of changed) { this.draw(paragraph); paragraph.stale = false; }
    for (const { start, p } of this.paragraphs) {
      if (start >= end) break;
      if (p.classList.contains("ahead")) p.classList.remove("ahead");
    }
  }

  at(offset) {
    let low = 0;
    let high = this.paragraphs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.paragraphs[middle].start <= offset) low = middle; else high = middle - 1;
    }
    return this.paragraphs[low];
  }

  /** Elements cannot cross as mentions can: where one ends inside a later one, that one is drawn in two pieces. */
  draw({ start, end, p, mentions }) {
    mentions.sort((a, b) => a.start - b.start || b.end - a.end);
    const last = (mention) => Math.min(mention.end, end);
    const edges = new Set([end]);
    const opening = new Map();
    for (const mention of mentions) {
      mention.pieces = [];
      mention.lane = 0;
      edges.add(mention.start).add(last(mention));
      if (!opening.has(mention.start)) opening.set(mention.start, []);
      opening.get(mention.start).push(mention);
    }
    const drawn = document.createDocumentFragment();
    const around = [];
    let at = start;
    let inside = drawn;
    const begin = (mention) => {
      const piece = document.createElement("span");
      mention.pieces.push(piece);
      piece.mention = mention;
      inside.append(piece);
      inside = piece;
      around.push(mention);
    };
    for (const edge of [...edges].sort((a, b) => a - b)) {
      inside.append(this.text.slice(at, edge));
      at = edge;
      const first = around.findIndex((mention) => last(mention) <= edge);
      if (first >= 0) {
        const cut = around.splice(first);
        inside = around.at(-1)?.pieces.at(-1) ?? drawn;
        let open = [...around, ...cut];
        for (const ended of cut.filter((mention) => last(mention) <= edge).reverse()) {
          open = open.filter((mention) => mention !== ended);
          for (const mention of open) mention.lane = Math.max(mention.lane, ended.lane + 1);
        }
        for (const mention of cut) if (last(mention) > edge) begin(mention);
      }
      for (const mention of opening.get(edge) ?? []) {
        if (around.length < DEEPEST) begin(mention);
      }
    }
    p.replaceChildren(drawn);
    for (const mention of mentions) dress(mention);
  }
}

/** Give the pieces of a mention the look of its entity. */
export function dress(mention) {
  const { entity, pieces } = mention;
  const single = entity.mentions.length === 1;
  pieces.forEach((piece, n) => {
    const cut = (n ? " in" : "") + (n < pieces.length - 1 ? " out" : "");
    if (!single) piece.dataset.k = entity.rank + 1;
    piece.className = `m ${look(entity.rank)}${mention.lane ? ` l${Math.min(mention.lane, 4)}` : ""}${cut}`;
    if (n) return;
    piece.tabIndex = single ? -1 : 0;
    piece.setAttribute("role", "link");
  });
}

/** The length of line at which a text was wrapped, as Project Gutenberg's are; infinite if it was not. */
function wrapping(text) {
  const lengths = [...text.slice(0, 200000).matchAll(/^.+(?=\n.)/gm)].map(([line]) => line.length).sort((a, b) => a - b);
  const width = lengths[Math.floor(0.9 * lengths.length)];
  return lengths.length > 50 && width < 100 ? width : Infinity;
}

/** Whether the lines of a paragraph end where the next word had no room, as those of verse do not. */
function isWrapped(paragraph, width) {
  const lines = paragraph.split("\n");
  return lines.length > 1 && lines.slice(1).every((line, n) => lines[n].length + 1 + line.trim().search(/\s|$/) > width);
}

/** Half-open ranges of the paragraphs, without the blank lines between them, cut where they are too long. */
function* paragraphs(text) {
  let start = 0;
  for (const match of [...text.matchAll(/(?:[^\S\n]*\n){2,}/g), { index: text.length, 0: "" }]) {
    while (match.index - start > LONGEST) {
      const space = /\s/.exec(text.slice(start + LONGEST, match.index));
      if (!space) break;
      const cut = start + LONGEST + space.index + 1;
      yield [start, cut];
      start = cut;
    }
    if (match.index > start) yield [start, match.index];
    start = match.index + match[0].length;
  }
}
