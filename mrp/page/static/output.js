// What a cell shows, in the order it came.

import { assetURL, post } from "./api.js";
import { Terminal } from "./terminal.js";

const images = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const texts = ["text/markdown", "text/latex", "text/plain"];

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
  }

  add(element, kind) {
    if (this.clearNext) this.clear();
    element.classList.add(kind);
    this.element.append(element);
    if (kind !== "stdout" && kind !== "stderr") this.streams = {};
    return element;
  }

  receive(name, data) {
    switch (name) {
      case "stdout":
      case "stderr": {
        if (this.clearNext) this.clear();
        this.streams[name] ??= new Terminal(this.add(document.createElement("pre"), name));
        this.streams[name].write(data.content);
        break;
      }
      case "display":
        this.show(data);
        break;
      case "update_display":
        this.update(data);
        break;
      case "clear_output":
        if (data.wait) this.clearNext = true;
        else this.clear();
        break;
      case "asset":
        this.showAsset(data);
        break;
      case "stdin_request":
        this.askReader(data);
        break;
      case "result":
        if (data.result !== null && data.result !== undefined) this.showText(data.result, "result");
        break;
      case "error":
        this.showError(data);
        break;
    }
  }

  showText(text, kind) {
    const element = this.add(document.createElement("pre"), kind);
    new Terminal(element).write(text);
    return element;
  }

  showError(data) {
    const text = data.traceback?.length ? data.traceback.join("") : `${data.type}: ${data.message}`;
    this.showText(text, "error").setAttribute("role", "alert");
  }

  remember(data, element) {
    const id = data.transient?.display_id;
    if (id) this.displays.set(id, [...(this.displays.get(id) ?? []), element]);
  }

  show(data) {
    const element = this.add(document.createElement("div"), "display");
    fill(element, data.data);
    this.remember(data, element);
  }

  update(data) {
    for (const element of this.displays.get(data.transient?.display_id) ?? []) fill(element, data.data);
  }

  showAsset(asset) {
    const element = this.add(document.createElement("div"), "asset");
    element.append(assetElement(asset));
    this.remember(asset, element);
  }

  askReader(data) {
    this.element.querySelector("form.input")?.remove();
    const form = document.createElement("form");
    const field = document.createElement("input");
    field.type = data.password ? "password" : "text";
    field.setAttribute("aria-label", data.prompt || "Input");
    field.autocomplete = "off";
    const cancel = document.createElement("button");
    cancel.type = "button";
    cancel.textContent = "Cancel";
    const answer = (path, body) => {
      form.remove();
      post(path, { execId: data.execId, ...body }).catch((error) => this.showText(error.message, "error"));
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      answer("input", { text: field.value });
    });
    cancel.addEventListener("click", () => answer("input/cancel", {}));
    form.append(field, cancel);
    this.add(form, "input");
    field.focus();
  }
}

function assetElement(asset) {
  const url = assetURL(asset.url);
  if (asset.assetType === "image") {
    const image = document.createElement("img");
    image.src = url;
    image.alt = asset.path;
    return image;
  }
  if (asset.assetType === "html") {
    const frame = document.createElement("iframe");
    frame.src = url;
    frame.title = asset.path;
    frame.sandbox = "allow-scripts allow-popups allow-downloads";
    return frame;
  }
  const link = document.createElement("a");
  link.href = url;
  link.textContent = asset.path;
  link.target = "_blank";
  link.rel = "noopener";
  return link;
}

function fill(element, bundle) {
  element.replaceChildren();
  const image = images.find((type) => bundle[type]);
  if (image) {
    const picture = document.createElement("img");
    picture.src = `data:${image};base64,${bundle[image]}`;
    picture.alt = bundle["text/plain"] ?? "";
    element.append(picture);
    return;
  }
  const text = document.createElement("pre");
  const type = texts.find((candidate) => bundle[candidate] !== undefined) ?? Object.keys(bundle)[0];
  const content = bundle[type];
  new Terminal(text).write(typeof content === "string" ? content : JSON.stringify(content, null, 2));
  element.append(text);
}
