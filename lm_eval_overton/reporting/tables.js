"use strict";
// Tables that can be sorted by a column and taken away as CSV. Nothing is asked of anybody: the file
// is made here.
const overtonTables = (() => {
  const FORMULA = /^[=+\-@\t\r]/;
  const NUMBER = /^[▲▼\s]*([+\-−<]?)\s*([\d,]+(?:\.\d+)?(?:e[+-]?\d+)?)\s*(%?)/i;

  // The number that a cell begins with, or null.
  function numberOf(text) {
    const found = NUMBER.exec(text.trim());
    if (!found) return null;
    const size = Number(found[2].replaceAll(",", "")) / (found[3] ? 100 : 1);
    return found[1] === "−" || found[1] === "-" ? -size : size;
  }

  // A field of a file that a spreadsheet may open: what it would take for a formula is a text.
  function field(value) {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const inert = FORMULA.test(value) ? `'${value}` : value;
    return /[",\n\r]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
  }

  function save(name, rows) {
    const text = rows.map((row) => row.map(field).join(",")).join("\n") + "\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv;charset=utf-8" }));
    link.download = `${name.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 80) || "table"}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  const plain = (cell) => cell.textContent.replace(/\s+/g, " ").trim();
  // A number stands in the file as one: with its interval it would be a text.
  function value(cell) {
    const text = plain(cell).replaceAll("−", "-");
    return /^[+-]?\d[\d,]*(\.\d+)?$/.test(text) ? Number(text.replaceAll(",", "")) : text;
  }

  function rowsOf(table) {
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.dataset.title || plain(cell));
    const rows = [["group", ...heads]];
    for (const body of table.tBodies) {
      const group = body.querySelector("tr.group");
      const title = group ? plain(group) : "";
      for (const row of body.rows) {
        if (row === group) continue;
        // A cell of words may span the columns of numbers that are not there.
        const cells = [...row.cells].flatMap((cell) => [value(cell), ...Array(cell.colSpan - 1).fill("")]);
        rows.push([title, ...cells]);
      }
    }
    return rows.some((row, i) => i > 0 && row[0]) ? rows : rows.map((row) => row.slice(1));
  }

  function compare(a, b) {
    if (a.number !== null && b.number !== null) return a.number - b.number;
    return a.text.localeCompare(b.text, undefined, { numeric: true });
  }

  // Sorts within each group; what is empty comes last whichever way.
  function sort(table, column, way) {
    for (const body of table.tBodies) {
      const rows = [...body.rows].filter((row) => !row.classList.contains("group"));
      rows.forEach((row, i) => { row.dataset.place ??= i; });
      const keys = new Map(rows.map((row) => {
        const text = row.cells[column] ? plain(row.cells[column]) : "";
        return [row, { text, number: numberOf(text), place: Number(row.dataset.place) }];
      }));
      rows.sort((one, other) => {
        const [a, b] = [keys.get(one), keys.get(other)];
        if (!way) return a.place - b.place;
        if (!a.text || !b.text) return (a.text ? 0 : 1) - (b.text ? 0 : 1) || a.place - b.place;
        return way * compare(a, b) || a.place - b.place;
      });
      body.append(...rows);
    }
  }

  function hidden(words) {
    const part = document.createElement("span");
    part.className = "visually-hidden";
    part.textContent = words;
    return part;
  }

  const STATES = [["none", 0, "↕"], ["descending", -1, "↓"], ["ascending", 1, "↑"]];
  function sortable(table) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      head.dataset.title = plain(head);
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      const sign = document.createElement("span");
      sign.textContent = STATES[0][2];
      sign.setAttribute("aria-hidden", "true");
      button.append(sign, hidden(`Sort by ${head.dataset.title}`));
      button.tabIndex = column === 0 ? 0 : -1;
      button.addEventListener("click", () => {
        const now = STATES.findIndex(([name]) => name === (head.getAttribute("aria-sort") || "none"));
        const [name, way, arrow] = STATES[(now + 1) % STATES.length];
        for (const other of heads) {
          other.removeAttribute("aria-sort");
          other.querySelector("button.sort > span").textContent = STATES[0][2];
        }
        if (way) head.setAttribute("aria-sort", name);
        sign.textContent = arrow;
        sort(table, column, way);
      });
      // One stop of the tab key per table; arrow keys go from column to column.
      button.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        const next = step && heads[column + step];
        if (!next) return;
        event.preventDefault();
        button.tabIndex = -1;
        next.querySelector("button.sort").tabIndex = 0;
        next.querySelector("button.sort").focus();
      });
      head.append(" ", button);
    });
  }

  function downloadable(table) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "csv";
    const title = table.caption ? plain(table.caption) : "table";
    button.append("CSV", hidden(` of ${title}`));
    button.addEventListener("click", () => save(title, rowsOf(table)));
    if (table.caption) table.caption.append(" ", button);
  }

  function enhance(root) {
    for (const table of root.querySelectorAll("table")) {
      if (!table.tHead) continue;
      downloadable(table);
      if ([...table.tBodies].some((body) => body.querySelectorAll("tr:not(.group)").length > 1)) {
        sortable(table);
      }
    }
  }
  return { enhance, rowsOf, save };
})();
overtonTables.enhance(document);
