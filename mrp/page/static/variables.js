// The variables of the namespace, down to their parts, and tables by the page.

import { post } from "./api.js";

const pageSize = 50;

export class Variables {
  constructor(element) {
    this.element = element;
    this.filter = document.createElement("input");
    this.filter.type = "search";
    this.filter.placeholder = "Filter names";
    this.filter.setAttribute("aria-label", "Filter names");
    this.filter.addEventListener("input", () => this.refresh());
    this.body = document.createElement("div");
    element.append(this.filter, this.body);
    this.path = [];
  }

  refresh() {
    if (this.element.hidden) return;
    (this.path.length ? this.showPart() : this.showAll()).catch((error) => {
      if (error.status === 404 && this.path.length) {
        this.path = [];
        this.refresh();
      } else this.body.replaceChildren(error.message);
    });
  }

  async showAll() {
    const literal = this.filter.value.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const filter = literal ? { namePattern: literal } : {};
    const { variables, count } = await post("variables", { filter, limit: 500 });
    const shown = this.list(variables, (name) => [name]);
    if (!variables.length) shown.textContent = literal ? "No such variable." : "Nothing is defined yet.";
    this.body.replaceChildren(shown);
    if (count > variables.length) this.body.append(`… and ${count - variables.length} more`);
  }

  list(entries, pathOf) {
    const list = document.createElement("ul");
    for (const entry of entries) {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      const name = document.createElement("b");
      name.textContent = entry.name;
      const type = document.createElement("small");
      type.textContent = [entry.type, entry.shape?.join?.(" × ")].filter(Boolean).join(" ");
      const value = document.createElement("code");
      value.textContent = entry.value ?? "";
      button.append(name, type, value);
      button.addEventListener("click", () => {
        this.path = pathOf(entry.name);
        this.rows = 0;
        this.refresh();
      });
      item.append(button);
      list.append(item);
    }
    return list;
  }

  async showPart() {
    const [name, ...path] = this.path;
    const url = `variables/${encodeURIComponent(name)}`;
    const detail = await post(url, { path, maxChildren: 200 });
    const back = document.createElement("button");
    back.type = "button";
    back.className = "back";
    back.textContent = "← Back";
    back.addEventListener("click", () => {
      this.path.pop();
      this.refresh();
    });
    const title = document.createElement("h2");
    title.textContent = this.path.join(" › ");
    const about = document.createElement("p");
    about.textContent = [detail.type, detail.shape?.join?.(" × "), detail.dtype].filter(Boolean).join(" · ");
    const value = document.createElement("pre");
    value.textContent = detail.fullValue;
    const parts = [back, title, about];
    // What is no table says so, and is shown as it is.
    const table = await this.table(url, path).catch(() => null);
    parts.push(...(table ? [table] : [value, this.list(detail.children, (child) => [...this.path, child])]));
    this.body.replaceChildren(...parts);
  }

  async table(url, path) {
    const page = await post(url, { path, view: { rows: [this.rows, this.rows + pageSize], sort: this.sort } });
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    head.append(document.createElement("th"));
    for (const column of page.columns) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = column.name;
      cell.title = column.dtype ?? "";
      head.append(cell);
    }
    const body = table.createTBody();
    page.rows.forEach((row, i) => {
      const line = body.insertRow();
      const index = document.createElement("th");
      index.scope = "row";
      index.textContent = text(page.index[i]);
      line.append(index);
      for (const item of row) line.insertCell().textContent = text(item);
    });
    const frame = document.createElement("div");
    frame.className = "table";
    frame.tabIndex = 0;
    frame.append(table);
    const shown = document.createElement("div");
    shown.append(frame, this.pager(page));
    return shown;
  }

  pager(page) {
    const pager = document.createElement("p");
    const step = (label, rows, possible) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.disabled = !possible;
      button.addEventListener("click", () => {
        this.rows = rows;
        this.refresh();
      });
      return button;
    };
    pager.append(
      step("Earlier", Math.max(0, page.from - pageSize), page.from > 0),
      ` ${page.from + 1} to ${page.to} of ${page.rowCount} `,
      step("Later", page.to, page.to < page.rowCount),
    );
    return pager;
  }
}

const text = (item) => (item === null || item === undefined ? "" : typeof item === "object" ? JSON.stringify(item) : String(item));
