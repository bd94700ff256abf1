// The history page: the courses of the row that the reader picks, drawn with their changes.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const choice = document.getElementById("line");
  const room = document.getElementById("courses");
  if (!choice || !data.lines.length) return;
  const SVG = "http://www.w3.org/2000/svg";
  const [HEIGHT, TOP, BOTTOM, LEFT, START, RIGHT] = [320, 30, 286, 3, 16, 96];
  const shape = (name, attributes, text) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const make = (name, attributes, ...inside) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...inside);
    return node;
  };
  const unpacked = (text) => {
    const star = text.indexOf("*");
    if (star < 0) { // single precision, the low byte first
      const view = new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
      return Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
    }
    return new Array(Number(text.slice(star + 1))).fill(Number(text.slice(0, star)));
  };
  const moments = (runs) => (runs.length === 3 && runs[2] === -1
    ? Array.from({ length: runs[1] }, (_, i) => runs[0] + i) : runs).map((i) => data.runs[i]);
  const PREFIXES = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"]];
  const digits = (value, count) => {
    if (value === 0) return "0";
    const decimals = Math.max(0, count - 1 - Math.floor(Math.log10(Math.abs(value))));
    return value.toFixed(decimals).replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, "\u202f");
  };
  const said = (value, unit, frame, count = 4) => {
    if (unit === "%") return `${digits(100 * value, count)} %`;
    if (unit === "1") return digits(value, count);
    if (unit === "frame/s") return `${digits(value, count)} ${frame}/s`;
    const [factor, prefix] = PREFIXES.find(([size]) => Math.abs(value) >= size) || PREFIXES[PREFIXES.length - 1];
    return `${digits(value / factor, count)} ${prefix}${unit.replace("frame", frame)}`;
  };
  const ticks = (low, high) => {
    const rough = (high - low) / 4;
    const size = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((s) => s * size).find((s) => s >= rough);
    const found = [];
    for (let n = Math.ceil(low / step); n * step <= high; n += 1) found.push(n * step);
    return found;
  };
  const percent = (x) => `${x.toFixed(2)}%`;
  const day = (moment) => moment[1].slice(0, 10);
  const minute = (moment) => moment[1].slice(0, 16).replace("T", " ");

  const chart = (track, pale, frame) => {
    const values = unpacked(track.values);
    const when = moments(track.runs);
    const last = when[when.length - 1];
    const date = day(when[0]) === day(last) ? minute : day; // within a day the time tells them apart
    const behind = pale && pale.runs.length === track.runs.length ? unpacked(pale.values) : [];
    const all = [...values, ...behind];
    let [low, high] = [Math.min(...all), Math.max(...all)];
    if (low === high) [low, high] = [low - Math.abs(low) * 0.01 || -1, high + Math.abs(high) * 0.01 || 1];
    const across = (i) => START + ((RIGHT - 1 - START) * i) / Math.max(1, values.length - 1);
    const up = (value) => BOTTOM - 12 - ((BOTTOM - TOP - 36) * (value - low)) / (high - low);
    const name = `${track.title}: ${values.length} runs, ${track.changes.length} changes`;
    const svg = shape("svg", { class: "plot", width: "100%", height: HEIGHT, role: "img", "aria-label": name });
    const line = (kind, x1, y1, x2, y2) => shape("line", { class: kind, x1: percent(x1), y1, x2: percent(x2), y2 });
    const text = (x, y, what, anchor = "start") => shape("text", { x: percent(x), y, "text-anchor": anchor }, what);
    const path = (series, kind) => {
      const box = shape("svg", { viewBox: `0 0 1000 ${HEIGHT}`, width: "100%", height: HEIGHT, preserveAspectRatio: "none" });
      box.append(shape("polyline", { class: kind,
        points: series.map((v, i) => `${(10 * across(i)).toFixed(1)},${up(v).toFixed(1)}`).join(" ") }));
      return box;
    };
    const rules = ticks(low, high).filter((t) => up(t) < BOTTOM - 6);
    svg.append(line("axis", LEFT, BOTTOM, RIGHT, BOTTOM), ...rules.map((t) => line("rule", LEFT, up(t), RIGHT, up(t))));
    if (behind.length > 1) svg.append(path(behind, "beside"));
    if (values.length > 1) svg.append(path(values, "g0"));
    if (values.length <= 12) values.forEach((v, i) =>
      svg.append(shape("circle", { class: "dot g0", cx: percent(across(i)), cy: up(v).toFixed(1), r: 2.5 })));
    for (const [place, ratio] of track.changes) {
      const at = across(place - 0.5);
      const left = at < 60;
      svg.append(line("change", at, TOP, at, BOTTOM), text(at + (left ? 0.6 : -0.6), TOP + 11, ratio, left ? "start" : "end"));
    }
    svg.append(...rules.map((t) => text(LEFT, up(t) - 4, said(t, track.unit, frame))),
      text(LEFT, 14, `↑ ${track.title}`), text(LEFT, BOTTOM + 17, date(when[0])));
    if (values.length > 1) svg.append(text(RIGHT, BOTTOM + 17, date(last), "end"));

    const save = (kind) => make("button", { type: "button", "data-save": kind }, kind.toUpperCase());
    const rows = values.map((v, i) => [i, v]).reverse().slice(0, 100).map(([i, v]) => make("tr", {},
      make("th", { scope: "row" }, minute(when[i])),
      make("td", {}, make("bdi", { class: "clip" }, when[i][0])), make("td", {}, said(v, track.unit, frame))));
    const head = make("tr", {}, ...["measured", "run", track.title].map((t) => make("th", { scope: "col" }, t)));
    const caption = make("figcaption", {}, make("b", {}, track.title));
    if (behind.length) caption.append(make("span", {}, "without the device's drift; the pale line is as measured"));
    const figure = make("figure", { class: "plot-box", id: `course-${track.metric}` }, caption, svg,
      make("div", { class: "saves" }, save("svg"), save("png")),
      make("details", { class: "numbers" }, make("summary", {}, values.length > 100 ? "The last 100 numbers" : "The numbers"),
        make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Numbers: ${track.title}` },
          make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)))));
    const turns = track.changes.map(([place, ratio, cause]) => make("p", { class: "turn" },
      make("b", {}, day(when[place])), ` ${ratio}. `, make("span", {}, cause)));
    return make("div", {}, figure, ...turns);
  };

  const draw = () => {
    const line = data.lines[Number(choice.value)];
    const raw = line.tracks.find((track) => track.metric === "throughput");
    const corrected = line.tracks.find((track) => track.metric === "throughput_without_drift");
    room.replaceChildren(...line.tracks.filter((track) => track !== raw || !corrected)
      .map((track) => chart(track, track === corrected ? raw : null, line.frame)));
  };
  // what the reader chose stands in the address: a link to it shows the same
  const stateOf = () => new URLSearchParams(location.hash.startsWith("#?") ? location.hash.slice(2) : "");
  const restore = () => {
    const place = data.lines.findIndex((line) => line.id === stateOf().get("row"));
    if (place >= 0) choice.value = place;
    draw();
    return place >= 0;
  };
  const pick = (id, write) => {
    const state = stateOf();
    state.set("row", id);
    write(`#?${state}`);
    return restore();
  };
  choice.addEventListener("change", () =>
    pick(data.lines[Number(choice.value)].id, (link) => history.replaceState(null, "", link)));
  // a change leads to its course, and what the table shows stays as it is
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest("a[href^='#?row=']");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    pick(new URLSearchParams(link.hash.slice(2)).get("row"), (to) => history.pushState(null, "", to));
    choice.scrollIntoView();
  });
  addEventListener("hashchange", restore);
  addEventListener("popstate", restore);
  if (restore()) choice.scrollIntoView();
})();
