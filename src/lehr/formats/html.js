"use strict";
{
  const bar = document.getElementById("bar");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let lit = [];      // what is lit: the pieces of an entity's mentions and its entry in the list
  let held = null;   // the mention that holds the light, by focus or by tap, or null

  const homeOf = (element) => element.closest("article");
  const alike = (element) => [...homeOf(element).querySelectorAll(`[data-k="${CSS.escape(element.dataset.k)}"]`)];
  const mentionsLike = (element) => alike(element).filter((other) => other.matches(".m[role]"));

  function dim() {
    for (const element of lit) element.classList.remove("lit");
    if (lit.length) homeOf(lit[0]).classList.remove("on");
    lit = [];
  }

  function light(element) {
    if (lit.includes(element)) return;
    dim();
    lit = alike(element);
    for (const other of lit) other.classList.add("lit");
    homeOf(element).classList.add("on");
  }

  function release() {
    dim();
    held = null;
    bar.hidden = true;
  }

  function hold(mention) {
    light(mention);
    held = mention;
    bar.firstChild.textContent = mention.getAttribute("aria-description");
    bar.hidden = false;
    const entry = lit.find((element) => element.matches("ol button"));
    const list = entry?.closest("ol");
    if (list) list.scrollLeft = entry.offsetLeft - (list.clientWidth - entry.offsetWidth) / 2;
  }

  function go(mention) {
    mention.focus({ preventScroll: true });
    const near = Math.abs(mention.getBoundingClientRect().top) < 2 * innerHeight;
    mention.scrollIntoView({ block: "center", behavior: near && !still.matches ? "smooth" : "instant" });
    // On the way far off, paragraphs are laid out for the first time and move it.
    if (!near) requestAnimationFrame(() => mention.scrollIntoView({ block: "center", behavior: "instant" }));
  }

  function step(mention, by) {
    const all = mentionsLike(mention);
    go(all[(all.indexOf(mention) + by + all.length) % all.length]);
  }

  function button(label, sign, press) {
    const element = document.createElement("button");
    element.type = "button";
    element.textContent = sign;
    element.setAttribute("aria-label", label);
    element.addEventListener("click", press);
    return element;
  }
  bar.append(
    document.createElement("span"),
    button("Mention before", "‹", () => step(held, -1)),
    button("Mention after", "›", () => step(held, 1)),
    button("Let go", "×", () => { document.activeElement.blur(); release(); }),
  );

  document.addEventListener("pointerover", (event) => {
    if (held || event.pointerType === "touch") return;
    const over = event.target.closest("[data-k]");
    over ? light(over) : dim();
  });

  document.addEventListener("focusin", (event) => {
    const mention = event.target.closest(".m[role]");
    if (mention) hold(mention);
    else if (event.target.closest("aside [data-k]")) { release(); light(event.target); }
  });

  document.addEventListener("click", (event) => {
    const on = event.target.closest("[data-k]");
    if (on?.matches("button")) go(mentionsLike(on)[0]);
    else if (on) hold(on.matches("[role]") ? on : mentionsLike(on)[0]);
    else if (!event.target.closest("#bar")) release();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { document.activeElement.blur(); release(); return; }
    const mention = event.target.closest?.(".m[role]");
    if (!mention || event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { ArrowRight: 1, ArrowLeft: -1, Enter: event.shiftKey ? -1 : 1 }[event.key];
    const all = { Home: 0, End: -1 }[event.key];
    if (by !== undefined) step(mention, by);
    else if (all !== undefined) go(mentionsLike(mention).at(all));
    else return;
    event.preventDefault();
  });
}
