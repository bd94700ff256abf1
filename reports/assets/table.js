// Tables of a page: sorted, filtered and searched, drawn in windows; the state is in the address.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const WINDOW = 50;
  const make = (name, attributes = {}, ...inside) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...inside);
    return node;
  };
  const unpacked = (texts) => texts.all || texts.at.map((place) => texts.of[place]);
  const folded = (text) => text.toLocaleLowerCase();

  const grids = new Map();
  for (const [id, grid] of Object.entries(data.grids || {})) {
    for (const column of grid.columns) {
      column.text = unpacked(column.text);
      column.sub = column.sub && unpacked(column.sub);
      column.tone = column.tone && unpacked(column.tone);
      column.soft = new Set(column.soft || []);
      column.doubt = column.doubt && unpacked(column.doubt);
    }
    grid.tags = Object.fromEntries(Object.entries(grid.tags || {}).map(([key, texts]) => [key, unpacked(texts)]));
    const count = grid.columns[0].text.length;
    grid.all = Array.from({ length: count }, (_, i) => i);
    grid.words = grid.all.map((i) => folded(grid.columns.filter((c) => !c.numeric)
      .map((c) => `${c.text[i]} ${c.sub ? c.sub[i] : ""}`).join(" ")));
    Object.assign(grid, { id, shown: grid.all, start: 0, by: null, falling: false,
      table: document.querySelector(`[data-grid="${CSS.escape(id)}"]`),
      pager: document.querySelector(`[data-pager="${CSS.escape(id)}"]`) });
    grids.set(id, grid);
  }

  // --- filters -------------------------------------------------------------------------------

  const search = document.getElementById("search");
  const filters = [...document.querySelectorAll("select[data-filter]")];
  const status = document.getElementById("found");

  const choose = (grid) => {
    const words = folded(search ? search.value : "").split(/\s+/).filter(Boolean);
    const wanted = filters.filter((f) => f.value).map((f) => [
      [...grid.columns.filter((c) => c.filter === f.dataset.filter).map((c) => c.text),
        ...(grid.tags[f.dataset.filter] ? [grid.tags[f.dataset.filter]] : [])], f.value]);
    grid.shown = grid.all.filter((i) => words.every((word) => grid.words[i].includes(word)) &&
      wanted.every(([texts, value]) => texts.some((text) => text[i] === value)));
    grid.start = 0;
    order(grid);
  };
  const order = (grid) => {
    if (grid.by === null) return;
    const column = grid.columns[grid.by];
    const keys = column.sort || column.text;
    const sign = grid.falling ? -1 : 1;
    // what is modelled stands apart below what was measured, what is missing below both
    const kind = (i) => (keys[i] === null ? 2 : column.soft.has(i) ? 1 : 0);
    const rank = (a, b) => {
      const [x, y] = [keys[a], keys[b]];
      if (kind(a) !== kind(b) || x === null) return kind(a) - kind(b) || a - b;
      const less = typeof x === "string" ? x.localeCompare(y) : x - y;
      return sign * less || a - b;
    };
    grid.shown = [...grid.shown].sort(rank);
  };

  // --- drawing -------------------------------------------------------------------------------

  // an endless text scrolls in a box of its own, which the keyboard must reach
  const ENDLESS = 90;
  const clip = (text) => make("bdi", { class: "clip", ...(text.length > ENDLESS ? { tabindex: 0 } : {}) }, text);
  const doubt = (said) => make("span", { class: "dagger", title: said },
    make("span", { "aria-hidden": "true" }, "\u2020"), make("span", { class: "sr" }, " doubted: ", make("bdi", {}, said)));
  const cell = (grid, column, i, first) => {
    const inside = [];
    let text = clip(column.text[i]);
    if (column.tone && column.tone[i]) text.classList.add(column.tone[i]);
    if (column.note && column.note[i] !== null) {
      text.classList.add("n");
      text.dataset.note = column.note[i];
    }
    if (column.soft.has(i)) text = make("i", {}, text);
    const link = first && grid.links && grid.links[i];
    inside.push(link ? make("a", { href: link }, text) : text);
    if (column.doubt && column.doubt[i]) inside.push(doubt(column.doubt[i]));
    if (column.sub && column.sub[i]) inside.push(make("small", {}, clip(column.sub[i])));
    if (first) return make("th", { role: "rowheader", scope: "row" }, ...inside);
    const attributes = { role: "cell", "data-label": column.title };
    if (!column.numeric) attributes.class = column.wide ? "words wide" : "words";
    return make("td", attributes, make("div", {}, ...inside));
  };
  const draw = (grid, { whole = false } = {}) => {
    const end = whole ? grid.shown.length : Math.min(grid.start + WINDOW, grid.shown.length);
    const rows = grid.shown.slice(whole ? 0 : grid.start, end).map((i, n) =>
      make("tr", { role: "row", "aria-rowindex": grid.start + n + 2 },
        ...grid.columns.map((column, place) => cell(grid, column, i, place === 0))));
    grid.table.tBodies[0].replaceChildren(...rows);
    grid.table.setAttribute("aria-rowcount", grid.shown.length + 1);
    [...grid.table.tHead.rows[0].cells].forEach((head, place) => {
      if (grid.by === place) head.setAttribute("aria-sort", grid.falling ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    const some = grid.shown.length > WINDOW;
    const said = !grid.shown.length ? "No row fits."
      : some ? `Rows ${grid.start + 1} to ${end} of ${grid.shown.length}`
        : grid.shown.length < grid.all.length ? `${grid.shown.length} of ${grid.all.length} rows` : "";
    grid.pager.querySelector("span").textContent = said;
    for (const button of grid.pager.querySelectorAll("button")) {
      button.hidden = !some;
      button.disabled = button.dataset.step < 0 ? grid.start === 0 : end === grid.shown.length;
    }
    grid.table.parentElement.dispatchEvent(new Event("drawn", { bubbles: true }));
    const section = grid.table.closest("[data-empties]");
    if (section) section.hidden = !grid.shown.length && grid.all.length > 0;
  };

  for (const grid of grids.values()) {
    [...grid.table.tHead.rows[0].cells].forEach((head, place) => {
      const button = make("button", { type: "button", class: "sort" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        if (grid.by === place) grid.falling = !grid.falling;
        else [grid.by, grid.falling] = [place, grid.columns[place].falling];
        grid.start = 0;
        order(grid);
        draw(grid);
        remember();
      });
    });
    const step = (text, by) => {
      const button = make("button", { type: "button", "data-step": by }, text);
      button.addEventListener("click", () => {
        grid.start = Math.max(0, grid.start + by * WINDOW);
        draw(grid);
        grid.table.scrollIntoView({ block: "start" });
      });
      return button;
    };
    grid.pager.replaceChildren(step("‹ Before", -1), make("span", { role: "status" }), step("Next ›", 1));
  }

  // --- a permanent link for every state ------------------------------------------------------

  const OTHERS = ["from", "to", "metric", "baseline", "row", "front", "network"]; // what else is picked on a page
  const unknown = document.getElementById("unknown");
  const tell = (messages) => {
    if (!unknown) return;
    unknown.textContent = messages.join("; ");
    unknown.hidden = !messages.length;
  };
  const remember = () => {
    const before = new URLSearchParams(location.hash.startsWith("#?") ? location.hash.slice(2) : "");
    const kept = OTHERS.filter((key) => before.has(key));
    const state = new URLSearchParams(kept.map((key) => [key, before.get(key)]));
    if (search && search.value) state.set("q", search.value);
    for (const filter of filters) if (filter.value) state.set(filter.dataset.filter, filter.value);
    for (const grid of grids.values())
      if (grid.by !== null) state.set(`sort-${grid.id}`, `${grid.falling ? "-" : ""}${grid.columns[grid.by].key}`);
    const text = state.toString();
    history.replaceState(null, "", text ? `#?${text}` : location.pathname + location.search);
  };
  // a filter that leaves no choice has no select, and yet a link may name its one value
  const everywhere = (key, value) => [...grids.values()].some((grid) => grid.columns.some((column) =>
    column.filter === key && column.text.includes(value)) || (grid.tags[key] || []).includes(value));
  const restore = () => {
    if (!location.hash.startsWith("#?")) return false;
    const state = new URLSearchParams(location.hash.slice(2));
    const strange = [];
    if (search) search.value = state.get("q") || "";
    for (const filter of filters) {
      const wanted = state.get(filter.dataset.filter) || "";
      const known = [...filter.options].some((o) => o.value === wanted);
      filter.value = known ? wanted : "";
      if (!known) strange.push(`${filter.dataset.filter}=${wanted} matches nothing`);
    }
    for (const grid of grids.values()) {
      const wanted = state.get(`sort-${grid.id}`) || "";
      const place = grid.columns.findIndex((column) => column.key === wanted.replace(/^-/, ""));
      [grid.by, grid.falling] = place < 0 ? [null, false] : [place, wanted.startsWith("-")];
      if (wanted && place < 0) strange.push(`sort-${grid.id}=${wanted} names no column`);
    }
    const own = new Set(["q", ...OTHERS, ...filters.map((f) => f.dataset.filter),
      ...[...grids.keys()].map((id) => `sort-${id}`)]);
    for (const [key, value] of state)
      if (!own.has(key) && !everywhere(key, value)) strange.push(`${key}=${value} matches nothing`);
    tell(strange);
    return true;
  };
  const update = () => {
    let count = 0;
    for (const grid of grids.values()) {
      choose(grid);
      draw(grid);
      count += grid.shown.length;
    }
    if (status) status.textContent = `${count} rows fit`;
    const shown = [...grids.values()].flatMap((grid) => (grid.links ? grid.shown.map((i) => grid.links[i]) : []));
    const some = Boolean((search && search.value) || filters.some((filter) => filter.value));
    document.dispatchEvent(new CustomEvent("filtered", { detail: { links: new Set(shown), some } }));
  };
  const changed = () => { tell([]); update(); remember(); };
  if (search) search.addEventListener("input", changed);
  for (const filter of filters) filter.addEventListener("change", changed);
  const clear = document.getElementById("clear");
  if (clear) clear.addEventListener("click", () => {
    if (search) search.value = "";
    for (const filter of filters) filter.value = "";
    for (const grid of grids.values()) [grid.by, grid.falling] = [null, false];
    changed();
  });
  addEventListener("hashchange", () => { if (restore()) update(); });
  restore();
  update();
  addEventListener("beforeprint", () => { for (const grid of grids.values()) draw(grid, { whole: grid.shown.length <= 2000 }); });
  addEventListener("afterprint", () => { for (const grid of grids.values()) draw(grid); });
})();
