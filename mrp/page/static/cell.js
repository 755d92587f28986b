// One cell: an editor, its output, and how long it took.

import { execute, follow } from "./api.js";
import { Completion } from "./completion.js";
import { Output } from "./output.js";

const template = document.createElement("template");
template.innerHTML = `
<section class="cell" role="listitem">
  <div class="code">
    <button class="run" type="button" title="Run (Shift+Enter)"></button>
    <div class="editor"><textarea rows="1" spellcheck="false" autocapitalize="off" autocomplete="off" aria-label="Code"></textarea></div>
    <button class="remove" type="button" title="Remove this cell" aria-label="Remove this cell">×</button>
  </div>
  <div class="output" aria-live="polite"></div>
  <div class="timing"></div>
</section>`;

const newID = () => `page-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;

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
    this.label("");
    this.editor.addEventListener("input", () => this.edited());
    this.editor.addEventListener("keydown", (event) => this.key(event));
    this.editor.addEventListener("blur", () => this.completion.close());
    this.find(".run").addEventListener("click", () => this.run());
    this.find(".remove").addEventListener("click", () => notebook.remove(this));
    requestAnimationFrame(() => this.fit());
    if (this.execId) this.track(follow(this.execId, (name, data) => this.receive(name, data)), true);
  }

  get saved() {
    return { id: this.id, code: this.editor.value, execId: this.execId };
  }

  fit() {
    this.editor.style.height = "auto";
    this.editor.style.height = `${this.editor.scrollHeight}px`;
  }

  edited() {
    this.fit();
    this.notebook.save();
  }

  label(text) {
    const button = this.find(".run");
    button.textContent = text || "▶";
    button.setAttribute("aria-label", text ? `Run again (${text})` : "Run");
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
    } else if (event.key === "Tab" && event.shiftKey && before.trim()) {
      event.preventDefault();
      this.quietly(this.completion.explain());
    } else if (event.key === "Tab" && /[^\s]$/.test(before)) {
      event.preventDefault();
      this.quietly(this.completion.open());
    } else if (event.key === "Tab" && !event.shiftKey && before.trim()) {
      event.preventDefault();
      this.editor.setRangeText("    ", this.editor.selectionStart, this.editor.selectionEnd, "end");
      this.edited();
    } else if (event.key === "Escape") {
      this.find(".run").focus();
    }
  }

  // A question that fails while a cell holds the interpreter is not worth a message.
  quietly(question) {
    question.catch((error) => console.warn(error));
  }

  run() {
    this.completion.close();
    this.execId = newID();
    this.notebook.save();
    this.output.clear();
    this.label("[*]");
    this.element.classList.add("running");
    const request = { code: this.editor.value, execId: this.execId, cellId: this.id, allowStdin: true };
    const { execId } = this;
    return this.track(execute(request, (name, data) => execId === this.execId && this.receive(name, data)));
  }

  async track(execution, isOld = false) {
    try {
      await execution;
    } catch (error) {
      if (isOld && error.status === 404) this.execId = undefined;
      else this.output.showText(error.message, "error");
    }
    this.element.classList.remove("running");
    this.notebook.changed();
  }

  receive(name, data) {
    if (name === "start") {
      this.label("[*]");
      this.notebook.changed();
    }
    if (name === "result" || name === "error") {
      this.label(data.executionCount ? `[${data.executionCount}]` : "");
      this.find(".timing").textContent = `${data.duration} ms`;
      this.element.classList.toggle("failed", name === "error");
    }
    this.output.receive(name, data);
  }
}
