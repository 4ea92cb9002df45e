"use strict";
// The leaderboard's page. Its address says what it shows, so that any view of it can be linked.
const Board = (() => {
  const { make, isNumber, number, signed, chance, bounds, breakable, ARROW, billions, table, title } = Parts;
  const SIZES = [["", "any size"], ["0,1", "below 1 B"], ["1,4", "1 to 4 B"], ["4,10", "4 to 10 B"],
    ["10,40", "10 to 40 B"], ["40,", "40 B or more"], ["?", "not named"]];
  const { MEAN, LOW, HIGH, N, FIRST, LAST } = Parts.CELLS;
  const taken = new Map();
  const place = document.getElementById("board");
  let index = null;

  const about = (metric) => {
    const [says, range] = index.metrics[metric];
    return says ? `${says}; ${range}` : null;
  };

  // ------------------------------------------------------------------------------------------- data

  function take(key, value) {
    taken.set(key, value);
    if (key === "index") { index = value; start(); }
  }
  function load(key) {
    if (taken.has(key)) return Promise.resolve(taken.get(key));
    return new Promise((resolve, reject) => {
      const script = make("script", { src: `data/${key}.js` });
      script.addEventListener("load", () => { script.remove(); resolve(taken.get(key)); });
      script.addEventListener("error", () => reject(new Error(
        `data/${key}.js could not be read: expected it beside the page; copy the whole folder`)));
      document.head.append(script);
    });
  }

  function read() {
    const given = new URLSearchParams(location.hash.slice(1));
    const board = index.boards.find((own) => own.key === given.get("board")) || index.boards[0];
    const tag = board.tags.findIndex(([name]) => name === given.get("tag"));
    const known = (name) => index.runs.some(([own]) => own === name);
    return {
      board, tag, metric: given.get("metric") || board.by, order: given.get("order") || "best",
      columns: given.get("columns") || "", size: given.get("size") || "",
      words: given.get("words") || "", pair: given.getAll("pair").filter(known).slice(-2),
      model: known(given.get("model")) ? given.get("model") : "",
    };
  }
  function address(state, changes) {
    const next = { ...state, ...changes };
    const words = new URLSearchParams();
    words.set("board", next.board.key);
    if (next.tag >= 0) words.set("tag", next.board.tags[next.tag][0]);
    for (const key of ["metric", "order", "columns", "size", "words", "model"]) {
      if (next[key]) words.set(key, next[key]);
    }
    next.pair.forEach((name) => words.append("pair", name));
    return `#${words}`;
  }
  const go = (state, changes) => { location.hash = address(state, changes); };

  // ------------------------------------------------------------------------------------------- view

  let shows = 0;
  async function show() {
    const mine = (shows += 1);
    const state = read();
    try {
      const key = `board-${state.board.key}${state.tag >= 0 ? `-tag-${state.tag}` : ""}`;
      const data = await load(key);
      if (mine !== shows) return;
      if (!data.cells[state.metric]) state.metric = data.cells[state.board.by] ? state.board.by : Object.keys(data.cells)[0];
      document.getElementById("signature").textContent = state.board.signature;
      document.getElementById("about").textContent =
        `${state.board.task}: ${state.board.n} models on ${state.board.prompts} prompts`;
      const kept = document.activeElement && document.activeElement.id;
      place.replaceChildren(...(state.model ? model(state, data) : board(state, data)));
      if (kept && document.getElementById(kept)) document.getElementById(kept).focus({ preventScroll: true });
      if (!state.model && state.pair.length === 2) await pair(state, data, () => mine === shows);
    } catch (error) {
      place.append(make("p", { class: "missing", role: "alert" }, error.message));
    }
  }
  function start() {
    addEventListener("hashchange", show);
    show();
  }

  function board(state, data) {
    const rows = sorted(state, data).filter((i) => isKept(state, data, i));
    const said = `${rows.length} of ${data.runs.length} models` +
      (state.tag >= 0 ? `, on the prompts tagged ${state.board.tags[state.tag][0]}` : "");
    return [filters(state, data), make("p", { class: "count", role: "status", "aria-live": "polite" }, said),
      models(state, data, rows),
      ...state.board.notes.map((note) => make("p", { class: "missing" }, `Note: ${note}.`)),
      make("div", { id: "pair" }, state.pair.length === 2 ? "" : make("p", { class: "detail" },
        "Choose two models to see how they differ prompt by prompt.")),
      plane(state, data, state.pair)];
  }

  function filters(state, data) {
    const families = [...new Set(Object.keys(data.cells).map((name) => index.metrics[name][2]))];
    const boards = index.boards.map((own) => [own.key, `${own.task}, ${own.n} models: ${own.signature}`]);
    const tags = [["-1", state.board.tags.length ? "all prompts" : "no prompt has a tag here"],
      ...state.board.tags.map(([name, n], i) => [String(i), `${name} (${n} prompts)`])];
    const sizes = index.runs.some(([, size]) => size !== null) ? SIZES : [["", "no results file names one"]];
    const fields = [
      choice("board", "Task and signature", boards, state.board.key, (value) => go(state, {
        board: index.boards.find((own) => own.key === value), tag: -1, metric: "", pair: [] })),
      choice("metric", "Metric", Object.keys(data.cells).map((name) => [name, name + ARROW[data.better[name]]]),
        state.metric, (metric) => go(state, { metric, order: "best" })),
      choice("columns", "Columns", [["", "headline"], ...families.map((name) => [name, name]), ["all", "all"]],
        state.columns, (columns) => go(state, { columns })),
      choice("tag", "Tag of prompts", tags, String(state.tag), (value) => go(state, { tag: Number(value) })),
      choice("size", "Parameters", sizes, state.size, (size) => go(state, { size })),
      search(state),
    ];
    return make("form", { class: "filters", role: "search", "aria-label": "Models" }, ...fields);
  }
  function choice(id, label, options, value, changed) {
    const select = make("select", { id }, ...options.map(([key, name]) => make("option", { value: key }, name)));
    select.value = value;
    select.addEventListener("change", () => changed(select.value));
    return make("label", {}, label, select);
  }
  function search(state) {
    const input = make("input", { id: "words", type: "search", autocomplete: "off" });
    input.value = state.words;
    let waiting = 0;
    input.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => go(state, { words: input.value }), 150);
    });
    input.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
    return make("label", {}, "Search models", input);
  }

  const plane = (state, data, chosen) =>
    Figures.plane(state.board.plane, data, chosen, (i) => name(data, i));

  // ------------------------------------------------------------------------------------------ table

  const name = (data, i) => index.runs[data.runs[i]][0];
  const size = (data, i) => index.runs[data.runs[i]][1];
  function isKept(state, data, i) {
    if (!name(data, i).toLowerCase().includes(state.words.trim().toLowerCase())) return false;
    if (!state.size) return true;
    if (state.size === "?") return size(data, i) === null;
    const [least, most] = state.size.split(",").map((text) => (text ? Number(text) * 1e9 : Infinity));
    return size(data, i) !== null && size(data, i) >= least && size(data, i) < most;
  }
  function sorted(state, data) {
    const cells = data.cells[state.metric];
    const down = data.better[state.metric] === false ? 1 : -1;
    const key = {
      name: (i) => name(data, i).toLowerCase(),
      size: (i) => size(data, i),
    }[state.order] || ((i) => (cells[MEAN][i] === null ? null : cells[MEAN][i] * down));
    const turn = state.order === "worst" ? -1 : 1;
    const rows = data.runs.map((_, i) => [i, key(i)]);
    // What is undefined comes last.
    rows.sort(([, a], [, b]) => (a === null) - (b === null) || (a < b ? -turn : a > b ? turn : 0));
    return rows.map(([i]) => i);
  }
  function ranks(cells, i) {
    const [first, last] = [cells[FIRST][i], cells[LAST][i]];
    return first ? (first === last ? String(first) : `${first}–${last}`) : "";
  }
  function cell(data, metric, i) {
    const cells = data.cells[metric];
    const mean = cells[MEAN][i];
    if (mean === null) return make("td", { class: "detail" }, data.missing[metric][i] || "");
    return make("td", {}, number(mean), " ", make("small", {}, bounds(cells[LOW][i], cells[HIGH][i], mean)));
  }

  function columns(state, data) {
    const names = Object.keys(data.cells);
    const wanted = {
      "": (metric) => state.board.columns.includes(metric), all: () => true,
    }[state.columns] || ((metric) => index.metrics[metric][2] === state.columns);
    return names.filter((metric) => metric !== state.metric && wanted(metric));
  }
  function models(state, data, rows) {
    const cells = data.cells[state.metric];
    const more = columns(state, data);
    const [sizes, frames] = [rows.some((i) => size(data, i) !== null), data.frames.some((own) => own)];
    const isOwn = ["best", "worst"].includes(state.order);
    const fixed = [title("rank"), sorter(state, "name", "model", "name"),
      sorter(state, "metric", [...breakable(state.metric), ARROW[data.better[state.metric]]], "", state.metric, isOwn && direction(state, data)),
      title("prompts"), ...(sizes ? [sorter(state, "size", "parameters")] : []),
      ...more.map((metric) => sorter(state, "metric", [...breakable(metric), ARROW[data.better[metric]]], "", metric)),
      ...(frames ? [title("frame", true)] : []), title("alarms")];
    const lines = rows.map((i) => line(state, data, i, [
      make("td", {}, String(cells[N][i] || "")), ...(sizes ? [make("td", {}, billions(size(data, i)))] : []),
      ...more.map((metric) => cell(data, metric, i)),
      ...(frames ? [make("td", { class: "words" }, data.frames[i])] : []),
      make("td", {}, data.alarms[i] ? String(data.alarms[i]) : "")]));
    return table(`${state.board.task} by ${state.metric}, 95 % intervals`, fixed, lines, { id: "models" });
  }
  function direction(state, data) {
    const isUp = (data.better[state.metric] === false) !== (state.order === "worst");
    return isUp ? "ascending" : "descending";
  }
  function sorter(state, order, text, kind = "", metric = state.metric, sort = null) {
    const button = make("button", { type: "button", id: `by-${order === "metric" ? metric : order}` }, text);
    const isShown = metric === state.metric && state.order === "best";
    button.addEventListener("click", () => go(state, order === "metric"
      ? { metric, order: isShown ? "worst" : "best" } : { order }));
    const own = sort || (order === state.order ? "ascending" : null);
    return make("th", { scope: "col", class: kind || null, "aria-sort": own, title: order === "metric" ? about(metric) : null }, button);
  }
  function line(state, data, i, cells) {
    const own = name(data, i);
    const isChosen = state.pair.includes(own);
    const box = make("input", { type: "checkbox", id: `row-${data.runs[i]}`, "aria-label": `compare ${own}` });
    box.checked = isChosen;
    const turn = () => go(state, { pair: isChosen ? state.pair.filter((one) => one !== own) : [...state.pair, own].slice(-2) });
    box.addEventListener("change", turn);
    const link = make("a", { href: address(state, { model: own }) }, own);
    const row = make("tr", { class: isChosen ? "chosen" : null },
      make("td", { class: "rank" }, box, " ", ranks(data.cells[state.metric], i)),
      make("th", { scope: "row" }, link), cell(data, state.metric, i), ...cells);
    row.addEventListener("click", (event) => { if (!event.target.closest("a, input")) turn(); });
    return row;
  }

  // ------------------------------------------------------------------------------------------- pair

  const placeOf = (own) => index.runs.findIndex(([one]) => one === own);
  async function pair(state, data, isWanted) {
    const part = document.getElementById("pair");
    const [base, run] = state.pair;
    const heading = make("h2", {}, `${run} less ${base}`);
    part.replaceChildren(heading, make("p", { role: "status" }, "Comparing …"));
    const [first, second] = await Promise.all(state.pair.map((one) => load(`run-${placeOf(one)}`)));
    await new Promise((done) => { setTimeout(done); });
    if (!isWanted()) return;
    const rows = compared(state, data, first.boards, second.boards);
    const swap = make("button", { type: "button", id: "swap" }, "Swap");
    swap.addEventListener("click", () => go(state, { pair: [run, base] }));
    const none = make("button", { type: "button", id: "none" }, "Choose others");
    none.addEventListener("click", () => go(state, { pair: [] }));
    const tables = [...new Set(rows.map((row) => row.table))].map((own) =>
      pairTable(state, own, rows.filter((row) => row.table === own)));
    part.replaceChildren(heading, make("div", { class: "buttons" }, swap, none), make("p", { class: "detail" },
      "Differences in bold differ for sure: the interval leaves 0 out, and p is below 5 %."),
    ...tables, ...(rows.length ? [] : [make("p", { class: "missing" }, "They have no prompt and metric in common.")]));
  }
  function compared(state, data, first, second) {
    const only = state.tag >= 0 ? new Set(data.prompts) : null;
    const found = index.boards.filter((own) => first[own.key] && second[own.key]
      && (!only || own === state.board)).flatMap((own) =>
      differences(own, first[own.key], second[own.key], only, data.cells));
    for (const own of new Set(found.map((row) => row.table))) correct(found.filter((row) => row.table === own));
    // As `overton compare` has them, what the samples are like comes last.
    return found.sort((a, b) => (a.table === index.samples) - (b.table === index.samples));
  }
  function differences(own, base, run, only, cells) {
    const at = new Map(run.prompts.map((prompt, i) => [prompt, i]));
    const shared = base.prompts.map((prompt, i) => [i, at.get(prompt), prompt])
      .filter(([, other, prompt]) => other !== undefined && (!only || only.has(prompt)));
    const metrics = Object.keys(base.values).filter((metric) => run.values[metric] && (!only || cells[metric]));
    if (!shared.length || !metrics.length) return [];
    const columns = metrics.map((metric) => [shared.map(([i]) => base.values[metric][i]),
      shared.map(([, j]) => run.values[metric][j])]);
    const found = Paired.comparisons(columns, metrics.map((metric) => index.metrics[metric][3]), index.random);
    return found.map((one, k) => {
      const isSamples = index.metrics[metrics[k]][2] === index.samples;
      const isFew = only && one.n < index.fewest;
      return { ...one, p: isFew ? NaN : one.p, metric: metrics[k], task: own.task,
        table: isSamples ? index.samples : own.task,
        means: columns[k].map((values, side) => mean(side ? run : base, metrics[k], only)) };
    });
  }
  function mean(own, metric, only) {
    const known = own.values[metric].filter((value, i) => value !== null && (!only || only.has(own.prompts[i])));
    return known.reduce((total, value) => total + value, 0) / known.length;
  }
  // Rows in which nothing differs were no test, and an exact copy of another row was no second one.
  function correct(rows) {
    const tests = new Map();
    const key = (row) => [row.difference, row.low, row.high, row.p, row.detectable, row.n].join();
    for (const row of rows) if (row.difference !== 0) tests.set(key(row), row.p);
    const adjusted = Paired.holm([...tests.values()]);
    const by = new Map([...tests.keys()].map((own, i) => [own, adjusted[i]]));
    for (const row of rows) row.holm = by.has(key(row)) ? by.get(key(row)) : row.p;
  }
  function pairTable(state, own, rows) {
    const isTagged = state.tag >= 0;
    const head = [title("metric", true), title(state.pair[0]), title(state.pair[1]), title("difference"),
      title("p"), ...(isTagged ? [] : [title("p (Holm)")]), title("prompts")];
    const hasTasks = new Set(rows.map((row) => row.task)).size > 1;
    const lines = rows.map((row) => {
      const isClear = row.p < 0.05 && (row.low > 0 || row.high < 0);
      return make("tr", { "data-metric": row.metric },
        make("th", { scope: "row", title: about(row.metric) }, breakable(row.metric),
          ...(hasTasks ? [" ", make("small", {}, row.task)] : [])),
        ...row.means.map((value) => make("td", {}, number(value))),
        make("td", { class: isClear ? "clear" : null }, signed(row.difference), " ",
          make("small", {}, bounds(row.low, row.high, row.difference))),
        make("td", {}, chance(row.p)), ...(isTagged ? [] : [make("td", {}, chance(row.holm))]),
        make("td", {}, String(row.n)));
    });
    return table(isTagged ? `${own}: prompts tagged ${state.board.tags[state.tag][0]}` : own, head, lines);
  }

  // ------------------------------------------------------------------------------------------ model

  function model(state, data) {
    const i = data.runs.indexOf(placeOf(state.model));
    const back = make("a", { href: address(state, { model: "" }) }, "All models");
    const heading = make("h2", {}, state.model);
    if (i < 0) return [back, heading, make("p", { class: "missing" }, "This model is not in the table of this task and signature.")];
    const facts = make("dl", { id: "facts" });
    load(`run-${data.runs[i]}`).then((run) => facts.append(...known(state, data, i, run.boards[state.board.key])))
      .catch((error) => facts.append(make("dd", { role: "alert" }, error.message)));
    const rows = Object.keys(data.cells).map((metric) => make("tr", {},
      make("th", { scope: "row", title: about(metric) }, breakable(metric), ARROW[data.better[metric]]),
      make("td", {}, Figures.strip(data, metric, i, (row) => name(data, row))), cell(data, metric, i),
      make("td", { class: "rank" }, ranks(data.cells[metric], i)),
      make("td", {}, String(data.cells[metric][N][i] || ""))));
    const head = [title("metric", true), title("among all models"), title("mean"), title("rank"), title("prompts")];
    const tagged = state.tag >= 0 ? ` on the prompts tagged ${state.board.tags[state.tag][0]}` : "";
    return [back, heading, facts, table(`Each metric with its 95 % interval${tagged}`, head, rows), plane(state, data, [state.model])];
  }
  function known(state, data, i, own) {
    const facts = [["Task", state.board.task], ["Model", own.model], ["Parameters", billions(size(data, i)) || "not named"],
      ["Signature", make("code", {}, own.signature)], ["Judge", own.judge ? make("code", {}, own.judge) : "none"],
      ["Alarms", own.alarms.join("; ") || "none"]];
    return facts.flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value)]);
  }
  return { take };
})();
