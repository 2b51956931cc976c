"use strict";
// The table of members: heads that sort, and a filter by text and by verdict.

function sortableTable(table) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (!head.dataset.kind) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const direction = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", direction);
      const sign = direction === "ascending" ? 1 : -1;
      const keyed = [...body.rows].map((row) => [cellKey(row.cells[column]), row]);
      keyed.sort((a, b) => compareKeys(a[0], b[0], sign));
      body.append(...keyed.map((pair) => pair[1]));
    });
  });
}

function cellKey(cell) {
  const text = cell.textContent.trim();
  const number = text === "" ? NaN : Number(text);
  return Number.isNaN(number) ? text : number;
}

// numbers by size, then words; what is missing is last either way
function compareKeys(a, b, sign) {
  const rank = (key) => (typeof key === "number" ? 0 : ["", "–", "none"].includes(key) ? 2 : 1);
  if (rank(a) === 2 || rank(b) === 2 || rank(a) !== rank(b)) {
    const last = (rank(a) === 2) - (rank(b) === 2);
    return last || sign * (rank(a) - rank(b));
  }
  return sign * (rank(a) === 0 ? a - b : a.localeCompare(b));
}

function filteredTable(table, form, text, verdict, found) {
  const rows = [...table.tBodies[0].rows];
  const words = new Map();
  const show = () => {
    const wanted = text.value.trim().toLowerCase().split(/\s+/);
    let number = 0;
    for (const row of rows) {
      if (!words.has(row)) words.set(row, row.textContent.toLowerCase());
      const said = words.get(row);
      const fits = (!verdict.value || row.dataset.verdict === verdict.value)
        && wanted.every((word) => said.includes(word));
      row.hidden = !fits;
      number += fits;
    }
    found.value = `${number} of ${rows.length} members`;
  };
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  text.addEventListener("input", show);
  verdict.addEventListener("change", show);
  show();
}

function startTable() {
  const table = document.getElementById("members");
  const of = (id) => document.getElementById(id);
  sortableTable(table);
  filteredTable(table, of("filters"), of("filter-text"), of("filter-verdict"), of("filter-found"));
}
