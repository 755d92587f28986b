// A page of a table, as the runtime gives it.

const text = (item) => (item === null || item === undefined ? "" : typeof item === "object" ? JSON.stringify(item) : String(item));

// sort is what the rows are sorted by, if anything; sortBy(column) is called when a
// column's head is clicked; button makes a button.
export function tableOf(page, sort, sortBy, button) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  head.append(document.createElement("td"));
  for (const [i, column] of page.columns.entries()) {
    const cell = document.createElement("th");
    cell.scope = "col";
    const isSorted = sort?.column === column.name;
    if (isSorted) cell.setAttribute("aria-sort", sort.descending ? "descending" : "ascending");
    if (page.rows.some((row) => typeof row[i] === "string")) cell.classList.add("text");
    const label = button(column.name, () => sortBy(column.name), `sort ${column.name}`);
    label.title = `${column.dtype ?? ""}, sort by this column`.replace(/^, /, "");
    cell.append(label);
    head.append(cell);
  }
  const body = table.createTBody();
  page.rows.forEach((row, i) => {
    const line = body.insertRow();
    const index = document.createElement("th");
    index.scope = "row";
    index.textContent = text(page.index[i]);
    line.append(index);
    for (const item of row) {
      const cell = line.insertCell();
      cell.textContent = text(item);
      if (typeof item === "string") cell.classList.add("text");
    }
  });
  const frame = document.createElement("div");
  frame.className = "table";
  frame.tabIndex = 0;
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", "Table");
  frame.append(table);
  return frame;
}

export function pager(page, pageSize, goTo, button) {
  const pager = document.createElement("p");
  const step = (label, row, isPossible) => {
    const made = button(label, () => goTo(row), label);
    made.disabled = !isPossible;
    return made;
  };
  const where = document.createElement("span");
  where.textContent = page.rowCount ? `${page.from + 1} to ${page.to} of ${page.rowCount}` : "no rows";
  pager.className = "pager";
  if (page.rowCount > pageSize) {
    pager.append(step("Earlier", Math.max(0, page.from - pageSize), page.from > 0), where, step("Later", page.to, page.to < page.rowCount));
  } else pager.append(where);
  return pager;
}
