// The run page: notes behind the numbers, the split between any two systems, one network's teams.
// Works on what the server drew; without it the page still shows the default pair and every team.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);

  const make = (name, attributes = {}, ...inside) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...inside);
    return node;
  };

  // --- what the reader chose stands in the address: a link to it shows the same ---

  const restored = []; // what is to be done with a state that was opened
  const stateOf = () => new URLSearchParams(location.hash.startsWith("#?") ? location.hash.slice(2) : "");
  const remember = (choices) => {
    const state = stateOf();
    for (const [key, value] of Object.entries(choices)) state.set(key, value);
    history.replaceState(null, "", `#?${state}`);
  };

  // --- the note behind a number ---

  const note = byId("note");
  const told = new WeakMap(); // the notes of numbers that the script itself has drawn
  let held = null; // the number whose note is shown

  const hide = () => {
    if (held) held.removeAttribute("aria-describedby");
    held = null;
    note.hidden = true;
  };
  const show = (number) => {
    if (held === number) return;
    hide();
    const [title, ...lines] = told.get(number)
      || data.notes[Number(number.dataset.note)].map((place) => data.texts[place]);
    number.setAttribute("aria-describedby", "note");
    write(number, title, lines, number.getBoundingClientRect());
  };
  const write = (about, title, lines, at) => {
    note.replaceChildren(make("b", {}, title), lines.join("\n"));
    note.hidden = false;
    held = about;
    const box = note.getBoundingClientRect();
    const left = Math.min(at.left + at.width / 2 - box.width / 2, innerWidth - box.width - 12);
    const above = at.top - box.height - 8;
    note.style.left = `${Math.max(12, left)}px`;
    note.style.top = `${above > 8 ? above : Math.min(at.bottom + 8, innerHeight - box.height - 8)}px`;
    note.scrollTop = 0;
  };

  // a layer on a roofline: what stands in its row of the chart's table
  const NEAR = 9; // pixels
  const clouds = new WeakMap();
  const cloudsOf = (plot) => {
    if (!clouds.has(plot)) {
      clouds.set(plot, [...plot.querySelectorAll(".cloud")].flatMap((cloud) =>
        cloud.getAttribute("d").slice(1).split("M").map((place, i) =>
          [...place.replace("h0", "").split(" ").map(Number), Number(cloud.dataset.row) + i])));
    }
    return clouds.get(plot);
  };
  const layerAt = (event) => {
    const plot = event.target instanceof Element && event.target.closest("svg.plot");
    if (!plot || event.target.closest("a, .dot, .n")) return null; // they tell their own
    const box = plot.getBoundingClientRect();
    let [found, least] = [null, NEAR];
    for (const [x, y, row] of cloudsOf(plot)) {
      const at = { left: box.left + (x * box.width) / 1000, top: box.top + y };
      const far = Math.hypot(at.left - event.clientX, at.top - event.clientY);
      if (far < least) [found, least] = [{ plot, row, at }, far];
    }
    return found;
  };
  const showLayer = ({ plot, row, at }) => {
    const table = plot.closest("figure").querySelector(".numbers table");
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
    const [system, layer, ...figures] = [...table.tBodies[0].rows[row].cells].map((cell) => cell.textContent);
    const lines = figures.map((figure, i) => `${heads[i + 2]}: ${figure}`);
    hide();
    write(plot, layer.slice(0, 200), [system.slice(0, 200), ...lines],
      { left: at.left - 4, width: 8, top: at.top - 4, bottom: at.top + 4 });
  };

  const numberOf = (event) =>
    event.target instanceof Element ? event.target.closest(".n[data-note]") : null;
  let leaving = 0;
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const number = numberOf(event);
    clearTimeout(leaving);
    if (number) show(number);
    else if (layerAt(event)) return;
    else if (held && !note.contains(event.target) && held !== document.activeElement)
      leaving = setTimeout(hide, 180);
  });
  document.addEventListener("pointermove", (event) => {
    const layer = layerAt(event);
    if (layer) showLayer(layer);
    else if (held && held.matches("svg")) hide();
  });
  document.addEventListener("click", (event) => {
    const number = numberOf(event);
    const layer = layerAt(event);
    if (number) show(number);
    else if (layer) showLayer(layer);
    else if (!note.contains(event.target)) hide();
  });
  document.addEventListener("focusin", (event) => {
    const number = numberOf(event);
    if (number) show(number);
    else hide();
  });
  addEventListener("scroll", (event) => {
    if (event.target === document && held !== document.activeElement) hide();
  }, { passive: true, capture: true });

  // one tab stop a table or list; the arrow keys move inside it
  const GROUPS = "table.systems, .team, .verdicts, svg.plot, .numbers table, .ratios, #fall, .plots table.fall";
  const reachable = (root) => {
    for (const group of root.querySelectorAll(GROUPS)) {
      group.querySelectorAll(".n[data-note]").forEach((number, place) => {
        number.tabIndex = place ? -1 : 0;
        number.setAttribute("role", "button");
      });
    }
  };
  reachable(document);
  document.addEventListener("drawn", (event) => reachable(event.target));
  const below = (number, all, step) => {
    const cell = number.closest("td");
    let row = cell && cell.parentElement;
    const rows = row ? [...row.closest("table").rows] : [];
    for (let i = rows.indexOf(row) + step; row && rows[i]; i += step) {
      const same = rows[i].cells[cell.cellIndex];
      const found = same && same.querySelector(".n[data-note]");
      if (found) return found;
    }
    return row ? null : all[all.indexOf(number) + step];
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hide();
    const number = document.activeElement && document.activeElement.closest(".n[tabindex]");
    if (!number || event.altKey || event.ctrlKey || event.metaKey) return;
    const group = number.closest(GROUPS);
    const all = [...group.querySelectorAll(".n[data-note]")];
    const next = {
      ArrowRight: () => all[all.indexOf(number) + 1],
      ArrowLeft: () => all[all.indexOf(number) - 1],
      ArrowDown: () => below(number, all, 1),
      ArrowUp: () => below(number, all, -1),
      Home: () => all[0],
      End: () => all[all.length - 1],
      Enter: () => number,
      " ": () => number,
    }[event.key];
    if (!next) return;
    event.preventDefault();
    const target = next();
    if (!target) return;
    number.tabIndex = -1;
    target.tabIndex = 0;
    target.focus();
    show(target);
  });

  // --- who moved it: the server has taken every number apart; here it is subtracted and drawn ----

  const STILL = { log: Math.log(1.005), linear: 5e-7, plain: 5e-7 };
  const still = (amount, scale) => Math.abs(amount) < STILL[scale];
  const significant = (value, digits) => {
    const decimals = digits - 1 - Math.floor(Math.log10(value));
    const rounded = Math.round(value * 10 ** decimals) / 10 ** decimals;
    return rounded.toFixed(Math.max(0, decimals));
  };
  const said = (amount, scale) => {
    if (scale !== "log") {
      // a correlation moves by no points
      const size = (whole) => scale === "linear" ? significant(100 * whole, 2) : significant(whole, 3);
      return still(amount, scale) ? "±0" : (amount > 0 ? "+" : "\u2212") + size(Math.abs(amount));
    }
    if (still(amount, scale)) return "\u00d71.00";
    const larger = Math.exp(Math.abs(amount));
    const text = larger >= 1e6
      ? larger.toExponential(1) : larger.toFixed(larger >= 1.1 ? 2 : 3);
    return (amount > 0 ? "\u00d7" : "\u00f7") + text;
  };

  const coarser = (factors) => {
    const sums = new Map();
    for (const [key, title, owner, amount, partOf] of factors) {
      const whole = partOf && data.wholes[partOf];
      const name = whole ? partOf : key;
      const before = sums.get(name);
      if (before) before[3] += amount;
      else sums.set(name, [name, whole ? whole.title : title, whole ? whole.owner : owner, amount, null]);
    }
    return [...sums.values()];
  };

  const split = (a, b, metric) => {
    const [from, to] = [a.metrics[metric], b.metrics[metric]];
    if (from.missing !== undefined) return { missing: `from: ${from.missing}` };
    if (to.missing !== undefined) return { missing: `to: ${to.missing}` };
    const grounds = data.grounds[to.grounds];
    for (const [i, [ground, here]] of data.grounds[from.grounds].entries()) {
      const there = grounds[i][1];
      if (here !== there) return { missing: `not the same ${ground}: ${here} against ${there}` };
    }
    let [mine, theirs] = [from, to].map(({ factors, amounts }) =>
      data.factors[factors].map(([key, title, owner, partOf], i) => [key, title, owner, amounts[i], partOf]));
    if (mine.map((f) => f[0]).join() !== theirs.map((f) => f[0]).join())
      [mine, theirs] = [coarser(mine), coarser(theirs)];
    const scale = from.scale;
    const amount = scale === "log" ? Math.log(to.number / from.number) : to.number - from.number;
    const shares = mine.map(([key, title, owner, part], i) => ({ key, title, owner, amount: theirs[i][3] - part }));
    const rest = shares.reduce((sum, share) => sum + share.amount, -amount);
    if (Math.abs(rest) > 2e-9)
      return { missing: `the shares leave ${rest.toPrecision(2)} of the change unexplained` };
    return { scale, amount, shares };
  };

  // the sentence, and who owns all shares where that is no team
  const cause = (a, b) => {
    if (!a.fingerprint || !b.fingerprint) return { text: data.causes.unknown };
    const differing = data.fingerprints.filter((_, i) => a.fingerprint[i] !== b.fingerprint[i]);
    const groups = new Set(differing.map(([, group]) => group));
    if (!groups.size) return { text: data.causes.same, owner: data.causes.nobody };
    const names = differing.map(([name]) => name);
    const what = names.length < 2
      ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
    const [first] = groups;
    const text = groups.size > 1 ? data.causes.several : data.causes.one[first];
    const teamless = groups.size === 1 && data.teamless.includes(first);
    return { text: text.replace("{what}", what), owner: teamless ? first : undefined };
  };

  // how a number of the split came about: both systems' figures with their hows
  const noted = (node, title, ...lines) => {
    node.classList.add("n");
    node.dataset.note = "";
    told.set(node, [title, ...lines]);
    return node;
  };
  const hows = data.hows || data.texts;
  const figure = (system, key) => {
    if (key === "share_of_envelope") return `${system.label}: mean power over power envelope`;
    const [text, how] = system.figures[key];
    return `${system.label}: ${text} (${hows[how]})`;
  };
  const ENDS = {
    log: "The second over the first; the shares multiply to it.",
    linear: "The second less the first, in points; the shares add up to it.",
    plain: "The second less the first; the shares add up to it.",
  };
  const PART = {
    log: "What their ratio does to the whole; the shares multiply to it.",
    linear: "The second less the first, in points; the shares add up to the whole.",
    plain: "The second less the first; the shares add up to the whole.",
  };

  const sentence = (found, a, b, metric) => {
    const { title } = b.metrics[metric];
    const line = make("p", { class: "say" });
    if (found.missing !== undefined) {
      line.append(make("span", { class: "refused" }, "No split: ", make("bdi", { class: "clip" }, found.missing)));
      return line;
    }
    const parts = new Map();
    for (const { owner, title: factor, amount } of found.shares) {
      const name = data.teamless.includes(owner) ? factor : data.owners[owner];
      parts.set(name, [owner, (parts.get(name) || [owner, 0])[1] + amount]);
    }
    const moved = [...parts].filter(([, [, amount]]) => !still(amount, found.scale))
      .sort(([, x], [, y]) => Math.abs(y[1]) - Math.abs(x[1]));
    const unit = found.scale === "linear" ? " points" : "";
    const change = make("bdi", {}, still(found.amount, found.scale)
      ? `${title} did not move`
      : `${title} ${found.amount > 0 ? "rose" : "fell"}: ${said(found.amount, found.scale)}${unit}`);
    line.append(noted(change, change.textContent, figure(a, metric), figure(b, metric), ENDS[found.scale]));
    moved.forEach(([name, [owner, amount]], i) => {
      const part = make("b", { class: `of-${owner}` }, `${name} ${said(amount, found.scale)}`);
      const own = found.shares.filter((share) => share.owner === owner);
      line.append(i ? ", " : " = ", noted(part, part.textContent, "The shares below that it is made of:",
        ...own.filter((share) => name === data.owners[owner] || name === share.title)
          .map((share) => `${share.title} ${said(share.amount, found.scale)}`)));
    });
    if (moved.length && moved.length < parts.size) line.append("; everything else stayed");
    line.append(".");
    return line;
  };

  const SVG = "http://www.w3.org/2000/svg";
  const shape = (name, attributes) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const lane = (start, end, zero, owner, label) => {
    const percent = (x) => `${x.toFixed(2)}%`;
    const svg = shape("svg", { class: "lane", role: "img", "aria-label": label });
    const title = shape("title", {});
    title.textContent = label;
    const width = Math.max(Math.abs(end - start), 0.6);
    const left = width > 0.6 ? Math.min(start, end) : (start + end - width) / 2;
    const line = (name, x, y1, y2) => shape("line", { class: name, x1: percent(x), x2: percent(x), y1, y2 });
    svg.append(title, line("zero", zero, "0", "100%"), line("join", start, "0", "50%"),
      line("join", end, "50%", "100%"),
      shape("rect", { class: `owner-${owner}`, x: percent(left), width: percent(width), y: "22%", height: "56%", rx: 2 }));
    return svg;
  };

  const rows = (found, a, b, metric) => {
    const name = (text) => make("bdi", { class: "clip" }, text);
    const end = (system) => {
      const { title, value } = system.metrics[metric];
      const known = system.figures[metric];
      const number = make("bdi", {}, value);
      return make("tr", { class: "end" }, make("th", { scope: "row", colspan: 2 }, name(system.label)),
        make("td", {}, known ? noted(number, `${title} of ${system.label}`, hows[known[1]]) : number));
    };
    if (found.missing !== undefined) return [end(a), end(b)];
    const ends = [0];
    for (const share of found.shares) ends.push(ends[ends.length - 1] + share.amount);
    const low = Math.min(...ends);
    const span = Math.max(...ends) - low || 1;
    const place = (amount) => 4 + (92 * (amount - low)) / span;
    const steps = found.shares.map(({ key, title, owner, amount }, i) => {
      const ratio = said(amount, found.scale);
      return make("tr", still(amount, found.scale) ? { class: "still" } : {},
        make("th", { scope: "row" }, make("i", { class: `of-${owner}` }), `${title} `,
          make("small", {}, data.owners[owner])),
        make("td", { class: "lane-box" },
          lane(place(ends[i]), place(ends[i + 1]), place(0), owner, `${title}: ${ratio}`)),
        make("td", {}, noted(make("bdi", {}, ratio), `${title}: ${ratio}`,
          figure(a, key), figure(b, key), PART[found.scale])));
    });
    const ratio = said(found.amount, found.scale);
    const whole = make("tr", { class: "whole" }, make("th", { scope: "row" }, "the whole"),
      make("td", { class: "lane-box" },
        lane(place(0), place(ends[ends.length - 1]), place(0), "total", `the whole: ${ratio}`)),
      make("td", {}, noted(make("bdi", {}, ratio), `the whole: ${ratio}`,
        figure(a, metric), figure(b, metric), ENDS[found.scale])));
    return [end(a), ...steps, whole, end(b)];
  };

  const fall = byId("fall");
  if (fall) {
    const draw = () => {
      const [a, b] = [data.systems[byId("from").value], data.systems[byId("to").value]];
      const metric = document.querySelector("input[name=metric]:checked").value;
      const found = split(a, b, metric);
      const why = cause(a, b);
      hide();
      if (why.owner && found.shares) for (const share of found.shares) share.owner = why.owner;
      fall.querySelector(".say").replaceWith(sentence(found, a, b, metric));
      fall.querySelector(".cause").replaceChildren(make("b", {}, "Cause"), ` ${why.text}`);
      fall.querySelector("tbody").replaceChildren(...rows(found, a, b, metric));
      reachable(fall.parentElement);
    };
    const metrics = [...document.querySelectorAll("input[name=metric]")];
    const chosen = () => {
      draw();
      remember({ from: byId("from").value, to: byId("to").value,
        metric: metrics.find((metric) => metric.checked).value });
    };
    for (const part of [byId("from"), byId("to"), ...metrics]) part.addEventListener("change", chosen);
    byId("swap").addEventListener("click", () => {
      [byId("from").value, byId("to").value] = [byId("to").value, byId("from").value];
      chosen();
    });
    restored.push((state) => {
      for (const id of ["from", "to"]) if (data.systems[state.get(id)]) byId(id).value = state.get(id);
      for (const metric of metrics) if (metric.value === state.get("metric")) metric.checked = true;
      draw();
    });
    draw(); // a browser keeps the choices of a page that is loaded again
  }

  // --- one network's teams at a time ---

  const network = byId("network");
  if (network) {
    const choose = () => {
      for (const part of document.querySelectorAll(".network")) part.hidden = part.id !== network.value;
    };
    network.addEventListener("change", () => {
      choose();
      remember({ network: network.value });
    });
    restored.push((state) => {
      if (state.has("network") && byId(state.get("network"))) network.value = state.get("network");
      choose();
    });
    choose();
  }

  // --- a link to a system opens its metrics ---

  const open = () => {
    if (location.hash.startsWith("#?")) {
      for (const restore of restored) restore(stateOf());
      return;
    }
    const target = byId(decodeURIComponent(location.hash.slice(1)));
    const details = target && target.closest("details");
    if (details && !details.open) {
      details.open = true;
      details.scrollIntoView();
    }
  };
  addEventListener("hashchange", open);
  open();
})();
