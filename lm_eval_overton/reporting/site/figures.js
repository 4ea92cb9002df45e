"use strict";
// Figures of a board: each model in the plane of two metrics, one model among all by one metric.
const Figures = (() => {
  const { make, draw, isNumber } = Parts;
  const { MEAN, LOW, HIGH } = Parts.CELLS;
  // With more models than these, only those that were chosen have names and intervals.
  const MOST_NAMES = 16;

  // One model by a metric with its interval, among the means of all.
  function strip(data, metric, i, name) {
    const cells = data.cells[metric];
    const all = [...cells[MEAN], cells[LOW][i], cells[HIGH][i]].filter(isNumber);
    const x = scale(all, 6, 234);
    const label = `${name(i)} among ${cells[MEAN].filter(isNumber).length} models`;
    const others = cells[MEAN].filter((value, j) => isNumber(value) && j !== i)
      .map((value) => draw("line", { class: "other", x1: x(value), x2: x(value), y1: 6, y2: 16, opacity: ".5" }));
    const own = isNumber(cells[MEAN][i]) ? [
      draw("line", { class: "own", "stroke-width": 3, x1: x(cells[LOW][i] ?? cells[MEAN][i]), x2: x(cells[HIGH][i] ?? cells[MEAN][i]), y1: 11, y2: 11 }),
      draw("circle", { class: "own", cx: x(cells[MEAN][i]), cy: 11, r: 4 })] : [];
    return draw("svg", { class: "strip", viewBox: "0 0 240 22", role: "img", "aria-label": label }, ...others, ...own);
  }

  function scale(values, from, to) {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const width = most - least || 1;
    return (value) => from + ((value - least) / width) * (to - from);
  }
  function ticks(values) {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const rough = (most - least || 1) / 4;
    const unit = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((k) => k * unit).find((own) => own >= rough);
    const first = Math.ceil(least / step);
    return Array.from({ length: Math.floor(most / step) - first + 1 }, (_, k) => (first + k) * step);
  }
  // All models in the plane of two metrics; `name` gives what the model of a row is called.
  function plane(metrics, data, chosen, name) {
    const axes = (metrics || []).map((metric) => data.cells[metric]);
    if (axes.length < 2 || axes.some((own) => !own)) {
      return make("p", { class: "missing" }, "Quality and diversity: no model here has both, a rating of its answers and how they differ.");
    }
    const [xs, ys] = axes;
    const rows = data.runs.map((_, i) => i).filter((i) => isNumber(xs[MEAN][i]) && isNumber(ys[MEAN][i]));
    const range = (own) => rows.flatMap((i) => [own[MEAN][i], own[LOW][i], own[HIGH][i]]).filter(isNumber);
    const [x, y] = [scale(range(xs), 70, 600), scale(range(ys), 350, 20)];
    const grid = [...ticks(range(xs)).flatMap((value) => [draw("line", { class: "grid", x1: x(value), x2: x(value), y1: 20, y2: 350 }),
      draw("text", { x: x(value), y: 368, "text-anchor": "middle" }, String(Number(value.toPrecision(6))))]),
    ...ticks(range(ys)).flatMap((value) => [draw("line", { class: "grid", x1: 70, x2: 600, y1: y(value), y2: y(value) }),
      draw("text", { x: 62, y: y(value) + 4, "text-anchor": "end" }, String(Number(value.toPrecision(6))))])];
    const [horizontal, vertical] = metrics;
    const labels = [draw("text", { x: 335, y: 392, "text-anchor": "middle" }, `${horizontal} →`),
      draw("text", { x: 16, y: 185, "text-anchor": "middle", transform: "rotate(-90 16 185)" }, `${vertical} →`)];
    const isChosen = (i) => chosen.includes(name(i));
    const isNamed = (i) => isChosen(i) || rows.length <= MOST_NAMES;
    // What was chosen is drawn last, above the others, and is the first to be named.
    const inOrder = [...rows].sort((a, b) => isChosen(a) - isChosen(b));
    const points = inOrder.flatMap((i) => point(name(i), i, isChosen(i), [xs, ys, x, y], isNamed(i)));
    const named = names(inOrder.reverse().filter(isNamed).map((i) =>
      [x(xs[MEAN][i]), y(ys[MEAN][i]), name(i), isChosen(i)]));
    const svg = draw("svg", { class: "figure", viewBox: "0 0 640 400", role: "img",
      "aria-label": `${vertical} against ${horizontal} of ${rows.length} models` }, ...grid, ...labels, ...points, ...named);
    return make("figure", { id: "plane" }, make("figcaption", {}, `${vertical} against ${horizontal}`), svg);
  }
  function point(name, i, isOwn, [xs, ys, x, y], hasBars) {
    const kind = isOwn ? "own" : "other";
    const [left, top] = [x(xs[MEAN][i]), y(ys[MEAN][i])];
    const bar = (x1, x2, y1, y2) => draw("line", { class: `${kind} bar`, x1, x2, y1, y2, opacity: isOwn ? "1" : ".45" });
    const bars = [
      ...(hasBars && isNumber(xs[LOW][i]) ? [bar(x(xs[LOW][i]), x(xs[HIGH][i]), top, top)] : []),
      ...(hasBars && isNumber(ys[LOW][i]) ? [bar(left, left, y(ys[LOW][i]), y(ys[HIGH][i]))] : [])];
    return [...bars, draw("circle", { class: kind, cx: left, cy: top, r: isOwn ? 5 : 3.5 }, draw("title", {}, name))];
  }
  // Each name stands beside its point, where it covers no other; without such a place a model that
  // was not chosen has none.
  function names(points) {
    const boxes = [];
    return points.flatMap(([left, top, text, isChosen]) => {
      const width = 6.4 * text.length;
      const spots = [[7, 4], [-7 - width, 4], [-width / 2, -9], [-width / 2, 18], [7, -10], [7, 18], [-7 - width, -10], [-7 - width, 18]]
        .map(([dx, dy]) => [left + dx, top + dy]).filter(([own]) => own >= 0 && own + width <= 640);
      const covers = ([own, line]) => boxes.filter(([a, b, w]) => own < a + w && a < own + width && Math.abs(line - b) < 12).length;
      const [at, line] = [...spots].sort((a, b) => covers(a) - covers(b))[0] || [0, top];
      if (!isChosen && covers([at, line])) return [];
      boxes.push([at, line, width]);
      return [draw("text", { x: at, y: line }, text)];
    });
  }

  return { plane, strip };
})();
