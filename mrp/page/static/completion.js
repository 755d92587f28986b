// Completions and explanations for an editor.

import { pointsBefore, post, unitsBefore } from "./api.js";

export class Completion {
  constructor(editor, container) {
    this.editor = editor;
    this.list = document.createElement("ul");
    this.list.className = "completions";
    this.list.setAttribute("role", "listbox");
    this.list.hidden = true;
    this.help = document.createElement("pre");
    this.help.className = "help";
    this.help.setAttribute("role", "status");
    this.help.hidden = true;
    container.append(this.list, this.help);
    this.question = 0;
  }

  get isOpen() {
    return !this.list.hidden;
  }

  close() {
    this.question++;
    this.list.hidden = this.help.hidden = true;
    this.editor.removeAttribute("aria-activedescendant");
  }

  async open() {
    const { value: code, selectionStart } = this.editor;
    const question = ++this.question;
    const answer = await post("complete", { code, cursor: pointsBefore(code, selectionStart) });
    if (question !== this.question || this.editor.value !== code) return;
    this.from = unitsBefore(code, answer.cursorStart);
    this.to = unitsBefore(code, answer.cursorEnd);
    this.matches = answer.matches.slice(0, 200);
    if (this.matches.length === 1) this.take(this.matches[0]);
    else if (this.matches.length) this.showMatches();
  }

  showMatches() {
    this.list.replaceChildren(...this.matches.map((match, i) => {
      const item = document.createElement("li");
      item.id = `completion-${this.question}-${i}`;
      item.setAttribute("role", "option");
      const kind = document.createElement("small");
      kind.textContent = match.detail || match.kind || "";
      item.append(match.label, kind);
      item.addEventListener("mousedown", (event) => {
        event.preventDefault();
        this.take(match);
      });
      return item;
    }));
    this.list.hidden = false;
    this.select(0);
  }

  select(index) {
    this.selected = (index + this.matches.length) % this.matches.length;
    [...this.list.children].forEach((item, i) => item.setAttribute("aria-selected", i === this.selected));
    const item = this.list.children[this.selected];
    item.scrollIntoView({ block: "nearest" });
    this.editor.setAttribute("aria-activedescendant", item.id);
  }

  take(match) {
    this.editor.setRangeText(match.insertText ?? match.label, this.from, this.to, "end");
    this.close();
    this.editor.dispatchEvent(new Event("input"));
  }

  async explain() {
    const { value: code, selectionStart } = this.editor;
    const question = ++this.question;
    const told = await post("inspect", { code, cursor: pointsBefore(code, selectionStart), detail: 1 });
    if (question !== this.question) return;
    const parts = [told.signature ?? told.name, told.value, told.docstring].filter(Boolean);
    this.help.textContent = told.found ? `${told.type ?? ""} ${parts.join("\n\n")}`.trim() : "Nothing is known about this.";
    this.help.hidden = false;
  }

  // Takes a key when it is meant for this; says whether it was.
  key(event) {
    if (event.key === "Escape" && (this.isOpen || !this.help.hidden)) this.close();
    else if (!this.isOpen) return false;
    else if (event.key === "ArrowDown") this.select(this.selected + 1);
    else if (event.key === "ArrowUp") this.select(this.selected - 1);
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) this.take(this.matches[this.selected]);
    else return false;
    return true;
  }
}
