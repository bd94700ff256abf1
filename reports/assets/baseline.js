// The comparison page: over which side everything is told; a permanent link keeps it.
"use strict";
(() => {
  const choice = document.getElementById("baseline");
  if (!choice) return;
  const stateOf = () => new URLSearchParams(location.hash.startsWith("#?") ? location.hash.slice(2) : "");
  const show = () => {
    for (const part of document.querySelectorAll("[data-baseline]")) part.hidden = part.dataset.baseline !== choice.value;
  };
  const restore = () => {
    const wanted = stateOf().get("baseline") || "0";
    if ([...choice.options].some((option) => option.value === wanted)) choice.value = wanted;
    show();
  };
  choice.addEventListener("change", () => {
    const state = stateOf();
    state.set("baseline", choice.value);
    history.replaceState(null, "", `#?${state}`);
    show();
  });
  // a link to a section of another baseline turns to it
  addEventListener("hashchange", () => {
    if (location.hash.startsWith("#?")) return restore();
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const part = target && target.closest("[data-baseline]");
    if (!part || part.dataset.baseline === choice.value) return;
    choice.value = part.dataset.baseline;
    show();
    target.scrollIntoView();
  });
  restore();
})();
