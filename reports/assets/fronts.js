// Pareto fronts follow the filters: what is left out is hidden, the front and its sentence are made anew.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const select = document.getElementById("front");
  const lede = document.querySelector("[data-front]");
  const SVG = "http://www.w3.org/2000/svg";
  const charts = new Map(Object.entries(data.fronts || {}).map(([id, own]) => {
    const figure = document.getElementById(id);
    const parts = own.x.map((_, i) => [...figure.querySelectorAll(`svg.plot [data-at="${i}"]`)]);
    return [id, { ...own, id, figure, parts, box: figure.parentElement.closest("[hidden]") || figure,
      svg: figure.querySelector("svg.plot"), rows: [...figure.querySelectorAll(".numbers tbody tr")] }];
  }));
  // the charts of which one is shown; the others of the page stand for themselves
  const byName = new Map([...charts.values()].map((chart) => [chart.name, chart]));
  const choices = select ? [...select.options].map((option) => option.value).filter(Boolean) : [];

  // the places that no other beats: less of x, more of y; of those that coincide all
  const pareto = (chart, shown) => {
    const order = [...shown].sort((a, b) => chart.x[a] - chart.x[b] || chart.y[b] - chart.y[a] || a - b);
    const found = [];
    for (const i of order) {
      const last = found[found.length - 1];
      if (last === undefined || chart.y[i] > chart.y[last] ||
        (chart.x[i] === chart.x[last] && chart.y[i] === chart.y[last])) found.push(i);
    }
    return found;
  };
  const placed = (chart, i) => {
    for (const part of chart.parts[i]) {
      const circle = part.querySelector("circle");
      if (circle) return [circle.getAttribute("cx"), circle.getAttribute("cy")];
      const mark = part.querySelector("svg");
      if (mark) return [mark.getAttribute("x"), mark.getAttribute("y")];
    }
    return null;
  };
  const draw = (chart) => {
    chart.parts.forEach((parts, i) => {
      for (const part of parts) part.setAttribute("visibility", chart.shown.has(i) ? "visible" : "hidden");
    });
    chart.rows.forEach((row, i) => {
      row.hidden = !chart.shown.has(i);
      row.lastElementChild.textContent = chart.front.includes(i) ? "yes" : "";
    });
    for (const line of chart.svg.querySelectorAll("line.front")) line.remove();
    const places = chart.front.map((i) => placed(chart, i));
    const first = chart.svg.querySelector("[data-at]");
    for (let i = 1; i < places.length; i++) {
      const line = document.createElementNS(SVG, "line");
      const ends = { class: "front", x1: places[i - 1][0], y1: places[i - 1][1], x2: places[i][0], y2: places[i][1] };
      for (const [key, value] of Object.entries(ends)) line.setAttribute(key, value);
      first.before(line);
    }
  };
  const networks = (chart, places) => new Set([...places].map((i) => chart.networks[i])).size;
  const sentence = (chart, some) => {
    const among = some ? " among what the filters show" : "";
    const of = networks(chart, chart.shown);
    if (!of) return `${chart.lead || ""}No system of this chart is among what the filters show.`;
    const best = networks(chart, chart.front);
    return `${chart.lead || ""}${best} of ${of} network${of === 1 ? "" : "s"} ${best === 1 ? "is" : "are"} ` +
      `undominated ${chart.against}${among}.`;
  };
  let filtered = { links: null, some: false };
  const update = () => {
    for (const chart of charts.values()) {
      const fits = (i) => !filtered.links || chart.links[i].some((link) => filtered.links.has(link));
      chart.shown = new Set(chart.x.map((_, i) => i).filter(fits));
      chart.front = pareto(chart, chart.shown);
      draw(chart);
    }
    const own = choices.map((name) => byName.get(name));
    const most = own.length && own.reduce((best, chart) =>
      (networks(chart, chart.shown) > networks(best, best.shown) ? chart : best));
    const chosen = (select && byName.get(select.value)) || most || (lede && charts.get(lede.dataset.front));
    for (const chart of own) chart.box.hidden = chart !== chosen;
    if (lede && chosen) lede.firstElementChild.textContent = sentence(chosen, filtered.some);
  };
  // what the tables show, told by table.js
  document.addEventListener("filtered", (event) => {
    filtered = event.detail;
    update();
  });
  const stateOf = () => new URLSearchParams(location.hash.startsWith("#?") ? location.hash.slice(2) : "");
  const restore = () => {
    const wanted = stateOf().get("front") || "";
    if (select) select.value = choices.includes(wanted) ? wanted : "";
  };
  if (select) select.addEventListener("change", () => {
    const state = stateOf();
    if (select.value) state.set("front", select.value);
    else state.delete("front");
    const text = state.toString();
    history.replaceState(null, "", text ? `#?${text}` : location.pathname + location.search);
    update();
  });
  addEventListener("hashchange", () => { restore(); update(); });
  restore();
})();
