// The runtime's protocol. Paths are relative, so that the page works below a prefix.

const base = new URL("mrp/v1/", document.baseURI);

const busy = 503;
const mostAttempts = 20;

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export async function ask(method, path, body) {
  let response;
  // Of what was refused as the runtime is busy nothing was done: it may be asked again.
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    if (attempt) await pause(250);
    response = await fetch(new URL(path, base), {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (response.status !== busy) break;
  }
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.message), { status: response.status });
  return answer;
}

export const post = (path, body) => ask("POST", path, body);
export const get = (path) => ask("GET", path);

// The runtime's own stream of events; the browser opens it again when it is lost.
export const openEvents = () => new EventSource(new URL("events", base));

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
async function followNow(execId, receive, start) {
  let seen = 0, over = false, failures = 0;
  const take = (name, data) => {
    // A question that is still open comes again with its old number.
    if (data.seq <= seen && name !== "stdin_request") return;
    seen = Math.max(seen, data.seq ?? 0);
    failures = 0;
    over = name === "done";
    receive(name, data);
  };
  for (;;) {
    try {
      const response = await (start ? start() : fetch(new URL(`executions/${encodeURIComponent(execId)}/stream?after=${seen}`, base)));
      start = undefined;
      if (!response.ok) {
        const answer = await response.json().catch(() => ({ message: response.statusText }));
        throw Object.assign(new Error(answer.message), { status: response.status });
      }
      await readEvents(response, take);
    } catch (error) {
      start = undefined;
      if (error.status || ++failures > mostAttempts) throw error;
    }
    if (over) return;
    await pause(200 + 100 * failures);
  }
}

// A browser opens few connections to one host, and each stream keeps one: were all
// taken by cells that wait, an interrupt would wait, too.
let turn = Promise.resolve();

function inTurn(work) {
  const result = turn.then(work);
  turn = result.catch(() => {});
  return result;
}

export const follow = (execId, receive) => inTurn(() => followNow(execId, receive));

// Runs a cell when those before it have ended, unless it is not wanted any more then.
export function execute(request, receive, isWanted) {
  const start = () => fetch(new URL("execute/stream", base), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...request, accumulated: "none", displays: "inline" }),
  });
  return inTurn(() => (isWanted() ? followNow(request.execId, receive, start) : undefined));
}

// A textarea counts UTF-16 code units, the protocol code points.
export const pointsBefore = (text, units) => Array.from(text.slice(0, units)).length;
export const unitsBefore = (text, points) => Array.from(text).slice(0, points).join("").length;
