// What every page does first: parts that need a script are shown, boxes that scroll can be reached.
"use strict";
(() => {
  for (const part of document.querySelectorAll(".js")) part.hidden = false;

  // an endless text scrolls in a box of its own, which the keyboard must reach
  const SHORT = 40; // letters that always fit
  const reach = (root) => {
    const long = [...root.querySelectorAll(".clip")].filter((box) =>
      box.textContent.length > SHORT && !box.closest("details:not([open]) > :not(summary)"));
    for (const box of long.filter((each) => each.scrollHeight > each.clientHeight + 1)) box.tabIndex = 0;
  };
  reach(document);
  document.addEventListener("toggle", (event) => reach(event.target), true);
  document.addEventListener("drawn", (event) => reach(event.target));
  document.addEventListener("change", () => reach(document));
})();
