// What every page does first: parts that need a script are shown, boxes that scroll can be reached.
"use strict";
(() => {
  for (const part of document.querySelectorAll(".js")) part.hidden = false;

  // an endless text scrolls in a box of its own, which the keyboard must reach
  const reach = (root) => {
    for (const box of root.querySelectorAll(".clip"))
      if (box.scrollHeight > box.clientHeight + 1) box.tabIndex = 0;
  };
  reach(document);
  document.addEventListener("toggle", (event) => reach(event.target), true);
  document.addEventListener("change", () => reach(document));
})();
