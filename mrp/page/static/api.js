// The runtime's protocol. Paths are relative, so that the page works below a prefix.

const base = new URL("mrp/v1/", document.baseURI);

export async function ask(method, path, body) {
  const response = await fetch(new URL(path, base), {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.message), { status: response.status });
  return answer;
}

export const post = (path, body) => ask("POST", path, body);
export const get = (path) => ask("GET", path);
export const assetURL = (url) => new URL(url, base).href;

// Reads server-sent events; calls receive(name, data) with each.
async function readEvents(response, receive) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", name = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith("event: ")) name = line.slice(7);
      else if (line.startsWith("data: ")) receive(name, JSON.parse(line.slice(6)));
    }
  }
}

// Follows an execution to its end, over lost connections too. start is a function
// that opens its first stream; after an event was seen, or without start, the
// execution's own stream is read.
export async function follow(execId, receive, start) {
  let seen = 0, over = false;
  const take = (name, data) => {
    if (data.seq <= seen && name !== "stdin_request") return;
    seen = Math.max(seen, data.seq ?? 0);
    over = name === "done";
    receive(name, data);
  };
  for (let attempt = 0; !over; attempt++) {
    try {
      const again = () => fetch(new URL(`executions/${encodeURIComponent(execId)}/stream?after=${seen}`, base));
      const response = await (attempt === 0 && start ? start() : again());
      if (!response.ok) {
        const answer = await response.json().catch(() => ({ message: response.statusText }));
        throw Object.assign(new Error(answer.message), { status: response.status });
      }
      await readEvents(response, take);
    } catch (error) {
      if (error.status || attempt > 20) throw error;
    }
    if (!over) await new Promise((resolve) => setTimeout(resolve, 200 + 100 * attempt));
  }
}

export function execute(request, receive) {
  return follow(request.execId, receive, () => fetch(new URL("execute/stream", base), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...request, accumulated: "none" }),
  }));
}

// A textarea counts UTF-16 code units, the protocol code points.
export const pointsBefore = (text, units) => Array.from(text.slice(0, units)).length;
export const unitsBefore = (text, points) => Array.from(text).slice(0, points).join("").length;
