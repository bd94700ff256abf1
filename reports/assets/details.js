// The run page of many systems: tables of metrics and work lists, drawn when a reader opens one.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const text = (place) => data.texts[place];
  const make = (name, attributes, ...inside) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...inside);
    return node;
  };
  const SVG = "http://www.w3.org/2000/svg";
  const shape = (name, attributes) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const clip = (said) => make("bdi", { class: "clip" }, said);
  const hidden = (said) => make("span", { class: "sr" }, said);
  const row = (attributes, ...cells) => make("tr", { role: "row", ...attributes }, ...cells);
  const cell = (attributes, ...inside) => make("td", { role: "cell", ...attributes }, ...inside);
  const rowHead = (attributes, ...inside) => make("th", { role: "rowheader", scope: "row", ...attributes }, ...inside);
  const heads = (...titles) => make("thead", { role: "rowgroup" },
    row({}, ...titles.map((title) => make("th", { role: "columnheader", scope: "col" }, title))));

  // --- all metrics of one system -----------------------------------------------------------------

  const all = data.everything;
  const about = (said) => make("i", {}, make("span", { "aria-hidden": "true" }, "≈\u202f"), hidden("modelled, about "), make("bdi", {}, said));
  const metricRow = (line) => {
    const [title, key] = all.metrics[all.metric[line]];
    const [kind, said] = [all.kind[line], text(all.text[line])];
    const only = all.only[line] === undefined ? [] : [make("span", { class: "tag" }, text(all.only[line])), " "];
    return row(kind === "?" ? { class: "absent" } : {}, rowHead({}, `${title} `, make("code", {}, key)),
      cell({}, kind === "~" ? about(said) : make("bdi", {}, said)), cell({}, ...only, clip(text(all.how[line]))));
  };
  const metrics = (place) => {
    const facts = all.facts[place].map(([name, value]) =>
      make("div", {}, make("dt", {}, text(name)), make("dd", {}, clip(text(value)))));
    const [first, end] = [all.starts[place], all.starts[place + 1]];
    const box = [make("dl", { class: "facts" }, ...facts)];
    if (first === end) return [...box, make("p", { class: "soft" }, "No metric: nothing of this system was measured.")];
    const table = make("table", { class: "metrics", role: "table", "aria-label": "All metrics of a system" },
      heads("metric", "value", "how, or why not"));
    let team = null;
    for (let line = first; line < end; line += 1) {
      const own = all.metrics[all.metric[line]][2];
      if (own !== team) {
        table.append(make("tbody", { role: "rowgroup" },
          row({ class: "workload" }, make("th", { role: "rowheader", scope: "rowgroup", colspan: 3 }, own))));
        team = own;
      }
      table.tBodies[table.tBodies.length - 1].append(metricRow(line));
    }
    return [...box, table];
  };

  // --- the layers of one system ------------------------------------------------------------------

  const number = (column, place) => {
    const said = text(column.text[place]);
    const cut = said.lastIndexOf(" ");
    const [figure, unit] = [said.slice(0, cut), said.slice(cut + 1)];
    const node = make("span", { class: "n", "data-note": column.note }, figure);
    if (unit) node.append("\u00a0", make("bdi", { class: "u" }, unit));
    return node;
  };
  const bar = (list, place) => {
    const label = `${text(list.measured.text[place])}, the roofline needs ${text(list.roofline.text[place])}`;
    const svg = shape("svg", { class: "bar", role: "img", "aria-label": label });
    const title = shape("title", {});
    title.textContent = label;
    const part = (of, kind) => shape("rect", { class: kind, width: `${(100 * Math.min(of, 1)).toFixed(2)}%`, y: "20%", height: "60%" });
    svg.append(title, part(list.time[place], "owner-software shade-2"), part(list.needed[place], "owner-software"));
    return svg;
  };
  const layers = (id) => {
    const list = data.lists[id];
    const name = text(list.name).slice(0, 120);
    const rows = list.layer.map((layer, i) => {
      const head = rowHead({}, clip(text(layer)));
      if (text(list.kind[i])) head.append(" ", make("small", {}, text(list.kind[i])));
      const figure = (key) => make("div", {}, number(list[key], i));
      const gain = make("div", {}, make("b", {}, number(list.recoverable, i)));
      return row({}, head, cell({ "data-label": "time", class: "bar-box" }, bar(list, i)),
        cell({ "data-label": "measured" }, figure("measured")), cell({ "data-label": "roofline" }, figure("roofline")),
        cell({ "data-label": "of roofline" }, figure("fraction")), cell({ "data-label": "recoverable", class: "gain" }, gain),
        cell({ "data-label": "bound by" }, make("div", {}, text(list.bound[i]) || "–")));
    });
    const table = make("table", { class: "systems layers", role: "table", id, "aria-label": `Layers, ${name}` },
      heads("layer", hidden("its time as a bar"), "measured", "roofline", "of roofline", "recoverable", "bound by"),
      make("tbody", { role: "rowgroup" }, ...rows));
    const more = list.rest ? ` ${list.rest} more layer${list.rest === 1 ? "" : "s"} with less to give.` : "";
    return [make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Layers of ${name}` }, table),
      make("p", { class: "legend" }, `A bar is the measured time; in full colour what the roofline needs of it.${more} `,
        make("br", {}), "How: ", make("bdi", {}, text(list.how)), ".")];
  };

  // --- when one is opened ------------------------------------------------------------------------

  const places = new Map(all.systems.map((id, place) => [id, place]));
  const draw = (fold) => {
    const { system, list } = fold.dataset;
    if (system !== undefined) fold.lastElementChild.replaceChildren(...metrics(places.get(system)));
    if (list !== undefined) fold.append(...layers(list));
    delete fold.dataset.system;
    delete fold.dataset.list;
    fold.dispatchEvent(new Event("drawn", { bubbles: true }));
  };
  document.addEventListener("toggle", (event) => {
    if (event.target.open && event.target.matches("[data-system], [data-list]")) draw(event.target);
  }, true);
  // a link has opened one before this script ran
  document.querySelectorAll("[data-system][open], [data-list][open]").forEach(draw);
})();
