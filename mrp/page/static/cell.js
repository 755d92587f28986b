// One cell: an editor, its output, and how long it took.

import { execute, follow } from "./api.js";
import { Completion } from "./completion.js";
import { fit, indentedBreak, type } from "./editor.js";
import { Output } from "./output.js";

const template = document.createElement("template");
template.innerHTML = `
<section class="cell" role="listitem">
  <button class="run" type="button" title="Run this cell (Ctrl+Enter)"><span class="count"></span><span class="play" aria-hidden="true"></span></button>
  <div class="editor"><textarea rows="1" spellcheck="false" autocapitalize="off" autocomplete="off" aria-label="Code"></textarea></div>
  <button class="remove" type="button" title="Remove this cell" aria-label="Remove this cell">×</button>
  <div class="output" role="log" aria-live="polite" aria-label="Output"></div>
  <div class="timing"></div>
</section>`;

const newID = () => `page-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;

function duration(milliseconds) {
  if (milliseconds < 1000) return `${milliseconds} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

export class Cell {
  constructor(notebook, saved = {}) {
    this.notebook = notebook;
    this.element = template.content.firstElementChild.cloneNode(true);
    this.find = (selector) => this.element.querySelector(selector);
    this.editor = this.find("textarea");
    this.editor.value = saved.code ?? "";
    this.id = saved.id ?? newID();
    this.execId = saved.execId;
    this.output = new Output(this.find(".output"));
    this.completion = new Completion(this.editor, this.find(".editor"));
    this.show("", "");
    this.editor.addEventListener("input", () => this.edited());
    this.editor.addEventListener("keydown", (event) => this.key(event));
    this.editor.addEventListener("blur", () => this.completion.close());
    this.find(".run").addEventListener("click", () => this.run());
    this.find(".remove").addEventListener("click", () => notebook.remove(this));
    requestAnimationFrame(() => fit(this.editor));
  }

  get saved() {
    return { id: this.id, code: this.editor.value, execId: this.execId };
  }

  edited() {
    this.completion.close();
    fit(this.editor);
    this.notebook.save();
  }

  show(count, timing) {
    this.find(".count").textContent = count;
    this.find(".run").setAttribute("aria-label", count ? `Run again, ${count}` : "Run");
    this.find(".timing").textContent = timing;
  }

  key(event) {
    if (this.completion.key(event)) {
      event.preventDefault();
      return;
    }
    const before = this.editor.value.slice(0, this.editor.selectionStart);
    if (event.key === "Enter" && (event.shiftKey || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.run();
      if (event.shiftKey) this.notebook.goOnFrom(this);
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      indentedBreak(this.editor);
    } else if (event.key === "Tab" && event.shiftKey && before.trim()) {
      event.preventDefault();
      this.quietly(this.completion.explain());
    } else if (event.key === "Tab" && !event.shiftKey && /\S$/.test(before)) {
      event.preventDefault();
      this.quietly(this.completion.open());
    } else if (event.key === "Tab" && !event.shiftKey && before.trim()) {
      event.preventDefault();
      type(this.editor, "    ");
    } else if (event.key === "Escape") {
      this.find(".run").focus();
    }
  }

  // A question that fails while a cell holds the interpreter is not worth a message.
  quietly(question) {
    question.catch(() => {});
  }

  run() {
    this.completion.close();
    const execId = newID();
    this.execId = execId;
    this.notebook.save();
    this.begin("waiting");
    const request = { code: this.editor.value, execId, cellId: this.id, allowStdin: true };
    const isWanted = () => execId === this.execId;
    return this.track(execId, execute(request, (name, data) => isWanted() && this.receive(name, data), isWanted));
  }

  // Shows what an execution said that was begun before the page was loaded.
  resume() {
    const { execId } = this;
    this.begin("");
    return this.track(execId, follow(execId, (name, data) => execId === this.execId && this.receive(name, data)), true);
  }

  // What it runs goes on, and what it has queued in this page is not run.
  abandon() {
    this.execId = undefined;
  }

  begin(timing) {
    this.output.clear();
    this.element.classList.remove("failed");
    this.element.classList.add("running");
    this.show("[*]", timing);
  }

  async track(execId, execution, isOld = false) {
    let failure;
    try {
      await execution;
    } catch (error) {
      failure = error;
    }
    if (execId !== this.execId) return;
    this.element.classList.remove("running");
    this.output.end();
    if (failure) {
      this.show("", "");
      if (isOld && failure.status === 404) this.execId = undefined;
      else this.output.showText(failure.message, "error");
    }
    this.notebook.changed();
  }

  receive(name, data) {
    if (name === "start") this.show("[*]", "running");
    if (name === "result" || name === "error") {
      this.show(data.executionCount ? `[${data.executionCount}]` : "", duration(data.duration));
      this.element.classList.toggle("failed", name === "error");
    }
    this.output.receive(name, data);
  }
}
