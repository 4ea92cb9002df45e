"use strict";
// Definitions of metrics beside their names. Without this script each name is a link to its
// definition; with it, the names of one table are one stop of the tab key, and arrow keys go on.
(() => {
  const HIDE = 150;
  const terms = [...document.querySelectorAll("a.term")];
  if (terms.length === 0) return;
  const box = document.createElement("div");
  box.className = "definition";
  box.hidden = true;
  document.body.append(box);
  let shownFor = null;
  let waiting = 0;

  function show(term) {
    const entry = document.getElementById(term.getAttribute("aria-describedby"));
    if (!entry) return;
    clearTimeout(waiting);
    box.replaceChildren(...[...entry.children].map((part) => part.cloneNode(true)));
    box.hidden = false;
    shownFor = term;
    const at = term.getBoundingClientRect();
    const width = Math.min(box.offsetWidth, document.documentElement.clientWidth - 16);
    const left = Math.min(at.left, document.documentElement.clientWidth - width - 8);
    const below = at.bottom + 6 + box.offsetHeight <= innerHeight;
    box.style.left = `${Math.max(8, left) + scrollX}px`;
    box.style.top = `${(below ? at.bottom + 6 : Math.max(8, at.top - box.offsetHeight - 6)) + scrollY}px`;
  }
  function hide() {
    clearTimeout(waiting);
    box.hidden = true;
    shownFor = null;
  }
  // The pointer may go from the name to the definition.
  function hideSoon() {
    clearTimeout(waiting);
    waiting = setTimeout(hide, HIDE);
  }
  const termOf = (event) => event.target instanceof Element && event.target.closest("a.term");

  document.addEventListener("mouseover", (event) => {
    const term = termOf(event);
    if (term) show(term);
    else if (box.contains(event.target)) clearTimeout(waiting);
    else if (shownFor && document.activeElement !== shownFor) hideSoon();
  });
  document.addEventListener("focusin", (event) => {
    const term = termOf(event);
    if (term) show(term);
    else if (shownFor) hide();
  });
  document.addEventListener("focusout", hideSoon);
  document.addEventListener("click", (event) => {
    const term = termOf(event);
    if (!term) hide();
    // A finger that asks what a name means is not led away.
    else if (!event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      show(term);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    const term = termOf(event);
    if (!term) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const group = groups.get(term) || [];
      const next = group[group.indexOf(term) + (event.key === "ArrowDown" ? 1 : -1)];
      if (!next) return;
      event.preventDefault();
      term.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    } else if (event.key === "Enter") {
      hide();
      location.hash = term.getAttribute("href");
      event.preventDefault();
    }
  });

  const groups = new Map();
  for (const table of document.querySelectorAll("table")) {
    const own = [...table.querySelectorAll("a.term")];
    own.forEach((term, i) => { term.tabIndex = i === 0 ? 0 : -1; groups.set(term, own); });
  }
})();
