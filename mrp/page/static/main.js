// The page: its cells, kept in this browser, and the runtime's state.

import { get, openEvents, post } from "./api.js";
import { Cell } from "./cell.js";
import { fit } from "./editor.js";
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
    // A phone would show its keyboard.
    if (matchMedia("(pointer: fine)").matches) this.cells[0].editor.focus();
    this.watch();
    this.showPython();
    this.resume().catch((error) => this.tell(error));
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
      this.tell(error);
    }
  }

  // Shows again what the cells said; the one that runs comes last, as it may take long.
  async resume() {
    const { executions } = await get("executions");
    const order = new Map(executions.map(({ execId, state }) => [execId, ["running", "queued"].indexOf(state)]));
    const known = this.cells.filter((cell) => order.has(cell.execId));
    known.sort((a, b) => order.get(a.execId) - order.get(b.execId));
    for (const cell of known) cell.resume();
  }

  append(saved) {
    const cell = new Cell(this, saved);
    this.cells.push(cell);
    this.element.append(cell.element);
    return cell;
  }

  add() {
    const cell = this.append({});
    this.save();
    return cell;
  }

  remove(cell) {
    if (this.cells.length === 1) this.append({});
    const index = this.cells.indexOf(cell);
    this.cells.splice(index, 1);
    cell.abandon();
    cell.element.remove();
    (this.cells[index] ?? this.cells[index - 1]).editor.focus();
    this.save();
  }

  goOnFrom(cell) {
    const next = this.cells[this.cells.indexOf(cell) + 1] ?? this.add();
    next.editor.focus();
    next.element.scrollIntoView({ block: "nearest" });
  }

  // Called when something ran: what is shown of the runtime may not hold any more.
  changed() {
    this.save();
    this.variables.refresh();
  }

  tell(error) {
    byID("message").textContent = error?.message ?? "";
  }

  // An interrupt that has to wait is told by /health alone.
  async showInterrupt() {
    const { told } = this;
    const health = await get("health");
    // A state that came in the meantime is newer than the answer.
    if (told === this.told) this.showState(health);
  }

  showState({ state, queued, interruptPending }) {
    const waiting = queued ? `, ${queued} queued` : "";
    const stubborn = interruptPending ? ", interrupt pending" : "";
    byID("state").textContent = state.replace("_", " ") + waiting + stubborn;
    byID("state").dataset.state = state;
  }

  watch() {
    const events = openEvents();
    events.addEventListener("state", ({ data }) => {
      const before = this.told;
      this.told = JSON.parse(data);
      this.showState(this.told);
      // Another client may have run something.
      if (this.told.stateRevision !== before?.stateRevision) this.variables.refresh();
    });
    // What threads and tasks write when their cell has ended.
    events.addEventListener("late_output", ({ data }) => {
      const { execId, stream, content } = JSON.parse(data);
      this.cells.find((cell) => execId && cell.execId === execId)?.output.write(stream, content);
    });
    events.addEventListener("error", () => {
      this.showState({ state: "not reachable" });
      // The browser does not try again when it got an answer it can't read.
      if (events.readyState === EventSource.CLOSED) setTimeout(() => this.watch(), 2000);
    });
  }

  showPython() {
    get("capabilities").then(({ python, environment }) => {
      const folder = environment.cwd.split("/").at(-1) || environment.cwd;
      byID("about").textContent = `Python ${python.version.split(" ")[0]} in ${folder}`;
      byID("about").title = environment.cwd;
    }).catch((error) => this.tell(error));
  }
}

const notebook = new Notebook(byID("notebook"));

// Does what a button says, and tells when it can't be done.
async function act(work) {
  notebook.tell(null);
  try {
    await work();
  } catch (error) {
    notebook.tell(error);
  }
}

const interrupt = () => act(async () => {
  await post("interrupt", {});
  await notebook.showInterrupt();
});

function toggleVariables() {
  const panel = byID("variables");
  panel.hidden = !panel.hidden;
  byID("show-variables").setAttribute("aria-expanded", !panel.hidden);
  notebook.variables.refresh();
}

byID("add").addEventListener("click", () => notebook.add().editor.focus());
byID("interrupt").addEventListener("click", interrupt);
byID("show-variables").addEventListener("click", toggleVariables);
byID("reset").addEventListener("click", () => act(async () => {
  if (!confirm("Clear all variables?")) return;
  await post("reset", {});
  notebook.changed();
}));
byID("variables").addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  toggleVariables();
  byID("show-variables").focus();
});
document.addEventListener("keydown", (event) => {
  if (!event.ctrlKey || event.shiftKey || event.altKey) return;
  if (event.key === "i") interrupt();
  else if (event.key === "b") toggleVariables();
  else return;
  event.preventDefault();
});

addEventListener("resize", () => notebook.cells.forEach((cell) => fit(cell.editor)));
const header = document.querySelector("header");
new ResizeObserver(() => {
  document.documentElement.style.setProperty("--header", `${header.offsetHeight}px`);
}).observe(header);
