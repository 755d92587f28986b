// The page: its cells, kept in this browser, and the runtime's state.

import { get, post } from "./api.js";
import { Cell } from "./cell.js";
import { Variables } from "./variables.js";

const byID = (id) => document.getElementById(id);
const storageKey = `mrmd-python ${location.host}`;

class Notebook {
  constructor(element) {
    this.element = element;
    this.cells = [];
    this.variables = new Variables(byID("variables"));
    for (const saved of this.load()) this.append(saved);
    if (!this.cells.length) this.append({});
    this.cells[0].editor.focus();
    this.watch();
  }

  load() {
    try {
      return JSON.parse(localStorage.getItem(storageKey)) ?? [];
    } catch {
      return [];
    }
  }

  save() {
    try {
      localStorage.setItem(storageKey, JSON.stringify(this.cells.map((cell) => cell.saved)));
    } catch (error) {
      console.warn(error);
    }
  }

  append(saved) {
    const cell = new Cell(this, saved);
    this.cells.push(cell);
    this.element.append(cell.element);
    return cell;
  }

  remove(cell) {
    if (this.cells.length === 1) return;
    const index = this.cells.indexOf(cell);
    this.cells.splice(index, 1);
    cell.element.remove();
    (this.cells[index] ?? this.cells[index - 1]).editor.focus();
    this.save();
  }

  goOnFrom(cell) {
    const next = this.cells[this.cells.indexOf(cell) + 1] ?? this.append({});
    next.editor.focus();
    next.element.scrollIntoView({ block: "nearest" });
  }

  // Called when something ran: what is shown of the runtime may not hold any more.
  changed() {
    this.save();
    this.variables.refresh();
    this.showState();
  }

  async showState() {
    const state = byID("state");
    try {
      const health = await get("health");
      const waiting = health.queued ? `, ${health.queued} queued` : "";
      const stubborn = health.interruptPending ? ", interrupt pending" : "";
      state.textContent = health.state.replace("_", " ") + waiting + stubborn;
      state.dataset.state = health.state;
    } catch {
      state.textContent = "not reachable";
      state.dataset.state = "lost";
    }
  }

  async watch() {
    for (;;) {
      if (!document.hidden) await this.showState();
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

const notebook = new Notebook(byID("notebook"));
const interrupt = () => post("interrupt", {}).then(() => notebook.showState());

function toggleVariables() {
  const panel = byID("variables");
  panel.hidden = !panel.hidden;
  byID("show-variables").setAttribute("aria-expanded", !panel.hidden);
  notebook.variables.refresh();
}

byID("add").addEventListener("click", () => notebook.append({}).editor.focus());
byID("interrupt").addEventListener("click", interrupt);
byID("show-variables").addEventListener("click", toggleVariables);
byID("reset").addEventListener("click", async () => {
  if (!confirm("Clear all variables?")) return;
  await post("reset", {});
  notebook.changed();
});
document.addEventListener("keydown", (event) => {
  if (!event.ctrlKey || event.shiftKey || event.altKey) return;
  if (event.key === "i") interrupt();
  else if (event.key === "b") toggleVariables();
  else return;
  event.preventDefault();
});
