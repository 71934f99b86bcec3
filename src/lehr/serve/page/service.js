// What is asked of the service.

async function post(path, body, signal) {
  const response = await fetch(path, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal,
  }).catch(broken);
  if (!response.ok) {
    const error = await response.json().catch(() => ({}));
    throw new Error(error.detail ?? `the service answers ${response.status}`);
  }
  return response;
}

/** What a browser says of a connection that fails differs, and says little. */
function broken(error) {
  throw error.name === "AbortError" ? error : new Error("the service does not answer: is it still running?");
}

/** The lines of /resolve/stream, each as an object, as they come. */
export async function* resolve(body, signal) {
  const reader = (await post("resolve/stream", body, signal)).body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  let last = {};
  for (;;) {
    const { value, done } = await reader.read().catch(broken);
    if (done) break;
    const lines = (held + value).split("\n");
    held = lines.pop();
    for (const line of lines) {
      last = JSON.parse(line);
      if (last.error) throw new Error(last.error);
      yield last;
    }
  }
  if (!last.done) throw new Error("the service broke off before the text was done");
}

/** The row of a mention, and the mention itself as a cell of it. */
export async function row(body, signal) {
  return (await post("mentions", body, signal)).json();
}

/** A resolved document in another format, as text; of its mentions is sent what a format can say, as there may be many. */
export async function convert(document, format) {
  const clusters = document.clusters.map(({ mentions, ...told }) => (
    { ...told, mentions: mentions.map(({ start, end, link }) => ({ start, end, link })) }));
  return (await post("convert", { document: { ...document, clusters }, format })).text();
}

export async function health() {
  return (await fetch("health")).json();
}

/** Offsets of a text: the service counts characters, JavaScript counts UTF-16 units, and they differ at emoji. */
export class Offsets {
  constructor(text) {
    this.units = null;
    if (!/[\ud800-\udfff]/.test(text)) return;
    this.units = [];
    for (let at = 0; at < text.length; at += text.codePointAt(at) > 0xffff ? 2 : 1) this.units.push(at);
    this.units.push(text.length);
  }

  toUnit(character) {
    return this.units ? this.units[character] : character;
  }

  toCharacter(unit) {
    if (!this.units) return unit;
    let low = 0;
    let high = this.units.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.units[middle] < unit) low = middle + 1; else high = middle;
    }
    return low;
  }
}
