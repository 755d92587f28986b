// Text as a terminal shows it: colours, and the carriage return and erasures that
// progress bars are made of.

const names = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

function indexed(n) {
  if (n < 16) return { name: (n > 7 ? "bright-" : "") + names[n % 8] };
  if (n > 231) return { rgb: Array(3).fill(8 + 10 * (n - 232)) };
  const level = (part) => (part ? 55 + 40 * part : 0);
  n -= 16;
  return { rgb: [level(Math.floor(n / 36)), level(Math.floor(n / 6) % 6), level(n % 6)] };
}

function restyle(style, codes) {
  style = { ...style };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i];
    const side = code >= 40 && code < 50 || code >= 100 ? "back" : "fore";
    if (code === 0) style = {};
    else if (code === 1) style.bold = true;
    else if (code === 2) style.faint = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 7) style.inverse = true;
    else if (code === 22) style.bold = style.faint = false;
    else if (code === 23) style.italic = false;
    else if (code === 24) style.underline = false;
    else if (code === 27) style.inverse = false;
    else if (code === 39 || code === 49) delete style[side];
    else if (code === 38 || code === 48) {
      if (codes[i + 1] === 5) { style[side] = indexed(codes[i + 2] ?? 0); i += 2; }
      else if (codes[i + 1] === 2) { style[side] = { rgb: codes.slice(i + 2, i + 5) }; i += 4; }
    } else if (code >= 30 && code < 48) style[side] = indexed(code % 10);
    else if (code >= 90 && code < 108) style[side] = indexed(code % 10 + 8);
  }
  return style;
}

const pattern = /\x1b\[([0-9;?]*)([A-Za-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[^[\]]|[\n\r\b\x07]|[^\x1b\n\r\b\x07]+|\x1b/g;
const unfinished = /\x1b(?:\[[0-9;?]*|\][^\x07\x1b]*)?$/;
const mostLines = 5000;
// A longer line is broken: a browser takes seconds for one of a million characters.
const mostColumns = 10000;

export class Terminal {
  constructor(element) {
    this.element = element;
    this.rest = "";
    this.style = {};
    this.lines = [];
    this.row = -1;
    // The lines that are not drawn as they are now, the new ones in their order.
    this.changed = new Set();
    this.goTo(0);
  }

  goTo(row) {
    this.row = Math.max(0, row);
    while (this.lines.length <= this.row) {
      const line = { element: undefined, cells: [] };
      this.lines.push(line);
      this.changed.add(line);
    }
    while (this.lines.length > mostLines) {
      const line = this.lines.shift();
      line.element?.remove();
      this.changed.delete(line);
      this.row--;
    }
    this.column = 0;
  }

  // Takes text; draw shows it.
  write(text) {
    text = this.rest + text;
    this.rest = unfinished.exec(text)?.[0] ?? "";
    if (this.rest) text = text.slice(0, -this.rest.length);
    for (const [piece, parameters, command] of text.matchAll(pattern)) {
      if (piece === "\n") this.goTo(this.row + 1);
      else if (piece === "\r") this.column = 0;
      else if (piece === "\b") this.column = Math.max(0, this.column - 1);
      else if (command) this.control(command, parameters);
      else if (piece[0] !== "\x1b" && piece !== "\x07") this.put(piece);
      this.changed.add(this.lines[this.row]);
    }
  }

  draw() {
    for (const line of this.changed) {
      if (!line.element) {
        line.element = document.createElement("div");
        this.element.append(line.element);
      }
      drawLine(line);
    }
    this.changed.clear();
  }

  put(piece) {
    for (const character of piece) {
      if (this.column >= mostColumns) {
        this.changed.add(this.lines[this.row]);
        this.goTo(this.row + 1);
      }
      const { cells } = this.lines[this.row];
      while (cells.length < this.column) cells.push({ character: " ", style: {} });
      cells[this.column++] = { character, style: this.style };
    }
  }

  control(command, parameters) {
    const numbers = parameters.split(";").map((part) => Number.parseInt(part, 10) || 0);
    const count = numbers[0] || 1;
    const { cells } = this.lines[this.row];
    if (command === "m") this.style = restyle(this.style, numbers);
    else if (command === "K") {
      if (numbers[0] === 0) cells.length = Math.min(cells.length, this.column);
      else cells.length = 0;
    } else if (command === "A") {
      const { column } = this;
      this.changed.add(this.lines[this.row]);
      this.goTo(this.row - count);
      this.column = column;
    } else if (command === "B") {
      const { column } = this;
      this.goTo(this.row + count);
      this.column = column;
    } else if (command === "C") this.column += count;
    else if (command === "D") this.column = Math.max(0, this.column - count);
    else if (command === "G") this.column = count - 1;
  }
}

function drawLine({ element, cells }) {
  element.replaceChildren();
  for (let i = 0; i < cells.length;) {
    const { style } = cells[i] ?? { style: {} };
    let text = "";
    for (; i < cells.length && (cells[i]?.style ?? style) === style; i++) text += cells[i]?.character ?? " ";
    element.append(Object.keys(style).length ? styled(text, style) : text);
  }
  if (!cells.length) element.append(document.createElement("br"));
}

function styled(text, style) {
  const span = document.createElement("span");
  span.textContent = text;
  for (const flag of ["bold", "faint", "italic", "underline"]) if (style[flag]) span.classList.add(flag);
  const [fore, back] = style.inverse ? [style.back ?? { name: "paper" }, style.fore ?? { name: "ink" }] : [style.fore, style.back];
  for (const [colour, side, property] of [[fore, "fore", "color"], [back, "back", "backgroundColor"]]) {
    if (colour?.rgb) span.style[property] = `rgb(${colour.rgb.join(",")})`;
    else if (colour) span.classList.add(`${side}-${colour.name}`);
  }
  return span;
}
