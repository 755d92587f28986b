// What a cell shows, in the order it came.

import { post } from "./api.js";
import { Terminal } from "./terminal.js";

const images = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif"];
const texts = ["text/markdown", "text/latex", "application/json", "text/plain"];
// The height of a frame in pixels until its page has told how high it is, and at most.
const frameHeight = 420;
const mostHeight = 2000;
// How long text is gathered before it is drawn, in milliseconds: laying out thousands of
// lines takes some.
const drawingPause = 30;

export class Output {
  constructor(element) {
    this.element = element;
    this.clear();
  }

  clear() {
    this.element.replaceChildren();
    this.streams = {};
    this.displays = new Map();
    this.clearNext = false;
    this.shownText = undefined;
    this.form = undefined;
  }

  add(element, kind) {
    if (this.clearNext) this.clear();
    element.classList.add(kind);
    this.element.append(element);
    return element;
  }

  receive(name, data) {
    switch (name) {
      case "stdout":
      case "stderr":
        this.write(name, data.content);
        break;
      case "display":
        this.show(data);
        break;
      case "update_display":
        for (const element of this.displays.get(data.transient?.display_id) ?? []) fill(element, data.data);
        break;
      case "clear_output":
        if (data.wait) this.clearNext = true;
        else this.clear();
        break;
      case "stdin_request":
        this.askReader(data);
        break;
      case "result":
        this.end();
        if (typeof data.result === "string" && !this.hasShown(data.result)) this.showText(data.result, "result");
        break;
      case "error":
        this.end();
        this.showError(data);
        break;
    }
  }

  write(name, text) {
    if (this.clearNext) this.clear();
    this.streams[name] ??= new Terminal(this.add(document.createElement("pre"), name));
    this.streams[name].write(text);
    this.drawing ??= setTimeout(() => this.draw(), drawingPause);
  }

  draw() {
    clearTimeout(this.drawing);
    this.drawing = undefined;
    for (const terminal of Object.values(this.streams)) {
      const { element } = terminal;
      const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 8;
      terminal.draw();
      if (isAtEnd) element.scrollTop = element.scrollHeight;
    }
  }

  // What comes next is below, and not in, the text so far.
  endStreams() {
    this.draw();
    this.streams = {};
  }

  showText(text, kind) {
    const element = this.add(document.createElement("pre"), kind);
    this.endStreams();
    drawText(element, text);
    return element;
  }

  showError(data) {
    const lines = (data.traceback ?? []).join("").trimEnd();
    this.showText(lines || `${data.type}: ${data.message}`, "error");
  }

  show(data) {
    const element = this.add(document.createElement("div"), "display");
    this.endStreams();
    fill(element, data.data);
    if (Object.keys(data.data).length > 1) this.shownText = data.data["text/plain"];
    const id = data.transient?.display_id;
    if (id) this.displays.set(id, [...(this.displays.get(id) ?? []), element]);
  }

  // A result that is more than text has come as a display, with the same text or, where
  // it has a better one, with that.
  hasShown(result) {
    const text = this.shownText;
    return text !== undefined && (text.startsWith(result) || text.startsWith("<plotly figure") && result.startsWith("Figure("));
  }

  // The question's text has come as output.
  askReader(data) {
    this.end();
    const before = document.activeElement;
    const form = document.createElement("form");
    const field = document.createElement("input");
    field.type = data.password ? "password" : "text";
    field.setAttribute("aria-label", data.prompt.trim() || "Input");
    field.autocomplete = "off";
    const send = document.createElement("button");
    send.textContent = "Send";
    const cancel = document.createElement("button");
    cancel.type = "button";
    cancel.textContent = "Cancel";
    const answer = (path, body) => {
      this.end();
      if (before?.isConnected) before.focus({ preventScroll: true });
      post(path, { execId: data.execId, ...body }).catch((error) => this.showText(error.message, "error"));
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      answer("input", { text: field.value });
    });
    cancel.addEventListener("click", () => answer("input/cancel", {}));
    form.append(field, send, cancel);
    this.form = this.add(form, "input");
    field.focus();
  }

  // Nothing can be answered any more.
  end() {
    this.draw();
    this.form?.remove();
    this.form = undefined;
  }
}

function drawText(element, text) {
  const terminal = new Terminal(element);
  terminal.write(text);
  terminal.draw();
}

function fill(element, bundle) {
  const image = images.find((type) => bundle[type]);
  if (bundle["text/html"] !== undefined) fillFrame(element, bundle);
  else if (bundle["image/svg+xml"]) fillImage(element, `data:image/svg+xml,${encodeURIComponent(bundle["image/svg+xml"])}`, bundle);
  else if (image) fillImage(element, `data:${image};base64,${bundle[image]}`, bundle);
  else {
    const type = texts.find((candidate) => bundle[candidate] !== undefined) ?? Object.keys(bundle)[0];
    const content = bundle[type] ?? "";
    const text = document.createElement("pre");
    drawText(text, typeof content === "string" ? content : JSON.stringify(content, null, 2));
    element.replaceChildren(text);
  }
}

function fillImage(element, url, bundle) {
  const picture = element.querySelector("img") ?? document.createElement("img");
  picture.src = url;
  picture.alt = bundle["text/plain"] ?? "";
  element.replaceChildren(picture);
}

// HTML is shown in a frame that has no origin: its scripts run, and reach nothing here.
function fillFrame(element, bundle) {
  let frame = element.querySelector("iframe");
  const send = () => frame.contentWindow.postMessage({ html: String(bundle["text/html"]) }, "*");
  if (frame?.dataset.loaded) {
    send();
    return;
  }
  frame = document.createElement("iframe");
  frame.src = "page/frame.html";
  frame.sandbox = "allow-scripts allow-popups allow-downloads";
  frame.title = bundle["text/plain"]?.slice(0, 200) ?? "HTML display";
  frame.height = frameHeight;
  frame.addEventListener("load", () => {
    frame.dataset.loaded = true;
    send();
  }, { once: true });
  element.replaceChildren(frame);
}

addEventListener("message", ({ source, data }) => {
  const frame = [...document.querySelectorAll("iframe")].find((candidate) => candidate.contentWindow === source);
  if (frame && data?.height > 0) frame.height = Math.min(data.height, mostHeight);
});
