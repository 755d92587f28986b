// The variables of the namespace, down to their parts, and tables by the page.

import { post } from "./api.js";
import { pager, tableOf } from "./table.js";

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
    this.question = 0;
  }

  async refresh() {
    if (this.element.hidden) return;
    const question = ++this.question;
    let shown;
    try {
      shown = await (this.path.length ? this.part() : this.all());
    } catch (error) {
      if (error.status === 404 && this.path.length) {
        this.go([]);
        return;
      }
      shown = [error.message];
    }
    if (question !== this.question) return;
    this.filter.hidden = this.path.length > 0;
    this.replace(shown);
  }

  // Whoever uses the keyboard stays where she was, or is at the way back.
  replace(shown) {
    const { activeElement } = document;
    const wasInside = this.body.contains(activeElement);
    const key = this.focusNext ?? activeElement?.dataset.key;
    this.body.replaceChildren(...shown);
    if (wasInside) ([...this.body.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key) ?? this.body.querySelector("button"))?.focus();
    this.focusNext = undefined;
  }

  go(path) {
    this.focusNext = path.length < this.path.length ? this.path.at(-1) : "back";
    this.path = path;
    this.rows = 0;
    this.sort = undefined;
    this.refresh();
  }

  async all() {
    const literal = this.filter.value.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const filter = literal ? { namePattern: literal } : {};
    const { variables, count } = await post("variables", { filter, limit: 500 });
    if (!variables.length) return [note(literal ? "No such variable." : "Nothing is defined yet.")];
    const shown = [this.list(variables, [])];
    if (count > variables.length) shown.push(note(`… and ${count - variables.length} more`));
    return shown;
  }

  list(entries, path) {
    const list = document.createElement("ul");
    for (const entry of entries) {
      const item = document.createElement("li");
      const entryButton = button("", () => this.go([...path, entry.name]), entry.name);
      const name = document.createElement("b");
      name.textContent = entry.name;
      const type = document.createElement("small");
      type.textContent = about(entry).join(" ");
      const value = document.createElement("code");
      value.textContent = entry.value ?? "";
      entryButton.append(name, type, value);
      item.append(entryButton);
      list.append(item);
    }
    return list;
  }

  async part() {
    const [name, ...path] = this.path;
    const url = `variables/${encodeURIComponent(name)}`;
    const detail = await post(url, { path, maxChildren: 200 });
    const back = button("← Back", () => this.go(this.path.slice(0, -1)), "back");
    const title = document.createElement("h2");
    title.textContent = this.path.join(" › ");
    const shown = [back, title, note([...about(detail), detail.dtype].filter(Boolean).join(" · "))];
    const table = mayBeTable(detail) && await this.table(url, path);
    if (table) return [...shown, ...table];
    const value = document.createElement("pre");
    value.textContent = detail.fullValue;
    shown.push(value, this.list(detail.children, this.path));
    if (detail.childCount > detail.children.length) shown.push(note(`… and ${detail.childCount - detail.children.length} more`));
    return shown;
  }

  // A page of the table, or nothing when the value is none after all.
  async table(url, path) {
    const sort = this.sort && [this.sort];
    let page;
    try {
      page = await post(url, { path, view: { rows: [this.rows, this.rows + pageSize], sort } });
    } catch (error) {
      if (error.status === 400) return undefined;
      throw error;
    }
    const sortBy = (column) => {
      this.sort = { column, descending: this.sort?.column === column && !this.sort.descending };
      this.rows = 0;
      this.refresh();
    };
    const goTo = (row) => {
      this.rows = row;
      this.refresh();
    };
    return [tableOf(page, this.sort, sortBy, button), pager(page, pageSize, goTo, button)];
  }
}

// What the runtime gives pages of: tables, arrays and lists of dicts.
function mayBeTable({ type, shape, children }) {
  return shape?.length > 0 || (type === "list" && children[0]?.type === "dict");
}

const about = ({ type, shape, size }) => [type, shape?.length ? shape.join(" × ") : size].filter(Boolean);

function note(text) {
  const element = document.createElement("p");
  element.textContent = text;
  return element;
}

function button(text, act, key) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = text;
  element.dataset.key = key;
  element.addEventListener("click", act);
  return element;
}
