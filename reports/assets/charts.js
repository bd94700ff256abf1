// Charts as files: what is drawn, with its colours written into it, as SVG or PNG.
"use strict";
(() => {
  const WRITTEN = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity",
    "opacity", "font-family", "font-size", "font-weight", "vector-effect", "paint-order"];
  const written = (svg) => {
    const box = svg.getBoundingClientRect();
    const copy = svg.cloneNode(true);
    const [from, to] = [[svg, ...svg.querySelectorAll("*")], [copy, ...copy.querySelectorAll("*")]];
    from.forEach((node, i) => {
      const style = getComputedStyle(node);
      for (const name of WRITTEN) to[i].setAttribute(name, style.getPropertyValue(name));
      const left = node.matches(".n") ? ["class", "data-note", "tabindex", "role"] : ["class"];
      for (const name of left) to[i].removeAttribute(name);
    });
    for (const link of copy.querySelectorAll("a")) link.replaceWith(...link.childNodes);
    const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [key, value] of [["width", "100%"], ["height", "100%"],
      ["fill", getComputedStyle(document.body).backgroundColor]]) ground.setAttribute(key, value);
    copy.prepend(ground);
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("width", box.width);
    copy.setAttribute("height", box.height);
    return { text: new XMLSerializer().serializeToString(copy), box };
  };
  const save = (blob, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const SVG = "http://www.w3.org/2000/svg";
  const shape = (name, attributes, said) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (said !== undefined) node.textContent = said;
    return node;
  };
  // a chart that is laid out as a table: its lanes and texts at their places in one picture
  const composed = (table) => {
    const whole = table.getBoundingClientRect();
    const svg = shape("svg", { class: "plot composed", width: whole.width, height: whole.height });
    for (const cell of table.querySelectorAll("tbody th, tbody td")) {
      const at = cell.getBoundingClientRect();
      const [x, y] = [at.left - whole.left, at.top - whole.top];
      const lane = cell.querySelector("svg");
      if (lane) {
        const drawn = lane.cloneNode(true);
        const own = lane.getBoundingClientRect();
        for (const [key, value] of Object.entries({ x: own.left - whole.left, y: own.top - whole.top,
          width: own.width, height: own.height })) drawn.setAttribute(key, value);
        svg.append(drawn);
        continue;
      }
      const swatch = cell.querySelector("i");
      const middle = y + at.height / 2;
      if (swatch) svg.append(shape("rect", { class: swatch.className.replace("of-", "owner-"),
        x: x + 1, y: middle - 5, width: 9, height: 9, rx: 2 }));
      const left = cell.tagName === "TH";
      svg.append(shape("text", { class: "name", x: left ? x + (swatch ? 18 : 0) : x + at.width,
        y: middle + 4, "text-anchor": left ? "start" : "end" }, cell.textContent));
    }
    table.after(svg);
    const found = written(svg);
    svg.remove();
    return found;
  };
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest("[data-save]");
    if (!button) return;
    const box = button.closest("figure, #fall");
    const svg = box.querySelector("svg.plot");
    const name = box.id || "chart";
    const { text, box: size } = svg ? written(svg) : composed(box.querySelector("table"));
    if (button.dataset.save === "svg") return save(new Blob([text], { type: "image/svg+xml" }), `${name}.svg`);
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [2 * size.width, 2 * size.height];
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(blob, `${name}.png`));
    };
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  });
})();
