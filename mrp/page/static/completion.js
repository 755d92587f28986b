// Completions and explanations for an editor.

import { pointsBefore, post, unitsBefore } from "./api.js";
import { below, positionAt, type } from "./editor.js";

// How long the mouse rests on a name before it is explained, in milliseconds.
const restTime = 400;
let lists = 0;

export class Completion {
  constructor(editor, container) {
    this.editor = editor;
    this.container = container;
    this.list = document.createElement("ul");
    this.list.className = "completions";
    this.list.id = `completions-${++lists}`;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", "Completions");
    this.list.hidden = true;
    this.help = document.createElement("pre");
    this.help.className = "help";
    this.help.setAttribute("role", "status");
    this.help.hidden = true;
    container.append(this.list, this.help);
    editor.setAttribute("aria-autocomplete", "list");
    editor.setAttribute("aria-controls", this.list.id);
    this.question = 0;
    editor.addEventListener("mousemove", (event) => this.rest(event));
    container.addEventListener("mouseleave", () => this.leave());
  }

  get isOpen() {
    return !this.list.hidden;
  }

  close() {
    this.question++;
    clearTimeout(this.resting);
    this.list.hidden = this.help.hidden = true;
    this.isExplained = false;
    this.editor.removeAttribute("aria-activedescendant");
  }

  async open() {
    const { value: code, selectionStart } = this.editor;
    this.close();
    const { question } = this;
    const answer = await post("complete", { code, cursor: pointsBefore(code, selectionStart) });
    if (question !== this.question) return;
    this.from = unitsBefore(code, answer.cursorStart);
    this.to = unitsBefore(code, answer.cursorEnd);
    this.matches = answer.matches.slice(0, 200);
    if (this.matches.length === 1) this.take(this.matches[0]);
    else if (this.matches.length) this.showMatches();
  }

  showMatches() {
    this.list.replaceChildren(...this.matches.map((match, i) => {
      const item = document.createElement("li");
      item.id = `${this.list.id}-${i}`;
      item.setAttribute("role", "option");
      const label = document.createElement("span");
      label.textContent = match.label;
      const detail = document.createElement("small");
      detail.textContent = match.detail || match.kind || "";
      item.append(label, detail);
      item.addEventListener("mousedown", (event) => {
        event.preventDefault();
        this.take(match);
      });
      return item;
    }));
    this.place(this.list, this.from);
    this.select(0);
  }

  // Shows a box below a position, moved so that it is within the editor's width and in
  // sight.
  place(box, position) {
    const { left, top } = below(this.editor, position);
    box.hidden = false;
    box.style.top = `${Math.min(top, this.editor.offsetHeight)}px`;
    box.style.left = `${Math.max(0, Math.min(left - 10, this.container.clientWidth - box.offsetWidth))}px`;
    box.scrollTop = 0;
    box.scrollIntoView({ block: "nearest" });
  }

  select(index) {
    this.selected = (index + this.matches.length) % this.matches.length;
    [...this.list.children].forEach((item, i) => item.setAttribute("aria-selected", i === this.selected));
    const item = this.list.children[this.selected];
    item.scrollIntoView({ block: "nearest" });
    this.editor.setAttribute("aria-activedescendant", item.id);
  }

  take(match) {
    this.close();
    type(this.editor, match.insertText ?? match.label, this.from, this.to);
  }

  // Explains what the cursor is at, or the function whose arguments it is among.
  async explain() {
    const { value: code, selectionStart } = this.editor;
    this.close();
    const { question } = this;
    const told = await post("inspect", { code, cursor: pointsBefore(code, selectionStart), detail: 1 });
    if (question !== this.question) return;
    this.isExplained = true;
    this.tell(told.found ? told : { docstring: "Nothing is known about this." }, selectionStart);
  }

  // Explains the name that the mouse rests on.
  rest(event) {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.hover(positionAt(this.editor, event)).catch(() => {}), restTime);
  }

  async hover(position) {
    if (this.isOpen || this.isExplained) return;
    const code = this.editor.value;
    const isName = position !== undefined && /\w/.test(code[position]);
    const { question } = this;
    const told = isName && await post("hover", { code, cursor: pointsBefore(code, position) });
    if (question !== this.question || this.isOpen) return;
    if (told?.found) this.tell(told, position);
    else this.help.hidden = true;
  }

  leave() {
    clearTimeout(this.resting);
    if (!this.isExplained) this.help.hidden = true;
  }

  tell({ name, type: kind, signature, value, docstring }, position) {
    const head = document.createElement("span");
    head.className = "signature";
    head.textContent = [kind, signature ?? name].filter(Boolean).join(" ");
    // The signature says it, and its value is no more than an address.
    const text = [signature ? "" : value, docstring].filter(Boolean).join("\n\n");
    this.help.replaceChildren(...(head.textContent ? [head, text && `\n\n${text}`] : [text]));
    this.place(this.help, position);
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
