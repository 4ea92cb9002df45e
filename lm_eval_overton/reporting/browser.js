"use strict";
// Tables that are folded away on screen are printed.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("section > details:not([open])")];
  for (const part of folded) part.open = true;
});
addEventListener("afterprint", () => folded.forEach((part) => { part.open = false; }));

(() => {
  const PAGE = 20;
  const SHORT = 900;
  const ANCHOR = "words in runs of five that at least half of the other samples hold too";
  const MATCH = "the sentence that shares most words with the viewpoint of that letter";
  const FLAGS = { r: "refuses", c: "cut", l: "loops" };
  const HASH = "#prompt=";
  const source = document.getElementById("prompt-data");
  const place = document.getElementById("prompt-browser");
  if (!source || !place) return;
  const data = JSON.parse(source.textContent);
  const tasks = data.tasks.filter((task) => task.prompts.length > 0);

  // All text of models and users goes through here, and becomes text.
  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children.map((c) => (c instanceof Node ? c : document.createTextNode(c))));
    return element;
  }

  const letter = (i) => (i < 26 ? String.fromCharCode(65 + i) : String(i + 1));
  function shown(value) {
    if (value === null || value === undefined) return "";
    const size = Math.abs(value);
    const text = size.toFixed(size < 9.9995 ? 3 : size < 999.95 ? 1 : 0);
    return (value < 0 && Number(text) !== 0 ? "−" : "") + text;
  }
  const signed = (value) => (Number(value.toFixed(3)) > 0 ? "+" : "") + shown(value);

  function field(label, control) {
    return make("label", {}, label, control);
  }
  function choices(id, names) {
    const select = make("select", { id });
    names.forEach(([value, name]) => select.append(make("option", { value }, name)));
    return select;
  }

  const controls = {
    task: choices("browser-task", tasks.map((task, i) => [i, task.name])),
    left: choices("browser-left", data.runs.map((name, i) => [i, `${i + 1} ${name}`])),
    right: choices("browser-right", data.runs.map((name, i) => [i, `${i + 1} ${name}`])),
    metric: choices("browser-metric", []),
    order: choices("browser-order", [
      ["size", "largest difference first"], ["down", "right above left first"],
      ["up", "right below left first"], ["file", "as in the prompts"],
    ]),
    samples: choices("browser-samples", [
      ["", "anything"], ["r", "a sample refuses"], ["c", "a sample is cut"],
      ["x", "a sample failed or is empty"], ["l", "a sample loops"],
    ]),
    tag: choices("browser-tag", []),
    view: choices("browser-view", [
      ["", "all"], ["lost", "one is covered left, not right"],
      ["gained", "one is covered right, not left"], ["both", "one is covered by both"],
      ["neither", "one is covered by neither"],
    ]),
    text: make("input", { id: "browser-text", type: "search", autocomplete: "off" }),
  };
  const fields = {
    tag: field("With the tag", controls.tag), view: field("Viewpoints", controls.view),
  };
  const form = make("form", { role: "search", "aria-label": "Prompts and samples" },
    field("Task", controls.task), field("Left run", controls.left),
    field("Right run", controls.right), field("Metric", controls.metric),
    field("Order", controls.order), field("Only where", controls.samples), fields.tag, fields.view,
    field("Search prompts and samples", controls.text));
  const about = make("p", { class: "detail", id: "browser-about" });
  controls.metric.setAttribute("aria-describedby", about.id);
  const chosen = make("details", { class: "controls" },
    make("summary", {}, "Choose, filter and search"), form, about);
  // On a phone the samples are to be seen first.
  const isNarrow = matchMedia("(max-width: 44rem)").matches;
  chosen.open = !isNarrow;
  const count = make("p", { class: "count", role: "status", "aria-live": "polite" });
  const csv = make("button", { type: "button", id: "browser-csv", class: "csv" }, "CSV",
    make("span", { class: "visually-hidden" }, " of these prompts and their samples"));
  const keys = make("p", { class: "detail keys" }, "Within the list ", make("kbd", {}, "j"), " and ",
    make("kbd", {}, "k"), " go to the next and the previous prompt.");
  const list = make("div", { class: "list", tabindex: "-1" });
  const back = make("button", { type: "button", id: "browser-back" }, "Previous page");
  const next = make("button", { type: "button", id: "browser-next" }, "Next page");
  const where = make("span", { class: "detail" });
  const pager = make("div", { class: "pager" }, back, next, where);
  place.append(chosen, make("div", { class: "counted" }, count, csv, keys), list, pager);

  let page = 0;
  let found = [];
  const task = () => tasks[Number(controls.task.value)];
  const runs = () => [Number(controls.left.value), Number(controls.right.value)];

  function value(prompt, run) {
    const own = prompt.r[run];
    const at = task().metrics.indexOf(controls.metric.value);
    return own && at >= 0 ? own.v[at] : null;
  }
  function difference(prompt) {
    const [left, right] = runs().map((run) => value(prompt, run));
    return left === null || right === null ? null : right - left;
  }

  function holds(prompt, words) {
    if (!words) return true;
    const texts = [prompt.q, prompt.id, ...(prompt.w || []).map((view) => view[1])];
    for (const run of runs()) {
      if (prompt.r[run]) texts.push(...prompt.r[run].s.map((sample) => sample.t));
    }
    return texts.some((text) => text.toLowerCase().includes(words));
  }

  function shownSamples(prompt) {
    return runs().flatMap((run) => (prompt.r[run] ? prompt.r[run].s : []));
  }
  function hasSample(prompt) {
    const flag = controls.samples.value;
    if (!flag) return true;
    return shownSamples(prompt).some((s) => (flag === "x" ? s.x : (s.f || "").includes(flag)));
  }
  function hasTag(prompt) {
    return !controls.tag.value || (prompt.g || []).includes(controls.tag.value.slice(1));
  }
  // Which viewpoints any sample of a run covers; null where that is not known.
  function covered(prompt, run) {
    const judged = prompt.r[run] ? prompt.r[run].s.filter((sample) => sample.c) : [];
    return judged.length ? new Set(judged.flatMap((sample) => sample.c)) : null;
  }
  const VIEWS = {
    lost: (a, b) => a && !b, gained: (a, b) => !a && b, both: (a, b) => a && b,
    neither: (a, b) => !a && !b,
  };
  function hasView(prompt) {
    const kind = VIEWS[controls.view.value];
    if (!kind) return true;
    const [left, right] = runs().map((run) => covered(prompt, run));
    return Boolean(left && right && prompt.w.some((_, i) => kind(left.has(i), right.has(i))));
  }

  const ORDERS = {
    size: (d) => -Math.abs(d), down: (d) => -d, up: (d) => d,
  };
  function search() {
    const words = controls.text.value.trim().toLowerCase();
    const key = ORDERS[controls.order.value];
    const asked = task().prompts.filter((prompt) => hasSample(prompt) && hasTag(prompt)
      && hasView(prompt) && holds(prompt, words));
    const rows = asked.map((prompt) => ({ prompt, d: difference(prompt) }));
    if (key) {
      // What is undefined comes last.
      rows.sort((a, b) => (a.d === null) - (b.d === null) || (a.d === null ? 0 : key(a.d) - key(b.d)));
    } else {
      rows.sort((a, b) => a.prompt.n - b.prompt.n);
    }
    found = rows;
    tellMetric();
    page = 0;
    show();
  }

  function show() {
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    const rows = found.slice(page * PAGE, (page + 1) * PAGE);
    list.replaceChildren(...rows.map(({ prompt, d }) => promptPart(prompt, d)));
    const total = task().prompts.length;
    count.textContent = `${found.length} of ${total} prompts`;
    where.textContent = `Page ${page + 1} of ${pages}`;
    pager.hidden = pages < 2;
    back.disabled = page === 0;
    next.disabled = page + 1 >= pages;
    if (rows.length > 0) list.firstChild.open = true;
  }

  // ---------------------------------------------------------------- one prompt after another

  const linkOf = (prompt) => HASH + [task().name, prompt.id].map(encodeURIComponent).join("/");
  function openAt(i) {
    if (!found[i]) return;
    const old = page;
    page = Math.floor(i / PAGE);
    if (page !== old) show();
    [...list.children].forEach((part, k) => { part.open = k === i % PAGE; });
    const part = list.children[i % PAGE];
    part.scrollIntoView({ block: "start" });
    part.querySelector("summary").focus({ preventScroll: true });
    // Whoever copies the address copies the prompt.
    try { history.replaceState(null, "", linkOf(found[i].prompt)); } catch { /* an address of another kind */ }
  }
  function step(by) {
    const parts = [...list.children];
    const within = parts.findIndex((part) => part.contains(document.activeElement));
    const at = within >= 0 ? within : parts.findIndex((part) => part.open);
    openAt(page * PAGE + at + by);
  }
  function follow() {
    if (!location.hash.startsWith(HASH)) return;
    let name, id;
    try {
      [name, id] = location.hash.slice(HASH.length).split("/").map(decodeURIComponent);
    } catch { return; }
    const at = tasks.findIndex((own) => own.name === name);
    if (at < 0) return;
    controls.task.value = String(at);
    for (const key of ["samples", "tag", "view", "text"]) controls[key].value = "";
    setTask();
    search();
    const i = found.findIndex(({ prompt }) => prompt.id === id);
    if (i >= 0) openAt(i);
    else {
      place.scrollIntoView();
      count.textContent = `This page does not hold the prompt ${id} of ${name}.`;
    }
  }
  place.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, select, textarea");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { j: 1, k: -1 }[event.key];
    if (by) { event.preventDefault(); step(by); }
  });
  addEventListener("hashchange", follow);

  function saved() {
    const names = task().metrics;
    const rows = [["task", "id", "prompt", "tags", "run", "sample", "status", "flags", "covers",
      "verdicts", "text", ...names]];
    for (const { prompt } of found) {
      for (const run of [...new Set(runs())]) {
        const own = prompt.r[run];
        for (const [i, s] of (own ? own.s : []).entries()) {
          rows.push([task().name, prompt.id, prompt.q, (prompt.g || []).join("; "), data.runs[run],
            i + 1, s.x || "valid", [...(s.f || "")].map((f) => FLAGS[f]).join("; "),
            s.c && prompt.w ? s.c.map((k) => prompt.w[k][1]).join("; ") : "", (s.j || []).join("; "),
            s.t, ...own.v]);
        }
      }
    }
    return rows;
  }
  csv.addEventListener("click", () => overtonTables.save(`${task().name} samples`, saved()));

  function promptPart(prompt, d) {
    const [left, right] = runs().map((run) => shown(value(prompt, run)));
    const size = make("span", { class: "difference" }, d === null ? "undefined" : signed(d), " ",
      make("span", { class: "detail" }, `${controls.metric.value} ${left} → ${right}`));
    const part = make("details", { class: "prompt" },
      make("summary", {}, make("span", { class: "question" }, ...marked(prompt.q)), size));
    // Samples are long: they are written when they are looked at.
    part.addEventListener("toggle", () => {
      if (part.open && part.childElementCount === 1) part.append(...content(prompt));
    });
    return part;
  }

  function content(prompt) {
    const chosen = [...new Set(runs())];
    const sides = make("div", { class: "sides" }, ...chosen.map((run) => side(prompt, run)));
    const move = (by, words, key) => {
      const button = make("button", { type: "button", "aria-keyshortcuts": key }, words);
      button.addEventListener("click", () => step(by));
      return button;
    };
    const onward = make("div", { class: "onward" }, move(-1, "Previous prompt", "k"),
      move(1, "Next prompt", "j"), make("a", { href: linkOf(prompt) }, "Link to this prompt"),
      make("span", { class: "detail" }, [prompt.id, ...(prompt.g || [])].join(" · ")));
    return prompt.w ? [viewpoints(prompt, chosen), sides, onward] : [sides, onward];
  }

  function viewpoints(prompt, chosen) {
    const items = prompt.w.map(([stance, text], i) => {
      const counts = chosen.filter((run) => prompt.r[run]).map((run) => {
        const judged = prompt.r[run].s.filter((sample) => sample.c);
        const covering = judged.filter((sample) => sample.c.includes(i)).length;
        return `${data.runs[run]}: ${covering} of ${judged.length}`;
      });
      return make("li", {}, make("span", { class: "key" }, letter(i)),
        make("span", {}, stance ? make("i", {}, `${stance}: `) : "", text),
        make("span", { class: "detail" }, `covered by ${counts.join(", ")} samples`));
    });
    const part = make("details", { class: "views" }, make("summary", {}, "Viewpoints"),
      make("ol", {}, ...items));
    part.open = !isNarrow;
    return part;
  }

  function side(prompt, run) {
    const own = prompt.r[run];
    const title = make("h4", {}, make("span", { class: "key" }, String(run + 1)), ` ${data.runs[run]}`);
    if (!own) return make("div", { class: "side" }, title, make("p", { class: "missing" },
      "This run was not asked this prompt."));
    if (own.s.length === 0) return make("div", { class: "side" }, title,
      make("p", { class: "missing" }, "The samples of this run could not be read."));
    const parts = own.s.map((sample, i) => samplePart(sample, i, prompt));
    if (own.other) parts.unshift(make("p", { class: "missing" },
      "These are not the responses that were scored: their verdicts are left out."));
    if (own.s.some((sample) => sample.a)) parts.push(make("p", { class: "detail" },
      make("u", { class: "anchor" }, "Underlined"), `: anchors, ${ANCHOR}.`));
    if (own.s.some((sample) => sample.m)) parts.push(make("p", { class: "detail" },
      make("span", { class: "match" }, make("b", { class: "key" }, "A"), "Marked"), `: ${MATCH}. `,
      "The matcher decides on an answer as a whole."));
    return make("div", { class: "side" }, title, ...parts);
  }

  function samplePart(sample, i, prompt) {
    const chips = make("span", { class: "chips" });
    if (sample.x) chips.append(make("span", { class: "flag" }, sample.x));
    for (const flag of sample.f || "") chips.append(make("span", { class: "flag" }, FLAGS[flag]));
    if (prompt.w && sample.c) {
      const letters = sample.c.map(letter).join(" ") || "none";
      chips.append(make("span", { class: "chip covers" }, `covers ${letters}`));
    }
    if (sample.a) chips.append(make("span", { class: "chip anchored" },
      `${sample.a.length} ${sample.a.length === 1 ? "anchor" : "anchors"}`));
    for (const words of sample.j || []) chips.append(make("span", { class: "chip" }, words));
    const text = make("p", { class: "text" }, ...marked(sample.t, sample.a, sample.m));
    const part = make("article", { class: "sample" },
      make("span", { class: "number" }, `Sample ${i + 1}`), chips, text);
    if (sample.th) part.append(make("details", { class: "thought" },
      make("summary", {}, `Reasoning of sample ${i + 1}`), make("p", { class: "text" }, sample.th)));
    if (sample.cut) part.append(make("p", { class: "detail" }, `${sample.cut} more characters left out`));
    if (sample.t.length > SHORT || sample.t.split("\n").length > 12) part.append(unfold(text, i));
    return part;
  }

  function unfold(text, i) {
    text.classList.add("short");
    const button = make("button", { type: "button", "aria-expanded": "false" }, "Show all",
      make("span", { class: "visually-hidden" }, ` of sample ${i + 1}`));
    button.addEventListener("click", () => {
      const short = text.classList.toggle("short");
      button.setAttribute("aria-expanded", String(!short));
      button.firstChild.textContent = short ? "Show all" : "Show less";
    });
    return button;
  }

  function hits(text) {
    const words = controls.text.value.trim().toLowerCase();
    const lower = text.toLowerCase();
    // A few letters change their length in lower case; then nothing is marked.
    if (!words || lower.length !== text.length) return [];
    const found = [];
    for (let at = lower.indexOf(words); at >= 0; at = lower.indexOf(words, at + words.length)) {
      found.push([at, at + words.length]);
    }
    return found;
  }

  function marked(text, anchors = [], matches = []) {
    const found = hits(text);
    const spans = matches.map(([, first, last]) => [first, last]);
    // Where a hit, an anchor or a sentence begins or ends, a new piece of text does.
    const edges = [...new Set([0, text.length, ...[found, anchors, spans].flat(2)])];
    edges.sort((a, b) => a - b);
    return edges.slice(1).map((end, k) => {
      const lies = ([first, last]) => first <= edges[k] && end <= last;
      let piece = text.slice(edges[k], end);
      if (found.some(lies)) piece = make("mark", {}, piece);
      if (anchors.some(lies)) piece = make("u", { class: "anchor", title: ANCHOR }, piece);
      const own = matches.filter(([, ...span]) => lies(span));
      if (own.length === 0) return piece;
      // The letters stand where their sentence begins.
      const letters = own.filter(([, first]) => first === edges[k]).map(([i]) =>
        make("b", { class: "key", "aria-label": `viewpoint ${letter(i)}: ` }, letter(i)));
      return make("span", { class: "match", title: MATCH }, ...letters, piece);
    });
  }

  function setTask() {
    setMetrics();
    const tags = [...new Set(task().prompts.flatMap((prompt) => prompt.g || []))].sort();
    controls.tag.replaceChildren(...[["", "any or none"], ...tags.map((tag) => [`#${tag}`, tag])]
      .map(([value, name]) => make("option", { value }, name)));
    fields.tag.hidden = tags.length === 0;
    fields.view.hidden = !task().prompts.some((prompt) => prompt.w);
    if (fields.view.hidden) controls.view.value = "";
  }

  function tellMetric() {
    const entry = document.getElementById(`def-${controls.metric.value}`);
    about.textContent = entry ? entry.textContent.replace(controls.metric.value, "$&: ") : "";
  }

  function setMetrics() {
    const before = controls.metric.value;
    const names = task().metrics;
    controls.metric.replaceChildren(...names.map((name) => make("option", { value: name }, name)));
    controls.metric.value = names.includes(before) ? before : task().by;
  }

  function turn(step) {
    page += step;
    show();
    count.scrollIntoView({ block: "start" });
    count.textContent += `, page ${page + 1}`;
  }

  let waiting = 0;
  controls.text.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 150);
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); search(); });
  controls.task.addEventListener("change", () => { setTask(); search(); });
  for (const name of ["left", "right", "metric", "order", "samples", "tag", "view"]) {
    controls[name].addEventListener("change", search);
  }
  back.addEventListener("click", () => turn(-1));
  next.addEventListener("click", () => turn(1));

  controls.right.value = String(data.runs.length - 1);
  setTask();
  search();
  follow();
})();
