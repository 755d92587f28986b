// A text field for code: it grows with its text and keeps the indentation.

// Typed in, so that the browser's undo knows of it.
export function type(editor, text, from = editor.selectionStart, to = editor.selectionEnd) {
  editor.focus();
  editor.setSelectionRange(from, to);
  if (!document.execCommand("insertText", false, text)) {
    editor.setRangeText(text, from, to, "end");
    editor.dispatchEvent(new Event("input"));
  }
}

export function fit(editor) {
  editor.style.height = "auto";
  // What is scrolled has no border in its height.
  editor.style.height = `${editor.scrollHeight + editor.offsetHeight - editor.clientHeight}px`;
}

export function indentedBreak(editor) {
  const line = editor.value.slice(0, editor.selectionStart).split("\n").at(-1);
  const indent = /^[ \t]*/.exec(line)[0];
  type(editor, `\n${indent}${/:\s*(#.*)?$/.test(line) ? "    " : ""}`);
}

const ruler = document.createElement("canvas").getContext("2d");

// How the characters are laid out: all are of one width, and lines are not broken.
function layout(editor) {
  const style = getComputedStyle(editor);
  ruler.font = `${style.fontSize} ${style.fontFamily}`;
  return {
    left: Number.parseFloat(style.paddingLeft) + Number.parseFloat(style.borderLeftWidth),
    top: Number.parseFloat(style.paddingTop) + Number.parseFloat(style.borderTopWidth),
    width: ruler.measureText("0").width,
    height: Number.parseFloat(style.lineHeight),
  };
}

// Where what belongs to the character at a position is shown: below it.
export function below(editor, position) {
  const { left, top, width, height } = layout(editor);
  const lines = editor.value.slice(0, position).split("\n");
  return {
    left: left + lines.at(-1).length * width - editor.scrollLeft,
    top: top + lines.length * height - editor.scrollTop,
  };
}

// The position of the character under the mouse; none where there is no text.
export function positionAt(editor, event) {
  const { left, top, width, height } = layout(editor);
  const box = editor.getBoundingClientRect();
  const lines = editor.value.split("\n");
  const row = Math.floor((event.clientY - box.top - top + editor.scrollTop) / height);
  const column = Math.floor((event.clientX - box.left - left + editor.scrollLeft) / width);
  if (!lines[row] || column < 0 || column >= lines[row].length) return undefined;
  return lines.slice(0, row).join("\n").length + (row ? 1 : 0) + column;
}
